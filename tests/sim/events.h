/*  The event heap: what will happen, ordered by virtual time, then by when it was planned.  */
#ifndef BUGLE_SIM_EVENTS_H
#define BUGLE_SIM_EVENTS_H

#include "common/base/slice.h"

/*  owner and tag are the planner's; payload is borrowed for the call.  */
typedef void sim_handler (void *owner, uint64_t tag, bg_slice payload);

typedef struct {
    int64_t at_us;
    uint64_t serial;
    sim_handler *handler;
    void *owner;
    uint64_t tag;
    bg_buf payload; /*  owned by who takes the event out  */
} sim_event;

typedef struct {
    sim_event *items;
    size_t count;
    size_t capacity;
    uint64_t serial;
} sim_events;

void sim_events_put (sim_events *self, int64_t at_us, sim_handler *handler, void *owner,
    uint64_t tag, bg_slice payload);
/*  The first one; false when there is none.  */
bool sim_events_take (sim_events *self, sim_event *event);
void sim_events_fini (sim_events *self);

#endif
