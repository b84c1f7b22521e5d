/*  bugle-exec: runs that wait for their turn.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exec_case.h"
#include "exec_same.h"
#include "node/exec/core_private.h"

#include <stdio.h>

static wire_signed job_with (const char *name, uint64_t overlap)
{
    wire_job job = fixture_job (&t.signing, name);
    job.overlap = overlap;
    return fixture_document (&t.signing, WIRE_TYPE_JOB, name, &job);
}

/*  A START whose deed is valid for an hour; the run's id.  */
static const char *start (wire_signed job, const char *name)
{
    wire_signed deed = exec_fixture_start_deed (&t, name);
    return exec_fixture_start (&t, job, &deed);
}

static bg_id last_run (void)
{
    const wire_exec_run *said = exec_fixture_last (&t, WIRE_EXEC_RUN);
    assert_non_null (said);
    return said->run.run;
}

static const wire_run *run_said (bg_id id)
{
    exec_fixture_clear (&t);
    wire_exec_hello hello = {.version = bg_slice_str ("test")};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_HELLO, &hello);
    for (size_t i = 0; i < t.sent_count; i++) {
        wire_header header;
        void *value = NULL;
        assert_true (bg_is_ok (
            wire_inner_decode (bg_buf_slice (&t.sent[i]), &t.arena, &header, &value, NULL)));
        if (header.kind == WIRE_EXEC_RUN && bg_id_equal (((wire_exec_run *) value)->run.run, id))
            return &((wire_exec_run *) value)->run;
    }
    return NULL;
}

static void limit_runs (uint32_t runs)
{
    t.policy.runs = runs;
    exec_core_set_policy (t.core, t.now, &t.policy, NULL);
}

typedef struct {
    bg_id first;  /*  has begun  */
    bg_id second; /*  waits for its end  */
} two_runs;

/*  One run of the job has begun and another waits for it.  */
static two_runs start_two (wire_signed job, const char *name)
{
    two_runs runs;
    assert_string_equal (start (job, name), "running");
    runs.first = t.spawned;
    assert_string_equal (start (job, name), "waiting");
    runs.second = last_run ();
    return runs;
}

static void the_second_run_of_a_queueing_job_waits_and_the_third_does_not (void **state)
{
    (void) state;
    wire_signed job = job_with ("a", WIRE_OVERLAP_QUEUE);
    assert_string_equal (start (job, "a"), "running");
    bg_id first = t.spawned;
    exec_fixture_advance (&t, BG_SEC (1));
    assert_string_equal (start (job, "a"), "waiting");
    bg_id second = last_run ();
    assert_string_equal (start (job, "a"), "overlap");
    assert_non_null (strstr (exec_fixture_message (&t), "waits for its turn already"));
    assert_int_equal (t.spawn_count, 1);
    assert_int_equal (exec_core_status (t.core).waiting, 1);
    exec_fixture_advance (&t, BG_SEC (5));
    exec_fixture_end (&t, first, WIRE_RUN_SUCCEEDED);
    assert_int_equal (t.spawn_count, 2);
    assert_true (bg_id_equal (t.spawned, second));
    const wire_run *run = run_said (second);
    assert_int_equal (run->state, WIRE_RUN_RUNNING);
    assert_true (run->queued_us == t.now.utc_us - BG_SEC (5));
    assert_true (run->started_us == t.now.utc_us);
    exec_fixture_end (&t, second, WIRE_RUN_SUCCEEDED);
    assert_int_equal (run_said (second)->state, WIRE_RUN_SUCCEEDED);
}

static void replace_ends_the_open_run_and_takes_its_place (void **state)
{
    (void) state;
    wire_signed job = job_with ("a", WIRE_OVERLAP_REPLACE);
    const two_runs runs = start_two (job, "a");
    assert_int_equal (t.stop_count, 1);
    assert_true (bg_id_equal (t.stopped, runs.first));
    /*  A third replaces the second, which never began.  */
    exec_fixture_advance (&t, BG_SEC (1));
    assert_string_equal (start (job, "a"), "waiting");
    const wire_run *run = run_said (runs.second);
    assert_int_equal (run->state, WIRE_RUN_CANCELED);
    assert_non_null (strstr (bg_arena_str (&t.arena, run->message), "replaced by run"));
    exec_fixture_end (&t, runs.first, WIRE_RUN_CANCELED);
    run = run_said (runs.first);
    assert_int_equal (run->state, WIRE_RUN_CANCELED);
    assert_true (bg_slice_is (run->reason, "overlap"));
    assert_non_null (strstr (bg_arena_str (&t.arena, run->message), "replaced by run"));
    assert_int_equal (t.spawn_count, 2);
    assert_int_equal (exec_core_status (t.core).waiting, 0);
}

