/*  The body of a job document: checks, part by part in the order of the document, and what is made
    of it for running.

    Not here: sizes and types (wire_check, the codec), places in a file (yaml_*.c, which ask the
    same small functions).  */
#include "common/job/body.h"

#include "common/job/body_schedule.h"
#include "common/job/duration.h"
#include "common/job/names.h"
#include "common/job/selector.h"
#include "common/job/tokens.h"
#include "proto/audience.h"

#include <stdlib.h>

static bool is_letter (uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

bg_result job_environment_name_valid (bg_slice name, bg_error *err)
{
    static const char reserved[] = "BUGLE_";
    bool is_valid = name.size > 0 && name.size <= 128 && is_letter (name.data[0]);
    for (size_t i = 1; is_valid && i < name.size; i++)
        is_valid = is_letter (name.data[i]) || (name.data[i] >= '0' && name.data[i] <= '9');
    if (!is_valid) {
        bg_ignore (bg_fail (
            err, BG_INVALID, "\"%.*s\" cannot name an environment variable", BG_SLICE_ARG (name)));
        return bg_hint (err, "use letters, digits and '_', and do not begin with a digit");
    }
    if (name.size >= sizeof reserved - 1 &&
        memcmp (name.data, reserved, sizeof reserved - 1) == 0) {
        bg_ignore (bg_fail (err, BG_INVALID,
            "\"%.*s\": names that begin with BUGLE_ are given by Bugle itself",
            BG_SLICE_ARG (name)));
        return bg_hint (err, "choose another name");
    }
    return bg_ok ();
}

/*  What a token stands for is known on the target only.  */
static bool is_absolute (bg_slice path)
{
    static const char token[] = "$(ESCAPE_";
    const size_t size = sizeof token - 1;
    return path.data[0] == '/' || (path.size > size && memcmp (path.data, token, size) == 0);
}

bg_result job_directory_valid (bg_slice path, bg_error *err)
{
    if (path.size == 0 || is_absolute (path))
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_INVALID, "the directory is not an absolute path"));
    return bg_hint (err, "begin it with '/'");
}

bg_result job_output_file_valid (bg_slice path, bg_error *err)
{
    if (path.size > 0 && is_absolute (path) && path.data[path.size - 1] != '/')
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_INVALID, "the output file is not an absolute path of a file"));
    return bg_hint (err, "begin it with '/'");
}

static bg_result check_duration (const char *what, uint64_t duration_us, bg_error *err)
{
    if (duration_us > (uint64_t) JOB_DURATION_MAX_US || duration_us % JOB_DURATION_STEP_US != 0)
        return bg_fail (
            err, BG_INVALID, "%s is not a number of whole seconds up to a hundred years", what);
    return bg_ok ();
}

static bg_result check_environment (const wire_pair *pairs, size_t count, bg_error *err)
{
    for (size_t i = 0; i < count; i++) {
        BG_TRY (job_environment_name_valid (pairs[i].key, err));
        for (size_t j = 0; j < i; j++) {
            if (bg_slice_equal (pairs[i].key, pairs[j].key))
                return bg_fail (err, BG_INVALID, "environment variable %.*s is there twice",
                    BG_SLICE_ARG (pairs[i].key));
        }
        bg_result result = job_tokens_check (pairs[i].value, err, NULL);
        if (bg_failed (result))
            return bg_prefix (err, "environment variable %.*s", BG_SLICE_ARG (pairs[i].key));
    }
    return bg_ok ();
}

/*  ---- steps ----  */

static bg_result check_program (const wire_job_step *step, bg_error *err)
{
    if (step->argv_count == 0 || step->argv[0].size == 0)
        return bg_fail (err, BG_INVALID, "there is no program to run");
    if (step->script.size > 0 || step->shell_count > 0)
        return bg_fail (err, BG_INVALID, "it has both a program and a script");
    for (size_t i = 0; i < step->argv_count; i++) {
        if (bg_failed (job_tokens_check (step->argv[i], err, NULL)))
            return bg_prefix (err, "argument %zu", i);
    }
    return bg_ok ();
}

