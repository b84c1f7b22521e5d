/*  The real bugle-exec, driven over its socket with signed documents: what runs, how it ends,
    and what survives.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../unit/signing_fixture.h"
#include "../unit/temp_dir.h"
#include "common/base/now.h"
#include "common/sys/clock.h"
#include "common/sys/frames.h"
#include "common/sys/process.h"
#include "common/sys/random.h"
#include "common/sys/unixsock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define WAIT_MS 20000

static struct {
    char *home;
    bg_process exec;
    int log_fd; /*  standard error of bugle-exec  */
    bg_buf log;
    bg_frames *link;
    signing_fixture signing;
    bg_arena arena;
    uint64_t requests;
    int jobs;
    bool on_full_disk; /*  bugle-exec runs with the shim of exec_full_disk.c  */
} t;

/*  ---- the program ----  */

static char *program (void)
{
    char self[PATH_MAX];
    ssize_t size = readlink ("/proc/self/exe", self, sizeof self - 1);
    assert_true (size > 0);
    self[size] = 0;
    return bg_strdup_printf ("%s/../bin/bugle-exec", dirname (self));
}

static char *in_home (const char *name)
{
    return bg_path_join (t.home, name);
}

static void spawn_exec (bg_process *process, int *log_fd)
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
static bool read_log_until (int fd, bg_buf *log, const char *word)
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

static void start_exec (void)
{
    bg_buf_clear (&t.log);
    spawn_exec (&t.exec, &t.log_fd);
    if (!read_log_until (t.log_fd, &t.log, " ready "))
        fail_msg ("bugle-exec is not ready: %s", bg_buf_cstr (&t.log));
}

static bg_exit end_exec (int signal_number)
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

/*  ---- the node's part ----  */

static void say (wire_kind kind, const void *value)
{
    BG_AUTO_BUF blob = {0};
    bg_id request = {{0}};
    bg_write_u64 (request.bytes + 8, ++t.requests);
    wire_inner_encode (kind, request, value, &blob);
    assert_true (bg_is_ok (bg_frames_send (t.link, bg_buf_slice (&blob), NULL)));
    assert_true (bg_is_ok (bg_frames_flush_wait (t.link, WAIT_MS, NULL)));
}

static const void *hear (wire_kind *kind)
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

static const void *hear_kind (wire_kind wanted)
{
    for (;;) {
        wire_kind kind;
        const void *value = hear (&kind);
        if (kind == wanted)
            return value;
    }
}

static const char *code_of (const wire_exec_verdict *verdict)
{
    return bg_arena_str (&t.arena, verdict->code);
}

static const char *offer (wire_signed item)
{
    wire_exec_offer message = {.has_item = true, .item = item};
    say (WIRE_EXEC_OFFER, &message);
    return code_of (hear_kind (WIRE_EXEC_VERDICT));
}

static void connect_node (void)
{
    BG_AUTO_CHAR path = in_home ("run/exec.sock");
    int fd = -1;
    bg_error err = {0};
    if (bg_failed (bg_unix_connect (path, &fd, &err)))
        fail_msg ("%s", err.message);
    t.link = bg_frames_create (fd, 2 * 1024 * 1024, 4 * 1024 * 1024);
    wire_exec_hello hello = {.version = bg_slice_str ("test")};
    say (WIRE_EXEC_HELLO, &hello);
    (void) hear_kind (WIRE_EXEC_STANDING);
}

static void attest (const wire_exec_nonce *nonce)
{
    wire_exec_attest message = {.has_attestation = true,
        .attestation = fixture_attestation (&t.signing, nonce->nonce, bg_clock_utc_us ())};
    say (WIRE_EXEC_ATTEST, &message);
}

static void enlist (bool write_policy)
{
    wire_signed authority = fixture_authority (&t.signing, 1, 0);
    wire_exec_anchor anchor = {.write_policy = write_policy};
    wire_hash32 (authority.bytes, anchor.authority_hash);
    say (WIRE_EXEC_ANCHOR, &anchor);
    assert_string_equal (code_of (hear_kind (WIRE_EXEC_VERDICT)), "ok");
    assert_string_equal (offer (authority), "ok");
    assert_string_equal (offer (fixture_membership (&t.signing, 1, WIRE_MEMBER)), "ok");
    attest (hear_kind (WIRE_EXEC_NONCE));
}

static wire_job new_job (void)
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

static wire_exec_start start_message (const wire_job *job)
{
    int64_t now_us = bg_clock_utc_us ();
    wire_deed deed = fixture_deed (&t.signing, WIRE_DEED_START, bg_arena_str (&t.arena, job->name),
        now_us, now_us + BG_HOUR (1));
    return (wire_exec_start){.has_job = true,
        .job = sign_job (job),
        .has_deed = true,
        .deed = fixture_sign_deed (&t.signing, &deed, &t.signing.admin)};
}

