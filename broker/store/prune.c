/*  What leaves the history of the broker's store, at most 500 rows at a time: runs and output past their retention, and
    runs that an admin has purged. Which runs are past it, leaving.c decides, for all jobs in one pass, also for those that say
    themselves what is kept (broker_store.job_keep). A purge comes before a pass, and ends it.  */
#include "broker/store/leaving.h"
#include "broker/store/store_private.h"

#include "common/base/now.h"

#define OUTPUT_KEEP_US BG_DAY (30)
#define PRUNE_ROWS     500
#define PRUNE_BYTES    (INT64_C (1) << 20)
/*  Runs that stay because they are among the last of their job are counted in every pass: the next one begins when as small
    a part of the shortest retention has gone by.  */
#define PASS_PART 128

typedef struct {
    int64_t rows[PRUNE_ROWS];
    size_t count;
    bool is_full; /*  there may be more  */
} old_piece;

/*  Rows are stored in the order of time, as good as: only the first ones are looked at, never a whole table. What a
    wrong clock dated far into the future must not stand in the way for as long. The pages of large output have to be read
    to be given back: a piece ends with so many bytes, too.  */
static bg_result find_old_output (bg_db *db, int64_t now_us, old_piece *piece, bg_error *err)
{
    bg_stmt *stmt =
        bg_db_query (db, "SELECT row, stored_us, length (bytes) FROM output ORDER BY row LIMIT ?1");
    bg_result result = bg_ok ();
    int64_t bytes = 0;
    bg_bind_i64 (stmt, 1, PRUNE_ROWS);
    while (bg_stmt_each (stmt, &result, err)) {
        const int64_t stored_us = bg_column_i64 (stmt, 1);
        if (stored_us >= now_us - OUTPUT_KEEP_US && stored_us <= now_us + OUTPUT_KEEP_US)
            continue;
        piece->rows[piece->count++] = bg_column_i64 (stmt, 0);
        bytes += bg_column_i64 (stmt, 2);
        if (bytes < PRUNE_BYTES)
            continue;
        bg_stmt_reset (stmt);
        piece->is_full = true;
        break;
    }
    piece->is_full = piece->is_full || piece->count == PRUNE_ROWS;
    return result;
}

static bg_result prune_output (bg_db *db, int64_t now_us, bool *more, bg_error *err)
{
    old_piece piece = {.count = 0};
    BG_TRY (find_old_output (db, now_us, &piece, err));
    for (size_t i = 0; i < piece.count; i++) {
        bg_stmt *stmt = bg_db_query (db, "DELETE FROM output WHERE row = ?1");
        bg_bind_i64 (stmt, 1, piece.rows[i]);
        BG_TRY (bg_stmt_run (stmt, err));
    }
    *more = piece.is_full;
    return bg_ok ();
}

/*  What the pass that goes on has decided holds no longer.  */
static void drop_pass (broker_db *self)
{
    broker_leaving_destroy (&self->leaving);
    self->leaving_from = 0;
    self->passed_us = 0;
}

static bg_result job_keep (
    void *ctx, bg_id key, bg_slice name, int64_t keep_us, uint32_t keep_runs, bg_error *err)
{
    drop_pass (ctx);
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "INSERT INTO job (key, name, keep_us, keep_runs) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key) "
        "DO UPDATE SET keep_us = excluded.keep_us, keep_runs = excluded.keep_runs");
    bg_bind_id (stmt, 1, &key);
    bg_bind_text (stmt, 2, name);
    bg_bind_i64 (stmt, 3, keep_us);
    bg_bind_i64 (stmt, 4, keep_runs);
    return bg_stmt_run (stmt, err);
}

/*  ---- purges ----  */

/*  Runs below a time, of one job or of all.  */
#define PURGED_OF_JOB "FROM run WHERE job = (SELECT row FROM job WHERE key = ?1) AND at_us < ?2"
#define PURGED_OF_ALL "FROM run WHERE at_us < ?2"

static bg_result purge_count (
    void *ctx, bg_id job_key, int64_t before_us, uint32_t limit, uint32_t *count, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        bg_id_is_zero (job_key) ? "SELECT count(*) FROM (SELECT 1 " PURGED_OF_ALL " LIMIT ?3)"
                                : "SELECT count(*) FROM (SELECT 1 " PURGED_OF_JOB " LIMIT ?3)");
    bool row = false;
    bg_bind_id_or_null (stmt, 1, &job_key);
    bg_bind_i64 (stmt, 2, before_us);
    bg_bind_i64 (stmt, 3, limit);
    BG_TRY (bg_stmt_step (stmt, &row, err));
    *count = row ? (uint32_t) bg_column_i64 (stmt, 0) : 0;
    bg_stmt_reset (stmt);
    return bg_ok ();
}

static bg_result purge_put (void *ctx, bg_id job_key, int64_t before_us, bg_error *err)
{
    bg_stmt *stmt =
        bg_db_query (broker_db_of (ctx), "INSERT INTO purge (job, before_us) VALUES (?1, ?2)");
    bg_bind_id_or_null (stmt, 1, &job_key);
    bg_bind_i64 (stmt, 2, before_us);
    return bg_stmt_run (stmt, err);
}

