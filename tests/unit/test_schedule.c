/*  Schedules in zones: what happens when the clocks change, intervals, windows, limits and the cost
    of one question.

    The zones are made from rules written here, so that no file of the system is needed.  */
#include "common/job/schedule.h"

#include "common/job/civil.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#define SECOND INT64_C (1000000)

/*  A zone of one rule for all time: the smallest file there is.  */
static job_zone *zone_of_rule (const char *rule, int32_t first_offset)
{
    BG_AUTO_BUF bytes = {0};
    for (int block = 0; block < 2; block++) {
        bg_buf_append (&bytes, "TZif2", 5);
        for (int i = 0; i < 15; i++)
            bg_buf_append_byte (&bytes, 0);
        for (int i = 0; i < 4; i++)
            bg_buf_append_u32 (&bytes, 0);
        bg_buf_append_u32 (&bytes, 1);
        bg_buf_append_u32 (&bytes, 1);
        bg_buf_append_u32 (&bytes, (uint32_t) first_offset);
        bg_buf_append (&bytes, "\0\0\0", 3);
    }
    bg_buf_printf (&bytes, "\n%s\n", rule);
    job_zone *zone = job_zone_load ("Test/Rule", bg_buf_slice (&bytes), NULL);
    assert_non_null (zone);
    return zone;
}

static job_zone *berlin;
static job_zone *lord_howe;

static int set_up (void **state)
{
    (void) state;
    berlin = zone_of_rule ("CET-1CEST,M3.5.0,M10.5.0/3", 3600);
    lord_howe = zone_of_rule ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 37800);
    return 0;
}

static int tear_down (void **state)
{
    (void) state;
    job_zone_destroy (&berlin);
    job_zone_destroy (&lord_howe);
    return 0;
}

static job_schedule cron_in (const char *text, const job_zone *zone)
{
    job_schedule schedule = {.kind = JOB_SCHEDULE_CRON, .zone = zone};
    assert_true (bg_is_ok (job_cron_parse (bg_slice_str (text), &schedule.cron, NULL, NULL)));
    assert_true (bg_is_ok (job_schedule_check (&schedule, NULL)));
    return schedule;
}

static int64_t at (int month, int day, int hour, int minute)
{
    job_civil civil = {2026, month, day, hour, minute, 0};
    return job_seconds_from_civil (&civil) * SECOND;
}

/*  The occurrences after from, in order; wanted ends with 0.  */
static void assert_runs (const job_schedule *schedule, int64_t from, const int64_t *wanted)
{
    int64_t time = from;
    for (; *wanted != 0; wanted++) {
        int64_t next = 0;
        assert_true (job_schedule_next (schedule, time, &next, NULL));
        if (next != *wanted)
            fail_msg ("next is %lld, wanted %lld", (long long) next, (long long) *wanted);
        time = next;
    }
}
#define RUNS(...) ((const int64_t[]){__VA_ARGS__, 0})

static void test_without_zone_it_is_utc (void **state)
{
    (void) state;
    job_schedule schedule = cron_in ("30 2 * * *", NULL);
    assert_runs (&schedule, at (3, 28, 2, 30), RUNS (at (3, 29, 2, 30), at (3, 30, 2, 30)));
    assert_runs (&schedule, at (3, 28, 2, 30) - 1, RUNS (at (3, 28, 2, 30)));
}

/*  In Berlin 2026-03-29 02:00 to 03:00 does not exist; it is 01:00 UTC.  */
static void test_gap_policies (void **state)
{
    (void) state;
    job_schedule schedule = cron_in ("30 2 * * *", berlin);
    int64_t before = at (3, 28, 1, 30);
    int64_t after = at (3, 30, 0, 30);
    assert_runs (&schedule, before - 1, RUNS (before, at (3, 29, 1, 0), after));
    schedule.gap = JOB_GAP_SHIFT;
    assert_runs (&schedule, before - 1, RUNS (before, at (3, 29, 1, 30), after));
    assert_runs (&schedule, at (3, 29, 1, 15), RUNS (at (3, 29, 1, 30), after));
    schedule.gap = JOB_GAP_SKIP;
    assert_runs (&schedule, before - 1, RUNS (before, after));
}

static void test_a_gap_runs_once_however_much_falls_into_it (void **state)
{
    (void) state;
    job_schedule schedule = cron_in ("*/20 2 * * *", berlin);
    assert_runs (&schedule, at (3, 29, 0, 0), RUNS (at (3, 29, 1, 0), at (3, 30, 0, 0)));
    /*  What stands at the edge anyway is not run twice.  */
    schedule = cron_in ("0,30 2,3 * * *", berlin);
    assert_runs (
        &schedule, at (3, 29, 0, 0), RUNS (at (3, 29, 1, 0), at (3, 29, 1, 30), at (3, 30, 0, 0)));
    schedule.gap = JOB_GAP_SHIFT;
    assert_runs (
        &schedule, at (3, 29, 0, 0), RUNS (at (3, 29, 1, 0), at (3, 29, 1, 30), at (3, 30, 0, 0)));
}

