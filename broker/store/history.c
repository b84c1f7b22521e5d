/*  History of the broker's store: one table in order of insertion, its rows naming their job by a small number so that
    index entries of a job stay together. Pages are newest first by the time of the run, not of its arrival: what a
    target hands in after an outage stands where it belongs. A page begins after the row that the last one ended with.
    Step output stands in a table of its own with its own retention. Rows leave 500 at a
    time, and never the last 100 of a job on a target.  */
#include "broker/store/store_private.h"

#include "common/base/now.h"

#define OUTPUT_KEEP_US BG_DAY (30)
#define PRUNE_ROWS     500

static bg_result job_row (bg_db *db, const broker_run_record *record, int64_t *row, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (db, "SELECT row FROM job WHERE key = ?1");
    bg_bind_id (stmt, 1, &record->job_key);
    bool found = false;
    BG_TRY (bg_stmt_step (stmt, &found, err));
    if (found) {
        *row = bg_column_i64 (stmt, 0);
        bg_stmt_reset (stmt);
        return bg_ok ();
    }
    stmt = bg_db_query (db, "INSERT INTO job (key, name) VALUES (?1, ?2)");
    bg_bind_id (stmt, 1, &record->job_key);
    bg_bind_text (stmt, 2, record->job_name);
    BG_TRY (bg_stmt_run (stmt, err));
    *row = bg_db_last_row (db);
    return bg_ok ();
}

