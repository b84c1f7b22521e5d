/*  The store in memory: its life, who the node is, single numbers and blobs, authorities. See common/base/rows.c for how
    rows are kept, memory_work.c and memory_reports.c for the rest of the port.
*/
#include "node/store/memory_table.h"

#include <stdlib.h>

static bg_result identity_get (
    void *ctx, bg_arena *arena, node_identity *identity, bool *found, bg_error *err)
{
    (void) err;
    const node_identity *row = memory_find (ctx, MEMORY_IDENTITY, (bg_slice){0});
    *found = row != NULL;
    if (!row)
        return bg_ok ();
    *identity = *row;
    identity->name = bg_arena_copy (arena, row->name);
    identity->broker = bg_arena_copy (arena, row->broker);
    identity->endpoints = bg_arena_copy (arena, row->endpoints);
    return bg_ok ();
}

static bg_result identity_put (void *ctx, const node_identity *identity, bg_error *err)
{
    return memory_put (ctx, MEMORY_IDENTITY, (bg_slice){0}, identity, err);
}

static bg_result number_get (void *ctx, node_number which, uint64_t *value, bg_error *err)
{
    (void) err;
    const bg_number_key key = bg_number_key_of (which);
    const memory_number *row = memory_find (ctx, MEMORY_NUMBER, bg_number_key_slice (&key));
    *value = row ? row->value : 0;
    return bg_ok ();
}

static bg_result number_put (void *ctx, node_number which, uint64_t value, bg_error *err)
{
    const bg_number_key key = bg_number_key_of (which);
    return memory_put (
        ctx, MEMORY_NUMBER, bg_number_key_slice (&key), &(memory_number){value}, err);
}

static bg_result blob_get (
    void *ctx, node_blob which, bg_arena *arena, bg_slice *value, bg_error *err)
{
    (void) err;
    const bg_number_key key = bg_number_key_of (which);
    const memory_blob *row = memory_find (ctx, MEMORY_BLOB, bg_number_key_slice (&key));
    *value = row ? bg_arena_copy (arena, row->value) : (bg_slice){0};
    return bg_ok ();
}

static bg_result blob_put (void *ctx, node_blob which, bg_slice value, bg_error *err)
{
    const bg_number_key key = bg_number_key_of (which);
    return memory_put (ctx, MEMORY_BLOB, bg_number_key_slice (&key), &(memory_blob){value}, err);
}

static bg_result authority_put (void *ctx, uint64_t version, bg_slice item, bg_error *err)
{
    const bg_number_key key = bg_number_key_of (version);
    return memory_put (ctx, MEMORY_AUTHORITY, bg_number_key_slice (&key),
        &(memory_authority){.version = version, .signed_item = item}, err);
}

static bg_result authority_each (
    void *ctx, uint64_t after, node_authority_visit *visit, void *visitor, bg_error *err)
{
    (void) err;
    if (after == UINT64_MAX)
        return bg_ok ();
    const bg_table *table = memory_table_of (ctx, MEMORY_AUTHORITY);
    const bg_number_key key = bg_number_key_of (after + 1);
    for (size_t i = bg_table_lower_bound (table, bg_number_key_slice (&key)); i < table->count;
         i++) {
        const memory_authority *row = bg_row_body (table->rows[i]);
        if (!visit (visitor, row->version, row->signed_item))
            break;
    }
    return bg_ok ();
}

void memory_identity_port (node_store *port)
{
    port->identity_get = identity_get;
    port->identity_put = identity_put;
    port->number_get = number_get;
    port->number_put = number_put;
    port->blob_get = blob_get;
    port->blob_put = blob_put;
    port->authority_put = authority_put;
    port->authority_each = authority_each;
}

/*  ---- forgetting ----  */

