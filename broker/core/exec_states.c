/*  What became of each target of one execution: for choosing targets by it.

    The bitmaps know who was told, began, is over or was canceled; how a run ended stands in the
    history alone, so its rows are walked once a query.  */
#include "broker/core/rooms.h"

typedef struct {
    const broker_execution *execution;
    uint8_t *states; /*  WIRE_EXEC_*, by number  */
    uint32_t count;
    size_t seen;
    int64_t last_row;
} reading;

static uint8_t state_of_run (uint64_t run_state)
{
    static const uint8_t states[BROKER_RUN_STATES] = {
        [WIRE_RUN_RUNNING] = WIRE_EXEC_RUNNING,
        [WIRE_RUN_SUCCEEDED] = WIRE_EXEC_SUCCEEDED,
        [WIRE_RUN_FAILED] = WIRE_EXEC_FAILED,
        [WIRE_RUN_CANCELED] = WIRE_EXEC_CANCELED,
        [WIRE_RUN_INTERRUPTED] = WIRE_EXEC_INTERRUPTED,
        [WIRE_RUN_NOT_RUN] = WIRE_EXEC_NOT_RUN,
    };
    return run_state < BROKER_RUN_STATES ? states[run_state] : 0;
}

static uint8_t state_without_run (const broker_execution *execution, uint32_t number)
{
    if (broker_bitmap_has (&execution->canceled, number))
        return WIRE_EXEC_CANCELED;
    /*  Where nobody fell silent it has reported, and its run has left the history: how it went is not known.  */
    if (broker_bitmap_has (&execution->over, number))
        return execution->silent > 0 ? WIRE_EXEC_SILENT : 0;
    if (broker_bitmap_has (&execution->begun, number))
        return WIRE_EXEC_RUNNING;
    return execution->expired || execution->done_us != 0 ? WIRE_EXEC_SILENT : WIRE_EXEC_PENDING;
}

/*  The newest row of a target comes first.  */
static bg_result take_run (void *visitor, const broker_run_record *record, bg_error *err)
{
    (void) err;
    reading *self = visitor;
    self->seen++;
    self->last_row = record->row;
    if (record->number < self->count && self->states[record->number] == 0 &&
        broker_bitmap_has (&self->execution->addressed, record->number) &&
        !broker_bitmap_has (&self->execution->canceled, record->number))
        self->states[record->number] = state_of_run (record->state);
    return bg_ok ();
}

bg_result broker_execution_states (
    broker_request *request, bg_id id, uint8_t **states, bg_error *err)
{
    broker_core *self = request->core;
    broker_execution *execution = NULL;
    BG_TRY (broker_execution_get (self, request->now, id, &execution, err));
    if (!execution) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no execution %s", bg_id_text (id).text));
        return bg_hint (err, "see: bugle exec list");
    }
    reading work = {.execution = execution, .count = self->next_number};
    work.states = bg_arena_array (request->arena, uint8_t, self->next_number + 1);
    memset (work.states, 0, self->next_number + 1);
    broker_run_filter filter = {.exec = id, .limit = BROKER_PIECE};
    do {
        work.seen = 0;
        BG_TRY (self->store->runs (self->store->ctx, &filter, take_run, &work, err));
        filter.before = work.last_row;
    } while (work.seen == BROKER_PIECE);
    for (uint32_t number = broker_bitmap_next (&execution->addressed, 0);
         number && number < work.count; number = broker_bitmap_next (&execution->addressed, number))
        if (work.states[number] == 0)
            work.states[number] = state_without_run (execution, number);
    *states = work.states;
    return bg_ok ();
}
