/*  The session at the desk: hello, welcome, heartbeats, and beginning again.

        off --open--> hello --WELCOME--> up --ERROR stale, reconnected--> hello
                        |                 |
                        `--no answer------+--three beats missed--> wait --back-off--> hello

    libzmq reconnects by itself; a rebuild (new sockets) is for what that does not heal: refused keys, silence. Delays
    are drawn from the broker's return_spread, so a herd comes back spread out.  */
#include "node/core/rooms.h"

#include "common/job/zone.h"

bool node_session_is_up (const node_core *self)
{
    return self->session.state == NODE_SESSION_UP;
}

/*  ---- opening and closing ----  */

static void quiet (node_core *self)
{
    static const node_timer timers[] = {NODE_TIMER_CONNECT, NODE_TIMER_HELLO, NODE_TIMER_HEARTBEAT,
        NODE_TIMER_POLL, NODE_TIMER_POLL_ANSWER, NODE_TIMER_REPORT};
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
        node_timer_off (self, timers[i]);
    node_table_fini (&self->fetches, node_ask_release);
    node_poll_reset (self);
    self->outbox.open = false;
    node_ack_drop (self);
    self->defect.sent = false;
    self->session.missed = 0;
    self->session.beat_open = false;
    self->session.broken = false;
}

void node_session_close (node_core *self)
{
    if (self->session.state == NODE_SESSION_OFF)
        return;
    quiet (self);
    node_streams_close (self);
    self->ports.close (self->ports.ctx, NODE_LINK_DESK);
    self->session.state = NODE_SESSION_OFF;
}

static void hello (node_core *self)
{
    const job_zone *zone = self->ports.zone (self->ports.ctx, (bg_slice){0});
    wire_hello message = {
        .level_low = WIRE_LEVEL,
        .level_high = WIRE_LEVEL,
        .boot_counter = self->boot,
        .instance = self->instance,
        .name = self->identity.name,
        .version = bg_slice_str (self->version),
        .zone = bg_slice_str (self->zone),
        .outbox = self->identity.outbox,
        .time_us = self->now.utc_us,
        .utc_offset_s = zone ? job_zone_offset (zone, self->now.utc_us / BG_SEC (1)) : 0,
        .facts = self->facts,
        .facts_count = self->fact_count,
    };
    if (self->attestation.size > 0)
        message.has_attestation = !bg_failed (node_decode_signed (
            bg_buf_slice (&self->attestation), &self->scratch, &message.attestation, NULL));
    quiet (self);
    self->session.state = NODE_SESSION_HELLO;
    self->session.id = (bg_id){0};
    self->session.hello = node_say (self, NODE_LINK_DESK, WIRE_HELLO, &message);
    self->session.tries++;
    node_timer_in (self, NODE_TIMER_HELLO, NODE_HELLO_RETRY_US);
}

static void connect_desk (node_core *self)
{
    self->ports.open (self->ports.ctx, NODE_LINK_DESK, self->identity.endpoints,
        &self->identity.broker_curve_key);
    self->session.tries = 0;
    hello (self);
}

bg_result node_session_open (node_core *self, bg_error *err)
{
    (void) err;
    connect_desk (self);
    return bg_ok ();
}

void node_session_rebuild (node_core *self, const char *why)
{
    node_session *session = &self->session;
    if (session->state == NODE_SESSION_OFF || session->state == NODE_SESSION_WAIT)
        return;
    node_count (self, NODE_COUNT_REBUILT);
    quiet (self);
    node_streams_close (self);
    self->ports.close (self->ports.ctx, NODE_LINK_DESK);
    session->state = NODE_SESSION_WAIT;
    int64_t back_off_us = BG_SEC (1);
    for (int i = 0; i < session->failures && back_off_us < NODE_BACK_OFF_MAX_US; i++)
        back_off_us *= 2;
    if (back_off_us > NODE_BACK_OFF_MAX_US)
        back_off_us = NODE_BACK_OFF_MAX_US;
    session->failures++;
    const int64_t delay_us = back_off_us + node_random_below (self, session->spread_us);
    node_timer_in (self, NODE_TIMER_CONNECT, delay_us);
    node_log (self, NODE_LOG_WARNING, "reconnect", "%s; the next attempt is in %lld ms", why,
        (long long) (delay_us / 1000));
}

