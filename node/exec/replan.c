/*  The plan of a run that has waited: what was resolved when it was accepted, asked again.

    Only as whom the steps run is asked: the job, its tokens and limits are those that were signed and accepted. An
    account that the policy gives no longer, or another one than before, makes the step fail as a missing proxy does; the
    environment of the plan was made for the account that it had.
*/
#include "node/exec/core_private.h"

static bool is_same (const wire_plan_step *step, const exec_account *account)
{
    return step->uid == account->uid && step->gid == account->gid &&
           step->change_account == account->change && bg_slice_is (step->account, account->name);
}

static void set_groups (wire_plan_step *step, const exec_account *account, bg_arena *arena)
{
    step->groups = bg_arena_array (arena, uint64_t, account->group_count + 1);
    step->groups_count = account->group_count;
    for (size_t i = 0; i < account->group_count; i++)
        step->groups[i] = account->groups[i];
}

static void resolve_again (const exec_core *self, const wire_login *signer, wire_plan_step *step,
    exec_account *account, bg_arena *arena)
{
    char problem[512];
    const wire_job_step asked = {.name = step->name,
        .as = step->as,
        .kind = step->script.size ? WIRE_STEP_SCRIPT : WIRE_STEP_RUN};
    step->problem = (bg_slice){0};
    if (!exec_proxy_resolve (self, &asked, signer, account, problem))
        step->problem = bg_arena_copy (arena, bg_slice_str (problem));
    else if (!is_same (step, account))
        step->problem = bg_arena_printf (arena,
            "step %.*s: the account it was accepted for has changed in the policy while the run "
            "waited; start the job again",
            BG_SLICE_ARG (step->name));
    else
        set_groups (step, account, arena);
    step->problem = wire_fit_text (step->problem, 512, true, arena);
}

bg_result exec_plan_again (const exec_core *self, bg_now now, const wire_record_intent *intent,
    bg_arena *arena, bg_slice *plan, bg_error *err)
{
    wire_header header;
    void *value = NULL;
    BG_TRY (wire_inner_decode (intent->queued_plan, arena, &header, &value, err));
    if (header.kind != WIRE_RECORD_PLAN)
        return bg_fail (err, BG_POLICY, "the plan of the waiting run is none");
    BG_TRY (exec_require_policy (self, err));
    wire_plan *again = value;
    const wire_login *signer = intent->job_signer.size
                                   ? wire_keyring_login_by_name (self->keyring, intent->job_signer)
                                   : NULL;
    exec_account *account = bg_arena_array (arena, exec_account, 1);
    for (size_t i = 0; i < again->steps_count; i++)
        resolve_again (self, signer, &again->steps[i], account, arena);
    again->intent_us = now.utc_us;
    bg_slice blob = exec_blob (WIRE_RECORD_PLAN, again);
    *plan = bg_arena_copy (arena, blob);
    exec_blob_free (&blob);
    return bg_ok ();
}
