/*  In memory: the outbox and the local history.

    The history is kept by run; a second table has the runs in the order of their insertion, which is the order that every
    page is asked in. What prunes looks at all rows: it is asked for once in a long while.
*/
#include "node/store/memory_table.h"

#include <stdlib.h>

static bool is_open (const node_history_row *row)
{
    return row->state == 0 || row->state == 6;
}

/*  ---- the outbox ----  */

static bg_result outbox_append (void *ctx, uint64_t sequence, bg_slice blob, bg_error *err)
{
    const bg_number_key key = bg_number_key_of (sequence);
    if (memory_find (ctx, MEMORY_OUTBOX, bg_number_key_slice (&key)))
        return bg_fail (
            err, BG_STORE, "the outbox has a sequence %llu already", (unsigned long long) sequence);
    return memory_put (ctx, MEMORY_OUTBOX, bg_number_key_slice (&key),
        &(node_outbox_row){.sequence = sequence, .blob = blob}, err);
}

/*  Index of the first row behind that sequence.  */
static size_t outbox_after (const node_memory *self, uint64_t sequence)
{
    const bg_table *table = memory_table_of (self, MEMORY_OUTBOX);
    if (sequence == UINT64_MAX)
        return table->count;
    const bg_number_key key = bg_number_key_of (sequence + 1);
    return bg_table_lower_bound (table, bg_number_key_slice (&key));
}

static bg_result outbox_each (
    void *ctx, uint64_t after, size_t limit, node_outbox_visit *visit, void *visitor, bg_error *err)
{
    (void) err;
    const bg_table *table = memory_table_of (ctx, MEMORY_OUTBOX);
    for (size_t i = outbox_after (ctx, after); i < table->count && limit > 0; i++, limit--)
        if (!visit (visitor, bg_row_body (table->rows[i])))
            break;
    return bg_ok ();
}

static bg_result outbox_replace (void *ctx, uint64_t sequence, bg_slice blob, bg_error *err)
{
    const bg_number_key key = bg_number_key_of (sequence);
    if (!memory_find (ctx, MEMORY_OUTBOX, bg_number_key_slice (&key)))
        return bg_ok ();
    return memory_put (ctx, MEMORY_OUTBOX, bg_number_key_slice (&key),
        &(node_outbox_row){.sequence = sequence, .blob = blob}, err);
}

static bg_result outbox_remove_through (void *ctx, uint64_t sequence, bg_error *err)
{
    (void) err;
    bg_rows_remove_first (
        &((node_memory *) ctx)->rows, MEMORY_OUTBOX, outbox_after (ctx, sequence));
    return bg_ok ();
}

/*  In ascending order, so that no two rows meet on one sequence.  */
static bg_result outbox_renumber (void *ctx, uint64_t less, bg_error *err)
{
    node_memory *self = ctx;
    const bg_table *table = memory_table_of (self, MEMORY_OUTBOX);
    if (less == 0)
        return bg_ok ();
    for (size_t i = 0; i < table->count; i++) {
        node_outbox_row row = *(const node_outbox_row *) bg_row_body (table->rows[i]);
        const bg_number_key old = bg_number_key_of (row.sequence);
        row.sequence -= less;
        const bg_number_key key = bg_number_key_of (row.sequence);
        BG_TRY (memory_put (self, MEMORY_OUTBOX, bg_number_key_slice (&key), &row, err));
        (void) memory_remove (self, MEMORY_OUTBOX, bg_number_key_slice (&old));
    }
    return bg_ok ();
}

static bg_result outbox_size (void *ctx, node_outbox_size *size, bg_error *err)
{
    (void) err;
    const bg_table *table = memory_table_of (ctx, MEMORY_OUTBOX);
    *size = (node_outbox_size){.rows = table->count, .bytes = table->weight};
    if (table->count > 0)
        size->first = ((const node_outbox_row *) bg_row_body (table->rows[0]))->sequence;
    return bg_ok ();
}

/*  The number behind the highest of a table.  */
static uint64_t next_number (const bg_table *table)
{
    return table->count ? bg_read_u64 (table->rows[table->count - 1]->key.data) + 1 : 1;
}

static bg_result refused_put (void *ctx, const node_refused_row *row, bg_error *err)
{
    enum { KEPT = 100 };
    const bg_table *table = memory_table_of (ctx, MEMORY_REFUSED);
    const bg_number_key key = bg_number_key_of (next_number (table));
    BG_TRY (memory_put (ctx, MEMORY_REFUSED, bg_number_key_slice (&key), row, err));
    bg_rows_remove_first (&((node_memory *) ctx)->rows, MEMORY_REFUSED,
        table->count > KEPT ? table->count - KEPT : 0);
    return bg_ok ();
}