static void what_is_replaced_ends_over_a_restart_too (void **state)
{
    (void) state;
    wire_signed job = job_with ("a", WIRE_OVERLAP_REPLACE);
    const two_runs runs = start_two (job, "a");
    exec_fixture_restart (&t, t.log_count);
    size_t stops = t.stop_count;
    exec_core_supervisor_here (t.core, t.now, runs.first);
    assert_int_equal (t.stop_count, stops + 1);
}

static void runs_beyond_the_limit_wait_in_order_of_acceptance (void **state)
{
    (void) state;
    limit_runs (2);
    static const char *const names[] = {"e", "a", "d", "b", "c"};
    wire_signed jobs[5];
    bg_id runs[5];
    for (size_t i = 0; i < 5; i++) {
        jobs[i] = exec_fixture_job (&t, names[i]);
        assert_string_equal (start (jobs[i], names[i]), i < 2 ? "running" : "waiting");
        runs[i] = last_run ();
        /*  The clock goes back: the order is not that of the ids.  */
        t.now.utc_us -= BG_SEC (30);
    }
    exec_fixture_end (&t, runs[1], WIRE_RUN_FAILED);
    assert_true (bg_id_equal (t.spawned, runs[2]));
    exec_fixture_restart (&t, t.log_count);
    exec_fixture_end (&t, runs[1], WIRE_RUN_FAILED); /*  its file says so again  */
    exec_fixture_end (&t, runs[0], WIRE_RUN_SUCCEEDED);
    assert_true (bg_id_equal (t.spawned, runs[3]));
    assert_int_equal (exec_core_status (t.core).waiting, 1);
    limit_runs (3);
    assert_true (bg_id_equal (t.spawned, runs[4]));
    assert_int_equal (t.spawn_count, 5);
}

static void a_run_that_waits_for_its_own_job_holds_nobody_up (void **state)
{
    (void) state;
    limit_runs (2);
    wire_signed slow = job_with ("slow", WIRE_OVERLAP_QUEUE);
    wire_signed other = exec_fixture_job (&t, "other");
    wire_signed third = exec_fixture_job (&t, "third");
    assert_string_equal (start (slow, "slow"), "running");
    assert_string_equal (start (slow, "slow"), "waiting");
    assert_string_equal (start (other, "other"), "running");
    bg_id run = t.spawned;
    assert_string_equal (start (third, "third"), "waiting");
    exec_fixture_end (&t, run, WIRE_RUN_SUCCEEDED);
    assert_int_equal (t.spawn_count, 3);
    assert_int_equal (exec_core_status (t.core).waiting, 1);
}

static void a_skipping_job_does_not_wait_twice_for_the_limit (void **state)
{
    (void) state;
    limit_runs (1);
    wire_signed busy = exec_fixture_job (&t, "busy");
    wire_signed job = exec_fixture_job (&t, "a");
    assert_string_equal (start (busy, "busy"), "running");
    assert_string_equal (start (job, "a"), "waiting");
    assert_string_equal (start (job, "a"), "overlap");
}

static void a_stop_cancels_what_waits (void **state)
{
    (void) state;
    wire_signed job = job_with ("a", WIRE_OVERLAP_QUEUE);
    const two_runs runs = start_two (job, "a");
    exec_fixture_advance (&t, BG_SEC (1));
    assert_string_equal (exec_fixture_offer (&t, exec_fixture_stop (&t, "a")), "ok");
    assert_true (bg_id_equal (t.stopped, runs.first));
    const wire_run *run = run_said (runs.second);
    assert_int_equal (run->state, WIRE_RUN_CANCELED);
    assert_true (bg_slice_is (run->reason, "stop"));
    exec_fixture_taken (&t, runs.second);
    assert_null (run_said (runs.second));
    exec_fixture_end (&t, runs.first, WIRE_RUN_CANCELED);
    assert_int_equal (t.spawn_count, 1);
    exec_fixture_restart (&t, t.log_count);
    assert_int_equal (t.spawn_count, 1);
}

