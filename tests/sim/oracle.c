/*  The oracle's watch during the run: see oracle.h. What must hold in the end is in at_rest.c.

    Invariant: an observation from inside a transaction counts only when that is committed.  */
#include "tests/sim/oracle_private.h"

#include "proto/audience.h"

#include <stdlib.h>

#define EXPIRY_SLACK_US BG_MIN (2) /*  what attested time may be off  */

/*  ---- life ----  */

void sim_oracle_init (sim_world *self)
{
    self->oracle = bg_alloc (sizeof *self->oracle);
}

void sim_oracle_fini (sim_world *self)
{
    sim_oracle *oracle = self->oracle;
    if (!oracle)
        return;
    for (sim_seen_run *run = oracle->runs, *next; run; run = next) {
        next = run->hh.next;
        HASH_DEL (oracle->runs, run);
        free (run);
    }
    for (sim_seen_start *start = oracle->starts, *next; start; start = next) {
        next = start->hh.next;
        HASH_DEL (oracle->starts, start);
        free (start);
    }
    for (sim_seen_start *start = oracle->stops, *next; start; start = next) {
        next = start->hh.next;
        HASH_DEL (oracle->stops, start);
        free (start);
    }
    for (sim_seen_due *due = oracle->dues, *next; due; due = next) {
        next = due->hh.next;
        HASH_DEL (oracle->dues, due);
        free (due);
    }
    for (int i = 0; i < SIM_MACHINES_MAX; i++) {
        for (int k = 0; k < 2; k++)
            free (oracle->machines[i].floors[k].items);
        free (oracle->machines[i].spent.items);
        free (oracle->machines[i].pending);
        free (oracle->machines[i].is_over);
    }
    free (oracle);
    self->oracle = NULL;
}

sim_seen_run *sim_oracle_run (const sim_oracle *self, bg_id id)
{
    sim_seen_run *run = NULL;
    HASH_FIND (hh, self->runs, &id, sizeof id, run);
    return run;
}

static sim_seen_run *run_with (sim_machine *machine, bg_id id)
{
    sim_oracle *oracle = machine->world->oracle;
    sim_seen_run *run = sim_oracle_run (oracle, id);
    if (run)
        return run;
    run = bg_alloc (sizeof *run);
    run->id = id;
    run->machine = machine->index;
    run->enlistment = oracle->machines[machine->index].enlistment;
    HASH_ADD (hh, oracle->runs, id, sizeof run->id, run);
    return run;
}

/*  ---- versions ----  */

/*  True when the version is not below the highest of its key.  */
static bool raise_floor (sim_floors *floors, bg_id key, uint64_t version)
{
    for (size_t i = 0; i < floors->count; i++) {
        if (!bg_id_equal (floors->items[i].key, key))
            continue;
        if (version < floors->items[i].version)
            return false;
        floors->items[i].version = version;
        return true;
    }
    if (floors->count == floors->capacity) {
        floors->capacity = floors->capacity ? 2 * floors->capacity : 16;
        floors->items = bg_realloc (floors->items, floors->capacity * sizeof *floors->items);
    }
    floors->items[floors->count++] = (sim_floor){key, version};
    return true;
}

uint64_t sim_oracle_holds (const sim_machine *machine, bg_id key)
{
    const sim_floors *floors = &machine->world->oracle->machines[machine->index].floors[0];
    for (size_t i = 0; i < floors->count; i++)
        if (bg_id_equal (floors->items[i].key, key))
            return floors->items[i].version;
    return 0;
}

/*  ---- the node's store ----  */

static void observe (sim_machine *machine, sim_observation what)
{
    sim_watch *watch = &machine->world->oracle->machines[machine->index];
    if (watch->pending_count == watch->pending_capacity) {
        watch->pending_capacity = watch->pending_capacity ? 2 * watch->pending_capacity : 16;
        watch->pending =
            bg_realloc (watch->pending, watch->pending_capacity * sizeof *watch->pending);
    }
    watch->pending[watch->pending_count++] = what;
}

void sim_oracle_enlisted (sim_machine *machine, bg_id target)
{
    observe (machine, (sim_observation){.what = SIM_SAW_ENLISTED, .id = target});
}

void sim_oracle_forgot (sim_machine *machine)
{
    observe (machine, (sim_observation){.what = SIM_SAW_FORGOT});
}

void sim_oracle_held (sim_machine *machine, bg_id key, uint64_t version)
{
    observe (machine, (sim_observation){.what = SIM_SAW_HELD, .id = key, .number = version});
}

void sim_oracle_occurrence (sim_machine *machine, bg_id occurrence)
{
    observe (machine, (sim_observation){.what = SIM_SAW_DUE, .id = occurrence});
}

