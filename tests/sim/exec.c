/*  bugle-exec as a process: a log of which only what was synced outlives a crash, effects after the
    sync, discards after the one that follows. And the pipe between node and bugle-exec, which keeps
    the order and loses only what was on its way when an end went.  */
#include "tests/sim/oracle.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>

#define TURN_US    1500
#define FLUSH_US   BG_SEC (1)
#define RECHECK_US BG_SEC (1)
#define HOSTILE    UINT64_MAX /*  a peer that is not the node  */

enum { DO_SEND, DO_SPAWN, DO_STOP, DO_DISCARD };

/*  ---- ports ----  */

static void keep_record (sim_exec *exec, bg_slice record)
{
    if (exec->log_count == exec->log_capacity) {
        exec->log_capacity = exec->log_capacity ? 2 * exec->log_capacity : 64;
        exec->log = bg_realloc (exec->log, exec->log_capacity * sizeof *exec->log);
    }
    bg_buf *to = &exec->log[exec->log_count++];
    *to = (bg_buf){0};
    bg_buf_append_slice (to, record);
}

static bool is_kind (bg_slice record, uint64_t kind)
{
    BG_AUTO_ARENA arena = {0};
    wire_header header;
    void *value = NULL;
    return bg_is_ok (wire_inner_decode (record, &arena, &header, &value, NULL)) &&
           header.kind == kind;
}

static void port_log_append (void *ctx, bg_slice record, bool durable)
{
    sim_machine *self = ctx;
    sim_exec *exec = &self->exec;
    if (sim_has_plant (self->world, SIM_PLANT_NO_FLOOR) && is_kind (record, WIRE_RECORD_FLOOR))
        return;
    if (sim_has_plant (self->world, SIM_PLANT_INTENT_LATE) && is_kind (record, WIRE_RECORD_INTENT))
        durable = false;
    keep_record (exec, record);
    if (durable)
        exec->wants_sync = true;
    else if (exec->flush_due_us == INT64_MAX)
        exec->flush_due_us = self->world->now_us + FLUSH_US;
}

static void port_send (void *ctx, uint64_t peer, bg_slice blob)
{
    sim_effects_add (&((sim_machine *) ctx)->exec.queue, DO_SEND, &blob, 1)->number = peer;
}

static void port_spawn (void *ctx, bg_id run, bg_slice plan)
{
    sim_effects_add (&((sim_machine *) ctx)->exec.queue, DO_SPAWN, &plan, 1)->id = run;
}

static void port_supervisor_stop (void *ctx, bg_id run, const char *reason)
{
    (void) reason;
    sim_effects_add (&((sim_machine *) ctx)->exec.queue, DO_STOP, NULL, 0)->id = run;
}

static void port_discard (void *ctx, bg_id run)
{
    sim_effects_add (&((sim_machine *) ctx)->exec.discards, DO_DISCARD, NULL, 0)->id = run;
}

static void port_read_output (
    void *ctx, const wire_exec_output *ask, bg_arena *arena, wire_exec_output_part *part)
{
    (void) ctx;
    (void) arena;
    *part = (wire_exec_output_part){.code = bg_slice_str ("ok"),
        .step = ask->step ? ask->step : 1,
        .offset = ask->offset,
        .bytes = bg_slice_str ("output"),
        .total = ask->offset + 6,
        .done = true};
}

static void port_random (void *ctx, void *bytes, size_t size)
{
    sim_fill (&((sim_machine *) ctx)->rng, bytes, size);
}

static void port_say (void *ctx, exec_say level, const char *event, const char *pairs)
{
    (void) level;
    const sim_machine *self = ctx;
    sim_trace (self->world, "%s: exec: %s %s", self->name, event, pairs);
}

static bg_result port_account (void *ctx, const char *name, exec_account *account, bg_error *err)
{
    (void) ctx;
    (void) err;
    *account = (exec_account){.uid = 1000, .gid = 1000};
    snprintf (account->name, sizeof account->name, "%s", name);
    snprintf (account->home, sizeof account->home, "/home/jobs");
    snprintf (account->shell, sizeof account->shell, "/bin/sh");
    return bg_ok ();
}

static bg_result port_group (void *ctx, const char *name, uint32_t *gid, bg_error *err)
{
    (void) ctx;
    (void) name;
    (void) err;
    *gid = 1000;
    return bg_ok ();
}

static int32_t port_utc_offset_s (void *ctx, int64_t utc_us)
{
    (void) ctx;
    (void) utc_us;
    return 0;
}

