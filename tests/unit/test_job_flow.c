/*  The flow of a run: every cell of the table in flow.h, loops, retries.  */
#include "common/job/flow.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define STEPS     3
#define GOTO_STEP 2 /*  from 1  */

typedef struct {
    job_flow_action action;
    job_flow_order middle; /*  what follows in the middle step, index 1  */
    job_flow_order last;   /*  what follows in the last step, index 2  */
} cell;

#define DO_STEP(index)                                                                             \
    {                                                                                              \
        .what = JOB_FLOW_DO_STEP, .step = (index), .attempt = 1                                    \
    }
#define DO_END(result)                                                                             \
    {                                                                                              \
        .what = JOB_FLOW_DO_END, .state = (result)                                                 \
    }

static const cell success_cells[] = {
    {JOB_FLOW_DEFAULT, DO_STEP (2), DO_END (JOB_RESULT_SUCCEEDED)},
    {JOB_FLOW_NEXT, DO_STEP (2), DO_END (JOB_RESULT_SUCCEEDED)},
    {JOB_FLOW_SUCCEED, DO_END (JOB_RESULT_SUCCEEDED), DO_END (JOB_RESULT_SUCCEEDED)},
    {JOB_FLOW_FAIL, DO_END (JOB_RESULT_FAILED), DO_END (JOB_RESULT_FAILED)},
    {JOB_FLOW_GOTO, DO_STEP (GOTO_STEP - 1), DO_STEP (GOTO_STEP - 1)},
};

static const cell failure_cells[] = {
    {JOB_FLOW_DEFAULT, DO_END (JOB_RESULT_FAILED), DO_END (JOB_RESULT_FAILED)},
    {JOB_FLOW_NEXT, DO_STEP (2), DO_END (JOB_RESULT_FAILED)},
    {JOB_FLOW_SUCCEED, DO_END (JOB_RESULT_SUCCEEDED), DO_END (JOB_RESULT_SUCCEEDED)},
    {JOB_FLOW_FAIL, DO_END (JOB_RESULT_FAILED), DO_END (JOB_RESULT_FAILED)},
    {JOB_FLOW_GOTO, DO_STEP (GOTO_STEP - 1), DO_STEP (GOTO_STEP - 1)},
};

static void assert_order (job_flow_order got, job_flow_order want)
{
    assert_int_equal (got.what, want.what);
    if (want.what == JOB_FLOW_DO_END) {
        assert_int_equal (got.state, want.state);
        assert_null (got.message);
        return;
    }
    assert_int_equal (got.step, want.step);
    assert_int_equal (got.attempt, want.attempt);
}

/*  Goes to the step with successes and gives the order after its result.  */
static job_flow_order order_after (const job_flow_step *steps, size_t step, job_result result)
{
    job_flow flow;
    assert_order (job_flow_begin (&flow, steps, STEPS), (job_flow_order) DO_STEP (0));
    for (size_t i = 0; i < step; i++)
        assert_order (
            job_flow_after (&flow, JOB_RESULT_SUCCEEDED), (job_flow_order) DO_STEP (i + 1));
    return job_flow_after (&flow, result);
}

static void test_every_action_after_success_and_failure (void **state)
{
    (void) state;
    for (size_t i = 0; i < 5; i++) {
        for (size_t at = 1; at < STEPS; at++) {
            job_flow_step steps[STEPS] = {0};
            const cell *on = &success_cells[i];
            steps[at].on_success = on->action;
            steps[at].success_step = on->action == JOB_FLOW_GOTO ? GOTO_STEP : 0;
            assert_order (
                order_after (steps, at, JOB_RESULT_SUCCEEDED), at == 1 ? on->middle : on->last);

            on = &failure_cells[i];
            steps[at] = (job_flow_step){.on_failure = on->action,
                .failure_step = on->action == JOB_FLOW_GOTO ? GOTO_STEP : 0};
            assert_order (
                order_after (steps, at, JOB_RESULT_FAILED), at == 1 ? on->middle : on->last);
        }
    }
}

