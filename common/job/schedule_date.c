/*  Forms by date: which days match. Days only: no times, no zones.

    Days and weeks are found by division, months by stepping through them, `factor` at a time; the
    caller's last day bounds the steps.
*/
#include "common/job/schedule_parts.h"

#define WEEK_DAYS    7
#define YEAR_MONTHS  12
#define WORKDAYS     0x3e /*  Monday to Friday, as bits from Sunday  */
#define WEEKEND_DAYS 0x41
#define ALL_DAYS     0x7f

/*  A mask that repeats over fourteen days, so that it can be read from any weekday on.  */
static uint32_t doubled (uint32_t weekdays)
{
    return weekdays | weekdays << WEEK_DAYS;
}

static int64_t positive_modulo (int64_t value, int64_t divisor)
{
    return value - job_floor_div (value, divisor) * divisor;
}

/*  From which day intervals are counted; any will do when every one counts.  */
static int64_t anchor_day (const job_schedule *self)
{
    uint32_t date = self->anchor_date ? self->anchor_date : self->start_date;
    return date ? job_days_from_number (date) : 0;
}

static uint32_t factor_of (const job_schedule *self)
{
    return self->factor ? self->factor : 1;
}

static bool next_daily (const job_schedule *self, int64_t from, int64_t *day)
{
    *day = from + positive_modulo (anchor_day (self) - from, self->interval);
    return true;
}

/*  Days from a weekday on until one of the mask: 0 to 6.  */
static int days_until (uint32_t mask, int weekday)
{
    return __builtin_ctz (doubled (mask) >> weekday);
}

/*  The Sunday that begins the week of a day.  */
static int64_t sunday_of (int64_t day)
{
    return day - job_weekday (day);
}

static bool next_weekly (const job_schedule *self, int64_t from, int64_t *day)
{
    int64_t anchor = anchor_day (self);
    int64_t week_zero = sunday_of (anchor + days_until (self->interval, job_weekday (anchor)));
    int64_t cycle = (int64_t) factor_of (self) * WEEK_DAYS;
    int64_t week = sunday_of (from);
    int64_t ahead = positive_modulo (week_zero - week, cycle);
    if (ahead == 0) {
        uint32_t left = self->interval >> job_weekday (from);
        if (left) {
            *day = from + __builtin_ctz (left);
            return true;
        }
        ahead = cycle;
    }
    *day = week + ahead + __builtin_ctz (self->interval);
    return true;
}

/*  The day of the month that MONTHLY or RELATIVE means; 0 when the month has none.  */
static int day_of_month (const job_schedule *self, int year, int month)
{
    int length = job_days_in_month (year, month);
    if (self->kind == JOB_SCHEDULE_MONTHLY)
        return (int) self->interval <= length ? (int) self->interval : 0;
    uint32_t mask = ALL_DAYS;
    if (self->interval < JOB_RELATIVE_DAY)
        mask = UINT32_C (1) << (self->interval - 1);
    else if (self->interval == JOB_RELATIVE_WEEKDAY)
        mask = WORKDAYS;
    else if (self->interval == JOB_RELATIVE_WEEKEND_DAY)
        mask = WEEKEND_DAYS;
    int weekday = job_weekday (job_days_from_date (year, month, 1));
    if (self->relative == JOB_RELATIVE_LAST) {
        int last = (weekday + length - 1) % WEEK_DAYS;
        int day = length;
        for (; !(mask >> last & 1); day--)
            last = (last + WEEK_DAYS - 1) % WEEK_DAYS;
        return day;
    }
    int day = 1;
    for (uint32_t left = self->relative;; left >>= 1) {
        day += days_until (mask, (weekday + day - 1) % WEEK_DAYS);
        if (left == 1)
            return day;
        day++;
    }
}

static bool next_by_month (const job_schedule *self, int64_t from, int64_t to, int64_t *day)
{
    job_civil anchor = job_date_from_days (anchor_day (self));
    job_civil start = job_date_from_days (from);
    int64_t factor = factor_of (self);
    int64_t month = (int64_t) start.year * YEAR_MONTHS + start.month - 1;
    int64_t anchor_month = (int64_t) anchor.year * YEAR_MONTHS + anchor.month - 1;
    for (month += positive_modulo (anchor_month - month, factor);; month += factor) {
        int year = (int) (month / YEAR_MONTHS);
        int month_of_year = (int) (month % YEAR_MONTHS) + 1;
        int64_t first = job_days_from_date (year, month_of_year, 1);
        if (first > to)
            return false;
        int found = day_of_month (self, year, month_of_year);
        if (found && first + found - 1 >= from) {
            *day = first + found - 1;
            return true;
        }
    }
}

bool job_schedule_next_day (const job_schedule *self, int64_t from, int64_t to, int64_t *day)
{
    int64_t found = 0;
    bool is_found = false;
    if (from > to)
        return false;
    switch (self->kind) {
    case JOB_SCHEDULE_ONCE:
        found = job_days_from_number (self->start_date);
        is_found = found >= from;
        break;
    case JOB_SCHEDULE_DAILY:
        is_found = next_daily (self, from, &found);
        break;
    case JOB_SCHEDULE_WEEKLY:
        is_found = next_weekly (self, from, &found);
        break;
    case JOB_SCHEDULE_MONTHLY:
    case JOB_SCHEDULE_RELATIVE:
        is_found = next_by_month (self, from, to, &found);
        break;
    default:
        bg_assert (false); /*  no form by date  */
    }
    if (!is_found || found > to)
        return false;
    *day = found;
    return true;
}
