/*  The flow of a run: one table of what an action means, one place that changes the state.

    Not here: processes, timeouts, output; who stops a run says so as the step's result.
    Invariants: step < step_count; executions never passes the limit; after DO_END nothing is asked
    any more.  */
#include "common/job/flow.h"

#include "common/base/err.h"

static bool action_valid (uint64_t action, uint64_t goto_step, size_t step_count)
{
    if (action > JOB_FLOW_GOTO)
        return false;
    if (action == JOB_FLOW_GOTO)
        return goto_step >= 1 && goto_step <= step_count;
    return true;
}

bool job_flow_valid (const job_flow_step *steps, size_t step_count)
{
    for (size_t i = 0; i < step_count; i++) {
        const job_flow_step *step = &steps[i];
        if (!action_valid (step->on_success, step->success_step, step_count) ||
            !action_valid (step->on_failure, step->failure_step, step_count))
            return false;
    }
    return step_count > 0;
}

job_flow_action job_flow_success_action (const job_flow_step *step)
{
    return step->on_success == JOB_FLOW_DEFAULT ? JOB_FLOW_NEXT
                                                : (job_flow_action) step->on_success;
}

job_flow_action job_flow_failure_action (const job_flow_step *step)
{
    return step->on_failure == JOB_FLOW_DEFAULT ? JOB_FLOW_FAIL
                                                : (job_flow_action) step->on_failure;
}

static job_flow_order end_run (job_flow *self, job_result state, const char *message)
{
    self->is_over = true;
    return (job_flow_order){.what = JOB_FLOW_DO_END,
        .step = self->step,
        .attempt = self->attempt,
        .state = state,
        .message = message};
}

static job_flow_order enter_step (job_flow *self, size_t step)
{
    if (self->executions >= JOB_FLOW_EXECUTIONS_MAX)
        return end_run (self, JOB_RESULT_FAILED,
            "the run went through 1,000 steps without coming to an end; look for a goto that "
            "loops");
    self->step = step;
    self->attempt = 1;
    self->executions++;
    return (job_flow_order){.what = JOB_FLOW_DO_STEP, .step = step, .attempt = 1};
}

job_flow_order job_flow_begin_at (
    job_flow *self, const job_flow_step *steps, size_t step_count, size_t first)
{
    bg_assert (job_flow_valid (steps, step_count) && first < step_count);
    *self = (job_flow){.steps = steps, .step_count = step_count};
    return enter_step (self, first);
}

job_flow_order job_flow_begin (job_flow *self, const job_flow_step *steps, size_t step_count)
{
    return job_flow_begin_at (self, steps, step_count, 0);
}

/*  state is what the step ended with, and so what the run ends with behind the last step.  */
static job_flow_order follow (
    job_flow *self, job_flow_action action, uint64_t goto_step, job_result state)
{
    switch (action) {
    case JOB_FLOW_SUCCEED:
        return end_run (self, JOB_RESULT_SUCCEEDED, NULL);
    case JOB_FLOW_FAIL:
        return end_run (self, JOB_RESULT_FAILED, NULL);
    case JOB_FLOW_GOTO:
        return enter_step (self, (size_t) goto_step - 1);
    case JOB_FLOW_DEFAULT:
    case JOB_FLOW_NEXT:
        break;
    }
    if (self->step + 1 < self->step_count)
        return enter_step (self, self->step + 1);
    return end_run (self, state, NULL);
}

static job_flow_order after_failure (job_flow *self, const job_flow_step *step)
{
    if (self->attempt > step->retry_attempts)
        return follow (self, job_flow_failure_action (step), step->failure_step, JOB_RESULT_FAILED);
    self->attempt++;
    return (job_flow_order){.what = JOB_FLOW_DO_RETRY,
        .step = self->step,
        .attempt = self->attempt,
        .wait_us = step->retry_every_us > 0 ? (int64_t) step->retry_every_us : JOB_RETRY_EVERY_US};
}

job_flow_order job_flow_after (job_flow *self, job_result result)
{
    bg_assert (!self->is_over);
    const job_flow_step *step = &self->steps[self->step];
    switch (result) {
    case JOB_RESULT_SUCCEEDED:
        return follow (self, job_flow_success_action (step), step->success_step, result);
    case JOB_RESULT_FAILED:
        return after_failure (self, step);
    case JOB_RESULT_CANCELED:
    case JOB_RESULT_INTERRUPTED:
        return end_run (self, result, NULL);
    }
    bg_assert_failed ("a step result is one of four", __FILE__, __LINE__);
}
