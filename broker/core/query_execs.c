/*  EXEC_QUERY: executions, newest first; for one of them also the targets grouped by how it ended
    there.  */
#include "broker/core/rooms.h"

#include "common/base/utf8.h"

#include <stdio.h>

#define LIMIT_DEFAULT 50u
#define SEARCH_PAGE   500u
#define SEARCH_MAX    10000u /*  newest executions among which a piece of an id is looked up  */
#define GROUPS_MAX    64u
#define NAMES_MAX     1000u
#define NAMES_BYTES   (120u * 1024u)
#define SAMPLE_MAX    200u

/*  ---- groups ----  */

typedef struct {
    broker_request *request;
    const broker_execution *execution;
    wire_exec_group *groups;
    size_t count;
    size_t name_bytes;
    size_t seen;
    int64_t last_row;
    broker_bitmap reported;
} grouping;

static wire_exec_group *group_of (grouping *work, uint64_t state, bg_slice reason, bg_slice result)
{
    for (size_t i = 0; i < work->count; i++)
        if (work->groups[i].state == state && bg_slice_equal (work->groups[i].reason, reason) &&
            bg_slice_equal (work->groups[i].result, result))
            return &work->groups[i];
    if (work->count == GROUPS_MAX)
        return &work->groups[GROUPS_MAX - 1];
    bg_arena *arena = work->request->arena;
    wire_exec_group *group = &work->groups[work->count++];
    *group = (wire_exec_group){.state = state,
        .reason = bg_arena_copy (arena, reason),
        .result = bg_arena_copy (arena, result),
        .names = bg_arena_array (arena, bg_slice, NAMES_MAX)};
    return group;
}

static void add_target (grouping *work, wire_exec_group *group, uint32_t number)
{
    const broker_target *target = broker_target_at (work->request->core, number);
    group->count++;
    if (!target || group->names_count == NAMES_MAX || work->name_bytes > NAMES_BYTES)
        return;
    group->names[group->names_count++] = bg_slice_str (target->name);
    work->name_bytes += strlen (target->name) + 3;
}

/*  The step that decided: the last one that did not succeed.  */
static const wire_step_result *deciding_step (const wire_run *run)
{
    for (size_t i = run->steps_count; i > 0; i--)
        if (run->steps[i - 1].state != WIRE_RESULT_SUCCEEDED)
            return &run->steps[i - 1];
    return NULL;
}

static bg_slice result_text (const wire_step_result *step, bg_arena *arena)
{
    if (!step)
        return bg_slice_str ("");
    if (step->timed_out)
        return bg_slice_str ("timeout");
    if (step->signal)
        return bg_arena_printf (arena, "signal %llu", (unsigned long long) step->signal);
    return bg_arena_printf (arena, "exit %lld", (long long) step->exit_code);
}

/*  The last line that says something, fit for a terminal.  */
static bg_slice sample_text (const wire_run *run, const wire_step_result *step, bg_arena *arena)
{
    bg_slice text = step && step->tail.size      ? step->tail
                    : step && step->head.size    ? step->head
                    : step && step->message.size ? step->message
                                                 : run->message;
    while (text.size > 0 && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == ' '))
        text.size--;
    if (text.size == 0)
        return text;
    size_t begin = text.size;
    while (begin > 0 && text.data[begin - 1] != '\n' && text.size - begin < SAMPLE_MAX)
        begin--;
    /*  A long line begins in its middle: not in the middle of a character.  */
    while (begin < text.size && (text.data[begin] & 0xc0) == 0x80)
        begin++;
    bg_slice copy = bg_arena_copy (arena, bg_slice_of (text.data + begin, text.size - begin));
    uint8_t *bytes = (uint8_t *) (uintptr_t) copy.data;
    for (size_t i = 0; i < copy.size; i++)
        if (bytes[i] < ' ' || bytes[i] == 0x7f)
            bytes[i] = '?';
    const bool is_text = bg_utf8_valid (copy) && !bg_has_control (copy, false);
    for (size_t i = 0; i < copy.size && !is_text; i++)
        if (bytes[i] > 0x7f)
            bytes[i] = '?';
    return copy;
}

