/*  Questions on the control socket: the state, the jobs that are held or were refused, one with its documents, the history.
    Changes nothing.

    An answer has at most JOBS_MAX jobs, and runs of PAGE_BYTES; who asks goes on from `next`.  */
#include "node/core/rooms.h"

#include "common/job/names.h"

#define JOBS_MAX   1000u
#define RUNS_MAX   1000u
#define PAGE_BYTES (200u * 1024) /*  an outcome more fits the socket all the same  */

/*  ---- jobs ----  */

static bool take_last (void *visitor, const node_history_row *row)
{
    bg_buf *blob = visitor;
    bg_buf_append_slice (blob, row->blob);
    return false;
}

/*  How its newest run went.  */
static bg_result add_last_run (node_core *self, wire_control_job *out, bg_error *err)
{
    const node_store *store = self->ports.store;
    BG_AUTO_BUF blob = {0};
    BG_AUTO_ARENA arena = {0};
    wire_run run;
    BG_TRY (store->history_page (store->ctx, out->key, 0, 1, take_last, &blob, err));
    if (blob.size == 0 ||
        bg_failed (WIRE_DECODE (run, bg_buf_slice (&blob), WIRE_AS_MESSAGE, &arena, &run, NULL)))
        return bg_ok ();
    out->last_state = run.state;
    out->last_us =
        run.state == WIRE_RUN_NOT_RUN && run.nominal_us ? run.nominal_us : run.started_us;
    out->last_reason = bg_arena_copy (&self->scratch, run.reason);
    return bg_ok ();
}

/*  What keeps the version that is held, or the next one, from counting.  */
static bg_result add_refusal (node_core *self, bg_id key, wire_control_job *out, bg_error *err)
{
    const node_store *store = self->ports.store;
    const node_slot *slot = node_slot_find (self, key);
    const node_local *local = node_local_find (self, key);
    if (local && *local->code) {
        out->code = bg_slice_str (local->code);
        out->message = bg_slice_str (local->message);
        out->refused_version = local->version;
    }
    if (!slot || (!slot->refused.there && !slot->waiting.there))
        return bg_ok ();
    const node_place place = slot->refused.there ? NODE_PLACE_REFUSED : NODE_PLACE_WAITING;
    node_document_row row;
    bool found = false;
    BG_TRY (store->document_get (store->ctx, place, key, &self->scratch, &row, &found, err));
    if (!found)
        return bg_ok ();
    out->code = row.code;
    out->message = row.message;
    out->refused_version = row.version;
    if (out->name.size == 0)
        out->name = node_cut (node_document_name (self, row.signed_item), 128);
    return bg_ok ();
}

static bg_result add_documents (node_core *self, wire_control_job *out, bg_error *err)
{
    const node_local *local = node_local_find (self, out->key);
    const bg_id installation = local ? local->installation : self->identity.installation;
    const bg_id switch_key = wire_switch_key (installation, WIRE_TYPE_JOB, out->name);
    BG_TRY (node_document_held (self, out->key, &out->document, &out->has_document, err));
    return node_document_held (
        self, switch_key, &out->switch_document, &out->has_switch_document, err);
}

/*  Downloaded ones are all of one category here, whatever their documents say.  */
static bg_result add_category (node_core *self, wire_control_job *out, bg_error *err)
{
    wire_signed item;
    wire_document document;
    wire_job body;
    bool found = false;
    BG_TRY (node_document_held (self, out->key, &item, &found, err));
    if (found &&
        !bg_failed (
            WIRE_DECODE (document, item.bytes, WIRE_AS_MESSAGE, &self->scratch, &document, NULL)) &&
        !bg_failed (WIRE_DECODE (job, document.body, WIRE_AS_MESSAGE, &self->scratch, &body, NULL)))
        out->category = body.category;
    return bg_ok ();
}

/*  A schedule that does not run, unless there is something worse to say.  */
static void add_problem (node_core *self, const node_job *job, wire_control_job *out)
{
    for (size_t i = 0; i < job->entry_count && !out->code.size; i++) {
        const node_entry *entry = &job->entries[i];
        if (entry->usable)
            continue;
        out->code = bg_slice_str (bg_code_word (BG_NOT_FOUND));
        out->message =
            node_cut (bg_arena_printf (&self->scratch, "schedule \"%s\" does not run: %s",
                          entry->name, entry->problem),
                512);
    }
}

static bg_result add_held (
    node_core *self, const wire_control_query *wanted, wire_control_answer *answer, bg_error *err)
{
    for (size_t i = 0; i < self->jobs.count && answer->jobs_count < JOBS_MAX; i++) {
        const node_job *job = self->jobs.items[i];
        if (wanted->job.size && job_name_compare (wanted->job, bg_slice_str (job->name)) != 0)
            continue;
        wire_control_job *out = &answer->jobs[answer->jobs_count++];
        node_describe_job (self, job, out);
        BG_TRY (add_last_run (self, out, err));
        BG_TRY (add_refusal (self, job->key, out, err));
        add_problem (self, job, out);
        if (job->local)
            BG_TRY (add_category (self, out, err));
        if (wanted->document)
            BG_TRY (add_documents (self, out, err));
    }
    return bg_ok ();
}

