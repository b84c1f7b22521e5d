/*  The shell's life: store, core, listener, timers; and the same backwards.  */
#include "broker/shell/shell_private.h"

#include "common/sys/clock.h"
#include "common/sys/random.h"
#include "common/sys/unixsock.h"

#include <stdlib.h>
#include <unistd.h>

#define BEACON_US     INT64_C (1000000)
#define OPEN_RETRY_US INT64_C (3000000)

/*  ---- the front's connection ----  */

static void on_link (int fd, unsigned events, void *arg)
{
    (void) fd;
    shell *self = arg;
    bg_error err = {0};
    if ((events & BG_FD_WRITE) && bg_failed (bg_frames_flush (self->link, &err))) {
        shell_drop_link (self, &err);
        return;
    }
    shell_round (self, (events & (BG_FD_READ | BG_FD_HANGUP)) != 0);
}

static bg_result take_link (shell *self, int fd, bg_error *err)
{
    /*  A new front is there because the old one is not, whatever its connection looks like.  */
    shell_drop_link (self, NULL);
    self->link = bg_frames_create (fd, SHELL_INNER_BYTES_MAX, SHELL_QUEUE_BYTES);
    bg_result result =
        bg_fd_watch_create (self->loop, fd, BG_FD_READ, on_link, self, &self->link_watch, err);
    if (bg_failed (result))
        bg_frames_destroy (&self->link);
    return result;
}

static void on_listener (int fd, unsigned events, void *arg)
{
    (void) events;
    shell *self = arg;
    bg_error err = {0};
    bg_peer peer;
    int made = -1;
    uid_t front = 0;
    gid_t group = 0;
    bg_result result =
        bg_home_account (&self->options->home->home, BG_HOME_RUN_FRONT, &front, &group, &err);
    if (bg_is_ok (result))
        result = bg_unix_accept_from (fd, front, &made, &peer, &err);
    if (bg_is_ok (result))
        result = take_link (self, made, &err);
    if (bg_failed (result) && result.code != BG_AGAIN)
        bg_log_failure (self->log, BG_LOG_WARNING, "front-refused", &err, "path=%s",
            bg_log_cstr (self->socket_path).text);
}

/*  ---- timers ----  */

static void on_deadline (void *arg)
{
    shell_round (arg, false);
}

static void on_more (void *arg)
{
    shell *self = arg;
    shell_round (self, self->link && bg_frames_has_next (self->link));
}

/*  Sent outside of a round: it says only that this process is alive and turning.  */
static void on_beacon (void *arg)
{
    shell *self = arg;
    bg_timer_arm (self->beacon, BEACON_US);
    bg_log_tick (self->log);
    shell_high_water_keep (self, false);
    if (!self->is_greeted || self->needs_front_up)
        return;
    wire_front_beacon beacon = {.time_us = bg_clock_utc_us ()};
    BG_AUTO_BUF blob = {0};
    bg_error err = {0};
    wire_inner_encode (WIRE_FRONT_BEACON, (bg_id){0}, &beacon, &blob);
    bg_result result = bg_frames_send (self->link, bg_buf_slice (&blob), &err);
    if (bg_is_ok (result))
        result = bg_frames_flush (self->link, &err);
    if (bg_failed (result) && result.code != BG_OVERLOADED)
        shell_drop_link (self, &err);
    else if (bg_frames_wants_write (self->link))
        bg_fd_watch_set (self->link_watch, BG_FD_READ | BG_FD_WRITE);
}

/*  ---- start ----  */

static bg_result open_store (shell *self, bg_error *err)
{
    BG_TRY (broker_db_open (self->db_path, &self->db, err));
    self->ports.store = broker_db_port (self->db);
    BG_TRY (shell_engine_settings (self, err));
    BG_TRY (shell_engine_start (self, false, err));
    BG_TRY (shell_high_water_show (self, err));
    shell_beside (self);
    return bg_ok ();
}

