/*  The streams: instructions as soon as they are published. Hints, not truth: whatever is missed here the next poll
    brings, and every doubt (gap, unknown key, another session, silence) is settled by polling now.  */
#include "node/core/rooms.h"

#include "proto/frame.h"
#include "proto/seal.h"

static node_stream *find_stream (node_core *self, bg_slice name)
{
    for (size_t i = 0; i < self->stream_count; i++)
        if (bg_slice_is (name, self->streams[i].name))
            return &self->streams[i];
    return NULL;
}

static void open_orders (node_core *self)
{
    self->ports.open (self->ports.ctx, NODE_LINK_ORDERS, self->identity.endpoints,
        &self->identity.broker_curve_key);
    self->session.orders_open = true;
    for (size_t i = 0; i < self->stream_count; i++)
        self->streams[i].subscribed = false;
}

static void subscribe (node_core *self)
{
    for (size_t i = 0; i < self->stream_count; i++) {
        node_stream *stream = &self->streams[i];
        if (stream->subscribed)
            continue;
        self->ports.subscribe (self->ports.ctx, bg_slice_str (stream->name));
        stream->subscribed = true;
    }
}

static bool is_named (const char *name, const bg_slice *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bg_slice_is (names[i], name))
            return true;
    return false;
}

static node_stream *add_stream (node_core *self, bg_slice name)
{
    if (self->stream_count == NODE_STREAMS_MAX || name.size > WIRE_STREAM_NAME_MAX)
        return NULL;
    if (self->stream_count == self->stream_capacity) {
        self->stream_capacity += 4;
        self->streams = bg_realloc (self->streams, self->stream_capacity * sizeof *self->streams);
    }
    node_stream *stream = &self->streams[self->stream_count++];
    *stream = (node_stream){0};
    memcpy (stream->name, name.data, name.size);
    return stream;
}

void node_streams_set (node_core *self, const bg_slice *names, size_t count)
{
    for (size_t i = self->stream_count; i-- > 0;) {
        if (is_named (self->streams[i].name, names, count))
            continue;
        if (self->streams[i].subscribed)
            self->ports.unsubscribe (self->ports.ctx, bg_slice_str (self->streams[i].name));
        self->streams[i] = self->streams[--self->stream_count];
    }
    for (size_t i = 0; i < count; i++)
        if (!find_stream (self, names[i]))
            add_stream (self, names[i]);
    if (!self->session.orders_open)
        open_orders (self);
    subscribe (self);
    node_timer_in (self, NODE_TIMER_SILENCE, NODE_TICK_SILENCE_US);
}

void node_streams_close (node_core *self)
{
    if (self->session.orders_open)
        self->ports.close (self->ports.ctx, NODE_LINK_ORDERS);
    self->session.orders_open = false;
    self->stream_count = 0;
    node_timer_off (self, NODE_TIMER_SILENCE);
}

void node_streams_silence_timer (node_core *self)
{
    if (!self->session.orders_open)
        return;
    node_log (self, NODE_LOG_INFO, "stream-silent", "no tick for %d s: subscribing anew",
        (int) (NODE_TICK_SILENCE_US / BG_SEC (1)));
    open_orders (self);
    subscribe (self);
    node_poll_want (self);
    node_timer_in (self, NODE_TIMER_SILENCE, NODE_TICK_SILENCE_US);
}

/*  ---- heads ----  */

static void add_key (node_stream *stream, uint64_t number, const bg_key *key)
{
    if (number == 0 && bg_key_is_zero (key))
        return;
    for (size_t i = 0; i < stream->key_count; i++)
        if (stream->keys[i].number == number) {
            stream->keys[i].key = *key;
            return;
        }
    if (stream->key_count < NODE_STREAM_KEYS)
        stream->key_count++;
    memmove (&stream->keys[1], &stream->keys[0], (stream->key_count - 1) * sizeof stream->keys[0]);
    stream->keys[0] = (node_stream_key){.number = (uint32_t) number, .key = *key};
}