void sim_oracle_outbox (sim_machine *machine, bg_slice blob)
{
    BG_AUTO_ARENA arena = {0};
    wire_run run;
    if (bg_failed (WIRE_DECODE (run, blob, WIRE_AS_MESSAGE, &arena, &run, NULL))) {
        sim_fail (machine->world, "%s: an item of the outbox does not decode", machine->name);
        return;
    }
    observe (machine, (sim_observation){.what = SIM_SAW_OUTCOME,
                          .id = run.run,
                          .number = run.state,
                          .exec = run.exec,
                          .occurrence = run.occurrence});
}

static void take (sim_machine *machine, const sim_observation *seen)
{
    sim_world *world = machine->world;
    sim_oracle *oracle = world->oracle;
    sim_watch *watch = &oracle->machines[machine->index];
    switch (seen->what) {
    case SIM_SAW_ENLISTED:
        if (bg_id_equal (watch->target, seen->id))
            break; /*  only another outbox  */
        watch->target = seen->id;
        watch->enlistment++;
        watch->is_over =
            bg_realloc (watch->is_over, (watch->enlistment + 1) * sizeof *watch->is_over);
        watch->is_over[0] = true;
        watch->is_over[watch->enlistment] = false;
        watch->floors[0].count = 0;
        break;
    case SIM_SAW_FORGOT:
        if (watch->enlistment > 0)
            watch->is_over[watch->enlistment] = true;
        memset (&watch->target, 0, sizeof watch->target);
        break;
    case SIM_SAW_HELD:
        if (!raise_floor (&watch->floors[0], seen->id, seen->number))
            sim_fail (world, "%s holds an older version of %s than before", machine->name,
                bg_id_short (seen->id).text);
        break;
    case SIM_SAW_DUE: {
        sim_seen_due *due = NULL;
        HASH_FIND (hh, oracle->dues, &seen->id, sizeof seen->id, due);
        if (due)
            break;
        due = bg_alloc (sizeof *due);
        due->id = seen->id;
        due->machine = machine->index;
        due->enlistment = watch->enlistment;
        HASH_ADD (hh, oracle->dues, id, sizeof due->id, due);
        break;
    }
    case SIM_SAW_OUTCOME:
        sim_trace (world, "%s: outcome run=%s state=%llu exec=%s occurrence=%s", machine->name,
            bg_id_short (seen->id).text, (unsigned long long) seen->number,
            bg_id_short (seen->exec).text, bg_id_short (seen->occurrence).text);
        if (seen->number == WIRE_RUN_RUNNING || seen->number == WIRE_RUN_WAITING)
            break;
        sim_seen_run *run = run_with (machine, seen->id);
        if (run->outcomes++ > 0)
            sim_fail (world, "%s: the outcome of run %s goes into the outbox twice", machine->name,
                bg_id_short (seen->id).text);
        run->enlistment = watch->enlistment;
        run->outcome = seen->number;
        run->exec = seen->exec;
        break;
    }
}

void sim_oracle_node_committed (sim_machine *machine)
{
    sim_watch *watch = &machine->world->oracle->machines[machine->index];
    for (size_t i = 0; i < watch->pending_count; i++)
        take (machine, &watch->pending[i]);
    watch->pending_count = 0;
}

void sim_oracle_node_rolled_back (sim_machine *machine)
{
    machine->world->oracle->machines[machine->index].pending_count = 0;
}

/*  ---- bugle-exec ----  */

static void check_job (sim_machine *machine, const wire_run *run)
{
    sim_world *world = machine->world;
    const sim_signed_job *job = sim_people_job (world->people, run->job_key, run->job_version);
    if (!job || job->withdrawal)
        sim_fail (world, "%s runs version %llu of a job that nobody signed", machine->name,
            (unsigned long long) run->job_version);
    sim_watch *watch = &world->oracle->machines[machine->index];
    /*  What the node holds, bugle-exec has judged, durably, before.  */
    if (run->job_version < sim_oracle_holds (machine, run->job_key) ||
        !raise_floor (&watch->floors[1], run->job_key, run->job_version))
        sim_fail (world, "%s runs an older version of job %.*s than before", machine->name,
            BG_SLICE_ARG (run->job_name));
}

static void check_deed (sim_machine *machine, bg_id exec, bg_id job_key)
{
    sim_world *world = machine->world;
    if (bg_id_is_zero (exec))
        return;
    const sim_signed_deed *deed = sim_people_deed (world->people, exec);
    if (!deed || deed->what != WIRE_DEED_START || !bg_id_equal (deed->job_key, job_key))
        sim_fail (world, "%s starts a run by a deed that nobody signed", machine->name);
    else if (sim_broker_now (world).utc_us > deed->expires_us + EXPIRY_SLACK_US)
        sim_fail (world, "%s starts a run by a START that expired %lld s ago", machine->name,
            (long long) ((sim_broker_now (world).utc_us - deed->expires_us) / BG_SEC (1)));
}