static bg_result runs_append (void *ctx, const broker_run_record *record, bg_error *err)
{
    bg_db *db = broker_db_of (ctx);
    int64_t job = 0;
    BG_TRY (job_row (db, record, &job, err));
    bg_stmt *stmt = bg_db_query (db, "INSERT INTO run (job, number, run, exec, state, reason, "
                                     "started_us, finished_us, stored_us, at_us, bytes)"
                                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
    bg_bind_i64 (stmt, 1, job);
    bg_bind_i64 (stmt, 2, record->number);
    bg_bind_id (stmt, 3, &record->run);
    bg_bind_id_or_null (stmt, 4, &record->exec);
    bg_bind_u64 (stmt, 5, record->state);
    bg_bind_text (stmt, 6, record->reason);
    bg_bind_i64 (stmt, 7, record->started_us);
    bg_bind_i64 (stmt, 8, record->finished_us);
    bg_bind_i64 (stmt, 9, record->stored_us);
    bg_bind_i64 (stmt, 10, record->started_us ? record->started_us : record->stored_us);
    bg_bind_blob (stmt, 11, record->bytes);
    BG_TRY (bg_stmt_run (stmt, err));
    if (record->output.size == 0)
        return bg_ok ();
    int64_t row = bg_db_last_row (db);
    stmt = bg_db_query (db, "INSERT INTO output (row, stored_us, bytes) VALUES (?1, ?2, ?3)");
    bg_bind_i64 (stmt, 1, row);
    bg_bind_i64 (stmt, 2, record->stored_us);
    bg_bind_blob (stmt, 3, record->output);
    return bg_stmt_run (stmt, err);
}

#define RUN_SELECT                                                                                 \
    "SELECT r.row, r.run, j.key, j.name, r.number, r.exec, r.state, r.reason, r.started_us, "      \
    "r.finished_us,"                                                                               \
    " r.stored_us, r.bytes, CASE WHEN ?9 THEN (SELECT o.bytes FROM output o WHERE o.row = r.row) " \
    "END"                                                                                          \
    " FROM run r JOIN job j ON j.row = r.job WHERE "
/*  The first line is a range of every index of the table; written with OR it would not be one.  */
#define RUN_FILTERS                                                                                \
    "r.at_us >= ?1 AND (r.at_us, r.row) < (?2, ?3)"                                                \
    " AND (?4 = 0 OR (?4 >> r.state) & 1) AND (?5 = 0 OR r.number = ?5)"                           \
    " AND (?6 IS NULL OR r.job = (SELECT row FROM job WHERE key = ?6)) AND (?7 IS NULL OR r.exec " \
    "= ?7)"                                                                                        \
    " ORDER BY r.at_us DESC, r.row DESC LIMIT ?8"

/*  One statement per index; each repeats all filters, so the choice is about speed only.  */
static bg_stmt *query_runs (bg_db *db, const broker_run_filter *filter)
{
    if (!bg_id_is_zero (filter->exec))
        return bg_db_query (db, RUN_SELECT "r.exec = ?7 AND " RUN_FILTERS);
    if (!bg_id_is_zero (filter->job_key))
        return bg_db_query (
            db, RUN_SELECT "r.job = (SELECT row FROM job WHERE key = ?6) AND " RUN_FILTERS);
    if (filter->number != 0)
        return bg_db_query (db, RUN_SELECT "r.number = ?5 AND " RUN_FILTERS);
    return bg_db_query (db, RUN_SELECT RUN_FILTERS);
}

/*  A place in the order of pages: rows come that are below it.  */
typedef struct {
    int64_t at_us;
    int64_t row;
} place;

/*  Where a page begins: below the cursor's row and before until_us, whichever is lower. A cursor whose row has left
    by its retention meanwhile ends the pages: they had come to what is leaving.  */
static bg_result upper_place (
    bg_db *db, const broker_run_filter *filter, place *upper, bg_error *err)
{
    *upper = (place){INT64_MAX, INT64_MAX};
    if (filter->before != 0) {
        bg_stmt *stmt = bg_db_query (db, "SELECT at_us FROM run WHERE row = ?1");
        bg_bind_i64 (stmt, 1, filter->before);
        bool found = false;
        BG_TRY (bg_stmt_step (stmt, &found, err));
        *upper = found ? (place){bg_column_i64 (stmt, 0), filter->before} : (place){INT64_MIN, 0};
        bg_stmt_reset (stmt);
    }
    if (filter->until_us != 0 && filter->until_us <= upper->at_us)
        *upper = (place){filter->until_us, 0};
    return bg_ok ();
}

static void read_run (bg_stmt *stmt, broker_run_record *record)
{
    *record = (broker_run_record){
        .row = bg_column_i64 (stmt, 0),
        .run = bg_column_id (stmt, 1),
        .job_key = bg_column_id (stmt, 2),
        .job_name = bg_column_text (stmt, 3),
        .number = (uint32_t) bg_column_i64 (stmt, 4),
        .exec = bg_column_id (stmt, 5),
        .state = (uint64_t) bg_column_i64 (stmt, 6),
        .reason = bg_column_text (stmt, 7),
        .started_us = bg_column_i64 (stmt, 8),
        .finished_us = bg_column_i64 (stmt, 9),
        .stored_us = bg_column_i64 (stmt, 10),
        .bytes = bg_column_blob (stmt, 11),
        .output = bg_column_blob (stmt, 12),
    };
}

static bg_result runs (void *ctx, const broker_run_filter *filter, broker_visit_run visit,
    void *visitor, bg_error *err)
{
    place upper;
    BG_TRY (upper_place (broker_db_of (ctx), filter, &upper, err));
    bg_stmt *stmt = query_runs (broker_db_of (ctx), filter);
    bg_bind_i64 (stmt, 1, filter->since_us ? filter->since_us : INT64_MIN);
    bg_bind_i64 (stmt, 2, upper.at_us);
    bg_bind_i64 (stmt, 3, upper.row);
    bg_bind_i64 (stmt, 4, filter->states);
    bg_bind_i64 (stmt, 5, filter->number);
    bg_bind_id_or_null (stmt, 6, &filter->job_key);
    bg_bind_id_or_null (stmt, 7, &filter->exec);
    bg_bind_i64 (stmt, 8, filter->limit);
    bg_bind_i64 (stmt, 9, filter->output);
    bg_result result = bg_ok ();
    while (bg_stmt_each (stmt, &result, err)) {
        broker_run_record record;
        read_run (stmt, &record);
        result = visit (visitor, &record, err);
    }
    return result;
}

typedef struct {
    int64_t row;
    int64_t job;
    int64_t number;
    int64_t at_us;
} old_run;

/*  True when at least so many newer runs of the same job on the same target are there.  */
static bg_result has_enough_newer (
    bg_db *db, const old_run *run, uint32_t least, bool *enough, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (db, "SELECT count(*) FROM (SELECT 1 FROM run WHERE number = ?1 "
                                     "AND job = ?2 AND (at_us, row) > (?3, ?4) LIMIT ?5)");
    bg_bind_i64 (stmt, 1, run->number);
    bg_bind_i64 (stmt, 2, run->job);
    bg_bind_i64 (stmt, 3, run->at_us);
    bg_bind_i64 (stmt, 4, run->row);
    bg_bind_i64 (stmt, 5, least);
    bool row = false;
    BG_TRY (bg_stmt_step (stmt, &row, err));
    *enough = row && bg_column_i64 (stmt, 0) >= least;
    bg_stmt_reset (stmt);
    return bg_ok ();
}

static bg_result remove_run (bg_db *db, int64_t row, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (db, "DELETE FROM output WHERE row = ?1");
    bg_bind_i64 (stmt, 1, row);
    BG_TRY (bg_stmt_run (stmt, err));
    stmt = bg_db_query (db, "DELETE FROM run WHERE row = ?1");
    bg_bind_i64 (stmt, 1, row);
    return bg_stmt_run (stmt, err);
}

/*  Rows are stored in the order of time, as good as: both look at the first rows only and never read a whole table. What
    a wrong clock dated far into the future must not stand in the way for as long.  */
static bg_result prune_output (bg_db *db, int64_t now_us, bool *more, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (db, "DELETE FROM output WHERE row IN (SELECT row FROM (SELECT "
                                     "row, stored_us FROM output ORDER BY row LIMIT ?3)"
                                     " WHERE stored_us < ?1 OR stored_us > ?2)");
    bg_bind_i64 (stmt, 1, now_us - OUTPUT_KEEP_US);
    bg_bind_i64 (stmt, 2, now_us + OUTPUT_KEEP_US);
    bg_bind_i64 (stmt, 3, PRUNE_ROWS);
    BG_TRY (bg_stmt_run (stmt, err));
    *more = bg_db_changes (db) == PRUNE_ROWS;
    return bg_ok ();
}

/*  A piece of history, and where it ends: 0 when what follows is too recent.  */
typedef struct {
    old_run runs[PRUNE_ROWS];
    size_t count;
    int64_t last_row;
} old_piece;

static bg_result find_old (
    broker_db *self, int64_t now_us, int64_t keep_us, old_piece *piece, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (self->db,
        "SELECT row, job, number, at_us, stored_us FROM run WHERE row > ?1 ORDER BY row LIMIT ?2");
    bg_bind_i64 (stmt, 1, self->prune_from);
    bg_bind_i64 (stmt, 2, PRUNE_ROWS);
    piece->count = 0;
    for (int looked_at = 0; looked_at < PRUNE_ROWS; looked_at++) {
        bool row = false;
        BG_TRY (bg_stmt_step (stmt, &row, err));
        int64_t stored_us = row ? bg_column_i64 (stmt, 4) : now_us;
        if (stored_us >= now_us - keep_us && stored_us <= now_us) {
            piece->last_row = 0;
            break;
        }
        piece->last_row = bg_column_i64 (stmt, 0);
        if (stored_us < now_us)
            piece->runs[piece->count++] = (old_run){bg_column_i64 (stmt, 0),
                bg_column_i64 (stmt, 1), bg_column_i64 (stmt, 2), bg_column_i64 (stmt, 3)};
    }
    bg_stmt_reset (stmt);
    return bg_ok ();
}

static bg_result prune (
    void *ctx, int64_t now_us, const broker_retention *keep, bool *more, bg_error *err)
{
    broker_db *self = ctx;
    bool more_output = false;
    bool more_executions = false;
    BG_TRY (prune_output (self->db, now_us, &more_output, err));
    BG_TRY (broker_prune_executions (self->db, now_us, &more_executions, err));
    BG_TRY (broker_prune_tokens (self->db, now_us, err));
    BG_TRY (broker_prune_requests (self->db, now_us, err));
    old_piece piece = {.count = 0};
    BG_TRY (find_old (self, now_us, keep->history_us, &piece, err));
    for (size_t i = 0; i < piece.count; i++) {
        bool enough = false;
        BG_TRY (has_enough_newer (self->db, &piece.runs[i], keep->history_least, &enough, err));
        if (enough)
            BG_TRY (remove_run (self->db, piece.runs[i].row, err));
    }
    /*  Rows that stay because they are among the last of their job are passed over until the round is through.  */
    self->prune_from = piece.last_row;
    *more = more_output || more_executions || piece.last_row != 0;
    return bg_ok ();
}

void broker_history_port (broker_store *port)
{
    port->runs_append = runs_append;
    port->runs = runs;
    port->prune = prune;
}
