/*  ISSUE: a deed that a login has signed, START or STOP, becomes an execution.

    The broker checks the signature, the role, the clock and the job, freezes the set of addressed
    targets, stores the very bytes and sends them on. The job of a START is a standing one, or it
    comes inside the START (ADR 8). A STOP is of a job, or of one execution only. The id was made by the CLI, so the same
    request twice issues once.

    Invariant: a START of an execution that is in the store is never refused afterwards by the
    broker; what the targets make of it is theirs.  */
#include "broker/core/rooms.h"

#include "common/base/nearest.h"
#include "common/job/body.h"
#include "common/job/selector.h"

typedef struct {
    wire_deed deed;
    const wire_login *signer;
    const broker_document *job; /*  NULL: inside the deed, not standing any more, or a POLL  */
    const wire_audience *job_audience; /*  NULL: whoever is addressed  */
    broker_execution *stopped;         /*  of a STOP of one execution  */
    broker_bitmap addressed;
} issue_plan;

static bg_result check_clock (const broker_request *request, const wire_deed *deed, bg_error *err)
{
    BG_TRY (broker_check_issued (request, deed->issued_us, "the command was issued", err));
    if (deed->expires_us <= request->now.utc_us)
        return bg_fail (err, BG_EXPIRED, "the command has expired already");
    return bg_ok ();
}

static bg_result check_start (
    const broker_request *request, const broker_document *job, bg_error *err)
{
    if (job->start_by != WIRE_START_BY_LOGIN) {
        bg_ignore (
            bg_fail (err, BG_NOT_ALLOWED, "job '%s' is started by %s only: its definition says so",
                job->name, job->start_by == WIRE_START_BY_BROKER ? "the broker" : "its schedules"));
        return bg_hint (err, "its definition would need start: {by: login}");
    }
    const broker_document *by = NULL;
    if (!broker_document_is_disabled (request->core, job, request->now.utc_us, &by))
        return bg_ok ();
    const char *reason = *by->disabled_reason ? by->disabled_reason
                         : by != job          ? ""
                         : job->disabled      ? "its definition says so"
                                              : "its definition says until when it was enabled";
    bg_ignore (bg_fail (
        err, BG_DISABLED, "job '%s' is disabled%s%s", job->name, *reason ? ": " : "", reason));
    if (by == job && !job->disabled)
        return bg_hint (
            err, "give it a later enabled_until: bugle job show '%s' -o yaml", job->name);
    return bg_hint (err, "enable it: bugle job enable '%s'", job->name);
}

static bg_result check_step (const wire_deed *deed, const wire_job *job, bg_error *err)
{
    const char *words[64];
    BG_AUTO_ARENA arena = {0};
    size_t count = 0;
    if (deed->step.size == 0 || job_body_find_step (job, deed->step) >= 0)
        return bg_ok ();
    for (size_t i = 0; i < job->steps_count && count < 64; i++)
        words[count++] = bg_arena_str (&arena, job->steps[i].name);
    const char *nearest = bg_nearest (deed->step, words, count);
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "job '%.*s' has no step '%.*s'",
        BG_SLICE_ARG (deed->job_name), BG_SLICE_ARG (deed->step)));
    return nearest
               ? bg_hint (err, "did you mean %s?", nearest)
               : bg_hint (err, "its steps: bugle job show '%.*s'", BG_SLICE_ARG (deed->job_name));
}

/*  The step that a START names has to be one of the job as it is now.  */
static bg_result check_standing_step (
    broker_request *request, const wire_deed *deed, broker_document *job, bg_error *err)
{
    if (deed->step.size == 0)
        return bg_ok ();
    wire_signed outer;
    wire_document document;
    wire_job body;
    BG_TRY (broker_document_signed (request->core, job, request->arena, &outer, err));
    if (bg_failed (
            WIRE_DECODE (document, outer.bytes, WIRE_AS_SIGNED, request->arena, &document, err)) ||
        bg_failed (WIRE_DECODE (job, document.body, WIRE_AS_SIGNED, request->arena, &body, err)))
        return broker_stored_badly (err, "a job");
    return check_step (deed, &body, err);
}

