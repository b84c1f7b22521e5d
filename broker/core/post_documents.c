/*  What a posted job, schedule, calendar, switch or withdrawal would do: see post.h. Not here: memberships and the
    authority (post_members.c), what jobs share (shared_checks.c).  */
#include "broker/core/post.h"

#include "common/base/nearest.h"
#include "common/job/body.h"
#include "common/job/names.h"
#include "common/job/uses.h"

/*  ---- versions ----  */

static bg_result check_clock (const broker_request *request, uint64_t version, bg_error *err)
{
    int64_t now_ms = request->now.utc_us / 1000;
    if (version <= (uint64_t) (now_ms + BROKER_CLOCK_DOC_US / 1000))
        return bg_ok ();
    bg_ignore (
        bg_fail (err, BG_CLOCK, "the version is more than an hour ahead of the broker's clock"));
    return bg_hint (err, "check the clocks of both machines");
}

static bg_result check_seen (const broker_post_plan *plan, broker_held_version held, bg_error *err)
{
    uint64_t seen = plan->item->seen_version;
    uint64_t visible = held.live ? held.held : 0;
    if (seen == visible || (seen != 0 && seen == held.held))
        return bg_ok ();
    if (visible == 0)
        bg_ignore (bg_fail (err, BG_CONFLICT,
            "'%.*s' was changed since it was looked at: it is gone", BG_SLICE_ARG (plan->name)));
    else if (seen == 0)
        bg_ignore (bg_fail (err, BG_CONFLICT,
            "'%.*s' was changed since it was looked at: it exists now", BG_SLICE_ARG (plan->name)));
    else
        bg_ignore (bg_fail (err, BG_CONFLICT, "'%.*s' was changed since it was looked at",
            BG_SLICE_ARG (plan->name)));
    return bg_hint (err, "look at it again, then repeat the command");
}

bg_result broker_post_check_version (const broker_request *request, const broker_post_plan *plan,
    broker_held_version held, bool *unchanged, bg_error *err)
{
    uint64_t version = plan->verified.document.version;
    *unchanged = false;
    if (held.held != 0 && version == held.held) {
        *unchanged = memcmp (held.hash, plan->verified.hash, 32) == 0;
        if (*unchanged)
            return bg_ok ();
        bg_ignore (bg_fail (err, BG_FORK, "version %llu of '%.*s' is here with other content",
            (unsigned long long) version, BG_SLICE_ARG (plan->name)));
        return bg_hint (err, "sign it again with a higher version");
    }
    if (held.live && held.content_hash && memcmp (held.content_hash, plan->content_hash, 32) == 0) {
        *unchanged = true;
        return bg_ok ();
    }
    BG_TRY (check_seen (plan, held, err));
    if (version < held.held) {
        bg_ignore (bg_fail (err, BG_STALE,
            "version %llu of '%.*s' is older than version %llu, which is here",
            (unsigned long long) version, BG_SLICE_ARG (plan->name),
            (unsigned long long) held.held));
        return bg_hint (err, "sign it again with a higher version");
    }
    int64_t not_after_us = plan->verified.document.not_after_us;
    if (not_after_us != 0 && not_after_us <= request->now.utc_us)
        return bg_fail (err, BG_EXPIRED, "'%.*s' is only valid until a time that has passed",
            BG_SLICE_ARG (plan->name));
    return check_clock (request, version, err);
}

/*  ---- plans by type ----  */

static uint32_t addressed_count (const broker_core *self, const wire_audience *audience)
{
    broker_bitmap set = {0};
    broker_deliver_audience (self, audience, &set);
    uint32_t count = (uint32_t) broker_bitmap_size (&set);
    broker_bitmap_fini (&set);
    return count;
}

/*  What was planned before in the same request.  */
static broker_posting posting_of (
    const broker_request *request, const broker_post_plan *before, size_t count)
{
    broker_posting posting = {
        .items = bg_arena_array (request->arena, const wire_verified *, count + 1)};
    for (size_t i = 0; i < count; i++)
        posting.items[posting.count++] = &before[i].verified;
    return posting;
}