static void check_once (sim_machine *machine, const wire_run *run)
{
    sim_oracle *oracle = machine->world->oracle;
    sim_start_key key;
    memset (&key, 0, sizeof key);
    key.machine = machine->index;
    key.id = bg_id_is_zero (run->exec) ? run->occurrence : run->exec;
    sim_seen_start *start = NULL;
    HASH_FIND (hh, oracle->starts, &key, sizeof key, start);
    if (start) {
        sim_fail (machine->world, "%s begins %s %s twice", machine->name,
            bg_id_is_zero (run->exec) ? "occurrence" : "deed", bg_id_text (key.id).text);
        return;
    }
    start = bg_alloc (sizeof *start);
    start->key = key;
    HASH_ADD (hh, oracle->starts, key, sizeof start->key, start);
}

static sim_start_key key_of (const sim_machine *machine, bg_id id)
{
    sim_start_key key;
    memset (&key, 0, sizeof key);
    key.machine = machine->index;
    key.id = id;
    return key;
}

/*  A job that came inside a START begins once, under whatever START.  */
static void check_one_shot (sim_machine *machine, const wire_run *run)
{
    const sim_signed_job *job =
        sim_people_job (machine->world->people, run->job_key, run->job_version);
    const sim_start_key key = key_of (machine, run->job_key);
    sim_seen_start *seen = NULL;
    if (!job || !job->one_shot)
        return;
    HASH_FIND (hh, machine->world->oracle->starts, &key, sizeof key, seen);
    if (seen) {
        sim_fail (machine->world, "%s runs a one-shot job twice", machine->name);
        return;
    }
    seen = bg_alloc (sizeof *seen);
    seen->key = key;
    HASH_ADD (hh, machine->world->oracle->starts, key, sizeof seen->key, seen);
}

/*  The STOP of an execution is on disk: nothing of it begins any more.  */
static void saw_stop (sim_machine *machine, const wire_record_stop *stop)
{
    sim_oracle *oracle = machine->world->oracle;
    const sim_start_key key = key_of (machine, stop->exec);
    sim_seen_start *seen = NULL;
    if (bg_id_is_zero (stop->exec))
        return;
    HASH_FIND (hh, oracle->stops, &key, sizeof key, seen);
    if (seen)
        return;
    seen = bg_alloc (sizeof *seen);
    seen->key = key;
    HASH_ADD (hh, oracle->stops, key, sizeof seen->key, seen);
}

static void check_stop (sim_machine *machine, bg_id exec)
{
    const sim_start_key key = key_of (machine, exec);
    sim_seen_start *seen = NULL;
    HASH_FIND (hh, machine->world->oracle->stops, &key, sizeof key, seen);
    if (seen && !bg_id_is_zero (exec))
        sim_fail (
            machine->world, "%s begins an execution that it knows to be canceled", machine->name);
}

/*  A job that deleted itself begins no more, unless there is a newer version.  */
static void check_spent (sim_machine *machine, bg_id job_key, uint64_t version)
{
    const sim_floors *spent = &machine->world->oracle->machines[machine->index].spent;
    for (size_t i = 0; i < spent->count; i++)
        if (bg_id_equal (spent->items[i].key, job_key) && version <= spent->items[i].version)
            sim_fail (machine->world, "%s runs a job that has deleted itself there", machine->name);
}

static void saw_spent (sim_machine *machine, const wire_record_spent *record)
{
    sim_watch *watch = &machine->world->oracle->machines[machine->index];
    (void) raise_floor (&watch->spent, record->job_key, record->version);
}

static void saw_intent (sim_machine *machine, const wire_record_intent *intent)
{
    const wire_run *run = &intent->run;
    sim_seen_run *seen = run_with (machine, run->run);
    if (seen->is_begun) {
        sim_fail (machine->world, "%s: the intent of a run is written twice", machine->name);
        return;
    }
    seen->is_begun = true;
    seen->exec = run->exec;
    seen->occurrence = run->occurrence;
    seen->job_key = run->job_key;
    seen->job_version = run->job_version;
    seen->order = ++machine->world->oracle->accepted;
    seen->is_waiting = intent->queued_plan.size > 0;
    if (seen->is_waiting != (run->state == WIRE_RUN_WAITING))
        sim_fail (machine->world, "%s: a run waits and does not say so", machine->name);
    check_job (machine, run);
    check_deed (machine, run->exec, run->job_key);
    check_once (machine, run);
    check_one_shot (machine, run);
    check_stop (machine, run->exec);
    check_spent (machine, run->job_key, run->job_version);
}

/*  ---- the queue ----  */

