/*  Instructions on their way: from the broker to bugle-exec, from its verdict to the store and back as acknowledgement.

    Idempotent and free of order: the version decides for documents, the id for deeds. What is not acknowledged comes
    again with a later poll, so everything that cannot be judged now may simply be dropped.  */
#include "node/core/rooms.h"

#include "proto/frame.h"

static bool same_hash (const node_version *version, const uint8_t hash[32])
{
    return version->there && memcmp (version->hash, hash, sizeof version->hash) == 0;
}

/*  ---- acknowledgements ----  */

void node_ack_drop (node_core *self)
{
    self->ack_count = 0;
    bg_arena_reset (&self->ack_arena);
}

void node_ack_flush (node_core *self)
{
    if (self->ack_count && node_session_is_up (self)) {
        const wire_ack ack = {
            .items = self->acks, .items_count = self->ack_count, .state_seq = self->state_seq};
        node_say (self, NODE_LINK_DESK, WIRE_ACK, &ack);
    }
    node_ack_drop (self);
}

void node_ack (
    node_core *self, bg_id key, uint64_t version, uint64_t state, bg_slice code, bg_slice message)
{
    if (self->ack_count == NODE_ACKS_MAX)
        node_ack_flush (self);
    if (self->ack_count == self->ack_capacity) {
        self->ack_capacity = self->ack_capacity ? 2 * self->ack_capacity : 4;
        self->acks = bg_realloc (self->acks, self->ack_capacity * sizeof *self->acks);
    }
    self->acks[self->ack_count++] = (wire_ack_item){
        .key = key,
        .version = version,
        .state = state,
        .code = bg_arena_copy (&self->ack_arena, node_cut (code, 64)),
        .message = bg_arena_copy (&self->ack_arena, node_cut (message, 512)),
    };
}

/*  ---- coming in ----  */

/*  The place's reason again, for a broker that asks again.  */
static bg_result ack_again (node_core *self, const node_slot *slot, node_place place, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_document_row row;
    bool found = false;
    BG_TRY (store->document_get (store->ctx, place, slot->key, &self->scratch, &row, &found, err));
    if (found)
        node_ack (self, slot->key, row.version,
            place == NODE_PLACE_WAITING ? WIRE_DELIVERY_WAITING : WIRE_DELIVERY_FAILED, row.code,
            row.message);
    return bg_ok ();
}

/*  True when the version is no news; then it has been answered. What was refused and comes once more is news: the broker
    sends it again when somebody wants it tried again.  */
static bg_result is_known (node_core *self, const wire_document *document, const uint8_t hash[32],
    bool *known, bg_error *err)
{
    const node_slot *slot = node_slot_find (self, document->key);
    *known = true;
    if (!slot) {
        *known = false;
        return bg_ok ();
    }
    const uint64_t version = document->version;
    if (slot->held.there && slot->held.version == version) {
        if (same_hash (&slot->held, hash)) {
            node_ack (
                self, document->key, version, WIRE_DELIVERY_APPLIED, (bg_slice){0}, (bg_slice){0});
            return bg_ok ();
        }
        node_count (self, NODE_COUNT_FORKS);
        node_log (self, NODE_LOG_ERROR, "fork",
            "version %llu came a second time with other bytes; the first is kept",
            (unsigned long long) version);
        node_ack (self, document->key, version, WIRE_DELIVERY_FAILED, bg_slice_str ("fork"),
            bg_slice_str ("this version is held with other bytes"));
        return bg_ok ();
    }
    if (slot->refused.there && slot->refused.version == version &&
        same_hash (&slot->refused, hash)) {
        /*  An answer to a poll that was sent before the verdict only repeats what was judged.  */
        const bool repeats = self->polled && slot->refused.poll >= self->poll.serial;
        if (!self->exec.ready || repeats)
            return ack_again (self, slot, NODE_PLACE_REFUSED, err);
        *known = false;
        return bg_ok ();
    }
    if (slot->waiting.there && slot->waiting.version == version && same_hash (&slot->waiting, hash))
        return ack_again (self, slot, NODE_PLACE_WAITING, err);
    if (version < node_slot_settled (slot)) {
        node_ack (
            self, document->key, version, WIRE_DELIVERY_SUPERSEDED, (bg_slice){0}, (bg_slice){0});
        return bg_ok ();
    }
    *known = false;
    return bg_ok ();
}

