/*  Alarms by the wall clock: see loop.h. A timerfd of CLOCK_REALTIME with an absolute time and TFD_TIMER_CANCEL_ON_SET.

    Not sd-event's own source for that clock: it is not told when the clock is set, so whoever waits for a time of the
    wall would have to look at the clock again and again. The kernel says it by ECANCELED, from read() or, when the clock
    was set just before, from timerfd_settime() itself: then the timer is made due at once, so that the owner hears of it
    in the callback and nowhere else.  */
#include "common/sys/loop_private.h"

#include "common/sys/file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

/*  In the year 2255: the kernel counts nanoseconds in 63 bits. The clock may be set before then all the same.  */
#define NEVER_S INT64_C (9000000000)

struct bg_alarm {
    int fd;
    bg_fd_watch *watch;
    bg_alarm_fn *fn;
    void *arg;
    int64_t at_us;
    bool was_set; /*  the clock, and the owner was not told yet  */
};

static int set_time (bg_alarm *self, int64_t at_us)
{
    /*  Zero would disarm.  */
    const int64_t from_us = at_us > 0 ? at_us : 1;
    struct itimerspec spec = {
        .it_value = {.tv_sec = from_us / 1000000, .tv_nsec = from_us % 1000000 * 1000}};
    if (spec.it_value.tv_sec > NEVER_S)
        spec.it_value = (struct timespec){.tv_sec = NEVER_S};
    return timerfd_settime (self->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, NULL);
}

static void arm (bg_alarm *self)
{
    for (int tries = 0; set_time (self, self->was_set ? 0 : self->at_us) != 0; tries++) {
        bg_assert (errno == ECANCELED && tries < 100);
        self->was_set = true;
    }
}

static void on_readable (int fd, unsigned events, void *arg)
{
    (void) events;
    bg_alarm *self = arg;
    uint64_t count = 0;
    const ssize_t size = read (fd, &count, sizeof count);
    if (size < 0 && errno != ECANCELED)
        return; /*  armed anew since it was due  */
    const bool was_set = self->was_set || size < 0;
    self->was_set = false;
    self->at_us = INT64_MAX;
    arm (self);
    self->fn (was_set, self->arg);
}

bg_result bg_alarm_create (
    bg_loop *loop, bg_alarm_fn *fn, void *arg, bg_alarm **alarm, bg_error *err)
{
    bg_alarm *self = bg_alloc (sizeof *self);
    self->fn = fn;
    self->arg = arg;
    self->at_us = INT64_MAX;
    self->fd = timerfd_create (CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (self->fd < 0) {
        free (self);
        return bg_fail_errno (err, BG_IO, "cannot make an alarm by the wall clock");
    }
    bg_result made =
        bg_fd_watch_create (loop, self->fd, BG_FD_READ, on_readable, self, &self->watch, err);
    if (bg_failed (made)) {
        bg_fd_close (&self->fd);
        free (self);
        return made;
    }
    arm (self);
    *alarm = self;
    return bg_ok ();
}

void bg_alarm_destroy (bg_alarm **self_p)
{
    bg_alarm *self = *self_p;
    if (!self)
        return;
    bg_fd_watch_destroy (&self->watch);
    bg_fd_close (&self->fd);
    free (self);
    *self_p = NULL;
}

void bg_alarm_arm_at (bg_alarm *self, int64_t utc_us)
{
    if (self->at_us == utc_us)
        return;
    self->at_us = utc_us;
    arm (self);
}
