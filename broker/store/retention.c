/*  What leaves the broker's store besides history: executions that were over long ago with what was noted about them,
    and tokens that nobody can use any more. Without this both would grow with every START for ever.

    Ids of executions begin with their time, so the oldest are the first rows; a piece looks at those only. The core
    forgets an execution a minute after it is done, long before it may leave here.  */
#include "broker/store/store_private.h"

#include "common/base/now.h"

#define EXECUTION_KEEP_US BG_DAY (90)
#define TOKEN_KEEP_US     BG_DAY (30) /*  after it expired: till then a late user is told why  */
#define REQUEST_KEEP_US   BG_DAY (1)
#define PRUNE_ROWS        500

/*  Those of the first rows that may go.  */
#define OLD_EXECUTIONS                                                                             \
    "(SELECT id FROM (SELECT id, done_us FROM execution ORDER BY id LIMIT ?2) WHERE done_us > 0 "  \
    "AND done_us < ?1)"

static bg_result run_old (bg_db *db, const char *sql, int64_t before_us, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (db, sql);
    bg_bind_i64 (stmt, 1, before_us);
    bg_bind_i64 (stmt, 2, PRUNE_ROWS);
    return bg_stmt_run (stmt, err);
}

bg_result broker_prune_executions (bg_db *db, int64_t now_us, bool *more, bg_error *err)
{
    int64_t before_us = now_us - EXECUTION_KEEP_US;
    BG_TRY (run_old (db, "DELETE FROM note WHERE object IN " OLD_EXECUTIONS, before_us, err));
    BG_TRY (run_old (db, "DELETE FROM execution WHERE id IN " OLD_EXECUTIONS, before_us, err));
    *more = bg_db_changes (db) == PRUNE_ROWS;
    return bg_ok ();
}

bg_result broker_prune_tokens (bg_db *db, int64_t now_us, bg_error *err)
{
    return run_old (db,
        "DELETE FROM token WHERE token_key IN (SELECT token_key FROM token WHERE expires_us < ?1 "
        "LIMIT ?2)",
        now_us - TOKEN_KEEP_US, err);
}

bg_result broker_prune_requests (bg_db *db, int64_t now_us, bg_error *err)
{
    return run_old (db,
        "DELETE FROM request WHERE id IN (SELECT id FROM request WHERE done_us < ?1 LIMIT ?2)",
        now_us - REQUEST_KEEP_US, err);
}
