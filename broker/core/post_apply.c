/*  Carrying out what was planned: a document becomes the newest version of its key, a membership that of its target. See
    post.h.

    Invariant: only the store can fail.  */
#include "broker/core/post.h"

static bg_slice encode_signed (const wire_signed *document, bg_buf *out)
{
    wire_encode (&wire_desc_signed, document, out);
    return bg_buf_slice (out);
}

/*  What belongs to a name in the table: a switch is shown as "job:NAME", "schedule:NAME" or "target:NAME".  */
static bg_slice record_name (const broker_request *request, const broker_post_plan *plan)
{
    if (plan->type != WIRE_TYPE_SWITCH)
        return plan->name;
    const wire_switch *value = plan->verified.body;
    return bg_arena_printf (request->arena, "%s:%.*s",
        value->object_type == WIRE_TYPE_MEMBERSHIP ? "target" : wire_type_word (value->object_type),
        BG_SLICE_ARG (plan->name));
}

static bg_result drop_notes (broker_core *self, const broker_document *document, bg_error *err)
{
    if (broker_bitmap_next (&document->noted, 0) == 0)
        return bg_ok ();
    return self->store->note_remove (self->store->ctx, document->key, 0, err);
}

/*  Of what comes back from a target: who signed it.  */
static bg_slice poster_of (const broker_request *request, const broker_post_plan *plan)
{
    if (request->login)
        return request->login->name;
    return plan->verified.signer ? plan->verified.signer->name : bg_slice_of (NULL, 0);
}

bg_result broker_post_apply_document (
    broker_request *request, broker_post_plan *plan, bg_error *err)
{
    broker_core *self = request->core;
    BG_AUTO_BUF bytes = {0};
    const wire_document *document = &plan->verified.document;
    /*  The login lives in the keyring, which an authority replaces.  */
    bg_slice poster = bg_arena_copy (request->arena, poster_of (request, plan));
    bool withdrawn = plan->type == WIRE_TYPE_WITHDRAWAL;
    size_t old_count = plan->old ? plan->old->use_count : 0;
    bg_id *old_uses = bg_arena_array (request->arena, bg_id, old_count + 1);
    for (size_t i = 0; i < old_count; i++)
        old_uses[i] = plan->old->uses[i];
    broker_document_record record = {.key = document->key,
        .version = document->version,
        .type = plan->type,
        .object_type =
            withdrawn ? ((const wire_withdrawal *) plan->verified.body)->object_type : plan->type,
        .name = record_name (request, plan),
        .revision = plan->revision,
        .signed_bytes = encode_signed (&plan->item->document, &bytes),
        .posted_by = poster,
        .posted_us = request->now.utc_us};
    record.withdrawn_version = withdrawn   ? document->version
                               : plan->old ? plan->old->withdrawn_version
                                           : 0;
    memcpy (record.content_hash, plan->content_hash, sizeof record.content_hash);
    memcpy (record.hash, plan->verified.hash, sizeof record.hash);
    BG_TRY (self->store->document_append (self->store->ctx, &record, err));
    self->changed = true;
    if (plan->old) {
        BG_TRY (drop_notes (self, plan->old, err));
        broker_deliver_retract (self, plan->old);
    }
    broker_document *taken = NULL;
    BG_TRY (broker_document_take (self, &record, &taken, err));
    broker_deliver_renew (self, taken);
    if (plan->type == WIRE_TYPE_JOB)
        BG_TRY (self->store->job_keep (self->store->ctx, taken->key, bg_slice_str (taken->name),
            taken->history_us, taken->history_runs, err));
    BG_TRY (broker_shared_posted (request, taken, old_uses, old_count, err));
    if (plan->keyring) {
        broker_authority_take (self, plan->keyring);
        plan->keyring = NULL;
        request->login = NULL;
    }
    broker_log (self, BROKER_LOG_INFO, "document-posted", "%s '%s' version %llu by %.*s",
        wire_type_word (taken->type), taken->name, (unsigned long long) taken->version,
        BG_SLICE_ARG (poster));
    return broker_push_document (self, request->now, taken, err);
}

static void leave_groups (
    broker_request *request, const bg_slice *groups, size_t count, const broker_target *target)
{
    for (size_t i = 0; i < count; i++)
        if (!broker_target_in_group (target, groups[i]))
            broker_stream_rotate (
                request->core, broker_stream_of_group (request->core, groups[i]), request->now);
}

bg_result broker_post_apply_membership (
    broker_request *request, broker_post_plan *plan, bg_error *err)
{
    broker_core *self = request->core;
    broker_target *target = plan->target;
    BG_AUTO_BUF bytes = {0};
    size_t group_count = target->membership.groups_count;
    bg_slice *groups = bg_arena_array (request->arena, bg_slice, group_count + 1);
    for (size_t i = 0; i < group_count; i++)
        groups[i] = bg_arena_copy (request->arena, target->membership.groups[i]);
    uint64_t old_version = target->membership_version;
    if (target->membership_state == WIRE_DELIVERY_WAITING ||
        target->membership_state == WIRE_DELIVERY_FAILED)
        BG_TRY (self->store->note_remove (self->store->ctx, target->id, target->number, err));
    BG_TRY (broker_target_take_membership (
        self, target, encode_signed (&plan->item->document, &bytes), err));
    target->membership_version = plan->verified.document.version;
    target->membership_revision = plan->revision;
    target->membership_us = request->now.utc_us;
    target->provisional = false;
    broker_deliver_membership (target, old_version, WIRE_DELIVERY_PENDING);
    broker_op_member_changed (self, target);
    leave_groups (request, groups, group_count, target);
    if (target->membership.state == WIRE_DEFECTED_MEMBER) {
        BG_TRY (broker_target_leave (self, target, request->now, plan->item->cut, err));
        if (plan->item->cut)
            return bg_ok ();
    } else {
        broker_deliver_readdress (self, target);
        BG_TRY (broker_target_store (self, target, err));
    }
    return broker_push_membership (self, request->now, target, err);
}
