/*  The supervisor's life: see supervisor.h. Plan in, records out.

    Records of a step and of the end are written as one frame and synced. Without space they
    wait in memory, and the end is tried again until there is some: the outcome of a run is the
    last thing to be given up.
*/
#include "node/exec/supervisor.h"

#include "common/job/flow.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/random.h"
#include "node/exec/record_file.h"
#include "node/exec/supervisor_private.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN_FILE_MAX ((size_t) 64 << 20)
#define OUTPUT_FULL_BYTES                                                                          \
    ((size_t) 1 << 20) /*  of head and tail in the file; steps after that leave a little only  */
#define OUTPUT_LITTLE_BYTES 512
#define RETRY_WRITE_US      BG_SEC (1)
#define WRITE_TRIES         10 /*  when it is not for want of space  */

/*  ---- the run's file ----  */

static void record (supervisor *self, wire_kind kind, const void *value)
{
    BG_AUTO_BUF blob = {0};
    wire_inner_encode (kind, (bg_id){{0}}, value, &blob);
    exec_record_add (&self->pending, bg_buf_slice (&blob));
}

static bg_result write_records (supervisor *self)
{
    BG_AUTO_BUF frame = {0};
    exec_record_frame (bg_buf_slice (&self->pending), &frame);
    bg_result result =
        exec_record_write (SUPERVISOR_RUN_FD, "the run's file", bg_buf_slice (&frame), NULL);
    if (bg_is_ok (result)) {
        self->file_size += frame.size;
        bg_buf_clear (&self->pending);
        return result;
    }
    if (ftruncate (SUPERVISOR_RUN_FD, (off_t) self->file_size) < 0 ||
        lseek (SUPERVISOR_RUN_FD, (off_t) self->file_size, SEEK_SET) < 0)
        return (bg_result){BG_STORE_IO};
    return result;
}

static bool write_end (supervisor *self)
{
    for (int tries = 0; tries < WRITE_TRIES;) {
        bg_result result = write_records (self);
        if (bg_is_ok (result))
            return true;
        tries += result.code != BG_STORAGE_FULL;
        self->run_deadline_us = INT64_MAX;
        supervisor_wait (self, -1, bg_clock_mono_us () + RETRY_WRITE_US);
    }
    return false;
}

/*  ---- the flow ----  */

/*  Between two attempts of a step; false when the run is to end.  */
static bool wait_for_retry (supervisor *self, int64_t wait_us)
{
    int64_t until_us = bg_clock_mono_us () + wait_us;
    while (self->end == END_NONE && bg_clock_mono_us () < until_us)
        supervisor_wait (self, -1, until_us);
    return self->end == END_NONE;
}

static void take_output (supervisor *self, wire_step_result *result)
{
    result->output_bytes = self->output.total;
    result->head = step_output_head (&self->output);
    result->tail = step_output_tail (&self->output);
    if (self->output_bytes > OUTPUT_FULL_BYTES) {
        result->head.size = 0;
        if (result->tail.size > OUTPUT_LITTLE_BYTES)
            result->tail = bg_slice_of (
                result->tail.data + (result->tail.size - OUTPUT_LITTLE_BYTES), OUTPUT_LITTLE_BYTES);
    }
    self->output_bytes += result->head.size + result->tail.size;
}

static job_result end_of (const supervisor *self, job_result state)
{
    switch (self->end) {
    case END_STOP:
        return JOB_RESULT_CANCELED;
    case END_SIGNAL:
        return JOB_RESULT_INTERRUPTED;
    default:
        return state;
    }
}

/*  What all attempts used is told with the last one.  */
static void next_attempt (
    wire_step_result *result, const wire_plan_step *step, size_t number, int64_t started_us)
{
    *result = (wire_step_result){.step = number,
        .name = step->name,
        .started_us = started_us,
        .attempts = result->attempts + 1,
        .cpu_us = result->cpu_us,
        .memory_bytes = result->memory_bytes};
}

