/*  The outbox and the local history.  */
#include "node/store/store_private.h"

/*  What read_history takes.  */
#define HISTORY_ROWS                                                                               \
    "SELECT run, job_key, exec, occurrence, state, started_us, finished_us, item, row"             \
    " FROM history"

static int64_t row_limit (size_t limit)
{
    return limit > INT64_MAX ? INT64_MAX : (int64_t) limit;
}

static bg_result outbox_append (void *ctx, uint64_t sequence, bg_slice blob, bg_error *err)
{
    bg_stmt *q =
        bg_db_query (node_db_of (ctx), "INSERT INTO outbox (sequence, run) VALUES (?1, ?2)");
    bg_bind_u64 (q, 1, sequence);
    bg_bind_blob (q, 2, blob);
    return bg_stmt_run (q, err);
}

static bg_result outbox_each (
    void *ctx, uint64_t after, size_t limit, node_outbox_visit *visit, void *visitor, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "SELECT sequence, run FROM outbox WHERE sequence > ?1 ORDER BY sequence LIMIT ?2");
    bg_bind_u64 (q, 1, after);
    bg_bind_i64 (q, 2, row_limit (limit));
    bg_result result = bg_ok ();
    while (bg_stmt_each (q, &result, err)) {
        const node_outbox_row row = {
            .sequence = bg_column_u64 (q, 0), .blob = bg_column_blob (q, 1)};
        if (!visit (visitor, &row))
            break;
    }
    bg_stmt_reset (q);
    return result;
}

static bg_result outbox_replace (void *ctx, uint64_t sequence, bg_slice blob, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx), "UPDATE outbox SET run = ?2 WHERE sequence = ?1");
    bg_bind_u64 (q, 1, sequence);
    bg_bind_blob (q, 2, blob);
    return bg_stmt_run (q, err);
}

static bg_result outbox_remove_through (void *ctx, uint64_t sequence, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx), "DELETE FROM outbox WHERE sequence <= ?1");
    bg_bind_u64 (q, 1, sequence);
    return bg_stmt_run (q, err);
}

static bg_result outbox_renumber (void *ctx, uint64_t less, bg_error *err)
{
    /*  By way of negative numbers, so that no two rows meet on one.  */
    bg_stmt *q = bg_db_query (node_db_of (ctx), "UPDATE outbox SET sequence = -(sequence - ?1)");
    bg_bind_u64 (q, 1, less);
    BG_TRY (bg_stmt_run (q, err));
    return bg_stmt_run (
        bg_db_query (node_db_of (ctx), "UPDATE outbox SET sequence = -sequence WHERE sequence < 0"),
        err);
}

static bg_result outbox_size (void *ctx, node_outbox_size *size, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "SELECT rows, bytes, coalesce ((SELECT min (sequence) FROM outbox), 0) FROM outbox_total");
    bool row;
    BG_TRY (bg_stmt_step (q, &row, err));
    *size = (node_outbox_size){0};
    if (!row)
        return bg_ok ();
    *size = (node_outbox_size){
        .rows = bg_column_u64 (q, 0), .bytes = bg_column_u64 (q, 1), .first = bg_column_u64 (q, 2)};
    bg_stmt_reset (q);
    return bg_ok ();
}

static bg_result refused_put (void *ctx, const node_refused_row *row, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "INSERT INTO refused (sequence, code, message, run) VALUES (?1, ?2, ?3, ?4)");
    bg_bind_u64 (q, 1, row->sequence);
    bg_bind_text (q, 2, row->code);
    bg_bind_text (q, 3, row->message);
    bg_bind_blob (q, 4, row->blob);
    BG_TRY (bg_stmt_run (q, err));
    return bg_stmt_run (
        bg_db_query (node_db_of (ctx),
            "DELETE FROM refused WHERE row <= (SELECT max (row) FROM refused) - 100"),
        err);
}

static bg_result history_put (void *ctx, const node_history_row *row, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "INSERT INTO history (run, job_key, exec, occurrence, state, started_us, finished_us, "
        "bytes, item)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, length (?8), ?8) ON CONFLICT (run) DO UPDATE SET"
        " state = ?5, started_us = ?6, finished_us = ?7, bytes = length (?8), item = ?8");
    bg_bind_id (q, 1, &row->run);
    bg_bind_id (q, 2, &row->job_key);
    bg_bind_id (q, 3, &row->exec);
    bg_bind_id (q, 4, &row->occurrence);
    bg_bind_u64 (q, 5, row->state);
    bg_bind_i64 (q, 6, row->started_us);
    bg_bind_i64 (q, 7, row->finished_us);
    bg_bind_blob (q, 8, row->blob);
    return bg_stmt_run (q, err);
}

