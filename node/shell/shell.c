/*  The node's loop: see shell.h. Decides nothing; what it knows is when a batch begins and ends.

    Invariants: core calls happen only inside a transaction; effects are released only after its commit; a failed
    commit leaves no trace of the batch.  */
#include "node/shell/shell.h"

#include "common/base/now.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/lock.h"
#include "common/sys/loop.h"
#include "common/sys/memory.h"
#include "common/sys/notify.h"
#include "common/sys/random.h"
#include "common/sys/zcontext.h"
#include "node/net/links.h"
#include "node/shell/control.h"
#include "node/shell/effects.h"
#include "node/shell/exec_client.h"
#include "node/shell/facts.h"
#include "node/shell/idle_watch.h"
#include "node/shell/keys.h"
#include "node/shell/zone_watch.h"
#include "node/shell/zones.h"
#include "node/store/store.h"

#include <signal.h>

#define BATCH_EVENTS     64          /*  events in one transaction at most  */
#define HOLD_US          BG_SEC (1)  /*  how long a commit may wait when it lets nothing out  */
#define STORAGE_RETRY_US BG_SEC (3)  /*  how often a full disk is tried again  */
#define SETTLED_US       BG_SEC (5)  /*  after the start: connected, greeted, polled  */
#define MISNAMED_WAIT_US BG_SEC (30) /*  for a membership with the configured name  */
#define LOCK_WAIT_US     BG_SEC (2)  /*  for a predecessor that is ending  */

typedef struct {
    const bg_home *home;
    const node_config *config;
    bg_log *log;
    bg_lock *lock;
    bg_loop *loop;
    bg_signal_watch *term;
    bg_signal_watch *interrupt;
    bg_timer *tick;
    bg_timer *hold;
    bg_timer *storage_retry;
    bg_timer *settled;
    bg_alarm *alarm; /*  of what follows the wall clock  */
    node_zone_watch *zone_watch;
    node_idle_watch *idle;
    bg_defer *commit;
    node_db *store;
    node_zones *zones;
    node_keys keys;
    node_links *links;
    node_control *control;
    node_exec_client *exec;
    char *default_name;
    bg_id instance;
    node_ports ports;
    node_core *core;
    node_effects effects;
    size_t batch; /*  events in the open transaction; 0: none is open  */
    bool storage_full;
    bool misnamed; /*  configured with another name than its membership's: not ready  */
    bool is_kept;
    int64_t misnamed_until_us;
} shell;

static bg_now now_is (void)
{
    return (bg_now){bg_clock_utc_us (), bg_clock_mono_us (), bg_clock_boot_us ()};
}

/*  ---- ports ----  */

static void port_open (void *ctx, node_link link, bg_slice endpoints, const bg_key *broker_key)
{
    shell *self = ctx;
    node_effects_add (&self->effects, NODE_DO_OPEN, link, &endpoints, 1)->key = *broker_key;
}

static void port_close (void *ctx, node_link link)
{
    shell *self = ctx;
    (void) node_effects_add (&self->effects, NODE_DO_CLOSE, link, NULL, 0);
}

static void port_subscribe (void *ctx, bg_slice stream)
{
    shell *self = ctx;
    (void) node_effects_add (&self->effects, NODE_DO_SUBSCRIBE, NODE_LINK_ORDERS, &stream, 1);
}

static void port_unsubscribe (void *ctx, bg_slice stream)
{
    shell *self = ctx;
    (void) node_effects_add (&self->effects, NODE_DO_UNSUBSCRIBE, NODE_LINK_ORDERS, &stream, 1);
}

static void port_send (void *ctx, node_link link, bg_slice header, bg_slice body, bg_slice sigs)
{
    shell *self = ctx;
    const bg_slice frames[3] = {header, body, sigs};
    (void) node_effects_add (&self->effects, NODE_DO_SEND, link, frames, 3);
}

static void port_exec_send (void *ctx, bg_slice blob)
{
    shell *self = ctx;
    (void) node_effects_add (&self->effects, NODE_DO_EXEC_SEND, NODE_LINK_DESK, &blob, 1);
}

