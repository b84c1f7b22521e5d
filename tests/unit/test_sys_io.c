/*  Unix sockets, message streams, child processes, clocks and readiness, each against the real
 * system.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/sys/clock.h"
#include "common/sys/frames.h"
#include "common/sys/notify.h"
#include "common/sys/process.h"
#include "common/sys/random.h"
#include "common/sys/unixsock.h"
#include "tests/unit/temp_dir.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define WAIT_MS 10000

/*  Listens, connects, accepts on path and checks who is there.  */
static void check_meeting (const char *path)
{
    int listener = -1, client = -1, server = -1;
    bg_peer peer = {0};
    bg_error err = {0};
    assert_true (bg_is_ok (bg_unix_listen (path, 0600, &listener, &err)));
    struct stat info;
    assert_int_equal (stat (path, &info), 0);
    assert_int_equal (info.st_mode & 0777, 0600);
    assert_int_equal (bg_unix_accept (listener, &server, &peer, &err).code, BG_AGAIN);
    assert_true (bg_is_ok (bg_unix_connect (path, &client, &err)));
    assert_true (bg_is_ok (bg_unix_accept (listener, &server, &peer, &err)));
    assert_int_equal (peer.pid, getpid ());
    assert_int_equal (peer.uid, geteuid ());
    assert_int_equal (peer.gid, getegid ());
    assert_true (bg_is_ok (bg_unix_require_own (&peer, &err)));
    assert_true (fcntl (server, F_GETFL) & O_NONBLOCK);
    assert_true (fcntl (server, F_GETFD) & FD_CLOEXEC);
    int second = -1;
    assert_int_equal (bg_unix_listen (path, 0600, &second, &err).code, BG_BUSY);
    assert_int_equal (second, -1);
    bg_fd_close (&client);
    bg_fd_close (&server);
    bg_unix_unlisten (&listener, path);
    assert_int_equal (listener, -1);
    assert_false (bg_path_exists (path));
    assert_int_equal (bg_unix_connect (path, &client, &err).code, BG_UNREACHABLE);
}

static void test_unix_sockets_meet (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "socket");
    check_meeting (path);
}

static void test_unix_path_longer_than_an_address (void **state)
{
    char name[121];
    memset (name, 'd', sizeof name - 1);
    name[sizeof name - 1] = 0;
    BG_AUTO_CHAR dir = bg_path_join (*state, name);
    BG_AUTO_CHAR path = bg_path_join (dir, "socket");
    assert_true (bg_is_ok (bg_dir_make (dir, 0700, NULL)));
    assert_true (strlen (path) > 108);
    check_meeting (path);
    /*  The name itself still has to fit.  */
    BG_AUTO_CHAR hopeless = bg_path_join (dir, name);
    int fd = -1;
    bg_error err = {0};
    assert_int_equal (bg_unix_listen (hopeless, 0600, &fd, &err).code, BG_INVALID);
}

static void test_stale_socket_is_replaced (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "socket");
    int listener = -1, again = -1;
    bg_error err = {0};
    assert_true (bg_is_ok (bg_unix_listen (path, 0600, &listener, &err)));
    bg_fd_close (&listener); /*  as a crash leaves it: the file stays  */
    assert_true (bg_path_exists (path));
    assert_true (bg_is_ok (bg_unix_listen (path, 0600, &again, &err)));
    bg_unix_unlisten (&again, path);
}

static void test_foreign_file_is_not_replaced (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "socket");
    int listener = -1;
    bg_error err = {0};
    assert_true (bg_is_ok (bg_file_create (path, bg_slice_str ("precious"), NULL)));
    assert_int_equal (bg_unix_listen (path, 0600, &listener, &err).code, BG_FOREIGN_FILE);
    assert_non_null (strstr (err.message, path));
    assert_true (bg_path_exists (path));
}

static void test_strangers_are_refused (void **state)
{
    (void) state;
    bg_error err = {0};
    bg_peer stranger = {.uid = geteuid () + 1, .pid = 4711};
    assert_int_equal (bg_unix_require_own (&stranger, &err).code, BG_NOT_ALLOWED);
    assert_non_null (strstr (err.message, "4711"));
    bg_peer root = {.uid = 0};
    assert_true (bg_is_ok (bg_unix_require_own (&root, &err)));
}

