/*  Starts: whether a run may begin now, and its beginning.

    The node says "start this job, because of this deed" or "because this occurrence of schedule
    N is due". Everything is verified again from the signed bytes. What is remembered as done is
    never done again; that is asked before anything that may have changed since the first time.

    The beginning is one durable record, the intent. The supervisor is started and the node told
    only when it is on disk (exec_core.h).
*/
#include "node/exec/core_private.h"

#include "common/job/body.h"
#include "common/job/civil.h"
#include "proto/audience.h"
#include "proto/local.h"

/*  Reasons of runs that did not run, beside the words of codes.h.  */
#define REASON_MISFIRE       "misfire"
#define REASON_WINDOW        "window"
#define REASON_LEASE         "lease"
#define REASON_STORAGE       "storage"
#define REASON_NO_DEFINITION "no-definition"

typedef struct {
    const wire_exec_start *ask;
    bg_arena *arena;
    wire_verified verified;
    const wire_job *job;
    wire_deed deed;   /*  when ask->has_deed  */
    bool is_one_shot; /*  the job came inside the deed  */
    bg_slice schedule;
    bg_id done_id;   /*  deed or occurrence  */
    bool is_own_job; /*  signed by the machine itself  */
    bool is_own_deed;
    bool is_repeat;
    const char *reason; /*  NULL: the word of the code  */
    wire_run run;
    wire_plan plan;
} start;

/*  ---- why it should start ----  */

static bg_result read_deed (exec_core *self, start *s, bg_error *err)
{
    const wire_login *signer = NULL;
    if (s->is_own_deed)
        BG_TRY (exec_read_own_deed (self, &s->ask->deed, s->arena, &s->deed, err));
    else if (s->is_own_job)
        return bg_fail (err, BG_NOT_ALLOWED, "a local job is started on its machine only");
    else
        BG_TRY (wire_verify_deed (
            self->keyring, &s->ask->deed, self->ports.crypto, s->arena, &s->deed, &signer, err));
    if (s->deed.what != WIRE_DEED_START)
        return bg_fail (err, BG_INVALID, "the deed is no START");
    s->done_id = s->deed.id;
    s->is_repeat = exec_table_find (&self->done, s->done_id) != NULL;
    return bg_ok ();
}

/*  A deed is a person's word; STARTs of a broker's own are none of this version.  */
static bg_result check_start_by (const start *s, bg_error *err)
{
    if (s->job->start_by != WIRE_START_BY_LOGIN)
        return bg_fail (err, BG_POLICY, "the job says that %s may start it by command",
            s->job->start_by == WIRE_START_BY_BROKER ? "only the broker" : "nobody");
    return bg_ok ();
}

static bg_result check_deed (exec_core *self, bg_now now, start *s, bg_error *err)
{
    if (!bg_id_equal (s->deed.job_key, s->verified.document.key))
        return bg_fail (err, BG_INVALID, "the START is for another job");
    if (s->is_own_deed) {
        BG_TRY (exec_check_own_deed_time (now, &s->deed, err));
        return check_start_by (s, err);
    }
    if (s->deed.has_needs)
        BG_TRY (exec_needs_met (self, &s->deed.needs, err));
    if (!wire_audience_matches (&s->deed.to, &self->member.body))
        return bg_fail (err, BG_WRONG_TARGET, "the START is not for this target");
    BG_TRY (exec_check_deed_time (self, now, &s->deed, "the START", err));
    if (exec_is_stopped (self, s->verified.document.key, s->deed.id, s->deed.issued_us))
        return bg_fail (err, BG_SUPERSEDED, "a STOP of it was issued after this START");
    return check_start_by (s, err);
}

static bg_result read_occurrence (exec_core *self, start *s, bg_error *err)
{
    uint64_t number = s->ask->schedule;
    if (number < 1 || number > s->job->schedules_count)
        return bg_fail (
            err, BG_INVALID, "the job has no schedule number %llu", (unsigned long long) number);
    s->schedule = s->job->schedules[number - 1].name;
    /*  Of a local job the machine's own installation stands for the target: it outlives enlistments.  */
    s->done_id =
        wire_occurrence_id (s->is_own_job ? self->local_installation : self->member.body.target,
            s->verified.document.key, s->schedule, s->ask->nominal_us, (uint8_t) s->ask->fold);
    s->is_repeat = exec_table_find (&self->done, s->done_id) != NULL;
    return bg_ok ();
}

