/*  Joining a broker without a token: the machine asks, an admin approves.

        asking --PENDING, what the code is made of is stored--> pinning --bugle-exec has the pin--> pending
        pending --APPROVED--> settling (enlistment.c)         pending --ERROR rejected--> nothing stays

    The person is answered twice: with what the code is made of, as soon as that is stored; and, if still there, with
    the outcome. In between nobody has to wait: it goes on over restarts of both sides, for as long as it takes.

    Invariant: nothing is asked with a proof before bugle-exec holds the pin, so an approved machine can always run
    something.  */
#include "node/core/rooms.h"

#include "common/job/names.h"
#include "proto/frame.h"

#define ASK_RETRY_US  BG_SEC (5)
#define SILENT_US     BG_SEC (10) /*  until an unanswered question is said again  */
#define SILENT_REOPEN 3           /*  questions in a row without an answer: another socket  */
#define PROOFS_MAX    3
#define HINDERED_US   BG_SEC (30)

bool node_pending_is (const node_core *self)
{
    const node_enlist_phase phase = self->enlist.phase;
    return phase == NODE_ENLIST_ASKING || phase == NODE_ENLIST_PINNING ||
           phase == NODE_ENLIST_PENDING;
}

void node_pending_describe (const node_core *self, wire_control_answer *answer)
{
    const node_enlistment *at = &self->enlist;
    if (at->phase != NODE_ENLIST_PINNING && at->phase != NODE_ENLIST_PENDING)
        return;
    answer->pending = true;
    answer->name = at->name;
    answer->broker = at->broker.name;
    answer->installation = at->broker.installation;
    answer->authority_hash =
        bg_slice_of (at->broker.authority_hash, sizeof at->broker.authority_hash);
    answer->sign_key = at->sign_key;
    answer->curve_key = at->curve_key;
    answer->broker_key = at->broker.curve_key;
}

/*  ---- the store ----  */

static bg_result store_wish (node_core *self, const wire_control_enlist *wanted, bg_error *err)
{
    const node_store *store = self->ports.store;
    BG_AUTO_BUF bytes = {0};
    wire_control_enlist kept = *wanted;
    kept.name = self->enlist.name;
    kept.location = self->enlist.location;
    kept.timeout_us = 0;
    kept.wait = kept.listed = false;
    WIRE_ENCODE (control_enlist, &kept, &bytes);
    return store->blob_put (store->ctx, NODE_BLOB_ASKED, bg_buf_slice (&bytes), err);
}

static bg_result store_pin (node_core *self, const wire_enlist_pending *said, bg_error *err)
{
    const node_store *store = self->ports.store;
    BG_AUTO_BUF bytes = {0};
    WIRE_ENCODE (enlist_pending, said, &bytes);
    return store->blob_put (store->ctx, NODE_BLOB_PINNED, bg_buf_slice (&bytes), err);
}

static bg_result store_nothing (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    BG_TRY (store->blob_put (store->ctx, NODE_BLOB_ASKED, (bg_slice){0}, err));
    return store->blob_put (store->ctx, NODE_BLOB_PINNED, (bg_slice){0}, err);
}

/*  Back to how a node is that never asked; or, when another enlistment follows at once, with the same keys.  */
static bg_result leave_nothing (node_core *self, bool keep_keys, bg_error *err)
{
    BG_TRY (store_nothing (self, err));
    if (self->exec.connected && !self->enlisted)
        node_say_exec (self, WIRE_EXEC_FORGET,
            &(wire_exec_forget){.reason = bg_slice_str ("the enlistment came to nothing")});
    if (!keep_keys)
        self->ports.forget_keys (self->ports.ctx);
    return bg_ok ();
}

bg_result node_pending_withdraw (node_core *self, bool keep_keys, bg_error *err)
{
    BG_TRY (leave_nothing (self, keep_keys, err));
    self->ports.close (self->ports.ctx, NODE_LINK_ENLIST);
    node_log (
        self, NODE_LOG_INFO, "enlist-withdrawn", "name=%.*s", BG_SLICE_ARG (self->enlist.name));
    node_enlist_drop (self);
    return bg_ok ();
}

