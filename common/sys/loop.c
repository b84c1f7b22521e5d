/*  The event loop over sd-event: descriptors, timers, signals, children, deferred work. loop_zmq.c
    has ZeroMQ sockets.

    Not a wrapper of everything sd-event can: only what our programs use, with callbacks that return
    nothing, because sd-event switches a source off in silence when a callback returns an error.
    Deferred work waits in queues of our own: a deferred source of sd-event keeps the age of its
    creation for ever, so one that is armed again and again is always the oldest and starves
    everything else of its priority. Turns alternate between the queue and sd-event.

    Invariants: a callback wrapper never touches its watch after the user's function, which may have
    destroyed it; sd-event itself keeps the source alive while it dispatches it.
*/
#include "common/sys/loop_private.h"

#include "common/base/slice.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>

/*  sd-event takes 0 as its default of a quarter of a second.  */
enum { TIMER_ACCURACY_US = 1 };

struct bg_loop {
    sd_event *event;
    bg_task_queue ready; /*  in turn with the events  */
    bg_task_queue idle;  /*  when there are no events and nothing is ready  */
    bool is_ready_next;
    bool is_stopped;
    int exit_code;
    uint64_t wakeups;
};

struct bg_fd_watch {
    sd_event_source *source;
    bg_fd_fn *fn;
    void *arg;
};

struct bg_timer {
    sd_event_source *source;
    bg_timer_fn *fn;
    void *arg;
    bool is_armed;
};

struct bg_signal_watch {
    sd_event_source *source;
    bg_signal_fn *fn;
    void *arg;
};

struct bg_child_watch {
    sd_event_source *source;
    pid_t pid;
    bg_child_fn *fn;
    void *arg;
};

struct bg_defer {
    bg_task task;
    bg_defer_fn *fn;
    void *arg;
};

bg_result bg_loop_fail (bg_error *err, int rc, const char *what)
{
    errno = -rc;
    return bg_fail_errno (err, BG_IO, "%s", what);
}

/*  For calls that can fail only when we broke their contract.  */
static void must (int rc)
{
    bg_assert (rc >= 0);
}

sd_event *bg_loop_event (bg_loop *self)
{
    return self->event;
}

bg_result bg_loop_create (bg_loop **loop, bg_error *err)
{
    bg_loop *self = bg_alloc (sizeof *self);
    int rc = sd_event_new (&self->event);
    if (rc < 0) {
        free (self);
        return bg_loop_fail (err, rc, "cannot make an event loop");
    }
    *loop = self;
    return bg_ok ();
}

void bg_loop_destroy (bg_loop **self_p)
{
    bg_loop *self = *self_p;
    if (!self)
        return;
    bg_assert (!self->ready.first && !self->idle.first);
    sd_event_unref (self->event);
    free (self);
    *self_p = NULL;
}

static bool run_first (bg_task_queue *queue)
{
    bg_task *task = queue->first;
    if (!task)
        return false;
    bg_task_withdraw (task);
    task->fn (task);
    return true;
}

static bg_result turn (bg_loop *self, int64_t timeout_us, bool *called, bg_error *err)
{
    if (self->is_ready_next && run_first (&self->ready)) {
        self->is_ready_next = false;
        *called = true;
        return bg_ok ();
    }
    self->is_ready_next = true;
    bool has_work = self->ready.first || self->idle.first;
    uint64_t wait_us = timeout_us < 0 ? UINT64_MAX : (uint64_t) timeout_us;
    int rc = sd_event_run (self->event, has_work ? 0 : wait_us);
    if (rc < 0)
        return bg_loop_fail (err, rc, "the event loop failed");
    self->wakeups += rc > 0 && !has_work;
    *called = rc > 0 || run_first (&self->ready) || run_first (&self->idle);
    return bg_ok ();
}

bg_result bg_loop_run (bg_loop *self, int *exit_code, bg_error *err)
{
    bool called;
    while (!self->is_stopped)
        BG_TRY (turn (self, -1, &called, err));
    if (exit_code)
        *exit_code = self->exit_code;
    return bg_ok ();
}

bg_result bg_loop_turn (bg_loop *self, int64_t timeout_us, bool *called, bg_error *err)
{
    bool was_called = false;
    bg_result result = self->is_stopped ? bg_ok () : turn (self, timeout_us, &was_called, err);
    if (called)
        *called = was_called;
    return result;
}

void bg_loop_stop (bg_loop *self, int exit_code)
{
    if (self->is_stopped)
        return;
    self->is_stopped = true;
    self->exit_code = exit_code;
}

bool bg_loop_is_stopped (const bg_loop *self)
{
    return self->is_stopped;
}

uint64_t bg_loop_wakeups (const bg_loop *self)
{
    return self->wakeups;
}

