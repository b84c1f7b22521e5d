/*  What must hold when nothing moves any more: see oracle.h. Looks into the stores of both sides and
    compares them with each other and with what was seen on the way.  */
#include "tests/sim/oracle_private.h"

#include "broker/core/bitmap.h"
#include "proto/audience.h"

#include <stdio.h>

#define NUMBERS_MAX (4096 + 65536) /*  a restore leaves a gap  */

#define SAY(why, ...) (snprintf ((why), 256, __VA_ARGS__), false)

/*  ---- targets ----  */

typedef struct {
    sim_world *world;
    bg_arena *arena;
    uint32_t numbers[SIM_MACHINES_MAX]; /*  of the live target with the machine's name; 0: none  */
    bg_id ids[SIM_MACHINES_MAX];
    wire_membership members[SIM_MACHINES_MAX];
    bool is_live[NUMBERS_MAX]; /*  by number  */
    uint32_t highest;
} census;

static bg_result count_target (void *visitor, const broker_target_record *record,
    const broker_target_marks *marks, bg_error *err)
{
    (void) marks;
    census *self = visitor;
    self->highest = record->number;
    if (record->defected_us != 0)
        return bg_ok ();
    bg_assert (record->number < NUMBERS_MAX);
    self->is_live[record->number] = true;
    for (int i = 0; i < self->world->machine_count; i++) {
        if (!bg_slice_is (record->name, self->world->machines[i].name))
            continue;
        if (self->numbers[i])
            return bg_fail (err, BG_INVALID, "two live targets have one name");
        self->numbers[i] = record->number;
        self->ids[i] = record->id;
        bg_slice bytes = bg_arena_copy (self->arena, record->membership);
        wire_signed outer;
        wire_document document;
        BG_TRY (WIRE_DECODE (signed, bytes, WIRE_AS_MESSAGE, self->arena, &outer, err));
        BG_TRY (WIRE_DECODE (document, outer.bytes, WIRE_AS_SIGNED, self->arena, &document, err));
        return WIRE_DECODE (
            membership, document.body, WIRE_AS_SIGNED, self->arena, &self->members[i], err);
    }
    return bg_fail (err, BG_INVALID, "a target has the name of no machine");
}

static bool take_census (sim_world *self, census *out, char why[256])
{
    const broker_store *store = &self->broker.store;
    bg_error err = {0};
    if (bg_failed (store->targets (store->ctx, 0, 4000, count_target, out, &err)))
        return SAY (why, "targets of the broker: %.200s", err.message);
    return true;
}

/*  ---- documents ----  */

static bool check_job (
    const census *all, int index, const sim_job *job, size_t *expected, char why[256])
{
    sim_world *self = all->world;
    const sim_machine *machine = &self->machines[index];
    const broker_store *store = &self->broker.store;
    BG_AUTO_ARENA arena = {0};
    broker_document_record head;
    bool found = false;
    bg_error err = {0};
    if (bg_failed (store->document_get (store->ctx, job->key, 0, &arena, &head, &found, &err)))
        return SAY (why, "%.250s", err.message);
    if (!found)
        return job->version == 0 || SAY (why, "job %s was stored and is not there", job->name);
    if (head.version < job->version)
        return SAY (why, "version %llu of job %s was stored and is not there",
            (unsigned long long) job->version, job->name);
    const sim_signed_job *said = sim_people_job (self->people, job->key, head.version);
    if (!said)
        return SAY (why, "the broker has a version of job %s that nobody signed", job->name);
    bool meant = !said->withdrawal && wire_audience_matches (&said->audience, &all->members[index]);
    *expected += meant;
    if (meant != node_core_holds (machine->node.core, job->key, head.version) && meant)
        return SAY (why, "%s does not hold version %llu of job %s", machine->name,
            (unsigned long long) head.version, job->name);
    return true;
}

