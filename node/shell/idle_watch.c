/*  The processors, sampled: see idle_watch.h. Ten samples in the time that has to be idle, but no more than one a second
    and no less than two a minute.  */
#include "node/shell/idle_watch.h"

#include "common/base/now.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define STAT_PATH    "/proc/stat"
#define EVERY_MIN_US BG_SEC (1)
#define EVERY_MAX_US BG_SEC (30)

struct node_idle_watch {
    bg_log *log;
    bg_timer *timer;
    node_idle_watch_fn *fn;
    void *arg;
    node_idle idle;
    int64_t every_us;
    bool is_wanted;
};

/*  The first line is all that is wanted of a file that grows with the processors.  */
static bool read_sample (node_cpu_sample *sample)
{
    char line[256];
    int fd = open (STAT_PATH, O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd < 0 ? -1 : read (fd, line, sizeof line);
    bg_fd_close (&fd);
    return size > 0 && node_idle_read (bg_slice_of (line, (size_t) size), sample);
}

static void on_timer (void *arg)
{
    node_idle_watch *self = arg;
    node_cpu_sample sample;
    if (!read_sample (&sample)) {
        bg_log_event (self->log, BG_LOG_ERROR, "idle-unknown", "effect=%s",
            bg_log_cstr (
                "jobs that wait for idle processors do not run: " STAT_PATH " cannot be read")
                .text);
        return;
    }
    bg_timer_arm (self->timer, self->every_us);
    if (node_idle_sample (&self->idle, sample, bg_clock_mono_us ()))
        self->fn (self->arg);
}

bg_result node_idle_watch_create (bg_loop *loop, bg_log *log, uint64_t below, int64_t for_us,
    node_idle_watch_fn *fn, void *arg, node_idle_watch **watch, bg_error *err)
{
    node_idle_watch *self = bg_alloc (sizeof *self);
    self->log = log;
    self->fn = fn;
    self->arg = arg;
    self->idle = (node_idle){.below = below, .for_us = for_us};
    self->every_us = for_us / 10;
    if (self->every_us < EVERY_MIN_US)
        self->every_us = EVERY_MIN_US;
    if (self->every_us > EVERY_MAX_US)
        self->every_us = EVERY_MAX_US;
    *watch = self;
    return bg_timer_create (loop, on_timer, self, &self->timer, err);
}

void node_idle_watch_destroy (node_idle_watch **self_p)
{
    node_idle_watch *self = *self_p;
    if (!self)
        return;
    bg_timer_destroy (&self->timer);
    free (self);
    *self_p = NULL;
}

void node_idle_watch_set (node_idle_watch *self, bool is_wanted)
{
    if (self->is_wanted == is_wanted)
        return;
    self->is_wanted = is_wanted;
    self->idle = (node_idle){.below = self->idle.below, .for_us = self->idle.for_us};
    if (is_wanted)
        bg_timer_arm (self->timer, 0);
    else
        bg_timer_disarm (self->timer);
}
