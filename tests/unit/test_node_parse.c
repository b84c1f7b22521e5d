/*  The command line of bugle-node where it differs from that of bugle: no word at all, and a wait with a time or without.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ctl/command.h"

static bg_error err;

static ctl_parsed *parse (int count, const char *const *words, bg_code code)
{
    ctl_parsed *parsed = NULL;
    err = (bg_error){0};
    bg_result result = ctl_parse (count, (char *const *) (uintptr_t) words, 0, &parsed, &err);
    assert_int_equal (result.code, code);
    return parsed;
}

#define PARSE(code, ...)                                                                           \
    parse ((int) (sizeof ((const char *const[]){__VA_ARGS__}) / sizeof (char *)),                  \
        (const char *const[]){__VA_ARGS__}, code)

static void without_a_word_it_runs_both_parts (void **state)
{
    (void) state;
    ctl_parsed *parsed = PARSE (BG_OK, "--home", "x", "--log-json");
    assert_int_equal (ctl_parsed_command (parsed)->id, CTL_CMD_run);
    ctl_parsed_destroy (&parsed);
    parsed = PARSE (BG_USAGE, "--home", "x", "--token", "y");
    assert_string_equal (err.message, "bugle-node run takes no --token");
    ctl_parsed_destroy (&parsed);
    parsed = PARSE (BG_OK, "--help");
    assert_null (ctl_parsed_command (parsed));
    ctl_parsed_destroy (&parsed);
}

static void a_wait_takes_a_duration_or_none (void **state)
{
    (void) state;
    ctl_parsed *parsed = PARSE (BG_OK, "job", "start", "tidy", "--wait", "5m");
    assert_int_equal (ctl_duration_us (parsed, CTL_OPT_WAIT, 0), INT64_C (300000000));
    assert_int_equal (ctl_argument_count (parsed), 1);
    ctl_parsed_destroy (&parsed);
    parsed = PARSE (BG_OK, "job", "start", "tidy", "--wait=2s");
    assert_int_equal (ctl_duration_us (parsed, CTL_OPT_WAIT, 0), INT64_C (2000000));
    ctl_parsed_destroy (&parsed);
    parsed = PARSE (BG_OK, "job", "start", "--wait", "tidy");
    assert_int_equal (ctl_duration_us (parsed, CTL_OPT_WAIT, 0), INT64_MAX);
    assert_string_equal (ctl_argument (parsed, 0), "tidy");
    ctl_parsed_destroy (&parsed);
    parsed = PARSE (BG_OK, "job", "start", "tidy", "--wait");
    assert_true (ctl_given (parsed, CTL_OPT_WAIT));
    ctl_parsed_destroy (&parsed);
    parsed = PARSE (BG_USAGE, "job", "start", "tidy", "--wait=soon");
    assert_non_null (strstr (err.message, "--wait takes a duration"));
    ctl_parsed_destroy (&parsed);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (without_a_word_it_runs_both_parts),
        cmocka_unit_test (a_wait_takes_a_duration_or_none),
    };
    return cmocka_run_group_tests_name ("node_parse", tests, NULL, NULL);
}
