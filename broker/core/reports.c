/*  Reports: the outboxes of the targets end here, in the history.

    A report is a batch of {sequence, run} of one outbox. What is above the mark is stored and the
    mark moves, in one transaction; what is at or below it was stored before. That gives
    exactly-once without looking at run ids. An item that makes no sense is refused and passed by
    the mark, so that it blocks nothing behind it.

    A run with state waiting or running opens a row that its outcome closes. An open run that began and ended
    within one batch never reaches the store.

    A target speaks for itself only: another one's runs stay as they are, whatever ids it names, and
    about a job that it does not hold it may say what it wants without anybody else seeing it in
    that job's state.  */
#include "broker/core/rooms.h"

/*  ---- open runs ----  */

static broker_open_run *open_run_with (const broker_core *self, bg_id id)
{
    broker_open_run *run = NULL;
    HASH_FIND (hh, self->open_runs, &id, sizeof id, run);
    return run;
}

/*  The job, when this target holds it.  */
static broker_document *job_of (const broker_core *self, bg_id job_key, uint32_t number)
{
    broker_document *job = broker_document_with_key (self, job_key);
    return job && broker_bitmap_has (&job->rows, number) ? job : NULL;
}

static void count_in (broker_core *self, broker_open_run *run)
{
    broker_target *target = broker_target_at (self, run->number);
    broker_document *job = job_of (self, run->job_key, run->number);
    self->waiting_runs += run->waiting;
    if (target)
        *(run->waiting ? &target->waiting_runs : &target->running) += 1;
    run->of_job = job != NULL;
    if (job)
        *(run->waiting ? &job->waiting_runs : &job->running) += 1;
}

static void count_out (broker_core *self, const broker_open_run *run)
{
    broker_target *target = broker_target_at (self, run->number);
    broker_document *job = run->of_job ? broker_document_with_key (self, run->job_key) : NULL;
    self->waiting_runs -= run->waiting;
    if (target)
        *(run->waiting ? &target->waiting_runs : &target->running) -= 1;
    if (job)
        *(run->waiting ? &job->waiting_runs : &job->running) -= 1;
}

static broker_open_run *open_run_add (
    broker_core *self, const broker_open_run_record *record, bool waiting)
{
    broker_open_run *run = bg_alloc (sizeof *run);
    run->run = record->run;
    run->number = record->number;
    run->job_key = record->job_key;
    run->exec = record->exec;
    run->started_us = record->started_us;
    run->waiting = waiting;
    HASH_ADD (hh, self->open_runs, run, sizeof run->run, run);
    count_in (self, run);
    return run;
}

/*  Only the run itself says whether it waits.  */
static bool is_waiting (bg_slice bytes)
{
    BG_AUTO_ARENA arena = {0};
    wire_run run;
    return bg_is_ok (WIRE_DECODE (run, bytes, WIRE_AS_MESSAGE, &arena, &run, NULL)) &&
           run.state == WIRE_RUN_WAITING;
}

void broker_open_run_load (broker_core *self, const broker_open_run_record *record)
{
    open_run_add (self, record, is_waiting (record->bytes))->stored = true;
}

static void unlink_dirty (broker_core *self, broker_open_run *run)
{
    if (!run->dirty)
        return;
    broker_open_run **at = &self->dirty_runs;
    while (*at != run)
        at = &(*at)->next_dirty;
    *at = run->next_dirty;
}

void broker_open_run_free (broker_core *self, broker_open_run *run)
{
    HASH_DEL (self->open_runs, run);
    bg_buf_fini (&run->bytes);
    free (run);
}

static bg_result open_run_drop (broker_core *self, broker_open_run *run, bg_error *err)
{
    bg_id id = run->run;
    count_out (self, run);
    unlink_dirty (self, run);
    bool stored = run->stored;
    broker_open_run_free (self, run);
    if (!stored)
        return bg_ok ();
    self->changed = true;
    return self->store->open_run_remove (self->store->ctx, id, err);
}

static bg_result open_run_close (
    broker_core *self, const broker_target *target, bg_id id, bg_error *err)
{
    broker_open_run *run = open_run_with (self, id);
    if (!run)
        return bg_ok ();
    if (run->number == target->number)
        return open_run_drop (self, run, err);
    broker_count (self, "report-other-run");
    return bg_ok ();
}

/*  ---- one item ----  */

typedef struct {
    broker_request *request;
    broker_target *target;
    wire_report_answer answer;
} report_work;

static bool refuse_item (report_work *work, const wire_report_item *item, const char *why)
{
    broker_count (work->request->core, "report-malformed");
    broker_log (work->request->core, BROKER_LOG_WARNING, "report-malformed", "%s, item %llu: %s",
        work->target->name, (unsigned long long) item->sequence, why);
    work->answer.refused[work->answer.refused_count++] =
        (wire_refused_item){.sequence = item->sequence,
            .code = bg_slice_str (bg_code_word (BG_MALFORMED)),
            .message = bg_slice_str (why)};
    return false;
}