static void port_control_reply (void *ctx, uint64_t request, const wire_control_answer *answer)
{
    shell *self = ctx;
    BG_AUTO_BUF bytes = {0};
    wire_encode (&wire_desc_control_answer, answer, &bytes);
    bg_slice slice = bg_buf_slice (&bytes);
    node_effects_add (&self->effects, NODE_DO_REPLY, NODE_LINK_DESK, &slice, 1)->request = request;
}

static bg_result port_new_keys (void *ctx, bg_key *sign_public, bg_key *curve_public, bg_error *err)
{
    shell *self = ctx;
    BG_TRY (node_keys_ensure (&self->keys, err));
    *sign_public = self->keys.sign.public_key;
    *curve_public = self->keys.curve.public_key;
    return bg_ok ();
}

static void port_sign (void *ctx, wire_type type, bg_id installation, bg_slice bytes, wire_sig *sig)
{
    shell *self = ctx;
    wire_sign (wire_crypto_sodium (), type, installation, bytes, &self->keys.sign.public_key,
        self->keys.sign.secret, sig);
}

static void port_forget_keys (void *ctx)
{
    shell *self = ctx;
    (void) node_effects_add (&self->effects, NODE_DO_FORGET_KEYS, NODE_LINK_DESK, NULL, 0);
}

static void port_random (void *ctx, void *bytes, size_t size)
{
    (void) ctx;
    bg_random_bytes (bytes, size);
}

static uint64_t port_wakeups (void *ctx)
{
    const shell *self = ctx;
    return bg_loop_wakeups (self->loop);
}

static void port_log (void *ctx, node_log_level level, const char *event, const char *text)
{
    static const bg_log_level levels[] = {
        [NODE_LOG_DEBUG] = BG_LOG_DEBUG,
        [NODE_LOG_INFO] = BG_LOG_INFO,
        [NODE_LOG_WARNING] = BG_LOG_WARNING,
        [NODE_LOG_ERROR] = BG_LOG_ERROR,
    };
    shell *self = ctx;
    bg_log_event (self->log, levels[level], event, "%s", text);
}

static const job_zone *port_zone (void *ctx, bg_slice name)
{
    shell *self = ctx;
    return node_zones_get (self->zones, name);
}

static node_ports make_ports (shell *self)
{
    return (node_ports){
        .ctx = self,
        .crypto = wire_crypto_sodium (),
        .store = node_db_port (self->store),
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
        .wakeups = port_wakeups,
        .log = port_log,
        .zone = port_zone,
    };
}

/*  ---- effects ----  */

static void open_link (shell *self, const node_effect *effect)
{
    bg_error err = {0};
    if (bg_failed (node_keys_need (&self->keys, &err))) {
        bg_log_failure (self->log, BG_LOG_ERROR, "no-keys", &err, "link=%d", (int) effect->link);
        return;
    }
    if (bg_failed (node_links_open (
            self->links, effect->link, effect->slices[0], &effect->key, &self->keys.curve, &err)))
        bg_log_failure (
            self->log, BG_LOG_ERROR, "link-not-opened", &err, "link=%d", (int) effect->link);
}

static void reply (shell *self, const node_effect *effect)
{
    BG_AUTO_ARENA arena = {0};
    wire_control_answer answer;
    bg_result decoded = wire_decode (
        &wire_desc_control_answer, effect->slices[0], WIRE_AS_MESSAGE, &arena, &answer, NULL);
    bg_assert (bg_is_ok (decoded));
    node_control_reply (self->control, effect->request, &answer);
}

static void do_effect (shell *self, const node_effect *effect)
{
    switch (effect->kind) {
    case NODE_DO_OPEN:
        open_link (self, effect);
        break;
    case NODE_DO_CLOSE:
        node_links_close (self->links, effect->link);
        break;
    case NODE_DO_SUBSCRIBE:
        node_links_subscribe (self->links, effect->slices[0]);
        break;
    case NODE_DO_UNSUBSCRIBE:
        node_links_unsubscribe (self->links, effect->slices[0]);
        break;
    case NODE_DO_SEND:
        node_links_send (self->links, effect->link, effect->slices);
        break;
    case NODE_DO_EXEC_SEND:
        node_exec_client_send (self->exec, effect->slices[0]);
        break;
    case NODE_DO_REPLY:
        reply (self, effect);
        break;
    case NODE_DO_FORGET_KEYS:
        node_keys_forget (&self->keys);
        break;
    }
}