static bg_result port_policy_write (void *ctx, exec_policy *policy, char note[256], bg_error *err)
{
    (void) err;
    sim_exec *exec = &((sim_machine *) ctx)->exec;
    note[0] = 0;
    if (!exec->has_policy)
        snprintf (note, 256, "wrote the default policy");
    snprintf (exec->policy.account, sizeof exec->policy.account, "jobs");
    if (exec->policy.runs == 0)
        exec->policy.runs = (uint32_t) sim_between (&((sim_machine *) ctx)->rng, 1, 4);
    exec->has_policy = true;
    exec->policy_is_broken = false;
    *policy = exec->policy;
    return bg_ok ();
}

/*  ---- the end of a turn ----  */

static void sync_log (sim_machine *self)
{
    sim_exec *exec = &self->exec;
    for (size_t i = exec->log_durable; i < exec->log_count; i++)
        sim_oracle_exec_record (self, bg_buf_slice (&exec->log[i]));
    exec->log_durable = exec->log_count;
    exec->wants_sync = false;
    exec->flush_due_us = INT64_MAX;
    sim_effects_move (&exec->discards, &exec->queue);
}

static void arrive_at_node (void *owner, uint64_t pipe, bg_slice payload)
{
    sim_machine *self = owner;
    if (self->pipe == pipe)
        sim_node_exec_message (self, payload);
}

static int64_t pipe_time (sim_machine *self)
{
    int64_t at_us = self->world->now_us + sim_between (&self->rng, 20, 500);
    if (at_us <= self->pipe_at_us)
        at_us = self->pipe_at_us + 1;
    self->pipe_at_us = at_us;
    return at_us;
}

static void spawn (sim_machine *self, const sim_effect *effect, bg_slice plan)
{
    if (sim_run_spawn (self, effect->id, plan)) {
        exec_core_spawned (self->exec.core, effect->id);
        return;
    }
    bg_error why = {0};
    bg_ignore (bg_fail (&why, BG_IO, "no process can be made"));
    exec_core_spawn_failed (self->exec.core, sim_machine_now (self), effect->id, &why);
}

static void do_effect (sim_machine *self, const sim_effect *effect)
{
    bg_slice one = {0};
    if (effect->what == DO_SEND || effect->what == DO_SPAWN)
        sim_unpack (bg_buf_slice (&effect->bytes), &one, 1);
    switch (effect->what) {
    case DO_SEND:
        if (effect->number == self->pipe)
            sim_at (self->world, pipe_time (self), arrive_at_node, self, self->pipe, one);
        break;
    case DO_SPAWN:
        spawn (self, effect, one);
        break;
    case DO_STOP:
        sim_run_stop (self, effect->id);
        break;
    default:
        sim_run_discard (self, effect->id);
        break;
    }
}

static void arm_tick (sim_machine *self);

static void release (sim_machine *self)
{
    sim_exec *exec = &self->exec;
    while (exec->queue.count || exec->wants_sync || exec->flush_due_us <= self->world->now_us) {
        if (exec->wants_sync || exec->flush_due_us <= self->world->now_us)
            sync_log (self);
        sim_effects now = exec->queue;
        exec->queue = (sim_effects){0};
        for (size_t i = 0; i < now.count; i++)
            do_effect (self, &now.items[i]);
        sim_effects_fini (&now);
    }
}

static bool is_unlucky (sim_world *world)
{
    return !world->healing && !world->options.is_quiet && sim_chance (&world->rng, 2);
}

static void turn_ends (void *owner, uint64_t life, bg_slice payload)
{
    (void) payload;
    sim_machine *self = owner;
    sim_exec *exec = &self->exec;
    if (exec->life != life || !exec->core)
        return;
    exec->commit_planned = false;
    if (is_unlucky (self->world)) {
        sim_exec_crash (self);
        return;
    }
    if (exec->wants_sync && is_unlucky (self->world)) {
        sync_log (self);
        sim_exec_crash (self);
        return;
    }
    release (self);
    arm_tick (self);
}

static void turn (sim_machine *self)
{
    sim_exec *exec = &self->exec;
    if (exec->commit_planned)
        return;
    exec->commit_planned = true;
    sim_in (
        self->world, sim_below (&self->rng, TURN_US), turn_ends, self, exec->life, (bg_slice){0});
}

static void tick_due (void *owner, uint64_t serial, bg_slice payload)
{
    (void) payload;
    sim_machine *self = owner;
    if (self->exec.tick_serial != serial || !self->exec.core)
        return;
    exec_core_tick (self->exec.core, sim_machine_now (self));
    turn (self);
}

