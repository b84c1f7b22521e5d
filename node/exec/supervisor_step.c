/*  One attempt of a step: from the start of its process until nothing of it is left.

        running --timeout, STOP, end of the run's time--> ending --grace--> killing --> over
           |                                                 ^
           +--- the process ended, others are left ----------+

    A process that has not become the step's program yet is killed at once: it holds nothing of the step.

    ending: TERM went to the process group. killing: KILL goes to the group and to every process
    that was left to us, again and again until there is none. When the step's own process ends
    first, what it left behind is ended in the same way: a run that is over leaves no process.
*/
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "node/exec/supervisor_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_AGAIN_US   BG_MS (20)
#define KILL_GIVE_UP_US BG_SEC (30) /*  a process stuck in the kernel cannot be ended by anybody  */
#define READ_CHUNK      65536
#define KEEP_AFTER_US   BG_MS (300) /*  short steps leave no file: all they said is in the report  */
#define BEGIN_WITHIN_US                                                                            \
    BG_MIN (1)         /*  a step's process becomes its program, or the step has failed  */
#define KILL_PASSES 16 /*  one after the other: what is killed may just have had a child  */

/*  ---- waiting ----  */

static void read_signals (supervisor *self)
{
    struct signalfd_siginfo info;
    while (read (self->signal_fd, &info, sizeof info) == (ssize_t) sizeof info) {
        if (info.ssi_signo == SIGTERM && self->end == END_NONE)
            self->end = END_SIGNAL;
    }
}

void supervisor_wait (supervisor *self, int fd, int64_t deadline_us)
{
    supervisor_link_poll (self);
    if (!self->link && self->connect_due_us < deadline_us)
        deadline_us = self->connect_due_us;
    if (self->run_deadline_us < deadline_us && self->end == END_NONE)
        deadline_us = self->run_deadline_us;
    struct pollfd items[3] = {{.fd = self->signal_fd, .events = POLLIN},
        {.fd = self->link ? bg_frames_fd (self->link) : -1, .events = POLLIN},
        {.fd = fd, .events = POLLIN}};
    int64_t left_us = deadline_us - bg_clock_mono_us ();
    struct timespec timeout = {0};
    if (left_us > 0)
        timeout = (struct timespec){left_us / 1000000, left_us % 1000000 * 1000};
    (void) ppoll (items, 3, deadline_us == INT64_MAX ? NULL : &timeout, NULL);
    if (items[0].revents)
        read_signals (self);
    if (items[1].revents)
        supervisor_link_read (self);
    if (self->end == END_NONE && bg_clock_mono_us () >= self->run_deadline_us)
        self->end = END_TIME;
}

/*  ---- processes ----  */

static void add_time (struct timeval *sum, struct timeval more)
{
    sum->tv_sec += more.tv_sec + (sum->tv_usec + more.tv_usec) / 1000000;
    sum->tv_usec = (sum->tv_usec + more.tv_usec) % 1000000;
}

static void reap (attempt *self)
{
    for (;;) {
        int status = 0;
        struct rusage used = {0};
        pid_t pid = wait4 (-1, &status, WNOHANG, &used);
        if (pid == 0)
            return;
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0) {
            self->is_empty = true;
            return;
        }
        add_time (&self->used.ru_utime, used.ru_utime);
        add_time (&self->used.ru_stime, used.ru_stime);
        if (used.ru_maxrss > self->used.ru_maxrss)
            self->used.ru_maxrss = used.ru_maxrss;
        if (pid == self->child.pid) {
            self->has_ended = true;
            self->status = status;
        }
    }
}

static bool has_begun (attempt *self)
{
    step_file_take (&self->file, self->child.report_fd);
    return step_child_has_begun (&self->child, self->launch.report);
}

static void kill_all (attempt *self)
{
    if (!self->has_ended) {
        (void) kill (-self->child.pid, SIGKILL);
        (void) kill (self->child.pid, SIGKILL); /*  before it has a group of its own  */
    }
    step_cgroup_kill (&self->cgroup);
    for (int pass = 0; pass < KILL_PASSES && step_children_kill (SIGKILL) > 0; pass++)
        continue;
}

static void begin_killing (attempt *self, int64_t now_us)
{
    self->at = PHASE_KILLING;
    self->phase_until_us = now_us + KILL_GIVE_UP_US;
    kill_all (self);
}