/*  Effects may cause events (a connection to bugle-exec that breaks), and those new effects: of the next batch.  */
static void release_effects (shell *self)
{
    node_effects released = self->effects;
    self->effects = (node_effects){0};
    for (size_t i = 0; i < released.count; i++)
        do_effect (self, &released.items[i]);
    node_effects_fini (&released);
}

/*  ---- batches ----  */

static void arm_tick (shell *self)
{
    int64_t deadline = node_core_deadline (self->core);
    if (self->misnamed && self->misnamed_until_us < deadline)
        deadline = self->misnamed_until_us;
    bg_timer_arm_at (self->tick, deadline);
    bg_alarm_arm_at (self->alarm, node_core_wall_deadline (self->core));
    node_idle_watch_set (self->idle, node_core_wants_idle (self->core));
}

static bg_result begin_batch (shell *self, bg_error *err)
{
    if (self->batch == 0)
        BG_TRY (node_db_begin (self->store, err));
    self->batch++;
    return bg_ok ();
}

static bg_result make_core (shell *self, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_pair facts[NODE_FACTS_MAX];
    node_settings settings = {
        .name = bg_slice_str (self->config->name),
        .default_name = bg_slice_str (self->default_name),
        .location = bg_slice_str (self->config->location),
        .zone = bg_slice_str (node_zones_local_name (self->zones)),
        .version = bg_slice_str (BUGLE_VERSION),
        .instance = self->instance,
        .facts = facts,
        .fact_count = node_facts_read (
            "/etc/os-release", node_zones_local_name (self->zones), BUGLE_VERSION, &arena, facts),
    };
    self->core = node_core_create (&self->ports, &settings);
    BG_TRY (begin_batch (self, err));
    BG_TRY (node_core_recover (self->core, now_is (), err));
    if (self->storage_full)
        BG_TRY (node_core_set_storage_full (self->core, now_is (), true, err));
    if (self->exec && node_exec_client_is_up (self->exec))
        BG_TRY (node_core_exec_up (self->core, now_is (), err));
    return bg_ok ();
}

static bg_result commit_batch (shell *self, bg_error *err)
{
    BG_TRY (node_core_before_commit (self->core, now_is (), err));
    BG_TRY (node_db_commit (self->store, err));
    self->batch = 0;
    return bg_ok ();
}

/*  The store failed in the middle of a batch: nothing of it happened. A core is built anew from what is stored.  */
static void start_over (shell *self, const bg_error *why)
{
    bg_log_failure (
        self->log, BG_LOG_ERROR, "store-failed", why, "full=%d", why->code == BG_STORAGE_FULL);
    node_control_fail (self->control, why);
    for (int attempt = 0; attempt < 2; attempt++) {
        node_db_rollback (self->store);
        self->batch = 0;
        node_effects_clear (&self->effects);
        node_core_destroy (&self->core);
        if (why->code != BG_STORAGE_FULL && why->code != BG_STORE)
            break;
        self->storage_full = self->storage_full || why->code == BG_STORAGE_FULL;
        bg_error err = {0};
        bg_result made = make_core (self, &err);
        if (bg_is_ok (made))
            made = commit_batch (self, &err);
        if (bg_is_ok (made)) {
            if (self->storage_full)
                bg_timer_arm (self->storage_retry, STORAGE_RETRY_US);
            release_effects (self);
            arm_tick (self);
            return;
        }
        bg_log_failure (self->log, BG_LOG_ERROR, "store-unusable", &err, "attempt=%d", attempt + 1);
    }
    bg_loop_stop (self->loop, 1);
}

static void say_ready (const shell *self)
{
    node_core_state state;
    node_core_get_state (self->core, &state);
    bg_log_event (self->log, BG_LOG_NOTICE, self->is_kept ? "node-ready" : "ready",
        "enlisted=%d name=%s jobs=%zu open_runs=%zu", state.enlisted,
        bg_log_value (state.name).text, state.jobs, state.open_runs);
    if (!state.enlisted && !state.pending)
        bg_log_event (self->log, BG_LOG_NOTICE, "not-enlisted", "hint=%s",
            bg_log_cstr (self->home->is_system
                             ? "nothing is done here before: sudo bugle-node enlist --token @FILE"
                             : "nothing is done here before: bugle-node enlist --token @FILE, "
                               "with the same --home")
                .text);
    (void) bg_notify ("READY=1");
}

