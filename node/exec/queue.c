/*  The queue: runs that were accepted and wait for their turn.

        accepted ---> waiting ---> begun      one durable record, the turn, ends the waiting
                         |
                         +-------> ended      stopped, expired, replaced, or nothing that may begin any more

    A run waits because a run of its job is open, or because as many runs go on as the policy allows. Turns go by the
    order of acceptance; who waits for a run of its own job holds nobody up. What was true when it was accepted is asked
    again when its turn comes, since it may have waited for hours: membership, time, switches, withdrawals, revocations,
    the policy and the accounts of every step.

    Invariant: a waiting run has no process and no file; a run that does not wait any more never waits again.
*/
#include "node/exec/core_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/*  ---- questions ----  */

exec_counted exec_count_runs (const exec_core *self, bg_id job_key)
{
    exec_counted counted = {0};
    for (size_t i = 0; i < self->runs.count; i++) {
        const exec_run *run = exec_table_at (&self->runs, i);
        if (run->outcome.size)
            continue;
        const bool is_of_job = bg_id_equal (run->job_key, job_key);
        if (run->is_waiting)
            counted.job_waiting += is_of_job;
        else
            counted.job_begun += is_of_job;
        counted.waiting += run->is_waiting;
        counted.begun += !run->is_waiting;
    }
    return counted;
}

/*  ---- the record ----  */

void exec_apply_turn (exec_core *self, const wire_record_turn *record, bg_slice blob)
{
    exec_run *run = exec_table_find (&self->runs, record->run);
    if (!run || !run->is_waiting)
        return;
    run->is_waiting = false;
    run->turn_us = record->at_us;
    uint8_t *copy = bg_alloc (blob.size);
    memcpy (copy, blob.data, blob.size);
    run->turn = bg_slice_of (copy, blob.size);
    if (record->state != WIRE_RUN_RUNNING)
        exec_run_never_ran (run, record);
}

static void append_turn (exec_core *self, const wire_record_turn *record)
{
    bg_slice blob = exec_blob (WIRE_RECORD_TURN, record);
    self->ports.log_append (self->ports.ctx, blob, true);
    exec_apply_turn (self, record, blob);
    exec_blob_free (&blob);
}

static void end_waiting (exec_core *self, bg_now now, exec_run *run, uint64_t state,
    const char *reason, const char *message)
{
    BG_AUTO_ARENA arena = {0};
    const wire_record_turn record = {.run = run->id,
        .at_us = now.utc_us,
        .state = state,
        .reason = bg_slice_str (reason),
        .message = wire_fit_text (bg_slice_str (message), 512, true, &arena)};
    append_turn (self, &record);
    exec_log (self, EXEC_SAY_INFO, "run-ended", "run=%s state=%s waited=yes reason=%s",
        bg_id_short (run->id).text, wire_run_state_word (state), reason);
    if (self->node)
        exec_send_run (self, run, self->node, (bg_id){{0}});
}

void exec_cancel_waiting (exec_core *self, bg_now now, exec_run *run)
{
    if (exec_run_is_stopped (self, run)) {
        end_waiting (self, now, run, WIRE_RUN_CANCELED, "stop", "canceled before its turn came");
        return;
    }
    char message[128];
    snprintf (message, sizeof message, "replaced by run %s of the job before its turn came",
        bg_id_short (run->replaced_by).text);
    end_waiting (self, now, run, WIRE_RUN_CANCELED, "overlap", message);
}

void exec_replace_runs (exec_core *self, bg_now now, bg_id by)
{
    for (size_t i = 0; i < self->runs.count; i++) {
        exec_run *run = exec_table_at (&self->runs, i);
        if (run->outcome.size || !bg_id_equal (run->replaced_by, by))
            continue;
        if (run->is_waiting)
            exec_cancel_waiting (self, now, run);
        else
            self->ports.supervisor_stop (self->ports.ctx, run->id, "stop");
    }
}

/*  ---- may it still begin ----  */

