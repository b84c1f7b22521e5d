/*  Looking into the core from outside: for shells, tests and the simulator. Changes nothing.  */
#include "node/core/state.h"

void node_core_get_state (const node_core *self, node_core_state *state)
{
    *state = (node_core_state){
        .enlisted = self->enlisted,
        .connected = node_session_is_up (self),
        .exec_ready = self->exec.connected && self->exec.ready,
        .storage_full = self->full,
        .target = self->identity.target,
        .name = self->identity.name,
        .jobs = self->jobs.count,
        .open_runs = self->open_runs.count,
        .outbox = self->outbox.rows,
        .state_seq = self->state_seq,
    };
    memcpy (state->digest, self->digest, sizeof state->digest);
    for (size_t i = 0; i < self->slots.count; i++) {
        const node_slot *slot = self->slots.items[i];
        state->held += slot->held.there && !slot->held.dropped;
        state->waiting += slot->waiting.there;
        state->refused += slot->refused.there;
    }
}

bool node_core_holds (const node_core *self, bg_id key, uint64_t version)
{
    const node_slot *slot = node_slot_find (self, key);
    return slot && slot->held.there && !slot->held.dropped && slot->held.version == version;
}

const char *node_core_problem (const node_core *self)
{
    return self->problem;
}

const node_counter *node_core_counters (const node_core *self)
{
    return self->counters;
}
