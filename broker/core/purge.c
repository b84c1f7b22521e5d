/*  Purges: an admin has runs removed from the history that are older than a time, of one job or of all.

    What is asked is stored with the answer; the runs leave 500 at a time beside other work, and what a restart
    interrupts goes on (store_port.h). Runs that are not over stay, and so does what the targets keep.  */
#include "broker/core/rooms.h"

#define COUNTED_MAX 100000u /*  more are not counted one by one: the answer has to be quick  */

static bg_result scope_of (
    broker_request *request, const wire_request *ask, bg_id *job_key, bg_error *err)
{
    broker_core *self = request->core;
    broker_document *job = NULL;
    *job_key = (bg_id){{0}};
    if (ask->full == (ask->name.size > 0)) {
        bg_ignore (bg_fail (err, BG_INVALID, "a purge is of one job or, said so, of all"));
        return (bg_result){BG_INVALID};
    }
    if (ask->full)
        return bg_ok ();
    *job_key = wire_document_key (self->settings.installation, WIRE_TYPE_JOB, ask->name);
    if (broker_document_with_key (self, *job_key))
        return bg_ok ();
    return broker_document_find_job (self, ask->name, &job, err);
}

/*  How the newest run of a job ended is asked of the store again.  */
static void forget_last (broker_core *self, bg_id job_key)
{
    for (broker_document *job = self->documents; job; job = job->hh.next)
        if (job->object_type == WIRE_TYPE_JOB &&
            (bg_id_is_zero (job_key) || bg_id_equal (job->key, job_key)))
            job->last_known = false;
}

bg_result broker_request_purge (broker_request *request, const wire_request *ask,
    const wire_login *signer, bool dry_run, wire_done *answer, bg_error *err)
{
    broker_core *self = request->core;
    bg_id job_key;
    uint32_t count = 0;
    if (ask->before_us <= 0 || ask->before_us > request->now.utc_us)
        return bg_fail (err, BG_INVALID, "a purge is of runs before a time that has passed");
    BG_TRY (scope_of (request, ask, &job_key, err));
    BG_TRY (self->store->purge_count (
        self->store->ctx, job_key, ask->before_us, COUNTED_MAX + 1, &count, err));
    answer->count = count;
    answer->text = count > COUNTED_MAX
                       ? bg_arena_printf (request->arena, "more than %u runs", COUNTED_MAX)
                       : bg_arena_printf (request->arena, "%u run%s", count, count == 1 ? "" : "s");
    if (dry_run || count == 0)
        return bg_ok ();
    BG_TRY (self->store->purge_put (self->store->ctx, job_key, ask->before_us, err));
    forget_last (self, job_key);
    self->changed = true;
    self->prune_due = true;
    broker_log (self, BROKER_LOG_NOTICE, "history-purged", "%.*s of %.*s by %.*s",
        BG_SLICE_ARG (answer->text),
        BG_SLICE_ARG (ask->full ? bg_slice_str ("all jobs") : ask->name),
        BG_SLICE_ARG (signer->name));
    return bg_ok ();
}