/*  ---- the history ----  */

/*  A run that is known keeps its place in the order, its job and what began it.  */
static bg_result history_put (void *ctx, const node_history_row *row, bg_error *err)
{
    node_memory *self = ctx;
    node_history_row made = *row;
    const node_history_row *known = memory_find (self, MEMORY_HISTORY, bg_id_key (&row->run));
    if (known) {
        made.job_key = known->job_key;
        made.exec = known->exec;
        made.occurrence = known->occurrence;
        made.row = known->row;
    } else {
        made.row = next_number (memory_table_of (self, MEMORY_HISTORY_ORDER));
        const bg_number_key key = bg_number_key_of (made.row);
        BG_TRY (memory_put (self, MEMORY_HISTORY_ORDER, bg_number_key_slice (&key),
            &(memory_order){.run = row->run}, err));
    }
    return memory_put (self, MEMORY_HISTORY, bg_id_key (&row->run), &made, err);
}

static bg_result history_get (
    void *ctx, bg_id run, bg_arena *arena, node_history_row *row, bool *found, bg_error *err)
{
    (void) err;
    const node_history_row *known = memory_find (ctx, MEMORY_HISTORY, bg_id_key (&run));
    *found = known != NULL;
    if (!known)
        return bg_ok ();
    *row = *known;
    row->blob = bg_arena_copy (arena, known->blob);
    return bg_ok ();
}

static const node_history_row *row_in_order (const node_memory *self, size_t index)
{
    const memory_order *order = bg_row_body (self->rows.tables[MEMORY_HISTORY_ORDER].rows[index]);
    return memory_find (self, MEMORY_HISTORY, bg_id_key (&order->run));
}

static bg_result history_page (void *ctx, bg_id job_key, uint64_t before, size_t limit,
    node_history_visit *visit, void *visitor, bg_error *err)
{
    (void) err;
    const node_memory *self = ctx;
    const bg_number_key key = bg_number_key_of (before > 0 ? before : UINT64_MAX);
    const bool is_of_all = bg_id_is_zero (job_key);
    size_t at = bg_table_lower_bound (
        memory_table_of (self, MEMORY_HISTORY_ORDER), bg_number_key_slice (&key));
    while (at-- > 0 && limit > 0) {
        const node_history_row *row = row_in_order (self, at);
        if (!is_of_all && !bg_id_equal (row->job_key, job_key))
            continue;
        limit--;
        if (!visit (visitor, row))
            break;
    }
    return bg_ok ();
}

static bg_result history_each (void *ctx, bool open_only, size_t limit, node_history_visit *visit,
    void *visitor, bg_error *err)
{
    (void) err;
    const node_memory *self = ctx;
    size_t at = self->rows.tables[MEMORY_HISTORY_ORDER].count;
    while (at-- > 0 && limit > 0) {
        const node_history_row *row = row_in_order (self, at);
        if (open_only && !is_open (row))
            continue;
        limit--;
        if (!visit (visitor, row))
            break;
    }
    return bg_ok ();
}

/*  ---- pruning ----  */

typedef struct {
    int64_t finished_us;
    uint64_t row;
    bg_id run;
    bg_id job_key;
    size_t bytes;
} finished_run;

typedef struct {
    finished_run *runs;
    size_t count;
    uint64_t bytes;
} finished_runs;

static int by_end (const void *a, const void *b)
{
    const finished_run *one = a;
    const finished_run *other = b;
    if (one->finished_us != other->finished_us)
        return one->finished_us < other->finished_us ? -1 : 1;
    return one->row < other->row ? -1 : one->row > other->row;
}

/*  All that are over, the oldest first; the caller frees runs.  */
static finished_runs collect_finished (const node_memory *self)
{
    const bg_table *table = memory_table_of (self, MEMORY_HISTORY);
    finished_runs all = {0};
    if (table->count == 0)
        return all;
    all.runs = bg_alloc (table->count * sizeof *all.runs);
    for (size_t i = 0; i < table->count; i++) {
        const node_history_row *row = bg_row_body (table->rows[i]);
        if (is_open (row))
            continue;
        all.runs[all.count++] = (finished_run){.finished_us = row->finished_us,
            .row = row->row,
            .run = row->run,
            .job_key = row->job_key,
            .bytes = row->blob.size};
        all.bytes += row->blob.size;
    }
    qsort (all.runs, all.count, sizeof *all.runs, by_end);
    return all;
}

