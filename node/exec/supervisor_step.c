/*  One attempt of a step: from the start of its process until nothing of it is left.

        running --timeout, STOP, end of the run's time--> ending --grace--> killing --> over
           |                                                 ^
           +--- the process ended, others are left ----------+

    ending: TERM went to the process group. killing: KILL goes to the group and to every process
    that was left to us, again and again until there is none. When the step's own process ends
    first, what it left behind is ended in the same way: a run that is over leaves no process.
*/
#include "common/sys/clock.h"
#include "node/exec/supervisor_private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_AGAIN_US   BG_MS (20)
#define KILL_GIVE_UP_US BG_SEC (30) /*  a process stuck in the kernel cannot be ended by anybody  */
#define READ_CHUNK      65536
#define KEEP_AFTER_US   BG_MS (300) /*  short steps leave no file: all they said is in the report  */

typedef enum { PHASE_RUNNING, PHASE_ENDING, PHASE_KILLING } phase;

typedef struct {
    supervisor *owner;
    const wire_plan_step *step;
    step_child child;
    phase at;
    bool has_ended; /*  the step's own process  */
    bool is_empty;  /*  no child of any kind  */
    int status;     /*  of the step's own process  */
    bool timed_out;
    size_t left_behind;
    int64_t timeout_at_us;
    int64_t phase_until_us;
    int64_t keep_at_us; /*  from then on output goes into its file at once  */
} attempt;

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

static void reap (attempt *self)
{
    for (;;) {
        int status = 0;
        pid_t pid = waitpid (-1, &status, WNOHANG);
        if (pid == 0)
            return;
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0) {
            self->is_empty = true;
            return;
        }
        if (pid == self->child.pid) {
            self->has_ended = true;
            self->status = status;
        }
    }
}

/*  To the whole group while its leader, and with it the group's number, is still ours; after
    that to what was left.  */
static void signal_all (attempt *self, int signal_number, bool adopted_too)
{
    if (!self->has_ended)
        (void) kill (-self->child.pid, signal_number);
    if (self->has_ended || adopted_too)
        (void) step_children_kill (signal_number);
}

static void begin_ending (attempt *self, int64_t now_us)
{
    signal_all (self, SIGTERM, false);
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
        step_output_add (&self->owner->output, bg_slice_of (chunk, (size_t) got));
        sum += (size_t) got;
    }
}

/*  ---- the attempt ----  */

static void look_at_phase (attempt *self, int64_t now_us)
{
    supervisor *owner = self->owner;
    switch (self->at) {
    case PHASE_RUNNING:
        if (self->has_ended) {
            self->left_behind = step_children_kill (0);
            begin_ending (self, now_us);
        } else if (owner->end != END_NONE) {
            self->timed_out = owner->end == END_TIME;
            begin_ending (self, now_us);
        } else if (now_us >= self->timeout_at_us) {
            self->timed_out = true;
            begin_ending (self, now_us);
        }
        break;
    case PHASE_ENDING:
        if (now_us < self->phase_until_us)
            break;
        self->at = PHASE_KILLING;
        self->phase_until_us = now_us + KILL_GIVE_UP_US;
        signal_all (self, SIGKILL, true);
        break;
    case PHASE_KILLING:
        signal_all (self, SIGKILL, true);
        break;
    }
}

static int64_t next_deadline (const attempt *self, int64_t now_us)
{
    int64_t due_us = self->at == PHASE_RUNNING  ? self->timeout_at_us
                     : self->at == PHASE_ENDING ? self->phase_until_us
                                                : now_us + KILL_AGAIN_US;
    bool is_loose = step_output_is_loose (&self->owner->output);
    return is_loose && self->keep_at_us < due_us ? self->keep_at_us : due_us;
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
    read_output (self, SIZE_MAX);
}

static void describe (const attempt *self, bg_arena *arena, wire_step_result *result)
{
    bool ended_early =
        self->owner->end != END_NONE && self->at != PHASE_RUNNING && self->left_behind == 0;
    result->timed_out = self->timed_out;
    if (self->has_ended && WIFSIGNALED (self->status))
        result->signal = (uint64_t) WTERMSIG (self->status);
    else if (self->has_ended)
        result->exit_code = WEXITSTATUS (self->status);
    bool is_good = self->has_ended && WIFEXITED (self->status) && WEXITSTATUS (self->status) == 0;
    result->state = is_good && !self->timed_out ? WIRE_RESULT_SUCCEEDED : WIRE_RESULT_FAILED;
    if (ended_early && self->owner->end == END_STOP)
        result->state = WIRE_RESULT_CANCELED;
    if (ended_early && self->owner->end == END_SIGNAL)
        result->state = WIRE_RESULT_INTERRUPTED;
    if (!self->has_ended)
        result->message = bg_slice_str ("the process cannot be ended, not even by KILL");
    else if (self->left_behind)
        result->message = bg_arena_printf (arena, "%zu process%s left running by the step %s ended",
            self->left_behind, self->left_behind == 1 ? "" : "es",
            self->left_behind == 1 ? "was" : "were");
}

void supervisor_attempt (
    supervisor *self, const wire_plan_step *step, bg_arena *arena, wire_step_result *result)
{
    attempt a = {.owner = self, .step = step, .timeout_at_us = INT64_MAX};
    bg_error err = {0};
    step_output_reset (&self->output, (size_t) result->step);
    bg_result started = step_child_start (self->plan, step, &a.child, &err);
    if (bg_failed (started)) {
        result->state = WIRE_RESULT_FAILED;
        result->exit_code = started.code == BG_NOT_FOUND ? 127 : 126; /*  as a shell would say  */
        result->message =
            wire_fit_text (bg_arena_copy (arena, bg_slice_str (err.message)), 512, true, arena);
        result->finished_us = bg_clock_utc_us ();
        return;
    }
    if (step->timeout_us && step->timeout_us < INT64_MAX / 2)
        a.timeout_at_us = bg_clock_mono_us () + (int64_t) step->timeout_us;
    a.keep_at_us = bg_clock_mono_us () + KEEP_AFTER_US;
    watch_child (&a);
    if (a.child.output_fd >= 0)
        (void) close (a.child.output_fd);
    describe (&a, arena, result);
    result->finished_us = bg_clock_utc_us ();
}
