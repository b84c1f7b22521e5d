/*  The broker side: one ROUTER and one XPUB as the broker's front has them, one thread, our ZAP handler with all keys.
    It answers every message, after the commit when there is a store, and publishes when it is told.

    Not here: who measures; the server only counts.

    Invariants: a message is answered once, in the order of arrival; with a store never before its rows are committed.  */
#include "tests/load/bare/bare.h"

#include "common/sys/clock.h"
#include "common/sys/zap.h"
#include "common/sys/zcontext.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURN = 256, ROUTING_ID_MAX = 16 };

typedef struct {
    uint8_t routing_id[ROUTING_ID_MAX];
    uint8_t size;
    int64_t stamp;
} waiting;

typedef struct {
    const bare_options *options;
    bare_board *board;
    int orders;
    bg_zap *zap;
    bg_zsocket *sockets[BARE_SOCKETS];
    bare_store *store;
    waiting waiting[TURN]; /*  for the commit  */
    size_t waiting_count;
    bare_answer state;
    bare_order wait; /*  goal 0 and no subscriptions: nobody waits  */
    bool is_waited_for, is_over;
    uint8_t *space;
} server;

static const char *const words[BARE_SOCKETS] = {"desk", "orders"};

static bg_result admit_all (server *self, bg_error *err)
{
    uint32_t targets = self->options->targets;
    bg_zap_entry *entries = bg_alloc ((2 * (size_t) targets + 1) * sizeof *entries);
    for (uint32_t i = 0; i < targets; i++) {
        bg_key secret;
        for (size_t s = 0; s < BARE_SOCKETS; s++)
            entries[2 * i + s] = (bg_zap_entry){.domain = words[s]};
        bare_target_key (i, &entries[2 * i].key, &secret);
        entries[2 * i + 1].key = entries[2 * i].key;
    }
    bg_result result = bg_zap_replace (self->zap, entries, 2 * (size_t) targets, err);
    free (entries);
    return result;
}

static bg_result open_socket (server *self, bare_socket which, bg_error *err)
{
    bg_zsocket_options how =
        bg_zsocket_defaults (which == BARE_DESK ? ZMQ_ROUTER : ZMQ_XPUB, words[which]);
    char *endpoint = self->board->endpoint[which];
    how.is_server = true;
    how.own_public = &self->board->server_public;
    how.own_secret = &self->board->server_secret;
    how.zap_domain = words[which];
    BG_TRY (bg_zsocket_create (&how, &self->sockets[which], err));
    /*  A server that comes back listens where the old one did.  */
    return bg_zsocket_bind (
        self->sockets[which], *endpoint ? endpoint : "tcp://127.0.0.1:0", endpoint, err);
}

static bg_result open_all (server *self, bg_error *err)
{
    bg_zcontext_options how = {.io_threads = self->options->io_threads};
    BG_TRY (bg_zcontext_open (&how, err));
    BG_TRY (bg_zap_create (&self->zap, err));
    BG_TRY (admit_all (self, err));
    for (int i = 0; i < BARE_SOCKETS; i++)
        BG_TRY (open_socket (self, (bare_socket) i, err));
    return self->options->store ? bare_store_open (self->options, &self->store, err) : bg_ok ();
}

static void tell (server *self)
{
    self->state.cpu_us = bare_cpu_us ();
    if (send (self->orders, &self->state, sizeof self->state, MSG_NOSIGNAL) < 0)
        self->is_over = true;
}

/*  ---- messages ----  */

static bg_result answer_one (server *self, bg_slice routing_id, int64_t stamp, bg_error *err)
{
    uint8_t space[BARE_STAMP];
    bg_slice frames[BG_ZMESSAGE_FRAMES_MAX];
    size_t count = bare_frames (self->options, stamp, BARE_STAMP, space, frames);
    bg_result result = bg_zsocket_send (self->sockets[BARE_DESK], routing_id, frames, count, err);
    return result.code == BG_UNREACHABLE ? bg_ok () : result; /*  it has gone: a storm  */
}

static bg_result answer_waiting (server *self, bg_error *err)
{
    if (!self->store)
        return bg_ok ();
    BG_TRY (bare_store_commit (self->store, err));
    for (size_t i = 0; i < self->waiting_count; i++) {
        const waiting *one = &self->waiting[i];
        BG_TRY (answer_one (self, bg_slice_of (one->routing_id, one->size), one->stamp, err));
    }
    self->waiting_count = 0;
    return bg_ok ();
}