/*  The key of a one-shot job is its own, and only the START that brought it knows it; a broker that was
    restored may not. It is never the key of a document.  */
static bool is_one_shot (const report_work *work, const wire_run *run)
{
    return !bg_id_is_zero (run->exec) &&
           !broker_document_with_key (work->request->core, run->job_key);
}

/*  Times are not judged: a target's wall clock may be set back while a run goes on, and its outcome
    counts all the same.  */
static bool check_item (report_work *work, const wire_report_item *item)
{
    const wire_run *run = &item->run;
    if (bg_id_is_zero (run->run))
        return refuse_item (work, item, "a run without an id");
    if (!wire_run_state_word (run->state))
        return refuse_item (work, item, "a run state that does not exist");
    for (size_t i = 0; i < run->steps_count; i++)
        if (!wire_step_state_word (run->steps[i].state))
            return refuse_item (work, item, "a step state that does not exist");
    if (bg_id_is_zero (run->job_key) || run->job_name.size == 0)
        return refuse_item (work, item, "a run of no job");
    const bg_id key = wire_document_key (
        work->request->core->settings.installation, WIRE_TYPE_JOB, run->job_name);
    if (!bg_id_equal (key, run->job_key) && !is_one_shot (work, run))
        return refuse_item (work, item, "a run whose job has another name");
    return true;
}

static bg_result execution_of (
    report_work *work, const wire_run *run, broker_execution **execution, bg_error *err)
{
    broker_core *self = work->request->core;
    *execution = NULL;
    if (bg_id_is_zero (run->exec))
        return bg_ok ();
    BG_TRY (broker_execution_get (self, work->request->now, run->exec, execution, err));
    if (*execution && bg_id_equal ((*execution)->job_key, run->job_key) &&
        (*execution)->what == WIRE_DEED_START &&
        broker_bitmap_has (&(*execution)->addressed, work->target->number))
        return bg_ok ();
    broker_count (self, "report-other-execution");
    *execution = NULL;
    return bg_ok ();
}

/*  What was told of it last, for the store.  */
static void open_run_says (broker_core *self, broker_open_run *open, const wire_run *run)
{
    bg_buf_clear (&open->bytes);
    wire_encode (&wire_desc_run, run, &open->bytes);
    if (open->dirty)
        return;
    open->dirty = true;
    open->next_dirty = self->dirty_runs;
    self->dirty_runs = open;
}

/*  It waited, and runs now.  */
static void turn_came (
    broker_core *self, broker_open_run *open, const wire_run *run, broker_execution *execution)
{
    count_out (self, open);
    open->waiting = false;
    open->started_us = run->started_us;
    count_in (self, open);
    open_run_says (self, open, run);
    if (execution)
        broker_execution_moved (self, execution);
}

/*  The target has the deed: it sends no acknowledgement beside the news of a run.  */
static void taken_up (report_work *work, broker_execution *execution)
{
    broker_core *self = work->request->core;
    if (!broker_bitmap_has (&execution->begun, work->target->number))
        broker_op_deed_changed (self, execution, work->target->number, WIRE_DELIVERY_APPLIED);
    broker_execution_begun (self, work->request->now, execution, work->target);
}

static bg_result take_began (report_work *work, const wire_run *run, bg_error *err)
{
    broker_core *self = work->request->core;
    broker_execution *execution = NULL;
    BG_TRY (execution_of (work, run, &execution, err));
    if (execution)
        taken_up (work, execution);
    broker_open_run *known = open_run_with (self, run->run);
    if (known) {
        if (known->waiting && run->state == WIRE_RUN_RUNNING &&
            known->number == work->target->number)
            turn_came (self, known, run, execution);
        return bg_ok ();
    }
    if (work->target->running + work->target->waiting_runs >= BROKER_OPEN_RUNS_MAX) {
        broker_count (self, "report-too-many-open");
        return bg_ok (); /*  its outcome is taken all the same  */
    }
    const broker_open_run_record record = {.run = run->run,
        .number = work->target->number,
        .job_key = run->job_key,
        .exec = run->exec,
        .started_us = run->started_us ? run->started_us : run->queued_us};
    open_run_says (self, open_run_add (self, &record, run->state == WIRE_RUN_WAITING), run);
    return bg_ok ();
}

static bool has_output (const wire_run *run)
{
    for (size_t i = 0; i < run->steps_count; i++)
        if (run->steps[i].head.size || run->steps[i].tail.size)
            return true;
    return false;
}

static wire_run without_output (const wire_run *run, bg_arena *arena)
{
    wire_run bare = *run;
    bare.steps = bg_arena_array (arena, wire_step_result, run->steps_count + 1);
    for (size_t i = 0; i < run->steps_count; i++) {
        bare.steps[i] = run->steps[i];
        bare.steps[i].head = bare.steps[i].tail = bg_slice_of (NULL, 0);
    }
    return bare;
}

/*  Not of a one-shot job, whose key is random.  */
static bool has_key_of_name (const broker_core *self, const wire_run *run)
{
    return bg_id_equal (run->job_key,
        wire_document_key (self->settings.installation, WIRE_TYPE_JOB, run->job_name));
}

