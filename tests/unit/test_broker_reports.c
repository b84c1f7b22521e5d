/*  Reports and history: exactly once by the mark, gaps, items that make no sense, pages.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/broker_fixture.h"

static const bg_id none;

static const wire_history *history (fx *self, const wire_history_query *query)
{
    return fx_ask (self, FX_READER, WIRE_HISTORY_QUERY, query, WIRE_HISTORY);
}

/*  Outcomes: runs that go on are in the answer too.  */
static size_t stored (fx *self)
{
    const wire_history_query query = {.limit = 1000};
    const wire_history *answer = history (self, &query);
    size_t count = 0;
    for (size_t i = 0; i < answer->rows_count; i++)
        count += answer->rows[i].run.state != WIRE_RUN_RUNNING;
    return count;
}

static void post_clean (fx *self)
{
    const wire_audience all = fx_all ();
    fx_post_job (self, "clean", &all);
}

static void a_repeated_batch_is_stored_once (void **state)
{
    (void) state;
    fx_node node;
    fx *self = fx_open_member (&node);
    wire_run runs[3];
    for (size_t i = 0; i < 3; i++)
        runs[i] = fx_run (self, "clean", none, WIRE_RUN_SUCCEEDED);
    assert_int_equal (fx_node_report (self, &node, runs, 3)->mark, 3);
    node.sequence = 1;
    assert_int_equal (fx_node_report (self, &node, runs + 1, 2)->mark, 3);
    assert_int_equal (stored (self), 3);
    assert_int_equal (broker_core_counter (self->core, "report-repeated"), 2);
    fx_restart (self);
    assert_int_equal (fx_node_hello (self, &node)->outbox_mark, 3);
    node.sequence = 0;
    assert_int_equal (fx_node_report (self, &node, runs, 3)->mark, 3);
    assert_int_equal (stored (self), 3);
    fx_close (&self);
}

static void a_gap_is_stored_and_counted (void **state)
{
    (void) state;
    fx_node node;
    fx *self = fx_open_member (&node);
    wire_run run = fx_run (self, "clean", none, WIRE_RUN_SUCCEEDED);
    node.sequence = 4;
    assert_int_equal (fx_node_report (self, &node, &run, 1)->mark, 5);
    assert_int_equal (broker_core_counter (self->core, "report-gap"), 1);
    assert_int_equal (stored (self), 1);
    fx_close (&self);
}

static void items_that_make_no_sense_are_refused_and_passed (void **state)
{
    (void) state;
    fx_node node;
    fx *self = fx_open_member (&node);
    enum { ITEMS = 6 };
    wire_run runs[ITEMS];
    for (size_t i = 0; i < ITEMS; i++)
        runs[i] = fx_run (self, "clean", none, WIRE_RUN_SUCCEEDED);
    runs[0].run = none;
    runs[1].state = 8;
    runs[2].job_key = none;
    runs[3].job_name = bg_slice_str ("payroll");
    wire_step_result step = {.step = 1, .name = bg_slice_str ("main"), .state = 7};
    runs[4].steps = &step;
    runs[4].steps_count = 1;
    const wire_report_answer *answer = fx_node_report (self, &node, runs, ITEMS);
    assert_int_equal (answer->mark, ITEMS);
    assert_int_equal (answer->refused_count, ITEMS - 1);
    for (size_t i = 0; i < ITEMS - 1; i++) {
        assert_int_equal (answer->refused[i].sequence, i + 1);
        assert_true (bg_slice_is (answer->refused[i].code, "malformed"));
    }
    assert_int_equal (stored (self), 1);
    fx_close (&self);
}

/*  Its wall clock was set while the run went on.  */
static void an_outcome_before_its_beginning_counts (void **state)
{
    (void) state;
    fx_node node;
    fx *self = fx_open_member (&node);
    wire_run run = fx_run (self, "clean", none, WIRE_RUN_SUCCEEDED);
    run.finished_us = run.started_us - BG_HOUR (1);
    assert_int_equal (fx_node_report (self, &node, &run, 1)->refused_count, 0);
    assert_int_equal (stored (self), 1);
    fx_close (&self);
}

