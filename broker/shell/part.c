/*  A running part: see part.h.  */
#include "broker/shell/part.h"

#include "common/sys/clock.h"
#include "common/sys/lock.h"
#include "common/sys/notify.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LOCK_WAIT_US  INT64_C (2000000)
#define LOCK_RETRY_NS 20000000

struct broker_part {
    const broker_part_options *options;
    bg_loop *loop;
    bg_log *log;
    bg_lock *lock;
    bg_signal_watch *term;
    bg_signal_watch *interrupt;
    bg_fd_watch *parent;
    int parent_fd;
    bool is_ready;
};

static void on_signal (int signo, void *arg)
{
    broker_part *self = arg;
    bg_log_event (self->log, BG_LOG_INFO, "ending", "signal=%d", signo);
    bg_loop_stop (self->loop, 0);
}

static void on_parent (int fd, unsigned events, void *arg)
{
    broker_part *self = arg;
    char byte;
    if (!(events & BG_FD_HANGUP) && read (fd, &byte, 1) > 0)
        return;
    bg_fd_watch_set (self->parent, 0);
    bg_log_event (self->log, BG_LOG_INFO, "ending", "cause=parent-gone");
    bg_loop_stop (self->loop, 0);
}

/*  The parts of a parent that was killed are only just ending when a new parent starts.  */
static bg_result take_lock (broker_part *self, bg_error *err)
{
    char file[32], program[48];
    snprintf (file, sizeof file, "%s.lock", self->options->name);
    snprintf (program, sizeof program, "bugle-broker-%s", self->options->name);
    BG_AUTO_CHAR path = broker_home_state_path (self->options->home, file);
    int64_t until = self->parent_fd >= 0 ? bg_clock_mono_us () + LOCK_WAIT_US : 0;
    for (;;) {
        bg_result result = bg_lock_take (path, program, &self->lock, err);
        if (result.code != BG_BUSY || bg_clock_mono_us () >= until)
            return result;
        nanosleep (&(struct timespec){.tv_nsec = LOCK_RETRY_NS}, NULL);
    }
}

static bg_result start (broker_part *self, bg_error *err)
{
    BG_TRY (take_lock (self, err));
    BG_TRY (bg_loop_create (&self->loop, err));
    BG_TRY (bg_signal_watch_create (self->loop, SIGTERM, on_signal, self, &self->term, err));
    BG_TRY (bg_signal_watch_create (self->loop, SIGINT, on_signal, self, &self->interrupt, err));
    if (self->parent_fd < 0)
        return bg_ok ();
    return bg_fd_watch_create (
        self->loop, self->parent_fd, BG_FD_READ, on_parent, self, &self->parent, err);
}

bg_result broker_part_create (const broker_part_options *options, broker_part **part, bg_error *err)
{
    broker_part *self = bg_alloc (sizeof *self);
    self->options = options;
    self->parent_fd = options->parent_fd;
    self->log = bg_log_create (options->name, STDERR_FILENO, options->log_format);
    bg_log_set_level (self->log, options->log_level);
    (void) signal (SIGPIPE, SIG_IGN);
    bg_result result = start (self, err);
    if (bg_failed (result)) {
        broker_part_destroy (&self);
        return result;
    }
    *part = self;
    return bg_ok ();
}

void broker_part_destroy (broker_part **self_p)
{
    broker_part *self = *self_p;
    if (!self)
        return;
    bg_fd_watch_destroy (&self->parent);
    bg_signal_watch_destroy (&self->term);
    bg_signal_watch_destroy (&self->interrupt);
    bg_loop_destroy (&self->loop);
    bg_log_destroy (&self->log);
    bg_lock_release (&self->lock);
    if (self->parent_fd >= 0)
        close (self->parent_fd);
    free (self);
    *self_p = NULL;
}

bg_loop *broker_part_loop (broker_part *self)
{
    return self->loop;
}

bg_log *broker_part_log (broker_part *self)
{
    return self->log;
}

void broker_part_ready (broker_part *self, const char *text)
{
    if (self->is_ready)
        return;
    self->is_ready = true;
    if (self->parent_fd >= 0) {
        /*  A parent that is gone is noticed by the watch.  */
        (void) !write (self->parent_fd, "r", 1);
        return;
    }
    bg_log_event (self->log, BG_LOG_NOTICE, "ready", "%s", text);
    (void) bg_notify ("READY=1");
}