static void arm_tick (sim_machine *self)
{
    sim_exec *exec = &self->exec;
    int64_t delay_us = BG_HOUR (1);
    int64_t deadline_us = exec_core_deadline (exec->core);
    int64_t mono_us = sim_machine_now (self).mono_us;
    if (deadline_us - mono_us < delay_us)
        delay_us = deadline_us - mono_us;
    if (exec->flush_due_us != INT64_MAX && exec->flush_due_us - self->world->now_us < delay_us)
        delay_us = exec->flush_due_us - self->world->now_us;
    exec->tick_serial = ++self->world->serial;
    sim_in (
        self->world, delay_us < 0 ? 0 : delay_us, tick_due, self, exec->tick_serial, (bg_slice){0});
}

/*  ---- the pipe ----  */

static void arrive_at_exec (void *owner, uint64_t pipe, bg_slice payload)
{
    sim_machine *self = owner;
    if (self->pipe == pipe && self->exec.core)
        sim_exec_message (self, pipe, payload);
}

void sim_pipe_to_exec (sim_machine *self, bg_slice blob)
{
    if (self->pipe)
        sim_at (self->world, pipe_time (self), arrive_at_exec, self, self->pipe, blob);
}

static void try_pipe (void *owner, uint64_t tag, bg_slice payload)
{
    (void) tag;
    (void) payload;
    sim_machine *self = owner;
    if (!self->node.core || self->pipe)
        return;
    if (!self->exec.core) {
        sim_pipe_connect (self);
        return;
    }
    self->pipe = ++self->world->serial;
    sim_node_exec_up (self);
}

void sim_pipe_connect (sim_machine *self)
{
    sim_in (self->world, sim_between (&self->rng, BG_MS (1), BG_SEC (1)), try_pipe, self, 0,
        (bg_slice){0});
}

void sim_pipe_break (sim_machine *self)
{
    uint64_t pipe = self->pipe;
    self->pipe = 0;
    if (!pipe)
        return;
    if (self->exec.core)
        sim_exec_peer_gone (self, pipe);
    if (self->node.core) {
        sim_node_exec_down (self);
        sim_pipe_connect (self);
    }
}

/*  ---- events ----  */

void sim_exec_message (sim_machine *self, uint64_t pipe, bg_slice blob)
{
    bg_error err = {0};
    const exec_peer peer = {pipe, pipe != HOSTILE};
    if (bg_failed (exec_core_handle (self->exec.core, sim_machine_now (self), peer, blob, &err)) &&
        pipe != HOSTILE) {
        sim_fail (
            self->world, "%s: bugle-exec refuses the node's message: %s", self->name, err.message);
        return;
    }
    turn (self);
}

void sim_exec_hostile (sim_machine *self, bg_slice blob)
{
    if (self->exec.core)
        sim_exec_message (self, HOSTILE, blob);
}

void sim_exec_peer_gone (sim_machine *self, uint64_t pipe)
{
    exec_core_peer_gone (self->exec.core, pipe);
}

static void look_due (void *owner, uint64_t life, bg_slice payload)
{
    sim_machine *self = owner;
    bg_id id;
    if (self->exec.life != life || !self->exec.core)
        return;
    memcpy (&id, payload.data, sizeof id);
    if (!exec_core_is_open (self->exec.core, id))
        return;
    const sim_run *run = sim_run_find (self, id);
    BG_AUTO_ARENA arena = {0};
    size_t count = run && run->has_file ? run->record_count : 0;
    bg_slice *records = bg_arena_array (&arena, bg_slice, count + 1);
    for (size_t i = 0; i < count; i++)
        records[i] = bg_buf_slice (&run->records[i]);
    bool alive = run && run->alive;
    exec_core_run_file (self->exec.core, sim_machine_now (self), id, records, count, alive);
    turn (self);
}

static void look_at (sim_machine *self, bg_id id, int64_t delay_us)
{
    sim_in (self->world, delay_us, look_due, self, self->exec.life, bg_slice_of (&id, sizeof id));
}

/*  A child's end is seen at once, that of another's child at the next look.  */
void sim_exec_look (sim_machine *self, sim_run *run)
{
    if (self->exec.core)
        look_at (self, run->id,
            run->is_child || run->is_connected ? 100 : sim_between (&self->rng, 100, RECHECK_US));
}

void sim_exec_supervisor_here (sim_machine *self, bg_id run)
{
    if (!self->exec.core)
        return;
    exec_core_supervisor_here (self->exec.core, sim_machine_now (self), run);
    turn (self);
}

/*  ---- life ----  */

static void drop_core (sim_machine *self)
{
    sim_exec *exec = &self->exec;
    exec_core_destroy (&exec->core);
    sim_effects_clear (&exec->queue);
    sim_effects_clear (&exec->discards);
    while (exec->log_count > exec->log_durable)
        bg_buf_fini (&exec->log[--exec->log_count]);
    exec->wants_sync = exec->commit_planned = false;
    exec->flush_due_us = INT64_MAX;
    exec->life = ++self->world->serial;
}

