/*  The node's two Unix sockets over real connections on one loop: the control socket, and the client of bugle-exec.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/base/now.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/frames.h"
#include "common/sys/unixsock.h"
#include "node/shell/control.h"
#include "node/shell/exec_client.h"
#include "tests/unit/ids.h"
#include "tests/unit/must.h"
#include "tests/unit/temp_dir.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_US   BG_SEC (20)
#define MESSAGE_MAX   (1024 * 1024)
#define CONNECTIONS   16
#define NOBODY        65534
#define REQUESTS_KEPT 8
#define MIB           (1024 * 1024)

typedef struct {
    char *dir;
    char *path;
    int log;
    bg_log *bg_log;
    bg_loop *loop;
    node_control *control;
    node_exec_client *exec;
    /*  control  */
    size_t requests;
    uint64_t numbers[REQUESTS_KEPT];
    wire_kind kinds[REQUESTS_KEPT];
    char tokens[REQUESTS_KEPT][32];
    size_t gone;
    uint64_t gone_number;
    bool answers_at_once;
    /*  client of bugle-exec  */
    size_t ups;
    size_t downs;
    size_t messages;
    size_t bytes;
    bool is_in_order;
    bool sends_too_much;
} scene;

static void on_request (void *ctx, uint64_t number, wire_kind kind, const void *body)
{
    scene *self = ctx;
    assert_in_range (self->requests, 0, REQUESTS_KEPT - 1);
    self->numbers[self->requests] = number;
    self->kinds[self->requests] = kind;
    if (kind == WIRE_CONTROL_ENLIST) {
        const wire_control_enlist *request = body;
        (void) snprintf (self->tokens[self->requests], 32, "%.*s", BG_SLICE_ARG (request->token));
    }
    self->requests++;
    if (self->answers_at_once)
        node_control_reply (
            self->control, number, &(wire_control_answer){.code = bg_slice_str ("ok")});
}

static void on_gone (void *ctx, uint64_t number)
{
    scene *self = ctx;
    self->gone++;
    self->gone_number = number;
}