static bg_result group_run (void *visitor, const broker_run_record *record, bg_error *err)
{
    grouping *work = visitor;
    work->seen++;
    work->last_row = record->row;
    /*  Canceled here before the target had heard of it: that it did not run is no news.  */
    if (!broker_bitmap_has (&work->execution->addressed, record->number) ||
        broker_bitmap_has (&work->execution->canceled, record->number) ||
        !broker_bitmap_set (&work->reported, record->number))
        return bg_ok ();
    if (record->state == WIRE_RUN_SUCCEEDED) {
        add_target (work, group_of (work, record->state, bg_slice_str (""), bg_slice_str ("")),
            record->number);
        return bg_ok ();
    }
    BG_AUTO_ARENA arena = {0};
    wire_run run;
    bg_slice bytes = record->output.size ? record->output : record->bytes;
    if (bg_failed (WIRE_DECODE (run, bytes, WIRE_AS_MESSAGE, &arena, &run, err)))
        return broker_stored_badly (err, "a run");
    const wire_step_result *step = deciding_step (&run);
    wire_exec_group *group =
        group_of (work, record->state, record->reason, result_text (step, &arena));
    if (group->sample.size == 0)
        group->sample = sample_text (&run, step, work->request->arena);
    add_target (work, group, record->number);
    return bg_ok ();
}

static bg_result group_runs (grouping *work, uint32_t states, bool output, bg_error *err)
{
    const broker_store *store = work->request->core->store;
    broker_run_filter filter = {
        .exec = work->execution->id, .states = states, .limit = BROKER_PIECE, .output = output};
    do {
        work->seen = 0;
        BG_TRY (store->runs (store->ctx, &filter, group_run, work, err));
        filter.before = work->last_row;
    } while (work->seen == BROKER_PIECE);
    return bg_ok ();
}

/*  Those without an outcome: running, still to come, or silent.  */
static void group_open (grouping *work)
{
    const broker_execution *execution = work->execution;
    bool is_over = execution->expired || execution->done_us != 0;
    broker_bitmap waiting = {0};
    broker_execution_waiting (work->request->core, execution, &waiting);
    for (uint32_t number = broker_bitmap_next (&execution->addressed, 0); number;
         number = broker_bitmap_next (&execution->addressed, number)) {
        if (broker_bitmap_has (&work->reported, number))
            continue;
        bool begun = broker_bitmap_has (&execution->begun, number);
        bool over = broker_bitmap_has (&execution->over, number);
        const char *reason = begun && !over ? "" : is_over || over ? "silent" : "pending";
        uint64_t state = !begun || over                         ? WIRE_RUN_NOT_RUN
                         : broker_bitmap_has (&waiting, number) ? WIRE_RUN_WAITING
                                                                : WIRE_RUN_RUNNING;
        /*  Nobody fell silent, so it has reported: its run has left the history since.  */
        if (over && execution->silent == 0)
            reason = "purged";
        if (over && execution->what != WIRE_DEED_START) {
            reason = "";
            state = WIRE_RUN_SUCCEEDED;
        }
        if (broker_bitmap_has (&execution->canceled, number)) {
            reason = "";
            state = WIRE_RUN_CANCELED;
        }
        add_target (work, group_of (work, state, bg_slice_str (reason), bg_slice_str ("")), number);
    }
    broker_bitmap_fini (&waiting);
}

static bg_result fill_groups (
    broker_request *request, const broker_execution *execution, wire_exec_row *row, bg_error *err)
{
    grouping work = {.request = request, .execution = execution};
    work.groups = bg_arena_array (request->arena, wire_exec_group, GROUPS_MAX);
    const uint32_t succeeded = 1u << WIRE_RUN_SUCCEEDED;
    const uint32_t others = ((1u << BROKER_RUN_STATES) - 1) & ~succeeded;
    bg_result result = group_runs (&work, others, true, err);
    if (bg_is_ok (result))
        result = group_runs (&work, succeeded, false, err);
    if (bg_is_ok (result))
        group_open (&work);
    broker_bitmap_fini (&work.reported);
    row->groups = work.groups;
    row->groups_count = work.count;
    return result;
}

/*  ---- one ----  */

typedef struct {
    bg_slice typed;
    size_t seen;
    size_t matches;
    bg_id last;
    bg_id found;
} searching;

static bg_result match_id (void *visitor, const broker_execution_record *record, bg_error *err)
{
    (void) err;
    searching *search = visitor;
    search->seen++;
    search->last = record->id;
    if (bg_id_matches (record->id, search->typed)) {
        search->matches++;
        search->found = record->id;
    }
    return bg_ok ();
}

static bg_result find_id (broker_request *request, bg_slice typed, bg_id *id, bg_error *err)
{
    if (typed.size == BG_ID_TEXT)
        return bg_id_parse (typed, id, err);
    if (typed.size < BG_ID_TYPED_MIN) {
        bg_ignore (bg_fail (
            err, BG_INVALID, "'%.*s' is too short for an execution's id", BG_SLICE_ARG (typed)));
        return bg_hint (
            err, "write at least %d characters of its beginning or end", BG_ID_TYPED_MIN);
    }
    const broker_store *store = request->core->store;
    searching search = {.typed = typed};
    broker_execution_filter filter = {.limit = SEARCH_PAGE};
    size_t looked = 0;
    do {
        search.seen = 0;
        BG_TRY (store->executions (store->ctx, &filter, match_id, &search, err));
        filter.before = search.last;
        looked += search.seen;
    } while (search.seen == SEARCH_PAGE && looked < SEARCH_MAX);
    if (search.matches > 1) {
        bg_ignore (
            bg_fail (err, BG_INVALID, "'%.*s' is the beginning or end of %zu executions' ids",
                BG_SLICE_ARG (typed), search.matches));
        return bg_hint (err, "write more of the id");
    }
    *id = search.found;
    return bg_ok ();
}