static bg_result fail (node_core *self, const bg_error *why, bg_error *err)
{
    BG_TRY (leave_nothing (self, false, err));
    node_enlist_fail (self, why);
    return bg_ok ();
}

/*  ---- asking ----  */

static void prepare_ask (node_core *self)
{
    node_enlistment *at = &self->enlist;
    wire_enlist_ask ask = {
        .level_low = WIRE_LEVEL,
        .level_high = WIRE_LEVEL,
        .sign_key = at->sign_key,
        .name = at->name,
        .version = bg_slice_str (self->version),
        .zone = node_cut (bg_slice_str (self->zone), 64),
        .location = at->location,
        .facts = self->facts,
        .facts_count = self->fact_count,
    };
    self->ports.random (self->ports.ctx, at->nonce, sizeof at->nonce);
    memcpy (ask.nonce, at->nonce, sizeof ask.nonce);
    if (at->phase != NODE_ENLIST_ASKING)
        ask.authority_hash =
            bg_slice_of (at->broker.authority_hash, sizeof at->broker.authority_hash);
    if (at->phase == NODE_ENLIST_PENDING && at->has_nonce) {
        wire_enlist_proof proof = {
            .installation = at->broker.installation, .broker_curve_key = at->broker.curve_key};
        memcpy (proof.broker_nonce, at->broker_nonce, sizeof proof.broker_nonce);
        memcpy (proof.target_nonce, at->nonce, sizeof proof.target_nonce);
        ask.has_proof = true;
        node_membership_prove (self, &proof, &self->scratch, &ask.proof);
    }
    node_enlist_prepare (self, WIRE_ENLIST_ASK, &ask);
}

static void ask_now (node_core *self)
{
    const bool is_first = self->enlist.phase == NODE_ENLIST_ASKING;
    prepare_ask (self);
    node_enlist_say (self, is_first ? ASK_RETRY_US : SILENT_US);
}

static void open_link (node_core *self)
{
    const node_enlist_broker *broker = &self->enlist.broker;
    self->ports.open (self->ports.ctx, NODE_LINK_ENLIST, broker->endpoints, &broker->curve_key);
}

void node_pending_again (node_core *self)
{
    node_enlistment *at = &self->enlist;
    if (at->phase == NODE_ENLIST_PINNING)
        return;
    if (++at->silent > SILENT_REOPEN) {
        at->silent = 0;
        open_link (self); /*  libzmq does not come back from everything by itself  */
    }
    ask_now (self);
}

/*  ---- bugle-exec ----  */

static void begin_to_wait (node_core *self)
{
    self->enlist.phase = NODE_ENLIST_PENDING;
    ask_now (self);
}

void node_pending_exec (node_core *self)
{
    if (!self->exec.heard)
        return;
    if (!self->exec.anchor_asked)
        node_exec_anchor (self, self->enlist.broker.authority_hash);
    else if (self->enlist.pin_refused && self->exec.anchored &&
             bg_id_is_zero (self->exec.installation))
        begin_to_wait (self); /*  the privileged enlist command has pinned it  */
}

void node_pending_anchored (node_core *self, const wire_exec_verdict *verdict)
{
    node_enlistment *at = &self->enlist;
    if (bg_slice_is (verdict->code, "ok")) {
        if (verdict->message.size > 0)
            at->note = bg_arena_copy (&at->arena, verdict->message);
        begin_to_wait (self);
        return;
    }
    at->pin_refused = true;
    node_pending_exec (self);
}

/*  ---- the request of a person ----  */

static void take_wish (node_core *self, const wire_control_enlist *wanted)
{
    node_enlistment *at = &self->enlist;
    at->broker.endpoints =
        node_enlist_join (&at->arena, wanted->endpoints, wanted->endpoints_count);
    at->broker.curve_key = wanted->broker_key;
    at->name = bg_arena_copy (&at->arena, node_enlist_name (self, wanted->name));
    at->location = bg_arena_copy (
        &at->arena, wanted->location.size > 0 ? wanted->location : bg_slice_str (self->location));
}

