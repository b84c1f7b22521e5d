/*  The rows of load.h: no clock, no store; everything comes from the seed.  */
#include "tests/load/history/load.h"

#include "proto/wire.h"

#include <stdlib.h>
#include <string.h>

#define PER_BATCH     64u
#define JOBS_PER_HOST 8u
#define FAILED_OF_100 3u

static uint64_t mix (uint64_t value)
{
    value += UINT64_C (0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C (0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static uint64_t next_random (load *self)
{
    return mix (self->random++);
}

uint64_t load_random (load *self, uint64_t bound)
{
    return next_random (self) % bound;
}

static bg_id id_from (uint64_t high, uint64_t low)
{
    bg_id id;
    memcpy (id.bytes, &high, 8);
    memcpy (id.bytes + 8, &low, 8);
    return id;
}

bg_id load_job_key (uint32_t job)
{
    return id_from (mix (job), mix (~(uint64_t) job));
}

bg_slice load_job_name (uint32_t job, bg_arena *arena)
{
    return bg_arena_printf (arena, "nightly-work-%04u", job);
}

/*  As those of executions and runs: the time first, the rest random.  */
static bg_id id_at (load *self, int64_t now_us)
{
    bg_id id = id_from (0, next_random (self));
    for (int i = 0; i < 8; i++)
        id.bytes[i] = (uint8_t) ((uint64_t) now_us >> (56 - 8 * i));
    return id;
}

void load_init (load *self, const load_plan *plan)
{
    *self = (load){.plan = *plan, .random = plan->seed << 32};
    self->shuffle = bg_alloc (plan->targets * sizeof *self->shuffle);
    for (uint32_t i = 0; i < plan->targets; i++)
        self->shuffle[i] = i + 1;
}

void load_fini (load *self)
{
    free (self->shuffle);
    self->shuffle = NULL;
}

static void begin_burst (load *self)
{
    for (uint32_t i = self->plan.targets - 1; i > 0; i--) {
        const uint32_t other = (uint32_t) load_random (self, i + 1);
        const uint32_t held = self->shuffle[i];
        self->shuffle[i] = self->shuffle[other];
        self->shuffle[other] = held;
    }
    self->exec = id_at (self, load_now_us (self));
}

void load_go_on (load *self, uint64_t made)
{
    self->made = made;
    self->random += mix (made);
    if (made > 0)
        begin_burst (self);
}

int64_t load_now_us (const load *self)
{
    return self->plan.first_us + (int64_t) self->made * self->plan.per_row_us;
}

typedef struct {
    uint32_t job;
    uint32_t number;
    bg_id exec;
} who;

static who choose (load *self)
{
    const load_plan *plan = &self->plan;
    const uint64_t in_burst = self->made % plan->targets;
    uint32_t number;
    switch (plan->order) {
    case LOAD_BURST:
        if (in_burst == 0)
            begin_burst (self);
        return (who){(uint32_t) (self->made / plan->targets % plan->jobs) + 1,
            self->shuffle[in_burst], self->exec};
    case LOAD_BATCHED:
        number = (uint32_t) (mix (self->made / PER_BATCH) % plan->targets);
        return (who){(uint32_t) (mix (number * JOBS_PER_HOST + load_random (self, JOBS_PER_HOST)) %
                                 plan->jobs) +
                         1,
            number + 1, {{0}}};
    case LOAD_RANDOM:
    default:
        break;
    }
    return (who){(uint32_t) load_random (self, plan->jobs) + 1,
        (uint32_t) load_random (self, plan->targets) + 1, {{0}}};
}

static bg_slice encoded (const wire_run *run, bg_arena *arena)
{
    BG_AUTO_BUF bytes = {0};
    WIRE_ENCODE (run, run, &bytes);
    return bg_arena_copy (arena, bg_buf_slice (&bytes));
}

broker_run_record load_next (load *self, bg_arena *arena)
{
    const who of = choose (self);
    const int64_t now_us = load_now_us (self);
    const bool is_due = bg_id_is_zero (of.exec);
    const bool is_bad = load_random (self, 100) < FAILED_OF_100;
    const int64_t started_us = now_us - 30000 - (int64_t) load_random (self, 100000);
    wire_step_result step = {.step = 1,
        .name = bg_slice_str ("main"),
        .state = is_bad ? WIRE_RESULT_FAILED : WIRE_RESULT_SUCCEEDED,
        .exit_code = is_bad,
        .started_us = started_us + 1000,
        .finished_us = now_us - 20000,
        .attempts = 1,
        .output_bytes = 1234,
        .account = bg_slice_str ("bugle-job"),
        .cpu_us = 1700 + load_random (self, 1000),
        .memory_bytes = 4096 * (300 + load_random (self, 100))};
    wire_run run = {.run = id_at (self, started_us),
        .job_key = load_job_key (of.job),
        .job_name = load_job_name (of.job, arena),
        .job_version = 3,
        .exec = of.exec,
        .state = is_bad ? WIRE_RUN_FAILED : WIRE_RUN_SUCCEEDED,
        .started_us = started_us,
        .finished_us = now_us - 15000,
        .steps = &step,
        .steps_count = 1};
    if (is_due) {
        run.schedule = bg_slice_str ("night");
        run.nominal_us = started_us / 1000000 * 1000000;
        run.occurrence = id_from (next_random (self), next_random (self));
    }
    self->made++;
    return (broker_run_record){.run = run.run,
        .job_key = run.job_key,
        .job_name = run.job_name,
        .number = of.number,
        .exec = run.exec,
        .state = run.state,
        .started_us = run.started_us,
        .finished_us = run.finished_us,
        .stored_us = now_us,
        .due_us = run.nominal_us,
        .bytes = encoded (&run, arena)};
}
