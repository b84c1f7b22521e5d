/*  JOB_QUERY and STATUS_QUERY: reads of what is in memory, and one look at the history per job.  */
#include "broker/core/rooms.h"

#include "common/job/names.h"

#include <stdio.h>

#define LIMIT_DEFAULT 100u
#define AUDIENCE_MAX  1024u

static bg_result take_last (void *visitor, const broker_run_record *record, bg_error *err)
{
    (void) err;
    broker_document *job = visitor;
    job->last_state = record->state;
    job->last_us = record->finished_us ? record->finished_us : record->stored_us;
    return bg_ok ();
}

/*  How the newest run of a job ended; asked of the store once, then kept up to date by the reports.
*/
static bg_result know_last (broker_core *self, broker_document *job, bg_error *err)
{
    if (job->last_known)
        return bg_ok ();
    const broker_run_filter filter = {.job_key = job->key, .limit = 1};
    job->last_state = 0;
    job->last_us = 0;
    BG_TRY (self->store->runs (self->store->ctx, &filter, take_last, job, err));
    job->last_known = true;
    return bg_ok ();
}

static bg_slice audience_text (const wire_audience *audience, bg_arena *arena)
{
    BG_AUTO_BUF text = {0};
    wire_audience_text (audience, &text);
    if (text.size > AUDIENCE_MAX) {
        text.size = AUDIENCE_MAX - 3;
        bg_buf_append_str (&text, "...");
    }
    return bg_arena_copy (arena, bg_buf_slice (&text));
}

/*  ---- who holds what ----  */

#define HOLDERS_MAX      64u
#define HOLDER_NAMES_MAX 1000u
#define HOLDER_BYTES     (60u * 1024u) /*  of all names: the document has to fit as well  */

typedef struct {
    broker_request *request;
    wire_job_row *row;
    size_t name_bytes;
} holding;

/*  One group: those of set, which hold this version and for whom the newest is in this state.  */
static void add_holders (
    holding *self, const broker_bitmap *set, uint64_t version, uint64_t revision, uint64_t state)
{
    wire_job_row *row = self->row;
    const size_t count = broker_bitmap_size (set);
    if (count == 0 || row->holders_count == HOLDERS_MAX)
        return;
    wire_holder *holder = &row->holders[row->holders_count++];
    *holder =
        (wire_holder){.version = version, .revision = revision, .state = state, .count = count};
    holder->names = bg_arena_array (
        self->request->arena, bg_slice, count < HOLDER_NAMES_MAX ? count : HOLDER_NAMES_MAX);
    for (uint32_t number = broker_bitmap_next (set, 0);
         number && holder->names_count < HOLDER_NAMES_MAX;
         number = broker_bitmap_next (set, number)) {
        const broker_target *target = broker_target_at (self->request->core, number);
        const size_t size = strlen (target->name) + 3;
        if (self->name_bytes + size > HOLDER_BYTES)
            return;
        self->name_bytes += size;
        holder->names[holder->names_count++] = bg_slice_str (target->name);
    }
}

/*  Those in a state, by what they hold. left loses all that was told.  */
static void add_state (holding *self, const broker_document *job, uint64_t state)
{
    const broker_held *held = &job->held;
    broker_bitmap left = {0};
    broker_bitmap both = {0};
    broker_deliver_select (job, UINT64_C (1) << state, &left);
    broker_bitmap_keep (&left, &job->addressed);
    if (state == WIRE_DELIVERY_APPLIED) {
        add_holders (self, &left, job->version, job->revision, state);
        broker_bitmap_empty (&left);
    }
    for (size_t i = held->count + 1; i > 0 && broker_bitmap_next (&left, 0); i--) {
        const bool is_older = i == 1;
        const broker_held_set *set = is_older ? NULL : &held->sets[i - 2];
        broker_bitmap_copy (&both, &left);
        broker_bitmap_keep (&both, is_older ? &held->older : &set->numbers);
        add_holders (self, &both, is_older ? 1 : set->version, is_older ? 0 : set->revision, state);
        broker_bitmap_remove (&left, &both);
    }
    add_holders (self, &left, 0, 0, state);
    broker_bitmap_fini (&left);
    broker_bitmap_fini (&both);
}