/*  ---- whom it is for ----  */

bg_result broker_group_empty (const broker_core *self, bg_slice group, bg_error *err)
{
    size_t limit = (size_t) HASH_COUNT (self->streams) + 1;
    const char **words = bg_alloc (limit * sizeof *words);
    size_t count = 0;
    for (const broker_stream *stream = self->streams; stream; stream = stream->hh.next)
        if (strncmp (stream->name, "g/", 2) == 0)
            words[count++] = stream->name + 2;
    const char *nearest = bg_nearest (group, words, count);
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "group '%.*s' matched no target (%u enlisted)",
        BG_SLICE_ARG (group), self->members));
    if (nearest)
        bg_ignore (bg_hint (err, "did you mean %s?", nearest));
    else
        bg_ignore (bg_hint (err, "see: bugle target list -o wide"));
    free (words);
    return (bg_result){BG_NOT_FOUND};
}

/*  Nobody is addressed: says which half of "of these targets, those that have the job" was empty.
*/
static bg_result nobody (const broker_core *self, const issue_plan *plan, bg_error *err)
{
    const wire_audience *to = &plan->deed.to;
    broker_bitmap matched = {0};
    broker_deliver_audience (self, to, &matched);
    size_t count = broker_bitmap_size (&matched);
    broker_bitmap_fini (&matched);
    if (count == 0 && to->groups_count == 1 && to->labels.size == 0 && to->names_count == 0)
        return broker_group_empty (self, to->groups[0], err);
    BG_AUTO_BUF text = {0};
    BG_AUTO_BUF job_text = {0};
    wire_audience_text (to, &text);
    if (count > 0 && plan->stopped) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "%.300s: nothing of execution %s is open there",
            bg_buf_cstr (&text), bg_id_short (plan->stopped->id).text));
        return bg_hint (err, "see: bugle exec show %s", bg_id_short (plan->stopped->id).text);
    }
    if (count == 0 || !plan->job_audience) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "%.300s matched no target (%u enlisted)",
            bg_buf_cstr (&text), self->members));
        return bg_hint (err, "see: bugle target list -o wide");
    }
    wire_audience_text (plan->job_audience, &job_text);
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "%.200s matched %zu %s, but job '%.*s' is not for %s",
        bg_buf_cstr (&text), count, count == 1 ? "target" : "targets",
        BG_SLICE_ARG (plan->deed.job_name), count == 1 ? "it" : "them"));
    return bg_hint (err, "the job is for: %.200s", bg_buf_cstr (&job_text));
}

/*  A START goes where the job is for, a STOP also where it was for, since it may still run there. The
    STOP of an execution goes wherever that is open: who has not begun as far as is known here may have.
*/
static bool has_job (const issue_plan *plan, const broker_target *target)
{
    if (plan->stopped)
        return broker_bitmap_has (&plan->stopped->addressed, target->number) &&
               !broker_bitmap_has (&plan->stopped->over, target->number);
    if (!plan->job_audience || broker_target_matches (target, plan->job_audience))
        return true;
    return plan->deed.what == WIRE_DEED_STOP && plan->job &&
           broker_bitmap_has (&plan->job->rows, target->number);
}

/*  Targets written by name are meant one by one: one that is not there, or not of the job, is a
    mistake. The job's own list may be ahead of the enlistments.  */
static bg_result check_names (const broker_core *self, const issue_plan *plan, bg_error *err)
{
    const wire_audience *to = &plan->deed.to;
    if (plan->stopped ||
        (plan->job_audience && wire_equal (&wire_desc_audience, to, plan->job_audience)))
        return bg_ok ();
    for (size_t i = 0; i < to->names_count; i++) {
        broker_target *target = NULL;
        BG_TRY (broker_target_find (self, to->names[i], &target, err));
        if (has_job (plan, target))
            continue;
        BG_AUTO_BUF text = {0};
        wire_audience_text (plan->job_audience, &text);
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "job '%.*s' is not for target '%s'",
            BG_SLICE_ARG (plan->deed.job_name), target->name));
        return bg_hint (err, "the job is for: %.200s", bg_buf_cstr (&text));
    }
    return bg_ok ();
}

