/*  Starting, driving and watching the real bugle-exec: see live_exec.h.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "live_exec.h"

#include "common/sys/clock.h"
#include "common/sys/unixsock.h"
#include "../unit/temp_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

live_exec t;

static char *program (void)
{
    char self[PATH_MAX];
    ssize_t size = readlink ("/proc/self/exe", self, sizeof self - 1);
    assert_true (size > 0);
    self[size] = 0;
    return bg_strdup_printf ("%s/../bin/bugle-exec", dirname (self));
}

char *live_path (const char *name)
{
    return bg_path_join (t.home, name);
}

void live_spawn (bg_process *process, int *log_fd)
{
    BG_AUTO_CHAR path = program ();
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    const char *argv[] = {"bugle-exec", "--home", t.home, NULL};
    bg_spawn_fd fds[] = {{ends[1], 2}};
    BG_AUTO_CHAR flag = bg_strdup_printf ("FULL_DISK_FLAG=%s/full", t.home);
    const char *envp[] = {"PATH=/usr/bin:/bin", "LD_PRELOAD=" FULL_DISK,
        "ASAN_OPTIONS=verify_asan_link_order=0", flag, NULL};
    bg_spawn spawn = {.path = path,
        .argv = argv,
        .envp = t.on_full_disk ? envp : NULL,
        .fds = fds,
        .fd_count = 1};
    bg_error err = {0};
    if (bg_failed (bg_process_spawn (&spawn, process, &err)))
        fail_msg ("%s", err.message);
    close (ends[1]);
    *log_fd = ends[0];
}

/*  Reads standard error until it holds the word or ends.  */
bool live_read_log_until (int fd, bg_buf *log, const char *word)
{
    int64_t until_us = bg_clock_mono_us () + BG_MS (WAIT_MS);
    while (!strstr (bg_buf_cstr (log), word)) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        int64_t left_us = until_us - bg_clock_mono_us ();
        if (left_us <= 0 || poll (&item, 1, (int) (left_us / 1000)) <= 0)
            return false;
        uint8_t *place = bg_buf_reserve (log, 4096);
        ssize_t got = read (fd, place, 4096);
        if (got <= 0)
            return false;
        log->size += (size_t) got;
    }
    return true;
}

void live_start (void)
{
    bg_buf_clear (&t.log);
    live_spawn (&t.exec, &t.log_fd);
    if (!live_read_log_until (t.log_fd, &t.log, " ready "))
        fail_msg ("bugle-exec is not ready: %s", bg_buf_cstr (&t.log));
}

bg_exit live_end (int signal_number)
{
    bg_exit result = {0};
    bg_frames_destroy (&t.link);
    if (t.exec.pid == 0)
        return result;
    assert_true (bg_is_ok (bg_process_kill (&t.exec, signal_number, NULL)));
    assert_true (bg_is_ok (bg_process_wait (&t.exec, 10000, &result, NULL)));
    bg_fd_close (&t.log_fd);
    return result;
}

void live_say (wire_kind kind, const void *value)
{
    BG_AUTO_BUF blob = {0};
    bg_id request = {{0}};
    bg_write_u64 (request.bytes + 8, ++t.requests);
    wire_inner_encode (kind, request, value, &blob);
    assert_true (bg_is_ok (bg_frames_send (t.link, bg_buf_slice (&blob), NULL)));
    assert_true (bg_is_ok (bg_frames_flush_wait (t.link, WAIT_MS, NULL)));
}

const void *live_hear (wire_kind *kind)
{
    bg_slice blob;
    wire_header header;
    void *value = NULL;
    bg_error err = {0};
    if (bg_failed (bg_frames_next_wait (t.link, WAIT_MS, &blob, &err)))
        fail_msg ("bugle-exec says nothing: %s", err.message);
    blob = bg_arena_copy (&t.arena, blob);
    assert_true (bg_is_ok (wire_inner_decode (blob, &t.arena, &header, &value, &err)));
    *kind = (wire_kind) header.kind;
    return value;
}

const void *live_hear_kind (wire_kind wanted)
{
    for (;;) {
        wire_kind kind;
        const void *value = live_hear (&kind);
        if (kind == wanted)
            return value;
    }
}

