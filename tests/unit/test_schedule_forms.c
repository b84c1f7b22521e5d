/*  Schedules by date: the reference's worked examples to the letter (sqlagent.md 7.4), and what is
    refused.  */
#include "common/job/civil.h"
#include "common/job/schedule.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#define SECOND_US INT64_C (1000000)
#define SHOWN_MAX 100

/*  HHMMSS as seconds of the day.  */
#define AT(hhmmss) ((hhmmss) / 10000 * 3600 + (hhmmss) / 100 % 100 * 60 + (hhmmss) % 100)

static int64_t instant (int64_t date, int64_t hhmmss)
{
    return (job_days_from_number ((uint32_t) date) * JOB_DAY_SECONDS + AT (hhmmss)) * SECOND_US;
}

/*  "0105T2330", or with the year when it is not 2026.  */
static void append_time (bg_buf *text, int64_t at_us)
{
    job_civil civil = job_civil_from_seconds (at_us / SECOND_US);
    if (text->size > 0)
        bg_buf_append_str (text, " ");
    if (civil.year != 2026)
        bg_buf_printf (text, "%04d", civil.year);
    bg_buf_printf (text, "%02d%02dT%02d%02d", civil.month, civil.day, civil.hour, civil.minute);
    if (civil.second)
        bg_buf_printf (text, "%02d", civil.second);
}

typedef struct {
    int number;
    job_schedule schedule;
    int64_t from_date;
    int64_t to_date;  /*  not included  */
    const char *runs; /*  all of them, ascending  */
    int64_t from_time;
} example;

static const example examples[] = {
    {1, {.kind = JOB_SCHEDULE_ONCE, .start_date = 20260105, .time_s = AT (233000)}, 20250101,
        20280101, "0105T2330", 0},
    {2, {.kind = JOB_SCHEDULE_DAILY, .interval = 1, .time_s = AT (10000)}, 20260101, 20260104,
        "0101T0100 0102T0100 0103T0100", 0},
    {3, {.kind = JOB_SCHEDULE_DAILY, .interval = 3, .start_date = 20260101}, 20251220, 20260116,
        "0101T0000 0104T0000 0107T0000 0110T0000 0113T0000", 0},
    {4, {.kind = JOB_SCHEDULE_WEEKLY, .interval = 64, .factor = 1, .time_s = AT (20000)}, 20260101,
        20260118, "0103T0200 0110T0200 0117T0200", 0},
    {5, {.kind = JOB_SCHEDULE_WEEKLY, .interval = 62, .factor = 1, .start_date = 20260101},
        20251201, 20260108, "0101T0000 0102T0000 0105T0000 0106T0000 0107T0000", 0},
    {6,
        {.kind = JOB_SCHEDULE_WEEKLY,
            .interval = 2,
            .factor = 2,
            .time_s = AT (80000),
            .anchor_date = 20080303},
        20080303, 20080401, "20080317T0800 20080331T0800", 100000},
    {7,
        {.kind = JOB_SCHEDULE_WEEKLY,
            .interval = 2,
            .factor = 2,
            .time_s = AT (80000),
            .anchor_date = 20080304},
        20080304, 20080401, "20080310T0800 20080324T0800", 100000},
    {8, {.kind = JOB_SCHEDULE_WEEKLY, .interval = 18, .factor = 2, .start_date = 20260101},
        20251201, 20260210, "0101T0000 0112T0000 0115T0000 0126T0000 0129T0000 0209T0000", 0},
    {9, {.kind = JOB_SCHEDULE_MONTHLY, .interval = 15, .factor = 2, .start_date = 20260101},
        20251201, 20260801, "0115T0000 0315T0000 0515T0000 0715T0000", 0},
    {10, {.kind = JOB_SCHEDULE_MONTHLY, .interval = 31, .factor = 1, .start_date = 20260101},
        20251201, 20261201, "0131T0000 0331T0000 0531T0000 0731T0000 0831T0000 1031T0000", 0},
    {11, {.kind = JOB_SCHEDULE_RELATIVE, .interval = 3, .relative = 2, .factor = 1}, 20260101,
        20260501, "0113T0000 0210T0000 0310T0000 0414T0000", 0},
    {12,
        {.kind = JOB_SCHEDULE_RELATIVE,
            .interval = JOB_RELATIVE_WEEKDAY,
            .relative = JOB_RELATIVE_LAST,
            .factor = 2,
            .start_date = 20260101},
        20260101, 20260801, "0130T0000 0331T0000 0529T0000 0731T0000", 0},
    {13,
        {.kind = JOB_SCHEDULE_RELATIVE,
            .interval = JOB_RELATIVE_WEEKEND_DAY,
            .relative = 1,
            .factor = 1},
        20260101, 20260501, "0103T0000 0201T0000 0301T0000 0404T0000", 0},
    {14,
        {.kind = JOB_SCHEDULE_RELATIVE,
            .interval = JOB_RELATIVE_DAY,
            .relative = JOB_RELATIVE_LAST,
            .factor = 1},
        20260101, 20260401, "0131T0000 0228T0000 0331T0000", 0},
    {15, {.kind = JOB_SCHEDULE_RELATIVE, .interval = 6, .relative = 8, .factor = 1}, 20260101,
        20260201, "0123T0000", 0},
    {15, {.kind = JOB_SCHEDULE_RELATIVE, .interval = 6, .relative = JOB_RELATIVE_LAST, .factor = 1},
        20260101, 20260201, "0130T0000", 0},
    {16,
        {.kind = JOB_SCHEDULE_DAILY,
            .interval = 1,
            .repeat_s = 7200,
            .time_s = AT (80000),
            .end_s = AT (170000) + 1},
        20260101, 20260103,
        "0101T0800 0101T1000 0101T1200 0101T1400 0101T1600 "
        "0102T0800 0102T1000 0102T1200 0102T1400 0102T1600",
        0},
    /*  The last run belongs to the day on which the window opened: the first of January has no
        00:00 of its own.  */
    {18,
        {.kind = JOB_SCHEDULE_DAILY,
            .interval = 1,
            .repeat_s = 1800,
            .time_s = AT (220000),
            .end_s = AT (20000) + 1,
            .start_date = 20260101,
            .end_date = 20260101},
        20251201, 20260201,
        "0101T2200 0101T2230 0101T2300 0101T2330 0102T0000 0102T0030 0102T0100 0102T0130 0102T0200",
        0},
};

