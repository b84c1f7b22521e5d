/*  Job files: the schedules and calendars that jobs share: what each key becomes, and who has none.  */
#include "job_yaml_reading.h"

#include "common/job/calendar.h"

#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void assert_document (wire_type type, const char *text, const char *want)
{
    BG_AUTO_BUF got = {0};
    reading it;
    read_on (&it, text, TODAY);
    const job_yaml_document *document = only_document (&it, text);
    assert_int_equal (document->type, type);
    append_fields (document->desc, document->body, &got);
    if (strcmp (bg_buf_cstr (&got), want) != 0)
        fail_msg ("%s\n got: %s\nwant: %s", text, bg_buf_cstr (&got), want);
    reading_fini (&it);
}

static void test_shared_schedules (void **state)
{
    (void) state;
    assert_document (WIRE_TYPE_SCHEDULE,
        "schedule: quarter-end\ndescription: \"\"\nevery: 3 months\non: last weekday\nat: "
        "\"18:00\"\n"
        "anchor: 2026-03-01\n",
        "spec: name: quarter-end kind: 7 interval: 9 relative: 16 factor: 3 time_s: 64800 "
        "anchor_date: "
        "20260301");
    assert_says (JOB_MAP_SHARED, "schedule: q, use: r", false,
        "\"use\" belongs to the schedules of a job; this one is named by schedule: and says itself "
        "when");
    assert_says (JOB_MAP_SHARED, "schedule: q, name: r, every: 5m", false,
        "\"name\" belongs to the schedules of a job; this one is named by schedule: and says "
        "itself "
        "when");
}

static void test_documents_come_in_the_order_of_posting (void **state)
{
    (void) state;
    static const char text[] =
        "{job: j, targets: {all: true}, schedules: [{use: q}], steps: [{name: s, run: [x]}]}\n---\n"
        "{schedule: q, every: 5m, except: h}\n---\n{job: i, targets: {all: true}, steps: [{name: "
        "s, "
        "run: [x]}]}\n---\n{calendar: h, days: [2026-12-25]}\n---\n{schedule: j, every: 5m}\n";
    static const char *const order[] = {"h", "q", "j", "j", "i"};
    reading it;
    read_on (&it, text, TODAY);
    assert_true (bg_is_ok (it.result));
    assert_int_equal (job_yaml_documents (it.set), 5);
    assert_int_equal (job_yaml_count (it.set), 2);
    for (size_t i = 0; i < 5; i++)
        assert_true (bg_slice_is (job_yaml_document_at (it.set, i)->name, order[i]));
    assert_true (bg_slice_is (job_yaml_job (it.set, 1)->name, "i"));
    assert_int_equal (job_yaml_document_at (it.set, 1)->line, 3);
    reading_fini (&it);

    read_on (
        &it, "{calendar: h, days: [2026-12-25]}\n---\n{calendar: H, days: [2026-12-26]}\n", TODAY);
    assert_int_equal (bg_diag_count (it.diag), 1);
    assert_string_equal (
        bg_diag_get (it.diag, 0).message, "the calendar \"H\" is already in line 1");
    reading_fini (&it);
}

/*  "FROM+SECONDS" of each range, FROM in days and seconds of the day.  */
static void list_ranges (bg_slice ranges, bg_buf *out)
{
    for (size_t i = 0; i < job_calendar_range_count (ranges); i++) {
        const job_calendar_range range = job_calendar_range_at (ranges, i);
        bg_buf_printf (out, "%s%lld.%lld+%lld", i > 0 ? " " : "", (long long) (range.from / 86400),
            (long long) (range.from % 86400), (long long) (range.until - range.from));
    }
}

static void assert_calendar (const char *text, const char *local, const char *utc)
{
    BG_AUTO_BUF got = {0}, got_utc = {0};
    reading it;
    read_on (&it, text, TODAY);
    const wire_calendar *calendar = only_document (&it, text)->body;
    list_ranges (calendar->local_ranges, &got);
    list_ranges (calendar->utc_ranges, &got_utc);
    assert_string_equal (bg_buf_cstr (&got), local);
    assert_string_equal (bg_buf_cstr (&got_utc), utc);
    assert_int_equal (calendar->horizon_us, JOB_YAML_HORIZON_US);
    reading_fini (&it);
}