typedef struct {
    exec_run *run;
    const wire_record_intent *intent;
    const char *reason; /*  NULL: the word of the code  */
} turn;

/*  By its key: whoever had it stolen goes by the same name with another one. Older logs only have the name.  */
static bool is_gone (const exec_core *self, bg_slice name, const bg_key *key)
{
    const wire_login *login = wire_keyring_login_by_name (self->keyring, name);
    return !login || wire_keyring_is_revoked (self->keyring, &login->sign_key) ||
           (!bg_key_is_zero (key) && !bg_key_equal (key, &login->sign_key));
}

static bg_result check_signers (const exec_core *self, const turn *t, bg_error *err)
{
    const wire_record_intent *intent = t->intent;
    if (intent->job_signer.size && is_gone (self, intent->job_signer, &intent->job_signer_key))
        return bg_fail (err, BG_BAD_SIGNATURE,
            "the key of login %.*s, which signed the job, was revoked while this run waited for "
            "its "
            "turn",
            BG_SLICE_ARG (intent->job_signer));
    if (intent->deed_signer.size && is_gone (self, intent->deed_signer, &intent->deed_signer_key))
        return bg_fail (err, BG_BAD_SIGNATURE,
            "the key of login %.*s, which signed the START, was revoked while this run waited for "
            "its turn",
            BG_SLICE_ARG (intent->deed_signer));
    return bg_ok ();
}

static bg_result check_broker (exec_core *self, bg_now now, turn *t, bg_error *err)
{
    if (t->run->is_foreign)
        return bg_fail (err, BG_NOT_ENLISTED, "this machine left the broker while this run waited");
    BG_TRY (exec_require_member (self, err));
    BG_TRY (exec_require_newest (self, err));
    BG_TRY (check_signers (self, t, err));
    return exec_check_lease (self, now, &t->reason, err);
}

static bg_result check_definition (exec_core *self, bg_now now, turn *t, bg_error *err)
{
    const exec_run *run = t->run;
    const wire_run *about = &t->intent->run;
    const exec_floor *floor = exec_table_find (&self->floors, run->job_key);
    if (floor && floor->type == WIRE_TYPE_WITHDRAWAL && floor->version >= run->job_version) {
        t->reason = EXEC_REASON_NO_DEFINITION;
        return bg_fail (err, BG_NOT_FOUND, "the job %.*s was deleted while this run waited",
            BG_SLICE_ARG (about->job_name));
    }
    BG_TRY (exec_check_spent (self, run->job_key, run->job_version, &t->reason, err));
    const exec_switched what = {.installation = run->is_local
                                                    ? self->local_installation
                                                    : wire_keyring_installation (self->keyring),
        .key = run->job_key,
        .name = about->job_name};
    const int64_t time_us = run->is_local ? now.utc_us : exec_best_time (self, now);
    if (exec_is_disabled (self, WIRE_TYPE_JOB, &what, false, time_us))
        return bg_fail (err, BG_DISABLED, "the job %.*s was disabled while this run waited",
            BG_SLICE_ARG (about->job_name));
    return bg_ok ();
}

static bool is_by_deed (const turn *t)
{
    return bg_id_is_zero (t->intent->run.occurrence);
}

/*  A START is valid until its turn comes. By the machine's clock where the machine itself said it.  */
static bg_result check_expiry (exec_core *self, bg_now now, turn *t, bg_error *err)
{
    const int64_t expires_us = t->intent->deed_expires_us;
    if (!is_by_deed (t))
        return bg_ok ();
    if (bg_id_is_zero (t->intent->deed))
        return exec_check_fresh_expiry (self, now, expires_us, "the START", err);
    if (now.utc_us > expires_us)
        return bg_fail (err, BG_EXPIRED, "the START expired while this run waited for its turn");
    return bg_ok ();
}

static bg_result judge (exec_core *self, bg_now now, turn *t, bg_error *err)
{
    if (!t->run->is_local)
        BG_TRY (check_broker (self, now, t, err));
    BG_TRY (check_expiry (self, now, t, err));
    BG_TRY (check_definition (self, now, t, err));
    if (!self->has_policy)
        return bg_fail (err, BG_WAITING, "there is no policy");
    return exec_check_hours (self, now, &t->reason, err);
}

