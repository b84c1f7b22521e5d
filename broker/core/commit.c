/*  What is kept in memory during a batch reaches the store here, once per commit: group commit also
    for bitmaps, marks and open runs, however many messages touched them.

    Invariant: after a successful call nothing is dirty and self->changed is false.  */
#include "broker/core/rooms.h"

static bg_result write_documents (broker_core *self, bg_error *err)
{
    while (self->dirty_documents) {
        broker_document *document = self->dirty_documents;
        bg_buf_clear (&self->scratch);
        broker_deliver_encode (document, &self->scratch);
        BG_TRY (self->store->deliveries_put (
            self->store->ctx, document->key, bg_buf_slice (&self->scratch), err));
        self->dirty_documents = document->next_dirty;
        document->next_dirty = NULL;
        document->dirty = false;
        self->changed = true;
    }
    return bg_ok ();
}

static bg_result write_targets (broker_core *self, bg_error *err)
{
    while (self->dirty_targets) {
        broker_target *target = self->dirty_targets;
        BG_TRY ((target->marks_dirty ? self->store->target_marks : self->store->target_mark) (
            self->store->ctx, target->number, &target->marks, err));
        self->dirty_targets = target->next_dirty;
        target->next_dirty = NULL;
        target->marks_dirty = target->mark_dirty = false;
        self->changed = true;
    }
    return bg_ok ();
}

static bg_result write_executions (broker_core *self, bg_error *err)
{
    while (self->dirty_executions) {
        broker_execution *execution = self->dirty_executions;
        broker_execution_record record;
        bg_buf_clear (&self->scratch);
        broker_execution_record_of (execution, &self->scratch, &record);
        BG_TRY (self->store->execution_update (self->store->ctx, &record, err));
        self->dirty_executions = execution->next_dirty;
        execution->next_dirty = NULL;
        execution->dirty = false;
        self->changed = true;
    }
    return bg_ok ();
}

static bg_result write_runs (broker_core *self, bg_error *err)
{
    while (self->dirty_runs) {
        broker_open_run *run = self->dirty_runs;
        const broker_open_run_record record = {.run = run->run,
            .number = run->number,
            .job_key = run->job_key,
            .exec = run->exec,
            .started_us = run->started_us,
            .bytes = bg_buf_slice (&run->bytes)};
        BG_TRY (self->store->open_run_put (self->store->ctx, &record, err));
        self->dirty_runs = run->next_dirty;
        run->next_dirty = NULL;
        run->dirty = false;
        run->stored = true;
        bg_buf_fini (&run->bytes);
        self->changed = true;
    }
    if (self->runs_dirty) {
        BG_TRY (self->store->meta_set (self->store->ctx, "runs", self->runs_total, err));
        self->runs_dirty = false;
        self->changed = true;
    }
    return bg_ok ();
}

bg_result broker_core_before_commit (broker_core *self, bg_now now, bool *changed, bg_error *err)
{
    broker_streams_flush (self);
    broker_executions_watch (self, now);
    if (self->settings.storage_full) {
        *changed = false;
        return bg_ok ();
    }
    BG_TRY (write_documents (self, err));
    BG_TRY (write_targets (self, err));
    BG_TRY (write_executions (self, err));
    BG_TRY (write_runs (self, err));
    if (self->changed) {
        BG_TRY (self->store->meta_set (self->store->ctx, "position", self->position + 1, err));
        self->position++;
    }
    *changed = self->changed;
    self->changed = false;
    return bg_ok ();
}
