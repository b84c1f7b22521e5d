/*  Delivery rows: which target has which document in which state, and what the targets say about
    it.

    A row is a bit in document->rows; its state is the set among applied, waiting, failed and skipped
    that holds its number, none of them meaning pending. One bit is enough because all rows of a
    document stand at its newest version: once a target has a row it gets every later version, also
    one that no longer addresses it (it then drops the job but keeps the floor). What there is to say
    beyond the state (code, sentence) is a note in the store.

    A skipped row is never sent, so the target's digest has what it had settled before: the version
    that it refused, or an older one, or nothing. document->settled remembers that where the newest
    version is not it, and an inventory teaches it.

    Invariant: the digest of a target changes exactly when a row of it comes, goes, moves to another
    version, or is skipped or no longer so.  */
#include "broker/core/rooms.h"

typedef struct {
    uint8_t bytes[WIRE_DIGEST_BYTES];
} digest_mask;

static digest_mask mask_of (bg_id key, uint64_t version)
{
    digest_mask mask = {{0}};
    wire_digest_toggle (mask.bytes, key, version);
    return mask;
}

static void toggle (broker_target *target, const digest_mask *mask)
{
    for (size_t i = 0; i < sizeof mask->bytes; i++)
        target->digest[i] ^= mask->bytes[i];
}

static void count_state (broker_target *target, uint64_t state, bool in)
{
    uint32_t *count = state == WIRE_DELIVERY_PENDING   ? &target->pending
                      : state == WIRE_DELIVERY_WAITING ? &target->waiting
                      : state == WIRE_DELIVERY_FAILED  ? &target->failed
                      : state == WIRE_DELIVERY_SKIPPED ? &target->skipped
                                                       : NULL;
    if (!count)
        return;
    bg_assert (in || *count > 0);
    *count = in ? *count + 1 : *count - 1;
}

static broker_bitmap *bitmap_of (broker_document *document, uint64_t state)
{
    switch (state) {
    case WIRE_DELIVERY_APPLIED:
        return &document->applied;
    case WIRE_DELIVERY_WAITING:
        return &document->waiting;
    case WIRE_DELIVERY_FAILED:
        return &document->failed;
    case WIRE_DELIVERY_SKIPPED:
        return &document->skipped;
    default:
        return NULL;
    }
}

uint64_t broker_deliver_state (const broker_document *document, uint32_t number)
{
    if (!broker_bitmap_has (&document->rows, number))
        return 0;
    if (broker_bitmap_has (&document->applied, number))
        return WIRE_DELIVERY_APPLIED;
    if (broker_bitmap_has (&document->waiting, number))
        return WIRE_DELIVERY_WAITING;
    if (broker_bitmap_has (&document->failed, number))
        return WIRE_DELIVERY_FAILED;
    if (broker_bitmap_has (&document->skipped, number))
        return WIRE_DELIVERY_SKIPPED;
    return WIRE_DELIVERY_PENDING;
}

void broker_deliver_select (const broker_document *document, uint64_t states, broker_bitmap *out)
{
    const broker_bitmap *sets[] = {
        &document->waiting, &document->applied, &document->failed, &document->skipped};
    static const uint64_t of[] = {
        WIRE_DELIVERY_WAITING, WIRE_DELIVERY_APPLIED, WIRE_DELIVERY_FAILED, WIRE_DELIVERY_SKIPPED};
    const bool pending = (states & (UINT64_C (1) << WIRE_DELIVERY_PENDING)) != 0;
    if (pending)
        broker_bitmap_add (out, &document->rows);
    for (size_t i = 0; i < 4; i++) {
        if (states & (UINT64_C (1) << of[i]))
            broker_bitmap_add (out, sets[i]);
        else if (pending)
            broker_bitmap_remove (out, sets[i]);
    }
}

/*  ---- the digest ----  */