int64_t bg_loop_now_us (bg_loop *self)
{
    uint64_t now = 0;
    must (sd_event_now (self->event, CLOCK_MONOTONIC, &now));
    return (int64_t) now;
}

/*  Descriptors.  */

static uint32_t epoll_of_events (unsigned events)
{
    return (events & BG_FD_READ ? (uint32_t) EPOLLIN : 0) |
           (events & BG_FD_WRITE ? (uint32_t) EPOLLOUT : 0);
}

static int on_fd (sd_event_source *source, int fd, uint32_t revents, void *arg)
{
    (void) source;
    bg_fd_watch *self = arg;
    unsigned events = 0;
    if (revents & EPOLLIN)
        events |= BG_FD_READ;
    if (revents & EPOLLOUT)
        events |= BG_FD_WRITE;
    if (revents & (EPOLLHUP | EPOLLERR))
        events |= BG_FD_HANGUP;
    self->fn (fd, events, self->arg);
    return 0;
}

bg_result bg_fd_watch_create (bg_loop *loop, int fd, unsigned events, bg_fd_fn *fn, void *arg,
    bg_fd_watch **watch, bg_error *err)
{
    bg_fd_watch *self = bg_alloc (sizeof *self);
    self->fn = fn;
    self->arg = arg;
    int rc =
        sd_event_add_io (loop->event, &self->source, fd, epoll_of_events (events), on_fd, self);
    if (rc < 0) {
        free (self);
        return bg_loop_fail (err, rc, "cannot watch a descriptor");
    }
    if (events == 0)
        must (sd_event_source_set_enabled (self->source, SD_EVENT_OFF));
    *watch = self;
    return bg_ok ();
}

void bg_fd_watch_destroy (bg_fd_watch **self_p)
{
    bg_fd_watch *self = *self_p;
    if (!self)
        return;
    sd_event_source_disable_unref (self->source);
    free (self);
    *self_p = NULL;
}

void bg_fd_watch_set (bg_fd_watch *self, unsigned events)
{
    if (events == 0) {
        must (sd_event_source_set_enabled (self->source, SD_EVENT_OFF));
        return;
    }
    must (sd_event_source_set_io_events (self->source, epoll_of_events (events)));
    must (sd_event_source_set_enabled (self->source, SD_EVENT_ON));
}

/*  Timers.  */

static int on_timer (sd_event_source *source, uint64_t usec, void *arg)
{
    (void) source;
    (void) usec;
    bg_timer *self = arg;
    self->is_armed = false;
    self->fn (self->arg);
    return 0;
}

bg_result bg_timer_create (
    bg_loop *loop, bg_timer_fn *fn, void *arg, bg_timer **timer, bg_error *err)
{
    bg_timer *self = bg_alloc (sizeof *self);
    self->fn = fn;
    self->arg = arg;
    int rc = sd_event_add_time (
        loop->event, &self->source, CLOCK_MONOTONIC, UINT64_MAX, TIMER_ACCURACY_US, on_timer, self);
    if (rc < 0) {
        free (self);
        return bg_loop_fail (err, rc, "cannot make a timer");
    }
    must (sd_event_source_set_enabled (self->source, SD_EVENT_OFF));
    *timer = self;
    return bg_ok ();
}

void bg_timer_destroy (bg_timer **self_p)
{
    bg_timer *self = *self_p;
    if (!self)
        return;
    sd_event_source_disable_unref (self->source);
    free (self);
    *self_p = NULL;
}

void bg_timer_arm_at (bg_timer *self, int64_t mono_us)
{
    must (sd_event_source_set_time (self->source, mono_us < 0 ? 0 : (uint64_t) mono_us));
    must (sd_event_source_set_enabled (self->source, SD_EVENT_ONESHOT));
    self->is_armed = true;
}

