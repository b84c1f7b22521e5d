/*  Rows of the download list and who wants which: see ops.h.

    Not here: in which order and how many (query_ops.c).  */
#include "broker/core/ops.h"

#include "common/job/names.h"

#include <stdlib.h>

#define STATES_ALL    UINT64_C (0xfffe)
#define STATES_ERRORS (UINT64_C (1) << WIRE_DELIVERY_FAILED)
#define STATES_UNREAD                                                                              \
    ((UINT64_C (1) << WIRE_DELIVERY_PENDING) | (UINT64_C (1) << WIRE_DELIVERY_WAITING))

/*  ---- the filter ----  */

static bg_result take_job (broker_op_filter *self, bg_slice name, bg_error *err)
{
    broker_core *core = self->request->core;
    if (name.size == 0)
        return bg_ok ();
    self->has_job = true;
    self->job_key = wire_document_key (core->settings.installation, WIRE_TYPE_JOB, name);
    broker_document *job = NULL;
    if (broker_document_with_key (core, self->job_key))
        return bg_ok ();
    return broker_document_find_job (core, name, &job, err);
}

/*  The older three fields as an audience.  */
static wire_audience audience_of (broker_request *request, const wire_op_query *query)
{
    wire_audience to = {.labels = query->labels};
    if (query->has_to)
        return query->to;
    if (query->group.size > 0) {
        to.groups = bg_arena_array (request->arena, bg_slice, 1);
        to.groups[to.groups_count++] = query->group;
    }
    if (query->target.size > 0) {
        to.names = bg_arena_array (request->arena, bg_slice, 1);
        to.names[to.names_count++] = query->target;
    }
    return to;
}

static bg_result nobody (const broker_core *core, const wire_audience *to, bg_error *err)
{
    BG_AUTO_BUF text = {0};
    wire_audience_text (to, &text);
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "%.300s matched no target (%u enlisted)",
        bg_buf_cstr (&text), core->members));
    return bg_hint (err, "see: bugle target list -o wide");
}

static bg_result take_targets (broker_op_filter *self, const wire_op_query *query, bg_error *err)
{
    broker_core *core = self->request->core;
    wire_audience to = audience_of (self->request, query);
    if (to.groups_count + to.names_count + to.numbers_count + to.labels.size + to.set_bits.size ==
            0 &&
        !to.all)
        return bg_ok ();
    BG_TRY (wire_audience_check (&to, err));
    self->has_targets = true;
    broker_deliver_audience (core, &to, &self->targets);
    for (size_t i = 0; i < to.names_count; i++) {
        broker_target *target = NULL;
        BG_TRY (broker_target_find (core, to.names[i], &target, err));
        broker_bitmap_set (&self->targets, target->number);
    }
    return broker_bitmap_next (&self->targets, 0) ? bg_ok () : nobody (core, &to, err);
}

bg_result broker_op_filter_init (
    broker_op_filter *self, broker_request *request, const wire_op_query *query, bg_error *err)
{
    *self = (broker_op_filter){.request = request,
        .states = query->states ? query->states : STATES_ALL,
        .type = query->type,
        .operation = query->operation,
        .since_us = query->since_us,
        .until_us = query->until_us ? query->until_us : INT64_MAX};
    if (query->errors)
        self->states &= STATES_ERRORS;
    if (query->unread)
        self->states &= STATES_UNREAD;
    BG_TRY (take_job (self, query->job, err));
    return take_targets (self, query, err);
}

void broker_op_filter_fini (broker_op_filter *self)
{
    broker_bitmap_fini (&self->targets);
}

/*  ---- what an instruction is ----  */

bg_id broker_op_key (const broker_op *op)
{
    return op->document ? op->document->key : op->member ? op->member->id : op->deed->id;
}

int64_t broker_op_posted_us (const broker_op *op)
{
    return op->document ? op->document->posted_us
           : op->member ? op->member->membership_us
                        : bg_id_time_us (op->deed->id);
}

