/*  Times of people. The zone of "local" is that of the person's machine, so libc's rules are right
    here (jobs' zones are common/job's). Reads no clock: now comes in.  */
#include "ctl/times.h"

#include "common/job/duration.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define SECOND_US  INT64_C (1000000)
#define TEXT_MAX   64
#define YEARS_FROM 1970
#define YEARS_TO   9999

/*  A reader over NUL-terminated text: each piece moves on or fails.  */
typedef struct {
    const char *at;
} reader;

static bool read_digits (reader *self, int count, int low, int high, int *value)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (!isdigit ((unsigned char) self->at[i]))
            return false;
        number = number * 10 + (self->at[i] - '0');
    }
    self->at += count;
    *value = number;
    return number >= low && number <= high;
}

static bool read_char (reader *self, const char *allowed)
{
    if (*self->at == '\0' || strchr (allowed, *self->at) == NULL)
        return false;
    self->at++;
    return true;
}

static bool read_date (reader *self, struct tm *tm)
{
    if (!read_digits (self, 4, YEARS_FROM, YEARS_TO, &tm->tm_year) || !read_char (self, "-") ||
        !read_digits (self, 2, 1, 12, &tm->tm_mon) || !read_char (self, "-") ||
        !read_digits (self, 2, 1, 31, &tm->tm_mday))
        return false;
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return true;
}

/*  HH:MM[:SS[.fraction]]  */
static bool read_clock (reader *self, struct tm *tm, int64_t *fraction_us)
{
    if (!read_digits (self, 2, 0, 23, &tm->tm_hour) || !read_char (self, ":") ||
        !read_digits (self, 2, 0, 59, &tm->tm_min))
        return false;
    if (!read_char (self, ":"))
        return true;
    if (!read_digits (self, 2, 0, 60, &tm->tm_sec))
        return false;
    if (!read_char (self, "."))
        return true;
    int64_t unit = SECOND_US / 10;
    if (!isdigit ((unsigned char) *self->at))
        return false;
    for (; isdigit ((unsigned char) *self->at); self->at++, unit /= 10)
        *fraction_us += (*self->at - '0') * unit;
    return true;
}

/*  Z, +HH:MM, -HHMM; seconds east.  */
static bool read_offset (reader *self, bool *has_offset, int64_t *offset_s)
{
    if (read_char (self, "Zz")) {
        *has_offset = true;
        return true;
    }
    bool is_west = *self->at == '-';
    if (!read_char (self, "+-"))
        return true;
    int hours = 0, minutes = 0;
    if (!read_digits (self, 2, 0, 14, &hours))
        return false;
    (void) read_char (self, ":");
    if (!read_digits (self, 2, 0, 59, &minutes))
        return false;
    *has_offset = true;
    *offset_s = (is_west ? -1 : 1) * (hours * INT64_C (3600) + minutes * INT64_C (60));
    return true;
}

static bool read_time (const char *text, int64_t *utc_us)
{
    reader from = {text};
    struct tm tm = {.tm_isdst = -1};
    int64_t fraction_us = 0, offset_s = 0;
    bool has_offset = false;
    if (!read_date (&from, &tm))
        return false;
    if (read_char (&from, "Tt ")) {
        if (!read_clock (&from, &tm, &fraction_us))
            return false;
        (void) read_char (&from, " ");
        if (!read_offset (&from, &has_offset, &offset_s))
            return false;
    }
    int day = tm.tm_mday;
    time_t seconds = has_offset ? timegm (&tm) : mktime (&tm);
    /*  The libc turns 30 February into 2 March; a person made a mistake.  */
    if (*from.at != '\0' || tm.tm_mday != day)
        return false;
    *utc_us = ((int64_t) seconds - offset_s) * SECOND_US + fraction_us;
    return true;
}

static int64_t midnight (int64_t now_us, int days)
{
    time_t seconds = (time_t) (now_us / SECOND_US);
    struct tm tm = {0};
    (void) localtime_r (&seconds, &tm);
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_mday += days;
    tm.tm_isdst = -1;
    return (int64_t) mktime (&tm) * SECOND_US;
}

