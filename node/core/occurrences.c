/*  Occurrences that are due and of which bugle-exec has not said yet what became of them.

    Each is durable before it is sent, under an id that bugle-exec starts at most once; so a crash on either side
    neither repeats nor loses it. One that was never sent and is too late is a misfire; one that may have been sent is
    asked about first: bugle-exec shows all its runs at connect.

    What its schedule's policy has run late goes one after the other: it waits until no run of its job is open or about to
    be, by whatever schedule, and behind those of its own schedule that were due before it.  */
#include "node/core/rooms.h"

#include <stdlib.h>

/*  Of a local job the machine's own installation stands for the target: it outlives enlistments.  */
bg_id node_occurrence_id (
    const node_core *self, const node_job *job, bg_slice schedule, int64_t nominal_us, int fold)
{
    const node_local *local = node_local_find (self, job->key);
    const bg_id owner = local ? local->installation : self->identity.target;
    return wire_occurrence_id (owner, job->key, schedule, nominal_us, (uint8_t) fold);
}

/*  All runs of bugle-exec are known, so that what it does not show was not begun.  */
static bool exec_is_known (const node_core *self, const node_occurrence *item)
{
    return node_local_find (self, item->job_key) ? self->exec.runs_known : self->exec.synced;
}

void node_occurrence_release (void *object)
{
    node_occurrence *item = object;
    free (item->schedule);
    free (item->job_name);
    free (item);
}

/*  When it may start, and until when.  */
static void set_times (node_occurrence *item, const node_entry *entry)
{
    const int64_t window_us = entry ? entry->misfire_window_us : 0;
    item->start_us = item->nominal_us + (entry ? entry->splay_us : 0);
    item->late_us = item->start_us + NODE_LATE_US;
    if (item->nominal_us + window_us > item->late_us)
        item->late_us = item->nominal_us + window_us;
    item->may_queue = window_us > 0;
}

static bool is_behind (const node_core *self, const node_occurrence *item)
{
    for (size_t i = 0; i < self->occurrences.count; i++) {
        const node_occurrence *other = self->occurrences.items[i];
        if (other->nominal_us < item->nominal_us && bg_id_equal (other->job_key, item->job_key) &&
            strcmp (other->schedule, item->schedule) == 0)
            return true;
    }
    return false;
}

/*  Another one of the job is with bugle-exec, which has not said yet whether it runs.  */
static bool is_another_sent (const node_core *self, const node_occurrence *item)
{
    for (size_t i = 0; i < self->occurrences.count; i++) {
        const node_occurrence *other = self->occurrences.items[i];
        if (other != item && other->sent && !other->waiting &&
            bg_id_equal (other->job_key, item->job_key))
            return true;
    }
    return false;
}

bg_result node_occurrence_due (
    node_core *self, const node_entry *entry, int64_t nominal_us, int fold, bg_error *err)
{
    const node_store *store = self->ports.store;
    const bg_slice name = bg_slice_str (entry->name);
    const bg_id id = node_occurrence_id (self, entry->job, name, nominal_us, fold);
    if (node_table_find (&self->occurrences, id))
        return bg_ok ();
    BG_TRY (store->occurrence_put (store->ctx,
        &(node_occurrence_row){
            .occurrence = id,
            .job_key = entry->job->key,
            .schedule = name,
            .nominal_us = nominal_us,
            .fold = (uint64_t) fold,
        },
        err));
    node_occurrence *item = bg_alloc (sizeof *item);
    item->id = id;
    item->job_key = entry->job->key;
    item->schedule = bg_strdup (entry->name);
    item->job_name = bg_strdup (entry->job->name);
    item->nominal_us = nominal_us;
    item->fold = (uint8_t) fold;
    set_times (item, entry);
    item->queues = item->may_queue && is_behind (self, item);
    node_table_insert (&self->occurrences, item);
    return bg_ok ();
}

bg_result node_occurrence_done (node_core *self, bg_id id, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_occurrence *item = node_table_take (&self->occurrences, id);
    if (!item)
        return bg_ok ();
    node_occurrence_release (item);
    return store->occurrence_remove (store->ctx, id, err);
}

