/*  The side towards bugle-exec: what it holds, what it was asked, what it says.

    After each connect: hello, its standing, then every run it has; after that the node offers what bugle-exec lacks
    (authorities in their order, the membership) and, last, something it has already. The answer to that one is the
    barrier: bugle-exec answers in order, so all its runs have been heard by then.  */
#include "node/core/rooms.h"

#include "proto/frame.h"

#include <stdio.h>
#include <stdlib.h>

node_ask *node_ask_new (node_ask_kind kind, bg_id subject)
{
    node_ask *ask = bg_alloc (sizeof *ask);
    ask->kind = kind;
    ask->subject = subject;
    return ask;
}

void node_ask_release (void *object)
{
    node_ask *ask = object;
    bg_buf_fini (&ask->signed_item);
    free (ask);
}

void node_ask_exec (node_core *self, node_ask *ask, wire_kind kind, const void *value)
{
    ask->id = node_say_exec (self, kind, value);
    if (ask->kind == NODE_ASK_DOCUMENT)
        self->document_asks++;
    node_table_insert (&self->asks, ask);
}

void node_exec_lost (node_core *self)
{
    self->exec = (node_exec_link){0};
    node_locals_exec_lost (self);
    node_table_fini (&self->asks, node_ask_release);
    self->document_asks = 0;
    /*  Unanswered instructions come again with the next poll.  */
    self->poll.more = false;
    node_deeds_exec_lost (self);
    for (size_t i = 0; i < self->occurrences.count; i++)
        ((node_occurrence *) self->occurrences.items[i])->sent = false;
}

bg_result node_exec_connected (node_core *self, bg_error *err)
{
    (void) err;
    node_exec_lost (self);
    self->exec.connected = true;
    node_say_exec (self, WIRE_EXEC_HELLO,
        &(wire_exec_hello){
            .version = bg_slice_str (self->version), .installation = self->identity.installation});
    return bg_ok ();
}

void node_exec_anchor (node_core *self, const uint8_t authority_hash[32])
{
    wire_exec_anchor anchor = {.write_policy = true};
    memcpy (anchor.authority_hash, authority_hash, sizeof anchor.authority_hash);
    self->exec.anchor_asked = true;
    node_ask_exec (self, node_ask_new (NODE_ASK_ANCHOR, (bg_id){0}), WIRE_EXEC_ANCHOR, &anchor);
}

/*  ---- what it lacks ----  */

typedef struct {
    node_core *core;
} missing;

static bool offer_authority (void *visitor, uint64_t version, bg_slice signed_item)
{
    (void) version;
    node_core *self = ((missing *) visitor)->core;
    wire_signed item;
    wire_document document;
    if (!bg_failed (node_decode_signed (signed_item, &self->scratch, &item, NULL)) &&
        !bg_failed (
            WIRE_DECODE (document, item.bytes, WIRE_AS_MESSAGE, &self->scratch, &document, NULL)))
        node_apply_offer (self, &item, &document);
    return true;
}

static bg_result offer_membership (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_slot *slot = node_slot_find (self, self->identity.target);
    if (!slot || (!slot->waiting.there && slot->held.version <= self->exec.membership))
        return bg_ok ();
    node_document_row row;
    bool found = false;
    const node_place place = slot->waiting.there ? NODE_PLACE_WAITING : NODE_PLACE_HELD;
    BG_TRY (store->document_get (store->ctx, place, slot->key, &self->scratch, &row, &found, err));
    if (!found)
        return bg_ok ();
    wire_signed item;
    wire_document document;
    BG_TRY (node_decode_signed (row.signed_item, &self->scratch, &item, err));
    if (!bg_failed (
            WIRE_DECODE (document, item.bytes, WIRE_AS_MESSAGE, &self->scratch, &document, NULL)))
        node_apply_offer (self, &item, &document);
    slot->waiting.inputs = self->inputs;
    return bg_ok ();
}