bool node_is_proven (const node_core *self, const wire_signed *item)
{
    return self->keyring && wire_is_signed (self->keyring, item, self->ports.crypto);
}

void node_apply_offer (node_core *self, const wire_signed *item, const wire_document *document)
{
    if (!self->exec.ready)
        return;
    uint8_t hash[32];
    wire_hash32 (item->bytes, hash);
    for (size_t i = 0; i < self->asks.count; i++) {
        node_ask *other = self->asks.items[i];
        if (other->kind == NODE_ASK_DOCUMENT && bg_id_equal (other->subject, document->key) &&
            memcmp (other->hash, hash, sizeof hash) == 0) {
            other->hinted = other->hinted && self->hinted;
            return;
        }
    }
    node_ask *ask = node_ask_new (NODE_ASK_DOCUMENT, document->key);
    ask->hinted = self->hinted;
    ask->type = document->type;
    ask->version = document->version;
    memcpy (ask->hash, hash, sizeof hash);
    WIRE_ENCODE (signed, item, &ask->signed_item);
    const node_slot *slot = node_slot_find (self, document->key);
    if (!slot || !same_hash (&slot->refused, hash))
        self->news++;
    node_ask_exec (self, ask, WIRE_EXEC_OFFER, &(wire_exec_offer){.has_item = true, .item = *item});
}

bg_result node_apply (node_core *self, const wire_signed *item, bg_error *err)
{
    if (!self->enlisted || self->leaving)
        return bg_ok ();
    /*  Under another name nothing is taken but what may change that; the rest comes again.  */
    if (self->problem && item->type != WIRE_TYPE_AUTHORITY && item->type != WIRE_TYPE_MEMBERSHIP)
        return bg_ok ();
    if (item->type == WIRE_TYPE_DEED)
        return node_deed_take (self, item, err);
    wire_document document;
    bg_error why = {0};
    /*  Read loosely: only key and version are wanted, the verdict is bugle-exec's.  */
    if (bg_failed (WIRE_DECODE (
            document, item->bytes, WIRE_AS_MESSAGE, &self->scratch, &document, &why)) ||
        document.type != item->type || document.version == 0) {
        node_count (self, NODE_COUNT_MALFORMED);
        node_log (self, NODE_LOG_WARNING, "instruction-malformed",
            "an instruction is not a document: %s",
            *why.message ? why.message : "its two types differ");
        return bg_ok ();
    }
    if (!bg_id_equal (document.installation, self->identity.installation)) {
        node_count (self, NODE_COUNT_REFUSED);
        return bg_ok ();
    }
    if (self->document_asks >= NODE_OFFERS_MAX) {
        node_poll_want (self); /*  it comes again when bugle-exec has caught up  */
        return bg_ok ();
    }
    uint8_t hash[32];
    wire_hash32 (item->bytes, hash);
    bool known = false;
    BG_TRY (is_known (self, &document, hash, &known, err));
    if (!known)
        node_apply_offer (self, item, &document);
    return bg_ok ();
}

static bg_result offer_place (
    node_core *self, const node_slot *slot, node_place place, bg_error *err);

/*  What is announced again although it is refused here is to be tried again; it is at hand.  */
static bool is_refused_here (const node_slot *slot, const wire_reference *reference)
{
    return slot && slot->refused.there && slot->refused.version == reference->version &&
           same_hash (&slot->refused, reference->hash);
}

