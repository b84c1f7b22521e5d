/*  One-shot jobs in bugle-exec: they start once, leave no floor, and a STOP of one execution is of that one only.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exec_case.h"

static wire_deed one_shot (const char *name)
{
    return fixture_one_shot (&t.signing, name, NULL, t.now.utc_us, &t.signing.admin);
}

/*  What the node sends: the job of the deed beside the deed.  */
static const char *start (const wire_deed *deed)
{
    wire_signed item = fixture_sign_deed (&t.signing, deed, &t.signing.admin);
    return exec_fixture_start (&t, deed->document, &item);
}

static void it_runs_once_and_leaves_no_floor (void **state)
{
    (void) state;
    wire_deed deed = one_shot ("run: uptime");
    const size_t floors = exec_core_status (t.core).floors;
    assert_string_equal (start (&deed), "running");
    assert_int_equal (t.spawn_count, 1);
    const wire_exec_run *run = exec_fixture_last (&t, WIRE_EXEC_RUN);
    assert_true (bg_id_equal (run->run.job_key, deed.job_key));
    assert_true (bg_id_equal (run->run.exec, deed.id));
    assert_int_equal (exec_core_status (t.core).floors, floors);
    assert_string_equal (start (&deed), "ok");
    assert_true (exec_fixture_verdict (&t)->began);
    exec_fixture_end (&t, run->run.run, WIRE_RUN_SUCCEEDED);
    exec_fixture_taken (&t, run->run.run);
    assert_string_equal (start (&deed), "ok");
    assert_int_equal (t.spawn_count, 1);
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (start (&deed), "ok");
    assert_int_equal (t.spawn_count, 1);
}

/*  An author's job under a START of somebody's own: the same job does not start again.  */
static void its_job_in_another_start_is_refused (void **state)
{
    (void) state;
    wire_deed deed = one_shot ("run: uptime");
    assert_string_equal (start (&deed), "running");
    wire_deed again = deed;
    again.id.bytes[15] ^= 1;
    exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
    exec_fixture_taken (&t, t.spawned);
    assert_string_equal (start (&again), "limit");
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (start (&again), "limit");
    assert_int_equal (t.spawn_count, 1);
}

static void alone_it_is_refused (void **state)
{
    (void) state;
    wire_deed deed = one_shot ("run: uptime");
    assert_string_equal (exec_fixture_offer (&t, deed.document), "invalid");
    wire_signed item = exec_fixture_start_deed (&t, "run: uptime");
    assert_string_equal (exec_fixture_start (&t, deed.document, &item), "invalid");
    assert_string_equal (exec_fixture_occurrence (&t, deed.document, 1, t.now.utc_us), "invalid");
    assert_int_equal (t.spawn_count, 0);
}

/*  The node, or a broker behind it, sends another job beside the START: the one inside counts.  */
static void the_job_inside_the_deed_counts (void **state)
{
    (void) state;
    wire_deed deed = one_shot ("run: uptime");
    wire_job evil = fixture_job (&t.signing, "run: evil");
    wire_signed other = fixture_document (&t.signing, WIRE_TYPE_JOB, "run: evil", &evil);
    wire_signed item = fixture_sign_deed (&t.signing, &deed, &t.signing.admin);
    assert_string_equal (exec_fixture_start (&t, other, &item), "running");
    const wire_exec_run *run = exec_fixture_last (&t, WIRE_EXEC_RUN);
    assert_true (bg_slice_is (run->run.job_name, "run: uptime"));
}

static void documents_for_others_are_refused (void **state)
{
    (void) state;
    wire_deed deed = one_shot ("run: uptime");
    bg_slice other = bg_slice_str ("web01");
    wire_job job = fixture_job (&t.signing, "run: uptime");
    job.audience = (wire_audience){.names = &other, .names_count = 1};
    deed = fixture_one_shot (&t.signing, "run: uptime", &job, t.now.utc_us, &t.signing.admin);
    assert_string_equal (start (&deed), "invalid"); /*  not the targets of the deed  */
    deed.to = job.audience;
    assert_string_equal (start (&deed), "wrong-target");
    deed = fixture_one_shot (&t.signing, "run: uptime", NULL, t.now.utc_us, &t.signing.stranger);
    assert_string_equal (start (&deed), "bad-signature");
    deed = one_shot ("run: uptime");
    wire_signed item = fixture_sign_deed (&t.signing, &deed, &t.signing.stranger);
    assert_string_equal (exec_fixture_start (&t, deed.document, &item), "bad-signature");
    assert_int_equal (t.spawn_count, 0);
    deed = one_shot ("run: uptime");
    assert_string_equal (start (&deed), "running");
}

/*  Long enough for a new nonce, which is answered.  */
static void let_time_pass (void)
{
    exec_fixture_clear (&t);
    exec_fixture_advance (&t, BG_MIN (16));
    exec_fixture_attest (&t);
}

static void an_expired_one_does_not_start (void **state)
{
    (void) state;
    wire_deed deed = one_shot ("run: uptime");
    let_time_pass ();
    assert_string_equal (start (&deed), "expired");
    /*  The deed would still be valid, the job is not.  */
    deed = one_shot ("run: uptime");
    deed.expires_us += BG_HOUR (1);
    let_time_pass ();
    assert_string_equal (start (&deed), "expired");
    assert_int_equal (t.spawn_count, 0);
}

