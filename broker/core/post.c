/*  POST: signed documents from a login become the newest version of their keys.

    All items are planned first (verified, compared with what is here), then all are carried out:
    one bad item refuses the whole request, with its number, and nothing has happened. Posting is
    compare-and-set against the version that the CLI saw. Order is the version inside the signed
    bytes and nothing else.

    Invariant: once carrying out begins, only the store can fail.  */
#include "broker/core/rooms.h"

#include "common/base/nearest.h"
#include "common/job/body.h"
#include "common/job/names.h"
#include "common/job/selector.h"
#include "common/job/tokens.h"
#include "common/job/uses.h"

/*  One item, checked and not yet done.  */
typedef struct {
    const wire_post_item *item;
    wire_verified verified;
    uint64_t type;
    bg_slice name;
    wire_keyring *keyring;   /*  of an authority  */
    broker_target *target;   /*  of a membership  */
    broker_pending *pending; /*  of the membership of a machine that asks  */
    broker_document *old;    /*  what is here under this key; NULL when nothing ever was  */
    uint8_t content_hash[32];
    uint64_t outcome;
    uint64_t revision;
    uint32_t targets;
} post_plan;

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

/*  ---- versions ----  */

typedef struct {
    uint64_t held; /*  0 = nothing was ever here  */
    bool live;     /*  what is held is no withdrawal  */
    const uint8_t *hash;
    const uint8_t *content_hash; /*  NULL: nothing to compare  */
} held_version;

static bg_result check_clock (const broker_request *request, uint64_t version, bg_error *err)
{
    int64_t now_ms = request->now.utc_us / 1000;
    if (version <= (uint64_t) (now_ms + BROKER_CLOCK_DOC_US / 1000))
        return bg_ok ();
    bg_ignore (
        bg_fail (err, BG_CLOCK, "the version is more than an hour ahead of the broker's clock"));
    return bg_hint (err, "check the clocks of both machines");
}

static bg_result check_seen (const post_plan *plan, held_version held, bg_error *err)
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

/*  The rules of design.md section 6. *unchanged: it is here already, nothing is to be done.  */
static bg_result check_version (const broker_request *request, const post_plan *plan,
    held_version held, bool *unchanged, bg_error *err)
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
    const broker_request *request, const post_plan *before, size_t count)
{
    broker_posting posting = {
        .items = bg_arena_array (request->arena, const wire_verified *, count + 1)};
    for (size_t i = 0; i < count; i++)
        posting.items[posting.count++] = &before[i].verified;
    return posting;
}

static bool is_new (const post_plan *plan)
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
    const broker_request *request, const post_plan *plan, const wire_job *job, bg_error *err)
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
    broker_request *request, post_plan *plan, const broker_posting *before, bg_error *err)
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

static bg_result check_shared_body (const wire_verified *verified, bg_error *err)
{
    return verified->document.type == WIRE_TYPE_SCHEDULE
               ? job_schedule_document_check (verified->body, err)
               : job_calendar_document_check (verified->body, err);
}

static bg_result plan_shared (
    broker_request *request, post_plan *plan, const broker_posting *before, bg_error *err)
{
    broker_bitmap addressed = {0};
    BG_TRY (check_shared_body (&plan->verified, err));
    BG_TRY (broker_shared_check_uses (request, &plan->verified, before, err));
    broker_shared_addressed (request->core, plan->verified.document.key, &addressed);
    plan->targets = (uint32_t) broker_bitmap_size (&addressed);
    broker_bitmap_fini (&addressed);
    plan->outcome = is_new (plan) ? WIRE_POSTED_CREATED : WIRE_POSTED_CHANGED;
    return bg_ok ();
}

/*  The poll interval of one target.  */
static bg_result plan_target_switch (
    broker_request *request, post_plan *plan, const wire_switch *value, bg_error *err)
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
    broker_request *request, post_plan *plan, const broker_posting *before, bg_error *err)
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
    broker_request *request, post_plan *plan, const broker_posting *before, bg_error *err)
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