/*  The name that belongs to a job key, also of a job that was withdrawn or is for others by now: it is in the document
    that is held of it. The broker takes no outcome under another name.  */
static bg_result held_name (node_core *self, bg_id key, bg_slice *name, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_document_row row;
    wire_signed item;
    wire_document document;
    bool found = false;
    *name = bg_slice_str ("unknown");
    const node_place place = node_local_find (self, key) ? NODE_PLACE_LOCAL : NODE_PLACE_HELD;
    BG_TRY (store->document_get (store->ctx, place, key, &self->scratch, &row, &found, err));
    if (!found)
        return bg_ok ();
    BG_TRY (node_decode_signed (row.signed_item, &self->scratch, &item, err));
    if (bg_failed (
            WIRE_DECODE (document, item.bytes, WIRE_AS_MESSAGE, &self->scratch, &document, NULL)))
        return bg_ok ();
    wire_job job;
    wire_withdrawal gone;
    if (document.type == WIRE_TYPE_JOB &&
        !bg_failed (WIRE_DECODE (job, document.body, WIRE_AS_MESSAGE, &self->scratch, &job, NULL)))
        *name = job.name;
    else if (document.type == WIRE_TYPE_WITHDRAWAL &&
             !bg_failed (WIRE_DECODE (
                 withdrawal, document.body, WIRE_AS_MESSAGE, &self->scratch, &gone, NULL)))
        *name = gone.object_name;
    return bg_ok ();
}

static bg_result not_run (
    node_core *self, const node_occurrence *item, bg_slice reason, bg_slice message, bg_error *err)
{
    const node_job *job = node_table_find (&self->jobs, item->job_key);
    bg_slice name = bg_slice_str (item->job_name);
    if (!item->job_name)
        BG_TRY (held_name (self, item->job_key, &name, err));
    BG_TRY (node_run_not_run (self,
        &(node_not_run){
            .job_key = item->job_key,
            .job_name = name,
            .job_version = job ? job->version : 0,
            .schedule = bg_slice_str (item->schedule),
            .nominal_us = item->nominal_us,
            .occurrence = item->id,
            .reason = reason,
            .message = message,
        },
        err));
    return node_occurrence_done (self, item->id, err);
}

/*  The schedule in the job that is held now; NULL when it is gone.  */
static const node_entry *find_entry (const node_job *job, const char *name)
{
    for (size_t i = 0; job && i < job->entry_count; i++)
        if (strcmp (job->entries[i].name, name) == 0)
            return &job->entries[i];
    return NULL;
}

static bg_result send (node_core *self, node_occurrence *item, bg_error *err)
{
    const node_job *job = node_table_find (&self->jobs, item->job_key);
    const node_entry *entry = find_entry (job, item->schedule);
    wire_exec_start start = {.has_job = true, .nominal_us = item->nominal_us, .fold = item->fold};
    bool found = false;
    if (entry)
        BG_TRY (node_document_held (self, item->job_key, &start.job, &found, err));
    if (found && !bg_id_is_zero (entry->use_key)) {
        BG_TRY (node_document_held (self, entry->use_key, &start.shared, &start.has_shared, err));
        found = start.has_shared;
    }
    if (!found)
        return not_run (self, item, bg_slice_str ("no-definition"),
            bg_slice_str ("the job or its schedule was removed before this run could begin"), err);
    start.schedule = entry->index;
    item->sent = item->maybe_sent = true;
    item->waiting = false;
    node_ask_exec (self, node_ask_new (NODE_ASK_OCCURRENCE, item->id), WIRE_EXEC_START, &start);
    return bg_ok ();
}

static bool is_late (const node_core *self, const node_occurrence *item)
{
    return self->now.utc_us > item->late_us;
}

/*  Nominal times ahead of the clock were due before it was set back: they do not wait for it.  */
static bool is_splayed (const node_core *self, const node_occurrence *item)
{
    return item->nominal_us <= self->now.utc_us && self->now.utc_us < item->start_us;
}

