/*  Simulated supervisors: see steps.h. A run stays, as its file would, until bugle-exec says that the node has the
    outcome.  */
#include "tests/load/swarm/steps.h"

#include "common/job/flow.h"
#include "common/sys/clock.h"
#include "common/sys/random.h"
#include "proto/wire.h"
#include "tests/load/swarm/real.h"

#include <stdlib.h>

#define OUTPUT_MAX ((uint64_t) 16 << 20)
/*  A run whose steps take no time waits at most so long for its process to have nothing to read: less
    than the node waits with the report of its beginning, so that beginning and outcome go in one, as
    they would from a machine of its own.  */
#define AT_MOST_US BG_MS (200)
#define AT_ONCE    32 /*  targets that end runs in a turn  */

struct swarm_run {
    swarm_run *next;
    bg_id id;
    bg_arena arena;
    const wire_plan *plan;
    job_flow flow;
    job_flow_order order;
    bg_slice *records;
    size_t record_count;
    size_t record_capacity;
    int64_t began_us; /*  the step, utc  */
    int64_t due_us;   /*  mono; of the step's end  */
    bool is_alive;
    bool is_stopping;
    bool is_told[2]; /*  began, is over  */
    bool is_quick;   /*  its steps take no time  */
};

bg_result swarm_steps_parse (const char *text, swarm_steps_spec *spec, bg_error *err)
{
    static const struct {
        const char *word;
        swarm_steps_kind kind;
        uint64_t max; /*  0: no number  */
    } words[] = {{"noop", SWARM_NOOP, 0}, {"sleep", SWARM_SLEEP, 86400000},
        {"fail", SWARM_FAIL, 100}, {"output", SWARM_OUTPUT, OUTPUT_MAX}, {"real", SWARM_REAL, 0}};
    const size_t size = strcspn (text, ":");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen (words[i].word) != size || memcmp (words[i].word, text, size) != 0)
            continue;
        char *end = NULL;
        const bool has_number = text[size] == ':';
        const unsigned long long amount = has_number ? strtoull (text + size + 1, &end, 10) : 0;
        const bool is_good = words[i].max == 0
                                 ? !has_number
                                 : has_number && text[size + 1] >= '0' && text[size + 1] <= '9' &&
                                       *end == 0 && amount <= words[i].max;
        if (!is_good)
            break;
        *spec = (swarm_steps_spec){words[i].kind, amount};
        return bg_ok ();
    }
    bg_ignore (bg_fail (err, BG_USAGE, "--steps %.40s is none of the kinds", text));
    return bg_hint (err, "noop, sleep:MILLISECONDS, fail:PERCENT, output:BYTES or real");
}

/*  ---- records ----  */

static void add_record (swarm_run *self, wire_kind kind, const void *value)
{
    BG_AUTO_BUF blob = {0};
    wire_inner_encode (kind, (bg_id){{0}}, value, &blob);
    if (self->record_count == self->record_capacity) {
        self->record_capacity = self->record_capacity ? 2 * self->record_capacity : 4;
        bg_slice *more = bg_arena_array (&self->arena, bg_slice, self->record_capacity);
        if (self->record_count)
            memcpy (more, self->records, self->record_count * sizeof *more);
        self->records = more;
    }
    self->records[self->record_count++] = bg_arena_copy (&self->arena, bg_buf_slice (&blob));
}

/*  The first and the last bytes of an output of so many bytes, as a step's record keeps them.  */
static void give_output (swarm_run *self, uint64_t bytes, wire_step_result *result)
{
    const uint64_t head = bytes < self->plan->head_bytes ? bytes : self->plan->head_bytes;
    const uint64_t left = bytes - head;
    const uint64_t tail = left < self->plan->tail_bytes ? left : self->plan->tail_bytes;
    uint8_t *text = bg_arena_alloc (&self->arena, head + tail + 1);
    memset (text, 'x', head + tail);
    result->output_bytes = bytes;
    result->head = bg_slice_of (text, head);
    result->tail = bg_slice_of (text + head, tail);
}

static void write_step (swarm_target *target, swarm_run *self, job_result state)
{
    const swarm_steps_spec *spec = &target->shared->options->steps;
    wire_record_step record = {.has_result = true,
        .result = {.step = self->order.step + 1,
            .name = self->plan->steps[self->order.step].name,
            .state = (uint64_t) state,
            .exit_code = state == JOB_RESULT_FAILED ? 1 : 0,
            .started_us = self->began_us,
            .finished_us = swarm_target_now (target).utc_us,
            .attempts = self->order.attempt}};
    if (spec->kind == SWARM_OUTPUT)
        give_output (self, spec->amount, &record.result);
    add_record (self, WIRE_RECORD_STEP, &record);
}

