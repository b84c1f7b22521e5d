/*  Contact of a command with node and bugle-exec: see commands.h. Started parts write to <run>/enlist.log, so that the
    command's own output stays readable.  */
#include "node/main/commands.h"

#include "common/base/now.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/parts.h"
#include "common/sys/random.h"
#include "common/sys/unixsock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define CONTACT_WAIT_US   BG_SEC (15)
#define CONTACT_STEP_MS   10
#define CONTACT_BYTES_MAX (1024 * 1024)
#define END_WAIT_MS       10000

static bg_result spawn_part (
    node_contact *self, const char *program, const char *part, bg_process *process, bg_error *err)
{
    BG_AUTO_FD log = open (self->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0)
        return bg_fail_errno (err, BG_IO, "%s cannot be written", self->log_path);
    BG_AUTO_FD null = open ("/dev/null", O_RDWR | O_CLOEXEC);
    const bg_spawn_fd fds[] = {{null, 0}, {log, 1}, {log, 2}};
    const bg_part_options options = {.home = self->home.is_system ? NULL : self->home.state};
    const bg_part_command command = bg_part_command_of (program, part, &options);
    bg_spawn spawn = {
        .path = program, .argv = command.argv, .fds = fds, .fd_count = 3, .new_session = true};
    /*  A command that is interrupted leaves nothing running.  */
    bg_parts_keep ();
    return bg_process_spawn (&spawn, process, err);
}

/*  The last lines of what a started part wrote: its own sentence is better than any of ours.  */
static void add_last_words (const node_contact *self, bg_error *err)
{
    BG_AUTO_BUF text = {0};
    if (bg_failed (bg_file_read (self->log_path, 1024 * 1024, &text, NULL)) || text.size == 0)
        return;
    const char *start = bg_buf_cstr (&text);
    size_t size = text.size;
    while (size && start[size - 1] == '\n')
        size--;
    size_t from = size;
    while (from && start[from - 1] != '\n')
        from--;
    bg_ignore (bg_hint (err, "it wrote: %.*s", (int) (size - from), start + from));
}

static bg_result connect_part (node_contact *self, const char *path, const char *what,
    const bg_process *process, bg_frames **frames, bg_error *err)
{
    int64_t until = bg_clock_mono_us () + CONTACT_WAIT_US;
    for (;;) {
        int fd = -1;
        bg_result result = bg_unix_connect (path, &fd, err);
        if (bg_is_ok (result)) {
            *frames = bg_frames_create (fd, CONTACT_BYTES_MAX, CONTACT_BYTES_MAX);
            return result;
        }
        if (process->pid == 0 || (result.code != BG_UNREACHABLE && result.code != BG_AGAIN))
            return result;
        /*  Until it listens or ends: the pidfd wakes us when it ends.  */
        struct pollfd ended = {.fd = process->pidfd, .events = POLLIN};
        if (poll (&ended, 1, CONTACT_STEP_MS) > 0) {
            result = bg_fail (err, BG_IO, "%s did not start", what);
            add_last_words (self, err);
            return result;
        }
        if (bg_clock_mono_us () > until)
            return bg_fail (err, BG_TIMEOUT, "%s was started and does not answer; see %s", what,
                self->log_path);
    }
}

/*  The system's parts are services with accounts of their own: nothing is started here.  */
static bg_result not_reached (
    const node_contact *self, const char *what, bg_result result, bg_error *err)
{
    if (!self->home.is_system)
        return result;
    if (geteuid () != 0) {
        bg_ignore (
            bg_fail (err, BG_NOT_ALLOWED, "only root talks to the %s of this machine", what));
        return bg_hint (err, "run it with sudo, or give a node of your own with --home DIR");
    }
    if (result.code != BG_UNREACHABLE)
        return result;
    bg_ignore (bg_fail (err, BG_UNREACHABLE, "%s does not run on this machine", what));
    return bg_hint (err, "run: systemctl start bugle-node bugle-exec; or give a node of your own "
                         "with --home DIR");
}

/*  Connects to the part, starting it when it does not run.  */
static bg_result reach_part (node_contact *self, const char *path, const char *program,
    const char *part, bg_process *process, bg_frames **frames, bg_error *err)
{
    const bg_process none = {0, -1};
    bg_result result = connect_part (self, path, program, &none, frames, err);
    if (bg_failed (result) && self->home.is_system)
        return not_reached (self, program, result, err);
    if (result.code != BG_UNREACHABLE)
        return result;
    BG_TRY (spawn_part (self, program, part, process, err));
    return connect_part (self, path, program, process, frames, err);
}

bg_result node_contact_open (node_contact *self, const char *home, bg_error *err)
{
    *self = (node_contact){.node_process = {0, -1}, .exec_process = {0, -1}};
    BG_TRY (bg_crypto_init (err));
    BG_TRY (bg_home_init (&self->home, home, err));
    BG_TRY (bg_home_ensure (&self->home, BG_HOME_RUN, err));
    self->log_path = bg_home_path (&self->home, BG_HOME_RUN, "enlist.log");
    if (!self->home.is_system)
        (void) unlink (self->log_path);
    BG_AUTO_CHAR exec_path = bg_home_path (&self->home, BG_HOME_RUN_EXEC, "exec.sock");
    BG_AUTO_CHAR node_path = bg_home_path (&self->home, BG_HOME_RUN_NODE, "node.sock");
    BG_TRY (
        reach_part (self, exec_path, "bugle-exec", NULL, &self->exec_process, &self->exec, err));
    return reach_part (
        self, node_path, "bugle-node", "node", &self->node_process, &self->node, err);
}

static void end_process (bg_process *process)
{
    if (!process->pid)
        return;
    bg_exit result;
    bg_ignore (bg_process_kill (process, SIGTERM, NULL));
    if (bg_failed (bg_process_wait (process, END_WAIT_MS, &result, NULL))) {
        bg_ignore (bg_process_kill (process, SIGKILL, NULL));
        bg_ignore (bg_process_wait (process, END_WAIT_MS, &result, NULL));
    }
}

void node_contact_close (node_contact *self)
{
    bg_frames_destroy (&self->node);
    bg_frames_destroy (&self->exec);
    end_process (&self->node_process);
    end_process (&self->exec_process);
    free (self->log_path);
    bg_home_fini (&self->home);
}

bg_result node_contact_ask (bg_frames *frames, wire_kind kind, const void *value,
    wire_kind answer_kind, int64_t timeout_us, bg_arena *arena, void **answer, bg_error *err)
{
    BG_AUTO_BUF blob = {0};
    bg_id request = bg_id_new ();
    int64_t until = bg_clock_mono_us () + timeout_us;
    wire_inner_encode (kind, request, value, &blob);
    BG_TRY (bg_frames_send (frames, bg_buf_slice (&blob), err));
    BG_TRY (bg_frames_flush_wait (frames, timeout_us / 1000, err));
    for (;;) {
        int64_t left = until - bg_clock_mono_us ();
        bg_slice payload;
        BG_TRY (bg_frames_next_wait (frames, left > 0 ? left / 1000 : 0, &payload, err));
        wire_header header;
        /*  The payload lives until the next read; the answer has to live longer.  */
        BG_TRY (wire_inner_decode (bg_arena_copy (arena, payload), arena, &header, answer, err));
        if (header.kind == (uint64_t) answer_kind && bg_id_equal (header.request, request))
            return bg_ok ();
    }
}
