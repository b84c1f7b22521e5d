/*  History of the broker's store: one table in order of insertion, its rows naming their job by a small number so that
    index entries of a job stay together. Pages are newest first by the time of the run, not of its arrival: what a
    target hands in after an outage stands where it belongs; oldest first, or by when occurrences were due, when that is
    asked. A page begins after the row that the last one ended with, and looks at a bounded number of rows when the
    caller says so: a filter that fits few of millions costs many pages and never a long one. Step output stands in a
    table of its own. What leaves is prune.c's.  */
#include "broker/store/store_private.h"
#include "broker/store/target_runs.h"

#include <string.h>

/*  Rows of a job come many at a time: its own row is looked up once. Keys are hashes.  */
static broker_job_row *job_place (broker_db *self, const bg_id *key)
{
    return &self->job_rows[(key->bytes[14] * 256u + key->bytes[15]) % BROKER_JOB_ROWS];
}

void broker_job_rows_forget (broker_db *self)
{
    memset (self->job_rows, 0, sizeof self->job_rows);
}

/*  0: it is not there.  */
static bg_result find_job (bg_db *db, const bg_id *key, int64_t *row, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (db, "SELECT row FROM job WHERE key = ?1");
    bg_bind_id (stmt, 1, key);
    bool found = false;
    BG_TRY (bg_stmt_step (stmt, &found, err));
    *row = found ? bg_column_i64 (stmt, 0) : 0;
    bg_stmt_reset (stmt);
    return bg_ok ();
}

static bg_result find_or_add_job (
    bg_db *db, const broker_run_record *record, int64_t *row, bg_error *err)
{
    BG_TRY (find_job (db, &record->job_key, row, err));
    if (*row != 0)
        return bg_ok ();
    bg_stmt *stmt = bg_db_query (db, "INSERT INTO job (key, name) VALUES (?1, ?2)");
    bg_bind_id (stmt, 1, &record->job_key);
    bg_bind_text (stmt, 2, record->job_name);
    BG_TRY (bg_stmt_run (stmt, err));
    *row = bg_db_last_row (db);
    return bg_ok ();
}

static bg_result job_row (
    broker_db *self, const broker_run_record *record, int64_t *row, bg_error *err)
{
    broker_job_row *known = job_place (self, &record->job_key);
    if (known->row == 0 || !bg_id_equal (known->key, record->job_key)) {
        BG_TRY (find_or_add_job (self->db, record, &known->row, err));
        known->key = record->job_key;
    }
    *row = known->row;
    return bg_ok ();
}

