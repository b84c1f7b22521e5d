/*  Verdicts about what the node offers: standing documents and STOP deeds.

    The order of design section 6: what proto/trust.h checks (size to scope), then needs,
    expiry, version floor, body. Audience is an answer here, not a reason to refuse: a document
    that is for others keeps its floor, so that an older version that was for us cannot come
    back. Refusals have no side effect.
*/
#include "node/exec/core_private.h"

#include "common/job/body.h"
#include "common/job/uses.h"
#include "proto/audience.h"

/*  ---- needs, switches, stops ----  */

bg_result exec_needs_met (const exec_core *self, const wire_needs *needs, bg_error *err)
{
    if (needs->authority > wire_keyring_version (self->keyring))
        return bg_fail (err, BG_WAITING, "needs a newer authority document");
    if (needs->membership > self->member.version)
        return bg_fail (err, BG_WAITING, "needs a newer membership of this target");
    for (size_t i = 0; i < needs->documents_count; i++) {
        const exec_floor *floor = exec_table_find (&self->floors, needs->documents[i].key);
        if (!floor || floor->version < needs->documents[i].version)
            return bg_fail (err, BG_WAITING, "needs another document first");
    }
    return bg_ok ();
}

bool exec_is_disabled (const exec_core *self, wire_type type, const exec_switched *what,
    bool otherwise, int64_t time_us)
{
    const bg_id switch_key = wire_switch_key (what->installation, type, what->name);
    const exec_floor *floor = exec_table_find (&self->floors, switch_key);
    if (!floor || floor->type != WIRE_TYPE_SWITCH || !bg_id_equal (floor->object_key, what->key))
        return otherwise;
    const bool is_over = floor->until_us != 0 && time_us >= floor->until_us;
    return floor->disabled != is_over;
}

bool exec_is_stopped (const exec_core *self, bg_id job_key, bg_id exec, int64_t began_us)
{
    const exec_stop *stop = exec_table_find (&self->stops, job_key);
    if (stop && began_us < stop->issued_us)
        return true;
    stop = bg_id_is_zero (exec) ? NULL : exec_table_find (&self->stops, exec);
    return stop && bg_id_equal (stop->job_key, job_key);
}

exec_done *exec_put_done (
    exec_core *self, bg_id id, int64_t expires_us, bool is_occurrence, int64_t boot_us)
{
    exec_done *done = exec_table_put (&self->done, id);
    done->expires_us = expires_us;
    done->is_occurrence = is_occurrence;
    done->held_boot_us = boot_us;
    return done;
}

void exec_apply_done (exec_core *self, const wire_record_done *record)
{
    exec_put_done (self, record->deed, record->expires_us, record->occurrence, 0)->is_local =
        record->local;
}

void exec_apply_stop (exec_core *self, const wire_record_stop *record)
{
    if (record->local) {
        exec_put_done (self, record->deed, record->expires_us, true, 0)->is_local = true;
        exec_mark_stopped (self, record->job_key);
        return;
    }
    exec_put_done (self, record->deed, record->expires_us, false, 0);
    exec_stop *stop = exec_table_put (
        &self->stops, bg_id_is_zero (record->exec) ? record->job_key : record->exec);
    if (record->issued_us < stop->issued_us)
        return;
    stop->deed = record->deed;
    stop->job_key = record->job_key;
    stop->issued_us = record->issued_us;
    stop->expires_us = record->expires_us;
}

/*  ---- floors ----  */

void exec_apply_floor (exec_core *self, const wire_record_floor *record)
{
    exec_floor *floor = exec_table_put (&self->floors, record->key);
    floor->version = record->version;
    floor->type = record->type;
    memcpy (floor->hash, record->hash, sizeof floor->hash);
    floor->disabled = record->disabled;
    floor->until_us = record->until_us;
    floor->object_key = record->object_key;
    floor->is_local = record->local;
    exec_spent_renew (self, record->key, record->version);
}

