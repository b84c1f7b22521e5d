/*  Job files: the life of a job, schedules in every spelling, how a step runs: what each key becomes.  */
#include "job_yaml_reading.h"

#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

/*  The fields of a job's first schedule, without its name.  */
static void assert_schedule (const char *inside, const char *want)
{
    BG_AUTO_BUF text = {0}, got = {0};
    reading it;
    job_field_file (JOB_MAP_SCHEDULE, inside, &text);
    read_on (&it, bg_buf_cstr (&text), TODAY);
    const wire_job *job = only_document (&it, inside)->body;
    wire_job_schedule schedule = job->schedules[0];
    append_fields (&wire_desc_job_schedule, &schedule, &got);
    if (strcmp (bg_buf_cstr (&got), want) != 0)
        fail_msg ("%s\n got: %s\nwant: %s", inside, bg_buf_cstr (&got), want);
    assert_int_equal (bg_diag_warnings (it.diag), 0);
    reading_fini (&it);
}

/*  Two spellings of the same schedule.  */
static void assert_same (const char *inside, const char *other)
{
    BG_AUTO_BUF text = {0}, bytes = {0}, other_text = {0}, other_bytes = {0};
    reading it;
    job_field_file (JOB_MAP_SCHEDULE, inside, &text);
    read_on (&it, bg_buf_cstr (&text), TODAY);
    WIRE_ENCODE (job, only_document (&it, inside)->body, &bytes);
    reading_fini (&it);
    job_field_file (JOB_MAP_SCHEDULE, other, &other_text);
    read_on (&it, bg_buf_cstr (&other_text), TODAY);
    WIRE_ENCODE (job, only_document (&it, other)->body, &other_bytes);
    reading_fini (&it);
    if (!bg_slice_equal (bg_buf_slice (&bytes), bg_buf_slice (&other_bytes)))
        fail_msg ("not the same: %s and %s", inside, other);
}

/*  ---- jobs ----  */

static void test_the_life_of_a_job (void **state)
{
    (void) state;
    reading it;
    read_on (&it,
        "job: j\ntargets: {all: true}\nowner: anna\nenabled_until: 2026-12-24T18:00:00.5+01:00\n"
        "overlap: replace\nstart: {step: Two}\nlease: 7d\nnot_after: 2027-01-01\ndelete: "
        "on-failure\n"
        "history: {keep: 30d, runs: 500}\nsteps: [{name: one, run: [x]}, {name: two, run: [x]}]\n",
        TODAY);
    const job_yaml_document *document = only_document (&it, "life");
    const wire_job *job = document->body;
    assert_true (bg_slice_is (job->owner, "anna"));
    assert_int_equal (job->enabled_until_us, INT64_C (1798131600500000));
    assert_int_equal (job->overlap, WIRE_OVERLAP_REPLACE);
    assert_int_equal (job->start_step, 2);
    assert_int_equal (job->lease_us, INT64_C (7) * 86400 * 1000000);
    assert_int_equal (document->not_after_us, INT64_C (1798761600000000));
    assert_int_equal (job->delete_level, WIRE_DELETE_ON_FAILURE);
    assert_int_equal (job->history_us, INT64_C (30) * 86400 * 1000000);
    assert_int_equal (job->history_runs, 500);
    assert_false (job->disabled);
    reading_fini (&it);

    read_on (&it,
        "job: j\ntargets: {all: true}\nenabled: false\noverlap: skip\nstart: {step: one}\n"
        "delete: never\nsteps: [{name: one, run: [x]}]\n",
        TODAY);
    job = only_document (&it, "disabled")->body;
    assert_true (job->disabled);
    assert_int_equal (job->start_step, 0);
    assert_int_equal (job->overlap, 0);
    reading_fini (&it);
    assert_says (JOB_MAP_JOB, "enabled: false, enabled_until: 2026-12-24", false,
        "a job that is not enabled is not enabled until a time; leave enabled out");
    assert_says (JOB_MAP_START, "step: t", false, "there is no step \"t\" in this job");
}

/*  ---- schedules ----  */

