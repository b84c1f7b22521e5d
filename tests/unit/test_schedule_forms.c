/*  Schedules by date: the reference's worked examples to the letter (sqlagent.md 7.4), what becomes
    of each where the clocks change, and what is refused.  */
#include "common/job/civil.h"
#include "common/job/schedule.h"
#include "zone_file.h"

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

/*  ---- where the clocks change ----  */

/*  Runs of a few days in UTC, with what a preview says: < asked local time of a shifted one, ' first
    pass, " second.  */
typedef struct {
    const char *zone;
    job_schedule schedule;
    int64_t from_date;
    int64_t to_date;
    const char *runs;
} clock_case;

#define DAILY(time, ...)                                                                           \
    {                                                                                              \
        .kind = JOB_SCHEDULE_DAILY, .interval = 1, .time_s = AT (time), __VA_ARGS__                \
    }

static const clock_case clock_cases[] = {
    /*  Berlin leaves out 2026-03-29 02:00 to 03:00 (01:00 UTC).  */
    {"Europe/Berlin", DAILY (23000, .gap = JOB_GAP_EDGE), 20260328, 20260331,
        "0328T0130 0329T0100<0230 0330T0030"},
    {"Europe/Berlin", DAILY (23000, .gap = JOB_GAP_SHIFT), 20260328, 20260331,
        "0328T0130 0329T0130<0230 0330T0030"},
    {"Europe/Berlin", DAILY (23000, .gap = JOB_GAP_SKIP), 20260328, 20260331,
        "0328T0130 0330T0030"},
    {"Europe/Berlin", DAILY (30000, .gap = JOB_GAP_EDGE), 20260329, 20260330, "0329T0100"},
    /*  And goes through 2026-10-25 02:00 to 03:00 twice (from 00:00 UTC and from 01:00 UTC).  */
    {"Europe/Berlin", DAILY (23000, .fold = JOB_FOLD_FIRST), 20261025, 20261026, "1025T0030'"},
    {"Europe/Berlin", DAILY (23000, .fold = JOB_FOLD_SECOND), 20261025, 20261026, "1025T0130\""},
    {"Europe/Berlin", DAILY (23000, .fold = JOB_FOLD_BOTH), 20261025, 20261026,
        "1025T0030' 1025T0130\""},
    /*  Every form with a time of the day does the same.  */
    {"Europe/Berlin", {.kind = JOB_SCHEDULE_ONCE, .start_date = 20260329, .time_s = AT (23000)},
        20260301, 20260501, "0329T0100<0230"},
    {"Europe/Berlin", {.kind = JOB_SCHEDULE_WEEKLY, .interval = 1, .time_s = AT (23000)}, 20260326,
        20260404, "0329T0100<0230"},
    {"Europe/Berlin", {.kind = JOB_SCHEDULE_MONTHLY, .interval = 29, .time_s = AT (23000)},
        20260301, 20260501, "0329T0100<0230 0429T0030"},
    {"Europe/Berlin",
        {.kind = JOB_SCHEDULE_RELATIVE,
            .interval = 1,
            .relative = JOB_RELATIVE_LAST,
            .time_s = AT (23000),
            .fold = JOB_FOLD_BOTH},
        20261001, 20261101, "1025T0030' 1025T0130\""},
    /*  Windows: the opening follows the rules, the repeats run in elapsed time.  */
    {"Europe/Berlin", DAILY (13000, .repeat_s = 1800, .end_s = AT (40000)), 20260329, 20260330,
        "0329T0030 0329T0100 0329T0130 0329T2330"},
    {"Europe/Berlin", DAILY (21500, .repeat_s = 2700, .end_s = AT (50000)), 20260329, 20260330,
        "0329T0100<0215 0329T0145 0329T0230"},
    {"Europe/Berlin", DAILY (21500, .repeat_s = 2700, .end_s = AT (50000), .gap = JOB_GAP_SHIFT),
        20260329, 20260330, "0329T0115<0215 0329T0200 0329T0245"},
    {"Europe/Berlin", DAILY (21500, .repeat_s = 2700, .end_s = AT (50000), .gap = JOB_GAP_SKIP),
        20260329, 20260330, "0329T0100 0329T0145 0329T0230"},
    {"Europe/Berlin", DAILY (20500, .repeat_s = 2700, .end_s = AT (50000), .gap = JOB_GAP_SKIP),
        20260329, 20260330, "0329T0135 0329T0220"},
    /*  All of the window is left out: once at the edge, or not at all.  */
    {"Europe/Berlin", DAILY (20000, .repeat_s = 600, .end_s = AT (24500)), 20260329, 20260330,
        "0329T0100<0200"},
    {"Europe/Berlin", DAILY (20000, .repeat_s = 600, .end_s = AT (24500), .gap = JOB_GAP_SKIP),
        20260329, 20260330, ""},
    /*  A window over a fold takes in both passes; one that ends or begins in it goes by the pass.  */
    {"Europe/Berlin", DAILY (13000, .repeat_s = 1800, .end_s = AT (33000)), 20261025, 20261026,
        "1025T0000' 1025T0030' 1025T0100\" 1025T0130\" 1025T0200"},
    {"Europe/Berlin", DAILY (13000, .repeat_s = 1800, .end_s = AT (23000)), 20261025, 20261026,
        "1025T0000'"},
    {"Europe/Berlin", DAILY (13000, .repeat_s = 1800, .end_s = AT (23000), .fold = JOB_FOLD_SECOND),
        20261025, 20261026, "1025T0000' 1025T0030' 1025T0100\""},
    {"Europe/Berlin", DAILY (23000, .repeat_s = 1800, .end_s = AT (40000)), 20261025, 20261026,
        "1025T0030' 1025T0100\" 1025T0130\" 1025T0200 1025T0230"},
    {"Europe/Berlin", DAILY (23000, .repeat_s = 1800, .end_s = AT (40000), .fold = JOB_FOLD_SECOND),
        20261025, 20261026, "1025T0130\" 1025T0200 1025T0230"},
    /*  Windows over midnight into a day of change.  */
    {"Europe/Berlin",
        DAILY (220000, .repeat_s = 3600, .end_s = AT (23000), .start_date = 20260328,
            .end_date = 20260328),
        20260301, 20260501, "0328T2100 0328T2200 0328T2300 0329T0000"},
    {"Europe/Berlin",
        DAILY (220000, .repeat_s = 3600, .end_s = AT (23000), .start_date = 20261024,
            .end_date = 20261024),
        20261001, 20261101, "1024T2000 1024T2100 1024T2200 1024T2300 1025T0000'"},
    {"Europe/Berlin",
        DAILY (220000, .repeat_s = 3600, .end_s = AT (23000), .start_date = 20261024,
            .end_date = 20261024, .fold = JOB_FOLD_BOTH),
        20261001, 20261101, "1024T2000 1024T2100 1024T2200 1024T2300 1025T0000' 1025T0100\""},
    /*  Half an hour, negative daylight saving, a change for good over midnight, a day left out.  */
    {"Australia/Lord_Howe", DAILY (14500, .fold = JOB_FOLD_BOTH), 20260404, 20260405,
        "0404T1445' 0404T1515\""},
    {"Australia/Lord_Howe", DAILY (21000, .gap = JOB_GAP_EDGE), 20261003, 20261004,
        "1003T1530<0210"},
    {"Australia/Lord_Howe", DAILY (21000, .gap = JOB_GAP_SHIFT), 20261003, 20261004,
        "1003T1540<0210"},
    {"Europe/Dublin", DAILY (13000, .gap = JOB_GAP_EDGE), 20260329, 20260330, "0329T0100<0130"},
    {"Asia/Pyongyang", DAILY (234500, .end_date = 20180504), 20180504, 20180601,
        "20180504T1500<2345"},
    {"Asia/Pyongyang", DAILY (234500, .start_date = 20150814, .end_date = 20150814), 20150801,
        20150901, "20150814T1445'"},
    {"Pacific/Apia", DAILY (120000, .gap = JOB_GAP_EDGE), 20111229, 20111231,
        "20111229T2200 20111230T1000<1200 20111230T2200"},
    {"Pacific/Apia", DAILY (120000, .gap = JOB_GAP_SHIFT), 20111229, 20111231,
        "20111229T2200 20111230T2200"},
    {"Pacific/Apia", DAILY (120000, .gap = JOB_GAP_EDGE, .end_date = 20111230), 20111229, 20121231,
        "20111229T2200 20111230T1000<1200"},
    {"Pacific/Apia",
        {.kind = JOB_SCHEDULE_ONCE,
            .start_date = 20111230,
            .time_s = AT (120000),
            .gap = JOB_GAP_SHIFT},
        20111201, 20121201, "20111230T2200<1200"},
};

