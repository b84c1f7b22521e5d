/*  Civil dates: the proleptic Gregorian calendar without zones.

    A date is counted in days since 1970-01-01, a date with time in seconds since 1970-01-01
    00:00:00 of the same clock; whose clock that is, UTC or a wall somewhere, is the caller's
    business (zone.h). No leap seconds: every day has 86,400 seconds, as in POSIX. Pure arithmetic,
    valid for every year within JOB_CIVIL_YEAR_LIMIT of zero, which covers all that microseconds in
    an int64_t can say.
*/
#ifndef BUGLE_JOB_CIVIL_H
#define BUGLE_JOB_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

#define JOB_CIVIL_YEAR_LIMIT 400000
#define JOB_DAY_SECONDS      86400
/*  The calendar repeats after 400 years, weekdays included.  */
#define JOB_CYCLE_YEARS   400
#define JOB_CYCLE_DAYS    146097
#define JOB_CYCLE_SECONDS (INT64_C (86400) * JOB_CYCLE_DAYS)

typedef struct {
    int year;
    int month; /*  1 to 12  */
    int day;   /*  1 to 31  */
    int hour;
    int minute;
    int second;
} job_civil;

/*  Quotient rounded towards minus infinity; divisor > 0.  */
static inline int64_t job_floor_div (int64_t value, int64_t divisor)
{
    return value / divisor - (value % divisor < 0);
}

bool job_is_leap_year (int year);
/*  28 to 31; month 1 to 12.  */
int job_days_in_month (int year, int month);
/*  Days from 1970-01-01 to the date, negative before it. day is 1 to 31.  */
int64_t job_days_from_date (int year, int month, int day);
/*  The date of a day number; hour, minute and second are 0.  */
job_civil job_date_from_days (int64_t days);
/*  0 Sunday to 6 Saturday.  */
int job_weekday (int64_t days);
/*  Dates written as the number YYYYMMDD, of the years 1 to 9999.  */
bool job_date_number_valid (uint64_t number);
/*  Of a valid number.  */
int64_t job_days_from_number (uint32_t number);
/*  The number of a day of the years 1 to 9999.  */
uint32_t job_date_number (int64_t days);
int64_t job_seconds_from_civil (const job_civil *civil);
job_civil job_civil_from_seconds (int64_t seconds);

#endif