/*  Schedules are the node's business; what is checked here keeps a node that lies within the
    job's own rhythm: the time is near, an interval is met exactly, and the bucket bounds how
    often.  */
static bg_result check_occurrence (bg_now now, start *s, bg_error *err)
{
    int64_t nominal_us = s->ask->nominal_us;
    const wire_job_schedule *schedule = &s->job->schedules[s->ask->schedule - 1];
    if (nominal_us > now.utc_us + EXEC_NOMINAL_EARLY_US)
        return bg_fail (err, BG_INVALID, "the occurrence lies in the future");
    if (nominal_us < now.utc_us - EXEC_NOMINAL_LATE_US) {
        s->reason = REASON_MISFIRE;
        return bg_fail (err, BG_EXPIRED, "the occurrence was due %lld s ago",
            (long long) (now.utc_us / BG_SEC (1) - nominal_us / BG_SEC (1)));
    }
    if (schedule->kind == WIRE_SCHEDULE_EVERY && schedule->every_us &&
        nominal_us % (int64_t) schedule->every_us != 0)
        return bg_fail (err, BG_INVALID, "the time is no occurrence of the schedule");
    return bg_ok ();
}

/*  ---- whether it may ----  */

/*  A one-shot job stands nowhere: no floor is raised for it, and no older version is to be kept out.
    Its one start is remembered by its key as long as it is valid.  */
static bg_result check_one_shot (exec_core *self, bg_now now, start *s, bg_error *err)
{
    const wire_document *document = &s->verified.document;
    if (exec_table_find (&self->done, document->key))
        return bg_fail (err, BG_LIMIT, "this one-shot job was started before");
    if (document->has_needs)
        BG_TRY (exec_needs_met (self, &document->needs, err));
    return exec_check_expiry (self, now, document->not_after_us, "the one-shot job", err);
}

static bg_result check_job (exec_core *self, bg_now now, start *s, bg_error *err)
{
    const exec_floor *floor = exec_table_find (&self->floors, s->verified.document.key);
    if (floor && floor->type == WIRE_TYPE_WITHDRAWAL &&
        floor->version >= s->verified.document.version) {
        s->reason = REASON_NO_DEFINITION;
        return bg_fail (err, BG_NOT_FOUND, "the job %.*s was deleted", BG_SLICE_ARG (s->job->name));
    }
    if (s->is_one_shot)
        BG_TRY (check_one_shot (self, now, s, err));
    else
        BG_TRY (exec_take_document (self, now, &s->verified, err));
    BG_TRY (job_body_check (
        s->job, err)); /*  a floor that was raised by an older program may not have checked it  */
    if (!s->is_own_job && !wire_audience_matches (&s->job->audience, &self->member.body))
        return bg_fail (err, BG_WRONG_TARGET, "the job %.*s is not for this target",
            BG_SLICE_ARG (s->job->name));
    return bg_ok ();
}

/*  A bound that whoever keeps a revocation back cannot pass: where one is set, nothing starts before the
    time is known.  */
static bg_result check_lease (exec_core *self, bg_now now, start *s, bg_error *err)
{
    int64_t fresh_until_us = wire_keyring_fresh_until_us (self->keyring);
    if (fresh_until_us == 0)
        return bg_ok ();
    bg_result result = exec_check_expiry (self, now, fresh_until_us, "the authority document", err);
    if (result.code != BG_EXPIRED)
        return result;
    s->reason = REASON_LEASE;
    return bg_fail (err, BG_EXPIRED, "the broker has not renewed its authority document in time");
}

