/*  The machine's policy: see policy.h. Pure parser, one pass over lines; the first mistake ends
    it, since a policy that is only half understood must not let anything start.  */
#include "node/exec/policy.h"

#include "common/job/duration.h"
#include "common/job/names.h"

#include <stdio.h>

typedef struct {
    const char *file;
    unsigned line;
    exec_policy *policy;
    exec_proxy *proxy; /*  NULL: within [default]  */
    bool in_section;
    bool has_default;
    uint32_t seen; /*  bits of the section's keys  */
    bg_error *err;
} parser;

static bg_result wrong (parser *self, const char *what, bg_slice word)
{
    return bg_fail (self->err, BG_INVALID, "%s:%u: %s \"%.*s\"", self->file, self->line, what,
        word.size > 100 ? 100 : (int) word.size, (const char *) word.data);
}

static bg_slice trim (bg_slice text)
{
    while (text.size && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = bg_slice_of (text.data + 1, text.size - 1);
    while (text.size && memchr (" \t\r", text.data[text.size - 1], 3))
        text.size--;
    return text;
}

/*  ---- values ----  */

static bg_result take_account (parser *self, bg_slice value, char account[65])
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-$@";
    if (value.size == 0 || value.size > 64 || value.data[0] == '-')
        return wrong (self, "not the name of an account:", value);
    for (size_t i = 0; i < value.size; i++) {
        if (!memchr (allowed, value.data[i], sizeof allowed - 1))
            return wrong (self, "not the name of an account:", value);
    }
    memcpy (account, value.data, value.size);
    account[value.size] = 0;
    return bg_ok ();
}

static bg_result take_default_account (parser *self, bg_slice value)
{
    return take_account (self, value, self->policy->account);
}

static bg_result take_proxy_account (parser *self, bg_slice value)
{
    return take_account (self, value, self->proxy->account);
}

static bg_result take_root (parser *self, bg_slice value)
{
    if (!bg_slice_is (value, "yes") && !bg_slice_is (value, "no"))
        return wrong (self, "root is yes or no, not", value);
    self->policy->root = bg_slice_is (value, "yes");
    return bg_ok ();
}

static bg_result take_run_time (parser *self, bg_slice value)
{
    int64_t time_us = 0;
    if (bg_failed (job_duration_parse (value, false, &time_us, NULL)) || time_us == 0)
        return wrong (self, "maximum_run_time is a time such as 12h, not", value);
    self->policy->maximum_run_time_us = time_us;
    return bg_ok ();
}

/*  "HH:MM" from 00:00 to 24:00; -1 when it is none.  */
static int minute_of (bg_slice text)
{
    if (text.size != 5 || text.data[2] != ':')
        return -1;
    int digits[4] = {
        text.data[0] - '0', text.data[1] - '0', text.data[3] - '0', text.data[4] - '0'};
    for (size_t i = 0; i < 4; i++) {
        if (digits[i] < 0 || digits[i] > 9)
            return -1;
    }
    int hour = digits[0] * 10 + digits[1];
    int minute = digits[2] * 10 + digits[3];
    if (minute > 59 || hour > 24 || (hour == 24 && minute != 0))
        return -1;
    return hour * 60 + minute;
}

static bg_result take_hours (parser *self, bg_slice value)
{
    int from =
        value.size == 11 && value.data[5] == '-' ? minute_of (bg_slice_of (value.data, 5)) : -1;
    int to = from >= 0 ? minute_of (bg_slice_of (value.data + 6, 5)) : -1;
    if (from < 0 || to < 0 || from == to || from == 24 * 60)
        return wrong (self, "hours are two times such as 22:00-06:00, not", value);
    self->policy->has_hours = true;
    self->policy->hours_from = (uint16_t) from;
    self->policy->hours_to = (uint16_t) to;
    return bg_ok ();
}

/*  Lists of later versions: only their form is looked at.  */
static bg_result take_words (parser *self, bg_slice value)
{
    while (true) {
        const uint8_t *comma = value.size ? memchr (value.data, ',', value.size) : NULL;
        size_t size = comma ? (size_t) (comma - value.data) : value.size;
        bg_slice word = trim (bg_slice_of (value.data, size));
        if (word.size == 0 || bg_failed (job_group_name_valid (word, NULL)))
            return wrong (self, "not a name:", word);
        if (!comma)
            return bg_ok ();
        value = bg_slice_of (comma + 1, value.size - size - 1);
    }
}

/*  ---- keys ----  */

typedef struct {
    const char *name;
    bool of_proxy;
    bg_result (*take) (parser *self, bg_slice value);
} key_row;

static const key_row keys[] = {
    {"account", false, take_default_account},
    {"root", false, take_root},
    {"maximum_run_time", false, take_run_time},
    {"hours", false, take_hours},
    {"account", true, take_proxy_account},
    {"groups", true, take_words},
    {"kinds", true, take_words},
    {"logins", true, take_words},
};
#define KEY_COUNT (sizeof keys / sizeof *keys)

