/*  Calendar arithmetic, without zones and without tables of years.

    A year is counted from March here: the leap day is then the last day of its year, and the
    lengths of the months March to January follow one straight line, (153 m + 2) / 5 days before
    month m. Years are counted within their cycle of 400, so that all divisions are of numbers that
    are not negative.
*/
#include "common/job/civil.h"

#include "common/base/err.h"

/*  Days from 0000-03-01 to 1970-01-01.  */
#define EPOCH_FROM_MARCH_ZERO 719468

static int64_t days_before_month (int64_t month_from_march)
{
    return (153 * month_from_march + 2) / 5;
}

static int64_t days_before_year (int64_t year_of_cycle)
{
    return year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100;
}

bool job_is_leap_year (int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int job_days_in_month (int year, int month)
{
    static const uint8_t lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bg_assert (month >= 1 && month <= 12);
    return lengths[month - 1] + (month == 2 && job_is_leap_year (year));
}

int64_t job_days_from_date (int year, int month, int day)
{
    bg_assert (year > -JOB_CIVIL_YEAR_LIMIT && year < JOB_CIVIL_YEAR_LIMIT);
    bg_assert (month >= 1 && month <= 12 && day >= 1 && day <= 31);
    int64_t march_year = month <= 2 ? year - 1 : year;
    int64_t cycle = job_floor_div (march_year, JOB_CYCLE_YEARS);
    int64_t day_of_year = days_before_month ((month + 9) % 12) + day - 1;
    int64_t day_of_cycle = days_before_year (march_year - cycle * JOB_CYCLE_YEARS) + day_of_year;
    return cycle * JOB_CYCLE_DAYS + day_of_cycle - EPOCH_FROM_MARCH_ZERO;
}

job_civil job_date_from_days (int64_t days)
{
    const int64_t limit = (int64_t) JOB_CIVIL_YEAR_LIMIT * 365;
    bg_assert (days > -limit && days < limit);
    int64_t from_march_zero = days + EPOCH_FROM_MARCH_ZERO;
    int64_t cycle = job_floor_div (from_march_zero, JOB_CYCLE_DAYS);
    int64_t day_of_cycle = from_march_zero - cycle * JOB_CYCLE_DAYS;
    /*  The leap days before this day are taken out, what is left divides evenly: one every 1,461
        days, none at the end of a century (36,524 days), and one again at the end of the cycle.  */
    int64_t without_leap_days =
        day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096;
    int64_t year_of_cycle = without_leap_days / 365;
    int64_t day_of_year = day_of_cycle - days_before_year (year_of_cycle);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return (job_civil){
        .year = (int) (cycle * JOB_CYCLE_YEARS + year_of_cycle + (month <= 2)),
        .month = (int) month,
        .day = (int) (day_of_year - days_before_month (month_from_march) + 1),
    };
}

int job_weekday (int64_t days)
{
    /*  1970-01-01 was a Thursday.  */
    int64_t from_sunday = days + 4;
    return (int) (from_sunday - job_floor_div (from_sunday, 7) * 7);
}

bool job_date_number_valid (uint64_t number)
{
    uint64_t year = number / 10000;
    uint64_t month = number / 100 % 100;
    uint64_t day = number % 100;
    return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
           day <= (uint64_t) job_days_in_month ((int) year, (int) month);
}

int64_t job_days_from_number (uint32_t number)
{
    bg_assert (job_date_number_valid (number));
    return job_days_from_date (
        (int) (number / 10000), (int) (number / 100 % 100), (int) (number % 100));
}

uint32_t job_date_number (int64_t days)
{
    job_civil date = job_date_from_days (days);
    bg_assert (date.year >= 1 && date.year <= 9999);
    return (uint32_t) (date.year * 10000 + date.month * 100 + date.day);
}

int64_t job_seconds_from_civil (const job_civil *civil)
{
    return job_days_from_date (civil->year, civil->month, civil->day) * JOB_DAY_SECONDS +
           civil->hour * INT64_C (3600) + civil->minute * INT64_C (60) + civil->second;
}

job_civil job_civil_from_seconds (int64_t seconds)
{
    int64_t days = job_floor_div (seconds, JOB_DAY_SECONDS);
    int second_of_day = (int) (seconds - days * JOB_DAY_SECONDS);
    job_civil civil = job_date_from_days (days);
    civil.hour = second_of_day / 3600;
    civil.minute = second_of_day / 60 % 60;
    civil.second = second_of_day % 60;
    return civil;
}