/*  To the whole group while its leader, and with it the group's number, is still ours; after
    that to what was left. A stopped process hears it only when it goes on.  */
static void begin_ending (attempt *self, int64_t now_us)
{
    if (!self->has_ended && !has_begun (self)) {
        begin_killing (self, now_us);
        return;
    }
    if (self->has_ended) {
        (void) step_children_kill (SIGTERM);
        (void) step_children_kill (SIGCONT);
    } else {
        (void) kill (-self->child.pid, SIGTERM);
        (void) kill (-self->child.pid, SIGCONT);
    }
    self->at = PHASE_ENDING;
    self->phase_until_us = now_us + (int64_t) self->step->grace_us;
}

/*  ---- output ----  */

/*  At most so much in one go, so that a flood of output cannot keep timeouts from being seen.  */
static void read_output (attempt *self, size_t limit)
{
    static uint8_t chunk[READ_CHUNK]; /*  one thread, one attempt at a time  */
    size_t sum = 0;
    while (sum < limit && self->child.output_fd >= 0) {
        ssize_t got = read (self->child.output_fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            (void) close (self->child.output_fd);
            self->child.output_fd = -1;
            return;
        }
        bg_slice bytes = bg_slice_of (chunk, (size_t) got);
        step_file_take (&self->file, self->child.report_fd);
        step_output_add (&self->owner->output, bytes);
        step_file_write (&self->file, bytes);
        sum += (size_t) got;
    }
}

/*  What lies in the pipe when all is over, and no more: somebody to whom the step gave the other end, and who is not of
    the run, may go on writing for ever.  */
static void read_rest (attempt *self)
{
    int size = self->child.output_fd < 0 ? 0 : fcntl (self->child.output_fd, F_GETPIPE_SZ);
    read_output (self, size > 0 ? (size_t) size : READ_CHUNK);
}

/*  ---- the attempt ----  */

static void look_at_running (attempt *self, int64_t now_us)
{
    supervisor *owner = self->owner;
    if (self->has_ended) {
        self->left_behind = step_children_kill (0);
        begin_ending (self, now_us);
    } else if (owner->end != END_NONE) {
        self->timed_out = owner->end == END_TIME;
        begin_ending (self, now_us);
    } else if (now_us >= self->timeout_at_us) {
        self->timed_out = true;
        begin_ending (self, now_us);
    } else if (now_us >= self->begin_by_us) {
        self->begin_by_us = INT64_MAX;
        if (has_begun (self))
            return;
        self->is_late = true;
        self->timed_out = true;
        begin_killing (self, now_us);
    }
}

static void look_at_phase (attempt *self, int64_t now_us)
{
    if (self->at == PHASE_RUNNING)
        look_at_running (self, now_us);
    else if (self->at == PHASE_KILLING)
        kill_all (self);
    else if (now_us >= self->phase_until_us)
        begin_killing (self, now_us);
}

