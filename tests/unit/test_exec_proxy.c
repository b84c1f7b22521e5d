/*  bugle-exec: as whom a step runs, and in which words it is refused.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exec_case.h"
#include "node/exec/core_private.h"

static exec_account account;
static char problem[512];

static const char policy_text[] = "[default]\naccount = jobs\n"
                                  "[proxy postgres]\naccount = postgres\n"
                                  "[proxy narrow]\naccount = narrow\nkinds = script\n"
                                  "logins = anna, Ben\n"
                                  "[proxy off]\naccount = off\nenabled = no\n"
                                  "[proxy gone]\naccount = nobody-here\n"
                                  "[proxy grouped]\naccount = grouped\ngroups = a, bcd\n"
                                  "[proxy lost]\naccount = lost\ngroups = nogroup-here\n"
                                  "[proxy boss]\naccount = boss\nroot = yes\n";

static int policied (void **state)
{
    (void) exec_case_enlisted (state);
    exec_policy policy;
    bg_error err = {0};
    bg_result result = exec_policy_parse (bg_slice_str (policy_text), "policy", &policy, &err);
    assert_true (bg_is_ok (result));
    exec_core_set_policy (t.core, t.now, &policy, NULL);
    return 0;
}

static bool resolve (const char *as, uint64_t kind, const char *login)
{
    wire_job_step step = {.name = bg_slice_str ("dump"), .as = bg_slice_str (as), .kind = kind};
    wire_login signer = {.name = bg_slice_str (login ? login : "")};
    return exec_proxy_resolve (t.core, &step, login ? &signer : NULL, &account, problem);
}

static void a_step_without_a_proxy_runs_as_the_default_account (void **state)
{
    (void) state;
    assert_true (resolve ("", WIRE_STEP_RUN, "anna"));
    assert_string_equal (account.name, "jobs");
    t.account_uid = 0;
    assert_false (resolve ("", WIRE_STEP_RUN, "anna"));
    assert_non_null (strstr (problem, "root = no"));
}

static void a_proxy_gives_its_account (void **state)
{
    (void) state;
    assert_true (resolve ("Postgres", WIRE_STEP_RUN, "anna"));
    assert_string_equal (account.name, "postgres");
    assert_string_equal (problem, "");
}

static void groups_of_the_policy_stand_instead_of_the_accounts (void **state)
{
    (void) state;
    assert_false (resolve ("grouped", WIRE_STEP_RUN, "anna"));
    assert_non_null (strstr (problem, "cannot change them"));
    t.account_changes = true;
    assert_true (resolve ("grouped", WIRE_STEP_RUN, "anna"));
    assert_int_equal (account.group_count, 2);
    assert_int_equal (account.groups[0], 501);
    assert_int_equal (account.groups[1], 503);
}

static void what_is_not_allowed_says_where_and_how_to_allow_it (void **state)
{
    (void) state;
    static const struct {
        const char *as;
        uint64_t kind;
        const char *login;
        const char *said;
    } rows[] = {
        {"mysql", WIRE_STEP_RUN, "anna",
            "step dump: proxy mysql is not in /etc/bugle/policy (no [proxy mysql]); allow it with: "
            "bugle-node proxy add mysql --account ACCOUNT"},
        {"off", WIRE_STEP_RUN, "anna",
            "step dump: proxy off (/etc/bugle/policy:9) is disabled; allow it with: bugle-node "
            "proxy enable off"},
        {"narrow", WIRE_STEP_RUN, "anna",
            "step dump: proxy narrow (/etc/bugle/policy:5) is not for steps of kind run; allow it "
            "with: bugle-node proxy add narrow --kinds run,script"},
        {"narrow", WIRE_STEP_SCRIPT, "carl",
            "step dump: proxy narrow (/etc/bugle/policy:5) is not for jobs of login carl; allow it "
            "with: bugle-node proxy add narrow --logins LOGIN,..."},
        {"gone", WIRE_STEP_RUN, "anna",
            "step dump: proxy gone (/etc/bugle/policy:12) cannot be used: there is no account "
            "nobody-here"},
        {"lost", WIRE_STEP_RUN, "anna",
            "step dump: proxy lost (/etc/bugle/policy:17) cannot be used: there is no group "
            "nogroup-here"},
    };
    t.account_changes = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false (resolve (rows[i].as, rows[i].kind, rows[i].login));
        assert_string_equal (problem, rows[i].said);
    }
}

static void logins_and_kinds_that_are_listed_pass (void **state)
{
    (void) state;
    assert_true (resolve ("narrow", WIRE_STEP_SCRIPT, "anna"));
    assert_true (resolve ("narrow", WIRE_STEP_SCRIPT, "ben"));
    /*  What the machine signs for itself is root's own word: logins are of brokers.  */
    assert_true (resolve ("narrow", WIRE_STEP_SCRIPT, NULL));
}

static void root_needs_its_own_word_in_the_section (void **state)
{
    (void) state;
    t.account_uid = 0;
    assert_false (resolve ("postgres", WIRE_STEP_RUN, "anna"));
    assert_non_null (strstr (problem, "which is root"));
    assert_true (resolve ("boss", WIRE_STEP_RUN, "anna"));
}

static void long_names_fit (void **state)
{
    (void) state;
    char name[129];
    memset (name, 'x', 128);
    name[128] = 0;
    memcpy (name + 100, "\xc3\xa9", 2);
    wire_job_step step = {.name = bg_slice_str (name), .as = bg_slice_str (name), .kind = 1};
    assert_false (exec_proxy_resolve (t.core, &step, NULL, &account, problem));
    assert_true (strlen (problem) < 512);
    assert_true (bg_is_ok (wire_check (&wire_desc_plan_step,
        &(wire_plan_step){.name = bg_slice_str ("s"),
            .grace_us = 1,
            .on_success = 1,
            .on_failure = 1,
            .problem = bg_slice_str (problem)},
        NULL)));
}

#define POLICIED(name) cmocka_unit_test_setup_teardown (name, policied, exec_case_end)

int main (void)
{
    const struct CMUnitTest tests[] = {
        POLICIED (a_step_without_a_proxy_runs_as_the_default_account),
        POLICIED (a_proxy_gives_its_account),
        POLICIED (groups_of_the_policy_stand_instead_of_the_accounts),
        POLICIED (what_is_not_allowed_says_where_and_how_to_allow_it),
        POLICIED (logins_and_kinds_that_are_listed_pass),
        POLICIED (root_needs_its_own_word_in_the_section),
        POLICIED (long_names_fit),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
