/*  The real bugle-exec: what it refuses to begin with, and what can be done to its socket and its disk.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "live_exec.h"

#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/unixsock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

/*  One more bugle-exec on the same home, until it ends, and what it said.  */
static bg_exit run_another (bg_buf *log)
{
    bg_process process = {0, -1};
    int log_fd = -1;
    bg_exit result;
    live_spawn (&process, &log_fd);
    assert_true (bg_is_ok (bg_process_wait (&process, WAIT_MS, &result, NULL)));
    (void) live_read_log_until (log_fd, log, "\xff");
    close (log_fd);
    return result;
}

static void a_second_one_is_refused (void **state)
{
    (void) state;
    BG_AUTO_BUF log = {0};
    const bg_exit result = run_another (&log);
    assert_false (result.is_signal);
    assert_int_not_equal (result.value, 0);
    BG_AUTO_CHAR holder = bg_strdup_printf ("held by bugle-exec (pid %d)", (int) t.exec.pid);
    if (!strstr (bg_buf_cstr (&log), holder))
        fail_msg ("%s", bg_buf_cstr (&log));
}

static void without_policy_nothing_starts_and_it_says_how_to_make_one (void **state)
{
    (void) state;
    live_start ();
    live_connect ();
    live_enlist (false);
    wire_job job = live_job ();
    fixture_step (&t.signing, &job, "only", NULL, "/bin/true", NULL);
    wire_exec_start start = live_start_message (&job);
    live_say (WIRE_EXEC_START, &start);
    const wire_exec_verdict *verdict = live_hear_kind (WIRE_EXEC_VERDICT);
    assert_string_equal (live_code (verdict), "policy");
    assert_non_null (strstr (bg_arena_str (&t.arena, verdict->message), "etc/policy"));
    assert_non_null (strstr (bg_arena_str (&t.arena, verdict->hint), "bugle-node enlist"));
    /*  One that others may write is none either; a proper one works at once.  */
    BG_AUTO_CHAR path = live_path ("etc/policy");
    BG_AUTO_CHAR text =
        bg_strdup_printf ("[default]\naccount = %u\nroot = yes\n", (unsigned) geteuid ());
    assert_true (bg_is_ok (bg_file_replace (path, bg_slice_str (text), 0666, NULL)));
    live_say (WIRE_EXEC_START, &start);
    verdict = live_hear_kind (WIRE_EXEC_VERDICT);
    assert_string_equal (live_code (verdict), "policy");
    assert_non_null (strstr (bg_arena_str (&t.arena, verdict->message), "others may write"));
    assert_true (bg_is_ok (bg_file_replace (path, bg_slice_str (text), 0644, NULL)));
    wire_run run = live_begin_with (&start);
    assert_int_equal (live_wait_for_end (run.run).state, WIRE_RUN_SUCCEEDED);
}

static void a_foreign_log_is_refused (void **state)
{
    (void) state;
    BG_AUTO_CHAR dir = live_path ("exec");
    BG_AUTO_CHAR path = live_path ("exec/log");
    assert_true (bg_is_ok (bg_dir_make (dir, 0700, NULL)));
    assert_int_equal (chmod (t.home, 0700), 0);
    assert_true (
        bg_is_ok (bg_file_create (path, bg_slice_str ("dear diary, today nothing"), NULL)));
    BG_AUTO_BUF log = {0};
    const bg_exit result = run_another (&log);
    assert_int_equal (result.value, 1);
    assert_non_null (strstr (bg_buf_cstr (&log), "is not a log of bugle-exec"));
}

static void garbage_drops_the_connection_and_nothing_else (void **state)
{
    (void) state;
    assert_true (bg_is_ok (bg_frames_send (t.link, bg_slice_str ("garbage"), NULL)));
    assert_true (bg_is_ok (bg_frames_flush_wait (t.link, WAIT_MS, NULL)));
    bg_slice blob;
    bg_result result;
    do {
        result = bg_frames_next_wait (t.link, WAIT_MS, &blob, NULL);
    } while (bg_is_ok (result));
    assert_int_equal (result.code, BG_CLOSED);
    bg_frames_destroy (&t.link);
    live_connect ();
    wire_job job = live_job ();
    fixture_step (&t.signing, &job, "only", NULL, "/bin/true", NULL);
    assert_int_equal (live_run (&job).state, WIRE_RUN_SUCCEEDED);
}

/*  Sends raw bytes over a connection of its own and waits until that is closed.  */
static void send_raw (const uint8_t *bytes, size_t size, bool is_closed_by_it)
{
    BG_AUTO_CHAR path = live_path ("run/exec.sock");
    BG_AUTO_FD fd = -1;
    assert_true (bg_is_ok (bg_unix_connect (path, &fd, NULL)));
    (void) send (fd, bytes, size, MSG_NOSIGNAL);
    for (uint8_t room[4096]; is_closed_by_it;) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        assert_int_equal (poll (&item, 1, WAIT_MS), 1);
        if (recv (fd, room, sizeof room, MSG_DONTWAIT) <= 0)
            return;
    }
}

