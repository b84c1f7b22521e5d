/*  What a POST may do to schedules and calendars: a job uses only what is there, and what is used does not go.

    Both are asked of what will be when the items before have been carried out: a schedule and the job that uses it come in
    one request, and so do a job that no longer uses it and its withdrawal.  */
#include "broker/core/rooms.h"

#include "common/base/nearest.h"
#include "common/job/uses.h"

#define USERS_NAMED_MAX 8u

static const wire_verified *item_with_key (const broker_posting *before, bg_id key)
{
    for (size_t i = before->count; i > 0; i--)
        if (bg_id_equal (before->items[i - 1]->document.key, key))
            return before->items[i - 1];
    return NULL;
}

static const wire_job_schedule *schedules_of (const wire_verified *verified, size_t *count)
{
    *count = 0;
    if (verified->document.type == WIRE_TYPE_JOB) {
        const wire_job *job = verified->body;
        *count = job->schedules_count;
        return job->schedules;
    }
    if (verified->document.type != WIRE_TYPE_SCHEDULE)
        return NULL;
    *count = 1;
    return &((const wire_schedule *) verified->body)->spec;
}

/*  ---- what is used is there ----  */

static bool will_be (
    const broker_core *self, const broker_posting *before, wire_type type, bg_slice name)
{
    bg_id key = wire_document_key (self->settings.installation, type, name);
    const wire_verified *item = item_with_key (before, key);
    if (item)
        return item->document.type == (uint64_t) type;
    return broker_document_named (self, type, name) != NULL;
}

/*  As broker_document_find, with what the request itself brings.  */
static bg_result refuse_use (broker_request *request, const wire_verified *verified,
    const broker_posting *before, const job_use *use, bg_error *err)
{
    broker_core *self = request->core;
    const char *what = wire_type_word (use->type);
    const char **words = bg_arena_array (
        request->arena, const char *, (size_t) HASH_COUNT (self->documents) + before->count + 1);
    size_t count = 0;
    for (broker_document *document = self->documents; document; document = document->hh.next)
        if (document->type == (uint64_t) use->type)
            words[count++] = document->name;
    for (size_t i = 0; i < before->count; i++)
        if (before->items[i]->document.type == (uint64_t) use->type)
            words[count++] = bg_arena_str (request->arena, before->items[i]->name);
    const char *nearest = bg_nearest (use->name, words, count);
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "%s '%.*s' uses the %s '%.*s', which is not there",
        wire_type_word (verified->document.type), BG_SLICE_ARG (verified->name), what,
        BG_SLICE_ARG (use->name)));
    if (nearest)
        return bg_hint (err, "did you mean %s?", nearest);
    return bg_hint (err, "post it first, or together with it: bugle apply -f FILE");
}

bg_result broker_shared_check_uses (broker_request *request, const wire_verified *verified,
    const broker_posting *before, bg_error *err)
{
    size_t count = 0;
    size_t use_count = 0;
    const wire_job_schedule *schedules = schedules_of (verified, &count);
    const job_use *uses = job_uses (schedules, count, request->arena, &use_count);
    for (size_t i = 0; i < use_count; i++)
        if (!will_be (request->core, before, uses[i].type, uses[i].name))
            return refuse_use (request, verified, before, &uses[i], err);
    return bg_ok ();
}

/*  ---- what goes is not used ----  */

static bool item_uses (broker_request *request, const wire_verified *verified, bg_id key)
{
    size_t count = 0;
    size_t use_count = 0;
    const wire_job_schedule *schedules = schedules_of (verified, &count);
    const job_use *uses = job_uses (schedules, count, request->arena, &use_count);
    for (size_t i = 0; i < use_count; i++)
        if (bg_id_equal (wire_document_key (
                             request->core->settings.installation, uses[i].type, uses[i].name),
                key))
            return true;
    return false;
}

typedef struct {
    bg_buf names;
    size_t count;
    bool any_schedule;
} users;

static void add_user (users *self, uint64_t type, bg_slice name)
{
    self->any_schedule |= type == WIRE_TYPE_SCHEDULE;
    if (self->count++ >= USERS_NAMED_MAX)
        return;
    bg_buf_printf (&self->names, "%s%s '%.*s'", self->names.size ? ", " : "", wire_type_word (type),
        BG_SLICE_ARG (name));
}

static void find_users (
    broker_request *request, bg_id key, const broker_posting *before, users *found)
{
    for (broker_document *user = request->core->documents; user; user = user->hh.next)
        if (broker_shared_is_used_by (user, key) && !item_with_key (before, user->key))
            add_user (found, user->type, bg_slice_str (user->name));
    for (size_t i = 0; i < before->count; i++)
        if (item_uses (request, before->items[i], key))
            add_user (found, before->items[i]->document.type, before->items[i]->name);
}

bg_result broker_shared_check_unused (broker_request *request, const broker_document *document,
    const broker_posting *before, bg_error *err)
{
    users found = {0};
    find_users (request, document->key, before, &found);
    if (found.count > USERS_NAMED_MAX)
        bg_buf_printf (&found.names, " and %zu more", found.count - USERS_NAMED_MAX);
    const bool is_used = found.count > 0;
    if (is_used) {
        bg_ignore (bg_fail (err, BG_CONFLICT, "%s '%s' is in use: %.300s",
            wire_type_word (document->type), document->name, bg_buf_cstr (&found.names)));
        bg_ignore (found.any_schedule
                       ? bg_hint (err, "take it out of them first; see: bugle %s show '%s'",
                             wire_type_word (document->type), document->name)
                       : bg_hint (err, "take it out of them first; see: bugle job list --using '%s'",
                             document->name));
    }
    bg_buf_fini (&found.names);
    return is_used ? (bg_result){BG_CONFLICT} : bg_ok ();
}
