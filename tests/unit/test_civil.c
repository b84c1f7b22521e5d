/*  Calendar arithmetic: against known dates, and against counting day by day.  */
#include "common/job/civil.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_known_days (void **state)
{
    (void) state;
    assert_int_equal (job_days_from_date (1970, 1, 1), 0);
    assert_int_equal (job_days_from_date (1969, 12, 31), -1);
    assert_int_equal (job_days_from_date (2000, 3, 1), 11017);
    assert_int_equal (job_days_from_date (1, 1, 1), -719162);
    assert_int_equal (job_weekday (job_days_from_date (2026, 1, 5)), 1);
    assert_int_equal (job_weekday (job_days_from_date (1900, 1, 1)), 1);
}

static void test_every_day_of_a_cycle_counts_up (void **state)
{
    (void) state;
    int64_t day = job_days_from_date (1799, 1, 1);
    int weekday = job_weekday (day);
    for (int year = 1799; year < 1799 + JOB_CYCLE_YEARS + 2; year++) {
        for (int month = 1; month <= 12; month++) {
            for (int date = 1; date <= job_days_in_month (year, month); date++) {
                assert_int_equal (job_days_from_date (year, month, date), day);
                job_civil civil = job_date_from_days (day);
                assert_true (civil.year == year && civil.month == month && civil.day == date);
                assert_int_equal (job_weekday (day), weekday);
                weekday = (weekday + 1) % 7;
                day++;
            }
        }
    }
    assert_int_equal (
        job_days_from_date (2170, 1, 1) - job_days_from_date (1770, 1, 1), JOB_CYCLE_DAYS);
}

static void test_leap_years (void **state)
{
    (void) state;
    assert_true (job_is_leap_year (2000));
    assert_true (job_is_leap_year (2024));
    assert_false (job_is_leap_year (1900));
    assert_false (job_is_leap_year (2026));
    assert_true (job_is_leap_year (0));
    assert_true (job_is_leap_year (-4));
    assert_int_equal (job_days_in_month (2100, 2), 28);
}

static void test_seconds_go_both_ways (void **state)
{
    (void) state;
    static const int64_t some[] = {
        0,
        -1,
        86399,
        86400,
        INT64_C (951782400),
        INT64_C (-62135596800),
        INT64_C (253402300799),
        INT64_C (-9223372036854),
        INT64_C (9223372036854),
    };
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        job_civil civil = job_civil_from_seconds (some[i]);
        assert_true (job_seconds_from_civil (&civil) == some[i]);
        assert_in_range (civil.hour, 0, 23);
        assert_in_range (civil.second, 0, 59);
    }
    job_civil before = job_civil_from_seconds (-1);
    assert_true (before.year == 1969 && before.month == 12 && before.day == 31 &&
                 before.hour == 23 && before.minute == 59 && before.second == 59);
}

static void test_division_rounds_down (void **state)
{
    (void) state;
    assert_int_equal (job_floor_div (7, 3), 2);
    assert_int_equal (job_floor_div (-7, 3), -3);
    assert_int_equal (job_floor_div (-6, 3), -2);
    assert_int_equal (job_floor_div (0, 3), 0);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_known_days),
        cmocka_unit_test (test_every_day_of_a_cycle_counts_up),
        cmocka_unit_test (test_leap_years),
        cmocka_unit_test (test_seconds_go_both_ways),
        cmocka_unit_test (test_division_rounds_down),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