static exec_core *make_core (sim_machine *self)
{
    exec_ports ports = {.ctx = self,
        .crypto = self->world->crypto,
        .log_append = port_log_append,
        .send = port_send,
        .spawn = port_spawn,
        .read_output = port_read_output,
        .supervisor_stop = port_supervisor_stop,
        .discard = port_discard,
        .random = port_random,
        .say = port_say,
        .account = port_account,
        .group = port_group,
        .utc_offset_s = port_utc_offset_s,
        .policy_write = port_policy_write};
    exec_config config = {.boot = self->boot,
        .version = "sim",
        .policy_path = "/etc/bugle/policy",
        .host = self->name};
    return exec_core_create (&ports, &config);
}

static void emit (void *ctx, bg_slice record)
{
    keep_record (ctx, record);
}

/*  The log is written anew now and then, as when it has grown long.  */
static void compact (sim_machine *self)
{
    sim_exec *exec = &self->exec;
    if (!sim_chance (&self->rng, 300) || exec->log_durable < exec->log_count)
        return;
    size_t old_count = exec->log_count;
    exec_core_compact (exec->core, sim_machine_now (self), emit, exec);
    for (size_t i = 0; i < old_count; i++)
        bg_buf_fini (&exec->log[i]);
    if (exec->log_count > old_count)
        memmove (
            exec->log, exec->log + old_count, (exec->log_count - old_count) * sizeof *exec->log);
    exec->log_count -= old_count;
    exec->log_durable = exec->log_count;
}

static void tell_policy (sim_machine *self)
{
    sim_exec *exec = &self->exec;
    const bool is_good = exec->has_policy && !exec->policy_is_broken;
    exec_core_set_policy (exec->core, sim_machine_now (self), is_good ? &exec->policy : NULL,
        exec->has_policy ? "the policy has a mistake" : "there is no policy");
}

void sim_exec_break_policy (sim_machine *self, bool is_broken)
{
    const bool was_broken = self->exec.policy_is_broken;
    self->exec.policy_is_broken = is_broken;
    if (!self->exec.core || was_broken == is_broken)
        return;
    tell_policy (self);
    turn (self);
}

void sim_exec_start (sim_machine *self)
{
    sim_exec *exec = &self->exec;
    exec->life = ++self->world->serial;
    exec->core = make_core (self);
    for (size_t i = 0; i < exec->log_count; i++) {
        bg_error err = {0};
        if (bg_failed (exec_core_replay (exec->core, bg_buf_slice (&exec->log[i]), &err))) {
            sim_fail (
                self->world, "%s: bugle-exec cannot read its own log: %s", self->name, err.message);
            return;
        }
    }
    bg_now now = sim_machine_now (self);
    exec_core_replayed (exec->core, now);
    exec_core_set_storage_full (exec->core, now, exec->storage_full);
    tell_policy (self);
    compact (self);
    bg_id run = {{0}};
    while (exec_core_next_run (exec->core, run, &run))
        look_at (self, run, 0);
    sim_runs_reconnect (self);
    turn (self);
}

static void start_again (void *owner, uint64_t life, bg_slice payload)
{
    (void) payload;
    sim_machine *self = owner;
    if (self->exec.life == life && !self->exec.core)
        sim_exec_start (self);
}

void sim_exec_crash (sim_machine *self)
{
    sim_world *world = self->world;
    if (!self->exec.core)
        return;
    sim_trace (world, "%s: bugle-exec crashes", self->name);
    world->crashes++;
    drop_core (self);
    sim_runs_orphan (self);
    sim_pipe_break (self);
    int64_t down_us = sim_chance (&world->rng, 150)
                          ? sim_between (&world->rng, BG_MIN (1), BG_MIN (5))
                          : sim_between (&world->rng, BG_MS (20), BG_SEC (10));
    sim_in (world, world->healing ? BG_SEC (1) : down_us, start_again, self, self->exec.life,
        (bg_slice){0});
}

void sim_exec_init (sim_machine *self)
{
    self->exec.flush_due_us = INT64_MAX;
}

void sim_exec_fini (sim_machine *self)
{
    sim_exec *exec = &self->exec;
    exec_core_destroy (&exec->core);
    sim_effects_fini (&exec->queue);
    sim_effects_fini (&exec->discards);
    for (size_t i = 0; i < exec->log_count; i++)
        bg_buf_fini (&exec->log[i]);
    free (exec->log);
}
