/*  Tokens: what is one, what is refused and with which hint, what each macro makes of a value; a
    real shell as judge of ESCAPE_SHELL.  */
#include "common/job/tokens.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static job_token_values sample (const char *jobname)
{
    job_token_values values = {0};
    values.values[JOB_TOKEN_JOBNAME] = bg_slice_str (jobname);
    values.values[JOB_TOKEN_MACH] = bg_slice_str ("db01");
    return values;
}

static void assert_expands (const char *text, const char *jobname, const char *want)
{
    job_token_values values = sample (jobname);
    BG_AUTO_BUF out = {0};
    bg_error err = {0};
    if (bg_failed (job_tokens_expand (bg_slice_str (text), &values, &out, &err)))
        fail_msg ("%s: %s", text, err.message);
    assert_string_equal (bg_buf_cstr (&out), want);
}

static void test_macros_make_values_safe (void **state)
{
    (void) state;
    const char *nasty = "a'b\"c]d $x";
    assert_expands ("<$(ESCAPE_NONE(JOBNAME))>", nasty, "<a'b\"c]d $x>");
    assert_expands ("<$(ESCAPE_SQUOTE(JOBNAME))>", nasty, "<a''b\"c]d $x>");
    assert_expands ("<$(ESCAPE_DQUOTE(JOBNAME))>", nasty, "<a'b\"\"c]d $x>");
    assert_expands ("<$(ESCAPE_RBRACKET(JOBNAME))>", nasty, "<a'b\"c]]d $x>");
    assert_expands ("<$(ESCAPE_SHELL(JOBNAME))>", nasty, "<'a'\\''b\"c]d $x'>");
    assert_expands ("$(ESCAPE_SHELL(JOBNAME))", "", "''");
}

static void test_a_shell_reads_the_same_word_back (void **state)
{
    (void) state;
    const char *const names[] = {
        "plain", "it's", "''", "a b  c", "$(id) `id` $HOME \\ \" ; & | *", "-n"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        job_token_values values = sample (names[i]);
        BG_AUTO_BUF command = {0};
        bg_slice text = bg_slice_str ("printf %s $(ESCAPE_SHELL(JOBNAME))");
        assert_true (bg_is_ok (job_tokens_expand (text, &values, &command, NULL)));
        FILE *pipe = popen (bg_buf_cstr (&command), "r");
        assert_non_null (pipe);
        char read[128] = {0};
        assert_true (fread (read, 1, sizeof read - 1, pipe) < sizeof read);
        assert_int_equal (pclose (pipe), 0);
        assert_string_equal (read, names[i]);
    }
}