static void raise_floor (exec_core *self, const wire_verified *verified)
{
    wire_record_floor record = {.key = verified->document.key,
        .type = verified->document.type,
        .version = verified->document.version,
        .local = exec_is_own_installation (self, verified->document.installation)};
    memcpy (record.hash, verified->hash, sizeof record.hash);
    if (verified->document.type == WIRE_TYPE_SWITCH) {
        const wire_switch *body = verified->body;
        record.disabled = body->disabled;
        record.until_us = body->until_us;
        record.object_key = body->object_key;
    }
    exec_append (self, WIRE_RECORD_FLOOR, &record, true);
    exec_apply_floor (self, &record);
}

/*  A job of the broker for this very target. What the machine signs for itself is judged when it starts.  */
static bool is_for_here (const exec_core *self, const wire_verified *verified)
{
    const wire_job *job = verified->body;
    return !exec_is_own_installation (self, verified->document.installation) &&
           wire_audience_matches (&job->audience, &self->member.body);
}

static bg_result check_body (const exec_core *self, const wire_verified *verified, bg_error *err)
{
    switch (verified->document.type) {
    case WIRE_TYPE_JOB:
        BG_TRY (job_body_check (verified->body, err));
        return is_for_here (self, verified) ? exec_check_policy (self, err) : bg_ok ();
    case WIRE_TYPE_SCHEDULE:
        return job_schedule_document_check (verified->body, err);
    case WIRE_TYPE_CALENDAR:
        return job_calendar_document_check (verified->body, err);
    default:
        return bg_ok ();
    }
}

bg_result exec_take_document (
    exec_core *self, bg_now now, const wire_verified *verified, bg_error *err)
{
    const wire_document *document = &verified->document;
    if (document->has_needs)
        BG_TRY (exec_needs_met (self, &document->needs, err));
    if (document->not_after_us)
        BG_TRY (exec_check_expiry (self, now, document->not_after_us, "the document", err));
    const exec_floor *floor = exec_table_find (&self->floors, document->key);
    if (floor && document->version < floor->version)
        return bg_fail (
            err, BG_SUPERSEDED, "a newer version of %.*s is known", BG_SLICE_ARG (verified->name));
    if (floor && document->version == floor->version) {
        if (memcmp (floor->hash, verified->hash, sizeof floor->hash) == 0)
            return bg_ok ();
        return bg_fail (err, BG_FORK, "another document %.*s of the same version is known",
            BG_SLICE_ARG (verified->name));
    }
    BG_TRY (check_body (self, verified, err));
    BG_TRY (exec_require_storage (self, err));
    raise_floor (self, verified);
    return bg_ok ();
}

/*  ---- offers ----  */

/*  Schedules and calendars are for whoever has them (ADR 15). The switch of a job or schedule goes with it; that of a
    target is for the one target. A withdrawal leaves nothing to hold.  */
static bool is_for_us (const exec_core *self, uint64_t type, const void *body)
{
    if (type == WIRE_TYPE_SCHEDULE || type == WIRE_TYPE_CALENDAR)
        return true;
    if (type != WIRE_TYPE_SWITCH)
        return false;
    const wire_switch *flip = body;
    return flip->object_type != WIRE_TYPE_MEMBERSHIP ||
           bg_id_equal (flip->object_key, self->member.body.target);
}