static bg_result check_standing (exec_core *self, bg_now now, start *s, bg_error *err)
{
    if (!s->is_own_job)
        BG_TRY (check_lease (self, now, s, err));
    bg_id job_key = s->verified.document.key;
    if (exec_is_disabled (self, s->verified.document.installation, job_key, s->job->name,
            exec_best_time (self, now)))
        return bg_fail (err, BG_DISABLED, "the job %.*s is disabled", BG_SLICE_ARG (s->job->name));
    if (exec_job_is_running (self, job_key))
        return bg_fail (
            err, BG_OVERLAP, "a run of %.*s is still going on", BG_SLICE_ARG (s->job->name));
    if (self->runs.count >= EXEC_RUNS_MAX)
        return bg_fail (
            err, BG_LIMIT, "%d runs are open or not yet taken over by the node", EXEC_RUNS_MAX);
    if (s->is_one_shot)
        return bg_ok ();
    return exec_bucket_check (self, s->job, job_key, !s->ask->has_deed, now.utc_us, err);
}

static bg_result check_hours (exec_core *self, bg_now now, start *s, bg_error *err)
{
    BG_TRY (exec_require_policy (self, err));
    int64_t local_s = now.utc_us / 1000000 + self->ports.utc_offset_s (self->ports.ctx, now.utc_us);
    job_civil local = job_civil_from_seconds (local_s);
    if (!exec_policy_open_at (&self->policy, local.hour * 60 + local.minute)) {
        s->reason = REASON_WINDOW;
        return bg_fail (
            err, BG_POLICY, "the policy of this machine lets nothing begin at this hour");
    }
    return bg_ok ();
}

/*  Asked as soon as it is clear that something new would begin: raising a floor needs space as
    well.  */
static bg_result check_storage (const exec_core *self, start *s, bg_error *err)
{
    if (self->storage_full) {
        s->reason = REASON_STORAGE;
        return bg_fail (err, BG_STORAGE_FULL, "no space is left for the log of bugle-exec");
    }
    return bg_ok ();
}

/*  ---- the beginning ----  */

static void describe_run (exec_core *self, bg_now now, start *s)
{
    uint8_t entropy[10];
    self->ports.random (self->ports.ctx, entropy, sizeof entropy);
    wire_run *run = &s->run;
    run->run = bg_id_make (now.utc_us, entropy);
    run->job_key = s->verified.document.key;
    run->job_name = s->job->name;
    run->job_version = s->verified.document.version;
    run->state = WIRE_RUN_RUNNING;
    run->started_us = now.utc_us;
    if (s->is_own_deed) {
        /*  Nobody elsewhere asked for it: a run without an execution.  */
    } else if (s->ask->has_deed) {
        run->exec = s->deed.id;
    } else {
        run->schedule = s->schedule;
        run->nominal_us = s->ask->nominal_us;
        run->occurrence = s->done_id;
    }
}

static void begin (exec_core *self, bg_now now, start *s, uint64_t peer, bg_id request)
{
    wire_record_intent record = {.has_run = true,
        .run = s->run,
        .deed_expires_us = s->ask->has_deed ? s->deed.expires_us : 0,
        .deed_issued_us = s->ask->has_deed ? s->deed.issued_us : 0,
        .began_us = exec_best_time (self, now),
        .local = s->is_own_job,
        .deed = s->is_own_deed ? s->deed.id : (bg_id){{0}},
        .one_shot_until_us = s->is_one_shot ? s->verified.document.not_after_us : 0};
    bg_slice blob = exec_blob (WIRE_RECORD_INTENT, &record);
    self->ports.log_append (self->ports.ctx, blob, true);
    exec_apply_intent (self, &record, blob);
    exec_blob_free (&blob);
    exec_done *done = exec_table_find (&self->done, s->done_id);
    if (done)
        done->held_boot_us = now.boot_us;
    self->starts++;
    self->counts[BG_OK]++;
    bg_slice plan = exec_blob (WIRE_RECORD_PLAN, &s->plan);
    self->ports.spawn (self->ports.ctx, s->run.run, plan);
    exec_blob_free (&plan);
    wire_exec_run message = {.has_run = true, .run = s->run};
    exec_reply (self, peer, WIRE_EXEC_RUN, request, &message);
    exec_log (self, EXEC_SAY_INFO, "run-begins", "run=%s job=\"%.*s\" %s=%.*s",
        bg_id_short (s->run.run).text, BG_SLICE_ARG (s->job->name),
        s->is_own_deed     ? "local"
        : s->ask->has_deed ? "exec"
                           : "schedule",
        s->ask->has_deed ? 8 : (int) s->schedule.size,
        s->ask->has_deed ? bg_id_short (s->deed.id).text : (const char *) s->schedule.data);
}