static void fill_holders (broker_request *request, const broker_document *job, wire_job_row *row)
{
    static const uint64_t states[] = {WIRE_DELIVERY_APPLIED, WIRE_DELIVERY_PENDING,
        WIRE_DELIVERY_WAITING, WIRE_DELIVERY_FAILED, WIRE_DELIVERY_SKIPPED};
    holding self = {.request = request, .row = row};
    row->holders = bg_arena_array (request->arena, wire_holder, HOLDERS_MAX);
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        add_state (&self, job, states[i]);
}

static bg_result fill_documents (
    broker_request *request, broker_document *job, wire_job_row *row, bg_error *err)
{
    broker_core *self = request->core;
    fill_holders (request, job, row);
    BG_TRY (broker_document_signed (self, job, request->arena, &row->document, err));
    row->has_document = true;
    broker_document *follower = broker_document_switch (self, job);
    if (!follower)
        return bg_ok ();
    BG_TRY (broker_document_signed (self, follower, request->arena, &row->switch_document, err));
    row->has_switch_document = true;
    return bg_ok ();
}

/*  Of a job that is enabled, by the switch or without one: the end that comes first; 0: none.  */
static int64_t enabled_until (const broker_document *job, const broker_document *by)
{
    const int64_t of_switch = by != job && !by->disabled ? by->disabled_until_us : 0;
    const int64_t of_job = job->enabled_until_us;
    return of_switch != 0 && (of_job == 0 || of_switch < of_job) ? of_switch : of_job;
}

static bg_result fill_row (
    broker_request *request, broker_document *job, bool documents, wire_job_row *row, bg_error *err)
{
    broker_core *self = request->core;
    const broker_document *by = NULL;
    BG_TRY (know_last (self, job, err));
    *row = (wire_job_row){.name = bg_slice_str (job->name),
        .key = job->key,
        .version = job->version,
        .revision = job->revision,
        .targets = (uint32_t) broker_bitmap_size (&job->addressed),
        .applied = (uint32_t) broker_bitmap_size_both (&job->applied, &job->addressed),
        .waiting = (uint32_t) broker_bitmap_size_both (&job->waiting, &job->addressed),
        .failed = (uint32_t) broker_bitmap_size_both (&job->failed, &job->addressed),
        .running = job->running,
        .waiting_runs = job->waiting_runs,
        .spent = (uint32_t) broker_bitmap_size_both (&job->spent, &job->addressed),
        .owner = bg_slice_str (broker_document_owner (job)),
        .last_state = job->last_state,
        .last_us = job->last_us,
        .category = bg_slice_str (job->category),
        .audience = audience_text (&job->audience, request->arena),
        .posted_by = bg_slice_str (job->posted_by),
        .posted_us = job->posted_us,
        .steps = job->steps,
        .schedules = job->schedules};
    row->disabled = broker_document_is_disabled (self, job, request->now.utc_us, &by);
    row->disabled_reason = bg_slice_str (by->disabled_reason);
    if (row->disabled)
        row->disabled_until_us = by->disabled && by != job ? by->disabled_until_us : 0;
    else
        row->enabled_until_us = enabled_until (job, by);
    const broker_document *follower = broker_document_with_key (self, job->object_key);
    if (follower)
        row->switch_version = follower->version;
    return documents ? fill_documents (request, job, row, err) : bg_ok ();
}

/*  One name: the job; or, when it is withdrawn, the version that a new definition has to exceed.
*/
static bg_result one_job (
    broker_request *request, const wire_job_query *query, wire_jobs *answer, bg_error *err)
{
    broker_core *self = request->core;
    bg_id key = wire_document_key (self->settings.installation, WIRE_TYPE_JOB, query->name);
    const broker_document *document = broker_document_with_key (self, key);
    if (document && document->type == WIRE_TYPE_WITHDRAWAL) {
        answer->withdrawn = bg_arena_array (request->arena, wire_held, 1);
        answer->withdrawn[0] = (wire_held){.key = key, .version = document->version};
        answer->withdrawn_count = 1;
        return bg_ok ();
    }
    broker_document *job = NULL;
    BG_TRY (broker_document_find_job (self, query->name, &job, err));
    answer->rows = bg_arena_array (request->arena, wire_job_row, 1);
    answer->rows_count = 1;
    answer->total = 1;
    return fill_row (request, job, query->documents, &answer->rows[0], err);
}

