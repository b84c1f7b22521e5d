/*  POST: signed documents from a login become the newest version of their keys.

    All items are planned first (verified, compared with what is here), then all are carried out:
    one bad item refuses the whole request, with its number, and nothing has happened. Posting is
    compare-and-set against the version that the CLI saw. Order is the version inside the signed
    bytes and nothing else.

    Invariant: once carrying out begins, only the store can fail.  */
#include "broker/core/post.h"

#include "common/job/body.h"

/*  ---- who may post what ----  */

static bg_result check_role (const broker_request *request, uint64_t type, bg_error *err)
{
    static const struct {
        uint64_t type;
        uint64_t role;
    } roles[] = {{WIRE_TYPE_AUTHORITY, WIRE_ROLE_ADMIN}, {WIRE_TYPE_MEMBERSHIP, WIRE_ROLE_ADMIN},
        {WIRE_TYPE_JOB, WIRE_ROLE_AUTHOR}, {WIRE_TYPE_SCHEDULE, WIRE_ROLE_AUTHOR},
        {WIRE_TYPE_CALENDAR, WIRE_ROLE_AUTHOR}, {WIRE_TYPE_WITHDRAWAL, WIRE_ROLE_AUTHOR},
        {WIRE_TYPE_SWITCH, WIRE_ROLE_OPERATOR}};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (roles[i].type != type)
            continue;
        if (request->login->role >= roles[i].role)
            return bg_ok ();
        bg_ignore (bg_fail (err, BG_NOT_ALLOWED, "posting a %s takes the role %s; %.*s is %s",
            wire_type_word (type), wire_role_word (roles[i].role),
            BG_SLICE_ARG (request->login->name), wire_role_word (request->login->role)));
        return bg_hint (err, "ask an admin to do it, or for the role");
    }
    return bg_fail (err, BG_NOT_IN_VERSION, "documents of type %llu are not posted in this version",
        (unsigned long long) type);
}

static bg_result plan_item (broker_request *request, broker_post_plan *plan,
    const broker_post_plan *before, size_t before_count, bg_error *err)
{
    const wire_post *post = request->body;
    plan->type = plan->item->document.type;
    BG_TRY (check_role (request, plan->type, err));
    if (plan->type == WIRE_TYPE_AUTHORITY)
        return broker_post_plan_authority (request, plan, err);
    BG_TRY (
        (post->dry_run ? wire_verify_document_asked : wire_verify_document) (request->core->keyring,
            &plan->item->document, request->core->crypto, request->arena, &plan->verified, err));
    plan->name = plan->verified.name;
    broker_content_hash (&plan->verified.document, plan->content_hash);
    for (size_t i = 0; i < before_count; i++)
        if (bg_id_equal (before[i].verified.document.key, plan->verified.document.key))
            return bg_fail (
                err, BG_INVALID, "'%.*s' is in the request twice", BG_SLICE_ARG (plan->name));
    if (plan->type == WIRE_TYPE_MEMBERSHIP)
        return broker_post_plan_membership (request, plan, before, before_count, err);
    return broker_post_plan_document (request, plan, before, before_count, err);
}

static void free_plans (broker_post_plan *plans, size_t count)
{
    for (size_t i = 0; i < count; i++)
        wire_keyring_destroy (&plans[i].keyring);
}

static bg_result plan_all (
    broker_request *request, const wire_post *post, broker_post_plan *plans, bg_error *err)
{
    if (post->items_count == 0)
        return bg_fail (err, BG_INVALID, "the request has no documents");
    for (size_t i = 0; i < post->items_count; i++) {
        plans[i].item = &post->items[i];
        request->item = i + 1;
        if (post->items_count > 1 && post->items[i].document.type == WIRE_TYPE_AUTHORITY)
            return bg_fail (err, BG_INVALID, "an authority is posted alone");
        BG_TRY (plan_item (request, &plans[i], plans, i, err));
    }
    request->item = 0;
    return bg_ok ();
}

static bg_result apply_all (
    broker_request *request, broker_post_plan *plans, size_t count, bg_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (plans[i].outcome == WIRE_POSTED_UNCHANGED)
            continue;
        if (plans[i].pending)
            BG_TRY (broker_pending_approve (request, plans[i].pending, &plans[i].verified,
                &plans[i].item->document, &plans[i].target, err));
        else if (plans[i].type == WIRE_TYPE_MEMBERSHIP)
            BG_TRY (broker_post_apply_membership (request, &plans[i], err));
        else
            BG_TRY (broker_post_apply_document (request, &plans[i], err));
    }
    return bg_ok ();
}

