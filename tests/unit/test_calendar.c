/*  Calendars: their form, what they cover, and how schedules heed them.  */
#include "common/job/calendar.h"
#include "common/job/civil.h"
#include "common/job/schedule.h"
#include "zone_file.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define SECOND_US INT64_C (1000000)

static int64_t seconds (uint32_t date, int64_t of_day)
{
    return job_days_from_number (date) * JOB_DAY_SECONDS + of_day;
}

static void append (bg_buf *ranges, int64_t from, int64_t until)
{
    job_calendar_range_append (ranges, (job_calendar_range){from, until});
}

typedef struct {
    bg_buf local;
    bg_buf utc;
    job_calendar calendar;
} fixture;

static job_calendar *ready (fixture *self, const char *name)
{
    self->calendar = (job_calendar){
        .name = bg_slice_str (name),
        .local_ranges = bg_buf_slice (&self->local),
        .utc_ranges = bg_buf_slice (&self->utc),
        .horizon_us = INT64_MAX,
    };
    return &self->calendar;
}

static void fixture_fini (fixture *self)
{
    bg_buf_fini (&self->local);
    bg_buf_fini (&self->utc);
}

static void test_a_range_covers_from_and_not_until (void **state)
{
    (void) state;
    fixture it = {0};
    for (int i = 0; i < 1000; i++)
        append (&it.utc, i * 100, i * 100 + 10);
    const job_calendar *calendar = ready (&it, "many");
    assert_true (bg_is_ok (job_calendar_check (calendar, NULL)));
    assert_int_equal (job_calendar_range_count (calendar->utc_ranges), 1000);
    assert_int_equal (job_calendar_range_at (calendar->utc_ranges, 999).until, 99910);
    for (int64_t at = -200; at < 100200; at++) {
        bool is_in = at >= 0 && at < 100000 && at % 100 < 10;
        assert_int_equal (job_calendar_covers (calendar, NULL, at * SECOND_US), is_in);
    }
    assert_true (job_calendar_covers (calendar, NULL, 109 * SECOND_US + 999999));
    assert_false (job_calendar_covers (calendar, NULL, -1));
    fixture_fini (&it);
}

static void test_local_ranges_are_read_off_the_wall (void **state)
{
    (void) state;
    fixture it = {0};
    append (&it.local, seconds (20261225, 0), seconds (20261226, 0));
    const job_calendar *calendar = ready (&it, "christmas");
    job_zone *zone = zone_file_load ("America/New_York");
    if (!zone)
        skip ();
    int64_t begin = (seconds (20261225, 0) + 5 * 3600) * SECOND_US;
    assert_false (job_calendar_covers (calendar, zone, begin - 1));
    assert_true (job_calendar_covers (calendar, zone, begin));
    assert_true (job_calendar_covers (calendar, zone, begin + JOB_DAY_SECONDS * SECOND_US - 1));
    assert_false (job_calendar_covers (calendar, zone, begin + JOB_DAY_SECONDS * SECOND_US));
    assert_true (job_calendar_covers (calendar, NULL, seconds (20261225, 0) * SECOND_US));
    job_zone_destroy (&zone);
    fixture_fini (&it);
}

/*  The day on which New York falls back has 25 hours, and a blackout of it lasts that long.  */
static void test_a_blackout_of_a_day_lasts_as_long_as_the_day (void **state)
{
    (void) state;
    fixture it = {0};
    append (&it.local, seconds (20261101, 0), seconds (20261102, 0));
    const job_calendar *calendar = ready (&it, "day");
    job_zone *zone = zone_file_load ("America/New_York");
    if (!zone)
        skip ();
    int hours = 0;
    for (int64_t at = seconds (20261031, 0); at < seconds (20261104, 0); at += 3600)
        hours += job_calendar_covers (calendar, zone, at * SECOND_US);
    assert_int_equal (hours, 25);
    job_zone_destroy (&zone);
    fixture_fini (&it);
}

