/*  The table of targets, in memory: by number, id, CURVE key and name. Who is connected, and the
    word for how it is.

    Invariants: every target ever enlisted is in the table under its number and id; under its CURVE
    key until that key is cut; under its name only while it is a member. key_cut implies
    defected_us. Last-seen times are kept in memory and reach the store only together with something
    else.  */
#include "broker/core/rooms.h"

#include "common/base/nearest.h"
#include "common/job/names.h"

#define KEYS_BYTES sizeof (bg_key)

/*  ---- making and finding ----  */

static void index_name (broker_core *self, broker_target *target)
{
    if (target->defected_us == 0)
        HASH_ADD_KEYPTR (
            by_name, self->target_names, target->name_key, strlen (target->name_key), target);
}

static void set_name (broker_target *target, bg_slice name)
{
    BG_AUTO_BUF key = {0};
    job_name_key (name, &key);
    broker_replace_str (&target->name, name);
    broker_replace_str (&target->name_key, bg_buf_slice (&key));
}

static bg_result decode_membership (broker_target *target, bg_slice bytes, bg_error *err)
{
    bg_arena arena = {0};
    wire_signed outer;
    wire_document document;
    wire_membership membership;
    bg_slice copy = bg_arena_copy (&arena, bytes);
    bg_result result = WIRE_DECODE (signed, copy, WIRE_AS_MESSAGE, &arena, &outer, err);
    if (bg_is_ok (result))
        result = WIRE_DECODE (document, outer.bytes, WIRE_AS_SIGNED, &arena, &document, err);
    if (bg_is_ok (result))
        result = WIRE_DECODE (membership, document.body, WIRE_AS_SIGNED, &arena, &membership, err);
    if (bg_failed (result)) {
        bg_arena_fini (&arena);
        return broker_stored_badly (err, "a membership");
    }
    bg_arena_fini (&target->arena);
    target->arena = arena;
    target->membership = membership;
    target->membership_bytes = copy;
    return bg_ok ();
}

static void take_marks (broker_target *target, const broker_target_marks *marks)
{
    target->marks = *marks;
    broker_replace_str (&target->zone, marks->zone);
    broker_replace_str (&target->version, marks->version);
    target->marks.zone = bg_slice_str (target->zone);
    target->marks.version = bg_slice_str (target->version);
    broker_target_take_facts (target, marks->facts);
}

static void place (broker_core *self, broker_target *target)
{
    if (target->number >= self->target_capacity) {
        uint32_t capacity = self->target_capacity ? self->target_capacity : 64;
        while (capacity <= target->number)
            capacity *= 2;
        self->targets = bg_realloc (self->targets, capacity * sizeof *self->targets);
        memset (self->targets + self->target_capacity, 0,
            (capacity - self->target_capacity) * sizeof *self->targets);
        self->target_capacity = capacity;
    }
    bg_assert (!self->targets[target->number]);
    self->targets[target->number] = target;
    if (target->number >= self->next_number)
        self->next_number = target->number + 1;
    HASH_ADD (by_id, self->target_ids, id, sizeof target->id, target);
    if (!target->key_cut)
        HASH_ADD (by_key, self->target_keys, curve_key, KEYS_BYTES, target);
    index_name (self, target);
    if (target->defected_us == 0)
        self->members++;
}

bg_result broker_target_load (broker_core *self, const broker_target_record *record,
    const broker_target_marks *marks, broker_target **target_p, bg_error *err)
{
    broker_target *target = bg_alloc (sizeof *target);
    bg_result result = decode_membership (target, record->membership, err);
    if (bg_failed (result)) {
        free (target);
        return result;
    }
    target->number = record->number;
    target->id = record->id;
    target->curve_key = record->curve_key;
    target->sign_key = record->sign_key;
    target->provisional = record->provisional;
    target->key_cut = record->key_cut;
    target->defected_us = record->defected_us;
    target->forgotten_us = record->forgotten_us;
    target->membership_version = record->membership_version;
    target->membership_revision = record->membership_revision;
    target->membership_us = record->membership_us;
    target->enlisted_us = record->enlisted_us;
    broker_replace_str (&target->enlisted_by, record->enlisted_by);
    set_name (target, record->name);
    take_marks (target, marks);
    place (self, target);
    broker_deliver_membership (target, 0, record->membership_state);
    *target_p = target;
    return bg_ok ();
}

void broker_target_free (broker_core *self, broker_target *target)
{
    self->targets[target->number] = NULL;
    HASH_DELETE (by_id, self->target_ids, target);
    if (!target->key_cut)
        HASH_DELETE (by_key, self->target_keys, target);
    if (target->defected_us == 0)
        HASH_DELETE (by_name, self->target_names, target);
    bg_arena_fini (&target->arena);
    free (target->name);
    free (target->name_key);
    free (target->enlisted_by);
    free (target->zone);
    free (target->version);
    free (target->facts_text);
    bg_arena_fini (&target->facts_arena);
    free (target);
}

