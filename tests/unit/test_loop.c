/*  The event loop: what each kind of watch promises, that watches may destroy themselves, and that
    ZeroMQ's edge-triggered descriptor neither stalls nor lets one socket starve the rest.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/sys/clock.h"
#include "common/sys/loop.h"
#include "common/sys/zcontext.h"

#include <czmq.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEADLINE_US 20000000

extern char **environ;

static void must (bg_result result)
{
    assert_int_equal (result.code, BG_OK);
}

static bg_loop *new_loop (void)
{
    bg_loop *loop = NULL;
    must (bg_loop_create (&loop, NULL));
    return loop;
}

static void on_deadline (void *arg)
{
    bg_loop_stop (arg, 99);
}

/*  Runs until somebody stops the loop; the exit code is 99 when nobody did.  */
static int run (bg_loop *loop)
{
    bg_timer *deadline = NULL;
    must (bg_timer_create (loop, on_deadline, loop, &deadline, NULL));
    bg_timer_arm (deadline, DEADLINE_US);
    int code = -1;
    must (bg_loop_run (loop, &code, NULL));
    bg_timer_destroy (&deadline);
    return code;
}

typedef struct {
    bg_loop *loop;
    bg_fd_watch *fd_watch;
    bg_timer *timer;
    bg_defer *defer;
    bg_zmq_watch *zmq_watch;
    void *socket;
    void *other;
    unsigned calls;
    unsigned wanted;
    unsigned events;
    char order[64];
    int signo;
    int exit_code;
    pid_t pid;
} state;

/*  Descriptors.  */

static void read_all (int fd, unsigned events, void *arg)
{
    state *self = arg;
    char bytes[16];
    ssize_t size = read (fd, bytes, sizeof bytes);
    self->events |= events;
    self->calls++;
    if (size == 0)
        bg_loop_stop (self->loop, 1);
}

static void fd_tells_data_and_hangup (void **unused)
{
    (void) unused;
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC | O_NONBLOCK), 0);
    state self = {.loop = new_loop ()};
    must (
        bg_fd_watch_create (self.loop, ends[0], BG_FD_READ, read_all, &self, &self.fd_watch, NULL));
    assert_int_equal (write (ends[1], "x", 1), 1);
    bool called = false;
    must (bg_loop_turn (self.loop, DEADLINE_US, &called, NULL));
    assert_true (called);
    assert_int_equal (self.events, BG_FD_READ);
    close (ends[1]);
    assert_int_equal (run (self.loop), 1);
    assert_true (self.events & BG_FD_HANGUP);
    bg_fd_watch_destroy (&self.fd_watch);
    close (ends[0]);
    bg_loop_destroy (&self.loop);
}

static void sleeping_fd_is_silent_until_woken (void **unused)
{
    (void) unused;
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC | O_NONBLOCK), 0);
    state self = {.loop = new_loop ()};
    must (bg_fd_watch_create (self.loop, ends[0], 0, read_all, &self, &self.fd_watch, NULL));
    assert_int_equal (write (ends[1], "x", 1), 1);
    bool called = true;
    must (bg_loop_turn (self.loop, 0, &called, NULL));
    assert_false (called);
    bg_fd_watch_set (self.fd_watch, BG_FD_READ);
    must (bg_loop_turn (self.loop, DEADLINE_US, &called, NULL));
    assert_true (called);
    assert_int_equal (self.calls, 1);
    bg_fd_watch_set (self.fd_watch, 0);
    close (ends[1]);
    must (bg_loop_turn (self.loop, 0, &called, NULL));
    assert_false (called);
    bg_fd_watch_destroy (&self.fd_watch);
    bg_fd_watch_destroy (&self.fd_watch);
    close (ends[0]);
    bg_loop_destroy (&self.loop);
}

static void destroy_self_on_fd (int fd, unsigned events, void *arg)
{
    (void) fd;
    (void) events;
    state *self = arg;
    self->calls++;
    bg_fd_watch_destroy (&self->fd_watch);
}

