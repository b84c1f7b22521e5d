/*  Life and turn of bugle-exec: see shell.h.  */
#include "node/exec/shell.h"

#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/keyfile.h"
#include "common/sys/memory.h"
#include "common/sys/notify.h"
#include "common/sys/random.h"
#include "node/exec/run_file.h"
#include "node/exec/shell_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define DISK_LOW_BYTES ((uint64_t) 1024 * 1024)

/*  ---- the core and its log ----  */

static bg_result replay_record (void *ctx, bg_slice record, bg_error *err)
{
    return exec_core_replay (((shell *) ctx)->core, record, err);
}

/*  A machine without local jobs has no such key.  */
static void load_local (shell *self)
{
    bg_keypair pair = {0};
    bg_error err = {0};
    bg_result result = bg_keyfile_read (self->local_path, BG_KEY_ED25519, &pair, &err);
    if (bg_is_ok (result))
        exec_core_set_local (self->core, &pair.public_key);
    else if (result.code != BG_NOT_FOUND)
        bg_log_failure (self->config.log, BG_LOG_ERROR, "local-key-unread", &err,
            "effect=\"no local job runs\"");
    bg_keypair_fini (&pair);
}

/*  Makes the core from the log on disk; also after a commit that failed.  */
static bg_result load_core (shell *self, bg_error *err)
{
    exec_core_destroy (&self->core);
    exec_log_close (&self->log_file);
    exec_ports ports = shell_make_ports (self);
    exec_config config = {.boot = self->boot,
        .version = BUGLE_VERSION,
        .policy_path = self->machine.policy_path,
        .host = self->host};
    self->core = exec_core_create (&ports, &config);
    size_t torn_bytes = 0;
    BG_TRY (exec_log_open (self->log_path, replay_record, self, &self->log_file, &torn_bytes, err));
    if (torn_bytes)
        bg_log_event (self->config.log, BG_LOG_WARNING, "log-tail-cut", "bytes=%zu path=%s",
            torn_bytes, bg_log_cstr (self->log_path).text);
    exec_core_replayed (self->core, shell_now ());
    load_local (self);
    exec_core_set_storage_full (self->core, shell_now (), self->storage_full);
    self->machine.policy_was_read = false;
    self->wants_sync = false;
    self->flush_due_us = INT64_MAX;
    return bg_ok ();
}

static void refresh_policy (shell *self)
{
    exec_policy policy;
    bool has_policy = false;
    char problem[EXEC_PROBLEM_BYTES];
    if (!exec_machine_policy (&self->machine, &policy, &has_policy, problem))
        return;
    exec_core_set_policy (self->core, shell_now (), has_policy ? &policy : NULL, problem);
    if (has_policy)
        bg_log_event (self->config.log, BG_LOG_INFO, "policy", "account=%s", policy.account);
    else
        bg_log_event (
            self->config.log, BG_LOG_NOTICE, "no-policy", "reason=%s", bg_log_cstr (problem).text);
}

static void refresh_storage (shell *self)
{
    uint64_t bytes = 0;
    if (bg_is_ok (bg_disk_free (self->log_path, &bytes, NULL)))
        self->storage_full =
            bytes < DISK_LOW_BYTES || bg_clock_mono_us () < self->storage_full_until_us;
    exec_core_set_storage_full (self->core, shell_now (), self->storage_full);
}

/*  ---- the end of a turn ----  */

static void release (shell *self, effects *list)
{
    for (size_t i = 0; i < list->count; i++) {
        effect *item = &list->items[i];
        switch (item->kind) {
        case EFFECT_SEND:
            shell_link_send (self, item->peer, bg_buf_slice (&item->blob));
            break;
        case EFFECT_SPAWN:
            shell_spawn (self, item->run, bg_buf_slice (&item->blob));
            break;
        case EFFECT_STOP:
            shell_stop (self, item->run, bg_buf_cstr (&item->blob));
            break;
        case EFFECT_DISCARD:
            run_file_remove (self->runs_dir, item->run);
            break;
        }
    }
}