const char *live_code (const wire_exec_verdict *verdict)
{
    return bg_arena_str (&t.arena, verdict->code);
}

const char *live_offer (wire_signed item)
{
    wire_exec_offer message = {.has_item = true, .item = item};
    live_say (WIRE_EXEC_OFFER, &message);
    return live_code (live_hear_kind (WIRE_EXEC_VERDICT));
}

void live_connect (void)
{
    BG_AUTO_CHAR path = live_path ("run/exec.sock");
    int fd = -1;
    bg_error err = {0};
    if (bg_failed (bg_unix_connect (path, &fd, &err)))
        fail_msg ("%s", err.message);
    t.link = bg_frames_create (fd, 2 * 1024 * 1024, 4 * 1024 * 1024);
    wire_exec_hello hello = {.version = bg_slice_str ("test")};
    live_say (WIRE_EXEC_HELLO, &hello);
    (void) live_hear_kind (WIRE_EXEC_STANDING);
}

void live_attest (const wire_exec_nonce *nonce)
{
    wire_exec_attest message = {.has_attestation = true,
        .attestation = fixture_attestation (&t.signing, nonce->nonce, bg_clock_utc_us ())};
    live_say (WIRE_EXEC_ATTEST, &message);
}

void live_enlist (bool write_policy)
{
    wire_signed authority = fixture_authority (&t.signing, 1, 0);
    wire_exec_anchor anchor = {.write_policy = write_policy};
    wire_hash32 (authority.bytes, anchor.authority_hash);
    live_say (WIRE_EXEC_ANCHOR, &anchor);
    assert_string_equal (live_code (live_hear_kind (WIRE_EXEC_VERDICT)), "ok");
    assert_string_equal (live_offer (authority), "ok");
    assert_string_equal (live_offer (fixture_membership (&t.signing, 1, WIRE_MEMBER)), "ok");
    live_attest (live_hear_kind (WIRE_EXEC_NONCE));
}

wire_job live_job (void)
{
    BG_AUTO_CHAR name = bg_strdup_printf ("job %d", ++t.jobs);
    wire_job job = {.name = bg_arena_copy (&t.signing.arena, bg_slice_str (name)),
        .has_audience = true,
        .audience = {.all = true}};
    return job;
}

static wire_signed sign_job (const wire_job *job)
{
    return fixture_document (&t.signing, WIRE_TYPE_JOB, bg_arena_str (&t.arena, job->name), job);
}

wire_exec_start live_start_message (const wire_job *job)
{
    int64_t now_us = bg_clock_utc_us ();
    wire_deed deed = fixture_deed (&t.signing, WIRE_DEED_START, bg_arena_str (&t.arena, job->name),
        now_us, now_us + BG_HOUR (1));
    return (wire_exec_start){.has_job = true,
        .job = sign_job (job),
        .has_deed = true,
        .deed = fixture_sign_deed (&t.signing, &deed, &t.signing.admin)};
}

wire_run live_begin_with (const wire_exec_start *start)
{
    live_say (WIRE_EXEC_START, start);
    for (;;) {
        wire_kind kind;
        const void *value = live_hear (&kind);
        if (kind == WIRE_EXEC_VERDICT)
            fail_msg ("refused: %.*s", BG_SLICE_ARG (((const wire_exec_verdict *) value)->message));
        if (kind == WIRE_EXEC_RUN)
            return ((const wire_exec_run *) value)->run;
    }
}

wire_run live_begin (const wire_job *job)
{
    wire_exec_start start = live_start_message (job);
    wire_run run = live_begin_with (&start);
    assert_int_equal (run.state, WIRE_RUN_RUNNING);
    return run;
}

wire_run live_wait_for_end (bg_id run)
{
    for (;;) {
        const wire_exec_run *message = live_hear_kind (WIRE_EXEC_RUN);
        if (bg_id_equal (message->run.run, run) && message->run.state != WIRE_RUN_RUNNING)
            return message->run;
    }
}

wire_run live_run (const wire_job *job)
{
    wire_run run = live_begin (job);
    wire_run end = live_wait_for_end (run.run);
    wire_exec_taken taken = {run.run};
    live_say (WIRE_EXEC_TAKEN, &taken);
    return end;
}