static void test_another_part_may_have_its_own_account (void **state)
{
    (void) state;
    bg_error err = {0};
    bg_peer other = {.uid = geteuid () + 1, .pid = 4711};
    assert_true (bg_is_ok (bg_unix_require (&other, geteuid () + 1, &err)));
    assert_int_equal (bg_unix_require (&other, geteuid () + 2, &err).code, BG_NOT_ALLOWED);
}

static void test_own_processes_meet (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "socket");
    int listener = -1, client = -1, server = -1;
    bg_peer peer = {0};
    bg_error err = {0};
    assert_int_equal (bg_unix_connect_own (path, &client, &peer, &err).code, BG_UNREACHABLE);
    assert_true (bg_is_ok (bg_unix_listen (path, 0600, &listener, &err)));
    assert_int_equal (bg_unix_accept_own (listener, &server, &peer, &err).code, BG_AGAIN);
    assert_int_equal (client, -1);
    assert_int_equal (server, -1);
    assert_true (bg_is_ok (bg_unix_connect_own (path, &client, &peer, &err)));
    assert_int_equal (peer.pid, getpid ());
    assert_true (bg_is_ok (bg_unix_accept_own (listener, &server, &peer, &err)));
    assert_int_equal (peer.uid, geteuid ());
    assert_int_equal (write (client, "x", 1), 1);
    char byte = 0;
    assert_int_equal (read (server, &byte, 1), 1);
    bg_fd_close (&client);
    bg_fd_close (&server);
    bg_unix_unlisten (&listener, path);
}

static void make_frames (bg_frames **a, bg_frames **b, size_t message, size_t queue)
{
    int fds[2];
    assert_true (bg_is_ok (bg_unix_pair (fds, NULL)));
    *a = bg_frames_create (fds[0], message, queue);
    *b = bg_frames_create (fds[1], message, queue);
}

static void test_frames_batch (void **state)
{
    (void) state;
    bg_frames *a, *b;
    bg_slice got;
    bg_error err = {0};
    make_frames (&a, &b, 1000, 10000);
    assert_int_equal (bg_frames_next (b, &got, &err).code, BG_AGAIN);
    const bg_slice parts[] = {bg_slice_str ("one "), bg_slice_str (""), bg_slice_str ("two")};
    assert_true (bg_is_ok (bg_frames_send_parts (a, parts, 3, &err)));
    assert_true (bg_is_ok (bg_frames_send (a, bg_slice_str (""), &err)));
    assert_true (bg_is_ok (bg_frames_send (a, bg_slice_str ("three"), &err)));
    assert_true (bg_frames_wants_write (a));
    assert_int_equal (bg_frames_queued (a), 3 * BG_FRAMES_HEADER + 12);
    assert_true (bg_is_ok (bg_frames_flush (a, &err)));
    assert_false (bg_frames_wants_write (a));
    assert_true (bg_is_ok (bg_frames_next (b, &got, &err)));
    assert_true (bg_slice_is (got, "one two"));
    assert_true (bg_frames_has_next (b));
    assert_true (bg_is_ok (bg_frames_next (b, &got, &err)));
    assert_int_equal (got.size, 0);
    assert_true (bg_is_ok (bg_frames_next (b, &got, &err)));
    assert_true (bg_slice_is (got, "three"));
    assert_false (bg_frames_has_next (b));
    bg_frames_destroy (&a);
    assert_int_equal (bg_frames_next (b, &got, &err).code, BG_CLOSED);
    assert_int_equal (bg_frames_next (b, &got, &err).code, BG_CLOSED);
    bg_frames_destroy (&b);
    bg_frames_destroy (&b);
}

