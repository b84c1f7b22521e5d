/*  History in the broker's store in memory: rows in order of insertion, looked through and put in order for each page.

    Pages, cursors and the bound of what is looked at are those of history.c, so that a caller cannot tell the two
    apart: a page looks at the rows of its job, target or execution in the order of time, and begins after its cursor.

    Invariant: a row's job has a row in the table of jobs.  */
#include "broker/store/memory_table.h"

#include <stdlib.h>

/*  The last row number, beside the counters of the port, whose names have no such letter.  */
#define LAST_ROW "#run"

static int64_t time_of (const broker_run_record *run)
{
    return run->started_us ? run->started_us : run->stored_us;
}

static bg_result next_row (void *ctx, int64_t *row, bg_error *err)
{
    const memory_meta *last = memory_find (ctx, MEMORY_META, bg_slice_str (LAST_ROW));
    *row = (last ? last->value : 0) + 1;
    return memory_put (ctx, MEMORY_META, bg_slice_str (LAST_ROW), &(memory_meta){*row}, err);
}

static bg_result runs_append (void *ctx, const broker_run_record *record, bg_error *err)
{
    broker_run_record made = *record;
    if (!memory_find (ctx, MEMORY_JOB, bg_id_key (&record->job_key)))
        BG_TRY (memory_put (ctx, MEMORY_JOB, bg_id_key (&record->job_key),
            &(memory_job){.name = record->job_name}, err));
    BG_TRY (next_row (ctx, &made.row, err));
    made.job_name = (bg_slice){0}; /*  of the job's row  */
    made.output = (bg_slice){0};
    const bg_number_key key = bg_number_key_of ((uint64_t) made.row);
    BG_TRY (memory_put (ctx, MEMORY_RUN, bg_number_key_slice (&key), &made, err));
    if (record->output.size == 0)
        return bg_ok ();
    return memory_put (ctx, MEMORY_OUTPUT, bg_number_key_slice (&key),
        &(memory_output){record->stored_us, record->output}, err);
}

/*  ---- pages ----  */

/*  A place in the order of pages, with the run that stands there.  */
typedef struct {
    int64_t key;
    int64_t row;
    const broker_run_record *run;
} place;

static bool is_by_due (const broker_run_filter *filter)
{
    return filter->due_since_us != 0 || filter->due_until_us != 0;
}

/*  Whether the index that a page walks has that run.  */
static bool is_on_the_way (const broker_run_record *run, const broker_run_filter *filter)
{
    if (is_by_due (filter))
        return run->due_us != 0 && bg_id_equal (run->job_key, filter->job_key);
    if (!bg_id_is_zero (filter->exec))
        return bg_id_equal (run->exec, filter->exec);
    if (!bg_id_is_zero (filter->job_key))
        return bg_id_equal (run->job_key, filter->job_key);
    return filter->number == 0 || run->number == filter->number;
}

static place place_of (const broker_run_record *run, const broker_run_filter *filter)
{
    return (place){is_by_due (filter) ? run->due_us : time_of (run), run->row, run};
}

static int compare_up (const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int compare_down (const void *a, const void *b)
{
    return compare_up (b, a);
}

static const broker_run_record *find_run (const void *ctx, int64_t row)
{
    const bg_number_key key = bg_number_key_of ((uint64_t) row);
    return memory_find (ctx, MEMORY_RUN, bg_number_key_slice (&key));
}

/*  The runs of the range that a filter names, in its order. free() releases them.  */
static size_t find_places (const void *ctx, const broker_run_filter *filter, place **places)
{
    const bg_table *table = memory_table_of (ctx, MEMORY_RUN);
    const int64_t since_us = is_by_due (filter) ? filter->due_since_us : filter->since_us;
    const int64_t until_us = is_by_due (filter) ? filter->due_until_us : filter->until_us;
    const broker_run_record *cursor = filter->before ? find_run (ctx, filter->before) : NULL;
    const place from = cursor ? place_of (cursor, filter) : (place){0};
    size_t count = 0;
    *places = bg_alloc ((table->count + 1) * sizeof **places);
    if (filter->before && !cursor) /*  it has left, and with it what would follow  */
        return 0;
    for (size_t i = 0; i < table->count; i++) {
        const broker_run_record *run = memory_row (table, i);
        const place at = place_of (run, filter);
        if (!is_on_the_way (run, filter) || (since_us && at.key < since_us) ||
            (until_us && at.key >= until_us))
            continue;
        const int side = cursor ? compare_up (&at, &from) : 0;
        if (!cursor || (filter->oldest_first ? side > 0 : side < 0))
            (*places)[count++] = at;
    }
    qsort (*places, count, sizeof **places, filter->oldest_first ? compare_up : compare_down);
    return count;
}

static bool passes (const broker_run_record *run, const broker_run_filter *filter)
{
    return (filter->states == 0 || (filter->states >> run->state & 1)) &&
           (filter->number == 0 || run->number == filter->number) &&
           (bg_id_is_zero (filter->job_key) || bg_id_equal (run->job_key, filter->job_key)) &&
           (bg_id_is_zero (filter->exec) || bg_id_equal (run->exec, filter->exec)) &&
           (filter->reason.size == 0 || bg_slice_equal (run->reason, filter->reason)) &&
           (filter->min_duration_us == 0 ||
               (run->started_us != 0 &&
                   run->finished_us - run->started_us >= filter->min_duration_us));
}

static bg_result show (const void *ctx, const broker_run_record *run, bool with_output,
    broker_visit_run visit, void *visitor, bg_error *err)
{
    broker_run_record record = *run;
    const memory_job *job = memory_find (ctx, MEMORY_JOB, bg_id_key (&run->job_key));
    const bg_number_key key = bg_number_key_of ((uint64_t) run->row);
    const memory_output *output =
        with_output ? memory_find (ctx, MEMORY_OUTPUT, bg_number_key_slice (&key)) : NULL;
    bg_assert (job);
    record.job_name = job->name;
    if (output)
        record.output = output->bytes;
    return visit (visitor, &record, err);
}

static bg_result runs (void *ctx, const broker_run_filter *filter, broker_visit_run visit,
    void *visitor, bg_error *err)
{
    place *places;
    size_t count = find_places (ctx, filter, &places);
    if (filter->scan) {
        *filter->scan_end = count >= filter->scan ? places[filter->scan - 1].row : 0;
        count = count < filter->scan ? count : filter->scan;
    }
    bg_result result = bg_ok ();
    uint32_t limit = filter->limit;
    for (size_t i = 0; i < count && limit > 0 && bg_is_ok (result); i++) {
        if (!passes (places[i].run, filter))
            continue;
        limit--;
        result = show (ctx, places[i].run, filter->output, visit, visitor, err);
    }
    free (places);
    return result;
}

void broker_memory_history_port (broker_store *port)
{
    port->runs_append = runs_append;
    port->runs = runs;
}
