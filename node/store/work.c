/*  Deeds, marks of schedules, occurrences that are pending.  */
#include "node/store/store_private.h"

static bg_result deed_put (void *ctx, const node_deed_row *row, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "INSERT OR REPLACE INTO deed (id, what, job_key, state, expires_us, code, message, item)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    bg_bind_id (q, 1, &row->id);
    bg_bind_u64 (q, 2, row->what);
    bg_bind_id (q, 3, &row->job_key);
    bg_bind_i64 (q, 4, row->state);
    bg_bind_i64 (q, 5, row->expires_us);
    bg_bind_text (q, 6, row->code);
    bg_bind_text (q, 7, row->message);
    bg_bind_blob (q, 8, row->signed_item);
    return bg_stmt_run (q, err);
}

static bg_result deed_each (void *ctx, node_deed_visit *visit, void *visitor, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "SELECT id, what, job_key, state, expires_us, code, message, item FROM deed ORDER BY id");
    bg_result result = bg_ok ();
    while (bg_stmt_each (q, &result, err)) {
        const node_deed_row row = {
            .id = bg_column_id (q, 0),
            .what = bg_column_u64 (q, 1),
            .job_key = bg_column_id (q, 2),
            .state = (node_deed_state) bg_column_i64 (q, 3),
            .expires_us = bg_column_i64 (q, 4),
            .code = bg_column_text (q, 5),
            .message = bg_column_text (q, 6),
            .signed_item = bg_column_blob (q, 7),
        };
        if (!visit (visitor, &row))
            break;
    }
    bg_stmt_reset (q);
    return result;
}

static bg_result deed_prune (void *ctx, int64_t before_us, bg_error *err)
{
    bg_stmt *q =
        bg_db_query (node_db_of (ctx), "DELETE FROM deed WHERE expires_us < ?1 AND state <> 3");
    _Static_assert((int) NODE_DEED_WAITING == 3, "what waits stays; its state is in the SQL");
    bg_bind_i64 (q, 1, before_us);
    return bg_stmt_run (q, err);
}

static bg_result mark_put (void *ctx, const node_mark_row *row, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "INSERT OR REPLACE INTO mark (job_key, schedule, nominal_us) VALUES (?1, ?2, ?3)");
    bg_bind_id (q, 1, &row->job_key);
    bg_bind_text (q, 2, row->schedule);
    bg_bind_i64 (q, 3, row->nominal_us);
    return bg_stmt_run (q, err);
}

static bg_result mark_each (void *ctx, node_mark_visit *visit, void *visitor, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx), "SELECT job_key, schedule, nominal_us FROM mark");
    bg_result result = bg_ok ();
    while (bg_stmt_each (q, &result, err)) {
        const node_mark_row row = {.job_key = bg_column_id (q, 0),
            .schedule = bg_column_text (q, 1),
            .nominal_us = bg_column_i64 (q, 2)};
        if (!visit (visitor, &row))
            break;
    }
    bg_stmt_reset (q);
    return result;
}

static bg_result mark_remove_job (void *ctx, bg_id job_key, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx), "DELETE FROM mark WHERE job_key = ?1");
    bg_bind_id (q, 1, &job_key);
    return bg_stmt_run (q, err);
}

static bg_result occurrence_put (void *ctx, const node_occurrence_row *row, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "INSERT OR REPLACE INTO occurrence (id, job_key, schedule, nominal_us, fold)"
        " VALUES (?1, ?2, ?3, ?4, ?5)");
    bg_bind_id (q, 1, &row->occurrence);
    bg_bind_id (q, 2, &row->job_key);
    bg_bind_text (q, 3, row->schedule);
    bg_bind_i64 (q, 4, row->nominal_us);
    bg_bind_u64 (q, 5, row->fold);
    return bg_stmt_run (q, err);
}

static bg_result occurrence_remove (void *ctx, bg_id occurrence, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx), "DELETE FROM occurrence WHERE id = ?1");
    bg_bind_id (q, 1, &occurrence);
    return bg_stmt_run (q, err);
}

static bg_result occurrence_each (
    void *ctx, node_occurrence_visit *visit, void *visitor, bg_error *err)
{
    bg_stmt *q = bg_db_query (
        node_db_of (ctx), "SELECT id, job_key, schedule, nominal_us, fold FROM occurrence");
    bg_result result = bg_ok ();
    while (bg_stmt_each (q, &result, err)) {
        const node_occurrence_row row = {
            .occurrence = bg_column_id (q, 0),
            .job_key = bg_column_id (q, 1),
            .schedule = bg_column_text (q, 2),
            .nominal_us = bg_column_i64 (q, 3),
            .fold = bg_column_u64 (q, 4),
        };
        if (!visit (visitor, &row))
            break;
    }
    bg_stmt_reset (q);
    return result;
}

static bg_result spent_put (void *ctx, bg_id job_key, uint64_t version, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "INSERT INTO spent (job_key, version) VALUES (?1, ?2) ON CONFLICT (job_key)"
        " DO UPDATE SET version = max (version, ?2)");
    bg_bind_id (q, 1, &job_key);
    bg_bind_u64 (q, 2, version);
    return bg_stmt_run (q, err);
}

static bg_result spent_get (void *ctx, bg_id job_key, uint64_t *version, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx), "SELECT version FROM spent WHERE job_key = ?1");
    bg_bind_id (q, 1, &job_key);
    bool found = false;
    BG_TRY (bg_stmt_step (q, &found, err));
    *version = found ? bg_column_u64 (q, 0) : 0;
    bg_stmt_reset (q);
    return bg_ok ();
}

static bg_result spent_each (void *ctx, node_spent_visit *visit, void *visitor, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx), "SELECT job_key, version FROM spent");
    bg_result result = bg_ok ();
    while (bg_stmt_each (q, &result, err)) {
        if (!visit (visitor, bg_column_id (q, 0), bg_column_u64 (q, 1)))
            break;
    }
    bg_stmt_reset (q);
    return result;
}

void node_work_port (node_store *port)
{
    port->deed_put = deed_put;
    port->deed_each = deed_each;
    port->deed_prune = deed_prune;
    port->mark_put = mark_put;
    port->mark_each = mark_each;
    port->mark_remove_job = mark_remove_job;
    port->occurrence_put = occurrence_put;
    port->occurrence_remove = occurrence_remove;
    port->occurrence_each = occurrence_each;
    port->spent_put = spent_put;
    port->spent_get = spent_get;
    port->spent_each = spent_each;
}