static void bytes_of_every_kind_do_no_harm (void **state)
{
    (void) state;
    uint8_t bytes[512];
    memset (bytes, 0xff, sizeof bytes); /*  a frame of four gigabytes  */
    send_raw (bytes, sizeof bytes, true);
    uint32_t seed = 20240117;
    print_message ("seed %u\n", seed);
    for (int i = 0; i < 300; i++) {
        for (size_t k = 0; k < sizeof bytes; k++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[k] = (uint8_t) (seed >> 24);
        }
        size_t size = 5 + seed % (sizeof bytes - 5);
        bg_write_u32 (bytes, (uint32_t) (size - 4)); /*  whole frames of nonsense  */
        send_raw (bytes, size, true);
        send_raw (bytes, size / 2, false); /*  and half ones  */
    }
    wire_job job = live_job ();
    fixture_step (&t.signing, &job, "only", NULL, "/bin/true", NULL);
    assert_int_equal (live_run (&job).state, WIRE_RUN_SUCCEEDED);
}

/*  A node account that opens as many connections as it can: supervisors and the node's own still get
    through, and descriptors do not run out.  */
static void a_crowd_of_connections_keeps_nobody_away (void **state)
{
    (void) state;
    enum { CROWD = 100, MOST = 32 };
    BG_AUTO_CHAR path = live_path ("run/exec.sock");
    int fds[CROWD];
    size_t open_count = 0;
    for (size_t i = 0; i < CROWD; i++)
        assert_true (bg_is_ok (bg_unix_connect (path, &fds[i], NULL)));
    wire_job job = live_job ();
    fixture_step (&t.signing, &job, "only", NULL, "/bin/true", NULL);
    assert_int_equal (live_run (&job).state, WIRE_RUN_SUCCEEDED);
    for (size_t i = 0; i < CROWD; i++) {
        uint8_t byte;
        open_count += recv (fds[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
        close (fds[i]);
    }
    assert_in_range (open_count, 1, MOST - 1);
    live_run (&job);
}

/*  No space: no effect, a clear state, and all goes on when there is some.  */
static void a_full_disk_has_no_effects_and_heals (void **state)
{
    (void) state;
    t.on_full_disk = true;
    live_start ();
    live_connect ();
    live_enlist (true);
    wire_job job = live_job ();
    fixture_step (&t.signing, &job, "only", NULL, "/bin/true", NULL);
    wire_exec_start start = live_start_message (&job);
    BG_AUTO_CHAR flag = live_path ("full");
    assert_true (bg_is_ok (bg_file_create (flag, bg_slice_str ("x"), NULL)));
    live_say (WIRE_EXEC_START, &start);
    bg_slice blob;
    bg_result result;
    do {
        result = bg_frames_next_wait (t.link, WAIT_MS, &blob, NULL);
    } while (bg_is_ok (result));
    assert_int_equal (result.code, BG_CLOSED);
    bg_frames_destroy (&t.link);
    live_connect ();
    live_attest (live_hear_kind (WIRE_EXEC_NONCE)); /*  the time was in the batch that was lost  */
    live_say (WIRE_EXEC_START, &start);
    assert_string_equal (live_code (live_hear_kind (WIRE_EXEC_VERDICT)), "storage");
    assert_int_equal (unlink (flag), 0);
    int64_t until_us = bg_clock_mono_us () + BG_MS (WAIT_MS);
    for (;;) {
        wire_kind kind;
        live_say (WIRE_EXEC_START, &start);
        const void *value = live_hear (&kind);
        while (kind != WIRE_EXEC_RUN && kind != WIRE_EXEC_VERDICT)
            value = live_hear (&kind);
        if (kind == WIRE_EXEC_RUN) {
            assert_int_equal (live_wait_for_end (((const wire_exec_run *) value)->run.run).state,
                WIRE_RUN_SUCCEEDED);
            return;
        }
        assert_string_equal (live_code (value), "storage");
        assert_true (bg_clock_mono_us () < until_us);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        CASE (a_second_one_is_refused),
        BARE (without_policy_nothing_starts_and_it_says_how_to_make_one),
        BARE (a_foreign_log_is_refused),
        CASE (garbage_drops_the_connection_and_nothing_else),
        CASE (bytes_of_every_kind_do_no_harm),
        CASE (a_crowd_of_connections_keeps_nobody_away),
        BARE (a_full_disk_has_no_effects_and_heals),
    };
    signal (SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
