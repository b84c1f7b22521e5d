/*  Reading values of a job file: dates, times, sizes, zones. Small readers as in yaml_read.c; nothing
    here knows a key.

    Dates are those of the Gregorian calendar from 1990 (the Agent's first) to 9999; a date that does
    not exist is told with the length of its month, since "2026-02-30" is a thinking mistake and not
    a typing one.  */
#include "common/job/yaml_read.h"

#include "common/base/nearest.h"
#include "common/job/civil.h"
#include "common/job/names.h"
#include "common/job/size.h"

/*  ---- digits ----  */

/*  Exactly count digits at *at, which moves behind them; -1 when they are not there.  */
static int digits (bg_slice text, size_t *at, size_t count)
{
    int value = 0;
    if (text.size - *at < count)
        return -1;
    for (size_t i = 0; i < count; i++) {
        uint8_t c = text.data[*at + i];
        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    *at += count;
    return value;
}

static bool sign (bg_slice text, size_t *at, char wanted)
{
    if (*at >= text.size || text.data[*at] != (uint8_t) wanted)
        return false;
    ++*at;
    return true;
}

static bool scalar (job_yaml_reader *self, const bg_yaml *node, const char *what, bg_slice *text)
{
    return job_yaml_text (self, node, what, 64, false, text);
}

/*  ---- dates and times of a wall clock ----  */

/*  YYYY-MM-DD at *at in its parts, without asking whether there is such a day.  */
static bool date_at (bg_slice text, size_t *at, job_civil *civil)
{
    civil->year = digits (text, at, 4);
    bool is_good = civil->year >= 0 && sign (text, at, '-');
    civil->month = is_good ? digits (text, at, 2) : -1;
    is_good = civil->month >= 0 && sign (text, at, '-');
    civil->day = is_good ? digits (text, at, 2) : -1;
    return civil->day >= 0;
}

/*  HH:MM[:SS] at *at.  */
static bool clock_at (bg_slice text, size_t *at, job_civil *civil)
{
    civil->hour = digits (text, at, 2);
    civil->minute = civil->hour >= 0 && sign (text, at, ':') ? digits (text, at, 2) : -1;
    civil->second = civil->minute >= 0 && sign (text, at, ':') ? digits (text, at, 2) : 0;
    return civil->hour >= 0 && civil->hour <= 23 && civil->minute >= 0 && civil->minute <= 59 &&
           civil->second >= 0 && civil->second <= 59;
}

/*  That the day is there and within bounds, else a mistake.  */
static bool check_day (
    job_yaml_reader *self, const bg_yaml *node, bg_slice text, const job_civil *civil)
{
    static const char *const months[] = {"January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December"};
    if (civil->year < JOB_YAML_DATE_MIN / 10000) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "\"%s\" lies before 1990-01-01, the first date there is here",
            (const char *) text.data);
        return false;
    }
    if (civil->month < 1 || civil->month > 12) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "\"%s\" is no date: there is no month %d", (const char *) text.data, civil->month);
        return false;
    }
    const int days = job_days_in_month (civil->year, civil->month);
    if (civil->day < 1 || civil->day > days) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "\"%s\" is no date: %s %d has the days 1 to %d", (const char *) text.data,
            months[civil->month - 1], civil->year, days);
        return false;
    }
    return true;
}

bool job_yaml_date (job_yaml_reader *self, const bg_yaml *node, const char *what, uint64_t *date)
{
    job_civil civil = {0};
    bg_slice text;
    size_t at = 0;
    if (!scalar (self, node, what, &text))
        return false;
    if (!date_at (text, &at, &civil) || at != text.size) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "%s must be a date such as 2026-12-24, not \"%s\"", what, (const char *) text.data);
        return false;
    }
    if (!check_day (self, node, text, &civil))
        return false;
    *date = (uint64_t) (civil.year * 10000 + civil.month * 100 + civil.day);
    return true;
}