static void fd_watch_may_destroy_itself (void **unused)
{
    (void) unused;
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC | O_NONBLOCK), 0);
    state self = {.loop = new_loop ()};
    must (bg_fd_watch_create (
        self.loop, ends[1], BG_FD_WRITE, destroy_self_on_fd, &self, &self.fd_watch, NULL));
    bool called = false;
    must (bg_loop_turn (self.loop, DEADLINE_US, &called, NULL));
    assert_true (called);
    must (bg_loop_turn (self.loop, 0, &called, NULL));
    assert_false (called);
    assert_int_equal (self.calls, 1);
    close (ends[0]);
    close (ends[1]);
    bg_loop_destroy (&self.loop);
}

static void regular_files_cannot_be_watched (void **unused)
{
    (void) unused;
    bg_loop *loop = new_loop ();
    int fd = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_true (fd >= 0);
    bg_fd_watch *watch = NULL;
    bg_error err = {0};
    bg_result result = bg_fd_watch_create (loop, fd, BG_FD_READ, read_all, NULL, &watch, &err);
    assert_int_equal (result.code, BG_IO);
    assert_null (watch);
    assert_true (strlen (err.message) > 0);
    close (fd);
    bg_loop_destroy (&loop);
}

/*  Timers.  */

typedef struct {
    state *self;
    char letter;
    bg_timer *timer;
    bg_defer *defer;
} lettered;

static void note (void *arg)
{
    lettered *each = arg;
    state *self = each->self;
    self->order[strlen (self->order)] = each->letter;
    if (++self->calls == self->wanted)
        bg_loop_stop (self->loop, 0);
}

static void timers_fire_once_and_in_order (void **unused)
{
    (void) unused;
    state self = {.loop = new_loop (), .wanted = 3};
    lettered items[] = {{&self, 'c', NULL, NULL}, {&self, 'a', NULL, NULL},
        {&self, 'b', NULL, NULL}, {&self, 'x', NULL, NULL}};
    int64_t delays_us[] = {20000, -5, 10000, 5000};
    for (size_t i = 0; i < 4; i++) {
        must (bg_timer_create (self.loop, note, &items[i], &items[i].timer, NULL));
        assert_false (bg_timer_is_armed (items[i].timer));
        bg_timer_arm (items[i].timer, delays_us[i]);
        assert_true (bg_timer_is_armed (items[i].timer));
    }
    bg_timer_disarm (items[3].timer);
    assert_false (bg_timer_is_armed (items[3].timer));
    int64_t before_us = bg_clock_mono_us ();
    assert_int_equal (run (self.loop), 0);
    assert_string_equal (self.order, "abc");
    assert_true (bg_clock_mono_us () - before_us >= 19000);
    for (size_t i = 0; i < 4; i++) {
        assert_false (bg_timer_is_armed (items[i].timer));
        bg_timer_destroy (&items[i].timer);
    }
    bg_loop_destroy (&self.loop);
}

static void rearm (void *arg)
{
    state *self = arg;
    if (++self->calls == self->wanted) {
        bg_timer_destroy (&self->timer);
        bg_loop_stop (self->loop, 0);
    } else
        bg_timer_arm (self->timer, 1000);
}

static void timer_rearms_and_destroys_itself (void **unused)
{
    (void) unused;
    state self = {.loop = new_loop (), .wanted = 5};
    must (bg_timer_create (self.loop, rearm, &self, &self.timer, NULL));
    bg_timer_arm_at (self.timer, bg_clock_mono_us () + 1000);
    assert_int_equal (run (self.loop), 0);
    assert_int_equal (self.calls, 5);
    assert_null (self.timer);
    bg_loop_destroy (&self.loop);
}

static void far_timer_does_not_wrap (void **unused)
{
    (void) unused;
    state self = {.loop = new_loop ()};
    lettered item = {&self, 'x', NULL, NULL};
    must (bg_timer_create (self.loop, note, &item, &item.timer, NULL));
    bg_timer_arm (item.timer, INT64_MAX);
    bool called = true;
    must (bg_loop_turn (self.loop, 1000, &called, NULL));
    assert_false (called);
    bg_timer_destroy (&item.timer);
    bg_loop_destroy (&self.loop);
}

/*  Alarms.  */

typedef struct {
    bg_loop *loop;
    bg_alarm *alarm;
    unsigned calls;
    bool was_set;
    int64_t at_us;
} alarmed;

