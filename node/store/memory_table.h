/*  The tables of the store in memory, over common/base/rows.h.  */
#ifndef BUGLE_NODE_STORE_MEMORY_TABLE_H
#define BUGLE_NODE_STORE_MEMORY_TABLE_H

#include "common/base/rows.h"
#include "node/store/memory.h"

/*  One for each table; memory_shapes says what its rows are.  */
typedef enum {
    MEMORY_IDENTITY,
    MEMORY_NUMBER,
    MEMORY_BLOB,
    MEMORY_AUTHORITY,
    MEMORY_DOCUMENT,
    MEMORY_DEED,
    MEMORY_MARK,
    MEMORY_OCCURRENCE,
    MEMORY_SPENT,
    MEMORY_OUTBOX,
    MEMORY_REFUSED,
    MEMORY_HISTORY,
    MEMORY_HISTORY_ORDER, /*  row number -> run  */
    MEMORY_HISTORY_LIMIT,
    MEMORY_TABLES
} memory_table_name;

/*  Rows of tables that the port has no structure for.  */
typedef struct {
    uint64_t value;
} memory_number;

typedef struct {
    bg_slice value;
} memory_blob;

typedef struct {
    uint64_t version;
    bg_slice signed_item;
} memory_authority;

typedef struct {
    bg_id job_key;
    uint64_t version;
} memory_spent;

typedef struct {
    bg_id run;
} memory_order;

extern const bg_row_shape memory_shapes[MEMORY_TABLES];

struct node_memory {
    node_store port;
    bg_rows rows;
};

/*  bg_rows of a node_memory by the names of its tables.  */
static inline const bg_table *memory_table_of (const node_memory *self, memory_table_name table)
{
    return &self->rows.tables[table];
}

static inline const void *memory_find (
    const node_memory *self, memory_table_name table, bg_slice key)
{
    return bg_rows_find (&self->rows, table, key);
}

static inline bg_result memory_put (
    node_memory *self, memory_table_name table, bg_slice key, const void *body, bg_error *err)
{
    return bg_rows_put (&self->rows, table, key, body, err);
}

static inline bool memory_remove (node_memory *self, memory_table_name table, bg_slice key)
{
    return bg_rows_remove (&self->rows, table, key);
}

/*  Each fills the part of the port that its file implements.  */
void memory_identity_port (node_store *port);
void memory_work_port (node_store *port);
void memory_reports_port (node_store *port);

#endif