static void another_outbox_starts_anew (void **state)
{
    (void) state;
    fx_node node;
    fx *self = fx_open_member (&node);
    wire_run run = fx_run (self, "clean", none, WIRE_RUN_SUCCEEDED);
    fx_node_report (self, &node, &run, 1);
    node.outbox = fx_id (self);
    wire_report_item item = {.sequence = 1, .has_run = true, .run = run};
    const wire_report report = {.outbox = node.outbox, .items = &item, .items_count = 1};
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, node.session, WIRE_REPORT, &report);
    fx_refused (self, BG_STALE);
    node.sequence = 0;
    assert_int_equal (fx_node_hello (self, &node)->outbox_mark, 0);
    run = fx_run (self, "clean", none, WIRE_RUN_FAILED);
    fx_node_report (self, &node, &run, 1);
    assert_int_equal (stored (self), 2);
    fx_close (&self);
}

static void a_run_that_began_is_shown_as_running_until_it_ends (void **state)
{
    (void) state;
    fx_node node;
    fx *self = fx_open_member (&node);
    wire_run run = fx_run (self, "clean", none, WIRE_RUN_RUNNING);
    fx_node_report (self, &node, &run, 1);
    assert_int_equal (stored (self), 0);
    const wire_job_query query = {.name = bg_slice_str ("clean")};
    const wire_jobs *jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
    assert_int_equal (jobs->rows[0].running, 1);
    fx_restart (self);
    fx_node_hello (self, &node);
    jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
    assert_int_equal (jobs->rows[0].running, 1);
    run.state = WIRE_RUN_FAILED;
    run.finished_us = run.started_us + BG_SEC (2);
    fx_node_report (self, &node, &run, 1);
    jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
    assert_int_equal (jobs->rows[0].running, 0);
    assert_int_equal (jobs->rows[0].last_state, WIRE_RUN_FAILED);
    assert_int_equal (jobs->rows[0].last_us, run.finished_us);
    fx_restart (self);
    jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
    assert_int_equal (jobs->rows[0].running, 0);
    assert_int_equal (jobs->rows[0].last_state, WIRE_RUN_FAILED);
    fx_close (&self);
}

static const wire_job_row *job_row (fx *self, const char *name)
{
    const wire_job_query query = {.name = bg_slice_str (name)};
    const wire_jobs *jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
    assert_int_equal (jobs->rows_count, 1);
    return &jobs->rows[0];
}

/*  A target under foreign control that knows another one's run id.  */
static void a_target_cannot_end_or_take_another_ones_run (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node good = fx_member (self, "web01", NULL);
    fx_node evil = fx_member (self, "web02", NULL);
    post_clean (self);
    wire_run run = fx_run (self, "clean", none, WIRE_RUN_RUNNING);
    fx_node_report (self, &good, &run, 1);
    wire_run forged = run;
    fx_node_report (self, &evil, &forged, 1);
    forged.state = WIRE_RUN_SUCCEEDED;
    fx_node_report (self, &evil, &forged, 1);
    assert_int_equal (broker_core_counter (self->core, "report-other-run"), 1);
    assert_int_equal (job_row (self, "clean")->running, 1);
    run.state = WIRE_RUN_FAILED;
    fx_node_report (self, &good, &run, 1);
    assert_int_equal (job_row (self, "clean")->running, 0);
    assert_int_equal (job_row (self, "clean")->last_state, WIRE_RUN_FAILED);
    fx_close (&self);
}

static void open_runs_of_one_target_are_bounded (void **state)
{
    (void) state;
    fx_node node;
    fx *self = fx_open_member (&node);
    enum { BATCH = 64, MOST = 2048 };
    wire_run runs[BATCH];
    for (size_t sent = 0; sent < MOST + BATCH; sent += BATCH) {
        for (size_t i = 0; i < BATCH; i++)
            runs[i] = fx_run (self, "clean", none, WIRE_RUN_RUNNING);
        fx_node_report (self, &node, runs, BATCH);
    }
    assert_int_equal (job_row (self, "clean")->running, MOST);
    assert_int_equal (broker_core_counter (self->core, "report-too-many-open"), BATCH);
    for (size_t i = 0; i < BATCH; i++)
        runs[i].state = WIRE_RUN_SUCCEEDED;
    assert_int_equal (fx_node_report (self, &node, runs, BATCH)->refused_count, 0);
    const wire_history_query query = {
        .states = (uint64_t[]){WIRE_RUN_SUCCEEDED}, .states_count = 1, .limit = 1000};
    assert_int_equal (history (self, &query)->rows_count, BATCH);
    fx_close (&self);
}

