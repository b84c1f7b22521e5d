/*  Keeping parts running: a real keeper in a process of its own, with parts that do what their arguments say
    (part_helper.c). Everybody's stderr is one pipe, whose lines are the events that the tests wait for.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/base/now.h"
#include "common/sys/clock.h"
#include "common/sys/parts.h"
#include "common/sys/process.h"
#include "tests/unit/temp_dir.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_US BG_SEC (20)

typedef struct {
    char *dir;
    bg_process keeper;
    int log;      /*  our end of everybody's stderr  */
    bg_buf lines; /*  what came out of it  */
    int64_t pause_max_us;
    int64_t end_wait_us;
    bool says_more; /*  a line of its own when ready  */
} fixture;

static int setup (void **state)
{
    fixture *self = bg_alloc (sizeof *self);
    *self = (fixture){.dir = temp_dir_make (), .keeper = {0, -1}, .log = -1};
    *state = self;
    return 0;
}

static int teardown (void **state)
{
    fixture *self = *state;
    bg_exit result;
    if (self->keeper.pid) {
        bg_ignore (bg_process_kill (&self->keeper, SIGKILL, NULL));
        bg_ignore (bg_process_wait (&self->keeper, 20000, &result, NULL));
    }
    bg_fd_close (&self->log);
    bg_buf_fini (&self->lines);
    temp_dir_remove (&self->dir);
    free (self);
    return 0;
}

static void log_ready (bg_log *log, void *arg)
{
    bg_log_event (log, BG_LOG_NOTICE, "ready", "with=%s", (const char *) arg);
}

static int run_keeper (const fixture *self, const bg_part *parts, size_t count)
{
    bg_log *log = bg_log_create ("keeper", STDERR_FILENO, BG_LOG_PLAIN);
    bg_log_set_level (log, BG_LOG_DEBUG);
    char word[] = "details";
    const bg_parts plan = {
        .parts = parts,
        .count = count,
        .log = log,
        .log_ready = self->says_more ? log_ready : NULL,
        .arg = word,
        .pause_max_us = self->pause_max_us,
        .end_wait_us = self->end_wait_us,
    };
    int exit_code = 99;
    bg_error err = {0};
    if (bg_failed (bg_parts_run (&plan, &exit_code, &err)))
        bg_log_failure (log, BG_LOG_ERROR, "not-begun", &err, "exit=%d", exit_code);
    bg_log_destroy (&log);
    return exit_code;
}

static void start (fixture *self, const bg_part *parts, size_t count)
{
    int ends[2];
    assert_int_equal (pipe2 (ends, O_CLOEXEC), 0);
    pid_t pid = fork ();
    assert_true (pid >= 0);
    if (pid == 0) {
        (void) dup2 (ends[1], STDERR_FILENO);
        (void) close (ends[0]);
        (void) close (ends[1]);
        _exit (run_keeper (self, parts, count));
    }
    (void) close (ends[1]);
    self->log = ends[0];
    bg_error err = {0};
    if (bg_failed (bg_process_adopt (pid, &self->keeper, &err)))
        fail_msg ("%s", err.message);
}

/*  Reads more of the pipe; false at its end.  */
static bool read_more (fixture *self, int64_t until_us)
{
    struct pollfd fd = {.fd = self->log, .events = POLLIN};
    int64_t left = until_us - bg_clock_mono_us ();
    if (left <= 0 || poll (&fd, 1, (int) (left / 1000 + 1)) <= 0)
        fail_msg ("waited in vain; so far:\n%s", bg_buf_cstr (&self->lines));
    uint8_t *at = bg_buf_reserve (&self->lines, 4096);
    ssize_t size = read (self->log, at, 4096);
    assert_true (size >= 0);
    self->lines.size += (size_t) size;
    return size > 0;
}

static const char *find (fixture *self, size_t from, const char *text)
{
    return strstr (bg_buf_cstr (&self->lines) + from, text);
}