static bg_result take_key (parser *self, bg_slice name, bg_slice value)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (keys[i].of_proxy != (self->proxy != NULL) || !bg_slice_is (name, keys[i].name))
            continue;
        if (self->seen & (UINT32_C (1) << i))
            return wrong (self, "a second", name);
        self->seen |= UINT32_C (1) << i;
        return keys[i].take (self, value);
    }
    return wrong (self, "unknown key", name);
}

/*  ---- sections ----  */

static bg_result end_section (parser *self)
{
    const char *account = self->proxy ? self->proxy->account : self->policy->account;
    if (self->in_section && account[0] == 0)
        return bg_fail (self->err, BG_INVALID, "%s:%u: the section before this line has no account",
            self->file, self->line);
    return bg_ok ();
}

static bg_result begin_proxy (parser *self, bg_slice name)
{
    exec_policy *policy = self->policy;
    if (bg_failed (job_group_name_valid (name, NULL)) ||
        name.size >= sizeof policy->proxies[0].name)
        return wrong (self, "not the name of a proxy:", name);
    for (size_t i = 0; i < policy->proxy_count; i++) {
        if (job_name_compare (bg_slice_str (policy->proxies[i].name), name) == 0)
            return wrong (self, "a second proxy", name);
    }
    if (policy->proxy_count == EXEC_POLICY_PROXIES)
        return bg_fail (self->err, BG_TOO_LARGE, "%s:%u: more than %d proxies", self->file,
            self->line, EXEC_POLICY_PROXIES);
    self->proxy = &policy->proxies[policy->proxy_count++];
    memcpy (self->proxy->name, name.data, name.size);
    return bg_ok ();
}

static bg_result begin_section (parser *self, bg_slice line)
{
    BG_TRY (end_section (self));
    if (line.data[line.size - 1] != ']')
        return wrong (self, "a section ends with ], not as", line);
    bg_slice title = trim (bg_slice_of (line.data + 1, line.size - 2));
    self->proxy = NULL;
    self->seen = 0;
    self->in_section = true;
    if (bg_slice_is (title, "default")) {
        if (self->has_default)
            return wrong (self, "a second section", title);
        self->has_default = true;
        return bg_ok ();
    }
    if (title.size > 6 && memcmp (title.data, "proxy ", 6) == 0)
        return begin_proxy (self, trim (bg_slice_of (title.data + 6, title.size - 6)));
    return wrong (self, "unknown section", title);
}

static bg_result take_line (parser *self, bg_slice line)
{
    const uint8_t *mark = line.size ? memchr (line.data, '#', line.size) : NULL;
    line = trim (mark ? bg_slice_of (line.data, (size_t) (mark - line.data)) : line);
    if (line.size == 0)
        return bg_ok ();
    if (line.data[0] == '[')
        return begin_section (self, line);
    const uint8_t *equals = memchr (line.data, '=', line.size);
    if (!equals)
        return wrong (self, "neither [section] nor key = value:", line);
    if (!self->in_section)
        return wrong (self, "stands before the first section:", line);
    size_t name_size = (size_t) (equals - line.data);
    return take_key (self, trim (bg_slice_of (line.data, name_size)),
        trim (bg_slice_of (equals + 1, line.size - name_size - 1)));
}

bg_result exec_policy_parse (bg_slice text, const char *file, exec_policy *policy, bg_error *err)
{
    if (text.size > EXEC_POLICY_BYTES)
        return bg_fail (err, BG_TOO_LARGE, "%s is larger than %d bytes", file, EXEC_POLICY_BYTES);
    exec_policy read = {0};
    parser self = {.file = file, .policy = &read, .err = err};
    while (text.size) {
        const uint8_t *newline = memchr (text.data, '\n', text.size);
        size_t size = newline ? (size_t) (newline - text.data) : text.size;
        self.line++;
        if (memchr (text.data, 0, size))
            return bg_fail (err, BG_INVALID, "%s:%u: a NUL byte", file, self.line);
        BG_TRY (take_line (&self, bg_slice_of (text.data, size)));
        size_t used = size + (newline != NULL);
        text = bg_slice_of (text.data + used, text.size - used);
    }
    self.line++;
    BG_TRY (end_section (&self));
    if (!self.has_default)
        return bg_fail (err, BG_INVALID, "%s: there is no section [default]", file);
    *policy = read;
    return bg_ok ();
}

bool exec_policy_open_at (const exec_policy *self, int minute)
{
    if (!self->has_hours)
        return true;
    if (self->hours_from < self->hours_to)
        return minute >= self->hours_from && minute < self->hours_to;
    return minute >= self->hours_from || minute < self->hours_to;
}

void exec_policy_default (const char *account, bool is_root, bg_buf *out)
{
    bg_buf_printf (out,
        "# What Bugle may run on this machine, whatever a broker sends. Read by bugle-exec.\n"
        "# Owned by root (or by the user who runs bugle-exec); nobody else may write it.\n"
        "\n"
        "[default]\n"
        "# Steps run as this local account.\n"
        "account = %s\n"
        "# May that account be root?\n"
        "root = %s\n"
        "# A run that takes longer is ended.\n"
        "# maximum_run_time = 12h\n"
        "# Runs begin only within these hours of the machine's own zone.\n"
        "# hours = 22:00-06:00\n",
        account, is_root ? "yes" : "no");
}