/*  Nothing of this turn happened: the records are not on disk.  */
static bg_result take_back (shell *self, const bg_error *why, bg_error *err)
{
    bg_log_failure (self->config.log, BG_LOG_ERROR, "log-not-written", why,
        "effect=\"connections start over\"");
    effects_fini (&self->queue);
    effects_fini (&self->discards);
    if (why->code != BG_STORAGE_FULL) {
        *err = *why;
        return (bg_result){why->code};
    }
    self->storage_full = true;
    self->storage_full_until_us = bg_clock_mono_us () + SHELL_FULL_US;
    shell_close_links (self, WATCH_NODE);
    BG_TRY (load_core (self, err));
    refresh_policy (self);
    (void) shell_look_at_runs (self, true);
    return bg_ok ();
}

/*  What nothing waits for is not tried while the disk is full: a failed commit costs the
    connections.  */
static bool commit_is_due (shell *self)
{
    int64_t now_us = bg_clock_mono_us ();
    if (!self->wants_sync && self->storage_full && now_us >= self->flush_due_us)
        self->flush_due_us = now_us + SHELL_FULL_US;
    return self->wants_sync || now_us >= self->flush_due_us;
}

/*  Commits and releases; what that caused (a supervisor that cannot be started) goes out as
    well.  */
static bg_result end_turn (shell *self, bg_error *err)
{
    while (self->queue.count || commit_is_due (self)) {
        if (commit_is_due (self)) {
            bg_error why = {0};
            if (bg_failed (exec_log_commit (self->log_file, &why)))
                return take_back (self, &why, err);
            self->wants_sync = false;
            self->flush_due_us = INT64_MAX;
            effects_move (&self->discards, &self->queue);
        }
        effects now = self->queue;
        self->queue = (effects){0};
        release (self, &now);
        effects_fini (&now);
    }
    shell_flush_links (self);
    shell_bury (self);
    return bg_ok ();
}

static void emit (void *ctx, bg_slice record)
{
    exec_record_add (ctx, record);
}

static void compact (shell *self)
{
    if (!exec_log_is_long (self->log_file) || exec_log_has_pending (self->log_file))
        return;
    BG_AUTO_BUF payload = {0};
    bg_error err = {0};
    exec_core_compact (self->core, shell_now (), emit, &payload);
    if (bg_failed (exec_log_replace (self->log_file, &payload, &err)))
        bg_log_failure (
            self->config.log, BG_LOG_WARNING, "log-not-compacted", &err, "bytes=%zu", payload.size);
    else
        bg_log_event (self->config.log, BG_LOG_INFO, "log-compacted", "bytes=%zu", payload.size);
}

/*  ---- turns ----  */

static void drain (int fd)
{
    char bytes[4096];
    while (read (fd, bytes, sizeof bytes) > 0) {
    }
}

static void handle_event (shell *self, watch *item, uint32_t events)
{
    if (item->is_closed)
        return;
    switch (item->kind) {
    case WATCH_SIGNALS:
        self->stopping = true;
        break;
    case WATCH_NODE_LISTENER:
    case WATCH_SUPERVISOR_LISTENER:
        shell_accept (self, item);
        break;
    case WATCH_NODE:
    case WATCH_SUPERVISOR:
        shell_link_ready (self, item, events);
        break;
    case WATCH_CHILD:
        shell_child_ready (self, item);
        break;
    case WATCH_POLICY:
        drain (self->policy_fd); /*  every turn looks at the policy  */
        break;
    }
}

static void do_timers (shell *self)
{
    bg_now now = shell_now ();
    exec_core_tick (self->core, now);
    if (now.mono_us >= self->recheck_due_us) {
        bool any = shell_look_at_runs (self, true);
        self->recheck_due_us = any ? now.mono_us + SHELL_RECHECK_US : INT64_MAX;
    }
    if (now.mono_us >= self->settled_due_us) {
        bg_memory_give_back ();
        self->settled_due_us = INT64_MAX;
    }
    if (now.mono_us >= self->sweep_due_us) {
        shell_sweep (self);
        self->sweep_due_us = now.mono_us + SHELL_SWEEP_US;
    }
}