void node_session_connect_timer (node_core *self)
{
    if (self->session.state == NODE_SESSION_WAIT)
        connect_desk (self);
}

void node_session_hello_timer (node_core *self)
{
    if (self->session.state == NODE_SESSION_UP) {
        hello (self); /*  the link is back, or the outbox has a new id  */
        return;
    }
    if (self->session.state != NODE_SESSION_HELLO)
        return;
    if (self->session.tries >= NODE_HELLO_TRIES)
        node_session_rebuild (self, "the broker does not answer");
    else
        hello (self);
}

/*  The streams follow an answered hello: of a herd that comes back everybody has one handshake behind him before
    anybody begins a second, and none of them polls with a session that is gone.  */
static void broke (node_core *self)
{
    self->session.broken = true;
    self->session.down_mono_us = self->now.mono_us;
    node_streams_close (self);
}

/*  The spread counts from when the link broke: who had to wait for his connection as long as that need not
    wait again.  */
static int64_t rest_of_spread (node_core *self)
{
    const int64_t drawn_us = node_random_below (self, self->session.spread_us);
    const int64_t passed_us = self->now.mono_us - self->session.down_mono_us;
    return drawn_us > passed_us ? drawn_us - passed_us : 0;
}

bg_result node_session_link (node_core *self, node_link link, node_link_event event, bg_error *err)
{
    node_session *session = &self->session;
    if (link == NODE_LINK_ENLIST)
        return bg_ok (); /*  its own timer says everything again  */
    if (link == NODE_LINK_ORDERS) {
        if (event == NODE_LINK_UP && session->state == NODE_SESSION_UP)
            node_poll_want (self); /*  what was published before is not known  */
        return bg_ok ();
    }
    switch (event) {
    case NODE_LINK_REFUSED: {
        bool left = false;
        BG_TRY (node_defect_unadmitted (self, &left, err));
        if (left)
            break;
        session->refusals++;
        if (session->refusals == NODE_HELLO_TRIES)
            node_log (self, NODE_LOG_ERROR, "refused",
                "the broker does not admit this target any more; asking why");
        node_session_rebuild (self, "the broker refused the connection");
        if (session->refusals >= NODE_HELLO_TRIES)
            BG_TRY (node_claim_begin (self, err));
        break;
    }
    case NODE_LINK_DOWN:
        if (session->state == NODE_SESSION_UP && !session->broken)
            broke (self);
        break;
    case NODE_LINK_UP:
        session->refusals = 0;
        if (session->broken && session->state == NODE_SESSION_UP)
            node_timer_in (self, NODE_TIMER_HELLO, rest_of_spread (self));
        session->broken = false;
        break;
    }
    return bg_ok ();
}

/*  ---- welcome ----  */

static int64_t within (uint64_t value, int64_t low, int64_t high)
{
    if (value < (uint64_t) low)
        return low;
    return value > (uint64_t) high ? high : (int64_t) value;
}

static void arm_heartbeat (node_core *self)
{
    const int64_t every_us =
        self->open_runs.count > 0 ? self->session.heartbeat_us / 2 : self->session.heartbeat_us;
    /*  Jitter of a tenth either way.  */
    node_timer_in (self, NODE_TIMER_HEARTBEAT,
        every_us - every_us / 10 + node_random_below (self, every_us / 5));
}

