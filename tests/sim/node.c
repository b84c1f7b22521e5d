/*  The node as a process, and the machine that it stands on.

    As node/shell does it: events in a transaction, effects after its commit, a core made anew when
    the store failed. Keys and store are the disk; they outlive the process.  */
#include "tests/sim/network.h"
#include "tests/sim/oracle.h"

#include <stdio.h>

#define BATCH_US      3000
#define FULL_RETRY_US BG_SEC (3)

enum {
    DO_OPEN,
    DO_CLOSE,
    DO_SUBSCRIBE,
    DO_UNSUBSCRIBE,
    DO_SEND,
    DO_EXEC_SEND,
    DO_REPLY,
    DO_FORGET_KEYS
};

bg_now sim_machine_now (const sim_machine *machine)
{
    int64_t mono_us = machine->world->now_us - machine->boot_us + BG_SEC (10);
    return (bg_now){machine->world->now_us + machine->utc_off_us, mono_us, mono_us};
}

/*  ---- ports ----  */

static sim_effect *keep (void *ctx, int what, const bg_slice *frames, size_t count)
{
    return sim_effects_add (&((sim_machine *) ctx)->node.effects, what, frames, count);
}

static void port_open (void *ctx, node_link link, bg_slice endpoints, const bg_key *broker_key)
{
    keep (ctx, DO_OPEN, &endpoints, 1)->number = link;
    const sim_machine *self = ctx;
    if (!bg_key_equal (broker_key, &self->world->broker_curve.public_key))
        sim_fail (self->world, "%s connects to another broker's key", self->name);
}

static void port_close (void *ctx, node_link link)
{
    keep (ctx, DO_CLOSE, NULL, 0)->number = link;
}

static void port_subscribe (void *ctx, bg_slice stream)
{
    (void) keep (ctx, DO_SUBSCRIBE, &stream, 1);
}

static void port_unsubscribe (void *ctx, bg_slice stream)
{
    (void) keep (ctx, DO_UNSUBSCRIBE, &stream, 1);
}

static void port_send (void *ctx, node_link link, bg_slice header, bg_slice body, bg_slice sigs)
{
    const bg_slice frames[3] = {header, body, sigs};
    keep (ctx, DO_SEND, frames, 3)->number = link;
}

static void port_exec_send (void *ctx, bg_slice blob)
{
    (void) keep (ctx, DO_EXEC_SEND, &blob, 1);
}

static void port_control_reply (void *ctx, uint64_t request, const wire_control_answer *answer)
{
    const bg_slice code = answer->code;
    keep (ctx, DO_REPLY, &code, 1)->number = request;
}

static bg_result port_new_keys (void *ctx, bg_key *sign_public, bg_key *curve_public, bg_error *err)
{
    (void) err;
    sim_machine *self = ctx;
    sim_node *node = &self->node;
    if (!node->has_keys) {
        sim_make_pair (&self->rng, &node->sign);
        sim_make_pair (&self->rng, &node->curve);
        node->has_keys = true;
    }
    *sign_public = node->sign.public_key;
    *curve_public = node->curve.public_key;
    return bg_ok ();
}

static void port_sign (void *ctx, wire_type type, bg_id installation, bg_slice bytes, wire_sig *sig)
{
    const sim_machine *self = ctx;
    wire_sign (self->world->crypto, type, installation, bytes, &self->node.sign.public_key,
        self->node.sign.secret, sig);
}

static void port_forget_keys (void *ctx)
{
    (void) keep (ctx, DO_FORGET_KEYS, NULL, 0);
}

static void port_random (void *ctx, void *bytes, size_t size)
{
    sim_fill (&((sim_machine *) ctx)->rng, bytes, size);
}

static void port_log (void *ctx, node_log_level level, const char *event, const char *text)
{
    (void) level;
    const sim_machine *self = ctx;
    sim_trace (self->world, "%s: node: %s %s", self->name, event, text);
}

static const job_zone *port_zone (void *ctx, bg_slice name)
{
    (void) ctx;
    (void) name;
    return sim_zone_utc ();
}

/*  ---- effects ----  */

