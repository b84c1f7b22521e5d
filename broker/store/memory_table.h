/*  The tables of the broker's store in memory, over common/base/rows.h.  */
#ifndef BUGLE_BROKER_STORE_MEMORY_TABLE_H
#define BUGLE_BROKER_STORE_MEMORY_TABLE_H

#include "broker/store/memory.h"
#include "common/base/rows.h"

/*  One for each table; memory_table.c says what its rows are. The keys stand beside them.  */
typedef enum {
    MEMORY_META,      /*  name  */
    MEMORY_DOCUMENT,  /*  document key, version  */
    MEMORY_HEAD,      /*  document key  */
    MEMORY_TARGET,    /*  number  */
    MEMORY_MARKS,     /*  number  */
    MEMORY_TOKEN,     /*  token key  */
    MEMORY_PENDING,   /*  target  */
    MEMORY_REQUEST,   /*  id  */
    MEMORY_EXECUTION, /*  id  */
    MEMORY_NOTE,      /*  object, number  */
    MEMORY_OPEN_RUN,  /*  run  */
    MEMORY_JOB,       /*  job key  */
    MEMORY_RUN,       /*  row; output is not in it  */
    MEMORY_OUTPUT,    /*  row  */
    MEMORY_PURGE,     /*  row  */
    MEMORY_CATEGORY,  /*  key  */
    MEMORY_TABLES
} memory_table_name;

/*  Rows of tables that the port has no structure for.  */
typedef struct {
    int64_t value;
} memory_meta;

typedef struct {
    uint64_t version;
    bg_slice deliveries;
} memory_head;

typedef struct {
    int64_t done_us;
    bg_slice answer;
} memory_request;

typedef struct {
    bg_slice name;
    int64_t keep_us;
    uint32_t keep_runs;
} memory_job;

typedef struct {
    int64_t stored_us;
    bg_slice bytes;
} memory_output;

typedef struct {
    bg_id job_key; /*  zero: of all  */
    int64_t before_us;
} memory_purge;

extern const bg_row_shape broker_memory_shapes[MEMORY_TABLES];

struct broker_memory {
    broker_store port;
    bg_rows rows;
};

/*  A key of an id or a document key with a number behind it.  */
typedef struct {
    uint8_t bytes[BG_ID_BYTES + 8];
} memory_pair_key;

static inline memory_pair_key memory_pair_of (bg_id id, uint64_t number)
{
    memory_pair_key key;
    memcpy (key.bytes, id.bytes, BG_ID_BYTES);
    bg_write_u64 (key.bytes + BG_ID_BYTES, number);
    return key;
}

static inline bg_slice memory_pair_slice (const memory_pair_key *key)
{
    return bg_slice_of (key->bytes, sizeof key->bytes);
}

static inline const bg_table *memory_table_of (const void *ctx, memory_table_name table)
{
    return &((const broker_memory *) ctx)->rows.tables[table];
}

static inline const void *memory_find (const void *ctx, memory_table_name table, bg_slice key)
{
    return bg_rows_find (&((const broker_memory *) ctx)->rows, table, key);
}

static inline bg_result memory_put (
    void *ctx, memory_table_name table, bg_slice key, const void *body, bg_error *err)
{
    return bg_rows_put (&((broker_memory *) ctx)->rows, table, key, body, err);
}

static inline bool memory_remove (void *ctx, memory_table_name table, bg_slice key)
{
    return bg_rows_remove (&((broker_memory *) ctx)->rows, table, key);
}

/*  BG_EXISTS when the key is there.  */
bg_result broker_memory_insert (
    void *ctx, memory_table_name table, bg_slice key, const void *body, bg_error *err) BG_CHECKED;
/*  Index of the first row behind key; of the first at all without one.  */
size_t broker_memory_behind (const bg_table *table, bg_slice key);
/*  The structure of row number index.  */
static inline const void *memory_row (const bg_table *table, size_t index)
{
    return bg_row_body (table->rows[index]);
}

/*  Each fills the part of the port that its file implements.  */
void broker_memory_documents_port (broker_store *port);
void broker_memory_targets_port (broker_store *port);
void broker_memory_executions_port (broker_store *port);
void broker_memory_history_port (broker_store *port);
void broker_memory_prune_port (broker_store *port);

#endif
