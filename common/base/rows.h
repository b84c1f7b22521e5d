/*  Tables of rows in memory with an undo list: what the stores in memory are made of.

    A table is an array of rows in the order of their keys (bytes, compared as memcmp does, shorter first). A row is one
    allocation that never changes: a structure of the owner, then the bytes that its slices point to, then its key. To
    change a row is to put another one in its place; the old one is kept until the transaction ends. Shapes say what the
    rows of each table are; tables are named by their index.

    One transaction at a time; writing outside of it is a bug of the caller. Nothing here is safe for threads.
*/
#ifndef BUGLE_BASE_ROWS_H
#define BUGLE_BASE_ROWS_H

#include "common/base/id.h"

#define BG_ROW_SLICES_MAX 6

typedef struct {
    size_t size; /*  of the structure  */
    size_t slice_count;
    size_t slices[BG_ROW_SLICES_MAX]; /*  offsets of bg_slice members  */
    size_t weigh;                     /*  offset of the slice whose bytes the table adds up  */
    bool weighs;
} bg_row_shape;

typedef struct {
    bg_slice key;
    size_t bytes; /*  of the whole allocation  */
} bg_row;

typedef struct {
    bg_row **rows; /*  ascending keys  */
    size_t count;
    size_t capacity;
    uint64_t weight;
} bg_table;

typedef struct bg_row_change bg_row_change;

typedef struct {
    const bg_row_shape *shapes; /*  one a table; borrowed  */
    const char *name;           /*  of the store, for sentences  */
    bg_table *tables;
    size_t table_count;
    bg_row_change *changes; /*  of the open transaction, in order  */
    size_t change_count;
    size_t change_capacity;
    bool in_transaction;
    size_t bytes;     /*  of all rows, what finds them aside  */
    size_t max_bytes; /*  what would take more is refused; 0: no limit  */
} bg_rows;

/*  shapes and name stay the caller's and must outlive self.  */
void bg_rows_init (bg_rows *self, const char *name, const bg_row_shape *shapes, size_t table_count);
/*  Whatever a transaction left open goes with it.  */
void bg_rows_fini (bg_rows *self);

void bg_rows_begin (bg_rows *self);
void bg_rows_commit (bg_rows *self);
/*  Everything as it was at begin; nothing when no transaction is open.  */
void bg_rows_rollback (bg_rows *self);
/*  The same rows in tables of their own: a backup. to is initialised with the same shapes and empty.  */
void bg_rows_copy (const bg_rows *from, bg_rows *to);

/*  The structure of a row.  */
static inline const void *bg_row_body (const bg_row *row)
{
    return row + 1;
}

/*  NULL when there is none. Valid until the row is changed.  */
const void *bg_rows_find (const bg_rows *self, size_t table, bg_slice key);
/*  Index of the first row whose key is not below the given one.  */
size_t bg_table_lower_bound (const bg_table *table, bg_slice key);
/*  Inserts or replaces; the structure's slices and the key are copied. BG_STORAGE_FULL over max_bytes.  */
bg_result bg_rows_put (
    bg_rows *self, size_t table, bg_slice key, const void *body, bg_error *err) BG_CHECKED;
/*  Whether it was there.  */
bool bg_rows_remove (bg_rows *self, size_t table, bg_slice key);
void bg_rows_remove_first (bg_rows *self, size_t table, size_t count);
/*  Removes each row of which the function says so; ctx is handed through.  */
void bg_rows_remove_if (bg_rows *self, size_t table,
    bool (*is_meant) (const void *ctx, const void *body), const void *ctx);

/*  A key of a number, so that the order of bytes is that of numbers.  */
typedef struct {
    uint8_t bytes[8];
} bg_number_key;

static inline bg_number_key bg_number_key_of (uint64_t number)
{
    bg_number_key key;
    bg_write_u64 (key.bytes, number);
    return key;
}

static inline bg_slice bg_number_key_slice (const bg_number_key *key)
{
    return bg_slice_of (key->bytes, sizeof key->bytes);
}

static inline bg_slice bg_id_key (const bg_id *id)
{
    return bg_slice_of (id->bytes, sizeof id->bytes);
}

#endif
