/*  A target's node: the ports of its core, its sockets and its enlistment. As node/shell does it, without files.  */
#include "common/sys/clock.h"
#include "common/sys/random.h"
#include "tests/load/swarm/lag.h"

#include <stdlib.h>

#define ENLIST_AGAIN_US BG_MS (500)
#define ENLIST_WAIT_US  BG_SEC (120)
#define ENLIST_REQUEST  1

/*  ---- ports ----  */

static node_effect *add (
    void *ctx, node_effect_kind kind, node_link link, const bg_slice *slices, size_t count)
{
    return node_effects_add (
        &((swarm_target *) ctx)->shared->node_effects, kind, link, slices, count);
}

static void port_open (void *ctx, node_link link, bg_slice endpoints, const bg_key *broker_key)
{
    add (ctx, NODE_DO_OPEN, link, &endpoints, 1)->key = *broker_key;
}

static void port_close (void *ctx, node_link link)
{
    (void) add (ctx, NODE_DO_CLOSE, link, NULL, 0);
}

static void port_subscribe (void *ctx, bg_slice stream)
{
    (void) add (ctx, NODE_DO_SUBSCRIBE, NODE_LINK_ORDERS, &stream, 1);
}

static void port_unsubscribe (void *ctx, bg_slice stream)
{
    (void) add (ctx, NODE_DO_UNSUBSCRIBE, NODE_LINK_ORDERS, &stream, 1);
}

static void port_send (void *ctx, node_link link, bg_slice header, bg_slice body, bg_slice sigs)
{
    const bg_slice frames[3] = {header, body, sigs};
    (void) add (ctx, NODE_DO_SEND, link, frames, 3);
}

static void port_exec_send (void *ctx, bg_slice blob)
{
    (void) add (ctx, NODE_DO_EXEC_SEND, NODE_LINK_DESK, &blob, 1);
}

static void port_control_reply (void *ctx, uint64_t request, const wire_control_answer *answer)
{
    BG_AUTO_BUF bytes = {0};
    WIRE_ENCODE (control_answer, answer, &bytes);
    const bg_slice slice = bg_buf_slice (&bytes);
    add (ctx, NODE_DO_REPLY, NODE_LINK_DESK, &slice, 1)->request = request;
}

static bg_result port_new_keys (void *ctx, bg_key *sign_public, bg_key *curve_public, bg_error *err)
{
    (void) err;
    const swarm_target *self = ctx;
    *sign_public = self->sign.public_key;
    *curve_public = self->curve.public_key;
    return bg_ok ();
}

static void port_sign (void *ctx, wire_type type, bg_id installation, bg_slice bytes, wire_sig *sig)
{
    const swarm_target *self = ctx;
    wire_sign (wire_crypto_sodium (), type, installation, bytes, &self->sign.public_key,
        self->sign.secret, sig);
}

/*  Its keys come from the seed.  */
static void port_forget_keys (void *ctx)
{
    (void) ctx;
}

static void port_random (void *ctx, void *bytes, size_t size)
{
    swarm_random (((swarm_target *) ctx)->shared, bytes, size);
}

static void port_log (void *ctx, node_log_level level, const char *event, const char *text)
{
    const swarm_target *self = ctx;
    if (level < NODE_LOG_WARNING)
        return;
    self->shared->counts.warnings++;
    bg_log_event (self->shared->log, level == NODE_LOG_ERROR ? BG_LOG_ERROR : BG_LOG_WARNING, event,
        "target=%s %s", self->name, text);
}

static const job_zone *port_zone (void *ctx, bg_slice name)
{
    const swarm_target *self = ctx;
    return node_zones_get (
        self->shared->zones, name.size == 0 && self->zone ? bg_slice_str (self->zone) : name);
}

/*  ---- the store, with a tap ----  */

/*  The store's context is the store's own, so the tap has to know whose turn it is; a process has one loop.  */
static swarm_target *whose_turn;

static bg_result tap_document_put (void *ctx, const node_document_row *row, bg_error *err)
{
    swarm_target *self = whose_turn;
    const node_store *store = self->kept.port;
    const bool is_job = row->type == WIRE_TYPE_JOB && row->place == NODE_PLACE_HELD;
    if (is_job && !row->dropped) {
        self->job_key = row->key;
        self->job_version = row->version;
    }
    if (row->place == NODE_PLACE_HELD && row->type != WIRE_TYPE_AUTHORITY &&
        row->type != WIRE_TYPE_MEMBERSHIP)
        swarm_stats_held (&self->shared->stats, row->key, row->version, bg_clock_utc_us ());
    return store->document_put (ctx, row, err);
}

