/*  exec logs --follow against answers in every order that a run can make: whatever was over between two looks, the steps
    come in order, whole and once.  */
#include "ctl_fake.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

/*  What stays the same in every case. Everything in the arena of the run.  */
static void *keep (fake_run *run, const void *value, size_t size)
{
    void *copy = bg_arena_alloc (&run->arena, size);
    memcpy (copy, value, size);
    return copy;
}
#define KEEP(run, value) keep (run, &(value), sizeof (value))

/*  The execution, its target, and no report yet.  */
static void begin (fake_run *run)
{
    const wire_exec_row row = {.id = fake_id (9),
        .job = STR ("nightly"),
        .targets = 1,
        .running = 1,
        .what = WIRE_DEED_START};
    const wire_target_row target = {.number = 1, .name = STR ("a1")};
    const wire_execs execs = {.rows = KEEP (run, row), .rows_count = 1};
    const wire_targets targets = {.rows = KEEP (run, target), .rows_count = 1};
    const wire_history none = {0};
    fake_answer (run, WIRE_EXEC_QUERY, KEEP (run, execs));
    fake_answer (run, WIRE_TARGET_QUERY, KEEP (run, targets));
    fake_answer (run, WIRE_HISTORY_QUERY, KEEP (run, none));
}

/*  The target says these bytes of a step, from offset on.  */
static void says (fake_run *run, uint64_t step, uint64_t offset, const char *bytes, uint64_t total)
{
    const wire_target_told answer = {.target = STR ("a1"),
        .has_told = true,
        .told = {.code = STR ("ok"),
            .bytes = bg_slice_str (bytes),
            .total = total,
            .offset = offset,
            .step = step,
            .step_name = STR ("part")}};
    fake_answer (run, WIRE_ASK_TARGET, KEEP (run, answer));
}

/*  All of a step at once, and that there is no more.  */
static void says_all (fake_run *run, uint64_t step, const char *bytes)
{
    says (run, step, 0, bytes, strlen (bytes));
    says (run, step, strlen (bytes), "", strlen (bytes));
}

/*  Nothing new of this step, which has said so much; then which step is the newest.  */
static void says_newest (fake_run *run, uint64_t step, uint64_t total, uint64_t newest)
{
    says (run, step, total, "", total);
    says (run, newest, 0, "?", 1);
}

static wire_step_result step_of (uint64_t step, const char *head, const char *tail, uint64_t total)
{
    return (wire_step_result){.step = step,
        .name = STR ("part"),
        .state = WIRE_RESULT_SUCCEEDED,
        .head = bg_slice_str (head),
        .tail = bg_slice_str (tail),
        .output_bytes = total};
}

/*  The broker has the report.  */
static void reports (fake_run *run, const wire_step_result *steps, size_t count)
{
    const wire_history_row row = {.target = STR ("a1"),
        .has_run = true,
        .run = {.run = fake_id (4),
            .state = WIRE_RUN_SUCCEEDED,
            .steps = keep (run, steps, count * sizeof *steps),
            .steps_count = count}};
    const wire_history history = {.rows = KEEP (run, row), .rows_count = 1};
    fake_answer (run, WIRE_HISTORY_QUERY, KEEP (run, history));
}

static void follow (fake_run *run, const char *want)
{
    fake_command (run, "exec logs 00000009 -t a1 --follow", NULL);
    fake_done (run, 0);
    assert_string_equal (run->data, want);
}

static void steps_that_were_over_between_two_looks_come_in_order (void **state)
{
    fake_run *run = *state;
    const wire_step_result steps[] = {
        step_of (1, "one\n", "", 4), step_of (2, "two\n", "", 4), step_of (3, "three\n", "", 6)};
    begin (run);
    says_all (run, 1, "one\n");
    says_newest (run, 1, 4, 3);
    says (run, 1, 4, "", 4);
    says_all (run, 2, "two\n");
    says_newest (run, 2, 4, 3);
    says (run, 2, 4, "", 4);
    says_all (run, 3, "three\n");
    says_newest (run, 3, 6, 3);
    reports (run, steps, 3);
    follow (run, "one\ntwo\nthree\n");
}

static void a_step_that_was_left_out_is_passed_over (void **state)
{
    fake_run *run = *state;
    const wire_step_result steps[] = {step_of (1, "one\n", "", 4), step_of (3, "three\n", "", 6)};
    begin (run);
    says_newest (run, 1, 0, 3);
    says_all (run, 1, "one\n"); /*  said between the two looks  */
    says_newest (run, 2, 0, 3);
    says (run, 2, 0, "", 0);
    says_all (run, 3, "three\n");
    says_newest (run, 3, 6, 3);
    reports (run, steps, 2);
    follow (run, "one\nthree\n");
}

static void what_was_left_out_is_said_and_the_end_comes_before_the_next_step (void **state)
{
    fake_run *run = *state;
    const wire_step_result steps[] = {step_of (1, "o", "e\n", 9), step_of (2, "two\n", "", 4)};
    begin (run);
    says (run, 1, 0, "on", 9);
    says (run, 1, 7, "e\n", 9);
    says (run, 1, 9, "", 9);
    says_newest (run, 1, 9, 2);
    says (run, 1, 9, "", 9);
    says_all (run, 2, "two\n");
    says_newest (run, 2, 4, 2);
    reports (run, steps, 2);
    follow (run, "one\ntwo\n");
    assert_string_equal (run->talk, "step part: 5 bytes are not kept\n");
}

static void an_end_that_only_the_report_has_is_waited_for (void **state)
{
    fake_run *run = *state;
    const wire_step_result steps[] = {step_of (1, "o", "e\n", 9), step_of (2, "two\n", "", 4)};
    begin (run);
    says (run, 1, 0, "on", 9);
    says (run, 1, 2, "", 9);
    says (run, 1, 2, "", 9);
    says (run, 2, 0, "?", 1);
    says (run, 1, 2, "", 9);
    reports (run, steps, 2);
    says (run, 1, 2, "", 9); /*  asked once more for what is between  */
    follow (run, "one\ntwo\n");
    assert_string_equal (run->talk, "step part: 5 bytes are not kept\n");
}

#define command_test(name) cmocka_unit_test_setup_teardown (name, fake_setup, fake_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        command_test (steps_that_were_over_between_two_looks_come_in_order),
        command_test (a_step_that_was_left_out_is_passed_over),
        command_test (what_was_left_out_is_said_and_the_end_comes_before_the_next_step),
        command_test (an_end_that_only_the_report_has_is_waited_for),
    };
    return cmocka_run_group_tests_name ("ctl_exec_logs", tests, NULL, NULL);
}