/*  One execution of a step with its retries. What is recorded is the last attempt; began is
    that of the first.  */
static job_flow_order run_step (supervisor *self, job_flow *flow, job_flow_order order)
{
    const wire_plan_step *step = &self->plan->steps[order.step];
    BG_AUTO_ARENA arena = {0};
    wire_step_result result = {0};
    int64_t started_us = bg_clock_utc_us ();
    size_t number = order.step + 1;
    self->begun[order.step % 64]++;
    do {
        bg_arena_fini (
            &arena); /*  texts of an attempt may take megabytes, and there may be a thousand  */
        next_attempt (&result, step, number, started_us);
        supervisor_attempt (self, step, &arena, &result);
        order = job_flow_after (flow, end_of (self, (job_result) result.state));
        if (order.what == JOB_FLOW_DO_RETRY && !wait_for_retry (self, order.wait_us)) {
            order = job_flow_after (flow, end_of (self, JOB_RESULT_FAILED));
            break;
        }
    } while (order.what == JOB_FLOW_DO_RETRY);
    take_output (self, &result);
    wire_record_step done = {.has_result = true, .result = result};
    record (self, WIRE_RECORD_STEP, &done);
    return order;
}

static void make_flow (const wire_plan *plan, job_flow_step *steps)
{
    for (size_t i = 0; i < plan->steps_count; i++) {
        const wire_plan_step *from = &plan->steps[i];
        steps[i] = (job_flow_step){.on_success = from->on_success,
            .success_step = from->success_step,
            .on_failure = from->on_failure,
            .failure_step = from->failure_step,
            .retry_attempts = from->problem.size ? 0 : from->retry_attempts, /*  it stays one  */
            .retry_every_us = from->retry_every_us};
    }
}

static wire_record_end end_record (const supervisor *self, const job_flow_order *order)
{
    wire_record_end end = {.state = (uint64_t) order->state, .finished_us = bg_clock_utc_us ()};
    if (order->message)
        end.message = bg_slice_str (order->message);
    if (end.state == WIRE_RUN_CANCELED) {
        end.reason = bg_slice_str ("stop");
        if (strcmp (self->stop_reason, "stop") != 0)
            end.message = bg_slice_str (self->stop_reason);
    } else if (end.state == WIRE_RUN_INTERRUPTED) {
        end.message = bg_slice_str ("the run's supervisor was told to end");
    } else if (self->end == END_TIME) {
        end.state = WIRE_RUN_FAILED;
        end.message = bg_slice_str ("the run took longer than this machine's policy allows");
    }
    return end;
}

static bool run_plan (supervisor *self)
{
    const wire_plan *plan = self->plan;
    job_flow_step *steps = bg_arena_array (&self->arena, job_flow_step, plan->steps_count);
    make_flow (plan, steps);
    wire_record_end end;
    size_t first = plan->start_step ? (size_t) plan->start_step - 1 : 0;
    if (!job_flow_valid (steps, plan->steps_count) || first >= plan->steps_count) {
        end = (wire_record_end){.state = WIRE_RUN_FAILED,
            .finished_us = bg_clock_utc_us (),
            .message = bg_slice_str ("the plan of the run has no valid flow")};
    } else {
        job_flow flow;
        job_flow_order order = job_flow_begin_at (&flow, steps, plan->steps_count, first);
        do {
            order = run_step (self, &flow, order);
            if (order.what != JOB_FLOW_DO_END && self->end != END_NONE) {
                order.what = JOB_FLOW_DO_END;
                order.state = end_of (self, JOB_RESULT_FAILED);
                order.message = NULL;
            }
            if (order.what != JOB_FLOW_DO_END)
                bg_ignore (write_records (
                    self)); /*  what does not fit now is written with the next step  */
        } while (order.what != JOB_FLOW_DO_END);
        end = end_record (self, &order);
    }
    record (self, WIRE_RECORD_END, &end);
    return write_end (self);
}

