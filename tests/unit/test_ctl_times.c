/*  Times and durations, typed and shown; and folding of names.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ctl/fold.h"
#include "ctl/times.h"

#include <stdlib.h>
#include <time.h>

#define SECOND_US INT64_C (1000000)
#define NOW_US    (INT64_C (1772366400) * SECOND_US) /*  2026-03-01T12:00:00Z  */

static void set_zone (const char *zone)
{
    (void) setenv ("TZ", zone, 1);
    tzset ();
}

static void what_is_typed_becomes_an_instant (void **state)
{
    (void) state;
    static const struct {
        const char *text;
        int64_t seconds; /*  from NOW_US  */
        int64_t rest_us;
    } rows[] = {
        {"now", 0, 0},
        {"90s", -90, 0},
        {"7d", -7 * 86400, 0},
        {"1h30m", -5400, 0},
        {"500ms", -1, 500000},
        {"today", -13 * 3600, 0}, /*  midnight at +01:00 is 23:00 UTC the day before  */
        {"yesterday", -37 * 3600, 0},
        {"2026-03-01", -13 * 3600, 0},
        {"2026-03-01T12:00", -3600, 0},
        {"2026-03-01 12:00", -3600, 0},
        {"2026-03-01T12:00:30", -3570, 0},
        {"2026-03-01T12:00:00Z", 0, 0},
        {"2026-03-01T12:00:00.25z", 0, 250000},
        {"2026-03-01T12:00:00+01:00", -3600, 0},
        {"2026-03-01 12:00 -0530", 19800, 0},
    };
    set_zone ("CET-1CEST,M3.5.0,M10.5.0/3");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t time_us = 0;
        bg_error err = {0};
        if (bg_failed (ctl_times_parse (bg_slice_str (rows[i].text), NOW_US, &time_us, &err)))
            fail_msg ("%s: %s", rows[i].text, err.message);
        assert_int_equal (time_us - NOW_US, rows[i].seconds * SECOND_US + rows[i].rest_us);
    }
}

static void what_is_no_time_is_refused (void **state)
{
    (void) state;
    static const char *const rows[] = {"", "noon", "2026", "2026-3-1", "2026-13-01", "2026-02-30",
        "2026-03-01T", "2026-03-01T24:00", "2026-03-01T12", "2026-03-01T12:00:00.",
        "2026-03-01T12:00+1", "2026-03-01T12:00Zx", "-5m", "5", "1969-01-01",
        "2026-03-01T12:00:00.000000000000000000000000000000000000000000000000Z"};
    set_zone ("UTC");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t time_us = 7;
        assert_int_equal (
            ctl_times_parse (bg_slice_str (rows[i]), NOW_US, &time_us, NULL).code, BG_INVALID);
        assert_int_equal (time_us, 7);
    }
}

static void ahead_counts_forward_and_refuses_the_past (void **state)
{
    (void) state;
    int64_t time_us = 0;
    set_zone ("UTC");
    assert_int_equal (ctl_times_parse_ahead (bg_slice_str ("2h"), NOW_US, &time_us, NULL).code, 0);
    assert_int_equal (time_us, NOW_US + 7200 * SECOND_US);
    assert_int_equal (
        ctl_times_parse_ahead (bg_slice_str ("2026-03-01T11:59Z"), NOW_US, &time_us, NULL).code,
        BG_INVALID);
    assert_int_equal (
        ctl_times_parse_ahead (bg_slice_str ("now"), NOW_US, &time_us, NULL).code, BG_INVALID);
}

static void rfc_3339_keeps_only_the_fraction_that_is_there (void **state)
{
    (void) state;
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {NOW_US, "2026-03-01T12:00:00Z"},
        {NOW_US + 250000, "2026-03-01T12:00:00.250Z"},
        {NOW_US + 1, "2026-03-01T12:00:00.000001Z"},
        {0, "1970-01-01T00:00:00Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        BG_AUTO_BUF text = {0};
        int64_t back = 0;
        ctl_times_rfc3339 (rows[i].us, &text);
        assert_string_equal (bg_buf_cstr (&text), rows[i].text);
        if (rows[i].us >= 0) {
            assert_int_equal (ctl_times_parse (bg_buf_slice (&text), 0, &back, NULL).code, BG_OK);
            assert_int_equal (back, rows[i].us);
        }
    }
}

static void people_see_local_time_with_its_offset (void **state)
{
    (void) state;
    static const struct {
        const char *zone;
        bool is_utc;
        const char *text;
    } rows[] = {
        {"CET-1", false, "2026-03-01 13:00:00 +01:00"},
        {"NST3:30", false, "2026-03-01 08:30:00 -03:30"},
        {"CET-1", true, "2026-03-01 12:00:00 Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        BG_AUTO_BUF text = {0};
        set_zone (rows[i].zone);
        ctl_times_people (NOW_US, rows[i].is_utc, &text);
        assert_string_equal (bg_buf_cstr (&text), rows[i].text);
    }
}

static void spans_are_short (void **state)
{
    (void) state;
    static const struct {
        int64_t us;
        const char *span;
        const char *clock;
    } rows[] = {
        {0, "0ms", "00:00"},
        {340000, "340ms", "00:00"},
        {4250000, "4.2s", "00:04"},
        {59999999, "59.9s", "00:59"},
        {185 * SECOND_US, "3m05s", "03:05"},
        {7800 * SECOND_US, "2h10m", "2:10:00"},
        {277200 * SECOND_US, "3d5h", "77:00:00"},
        {-5 * SECOND_US, "-5.0s", "00:00"},
        {-500, "0ms", "00:00"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        BG_AUTO_BUF span = {0};
        BG_AUTO_BUF clock = {0};
        ctl_times_span (rows[i].us, &span);
        ctl_times_clock (rows[i].us, &clock);
        assert_string_equal (bg_buf_cstr (&span), rows[i].span);
        assert_string_equal (bg_buf_cstr (&clock), rows[i].clock);
    }
}

static void check_fold (
    const char *const *names, size_t count, size_t total, size_t max, const char *wanted)
{
    bg_slice slices[16];
    BG_AUTO_BUF out = {0};
    for (size_t i = 0; i < count; i++)
        slices[i] = bg_slice_str (names[i]);
    ctl_fold (slices, count, total, max, &out);
    assert_string_equal (bg_buf_cstr (&out), wanted);
}

static void names_fold_and_what_does_not_fit_is_counted (void **state)
{
    (void) state;
    static const char *const names[] = {
        "web003", "web001", "web002", "db7", "alpha", "beta", "gamma"};
    check_fold (names, 3, 3, 0, "web[001-003]");
    check_fold (names, 4, 4, 0, "db7,web[001-003]");
    check_fold (names, 7, 7, 20, "alpha,beta,db7,gamma and 3 more");
    check_fold (names, 3, 10, 0, "web[001-003] and 7 more");
    check_fold (names, 0, 0, 0, "-");
    check_fold (names, 0, 5, 0, "5 more");
    check_fold (names, 1, 1, 3, "web003");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (what_is_typed_becomes_an_instant),
        cmocka_unit_test (what_is_no_time_is_refused),
        cmocka_unit_test (ahead_counts_forward_and_refuses_the_past),
        cmocka_unit_test (rfc_3339_keeps_only_the_fraction_that_is_there),
        cmocka_unit_test (people_see_local_time_with_its_offset),
        cmocka_unit_test (spans_are_short),
        cmocka_unit_test (names_fold_and_what_does_not_fit_is_counted),
    };
    return cmocka_run_group_tests_name ("ctl_times", tests, NULL, NULL);
}