static bg_result runs_append (void *ctx, const broker_run_record *record, bg_error *err)
{
    bg_db *db = broker_db_of (ctx);
    int64_t job = 0;
    BG_TRY (job_row (ctx, record, &job, err));
    bg_stmt *stmt = bg_db_query (db, "INSERT INTO run (job, number, run, exec, state, reason, "
                                     "started_us, finished_us, stored_us, at_us, due_us, bytes)"
                                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
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
    bg_bind_i64 (stmt, 11, record->due_us);
    bg_bind_blob (stmt, 12, record->bytes);
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

/*  ---- queries ----  */

#define RUN_SELECT                                                                                 \
    "SELECT r.row, r.run, j.key, j.name, r.number, r.exec, r.state, r.reason, r.started_us, "      \
    "r.finished_us, r.stored_us, r.due_us, r.bytes,"                                               \
    " CASE WHEN ?10 THEN (SELECT o.bytes FROM output o WHERE o.row = r.row) END"                   \
    " FROM run r JOIN job j ON j.row = r.job WHERE "
/*  A range of every index of the table; written with OR it would not be one.  */
#define RUN_RANGE(key) "(" key ", r.row) >= (?1, ?2) AND (" key ", r.row) < (?3, ?4)"
#define RUN_FILTERS                                                                                \
    " AND (?5 = 0 OR (?5 >> r.state) & 1) AND (?6 = 0 OR r.number = ?6)"                           \
    " AND (?7 IS NULL OR r.job = (SELECT row FROM job WHERE key = ?7))"                            \
    " AND (?8 IS NULL OR r.exec = ?8) AND (?11 IS NULL OR r.reason = ?11)"                         \
    " AND (?12 = 0 OR (r.started_us <> 0 AND r.finished_us - r.started_us >= ?12))"
#define RUN_DOWN(key) " ORDER BY " key " DESC, r.row DESC LIMIT ?9"
#define RUN_UP(key)   " ORDER BY " key ", r.row LIMIT ?9"

#define OF_EXEC "r.exec = ?8 AND "
#define OF_JOB  "r.job = (SELECT row FROM job WHERE key = ?7) AND "
#define IS_DUE  "r.due_us <> 0 AND "

/*  One way per index. Pages repeat all filters, so the choice is about speed only; places look at the index alone. That
    by target is target_runs.c's: it tells the rows, which are then read one by one.  */
enum { BY_TIME, BY_EXEC, BY_JOB, BY_DUE, BY_TARGET };

#define WAY(which, key)                                                                            \
    {                                                                                              \
        RUN_SELECT which RUN_RANGE (key) RUN_FILTERS RUN_DOWN (key),                               \
            RUN_SELECT which RUN_RANGE (key) RUN_FILTERS RUN_UP (key)                              \
    }
static const char *const page_sql[BY_TARGET][2] = {
    [BY_TIME] = WAY ("", "r.at_us"),
    [BY_EXEC] = WAY (OF_EXEC, "r.at_us"),
    [BY_JOB] = WAY (OF_JOB, "r.at_us"),
    [BY_DUE] = WAY (OF_JOB IS_DUE, "r.due_us"),
};
#undef WAY

#define WAY(which, key)                                                                            \
    {                                                                                              \
        "SELECT " key ", r.row FROM run r WHERE " which RUN_RANGE (key)                            \
            RUN_DOWN (key) " OFFSET ?10",                                                          \
            "SELECT " key ", r.row FROM run r WHERE " which RUN_RANGE (key)                        \
                RUN_UP (key) " OFFSET ?10"                                                         \
    }
static const char *const place_sql[BY_TARGET][2] = {
    [BY_TIME] = WAY ("", "r.at_us"),
    [BY_EXEC] = WAY (OF_EXEC, "r.at_us"),
    [BY_JOB] = WAY (OF_JOB, "r.at_us"),
    [BY_DUE] = WAY (OF_JOB IS_DUE, "r.due_us"),
};
#undef WAY

static const char row_sql[] = RUN_SELECT "r.row = ?1" RUN_FILTERS;

const char *broker_history_sql (size_t index)
{
    const size_t pages = 4 * (size_t) BY_TARGET;
    if (index == pages)
        return row_sql;
    if (index > pages)
        return broker_target_runs_sql (index - pages - 1);
    return index % 2 ? page_sql[index / 4][index / 2 % 2] : place_sql[index / 4][index / 2 % 2];
}

static bg_result read_count (bg_db *db, const char *sql, int64_t *count, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (db, sql);
    bool found = false;
    BG_TRY (bg_stmt_step (stmt, &found, err));
    *count = found ? bg_column_i64 (stmt, 0) : 0;
    bg_stmt_reset (stmt);
    return bg_ok ();
}

/*  Of a job on a target: the more there are of them, the fewer rows has one.  */
static bg_result way_of_both (bg_db *db, int *way, bg_error *err)
{
    int64_t jobs = 0;
    int64_t targets = 0;
    BG_TRY (read_count (db, "SELECT max (row) FROM job", &jobs, err));
    BG_TRY (read_count (db, "SELECT max (number) FROM target", &targets, err));
    *way = targets > jobs ? BY_TARGET : BY_JOB;
    return bg_ok ();
}

static bg_result way_of (bg_db *db, const broker_run_filter *filter, int *way, bg_error *err)
{
    const bool has_job = !bg_id_is_zero (filter->job_key);
    if (filter->due_since_us != 0 || filter->due_until_us != 0) {
        bg_assert (has_job);
        *way = BY_DUE;
    } else if (!bg_id_is_zero (filter->exec)) {
        *way = BY_EXEC;
    } else if (has_job && filter->number != 0) {
        return way_of_both (db, way, err);
    } else {
        *way = has_job ? BY_JOB : filter->number != 0 ? BY_TARGET : BY_TIME;
    }
    return bg_ok ();
}

typedef struct {
    int way;
    broker_place low;
    broker_place high;
} range;

/*  The cursor narrows the range to what comes after its row. One whose row has left by its retention meanwhile ends the
    pages: they had come to what is leaving.  */
static bg_result apply_cursor (
    bg_db *db, const broker_run_filter *filter, range *found, bg_error *err)
{
    bg_stmt *stmt =
        bg_db_query (db, "SELECT CASE WHEN ?2 THEN due_us ELSE at_us END FROM run WHERE row = ?1");
    bool is_there = false;
    bg_bind_i64 (stmt, 1, filter->before);
    bg_bind_i64 (stmt, 2, found->way == BY_DUE);
    BG_TRY (bg_stmt_step (stmt, &is_there, err));
    const broker_place at = {is_there ? bg_column_i64 (stmt, 0) : 0, filter->before};
    bg_stmt_reset (stmt);
    if (!is_there) {
        found->high = found->low;
        return bg_ok ();
    }
    /*  Only of a row that is there: a cursor that somebody made up may be the greatest number.  */
    const broker_place after = broker_place_after (at);
    if (filter->oldest_first && broker_place_is_below (found->low, after))
        found->low = after;
    else if (!filter->oldest_first && broker_place_is_below (at, found->high))
        found->high = at;
    return bg_ok ();
}

static void bind_range (bg_stmt *stmt, const broker_run_filter *filter, const range *from)
{
    bg_bind_i64 (stmt, 1, from->low.key);
    bg_bind_i64 (stmt, 2, from->low.row);
    bg_bind_i64 (stmt, 3, from->high.key);
    bg_bind_i64 (stmt, 4, from->high.row);
    if (from->way == BY_JOB || from->way == BY_DUE)
        bg_bind_id (stmt, 7, &filter->job_key);
    if (from->way == BY_EXEC)
        bg_bind_id (stmt, 8, &filter->exec);
}

/*  Ends the range after filter->scan rows. *filter->scan_end is the last of them, if there may be more behind it.  */
static bg_result narrow (bg_db *db, const broker_run_filter *filter, range *found, bg_error *err)
{
    *filter->scan_end = 0;
    bg_stmt *stmt = bg_db_query (db, place_sql[found->way][filter->oldest_first]);
    bool is_there = false;
    bind_range (stmt, filter, found);
    bg_bind_i64 (stmt, 9, 1);
    bg_bind_i64 (stmt, 10, filter->scan - 1);
    BG_TRY (bg_stmt_step (stmt, &is_there, err));
    if (is_there) {
        const broker_place last = {bg_column_i64 (stmt, 0), bg_column_i64 (stmt, 1)};
        *filter->scan_end = last.row;
        if (filter->oldest_first)
            found->high = broker_place_after (last);
        else
            found->low = last;
    }
    bg_stmt_reset (stmt);
    return bg_ok ();
}

static bg_result range_of (bg_db *db, const broker_run_filter *filter, range *found, bg_error *err)
{
    int way = 0;
    BG_TRY (way_of (db, filter, &way, err));
    const int64_t since_us = way == BY_DUE ? filter->due_since_us : filter->since_us;
    const int64_t until_us = way == BY_DUE ? filter->due_until_us : filter->until_us;
    *found = (range){.way = way,
        .low = {since_us ? since_us : INT64_MIN, 0},
        .high = until_us ? (broker_place){until_us, 0} : (broker_place){INT64_MAX, INT64_MAX}};
    if (filter->before != 0)
        BG_TRY (apply_cursor (db, filter, found, err));
    return filter->scan && way != BY_TARGET ? narrow (db, filter, found, err) : bg_ok ();
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
        .due_us = bg_column_i64 (stmt, 11),
        .bytes = bg_column_blob (stmt, 12),
        .output = bg_column_blob (stmt, 13),
    };
}

static void bind_filters (bg_stmt *stmt, const broker_run_filter *filter)
{
    bg_bind_i64 (stmt, 5, filter->states);
    bg_bind_i64 (stmt, 6, filter->number);
    bg_bind_id_or_null (stmt, 7, &filter->job_key);
    bg_bind_id_or_null (stmt, 8, &filter->exec);
    bg_bind_i64 (stmt, 9, filter->limit);
    bg_bind_i64 (stmt, 10, filter->output);
    if (filter->reason.size > 0)
        bg_bind_text (stmt, 11, filter->reason);
    bg_bind_i64 (stmt, 12, filter->min_duration_us);
}

/*  The rows of a statement, to the visitor; *count goes up by them.  */
static bg_result visit_rows (
    bg_stmt *stmt, broker_visit_run visit, void *visitor, uint32_t *count, bg_error *err)
{
    bg_result result = bg_ok ();
    for (; bg_stmt_each (stmt, &result, err); ++*count) {
        broker_run_record record;
        read_run (stmt, &record);
        result = visit (visitor, &record, err);
    }
    return result;
}

/*  A page of one target: places first, by the index alone, then the rows that may fit.  */
typedef struct {
    bg_db *db;
    const broker_run_filter *filter;
    int64_t job; /*  0: of any  */
    broker_range within;
    broker_target_runs found;
    uint32_t count;
    broker_visit_run visit;
    void *visitor;
} target_page;

static bg_result visit_found (target_page *self, bg_error *err)
{
    for (size_t i = 0; i < self->found.count && self->count < self->filter->limit; i++) {
        const broker_target_run *run = &self->found.runs[i];
        if (self->job != 0 && run->job != self->job)
            continue;
        bg_stmt *stmt = bg_db_query (self->db, row_sql);
        bind_filters (stmt, self->filter);
        bg_bind_i64 (stmt, 1, run->at.row);
        BG_TRY (visit_rows (stmt, self->visit, self->visitor, &self->count, err));
    }
    return bg_ok ();
}

static bg_result go_through_target (target_page *self, bg_error *err)
{
    const broker_run_filter *filter = self->filter;
    for (bool more = true; more;) {
        BG_TRY (broker_target_runs_find (
            self->db, filter->number, &self->within, filter->oldest_first, &self->found, err));
        BG_TRY (visit_found (self, err));
        more = self->found.count == self->found.room;
        if (filter->scan) {
            *filter->scan_end = more ? self->found.runs[self->found.count - 1].at.row : 0;
            return bg_ok ();
        }
        if (self->count == filter->limit)
            return bg_ok ();
        if (more && filter->oldest_first)
            self->within.low = broker_place_after (self->found.runs[self->found.count - 1].at);
        else if (more)
            self->within.high = self->found.runs[self->found.count - 1].at;
    }
    return bg_ok ();
}

static bg_result runs_of_target (bg_db *db, const broker_run_filter *filter, const range *from,
    broker_visit_run visit, void *visitor, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    target_page page = {.db = db,
        .filter = filter,
        .within = {from->low, from->high},
        .found = {.room = filter->scan ? filter->scan : filter->limit},
        .visit = visit,
        .visitor = visitor};
    page.found.runs = bg_arena_array (&arena, broker_target_run, page.found.room);
    if (!bg_id_is_zero (filter->job_key))
        BG_TRY (find_job (db, &filter->job_key, &page.job, err));
    return go_through_target (&page, err);
}

static bg_result runs (void *ctx, const broker_run_filter *filter, broker_visit_run visit,
    void *visitor, bg_error *err)
{
    bg_db *db = broker_db_of (ctx);
    range found;
    uint32_t count = 0;
    BG_TRY (range_of (db, filter, &found, err));
    if (found.way == BY_TARGET)
        return runs_of_target (db, filter, &found, visit, visitor, err);
    bg_stmt *stmt = bg_db_query (db, page_sql[found.way][filter->oldest_first]);
    bind_range (stmt, filter, &found);
    bind_filters (stmt, filter);
    return visit_rows (stmt, visit, visitor, &count, err);
}

void broker_history_port (broker_store *port)
{
    port->runs_append = runs_append;
    port->runs = runs;
}