static uint64_t operation_of_deed (uint64_t what)
{
    static const uint64_t operations[] = {[WIRE_DEED_START] = WIRE_OP_START,
        [WIRE_DEED_STOP] = WIRE_OP_STOP,
        [WIRE_DEED_POLL] = WIRE_OP_POLL,
        [WIRE_DEED_SYNC_TIME] = WIRE_OP_SYNC_TIME,
        [WIRE_DEED_RE_ENLIST] = WIRE_OP_RE_ENLIST};
    return what < sizeof operations / sizeof operations[0] ? operations[what] : 0;
}

static bool is_of_target (const broker_document *document)
{
    return document->switch_of == WIRE_TYPE_MEMBERSHIP;
}

static uint64_t operation_of_document (const broker_document *document)
{
    switch (document->type) {
    case WIRE_TYPE_AUTHORITY:
        return WIRE_OP_AUTHORITY;
    case WIRE_TYPE_WITHDRAWAL:
        return WIRE_OP_DELETE;
    case WIRE_TYPE_SWITCH:
        return is_of_target (document) ? WIRE_OP_SET_POLL
               : document->disabled    ? WIRE_OP_DISABLE
                                       : WIRE_OP_ENABLE;
    default:
        return document->version == document->first_version ? WIRE_OP_INSERT : WIRE_OP_UPDATE;
    }
}

static uint64_t operation_of (const broker_op *op)
{
    if (op->document)
        return operation_of_document (op->document);
    if (op->deed)
        return operation_of_deed (op->deed->what);
    return op->member->membership.state == WIRE_DEFECTED_MEMBER ? WIRE_OP_DEFECT
                                                                : WIRE_OP_MEMBERSHIP;
}

static uint64_t type_of (const broker_op *op)
{
    return op->document ? op->document->object_type
           : op->member ? WIRE_TYPE_MEMBERSHIP
                        : WIRE_TYPE_DEED;
}

static bool is_of_job (const broker_op *op, bg_id job_key)
{
    if (op->document)
        return bg_id_equal (op->document->key, job_key) ||
               (op->document->object_type == WIRE_TYPE_SWITCH &&
                   bg_id_equal (op->document->object_key, job_key));
    return op->deed && bg_id_equal (op->deed->job_key, job_key);
}

bool broker_op_is_wanted (const broker_op_filter *self, const broker_op *op)
{
    const int64_t posted_us = broker_op_posted_us (op);
    return posted_us >= self->since_us && posted_us < self->until_us &&
           (self->type == 0 || self->type == type_of (op)) &&
           (self->operation == 0 || self->operation == operation_of (op)) &&
           (!self->has_job || is_of_job (op, self->job_key));
}

bool broker_op_target_is_wanted (const broker_op_filter *self, uint32_t number)
{
    return !self->has_targets || broker_bitmap_has (&self->targets, number);
}

bool broker_op_state_is_wanted (const broker_op_filter *self, uint64_t state)
{
    return state != 0 && (self->states >> state & 1) != 0;
}

/*  ---- rows ----  */

uint64_t broker_op_told_version (uint64_t held)
{
    return held == BROKER_HELD_OLDER ? 1 : held;
}

static bg_slice object_name (const broker_document *document)
{
    const char *colon =
        document->type == WIRE_TYPE_SWITCH || document->object_type == WIRE_TYPE_SWITCH
            ? strchr (document->name, ':')
            : NULL;
    return bg_slice_str (colon ? colon + 1 : document->name);
}

static void fill_document (
    const broker_document *document, const broker_target *target, wire_op_row *row)
{
    uint64_t revision = 0;
    const uint64_t held = broker_held_find (&document->held, target->number, &revision);
    row->name = is_of_target (document) ? bg_slice_str (target->name) : object_name (document);
    row->version = document->version;
    row->revision = document->revision;
    row->state = broker_deliver_state (document, target->number);
    row->posted_us = document->posted_us;
    row->posted_by = bg_slice_str (document->posted_by);
    row->held_version = broker_op_told_version (held);
    row->held_revision = revision;
    if (row->state == WIRE_DELIVERY_APPLIED) {
        row->held_version = document->version;
        row->held_revision = document->revision;
    }
}

static void fill_member (const broker_target *target, wire_op_row *row)
{
    row->name = bg_slice_str (target->name);
    row->version = target->membership_version;
    row->revision = target->membership_revision;
    row->state = target->membership_state;
    row->posted_us = target->membership_us;
    if (row->state == WIRE_DELIVERY_APPLIED) {
        row->held_version = row->version;
        row->held_revision = row->revision;
    }
}

