/*  Message stream: see frames.h. Two byte queues, each a buffer with a start; the used-up front is
   moved away only when room is needed, so a batch costs no copying beside the one into the queue.
 */
#include "common/sys/frames.h"

#include "common/sys/clock.h"
#include "common/sys/file.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_CHUNK ((size_t) 64 * 1024)
#define KEEP_BYTES ((size_t) 256 * 1024) /*  an empty queue gives back more than that  */

typedef struct {
    bg_buf bytes;
    size_t start;
} queue;

struct bg_frames {
    int fd;
    size_t message_bytes;
    size_t queue_bytes;
    queue in, out;
    bool is_at_end;  /*  the other side sends no more  */
    bool is_broken;  /*  a length made no sense, or writing failed  */
    bool has_socket; /*  send() with MSG_NOSIGNAL works; pipes need write()  */
};

static size_t queue_size (const queue *self)
{
    return self->bytes.size - self->start;
}

static const uint8_t *queue_front (const queue *self)
{
    return self->bytes.data + self->start;
}

static void queue_compact (queue *self)
{
    if (self->start == 0)
        return;
    size_t left = queue_size (self);
    if (left > 0)
        memmove (self->bytes.data, queue_front (self), left);
    self->bytes.size = left;
    self->start = 0;
    if (left == 0 && self->bytes.capacity > KEEP_BYTES)
        bg_buf_fini (&self->bytes);
}

bg_frames *bg_frames_create (int fd, size_t message_bytes, size_t queue_bytes)
{
    bg_assert (fd >= 0 && message_bytes > 0 && message_bytes <= UINT32_MAX / 2);
    bg_frames *self = bg_alloc (sizeof *self);
    self->fd = fd;
    self->message_bytes = message_bytes;
    size_t least = message_bytes + BG_FRAMES_HEADER;
    self->queue_bytes = queue_bytes > least ? queue_bytes : least;
    int type = 0;
    socklen_t size = sizeof type;
    self->has_socket = getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
    return self;
}

void bg_frames_destroy (bg_frames **self_p)
{
    bg_frames *self = *self_p;
    if (!self)
        return;
    bg_fd_close (&self->fd);
    bg_buf_fini (&self->in.bytes);
    bg_buf_fini (&self->out.bytes);
    free (self);
    *self_p = NULL;
}

int bg_frames_fd (const bg_frames *self)
{
    return self->fd;
}

static bg_result closed (bg_error *err)
{
    return bg_fail (err, BG_CLOSED, "the other side closed the connection");
}

bg_result bg_frames_send (bg_frames *self, bg_slice payload, bg_error *err)
{
    return bg_frames_send_parts (self, &payload, 1, err);
}

bg_result bg_frames_send_parts (bg_frames *self, const bg_slice *parts, size_t count, bg_error *err)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        /*  Compared part by part, so that the sum cannot wrap.  */
        if (parts[i].size > self->message_bytes - size)
            return bg_fail (
                err, BG_TOO_LARGE, "a message is larger than %zu bytes", self->message_bytes);
        size += parts[i].size;
    }
    if (self->is_broken)
        return closed (err);
    if (queue_size (&self->out) + BG_FRAMES_HEADER + size > self->queue_bytes)
        return bg_fail (err, BG_OVERLOADED, "the other side does not keep up: %zu bytes wait",
            queue_size (&self->out));
    queue_compact (&self->out);
    bg_buf_append_u32 (&self->out.bytes, (uint32_t) size);
    for (size_t i = 0; i < count; i++)
        bg_buf_append_slice (&self->out.bytes, parts[i]);
    return bg_ok ();
}

bg_result bg_frames_flush (bg_frames *self, bg_error *err)
{
    if (self->is_broken)
        return closed (err);
    while (queue_size (&self->out) > 0) {
        const uint8_t *front = queue_front (&self->out);
        size_t size = queue_size (&self->out);
        ssize_t put = self->has_socket ? send (self->fd, front, size, MSG_NOSIGNAL | MSG_DONTWAIT)
                                       : write (self->fd, front, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && (errno == EAGAIN || errno == ENOBUFS))
            return bg_ok ();
        if (put < 0) {
            self->is_broken = true;
            return closed (err);
        }
        self->out.start += (size_t) put;
    }
    queue_compact (&self->out);
    return bg_ok ();
}

