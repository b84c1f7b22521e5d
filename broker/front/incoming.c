/*  From the sockets: who is it, may it, is it whole, and on to the core.

    Nothing of a body is looked at here except that of heartbeats. A header is read for its kind
    and request id.

    Invariants: the sender is the key that our ZAP handler authenticated on this connection, never
    a routing id. What reaches the core has exactly three frames within the limits of inner.def.  */
#include "broker/front/front_private.h"

#include "common/sys/clock.h"

/*  Strangers with state here at the same time; a new enlistment takes seconds.  */
#define STRANGERS_MAX 20000

/*  Of the desk, while more than 2,000 messages a second come: after what was there it is not read for so long. Each
    reading costs a wake-up of this thread by that of libzmq.  */
#define GATHER_US  INT64_C (2000)
#define SPACING_US INT64_C (500)

front_socket *front_socket_of (front *self, wire_channel channel)
{
    for (size_t i = 0; i < BROKER_SOCKETS; i++)
        if (self->sockets[i].channel == channel)
            return &self->sockets[i];
    return NULL;
}

/*  The connection of a message that is refused for good.  */
static void cut_sender (front *self, const bg_zmessage *message)
{
    bg_zpeer peer;
    if (bg_zmessage_peer (message, &peer) && bg_is_ok (bg_zpeer_cut (&peer, NULL)))
        front_count (self, FRONT_CUT);
}

/*  NULL when the sender has no business here; counted.  */
static broker_peer *sender_of (front_socket *socket, const bg_zmessage *message)
{
    front *self = socket->front;
    bg_key key;
    if (!bg_zap_check_user_id (self->zap, bg_zmessage_user_id (message), &key)) {
        front_count (self, FRONT_NO_IDENTITY);
        cut_sender (self, message);
        return NULL;
    }
    broker_peer *peer = broker_peers_find (self->peers, socket->channel, &key);
    if (socket->channel == WIRE_ON_ENLIST) {
        if (!peer && broker_peers_count (self->peers, WIRE_ON_ENLIST) >= STRANGERS_MAX) {
            front_count (self, FRONT_STRANGERS);
            return NULL;
        }
        return peer ? peer : broker_peers_get (self->peers, WIRE_ON_ENLIST, &key);
    }
    if (peer && peer->is_admitted)
        return peer;
    front_count (self, FRONT_NOT_ADMITTED);
    /*  A key that is being cut may still get its last answer; one that is not known at all goes
        now.  */
    if (!peer || peer->cut_at_us == 0)
        cut_sender (self, message);
    return NULL;
}

static broker_line *line_of (
    front_socket *socket, broker_peer *peer, const bg_zmessage *message, bg_slice id, int64_t now)
{
    bool is_new = false;
    broker_line evicted;
    broker_line *line = broker_peer_line (peer, id, now, socket->lines_max, &is_new, &evicted);
    if (is_new)
        front_note_line (line, message);
    if (evicted.routing_id) {
        front_cut_line (socket->front, &evicted);
        broker_line_fini (&evicted);
    }
    return line;
}

static void punish (front *self, broker_peer *peer, const bg_zmessage *message, int64_t now)
{
    broker_peer_punish (peer, now);
    bg_slice address = bg_zmessage_peer_address (message);
    bg_log_event (self->log, BG_LOG_WARNING, "peer-penalised", "key=%s address=%s",
        bg_key_text (&peer->key).text, bg_log_value (address).text);
    cut_sender (self, message);
}

/*  ---- requests ----  */

static bool within_limits (const bg_zmessage *message)
{
    return bg_zmessage_frame (message, 0).size <= FRONT_HEADER_MAX &&
           bg_zmessage_frame (message, 1).size <= WIRE_FRAME_MAX &&
           bg_zmessage_frame (message, 2).size <= FRONT_SIGS_MAX;
}

static void answer (front_socket *socket, broker_line *line, wire_kind kind, const wire_header *to,
    const void *value)
{
    BG_AUTO_BUF header = {0};
    BG_AUTO_BUF body = {0};
    wire_message_encode (kind, to->request, to->session, value, &header, &body);
    bg_slice frames[WIRE_FRAMES] = {bg_buf_slice (&header), bg_buf_slice (&body)};
    bg_slice id = bg_slice_of (line->routing_id, line->routing_id_size);
    bg_result result = bg_zsocket_send (socket->zsocket, id, frames, WIRE_FRAMES, NULL);
    if (bg_failed (result))
        front_count (socket->front, result.code == BG_AGAIN ? FRONT_SEND_FULL : FRONT_UNREACHABLE);
}

static void on_heartbeat (front_socket *socket, broker_peer *peer, broker_line *line,
    const wire_header *header, const wire_kind_row *row, bg_slice body, int64_t now)
{
    front *self = socket->front;
    BG_AUTO_ARENA arena = {0};
    void *value = NULL;
    if (bg_failed (wire_body_decode (row, body, &arena, &value, NULL))) {
        front_count (self, FRONT_MALFORMED);
        return;
    }
    const wire_heartbeat *heartbeat = value;
    peer->open_runs = (uint32_t) heartbeat->open_runs;
    int64_t since = self->beacon_us ? self->beacon_us : self->started_us;
    wire_heartbeat_answer back = {
        .beacon_age_us = (uint64_t) (now > since ? now - since : 0), .pending = peer->is_pending};
    answer (socket, line, WIRE_HEARTBEAT_ANSWER, header, &back);
    front_count (self, FRONT_HEARTBEATS);
}

