/*  The connection to the core. Peers stay connected while it is away; what they ask meanwhile is
    dropped and counted, because a queue of old requests would only be answered after they were
    asked again.

    Invariant: link and link_watch are both there or both not.  */
#include "broker/front/front_private.h"

#include "common/sys/clock.h"
#include "common/sys/unixsock.h"

#include <stdlib.h>
#include <unistd.h>

#define RECONNECT_US      INT64_C (50000)
#define RECONNECT_MOST_US INT64_C (500000)
#define BATCH             64 /*  messages from the core in one turn of the loop  */
/*  As much leaves at once; less waits for the end of the turn and shares its system call.  */
#define FLUSH_BYTES ((size_t) 64 * 1024)

static void on_link (int fd, unsigned events, void *arg);

/*  ---- pressure ----  */

void front_link_pressure (front *self)
{
    size_t percent = self->link ? bg_frames_queued (self->link) * 100 / self->queue_bytes : 0;
    for (size_t i = 0; i < BROKER_SOCKETS; i++) {
        front_socket *socket = &self->sockets[i];
        if (socket->pause_at == 0 || !socket->zsocket)
            continue;
        /*  Half of the mark to begin again, so that it does not flutter.  */
        bool is_full = percent >= (socket->is_paused ? socket->pause_at / 2 : socket->pause_at);
        if (is_full == socket->is_paused)
            continue;
        socket->is_paused = is_full;
        front_socket_listen (socket);
        bg_log_event (self->log, is_full ? BG_LOG_WARNING : BG_LOG_NOTICE,
            is_full ? "socket-paused" : "socket-resumed", "socket=%s queue=%zu%%",
            bg_zsocket_name (socket->zsocket), percent);
    }
}

/*  ---- going away and coming back ----  */

static void drop_link (front *self, const bg_error *why)
{
    bg_fd_watch_destroy (&self->link_watch);
    bg_frames_destroy (&self->link);
    front_count (self, FRONT_CORE_LOST);
    bg_log_failure (
        self->log, BG_LOG_WARNING, "core-lost", why, "path=%s", bg_log_cstr (self->core_path).text);
    self->reconnect_us = RECONNECT_US;
    bg_timer_arm (self->reconnect, self->reconnect_us);
    front_link_pressure (self);
}

static bg_result greet (front *self, bg_error *err)
{
    bg_slice endpoints[BROKER_SOCKETS];
    for (size_t i = 0; i < BROKER_SOCKETS; i++)
        endpoints[i] = bg_slice_str (self->endpoints.listen[i]);
    wire_front_hello hello = {.pid = (uint64_t) getpid (),
        .version = bg_slice_str (BUGLE_VERSION),
        .endpoints = endpoints,
        .endpoints_count = BROKER_SOCKETS};
    BG_AUTO_BUF blob = {0};
    wire_inner_encode (WIRE_FRONT_HELLO, (bg_id){0}, &hello, &blob);
    BG_TRY (bg_frames_send (self->link, bg_buf_slice (&blob), err));
    return bg_frames_flush (self->link, err);
}

static bg_result connect_core (front *self, bg_error *err)
{
    int fd = -1;
    bg_peer peer;
    uid_t core = 0;
    gid_t group = 0;
    BG_TRY (bg_home_account (&self->options->home->home, BG_HOME_RUN_CORE, &core, &group, err));
    BG_TRY (bg_unix_connect_to (self->core_path, core, &fd, &peer, err));
    self->link = bg_frames_create (fd, FRONT_INNER_BYTES_MAX, self->queue_bytes);
    bg_result result =
        bg_fd_watch_create (self->loop, fd, BG_FD_READ, on_link, self, &self->link_watch, err);
    if (bg_is_ok (result))
        result = greet (self, err);
    if (bg_failed (result)) {
        bg_fd_watch_destroy (&self->link_watch);
        bg_frames_destroy (&self->link);
    }
    return result;
}

