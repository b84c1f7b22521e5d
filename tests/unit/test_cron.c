/*  Cron expressions: what they mean, and where the caret stands when they mean nothing.  */
#include "common/job/cron.h"

#include "common/job/civil.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

static job_cron parse (const char *text)
{
    job_cron cron = {0};
    bg_error err = {0};
    if (bg_failed (job_cron_parse (bg_slice_str (text), &cron, &err, NULL)))
        fail_msg ("%s: %s", text, err.message);
    return cron;
}

static int64_t at (int year, int month, int day, int hour, int minute)
{
    job_civil civil = {year, month, day, hour, minute, 0};
    return job_seconds_from_civil (&civil);
}

/*  The next times after 2026-01-01 00:00, a Thursday, as text; separated by commas.  */
static void assert_next (const char *text, const char *wanted)
{
    job_cron cron = parse (text);
    BG_AUTO_BUF got = {0};
    int64_t time = at (2026, 1, 1, 0, 0);
    while (got.size < strlen (wanted)) {
        assert_true (job_cron_next (&cron, time, &time));
        job_civil c = job_civil_from_seconds (time);
        bg_buf_printf (&got, "%s%04d-%02d-%02d %02d:%02d", got.size ? "," : "", c.year, c.month,
            c.day, c.hour, c.minute);
        if (c.second)
            bg_buf_printf (&got, ":%02d", c.second);
    }
    assert_string_equal (bg_buf_cstr (&got), wanted);
}

static void assert_days (const char *text, int year, int month, uint32_t wanted)
{
    job_cron cron = parse (text);
    assert_int_equal (job_cron_days (&cron, year, month), wanted);
}

static void assert_refused (const char *text, size_t place, const char *part)
{
    job_cron cron = {0};
    bg_error err = {0};
    size_t offset = 999;
    assert_int_equal (job_cron_parse (bg_slice_str (text), &cron, &err, &offset).code, BG_INVALID);
    if (offset != place || !strstr (err.message, part))
        fail_msg ("%s: offset %zu, %s", text, offset, err.message);
    assert_true (bg_failed (job_cron_parse (bg_slice_str (text), &cron, NULL, NULL)));
}

static void test_plain_values (void **state)
{
    (void) state;
    assert_next ("30 2 * * *", "2026-01-01 02:30,2026-01-02 02:30");
    assert_next ("  0   12 *\t* 1-5 ", "2026-01-01 12:00,2026-01-02 12:00,2026-01-05 12:00");
    assert_next ("0 0 1 JAN,jul *", "2026-07-01 00:00,2027-01-01 00:00");
    assert_next (
        "0 0 * * Mon-Wed", "2026-01-05 00:00,2026-01-06 00:00,2026-01-07 00:00,2026-01-12 00:00");
    assert_next (
        "15,45 8-9 * * *", "2026-01-01 08:15,2026-01-01 08:45,2026-01-01 09:15,2026-01-01 09:45");
    assert_next ("*/25 * * * *", "2026-01-01 00:25,2026-01-01 00:50,2026-01-01 01:00");
    assert_next ("5-59/20 23 31 12 *",
        "2026-12-31 23:05,2026-12-31 23:25,2026-12-31 23:45,2027-12-31 23:05");
    assert_next ("0 0 29 2 *", "2028-02-29 00:00,2032-02-29 00:00");
    assert_next ("0 0 31 * *", "2026-01-31 00:00,2026-03-31 00:00,2026-05-31 00:00");
}

static void test_six_fields_begin_with_seconds (void **state)
{
    (void) state;
    assert_next ("*/20 * * * * *", "2026-01-01 00:00:20,2026-01-01 00:00:40,2026-01-01 00:01");
    assert_next ("30 59 23 L * ?", "2026-01-31 23:59:30,2026-02-28 23:59:30");
}

static void test_sunday_is_0_and_7 (void **state)
{
    (void) state;
    job_cron a = parse ("0 0 * * 0");
    static const char *const same[] = {"0 0 * * 7", "0 0 * * sun", "0 0 * * 7,0", "0 0 * * SUN"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        job_cron b = parse (same[i]);
        assert_int_equal (a.weekdays, b.weekdays);
    }
    assert_int_equal (parse ("0 0 * * fri-sun").weekdays, 0x61);
    assert_int_equal (parse ("0 0 * * 5-7").weekdays, 0x61);
    assert_int_equal (parse ("0 0 * * 7-2").weekdays, 0x07);
    assert_int_equal (parse ("0 0 * * 0-7").weekdays, 0x7f);
    assert_int_equal (parse ("0 0 * * */2").weekdays, 0x55);
}

