/*  What the machine signs for itself: local jobs with their switches, and STARTs and STOPs of any job on it.

    The key lies where only root (or the account of bugle-exec) reads it, so the node's account, which carries these
    documents, cannot make any; its public half is all that is needed here. A local document is checked against that key
    and nothing else: no authority, no membership, no attested time. It has floors like any other, so an older version
    does not come back, and everything of it stays when an enlistment is forgotten.
*/
#include "node/exec/core_private.h"

#include "proto/local.h"

void exec_core_set_local (exec_core *self, const bg_key *public_key)
{
    self->has_local = true;
    self->local_key = *public_key;
    self->local_installation = wire_local_installation (public_key);
    exec_tell_standing (self);
}

bool exec_is_own (const exec_core *self, const wire_signed *item)
{
    return self->has_local && wire_local_is_signed (&self->local_key, item, self->ports.crypto);
}

bool exec_is_own_installation (const exec_core *self, bg_id installation)
{
    return self->has_local && bg_id_equal (self->local_installation, installation);
}

bg_result exec_make_local_key (
    exec_core *self, const wire_exec_local *wanted, char note[256], bg_error *err)
{
    bg_key public_key;
    BG_TRY (self->ports.local_key (self->ports.ctx, &public_key, err));
    if (wanted->write_policy && !self->has_policy)
        BG_TRY (exec_write_policy (self, note, err));
    const bool is_new = !self->has_local || !bg_key_equal (&self->local_key, &public_key);
    exec_core_set_local (self, &public_key);
    if (is_new)
        exec_log (self, EXEC_SAY_NOTICE, "local-key", "installation=%s",
            bg_id_text (self->local_installation).text);
    return bg_ok ();
}

/*  ---- deeds ----  */

bg_result exec_read_own_deed (
    exec_core *self, const wire_signed *item, bg_arena *arena, wire_deed *deed, bg_error *err)
{
    const bg_id broker = self->keyring ? wire_keyring_installation (self->keyring) : (bg_id){{0}};
    return wire_local_verify_deed (
        &self->local_key, broker, item, self->ports.crypto, arena, deed, err);
}

bg_result exec_check_own_deed_time (bg_now now, const wire_deed *deed, bg_error *err)
{
    if (now.utc_us > deed->expires_us)
        return bg_fail (err, BG_EXPIRED, "the local %s expired %lld s ago",
            wire_deed_word (deed->what),
            (long long) (now.utc_us / BG_SEC (1) - deed->expires_us / BG_SEC (1)));
    if (deed->issued_us - EXEC_AHEAD_US > now.utc_us)
        return bg_fail (
            err, BG_CLOCK, "the local %s was issued in the future", wire_deed_word (deed->what));
    return bg_ok ();
}

/*  Covers what is open now, and nothing later: the machine's clock and the broker's cannot be compared, so it leaves no
    time behind.  */
static bg_result judge_own_stop (exec_core *self, bg_now now, const wire_signed *item,
    bg_arena *arena, wire_exec_verdict *verdict, bg_error *err)
{
    wire_deed deed;
    BG_TRY (exec_read_own_deed (self, item, arena, &deed, err));
    verdict->key = deed.id;
    if (deed.what != WIRE_DEED_STOP)
        return bg_fail (err, BG_INVALID, "a START is not offered, it comes with its job");
    verdict->addressed = true;
    verdict->began = true;
    if (exec_table_find (&self->done, deed.id))
        return bg_ok ();
    BG_TRY (exec_check_own_deed_time (now, &deed, err));
    BG_TRY (exec_require_storage (self, err));
    wire_record_stop record = {.deed = deed.id,
        .job_key = deed.job_key,
        .issued_us = deed.issued_us,
        .expires_us = deed.expires_us,
        .local = true};
    exec_append (self, WIRE_RECORD_STOP, &record, true);
    exec_apply_stop (self, &record);
    size_t runs = exec_stop_runs (self, now, deed.job_key);
    exec_log (self, EXEC_SAY_INFO, "local-stop", "job=\"%.*s\" runs=%zu",
        BG_SLICE_ARG (deed.job_name), runs);
    return bg_ok ();
}

/*  ---- documents ----  */

bg_result exec_judge_own (exec_core *self, bg_now now, const wire_signed *item, bg_arena *arena,
    wire_exec_verdict *verdict, bg_error *err)
{
    if (item->type == WIRE_TYPE_DEED)
        return judge_own_stop (self, now, item, arena, verdict, err);
    wire_verified verified;
    BG_TRY (wire_local_verify (&self->local_key, item, self->ports.crypto, arena, &verified, err));
    verdict->key = verified.document.key;
    verdict->version = verified.document.version;
    BG_TRY (exec_take_document (self, now, &verified, err));
    verdict->addressed = item->type != WIRE_TYPE_WITHDRAWAL;
    return bg_ok ();
}