static void read_history (bg_stmt *q, node_history_row *row)
{
    *row = (node_history_row){
        .run = bg_column_id (q, 0),
        .job_key = bg_column_id (q, 1),
        .exec = bg_column_id (q, 2),
        .occurrence = bg_column_id (q, 3),
        .state = bg_column_u64 (q, 4),
        .started_us = bg_column_i64 (q, 5),
        .finished_us = bg_column_i64 (q, 6),
        .blob = bg_column_blob (q, 7),
        .row = bg_column_u64 (q, 8),
    };
}

static bg_result history_get (
    void *ctx, bg_id run, bg_arena *arena, node_history_row *row, bool *found, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx), HISTORY_ROWS " WHERE run = ?1");
    bg_bind_id (q, 1, &run);
    BG_TRY (bg_stmt_step (q, found, err));
    if (!*found)
        return bg_ok ();
    read_history (q, row);
    row->blob = bg_arena_copy (arena, row->blob);
    bg_stmt_reset (q);
    return bg_ok ();
}

static bg_result visit_history (bg_stmt *q, node_history_visit *visit, void *visitor, bg_error *err)
{
    bg_result result = bg_ok ();
    while (bg_stmt_each (q, &result, err)) {
        node_history_row row;
        read_history (q, &row);
        if (!visit (visitor, &row))
            break;
    }
    bg_stmt_reset (q);
    return result;
}

static bg_result history_page (void *ctx, bg_id job_key, uint64_t before, size_t limit,
    node_history_visit *visit, void *visitor, bg_error *err)
{
    const bool is_of_all = bg_id_is_zero (job_key);
    bg_stmt *q = is_of_all ? bg_db_query (node_db_of (ctx),
                                 HISTORY_ROWS " WHERE row < ?2 ORDER BY row DESC LIMIT ?1")
                           : bg_db_query (node_db_of (ctx), HISTORY_ROWS
                                 " WHERE job_key = ?3 AND row < ?2 ORDER BY row DESC LIMIT ?1");
    bg_bind_i64 (q, 1, row_limit (limit));
    bg_bind_i64 (q, 2, before > 0 && before < INT64_MAX ? (int64_t) before : INT64_MAX);
    if (!is_of_all)
        bg_bind_id (q, 3, &job_key);
    return visit_history (q, visit, visitor, err);
}

static bg_result history_each (void *ctx, bool open_only, size_t limit, node_history_visit *visit,
    void *visitor, bg_error *err)
{
    bg_stmt *q = open_only
                     ? bg_db_query (node_db_of (ctx),
                           HISTORY_ROWS " WHERE state IN (0, 6) ORDER BY row DESC LIMIT ?1")
                     : bg_db_query (node_db_of (ctx), HISTORY_ROWS " ORDER BY row DESC LIMIT ?1");
    bg_bind_i64 (q, 1, row_limit (limit));
    return visit_history (q, visit, visitor, err);
}

static bg_result history_bytes (void *ctx, uint64_t *bytes, bg_error *err)
{
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "SELECT coalesce (sum (bytes), 0) FROM history WHERE state NOT IN (0, 6)");
    bool row;
    BG_TRY (bg_stmt_step (q, &row, err));
    *bytes = row ? bg_column_u64 (q, 0) : 0;
    bg_stmt_reset (q);
    return bg_ok ();
}

/*  How many of the oldest rows have to go until no more than max_bytes are left; at most limit.  */
static bg_result count_excess (
    void *ctx, uint64_t bytes, uint64_t max_bytes, size_t limit, size_t *count, bg_error *err)
{
    *count = 0;
    if (bytes <= max_bytes)
        return bg_ok ();
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "SELECT bytes FROM history WHERE state NOT IN (0, 6) ORDER BY finished_us LIMIT ?1");
    bg_bind_i64 (q, 1, row_limit (limit));
    for (bool row = true; bytes > max_bytes;) {
        BG_TRY (bg_stmt_step (q, &row, err));
        if (!row)
            return bg_ok ();
        bytes -= bg_column_u64 (q, 0);
        ++*count;
    }
    bg_stmt_reset (q);
    return bg_ok ();
}