uint64_t broker_deliver_expected (const broker_document *document, uint32_t number)
{
    if (!broker_bitmap_has (&document->skipped, number))
        return document->version;
    return broker_held_find (&document->settled, number, NULL);
}

/*  Takes a row into the digest of its target, or out of it: the same operation.  */
static void toggle_row (const broker_document *document, broker_target *target, bool in)
{
    const uint64_t expected = broker_deliver_expected (document, target->number);
    if (expected == BROKER_HELD_OLDER) {
        bg_assert (in || target->blind > 0);
        target->blind = in ? target->blind + 1 : target->blind - 1;
    } else if (expected != BROKER_HELD_NONE)
        wire_digest_toggle (target->digest, document->key, expected);
}

/*  All rows at once: only what is skipped is looked at one by one.  */
static void toggle_rows (broker_core *self, const broker_document *document, bool in)
{
    const digest_mask mask = mask_of (document->key, document->version);
    const bool any_skipped = broker_bitmap_next (&document->skipped, 0) != 0;
    for (uint32_t number = broker_bitmap_next (&document->rows, 0); number;
         number = broker_bitmap_next (&document->rows, number)) {
        broker_target *target = broker_target_at (self, number);
        bg_assert (target);
        if (any_skipped && broker_bitmap_has (&document->skipped, number))
            toggle_row (document, target, in);
        else
            toggle (target, &mask);
        count_state (target, broker_deliver_state (document, number), in);
        target->rows = in ? target->rows + 1 : target->rows - 1;
    }
}

/*  What the target stood at before leaves the memory of older versions, or enters it.  */
static void keep_older (broker_document *document, uint32_t number, uint64_t old, uint64_t state)
{
    if (state == WIRE_DELIVERY_APPLIED)
        broker_held_clear (&document->held, number);
    else if (old == WIRE_DELIVERY_APPLIED)
        broker_held_put (&document->held, number, document->version, document->revision);
    if (state == WIRE_DELIVERY_APPLIED || state == WIRE_DELIVERY_FAILED)
        broker_held_clear (&document->settled, number);
    else if (old == WIRE_DELIVERY_APPLIED || old == WIRE_DELIVERY_FAILED)
        broker_held_put (&document->settled, number, document->version, document->revision);
}

void broker_deliver_set (
    broker_core *self, broker_document *document, broker_target *target, uint64_t state)
{
    const uint64_t old = broker_deliver_state (document, target->number);
    if (old == state)
        return;
    if (old == 0) {
        broker_bitmap_set (&document->rows, target->number);
        target->rows++;
    } else {
        toggle_row (document, target, false);
        count_state (target, old, false);
    }
    keep_older (document, target->number, old, state);
    broker_bitmap *from = bitmap_of (document, old);
    broker_bitmap *to = bitmap_of (document, state);
    if (from)
        broker_bitmap_clear (from, target->number);
    if (to)
        broker_bitmap_set (to, target->number);
    count_state (target, state, true);
    toggle_row (document, target, true);
    broker_document_dirty (self, document);
    broker_op_changed (self, document, target->number, state);
}

void broker_deliver_learn (
    broker_core *self, broker_document *document, broker_target *target, uint64_t version)
{
    const uint32_t number = target->number;
    const uint64_t state = broker_deliver_state (document, number);
    bg_assert (state != 0 && state != WIRE_DELIVERY_APPLIED && state != WIRE_DELIVERY_FAILED);
    toggle_row (document, target, false);
    if (version == 0)
        broker_held_clear (&document->settled, number);
    else
        broker_held_put (&document->settled, number, version, 0);
    /*  In force is what it was thought to be, unless that is newer than what it has.  */
    const uint64_t in_force = broker_held_find (&document->held, number, NULL);
    if (version == 0 || (in_force != BROKER_HELD_OLDER && in_force > version))
        broker_held_clear (&document->held, number);
    toggle_row (document, target, true);
    broker_document_dirty (self, document);
}

/*  ---- whom a document is for ----  */