static wire_run begin_with (const wire_exec_start *start)
{
    say (WIRE_EXEC_START, start);
    for (;;) {
        wire_kind kind;
        const void *value = hear (&kind);
        if (kind == WIRE_EXEC_VERDICT)
            fail_msg ("refused: %.*s", BG_SLICE_ARG (((const wire_exec_verdict *) value)->message));
        if (kind == WIRE_EXEC_RUN)
            return ((const wire_exec_run *) value)->run;
    }
}

static wire_run begin (const wire_job *job)
{
    wire_exec_start start = start_message (job);
    wire_run run = begin_with (&start);
    assert_int_equal (run.state, WIRE_RUN_RUNNING);
    return run;
}

static wire_run wait_for_end (bg_id run)
{
    for (;;) {
        const wire_exec_run *message = hear_kind (WIRE_EXEC_RUN);
        if (bg_id_equal (message->run.run, run) && message->run.state != WIRE_RUN_RUNNING)
            return message->run;
    }
}

static wire_run run_job (const wire_job *job)
{
    wire_run run = begin (job);
    wire_run end = wait_for_end (run.run);
    wire_exec_taken taken = {run.run};
    say (WIRE_EXEC_TAKEN, &taken);
    return end;
}

static const char *head_of (const wire_step_result *step)
{
    return bg_arena_str (&t.arena, step->head);
}

/*  ---- set up ----  */

static int setup_bare (void **state)
{
    (void) state;
    memset (&t, 0, sizeof t);
    t.home = temp_dir_make ();
    signing_fixture_init (&t.signing, 5);
    return 0;
}

static int setup (void **state)
{
    (void) setup_bare (state);
    start_exec ();
    connect_node ();
    enlist (true);
    return 0;
}

static int teardown (void **state)
{
    (void) state;
    (void) end_exec (SIGTERM);
    bg_buf_fini (&t.log);
    signing_fixture_fini (&t.signing);
    bg_arena_fini (&t.arena);
    temp_dir_remove (&t.home);
    return 0;
}

/*  ---- processes of others ----  */

static bool is_alive (pid_t pid)
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
static void wait_until_gone (pid_t pid)
{
    bg_process process = {0, -1};
    if (bg_failed (bg_process_adopt (pid, &process, NULL)))
        return;
    struct pollfd item = {.fd = process.pidfd, .events = POLLIN};
    assert_true (poll (&item, 1, WAIT_MS) == 1 || !is_alive (pid));
    bg_process_forget (&process);
}

static pid_t supervisor_of (bg_id run)
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
static void make_fifo (const char *name)
{
    BG_AUTO_CHAR path = in_home (name);
    assert_int_equal (mkfifo (path, 0600), 0);
}