static void reply (sim_machine *self, const sim_effect *effect, bg_slice code)
{
    sim_node *node = &self->node;
    if (!node->control_open || node->control != effect->number)
        return;
    node->control_open = false;
    sim_trace (self->world, "%s: control says %.*s", self->name, BG_SLICE_ARG (code));
    if (bg_slice_is (code, "exists"))
        self->name_is_taken = true;
    if (bg_slice_is (code, "token"))
        self->world->people->has_token = false;
}

static void do_effect (sim_machine *self, const sim_effect *effect)
{
    bg_slice bytes = bg_buf_slice (&effect->bytes);
    bg_slice one = {0};
    node_link link = (node_link) effect->number;
    switch (effect->what) {
    case DO_OPEN:
        sim_link_open (self, link);
        break;
    case DO_CLOSE:
        sim_link_close (self, link);
        break;
    case DO_SUBSCRIBE:
    case DO_UNSUBSCRIBE:
        sim_unpack (bytes, &one, 1);
        sim_link_subscribe (self, one, effect->what == DO_SUBSCRIBE);
        break;
    case DO_SEND:
        sim_link_send (self, link, bytes);
        break;
    case DO_EXEC_SEND:
        sim_unpack (bytes, &one, 1);
        sim_pipe_to_exec (self, one);
        break;
    case DO_REPLY:
        sim_unpack (bytes, &one, 1);
        reply (self, effect, one);
        break;
    default:
        self->node.has_keys = false;
        break;
    }
}

static void release (sim_machine *self)
{
    sim_effects now = self->node.effects;
    self->node.effects = (sim_effects){0};
    for (size_t i = 0; i < now.count; i++)
        do_effect (self, &now.items[i]);
    sim_effects_fini (&now);
}

/*  ---- batches ----  */

static void drop_core (sim_machine *self)
{
    sim_node *node = &self->node;
    sim_node_store_rollback (&node->disk);
    sim_oracle_node_rolled_back (self);
    sim_effects_clear (&node->effects);
    node_core_destroy (&node->core);
    node->in_batch = node->commit_planned = false;
    node->life = ++self->world->serial;
}

static bool begin (sim_machine *self)
{
    sim_node *node = &self->node;
    bg_error err = {0};
    if (!node->core)
        return false;
    if (!node->in_batch && bg_failed (sim_node_store_begin (&node->disk, &err))) {
        sim_fail (self->world, "%s: the store cannot begin: %s", self->name, err.message);
        return false;
    }
    node->in_batch = true;
    return true;
}

static bg_result make_core (sim_machine *self, bg_error *err)
{
    sim_node *node = &self->node;
    node_settings settings = {.default_name = bg_slice_str (self->name),
        .zone = bg_slice_str ("UTC"),
        .version = bg_slice_str ("sim"),
        .instance = node->instance};
    node->life = ++self->world->serial;
    node->core = node_core_create (&node->ports, &settings);
    if (!begin (self))
        return bg_fail (err, BG_STORE, "no transaction");
    bg_now now = sim_machine_now (self);
    BG_TRY (node_core_recover (node->core, now, err));
    if (node->storage_full)
        BG_TRY (node_core_set_storage_full (node->core, now, true, err));
    if (node->exec_up)
        BG_TRY (node_core_exec_up (node->core, now, err));
    return bg_ok ();
}

static void arm_tick (sim_machine *self);

static bg_result commit (sim_machine *self, bg_error *err)
{
    sim_node *node = &self->node;
    BG_TRY (node_core_before_commit (node->core, sim_machine_now (self), err));
    BG_TRY (sim_node_store_commit (&node->disk, err));
    node->in_batch = false;
    sim_oracle_node_committed (self);
    return bg_ok ();
}

static void after (sim_machine *self, bg_result result, const bg_error *err);

static void retry_full (void *owner, uint64_t life, bg_slice payload)
{
    (void) payload;
    sim_machine *self = owner;
    if (self->node.life != life || !self->node.storage_full || !begin (self))
        return;
    self->node.storage_full = false;
    bg_error err = {0};
    after (self, node_core_set_storage_full (self->node.core, sim_machine_now (self), false, &err),
        &err);
}