static void test_shifted_times_mix_in_order (void **state)
{
    (void) state;
    /*  02:20 is shifted to 02:50, behind 02:45; Lord Howe's gap is from 02:00 to 02:30.  */
    job_schedule schedule = cron_in ("20,45 2 * * *", lord_howe);
    schedule.gap = JOB_GAP_SHIFT;
    assert_runs (&schedule, at (10, 3, 0, 0),
        RUNS (at (10, 3, 15, 45), at (10, 3, 15, 50), at (10, 4, 15, 20)));
    schedule = cron_in ("5,45 2 * * *", lord_howe);
    schedule.gap = JOB_GAP_SHIFT;
    assert_runs (&schedule, at (10, 3, 0, 0),
        RUNS (at (10, 3, 15, 35), at (10, 3, 15, 45), at (10, 4, 15, 5)));
    schedule = cron_in ("10 2-3/1 * * *", berlin);
    schedule.gap = JOB_GAP_SHIFT;
    assert_runs (&schedule, at (3, 29, 0, 0),
        RUNS (at (3, 29, 1, 10), at (3, 30, 0, 10), at (3, 30, 1, 10)));
}

/*  In Berlin 2026-10-25 02:00 to 03:00 comes twice, from 00:00 and from 01:00 UTC.  */
static void test_fold_policies (void **state)
{
    (void) state;
    job_schedule schedule = cron_in ("30 2 * * *", berlin);
    int64_t before = at (10, 24, 0, 30);
    int64_t first = at (10, 25, 0, 30);
    int64_t second = at (10, 25, 1, 30);
    int64_t after = at (10, 26, 1, 30);
    assert_runs (&schedule, before, RUNS (first, after));
    schedule.fold = JOB_FOLD_SECOND;
    assert_runs (&schedule, before, RUNS (second, after));
    assert_runs (&schedule, first, RUNS (second, after));
    schedule.fold = JOB_FOLD_BOTH;
    assert_runs (&schedule, before, RUNS (first, second, after));
    int fold = -1;
    int64_t next = 0;
    assert_true (job_schedule_next (&schedule, before, &next, &fold));
    assert_int_equal (fold, 0);
    assert_true (job_schedule_next (&schedule, first, &next, &fold));
    assert_int_equal (fold, 1);
    assert_true (job_schedule_next (&schedule, second, &next, &fold));
    assert_int_equal (fold, 0);
}

static void test_every_hour_runs_in_elapsed_time (void **state)
{
    (void) state;
    static const char *const texts[] = {
        "30 * * * *", "30 0-23 * * *", "30 */1 * * *", "30 0-11,12-23 * * *"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (int policy = 0; policy < 3; policy++) {
            job_schedule schedule = cron_in (texts[i], berlin);
            schedule.gap = (job_gap) policy;
            schedule.fold = (job_fold) policy;
            for (int64_t hour = 0; hour < 365 * 24; hour++) {
                int64_t next = 0;
                int64_t from = at (1, 1, 0, 30) + hour * 3600 * SECOND;
                assert_true (job_schedule_next (&schedule, from, &next, NULL));
                assert_true (next == from + 3600 * SECOND);
            }
        }
    }
    job_schedule schedule = cron_in ("*/7 * * * *", berlin);
    assert_runs (&schedule, at (10, 25, 0, 50),
        RUNS (at (10, 25, 0, 56), at (10, 25, 1, 0), at (10, 25, 1, 7), at (10, 25, 1, 14)));
    int fold = 0;
    int64_t next = 0;
    assert_true (job_schedule_next (&schedule, at (10, 25, 0, 56), &next, &fold));
    assert_int_equal (fold, 1);
}

static void test_steps_of_hours_are_times_of_the_day (void **state)
{
    (void) state;
    job_schedule schedule = cron_in ("0 */2 * * *", berlin);
    assert_runs (&schedule, at (10, 24, 22, 0),
        RUNS (at (10, 25, 0, 0), at (10, 25, 3, 0), at (10, 25, 5, 0)));
    assert_runs (
        &schedule, at (3, 28, 23, 0), RUNS (at (3, 29, 1, 0), at (3, 29, 2, 0), at (3, 29, 4, 0)));
}

