/*  People at the download list: now and then they give an instruction up, or have one tried again, without much thought. In the end
    they have all jobs tried again that somebody skipped, and what these use, since they must reach their targets; skipped switches stay so, and
    the digests of both sides have to agree about them. And they wait until nothing is shown as refused or waiting any more.  */
#include "tests/sim/oracle.h"

#include "proto/frame.h"

#define BATCH 256

static uint64_t bit (uint64_t state)
{
    return UINT64_C (1) << state;
}

void sim_people_look_at_ops (sim_people *self, sim_op_wish wish)
{
    wire_op_query query = {.limit = 1000};
    self->op_wish = wish;
    switch (wish) {
    case SIM_OP_SKIP:
        query.states =
            bit (WIRE_DELIVERY_PENDING) | bit (WIRE_DELIVERY_WAITING) | bit (WIRE_DELIVERY_FAILED);
        break;
    case SIM_OP_RETRY:
        query.states = bit (WIRE_DELIVERY_SKIPPED) | bit (WIRE_DELIVERY_FAILED);
        break;
    case SIM_OP_RETRY_ALL:
        query.states = bit (WIRE_DELIVERY_SKIPPED);
        break;
    case SIM_OP_LOOK:
        query.states = bit (WIRE_DELIVERY_FAILED) | bit (WIRE_DELIVERY_WAITING);
        break;
    }
    sim_people_ask (self, WIRE_OP_QUERY, &query);
}

/*  Orders are left to those who stop them: a skipped one is no outcome that the history has.  */
static size_t choose (sim_people *self, const wire_ops *rows, wire_op_ref *refs)
{
    size_t count = 0;
    const bool all = self->op_wish == SIM_OP_RETRY_ALL;
    for (size_t i = 0; i < rows->rows_count && count < BATCH; i++) {
        const wire_op_row *row = &rows->rows[i];
        const bool is_meant = row->type == WIRE_TYPE_JOB || row->type == WIRE_TYPE_SCHEDULE ||
                              row->type == WIRE_TYPE_CALENDAR ||
                              (row->type == WIRE_TYPE_SWITCH && !all);
        if (is_meant && (all || sim_chance (&self->rng, 300)))
            refs[count++] = (wire_op_ref){row->number, row->key, row->version};
    }
    return count;
}

/*  An order that was refused stays so, and who has left may never hear of it.  */
static bool has_healed (const wire_ops *rows)
{
    for (size_t i = 0; i < rows->rows_count; i++)
        if (rows->rows[i].type != WIRE_TYPE_DEED && rows->rows[i].operation != WIRE_OP_DEFECT)
            return false;
    return !rows->more;
}

void sim_people_take_ops (sim_people *self, const wire_ops *rows)
{
    BG_AUTO_ARENA arena = {0};
    if (self->op_wish == SIM_OP_LOOK) {
        self->sees_health = has_healed (rows);
        for (size_t i = 0; i < rows->rows_count && !self->sees_health; i++)
            sim_trace (self->world, "people: still %s: %.*s on %.*s: %.*s",
                wire_delivery_state_word (rows->rows[i].state), BG_SLICE_ARG (rows->rows[i].name),
                BG_SLICE_ARG (rows->rows[i].target), BG_SLICE_ARG (rows->rows[i].code));
        return;
    }
    wire_op_ref *refs = bg_arena_array (&arena, wire_op_ref, BATCH);
    const size_t count = choose (self, rows, refs);
    if (count == 0) {
        self->has_retried = self->op_wish == SIM_OP_RETRY_ALL;
        return;
    }
    const bool skips = self->op_wish == SIM_OP_SKIP;
    wire_request body = {.installation = self->world->installation,
        .what = skips ? WIRE_REQUEST_OP_SKIP : WIRE_REQUEST_OP_RETRY,
        .issued_us = sim_broker_now (self->world).utc_us,
        .ops = refs,
        .ops_count = count,
        .reason = bg_slice_str ("as it seemed")};
    uint8_t entropy[10];
    sim_fill (&self->rng, entropy, sizeof entropy);
    body.id = bg_id_make (body.issued_us, entropy);
    wire_ask_request message = {.has_request = true};
    wire_signed_make (self->world->crypto, WIRE_TYPE_REQUEST, self->world->installation, &body,
        self->world->admin.secret, &arena, &message.request);
    sim_trace (self->world, "people: %s %zu instructions", skips ? "skip" : "retry", count);
    sim_people_ask (self, WIRE_REQUEST, &message);
}
