/*  Documents and their heads in the broker's store in memory.  */
#include "broker/store/memory_table.h"

static bg_result document_append (void *ctx, const broker_document_record *record, bg_error *err)
{
    const memory_pair_key key = memory_pair_of (record->key, record->version);
    BG_TRY (broker_memory_insert (ctx, MEMORY_DOCUMENT, memory_pair_slice (&key), record, err));
    const memory_head *old = memory_find (ctx, MEMORY_HEAD, bg_id_key (&record->key));
    const memory_head head = {
        .version = record->version, .deliveries = old ? old->deliveries : (bg_slice){0}};
    return memory_put (ctx, MEMORY_HEAD, bg_id_key (&record->key), &head, err);
}

static const broker_document_record *find_document (const void *ctx, bg_id key, uint64_t version)
{
    const memory_pair_key wanted = memory_pair_of (key, version);
    return memory_find (ctx, MEMORY_DOCUMENT, memory_pair_slice (&wanted));
}

/*  The newest is what is highest, not what came last.  */
static const broker_document_record *newest_document (const void *ctx, bg_id key)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_DOCUMENT);
    const memory_pair_key last = memory_pair_of (key, UINT64_MAX);
    size_t at = broker_memory_behind (table, memory_pair_slice (&last));
    const broker_document_record *row = at > 0 ? memory_row (table, at - 1) : NULL;
    return row && bg_id_equal (row->key, key) ? row : NULL;
}

static bg_result document_get (void *ctx, bg_id key, uint64_t version, bg_arena *arena,
    broker_document_record *record, bool *found, bg_error *err)
{
    (void) err;
    const broker_document_record *row =
        version ? find_document (ctx, key, version) : newest_document (ctx, key);
    *found = row != NULL;
    if (!row)
        return bg_ok ();
    *record = *row;
    record->name = bg_arena_copy (arena, row->name);
    record->signed_bytes = bg_arena_copy (arena, row->signed_bytes);
    record->posted_by = bg_arena_copy (arena, row->posted_by);
    return bg_ok ();
}

static bg_result document_versions (void *ctx, bg_id key, uint64_t from, uint32_t limit,
    broker_visit_document visit, void *visitor, bg_error *err)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_DOCUMENT);
    const memory_pair_key first = memory_pair_of (key, from);
    bg_result result = bg_ok ();
    for (size_t i = bg_table_lower_bound (table, memory_pair_slice (&first));
         i < table->count && limit-- > 0 && bg_is_ok (result); i++) {
        const broker_document_record *row = memory_row (table, i);
        if (!bg_id_equal (row->key, key))
            break;
        result = visit (visitor, row, err);
    }
    return result;
}

static bg_result document_versions_down (void *ctx, bg_id key, uint64_t before, uint64_t revision,
    uint32_t limit, broker_visit_document visit, void *visitor, bg_error *err)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_DOCUMENT);
    const memory_pair_key end = memory_pair_of (key, before ? before : UINT64_MAX);
    bg_result result = bg_ok ();
    for (size_t i = bg_table_lower_bound (table, memory_pair_slice (&end));
         i-- > 0 && limit > 0 && bg_is_ok (result);) {
        const broker_document_record *row = memory_row (table, i);
        if (!bg_id_equal (row->key, key))
            break;
        if (revision != 0 && row->revision != revision)
            continue;
        limit--;
        result = visit (visitor, row, err);
    }
    return result;
}

static bg_result heads (void *ctx, const bg_id *after, uint32_t limit, broker_visit_head visit,
    void *visitor, bg_error *err)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_HEAD);
    bg_result result = bg_ok ();
    for (size_t i = after ? broker_memory_behind (table, bg_id_key (after)) : 0;
         i < table->count && limit-- > 0 && bg_is_ok (result); i++) {
        const memory_head *head = memory_row (table, i);
        bg_id key;
        memcpy (key.bytes, table->rows[i]->key.data, BG_ID_BYTES);
        const broker_document_record *document = find_document (ctx, key, head->version);
        bg_assert (document);
        const broker_head_record record = {.document = *document, .deliveries = head->deliveries};
        result = visit (visitor, &record, err);
    }
    return result;
}

static bg_result deliveries_put (void *ctx, bg_id key, bg_slice deliveries, bg_error *err)
{
    const memory_head *old = memory_find (ctx, MEMORY_HEAD, bg_id_key (&key));
    bg_assert (old);
    const memory_head head = {.version = old->version, .deliveries = deliveries};
    return memory_put (ctx, MEMORY_HEAD, bg_id_key (&key), &head, err);
}

void broker_memory_documents_port (broker_store *port)
{
    port->document_append = document_append;
    port->document_get = document_get;
    port->document_versions = document_versions;
    port->document_versions_down = document_versions_down;
    port->heads = heads;
    port->deliveries_put = deliveries_put;
}
