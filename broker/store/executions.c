/*  Executions, notes and open runs of the broker's store.  */
#include "broker/store/store_private.h"

#define EXECUTION_COLUMNS                                                                          \
    "id, what, job_key, job_name, login, reason, issued_us, expires_us, signed_bytes, targets, "   \
    "begun, over, silent,"                                                                         \
    " succeeded, failed, canceled, interrupted, not_run, done_us, bitmaps"
#define NOTE_COLUMNS                                                                               \
    "object, number, version, state, code, message, at_us, attempts, by_login, reason"
#define FIRST_COUNT_COLUMN 13 /*  succeeded; run states 1..5 follow one another  */

static void bind_progress (bg_stmt *stmt, int first, const broker_execution_record *record)
{
    bg_bind_i64 (stmt, first, record->targets);
    bg_bind_i64 (stmt, first + 1, record->begun);
    bg_bind_i64 (stmt, first + 2, record->over);
    bg_bind_i64 (stmt, first + 3, record->silent);
    for (int state = 1; state < BROKER_RUN_STATES; state++)
        bg_bind_i64 (stmt, first + 3 + state, record->counts[state]);
    bg_bind_i64 (stmt, first + 9, record->done_us);
    bg_bind_blob (stmt, first + 10, record->bitmaps);
}

static bg_result execution_put (void *ctx, const broker_execution_record *record, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "INSERT INTO execution (" EXECUTION_COLUMNS
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
        " ?14, ?15, ?16, ?17, ?18, ?19, ?20)");
    bg_bind_id (stmt, 1, &record->id);
    bg_bind_u64 (stmt, 2, record->what);
    bg_bind_id (stmt, 3, &record->job_key);
    bg_bind_text (stmt, 4, record->job_name);
    bg_bind_text (stmt, 5, record->login);
    bg_bind_text (stmt, 6, record->reason);
    bg_bind_i64 (stmt, 7, record->issued_us);
    bg_bind_i64 (stmt, 8, record->expires_us);
    bg_bind_blob (stmt, 9, record->signed_bytes);
    bind_progress (stmt, 10, record);
    return bg_stmt_run (stmt, err);
}

static bg_result execution_update (void *ctx, const broker_execution_record *record, bg_error *err)
{
    bg_stmt *stmt =
        bg_db_query (broker_db_of (ctx), "UPDATE execution SET targets = ?2, begun = ?3, over = "
                                         "?4, silent = ?5, succeeded = ?6, failed = ?7,"
                                         " canceled = ?8, interrupted = ?9, not_run = ?10, done_us "
                                         "= ?11, bitmaps = ?12 WHERE id = ?1");
    bg_bind_id (stmt, 1, &record->id);
    bind_progress (stmt, 2, record);
    /*  None may be there any more: a clock that is set far ahead makes old what the core still holds.  */
    return bg_stmt_run (stmt, err);
}

static void read_execution (bg_stmt *stmt, broker_execution_record *record)
{
    *record = (broker_execution_record){
        .id = bg_column_id (stmt, 0),
        .what = (uint64_t) bg_column_i64 (stmt, 1),
        .job_key = bg_column_id (stmt, 2),
        .job_name = bg_column_text (stmt, 3),
        .login = bg_column_text (stmt, 4),
        .reason = bg_column_text (stmt, 5),
        .issued_us = bg_column_i64 (stmt, 6),
        .expires_us = bg_column_i64 (stmt, 7),
        .signed_bytes = bg_column_blob (stmt, 8),
        .targets = (uint32_t) bg_column_i64 (stmt, 9),
        .begun = (uint32_t) bg_column_i64 (stmt, 10),
        .over = (uint32_t) bg_column_i64 (stmt, 11),
        .silent = (uint32_t) bg_column_i64 (stmt, 12),
        .done_us = bg_column_i64 (stmt, 18),
        .bitmaps = bg_column_blob (stmt, 19),
    };
    for (int state = 1; state < BROKER_RUN_STATES; state++)
        record->counts[state] = (uint32_t) bg_column_i64 (stmt, FIRST_COUNT_COLUMN - 1 + state);
}

static bg_result execution_get (void *ctx, bg_id id, bg_arena *arena,
    broker_execution_record *record, bool *found, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (
        broker_db_of (ctx), "SELECT " EXECUTION_COLUMNS " FROM execution WHERE id = ?1");
    bg_bind_id (stmt, 1, &id);
    *found = false;
    BG_TRY (bg_stmt_step (stmt, found, err));
    if (*found) {
        read_execution (stmt, record);
        record->job_name = bg_arena_copy (arena, record->job_name);
        record->login = bg_arena_copy (arena, record->login);
        record->reason = bg_arena_copy (arena, record->reason);
        record->signed_bytes = bg_arena_copy (arena, record->signed_bytes);
        record->bitmaps = bg_arena_copy (arena, record->bitmaps);
    }
    bg_stmt_reset (stmt);
    return bg_ok ();
}

