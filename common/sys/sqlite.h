/*  SQLite as a store: settings, migrations, statements and errors in one place (design.md section
   12).

    One connection, one thread, WAL, synchronous FULL, exclusive lock: a second process gets
   BG_BUSY. Statements are cached by the address of their SQL text, which therefore must be a string
   constant. Tables should be STRICT; foreign keys are
    enforced.

    Codes: BG_STORAGE_FULL (no space: roll back, serve reads, try later), BG_STORE_IO (the disk
   failed: end the process, restart recovers), BG_FOREIGN_FILE (not ours, or damaged), BG_TOO_NEW
   (made by a later version), BG_BUSY, BG_EXISTS (a UNIQUE or PRIMARY KEY constraint), BG_STORE (all
   else). Wrong SQL and wrong bind positions are bugs and assert.

        bg_stmt *q = bg_db_query (db, "SELECT name FROM target WHERE number = ?1");
        bg_bind_i64 (q, 1, number);
        bool row;
        BG_TRY (bg_stmt_step (q, &row, err));
        if (row) use (bg_column_text (q, 0));
        bg_stmt_reset (q);
*/
#ifndef BUGLE_SYS_SQLITE_H
#define BUGLE_SYS_SQLITE_H

#include "common/base/id.h"

typedef struct bg_db bg_db;
typedef struct bg_stmt bg_stmt;

typedef struct {
    const char *path;              /*  ":memory:" works; the file is made 0600  */
    const char *what;              /*  for sentences: "broker store"  */
    int32_t application_id;        /*  not 0  */
    const char *const *migrations; /*  SQL texts; number N brings user_version from N-1 to N; never
                                      changed once released  */
    size_t migration_count;
    uint32_t page_bytes; /*  of a store that is made now, a power of two; 0: SQLite's own 4,096  */
    uint32_t cache_kib;  /*  page cache at most; 0: SQLite's own 2 MiB  */
    uint32_t wal_pages;  /*  after which the log goes into the file; 0: SQLite's own 1,000  */
} bg_db_options;

/*  Opens or makes the store and brings it up to the last migration, each in a transaction of its
   own. A file with another application_id, or content without one, is refused untouched.  */
bg_result bg_db_open (const bg_db_options *options, bg_db **db, bg_error *err) BG_CHECKED;
/*  Rolls back what is open, finalizes statements, checkpoints.  */
void bg_db_close (bg_db **self_p);

/*  Gives back memory that is not needed now: statements, which are prepared again when they are asked for, and pages.
    Outside of transactions.  */
void bg_db_trim (bg_db *self);

/*  Transactions do not nest. begin takes the write lock (IMMEDIATE). A failed commit has been
 * rolled back.  */
bg_result bg_db_begin (bg_db *self, bg_error *err) BG_CHECKED;
bg_result bg_db_commit (bg_db *self, bg_error *err) BG_CHECKED;
/*  Harmless when none is open. Cannot fail: what is not committed is gone either way.  */
void bg_db_rollback (bg_db *self);
bool bg_db_in_transaction (const bg_db *self);
/*  Whether any row was changed since begin.  */
bool bg_db_has_changes (const bg_db *self);
/*  Runs SQL text without results, several statements allowed.  */
bg_result bg_db_exec (bg_db *self, const char *sql, bg_error *err) BG_CHECKED;
/*  Rows changed by the last statement; row key of the last insert.  */
int64_t bg_db_changes (const bg_db *self);
int64_t bg_db_last_row (const bg_db *self);
/*  Moves the WAL into the file.  */
bg_result bg_db_checkpoint (bg_db *self, bg_error *err) BG_CHECKED;
/*  A copy of the whole store into a new file, while this connection goes on writing between the steps: what it writes
   reaches the copy as well, so that the finished copy is the store as it is at that moment.

        bg_db_copy *copy;
        BG_TRY (bg_db_copy_begin (db, path, &copy, err));
        for (bool done = false; !done; )
            BG_TRY (bg_db_copy_step (copy, 64, &done, err));
        bg_db_copy_end (&copy);

   begin makes the file 0600 (BG_EXISTS). step is called outside of transactions and copies at most so many
   pages; the copy is not synced. end is called in any case, before the store is closed.  */
