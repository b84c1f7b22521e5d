/*  Who the node is, and the single numbers and blobs.  */
#include "node/store/store_private.h"

static bg_result identity_get (
    void *ctx, bg_arena *arena, node_identity *identity, bool *found, bg_error *err)
{
    bg_stmt *q =
        bg_db_query (node_db_of (ctx), "SELECT installation, target, number, name, broker, "
                                       "broker_curve_key, endpoints, authority_hash,"
                                       " sign_key, curve_key, outbox, enlisted_us FROM identity");
    BG_TRY (bg_stmt_step (q, found, err));
    if (!*found)
        return bg_ok ();
    *identity = (node_identity){
        .installation = bg_column_id (q, 0),
        .target = bg_column_id (q, 1),
        .number = bg_column_u64 (q, 2),
        .name = bg_arena_copy (arena, bg_column_text (q, 3)),
        .broker = bg_arena_copy (arena, bg_column_text (q, 4)),
        .endpoints = bg_arena_copy (arena, bg_column_text (q, 6)),
        .outbox = bg_column_id (q, 10),
        .enlisted_us = bg_column_i64 (q, 11),
    };
    bg_column_bytes (q, 5, identity->broker_curve_key.bytes, BG_KEY_BYTES);
    bg_column_bytes (q, 7, identity->authority_hash, sizeof identity->authority_hash);
    bg_column_bytes (q, 8, identity->sign_key.bytes, BG_KEY_BYTES);
    bg_column_bytes (q, 9, identity->curve_key.bytes, BG_KEY_BYTES);
    bg_stmt_reset (q);
    return bg_ok ();
}

static bg_result identity_put (void *ctx, const node_identity *identity, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "INSERT OR REPLACE INTO identity (one, installation, target, number, name, broker, "
        "broker_curve_key,"
        " endpoints, authority_hash, sign_key, curve_key, outbox, enlisted_us)"
        " VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
    bg_bind_id (q, 1, &identity->installation);
    bg_bind_id (q, 2, &identity->target);
    bg_bind_u64 (q, 3, identity->number);
    bg_bind_text (q, 4, identity->name);
    bg_bind_text (q, 5, identity->broker);
    bg_bind_blob (q, 6, bg_slice_of (identity->broker_curve_key.bytes, BG_KEY_BYTES));
    bg_bind_text (q, 7, identity->endpoints);
    bg_bind_blob (q, 8, bg_slice_of (identity->authority_hash, sizeof identity->authority_hash));
    bg_bind_blob (q, 9, bg_slice_of (identity->sign_key.bytes, BG_KEY_BYTES));
    bg_bind_blob (q, 10, bg_slice_of (identity->curve_key.bytes, BG_KEY_BYTES));
    bg_bind_id (q, 11, &identity->outbox);
    bg_bind_i64 (q, 12, identity->enlisted_us);
    return bg_stmt_run (q, err);
}

static bg_result number_get (void *ctx, node_number which, uint64_t *value, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx), "SELECT value FROM number WHERE which = ?1");
    bg_bind_i64 (q, 1, which);
    bool row;
    BG_TRY (bg_stmt_step (q, &row, err));
    *value = row ? bg_column_u64 (q, 0) : 0;
    bg_stmt_reset (q);
    return bg_ok ();
}

static bg_result number_put (void *ctx, node_number which, uint64_t value, bg_error *err)
{
    bg_stmt *q = bg_db_query (
        node_db_of (ctx), "INSERT OR REPLACE INTO number (which, value) VALUES (?1, ?2)");
    bg_bind_i64 (q, 1, which);
    bg_bind_u64 (q, 2, value);
    return bg_stmt_run (q, err);
}

static bg_result blob_get (
    void *ctx, node_blob which, bg_arena *arena, bg_slice *value, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx), "SELECT value FROM blob WHERE which = ?1");
    bg_bind_i64 (q, 1, which);
    bool row;
    BG_TRY (bg_stmt_step (q, &row, err));
    *value = row ? bg_arena_copy (arena, bg_column_blob (q, 0)) : (bg_slice){0};
    bg_stmt_reset (q);
    return bg_ok ();
}

static bg_result blob_put (void *ctx, node_blob which, bg_slice value, bg_error *err)
{
    bg_stmt *q = bg_db_query (
        node_db_of (ctx), "INSERT OR REPLACE INTO blob (which, value) VALUES (?1, ?2)");
    bg_bind_i64 (q, 1, which);
    bg_bind_blob (q, 2, value);
    return bg_stmt_run (q, err);
}

void node_identity_port (node_store *port)
{
    port->identity_get = identity_get;
    port->identity_put = identity_put;
    port->number_get = number_get;
    port->number_put = number_put;
    port->blob_get = blob_get;
    port->blob_put = blob_put;
}