static void many_leave_nothing_behind_when_they_are_over (void **state)
{
    (void) state;
    const exec_status before = exec_core_status (t.core);
    for (int i = 0; i < 100; i++) {
        wire_deed deed = one_shot ("run: uptime");
        assert_string_equal (start (&deed), "running");
        exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
        exec_fixture_taken (&t, t.spawned);
    }
    assert_int_equal (exec_core_status (t.core).floors, before.floors);
    assert_int_equal (exec_core_status (t.core).done, before.done + 200);
    for (int i = 0; i < 12; i++)
        let_time_pass ();
    exec_fixture_advance (&t, BG_MIN (1));
    assert_int_equal (exec_core_status (t.core).done, before.done);
}

/*  ---- STOP of one execution ----  */

static wire_signed stop_of (const wire_deed *start_deed)
{
    wire_deed stop = fixture_deed (
        &t.signing, WIRE_DEED_STOP, "run: uptime", t.now.utc_us, t.now.utc_us + BG_MIN (10));
    stop.job_key = start_deed->job_key;
    stop.job_name = start_deed->job_name;
    stop.exec = start_deed->id;
    return fixture_sign_deed (&t.signing, &stop, &t.signing.admin);
}

static void a_stop_of_an_execution_ends_its_run (void **state)
{
    (void) state;
    wire_deed deed = one_shot ("run: uptime");
    assert_string_equal (start (&deed), "running");
    const bg_id run = t.spawned;
    wire_deed other = one_shot ("run: other");
    assert_string_equal (start (&other), "running");
    assert_string_equal (exec_fixture_offer (&t, stop_of (&deed)), "ok");
    assert_int_equal (t.stop_count, 1);
    assert_true (bg_id_equal (t.stopped, run));
}

static void a_stop_that_was_here_first_keeps_the_start_away (void **state)
{
    (void) state;
    wire_deed deed = one_shot ("run: uptime");
    assert_string_equal (exec_fixture_offer (&t, stop_of (&deed)), "ok");
    assert_string_equal (start (&deed), "superseded");
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (start (&deed), "superseded");
    assert_int_equal (t.spawn_count, 0);
}

/*  Another execution of the same standing job goes on, before and after it.  */
static void a_stop_of_an_execution_is_of_that_one_only (void **state)
{
    (void) state;
    wire_job job = fixture_job (&t.signing, "nightly");
    wire_signed document = fixture_document (&t.signing, WIRE_TYPE_JOB, "nightly", &job);
    wire_deed first = fixture_deed (
        &t.signing, WIRE_DEED_START, "nightly", t.now.utc_us, t.now.utc_us + BG_HOUR (1));
    wire_deed second = fixture_deed (
        &t.signing, WIRE_DEED_START, "nightly", t.now.utc_us, t.now.utc_us + BG_HOUR (1));
    wire_signed item = fixture_sign_deed (&t.signing, &first, &t.signing.admin);
    assert_string_equal (exec_fixture_start (&t, document, &item), "running");
    exec_fixture_advance (&t, BG_SEC (5));
    assert_string_equal (exec_fixture_offer (&t, stop_of (&second)), "ok");
    assert_int_equal (t.stop_count, 0);
    exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
    exec_fixture_taken (&t, t.spawned);
    item = fixture_sign_deed (&t.signing, &second, &t.signing.admin);
    assert_string_equal (exec_fixture_start (&t, document, &item), "superseded");
    /*  The log says the same when it is written anew.  */
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (exec_fixture_start (&t, document, &item), "superseded");
    wire_deed third = fixture_deed (
        &t.signing, WIRE_DEED_START, "nightly", t.now.utc_us, t.now.utc_us + BG_HOUR (1));
    item = fixture_sign_deed (&t.signing, &third, &t.signing.admin);
    assert_string_equal (exec_fixture_start (&t, document, &item), "running");
}

static void emit_to_log (void *ctx, bg_slice record)
{
    exec_fixture *self = ctx;
    logged *item = &self->log[self->log_count++];
    bg_buf_append_slice (&item->bytes, record);
}

/*  All of it in a compacted log.  */
static void a_compacted_log_says_the_same (void **state)
{
    (void) state;
    wire_deed ran = one_shot ("run: ran");
    wire_deed kept_away = one_shot ("run: away");
    assert_string_equal (start (&ran), "running");
    assert_string_equal (exec_fixture_offer (&t, stop_of (&kept_away)), "ok");
    const size_t before = t.log_count;
    exec_core_compact (t.core, t.now, emit_to_log, &t);
    exec_core *core = exec_fixture_replay (&t, t.log + before, t.log_count - before);
    exec_core_destroy (&t.core);
    t.core = core;
    wire_exec_hello hello = {.version = bg_slice_str ("test")};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_HELLO, &hello);
    assert_string_equal (start (&kept_away), "superseded");
    assert_string_equal (start (&ran), "ok");
    wire_deed again = ran;
    again.id.bytes[15] ^= 1;
    exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
    assert_string_equal (start (&again), "limit");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        ENLISTED (it_runs_once_and_leaves_no_floor),
        ENLISTED (its_job_in_another_start_is_refused),
        ENLISTED (alone_it_is_refused),
        ENLISTED (the_job_inside_the_deed_counts),
        ENLISTED (documents_for_others_are_refused),
        ENLISTED (an_expired_one_does_not_start),
        ENLISTED (many_leave_nothing_behind_when_they_are_over),
        ENLISTED (a_stop_of_an_execution_ends_its_run),
        ENLISTED (a_stop_that_was_here_first_keeps_the_start_away),
        ENLISTED (a_stop_of_an_execution_is_of_that_one_only),
        ENLISTED (a_compacted_log_says_the_same),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
