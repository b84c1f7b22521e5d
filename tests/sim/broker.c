/*  The broker's core as a process: batches of events in a transaction, commit before send, crashes.

    The store outlives the process, what it had not committed does not. A commit and the release of
    what was sent are two moments; a crash may come between them.  */
#include "tests/sim/network.h"
#include "tests/sim/oracle.h"

#define BATCH_US      2000 /*  a batch is open for so long at most  */
#define FULL_RETRY_US BG_SEC (5)
#define LINK_US       50 /*  front to core  */

enum { DO_SEND, DO_PUBLISH, DO_KEYS, DO_PENDING };

bg_now sim_broker_now (const sim_world *self)
{
    const sim_broker *broker = &self->broker;
    int64_t mono_us = self->now_us - broker->boot_us + BG_SEC (100);
    return (bg_now){self->now_us + broker->utc_off_us, mono_us, mono_us};
}

/*  ---- ports ----  */

static void port_send (void *ctx, wire_channel channel, const bg_key *peer, bg_slice header,
    bg_slice body, bg_slice sigs)
{
    sim_broker *self = ctx;
    bg_slice frames[3] = {header, body, sigs};
    sim_effect *effect = sim_effects_add (&self->effects, DO_SEND, frames, 3);
    effect->number = channel;
    effect->key = *peer;
}

static void port_publish (void *ctx, bg_slice stream, bg_slice header, bg_slice body, bg_slice sigs)
{
    bg_slice frames[4] = {stream, header, body, sigs};
    (void) sim_effects_add (&((sim_broker *) ctx)->effects, DO_PUBLISH, frames, 4);
}

static void keys (void *ctx, int what, wire_channel channel, const bg_key *key)
{
    sim_effect *effect = sim_effects_add (&((sim_broker *) ctx)->effects, DO_KEYS, NULL, 0);
    effect->number = (uint64_t) what * 16 + (uint64_t) channel;
    if (key)
        effect->key = *key;
}

static void port_keys_reset (void *ctx)
{
    keys (ctx, SIM_KEYS_RESET, WIRE_ON_ANY, NULL);
}

static void port_keys_add (void *ctx, wire_channel channel, const bg_key *key)
{
    keys (ctx, SIM_KEYS_ADD, channel, key);
}

static void port_keys_cut (void *ctx, wire_channel channel, const bg_key *key)
{
    keys (ctx, SIM_KEYS_CUT, channel, key);
}

static void port_keys_ready (void *ctx)
{
    keys (ctx, SIM_KEYS_READY, WIRE_ON_ANY, NULL);
}

static void port_pending (void *ctx, const bg_key *peer, bool pending)
{
    sim_effect *effect = sim_effects_add (&((sim_broker *) ctx)->effects, DO_PENDING, NULL, 0);
    effect->key = *peer;
    effect->number = pending;
}

static void port_random (void *ctx, void *bytes, size_t size)
{
    sim_fill (&((sim_broker *) ctx)->rng, bytes, size);
}

static void port_log (void *ctx, broker_log_level level, const char *event, const char *text)
{
    (void) level;
    sim_trace (((sim_broker *) ctx)->world, "broker: %s %s", event, text);
}

/*  ---- a core's life ----  */

static void release (sim_broker *self)
{
    sim_world *world = self->world;
    for (size_t i = 0; i < self->effects.count; i++) {
        const sim_effect *effect = &self->effects.items[i];
        bg_slice bytes = bg_buf_slice (&effect->bytes);
        switch (effect->what) {
        case DO_SEND:
            sim_front_send (world, (wire_channel) effect->number, &effect->key, bytes);
            break;
        case DO_PUBLISH:
            sim_front_publish (world, bytes);
            break;
        case DO_KEYS:
            sim_front_keys (world, (int) (effect->number / 16),
                (wire_channel) (effect->number % 16), &effect->key);
            break;
        default:
            sim_front_pending (world, &effect->key, effect->number != 0);
            break;
        }
    }
    sim_effects_clear (&self->effects);
}

static void drop_core (sim_broker *self)
{
    sim_broker_store_rollback (&self->disk);
    sim_effects_clear (&self->effects);
    broker_core_destroy (&self->core);
    self->in_batch = self->commit_planned = false;
    self->life = ++self->world->serial;
}