static void fetch (node_core *self, const wire_reference *reference)
{
    const node_slot *slot = node_slot_find (self, reference->key);
    if (reference->type == WIRE_TYPE_DEED && node_table_find (&self->deeds, reference->key))
        return;
    if (slot && (node_slot_settled (slot) >= reference->version ||
                    (slot->waiting.there && slot->waiting.version >= reference->version)))
        return;
    for (size_t i = 0; i < self->fetches.count; i++) {
        const node_ask *other = self->fetches.items[i];
        if (bg_id_equal (other->subject, reference->key) && other->version >= reference->version)
            return;
    }
    if (self->fetches.count >= NODE_FETCHES_MAX) {
        node_poll_want (self); /*  the poll brings it whole  */
        return;
    }
    node_ask *ask = node_ask_new (NODE_ASK_DOCUMENT, reference->key);
    ask->hinted = self->hinted;
    ask->type = reference->type;
    ask->version = reference->version;
    memcpy (ask->hash, reference->hash, sizeof ask->hash);
    ask->id = node_say (
        self, NODE_LINK_DESK, WIRE_FETCH, &(wire_fetch){.has_what = true, .what = *reference});
    node_table_insert (&self->fetches, ask);
}

bg_result node_apply_all (node_core *self, const wire_signed *items, size_t count,
    const wire_reference *references, size_t reference_count, bg_error *err)
{
    for (size_t i = 0; i < count; i++)
        BG_TRY (node_apply (self, &items[i], err));
    if (!node_session_is_up (self))
        return bg_ok ();
    for (size_t i = 0; i < reference_count; i++) {
        const node_slot *slot = node_slot_find (self, references[i].key);
        if (is_refused_here (slot, &references[i]))
            BG_TRY (offer_place (self, slot, NODE_PLACE_REFUSED, err));
        else
            fetch (self, &references[i]);
    }
    return bg_ok ();
}

bg_result node_apply_fetched (
    node_core *self, const wire_header *header, const wire_fetched *fetched, bg_error *err)
{
    node_ask *ask = node_table_take (&self->fetches, header->request);
    if (!ask) {
        node_count (self, NODE_COUNT_UNEXPECTED);
        return bg_ok ();
    }
    uint8_t hash[32];
    wire_hash32 (fetched->document.bytes, hash);
    const bool right = memcmp (hash, ask->hash, sizeof hash) == 0;
    self->hinted = ask->hinted;
    node_ask_release (ask);
    const bg_result result = right ? node_apply (self, &fetched->document, err) : bg_ok ();
    self->hinted = false;
    if (right)
        return result;
    node_count (self, NODE_COUNT_REFUSED);
    node_log (self, NODE_LOG_WARNING, "fetch-mismatch",
        "a fetched document is not the one that was announced");
    return bg_ok ();
}

/*  ---- the verdict ----  */

/*  bugle-exec was asked again about what is held: only whether it is addressed may have changed.  */
static bg_result held_again (node_core *self, node_slot *slot, const node_ask *ask,
    const wire_signed *item, const wire_exec_verdict *verdict, bg_error *err)
{
    slot->held.inputs = self->trust;
    if (!bg_slice_is (verdict->code, "ok")) {
        node_log (self, NODE_LOG_WARNING, "held-refused",
            "bugle-exec does not accept any more what is held, and will not start it: %.*s",
            BG_SLICE_ARG (verdict->message));
        return bg_ok ();
    }
    const bool job = ask->type == WIRE_TYPE_JOB || ask->type == WIRE_TYPE_SWITCH;
    if (job && verdict->addressed == slot->held.dropped)
        BG_TRY (node_document_hold (
            self, item, ask->subject, ask->type, ask->version, verdict->addressed, err));
    node_ack (
        self, ask->subject, ask->version, WIRE_DELIVERY_APPLIED, (bg_slice){0}, (bg_slice){0});
    return bg_ok ();
}