static void test_half_hour_changes (void **state)
{
    (void) state;
    /*  Lord Howe, 2026-10-04: 02:00 to 02:30 does not exist, at 15:30 UTC of the 3rd. 2026-04-05:
     * 01:30 to 02:00 twice.  */
    job_schedule schedule = cron_in ("15 2 * * *", lord_howe);
    assert_runs (&schedule, at (10, 3, 0, 0), RUNS (at (10, 3, 15, 30), at (10, 4, 15, 15)));
    schedule.gap = JOB_GAP_SHIFT;
    assert_runs (&schedule, at (10, 3, 0, 0), RUNS (at (10, 3, 15, 45), at (10, 4, 15, 15)));
    schedule = cron_in ("45 1 * * *", lord_howe);
    schedule.fold = JOB_FOLD_BOTH;
    assert_runs (
        &schedule, at (4, 4, 0, 0), RUNS (at (4, 4, 14, 45), at (4, 4, 15, 15), at (4, 5, 15, 15)));
    schedule = cron_in ("45 * * * *", lord_howe);
    assert_runs (&schedule, at (4, 4, 14, 0),
        RUNS (at (4, 4, 14, 45), at (4, 4, 15, 15), at (4, 4, 16, 15)));
}

static void test_the_edges_of_a_fold (void **state)
{
    (void) state;
    /*  02:00 is the first local time that comes again, 03:00 the first that does not.  */
    job_schedule schedule = cron_in ("0 2,3 * * *", berlin);
    assert_runs (&schedule, at (10, 24, 12, 0),
        RUNS (at (10, 25, 0, 0), at (10, 25, 2, 0), at (10, 26, 1, 0)));
    schedule.fold = JOB_FOLD_SECOND;
    assert_runs (&schedule, at (10, 24, 12, 0),
        RUNS (at (10, 25, 1, 0), at (10, 25, 2, 0), at (10, 26, 1, 0)));
    schedule.fold = JOB_FOLD_BOTH;
    assert_runs (&schedule, at (10, 24, 12, 0),
        RUNS (at (10, 25, 0, 0), at (10, 25, 1, 0), at (10, 25, 2, 0)));
}

static void test_skipping_for_ever_ends (void **state)
{
    (void) state;
    job_schedule schedule = cron_in ("30 2 ? 3 sunL", berlin);
    int64_t next = 0;
    assert_true (job_schedule_next (&schedule, at (1, 1, 0, 0), &next, NULL));
    assert_true (next == at (3, 29, 1, 0));
    schedule.gap = JOB_GAP_SKIP;
    assert_false (job_schedule_next (&schedule, at (1, 1, 0, 0), &next, NULL));
}

static void test_intervals_count_from_1970 (void **state)
{
    (void) state;
    job_schedule schedule = {.kind = JOB_SCHEDULE_EVERY, .every_us = 90 * SECOND, .zone = berlin};
    assert_runs (&schedule, 0, RUNS (90 * SECOND, 180 * SECOND));
    assert_runs (&schedule, 90 * SECOND - 1, RUNS (90 * SECOND));
    assert_runs (&schedule, -91 * SECOND, RUNS (-90 * SECOND));
    int64_t next = 1;
    assert_true (job_schedule_next (&schedule, -90 * SECOND, &next, NULL));
    assert_true (next == 0);
    int fold = 5;
    assert_true (job_schedule_next (&schedule, at (10, 25, 0, 59), &next, &fold));
    assert_int_equal (fold, 0);
    assert_true (next % (90 * SECOND) == 0 && next > at (10, 25, 0, 59));
}

static void test_times_from_the_ends_of_time (void **state)
{
    (void) state;
    job_schedule cron = cron_in ("0 0 * * *", berlin);
    job_schedule every = {.kind = JOB_SCHEDULE_EVERY, .every_us = JOB_EVERY_MAX_US};
    int64_t next = 0;
    assert_false (job_schedule_next (&cron, INT64_MAX, &next, NULL));
    assert_false (job_schedule_next (&every, INT64_MAX, &next, NULL));
    assert_true (job_schedule_next (&cron, INT64_MIN, &next, NULL));
    assert_true (next < 0);
    assert_true (job_schedule_next (&every, INT64_MIN, &next, NULL));
    assert_true (next < 0);
    assert_int_equal (job_schedule_window (&cron, INT64_MIN, INT64_MAX, &next, 1), 1);
}

static void test_window (void **state)
{
    (void) state;
    job_schedule schedule = cron_in ("30 2 * * *", berlin);
    int64_t runs[10];
    assert_int_equal (
        job_schedule_window (&schedule, at (3, 28, 1, 30), at (3, 30, 0, 30), runs, 10), 2);
    assert_true (runs[0] == at (3, 28, 1, 30) && runs[1] == at (3, 29, 1, 0));
    assert_int_equal (
        job_schedule_window (&schedule, at (3, 28, 1, 30), at (4, 28, 0, 0), runs, 10), 10);
    assert_int_equal (
        job_schedule_window (&schedule, at (3, 28, 1, 30), at (3, 28, 1, 30), runs, 10), 0);
    assert_int_equal (
        job_schedule_window (&schedule, at (3, 28, 1, 30), at (4, 28, 0, 0), runs, 0), 0);
}