static bool is_new (const broker_post_plan *plan)
{
    return !plan->old || !broker_document_is_live (plan->old);
}

static bg_result no_login (const wire_keyring *keyring, bg_slice name, bg_error *err)
{
    const char *words[256];
    BG_AUTO_ARENA arena = {0};
    size_t count = 0;
    const wire_authority *authority = wire_keyring_authority (keyring);
    for (size_t i = 0; i < authority->logins_count && count < 256; i++)
        words[count++] = bg_arena_str (&arena, authority->logins[i].name);
    const char *nearest = bg_nearest (name, words, count);
    bg_ignore (
        bg_fail (err, BG_NOT_FOUND, "there is no login '%.*s' to own a job", BG_SLICE_ARG (name)));
    return nearest ? bg_hint (err, "did you mean %s?", nearest) : (bg_result){BG_NOT_FOUND};
}

/*  Whoever may post a job may own it; to give it to somebody else takes an admin. What was so before stays.  */
static bg_result check_owner (
    const broker_request *request, const broker_post_plan *plan, const wire_job *job, bg_error *err)
{
    const wire_login *login = request->login;
    if (job->owner.size == 0 || job_name_compare (job->owner, login->name) == 0 ||
        (plan->old && broker_document_is_live (plan->old) &&
            job_name_compare (job->owner, bg_slice_str (plan->old->owner)) == 0))
        return bg_ok ();
    if (login->role < WIRE_ROLE_ADMIN) {
        bg_ignore (bg_fail (err, BG_NOT_ALLOWED,
            "'%.*s': to make %.*s its owner takes the role admin; %.*s is %s",
            BG_SLICE_ARG (plan->name), BG_SLICE_ARG (job->owner), BG_SLICE_ARG (login->name),
            wire_role_word (login->role)));
        return bg_hint (err, "leave owner out: it is yours then, or ask an admin");
    }
    return wire_keyring_login_by_name (request->core->keyring, job->owner)
               ? bg_ok ()
               : no_login (request->core->keyring, job->owner, err);
}

static bg_result plan_job (
    broker_request *request, broker_post_plan *plan, const broker_posting *before, bg_error *err)
{
    const wire_job *job = plan->verified.body;
    if (wire_is_one_shot (&plan->verified.document, job)) {
        bg_ignore (bg_fail (err, BG_INVALID, "a one-shot job does not stand anywhere"));
        return bg_hint (err, "it comes inside the START that starts it: bugle run");
    }
    BG_TRY (job_body_check (job, err));
    BG_TRY (broker_shared_check_uses (request, &plan->verified, before, err));
    BG_TRY (check_owner (request, plan, job, err));
    plan->targets = addressed_count (request->core, &job->audience);
    plan->outcome = is_new (plan) ? WIRE_POSTED_CREATED : WIRE_POSTED_CHANGED;
    return bg_ok ();
}

bg_result broker_post_check_shared (const wire_verified *verified, bg_error *err)
{
    return verified->document.type == WIRE_TYPE_SCHEDULE
               ? job_schedule_document_check (verified->body, err)
               : job_calendar_document_check (verified->body, err);
}

static bg_result plan_shared (
    broker_request *request, broker_post_plan *plan, const broker_posting *before, bg_error *err)
{
    broker_bitmap addressed = {0};
    BG_TRY (broker_post_check_shared (&plan->verified, err));
    BG_TRY (broker_shared_check_uses (request, &plan->verified, before, err));
    broker_shared_addressed (request->core, plan->verified.document.key, &addressed);
    plan->targets = (uint32_t) broker_bitmap_size (&addressed);
    broker_bitmap_fini (&addressed);
    plan->outcome = is_new (plan) ? WIRE_POSTED_CREATED : WIRE_POSTED_CHANGED;
    return bg_ok ();
}