static void tell (swarm_target *target, const swarm_run *self)
{
    exec_core_run_file (target->exec, swarm_target_now (target), self->id, self->records,
        self->record_count, self->is_alive);
}

static void end_run (swarm_target *target, swarm_run *self, job_result state)
{
    wire_record_end end = {
        .state = (uint64_t) state, .finished_us = swarm_target_now (target).utc_us};
    if (state == JOB_RESULT_CANCELED)
        end.reason = bg_slice_str ("stop");
    add_record (self, WIRE_RECORD_END, &end);
    self->is_alive = false;
    self->due_us = SWARM_NEVER;
    tell (target, self);
}

/*  ---- steps ----  */

static void begin_step (swarm_target *target, swarm_run *self)
{
    const swarm_steps_spec *spec = &target->shared->options->steps;
    const int64_t takes_us = spec->kind == SWARM_SLEEP ? BG_MS (spec->amount) : 0;
    if (self->order.attempt <= 1)
        self->began_us = swarm_target_now (target).utc_us;
    self->due_us = bg_clock_mono_us () + takes_us;
}

static job_result result_of (const swarm_target *target, const swarm_run *self)
{
    const swarm_steps_spec *spec = &target->shared->options->steps;
    if (self->is_stopping)
        return JOB_RESULT_CANCELED;
    const bool has_failed = spec->kind == SWARM_FAIL && bg_random_u64 () % 100 < spec->amount;
    return has_failed ? JOB_RESULT_FAILED : JOB_RESULT_SUCCEEDED;
}

/*  Not before it is needed: a run has begun once its plan is with the supervisor.  */
static bool read_plan (swarm_run *self)
{
    wire_header header;
    void *value = NULL;
    if (bg_failed (wire_inner_decode (self->records[0], &self->arena, &header, &value, NULL)) ||
        header.kind != WIRE_RECORD_PLAN)
        return false;
    self->plan = value;
    const size_t count = self->plan->steps_count;
    job_flow_step *steps = bg_arena_array (&self->arena, job_flow_step, count + 1);
    for (size_t i = 0; i < count; i++) {
        const wire_plan_step *from = &self->plan->steps[i];
        steps[i] = (job_flow_step){.on_success = from->on_success,
            .success_step = from->success_step,
            .on_failure = from->on_failure,
            .failure_step = from->failure_step,
            .retry_attempts = from->retry_attempts,
            .retry_every_us = from->retry_every_us};
    }
    if (!job_flow_valid (steps, count))
        return false;
    const uint64_t first = self->plan->start_step;
    self->order = first ? job_flow_begin_at (&self->flow, steps, count, first - 1)
                        : job_flow_begin (&self->flow, steps, count);
    return true;
}

/*  A plan that cannot be followed leaves no end in the run's file, as a supervisor that died.  */
static void give_up (swarm_target *target, swarm_run *self)
{
    self->is_alive = false;
    self->due_us = SWARM_NEVER;
    tell (target, self);
}

static void end_step (swarm_target *target, swarm_run *self)
{
    if (!self->plan && !read_plan (self)) {
        give_up (target, self);
        return;
    }
    const job_result result = result_of (target, self);
    const job_flow_order next = job_flow_after (&self->flow, result);
    if (next.what == JOB_FLOW_DO_RETRY) {
        self->order = next;
        begin_step (target, self);
        self->due_us += next.wait_us;
        return;
    }
    write_step (target, self, result);
    self->order = next;
    if (next.what == JOB_FLOW_DO_END)
        end_run (target, self, next.state);
    else
        begin_step (target, self);
}

/*  Steps that take no time are over before anything else happens.  */
static void go_on (swarm_target *target, swarm_run *self, int64_t mono_us)
{
    while (self->is_alive && self->due_us <= mono_us)
        end_step (target, self);
}

/*  ---- runs ----  */

static swarm_run *find (const swarm_target *target, bg_id id)
{
    for (swarm_run *run = target->runs; run; run = run->next)
        if (bg_id_equal (run->id, id))
            return run;
    return NULL;
}