static bg_result parse (
    bg_slice text, int64_t now_us, int direction, int64_t *utc_us, bg_error *err)
{
    char copy[TEXT_MAX];
    int64_t duration_us = 0;
    if (text.size > 0 && text.size < sizeof copy && memchr (text.data, '\0', text.size) == NULL) {
        memcpy (copy, text.data, text.size);
        copy[text.size] = '\0';
        if (bg_is_ok (job_duration_parse (text, true, &duration_us, NULL))) {
            *utc_us = now_us + direction * duration_us;
            return bg_ok ();
        }
        if (bg_slice_is (text, "now")) {
            *utc_us = now_us;
            return bg_ok ();
        }
        if (bg_slice_is (text, "today") || bg_slice_is (text, "yesterday")) {
            *utc_us = midnight (now_us, bg_slice_is (text, "today") ? 0 : -1);
            return bg_ok ();
        }
        if (read_time (copy, utc_us))
            return bg_ok ();
    }
    bg_ignore (bg_fail (err, BG_INVALID, "'%.*s' is no time", text.size < 80 ? (int) text.size : 80,
        text.size > 0 ? (const char *) text.data : ""));
    return bg_hint (err,
        "write a duration (%s), 2026-03-01, '2026-03-01 12:00' or 2026-03-01T12:00:00Z",
        direction < 0 ? "7d: that long ago" : "2h: from now");
}

bg_result ctl_times_parse (bg_slice text, int64_t now_us, int64_t *utc_us, bg_error *err)
{
    return parse (text, now_us, -1, utc_us, err);
}

bg_result ctl_times_parse_ahead (bg_slice text, int64_t now_us, int64_t *utc_us, bg_error *err)
{
    int64_t time_us = 0;
    BG_TRY (parse (text, now_us, 1, &time_us, err));
    if (time_us <= now_us) {
        BG_AUTO_BUF then = {0};
        ctl_times_people (time_us, false, &then);
        return bg_fail (err, BG_INVALID, "%s lies in the past", bg_buf_cstr (&then));
    }
    *utc_us = time_us;
    return bg_ok ();
}

/*  Seconds rounded down and what is left, also before 1970.  */
static time_t seconds_of (int64_t utc_us, int *rest_us)
{
    int64_t rest = utc_us % SECOND_US;
    if (rest < 0)
        rest += SECOND_US;
    *rest_us = (int) rest;
    return (time_t) ((utc_us - rest) / SECOND_US);
}

void ctl_times_rfc3339 (int64_t utc_us, bg_buf *out)
{
    int rest_us = 0;
    time_t seconds = seconds_of (utc_us, &rest_us);
    struct tm tm = {0};
    (void) gmtime_r (&seconds, &tm);
    bg_buf_printf (out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (rest_us % 1000 != 0)
        bg_buf_printf (out, ".%06d", rest_us);
    else if (rest_us != 0)
        bg_buf_printf (out, ".%03d", rest_us / 1000);
    bg_buf_append_byte (out, 'Z');
}

void ctl_times_people (int64_t utc_us, bool is_utc, bg_buf *out)
{
    int rest_us = 0;
    time_t seconds = seconds_of (utc_us, &rest_us);
    struct tm tm = {0};
    if (is_utc)
        (void) gmtime_r (&seconds, &tm);
    else
        (void) localtime_r (&seconds, &tm);
    bg_buf_printf (out, "%04d-%02d-%02d %02d:%02d:%02d ", tm.tm_year + 1900, tm.tm_mon + 1,
        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    long offset_min = is_utc ? 0 : tm.tm_gmtoff / 60;
    if (is_utc)
        bg_buf_append_byte (out, 'Z');
    else
        bg_buf_printf (out, "%c%02ld:%02ld", offset_min < 0 ? '-' : '+', labs (offset_min) / 60,
            labs (offset_min) % 60);
}

void ctl_times_span (int64_t duration_us, bg_buf *out)
{
    if (duration_us < 0) {
        duration_us = -duration_us;
        if (duration_us >= 1000) /*  there is no -0ms  */
            bg_buf_append_byte (out, '-');
    }
    int64_t seconds = duration_us / SECOND_US;
    if (duration_us < SECOND_US)
        bg_buf_printf (out, "%" PRId64 "ms", duration_us / 1000);
    else if (seconds < 60)
        bg_buf_printf (
            out, "%" PRId64 ".%" PRId64 "s", seconds, duration_us % SECOND_US / (SECOND_US / 10));
    else if (seconds < 3600)
        bg_buf_printf (out, "%" PRId64 "m%02" PRId64 "s", seconds / 60, seconds % 60);
    else if (seconds < 86400)
        bg_buf_printf (out, "%" PRId64 "h%02" PRId64 "m", seconds / 3600, seconds % 3600 / 60);
    else
        bg_buf_printf (out, "%" PRId64 "d%" PRId64 "h", seconds / 86400, seconds % 86400 / 3600);
}

void ctl_times_clock (int64_t duration_us, bg_buf *out)
{
    int64_t seconds = duration_us > 0 ? duration_us / SECOND_US : 0;
    if (seconds >= 3600)
        bg_buf_printf (out, "%" PRId64 ":", seconds / 3600);
    bg_buf_printf (out, "%02" PRId64 ":%02" PRId64, seconds % 3600 / 60, seconds % 60);
}
