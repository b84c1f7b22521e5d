/*  The connection, its migrations, and forgetting an enlistment. What the tables hold is told by the port.  */
#include "node/store/store_private.h"

#include <stdlib.h>

#define APPLICATION_ID 0x42676c6e /*  "Bgln"  */

/*  Rows are small and few: with pages of 4 KiB a commit writes four times as much into the log, and those that SQLite keeps
    ready (20) take 87 KiB of a node.  */
#define PAGE_BYTES 1024

static const char migration_1[] =
    "CREATE TABLE identity ("
    " one INTEGER PRIMARY KEY CHECK (one = 1),"
    " installation BLOB NOT NULL, target BLOB NOT NULL, number INTEGER NOT NULL, name TEXT NOT "
    "NULL,"
    " broker TEXT NOT NULL, broker_curve_key BLOB NOT NULL, endpoints TEXT NOT NULL,"
    " authority_hash BLOB NOT NULL, sign_key BLOB NOT NULL, curve_key BLOB NOT NULL,"
    " outbox BLOB NOT NULL, enlisted_us INTEGER NOT NULL) STRICT;"
    "CREATE TABLE number (which INTEGER PRIMARY KEY, value INTEGER NOT NULL) STRICT;"
    "CREATE TABLE blob (which INTEGER PRIMARY KEY, value BLOB NOT NULL) STRICT;"
    "CREATE TABLE authority (version INTEGER PRIMARY KEY, item BLOB NOT NULL) STRICT;"
    "CREATE TABLE document ("
    " row INTEGER PRIMARY KEY, place INTEGER NOT NULL, key BLOB NOT NULL, type INTEGER NOT NULL,"
    " version INTEGER NOT NULL, hash BLOB NOT NULL, dropped INTEGER NOT NULL, code TEXT NOT NULL,"
    " message TEXT NOT NULL, item BLOB NOT NULL, UNIQUE (place, key)) STRICT;"
    "CREATE TABLE deed ("
    " id BLOB PRIMARY KEY, what INTEGER NOT NULL, job_key BLOB NOT NULL, state INTEGER NOT NULL,"
    " expires_us INTEGER NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, item BLOB) STRICT;"
    "CREATE INDEX deed_expires ON deed (expires_us);"
    "CREATE TABLE mark ("
    " job_key BLOB NOT NULL, schedule TEXT NOT NULL, nominal_us INTEGER NOT NULL,"
    " PRIMARY KEY (job_key, schedule)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE occurrence ("
    " id BLOB PRIMARY KEY, job_key BLOB NOT NULL, schedule TEXT NOT NULL, nominal_us INTEGER NOT "
    "NULL,"
    " fold INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE outbox (sequence INTEGER PRIMARY KEY, run BLOB NOT NULL) STRICT;"
    /*  How much is in the outbox is asked after every report: kept, not counted.  */
    "CREATE TABLE outbox_total (one INTEGER PRIMARY KEY CHECK (one = 1), rows INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL) STRICT;"
    "INSERT INTO outbox_total VALUES (1, 0, 0);"
    "CREATE TRIGGER outbox_in AFTER INSERT ON outbox BEGIN"
    " UPDATE outbox_total SET rows = rows + 1, bytes = bytes + length (new.run); END;"
    "CREATE TRIGGER outbox_out AFTER DELETE ON outbox BEGIN"
    " UPDATE outbox_total SET rows = rows - 1, bytes = bytes - length (old.run); END;"
    "CREATE TRIGGER outbox_cut AFTER UPDATE OF run ON outbox BEGIN"
    " UPDATE outbox_total SET bytes = bytes + length (new.run) - length (old.run); END;"
    "CREATE TABLE refused ("
    " row INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, code TEXT NOT NULL, message TEXT NOT "
    "NULL,"
    " run BLOB NOT NULL) STRICT;"
    "CREATE TABLE history ("
    " row INTEGER PRIMARY KEY, run BLOB NOT NULL UNIQUE, job_key BLOB NOT NULL, exec BLOB NOT NULL,"
    " occurrence BLOB NOT NULL, state INTEGER NOT NULL, started_us INTEGER NOT NULL,"
    " finished_us INTEGER NOT NULL, bytes INTEGER NOT NULL, item BLOB NOT NULL) STRICT;"
    "CREATE INDEX history_open ON history (row) WHERE state = 0;"
    "CREATE INDEX history_finished ON history (finished_us, bytes) WHERE state <> 0;";

