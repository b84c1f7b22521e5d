/*  How the commands of bugle-node reach node and bugle-exec: both running, started for the purpose, and not to be had.
    The programs that are started are scripts on PATH, which run this test again as a part.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/base/now.h"
#include "common/sys/file.h"
#include "common/sys/parts.h"
#include "common/sys/unixsock.h"
#include "node/main/commands.h"
#include "tests/unit/must.h"
#include "tests/unit/temp_dir.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES_MAX   (1024 * 1024)
#define DEADLINE_US BG_SEC (20)

typedef struct {
    char *dir;
    char *home;
    char *path_before;
    node_contact contact;
    bool is_open;
} scene;

/*  ---- a part ----  */

static void answer (bg_frames *frames, bg_id request, const char *code)
{
    BG_AUTO_BUF blob = {0};
    const wire_control_answer body = {.code = bg_slice_str (code), .name = bg_slice_str ("db01")};
    wire_inner_encode (WIRE_CONTROL_ANSWER, request, &body, &blob);
    if (bg_failed (bg_frames_send (frames, bg_buf_slice (&blob), NULL)))
        _exit (11);
}

/*  Answers what is asked: the token of an enlist request says how.  */
static void serve_connection (int fd)
{
    bg_frames *frames = bg_frames_create (fd, BYTES_MAX, BYTES_MAX);
    bg_slice payload;
    while (bg_is_ok (bg_frames_next_wait (frames, -1, &payload, NULL))) {
        BG_AUTO_ARENA arena = {0};
        wire_header header;
        void *body = NULL;
        if (bg_failed (
                wire_inner_decode (bg_arena_copy (&arena, payload), &arena, &header, &body, NULL)))
            _exit (12);
        const wire_control_enlist *request = body;
        if (bg_slice_is (request->token, "hang up"))
            break;
        if (bg_slice_is (request->token, "say nothing"))
            continue;
        if (bg_slice_is (request->token, "talk")) {
            BG_AUTO_BUF other = {0};
            answer (frames, (bg_id){{7}}, "to somebody else");
            wire_inner_encode (WIRE_EXEC_HELLO, header.request,
                &(wire_exec_hello){.version = bg_slice_str ("1")}, &other);
            if (bg_failed (bg_frames_send (frames, bg_buf_slice (&other), NULL)))
                _exit (13);
        }
        answer (frames, header.request, "ok");
        if (bg_failed (bg_frames_flush_wait (frames, DEADLINE_US / 1000, NULL)))
            _exit (14);
    }
    bg_frames_destroy (&frames);
}

/*  `test_node_contact serve SOCKET`: until SIGTERM.  */
static int serve (const char *path)
{
    (void) bg_parts_join ();
    int listener = -1;
    bg_error err = {0};
    if (bg_failed (bg_unix_listen (path, 0600, &listener, &err))) {
        (void) fprintf (stderr, "%s\n", err.message);
        return 1;
    }
    for (;;) {
        struct pollfd fd = {.fd = listener, .events = POLLIN};
        int client = -1;
        bg_peer peer;
        if (poll (&fd, 1, -1) == 1 && bg_is_ok (bg_unix_accept (listener, &client, &peer, NULL)))
            serve_connection (client);
    }
}

/*  ---- the place ----  */

static void write_program (const scene *self, const char *name, const char *text)
{
    BG_AUTO_CHAR path = bg_path_join (self->dir, name);
    BG_AUTO_CHAR script = bg_strdup_printf ("#!/bin/sh\n%s\n", text);
    OK (bg_file_replace (path, bg_slice_str (script), 0755, err));
}

static char *part_command (const scene *self, const char *socket_name)
{
    char program[PATH_MAX];
    ssize_t size = readlink ("/proc/self/exe", program, sizeof program - 1);
    assert_true (size > 0);
    program[size] = 0;
    return bg_strdup_printf ("exec '%s' serve '%s/run/%s'", program, self->home, socket_name);
}

