/*  OP_TAIL: changes of the download list as they come.

    The last 4,096 changes are remembered in memory as what changed, not as rows: rows are made when
    somebody asks, with what is known then. A new version or deed is one change for all of its
    targets and told as one row each.

    A serial counts changes; what a follower has seen is serial * 2^26 + target number, so that it may
    have seen the half of one. After a restart serials go on higher: what was not told is counted as
    missed.  */
#include "broker/core/ops.h"

#include <stdlib.h>

#define NUMBER_BITS 26u
#define NUMBER_ALL  ((UINT64_C (1) << NUMBER_BITS) - 1)
#define EVENTS_MAX  500u
#define LOOKED_MAX  20000u /*  numbers looked at for one answer  */

static void remember (broker_core *self, const broker_op_event *event)
{
    if (!self->recovered)
        return;
    if (!self->op_events)
        self->op_events = bg_alloc (BROKER_OP_EVENTS * sizeof *self->op_events);
    self->op_last++;
    self->op_events[self->op_last % BROKER_OP_EVENTS] = *event;
    self->op_events[self->op_last % BROKER_OP_EVENTS].at_us = self->event_us;
}

void broker_op_changed (
    broker_core *self, const broker_document *document, uint32_t number, uint64_t state)
{
    remember (self,
        &(broker_op_event){
            .key = document->key, .version = document->version, .state = state, .number = number});
}

void broker_op_deed_changed (
    broker_core *self, const broker_execution *deed, uint32_t number, uint64_t state)
{
    remember (self, &(broker_op_event){.key = deed->id, .state = state, .number = number});
}

void broker_op_member_changed (broker_core *self, const broker_target *target)
{
    remember (self, &(broker_op_event){.key = target->id,
                        .version = target->membership_version,
                        .state = target->membership_state,
                        .number = target->number});
}

/*  ---- telling ----  */

typedef struct {
    broker_request *request;
    broker_op_filter filter;
    wire_op_events answer;
    size_t limit;
    size_t bytes;
    size_t looked;
} telling;

/*  The instruction that changed, as far as it still is what it was then.  */
static bg_result find (
    telling *self, const broker_op_event *event, broker_op *op, bool *found, bg_error *err)
{
    broker_core *core = self->request->core;
    *op = (broker_op){0};
    op->document = broker_document_with_key (core, event->key);
    const broker_target *target = broker_target_with_id (core, event->key);
    if (op->document) {
        *found = op->document->version == event->version;
        return bg_ok ();
    }
    if (target) {
        op->member = target;
        *found = target->membership_version == event->version;
        return bg_ok ();
    }
    broker_execution *deed = NULL;
    BG_TRY (broker_execution_get (core, self->request->now, event->key, &deed, err));
    op->deed = deed;
    *found = deed != NULL;
    return bg_ok ();
}

static bool is_full (const telling *self)
{
    return self->answer.events_count == self->limit || self->bytes > BROKER_PAGE_BYTES ||
           self->looked > LOOKED_MAX;
}

static bg_result tell (telling *self, const broker_op_event *event, const broker_op *op,
    uint32_t number, bg_error *err)
{
    broker_core *core = self->request->core;
    const broker_target *target = broker_target_at (core, number);
    self->looked++;
    if (!target || !broker_op_target_is_wanted (&self->filter, number))
        return bg_ok ();
    wire_op_event *out = &self->answer.events[self->answer.events_count];
    /*  What a note says belongs to the state of now.  */
    const bool is_noted = event->state == WIRE_DELIVERY_FAILED ||
                          event->state == WIRE_DELIVERY_WAITING ||
                          event->state == WIRE_DELIVERY_SKIPPED;
    BG_TRY (broker_op_row (self->request, op, target, is_noted, &out->op, err));
    if (out->op.state == 0)
        return bg_ok ();
    if (out->op.state != event->state)
        out->op.code = out->op.message = (bg_slice){0};
    out->op.state = event->state;
    out->at_us = event->at_us;
    bg_buf_clear (&core->scratch);
    wire_encode (&wire_desc_op_event, out, &core->scratch);
    self->bytes += core->scratch.size;
    self->answer.events_count++;
    return bg_ok ();
}

/*  *number: the last one told of a change for all; NUMBER_ALL when the change is told.  */
static bg_result tell_event (
    telling *self, const broker_op_event *event, uint64_t *number, bg_error *err)
{
    broker_op op;
    bool found = false;
    const uint32_t after = (uint32_t) *number;
    *number = NUMBER_ALL;
    BG_TRY (find (self, event, &op, &found, err));
    if (!found || !broker_op_is_wanted (&self->filter, &op) ||
        !broker_op_state_is_wanted (&self->filter, event->state))
        return bg_ok ();
    if (event->number != 0)
        return tell (self, event, &op, event->number, err);
    const broker_bitmap *all = op.document ? &op.document->rows : &op.deed->addressed;
    for (uint32_t at = broker_bitmap_next (all, after); at; at = broker_bitmap_next (all, at)) {
        if (is_full (self)) {
            *number = at - 1;
            return bg_ok ();
        }
        BG_TRY (tell (self, event, &op, at, err));
    }
    return bg_ok ();
}

static bg_result tell_since (telling *self, uint64_t after, bg_error *err)
{
    const broker_core *core = self->request->core;
    const uint64_t kept = core->op_last - core->op_first < BROKER_OP_EVENTS
                              ? core->op_first
                              : core->op_last - BROKER_OP_EVENTS;
    uint64_t serial = after >> NUMBER_BITS;
    uint64_t number = after & NUMBER_ALL;
    if (serial < core->op_first || serial > core->op_last) {
        self->answer.missed = 1; /*  of another process; nobody counted them  */
        serial = core->op_first;
        number = NUMBER_ALL;
    }
    if (serial < kept) {
        self->answer.missed += kept - serial;
        serial = kept;
        number = NUMBER_ALL;
    }
    while (!is_full (self) && (number != NUMBER_ALL || serial < core->op_last)) {
        if (number == NUMBER_ALL) {
            serial++;
            number = 0;
        }
        if (serial == kept && kept != core->op_first)
            number = NUMBER_ALL; /*  the place is taken by a newer one  */
        else
            BG_TRY (tell_event (self, &core->op_events[serial % BROKER_OP_EVENTS], &number, err));
    }
    self->answer.next = serial << NUMBER_BITS | number;
    return bg_ok ();
}

bg_result broker_on_op_tail (broker_request *request, bg_error *err)
{
    const wire_op_tail *tail = request->body;
    const wire_op_query none = {0};
    telling *self = bg_arena_alloc (request->arena, sizeof *self);
    self->request = request;
    self->limit =
        tail->which.limit && tail->which.limit < EVENTS_MAX ? tail->which.limit : EVENTS_MAX;
    self->answer.events = bg_arena_array (request->arena, wire_op_event, self->limit + 1);
    self->answer.next = request->core->op_last << NUMBER_BITS | NUMBER_ALL;
    bg_result result =
        broker_op_filter_init (&self->filter, request, tail->has_which ? &tail->which : &none, err);
    if (bg_is_ok (result) && tail->after != 0)
        result = tell_since (self, tail->after, err);
    broker_op_filter_fini (&self->filter);
    if (bg_is_ok (result))
        broker_answer (request, WIRE_OP_EVENTS, &self->answer);
    return result;
}