/*  ---- life ----  */

static void on_message (void *ctx, node_link link, const bg_slice *frames, size_t count);
static void on_link (void *ctx, node_link link, node_link_event event);

static void fill_ports (swarm_target *self)
{
    self->store = *self->kept.port;
    self->store.document_put = tap_document_put;
    self->ports = (node_ports){
        .ctx = self,
        .crypto = swarm_crypto_port (self->shared->crypto),
        .store = &self->store,
        .open = port_open,
        .close = port_close,
        .subscribe = port_subscribe,
        .unsubscribe = port_unsubscribe,
        .send = port_send,
        .exec_send = port_exec_send,
        .control_reply = port_control_reply,
        .new_keys = port_new_keys,
        .sign = port_sign,
        .forget_keys = port_forget_keys,
        .random = port_random,
        .log = port_log,
        .zone = port_zone,
    };
}

bg_result swarm_target_make_node (swarm_target *self, bg_error *err)
{
    if (!self->links) {
        const node_links_handlers handlers = {on_message, on_link, self};
        self->links = node_links_create (self->shared->loop, NULL, &handlers);
        node_links_quiet (self->links);
        fill_ports (self);
    }
    const node_settings settings = {
        .default_name = bg_slice_str (self->name),
        .zone =
            bg_slice_str (self->zone ? self->zone : node_zones_local_name (self->shared->zones)),
        .version = bg_slice_str (BUGLE_VERSION),
        .instance = self->instance,
        .facts = self->shared->facts,
        .fact_count = self->shared->fact_count,
    };
    self->node = node_core_create (&self->ports, &settings);
    whose_turn = self;
    if (!swarm_target_begin (self))
        return bg_fail (err, BG_STORE, "the store of %s takes no transaction", self->name);
    BG_TRY (node_core_recover (self->node, swarm_target_now (self), err));
    return node_core_exec_up (self->node, swarm_target_now (self), err);
}

/*  ---- events ----  */

/*  The kind of a message whose header is the canonical one of a small kind; 0: another.  */
static unsigned kind_of (bg_slice header)
{
    const bool is_small = header.size > 3 && (header.data[0] & 0xf0) == 0x80 &&
                          header.data[1] == 1 && header.data[2] < 0x80;
    return is_small ? header.data[2] : 0;
}

static void note_incoming (swarm_target *self, unsigned kind)
{
    if (kind == WIRE_WELCOME) {
        self->has_session = true;
        self->was_polled = false;
    } else if (kind == WIRE_POLL_ANSWER) {
        self->poll_open = false;
        self->was_polled = true;
    } else if (kind == WIRE_REPORT_ANSWER && self->report_us) {
        swarm_stats *stats = &self->shared->stats;
        if (stats->acks.count < SWARM_ACKS)
            swarm_samples_add (&stats->acks, bg_clock_utc_us () - self->report_us);
        self->shared->counts.acknowledged++;
        self->report_us = 0;
    }
}

void swarm_target_message (swarm_target *self, node_link link, const bg_slice *frames)
{
    bg_error err = {0};
    bg_result fed = bg_ok ();
    if (!self->node || !swarm_target_begin (self))
        return;
    whose_turn = self;
    const bg_now now = swarm_target_now (self);
    if (link == NODE_LINK_ENLIST)
        fed = node_core_enlist (self->node, now, frames[0], frames[1], frames[2], &err);
    else if (link == NODE_LINK_DESK)
        fed = node_core_desk (self->node, now, frames[0], frames[1], frames[2], &err);
    else
        fed = node_core_order (self->node, now, frames[0], frames[1], frames[2], frames[3], &err);
    if (link == NODE_LINK_DESK)
        note_incoming (self, kind_of (frames[0]));
    if (bg_failed (fed))
        swarm_target_failed (self, "message", &err);
    swarm_target_settle (self);
}

