/*  Targets, tokens and pending enlistments in the broker's store in memory.  */
#include "broker/store/memory_table.h"

/*  ---- targets ----  */

static bool is_id_of_another (const void *ctx, const broker_target_record *record)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_TARGET);
    for (size_t i = 0; i < table->count; i++) {
        const broker_target_record *row = memory_row (table, i);
        if (row->number != record->number && bg_id_equal (row->id, record->id))
            return true;
    }
    return false;
}

static bg_result target_put (void *ctx, const broker_target_record *record, bg_error *err)
{
    static const broker_target_marks none;
    const bg_number_key key = bg_number_key_of (record->number);
    const bg_slice at = bg_number_key_slice (&key);
    if (is_id_of_another (ctx, record))
        return bg_fail (err, BG_EXISTS, "the broker store in memory has a target of this id");
    if (!memory_find (ctx, MEMORY_MARKS, at))
        BG_TRY (memory_put (ctx, MEMORY_MARKS, at, &none, err));
    return memory_put (ctx, MEMORY_TARGET, at, record, err);
}

static bg_result target_marks (
    void *ctx, uint32_t number, const broker_target_marks *marks, bg_error *err)
{
    const bg_number_key key = bg_number_key_of (number);
    bg_assert (memory_find (ctx, MEMORY_MARKS, bg_number_key_slice (&key)));
    return memory_put (ctx, MEMORY_MARKS, bg_number_key_slice (&key), marks, err);
}

static bg_result target_mark (
    void *ctx, uint32_t number, const broker_target_marks *marks, bg_error *err)
{
    const bg_number_key key = bg_number_key_of (number);
    const broker_target_marks *old = memory_find (ctx, MEMORY_MARKS, bg_number_key_slice (&key));
    bg_assert (old);
    broker_target_marks changed = *old;
    changed.outbox = marks->outbox;
    changed.outbox_mark = marks->outbox_mark;
    changed.last_seen_us = marks->last_seen_us;
    return memory_put (ctx, MEMORY_MARKS, bg_number_key_slice (&key), &changed, err);
}

static bg_result targets (void *ctx, uint32_t after, uint32_t limit, broker_visit_target visit,
    void *visitor, bg_error *err)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_TARGET);
    const bg_number_key key = bg_number_key_of (after);
    bg_result result = bg_ok ();
    for (size_t i = broker_memory_behind (table, bg_number_key_slice (&key));
         i < table->count && limit-- > 0 && bg_is_ok (result); i++)
        result = visit (visitor, memory_row (table, i),
            memory_find (ctx, MEMORY_MARKS, table->rows[i]->key), err);
    return result;
}

/*  ---- tokens ----  */

static bg_slice token_slice (const bg_key *key)
{
    return bg_slice_of (key->bytes, sizeof key->bytes);
}

static bg_result token_put (void *ctx, const broker_token_record *record, bg_error *err)
{
    broker_token_record fresh = *record;
    fresh.revoked_us = 0;
    fresh.revoked_by = (bg_slice){0};
    return broker_memory_insert (ctx, MEMORY_TOKEN, token_slice (&record->token_key), &fresh, err);
}

static bg_result token_get (void *ctx, const bg_key *token_key, bg_arena *arena,
    broker_token_record *record, bool *found, bg_error *err)
{
    (void) err;
    const broker_token_record *row = memory_find (ctx, MEMORY_TOKEN, token_slice (token_key));
    *found = row != NULL;
    if (!row)
        return bg_ok ();
    *record = *row;
    record->signed_bytes = bg_arena_copy (arena, row->signed_bytes);
    record->created_by = bg_arena_copy (arena, row->created_by);
    record->revoked_by = bg_arena_copy (arena, row->revoked_by);
    return bg_ok ();
}

static broker_token_record token_there (const void *ctx, const bg_key *token_key)
{
    const broker_token_record *row = memory_find (ctx, MEMORY_TOKEN, token_slice (token_key));
    bg_assert (row);
    return *row;
}

static bg_result token_used (void *ctx, const bg_key *token_key, uint64_t used, bg_error *err)
{
    broker_token_record changed = token_there (ctx, token_key);
    changed.used = used;
    return memory_put (ctx, MEMORY_TOKEN, token_slice (token_key), &changed, err);
}

static bg_result token_revoked (
    void *ctx, const bg_key *token_key, int64_t at_us, bg_slice by, bg_error *err)
{
    broker_token_record changed = token_there (ctx, token_key);
    changed.revoked_us = at_us;
    changed.revoked_by = by;
    return memory_put (ctx, MEMORY_TOKEN, token_slice (token_key), &changed, err);
}

static bool is_usable (const broker_token_record *token, int64_t at_us)
{
    return token->expires_us > at_us && token->used < token->uses && token->revoked_us == 0;
}

static bg_result tokens (void *ctx, const bg_key *after, int64_t usable_us, uint32_t limit,
    broker_visit_token visit, void *visitor, bg_error *err)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_TOKEN);
    bg_result result = bg_ok ();
    for (size_t i = after ? broker_memory_behind (table, token_slice (after)) : 0;
         i < table->count && limit > 0 && bg_is_ok (result); i++) {
        const broker_token_record *row = memory_row (table, i);
        if (usable_us != 0 && !is_usable (row, usable_us))
            continue;
        limit--;
        result = visit (visitor, row, err);
    }
    return result;
}

/*  ---- pending enlistments ----  */

static bg_result pending_put (void *ctx, const broker_pending_record *record, bg_error *err)
{
    return memory_put (ctx, MEMORY_PENDING, bg_id_key (&record->target), record, err);
}

static bg_result pending_remove (void *ctx, bg_id target, bg_error *err)
{
    (void) err;
    (void) memory_remove (ctx, MEMORY_PENDING, bg_id_key (&target));
    return bg_ok ();
}

static bg_result pendings (void *ctx, broker_visit_pending visit, void *visitor, bg_error *err)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_PENDING);
    bg_result result = bg_ok ();
    for (size_t i = 0; i < table->count && bg_is_ok (result); i++)
        result = visit (visitor, memory_row (table, i), err);
    return result;
}

void broker_memory_targets_port (broker_store *port)
{
    port->target_put = target_put;
    port->target_marks = target_marks;
    port->target_mark = target_mark;
    port->targets = targets;
    port->token_put = token_put;
    port->token_get = token_get;
    port->token_used = token_used;
    port->token_revoked = token_revoked;
    port->tokens = tokens;
    port->pending_put = pending_put;
    port->pending_remove = pending_remove;
    port->pendings = pendings;
}
