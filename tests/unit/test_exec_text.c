/*  Texts of a step: tokens replaced when it begins, the environment in its order, what cannot be.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node/exec/supervisor_text.h"

#include <string.h>

static bg_arena arena;
static wire_variable tokens[4];
static wire_plan plan;
static wire_plan_step step;
static bg_slice words[1];

static wire_variable variable (const char *name, const char *value)
{
    return (wire_variable){bg_slice_str (name), bg_slice_str (value)};
}

static int setup (void **state)
{
    (void) state;
    tokens[0] = variable ("JOBNAME", "nightly");
    tokens[1] = variable ("TARGET", "db01");
    tokens[2] = variable ("VAR_rack", "r7");
    plan = (wire_plan){.tokens = tokens, .tokens_count = 3};
    words[0] = bg_slice_str ("prog");
    step = (wire_plan_step){.name = bg_slice_str ("dump"),
        .argv = words,
        .argv_count = 1,
        .directory = bg_slice_str ("/")};
    return 0;
}

static int teardown (void **state)
{
    (void) state;
    bg_arena_fini (&arena);
    return 0;
}

static bg_result make (step_text *out, bg_error *err)
{
    const step_moment moment = {.number = 3, .count = 2, .attempt = 4, .utc_us = 0};
    return step_text_make (&plan, &step, &moment, &arena, out, err);
}

static const char *value_of (const step_text *text, const char *name)
{
    const char *found = NULL;
    size_t size = strlen (name);
    for (char **item = text->environment; *item; item++) {
        if (strncmp (*item, name, size) == 0 && (*item)[size] == '=') {
            assert_null (found);
            found = *item + size + 1;
        }
    }
    return found;
}

static void tokens_of_run_step_and_moment_are_replaced (void **state)
{
    (void) state;
    step_text text;
    words[0] =
        bg_slice_str ("$(ESCAPE_NONE(JOBNAME)) $(ESCAPE_NONE(STEPNAME)) $(ESCAPE_NONE(STEPID)) "
                      "$(ESCAPE_NONE(STEPCT)) $(ESCAPE_NONE(ATTEMPT)) $(ESCAPE_NONE(VAR_rack))");
    step.directory = bg_slice_str ("/srv/$(ESCAPE_NONE(TARGET))");
    step.output_file = bg_slice_str ("/log/$(ESCAPE_NONE(STEPCT))");
    assert_true (bg_is_ok (make (&text, NULL)));
    assert_string_equal (text.argv[0], "nightly dump 3 2 4 r7");
    assert_string_equal (text.directory, "/srv/db01");
    assert_string_equal (text.output_file, "/log/2");
    assert_string_equal (value_of (&text, "BUGLE_ATTEMPT"), "4");
    assert_string_equal (value_of (&text, "BUGLE_VAR_rack"), "r7");
    assert_string_equal (value_of (&text, "BUGLE_SCHEDULE"), "");
}

static void the_steps_environment_goes_over_the_plans (void **state)
{
    (void) state;
    step_text text;
    wire_variable common[2] = {variable ("PATH", "/common"), variable ("A", "common")};
    wire_variable own[2] = {
        variable ("A", "own $(ESCAPE_NONE(TARGET))"), variable ("PATH", "/own")};
    plan.environment = common;
    plan.environment_count = 2;
    step.environment = own;
    step.environment_count = 2;
    assert_true (bg_is_ok (make (&text, NULL)));
    assert_string_equal (value_of (&text, "A"), "own db01");
    assert_string_equal (value_of (&text, "PATH"), "/own");
    assert_string_equal (text.path, "/own");
}

static void a_variable_that_the_target_lacks_is_named_with_its_cure (void **state)
{
    (void) state;
    step_text text;
    bg_error err = {0};
    step.script = bg_slice_str ("echo $(ESCAPE_SHELL(VAR_room))");
    assert_int_equal (make (&text, &err).code, BG_NOT_FOUND);
    assert_non_null (strstr (err.message, "script: the target has no variable \"room\""));
    assert_non_null (strstr (err.hint, "bugle target variable db01 room=VALUE"));
}

static void names_of_places_are_absolute_once_replaced (void **state)
{
    (void) state;
    step_text text;
    bg_error err = {0};
    step.output_file = bg_slice_str ("$(ESCAPE_NONE(TARGET))/log");
    assert_int_equal (make (&text, &err).code, BG_INVALID);
    assert_non_null (strstr (err.message, "output file db01/log"));
    step.output_file = (bg_slice){0};
    step.directory = bg_slice_str ("$(ESCAPE_NONE(SCHEDULE))");
    assert_int_equal (make (&text, &err).code, BG_INVALID);
}

static void a_text_that_grows_beyond_all_bounds_is_refused (void **state)
{
    (void) state;
    step_text text;
    bg_error err = {0};
    BG_AUTO_BUF value = {0};
    BG_AUTO_BUF script = {0};
    while (value.size < 8000)
        bg_buf_append_str (&value, "0123456789");
    while (script.size < 100000)
        bg_buf_append_str (&script, "$(ESCAPE_NONE(VAR_rack))");
    tokens[2].value = bg_buf_slice (&value);
    step.script = bg_buf_slice (&script);
    assert_int_equal (make (&text, &err).code, BG_TOO_LARGE);
    assert_non_null (strstr (err.message, "script: longer than"));
}

#define CASE(name) cmocka_unit_test_setup_teardown (name, setup, teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        CASE (tokens_of_run_step_and_moment_are_replaced),
        CASE (the_steps_environment_goes_over_the_plans),
        CASE (a_variable_that_the_target_lacks_is_named_with_its_cure),
        CASE (names_of_places_are_absolute_once_replaced),
        CASE (a_text_that_grows_beyond_all_bounds_is_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
