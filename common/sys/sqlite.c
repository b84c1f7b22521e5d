/*  SQLite as a store: see sqlite.h. No SQL of any store lives here, only settings and the mapping
   of what SQLite says to our codes. One thread; the library's own locks stay off.

    A failed write inside a transaction may or may not have been rolled back by SQLite itself (FULL
   and IOERR do); bg_db_rollback() asks before it rolls back, so callers need not know.  */
#include "common/sys/sqlite.h"

#include "common/sys/file.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CACHE_SLOTS 512 /*  twice the distinct statements of one store; power of two  */

struct bg_stmt {
    const char *sql; /*  the constant's address is the key  */
    sqlite3_stmt *statement;
    bg_db *db;
};

struct bg_db {
    sqlite3 *handle;
    char *what;
    char *path;
    bg_stmt cache[CACHE_SLOTS];
    size_t cached;
    int64_t changes_before; /*  of all rows ever, at the last begin  */
};

typedef struct {
    int primary; /*  SQLite's primary result code  */
    bg_code code;
    const char *hint; /*  NULL: none  */
} code_row;

static const code_row code_table[] = {
    {SQLITE_FULL, BG_STORAGE_FULL, "make space on that file system; nothing was lost"},
    {SQLITE_IOERR, BG_STORE_IO, "look at the disk and the kernel log, then start again"},
    {SQLITE_CORRUPT, BG_FOREIGN_FILE, "restore the file from a backup"},
    {SQLITE_NOTADB, BG_FOREIGN_FILE,
        "it is not a store of Bugle: move it away or name another home"},
    {SQLITE_BUSY, BG_BUSY, "another process has it open: stop that one first"},
    {SQLITE_LOCKED, BG_BUSY, NULL},
    {SQLITE_CONSTRAINT, BG_EXISTS, NULL},
    {SQLITE_READONLY, BG_STORE, "make the file and its directory writable"},
    {SQLITE_CANTOPEN, BG_STORE, "look at the permissions of the file and its directory"},
    {SQLITE_NOMEM, BG_NO_MEMORY, NULL},
    {SQLITE_TOOBIG, BG_TOO_LARGE, NULL},
};

static const code_row *find_row (int primary)
{
    for (size_t i = 0; i < sizeof code_table / sizeof code_table[0]; i++) {
        if (code_table[i].primary == primary)
            return &code_table[i];
    }
    return NULL;
}

static bg_result store_failure (bg_db *self, int rc, bg_error *err)
{
    const code_row *row = find_row (rc & 0xff);
    bg_code code = row ? row->code : BG_STORE;
    int extended = sqlite3_extended_errcode (self->handle);
    /*  Only names that are taken are BG_EXISTS; the other constraints are bugs in what was written.
     */
    bool is_taken = extended == SQLITE_CONSTRAINT_UNIQUE ||
                    extended == SQLITE_CONSTRAINT_PRIMARYKEY || extended == SQLITE_CONSTRAINT_ROWID;
    if (code == BG_EXISTS && !is_taken)
        code = BG_STORE;
    bg_ignore (
        bg_fail (err, code, "%s %s: %s", self->what, self->path, sqlite3_errmsg (self->handle)));
    if (row && row->hint)
        bg_ignore (bg_hint (err, "%s", row->hint));
    return (bg_result){code};
}

static size_t slot_of (const char *sql)
{
    uintptr_t address = (uintptr_t) sql;
    return (size_t) ((address >> 3) * 2654435761u) & (CACHE_SLOTS - 1);
}

