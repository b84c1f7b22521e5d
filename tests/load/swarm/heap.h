/*  Targets by their deadlines: a binary heap whose places are known to its targets.  */
#ifndef BUGLE_SWARM_HEAP_H
#define BUGLE_SWARM_HEAP_H

#include "tests/load/swarm/target.h"

typedef struct {
    swarm_target **items;
    size_t count;
} swarm_heap;

/*  All targets, none due.  */
void swarm_heap_init (swarm_heap *self, swarm_target *targets, size_t count);
void swarm_heap_fini (swarm_heap *self);
void swarm_heap_set (swarm_heap *self, swarm_target *target, int64_t due_us);

#endif
