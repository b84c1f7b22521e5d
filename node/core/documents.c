/*  The documents of this target: what is held, refused and waiting, in the store and in memory.

    Not here: whether a document is any good (bugle-exec says) and what to offer when (apply.c). The digest covers for
    each key the version that is settled, the higher of held and refused; state_seq rises with every change of it.  */
#include "node/core/rooms.h"

#include "common/job/names.h"
#include "proto/digest.h"

#include <stdlib.h>

node_slot *node_slot_find (const node_core *self, bg_id key)
{
    return node_table_find (&self->slots, key);
}

uint64_t node_slot_settled (const node_slot *slot)
{
    const uint64_t held = slot->held.there ? slot->held.version : 0;
    const uint64_t refused = slot->refused.there ? slot->refused.version : 0;
    return held > refused ? held : refused;
}

static node_slot *slot_for (node_core *self, bg_id key, uint64_t type)
{
    node_slot *slot = node_slot_find (self, key);
    if (!slot) {
        slot = bg_alloc (sizeof *slot);
        slot->key = key;
        slot->type = type;
        node_table_insert (&self->slots, slot);
    }
    return slot;
}

/*  The digest takes a slot in and out by the same operation.  */
static void toggle (node_core *self, const node_slot *slot)
{
    const uint64_t settled = node_slot_settled (slot);
    if (settled)
        wire_digest_toggle (self->digest, slot->key, settled);
}

static void state_changed (node_core *self)
{
    self->state_seq++;
    self->state_dirty = true;
}

/*  ---- what a document does once it counts ----  */

static bg_result switch_on (node_core *self, bg_id key, const wire_switch *body, bg_error *err)
{
    if (body->object_type == WIRE_TYPE_MEMBERSHIP) {
        if (bg_id_equal (body->object_key, self->identity.target))
            node_poll_every (self, (int64_t) body->poll_us);
        return bg_ok ();
    }
    node_switch *item = node_table_find (&self->switches, key);
    if (!item) {
        item = bg_alloc (sizeof *item);
        item->key = key;
        node_table_insert (&self->switches, item);
    }
    item->object_type = body->object_type;
    item->object_key = body->object_key;
    item->disabled = body->disabled;
    item->local = job_name_is_local (body->object_name);
    item->until_us = body->until_us;
    return node_book_switch (self, body->object_key, err);
}

static bg_result switch_off (node_core *self, bg_id key, bg_error *err)
{
    node_switch *item = node_table_take (&self->switches, key);
    if (!item)
        return bg_ok ();
    const bg_id object_key = item->object_key;
    free (item);
    return node_book_switch (self, object_key, err);
}

static bg_result authority_on (
    node_core *self, const wire_signed *item, uint64_t version, bg_error *err)
{
    const node_store *store = self->ports.store;
    BG_AUTO_BUF bytes = {0};
    WIRE_ENCODE (signed, item, &bytes);
    BG_TRY (store->authority_put (store->ctx, version, bg_buf_slice (&bytes), err));
    if (self->keyring && wire_keyring_version (self->keyring) >= version)
        return bg_ok ();
    /*  bugle-exec has checked the chain; its word is the pin.  */
    uint8_t hash[32];
    wire_hash32 (item->bytes, hash);
    wire_keyring *keyring = NULL;
    bg_error why = {0};
    if (bg_failed (wire_keyring_first (item, hash, self->ports.crypto, &keyring, &why))) {
        node_log (self, NODE_LOG_ERROR, "authority-unread", "%s", why.message);
        return bg_ok ();
    }
    wire_keyring_destroy (&self->keyring);
    self->keyring = keyring;
    self->trust++;
    return bg_ok ();
}

/*  At a start: the node was ended between the acknowledgement of its own end and that end.  */
static void membership_again (node_core *self, const wire_membership *body)
{
    if (!self->enlisted || body->state != WIRE_DEFECTED_MEMBER ||
        !bg_id_equal (body->target, self->identity.target))
        return;
    self->leaving = true;
    node_timer_in (self, NODE_TIMER_LEAVE, 0);
}

static bg_result membership_on (node_core *self, const wire_membership *body, bg_error *err)
{
    const node_store *store = self->ports.store;
    self->trust++;
    if (!self->enlisted || !bg_id_equal (body->target, self->identity.target))
        return bg_ok ();
    if (body->state == WIRE_DEFECTED_MEMBER) {
        node_log (self, NODE_LOG_WARNING, "defected",
            "this target was defected by an administrator: its jobs and its identity are removed");
        self->leaving = true;
        node_timer_in (self, NODE_TIMER_LEAVE, NODE_LEAVE_US);
        return bg_ok ();
    }
    /*  Other labels and groups: the broker has other jobs for this target now.  */
    node_poll_want (self);
    if (bg_slice_equal (body->name, self->identity.name))
        return bg_ok ();
    node_identity identity = self->identity;
    identity.name = body->name;
    BG_TRY (store->identity_put (store->ctx, &identity, err));
    node_log (self, NODE_LOG_INFO, "renamed", "name=%.*s", BG_SLICE_ARG (body->name));
    node_set_identity (self, &identity);
    if (self->problem)
        node_log (self, NODE_LOG_ERROR, "misnamed", "%s", self->problem);
    self->deeds_moved = true;
    return node_book_zones (self, err); /*  schedules rest under a wrong name  */
}