static void make_core (sim_broker *self)
{
    sim_world *world = self->world;
    broker_settings settings = {.installation = world->installation,
        .name = bg_slice_str ("sim"),
        .sign_key = world->broker_sign.public_key,
        .curve_key = world->broker_curve.public_key,
        .version = bg_slice_str ("sim"),
        .endpoints = {bg_slice_str ("desk sim"), bg_slice_str ("enlist sim"),
            bg_slice_str ("orders sim")},
        .endpoint_count = 3,
        .started_us = sim_broker_now (world).utc_us,
        .storage_full = self->storage_full};
    memcpy (settings.sign_secret, world->broker_sign.secret, sizeof settings.sign_secret);
    self->core = broker_core_create (&settings, &self->ports);
}

static void plan_commit (sim_broker *self);
static void arm_tick (sim_broker *self);

static bool begin (sim_broker *self)
{
    bg_error err = {0};
    if (!self->core)
        return false;
    if (!self->in_batch && bg_failed (sim_broker_store_begin (&self->disk, &err))) {
        sim_fail (self->world, "the broker's store cannot begin: %s", err.message);
        return false;
    }
    self->in_batch = true;
    return true;
}

static void retry_full (void *owner, uint64_t life, bg_slice payload)
{
    (void) payload;
    sim_broker *self = &((sim_world *) owner)->broker;
    if (self->life != life || !self->core || !self->storage_full)
        return;
    self->storage_full = false;
    drop_core (self);
    sim_broker_start (self->world);
}

/*  The store failed: nothing of the batch happened.  */
static void start_over (sim_broker *self, const bg_error *why)
{
    sim_world *world = self->world;
    sim_trace (world, "broker: store failed: %s", why->message);
    if (why->code != BG_STORAGE_FULL) {
        sim_fail (world, "the broker's store failed: %s", why->message);
        return;
    }
    drop_core (self);
    self->storage_full = true;
    sim_broker_start (world);
    sim_in (world, FULL_RETRY_US, retry_full, world, self->life, (bg_slice){0});
}

static void after (sim_broker *self, bg_result result, const bg_error *err)
{
    if (bg_failed (result))
        start_over (self, err);
    else
        plan_commit (self);
    if (self->core && sim_has_plant (self->world, SIM_PLANT_BROKER_SENDS_EARLY))
        release (self);
}

static bg_result finish (sim_broker *self, bg_error *err)
{
    bool changed = false;
    bg_now now = sim_broker_now (self->world);
    if (broker_core_has_work (self->core))
        BG_TRY (broker_core_work (self->core, now, err));
    BG_TRY (broker_core_before_commit (self->core, now, &changed, err));
    if (changed)
        return sim_broker_store_commit (&self->disk, err);
    sim_broker_store_rollback (&self->disk);
    return bg_ok ();
}

static bool is_unlucky (sim_world *world)
{
    return !world->healing && !world->options.is_quiet && sim_chance (&world->rng, 2);
}

static void commit_due (void *owner, uint64_t life, bg_slice payload)
{
    (void) payload;
    sim_broker *self = &((sim_world *) owner)->broker;
    if (self->life != life || !self->core)
        return;
    self->commit_planned = false;
    if (is_unlucky (self->world)) {
        sim_broker_crash (self->world);
        return;
    }
    bg_error err = {0};
    bg_result result = finish (self, &err);
    if (bg_failed (result)) {
        start_over (self, &err);
        return;
    }
    self->in_batch = false;
    if (is_unlucky (self->world)) {
        sim_broker_crash (self->world);
        return;
    }
    release (self);
    if (broker_core_has_work (self->core) && begin (self))
        plan_commit (self);
    arm_tick (self);
}

static void plan_commit (sim_broker *self)
{
    if (self->commit_planned)
        return;
    self->commit_planned = true;
    sim_in (self->world, sim_below (&self->rng, BATCH_US), commit_due, self->world, self->life,
        (bg_slice){0});
}