static void a_start_that_expires_before_its_turn_is_never_run (void **state)
{
    (void) state;
    wire_signed job = job_with ("a", WIRE_OVERLAP_QUEUE);
    const two_runs runs = start_two (job, "a");
    exec_fixture_advance (&t, BG_MIN (59));
    assert_true (exec_core_deadline (t.core) <= t.now.mono_us + BG_MIN (1) + 1);
    exec_fixture_clear (&t);
    exec_fixture_advance (&t, BG_MIN (2));
    if (exec_fixture_last (&t, WIRE_EXEC_NONCE))
        exec_fixture_attest (&t);
    const wire_run *run = run_said (runs.second);
    assert_int_equal (run->state, WIRE_RUN_NOT_RUN);
    assert_true (bg_slice_is (run->reason, "expired"));
    assert_int_equal (t.spawn_count, 1);
}

static void what_would_not_be_accepted_any_more_is_never_run (void **state)
{
    (void) state;
    limit_runs (1);
    wire_signed busy = exec_fixture_job (&t, "busy");
    static const struct {
        const char *name;
        const char *reason;
    } rows[] = {{"gone", "no-definition"}, {"off", "disabled"}};
    bg_id runs[2];
    assert_string_equal (start (busy, "busy"), "running");
    bg_id open = t.spawned;
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal (start (exec_fixture_job (&t, rows[i].name), rows[i].name), "waiting");
        runs[i] = last_run ();
    }
    assert_string_equal (exec_fixture_offer (&t, fixture_withdrawal (&t.signing, "gone")), "ok");
    assert_string_equal (
        exec_fixture_offer (&t, fixture_switch (&t.signing, "off", true, 0)), "ok");
    for (size_t i = 0; i < 2; i++) {
        const wire_run *run = run_said (runs[i]);
        assert_int_equal (run->state, WIRE_RUN_NOT_RUN);
        assert_true (bg_slice_is (run->reason, rows[i].reason));
    }
    exec_fixture_end (&t, open, WIRE_RUN_SUCCEEDED);
    assert_int_equal (t.spawn_count, 1);
}

/*  Her key was stolen, and she goes on with another one under her name: what the old one signed does not begin.  */
static void what_a_stolen_key_signed_does_not_begin_under_the_name_of_its_login (void **state)
{
    (void) state;
    limit_runs (1);
    assert_string_equal (start (exec_fixture_job (&t, "busy"), "busy"), "running");
    bg_id open = t.spawned;
    assert_string_equal (start (exec_fixture_job (&t, "a"), "a"), "waiting");
    bg_id waiting = last_run ();
    wire_login login = {.name = bg_slice_str ("anna"),
        .sign_key = t.signing.stranger.public_key,
        .curve_key = t.signing.stranger.public_key,
        .role = WIRE_ROLE_ADMIN};
    const wire_authority body = {.name = bg_slice_str ("lab"),
        .logins = &login,
        .logins_count = 1,
        .broker_sign_key = t.signing.broker.public_key,
        .broker_curve_key = t.signing.broker.public_key,
        .threshold = 1,
        .level_floor = 1,
        .created_us = 1};
    const wire_document fixed = {
        .type = WIRE_TYPE_AUTHORITY, .installation = t.signing.installation, .version = 2};
    assert_string_equal (
        exec_fixture_offer (&t, fixture_document_as (&t.signing, &fixed, &body, &t.signing.admin)),
        "ok");
    exec_fixture_end (&t, open, WIRE_RUN_SUCCEEDED);
    assert_int_equal (t.spawn_count, 1);
    const wire_run *run = run_said (waiting);
    assert_int_equal (run->state, WIRE_RUN_NOT_RUN);
    assert_true (bg_slice_is (run->reason, "bad-signature"));
}

static void a_defection_ends_what_waits_but_not_what_is_local (void **state)
{
    (void) state;
    limit_runs (1);
    assert_string_equal (start (exec_fixture_job (&t, "busy"), "busy"), "running");
    assert_string_equal (start (exec_fixture_job (&t, "a"), "a"), "waiting");
    bg_id waiting = last_run ();
    wire_exec_forget forget = {0};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_FORGET, &forget);
    const wire_run *run = run_said (waiting);
    assert_int_equal (run->state, WIRE_RUN_NOT_RUN);
    assert_true (bg_slice_is (run->reason, "not-enlisted"));
}