/*  Every byte comes alone: no message may come early, none may be torn.  */
static void test_frames_across_partial_reads (void **state)
{
    (void) state;
    int fds[2];
    bg_slice got;
    bg_error err = {0};
    assert_true (bg_is_ok (bg_unix_pair (fds, NULL)));
    bg_frames *b = bg_frames_create (fds[1], 100, 0);
    static const uint8_t wire[] = {0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 0, 0, 0, 0, 1, 'z'};
    static const size_t complete_at[] = {7, 11, 16};
    size_t messages = 0;
    for (size_t i = 0; i < sizeof wire; i++) {
        assert_int_equal (write (fds[0], wire + i, 1), 1);
        bool is_whole = i + 1 == complete_at[messages];
        bg_code code = bg_frames_next (b, &got, &err).code;
        assert_int_equal (code, is_whole ? BG_OK : BG_AGAIN);
        messages += is_whole;
    }
    assert_int_equal (messages, 3);
    assert_true (bg_slice_is (got, "z"));
    bg_frames_destroy (&b);
    bg_fd_close (&fds[0]);
}

/*  Far more than the socket's buffer: writes are partial, the content is not.  */
static void test_frames_across_partial_writes (void **state)
{
    (void) state;
    enum { MESSAGES = 200, SIZE = 20000 };
    bg_frames *a, *b;
    bg_error err = {0};
    make_frames (&a, &b, SIZE, (size_t) MESSAGES * (SIZE + BG_FRAMES_HEADER));
    BG_AUTO_BUF content = {0};
    memset (bg_buf_reserve (&content, SIZE), 0, SIZE);
    content.size = SIZE;
    for (int i = 0; i < MESSAGES; i++) {
        memset (content.data, i, SIZE);
        assert_true (bg_is_ok (bg_frames_send (a, bg_buf_slice (&content), &err)));
    }
    assert_int_equal (bg_frames_send (a, bg_slice_str ("x"), &err).code, BG_OVERLOADED);
    int received = 0, partial = 0;
    while (received < MESSAGES) {
        assert_true (bg_is_ok (bg_frames_flush (a, &err)));
        partial += bg_frames_wants_write (a);
        bg_slice got;
        bg_code code = bg_frames_next (b, &got, &err).code;
        for (; code == BG_OK; code = bg_frames_next (b, &got, &err).code) {
            assert_int_equal (got.size, SIZE);
            assert_int_equal (got.data[0], (uint8_t) received);
            assert_int_equal (got.data[SIZE - 1], (uint8_t) received);
            received++;
        }
        assert_int_equal (code, BG_AGAIN);
    }
    assert_true (partial > 0);
    bg_frames_destroy (&a);
    bg_frames_destroy (&b);
}

static void test_frames_refuse_large_messages (void **state)
{
    (void) state;
    bg_frames *a, *b;
    bg_error err = {0};
    bg_slice got;
    int fds[2];
    make_frames (&a, &b, 10, 100);
    assert_int_equal (bg_frames_send (a, bg_slice_str ("elevenbytes"), &err).code, BG_TOO_LARGE);
    const bg_slice wrapping[] = {bg_slice_str ("elf"), bg_slice_of ("x", SIZE_MAX)};
    assert_int_equal (bg_frames_send_parts (a, wrapping, 2, &err).code, BG_TOO_LARGE);
    assert_int_equal (bg_frames_queued (a), 0);
    bg_frames_destroy (&a);
    bg_frames_destroy (&b);
    assert_true (bg_is_ok (bg_unix_pair (fds, NULL)));
    b = bg_frames_create (fds[1], 10, 100);
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 'x'};
    assert_int_equal (write (fds[0], huge, sizeof huge), sizeof huge);
    assert_int_equal (bg_frames_next (b, &got, &err).code, BG_TOO_LARGE);
    assert_int_equal (bg_frames_next (b, &got, &err).code, BG_CLOSED);
    assert_int_equal (bg_frames_send (b, bg_slice_str ("x"), &err).code, BG_CLOSED);
    bg_frames_destroy (&b);
    bg_fd_close (&fds[0]);
}

