/*  Sorted array of pointers. Ids are mostly made from times, so inserting is mostly appending.  */
#include "node/core/table.h"

#include <stdlib.h>

/*  Index of the first object whose id is not below the given one.  */
static size_t lower_bound (const node_table *self, bg_id id)
{
    size_t low = 0;
    size_t high = self->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (bg_id_compare (*(const bg_id *) self->items[middle], id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at (const node_table *self, size_t index, bg_id id)
{
    return index < self->count && bg_id_equal (*(const bg_id *) self->items[index], id);
}

void *node_table_find (const node_table *self, bg_id id)
{
    const size_t index = lower_bound (self, id);
    return is_at (self, index, id) ? self->items[index] : NULL;
}

void node_table_insert (node_table *self, void *object)
{
    const bg_id id = *(const bg_id *) object;
    const size_t index = lower_bound (self, id);
    bg_assert (!is_at (self, index, id));
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 16;
        self->items = bg_realloc (self->items, self->capacity * sizeof *self->items);
    }
    memmove (
        self->items + index + 1, self->items + index, (self->count - index) * sizeof *self->items);
    self->items[index] = object;
    self->count++;
}

void *node_table_take (node_table *self, bg_id id)
{
    const size_t index = lower_bound (self, id);
    if (!is_at (self, index, id))
        return NULL;
    void *object = self->items[index];
    self->count--;
    memmove (
        self->items + index, self->items + index + 1, (self->count - index) * sizeof *self->items);
    return object;
}

void node_table_fini (node_table *self, void (*release) (void *object))
{
    for (size_t i = 0; i < self->count; i++)
        release (self->items[i]);
    free (self->items);
    *self = (node_table){0};
}
