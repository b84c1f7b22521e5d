/*  Values of configuration keys: see conf_value.h. One row per type says how it is read, stored and
 * printed.  */
#include "common/sys/conf_value.h"

#include "common/base/utf8.h"

#include <stdlib.h>

#define TEXT_MAX 4096

typedef struct {
    const char *suffix;
    int64_t us;
} unit_row;

/*  From large to small: the parser wants them in this order, the printer takes the first that
 * divides.  */
static const unit_row units[] = {
    {"d", 86400000000}, {"h", 3600000000}, {"m", 60000000}, {"s", 1000000}, {"ms", 1000}};
#define UNITS (sizeof units / sizeof units[0])

/*  Digits at *at; false when there are none or the number is too large.  */
static bool take_digits (bg_slice text, size_t *at, int64_t *value)
{
    size_t start = *at;
    *value = 0;
    while (*at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9') {
        if (__builtin_mul_overflow (*value, 10, value) ||
            __builtin_add_overflow (*value, text.data[*at] - '0', value))
            return false;
        (*at)++;
    }
    return *at > start;
}

bg_result bg_conf_parse_duration (bg_slice text, int64_t *us, bg_error *err)
{
    size_t at = 0, next_unit = 0;
    int64_t total = 0;
    do {
        int64_t number = 0;
        bool is_good = take_digits (text, &at, &number);
        size_t end = at;
        while (end < text.size && text.data[end] >= 'a' && text.data[end] <= 'z')
            end++;
        bg_slice suffix = bg_slice_of (text.data + at, end - at);
        size_t unit = next_unit;
        while (unit < UNITS && !bg_slice_is (suffix, units[unit].suffix))
            unit++;
        is_good = is_good && unit < UNITS &&
                  !__builtin_mul_overflow (number, units[unit].us, &number) &&
                  !__builtin_add_overflow (total, number, &total);
        if (!is_good)
            return bg_fail (err, BG_INVALID,
                "\"%.*s\" is not a duration such as 90s, 5m, 2h, 7d or 1h30m", BG_SLICE_ARG (text));
        next_unit = unit + 1;
        at = end;
    } while (at < text.size);
    *us = total;
    return bg_ok ();
}

void bg_conf_format_duration (int64_t us, bg_buf *out)
{
    if (us == 0) {
        bg_buf_append_str (out, "0s");
        return;
    }
    size_t unit = 0;
    while (unit + 1 < UNITS && us % units[unit].us != 0)
        unit++;
    bg_buf_printf (out, "%lld%s", (long long) (us / units[unit].us), units[unit].suffix);
}

void conf_value_fini (conf_value *self)
{
    free (self->text);
    for (size_t i = 0; i < self->list.count; i++)
        free (self->list.items[i]);
    free (self->list.items);
    *self = (conf_value){0};
}

static bg_result check_text (bg_slice text, bg_error *err)
{
    if (text.size > TEXT_MAX)
        return bg_fail (err, BG_INVALID, "longer than %d bytes", TEXT_MAX);
    if (!bg_utf8_valid (text) || bg_has_control (text, false))
        return bg_fail (err, BG_INVALID, "has control characters");
    return bg_ok ();
}

static bg_result parse_string (
    const bg_conf_key *key, bg_slice text, conf_value *value, bg_error *err)
{
    (void) key;
    BG_TRY (check_text (text, err));
    value->text = bg_slice_dup (text);
    return bg_ok ();
}

static bg_result parse_integer (
    const bg_conf_key *key, bg_slice text, conf_value *value, bg_error *err)
{
    size_t at = text.size > 0 && text.data[0] == '-';
    size_t first = at;
    int64_t number = 0;
    bool is_number = take_digits (text, &at, &number) && at == text.size;
    bool has_leading_zero = at - first > 1 && text.data[first] == '0';
    if (!is_number || has_leading_zero)
        return bg_fail (err, BG_INVALID, "\"%.*s\" is not a decimal number", BG_SLICE_ARG (text));
    if (first > 0)
        number = -number;
    if (number < key->min || number > key->max)
        return bg_fail (err, BG_INVALID, "%lld is not between %lld and %lld", (long long) number,
            (long long) key->min, (long long) key->max);
    value->number = number;
    return bg_ok ();
}