static bg_result check_script (const wire_job_step *step, bg_error *err)
{
    if (step->script.size == 0)
        return bg_fail (err, BG_INVALID, "the script is empty");
    if (step->argv_count > 0)
        return bg_fail (err, BG_INVALID, "it has both a program and a script");
    if (step->shell_count > 0 && step->shell[0].size == 0)
        return bg_fail (err, BG_INVALID, "the shell has no name");
    return job_tokens_check (step->script, err, NULL);
}

static bg_result check_flow (const wire_job *job, const wire_job_step *step, bg_error *err)
{
    const struct {
        const char *name;
        uint64_t action, step;
    } actions[] = {
        {"on_success", step->on_success, step->success_step},
        {"on_failure", step->on_failure, step->failure_step},
    };
    for (size_t i = 0; i < 2; i++) {
        bool is_goto = actions[i].action == WIRE_FLOW_GOTO;
        if (actions[i].action > WIRE_FLOW_GOTO)
            return bg_fail (err, BG_INVALID, "%s is no known action", actions[i].name);
        if (is_goto && (actions[i].step < 1 || actions[i].step > job->steps_count))
            return bg_fail (err, BG_INVALID, "%s goes to step %llu, but there are %zu",
                actions[i].name, (unsigned long long) actions[i].step, job->steps_count);
        if (!is_goto && actions[i].step != 0)
            return bg_fail (
                err, BG_INVALID, "%s names a step but does not go there", actions[i].name);
    }
    if (step->retry_every_us > 0 && step->retry_attempts == 0)
        return bg_fail (err, BG_INVALID, "it has an interval for retries but no retries");
    return bg_ok ();
}

/*  ---- how a step runs ----  */

static bg_result check_codes (const wire_job_step *step, bg_error *err)
{
    for (size_t i = 0; i < step->success_codes_count; i++) {
        if (step->success_codes[i] > 255)
            return bg_fail (err, BG_INVALID, "the success code %llu is above 255",
                (unsigned long long) step->success_codes[i]);
        if (i > 0 && step->success_codes[i] <= step->success_codes[i - 1])
            return bg_fail (err, BG_INVALID, "the success codes are not in ascending order");
    }
    return bg_ok ();
}

static bg_result check_output (const wire_job_step *step, bg_error *err)
{
    if (step->output_file.size == 0 && step->output_append)
        return bg_fail (err, BG_INVALID, "it appends to no output file");
    if (step->output_quiet && (step->output_head > 0 || step->output_tail > 0))
        return bg_fail (
            err, BG_INVALID, "it keeps no output in the history, but says how much of it");
    if (step->output_file.size == 0)
        return bg_ok ();
    BG_TRY (job_output_file_valid (step->output_file, err));
    return job_tokens_check (step->output_file, err, NULL);
}

static bg_result check_limits (const wire_job_step *step, bg_error *err)
{
    const wire_limits *limits = &step->limits;
    if (!step->has_limits)
        return bg_ok ();
    if (limits->memory_bytes > 0 && limits->memory_bytes < JOB_MEMORY_MIN)
        return bg_fail (err, BG_INVALID, "a limit of memory is at least 1 MiB");
    return check_duration ("the limit of processor time", limits->cpu_us, err);
}

/*  As whom, with what, and what becomes of what it says.  */
static bg_result check_surroundings (const wire_job_step *step, bg_error *err)
{
    if (step->as.size > 0)
        BG_TRY (job_proxy_name_valid (step->as, err));
    if (!step->has_umask && step->umask > 0)
        return bg_fail (err, BG_INVALID, "it has a umask that does not count");
    BG_TRY (check_codes (step, err));
    BG_TRY (check_output (step, err));
    return check_limits (step, err);
}