static void test_frames_tell_a_torn_end (void **state)
{
    (void) state;
    int fds[2];
    bg_slice got;
    bg_error err = {0};
    assert_true (bg_is_ok (bg_unix_pair (fds, NULL)));
    bg_frames *b = bg_frames_create (fds[1], 10, 100);
    static const uint8_t torn[] = {0, 0, 0, 1, 'a', 0, 0, 0, 9, 'x'};
    assert_int_equal (write (fds[0], torn, sizeof torn), sizeof torn);
    bg_fd_close (&fds[0]);
    assert_true (bg_is_ok (bg_frames_next (b, &got, &err)));
    bg_code code;
    do
        code = bg_frames_next (b, &got, &err).code;
    while (code == BG_AGAIN);
    assert_int_equal (code, BG_MALFORMED);
    assert_int_equal (bg_frames_next (b, &got, &err).code, BG_CLOSED);
    bg_frames_destroy (&b);
}

static void test_frames_to_nobody (void **state)
{
    (void) state;
    bg_frames *a, *b;
    bg_error err = {0};
    make_frames (&a, &b, 10, 100);
    bg_frames_destroy (&b);
    assert_true (bg_is_ok (bg_frames_send (a, bg_slice_str ("x"), &err)));
    assert_int_equal (bg_frames_flush (a, &err).code, BG_CLOSED);
    assert_false (bg_frames_wants_write (a));
    bg_frames_destroy (&a);
}

static void test_frames_over_a_pipe (void **state)
{
    (void) state;
    int fds[2];
    bg_slice got;
    assert_int_equal (pipe2 (fds, O_CLOEXEC | O_NONBLOCK), 0);
    bg_frames *in = bg_frames_create (fds[0], 10, 100);
    bg_frames *out = bg_frames_create (fds[1], 10, 100);
    assert_true (bg_is_ok (bg_frames_send (out, bg_slice_str ("pipe"), NULL)));
    assert_true (bg_is_ok (bg_frames_flush_wait (out, WAIT_MS, NULL)));
    assert_true (bg_is_ok (bg_frames_next_wait (in, WAIT_MS, &got, NULL)));
    assert_true (bg_slice_is (got, "pipe"));
    assert_int_equal (bg_frames_next_wait (in, 0, &got, NULL).code, BG_TIMEOUT);
    bg_frames_destroy (&out);
    assert_int_equal (bg_frames_next_wait (in, WAIT_MS, &got, NULL).code, BG_CLOSED);
    bg_frames_destroy (&in);
}

static void spawn_shell (
    const char *script, const bg_spawn_fd *fds, size_t count, bg_process *child)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    bg_spawn spawn = {.path = "/bin/sh", .argv = argv, .fds = fds, .fd_count = count};
    bg_error err = {0};
    assert_true (bg_is_ok (bg_process_spawn (&spawn, child, &err)));
    assert_true (child->pid > 0 && child->pidfd >= 0);
}

static void test_process_result (void **state)
{
    (void) state;
    bg_process child;
    bg_exit result;
    bg_error err = {0};
    spawn_shell ("exit 3", NULL, 0, &child);
    assert_true (bg_is_ok (bg_process_wait (&child, WAIT_MS, &result, &err)));
    assert_false (result.is_signal);
    assert_int_equal (result.value, 3);
    assert_string_equal (bg_exit_text (result).text, "exit code 3");
    assert_int_equal (child.pidfd, -1);
}

static void test_process_kill (void **state)
{
    (void) state;
    int fds[2];
    bg_process child, seen;
    bg_exit result;
    bg_error err = {0};
    assert_int_equal (pipe2 (fds, O_CLOEXEC), 0);
    const bg_spawn_fd in = {fds[0], 0};
    spawn_shell ("read forever", &in, 1, &child);
    assert_int_equal (bg_process_reap (&child, &result, &err).code, BG_AGAIN);
    assert_int_equal (bg_process_wait (&child, 0, &result, &err).code, BG_TIMEOUT);
    assert_true (bg_is_ok (bg_process_adopt (child.pid, &seen, &err)));
    assert_true (bg_is_ok (bg_process_kill (&seen, SIGKILL, &err)));
    assert_true (bg_is_ok (bg_process_wait (&child, WAIT_MS, &result, &err)));
    assert_true (result.is_signal);
    assert_int_equal (result.value, SIGKILL);
    assert_string_equal (bg_exit_text (result).text, "signal 9 (Killed)");
    /*  It is gone now; a late signal hits nobody.  */
    assert_true (bg_is_ok (bg_process_kill (&seen, SIGKILL, &err)));
    bg_process_forget (&seen);
    bg_fd_close (&fds[0]);
    bg_fd_close (&fds[1]);
}

