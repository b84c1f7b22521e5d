/*  Jobs that have deleted themselves here (delete_level): bugle-exec says so with the run that did it, and refuses every
    later start of that version. The node remembers it over restarts so that no occurrence comes due; a newer version of
    the job lives again.  */
#include "node/core/rooms.h"

bg_result node_spent_find (node_core *self, node_job *job, bg_error *err)
{
    const node_store *store = self->ports.store;
    uint64_t version = 0;
    BG_TRY (store->spent_get (store->ctx, job->key, &version, err));
    job->spent = job->version <= version;
    return bg_ok ();
}

bg_result node_spent_take (node_core *self, const wire_run *run, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_job *job = node_table_find (&self->jobs, run->job_key);
    BG_TRY (store->spent_put (store->ctx, run->job_key, run->job_version, err));
    if (job && job->version <= run->job_version)
        node_book_spent (self, job);
    return bg_ok ();
}

static bool recover_spent (void *visitor, bg_id job_key, uint64_t version)
{
    node_core *self = visitor;
    node_job *job = node_table_find (&self->jobs, job_key);
    if (job)
        job->spent = job->version <= version;
    return true;
}

bg_result node_spent_recover (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    return store->spent_each (store->ctx, recover_spent, self, err);
}
