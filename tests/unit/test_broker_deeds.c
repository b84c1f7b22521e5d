/*  Deeds and executions: START, STOP, expiry, who is addressed, watching.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/broker_fixture.h"

#include <stdio.h>

static const bg_id none;

/*  The job is posted, and they hold it.  */
static fx_fleet fleet_open (void)
{
    fx_fleet self = fx_fleet_open ();
    const wire_audience group = fx_group (self.fx, "web");
    fx_post_job (self.fx, "clean", &group);
    fx_node_settle (self.fx, &self.web[0]);
    fx_node_settle (self.fx, &self.web[1]);
    return self;
}

static void run_to_end (fx *self, fx_node *node, bg_id exec, uint64_t state)
{
    wire_run run = fx_run (self, "clean", exec, WIRE_RUN_RUNNING);
    fx_node_report (self, node, &run, 1);
    run.state = state;
    run.finished_us = run.started_us + 5;
    fx_node_report (self, node, &run, 1);
}

static void a_start_runs_through (void **state)
{
    (void) state;
    fx_fleet f = fleet_open ();
    const wire_audience group = fx_group (f.fx, "web");
    bg_id id;
    wire_signed deed =
        fx_deed (f.fx, FX_OPERATOR, WIRE_DEED_START, "clean", &group, BG_HOUR (1), &id);
    wire_issued issued = *fx_issue (f.fx, FX_OPERATOR, &deed);
    assert_int_equal (issued.targets, 2);
    assert_int_equal (issued.connected, 2);
    assert_false (issued.repeated);
    assert_int_equal (fx_count (f.fx, WIRE_ORDER), 1);
    wire_exec_row row = fx_exec_row (f.fx, id, false);
    assert_int_equal (row.pending, 2);
    assert_false (row.done);
    /*  Also by a poll, as long as nothing was said.  */
    const wire_poll_answer *answer = fx_node_poll (f.fx, &f.web[0]);
    assert_int_equal (answer->instructions_count, 1);
    assert_int_equal (answer->instructions[0].type, WIRE_TYPE_DEED);
    assert_true (bg_slice_equal (answer->instructions[0].bytes, deed.bytes));
    assert_int_equal (fx_node_poll (f.fx, &f.db)->instructions_count, 0);
    fx_node_ack (f.fx, &f.web[0], id, 0, WIRE_DELIVERY_APPLIED, NULL);
    assert_int_equal (fx_node_poll (f.fx, &f.web[0])->instructions_count, 0);
    row = fx_exec_row (f.fx, id, false);
    assert_int_equal (row.running, 1);
    run_to_end (f.fx, &f.web[0], id, WIRE_RUN_SUCCEEDED);
    fx_restart (f.fx);
    fx_node_hello (f.fx, &f.web[1]);
    run_to_end (f.fx, &f.web[1], id, WIRE_RUN_FAILED);
    row = fx_exec_row (f.fx, id, true);
    assert_true (row.done);
    assert_int_equal (row.succeeded, 1);
    assert_int_equal (row.failed, 1);
    assert_int_equal (row.pending + row.running + row.silent, 0);
    assert_int_equal (row.groups_count, 2);
    fx_close (&f.fx);
}

static void the_same_command_twice_starts_once (void **state)
{
    (void) state;
    fx_fleet f = fleet_open ();
    const wire_audience group = fx_group (f.fx, "web");
    bg_id id;
    wire_signed deed =
        fx_deed (f.fx, FX_OPERATOR, WIRE_DEED_START, "clean", &group, BG_HOUR (1), &id);
    fx_issue (f.fx, FX_OPERATOR, &deed);
    fx_pass (f.fx, BG_MIN (5));
    const wire_issued *again = fx_issue (f.fx, FX_OPERATOR, &deed);
    assert_true (again->repeated);
    assert_int_equal (again->targets, 2);
    fx_restart (f.fx);
    assert_true (fx_issue (f.fx, FX_OPERATOR, &deed)->repeated);
    const wire_exec_query query = {0};
    const wire_execs *execs = fx_ask (f.fx, FX_READER, WIRE_EXEC_QUERY, &query, WIRE_EXECS);
    assert_int_equal (execs->rows_count, 1);
    fx_close (&f.fx);
}

