/*  Sorted array of items by id: see table.h.  */
#include "node/exec/table.h"

#include <stdlib.h>

void exec_table_fini (exec_table *self)
{
    free (self->items);
    self->items = NULL;
    self->count = 0;
    self->capacity = 0;
}

void *exec_table_at (const exec_table *self, size_t index)
{
    bg_assert (index < self->count);
    return self->items + index * self->item_size;
}

static bg_id id_at (const exec_table *self, size_t index)
{
    bg_id id;
    memcpy (id.bytes, self->items + index * self->item_size, sizeof id.bytes);
    return id;
}

/*  The first index whose id is not below (or, with above, above) the id.  */
static size_t lower_bound (const exec_table *self, bg_id id, bool above)
{
    size_t low = 0;
    size_t high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = bg_id_compare (id_at (self, middle), id);
        if (order < 0 || (above && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void *exec_table_find (const exec_table *self, bg_id id)
{
    size_t index = lower_bound (self, id, false);
    if (index == self->count || !bg_id_equal (id_at (self, index), id))
        return NULL;
    return exec_table_at (self, index);
}

size_t exec_table_after (const exec_table *self, bg_id id)
{
    return lower_bound (self, id, true);
}

void *exec_table_put (exec_table *self, bg_id id)
{
    bg_assert (self->item_size >= sizeof (bg_id));
    size_t index = lower_bound (self, id, false);
    if (index < self->count && bg_id_equal (id_at (self, index), id))
        return exec_table_at (self, index);
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 8;
        self->items = bg_realloc (self->items, self->capacity * self->item_size);
    }
    uint8_t *at = self->items + index * self->item_size;
    memmove (at + self->item_size, at, (self->count - index) * self->item_size);
    memset (at, 0, self->item_size);
    memcpy (at, id.bytes, sizeof id.bytes);
    self->count++;
    return at;
}

void exec_table_drop (exec_table *self, bg_id id)
{
    size_t index = lower_bound (self, id, false);
    if (index == self->count || !bg_id_equal (id_at (self, index), id))
        return;
    uint8_t *at = self->items + index * self->item_size;
    memmove (at, at + self->item_size, (self->count - index - 1) * self->item_size);
    self->count--;
}
