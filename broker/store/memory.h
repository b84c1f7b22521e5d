/*  The broker's store in memory: the same port and the same contract as broker/store/store.h, without a file.

    For the simulator, where SQL would be most of what a step costs. It ends with its owner, not with the core that uses
    it: a core that is made anew from the same store finds what was committed. History is searched row by row, so it is
    for thousands of runs, not for millions. One thread. Writing outside of a transaction is a bug of the caller.

    Errors: BG_STORAGE_FULL once broker_memory_set_max_bytes bounds it, BG_EXISTS for a second row of the same key where
    the port inserts.
*/
#ifndef BUGLE_BROKER_STORE_MEMORY_H
#define BUGLE_BROKER_STORE_MEMORY_H

#include "broker/core/store_port.h"

typedef struct broker_memory broker_memory;

broker_memory *broker_memory_new (void) __attribute__ ((returns_nonnull));
/*  What is committed, in a store of its own: a backup. Not while a transaction is open.  */
broker_memory *broker_memory_copy (const broker_memory *self) __attribute__ ((returns_nonnull));
/*  Whatever a transaction left open goes with it. Takes NULL.  */
void broker_memory_destroy (broker_memory **self_p);
/*  The port; borrowed, valid until destroy.  */
const broker_store *broker_memory_port (broker_memory *self);

void broker_memory_begin (broker_memory *self);
void broker_memory_commit (broker_memory *self);
/*  Everything as it was at begin; nothing when no transaction is open.  */
void broker_memory_rollback (broker_memory *self);

/*  Bytes of all rows, what finds them aside.  */
size_t broker_memory_bytes (const broker_memory *self);
/*  A full disk: what would take more bytes than this is refused; 0 lifts the limit.  */
void broker_memory_set_max_bytes (broker_memory *self, size_t bytes);

#endif