void broker_deliver_audience (
    const broker_core *self, const wire_audience *audience, broker_bitmap *out)
{
    broker_bitmap_empty (out);
    for (uint32_t number = 1; number < self->next_number; number++) {
        const broker_target *target = broker_target_at (self, number);
        if (target && broker_target_matches (target, audience))
            broker_bitmap_set (out, number);
    }
}

/*  A switch goes where its object goes, a schedule or calendar where what uses it goes (shared.c). A withdrawal goes to
    all who have the row anyway.  */
static bool addresses (
    const broker_core *self, const broker_document *document, const broker_target *target)
{
    if (!broker_target_is_member (target))
        return false;
    switch (document->type) {
    case WIRE_TYPE_AUTHORITY:
        return true;
    case WIRE_TYPE_JOB:
        return broker_target_matches (target, &document->audience);
    case WIRE_TYPE_SCHEDULE:
    case WIRE_TYPE_CALENDAR:
        return document->is_wanted;
    case WIRE_TYPE_SWITCH: {
        if (document->switch_of == WIRE_TYPE_MEMBERSHIP)
            return bg_id_equal (document->object_key, target->id);
        const broker_document *job = broker_document_with_key (self, document->object_key);
        return job && broker_document_switch (self, job) == document &&
               broker_bitmap_has (&job->rows, target->number);
    }
    default:
        return false;
    }
}

void broker_deliver_retract (broker_core *self, broker_document *document)
{
    toggle_rows (self, document, false);
    broker_held_put_all (
        &document->held, &document->applied, document->version, document->revision);
    broker_held_put_all (
        &document->settled, &document->applied, document->version, document->revision);
    broker_held_put_all (
        &document->settled, &document->failed, document->version, document->revision);
}

static void find_addressed (const broker_core *self, broker_document *document)
{
    if (broker_document_is_shared (document)) {
        broker_shared_addressed (self, document->key, &document->addressed);
        return;
    }
    broker_bitmap_empty (&document->addressed);
    for (uint32_t number = 1; number < self->next_number; number++) {
        const broker_target *target = broker_target_at (self, number);
        if (target && addresses (self, document, target))
            broker_bitmap_set (&document->addressed, number);
    }
}

void broker_deliver_renew (broker_core *self, broker_document *document)
{
    find_addressed (self, document);
    broker_bitmap_add (&document->rows, &document->addressed);
    broker_bitmap_empty (&document->applied);
    broker_bitmap_empty (&document->waiting);
    broker_bitmap_empty (&document->failed);
    broker_bitmap_empty (&document->skipped);
    broker_bitmap_empty (&document->noted);
    toggle_rows (self, document, true);
    broker_document_dirty (self, document);
    broker_op_changed (self, document, 0, WIRE_DELIVERY_PENDING);
}

void broker_deliver_readdress_one (
    broker_core *self, broker_document *document, broker_target *target)
{
    bool now = addresses (self, document, target);
    bool changed = now ? broker_bitmap_set (&document->addressed, target->number)
                       : broker_bitmap_clear (&document->addressed, target->number);
    if (changed)
        broker_document_dirty (self, document);
    if (now && !broker_bitmap_has (&document->rows, target->number))
        broker_deliver_set (self, document, target, WIRE_DELIVERY_PENDING);
}

void broker_deliver_readdress (broker_core *self, broker_target *target)
{
    for (broker_document *document = self->documents; document; document = document->hh.next)
        if (document->type != WIRE_TYPE_SWITCH && !broker_document_is_shared (document))
            broker_deliver_readdress_one (self, document, target);
    broker_shared_readdress (self, target);
    /*  Switches last: they follow the rows of their objects.  */
    for (broker_document *document = self->documents; document; document = document->hh.next)
        if (document->type == WIRE_TYPE_SWITCH)
            broker_deliver_readdress_one (self, document, target);
}

