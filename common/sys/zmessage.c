/*  Received messages: taking the frames off a socket, and finding out who and which connection they
    came from.

    Not here: what the frames mean, and whether the User-Id is to be believed (zap.c). Invariant:
    exactly frames[0 .. count-1], and routing_id when has_routing_id, are initialised libzmq
    messages.
*/
#include "common/sys/zmessage.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <zmq.h>

void bg_zmessage_fini (bg_zmessage *self)
{
    if (self->has_routing_id)
        zmq_msg_close (&self->routing_id);
    for (size_t i = 0; i < self->count; i++)
        zmq_msg_close (&self->frames[i]);
    self->has_routing_id = false;
    self->count = 0;
}

/*  False with errno set.  */
static bool take_frame (zmq_msg_t *frame, void *socket)
{
    zmq_msg_init (frame);
    int rc;
    do {
        rc = zmq_msg_recv (frame, socket, ZMQ_DONTWAIT);
    } while (rc == -1 && errno == EINTR);
    if (rc >= 0)
        return true;
    int saved = errno;
    zmq_msg_close (frame);
    errno = saved;
    return false;
}

static bg_result receive_failed (bg_error *err)
{
    if (errno == EAGAIN)
        return (bg_result){BG_AGAIN};
    return bg_fail (err, BG_IO, "cannot receive from a ZeroMQ socket: %s", zmq_strerror (errno));
}

bg_result bg_zmessage_receive (
    bg_zmessage *self, void *socket, bool is_router, size_t frames_max, bg_error *err)
{
    bg_assert (frames_max >= 1 && frames_max <= BG_ZMESSAGE_FRAMES_MAX);
    bg_zmessage_fini (self);
    bool has_more = true;
    if (is_router) {
        if (!take_frame (&self->routing_id, socket))
            return receive_failed (err);
        self->has_routing_id = true;
        has_more = zmq_msg_more (&self->routing_id) != 0;
    }
    size_t surplus = 0;
    while (has_more) {
        zmq_msg_t frame;
        if (!take_frame (&frame, socket))
            return receive_failed (err);
        has_more = zmq_msg_more (&frame) != 0;
        if (self->count < frames_max) {
            zmq_msg_t *slot = &self->frames[self->count++];
            zmq_msg_init (slot);
            zmq_msg_move (slot, &frame);
        } else
            surplus++;
        zmq_msg_close (&frame);
    }
    if (surplus)
        return bg_fail (err, BG_TOO_LARGE, "a message of %zu frames where at most %zu are allowed",
            frames_max + surplus, frames_max);
    return bg_ok ();
}

/*  libzmq's accessors take their argument without const.  */
static bg_slice slice_of_frame (const zmq_msg_t *frame)
{
    zmq_msg_t *writable = (zmq_msg_t *) (uintptr_t) frame;
    return bg_slice_of (zmq_msg_data (writable), zmq_msg_size (frame));
}

bg_slice bg_zmessage_frame (const bg_zmessage *self, size_t index)
{
    bg_assert (index < self->count);
    return slice_of_frame (&self->frames[index]);
}

bg_slice bg_zmessage_routing_id (const bg_zmessage *self)
{
    return self->has_routing_id ? slice_of_frame (&self->routing_id) : (bg_slice){0};
}

/*  From the payload: libzmq 4.3.4 loses the properties on the routing id frame.  */
static const char *property (const bg_zmessage *self, const char *name)
{
    return self->count ? zmq_msg_gets (&self->frames[0], name) : NULL;
}

const char *bg_zmessage_user_id (const bg_zmessage *self)
{
    return property (self, "User-Id");
}

bg_slice bg_zmessage_plain_address (bg_slice address)
{
    static const char prefix[] = "::ffff:";
    size_t skip = sizeof prefix - 1;
    bool is_mapped = address.size > skip && memcmp (address.data, prefix, skip) == 0 &&
                     memchr (address.data, '.', address.size);
    return is_mapped ? bg_slice_of (address.data + skip, address.size - skip) : address;
}

bg_slice bg_zmessage_peer_address (const bg_zmessage *self)
{
    return bg_zmessage_plain_address (bg_slice_str (property (self, "Peer-Address")));
}

/*  0: not a socket, or closed.  */
static uint64_t socket_inode (int fd)
{
    struct stat status;
    if (fd < 0 || fstat (fd, &status) != 0 || !S_ISSOCK (status.st_mode))
        return 0;
    return (uint64_t) status.st_ino;
}

bool bg_zmessage_peer (const bg_zmessage *self, bg_zpeer *peer)
{
    if (!self->count)
        return false;
    int fd = zmq_msg_get (&self->frames[0], ZMQ_SRCFD);
    uint64_t inode = socket_inode (fd);
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (!inode || getpeername (fd, (struct sockaddr *) &address, &size) != 0)
        return false;
    if (address.ss_family != AF_UNIX) {
        /*  The message may have waited in a queue while its connection ended and the number went to
            another one.  */
        const char *expected = property (self, "Peer-Address");
        char text[NI_MAXHOST];
        if (!expected ||
            getnameinfo ((struct sockaddr *) &address, size, text, sizeof text, NULL, 0,
                NI_NUMERICHOST) != 0 ||
            strcmp (expected, text) != 0)
            return false;
    }
    *peer = (bg_zpeer){.fd = fd, .inode = inode};
    return true;
}

bg_result bg_zpeer_cut (const bg_zpeer *self, bg_error *err)
{
    if (!self->inode || socket_inode (self->fd) != self->inode)
        return bg_fail (err, BG_NOT_FOUND, "the connection no longer exists");
    if (shutdown (self->fd, SHUT_RDWR) != 0)
        return bg_fail_errno (
            err, errno == ENOTCONN ? BG_NOT_FOUND : BG_IO, "cannot cut a connection");
    return bg_ok ();
}