/*  A node whose membership has another name than it is configured with is ready when a membership with that name has
    come: it was renamed. Else it ends.  */
static void check_name (shell *self)
{
    if (!self->misnamed)
        return;
    if (!node_core_problem (self->core)) {
        self->misnamed = false;
        say_ready (self);
    } else if (node_core_is_refused (self->core) || bg_clock_mono_us () > self->misnamed_until_us) {
        bg_loop_stop (self->loop, 1);
    }
}

static void finish_batch (void *arg)
{
    shell *self = arg;
    if (self->batch == 0 || !self->core)
        return;
    bg_timer_disarm (self->hold);
    bg_error err = {0};
    if (bg_failed (commit_batch (self, &err))) {
        start_over (self, &err);
        return;
    }
    release_effects (self);
    arm_tick (self);
    check_name (self);
}

/*  A batch that lets nothing out has promised nothing to anybody: lost in a crash it is as if its events had not come
    yet. So its rows (an acknowledged report that goes, mostly) wait a moment for those of the next batch, which saves a
    commit of its own.  */
static void end_batch (void *arg)
{
    shell *self = arg;
    if (self->effects.count > 0 || self->batch >= BATCH_EVENTS ||
        !node_db_has_changes (self->store)) {
        finish_batch (self);
        return;
    }
    if (!bg_timer_is_armed (self->hold))
        bg_timer_arm (self->hold, HOLD_US);
    if (self->core)
        arm_tick (self);
}

/*  Around every event: EVENT is an expression of a bg_result that may use core, now and err.  */
#define FEED(self, EVENT)                                                                          \
    do {                                                                                           \
        bg_error event_err = {0};                                                                  \
        if (!(self)->core)                                                                         \
            break;                                                                                 \
        bg_result fed = begin_batch ((self), &event_err);                                          \
        if (bg_is_ok (fed)) {                                                                      \
            node_core *core = (self)->core;                                                        \
            bg_now now = now_is ();                                                                \
            bg_error *err = &event_err;                                                            \
            fed = (EVENT);                                                                         \
        }                                                                                          \
        after_event ((self), fed, &event_err);                                                     \
    } while (0)

static void after_event (shell *self, bg_result fed, const bg_error *err)
{
    if (bg_failed (fed))
        start_over (self, err);
    else if (self->batch >= BATCH_EVENTS)
        finish_batch (self);
    else
        bg_defer_arm (self->commit);
}

/*  ---- events ----  */

static void on_message (void *ctx, node_link link, const bg_slice *frames, size_t count)
{
    shell *self = ctx;
    (void) count;
    switch (link) {
    case NODE_LINK_ENLIST:
        FEED (self, node_core_enlist (core, now, frames[0], frames[1], frames[2], err));
        break;
    case NODE_LINK_DESK:
        FEED (self, node_core_desk (core, now, frames[0], frames[1], frames[2], err));
        break;
    case NODE_LINK_ORDERS:
        FEED (self, node_core_order (core, now, frames[0], frames[1], frames[2], frames[3], err));
        break;
    }
}

static void on_link (void *ctx, node_link link, node_link_event event)
{
    shell *self = ctx;
    FEED (self, node_core_link (core, now, link, event, err));
}

static void on_exec_up (void *ctx)
{
    shell *self = ctx;
    FEED (self, node_core_exec_up (core, now, err));
}

static void on_exec_down (void *ctx)
{
    shell *self = ctx;
    FEED (self, node_core_exec_down (core, now, err));
}

static void on_exec_message (void *ctx, bg_slice blob)
{
    shell *self = ctx;
    FEED (self, node_core_exec (core, now, blob, err));
}

static void on_control (void *ctx, uint64_t number, wire_kind kind, const void *body)
{
    shell *self = ctx;
    FEED (self, node_core_control (core, now, number, kind, body, err));
}

static void on_control_gone (void *ctx, uint64_t number)
{
    shell *self = ctx;
    if (self->core)
        node_core_control_gone (self->core, number);
}

static void on_tick (void *arg)
{
    shell *self = arg;
    FEED (self, node_core_tick (core, now, err));
    bg_log_tick (self->log);
}