void node_streams_heads (node_core *self, const wire_stream_head *heads, size_t count)
{
    if (!self->session.orders_open)
        return;
    bg_slice names[NODE_STREAMS_MAX];
    size_t named = 0;
    for (size_t i = 0; i < count && named < NODE_STREAMS_MAX; i++)
        names[named++] = heads[i].name;
    /*  The heads are those of the membership as it is now: groups may have come and gone.  */
    const int64_t silence = self->timers[NODE_TIMER_SILENCE];
    if (named > 0)
        node_streams_set (self, names, named);
    self->timers[NODE_TIMER_SILENCE] = silence;
    for (size_t i = 0; i < named; i++) {
        node_stream *stream = find_stream (self, heads[i].name);
        if (!stream)
            continue;
        const bool same = stream->known && memcmp (stream->session, heads[i].session, 8) == 0;
        if (!same) {
            stream->key_count = 0;
            memcpy (stream->session, heads[i].session, 8);
            stream->sequence = heads[i].sequence;
        } else if (heads[i].sequence > stream->sequence) {
            stream->sequence = heads[i].sequence; /*  the poll covers what was missed  */
        }
        stream->known = true;
        add_key (stream, heads[i].key_number, &heads[i].key);
        add_key (stream, heads[i].next_key_number, &heads[i].next_key);
    }
}

/*  ---- publications ----  */

static const bg_key *key_of (const node_stream *stream, uint32_t number)
{
    for (size_t i = 0; i < stream->key_count; i++)
        if (stream->keys[i].number == number)
            return &stream->keys[i].key;
    return NULL;
}

static void doubt (node_core *self)
{
    node_count (self, NODE_COUNT_GAPS);
    node_poll_want (self);
}

/*  True for a publication that is to be opened: the next one of a stream that is followed.  */
static bool follows (node_core *self, node_stream *stream, const wire_stream *frame)
{
    if (!stream->known) {
        node_poll_want (self);
        return false;
    }
    if (memcmp (stream->session, frame->session, sizeof frame->session) != 0) {
        stream->known = false; /*  the broker was started anew: the poll brings head and keys  */
        doubt (self);
        return false;
    }
    if (frame->sequence <= stream->sequence) {
        node_count (self, NODE_COUNT_REPEATED);
        return false;
    }
    return true;
}

static bg_result handle (node_core *self, const wire_kind_row *row, const wire_stream *frame,
    bg_slice opened, bg_error *err)
{
    void *body = NULL;
    bg_error why = {0};
    if (bg_failed (wire_body_decode (row, opened, &self->scratch, &body, &why))) {
        node_count (self, NODE_COUNT_MALFORMED);
        return bg_ok ();
    }
    if (row->kind == WIRE_TICK) {
        if (bg_slice_is (frame->name, "all"))
            node_timer_in (self, NODE_TIMER_SILENCE, NODE_TICK_SILENCE_US);
        return bg_ok ();
    }
    const wire_instruct *order = body;
    self->hinted = true;
    const bg_result result = node_apply_all (self, order->instructions, order->instructions_count,
        order->references, order->references_count, err);
    self->hinted = false;
    return result;
}

bg_result node_streams_order (
    node_core *self, bg_slice frame0, bg_slice header, bg_slice body, bg_slice sigs, bg_error *err)
{
    (void) sigs;
    bg_error why = {0};
    wire_stream frame;
    wire_header head;
    const wire_kind_row *row = NULL;
    if (bg_failed (wire_stream_decode (frame0, &frame, &why)) ||
        bg_failed (wire_header_decode (header, &head, &row, &why))) {
        node_count (self, NODE_COUNT_MALFORMED);
        return bg_ok ();
    }
    if (bg_failed (wire_kind_allowed (row, WIRE_ON_ORDERS, WIRE_FROM_BROKER, &why)) ||
        (row->kind != WIRE_TICK && row->kind != WIRE_ORDER)) {
        node_count (self, NODE_COUNT_UNKNOWN_KIND);
        return bg_ok ();
    }
    node_stream *stream = find_stream (self, frame.name);
    if (!stream || !follows (self, stream, &frame))
        return bg_ok ();
    const bg_key *key = key_of (stream, frame.key_number);
    BG_AUTO_BUF opened = {0};
    if (!key) {
        doubt (self);
        return bg_ok ();
    }
    if (bg_failed (wire_open (key, frame0, header, body, &opened, &why))) {
        node_count (self, NODE_COUNT_BAD_SEAL);
        doubt (self);
        return bg_ok ();
    }
    /*  Only now is it the broker's word.  */
    if (frame.sequence != stream->sequence + 1)
        doubt (self);
    stream->sequence = frame.sequence;
    return handle (self, row, &frame, bg_arena_copy (&self->scratch, bg_buf_slice (&opened)), err);
}
