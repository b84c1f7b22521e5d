/*  The broker's store on SQLite: one file, one connection, one thread (design.md section 12).

    It fills in the store port of broker/core/store_port.h. The shell owns the transaction and calls begin, commit and
    rollback here; the core only sees the port. ":memory:" gives a store that ends with the process, for tests and the
    simulator.

    Errors are those of common/sys/sqlite.h: BG_STORAGE_FULL, BG_STORE_IO, BG_FOREIGN_FILE, BG_TOO_NEW, BG_BUSY, BG_STORE.
*/
#ifndef BUGLE_BROKER_STORE_STORE_H
#define BUGLE_BROKER_STORE_STORE_H

#include "broker/core/store_port.h"

typedef struct broker_db broker_db;

/*  Opens or makes the store at path and brings its schema up to date.  */
bg_result broker_db_open (const char *path, broker_db **db, bg_error *err) BG_CHECKED;
/*  Rolls back what is open.  */
void broker_db_close (broker_db **self_p);
/*  The port; borrowed, valid until close.  */
const broker_store *broker_db_port (broker_db *self);

bg_result broker_db_begin (broker_db *self, bg_error *err) BG_CHECKED;
/*  A failed commit has been rolled back.  */
bg_result broker_db_commit (broker_db *self, bg_error *err) BG_CHECKED;
void broker_db_rollback (broker_db *self);

/*  The schema that this version writes.  */
int64_t broker_db_schema (void);
/*  A copy of the store, step by step beside the core's work: bg_db_copy_begin of common/sys/sqlite.h.  */
struct bg_db_copy;
bg_result broker_db_copy (
    broker_db *self, const char *path, struct bg_db_copy **copy, bg_error *err) BG_CHECKED;
/*  Whole-file check, for start: BG_FOREIGN_FILE with the first finding.  */
bg_result broker_db_check (broker_db *self, bg_error *err) BG_CHECKED;
/*  Tests make a full disk with it: the file may have no more pages than this; 0 lifts the limit.  */
void broker_db_set_max_pages (broker_db *self, int64_t pages);
int64_t broker_db_pages (broker_db *self);

#endif