static void test_cancel_and_interruption_end_the_run_whatever_the_step_says (void **state)
{
    (void) state;
    const job_result results[] = {JOB_RESULT_CANCELED, JOB_RESULT_INTERRUPTED};
    for (size_t i = 0; i < 2; i++) {
        for (uint64_t action = JOB_FLOW_DEFAULT; action <= JOB_FLOW_GOTO; action++) {
            uint64_t step = action == JOB_FLOW_GOTO ? GOTO_STEP : 0;
            job_flow_step steps[STEPS] = {0};
            steps[1] = (job_flow_step){action, step, action, step, 5, 0};
            steps[1].on_success = JOB_FLOW_NEXT;
            steps[1].success_step = 0;
            assert_order (order_after (steps, 1, results[i]), (job_flow_order) DO_END (results[i]));
        }
    }
}

static void test_a_failed_step_is_tried_again_after_the_interval (void **state)
{
    (void) state;
    const job_flow_step steps[] = {
        {.retry_attempts = 2, .retry_every_us = 5000000},
        {.retry_attempts = 1},
    };
    job_flow flow;
    job_flow_begin (&flow, steps, 2);
    for (uint64_t attempt = 2; attempt <= 3; attempt++) {
        job_flow_order order = job_flow_after (&flow, JOB_RESULT_FAILED);
        assert_int_equal (order.what, JOB_FLOW_DO_RETRY);
        assert_int_equal (order.step, 0);
        assert_int_equal (order.attempt, attempt);
        assert_int_equal (order.wait_us, 5000000);
    }
    assert_order (job_flow_after (&flow, JOB_RESULT_SUCCEEDED), (job_flow_order) DO_STEP (1));
    job_flow_order order = job_flow_after (&flow, JOB_RESULT_FAILED);
    assert_int_equal (order.wait_us, JOB_RETRY_EVERY_US);
    assert_order (
        job_flow_after (&flow, JOB_RESULT_FAILED), (job_flow_order) DO_END (JOB_RESULT_FAILED));
}

static void test_retries_begin_anew_when_a_step_is_entered_again (void **state)
{
    (void) state;
    const job_flow_step steps[] = {
        {.retry_attempts = 1, .on_failure = JOB_FLOW_GOTO, .failure_step = 2},
        {.on_success = JOB_FLOW_GOTO, .success_step = 1},
    };
    job_flow flow;
    job_flow_begin (&flow, steps, 2);
    for (int round = 0; round < 3; round++) {
        assert_int_equal (job_flow_after (&flow, JOB_RESULT_FAILED).what, JOB_FLOW_DO_RETRY);
        assert_order (job_flow_after (&flow, JOB_RESULT_FAILED), (job_flow_order) DO_STEP (1));
        assert_order (job_flow_after (&flow, JOB_RESULT_SUCCEEDED), (job_flow_order) DO_STEP (0));
    }
}

static void test_a_loop_ends_after_a_thousand_executions (void **state)
{
    (void) state;
    const job_flow_step steps[] = {{.on_success = JOB_FLOW_GOTO, .success_step = 1}};
    job_flow flow;
    job_flow_order order = job_flow_begin (&flow, steps, 1);
    int executions = 0;
    while (order.what == JOB_FLOW_DO_STEP) {
        executions++;
        assert_true (executions <= JOB_FLOW_EXECUTIONS_MAX);
        order = job_flow_after (&flow, JOB_RESULT_SUCCEEDED);
    }
    assert_int_equal (executions, JOB_FLOW_EXECUTIONS_MAX);
    assert_int_equal (order.state, JOB_RESULT_FAILED);
    assert_non_null (order.message);
}

static void test_plans_from_outside_are_checked (void **state)
{
    (void) state;
    const struct {
        job_flow_step step;
        bool is_valid;
    } rows[] = {
        {{0}, true},
        {{.on_success = JOB_FLOW_GOTO, .success_step = 1}, true},
        {{.on_success = JOB_FLOW_GOTO}, false},
        {{.on_success = JOB_FLOW_GOTO, .success_step = 2}, false},
        {{.on_failure = JOB_FLOW_GOTO, .failure_step = UINT64_MAX}, false},
        {{.on_failure = 5}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal (job_flow_valid (&rows[i].step, 1), rows[i].is_valid);
    assert_false (job_flow_valid (NULL, 0));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_every_action_after_success_and_failure),
        cmocka_unit_test (test_cancel_and_interruption_end_the_run_whatever_the_step_says),
        cmocka_unit_test (test_a_failed_step_is_tried_again_after_the_interval),
        cmocka_unit_test (test_retries_begin_anew_when_a_step_is_entered_again),
        cmocka_unit_test (test_a_loop_ends_after_a_thousand_executions),
        cmocka_unit_test (test_plans_from_outside_are_checked),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