/*  Not yet: its splay, or its turn among those that run late.  */
static bool must_wait (const node_core *self, const node_occurrence *item)
{
    if (is_splayed (self, item))
        return true;
    const bool is_late = self->now.utc_us > item->start_us + NODE_PROMPT_US;
    if (!item->may_queue || (!is_late && !item->queues))
        return false;
    return node_runs_of (self, item->job_key, false) > 0 ||
           node_runs_of (self, item->job_key, true) > 0 || is_behind (self, item) ||
           is_another_sent (self, item);
}

static bg_result look_at (node_core *self, node_occurrence *item, bg_error *err)
{
    if (item->sent && !item->waiting)
        return bg_ok ();
    const bool knows = exec_is_known (self, item);
    if (is_late (self, item) && (knows || !item->maybe_sent)) {
        node_count (self, NODE_COUNT_MISFIRES);
        return not_run (self, item, bg_slice_str (self->missed_reason),
            bg_slice_str (knows ? "bugle-exec could not begin it in time"
                                : "bugle-exec was not there to begin it"),
            err);
    }
    const bool again = !item->waiting || item->inputs != self->inputs;
    if (!knows || !again || is_late (self, item) || must_wait (self, item))
        return bg_ok ();
    return send (self, item, err);
}

bg_result node_occurrences_pump (node_core *self, bg_error *err)
{
    for (size_t i = 0; i < self->occurrences.count;) {
        node_occurrence *item = self->occurrences.items[i];
        const bg_id id = item->id;
        BG_TRY (look_at (self, item, err));
        /*  It may be gone; then the next one has moved here.  */
        if (i < self->occurrences.count &&
            bg_id_equal (*(const bg_id *) self->occurrences.items[i], id))
            i++;
    }
    return bg_ok ();
}

int64_t node_occurrences_deadline (const node_core *self)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < self->occurrences.count; i++) {
        const node_occurrence *item = self->occurrences.items[i];
        const int64_t look_us =
            is_splayed (self, item) ? item->start_us : item->late_us + BG_MS (1);
        const bool unknown = item->maybe_sent && !exec_is_known (self, item);
        if ((!item->sent || item->waiting) && !unknown && look_us < first)
            first = look_us;
    }
    return first;
}

bg_result node_occurrence_verdict (
    node_core *self, bg_id id, const wire_exec_verdict *verdict, bg_error *err)
{
    node_occurrence *item = node_table_find (&self->occurrences, id);
    if (!item)
        return bg_ok ();
    if (bg_slice_is (verdict->code, "ok")) /*  it was begun before, and its outcome taken  */
        return node_occurrence_done (self, id, err);
    const bg_code code = bg_code_from_word ((const char *) verdict->code.data, verdict->code.size);
    if (code == BG_WAITING || bg_code_class (code) != BG_CLASS_REFUSE) {
        item->waiting = true;
        item->inputs = self->inputs;
        return bg_ok ();
    }
    return not_run (self, item, verdict->code, verdict->message, err);
}

static bool recover_occurrence (void *visitor, const node_occurrence_row *row)
{
    node_core *self = visitor;
    node_occurrence *item = bg_alloc (sizeof *item);
    item->id = row->occurrence;
    item->job_key = row->job_key;
    const node_job *job = node_table_find (&self->jobs, row->job_key);
    item->schedule = bg_slice_dup (row->schedule);
    item->job_name = job ? bg_strdup (job->name) : NULL; /*  looked up when it is wanted  */
    item->nominal_us = row->nominal_us;
    item->fold = (uint8_t) row->fold;
    item->maybe_sent = true;
    set_times (item, find_entry (job, item->schedule));
    item->queues = item->may_queue;
    node_table_insert (&self->occurrences, item);
    return true;
}

bg_result node_occurrences_recover (node_core *self, bg_error *err)
{
    const node_store *store = self->ports.store;
    return store->occurrence_each (store->ctx, recover_occurrence, self, err);
}