static bg_result parse_bool (
    const bg_conf_key *key, bg_slice text, conf_value *value, bg_error *err)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    (void) key;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (bg_slice_is (text, words[i])) {
            value->number = i % 2; /*  every second word is a yes  */
            return bg_ok ();
        }
    }
    return bg_fail (err, BG_INVALID, "\"%.*s\" is neither true nor false", BG_SLICE_ARG (text));
}

static bg_result parse_duration (
    const bg_conf_key *key, bg_slice text, conf_value *value, bg_error *err)
{
    int64_t us = 0;
    BG_TRY (bg_conf_parse_duration (text, &us, err));
    if (us < key->min || us > key->max) {
        BG_AUTO_BUF low = {0};
        BG_AUTO_BUF high = {0};
        bg_conf_format_duration (key->min, &low);
        bg_conf_format_duration (key->max, &high);
        return bg_fail (err, BG_INVALID, "%.*s is not between %s and %s", BG_SLICE_ARG (text),
            bg_buf_cstr (&low), bg_buf_cstr (&high));
    }
    value->number = us;
    return bg_ok ();
}

static bool is_host (bg_slice host)
{
    if (bg_slice_is (host, "*"))
        return true;
    bool is_v6 = host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';
    const char *allowed = is_v6
                              ? "0123456789abcdefABCDEF:.%"
                              : "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_";
    for (size_t i = is_v6; i + is_v6 < host.size; i++) {
        if (!host.data[i] || !strchr (allowed, host.data[i]))
            return false;
    }
    return host.size > 0 && host.size <= 255;
}

static bool is_endpoint (bg_slice text)
{
    static const char tcp[] = "tcp://", ipc[] = "ipc://";
    size_t scheme = sizeof tcp - 1;
    if (text.size <= scheme)
        return false;
    if (memcmp (text.data, ipc, scheme) == 0)
        return true;
    const uint8_t *colon = memrchr (text.data, ':', text.size);
    if (memcmp (text.data, tcp, scheme) != 0 || colon < text.data + scheme)
        return false;
    size_t at = (size_t) (colon - text.data) + 1;
    bg_slice host = bg_slice_of (text.data + scheme, at - 1 - scheme);
    int64_t port = 0;
    return is_host (host) && take_digits (text, &at, &port) && at == text.size && port <= 65535;
}

static bg_result parse_endpoint (
    const bg_conf_key *key, bg_slice text, conf_value *value, bg_error *err)
{
    BG_TRY (parse_string (key, text, value, err));
    if (is_endpoint (text))
        return bg_ok ();
    conf_value_fini (value);
    return bg_fail (
        err, BG_INVALID, "\"%.*s\" is neither tcp://HOST:PORT nor ipc://PATH", BG_SLICE_ARG (text));
}

static bg_result refuse_scalar (
    const bg_conf_key *key, bg_slice text, conf_value *value, bg_error *err)
{
    (void) key;
    (void) value;
    return bg_fail (err, BG_INVALID, "must be a list, as in [%.*s]", BG_SLICE_ARG (text));
}

typedef struct {
    const char *word;
    bg_result (*parse) (const bg_conf_key *key, bg_slice text, conf_value *value, bg_error *err);
} type_row;

static const type_row types[] = {
    [BG_CONF_STRING] = {"text", parse_string},
    [BG_CONF_INTEGER] = {"number", parse_integer},
    [BG_CONF_BOOL] = {"true or false", parse_bool},
    [BG_CONF_DURATION] = {"duration", parse_duration},
    [BG_CONF_ENDPOINT] = {"endpoint", parse_endpoint},
    [BG_CONF_LIST] = {"list of texts", refuse_scalar},
};

