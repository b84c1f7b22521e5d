/*  The real bugle-exec: what a job's steps run, with what around them, and what they read.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "live_exec.h"

#include "common/sys/file.h"

#include <signal.h>
#include <stdio.h>

static void true_succeeds (void **state)
{
    (void) state;
    wire_job job = live_job ();
    fixture_step (&t.signing, &job, "only", NULL, "/bin/true", NULL);
    wire_run end = live_run (&job);
    assert_int_equal (end.state, WIRE_RUN_SUCCEEDED);
    assert_int_equal (end.steps_count, 1);
    assert_int_equal (end.steps[0].state, WIRE_RESULT_SUCCEEDED);
    assert_int_equal (end.steps[0].attempts, 1);
    assert_true (end.finished_us >= end.started_us);
}

static void failures_take_their_path (void **state)
{
    (void) state;
    wire_job job = live_job ();
    wire_job_step *step =
        fixture_step (&t.signing, &job, "fails", NULL, "sh", "-c", "exit 3", NULL);
    step->on_failure = WIRE_FLOW_GOTO;
    step->failure_step = 3;
    fixture_step (&t.signing, &job, "skipped", NULL, "/bin/true", NULL);
    step = fixture_step (&t.signing, &job, "report", NULL, "echo",
        "$(ESCAPE_NONE(STEPNAME)) of $(ESCAPE_NONE(TARGET))", NULL);
    step->on_success = WIRE_FLOW_FAIL;
    wire_run end = live_run (&job);
    assert_int_equal (end.state, WIRE_RUN_FAILED);
    assert_int_equal (end.steps_count, 2);
    assert_int_equal (end.steps[0].exit_code, 3);
    assert_int_equal (end.steps[1].step, 3);
    assert_string_equal (live_head (&end.steps[1]), "report of db01\n");
}

static void scripts_run_under_their_shell_with_their_environment (void **state)
{
    (void) state;
    wire_job job = live_job ();
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
    wire_run end = live_run (&job);
    assert_string_equal (live_head (&end.steps[0]), "2 job 1 deep\nblue\nto-stderr\n/usr\n0022\n");
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
    wire_job job = live_job ();
    fixture_step (&t.signing, &job, "large", bg_buf_cstr (&text), NULL);
    wire_run end = live_run (&job);
    assert_string_equal (live_head (&end.steps[0]), "begin\nend\n");
}

static void what_cannot_start_is_explained (void **state)
{
    (void) state;
    wire_job job = live_job ();
    fixture_step (&t.signing, &job, "missing", NULL, "no-such-program-here", NULL)->on_failure =
        WIRE_FLOW_NEXT;
    fixture_step (&t.signing, &job, "path", NULL, "/no/such/program", NULL)->on_failure =
        WIRE_FLOW_NEXT;
    fixture_step (&t.signing, &job, "denied", NULL, "/etc/passwd", NULL)->on_failure =
        WIRE_FLOW_NEXT;
    wire_job_step *step = fixture_step (&t.signing, &job, "directory", NULL, "/bin/true", NULL);
    step->directory = bg_slice_str ("/no/such/directory");
    wire_run end = live_run (&job);
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
    wire_job job = live_job ();
    BG_AUTO_CHAR text =
        bg_strdup_printf ("echo x >>%s/tries; test $(wc -l <%s/tries) -ge 2", t.home, t.home);
    wire_job_step *step = fixture_step (&t.signing, &job, "flaky", text, NULL);
    step->retry_attempts = 5;
    step->retry_every_us = (uint64_t) BG_SEC (1);
    wire_run end = live_run (&job);
    assert_int_equal (end.state, WIRE_RUN_SUCCEEDED);
    assert_int_equal (end.steps_count, 1);
    assert_int_equal (end.steps[0].attempts, 2);
}

static void a_signal_is_told (void **state)
{
    (void) state;
    wire_job job = live_job ();
    fixture_step (&t.signing, &job, "dies", "kill -SEGV $$", NULL);
    wire_run end = live_run (&job);
    assert_int_equal (end.state, WIRE_RUN_FAILED);
    assert_int_equal (end.steps[0].signal, SIGSEGV);
}

static void a_step_reads_its_input_to_the_end (void **state)
{
    (void) state;
    wire_job job = live_job ();
    const size_t size = 131072;
    uint8_t *bytes = bg_arena_alloc (&t.arena, size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t) (i * 7 + i / 256);
    wire_job_step *step = fixture_step (&t.signing, &job, "counts", NULL, "sha256sum", NULL);
    step->input = bg_slice_of (bytes, size);
    wire_run end = live_run (&job);
    assert_int_equal (end.state, WIRE_RUN_SUCCEEDED);
    BG_AUTO_CHAR path = live_path ("input");
    assert_true (bg_is_ok (bg_file_create (path, step->input, NULL)));
    BG_AUTO_CHAR command = bg_strdup_printf ("sha256sum <%s", path);
    FILE *pipe = popen (command, "r");
    char expected[128] = "";
    assert_non_null (fgets (expected, sizeof expected, pipe));
    pclose (pipe);
    assert_string_equal (live_head (&end.steps[0]), expected);
}

/*  A step that does not want its input is not held up, and its end is its own.  */
static void input_that_nobody_reads_does_no_harm (void **state)
{
    (void) state;
    wire_job job = live_job ();
    uint8_t *bytes = bg_arena_alloc (&t.arena, 80000);
    memset (bytes, 'x', 80000);
    wire_job_step *step = fixture_step (&t.signing, &job, "first", "exit 0", NULL);
    step->input = bg_slice_of (bytes, 80000);
    step = fixture_step (&t.signing, &job, "second", "head -c 3; exec 0<&-; exit 0", NULL);
    step->input = bg_slice_of (bytes, 80000);
    step = fixture_step (&t.signing, &job, "third", "cat | wc -c", NULL);
    wire_run end = live_run (&job);
    assert_int_equal (end.state, WIRE_RUN_SUCCEEDED);
    assert_int_equal (end.steps_count, 3);
    assert_string_equal (live_head (&end.steps[1]), "xxx");
    assert_string_equal (live_head (&end.steps[2]), "0\n"); /*  none: /dev/null  */
}

static void a_shell_takes_its_commands_from_the_input (void **state)
{
    (void) state;
    wire_job job = live_job ();
    wire_job_step *step = fixture_step (&t.signing, &job, "shell", NULL, "sh", "-s", NULL);
    step->input = bg_slice_str ("echo from stdin\nexit 3\n");
    wire_run end = live_run (&job);
    assert_int_equal (end.state, WIRE_RUN_FAILED);
    assert_int_equal (end.steps[0].exit_code, 3);
    assert_string_equal (live_head (&end.steps[0]), "from stdin\n");
}

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
        CASE (a_step_reads_its_input_to_the_end),
        CASE (input_that_nobody_reads_does_no_harm),
        CASE (a_shell_takes_its_commands_from_the_input),
    };
    signal (SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