static void test_worked_examples_run_as_the_reference_says (void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const example *it = &examples[i];
        bg_error err = {0};
        if (bg_failed (job_schedule_check (&it->schedule, &err)))
            fail_msg ("example %d: %s", it->number, err.message);
        int64_t found[SHOWN_MAX];
        size_t count = job_schedule_window (&it->schedule, instant (it->from_date, it->from_time),
            instant (it->to_date, 0), found, SHOWN_MAX);
        BG_AUTO_BUF text = {0};
        for (size_t j = 0; j < count; j++)
            append_time (&text, found[j]);
        if (strcmp (bg_buf_cstr (&text), it->runs) != 0)
            fail_msg ("example %d: %s\ninstead of %s", it->number, bg_buf_cstr (&text), it->runs);
    }
}

static void test_example_17_runs_96_times_a_day (void **state)
{
    (void) state;
    const job_schedule schedule = {.kind = JOB_SCHEDULE_DAILY, .interval = 1, .repeat_s = 900};
    int64_t found[200];
    assert_int_equal (
        job_schedule_window (&schedule, instant (20260101, 0), instant (20260102, 0), found, 200),
        96);
    for (int i = 0; i < 96; i++)
        assert_int_equal (found[i], instant (20260101, 0) + i * 900 * SECOND_US);
}

static void test_examples_19_and_20_wait_for_events (void **state)
{
    (void) state;
    const job_schedule_kind kinds[] = {JOB_SCHEDULE_NODE_START, JOB_SCHEDULE_IDLE};
    for (size_t i = 0; i < 2; i++) {
        const job_schedule schedule = {.kind = kinds[i], .end_date = 20260105};
        int64_t next = 0;
        assert_true (bg_is_ok (job_schedule_check (&schedule, NULL)));
        assert_true (job_schedule_is_event (&schedule));
        assert_false (job_schedule_next (&schedule, 0, &next, NULL));
        assert_true (job_schedule_is_dated (&schedule, instant (20260105, 235959)));
        assert_false (job_schedule_is_dated (&schedule, instant (20260106, 0)));
        assert_int_equal (job_schedule_densest_hour (&schedule), 1);
    }
    const job_schedule other = {.kind = JOB_SCHEDULE_DAILY, .interval = 1};
    assert_false (job_schedule_is_event (&other));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_worked_examples_run_as_the_reference_says),
        cmocka_unit_test (test_example_17_runs_96_times_a_day),
        cmocka_unit_test (test_examples_19_and_20_wait_for_events),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
