/*  What leaves the history of the broker's store, at most 500 rows at a time: runs and output past their retention, and
    runs that an admin has purged.

    A job may say itself how long and how many of its runs are kept (broker_store.job_keep): its rows are looked at by
    its own index, and passed over where the rows of all others are. Never does a run leave while it is younger than was
    asked, or among so many of the last of its job on its target.  */
#include "broker/store/store_private.h"

#include "common/base/now.h"

#define OUTPUT_KEEP_US BG_DAY (30)
#define PRUNE_ROWS     500

typedef struct {
    int64_t row;
    int64_t job;
    int64_t number;
    int64_t at_us;
} old_run;

/*  Of a job on a target: runs before this place have so many newer ones as are to stay.  */
typedef struct {
    int64_t job;
    int64_t number;
    int64_t at_us;
    int64_t row;
    bool has_enough; /*  else all stay  */
} kept_from;

static bg_result find_kept (bg_db *db, uint32_t least, kept_from *kept, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (db, "SELECT at_us, row FROM run WHERE number = ?1 AND job = ?2 "
                                     "ORDER BY at_us DESC, row DESC LIMIT 1 OFFSET ?3");
    bg_bind_i64 (stmt, 1, kept->number);
    bg_bind_i64 (stmt, 2, kept->job);
    bg_bind_i64 (stmt, 3, (int64_t) least - 1);
    BG_TRY (bg_stmt_step (stmt, &kept->has_enough, err));
    if (kept->has_enough) {
        kept->at_us = bg_column_i64 (stmt, 0);
        kept->row = bg_column_i64 (stmt, 1);
    }
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

/*  Of jobs without a wish of their own.  */
static bg_result find_old (
    broker_db *self, int64_t now_us, int64_t keep_us, old_piece *piece, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (self->db,
        "SELECT r.row, r.job, r.number, r.at_us, r.stored_us, j.keep_us <> 0 OR j.keep_runs <> 0"
        " FROM run r JOIN job j ON j.row = r.job WHERE r.row > ?1 ORDER BY r.row LIMIT ?2");
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
        if (stored_us < now_us && bg_column_i64 (stmt, 5) == 0)
            piece->runs[piece->count++] = (old_run){bg_column_i64 (stmt, 0),
                bg_column_i64 (stmt, 1), bg_column_i64 (stmt, 2), bg_column_i64 (stmt, 3)};
    }
    bg_stmt_reset (stmt);
    return bg_ok ();
}

static bool may_leave (const old_run *run, const kept_from *kept)
{
    return kept->has_enough &&
           (run->at_us != kept->at_us ? run->at_us < kept->at_us : run->row < kept->row);
}

/*  Asked once for each job and target of the piece: how many are to stay may be a million, and counting them for every
    run would hold up everybody for minutes. What leaves is older than what is counted, so the answer stays right.  */
static bg_result remove_old (bg_db *db, const old_piece *piece, uint32_t least, bg_error *err)
{
    kept_from known[PRUNE_ROWS];
    size_t count = 0;
    for (size_t i = 0; i < piece->count; i++) {
        const old_run *run = &piece->runs[i];
        size_t at = 0;
        while (at < count && (known[at].job != run->job || known[at].number != run->number))
            at++;
        if (at == count && least > 0) {
            known[count] = (kept_from){.job = run->job, .number = run->number};
            BG_TRY (find_kept (db, least, &known[count++], err));
        }
        if (least == 0 || may_leave (run, &known[at]))
            BG_TRY (remove_run (db, run->row, err));
    }
    return bg_ok ();
}

/*  ---- jobs with a wish of their own ----  */