static int timeout_ms (const shell *self)
{
    int64_t due_us = exec_core_deadline (self->core);
    const int64_t others[] = {
        self->flush_due_us, self->recheck_due_us, self->sweep_due_us, self->settled_due_us};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        due_us = others[i] < due_us ? others[i] : due_us;
    for (const watch *item = self->watches; item; item = item->next) {
        if (!item->is_closed && item->frames && bg_frames_has_next (item->frames))
            return 0;
    }
    int64_t left_us = due_us - bg_clock_mono_us ();
    if (left_us <= 0)
        return 0;
    int64_t left_ms = (left_us + 999) / 1000;
    return left_ms > 3600000 ? 3600000 : (int) left_ms;
}

/*  Messages that were read together with an earlier one make no descriptor readable.  */
static void handle_buffered (shell *self)
{
    for (watch *item = self->watches; item; item = item->next) {
        if (!item->is_closed && item->frames && bg_frames_has_next (item->frames))
            shell_link_ready (self, item, 0);
    }
}

/*  A policy that is mended counts at once, not with the next thing that happens. Where nothing can be watched
    the next turn sees it.  */
static void watch_policy (shell *self)
{
    BG_AUTO_CHAR dir = bg_strdup (self->machine.policy_path);
    char *slash = strrchr (dir, '/');
    self->policy.kind = WATCH_POLICY;
    self->policy_fd = inotify_init1 (IN_NONBLOCK | IN_CLOEXEC);
    if (self->policy_fd < 0 || !slash)
        return;
    *slash = '\0';
    const uint32_t changes =
        IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB;
    if (inotify_add_watch (self->policy_fd, *dir ? dir : "/", changes) < 0 ||
        bg_failed (shell_watch (self, self->policy_fd, &self->policy, EPOLLIN, NULL)))
        bg_fd_close (&self->policy_fd);
}

static bg_result turn (shell *self, bg_error *err)
{
    struct epoll_event events[64];
    int count = epoll_wait (self->epoll_fd, events, 64, timeout_ms (self));
    if (count < 0 && errno != EINTR)
        return bg_fail_errno (err, BG_IO, "cannot wait for events");
    refresh_policy (self);
    if (self->policy_fd < 0)
        watch_policy (self); /*  its directory may have been made meanwhile  */
    refresh_storage (self);
    handle_buffered (self);
    for (int i = 0; i < count; i++)
        handle_event (self, events[i].data.ptr, events[i].events);
    do_timers (self);
    BG_TRY (end_turn (self, err));
    compact (self);
    if (self->recheck_due_us == INT64_MAX && shell_look_at_runs (self, false))
        self->recheck_due_us = bg_clock_mono_us () + SHELL_RECHECK_US;
    return bg_ok ();
}

/*  ---- life ----  */

static bg_result open_signals (shell *self, bg_error *err)
{
    sigset_t set;
    (void) sigemptyset (&set);
    (void) sigaddset (&set, SIGTERM);
    (void) sigaddset (&set, SIGINT);
    if (sigprocmask (SIG_BLOCK, &set, NULL) < 0)
        return bg_fail_errno (err, BG_IO, "cannot block signals");
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void) sigaction (SIGPIPE, &ignore, NULL);
    (void) sigaction (SIGHUP, &ignore, NULL); /*  the policy is looked at in every turn anyway  */
    self->signal_fd = signalfd (-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (self->signal_fd < 0)
        return bg_fail_errno (err, BG_IO, "cannot listen for signals");
    self->signals.kind = WATCH_SIGNALS;
    return shell_watch (self, self->signal_fd, &self->signals, EPOLLIN, err);
}