broker_target *broker_target_at (const broker_core *self, uint32_t number)
{
    return number < self->target_capacity ? self->targets[number] : NULL;
}

broker_target *broker_target_with_id (const broker_core *self, bg_id id)
{
    broker_target *target = NULL;
    HASH_FIND (by_id, self->target_ids, &id, sizeof id, target);
    return target;
}

broker_target *broker_target_with_key (const broker_core *self, const bg_key *key)
{
    broker_target *target = NULL;
    HASH_FIND (by_key, self->target_keys, key, KEYS_BYTES, target);
    return target;
}

broker_target *broker_target_named (const broker_core *self, bg_slice name)
{
    BG_AUTO_BUF key = {0};
    job_name_key (name, &key);
    broker_target *target = NULL;
    HASH_FIND (by_name, self->target_names, key.data, key.size, target);
    return target;
}

static bg_result target_not_found (const broker_core *self, bg_slice typed, bg_error *err)
{
    const char **words = bg_alloc (((size_t) self->members + 1) * sizeof *words);
    size_t count = 0;
    for (broker_target *target = self->target_names; target; target = target->by_name.next)
        words[count++] = target->name;
    const char *nearest = bg_nearest (typed, words, count);
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no target '%.*s' (%u enlisted)",
        BG_SLICE_ARG (typed), self->members));
    if (nearest)
        bg_ignore (bg_hint (err, "did you mean %s?", nearest));
    else
        bg_ignore (bg_hint (err, "see: bugle target list"));
    free (words);
    return (bg_result){BG_NOT_FOUND};
}

bg_result broker_target_find (
    const broker_core *self, bg_slice typed, broker_target **target_p, bg_error *err)
{
    broker_target *found = broker_target_named (self, typed);
    if (!found && typed.size >= BG_ID_TYPED_MIN)
        for (uint32_t number = 1; number < self->next_number; number++) {
            broker_target *target = broker_target_at (self, number);
            if (!target || !bg_id_matches (target->id, typed))
                continue;
            if (found) {
                bg_ignore (bg_fail (err, BG_INVALID,
                    "'%.*s' is the beginning or end of several target ids", BG_SLICE_ARG (typed)));
                return bg_hint (err, "write more of the id");
            }
            found = target;
        }
    if (!found)
        return target_not_found (self, typed, err);
    *target_p = found;
    return bg_ok ();
}

bg_result broker_target_take_membership (
    broker_core *self, broker_target *target, bg_slice bytes, bg_error *err)
{
    BG_TRY (decode_membership (target, bytes, err));
    if (target->defected_us == 0)
        HASH_DELETE (by_name, self->target_names, target);
    set_name (target, target->membership.name);
    index_name (self, target);
    return bg_ok ();
}

/*  ---- the store ----  */

bg_result broker_target_store (broker_core *self, const broker_target *target, bg_error *err)
{
    const broker_target_record record = {.number = target->number,
        .id = target->id,
        .name = bg_slice_str (target->name),
        .sign_key = target->sign_key,
        .curve_key = target->curve_key,
        .provisional = target->provisional,
        .defected_us = target->defected_us,
        .forgotten_us = target->forgotten_us,
        .key_cut = target->key_cut,
        .membership_version = target->membership_version,
        .membership_revision = target->membership_revision,
        .membership_state = target->membership_state,
        .membership = target->membership_bytes,
        .membership_us = target->membership_us,
        .enlisted_by = bg_slice_str (target->enlisted_by),
        .enlisted_us = target->enlisted_us};
    self->changed = true;
    return self->store->target_put (self->store->ctx, &record, err);
}

void broker_target_dirty (broker_core *self, broker_target *target)
{
    broker_target_marked (self, target);
    target->marks_dirty = true;
}

void broker_target_marked (broker_core *self, broker_target *target)
{
    if (target->mark_dirty)
        return;
    target->mark_dirty = true;
    target->next_dirty = self->dirty_targets;
    self->dirty_targets = target;
}

/*  ---- how it is ----  */

bool broker_target_is_member (const broker_target *target)
{
    return target->defected_us == 0;
}

bool broker_target_is_connected (const broker_core *self, const broker_target *target, bg_now now)
{
    return target->has_session &&
           now.mono_us - target->heard_mono_us < broker_silent_us (self, target);
}

/*  After a start everybody has the time of three beats to be heard again.  */
static bool is_silent (const broker_core *self, const broker_target *target, bg_now now)
{
    if (target->has_session)
        return now.mono_us - target->heard_mono_us >= broker_silent_us (self, target);
    return now.mono_us - self->recovered_mono_us >= broker_silent_us (self, target);
}

