/*  Supervisors and the files of their runs.

    A supervisor that we started is a child: its end is seen at once. One from before a restart
    of ours connects to the supervisors' socket; until it does, and when it goes without a word,
    its run's file is looked at every second.
*/
#include "common/base/arena.h"
#include "common/sys/file.h"
#include "node/exec/leftovers.h"
#include "node/exec/run_file.h"
#include "node/exec/shell_private.h"
#include "node/exec/supervisor.h"
#include "proto/wire.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

/*  ---- starting ----  */

typedef struct {
    const shell *shell;
    bg_id run;
} supervised;

/*  In the new process, which has no descriptors of ours but those given. Whoever looks at the list
    of processes sees which run it is.  */
static int be_supervisor (void *ctx)
{
    const supervised *self = ctx;
    const exec_shell_config *config = &self->shell->config;
    bg_id_string name = bg_id_text (self->run);
    if (config->title_size > 0) {
        memset (config->title, 0, config->title_size);
        (void) snprintf (config->title, config->title_size, "bugle-exec%c%s", 0, name.text);
    }
    (void) prctl (PR_SET_NAME, "bugle-exec run");
    return exec_supervise (self->shell->supervisor_path, name.text, &self->shell->cgroups);
}

/*  A split costs about a third of a start of our own program: the dynamic linker is most of that.  */
static bg_result start_supervisor (
    shell *self, bg_id run, bg_slice plan, bg_process *process, bg_error *err)
{
    BG_AUTO_FD file = -1;
    BG_AUTO_FD dir = open (self->runs_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return bg_fail_errno (err, BG_IO, "cannot open %s", self->runs_dir);
    BG_TRY (run_file_create (self->runs_dir, run, plan, &file, err));
    const bg_spawn_fd fds[] = {{self->null_fd, 0}, {self->null_fd, 1}, {self->null_fd, 2},
        {file, SUPERVISOR_RUN_FD}, {dir, SUPERVISOR_DIR_FD}};
    supervised who = {self, run};
    bg_split split = {
        .fds = fds, .fd_count = sizeof fds / sizeof *fds, .body = be_supervisor, .ctx = &who};
    return bg_process_split (&split, process, err);
}

void shell_spawn (shell *self, bg_id run, bg_slice plan)
{
    watch *child = bg_alloc (sizeof *child);
    child->kind = WATCH_CHILD;
    child->run = run;
    child->process.pidfd = -1;
    bg_error err = {0};
    bg_result result = start_supervisor (self, run, plan, &child->process, &err);
    if (bg_failed (result)) {
        free (child);
        bg_log_failure (self->config.log, BG_LOG_ERROR, "supervisor-failed", &err, "run=%s",
            bg_id_short (run).text);
        exec_core_spawn_failed (self->core, shell_now (), run, &err);
        return;
    }
    exec_core_spawned (self->core, run);
    child->next = self->watches;
    self->watches = child;
    if (bg_failed (shell_watch (self, child->process.pidfd, child, EPOLLIN, &err))) {
        /*  It goes on all the same; its run is looked at like that of a supervisor from before
            a restart.  */
        bg_log_failure (self->config.log, BG_LOG_WARNING, "supervisor-not-watched", &err, "run=%s",
            bg_id_short (run).text);
        shell_close_watch (self, child);
    }
}

/*  ---- watching ----  */

static bool has_child (const shell *self, bg_id run)
{
    for (const watch *item = self->watches; item; item = item->next) {
        if (item->kind == WATCH_CHILD && !item->is_closed && bg_id_equal (item->run, run))
            return true;
    }
    return false;
}

static bool has_end (const run_file *file, bg_arena *arena)
{
    wire_header header;
    void *value = NULL;
    return file->count > 0 &&
           bg_is_ok (
               wire_inner_decode (file->records[file->count - 1], arena, &header, &value, NULL)) &&
           header.kind == WIRE_RECORD_END;
}

void shell_look_at_run (shell *self, bg_id run)
{
    BG_AUTO_ARENA arena = {0};
    run_file file;
    if (!exec_core_is_open (self->core, run))
        return; /*  over, and known to be  */
    run_file_look (self->runs_dir, run, &arena, &file);
    /*  Before the run is said to be interrupted, nothing of it may be left. */
    size_t killed =
        file.is_alive || has_end (&file, &arena) ? 0 : exec_kill_leftovers (run, &self->cgroups);
    if (killed)
        bg_log_event (self->config.log, BG_LOG_WARNING, "leftovers-killed", "run=%s processes=%zu",
            bg_id_short (run).text, killed);
    exec_core_run_file (self->core, shell_now (), run, file.records, file.count, file.is_alive);
}

bool shell_look_at_runs (shell *self, bool all)
{
    bg_id run = {{0}};
    bool any = false;
    while (exec_core_next_run (self->core, run, &run)) {
        if (has_child (self, run))
            continue;
        any = true;
        if (all)
            shell_look_at_run (self, run);
    }
    return any;
}

void shell_child_ready (shell *self, watch *child)
{
    bg_exit result;
    (void) epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, child->process.pidfd, NULL);
    if (bg_is_ok (bg_process_reap (&child->process, &result, NULL)) &&
        (result.is_signal || result.value != 0))
        bg_log_event (self->config.log, BG_LOG_WARNING, "supervisor-died", "run=%s how=\"%s\"",
            bg_id_short (child->run).text, bg_exit_text (result).text);
    bg_id run = child->run;
    shell_close_watch (self, child);
    shell_look_at_run (self, run);
}

/*  ---- talking ----  */

void shell_supervisor_message (shell *self, watch *link, bg_slice blob)
{
    BG_AUTO_ARENA arena = {0};
    wire_header header;
    void *value = NULL;
    if (bg_failed (wire_inner_decode (blob, &arena, &header, &value, NULL)))
        return;
    if (header.kind == WIRE_SUPERVISOR_HELLO) {
        link->run = ((wire_supervisor_hello *) value)->run;
        exec_core_supervisor_here (self->core, shell_now (), link->run);
    } else if (header.kind == WIRE_SUPERVISOR_END) {
        shell_look_at_run (self, ((wire_supervisor_end *) value)->run);
    }
}

void shell_stop (shell *self, bg_id run, const char *reason)
{
    for (watch *item = self->watches; item; item = item->next) {
        if (item->is_closed || item->kind != WATCH_SUPERVISOR || !bg_id_equal (item->run, run))
            continue;
        wire_supervisor_stop message = {.run = run, .reason = bg_slice_str (reason)};
        BG_AUTO_BUF blob = {0};
        wire_inner_encode (WIRE_SUPERVISOR_STOP, (bg_id){{0}}, &message, &blob);
        bg_ignore (bg_frames_send (
            item->frames, bg_buf_slice (&blob), NULL)); /*  it hears it again when it is back  */
    }
}

static bool is_needed (void *ctx, bg_id run)
{
    return exec_core_has_run (((shell *) ctx)->core, run);
}

void shell_sweep (shell *self)
{
    run_file_sweep (self->runs_dir, shell_now ().utc_us, is_needed, self);
    step_cgroups_sweep (&self->cgroups);
}
