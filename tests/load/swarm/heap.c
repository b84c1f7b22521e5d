/*  See heap.h.  */
#include "tests/load/swarm/heap.h"

#include <stdlib.h>

static void put (swarm_heap *self, size_t at, swarm_target *target)
{
    self->items[at] = target;
    target->heap_index = at;
}

void swarm_heap_init (swarm_heap *self, swarm_target *targets, size_t count)
{
    self->items = bg_alloc ((count + 1) * sizeof *self->items);
    self->count = count;
    for (size_t i = 0; i < count; i++) {
        targets[i].due_us = SWARM_NEVER;
        put (self, i, &targets[i]);
    }
}

void swarm_heap_fini (swarm_heap *self)
{
    free (self->items);
    *self = (swarm_heap){0};
}

void swarm_heap_set (swarm_heap *self, swarm_target *target, int64_t due_us)
{
    size_t at = target->heap_index;
    target->due_us = due_us;
    for (; at > 0 && self->items[(at - 1) / 2]->due_us > due_us; at = (at - 1) / 2)
        put (self, at, self->items[(at - 1) / 2]);
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < self->count && self->items[child + 1]->due_us < self->items[child]->due_us)
            child++;
        if (child >= self->count || self->items[child]->due_us >= due_us)
            break;
        put (self, at, self->items[child]);
        at = child;
    }
    put (self, at, target);
}