static bg_result plan_document (broker_request *request, post_plan *plan, const post_plan *before,
    size_t before_count, bg_error *err)
{
    plan->old = broker_document_with_key (request->core, plan->verified.document.key);
    held_version held = {0};
    if (plan->old)
        held = (held_version){.held = plan->old->version,
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
    BG_TRY (check_version (request, plan, held, &unchanged, err));
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

static bg_result check_membership (const broker_core *self, const post_plan *plan, bg_error *err)
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
static bg_result plan_pending (broker_request *request, post_plan *plan, const post_plan *before,
    size_t before_count, bg_error *err)
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
    BG_TRY (check_version (request, plan, (held_version){0}, &unchanged, err));
    plan->targets = 1;
    plan->revision = 1;
    plan->outcome = WIRE_POSTED_CREATED;
    return bg_ok ();
}

static bg_result plan_membership (broker_request *request, post_plan *plan, const post_plan *before,
    size_t before_count, bg_error *err)
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
    BG_TRY (check_membership (request->core, plan, err));
    BG_TRY (check_version (request, plan,
        (held_version){.held = plan->target->membership_version,
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

static bg_result plan_authority (broker_request *request, post_plan *plan, bg_error *err)
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
    BG_TRY (check_version (request, plan,
        (held_version){.held = plan->old->version,
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

static bg_result plan_item (broker_request *request, post_plan *plan, const post_plan *before,
    size_t before_count, bg_error *err)
{
    const wire_post *post = request->body;
    plan->type = plan->item->document.type;
    BG_TRY (check_role (request, plan->type, err));
    if (plan->type == WIRE_TYPE_AUTHORITY)
        return plan_authority (request, plan, err);
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
        return plan_membership (request, plan, before, before_count, err);
    return plan_document (request, plan, before, before_count, err);
}

/*  ---- carrying out ----  */

static bg_slice encode_signed (const wire_signed *document, bg_buf *out)
{
    wire_encode (&wire_desc_signed, document, out);
    return bg_buf_slice (out);
}

/*  What belongs to a name in the table: a switch is shown as "job:NAME", "schedule:NAME" or "target:NAME".  */
static bg_slice record_name (const broker_request *request, const post_plan *plan)
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
static bg_slice poster_of (const broker_request *request, const post_plan *plan)
{
    if (request->login)
        return request->login->name;
    return plan->verified.signer ? plan->verified.signer->name : bg_slice_of (NULL, 0);
}

static bg_result apply_document (broker_request *request, post_plan *plan, bg_error *err)
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

static bg_result apply_membership (broker_request *request, post_plan *plan, bg_error *err)
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

static void free_plans (post_plan *plans, size_t count)
{
    for (size_t i = 0; i < count; i++)
        wire_keyring_destroy (&plans[i].keyring);
}

static bg_result plan_all (
    broker_request *request, const wire_post *post, post_plan *plans, bg_error *err)
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

static bg_result apply_all (broker_request *request, post_plan *plans, size_t count, bg_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (plans[i].outcome == WIRE_POSTED_UNCHANGED)
            continue;
        if (plans[i].pending)
            BG_TRY (broker_pending_approve (request, plans[i].pending, &plans[i].verified,
                &plans[i].item->document, &plans[i].target, err));
        else if (plans[i].type == WIRE_TYPE_MEMBERSHIP)
            BG_TRY (apply_membership (request, &plans[i], err));
        else
            BG_TRY (apply_document (request, &plans[i], err));
    }
    return bg_ok ();
}

static void answer_post (broker_request *request, const post_plan *plans, size_t count)
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
    post_plan *plans = bg_arena_array (request->arena, post_plan, post->items_count + 1);
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
static bg_result plan_adopted (broker_request *request, post_plan *plan, bool *taken, bg_error *err)
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
        BG_TRY (plan_authority (request, plan, err));
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
        return *taken ? check_membership (self, plan, err) : bg_ok ();
    }
    plan->old = broker_document_with_key (self, plan->verified.document.key);
    *taken = !plan->old || version > plan->old->version;
    plan->revision = (plan->old ? plan->old->revision : 0) + 1;
    if (!*taken)
        return bg_ok ();
    if (plan->type == WIRE_TYPE_SCHEDULE || plan->type == WIRE_TYPE_CALENDAR)
        return check_shared_body (&plan->verified, err);
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
    post_plan plan = {.item = &post};
    bg_result result = plan_adopted (request, &plan, taken, err);
    const bool is_membership = plan.type == WIRE_TYPE_MEMBERSHIP;
    const bg_id key = plan.verified.document.key;
    if (bg_is_ok (result) && *taken)
        result = is_membership ? apply_membership (request, &plan, err)
                               : apply_document (request, &plan, err);
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