/*  A calendar also through a schedule.  */
static bool uses_key (const broker_core *self, const broker_document *job, bg_id key)
{
    if (broker_shared_is_used_by (job, key))
        return true;
    for (size_t i = 0; i < job->use_count; i++) {
        const broker_document *schedule = broker_document_with_key (self, job->uses[i]);
        if (schedule && broker_shared_is_used_by (schedule, key))
            return true;
    }
    return false;
}

/*  Empty: all. A name may be that of a schedule and of a calendar.  */
static bool uses (const broker_core *self, const broker_document *job, bg_slice name)
{
    static const wire_type types[] = {WIRE_TYPE_SCHEDULE, WIRE_TYPE_CALENDAR};
    for (size_t i = 0; name.size > 0 && i < sizeof types / sizeof types[0]; i++)
        if (uses_key (self, job, wire_document_key (self->settings.installation, types[i], name)))
            return true;
    return name.size == 0;
}

/*  Jobs that use nothing because there is no such thing are a mistake.  */
static bg_result check_used (const broker_core *self, bg_slice name, bg_error *err)
{
    broker_document *found = NULL;
    bg_error why = {0};
    if (name.size == 0 ||
        bg_is_ok (broker_document_find (self, WIRE_TYPE_CALENDAR, name, &found, &why)))
        return bg_ok ();
    bg_result result = broker_document_find (self, WIRE_TYPE_SCHEDULE, name, &found, err);
    if (bg_is_ok (result))
        return result;
    if (why.hint[0] == 'd' && err->hint[0] != 'd')
        *err = why;
    return result;
}

/*  What the broker knows without looking into the definition.  */
static bool is_wanted (const wire_job_query *query, const broker_document *job)
{
    return (query->category.size == 0 ||
               job_name_compare (query->category, bg_slice_str (job->category)) == 0) &&
           (query->owner.size == 0 ||
               job_name_compare (query->owner, bg_slice_str (broker_document_owner (job))) == 0);
}

static bg_result page_of_jobs (
    broker_request *request, const wire_job_query *query, wire_jobs *answer, bg_error *err)
{
    broker_core *self = request->core;
    size_t limit = query->limit ? query->limit : LIMIT_DEFAULT;
    size_t count = 0;
    size_t bytes = 0;
    BG_AUTO_BUF after = {0};
    broker_document **jobs = broker_document_order (self, &count);
    job_name_key (query->after, &after);
    BG_TRY (check_used (self, query->uses, err));
    answer->rows = bg_arena_array (request->arena, wire_job_row, limit + 1);
    for (size_t i = 0; i < count; i++) {
        if (!broker_document_is_live (jobs[i]) || !is_wanted (query, jobs[i]) ||
            !uses (self, jobs[i], query->uses))
            continue;
        answer->total++;
        if (answer->more ||
            (after.size > 0 && strcmp (jobs[i]->name_key, bg_buf_cstr (&after)) <= 0))
            continue;
        if (answer->rows_count == limit) {
            answer->more = true;
            continue;
        }
        wire_job_row *row = &answer->rows[answer->rows_count];
        BG_TRY (fill_row (request, jobs[i], query->documents, row, err));
        bg_buf_clear (&self->scratch);
        wire_encode (&wire_desc_job_row, row, &self->scratch);
        bytes += self->scratch.size;
        if (answer->rows_count > 0 && bytes > BROKER_PAGE_BYTES)
            answer->more = true;
        else
            answer->rows_count++;
    }
    return bg_ok ();
}

bg_result broker_on_job_query (broker_request *request, bg_error *err)
{
    const wire_job_query *query = request->body;
    wire_jobs answer = {0};
    if (query->name.size > 0)
        BG_TRY (one_job (request, query, &answer, err));
    else
        BG_TRY (page_of_jobs (request, query, &answer, err));
    broker_answer (request, WIRE_JOBS, &answer);
    return bg_ok ();
}
