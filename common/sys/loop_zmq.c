/*  ZeroMQ sockets on the event loop. loop.h tells why ZMQ_FD alone is not enough.

    Two ways lead to a socket: the descriptor, which says that libzmq has something to tell us, and
    a task in the loop's queue that asks ZMQ_EVENTS without a wake-up. A dispatch that ends with
    messages left queues the task, so a socket rests only after ZMQ_EVENTS or a receive said that it
    is empty.

    The descriptor is watched for edges. Asking ZMQ_EVENTS empties it, and whatever libzmq has to tell
    after that writes to it again, which is a new edge. Watched for its level, every socket whose turn
    has not come yet would be reported by the kernel in every turn of the loop: with thousands of
    ready sockets and one dispatch a turn that was two fifths of all work.
*/
#include "common/sys/loop_private.h"

#include "common/base/slice.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <zmq.h>

struct bg_zmq_watch {
    bg_task check;
    sd_event_source *edge;
    void *socket;
    bg_zmq_readable_fn *fn;
    void *arg;
    bool is_paused;
    bool *is_gone; /*  set while dispatching: tells the dispatcher that the watch was destroyed  */
};

/*  Also takes in libzmq's pending commands and so resets the descriptor.  */
static bool has_message (void *socket)
{
    int events = 0;
    size_t size = sizeof events;
    if (zmq_getsockopt (socket, ZMQ_EVENTS, &events, &size) != 0)
        return false;
    return (events & ZMQ_POLLIN) != 0;
}

static void dispatch (bg_zmq_watch *self)
{
    if (self->is_paused || !has_message (self->socket))
        return;
    bool is_gone = false;
    self->is_gone = &is_gone;
    for (unsigned i = 0; i < BG_ZMQ_WATCH_BATCH; i++) {
        bool had_one = self->fn (self->arg);
        if (is_gone)
            return;
        if (!had_one) {
            /*  A receive that finds nothing has emptied the descriptor: what comes now is an edge.  */
            self->is_gone = NULL;
            return;
        }
        if (self->is_paused)
            break;
    }
    self->is_gone = NULL;
    bg_zmq_watch_touch (self);
}

static int on_edge (sd_event_source *source, int fd, uint32_t revents, void *arg)
{
    (void) source;
    (void) fd;
    (void) revents;
    dispatch (arg);
    return 0;
}

static void on_check (bg_task *task)
{
    dispatch ((bg_zmq_watch *) task);
}

bg_result bg_zmq_watch_create (bg_loop *loop, void *socket, bg_zmq_readable_fn *fn, void *arg,
    bg_zmq_watch **watch, bg_error *err)
{
    int fd = -1;
    size_t size = sizeof fd;
    if (zmq_getsockopt (socket, ZMQ_FD, &fd, &size) != 0)
        return bg_fail (
            err, BG_IO, "cannot watch a ZeroMQ socket: %s", zmq_strerror (zmq_errno ()));
    bg_zmq_watch *self = bg_alloc (sizeof *self);
    self->socket = socket;
    self->fn = fn;
    self->arg = arg;
    bg_task_init (&self->check, loop, BG_DEFER_NEXT, on_check);
    int rc =
        sd_event_add_io (bg_loop_event (loop), &self->edge, fd, EPOLLIN | EPOLLET, on_edge, self);
    if (rc < 0) {
        free (self);
        return bg_loop_fail (err, rc, "cannot watch a ZeroMQ socket");
    }
    /*  What came before the watch has used up its edge.  */
    bg_zmq_watch_touch (self);
    *watch = self;
    return bg_ok ();
}

void bg_zmq_watch_destroy (bg_zmq_watch **self_p)
{
    bg_zmq_watch *self = *self_p;
    if (!self)
        return;
    bg_task_withdraw (&self->check);
    sd_event_source_disable_unref (self->edge);
    if (self->is_gone)
        *self->is_gone = true;
    free (self);
    *self_p = NULL;
}

void bg_zmq_watch_touch (bg_zmq_watch *self)
{
    bg_task_queue_up (&self->check);
}

void bg_zmq_watch_pause (bg_zmq_watch *self, bool is_paused)
{
    if (self->is_paused == is_paused)
        return;
    self->is_paused = is_paused;
    /*  Senders that go on while nobody reads must not wake anybody.  */
    bg_assert (
        sd_event_source_set_enabled (self->edge, is_paused ? SD_EVENT_OFF : SD_EVENT_ON) >= 0);
    if (!is_paused)
        bg_zmq_watch_touch (self);
}
