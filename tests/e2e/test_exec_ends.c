/*  The real bugle-exec: how runs end, and what survives the end of bugle-exec itself.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "live_exec.h"

#include <signal.h>

static void a_timeout_ends_the_whole_group (void **state)
{
    (void) state;
    live_make_fifo ("pid");
    wire_job job = live_job ();
    BG_AUTO_CHAR text = bg_strdup_printf ("trap '' TERM\n(trap '' TERM; sh -c 'echo $$ >%s/pid; "
                                          "trap \"\" TERM; while :; do sleep 1; done') &\nwait",
        t.home);
    wire_job_step *step = fixture_step (&t.signing, &job, "stubborn", text, NULL);
    step->timeout_us = (uint64_t) BG_SEC (1);
    step->grace_us = (uint64_t) BG_SEC (1);
    wire_run run = live_begin (&job);
    pid_t pid = live_read_pid ("pid");
    assert_true (live_is_alive (pid));
    wire_run end = live_wait_for_end (run.run);
    assert_int_equal (end.state, WIRE_RUN_FAILED);
    assert_true (end.steps[0].timed_out);
    assert_int_equal (end.steps[0].signal, SIGKILL);
    assert_false (live_is_alive (pid));
}

static void what_hides_in_another_session_is_ended_too (void **state)
{
    (void) state;
    live_make_fifo ("pid");
    wire_job job = live_job ();
    BG_AUTO_CHAR text =
        bg_strdup_printf ("setsid sh -c 'trap \"\" TERM; echo $$ >%s/pid; : >%s/hidden; while :; "
                          "do sleep 1; done' >/dev/null 2>&1 &\n"
                          "until test -e %s/hidden; do sleep 0.02; done; echo gone",
            t.home, t.home, t.home);
    wire_job_step *step = fixture_step (&t.signing, &job, "hides", text, NULL);
    step->grace_us = (uint64_t) BG_SEC (1);
    wire_run run = live_begin (&job);
    pid_t pid = live_read_pid ("pid");
    wire_run end = live_wait_for_end (run.run);
    assert_int_equal (end.state, WIRE_RUN_SUCCEEDED);
    assert_non_null (strstr (bg_arena_str (&t.arena, end.steps[0].message), "left running"));
    assert_false (live_is_alive (pid));
}

static void a_stop_cancels_the_run (void **state)
{
    (void) state;
    wire_job job = live_gated_job ();
    wire_run run = live_begin (&job);
    pid_t pid = live_read_pid ("pid");
    wire_exec_offer message = {.has_item = true, .item = live_stop_of (&job)};
    live_say (WIRE_EXEC_OFFER, &message);
    wire_run end = live_wait_for_end (run.run);
    assert_int_equal (end.state, WIRE_RUN_CANCELED);
    assert_int_equal (end.steps[0].state, WIRE_RESULT_CANCELED);
    assert_true (bg_slice_is (end.reason, "stop"));
    assert_false (live_is_alive (pid));
}

static void a_killed_supervisor_interrupts_the_run_and_its_processes (void **state)
{
    (void) state;
    live_make_fifo ("pid");
    live_make_fifo ("gate");
    wire_job job = live_job ();
    BG_AUTO_CHAR text = bg_strdup_printf (
        "setsid sh -c 'echo $$ >%s/pid; read x <%s/gate'; echo through", t.home, t.home);
    fixture_step (&t.signing, &job, "wait", text, NULL);
    wire_run run = live_begin (&job);
    pid_t pid = live_read_pid ("pid");
    pid_t supervisor = live_supervisor_of (run.run);
    assert_true (supervisor > 0);
    assert_int_equal (kill (supervisor, SIGKILL), 0);
    wire_run end = live_wait_for_end (run.run);
    assert_int_equal (end.state, WIRE_RUN_INTERRUPTED);
    live_wait_until_gone (pid);
    assert_false (live_is_alive (pid));
}

static void reconnect (void)
{
    live_start ();
    live_connect ();
}

static void killing_bugle_exec_leaves_the_step_alone (void **state)
{
    (void) state;
    wire_job job = live_gated_job ();
    wire_exec_start start = live_start_message (&job);
    wire_run run = live_begin_with (&start);
    pid_t pid = live_read_pid ("pid");
    bg_exit result = live_end (SIGKILL);
    assert_true (result.is_signal);
    assert_true (live_is_alive (pid));
    reconnect ();
    const wire_exec_run *open = live_hear_kind (WIRE_EXEC_RUN);
    assert_true (bg_id_equal (open->run.run, run.run));
    assert_int_equal (open->run.state, WIRE_RUN_RUNNING);
    live_say (WIRE_EXEC_START, &start); /*  the same START again: not a second time  */
    const wire_exec_verdict *verdict = live_hear_kind (WIRE_EXEC_VERDICT);
    assert_string_equal (live_code (verdict), "ok");
    assert_true (verdict->began);
    live_open_gate ("gate");
    wire_run end = live_wait_for_end (run.run);
    assert_int_equal (end.state, WIRE_RUN_SUCCEEDED);
    assert_string_equal (live_head (&end.steps[0]), "through\n");
}