static bg_result catch_up (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    missing visitor = {self};
    BG_TRY (
        store->authority_each (store->ctx, self->exec.authority, offer_authority, &visitor, err));
    BG_TRY (offer_membership (self, err));
    if (!self->keyring)
        return bg_ok (); /*  cannot be: an identity is stored together with its authority  */
    wire_exec_offer offer = {.has_item = true, .item = *wire_keyring_signed (self->keyring)};
    node_ask_exec (self, node_ask_new (NODE_ASK_BARRIER, (bg_id){0}), WIRE_EXEC_OFFER, &offer);
    return bg_ok ();
}

bg_result node_exec_settle (node_core *self, bg_error *err)
{
    node_exec_link *exec = &self->exec;
    if (!exec->heard || !self->enlisted || exec->ready || exec->foreign)
        return bg_ok ();
    if (!bg_id_is_zero (exec->installation) &&
        !bg_id_equal (exec->installation, self->identity.installation)) {
        exec->foreign = true;
        node_log (self, NODE_LOG_ERROR, "exec-foreign",
            "bugle-exec belongs to another enlistment; nothing can be started until one of the two "
            "defects");
        return bg_ok ();
    }
    if (!exec->anchored) {
        if (!exec->anchor_asked)
            node_exec_anchor (self, self->identity.authority_hash);
        return bg_ok ();
    }
    exec->ready = true;
    return catch_up (self, err);
}

bg_result node_exec_remind (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    if (!self->exec.ready || self->full || !self->keyring || self->document_asks > 0)
        return bg_ok ();
    const bool lacks = self->exec.authority < wire_keyring_version (self->keyring);
    if (!lacks && node_poll_waiting (self) == 0)
        return bg_ok ();
    self->inputs++;
    if (!lacks)
        return bg_ok ();
    missing visitor = {self};
    return store->authority_each (store->ctx, self->exec.authority, offer_authority, &visitor, err);
}

/*  ---- what it says ----  */

static bg_result standing (node_core *self, const wire_exec_standing *said, bg_error *err)
{
    node_exec_link *exec = &self->exec;
    exec->heard = true;
    exec->anchored = said->anchored;
    exec->installation = said->installation;
    const bool is_first = !exec->shown;
    exec->shown = true;
    exec->local_installation = said->local_installation;
    exec->authority = said->authority;
    exec->membership = said->membership;
    if (said->time_known && !exec->time_known)
        self->inputs++; /*  what has an expiry can be judged now  */
    exec->time_known = said->time_known;
    if (said->inputs != self->exec_inputs) {
        /*  Its policy, its program or its key: what was refused may be taken now, and the other way round.  */
        self->exec_inputs = said->inputs;
        self->trust++;
        self->inputs++;
    }
    if (!said->policy && !*exec->problem)
        node_log (self, NODE_LOG_WARNING, "policy", "bugle-exec starts nothing: %.*s",
            BG_SLICE_ARG (said->policy_problem));
    snprintf (exec->version, sizeof exec->version, "%.*s", BG_SLICE_ARG (said->version));
    snprintf (exec->problem, sizeof exec->problem, "%.*s", BG_SLICE_ARG (said->policy_problem));
    if (said->policy)
        exec->problem[0] = '\0';
    if (is_first && !self->full)
        BG_TRY (node_locals_offer (self, err));
    return node_enlist_exec (self, err);
}

static void synced (node_core *self)
{
    self->exec.synced = true;
    self->exec.synced_poll = self->poll.serial;
    self->deeds_moved = true;
    self->retried_inputs = 0;
    /*  Instructions that came while nobody could judge them were not acknowledged.  */
    node_poll_want (self);
}

static void anchored (node_core *self, const wire_exec_verdict *verdict)
{
    if (bg_slice_is (verdict->code, "ok")) {
        self->exec.anchored = true;
        if (self->enlist.phase == NODE_ENLIST_ANCHORING ||
            self->enlist.phase == NODE_ENLIST_PINNING) {
            /*  A pin taken for a new enlistment: what it held of another one is gone.  */
            self->exec.installation = (bg_id){0};
            self->exec.authority = self->exec.membership = 0;
        }
    } else if (bg_slice_is (verdict->code, "not-allowed")) {
        /*  The system's bugle-exec takes that from root: the enlist command pins it.  */
        node_log (
            self, NODE_LOG_INFO, "anchor-by-command", "%.*s", BG_SLICE_ARG (verdict->message));
    } else {
        self->exec.anchor_refused = true;
        node_log (self, NODE_LOG_ERROR, "anchor-refused",
            "bugle-exec did not take the enlistment over: %.*s", BG_SLICE_ARG (verdict->message));
    }
    node_enlist_anchored (self, verdict);
}