static void a_full_disk_keeps_turns_back (void **state)
{
    (void) state;
    wire_signed job = job_with ("a", WIRE_OVERLAP_QUEUE);
    const two_runs runs = start_two (job, "a");
    exec_core_set_storage_full (t.core, t.now, true);
    exec_fixture_end (&t, runs.first, WIRE_RUN_SUCCEEDED);
    assert_int_equal (t.spawn_count, 1);
    exec_core_set_storage_full (t.core, t.now, false);
    assert_int_equal (t.spawn_count, 2);
}

static void at_most_a_thousand_wait (void **state)
{
    (void) state;
    limit_runs (1);
    assert_string_equal (start (exec_fixture_job (&t, "busy"), "busy"), "running");
    for (int i = 0; i < EXEC_WAITING_MAX; i++) {
        char name[16];
        snprintf (name, sizeof name, "job %d", i);
        assert_string_equal (start (exec_fixture_job (&t, name), name), "waiting");
    }
    assert_string_equal (start (exec_fixture_job (&t, "one more"), "one more"), "limit");
    assert_non_null (strstr (exec_fixture_message (&t), "wait for their turn"));
}

static void turns_are_durable_before_the_process (void **state)
{
    (void) state;
    wire_signed job = job_with ("a", WIRE_OVERLAP_QUEUE);
    const two_runs runs = start_two (job, "a");
    size_t before = t.log_count;
    exec_fixture_end (&t, runs.first, WIRE_RUN_SUCCEEDED);
    assert_int_equal (t.log_count, before + 1);
    assert_true (t.log[before].durable);
    assert_int_equal (t.spawn_count, 2);
    bg_id second = t.spawned;
    /*  With the turn on disk and no file of the run, it was begun and is interrupted.  */
    exec_fixture_restart (&t, t.log_count);
    assert_int_equal (t.spawn_count, 2);
    exec_core_run_file (t.core, t.now, second, NULL, 0, false);
    assert_int_equal (run_said (second)->state, WIRE_RUN_INTERRUPTED);
    /*  Without it, it waits still.  */
    exec_fixture_restart (&t, before);
    assert_int_equal (run_said (second)->state, WIRE_RUN_WAITING);
    exec_core_run_file (t.core, t.now, second, NULL, 0, false);
    assert_int_equal (run_said (second)->state, WIRE_RUN_WAITING);
}

/*  ---- any story ----  */

typedef struct {
    uint64_t seed;
} story;

static uint64_t draw (story *self, uint64_t below)
{
    self->seed = self->seed * 6364136223846793005u + 1442695040888963407u;
    return (self->seed >> 33) % below;
}

static void end_some_run (story *self)
{
    size_t skip = (size_t) draw (self, 3);
    bg_id found = {{0}};
    for (size_t i = 0; i < t.core->runs.count; i++) {
        const exec_run *run = exec_table_at (&t.core->runs, i);
        if (run->outcome.size || run->is_waiting)
            continue;
        found = run->id;
        if (skip-- == 0)
            break;
    }
    if (bg_id_is_zero (found))
        return;
    exec_fixture_end (&t, found, 1 + draw (self, 4));
    if (draw (self, 2))
        exec_fixture_taken (&t, found);
}

static void act (story *self)
{
    static const char *const names[] = {"skip", "queue", "replace", "third"};
    const size_t which = (size_t) draw (self, 4);
    const char *name = names[which];
    switch (draw (self, 9)) {
    case 0:
        exec_fixture_offer (&t, exec_fixture_stop (&t, name));
        break;
    case 1:
    case 2:
        end_some_run (self);
        break;
    case 3:
        limit_runs (1 + (uint32_t) draw (self, 3));
        break;
    case 4:
        exec_fixture_offer (&t, fixture_switch (&t.signing, name, draw (self, 2), 0));
        break;
    default:
        (void) start (job_with (name, which % 3), name);
        break;
    }
}

/*  At most one run of a job has begun and is open, and no job that skips has two accepted.  */
static void check_rules (void)
{
    for (size_t i = 0; i < t.core->runs.count; i++) {
        const exec_run *run = exec_table_at (&t.core->runs, i);
        const exec_counted counted = exec_count_runs (t.core, run->job_key);
        assert_true (counted.job_begun <= 1);
        assert_true (counted.job_waiting <= 1);
    }
}

