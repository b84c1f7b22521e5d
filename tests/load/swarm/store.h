/*  A target's store: in memory, or the SQLite file that a node has. One port, one way to begin and commit.  */
#ifndef BUGLE_SWARM_STORE_H
#define BUGLE_SWARM_STORE_H

#include "node/core/store_port.h"

typedef struct {
    struct node_memory *memory; /*  either this  */
    struct node_db *db;         /*  or this  */
    const node_store *port;     /*  borrowed from it  */
} swarm_store;

/*  path NULL: in memory.  */
bg_result swarm_store_open (const char *path, swarm_store *store, bg_error *err) BG_CHECKED;
void swarm_store_close (swarm_store *self);
bg_result swarm_store_begin (swarm_store *self, bg_error *err) BG_CHECKED;
bg_result swarm_store_commit (swarm_store *self, bg_error *err) BG_CHECKED;

#endif