static int setup (void **state)
{
    scene *self = bg_alloc (sizeof *self);
    self->dir = temp_dir_make ();
    self->home = bg_path_join (self->dir, "home");
    self->path_before = bg_strdup (getenv ("PATH"));
    BG_AUTO_CHAR path = bg_strdup_printf ("%s:/usr/bin:/bin", self->dir);
    (void) setenv ("PATH", path, 1);
    BG_AUTO_CHAR exec = part_command (self, "exec.sock");
    BG_AUTO_CHAR node = part_command (self, "node.sock");
    write_program (self, "bugle-exec", exec);
    write_program (self, "bugle-node", node);
    *state = self;
    return 0;
}

static void close_contact (scene *self)
{
    if (self->is_open)
        node_contact_close (&self->contact);
    self->is_open = false;
}

static int teardown (void **state)
{
    scene *self = *state;
    close_contact (self);
    (void) unsetenv ("BUGLE_KEEPER");
    (void) setenv ("PATH", self->path_before, 1);
    free (self->path_before);
    free (self->home);
    temp_dir_remove (&self->dir);
    free (self);
    return 0;
}

static bg_result open_contact (scene *self, bg_error *err)
{
    self->is_open = true;
    return node_contact_open (&self->contact, self->home, err);
}

static bg_result ask (
    scene *self, const char *token, int64_t timeout_us, bg_arena *arena, void **said, bg_error *err)
{
    const wire_control_enlist request = {.token = bg_slice_str (token)};
    return node_contact_ask (self->contact.node, WIRE_CONTROL_ENLIST, &request, WIRE_CONTROL_ANSWER,
        timeout_us, arena, said, err);
}

static bool is_gone (pid_t pid)
{
    return kill (pid, 0) != 0;
}

/*  ---- asking ----  */

static void what_does_not_run_is_started_for_as_long_as_needed (void **state)
{
    scene *self = *state;
    BG_AUTO_ARENA arena = {0};
    OK (open_contact (self, err));
    pid_t exec = self->contact.exec_process.pid;
    pid_t node = self->contact.node_process.pid;
    assert_true (exec > 0 && node > 0);
    void *said = NULL;
    OK (ask (self, "anything", DEADLINE_US, &arena, &said, err));
    assert_true (bg_slice_is (((const wire_control_answer *) said)->name, "db01"));
    BG_AUTO_CHAR log = bg_home_path (&self->contact.home, BG_HOME_RUN, "enlist.log");
    assert_true (bg_path_exists (log));
    close_contact (self);
    assert_true (is_gone (exec) && is_gone (node));
}

static void what_runs_already_is_left_running (void **state)
{
    scene *self = *state;
    BG_AUTO_ARENA arena = {0};
    OK (open_contact (self, err));
    node_contact second;
    OK (node_contact_open (&second, self->home, err));
    assert_int_equal (second.exec_process.pid, 0);
    assert_int_equal (second.node_process.pid, 0);
    node_contact_close (&second);
    void *said = NULL;
    OK (ask (self, "anything", DEADLINE_US, &arena, &said, err));
}

static void what_was_started_ends_with_a_command_that_is_killed (void **state)
{
    scene *self = *state;
    int pipes[2];
    assert_int_equal (pipe (pipes), 0);
    pid_t pid = fork ();
    assert_true (pid >= 0);
    if (pid == 0) {
        pid_t parts[2] = {0, 0};
        if (bg_is_ok (open_contact (self, NULL))) {
            parts[0] = self->contact.exec_process.pid;
            parts[1] = self->contact.node_process.pid;
        }
        if (write (pipes[1], parts, sizeof parts) == (ssize_t) sizeof parts)
            (void) pause ();
        _exit (1);
    }
    (void) close (pipes[1]);
    pid_t parts[2] = {0, 0};
    assert_int_equal (read (pipes[0], parts, sizeof parts), sizeof parts);
    bg_process process[2];
    for (size_t i = 0; i < 2; i++) {
        assert_true (parts[i] > 0);
        OK (bg_process_adopt (parts[i], &process[i], err));
    }
    assert_int_equal (kill (pid, SIGKILL), 0);
    assert_int_equal (waitpid (pid, NULL, 0), pid);
    for (size_t i = 0; i < 2; i++) {
        struct pollfd ended = {.fd = process[i].pidfd, .events = POLLIN};
        assert_int_equal (poll (&ended, 1, DEADLINE_US / 1000), 1);
        bg_process_forget (&process[i]);
    }
    (void) close (pipes[0]);
}