static bool has_document (const node_memory *self, bg_id job_key)
{
    const bg_table *table = memory_table_of (self, MEMORY_DOCUMENT);
    for (size_t i = 0; i < table->count; i++) {
        const node_document_row *row = bg_row_body (table->rows[i]);
        if (bg_id_equal (row->key, job_key))
            return true;
    }
    return false;
}

static bool is_not_local (const void *self, const void *body)
{
    (void) self;
    return ((const node_document_row *) body)->place != NODE_PLACE_LOCAL;
}

static bool is_mark_of_nothing (const void *self, const void *body)
{
    return !has_document (self, ((const node_mark_row *) body)->job_key);
}

static bool is_occurrence_of_nothing (const void *self, const void *body)
{
    return !has_document (self, ((const node_occurrence_row *) body)->job_key);
}

static bool is_spent_of_nothing (const void *self, const void *body)
{
    return !has_document (self, ((const memory_spent *) body)->job_key);
}

static bool is_limit_of_nothing (const void *self, const void *body)
{
    return !has_document (self, ((const node_history_limit *) body)->job_key);
}

/*  All rows but the one with that number as key.  */
static void remove_all_but (node_memory *self, memory_table_name table, uint64_t kept)
{
    const bg_number_key key = bg_number_key_of (kept);
    const bg_table *in = memory_table_of (self, table);
    for (size_t i = in->count; i-- > 0;)
        if (!bg_slice_equal (in->rows[i]->key, bg_number_key_slice (&key)))
            (void) memory_remove (self, table, in->rows[i]->key);
}

static bg_result forget (void *ctx, bg_error *err)
{
    (void) err;
    static const memory_table_name gone[] = {
        MEMORY_IDENTITY, MEMORY_AUTHORITY, MEMORY_DEED, MEMORY_OUTBOX, MEMORY_REFUSED};
    node_memory *self = ctx;
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        bg_rows_remove_first (&self->rows, gone[i], self->rows.tables[gone[i]].count);
    bg_rows_remove_if (&self->rows, MEMORY_DOCUMENT, is_not_local, self);
    bg_rows_remove_if (&self->rows, MEMORY_MARK, is_mark_of_nothing, self);
    bg_rows_remove_if (&self->rows, MEMORY_OCCURRENCE, is_occurrence_of_nothing, self);
    bg_rows_remove_if (&self->rows, MEMORY_SPENT, is_spent_of_nothing, self);
    bg_rows_remove_if (&self->rows, MEMORY_HISTORY_LIMIT, is_limit_of_nothing, self);
    remove_all_but (self, MEMORY_NUMBER, NODE_NUMBER_BOOT);
    remove_all_but (self, MEMORY_BLOB, NODE_BLOB_INSTANCE);
    return bg_ok ();
}

/*  ---- life ----  */

node_memory *node_memory_new (void)
{
    node_memory *self = bg_alloc (sizeof *self);
    bg_rows_init (&self->rows, "node store", memory_shapes, MEMORY_TABLES);
    self->port.ctx = self;
    self->port.forget = forget;
    memory_identity_port (&self->port);
    memory_work_port (&self->port);
    memory_reports_port (&self->port);
    return self;
}

void node_memory_destroy (node_memory **self_p)
{
    node_memory *self = *self_p;
    if (!self)
        return;
    bg_rows_fini (&self->rows);
    free (self);
    *self_p = NULL;
}

const node_store *node_memory_port (node_memory *self)
{
    return &self->port;
}

size_t node_memory_bytes (const node_memory *self)
{
    return self->rows.bytes;
}

void node_memory_set_max_bytes (node_memory *self, size_t bytes)
{
    self->rows.max_bytes = bytes;
}

void node_memory_begin (node_memory *self)
{
    bg_rows_begin (&self->rows);
}

void node_memory_commit (node_memory *self)
{
    bg_rows_commit (&self->rows);
}

void node_memory_rollback (node_memory *self)
{
    bg_rows_rollback (&self->rows);
}

bool node_memory_has_changes (const node_memory *self)
{
    return self->rows.change_count > 0;
}
