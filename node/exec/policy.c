/*  The machine's policy: see policy.h. Pure parser, one pass over lines; the first mistake ends
    it, since a policy that is only half understood must not let anything start.  */
#include "node/exec/policy.h"

#include "common/job/body.h"
#include "common/job/duration.h"
#include "common/job/names.h"
#include "proto/wire.h"

#include <stdio.h>

typedef enum { SECTION_NONE, SECTION_DEFAULT, SECTION_LIMITS, SECTION_PROXY } section;

typedef struct {
    const char *file;
    unsigned line;
    exec_policy *policy;
    exec_proxy *proxy; /*  in SECTION_PROXY  */
    section in;
    bool has_default;
    bool has_limits;
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

static bg_result take_bool (parser *self, bg_slice value, const char *what, bool *out)
{
    if (!bg_slice_is (value, "yes") && !bg_slice_is (value, "no"))
        return wrong (self, what, value);
    *out = bg_slice_is (value, "yes");
    return bg_ok ();
}

static bg_result take_root (parser *self, bg_slice value)
{
    return take_bool (self, value, "root is yes or no, not", &self->policy->root);
}

static bg_result take_proxy_root (parser *self, bg_slice value)
{
    return take_bool (self, value, "root is yes or no, not", &self->proxy->root);
}

static bg_result take_enabled (parser *self, bg_slice value)
{
    bool is_enabled = false;
    BG_TRY (take_bool (self, value, "enabled is yes or no, not", &is_enabled));
    self->proxy->disabled = !is_enabled;
    return bg_ok ();
}

static bg_result take_time (parser *self, bg_slice value, const char *what, int64_t *time_us)
{
    if (bg_failed (job_duration_parse (value, false, time_us, NULL)) || *time_us == 0)
        return wrong (self, what, value);
    return bg_ok ();
}

static bg_result take_run_time (parser *self, bg_slice value)
{
    return take_time (self, value, "maximum_run_time is a time such as 12h, not",
        &self->policy->maximum_run_time_us);
}

static bg_result take_lease (parser *self, bg_slice value)
{
    const char *what = "lease is a time such as 30d, at least 30m, not";
    BG_TRY (take_time (self, value, what, &self->policy->lease_us));
    return self->policy->lease_us < JOB_LEASE_MIN_US ? wrong (self, what, value) : bg_ok ();
}

static bg_result take_runs (parser *self, bg_slice value)
{
    uint32_t runs = 0;
    for (size_t i = 0; i < value.size; i++) {
        if (value.size > 4 || value.data[i] < '0' || value.data[i] > '9')
            return wrong (self, "runs is a number from 1 to 1000, not", value);
        runs = runs * 10 + (uint32_t) (value.data[i] - '0');
    }
    if (runs < 1 || runs > 1000)
        return wrong (self, "runs is a number from 1 to 1000, not", value);
    self->policy->runs = runs;
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

/*  ---- lists ----  */

typedef bg_result (*word_taker) (parser *self, bg_slice word, void *out);

static bg_result each_word (parser *self, bg_slice value, word_taker take, void *out)
{
    while (true) {
        const uint8_t *comma = value.size ? memchr (value.data, ',', value.size) : NULL;
        size_t size = comma ? (size_t) (comma - value.data) : value.size;
        BG_TRY (take (self, trim (bg_slice_of (value.data, size)), out));
        if (!comma)
            return bg_ok ();
        value = bg_slice_of (comma + 1, value.size - size - 1);
    }
}

static bg_result put_word (parser *self, bg_slice word, exec_words *list)
{
    exec_policy *policy = self->policy;
    if (word.size + 1 > sizeof policy->words - policy->words_used)
        return bg_fail (self->err, BG_TOO_LARGE,
            "%s:%u: the lists of this policy are longer than "
            "%d bytes",
            self->file, self->line, EXEC_POLICY_WORDS);
    if (list->count == 0)
        list->at = (uint16_t) policy->words_used;
    list->count++;
    memcpy (policy->words + policy->words_used, word.data, word.size);
    policy->words[policy->words_used + word.size] = 0;
    policy->words_used += word.size + 1;
    return bg_ok ();
}

static bg_result put_group (parser *self, bg_slice word, void *out)
{
    char name[65];
    if (bg_failed (take_account (self, word, name)))
        return wrong (self, "not the name of a group:", word);
    return put_word (self, word, out);
}

static bg_result put_login (parser *self, bg_slice word, void *out)
{
    if (bg_failed (job_object_name_valid (word, NULL)))
        return wrong (self, "not the name of a login:", word);
    return put_word (self, word, out);
}

static bg_result put_kind (parser *self, bg_slice word, void *out)
{
    uint32_t *kinds = out;
    if (bg_slice_is (word, "run"))
        *kinds |= UINT32_C (1) << WIRE_STEP_RUN;
    else if (bg_slice_is (word, "script"))
        *kinds |= UINT32_C (1) << WIRE_STEP_SCRIPT;
    else
        return wrong (self, "kinds of steps are run and script, not", word);
    return bg_ok ();
}

static bg_result take_groups (parser *self, bg_slice value)
{
    return each_word (self, value, put_group, &self->proxy->groups);
}

static bg_result take_kinds (parser *self, bg_slice value)
{
    return each_word (self, value, put_kind, &self->proxy->kinds);
}

static bg_result take_logins (parser *self, bg_slice value)
{
    return each_word (self, value, put_login, &self->proxy->logins);
}

/*  ---- keys ----  */

typedef struct {
    const char *name;
    section of;
    bg_result (*take) (parser *self, bg_slice value);
} key_row;

static const key_row keys[] = {
    {"account", SECTION_DEFAULT, take_default_account},
    {"root", SECTION_DEFAULT, take_root},
    {"maximum_run_time", SECTION_DEFAULT, take_run_time},
    {"hours", SECTION_DEFAULT, take_hours},
    {"runs", SECTION_LIMITS, take_runs},
    {"lease", SECTION_LIMITS, take_lease},
    {"account", SECTION_PROXY, take_proxy_account},
    {"groups", SECTION_PROXY, take_groups},
    {"kinds", SECTION_PROXY, take_kinds},
    {"logins", SECTION_PROXY, take_logins},
    {"root", SECTION_PROXY, take_proxy_root},
    {"enabled", SECTION_PROXY, take_enabled},
};
#define KEY_COUNT (sizeof keys / sizeof *keys)

static bg_result take_key (parser *self, bg_slice name, bg_slice value)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (keys[i].of != self->in || !bg_slice_is (name, keys[i].name))
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
    const bool lacks_account = (self->in == SECTION_DEFAULT && self->policy->account[0] == 0) ||
                               (self->in == SECTION_PROXY && self->proxy->account[0] == 0);
    if (lacks_account)
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
    if (exec_policy_proxy (policy, name))
        return wrong (self, "a second proxy", name);
    if (policy->proxy_count == EXEC_POLICY_PROXIES)
        return bg_fail (self->err, BG_TOO_LARGE, "%s:%u: more than %d proxies", self->file,
            self->line, EXEC_POLICY_PROXIES);
    self->proxy = &policy->proxies[policy->proxy_count++];
    memcpy (self->proxy->name, name.data, name.size);
    self->proxy->line = self->line;
    self->in = SECTION_PROXY;
    return bg_ok ();
}

static bg_result begin_section (parser *self, bg_slice line)
{
    BG_TRY (end_section (self));
    if (line.data[line.size - 1] != ']')
        return wrong (self, "a section ends with ], not as", line);
    bg_slice title = trim (bg_slice_of (line.data + 1, line.size - 2));
    const bool is_default = bg_slice_is (title, "default");
    self->proxy = NULL;
    self->seen = 0;
    if (is_default || bg_slice_is (title, "limits")) {
        bool *has = is_default ? &self->has_default : &self->has_limits;
        if (*has)
            return wrong (self, "a second section", title);
        *has = true;
        self->in = is_default ? SECTION_DEFAULT : SECTION_LIMITS;
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
    if (self->in == SECTION_NONE)
        return wrong (self, "stands before the first section:", line);
    size_t name_size = (size_t) (equals - line.data);
    return take_key (self, trim (bg_slice_of (line.data, name_size)),
        trim (bg_slice_of (equals + 1, line.size - name_size - 1)));
}

bg_result exec_policy_parse (bg_slice text, const char *file, exec_policy *policy, bg_error *err)
{
    if (text.size > EXEC_POLICY_BYTES)
        return bg_fail (err, BG_TOO_LARGE, "%s is larger than %d bytes", file, EXEC_POLICY_BYTES);
    exec_policy read = {.runs = EXEC_POLICY_RUNS};
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

/*  ---- questions ----  */

const exec_proxy *exec_policy_proxy (const exec_policy *self, bg_slice name)
{
    for (size_t i = 0; i < self->proxy_count; i++) {
        if (job_name_compare (bg_slice_str (self->proxies[i].name), name) == 0)
            return &self->proxies[i];
    }
    return NULL;
}

const char *exec_policy_word (const exec_policy *self, exec_words list, size_t i)
{
    bg_assert (i < list.count);
    const char *word = self->words + list.at;
    while (i-- > 0)
        word += strlen (word) + 1;
    return word;
}

bool exec_policy_lists (const exec_policy *self, exec_words list, bg_slice word)
{
    for (size_t i = 0; i < list.count; i++) {
        if (job_name_compare (bg_slice_str (exec_policy_word (self, list, i)), word) == 0)
            return true;
    }
    return false;
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
        "# hours = 22:00-06:00\n"
        "\n"
        "[limits]\n"
        "# So many runs at a time; further ones wait for their turn.\n"
        "# runs = 100\n"
        "# Schedules of the broker's jobs count only so long after it was heard last.\n"
        "# lease = 30d\n"
        "\n"
        "# Further accounts that steps may ask for with \"as: NAME\": bugle-node proxy add\n",
        account, is_root ? "yes" : "no");
}