/*  What every choice of executions has behind its own condition.  */
#define EXECUTION_FILTERS                                                                          \
    " AND (?1 IS NULL OR id < ?1) AND (?5 = '' OR login = ?5 COLLATE NOCASE)"                      \
    " AND issued_us >= ?6 AND (?7 = 0 OR issued_us < ?7) ORDER BY id DESC LIMIT ?2"
#define EXECUTION_SELECT "SELECT " EXECUTION_COLUMNS " FROM execution WHERE "

/*  The statement that walks the index which fits the filter best.  */
static bg_stmt *query_executions (bg_db *db, const broker_execution_filter *filter)
{
    bg_stmt *stmt;
    if (!bg_id_is_zero (filter->job_key)) {
        stmt = bg_db_query (
            db, EXECUTION_SELECT "job_key = ?4 AND (?3 = 0 OR done_us = 0)" EXECUTION_FILTERS);
        bg_bind_id (stmt, 4, &filter->job_key);
    } else if (filter->open_only) {
        stmt = bg_db_query (db, EXECUTION_SELECT "done_us = 0 AND ?3 = 1" EXECUTION_FILTERS);
    } else {
        stmt = bg_db_query (db, EXECUTION_SELECT "?3 = 0" EXECUTION_FILTERS);
    }
    bg_bind_id_or_null (stmt, 1, &filter->before);
    bg_bind_i64 (stmt, 2, filter->limit);
    bg_bind_i64 (stmt, 3, filter->open_only);
    bg_bind_text (stmt, 5, filter->login);
    bg_bind_i64 (stmt, 6, filter->since_us);
    bg_bind_i64 (stmt, 7, filter->until_us);
    return stmt;
}

static bg_result executions (void *ctx, const broker_execution_filter *filter,
    broker_visit_execution visit, void *visitor, bg_error *err)
{
    bg_stmt *stmt = query_executions (broker_db_of (ctx), filter);
    bg_result result = bg_ok ();
    while (bg_stmt_each (stmt, &result, err)) {
        broker_execution_record record;
        read_execution (stmt, &record);
        result = visit (visitor, &record, err);
    }
    return result;
}

static bg_result note_put (void *ctx, const broker_note_record *record, bg_error *err)
{
    bg_stmt *stmt =
        bg_db_query (broker_db_of (ctx), "INSERT OR REPLACE INTO note (" NOTE_COLUMNS
                                         ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    bg_bind_id (stmt, 1, &record->object);
    bg_bind_i64 (stmt, 2, record->number);
    bg_bind_u64 (stmt, 3, record->version);
    bg_bind_u64 (stmt, 4, record->state);
    bg_bind_text (stmt, 5, record->code);
    bg_bind_text (stmt, 6, record->message);
    bg_bind_i64 (stmt, 7, record->at_us);
    bg_bind_i64 (stmt, 8, record->attempts);
    bg_bind_text (stmt, 9, record->by);
    bg_bind_text (stmt, 10, record->reason);
    return bg_stmt_run (stmt, err);
}

static bg_result note_remove (void *ctx, bg_id object, uint32_t number, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (
        broker_db_of (ctx), "DELETE FROM note WHERE object = ?1 AND (?2 = 0 OR number = ?2)");
    bg_bind_id (stmt, 1, &object);
    bg_bind_i64 (stmt, 2, number);
    return bg_stmt_run (stmt, err);
}

static void read_note (bg_stmt *stmt, broker_note_record *record)
{
    *record = (broker_note_record){
        .object = bg_column_id (stmt, 0),
        .number = (uint32_t) bg_column_i64 (stmt, 1),
        .version = (uint64_t) bg_column_i64 (stmt, 2),
        .state = (uint64_t) bg_column_i64 (stmt, 3),
        .code = bg_column_text (stmt, 4),
        .message = bg_column_text (stmt, 5),
        .at_us = bg_column_i64 (stmt, 6),
        .attempts = (uint32_t) bg_column_i64 (stmt, 7),
        .by = bg_column_text (stmt, 8),
        .reason = bg_column_text (stmt, 9),
    };
}

static bg_result note_get (void *ctx, bg_id object, uint32_t number, bg_arena *arena,
    broker_note_record *record, bool *found, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (
        broker_db_of (ctx), "SELECT " NOTE_COLUMNS " FROM note WHERE object = ?1 AND number = ?2");
    bg_bind_id (stmt, 1, &object);
    bg_bind_i64 (stmt, 2, number);
    *found = false;
    BG_TRY (bg_stmt_step (stmt, found, err));
    if (*found) {
        read_note (stmt, record);
        record->code = bg_arena_copy (arena, record->code);
        record->message = bg_arena_copy (arena, record->message);
        record->by = bg_arena_copy (arena, record->by);
        record->reason = bg_arena_copy (arena, record->reason);
    }
    bg_stmt_reset (stmt);
    return bg_ok ();
}

static bg_result notes (void *ctx, bg_id object, uint32_t after, uint32_t limit,
    broker_visit_note visit, void *visitor, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "SELECT " NOTE_COLUMNS
        " FROM note WHERE object = ?1 AND number > ?2 ORDER BY number LIMIT ?3");
    bg_bind_id (stmt, 1, &object);
    bg_bind_i64 (stmt, 2, after);
    bg_bind_i64 (stmt, 3, limit);
    bg_result result = bg_ok ();
    while (bg_stmt_each (stmt, &result, err)) {
        broker_note_record record;
        read_note (stmt, &record);
        result = visit (visitor, &record, err);
    }
    return result;
}

