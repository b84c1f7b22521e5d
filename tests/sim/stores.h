/*  The stores of a world: in memory, which is fast, or the SQLite stores of production, which have rules of their own that
    a core must live with. The simulator runs both; a quiet world takes the same course on either.  */
#ifndef BUGLE_SIM_STORES_H
#define BUGLE_SIM_STORES_H

#include "broker/core/store_port.h"
#include "node/core/store_port.h"

struct node_db;
struct node_memory;
struct broker_db;
struct broker_memory;

typedef struct {
    struct node_db *db; /*  one of the two  */
    struct node_memory *memory;
} sim_node_store;

void sim_node_store_open (sim_node_store *self, bool is_sqlite);
void sim_node_store_close (sim_node_store *self);
const node_store *sim_node_store_port (sim_node_store *self);
bg_result sim_node_store_begin (sim_node_store *self, bg_error *err) BG_CHECKED;
bg_result sim_node_store_commit (sim_node_store *self, bg_error *err) BG_CHECKED;
void sim_node_store_rollback (sim_node_store *self);
/*  No room for more than there is now, or as much as anybody wants.  */
void sim_node_store_set_full (sim_node_store *self, bool full);

typedef struct {
    struct broker_db *db; /*  one of the two  */
    struct broker_memory *memory;
    struct broker_memory *backup;
    char backup_dir[64]; /*  with the copy of the SQLite store; empty: none  */
} sim_broker_store;

void sim_broker_store_open (sim_broker_store *self, bool is_sqlite);
void sim_broker_store_close (sim_broker_store *self);
const broker_store *sim_broker_store_port (sim_broker_store *self);
bg_result sim_broker_store_begin (sim_broker_store *self, bg_error *err) BG_CHECKED;
bg_result sim_broker_store_commit (sim_broker_store *self, bg_error *err) BG_CHECKED;
void sim_broker_store_rollback (sim_broker_store *self);
void sim_broker_store_set_full (sim_broker_store *self, bool full);
/*  A copy of what is committed, outside of transactions; once a world.  */
bg_result sim_broker_store_back_up (sim_broker_store *self, bg_error *err) BG_CHECKED;
bool sim_broker_store_has_backup (const sim_broker_store *self);
/*  The copy takes the place of what is there; the port is another one then.  */
bg_result sim_broker_store_restore (sim_broker_store *self, bg_error *err) BG_CHECKED;

#endif