static bg_result waits (node_core *self, const node_ask *ask, const wire_signed *item,
    const wire_exec_verdict *verdict, bg_error *err)
{
    const node_slot *slot = node_slot_find (self, ask->subject);
    const bool news = !slot || !slot->waiting.there || slot->waiting.version != ask->version;
    BG_TRY (node_document_wait (
        self, item, ask->subject, ask->type, ask->version, verdict->code, verdict->message, err));
    node_ack (
        self, ask->subject, ask->version, WIRE_DELIVERY_WAITING, verdict->code, verdict->message);
    if (news)
        node_poll_want (self);
    return bg_ok ();
}

/*  Nobody known has signed it: somebody on the way may have made it up, with any key and any version. So it moves
    nothing here: not kept, not in the digest, and in nobody's way. The broker has it, if it is genuine; then it comes
    again, behind the authority that it needs.  */
static void unproven (node_core *self, const node_ask *ask, const wire_exec_verdict *verdict)
{
    if (bg_slice_is (verdict->code, "waiting")) {
        if (!self->poll.settling)
            node_poll_want (self);
        return;
    }
    node_count (self, NODE_COUNT_UNPROVEN);
    node_log (self, NODE_LOG_WARNING, "document-unproven", "%s, version %llu: %.*s",
        wire_type_word (ask->type), (unsigned long long) ask->version,
        BG_SLICE_ARG (verdict->message));
    node_ack (
        self, ask->subject, ask->version, WIRE_DELIVERY_FAILED, verdict->code, verdict->message);
}

static bool holds_object (const node_core *self, const wire_signed *item)
{
    BG_AUTO_ARENA arena = {0};
    wire_document document;
    wire_switch body;
    return bg_is_ok (
               WIRE_DECODE (document, item->bytes, WIRE_AS_MESSAGE, &arena, &document, NULL)) &&
           bg_is_ok (WIRE_DECODE (switch, document.body, WIRE_AS_MESSAGE, &arena, &body, NULL)) &&
           node_slot_find (self, body.object_key);
}

/*  A stream also reaches who has just left the group, or never had what is withdrawn: the broker has no row for them,
    and what they kept would be a difference for ever. What is not plainly for this target is therefore left to the poll,
    which brings it if there is a row.  */
static bool concerns (const node_core *self, const node_ask *ask, const wire_signed *item,
    const wire_exec_verdict *verdict)
{
    if (!ask->hinted || node_slot_find (self, ask->subject))
        return true;
    if (!bg_slice_is (verdict->code, "ok"))
        return false;
    switch (ask->type) {
    case WIRE_TYPE_AUTHORITY:
        return true;
    case WIRE_TYPE_JOB:
        return verdict->addressed;
    case WIRE_TYPE_SWITCH:
        return holds_object (self, item);
    default:
        return false;
    }
}

