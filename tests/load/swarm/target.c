/*  A target's life and turns: see target.h. Ports and effects: target_node.c, target_exec.c.

    Invariant: between turns no batch is open and no effect is held back.  */
#include "tests/load/swarm/target.h"

#include "common/sys/clock.h"
#include "common/sys/random.h"
#include "tests/load/swarm/steps.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

void swarm_random (swarm_shared *shared, void *bytes, size_t size)
{
    if (size > sizeof shared->random) {
        bg_random_bytes (bytes, size);
        return;
    }
    if (size > shared->random_left) {
        bg_random_bytes (shared->random, sizeof shared->random);
        shared->random_left = sizeof shared->random;
    }
    shared->random_left -= size;
    memcpy (bytes, shared->random + shared->random_left, size);
    sodium_memzero (shared->random + shared->random_left, size);
}

/*  ---- turns ----  */

bg_now swarm_target_now (const swarm_target *self)
{
    return (bg_now){
        bg_clock_utc_us () + self->utc_offset_us, bg_clock_mono_us (), bg_clock_boot_us ()};
}

void swarm_target_failed (swarm_target *self, const char *what, const bg_error *err)
{
    self->shared->counts.store_failures++;
    bg_log_failure (self->shared->log, BG_LOG_ERROR, "target-failed", err, "target=%s what=\"%s\"",
        self->name, what);
}

bool swarm_target_begin (swarm_target *self)
{
    if (self->in_batch)
        return true;
    bg_error err = {0};
    if (bg_failed (swarm_store_begin (&self->kept, &err))) {
        swarm_target_failed (self, "begin", &err);
        return false;
    }
    self->in_batch = true;
    return true;
}

static void commit (swarm_target *self)
{
    bg_error err = {0};
    bg_result result = node_core_before_commit (self->node, swarm_target_now (self), &err);
    if (bg_is_ok (result))
        result = swarm_store_commit (&self->kept, &err);
    self->in_batch = false;
    if (bg_failed (result))
        swarm_target_failed (self, "commit", &err);
}

/*  Effects that are let out can bring new ones, so there are two lists of each kind and they change places; their memory
    stays.  */
static void release_node (swarm_target *self)
{
    swarm_shared *shared = self->shared;
    node_effects released = shared->node_effects;
    shared->node_effects = shared->node_spare;
    shared->node_spare = (node_effects){0};
    for (size_t i = 0; i < released.count; i++)
        swarm_target_release_node (self, &released.items[i]);
    released.count = 0;
    bg_arena_reset (&released.arena);
    node_effects_fini (&shared->node_spare);
    shared->node_spare = released;
}

static void release_exec (swarm_target *self)
{
    swarm_shared *shared = self->shared;
    swarm_exec_effects released = shared->exec_effects;
    shared->exec_effects = shared->exec_spare;
    shared->exec_spare = (swarm_exec_effects){0};
    for (size_t i = 0; i < released.count; i++)
        swarm_target_release_exec (self, &released.items[i]);
    released.count = 0;
    bg_arena_reset (&released.arena);
    swarm_exec_effects_fini (&shared->exec_spare);
    shared->exec_spare = released;
}

/*  ---- what it is by now ----  */

static void set_since (swarm_target *self, swarm_what what, bool is_so)
{
    if (!is_so)
        self->since_us[what] = 0;
    else if (!self->since_us[what])
        self->since_us[what] = bg_clock_utc_us ();
}

static void outcomes_acknowledged (swarm_target *self)
{
    swarm_stats *stats = &self->shared->stats;
    const int64_t now_us = bg_clock_utc_us ();
    for (size_t slot = 0; slot < SWARM_EXECS; slot++) {
        if (!(self->exec_mask & UINT64_C (1) << slot))
            continue;
        stats->execs[slot].acknowledged++;
        stats->execs[slot].last_ack_us = now_us;
    }
    self->exec_mask = 0;
}

