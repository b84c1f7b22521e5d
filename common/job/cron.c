/*  Cron: from sets of values to dates. The text is read in cron_parse.c.

    A month's fitting days are worked out as one word of bits, so that the search takes steps of
    months, not of minutes.
*/
#include "common/job/cron.h"

#include "common/job/civil.h"

#define ALL_HOURS UINT32_C (0xffffff)
/*  Days 1, 8, 15, 22, 29 as bits, to be shifted to the first one.  */
#define EVERY_SEVENTH UINT32_C (0x10204081)

/*  A month as the day rules see it.  */
typedef struct {
    int length;
    int first_weekday; /*  of day 1  */
    uint32_t all;      /*  bits of its days  */
} month_shape;

static bool is_workday (const month_shape *month, int day)
{
    int weekday = (month->first_weekday + day - 1) % 7;
    return weekday != 0 && weekday != 6;
}

/*  The Monday to Friday nearest to the day without leaving the month.  */
static int nearest_workday (const month_shape *month, int day)
{
    static const int distances[] = {0, -1, 1, 2, -2};
    for (size_t i = 0; i < sizeof distances / sizeof distances[0]; i++) {
        int near = day + distances[i];
        if (near >= 1 && near <= month->length && is_workday (month, near))
            return near;
    }
    return day;
}

static int last_workday (const month_shape *month)
{
    int day = month->length;
    while (!is_workday (month, day))
        day--;
    return day;
}

static uint32_t bit (int day)
{
    return UINT32_C (1) << day;
}

static uint32_t days_by_month (const job_cron *self, const month_shape *month)
{
    uint32_t days = self->days;
    for (uint32_t left = self->days_from_end; left != 0; left &= left - 1) {
        int day = month->length - __builtin_ctz (left);
        if (day >= 1)
            days |= bit (day);
    }
    for (uint32_t left = self->days_near; left != 0; left &= left - 1) {
        int day = __builtin_ctz (left);
        if (day <= month->length)
            days |= bit (nearest_workday (month, day));
    }
    if (self->is_last_workday)
        days |= bit (last_workday (month));
    return days & month->all;
}

static uint32_t days_by_week (const job_cron *self, const month_shape *month)
{
    uint32_t days = 0;
    for (int weekday = 0; weekday < 7; weekday++) {
        int first = 1 + (weekday - month->first_weekday + 7) % 7;
        uint32_t such = (EVERY_SEVENTH << first) & month->all;
        if (self->weekdays >> weekday & 1)
            days |= such;
        if (self->last_weekdays >> weekday & 1)
            days |= UINT32_C (0x80000000) >> __builtin_clz (such);
        for (int k = 1; k <= 5; k++) {
            if (self->nth_weekdays[weekday] >> k & 1)
                days |= (k - 1) * 7 + first <= month->length ? bit ((k - 1) * 7 + first) : 0;
        }
    }
    return days;
}

uint32_t job_cron_days (const job_cron *self, int year, int month)
{
    if (!(self->months >> month & 1))
        return 0;
    month_shape shape = {
        .length = job_days_in_month (year, month),
        .first_weekday = job_weekday (job_days_from_date (year, month, 1)),
    };
    shape.all = (UINT32_MAX >> (31 - shape.length)) & ~UINT32_C (1);
    uint32_t by_month = days_by_month (self, &shape);
    uint32_t by_week = days_by_week (self, &shape);
    bool is_either = self->is_month_restricted && self->is_week_restricted;
    return is_either ? by_month | by_week : by_month & by_week;
}

bool job_cron_is_every_hour (const job_cron *self)
{
    return self->hours == ALL_HOURS;
}

/*  The lowest bit at or above from; -1 when there is none.  */
static int next_bit (uint64_t bits, int from)
{
    uint64_t left = from < 64 ? bits >> from << from : 0;
    return left ? __builtin_ctzll (left) : -1;
}

/*  The first fitting second of the day at or after from; -1 when there is none.  */
static int next_in_day (const job_cron *self, int from)
{
    int hour = from / 3600;
    int minute = from / 60 % 60;
    int first_second = next_bit (self->seconds, 0);
    if (self->hours >> hour & 1) {
        int second = self->minutes >> minute & 1 ? next_bit (self->seconds, from % 60) : -1;
        if (second >= 0)
            return hour * 3600 + minute * 60 + second;
        int next_minute = next_bit (self->minutes, minute + 1);
        if (next_minute >= 0)
            return hour * 3600 + next_minute * 60 + first_second;
    }
    int next_hour = next_bit (self->hours, hour + 1);
    return next_hour < 0 ? -1 : next_hour * 3600 + next_bit (self->minutes, 0) * 60 + first_second;
}

bool job_cron_next (const job_cron *self, int64_t after_seconds, int64_t *next_seconds)
{
    int64_t start = after_seconds + 1;
    int64_t today = job_floor_div (start, JOB_DAY_SECONDS);
    job_civil date = job_date_from_days (today);
    if (date.year > JOB_CRON_YEAR_MAX)
        return false;
    uint32_t days = job_cron_days (self, date.year, date.month);
    if (days & bit (date.day)) {
        int second = next_in_day (self, (int) (start - today * JOB_DAY_SECONDS));
        if (second >= 0) {
            *next_seconds = today * JOB_DAY_SECONDS + second;
            return true;
        }
    }
    /*  Bits above this day; for day 31 none are left.  */
    days &= (uint32_t) (UINT64_MAX << (date.day + 1));
    while (days == 0) {
        if (++date.month > 12) {
            date.month = 1;
            if (++date.year > JOB_CRON_YEAR_MAX)
                return false;
        }
        days = job_cron_days (self, date.year, date.month);
    }
    int64_t day = job_days_from_date (date.year, date.month, __builtin_ctz (days));
    *next_seconds = day * JOB_DAY_SECONDS + next_in_day (self, 0);
    return true;
}
