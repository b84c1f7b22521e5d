/*  The helper for real steps: a process with one thread that makes run files, splits supervisors off, and tells what they
    wrote when they have ended. It decides nothing, and keeps nothing that another process has not.  */
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/loop.h"
#include "common/sys/process.h"
#include "common/sys/unixsock.h"
#include "node/exec/run_file.h"
#include "node/exec/supervisor.h"
#include "proto/wire.h"
#include "tests/load/swarm/real_private.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct helper helper;

/*  A run with its supervisor, and the supervisor's connection once it has said who it is.  */
typedef struct supervised supervised;
struct supervised {
    supervised *next;
    helper *owner;
    swarm_real_head head;
    bg_process process;
    bg_child_watch *watch;
};

typedef struct link link_of;
struct link {
    link_of *next;
    helper *owner;
    bg_frames *frames;
    bg_fd_watch *watch;
    bg_id run;
};

struct helper {
    bg_loop *loop;
    bg_frames *frames;
    bg_fd_watch *watch;
    bg_fd_watch *listener_watch;
    int listener;
    int null_fd;
    char dir[256];
    char *socket_path;
    step_cgroups cgroups;
    supervised *runs;
    link_of *links;
};

/*  ---- supervisors ----  */

static void tell (helper *self, const swarm_real_head *about)
{
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF payload = {0};
    run_file file;
    run_file_look (self->dir, about->run, &arena, &file);
    swarm_real_head head = *about;
    head.count = file.count < SWARM_REAL_RECORDS ? file.count : SWARM_REAL_RECORDS;
    bg_buf_append (&payload, &head, sizeof head);
    for (size_t i = 0; i < head.count; i++) {
        bg_buf_append_u32 (&payload, (uint32_t) file.records[i].size);
        bg_buf_append_slice (&payload, file.records[i]);
    }
    bg_result sent = bg_frames_send (self->frames, bg_buf_slice (&payload), NULL);
    if (bg_is_ok (sent))
        sent = bg_frames_flush_wait (self->frames, 10000, NULL);
    if (bg_failed (sent))
        bg_loop_stop (self->loop, 1);
    run_file_remove (self->dir, about->run);
}

static void on_ended (pid_t pid, int exit_code, int signo, void *arg)
{
    (void) pid;
    (void) exit_code;
    (void) signo;
    supervised *run = arg;
    helper *self = run->owner;
    for (supervised **at = &self->runs; *at; at = &(*at)->next) {
        if (*at != run)
            continue;
        *at = run->next;
        break;
    }
    bg_child_watch_destroy (&run->watch);
    (void) close (run->process.pidfd);
    tell (self, &run->head);
    free (run);
}

static int be_supervisor (void *ctx)
{
    const supervised *run = ctx;
    return exec_supervise (
        run->owner->socket_path, bg_id_text (run->head.run).text, &run->owner->cgroups);
}

