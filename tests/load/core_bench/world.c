/*  See world.h: ports that only remember, rounds as the shell makes them, and the clock around them.
    Not a test: a failure ends the process with one sentence.  */
#include "tests/load/core_bench/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define START_US INT64_C (1800000000000000)

void bench_must (bg_result result, const bg_error *err)
{
    if (!bg_failed (result))
        return;
    fprintf (stderr, "core_bench: %s: %s\n", bg_code_word (result.code), err->message);
    exit (1);
}

void bench_random (bench_world *self, void *bytes, size_t size)
{
    uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++) {
        self->random += UINT64_C (0x9e3779b97f4a7c15);
        uint64_t z = self->random;
        z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
        at[i] = (uint8_t) (z >> 40);
    }
}

bg_id bench_id (bench_world *self)
{
    uint8_t entropy[10] = {0};
    bg_write_u64 (entropy + 2, ++self->ids);
    return bg_id_make (self->now.utc_us, entropy);
}

/*  ---- queues ----  */

static bench_message *queue_add (bench_queue *queue, bg_slice header, bg_slice body)
{
    if (queue->count == queue->room) {
        queue->room = queue->room ? queue->room * 2 : 1024;
        queue->items = bg_realloc (queue->items, queue->room * sizeof *queue->items);
    }
    bench_message *message = &queue->items[queue->count++];
    *message = (bench_message){.header = queue->bytes.size, .header_size = header.size};
    bg_buf_append_slice (&queue->bytes, header);
    message->body = queue->bytes.size;
    message->body_size = body.size;
    bg_buf_append_slice (&queue->bytes, body);
    return message;
}

static void queue_clear (bench_queue *queue)
{
    queue->count = 0;
    bg_buf_clear (&queue->bytes);
}

static void queue_fini (bench_queue *queue)
{
    free (queue->items);
    bg_buf_fini (&queue->bytes);
}

static bg_slice part (const bench_queue *queue, size_t at, size_t size)
{
    return bg_slice_of (queue->bytes.data + at, size);
}

void bench_put (
    bench_world *self, wire_channel channel, uint32_t index, wire_kind kind, const void *value)
{
    const bg_id none = {0};
    const bool is_target = index != UINT32_MAX;
    BG_AUTO_BUF header = {0};
    BG_AUTO_BUF body = {0};
    wire_message_encode (kind, bench_id (self),
        is_target && channel == WIRE_ON_DESK ? self->targets[index].session : none, value, &header,
        &body);
    bench_message *message = queue_add (&self->in, bg_buf_slice (&header), bg_buf_slice (&body));
    message->channel = channel;
    message->index = index;
    message->peer = is_target ? self->targets[index].keys.curve_key : self->admin.curve_key;
}

/*  ---- ports ----  */

static void port_send (void *ctx, wire_channel channel, const bg_key *peer, bg_slice header,
    bg_slice body, bg_slice sigs)
{
    bench_world *self = ctx;
    (void) sigs;
    bench_message *message = queue_add (&self->out, header, body);
    message->channel = channel;
    message->peer = *peer;
}

static void port_publish (void *ctx, bg_slice stream, bg_slice header, bg_slice body, bg_slice sigs)
{
    bench_world *self = ctx;
    self->published++;
    self->published_bytes += stream.size + header.size + body.size + sigs.size;
}

static void port_keys_add (void *ctx, wire_channel channel, const bg_key *key)
{
    (void) channel;
    (void) key;
    ((bench_world *) ctx)->keys++;
}

static void port_keys_none (void *ctx)
{
    (void) ctx;
}

static void port_pending (void *ctx, const bg_key *peer, bool pending)
{
    (void) ctx;
    (void) peer;
    (void) pending;
}

static void port_random (void *ctx, void *bytes, size_t size)
{
    bench_random (ctx, bytes, size);
}

static void port_log (void *ctx, broker_log_level level, const char *event, const char *text)
{
    (void) ctx;
    if (level <= BROKER_LOG_WARNING)
        fprintf (stderr, "core_bench: %s: %s\n", event, text);
}

/*  ---- rounds ----  */

static double clock_us (clockid_t clock)
{
    struct timespec at;
    clock_gettime (clock, &at);
    return (double) at.tv_sec * 1e6 + (double) at.tv_nsec / 1e3;
}

typedef struct {
    double cpu_us, wall_us;
} stamp;

static stamp stamp_now (void)
{
    return (stamp){clock_us (CLOCK_THREAD_CPUTIME_ID), clock_us (CLOCK_MONOTONIC)};
}

/*  Each round has its own microsecond.  */
static void finish (bench_world *self, bench_cost *cost, stamp begun)
{
    bg_error err = {0};
    bool changed = false;
    const stamp fed = stamp_now ();
    bench_must (broker_core_before_commit (self->core, self->now, &changed, &err), &err);
    const stamp written = stamp_now ();
    if (changed)
        bench_must (broker_db_commit (self->db, &err), &err);
    else
        broker_db_rollback (self->db);
    const stamp committed = stamp_now ();
    cost->messages_us += fed.cpu_us - begun.cpu_us;
    cost->write_us += written.cpu_us - fed.cpu_us;
    cost->commit_us += committed.cpu_us - written.cpu_us;
    cost->wall_us += committed.wall_us - begun.wall_us;
    cost->rounds++;
    bench_pass (self, 5000);
}

static void begin_phase (bench_world *self)
{
    queue_clear (&self->out);
    self->published = self->published_bytes = 0;
}

static void end_phase (const bench_world *self, bench_cost *cost)
{
    cost->sent = self->out.count;
    cost->sent_bytes = self->out.bytes.size;
    cost->published = self->published;
    cost->published_bytes = self->published_bytes;
}

