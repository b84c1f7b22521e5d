/*  The people: what they want next, one request at a time, repeated until it is answered.

    A request is signed once and repeated as it is; the broker takes repetitions for what they are.
    An error makes them look again (into the store: the queries have tests of their own) and go on
    with something else.  */
#include "tests/sim/oracle.h"
#include "tests/sim/people_papers.h"

#include "proto/frame.h"

#include <stdio.h>
#include <stdlib.h>

#define REPEAT_US BG_SEC (4)
#define QUIET_US  BG_SEC (8)
#define MANAGE_US BG_SEC (8)

int64_t sim_people_us (const sim_people *self)
{
    return sim_broker_now (self->world).utc_us;
}

static void repeat (void *owner, uint64_t serial, bg_slice payload);

static void say (sim_people *self)
{
    sim_ops_send (self->world, bg_buf_slice (&self->packed));
    self->tries++;
    sim_in (self->world, REPEAT_US, repeat, self->world, bg_read_u64 (self->request.bytes + 8),
        (bg_slice){0});
}

static void repeat (void *owner, uint64_t serial, bg_slice payload)
{
    (void) payload;
    sim_people *self = ((sim_world *) owner)->people;
    if (self->asking && bg_read_u64 (self->request.bytes + 8) == serial)
        say (self);
}

void sim_people_ask (sim_people *self, wire_kind kind, const void *body)
{
    bg_assert (!self->asking);
    BG_AUTO_BUF head = {0};
    BG_AUTO_BUF bytes = {0};
    uint8_t entropy[10] = {0};
    bg_write_u64 (entropy + 2, ++self->world->serial);
    self->request = bg_id_make (sim_people_us (self), entropy);
    wire_message_encode (kind, self->request, (bg_id){{0}}, body, &head, &bytes);
    bg_slice frames[3] = {bg_buf_slice (&head), bg_buf_slice (&bytes)};
    bg_buf_clear (&self->packed);
    sim_pack (&self->packed, frames, 3);
    self->kind = kind;
    self->tries = 0;
    self->asking = true;
    say (self);
}

/*  After an error: what does the broker have?  */
static void look_again (sim_people *self)
{
    const broker_store *store = &self->world->broker.store;
    for (size_t i = 0; i < SIM_JOBS_MAX; i++) {
        sim_job *job = &self->jobs[i];
        BG_AUTO_ARENA arena = {0};
        broker_document_record record;
        bool found = false;
        if (bg_is_ok (
                store->document_get (store->ctx, job->key, 0, &arena, &record, &found, NULL))) {
            /*  A target has brought another one back than the one that was closed.  */
            if (found && record.version != job->version)
                job->is_closed = job->is_again = false;
            job->version = found ? record.version : 0;
            job->live = found && record.type == WIRE_TYPE_JOB;
        }
        if (bg_is_ok (store->document_get (
                store->ctx, job->switch_key, 0, &arena, &record, &found, NULL)))
            job->switch_version = found ? record.version : 0;
    }
    sim_people_look_at_shared (self);
    const bg_id zero = {{0}};
    BG_AUTO_ARENA arena = {0};
    broker_document_record record;
    bool found = false;
    if (bg_is_ok (store->document_get (store->ctx, zero, 0, &arena, &record, &found, NULL)) &&
        found)
        self->authority_version = record.version;
}

static void posted (sim_people *self)
{
    self->documents++;
    if (self->shared_at >= 0) {
        sim_people_shared_posted (self);
        return;
    }
    switch (self->type) {
    case WIRE_TYPE_JOB:
    case WIRE_TYPE_WITHDRAWAL:
        self->jobs[self->job].version = self->version;
        self->jobs[self->job].live = self->type == WIRE_TYPE_JOB;
        self->jobs[self->job].is_again = self->is_again;
        break;
    case WIRE_TYPE_SWITCH:
        if (self->job < 0)
            break; /*  of a target  */
        self->jobs[self->job].switch_version = self->version;
        self->jobs[self->job].is_off = self->closing;
        break;
    case WIRE_TYPE_AUTHORITY:
        self->authority_version = self->version;
        break;
    default:
        self->world->machines[self->machine].name_is_taken = false;
        break;
    }
    if (self->ends_job)
        self->jobs[self->job].is_closed = true;
}