static void note_last (
    broker_core *self, const broker_target *target, const wire_run *run, int64_t now_us)
{
    broker_document *job = job_of (self, run->job_key, target->number);
    if (!job) {
        if (has_key_of_name (self, run))
            broker_count (self, "report-other-job");
        return;
    }
    job->last_known = true;
    job->last_state = run->state;
    job->last_us = run->finished_us ? run->finished_us : now_us;
    if (run->spent && run->job_version == job->version &&
        broker_bitmap_set (&job->spent, target->number))
        broker_document_dirty (self, job);
}

/*  All one-shot jobs stand under one key of the history, so that its retention counts them together.  */
static bg_id history_key (const broker_core *self, const wire_run *run)
{
    if (has_key_of_name (self, run))
        return run->job_key;
    return wire_document_key (self->settings.installation, WIRE_TYPE_JOB, bg_slice_str (""));
}

static bg_result take_outcome (report_work *work, const wire_run *run, bg_error *err)
{
    broker_core *self = work->request->core;
    broker_execution *execution = NULL;
    BG_AUTO_BUF bytes = {0};
    BG_AUTO_BUF output = {0};
    BG_TRY (execution_of (work, run, &execution, err));
    BG_TRY (open_run_close (self, work->target, run->run, err));
    wire_run bare = without_output (run, work->request->arena);
    wire_encode (&wire_desc_run, &bare, &bytes);
    if (has_output (run))
        wire_encode (&wire_desc_run, run, &output);
    const broker_run_record record = {.run = run->run,
        .job_key = history_key (self, run),
        .job_name = run->job_name,
        .number = work->target->number,
        .exec = run->exec,
        .state = run->state,
        .reason = run->reason,
        .started_us = run->started_us,
        .finished_us = run->finished_us,
        .stored_us = work->request->now.utc_us,
        .due_us = run->nominal_us,
        .bytes = bg_buf_slice (&bytes),
        .output = bg_buf_slice (&output)};
    BG_TRY (self->store->runs_append (self->store->ctx, &record, err));
    self->changed = true;
    self->runs_total++;
    self->runs_dirty = true;
    note_last (self, work->target, run, work->request->now.utc_us);
    if (execution && run->state != WIRE_RUN_NOT_RUN)
        taken_up (work, execution);
    if (execution)
        broker_execution_over (self, work->request->now, execution, work->target, run->state);
    return bg_ok ();
}

bg_result broker_open_runs_forget (broker_core *self, const broker_target *target, bg_error *err)
{
    size_t count = 0;
    for (broker_open_run *open = self->open_runs, *next; open; open = next) {
        next = open->hh.next;
        if (open->number != target->number)
            continue;
        BG_TRY (open_run_drop (self, open, err));
        count++;
    }
    if (count > 0)
        broker_log (self, BROKER_LOG_NOTICE, "runs-given-up",
            "%s has left with %zu runs whose outcome stays with it", target->name, count);
    return bg_ok ();
}

static bg_result take_item (report_work *work, const wire_report_item *item, bg_error *err)
{
    broker_target_marks *marks = &work->target->marks;
    if (item->sequence <= marks->outbox_mark) {
        broker_count (work->request->core, "report-repeated");
        return bg_ok ();
    }
    if (item->sequence > marks->outbox_mark + 1) {
        broker_count (work->request->core, "report-gap");
        broker_log (work->request->core, BROKER_LOG_WARNING, "report-gap",
            "%s: items %llu to %llu are missing", work->target->name,
            (unsigned long long) marks->outbox_mark + 1, (unsigned long long) item->sequence - 1);
        BG_TRY (
            broker_mode_lost (work->request->core, item->sequence - marks->outbox_mark - 1, err));
    }
    marks->outbox_mark = item->sequence;
    broker_target_marked (work->request->core, work->target);
    if (!check_item (work, item))
        return bg_ok ();
    const bool is_open = item->run.state == WIRE_RUN_RUNNING || item->run.state == WIRE_RUN_WAITING;
    return is_open ? take_began (work, &item->run, err) : take_outcome (work, &item->run, err);
}

bg_result broker_on_report (broker_request *request, bg_error *err)
{
    const wire_report *report = request->body;
    broker_target *target = request->target;
    if (!bg_id_equal (report->outbox, target->marks.outbox)) {
        bg_ignore (bg_fail (err, BG_STALE, "the report is of another outbox than the session"));
        return bg_hint (err, "say HELLO again");
    }
    report_work work = {.request = request, .target = target};
    work.answer.outbox = report->outbox;
    work.answer.refused =
        bg_arena_array (request->arena, wire_refused_item, report->items_count + 1);
    for (size_t i = 0; i < report->items_count; i++)
        BG_TRY (take_item (&work, &report->items[i], err));
    work.answer.mark = target->marks.outbox_mark;
    broker_answer (request, WIRE_REPORT_ANSWER, &work.answer);
    return bg_ok ();
}