void broker_deliver_forget (broker_core *self, broker_target *target)
{
    for (broker_document *document = self->documents; document; document = document->hh.next) {
        if (broker_bitmap_clear (&document->addressed, target->number))
            broker_document_dirty (self, document);
        uint64_t state = broker_deliver_state (document, target->number);
        if (state == 0)
            continue;
        toggle_row (document, target, false);
        target->rows--;
        count_state (target, state, false);
        broker_bitmap *set = bitmap_of (document, state);
        if (set)
            broker_bitmap_clear (set, target->number);
        broker_bitmap_clear (&document->rows, target->number);
        broker_bitmap_clear (&document->noted, target->number);
        broker_held_clear (&document->held, target->number);
        broker_held_clear (&document->settled, target->number);
        broker_document_dirty (self, document);
    }
}

/*  ---- the membership, a document of one target ----  */

void broker_deliver_membership (broker_target *target, uint64_t old_version, uint64_t state)
{
    if (old_version != 0)
        wire_digest_toggle (target->digest, target->id, old_version);
    wire_digest_toggle (target->digest, target->id, target->membership_version);
    broker_deliver_membership_state (target, state);
}

void broker_deliver_membership_state (broker_target *target, uint64_t state)
{
    count_state (target, target->membership_state, false);
    target->membership_state = state;
    count_state (target, state, true);
}

/*  ---- the durable form ----  */

enum { BITMAPS_FIRST = 5, BITMAPS = 7 }; /*  stores of the first version have five  */

static void all_bitmaps (broker_document *document, broker_bitmap *sets[BITMAPS])
{
    sets[0] = &document->addressed;
    sets[1] = &document->rows;
    sets[2] = &document->applied;
    sets[3] = &document->waiting;
    sets[4] = &document->failed;
    sets[5] = &document->skipped;
    sets[6] = &document->noted;
}

void broker_deliver_encode (broker_document *document, bg_buf *out)
{
    broker_bitmap *sets[BITMAPS];
    all_bitmaps (document, sets);
    for (size_t i = 0; i < BITMAPS; i++)
        broker_bitmap_encode (sets[i], out);
    broker_held_encode (&document->held, out);
    broker_held_encode (&document->settled, out);
    bg_buf_append_u64 (out, document->first_version);
    broker_bitmap_encode (&document->spent, out);
}

/*  What a store of the first version does not have.  */
static void fill_rest (broker_document *document)
{
    broker_bitmap_add (&document->noted, &document->waiting);
    broker_bitmap_add (&document->noted, &document->failed);
}

static bg_result decode_rest (broker_document *document, bg_slice bytes, bg_error *err)
{
    broker_bitmap *sets[BITMAPS];
    all_bitmaps (document, sets);
    for (size_t i = BITMAPS_FIRST; i < BITMAPS; i++)
        BG_TRY (broker_bitmap_decode (sets[i], &bytes, err));
    BG_TRY (broker_held_decode (&document->held, &bytes, err));
    BG_TRY (broker_held_decode (&document->settled, &bytes, err));
    if (bytes.size < 8)
        return bg_fail (err, BG_STORE, "the deliveries of '%s' are cut short", document->name);
    document->first_version = bg_read_u64 (bytes.data);
    bytes = bg_slice_of (bytes.data + 8, bytes.size - 8);
    /*  Stores of the third version have no more.  */
    return bytes.size > 0 ? broker_bitmap_decode (&document->spent, &bytes, err) : bg_ok ();
}

bg_result broker_deliver_decode (
    broker_core *self, broker_document *document, bg_slice bytes, bg_error *err)
{
    if (bytes.size == 0)
        return bg_ok ();
    broker_bitmap *sets[BITMAPS];
    all_bitmaps (document, sets);
    for (size_t i = 0; i < BITMAPS_FIRST; i++)
        BG_TRY (broker_bitmap_decode (sets[i], &bytes, err));
    if (bytes.size == 0)
        fill_rest (document);
    else
        BG_TRY (decode_rest (document, bytes, err));
    for (uint32_t number = broker_bitmap_next (&document->rows, 0); number;
         number = broker_bitmap_next (&document->rows, number))
        if (!broker_target_at (self, number))
            return bg_fail (err, BG_STORE,
                "a delivery of '%s' is for target number %u, which is not in the store",
                document->name, number);
    toggle_rows (self, document, true);
    return bg_ok ();
}