static void each_reason_refuses_a_start (void **state)
{
    (void) state;
    fx_fleet f = fleet_open ();
    fx *self = f.fx;
    const wire_audience group = fx_group (self, "web");
    bg_id id;
    wire_signed deed =
        fx_deed (self, FX_READER, WIRE_DEED_START, "clean", &group, BG_HOUR (1), &id);
    fx_try_issue (self, FX_OPERATOR, &deed);
    fx_refused (self, BG_NOT_ALLOWED);
    deed = fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "claen", &group, BG_HOUR (1), &id);
    fx_try_issue (self, FX_OPERATOR, &deed);
    assert_true (bg_slice_is (fx_refused (self, BG_NOT_FOUND)->hint, "did you mean clean?"));
    const wire_audience nobody = {0};
    deed = fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "clean", &nobody, BG_HOUR (1), &id);
    fx_try_issue (self, FX_OPERATOR, &deed);
    fx_refused (self, BG_INVALID);
    wire_audience other = fx_group (self, "wbe");
    deed = fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "clean", &other, BG_HOUR (1), &id);
    fx_try_issue (self, FX_OPERATOR, &deed);
    const wire_error *error = fx_refused (self, BG_NOT_FOUND);
    assert_true (bg_slice_is (error->message, "group 'wbe' matched no target (3 enlisted)"));
    assert_true (bg_slice_is (error->hint, "did you mean web?"));
    other = fx_group (self, "db");
    deed = fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "clean", &other, BG_HOUR (1), &id);
    fx_try_issue (self, FX_OPERATOR, &deed);
    error = fx_refused (self, BG_NOT_FOUND);
    assert_true (bg_slice_is (error->hint, "the job is for: group web"));
    other = fx_names (self, "web01", "web09");
    deed = fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "clean", &other, BG_HOUR (1), &id);
    fx_try_issue (self, FX_OPERATOR, &deed);
    fx_refused (self, BG_NOT_FOUND);
    other = fx_names (self, "web01", "db01");
    deed = fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "clean", &other, BG_HOUR (1), &id);
    fx_try_issue (self, FX_OPERATOR, &deed);
    error = fx_refused (self, BG_NOT_FOUND);
    assert_true (bg_slice_is (error->message, "job 'clean' is not for target 'db01'"));
    deed = fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "clean", &group, BG_HOUR (1), &id);
    fx_pass (self, BG_SEC (61));
    fx_try_issue (self, FX_OPERATOR, &deed);
    fx_refused (self, BG_CLOCK);
    deed = fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "clean", &group, BG_SEC (30), &id);
    fx_pass (self, BG_SEC (31));
    fx_try_issue (self, FX_OPERATOR, &deed);
    fx_refused (self, BG_EXPIRED);
    wire_signed off = fx_switch (self, FX_OPERATOR, "clean", true, 0);
    fx_post (self, FX_OPERATOR, &off, 0);
    deed = fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "clean", &group, BG_HOUR (1), &id);
    fx_try_issue (self, FX_OPERATOR, &deed);
    error = fx_refused (self, BG_DISABLED);
    assert_true (bg_slice_is (error->message, "job 'clean' is disabled: moving"));
    fx_close (&f.fx);
}

