/*  Requests that were done, of the broker's store: see store_port.h.  */
#include "broker/store/store_private.h"

static bg_result request_put (void *ctx, bg_id id, int64_t done_us, bg_slice answer, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (
        broker_db_of (ctx), "INSERT INTO request (id, done_us, answer) VALUES (?1, ?2, ?3)");
    bg_bind_id (stmt, 1, &id);
    bg_bind_i64 (stmt, 2, done_us);
    bg_bind_blob (stmt, 3, answer);
    return bg_stmt_run (stmt, err);
}

static bg_result request_get (
    void *ctx, bg_id id, bg_arena *arena, bg_slice *answer, bool *found, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx), "SELECT answer FROM request WHERE id = ?1");
    bg_bind_id (stmt, 1, &id);
    *found = false;
    BG_TRY (bg_stmt_step (stmt, found, err));
    if (*found)
        *answer = bg_arena_copy (arena, bg_column_blob (stmt, 0));
    bg_stmt_reset (stmt);
    return bg_ok ();
}

void broker_requests_port (broker_store *port)
{
    port->request_put = request_put;
    port->request_get = request_get;
}