static bg_result open_for_front (shell *self, bg_error *err)
{
    /*  In the system the front is another account, which reaches it through its group.  */
    const mode_t mode = self->options->home->home.is_system ? 0660 : 0600;
    BG_TRY (bg_unix_listen (self->socket_path, mode, &self->listener, err));
    BG_TRY (bg_fd_watch_create (
        self->loop, self->listener, BG_FD_READ, on_listener, self, &self->listen_watch, err));
    bg_timer_arm (self->beacon, 0);
    bg_timer_arm (self->deadline, 0);
    broker_part_ready (self->part, "socket=core.sock");
    return bg_ok ();
}

/*  A disk that is full at the start is waited for: nothing else would help, and giving up would
    end what still runs.  */
static bg_result open_all (shell *self, bg_error *err)
{
    bg_result result = open_store (self, err);
    if (bg_is_ok (result))
        return open_for_front (self, err);
    broker_core_destroy (&self->core);
    broker_db_close (&self->db);
    if (result.code != BG_STORAGE_FULL)
        return result;
    bg_log_failure (self->log, BG_LOG_ERROR, "storage-full", err, "path=%s state=waiting",
        bg_log_cstr (self->db_path).text);
    bg_timer_arm (self->probe, OPEN_RETRY_US);
    return bg_ok ();
}

static void on_probe (void *arg)
{
    shell *self = arg;
    bg_error err = {0};
    if (self->core) {
        shell_probe (self);
        return;
    }
    if (bg_is_ok (open_all (self, &err)))
        return;
    bg_log_failure (
        self->log, BG_LOG_ERROR, "start-failed", &err, "path=%s", bg_log_cstr (self->db_path).text);
    bg_loop_stop (self->loop, 1);
}

static bg_result start (shell *self, bg_error *err)
{
    BG_TRY (bg_crypto_init (err));
    BG_TRY (broker_part_create (self->options, &self->part, err));
    self->loop = broker_part_loop (self->part);
    self->log = broker_part_log (self->part);
    self->backup = broker_backup_create (self->options->home, self->log);
    self->outputs = broker_outputs_create (self->log, self->backup, self->options->home);
    broker_outputs_ports (self->outputs, &self->ports);
    self->ports.crypto = wire_crypto_sodium ();
    BG_TRY (bg_timer_create (self->loop, on_deadline, self, &self->deadline, err));
    BG_TRY (bg_timer_create (self->loop, shell_gathered, self, &self->gather, err));
    BG_TRY (bg_timer_create (self->loop, on_beacon, self, &self->beacon, err));
    BG_TRY (bg_timer_create (self->loop, on_probe, self, &self->probe, err));
    BG_TRY (bg_timer_create (self->loop, shell_copying, self, &self->copying, err));
    BG_TRY (bg_defer_create (self->loop, BG_DEFER_NEXT, on_more, self, &self->more, err));
    return open_all (self, err);
}

static void stop (shell *self)
{
    shell_drop_link (self, NULL);
    bg_fd_watch_destroy (&self->listen_watch);
    if (self->listener >= 0)
        bg_unix_unlisten (&self->listener, self->socket_path);
    bg_timer_destroy (&self->deadline);
    bg_timer_destroy (&self->gather);
    bg_timer_destroy (&self->beacon);
    bg_timer_destroy (&self->probe);
    bg_timer_destroy (&self->copying);
    shell_high_water_keep (self, true);
    bg_defer_destroy (&self->more);
    broker_core_destroy (&self->core);
    broker_outputs_destroy (&self->outputs);
    broker_backup_destroy (&self->backup);
    broker_db_close (&self->db);
    explicit_bzero (self->settings.sign_secret, sizeof self->settings.sign_secret);
    bg_arena_fini (&self->texts);
    bg_buf_fini (&self->taken);
    broker_part_destroy (&self->part);
    free (self->db_path);
    free (self->socket_path);
}

bg_result broker_shell_run (const broker_part_options *options, int *exit_code, bg_error *err)
{
    shell self = {.options = options,
        .listener = -1,
        .db_path = broker_home_state_path (options->home, "broker.db"),
        .socket_path = bg_home_path (&options->home->home, BG_HOME_RUN_CORE, "core.sock")};
    bg_result result = start (&self, err);
    if (bg_is_ok (result))
        result = bg_loop_run (self.loop, exit_code, err);
    stop (&self);
    return result;
}