/*  It is kept, for a broker that was restored may not know yet who holds what; but what the job's row
    says comes from those who hold it.  */
static void a_report_about_a_job_it_does_not_hold_moves_nothing (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node good = fx_member (self, "web01", NULL);
    fx_node evil = fx_member (self, "web02", NULL);
    const wire_audience only = fx_names (self, "web01", NULL);
    wire_signed job = fx_job (self, FX_AUTHOR, "payroll", &only, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &job, 0);
    wire_run run = fx_run (self, "payroll", none, WIRE_RUN_SUCCEEDED);
    fx_node_report (self, &good, &run, 1);
    wire_run forged[] = {fx_run (self, "payroll", none, WIRE_RUN_RUNNING),
        fx_run (self, "payroll", none, WIRE_RUN_FAILED),
        fx_run (self, "unknown", none, WIRE_RUN_RUNNING)};
    fx_node_report (self, &evil, forged, 3);
    assert_int_equal (job_row (self, "payroll")->running, 0);
    assert_int_equal (job_row (self, "payroll")->last_state, WIRE_RUN_SUCCEEDED);
    assert_int_equal (broker_core_counter (self->core, "report-other-job"), 1);
    /*  A one-shot job is nobody's other job.  */
    wire_run once = fx_run (self, "run: true", none, WIRE_RUN_SUCCEEDED);
    once.exec = once.job_key = (bg_id){{9}};
    fx_node_report (self, &evil, &once, 1);
    assert_int_equal (broker_core_counter (self->core, "report-other-job"), 1);
    /*  A job that comes to be while a run of it is said to go on.  */
    const wire_audience all = fx_all ();
    job = fx_job (self, FX_AUTHOR, "unknown", &all, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &job, 0);
    forged[2].state = WIRE_RUN_SUCCEEDED;
    fx_node_report (self, &evil, &forged[2], 1);
    assert_int_equal (job_row (self, "unknown")->running, 0);
    fx_close (&self);
}

static void what_a_leaving_target_had_open_is_not_shown_as_running (void **state)
{
    (void) state;
    fx_node node;
    fx *self = fx_open_member (&node);
    wire_run run = fx_run (self, "clean", none, WIRE_RUN_RUNNING);
    fx_node_report (self, &node, &run, 1);
    const wire_leave leave = {.installation = self->settings.installation,
        .target = node.target,
        .time_us = self->now.utc_us};
    wire_defect defect = {.has_leave = true};
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_LEAVE, self->settings.installation, &leave,
        node.keys.secret, &self->arena, &defect.leave);
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, node.session, WIRE_DEFECT, &defect);
    fx_answer (self, WIRE_DEFECTED);
    assert_int_equal (job_row (self, "clean")->running, 0);
    const wire_history_query query = {0};
    assert_int_equal (history (self, &query)->rows_count, 0);
    fx_restart (self);
    assert_int_equal (history (self, &query)->rows_count, 0);
    fx_close (&self);
}

static void history_is_filtered_and_paged_newest_first (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", NULL);
    fx_node db = fx_member (self, "db01", NULL);
    post_clean (self);
    for (int i = 0; i < 12; i++) {
        wire_run run = fx_run (self, "clean", none, i % 3 ? WIRE_RUN_SUCCEEDED : WIRE_RUN_FAILED);
        fx_pass (self, BG_SEC (1));
        fx_node_report (self, i % 2 ? &web : &db, &run, 1);
    }
    wire_history_query query = {.job = bg_slice_str ("clean"), .limit = 5};
    size_t seen = 0;
    uint64_t last = UINT64_MAX;
    for (bool more = true; more;) {
        const wire_history *page = history (self, &query);
        for (size_t i = 0; i < page->rows_count; i++) {
            assert_true (page->rows[i].row < last);
            last = page->rows[i].row;
            seen++;
        }
        more = page->more;
        query.before = page->next_before;
    }
    assert_int_equal (seen, 12);
    query = (wire_history_query){.target = bg_slice_str ("web01")};
    assert_int_equal (history (self, &query)->rows_count, 6);
    query = (wire_history_query){.states = (uint64_t[]){WIRE_RUN_FAILED}, .states_count = 1};
    assert_int_equal (history (self, &query)->rows_count, 4);
    query = (wire_history_query){.job = bg_slice_str ("claen")};
    fx_send (
        self, WIRE_ON_OPS, &self->people[FX_READER].curve_key, none, WIRE_HISTORY_QUERY, &query);
    fx_refused (self, BG_NOT_FOUND);
    fx_close (&self);
}

