/*  What a posted membership or authority would do: see post.h.  */
#include "broker/core/post.h"

#include "common/job/names.h"
#include "common/job/selector.h"
#include "common/job/tokens.h"

/*  Names of groups and labels as they are allowed; a label cannot look like a fact.  */
static bg_result check_words (const wire_membership *value, bg_error *err)
{
    for (size_t i = 0; i < value->groups_count; i++)
        BG_TRY (job_group_name_valid (value->groups[i], err));
    for (size_t i = 0; i < value->labels_count; i++)
        BG_TRY (job_label_valid (value->labels[i].key, value->labels[i].value, err));
    for (size_t i = 0; i < value->variables_count; i++)
        BG_TRY (job_variable_name_valid (value->variables[i].key, err));
    return job_target_name_valid (value->name, err);
}

bg_result broker_post_check_membership (
    const broker_core *self, const broker_post_plan *plan, bg_error *err)
{
    const wire_membership *value = plan->verified.body;
    const broker_target *target = plan->target;
    if (plan->verified.provisional)
        return bg_fail (err, BG_NOT_ALLOWED,
            "a membership signed by a token only enlists; this one was posted");
    if (!broker_target_is_member (target)) {
        bg_ignore (bg_fail (err, BG_CONFLICT, "target '%s' has defected", target->name));
        return bg_hint (err, "enlist it again");
    }
    if (value->number != target->number || !bg_key_equal (&value->sign_key, &target->sign_key) ||
        !bg_key_equal (&value->curve_key, &target->curve_key)) {
        bg_ignore (bg_fail (err, BG_NOT_IN_VERSION,
            "number and keys of target '%s' cannot be changed", target->name));
        return bg_hint (err, "defect it and enlist it again");
    }
    const broker_target *other = broker_target_named (self, value->name);
    if (other && other != target)
        return bg_fail (err, BG_EXISTS, "the name '%.*s' is taken by another target",
            BG_SLICE_ARG (value->name));
    return check_words (value, err);
}

/*  The first membership of a machine that asks to be enlisted.  */
static bg_result plan_pending (broker_request *request, broker_post_plan *plan,
    const broker_post_plan *before, size_t before_count, bg_error *err)
{
    plan->pending = broker_pending_with_id (request->core, plan->verified.document.key);
    if (!plan->pending || plan->verified.provisional) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no target with this id"));
        return bg_hint (
            err, "a machine that asks to be enlisted is shown by: bugle target pending");
    }
    for (size_t i = 0; i < before_count; i++)
        if (before[i].pending && job_name_compare (before[i].name, plan->name) == 0)
            return bg_fail (
                err, BG_EXISTS, "two machines ask as '%.*s'", BG_SLICE_ARG (plan->name));
    BG_TRY (check_words (plan->verified.body, err));
    BG_TRY (broker_pending_check (request->core, plan->pending, plan->verified.body, err));
    bool unchanged = false;
    BG_TRY (broker_post_check_version (request, plan, (broker_held_version){0}, &unchanged, err));
    plan->targets = 1;
    plan->revision = 1;
    plan->outcome = WIRE_POSTED_CREATED;
    return bg_ok ();
}

bg_result broker_post_plan_membership (broker_request *request, broker_post_plan *plan,
    const broker_post_plan *before, size_t before_count, bg_error *err)
{
    plan->target = broker_target_with_id (request->core, plan->verified.document.key);
    if (!plan->target)
        return plan_pending (request, plan, before, before_count, err);
    BG_AUTO_ARENA arena = {0};
    wire_signed held_signed;
    wire_document held_document;
    uint8_t hash[32];
    uint8_t content[32];
    if (bg_failed (WIRE_DECODE (
            signed, plan->target->membership_bytes, WIRE_AS_MESSAGE, &arena, &held_signed, err)) ||
        bg_failed (
            WIRE_DECODE (document, held_signed.bytes, WIRE_AS_SIGNED, &arena, &held_document, err)))
        return broker_stored_badly (err, "a membership");
    wire_hash32 (held_signed.bytes, hash);
    broker_content_hash (&held_document, content);
    bool unchanged = false;
    BG_TRY (broker_post_check_membership (request->core, plan, err));
    BG_TRY (broker_post_check_version (request, plan,
        (broker_held_version){.held = plan->target->membership_version,
            .live = true,
            .hash = hash,
            .content_hash = content},
        &unchanged, err));
    const wire_membership *value = plan->verified.body;
    plan->targets = 1;
    plan->revision = plan->target->membership_revision + (unchanged ? 0 : 1);
    plan->outcome = unchanged                              ? WIRE_POSTED_UNCHANGED
                    : value->state == WIRE_DEFECTED_MEMBER ? WIRE_POSTED_DELETED
                                                           : WIRE_POSTED_CHANGED;
    return bg_ok ();
}

bg_result broker_post_plan_authority (
    broker_request *request, broker_post_plan *plan, bg_error *err)
{
    broker_core *self = request->core;
    const bg_id zero = {0};
    plan->name = bg_slice_str ("authority");
    plan->old = broker_document_with_key (self, zero);
    bg_assert (plan->old);
    wire_document document;
    BG_TRY (WIRE_DECODE (
        document, plan->item->document.bytes, WIRE_AS_SIGNED, request->arena, &document, err));
    plan->verified.document = document;
    wire_hash32 (plan->item->document.bytes, plan->verified.hash);
    broker_content_hash (&document, plan->content_hash);
    bool unchanged = false;
    BG_TRY (broker_post_check_version (request, plan,
        (broker_held_version){.held = plan->old->version,
            .live = true,
            .hash = plan->old->hash,
            .content_hash = plan->old->content_hash},
        &unchanged, err));
    plan->revision = plan->old->revision + (unchanged ? 0 : 1);
    plan->targets = self->members;
    plan->outcome = unchanged ? WIRE_POSTED_UNCHANGED : WIRE_POSTED_CHANGED;
    return unchanged ? bg_ok ()
                     : broker_authority_check (request, &plan->item->document, &plan->keyring, err);
}
