/*  What an operation costs the broker's core and its store for each target: CPU of the thread, as the
    shell's rounds make it, and memory. The sockets are not in here: bugle-swarm and tests/load/run
    measure those.

        core_bench [TARGETS [JOBS [STORE]]]

    STORE is a file that is made anew (default: in the working directory, removed at the end). Ends with 1
    when something did not come about: an answer was missing, an execution not done.  */
#include "tests/load/core_bench/world.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct {
    bench_world world;
    size_t heap; /*  before the last phase  */
} bench;

/*  ---- report ----  */

static size_t heap_bytes (void)
{
    struct mallinfo2 info = mallinfo2 ();
    return info.uordblks + info.hblkhd;
}

static void say_head (void)
{
    printf ("%-44s %8s %8s %8s %8s %7s %9s %9s\n", "us of CPU for each target", "all", "core",
        "marks", "commit", "rounds", "out B", "wall ms");
}

static void say (const bench *self, const char *what, const bench_cost *cost, double per)
{
    (void) self;
    printf ("%-44s %8.2f %8.2f %8.2f %8.2f %7zu %9.0f %9.1f\n", what,
        (cost->messages_us + cost->write_us + cost->commit_us) / per, cost->messages_us / per,
        cost->write_us / per, cost->commit_us / per, cost->rounds,
        (double) (cost->sent_bytes + cost->published_bytes) / per, cost->wall_us / 1e3);
}

/*  Heap of the world's queues is in the sum: they are the same before and after where it matters.  */
static void say_heap (bench *self, const char *what)
{
    bench_world *world = &self->world;
    size_t own = world->in.bytes.capacity + world->out.bytes.capacity +
                 (world->in.room + world->out.room) * sizeof (bench_message);
    size_t now = heap_bytes () - own;
    printf ("%-44s %8.0f bytes of heap for each target\n", what,
        ((double) now - (double) self->heap) / world->count);
    self->heap = now;
}

static void expect (bool holds, const char *what)
{
    if (holds)
        return;
    fprintf (stderr, "core_bench: %s\n", what);
    exit (1);
}

/*  ---- phases ----  */

static void enlist (bench *self)
{
    bench_world *world = &self->world;
    for (uint32_t i = 0; i < world->count; i++) {
        wire_enlist_hello hello = {.level_low = 1,
            .level_high = 1,
            .token_key = world->token_key,
            .sign_key = world->targets[i].keys.sign_key,
            .name = bg_slice_str (world->targets[i].name)};
        memcpy (hello.nonce, world->targets[i].nonce, sizeof hello.nonce);
        bench_put (world, WIRE_ON_ENLIST, i, WIRE_ENLIST_HELLO, &hello);
    }
    bench_cost cost = bench_feed (world);
    say (self, "enlist: hello to challenge", &cost, world->count);
    expect (world->out.count == world->count, "a challenge is missing");
    for (uint32_t i = 0; i < world->count; i++) {
        BG_AUTO_ARENA arena = {0};
        const wire_enlist_challenge *challenge =
            bench_answer (world, &world->out.items[i], WIRE_ENLIST_CHALLENGE, &arena);
        wire_enlist_prove prove = bench_prove (world, &world->targets[i], challenge, &arena);
        bench_put (world, WIRE_ON_ENLIST, i, WIRE_ENLIST_PROVE, &prove);
    }
    cost = bench_feed (world);
    say (self, "enlist: proof to member", &cost, world->count);
    BG_AUTO_ARENA arena = {0};
    for (uint32_t i = 0; i < world->count; i++) {
        bench_answer (world, &world->out.items[i], WIRE_ENLIST_DONE, &arena);
        wire_digest_toggle (world->targets[i].digest, world->targets[i].id, 1);
    }
}

static void hello (bench *self, const char *what)
{
    bench_world *world = &self->world;
    for (uint32_t i = 0; i < world->count; i++) {
        const bench_target *target = &world->targets[i];
        const wire_hello value = {.level_low = 1,
            .level_high = 1,
            .boot_counter = 1,
            .instance = target->instance,
            .name = bg_slice_str (target->name),
            .version = bg_slice_str ("0.1.0"),
            .zone = bg_slice_str ("Europe/Berlin"),
            .outbox = target->outbox,
            .time_us = world->now.utc_us,
            .utc_offset_s = 3600};
        bench_put (world, WIRE_ON_DESK, i, WIRE_HELLO, &value);
    }
    const bench_cost cost = bench_feed (world);
    say (self, what, &cost, world->count);
    expect (world->out.count == world->count, "a welcome is missing");
    for (uint32_t i = 0; i < world->count; i++) {
        BG_AUTO_ARENA arena = {0};
        const wire_welcome *welcome =
            bench_answer (world, &world->out.items[i], WIRE_WELCOME, &arena);
        world->targets[i].session = welcome->session;
    }
}