static void on_alarm (bool was_set, void *arg)
{
    alarmed *self = arg;
    self->calls++;
    self->was_set |= was_set;
    self->at_us = bg_clock_utc_us ();
    if (self->calls < 2)
        bg_alarm_arm_at (self->alarm, self->at_us - 1000000); /*  past: at once  */
    else
        bg_loop_stop (self->loop, 0);
}

static void an_alarm_fires_at_a_time_of_the_wall (void **unused)
{
    (void) unused;
    alarmed self = {.loop = new_loop ()};
    must (bg_alarm_create (self.loop, on_alarm, &self, &self.alarm, NULL));
    bool called = true;
    must (bg_loop_turn (self.loop, 0, &called, NULL));
    assert_false (called);
    const int64_t at_us = bg_clock_utc_us () + 20000;
    bg_alarm_arm_at (self.alarm, at_us + INT64_C (3600000000)); /*  replaced  */
    bg_alarm_arm_at (self.alarm, at_us);
    assert_int_equal (run (self.loop), 0);
    assert_int_equal (self.calls, 2);
    assert_true (self.was_set || self.at_us >= at_us);
    bg_alarm_destroy (&self.alarm);
    bg_alarm_destroy (&self.alarm);
    bg_loop_destroy (&self.loop);
}

static void only_sleep_that_ends_counts_as_a_wakeup (void **unused)
{
    (void) unused;
    alarmed self = {.loop = new_loop ()};
    must (bg_alarm_create (self.loop, on_alarm, &self, &self.alarm, NULL));
    bool called;
    for (int i = 0; i < 5; i++)
        must (bg_loop_turn (self.loop, 1000, &called, NULL));
    assert_int_equal (bg_loop_wakeups (self.loop), 0);
    bg_alarm_arm_at (self.alarm, bg_clock_utc_us () + 1000);
    must (bg_loop_turn (self.loop, DEADLINE_US, &called, NULL));
    assert_true (called);
    assert_int_equal (bg_loop_wakeups (self.loop), 1);
    bg_alarm_destroy (&self.alarm);
    bg_loop_destroy (&self.loop);
}

/*  Signals and children.  */

static void on_signal (int signo, void *arg)
{
    state *self = arg;
    self->signo = signo;
    bg_loop_stop (self->loop, 0);
}

static void signal_comes_through_the_loop (void **unused)
{
    (void) unused;
    state self = {.loop = new_loop ()};
    bg_signal_watch *watch = NULL, *second = NULL;
    must (bg_signal_watch_create (self.loop, SIGHUP, on_signal, &self, &watch, NULL));
    bg_error err = {0};
    bg_result result = bg_signal_watch_create (self.loop, SIGHUP, on_signal, &self, &second, &err);
    assert_int_equal (result.code, BG_EXISTS);
    assert_non_null (strstr (err.message, "HUP"));
    assert_int_equal (kill (getpid (), SIGHUP), 0);
    assert_int_equal (run (self.loop), 0);
    assert_int_equal (self.signo, SIGHUP);
    bg_signal_watch_destroy (&watch);
    bg_loop_destroy (&self.loop);
}

static void on_child (pid_t pid, int exit_code, int signo, void *arg)
{
    state *self = arg;
    self->pid = pid;
    self->exit_code = exit_code;
    self->signo = signo;
    self->calls++;
    bg_loop_stop (self->loop, 0);
}

static state run_child (const char *script)
{
    state self = {.loop = new_loop ()};
    pid_t pid;
    char shell[] = "/bin/sh", option[] = "-c";
    char *text = bg_strdup (script);
    char *argv[] = {shell, option, text, NULL};
    assert_int_equal (posix_spawn (&pid, shell, NULL, NULL, argv, environ), 0);
    free (text);
    int pidfd = (int) syscall (SYS_pidfd_open, pid, 0);
    assert_true (pidfd >= 0);
    bg_child_watch *watch = NULL;
    must (bg_child_watch_create (self.loop, pid, pidfd, on_child, &self, &watch, NULL));
    assert_int_equal (run (self.loop), 0);
    assert_int_equal (self.pid, pid);
    assert_int_equal (self.calls, 1);
    bg_child_watch_destroy (&watch);
    close (pidfd);
    bg_loop_destroy (&self.loop);
    return self;
}