static bg_result one_execution (
    broker_request *request, const wire_exec_query *query, wire_execs *answer, bg_error *err)
{
    bg_id id = {0};
    broker_execution *execution = NULL;
    BG_TRY (find_id (request, query->id, &id, err));
    if (broker_id_is_key (id))
        BG_TRY (broker_execution_get (request->core, request->now, id, &execution, err));
    if (!execution) {
        bg_ignore (
            bg_fail (err, BG_NOT_FOUND, "there is no execution '%.*s'", BG_SLICE_ARG (query->id)));
        return bg_hint (err, "see: bugle exec list");
    }
    answer->rows = bg_arena_array (request->arena, wire_exec_row, 1);
    answer->rows_count = 1;
    broker_execution_row (request->core, execution, &answer->rows[0]);
    if (query->deeds) {
        answer->rows[0].has_deed = true;
        if (bg_failed (WIRE_DECODE (signed, bg_slice_of (execution->bytes, execution->size),
                WIRE_AS_MESSAGE, request->arena, &answer->rows[0].deed, err)))
            return broker_stored_badly (err, "a deed");
    }
    return query->details ? fill_groups (request, execution, &answer->rows[0], err) : bg_ok ();
}

/*  ---- pages ----  */

typedef struct {
    broker_request *request;
    wire_execs *answer;
    size_t limit;
} listing;

static bg_result list_execution (
    void *visitor, const broker_execution_record *record, bg_error *err)
{
    (void) err;
    listing *list = visitor;
    if (list->answer->rows_count == list->limit) {
        list->answer->more = true;
        return bg_ok ();
    }
    bg_arena *arena = list->request->arena;
    wire_exec_row *row = &list->answer->rows[list->answer->rows_count++];
    broker_execution *open = NULL;
    HASH_FIND (hh, list->request->core->executions, &record->id, sizeof record->id, open);
    if (open) {
        broker_execution_row (list->request->core, open, row);
        return bg_ok ();
    }
    *row = (wire_exec_row){.id = record->id,
        .job = bg_arena_copy (arena, record->job_name),
        .login = bg_arena_copy (arena, record->login),
        .issued_us = record->issued_us,
        .expires_us = record->expires_us,
        .targets = record->targets,
        .running = record->begun - record->over,
        .succeeded = record->counts[WIRE_RUN_SUCCEEDED],
        .failed = record->counts[WIRE_RUN_FAILED],
        .canceled = record->counts[WIRE_RUN_CANCELED],
        .interrupted = record->counts[WIRE_RUN_INTERRUPTED],
        .not_run = record->counts[WIRE_RUN_NOT_RUN],
        .done = record->done_us != 0,
        .done_us = record->done_us,
        .reason = bg_arena_copy (arena, record->reason),
        .what = record->what,
        .silent = record->silent};
    broker_execution_marks (record->bitmaps, &row->one_shot, &row->canceled_by);
    return bg_ok ();
}

static bg_result page_of_executions (
    broker_request *request, const wire_exec_query *query, wire_execs *answer, bg_error *err)
{
    broker_core *self = request->core;
    listing list = {
        .request = request, .answer = answer, .limit = query->limit ? query->limit : LIMIT_DEFAULT};
    broker_execution_filter filter = {.before = query->before,
        .open_only = query->running,
        .login = query->login,
        .since_us = query->since_us,
        .until_us = query->until_us,
        .limit = (uint32_t) list.limit + 1};
    if (query->job.size > 0) {
        filter.job_key = wire_document_key (self->settings.installation, WIRE_TYPE_JOB, query->job);
        broker_document *job = NULL;
        if (!broker_document_with_key (self, filter.job_key))
            BG_TRY (broker_document_find_job (self, query->job, &job, err));
    }
    answer->rows = bg_arena_array (request->arena, wire_exec_row, list.limit);
    return self->store->executions (self->store->ctx, &filter, list_execution, &list, err);
}

bg_result broker_on_exec_query (broker_request *request, bg_error *err)
{
    const wire_exec_query *query = request->body;
    wire_execs answer = {0};
    if (query->id.size > 0)
        BG_TRY (one_execution (request, query, &answer, err));
    else
        BG_TRY (page_of_executions (request, query, &answer, err));
    broker_answer (request, WIRE_EXECS, &answer);
    return bg_ok ();
}