static bg_result check_request (
    const node_core *self, const wire_control_enlist *wanted, bg_error *why)
{
    if (self->full)
        return bg_fail (why, BG_STORAGE_FULL, "no space is left in the node's store");
    if (wanted->endpoints_count == 0 || bg_key_is_zero (&wanted->broker_key))
        return bg_fail (why, BG_INVALID, "an enlistment takes a token, or a broker and its key");
    if (self->leaving || self->defect.wanted ||
        (self->enlist.phase != NODE_ENLIST_NONE &&
            !(node_pending_is (self) && self->enlist.answered)))
        return bg_fail (why, BG_BUSY, "another enlistment or defection of this node is going on");
    return node_enlist_name_fits (self, node_enlist_name (self, wanted->name), why);
}

static void reply (node_core *self, uint64_t control, bool unchanged)
{
    wire_control_answer answer = {.code = bg_slice_str ("ok"), .unchanged = unchanged};
    node_control_describe (self, &answer, !answer.pending);
    answer.message = self->enlist.note;
    node_reply (self, control, &answer);
}

/*  *done: it is enlisted so already, or refused; answered.  */
static void of_enlisted (
    node_core *self, uint64_t control, const wire_control_enlist *wanted, bool *done)
{
    bg_error why = {0};
    *done = self->enlisted;
    if (!self->enlisted)
        return;
    if (bg_key_equal (&wanted->broker_key, &self->identity.broker_curve_key) &&
        job_name_compare (node_enlist_name (self, wanted->name), self->identity.name) == 0) {
        reply (self, control, true);
        return;
    }
    bg_ignore (
        bg_fail (&why, BG_ENLISTED, "this node is enlisted with the broker \"%.*s\" as \"%.*s\"",
            BG_SLICE_ARG (self->identity.broker), BG_SLICE_ARG (self->identity.name)));
    bg_ignore (bg_hint (&why, "defect first: bugle-node defect"));
    node_reply_error (self, control, &why);
}

/*  The same question again: it is the one that waits.  */
static bool is_same (node_core *self, const wire_control_enlist *wanted)
{
    const node_enlistment *at = &self->enlist;
    return node_pending_is (self) && bg_key_equal (&wanted->broker_key, &at->broker.curve_key) &&
           bg_slice_equal (
               node_enlist_join (&self->scratch, wanted->endpoints, wanted->endpoints_count),
               at->broker.endpoints) &&
           job_name_compare (node_enlist_name (self, wanted->name), at->name) == 0;
}

static bg_result join_in (
    node_core *self, uint64_t control, const wire_control_enlist *wanted, bg_error *err)
{
    node_enlistment *at = &self->enlist;
    (void) err;
    const bool is_known = wanted->listed ? at->listed : at->phase != NODE_ENLIST_ASKING;
    if (!wanted->wait && is_known) {
        reply (self, control, false);
        return bg_ok ();
    }
    at->control = control;
    at->answered = false;
    at->until_listed = !wanted->wait;
    return bg_ok ();
}

static bg_result begin (
    node_core *self, uint64_t control, const wire_control_enlist *wanted, bg_error *err)
{
    node_enlistment *at = &self->enlist;
    bg_error why = {0};
    if (node_pending_is (self))
        BG_TRY (node_pending_withdraw (self, true, err));
    *at = (node_enlistment){.phase = NODE_ENLIST_ASKING, .control = control};
    take_wish (self, wanted);
    if (bg_failed (self->ports.new_keys (self->ports.ctx, &at->sign_key, &at->curve_key, &why))) {
        node_enlist_fail (self, &why);
        return bg_ok ();
    }
    BG_TRY (store_wish (self, wanted, err));
    node_timer_in (self, NODE_TIMER_ENLIST_END,
        wanted->timeout_us > 0 ? wanted->timeout_us : NODE_CONTROL_TIMEOUT_US);
    open_link (self);
    ask_now (self);
    return bg_ok ();
}

