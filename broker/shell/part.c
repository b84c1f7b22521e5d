/*  A running part: see part.h.  */
#include "broker/shell/part.h"

#include "common/base/now.h"
#include "common/sys/lock.h"
#include "common/sys/memory.h"
#include "common/sys/notify.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOCK_WAIT_US BG_SEC (2)
#define SETTLED_US   BG_SEC (5)

struct broker_part {
    const broker_part_options *options;
    bg_loop *loop;
    bg_log *log;
    bg_lock *lock;
    bg_signal_watch *term;
    bg_signal_watch *interrupt;
    bg_timer *settled;
    bool is_ready;
};

static void on_signal (int signo, void *arg)
{
    broker_part *self = arg;
    bg_log_event (self->log, BG_LOG_INFO, "ending", "signal=%d", signo);
    bg_loop_stop (self->loop, 0);
}

/*  What starting and the first connections touched is not needed again.  */
static void on_settled (void *arg)
{
    (void) arg;
    bg_memory_give_back ();
}

/*  The parts of a keeper that was killed are only just ending when a new one starts.  */
static bg_result take_lock (broker_part *self, bg_error *err)
{
    char file[32], program[48];
    snprintf (file, sizeof file, "%s.lock", self->options->name);
    snprintf (program, sizeof program, "bugle-broker-%s", self->options->name);
    bool is_front = strcmp (self->options->name, "front") == 0;
    const bg_home *home = &self->options->home->home;
    BG_TRY (bg_home_ensure (home, is_front ? BG_HOME_FRONT : BG_HOME_BROKER, err));
    BG_TRY (bg_home_ensure (home, is_front ? BG_HOME_RUN_FRONT : BG_HOME_RUN_CORE, err));
    BG_AUTO_CHAR path = bg_home_path (home, is_front ? BG_HOME_FRONT : BG_HOME_BROKER, file);
    int64_t wait_us = self->options->is_kept ? LOCK_WAIT_US : 0;
    return bg_lock_await (path, program, wait_us, &self->lock, err);
}

static bg_result start (broker_part *self, bg_error *err)
{
    BG_TRY (take_lock (self, err));
    BG_TRY (bg_loop_create (&self->loop, err));
    BG_TRY (bg_signal_watch_create (self->loop, SIGTERM, on_signal, self, &self->term, err));
    BG_TRY (bg_timer_create (self->loop, on_settled, self, &self->settled, err));
    return bg_signal_watch_create (self->loop, SIGINT, on_signal, self, &self->interrupt, err);
}

bg_result broker_part_create (const broker_part_options *options, broker_part **part, bg_error *err)
{
    broker_part *self = bg_alloc (sizeof *self);
    self->options = options;
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
    bg_timer_destroy (&self->settled);
    bg_signal_watch_destroy (&self->term);
    bg_signal_watch_destroy (&self->interrupt);
    bg_loop_destroy (&self->loop);
    bg_log_destroy (&self->log);
    bg_lock_release (&self->lock);
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
    /*  The keeper says it for both.  */
    if (!self->options->is_kept)
        bg_log_event (self->log, BG_LOG_NOTICE, "ready", "%s", text);
    (void) bg_notify ("READY=1");
    bg_timer_arm (self->settled, SETTLED_US);
}
