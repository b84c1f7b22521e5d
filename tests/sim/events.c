/*  A binary heap: see events.h.  */
#include "tests/sim/events.h"

#include <stdlib.h>

static bool before (const sim_event *a, const sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->serial < b->serial;
}

void sim_events_put (sim_events *self, int64_t at_us, sim_handler *handler, void *owner,
    uint64_t tag, bg_slice payload)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 256;
        self->items = bg_realloc (self->items, self->capacity * sizeof *self->items);
    }
    sim_event event = {
        .at_us = at_us, .serial = ++self->serial, .handler = handler, .owner = owner, .tag = tag};
    if (payload.size)
        bg_buf_append_slice (&event.payload, payload);
    size_t at = self->count++;
    while (at > 0 && before (&event, &self->items[(at - 1) / 2])) {
        self->items[at] = self->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    self->items[at] = event;
}

bool sim_events_take (sim_events *self, sim_event *event)
{
    if (self->count == 0)
        return false;
    *event = self->items[0];
    const sim_event last = self->items[--self->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= self->count)
            break;
        if (child + 1 < self->count && before (&self->items[child + 1], &self->items[child]))
            child++;
        if (!before (&self->items[child], &last))
            break;
        self->items[at] = self->items[child];
        at = child;
    }
    self->items[at] = last;
    return true;
}

void sim_events_fini (sim_events *self)
{
    sim_event event;
    while (sim_events_take (self, &event))
        bg_buf_fini (&event.payload);
    free (self->items);
    *self = (sim_events){0};
}