static void test_calendars (void **state)
{
    (void) state;
    /*  2026-12-24 is day 20811.  */
    assert_calendar ("{calendar: h, days: [2026-12-25, \"2026-12-27..2026-12-28\", 2026-12-24]}",
        "20811.0+172800 20814.0+172800", "");
    assert_calendar ("{calendar: h, ranges: [{from: 2026-12-24T18:00, to: 2026-12-25}, {from: "
                     "2026-12-24, to: 2026-12-24, zone: utc}, {from: 2026-12-26T00:00, to: "
                     "2026-12-26T00:00:01, zone: UTC}]}",
        "20811.64800+108000", "20811.0+86400 20813.0+1");
    assert_calendar ("{calendar: never, days: []}", "", "");
    const struct {
        const char *inside, *says;
    } wrong[] = {
        {"calendar: h", "a calendar has no days; write days: [2026-12-25], ranges: [{from: "
                        "2026-12-24T18:00, to: 2026-12-25T06:00}] or ics: FILE"},
        {"calendar: h, days: [2026-02-29]",
            "\"2026-02-29\" is no date: February 2026 has the days 1 to 28"},
        {"calendar: h, days: [\"2026-12-25..2026-12-24\"]",
            "\"2026-12-25..2026-12-24\" runs backwards"},
        {"calendar: h, days: [2026-12-25T10:00]",
            "a day must be a date such as 2026-12-24, or two with .. between them, not "
            "\"2026-12-25T10:00\"; times belong to ranges"},
        {"calendar: h, ranges: [{from: 2026-12-25T10:00}]",
            "a range has no end; write {from: 2026-12-24T18:00, to: 2026-12-25T06:00}"},
        {"calendar: h, ranges: [{from: 2026-12-25T10:00, to: 2026-12-25T10:00}]",
            "the range ends before it begins"},
        {"calendar: h, ranges: [{from: 2026-12-25, to: 2026-12-25, zone: Mars/Base}]",
            "there is no time zone \"Mars/Base\" here"},
        {"calendar: h, days: [2026-12-25], years: 2",
            "years says how far an iCalendar file is read; it belongs to ics"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_says (JOB_MAP_CALENDAR, wrong[i].inside, false, wrong[i].says);
}

static void test_calendars_from_icalendar_files (void **state)
{
    (void) state;
    reading it;
    BG_AUTO_BUF got = {0};
    read_on (&it, "{calendar: h, ics: a.ics, years: 5, days: [2026-05-02]}", TODAY);
    const wire_calendar *calendar = only_document (&it, "ics")->body;
    list_ranges (calendar->local_ranges, &got);
    assert_string_equal (bg_buf_cstr (&got), "20574.0+172800");
    assert_int_equal (calendar->horizon_us, INT64_C (5) * 31536000000000);
    assert_true (bg_slice_is (calendar->source, "a.ics in j.yaml"));
    reading_fini (&it);
    assert_says (JOB_MAP_CALENDAR, "calendar: h, ics: broken.ics", false,
        "broken.ics:3: RRULE is not understood");
    assert_says (JOB_MAP_CALENDAR, "calendar: h, ics: a.ics, years: 11", false,
        "years must be a whole number from 1 to 10");
}

static void test_a_machines_own_jobs_share_nothing (void **state)
{
    (void) state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"{schedule: q, every: 5m}",
            "a machine's own files hold jobs alone; schedules and calendars come "
            "from a broker: bugle apply -f FILE"},
        {"{job: j, schedules: [{use: q}], steps: [{name: s, run: [x]}]}",
            "a local job has no shared schedules, which come from a broker; say when here"},
        {"{job: j, schedules: [{name: n, every: 5m, except: h}], steps: [{name: s, run: [x]}]}",
            "a local job has no calendars, which come from a broker; leave \"except\" out"},
        {"{job: j, not_after: 2027-01-01, steps: [{name: s, run: [x]}]}",
            "a local job does not expire; leave not_after out"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bg_error err = {0};
        bg_diag *diag = bg_diag_create ();
        job_yaml_set *set = job_yaml_set_create (NULL);
        job_yaml_set_local (set);
        assert_true (
            bg_failed (job_yaml_read (set, "j.yaml", bg_slice_str (rows[i].text), diag, &err)));
        assert_string_equal (bg_diag_get (diag, 0).message, rows[i].says);
        assert_int_equal (bg_diag_kept (diag), 1);
        job_yaml_set_destroy (&set);
        bg_diag_destroy (&diag);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_shared_schedules),
        cmocka_unit_test (test_documents_come_in_the_order_of_posting),
        cmocka_unit_test (test_calendars),
        cmocka_unit_test (test_calendars_from_icalendar_files),
        cmocka_unit_test (test_a_machines_own_jobs_share_nothing),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