/*  Returns how many instructions the answers brought.  */
static size_t poll_all (bench *self, const char *what)
{
    bench_world *world = &self->world;
    size_t instructions = 0;
    for (uint32_t i = 0; i < world->count; i++) {
        wire_poll value = {.state_seq = world->targets[i].state_seq, .authority = 1};
        bench_random (world, value.nonce, sizeof value.nonce);
        memcpy (value.digest, world->targets[i].digest, sizeof value.digest);
        bench_put (world, WIRE_ON_DESK, i, WIRE_POLL, &value);
    }
    const bench_cost cost = bench_feed (world);
    say (self, what, &cost, world->count);
    for (size_t i = 0; i < world->out.count; i++) {
        BG_AUTO_ARENA arena = {0};
        const wire_poll_answer *answer =
            bench_answer (world, &world->out.items[i], WIRE_POLL_ANSWER, &arena);
        instructions += answer->instructions_count;
        expect (!answer->inventory, "digests differ");
    }
    return instructions;
}

/*  count documents in one ACK of every target.  */
static void ack_all (
    bench *self, const char *what, const bg_id *keys, uint64_t version, size_t count, bool holds)
{
    bench_world *world = &self->world;
    wire_ack_item items[256];
    for (size_t i = 0; i < count; i++)
        items[i] =
            (wire_ack_item){.key = keys[i], .version = version, .state = WIRE_DELIVERY_APPLIED};
    for (uint32_t i = 0; i < world->count; i++) {
        bench_target *target = &world->targets[i];
        for (size_t k = 0; holds && k < count; k++)
            wire_digest_toggle (target->digest, keys[k], version);
        target->state_seq += count;
        const wire_ack ack = {.items = items, .items_count = count, .state_seq = target->state_seq};
        bench_put (world, WIRE_ON_DESK, i, WIRE_ACK, &ack);
    }
    const bench_cost cost = bench_feed (world);
    say (self, what, &cost, world->count);
    for (size_t i = 0; i < world->out.count; i++)
        expect (world->out.items[i].channel == WIRE_ON_OPS, "an acknowledgement was refused");
}

/*  The first of them may be there already, in the version before.  */
static void post (bench *self, const char *what, size_t count, uint64_t version)
{
    bench_world *world = &self->world;
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf (name, sizeof name, "job %zu", i);
        wire_post_item item = {.has_document = true,
            .document = bench_job (world, name, version),
            .seen_version = i == 0 ? version - 1 : 0};
        const wire_post value = {.items = &item, .items_count = 1};
        bench_put (world, WIRE_ON_OPS, UINT32_MAX, WIRE_POST, &value);
    }
    const bench_cost cost = bench_feed (world);
    say (self, what, &cost, (double) world->count * (double) count);
    printf ("%-44s %zu publications, %.0f us for each job\n", "", cost.published,
        (cost.messages_us + cost.write_us + cost.commit_us) / (double) count);
    expect (world->out.count == count, "a job was not posted");
    BG_AUTO_ARENA arena = {0};
    for (size_t i = 0; i < count; i++)
        bench_answer (world, &world->out.items[i], WIRE_POSTED, &arena);
}

static void jobs (bench *self, size_t count)
{
    bench_world *world = &self->world;
    bg_id *keys = bg_alloc (count * sizeof *keys);
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf (name, sizeof name, "job %zu", i);
        keys[i] = bench_job_key (world, name);
    }
    post (self, "first job to all", 1, 1);
    size_t brought = poll_all (self, "poll: one job pending");
    expect (brought == world->count, "a poll did not bring the job");
    ack_all (self, "ack: one job in a message", keys, 1, 1, true);
    if (count > 1) {
        post (self, "jobs back to back", count, 2);
        for (uint32_t i = 0; i < world->count; i++)
            wire_digest_toggle (world->targets[i].digest, keys[0], 1);
        ack_all (self, "ack: all of them in a message", keys, 2, count, true);
    }
    expect (poll_all (self, "poll: nothing new, with those jobs") == 0, "something is pending");
    free (keys);
}