static void on_reconnect (void *arg)
{
    front *self = arg;
    bg_error err = {0};
    if (self->link)
        return;
    bg_result result = connect_core (self, &err);
    if (bg_is_ok (result)) {
        bg_log_event (self->log, BG_LOG_INFO, "core-connected", "path=%s",
            bg_log_cstr (self->core_path).text);
        return;
    }
    bool is_quiet =
        result.code == BG_UNREACHABLE || result.code == BG_AGAIN || result.code == BG_NOT_FOUND;
    bg_log_failure (self->log, is_quiet ? BG_LOG_DEBUG : BG_LOG_ERROR, "core-away", &err, "path=%s",
        bg_log_cstr (self->core_path).text);
    self->reconnect_us =
        self->reconnect_us * 2 < RECONNECT_MOST_US ? self->reconnect_us * 2 : RECONNECT_MOST_US;
    bg_timer_arm (self->reconnect, self->reconnect_us);
}

/*  ---- from the core ----  */

static void on_keys (front *self, const void *value)
{
    front_table_take (self, value);
}

static void count_unsent (front *self, bg_result result)
{
    front_count (self, result.code == BG_AGAIN ? FRONT_SEND_FULL : FRONT_UNREACHABLE);
}

/*  The line that asked is found by the request id in the answer; only ops has several lines to
    choose from.  */
static bg_id request_of (bg_slice frame)
{
    wire_header header;
    const wire_kind_row *row;
    if (bg_failed (wire_header_decode (frame, &header, &row, NULL)))
        return (bg_id){0};
    return header.request;
}

static void on_out (front *self, const void *value)
{
    const wire_front_message *out = value;
    front_socket *socket = front_socket_of (self, (wire_channel) out->channel);
    broker_peer *peer =
        socket ? broker_peers_find (self->peers, (uint32_t) out->channel, &out->peer) : NULL;
    broker_line *line = NULL;
    if (peer) {
        bool has_many = socket->channel == WIRE_ON_OPS && peer->line_count > 1;
        line = broker_peer_answer_line (peer, has_many ? request_of (out->header) : (bg_id){0});
    }
    if (!line) {
        front_count (self, FRONT_UNREACHABLE);
        return;
    }
    bg_slice frames[WIRE_FRAMES] = {out->header, out->body, out->sigs};
    bg_slice id = bg_slice_of (line->routing_id, line->routing_id_size);
    bg_result result = bg_zsocket_send (socket->zsocket, id, frames, WIRE_FRAMES, NULL);
    if (bg_is_ok (result)) {
        front_count (self, FRONT_ANSWERS);
        return;
    }
    count_unsent (self, result);
    if (result.code == BG_UNREACHABLE)
        broker_peer_drop_line (peer, line);
}

static void on_publish (front *self, const void *value)
{
    const wire_front_publish *out = value;
    if (!self->has_table) {
        front_count (self, FRONT_UNREACHABLE); /*  nobody is there yet  */
        return;
    }
    bg_slice frames[WIRE_PUBLICATION_FRAMES] = {out->stream, out->header, out->body, out->sigs};
    bg_result result = bg_zsocket_send (self->sockets[BROKER_ORDERS].zsocket, bg_slice_of (NULL, 0),
        frames, WIRE_PUBLICATION_FRAMES, NULL);
    if (bg_is_ok (result))
        front_count (self, FRONT_PUBLICATIONS);
    else
        count_unsent (self, result);
}

static void on_pending (front *self, const void *value)
{
    const wire_front_pending *pending = value;
    broker_peer *peer = broker_peers_find (self->peers, WIRE_ON_DESK, &pending->peer);
    if (peer && peer->is_admitted)
        peer->is_pending = pending->pending;
}

static void on_beacon (front *self, const void *value)
{
    (void) value;
    self->beacon_us = bg_clock_mono_us ();
}

typedef struct {
    wire_kind kind;
    void (*handle) (front *self, const void *value);
} link_row;