static bg_result address (const broker_core *self, issue_plan *plan, bg_error *err)
{
    BG_TRY (check_names (self, plan, err));
    for (uint32_t number = 1; number < self->next_number; number++) {
        const broker_target *target = broker_target_at (self, number);
        if (target && broker_target_matches (target, &plan->deed.to) && has_job (plan, target))
            broker_bitmap_set (&plan->addressed, number);
    }
    return broker_bitmap_next (&plan->addressed, 0) ? bg_ok () : nobody (self, plan, err);
}

/*  ---- issuing ----  */

static bg_result plan_issue (
    broker_request *request, const wire_issue *issue, issue_plan *plan, bg_error *err)
{
    broker_core *self = request->core;
    BG_TRY ((issue->dry_run ? wire_verify_deed_asked : wire_verify_deed) (self->keyring,
        &issue->deed, self->crypto, request->arena, &plan->deed, &plan->signer, err));
    return bg_id_is_zero (plan->deed.id) ? bg_fail (err, BG_INVALID, "the command has no id")
                                         : bg_ok ();
}

/*  Signed by an author, for exactly these targets, and not over.  */
static bg_result check_one_shot (broker_request *request, issue_plan *plan, bg_error *err)
{
    broker_core *self = request->core;
    wire_verified verified;
    BG_TRY (wire_verify_one_shot (
        self->keyring, &plan->deed, self->crypto, request->arena, &verified, err));
    BG_TRY (job_body_check (verified.body, err));
    BG_TRY (check_step (&plan->deed, verified.body, err));
    if (verified.document.not_after_us <= request->now.utc_us)
        return bg_fail (err, BG_EXPIRED, "the command's job has expired already");
    if (broker_document_with_key (self, verified.document.key))
        return bg_fail (err, BG_EXISTS, "the key of the command's job is taken");
    return bg_ok ();
}

static bg_result check_stopped (broker_request *request, issue_plan *plan, bg_error *err)
{
    BG_TRY (
        broker_execution_get (request->core, request->now, plan->deed.exec, &plan->stopped, err));
    if (plan->stopped && plan->stopped->what == WIRE_DEED_START &&
        bg_id_equal (plan->stopped->job_key, plan->deed.job_key))
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no execution %s of '%.*s'",
        bg_id_text (plan->deed.exec).text, BG_SLICE_ARG (plan->deed.job_name)));
    return bg_hint (err, "see: bugle exec list");
}

static bg_result check_standing (broker_request *request, issue_plan *plan, bg_error *err)
{
    broker_core *self = request->core;
    broker_document *job = broker_document_with_key (self, plan->deed.job_key);
    bool stoppable = plan->deed.what == WIRE_DEED_STOP && job && job->object_type == WIRE_TYPE_JOB;
    if (!stoppable)
        BG_TRY (broker_document_find_job (self, plan->deed.job_name, &job, err));
    plan->job = job;
    plan->job_audience = &job->audience;
    if (plan->deed.what != WIRE_DEED_START)
        return bg_ok ();
    BG_TRY (check_start (request, job, err));
    return check_standing_step (request, &plan->deed, job, err);
}

static bg_result check_issue (broker_request *request, issue_plan *plan, bg_error *err)
{
    if (plan->deed.to.labels.size > 0)
        BG_TRY (job_selector_without_facts (plan->deed.to.labels, err));
    BG_TRY (check_clock (request, &plan->deed, err));
    if (plan->deed.what == WIRE_DEED_POLL)
        return address (request->core, plan, err);
    if (plan->deed.has_document)
        BG_TRY (check_one_shot (request, plan, err));
    else if (broker_id_is_key (plan->deed.exec))
        BG_TRY (check_stopped (request, plan, err));
    else
        BG_TRY (check_standing (request, plan, err));
    return address (request->core, plan, err);
}

static uint32_t running_in (const broker_core *self, bg_id job_key, const broker_bitmap *set)
{
    uint32_t count = 0;
    for (const broker_open_run *run = self->open_runs; run; run = run->hh.next)
        if (bg_id_equal (run->job_key, job_key) && broker_bitmap_has (set, run->number))
            count++;
    return count;
}