/*  Reads one number that a step writes into a FIFO.  */
static pid_t read_pid (const char *name)
{
    BG_AUTO_CHAR path = in_home (name);
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

static void open_gate (const char *name)
{
    BG_AUTO_CHAR path = in_home (name);
    int fd = open (path, O_WRONLY | O_CLOEXEC);
    assert_true (fd >= 0);
    close (fd);
}

static wire_job gated_job (void)
{
    make_fifo ("pid");
    make_fifo ("gate");
    wire_job job = new_job ();
    BG_AUTO_CHAR text =
        bg_strdup_printf ("echo $$ >%s/pid; read x <%s/gate; echo through", t.home, t.home);
    fixture_step (&t.signing, &job, "wait", text, NULL);
    return job;
}

/*  ---- what runs ----  */

static void true_succeeds (void **state)
{
    (void) state;
    wire_job job = new_job ();
    fixture_step (&t.signing, &job, "only", NULL, "/bin/true", NULL);
    wire_run end = run_job (&job);
    assert_int_equal (end.state, WIRE_RUN_SUCCEEDED);
    assert_int_equal (end.steps_count, 1);
    assert_int_equal (end.steps[0].state, WIRE_RESULT_SUCCEEDED);
    assert_int_equal (end.steps[0].attempts, 1);
    assert_true (end.finished_us >= end.started_us);
}

static void failures_take_their_path (void **state)
{
    (void) state;
    wire_job job = new_job ();
    wire_job_step *step =
        fixture_step (&t.signing, &job, "fails", NULL, "sh", "-c", "exit 3", NULL);
    step->on_failure = WIRE_FLOW_GOTO;
    step->failure_step = 3;
    fixture_step (&t.signing, &job, "skipped", NULL, "/bin/true", NULL);
    step = fixture_step (&t.signing, &job, "report", NULL, "echo",
        "$(ESCAPE_NONE(STEPNAME)) of $(ESCAPE_NONE(TARGET))", NULL);
    step->on_success = WIRE_FLOW_FAIL;
    wire_run end = run_job (&job);
    assert_int_equal (end.state, WIRE_RUN_FAILED);
    assert_int_equal (end.steps_count, 2);
    assert_int_equal (end.steps[0].exit_code, 3);
    assert_int_equal (end.steps[1].step, 3);
    assert_string_equal (head_of (&end.steps[1]), "report of db01\n");
}

static void scripts_run_under_their_shell_with_their_environment (void **state)
{
    (void) state;
    wire_job job = new_job ();
    wire_job_step *step = fixture_step (&t.signing, &job, "script",
        "words=(a b)\necho \"${#words[@]} $BUGLE_JOBNAME $COLOUR\"\necho to-stderr "
        ">&2\npwd\numask\n"
        "test -z \"$BUGLE_HOME$INHERITED\"\ncat\n",
        "bash", "-eu", NULL);
    wire_pair own[2] = {{bg_slice_str ("COLOUR"), bg_slice_str ("deep\nblue")},
        {bg_slice_str ("INHERITED"), bg_slice_str ("")}};
    step->environment = own;
    step->environment_count = 2;
    step->directory = bg_slice_str ("/usr");
    wire_pair none = {bg_slice_str ("BUGLE"), bg_slice_str ("")};
    job.environment = &none;
    job.environment_count = 1;
    wire_job_step *steps = job.steps;
    steps[0].script = bg_slice_str ("words=(a b)\necho \"${#words[@]} $BUGLE_JOBNAME "
                                    "$COLOUR\"\necho to-stderr >&2\npwd\numask\ncat\n");
    wire_run end = run_job (&job);
    assert_string_equal (head_of (&end.steps[0]), "2 job 1 deep\nblue\nto-stderr\n/usr\n0022\n");
    assert_int_equal (end.state, WIRE_RUN_SUCCEEDED);
}

static void a_script_of_the_largest_size_runs (void **state)
{
    (void) state;
    BG_AUTO_BUF text = {0};
    bg_buf_append_str (&text, "echo begin\n");
    while (text.size < 131072 - 16)
        bg_buf_append_str (&text, "# nothing\n");
    while (text.size < 131072 - 9)
        bg_buf_append_str (&text, "\n");
    bg_buf_append_str (&text, "echo end\n");
    wire_job job = new_job ();
    fixture_step (&t.signing, &job, "large", bg_buf_cstr (&text), NULL);
    wire_run end = run_job (&job);
    assert_string_equal (head_of (&end.steps[0]), "begin\nend\n");
}

static void what_cannot_start_is_explained (void **state)
{
    (void) state;
    wire_job job = new_job ();
    fixture_step (&t.signing, &job, "missing", NULL, "no-such-program-here", NULL)->on_failure =
        WIRE_FLOW_NEXT;
    fixture_step (&t.signing, &job, "path", NULL, "/no/such/program", NULL)->on_failure =
        WIRE_FLOW_NEXT;
    fixture_step (&t.signing, &job, "denied", NULL, "/etc/passwd", NULL)->on_failure =
        WIRE_FLOW_NEXT;
    wire_job_step *step = fixture_step (&t.signing, &job, "directory", NULL, "/bin/true", NULL);
    step->directory = bg_slice_str ("/no/such/directory");
    wire_run end = run_job (&job);
    assert_int_equal (end.state, WIRE_RUN_FAILED);
    assert_int_equal (end.steps_count, 4);
    static const char *const said[] = {"no-such-program-here is not found in PATH (/usr/local/sbin",
        "cannot run the program /no/such/program", "cannot run the program /etc/passwd",
        "cannot change to the directory /no/such/directory"};
    for (size_t i = 0; i < 4; i++) {
        const char *message = bg_arena_str (&t.arena, end.steps[i].message);
        if (!strstr (message, said[i]))
            fail_msg ("step %zu: %s", i + 1, message);
    }
    assert_int_equal (end.steps[0].exit_code, 127);
    assert_int_equal (end.steps[2].exit_code, 126);
}

static void retries_are_counted (void **state)
{
    (void) state;
    wire_job job = new_job ();
    BG_AUTO_CHAR text =
        bg_strdup_printf ("echo x >>%s/tries; test $(wc -l <%s/tries) -ge 2", t.home, t.home);
    wire_job_step *step = fixture_step (&t.signing, &job, "flaky", text, NULL);
    step->retry_attempts = 5;
    step->retry_every_us = (uint64_t) BG_SEC (1);
    wire_run end = run_job (&job);
    assert_int_equal (end.state, WIRE_RUN_SUCCEEDED);
    assert_int_equal (end.steps_count, 1);
    assert_int_equal (end.steps[0].attempts, 2);
}

static void a_signal_is_told (void **state)
{
    (void) state;
    wire_job job = new_job ();
    fixture_step (&t.signing, &job, "dies", "kill -SEGV $$", NULL);
    wire_run end = run_job (&job);
    assert_int_equal (end.state, WIRE_RUN_FAILED);
    assert_int_equal (end.steps[0].signal, SIGSEGV);
}

static const wire_exec_output_part *ask_output (const wire_exec_output *ask)
{
    say (WIRE_EXEC_OUTPUT, ask);
    return hear_kind (WIRE_EXEC_OUTPUT_PART);
}

/*  Until there is so much of it.  */
static const wire_exec_output_part *ask_output_until (const wire_exec_output *ask, size_t size)
{
    const int64_t until_us = bg_clock_mono_us () + BG_MS (WAIT_MS);
    for (;;) {
        const wire_exec_output_part *part = ask_output (ask);
        if (part->bytes.size >= size)
            return part;
        if (bg_clock_mono_us () > until_us)
            fail_msg ("only %zu bytes come", part->bytes.size);
        (void) poll (NULL, 0, 10);
    }
}

static void output_has_head_tail_and_an_exact_count (void **state)
{
    (void) state;
    wire_job job = new_job ();
    fixture_step (&t.signing, &job, "floods",
        "echo first; yes 0123456789abcde | head -c 10485760; echo last", NULL);
    wire_run end = run_job (&job);
    const wire_step_result *step = &end.steps[0];
    assert_int_equal (step->output_bytes, 10485760 + 6 + 5);
    assert_int_equal (step->head.size, 4096);
    assert_int_equal (step->tail.size, 12288);
    assert_memory_equal (step->head.data, "first\n0123456789abcde\n", 22);
    assert_memory_equal (step->tail.data + step->tail.size - 5, "last\n", 5);
    /*  The run's file is gone by now; what is kept has its own.  */
    wire_exec_output ask = {.run = end.run, .step = 1};
    size_t got = 0;
    for (;; got += 131072) {
        ask.offset = got;
        const wire_exec_output_part *part = ask_output (&ask);
        assert_string_equal (bg_arena_str (&t.arena, part->code), "ok");
        assert_int_equal (part->total, step->output_bytes);
        assert_int_equal (part->lost, step->output_bytes - (1 << 20));
        assert_true (part->done);
        if (part->bytes.size == 0)
            break;
        assert_int_equal (part->bytes.size, 131072);
        if (got == 0)
            assert_memory_equal (part->bytes.data, step->head.data, 4096);
    }
    assert_int_equal (got, 1 << 20);
}

/*  ---- kept output ----  */

static void output_is_read_while_the_step_runs (void **state)
{
    (void) state;
    make_fifo ("go");
    wire_job job = new_job ();
    BG_AUTO_CHAR text = bg_strdup_printf ("printf 'one\\0\\377'; read x <%s/go; echo two", t.home);
    fixture_step (&t.signing, &job, "talks", text, NULL);
    wire_run run = begin (&job);
    wire_exec_output ask = {.run = run.run};
    const wire_exec_output_part *part = ask_output_until (&ask, 5);
    assert_string_equal (bg_arena_str (&t.arena, part->code), "ok");
    assert_int_equal (part->step, 1);
    assert_true (bg_slice_is (part->step_name, "talks"));
    assert_false (part->done);
    assert_int_equal (part->bytes.size, 5);
    assert_memory_equal (part->bytes.data, "one\0\377", 5);
    ask.offset = 5;
    assert_int_equal (ask_output (&ask)->bytes.size, 0);
    ask.step = 2;
    assert_string_equal (bg_arena_str (&t.arena, ask_output (&ask)->code), "not-found");
    ask.step = 1;
    open_gate ("go");
    (void) wait_for_end (run.run);
    part = ask_output (&ask);
    assert_true (bg_slice_is (part->bytes, "two\n"));
    assert_true (part->done);
    assert_int_equal (part->lost, 0);
}

static void short_output_leaves_no_file (void **state)
{
    (void) state;
    wire_job job = new_job ();
    fixture_step (&t.signing, &job, "short", "echo hello", NULL);
    wire_run run = begin (&job);
    wire_run end = wait_for_end (run.run);
    wire_exec_output ask = {.run = end.run, .step = 1};
    const wire_exec_output_part *part = ask_output (&ask);
    assert_true (bg_slice_is (part->bytes, "hello\n"));
    wire_exec_taken taken = {run.run};
    say (WIRE_EXEC_TAKEN, &taken);
    BG_AUTO_CHAR name = bg_strdup_printf ("exec/runs/%s.1.out", bg_id_text (end.run).text);
    BG_AUTO_CHAR path = in_home (name);
    assert_false (bg_path_exists (path));
}

/*  What a later attempt says replaces what the one before said.  */
static void each_attempt_begins_anew (void **state)
{
    (void) state;
    wire_job job = new_job ();
    BG_AUTO_CHAR text = bg_strdup_printf ("yes attempt | head -n 5000; [ -e %s/second ] && exit 0; "
                                          "touch %s/second; exit 1",
        t.home, t.home);
    wire_job_step *step = fixture_step (&t.signing, &job, "again", text, NULL);
    step->retry_attempts = 1;
    step->retry_every_us = 1000000;
    wire_run end = run_job (&job);
    assert_int_equal (end.steps[0].attempts, 2);
    wire_exec_output ask = {.run = end.run, .step = 1};
    const wire_exec_output_part *part = ask_output (&ask);
    assert_int_equal (part->total, 40000);
    assert_int_equal (part->bytes.size, 40000);
}

static void nothing_is_kept_of_an_unknown_run (void **state)
{
    (void) state;
    wire_exec_output ask = {.run = {{1, 2, 3}}, .step = 1};
    const wire_exec_output_part *part = ask_output (&ask);
    assert_string_equal (bg_arena_str (&t.arena, part->code), "not-found");
    assert_true (part->done);
}

/*  ---- standard input ----  */

static void a_step_reads_its_input_to_the_end (void **state)
{
    (void) state;
    wire_job job = new_job ();
    const size_t size = 131072;
    uint8_t *bytes = bg_arena_alloc (&t.arena, size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t) (i * 7 + i / 256);
    wire_job_step *step = fixture_step (&t.signing, &job, "counts", NULL, "sha256sum", NULL);
    step->input = bg_slice_of (bytes, size);
    wire_run end = run_job (&job);
    assert_int_equal (end.state, WIRE_RUN_SUCCEEDED);
    BG_AUTO_CHAR path = in_home ("input");
    assert_true (bg_is_ok (bg_file_create (path, step->input, NULL)));
    BG_AUTO_CHAR command = bg_strdup_printf ("sha256sum <%s", path);
    FILE *pipe = popen (command, "r");
    char expected[128] = "";
    assert_non_null (fgets (expected, sizeof expected, pipe));
    pclose (pipe);
    assert_string_equal (head_of (&end.steps[0]), expected);
}

/*  A step that does not want its input is not held up, and its end is its own.  */
static void input_that_nobody_reads_does_no_harm (void **state)
{
    (void) state;
    wire_job job = new_job ();
    uint8_t *bytes = bg_arena_alloc (&t.arena, 80000);
    memset (bytes, 'x', 80000);
    wire_job_step *step = fixture_step (&t.signing, &job, "first", "exit 0", NULL);
    step->input = bg_slice_of (bytes, 80000);
    step = fixture_step (&t.signing, &job, "second", "head -c 3; exec 0<&-; exit 0", NULL);
    step->input = bg_slice_of (bytes, 80000);
    step = fixture_step (&t.signing, &job, "third", "cat | wc -c", NULL);
    wire_run end = run_job (&job);
    assert_int_equal (end.state, WIRE_RUN_SUCCEEDED);
    assert_int_equal (end.steps_count, 3);
    assert_string_equal (head_of (&end.steps[1]), "xxx");
    assert_string_equal (head_of (&end.steps[2]), "0\n"); /*  none: /dev/null  */
}

static void a_shell_takes_its_commands_from_the_input (void **state)
{
    (void) state;
    wire_job job = new_job ();
    wire_job_step *step = fixture_step (&t.signing, &job, "shell", NULL, "sh", "-s", NULL);
    step->input = bg_slice_str ("echo from stdin\nexit 3\n");
    wire_run end = run_job (&job);
    assert_int_equal (end.state, WIRE_RUN_FAILED);
    assert_int_equal (end.steps[0].exit_code, 3);
    assert_string_equal (head_of (&end.steps[0]), "from stdin\n");
}

/*  ---- how it ends ----  */

static void a_timeout_ends_the_whole_group (void **state)
{
    (void) state;
    make_fifo ("pid");
    wire_job job = new_job ();
    BG_AUTO_CHAR text = bg_strdup_printf ("trap '' TERM\n(trap '' TERM; sh -c 'echo $$ >%s/pid; "
                                          "trap \"\" TERM; while :; do sleep 1; done') &\nwait",
        t.home);
    wire_job_step *step = fixture_step (&t.signing, &job, "stubborn", text, NULL);
    step->timeout_us = (uint64_t) BG_SEC (1);
    step->grace_us = (uint64_t) BG_SEC (1);
    wire_run run = begin (&job);
    pid_t pid = read_pid ("pid");
    assert_true (is_alive (pid));
    wire_run end = wait_for_end (run.run);
    assert_int_equal (end.state, WIRE_RUN_FAILED);
    assert_true (end.steps[0].timed_out);
    assert_int_equal (end.steps[0].signal, SIGKILL);
    assert_false (is_alive (pid));
}

static void what_hides_in_another_session_is_ended_too (void **state)
{
    (void) state;
    make_fifo ("pid");
    wire_job job = new_job ();
    BG_AUTO_CHAR text =
        bg_strdup_printf ("setsid sh -c 'trap \"\" TERM; echo $$ >%s/pid; : >%s/hidden; while :; "
                          "do sleep 1; done' >/dev/null 2>&1 &\n"
                          "until test -e %s/hidden; do sleep 0.02; done; echo gone",
            t.home, t.home, t.home);
    wire_job_step *step = fixture_step (&t.signing, &job, "hides", text, NULL);
    step->grace_us = (uint64_t) BG_SEC (1);
    wire_run run = begin (&job);
    pid_t pid = read_pid ("pid");
    wire_run end = wait_for_end (run.run);
    assert_int_equal (end.state, WIRE_RUN_SUCCEEDED);
    assert_non_null (strstr (bg_arena_str (&t.arena, end.steps[0].message), "left running"));
    assert_false (is_alive (pid));
}

static wire_signed stop_of (const wire_job *job)
{
    int64_t now_us = bg_clock_utc_us ();
    wire_deed deed = fixture_deed (&t.signing, WIRE_DEED_STOP, bg_arena_str (&t.arena, job->name),
        now_us, now_us + BG_MIN (10));
    return fixture_sign_deed (&t.signing, &deed, &t.signing.admin);
}

static void a_stop_cancels_the_run (void **state)
{
    (void) state;
    wire_job job = gated_job ();
    wire_run run = begin (&job);
    pid_t pid = read_pid ("pid");
    wire_exec_offer message = {.has_item = true, .item = stop_of (&job)};
    say (WIRE_EXEC_OFFER, &message);
    wire_run end = wait_for_end (run.run);
    assert_int_equal (end.state, WIRE_RUN_CANCELED);
    assert_int_equal (end.steps[0].state, WIRE_RESULT_CANCELED);
    assert_true (bg_slice_is (end.reason, "stop"));
    assert_false (is_alive (pid));
}

static void a_killed_supervisor_interrupts_the_run_and_its_processes (void **state)
{
    (void) state;
    make_fifo ("pid");
    make_fifo ("gate");
    wire_job job = new_job ();
    BG_AUTO_CHAR text = bg_strdup_printf (
        "setsid sh -c 'echo $$ >%s/pid; read x <%s/gate'; echo through", t.home, t.home);
    fixture_step (&t.signing, &job, "wait", text, NULL);
    wire_run run = begin (&job);
    pid_t pid = read_pid ("pid");
    pid_t supervisor = supervisor_of (run.run);
    assert_true (supervisor > 0);
    assert_int_equal (kill (supervisor, SIGKILL), 0);
    wire_run end = wait_for_end (run.run);
    assert_int_equal (end.state, WIRE_RUN_INTERRUPTED);
    wait_until_gone (pid);
    assert_false (is_alive (pid));
}

/*  ---- what survives ----  */

static void reconnect (void)
{
    start_exec ();
    connect_node ();
}

static void killing_bugle_exec_leaves_the_step_alone (void **state)
{
    (void) state;
    wire_job job = gated_job ();
    wire_exec_start start = start_message (&job);
    wire_run run = begin_with (&start);
    pid_t pid = read_pid ("pid");
    bg_exit result = end_exec (SIGKILL);
    assert_true (result.is_signal);
    assert_true (is_alive (pid));
    reconnect ();
    const wire_exec_run *open = hear_kind (WIRE_EXEC_RUN);
    assert_true (bg_id_equal (open->run.run, run.run));
    assert_int_equal (open->run.state, WIRE_RUN_RUNNING);
    say (WIRE_EXEC_START, &start); /*  the same START again: not a second time  */
    const wire_exec_verdict *verdict = hear_kind (WIRE_EXEC_VERDICT);
    assert_string_equal (code_of (verdict), "ok");
    assert_true (verdict->began);
    open_gate ("gate");
    wire_run end = wait_for_end (run.run);
    assert_int_equal (end.state, WIRE_RUN_SUCCEEDED);
    assert_string_equal (head_of (&end.steps[0]), "through\n");
}

static void a_run_that_ends_while_nobody_looks_is_reported (void **state)
{
    (void) state;
    wire_job job = gated_job ();
    wire_run run = begin (&job);
    (void) read_pid ("pid");
    pid_t supervisor = supervisor_of (run.run);
    (void) end_exec (SIGKILL);
    open_gate ("gate");
    wait_until_gone (supervisor);
    reconnect ();
    wire_run end = wait_for_end (run.run);
    assert_int_equal (end.state, WIRE_RUN_SUCCEEDED);
}

static void a_stop_reaches_a_supervisor_after_a_restart (void **state)
{
    (void) state;
    wire_job job = gated_job ();
    wire_run run = begin (&job);
    (void) read_pid ("pid");
    (void) end_exec (SIGKILL);
    reconnect ();
    wire_exec_offer message = {.has_item = true, .item = stop_of (&job)};
    say (WIRE_EXEC_OFFER, &message);
    assert_int_equal (wait_for_end (run.run).state, WIRE_RUN_CANCELED);
}

static void sigterm_ends_with_0_and_leaves_the_step_alone (void **state)
{
    (void) state;
    wire_job job = gated_job ();
    wire_run run = begin (&job);
    pid_t pid = read_pid ("pid");
    bg_exit result = end_exec (SIGTERM);
    assert_false (result.is_signal);
    assert_int_equal (result.value, 0);
    assert_true (is_alive (pid));
    reconnect ();
    open_gate ("gate");
    assert_int_equal (wait_for_end (run.run).state, WIRE_RUN_SUCCEEDED);
}

static void a_taken_outcome_is_not_told_again (void **state)
{
    (void) state;
    wire_job job = new_job ();
    fixture_step (&t.signing, &job, "only", NULL, "/bin/true", NULL);
    wire_run first = run_job (&job);
    (void) end_exec (SIGTERM);
    reconnect ();
    wire_job next = new_job ();
    fixture_step (&t.signing, &next, "only", NULL, "/bin/true", NULL);
    wire_exec_start start = start_message (&next);
    wire_run run = begin_with (&start); /*  the first EXEC_RUN after hello  */
    assert_false (bg_id_equal (run.run, first.run));
    (void) wait_for_end (run.run);
}

/*  ---- what it refuses to begin with ----  */

static void a_second_one_is_refused (void **state)
{
    (void) state;
    bg_process second = {0, -1};
    int log_fd = -1;
    BG_AUTO_BUF log = {0};
    bg_exit result;
    spawn_exec (&second, &log_fd);
    assert_true (bg_is_ok (bg_process_wait (&second, WAIT_MS, &result, NULL)));
    (void) read_log_until (log_fd, &log, "\xff");
    close (log_fd);
    assert_false (result.is_signal);
    assert_int_not_equal (result.value, 0);
    BG_AUTO_CHAR holder = bg_strdup_printf ("held by bugle-exec (pid %d)", (int) t.exec.pid);
    if (!strstr (bg_buf_cstr (&log), holder))
        fail_msg ("%s", bg_buf_cstr (&log));
}

static void without_policy_nothing_starts_and_it_says_how_to_make_one (void **state)
{
    (void) state;
    start_exec ();
    connect_node ();
    enlist (false);
    wire_job job = new_job ();
    fixture_step (&t.signing, &job, "only", NULL, "/bin/true", NULL);
    wire_exec_start start = start_message (&job);
    say (WIRE_EXEC_START, &start);
    const wire_exec_verdict *verdict = hear_kind (WIRE_EXEC_VERDICT);
    assert_string_equal (code_of (verdict), "policy");
    assert_non_null (strstr (bg_arena_str (&t.arena, verdict->message), "etc/policy"));
    assert_non_null (strstr (bg_arena_str (&t.arena, verdict->hint), "bugle-node enlist"));
    /*  One that others may write is none either; a proper one works at once.  */
    BG_AUTO_CHAR path = in_home ("etc/policy");
    BG_AUTO_CHAR text =
        bg_strdup_printf ("[default]\naccount = %u\nroot = yes\n", (unsigned) geteuid ());
    assert_true (bg_is_ok (bg_file_replace (path, bg_slice_str (text), 0666, NULL)));
    say (WIRE_EXEC_START, &start);
    verdict = hear_kind (WIRE_EXEC_VERDICT);
    assert_string_equal (code_of (verdict), "policy");
    assert_non_null (strstr (bg_arena_str (&t.arena, verdict->message), "others may write"));
    assert_true (bg_is_ok (bg_file_replace (path, bg_slice_str (text), 0644, NULL)));
    wire_run run = begin_with (&start);
    assert_int_equal (wait_for_end (run.run).state, WIRE_RUN_SUCCEEDED);
}

static void a_foreign_log_is_refused (void **state)
{
    (void) state;
    BG_AUTO_CHAR dir = in_home ("exec");
    BG_AUTO_CHAR path = in_home ("exec/log");
    assert_true (bg_is_ok (bg_dir_make (dir, 0700, NULL)));
    assert_int_equal (chmod (t.home, 0700), 0);
    assert_true (
        bg_is_ok (bg_file_create (path, bg_slice_str ("dear diary, today nothing"), NULL)));
    bg_process process = {0, -1};
    int log_fd = -1;
    BG_AUTO_BUF log = {0};
    bg_exit result;
    spawn_exec (&process, &log_fd);
    assert_true (bg_is_ok (bg_process_wait (&process, WAIT_MS, &result, NULL)));
    (void) read_log_until (log_fd, &log, "\xff");
    close (log_fd);
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
    connect_node ();
    wire_job job = new_job ();
    fixture_step (&t.signing, &job, "only", NULL, "/bin/true", NULL);
    assert_int_equal (run_job (&job).state, WIRE_RUN_SUCCEEDED);
}

/*  Sends raw bytes over a connection of its own and waits until that is closed.  */
static void send_raw (const uint8_t *bytes, size_t size, bool is_closed_by_it)
{
    BG_AUTO_CHAR path = in_home ("run/exec.sock");
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
    wire_job job = new_job ();
    fixture_step (&t.signing, &job, "only", NULL, "/bin/true", NULL);
    assert_int_equal (run_job (&job).state, WIRE_RUN_SUCCEEDED);
}

/*  A node account that opens as many connections as it can: supervisors and the node's own still get
    through, and descriptors do not run out.  */
static void a_crowd_of_connections_keeps_nobody_away (void **state)
{
    (void) state;
    enum { CROWD = 100, MOST = 32 };
    BG_AUTO_CHAR path = in_home ("run/exec.sock");
    int fds[CROWD];
    size_t open_count = 0;
    for (size_t i = 0; i < CROWD; i++)
        assert_true (bg_is_ok (bg_unix_connect (path, &fds[i], NULL)));
    wire_job job = new_job ();
    fixture_step (&t.signing, &job, "only", NULL, "/bin/true", NULL);
    assert_int_equal (run_job (&job).state, WIRE_RUN_SUCCEEDED);
    for (size_t i = 0; i < CROWD; i++) {
        uint8_t byte;
        open_count += recv (fds[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
        close (fds[i]);
    }
    assert_in_range (open_count, 1, MOST - 1);
    run_job (&job);
}

/*  No space: no effect, a clear state, and all goes on when there is some.  */
static void a_full_disk_has_no_effects_and_heals (void **state)
{
    (void) state;
    t.on_full_disk = true;
    start_exec ();
    connect_node ();
    enlist (true);
    wire_job job = new_job ();
    fixture_step (&t.signing, &job, "only", NULL, "/bin/true", NULL);
    wire_exec_start start = start_message (&job);
    BG_AUTO_CHAR flag = in_home ("full");
    assert_true (bg_is_ok (bg_file_create (flag, bg_slice_str ("x"), NULL)));
    say (WIRE_EXEC_START, &start);
    bg_slice blob;
    bg_result result;
    do {
        result = bg_frames_next_wait (t.link, WAIT_MS, &blob, NULL);
    } while (bg_is_ok (result));
    assert_int_equal (result.code, BG_CLOSED);
    bg_frames_destroy (&t.link);
    connect_node ();
    attest (hear_kind (WIRE_EXEC_NONCE)); /*  the time was in the batch that was lost  */
    say (WIRE_EXEC_START, &start);
    assert_string_equal (code_of (hear_kind (WIRE_EXEC_VERDICT)), "storage");
    assert_int_equal (unlink (flag), 0);
    int64_t until_us = bg_clock_mono_us () + BG_MS (WAIT_MS);
    for (;;) {
        wire_kind kind;
        say (WIRE_EXEC_START, &start);
        const void *value = hear (&kind);
        while (kind != WIRE_EXEC_RUN && kind != WIRE_EXEC_VERDICT)
            value = hear (&kind);
        if (kind == WIRE_EXEC_RUN) {
            assert_int_equal (
                wait_for_end (((const wire_exec_run *) value)->run.run).state, WIRE_RUN_SUCCEEDED);
            return;
        }
        assert_string_equal (code_of (value), "storage");
        assert_true (bg_clock_mono_us () < until_us);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
#define BARE(name) cmocka_unit_test_setup_teardown (name, setup_bare, teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        CASE (true_succeeds),
        CASE (failures_take_their_path),
        CASE (scripts_run_under_their_shell_with_their_environment),
        CASE (a_script_of_the_largest_size_runs),
        CASE (what_cannot_start_is_explained),
        CASE (retries_are_counted),
        CASE (a_signal_is_told),
        CASE (output_has_head_tail_and_an_exact_count),
        CASE (output_is_read_while_the_step_runs),
        CASE (short_output_leaves_no_file),
        CASE (each_attempt_begins_anew),
        CASE (nothing_is_kept_of_an_unknown_run),
        CASE (a_step_reads_its_input_to_the_end),
        CASE (input_that_nobody_reads_does_no_harm),
        CASE (a_shell_takes_its_commands_from_the_input),
        CASE (a_timeout_ends_the_whole_group),
        CASE (what_hides_in_another_session_is_ended_too),
        CASE (a_stop_cancels_the_run),
        CASE (a_killed_supervisor_interrupts_the_run_and_its_processes),
        CASE (killing_bugle_exec_leaves_the_step_alone),
        CASE (a_run_that_ends_while_nobody_looks_is_reported),
        CASE (a_stop_reaches_a_supervisor_after_a_restart),
        CASE (sigterm_ends_with_0_and_leaves_the_step_alone),
        CASE (a_taken_outcome_is_not_told_again),
        CASE (a_second_one_is_refused),
        BARE (without_policy_nothing_starts_and_it_says_how_to_make_one),
        BARE (a_foreign_log_is_refused),
        BARE (a_full_disk_has_no_effects_and_heals),
        CASE (garbage_drops_the_connection_and_nothing_else),
        CASE (bytes_of_every_kind_do_no_harm),
        CASE (a_crowd_of_connections_keeps_nobody_away),
    };
    signal (SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