static bg_result check_step (const wire_job *job, const wire_job_step *step, bg_error *err)
{
    switch (step->kind) {
    case WIRE_STEP_RUN:
        BG_TRY (check_program (step, err));
        break;
    case WIRE_STEP_SCRIPT:
        BG_TRY (check_script (step, err));
        break;
    default:
        return bg_fail (err, BG_NOT_IN_VERSION, "steps of kind %llu are not in this version",
            (unsigned long long) step->kind);
    }
    for (size_t i = 0; i < step->shell_count; i++)
        BG_TRY (job_tokens_check (step->shell[i], err, NULL));
    BG_TRY (check_environment (step->environment, step->environment_count, err));
    BG_TRY (job_directory_valid (step->directory, err));
    BG_TRY (job_tokens_check (step->directory, err, NULL));
    BG_TRY (check_duration ("timeout", step->timeout_us, err));
    BG_TRY (check_duration ("grace", step->grace_us, err));
    BG_TRY (check_duration ("retry interval", step->retry_every_us, err));
    BG_TRY (check_surroundings (step, err));
    return check_flow (job, step, err);
}

int job_body_find_step (const wire_job *job, bg_slice name)
{
    for (size_t i = 0; i < job->steps_count; i++) {
        if (job_name_compare (job->steps[i].name, name) == 0)
            return (int) i;
    }
    return -1;
}

static bg_result check_steps (const wire_job *job, bg_error *err)
{
    if (job->steps_count == 0)
        return bg_fail (err, BG_INVALID, "it has no steps");
    for (size_t i = 0; i < job->steps_count; i++) {
        const wire_job_step *step = &job->steps[i];
        if (bg_failed (job_object_name_valid (step->name, err)))
            return bg_prefix (err, "step %zu", i + 1);
        if ((size_t) job_body_find_step (job, step->name) != i)
            return bg_fail (
                err, BG_INVALID, "two steps have the name \"%.*s\"", BG_SLICE_ARG (step->name));
        if (bg_failed (check_step (job, step, err)))
            return bg_prefix (err, "step \"%.*s\"", BG_SLICE_ARG (step->name));
    }
    return bg_ok ();
}

/*  ---- schedules: see body_schedule.c ----  */

static bg_result check_schedules (const wire_job *job, bg_error *err)
{
    for (size_t i = 0; i < job->schedules_count; i++) {
        const wire_job_schedule *schedule = &job->schedules[i];
        if (bg_failed (job_object_name_valid (schedule->name, err)))
            return bg_prefix (err, "schedule %zu", i + 1);
        for (size_t j = 0; j < i; j++) {
            if (job_name_compare (schedule->name, job->schedules[j].name) == 0)
                return bg_fail (err, BG_INVALID, "two schedules have the name \"%.*s\"",
                    BG_SLICE_ARG (schedule->name));
        }
    }
    return job_body_check_schedules (job, err);
}

/*  ---- the whole ----  */

/*  Numbers are for what is meant for this moment: a job of one start.  */
static bg_result check_audience (const wire_audience *audience, bool is_one_shot, bg_error *err)
{
    BG_TRY (wire_audience_check (audience, err));
    if (audience->labels.size > 0)
        BG_TRY (job_selector_without_facts (audience->labels, err));
    if (!is_one_shot && (audience->numbers_count > 0 || audience->set_bits.size > 0))
        return bg_fail (err, BG_INVALID, "a job names its targets, it does not number them");
    bool is_more =
        audience->groups_count > 0 || audience->labels.size > 0 || audience->names_count > 0;
    if (audience->all && is_more)
        return bg_fail (err, BG_INVALID, "it is for all targets and for some of them");
    return bg_ok ();
}

static bg_result check_start (const wire_job *job, bg_error *err)
{
    if (job->start_by > WIRE_START_BY_NOBODY)
        return bg_fail (err, BG_INVALID, "who may start it is not known here");
    if ((job->at_most > 0) != (job->at_most_period_us > 0))
        return bg_fail (err, BG_INVALID, "a limit of starts needs a number and a period");
    return check_duration ("the period of at_most", job->at_most_period_us, err);
}