/*  What jobs share names nobody: it is for whoever has it.  */
static bool is_shared (uint64_t type)
{
    return type == WIRE_TYPE_SCHEDULE || type == WIRE_TYPE_CALENDAR;
}

bg_result node_document_effect (
    node_core *self, const wire_signed *item, bg_id key, bool addressed, bool live, bg_error *err)
{
    wire_document document;
    bg_error why = {0};
    if (bg_failed (
            WIRE_DECODE (document, item->bytes, WIRE_AS_MESSAGE, &self->scratch, &document, &why)))
        goto unread;
    if (document.type == WIRE_TYPE_AUTHORITY)
        return live ? authority_on (self, item, document.version, err) : bg_ok ();
    if (document.type == WIRE_TYPE_WITHDRAWAL || !addressed) {
        BG_TRY (switch_off (self, key, err));
        BG_TRY (node_shared_drop (self, key, err));
        return node_book_drop (self, key, err);
    }
    if (is_shared (document.type))
        return node_shared_hold (self, key, &document, err);
    const wire_type_row *row = wire_type_find (document.type);
    if (!row)
        return bg_ok ();
    void *body = bg_arena_alloc (&self->scratch, row->desc->size);
    if (bg_failed (
            wire_decode (row->desc, document.body, WIRE_AS_MESSAGE, &self->scratch, body, &why)))
        goto unread;
    switch (document.type) {
    case WIRE_TYPE_MEMBERSHIP:
        if (live)
            return membership_on (self, body, err);
        membership_again (self, body);
        return bg_ok ();
    case WIRE_TYPE_SWITCH:
        return switch_on (self, key, body, err);
    case WIRE_TYPE_JOB:
        return node_book_hold (self, key, document.version, body, err);
    default:
        return bg_ok ();
    }
unread:
    node_log (self, NODE_LOG_ERROR, "document-unread",
        "a document that bugle-exec accepted cannot be read here: %s", why.message);
    return bg_ok ();
}

/*  ---- changes ----  */

static node_version *place_of (node_slot *slot, node_place place)
{
    switch (place) {
    case NODE_PLACE_HELD:
        return &slot->held;
    case NODE_PLACE_REFUSED:
        return &slot->refused;
    case NODE_PLACE_WAITING:
        return &slot->waiting;
    case NODE_PLACE_LOCAL: /*  has no slot  */
        break;
    }
    return NULL;
}

/*  A version that is settled at or above it is not refused or waiting any more.  */
static bg_result clear_place (
    node_core *self, node_slot *slot, node_place place, uint64_t through, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_version *version = place_of (slot, place);
    if (!version->there || version->version > through)
        return bg_ok ();
    BG_TRY (store->document_remove (store->ctx, place, slot->key, err));
    *version = (node_version){0};
    return bg_ok ();
}

static bg_result put (node_core *self, node_slot *slot, const node_document_row *row,
    const wire_signed *item, bg_error *err)
{
    const node_store *store = self->ports.store;
    BG_AUTO_BUF bytes = {0};
    WIRE_ENCODE (signed, item, &bytes);
    node_document_row full = *row;
    full.key = slot->key;
    full.type = item->type;
    full.code = node_cut (row->code, 64);
    full.message = node_cut (row->message, 512);
    full.signed_item = bg_buf_slice (&bytes);
    wire_hash32 (item->bytes, full.hash);
    BG_TRY (store->document_put (store->ctx, &full, err));
    node_version *version = place_of (slot, row->place);
    *version = (node_version){.there = true,
        .dropped = row->dropped,
        .version = row->version,
        .inputs = row->place == NODE_PLACE_WAITING ? self->inputs : self->trust,
        .poll = self->poll.serial};
    memcpy (version->hash, full.hash, sizeof version->hash);
    return bg_ok ();
}

bg_result node_document_wait (node_core *self, const wire_signed *item, bg_id key, uint64_t type,
    uint64_t version, bg_slice code, bg_slice message, bg_error *err)
{
    node_slot *slot = slot_for (self, key, type);
    if (slot->waiting.there && slot->waiting.version > version)
        return bg_ok (); /*  a newer one waits already  */
    return put (self, slot,
        &(node_document_row){
            .place = NODE_PLACE_WAITING, .version = version, .code = code, .message = message},
        item, err);
}

bg_result node_document_refuse (node_core *self, const wire_signed *item, bg_id key, uint64_t type,
    uint64_t version, bg_slice code, bg_slice message, bg_error *err)
{
    node_slot *slot = slot_for (self, key, type);
    const bool same = slot->refused.there && slot->refused.version == version;
    if (!same)
        toggle (self, slot);
    BG_TRY (put (self, slot,
        &(node_document_row){
            .place = NODE_PLACE_REFUSED, .version = version, .code = code, .message = message},
        item, err));
    BG_TRY (clear_place (self, slot, NODE_PLACE_WAITING, version, err));
    if (!same) {
        toggle (self, slot);
        state_changed (self);
    }
    return bg_ok ();
}