static void pass_on (front_socket *socket, broker_peer *peer, const bg_zmessage *message)
{
    front *self = socket->front;
    bg_slice address = bg_zmessage_plain_address (bg_zmessage_peer_address (message));
    if (address.size > 64)
        address.size = 64;
    wire_front_message in = {.channel = socket->channel,
        .peer = peer->key,
        .address = address,
        .header = bg_zmessage_frame (message, 0),
        .body = bg_zmessage_frame (message, 1),
        .sigs = bg_zmessage_frame (message, 2)};
    if (front_link_send (self, WIRE_FRONT_IN, &in))
        front_count (self, FRONT_REQUESTS);
}

static void on_whole (
    front_socket *socket, broker_peer *peer, const bg_zmessage *message, int64_t now)
{
    front *self = socket->front;
    uint64_t bytes = bg_zmessage_frame (message, 1).size;
    if (broker_peer_is_punished (peer, now)) {
        front_count (self, FRONT_PENALISED);
        return;
    }
    if (!broker_budget_take (&peer->budget, &socket->budget, now, broker_budget_cost (bytes))) {
        front_count (self, FRONT_BUDGET);
        return;
    }
    if (!within_limits (message)) {
        front_count (self, FRONT_TOO_LARGE);
        punish (self, peer, message, now);
        return;
    }
    wire_header header;
    const wire_kind_row *row = NULL;
    if (bg_failed (wire_header_decode (bg_zmessage_frame (message, 0), &header, &row, NULL))) {
        front_count (self, FRONT_MALFORMED);
        punish (self, peer, message, now);
        return;
    }
    peer->heard_us = now;
    peer->is_heard = true;
    broker_line *line = line_of (socket, peer, message, bg_zmessage_routing_id (message), now);
    if (socket->channel == WIRE_ON_DESK && row && row->kind == WIRE_HEARTBEAT) {
        on_heartbeat (socket, peer, line, &header, row, bg_zmessage_frame (message, 1), now);
        return;
    }
    broker_line_ask (line, header.request);
    pass_on (socket, peer, message);
}

void front_socket_listen (front_socket *socket)
{
    bg_zsocket_pause (socket->zsocket, socket->is_paused || socket->is_gathering);
}

void front_gathered (void *arg)
{
    front_socket *socket = arg;
    socket->is_gathering = false;
    if (socket->zsocket)
        front_socket_listen (socket);
}

/*  There is nothing more: the next ones come together.  */
static void gather (front_socket *socket)
{
    if (!socket->gather || !bg_rush_is (&socket->rush, SPACING_US))
        return;
    bg_rush_add (&socket->rush, bg_clock_mono_us (), 0, SPACING_US);
    if (!bg_rush_is (&socket->rush, SPACING_US))
        return;
    socket->is_gathering = true;
    bg_timer_arm (socket->gather, GATHER_US);
    front_socket_listen (socket);
}

bool front_on_request (void *arg)
{
    front_socket *socket = arg;
    front *self = socket->front;
    BG_AUTO_ZMESSAGE message = {0};
    bg_result result = bg_zsocket_receive (socket->zsocket, &message, NULL);
    if (bg_failed (result) && result.code != BG_TOO_LARGE) {
        gather (socket);
        return false;
    }
    int64_t now = bg_clock_mono_us ();
    bg_rush_add (&socket->rush, now, 1, SPACING_US);
    broker_peer *peer = sender_of (socket, &message);
    if (!peer)
        return true;
    if (bg_failed (result) || message.count != WIRE_FRAMES) {
        front_count (self, FRONT_FRAMES);
        punish (self, peer, &message, now);
        return true;
    }
    on_whole (socket, peer, &message, now);
    return true;
}

/*  ---- subscriptions ----  */

/*  A subscriber sends nothing but these, and with them shows its descriptor, which a later cut
    needs. An XPUB gives no routing id, so the descriptor's own number stands for the line.  */
bool front_on_subscription (void *arg)
{
    front_socket *socket = arg;
    front *self = socket->front;
    BG_AUTO_ZMESSAGE message = {0};
    bg_result result = bg_zsocket_receive (socket->zsocket, &message, NULL);
    if (bg_failed (result) && result.code != BG_TOO_LARGE)
        return false;
    bg_slice frame = message.count ? bg_zmessage_frame (&message, 0) : bg_slice_of (NULL, 0);
    /*  The end of a subscription: made by libzmq itself when the connection is gone, then without
        an identity; and nobody's business otherwise.  */
    if (bg_is_ok (result) && frame.size > 0 && frame.data[0] == 0) {
        front_count (self, FRONT_SUBSCRIPTIONS);
        return true;
    }
    int64_t now = bg_clock_mono_us ();
    broker_peer *peer = sender_of (socket, &message);
    if (!peer)
        return true;
    if (bg_failed (result) || frame.size == 0 || frame.data[0] != 1) {
        front_count (self, FRONT_FRAMES);
        punish (self, peer, &message, now);
        return true;
    }
    front_count (self, FRONT_SUBSCRIPTIONS);
    bg_zpeer at;
    if (bg_zmessage_peer (&message, &at))
        (void) line_of (socket, peer, &message, bg_slice_of (&at.inode, sizeof at.inode), now);
    return true;
}