/*  Two descriptors change places, which a plain row of dup2 would break.  */
static void test_process_descriptors (void **state)
{
    (void) state;
    int one[2], two[2];
    bg_process child;
    bg_exit result;
    assert_int_equal (pipe2 (one, O_CLOEXEC), 0);
    assert_int_equal (pipe2 (two, O_CLOEXEC), 0);
    const bg_spawn_fd fds[] = {{one[1], two[1]}, {two[1], one[1]}};
    char script[128];
    (void) snprintf (script, sizeof script, "echo to-two >&%d; echo to-one >&%d", one[1], two[1]);
    spawn_shell (script, fds, 2, &child);
    assert_true (bg_is_ok (bg_process_wait (&child, WAIT_MS, &result, NULL)));
    assert_int_equal (result.value, 0);
    bg_fd_close (&one[1]);
    bg_fd_close (&two[1]);
    BG_AUTO_BUF from_one = {0};
    BG_AUTO_BUF from_two = {0};
    assert_true (bg_is_ok (bg_fd_read (one[0], "pipe", 100, &from_one, NULL)));
    assert_true (bg_is_ok (bg_fd_read (two[0], "pipe", 100, &from_two, NULL)));
    assert_string_equal (bg_buf_cstr (&from_one), "to-one\n");
    assert_string_equal (bg_buf_cstr (&from_two), "to-two\n");
    bg_fd_close (&one[0]);
    bg_fd_close (&two[0]);
}

static void test_process_settings (void **state)
{
    int fds[2];
    bg_process child;
    bg_exit result;
    bg_error err = {0};
    assert_int_equal (pipe2 (fds, O_CLOEXEC), 0);
    const bg_spawn_fd out = {fds[1], 1};
    const char *argv[] = {"sh", "-c", "pwd; echo $WORD; cut -d' ' -f6 /proc/self/stat", NULL};
    const char *envp[] = {"WORD=given", "PATH=/usr/bin:/bin", NULL};
    bg_spawn spawn = {.path = "/bin/sh",
        .argv = argv,
        .envp = envp,
        .cwd = *state,
        .fds = &out,
        .fd_count = 1,
        .new_session = true};
    assert_true (bg_is_ok (bg_process_spawn (&spawn, &child, &err)));
    pid_t pid = child.pid;
    assert_true (bg_is_ok (bg_process_wait (&child, WAIT_MS, &result, &err)));
    bg_fd_close (&fds[1]);
    BG_AUTO_BUF got = {0};
    assert_true (bg_is_ok (bg_fd_read (fds[0], "pipe", 4096, &got, NULL)));
    BG_AUTO_CHAR real = realpath (*state, NULL);
    BG_AUTO_CHAR start = bg_strdup_printf ("%s\ngiven\n", real);
    BG_AUTO_CHAR end = bg_strdup_printf ("%d\n", (int) pid);
    BG_AUTO_CHAR expected = bg_strdup_printf ("%s%s", start, end);
    assert_string_equal (bg_buf_cstr (&got), expected);
    bg_fd_close (&fds[0]);
}

static void test_process_missing (void **state)
{
    BG_AUTO_CHAR missing = bg_path_join (*state, "missing");
    const char *argv[] = {"missing", NULL};
    bg_spawn spawn = {.path = missing, .argv = argv};
    bg_process child;
    bg_error err = {0};
    assert_int_equal (bg_process_spawn (&spawn, &child, &err).code, BG_NOT_FOUND);
    assert_non_null (strstr (err.message, missing));
    spawn.path = "bugle-no-such-program";
    assert_int_equal (bg_process_spawn (&spawn, &child, &err).code, BG_NOT_FOUND);
    assert_non_null (strstr (err.hint, "PATH"));
}

static void test_program_path (void **state)
{
    (void) state;
    char *path = NULL;
    bg_error err = {0};
    assert_true (bg_is_ok (bg_program_path ("test_sys_io", &path, &err)));
    assert_int_equal (path[0], '/');
    assert_int_equal (access (path, X_OK), 0);
    free (path);
    assert_true (bg_is_ok (bg_program_path ("sh", &path, &err)));
    assert_non_null (strstr (path, "/sh"));
    free (path);
}

