/*  From the store into memory: the first authority of a new installation, and every start. There is
    no other recovery: a crash, a restart and a batch that was rolled back all come through here.
*/
#include "broker/core/rooms.h"

#define LOAD_PAGE 500u

static bg_result decode_signed (bg_slice bytes, bg_arena *arena, wire_signed *out, bg_error *err)
{
    return WIRE_DECODE (signed, bytes, WIRE_AS_MESSAGE, arena, out, err);
}

/*  A keyring from bytes that are ours already: pinned by their own hash.  */
static bg_result keyring_of (
    broker_core *self, bg_slice bytes, wire_keyring **keyring, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_signed authority;
    uint8_t hash[32];
    BG_TRY (decode_signed (bytes, &arena, &authority, err));
    wire_hash32 (authority.bytes, hash);
    return wire_keyring_first (&authority, hash, self->crypto, keyring, err);
}

static bg_result fill_first_authority (
    bg_now now, bg_slice bytes, broker_document_record *record, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_signed authority;
    wire_document document;
    BG_TRY (decode_signed (bytes, &arena, &authority, err));
    BG_TRY (WIRE_DECODE (document, authority.bytes, WIRE_AS_SIGNED, &arena, &document, err));
    *record = (broker_document_record){.version = document.version,
        .type = WIRE_TYPE_AUTHORITY,
        .object_type = WIRE_TYPE_AUTHORITY,
        .name = bg_slice_str ("authority"),
        .revision = 1,
        .signed_bytes = bytes,
        .posted_us = now.utc_us};
    broker_content_hash (&document, record->content_hash);
    wire_hash32 (authority.bytes, record->hash);
    return bg_ok ();
}

bg_result broker_core_found (broker_core *self, bg_now now, bg_slice authority, bg_error *err)
{
    const bg_id zero = {0};
    BG_AUTO_ARENA arena = {0};
    broker_document_record record;
    bool found = false;
    BG_TRY (self->store->document_get (self->store->ctx, zero, 0, &arena, &record, &found, err));
    if (found) {
        bg_ignore (bg_fail (err, BG_EXISTS, "this store has an authority already"));
        return bg_hint (err, "a new installation needs an empty directory");
    }
    wire_keyring *keyring = NULL;
    BG_TRY (keyring_of (self, authority, &keyring, err));
    bg_result result = broker_authority_check_settings (self, keyring, err);
    wire_keyring_destroy (&keyring);
    BG_TRY (result);
    BG_TRY (fill_first_authority (now, authority, &record, err));
    BG_TRY (self->store->meta_set (self->store->ctx, "term", 1, err));
    return self->store->document_append (self->store->ctx, &record, err);
}

typedef struct {
    broker_core *core;
    bg_now now;
    size_t count;
    bg_id last;
    uint32_t last_number;
} loading;

static bg_result load_target (void *visitor, const broker_target_record *record,
    const broker_target_marks *marks, bg_error *err)
{
    loading *load = visitor;
    broker_target *target = NULL;
    BG_TRY (broker_target_load (load->core, record, marks, &target, err));
    load->count++;
    load->last_number = record->number;
    return bg_ok ();
}

static bg_result load_head (void *visitor, const broker_head_record *record, bg_error *err)
{
    loading *load = visitor;
    broker_document *document = NULL;
    load->count++;
    load->last = record->document.key;
    BG_TRY (broker_document_take (load->core, &record->document, &document, err));
    return broker_deliver_decode (load->core, document, record->deliveries, err);
}

static bg_result load_execution (
    void *visitor, const broker_execution_record *record, bg_error *err)
{
    loading *load = visitor;
    broker_execution *execution = NULL;
    load->count++;
    load->last = record->id;
    BG_TRY (broker_execution_load (load->core, record, &execution, err));
    execution->touched_mono_us = load->now.mono_us;
    for (uint32_t number = broker_bitmap_next (&execution->addressed, 0); number;
         number = broker_bitmap_next (&execution->addressed, number)) {
        broker_target *target = broker_target_at (load->core, number);
        if (target && broker_execution_is_pending (execution, number))
            target->deeds++;
    }
    return bg_ok ();
}

static bg_result load_run (void *visitor, const broker_open_run_record *record, bg_error *err)
{
    (void) err;
    loading *load = visitor;
    load->count++;
    load->last = record->run;
    broker_open_run_load (load->core, record);
    return bg_ok ();
}

