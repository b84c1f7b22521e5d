/*  Calendars from iCalendar files through the real bugle-ics: what they come to, what is refused with which line, and files
    that mean harm.  */
#include "common/job/civil.h"
#include "ctl/ics.h"
#include "temp_dir.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <inttypes.h>

#define SECOND_US    INT64_C (1000000)
#define BEGIN_FILE   "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
#define END_FILE     "END:VCALENDAR\r\n"
#define EVENT(lines) BEGIN_FILE "BEGIN:VEVENT\r\nUID:1\r\n" lines "END:VEVENT\r\n" END_FILE

typedef struct {
    bg_arena arena;
    wire_calendar calendar;
    bg_error err;
    bg_result result;
} reading;

/*  2026-06-15 12:00 UTC  */
static int64_t now_us (void)
{
    job_civil civil = {2026, 6, 15, 12, 0, 0};
    return job_seconds_from_civil (&civil) * SECOND_US;
}

static reading read_bytes (void **state, bg_slice text, unsigned years)
{
    reading self = {.result = bg_ok ()};
    BG_AUTO_CHAR path = bg_path_join (*state, "days.ics");
    bg_error err = {0};
    assert_int_equal (bg_file_replace (path, text, 0600, &err).code, BG_OK);
    self.result = ctl_ics_calendar (path, years, now_us (), &self.arena, &self.calendar, &self.err);
    return self;
}

static void expect_ranges (bg_slice ranges, const char *expected)
{
    BG_AUTO_BUF text = {0};
    for (size_t i = 0; i < ranges.size; i += 16) {
        for (size_t part = 0; part < 2; part++) {
            int64_t seconds = (int64_t) bg_read_u64 (ranges.data + i + part * 8);
            job_civil at = job_civil_from_seconds (seconds);
            bg_buf_printf (&text, "%04d-%02d-%02d %02d:%02d%s", at.year, at.month, at.day, at.hour,
                at.minute, part == 0 ? " to " : "\n");
        }
    }
    assert_string_equal (bg_buf_cstr (&text), expected);
}

static void expect (void **state, const char *text, const char *local, const char *utc)
{
    reading got = read_bytes (state, bg_slice_str (text), 1);
    if (bg_failed (got.result))
        fail_msg ("%s", got.err.message);
    expect_ranges (got.calendar.local_ranges, local);
    expect_ranges (got.calendar.utc_ranges, utc);
    bg_arena_fini (&got.arena);
}

static void expect_refused (void **state, const char *text, const char *sentence)
{
    reading got = read_bytes (state, bg_slice_str (text), 1);
    assert_int_equal (got.result.code, BG_INVALID);
    const char *name = strstr (got.err.message, "days.ics, ");
    assert_non_null (name);
    assert_string_equal (name + strlen ("days.ics, "), sentence);
    bg_arena_fini (&got.arena);
}

static void test_whole_days_are_local (void **state)
{
    expect (state,
        EVENT ("DTSTART;VALUE=DATE:20201225\r\nDTEND;VALUE=DATE:20201227\r\nRRULE:FREQ=YEARLY\r\n"),
        "2025-12-25 00:00 to 2025-12-27 00:00\n2026-12-25 00:00 to 2026-12-27 00:00\n", "");
}

static void test_a_day_without_an_end_is_one_day (void **state)
{
    expect (state, EVENT ("DTSTART:20260701\r\n"), "2026-07-01 00:00 to 2026-07-02 00:00\n", "");
}

static void test_a_time_without_a_zone_is_local (void **state)
{
    expect (state, EVENT ("DTSTART:20260701T220000\r\nDURATION:PT90M\r\n"),
        "2026-07-01 22:00 to 2026-07-01 23:30\n", "");
}

static void test_times_in_a_zone_are_instants (void **state)
{
    expect (state,
        EVENT ("DTSTART;TZID=Europe/Berlin:20261024T220000\r\nDTEND;TZID=Europe/"
               "Berlin:20261024T230000\r\n"
               "RRULE:FREQ=DAILY;COUNT=2\r\n"),
        "", "2026-10-24 20:00 to 2026-10-24 21:00\n2026-10-25 21:00 to 2026-10-25 22:00\n");
}

/*  The night of 2026-10-25 has 25 hours: a day of the calendar is longer than 24 hours.  */
static void test_days_of_a_duration_are_days_of_the_calendar (void **state)
{
    expect (state, EVENT ("DTSTART;TZID=Europe/Berlin:20261024T120000\r\nDURATION:P1D\r\n"), "",
        "2026-10-24 10:00 to 2026-10-25 11:00\n");
    expect (state, EVENT ("DTSTART;TZID=Europe/Berlin:20261024T120000\r\nDURATION:PT24H\r\n"), "",
        "2026-10-24 10:00 to 2026-10-25 10:00\n");
}

