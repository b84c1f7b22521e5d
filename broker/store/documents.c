/*  Documents of the broker's store: see store_port.h for what each function promises.  */
#include "broker/store/store_private.h"

#define DOCUMENT_COLUMNS                                                                           \
    "d.key, d.version, d.type, d.object_type, d.name, d.revision, d.withdrawn_version, "           \
    "d.content_hash, d.hash,"                                                                      \
    " d.signed_bytes, d.posted_by, d.posted_us"

static void copy_hash (uint8_t hash[32], bg_slice blob)
{
    memset (hash, 0, 32);
    if (blob.size == 32)
        memcpy (hash, blob.data, 32);
}

static void read_document (bg_stmt *stmt, broker_document_record *record)
{
    record->key = bg_column_id (stmt, 0);
    record->version = (uint64_t) bg_column_i64 (stmt, 1);
    record->type = (uint64_t) bg_column_i64 (stmt, 2);
    record->object_type = (uint64_t) bg_column_i64 (stmt, 3);
    record->name = bg_column_text (stmt, 4);
    record->revision = (uint64_t) bg_column_i64 (stmt, 5);
    record->withdrawn_version = (uint64_t) bg_column_i64 (stmt, 6);
    copy_hash (record->content_hash, bg_column_blob (stmt, 7));
    copy_hash (record->hash, bg_column_blob (stmt, 8));
    record->signed_bytes = bg_column_blob (stmt, 9);
    record->posted_by = bg_column_text (stmt, 10);
    record->posted_us = bg_column_i64 (stmt, 11);
}

static bg_result document_append (void *ctx, const broker_document_record *record, bg_error *err)
{
    bg_stmt *stmt =
        bg_db_query (broker_db_of (ctx), "INSERT INTO document (key, version, type, object_type, "
                                         "name, revision, withdrawn_version, content_hash, hash,"
                                         " signed_bytes, posted_by, posted_us) VALUES (?1, ?2, ?3, "
                                         "?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
    bg_bind_id (stmt, 1, &record->key);
    bg_bind_u64 (stmt, 2, record->version);
    bg_bind_u64 (stmt, 3, record->type);
    bg_bind_u64 (stmt, 4, record->object_type);
    bg_bind_text (stmt, 5, record->name);
    bg_bind_u64 (stmt, 6, record->revision);
    bg_bind_u64 (stmt, 7, record->withdrawn_version);
    bg_bind_blob (stmt, 8, bg_slice_of (record->content_hash, sizeof record->content_hash));
    bg_bind_blob (stmt, 9, bg_slice_of (record->hash, sizeof record->hash));
    bg_bind_blob (stmt, 10, record->signed_bytes);
    bg_bind_text (stmt, 11, record->posted_by);
    bg_bind_i64 (stmt, 12, record->posted_us);
    BG_TRY (bg_stmt_run (stmt, err));
    stmt =
        bg_db_query (broker_db_of (ctx), "INSERT INTO head (key, version) VALUES (?1, ?2) ON "
                                         "CONFLICT (key) DO UPDATE SET version = excluded.version");
    bg_bind_id (stmt, 1, &record->key);
    bg_bind_u64 (stmt, 2, record->version);
    return bg_stmt_run (stmt, err);
}

static bg_result document_get (void *ctx, bg_id key, uint64_t version, bg_arena *arena,
    broker_document_record *record, bool *found, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "SELECT " DOCUMENT_COLUMNS
        " FROM document d WHERE d.key = ?1 AND (?2 = 0 OR d.version = ?2)"
        " ORDER BY d.version DESC LIMIT 1");
    bg_bind_id (stmt, 1, &key);
    bg_bind_u64 (stmt, 2, version);
    *found = false;
    BG_TRY (bg_stmt_step (stmt, found, err));
    if (*found) {
        read_document (stmt, record);
        record->name = bg_arena_copy (arena, record->name);
        record->signed_bytes = bg_arena_copy (arena, record->signed_bytes);
        record->posted_by = bg_arena_copy (arena, record->posted_by);
    }
    bg_stmt_reset (stmt);
    return bg_ok ();
}

static bg_result document_versions (void *ctx, bg_id key, uint64_t from, uint32_t limit,
    broker_visit_document visit, void *visitor, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "SELECT " DOCUMENT_COLUMNS
        " FROM document d WHERE d.key = ?1 AND d.version >= ?2 ORDER BY d.version LIMIT ?3");
    bg_bind_id (stmt, 1, &key);
    bg_bind_u64 (stmt, 2, from);
    bg_bind_i64 (stmt, 3, limit);
    bg_result result = bg_ok ();
    while (bg_stmt_each (stmt, &result, err)) {
        broker_document_record record;
        read_document (stmt, &record);
        result = visit (visitor, &record, err);
    }
    return result;
}

static bg_result document_versions_down (void *ctx, bg_id key, uint64_t before, uint64_t revision,
    uint32_t limit, broker_visit_document visit, void *visitor, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "SELECT " DOCUMENT_COLUMNS
        " FROM document d WHERE d.key = ?1 AND (?2 = 0 OR d.version < ?2)"
        " AND (?3 = 0 OR d.revision = ?3) ORDER BY d.version DESC LIMIT ?4");
    bg_bind_id (stmt, 1, &key);
    bg_bind_u64 (stmt, 2, before);
    bg_bind_u64 (stmt, 3, revision);
    bg_bind_i64 (stmt, 4, limit);
    bg_result result = bg_ok ();
    while (bg_stmt_each (stmt, &result, err)) {
        broker_document_record record;
        read_document (stmt, &record);
        result = visit (visitor, &record, err);
    }
    return result;
}

static bg_result heads (void *ctx, const bg_id *after, uint32_t limit, broker_visit_head visit,
    void *visitor, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "SELECT " DOCUMENT_COLUMNS
        ", h.deliveries FROM head h JOIN document d ON d.key = h.key AND d.version = h.version"
        " WHERE h.key > ?1 ORDER BY h.key LIMIT ?2");
    /*  The empty BLOB sorts before every key.  */
    if (after)
        bg_bind_id (stmt, 1, after);
    else
        bg_bind_blob (stmt, 1, bg_slice_of ("", 0));
    bg_bind_i64 (stmt, 2, limit);
    bg_result result = bg_ok ();
    while (bg_stmt_each (stmt, &result, err)) {
        broker_head_record record;
        read_document (stmt, &record.document);
        record.deliveries = bg_column_blob (stmt, 12);
        result = visit (visitor, &record, err);
    }
    return result;
}

static bg_result deliveries_put (void *ctx, bg_id key, bg_slice deliveries, bg_error *err)
{
    bg_stmt *stmt =
        bg_db_query (broker_db_of (ctx), "UPDATE head SET deliveries = ?2 WHERE key = ?1");
    bg_bind_id (stmt, 1, &key);
    bg_bind_blob (stmt, 2, deliveries);
    BG_TRY (bg_stmt_run (stmt, err));
    bg_assert (bg_db_changes (broker_db_of (ctx)) == 1);
    return bg_ok ();
}

void broker_documents_port (broker_store *port)
{
    port->document_append = document_append;
    port->document_get = document_get;
    port->document_versions = document_versions;
    port->document_versions_down = document_versions_down;
    port->heads = heads;
    port->deliveries_put = deliveries_put;
}