bg_result node_document_hold (node_core *self, const wire_signed *item, bg_id key, uint64_t type,
    uint64_t version, bool addressed, bg_error *err)
{
    node_slot *slot = slot_for (self, key, type);
    toggle (self, slot);
    /*  What is meant for others is kept too: another membership may change that.  */
    const bool is_for_all =
        type == WIRE_TYPE_AUTHORITY || type == WIRE_TYPE_WITHDRAWAL || is_shared (type);
    addressed = addressed || is_shared (type);
    const bool dropped = !addressed && !is_for_all;
    BG_TRY (put (self, slot,
        &(node_document_row){.place = NODE_PLACE_HELD, .version = version, .dropped = dropped},
        item, err));
    slot->type = type;
    BG_TRY (clear_place (self, slot, NODE_PLACE_WAITING, version, err));
    BG_TRY (clear_place (self, slot, NODE_PLACE_REFUSED, version, err));
    toggle (self, slot);
    state_changed (self);
    self->inputs++;
    self->deeds_moved = true;
    return node_document_effect (self, item, key, addressed, true, err);
}

bg_result node_document_held (
    node_core *self, bg_id key, wire_signed *item, bool *found, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_document_row row;
    const node_place place = node_local_find (self, key) ? NODE_PLACE_LOCAL : NODE_PLACE_HELD;
    BG_TRY (store->document_get (store->ctx, place, key, &self->scratch, &row, found, err));
    if (*found && row.dropped)
        *found = false;
    if (!*found)
        return bg_ok ();
    return node_decode_signed (row.signed_item, &self->scratch, item, err);
}

/*  ---- start ----  */

typedef struct {
    node_core *core;
    node_place place;
} recovery;

static bool recover_row (void *visitor, const node_document_row *row)
{
    recovery *at = visitor;
    node_slot *slot = slot_for (at->core, row->key, row->type);
    node_version *version = place_of (slot, at->place);
    *version = (node_version){.there = true, .version = row->version, .dropped = row->dropped};
    /*  A crash may have come between a new membership and what it changes for the jobs that are held: they are judged
        once more after each start.  */
    if (at->place == NODE_PLACE_HELD)
        version->inputs = UINT64_MAX;
    memcpy (version->hash, row->hash, sizeof version->hash);
    if (at->place == NODE_PLACE_HELD)
        slot->type = row->type;
    return true;
}

typedef struct {
    node_core *core;
    bg_error *err;
    bg_result result;
} effects;

static bool recover_effect (void *visitor, const node_document_row *row)
{
    effects *at = visitor;
    const bool has_effect = row->type == WIRE_TYPE_JOB || row->type == WIRE_TYPE_SWITCH ||
                            row->type == WIRE_TYPE_MEMBERSHIP || is_shared (row->type);
    if (row->dropped || !has_effect)
        return true;
    bg_arena arena = {0};
    wire_signed item;
    at->result = node_decode_signed (row->signed_item, &arena, &item, at->err);
    if (!bg_failed (at->result))
        at->result = node_document_effect (at->core, &item, row->key, true, false, at->err);
    bg_arena_fini (&arena);
    bg_arena_fini (&at->core->scratch);
    return !bg_failed (at->result);
}

static bool recover_authority (void *visitor, uint64_t version, bg_slice signed_item)
{
    (void) version;
    node_core *self = visitor;
    bg_arena arena = {0};
    wire_signed item;
    uint8_t hash[32];
    wire_keyring *keyring = NULL;
    if (!bg_failed (node_decode_signed (signed_item, &arena, &item, NULL))) {
        wire_hash32 (item.bytes, hash);
        if (!bg_failed (wire_keyring_first (&item, hash, self->ports.crypto, &keyring, NULL))) {
            wire_keyring_destroy (&self->keyring);
            self->keyring = keyring;
        }
    }
    bg_arena_fini (&arena);
    return true;
}

bg_result node_documents_recover (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    self->recovering = true;
    BG_TRY (store->authority_each (store->ctx, 0, recover_authority, self, err));
    for (int place = NODE_PLACE_HELD; place <= NODE_PLACE_WAITING; place++) {
        recovery at = {.core = self, .place = (node_place) place};
        BG_TRY (store->document_each (store->ctx, at.place, recover_row, &at, err));
    }
    for (size_t i = 0; i < self->slots.count; i++)
        toggle (self, self->slots.items[i]);
    effects at = {.core = self, .err = err, .result = bg_ok ()};
    BG_TRY (store->document_each (store->ctx, NODE_PLACE_HELD, recover_effect, &at, err));
    BG_TRY (at.result);
    BG_TRY (node_locals_recover (self, err));
    self->inputs++;
    self->retried_inputs = 0;
    return at.result;
}