bg_result node_apply_verdict (
    node_core *self, const node_ask *ask, const wire_exec_verdict *verdict, bg_error *err)
{
    if (!self->enlisted)
        return bg_ok ();
    wire_signed item;
    BG_TRY (node_decode_signed (bg_buf_slice (&ask->signed_item), &self->scratch, &item, err));
    node_slot *slot = node_slot_find (self, ask->subject);
    if (slot && same_hash (&slot->held, ask->hash) && slot->held.version == ask->version)
        return held_again (self, slot, ask, &item, verdict, err);
    if (slot && ask->version < node_slot_settled (slot)) {
        node_ack (self, ask->subject, ask->version, WIRE_DELIVERY_SUPERSEDED, (bg_slice){0},
            (bg_slice){0});
        return bg_ok ();
    }
    const bg_code code = bg_code_from_word ((const char *) verdict->code.data, verdict->code.size);
    const bool is_kept = slot && slot->waiting.there && slot->waiting.version == ask->version;
    if (code != BG_OK && !is_kept && !node_is_proven (self, &item)) {
        unproven (self, ask, verdict);
        return bg_ok ();
    }
    if (!concerns (self, ask, &item, verdict)) {
        if (code != BG_OK)
            node_poll_want (self);
        return bg_ok ();
    }
    if (code == BG_OK) {
        BG_TRY (node_document_hold (
            self, &item, ask->subject, ask->type, ask->version, verdict->addressed, err));
        node_ack (
            self, ask->subject, ask->version, WIRE_DELIVERY_APPLIED, (bg_slice){0}, (bg_slice){0});
        return bg_ok ();
    }
    if (code == BG_WAITING)
        return waits (self, ask, &item, verdict, err);
    if (bg_code_class (code) != BG_CLASS_REFUSE) {
        /*  Its own trouble, not the document's: not settled, the broker sends it again.  */
        self->poll.more = false;
        node_log (self, NODE_LOG_WARNING, "exec-trouble",
            "bugle-exec could not take a document now: %.*s", BG_SLICE_ARG (verdict->message));
        return bg_ok ();
    }
    node_count (self, NODE_COUNT_REFUSED);
    node_log (self, NODE_LOG_WARNING, "document-refused", "%s, version %llu: %.*s",
        wire_type_word (ask->type), (unsigned long long) ask->version,
        BG_SLICE_ARG (verdict->message));
    BG_TRY (node_document_refuse (
        self, &item, ask->subject, ask->type, ask->version, verdict->code, verdict->message, err));
    /*  bugle-exec knows of a newer one: its floor outlived the node's store.  */
    const bool older = code == BG_SUPERSEDED || code == BG_STALE;
    node_ack (self, ask->subject, ask->version,
        older ? WIRE_DELIVERY_SUPERSEDED : WIRE_DELIVERY_FAILED, verdict->code, verdict->message);
    return bg_ok ();
}

/*  ---- again ----  */

static bg_result offer_place (
    node_core *self, const node_slot *slot, node_place place, bg_error *err)
{
    const node_store *store = self->ports.store;
    bg_arena arena = {0};
    node_document_row row;
    bool found = false;
    bg_result result =
        store->document_get (store->ctx, place, slot->key, &arena, &row, &found, err);
    wire_signed item;
    wire_document document;
    if (!bg_failed (result) && found)
        result = node_decode_signed (row.signed_item, &arena, &item, err);
    if (!bg_failed (result) && found &&
        !bg_failed (WIRE_DECODE (document, item.bytes, WIRE_AS_MESSAGE, &arena, &document, NULL)))
        node_apply_offer (self, &item, &document);
    bg_arena_fini (&arena);
    return result;
}

static bg_result offer_again (node_core *self, node_slot *slot, bg_error *err)
{
    if (slot->waiting.there && slot->waiting.inputs != self->inputs) {
        slot->waiting.inputs = self->inputs;
        BG_TRY (offer_place (self, slot, NODE_PLACE_WAITING, err));
    }
    if (slot->refused.there && slot->refused.inputs != self->trust) {
        slot->refused.inputs = self->trust;
        BG_TRY (offer_place (self, slot, NODE_PLACE_REFUSED, err));
    }
    const bool job = slot->held.there && slot->type == WIRE_TYPE_JOB;
    if (job && slot->held.inputs != self->trust) {
        slot->held.inputs = self->trust;
        BG_TRY (offer_place (self, slot, NODE_PLACE_HELD, err));
    }
    return bg_ok ();
}

bg_result node_apply_retry (node_core *self, bg_error *err)
{
    /*  One round at a time: every document of a batch that is taken would else start another.  */
    if (!self->exec.synced || self->document_asks > 0)
        return bg_ok ();
    if (self->retried_inputs == self->inputs && self->retried_trust == self->trust)
        return bg_ok ();
    self->retried_inputs = self->inputs;
    self->retried_trust = self->trust;
    self->deeds_moved = true;
    node_slot *membership = node_slot_find (self, self->identity.target);
    if (membership)
        BG_TRY (offer_again (self, membership, err));
    for (size_t i = 0; i < self->slots.count; i++)
        BG_TRY (offer_again (self, self->slots.items[i], err));
    return bg_ok ();
}