/*  Waits for the text in what was written from there on; where it ends.  */
static size_t wait_text (fixture *self, size_t from, const char *text)
{
    int64_t until = bg_clock_mono_us () + DEADLINE_US;
    const char *found;
    while (!(found = find (self, from, text))) {
        if (!read_more (self, until))
            fail_msg ("no \"%s\" in:\n%s", text, bg_buf_cstr (&self->lines));
    }
    size_t end = (size_t) (found - bg_buf_cstr (&self->lines)) + strlen (text);
    /*  The rest of its line, too.  */
    while (!find (self, end, "\n") && read_more (self, until)) {
    }
    return end;
}

/*  The number behind the text.  */
static long wait_number (fixture *self, size_t *from, const char *text)
{
    *from = wait_text (self, *from, text);
    return strtol (bg_buf_cstr (&self->lines) + *from, NULL, 10);
}

/*  Waits for the end of the keeper and of all who write to the pipe.  */
static int wait_end (fixture *self)
{
    int64_t until = bg_clock_mono_us () + DEADLINE_US;
    while (read_more (self, until)) {
    }
    bg_exit result;
    bg_error err = {0};
    if (bg_failed (bg_process_wait (&self->keeper, DEADLINE_US / 1000, &result, &err)))
        fail_msg ("%s", err.message);
    assert_false (result.is_signal);
    return result.value;
}

static void send_signal (const fixture *self, int signo)
{
    bg_error err = {0};
    if (bg_failed (bg_process_kill (&self->keeper, signo, &err)))
        fail_msg ("%s", err.message);
}

static char *make_fifo (const fixture *self, const char *name)
{
    char *path = bg_path_join (self->dir, name);
    assert_int_equal (mkfifo (path, 0600), 0);
    return path;
}

/*  Lets the part that reads it go on.  */
static void open_fifo (const char *path)
{
    int fd = open (path, O_WRONLY | O_CLOEXEC);
    assert_true (fd >= 0);
    (void) close (fd);
}

#define PART(name, ...)                                                                            \
    ((bg_part){name, (const char *const[]){PART_HELPER, name, __VA_ARGS__, NULL}})

/*  ---- ready ----  */

static void ready_is_when_all_are (void **state)
{
    fixture *self = *state;
    BG_AUTO_CHAR gate = make_fifo (self, "gate");
    const bg_part parts[] = {
        PART ("a", "ready", "wait"), PART ("b", "tell", "asked", "read", gate, "ready", "wait")};
    start (self, parts, 2);
    (void) wait_text (self, 0, "part-ready part=a");
    (void) wait_text (self, 0, "b asked");
    assert_null (find (self, 0, " ready parts=2"));
    open_fifo (gate);
    size_t at = wait_text (self, 0, "part-ready part=b");
    (void) wait_text (self, at, " ready parts=2");
    assert_non_null (find (self, 0, "a part\n")); /*  in a session of its own  */
    assert_non_null (find (self, 0, "b part\n"));
    send_signal (self, SIGTERM);
    assert_int_equal (wait_end (self), 0);
}

static void only_the_part_itself_says_that_it_is_ready (void **state)
{
    fixture *self = *state;
    BG_AUTO_CHAR gate = make_fifo (self, "gate");
    BG_AUTO_CHAR other_gate = make_fifo (self, "other");
    const bg_part parts[] = {
        PART ("a", "child-ready", "tell", "sent", "read", gate, "ready", "wait"),
        PART ("b", "read", other_gate, "ready", "wait")};
    start (self, parts, 2);
    (void) wait_text (self, 0, "a sent");
    open_fifo (other_gate);
    /*  What the child of a sent came before this.  */
    (void) wait_text (self, 0, "part-ready part=b");
    assert_null (find (self, 0, "part-ready part=a"));
    assert_null (find (self, 0, " ready parts=2"));
    open_fifo (gate);
    (void) wait_text (self, 0, "part-ready part=a");
    (void) wait_text (self, 0, " ready parts=2");
    send_signal (self, SIGTERM);
    assert_int_equal (wait_end (self), 0);
}

