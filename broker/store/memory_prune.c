/*  What leaves the broker's store in memory: the rules of prune.c and retention.c, looking through all rows each time.

    Never does a run leave while it is younger than was asked, or among so many of the last of its job on its target.
    What a wrong clock dated far into the future leaves with its output only.  */
#include "broker/store/memory_table.h"

#include "common/base/now.h"

#include <stdlib.h>

#define OUTPUT_KEEP_US    BG_DAY (30)
#define EXECUTION_KEEP_US BG_DAY (90)
#define TOKEN_KEEP_US     BG_DAY (30)
#define REQUEST_KEEP_US   BG_DAY (1)
#define PRUNE_ROWS        500

static int64_t time_of (const broker_run_record *run)
{
    return run->started_us ? run->started_us : run->stored_us;
}

static void remove_run (void *ctx, int64_t row)
{
    const bg_number_key key = bg_number_key_of ((uint64_t) row);
    (void) memory_remove (ctx, MEMORY_OUTPUT, bg_number_key_slice (&key));
    (void) memory_remove (ctx, MEMORY_RUN, bg_number_key_slice (&key));
}

/*  ---- what jobs say themselves ----  */

static bg_result job_keep (
    void *ctx, bg_id key, bg_slice name, int64_t keep_us, uint32_t keep_runs, bg_error *err)
{
    const memory_job *old = memory_find (ctx, MEMORY_JOB, bg_id_key (&key));
    const memory_job job = {
        .name = old ? old->name : name, .keep_us = keep_us, .keep_runs = keep_runs};
    return memory_put (ctx, MEMORY_JOB, bg_id_key (&key), &job, err);
}

/*  ---- purges ----  */

static bool is_purged (const broker_run_record *run, bg_id job_key, int64_t before_us)
{
    return time_of (run) < before_us &&
           (bg_id_is_zero (job_key) || bg_id_equal (run->job_key, job_key));
}

static bg_result purge_count (
    void *ctx, bg_id job_key, int64_t before_us, uint32_t limit, uint32_t *count, bg_error *err)
{
    (void) err;
    const bg_table *table = memory_table_of (ctx, MEMORY_RUN);
    uint32_t found = 0;
    for (size_t i = 0; i < table->count && found < limit; i++)
        found += is_purged (memory_row (table, i), job_key, before_us);
    *count = found;
    return bg_ok ();
}

static bg_result purge_put (void *ctx, bg_id job_key, int64_t before_us, bg_error *err)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_PURGE);
    uint64_t last = 0;
    if (table->count > 0)
        last = bg_read_u64 (table->rows[table->count - 1]->key.data);
    const bg_number_key key = bg_number_key_of (last + 1);
    return memory_put (
        ctx, MEMORY_PURGE, bg_number_key_slice (&key), &(memory_purge){job_key, before_us}, err);
}

static bg_result purge_pending (void *ctx, bool *pending, bg_error *err)
{
    (void) err;
    *pending = memory_table_of (ctx, MEMORY_PURGE)->count > 0;
    return bg_ok ();
}

/*  A piece of the oldest purge.  */
static void purge_piece (void *ctx)
{
    const memory_purge of =
        *(const memory_purge *) memory_row (memory_table_of (ctx, MEMORY_PURGE), 0);
    const bg_table *table = memory_table_of (ctx, MEMORY_RUN);
    uint32_t removed = 0;
    for (size_t i = 0; i < table->count && removed < PRUNE_ROWS;) {
        const broker_run_record *run = memory_row (table, i);
        if (!is_purged (run, of.job_key, of.before_us)) {
            i++;
            continue;
        }
        remove_run (ctx, run->row);
        removed++;
    }
    if (removed < PRUNE_ROWS)
        bg_rows_remove_first (&((broker_memory *) ctx)->rows, MEMORY_PURGE, 1);
}

/*  ---- retention ----  */

/*  Whether there are as many newer runs of its job on its target.  */
static bool has_newer (const void *ctx, const broker_run_record *run, uint32_t least)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_RUN);
    const int64_t at_us = time_of (run);
    uint32_t newer = 0;
    for (size_t i = 0; i < table->count && newer < least; i++) {
        const broker_run_record *other = memory_row (table, i);
        const int64_t other_us = time_of (other);
        newer += other->number == run->number && bg_id_equal (other->job_key, run->job_key) &&
                 (other_us != at_us ? other_us > at_us : other->row > run->row);
    }
    return newer >= least;
}