bench_cost bench_feed (bench_world *self)
{
    bench_cost cost = {0};
    bg_error err = {0};
    begin_phase (self);
    for (size_t at = 0; at < self->in.count;) {
        const stamp begun = stamp_now ();
        bench_must (broker_db_begin (self->db, &err), &err);
        for (size_t i = 0; i < BENCH_ROUND && at < self->in.count; i++, at++) {
            const bench_message *item = &self->in.items[at];
            const broker_message message = {.channel = item->channel,
                .peer = item->peer,
                .address = bg_slice_str ("10.1.2.3"),
                .header = part (&self->in, item->header, item->header_size),
                .body = part (&self->in, item->body, item->body_size)};
            bench_must (broker_core_message (self->core, self->now, &message, &err), &err);
        }
        finish (self, &cost, begun);
    }
    queue_clear (&self->in);
    end_phase (self, &cost);
    return cost;
}

bench_cost bench_round (
    bench_world *self, bg_result (*fn) (broker_core *core, bg_now now, bg_error *err))
{
    bench_cost cost = {0};
    bg_error err = {0};
    begin_phase (self);
    const stamp begun = stamp_now ();
    bench_must (broker_db_begin (self->db, &err), &err);
    bench_must (fn (self->core, self->now, &err), &err);
    finish (self, &cost, begun);
    end_phase (self, &cost);
    return cost;
}

static void make_core (bench_world *self)
{
    bg_error err = {0};
    self->core = broker_core_create (&self->settings, &self->ports);
    bench_must (broker_core_recover (self->core, self->now, &err), &err);
    bench_must (broker_core_front_up (self->core, self->now, &err), &err);
}

bench_cost bench_restart (bench_world *self)
{
    bench_cost cost = {0};
    broker_core_destroy (&self->core);
    begin_phase (self);
    const stamp begun = stamp_now ();
    make_core (self);
    const stamp made = stamp_now ();
    cost.messages_us = made.cpu_us - begun.cpu_us;
    cost.wall_us = made.wall_us - begun.wall_us;
    cost.rounds = 1;
    end_phase (self, &cost);
    return cost;
}

const void *bench_answer (
    bench_world *self, const bench_message *message, wire_kind kind, bg_arena *arena)
{
    bg_error err = {0};
    wire_header header;
    const wire_kind_row *row = NULL;
    void *value = NULL;
    bench_must (wire_header_decode (
                    part (&self->out, message->header, message->header_size), &header, &row, &err),
        &err);
    bench_must (wire_body_decode (
                    row, part (&self->out, message->body, message->body_size), arena, &value, &err),
        &err);
    if (row->kind == kind)
        return value;
    const wire_error *error = value;
    fprintf (stderr, "core_bench: a %s came instead of an answer: %.*s\n", row->name,
        row->kind == WIRE_ERROR ? (int) error->message.size : 0,
        row->kind == WIRE_ERROR ? (const char *) error->message.data : "");
    exit (1);
}

void bench_pass (bench_world *self, int64_t us)
{
    self->now.utc_us += us;
    self->now.mono_us += us;
    self->now.boot_us += us;
}

/*  ---- life ----  */

static void make_keys (bench_world *self, bench_keys *keys)
{
    uint8_t seed[32];
    bench_random (self, seed, sizeof seed);
    wire_keypair (seed, &keys->sign_key, keys->secret);
    bench_random (self, keys->curve_key.bytes, sizeof keys->curve_key.bytes);
}

static void make_targets (bench_world *self)
{
    self->targets = bg_alloc (self->count * sizeof *self->targets);
    for (uint32_t i = 0; i < self->count; i++) {
        bench_target *target = &self->targets[i];
        snprintf (target->name, sizeof target->name, "t%05u", i);
        make_keys (self, &target->keys);
        target->outbox = bench_id (self);
        target->instance = bench_id (self);
        bench_random (self, target->nonce, sizeof target->nonce);
    }
}

static void set_ports (bench_world *self)
{
    self->ports = (broker_ports){.ctx = self,
        .send = port_send,
        .publish = port_publish,
        .keys_reset = port_keys_none,
        .keys_add = port_keys_add,
        .keys_cut = port_keys_add,
        .keys_ready = port_keys_none,
        .pending = port_pending,
        .random = port_random,
        .log = port_log,
        .crypto = wire_crypto_sodium (),
        .store = broker_db_port (self->db)};
}

void bench_open (bench_world *self, const char *path, uint32_t count)
{
    bg_error err = {0};
    *self = (bench_world){.count = count, .random = 42};
    self->now = (bg_now){START_US, BG_SEC (1000), BG_SEC (1000)};
    make_keys (self, &self->admin);
    make_keys (self, &self->broker);
    make_targets (self);
    memset (self->settings.installation.bytes, 0x11, BG_ID_BYTES);
    self->settings.name = bg_slice_str ("main");
    self->settings.sign_key = self->broker.sign_key;
    memcpy (self->settings.sign_secret, self->broker.secret, sizeof self->broker.secret);
    self->settings.curve_key = self->broker.curve_key;
    self->settings.version = bg_slice_str ("0.1.0");
    self->settings.endpoints[0] = bg_slice_str ("broker.example.org");
    self->settings.endpoint_count = 1;
    self->settings.started_us = self->now.utc_us;
    bench_must (broker_db_open (path, &self->db, &err), &err);
    set_ports (self);
    bench_found (self);
    make_core (self);
    bench_token (self);
}

void bench_close (bench_world *self)
{
    broker_core_destroy (&self->core);
    broker_db_close (&self->db);
    bg_arena_fini (&self->arena);
    queue_fini (&self->in);
    queue_fini (&self->out);
    free (self->targets);
}
