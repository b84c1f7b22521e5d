/*  Counts and shares on the command line.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ctl/share.h"

#include <string.h>

static void numbers_and_shares_are_counts (void **state)
{
    (void) state;
    const struct {
        const char *text;
        size_t of;
        size_t count;
    } cases[] = {{"1", 5, 1}, {"10", 5, 10}, {"10%", 25, 3}, {"10%", 30, 3}, {"1%", 3, 1},
        {"100%", 7, 7}, {"50%", 1, 1}, {"9999999", 3, 9999999}, {"5%", 10000, 500}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t count = 0;
        bg_error err = {0};
        assert_true (bg_is_ok (ctl_share ("--batch", cases[i].text, cases[i].of, &count, &err)));
        assert_int_equal (count, cases[i].count);
    }
}

static void anything_else_is_refused_with_its_option (void **state)
{
    (void) state;
    static const char *const texts[] = {
        "", "0", "0%", "101%", "-1", "1.5", "x", "10 %", "10%%", "%", "99999999", "1e3", " 1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t count = 77;
        bg_error err = {0};
        assert_int_equal (ctl_share ("--max-failed", texts[i], 10, &count, &err).code, BG_USAGE);
        assert_int_equal (count, 77);
        assert_non_null (strstr (err.message, "--max-failed"));
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (numbers_and_shares_are_counts),
        cmocka_unit_test (anything_else_is_refused_with_its_option),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
