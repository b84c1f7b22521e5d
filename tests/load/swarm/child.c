/*  A child of bugle-swarm: its targets, one loop, one thread beside libzmq's own. Orders: orders.c.  */
#include "tests/load/swarm/child.h"

#include "common/sys/clock.h"
#include "common/sys/random.h"
#include "common/sys/zcontext.h"
#include "node/shell/facts.h"
#include "proto/token_text.h"
#include "tests/load/swarm/lag.h"
#include "tests/load/swarm/real.h"
#include "tests/load/swarm/steps.h"

#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*  Three links, each a socket and both ends of its monitor; and as many that were closed and that libzmq still counts.  */
#define SOCKETS_TARGET (2 * 3 * NODE_LINK_COUNT)
#define SILENT_SEC     5
#define ENLISTING_MAX  32 /*  enlistments under way in all children together  */

/*  ---- deadlines ----  */

static void arm (swarm_child *self)
{
    if (self->heap.count == 0 || self->heap.items[0]->due_us == SWARM_NEVER)
        bg_timer_disarm (self->due);
    else
        bg_timer_arm_at (self->due, self->heap.items[0]->due_us);
}

static void enlist_more (swarm_child *self)
{
    while (self->shared.enlisting < self->enlist_window &&
           self->enlist_next < self->shared.target_count) {
        swarm_target *target = &self->shared.targets[self->enlist_next++];
        if (!target->since_us[SWARM_ENLISTED])
            swarm_target_enlist (target);
    }
}

static void changed (void *ctx, swarm_target *target)
{
    swarm_child *self = ctx;
    const int64_t first_us = self->heap.count ? self->heap.items[0]->due_us : 0;
    const int64_t due_us = swarm_target_deadline (target);
    if (due_us != target->due_us)
        swarm_heap_set (&self->heap, target, due_us);
    if (self->heap.items[0]->due_us != first_us)
        arm (self);
}

static void on_due (void *arg)
{
    swarm_child *self = arg;
    const int64_t now_us = bg_clock_mono_us ();
    for (int i = 0; i < 64 && self->heap.items[0]->due_us <= now_us; i++) {
        swarm_target *target = self->heap.items[0];
        swarm_target_tick (target);
        /*  A deadline that a tick leaves in the past would keep the loop here.  */
        if (target->due_us <= now_us)
            swarm_heap_set (&self->heap, target, now_us + BG_MS (1));
    }
    enlist_more (self);
    arm (self);
}

static void on_look (void *arg)
{
    swarm_child *self = arg;
    enlist_more (self);
    swarm_child_look (self);
}

/*  ---- churn ----  */

static void on_churn (void *arg)
{
    swarm_child *self = arg;
    const swarm_options *options = self->shared.options;
    self->churn_owed += (double) self->shared.target_count * options->churn_percent / 100.0;
    const size_t count = (size_t) self->churn_owed;
    self->churn_owed -= (double) count;
    if (!self->shared.is_ending)
        swarm_child_restart (self, count);
    bg_timer_arm (self->churn, options->churn_every_us);
}

/*  ---- silence ----  */

/*  A core waits a minute before it says so, and who has just mistyped an address should not.  */
static void on_silent (void *arg)
{
    swarm_child *self = arg;
    for (size_t i = 0; i < self->shared.target_count; i++)
        if (self->shared.targets[i].since_us[SWARM_ENLISTED])
            return;
    BG_AUTO_ARENA arena = {0};
    wire_token_text token;
    if (self->shared.counts.enlist_failures == 0 &&
        bg_is_ok (wire_token_text_parse (self->shared.token, &arena, &token, NULL)) &&
        token.endpoints_count > 0)
        bg_log_event (self->shared.log, BG_LOG_WARNING, "nobody-enlisted",
            "endpoint=%s hint=\"no target is enlisted after %d s: does the broker run, and is it "
            "reached from here?\"",
            bg_log_value (token.endpoints[0]).text, SILENT_SEC);
}

/*  ---- the parent ----  */

static void on_parent (int fd, unsigned events, void *arg)
{
    (void) fd;
    (void) events;
    swarm_child *self = arg;
    bg_slice payload;
    for (;;) {
        bg_error err = {0};
        const bg_result result = bg_frames_next (self->frames, &payload, &err);
        if (result.code == BG_AGAIN)
            return;
        if (bg_failed (result) || payload.size != sizeof (swarm_order)) {
            bg_loop_stop (self->shared.loop, 1); /*  the parent is gone  */
            return;
        }
        swarm_order order;
        memcpy (&order, payload.data, sizeof order);
        swarm_child_order (self, &order);
    }
}