static void jobs_that_nobody_may_start_are_not_started (void **state)
{
    (void) state;
    fx_fleet f = fleet_open ();
    bg_slice argv[] = {bg_slice_str ("/bin/true")};
    wire_job_step step = {
        .name = bg_slice_str ("main"), .kind = WIRE_STEP_RUN, .argv = argv, .argv_count = 1};
    wire_job_schedule schedule = {
        .name = bg_slice_str ("often"), .kind = WIRE_SCHEDULE_EVERY, .every_us = BG_MIN (5)};
    const wire_job body = {.name = bg_slice_str ("quiet"),
        .has_audience = true,
        .audience = fx_all (),
        .steps = &step,
        .steps_count = 1,
        .schedules = &schedule,
        .schedules_count = 1,
        .start_by = WIRE_START_BY_NOBODY};
    wire_signed job =
        fx_document (f.fx, FX_AUTHOR, WIRE_TYPE_JOB, fx_job_key (f.fx, "quiet"), 0, &body);
    fx_post (f.fx, FX_AUTHOR, &job, 0);
    const wire_audience all = fx_all ();
    bg_id id;
    wire_signed deed = fx_deed (f.fx, FX_ADMIN, WIRE_DEED_START, "quiet", &all, BG_HOUR (1), &id);
    fx_try_issue (f.fx, FX_ADMIN, &deed);
    fx_refused (f.fx, BG_NOT_ALLOWED);
    deed = fx_deed (f.fx, FX_ADMIN, WIRE_DEED_STOP, "quiet", &all, BG_MIN (10), &id);
    assert_int_equal (fx_issue (f.fx, FX_ADMIN, &deed)->targets, 3);
    fx_close (&f.fx);
}

static void a_dry_run_starts_nothing (void **state)
{
    (void) state;
    fx_fleet f = fleet_open ();
    const wire_audience group = fx_group (f.fx, "web");
    bg_id id;
    const wire_issue issue = {.has_deed = true,
        .deed = fx_deed (f.fx, FX_OPERATOR, WIRE_DEED_START, "clean", &group, BG_HOUR (1), &id),
        .dry_run = true};
    const wire_issued *issued = fx_ask (f.fx, FX_OPERATOR, WIRE_ISSUE, &issue, WIRE_ISSUED);
    assert_int_equal (issued->targets, 2);
    assert_int_equal (fx_count (f.fx, WIRE_ORDER), 0);
    const wire_exec_query query = {0};
    const wire_execs *execs = fx_ask (f.fx, FX_READER, WIRE_EXEC_QUERY, &query, WIRE_EXECS);
    assert_int_equal (execs->rows_count, 0);
    fx_close (&f.fx);
}

static void who_never_came_is_silent_and_may_still_report (void **state)
{
    (void) state;
    fx_fleet f = fleet_open ();
    const wire_audience group = fx_group (f.fx, "web");
    bg_id id;
    wire_signed deed =
        fx_deed (f.fx, FX_OPERATOR, WIRE_DEED_START, "clean", &group, BG_MIN (10), &id);
    fx_issue (f.fx, FX_OPERATOR, &deed);
    fx_node_ack (f.fx, &f.web[0], id, 0, WIRE_DELIVERY_APPLIED, NULL);
    assert_true (broker_core_deadline (f.fx->core) <= f.fx->now.mono_us + BG_MIN (10));
    fx_pass (f.fx, BG_MIN (10));
    fx_tick (f.fx);
    wire_exec_row row = fx_exec_row (f.fx, id, false);
    assert_int_equal (row.silent, 1);
    assert_int_equal (row.running, 1);
    assert_int_equal (row.pending, 0);
    assert_false (row.done);
    fx_node_hello (f.fx, &f.web[1]);
    assert_int_equal (fx_node_poll (f.fx, &f.web[1])->instructions_count, 0);
    fx_node_hello (f.fx, &f.web[0]);
    run_to_end (f.fx, &f.web[0], id, WIRE_RUN_SUCCEEDED);
    row = fx_exec_row (f.fx, id, true);
    assert_true (row.done);
    assert_int_equal (row.silent, 1);
    assert_true (bg_slice_is (row.groups[row.groups_count - 1].reason, "silent"));
    fx_pass (f.fx, BG_MIN (3));
    fx_tick (f.fx);
    fx_restart (f.fx);
    fx_node_hello (f.fx, &f.web[1]);
    run_to_end (f.fx, &f.web[1], id, WIRE_RUN_SUCCEEDED);
    row = fx_exec_row (f.fx, id, false);
    assert_int_equal (row.silent, 0);
    assert_int_equal (row.succeeded, 2);
    fx_close (&f.fx);
}