static void tick_due (void *owner, uint64_t serial, bg_slice payload)
{
    (void) payload;
    sim_broker *self = &((sim_world *) owner)->broker;
    if (self->tick_serial != serial || !begin (self))
        return;
    bg_error err = {0};
    after (self, broker_core_tick (self->core, sim_broker_now (self->world), &err), &err);
}

static void arm_tick (sim_broker *self)
{
    if (!self->core)
        return;
    int64_t delay_us = broker_core_deadline (self->core) - sim_broker_now (self->world).mono_us;
    if (delay_us < 0)
        delay_us = 0;
    self->tick_serial = ++self->world->serial;
    sim_in (self->world, delay_us, tick_due, self->world, self->tick_serial, (bg_slice){0});
}

/*  ---- events ----  */

typedef struct {
    wire_channel channel;
    bg_key peer;
} arrival;

static void message_due (void *owner, uint64_t life, bg_slice payload)
{
    sim_world *world = owner;
    sim_broker *self = &world->broker;
    if (self->life != life || !begin (self))
        return;
    bg_slice frames[4];
    arrival from;
    sim_unpack (payload, frames, 4);
    memcpy (&from, frames[0].data, sizeof from);
    broker_message message = {.channel = from.channel,
        .peer = from.peer,
        .header = frames[1],
        .body = frames[2],
        .sigs = frames[3]};
    bg_error err = {0};
    after (self, broker_core_message (self->core, sim_broker_now (world), &message, &err), &err);
}

void sim_broker_message (
    sim_world *self, wire_channel channel, const bg_key *peer, const bg_slice frames[3])
{
    if (!self->broker.core)
        return;
    arrival from;
    memset (&from, 0, sizeof from); /*  padding is part of the payload, and of the trace's hash  */
    from.channel = channel;
    from.peer = *peer;
    bg_slice all[4] = {bg_slice_of (&from, sizeof from), frames[0], frames[1], frames[2]};
    BG_AUTO_BUF payload = {0};
    sim_pack (&payload, all, 4);
    sim_in (self, LINK_US, message_due, self, self->broker.life, bg_buf_slice (&payload));
}

void sim_broker_front_up (sim_world *self)
{
    sim_broker *broker = &self->broker;
    if (!self->broker.front.up || !begin (broker))
        return;
    bg_error err = {0};
    after (broker, broker_core_front_up (broker->core, sim_broker_now (self), &err), &err);
}

void sim_broker_stats (sim_world *self)
{
    sim_broker *broker = &self->broker;
    sim_front *front = &broker->front;
    if (!begin (broker))
        return;
    BG_AUTO_ARENA arena = {0};
    wire_front_stats stats = {
        .seen = bg_arena_array (&arena, wire_front_seen, front->seen_count + 1)};
    for (size_t i = 0; i < front->seen_count; i++)
        stats.seen[stats.seen_count++].peer = front->seen[i].key;
    front->seen_count = 0;
    bg_error err = {0};
    after (
        broker, broker_core_front_stats (broker->core, sim_broker_now (self), &stats, &err), &err);
}

/*  ---- life ----  */

void sim_broker_start (sim_world *self)
{
    sim_broker *broker = &self->broker;
    bg_error err = {0};
    broker->life = ++self->serial;
    broker->starts++;
    make_core (broker);
    bg_now now = sim_broker_now (self);
    if (!begin (broker))
        return;
    bg_result result = broker_core_recover (broker->core, now, &err);
    if (bg_failed (result)) {
        sim_fail (self, "the broker cannot recover: %s", err.message);
        return;
    }
    if (self->broker.front.up)
        result = broker_core_front_up (broker->core, now, &err);
    if (bg_is_ok (result))
        result = broker_core_high_water (
            broker->core, now, broker->high_term, broker->high_position, &err);
    after (broker, result, &err);
}

static void start_again (void *owner, uint64_t life, bg_slice payload)
{
    (void) payload;
    sim_world *self = owner;
    if (self->broker.life == life && !self->broker.core)
        sim_broker_start (self);
}