/*  The poll interval of one target.  */
static bg_result plan_target_switch (
    broker_request *request, broker_post_plan *plan, const wire_switch *value, bg_error *err)
{
    const broker_target *target = broker_target_with_id (request->core, value->object_key);
    if (!target || !broker_target_is_member (target))
        return bg_fail (err, BG_NOT_FOUND, "there is no target '%.*s' with this id",
            BG_SLICE_ARG (value->object_name));
    plan->targets = 1;
    plan->outcome = plan->old ? WIRE_POSTED_CHANGED : WIRE_POSTED_CREATED;
    return bg_ok ();
}

static bool posted_before (const broker_posting *before, bg_id key)
{
    for (size_t i = 0; i < before->count; i++)
        if (bg_id_equal (before->items[i]->document.key, key))
            return before->items[i]->document.type != WIRE_TYPE_WITHDRAWAL;
    return false;
}

static bg_result plan_switch (
    broker_request *request, broker_post_plan *plan, const broker_posting *before, bg_error *err)
{
    const wire_switch *value = plan->verified.body;
    if (value->object_type == WIRE_TYPE_MEMBERSHIP)
        return plan_target_switch (request, plan, value, err);
    broker_document *object = NULL;
    if (!posted_before (before, value->object_key))
        BG_TRY (broker_document_find (
            request->core, (wire_type) value->object_type, value->object_name, &object, err));
    plan->targets = object ? (uint32_t) broker_bitmap_size (&object->rows) : 0;
    plan->outcome = plan->old ? WIRE_POSTED_CHANGED : WIRE_POSTED_CREATED;
    return bg_ok ();
}

static bg_result plan_withdrawal (
    broker_request *request, broker_post_plan *plan, const broker_posting *before, bg_error *err)
{
    const wire_withdrawal *value = plan->verified.body;
    broker_document *object = NULL;
    BG_TRY (broker_document_find (
        request->core, (wire_type) value->object_type, value->object_name, &object, err));
    if (broker_document_is_shared (object))
        BG_TRY (broker_shared_check_unused (request, object, before, err));
    plan->targets = (uint32_t) broker_bitmap_size (&object->rows);
    plan->outcome = WIRE_POSTED_DELETED;
    return bg_ok ();
}

bg_result broker_post_plan_document (broker_request *request, broker_post_plan *plan,
    const broker_post_plan *before, size_t before_count, bg_error *err)
{
    plan->old = broker_document_with_key (request->core, plan->verified.document.key);
    broker_held_version held = {0};
    if (plan->old)
        held = (broker_held_version){.held = plan->old->version,
            .live = broker_document_is_live (plan->old),
            .hash = plan->old->hash,
            .content_hash = plan->old->content_hash};
    /*  A switch that went with its object does not hold: the object is enabled again, whatever the
        old one said.  */
    if (plan->old && plan->type == WIRE_TYPE_SWITCH &&
        plan->old->switch_of != WIRE_TYPE_MEMBERSHIP) {
        const broker_document *object =
            broker_document_with_key (request->core, plan->old->object_key);
        if (!object || broker_document_switch (request->core, object) != plan->old)
            held.live = false;
    }
    bool unchanged = false;
    BG_TRY (broker_post_check_version (request, plan, held, &unchanged, err));
    plan->revision = (plan->old ? plan->old->revision : 0) + (unchanged ? 0 : 1);
    if (unchanged) {
        plan->outcome = WIRE_POSTED_UNCHANGED;
        plan->targets = (uint32_t) broker_bitmap_size (&plan->old->addressed);
        return bg_ok ();
    }
    const broker_posting posting = posting_of (request, before, before_count);
    switch (plan->type) {
    case WIRE_TYPE_JOB:
        return plan_job (request, plan, &posting, err);
    case WIRE_TYPE_SCHEDULE:
    case WIRE_TYPE_CALENDAR:
        return plan_shared (request, plan, &posting, err);
    case WIRE_TYPE_SWITCH:
        return plan_switch (request, plan, &posting, err);
    default:
        return plan_withdrawal (request, plan, &posting, err);
    }
}