static const link_row link_table[] = {
    {WIRE_FRONT_KEYS, on_keys},
    {WIRE_FRONT_OUT, on_out},
    {WIRE_FRONT_PUBLISH, on_publish},
    {WIRE_FRONT_PENDING, on_pending},
    {WIRE_FRONT_BEACON, on_beacon},
};

static bg_result take_blob (front *self, bg_slice blob, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_header header;
    void *value = NULL;
    BG_TRY (wire_inner_decode (blob, &arena, &header, &value, err));
    for (size_t i = 0; i < sizeof link_table / sizeof link_table[0]; i++)
        if (link_table[i].kind == header.kind) {
            link_table[i].handle (self, value);
            return bg_ok ();
        }
    return bg_fail (err, BG_UNKNOWN_KIND, "the core sent kind %llu, which is not for a front",
        (unsigned long long) header.kind);
}

static bg_result serve (front *self, unsigned events, bg_error *err)
{
    if (events & BG_FD_WRITE)
        BG_TRY (bg_frames_flush (self->link, err));
    if (!(events & (BG_FD_READ | BG_FD_HANGUP)))
        return bg_ok ();
    for (int i = 0; i < BATCH || bg_frames_has_next (self->link); i++) {
        bg_slice blob;
        bg_result result = bg_frames_next (self->link, &blob, err);
        if (result.code == BG_AGAIN)
            return bg_ok ();
        BG_TRY (result);
        BG_TRY (take_blob (self, blob, err));
    }
    return bg_ok ();
}

static void watch_for (front *self)
{
    bg_fd_watch_set (self->link_watch,
        bg_frames_wants_write (self->link) ? BG_FD_READ | BG_FD_WRITE : BG_FD_READ);
}

static void on_link (int fd, unsigned events, void *arg)
{
    (void) fd;
    front *self = arg;
    bg_error err = {0};
    if (bg_failed (serve (self, events, &err))) {
        drop_link (self, &err);
        return;
    }
    watch_for (self);
    front_link_pressure (self);
}

/*  ---- to the core ----  */

static void flush_link (front *self)
{
    bg_error err = {0};
    if (!self->link)
        return;
    if (bg_failed (bg_frames_flush (self->link, &err))) {
        drop_link (self, &err);
        return;
    }
    watch_for (self);
    front_link_pressure (self);
}

static void on_flush (void *arg)
{
    flush_link (arg);
}

bool front_link_send (front *self, wire_kind kind, const void *value)
{
    if (!self->link) {
        front_count (self, FRONT_CORE_AWAY);
        return false;
    }
    BG_AUTO_BUF blob = {0};
    wire_inner_encode (kind, (bg_id){0}, value, &blob);
    bg_error err = {0};
    const size_t waited = bg_frames_queued (self->link);
    const bg_result result = bg_frames_send (self->link, bg_buf_slice (&blob), &err);
    if (result.code == BG_OVERLOADED) {
        front_count (self, FRONT_QUEUE_FULL);
        front_link_pressure (self);
        return false;
    }
    if (bg_failed (result)) {
        drop_link (self, &err);
        return false;
    }
    /*  Only when the mark is passed: what cannot be written now is the watch's.  */
    if (waited < FLUSH_BYTES && bg_frames_queued (self->link) >= FLUSH_BYTES)
        flush_link (self);
    else
        bg_defer_arm (self->link_flush);
    front_link_pressure (self);
    return true;
}

bg_result front_link_start (front *self, bg_error *err)
{
    BG_TRY (bg_timer_create (self->loop, on_reconnect, self, &self->reconnect, err));
    BG_TRY (bg_defer_create (self->loop, BG_DEFER_NEXT, on_flush, self, &self->link_flush, err));
    self->reconnect_us = RECONNECT_US;
    bg_timer_arm (self->reconnect, 0);
    return bg_ok ();
}

void front_link_stop (front *self)
{
    bg_timer_destroy (&self->reconnect);
    bg_defer_destroy (&self->link_flush);
    bg_fd_watch_destroy (&self->link_watch);
    bg_frames_destroy (&self->link);
}
