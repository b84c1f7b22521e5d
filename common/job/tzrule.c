/*  TZ strings: parser and the days they name. No table, no memory.  */
#include "common/job/tzrule.h"

#include "common/job/civil.h"

#define OFFSET_HOURS_MAX 24  /*  POSIX  */
#define TIME_HOURS_MAX   167 /*  RFC 8536 3.3.1  */
#define TIME_DEFAULT     (2 * 3600)

typedef struct {
    bg_slice text;
    size_t at;
    bg_error *err;
} reader;

static int peek (const reader *in)
{
    return in->at < in->text.size ? in->text.data[in->at] : -1;
}

static bool accept (reader *in, char wanted)
{
    if (peek (in) != wanted)
        return false;
    in->at++;
    return true;
}

static bg_result refuse (reader *in, const char *what)
{
    return bg_fail (in->err, BG_MALFORMED, "the rule at its end is not valid at character %zu: %s",
        in->at + 1, what);
}

static bool is_digit (int c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter (int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bg_result read_name (reader *in)
{
    bool is_quoted = accept (in, '<');
    size_t start = in->at;
    for (int c = peek (in); is_letter (c) || (is_quoted && (is_digit (c) || c == '+' || c == '-'));
         c = peek (in))
        in->at++;
    if (in->at - start < 3)
        return refuse (in, "a name of at least three characters is expected");
    if (is_quoted && !accept (in, '>'))
        return refuse (in, "'>' is expected");
    return bg_ok ();
}

static bg_result read_number (reader *in, int min, int max, int *number)
{
    int value = 0;
    size_t start = in->at;
    while (is_digit (peek (in)) && in->at - start < 3)
        value = value * 10 + (in->text.data[in->at++] - '0');
    if (in->at == start)
        return refuse (in, "a number is expected");
    if (value < min || value > max)
        return refuse (in, "the number before it is out of range");
    *number = value;
    return bg_ok ();
}

/*  [+-]hours[:minutes[:seconds]] in seconds.  */
static bg_result read_time (reader *in, int hours_max, int32_t *seconds)
{
    bool is_negative = accept (in, '-');
    if (!is_negative)
        accept (in, '+');
    int part[3] = {0};
    BG_TRY (read_number (in, 0, hours_max, &part[0]));
    for (int i = 1; i < 3 && accept (in, ':'); i++)
        BG_TRY (read_number (in, 0, 59, &part[i]));
    int32_t value = part[0] * 3600 + part[1] * 60 + part[2];
    *seconds = is_negative ? -value : value;
    return bg_ok ();
}

static bg_result read_day (reader *in, job_tzday *day)
{
    if (!accept (in, ','))
        return refuse (in, "',' is expected; daylight saving needs the days of its start and end");
    if (accept (in, 'M')) {
        day->kind = JOB_TZDAY_MONTH;
        BG_TRY (read_number (in, 1, 12, &day->month));
        if (!accept (in, '.'))
            return refuse (in, "'.' is expected");
        BG_TRY (read_number (in, 1, 5, &day->week));
        if (!accept (in, '.'))
            return refuse (in, "'.' is expected");
        BG_TRY (read_number (in, 0, 6, &day->day));
    } else if (accept (in, 'J')) {
        day->kind = JOB_TZDAY_JULIAN;
        BG_TRY (read_number (in, 1, 365, &day->day));
    } else {
        day->kind = JOB_TZDAY_ZERO_JULIAN;
        BG_TRY (read_number (in, 0, 365, &day->day));
    }
    day->time_seconds = TIME_DEFAULT;
    if (accept (in, '/'))
        BG_TRY (read_time (in, TIME_HOURS_MAX, &day->time_seconds));
    return bg_ok ();
}

bg_result job_tzrule_parse (bg_slice text, job_tzrule *rule, bg_error *err)
{
    reader in = {text, 0, err};
    job_tzrule parsed = {0};
    int32_t west = 0;
    BG_TRY (read_name (&in));
    BG_TRY (read_time (&in, OFFSET_HOURS_MAX, &west));
    parsed.standard_offset = -west; /*  POSIX counts to the west  */
    if (in.at < text.size) {
        parsed.has_daylight = true;
        BG_TRY (read_name (&in));
        parsed.daylight_offset = parsed.standard_offset + 3600;
        if (peek (&in) != ',' && in.at < text.size) {
            BG_TRY (read_time (&in, OFFSET_HOURS_MAX, &west));
            parsed.daylight_offset = -west;
        }
        BG_TRY (read_day (&in, &parsed.start));
        BG_TRY (read_day (&in, &parsed.end));
        if (in.at < text.size)
            return refuse (&in, "nothing more is expected");
    }
    *rule = parsed;
    return bg_ok ();
}

static int64_t day_number (const job_tzday *day, int year)
{
    int64_t new_year = job_days_from_date (year, 1, 1);
    if (day->kind == JOB_TZDAY_ZERO_JULIAN)
        return new_year + day->day;
    if (day->kind == JOB_TZDAY_JULIAN)
        return new_year + day->day - 1 + (job_is_leap_year (year) && day->day >= 60);
    int64_t first = job_days_from_date (year, day->month, 1);
    int day_of_month = 1 + (day->day - job_weekday (first) + 7) % 7 + (day->week - 1) * 7;
    if (day_of_month > job_days_in_month (year, day->month))
        day_of_month -= 7;
    return first + day_of_month - 1;
}

int64_t job_tzrule_instant (const job_tzrule *rule, int year, bool is_start)
{
    bg_assert (rule->has_daylight);
    const job_tzday *day = is_start ? &rule->start : &rule->end;
    int32_t offset = is_start ? rule->standard_offset : rule->daylight_offset;
    return day_number (day, year) * JOB_DAY_SECONDS + day->time_seconds - offset;
}