/*  02:30 does not exist on 2026-03-29 and exists twice on 2026-10-25.  */
static void test_a_time_in_a_gap_is_later_and_in_a_fold_the_first (void **state)
{
    expect (state, EVENT ("DTSTART;TZID=Europe/Berlin:20260329T023000\r\nDURATION:PT5M\r\n"), "",
        "2026-03-29 01:30 to 2026-03-29 01:35\n");
    expect (state, EVENT ("DTSTART;TZID=Europe/Berlin:20261025T023000\r\nDURATION:PT5M\r\n"), "",
        "2026-10-25 00:30 to 2026-10-25 00:35\n");
}

static void test_exceptions_extra_dates_and_neighbours_become_ranges (void **state)
{
    expect (state,
        EVENT ("DTSTART;VALUE=DATE:20260701\r\nRRULE:FREQ=DAILY;COUNT=5\r\nEXDATE;VALUE=DATE:"
               "20260702\r\n"
               "RDATE;VALUE=DATE:20260710,20260711\r\n"),
        "2026-07-01 00:00 to 2026-07-02 00:00\n2026-07-03 00:00 to 2026-07-06 00:00\n"
        "2026-07-10 00:00 to 2026-07-12 00:00\n",
        "");
}

static void test_a_period_has_a_length_of_its_own (void **state)
{
    expect (state,
        EVENT ("DTSTART:20260701T100000Z\r\nDURATION:PT1H\r\n"
               "RDATE;VALUE=PERIOD:20260702T100000Z/PT3H,20260703T100000Z/20260703T110500Z\r\n"),
        "",
        "2026-07-01 10:00 to 2026-07-01 11:00\n2026-07-02 10:00 to 2026-07-02 13:00\n"
        "2026-07-03 10:00 to 2026-07-03 11:05\n");
}

static void test_a_cancelled_event_is_none (void **state)
{
    expect (state, EVENT ("DTSTART:20260701\r\nSTATUS:CANCELLED\r\n"), "", "");
}

static void test_folded_lines_and_plain_newlines_are_read (void **state)
{
    expect (state,
        "BEGIN:VCALENDAR\nVERSION:2.0\nbegin:vevent\nDTSTART;VAL\n "
        "UE=DATE:2026\n\t0701\nSUMMARY:a\n"
        "END:VEVENT\nEND:VCALENDAR\n",
        "2026-07-01 00:00 to 2026-07-02 00:00\n", "");
}

static void test_the_horizon_is_the_end_of_the_month_years_on (void **state)
{
    reading got =
        read_bytes (state, bg_slice_str (EVENT ("DTSTART:20200101\r\nRRULE:FREQ=DAILY\r\n")), 2);
    assert_int_equal (got.result.code, BG_OK);
    expect_ranges (got.calendar.local_ranges, "2025-06-01 00:00 to 2028-07-01 00:00\n");
    job_civil horizon = {2028, 7, 1, 0, 0, 0};
    assert_int_equal (got.calendar.horizon_us, job_seconds_from_civil (&horizon) * SECOND_US);
    assert_true (bg_slice_is (got.calendar.source, "days.ics"));
    bg_arena_fini (&got.arena);
}