static void look (swarm_target *self)
{
    node_core_state state;
    node_core_get_state (self->node, &state);
    const bool is_connected = state.connected && self->has_session;
    self->outbox = state.outbox;
    if (!is_connected)
        self->was_polled = false;
    set_since (self, SWARM_ENLISTED, state.enlisted);
    /*  The answer to the enlistment comes when the target is connected, and that has to wait.  */
    if (self->is_held && self->is_enlisting && state.enlisted) {
        self->is_enlisting = false;
        self->shared->enlisting--;
    }
    set_since (self, SWARM_CONNECTED, is_connected);
    set_since (self, SWARM_CURRENT,
        is_connected && state.exec_ready && state.waiting == 0 && self->was_polled &&
            (!self->poll_open || self->since_us[SWARM_CURRENT]));
    set_since (
        self, SWARM_QUIET, state.outbox == 0 && state.open_runs == 0 && self->produce_left == 0);
    if (self->exec_mask && state.outbox == 0 && state.open_runs == 0)
        outcomes_acknowledged (self);
}

bool swarm_target_is_quiet (const swarm_target *self)
{
    return self->since_us[SWARM_QUIET] != 0;
}

/*  One REPORT's worth, as soon as the one before is acknowledged.  */
static void produce_on (swarm_target *self)
{
    if (!self->produce_left || !self->produce_per || self->outbox > 0 ||
        !self->since_us[SWARM_CONNECTED])
        return;
    uint64_t count =
        self->produce_left < self->produce_per ? self->produce_left : self->produce_per;
    self->produce_left -= swarm_target_produce (self, count);
}

void swarm_target_settle (swarm_target *self)
{
    if (self->is_settling)
        return;
    self->is_settling = true;
    do {
        while (self->in_batch || self->shared->exec_effects.count) {
            if (self->in_batch)
                commit (self);
            release_node (self);
            swarm_target_sync (self);
            release_exec (self);
        }
        look (self);
        produce_on (self);
    } while (self->in_batch);
    self->is_settling = false;
    self->shared->changed (self->shared->changed_ctx, self);
}

int64_t swarm_target_deadline (const swarm_target *self)
{
    int64_t due_us = node_core_deadline (self->node);
    const int64_t exec_us = exec_core_deadline (self->exec);
    const int64_t wall_us = node_core_wall_deadline (self->node);
    const int64_t runs_us = swarm_runs_deadline (self);
    due_us = exec_us < due_us ? exec_us : due_us;
    due_us = runs_us < due_us ? runs_us : due_us;
    if (self->enlist_again_us && self->enlist_again_us < due_us)
        due_us = self->enlist_again_us;
    if (wall_us == INT64_MAX)
        return due_us;
    const bg_now now = swarm_target_now (self);
    const int64_t wall_mono_us = now.mono_us + (wall_us - now.utc_us);
    return wall_mono_us < due_us ? wall_mono_us : due_us;
}

void swarm_target_tick (swarm_target *self)
{
    const bg_now now = swarm_target_now (self);
    if (self->enlist_again_us && now.mono_us >= self->enlist_again_us)
        swarm_target_enlist (self);
    swarm_runs_tick (self, now.mono_us);
    exec_core_tick (self->exec, now);
    bg_error err = {0};
    if (swarm_target_begin (self) && bg_failed (node_core_tick (self->node, now, &err)))
        swarm_target_failed (self, "tick", &err);
    swarm_target_settle (self);
}

/*  ---- keys and places ----  */

/*  A secret of 32 bytes from seed, number and use: the same in every run with the same seed.  */
static void secret_of (const swarm_target *self, const char *use, uint8_t secret[BG_KEY_BYTES])
{
    BG_AUTO_BUF text = {0};
    bg_buf_printf (&text, "bugle-swarm %llu %s %s",
        (unsigned long long) self->shared->options->seed, self->name, use);
    wire_hash32 (bg_buf_slice (&text), secret);
}