typedef struct {
    int64_t row;
    bg_id job_key; /*  zero: of all  */
    int64_t before_us;
} purge;

static bg_result first_purge (bg_db *db, purge *first, bool *found, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (db, "SELECT row, job, before_us FROM purge ORDER BY row LIMIT 1");
    BG_TRY (bg_stmt_step (stmt, found, err));
    if (*found)
        *first = (purge){bg_column_i64 (stmt, 0), bg_column_id (stmt, 1), bg_column_i64 (stmt, 2)};
    bg_stmt_reset (stmt);
    return bg_ok ();
}

static bg_result purge_pending (void *ctx, bool *pending, bg_error *err)
{
    purge first;
    return first_purge (broker_db_of (ctx), &first, pending, err);
}

static bg_result find_purged (bg_db *db, const purge *of, old_piece *piece, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (db, bg_id_is_zero (of->job_key)
                                         ? "SELECT row " PURGED_OF_ALL " ORDER BY at_us LIMIT ?3"
                                         : "SELECT row " PURGED_OF_JOB " ORDER BY at_us LIMIT ?3");
    bg_result result = bg_ok ();
    bg_bind_id_or_null (stmt, 1, &of->job_key);
    bg_bind_i64 (stmt, 2, of->before_us);
    bg_bind_i64 (stmt, 3, PRUNE_ROWS);
    while (bg_stmt_each (stmt, &result, err))
        piece->rows[piece->count++] = bg_column_i64 (stmt, 0);
    return result;
}

static bg_result end_purge (bg_db *db, int64_t row, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (db, "DELETE FROM purge WHERE row = ?1");
    bg_bind_i64 (stmt, 1, row);
    return bg_stmt_run (stmt, err);
}

/*  A piece of the oldest purge. Where it stands is what is still there: after a restart it goes on.  */
static bg_result purge_piece (bg_db *db, bool *more, bg_error *err)
{
    purge first;
    old_piece piece = {.count = 0};
    BG_TRY (first_purge (db, &first, more, err));
    if (!*more)
        return bg_ok ();
    BG_TRY (find_purged (db, &first, &piece, err));
    for (size_t i = 0; i < piece.count; i++)
        BG_TRY (broker_run_remove (db, piece.rows[i], err));
    return piece.count < PRUNE_ROWS ? end_purge (db, first.row, err) : bg_ok ();
}

/*  ---- the round ----  */

/*  What does not depend on how much is in the history.  */
static bg_result prune_rest (broker_db *self, int64_t now_us, bool *more, bg_error *err)
{
    bool more_output = false;
    bool more_executions = false;
    BG_TRY (prune_output (self->db, now_us, &more_output, err));
    BG_TRY (broker_prune_executions (self->db, now_us, &more_executions, err));
    BG_TRY (broker_prune_tokens (self->db, now_us, err));
    BG_TRY (broker_prune_requests (self->db, now_us, err));
    *more = more_output || more_executions;
    return bg_ok ();
}

static bool is_same (const broker_retention *a, const broker_retention *b)
{
    return a->history_us == b->history_us && a->history_least == b->history_least;
}

static bg_result is_pass_due (
    broker_db *self, int64_t now_us, const broker_retention *keep, bool *due, bg_error *err)
{
    int64_t shortest_us = 0;
    BG_TRY (broker_leaving_shortest (self->db, keep, &shortest_us, err));
    *due = self->leaving_from != 0 || self->passed_us == 0 || now_us < self->passed_us ||
           now_us - self->passed_us >= shortest_us / PASS_PART;
    return bg_ok ();
}

static bg_result begin_pass (
    broker_db *self, int64_t now_us, const broker_retention *keep, bg_error *err)
{
    bool due = false;
    BG_TRY (is_pass_due (self, now_us, keep, &due, err));
    if (!due)
        return bg_ok ();
    BG_TRY (
        broker_leaving_begin (self->db, now_us, keep, &self->leaving_from, &self->leaving, err));
    self->leaving_keep = *keep;
    if (self->leaving)
        self->passed_us = now_us;
    return bg_ok ();
}

static bg_result go_on (broker_db *self, bool *more, bg_error *err)
{
    BG_TRY (broker_leaving_step (self->leaving, more, err));
    if (!*more)
        broker_leaving_destroy (&self->leaving);
    *more = self->leaving || self->leaving_from != 0;
    return bg_ok ();
}

static bg_result prune (
    void *ctx, int64_t now_us, const broker_retention *keep, bool *more, bg_error *err)
{
    broker_db *self = ctx;
    BG_TRY (purge_piece (self->db, more, err));
    if (*more || !is_same (keep, &self->leaving_keep))
        drop_pass (self);
    if (*more)
        return bg_ok ();
    if (self->leaving)
        return go_on (self, more, err);
    BG_TRY (prune_rest (self, now_us, more, err));
    if (*more)
        return bg_ok ();
    BG_TRY (begin_pass (self, now_us, keep, err));
    *more = self->leaving != NULL;
    return bg_ok ();
}

void broker_prune_port (broker_store *port)
{
    port->job_keep = job_keep;
    port->purge_count = purge_count;
    port->purge_put = purge_put;
    port->purge_pending = purge_pending;
    port->prune = prune;
}