static void answer_issue (broker_request *request, bg_id id, int64_t expires_us,
    const broker_bitmap *addressed, bg_id job_key, bool repeated)
{
    const broker_core *self = request->core;
    wire_issued answer = {.id = id,
        .targets = (uint32_t) broker_bitmap_size (addressed),
        .running = running_in (self, job_key, addressed),
        .expires_us = expires_us,
        .repeated = repeated};
    for (uint32_t number = broker_bitmap_next (addressed, 0); number;
         number = broker_bitmap_next (addressed, number)) {
        const broker_target *target = broker_target_at (self, number);
        if (target && broker_target_is_connected (self, target, request->now))
            answer.connected++;
    }
    broker_answer (request, WIRE_ISSUED, &answer);
}

static bg_result carry_out (
    broker_request *request, const wire_issue *issue, issue_plan *plan, bg_error *err)
{
    broker_core *self = request->core;
    BG_AUTO_BUF bytes = {0};
    BG_AUTO_BUF bitmaps = {0};
    wire_encode (&wire_desc_signed, &issue->deed, &bytes);
    broker_execution_record record = {.id = plan->deed.id,
        .what = plan->deed.what,
        .job_key = plan->deed.job_key,
        .job_name = plan->job ? bg_slice_str (plan->job->name) : plan->deed.job_name,
        .login = plan->signer->name,
        .reason = plan->deed.reason,
        .issued_us = plan->deed.issued_us,
        .expires_us = plan->deed.expires_us,
        .signed_bytes = bg_buf_slice (&bytes),
        .targets = (uint32_t) broker_bitmap_size (&plan->addressed)};
    broker_execution *execution = NULL;
    BG_TRY (broker_execution_load (self, &record, &execution, err));
    broker_bitmap_copy (&execution->addressed, &plan->addressed);
    execution->one_shot = plan->deed.has_document;
    execution->touched_mono_us = request->now.mono_us;
    broker_execution_record_of (execution, &bitmaps, &record);
    BG_TRY (self->store->execution_put (self->store->ctx, &record, err));
    self->changed = true;
    for (uint32_t number = broker_bitmap_next (&execution->addressed, 0); number;
         number = broker_bitmap_next (&execution->addressed, number))
        broker_target_at (self, number)->deeds++;
    broker_op_deed_changed (self, execution, 0, WIRE_DELIVERY_PENDING);
    int64_t due_us = request->now.mono_us + (record.expires_us - request->now.utc_us);
    if (due_us < self->expiry_mono_us)
        self->expiry_mono_us = due_us;
    broker_log (self, BROKER_LOG_INFO, "deed-issued", "%s of '%s' on %u targets by %.*s, %s",
        wire_deed_word (record.what), execution->job_name, record.targets,
        BG_SLICE_ARG (plan->signer->name), bg_id_text (record.id).text);
    if (plan->stopped)
        broker_execution_cancel (
            self, request->now, plan->stopped, &plan->addressed, plan->deed.id);
    return broker_push_deed (self, request->now, execution, &plan->deed.to, err);
}

bg_result broker_on_issue (broker_request *request, bg_error *err)
{
    const wire_issue *issue = request->body;
    issue_plan plan = {0};
    broker_execution *before = NULL;
    BG_TRY (plan_issue (request, issue, &plan, err));
    BG_TRY (broker_execution_get (request->core, request->now, plan.deed.id, &before, err));
    if (before) {
        answer_issue (
            request, before->id, before->expires_us, &before->addressed, before->job_key, true);
        return bg_ok ();
    }
    bg_result result = check_issue (request, &plan, err);
    if (bg_is_ok (result) && !issue->dry_run)
        result = carry_out (request, issue, &plan, err);
    if (bg_is_ok (result))
        answer_issue (
            request, plan.deed.id, plan.deed.expires_us, &plan.addressed, plan.deed.job_key, false);
    broker_bitmap_fini (&plan.addressed);
    return result;
}