static bg_result prepare (bg_db *self, const char *sql, sqlite3_stmt **statement, bg_error *err)
{
    int rc = sqlite3_prepare_v3 (self->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    return rc == SQLITE_OK ? bg_ok () : store_failure (self, rc, err);
}

bg_stmt *bg_db_query (bg_db *self, const char *sql)
{
    size_t index = slot_of (sql);
    while (self->cache[index].sql && self->cache[index].sql != sql)
        index = (index + 1) & (CACHE_SLOTS - 1);
    bg_stmt *found = &self->cache[index];
    if (found->sql) {
        bg_assert (!found->statement || !sqlite3_stmt_busy (found->statement));
        if (found->statement) {
            (void) sqlite3_reset (found->statement);
            (void) sqlite3_clear_bindings (found->statement);
        }
    } else {
        bg_assert (self->cached < CACHE_SLOTS / 2);
        self->cached++;
        *found = (bg_stmt){.sql = sql, .db = self};
    }
    if (!found->statement) {
        /*  A damaged file shows here already. The statement then stays empty and its first step
           prepares it again, which gives the caller the failure at the place where he looks for
           one.  */
        bg_error err = {0};
        bg_result result = prepare (self, sql, &found->statement, &err);
        if (result.code == BG_STORE || result.code == BG_EXISTS) {
            (void) fprintf (stderr, "wrong SQL: %s\n%s\n", err.message, sql);
            bg_assert (bg_is_ok (result));
        }
    }
    return found;
}

static void check_bind (const bg_stmt *self, int rc)
{
    bg_assert (!self->statement || rc == SQLITE_OK);
}

void bg_bind_i64 (bg_stmt *self, int position, int64_t value)
{
    check_bind (self, sqlite3_bind_int64 (self->statement, position, value));
}

void bg_bind_blob (bg_stmt *self, int position, bg_slice value)
{
    /*  A NULL pointer would bind NULL; no bytes are a value too.  */
    const void *data = value.data ? (const void *) value.data : "";
    check_bind (
        self, sqlite3_bind_blob64 (self->statement, position, data, value.size, SQLITE_STATIC));
}

void bg_bind_text (bg_stmt *self, int position, bg_slice value)
{
    const char *text = value.data ? (const char *) value.data : "";
    check_bind (self, sqlite3_bind_text64 (
                          self->statement, position, text, value.size, SQLITE_STATIC, SQLITE_UTF8));
}

void bg_bind_str (bg_stmt *self, int position, const char *value)
{
    if (value)
        bg_bind_text (self, position, bg_slice_str (value));
    else
        bg_bind_null (self, position);
}

void bg_bind_null (bg_stmt *self, int position)
{
    check_bind (self, sqlite3_bind_null (self->statement, position));
}

void bg_bind_id (bg_stmt *self, int position, const bg_id *id)
{
    bg_bind_blob (self, position, bg_slice_of (id->bytes, sizeof id->bytes));
}

void bg_bind_id_or_null (bg_stmt *self, int position, const bg_id *id)
{
    if (bg_id_is_zero (*id))
        bg_bind_null (self, position);
    else
        bg_bind_id (self, position, id);
}

void bg_bind_key (bg_stmt *self, int position, const bg_key *key)
{
    bg_bind_blob (self, position, bg_slice_of (key->bytes, sizeof key->bytes));
}

void bg_bind_u64 (bg_stmt *self, int position, uint64_t value)
{
    bg_assert (value <= INT64_MAX);
    bg_bind_i64 (self, position, (int64_t) value);
}

bg_result bg_stmt_step (bg_stmt *self, bool *row, bg_error *err)
{
    *row = false;
    if (!self->statement) {
        bg_result result = prepare (self->db, self->sql, &self->statement, err);
        if (bg_failed (result))
            return result;
        /*  It can be prepared now, but what was bound is lost.  */
        return bg_fail (
            err, BG_AGAIN, "%s %s was not readable for a moment", self->db->what, self->db->path);
    }
    int rc = sqlite3_step (self->statement);
    if (rc == SQLITE_ROW) {
        *row = true;
        return bg_ok ();
    }
    bg_result result = rc == SQLITE_DONE ? bg_ok () : store_failure (self->db, rc, err);
    (void) sqlite3_reset (self->statement);
    return result;
}

bool bg_stmt_each (bg_stmt *self, bg_result *result, bg_error *err)
{
    bool row = false;
    if (bg_failed (*result))
        bg_stmt_reset (self);
    else
        *result = bg_stmt_step (self, &row, err);
    return row;
}

bg_result bg_stmt_run (bg_stmt *self, bg_error *err)
{
    bool row = true;
    while (row)
        BG_TRY (bg_stmt_step (self, &row, err));
    return bg_ok ();
}

void bg_stmt_reset (bg_stmt *self)
{
    if (self->statement)
        (void) sqlite3_reset (self->statement);
}

int64_t bg_column_i64 (bg_stmt *self, int column)
{
    return sqlite3_column_int64 (self->statement, column);
}

bg_slice bg_column_blob (bg_stmt *self, int column)
{
    /*  The pointer first: asking for it may convert the value and change its size.  */
    const void *data = sqlite3_column_blob (self->statement, column);
    return bg_slice_of (data, (size_t) sqlite3_column_bytes (self->statement, column));
}

bg_slice bg_column_text (bg_stmt *self, int column)
{
    const void *data = sqlite3_column_text (self->statement, column);
    return bg_slice_of (data, (size_t) sqlite3_column_bytes (self->statement, column));
}

uint64_t bg_column_u64 (bg_stmt *self, int column)
{
    return (uint64_t) bg_column_i64 (self, column);
}

void bg_column_bytes (bg_stmt *self, int column, void *bytes, size_t size)
{
    bg_slice value = bg_column_blob (self, column);
    memset (bytes, 0, size);
    if (value.size == size)
        memcpy (bytes, value.data, size);
}

bg_id bg_column_id (bg_stmt *self, int column)
{
    bg_id id;
    bg_column_bytes (self, column, id.bytes, sizeof id.bytes);
    return id;
}

bg_key bg_column_key (bg_stmt *self, int column)
{
    bg_key key;
    bg_column_bytes (self, column, key.bytes, sizeof key.bytes);
    return key;
}

bool bg_column_is_null (bg_stmt *self, int column)
{
    return sqlite3_column_type (self->statement, column) == SQLITE_NULL;
}

bg_result bg_db_exec (bg_db *self, const char *sql, bg_error *err)
{
    int rc = sqlite3_exec (self->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? bg_ok () : store_failure (self, rc, err);
}

bg_result bg_db_begin (bg_db *self, bg_error *err)
{
    bg_assert (!bg_db_in_transaction (self));
    self->changes_before = sqlite3_total_changes64 (self->handle);
    return bg_stmt_run (bg_db_query (self, "BEGIN IMMEDIATE"), err);
}

bg_result bg_db_commit (bg_db *self, bg_error *err)
{
    /*  A statement before it may have failed hard enough that SQLite rolled back by itself.  */
    if (!bg_db_in_transaction (self))
        return bg_fail (err, BG_STORE, "%s %s: the transaction was rolled back before its commit",
            self->what, self->path);
    bg_result result = bg_stmt_run (bg_db_query (self, "COMMIT"), err);
    if (bg_failed (result))
        bg_db_rollback (self);
    return result;
}

void bg_db_rollback (bg_db *self)
{
    /*  Rows still being looked at would keep the transaction's read half open.  */
    for (size_t i = 0; i < CACHE_SLOTS; i++)
        bg_stmt_reset (&self->cache[i]);
    if (bg_db_in_transaction (self))
        bg_ignore (
            bg_db_exec (self, "ROLLBACK", NULL)); /*  what fails here is undone at the next open  */
}

bool bg_db_in_transaction (const bg_db *self)
{
    return sqlite3_get_autocommit (self->handle) == 0;
}

bool bg_db_has_changes (const bg_db *self)
{
    return sqlite3_total_changes64 (self->handle) != self->changes_before;
}

int64_t bg_db_changes (const bg_db *self)
{
    return sqlite3_changes64 (self->handle);
}

int64_t bg_db_last_row (const bg_db *self)
{
    return sqlite3_last_insert_rowid (self->handle);
}

bg_result bg_db_checkpoint (bg_db *self, bg_error *err)
{
    int rc = sqlite3_wal_checkpoint_v2 (self->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return rc == SQLITE_OK ? bg_ok () : store_failure (self, rc, err);
}

static bg_result read_number (bg_db *self, const char *sql, int64_t *value, bg_error *err)
{
    sqlite3_stmt *statement = NULL;
    BG_TRY (prepare (self, sql, &statement, err));
    int rc = sqlite3_step (statement);
    bg_result result = bg_ok ();
    if (rc == SQLITE_ROW)
        *value = sqlite3_column_int64 (statement, 0);
    else if (rc == SQLITE_DONE)
        *value = 0;
    else
        result = store_failure (self, rc, err);
    (void) sqlite3_finalize (statement);
    return result;
}

static bg_result write_number (bg_db *self, const char *pragma, int64_t value, bg_error *err)
{
    char sql[128];
    (void) snprintf (sql, sizeof sql, "PRAGMA %s = %lld", pragma, (long long) value);
    return bg_db_exec (self, sql, err);
}

bg_result bg_db_check (bg_db *self, bg_error *err)
{
    sqlite3_stmt *statement = NULL;
    BG_TRY (prepare (self, "PRAGMA quick_check(1)", &statement, err));
    int rc = sqlite3_step (statement);
    bg_result result = bg_ok ();
    if (rc != SQLITE_ROW)
        result = store_failure (self, rc, err);
    else {
        const char *finding = (const char *) sqlite3_column_text (statement, 0);
        if (!finding || strcmp (finding, "ok") != 0) {
            bg_ignore (bg_fail (err, BG_FOREIGN_FILE, "%s %s is damaged: %s", self->what,
                self->path, finding ? finding : "no answer"));
            bg_ignore (bg_hint (err, "restore the file from a backup"));
            result.code = BG_FOREIGN_FILE;
        }
    }
    (void) sqlite3_finalize (statement);
    return result;
}

void bg_db_set_max_pages (bg_db *self, int64_t pages)
{
    int64_t limit = pages > 0 ? pages : 0xfffffffe; /*  SQLite's own default and maximum  */
    bg_assert (bg_is_ok (write_number (self, "max_page_count", limit, NULL)));
}

int64_t bg_db_pages (bg_db *self)
{
    int64_t pages = 0;
    bg_ignore (read_number (self, "PRAGMA page_count", &pages, NULL));
    return pages;
}

/*  ---- a copy ----  */

struct bg_db_copy {
    bg_db *source;
    sqlite3 *handle;
    sqlite3_backup *backup;
};

bg_result bg_db_copy_begin (bg_db *self, const char *path, bg_db_copy **copy_p, bg_error *err)
{
    BG_TRY (bg_file_create (path, bg_slice_of (NULL, 0), err));
    bg_db_copy *copy = bg_alloc (sizeof *copy);
    copy->source = self;
    int rc =
        sqlite3_open_v2 (path, &copy->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    /*  A copy that is not finished is thrown away: nothing of it has to survive a crash.  */
    if (rc == SQLITE_OK)
        rc = sqlite3_exec (
            copy->handle, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL);
    if (rc == SQLITE_OK) {
        copy->backup = sqlite3_backup_init (copy->handle, "main", self->handle, "main");
        rc = copy->backup ? SQLITE_OK : sqlite3_errcode (copy->handle);
    }
    if (rc == SQLITE_OK) {
        *copy_p = copy;
        return bg_ok ();
    }
    const code_row *row = find_row (rc & 0xff);
    bg_ignore (bg_fail (err, row ? row->code : BG_STORE, "cannot copy the %s to %s: %s", self->what,
        path, sqlite3_errstr (rc)));
    bg_db_copy_end (&copy);
    (void) unlink (path);
    return (bg_result){row ? row->code : BG_STORE};
}

bg_result bg_db_copy_step (bg_db_copy *self, int pages, bool *done, bg_error *err)
{
    int rc = sqlite3_backup_step (self->backup, pages);
    *done = rc == SQLITE_DONE;
    if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
        return bg_ok ();
    const code_row *row = find_row (rc & 0xff);
    /*  Whatever the copy's disk does, the store itself goes on.  */
    bg_code code = row && row->code == BG_STORAGE_FULL ? BG_STORAGE_FULL : BG_STORE;
    return bg_fail (
        err, code, "the copy of the %s failed: %s", self->source->what, sqlite3_errstr (rc));
}

unsigned bg_db_copy_percent (const bg_db_copy *self)
{
    const int all = sqlite3_backup_pagecount (self->backup);
    const int left = sqlite3_backup_remaining (self->backup);
    return all > 0 ? (unsigned) (100 * (int64_t) (all - left) / all) : 0;
}

void bg_db_copy_end (bg_db_copy **self_p)
{
    bg_db_copy *self = *self_p;
    if (!self)
        return;
    if (self->backup)
        (void) sqlite3_backup_finish (self->backup);
    if (self->handle)
        bg_assert (sqlite3_close (self->handle) == SQLITE_OK);
    free (self);
    *self_p = NULL;
}

/*  ---- opening ----  */

/*  In this order: the lock before the first read, so that nobody else can be half in.  */
static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE;"
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA cell_size_check = ON;"
                               "PRAGMA mmap_size = 0;"
                               "PRAGMA foreign_keys = ON;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA secure_delete = OFF;";

/*  SQLite would make the file with the umask's mode; made here it is private from the first byte
   on. WAL files take over the mode of the main file.  */
static bg_result make_file (const char *path, bg_error *err)
{
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return bg_fail_errno (err, BG_STORE, "cannot open %s", path);
    bg_result result = bg_private_check_fd (fd, path, err);
    (void) close (fd);
    return result;
}

/*  Whose file is it? Looked at before anything is written.  */
static bg_result check_identity (bg_db *self, const bg_db_options *options, bg_error *err)
{
    int64_t id = 0, version = 0, objects = 0;
    BG_TRY (read_number (self, "PRAGMA application_id", &id, err));
    BG_TRY (read_number (self, "PRAGMA user_version", &version, err));
    BG_TRY (read_number (self, "SELECT count(*) FROM sqlite_master", &objects, err));
    bool is_fresh = id == 0 && version == 0 && objects == 0;
    if (is_fresh)
        return bg_ok ();
    if (id != options->application_id) {
        bg_ignore (bg_fail (
            err, BG_FOREIGN_FILE, "%s is a database, but not a %s", self->path, self->what));
        bg_ignore (bg_hint (err, "move it away or name another home"));
        return (bg_result){BG_FOREIGN_FILE};
    }
    if (version < 0 || version > (int64_t) options->migration_count) {
        bg_ignore (bg_fail (err, BG_TOO_NEW, "%s %s has format %lld, this version knows up to %zu",
            self->what, self->path, (long long) version, options->migration_count));
        bg_ignore (bg_hint (err, "use the version of Bugle that wrote it, or a newer one"));
        return (bg_result){BG_TOO_NEW};
    }
    return bg_ok ();
}

static bg_result migrate_one (
    bg_db *self, const bg_db_options *options, size_t number, bg_error *err)
{
    BG_TRY (bg_db_begin (self, err));
    bg_result result = bg_db_exec (self, options->migrations[number - 1], err);
    if (bg_is_ok (result))
        result = write_number (self, "application_id", options->application_id, err);
    if (bg_is_ok (result))
        result = write_number (self, "user_version", (int64_t) number, err);
    if (bg_is_ok (result))
        return bg_db_commit (self, err);
    bg_db_rollback (self);
    bg_ignore (bg_prefix (err, "bringing it to format %zu", number));
    return result;
}

/*  Finds out whether another process has it, and takes it: with locking EXCLUSIVE the lock of the
 * first write stays.  */
static bg_result take_lock (bg_db *self, bg_error *err)
{
    BG_TRY (bg_db_begin (self, err));
    return bg_db_commit (self, err);
}

static bg_result set_up (bg_db *self, const bg_db_options *options, bg_error *err)
{
    (void) sqlite3_busy_timeout (self->handle, 0);
    (void) sqlite3_extended_result_codes (self->handle, 1);
    (void) sqlite3_db_config (self->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void) sqlite3_db_config (self->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    (void) sqlite3_db_config (self->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    BG_TRY (bg_db_exec (self, settings, err));
    if (options->page_bytes > 0) /*  a store that has pages keeps their size  */
        BG_TRY (write_number (self, "page_size", options->page_bytes, err));
    if (options->cache_kib > 0)
        BG_TRY (write_number (self, "cache_size", -(int64_t) options->cache_kib, err));
    if (options->wal_pages > 0)
        BG_TRY (write_number (self, "wal_autocheckpoint", options->wal_pages, err));
    BG_TRY (check_identity (self, options, err));
    BG_TRY (bg_db_exec (self, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", err));
    BG_TRY (take_lock (self, err));
    int64_t version = 0;
    BG_TRY (read_number (self, "PRAGMA user_version", &version, err));
    for (size_t number = (size_t) version + 1; number <= options->migration_count; number++)
        BG_TRY (migrate_one (self, options, number, err));
    return bg_ok ();
}

bg_result bg_db_open (const bg_db_options *options, bg_db **db, bg_error *err)
{
    bg_assert (options->application_id != 0);
    bool is_memory = strcmp (options->path, ":memory:") == 0;
    if (!is_memory)
        BG_TRY (make_file (options->path, err));
    bg_db *self = bg_alloc (sizeof *self);
    self->what = bg_strdup (options->what);
    self->path = bg_strdup (options->path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                (is_memory ? 0 : SQLITE_OPEN_NOFOLLOW);
    int rc = sqlite3_open_v2 (options->path, &self->handle, flags, NULL);
    if (!self->handle) {
        bg_db_close (&self);
        return bg_fail (err, BG_NO_MEMORY, "cannot open %s", options->path);
    }
    bg_result result =
        rc == SQLITE_OK ? set_up (self, options, err) : store_failure (self, rc, err);
    if (bg_failed (result)) {
        bg_db_close (&self);
        return result;
    }
    *db = self;
    return bg_ok ();
}

void bg_db_trim (bg_db *self)
{
    for (size_t i = 0; i < CACHE_SLOTS; i++) {
        bg_stmt *item = &self->cache[i];
        if (!item->statement || sqlite3_stmt_busy (item->statement))
            continue;
        (void) sqlite3_finalize (item->statement);
        item->statement = NULL;
    }
    (void) sqlite3_db_release_memory (self->handle);
}

void bg_db_close (bg_db **self_p)
{
    bg_db *self = *self_p;
    if (!self)
        return;
    if (self->handle)
        bg_db_rollback (self);
    for (size_t i = 0; i < CACHE_SLOTS; i++)
        (void) sqlite3_finalize (self->cache[i].statement);
    /*  Closing the last connection checkpoints and removes the WAL.  */
    if (self->handle)
        bg_assert (sqlite3_close (self->handle) == SQLITE_OK);
    free (self->what);
    free (self->path);
    free (self);
    *self_p = NULL;
}