static void test_everything_else_belongs_to_the_shell (void **state)
{
    (void) state;
    const char *const texts[] = {"", "$", "$(", "$()", "$(date)", "$(jobname)", "$(JOBNAME x)",
        "$((1 + 2))", "$(JOBNAMES)", "$JOBNAME", "${JOBNAME}", "(ESCAPE_NONE(JOBNAME))",
        "$(escape_none(JOBNAME))", "$(echo $(date))", "$ (JOBNAME)", "cost: 5$"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_expands (texts[i], "nightly", texts[i]);
}

static void test_tokens_beside_each_other_and_in_the_middle (void **state)
{
    (void) state;
    assert_expands ("$(ESCAPE_NONE(JOBNAME))$(ESCAPE_NONE(MACH))", "a", "adb01");
    assert_expands ("$(echo $(ESCAPE_NONE(MACH)))$", "a", "$(echo db01)$");
    assert_expands ("$$(ESCAPE_NONE(MACH))", "a", "$db01");
}

static void test_a_value_cannot_bring_in_a_token (void **state)
{
    (void) state;
    assert_expands ("$(ESCAPE_NONE(JOBNAME))", "$(ESCAPE_NONE(MACH))", "$(ESCAPE_NONE(MACH))");
    assert_expands ("$$(ESCAPE_NONE(JOBNAME))(MACH))", "(ESCAPE_NONE", "$(ESCAPE_NONE(MACH))");
}

static void test_wrong_tokens_are_refused_with_a_hint (void **state)
{
    (void) state;
    const struct {
        const char *text, *message, *hint;
        size_t offset;
    } rows[] = {
        {"echo $(JOBNAME)", "the token $(JOBNAME) has no escape macro",
            "write $(ESCAPE_SHELL(JOBNAME)), or use the environment variable BUGLE_JOBNAME", 5},
        {"$(ESCAPE_SHEL(MACH))", "unknown macro \"ESCAPE_SHEL\" in a token",
            "did you mean \"ESCAPE_SHELL\"?", 0},
        {"$(ESCAPE_HTML_TEXT(MACH))", "unknown macro \"ESCAPE_HTML_TEXT\" in a token",
            "the macros are ESCAPE_NONE, ESCAPE_SQUOTE, ESCAPE_DQUOTE, ESCAPE_RBRACKET and "
            "ESCAPE_SHELL",
            0},
        {"ok $(ESCAPE_NONE(MACH)) $(ESCAPE_NONE(mach))", "unknown token \"mach\"",
            "did you mean \"MACH\"?", 24},
        {"$(ESCAPE_NONE(STRTDATE))", "unknown token \"STRTDATE\"", "did you mean \"STRTDT\"?", 0},
        {"$(ESCAPE_NONE(MACH)", "a token is not complete", "write $(ESCAPE_NONE(MACH))", 0},
        {"$(ESCAPE_NONE(MACH", "a token is not complete", "write $(ESCAPE_NONE(MACH))", 0},
        {"$(ESCAPE_NONE MACH)", "a token is not complete", "write $(ESCAPE_NONE(JOBNAME))", 0},
        {"$(ESCAPE_NONE)", "a token is not complete", "write $(ESCAPE_NONE(JOBNAME))", 0},
        {"$(ESCAPE_NONE())", "a token is not complete", "write $(ESCAPE_NONE(JOBNAME))", 0},
        {"$(VAR_region)", "the token $(VAR_region) has no escape macro",
            "write $(ESCAPE_SHELL(VAR_region)), or use the environment variable BUGLE_VAR_region",
            0},
        {"$(ESCAPE_NONE(VAR_))", "\"\" cannot name a variable",
            "use letters, digits and '_', not a digit first, and at most 63 characters", 0},
        {"$(ESCAPE_NONE(VAR_1))", "\"1\" cannot name a variable",
            "use letters, digits and '_', not a digit first, and at most 63 characters", 0},
        {"$(ESCAPE_NONE(VAR_a-b))", "\"a-b\" cannot name a variable",
            "use letters, digits and '_', not a digit first, and at most 63 characters", 0},
        {"$(ESCAPE_NONE(VAR_a)", "a token is not complete", "write $(ESCAPE_NONE(VAR_a))", 0},
        {"$(ESCAPE_NONE( MACH))", "a token is not complete", "write $(ESCAPE_NONE(JOBNAME))", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bg_error err = {0};
        size_t offset = 999;
        bg_slice text = bg_slice_str (rows[i].text);
        assert_int_equal (job_tokens_check (text, &err, &offset).code, BG_INVALID);
        assert_string_equal (err.message, rows[i].message);
        assert_string_equal (err.hint, rows[i].hint);
        assert_int_equal (offset, rows[i].offset);

        job_token_values values = sample ("x");
        BG_AUTO_BUF out = {0};
        bg_buf_append_str (&out, "before");
        assert_int_equal (job_tokens_expand (text, &values, &out, &err).code, BG_INVALID);
        assert_string_equal (bg_buf_cstr (&out), "before");
    }
}

static void test_every_name_works_under_every_macro (void **state)
{
    (void) state;
    const char *const macros[] = {"NONE", "SQUOTE", "DQUOTE", "RBRACKET", "SHELL"};
    for (size_t i = 0; i < 5; i++) {
        for (int token = 0; token < JOB_TOKEN_COUNT; token++) {
            job_token_values values = {0};
            values.values[token] = bg_slice_str ("v");
            BG_AUTO_CHAR text = bg_strdup_printf (
                "$(ESCAPE_%s(%s))", macros[i], job_token_name ((job_token) token));
            BG_AUTO_BUF out = {0};
            assert_true (bg_is_ok (job_tokens_expand (bg_slice_str (text), &values, &out, NULL)));
            assert_string_equal (bg_buf_cstr (&out), i == 4 ? "'v'" : "v");
            assert_true (strlen (job_token_text ((job_token) token)) > 0);
        }
    }
}

static void test_each_token_is_an_environment_variable (void **state)
{
    (void) state;
    job_token_values values = sample ("nightly backup");
    BG_AUTO_ARENA arena = {0};
    bg_slice pairs[JOB_TOKEN_COUNT];
    job_tokens_environment (&values, &arena, pairs);
    assert_true (bg_slice_is (pairs[JOB_TOKEN_JOBNAME], "BUGLE_JOBNAME=nightly backup"));
    assert_true (bg_slice_is (pairs[JOB_TOKEN_EXECID], "BUGLE_EXECID="));
    for (int i = 0; i < JOB_TOKEN_COUNT; i++)
        assert_int_equal (pairs[i].data[pairs[i].size], 0);
}

static void test_variables_of_the_target (void **state)
{
    (void) state;
    const job_variable variables[] = {
        {bg_slice_str ("region"), bg_slice_str ("it's $(ESCAPE_NONE(MACH))")},
        {bg_slice_str ("empty"), {0}},
    };
    job_token_values values = sample ("x");
    values.variables = variables;
    values.variable_count = 2;
    BG_AUTO_BUF out = {0};
    bg_slice text = bg_slice_str ("$(ESCAPE_SHELL(VAR_region)),$(ESCAPE_NONE(VAR_empty))");
    assert_true (bg_is_ok (job_tokens_expand (text, &values, &out, NULL)));
    assert_string_equal (bg_buf_cstr (&out), "'it'\\''s $(ESCAPE_NONE(MACH))',");

    BG_AUTO_ARENA arena = {0};
    bg_slice pairs[2];
    job_tokens_variables (&values, &arena, pairs);
    assert_true (bg_slice_is (pairs[1], "BUGLE_VAR_empty="));
    assert_int_equal (pairs[0].data[pairs[0].size], 0);
}

static void test_a_variable_that_the_target_lacks (void **state)
{
    (void) state;
    job_token_values values = sample ("x");
    BG_AUTO_BUF out = {0};
    bg_error err = {0};
    bg_slice text = bg_slice_str ("a $(ESCAPE_NONE(MACH)) $(ESCAPE_NONE(VAR_region))");
    bg_buf_append_str (&out, "before");
    assert_true (bg_is_ok (job_tokens_check (text, NULL, NULL)));
    assert_int_equal (job_tokens_expand (text, &values, &out, &err).code, BG_NOT_FOUND);
    assert_string_equal (err.message, "the target has no variable \"region\"");
    assert_string_equal (err.hint, "set it: bugle target variable TARGET region=VALUE");
    assert_string_equal (bg_buf_cstr (&out), "before");
    values.values[JOB_TOKEN_TARGET] = bg_slice_str ("db01");
    assert_int_equal (job_tokens_expand (text, &values, &out, &err).code, BG_NOT_FOUND);
    assert_string_equal (err.hint, "set it: bugle target variable db01 region=VALUE");
}

static void test_names_of_variables (void **state)
{
    (void) state;
    BG_AUTO_BUF longest = {0};
    for (int i = 0; i < JOB_VARIABLE_NAME_MAX; i++)
        bg_buf_append_byte (&longest, 'a');
    assert_true (bg_is_ok (job_variable_name_valid (bg_buf_slice (&longest), NULL)));
    bg_buf_append_byte (&longest, 'a');
    assert_true (bg_failed (job_variable_name_valid (bg_buf_slice (&longest), NULL)));
    assert_true (bg_is_ok (job_variable_name_valid (bg_slice_str ("_A9"), NULL)));
    assert_true (bg_failed (job_variable_name_valid ((bg_slice){0}, NULL)));
    assert_true (bg_failed (job_variable_name_valid (bg_slice_str ("9a"), NULL)));
    assert_true (bg_failed (job_variable_name_valid (bg_slice_str ("\xc3\xa4"), NULL)));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_macros_make_values_safe),
        cmocka_unit_test (test_a_shell_reads_the_same_word_back),
        cmocka_unit_test (test_everything_else_belongs_to_the_shell),
        cmocka_unit_test (test_tokens_beside_each_other_and_in_the_middle),
        cmocka_unit_test (test_a_value_cannot_bring_in_a_token),
        cmocka_unit_test (test_wrong_tokens_are_refused_with_a_hint),
        cmocka_unit_test (test_every_name_works_under_every_macro),
        cmocka_unit_test (test_each_token_is_an_environment_variable),
        cmocka_unit_test (test_variables_of_the_target),
        cmocka_unit_test (test_a_variable_that_the_target_lacks),
        cmocka_unit_test (test_names_of_variables),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