static void answer_post (broker_request *request, const broker_post_plan *plans, size_t count)
{
    wire_posted answer = {
        .items = bg_arena_array (request->arena, wire_posted_item, count), .items_count = count};
    for (size_t i = 0; i < count; i++) {
        bool unchanged = plans[i].outcome == WIRE_POSTED_UNCHANGED;
        uint64_t held = plans[i].target ? plans[i].target->membership_version
                        : plans[i].old  ? plans[i].old->version
                                        : 0;
        answer.items[i] = (wire_posted_item){.name = plans[i].name,
            .outcome = plans[i].outcome,
            .revision = plans[i].revision,
            .version = unchanged ? held : plans[i].verified.document.version,
            .targets = plans[i].targets};
    }
    broker_answer (request, WIRE_POSTED, &answer);
}

bg_result broker_on_post (broker_request *request, bg_error *err)
{
    const wire_post *post = request->body;
    broker_post_plan *plans =
        bg_arena_array (request->arena, broker_post_plan, post->items_count + 1);
    bg_result result = plan_all (request, post, plans, err);
    if (bg_is_ok (result) && !post->dry_run)
        result = apply_all (request, plans, post->items_count, err);
    if (bg_is_ok (result))
        answer_post (request, plans, post->items_count);
    free_plans (plans, post->items_count);
    return result;
}

/*  ---- what comes back from a target (adopt.c) ----  */

/*  As plan_item, without a person: what a document says was posted here once, or at the part that was lost.
    *taken is false when there is nothing newer in it.  */
static bg_result plan_adopted (
    broker_request *request, broker_post_plan *plan, bool *taken, bg_error *err)
{
    broker_core *self = request->core;
    plan->type = plan->item->document.type;
    if (plan->type == WIRE_TYPE_AUTHORITY) {
        wire_document document;
        BG_TRY (WIRE_DECODE (
            document, plan->item->document.bytes, WIRE_AS_SIGNED, request->arena, &document, err));
        /*  Targets show the whole chain.  */
        if (document.version <= plan->item->seen_version)
            return bg_ok ();
        BG_TRY (broker_post_plan_authority (request, plan, err));
        *taken = plan->outcome == WIRE_POSTED_CHANGED;
        return bg_ok ();
    }
    BG_TRY (wire_verify_document (
        self->keyring, &plan->item->document, self->crypto, request->arena, &plan->verified, err));
    plan->name = plan->verified.name;
    broker_content_hash (&plan->verified.document, plan->content_hash);
    const uint64_t version = plan->verified.document.version;
    if (plan->type == WIRE_TYPE_MEMBERSHIP) {
        plan->target = broker_target_with_id (self, plan->verified.document.key);
        if (plan->target != request->target)
            return bg_fail (err, BG_WRONG_TARGET, "the membership is of another target");
        *taken = version > plan->target->membership_version;
        plan->revision = plan->target->membership_revision + 1;
        return *taken ? broker_post_check_membership (self, plan, err) : bg_ok ();
    }
    plan->old = broker_document_with_key (self, plan->verified.document.key);
    *taken = !plan->old || version > plan->old->version;
    plan->revision = (plan->old ? plan->old->revision : 0) + 1;
    if (!*taken)
        return bg_ok ();
    if (plan->type == WIRE_TYPE_SCHEDULE || plan->type == WIRE_TYPE_CALENDAR)
        return broker_post_check_shared (&plan->verified, err);
    if (plan->type != WIRE_TYPE_JOB)
        return bg_ok ();
    if (wire_is_one_shot (&plan->verified.document, plan->verified.body))
        return bg_fail (err, BG_INVALID, "a one-shot job does not stand anywhere");
    return job_body_check (plan->verified.body, err);
}

bg_result broker_post_adopt (
    broker_request *request, const wire_signed *item, bool *taken, bg_error *err)
{
    broker_core *self = request->core;
    const bg_id zero = {0};
    const broker_document *authority = broker_document_with_key (self, zero);
    const wire_post_item post = {.has_document = true,
        .document = *item,
        .seen_version = authority ? authority->version : 0};
    broker_post_plan plan = {.item = &post};
    bg_result result = plan_adopted (request, &plan, taken, err);
    const bool is_membership = plan.type == WIRE_TYPE_MEMBERSHIP;
    const bg_id key = plan.verified.document.key;
    if (bg_is_ok (result) && *taken)
        result = is_membership ? broker_post_apply_membership (request, &plan, err)
                               : broker_post_apply_document (request, &plan, err);
    /*  It stands in the target's digest: also where it is not for it, and where another has brought it back. What is
        newer here reaches it by that.  */
    broker_document *document = is_membership ? NULL : broker_document_with_key (self, key);
    if (bg_is_ok (result) && document && broker_target_is_member (request->target) &&
        broker_deliver_state (document, request->target->number) == 0) {
        broker_deliver_set (self, document, request->target, WIRE_DELIVERY_PENDING);
        result = broker_shared_posted (request, document, NULL, 0, err);
    }
    free_plans (&plan, 1);
    return result;
}
