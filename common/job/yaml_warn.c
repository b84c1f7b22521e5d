/*  What a job file says that can be meant, but seldom is: warnings.

    They change nothing and stop nothing. A warning is here when the mistake would be seen late: on
    the 31st of a month, after a thousand steps, or never because the day is past.  */
#include "common/job/yaml_read.h"

#include "common/job/body.h"

void job_yaml_warn_schedule (
    job_yaml_reader *self, const bg_yaml *node, const wire_job_schedule *schedule)
{
    const bg_yaml *day = job_yaml_value (node, "on");
    const bg_yaml *end = job_yaml_value (node, "until"), *once = job_yaml_value (node, "once");
    const uint64_t today = self->ports->today;
    if (!day)
        day = job_yaml_value (node, "freq_interval");
    if (!end)
        end = job_yaml_value (node, "active_end_date");
    if (!once)
        once = job_yaml_value (node, "active_start_date");
    if (schedule->kind == WIRE_SCHEDULE_MONTHLY && schedule->interval > 28 && day)
        bg_yaml_warn (self->file, day, self->diag,
            "months without a day %llu are left out; for the end of each month write on: \"last "
            "day\"",
            (unsigned long long) schedule->interval);
    if (today && schedule->end_date && schedule->end_date < today && end)
        bg_yaml_warn (self->file, end, self->diag, "that day is past, so the schedule never runs");
    if (today && schedule->kind == WIRE_SCHEDULE_ONCE && schedule->start_date < today && once)
        bg_yaml_warn (self->file, once, self->diag, "that day is past, so the schedule never runs");
}

/*  ---- flows ----  */

/*  Index of the step that follows, steps_count when the run ends.  */
static size_t next_of (const wire_job *job, size_t index, bool is_success)
{
    const wire_job_step *step = &job->steps[index];
    const uint64_t action = is_success ? step->on_success : step->on_failure;
    const uint64_t to = is_success ? step->success_step : step->failure_step;
    if (action == WIRE_FLOW_GOTO)
        return to >= 1 && to <= job->steps_count ? (size_t) to - 1 : job->steps_count;
    if (action == WIRE_FLOW_NEXT || (is_success && action == WIRE_FLOW_DEFAULT))
        return index + 1;
    return job->steps_count;
}

/*  Of each step: whether some way leads from it to the end of the run.  */
static void mark_ending (const wire_job *job, bool *is_ending)
{
    for (bool is_more = true; is_more;) {
        is_more = false;
        for (size_t i = 0; i < job->steps_count; i++) {
            for (int success = 0; success < 2 && !is_ending[i]; success++) {
                const size_t next = next_of (job, i, success);
                is_ending[i] = next >= job->steps_count || is_ending[next];
                is_more = is_more || is_ending[i];
            }
        }
    }
}

static void mark_reached (const wire_job *job, size_t first, bool *is_reached)
{
    is_reached[first] = true;
    for (bool is_more = true; is_more;) {
        is_more = false;
        for (size_t i = 0; i < job->steps_count; i++) {
            for (int success = 0; success < 2 && is_reached[i]; success++) {
                const size_t next = next_of (job, i, success);
                if (next >= job->steps_count || is_reached[next])
                    continue;
                is_reached[next] = true;
                is_more = true;
            }
        }
    }
}

void job_yaml_warn_flow (job_yaml_reader *self, const bg_yaml *steps, const wire_job *job)
{
    bool *is_ending = bg_arena_array (self->arena, bool, job->steps_count);
    bool *is_reached = bg_arena_array (self->arena, bool, job->steps_count);
    mark_ending (job, is_ending);
    mark_reached (job, 0, is_reached);
    for (size_t i = 0; i < job->steps_count; i++) {
        const bg_yaml *node = steps->items[i];
        if (!is_reached[i] || is_ending[i])
            continue;
        const bg_yaml *go = job_yaml_value (node, "on_success");
        bg_yaml_warn (self->file, go ? go : node, self->diag,
            "from here no way leads to the end of the run: it is stopped as failed after %d steps",
            JOB_FLOW_EXECUTIONS_MAX);
        return;
    }
}