bg_result node_pending_begin (
    node_core *self, uint64_t control, const wire_control_enlist *wanted, bg_error *err)
{
    bg_error why = {0};
    bool done = false;
    if (bg_failed (check_request (self, wanted, &why))) {
        node_reply_error (self, control, &why);
        return bg_ok ();
    }
    of_enlisted (self, control, wanted, &done);
    if (done)
        return bg_ok ();
    if (is_same (self, wanted))
        return join_in (self, control, wanted, err);
    return begin (self, control, wanted, err);
}

bg_result node_pending_recover (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_enlistment *at = &self->enlist;
    bg_slice wish;
    bg_slice pin;
    wire_control_enlist wanted;
    wire_enlist_pending said;
    bg_error why = {0};
    BG_TRY (store->blob_get (store->ctx, NODE_BLOB_ASKED, &self->scratch, &wish, err));
    BG_TRY (store->blob_get (store->ctx, NODE_BLOB_PINNED, &self->scratch, &pin, err));
    /*  Before the first answer nobody has seen a code: the person types the command again.  */
    if (self->enlisted || wish.size == 0 || pin.size == 0 ||
        bg_failed (
            WIRE_DECODE (control_enlist, wish, WIRE_AS_MESSAGE, &self->scratch, &wanted, NULL)) ||
        bg_failed (WIRE_DECODE (enlist_pending, pin, WIRE_AS_MESSAGE, &self->scratch, &said, NULL)))
        return bg_ok ();
    *at = (node_enlistment){.phase = NODE_ENLIST_PINNING, .answered = true, .was_listed = true};
    take_wish (self, &wanted);
    at->broker.name = bg_arena_copy (&at->arena, said.broker);
    at->broker.installation = said.installation;
    memcpy (at->broker.authority_hash, said.authority_hash, sizeof at->broker.authority_hash);
    if (bg_failed (self->ports.new_keys (self->ports.ctx, &at->sign_key, &at->curve_key, &why))) {
        node_log (self, NODE_LOG_ERROR, "enlist-failed", "%s", why.message);
        node_enlist_drop (self);
        return bg_ok ();
    }
    node_log (self, NODE_LOG_INFO, "enlist-pending",
        "an administrator of the broker \"%.*s\" has to approve this machine as \"%.*s\"",
        BG_SLICE_ARG (at->broker.name), BG_SLICE_ARG (at->name));
    open_link (self);
    return bg_ok ();
}

/*  ---- what the broker says ----  */

static bg_result pinned (node_core *self, const wire_enlist_pending *said, bg_error *err)
{
    node_enlistment *at = &self->enlist;
    bg_error why = {0};
    if (said->level == 0 || said->level > WIRE_LEVEL) {
        bg_ignore (bg_fail (&why, BG_LEVEL, "the broker speaks another protocol level"));
        return fail (self, &why, err);
    }
    BG_TRY (store_pin (self, said, err));
    at->broker.name = bg_arena_copy (&at->arena, said->broker);
    at->broker.installation = said->installation;
    memcpy (at->broker.authority_hash, said->authority_hash, sizeof at->broker.authority_hash);
    at->phase = NODE_ENLIST_PINNING;
    node_timer_off (self, NODE_TIMER_ENLIST);
    node_timer_off (self, NODE_TIMER_ENLIST_END);
    self->exec.anchor_asked = self->exec.anchor_refused = false; /*  another pin than before  */
    if (!at->answered)
        reply (self, at->control, false);
    at->answered = true;
    node_pending_exec (self);
    return bg_ok ();
}

