/*  The client side: a share of the targets, each with a DEALER and a SUB of its own (or all on one socket of each kind),
    one thread with epoll over the sockets' descriptors.

    Not here: what a node does with a message; here it is counted, or answered with another.

    Invariants: a socket's descriptor is edge-triggered and any call on the socket may eat the edge, so after each call
    it is read until nothing is there. Samples belong to the order that is going on.  */
#include "tests/load/bare/bare.h"

#include "common/sys/clock.h"
#include "common/sys/zcontext.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512, ORDERS_TAG = 0xffffffff, PACE_MS = 1 };

typedef struct {
    const bare_options *options;
    bare_board *board;
    uint32_t first, count;
    int orders;
    int epoll;
    bg_zsocket **sockets; /*  BARE_SOCKETS a target; with shared sockets one target's  */
    uint32_t holders;     /*  targets with sockets of their own, or 1  */
    bare_order order;
    bare_answer state;
    bool is_busy, is_over;
    uint64_t sent;
    int64_t paced_us; /*  when ingest at a rate began  */
    uint8_t *space;
} client;

static bg_zsocket *socket_of (client *self, uint32_t holder, bare_socket which)
{
    return self->sockets[(size_t) holder * BARE_SOCKETS + which];
}

/*  ---- opening ----  */

