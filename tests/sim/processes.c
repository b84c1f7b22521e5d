/*  Supervisors and steps, without processes: a run's file, the pure flow of common/job over the
    plan, steps that take their time and end as it was decided from the seed.

    A run's file outlives everything; a supervisor outlives bugle-exec but not the machine.  */
#include "tests/sim/oracle.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>

static void add_record (sim_run *self, bg_slice blob)
{
    self->records = bg_realloc (self->records, (self->record_count + 1) * sizeof *self->records);
    bg_buf *to = &self->records[self->record_count++];
    *to = (bg_buf){0};
    bg_buf_append_slice (to, blob);
}

static void add_value (sim_run *self, wire_kind kind, const void *value)
{
    BG_AUTO_BUF blob = {0};
    wire_inner_encode (kind, (bg_id){{0}}, value, &blob);
    add_record (self, bg_buf_slice (&blob));
}

sim_run *sim_run_find (const sim_machine *machine, bg_id id)
{
    for (sim_run *run = machine->runs; run; run = run->next)
        if (bg_id_equal (run->id, id))
            return run;
    return NULL;
}

static void run_free (sim_run *self)
{
    for (size_t i = 0; i < self->record_count; i++)
        bg_buf_fini (&self->records[i]);
    free (self->records);
    bg_arena_fini (&self->arena);
    free (self);
}

/*  ---- steps ----  */

static uint64_t draw (const sim_run *self, uint64_t what)
{
    return sim_mix (self->behaviour ^ sim_mix (self->order.step * 1000 + self->order.attempt +
                                               what * UINT64_C (0x100000001)));
}

static void step_ends (void *owner, uint64_t serial, bg_slice payload);

/*  The event carries the run's id: the run itself may be gone by then.  */
static void plan_step_end (sim_run *self, int64_t delay_us)
{
    sim_in (self->machine->world, delay_us, step_ends, self->machine, self->serial,
        bg_slice_of (&self->id, sizeof self->id));
}

static void begin_step (sim_run *self)
{
    uint64_t kind = draw (self, 1) % 10;
    int64_t most_us = kind < 6 ? BG_SEC (2) : kind < 9 ? BG_SEC (15) : BG_SEC (70);
    int64_t takes_us = 1000 + (int64_t) (draw (self, 2) % (uint64_t) most_us);
    const wire_plan_step *step = &self->plan->steps[self->order.step];
    if (step->timeout_us && takes_us > (int64_t) step->timeout_us)
        takes_us = (int64_t) step->timeout_us;
    if (self->order.attempt == 1)
        self->step_began_us = sim_machine_now (self->machine).utc_us;
    plan_step_end (self, takes_us);
}

static void write_end (sim_run *self, uint64_t state)
{
    wire_record_end end = {.state = state, .finished_us = sim_machine_now (self->machine).utc_us};
    if (state == WIRE_RUN_CANCELED)
        end.reason = bg_slice_str ("stop");
    sim_world *world = self->machine->world;
    if (!sim_has_plant (world, SIM_PLANT_END_LOST) || !sim_chance (&world->rng, 50))
        add_value (self, WIRE_RECORD_END, &end);
    self->alive = false;
    sim_oracle_run_ended (self->machine, self->id, state);
    sim_exec_look (self->machine, self);
}

static void write_step (sim_run *self, job_result result)
{
    const wire_plan_step *step = &self->plan->steps[self->order.step];
    wire_record_step record = {.has_result = true,
        .result = {.step = self->order.step + 1,
            .name = step->name,
            .state = (uint64_t) result,
            .exit_code = result == JOB_RESULT_FAILED ? 1 : 0,
            .started_us = self->step_began_us,
            .finished_us = sim_machine_now (self->machine).utc_us,
            .attempts = self->order.attempt}};
    char text[64];
    int size = snprintf (text, sizeof text, "output of step %zu", self->order.step + 1);
    record.result.output_bytes = (uint64_t) size;
    record.result.head = bg_slice_of (text, (size_t) size);
    add_value (self, WIRE_RECORD_STEP, &record);
}

static void step_ends (void *owner, uint64_t serial, bg_slice payload)
{
    sim_machine *machine = owner;
    bg_id id;
    memcpy (&id, payload.data, sizeof id);
    sim_run *self = sim_run_find (machine, id);
    if (!self || !self->alive || self->serial != serial)
        return;
    job_result result = draw (self, 3) % 100 < 15 ? JOB_RESULT_FAILED : JOB_RESULT_SUCCEEDED;
    if (self->stopping)
        result = JOB_RESULT_CANCELED;
    job_flow_order next = job_flow_after (&self->flow, result);
    if (next.what == JOB_FLOW_DO_RETRY) {
        self->order = next;
        begin_step (self);
        return;
    }
    write_step (self, result);
    self->order = next;
    if (next.what == JOB_FLOW_DO_END)
        write_end (self, (uint64_t) next.state);
    else
        begin_step (self);
}

