/*  The tables of the store in memory, and the undo list of its transaction.

    A table is an array of rows in the order of their keys (bytes, compared as memcmp does, shorter first). A row is one
    allocation that never changes: the structure of the port, then the bytes that its slices point to, then its key. To
    change a row is to put another one in its place; the old one is kept until the transaction ends.
*/
#ifndef BUGLE_NODE_STORE_MEMORY_TABLE_H
#define BUGLE_NODE_STORE_MEMORY_TABLE_H

#include "node/store/memory.h"

#define MEMORY_SLICES_MAX 4

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

typedef struct {
    size_t size; /*  of the structure  */
    size_t slice_count;
    size_t slices[MEMORY_SLICES_MAX]; /*  offsets  */
    size_t weigh;                     /*  offset of the slice whose bytes the table adds up  */
    bool weighs;
} memory_shape;

typedef struct {
    bg_slice key;
    size_t bytes; /*  of the whole allocation  */
} memory_row;

typedef struct {
    memory_row **rows; /*  ascending keys  */
    size_t count;
    size_t capacity;
    uint64_t weight;
} memory_table;

typedef struct {
    memory_table_name table;
    memory_row *before; /*  NULL: it was not there  */
    memory_row *after;  /*  NULL: it was removed  */
} memory_change;

struct node_memory {
    node_store port;
    memory_table tables[MEMORY_TABLES];
    memory_change *changes; /*  of the open transaction, in order  */
    size_t change_count;
    size_t change_capacity;
    bool in_transaction;
    size_t bytes;
    size_t max_bytes; /*  0: no limit  */
};

/*  A key of a number, so that the order of bytes is that of numbers.  */
typedef struct {
    uint8_t bytes[8];
} memory_number_key;

static inline memory_number_key memory_key_of (uint64_t number)
{
    memory_number_key key;
    bg_write_u64 (key.bytes, number);
    return key;
}

static inline bg_slice memory_key_slice (const memory_number_key *key)
{
    return bg_slice_of (key->bytes, sizeof key->bytes);
}

static inline bg_slice memory_id_key (const bg_id *id)
{
    return bg_slice_of (id->bytes, sizeof id->bytes);
}

/*  The structure of a row.  */
static inline const void *memory_body (const memory_row *row)
{
    return row + 1;
}

/*  NULL when there is none. Valid until the row is changed.  */
const void *memory_find (const node_memory *self, memory_table_name table, bg_slice key);
/*  Index of the first row whose key is not below the given one.  */
size_t memory_lower_bound (const memory_table *table, bg_slice key);
/*  Inserts or replaces; the structure's slices and the key are copied.  */
bg_result memory_put (node_memory *self, memory_table_name table, bg_slice key, const void *body,
    bg_error *err) BG_CHECKED;
/*  Whether it was there.  */
bool memory_remove (node_memory *self, memory_table_name table, bg_slice key);
void memory_remove_first (node_memory *self, memory_table_name table, size_t count);
/*  Removes each row of which the function says so.  */
void memory_remove_if (node_memory *self, memory_table_name table,
    bool (*is_meant) (const node_memory *self, const void *body));

/*  Each fills the part of the port that its file implements.  */
void memory_identity_port (node_store *port);
void memory_work_port (node_store *port);
void memory_reports_port (node_store *port);

#endif
