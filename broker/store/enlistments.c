/*  Tokens and pending enlistments of the broker's store: see store_port.h for what each function promises.  */
#include "broker/store/store_private.h"

#define TOKEN_COLUMNS                                                                              \
    "token_key, signed_bytes, created_by, created_us, expires_us, uses, used, revoked_us, "        \
    "revoked_by"

static void read_token (bg_stmt *stmt, broker_token_record *record)
{
    *record = (broker_token_record){
        .token_key = bg_column_key (stmt, 0),
        .signed_bytes = bg_column_blob (stmt, 1),
        .created_by = bg_column_text (stmt, 2),
        .created_us = bg_column_i64 (stmt, 3),
        .expires_us = bg_column_i64 (stmt, 4),
        .uses = (uint64_t) bg_column_i64 (stmt, 5),
        .used = (uint64_t) bg_column_i64 (stmt, 6),
        .revoked_us = bg_column_i64 (stmt, 7),
        .revoked_by = bg_column_text (stmt, 8),
    };
}

static bg_result token_put (void *ctx, const broker_token_record *record, bg_error *err)
{
    bg_stmt *stmt =
        bg_db_query (broker_db_of (ctx), "INSERT INTO token (token_key, signed_bytes, created_by, "
                                         "created_us, expires_us, uses, used)"
                                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    bg_bind_key (stmt, 1, &record->token_key);
    bg_bind_blob (stmt, 2, record->signed_bytes);
    bg_bind_text (stmt, 3, record->created_by);
    bg_bind_i64 (stmt, 4, record->created_us);
    bg_bind_i64 (stmt, 5, record->expires_us);
    bg_bind_u64 (stmt, 6, record->uses);
    bg_bind_u64 (stmt, 7, record->used);
    return bg_stmt_run (stmt, err);
}

static bg_result token_get (void *ctx, const bg_key *token_key, bg_arena *arena,
    broker_token_record *record, bool *found, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (
        broker_db_of (ctx), "SELECT " TOKEN_COLUMNS " FROM token WHERE token_key = ?1");
    bg_bind_key (stmt, 1, token_key);
    *found = false;
    BG_TRY (bg_stmt_step (stmt, found, err));
    if (*found) {
        read_token (stmt, record);
        record->signed_bytes = bg_arena_copy (arena, record->signed_bytes);
        record->created_by = bg_arena_copy (arena, record->created_by);
        record->revoked_by = bg_arena_copy (arena, record->revoked_by);
    }
    bg_stmt_reset (stmt);
    return bg_ok ();
}

static bg_result token_used (void *ctx, const bg_key *token_key, uint64_t used, bg_error *err)
{
    bg_stmt *stmt =
        bg_db_query (broker_db_of (ctx), "UPDATE token SET used = ?2 WHERE token_key = ?1");
    bg_bind_key (stmt, 1, token_key);
    bg_bind_u64 (stmt, 2, used);
    BG_TRY (bg_stmt_run (stmt, err));
    bg_assert (bg_db_changes (broker_db_of (ctx)) == 1);
    return bg_ok ();
}

static bg_result token_revoked (
    void *ctx, const bg_key *token_key, int64_t at_us, bg_slice by, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "UPDATE token SET revoked_us = ?2, revoked_by = ?3 WHERE token_key = ?1");
    bg_bind_key (stmt, 1, token_key);
    bg_bind_i64 (stmt, 2, at_us);
    bg_bind_text (stmt, 3, by);
    BG_TRY (bg_stmt_run (stmt, err));
    bg_assert (bg_db_changes (broker_db_of (ctx)) == 1);
    return bg_ok ();
}

static bg_result tokens (void *ctx, const bg_key *after, int64_t usable_us, uint32_t limit,
    broker_visit_token visit, void *visitor, bg_error *err)
{
    static const bg_key none;
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "SELECT " TOKEN_COLUMNS " FROM token WHERE token_key > ?1"
        " AND (?2 = 0 OR (expires_us > ?2 AND used < uses AND revoked_us = 0))"
        " ORDER BY token_key LIMIT ?3");
    bg_bind_key (stmt, 1, after ? after : &none);
    bg_bind_i64 (stmt, 2, usable_us);
    bg_bind_i64 (stmt, 3, limit);
    bg_result result = bg_ok ();
    while (bg_stmt_each (stmt, &result, err)) {
        broker_token_record record;
        read_token (stmt, &record);
        result = visit (visitor, &record, err);
    }
    return result;
}

/*  ---- pending enlistments ----  */

static bg_result pending_put (void *ctx, const broker_pending_record *record, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "INSERT OR REPLACE INTO pending (target, row, rejected_us) VALUES (?1, ?2, ?3)");
    bg_bind_id (stmt, 1, &record->target);
    bg_bind_blob (stmt, 2, record->row);
    bg_bind_i64 (stmt, 3, record->rejected_us);
    return bg_stmt_run (stmt, err);
}

static bg_result pending_remove (void *ctx, bg_id target, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx), "DELETE FROM pending WHERE target = ?1");
    bg_bind_id (stmt, 1, &target);
    return bg_stmt_run (stmt, err);
}

static bg_result pendings (void *ctx, broker_visit_pending visit, void *visitor, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (
        broker_db_of (ctx), "SELECT target, row, rejected_us FROM pending ORDER BY target");
    bg_result result = bg_ok ();
    while (bg_stmt_each (stmt, &result, err)) {
        const broker_pending_record record = {.target = bg_column_id (stmt, 0),
            .row = bg_column_blob (stmt, 1),
            .rejected_us = bg_column_i64 (stmt, 2)};
        result = visit (visitor, &record, err);
    }
    return result;
}

void broker_enlistments_port (broker_store *port)
{
    port->token_put = token_put;
    port->token_get = token_get;
    port->token_used = token_used;
    port->token_revoked = token_revoked;
    port->tokens = tokens;
    port->pending_put = pending_put;
    port->pending_remove = pending_remove;
    port->pendings = pendings;
}