static void make_keys (swarm_target *self)
{
    uint8_t secret[BG_KEY_BYTES];
    secret_of (self, "sign", secret);
    bg_keypair_from_secret (&self->sign, BG_KEY_ED25519, secret);
    secret_of (self, "curve", secret);
    bg_keypair_from_secret (&self->curve, BG_KEY_CURVE25519, secret);
    sodium_memzero (secret, sizeof secret);
}

static int64_t clock_of (const swarm_target *self)
{
    const int64_t spread_us = self->shared->options->clock_spread_us;
    if (spread_us <= 0)
        return 0;
    uint8_t bytes[BG_KEY_BYTES];
    secret_of (self, "clock", bytes);
    return (int64_t) (bg_read_u64 (bytes) % (uint64_t) (2 * spread_us + 1)) - spread_us;
}

static bg_result open_store (swarm_target *self, bg_error *err)
{
    const char *dir = self->shared->options->store_dir;
    if (!dir)
        return swarm_store_open (NULL, &self->kept, err);
    BG_AUTO_CHAR path = bg_strdup_printf ("%s/%s.db", dir, self->name);
    return swarm_store_open (path, &self->kept, err);
}

bg_result swarm_target_init (
    swarm_target *self, swarm_shared *shared, size_t index, size_t number, bg_error *err)
{
    *self = (swarm_target){
        .shared = shared, .index = index, .number = number, .is_held = shared->options->holds};
    (void) snprintf (self->name, sizeof self->name, "%s%05zu", shared->options->prefix, number);
    self->zone = shared->zone_count ? shared->zone_names[(number - 1) % shared->zone_count] : NULL;
    self->utc_offset_us = clock_of (self);
    self->instance = bg_id_new ();
    make_keys (self);
    return open_store (self, err);
}

bg_result swarm_target_start (swarm_target *self, bg_error *err)
{
    BG_TRY (swarm_target_make_exec (self, NULL, 0, err));
    BG_TRY (swarm_target_make_node (self, err));
    swarm_target_settle (self);
    return bg_ok ();
}

typedef struct {
    bg_buf *records;
    size_t count;
} kept_log;

static void keep (void *ctx, bg_slice record)
{
    kept_log *self = ctx;
    self->records = bg_realloc (self->records, (self->count + 1) * sizeof *self->records);
    bg_buf *to = &self->records[self->count++];
    *to = (bg_buf){0};
    bg_buf_append_slice (to, record);
}

bg_result swarm_target_restart (swarm_target *self, bg_error *err)
{
    kept_log log = {0};
    if (self->log)
        swarm_target_close_log (self);
    else
        exec_core_compact (self->exec, swarm_target_now (self), keep, &log);
    for (int i = 0; i < NODE_LINK_COUNT; i++) {
        node_links_close (self->links, (node_link) i);
        self->generations[i]++;
        self->wants[i].is_open = false;
    }
    node_core_destroy (&self->node);
    exec_core_destroy (&self->exec);
    self->instance = bg_id_new ();
    self->report_us = 0;
    self->has_session = self->poll_open = self->was_polled = false;
    memset (self->since_us, 0, sizeof self->since_us);
    bg_result result = swarm_target_make_exec (self, log.records, log.count, err);
    for (size_t i = 0; i < log.count; i++)
        bg_buf_fini (&log.records[i]);
    free (log.records);
    if (bg_is_ok (result))
        result = swarm_target_make_node (self, err);
    if (bg_is_ok (result))
        swarm_target_settle (self);
    self->shared->counts.restarts++;
    return result;
}

void swarm_target_fini (swarm_target *self)
{
    node_links_destroy (&self->links);
    node_core_destroy (&self->node);
    swarm_target_close_log (self);
    exec_core_destroy (&self->exec);
    swarm_runs_fini (self);
    swarm_store_close (&self->kept);
    for (int i = 0; i < NODE_LINK_COUNT; i++)
        free (self->wants[i].endpoints);
    for (size_t i = 0; i < self->topic_count; i++)
        free (self->topics[i]);
    bg_keypair_fini (&self->sign);
    bg_keypair_fini (&self->curve);
}