static void who_begins_after_the_end_is_silent_until_the_outcome (void **state)
{
    (void) state;
    fx_fleet f = fleet_open ();
    const wire_audience group = fx_group (f.fx, "web");
    bg_id id;
    wire_signed deed =
        fx_deed (f.fx, FX_OPERATOR, WIRE_DEED_START, "clean", &group, BG_MIN (10), &id);
    fx_issue (f.fx, FX_OPERATOR, &deed);
    fx_pass (f.fx, BG_MIN (11));
    fx_tick (f.fx);
    assert_true (fx_exec_row (f.fx, id, false).done);
    fx_node_hello (f.fx, &f.web[0]);
    fx_node_ack (f.fx, &f.web[0], id, 0, WIRE_DELIVERY_FAILED, "expired");
    wire_exec_row row = fx_exec_row (f.fx, id, false);
    assert_int_equal (row.silent, 2);
    assert_int_equal (row.running, 0);
    wire_run late = fx_run (f.fx, "clean", id, WIRE_RUN_NOT_RUN);
    fx_node_report (f.fx, &f.web[0], &late, 1);
    row = fx_exec_row (f.fx, id, false);
    assert_int_equal (row.silent, 1);
    assert_int_equal (row.not_run, 1);
    fx_close (&f.fx);
}

/*  It left by force, kept its keys, and was let in again as the member that it still is here.  */
static void who_enlists_again_has_forgotten_what_it_began (void **state)
{
    (void) state;
    fx_fleet f = fleet_open ();
    const wire_audience group = fx_group (f.fx, "web");
    bg_id id = fx_start (f.fx, "clean", &group);
    wire_run run = fx_run (f.fx, "clean", id, WIRE_RUN_RUNNING);
    fx_node_report (f.fx, &f.web[0], &run, 1);
    assert_int_equal (fx_exec_row (f.fx, id, false).running, 1);
    fx_token token = fx_token_make (f.fx, 78, "web*", "web", 1);
    fx_token_post (f.fx, &token);
    fx_node_enlist (f.fx, &f.web[0], &token);
    fx_node_enlist (f.fx, &f.web[1], &token);
    const wire_exec_row row = fx_exec_row (f.fx, id, false);
    assert_int_equal (row.running, 0);
    assert_int_equal (row.silent, 1);
    assert_int_equal (row.pending, 1);
    broker_core_check (f.fx->core);
    fx_close (&f.fx);
}

static void runs_that_never_end_do_not_keep_an_execution_open (void **state)
{
    (void) state;
    fx_fleet f = fleet_open ();
    const wire_audience group = fx_group (f.fx, "web");
    bg_id id;
    wire_signed deed =
        fx_deed (f.fx, FX_OPERATOR, WIRE_DEED_START, "clean", &group, BG_MIN (10), &id);
    fx_issue (f.fx, FX_OPERATOR, &deed);
    fx_node_ack (f.fx, &f.web[0], id, 0, WIRE_DELIVERY_APPLIED, NULL);
    fx_pass (f.fx, BG_MIN (11));
    fx_tick (f.fx);
    assert_false (fx_exec_row (f.fx, id, false).done);
    fx_pass (f.fx, BG_HOUR (24));
    fx_tick (f.fx);
    assert_true (fx_exec_row (f.fx, id, false).done);
    fx_close (&f.fx);
}

static void refused_and_late_targets_are_not_part (void **state)
{
    (void) state;
    fx_fleet f = fleet_open ();
    const wire_audience group = fx_group (f.fx, "web");
    bg_id id = fx_start (f.fx, "clean", &group);
    /*  Who enlists afterwards is not addressed.  */
    fx_node late = fx_member (f.fx, "web03", "web");
    fx_node_settle (f.fx, &late);
    assert_int_equal (fx_node_poll (f.fx, &late)->instructions_count, 0);
    wire_run foreign = fx_run (f.fx, "clean", id, WIRE_RUN_SUCCEEDED);
    fx_node_report (f.fx, &late, &foreign, 1);
    assert_int_equal (broker_core_counter (f.fx->core, "report-other-execution"), 1);
    /*  A refusal is an outcome: it comes as a run that did not run.  */
    fx_node_ack (f.fx, &f.web[0], id, 0, WIRE_DELIVERY_FAILED, "policy");
    wire_run refused = fx_run (f.fx, "clean", id, WIRE_RUN_NOT_RUN);
    refused.reason = bg_slice_str ("policy");
    fx_node_report (f.fx, &f.web[0], &refused, 1);
    wire_exec_row row = fx_exec_row (f.fx, id, true);
    assert_int_equal (row.targets, 2);
    assert_int_equal (row.not_run, 1);
    assert_true (bg_slice_is (row.groups[0].reason, "policy"));
    fx_close (&f.fx);
}