static void output_is_kept_apart_and_given_when_asked_for (void **state)
{
    (void) state;
    fx_node node;
    fx *self = fx_open_member (&node);
    wire_step_result step = {.step = 1,
        .name = bg_slice_str ("main"),
        .state = WIRE_RESULT_FAILED,
        .exit_code = 3,
        .started_us = self->now.utc_us,
        .finished_us = self->now.utc_us,
        .output_bytes = 11,
        .tail = bg_slice_str ("no \x01 space\n")};
    wire_run run = fx_run (self, "clean", none, WIRE_RUN_FAILED);
    run.steps = &step;
    run.steps_count = 1;
    fx_node_report (self, &node, &run, 1);
    wire_history_query query = {0};
    const wire_history *page = history (self, &query);
    assert_int_equal (page->rows[0].run.steps_count, 1);
    assert_int_equal (page->rows[0].run.steps[0].tail.size, 0);
    assert_int_equal (page->rows[0].run.steps[0].output_bytes, 11);
    query.output = true;
    page = history (self, &query);
    assert_true (bg_slice_is (page->rows[0].run.steps[0].tail, "no \x01 space\n"));
    fx_close (&self);
}

static void groups_say_how_it_ended_and_show_a_line (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node nodes[3] = {fx_member (self, "web01", NULL), fx_member (self, "web02", NULL),
        fx_member (self, "web03", NULL)};
    post_clean (self);
    const wire_audience all = fx_all ();
    bg_id id = fx_start (self, "clean", &all);
    wire_step_result step = {.step = 1,
        .name = bg_slice_str ("main"),
        .state = WIRE_RESULT_FAILED,
        .exit_code = 1,
        .started_us = self->now.utc_us,
        .tail = bg_slice_str ("first\n[emerg] bind() \xff failed\n")};
    for (size_t i = 0; i < 2; i++) {
        wire_run run = fx_run (self, "clean", id, WIRE_RUN_FAILED);
        run.steps = &step;
        run.steps_count = 1;
        fx_node_report (self, &nodes[i], &run, 1);
    }
    const wire_exec_query query = {
        .id = bg_arena_copy (&self->arena, bg_slice_str (bg_id_text (id).text)), .details = true};
    const wire_execs *execs = fx_ask (self, FX_READER, WIRE_EXEC_QUERY, &query, WIRE_EXECS);
    const wire_exec_row *row = &execs->rows[0];
    assert_int_equal (row->groups_count, 2);
    assert_int_equal (row->groups[0].count, 2);
    assert_int_equal (row->groups[0].names_count, 2);
    assert_true (bg_slice_is (row->groups[0].result, "exit 1"));
    assert_true (bg_slice_is (row->groups[0].sample, "[emerg] bind() ? failed"));
    assert_true (bg_slice_is (row->groups[1].reason, "pending"));
    assert_true (bg_slice_is (row->groups[1].names[0], "web03"));
    fx_close (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_repeated_batch_is_stored_once),
        cmocka_unit_test (a_gap_is_stored_and_counted),
        cmocka_unit_test (items_that_make_no_sense_are_refused_and_passed),
        cmocka_unit_test (an_outcome_before_its_beginning_counts),
        cmocka_unit_test (another_outbox_starts_anew),
        cmocka_unit_test (a_run_that_began_is_shown_as_running_until_it_ends),
        cmocka_unit_test (a_target_cannot_end_or_take_another_ones_run),
        cmocka_unit_test (open_runs_of_one_target_are_bounded),
        cmocka_unit_test (a_report_about_a_job_it_does_not_hold_moves_nothing),
        cmocka_unit_test (what_a_leaving_target_had_open_is_not_shown_as_running),
        cmocka_unit_test (history_is_filtered_and_paged_newest_first),
        cmocka_unit_test (output_is_kept_apart_and_given_when_asked_for),
        cmocka_unit_test (groups_say_how_it_ended_and_show_a_line),
    };
    return cmocka_run_group_tests_name ("broker reports", tests, NULL, NULL);
}
