/*  The node's store in memory: the same port and the same contract as node/store/store.h, without a file.

    For many nodes in one process (bugle-swarm, the simulator): a transaction costs a few allocations and no SQL. It ends
    with its owner, not with the core that uses it: a core that is made anew from the same store finds what was committed.
    One thread. Writing outside of a transaction is a bug of the caller.

    Errors: BG_STORAGE_FULL once node_memory_set_max_bytes bounds it, BG_STORE when a sequence of the outbox is used twice.
*/
#ifndef BUGLE_NODE_STORE_MEMORY_H
#define BUGLE_NODE_STORE_MEMORY_H

#include "node/core/store_port.h"

typedef struct node_memory node_memory;

node_memory *node_memory_new (void) __attribute__ ((returns_nonnull));
/*  Whatever a transaction left open goes with it. Takes NULL.  */
void node_memory_destroy (node_memory **self_p);
/*  The port; borrowed, valid until destroy.  */
const node_store *node_memory_port (node_memory *self);

void node_memory_begin (node_memory *self);
void node_memory_commit (node_memory *self);
/*  Everything as it was at begin; nothing when no transaction is open.  */
void node_memory_rollback (node_memory *self);
/*  Whether any row was changed since begin.  */
bool node_memory_has_changes (const node_memory *self);

/*  Bytes of all rows, keys and what finds them aside.  */
size_t node_memory_bytes (const node_memory *self);
/*  A full disk: what would take more bytes than this is refused; 0 lifts the limit.  */
void node_memory_set_max_bytes (node_memory *self, size_t bytes);

#endif