static void test_clocks_go_forward (void **state)
{
    (void) state;
    int64_t mono_us = bg_clock_mono_us (), boot_us = bg_clock_boot_us ();
    assert_true (bg_clock_mono_us () >= mono_us);
    assert_true (bg_clock_boot_us () >= boot_us);
    assert_true (boot_us >= mono_us);
    assert_true (bg_clock_utc_us () > 1700000000000000);
    assert_string_equal (bg_clock_text (0).text, "1970-01-01T00:00:00.000Z");
    assert_string_equal (bg_clock_text (1772366400123456).text, "2026-03-01T12:00:00.123Z");
    assert_string_equal (bg_clock_text (-1).text, "1969-12-31T23:59:59.999Z");
    bg_id one, two;
    assert_true (bg_is_ok (bg_boot_id (&one, NULL)));
    assert_true (bg_is_ok (bg_boot_id (&two, NULL)));
    assert_true (bg_id_equal (one, two));
    assert_false (bg_id_is_zero (one));
}

static void test_ids_carry_the_time (void **state)
{
    (void) state;
    int64_t before_us = bg_clock_utc_us () / 1000 * 1000;
    bg_id one = bg_id_new (), two = bg_id_new ();
    assert_false (bg_id_equal (one, two));
    assert_true (bg_id_time_us (one) >= before_us);
    assert_true (bg_id_time_us (one) <= bg_clock_utc_us ());
    bg_random_seed_libc ();
    int first = rand ();
    bg_random_seed_libc ();
    assert_int_not_equal (first, rand ());
}

static void test_notify (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "notify");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[64] = "";
    assert_int_equal (unsetenv ("NOTIFY_SOCKET"), 0);
    assert_false (bg_notify ("READY=1"));
    memcpy (address.sun_path, path, strlen (path));
    int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal (bind (fd, (struct sockaddr *) &address, sizeof address), 0);
    assert_int_equal (setenv ("NOTIFY_SOCKET", path, 1), 0);
    assert_true (bg_notify ("READY=1\nSTATUS=at work"));
    assert_int_equal (recv (fd, text, sizeof text - 1, 0), 22);
    assert_string_equal (text, "READY=1\nSTATUS=at work");
    bg_fd_close (&fd);
    assert_false (bg_notify ("STOPPING=1"));
    assert_int_equal (unsetenv ("NOTIFY_SOCKET"), 0);
}

int main (void)
{
    if (bg_failed (bg_crypto_init (NULL)))
        return 1;
    const struct CMUnitTest tests[] = {
#define WITH_DIR(name) cmocka_unit_test_setup_teardown (name, temp_dir_setup, temp_dir_teardown)
        WITH_DIR (test_unix_sockets_meet),
        WITH_DIR (test_unix_path_longer_than_an_address),
        WITH_DIR (test_stale_socket_is_replaced),
        WITH_DIR (test_foreign_file_is_not_replaced),
        cmocka_unit_test (test_strangers_are_refused),
        cmocka_unit_test (test_another_part_may_have_its_own_account),
        WITH_DIR (test_own_processes_meet),
        cmocka_unit_test (test_frames_batch),
        cmocka_unit_test (test_frames_across_partial_reads),
        cmocka_unit_test (test_frames_across_partial_writes),
        cmocka_unit_test (test_frames_refuse_large_messages),
        cmocka_unit_test (test_frames_tell_a_torn_end),
        cmocka_unit_test (test_frames_to_nobody),
        cmocka_unit_test (test_frames_over_a_pipe),
        cmocka_unit_test (test_process_result),
        cmocka_unit_test (test_process_kill),
        cmocka_unit_test (test_process_descriptors),
        WITH_DIR (test_process_settings),
        WITH_DIR (test_process_missing),
        cmocka_unit_test (test_program_path),
        cmocka_unit_test (test_clocks_go_forward),
        cmocka_unit_test (test_ids_carry_the_time),
        WITH_DIR (test_notify),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