static void refused (sim_people *self, const wire_error *error)
{
    sim_trace (self->world, "people: refused: %.*s: %.*s", BG_SLICE_ARG (error->code),
        BG_SLICE_ARG (error->message));
    if (self->kind == WIRE_POST && self->type == WIRE_TYPE_MEMBERSHIP)
        self->world->machines[self->machine].name_is_taken = false;
    if (bg_slice_is (error->code, bg_code_word (BG_RESTORED)))
        self->wants_resume = self->closing || sim_chance (&self->rng, 150);
    look_again (self);
}

void sim_people_restored (sim_world *world)
{
    sim_people *self = world->people;
    self->has_token = false;
    for (size_t i = 0; i < SIM_JOBS_MAX; i++)
        self->jobs[i].is_closed = self->jobs[i].is_again = false;
    for (size_t i = 0; i < SIM_SHARED_MAX; i++)
        self->shared[i].is_closed = self->shared[i].is_again = false;
    look_again (self);
}

void sim_people_answer (sim_world *world, bg_slice header, bg_slice body)
{
    sim_people *self = world->people;
    BG_AUTO_ARENA arena = {0};
    wire_header head;
    const wire_kind_row *row = NULL;
    void *value = NULL;
    bg_error err = {0};
    bg_result result = wire_header_decode (header, &head, &row, &err);
    if (bg_is_ok (result))
        result = wire_body_decode (row, body, &arena, &value, &err);
    if (bg_failed (result)) {
        sim_fail (world, "the broker's answer to a login does not decode: %s", err.message);
        return;
    }
    if (!self->asking || !bg_id_equal (head.request, self->request))
        return;
    self->asking = false;
    switch (head.kind) {
    case WIRE_POSTED:
        posted (self);
        break;
    case WIRE_ISSUED:
        self->deeds[self->deed].acknowledged = true;
        break;
    case WIRE_DONE:
        if (world->broker.was_restored)
            look_again (self);
        break;
    case WIRE_TOKEN_CREATED:
        sim_people_token_made (self, value);
        break;
    case WIRE_OPS:
        sim_people_take_ops (self, value);
        break;
    default:
        refused (self, value);
        break;
    }
    self->ends_job = self->is_again = false;
    self->shared_at = -1;
}

static int some_job (sim_people *self, bool live)
{
    int first = (int) sim_below (&self->rng, SIM_JOBS_MAX);
    for (int i = 0; i < SIM_JOBS_MAX; i++) {
        int which = (first + i) % SIM_JOBS_MAX;
        if (self->jobs[which].live == live)
            return which;
    }
    return -1;
}

static void act (sim_people *self)
{
    int64_t wish = sim_below (&self->rng, 100);
    int live = some_job (self, true);
    int gone = some_job (self, false);
    int machine = (int) sim_below (&self->rng, self->world->machine_count);
    bool quiet = self->world->options.is_quiet;
    if (live < 0 || (wish < 15 && gone >= 0))
        sim_people_post_job (self, gone, true);
    else if (wish < 30)
        sim_people_post_job (self, live, true);
    else if (wish < 36)
        sim_people_withdraw (self, live);
    else if (wish < 48)
        sim_people_turn (self, live, sim_chance (&self->rng, 500),
            !quiet && sim_chance (&self->rng, 300) ? sim_people_us (self) + BG_MIN (3) : 0);
    else if (wish < 52 && !quiet)
        (void) sim_people_post_membership (self, machine, false);
    else if (wish < 54 && !quiet)
        (void) sim_people_post_membership (self, machine, true);
    else if (wish < 56 && !quiet)
        sim_people_post_authority (self);
    else if (wish < 57 && !quiet)
        sim_people_issue (self, live, WIRE_DEED_POLL);
    else if (wish >= 90 && !quiet)
        sim_people_mind_shared (self);
    else if (wish < 58 && !quiet)
        sim_people_resync (self);
    else if (wish < 60 && !quiet)
        (void) sim_people_set_poll (self, machine);
    else if (wish < 64)
        sim_people_issue (self, live, WIRE_DEED_STOP);
    else if (wish < 72 && !quiet)
        sim_people_look_at_ops (self, wish < 68 ? SIM_OP_SKIP : SIM_OP_RETRY);
    else if (wish < 79)
        sim_people_run_once (self);
    else if (quiet || wish >= 84 || !sim_people_cancel (self))
        sim_people_issue (self, live, WIRE_DEED_START);
}