bool bg_frames_wants_write (const bg_frames *self)
{
    return !self->is_broken && queue_size (&self->out) > 0;
}

size_t bg_frames_queued (const bg_frames *self)
{
    return queue_size (&self->out);
}

bool bg_frames_has_next (const bg_frames *self)
{
    size_t size = queue_size (&self->in);
    if (self->is_broken || size < BG_FRAMES_HEADER)
        return false;
    return size - BG_FRAMES_HEADER >= bg_read_u32 (queue_front (&self->in));
}

/*  One read. False when there was nothing to read now.  */
static bool fill (bg_frames *self)
{
    queue_compact (&self->in);
    uint8_t *place = bg_buf_reserve (&self->in.bytes, READ_CHUNK);
    ssize_t got;
    do {
        got = read (self->fd, place, READ_CHUNK);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        self->in.bytes.size += (size_t) got;
        return true;
    }
    if (got == 0 || errno != EAGAIN)
        self->is_at_end = true;
    return false;
}

bg_result bg_frames_next (bg_frames *self, bg_slice *payload, bg_error *err)
{
    if (!self->is_broken && !self->is_at_end && !bg_frames_has_next (self))
        (void) fill (self);
    size_t size = queue_size (&self->in);
    if (!self->is_broken && size >= BG_FRAMES_HEADER) {
        uint32_t length = bg_read_u32 (queue_front (&self->in));
        if (length > self->message_bytes) {
            self->is_broken = true;
            return bg_fail (err, BG_TOO_LARGE, "a message of %u bytes came, %zu are allowed",
                length, self->message_bytes);
        }
        if (size - BG_FRAMES_HEADER >= length) {
            *payload = bg_slice_of (queue_front (&self->in) + BG_FRAMES_HEADER, length);
            self->in.start += BG_FRAMES_HEADER + length;
            return bg_ok ();
        }
    }
    if (self->is_broken)
        return closed (err);
    if (!self->is_at_end)
        return bg_fail (err, BG_AGAIN, "no whole message is there yet");
    self->is_broken = true;
    if (size > 0)
        return bg_fail (err, BG_MALFORMED, "the connection ended in the middle of a message");
    return closed (err);
}

/*  Milliseconds left until the deadline; -1 for ever.  */
static int left_ms (int64_t timeout_ms, int64_t deadline_us)
{
    if (timeout_ms < 0)
        return -1;
    int64_t left = (deadline_us - bg_clock_mono_us () + 999) / 1000;
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int) left;
}

static bg_result wait_for (bg_frames *self, short events, int wait_ms, bg_error *err)
{
    struct pollfd item = {.fd = self->fd, .events = events};
    int ready = poll (&item, 1, wait_ms);
    if (ready < 0 && errno != EINTR)
        return bg_fail_errno (err, BG_IO, "cannot wait for a connection");
    if (ready == 0 && wait_ms == 0)
        return bg_fail (err, BG_TIMEOUT, "the other side did not answer in time");
    return bg_ok ();
}

bg_result bg_frames_flush_wait (bg_frames *self, int64_t timeout_ms, bg_error *err)
{
    int64_t deadline_us = bg_clock_mono_us () + timeout_ms * 1000;
    for (;;) {
        BG_TRY (bg_frames_flush (self, err));
        if (!bg_frames_wants_write (self))
            return bg_ok ();
        BG_TRY (wait_for (self, POLLOUT, left_ms (timeout_ms, deadline_us), err));
    }
}

bg_result bg_frames_next_wait (
    bg_frames *self, int64_t timeout_ms, bg_slice *payload, bg_error *err)
{
    int64_t deadline_us = bg_clock_mono_us () + timeout_ms * 1000;
    for (;;) {
        bg_result result = bg_frames_next (self, payload, err);
        if (result.code != BG_AGAIN)
            return result;
        BG_TRY (wait_for (self, POLLIN, left_ms (timeout_ms, deadline_us), err));
    }
}