static void on_message (void *ctx, node_link link, const bg_slice *frames, size_t count)
{
    swarm_target *self = ctx;
    if (self->shared->lag)
        swarm_lag_hold (self->shared->lag, self, link, false, frames, count);
    else
        swarm_target_message (self, link, frames);
}

static void on_link (void *ctx, node_link link, node_link_event event)
{
    swarm_target *self = ctx;
    bg_error err = {0};
    if (!self->node || !swarm_target_begin (self))
        return;
    whose_turn = self;
    if (link == NODE_LINK_DESK && event != NODE_LINK_UP)
        self->has_session = false;
    if (bg_failed (node_core_link (self->node, swarm_target_now (self), link, event, &err)))
        swarm_target_failed (self, "link", &err);
    swarm_target_settle (self);
}

void swarm_target_to_node (swarm_target *self, bg_slice blob)
{
    bg_error err = {0};
    whose_turn = self;
    if (swarm_target_begin (self) &&
        bg_failed (node_core_exec (self->node, swarm_target_now (self), blob, &err)))
        swarm_target_failed (self, "exec", &err);
}

/*  ---- enlistment ----  */

static void anchor (swarm_target *self)
{
    wire_exec_anchor request = {.write_policy = true};
    memcpy (request.authority_hash, self->shared->authority_hash, sizeof request.authority_hash);
    BG_AUTO_BUF blob = {0};
    wire_inner_encode (WIRE_EXEC_ANCHOR, bg_id_new (), &request, &blob);
    bg_error err = {0};
    if (bg_failed (exec_core_handle (
            self->exec, swarm_target_now (self), (exec_peer){2, true}, bg_buf_slice (&blob), &err)))
        swarm_target_failed (self, "anchor", &err);
}

/*  As bugle-node enlist: first bugle-exec is told whom to trust, then the node is asked.  */
void swarm_target_enlist (swarm_target *self)
{
    self->enlist_again_us = 0;
    if (!self->is_enlisting)
        self->shared->enlisting++;
    self->is_enlisting = true;
    if (!self->is_anchored)
        anchor (self);
    self->is_anchored = true;
    const wire_control_enlist request = {.token = self->shared->token,
        .name = bg_slice_str (self->name),
        .timeout_us = ENLIST_WAIT_US};
    bg_error err = {0};
    whose_turn = self;
    if (swarm_target_begin (self) &&
        bg_failed (node_core_control (self->node, swarm_target_now (self), ENLIST_REQUEST,
            WIRE_CONTROL_ENLIST, &request, &err)))
        swarm_target_failed (self, "enlist", &err);
    swarm_target_settle (self);
}

/*  A broker that is busy or away is asked again; what it refuses stays refused.  */
static bool is_passing (bg_slice code)
{
    return bg_slice_is (code, "overloaded") || bg_slice_is (code, "timeout") ||
           bg_slice_is (code, "unreachable") || bg_slice_is (code, "busy") ||
           bg_slice_is (code, "stale");
}

static void reply (swarm_target *self, bg_slice encoded)
{
    BG_AUTO_ARENA arena = {0};
    wire_control_answer answer;
    const bg_result decoded =
        WIRE_DECODE (control_answer, encoded, WIRE_AS_MESSAGE, &arena, &answer, NULL);
    bg_assert (bg_is_ok (decoded));
    if (!self->is_enlisting)
        return;
    if (!bg_slice_is (answer.code, "ok") && is_passing (answer.code)) {
        self->enlist_again_us = bg_clock_mono_us () + ENLIST_AGAIN_US;
        return;
    }
    self->is_enlisting = false;
    self->shared->enlisting--;
    if (bg_slice_is (answer.code, "ok"))
        return;
    self->shared->counts.enlist_failures++;
    bg_log_event (self->shared->log, BG_LOG_ERROR, "not-enlisted", "target=%s code=%s reason=%s",
        self->name, bg_log_value (answer.code).text, bg_log_value (answer.message).text);
}

/*  ---- effects ----  */

static void open_socket (swarm_target *self, node_link link)
{
    const swarm_want *want = &self->wants[link];
    bg_error err = {0};
    self->generations[link]++;
    if (bg_failed (node_links_open (
            self->links, link, bg_slice_str (want->endpoints), &want->key, &self->curve, &err)))
        bg_log_failure (self->shared->log, BG_LOG_ERROR, "link-not-opened", &err,
            "target=%s link=%d", self->name, (int) link);
}