static void child_ends_are_told_apart (void **unused)
{
    (void) unused;
    state ended = run_child ("exit 7");
    assert_int_equal (ended.exit_code, 7);
    assert_int_equal (ended.signo, 0);
    state killed = run_child ("kill -9 $$");
    assert_int_equal (killed.exit_code, -1);
    assert_int_equal (killed.signo, SIGKILL);
}

/*  Deferred work.  */

static void idle_work_waits_for_the_rest (void **unused)
{
    (void) unused;
    state self = {.loop = new_loop (), .wanted = 3};
    lettered idle = {&self, 'i', NULL, NULL}, next = {&self, 'n', NULL, NULL},
             timer = {&self, 't', NULL, NULL};
    must (bg_defer_create (self.loop, BG_DEFER_IDLE, note, &idle, &idle.defer, NULL));
    must (bg_defer_create (self.loop, BG_DEFER_NEXT, note, &next, &next.defer, NULL));
    must (bg_timer_create (self.loop, note, &timer, &timer.timer, NULL));
    bg_defer_arm (idle.defer);
    bg_defer_arm (idle.defer);
    bg_defer_arm (next.defer);
    bg_timer_arm (timer.timer, 0);
    assert_int_equal (run (self.loop), 0);
    assert_int_equal (strlen (self.order), 3);
    assert_int_equal (self.order[2], 'i');
    bg_defer_destroy (&idle.defer);
    bg_defer_destroy (&next.defer);
    bg_timer_destroy (&timer.timer);
    bg_loop_destroy (&self.loop);
}

static void disarmed_work_is_not_done (void **unused)
{
    (void) unused;
    state self = {.loop = new_loop ()};
    lettered item = {&self, 'x', NULL, NULL};
    must (bg_defer_create (self.loop, BG_DEFER_NEXT, note, &item, &item.defer, NULL));
    bg_defer_arm (item.defer);
    bg_defer_disarm (item.defer);
    bool called = true;
    must (bg_loop_turn (self.loop, 0, &called, NULL));
    assert_false (called);
    bg_defer_destroy (&item.defer);
    bg_loop_destroy (&self.loop);
}

static void first_exit_code_counts (void **unused)
{
    (void) unused;
    bg_loop *loop = new_loop ();
    assert_false (bg_loop_is_stopped (loop));
    bg_loop_stop (loop, 3);
    bg_loop_stop (loop, 4);
    assert_true (bg_loop_is_stopped (loop));
    assert_true (bg_loop_now_us (loop) > 0);
    int code = -1;
    must (bg_loop_run (loop, &code, NULL));
    assert_int_equal (code, 3);
    bool called = true;
    must (bg_loop_turn (loop, -1, &called, NULL));
    assert_false (called);
    bg_loop_destroy (&loop);
    bg_loop_destroy (&loop);
}

/*  ZeroMQ.  */

static void *new_socket (int type)
{
    void *socket = zmq_socket (zsys_init (), type);
    assert_non_null (socket);
    int none = 0;
    assert_int_equal (zmq_setsockopt (socket, ZMQ_LINGER, &none, sizeof none), 0);
    assert_int_equal (zmq_setsockopt (socket, ZMQ_SNDHWM, &none, sizeof none), 0);
    assert_int_equal (zmq_setsockopt (socket, ZMQ_RCVHWM, &none, sizeof none), 0);
    return socket;
}

static void connect_pair (void **first, void **second)
{
    char endpoint[64];
    *first = new_socket (ZMQ_PAIR);
    *second = new_socket (ZMQ_PAIR);
    snprintf (endpoint, sizeof endpoint, "inproc://test-loop-%p", *first);
    assert_int_equal (zmq_bind (*first, endpoint), 0);
    assert_int_equal (zmq_connect (*second, endpoint), 0);
}

static void send_byte (void *socket)
{
    assert_int_equal (zmq_send (socket, "m", 1, ZMQ_DONTWAIT), 1);
}