static void the_log_alone_gives_the_same_queue (void **state)
{
    (void) state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        story self = {.seed = seed};
        print_message ("seed %llu\n", (unsigned long long) seed);
        for (int i = 0; i < 60; i++) {
            act (&self);
            check_rules ();
            exec_fixture_clear (&t);
            exec_core *other = exec_fixture_replay (&t, t.log, t.log_count);
            assert_same_state (t.core, other);
            exec_core_destroy (&other);
            exec_fixture_advance (&t, BG_SEC (3));
        }
        for (int i = 0; i < 40; i++)
            end_some_run (&self);
        exec_case_end (NULL);
        exec_case_enlisted (NULL);
    }
}

/*  Jobs as large as a document may be: their plans lie in memory and in the log until their turn.  */
static void what_waits_takes_bounded_memory (void **state)
{
    (void) state;
    static char script[100000];
    memset (script, '#', sizeof script);
    limit_runs (1);
    size_t waiting = 0;
    for (bool is_full = false; !is_full;) {
        char name[16];
        snprintf (name, sizeof name, "j%zu", waiting);
        wire_job job = fixture_job (&t.signing, name);
        wire_job_step step = {.name = bg_slice_str ("s"),
            .kind = WIRE_STEP_SCRIPT,
            .script = bg_slice_of (script, sizeof script)};
        job.steps = &step;
        job.steps_count = 1;
        wire_signed document = fixture_document (&t.signing, WIRE_TYPE_JOB, name, &job);
        const char *said = start (document, name);
        is_full = strcmp (said, "limit") == 0;
        if (!is_full)
            assert_string_equal (said, waiting ? "waiting" : "running");
        assert_in_range (waiting++, 0, 400);
    }
    assert_non_null (strstr (exec_fixture_message (&t), "MiB already"));
    assert_true (waiting > 250);
}

/*  Whatever prefix of the log is left, each run that it knows comes to one end, and nothing begins twice.  */
static void every_beginning_of_the_log_ends_each_run_once (void **state)
{
    (void) state;
    wire_signed job = job_with ("queue", WIRE_OVERLAP_QUEUE);
    const two_runs runs = start_two (job, "queue");
    exec_fixture_end (&t, runs.first, WIRE_RUN_SUCCEEDED);
    exec_fixture_taken (&t, runs.first);
    exec_fixture_end (&t, runs.second, WIRE_RUN_SUCCEEDED);
    exec_fixture_taken (&t, runs.second);
    const size_t total = t.log_count;
    size_t spawned = t.spawn_count;
    for (size_t cut = total; cut-- > 0 && exec_core_status (t.core).done > 0;) {
        exec_fixture_restart (&t, cut);
        const wire_run *run = run_said (runs.second);
        const bool is_begun = run && run->state == WIRE_RUN_RUNNING;
        const bool is_waiting = run && run->state == WIRE_RUN_WAITING;
        exec_core_run_file (t.core, t.now, runs.first, NULL, 0, false);
        exec_core_run_file (t.core, t.now, runs.second, NULL, 0, false);
        if (is_begun)
            assert_int_equal (run_said (runs.second)->state, WIRE_RUN_INTERRUPTED);
        if (is_waiting)
            spawned++; /*  its turn has come now  */
        assert_int_equal (t.spawn_count, spawned);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        ENLISTED (the_second_run_of_a_queueing_job_waits_and_the_third_does_not),
        ENLISTED (replace_ends_the_open_run_and_takes_its_place),
        ENLISTED (what_is_replaced_ends_over_a_restart_too),
        ENLISTED (runs_beyond_the_limit_wait_in_order_of_acceptance),
        ENLISTED (a_run_that_waits_for_its_own_job_holds_nobody_up),
        ENLISTED (a_skipping_job_does_not_wait_twice_for_the_limit),
        ENLISTED (a_stop_cancels_what_waits),
        ENLISTED (a_start_that_expires_before_its_turn_is_never_run),
        ENLISTED (what_would_not_be_accepted_any_more_is_never_run),
        ENLISTED (what_a_stolen_key_signed_does_not_begin_under_the_name_of_its_login),
        ENLISTED (a_defection_ends_what_waits_but_not_what_is_local),
        ENLISTED (a_full_disk_keeps_turns_back),
        ENLISTED (at_most_a_thousand_wait),
        ENLISTED (what_waits_takes_bounded_memory),
        ENLISTED (turns_are_durable_before_the_process),
        ENLISTED (the_log_alone_gives_the_same_queue),
        ENLISTED (every_beginning_of_the_log_ends_each_run_once),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
