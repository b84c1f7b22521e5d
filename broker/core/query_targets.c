/*  TARGET_QUERY: who is enlisted, how they are, and the download list of each.  */
#include "broker/core/rooms.h"

#define LIMIT_DEFAULT  100u
#define DELIVERIES_MAX 256u

/*  ---- rows ----  */

static void fill_row (
    const broker_request *request, const broker_target *target, wire_target_row *row)
{
    const wire_membership *membership = &target->membership;
    const broker_target_marks *marks = &target->marks;
    *row = (wire_target_row){.number = target->number,
        .id = target->id,
        .name = bg_slice_str (target->name),
        .state = broker_target_state (request->core, target, request->now),
        .connected = broker_target_is_connected (request->core, target, request->now),
        .provisional = target->provisional,
        .location = membership->location,
        .groups = membership->groups,
        .groups_count = membership->groups_count,
        .labels = membership->labels,
        .labels_count = membership->labels_count,
        .zone = marks->zone,
        .utc_offset_s = marks->utc_offset_s,
        .version = marks->version,
        .enlisted_us = target->enlisted_us,
        .enlisted_by = bg_slice_str (target->enlisted_by),
        .last_poll_us = marks->last_poll_us,
        .last_seen_us = marks->last_seen_us,
        .clock_offset_us = marks->clock_offset_us,
        .unread = target->key_cut ? 0 : target->pending + target->deeds,
        .quarantined = target->failed,
        .running = target->running,
        .waiting_runs = target->waiting_runs,
        .membership_version = target->membership_version,
        .defected_us = target->defected_us,
        .poll_us = (uint64_t) broker_target_poll_us (request->core, target),
        .facts = target->facts,
        .facts_count = target->fact_count,
        .membership_revision = target->membership_revision,
        .membership_state = target->membership_state,
        .membership_us = target->membership_us,
        .boot_counter = marks->boot_counter,
        .outbox_mark = marks->outbox_mark,
        .cut = target->key_cut};
    memcpy (row->digest, target->digest, sizeof row->digest);
}

/*  What needs a look stands first: it is what a long list is cut behind.  */
static int rank (uint64_t state)
{
    return state == WIRE_DELIVERY_FAILED    ? 0
           : state == WIRE_DELIVERY_WAITING ? 1
           : state == WIRE_DELIVERY_PENDING ? 2
                                            : 3;
}

static int by_rank (const void *a, const void *b)
{
    const wire_delivery_row *left = a;
    const wire_delivery_row *right = b;
    if (rank (left->state) != rank (right->state))
        return rank (left->state) - rank (right->state);
    return left->posted_us < right->posted_us ? -1 : left->posted_us > right->posted_us;
}

static bg_result fill_notes (broker_request *request, const broker_target *target,
    wire_delivery_row *rows, size_t count, bg_error *err)
{
    const broker_store *store = request->core->store;
    for (size_t i = 0; i < count; i++) {
        broker_note_record note;
        bool found = false;
        bool is_deed = rows[i].type == WIRE_TYPE_DEED;
        if (rank (rows[i].state) > 1 && !is_deed)
            continue;
        BG_TRY (store->note_get (
            store->ctx, rows[i].key, target->number, request->arena, &note, &found, err));
        if (!found || note.version != rows[i].version)
            continue;
        rows[i].code = note.code;
        rows[i].message = note.message;
        rows[i].settled_us = note.at_us;
        if (is_deed)
            rows[i].state = note.state;
    }
    return bg_ok ();
}

static size_t collect_deliveries (
    broker_request *request, const broker_target *target, wire_delivery_row *rows)
{
    const broker_core *self = request->core;
    size_t count = 0;
    for (const broker_document *document = self->documents; document;
         document = document->hh.next) {
        uint64_t state = broker_deliver_state (document, target->number);
        if (state != 0)
            rows[count++] = (wire_delivery_row){.name = bg_slice_str (document->name),
                .type = document->type,
                .key = document->key,
                .version = document->version,
                .state = state,
                .posted_us = document->posted_us,
                .revision = document->revision};
    }
    for (const broker_execution *execution = self->executions; execution;
         execution = execution->hh.next)
        if (broker_execution_is_pending (execution, target->number))
            rows[count++] =
                (wire_delivery_row){.name = bg_arena_printf (request->arena, "%s %s",
                                        wire_deed_word (execution->what), execution->job_name),
                    .type = WIRE_TYPE_DEED,
                    .key = execution->id,
                    .state = WIRE_DELIVERY_PENDING,
                    .posted_us = execution->issued_us};
    rows[count++] = (wire_delivery_row){.name = bg_slice_str ("membership"),
        .type = WIRE_TYPE_MEMBERSHIP,
        .key = target->id,
        .version = target->membership_version,
        .state = target->membership_state,
        .posted_us = target->membership_us,
        .revision = target->membership_revision};
    return count;
}

