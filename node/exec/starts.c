/*  Starts: whether a run may begin now, and its beginning.

    The node says "start this job, because of this deed" or "because this occurrence of schedule
    N is due". Everything is verified again from the signed bytes. What is remembered as done is
    never done again; that is asked before anything that may have changed since the first time.

    The beginning is one durable record, the intent. The supervisor is started and the node told
    only when it is on disk (exec_core.h). A run whose turn has not come waits (queue.c): it is
    accepted all the same.
*/
#include "node/exec/core_private.h"

#include "common/job/body.h"
#include "common/job/civil.h"
#include "proto/audience.h"
#include "proto/local.h"

#define PLAN_WAITS_MAX 262144 /*  bytes of the record's field  */

typedef struct {
    const wire_exec_start *ask;
    bg_arena *arena;
    wire_verified verified;
    const wire_job *job;
    wire_deed deed;                /*  when ask->has_deed  */
    bool is_one_shot;              /*  the job came inside the deed  */
    const wire_login *deed_signer; /*  NULL: the machine  */
    wire_job_schedule spec;        /*  of an occurrence  */
    bg_id done_id;                 /*  deed or occurrence  */
    bool is_own_job;               /*  signed by the machine itself  */
    bool is_own_deed;
    bool is_repeat;
    bool must_wait;     /*  for its turn  */
    bool replaces;      /*  what is open of the job  */
    const char *reason; /*  NULL: the word of the code  */
    wire_run run;
    wire_plan plan;
} start;

/*  ---- why it should start ----  */