/*  The history of one job.  */
static const char migration_history[] = "CREATE INDEX history_job ON history (job_key, row);";

/*  Runs that wait (6) are open like those that go on; jobs with limits of their own, and those that deleted themselves.  */
static const char migration_job_model[] =
    "DROP INDEX history_open; DROP INDEX history_finished;"
    "CREATE INDEX history_open ON history (row) WHERE state IN (0, 6);"
    "CREATE INDEX history_finished ON history (finished_us, bytes) WHERE state NOT IN (0, 6);"
    "CREATE TABLE history_limit ("
    " job_key BLOB PRIMARY KEY, keep_us INTEGER NOT NULL, keep_runs INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE spent (job_key BLOB PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT "
    "ROWID;";

static const char *const migrations[] = {migration_1, migration_history, migration_job_model};

static bg_result forget (void *ctx, bg_error *err)
{
    static const char sql[] =
        "DELETE FROM identity; DELETE FROM authority; DELETE FROM document WHERE place <> 4;"
        "DELETE FROM deed; DELETE FROM outbox; DELETE FROM refused;"
        "DELETE FROM mark WHERE job_key NOT IN (SELECT key FROM document);"
        "DELETE FROM occurrence WHERE job_key NOT IN (SELECT key FROM document);"
        "DELETE FROM spent WHERE job_key NOT IN (SELECT key FROM document);"
        "DELETE FROM history_limit WHERE job_key NOT IN (SELECT key FROM document);"
        "DELETE FROM number WHERE which <> 1; DELETE FROM blob WHERE which <> 1;";
    _Static_assert(
        (int) NODE_NUMBER_BOOT == 1 && (int) NODE_BLOB_INSTANCE == 1 && (int) NODE_PLACE_LOCAL == 4,
        "what stays is in the SQL");
    return bg_db_exec (node_db_of (ctx), sql, err);
}

bg_result node_db_open (const char *path, node_db **db, bg_error *err)
{
    const bg_db_options options = {
        .path = path,
        .what = "node store",
        .application_id = APPLICATION_ID,
        .migrations = migrations,
        .migration_count = sizeof migrations / sizeof *migrations,
        .page_bytes = PAGE_BYTES,
    };
    bg_db *opened = NULL;
    BG_TRY (bg_db_open (&options, &opened, err));
    node_db *self = bg_alloc (sizeof *self);
    self->db = opened;
    self->port.ctx = self;
    self->port.forget = forget;
    node_identity_port (&self->port);
    node_documents_port (&self->port);
    node_work_port (&self->port);
    node_reports_port (&self->port);
    *db = self;
    return bg_ok ();
}

void node_db_close (node_db **self_p)
{
    node_db *self = *self_p;
    if (!self)
        return;
    bg_db_close (&self->db);
    free (self);
    *self_p = NULL;
}

const node_store *node_db_port (node_db *self)
{
    return &self->port;
}

bg_result node_db_begin (node_db *self, bg_error *err)
{
    return bg_db_begin (self->db, err);
}

bg_result node_db_commit (node_db *self, bg_error *err)
{
    return bg_db_commit (self->db, err);
}

void node_db_rollback (node_db *self)
{
    bg_db_rollback (self->db);
}

void node_db_trim (node_db *self)
{
    bg_db_trim (self->db);
}

bool node_db_has_changes (const node_db *self)
{
    return bg_db_has_changes (self->db);
}

bg_result node_db_check (node_db *self, bg_error *err)
{
    return bg_db_check (self->db, err);
}

void node_db_set_max_pages (node_db *self, int64_t pages)
{
    bg_db_set_max_pages (self->db, pages);
}

int64_t node_db_pages (node_db *self)
{
    return bg_db_pages (self->db);
}