static bg_result fill_membership (
    broker_request *request, const broker_target *target, wire_target_row *row, bg_error *err)
{
    if (bg_failed (WIRE_DECODE (signed, target->membership_bytes, WIRE_AS_MESSAGE, request->arena,
            &row->membership, err)))
        return broker_stored_badly (err, "a membership");
    row->has_membership = true;
    return bg_ok ();
}

/*  The switch of its poll interval, also one that says "the default".  */
static bg_result fill_switch (
    broker_request *request, const broker_target *target, wire_target_row *row, bg_error *err)
{
    broker_document *document = broker_target_switch (request->core, target);
    if (!document)
        return bg_ok ();
    row->has_switch_document = true;
    row->switch_version = document->version;
    return broker_document_signed (
        request->core, document, request->arena, &row->switch_document, err);
}

static bg_result fill_details (
    broker_request *request, const broker_target *target, wire_target_row *row, bg_error *err)
{
    const broker_core *self = request->core;
    size_t most = (size_t) HASH_COUNT (self->documents) + HASH_COUNT (self->executions) + 1;
    row->deliveries = bg_arena_array (request->arena, wire_delivery_row, most);
    size_t count = collect_deliveries (request, target, row->deliveries);
    qsort (row->deliveries, count, sizeof *row->deliveries, by_rank);
    row->deliveries_count = count < DELIVERIES_MAX ? count : DELIVERIES_MAX;
    return fill_notes (request, target, row->deliveries, row->deliveries_count, err);
}

/*  ---- pages ----  */

static bg_result fill_page (broker_target_filter *filter, wire_targets *answer, bg_error *err)
{
    broker_request *request = filter->request;
    broker_core *self = request->core;
    size_t limit = filter->query->limit ? filter->query->limit : LIMIT_DEFAULT;
    size_t bytes = 0;
    answer->rows = bg_arena_array (request->arena, wire_target_row, limit + 1);
    for (uint32_t number = 1; number < self->next_number; number++) {
        const broker_target *target = broker_target_at (self, number);
        if (!target || !broker_target_wanted (filter, target))
            continue;
        answer->total++;
        if (answer->more || number <= filter->query->after)
            continue;
        if (answer->rows_count == limit) {
            answer->more = true;
            continue;
        }
        wire_target_row *row = &answer->rows[answer->rows_count];
        fill_row (request, target, row);
        if (filter->exec_states)
            row->exec_state = filter->exec_states[number];
        if (filter->query->details || filter->query->memberships)
            BG_TRY (fill_membership (request, target, row, err));
        if (filter->query->switches)
            BG_TRY (fill_switch (request, target, row, err));
        if (filter->query->details)
            BG_TRY (fill_details (request, target, row, err));
        bg_buf_clear (&self->scratch);
        wire_encode (&wire_desc_target_row, row, &self->scratch);
        bytes += self->scratch.size;
        if (answer->rows_count > 0 && bytes > BROKER_PAGE_BYTES)
            answer->more = true;
        else
            answer->rows_count++;
    }
    return bg_ok ();
}

/*  A selector that matches nobody is an answer for a list, but never silently.  */
static bg_result check_match (
    const broker_target_filter *filter, const wire_targets *answer, bg_error *err)
{
    const wire_target_query *query = filter->query;
    if (answer->total > 0 || query->names_count > 0 ||
        (query->group.size == 0 && query->labels.size == 0))
        return bg_ok ();
    if (query->labels.size > 0)
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "selector '%.*s' matched no target (%u enlisted)",
            BG_SLICE_ARG (query->labels), filter->request->core->members));
    else
        return broker_group_empty (filter->request->core, query->group, err);
    return bg_hint (err, "see: bugle target list -o wide");
}

bg_result broker_on_target_query (broker_request *request, bg_error *err)
{
    broker_target_filter filter = {.request = request, .query = request->body};
    wire_targets answer = {0};
    bg_result result = broker_target_filter_open (&filter, err);
    if (bg_is_ok (result))
        result = fill_page (&filter, &answer, err);
    if (bg_is_ok (result))
        result = check_match (&filter, &answer, err);
    broker_target_filter_close (&filter);
    if (bg_is_ok (result))
        broker_answer (request, WIRE_TARGETS, &answer);
    return result;
}