static bg_result history_prune (
    void *ctx, int64_t before_us, uint64_t max_bytes, size_t limit, size_t *removed, bg_error *err)
{
    bg_db *db = node_db_of (ctx);
    bg_stmt *q = bg_db_query (db, "DELETE FROM history WHERE row IN (SELECT row FROM history WHERE"
                                  " state NOT IN (0, 6) AND finished_us < ?1 AND job_key NOT IN"
                                  " (SELECT job_key FROM history_limit WHERE keep_us > 0)"
                                  " ORDER BY finished_us LIMIT ?2)");
    bg_bind_i64 (q, 1, before_us);
    bg_bind_i64 (q, 2, row_limit (limit));
    BG_TRY (bg_stmt_run (q, err));
    *removed = (size_t) bg_db_changes (db);
    uint64_t bytes = 0;
    size_t excess = 0;
    BG_TRY (history_bytes (ctx, &bytes, err));
    BG_TRY (count_excess (ctx, bytes, max_bytes, limit - *removed, &excess, err));
    if (excess == 0)
        return bg_ok ();
    q = bg_db_query (db,
        "DELETE FROM history WHERE row IN (SELECT row FROM history WHERE state NOT IN (0, 6)"
        " ORDER BY finished_us LIMIT ?1)");
    bg_bind_i64 (q, 1, row_limit (excess));
    BG_TRY (bg_stmt_run (q, err));
    *removed += (size_t) bg_db_changes (db);
    return bg_ok ();
}

/*  ---- limits of single jobs ----  */

static bg_result prune_old (void *ctx, int64_t now_us, size_t limit, size_t *removed, bg_error *err)
{
    bg_db *db = node_db_of (ctx);
    bg_stmt *q =
        bg_db_query (db, "DELETE FROM history WHERE row IN (SELECT h.row FROM history_limit l"
                         " CROSS JOIN history h ON h.job_key = l.job_key WHERE l.keep_us > 0"
                         " AND h.state NOT IN (0, 6) AND h.finished_us < ?1 - l.keep_us LIMIT ?2)");
    bg_bind_i64 (q, 1, now_us);
    bg_bind_i64 (q, 2, row_limit (limit));
    BG_TRY (bg_stmt_run (q, err));
    *removed = (size_t) bg_db_changes (db);
    return bg_ok ();
}

/*  Of each job the newest keep_runs finished ones stay.  */
static bg_result prune_many (void *ctx, size_t limit, size_t *removed, bg_error *err)
{
    bg_db *db = node_db_of (ctx);
    bg_stmt *q = bg_db_query (db,
        "DELETE FROM history WHERE row IN (SELECT row FROM (SELECT h.row AS row, l.keep_runs AS "
        "keep,"
        " row_number () OVER (PARTITION BY h.job_key ORDER BY h.row DESC) AS newest"
        " FROM history_limit l CROSS JOIN history h ON h.job_key = l.job_key"
        " WHERE l.keep_runs > 0 AND h.state NOT IN (0, 6)) WHERE newest > keep LIMIT ?1)");
    bg_bind_i64 (q, 1, row_limit (limit));
    BG_TRY (bg_stmt_run (q, err));
    *removed += (size_t) bg_db_changes (db);
    return bg_ok ();
}

static bg_result history_prune_jobs (
    void *ctx, int64_t now_us, size_t limit, size_t *removed, bg_error *err)
{
    BG_TRY (prune_old (ctx, now_us, limit, removed, err));
    return *removed < limit ? prune_many (ctx, limit - *removed, removed, err) : bg_ok ();
}

static bg_result history_limit_put (void *ctx, const node_history_limit *limit, bg_error *err)
{
    if (!limit->keep_us && !limit->keep_runs) {
        bg_stmt *drop =
            bg_db_query (node_db_of (ctx), "DELETE FROM history_limit WHERE job_key = ?1");
        bg_bind_id (drop, 1, &limit->job_key);
        return bg_stmt_run (drop, err);
    }
    bg_stmt *q = bg_db_query (node_db_of (ctx),
        "INSERT OR REPLACE INTO history_limit (job_key, keep_us, keep_runs) VALUES (?1, ?2, ?3)");
    bg_bind_id (q, 1, &limit->job_key);
    bg_bind_i64 (q, 2, limit->keep_us);
    bg_bind_u64 (q, 3, limit->keep_runs);
    return bg_stmt_run (q, err);
}

void node_reports_port (node_store *port)
{
    port->outbox_append = outbox_append;
    port->outbox_each = outbox_each;
    port->outbox_replace = outbox_replace;
    port->outbox_remove_through = outbox_remove_through;
    port->outbox_renumber = outbox_renumber;
    port->outbox_size = outbox_size;
    port->refused_put = refused_put;
    port->history_put = history_put;
    port->history_get = history_get;
    port->history_each = history_each;
    port->history_page = history_page;
    port->history_prune = history_prune;
    port->history_prune_jobs = history_prune_jobs;
    port->history_limit_put = history_limit_put;
}