static bg_result open_socket (
    client *self, uint32_t holder, bare_socket which, const bg_key keys[2], bg_error *err)
{
    static const char *const names[BARE_SOCKETS] = {"desk", "orders"};
    bg_zsocket_options how =
        bg_zsocket_defaults (which == BARE_DESK ? ZMQ_DEALER : ZMQ_SUB, names[which]);
    bg_zsocket **socket = &self->sockets[(size_t) holder * BARE_SOCKETS + which];
    how.own_public = &keys[0];
    how.own_secret = &keys[1];
    how.server_public = &self->board->server_public;
    how.heartbeat_ms = 0; /*  as bugle-swarm: thousands of them in one thread  */
    BG_TRY (bg_zsocket_create (&how, socket, err));
    if (which == BARE_ORDERS)
        BG_TRY (bg_zsocket_subscribe (*socket, bg_slice_str ("bugle-bare"), err));
    int fd;
    size_t size = sizeof fd;
    if (zmq_getsockopt (bg_zsocket_raw (*socket), ZMQ_FD, &fd, &size) != 0)
        return bg_fail (err, BG_IO, "cannot ask a socket for its descriptor");
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLET, .data.u32 = holder * BARE_SOCKETS + (uint32_t) which};
    if (epoll_ctl (self->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        return bg_fail_errno (err, BG_IO, "cannot watch a socket");
    return bg_ok ();
}

/*  libzmq takes a second connection to the same place only from another address of ours, and takes the keys that are
    set at that moment.  */
static bg_result connect_shared (client *self, bare_socket which, uint32_t target, bg_error *err)
{
    bg_key keys[2];
    bare_target_key (target, &keys[0], &keys[1]);
    void *raw = bg_zsocket_raw (socket_of (self, 0, which));
    char endpoint[BG_ENDPOINT_MAX + 40];
    unsigned number = target + 2;
    snprintf (endpoint, sizeof endpoint, "tcp://127.%u.%u.%u:0;%s", number >> 16 & 0x7f,
        number >> 8 & 0xff, number & 0xff, self->board->endpoint[which] + strlen ("tcp://"));
    if (zmq_setsockopt (raw, ZMQ_CURVE_PUBLICKEY, keys[0].bytes, BG_KEY_BYTES) != 0 ||
        zmq_setsockopt (raw, ZMQ_CURVE_SECRETKEY, keys[1].bytes, BG_KEY_BYTES) != 0 ||
        zmq_connect (raw, endpoint) != 0)
        return bg_fail (
            err, BG_IO, "cannot connect to %s: %s", endpoint, zmq_strerror (zmq_errno ()));
    return bg_ok ();
}

static bg_result connect_all (client *self, bg_error *err)
{
    for (uint32_t i = 0; i < self->holders; i++) {
        bg_key keys[2];
        bare_target_key (self->first + i, &keys[0], &keys[1]);
        for (int which = 0; which < BARE_SOCKETS; which++) {
            BG_TRY (open_socket (self, i, (bare_socket) which, keys, err));
            if (!self->options->is_shared)
                BG_TRY (bg_zsocket_connect (
                    socket_of (self, i, (bare_socket) which), self->board->endpoint[which], err));
        }
    }
    for (uint32_t i = 0; self->options->is_shared && i < self->count; i++)
        for (int which = 0; which < BARE_SOCKETS; which++)
            BG_TRY (connect_shared (self, (bare_socket) which, self->first + i, err));
    return bg_ok ();
}

/*  ---- messages ----  */

static bg_result send_report (client *self, uint32_t holder, bg_error *err)
{
    bg_slice frames[BG_ZMESSAGE_FRAMES_MAX];
    size_t count = bare_frames (self->options, bg_clock_mono_us (),
        self->options->report * self->options->per, self->space, frames);
    self->sent++;
    return bg_zsocket_send (
        socket_of (self, holder, BARE_DESK), bg_slice_of (NULL, 0), frames, count, err);
}

static bool may_send_on (const client *self)
{
    return self->order.verb == BARE_INGEST && self->options->rate == 0 &&
           bg_clock_mono_us () < self->order.until_us;
}

static bg_result take_answer (client *self, uint32_t holder, bg_slice body, bg_error *err)
{
    int64_t now_us = bg_clock_mono_us (), from_us;
    if (body.size < BARE_STAMP)
        return bg_fail (err, BG_INVALID, "an answer is not one of ours");
    memcpy (&from_us, body.data, sizeof from_us);
    if (self->order.is_absolute)
        from_us = atomic_load (&self->board->begun_us);
    bare_sample (self->board, BARE_ANSWERED, now_us - from_us);
    self->state.messages++;
    self->state.last_us = now_us;
    return may_send_on (self) ? send_report (self, holder, err) : bg_ok ();
}

static bg_result take_publication (client *self, uint32_t holder, bg_error *err)
{
    int64_t now_us = bg_clock_mono_us ();
    bare_sample (self->board, BARE_RECEIVED, now_us - atomic_load (&self->board->begun_us));
    self->state.publications++;
    self->state.last_us = now_us;
    return self->order.verb == BARE_START ? send_report (self, holder, err) : bg_ok ();
}

/*  Everything that is there now.  */
static bg_result drain (client *self, uint32_t holder, bare_socket which, bg_error *err)
{
    BG_AUTO_ZMESSAGE message = {0};
    void *raw = bg_zsocket_raw (socket_of (self, holder, which));
    bool has_sent = false;
    for (;;) {
        bg_result result = bg_zmessage_receive (&message, raw, false, self->options->frames, err);
        if (result.code == BG_AGAIN)
            break;
        BG_TRY (result);
        if (which == BARE_ORDERS)
            BG_TRY (take_publication (self, holder, err));
        else
            BG_TRY (
                take_answer (self, holder, bg_zmessage_frame (&message, message.count - 1), err));
        has_sent = which == BARE_ORDERS && self->order.verb == BARE_START;
    }
    return has_sent ? drain (self, holder, BARE_DESK, err) : bg_ok ();
}

/*  count messages from each target, one after the other.  */
static bg_result send_all (client *self, uint32_t count, bg_error *err)
{
    for (uint32_t i = 0; i < count * self->count; i++) {
        uint32_t holder = i % self->holders;
        BG_TRY (send_report (self, holder, err));
        BG_TRY (drain (self, holder, BARE_DESK, err));
    }
    return bg_ok ();
}

static bg_result send_paced (client *self, bg_error *err)
{
    if (self->order.verb != BARE_INGEST || self->options->rate == 0 || !self->is_busy)
        return bg_ok ();
    int64_t now_us = bg_clock_mono_us ();
    int64_t until_us = now_us < self->order.until_us ? now_us : self->order.until_us;
    double share = (double) self->options->rate * self->count / self->options->targets;
    double due = share * (double) (until_us - self->paced_us) / 1e6;
    uint64_t window = (uint64_t) self->options->window * self->count;
    while ((double) self->sent < due && self->sent - self->state.messages < window) {
        uint32_t holder = (uint32_t) (self->sent % self->holders);
        BG_TRY (send_report (self, holder, err));
        BG_TRY (drain (self, holder, BARE_DESK, err));
    }
    return bg_ok ();
}

/*  ---- orders ----  */

static void tell (client *self)
{
    self->is_busy = false;
    self->state.cpu_us = bare_cpu_us ();
    if (send (self->orders, &self->state, sizeof self->state, MSG_NOSIGNAL) < 0)
        self->is_over = true;
}

static bg_result begin (client *self, bg_error *err)
{
    self->state = (bare_answer){0};
    self->sent = 0;
    self->is_busy = true;
    self->paced_us = bg_clock_mono_us ();
    switch (self->order.verb) {
    case BARE_CONNECT:
        BG_TRY (connect_all (self, err));
        return send_all (self, 1, err);
    case BARE_ROUND:
        return send_all (self, 1, err);
    case BARE_INGEST:
        return self->options->rate ? bg_ok () : send_all (self, self->options->window, err);
    case BARE_FIGURES:
        self->state.pss_kib = bare_pss_kib ();
        tell (self);
        return bg_ok ();
    default:
        return bg_ok ();
    }
}

static bool is_done (const client *self)
{
    const bare_answer *state = &self->state;
    switch (self->order.verb) {
    case BARE_RECEIVE:
        return state->publications >= self->order.goal * self->count;
    case BARE_START:
        return state->messages >= self->order.goal * self->count;
    case BARE_INGEST:
        return bg_clock_mono_us () >= self->order.until_us && state->messages >= self->sent;
    default:
        return state->messages >= self->count;
    }
}

static bg_result obey (client *self, bg_error *err)
{
    ssize_t got = recv (self->orders, &self->order, sizeof self->order, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return bg_ok ();
    if (got != (ssize_t) sizeof self->order || self->order.verb == BARE_END) {
        self->is_over = true;
        return bg_ok ();
    }
    return begin (self, err);
}

static bg_result turn (client *self, bg_error *err)
{
    struct epoll_event events[EVENTS];
    bool is_timed = self->is_busy && self->order.verb == BARE_INGEST;
    int count = epoll_wait (self->epoll, events, EVENTS, is_timed ? PACE_MS : -1);
    for (int i = 0; i < count; i++) {
        uint32_t tag = events[i].data.u32;
        if (tag == ORDERS_TAG)
            BG_TRY (obey (self, err));
        else
            BG_TRY (drain (self, tag / BARE_SOCKETS, (bare_socket) (tag % BARE_SOCKETS), err));
    }
    BG_TRY (send_paced (self, err));
    if (self->is_busy && is_done (self))
        tell (self);
    return bg_ok ();
}

static bg_result open_loop (client *self, bg_error *err)
{
    bg_zcontext_options how = {.max_sockets = self->holders * BARE_SOCKETS + 64};
    BG_TRY (bg_zcontext_open (&how, err));
    self->epoll = epoll_create1 (EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = ORDERS_TAG};
    if (self->epoll < 0 || epoll_ctl (self->epoll, EPOLL_CTL_ADD, self->orders, &event) != 0)
        return bg_fail_errno (err, BG_IO, "cannot wait for events");
    return bg_ok ();
}

int bare_client_run (
    const bare_options *options, bare_board *board, uint32_t first, uint32_t count, int orders)
{
    client *self = bg_alloc (sizeof *self);
    *self = (client){.options = options,
        .board = board,
        .first = first,
        .count = count,
        .orders = orders,
        .epoll = -1,
        .holders = options->is_shared ? 1 : count};
    size_t sockets = (size_t) self->holders * BARE_SOCKETS;
    self->sockets = bg_alloc (sockets * sizeof (void *));
    memset (self->sockets, 0, sockets * sizeof (void *));
    self->space = bg_alloc (BARE_SPACE);
    memset (self->space, 'b', BARE_SPACE);
    bg_error err = {0};
    bg_result result = open_loop (self, &err);
    while (bg_is_ok (result) && !self->is_over)
        result = turn (self, &err);
    if (bg_failed (result)) {
        self->state.failed = true;
        snprintf (self->state.why, sizeof self->state.why, "%.190s", err.message);
        tell (self);
    }
    for (size_t i = 0; i < sockets; i++)
        bg_zsocket_destroy (&self->sockets[i]);
    bg_zcontext_close ();
    if (self->epoll >= 0)
        close (self->epoll);
    free (self->sockets);
    free (self->space);
    free (self);
    return bg_failed (result);
}
