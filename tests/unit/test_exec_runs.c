/*  bugle-exec: runs from their plan to the outcome that the node takes.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exec_case.h"

static wire_run begin (const char *name)
{
    wire_signed deed = exec_fixture_start_deed (&t, name);
    assert_string_equal (exec_fixture_start (&t, exec_fixture_job (&t, name), &deed), "running");
    return ((const wire_exec_run *) exec_fixture_last (&t, WIRE_EXEC_RUN))->run;
}

static const wire_run *outcome (void)
{
    const wire_exec_run *last = exec_fixture_last (&t, WIRE_EXEC_RUN);
    assert_non_null (last);
    return &last->run;
}

static void open_and_finished_runs_are_told_at_hello (void **state)
{
    (void) state;
    wire_run first = begin ("a");
    exec_fixture_end (&t, first.run, WIRE_RUN_FAILED);
    assert_int_equal (outcome ()->state, WIRE_RUN_FAILED);
    wire_run second = begin ("b");
    exec_fixture_clear (&t);
    wire_exec_hello hello = {.version = bg_slice_str ("test")};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_HELLO, &hello);
    assert_true (t.sent_count >= 3);
    exec_fixture_taken (&t, second.run); /*  not finished: not taken  */
    assert_int_equal (exec_core_status (t.core).running, 1);
    exec_fixture_taken (&t, first.run);
    assert_int_equal (exec_core_status (t.core).finished, 0);
    exec_fixture_restart (&t, t.log_count);
    bg_id open;
    assert_true (exec_core_next_run (t.core, (bg_id){{0}}, &open));
    assert_true (bg_id_equal (open, second.run));
    assert_false (exec_core_next_run (t.core, open, &open));
}

static void a_run_without_end_and_supervisor_is_interrupted (void **state)
{
    (void) state;
    wire_run run = begin ("a");
    bg_slice plan = bg_buf_slice (&t.plan);
    exec_fixture_clear (&t);
    exec_core_run_file (t.core, t.now, run.run, &plan, 1, true);
    assert_null (exec_fixture_last (&t, WIRE_EXEC_RUN));
    exec_core_run_file (t.core, t.now, run.run, &plan, 1, false);
    assert_int_equal (outcome ()->state, WIRE_RUN_INTERRUPTED);
    exec_fixture_restart (&t, t.log_count);
    exec_core_run_file (t.core, t.now, run.run, NULL, 0, false);
    assert_int_equal (outcome ()->state, WIRE_RUN_INTERRUPTED);
}

/*  Under --home a step can write into the files of runs: an end or a step in a state that no supervisor
    writes must not leave a run open for ever, nor reach the broker.  */
static void a_forged_end_is_no_end (void **state)
{
    (void) state;
    const uint64_t states[] = {WIRE_RUN_RUNNING, WIRE_RUN_NOT_RUN, 8};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        wire_signed deed = exec_fixture_start_deed (&t, "a");
        assert_string_equal (exec_fixture_start (&t, exec_fixture_job (&t, "a"), &deed), "running");
        BG_AUTO_BUF step = {0};
        BG_AUTO_BUF end = {0};
        wire_record_step forged = {
            .has_result = true, .result = {.step = 1, .name = bg_slice_str ("run"), .state = 7}};
        wire_record_end wrong = {.state = states[i], .finished_us = t.now.utc_us};
        wire_inner_encode (WIRE_RECORD_STEP, (bg_id){{0}}, &forged, &step);
        wire_inner_encode (WIRE_RECORD_END, (bg_id){{0}}, &wrong, &end);
        bg_slice records[3] = {bg_buf_slice (&t.plan), bg_buf_slice (&step), bg_buf_slice (&end)};
        exec_fixture_clear (&t);
        exec_core_run_file (t.core, t.now, t.spawned, records, 3, false);
        const wire_exec_run *run = exec_fixture_last (&t, WIRE_EXEC_RUN);
        assert_non_null (run);
        assert_int_equal (run->run.state, WIRE_RUN_INTERRUPTED);
        assert_int_equal (run->run.steps_count, 0);
        exec_fixture_taken (&t, t.spawned);
    }
}

static void a_supervisor_that_cannot_start_fails_the_run (void **state)
{
    (void) state;
    wire_run run = begin ("a");
    bg_error err = {.code = BG_OVERLOADED, .message = "no process left"};
    exec_core_spawn_failed (t.core, t.now, run.run, &err);
    assert_int_equal (outcome ()->state, WIRE_RUN_FAILED);
    assert_non_null (strstr (bg_arena_str (&t.arena, outcome ()->message), "no process left"));
}

static void outcomes_fit_a_report (void **state)
{
    (void) state;
    wire_run run = begin ("a");
    static uint8_t output[16384];
    memset (output, 'x', sizeof output);
    enum { STEPS = 200 };
    static bg_buf blobs[STEPS + 1];
    bg_slice records[STEPS + 2];
    records[0] = bg_buf_slice (&t.plan);
    for (size_t i = 0; i < STEPS; i++) {
        wire_record_step step = {.has_result = true,
            .result = {.step = 1,
                .name = bg_slice_str ("only"),
                .state = WIRE_RESULT_FAILED,
                .started_us = (int64_t) i + 1,
                .output_bytes = 1000000,
                .head = bg_slice_of (output, i == 0 ? 100 : 4096),
                .tail = bg_slice_of (output, 12288)}};
        bg_buf_clear (&blobs[i]);
        wire_inner_encode (WIRE_RECORD_STEP, (bg_id){{0}}, &step, &blobs[i]);
        records[i + 1] = bg_buf_slice (&blobs[i]);
    }
    wire_record_end end = {.state = WIRE_RUN_FAILED, .finished_us = t.now.utc_us};
    wire_inner_encode (WIRE_RECORD_END, (bg_id){{0}}, &end, &blobs[STEPS]);
    records[STEPS + 1] = bg_buf_slice (&blobs[STEPS]);
    exec_core_run_file (t.core, t.now, run.run, records, STEPS + 2, false);
    const wire_run *last = outcome ();
    assert_int_equal (last->steps_count, 128);
    assert_int_equal (last->steps[0].started_us, 1);
    assert_int_equal (last->steps[127].started_us, STEPS);
    assert_int_equal (last->steps[0].head.size, 100); /*  the longest are cut first  */
    assert_int_equal (last->steps[5].output_bytes, 1000000);
    BG_AUTO_BUF encoded = {0};
    WIRE_ENCODE (run, last, &encoded);
    assert_in_range (encoded.size, 150 * 1024, 240 * 1024);
    for (size_t i = 0; i <= STEPS; i++)
        bg_buf_fini (&blobs[i]);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        ENLISTED (open_and_finished_runs_are_told_at_hello),
        ENLISTED (a_run_without_end_and_supervisor_is_interrupted),
        ENLISTED (a_forged_end_is_no_end),
        ENLISTED (a_supervisor_that_cannot_start_fails_the_run),
        ENLISTED (outcomes_fit_a_report),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
