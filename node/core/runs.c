/*  Runs as the node sees them: what bugle-exec began and ended, and what did not run at all.

    The node commits an outcome to history and outbox and only then tells bugle-exec that it may forget it. Told twice,
    it counts once: history knows the run.  */
#include "node/core/rooms.h"

#include "common/job/names.h"

#include <stdlib.h>

static bg_result history_put (node_core *self, const wire_run *run, bg_slice blob, bg_error *err)
{
    const node_store *store = self->ports.store;
    return store->history_put (store->ctx,
        &(node_history_row){
            .run = run->run,
            .job_key = run->job_key,
            .exec = run->exec,
            .occurrence = run->occurrence,
            .state = run->state,
            .started_us = run->started_us,
            .finished_us = run->finished_us,
            .blob = blob,
        },
        err);
}

/*  What the machine does for itself is nobody else's business, and after a defection nobody is there to be told; history
    has it.  */
static bool is_told (const node_core *self, const wire_run *run)
{
    return self->enlisted && !job_name_is_local (run->job_name);
}

static bg_result record (node_core *self, const wire_run *run, bg_error *err)
{
    BG_AUTO_BUF blob = {0};
    WIRE_ENCODE (run, run, &blob);
    BG_TRY (history_put (self, run, bg_buf_slice (&blob), err));
    return is_told (self, run) ? node_outbox_add (self, run, bg_buf_slice (&blob), err) : bg_ok ();
}

static void open_run (node_core *self, const wire_run *run)
{
    node_open_run *item = node_table_find (&self->open_runs, run->run);
    if (!item) {
        item = bg_alloc (sizeof *item);
        item->run = run->run;
        item->job_key = run->job_key;
        item->exec = run->exec;
        node_table_insert (&self->open_runs, item);
    }
    item->waiting = run->state == WIRE_RUN_WAITING;
}

/*  A run waits, goes on, and is over: told in another order or twice, what is later counts.  */
static int rank (uint64_t state)
{
    return state == WIRE_RUN_WAITING ? 0 : state == WIRE_RUN_RUNNING ? 1 : 2;
}

bg_result node_run_heard (node_core *self, const wire_run *run, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_history_row known;
    bool found = false;
    BG_TRY (store->history_get (store->ctx, run->run, &self->scratch, &known, &found, err));
    const bool is_final = rank (run->state) == 2;
    const bool is_news = !found || rank (known.state) < rank (run->state);
    if (!is_final && (is_news || rank (known.state) == rank (run->state)))
        open_run (self, run);
    if (is_news)
        BG_TRY (record (self, run, err));
    if (run->spent)
        BG_TRY (node_spent_take (self, run, err));
    if (!bg_id_is_zero (run->exec))
        BG_TRY (node_deed_began (self, run, is_news && is_told (self, run), err));
    if (!bg_id_is_zero (run->occurrence))
        BG_TRY (node_occurrence_done (self, run->occurrence, err));
    if (!is_final)
        return bg_ok ();
    free (node_table_take (&self->open_runs, run->run));
    node_say_exec (self, WIRE_EXEC_TAKEN, &(wire_exec_taken){.run = run->run});
    return bg_ok ();
}

void node_runs_untold (node_core *self)
{
    for (size_t i = 0; i < self->open_runs.count; i++)
        ((node_open_run *) self->open_runs.items[i])->told = 0;
}

size_t node_runs_of (const node_core *self, bg_id job_key, bool waiting)
{
    size_t count = 0;
    for (size_t i = 0; i < self->open_runs.count; i++) {
        const node_open_run *run = self->open_runs.items[i];
        count += run->waiting == waiting &&
                 (bg_id_is_zero (job_key) || bg_id_equal (run->job_key, job_key));
    }
    return count;
}

bg_result node_run_not_run (node_core *self, const node_not_run *what, bg_error *err)
{
    const wire_run run = {
        .run = node_new_id (self),
        .job_key = what->job_key,
        .job_name = node_cut (what->job_name, 128),
        .job_version = what->job_version,
        .exec = what->exec,
        .schedule = node_cut (what->schedule, 128),
        .nominal_us = what->nominal_us,
        .occurrence = what->occurrence,
        .state = WIRE_RUN_NOT_RUN,
        .reason = node_cut (what->reason, 64),
        .started_us = self->now.utc_us,
        .finished_us = self->now.utc_us,
        .message = node_cut (what->message, 512),
    };
    return record (self, &run, err);
}

static bool recover_run (void *visitor, const node_history_row *row)
{
    node_core *self = visitor;
    open_run (self,
        &(wire_run){
            .run = row->run, .job_key = row->job_key, .exec = row->exec, .state = row->state});
    return true;
}

bg_result node_runs_recover (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    return store->history_each (store->ctx, true, SIZE_MAX, recover_run, self, err);
}