static bg_result verdict_for (
    node_core *self, const node_ask *ask, const wire_exec_verdict *verdict, bg_error *err)
{
    switch (ask->kind) {
    case NODE_ASK_DOCUMENT:
        return node_apply_verdict (self, ask, verdict, err);
    case NODE_ASK_STOP:
    case NODE_ASK_START:
        return node_deed_verdict (self, ask, verdict, err);
    case NODE_ASK_OCCURRENCE:
        return node_occurrence_verdict (self, ask->subject, verdict, err);
    case NODE_ASK_ANCHOR:
        anchored (self, verdict);
        return bg_ok ();
    case NODE_ASK_BARRIER:
        synced (self);
        return bg_ok ();
    case NODE_ASK_FORGET:
    case NODE_ASK_OUTPUT:
        return bg_ok ();
    case NODE_ASK_LOCAL:
    case NODE_ASK_LOCAL_START:
    case NODE_ASK_LOCAL_STOP:
        return node_local_verdict (self, ask, verdict, err);
    }
    return bg_ok ();
}

static node_ask *take_ask (node_core *self, bg_id request)
{
    node_ask *ask = node_table_take (&self->asks, request);
    if (ask && ask->kind == NODE_ASK_DOCUMENT)
        self->document_asks--;
    return ask;
}

static bg_result verdict (
    node_core *self, const wire_header *header, const wire_exec_verdict *said, bg_error *err)
{
    node_ask *ask = take_ask (self, header->request);
    if (!ask) /*  of a request before a reconnect, or one that needs no answer  */
        return bg_ok ();
    self->exec.runs_known = true;
    const bg_result result = verdict_for (self, ask, said, err);
    node_ask_release (ask);
    return result;
}

bg_result node_exec_message (node_core *self, bg_slice blob, bg_error *err)
{
    wire_header header;
    void *body = NULL;
    bg_error why = {0};
    if (bg_failed (wire_inner_decode (blob, &self->scratch, &header, &body, &why))) {
        node_count (self, NODE_COUNT_MALFORMED);
        node_log (self, NODE_LOG_ERROR, "exec-malformed", "a message of bugle-exec was dropped: %s",
            why.message);
        return bg_ok ();
    }
    if (header.kind == WIRE_EXEC_STANDING)
        return standing (self, body, err);
    if (header.kind == WIRE_EXEC_NONCE) {
        memcpy (self->exec.nonce, ((const wire_exec_nonce *) body)->nonce, sizeof self->exec.nonce);
        self->exec.has_nonce = true;
        node_poll_want (self);
        return bg_ok ();
    }
    if (header.kind == WIRE_EXEC_OUTPUT_PART) {
        node_ask *ask = take_ask (self, header.request);
        if (ask) {
            node_question_output (self, ask, body);
            node_ask_release (ask);
        }
        return bg_ok ();
    }
    /*  The rest ends in the store; it is asked for again when there is space.  */
    if (self->full)
        return bg_ok ();
    if (header.kind == WIRE_EXEC_VERDICT)
        return verdict (self, &header, body, err);
    if (header.kind == WIRE_EXEC_RUN) {
        const wire_run *run = &((const wire_exec_run *) body)->run;
        node_ask *ask = take_ask (self, header.request);
        const bg_result result = node_run_heard (self, run, err);
        if (ask && ask->kind == NODE_ASK_LOCAL_START && !bg_failed (result))
            node_local_began (self, ask, run);
        if (ask)
            node_ask_release (ask);
        return result;
    }
    node_count (self, NODE_COUNT_UNKNOWN_KIND);
    return bg_ok ();
}