/*  Runs of cron and intervals between dates.  */
static const struct {
    const char *cron;
    clock_case it;
} dated_cases[] = {
    {"0 12 * * *",
        {"Europe/Berlin", {.kind = JOB_SCHEDULE_CRON, .start_date = 20260328, .end_date = 20260330},
            20260101, 20270101, "0328T1100 0329T1000 0330T1000"}},
    {"30 2 * * *",
        {"Europe/Berlin", {.kind = JOB_SCHEDULE_CRON, .start_date = 20260329, .end_date = 20260329},
            20260101, 20270101, "0329T0100<0230"}},
    {"45 23 * * *", {"Asia/Pyongyang", {.kind = JOB_SCHEDULE_CRON, .end_date = 20180504}, 20180504,
                        20190101, "20180504T1500<2345"}},
    {NULL, {"Europe/Berlin",
               {.kind = JOB_SCHEDULE_EVERY,
                   .every_us = 10 * 3600 * SECOND_US,
                   .start_date = 20260329,
                   .end_date = 20260329},
               20260101, 20270101, "0329T0600 0329T1600"}},
    {NULL, {"Asia/Tokyo",
               {.kind = JOB_SCHEDULE_EVERY,
                   .every_us = 6 * 3600 * SECOND_US,
                   .start_date = 20260701,
                   .end_date = 20260701},
               20260101, 20270101, "0630T1800 0701T0000 0701T0600 0701T1200"}},
};