/*  ---- life ----  */

static bg_result take_plan (void *ctx, bg_slice blob, bg_error *err)
{
    supervisor *self = ctx;
    wire_header header;
    void *value = NULL;
    bg_slice copy = bg_arena_copy (&self->arena, blob);
    BG_TRY (wire_inner_decode (copy, &self->arena, &header, &value, err));
    if (header.kind == WIRE_RECORD_PLAN && !self->plan)
        self->plan = value;
    return bg_ok ();
}

static bg_result open_run (supervisor *self, bg_error *err)
{
    BG_AUTO_BUF bytes = {0};
    if (lseek (SUPERVISOR_RUN_FD, 0, SEEK_SET) < 0)
        return bg_fail_errno (err, BG_IO, "descriptor %d is no file of a run", SUPERVISOR_RUN_FD);
    BG_TRY (bg_fd_read (SUPERVISOR_RUN_FD, "the run's file", RUN_FILE_MAX, &bytes, err));
    BG_TRY (exec_record_scan (
        bg_buf_slice (&bytes), "the run's file", take_plan, self, &self->file_size, err));
    if (!self->plan)
        return bg_fail (err, BG_FOREIGN_FILE, "the run's file holds no plan");
    if (lseek (SUPERVISOR_RUN_FD, (off_t) self->file_size, SEEK_SET) < 0)
        return bg_fail_errno (err, BG_IO, "cannot write behind the plan");
    return bg_ok ();
}

static bg_result prepare_process (supervisor *self, bg_error *err)
{
    sigset_t set;
    (void) sigemptyset (&set);
    (void) sigaddset (&set, SIGCHLD);
    (void) sigaddset (&set, SIGTERM);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void) sigaction (SIGPIPE, &ignore, NULL);
    (void) sigaction (SIGHUP, &ignore, NULL);
    (void) sigaction (SIGINT, &ignore, NULL);
    if (fcntl (SUPERVISOR_RUN_FD, F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl (SUPERVISOR_DIR_FD, F_SETFD, FD_CLOEXEC) < 0)
        return bg_fail_errno (
            err, BG_IO, "descriptors %d and %d are needed", SUPERVISOR_RUN_FD, SUPERVISOR_DIR_FD);
    if (prctl (PR_SET_CHILD_SUBREAPER, 1) < 0 || sigprocmask (SIG_BLOCK, &set, NULL) < 0)
        return bg_fail_errno (err, BG_IO, "cannot become the reaper of a run");
    self->signal_fd = signalfd (-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (self->signal_fd < 0)
        return bg_fail_errno (err, BG_IO, "cannot listen for signals");
    return bg_crypto_init (err);
}

int exec_supervise (const char *socket_path, const char *run, const step_cgroups *cgroups)
{
    supervisor self = {.socket_path = socket_path,
        .cgroups = cgroups,
        .signal_fd = -1,
        .run_deadline_us = INT64_MAX};
    bg_error err = {0};
    bg_result result = prepare_process (&self, &err);
    if (bg_is_ok (result))
        result = open_run (&self, &err);
    if (bg_failed (result)) {
        fprintf (stderr, "bugle-exec, supervisor of a run: %s\n", err.message);
        bg_arena_fini (&self.arena);
        return 1;
    }
    const wire_plan *plan = self.plan;
    step_output_init (&self.output, SUPERVISOR_DIR_FD, run);
    if (plan->timeout_us && plan->timeout_us < INT64_MAX / 2)
        self.run_deadline_us = bg_clock_mono_us () + (int64_t) plan->timeout_us;
    bool is_written = run_plan (&self);
    if (is_written)
        supervisor_link_end (&self);
    bg_frames_destroy (&self.link);
    bg_fd_close (&self.signal_fd);
    step_output_fini (&self.output);
    bg_buf_fini (&self.pending);
    bg_arena_fini (&self.arena);
    return is_written ? 0 : 1;
}