bg_result node_session_welcome (
    node_core *self, const wire_header *header, const wire_welcome *welcome, bg_error *err)
{
    node_session *session = &self->session;
    if (session->state != NODE_SESSION_HELLO || !bg_id_equal (header->request, session->hello)) {
        node_count (self, NODE_COUNT_UNEXPECTED);
        return bg_ok ();
    }
    if (welcome->level == 0 || welcome->level > WIRE_LEVEL) {
        node_session_rebuild (self, "the broker speaks another protocol level");
        return bg_ok ();
    }
    session->state = NODE_SESSION_UP;
    session->id = welcome->session;
    session->tries = session->failures = session->refusals = 0;
    node_claim_reset (self);
    session->heartbeat_us = within (welcome->heartbeat_us, BG_SEC (1), BG_HOUR (1));
    session->poll_us = within (welcome->poll_us, BG_SEC (1), BG_HOUR (8));
    session->spread_us = within (welcome->return_spread_us, BG_MS (1), BG_HOUR (1));
    node_timer_off (self, NODE_TIMER_HELLO);
    arm_heartbeat (self);
    const int64_t off_us = welcome->time_us - self->now.utc_us;
    if (off_us > BG_MIN (5) || off_us < -BG_MIN (5))
        node_log (self, NODE_LOG_WARNING, "clock",
            "the broker's clock is %lld s away from this machine's",
            (long long) (off_us / BG_SEC (1)));
    node_log (self, NODE_LOG_INFO, "connected", "broker=%.*s name=%.*s",
        BG_SLICE_ARG (self->identity.broker), BG_SLICE_ARG (self->identity.name));
    node_streams_set (self, welcome->streams, welcome->streams_count);
    if (!self->full)
        BG_TRY (node_outbox_opened (self, welcome->outbox_mark, err));
    node_poll_want (self);
    return bg_ok ();
}

/*  ---- heartbeats ----  */

void node_session_heartbeat_timer (node_core *self)
{
    node_session *session = &self->session;
    if (session->state != NODE_SESSION_UP)
        return;
    if (session->beat_open && ++session->missed >= NODE_BEATS_MISSED_MAX) {
        node_session_rebuild (self, "the broker is silent");
        return;
    }
    session->beat_open = true;
    node_say (self, NODE_LINK_DESK, WIRE_HEARTBEAT,
        &(wire_heartbeat){.open_runs = self->open_runs.count});
    arm_heartbeat (self);
}

void node_session_heartbeat_answer (node_core *self, const wire_heartbeat_answer *answer)
{
    self->session.beat_open = false;
    if (answer->pending && node_session_is_up (self))
        node_poll_want (self);
}

/*  ---- errors of the desk ----  */

static void stale (node_core *self)
{
    node_session *session = &self->session;
    if (session->state != NODE_SESSION_UP)
        return;
    /*  At most one hello a second, whatever the broker says.  */
    const int64_t since_us = self->now.mono_us - session->stale_mono_us;
    if (session->stale_mono_us && since_us < BG_SEC (1)) {
        node_timer_in (self, NODE_TIMER_HELLO, BG_SEC (1) - since_us);
        return;
    }
    session->stale_mono_us = self->now.mono_us;
    session->tries = 0;
    hello (self);
}

bg_result node_session_error (
    node_core *self, const wire_header *header, const wire_error *error, bg_error *err)
{
    node_count (self, NODE_COUNT_ERRORS);
    if (bg_slice_is (error->code, "stale")) {
        stale (self);
        return bg_ok ();
    }
    node_log (self, NODE_LOG_WARNING, "broker-error", "the broker says %.*s: %.*s",
        BG_SLICE_ARG (error->code), BG_SLICE_ARG (error->message));
    if (self->session.state == NODE_SESSION_HELLO &&
        bg_id_equal (header->request, self->session.hello)) {
        node_session_rebuild (self, "the broker refused the session");
        return bg_ok ();
    }
    node_ask *fetch = node_table_take (&self->fetches, header->request);
    if (fetch) {
        node_ask_release (fetch);
        return bg_ok (); /*  the next poll brings the document itself  */
    }
    if (self->defect.wanted && self->defect.sent &&
        bg_id_equal (header->request, self->defect.request))
        return node_defect_refused (self, error, err);
    if (self->outbox.open && bg_id_equal (header->request, self->outbox.request) && !self->full)
        return node_outbox_refused (self, error, err);
    if (bg_id_equal (header->request, self->poll.inventory))
        self->poll.inventory = (bg_id){0};
    return bg_ok ();
}