static void test_day_fields_are_either_when_both_restrict (void **state)
{
    (void) state;
    assert_next (
        "0 0 13 * fri", "2026-01-02 00:00,2026-01-09 00:00,2026-01-13 00:00,2026-01-16 00:00");
    assert_next ("0 0 * * fri", "2026-01-02 00:00,2026-01-09 00:00");
    assert_next ("0 0 13 * *", "2026-01-13 00:00,2026-02-13 00:00");
    assert_next ("0 0 13 * ?", "2026-01-13 00:00,2026-02-13 00:00");
    /*  A star with a step does not restrict: both must fit. Odd days that are Fridays.  */
    assert_next ("0 0 */2 * fri", "2026-01-09 00:00,2026-01-23 00:00,2026-02-13 00:00");
}

static void test_last_days (void **state)
{
    (void) state;
    assert_days ("0 0 L * *", 2028, 2, UINT32_C (1) << 29);
    assert_days ("0 0 L-3 * *", 2026, 4, UINT32_C (1) << 27);
    assert_days ("0 0 L-30 * *", 2026, 3, UINT32_C (1) << 1);
    assert_days ("0 0 L-30 * *", 2026, 4, 0);
    assert_days ("0 0 LW * *", 2026, 5, UINT32_C (1) << 29); /*  the 31st is a Sunday  */
    assert_days ("0 0 1,L * *", 2026, 6, UINT32_C (1) << 1 | UINT32_C (1) << 30);
    assert_days ("0 0 ? * 5L", 2026, 1, UINT32_C (1) << 30);
    assert_days ("0 0 ? * friL", 2026, 2, UINT32_C (1) << 27);
    assert_days ("0 0 ? * 7L", 2026, 5, UINT32_C (1) << 31);
}

static void test_nearest_workday (void **state)
{
    (void) state;
    assert_days ("0 0 15W * *", 2026, 1, UINT32_C (1) << 15); /*  Thursday  */
    assert_days ("0 0 17W * *", 2026, 1, UINT32_C (1) << 16); /*  Saturday  */
    assert_days ("0 0 18W * *", 2026, 1, UINT32_C (1) << 19); /*  Sunday  */
    assert_days ("0 0 1W * *", 2026, 8, UINT32_C (1) << 3);   /*  Saturday the 1st  */
    assert_days ("0 0 31W * *", 2026, 5, UINT32_C (1) << 29); /*  Sunday the last  */
    assert_days ("0 0 31W * *", 2026, 4, 0);
}

static void test_nth_weekday (void **state)
{
    (void) state;
    assert_days ("0 0 * * 2#2", 2026, 1, UINT32_C (1) << 13);
    assert_days ("0 0 * * tue#2", 2026, 4, UINT32_C (1) << 14);
    assert_days ("0 0 * * 5#5", 2026, 1, UINT32_C (1) << 30);
    assert_days ("0 0 * * 5#5", 2026, 2, 0);
    assert_days ("0 0 * * 1#1,1#3", 2026, 1, UINT32_C (1) << 5 | UINT32_C (1) << 19);
}

static void test_shorthands (void **state)
{
    (void) state;
    assert_next ("@yearly", "2027-01-01 00:00");
    assert_next ("@annually", "2027-01-01 00:00");
    assert_next ("@monthly", "2026-02-01 00:00");
    assert_next ("@weekly", "2026-01-04 00:00");
    assert_next ("@daily", "2026-01-02 00:00");
    assert_next (" @midnight ", "2026-01-02 00:00");
    assert_next ("@hourly", "2026-01-01 01:00,2026-01-01 02:00");
    assert_true (job_cron_is_every_hour (&(job_cron){.hours = 0xffffff}));
    job_cron hourly = parse ("@hourly");
    assert_true (job_cron_is_every_hour (&hourly));
    job_cron office = parse ("0 */2 * * *");
    assert_false (job_cron_is_every_hour (&office));
}