/*  A command follows the execution from the moment it was issued, as job start --wait does.  */
static bg_id issue (bench *self)
{
    bench_world *world = &self->world;
    bg_id id;
    const wire_signed deed = bench_start (world, "job 0", &id);
    const wire_issue value = {.has_deed = true, .deed = deed};
    bench_put (world, WIRE_ON_OPS, UINT32_MAX, WIRE_ISSUE, &value);
    const wire_exec_watch watch = {.id = id};
    bench_put (world, WIRE_ON_OPS, UINT32_MAX, WIRE_EXEC_WATCH, &watch);
    const bench_cost cost = bench_feed (world);
    say (self, "START to all: deed and publication", &cost, world->count);
    expect (cost.published == 1, "the START was not published once");
    return id;
}

static void outcomes (bench *self, bg_id exec)
{
    bench_world *world = &self->world;
    for (uint32_t i = 0; i < world->count; i++) {
        bench_target *target = &world->targets[i];
        wire_report_item item = {.sequence = ++target->sequence,
            .has_run = true,
            .run = {.run = bench_id (world),
                .job_key = bench_job_key (world, "job 0"),
                .job_name = bg_slice_str ("job 0"),
                .job_version = 2,
                .exec = exec,
                .state = WIRE_RUN_SUCCEEDED,
                .started_us = world->now.utc_us,
                .finished_us = world->now.utc_us + BG_MS (5)}};
        const wire_report report = {.outbox = target->outbox, .items = &item, .items_count = 1};
        bench_put (world, WIRE_ON_DESK, i, WIRE_REPORT, &report);
    }
    const bench_cost cost = bench_feed (world);
    say (self, "START to all: outcomes, one in a message", &cost, world->count);
    size_t states = 0;
    BG_AUTO_ARENA arena = {0};
    bool done = false;
    for (size_t i = 0; i < world->out.count; i++) {
        if (world->out.items[i].channel != WIRE_ON_OPS)
            continue;
        const wire_exec_state *state =
            bench_answer (world, &world->out.items[i], WIRE_EXEC_STATE, &arena);
        states++;
        done = state->row.done && state->row.succeeded == world->count;
    }
    printf ("%-44s %zu states to the command that waits\n", "", states);
    expect (done, "the START is not done");
}

static void ticks (bench *self)
{
    bench_world *world = &self->world;
    bench_pass (world, BG_SEC (16));
    bench_cost cost = bench_round (world, broker_core_tick);
    say (self, "tick: streams, expiry, scan of flags", &cost, world->count);
}

static void restart (bench *self)
{
    const bench_cost cost = bench_restart (&self->world);
    say (self, "restart: recover and key table", &cost, self->world.count);
    hello (self, "restart: hello");
    poll_all (self, "restart: poll");
}

int main (int argc, char **argv)
{
    const long targets = argc > 1 ? strtol (argv[1], NULL, 10) : 10000;
    const long jobs_count = argc > 2 ? strtol (argv[2], NULL, 10) : 20;
    char path[512];
    snprintf (path, sizeof path, "%s", argc > 3 ? argv[3] : "core_bench.db");
    if (targets < 1 || targets > 100000 || jobs_count < 1 || jobs_count > 256) {
        fprintf (stderr, "usage: core_bench [TARGETS 1..100000 [JOBS 1..256 [STORE]]]\n");
        return 2;
    }
    unlink (path);
    bench self = {0};
    bench_open (&self.world, path, (uint32_t) targets);
    printf ("%ld targets, rounds of %d messages, store at %s\n", targets, BENCH_ROUND, path);
    self.heap = heap_bytes ();
    say_head ();
    enlist (&self);
    say_heap (&self, "memory: a member");
    hello (&self, "hello to welcome");
    say_heap (&self, "memory: its session");
    const bg_id zero = {0};
    poll_all (&self, "poll: the authority pending");
    for (uint32_t i = 0; i < self.world.count; i++)
        wire_digest_toggle (self.world.targets[i].digest, zero, 1);
    ack_all (&self, "ack: the authority", &zero, 1, 1, false);
    expect (poll_all (&self, "poll: nothing new") == 0, "something is pending");
    jobs (&self, (size_t) jobs_count);
    say_heap (&self, "memory: those jobs");
    bg_id exec = issue (&self);
    ack_all (&self, "START to all: ack", &exec, 1, 1, false);
    outcomes (&self, exec);
    exec = issue (&self);
    outcomes (&self, exec);
    say_heap (&self, "memory: two executions");
    ticks (&self);
    restart (&self);
    bench_close (&self.world);
    unlink (path);
    return 0;
}
