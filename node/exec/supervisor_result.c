/*  What is said of an attempt: state, codes and the sentence. Decides nothing that happens after it.  */
#include "common/sys/clock.h"
#include "node/exec/supervisor_private.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define MESSAGE_BYTES  512
#define EXIT_NOT_FOUND 127 /*  as a shell would say  */
#define EXIT_NOT_RUN   126

/*  ---- sentences ----  */

static uint64_t time_us (struct timeval time)
{
    return (uint64_t) time.tv_sec * 1000000 + (uint64_t) time.tv_usec;
}

/*  Several things may be worth saying of one attempt.  */
static void say (bg_buf *to, bg_slice sentence)
{
    if (sentence.size == 0)
        return;
    if (to->size)
        bg_buf_append_str (to, "; ");
    bg_buf_append_slice (to, sentence);
}

static void say_not_begun (attempt *self, bg_arena *arena, bg_buf *to, wire_step_result *result)
{
    bg_error err = {0};
    if (self->at != PHASE_RUNNING && !self->launch.report->has_failed) {
        bg_slice doing = step_child_doing (&self->launch, arena);
        say (to, bg_arena_printf (arena, "the step did not begin: it was still %.*s%s",
                     BG_SLICE_ARG (doing), self->is_late ? " after a minute" : ""));
        result->exit_code = EXIT_NOT_RUN;
        return;
    }
    bg_result why = step_child_explain (&self->launch, &err);
    say (to, bg_arena_copy (arena, bg_slice_str (err.message)));
    result->exit_code = why.code == BG_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
}

static void say_limits (const attempt *self, bg_arena *arena, bg_buf *to, uint64_t signal_number)
{
    const wire_limits *limits = &self->step->limits;
    uint64_t cpu_us = time_us (self->used.ru_utime) + time_us (self->used.ru_stime);
    bool is_killed = signal_number == SIGKILL && cpu_us >= limits->cpu_us;
    if (limits->cpu_us && (signal_number == SIGXCPU || is_killed))
        say (to, bg_arena_printf (arena, "it used up its limit of %.1f s of CPU time",
                     (double) limits->cpu_us / 1e6));
    if (signal_number == SIGXFSZ && limits->file_bytes)
        say (to, bg_arena_printf (arena, "it wrote a file larger than its limit of %llu bytes",
                     (unsigned long long) limits->file_bytes));
    if (step_cgroup_ran_out (&self->cgroup))
        say (to, bg_arena_printf (arena, "it used up its limit of %llu bytes of memory",
                     (unsigned long long) limits->memory_bytes));
    if (self->limits.cpu_percent_is_lost)
        say (to, bg_slice_str ("its limit cpu is not kept: bugle-exec was given no control group "
                               "with that controller"));
}

static void say_file (const attempt *self, bg_arena *arena, bg_buf *to)
{
    const step_file *file = &self->file;
    if (file->error)
        say (to,
            bg_arena_printf (arena, "its output file is not complete: %s", strerror (file->error)));
    else if (file->is_full)
        say (to, bg_arena_printf (arena, "its output file ends at its limit of %llu bytes",
                     (unsigned long long) self->step->limits.file_bytes));
}

static void say_left (const attempt *self, bg_arena *arena, bg_buf *to)
{
    if (self->left_behind)
        say (to, bg_arena_printf (arena, "%zu process%s left running by the step %s ended",
                     self->left_behind, self->left_behind == 1 ? "" : "es",
                     self->left_behind == 1 ? "was" : "were"));
}

/*  ---- states ----  */

static bool is_success (const wire_plan_step *step, int code)
{
    if (step->success_codes_count == 0)
        return code == 0;
    for (size_t i = 0; i < step->success_codes_count; i++) {
        if (step->success_codes[i] == (uint64_t) code)
            return true;
    }
    return false;
}

static uint64_t state_of (const attempt *self, bool has_begun)
{
    const end_cause end = self->owner->end;
    bool ended_early = end != END_NONE && self->at != PHASE_RUNNING && self->left_behind == 0;
    if (ended_early && end == END_STOP)
        return WIRE_RESULT_CANCELED;
    if (ended_early && end == END_SIGNAL)
        return WIRE_RESULT_INTERRUPTED;
    bool is_good = has_begun && self->has_ended && !self->timed_out && WIFEXITED (self->status) &&
                   is_success (self->step, WEXITSTATUS (self->status));
    return is_good ? WIRE_RESULT_SUCCEEDED : WIRE_RESULT_FAILED;
}

/*  What the kernel counted for the processes that were waited for; a control group has counted all.  */
static void tell_use (const attempt *self, wire_step_result *result)
{
    uint64_t cpu_us = 0;
    uint64_t memory_bytes = 0;
    step_cgroup_usage (&self->cgroup, &cpu_us, &memory_bytes);
    uint64_t own_us = time_us (self->used.ru_utime) + time_us (self->used.ru_stime);
    result->cpu_us += cpu_us > own_us ? cpu_us : own_us;
    if (memory_bytes == 0)
        memory_bytes = (uint64_t) self->used.ru_maxrss * 1024;
    if (memory_bytes > result->memory_bytes)
        result->memory_bytes = memory_bytes;
}

void supervisor_describe (attempt *self, bg_arena *arena, wire_step_result *result)
{
    BG_AUTO_BUF message = {0};
    bool has_begun = step_child_has_begun (&self->child, self->launch.report);
    result->timed_out = self->timed_out;
    if (!has_begun)
        say_not_begun (self, arena, &message, result);
    else if (self->has_ended && WIFSIGNALED (self->status))
        result->signal = (uint64_t) WTERMSIG (self->status);
    else if (self->has_ended)
        result->exit_code = WEXITSTATUS (self->status);
    result->state = state_of (self, has_begun);
    /*  Everybody else takes a zero for success.  */
    if (has_begun && self->has_ended && WIFEXITED (self->status) && result->exit_code == 0 &&
        result->state == WIRE_RESULT_FAILED && !self->timed_out)
        say (&message, bg_slice_str ("exit code 0 is not one of its success codes"));
    if (!self->has_ended)
        say (&message, bg_slice_str ("the process cannot be ended, not even by KILL"));
    say_limits (self, arena, &message, result->signal);
    say_file (self, arena, &message);
    say_left (self, arena, &message);
    tell_use (self, result);
    result->message =
        wire_fit_text (bg_arena_copy (arena, bg_buf_slice (&message)), MESSAGE_BYTES, true, arena);
}

void supervisor_refuse (const char *message, bg_arena *arena, wire_step_result *result)
{
    result->state = WIRE_RESULT_FAILED;
    result->exit_code = EXIT_NOT_RUN;
    result->message =
        wire_fit_text (bg_arena_copy (arena, bg_slice_str (message)), MESSAGE_BYTES, true, arena);
}
