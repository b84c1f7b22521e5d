/*  Looking into the core from outside: for shells, tests and the simulator, for `bugle-node status` and for the broker that
    asks how this target is (wire_node_state, filled here and nowhere else). Changes nothing.  */
#include "node/core/rooms.h"

#define WARNINGS_MAX 16

void node_core_get_state (const node_core *self, node_core_state *state)
{
    *state = (node_core_state){
        .enlisted = self->enlisted,
        .pending = node_pending_is (self),
        .connected = node_session_is_up (self),
        .exec_ready = self->exec.connected && self->exec.ready,
        .storage_full = self->full,
        .target = self->identity.target,
        .name = self->identity.name,
        .open_runs = node_runs_of (self, (bg_id){{0}}, false),
        .waiting_runs = node_runs_of (self, (bg_id){{0}}, true),
        .outbox = self->outbox.rows,
        .state_seq = self->state_seq,
    };
    memcpy (state->digest, self->digest, sizeof state->digest);
    for (size_t i = 0; i < self->jobs.count; i++)
        state->local_jobs += ((const node_job *) self->jobs.items[i])->local;
    state->jobs = self->jobs.count - state->local_jobs;
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

bool node_core_is_refused (const node_core *self)
{
    return self->problem && self->exec.synced && self->poll.settled > self->exec.synced_poll &&
           self->document_asks == 0;
}

const node_counter *node_core_counters (const node_core *self)
{
    return self->counters;
}

/*  ---- for people ----  */

static void warn (bg_slice *warnings, size_t *count, bg_slice text)
{
    if (*count < WARNINGS_MAX)
        warnings[(*count)++] = node_cut (text, 512);
}

static void warn_of_schedules (node_core *self, bg_slice *list, size_t *count)
{
    size_t unusable = 0;
    const node_entry *first = NULL;
    for (size_t i = 0; i < self->jobs.count; i++) {
        const node_job *job = self->jobs.items[i];
        for (size_t j = 0; j < job->entry_count; j++) {
            if (job->entries[j].usable)
                continue;
            first = first ? first : &job->entries[j];
            unusable++;
        }
    }
    if (first)
        warn (list, count,
            bg_arena_printf (&self->scratch,
                "%zu schedule%s not run, the first is \"%s\" of job \"%s\": %s", unusable,
                unusable == 1 ? " does" : "s do", first->name, first->job->name, first->problem));
}

size_t node_describe_warnings (node_core *self, bg_slice **warnings)
{
    bg_slice *list = bg_arena_array (&self->scratch, bg_slice, WARNINGS_MAX);
    size_t count = 0;
    if (self->problem)
        warn (list, &count, bg_slice_str (self->problem));
    if (self->claim.unknown)
        warn (list, &count,
            bg_arena_printf (&self->scratch,
                "the broker \"%.*s\" does not know this target: bugle-node defect --force, then "
                "enlist",
                BG_SLICE_ARG (self->identity.broker)));
    if (self->full)
        warn (list, &count,
            bg_slice_str ("no space in the node's store: nothing new starts until there is"));
    if (!self->exec.connected)
        warn (list, &count, bg_slice_str ("bugle-exec is not running: nothing can be started"));
    else if (self->exec.foreign)
        warn (list, &count,
            bg_slice_str ("bugle-exec belongs to another enlistment: nothing can be started"));
    else if (*self->exec.problem)
        warn (list, &count,
            bg_arena_printf (&self->scratch, "bugle-exec starts nothing: %s", self->exec.problem));
    warn_of_schedules (self, list, &count);
    *warnings = list;
    return count;
}

static void describe_numbers (const node_core *self, wire_node_state *out)
{
    node_core_state state;
    node_core_get_state (self, &state);
    out->held = state.held;
    out->jobs = state.jobs;
    out->local_jobs = state.local_jobs;
    out->waiting = state.waiting;
    out->refused = state.refused;
    out->open_runs = state.open_runs;
    out->waiting_runs = state.waiting_runs;
    out->outbox = state.outbox;
    out->state_seq = state.state_seq;
    memcpy (out->digest, state.digest, sizeof out->digest);
    out->term = self->term;
    out->position = self->position;
    out->boot_counter = self->boot;
    out->authority = self->keyring ? wire_keyring_version (self->keyring) : 0;
    const node_slot *member = node_slot_find (self, self->identity.target);
    out->membership = member && member->held.there ? member->held.version : 0;
}

static void describe_times (node_core *self, wire_node_state *out)
{
    const job_zone *zone = self->ports.zone (self->ports.ctx, (bg_slice){0});
    out->zone = node_cut (bg_slice_str (self->zone), 64);
    out->time_us = self->now.utc_us;
    out->utc_offset_s = zone ? job_zone_offset (zone, self->now.utc_us / BG_SEC (1)) : 0;
    out->started_us = self->started_us;
    out->poll_us = self->enlisted ? (uint64_t) node_poll_interval (self) : 0;
    out->last_poll_us = self->last_poll_us;
    if (self->has_broker_time)
        out->clock_offset_us = self->now.utc_us - (self->now.boot_us + self->broker_offset_us);
}

/*  What the signed membership says beyond the identity.  */
static bg_result describe_membership (node_core *self, wire_node_state *out, bg_error *err)
{
    wire_signed item;
    wire_document document;
    bool found = false;
    BG_TRY (node_document_held (self, self->identity.target, &item, &found, err));
    wire_membership *body = bg_arena_alloc (&self->scratch, sizeof *body);
    if (!found ||
        bg_failed (
            WIRE_DECODE (document, item.bytes, WIRE_AS_MESSAGE, &self->scratch, &document, NULL)) ||
        bg_failed (
            WIRE_DECODE (membership, document.body, WIRE_AS_MESSAGE, &self->scratch, body, NULL)))
        return bg_ok ();
    out->location = body->location;
    out->groups = body->groups;
    out->groups_count = body->groups_count;
    out->labels = body->labels;
    out->labels_count = body->labels_count;
    return bg_ok ();
}

static void describe_counters (node_core *self, wire_node_state *out)
{
    if (self->ports.wakeups)
        self->counters[NODE_COUNT_WAKEUPS].value = self->ports.wakeups (self->ports.ctx);
    out->counters = bg_arena_array (&self->scratch, wire_counter, NODE_COUNT_COUNT);
    for (size_t i = 0; i < NODE_COUNT_COUNT; i++) {
        const node_counter *counter = &self->counters[i];
        if (counter->value > 0)
            out->counters[out->counters_count++] =
                (wire_counter){.name = bg_slice_str (counter->name), .value = counter->value};
    }
}

/*  Kept as lines.  */
static void describe_broker (node_core *self, wire_node_state *out)
{
    enum { MOST = 8 };
    bg_slice rest = self->identity.endpoints;
    out->broker = self->identity.broker;
    out->broker_curve_key = self->identity.broker_curve_key;
    out->endpoints = bg_arena_array (&self->scratch, bg_slice, MOST);
    while (rest.size && out->endpoints_count < MOST) {
        const uint8_t *end = memchr (rest.data, '\n', rest.size);
        const size_t size = end ? (size_t) (end - rest.data) : rest.size;
        out->endpoints[out->endpoints_count++] = bg_slice_of (rest.data, size);
        rest = bg_slice_of (rest.data + size + (end ? 1 : 0), rest.size - size - (end ? 1 : 0));
    }
}

bg_result node_describe_state (node_core *self, wire_node_state *out, bg_error *err)
{
    *out = (wire_node_state){
        .version = node_cut (bg_slice_str (self->version), 64),
        .exec_version = node_cut (bg_slice_str (self->exec.version), 64),
        .connected = node_session_is_up (self) && !self->session.broken,
        .exec_ready = self->exec.connected && self->exec.ready,
        .time_known = self->exec.time_known,
        .policy = self->exec.heard && !*self->exec.problem,
        .policy_problem = bg_slice_str (self->exec.problem),
        .storage_full = self->full,
        .facts = self->facts,
        .facts_count = self->fact_count,
    };
    describe_numbers (self, out);
    describe_times (self, out);
    describe_counters (self, out);
    out->warnings_count = node_describe_warnings (self, &out->warnings);
    if (!self->enlisted)
        return bg_ok ();
    out->name = self->identity.name;
    out->number = self->identity.number;
    out->target = self->identity.target;
    out->installation = self->identity.installation;
    describe_broker (self, out);
    out->enlisted_us = self->identity.enlisted_us;
    return describe_membership (self, out, err);
}
