/*  The broker's store in memory: its life, counters, requests and categories. The rest of the port is in memory_*.c, how
    rows are kept in common/base/rows.c.  */
#include "broker/store/memory_table.h"

#include <stdlib.h>

static bg_result meta_get (void *ctx, const char *name, int64_t *value, bg_error *err)
{
    (void) err;
    const memory_meta *row = memory_find (ctx, MEMORY_META, bg_slice_str (name));
    *value = row ? row->value : 0;
    return bg_ok ();
}

static bg_result meta_set (void *ctx, const char *name, int64_t value, bg_error *err)
{
    return memory_put (ctx, MEMORY_META, bg_slice_str (name), &(memory_meta){value}, err);
}

/*  ---- requests ----  */

static bg_result request_put (void *ctx, bg_id id, int64_t done_us, bg_slice answer, bg_error *err)
{
    return broker_memory_insert (
        ctx, MEMORY_REQUEST, bg_id_key (&id), &(memory_request){done_us, answer}, err);
}

static bg_result request_get (
    void *ctx, bg_id id, bg_arena *arena, bg_slice *answer, bool *found, bg_error *err)
{
    (void) err;
    const memory_request *row = memory_find (ctx, MEMORY_REQUEST, bg_id_key (&id));
    *found = row != NULL;
    if (row)
        *answer = bg_arena_copy (arena, row->answer);
    return bg_ok ();
}

/*  ---- categories ----  */

static bg_result category_put (void *ctx, const broker_category_record *record, bg_error *err)
{
    return broker_memory_insert (ctx, MEMORY_CATEGORY, record->key, record, err);
}

static bg_result category_remove (void *ctx, bg_slice key, bool *found, bg_error *err)
{
    (void) err;
    *found = memory_remove (ctx, MEMORY_CATEGORY, key);
    return bg_ok ();
}

static bg_result categories (void *ctx, bg_slice after, uint32_t limit, broker_visit_category visit,
    void *visitor, bg_error *err)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_CATEGORY);
    bg_result result = bg_ok ();
    for (size_t i = broker_memory_behind (table, after);
         i < table->count && limit-- > 0 && bg_is_ok (result); i++)
        result = visit (visitor, memory_row (table, i), err);
    return result;
}

/*  ---- life ----  */

broker_memory *broker_memory_new (void)
{
    broker_memory *self = bg_alloc (sizeof *self);
    bg_rows_init (&self->rows, "broker store", broker_memory_shapes, MEMORY_TABLES);
    self->port = (broker_store){.ctx = self,
        .name = "memory",
        .meta_get = meta_get,
        .meta_set = meta_set,
        .request_put = request_put,
        .request_get = request_get,
        .category_put = category_put,
        .category_remove = category_remove,
        .categories = categories};
    broker_memory_documents_port (&self->port);
    broker_memory_targets_port (&self->port);
    broker_memory_executions_port (&self->port);
    broker_memory_history_port (&self->port);
    broker_memory_prune_port (&self->port);
    return self;
}

broker_memory *broker_memory_copy (const broker_memory *self)
{
    broker_memory *copy = broker_memory_new ();
    bg_rows_copy (&self->rows, &copy->rows);
    return copy;
}

void broker_memory_destroy (broker_memory **self_p)
{
    broker_memory *self = *self_p;
    if (!self)
        return;
    bg_rows_fini (&self->rows);
    free (self);
    *self_p = NULL;
}

const broker_store *broker_memory_port (broker_memory *self)
{
    return &self->port;
}

void broker_memory_begin (broker_memory *self)
{
    bg_rows_begin (&self->rows);
}

void broker_memory_commit (broker_memory *self)
{
    bg_rows_commit (&self->rows);
}

void broker_memory_rollback (broker_memory *self)
{
    bg_rows_rollback (&self->rows);
}

size_t broker_memory_bytes (const broker_memory *self)
{
    return self->rows.bytes;
}

void broker_memory_set_max_bytes (broker_memory *self, size_t bytes)
{
    self->rows.max_bytes = bytes;
}