static void fill_deed (
    const broker_request *request, const broker_execution *deed, uint32_t number, wire_op_row *row)
{
    row->name = bg_slice_str (deed->job_name);
    row->posted_us = deed->issued_us;
    row->posted_by = bg_slice_str (deed->login);
    row->expires_us = deed->expires_us;
    row->reason = bg_slice_str (deed->reason);
    if (!broker_bitmap_has (&deed->addressed, number))
        row->state = 0;
    else if (broker_bitmap_has (&deed->canceled, number)) {
        row->state = WIRE_DELIVERY_SKIPPED;
        row->reason = bg_slice_str ("canceled");
    } else if (broker_bitmap_has (&deed->begun, number))
        row->state = WIRE_DELIVERY_APPLIED;
    else if (deed->expired || deed->done_us != 0 || request->now.utc_us >= deed->expires_us)
        row->state = WIRE_DELIVERY_EXPIRED;
    else
        row->state = WIRE_DELIVERY_PENDING;
}

/*  What a note makes of a deed's state: it was refused or skipped rather than taken up, or waits.  */
static bg_result fill_note (
    broker_request *request, const broker_op *op, wire_op_row *row, bg_error *err)
{
    const broker_store *store = request->core->store;
    broker_note_record note;
    bool found = false;
    BG_TRY (store->note_get (
        store->ctx, row->key, (uint32_t) row->number, request->arena, &note, &found, err));
    if (!found || note.version != row->version)
        return bg_ok ();
    row->code = note.code;
    row->message = note.message;
    row->settled_us = note.at_us;
    row->attempts = note.attempts;
    row->settled_by = note.by;
    if (note.reason.size > 0)
        row->reason = note.reason;
    if (!op->deed)
        return bg_ok ();
    const bool taken_up = row->state == WIRE_DELIVERY_APPLIED;
    if (taken_up != (note.state == WIRE_DELIVERY_WAITING))
        row->state = row->state == WIRE_DELIVERY_EXPIRED ? row->state : note.state;
    return bg_ok ();
}

static bool may_have_note (const broker_op *op, const broker_target *target)
{
    if (op->document)
        return broker_bitmap_has (&op->document->noted, target->number);
    return op->deed || target->membership_state == WIRE_DELIVERY_WAITING ||
           target->membership_state == WIRE_DELIVERY_FAILED;
}

bg_result broker_op_row (broker_request *request, const broker_op *op, const broker_target *target,
    bool with_note, wire_op_row *row, bg_error *err)
{
    *row = (wire_op_row){.number = target->number,
        .key = broker_op_key (op),
        .target = bg_slice_str (target->name),
        .operation = operation_of (op),
        .type = type_of (op)};
    if (op->document)
        fill_document (op->document, target, row);
    else if (op->member)
        fill_member (target, row);
    else
        fill_deed (request, op->deed, target->number, row);
    if (row->state == 0 || !with_note || !may_have_note (op, target))
        return bg_ok ();
    return fill_note (request, op, row, err);
}

/*  ---- deeds of the store ----  */

void broker_op_deed_free (broker_execution *deed)
{
    broker_bitmap_fini (&deed->addressed);
    broker_bitmap_fini (&deed->begun);
    broker_bitmap_fini (&deed->over);
    broker_bitmap_fini (&deed->canceled);
    free (deed);
}

bg_result broker_op_deed_load (const broker_execution_record *record, bg_arena *arena,
    broker_execution **deed_p, bg_error *err)
{
    broker_execution *deed = bg_alloc (sizeof *deed);
    deed->id = record->id;
    deed->what = record->what;
    deed->job_key = record->job_key;
    deed->job_name = bg_arena_str (arena, record->job_name);
    deed->login = bg_arena_str (arena, record->login);
    deed->reason = bg_arena_str (arena, record->reason);
    deed->issued_us = record->issued_us;
    deed->expires_us = record->expires_us;
    deed->done_us = record->done_us;
    bg_result result = broker_execution_decode (deed, record->bitmaps, err);
    if (bg_failed (result)) {
        broker_op_deed_free (deed);
        return result;
    }
    *deed_p = deed;
    return bg_ok ();
}
