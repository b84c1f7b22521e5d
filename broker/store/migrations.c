/*  The schema of the broker's store, as numbered migrations. A migration that was ever released is never changed: a new
    one is added at the end. Times are microseconds UTC. Ids, keys and hashes are BLOBs of fixed size.  */
#include "broker/store/store_private.h"

const char *const broker_migrations[] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE document ("
    "  key BLOB NOT NULL, version INTEGER NOT NULL, type INTEGER NOT NULL, object_type INTEGER NOT "
    "NULL,"
    "  name TEXT NOT NULL, revision INTEGER NOT NULL, withdrawn_version INTEGER NOT NULL,"
    "  content_hash BLOB NOT NULL, hash BLOB NOT NULL, signed_bytes BLOB NOT NULL,"
    "  posted_by TEXT NOT NULL, posted_us INTEGER NOT NULL,"
    "  PRIMARY KEY (key, version)) STRICT;"
    "CREATE TABLE head (key BLOB PRIMARY KEY, version INTEGER NOT NULL, deliveries BLOB) STRICT;"

    "CREATE TABLE target ("
    "  number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, name TEXT NOT NULL, sign_key BLOB NOT "
    "NULL,"
    "  curve_key BLOB NOT NULL, provisional INTEGER NOT NULL, defected_us INTEGER NOT NULL, "
    "key_cut INTEGER NOT NULL,"
    "  membership_version INTEGER NOT NULL, membership_revision INTEGER NOT NULL, membership_state "
    "INTEGER NOT NULL,"
    "  membership BLOB NOT NULL, membership_us INTEGER NOT NULL, enlisted_by TEXT NOT NULL,"
    "  enlisted_us INTEGER NOT NULL,"
    "  outbox BLOB, outbox_mark INTEGER NOT NULL DEFAULT 0, boot_counter INTEGER NOT NULL DEFAULT "
    "0, instance BLOB,"
    "  zone TEXT, program TEXT, utc_offset_s INTEGER NOT NULL DEFAULT 0, last_poll_us INTEGER NOT "
    "NULL DEFAULT 0,"
    "  last_seen_us INTEGER NOT NULL DEFAULT 0, clock_offset_us INTEGER NOT NULL DEFAULT 0) STRICT;"

    "CREATE TABLE token ("
    "  token_key BLOB PRIMARY KEY, signed_bytes BLOB NOT NULL, created_by TEXT NOT NULL, "
    "created_us INTEGER NOT NULL,"
    "  expires_us INTEGER NOT NULL, uses INTEGER NOT NULL, used INTEGER NOT NULL) STRICT, WITHOUT "
    "ROWID;"

    "CREATE TABLE execution ("
    "  id BLOB PRIMARY KEY, what INTEGER NOT NULL, job_key BLOB NOT NULL, job_name TEXT NOT NULL, "
    "login TEXT NOT NULL,"
    "  reason TEXT NOT NULL, issued_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, signed_bytes "
    "BLOB NOT NULL,"
    "  targets INTEGER NOT NULL, begun INTEGER NOT NULL, over INTEGER NOT NULL, silent INTEGER NOT "
    "NULL,"
    "  succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, canceled INTEGER NOT NULL, interrupted "
    "INTEGER NOT NULL,"
    "  not_run INTEGER NOT NULL, done_us INTEGER NOT NULL, bitmaps BLOB) STRICT;"
    "CREATE INDEX execution_by_job ON execution (job_key, id);"
    "CREATE INDEX execution_open ON execution (id) WHERE done_us = 0;"

    "CREATE TABLE note ("
    "  object BLOB NOT NULL, number INTEGER NOT NULL, version INTEGER NOT NULL, state INTEGER NOT "
    "NULL,"
    "  code TEXT NOT NULL, message TEXT NOT NULL, at_us INTEGER NOT NULL,"
    "  PRIMARY KEY (object, number)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE open_run ("
    "  run BLOB PRIMARY KEY, number INTEGER NOT NULL, job_key BLOB NOT NULL, exec BLOB, started_us "
    "INTEGER NOT NULL,"
    "  bytes BLOB NOT NULL) STRICT;"

    "CREATE TABLE job (row INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, name TEXT NOT NULL) "
    "STRICT;"
    /*  at_us is when the run started, or when it was stored if it never did: what people mean by "since".  */
    "CREATE TABLE run ("
    "  row INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL, number INTEGER NOT NULL, run "
    "BLOB NOT NULL,"
    "  exec BLOB, state INTEGER NOT NULL, reason TEXT NOT NULL, started_us INTEGER NOT NULL,"
    "  finished_us INTEGER NOT NULL, stored_us INTEGER NOT NULL, at_us INTEGER NOT NULL, bytes "
    "BLOB NOT NULL) STRICT;"
    "CREATE INDEX run_by_time ON run (at_us, row);"
    "CREATE INDEX run_by_job ON run (job, at_us, row);"
    "CREATE INDEX run_by_target ON run (number, at_us, row, job);"
    "CREATE INDEX run_by_exec ON run (exec, at_us, row) WHERE exec IS NOT NULL;"
    "CREATE TABLE output (row INTEGER PRIMARY KEY, stored_us INTEGER NOT NULL, bytes BLOB NOT "
    "NULL) STRICT;",

    "CREATE TABLE request (id BLOB PRIMARY KEY, done_us INTEGER NOT NULL, answer BLOB NOT NULL) "
    "STRICT, WITHOUT ROWID;"
    "CREATE INDEX request_by_time ON request (done_us);",
    "ALTER TABLE target ADD COLUMN facts TEXT;",
    /*  Enlistments that an admin has to approve, and tokens that were revoked.  */
    "CREATE TABLE pending (target BLOB PRIMARY KEY, row BLOB NOT NULL, rejected_us INTEGER NOT "
    "NULL) "
    "STRICT, WITHOUT ROWID;"
    "ALTER TABLE token ADD COLUMN revoked_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE token ADD COLUMN revoked_by TEXT NOT NULL DEFAULT '';",

    "ALTER TABLE note ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE note ADD COLUMN by_login TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE note ADD COLUMN reason TEXT NOT NULL DEFAULT '';",
    "ALTER TABLE target ADD COLUMN forgotten_us INTEGER NOT NULL DEFAULT 0;",
    /*  When an occurrence was due; what a job says about its own history; purges that are going on; categories.  */
    "ALTER TABLE run ADD COLUMN due_us INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX run_by_due ON run (job, due_us, row) WHERE due_us <> 0;"
    "ALTER TABLE job ADD COLUMN keep_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE job ADD COLUMN keep_runs INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE purge (row INTEGER PRIMARY KEY, job BLOB, before_us INTEGER NOT NULL) STRICT;"
    "CREATE TABLE category (key TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL,"
    " created_by TEXT NOT NULL, created_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
    /*  What every report changes, in rows of 40 bytes: beside the membership it would write a page for each target.  */
    "CREATE TABLE mark (number INTEGER PRIMARY KEY, outbox BLOB, sequence INTEGER NOT NULL, "
    "seen_us INTEGER NOT NULL)"
    " STRICT;"
    "INSERT INTO mark SELECT number, outbox, outbox_mark, last_seen_us FROM target;"
    "ALTER TABLE target DROP COLUMN outbox;"
    "ALTER TABLE target DROP COLUMN outbox_mark;"
    "ALTER TABLE target DROP COLUMN last_seen_us;",
    /*  In segments of 32,768 rows: see target_runs.h.  */
    "DROP INDEX run_by_target;"
    "CREATE INDEX run_by_target ON run "
    "(row >> 15, number, at_us, row, job);",
};

const size_t broker_migration_count = sizeof broker_migrations / sizeof broker_migrations[0];
