/*  The monitor of a client socket. Not for listening sockets (zlink.h says why).

    Invariant: the monitor is stopped before its reader closes, because libzmq waits for a reader
    that is gone.
*/
#include "common/sys/zlink.h"

#include "common/base/slice.h"

#include <czmq.h>
#include <sodium.h>

enum {
    WATCHED_EVENTS = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                     ZMQ_EVENT_DISCONNECTED,
};

struct bg_zlink {
    void *watched;
    zsock_t *reader;
};

/*  libzmq's events are bits; this is what each means to a client. A handshake that ended without a
    detail is a connection that went away, and libzmq tries again.  */
static const struct {
    uint16_t event;
    bg_link_state state;
} meanings[] = {
    {ZMQ_EVENT_HANDSHAKE_SUCCEEDED, BG_LINK_UP},
    {ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, BG_LINK_REFUSED},
    {ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, BG_LINK_MISMATCH},
    {ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, BG_LINK_DOWN},
    {ZMQ_EVENT_DISCONNECTED, BG_LINK_DOWN},
};

bg_result bg_zlink_create (void *socket, bg_zlink **link, bg_error *err)
{
    char address[64];
    snprintf (address, sizeof address, "inproc://bg-link-%08x%08x", randombytes_random (),
        randombytes_random ());
    if (zmq_socket_monitor (socket, address, WATCHED_EVENTS) != 0)
        return bg_fail (err, BG_IO, "cannot follow a connection: %s", zmq_strerror (zmq_errno ()));
    bg_zlink *self = bg_alloc (sizeof *self);
    self->watched = socket;
    self->reader = zsock_new (ZMQ_PAIR);
    /*  No limit: a full queue here would stop libzmq's I/O thread.  */
    if (self->reader)
        zsock_set_rcvhwm (self->reader, 0);
    if (!self->reader || zmq_connect (zsock_resolve (self->reader), address) != 0) {
        bg_fail (err, BG_IO, "cannot follow a connection: %s", zmq_strerror (zmq_errno ()));
        bg_zlink_destroy (&self);
        return (bg_result){BG_IO};
    }
    *link = self;
    return bg_ok ();
}

void bg_zlink_destroy (bg_zlink **self_p)
{
    bg_zlink *self = *self_p;
    if (!self)
        return;
    zmq_socket_monitor (self->watched, NULL, 0);
    zsock_destroy (&self->reader);
    free (self);
    *self_p = NULL;
}

/*  One monitor message: event (16 bits) and value (32 bits) in host order, then the endpoint.  */
static bool take_event (void *reader, uint16_t *event)
{
    uint8_t head[6];
    int size = zmq_recv (reader, head, sizeof head, ZMQ_DONTWAIT);
    if (size < 0)
        return false;
    bg_assert (size == (int) sizeof head);
    memcpy (event, head, sizeof *event);
    char endpoint;
    zmq_recv (reader, &endpoint, sizeof endpoint, ZMQ_DONTWAIT);
    return true;
}

bool bg_zlink_next (bg_zlink *self, bg_link_state *state)
{
    uint16_t event;
    while (take_event (zsock_resolve (self->reader), &event)) {
        for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
            if (meanings[i].event == event) {
                *state = meanings[i].state;
                return true;
            }
        }
    }
    return false;
}

void *bg_zlink_socket (bg_zlink *self)
{
    return zsock_resolve (self->reader);
}

const char *bg_link_word (bg_link_state state)
{
    switch (state) {
    case BG_LINK_UP:
        return "up";
    case BG_LINK_DOWN:
        return "down";
    case BG_LINK_REFUSED:
        return "refused";
    case BG_LINK_MISMATCH:
        return "mismatch";
    }
    return "unknown";
}
