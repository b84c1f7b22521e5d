/*  Durations, both ways.  */
#include "common/job/duration.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void assert_parses (const char *text, int64_t wanted)
{
    int64_t got = -1;
    assert_true (bg_is_ok (job_duration_parse (bg_slice_str (text), true, &got, NULL)));
    assert_true (got == wanted);
}

static void assert_refused (const char *text, bg_code code)
{
    int64_t got = -1;
    bg_error err = {0};
    if (job_duration_parse (bg_slice_str (text), false, &got, &err).code != code)
        fail_msg ("%s is not refused as it should be", text);
    assert_true (got == -1);
    assert_true (err.message[0] != 0);
}

static void test_parse (void **state)
{
    (void) state;
    const int64_t second = 1000000;
    assert_parses ("90s", 90 * second);
    assert_parses ("5m", 300 * second);
    assert_parses ("2h", 7200 * second);
    assert_parses ("7d", 7 * 86400 * second);
    assert_parses ("1h30m", 5400 * second);
    assert_parses ("1d2h3m4s5ms", 93784 * second + 5000);
    assert_parses ("500ms", second / 2);
    assert_parses ("0", 0);
    assert_parses ("0s", 0);
    assert_parses ("36525d", JOB_DURATION_MAX_US);
}

static void test_mistakes (void **state)
{
    (void) state;
    static const char *const wrong[] = {
        "",
        "90",
        "s",
        "5 m",
        "5m ",
        "-5m",
        "5M",
        "5min",
        "1.5h",
        "30m1h",
        "5m5m",
        "500ms",
        "1h30",
        "1w",
        "5\xc3\xbc",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_refused (wrong[i], BG_INVALID);
    assert_refused ("36526d", BG_TOO_LARGE);
    assert_refused ("36525d1s", BG_TOO_LARGE);
    assert_refused ("99999999999999999999999999s", BG_TOO_LARGE);
}

static void test_shortest_text (void **state)
{
    (void) state;
    static const struct {
        const char *text;
        int64_t us;
    } some[] = {
        {"0s", 0},
        {"0s", 999},
        {"1ms", 1000},
        {"1ms", 1999},
        {"1500ms", 1500000},
        {"90s", 90000000},
        {"90m", 5400000000},
        {"1h", 3600000000},
        {"1d", 86400000000},
        {"36525d", JOB_DURATION_MAX_US},
        {"25h", 90000000000},
    };
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
        assert_string_equal (job_duration_text (some[i].us).text, some[i].text);
}

static void test_text_is_read_back (void **state)
{
    (void) state;
    uint64_t seed = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        int64_t us = (int64_t) (seed % (uint64_t) JOB_DURATION_MAX_US) >> (i % 40);
        us -= us % 1000;
        assert_parses (job_duration_text (us).text, us);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_parse),
        cmocka_unit_test (test_mistakes),
        cmocka_unit_test (test_shortest_text),
        cmocka_unit_test (test_text_is_read_back),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