static void ready_is_passed_on (void **state)
{
    fixture *self = *state;
    self->says_more = true;
    BG_AUTO_CHAR path = bg_path_join (self->dir, "notify");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void) snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
    int manager = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal (bind (manager, (const struct sockaddr *) &address, sizeof address), 0);
    (void) setenv ("NOTIFY_SOCKET", path, 1);
    const bg_part parts[] = {PART ("a", "ready", "wait")};
    start (self, parts, 1);
    (void) unsetenv ("NOTIFY_SOCKET");
    (void) wait_text (self, 0, " ready with=details");
    char text[64] = "";
    struct pollfd fd = {.fd = manager, .events = POLLIN};
    assert_int_equal (poll (&fd, 1, 20000), 1);
    assert_true (recv (manager, text, sizeof text - 1, 0) > 0);
    assert_string_equal (text, "READY=1");
    send_signal (self, SIGTERM);
    assert_int_equal (poll (&fd, 1, 20000), 1);
    memset (text, 0, sizeof text);
    assert_true (recv (manager, text, sizeof text - 1, 0) > 0);
    assert_string_equal (text, "STOPPING=1");
    assert_int_equal (wait_end (self), 0);
    (void) close (manager);
}

/*  ---- coming back ----  */

static void a_killed_part_is_back_after_a_growing_pause (void **state)
{
    fixture *self = *state;
    const bg_part parts[] = {PART ("a", "ready", "wait"), PART ("b", "ready", "wait")};
    start (self, parts, 2);
    size_t at = wait_text (self, 0, " ready parts=2");
    size_t from = 0;
    pid_t pid = (pid_t) wait_number (self, &from, "part-started part=b pid=");
    static const long pauses[] = {50, 100, 200};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal (kill (pid, SIGKILL), 0);
        at = wait_text (self, at, "part-ended part=b end=\"signal 9 (Killed)\"");
        assert_int_equal (wait_number (self, &at, "again_ms="), pauses[i]);
        pid_t next = (pid_t) wait_number (self, &at, "part-back part=b pid=");
        assert_int_not_equal (next, pid);
        pid = next;
    }
    assert_null (find (self, 0, "part-ended part=a")); /*  the other one was left alone  */
    send_signal (self, SIGTERM);
    assert_int_equal (wait_end (self), 0);
    const char *ready = find (self, 0, " ready parts=2");
    assert_null (strstr (ready + 1, " ready parts=2")); /*  it was said once  */
}

static void the_pause_has_a_bound (void **state)
{
    fixture *self = *state;
    self->pause_max_us = BG_MS (70);
    const bg_part parts[] = {PART ("a", "ready", "exit", "0")};
    start (self, parts, 1);
    size_t at = 0;
    assert_int_equal (wait_number (self, &at, "again_ms="), 50);
    /*  A part that becomes ready each time is never given up.  */
    for (int i = 0; i < BG_PARTS_TRIES + 2; i++)
        assert_int_equal (wait_number (self, &at, "again_ms="), 70);
    send_signal (self, SIGTERM);
    assert_int_equal (wait_end (self), 0);
}

static void a_part_that_never_gets_ready_again_is_given_up (void **state)
{
    fixture *self = *state;
    self->pause_max_us = BG_MS (1);
    BG_AUTO_CHAR mark = bg_path_join (self->dir, "mark");
    const bg_part parts[] = {
        PART ("a", "ready", "wait"), PART ("b", "once", mark, "ready", "exit", "3")};
    start (self, parts, 2);
    assert_int_equal (wait_end (self), 1);
    assert_non_null (find (self, 0, "part-given-up part=b starts=12 end=\"exit code 3\""));
    assert_non_null (find (self, 0, "a ended"));
}

/*  ---- ending ----  */