static int setup (void **state)
{
    scene *self = bg_alloc (sizeof *self);
    self->dir = temp_dir_make ();
    self->path = bg_path_join (self->dir, "node.sock");
    BG_AUTO_CHAR log = bg_path_join (self->dir, "log");
    self->log = open (log, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true (self->log >= 0);
    self->bg_log = bg_log_create ("node", self->log, BG_LOG_PLAIN);
    self->is_in_order = true;
    OK (bg_loop_create (&self->loop, err));
    *state = self;
    return 0;
}

static int teardown (void **state)
{
    scene *self = *state;
    node_control_destroy (&self->control);
    node_control_destroy (&self->control);
    node_exec_client_destroy (&self->exec);
    node_exec_client_destroy (&self->exec);
    bg_loop_destroy (&self->loop);
    bg_log_destroy (&self->bg_log);
    bg_fd_close (&self->log);
    temp_dir_remove (&self->dir);
    free (self->path);
    free (self);
    return 0;
}

static bool has_logged (const scene *self, const char *text)
{
    char lines[8192] = "";
    assert_true (pread (self->log, lines, sizeof lines - 1, 0) >= 0);
    return strstr (lines, text) != NULL;
}

static void turn (scene *self, int64_t until)
{
    if (bg_clock_mono_us () > until)
        fail_msg ("waited in vain");
    OK (bg_loop_turn (self->loop, BG_MS (20), NULL, err));
}

static void turn_until (scene *self, const size_t *counter, size_t value)
{
    int64_t until = bg_clock_mono_us () + DEADLINE_US;
    while (*counter < value)
        turn (self, until);
    assert_int_equal (*counter, value);
}

/*  ---- control: the other end ----  */

static void start_control (scene *self)
{
    const node_control_handlers handlers = {on_request, on_gone, self};
    OK (node_control_create (self->loop, self->bg_log, self->path, &handlers, &self->control, err));
}

static bg_frames *connect_client (const scene *self)
{
    int fd = -1;
    OK (bg_unix_connect (self->path, &fd, err));
    return bg_frames_create (fd, MESSAGE_MAX, 2 * MESSAGE_MAX);
}

static void queue_request (bg_frames *client, bg_id id, const char *token)
{
    BG_AUTO_BUF blob = {0};
    const wire_control_enlist request = {.token = bg_slice_str (token), .timeout_us = 5};
    wire_inner_encode (WIRE_CONTROL_ENLIST, id, &request, &blob);
    OK (bg_frames_send (client, bg_buf_slice (&blob), err));
}

static void send_request (bg_frames *client, bg_id id, const char *token)
{
    queue_request (client, id, token);
    OK (bg_frames_flush (client, err));
}

/*  The next answer, or BG_CLOSED when the connection has ended.  */
static bg_code next_answer (
    scene *self, bg_frames *client, bg_arena *arena, bg_id *id, const wire_control_answer **answer)
{
    int64_t until = bg_clock_mono_us () + DEADLINE_US;
    for (;;) {
        bg_slice blob;
        bg_result next = bg_frames_next (client, &blob, NULL);
        if (next.code == BG_AGAIN) {
            turn (self, until);
            continue;
        }
        if (bg_failed (next))
            return next.code;
        wire_header header;
        void *body = NULL;
        OK (wire_inner_decode (bg_arena_copy (arena, blob), arena, &header, &body, err));
        assert_int_equal (header.kind, WIRE_CONTROL_ANSWER);
        *id = header.request;
        *answer = body;
        return BG_OK;
    }
}

static void expect_end (scene *self, bg_frames *client)
{
    BG_AUTO_ARENA arena = {0};
    bg_id id;
    const wire_control_answer *answer = NULL;
    assert_int_equal (next_answer (self, client, &arena, &id, &answer), BG_CLOSED);
}

/*  ---- control ----  */

static void a_request_gets_its_answer (void **state)
{
    scene *self = *state;
    BG_AUTO_ARENA arena = {0};
    start_control (self);
    struct stat info;
    assert_int_equal (stat (self->path, &info), 0);
    assert_int_equal (info.st_mode & 0777, 0600);
    bg_frames *client = connect_client (self);
    send_request (client, id_of (1), "secret");
    turn_until (self, &self->requests, 1);
    assert_int_equal (self->kinds[0], WIRE_CONTROL_ENLIST);
    assert_string_equal (self->tokens[0], "secret");
    const wire_control_answer said = {
        .code = bg_slice_str ("ok"), .name = bg_slice_str ("db01"), .number = 7};
    node_control_reply (self->control, self->numbers[0], &said);
    const wire_control_answer *answer = NULL;
    bg_id id;
    assert_int_equal (next_answer (self, client, &arena, &id, &answer), BG_OK);
    assert_true (bg_id_equal (id, id_of (1)));
    assert_true (bg_slice_is (answer->name, "db01"));
    assert_int_equal (answer->number, 7);
    /*  The connection takes another one, with a number of its own.  */
    send_request (client, id_of (2), "other");
    turn_until (self, &self->requests, 2);
    assert_int_not_equal (self->numbers[0], self->numbers[1]);
    node_control_reply (self->control, self->numbers[1], &said);
    assert_int_equal (next_answer (self, client, &arena, &id, &answer), BG_OK);
    assert_true (bg_id_equal (id, id_of (2)));
    bg_frames_destroy (&client);
    assert_int_equal (self->gone, 0);
}

static void each_connection_gets_its_own_answer (void **state)
{
    scene *self = *state;
    BG_AUTO_ARENA arena = {0};
    start_control (self);
    bg_frames *one = connect_client (self);
    bg_frames *two = connect_client (self);
    send_request (one, id_of (1), "one");
    turn_until (self, &self->requests, 1);
    send_request (two, id_of (2), "two");
    turn_until (self, &self->requests, 2);
    node_control_reply (
        self->control, self->numbers[1], &(wire_control_answer){.code = bg_slice_str ("second")});
    node_control_reply (
        self->control, self->numbers[0], &(wire_control_answer){.code = bg_slice_str ("first")});
    const wire_control_answer *answer = NULL;
    bg_id id;
    assert_int_equal (next_answer (self, one, &arena, &id, &answer), BG_OK);
    assert_true (bg_slice_is (answer->code, "first"));
    assert_int_equal (next_answer (self, two, &arena, &id, &answer), BG_OK);
    assert_true (bg_slice_is (answer->code, "second"));
    bg_frames_destroy (&one);
    bg_frames_destroy (&two);
}

static void an_answer_of_any_size_arrives (void **state)
{
    scene *self = *state;
    BG_AUTO_ARENA arena = {0};
    enum { JOBS = 1000 };
    char name[129];
    memset (name, 'n', 128);
    name[128] = 0;
    wire_control_job *jobs = bg_arena_array (&arena, wire_control_job, JOBS);
    for (size_t i = 0; i < JOBS; i++)
        jobs[i] = (wire_control_job){.name = bg_slice_str (name), .schedule = bg_slice_str (name)};
    start_control (self);
    bg_frames *client = connect_client (self);
    send_request (client, id_of (1), "x");
    turn_until (self, &self->requests, 1);
    const wire_control_answer said = {
        .code = bg_slice_str ("ok"), .jobs = jobs, .jobs_count = JOBS};
    node_control_reply (self->control, self->numbers[0], &said);
    const wire_control_answer *answer = NULL;
    bg_id id;
    assert_int_equal (next_answer (self, client, &arena, &id, &answer), BG_OK);
    assert_int_equal (answer->jobs_count, JOBS);
    bg_frames_destroy (&client);
}

static void a_second_request_before_the_answer_ends_the_connection (void **state)
{
    scene *self = *state;
    start_control (self);
    bg_frames *client = connect_client (self);
    send_request (client, id_of (1), "one");
    turn_until (self, &self->requests, 1);
    send_request (client, id_of (2), "two");
    expect_end (self, client);
    assert_int_equal (self->requests, 1);
    assert_int_equal (self->gone, 1);
    assert_int_equal (self->gone_number, self->numbers[0]);
    bg_frames_destroy (&client);
    /*  The same when both come in one piece.  */
    client = connect_client (self);
    queue_request (client, id_of (1), "one");
    send_request (client, id_of (2), "two");
    expect_end (self, client);
    assert_int_equal (self->requests, 2);
    assert_int_equal (self->gone, 2);
    bg_frames_destroy (&client);
}

static void requests_in_one_piece_are_fine_when_they_are_answered_at_once (void **state)
{
    scene *self = *state;
    BG_AUTO_ARENA arena = {0};
    self->answers_at_once = true;
    start_control (self);
    bg_frames *client = connect_client (self);
    for (uint8_t i = 1; i < 4; i++)
        queue_request (client, id_of (i), "x");
    OK (bg_frames_flush (client, err));
    const wire_control_answer *answer = NULL;
    for (uint8_t i = 1; i < 4; i++) {
        bg_id id;
        assert_int_equal (next_answer (self, client, &arena, &id, &answer), BG_OK);
        assert_true (bg_id_equal (id, id_of (i)));
    }
    bg_frames_destroy (&client);
}

static void who_goes_away_is_told (void **state)
{
    scene *self = *state;
    BG_AUTO_ARENA arena = {0};
    self->answers_at_once = true;
    start_control (self);
    bg_frames *served = connect_client (self);
    send_request (served, id_of (1), "served");
    const wire_control_answer *answer = NULL;
    bg_id id;
    assert_int_equal (next_answer (self, served, &arena, &id, &answer), BG_OK);
    self->answers_at_once = false;
    bg_frames *waiting = connect_client (self);
    send_request (waiting, id_of (2), "waiting");
    turn_until (self, &self->requests, 2);
    bg_frames_destroy (&served); /*  has its answer: nothing to tell  */
    bg_frames_destroy (&waiting);
    turn_until (self, &self->gone, 1);
    assert_int_equal (self->gone_number, self->numbers[1]);
    node_control_reply (
        self->control, self->numbers[1], &(wire_control_answer){.code = bg_slice_str ("late")});
}

static void what_is_no_request_ends_the_connection (void **state)
{
    scene *self = *state;
    start_control (self);
    BG_AUTO_BUF other = {0};
    wire_inner_encode (
        WIRE_EXEC_HELLO, id_of (1), &(wire_exec_hello){.version = bg_slice_str ("0")}, &other);
    const bg_slice blobs[] = {bg_slice_str ("garbage"), bg_slice_str (""), bg_buf_slice (&other)};
    for (size_t i = 0; i < sizeof blobs / sizeof blobs[0]; i++) {
        bg_frames *client = connect_client (self);
        OK (bg_frames_send (client, blobs[i], err));
        OK (bg_frames_flush (client, err));
        expect_end (self, client);
        bg_frames_destroy (&client);
    }
    assert_true (has_logged (self, "control-malformed"));
    /*  A length over the limit.  */
    int fd = -1;
    OK (bg_unix_connect (self->path, &fd, err));
    assert_int_equal (write (fd, "\xff\xff\xff\xff", 4), 4);
    bg_frames *client = bg_frames_create (fd, 100, 100);
    expect_end (self, client);
    bg_frames_destroy (&client);
    assert_int_equal (self->requests, 0);
    assert_int_equal (self->gone, 0);
}

static void there_is_a_limit_of_connections (void **state)
{
    scene *self = *state;
    BG_AUTO_ARENA arena = {0};
    self->answers_at_once = true;
    start_control (self);
    bg_frames *clients[CONNECTIONS];
    const wire_control_answer *answer = NULL;
    bg_id id;
    for (size_t i = 0; i < CONNECTIONS; i++)
        clients[i] = connect_client (self);
    bg_frames *surplus = connect_client (self);
    expect_end (self, surplus);
    assert_true (has_logged (self, "control-refused"));
    assert_true (has_logged (self, "16 connections are open already"));
    bg_frames_destroy (&surplus);
    send_request (clients[3], id_of (1), "still served");
    assert_int_equal (next_answer (self, clients[3], &arena, &id, &answer), BG_OK);
    /*  One that leaves makes room; its leaving is seen before who comes after it.  */
    bg_frames_destroy (&clients[0]);
    int64_t until = bg_clock_mono_us () + DEADLINE_US;
    for (bool is_in = false; !is_in;) {
        turn (self, until);
        surplus = connect_client (self);
        send_request (surplus, id_of (2), "next");
        is_in = next_answer (self, surplus, &arena, &id, &answer) == BG_OK;
        if (!is_in)
            bg_frames_destroy (&surplus);
    }
    bg_frames_destroy (&surplus);
    for (size_t i = 1; i < CONNECTIONS; i++)
        bg_frames_destroy (&clients[i]);
}

static void the_socket_belongs_to_one_node (void **state)
{
    scene *self = *state;
    start_control (self);
    node_control *second = NULL;
    const node_control_handlers handlers = {on_request, on_gone, self};
    bg_error why = {0};
    assert_int_equal (
        node_control_create (self->loop, NULL, self->path, &handlers, &second, &why).code, BG_BUSY);
    assert_null (second);
    bg_frames *client = connect_client (self);
    send_request (client, id_of (1), "open");
    turn_until (self, &self->requests, 1);
    node_control_destroy (&self->control);
    assert_int_equal (self->gone, 0); /*  nobody is left to be told  */
    assert_false (bg_path_exists (self->path));
    expect_end (self, client);
    bg_frames_destroy (&client);
    start_control (self);
}

/*  Becomes another account, and connects; ends with 0 when the connection is ended without an answer.  */
static int connect_as_nobody (const scene *self)
{
    int fd = -1;
    if (setgid (NOBODY) != 0 || setuid (NOBODY) != 0 ||
        bg_failed (bg_unix_connect (self->path, &fd, NULL)))
        return 2;
    bg_frames *client = bg_frames_create (fd, MESSAGE_MAX, MESSAGE_MAX);
    bg_slice blob;
    bg_result next = bg_frames_next_wait (client, DEADLINE_US / 1000, &blob, NULL);
    bg_frames_destroy (&client);
    return next.code == BG_CLOSED ? 0 : 3;
}

static void another_account_is_refused (void **state)
{
    scene *self = *state;
    if (geteuid () != 0)
        skip (); /*  nobody else to be  */
    start_control (self);
    /*  As if the modes had been opened: what counts is the kernel's word.  */
    assert_int_equal (chmod (self->dir, 0755), 0);
    assert_int_equal (chmod (self->path, 0666), 0);
    pid_t pid = fork ();
    assert_true (pid >= 0);
    if (pid == 0)
        _exit (connect_as_nobody (self));
    int64_t until = bg_clock_mono_us () + DEADLINE_US;
    int status = 0;
    while (waitpid (pid, &status, WNOHANG) == 0)
        turn (self, until);
    assert_int_equal (status, 0);
    assert_true (has_logged (self, "control-refused"));
    assert_true (has_logged (self, "of user 65534 is not one of ours"));
}

/*  ---- the client of bugle-exec ----  */

static void on_up (void *ctx)
{
    scene *self = ctx;
    self->ups++;
}

static void on_down (void *ctx)
{
    scene *self = ctx;
    self->downs++;
    assert_false (node_exec_client_is_up (self->exec));
}

/*  Messages begin with their number.  */
static void on_exec_message (void *ctx, bg_slice blob)
{
    scene *self = ctx;
    self->is_in_order = self->is_in_order && bg_read_u32 (blob.data) == self->messages;
    self->messages++;
    self->bytes += blob.size;
    if (self->sends_too_much) {
        uint8_t *large = bg_alloc (2 * MIB);
        node_exec_client_send (self->exec, bg_slice_of (large, 2 * MIB));
        free (large);
    }
}

static void start_exec_client (scene *self)
{
    const node_exec_handlers handlers = {on_up, on_down, on_exec_message, self};
    OK (node_exec_client_create (
        self->loop, self->bg_log, self->path, &handlers, &self->exec, err));
}

static int listen_as_exec (const scene *self)
{
    int listener = -1;
    OK (bg_unix_listen (self->path, 0600, &listener, err));
    return listener;
}

/*  Until the client is there.  */
static bg_frames *accept_client (scene *self, int listener)
{
    int fd = -1;
    bg_peer peer;
    size_t ups = self->ups;
    turn_until (self, &self->ups, ups + 1);
    OK (bg_unix_accept (listener, &fd, &peer, err));
    assert_true (node_exec_client_is_up (self->exec));
    return bg_frames_create (fd, MESSAGE_MAX, 32 * MIB);
}

static void queue_number (bg_frames *exec, uint32_t number, size_t size)
{
    uint8_t *bytes = bg_alloc (size);
    bg_write_u32 (bytes, number);
    OK (bg_frames_send (exec, bg_slice_of (bytes, size), err));
    free (bytes);
}

static void messages_go_both_ways_in_order (void **state)
{
    scene *self = *state;
    start_exec_client (self);
    int listener = listen_as_exec (self);
    bg_frames *exec = accept_client (self, listener);
    for (uint32_t i = 0; i < 100; i++) /*  more than are taken in one turn  */
        queue_number (exec, i, 4 + i);
    OK (bg_frames_flush (exec, err));
    turn_until (self, &self->messages, 100);
    assert_true (self->is_in_order);
    assert_int_equal (self->bytes, 100 * 4 + 99 * 100 / 2);
    node_exec_client_send (self->exec, bg_slice_str ("hello"));
    node_exec_client_send (self->exec, bg_slice_str ("world"));
    bg_slice blob;
    OK (bg_frames_next_wait (exec, DEADLINE_US / 1000, &blob, err));
    assert_true (bg_slice_is (blob, "hello"));
    OK (bg_frames_next_wait (exec, DEADLINE_US / 1000, &blob, err));
    assert_true (bg_slice_is (blob, "world"));
    bg_frames_destroy (&exec);
    bg_unix_unlisten (&listener, self->path);
    assert_int_equal (self->ups, 1);
}

static void it_waits_for_bugle_exec (void **state)
{
    scene *self = *state;
    start_exec_client (self);
    /*  Some attempts find nobody; that is no event and no warning.  */
    for (size_t attempts = 0; attempts < 4;) {
        bool called = false;
        OK (bg_loop_turn (self->loop, DEADLINE_US, &called, err));
        attempts += called;
    }
    assert_int_equal (self->ups + self->downs, 0);
    assert_false (node_exec_client_is_up (self->exec));
    assert_false (has_logged (self, "exec-unreachable"));
    node_exec_client_send (self->exec, bg_slice_str ("dropped"));
    int listener = listen_as_exec (self);
    bg_frames *exec = accept_client (self, listener);
    node_exec_client_send (self->exec, bg_slice_str ("taken"));
    bg_slice blob;
    OK (bg_frames_next_wait (exec, DEADLINE_US / 1000, &blob, err));
    assert_true (bg_slice_is (blob, "taken"));
    bg_frames_destroy (&exec);
    bg_unix_unlisten (&listener, self->path);
}

static void it_connects_again_when_bugle_exec_restarts (void **state)
{
    scene *self = *state;
    int listener = listen_as_exec (self);
    start_exec_client (self);
    for (size_t round = 1; round <= 3; round++) {
        bg_frames *exec = accept_client (self, listener);
        queue_number (exec, (uint32_t) round - 1, 4);
        OK (bg_frames_flush (exec, err));
        bg_frames_destroy (&exec);
        /*  What was said before the end is heard first.  */
        turn_until (self, &self->downs, round);
        assert_int_equal (self->messages, round);
    }
    bg_unix_unlisten (&listener, self->path);
    assert_true (self->is_in_order);
}

static void a_broken_length_ends_the_connection (void **state)
{
    scene *self = *state;
    int listener = listen_as_exec (self);
    start_exec_client (self);
    bg_frames *exec = accept_client (self, listener);
    assert_int_equal (write (bg_frames_fd (exec), "\xff\xff\xff\xff", 4), 4);
    turn_until (self, &self->downs, 1);
    bg_frames_destroy (&exec);
    exec = accept_client (self, listener);
    bg_frames_destroy (&exec);
    bg_unix_unlisten (&listener, self->path);
}

static void a_full_queue_ends_the_connection (void **state)
{
    scene *self = *state;
    int listener = listen_as_exec (self);
    start_exec_client (self);
    bg_frames *exec = accept_client (self, listener);
    uint8_t *bytes = bg_alloc (MIB);
    size_t sent = 0;
    while (self->downs == 0) {
        assert_in_range (++sent, 1, 40);
        node_exec_client_send (self->exec, bg_slice_of (bytes, MIB));
    }
    assert_in_range (sent, 16, 40);
    free (bytes);
    bg_frames_destroy (&exec);
    exec = accept_client (self, listener); /*  and both sides begin anew  */
    bg_frames_destroy (&exec);
    bg_unix_unlisten (&listener, self->path);
}

static void the_connection_may_end_inside_a_message (void **state)
{
    scene *self = *state;
    self->sends_too_much = true;
    int listener = listen_as_exec (self);
    start_exec_client (self);
    bg_frames *exec = accept_client (self, listener);
    for (uint32_t i = 0; i < 3; i++)
        queue_number (exec, i, 4);
    OK (bg_frames_flush (exec, err));
    turn_until (self, &self->downs, 1);
    assert_int_equal (self->messages, 1);
    bg_frames_destroy (&exec);
    bg_unix_unlisten (&listener, self->path);
}

static void somebody_elses_socket_is_not_used (void **state)
{
    scene *self = *state;
    if (geteuid () != 0)
        skip (); /*  nobody else to be  */
    assert_int_equal (chmod (self->dir, 0777), 0);
    int pipes[2];
    assert_int_equal (pipe (pipes), 0);
    pid_t pid = fork ();
    assert_true (pid >= 0);
    if (pid == 0) {
        int listener = -1;
        (void) close (pipes[1]);
        if (setgid (NOBODY) != 0 || setuid (NOBODY) != 0 ||
            bg_failed (bg_unix_listen (self->path, 0666, &listener, NULL)))
            _exit (2);
        char byte;
        _exit (read (pipes[0], &byte, 1) == 0 ? 0 : 3); /*  until the test is through  */
    }
    (void) close (pipes[0]);
    start_exec_client (self);
    int64_t until = bg_clock_mono_us () + DEADLINE_US;
    while (!has_logged (self, "exec-unreachable"))
        turn (self, until);
    assert_true (has_logged (self, "of user 65534 is not one of ours"));
    assert_int_equal (self->ups, 0);
    (void) close (pipes[1]);
    int status = 0;
    assert_int_equal (waitpid (pid, &status, 0), pid);
    assert_int_equal (status, 0);
}

int main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST (a_request_gets_its_answer),
        TEST (each_connection_gets_its_own_answer),
        TEST (an_answer_of_any_size_arrives),
        TEST (a_second_request_before_the_answer_ends_the_connection),
        TEST (requests_in_one_piece_are_fine_when_they_are_answered_at_once),
        TEST (who_goes_away_is_told),
        TEST (what_is_no_request_ends_the_connection),
        TEST (there_is_a_limit_of_connections),
        TEST (the_socket_belongs_to_one_node),
        TEST (another_account_is_refused),
        TEST (messages_go_both_ways_in_order),
        TEST (it_waits_for_bugle_exec),
        TEST (it_connects_again_when_bugle_exec_restarts),
        TEST (a_broken_length_ends_the_connection),
        TEST (a_full_queue_ends_the_connection),
        TEST (the_connection_may_end_inside_a_message),
        TEST (somebody_elses_socket_is_not_used),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
