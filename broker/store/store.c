/*  Opening the broker's store, its transactions, and small helpers of the files beside it. No decisions: what is
    stored and when is the core's business. Invariant: all functions of the port run inside a transaction of the shell.  */
#include "broker/store/leaving.h"
#include "broker/store/store_private.h"

#include <stdlib.h>

#define BROKER_APPLICATION_ID 0x42474c42 /*  "BGLB"  */

/*  Outcomes of thousands of targets touch a leaf of an index each. What is in the cache is not read again, and what is
    written several times before the log is full goes into the file once. Both grow with what is stored only.  */
#define CACHE_KIB (32 * 1024)
#define WAL_PAGES 4000

static bg_result meta_get (void *ctx, const char *name, int64_t *value, bg_error *err)
{
    bg_stmt *stmt = bg_db_query (broker_db_of (ctx), "SELECT value FROM meta WHERE name = ?1");
    bg_bind_str (stmt, 1, name);
    bool row = false;
    BG_TRY (bg_stmt_step (stmt, &row, err));
    *value = row ? bg_column_i64 (stmt, 0) : 0;
    bg_stmt_reset (stmt);
    return bg_ok ();
}

static bg_result meta_set (void *ctx, const char *name, int64_t value, bg_error *err)
{
    bg_stmt *stmt =
        bg_db_query (broker_db_of (ctx), "INSERT INTO meta (name, value) VALUES (?1, ?2) ON "
                                         "CONFLICT (name) DO UPDATE SET value = excluded.value");
    bg_bind_str (stmt, 1, name);
    bg_bind_i64 (stmt, 2, value);
    return bg_stmt_run (stmt, err);
}

bg_result broker_db_open (const char *path, broker_db **db, bg_error *err)
{
    broker_db *self = bg_alloc (sizeof *self);
    bg_db_options options = {
        .path = path,
        .what = "broker store",
        .application_id = BROKER_APPLICATION_ID,
        .migrations = broker_migrations,
        .migration_count = broker_migration_count,
        .cache_kib = CACHE_KIB,
        .wal_pages = WAL_PAGES,
    };
    bg_result opened = bg_db_open (&options, &self->db, err);
    if (bg_failed (opened)) {
        free (self);
        return opened;
    }
    self->port.ctx = self;
    self->port.name = "sqlite";
    self->port.meta_get = meta_get;
    self->port.meta_set = meta_set;
    broker_documents_port (&self->port);
    broker_targets_port (&self->port);
    broker_enlistments_port (&self->port);
    broker_executions_port (&self->port);
    broker_history_port (&self->port);
    broker_requests_port (&self->port);
    broker_prune_port (&self->port);
    broker_categories_port (&self->port);
    *db = self;
    return bg_ok ();
}

void broker_db_close (broker_db **self_p)
{
    if (!self_p || !*self_p)
        return;
    broker_leaving_destroy (&(*self_p)->leaving);
    bg_db_close (&(*self_p)->db);
    free (*self_p);
    *self_p = NULL;
}

const broker_store *broker_db_port (broker_db *self)
{
    return &self->port;
}

bg_result broker_db_begin (broker_db *self, bg_error *err)
{
    return bg_db_begin (self->db, err);
}

bg_result broker_db_commit (broker_db *self, bg_error *err)
{
    bg_result result = bg_db_commit (self->db, err);
    if (bg_failed (result))
        broker_job_rows_forget (self);
    return result;
}

void broker_db_rollback (broker_db *self)
{
    /*  A row of it may have gone with the transaction.  */
    broker_job_rows_forget (self);
    bg_db_rollback (self->db);
}

bg_result broker_db_check (broker_db *self, bg_error *err)
{
    return bg_db_check (self->db, err);
}

int64_t broker_db_schema (void)
{
    return (int64_t) broker_migration_count;
}

bg_result broker_db_copy (
    broker_db *self, const char *path, struct bg_db_copy **copy, bg_error *err)
{
    return bg_db_copy_begin (self->db, path, copy, err);
}

void broker_db_set_max_pages (broker_db *self, int64_t pages)
{
    bg_db_set_max_pages (self->db, pages);
}

int64_t broker_db_pages (broker_db *self)
{
    return bg_db_pages (self->db);
}