static bg_result open_paths (shell *self, bg_error *err)
{
    const bg_home *home = self->config.home;
    BG_TRY (bg_home_ensure (home, BG_HOME_EXEC, err));
    BG_TRY (bg_home_ensure (home, BG_HOME_RUN_EXEC, err));
    self->log_path = bg_home_path (home, BG_HOME_EXEC, "log");
    self->local_path = bg_home_path (home, BG_HOME_EXEC, "local.key");
    self->runs_dir = bg_home_path (home, BG_HOME_EXEC, "runs");
    self->node_path = bg_home_path (home, BG_HOME_RUN_EXEC, "exec.sock");
    self->supervisor_path = bg_home_path (home, BG_HOME_RUN_EXEC, "supervisor.sock");
    BG_AUTO_CHAR lock_path = bg_home_path (home, BG_HOME_EXEC, "lock");
    BG_TRY (bg_lock_await (lock_path, "bugle-exec", SHELL_LOCK_WAIT_US, &self->lock, err));
    BG_TRY (bg_dir_make (self->runs_dir, 0700, err));
    return bg_private_check (self->runs_dir, err);
}

static bg_result open_shell (shell *self, bg_error *err)
{
    BG_TRY (bg_crypto_init (err));
    if (gethostname (self->host, sizeof self->host - 1) < 0)
        self->host[0] = 0;
    if (bg_failed (bg_boot_id (&self->boot, NULL)))
        bg_random_bytes (
            &self->boot, sizeof self->boot); /*  then no time is remembered over our own restart  */
    self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
    self->null_fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
    if (self->epoll_fd < 0 || self->null_fd < 0)
        return bg_fail_errno (err, BG_IO, "cannot open what every process needs");
    BG_TRY (open_signals (self, err));
    BG_TRY (open_paths (self, err));
    exec_machine_init (&self->machine, self->config.home);
    step_cgroups_find (&self->cgroups);
    step_cgroups_sweep (&self->cgroups);
    BG_TRY (load_core (self, err));
    watch_policy (self);
    refresh_policy (self);
    (void) shell_look_at_runs (self, true);
    return shell_listen (self, err);
}

static void close_shell (shell *self)
{
    shell_unlisten (self);
    if (self->log_file)
        bg_ignore (
            exec_log_commit (self->log_file, NULL)); /*  what is in there, nothing waits for  */
    for (watch *item = self->watches; item; item = item->next)
        shell_close_watch (self, item);
    shell_bury (self);
    effects_fini (&self->queue);
    effects_fini (&self->discards);
    exec_core_destroy (&self->core);
    exec_log_close (&self->log_file);
    exec_machine_fini (&self->machine);
    step_cgroups_fini (&self->cgroups);
    bg_fd_close (&self->signal_fd);
    bg_fd_close (&self->policy_fd);
    bg_fd_close (&self->null_fd);
    bg_fd_close (&self->epoll_fd);
    bg_lock_release (&self->lock);
    free (self->log_path);
    free (self->local_path);
    free (self->runs_dir);
    free (self->node_path);
    free (self->supervisor_path);
}

bg_result exec_shell_run (const exec_shell_config *config, bg_error *err)
{
    shell self = {.config = *config,
        .epoll_fd = -1,
        .null_fd = -1,
        .signal_fd = -1,
        .policy_fd = -1,
        .node_listener_fd = -1,
        .supervisor_listener_fd = -1,
        .flush_due_us = INT64_MAX};
    bg_result result = open_shell (&self, err);
    if (bg_is_ok (result)) {
        exec_status status = exec_core_status (self.core);
        bg_log_event (config->log, BG_LOG_NOTICE, config->is_kept ? "exec-ready" : "ready",
            "home=%s enlisted=%s open-runs=%zu", bg_log_cstr (config->home->state).text,
            status.is_member ? "yes" : "no", status.running);
        (void) bg_notify ("READY=1");
    }
    /*  Reading the log and the policy leaves more holes than what is kept takes, and soon the node has connected, too.  */
    bg_memory_give_back ();
    self.settled_due_us = bg_clock_mono_us () + SHELL_SETTLED_US;
    while (bg_is_ok (result) && !self.stopping)
        result = turn (&self, err);
    (void) bg_notify ("STOPPING=1");
    if (bg_is_ok (result))
        bg_log_event (config->log, BG_LOG_NOTICE, "ended", "open-runs=%zu",
            exec_core_status (self.core).running);
    close_shell (&self);
    return result;
}