/*  ---- what targets say ----  */

static bool is_settling (uint64_t state)
{
    return state == WIRE_DELIVERY_APPLIED || state == WIRE_DELIVERY_WAITING ||
           state == WIRE_DELIVERY_FAILED;
}

/*  Keeps the sentence of what waits or was refused. Each refusal is one attempt more.  */
static bg_result put_note (broker_request *request, const wire_ack_item *item, bg_error *err)
{
    broker_core *self = request->core;
    const broker_store *store = self->store;
    broker_note_record before;
    bool found = false;
    BG_TRY (store->note_get (
        store->ctx, item->key, request->target->number, request->arena, &before, &found, err));
    const broker_note_record note = {.object = item->key,
        .number = request->target->number,
        .version = item->version,
        .state = item->state,
        .code = item->code,
        .message = item->message,
        .at_us = request->now.utc_us,
        .attempts = (found && before.version == item->version ? before.attempts : 0) +
                    (item->state == WIRE_DELIVERY_FAILED)};
    self->changed = true;
    return store->note_put (store->ctx, &note, err);
}

static bg_result keep_note (
    broker_request *request, const wire_ack_item *item, uint64_t old, bg_error *err)
{
    broker_core *self = request->core;
    if (item->state != WIRE_DELIVERY_APPLIED)
        return put_note (request, item, err);
    if (old != WIRE_DELIVERY_WAITING && old != WIRE_DELIVERY_FAILED)
        return bg_ok ();
    self->changed = true;
    return self->store->note_remove (self->store->ctx, item->key, request->target->number, err);
}

static bg_result note_of_document (
    broker_request *request, broker_document *document, const wire_ack_item *item, bg_error *err)
{
    broker_core *self = request->core;
    const uint32_t number = request->target->number;
    if (item->state != WIRE_DELIVERY_APPLIED) {
        if (broker_bitmap_set (&document->noted, number))
            broker_document_dirty (self, document);
        return put_note (request, item, err);
    }
    if (!broker_bitmap_clear (&document->noted, number))
        return bg_ok ();
    broker_document_dirty (self, document);
    self->changed = true;
    return self->store->note_remove (self->store->ctx, document->key, number, err);
}

/*  It was on its way when it was skipped. Taken is taken; refused is what was wanted, only settled.  */
static bool stays_skipped (
    broker_request *request, broker_document *document, const wire_ack_item *item)
{
    if (item->state == WIRE_DELIVERY_APPLIED)
        return false;
    if (item->state == WIRE_DELIVERY_FAILED)
        broker_deliver_learn (request->core, document, request->target, document->version);
    return true;
}

static bg_result ack_document (
    broker_request *request, broker_document *document, const wire_ack_item *item, bg_error *err)
{
    broker_core *self = request->core;
    uint64_t old = broker_deliver_state (document, request->target->number);
    if (old == 0 || item->version != document->version) {
        broker_count (self, "ack-other-version");
        return bg_ok ();
    }
    if (old == WIRE_DELIVERY_SKIPPED && stays_skipped (request, document, item))
        return bg_ok ();
    BG_TRY (note_of_document (request, document, item, err));
    broker_deliver_set (self, document, request->target, item->state);
    if (item->state == WIRE_DELIVERY_FAILED)
        broker_log (self, BROKER_LOG_WARNING, "delivery-failed", "%s refused '%s': %.*s: %.*s",
            request->target->name, document->name, BG_SLICE_ARG (item->code),
            BG_SLICE_ARG (item->message));
    return bg_ok ();
}