/*  Its signer was removed while it waited: the targets keep nothing of what nobody known has signed, so no
    outcome follows.  */
static void what_targets_skip_is_over (void **state)
{
    (void) state;
    fx_fleet f = fleet_open ();
    const wire_audience group = fx_group (f.fx, "web");
    bg_id id = fx_start (f.fx, "clean", &group);
    fx_node_ack (f.fx, &f.web[0], id, 0, WIRE_DELIVERY_SKIPPED, "bad-signature");
    fx_node_ack (f.fx, &f.web[0], id, 0, WIRE_DELIVERY_SKIPPED, "bad-signature");
    wire_exec_row row = fx_exec_row (f.fx, id, false);
    assert_int_equal (row.not_run, 1);
    assert_int_equal (row.pending, 1);
    fx_node_ack (f.fx, &f.web[1], id, 0, WIRE_DELIVERY_SKIPPED, "bad-signature");
    assert_true (fx_exec_row (f.fx, id, false).done);
    /*  Documents are not skipped by targets.  */
    fx_node_ack (
        f.fx, &f.web[0], fx_job_key (f.fx, "clean"), 1, WIRE_DELIVERY_SKIPPED, "bad-signature");
    assert_int_equal (broker_core_counter (f.fx->core, "ack-state"), 1);
    fx_close (&f.fx);
}

static void a_stop_is_done_when_all_have_acknowledged (void **state)
{
    (void) state;
    fx_fleet f = fleet_open ();
    const wire_audience group = fx_group (f.fx, "web");
    bg_id start;
    bg_id stop;
    wire_signed deed =
        fx_deed (f.fx, FX_OPERATOR, WIRE_DEED_START, "clean", &group, BG_HOUR (1), &start);
    fx_issue (f.fx, FX_OPERATOR, &deed);
    wire_run run = fx_run (f.fx, "clean", start, WIRE_RUN_RUNNING);
    fx_node_report (f.fx, &f.web[0], &run, 1);
    deed = fx_deed (f.fx, FX_OPERATOR, WIRE_DEED_STOP, "clean", &group, BG_MIN (10), &stop);
    wire_issued issued = *fx_issue (f.fx, FX_OPERATOR, &deed);
    assert_int_equal (issued.targets, 2);
    assert_int_equal (issued.running, 1);
    fx_node_ack (f.fx, &f.web[0], stop, 0, WIRE_DELIVERY_APPLIED, NULL);
    assert_false (fx_exec_row (f.fx, stop, false).done);
    fx_node_ack (f.fx, &f.web[1], stop, 0, WIRE_DELIVERY_APPLIED, NULL);
    wire_exec_row row = fx_exec_row (f.fx, stop, true);
    assert_true (row.done);
    assert_int_equal (row.what, WIRE_DEED_STOP);
    assert_int_equal (row.succeeded, 2);
    assert_int_equal (row.groups_count, 1);
    run.state = WIRE_RUN_CANCELED;
    run.finished_us = run.started_us + 1;
    fx_node_report (f.fx, &f.web[0], &run, 1);
    assert_int_equal (fx_exec_row (f.fx, start, false).canceled, 1);
    fx_close (&f.fx);
}