static bool check_machine (const census *all, int index, char why[256])
{
    sim_world *self = all->world;
    const sim_machine *machine = &self->machines[index];
    node_core_state state;
    uint8_t digest[16];
    if (!machine->node.core || !machine->exec.core)
        return SAY (why, "%s is down", machine->name);
    node_core_get_state (machine->node.core, &state);
    exec_status exec = exec_core_status (machine->exec.core);
    if (!machine->wants_member)
        return SAY (why, "%s is leaving", machine->name);
    if (!state.enlisted || !all->numbers[index])
        return SAY (why, "%s is not enlisted: node %d, broker %u", machine->name, state.enlisted,
            all->numbers[index]);
    if (!bg_id_equal (state.target, all->ids[index]))
        return SAY (why, "%s and the broker mean different targets", machine->name);
    if (!state.connected || !state.exec_ready || state.storage_full || !exec.is_member)
        return SAY (why, "%s: connected %d, bugle-exec %d, full %d, member %d", machine->name,
            state.connected, state.exec_ready, state.storage_full, exec.is_member);
    if (exec.running || exec.waiting || exec.finished || state.open_runs || state.outbox)
        return SAY (why,
            "%s: %zu running, %zu waiting, %zu not taken, %zu open, %llu not handed over",
            machine->name, exec.running, exec.waiting, exec.finished, state.open_runs,
            (unsigned long long) state.outbox);
    if (state.waiting || state.refused)
        return SAY (why, "%s: %zu documents wait, %zu are refused", machine->name, state.waiting,
            state.refused);
    if (!broker_core_digest (self->broker.core, all->numbers[index], digest) ||
        memcmp (digest, state.digest, sizeof digest) != 0)
        return SAY (why, "%s holds other documents than the broker thinks", machine->name);
    size_t expected = 0;
    for (size_t i = 0; i < SIM_JOBS_MAX; i++)
        if (!check_job (all, index, &self->people->jobs[i], &expected, why))
            return false;
    if (state.jobs != expected)
        return SAY (
            why, "%s has %zu jobs and should have %zu", machine->name, state.jobs, expected);
    return true;
}

/*  ---- executions ----  */

#define FLAG_CANCELED 4u

typedef struct {
    const census *all;
    broker_bitmap addressed;
    broker_bitmap canceled; /*  before they began; over without a run, or with one that did not  */
    uint32_t live[BROKER_RUN_STATES]; /*  rows of targets that are members  */
    uint32_t any[BROKER_RUN_STATES];
    broker_bitmap seen;
    bool is_double;
} tally;

static bg_result count_row (void *visitor, const broker_run_record *record, bg_error *err)
{
    (void) err;
    tally *self = visitor;
    if (!broker_bitmap_has (&self->addressed, record->number))
        return bg_ok ();
    self->is_double |= !broker_bitmap_set (&self->seen, record->number);
    if (record->state == WIRE_RUN_NOT_RUN && broker_bitmap_has (&self->canceled, record->number))
        return bg_ok ();
    self->any[record->state]++;
    self->live[record->state] += self->all->is_live[record->number];
    return bg_ok ();
}

static bg_result judge_tally (
    const broker_execution_record *record, const tally *sum, bg_error *err)
{
    uint32_t all = record->silent;
    bg_id_string id = bg_id_text (record->id);
    if (record->done_us == 0)
        return bg_fail (err, BG_INVALID,
            "execution %s of %.*s has not ended: %u targets, %u begun, %u over, %u silent", id.text,
            BG_SLICE_ARG (record->job_name), record->targets, record->begun, record->over,
            record->silent);
    if (sum->is_double)
        return bg_fail (err, BG_INVALID, "execution %s has two outcomes of one target", id.text);
    for (size_t i = 1; i < BROKER_RUN_STATES; i++) {
        all += record->counts[i];
        if (record->what == WIRE_DEED_START &&
            (record->counts[i] < sum->live[i] || record->counts[i] > sum->any[i]))
            return bg_fail (err, BG_INVALID,
                "execution %s counts %u times %s; the history has %u to %u", id.text,
                record->counts[i], wire_run_state_word (i), sum->live[i], sum->any[i]);
    }
    if (all != record->targets)
        return bg_fail (err, BG_INVALID, "execution %s accounts for %u of %u targets", id.text, all,
            record->targets);
    return bg_ok ();
}