/*  The parent tells when to end; a signal to the whole group must not come before.  */
static void on_signal (int signo, void *arg)
{
    (void) signo;
    (void) arg;
}

/*  ---- what is shared ----  */

static void read_zones (swarm_shared *shared)
{
    BG_AUTO_CHAR list = bg_strdup (shared->options->zones ? shared->options->zones : "");
    char *rest = list;
    for (char *name = strsep (&rest, ","); name; name = strsep (&rest, ",")) {
        if (!*name)
            continue;
        shared->zone_names =
            bg_realloc (shared->zone_names, (shared->zone_count + 1) * sizeof (char *));
        shared->zone_names[shared->zone_count++] = bg_strdup (name);
    }
}

static void make_account (swarm_shared *shared)
{
    const struct passwd *user = getpwuid (getuid ());
    shared->account = bg_alloc (sizeof *shared->account);
    *shared->account = (exec_account){.uid = (uint32_t) getuid (), .gid = (uint32_t) getgid ()};
    (void) snprintf (
        shared->account->name, sizeof shared->account->name, "%s", user ? user->pw_name : "swarm");
    (void) snprintf (shared->account->home, sizeof shared->account->home, "/");
    (void) snprintf (shared->account->shell, sizeof shared->account->shell, "/bin/sh");
    shared->policy = bg_alloc (sizeof *shared->policy);
    (void) snprintf (
        shared->policy->account, sizeof shared->policy->account, "%s", shared->account->name);
    shared->policy->root = true;
    shared->policy->runs = EXEC_POLICY_RUNS;
}

static bg_result read_token (swarm_shared *shared, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_token_text token;
    shared->token = bg_buf_slice (&shared->options->token);
    BG_TRY (wire_token_text_parse (shared->token, &arena, &token, err));
    memcpy (shared->authority_hash, token.authority_hash, sizeof shared->authority_hash);
    return bg_ok ();
}

static bg_result open_shared (swarm_child *self, size_t count, bg_error *err)
{
    swarm_shared *shared = &self->shared;
    BG_TRY (bg_crypto_init (err));
    const bg_zcontext_options context = {
        .io_threads = 1, .max_sockets = (unsigned) (count * SOCKETS_TARGET + 256)};
    BG_TRY (bg_zcontext_open (&context, err));
    BG_TRY (bg_loop_create (&shared->loop, err));
    shared->log = bg_log_create ("swarm", STDERR_FILENO, BG_LOG_PLAIN);
    bg_log_set_level (shared->log, BG_LOG_WARNING);
    shared->crypto = swarm_crypto_create ();
    shared->zones = node_zones_create (NULL, shared->log);
    read_zones (shared);
    make_account (shared);
    if (bg_failed (bg_boot_id (&shared->boot, NULL)))
        bg_random_bytes (&shared->boot, sizeof shared->boot);
    shared->fact_count = node_facts_read ("/etc/os-release", node_zones_local_name (shared->zones),
        BUGLE_VERSION, &shared->facts_arena, shared->facts);
    swarm_stats_init (&shared->stats, count);
    shared->changed = changed;
    shared->changed_ctx = self;
    return read_token (shared, err);
}

static bg_result open_targets (swarm_child *self, size_t first, size_t count, bg_error *err)
{
    swarm_shared *shared = &self->shared;
    shared->targets = bg_alloc ((count + 1) * sizeof *shared->targets);
    for (size_t i = 0; i < count; i++) {
        BG_TRY (swarm_target_init (&shared->targets[i], shared, i, first + i + 1, err));
        shared->target_count = i + 1;
    }
    swarm_heap_init (&self->heap, shared->targets, count);
    for (size_t i = 0; i < count; i++)
        BG_TRY (swarm_target_start (&shared->targets[i], err));
    return bg_ok ();
}