static bg_result load_targets (loading *load, bg_error *err)
{
    const broker_store *store = load->core->store;
    do {
        load->count = 0;
        BG_TRY (store->targets (store->ctx, load->last_number, LOAD_PAGE, load_target, load, err));
    } while (load->count == LOAD_PAGE);
    return bg_ok ();
}

/*  Jobs before their switches: rows of a switch follow its job, and both are in the store as they
    were.  */
static bg_result load_heads (loading *load, bg_error *err)
{
    const broker_store *store = load->core->store;
    bool first = true;
    do {
        load->count = 0;
        BG_TRY (
            store->heads (store->ctx, first ? NULL : &load->last, LOAD_PAGE, load_head, load, err));
        first = false;
    } while (load->count == LOAD_PAGE);
    return bg_ok ();
}

static bg_result load_executions (loading *load, bg_error *err)
{
    const broker_store *store = load->core->store;
    broker_execution_filter filter = {.open_only = true, .limit = LOAD_PAGE};
    do {
        load->count = 0;
        BG_TRY (store->executions (store->ctx, &filter, load_execution, load, err));
        filter.before = load->last;
    } while (load->count == LOAD_PAGE);
    return bg_ok ();
}

static bg_result load_runs (loading *load, bg_error *err)
{
    const broker_store *store = load->core->store;
    bool first = true;
    do {
        load->count = 0;
        BG_TRY (store->open_runs (
            store->ctx, first ? NULL : &load->last, LOAD_PAGE, load_run, load, err));
        first = false;
    } while (load->count == LOAD_PAGE);
    return bg_ok ();
}

static bg_result load_pending (void *visitor, const broker_pending_record *record, bg_error *err)
{
    return broker_pending_load (((loading *) visitor)->core, record, err);
}

static bg_result load_authority (broker_core *self, bg_error *err)
{
    const bg_id zero = {0};
    BG_AUTO_ARENA arena = {0};
    broker_document_record record;
    bool found = false;
    BG_TRY (self->store->document_get (self->store->ctx, zero, 0, &arena, &record, &found, err));
    if (!found) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no installation in this store"));
        return bg_hint (err, "make one with: bugle init");
    }
    if (bg_failed (keyring_of (self, record.signed_bytes, &self->keyring, err)))
        return broker_stored_badly (err, "the authority");
    return broker_authority_check_settings (self, self->keyring, err);
}

bg_result broker_core_recover (broker_core *self, bg_now now, bg_error *err)
{
    bg_assert (!self->recovered);
    BG_TRY (load_authority (self, err));
    BG_TRY (self->store->meta_get (self->store->ctx, "term", &self->term, err));
    BG_TRY (self->store->meta_get (self->store->ctx, "position", &self->position, err));
    BG_TRY (self->store->meta_get (self->store->ctx, "runs", &self->runs_total, err));
    BG_TRY (broker_mode_load (self, err));
    loading load = {.core = self, .now = now};
    BG_TRY (load_targets (&load, err));
    broker_mode_numbers (self);
    BG_TRY (load_heads (&load, err));
    BG_TRY (load_executions (&load, err));
    BG_TRY (load_runs (&load, err));
    BG_TRY (self->store->pendings (self->store->ctx, load_pending, &load, err));
    self->ports->random (self->ports->ctx, self->stream_session, sizeof self->stream_session);
    self->ports->random (self->ports->ctx, self->nonce_secret, sizeof self->nonce_secret);
    self->recovered = true;
    /*  Serials go on above those of the process before, which gave out fewer than one a millisecond.  */
    self->op_first = self->op_last = (uint64_t) (now.utc_us / 1000) & BROKER_OP_SERIAL_MAX;
    self->recovered_mono_us = now.mono_us;
    self->tick_mono_us = now.mono_us + BROKER_TICK_US;
    self->scan_mono_us = now.mono_us + BROKER_SCAN_US;
    self->prune_mono_us = now.mono_us + BROKER_PRUNE_US;
    BG_TRY (self->store->purge_pending (self->store->ctx, &self->prune_due, err));
    broker_executions_expire (self, now);
    self->changed = false;
    broker_log (self, BROKER_LOG_INFO, "core-recovered",
        "%u targets, %u documents, %u open executions, position %lld", self->members,
        HASH_COUNT (self->documents), HASH_COUNT (self->executions), (long long) self->position);
    return bg_ok ();
}