const char *live_head (const wire_step_result *step)
{
    return bg_arena_str (&t.arena, step->head);
}

int live_setup_bare (void **state)
{
    (void) state;
    memset (&t, 0, sizeof t);
    t.home = temp_dir_make ();
    signing_fixture_init (&t.signing, 5);
    return 0;
}

int live_setup (void **state)
{
    (void) live_setup_bare (state);
    live_start ();
    live_connect ();
    live_enlist (true);
    return 0;
}

int live_teardown (void **state)
{
    (void) state;
    (void) live_end (SIGTERM);
    bg_buf_fini (&t.log);
    signing_fixture_fini (&t.signing);
    bg_arena_fini (&t.arena);
    temp_dir_remove (&t.home);
    return 0;
}

bool live_is_alive (pid_t pid)
{
    char path[64];
    char text[256] = "";
    snprintf (path, sizeof path, "/proc/%d/stat", (int) pid);
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read (fd, text, sizeof text - 1);
    close (fd);
    const char *end = got > 0 ? strrchr (text, ')') : NULL;
    return end && end[2] != 'Z' && end[2] != 'X';
}

/*  Ends only when that process has.  */
void live_wait_until_gone (pid_t pid)
{
    bg_process process = {0, -1};
    if (bg_failed (bg_process_adopt (pid, &process, NULL)))
        return;
    struct pollfd item = {.fd = process.pidfd, .events = POLLIN};
    assert_true (poll (&item, 1, WAIT_MS) == 1 || !live_is_alive (pid));
    bg_process_forget (&process);
}

pid_t live_supervisor_of (bg_id run)
{
    DIR *stream = opendir ("/proc");
    pid_t found = 0;
    bg_id_string wanted = bg_id_text (run);
    for (struct dirent *entry = readdir (stream); entry && !found; entry = readdir (stream)) {
        char path[300];
        char text[4096] = "";
        snprintf (path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = entry->d_name[0] >= '1' && entry->d_name[0] <= '9'
                     ? open (path, O_RDONLY | O_CLOEXEC)
                     : -1;
        if (fd < 0)
            continue;
        ssize_t got = read (fd, text, sizeof text - 1);
        close (fd);
        if (got > 0 && strcmp (text, "bugle-exec") == 0 &&
            memmem (text, (size_t) got, wanted.text, BG_ID_TEXT))
            found = (pid_t) strtol (entry->d_name, NULL, 10);
    }
    closedir (stream);
    return found;
}

/*  A FIFO in the home: a step that opens it waits until the test does.  */
void live_make_fifo (const char *name)
{
    BG_AUTO_CHAR path = live_path (name);
    assert_int_equal (mkfifo (path, 0600), 0);
}

/*  Reads one number that a step writes into a FIFO.  */
pid_t live_read_pid (const char *name)
{
    BG_AUTO_CHAR path = live_path (name);
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    assert_true (fd >= 0);
    char text[64] = "";
    size_t size = 0;
    ssize_t got;
    while (size < sizeof text - 1 && (got = read (fd, text + size, sizeof text - 1 - size)) > 0)
        size += (size_t) got;
    close (fd);
    return (pid_t) strtol (text, NULL, 10);
}

void live_open_gate (const char *name)
{
    BG_AUTO_CHAR path = live_path (name);
    int fd = open (path, O_WRONLY | O_CLOEXEC);
    assert_true (fd >= 0);
    close (fd);
}

wire_job live_gated_job (void)
{
    live_make_fifo ("pid");
    live_make_fifo ("gate");
    wire_job job = live_job ();
    BG_AUTO_CHAR text =
        bg_strdup_printf ("echo $$ >%s/pid; read x <%s/gate; echo through", t.home, t.home);
    fixture_step (&t.signing, &job, "wait", text, NULL);
    return job;
}

wire_signed live_stop_of (const wire_job *job)
{
    int64_t now_us = bg_clock_utc_us ();
    wire_deed deed = fixture_deed (&t.signing, WIRE_DEED_STOP, bg_arena_str (&t.arena, job->name),
        now_us, now_us + BG_MIN (10));
    return fixture_sign_deed (&t.signing, &deed, &t.signing.admin);
}
