/*  The entries of the schedule book by the time at which they are due: a binary heap, index from 1, so that the earliest
    is at hand however many there are. Not here: when that is (schedule_book.c).  */
#include "node/core/rooms.h"

static void place (node_core *self, size_t index, node_entry *entry)
{
    self->heap[index] = entry;
    entry->heap_index = index;
}

static void sift_up (node_core *self, size_t index)
{
    node_entry *entry = self->heap[index];
    while (index > 1 && self->heap[index / 2]->due_us > entry->due_us) {
        place (self, index, self->heap[index / 2]);
        index /= 2;
    }
    place (self, index, entry);
}

static void sift_down (node_core *self, size_t index)
{
    node_entry *entry = self->heap[index];
    for (;;) {
        size_t child = index * 2;
        if (child > self->heap_count)
            break;
        if (child < self->heap_count && self->heap[child + 1]->due_us < self->heap[child]->due_us)
            child++;
        if (self->heap[child]->due_us >= entry->due_us)
            break;
        place (self, index, self->heap[child]);
        index = child;
    }
    place (self, index, entry);
}

void node_heap_remove (node_core *self, node_entry *entry)
{
    const size_t index = entry->heap_index;
    if (!index)
        return;
    entry->heap_index = 0;
    node_entry *last = self->heap[self->heap_count--];
    if (last == entry)
        return;
    place (self, index, last);
    sift_up (self, index);
    sift_down (self, last->heap_index);
}

void node_heap_add (node_core *self, node_entry *entry)
{
    bg_assert (!entry->heap_index);
    if (self->heap_count + 1 >= self->heap_capacity) {
        self->heap_capacity = self->heap_capacity ? self->heap_capacity * 2 : 16;
        self->heap = bg_realloc (self->heap, self->heap_capacity * sizeof *self->heap);
    }
    place (self, ++self->heap_count, entry);
    sift_up (self, entry->heap_index);
}

const node_entry *node_heap_first (const node_core *self)
{
    return self->heap_count ? self->heap[1] : NULL;
}