static void a_run_that_ends_while_nobody_looks_is_reported (void **state)
{
    (void) state;
    wire_job job = live_gated_job ();
    wire_run run = live_begin (&job);
    (void) live_read_pid ("pid");
    pid_t supervisor = live_supervisor_of (run.run);
    (void) live_end (SIGKILL);
    live_open_gate ("gate");
    live_wait_until_gone (supervisor);
    reconnect ();
    wire_run end = live_wait_for_end (run.run);
    assert_int_equal (end.state, WIRE_RUN_SUCCEEDED);
}

static void a_stop_reaches_a_supervisor_after_a_restart (void **state)
{
    (void) state;
    wire_job job = live_gated_job ();
    wire_run run = live_begin (&job);
    (void) live_read_pid ("pid");
    (void) live_end (SIGKILL);
    reconnect ();
    wire_exec_offer message = {.has_item = true, .item = live_stop_of (&job)};
    live_say (WIRE_EXEC_OFFER, &message);
    assert_int_equal (live_wait_for_end (run.run).state, WIRE_RUN_CANCELED);
}

static void sigterm_ends_with_0_and_leaves_the_step_alone (void **state)
{
    (void) state;
    wire_job job = live_gated_job ();
    wire_run run = live_begin (&job);
    pid_t pid = live_read_pid ("pid");
    bg_exit result = live_end (SIGTERM);
    assert_false (result.is_signal);
    assert_int_equal (result.value, 0);
    assert_true (live_is_alive (pid));
    reconnect ();
    live_open_gate ("gate");
    assert_int_equal (live_wait_for_end (run.run).state, WIRE_RUN_SUCCEEDED);
}

static void a_taken_outcome_is_not_told_again (void **state)
{
    (void) state;
    wire_job job = live_job ();
    fixture_step (&t.signing, &job, "only", NULL, "/bin/true", NULL);
    wire_run first = live_run (&job);
    (void) live_end (SIGTERM);
    reconnect ();
    wire_job next = live_job ();
    fixture_step (&t.signing, &next, "only", NULL, "/bin/true", NULL);
    wire_exec_start start = live_start_message (&next);
    wire_run run = live_begin_with (&start); /*  the first EXEC_RUN after hello  */
    assert_false (bg_id_equal (run.run, first.run));
    (void) live_wait_for_end (run.run);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        CASE (a_timeout_ends_the_whole_group),
        CASE (what_hides_in_another_session_is_ended_too),
        CASE (a_stop_cancels_the_run),
        CASE (a_killed_supervisor_interrupts_the_run_and_its_processes),
        CASE (killing_bugle_exec_leaves_the_step_alone),
        CASE (a_run_that_ends_while_nobody_looks_is_reported),
        CASE (a_stop_reaches_a_supervisor_after_a_restart),
        CASE (sigterm_ends_with_0_and_leaves_the_step_alone),
        CASE (a_taken_outcome_is_not_told_again),
    };
    signal (SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