static void test_the_forms_by_date (void **state)
{
    (void) state;
    assert_schedule ("every: day, at: \"02:30\"", "name: n kind: 4 interval: 1 time_s: 9000");
    assert_schedule ("every: 3 days, at: \"00:00:07\", from: 2026-01-01",
        "name: n kind: 4 interval: 3 time_s: 7 start_date: 20260101");
    assert_schedule (
        "every: week, on: sat, at: \"02:00\"", "name: n kind: 5 interval: 64 time_s: 7200");
    assert_schedule ("every: 2 weeks, on: [Mon, thursday], at: \"08:00\", anchor: 2026-01-01",
        "name: n kind: 5 interval: 18 factor: 2 time_s: 28800 anchor_date: 20260101");
    assert_schedule (
        "every: month, on: 15, at: \"08:00\"", "name: n kind: 6 interval: 15 time_s: 28800");
    assert_schedule ("every: 2 months, on: last weekday, at: \"08:00\"",
        "name: n kind: 7 interval: 9 relative: 16 factor: 2 time_s: 28800 anchor_date: 20260310");
    assert_schedule ("every: month, on: second tuesday, at: \"08:00\"",
        "name: n kind: 7 interval: 3 relative: 2 time_s: 28800");
    assert_schedule ("every: month, on: First weekend day, at: \"08:00\"",
        "name: n kind: 7 interval: 10 relative: 1 time_s: 28800");
    assert_schedule ("every: 1 month, on: last day, at: \"08:00\"",
        "name: n kind: 7 interval: 8 relative: 16 time_s: 28800");
    const struct {
        const char *inside, *says;
    } wrong[] = {
        {"every: 0 days, at: \"02:30\"", "every takes a number from 1 to 1000 of days"},
        {"every: 1001 weeks, on: mon, at: \"02:30\"",
            "every takes a number from 1 to 1000 of weeks"},
        {"every: weekday, at: \"02:30\"",
            "every does not know \"weekday\"; write every: week, on: [mon, tue, wed, thu, fri]"},
        {"every: 2 years, at: \"02:30\"", "every does not know \"years\"; write every: 12 months"},
        {"every: day, on: mon, at: \"02:30\"",
            "every day is all days; for some of them write every: week or every: month with on"},
        {"every: week, on: [mon, Monday], at: \"02:30\"", "on names mon twice"},
        {"every: week, on: 15, at: \"02:30\"",
            "a day of the week must be one of sun, mon, tue, wed, thu, fri and sat, not \"15\""},
        {"every: month, at: \"02:30\"",
            "every month needs days; write on: 15, or on: \"last friday\""},
        {"every: month, on: 32, at: \"02:30\"",
            "the day of the month must be a whole number from 1 to 31"},
        {"every: month, on: [1, 15], at: \"02:30\"",
            "on of a month is one day; make a schedule of each, or write cron: \"30 2 1,15 * *\""},
        {"every: month, on: last, at: \"02:30\"",
            "on must be a day of the month (15), or one of first, second, third, fourth and last "
            "with "
            "a day of the week, \"day\", \"weekday\" or \"weekend day\" (\"last friday\"), not "
            "\"last\""},
        {"every: 12 months, on: 30, anchor: 2026-02-01, at: \"02:30\"",
            "it never happens; no such day or time exists"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_says (JOB_MAP_SCHEDULE, wrong[i].inside, false, wrong[i].says);
}

static void test_repeats_within_the_day (void **state)
{
    (void) state;
    assert_schedule (
        "every: day, repeat: {every: 15m}", "name: n kind: 4 interval: 1 repeat_s: 900");
    assert_schedule ("every: day, repeat: {every: 2h, from: \"08:00\", to: \"17:00\"}",
        "name: n kind: 4 interval: 1 repeat_s: 7200 time_s: 28800 end_s: 61201");
    assert_schedule ("every: week, on: mon, repeat: {every: 30m, from: \"22:00\", to: \"02:00\"}",
        "name: n kind: 5 interval: 2 repeat_s: 1800 time_s: 79200 end_s: 7201");
    assert_same ("every: day, repeat: {every: 15m, from: \"00:00\", to: \"23:59:59\"}",
        "every: day, repeat: {every: 15m}");
    assert_says (JOB_MAP_SCHEDULE, "every: day, at: \"02:30\", repeat: {every: 15m}", false,
        "a schedule has either at or repeat, not both; make two of it");
    assert_says (JOB_MAP_REPEAT, "every: 9s", false,
        "every is at least 10s; shorter ones are an interval of their own: every: 5s");
    assert_says (JOB_MAP_REPEAT, "every: 25h", false, "every is at most 1d");
    assert_says (JOB_MAP_REPEAT, "from: \"08:00\"", false,
        "repeat does not say how often; write {every: 15m, from: \"08:00\", to: \"17:00\"}");
}

static void test_the_other_forms (void **state)
{
    (void) state;
    assert_schedule ("once: 2026-12-24T23:30, zone: Europe/Berlin",
        "name: n kind: 3 zone: Europe/Berlin time_s: 84600 start_date: 20261224");
    assert_same ("once: 2026-12-24 23:30:00", "once: 2026-12-24T23:30");
    assert_schedule ("when: node-start", "name: n kind: 8");
    assert_schedule ("when: idle, splay: 5m", "name: n kind: 9 splay_us: 300000000");
    assert_schedule ("use: quarter-end", "name: n kind: 10 use: quarter-end");
    assert_schedule (
        "use: quarter-end, enabled: false", "name: n kind: 10 disabled: true use: quarter-end");
    reading it;
    read_on (&it,
        "{job: j, targets: {all: true}, schedules: [{use: q}], steps: [{name: s, run: [x]}]}",
        TODAY);
    const wire_job *job = only_document (&it, "use")->body;
    assert_true (bg_slice_is (job->schedules[0].name, "q"));
    reading_fini (&it);
    const struct {
        const char *inside, *says;
    } wrong[] = {
        {"once: 2026-02-30T10:00",
            "\"2026-02-30T10:00\" is no date: February 2026 has the days 1 to 28"},
        {"once: 2026-12-24",
            "once must be a date and a time such as 2026-12-24T18:00, not \"2026-12-24\""},
        {"once: 2026-12-24T18:00Z",
            "once is a time of a wall clock; leave \"Z\" out and say whose with zone"},
        {"once: 2026-12-24T18:00, until: 2026-12-25",
            "\"until\" belongs to repetitions, not to once"},
        {"when: node-start, misfire: last",
            "\"misfire\" belongs to times; an event that was missed cannot be made up for"},
        {"when: idle, zone: UTC", "an event has no zone; leave it out"},
        {"use: q, splay: 1m",
            "the shared schedule says \"splay\" for all that use it; leave it out here"},
        {"use: q, every: 5m", "a schedule has either every or use, not both; make two of it"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_says (JOB_MAP_SCHEDULE, wrong[i].inside, false, wrong[i].says);
}

static void test_the_agents_numbers (void **state)
{
    (void) state;
    assert_same ("freq_type: 1, active_start_date: 20261224, active_start_time: 233000",
        "once: 2026-12-24T23:30");
    assert_same (
        "freq_type: 4, freq_interval: 1, active_start_time: 010000", "every: day, at: \"01:00\"");
    assert_same ("freq_type: 4, freq_interval: 3, active_start_date: 20260101",
        "every: 3 days, from: 2026-01-01, at: \"00:00\"");
    assert_same (
        "freq_type: 8, freq_interval: 18, freq_recurrence_factor: 2, active_start_time: 80000",
        "every: 2 weeks, on: [mon, thu], at: \"08:00\"");
    assert_same ("freq_type: 16, freq_interval: 15, freq_recurrence_factor: 1",
        "every: month, on: 15, at: \"00:00\"");
    assert_same ("freq_type: 32, freq_interval: 9, freq_relative_interval: 16, "
                 "freq_recurrence_factor: 2",
        "every: 2 months, on: last weekday, at: \"00:00\"");
    assert_same ("freq_type: 4, freq_interval: 1, freq_subday_type: 4, freq_subday_interval: 30, "
                 "active_start_time: 220000, active_end_time: 020000",
        "every: day, repeat: {every: 30m, from: \"22:00\", to: \"02:00\"}");
    assert_same ("freq_type: 4, freq_interval: 1, freq_subday_type: 8, freq_subday_interval: 2, "
                 "active_start_time: 080000, active_end_time: 170000, enabled: 0",
        "every: day, repeat: {every: 2h, from: \"08:00\", to: \"17:00\"}, enabled: false");
    assert_same ("freq_type: 64", "when: node-start");
    assert_same ("freq_type: 128, active_start_date: 20260101", "when: idle, from: 2026-01-01");
    const struct {
        const char *inside, *says;
    } wrong[] = {
        {"freq_type: 2",
            "freq_type 2, on demand, is no longer taken (14295); a job without a schedule "
            "runs on command"},
        {"freq_type: 12",
            "freq_type must be 1 once, 4 daily, 8 weekly, 16 monthly, 32 monthly relative, 64 when "
            "the node starts or 128 when it is idle (14266)"},
        {"freq_type: 4, freq_interval: 0",
            "freq_interval is at least 1 for a daily schedule (14572), at most 1000"},
        {"freq_type: 8, freq_interval: 128, freq_recurrence_factor: 1",
            "freq_interval is a mask of weekdays from 1 to 127 for a weekly schedule (14573): "
            "Sunday "
            "1, Monday 2, Tuesday 4, Wednesday 8, Thursday 16, Friday 32, Saturday 64"},
        {"freq_type: 16, freq_interval: 32, freq_recurrence_factor: 1",
            "freq_interval is the day of the month, 1 to 31, for a monthly schedule (14574)"},
        {"freq_type: 32, freq_interval: 8, freq_relative_interval: 3, freq_recurrence_factor: 1",
            "freq_relative_interval must be 1 first, 2 second, 4 third, 8 fourth or 16 last "
            "(14575)"},
        {"freq_type: 32, freq_interval: 11, freq_relative_interval: 1, freq_recurrence_factor: 1",
            "freq_interval is 1 to 10 for a monthly relative schedule (14576): Sunday 1 to "
            "Saturday "
            "7, 8 day, 9 weekday, 10 weekend day"},
        {"freq_type: 8, freq_interval: 1",
            "freq_recurrence_factor, every so many weeks or months, is at least 1 (14577), at most "
            "1000"},
        {"freq_type: 4, freq_interval: 1, active_start_date: 20260105, active_end_date: 20260104",
            "active_end_date lies before active_start_date (14288)"},
        {"freq_type: 4, freq_interval: 1, active_start_date: 19891231",
            "active_start_date must be a date that exists, YYYYMMDD, from 19900101 on (14287)"},
        {"freq_type: 4, freq_interval: 1, active_end_time: 240000",
            "active_end_time must be HHMMSS, 000000 to 235959 (14287)"},
        {"freq_type: 4, freq_interval: 1, freq_subday_type: 2, freq_subday_interval: 9",
            "freq_subday_interval is 10 to 86400 for seconds (14278)"},
        {"freq_type: 4, freq_interval: 1, at: \"02:30\"",
            "with freq_type there is no \"at\"; say it with the Agent's own fields"},
        {"cron: \"@daily\", freq_interval: 1", "\"freq_interval\" belongs to freq_type"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_says (JOB_MAP_SCHEDULE, wrong[i].inside, false, wrong[i].says);
}

static void test_where_counting_begins (void **state)
{
    (void) state;
    assert_schedule ("every: 2 weeks, on: mon, at: \"08:00\"",
        "name: n kind: 5 interval: 2 factor: 2 time_s: 28800 anchor_date: 20260310");
    assert_schedule ("every: 2 weeks, on: mon, at: \"08:00\", from: 2026-04-01",
        "name: n kind: 5 interval: 2 factor: 2 time_s: 28800 start_date: 20260401 anchor_date: "
        "20260401");
    /*  A first day in the past is ignored and today is used (sqlagent.md 7.5).  */
    assert_schedule ("every: 2 weeks, on: mon, at: \"08:00\", from: 2026-01-01",
        "name: n kind: 5 interval: 2 factor: 2 time_s: 28800 start_date: 20260101 anchor_date: "
        "20260310");
    assert_schedule ("every: 2 days, at: \"08:00\"",
        "name: n kind: 4 interval: 2 time_s: 28800 anchor_date: 20260310");
    assert_schedule (
        "every: week, on: mon, at: \"08:00\"", "name: n kind: 5 interval: 2 time_s: 28800");
    assert_says (JOB_MAP_SCHEDULE, "every: week, on: mon, at: \"08:00\", anchor: 2026-01-05", false,
        "\"anchor\" says from where every 2 and more are counted; leave it out here");
}

/*  Reads a file on another day, takes over the anchors of what was read first, and gives the one of
    the first schedule.  */
static uint64_t anchor_later (const char *first, const char *second)
{
    reading old, fresh;
    read_on (&old, first, 20260105);
    read_on (&fresh, second, TODAY);
    job_yaml_keep_anchors (fresh.set, 0, only_document (&old, first)->body);
    const job_yaml_document *document = only_document (&fresh, second);
    const wire_job *job = document->body;
    const uint64_t anchor = document->type == WIRE_TYPE_JOB
                                ? job->schedules[0].anchor_date
                                : ((const wire_schedule *) document->body)->spec.anchor_date;
    reading_fini (&old);
    reading_fini (&fresh);
    return anchor;
}

#define FILE_WITH(schedule)                                                                        \
    "{job: j, targets: {all: true}, steps: [{name: s, run: [x]}], schedules: [" schedule "]}"

static void test_an_unchanged_file_keeps_its_anchors (void **state)
{
    (void) state;
    const char *first = FILE_WITH ("{name: a, every: 2 weeks, on: mon, at: \"08:00\"}");
    assert_int_equal (anchor_later (first, first), 20260105);
    assert_int_equal (
        anchor_later (first, FILE_WITH ("{name: A, every: 2 weeks, on: mon, at: \"09:00\"}")),
        20260105);
    assert_int_equal (
        anchor_later (first, FILE_WITH ("{name: b, every: 2 weeks, on: mon, at: \"08:00\"}")),
        TODAY);
    assert_int_equal (
        anchor_later (first, FILE_WITH ("{name: a, every: 3 weeks, on: mon, at: \"08:00\"}")),
        TODAY);
    assert_int_equal (
        anchor_later (first, FILE_WITH ("{name: a, every: 2 weeks, on: tue, at: \"08:00\"}")),
        TODAY);
    assert_int_equal (
        anchor_later (first, FILE_WITH ("{name: a, every: 2 weeks, on: mon, at: \"08:00\", anchor: "
                                        "2026-02-02}")),
        20260202);
    const char *shared = "{schedule: a, every: 2 days, at: \"08:00\"}";
    assert_int_equal (anchor_later (shared, shared), 20260105);
}

static void test_what_all_schedules_say (void **state)
{
    (void) state;
    assert_schedule (
        "every: day, at: \"02:30\", zone: target, from: 2026-12-01, until: 2027-12-01, "
        "gap: shift, fold: both, splay: 20m, misfire: all, misfire_window: 6h, "
        "misfire_max: 3, except: [holidays, freeze], within: office, enabled: false",
        "name: n kind: 4 interval: 1 time_s: 9000 start_date: 20261201 end_date: 20271201 gap: 1 "
        "fold: 2 splay_us: 1200000000 misfire: 2 misfire_window_us: 21600000000 misfire_max: 3 "
        "except: holidays freeze within: office disabled: true");
    assert_same ("every: day, at: \"02:30\", gap: edge, fold: first, splay: 0s, misfire: skip, "
                 "enabled: true, zone: target",
        "every: day, at: \"02:30\"");
    assert_same ("every: day, at: \"02:30\", misfire: all, misfire_window: 24h, misfire_max: 10",
        "every: day, at: \"02:30\", misfire: all");
    assert_schedule ("every: 1h, within: office, zone: Europe/Berlin",
        "name: n kind: 2 every_us: 3600000000 zone: Europe/Berlin within: office");
    const struct {
        const char *inside, *says;
    } wrong[] = {
        {"every: 1h, zone: UTC",
            "an interval runs in elapsed time and has no zone; leave it out, or write cron"},
        {"every: day, at: \"02:30\", from: 2026-12-01, until: 2026-11-30",
            "until lies before from"},
        {"every: 1h, misfire_window: 6h",
            "misfire_window belongs to misfire: last or all; what is skipped has none"},
        {"every: 1h, misfire: last, misfire_max: 2",
            "misfire_max belongs to misfire: all; of last there is one"},
        {"every: 1h, except: [a, A]", "except names \"A\" twice"},
        {"every: 1h, splay: 25h", "splay is at most 1d"},
        {"every: 1h, gap: skip", "an interval has no \"gap\"; write every: day, or cron"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_says (JOB_MAP_SCHEDULE, wrong[i].inside, false, wrong[i].says);
}

static void test_what_is_unwise_is_a_warning (void **state)
{
    (void) state;
    assert_says (JOB_MAP_SCHEDULE, "every: month, on: 31, at: \"02:30\"", true,
        "months without a day 31 are left out; for the end of each month write on: \"last day\"");
    assert_says (JOB_MAP_SCHEDULE, "freq_type: 16, freq_interval: 29, freq_recurrence_factor: 1",
        true,
        "months without a day 29 are left out; for the end of each month write on: \"last day\"");
    assert_says (JOB_MAP_SCHEDULE, "every: day, at: \"02:30\", until: 2026-03-09", true,
        "that day is past, so the schedule never runs");
    assert_says (JOB_MAP_SCHEDULE, "once: 2026-03-09T10:00", true,
        "that day is past, so the schedule never runs");
    assert_says (JOB_MAP_SCHEDULE, "freq_type: 4, freq_interval: 1, freq_relative_interval: 2",
        true, "freq_relative_interval means nothing for this freq_type");
    assert_says (JOB_MAP_SCHEDULE,
        "freq_type: 4, freq_interval: 1, freq_subday_type: 1, active_end_time: 170000", true,
        "active_end_time means nothing with freq_subday_type 1");
    assert_says (JOB_MAP_STEP, "run: [x], on_success: goto s, on_failure: goto s", true,
        "from here no way leads to the end of the run: it is stopped as failed after 1000 steps");
    reading it;
    read_on (&it, FILE_WITH ("{name: a, every: month, on: 30, at: \"02:30\"}"), TODAY);
    assert_true (bg_is_ok (it.result));
    assert_int_equal (bg_diag_warnings (it.diag), 1);
    assert_int_equal (bg_diag_count (it.diag), 0);
    reading_fini (&it);
    /*  A loop with a way out is none.  */
    BG_AUTO_BUF text = {0};
    job_field_file (JOB_MAP_STEP, "run: [x], on_success: goto s", &text);
    read_on (&it, bg_buf_cstr (&text), TODAY);
    assert_int_equal (bg_diag_kept (it.diag), 0);
    reading_fini (&it);
}

/*  ---- steps ----  */

static void assert_step (const char *inside, const char *want)
{
    BG_AUTO_BUF text = {0}, got = {0};
    reading it;
    job_field_file (JOB_MAP_STEP, inside, &text);
    read_on (&it, bg_buf_cstr (&text), TODAY);
    const wire_job *job = only_document (&it, inside)->body;
    append_fields (&wire_desc_job_step, &job->steps[0], &got);
    if (strcmp (bg_buf_cstr (&got), want) != 0)
        fail_msg ("%s\n got: %s\nwant: %s", inside, bg_buf_cstr (&got), want);
    reading_fini (&it);
}

static void test_how_a_step_runs (void **state)
{
    (void) state;
    assert_step ("run: [x], as: postgres, umask: 027, success_codes: [3, 0, \"10-12\"]",
        "name: s kind: 1 argv: x as: postgres has_umask: true umask: 23 success_codes: 0 3 10 11 "
        "12");
    assert_step ("run: [x], umask: 0", "name: s kind: 1 argv: x has_umask: true");
    assert_step ("run: [x], umask: \"022\", success_codes: 0", "name: s kind: 1 argv: x");
    assert_step (
        "run: [x], output: {file: /l/$(ESCAPE_NONE(DATE)), append: true, head: 8KiB, tail: "
        "12KiB, keep: 10MiB}",
        "name: s kind: 1 argv: x output_file: /l/$(ESCAPE_NONE(DATE)) output_append: true "
        "output_head: 8192 output_keep: 10485760");
    assert_step ("run: [x], output: {history: no}", "name: s kind: 1 argv: x output_quiet: true");
    assert_step (
        "run: [x], limits: {memory: 512MiB, cpu_time: 10m, processes: 64, open_files: 256, "
        "file_size: 1GiB, cpu: 50%}",
        "name: s kind: 1 argv: x limits: memory_bytes: 536870912 cpu_us: 600000000 processes: 64 "
        "files: 256 file_bytes: 1073741824 cpu_percent: 50");
    reading it;
    BG_AUTO_BUF text = {0};
    job_field_file (JOB_MAP_STEP, "run: [x], stdin_base64: \"AP8K\"", &text);
    read_on (&it, bg_buf_cstr (&text), TODAY);
    const wire_job *job = only_document (&it, "stdin")->body;
    assert_int_equal (job->steps[0].input.size, 3);
    assert_memory_equal (job->steps[0].input.data, "\0\xff\n", 3);
    reading_fini (&it);
    const struct {
        const char *inside, *says;
    } wrong[] = {
        {"run: [x], umask: 8",
            "umask must be octal digits from 000 to 777, such as 027, not \"8\""},
        {"run: [x], umask: 1777",
            "umask must be octal digits from 000 to 777, such as 027, not \"1777\""},
        {"run: [x], success_codes: [-1]",
            "a success code is a number from 0 to 255, or a range such as \"10-20\", not \"-1\""},
        {"run: [x], success_codes: [\"20-10\"]", "a success code is a number from 0 to 255, or a "
                                                 "range such as \"10-20\", not \"20-10\""},
        {"run: [x], success_codes: []",
            "success_codes must be a list, not an empty one; write [0, 3, \"10-20\"]"},
        {"run: [x], stdin: a, stdin_base64: AAEC",
            "a step has either stdin or stdin_base64, not both"},
        {"run: [x], output: {append: true}", "append belongs to file; write file: PATH with it"},
        {"run: [x], output: {history: no, tail: 1KiB}",
            "with history: no there is no tail; leave it out"},
        {"run: [x], output: {tail: 65KiB}", "tail is at most 64KiB, not \"65KiB\""},
        {"run: [x], output: {tail: 1KB}",
            "tail must be a size such as 4KiB, 512MiB or 1GiB, or a number of bytes, not \"1KB\""},
        {"run: [x], limits: {memory: 1000}", "memory is at least 1MiB, not \"1000\""},
        {"run: [x], limits: {cpu: 50}", "cpu must be a number of percent, such as 50% for half a "
                                        "processor or 200% for two, 1 to "
                                        "100000, not \"50\""},
        {"run: [x], limits: {}", "limits is empty; leave it out"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_says (JOB_MAP_STEP, wrong[i].inside, false, wrong[i].says);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_the_life_of_a_job),
        cmocka_unit_test (test_the_forms_by_date),
        cmocka_unit_test (test_repeats_within_the_day),
        cmocka_unit_test (test_the_other_forms),
        cmocka_unit_test (test_the_agents_numbers),
        cmocka_unit_test (test_where_counting_begins),
        cmocka_unit_test (test_an_unchanged_file_keeps_its_anchors),
        cmocka_unit_test (test_what_all_schedules_say),
        cmocka_unit_test (test_what_is_unwise_is_a_warning),
        cmocka_unit_test (test_how_a_step_runs),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