/*  Answers every message on the same socket; the sending is what eats the edge.  */
static bool bounce (void *arg)
{
    state *self = arg;
    char byte;
    if (zmq_recv (self->socket, &byte, 1, ZMQ_DONTWAIT) < 0)
        return false;
    if (++self->calls == self->wanted)
        bg_loop_stop (self->loop, 0);
    else
        send_byte (self->socket);
    return true;
}

static void ping_pong_does_not_stall (void **unused)
{
    (void) unused;
    state a = {.loop = new_loop (), .wanted = 20000}, b = {.loop = a.loop};
    connect_pair (&a.socket, &b.socket);
    must (bg_zmq_watch_create (a.loop, a.socket, bounce, &a, &a.zmq_watch, NULL));
    must (bg_zmq_watch_create (a.loop, b.socket, bounce, &b, &b.zmq_watch, NULL));
    send_byte (b.socket);
    bg_zmq_watch_touch (b.zmq_watch);
    assert_int_equal (run (a.loop), 0);
    assert_int_equal (a.calls, 20000);
    bg_zmq_watch_destroy (&a.zmq_watch);
    bg_zmq_watch_destroy (&b.zmq_watch);
    zmq_close (a.socket);
    zmq_close (b.socket);
    bg_loop_destroy (&a.loop);
}

/*  A socket that never runs dry: each message taken is replaced at once.  */
static bool refill (void *arg)
{
    state *self = arg;
    char byte;
    self->calls++;
    send_byte (self->other);
    return zmq_recv (self->socket, &byte, 1, ZMQ_DONTWAIT) == 1;
}

static bool take_and_stop (void *arg)
{
    state *self = arg;
    char byte;
    if (zmq_recv (self->socket, &byte, 1, ZMQ_DONTWAIT) < 0)
        return false;
    self->calls++;
    bg_loop_stop (self->loop, 0);
    return true;
}

static void send_late (void *arg)
{
    state *self = arg;
    send_byte (self->other);
}

static void busy_socket_starves_nobody (void **unused)
{
    (void) unused;
    state busy = {.loop = new_loop ()}, calm = {.loop = busy.loop};
    connect_pair (&busy.socket, &busy.other);
    connect_pair (&calm.socket, &calm.other);
    must (bg_zmq_watch_create (busy.loop, busy.socket, refill, &busy, &busy.zmq_watch, NULL));
    must (
        bg_zmq_watch_create (busy.loop, calm.socket, take_and_stop, &calm, &calm.zmq_watch, NULL));
    must (bg_timer_create (busy.loop, send_late, &calm, &calm.timer, NULL));
    send_byte (busy.other);
    bg_timer_arm (calm.timer, 5000);
    assert_int_equal (run (busy.loop), 0);
    assert_int_equal (calm.calls, 1);
    assert_true (busy.calls > BG_ZMQ_WATCH_BATCH);
    bg_timer_destroy (&calm.timer);
    bg_zmq_watch_destroy (&busy.zmq_watch);
    bg_zmq_watch_destroy (&calm.zmq_watch);
    zmq_close (busy.socket);
    zmq_close (busy.other);
    zmq_close (calm.socket);
    zmq_close (calm.other);
    bg_loop_destroy (&busy.loop);
}

static bool take_and_pause (void *arg)
{
    state *self = arg;
    char byte;
    if (zmq_recv (self->socket, &byte, 1, ZMQ_DONTWAIT) < 0)
        return false;
    self->calls++;
    bg_zmq_watch_pause (self->zmq_watch, true);
    return true;
}

static void turn_until_quiet (bg_loop *loop)
{
    bool called = true;
    while (called)
        must (bg_loop_turn (loop, 0, &called, NULL));
}

static void paused_socket_keeps_its_messages (void **unused)
{
    (void) unused;
    state self = {.loop = new_loop ()};
    connect_pair (&self.socket, &self.other);
    must (
        bg_zmq_watch_create (self.loop, self.socket, take_and_pause, &self, &self.zmq_watch, NULL));
    for (int i = 0; i < 3; i++)
        send_byte (self.other);
    for (unsigned expected = 1; expected <= 3; expected++) {
        turn_until_quiet (self.loop);
        assert_int_equal (self.calls, expected);
        bg_zmq_watch_pause (self.zmq_watch, false);
    }
    turn_until_quiet (self.loop);
    assert_int_equal (self.calls, 3);
    bg_zmq_watch_destroy (&self.zmq_watch);
    zmq_close (self.socket);
    zmq_close (self.other);
    bg_loop_destroy (&self.loop);
}

