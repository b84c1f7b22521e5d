/*  A table of heap objects ordered by an id, for a few thousand of them. Each object begins with its bg_id.  */
#ifndef BUGLE_NODE_CORE_TABLE_H
#define BUGLE_NODE_CORE_TABLE_H

#include "common/base/id.h"

typedef struct {
    void **items; /*  ascending ids  */
    size_t count;
    size_t capacity;
} node_table;

/*  NULL when there is none.  */
void *node_table_find (const node_table *self, bg_id id);
/*  The table owns the object from now on; its id must not be there yet.  */
void node_table_insert (node_table *self, void *object);
/*  Takes the object out; the caller owns it. NULL when there is none.  */
void *node_table_take (node_table *self, bg_id id);
/*  Releases every object with its function, and the table itself.  */
void node_table_fini (node_table *self, void (*release) (void *object));

#endif