static void who_leaves_does_not_keep_an_execution_open (void **state)
{
    (void) state;
    fx_fleet f = fleet_open ();
    const wire_audience group = fx_group (f.fx, "web");
    bg_id id = fx_start (f.fx, "clean", &group);
    run_to_end (f.fx, &f.web[0], id, WIRE_RUN_SUCCEEDED);
    const wire_leave leave = {.installation = f.fx->settings.installation,
        .target = f.web[1].target,
        .time_us = f.fx->now.utc_us};
    wire_defect defect = {.has_leave = true};
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_LEAVE, f.fx->settings.installation, &leave,
        f.web[1].keys.secret, &f.fx->arena, &defect.leave);
    fx_send (f.fx, WIRE_ON_DESK, &f.web[1].keys.curve_key, f.web[1].session, WIRE_DEFECT, &defect);
    fx_answer (f.fx, WIRE_DEFECTED);
    wire_exec_row row = fx_exec_row (f.fx, id, false);
    assert_true (row.done);
    assert_int_equal (row.silent, 1);
    fx_close (&f.fx);
}

static void watchers_hear_each_change_and_the_end (void **state)
{
    (void) state;
    fx_fleet f = fleet_open ();
    const wire_audience group = fx_group (f.fx, "web");
    bg_id id = fx_start (f.fx, "clean", &group);
    const wire_exec_watch watch = {.id = id};
    const wire_exec_state *seen =
        fx_ask (f.fx, FX_READER, WIRE_EXEC_WATCH, &watch, WIRE_EXEC_STATE);
    assert_int_equal (seen->row.pending, 2);
    /*  Asked again because the answer was lost: it is told once all the same.  */
    const bg_id asked = f.fx->sent[0].header.request;
    fx_send_again (f.fx, WIRE_ON_OPS, &f.fx->people[FX_READER].curve_key, none, asked,
        WIRE_EXEC_WATCH, &watch);
    assert_int_equal (fx_count (f.fx, WIRE_EXEC_STATE), 1);
    fx_pass (f.fx, BG_SEC (1));
    wire_run run = fx_run (f.fx, "clean", id, WIRE_RUN_SUCCEEDED);
    fx_node_report (f.fx, &f.web[0], &run, 1);
    assert_int_equal (fx_count (f.fx, WIRE_EXEC_STATE), 1);
    fx_node_ack (f.fx, &f.web[1], id, 0, WIRE_DELIVERY_APPLIED, NULL);
    /*  Ten a second at most; what was held back comes with the time.  */
    assert_int_equal (fx_count (f.fx, WIRE_EXEC_STATE), 0);
    assert_true (broker_core_deadline (f.fx->core) <= f.fx->now.mono_us + BG_MS (100));
    fx_pass (f.fx, BG_MS (100));
    fx_tick (f.fx);
    assert_int_equal (fx_count (f.fx, WIRE_EXEC_STATE), 1);
    run = fx_run (f.fx, "clean", id, WIRE_RUN_FAILED);
    fx_node_report (f.fx, &f.web[1], &run, 1);
    /*  The end does not wait.  */
    assert_int_equal (fx_count (f.fx, WIRE_EXEC_STATE), 1);
    for (size_t i = 0; i < f.fx->sent_count; i++)
        if (f.fx->sent[i].row->kind == WIRE_EXEC_STATE)
            assert_true (((const wire_exec_state *) f.fx->sent[i].body)->row.done);
    const wire_exec_watch unknown = {.id = fx_id (f.fx)};
    fx_send (
        f.fx, WIRE_ON_OPS, &f.fx->people[FX_READER].curve_key, none, WIRE_EXEC_WATCH, &unknown);
    fx_refused (f.fx, BG_NOT_FOUND);
    fx_close (&f.fx);
}