uint64_t broker_target_state (const broker_core *self, const broker_target *target, bg_now now)
{
    if (target->defected_us != 0)
        return WIRE_TARGET_DEFECTED;
    if (!target->has_session && target->marks.last_seen_us == 0)
        return WIRE_TARGET_NEVER_SEEN;
    if (is_silent (self, target, now))
        return WIRE_TARGET_SUSPECTED_OFFLINE;
    if (target->failed > 0)
        return WIRE_TARGET_QUARANTINED;
    if (target->waiting > 0)
        return WIRE_TARGET_WAITING;
    return target->provisional ? WIRE_TARGET_PROVISIONAL : WIRE_TARGET_NORMAL;
}

broker_document *broker_target_switch (const broker_core *self, const broker_target *target)
{
    bg_id_string id = bg_id_text (target->id);
    return broker_document_with_key (self, wire_switch_key (self->settings.installation,
                                               WIRE_TYPE_MEMBERSHIP, bg_slice_str (id.text)));
}

int64_t broker_target_poll_us (const broker_core *self, const broker_target *target)
{
    const broker_document *document = broker_target_switch (self, target);
    return document && document->poll_us > 0 ? document->poll_us
                                             : broker_core_setting (self, BROKER_SET_POLL_INTERVAL);
}

bool broker_target_in_group (const broker_target *target, bg_slice group)
{
    for (size_t i = 0; i < target->membership.groups_count; i++)
        if (job_name_compare (target->membership.groups[i], group) == 0)
            return true;
    return false;
}

bool broker_target_matches (const broker_target *target, const wire_audience *audience)
{
    return broker_target_is_member (target) &&
           wire_audience_matches (audience, &target->membership);
}

void broker_target_heard (broker_target *target, bg_now now)
{
    target->heard_mono_us = now.mono_us;
    target->marks.last_seen_us = now.utc_us;
}

/*  ---- leaving ----  */

static void leave_streams (broker_core *self, broker_target *target, bg_now now)
{
    broker_stream_rotate (self, broker_stream_named (self, bg_slice_str ("all")), now);
    for (size_t i = 0; i < target->membership.groups_count; i++)
        broker_stream_rotate (
            self, broker_stream_of_group (self, target->membership.groups[i]), now);
}

bg_result broker_target_leave (
    broker_core *self, broker_target *target, bg_now now, bool cut, bg_error *err)
{
    bg_assert (target->defected_us == 0);
    leave_streams (self, target, now);
    broker_deliver_forget (self, target);
    broker_execution_gone (self, now, target);
    HASH_DELETE (by_name, self->target_names, target);
    self->members--;
    target->defected_us = now.utc_us;
    broker_log (
        self, BROKER_LOG_NOTICE, "target-defected", "%s, number %u", target->name, target->number);
    if (cut)
        return broker_target_cut (self, target, err);
    return broker_target_store (self, target, err);
}

bg_result broker_target_cut (broker_core *self, broker_target *target, bg_error *err)
{
    bg_assert (target->defected_us != 0 && !target->key_cut);
    BG_TRY (broker_open_runs_forget (self, target, err));
    HASH_DELETE (by_key, self->target_keys, target);
    target->key_cut = true;
    target->has_session = false;
    if (self->front_up) {
        self->ports->keys_cut (self->ports->ctx, WIRE_ON_DESK, &target->curve_key);
        self->ports->keys_cut (self->ports->ctx, WIRE_ON_ORDERS, &target->curve_key);
    }
    return broker_target_store (self, target, err);
}

/*  ---- the front ----  */

bg_result broker_targets_scan (broker_core *self, bg_now now, bg_error *err)
{
    for (uint32_t number = 1; number < self->next_number; number++) {
        broker_target *target = broker_target_at (self, number);
        if (!target || target->key_cut)
            continue;
        if (target->defected_us != 0 && now.utc_us - target->defected_us > BROKER_DEFECT_WAIT_US &&
            !self->settings.storage_full) {
            BG_TRY (broker_target_cut (self, target, err));
            continue;
        }
        bool flag = target->pending + target->deeds > 0;
        if (self->front_up && flag != target->flag_sent) {
            target->flag_sent = flag;
            self->ports->pending (self->ports->ctx, &target->curve_key, flag);
        }
    }
    return bg_ok ();
}

void broker_target_admit (broker_core *self, const broker_target *target)
{
    if (!self->front_up)
        return;
    self->ports->keys_add (self->ports->ctx, WIRE_ON_DESK, &target->curve_key);
    self->ports->keys_add (self->ports->ctx, WIRE_ON_ORDERS, &target->curve_key);
}

void broker_targets_send_keys (broker_core *self)
{
    self->ports->keys_reset (self->ports->ctx);
    for (uint32_t number = 1; number < self->next_number; number++) {
        const broker_target *target = broker_target_at (self, number);
        if (!target || target->key_cut)
            continue;
        self->ports->keys_add (self->ports->ctx, WIRE_ON_DESK, &target->curve_key);
        self->ports->keys_add (self->ports->ctx, WIRE_ON_ORDERS, &target->curve_key);
    }
}