/*  The core's own format: flags, the STOP of the execution if there was one, then addressed, begun, over, canceled.  */
static bg_result read_bitmaps (tally *self, bg_slice bytes, bg_error *err)
{
    broker_bitmap other = {0};
    const bool is_canceled = (bytes.data[0] & FLAG_CANCELED) != 0;
    const size_t flags = 1 + (is_canceled ? sizeof (bg_id) : 0);
    bytes = bg_slice_of (bytes.data + flags, bytes.size - flags);
    bg_result result = broker_bitmap_decode (&self->addressed, &bytes, err);
    for (int i = 0; i < 2 && bg_is_ok (result); i++) {
        result = broker_bitmap_decode (&other, &bytes, err);
        broker_bitmap_fini (&other);
    }
    if (bg_is_ok (result) && is_canceled)
        result = broker_bitmap_decode (&self->canceled, &bytes, err);
    self->live[WIRE_RUN_CANCELED] += (uint32_t) broker_bitmap_size (&self->canceled);
    self->any[WIRE_RUN_CANCELED] += (uint32_t) broker_bitmap_size (&self->canceled);
    return result;
}

static bg_result check_execution (
    void *visitor, const broker_execution_record *record, bg_error *err)
{
    const census *all = visitor;
    const broker_store *store = &all->world->broker.store;
    tally sum = {.all = all};
    bg_result result = read_bitmaps (&sum, record->bitmaps, err);
    broker_run_filter filter = {.exec = record->id, .limit = 1000};
    if (bg_is_ok (result))
        result = store->runs (store->ctx, &filter, count_row, &sum, err);
    if (bg_is_ok (result))
        result = judge_tally (record, &sum, err);
    broker_bitmap_fini (&sum.addressed);
    broker_bitmap_fini (&sum.canceled);
    broker_bitmap_fini (&sum.seen);
    return result;
}

static bool check_executions (census *all, char why[256])
{
    sim_world *self = all->world;
    const broker_store *store = &self->broker.store;
    bg_error err = {0};
    broker_execution_filter filter = {.limit = 5000};
    if (bg_failed (store->executions (store->ctx, &filter, check_execution, all, &err)))
        return SAY (why, "%.250s", err.message);
    for (size_t i = 0; i < self->people->deed_count; i++) {
        const sim_signed_deed *deed = &self->people->deeds[i];
        BG_AUTO_ARENA arena = {0};
        broker_execution_record record;
        bool found = false;
        if (!deed->acknowledged)
            continue;
        if (bg_failed (
                store->execution_get (store->ctx, deed->id, &arena, &record, &found, &err)) ||
            !found)
            return SAY (why, "deed %s was issued and is not there", bg_id_text (deed->id).text);
    }
    return true;
}

/*  ---- history ----  */

typedef struct {
    sim_world *world;
    sim_oracle *oracle;
    uint32_t rows;
    int64_t last_row;
} reading;

/*  Waiting does not heal it.  */
static bg_result hopeless (
    const reading *self, bg_error *err, const char *what, bg_id id, const char *why)
{
    sim_fail (self->world, "%s %s %s", what, bg_id_text (id).text, why);
    return bg_fail (err, BG_INVALID, "%s", self->world->why);
}

static bg_result judge_state (
    const sim_seen_run *seen, const broker_run_record *record, bg_error *err)
{
    if (record->state != seen->outcome)
        return bg_fail (err, BG_INVALID, "run %s is %s in the history and was %s on the target",
            bg_id_text (record->run).text, wire_run_state_word (record->state),
            wire_run_state_word (seen->outcome));
    if (seen->is_begun && seen->ended && seen->ended != seen->outcome)
        return bg_fail (err, BG_INVALID, "run %s ended as %s and was reported as %s",
            bg_id_text (record->run).text, wire_run_state_word (seen->ended),
            wire_run_state_word (seen->outcome));
    return bg_ok ();
}

static bg_result read_row (void *visitor, const broker_run_record *record, bg_error *err)
{
    reading *self = visitor;
    self->rows++;
    self->last_row = record->row;
    sim_seen_run *seen = sim_oracle_run (self->oracle, record->run);
    if (!seen)
        return hopeless (self, err, "run", record->run, "in the history never was");
    if (seen->rows++ > 0)
        return hopeless (self, err, "run", record->run, "is in the history twice");
    BG_TRY (judge_state (seen, record, err));
    BG_AUTO_ARENA arena = {0};
    wire_run run;
    BG_TRY (WIRE_DECODE (run, record->bytes, WIRE_AS_MESSAGE, &arena, &run, err));
    sim_seen_due *due = NULL;
    HASH_FIND (hh, self->oracle->dues, &run.occurrence, sizeof run.occurrence, due);
    /*  What was missed while a clock was wrong may come due again when it is set back.  */
    if (due && due->rows++ > 0 && !self->world->machines[due->machine].was_set_back)
        return hopeless (self, err, "occurrence", run.occurrence, "has two outcomes");
    return bg_ok ();
}