/*  After a restore a target may have a job parked that needs a schedule, and the broker knows neither; or bugle-exec has a
    switch that its node had not committed. Both heal with the next version, which is posted here for all.  */
static bool post_again (sim_people *self)
{
    for (int i = 0; i < SIM_JOBS_MAX; i++) {
        if (self->jobs[i].is_closed)
            continue;
        self->ends_job = self->jobs[i].live && self->jobs[i].is_again;
        if (self->ends_job)
            sim_people_turn (self, i, false, 0);
        else
            sim_people_post_job (self, i, false);
        self->is_again = !self->ends_job;
        return true;
    }
    return false;
}

/*  The end: a job is withdrawn, or loses its schedules, or is disabled and then withdrawn; so nothing
    comes due any more.  */
static bool close_next (sim_people *self)
{
    if (!self->world->options.is_quiet && sim_people_close_shared (self))
        return true;
    if (self->world->broker.was_restored && post_again (self))
        return true;
    for (int i = 0; i < SIM_JOBS_MAX; i++) {
        sim_job *job = &self->jobs[i];
        if (!job->live || job->is_closed)
            continue;
        self->ends_job = i % 3 < 2 || job->is_off;
        if (i % 3 == 1)
            sim_people_post_job (self, i, false);
        else if (self->ends_job)
            sim_people_withdraw (self, i);
        else
            sim_people_turn (self, i, true, 0);
        return true;
    }
    return false;
}

static bool help_machines (sim_people *self)
{
    for (int i = 0; i < self->world->machine_count; i++) {
        sim_machine *machine = &self->world->machines[i];
        if (!machine->name_is_taken)
            continue;
        if (sim_people_post_membership (self, i, true))
            return true;
        machine->name_is_taken = false;
    }
    return false;
}

/*  bugle-exec may have taken a membership over that its node had not committed when the broker lost it: then nobody
    but bugle-exec has it, until the next change of it, which an admin makes here.  */
static bool change_again (sim_people *self)
{
    for (int i = 0; i < self->world->machine_count; i++) {
        sim_machine *machine = &self->world->machines[i];
        if (machine->is_changed_again || !self->world->broker.was_restored)
            continue;
        machine->is_changed_again = true;
        if (sim_people_post_membership (self, i, false))
            return true;
    }
    return false;
}

static void idle (void *owner, uint64_t tag, bg_slice payload)
{
    (void) tag;
    (void) payload;
    sim_world *world = owner;
    sim_people *self = world->people;
    int64_t pause_us = sim_between (&self->rng, BG_SEC (2), BG_SEC (12));
    sim_in (world, world->options.is_quiet ? QUIET_US : pause_us, idle, world, 0, (bg_slice){0});
    if (self->asking)
        return;
    if (self->wants_resume) {
        sim_people_resume (self);
        return;
    }
    if (self->closing && world->broker.was_restored)
        look_again (self);
    if (help_machines (self))
        return;
    if (!self->has_token || sim_people_us (self) > self->token_expires_us - BG_MIN (2))
        sim_people_make_token (self);
    else if (self->closing && !close_next (self) && !self->has_retried && !world->options.is_quiet)
        sim_people_look_at_ops (self, SIM_OP_RETRY_ALL);
    else if (self->closing && !self->asking && self->has_retried && !self->sees_health)
        sim_people_look_at_ops (self, SIM_OP_LOOK);
    else if (self->closing)
        (void) (self->asking || change_again (self));
    else
        act (self);
}