bool job_yaml_clock (
    job_yaml_reader *self, const bg_yaml *node, const char *what, uint64_t *seconds)
{
    job_civil civil = {0};
    bg_slice text;
    size_t at = 0;
    if (!scalar (self, node, what, &text))
        return false;
    if (!clock_at (text, &at, &civil) || at != text.size) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "\"%s\" is no time of the day; write \"HH:MM\" or \"HH:MM:SS\", 00:00 to 23:59:59",
            (const char *) text.data);
        return false;
    }
    *seconds = (uint64_t) (civil.hour * 3600 + civil.minute * 60 + civil.second);
    return true;
}

bool job_yaml_moment (job_yaml_reader *self, const bg_yaml *node, const char *what, bool allow_date,
    int64_t *seconds, bool *has_time)
{
    job_civil civil = {0};
    bg_slice text;
    size_t at = 0;
    if (!scalar (self, node, what, &text))
        return false;
    bool is_good = date_at (text, &at, &civil);
    bool is_timed = is_good && (sign (text, &at, 'T') || sign (text, &at, ' '));
    is_good = is_good && (is_timed ? clock_at (text, &at, &civil) : allow_date);
    if (is_good && is_timed && at < text.size &&
        (text.data[at] == 'Z' || text.data[at] == '+' || text.data[at] == '-')) {
        bg_yaml_error_at (self->file, node, at, self->diag, NULL,
            "%s is a time of a wall clock; leave \"%s\" out and say whose with zone", what,
            (const char *) text.data + at);
        return false;
    }
    if (!is_good || at != text.size) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "%s must be a date and a time such as 2026-12-24T18:00, not \"%s\"", what,
            (const char *) text.data);
        return false;
    }
    if (!check_day (self, node, text, &civil))
        return false;
    *seconds = job_seconds_from_civil (&civil);
    if (has_time)
        *has_time = is_timed;
    return true;
}

/*  ---- instants ----  */

/*  .5 to .123456 at *at, as microseconds; -1 when it is something else.  */
static int64_t fraction_at (bg_slice text, size_t *at)
{
    int64_t us = 0, unit = 100000;
    if (!sign (text, at, '.'))
        return 0;
    const size_t begin = *at;
    for (; *at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9'; ++*at) {
        us += (text.data[*at] - '0') * unit;
        unit /= 10;
    }
    return *at > begin && *at <= begin + 6 ? us : -1;
}

/*  Z, +01:00 or -05:30 at *at, in seconds.  */
static bool offset_at (bg_slice text, size_t *at, int64_t *offset_s)
{
    if (sign (text, at, 'Z')) {
        *offset_s = 0;
        return true;
    }
    const bool is_west = *at < text.size && text.data[*at] == '-';
    if (!is_west && (*at >= text.size || text.data[*at] != '+'))
        return false;
    ++*at;
    const int hours = digits (text, at, 2);
    const int minutes = hours >= 0 && sign (text, at, ':') ? digits (text, at, 2) : -1;
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *offset_s = (is_west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

bool job_yaml_instant (
    job_yaml_reader *self, const bg_yaml *node, const char *what, int64_t *utc_us)
{
    job_civil civil = {0};
    int64_t offset_s = 0, fraction_us = 0;
    bg_slice text;
    size_t at = 0;
    if (!scalar (self, node, what, &text))
        return false;
    bool is_good = date_at (text, &at, &civil);
    if (is_good && at < text.size) {
        is_good = (sign (text, &at, 'T') || sign (text, &at, ' ')) && clock_at (text, &at, &civil);
        fraction_us = is_good ? fraction_at (text, &at) : -1;
        is_good = fraction_us >= 0 && offset_at (text, &at, &offset_s);
    }
    if (!is_good || at != text.size) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "%s must be a time with its offset such as 2026-12-24T18:00:00Z or "
            "2026-12-24T19:00:00+01:00, or a date, which begins in UTC; not \"%s\"",
            what, (const char *) text.data);
        return false;
    }
    if (!check_day (self, node, text, &civil))
        return false;
    *utc_us = (job_seconds_from_civil (&civil) - offset_s) * 1000000 + fraction_us;
    return true;
}

/*  ---- sizes ----  */

static const struct {
    const char *word;
    unsigned shift;
} units[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};