static void a_part_that_cannot_start_ends_all_with_its_code (void **state)
{
    fixture *self = *state;
    BG_AUTO_CHAR gate = make_fifo (self, "gate");
    const bg_part parts[] = {PART ("a", "ready", "wait"),
        PART ("b", "read", gate, "tell", "my disk is full", "exit", "7")};
    start (self, parts, 2);
    (void) wait_text (self, 0, "part-ready part=a");
    open_fifo (gate);
    assert_int_equal (wait_end (self), 7);
    assert_non_null (find (self, 0, "b my disk is full\n"));
    assert_non_null (find (self, 0, "part-failed part=b end=\"exit code 7\""));
    assert_non_null (find (self, 0, "a ended"));
    assert_null (find (self, 0, " ready parts=2"));
}

static void ending_before_it_is_ready_is_a_failure_in_any_way (void **state)
{
    fixture *self = *state;
    const bg_part well[] = {PART ("a", "exit", "0")};
    start (self, well, 1);
    assert_int_equal (wait_end (self), 1);
    bg_fd_close (&self->log);
    bg_buf_clear (&self->lines);
    const bg_part killed[] = {PART ("a", "wait")};
    start (self, killed, 1);
    size_t at = 0;
    pid_t pid = (pid_t) wait_number (self, &at, "part-started part=a pid=");
    assert_int_equal (kill (pid, SIGKILL), 0);
    assert_int_equal (wait_end (self), 1);
    assert_non_null (find (self, 0, "part-failed part=a end=\"signal 9 (Killed)\""));
}

static void a_program_that_is_not_there_ends_the_others (void **state)
{
    fixture *self = *state;
    const bg_part parts[] = {
        PART ("a", "ready", "wait"), {"b", (const char *const[]){"/nowhere/at-all", NULL}}};
    start (self, parts, 2);
    assert_int_equal (wait_end (self), 1);
    const char *line = find (self, 0, "not-begun exit=1");
    assert_non_null (line);
    assert_non_null (strstr (line, "/nowhere/at-all"));
}

static void the_usual_signals_end_all_with_0 (void **state)
{
    fixture *self = *state;
    static const int signals[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < 2; i++) {
        const bg_part parts[] = {PART ("a", "ready", "wait"), PART ("b", "ready", "wait")};
        start (self, parts, 2);
        (void) wait_text (self, 0, " ready parts=2");
        send_signal (self, SIGHUP); /*  means nothing here  */
        send_signal (self, signals[i]);
        assert_int_equal (wait_end (self), 0);
        BG_AUTO_CHAR line = bg_strdup_printf ("ending signal=%d", signals[i]);
        assert_non_null (find (self, 0, line));
        assert_non_null (find (self, 0, "a ended"));
        assert_non_null (find (self, 0, "b ended"));
        assert_null (find (self, 0, "part-ended"));
        bg_fd_close (&self->log);
        bg_buf_clear (&self->lines);
    }
}

static void the_end_comes_also_before_all_are_ready (void **state)
{
    fixture *self = *state;
    const bg_part parts[] = {PART ("a", "ready", "wait"), PART ("b", "tell", "waits", "wait")};
    start (self, parts, 2);
    (void) wait_text (self, 0, "b waits");
    (void) wait_text (self, 0, "part-ready part=a");
    send_signal (self, SIGTERM);
    assert_int_equal (wait_end (self), 0);
}

static void a_stubborn_part_is_killed (void **state)
{
    fixture *self = *state;
    self->end_wait_us = BG_MS (300);
    const bg_part parts[] = {PART ("a", "ready", "wait"), PART ("b", "ready", "stubborn")};
    start (self, parts, 2);
    (void) wait_text (self, 0, " ready parts=2");
    int64_t began = bg_clock_mono_us ();
    send_signal (self, SIGTERM);
    assert_int_equal (wait_end (self), 0);
    assert_true (bg_clock_mono_us () - began >= BG_MS (300)); /*  not before its time  */
    assert_non_null (find (self, 0, "part-forced part=b"));
    assert_null (find (self, 0, "part-forced part=a"));
}