/*  The broker does not have the target any more, and its answer or its document was lost on the way:
    somebody sees that the node is refused and says so to it.  */
static bool is_orphan (sim_people *self, sim_machine *machine, const node_core_state *state)
{
    bool known = sim_people_knows (self, machine->name, state->target);
    machine->refusals = known || !state->enlisted ? 0 : machine->refusals + 1;
    return machine->refusals > 8;
}

static void manage (void *owner, uint64_t index, bg_slice payload)
{
    (void) payload;
    sim_world *world = owner;
    sim_people *self = world->people;
    sim_machine *machine = &world->machines[index];
    sim_in (
        world, MANAGE_US + sim_below (&self->rng, MANAGE_US), manage, world, index, (bg_slice){0});
    if (!machine->node.core)
        return;
    node_core_state state;
    node_core_get_state (machine->node.core, &state);
    if (!world->options.is_quiet && !self->closing && sim_chance (&self->rng, 6))
        machine->wants_member = false;
    if (is_orphan (self, machine, &state))
        (void) sim_node_defect (machine, true);
    else if (machine->wants_member && !state.enlisted && self->has_token && !machine->name_is_taken)
        (void) sim_node_enlist (machine, bg_buf_slice (&self->token_text));
    else if (!machine->wants_member && state.enlisted)
        (void) sim_node_defect (machine, sim_chance (&self->rng, 200));
    else if (!machine->wants_member && sim_chance (&self->rng, 300))
        machine->wants_member = true;
}

void sim_people_init (sim_world *world)
{
    sim_people *self = bg_alloc (sizeof *self);
    world->people = self;
    self->world = world;
    self->rng = sim_rng_of (world->options.seed, 3);
    self->authority_version = 1;
    self->shared_at = -1;
    sim_people_init_shared (self);
    for (size_t i = 0; i < SIM_JOBS_MAX; i++) {
        sim_job *job = &self->jobs[i];
        snprintf (job->name, sizeof job->name, "job %zu", i + 1);
        job->key = wire_document_key (world->installation, WIRE_TYPE_JOB, bg_slice_str (job->name));
        job->switch_key =
            wire_switch_key (world->installation, WIRE_TYPE_JOB, bg_slice_str (job->name));
    }
}

void sim_people_fini (sim_world *world)
{
    sim_people *self = world->people;
    if (!self)
        return;
    free (self->versions);
    free (self->deeds);
    bg_buf_fini (&self->packed);
    bg_buf_fini (&self->token_text);
    bg_arena_fini (&self->arena);
    free (self);
    world->people = NULL;
}

void sim_people_start (sim_world *world)
{
    sim_in (world, BG_MS (500), idle, world, 0, (bg_slice){0});
    for (int i = 0; i < world->machine_count; i++) {
        world->machines[i].wants_member = true;
        sim_in (world, BG_SEC (1) + sim_below (&world->people->rng, BG_SEC (5)), manage, world,
            (uint64_t) i, (bg_slice){0});
    }
}

void sim_people_close (sim_world *world)
{
    world->people->closing = true;
    for (int i = 0; i < world->machine_count; i++)
        world->machines[i].wants_member = true;
}

bool sim_people_are_done (const sim_world *world)
{
    const sim_people *self = world->people;
    for (size_t i = 0; i < SIM_JOBS_MAX; i++)
        if (self->jobs[i].live && !self->jobs[i].is_closed)
            return false;
    for (size_t i = 0; i < SIM_SHARED_MAX && !world->options.is_quiet; i++)
        if (!self->shared[i].is_closed)
            return false;
    return self->closing && !self->asking && (self->sees_health || world->options.is_quiet);
}