static bg_result read_deed (exec_core *self, start *s, bg_error *err)
{
    if (s->is_own_deed)
        BG_TRY (exec_read_own_deed (self, &s->ask->deed, s->arena, &s->deed, err));
    else if (s->is_own_job)
        return bg_fail (err, BG_NOT_ALLOWED, "a local job is started on its machine only");
    else
        BG_TRY (wire_verify_deed (self->keyring, &s->ask->deed, self->ports.crypto, s->arena,
            &s->deed, &s->deed_signer, err));
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

/*  The step that runs first: the START's word, or the job's.  */
static bg_result find_start_step (start *s, bg_error *err)
{
    s->run.start_step = s->job->start_step;
    if (s->ask->has_deed && s->deed.step.size) {
        const int index = job_body_find_step (s->job, s->deed.step);
        if (index < 0)
            return bg_fail (err, BG_NOT_FOUND, "the job %.*s has no step %.*s",
                BG_SLICE_ARG (s->job->name), BG_SLICE_ARG (s->deed.step));
        s->run.start_step = (uint64_t) index + 1;
    }
    return s->run.start_step > s->job->steps_count
               ? bg_fail (err, BG_INVALID, "the job begins with a step that it does not have")
               : bg_ok ();
}

static bg_result read_occurrence (exec_core *self, start *s, bg_error *err)
{
    uint64_t number = s->ask->schedule;
    if (number < 1 || number > s->job->schedules_count)
        return bg_fail (
            err, BG_INVALID, "the job has no schedule number %llu", (unsigned long long) number);
    const bg_slice schedule = s->job->schedules[number - 1].name;
    /*  Of a local job the machine's own installation stands for the target: it outlives enlistments.  */
    s->done_id =
        wire_occurrence_id (s->is_own_job ? self->local_installation : self->member.body.target,
            s->verified.document.key, schedule, s->ask->nominal_us, (uint8_t) s->ask->fold);
    s->is_repeat = exec_table_find (&self->done, s->done_id) != NULL;
    return bg_ok ();
}

static bg_result check_occurrence (exec_core *self, bg_now now, start *s, bg_error *err)
{
    BG_TRY (exec_read_schedule (self, now, s->ask, &s->verified, s->arena, &s->spec, err));
    return exec_check_occurrence (now, &s->spec, s->ask->nominal_us, &s->reason, err);
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
        s->reason = EXEC_REASON_NO_DEFINITION;
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
bg_result exec_check_lease (exec_core *self, bg_now now, const char **reason, bg_error *err)
{
    int64_t fresh_until_us = wire_keyring_fresh_until_us (self->keyring);
    if (fresh_until_us == 0)
        return bg_ok ();
    bg_result result = exec_check_expiry (self, now, fresh_until_us, "the authority document", err);
    if (result.code != BG_EXPIRED)
        return result;
    *reason = EXEC_REASON_LEASE;
    return bg_fail (err, BG_EXPIRED, "the broker has not renewed its authority document in time");
}

/*  By its switch, or without one by its own word; and it is enabled only until its date.  */
static bg_result check_enabled (exec_core *self, bg_now now, const start *s, bg_error *err)
{
    const wire_job *job = s->job;
    const wire_document *document = &s->verified.document;
    const exec_switched what = {document->installation, document->key, job->name};
    const int64_t time_us = s->is_own_job ? now.utc_us : exec_best_time (self, now);
    if (exec_is_disabled (self, WIRE_TYPE_JOB, &what, job->disabled, time_us))
        return bg_fail (err, BG_DISABLED, "the job %.*s is disabled", BG_SLICE_ARG (job->name));
    if (job->enabled_until_us && time_us >= job->enabled_until_us)
        return bg_fail (err, BG_DISABLED, "the job %.*s was enabled until %lld s ago",
            BG_SLICE_ARG (job->name), (long long) ((time_us - job->enabled_until_us) / BG_SEC (1)));
    return bg_ok ();
}

/*  At most one run of a job goes on; what becomes of another one is the job's word.  */
static bg_result check_overlap (start *s, const exec_counted *counted, bg_now now, bg_error *err)
{
    const bg_slice name = s->job->name;
    if (counted->job_begun + counted->job_waiting == 0)
        return bg_ok ();
    s->must_wait = true;
    if (!s->ask->has_deed && exec_occurrence_queues (now, &s->spec, s->ask->nominal_us))
        return bg_ok ();
    s->replaces = s->job->overlap == WIRE_OVERLAP_REPLACE;
    if (s->replaces)
        return bg_ok ();
    if (s->job->overlap != WIRE_OVERLAP_QUEUE && counted->job_begun)
        return bg_fail (err, BG_OVERLAP, "a run of %.*s is still going on", BG_SLICE_ARG (name));
    if (counted->job_waiting)
        return bg_fail (
            err, BG_OVERLAP, "a run of %.*s waits for its turn already", BG_SLICE_ARG (name));
    return bg_ok ();
}

static bg_result check_room (exec_core *self, bg_now now, start *s, bg_error *err)
{
    const exec_counted counted = exec_count_runs (self, s->verified.document.key);
    BG_TRY (check_overlap (s, &counted, now, err));
    s->must_wait |= counted.begun >= self->policy.runs;
    if (self->runs.count >= EXEC_RUNS_MAX)
        return bg_fail (
            err, BG_LIMIT, "%d runs are open or not yet taken over by the node", EXEC_RUNS_MAX);
    if (s->must_wait && counted.waiting >= EXEC_WAITING_MAX)
        return bg_fail (err, BG_LIMIT, "%d runs wait for their turn already", EXEC_WAITING_MAX);
    return bg_ok ();
}

static bg_result check_standing (exec_core *self, bg_now now, start *s, bg_error *err)
{
    const bg_id job_key = s->verified.document.key;
    const bool is_scheduled = !s->ask->has_deed;
    if (!s->is_own_job) {
        BG_TRY (exec_check_lease (self, now, &s->reason, err));
        if (is_scheduled)
            BG_TRY (exec_check_job_lease (self, now, s->job, &s->reason, err));
    }
    BG_TRY (exec_check_spent (self, job_key, s->verified.document.version, &s->reason, err));
    BG_TRY (check_enabled (self, now, s, err));
    BG_TRY (check_room (self, now, s, err));
    if (s->is_one_shot)
        return bg_ok ();
    return exec_bucket_check (
        self, s->job, job_key, is_scheduled ? &s->spec : NULL, now.utc_us, err);
}

bg_result exec_check_hours (exec_core *self, bg_now now, const char **reason, bg_error *err)
{
    BG_TRY (exec_require_policy (self, err));
    int64_t local_s = now.utc_us / 1000000 + self->ports.utc_offset_s (self->ports.ctx, now.utc_us);
    job_civil local = job_civil_from_seconds (local_s);
    if (!exec_policy_open_at (&self->policy, local.hour * 60 + local.minute)) {
        *reason = EXEC_REASON_WINDOW;
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
        s->reason = EXEC_REASON_STORAGE;
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
    run->state = s->must_wait ? WIRE_RUN_WAITING : WIRE_RUN_RUNNING;
    run->started_us = now.utc_us;
    if (s->must_wait)
        run->queued_us = now.utc_us;
    if (s->is_own_deed) {
        /*  Nobody elsewhere asked for it: a run without an execution.  */
    } else if (s->ask->has_deed) {
        run->exec = s->deed.id;
    } else {
        run->schedule = s->spec.name;
        run->nominal_us = s->ask->nominal_us;
        run->occurrence = s->done_id;
    }
}

/*  An occurrence may come again as long as it may begin.  */
static int64_t expires_us (const start *s)
{
    return s->ask->has_deed ? s->deed.expires_us
                            : s->ask->nominal_us + exec_occurrence_late_us (&s->spec);
}

static void log_accepted (const exec_core *self, const start *s)
{
    exec_log (self, EXEC_SAY_INFO, s->must_wait ? "run-waits" : "run-begins",
        "run=%s job=\"%.*s\" %s=%.*s", bg_id_short (s->run.run).text, BG_SLICE_ARG (s->job->name),
        s->is_own_deed     ? "local"
        : s->ask->has_deed ? "exec"
                           : "schedule",
        s->ask->has_deed ? 8 : (int) s->spec.name.size,
        s->ask->has_deed ? bg_id_short (s->deed.id).text : (const char *) s->spec.name.data);
}

static void note_signer (const wire_login *login, bg_slice *name, bg_key *key)
{
    if (!login)
        return;
    *name = login->name;
    *key = login->sign_key;
}

/*  What has to be durable before anything is said or done.  */
static void append_intent (exec_core *self, bg_now now, const start *s, bg_slice plan)
{
    wire_record_intent record = {.has_run = true,
        .run = s->run,
        .deed_expires_us = expires_us (s),
        .deed_issued_us = s->ask->has_deed ? s->deed.issued_us : 0,
        .began_us = exec_best_time (self, now),
        .local = s->is_own_job,
        .deed = s->is_own_deed ? s->deed.id : (bg_id){{0}},
        .one_shot_until_us = s->is_one_shot ? s->verified.document.not_after_us : 0,
        .delete_level = s->is_one_shot ? 0 : s->job->delete_level,
        .replaces = s->replaces};
    if (s->must_wait) {
        record.queued_plan = plan;
        note_signer (s->verified.signer, &record.job_signer, &record.job_signer_key);
        note_signer (s->deed_signer, &record.deed_signer, &record.deed_signer_key);
    }
    bg_slice blob = exec_blob (WIRE_RECORD_INTENT, &record);
    self->ports.log_append (self->ports.ctx, blob, true);
    exec_apply_intent (self, &record, blob);
    exec_blob_free (&blob);
}

static void accept (exec_core *self, bg_now now, start *s, uint64_t peer, bg_id request)
{
    bg_slice plan = exec_blob (WIRE_RECORD_PLAN, &s->plan);
    append_intent (self, now, s, plan);
    exec_done *done = exec_table_find (&self->done, s->done_id);
    if (done)
        done->held_boot_us = now.boot_us;
    self->counts[BG_OK]++;
    if (s->replaces)
        exec_replace_runs (self, now, s->run.run);
    if (!s->must_wait) {
        self->starts++;
        exec_spawn (self, s->run.run, plan);
    }
    exec_blob_free (&plan);
    wire_exec_run message = {.has_run = true, .run = s->run};
    exec_reply (self, peer, WIRE_EXEC_RUN, request, &message);
    log_accepted (self, s);
    if (s->must_wait)
        exec_take_turns (self, now);
}

/*  Also of what has had its turn, whose plan goes with the run.  */
static size_t held_bytes (const exec_core *self)
{
    size_t bytes = 0;
    for (size_t i = 0; i < self->runs.count; i++)
        bytes += ((const exec_run *) exec_table_at (&self->runs, i))->intent.size;
    return bytes;
}

/*  What waits is kept in memory and in the log until its turn, and is read again at every turn.  */
static bg_result check_plan_fits (const exec_core *self, const start *s, bg_error *err)
{
    if (!s->must_wait)
        return bg_ok ();
    bg_slice plan = exec_blob (WIRE_RECORD_PLAN, &s->plan);
    const size_t size = plan.size;
    exec_blob_free (&plan);
    if (size > PLAN_WAITS_MAX)
        return bg_fail (err, BG_TOO_LARGE,
            "another run goes on, and this job is too large to wait for its turn (%zu bytes, at "
            "most %d)",
            size, PLAN_WAITS_MAX);
    if (held_bytes (self) + size > EXEC_WAITING_BYTES)
        return bg_fail (err, BG_LIMIT, "the runs that wait for their turn take %zu MiB already",
            EXEC_WAITING_BYTES >> 20);
    return bg_ok ();
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
        BG_TRY (check_occurrence (self, now, s, err));
    BG_TRY (exec_check_hours (self, now, &s->reason, err));
    BG_TRY (check_standing (self, now, s, err));
    BG_TRY (find_start_step (s, err));
    describe_run (self, now, s);
    BG_TRY (
        exec_make_plan (self, now, s->job, s->verified.signer, &s->run, s->arena, &s->plan, err));
    return check_plan_fits (self, s, err);
}

void exec_start (exec_core *self, bg_now now, uint64_t peer, bg_id request,
    const wire_exec_start *ask, bg_arena *arena)
{
    start s = {.ask = ask, .arena = arena};
    bg_error err = {0};
    bg_result result = judge_start (self, now, &s, &err);
    if (bg_is_ok (result) && !s.is_repeat) {
        accept (self, now, &s, peer, request);
        return;
    }
    wire_exec_verdict verdict = {.key = s.done_id, .began = s.is_repeat, .addressed = true};
    exec_fill_verdict (self, result, &err, s.reason, arena, &verdict);
    exec_reply (self, peer, WIRE_EXEC_VERDICT, request, &verdict);
}