static void senders_to_a_paused_socket_wake_nobody (void **unused)
{
    (void) unused;
    state self = {.loop = new_loop ()};
    bool called = true;
    connect_pair (&self.socket, &self.other);
    must (
        bg_zmq_watch_create (self.loop, self.socket, take_and_pause, &self, &self.zmq_watch, NULL));
    send_byte (self.other);
    turn_until_quiet (self.loop);
    assert_int_equal (self.calls, 1);
    for (int i = 0; i < 3; i++)
        send_byte (self.other);
    must (bg_loop_turn (self.loop, 20000, &called, NULL));
    assert_false (called);
    bg_zmq_watch_pause (self.zmq_watch, false);
    turn_until_quiet (self.loop);
    assert_int_equal (self.calls, 2);
    bg_zmq_watch_destroy (&self.zmq_watch);
    zmq_close (self.socket);
    zmq_close (self.other);
    bg_loop_destroy (&self.loop);
}

static bool take_and_destroy (void *arg)
{
    state *self = arg;
    self->calls++;
    bg_zmq_watch_destroy (&self->zmq_watch);
    return true;
}

static void zmq_watch_may_destroy_itself (void **unused)
{
    (void) unused;
    state self = {.loop = new_loop ()};
    connect_pair (&self.socket, &self.other);
    must (bg_zmq_watch_create (
        self.loop, self.socket, take_and_destroy, &self, &self.zmq_watch, NULL));
    send_byte (self.other);
    send_byte (self.other);
    turn_until_quiet (self.loop);
    assert_int_equal (self.calls, 1);
    assert_null (self.zmq_watch);
    zmq_close (self.socket);
    zmq_close (self.other);
    bg_loop_destroy (&self.loop);
}

static void signals_are_not_taken_by_the_context (void **unused)
{
    (void) unused;
    struct sigaction action;
    assert_int_equal (sigaction (SIGTERM, NULL, &action), 0);
    assert_true (action.sa_handler == SIG_DFL);
    assert_int_equal (sigaction (SIGINT, NULL, &action), 0);
    assert_true (action.sa_handler == SIG_DFL);
}

static int open_context (void **unused)
{
    (void) unused;
    return bg_failed (bg_zcontext_open (NULL, NULL));
}

static int close_context (void **unused)
{
    (void) unused;
    bg_zcontext_close ();
    return 0;
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (fd_tells_data_and_hangup),
        cmocka_unit_test (sleeping_fd_is_silent_until_woken),
        cmocka_unit_test (fd_watch_may_destroy_itself),
        cmocka_unit_test (regular_files_cannot_be_watched),
        cmocka_unit_test (an_alarm_fires_at_a_time_of_the_wall),
        cmocka_unit_test (only_sleep_that_ends_counts_as_a_wakeup),
        cmocka_unit_test (timers_fire_once_and_in_order),
        cmocka_unit_test (timer_rearms_and_destroys_itself),
        cmocka_unit_test (far_timer_does_not_wrap),
        cmocka_unit_test (signal_comes_through_the_loop),
        cmocka_unit_test (child_ends_are_told_apart),
        cmocka_unit_test (idle_work_waits_for_the_rest),
        cmocka_unit_test (disarmed_work_is_not_done),
        cmocka_unit_test (first_exit_code_counts),
        cmocka_unit_test (ping_pong_does_not_stall),
        cmocka_unit_test (busy_socket_starves_nobody),
        cmocka_unit_test (paused_socket_keeps_its_messages),
        cmocka_unit_test (senders_to_a_paused_socket_wake_nobody),
        cmocka_unit_test (zmq_watch_may_destroy_itself),
        cmocka_unit_test (signals_are_not_taken_by_the_context),
    };
    return cmocka_run_group_tests (tests, open_context, close_context);
}