static void forget_topics (swarm_target *self)
{
    for (size_t i = 0; i < self->topic_count; i++)
        free (self->topics[i]);
    self->topic_count = 0;
}

static bool may_open (const swarm_target *self, node_link link)
{
    return !self->is_cut && (!self->is_held || link == NODE_LINK_ENLIST);
}

static void want_open (swarm_target *self, const node_effect *effect)
{
    swarm_want *want = &self->wants[effect->link];
    free (want->endpoints);
    *want = (swarm_want){true, bg_slice_dup (effect->slices[0]), effect->key};
    if (effect->link == NODE_LINK_ORDERS)
        forget_topics (self);
    if (may_open (self, effect->link))
        open_socket (self, effect->link);
}

static void want_topic (swarm_target *self, bg_slice stream)
{
    if (self->topic_count < SWARM_TOPICS_MAX)
        self->topics[self->topic_count++] = bg_slice_dup (stream);
    node_links_subscribe (self->links, stream);
}

static void unwant_topic (swarm_target *self, bg_slice stream)
{
    for (size_t i = 0; i < self->topic_count; i++) {
        if (!bg_slice_is (stream, self->topics[i]))
            continue;
        free (self->topics[i]);
        self->topics[i] = self->topics[--self->topic_count];
        break;
    }
    node_links_unsubscribe (self->links, stream);
}

static void send (swarm_target *self, const node_effect *effect)
{
    const unsigned kind = effect->link == NODE_LINK_DESK ? kind_of (effect->slices[0]) : 0;
    if (kind == WIRE_POLL) {
        self->poll_open = true;
    } else if (kind == WIRE_REPORT) {
        self->report_us = bg_clock_utc_us ();
    }
    if (self->shared->lag)
        swarm_lag_hold (self->shared->lag, self, effect->link, true, effect->slices, 3);
    else
        node_links_send (self->links, effect->link, effect->slices);
}

static void to_exec (swarm_target *self, bg_slice blob)
{
    bg_error err = {0};
    if (bg_failed (exec_core_handle (
            self->exec, swarm_target_now (self), (exec_peer){1, true}, blob, &err)))
        swarm_target_failed (self, "bugle-exec does not understand the node", &err);
}

void swarm_target_release_node (swarm_target *self, const node_effect *effect)
{
    switch (effect->kind) {
    case NODE_DO_OPEN:
        want_open (self, effect);
        break;
    case NODE_DO_CLOSE:
        self->wants[effect->link].is_open = false;
        self->generations[effect->link]++;
        node_links_close (self->links, effect->link);
        break;
    case NODE_DO_SUBSCRIBE:
        want_topic (self, effect->slices[0]);
        break;
    case NODE_DO_UNSUBSCRIBE:
        unwant_topic (self, effect->slices[0]);
        break;
    case NODE_DO_SEND:
        send (self, effect);
        break;
    case NODE_DO_EXEC_SEND:
        to_exec (self, effect->slices[0]);
        break;
    case NODE_DO_REPLY:
        reply (self, effect->slices[0]);
        break;
    case NODE_DO_FORGET_KEYS:
        break;
    }
}

/*  ---- partitions ----  */

void swarm_target_cut (swarm_target *self)
{
    if (self->is_cut)
        return;
    self->is_cut = true;
    for (int i = 0; i < NODE_LINK_COUNT; i++) {
        if (!self->wants[i].is_open)
            continue;
        self->generations[i]++;
        node_links_close (self->links, (node_link) i);
        on_link (self, (node_link) i, NODE_LINK_DOWN);
    }
}

void swarm_target_heal (swarm_target *self)
{
    if (!self->is_cut && !self->is_held)
        return;
    bool was_open[NODE_LINK_COUNT];
    for (int i = 0; i < NODE_LINK_COUNT; i++)
        was_open[i] = may_open (self, (node_link) i);
    self->is_cut = self->is_held = false;
    for (int i = 0; i < NODE_LINK_COUNT; i++) {
        if (!self->wants[i].is_open || was_open[i])
            continue;
        open_socket (self, (node_link) i);
        for (size_t j = 0; i == NODE_LINK_ORDERS && j < self->topic_count; j++)
            node_links_subscribe (self->links, bg_slice_str (self->topics[j]));
    }
}
