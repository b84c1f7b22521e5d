/*  Schedules and calendars that jobs share: who uses them, and so which targets get them.

    They name no audience (ADR 15). A target has a row of a schedule or calendar when it has a row of something that uses
    it: of a job, or (calendars) of a schedule. As rows do not go away, who once had such a job gets later versions of what
    it used as well, which its own later versions may need.

    What is used is kept as keys. That a job uses something that is not here happens in a broker that was restored, until
    a target brings it back: then it finds its users.

    Invariant: after every event the addressed set of a schedule or calendar is the union of the rows of what uses it, and
    its rows hold that set.  */
#include "broker/core/rooms.h"

#include "common/job/uses.h"

/*  ---- who uses what ----  */

bool broker_document_is_shared (const broker_document *document)
{
    return document->type == WIRE_TYPE_SCHEDULE || document->type == WIRE_TYPE_CALENDAR;
}

void broker_shared_take (const broker_core *self, broker_document *document,
    const wire_job_schedule *schedules, size_t count)
{
    BG_AUTO_ARENA arena = {0};
    const job_use *uses = job_uses (schedules, count, &arena, &document->use_count);
    document->uses =
        document->use_count ? bg_arena_array (&document->arena, bg_id, document->use_count) : NULL;
    for (size_t i = 0; i < document->use_count; i++)
        document->uses[i] =
            wire_document_key (self->settings.installation, uses[i].type, uses[i].name);
}

bool broker_shared_is_used_by (const broker_document *user, bg_id key)
{
    if (!broker_document_is_live (user))
        return false;
    for (size_t i = 0; i < user->use_count; i++)
        if (bg_id_equal (user->uses[i], key))
            return true;
    return false;
}

void broker_shared_addressed (const broker_core *self, bg_id key, broker_bitmap *out)
{
    broker_bitmap_empty (out);
    for (broker_document *user = self->documents; user; user = user->hh.next)
        if (broker_shared_is_used_by (user, key))
            broker_bitmap_add (out, &user->rows);
}

/*  ---- rows that follow ----  */

static void give (broker_core *self, broker_document *document, uint32_t number)
{
    if (!broker_bitmap_has (&document->rows, number))
        broker_deliver_set (self, document, broker_target_at (self, number), WIRE_DELIVERY_PENDING);
}

/*  A switch has rows where its object has rows: also where the object has just come to.  */
static void follow_switch (broker_core *self, const broker_document *object)
{
    broker_document *follower = broker_document_switch (self, object);
    if (!follower)
        return;
    for (uint32_t number = broker_bitmap_next (&object->rows, 0); number;
         number = broker_bitmap_next (&object->rows, number)) {
        if (broker_bitmap_set (&follower->addressed, number))
            broker_document_dirty (self, follower);
        give (self, follower, number);
    }
}

/*  Takes the set of those addressed; *came: somebody got a row.  */
static void follow_users (broker_core *self, broker_document *document, bool *came)
{
    broker_bitmap addressed = {0};
    broker_shared_addressed (self, document->key, &addressed);
    *came = false;
    for (uint32_t number = broker_bitmap_next (&addressed, 0); number;
         number = broker_bitmap_next (&addressed, number)) {
        *came |= !broker_bitmap_has (&document->rows, number);
        give (self, document, number);
    }
    broker_bitmap_copy (&document->addressed, &addressed);
    broker_document_dirty (self, document);
    broker_bitmap_fini (&addressed);
}

static bg_result follow_one (broker_request *request, bg_id key, bg_error *err)
{
    broker_core *self = request->core;
    broker_document *document = broker_document_with_key (self, key);
    bool came = false;
    if (!document || !broker_document_is_shared (document))
        return bg_ok ();
    follow_users (self, document, &came);
    if (!came)
        return bg_ok ();
    follow_switch (self, document);
    /*  Calendars first: the schedule needs them.  */
    BG_TRY (broker_shared_follow (request, document->uses, document->use_count, err));
    BG_TRY (broker_push_single (self, request->now, document, err));
    broker_document *flip = broker_document_switch (self, document);
    return flip ? broker_push_single (self, request->now, flip, err) : bg_ok ();
}

bg_result broker_shared_follow (
    broker_request *request, const bg_id *uses, size_t count, bg_error *err)
{
    for (size_t i = 0; i < count; i++)
        BG_TRY (follow_one (request, uses[i], err));
    return bg_ok ();
}

bg_result broker_shared_posted (broker_request *request, const broker_document *document,
    const bg_id *old_uses, size_t old_count, bg_error *err)
{
    follow_switch (request->core, document);
    if (broker_document_is_live (document))
        BG_TRY (broker_shared_follow (request, document->uses, document->use_count, err));
    return broker_shared_follow (request, old_uses, old_count, err);
}

/*  ---- one target ----  */

static void mark_used (const broker_core *self, uint64_t type, uint32_t number)
{
    for (broker_document *user = self->documents; user; user = user->hh.next) {
        if (user->type != type || user->use_count == 0 || !broker_bitmap_has (&user->rows, number))
            continue;
        for (size_t i = 0; i < user->use_count; i++) {
            broker_document *used = broker_document_with_key (self, user->uses[i]);
            if (used)
                used->is_wanted = true;
        }
    }
}

static void readdress_type (broker_core *self, uint64_t type, broker_target *target)
{
    for (broker_document *document = self->documents; document; document = document->hh.next)
        if (document->type == type)
            broker_deliver_readdress_one (self, document, target);
}

void broker_shared_readdress (broker_core *self, broker_target *target)
{
    for (broker_document *document = self->documents; document; document = document->hh.next)
        document->is_wanted = false;
    mark_used (self, WIRE_TYPE_JOB, target->number);
    readdress_type (self, WIRE_TYPE_SCHEDULE, target);
    mark_used (self, WIRE_TYPE_SCHEDULE, target->number);
    readdress_type (self, WIRE_TYPE_CALENDAR, target);
}

/*  ---- by stream ----  */

broker_stream *broker_shared_stream (broker_core *self, const broker_document *document)
{
    broker_stream *found = NULL;
    for (broker_document *user = self->documents; user; user = user->hh.next) {
        if (!broker_shared_is_used_by (user, document->key))
            continue;
        broker_stream *stream = user->type == WIRE_TYPE_JOB
                                    ? broker_stream_for (self, &user->audience)
                                    : broker_shared_stream (self, user);
        if (!stream || (found && found != stream))
            return NULL;
        found = stream;
    }
    return found;
}
