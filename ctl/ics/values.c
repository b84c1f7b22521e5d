/*  Values: see values.h. The library is lenient where a calendar for machines must not be, so the grammar is ours.  */
#include "ctl/ics/values.h"

#include "common/job/civil.h"

#include <libical/ical.h>

#define DATE_SIZE   8  /*  20260105  */
#define TIME_SIZE   15 /*  20260105T233000  */
#define LENGTH_TEXT 32
#define LENGTH_DAYS 3660
#define YEAR_MIN    1900
#define YEAR_MAX    2200

static bool are_digits (bg_slice text, size_t from, size_t count)
{
    if (text.size < from + count)
        return false;
    for (size_t i = from; i < from + count; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return true;
}

static bg_result fail_time (bg_slice text, bg_error *err)
{
    BG_AUTO_CHAR copy = bg_slice_dup (bg_slice_of (text.data, text.size > 32 ? 32 : text.size));
    for (char *at = copy; *at; at++) {
        if (*at < 0x20 || *at > 0x7e)
            *at = '?';
    }
    return bg_fail (err, BG_INVALID,
        "'%s' is no date (20261224) or time (20261224T180000) from %d to %d", copy, YEAR_MIN,
        YEAR_MAX);
}

/*  True for one of the three forms; says which.  */
static bool has_form (bg_slice text, bool *is_date, bool *is_utc)
{
    *is_date = text.size == DATE_SIZE;
    *is_utc = text.size == TIME_SIZE + 1 && text.data[TIME_SIZE] == 'Z';
    if (!are_digits (text, 0, DATE_SIZE))
        return false;
    if (*is_date)
        return true;
    return (text.size == TIME_SIZE || *is_utc) && text.data[DATE_SIZE] == 'T' &&
           are_digits (text, DATE_SIZE + 1, 6);
}

static bool exists (const struct icaltimetype *time)
{
    return time->year >= YEAR_MIN && time->year <= YEAR_MAX && time->month >= 1 &&
           time->month <= 12 && time->day >= 1 &&
           time->day <= job_days_in_month (time->year, time->month) && time->hour < 24 &&
           time->minute < 60 && time->second < 60;
}

bg_result ctl_ics_time_read (
    bg_slice text, const job_zone *zone, const job_zone *utc, ctl_ics_time *time, bg_error *err)
{
    bool is_date = false;
    bool is_utc = false;
    if (!has_form (text, &is_date, &is_utc))
        return fail_time (text, err);
    BG_AUTO_CHAR copy = bg_slice_dup (text);
    struct icaltimetype read = icaltime_from_string (copy);
    if (icaltime_is_null_time (read) || !exists (&read))
        return fail_time (text, err);
    if (is_utc && zone)
        return bg_fail (err, BG_INVALID, "'%s' is in UTC (Z) and has a TZID as well", copy);
    job_civil civil = {read.year, read.month, read.day, read.hour, read.minute, read.second};
    *time = (ctl_ics_time){CTL_ICS_DATE, job_seconds_from_civil (&civil), NULL, is_utc};
    if (!is_date) {
        time->zone = is_utc ? utc : zone;
        time->kind = time->zone ? CTL_ICS_ZONED : CTL_ICS_FLOATING;
    }
    return bg_ok ();
}

/*  P, then weeks alone, or days and T with hours, minutes, seconds; only these letters and digits.  */
static bool is_length (bg_slice text)
{
    size_t at = text.size > 0 && text.data[0] == '+';
    if (text.size >= LENGTH_TEXT || at >= text.size || text.data[at] != 'P')
        return false;
    const char *order = "WDTHMS";
    size_t digits = 0;
    bool has_unit = false;
    for (at++; at < text.size; at++) {
        char byte = (char) text.data[at];
        if (byte >= '0' && byte <= '9') {
            if (++digits > 7)
                return false;
            continue;
        }
        const char *unit = byte ? strchr (order, byte) : NULL;
        if (!unit || (byte == 'T') != (digits == 0))
            return false;
        has_unit = byte != 'T';
        order = unit + 1;
        digits = 0;
    }
    return has_unit && digits == 0;
}

bg_result ctl_ics_length_read (bg_slice text, ctl_ics_length *length, bg_error *err)
{
    if (!is_length (text))
        return bg_fail (
            err, BG_INVALID, "a DURATION is P1D, P2W, PT90M or P1DT12H and not below zero");
    BG_AUTO_CHAR copy = bg_slice_dup (text);
    struct icaldurationtype read = icaldurationtype_from_string (copy);
    if (icaldurationtype_is_bad_duration (read) || read.is_neg)
        return bg_fail (
            err, BG_INVALID, "a DURATION is P1D, P2W, PT90M or P1DT12H and not below zero");
    length->days = INT64_C (7) * read.weeks + read.days;
    length->seconds = INT64_C (3600) * read.hours + INT64_C (60) * read.minutes + read.seconds;
    if (length->days + length->seconds / JOB_DAY_SECONDS > LENGTH_DAYS)
        return bg_fail (err, BG_INVALID, "a DURATION is at most ten years");
    if (length->days == 0 && length->seconds == 0)
        return bg_fail (err, BG_INVALID, "the event has no length: it keeps nothing out");
    return bg_ok ();
}

int64_t ctl_ics_instant (ctl_ics_time time)
{
    if (time.kind != CTL_ICS_ZONED)
        return time.local;
    int64_t first = 0;
    int64_t second = 0;
    bool is_gap = job_zone_to_utc (time.zone, time.local, &first, &second) == JOB_LOCAL_GAP;
    return is_gap ? second : first;
}

int64_t ctl_ics_end (ctl_ics_time begin, ctl_ics_length length)
{
    begin.local += length.days * JOB_DAY_SECONDS;
    return ctl_ics_instant (begin) + length.seconds;
}
