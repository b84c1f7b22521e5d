/*  See store.h.  */
#include "tests/load/swarm/store.h"

#include "node/store/memory.h"
#include "node/store/store.h"

bg_result swarm_store_open (const char *path, swarm_store *store, bg_error *err)
{
    *store = (swarm_store){0};
    if (path) {
        BG_TRY (node_db_open (path, &store->db, err));
        store->port = node_db_port (store->db);
    } else {
        store->memory = node_memory_new ();
        store->port = node_memory_port (store->memory);
    }
    return bg_ok ();
}

void swarm_store_close (swarm_store *self)
{
    if (self->memory)
        node_memory_destroy (&self->memory);
    if (self->db) {
        node_db_rollback (self->db);
        node_db_close (&self->db);
    }
    *self = (swarm_store){0};
}

bg_result swarm_store_begin (swarm_store *self, bg_error *err)
{
    if (self->db)
        return node_db_begin (self->db, err);
    node_memory_begin (self->memory);
    return bg_ok ();
}

bg_result swarm_store_commit (swarm_store *self, bg_error *err)
{
    if (self->db)
        return node_db_commit (self->db, err);
    node_memory_commit (self->memory);
    return bg_ok ();
}