/*  How long it and what is told of it live.  */
static bg_result check_life (const wire_job *job, bg_error *err)
{
    if (job->overlap > WIRE_OVERLAP_REPLACE)
        return bg_fail (err, BG_INVALID, "its overlap is not known here");
    if (job->delete_level > WIRE_DELETE_ALWAYS)
        return bg_fail (err, BG_INVALID, "when it deletes itself is not known here");
    if (job->disabled && job->enabled_until_us != 0)
        return bg_fail (err, BG_INVALID, "it is disabled and enabled until a time");
    if (job->enabled_until_us != 0 &&
        (job->enabled_until_us < JOB_INSTANT_MIN_US || job->enabled_until_us >= JOB_INSTANT_MAX_US))
        return bg_fail (err, BG_INVALID, "it is enabled until a time outside 1990 to 9999");
    BG_TRY (check_duration ("lease", job->lease_us, err));
    return check_duration ("the time that its history is kept", job->history_us, err);
}

/*  Shared documents come from a broker, which a local job does not have.  */
static bg_result check_local (const wire_job *job, bg_error *err)
{
    for (size_t i = 0; i < job->schedules_count && job_name_is_local (job->name); i++) {
        const wire_job_schedule *schedule = &job->schedules[i];
        if (schedule->kind == WIRE_SCHEDULE_USE || schedule->except_count > 0 ||
            schedule->within_count > 0)
            return bg_fail (err, BG_INVALID,
                "schedule \"%.*s\": a local job has no shared schedules and calendars",
                BG_SLICE_ARG (schedule->name));
    }
    return bg_ok ();
}

static bg_result check_parts (const wire_job *job, bg_error *err)
{
    if (bg_failed (check_audience (&job->audience, job->max_starts == 1, err)))
        return bg_prefix (err, "targets");
    BG_TRY (check_environment (job->environment, job->environment_count, err));
    BG_TRY (check_start (job, err));
    BG_TRY (check_life (job, err));
    BG_TRY (check_local (job, err));
    BG_TRY (check_schedules (job, err));
    BG_TRY (check_steps (job, err));
    if (job->start_step > job->steps_count)
        return bg_fail (err, BG_INVALID, "it begins with step %llu, but there are %zu",
            (unsigned long long) job->start_step, job->steps_count);
    return bg_ok ();
}

bg_result job_body_check (const wire_job *job, bg_error *err)
{
    BG_TRY (job_name_is_local (job->name) ? job_local_name_valid (job->name, err)
                                          : job_object_name_valid (job->name, err));
    bg_error inner = {0};
    bg_result result = check_parts (job, &inner);
    if (bg_failed (result)) {
        bg_ignore (bg_prefix (&inner, "job \"%.*s\"", BG_SLICE_ARG (job->name)));
        if (err)
            *err = inner;
    }
    return result;
}

job_flow_step *job_body_flow (const wire_job *job)
{
    job_flow_step *steps = bg_alloc ((job->steps_count ? job->steps_count : 1) * sizeof *steps);
    for (size_t i = 0; i < job->steps_count; i++) {
        const wire_job_step *step = &job->steps[i];
        steps[i] = (job_flow_step){
            .on_success = step->on_success,
            .success_step = step->success_step,
            .on_failure = step->on_failure,
            .failure_step = step->failure_step,
            .retry_attempts = step->retry_attempts,
            .retry_every_us = step->retry_every_us,
        };
    }
    return steps;
}

uint64_t job_body_umask (const wire_job_step *step)
{
    return step->has_umask ? step->umask : JOB_UMASK;
}

bool job_body_is_success (const wire_job_step *step, int code)
{
    for (size_t i = 0; i < step->success_codes_count; i++) {
        if (step->success_codes[i] == (uint64_t) code)
            return true;
    }
    return step->success_codes_count == 0 && code == 0;
}

int64_t job_body_grace_us (const wire_job_step *step)
{
    return step->grace_us > 0 ? (int64_t) step->grace_us : JOB_GRACE_US;
}