const char *conf_type_word (bg_conf_type type)
{
    return types[type].word;
}

bg_result conf_value_parse (const bg_conf_key *key, bg_slice text, conf_value *value, bg_error *err)
{
    return types[key->type].parse (key, text, value, err);
}

bg_result conf_value_add_item (bg_slice text, conf_value *value, bg_error *err)
{
    BG_TRY (check_text (text, err));
    bg_conf_list *list = &value->list;
    list->items = bg_realloc (list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] = bg_slice_dup (text);
    return bg_ok ();
}

static bg_slice trim (bg_slice text)
{
    while (text.size > 0 && text.data[0] == ' ') {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && text.data[text.size - 1] == ' ')
        text.size--;
    return text;
}

bg_result conf_value_parse_list (bg_slice text, conf_value *value, bg_error *err)
{
    text = trim (text);
    bool has_brackets = text.size >= 2 && text.data[0] == '[' && text.data[text.size - 1] == ']';
    if (has_brackets)
        text = trim (bg_slice_of (text.data + 1, text.size - 2));
    while (text.size > 0) {
        const uint8_t *comma = memchr (text.data, ',', text.size);
        size_t size = comma ? (size_t) (comma - text.data) : text.size;
        bg_slice item = trim (bg_slice_of (text.data, size));
        if (item.size == 0)
            return bg_fail (err, BG_INVALID, "has an empty item");
        BG_TRY (conf_value_add_item (item, value, err));
        size_t used = comma ? size + 1 : size;
        text = bg_slice_of (text.data + used, text.size - used);
    }
    return bg_ok ();
}

/*  The field of a key; the table's author vouches for its type and place.  */
static void *field (const bg_conf_key *key, void *values)
{
    return (char *) values + key->offset;
}

void conf_value_store (const bg_conf_key *key, conf_value *value, void *values)
{
    switch (key->type) {
    case BG_CONF_INTEGER:
    case BG_CONF_DURATION:
        *(int64_t *) field (key, values) = value->number;
        break;
    case BG_CONF_BOOL:
        *(bool *) field (key, values) = value->number != 0;
        break;
    case BG_CONF_STRING:
    case BG_CONF_ENDPOINT: {
        char **place = field (key, values);
        free (*place);
        *place = value->text;
        value->text = NULL;
        break;
    }
    case BG_CONF_LIST: {
        bg_conf_list *place = field (key, values);
        conf_value old = {.list = *place};
        conf_value_fini (&old);
        *place = value->list;
        value->list = (bg_conf_list){0};
        break;
    }
    }
    conf_value_fini (value);
}

static void print_quoted (const char *text, bg_buf *out)
{
    bg_buf_append_byte (out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            bg_buf_append_byte (out, '\\');
        bg_buf_append_byte (out, (uint8_t) *text);
    }
    bg_buf_append_byte (out, '"');
}

static void print_list (const bg_conf_list *list, bg_buf *out)
{
    bg_buf_append_byte (out, '[');
    for (size_t i = 0; i < list->count; i++) {
        bg_buf_append_str (out, i ? ", " : "");
        print_quoted (list->items[i], out);
    }
    bg_buf_append_byte (out, ']');
}

bool conf_value_print (const bg_conf_key *key, const void *values, bg_buf *out)
{
    const void *place = (const char *) values + key->offset;
    switch (key->type) {
    case BG_CONF_INTEGER:
        bg_buf_printf (out, "%lld", (long long) *(const int64_t *) place);
        return true;
    case BG_CONF_DURATION:
        bg_conf_format_duration (*(const int64_t *) place, out);
        return true;
    case BG_CONF_BOOL:
        bg_buf_append_str (out, *(const bool *) place ? "true" : "false");
        return true;
    case BG_CONF_LIST:
        print_list (place, out);
        return true;
    case BG_CONF_STRING:
    case BG_CONF_ENDPOINT:
        break;
    }
    const char *text = *(char *const *) place;
    if (text)
        print_quoted (text, out);
    return text != NULL;
}