static bool is_over (const sim_oracle *self, int machine, uint32_t enlistment)
{
    return enlistment == 0 || self->machines[machine].is_over[enlistment];
}

static bool check_lost (sim_world *self, char why[256])
{
    const sim_oracle *oracle = self->oracle;
    for (const sim_seen_run *run = oracle->runs; run; run = run->hh.next) {
        if (run->rows > 0 || is_over (oracle, run->machine, run->enlistment))
            continue;
        return SAY (why, "run %s of %s, %s, is not in the history", bg_id_text (run->id).text,
            self->machines[run->machine].name,
            run->outcomes ? wire_run_state_word (run->outcome) : "without an outcome");
    }
    for (const sim_seen_due *due = oracle->dues; due; due = due->hh.next) {
        if (due->rows > 0 || is_over (oracle, due->machine, due->enlistment))
            continue;
        return SAY (why, "occurrence %s of %s has no outcome", bg_id_text (due->id).text,
            self->machines[due->machine].name);
    }
    return true;
}

static bool check_history (sim_world *self, char why[256])
{
    const broker_store *store = &self->broker.store;
    sim_oracle *oracle = self->oracle;
    bg_error err = {0};
    for (sim_seen_run *run = oracle->runs; run; run = run->hh.next)
        run->rows = 0;
    for (sim_seen_due *due = oracle->dues; due; due = due->hh.next)
        due->rows = 0;
    reading work = {.world = self, .oracle = oracle};
    broker_run_filter filter = {.limit = 500};
    uint32_t before;
    oracle->rows = 0;
    do {
        before = work.rows;
        if (bg_failed (store->runs (store->ctx, &filter, read_row, &work, &err)))
            return SAY (why, "%.250s", err.message);
        filter.before = work.last_row;
    } while (work.rows > before);
    oracle->rows = work.rows;
    return check_lost (self, why);
}

/*  ---- all of it ----  */

bool sim_oracle_at_rest (sim_world *self, char why[256])
{
    BG_AUTO_ARENA arena = {0};
    if (!sim_people_are_done (self))
        return SAY (why, "people have not done what they wanted");
    if (!self->broker.core || !self->broker.front.ready)
        return SAY (why, "the broker is down");
    census *all = bg_arena_alloc (&arena, sizeof *all);
    all->world = self;
    all->arena = &arena;
    if (!take_census (self, all, why))
        return false;
    for (int i = 0; i < self->machine_count; i++)
        if (!check_machine (all, i, why))
            return false;
    /*  With the older state outcomes and executions are lost that had been handed over.  */
    if (!self->broker.was_restored && (!check_executions (all, why) || !check_history (self, why)))
        return false;
    broker_core_check (self->broker.core);
    return true;
}

static uint64_t hash_of (bg_id id, uint64_t more)
{
    return sim_mix (sim_hash_bytes (bg_slice_of (&id, sizeof id)) ^ sim_mix (more));
}

/*  Sums, so that the order does not matter. States are left out: which of two STARTs finds the job
    running depends on latency.  */
void sim_oracle_summary (sim_world *self, sim_result *result)
{
    const sim_oracle *oracle = self->oracle;
    result->rows = oracle->rows;
    result->summary = 0;
    for (size_t i = 0; i < SIM_JOBS_MAX; i++) {
        const sim_job *job = &self->people->jobs[i];
        for (int k = 0; k < self->machine_count && job->live; k++)
            if (node_core_holds (self->machines[k].node.core, job->key, job->version))
                result->summary += hash_of (job->key, job->version * 64 + (uint64_t) k);
        sim_trace (self, "end: %s version %llu", job->name, (unsigned long long) job->version);
    }
    for (const sim_seen_run *run = oracle->runs; run; run = run->hh.next)
        if (!bg_id_is_zero (run->exec) && run->rows > 0) {
            result->summary += hash_of (run->exec, (uint64_t) run->machine);
            sim_trace (self, "end: deed %s on %s", bg_id_text (run->exec).text,
                self->machines[run->machine].name);
        }
}
