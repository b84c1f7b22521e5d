/*  HISTORY_QUERY: runs that are over, newest first, by pages of rows before a row.  */
#include "broker/core/state.h"

#include "common/job/names.h"

#define LIMIT_DEFAULT  50u
#define REVISIONS_KEPT 16u

typedef struct {
    bg_id key;
    uint64_t version;
    uint64_t revision;
} known_revision;

typedef struct {
    broker_request *request;
    wire_history answer;
    size_t limit;
    size_t bytes;
    known_revision revisions[REVISIONS_KEPT];
    size_t revision_count;
} history_work;

/*  The "(vN)" of a run: the number of its job's version at this broker; 0 when it is not known.  */
static bg_result revision_of (
    history_work *work, const wire_run *run, uint64_t *revision, bg_error *err)
{
    broker_core *self = work->request->core;
    const broker_document *document = broker_document_with_key (self, run->job_key);
    if (document && document->version == run->job_version) {
        *revision = document->revision;
        return bg_ok ();
    }
    for (size_t i = 0; i < work->revision_count; i++)
        if (bg_id_equal (work->revisions[i].key, run->job_key) &&
            work->revisions[i].version == run->job_version) {
            *revision = work->revisions[i].revision;
            return bg_ok ();
        }
    BG_AUTO_ARENA arena = {0};
    broker_document_record record = {0};
    bool found = false;
    if (run->job_version != 0)
        BG_TRY (self->store->document_get (
            self->store->ctx, run->job_key, run->job_version, &arena, &record, &found, err));
    *revision = found ? record.revision : 0;
    if (work->revision_count < REVISIONS_KEPT)
        work->revisions[work->revision_count++] = (known_revision){
            .key = run->job_key, .version = run->job_version, .revision = *revision};
    return bg_ok ();
}

static bg_result take_row (void *visitor, const broker_run_record *record, bg_error *err)
{
    history_work *work = visitor;
    bg_arena *arena = work->request->arena;
    broker_core *self = work->request->core;
    if (work->answer.more || work->answer.rows_count == work->limit) {
        work->answer.more = true;
        return bg_ok ();
    }
    bg_slice bytes = record->output.size ? record->output : record->bytes;
    work->bytes += bytes.size + 200;
    if (work->answer.rows_count > 0 && work->bytes > BROKER_PAGE_BYTES) {
        work->answer.more = true;
        return bg_ok ();
    }
    wire_history_row *row = &work->answer.rows[work->answer.rows_count];
    *row = (wire_history_row){
        .row = (uint64_t) record->row, .has_run = true, .stored_us = record->stored_us};
    if (bg_failed (WIRE_DECODE (
            run, bg_arena_copy (arena, bytes), WIRE_AS_MESSAGE, arena, &row->run, err)))
        return broker_stored_badly (err, "a run");
    const broker_target *target = broker_target_at (self, record->number);
    row->target = target ? bg_slice_str (target->name) : bg_slice_str ("?");
    BG_TRY (revision_of (work, &row->run, &row->revision, err));
    work->answer.rows_count++;
    work->answer.next_before = (uint64_t) record->row;
    return bg_ok ();
}

/*  Also a target that has defected has a history: the newest of that name.  */
static bg_result number_of (broker_core *self, bg_slice name, uint32_t *number, bg_error *err)
{
    broker_target *target = broker_target_named (self, name);
    for (uint32_t at = self->next_number; !target && at > 0; at--) {
        broker_target *candidate = broker_target_at (self, at);
        if (candidate && job_name_compare (bg_slice_str (candidate->name), name) == 0)
            target = candidate;
    }
    if (!target)
        BG_TRY (broker_target_find (self, name, &target, err));
    *number = target->number;
    return bg_ok ();
}

static bg_result job_of (broker_core *self, bg_slice name, bg_id *key, bg_error *err)
{
    broker_document *job = NULL;
    *key = wire_document_key (self->settings.installation, WIRE_TYPE_JOB, name);
    return broker_document_with_key (self, *key) ? bg_ok ()
                                                 : broker_document_find_job (self, name, &job, err);
}

bg_result broker_on_history_query (broker_request *request, bg_error *err)
{
    const wire_history_query *query = request->body;
    broker_core *self = request->core;
    history_work work = {.request = request, .limit = query->limit ? query->limit : LIMIT_DEFAULT};
    broker_run_filter filter = {.exec = query->exec,
        .since_us = query->since_us,
        .until_us = query->until_us,
        .before = (int64_t) query->before,
        .limit = (uint32_t) work.limit + 1,
        .output = query->output};
    if (query->job.size > 0)
        BG_TRY (job_of (self, query->job, &filter.job_key, err));
    if (query->target.size > 0)
        BG_TRY (number_of (self, query->target, &filter.number, err));
    for (size_t i = 0; i < query->states_count; i++) {
        if (query->states[i] >= BROKER_RUN_STATES)
            return bg_fail (err, BG_INVALID, "there is no run state %llu",
                (unsigned long long) query->states[i]);
        filter.states |= 1u << query->states[i];
    }
    work.answer.rows = bg_arena_array (request->arena, wire_history_row, work.limit);
    BG_TRY (self->store->runs (self->store->ctx, &filter, take_row, &work, err));
    broker_answer (request, WIRE_HISTORY, &work.answer);
    return bg_ok ();
}