static void test_densest_hour (void **state)
{
    (void) state;
    static const struct {
        const char *text;
        uint32_t starts;
    } some[] = {
        {"30 2 * * *", 1},
        {"*/5 * * * *", 12},
        {"* * * * * *", 3600},
        {"* * 8 * * *", 3600},
        {"0,30 8 1 1 *", 2},
        {"0 2,3 * * *", 2},
    };
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        job_schedule schedule = cron_in (some[i].text, berlin);
        assert_int_equal (job_schedule_densest_hour (&schedule), some[i].starts);
    }
    job_schedule uneven = cron_in ("*/5 * * * *", lord_howe);
    assert_int_equal (job_schedule_densest_hour (&uneven), 24);
    job_schedule every = {.kind = JOB_SCHEDULE_EVERY, .every_us = 7 * SECOND};
    assert_int_equal (job_schedule_densest_hour (&every), 515);
    every.every_us = JOB_EVERY_MAX_US;
    assert_int_equal (job_schedule_densest_hour (&every), 1);
}

static void test_check_refuses_what_is_outside (void **state)
{
    (void) state;
    job_schedule good = cron_in ("0 0 * * *", NULL);
    job_schedule schedule = good;
    schedule.kind = (job_schedule_kind) 3;
    assert_int_equal (job_schedule_check (&schedule, NULL).code, BG_INVALID);
    schedule = good;
    schedule.gap = (job_gap) 3;
    assert_int_equal (job_schedule_check (&schedule, NULL).code, BG_INVALID);
    schedule = good;
    schedule.fold = (job_fold) 3;
    assert_int_equal (job_schedule_check (&schedule, NULL).code, BG_INVALID);
    schedule = (job_schedule){.kind = JOB_SCHEDULE_EVERY, .every_us = SECOND - 1};
    assert_int_equal (job_schedule_check (&schedule, NULL).code, BG_INVALID);
    schedule.every_us = JOB_EVERY_MAX_US + 1;
    assert_int_equal (job_schedule_check (&schedule, NULL).code, BG_INVALID);
    schedule.every_us = JOB_EVERY_MAX_US;
    assert_true (bg_is_ok (job_schedule_check (&schedule, NULL)));
}

static int64_t now_ns (void)
{
    struct timespec time;
    clock_gettime (CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C (1000000000) + time.tv_nsec;
}

static int compare_ns (const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;
    return (*a > *b) - (*a < *b);
}

static void test_the_median_question_costs_less_than_10_us (void **state)
{
    (void) state;
    enum { QUESTIONS = 2001 };
    static const char *const texts[] = {
        "30 2 * * *", "0 12 * * 1-5", "0 0 L * *", "*/5 * * * *", "0 6 29 2 *"};
    static int64_t spent[QUESTIONS];
    for (size_t i = 0; i < QUESTIONS; i++) {
        job_schedule schedule = cron_in (texts[i % 5], berlin);
        int64_t next = 0;
        int64_t from = at (1, 1, 0, 0) + (int64_t) i * 77777 * SECOND;
        int64_t start = now_ns ();
        assert_true (job_schedule_next (&schedule, from, &next, NULL));
        spent[i] = now_ns () - start;
    }
    qsort (spent, QUESTIONS, sizeof spent[0], compare_ns);
    print_message ("median %lld ns, 99th percentile %lld ns\n", (long long) spent[QUESTIONS / 2],
        (long long) spent[QUESTIONS * 99 / 100]);
    assert_true (spent[QUESTIONS / 2] <= 10000);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_without_zone_it_is_utc),
        cmocka_unit_test (test_gap_policies),
        cmocka_unit_test (test_a_gap_runs_once_however_much_falls_into_it),
        cmocka_unit_test (test_shifted_times_mix_in_order),
        cmocka_unit_test (test_fold_policies),
        cmocka_unit_test (test_every_hour_runs_in_elapsed_time),
        cmocka_unit_test (test_steps_of_hours_are_times_of_the_day),
        cmocka_unit_test (test_half_hour_changes),
        cmocka_unit_test (test_the_edges_of_a_fold),
        cmocka_unit_test (test_skipping_for_ever_ends),
        cmocka_unit_test (test_intervals_count_from_1970),
        cmocka_unit_test (test_times_from_the_ends_of_time),
        cmocka_unit_test (test_window),
        cmocka_unit_test (test_densest_hour),
        cmocka_unit_test (test_check_refuses_what_is_outside),
        cmocka_unit_test (test_the_median_question_costs_less_than_10_us),
    };
    return cmocka_run_group_tests (tests, set_up, tear_down);
}
