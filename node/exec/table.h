/*  A table of items by id: a sorted array, since the tables of bugle-exec are read often, small
    and must be written out in order. Items are plain structs that begin with their bg_id.  */
#ifndef BUGLE_EXEC_TABLE_H
#define BUGLE_EXEC_TABLE_H

#include "common/base/id.h"

typedef struct {
    uint8_t *items;
    size_t count;
    size_t capacity;  /*  items  */
    size_t item_size; /*  bytes, set before the first use  */
} exec_table;

/*  Frees the array, not what items point to.  */
void exec_table_fini (exec_table *self);
/*  The item, or NULL. Valid until the next put or drop.  */
void *exec_table_find (const exec_table *self, bg_id id);
/*  The item, zeroed but for its id when it is new.  */
void *exec_table_put (exec_table *self, bg_id id) __attribute__ ((returns_nonnull));
/*  By index, from 0, in order of the ids.  */
void *exec_table_at (const exec_table *self, size_t index) __attribute__ ((returns_nonnull));
/*  The index of the first item with an id above this one; count when there is none.  */
size_t exec_table_after (const exec_table *self, bg_id id);
void exec_table_drop (exec_table *self, bg_id id);

#endif