/*  Writes what is there already: a core that is told of space when there is none would lose its connections over it.  */
static bg_result probe_store (shell *self, bg_error *err)
{
    const node_store *store = node_db_port (self->store);
    uint64_t boots = 0;
    BG_TRY (node_db_begin (self->store, err));
    bg_result result = store->number_get (store->ctx, NODE_NUMBER_BOOT, &boots, err);
    if (bg_is_ok (result))
        result = store->number_put (store->ctx, NODE_NUMBER_BOOT, boots, err);
    if (bg_is_ok (result))
        result = node_db_commit (self->store, err);
    node_db_rollback (self->store);
    return result;
}

static void on_storage_retry (void *arg)
{
    shell *self = arg;
    bg_error why = {0};
    finish_batch (self);
    bg_result result = self->batch == 0 ? probe_store (self, &why) : bg_ok ();
    if (result.code == BG_STORAGE_FULL) {
        bg_timer_arm (self->storage_retry, STORAGE_RETRY_US);
        return;
    }
    if (bg_failed (result)) {
        start_over (self, &why);
        return;
    }
    self->storage_full = false;
    FEED (self, node_core_set_storage_full (core, now, false, err));
    finish_batch (self);
    if (!self->storage_full)
        bg_log_event (self->log, BG_LOG_NOTICE, "storage-back", "there is space again");
}

static void look_at_zones (void *arg)
{
    shell *self = arg;
    if (!node_zones_changed (self->zones))
        return;
    bg_log_event (self->log, BG_LOG_NOTICE, "zones-changed", "time zone files are read again");
    node_zones_renew (self->zones);
    FEED (self, node_core_zones_changed (core, now, err));
    node_zones_forget_old (self->zones);
}

/*  A schedule is due, or the wall clock was set.  */
static void on_alarm (bool was_set, void *arg)
{
    shell *self = arg;
    look_at_zones (self); /*  where they cannot be watched  */
    if (was_set)
        FEED (self, node_core_clock_set (core, now, err));
    else
        FEED (self, node_core_tick (core, now, err));
}

static void on_idle (void *arg)
{
    shell *self = arg;
    FEED (self, node_core_idle (core, now, err));
}

static void on_zone_file (void *arg, const char *path)
{
    shell *self = arg;
    node_zone_watch_add (self->zone_watch, path);
}

static void on_signal (int signo, void *arg)
{
    (void) signo;
    shell *self = arg;
    finish_batch (self);
    (void) bg_notify ("STOPPING=1");
    bg_loop_stop (self->loop, 0);
}

/*  ---- beginning and end ----  */

static void on_settled (void *arg)
{
    (void) arg;
    bg_memory_give_back ();
}

static bg_result open_files (shell *self, bg_error *err)
{
    BG_TRY (bg_home_ensure (self->home, BG_HOME_NODE, err));
    BG_TRY (bg_home_ensure (self->home, BG_HOME_RUN_NODE, err));
    BG_AUTO_CHAR lock = bg_home_path (self->home, BG_HOME_NODE, "node.lock");
    BG_TRY (bg_lock_await (lock, "bugle-node", LOCK_WAIT_US, &self->lock, err));
    BG_TRY (node_keys_init (&self->keys, self->home, err));
    BG_AUTO_CHAR store = bg_home_path (self->home, BG_HOME_NODE, "node.db");
    BG_TRY (node_db_open (store, &self->store, err));
    return node_keys_check (&self->keys, node_db_port (self->store), err);
}

static bg_result open_loop (shell *self, bg_error *err)
{
    BG_TRY (bg_loop_create (&self->loop, err));
    BG_TRY (bg_signal_watch_create (self->loop, SIGTERM, on_signal, self, &self->term, err));
    BG_TRY (bg_signal_watch_create (self->loop, SIGINT, on_signal, self, &self->interrupt, err));
    BG_TRY (bg_timer_create (self->loop, on_tick, self, &self->tick, err));
    BG_TRY (bg_timer_create (self->loop, finish_batch, self, &self->hold, err));
    BG_TRY (bg_timer_create (self->loop, on_storage_retry, self, &self->storage_retry, err));
    BG_TRY (bg_timer_create (self->loop, on_settled, self, &self->settled, err));
    BG_TRY (bg_alarm_create (self->loop, on_alarm, self, &self->alarm, err));
    BG_TRY (node_idle_watch_create (self->loop, self->log, (uint64_t) self->config->idle_below,
        self->config->idle_for_us, on_idle, self, &self->idle, err));
    BG_TRY (bg_defer_create (self->loop, BG_DEFER_IDLE, end_batch, self, &self->commit, err));
    return bg_zcontext_open (NULL, err);
}