static void remove_run (node_memory *self, const finished_run *run)
{
    const bg_number_key key = bg_number_key_of (run->row);
    (void) memory_remove (self, MEMORY_HISTORY_ORDER, bg_number_key_slice (&key));
    (void) memory_remove (self, MEMORY_HISTORY, bg_id_key (&run->run));
}

static const node_history_limit *limit_of (const node_memory *self, bg_id job_key)
{
    return memory_find (self, MEMORY_HISTORY_LIMIT, bg_id_key (&job_key));
}

static bg_result history_prune (
    void *ctx, int64_t before_us, uint64_t max_bytes, size_t limit, size_t *removed, bg_error *err)
{
    (void) err;
    node_memory *self = ctx;
    finished_runs all = collect_finished (self);
    size_t kept = 0;
    *removed = 0;
    for (size_t i = 0; i < all.count; i++) {
        const node_history_limit *own = limit_of (self, all.runs[i].job_key);
        if (*removed < limit && all.runs[i].finished_us < before_us && !(own && own->keep_us)) {
            remove_run (self, &all.runs[i]);
            all.bytes -= all.runs[i].bytes;
            ++*removed;
        } else {
            all.runs[kept++] = all.runs[i];
        }
    }
    for (size_t i = 0; i < kept && all.bytes > max_bytes && *removed < limit; i++) {
        remove_run (self, &all.runs[i]);
        all.bytes -= all.runs[i].bytes;
        ++*removed;
    }
    free (all.runs);
    return bg_ok ();
}

static size_t prune_old (node_memory *self, int64_t now_us, size_t limit)
{
    finished_runs all = collect_finished (self);
    size_t removed = 0;
    for (size_t i = 0; i < all.count && removed < limit; i++) {
        const node_history_limit *own = limit_of (self, all.runs[i].job_key);
        if (own && own->keep_us > 0 && all.runs[i].finished_us < now_us - own->keep_us) {
            remove_run (self, &all.runs[i]);
            removed++;
        }
    }
    free (all.runs);
    return removed;
}

/*  Of one job all finished runs but the newest.  */
static size_t prune_job (node_memory *self, const node_history_limit *own, size_t limit)
{
    uint64_t seen = 0;
    size_t removed = 0;
    for (size_t at = self->rows.tables[MEMORY_HISTORY_ORDER].count; at-- > 0 && removed < limit;) {
        const node_history_row *row = row_in_order (self, at);
        if (is_open (row) || !bg_id_equal (row->job_key, own->job_key) || ++seen <= own->keep_runs)
            continue;
        const finished_run run = {.row = row->row, .run = row->run};
        remove_run (self, &run);
        removed++;
    }
    return removed;
}

static bg_result history_prune_jobs (
    void *ctx, int64_t now_us, size_t limit, size_t *removed, bg_error *err)
{
    (void) err;
    node_memory *self = ctx;
    const bg_table *limits = memory_table_of (self, MEMORY_HISTORY_LIMIT);
    *removed = limits->count ? prune_old (self, now_us, limit) : 0;
    for (size_t i = 0; i < limits->count && *removed < limit; i++) {
        const node_history_limit *own = bg_row_body (limits->rows[i]);
        if (own->keep_runs > 0)
            *removed += prune_job (self, own, limit - *removed);
    }
    return bg_ok ();
}

static bg_result history_limit_put (void *ctx, const node_history_limit *limit, bg_error *err)
{
    const bg_slice key = bg_id_key (&limit->job_key);
    if (limit->keep_us || limit->keep_runs)
        return memory_put (ctx, MEMORY_HISTORY_LIMIT, key, limit, err);
    (void) memory_remove (ctx, MEMORY_HISTORY_LIMIT, key);
    return bg_ok ();
}

void memory_reports_port (node_store *port)
{
    port->outbox_append = outbox_append;
    port->outbox_each = outbox_each;
    port->outbox_replace = outbox_replace;
    port->outbox_remove_through = outbox_remove_through;
    port->outbox_renumber = outbox_renumber;
    port->outbox_size = outbox_size;
    port->refused_put = refused_put;
    port->history_put = history_put;
    port->history_get = history_get;
    port->history_each = history_each;
    port->history_page = history_page;
    port->history_prune = history_prune;
    port->history_prune_jobs = history_prune_jobs;
    port->history_limit_put = history_limit_put;
}