static void refuse_unit (
    job_yaml_reader *self, const bg_yaml *node, const char *what, bg_slice text, size_t at)
{
    const char *words[JOB_COUNT_OF (units)];
    for (size_t i = 0; i < JOB_COUNT_OF (units); i++)
        words[i] = units[i].word;
    bg_slice unit = bg_slice_of (text.data + at, text.size - at);
    bg_yaml_error_at (self->file, node, at, self->diag,
        bg_nearest (unit, words, JOB_COUNT_OF (words)),
        "%s must be a size such as 4KiB, 512MiB or 1GiB, or a number of bytes, not \"%s\"", what,
        (const char *) text.data);
}

bool job_yaml_size (job_yaml_reader *self, const bg_yaml *node, const char *what, uint64_t min,
    uint64_t max, uint64_t *bytes)
{
    uint64_t value = 0;
    size_t at = 0;
    unsigned shift = 0;
    bg_slice text;
    if (!scalar (self, node, what, &text))
        return false;
    for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9' && value <= max; at++)
        value = value * 10 + (uint64_t) (text.data[at] - '0');
    bool is_known = at > 0 && at == text.size;
    for (size_t i = 0; i < JOB_COUNT_OF (units) && at > 0; i++) {
        if (!bg_slice_is (bg_slice_of (text.data + at, text.size - at), units[i].word))
            continue;
        is_known = true;
        shift = units[i].shift;
    }
    if (value <= max && !is_known) {
        refuse_unit (self, node, what, text, at);
        return false;
    }
    const bool is_small = value <= max >> shift && value << shift < min;
    if (is_small || value > max >> shift) {
        BG_AUTO_BUF bound = {0};
        job_size_text (is_small ? min : max, &bound);
        bg_yaml_error (self->file, node, self->diag, NULL, "%s is at %s %s, not \"%s\"", what,
            is_small ? "least" : "most", bg_buf_cstr (&bound), (const char *) text.data);
        return false;
    }
    *bytes = value << shift;
    return true;
}

/*  ---- zones and names ----  */

bool job_yaml_zone_name (
    job_yaml_reader *self, const bg_yaml *node, const char *others, bg_slice *name)
{
    bg_slice text;
    const job_yaml_ports *ports = self->ports;
    if (!job_yaml_text (self, node, "zone", 1024, false, &text))
        return false;
    if (!job_zone_name_valid (text)) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "\"%s\" cannot name a time zone; write %s, or a name such as Europe/Berlin",
            (const char *) text.data, others);
        return false;
    }
    if (ports->zone_exists && !ports->zone_exists (ports->ctx, (const char *) text.data)) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "there is no time zone \"%s\" on this machine; see /usr/share/zoneinfo",
            (const char *) text.data);
        return false;
    }
    *name = text;
    return true;
}

void job_yaml_names (job_yaml_reader *self, const bg_yaml *node, const char *what, size_t max,
    bg_slice **names, size_t *count)
{
    const size_t max_each = job_yaml_max_each (&wire_desc_job_schedule, "except");
    const bool is_one = node->kind == BG_YAML_SCALAR;
    if (!is_one && !job_yaml_is_list (self, node, what, "[holidays]"))
        return;
    const size_t given = is_one ? 1 : node->count;
    if (given > max) {
        bg_yaml_error (self->file, node, self->diag, NULL, "%s has more than %zu names", what, max);
        return;
    }
    *names = bg_arena_array (self->arena, bg_slice, given);
    for (size_t i = 0; i < given; i++) {
        const bg_yaml *item = is_one ? node : node->items[i];
        bg_slice name = {0};
        bool is_twice = false;
        if (!job_yaml_name (self, item, what, max_each, &name))
            continue;
        for (size_t j = 0; j < *count; j++)
            is_twice = is_twice || job_name_compare ((*names)[j], name) == 0;
        if (is_twice)
            bg_yaml_error (self->file, item, self->diag, NULL, "%s names \"%s\" twice", what,
                (const char *) name.data);
        else
            (*names)[(*count)++] = name;
    }
}