static bg_result open_links (shell *self, bg_error *err)
{
    const node_links_handlers links = {on_message, on_link, self};
    self->links = node_links_create (self->loop, self->log, &links);
    const node_control_handlers control = {on_control, on_control_gone, self};
    BG_AUTO_CHAR control_path = bg_home_path (self->home, BG_HOME_RUN_NODE, "node.sock");
    BG_TRY (
        node_control_create (self->loop, self->log, control_path, &control, &self->control, err));
    const node_exec_handlers exec = {on_exec_up, on_exec_down, on_exec_message, self};
    BG_AUTO_CHAR exec_path = bg_home_path (self->home, BG_HOME_RUN_EXEC, "exec.sock");
    return node_exec_client_create (self->loop, self->log, exec_path, &exec, &self->exec, err);
}

static bg_result open_all (shell *self, bg_error *err)
{
    BG_TRY (bg_crypto_init (err));
    self->instance = bg_id_new ();
    self->default_name = node_default_name ();
    BG_TRY (open_files (self, err));
    BG_TRY (open_loop (self, err));
    self->zones = node_zones_create (self->config->zone, self->log);
    self->zone_watch = node_zone_watch_create (self->loop, self->log, look_at_zones, self);
    node_zones_tell (self->zones, on_zone_file, self);
    if (self->config->zone && !node_zones_get (self->zones, bg_slice_str ("")))
        return bg_fail (err, BG_INVALID, "node.yaml: zone '%s' is not known on this machine",
            self->config->zone);
    BG_TRY (open_links (self, err));
    self->ports = make_ports (self);
    BG_TRY (make_core (self, err));
    self->misnamed = node_core_problem (self->core) != NULL;
    self->misnamed_until_us = bg_clock_mono_us () + MISNAMED_WAIT_US;
    BG_TRY (commit_batch (self, err));
    release_effects (self);
    arm_tick (self);
    return bg_ok ();
}

static void close_all (shell *self)
{
    node_control_destroy (&self->control);
    node_exec_client_destroy (&self->exec);
    node_links_destroy (&self->links);
    node_core_destroy (&self->core);
    if (self->store) {
        node_db_rollback (self->store);
        node_db_close (&self->store);
    }
    node_effects_fini (&self->effects);
    node_zones_destroy (&self->zones);
    node_keys_fini (&self->keys);
    bg_defer_destroy (&self->commit);
    node_zone_watch_destroy (&self->zone_watch);
    bg_alarm_destroy (&self->alarm);
    node_idle_watch_destroy (&self->idle);
    bg_timer_destroy (&self->settled);
    bg_timer_destroy (&self->storage_retry);
    bg_timer_destroy (&self->hold);
    bg_timer_destroy (&self->tick);
    bg_signal_watch_destroy (&self->interrupt);
    bg_signal_watch_destroy (&self->term);
    bg_loop_destroy (&self->loop);
    bg_zcontext_close ();
    bg_lock_release (&self->lock);
    __builtin_free (self->default_name);
}

bg_result node_shell_run (const node_shell_options *options, int *exit_code, bg_error *err)
{
    shell self = {.home = options->home,
        .config = options->config,
        .log = options->log,
        .is_kept = options->is_kept};
    bg_result result = open_all (&self, err);
    if (bg_is_ok (result)) {
        if (!self.misnamed)
            say_ready (&self);
        /*  What reading everything back took is not needed again; nor is what connecting took, a little later.  */
        node_db_trim (self.store);
        bg_memory_give_back ();
        bg_timer_arm (self.settled, SETTLED_US);
        result = bg_loop_run (self.loop, exit_code, err);
    }
    if (bg_is_ok (result) && self.misnamed && *exit_code != 0)
        result = bg_fail (err, BG_INVALID, "%s", node_core_problem (self.core));
    close_all (&self);
    return result;
}