/*  What never began has no run here.  */
bool swarm_run_is_news (swarm_target *target, bg_id id, bool is_over)
{
    swarm_run *self = find (target, id);
    if (!self)
        return is_over;
    const bool is_news = !self->is_told[is_over];
    self->is_told[is_over] = true;
    return is_news;
}

static void end_soon (swarm_target *target, swarm_run *self)
{
    swarm_shared *shared = target->shared;
    self->due_us += AT_MOST_US;
    self->is_quick = true;
    bg_defer_arm (shared->idle);
    if (target->is_idle_listed)
        return;
    target->is_idle_listed = true;
    target->idle_next = NULL;
    *(shared->idle_first ? &shared->idle_last->idle_next : &shared->idle_first) = target;
    shared->idle_last = target;
}

void swarm_runs_idle (void *arg)
{
    swarm_shared *shared = arg;
    swarm_notes_read (shared);
    for (int i = 0; i < AT_ONCE && shared->idle_first; i++) {
        swarm_target *target = shared->idle_first;
        shared->idle_first = target->idle_next;
        target->is_idle_listed = false;
        for (swarm_run *run = target->runs; run; run = run->next) {
            if (run->is_quick && run->is_alive)
                run->due_us = 0;
            run->is_quick = false;
        }
        swarm_runs_tick (target, bg_clock_mono_us ());
        swarm_target_settle (target);
    }
    if (shared->idle_first)
        bg_defer_arm (shared->idle);
}

void swarm_run_spawn (swarm_target *target, bg_id id, bg_slice plan)
{
    swarm_run *self = bg_alloc (sizeof *self);
    self->id = id;
    self->records = bg_arena_array (&self->arena, bg_slice, 4);
    self->record_capacity = 4;
    self->records[self->record_count++] = bg_arena_copy (&self->arena, plan);
    self->is_alive = true;
    self->next = target->runs;
    target->runs = self;
    exec_core_spawned (target->exec, id);
    if (target->shared->real) {
        self->due_us = SWARM_NEVER;
        swarm_real_spawn (target->shared->real, target->index, id, plan);
        return;
    }
    begin_step (target, self);
    if (target->shared->options->steps.kind != SWARM_SLEEP)
        end_soon (target, self);
}

void swarm_run_ended (swarm_target *target, bg_id id, const bg_slice *records, size_t count)
{
    swarm_run *self = find (target, id);
    if (!self || !self->is_alive)
        return;
    self->records = bg_arena_array (&self->arena, bg_slice, count + 1);
    self->record_count = self->record_capacity = count;
    for (size_t i = 0; i < count; i++)
        self->records[i] = bg_arena_copy (&self->arena, records[i]);
    self->is_alive = false;
    tell (target, self);
}

void swarm_run_stop (swarm_target *target, bg_id id)
{
    swarm_run *self = find (target, id);
    if (!self || !self->is_alive)
        return;
    if (target->shared->real) {
        swarm_real_stop (target->shared->real, id);
        return;
    }
    self->is_stopping = true;
    self->due_us = 0;
    go_on (target, self, bg_clock_mono_us ());
}

void swarm_run_discard (swarm_target *target, bg_id id)
{
    swarm_notes_read (target->shared); /*  some may be of this run  */
    for (swarm_run **at = &target->runs; *at; at = &(*at)->next) {
        swarm_run *self = *at;
        if (!bg_id_equal (self->id, id))
            continue;
        *at = self->next;
        bg_arena_fini (&self->arena);
        free (self);
        return;
    }
}

void swarm_runs_look (swarm_target *target)
{
    bg_id id = {{0}};
    while (exec_core_next_run (target->exec, id, &id)) {
        const swarm_run *self = find (target, id);
        if (self)
            tell (target, self);
        else
            exec_core_run_file (target->exec, swarm_target_now (target), id, NULL, 0, false);
    }
}

int64_t swarm_runs_deadline (const swarm_target *target)
{
    int64_t due_us = SWARM_NEVER;
    for (const swarm_run *run = target->runs; run; run = run->next)
        if (run->is_alive && run->due_us < due_us)
            due_us = run->due_us;
    return due_us;
}

void swarm_runs_tick (swarm_target *target, int64_t mono_us)
{
    for (swarm_run *run = target->runs; run; run = run->next)
        go_on (target, run, mono_us);
}

void swarm_runs_fini (swarm_target *target)
{
    while (target->runs)
        swarm_run_discard (target, target->runs->id);
}