static int64_t earlier (int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

static int64_t next_deadline (const attempt *self, int64_t now_us)
{
    int64_t due_us = self->at == PHASE_RUNNING  ? earlier (self->timeout_at_us, self->begin_by_us)
                     : self->at == PHASE_ENDING ? self->phase_until_us
                                                : now_us + KILL_AGAIN_US;
    bool is_loose = step_output_is_loose (&self->owner->output);
    return is_loose ? earlier (self->keep_at_us, due_us) : due_us;
}

static void watch_child (attempt *self)
{
    for (;;) {
        reap (self);
        if (self->has_ended && self->is_empty)
            break;
        self->is_empty = false;
        int64_t now_us = bg_clock_mono_us ();
        look_at_phase (self, now_us);
        if (now_us >= self->keep_at_us)
            step_output_keep (&self->owner->output);
        if (self->at == PHASE_KILLING && now_us >= self->phase_until_us)
            break;
        supervisor_wait (self->owner, self->child.output_fd, next_deadline (self, now_us));
        read_output (self, 16 * READ_CHUNK);
    }
    read_rest (self);
}

/*  ---- beginning ----  */

static void reset_output (supervisor *self, const wire_plan_step *step, size_t number)
{
    const wire_plan *plan = self->plan;
    step_output_sizes sizes = {
        .head = (size_t) (step->head_bytes ? step->head_bytes : plan->head_bytes),
        .tail = (size_t) (step->tail_bytes ? step->tail_bytes : plan->tail_bytes),
        .keep = (size_t) (step->keep_bytes ? step->keep_bytes : plan->keep_bytes)};
    /*  Nothing in the history: then nothing beside it either, unless the step says how much.  */
    if (step->output_quiet)
        sizes = (step_output_sizes){.keep = (size_t) step->keep_bytes};
    step_output_reset (&self->output, number, &sizes);
}

static void take_account (attempt *self, bg_arena *arena)
{
    const wire_plan_step *step = self->step;
    gid_t *groups = bg_arena_array (arena, gid_t, step->groups_count + 1);
    for (size_t i = 0; i < step->groups_count; i++)
        groups[i] = (gid_t) step->groups[i];
    self->account = (step_account){.change = step->change_account,
        .uid = (uid_t) step->uid,
        .gid = (gid_t) step->gid,
        .groups = groups,
        .group_count = step->groups_count};
}

/*  Where a group of processes cannot be made, resource limits have to do.  */
static void take_limits (attempt *self)
{
    static const step_controllers none = {0};
    const supervisor *owner = self->owner;
    const wire_limits *limits = self->step->has_limits ? &self->step->limits : NULL;
    step_limits_decide (limits, &owner->cgroups->controllers, &self->limits);
    if (!step_cgroup_make (owner->cgroups, owner->plan->run, &self->limits, &self->cgroup))
        step_limits_decide (limits, &none, &self->limits);
}

static bg_result begin (attempt *self, const step_moment *moment, bg_arena *arena, bg_error *err)
{
    supervisor *owner = self->owner;
    const wire_plan_step *step = self->step;
    if (step->problem.size)
        return bg_fail (err, BG_POLICY, "%.*s", BG_SLICE_ARG (step->problem));
    if (!owner->report)
        owner->report = step_report_create ();
    if (!owner->report)
        return bg_fail_errno (err, BG_OVERLOADED, "no memory for the step's process");
    BG_TRY (step_text_make (owner->plan, step, moment, arena, &self->text, err));
    take_account (self, arena);
    take_limits (self);
    BG_AUTO_FD door = step_cgroup_door (&self->cgroup);
    self->launch = (step_launch){.step = step,
        .text = &self->text,
        .account = &self->account,
        .limits = &self->limits,
        .cgroup_fd = door,
        .report = owner->report};
    step_file_init (&self->file, self->text.output_file != NULL, step->limits.file_bytes);
    bg_result result = step_child_start (&self->launch, &self->child, err);
    if (bg_failed (result))
        step_cgroup_remove (&self->cgroup);
    return result;
}

static void set_deadlines (attempt *self)
{
    int64_t now_us = bg_clock_mono_us ();
    self->timeout_at_us = INT64_MAX;
    if (self->step->timeout_us && self->step->timeout_us < INT64_MAX / 2)
        self->timeout_at_us = now_us + (int64_t) self->step->timeout_us;
    self->begin_by_us = now_us + BEGIN_WITHIN_US;
    self->keep_at_us = now_us + KEEP_AFTER_US;
}

void supervisor_attempt (
    supervisor *self, const wire_plan_step *step, bg_arena *arena, wire_step_result *result)
{
    attempt a = {.owner = self, .step = step, .child = {.output_fd = -1, .report_fd = -1}};
    bg_error err = {0};
    step_moment moment = {.number = (size_t) result->step,
        .count = self->begun[(result->step - 1) % 64],
        .attempt = result->attempts,
        .utc_us = bg_clock_utc_us ()};
    reset_output (self, step, (size_t) result->step);
    result->account = step->account;
    if (bg_failed (begin (&a, &moment, arena, &err))) {
        BG_AUTO_CHAR message =
            bg_strdup_printf ("%s%s%s", err.message, err.hint[0] ? "; " : "", err.hint);
        supervisor_refuse (message, arena, result);
        result->finished_us = bg_clock_utc_us ();
        return;
    }
    set_deadlines (&a);
    watch_child (&a);
    step_file_take (&a.file, a.child.report_fd);
    step_file_close (&a.file);
    supervisor_describe (&a, arena, result);
    bg_fd_close (&a.child.output_fd);
    bg_fd_close (&a.child.report_fd);
    step_cgroup_remove (&a.cgroup);
    result->finished_us = bg_clock_utc_us ();
}
