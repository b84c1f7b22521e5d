/*  HISTORY_QUERY: runs newest first, by pages. What still runs comes first, on the first page; then what is over.
    Oldest first it is the other way round, and what still runs comes last.

    A filter that an index does not know is tried on a bounded number of runs: the page then may be short or empty
    although there is more, and says where to go on.  */
#include "broker/core/rooms.h"

#include "common/job/names.h"

#include <stdlib.h>

#define LIMIT_DEFAULT  50u
#define REVISIONS_KEPT 16u
#define SCAN_MAX       4000u /*  runs that one page looks at: well within 20 ms  */
#define SCAN_STEPS_MAX 2000u /*  the same where each has to be decoded  */

typedef struct {
    bg_id key;
    uint64_t version;
    uint64_t revision;
} known_revision;

typedef struct {
    broker_request *request;
    const wire_history_query *query;
    wire_history answer;
    size_t limit;
    size_t bytes;
    bool is_open; /*  rows of runs that are not over come  */
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

static uint64_t retries_of (const wire_step_result *step)
{
    return step->attempts > 0 ? step->attempts - 1 : 0;
}

/*  Whether it took so long. Times are as the target told them: they may be anything, and lie any way apart.  */
static bool took (const wire_step_result *step, uint64_t least_us)
{
    return step->finished_us != 0 && step->finished_us >= step->started_us &&
           (uint64_t) step->finished_us - (uint64_t) step->started_us >= least_us;
}

/*  What is asked of steps: of the named one, or of any.  */
static bool steps_fit (const wire_history_query *query, const wire_run *run)
{
    if (query->step.size == 0 && query->min_retries == 0)
        return true;
    for (size_t i = 0; i < run->steps_count; i++) {
        const wire_step_result *step = &run->steps[i];
        if (retries_of (step) < query->min_retries)
            continue;
        if (query->step.size == 0)
            return true;
        if (job_name_compare (step->name, query->step) == 0 &&
            (query->min_duration_us == 0 || took (step, query->min_duration_us)))
            return true;
    }
    return false;
}

/*  Before anything of it is kept: most do not fit.  */
static bool bytes_fit (const history_work *work, bg_slice bytes)
{
    if (work->query->step.size == 0 && work->query->min_retries == 0)
        return true;
    BG_AUTO_ARENA arena = {0};
    wire_run run;
    return bg_failed (WIRE_DECODE (run, bytes, WIRE_AS_MESSAGE, &arena, &run, NULL)) ||
           steps_fit (work->query, &run);
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
    if (!work->is_open && !bytes_fit (work, record->bytes))
        return bg_ok ();
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

static bool open_run_fits (const broker_open_run *run, const broker_run_filter *filter)
{
    const uint32_t state = 1u << (run->waiting ? WIRE_RUN_WAITING : WIRE_RUN_RUNNING);
    return (filter->states == 0 || (filter->states & state) != 0) &&
           (bg_id_is_zero (filter->job_key) || bg_id_equal (run->job_key, filter->job_key)) &&
           (filter->number == 0 || run->number == filter->number) &&
           (bg_id_is_zero (filter->exec) || bg_id_equal (run->exec, filter->exec)) &&
           (filter->since_us == 0 || run->started_us >= filter->since_us) &&
           (filter->until_us == 0 || run->started_us < filter->until_us);
}

static int newest_first (const void *a, const void *b)
{
    const broker_open_run *first = *(broker_open_run *const *) a;
    const broker_open_run *second = *(broker_open_run *const *) b;
    if (first->started_us != second->started_us)
        return first->started_us > second->started_us ? -1 : 1;
    return bg_id_compare (second->run, first->run);
}

static bg_result stored_bytes (
    history_work *work, const broker_open_run *run, bg_slice *bytes, bg_error *err)
{
    const broker_store *store = work->request->core->store;
    broker_open_run_record record = {0};
    bool found = false;
    BG_TRY (store->open_run_get (store->ctx, run->run, work->request->arena, &record, &found, err));
    if (!found)
        return broker_stored_badly (err, "an open run");
    *bytes = record.bytes;
    return bg_ok ();
}

/*  Runs that have begun and not ended, as far as the filter wants them.  */
static bg_result take_open_runs (history_work *work, const broker_run_filter *filter, bg_error *err)
{
    broker_core *self = work->request->core;
    const wire_history_query *query = work->query;
    /*  Of these nothing is known before they are over.  */
    const bool wanted = query->step.size == 0 && query->min_retries == 0 &&
                        query->min_duration_us == 0 && query->reason.size == 0 &&
                        query->due_since_us == 0 && query->due_until_us == 0;
    if (!wanted || (filter->before != 0 && !filter->oldest_first) ||
        (filter->oldest_first && work->answer.more))
        return bg_ok ();
    size_t count = 0;
    work->is_open = true;
    broker_open_run **found =
        bg_arena_array (work->request->arena, broker_open_run *, HASH_COUNT (self->open_runs) + 1);
    for (broker_open_run *run = self->open_runs; run; run = run->hh.next) {
        if (open_run_fits (run, filter))
            found[count++] = run;
    }
    qsort (found, count, sizeof *found, newest_first);
    for (size_t i = 0; i < count; i++) {
        const broker_open_run *run = found[filter->oldest_first ? count - 1 - i : i];
        broker_run_record record = {.run = run->run,
            .number = run->number,
            .exec = run->exec,
            .started_us = run->started_us,
            .stored_us = run->started_us,
            .bytes = bg_buf_slice (&run->bytes)};
        if (record.bytes.size == 0)
            BG_TRY (stored_bytes (work, run, &record.bytes, err));
        BG_TRY (take_row (work, &record, err));
    }
    work->is_open = false;
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

static bg_result states_of (const wire_history_query *query, uint32_t *states, bg_error *err)
{
    for (size_t i = 0; i < query->states_count; i++) {
        if (!wire_run_state_word (query->states[i]))
            return bg_fail (err, BG_INVALID, "there is no run state %llu",
                (unsigned long long) query->states[i]);
        *states |= 1u << query->states[i];
    }
    return bg_ok ();
}

/*  An index finds a job, a target, an execution and a time; all else is looked for among so many runs.  */
static void bound_scan (const wire_history_query *query, broker_run_filter *filter)
{
    const bool looks_inside = query->step.size > 0 || query->min_retries > 0;
    const int chosen = (query->job.size > 0) + (query->target.size > 0) +
                       !bg_id_is_zero (query->exec) +
                       (filter->due_since_us != 0 || filter->due_until_us != 0);
    if (looks_inside)
        filter->scan = filter->limit = SCAN_STEPS_MAX;
    else if (filter->states || filter->reason.size || filter->min_duration_us || chosen > 1)
        filter->scan = SCAN_MAX;
}

static bg_result filter_of (
    history_work *work, broker_run_filter *filter, int64_t *scan_end, bg_error *err)
{
    const wire_history_query *query = work->query;
    broker_core *self = work->request->core;
    *filter = (broker_run_filter){.exec = query->exec,
        .since_us = query->since_us,
        .until_us = query->until_us,
        .before = (int64_t) query->before,
        .limit = (uint32_t) work->limit + 1,
        .output = query->output,
        .oldest_first = query->oldest_first,
        .reason = query->reason,
        .min_duration_us = query->step.size ? 0 : (int64_t) query->min_duration_us,
        .due_since_us = query->due_since_us,
        .due_until_us = query->due_until_us,
        .scan_end = scan_end};
    if (query->job.size > 0)
        BG_TRY (job_of (self, query->job, &filter->job_key, err));
    if (query->target.size > 0)
        BG_TRY (number_of (self, query->target, &filter->number, err));
    BG_TRY (states_of (query, &filter->states, err));
    bound_scan (query, filter);
    if (filter->due_since_us == 0 && filter->due_until_us == 0)
        return bg_ok ();
    if (query->job.size == 0)
        return bg_fail (err, BG_INVALID, "times at which runs were due are asked of one job");
    if (query->since_us != 0 || query->until_us != 0)
        return bg_fail (
            err, BG_INVALID, "runs are asked for by when they were due or by when they ran");
    return bg_ok ();
}

bg_result broker_on_history_query (broker_request *request, bg_error *err)
{
    const wire_history_query *query = request->body;
    broker_core *self = request->core;
    history_work work = {
        .request = request, .query = query, .limit = query->limit ? query->limit : LIMIT_DEFAULT};
    broker_run_filter filter;
    int64_t scan_end = 0;
    BG_TRY (filter_of (&work, &filter, &scan_end, err));
    work.answer.rows = bg_arena_array (request->arena, wire_history_row, work.limit);
    if (!query->oldest_first)
        BG_TRY (take_open_runs (&work, &filter, err));
    BG_TRY (self->store->runs (self->store->ctx, &filter, take_row, &work, err));
    if (!work.answer.more && scan_end != 0) {
        work.answer.more = true;
        work.answer.next_before = (uint64_t) scan_end;
    }
    if (query->oldest_first)
        BG_TRY (take_open_runs (&work, &filter, err));
    broker_answer (request, WIRE_HISTORY, &work.answer);
    return bg_ok ();
}