void sim_broker_crash (sim_world *self)
{
    sim_broker *broker = &self->broker;
    if (!broker->core)
        return;
    sim_trace (self, "broker crashes");
    self->crashes++;
    drop_core (broker);
    broker->storage_full = false;
    int64_t down_us = sim_chance (&self->rng, 200)
                          ? sim_between (&self->rng, BG_SEC (30), BG_MIN (6))
                          : sim_between (&self->rng, BG_MS (50), BG_SEC (10));
    sim_in (
        self, self->healing ? BG_SEC (1) : down_us, start_again, self, broker->life, (bg_slice){0});
}

void sim_broker_set_full (sim_world *self, bool full)
{
    sim_broker_store_set_full (&self->broker.disk, full);
}

/*  ---- an older state ----  */

static void backup_due (void *owner, uint64_t tag, bg_slice payload)
{
    (void) tag;
    (void) payload;
    sim_broker_backup (owner);
}

void sim_broker_backup (sim_world *self)
{
    sim_broker *broker = &self->broker;
    bg_error err = {0};
    if (broker->in_batch || !broker->core) {
        sim_in (self, BG_MS (1), backup_due, self, 0, (bg_slice){0});
        return;
    }
    if (bg_failed (sim_broker_store_back_up (&broker->disk, &err)))
        sim_fail (self, "the broker's store cannot be copied: %s", err.message);
    sim_trace (self, "broker: backup");
}

static void mark_restored (sim_world *self)
{
    sim_broker *broker = &self->broker;
    bg_error err = {0};
    bg_result result = sim_broker_store_begin (&broker->disk, &err);
    if (bg_is_ok (result))
        result = broker->store.meta_set (broker->store.ctx, "restored", 1, &err);
    if (bg_is_ok (result))
        result = sim_broker_store_commit (&broker->disk, &err);
    if (bg_failed (result))
        sim_fail (self, "the restored store cannot be marked: %s", err.message);
}

void sim_broker_restore (sim_world *self, bool by_command)
{
    sim_broker *broker = &self->broker;
    bg_error err = {0};
    if (!sim_broker_store_has_backup (&broker->disk))
        return;
    sim_trace (self, "broker: restored %s", by_command ? "by the command" : "by hand");
    if (broker->core)
        broker_core_proof (broker->core, &broker->high_term, &broker->high_position);
    drop_core (broker);
    broker->storage_full = false;
    if (bg_failed (sim_broker_store_restore (&broker->disk, &err))) {
        sim_fail (self, "the copy cannot be opened: %s", err.message);
        return;
    }
    sim_tap_broker (self);
    if (by_command)
        mark_restored (self);
    broker->was_restored = true;
    sim_people_restored (self);
    sim_broker_start (self);
}

static void found (sim_world *self)
{
    sim_broker *broker = &self->broker;
    bg_error err = {0};
    make_core (broker);
    bg_result result = sim_broker_store_begin (&broker->disk, &err);
    if (bg_is_ok (result))
        result = broker_core_found (
            broker->core, sim_broker_now (self), bg_buf_slice (&self->authority), &err);
    if (bg_is_ok (result))
        result = sim_broker_store_commit (&broker->disk, &err);
    if (bg_failed (result))
        sim_fail (self, "the installation cannot be founded: %s", err.message);
    broker_core_destroy (&broker->core);
}

void sim_broker_init (sim_world *self)
{
    sim_broker *broker = &self->broker;
    broker->world = self;
    broker->rng = sim_rng_of (self->options.seed, 2);
    broker->boot_us = self->now_us;
    sim_broker_store_open (&broker->disk, self->options.is_sqlite);
    sim_tap_broker (self);
    broker->ports = (broker_ports){.ctx = broker,
        .send = port_send,
        .publish = port_publish,
        .keys_reset = port_keys_reset,
        .keys_add = port_keys_add,
        .keys_cut = port_keys_cut,
        .keys_ready = port_keys_ready,
        .pending = port_pending,
        .random = port_random,
        .log = port_log,
        .crypto = self->crypto,
        .store = &broker->store};
    found (self);
}

void sim_broker_fini (sim_world *self)
{
    sim_broker *broker = &self->broker;
    broker_core_destroy (&broker->core);
    sim_broker_store_close (&broker->disk);
    sim_effects_fini (&broker->effects);
}