static void append_mark (bg_buf *text, const job_schedule *schedule, int64_t at_us)
{
    job_schedule_mark mark = job_schedule_marks (schedule, at_us);
    append_time (text, at_us);
    if (mark.is_shifted) {
        job_civil asked = job_civil_from_seconds (mark.asked_local_s);
        bg_buf_printf (text, "<%02d%02d", asked.hour, asked.minute);
    }
    bg_buf_append_str (text, mark.fold == 0 ? "" : mark.fold == 1 ? "'" : "\"");
}

static void assert_clock_case (const clock_case *it, const char *cron)
{
    job_zone *zone = zone_file_load (it->zone);
    if (!zone)
        return;
    job_schedule schedule = it->schedule;
    schedule.zone = zone;
    if (cron)
        assert_true (bg_is_ok (job_cron_parse (bg_slice_str (cron), &schedule.cron, NULL, NULL)));
    BG_AUTO_BUF text = {0};
    int64_t found[SHOWN_MAX];
    size_t count = job_schedule_window (
        &schedule, instant (it->from_date, 0), instant (it->to_date, 0), found, SHOWN_MAX);
    for (size_t j = 0; j < count; j++)
        append_mark (&text, &schedule, found[j]);
    if (strcmp (bg_buf_cstr (&text), it->runs) != 0)
        fail_msg ("%s, kind %d, time %u: %s\ninstead of %s", it->zone, (int) schedule.kind,
            schedule.time_s, bg_buf_cstr (&text), it->runs);
    job_zone_destroy (&zone);
}

static void test_each_form_follows_the_rules_where_clocks_change (void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof clock_cases / sizeof clock_cases[0]; i++)
        assert_clock_case (&clock_cases[i], NULL);
}

static void test_dates_bound_cron_and_intervals_by_the_wall (void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof dated_cases / sizeof dated_cases[0]; i++)
        assert_clock_case (&dated_cases[i].it, dated_cases[i].cron);
}

static void test_the_anchor_counts_both_ways (void **state)
{
    (void) state;
    const job_schedule schedule = {
        .kind = JOB_SCHEDULE_DAILY, .interval = 3, .anchor_date = 20260107};
    int64_t next = 0;
    assert_true (job_schedule_next (&schedule, instant (20251230, 0), &next, NULL));
    assert_int_equal (next, instant (20260101, 0));
}