static void test_mistakes_are_refused_with_their_place (void **state)
{
    (void) state;
    assert_refused ("", 0, "0 fields");
    assert_refused ("* * * *", 0, "4 fields");
    assert_refused ("0 0 0 1 1 ? 2026", 0, "7 fields");
    assert_refused ("75 * * * *", 0, "minute 75");
    assert_refused ("0 24 * * *", 2, "hour 24");
    assert_refused ("0 0 0 * *", 4, "day of month 0");
    assert_refused ("0 0 1 13 *", 6, "month 13");
    assert_refused ("0 0 * * 8", 8, "day of week 8");
    assert_refused ("0 0 * * 1,fry", 10, "'f'");
    assert_refused ("0 0 * * friday", 11, "'d'");
    assert_refused ("0 0 1,,2 * *", 6, "missing");
    assert_refused ("0 0 1, * *", 6, "missing");
    assert_refused ("0 8-x * * *", 4, "'x'");
    assert_refused ("0 22-2 * * *", 2, "backwards");
    assert_refused ("0 0 * * sat-mon", 8, "backwards");
    assert_refused ("*/0 * * * *", 2, "step 0");
    assert_refused ("*/90 * * * *", 2, "step 90");
    assert_refused ("*/x * * * *", 2, "number");
    assert_refused ("5/10 * * * *", 1, "range");
    assert_refused ("*,5 * * * *", 1, "alone");
    assert_refused ("*/5,7 * * * *", 3, "alone");
    assert_refused ("? * * * *", 0, "not for the minute");
    assert_refused ("0 0 ? * ?", 8, "one of the two");
    assert_refused ("0 0 * * L", 8, "which day");
    assert_refused ("0 0 L-31 * *", 6, "outside");
    assert_refused ("0 0 L-0 * *", 6, "outside");
    assert_refused ("0 0 LX * *", 5, "'X'");
    assert_refused ("0 0 1-5W * *", 7, "'W'");
    assert_refused ("0 0 * * 1#6", 10, "outside");
    assert_refused ("0 0 * * 1#", 10, "number");
    assert_refused ("H * * * *", 0, "'H'");
    assert_refused ("0 0 \xc3\xbc * *", 4, "ASCII");
    assert_refused ("99999999999999999999 * * * *", 0, "outside");
    assert_refused ("@reboot", 0, "not known");
    assert_refused ("@", 0, "not known");
}

static void test_what_never_happens_is_refused (void **state)
{
    (void) state;
    assert_refused ("0 0 30 2 *", 4, "never");
    assert_refused ("0 0 31 4,6,9,11 ?", 4, "never");
    assert_refused ("0 0 L-29 2 *", 4, "never");
    assert_refused ("0 0 31W 2,4 *", 4, "never");
    /*  Either day field is enough, and once in forty years is often enough.  */
    assert_next ("0 0 30 2 mon", "2026-02-02 00:00");
    assert_next ("0 0 29 2 *", "2028-02-29 00:00");
    assert_next ("0 0 * 2 sun#5", "2032-02-29 00:00");
}

static void test_long_texts_are_refused (void **state)
{
    (void) state;
    char text[300];
    memset (text, '1', sizeof text);
    job_cron cron;
    bg_error err = {0};
    assert_int_equal (
        job_cron_parse (bg_slice_of (text, sizeof text), &cron, &err, NULL).code, BG_TOO_LARGE);
}

static void test_nothing_after_the_year_9999 (void **state)
{
    (void) state;
    job_cron cron = parse ("0 0 31 12 *");
    int64_t next = 0;
    assert_true (job_cron_next (&cron, at (9999, 12, 30, 0, 0), &next));
    assert_true (next == at (9999, 12, 31, 0, 0));
    assert_false (job_cron_next (&cron, next, &next));
    assert_true (job_cron_next (&cron, at (-300, 1, 1, 0, 0), &next));
    assert_true (next == at (-300, 12, 31, 0, 0));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_plain_values),
        cmocka_unit_test (test_six_fields_begin_with_seconds),
        cmocka_unit_test (test_sunday_is_0_and_7),
        cmocka_unit_test (test_day_fields_are_either_when_both_restrict),
        cmocka_unit_test (test_last_days),
        cmocka_unit_test (test_nearest_workday),
        cmocka_unit_test (test_nth_weekday),
        cmocka_unit_test (test_shorthands),
        cmocka_unit_test (test_mistakes_are_refused_with_their_place),
        cmocka_unit_test (test_what_never_happens_is_refused),
        cmocka_unit_test (test_long_texts_are_refused),
        cmocka_unit_test (test_nothing_after_the_year_9999),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