static void test_beyond_the_horizon_nothing_is_known (void **state)
{
    (void) state;
    fixture it = {0};
    append (&it.utc, 0, 1000);
    job_calendar *calendar = ready (&it, "short");
    calendar->horizon_us = 500 * SECOND_US;
    const job_calendar *list[] = {calendar};
    job_schedule except = {
        .kind = JOB_SCHEDULE_EVERY, .every_us = SECOND_US, .calendars = list, .except_count = 1};
    job_schedule within = {
        .kind = JOB_SCHEDULE_EVERY, .every_us = SECOND_US, .calendars = list, .within_count = 1};
    assert_false (job_schedule_is_open (&except, calendar->horizon_us - 1, NULL));
    assert_true (job_schedule_is_open (&except, calendar->horizon_us, NULL));
    assert_true (job_schedule_is_open (&within, calendar->horizon_us - 1, NULL));
    assert_false (job_schedule_is_open (&within, calendar->horizon_us, NULL));
    fixture_fini (&it);
}

static void test_a_schedule_names_the_calendar_that_keeps_it_out (void **state)
{
    (void) state;
    fixture holidays = {0};
    fixture freeze = {0};
    fixture nights = {0};
    append (&holidays.utc, 100, 200);
    append (&freeze.utc, 150, 300);
    append (&nights.utc, 0, 400);
    const job_calendar *list[] = {
        ready (&holidays, "holidays"), ready (&freeze, "freeze"), ready (&nights, "nights")};
    job_schedule schedule = {.kind = JOB_SCHEDULE_EVERY,
        .every_us = SECOND_US,
        .calendars = list,
        .except_count = 2,
        .within_count = 1};
    const struct {
        int64_t at;
        const job_calendar *why;
    } cases[] = {{50, NULL}, {100, list[0]}, {199, list[0]}, {200, list[1]}, {299, list[1]},
        {300, NULL}, {399, NULL}, {400, list[2]}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const job_calendar *why = NULL;
        int64_t at_us = cases[i].at * SECOND_US;
        assert_int_equal (job_schedule_is_open (&schedule, at_us, &why), cases[i].why == NULL);
        assert_ptr_equal (why, cases[i].why);
        assert_ptr_equal (job_schedule_marks (&schedule, at_us).kept_out, cases[i].why);
    }
    fixture_fini (&holidays);
    fixture_fini (&freeze);
    fixture_fini (&nights);
}

static void test_without_calendars_it_is_always_open (void **state)
{
    (void) state;
    job_schedule schedule = {.kind = JOB_SCHEDULE_EVERY, .every_us = SECOND_US};
    assert_true (job_schedule_is_open (&schedule, 0, NULL));
}

static void test_ranges_of_the_wrong_form_are_refused (void **state)
{
    (void) state;
    const struct {
        int64_t ranges[4];
        size_t count;
        size_t cut;
        const char *says;
    } cases[] = {
        {{0, 10}, 2, 1, "end in the middle"},
        {{10, 10}, 2, 0, "ends before it begins"},
        {{11, 10}, 2, 0, "ends before it begins"},
        {{0, 10, 10, 20}, 4, 0, "not apart"},
        {{0, 10, 5, 20}, 4, 0, "not apart"},
        {{100, 110, 0, 10}, 4, 0, "not apart"},
        {{JOB_CALENDAR_SECONDS_MIN - 1, 10}, 2, 0, "1900 and 9999"},
        {{0, JOB_CALENDAR_SECONDS_MAX + 1}, 2, 0, "1900 and 9999"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int is_local = 0; is_local < 2; is_local++) {
            fixture it = {0};
            bg_buf *ranges = is_local ? &it.local : &it.utc;
            for (size_t j = 0; j < cases[i].count; j += 2)
                append (ranges, cases[i].ranges[j], cases[i].ranges[j + 1]);
            ranges->size -= cases[i].cut;
            bg_error err = {0};
            assert_int_equal (job_calendar_check (ready (&it, "bad"), &err).code, BG_INVALID);
            assert_non_null (strstr (err.message, cases[i].says));
            assert_non_null (strstr (err.message, is_local ? "local" : "UTC"));
            fixture_fini (&it);
        }
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_a_range_covers_from_and_not_until),
        cmocka_unit_test (test_local_ranges_are_read_off_the_wall),
        cmocka_unit_test (test_a_blackout_of_a_day_lasts_as_long_as_the_day),
        cmocka_unit_test (test_beyond_the_horizon_nothing_is_known),
        cmocka_unit_test (test_a_schedule_names_the_calendar_that_keeps_it_out),
        cmocka_unit_test (test_without_calendars_it_is_always_open),
        cmocka_unit_test (test_ranges_of_the_wrong_form_are_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