static void executions_are_listed_and_found_by_a_piece_of_the_id (void **state)
{
    (void) state;
    fx_fleet f = fleet_open ();
    const wire_audience group = fx_group (f.fx, "web");
    bg_id ids[7];
    for (int i = 0; i < 7; i++) {
        fx_pass (f.fx, BG_SEC (1));
        wire_signed deed =
            fx_deed (f.fx, FX_OPERATOR, WIRE_DEED_START, "clean", &group, BG_HOUR (1), &ids[i]);
        fx_issue (f.fx, FX_OPERATOR, &deed);
    }
    run_to_end (f.fx, &f.web[0], ids[0], WIRE_RUN_SUCCEEDED);
    run_to_end (f.fx, &f.web[1], ids[0], WIRE_RUN_SUCCEEDED);
    wire_exec_query query = {.limit = 4};
    const wire_execs *execs = fx_ask (f.fx, FX_READER, WIRE_EXEC_QUERY, &query, WIRE_EXECS);
    assert_int_equal (execs->rows_count, 4);
    assert_true (execs->more);
    assert_true (bg_id_equal (execs->rows[0].id, ids[6]));
    query.before = execs->rows[3].id;
    execs = fx_ask (f.fx, FX_READER, WIRE_EXEC_QUERY, &query, WIRE_EXECS);
    assert_int_equal (execs->rows_count, 3);
    assert_false (execs->more);
    query = (wire_exec_query){.running = true};
    execs = fx_ask (f.fx, FX_READER, WIRE_EXEC_QUERY, &query, WIRE_EXECS);
    assert_int_equal (execs->rows_count, 6);
    bg_id_string text = bg_id_short (ids[3]);
    query = (wire_exec_query){.id = bg_slice_str (text.text)};
    execs = fx_ask (f.fx, FX_READER, WIRE_EXEC_QUERY, &query, WIRE_EXECS);
    assert_true (bg_id_equal (execs->rows[0].id, ids[3]));
    query.id = bg_slice_str ("zzzzzzzz");
    fx_send (f.fx, WIRE_ON_OPS, &f.fx->people[FX_READER].curve_key, none, WIRE_EXEC_QUERY, &query);
    fx_refused (f.fx, BG_NOT_FOUND);
    fx_close (&f.fx);
}

/*  Two thousand targets by label: the answer counts all of them at once, the pushes come by pieces.
*/
static void long_pushes_are_cut_into_pieces (void **state)
{
    (void) state;
    fx *self = fx_open ();
    bg_error err = {0};
    fx_token token = fx_token_make (self, 9, "*", "many", 3000);
    fx_token_post (self, &token);
    for (int i = 0; i < 1500; i++) {
        char name[16];
        snprintf (name, sizeof name, "n%04d", i);
        fx_node node = fx_node_make (self, name, 1);
        fx_node_enlist (self, &node, &token);
        fx_node_hello (self, &node);
    }
    bg_slice groups[] = {bg_slice_str ("many"), bg_slice_str ("others")};
    const wire_audience both = {.groups = groups, .groups_count = 2};
    wire_signed job = fx_job (self, FX_AUTHOR, "clean", &both, 0, "/bin/true");
    const wire_posted_item *item = fx_post (self, FX_AUTHOR, &job, 0);
    assert_int_equal (item->targets, 1500);
    assert_int_equal (fx_count (self, WIRE_INSTRUCT), 1000);
    assert_true (broker_core_has_work (self->core));
    self->sent_count = 0;
    while (broker_core_has_work (self->core))
        assert_true (bg_is_ok (broker_core_work (self->core, self->now, &err)));
    assert_int_equal (fx_count (self, WIRE_INSTRUCT), 500);
    fx_close (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_start_runs_through),
        cmocka_unit_test (the_same_command_twice_starts_once),
        cmocka_unit_test (each_reason_refuses_a_start),
        cmocka_unit_test (jobs_that_nobody_may_start_are_not_started),
        cmocka_unit_test (a_dry_run_starts_nothing),
        cmocka_unit_test (who_never_came_is_silent_and_may_still_report),
        cmocka_unit_test (who_begins_after_the_end_is_silent_until_the_outcome),
        cmocka_unit_test (who_enlists_again_has_forgotten_what_it_began),
        cmocka_unit_test (runs_that_never_end_do_not_keep_an_execution_open),
        cmocka_unit_test (refused_and_late_targets_are_not_part),
        cmocka_unit_test (what_targets_skip_is_over),
        cmocka_unit_test (a_stop_is_done_when_all_have_acknowledged),
        cmocka_unit_test (who_leaves_does_not_keep_an_execution_open),
        cmocka_unit_test (watchers_hear_each_change_and_the_end),
        cmocka_unit_test (executions_are_listed_and_found_by_a_piece_of_the_id),
        cmocka_unit_test (long_pushes_are_cut_into_pieces),
    };
    return cmocka_run_group_tests_name ("broker deeds", tests, NULL, NULL);
}