void bg_timer_arm (bg_timer *self, int64_t delay_us)
{
    struct timespec now;
    bg_assert (clock_gettime (CLOCK_MONOTONIC, &now) == 0);
    int64_t now_us = (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
    if (delay_us < 0)
        delay_us = 0;
    bg_timer_arm_at (self, delay_us > INT64_MAX - now_us ? INT64_MAX : now_us + delay_us);
}

void bg_timer_disarm (bg_timer *self)
{
    must (sd_event_source_set_enabled (self->source, SD_EVENT_OFF));
    self->is_armed = false;
}

bool bg_timer_is_armed (const bg_timer *self)
{
    return self->is_armed;
}

/*  Signals.  */

static int on_signal (sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
    (void) source;
    bg_signal_watch *self = arg;
    self->fn ((int) info->ssi_signo, self->arg);
    return 0;
}

bg_result bg_signal_watch_create (
    bg_loop *loop, int signo, bg_signal_fn *fn, void *arg, bg_signal_watch **watch, bg_error *err)
{
    sigset_t set;
    sigemptyset (&set);
    bg_assert (sigaddset (&set, signo) == 0);
    bg_assert (pthread_sigmask (SIG_BLOCK, &set, NULL) == 0);
    bg_signal_watch *self = bg_alloc (sizeof *self);
    self->fn = fn;
    self->arg = arg;
    int rc = sd_event_add_signal (loop->event, &self->source, signo, on_signal, self);
    if (rc < 0) {
        free (self);
        if (rc == -EBUSY)
            return bg_fail (err, BG_EXISTS, "signal %s is watched already", sigabbrev_np (signo));
        return bg_loop_fail (err, rc, "cannot watch a signal");
    }
    *watch = self;
    return bg_ok ();
}

void bg_signal_watch_destroy (bg_signal_watch **self_p)
{
    bg_signal_watch *self = *self_p;
    if (!self)
        return;
    sd_event_source_disable_unref (self->source);
    free (self);
    *self_p = NULL;
}

/*  Children. The pidfd is watched as a plain descriptor: sd-event's own child source wants SIGCHLD
    blocked, which the programs that we start would inherit.  */

static int on_child (sd_event_source *source, int fd, uint32_t revents, void *arg)
{
    (void) revents;
    bg_child_watch *self = arg;
    siginfo_t info = {0};
    int rc = waitid (P_PIDFD, (id_t) fd, &info, WEXITED | WNOHANG);
    if (rc == 0 && info.si_pid == 0)
        return 0;
    must (sd_event_source_set_enabled (source, SD_EVENT_OFF));
    int exit_code = rc == 0 && info.si_code == CLD_EXITED ? info.si_status : -1;
    int signo = rc == 0 && info.si_code != CLD_EXITED ? info.si_status : 0;
    self->fn (self->pid, exit_code, signo, self->arg);
    return 0;
}

bg_result bg_child_watch_create (bg_loop *loop, pid_t pid, int pidfd, bg_child_fn *fn, void *arg,
    bg_child_watch **watch, bg_error *err)
{
    bg_child_watch *self = bg_alloc (sizeof *self);
    self->pid = pid;
    self->fn = fn;
    self->arg = arg;
    int rc = sd_event_add_io (loop->event, &self->source, pidfd, EPOLLIN, on_child, self);
    if (rc < 0) {
        free (self);
        return bg_loop_fail (err, rc, "cannot watch a child process");
    }
    *watch = self;
    return bg_ok ();
}

void bg_child_watch_destroy (bg_child_watch **self_p)
{
    bg_child_watch *self = *self_p;
    if (!self)
        return;
    sd_event_source_disable_unref (self->source);
    free (self);
    *self_p = NULL;
}

/*  Deferred work.  */

void bg_task_init (bg_task *self, bg_loop *loop, bg_defer_kind kind, bg_task_fn *fn)
{
    *self = (bg_task){.fn = fn, .queue = kind == BG_DEFER_IDLE ? &loop->idle : &loop->ready};
}

void bg_task_queue_up (bg_task *self)
{
    if (self->is_queued)
        return;
    bg_task_queue *queue = self->queue;
    self->is_queued = true;
    self->next = NULL;
    self->previous = queue->last;
    if (queue->last)
        queue->last->next = self;
    else
        queue->first = self;
    queue->last = self;
}

void bg_task_withdraw (bg_task *self)
{
    if (!self->is_queued)
        return;
    bg_task_queue *queue = self->queue;
    self->is_queued = false;
    if (self->previous)
        self->previous->next = self->next;
    else
        queue->first = self->next;
    if (self->next)
        self->next->previous = self->previous;
    else
        queue->last = self->previous;
}

static void on_defer (bg_task *task)
{
    bg_defer *self = (bg_defer *) task;
    self->fn (self->arg);
}

bg_result bg_defer_create (
    bg_loop *loop, bg_defer_kind kind, bg_defer_fn *fn, void *arg, bg_defer **defer, bg_error *err)
{
    (void) err;
    bg_defer *self = bg_alloc (sizeof *self);
    self->fn = fn;
    self->arg = arg;
    bg_task_init (&self->task, loop, kind, on_defer);
    *defer = self;
    return bg_ok ();
}

void bg_defer_destroy (bg_defer **self_p)
{
    bg_defer *self = *self_p;
    if (!self)
        return;
    bg_task_withdraw (&self->task);
    free (self);
    *self_p = NULL;
}

void bg_defer_arm (bg_defer *self)
{
    bg_task_queue_up (&self->task);
}

void bg_defer_disarm (bg_defer *self)
{
    bg_task_withdraw (&self->task);
}
