/*  Authorities and documents.  */
#include "node/store/store_private.h"

static bg_result authority_put (void *ctx, uint64_t version, bg_slice item, bg_error *err)
{
    bg_stmt *q = bg_db_query (
        node_db_of (ctx), "INSERT OR REPLACE INTO authority (version, item) VALUES (?1, ?2)");
    bg_bind_u64 (q, 1, version);
    bg_bind_blob (q, 2, item);
    return bg_stmt_run (q, err);
}

static bg_result authority_each (
    void *ctx, uint64_t after, node_authority_visit *visit, void *visitor, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "SELECT version, item FROM authority WHERE version > ?1 ORDER BY version");
    bg_bind_u64 (q, 1, after);
    bg_result result = bg_ok ();
    while (bg_stmt_each (q, &result, err)) {
        if (!visit (visitor, bg_column_u64 (q, 0), bg_column_blob (q, 1)))
            break;
    }
    bg_stmt_reset (q);
    return result;
}

static bg_result document_put (void *ctx, const node_document_row *row, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "INSERT INTO document (place, key, type, version, hash, dropped, code, message, item)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (place, key) DO UPDATE SET"
        " type = ?3, version = ?4, hash = ?5, dropped = ?6, code = ?7, message = ?8, item = ?9");
    bg_bind_i64 (q, 1, row->place);
    bg_bind_id (q, 2, &row->key);
    bg_bind_u64 (q, 3, row->type);
    bg_bind_u64 (q, 4, row->version);
    bg_bind_blob (q, 5, bg_slice_of (row->hash, sizeof row->hash));
    bg_bind_i64 (q, 6, row->dropped);
    bg_bind_text (q, 7, row->code);
    bg_bind_text (q, 8, row->message);
    bg_bind_blob (q, 9, row->signed_item);
    return bg_stmt_run (q, err);
}

static bg_result document_remove (void *ctx, node_place place, bg_id key, bg_error *err)
{
    bg_stmt *q =
        bg_db_query (node_db_of (ctx), "DELETE FROM document WHERE place = ?1 AND key = ?2");
    bg_bind_i64 (q, 1, place);
    bg_bind_id (q, 2, &key);
    return bg_stmt_run (q, err);
}

static void read_row (bg_stmt *q, node_document_row *row)
{
    *row = (node_document_row){
        .place = (node_place) bg_column_i64 (q, 0),
        .key = bg_column_id (q, 1),
        .type = bg_column_u64 (q, 2),
        .version = bg_column_u64 (q, 3),
        .dropped = bg_column_i64 (q, 5) != 0,
        .code = bg_column_text (q, 6),
        .message = bg_column_text (q, 7),
        .signed_item = bg_column_blob (q, 8),
    };
    bg_column_bytes (q, 4, row->hash, sizeof row->hash);
}

static bg_result document_get (void *ctx, node_place place, bg_id key, bg_arena *arena,
    node_document_row *row, bool *found, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "SELECT place, key, type, version, hash, dropped, code, message, item FROM document"
        " WHERE place = ?1 AND key = ?2");
    bg_bind_i64 (q, 1, place);
    bg_bind_id (q, 2, &key);
    BG_TRY (bg_stmt_step (q, found, err));
    if (!*found)
        return bg_ok ();
    read_row (q, row);
    row->code = bg_arena_copy (arena, row->code);
    row->message = bg_arena_copy (arena, row->message);
    row->signed_item = bg_arena_copy (arena, row->signed_item);
    bg_stmt_reset (q);
    return bg_ok ();
}

static bg_result document_each (
    void *ctx, node_place place, node_document_visit *visit, void *visitor, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "SELECT place, key, type, version, hash, dropped, code, message, item FROM document"
        " WHERE place = ?1 ORDER BY type, key");
    bg_bind_i64 (q, 1, place);
    bg_result result = bg_ok ();
    while (bg_stmt_each (q, &result, err)) {
        node_document_row row;
        read_row (q, &row);
        if (!visit (visitor, &row))
            break;
    }
    bg_stmt_reset (q);
    return result;
}

void node_documents_port (node_store *port)
{
    port->authority_put = authority_put;
    port->authority_each = authority_each;
    port->document_put = document_put;
    port->document_remove = document_remove;
    port->document_get = document_get;
    port->document_each = document_each;
}