/*  Of jobs that are not held at all: their first version was refused, or waits.  */
static bg_result add_refused (
    node_core *self, const wire_control_query *wanted, wire_control_answer *answer, bg_error *err)
{
    for (size_t i = 0; i < self->slots.count && answer->jobs_count < JOBS_MAX; i++) {
        const node_slot *slot = self->slots.items[i];
        if (node_table_find (&self->jobs, slot->key) || slot->type != WIRE_TYPE_JOB)
            continue;
        wire_control_job out = {.key = slot->key};
        BG_TRY (add_refusal (self, slot->key, &out, err));
        const bool is_meant = !wanted->job.size || job_name_compare (wanted->job, out.name) == 0;
        if (out.name.size && is_meant)
            answer->jobs[answer->jobs_count++] = out;
    }
    return bg_ok ();
}

/*  A local job that was deleted: the next one of its name has to have a higher version.  */
static void add_deleted (
    node_core *self, const wire_control_query *wanted, wire_control_answer *answer)
{
    const bg_id key = wire_document_key (self->exec.local_installation, WIRE_TYPE_JOB, wanted->job);
    const node_local *local = node_local_find (self, key);
    if (local && local->type == WIRE_TYPE_WITHDRAWAL)
        answer->jobs[answer->jobs_count++] = (wire_control_job){.name = wanted->job,
            .key = key,
            .version = local->version,
            .local = true,
            .code = bg_slice_str (bg_code_word (BG_NOT_FOUND))};
}

static bg_result query_jobs (
    node_core *self, const wire_control_query *wanted, wire_control_answer *answer, bg_error *err)
{
    answer->jobs = bg_arena_array (&self->scratch, wire_control_job, JOBS_MAX);
    BG_TRY (add_held (self, wanted, answer, err));
    BG_TRY (add_refused (self, wanted, answer, err));
    if (wanted->job.size && answer->jobs_count == 0)
        add_deleted (self, wanted, answer);
    return bg_ok ();
}

/*  ---- runs ----  */

typedef struct {
    node_core *core;
    bg_slice job;
    size_t limit;
    size_t bytes;
    wire_control_answer *answer;
} page;

static bool take_run (void *visitor, const node_history_row *row)
{
    page *at = visitor;
    wire_control_answer *answer = at->answer;
    const bg_slice blob = bg_arena_copy (&at->core->scratch, row->blob);
    wire_run *run = &answer->runs[answer->runs_count];
    if (bg_failed (WIRE_DECODE (run, blob, WIRE_AS_MESSAGE, &at->core->scratch, run, NULL)) ||
        (at->job.size && job_name_compare (at->job, run->job_name) != 0))
        return true;
    answer->more = answer->runs_count == at->limit ||
                   (answer->runs_count > 0 && at->bytes + row->blob.size > PAGE_BYTES);
    if (answer->more)
        return false;
    at->bytes += row->blob.size;
    answer->runs_count++;
    answer->next = row->row;
    return true;
}

static bg_id key_of (const node_core *self, bg_slice name)
{
    for (size_t i = 0; name.size && i < self->jobs.count; i++) {
        const node_job *job = self->jobs.items[i];
        if (job_name_compare (name, bg_slice_str (job->name)) == 0)
            return job->key;
    }
    return (bg_id){0};
}

/*  Of a job that is not held any more only the name is known: then all rows are looked at.  */
static bg_result query_history (
    node_core *self, const wire_control_query *wanted, wire_control_answer *answer, bg_error *err)
{
    const node_store *store = self->ports.store;
    page at = {.core = self,
        .job = wanted->job,
        .limit = wanted->limit ? (size_t) wanted->limit : RUNS_MAX,
        .answer = answer};
    answer->runs = bg_arena_array (&self->scratch, wire_run, at.limit + 1);
    return store->history_page (
        store->ctx, key_of (self, wanted->job), wanted->before, SIZE_MAX, take_run, &at, err);
}

static bg_result query_run (
    node_core *self, const wire_control_query *wanted, wire_control_answer *answer, bg_error *err)
{
    const node_store *store = self->ports.store;
    node_history_row row;
    bool found = false;
    BG_TRY (store->history_get (store->ctx, wanted->run, &self->scratch, &row, &found, err));
    answer->runs = bg_arena_array (&self->scratch, wire_run, 1);
    if (found && !bg_failed (WIRE_DECODE (
                     run, row.blob, WIRE_AS_MESSAGE, &self->scratch, answer->runs, NULL)))
        answer->runs_count = 1;
    return bg_ok ();
}

/*  ---- the question ----  */

bg_result node_control_query (
    node_core *self, uint64_t control, const wire_control_query *wanted, bg_error *err)
{
    wire_control_answer answer = {.code = bg_slice_str ("ok")};
    node_control_describe (self, &answer, false);
    if (wanted->state) {
        answer.has_state = true;
        BG_TRY (node_describe_state (self, &answer.state, err));
    }
    if (wanted->jobs)
        BG_TRY (query_jobs (self, wanted, &answer, err));
    if (!bg_id_is_zero (wanted->run))
        BG_TRY (query_run (self, wanted, &answer, err));
    else if (wanted->history)
        BG_TRY (query_history (self, wanted, &answer, err));
    node_reply (self, control, &answer);
    return bg_ok ();
}