static bool may_leave (
    const void *ctx, const broker_run_record *run, int64_t now_us, const broker_retention *all)
{
    const memory_job *job = memory_find (ctx, MEMORY_JOB, bg_id_key (&run->job_key));
    const bool has_wish = job->keep_us != 0 || job->keep_runs != 0;
    const int64_t before_us = now_us - (job->keep_us ? job->keep_us : all->history_us);
    if (run->stored_us >= before_us || (has_wish && time_of (run) >= before_us))
        return false;
    return has_newer (ctx, run, job->keep_runs ? job->keep_runs : all->history_least);
}

static bool prune_runs (void *ctx, int64_t now_us, const broker_retention *keep)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_RUN);
    uint32_t removed = 0;
    for (size_t i = 0; i < table->count && removed < PRUNE_ROWS;) {
        const broker_run_record *run = memory_row (table, i);
        if (!may_leave (ctx, run, now_us, keep)) {
            i++;
            continue;
        }
        remove_run (ctx, run->row);
        removed++;
    }
    return removed == PRUNE_ROWS;
}

/*  Removes the first rows of a table of which the function says so; true: as many as may go at a time.  */
static bool prune_table (void *ctx, memory_table_name name,
    bool (*is_old) (const void *body, int64_t now_us), int64_t now_us)
{
    const bg_table *table = memory_table_of (ctx, name);
    uint32_t removed = 0;
    for (size_t i = 0; i < table->count && removed < PRUNE_ROWS;) {
        if (!is_old (memory_row (table, i), now_us)) {
            i++;
            continue;
        }
        (void) memory_remove (ctx, name, table->rows[i]->key);
        removed++;
    }
    return removed == PRUNE_ROWS;
}

static bool is_old_output (const void *body, int64_t now_us)
{
    const memory_output *output = body;
    return output->stored_us < now_us - OUTPUT_KEEP_US ||
           output->stored_us > now_us + OUTPUT_KEEP_US;
}

static bool is_old_execution (const void *body, int64_t now_us)
{
    const broker_execution_record *execution = body;
    return execution->done_us > 0 && execution->done_us < now_us - EXECUTION_KEEP_US;
}

static bool is_old_token (const void *body, int64_t now_us)
{
    return ((const broker_token_record *) body)->expires_us < now_us - TOKEN_KEEP_US;
}

static bool is_old_request (const void *body, int64_t now_us)
{
    return ((const memory_request *) body)->done_us < now_us - REQUEST_KEEP_US;
}

/*  Notes of executions that leave go with them.  */
static bg_result prune_notes (broker_memory *self, int64_t now_us, bg_error *err)
{
    const bg_table *table = memory_table_of (self, MEMORY_EXECUTION);
    for (size_t i = 0; i < table->count; i++) {
        const broker_execution_record *row = memory_row (table, i);
        if (is_old_execution (row, now_us))
            BG_TRY (self->port.note_remove (self, row->id, 0, err));
    }
    return bg_ok ();
}

static bg_result prune (
    void *ctx, int64_t now_us, const broker_retention *keep, bool *more, bg_error *err)
{
    *more = memory_table_of (ctx, MEMORY_PURGE)->count > 0;
    if (*more) {
        purge_piece (ctx);
        return bg_ok ();
    }
    BG_TRY (prune_notes (ctx, now_us, err));
    const bool outputs = prune_table (ctx, MEMORY_OUTPUT, is_old_output, now_us);
    const bool old = prune_table (ctx, MEMORY_EXECUTION, is_old_execution, now_us);
    const bool tokens = prune_table (ctx, MEMORY_TOKEN, is_old_token, now_us);
    const bool requests = prune_table (ctx, MEMORY_REQUEST, is_old_request, now_us);
    const bool runs = prune_runs (ctx, now_us, keep);
    *more = outputs || old || tokens || requests || runs;
    return bg_ok ();
}

void broker_memory_prune_port (broker_store *port)
{
    port->job_keep = job_keep;
    port->purge_count = purge_count;
    port->purge_put = purge_put;
    port->purge_pending = purge_pending;
    port->prune = prune;
}