static bg_result open_child (swarm_child *self, size_t first, size_t count, int fd, bg_error *err)
{
    swarm_shared *shared = &self->shared;
    const swarm_options *options = shared->options;
    BG_TRY (open_shared (self, count, err));
    BG_TRY (bg_signal_watch_create (shared->loop, SIGTERM, on_signal, self, &self->term, err));
    BG_TRY (bg_signal_watch_create (shared->loop, SIGINT, on_signal, self, &self->interrupt, err));
    BG_TRY (
        bg_defer_create (shared->loop, BG_DEFER_IDLE, swarm_runs_idle, shared, &shared->idle, err));
    BG_TRY (bg_timer_create (shared->loop, on_due, self, &self->due, err));
    BG_TRY (bg_timer_create (shared->loop, on_look, self, &self->look, err));
    BG_TRY (bg_timer_create (shared->loop, on_churn, self, &self->churn, err));
    BG_TRY (bg_timer_create (shared->loop, swarm_child_restart_some, self, &self->restart, err));
    BG_TRY (bg_timer_create (shared->loop, swarm_child_rate, self, &self->rate, err));
    BG_TRY (bg_timer_create (shared->loop, on_silent, self, &self->silent, err));
    self->frames = bg_frames_create (fd, SWARM_MESSAGE_BYTES, SWARM_MESSAGE_BYTES);
    BG_TRY (bg_fd_watch_create (shared->loop, fd, BG_FD_READ, on_parent, self, &self->parent, err));
    self->enlist_window = 1 + ENLISTING_MAX * count / (options->targets ? options->targets : 1);
    if (shared->real)
        BG_TRY (swarm_real_watch (shared->real, shared, err));
    if (options->lag_high_us > 0)
        BG_TRY (swarm_lag_create (shared, &shared->lag, err));
    BG_TRY (open_targets (self, first, count, err));
    if (options->churn_percent > 0)
        bg_timer_arm (self->churn, options->churn_every_us);
    bg_timer_arm (self->look, 0);
    if (first == 0) /*  once is enough  */
        bg_timer_arm (self->silent, BG_SEC (SILENT_SEC));
    return bg_ok ();
}

static void close_child (swarm_child *self)
{
    swarm_shared *shared = &self->shared;
    for (size_t i = 0; i < shared->target_count; i++)
        swarm_target_fini (&shared->targets[i]);
    free (shared->targets);
    swarm_lag_destroy (&shared->lag);
    swarm_heap_fini (&self->heap);
    swarm_notes_fini (shared);
    swarm_stats_fini (&shared->stats);
    node_effects_fini (&shared->node_effects);
    swarm_exec_effects_fini (&shared->exec_effects);
    node_effects_fini (&shared->node_spare);
    swarm_exec_effects_fini (&shared->exec_spare);
    bg_arena_fini (&shared->facts_arena);
    for (size_t i = 0; i < shared->zone_count; i++)
        free (shared->zone_names[i]);
    free (shared->zone_names);
    free (shared->account);
    free (shared->policy);
    node_zones_destroy (&shared->zones);
    swarm_crypto_destroy (&shared->crypto);
    bg_fd_watch_destroy (&self->parent);
    swarm_real_destroy (&shared->real);
    bg_defer_destroy (&shared->idle);
    bg_timer_destroy (&self->silent);
    bg_timer_destroy (&self->restart);
    bg_timer_destroy (&self->rate);
    bg_timer_destroy (&self->churn);
    bg_timer_destroy (&self->look);
    bg_timer_destroy (&self->due);
    bg_signal_watch_destroy (&self->interrupt);
    bg_signal_watch_destroy (&self->term);
    bg_frames_destroy (&self->frames);
    bg_loop_destroy (&shared->loop);
    bg_zcontext_close ();
    bg_log_destroy (&shared->log);
}

int swarm_child_run (const swarm_options *options, size_t first, size_t count, int fd)
{
    swarm_child *self = bg_alloc (sizeof *self);
    self->shared.options = options;
    bg_error err = {0};
    int exit_code = 1;
    bg_result result =
        options->steps.kind == SWARM_REAL ? swarm_real_fork (&self->shared.real, &err) : bg_ok ();
    if (bg_is_ok (result))
        result = open_child (self, first, count, fd, &err);
    (void) malloc_trim (0);
    if (bg_is_ok (result))
        result = bg_loop_run (self->shared.loop, &exit_code, &err);
    if (bg_failed (result))
        fprintf (stderr, "bugle-swarm: %s\n", err.message);
    close_child (self);
    free (self);
    return bg_failed (result) ? 1 : exit_code;
}
