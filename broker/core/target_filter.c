/*  Which targets a query is about: names, group, labels and facts, job, and everything that is known of
    a target. Each part restricts; one that is not there does not.

    Invariant: a target that has left is wanted only by its name, or when the query says so; one that is
    forgotten only by its id.  */
#include "broker/core/rooms.h"

#include "common/job/names.h"

#define DESCRIBED_MAX 96u /*  labels and facts of one target  */

bg_result broker_target_filter_open (broker_target_filter *filter, bg_error *err)
{
    const wire_target_query *query = filter->query;
    broker_core *self = filter->request->core;
    for (size_t i = 0; i < query->names_count; i++) {
        broker_target *target = NULL;
        BG_TRY (broker_target_find (self, query->names[i], &target, err));
        broker_bitmap_set (&filter->names, target->number);
    }
    if (query->labels.size > 0) {
        filter->labels.labels = query->labels;
        BG_TRY (wire_audience_check (&filter->labels, err));
        filter->described = bg_arena_array (filter->request->arena, wire_pair, DESCRIBED_MAX);
    }
    if (query->job.size > 0) {
        broker_document *job = NULL;
        BG_TRY (broker_document_find_job (self, query->job, &job, err));
        filter->job = job;
    }
    if (broker_id_is_key (query->exec))
        BG_TRY (broker_execution_states (filter->request, query->exec, &filter->exec_states, err));
    return bg_ok ();
}

void broker_target_filter_close (broker_target_filter *filter)
{
    broker_bitmap_fini (&filter->names);
}

/*  ---- the parts ----  */

static bool is_chosen (const broker_target_filter *filter, const broker_target *target)
{
    const wire_target_query *query = filter->query;
    bool named = broker_bitmap_has (&filter->names, target->number);
    bool left = !broker_target_is_member (target);
    if (target->forgotten_us != 0 && !named)
        return false;
    if (left && !named && !query->defected && query->state != WIRE_TARGET_DEFECTED)
        return false;
    if (query->names_count > 0 && !named)
        return false;
    if (query->group.size > 0 && !broker_target_in_group (target, query->group))
        return false;
    return !filter->job || broker_bitmap_has (&filter->job->addressed, target->number);
}

static bool has_exec_state (const broker_target_filter *filter, const broker_target *target)
{
    if (!filter->exec_states)
        return true;
    const uint8_t state = filter->exec_states[target->number];
    const uint64_t wanted = filter->query->exec_states;
    return state != 0 && (wanted == 0 || (wanted >> state & 1) != 0);
}

static bool has_labels (const broker_target_filter *filter, const broker_target *target)
{
    if (filter->query->labels.size == 0)
        return true;
    if (!broker_target_is_member (target))
        return false;
    const wire_addressee addressee = {.target = target->id,
        .number = target->number,
        .name = target->membership.name,
        .labels = filter->described,
        .label_count = broker_target_described (
            target, filter->described, DESCRIBED_MAX, filter->request->arena)};
    return wire_audience_matches_addressee (&filter->labels, &addressee);
}

/*  Equal without regard to case, or matched as a pattern.  */
static bool is_like (bg_slice wanted, bg_slice text)
{
    return wanted.size == 0 || job_name_compare (wanted, text) == 0 ||
           job_name_matches (wanted, text);
}

static bool is_said (uint64_t wanted, bool value)
{
    return wanted == 0 || (wanted == 1) == value;
}

static bool has_texts (const wire_target_query *query, const broker_target *target)
{
    return is_like (query->location, target->membership.location) &&
           is_like (query->version, target->marks.version) &&
           is_like (query->zone, target->marks.zone) &&
           is_like (query->enlisted_by, bg_slice_str (target->enlisted_by));
}

static bool has_times (const broker_target_filter *filter, const broker_target *target)
{
    const wire_target_query *query = filter->query;
    const broker_target_marks *marks = &target->marks;
    const broker_request *request = filter->request;
    const int64_t seen_us = marks->last_seen_us ? marks->last_seen_us : target->enlisted_us;
    const int64_t off_us =
        marks->clock_offset_us < 0 ? -marks->clock_offset_us : marks->clock_offset_us;
    if (query->enlisted_since_us != 0 && target->enlisted_us < query->enlisted_since_us)
        return false;
    if (query->enlisted_until_us != 0 && target->enlisted_us >= query->enlisted_until_us)
        return false;
    if (query->silent_us > 0 && (broker_target_is_connected (request->core, target, request->now) ||
                                    request->now.utc_us - seen_us < query->silent_us))
        return false;
    if (query->clock_over_us > 0 && off_us <= query->clock_over_us)
        return false;
    return query->poll_us == 0 ||
           query->poll_us == (uint64_t) broker_target_poll_us (request->core, target);
}

bool broker_target_wanted (const broker_target_filter *filter, const broker_target *target)
{
    const wire_target_query *query = filter->query;
    const broker_request *request = filter->request;
    if (!is_chosen (filter, target) || !has_exec_state (filter, target) ||
        !has_texts (query, target) || !has_times (filter, target) || !has_labels (filter, target))
        return false;
    if (query->state != 0 &&
        query->state != broker_target_state (request->core, target, request->now))
        return false;
    return is_said (query->provisional, target->provisional) &&
           is_said (query->unread, target->pending + target->waiting + target->deeds > 0) &&
           is_said (
               query->connected, broker_target_is_connected (request->core, target, request->now));
}