static void start_over (sim_machine *self, const bg_error *why)
{
    sim_trace (self->world, "%s: node: store failed: %s", self->name, why->message);
    if (why->code != BG_STORAGE_FULL) {
        sim_fail (self->world, "%s: the node's store failed: %s", self->name, why->message);
        return;
    }
    drop_core (self);
    self->node.control_open = false; /*  answered with this failure  */
    self->node.storage_full = true;
    bg_error err = {0};
    bg_result made = make_core (self, &err);
    if (bg_is_ok (made))
        made = commit (self, &err);
    if (bg_failed (made)) {
        sim_fail (
            self->world, "%s: a node without space cannot start: %s", self->name, err.message);
        return;
    }
    release (self);
    sim_in (self->world, FULL_RETRY_US, retry_full, self, self->node.life, (bg_slice){0});
    arm_tick (self);
}

static bool is_unlucky (sim_world *world)
{
    return !world->healing && !world->options.is_quiet && sim_chance (&world->rng, 2);
}

static void commit_due (void *owner, uint64_t life, bg_slice payload)
{
    (void) payload;
    sim_machine *self = owner;
    sim_node *node = &self->node;
    if (node->life != life || !node->core)
        return;
    node->commit_planned = false;
    if (is_unlucky (self->world)) {
        sim_node_crash (self);
        return;
    }
    bg_error err = {0};
    if (bg_failed (commit (self, &err))) {
        start_over (self, &err);
        return;
    }
    if (is_unlucky (self->world)) {
        sim_node_crash (self);
        return;
    }
    release (self);
    arm_tick (self);
}

static void after (sim_machine *self, bg_result result, const bg_error *err)
{
    sim_node *node = &self->node;
    if (bg_failed (result)) {
        start_over (self, err);
        return;
    }
    if (sim_has_plant (self->world, SIM_PLANT_NODE_SENDS_EARLY))
        release (self);
    if (node->commit_planned)
        return;
    node->commit_planned = true;
    sim_in (
        self->world, sim_below (&self->rng, BATCH_US), commit_due, self, node->life, (bg_slice){0});
}

static void tick_due (void *owner, uint64_t serial, bg_slice payload)
{
    (void) payload;
    sim_machine *self = owner;
    if (self->node.tick_serial != serial || !begin (self))
        return;
    bg_error err = {0};
    after (self, node_core_tick (self->node.core, sim_machine_now (self), &err), &err);
}

/*  As the kernel tells it; while the node is off nobody hears it.  */
void sim_node_clock_set (sim_machine *self)
{
    if (!begin (self))
        return;
    bg_error err = {0};
    after (self, node_core_clock_set (self->node.core, sim_machine_now (self), &err), &err);
}

static void arm_tick (sim_machine *self)
{
    if (!self->node.core)
        return;
    const bg_now now = sim_machine_now (self);
    const int64_t deadline_us = node_core_deadline (self->node.core);
    const int64_t wall_us = node_core_wall_deadline (self->node.core);
    int64_t delay_us = INT64_MAX;
    if (deadline_us < INT64_MAX)
        delay_us = deadline_us - now.mono_us;
    if (wall_us < INT64_MAX && wall_us - now.utc_us < delay_us)
        delay_us = wall_us - now.utc_us;
    self->node.tick_serial = ++self->world->serial;
    if (delay_us < INT64_MAX)
        sim_in (self->world, delay_us < 0 ? 0 : delay_us, tick_due, self, self->node.tick_serial,
            (bg_slice){0});
}

/*  ---- events ----  */

void sim_node_message (sim_machine *self, node_link link, const bg_slice *frames)
{
    if (!begin (self))
        return;
    node_core *core = self->node.core;
    bg_now now = sim_machine_now (self);
    bg_error err = {0};
    bg_result result = bg_ok ();
    switch (link) {
    case NODE_LINK_ENLIST:
        result = node_core_enlist (core, now, frames[0], frames[1], frames[2], &err);
        break;
    case NODE_LINK_DESK:
        result = node_core_desk (core, now, frames[0], frames[1], frames[2], &err);
        break;
    case NODE_LINK_ORDERS:
        result = node_core_order (core, now, frames[0], frames[1], frames[2], frames[3], &err);
        break;
    }
    after (self, result, &err);
}

void sim_node_link (sim_machine *self, node_link link, node_link_event event)
{
    if (!begin (self))
        return;
    bg_error err = {0};
    after (self, node_core_link (self->node.core, sim_machine_now (self), link, event, &err), &err);
}

void sim_node_exec_up (sim_machine *self)
{
    self->node.exec_up = true;
    if (!begin (self))
        return;
    bg_error err = {0};
    after (self, node_core_exec_up (self->node.core, sim_machine_now (self), &err), &err);
}

