/*  The policy of a machine: what is understood, and that everything else is refused with its
    line.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/base/now.h"
#include "node/exec/policy.h"

static exec_policy policy;
static bg_error err;

static bg_code parse (const char *text)
{
    memset (&policy, 0x55, sizeof policy);
    err = (bg_error){0};
    return exec_policy_parse (bg_slice_str (text), "policy", &policy, &err).code;
}

static void whole_policy_is_read (void **state)
{
    (void) state;
    assert_int_equal (parse ("# comment\n"
                             "[default]\r\n"
                             " account = bugle-job   # who\n"
                             "root = no\n"
                             "maximum_run_time = 12h\n"
                             "hours = 22:00-06:00\n"
                             "\n"
                             "[limits]\n"
                             "runs = 7\n"
                             "lease = 30d\n"
                             "[proxy postgres]\n"
                             "account = postgres\n"
                             "groups = databases, web\n"
                             "kinds = run, script\n"
                             "enabled = no\n"
                             "root = yes\n"
                             "logins = anna,ben"),
        BG_OK);
    assert_string_equal (policy.account, "bugle-job");
    assert_false (policy.root);
    assert_true (policy.maximum_run_time_us == BG_HOUR (12));
    assert_true (policy.has_hours);
    assert_int_equal (policy.proxy_count, 1);
    assert_string_equal (policy.proxies[0].name, "postgres");
    assert_string_equal (policy.proxies[0].account, "postgres");
    assert_int_equal (policy.runs, 7);
    assert_true (policy.lease_us == BG_DAY (30));
    const exec_proxy *proxy = exec_policy_proxy (&policy, bg_slice_str ("POSTGRES"));
    assert_ptr_equal (proxy, &policy.proxies[0]);
    assert_int_equal (proxy->line, 11);
    assert_true (proxy->disabled && proxy->root);
    assert_int_equal (proxy->kinds, 6);
    assert_int_equal (proxy->groups.count, 2);
    assert_string_equal (exec_policy_word (&policy, proxy->groups, 1), "web");
    assert_true (exec_policy_lists (&policy, proxy->logins, bg_slice_str ("Ben")));
    assert_false (exec_policy_lists (&policy, proxy->logins, bg_slice_str ("web")));
    assert_null (exec_policy_proxy (&policy, bg_slice_str ("mysql")));
}

static void hours_may_go_over_midnight (void **state)
{
    (void) state;
    assert_int_equal (parse ("[default]\naccount = a\nhours = 22:00-06:00\n"), BG_OK);
    assert_true (exec_policy_open_at (&policy, 22 * 60));
    assert_true (exec_policy_open_at (&policy, 0));
    assert_true (exec_policy_open_at (&policy, 6 * 60 - 1));
    assert_false (exec_policy_open_at (&policy, 6 * 60));
    assert_false (exec_policy_open_at (&policy, 22 * 60 - 1));
    assert_int_equal (parse ("[default]\naccount = a\nhours = 08:00-24:00\n"), BG_OK);
    assert_true (exec_policy_open_at (&policy, 23 * 60 + 59));
    assert_false (exec_policy_open_at (&policy, 0));
    assert_int_equal (parse ("[default]\naccount = a\n"), BG_OK);
    assert_true (exec_policy_open_at (&policy, 0));
}

static void mistakes_are_told_with_their_line (void **state)
{
    (void) state;
    static const struct {
        const char *text;
        const char *said;
    } rows[] = {
        {"", "policy: there is no section [default]"},
        {"account = a\n", "policy:1: stands before the first section"},
        {"[default]\nacount = a\n", "policy:2: unknown key \"acount\""},
        {"[default]\naccount = a\naccount = b\n", "policy:3: a second \"account\""},
        {"[default]\naccount = -rf\n", "policy:2: not the name of an account"},
        {"[default]\naccount = a b\n", "policy:2: not the name of an account"},
        {"[default]\naccount =\n", "policy:2: not the name of an account"},
        {"[default]\nroot = no\n", "has no account"},
        {"[default]\naccount = a\nroot = maybe\n", "policy:3: root is yes or no"},
        {"[default]\naccount = a\nmaximum_run_time = 12\n", "policy:3: maximum_run_time"},
        {"[default]\naccount = a\nmaximum_run_time = 0\n", "policy:3: maximum_run_time"},
        {"[default]\naccount = a\nhours = 8-9\n", "policy:3: hours are two times"},
        {"[default]\naccount = a\nhours = 08:00-08:00\n", "policy:3: hours are two times"},
        {"[default]\naccount = a\nhours = 24:00-08:00\n", "policy:3: hours are two times"},
        {"[default]\naccount = a\nhours = 08:60-09:00\n", "policy:3: hours are two times"},
        {"[default]\naccount = a\ngroups = x\n", "policy:3: unknown key \"groups\""},
        {"[default]\naccount = a\n[default]\n", "policy:3: a second section"},
        {"[default]\naccount = a\n[limits]\nruns = 0\n", "policy:4: runs is a number"},
        {"[default]\naccount = a\n[limits]\nruns = 1001\n", "policy:4: runs is a number"},
        {"[default]\naccount = a\n[limits]\nruns = 9999999999\n", "policy:4: runs is a number"},
        {"[default]\naccount = a\n[limits]\nruns =\n", "policy:4: runs is a number"},
        {"[default]\naccount = a\n[limits]\nlease = 0\n", "policy:4: lease is a time"},
        {"[default]\naccount = a\n[limits]\nlease = 29m\n", "at least 30m"},
        {"[default]\naccount = a\n[limits]\nroot = no\n", "policy:4: unknown key"},
        {"[limits]\n[limits]\n", "policy:2: a second section"},
        {"[default]\naccount = a\n[proxy p]\naccount = c\nkinds = sql\n",
            "policy:5: kinds of steps"},
        {"[default]\naccount = a\n[proxy p]\naccount = c\nenabled = 1\n",
            "policy:5: enabled is yes or no"},
        {"[default]\naccount = a\n[proxy p]\naccount = c\ngroups = a b\n",
            "policy:5: not the name of a group"},
        {"[other]\n", "policy:1: unknown section"},
        {"[default\n", "policy:1: a section ends with ]"},
        {"[default]\naccount = a\n[proxy]\n", "policy:3: unknown section"},
        {"[default]\naccount = a\n[proxy a b]\naccount = c\n", "policy:3: not the name of a proxy"},
        {"[default]\naccount = a\n[proxy p]\naccount = c\n[proxy P]\n", "policy:5: a second proxy"},
        {"[default]\naccount = a\n[proxy p]\n", "has no account"},
        {"[default]\naccount = a\n[proxy p]\naccount = c\nlogins = a,,b\n",
            "policy:5: not the name of a login"},
        {"[default]\naccount = a\nwhatever\n", "policy:3: neither [section] nor key = value"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal (parse (rows[i].text), BG_INVALID);
        if (!strstr (err.message, rows[i].said))
            fail_msg ("row %zu: \"%s\" does not say \"%s\"", i, err.message, rows[i].said);
    }
}

static void nul_and_size_are_refused (void **state)
{
    (void) state;
    assert_int_equal (
        exec_policy_parse (bg_slice_of ("[default]\0\n", 11), "policy", &policy, &err).code,
        BG_INVALID);
    static char large[EXEC_POLICY_BYTES + 1];
    memset (large, '#', sizeof large);
    assert_int_equal (
        exec_policy_parse (bg_slice_of (large, sizeof large), "policy", &policy, &err).code,
        BG_TOO_LARGE);
}

static void the_default_policy_is_one (void **state)
{
    (void) state;
    BG_AUTO_BUF text = {0};
    exec_policy_default ("bugle-job", false, &text);
    assert_int_equal (parse (bg_buf_cstr (&text)), BG_OK);
    assert_string_equal (policy.account, "bugle-job");
    assert_false (policy.root);
    bg_buf_clear (&text);
    exec_policy_default ("root", true, &text);
    assert_int_equal (parse (bg_buf_cstr (&text)), BG_OK);
    assert_true (policy.root);
}

/*  Any bytes either parse or are refused; nothing is read or written outside.  */
static void mutated_policies_do_no_harm (void **state)
{
    (void) state;
    BG_AUTO_BUF text = {0};
    exec_policy_default ("bugle-job", false, &text);
    bg_buf_append_str (&text, "hours = 22:00-06:00\n[proxy p]\naccount = q\nlogins = a, b\n");
    uint64_t seed = 20260301;
    print_message ("seed %llu\n", (unsigned long long) seed);
    size_t refused = 0;
    for (int round = 0; round < 20000; round++) {
        BG_AUTO_BUF changed = {0};
        bg_buf_append_slice (&changed, bg_buf_slice (&text));
        for (int k = 0; k < 3; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            changed.data[(seed >> 33) % changed.size] = (uint8_t) (seed >> 20);
        }
        changed.size = (size_t) (seed >> 40) % (changed.size + 1);
        refused += bg_failed (exec_policy_parse (bg_buf_slice (&changed), "policy", &policy, NULL));
    }
    assert_true (refused > 0);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (whole_policy_is_read),
        cmocka_unit_test (hours_may_go_over_midnight),
        cmocka_unit_test (mistakes_are_told_with_their_line),
        cmocka_unit_test (nul_and_size_are_refused),
        cmocka_unit_test (the_default_policy_is_one),
        cmocka_unit_test (mutated_policies_do_no_harm),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