/*  ---- supervisors ----  */

static void say_here (void *owner, uint64_t serial, bg_slice payload)
{
    sim_machine *machine = owner;
    bg_id id;
    memcpy (&id, payload.data, sizeof id);
    sim_run *self = sim_run_find (machine, id);
    if (!self || !self->alive || self->serial != serial || !machine->exec.core ||
        self->is_connected)
        return;
    self->is_connected = true;
    sim_exec_supervisor_here (machine, id);
}

static void connect (sim_run *self, int64_t within_us)
{
    sim_in (self->machine->world, sim_between (&self->machine->rng, 500, within_us), say_here,
        self->machine, self->serial, bg_slice_of (&self->id, sizeof self->id));
}

static bool read_plan (sim_run *self, bg_slice plan)
{
    wire_header header;
    void *value = NULL;
    bg_slice copy = bg_arena_copy (&self->arena, plan);
    if (bg_failed (wire_inner_decode (copy, &self->arena, &header, &value, NULL)) ||
        header.kind != WIRE_RECORD_PLAN)
        return false;
    self->plan = value;
    size_t count = self->plan->steps_count;
    self->steps = bg_arena_array (&self->arena, job_flow_step, count + 1);
    for (size_t i = 0; i < count; i++) {
        const wire_plan_step *from = &self->plan->steps[i];
        self->steps[i] = (job_flow_step){.on_success = from->on_success,
            .success_step = from->success_step,
            .on_failure = from->on_failure,
            .failure_step = from->failure_step,
            .retry_attempts = from->retry_attempts,
            .retry_every_us = from->retry_every_us};
    }
    return count > 0 && job_flow_valid (self->steps, count);
}

bool sim_run_spawn (sim_machine *machine, bg_id id, bg_slice plan)
{
    sim_world *world = machine->world;
    sim_oracle_spawned (machine, id);
    if (!world->healing && !world->options.is_quiet && sim_chance (&world->rng, 10)) {
        /*  Failed, or interrupted when bugle-exec dies before it has told so: no file speaks for it.  */
        return false;
    }
    if (sim_run_find (machine, id)) {
        sim_fail (world, "%s: a run's file is made twice", machine->name);
        return false;
    }
    sim_run *self = bg_alloc (sizeof *self);
    self->machine = machine;
    self->id = id;
    self->serial = ++world->serial;
    self->next = machine->runs;
    machine->runs = self;
    self->has_file = self->alive = self->is_child = true;
    add_record (self, plan);
    if (!read_plan (self, plan)) {
        sim_fail (world, "%s: a plan cannot be read", machine->name);
        return true;
    }
    self->behaviour = sim_mix (world->options.seed ^ sim_hash_bytes (bg_slice_of (&id, sizeof id)));
    self->order = job_flow_begin (&self->flow, self->steps, self->plan->steps_count);
    connect (self, BG_MS (50));
    begin_step (self);
    return true;
}

/*  Told only while it is connected; the grace is what a step takes to end.  */
void sim_run_stop (sim_machine *machine, bg_id id)
{
    sim_run *self = sim_run_find (machine, id);
    if (!self || !self->alive || !self->is_connected || self->stopping)
        return;
    self->stopping = true;
    plan_step_end (self, sim_between (&machine->rng, 1000, BG_SEC (10)));
}

void sim_run_discard (sim_machine *machine, bg_id id)
{
    for (sim_run **at = &machine->runs; *at; at = &(*at)->next) {
        sim_run *self = *at;
        if (!bg_id_equal (self->id, id))
            continue;
        if (self->alive)
            sim_fail (
                machine->world, "%s: the file of a run that goes on is removed", machine->name);
        *at = self->next;
        run_free (self);
        return;
    }
}

void sim_run_kill (sim_run *self)
{
    if (!self->alive)
        return;
    sim_trace (self->machine->world, "%s: a supervisor is killed", self->machine->name);
    self->alive = false;
    sim_exec_look (self->machine, self);
}

void sim_runs_orphan (sim_machine *machine)
{
    for (sim_run *run = machine->runs; run; run = run->next)
        run->is_child = run->is_connected = false;
}

void sim_runs_reconnect (sim_machine *machine)
{
    for (sim_run *run = machine->runs; run; run = run->next)
        if (run->alive)
            connect (run, BG_SEC (2));
}

void sim_runs_kill_all (sim_machine *machine)
{
    for (sim_run *run = machine->runs; run; run = run->next)
        run->alive = false;
}

void sim_runs_fini (sim_machine *machine)
{
    while (machine->runs) {
        sim_run *run = machine->runs;
        machine->runs = run->next;
        run_free (run);
    }
}
