/*  The node's store on SQLite: one file, one connection, one thread (design.md section 12).

    It fills in the store port of node/core/store_port.h. The shell owns the transaction and calls begin, commit and
    rollback here; the core only sees the port. ":memory:" gives a store that ends with the process, for tests, the
    swarm and the simulator.

    Errors are those of common/sys/sqlite.h: BG_STORAGE_FULL, BG_STORE_IO, BG_FOREIGN_FILE, BG_TOO_NEW, BG_BUSY, BG_STORE.
*/
#ifndef BUGLE_NODE_STORE_STORE_H
#define BUGLE_NODE_STORE_STORE_H

#include "node/core/store_port.h"

typedef struct node_db node_db;

/*  Opens or makes the store at path and brings its schema up to date.  */
bg_result node_db_open (const char *path, node_db **db, bg_error *err) BG_CHECKED;
/*  Rolls back what is open. Takes NULL.  */
void node_db_close (node_db **self_p);
/*  The port; borrowed, valid until close.  */
const node_store *node_db_port (node_db *self);

bg_result node_db_begin (node_db *self, bg_error *err) BG_CHECKED;
/*  A failed commit has been rolled back.  */
bg_result node_db_commit (node_db *self, bg_error *err) BG_CHECKED;
void node_db_rollback (node_db *self);
/*  Gives back memory that only the start needed. Outside of transactions.  */
void node_db_trim (node_db *self);
/*  Whether any row was changed since begin.  */
bool node_db_has_changes (const node_db *self);

/*  Whole-file check, for start: BG_FOREIGN_FILE with the first finding.  */
bg_result node_db_check (node_db *self, bg_error *err) BG_CHECKED;
/*  Tests make a full disk with it: the file may have no more pages than this; 0 lifts the limit.  */
void node_db_set_max_pages (node_db *self, int64_t pages);
int64_t node_db_pages (node_db *self);

#endif