typedef struct bg_db_copy bg_db_copy;
bg_result bg_db_copy_begin (
    bg_db *self, const char *path, bg_db_copy **copy, bg_error *err) BG_CHECKED;
bg_result bg_db_copy_step (bg_db_copy *self, int pages, bool *done, bg_error *err) BG_CHECKED;
unsigned bg_db_copy_percent (const bg_db_copy *self);
void bg_db_copy_end (bg_db_copy **self_p);
/*  PRAGMA quick_check; BG_FOREIGN_FILE with the first finding.  */
bg_result bg_db_check (bg_db *self, bg_error *err) BG_CHECKED;
/*  The file may have that many pages (tests make a full disk with it); 0 lifts the limit. Pages in
 * use now:  */
void bg_db_set_max_pages (bg_db *self, int64_t pages);
int64_t bg_db_pages (bg_db *self);

/*  The statement of a constant SQL text, reset and with all parameters NULL. Borrowed from the
   cache. A text that is in the middle of its rows must not be asked for again.  */
bg_stmt *bg_db_query (bg_db *self, const char *sql) __attribute__ ((returns_nonnull));
/*  Positions count from 1 (?1). Bytes are borrowed until the statement is reset.  */
void bg_bind_i64 (bg_stmt *self, int position, int64_t value);
void bg_bind_blob (bg_stmt *self, int position, bg_slice value);
void bg_bind_text (bg_stmt *self, int position, bg_slice value);
void bg_bind_str (bg_stmt *self, int position, const char *value); /*  NULL binds NULL  */
void bg_bind_null (bg_stmt *self, int position);
void bg_bind_id (bg_stmt *self, int position, const bg_id *id);
void bg_bind_id_or_null (bg_stmt *self, int position, const bg_id *id); /*  NULL for the zero id  */
void bg_bind_key (bg_stmt *self, int position, const bg_key *key);
void bg_bind_u64 (bg_stmt *self, int position, uint64_t value); /*  below 2^63  */
/*  *row is true when there is a row to look at; false at the end. When it fails or ends it is
 * reset.  */
bg_result bg_stmt_step (bg_stmt *self, bool *row, bg_error *err) BG_CHECKED;
/*  For loops over rows: true when there is one to look at. False at the end, and when *result has
   failed, be it the step or what the loop put there about the row before; it is reset then.

        bg_result result = bg_ok ();
        while (bg_stmt_each (q, &result, err))
            result = look_at (bg_column_i64 (q, 0), err);
        return result;
 */
bool bg_stmt_each (bg_stmt *self, bg_result *result, bg_error *err);
/*  Runs a statement to its end, rows are skipped, and resets it.  */
bg_result bg_stmt_run (bg_stmt *self, bg_error *err) BG_CHECKED;
/*  Ends it early; slices of its columns become invalid.  */
void bg_stmt_reset (bg_stmt *self);
/*  Columns count from 0. Slices are valid until the next step or reset; a NULL is 0 or the empty
 * slice.  */
int64_t bg_column_i64 (bg_stmt *self, int column);
bg_slice bg_column_blob (bg_stmt *self, int column);
bg_slice bg_column_text (bg_stmt *self, int column);
uint64_t bg_column_u64 (bg_stmt *self, int column);
/*  Bytes of a fixed size; a value of another size is all zero.  */
void bg_column_bytes (bg_stmt *self, int column, void *bytes, size_t size);
bg_id bg_column_id (bg_stmt *self, int column);
bg_key bg_column_key (bg_stmt *self, int column);
bool bg_column_is_null (bg_stmt *self, int column);

#endif