static void heard (node_core *self, const wire_enlist_pending *said)
{
    node_enlistment *at = &self->enlist;
    if (!bg_id_equal (said->installation, at->broker.installation) ||
        memcmp (said->authority_hash, at->broker.authority_hash, 32) != 0) {
        node_count (self, NODE_COUNT_UNEXPECTED);
        return;
    }
    memcpy (at->broker_nonce, said->nonce, sizeof at->broker_nonce);
    at->has_nonce = true;
    at->silent = 0;
    const int64_t again_us = said->again_us > (uint64_t) BG_MIN (5)   ? BG_MIN (5)
                             : said->again_us < (uint64_t) BG_SEC (1) ? BG_SEC (1)
                                                                      : (int64_t) said->again_us;
    if (said->listed) {
        if (!at->listed)
            node_log (self, NODE_LOG_INFO, "enlist-listed", "broker=%.*s name=%.*s",
                BG_SLICE_ARG (at->broker.name), BG_SLICE_ARG (at->name));
        at->listed = at->was_listed = true;
        at->proofs = 0;
        if (!at->answered && at->until_listed) {
            at->answered = true;
            reply (self, at->control, false);
        }
    } else if (at->proofs++ < PROOFS_MAX) {
        ask_now (self); /*  with the nonce that it wants  */
        return;
    }
    node_timer_in (self, NODE_TIMER_ENLIST, again_us + node_random_below (self, again_us / 10));
}

static bg_slice told_endpoints (bg_arena *arena, const wire_enlist_approved *approved)
{
    bg_slice all = {0};
    for (size_t i = 0; i < approved->endpoints_count; i++)
        all = bg_arena_printf (arena, "%.*s%s%.*s", BG_SLICE_ARG (all), i ? "\n" : "",
            BG_SLICE_ARG (approved->endpoints[i]));
    return all;
}

static bg_result approved (node_core *self, const wire_enlist_approved *said, bg_error *err)
{
    node_enlistment *at = &self->enlist;
    bg_error why = {0};
    if (said->endpoints_count == 0)
        bg_ignore (bg_fail (&why, BG_INVALID, "the broker does not say where targets find it"));
    else if (!bg_failed (node_enlist_authorities (
                 self, said->authority, said->authority_count, at->broker.installation, &why))) {
        at->broker.endpoints = told_endpoints (&at->arena, said);
        BG_TRY (node_enlist_stored (self, &said->membership, &why, err));
    }
    if (why.code != BG_OK)
        return fail (self, &why, err);
    node_timer_in (self, NODE_TIMER_ENLIST_END, NODE_CONTROL_TIMEOUT_US);
    return store_nothing (self, err);
}

/*  What no waiting heals.  */
static bool is_final (bg_code code)
{
    static const bg_code codes[] = {
        BG_REJECTED, BG_CONFLICT, BG_ENLISTED, BG_INVALID, BG_LEVEL, BG_NOT_ALLOWED, BG_DISMANTLED};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i] == code)
            return true;
    return false;
}

static bg_result refused (node_core *self, const wire_error *error, bg_error *err)
{
    node_enlistment *at = &self->enlist;
    bg_error why = {0};
    const bg_result said = wire_error_to (error, &why);
    if (!at->was_listed || is_final (said.code))
        return fail (self, &why, err);
    /*  Who was on the list stays there whatever hinders the broker now.  */
    node_log (self, NODE_LOG_WARNING, "enlist-again", "the broker says: %s", why.message);
    node_timer_in (self, NODE_TIMER_ENLIST, HINDERED_US);
    return bg_ok ();
}

bg_result node_pending_message (
    node_core *self, const wire_header *header, const void *body, bg_error *err)
{
    node_enlistment *at = &self->enlist;
    if (!bg_id_equal (header->request, at->request)) {
        node_count (self, NODE_COUNT_UNEXPECTED);
        return bg_ok ();
    }
    if (header->kind == WIRE_ERROR)
        return refused (self, body, err);
    if (header->kind == WIRE_ENLIST_PENDING && at->phase == NODE_ENLIST_ASKING)
        return pinned (self, body, err);
    if (header->kind == WIRE_ENLIST_PENDING && at->phase == NODE_ENLIST_PENDING)
        heard (self, body);
    else if (header->kind == WIRE_ENLIST_APPROVED && at->phase == NODE_ENLIST_PENDING)
        return approved (self, body, err);
    else
        node_count (self, NODE_COUNT_UNEXPECTED);
    return bg_ok ();
}