static void test_what_is_not_understood_is_refused_with_its_line (void **state)
{
    static const struct {
        const char *text;
        const char *sentence;
    } cases[] = {
        {BEGIN_FILE "BEGIN:VTODO\r\nEND:VTODO\r\n" END_FILE,
            "line 3: a component VTODO is not taken here; a calendar is made of VEVENT"},
        {EVENT ("DTSTART:20260701\r\nRECURRENCE-ID:20260701\r\n"),
            "line 6: RECURRENCE-ID of an event is not taken: write EXDATE in the series and an "
            "event of its own "
            "instead"},
        {EVENT ("DTSTART:20260701\r\nEXRULE:FREQ=DAILY\r\n"),
            "line 6: EXRULE of an event is not taken"},
        {EVENT ("DTSTART:20260701\r\nRRULE:FREQ=SECONDLY\r\n"),
            "line 6: RRULE: 'FREQ=SECONDLY' is not taken: only DAILY, WEEKLY, MONTHLY and YEARLY "
            "are"},
        {EVENT ("DTSTART:20260701\r\nRRULE:FREQ=DAILY;BYHOUR=3\r\n"),
            "line 6: RRULE: the part BYHOUR of a rule is not taken"},
        {EVENT ("DTSTART:20260701\r\nRRULE:RSCALE=CHINESE;FREQ=YEARLY\r\n"),
            "line 6: RRULE: the part RSCALE of a rule is not taken"},
        {EVENT ("DTSTART:20260701\r\nRRULE:FREQ=YEARLY;BYMONTHDAY=1\r\n"),
            "line 6: RRULE: BYMONTHDAY without BYMONTH is not taken in YEARLY; use MONTHLY"},
        {EVENT ("DTSTART:20260701\r\nRRULE:FREQ=WEEKLY;BYDAY=MO\r\n"),
            "line 6: DTSTART is no date of the rule itself; begin on one that is"},
        {EVENT ("DTSTART:20260701\r\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30\r\n"),
            "line 6: DTSTART is no date of the rule itself; begin on one that is"},
        {EVENT ("DTSTART:20260230\r\n"), "line 5: DTSTART: '20260230' is no date (20261224) or "
                                         "time (20261224T180000) from 1900 to 2200"},
        {EVENT ("DTSTART;TZID=Mars/Base:20260701T100000\r\nDURATION:PT1H\r\n"),
            "line 5: this machine has no time zone 'Mars/Base'; write an IANA name such as "
            "Europe/Berlin"},
        {EVENT ("DTSTART;TZID=../../etc/passwd:20260701T100000\r\nDURATION:PT1H\r\n"),
            "line 5: this machine has no time zone '../../etc/passwd'; write an IANA name such as "
            "Europe/Berlin"},
        {EVENT ("DTSTART:20260701T100000Z\r\n"),
            "line 3: the event has neither DTEND nor DURATION: it keeps nothing out"},
        {EVENT ("DTSTART:20260701T100000Z\r\nDTEND:20260701T100000Z\r\n"),
            "line 6: DTEND is not after DTSTART"},
        {EVENT ("DTSTART:20260701T100000Z\r\nDURATION:-PT1H\r\n"),
            "line 6: DURATION: a DURATION is P1D, P2W, PT90M or P1DT12H and not below zero"},
        {EVENT ("DTSTART:20260701\r\nRRULE:FREQ=DAILY;UNTIL=20260801T000000Z\r\n"),
            "line 6: UNTIL has to be of the kind of DTSTART: a date with dates, in UTC (Z) with "
            "times in a zone"},
        {EVENT ("DTSTART:20260701\r\n") "X", "line 8: 'X' is no line of iCalendar (NAME:value)"},
        {BEGIN_FILE "BEGIN:VEVENT\r\nDTSTART:20260701\r\n",
            "line 3: what begins here does not end: the file is cut off"},
        {"BEGIN:VCALENDAR\r\nVERSION:1.0\r\nEND:VCALENDAR\r\n",
            "line 2: VERSION:1.0 is not taken, only 2.0"},
        {"", "line 1: an iCalendar file begins with BEGIN:VCALENDAR"},
        {"BEGIN:VCALENDAR\r\nSUMMARY:\xc4\xff\r\n",
            "line 2: the text is not UTF-8; save the file in UTF-8 (RFC 5545 asks for it)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refused (state, cases[i].text, cases[i].sentence);
}

static void test_several_mistakes_are_named_at_once (void **state)
{
    reading got = read_bytes (
        state, bg_slice_str (EVENT ("DTSTART:2026\r\nRRULE:FREQ=HOURLY\r\nEXRULE:x\r\n")), 1);
    assert_int_equal (got.result.code, BG_INVALID);
    assert_string_equal (got.err.hint, "2 more in lines 6, 7");
    bg_arena_fini (&got.arena);
}

/*  ---- files that mean harm: each is over in seconds, with a sentence ----  */

static void test_a_rule_without_end_and_a_huge_count_are_bounded (void **state)
{
    expect (state, EVENT ("DTSTART:19000101\r\nRRULE:FREQ=DAILY;COUNT=1000000000\r\n"),
        "2025-06-01 00:00 to 2027-07-01 00:00\n", "");
    expect (state, EVENT ("DTSTART:19000101T000000\r\nDURATION:P3650D\r\nRRULE:FREQ=DAILY\r\n"),
        "2025-06-01 00:00 to 2027-07-01 00:00\n", "");
}

static void test_fifty_megabytes_are_refused (void **state)
{
    size_t size = 50 * 1024 * 1024;
    uint8_t *bytes = bg_alloc (size);
    memset (bytes, 'A', size);
    reading got = read_bytes (state, bg_slice_of (bytes, size), 1);
    free (bytes);
    assert_int_equal (got.result.code, BG_INVALID);
    assert_non_null (strstr (got.err.message, "the file is larger than 8 MiB"));
    bg_arena_fini (&got.arena);
}

static void test_deep_nesting_is_refused (void **state)
{
    BG_AUTO_BUF text = {0};
    for (int i = 0; i < 100000; i++)
        bg_buf_append_str (&text, "BEGIN:VCALENDAR\r\n");
    reading got = read_bytes (state, bg_buf_slice (&text), 1);
    assert_int_equal (got.result.code, BG_INVALID);
    assert_non_null (strstr (got.err.message, "line 2: a component VCALENDAR is not taken here"));
    bg_arena_fini (&got.arena);
}

static void test_one_line_of_megabytes_and_many_folds_end (void **state)
{
    BG_AUTO_BUF text = {0};
    bg_buf_append_str (&text, BEGIN_FILE "DESCRIPTION:");
    for (int i = 0; i < 1000000; i++)
        bg_buf_append_str (&text, "\r\n x");
    bg_buf_append_str (&text, "\r\n" END_FILE);
    reading got = read_bytes (state, bg_buf_slice (&text), 1);
    assert_int_equal (got.result.code, BG_OK);
    bg_arena_fini (&got.arena);
}

static void test_utf_16_and_zeros_are_refused (void **state)
{
    static const uint8_t utf16[] = {0xff, 0xfe, 'B', 0, 'E', 0, 'G', 0, 'I', 0, 'N', 0};
    reading got = read_bytes (state, bg_slice_of (utf16, sizeof utf16), 1);
    assert_int_equal (got.result.code, BG_INVALID);
    assert_non_null (strstr (got.err.message, "line 1: the text is not UTF-8"));
    bg_arena_fini (&got.arena);
}

static void test_more_ranges_than_a_calendar_holds_are_refused (void **state)
{
    BG_AUTO_BUF text = {0};
    bg_buf_append_str (&text, BEGIN_FILE);
    for (int hour = 0; hour < 24; hour += 2)
        bg_buf_printf (&text,
            "BEGIN:VEVENT\r\nDTSTART:20250101T%02d0000\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY\r\nEND:"
            "VEVENT\r\n",
            hour);
    bg_buf_append_str (&text, END_FILE);
    reading got = read_bytes (state, bg_buf_slice (&text), 10);
    assert_int_equal (got.result.code, BG_TOO_LARGE);
    bg_arena_fini (&got.arena);
}

static void test_a_missing_file_a_directory_and_odd_years_are_said (void **state)
{
    bg_error err = {0};
    BG_AUTO_ARENA arena = {0};
    wire_calendar calendar = {0};
    assert_int_equal (
        ctl_ics_calendar ("/nowhere/days.ics", 1, now_us (), &arena, &calendar, &err).code,
        BG_NOT_FOUND);
    assert_int_equal (ctl_ics_calendar (*state, 1, now_us (), &arena, &calendar, &err).code, BG_IO);
    assert_int_equal (
        ctl_ics_calendar (*state, 0, now_us (), &arena, &calendar, &err).code, BG_INVALID);
    assert_int_equal (
        ctl_ics_calendar (*state, 11, now_us (), &arena, &calendar, &err).code, BG_INVALID);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_whole_days_are_local),
        cmocka_unit_test (test_a_day_without_an_end_is_one_day),
        cmocka_unit_test (test_a_time_without_a_zone_is_local),
        cmocka_unit_test (test_times_in_a_zone_are_instants),
        cmocka_unit_test (test_days_of_a_duration_are_days_of_the_calendar),
        cmocka_unit_test (test_a_time_in_a_gap_is_later_and_in_a_fold_the_first),
        cmocka_unit_test (test_exceptions_extra_dates_and_neighbours_become_ranges),
        cmocka_unit_test (test_a_period_has_a_length_of_its_own),
        cmocka_unit_test (test_a_cancelled_event_is_none),
        cmocka_unit_test (test_folded_lines_and_plain_newlines_are_read),
        cmocka_unit_test (test_the_horizon_is_the_end_of_the_month_years_on),
        cmocka_unit_test (test_what_is_not_understood_is_refused_with_its_line),
        cmocka_unit_test (test_several_mistakes_are_named_at_once),
        cmocka_unit_test (test_a_rule_without_end_and_a_huge_count_are_bounded),
        cmocka_unit_test (test_fifty_megabytes_are_refused),
        cmocka_unit_test (test_deep_nesting_is_refused),
        cmocka_unit_test (test_one_line_of_megabytes_and_many_folds_end),
        cmocka_unit_test (test_utf_16_and_zeros_are_refused),
        cmocka_unit_test (test_more_ranges_than_a_calendar_holds_are_refused),
        cmocka_unit_test (test_a_missing_file_a_directory_and_odd_years_are_said),
    };
    return cmocka_run_group_tests (tests, temp_dir_setup, temp_dir_teardown);
}
