/*  The real bugle-exec: what is kept of the output of steps, and how it is read.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "live_exec.h"

#include "common/sys/clock.h"
#include "common/sys/file.h"

#include <poll.h>
#include <signal.h>

static const wire_exec_output_part *ask_output (const wire_exec_output *ask)
{
    live_say (WIRE_EXEC_OUTPUT, ask);
    return live_hear_kind (WIRE_EXEC_OUTPUT_PART);
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
    wire_job job = live_job ();
    fixture_step (&t.signing, &job, "floods",
        "echo first; yes 0123456789abcde | head -c 10485760; echo last", NULL);
    wire_run end = live_run (&job);
    const wire_step_result *step = &end.steps[0];
    assert_int_equal (step->output_bytes, 10485760 + 6 + 5);
    assert_int_equal (step->head.size, 4096);
    assert_int_equal (step->tail.size, 12288);
    assert_memory_equal (step->head.data, "first\n0123456789abcde\n", 22);
    assert_memory_equal (step->tail.data + step->tail.size - 5, "last\n", 5);
    /*  What is kept has a file of its own and needs nothing of the run's, which goes when its outcome was taken. As long
        as that is there, the tail of the result comes behind, further on.  */
    wire_exec_output ask = {.run = end.run, .step = 1};
    size_t got = 0;
    for (;; got += 131072) {
        ask.offset = got;
        const wire_exec_output_part *part = ask_output (&ask);
        assert_string_equal (bg_arena_str (&t.arena, part->code), "ok");
        assert_int_equal (part->total, step->output_bytes);
        assert_int_equal (part->lost, step->output_bytes - (1 << 20));
        assert_true (part->done);
        if (part->bytes.size == 0 || part->offset != got)
            break;
        assert_int_equal (part->bytes.size, 131072);
        if (got == 0)
            assert_memory_equal (part->bytes.data, step->head.data, 4096);
    }
    assert_int_equal (got, 1 << 20);
}

/*  While the run goes on nobody else has the end of a step that said more than is kept.  */
static void the_tail_of_a_long_step_is_there_before_the_run_ends (void **state)
{
    (void) state;
    live_make_fifo ("go");
    live_make_fifo ("begun");
    wire_job job = live_job ();
    BG_AUTO_CHAR text =
        bg_strdup_printf ("echo $$ >%s/begun; read x <%s/go; echo next", t.home, t.home);
    fixture_step (
        &t.signing, &job, "floods", "yes 0123456789abcde | head -c 2097152; echo last", NULL);
    fixture_step (&t.signing, &job, "waits", text, NULL);
    wire_run run = live_begin (&job);
    assert_true (live_read_pid ("begun") > 0);
    wire_exec_output ask = {.run = run.run, .step = 1, .offset = 1 << 20};
    const wire_exec_output_part *part = ask_output (&ask);
    assert_int_equal (part->total, 2097152 + 5);
    assert_int_equal (part->bytes.size, 12288);
    assert_int_equal (part->offset, part->total - part->bytes.size);
    assert_memory_equal (part->bytes.data + part->bytes.size - 5, "last\n", 5);
    ask.offset = part->total - 3;
    ask.limit = 2;
    assert_true (bg_slice_is (ask_output (&ask)->bytes, "st"));
    ask.offset = part->total;
    assert_int_equal (ask_output (&ask)->bytes.size, 0);
    live_open_gate ("go");
    (void) live_wait_for_end (run.run);
}

static void output_is_read_while_the_step_runs (void **state)
{
    (void) state;
    live_make_fifo ("go");
    wire_job job = live_job ();
    BG_AUTO_CHAR text = bg_strdup_printf ("printf 'one\\0\\377'; read x <%s/go; echo two", t.home);
    fixture_step (&t.signing, &job, "talks", text, NULL);
    wire_run run = live_begin (&job);
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
    live_open_gate ("go");
    (void) live_wait_for_end (run.run);
    part = ask_output (&ask);
    assert_true (bg_slice_is (part->bytes, "two\n"));
    assert_true (part->done);
    assert_int_equal (part->lost, 0);
}

static void short_output_leaves_no_file (void **state)
{
    (void) state;
    wire_job job = live_job ();
    fixture_step (&t.signing, &job, "short", "echo hello", NULL);
    wire_run run = live_begin (&job);
    wire_run end = live_wait_for_end (run.run);
    wire_exec_output ask = {.run = end.run, .step = 1};
    const wire_exec_output_part *part = ask_output (&ask);
    assert_true (bg_slice_is (part->bytes, "hello\n"));
    wire_exec_taken taken = {run.run};
    live_say (WIRE_EXEC_TAKEN, &taken);
    BG_AUTO_CHAR name = bg_strdup_printf ("exec/runs/%s.1.out", bg_id_text (end.run).text);
    BG_AUTO_CHAR path = live_path (name);
    assert_false (bg_path_exists (path));
}

/*  What a later attempt says replaces what the one before said.  */
static void each_attempt_begins_anew (void **state)
{
    (void) state;
    wire_job job = live_job ();
    BG_AUTO_CHAR text = bg_strdup_printf ("yes attempt | head -n 5000; [ -e %s/second ] && exit 0; "
                                          "touch %s/second; exit 1",
        t.home, t.home);
    wire_job_step *step = fixture_step (&t.signing, &job, "again", text, NULL);
    step->retry_attempts = 1;
    step->retry_every_us = 1000000;
    wire_run end = live_run (&job);
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

int main (void)
{
    const struct CMUnitTest tests[] = {
        CASE (output_has_head_tail_and_an_exact_count),
        CASE (the_tail_of_a_long_step_is_there_before_the_run_ends),
        CASE (output_is_read_while_the_step_runs),
        CASE (short_output_leaves_no_file),
        CASE (each_attempt_begins_anew),
        CASE (nothing_is_kept_of_an_unknown_run),
    };
    signal (SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