static void parts_end_with_their_keeper (void **state)
{
    fixture *self = *state;
    const bg_part parts[] = {PART ("a", "ready", "wait"), PART ("b", "ready", "wait")};
    start (self, parts, 2);
    (void) wait_text (self, 0, " ready parts=2");
    send_signal (self, SIGKILL);
    /*  The pipe ends when the last of them is gone.  */
    int64_t until = bg_clock_mono_us () + DEADLINE_US;
    while (read_more (self, until)) {
    }
    assert_non_null (find (self, 0, "a ended"));
    assert_non_null (find (self, 0, "b ended"));
}

/*  ---- being a part ----  */

/*  A process that has ended and was collected.  */
static pid_t gone_process (void)
{
    pid_t pid = fork ();
    if (pid == 0)
        _exit (0);
    assert_int_equal (waitpid (pid, NULL, 0), pid);
    return pid;
}

/*  What a child that joins as keeper's part ends with: its exit code, or minus the signal.  */
static int join_as (const char *keeper)
{
    pid_t pid = fork ();
    if (pid == 0) {
        (void) (keeper ? setenv ("BUGLE_KEEPER", keeper, 1) : unsetenv ("BUGLE_KEEPER"));
        bool is_part = bg_parts_join ();
        _exit (getenv ("BUGLE_KEEPER") ? 9 : is_part ? 1 : 0);
    }
    int status = 0;
    assert_int_equal (waitpid (pid, &status, 0), pid);
    return WIFSIGNALED (status) ? -WTERMSIG (status) : WEXITSTATUS (status);
}

static void who_has_no_keeper_is_no_part (void **state)
{
    (void) state;
    assert_int_equal (join_as (NULL), 0);
    BG_AUTO_CHAR ours = bg_strdup_printf ("%d", (int) getpid ());
    assert_int_equal (join_as (ours), 1);
    /*  Somebody else's part started a program that is none.  */
    assert_int_equal (join_as ("1"), 0);
    BG_AUTO_CHAR gone = bg_strdup_printf ("%d", (int) gone_process ());
    assert_int_equal (join_as (gone), -SIGTERM);
}

static void check_command (const bg_part_command *command, const char *wanted)
{
    BG_AUTO_BUF text = {0};
    for (size_t i = 0; command->argv[i]; i++)
        bg_buf_printf (&text, "%s%s", i ? " " : "", command->argv[i]);
    assert_string_equal (bg_buf_cstr (&text), wanted);
}

static void a_command_passes_the_common_options_on (void **state)
{
    (void) state;
    bg_part_options options = {0};
    bg_part_command command = bg_part_command_of ("bugle-exec", NULL, &options);
    check_command (&command, "bugle-exec");
    options = (bg_part_options){.home = "/h", .log_json = true, .log_level = "debug"};
    command = bg_part_command_of ("bugle-broker", "front", &options);
    check_command (&command, "bugle-broker front --home /h --log-json --log-level debug");
}

int main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST (ready_is_when_all_are),
        TEST (only_the_part_itself_says_that_it_is_ready),
        TEST (ready_is_passed_on),
        TEST (a_killed_part_is_back_after_a_growing_pause),
        TEST (the_pause_has_a_bound),
        TEST (a_part_that_never_gets_ready_again_is_given_up),
        TEST (a_part_that_cannot_start_ends_all_with_its_code),
        TEST (ending_before_it_is_ready_is_a_failure_in_any_way),
        TEST (a_program_that_is_not_there_ends_the_others),
        TEST (the_usual_signals_end_all_with_0),
        TEST (the_end_comes_also_before_all_are_ready),
        TEST (a_stubborn_part_is_killed),
        TEST (parts_end_with_their_keeper),
        TEST (who_has_no_keeper_is_no_part),
        TEST (a_command_passes_the_common_options_on),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