static bg_result take_message (server *self, const bg_zmessage *message, bg_error *err)
{
    bg_slice routing_id = bg_zmessage_routing_id (message);
    bg_slice body = bg_zmessage_frame (message, message->count - 1);
    int64_t stamp;
    if (body.size < BARE_STAMP || routing_id.size > ROUTING_ID_MAX)
        return bg_fail (err, BG_INVALID, "a message is not one of ours");
    memcpy (&stamp, body.data, sizeof stamp);
    self->state.messages++;
    if (!self->store)
        return answer_one (self, routing_id, stamp, err);
    BG_TRY (bare_store_add (self->store, self->options->per, err));
    waiting *one = &self->waiting[self->waiting_count++];
    one->size = (uint8_t) routing_id.size;
    one->stamp = stamp;
    memcpy (one->routing_id, routing_id.data, routing_id.size);
    bool is_full = self->waiting_count == TURN ||
                   bare_store_open_rows (self->store) >= self->options->commit_rows;
    return is_full ? answer_waiting (self, err) : bg_ok ();
}

static bg_result take_messages (server *self, bg_error *err)
{
    BG_AUTO_ZMESSAGE message = {0};
    void *raw = bg_zsocket_raw (self->sockets[BARE_DESK]);
    bg_result result = bg_ok ();
    for (int i = 0; i < TURN && bg_is_ok (result); i++) {
        result = bg_zmessage_receive (&message, raw, true, self->options->frames, err);
        if (bg_is_ok (result))
            result = take_message (self, &message, err);
    }
    if (bg_failed (result) && result.code != BG_AGAIN)
        return result;
    self->state.last_us = bg_clock_mono_us ();
    return answer_waiting (self, err);
}

static void take_subscriptions (server *self)
{
    BG_AUTO_ZMESSAGE message = {0};
    void *raw = bg_zsocket_raw (self->sockets[BARE_ORDERS]);
    while (bg_is_ok (bg_zmessage_receive (&message, raw, false, 1, NULL))) {
        bg_slice topic = bg_zmessage_frame (&message, 0);
        self->state.subscriptions += topic.size && topic.data[0] == 1;
        self->state.last_us = bg_clock_mono_us ();
    }
}

static bg_result publish (server *self, uint64_t count, bg_error *err)
{
    bg_slice frames[BG_ZMESSAGE_FRAMES_MAX];
    atomic_store (&self->board->begun_us, bg_clock_mono_us ());
    for (uint64_t i = 0; i < count; i++) {
        size_t frame_count =
            bare_frames (self->options, (int64_t) i, self->options->bytes, self->space, frames);
        BG_TRY (bg_zsocket_send (
            self->sockets[BARE_ORDERS], bg_slice_of (NULL, 0), frames, frame_count, err));
    }
    return bg_ok ();
}

/*  ---- orders ----  */

static bg_result obey (server *self, bg_error *err)
{
    bare_order order;
    ssize_t got = recv (self->orders, &order, sizeof order, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return bg_ok ();
    if (got != (ssize_t) sizeof order || order.verb == BARE_END) {
        self->is_over = true;
        return bg_ok ();
    }
    if (order.verb == BARE_PUBLISH)
        return publish (self, order.goal, err);
    if (order.verb == BARE_WAIT) {
        self->wait = order;
        self->is_waited_for = true;
        return bg_ok ();
    }
    self->state.pss_kib = bare_pss_kib ();
    tell (self);
    return bg_ok ();
}

static bg_result turn (server *self, bg_error *err)
{
    zmq_pollitem_t items[] = {
        {.socket = bg_zsocket_raw (self->sockets[BARE_DESK]), .events = ZMQ_POLLIN},
        {.socket = bg_zsocket_raw (self->sockets[BARE_ORDERS]), .events = ZMQ_POLLIN},
        {.fd = self->orders, .events = ZMQ_POLLIN},
    };
    if (zmq_poll (items, 3, -1) < 0 && zmq_errno () != EINTR)
        return bg_fail (err, BG_IO, "cannot wait: %s", zmq_strerror (zmq_errno ()));
    if (items[0].revents)
        BG_TRY (take_messages (self, err));
    if (items[1].revents)
        take_subscriptions (self);
    if (items[2].revents)
        BG_TRY (obey (self, err));
    if (self->is_waited_for && self->state.messages >= self->wait.goal &&
        self->state.subscriptions >= self->wait.subscriptions) {
        self->is_waited_for = false;
        tell (self);
    }
    return bg_ok ();
}

int bare_server_run (const bare_options *options, bare_board *board, int orders)
{
    server *self = bg_alloc (sizeof *self);
    *self = (server){.options = options, .board = board, .orders = orders};
    self->space = bg_alloc (BARE_SPACE);
    memset (self->space, 'b', BARE_SPACE);
    bg_error err = {0};
    bg_result result = open_all (self, &err);
    if (bg_is_ok (result))
        tell (self); /*  listening  */
    while (bg_is_ok (result) && !self->is_over)
        result = turn (self, &err);
    if (bg_failed (result)) {
        self->state.failed = true;
        snprintf (self->state.why, sizeof self->state.why, "%.190s", err.message);
        tell (self);
    }
    for (int i = 0; i < BARE_SOCKETS; i++)
        bg_zsocket_destroy (&self->sockets[i]);
    bare_store_close (&self->store);
    bg_zap_destroy (&self->zap);
    bg_zcontext_close ();
    free (self->space);
    free (self);
    return bg_failed (result);
}
