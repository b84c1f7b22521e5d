/*  Names: grammar and sameness. Host lists are in names_list.c, patterns in names_pattern.c.  */
#include "common/job/names.h"

#include "common/base/utf8.h"

static uint8_t lower (uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t) (c - 'A' + 'a') : c;
}

static bool is_alphanumeric (uint8_t c)
{
    uint8_t l = lower (c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9');
}

bg_result job_object_name_valid (bg_slice name, bg_error *err)
{
    if (name.size == 0)
        return bg_fail (err, BG_INVALID, "a name is missing");
    if (!bg_utf8_valid (name))
        return bg_fail (err, BG_INVALID, "the name is not valid UTF-8");
    if (bg_has_control (name, false))
        return bg_fail (err, BG_INVALID, "the name holds a control character");
    size_t length = bg_utf8_length (name);
    if (length > JOB_NAME_MAX)
        return bg_fail (
            err, BG_INVALID, "the name has %zu characters, more than %d", length, JOB_NAME_MAX);
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '%' || name.data[i] == '/')
            return bg_fail (err, BG_INVALID, "the name \"%.*s\" holds a '%c'", BG_SLICE_ARG (name),
                name.data[i]);
    }
    if (name.data[0] == ' ' || name.data[name.size - 1] == ' ')
        return bg_fail (
            err, BG_INVALID, "the name \"%.*s\" begins or ends with a blank", BG_SLICE_ARG (name));
    return bg_ok ();
}

bool job_name_is_local (bg_slice name)
{
    const size_t size = sizeof JOB_LOCAL_PREFIX - 1;
    return name.size >= size && memcmp (name.data, JOB_LOCAL_PREFIX, size) == 0;
}

bg_result job_local_name_valid (bg_slice name, bg_error *err)
{
    const size_t prefix = sizeof JOB_LOCAL_PREFIX - 1;
    if (!job_name_is_local (name))
        return bg_fail (err, BG_INVALID, "the name of a local job begins with " JOB_LOCAL_PREFIX);
    return job_object_name_valid (bg_slice_of (name.data + prefix, name.size - prefix), err);
}

/*  kind is the word for the sentence.  */
static bg_result characters_valid (bg_slice name, const char *kind, bg_error *err)
{
    if (name.size == 0)
        return bg_fail (err, BG_INVALID, "the name of a %s is missing", kind);
    if (name.size > JOB_NAME_MAX)
        return bg_fail (
            err, BG_INVALID, "the name of a %s has at most %d characters", kind, JOB_NAME_MAX);
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool is_inner = i > 0 && (c == '.' || c == '_' || c == '-');
        if (is_alphanumeric (c) || is_inner)
            continue;
        bg_ignore (
            bg_fail (err, BG_INVALID, "character %zu does not fit the name of a %s", i + 1, kind));
        return bg_hint (
            err, "use letters, digits, '.', '_' and '-', and begin with a letter or a digit");
    }
    return bg_ok ();
}

static bg_result machine_name_valid (bg_slice name, const char *kind, bg_error *err)
{
    static const char *const reserved[] = {"all", "local", "broker"};
    BG_TRY (characters_valid (name, kind, err));
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (job_name_compare (name, bg_slice_str (reserved[i])) == 0)
            return bg_fail (
                err, BG_INVALID, "\"%s\" is reserved and cannot name a %s", reserved[i], kind);
    }
    return bg_ok ();
}

bg_result job_target_name_valid (bg_slice name, bg_error *err)
{
    return machine_name_valid (name, "target", err);
}

bg_result job_group_name_valid (bg_slice name, bg_error *err)
{
    return machine_name_valid (name, "group", err);
}

bg_result job_proxy_name_valid (bg_slice name, bg_error *err)
{
    return machine_name_valid (name, "proxy", err);
}

bg_result job_broker_name_valid (bg_slice name, bg_error *err)
{
    return characters_valid (name, "broker", err);
}

void job_name_key (bg_slice name, bg_buf *key)
{
    for (size_t i = 0; i < name.size; i++)
        bg_buf_append_byte (key, lower (name.data[i]));
}

int job_name_compare (bg_slice a, bg_slice b)
{
    for (size_t i = 0; i < a.size && i < b.size; i++) {
        int difference = lower (a.data[i]) - lower (b.data[i]);
        if (difference != 0)
            return difference;
    }
    return (a.size > b.size) - (a.size < b.size);
}
