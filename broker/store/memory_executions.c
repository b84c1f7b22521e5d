/*  Executions, notes and open runs in the broker's store in memory.  */
#include "broker/store/memory_table.h"

#include <strings.h>

/*  ---- executions ----  */

static bg_result execution_put (void *ctx, const broker_execution_record *record, bg_error *err)
{
    return broker_memory_insert (ctx, MEMORY_EXECUTION, bg_id_key (&record->id), record, err);
}

static bg_result execution_update (void *ctx, const broker_execution_record *record, bg_error *err)
{
    const broker_execution_record *old =
        memory_find (ctx, MEMORY_EXECUTION, bg_id_key (&record->id));
    if (!old) /*  past its retention: see executions.c  */
        return bg_ok ();
    broker_execution_record changed = *old;
    changed.targets = record->targets;
    changed.begun = record->begun;
    changed.over = record->over;
    changed.silent = record->silent;
    memcpy (changed.counts, record->counts, sizeof changed.counts);
    changed.done_us = record->done_us;
    changed.bitmaps = record->bitmaps;
    return memory_put (ctx, MEMORY_EXECUTION, bg_id_key (&record->id), &changed, err);
}

static bg_result execution_get (void *ctx, bg_id id, bg_arena *arena,
    broker_execution_record *record, bool *found, bg_error *err)
{
    (void) err;
    const broker_execution_record *row = memory_find (ctx, MEMORY_EXECUTION, bg_id_key (&id));
    *found = row != NULL;
    if (!row)
        return bg_ok ();
    *record = *row;
    record->job_name = bg_arena_copy (arena, row->job_name);
    record->login = bg_arena_copy (arena, row->login);
    record->reason = bg_arena_copy (arena, row->reason);
    record->signed_bytes = bg_arena_copy (arena, row->signed_bytes);
    record->bitmaps = bg_arena_copy (arena, row->bitmaps);
    return bg_ok ();
}

static bool is_login (bg_slice a, bg_slice b)
{
    return a.size == b.size &&
           (a.size == 0 || strncasecmp ((const char *) a.data, (const char *) b.data, a.size) == 0);
}

static bool is_asked_for (const broker_execution_record *row, const broker_execution_filter *filter)
{
    return (bg_id_is_zero (filter->job_key) || bg_id_equal (row->job_key, filter->job_key)) &&
           (!filter->open_only || row->done_us == 0) &&
           (filter->login.size == 0 || is_login (row->login, filter->login)) &&
           row->issued_us >= filter->since_us &&
           (filter->until_us == 0 || row->issued_us < filter->until_us);
}

static bg_result executions (void *ctx, const broker_execution_filter *filter,
    broker_visit_execution visit, void *visitor, bg_error *err)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_EXECUTION);
    uint32_t limit = filter->limit;
    bg_result result = bg_ok ();
    for (size_t i = bg_id_is_zero (filter->before)
                        ? table->count
                        : bg_table_lower_bound (table, bg_id_key (&filter->before));
         i-- > 0 && limit > 0 && bg_is_ok (result);) {
        const broker_execution_record *row = memory_row (table, i);
        if (!is_asked_for (row, filter))
            continue;
        limit--;
        result = visit (visitor, row, err);
    }
    return result;
}

/*  ---- notes ----  */

static bg_result note_put (void *ctx, const broker_note_record *record, bg_error *err)
{
    const memory_pair_key key = memory_pair_of (record->object, record->number);
    return memory_put (ctx, MEMORY_NOTE, memory_pair_slice (&key), record, err);
}

static bg_result note_remove (void *ctx, bg_id object, uint32_t number, bg_error *err)
{
    (void) err;
    const bg_table *table = memory_table_of (ctx, MEMORY_NOTE);
    const memory_pair_key key = memory_pair_of (object, number);
    if (number != 0) {
        (void) memory_remove (ctx, MEMORY_NOTE, memory_pair_slice (&key));
        return bg_ok ();
    }
    size_t at = bg_table_lower_bound (table, memory_pair_slice (&key));
    while (at < table->count &&
           bg_id_equal (((const broker_note_record *) memory_row (table, at))->object, object))
        (void) memory_remove (ctx, MEMORY_NOTE, table->rows[at]->key);
    return bg_ok ();
}

static bg_result note_get (void *ctx, bg_id object, uint32_t number, bg_arena *arena,
    broker_note_record *record, bool *found, bg_error *err)
{
    (void) err;
    const memory_pair_key key = memory_pair_of (object, number);
    const broker_note_record *row = memory_find (ctx, MEMORY_NOTE, memory_pair_slice (&key));
    *found = row != NULL;
    if (!row)
        return bg_ok ();
    *record = *row;
    record->code = bg_arena_copy (arena, row->code);
    record->message = bg_arena_copy (arena, row->message);
    record->by = bg_arena_copy (arena, row->by);
    record->reason = bg_arena_copy (arena, row->reason);
    return bg_ok ();
}

static bg_result notes (void *ctx, bg_id object, uint32_t after, uint32_t limit,
    broker_visit_note visit, void *visitor, bg_error *err)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_NOTE);
    const memory_pair_key key = memory_pair_of (object, after);
    bg_result result = bg_ok ();
    for (size_t i = broker_memory_behind (table, memory_pair_slice (&key));
         i < table->count && limit-- > 0 && bg_is_ok (result); i++) {
        const broker_note_record *row = memory_row (table, i);
        if (!bg_id_equal (row->object, object))
            break;
        result = visit (visitor, row, err);
    }
    return result;
}

/*  ---- open runs ----  */

static bg_result open_run_put (void *ctx, const broker_open_run_record *record, bg_error *err)
{
    return memory_put (ctx, MEMORY_OPEN_RUN, bg_id_key (&record->run), record, err);
}

static bg_result open_run_remove (void *ctx, bg_id run, bg_error *err)
{
    (void) err;
    (void) memory_remove (ctx, MEMORY_OPEN_RUN, bg_id_key (&run));
    return bg_ok ();
}

static bg_result open_run_get (void *ctx, bg_id run, bg_arena *arena,
    broker_open_run_record *record, bool *found, bg_error *err)
{
    (void) err;
    const broker_open_run_record *row = memory_find (ctx, MEMORY_OPEN_RUN, bg_id_key (&run));
    *found = row != NULL;
    if (!row)
        return bg_ok ();
    *record = *row;
    record->bytes = bg_arena_copy (arena, row->bytes);
    return bg_ok ();
}

static bg_result open_runs (void *ctx, const bg_id *after, uint32_t limit,
    broker_visit_open_run visit, void *visitor, bg_error *err)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_OPEN_RUN);
    bg_result result = bg_ok ();
    for (size_t i = after ? broker_memory_behind (table, bg_id_key (after)) : 0;
         i < table->count && limit-- > 0 && bg_is_ok (result); i++)
        result = visit (visitor, memory_row (table, i), err);
    return result;
}

void broker_memory_executions_port (broker_store *port)
{
    port->execution_put = execution_put;
    port->execution_update = execution_update;
    port->execution_get = execution_get;
    port->executions = executions;
    port->note_put = note_put;
    port->note_remove = note_remove;
    port->note_get = note_get;
    port->notes = notes;
    port->open_run_put = open_run_put;
    port->open_run_remove = open_run_remove;
    port->open_run_get = open_run_get;
    port->open_runs = open_runs;
}