static bg_result ack_membership (broker_request *request, const wire_ack_item *item, bg_error *err)
{
    broker_target *target = request->target;
    if (item->version != target->membership_version) {
        broker_count (request->core, "ack-other-version");
        return bg_ok ();
    }
    if (target->membership_state == item->state)
        return bg_ok ();
    BG_TRY (keep_note (request, item, target->membership_state, err));
    broker_deliver_membership_state (target, item->state);
    broker_op_member_changed (request->core, target);
    if (target->defected_us != 0 && item->state == WIRE_DELIVERY_APPLIED)
        return broker_target_cut (request->core, target, err);
    return broker_target_store (request->core, target, err);
}

/*  A deed that is refused ends as a run with state not-run, which the outbox brings; here it only
    stops being pending. One that is skipped, because nobody whom the target knows has signed it, is
    in no history there: it is over.  */
static bg_result ack_deed (
    broker_request *request, broker_execution *execution, const wire_ack_item *item, bg_error *err)
{
    broker_core *self = request->core;
    broker_target *target = request->target;
    if (!broker_bitmap_has (&execution->addressed, target->number)) {
        broker_count (self, "ack-not-addressed");
        return bg_ok ();
    }
    if (!broker_bitmap_has (&execution->begun, target->number))
        broker_op_deed_changed (self, execution, target->number, item->state);
    if (item->state == WIRE_DELIVERY_WAITING)
        return keep_note (request, item, WIRE_DELIVERY_PENDING, err);
    wire_ack_item refused = *item;
    refused.state = WIRE_DELIVERY_FAILED;
    if (item->state != WIRE_DELIVERY_APPLIED)
        BG_TRY (keep_note (request, &refused, WIRE_DELIVERY_PENDING, err));
    if (item->state == WIRE_DELIVERY_SKIPPED)
        broker_execution_over (self, request->now, execution, target, WIRE_RUN_NOT_RUN);
    else if (execution->what == WIRE_DEED_START)
        broker_execution_begun (self, request->now, execution, target);
    else
        broker_execution_over (self, request->now, execution, target,
            item->state == WIRE_DELIVERY_APPLIED ? WIRE_RUN_SUCCEEDED : WIRE_RUN_FAILED);
    return bg_ok ();
}

static bg_result ack_item (broker_request *request, const wire_ack_item *item, bg_error *err)
{
    broker_core *self = request->core;
    bool is_skipped = item->state == WIRE_DELIVERY_SKIPPED;
    broker_document *document = broker_document_with_key (self, item->key);
    bool is_membership = bg_id_equal (item->key, request->target->id);
    /*  It has a newer one: from the part of this broker's life that a restore has lost.  */
    if (item->state == WIRE_DELIVERY_SUPERSEDED && (document || is_membership)) {
        const wire_held newer = {.key = item->key};
        size_t asked = 0;
        broker_adopt_ask (request, &newer, 1, &asked);
    }
    if (!is_settling (item->state) && (!is_skipped || document || is_membership)) {
        broker_count (self, "ack-state");
        return bg_ok ();
    }
    if (is_membership)
        return ack_membership (request, item, err);
    if (document)
        return ack_document (request, document, item, err);
    broker_execution *execution = NULL;
    BG_TRY (broker_execution_get (self, request->now, item->key, &execution, err));
    if (execution)
        return ack_deed (request, execution, item, err);
    broker_count (self, "ack-unknown");
    return bg_ok ();
}

bg_result broker_on_ack (broker_request *request, bg_error *err)
{
    const wire_ack *ack = request->body;
    for (size_t i = 0; i < ack->items_count; i++) {
        BG_TRY (ack_item (request, &ack->items[i], err));
        if (request->target->key_cut)
            return bg_ok ();
    }
    if (ack->state_seq > request->target->acked_state_seq)
        request->target->acked_state_seq = ack->state_seq;
    return bg_ok ();
}