static void other_messages_are_skipped (void **state)
{
    scene *self = *state;
    BG_AUTO_ARENA arena = {0};
    OK (open_contact (self, err));
    void *said = NULL;
    OK (ask (self, "talk", DEADLINE_US, &arena, &said, err));
    assert_true (bg_slice_is (((const wire_control_answer *) said)->code, "ok"));
}

static void an_answer_has_its_time (void **state)
{
    scene *self = *state;
    BG_AUTO_ARENA arena = {0};
    OK (open_contact (self, err));
    void *said = NULL;
    bg_error why = {0};
    assert_int_equal (ask (self, "say nothing", BG_MS (60), &arena, &said, &why).code, BG_TIMEOUT);
    assert_int_equal (ask (self, "hang up", DEADLINE_US, &arena, &said, &why).code, BG_CLOSED);
    assert_null (said);
}

/*  ---- not to be had ----  */

static void a_part_that_does_not_start_has_its_say (void **state)
{
    scene *self = *state;
    write_program (self, "bugle-node",
        "echo 'something before it' >&2; echo 'the disk is full of holes' >&2; exit 3");
    bg_error why = {0};
    assert_int_equal (open_contact (self, &why).code, BG_IO);
    assert_non_null (strstr (why.message, "bugle-node did not start"));
    assert_non_null (strstr (why.hint, "it wrote: the disk is full of holes"));
    assert_null (strstr (why.hint, "before"));
    pid_t exec = self->contact.exec_process.pid;
    assert_true (exec > 0);
    close_contact (self);
    assert_true (is_gone (exec));
}

static void words_of_an_earlier_command_are_not_repeated (void **state)
{
    scene *self = *state;
    write_program (self, "bugle-exec", "echo 'first' >&2; exit 3");
    bg_error why = {0};
    assert_int_equal (open_contact (self, &why).code, BG_IO);
    assert_non_null (strstr (why.hint, "first"));
    close_contact (self);
    write_program (self, "bugle-exec", "exit 3");
    why = (bg_error){0};
    assert_int_equal (open_contact (self, &why).code, BG_IO);
    assert_null (strstr (why.hint, "first"));
}

static void a_program_that_is_not_there_is_named (void **state)
{
    scene *self = *state;
    BG_AUTO_CHAR path = bg_path_join (self->dir, "bugle-exec");
    assert_int_equal (unlink (path), 0);
    (void) setenv ("PATH", self->dir, 1);
    bg_error why = {0};
    assert_int_equal (open_contact (self, &why).code, BG_NOT_FOUND);
    assert_non_null (strstr (why.message, "bugle-exec"));
}

static void a_home_that_is_open_to_others_is_refused (void **state)
{
    scene *self = *state;
    assert_int_equal (mkdir (self->home, 0700), 0);
    BG_AUTO_CHAR inside = bg_path_join (self->home, "something");
    OK (bg_file_create (inside, bg_slice_str ("x"), err));
    assert_int_equal (chmod (self->home, 0755), 0);
    bg_error why = {0};
    assert_int_equal (open_contact (self, &why).code, BG_FOREIGN_FILE);
    assert_non_null (strstr (why.message, self->home));
}

int main (int argc, char **argv)
{
    if (argc > 2 && strcmp (argv[1], "serve") == 0)
        return serve (argv[2]);
#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST (what_does_not_run_is_started_for_as_long_as_needed),
        TEST (what_runs_already_is_left_running),
        TEST (what_was_started_ends_with_a_command_that_is_killed),
        TEST (other_messages_are_skipped),
        TEST (an_answer_has_its_time),
        TEST (a_part_that_does_not_start_has_its_say),
        TEST (words_of_an_earlier_command_are_not_repeated),
        TEST (a_program_that_is_not_there_is_named),
        TEST (a_home_that_is_open_to_others_is_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
