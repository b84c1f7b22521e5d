/*  The bare row: one table of outcomes with two indexes, as a scheduler without any other need would have it, in the
    store that all of ours use (WAL, synchronous FULL).

    Not here: anything the broker keeps beside its rows (open runs, bitmaps, marks of outboxes).

    Invariant: open_rows rows are in the transaction that is open, none when there is none.  */
#include "tests/load/bare/bare.h"

#include "common/sys/clock.h"
#include "common/sys/sqlite.h"

#include <stdlib.h>
#include <string.h>

struct bare_store {
    bg_db *db;
    uint32_t targets, jobs;
    uint64_t rows;
    uint32_t open_rows;
};

static const char *const migrations[] = {
    "CREATE TABLE result (row INTEGER PRIMARY KEY, job INTEGER NOT NULL, target INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL, started_us INTEGER NOT NULL, finished_us INTEGER NOT NULL,"
    " state INTEGER NOT NULL, code INTEGER NOT NULL, output BLOB NOT NULL) STRICT;"
    "CREATE INDEX result_by_job ON result (job, started_us);"
    "CREATE INDEX result_by_target ON result (job, target, started_us);",
};

bg_result bare_store_open (const bare_options *options, bare_store **store, bg_error *err)
{
    bare_store *self = bg_alloc (sizeof *self);
    *self = (bare_store){.targets = options->targets, .jobs = options->jobs};
    bg_db_options how = {.path = options->store,
        .what = "bare store",
        .application_id = 0x62617265,
        .migrations = migrations,
        .migration_count = 1,
        .cache_kib = 256 * 1024};
    bg_result result = bg_db_open (&how, &self->db, err);
    if (bg_failed (result)) {
        free (self);
        return result;
    }
    *store = self;
    return bg_ok ();
}

void bare_store_close (bare_store **self_p)
{
    bare_store *self = *self_p;
    if (!self)
        return;
    bg_db_close (&self->db);
    free (self);
    *self_p = NULL;
}

/*  Results of one job arrive together, as after a publication.  */
static bg_result add_one (bare_store *self, int64_t now_us, bg_error *err)
{
    static const uint8_t output[48] = "what a step wrote";
    uint64_t number = self->rows++;
    bg_stmt *q = bg_db_query (self->db,
        "INSERT INTO result (job, target, attempt, started_us, finished_us, state, code, output) "
        "VALUES (?1, ?2, 1, ?3, ?3, 3, 0, ?4)");
    bg_bind_u64 (q, 1, number / self->targets % self->jobs);
    bg_bind_u64 (q, 2, number % self->targets);
    bg_bind_i64 (q, 3, now_us);
    bg_bind_blob (q, 4, bg_slice_of (output, sizeof output));
    return bg_stmt_run (q, err);
}

bg_result bare_store_add (bare_store *self, uint32_t rows, bg_error *err)
{
    if (self->open_rows == 0)
        BG_TRY (bg_db_begin (self->db, err));
    self->open_rows += rows;
    int64_t now_us = bg_clock_utc_us ();
    for (uint32_t i = 0; i < rows; i++)
        BG_TRY (add_one (self, now_us, err));
    return bg_ok ();
}

uint32_t bare_store_open_rows (const bare_store *self)
{
    return self->open_rows;
}

bg_result bare_store_commit (bare_store *self, bg_error *err)
{
    if (self->open_rows == 0)
        return bg_ok ();
    self->open_rows = 0;
    return bg_db_commit (self->db, err);
}