static bg_result start (helper *self, supervised *run, bg_slice plan, bg_error *err)
{
    BG_AUTO_FD file = -1;
    BG_AUTO_FD dir = open (self->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return bg_fail_errno (err, BG_IO, "cannot open %s", self->dir);
    BG_TRY (run_file_create (self->dir, run->head.run, plan, &file, err));
    const bg_spawn_fd fds[] = {{self->null_fd, 0}, {self->null_fd, 1}, {self->null_fd, 2},
        {file, SUPERVISOR_RUN_FD}, {dir, SUPERVISOR_DIR_FD}};
    const bg_split split = {
        .fds = fds, .fd_count = sizeof fds / sizeof *fds, .body = be_supervisor, .ctx = run};
    return bg_process_split (&split, &run->process, err);
}

static void spawn (helper *self, const swarm_real_head *head, bg_slice plan)
{
    supervised *run = bg_alloc (sizeof *run);
    *run = (supervised){.next = self->runs, .owner = self, .head = *head, .process = {0, -1}};
    bg_error err = {0};
    bg_result result = start (self, run, plan, &err);
    if (bg_is_ok (result))
        result = bg_child_watch_create (
            self->loop, run->process.pid, run->process.pidfd, on_ended, run, &run->watch, &err);
    if (bg_is_ok (result)) {
        self->runs = run;
        return;
    }
    fprintf (stderr, "bugle-swarm: a supervisor cannot be started: %s\n", err.message);
    tell (self, head);
    free (run);
}

/*  ---- what supervisors say, and STOP ----  */

static void link_close (link_of *one)
{
    for (link_of **at = &one->owner->links; *at; at = &(*at)->next) {
        if (*at != one)
            continue;
        *at = one->next;
        break;
    }
    bg_fd_watch_destroy (&one->watch);
    bg_frames_destroy (&one->frames);
    free (one);
}

static void on_link (int fd, unsigned events, void *arg)
{
    (void) fd;
    (void) events;
    link_of *one = arg;
    for (;;) {
        BG_AUTO_ARENA arena = {0};
        bg_slice blob;
        wire_header header;
        void *value = NULL;
        const bg_result result = bg_frames_next (one->frames, &blob, NULL);
        if (result.code == BG_AGAIN)
            return;
        if (bg_failed (result)) {
            link_close (one);
            return;
        }
        if (bg_is_ok (wire_inner_decode (blob, &arena, &header, &value, NULL)) &&
            header.kind == WIRE_SUPERVISOR_HELLO)
            one->run = ((const wire_supervisor_hello *) value)->run;
    }
}

static void on_connect (int fd, unsigned events, void *arg)
{
    (void) events;
    helper *self = arg;
    bg_peer peer;
    int accepted = -1;
    if (bg_failed (bg_unix_accept_own (fd, &accepted, &peer, NULL)))
        return;
    link_of *one = bg_alloc (sizeof *one);
    *one = (link_of){.next = self->links,
        .owner = self,
        .frames = bg_frames_create (accepted, 1 << 16, 1 << 16)};
    self->links = one;
    if (bg_failed (
            bg_fd_watch_create (self->loop, accepted, BG_FD_READ, on_link, one, &one->watch, NULL)))
        link_close (one);
}

static void stop (helper *self, bg_id run)
{
    for (link_of *one = self->links; one; one = one->next) {
        if (!bg_id_equal (one->run, run))
            continue;
        BG_AUTO_BUF blob = {0};
        const wire_supervisor_stop message = {.run = run, .reason = bg_slice_str ("stop")};
        wire_inner_encode (WIRE_SUPERVISOR_STOP, (bg_id){{0}}, &message, &blob);
        if (bg_is_ok (bg_frames_send (one->frames, bg_buf_slice (&blob), NULL)))
            bg_ignore (bg_frames_flush (one->frames, NULL)); /*  one that is gone needs none  */
    }
}

/*  ---- orders ----  */

static void on_order (int fd, unsigned events, void *arg)
{
    (void) fd;
    (void) events;
    helper *self = arg;
    for (;;) {
        swarm_real_head head;
        bg_slice payload;
        const bg_result result = bg_frames_next (self->frames, &payload, NULL);
        if (result.code == BG_AGAIN)
            return;
        if (bg_failed (result) || payload.size < sizeof head) {
            bg_loop_stop (self->loop, 0);
            return;
        }
        memcpy (&head, payload.data, sizeof head);
        if (head.count)
            spawn (
                self, &head, bg_slice_of (payload.data + sizeof head, payload.size - sizeof head));
        else
            stop (self, head.run);
    }
}

/*  ---- life ----  */

static bg_result open_helper (helper *self, int fd, bg_error *err)
{
    const char *below = getenv ("TMPDIR");
    (void) snprintf (
        self->dir, sizeof self->dir, "%s/bugle-swarm.XXXXXX", below && *below ? below : "/tmp");
    if (!mkdtemp (self->dir))
        return bg_fail_errno (err, BG_IO, "cannot make %s", self->dir);
    self->socket_path = bg_strdup_printf ("%s/supervisor.sock", self->dir);
    self->null_fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
    step_cgroups_find (&self->cgroups);
    BG_TRY (bg_loop_create (&self->loop, err));
    self->frames = bg_frames_create (fd, SWARM_REAL_BYTES, SWARM_REAL_QUEUE);
    BG_TRY (bg_fd_watch_create (self->loop, fd, BG_FD_READ, on_order, self, &self->watch, err));
    BG_TRY (bg_unix_listen (self->socket_path, 0600, &self->listener, err));
    return bg_fd_watch_create (
        self->loop, self->listener, BG_FD_READ, on_connect, self, &self->listener_watch, err);
}

/*  Nobody waits for the runs that go on: they end, and their files go.  */
static void close_helper (helper *self)
{
    for (supervised *run = self->runs; run; run = run->next)
        stop (self, run->head.run);
    while (self->runs) {
        supervised *run = self->runs;
        self->runs = run->next;
        bg_child_watch_destroy (&run->watch);
        bg_exit result;
        if (bg_failed (bg_process_wait (&run->process, 5000, &result, NULL)))
            bg_ignore (bg_process_kill (&run->process, SIGKILL, NULL));
        free (run);
    }
    while (self->links)
        link_close (self->links);
    DIR *dir = opendir (self->dir);
    for (struct dirent *entry = dir ? readdir (dir) : NULL; entry; entry = readdir (dir))
        (void) unlinkat (dirfd (dir), entry->d_name, 0);
    if (dir)
        (void) closedir (dir);
    (void) rmdir (self->dir);
}

int swarm_real_help (int fd)
{
    static helper self = {.listener = -1, .null_fd = -1};
    (void) signal (SIGINT, SIG_IGN);
    (void) signal (SIGTERM, SIG_IGN);
    bg_error err = {0};
    int exit_code = 1;
    bg_result result = open_helper (&self, fd, &err);
    if (bg_is_ok (result))
        result = bg_loop_run (self.loop, &exit_code, &err);
    if (bg_failed (result))
        fprintf (stderr, "bugle-swarm: real steps: %s\n", err.message);
    close_helper (&self);
    return bg_failed (result) ? 1 : exit_code;
}