static bg_result judge_document (exec_core *self, bg_now now, const wire_signed *item,
    bg_arena *arena, wire_exec_verdict *verdict, bg_error *err)
{
    wire_verified verified;
    BG_TRY (wire_verify_document (self->keyring, item, self->ports.crypto, arena, &verified, err));
    verdict->key = verified.document.key;
    verdict->version = verified.document.version;
    if (item->type == WIRE_TYPE_JOB && wire_is_one_shot (&verified.document, verified.body))
        return bg_fail (err, BG_INVALID, "a one-shot job comes inside its START, never alone");
    if (item->type == WIRE_TYPE_MEMBERSHIP) {
        verdict->addressed = true;
        return exec_take_membership (self, item, &verified, err);
    }
    BG_TRY (exec_require_member (self, err));
    BG_TRY (exec_require_newest (self, err));
    BG_TRY (exec_take_document (self, now, &verified, err));
    if (item->type == WIRE_TYPE_JOB)
        verdict->addressed = wire_audience_matches (
            &((const wire_job *) verified.body)->audience, &self->member.body);
    else
        verdict->addressed = is_for_us (self, item->type, verified.body);
    return bg_ok ();
}

static bg_result judge_stop (exec_core *self, bg_now now, const wire_signed *item, bg_arena *arena,
    wire_exec_verdict *verdict, bg_error *err)
{
    wire_deed deed;
    const wire_login *signer = NULL;
    BG_TRY (exec_require_member (self, err));
    BG_TRY (wire_verify_deed (self->keyring, item, self->ports.crypto, arena, &deed, &signer, err));
    verdict->key = deed.id;
    if (deed.what != WIRE_DEED_STOP)
        return bg_fail (err, BG_INVALID, "a %s is not offered, it comes with its job",
            wire_deed_word (deed.what));
    if (exec_table_find (&self->done, deed.id)) {
        verdict->addressed = true;
        verdict->began = true;
        return bg_ok ();
    }
    BG_TRY (exec_require_newest (self, err));
    if (deed.has_needs)
        BG_TRY (exec_needs_met (self, &deed.needs, err));
    if (!wire_audience_matches (&deed.to, &self->member.body))
        return bg_fail (err, BG_WRONG_TARGET, "the STOP is not for this target");
    BG_TRY (exec_check_deed_time (self, now, &deed, "the STOP", err));
    BG_TRY (exec_require_storage (self, err));
    wire_record_stop record = {.deed = deed.id,
        .job_key = deed.job_key,
        .issued_us = deed.issued_us,
        .expires_us = deed.expires_us,
        .exec = deed.exec};
    exec_append (self, WIRE_RECORD_STOP, &record, true);
    exec_apply_stop (self, &record);
    size_t runs = exec_stop_runs (self, now, deed.job_key);
    exec_log (
        self, EXEC_SAY_INFO, "stop", "job=\"%.*s\" runs=%zu", BG_SLICE_ARG (deed.job_name), runs);
    verdict->addressed = true;
    verdict->began = true;
    return bg_ok ();
}

bg_result exec_judge (exec_core *self, bg_now now, const wire_signed *item, bg_arena *arena,
    wire_exec_verdict *verdict, bg_error *err)
{
    if (exec_is_own (self, item))
        return exec_judge_own (self, now, item, arena, verdict, err);
    if (!self->is_anchored)
        return bg_fail (err, BG_NOT_ENLISTED,
            self->has_local
                ? "this machine is not enlisted with a broker, and its own key has not signed this"
                : "this machine is not enlisted with a broker");
    switch (item->type) {
    case WIRE_TYPE_AUTHORITY:
        return exec_take_authority (self, now, item, verdict, err);
    case WIRE_TYPE_MEMBERSHIP:
    case WIRE_TYPE_JOB:
    case WIRE_TYPE_SCHEDULE:
    case WIRE_TYPE_CALENDAR:
    case WIRE_TYPE_SWITCH:
    case WIRE_TYPE_WITHDRAWAL:
        if (!self->keyring)
            return bg_fail (err, BG_WAITING, "the broker's authority document has not arrived yet");
        return judge_document (self, now, item, arena, verdict, err);
    case WIRE_TYPE_DEED:
        return judge_stop (self, now, item, arena, verdict, err);
    default:
        return bg_fail (err, BG_NOT_IN_VERSION, "type %llu is nothing that bugle-exec takes",
            (unsigned long long) item->type);
    }
}