/*  ---- turns ----  */

static void begin (exec_core *self, bg_now now, turn *t, bg_arena *arena)
{
    exec_run *run = t->run;
    bg_slice plan = {0};
    bg_error err = {0};
    if (bg_failed (exec_plan_again (self, now, t->intent, arena, &plan, &err))) {
        end_waiting (self, now, run, WIRE_RUN_NOT_RUN, "policy", err.message);
        return;
    }
    append_turn (self, &(wire_record_turn){.run = run->id, .at_us = now.utc_us});
    self->starts++;
    exec_spawn (self, run->id, plan);
    exec_log (self, EXEC_SAY_INFO, "run-begins", "run=%s job=\"%.*s\" waited_s=%" PRId64,
        bg_id_short (run->id).text, BG_SLICE_ARG (t->intent->run.job_name),
        (now.utc_us - t->intent->run.queued_us) / BG_SEC (1));
    if (self->node)
        exec_send_run (self, run, self->node, (bg_id){{0}});
}

/*  When the queue wants to be looked at again although nothing happens.  */
static void note_due (exec_core *self, bg_now now, const turn *t)
{
    const int64_t expires_us = t->intent->deed_expires_us;
    if (!is_by_deed (t))
        return;
    const bool is_own = !bg_id_is_zero (t->intent->deed);
    int64_t left_us = expires_us - (is_own ? now.utc_us : exec_best_time (self, now));
    if (left_us < 0)
        left_us = EXEC_NONCE_LIFE_US;
    if (left_us < BG_DAY (30) && now.mono_us + left_us + 1 < self->turn_due_mono_us)
        self->turn_due_mono_us = now.mono_us + left_us + 1;
}

static void take_turn (exec_core *self, bg_now now, exec_run *run)
{
    BG_AUTO_ARENA arena = {0};
    turn t = {.run = run, .intent = exec_read_record (run, &arena)};
    bg_error err = {0};
    if (exec_is_covered (self, run)) {
        exec_cancel_waiting (self, now, run);
        return;
    }
    bg_result result = judge (self, now, &t, &err);
    if (result.code == BG_WAITING) {
        note_due (self, now, &t);
        return;
    }
    if (bg_failed (result)) {
        end_waiting (self, now, run, WIRE_RUN_NOT_RUN,
            t.reason ? t.reason : bg_code_word (result.code), err.message);
        return;
    }
    const exec_counted counted = exec_count_runs (self, run->job_key);
    if (counted.job_begun || counted.begun >= self->policy.runs)
        note_due (self, now, &t);
    else
        begin (self, now, &t, &arena);
}

static int by_order (const void *a, const void *b)
{
    const exec_run *one = *(exec_run *const *) a;
    const exec_run *other = *(exec_run *const *) b;
    return one->order < other->order ? -1 : one->order > other->order;
}

size_t exec_runs_by_order (const exec_core *self, bg_arena *arena, exec_run ***runs)
{
    *runs = bg_arena_array (arena, exec_run *, self->runs.count + 1);
    for (size_t i = 0; i < self->runs.count; i++)
        (*runs)[i] = exec_table_at (&self->runs, i);
    qsort (*runs, self->runs.count, sizeof **runs, by_order);
    return self->runs.count;
}

/*  Nothing here adds runs to the table or takes one out, so its items stay where they are.  */
void exec_take_turns (exec_core *self, bg_now now)
{
    self->turn_due_mono_us = INT64_MAX;
    if (self->replaying || self->storage_full || exec_count_runs (self, (bg_id){{0}}).waiting == 0)
        return;
    BG_AUTO_ARENA arena = {0};
    exec_run **runs = NULL;
    const size_t count = exec_runs_by_order (self, &arena, &runs);
    for (size_t i = 0; i < count; i++) {
        if (runs[i]->is_waiting)
            take_turn (self, now, runs[i]);
    }
}
