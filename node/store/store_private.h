/*  What the files of node/store share: the connection, columns of our types, and one function per part of the port.  */
#ifndef BUGLE_NODE_STORE_PRIVATE_H
#define BUGLE_NODE_STORE_PRIVATE_H

#include "common/sys/sqlite.h"
#include "node/store/store.h"

struct node_db {
    bg_db *db;
    node_store port;
};

static inline bg_db *node_db_of (void *ctx)
{
    return ((node_db *) ctx)->db;
}

/*  Bytes of a fixed size; a value of another size is all zero.  */
static inline void node_column_bytes (bg_stmt *stmt, int column, void *bytes, size_t size)
{
    const bg_slice value = bg_column_blob (stmt, column);
    memset (bytes, 0, size);
    if (value.size == size)
        memcpy (bytes, value.data, size);
}

static inline bg_id node_column_id (bg_stmt *stmt, int column)
{
    bg_id id;
    node_column_bytes (stmt, column, id.bytes, sizeof id.bytes);
    return id;
}

static inline void node_bind_id (bg_stmt *stmt, int position, const bg_id *id)
{
    bg_bind_blob (stmt, position, bg_slice_of (id->bytes, sizeof id->bytes));
}

/*  Versions, sequences and counters are below 2^63.  */
static inline void node_bind_u64 (bg_stmt *stmt, int position, uint64_t value)
{
    bg_assert (value <= INT64_MAX);
    bg_bind_i64 (stmt, position, (int64_t) value);
}

static inline uint64_t node_column_u64 (bg_stmt *stmt, int column)
{
    return (uint64_t) bg_column_i64 (stmt, column);
}

/*  Each fills the part of the port that its file implements.  */
void node_identity_port (node_store *port);
void node_documents_port (node_store *port);
void node_work_port (node_store *port);
void node_reports_port (node_store *port);

#endif