static bg_result open_run_put (void *ctx, const broker_open_run_record *record, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "INSERT OR REPLACE INTO open_run (run, number, job_key, exec, started_us, bytes)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    bg_bind_id (stmt, 1, &record->run);
    bg_bind_i64 (stmt, 2, record->number);
    bg_bind_id (stmt, 3, &record->job_key);
    bg_bind_id_or_null (stmt, 4, &record->exec);
    bg_bind_i64 (stmt, 5, record->started_us);
    bg_bind_blob (stmt, 6, record->bytes);
    return bg_stmt_run (stmt, err);
}

static bg_result open_run_remove (void *ctx, bg_id run, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx), "DELETE FROM open_run WHERE run = ?1");
    bg_bind_id (stmt, 1, &run);
    return bg_stmt_run (stmt, err);
}

static void read_open_run (bg_stmt *stmt, broker_open_run_record *record)
{
    *record = (broker_open_run_record){
        .run = bg_column_id (stmt, 0),
        .number = (uint32_t) bg_column_i64 (stmt, 1),
        .job_key = bg_column_id (stmt, 2),
        .exec = bg_column_id (stmt, 3),
        .started_us = bg_column_i64 (stmt, 4),
        .bytes = bg_column_blob (stmt, 5),
    };
}

static bg_result open_run_get (void *ctx, bg_id run, bg_arena *arena,
    broker_open_run_record *record, bool *found, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx),
        "SELECT run, number, job_key, exec, started_us, bytes FROM open_run WHERE run = ?1");
    bg_bind_id (stmt, 1, &run);
    *found = false;
    BG_TRY (bg_stmt_step (stmt, found, err));
    if (*found) {
        read_open_run (stmt, record);
        record->bytes = bg_arena_copy (arena, record->bytes);
    }
    bg_stmt_reset (stmt);
    return bg_ok ();
}

static bg_result open_runs (void *ctx, const bg_id *after, uint32_t limit,
    broker_visit_open_run visit, void *visitor, bg_error *err)
{
    bg_stmt *stmt =
        bg_db_query (broker_db_of (ctx), "SELECT run, number, job_key, exec, started_us, bytes "
                                         "FROM open_run WHERE run > ?1 ORDER BY run LIMIT ?2");
    if (after)
        bg_bind_id (stmt, 1, after);
    else
        bg_bind_blob (stmt, 1, bg_slice_of ("", 0));
    bg_bind_i64 (stmt, 2, limit);
    bg_result result = bg_ok ();
    while (bg_stmt_each (stmt, &result, err)) {
        broker_open_run_record record;
        read_open_run (stmt, &record);
        result = visit (visitor, &record, err);
    }
    return result;
}

void broker_executions_port (broker_store *port)
{
    port->execution_put = execution_put;
    port->execution_update = execution_update;
    port->execution_get = execution_get;
    port->executions = executions;
    port->note_put = note_put;
    port->note_remove = note_remove;
    port->note_get = note_get;
    port->notes = notes;
    port->open_run_put = open_run_put;
    port->open_run_remove = open_run_remove;
    port->open_run_get = open_run_get;
    port->open_runs = open_runs;
}