/*  The job at the cursor, or the next one; *found is false behind the last.  */
static bg_result wishing_job (broker_db *self, const broker_retention *all, broker_retention *keep,
    bool *found, bg_error *err)
{
    bg_stmt *stmt =
        bg_db_query (self->db, "SELECT row, keep_us, keep_runs FROM job WHERE row >= ?1 AND "
                               "(keep_us <> 0 OR keep_runs <> 0) ORDER BY row LIMIT 1");
    bg_bind_i64 (stmt, 1, self->wish.job);
    BG_TRY (bg_stmt_step (stmt, found, err));
    if (*found) {
        const int64_t job = bg_column_i64 (stmt, 0);
        const int64_t keep_us = bg_column_i64 (stmt, 1);
        const int64_t keep_runs = bg_column_i64 (stmt, 2);
        if (job != self->wish.job)
            self->wish = (broker_prune_place){.job = job, .at_us = INT64_MIN};
        keep->history_us = keep_us ? keep_us : all->history_us;
        keep->history_least = keep_runs ? (uint32_t) keep_runs : all->history_least;
    }
    bg_stmt_reset (stmt);
    return bg_ok ();
}

/*  A piece of one job. What a target handed in late is as young as when it came.  */
static bg_result prune_wishing (
    broker_db *self, int64_t now_us, const broker_retention *all, bool *more, bg_error *err)
{
    broker_retention keep = *all;
    old_piece piece = {.count = 0};
    size_t looked_at = 0;
    BG_TRY (wishing_job (self, all, &keep, more, err));
    if (!*more) {
        self->wish = (broker_prune_place){.at_us = INT64_MIN};
        return bg_ok ();
    }
    bg_stmt *stmt = bg_db_query (self->db,
        "SELECT row, number, at_us, stored_us FROM run WHERE job = ?1 AND (at_us, row) > "
        "(?2, ?3) AND at_us < ?4 ORDER BY at_us, row LIMIT ?5");
    bg_bind_i64 (stmt, 1, self->wish.job);
    bg_bind_i64 (stmt, 2, self->wish.at_us);
    bg_bind_i64 (stmt, 3, self->wish.row);
    bg_bind_i64 (stmt, 4, now_us - keep.history_us);
    bg_bind_i64 (stmt, 5, PRUNE_ROWS);
    bg_result result = bg_ok ();
    for (; bg_stmt_each (stmt, &result, err); looked_at++) {
        self->wish.row = bg_column_i64 (stmt, 0);
        self->wish.at_us = bg_column_i64 (stmt, 2);
        if (bg_column_i64 (stmt, 3) < now_us - keep.history_us)
            piece.runs[piece.count++] = (old_run){
                self->wish.row, self->wish.job, bg_column_i64 (stmt, 1), self->wish.at_us};
    }
    BG_TRY (result);
    if (looked_at < PRUNE_ROWS)
        self->wish = (broker_prune_place){.job = self->wish.job + 1, .at_us = INT64_MIN};
    return remove_old (self->db, &piece, keep.history_least, err);
}

static bg_result job_keep (
    void *ctx, bg_id key, bg_slice name, int64_t keep_us, uint32_t keep_runs, bg_error *err)
{
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
        piece->runs[piece->count++].row = bg_column_i64 (stmt, 0);
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
        BG_TRY (remove_run (db, piece.runs[i].row, err));
    return piece.count < PRUNE_ROWS ? end_purge (db, first.row, err) : bg_ok ();
}

/*  ---- the round ----  */

static bg_result prune (
    void *ctx, int64_t now_us, const broker_retention *keep, bool *more, bg_error *err)
{
    broker_db *self = ctx;
    bool more_output = false;
    bool more_executions = false;
    bool more_wishes = false;
    BG_TRY (purge_piece (self->db, more, err));
    if (*more)
        return bg_ok ();
    BG_TRY (prune_output (self->db, now_us, &more_output, err));
    BG_TRY (broker_prune_executions (self->db, now_us, &more_executions, err));
    BG_TRY (broker_prune_tokens (self->db, now_us, err));
    BG_TRY (broker_prune_requests (self->db, now_us, err));
    BG_TRY (prune_wishing (self, now_us, keep, &more_wishes, err));
    old_piece piece = {.count = 0};
    BG_TRY (find_old (self, now_us, keep->history_us, &piece, err));
    BG_TRY (remove_old (self->db, &piece, keep->history_least, err));
    /*  Rows that stay because they are among the last of their job are passed over until the round is through.  */
    self->prune_from = piece.last_row;
    *more = more_output || more_executions || more_wishes || piece.last_row != 0;
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