/*  ---- what is refused ----  */

static void test_what_cannot_be_is_refused (void **state)
{
    (void) state;
    const struct {
        job_schedule schedule;
        const char *says;
    } cases[] = {
        {{.kind = JOB_SCHEDULE_ONCE}, "needs its date"},
        {{.kind = JOB_SCHEDULE_ONCE, .start_date = 20260230}, "start date 20260230 is no date"},
        {{.kind = JOB_SCHEDULE_ONCE, .start_date = 20260101, .repeat_s = 60}, "has no repeats"},
        {{.kind = JOB_SCHEDULE_ONCE, .start_date = 19891231}, "before 1990-01-01"},
        {{.kind = JOB_SCHEDULE_ONCE, .start_date = UINT32_MAX}, "is no date"},
        {{.kind = JOB_SCHEDULE_DAILY}, "every 1 to 1000 days"},
        {{.kind = JOB_SCHEDULE_DAILY, .interval = 1001}, "every 1 to 1000 days"},
        {{.kind = JOB_SCHEDULE_DAILY, .interval = 2}, "no date from which"},
        {{.kind = JOB_SCHEDULE_DAILY, .interval = 1, .time_s = 86400}, "before 24:00"},
        {{.kind = JOB_SCHEDULE_DAILY, .interval = 1, .repeat_s = 9}, "10 seconds to 24 hours"},
        {{.kind = JOB_SCHEDULE_DAILY, .interval = 1, .repeat_s = 86401}, "10 seconds to 24 hours"},
        {{.kind = JOB_SCHEDULE_DAILY, .interval = 1, .repeat_s = 10, .end_s = 86401},
            "before 24:00"},
        {{.kind = JOB_SCHEDULE_DAILY, .interval = 1, .start_date = 20260102, .end_date = 20260101},
            "end date is before its start date"},
        {{.kind = JOB_SCHEDULE_DAILY, .interval = 1, .gap = (job_gap) 3}, "gap policy 3"},
        {{.kind = JOB_SCHEDULE_DAILY, .interval = 1, .fold = (job_fold) 3}, "fold policy 3"},
        {{.kind = JOB_SCHEDULE_WEEKLY}, "one or more weekdays"},
        {{.kind = JOB_SCHEDULE_WEEKLY, .interval = 128}, "one or more weekdays"},
        {{.kind = JOB_SCHEDULE_WEEKLY, .interval = 1, .factor = 2}, "no date from which"},
        {{.kind = JOB_SCHEDULE_WEEKLY, .interval = 1, .factor = 1001}, "every 1 to 1000 weeks"},
        {{.kind = JOB_SCHEDULE_MONTHLY}, "1 to 31"},
        {{.kind = JOB_SCHEDULE_MONTHLY, .interval = 32}, "1 to 31"},
        {{.kind = JOB_SCHEDULE_RELATIVE, .interval = 11, .relative = 1}, "Sunday to Saturday"},
        {{.kind = JOB_SCHEDULE_RELATIVE, .interval = 1}, "first (1)"},
        {{.kind = JOB_SCHEDULE_RELATIVE, .interval = 1, .relative = 3}, "first (1)"},
        {{.kind = JOB_SCHEDULE_RELATIVE, .interval = 1, .relative = 32}, "first (1)"},
        {{.kind = (job_schedule_kind) 10}, "kind 10 is not known"},
        /*  A February 30, and days that no date of the schedule has.  */
        {{.kind = JOB_SCHEDULE_MONTHLY, .interval = 30, .factor = 12, .anchor_date = 20260201},
            "never happens"},
        {{.kind = JOB_SCHEDULE_MONTHLY,
             .interval = 29,
             .factor = 12,
             .start_date = 20250201,
             .end_date = 20270301},
            "never happens"},
        {{.kind = JOB_SCHEDULE_WEEKLY, .interval = 2, .start_date = 20260106, .end_date = 20260111},
            "never happens"},
        {{.kind = JOB_SCHEDULE_DAILY,
             .interval = 7,
             .anchor_date = 20260101,
             .start_date = 20260102,
             .end_date = 20260107},
            "never happens"},
        {{.kind = JOB_SCHEDULE_EVERY,
             .every_us = 200 * 86400 * SECOND_US,
             .start_date = 20260101,
             .end_date = 20260102},
            "never happens"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bg_error err = {0};
        assert_int_equal (job_schedule_check (&cases[i].schedule, &err).code, BG_INVALID);
        if (!strstr (err.message, cases[i].says))
            fail_msg ("case %zu: \"%s\" does not say \"%s\"", i, err.message, cases[i].says);
    }
}

/*  Some of these look as if they never happened.  */
static void test_what_is_rare_is_accepted (void **state)
{
    (void) state;
    const job_schedule cases[] = {
        {.kind = JOB_SCHEDULE_MONTHLY, .interval = 29, .factor = 12, .anchor_date = 20260201},
        {.kind = JOB_SCHEDULE_MONTHLY,
            .interval = 29,
            .factor = 12,
            .start_date = 20250201,
            .end_date = 20280229},
        {.kind = JOB_SCHEDULE_WEEKLY,
            .interval = 1,
            .factor = 1000,
            .anchor_date = 20260101,
            .start_date = 20260105},
        {.kind = JOB_SCHEDULE_MONTHLY, .interval = 31, .factor = 1000, .start_date = 20260401},
        {.kind = JOB_SCHEDULE_ONCE, .start_date = 99991231, .time_s = 86399},
        {.kind = JOB_SCHEDULE_ONCE, .start_date = 19900101},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bg_error err = {0};
        if (bg_failed (job_schedule_check (&cases[i], &err)))
            fail_msg ("case %zu: %s", i, err.message);
    }
}

static void test_a_time_that_only_one_zone_lacks_never_happens_there (void **state)
{
    (void) state;
    job_zone *zone = zone_file_load ("Pacific/Apia");
    if (!zone)
        skip ();
    job_schedule schedule = {.kind = JOB_SCHEDULE_ONCE,
        .start_date = 20111230,
        .gap = JOB_GAP_SKIP,
        .time_s = AT (120000)};
    assert_true (bg_is_ok (job_schedule_check (&schedule, NULL)));
    schedule.zone = zone;
    bg_error err = {0};
    assert_int_equal (job_schedule_check (&schedule, &err).code, BG_INVALID);
    assert_string_equal (err.message, "it never happens");
    job_zone_destroy (&zone);
}

static void test_from_the_ends_of_time_every_form_answers (void **state)
{
    (void) state;
    const job_schedule cases[] = {
        {.kind = JOB_SCHEDULE_DAILY, .interval = 1},
        {.kind = JOB_SCHEDULE_WEEKLY, .interval = 64, .factor = 3, .anchor_date = 20260101},
        {.kind = JOB_SCHEDULE_MONTHLY, .interval = 29, .factor = 12, .anchor_date = 20260201},
        {.kind = JOB_SCHEDULE_RELATIVE, .interval = 8, .relative = 16, .repeat_s = 86400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t next = 0;
        assert_true (job_schedule_next (&cases[i], INT64_MIN, &next, NULL));
        assert_true (next < instant (10101, 0) + INT64_C (9) * 366 * 86400 * SECOND_US);
        assert_false (job_schedule_next (&cases[i], INT64_MAX, &next, NULL));
        assert_false (job_schedule_next (&cases[i], instant (99991231, 235959), &next, NULL));
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_worked_examples_run_as_the_reference_says),
        cmocka_unit_test (test_example_17_runs_96_times_a_day),
        cmocka_unit_test (test_examples_19_and_20_wait_for_events),
        cmocka_unit_test (test_each_form_follows_the_rules_where_clocks_change),
        cmocka_unit_test (test_dates_bound_cron_and_intervals_by_the_wall),
        cmocka_unit_test (test_the_anchor_counts_both_ways),
        cmocka_unit_test (test_what_cannot_be_is_refused),
        cmocka_unit_test (test_what_is_rare_is_accepted),
        cmocka_unit_test (test_a_time_that_only_one_zone_lacks_never_happens_there),
        cmocka_unit_test (test_from_the_ends_of_time_every_form_answers),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