/*  The job of a START that brings it is the one inside the signed bytes, whatever the node sends beside
    them; any other job has to stand by itself.  */
static bg_result read_job (exec_core *self, start *s, bg_error *err)
{
    s->is_one_shot = s->ask->has_deed && s->deed.has_document;
    if (s->is_one_shot && (s->is_own_deed || s->is_own_job))
        return bg_fail (err, BG_INVALID, "only a broker's START brings a one-shot job");
    if (s->is_one_shot)
        BG_TRY (wire_verify_one_shot (
            self->keyring, &s->deed, self->ports.crypto, s->arena, &s->verified, err));
    else if (s->is_own_job)
        BG_TRY (wire_local_verify (
            &self->local_key, &s->ask->job, self->ports.crypto, s->arena, &s->verified, err));
    else
        BG_TRY (wire_verify_document (
            self->keyring, &s->ask->job, self->ports.crypto, s->arena, &s->verified, err));
    s->job = s->verified.body;
    if (!s->is_one_shot && wire_is_one_shot (&s->verified.document, s->job))
        return bg_fail (err, BG_INVALID, "a one-shot job starts by the START that brings it only");
    return bg_ok ();
}

static bg_result judge_start (exec_core *self, bg_now now, start *s, bg_error *err)
{
    s->is_own_job = exec_is_own (self, &s->ask->job);
    s->is_own_deed = s->ask->has_deed && exec_is_own (self, &s->ask->deed);
    if (!s->is_own_job)
        BG_TRY (exec_require_member (self, err));
    if (s->ask->has_deed == (s->ask->schedule != 0))
        return bg_fail (err, BG_INVALID, "a start has either a deed or an occurrence");
    if (s->ask->job.type != WIRE_TYPE_JOB)
        return bg_fail (err, BG_INVALID, "the document is no job");
    if (s->ask->has_deed) {
        BG_TRY (read_deed (self, s, err));
        if (s->is_repeat)
            return bg_ok ();
    }
    BG_TRY (read_job (self, s, err));
    if (!s->ask->has_deed) {
        BG_TRY (read_occurrence (self, s, err));
        if (s->is_repeat)
            return bg_ok ();
    }
    if (!s->is_own_job)
        BG_TRY (exec_require_newest (self, err));
    BG_TRY (check_storage (self, s, err));
    BG_TRY (check_job (self, now, s, err));
    if (s->ask->has_deed)
        BG_TRY (check_deed (self, now, s, err));
    else
        BG_TRY (check_occurrence (now, s, err));
    BG_TRY (check_standing (self, now, s, err));
    BG_TRY (check_hours (self, now, s, err));
    describe_run (self, now, s);
    return exec_make_plan (self, now, s->job, s->verified.signer, &s->run, s->arena, &s->plan, err);
}

void exec_start (exec_core *self, bg_now now, uint64_t peer, bg_id request,
    const wire_exec_start *ask, bg_arena *arena)
{
    start s = {.ask = ask, .arena = arena};
    bg_error err = {0};
    bg_result result = judge_start (self, now, &s, &err);
    if (bg_is_ok (result) && !s.is_repeat) {
        begin (self, now, &s, peer, request);
        return;
    }
    wire_exec_verdict verdict = {.key = s.done_id, .began = s.is_repeat, .addressed = true};
    exec_fill_verdict (self, result, &err, s.reason, arena, &verdict);
    exec_reply (self, peer, WIRE_EXEC_VERDICT, request, &verdict);
}