void sim_node_exec_down (sim_machine *self)
{
    if (!self->node.exec_up)
        return;
    self->node.exec_up = false;
    if (!begin (self))
        return;
    bg_error err = {0};
    after (self, node_core_exec_down (self->node.core, sim_machine_now (self), &err), &err);
}

void sim_node_exec_message (sim_machine *self, bg_slice blob)
{
    if (!begin (self))
        return;
    bg_error err = {0};
    after (self, node_core_exec (self->node.core, sim_machine_now (self), blob, &err), &err);
}

static bool control (sim_machine *self, wire_kind kind, const void *body)
{
    sim_node *node = &self->node;
    if (node->control_open || !begin (self))
        return false;
    node->control_open = true;
    node->control_at_us = self->world->now_us;
    node->control = ++self->world->serial;
    bg_error err = {0};
    after (self,
        node_core_control (node->core, sim_machine_now (self), node->control, kind, body, &err),
        &err);
    return true;
}

bool sim_node_enlist (sim_machine *self, bg_slice token)
{
    wire_control_enlist body = {.token = token, .timeout_us = BG_SEC (30)};
    return control (self, WIRE_CONTROL_ENLIST, &body);
}

bool sim_node_defect (sim_machine *self, bool force)
{
    wire_control_defect body = {.force = force, .timeout_us = BG_SEC (30)};
    return control (self, WIRE_CONTROL_DEFECT, &body);
}

/*  ---- life ----  */

void sim_node_start (sim_machine *self)
{
    sim_node *node = &self->node;
    sim_fill (&self->rng, &node->instance, sizeof node->instance);
    node->storage_full = false;
    bg_error err = {0};
    after (self, make_core (self, &err), &err);
    sim_pipe_connect (self);
}

static void start_again (void *owner, uint64_t life, bg_slice payload)
{
    (void) payload;
    sim_machine *self = owner;
    if (self->node.life == life && !self->node.core)
        sim_node_start (self);
}

void sim_node_crash (sim_machine *self)
{
    sim_world *world = self->world;
    if (!self->node.core)
        return;
    sim_trace (world, "%s: node crashes", self->name);
    world->crashes++;
    drop_core (self);
    self->node.exec_up = false;
    self->node.control_open = false;
    for (node_link which = 0; which < NODE_LINK_COUNT; which++)
        sim_link_close (self, which);
    sim_pipe_break (self);
    int64_t down_us = sim_chance (&world->rng, 200)
                          ? sim_between (&world->rng, BG_MIN (1), BG_MIN (8))
                          : sim_between (&world->rng, BG_MS (20), BG_SEC (15));
    sim_in (world, world->healing ? BG_SEC (1) : down_us, start_again, self, self->node.life,
        (bg_slice){0});
}

void sim_node_set_full (sim_machine *self, bool full)
{
    sim_node_store_set_full (&self->node.disk, full);
}

void sim_machine_init (sim_world *world, int index)
{
    sim_machine *self = &world->machines[index];
    sim_node *node = &self->node;
    self->world = world;
    self->index = index;
    snprintf (self->name, sizeof self->name, "m%02d", index + 1);
    self->rng = sim_rng_of (world->options.seed, 100 + (uint64_t) index);
    self->boot_us = world->now_us;
    sim_fill (&self->rng, &self->boot, sizeof self->boot);
    sim_node_store_open (&node->disk, world->options.is_sqlite);
    sim_tap_node (self);
    node->ports = (node_ports){.ctx = self,
        .crypto = world->crypto,
        .store = &node->store,
        .open = port_open,
        .close = port_close,
        .subscribe = port_subscribe,
        .unsubscribe = port_unsubscribe,
        .send = port_send,
        .exec_send = port_exec_send,
        .control_reply = port_control_reply,
        .new_keys = port_new_keys,
        .sign = port_sign,
        .forget_keys = port_forget_keys,
        .random = port_random,
        .log = port_log,
        .zone = port_zone};
    sim_exec_init (self);
}

void sim_machine_fini (sim_machine *self)
{
    node_core_destroy (&self->node.core);
    sim_node_store_close (&self->node.disk);
    sim_effects_fini (&self->node.effects);
    sim_exec_fini (self);
    sim_runs_fini (self);
}