/*  As long as a run's outcome is not taken it may well be that bugle-exec waits for it; also of one that lost its file.  */
static bool has_open_of_job (const sim_machine *machine, bg_id job_key)
{
    const sim_oracle *oracle = machine->world->oracle;
    for (const sim_seen_run *run = oracle->runs; run; run = run->hh.next)
        if (run->machine == machine->index && run->is_begun && !run->is_waiting && !run->is_taken &&
            bg_id_equal (run->job_key, job_key))
            return true;
    return false;
}

static void saw_closed (sim_machine *machine, const wire_record_closed *closed)
{
    sim_seen_run *run = sim_oracle_run (machine->world->oracle, closed->run);
    if (run)
        run->is_taken = true;
}

/*  Nothing passes an occurrence that was accepted earlier and could begin. (STARTs also wait for the time to be known.)  */
static void check_order (sim_machine *machine, const sim_seen_run *turn)
{
    const sim_oracle *oracle = machine->world->oracle;
    for (const sim_seen_run *run = oracle->runs; run; run = run->hh.next) {
        if (run->machine != machine->index || !run->is_waiting || run->order >= turn->order ||
            !bg_id_is_zero (run->exec) || has_open_of_job (machine, run->job_key))
            continue;
        sim_fail (
            machine->world, "%s: a run begins before one that was accepted earlier", machine->name);
        return;
    }
}

static void saw_turn (sim_machine *machine, const wire_record_turn *turn)
{
    sim_seen_run *run = sim_oracle_run (machine->world->oracle, turn->run);
    if (!run || !run->is_waiting) {
        sim_fail (machine->world, "%s: a turn comes to a run that does not wait", machine->name);
        return;
    }
    run->is_waiting = false;
    if (turn->state != WIRE_RUN_RUNNING)
        return;
    machine->world->oracle->waited++;
    check_order (machine, run);
    check_deed (machine, run->exec, run->job_key);
    check_stop (machine, run->exec);
    check_spent (machine, run->job_key, run->job_version);
}

/*  One run of a job at a time, and not more than the policy says.  */
static void check_beside (sim_machine *machine, const sim_seen_run *spawned)
{
    uint32_t alive = 1;
    for (const sim_run *run = machine->runs; run; run = run->next) {
        const sim_seen_run *seen = sim_oracle_run (machine->world->oracle, run->id);
        if (!run->alive)
            continue;
        alive++;
        if (seen && bg_id_equal (seen->job_key, spawned->job_key))
            sim_fail (machine->world, "%s: two runs of one job go on", machine->name);
    }
    if (alive > machine->exec.policy.runs)
        sim_fail (machine->world, "%s: %u runs go on, the policy allows %u", machine->name, alive,
            machine->exec.policy.runs);
}

/*  What deleted itself is forgotten with each enlistment: a run of the one before may end after it.  */
static void saw_anchor (sim_machine *machine, const wire_record_anchor *anchor)
{
    static const wire_record_anchor nothing;
    sim_watch *watch = &machine->world->oracle->machines[machine->index];
    watch->spent.count = 0;
    if (memcmp (anchor, &nothing, sizeof nothing) == 0)
        watch->floors[1].count = 0;
}

void sim_oracle_exec_record (sim_machine *machine, bg_slice record)
{
    BG_AUTO_ARENA arena = {0};
    wire_header header;
    void *value = NULL;
    if (bg_failed (wire_inner_decode (record, &arena, &header, &value, NULL))) {
        sim_fail (machine->world, "%s: a record of the log does not decode", machine->name);
        return;
    }
    if (header.kind == WIRE_RECORD_INTENT)
        saw_intent (machine, value);
    else if (header.kind == WIRE_RECORD_TURN)
        saw_turn (machine, value);
    else if (header.kind == WIRE_RECORD_SPENT)
        saw_spent (machine, value);
    else if (header.kind == WIRE_RECORD_CLOSED)
        saw_closed (machine, value);
    else if (header.kind == WIRE_RECORD_STOP)
        saw_stop (machine, value);
    else if (header.kind == WIRE_RECORD_ANCHOR)
        saw_anchor (machine, value);
}

void sim_oracle_spawned (sim_machine *machine, bg_id id)
{
    sim_seen_run *run = sim_oracle_run (machine->world->oracle, id);
    machine->world->oracle->spawns++;
    if (!run || !run->is_begun || run->is_waiting) {
        sim_fail (
            machine->world, "%s: a process exists before its intent is durable", machine->name);
        return;
    }
    if (run->spawns++ > 0)
        sim_fail (machine->world, "%s: a run is started twice", machine->name);
    check_beside (machine, run);
}

void sim_oracle_run_ended (sim_machine *machine, bg_id id, uint64_t state)
{
    sim_seen_run *run = sim_oracle_run (machine->world->oracle, id);
    if (run)
        run->ended = state;
}
