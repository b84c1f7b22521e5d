/*  History and what goes with it, as people ask the broker for it: filters of runs, runs that wait, jobs that deleted
    themselves, purges, categories, owners, the step that a START names.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/broker_fixture.h"

static const bg_id none;

static const wire_history *history (fx *self, wire_history_query query)
{
    return fx_ask (self, FX_READER, WIRE_HISTORY_QUERY, &query, WIRE_HISTORY);
}

static const wire_job_row *job_row (fx *self, const char *name)
{
    const wire_job_query query = {.name = bg_slice_str (name)};
    const wire_jobs *jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
    return &jobs->rows[0];
}

static void ask_request (fx *self, int person, const wire_request *wanted, bool dry_run)
{
    wire_request ask = *wanted;
    ask.installation = self->settings.installation;
    ask.id = fx_id (self);
    ask.issued_us = self->now.utc_us;
    wire_ask_request message = {.has_request = true, .dry_run = dry_run};
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_REQUEST, self->settings.installation, &ask,
        self->people[person].secret, &self->arena, &message.request);
    fx_send (self, WIRE_ON_OPS, &self->people[person].curve_key, none, WIRE_REQUEST, &message);
}

/*  One member that has fetched the job "clean" of two steps.  */
static fx *open_with_job (fx_node *node)
{
    fx *self = fx_open_member (node);
    fx_node_settle (self, node);
    return self;
}

/*  ---- filters ----  */

static wire_run run_with_steps (
    fx *self, const char *second, uint64_t attempts, int64_t took_us, wire_step_result steps[2])
{
    wire_run run = fx_run (self, "clean", none, WIRE_RUN_SUCCEEDED);
    for (int i = 0; i < 2; i++)
        steps[i] = (wire_step_result){.step = (uint64_t) i + 1,
            .name = bg_slice_str (i ? second : "fetch"),
            .state = WIRE_RESULT_SUCCEEDED,
            .started_us = run.started_us,
            .finished_us = run.started_us + (i ? took_us : 1),
            .attempts = i ? attempts : 1};
    run.steps = steps;
    run.steps_count = 2;
    run.finished_us = run.started_us + took_us + 1;
    return run;
}

/*  A target says what it likes about its times.  */
static void times_of_a_liar_are_only_unequal (void **state)
{
    (void) state;
    fx_node node;
    fx *self = open_with_job (&node);
    wire_step_result steps[2];
    wire_run run = run_with_steps (self, "load", 1, BG_SEC (5), steps);
    steps[0].started_us = steps[1].finished_us = INT64_MAX;
    steps[0].finished_us = steps[1].started_us = INT64_MIN;
    fx_node_report (self, &node, &run, 1);
    const wire_history_query of_first = {
        .step = bg_slice_str ("fetch"), .min_duration_us = BG_SEC (6)};
    assert_int_equal (history (self, of_first)->rows_count, 0);
    const wire_history_query of_second = {
        .step = bg_slice_str ("load"), .min_duration_us = BG_SEC (6)};
    assert_int_equal (history (self, of_second)->rows_count, 1);
    fx_close (&self);
}

static void steps_are_found_by_name_duration_and_retries (void **state)
{
    (void) state;
    fx_node node;
    fx *self = open_with_job (&node);
    wire_step_result steps[3][2];
    const wire_run runs[] = {
        run_with_steps (self, "load", 1, BG_SEC (5), steps[0]),
        run_with_steps (self, "load", 4, BG_SEC (50), steps[1]),
        run_with_steps (self, "check", 2, BG_SEC (500), steps[2]),
    };
    fx_node_report (self, &node, runs, 3);
    const bg_slice load = bg_slice_str ("LOAD");
    assert_int_equal (history (self, (wire_history_query){.step = load})->rows_count, 2);
    assert_int_equal (
        history (self, (wire_history_query){.step = load, .min_duration_us = BG_SEC (6)})
            ->rows_count,
        1);
    assert_int_equal (
        history (self, (wire_history_query){.min_duration_us = BG_SEC (6)})->rows_count, 2);
    assert_int_equal (history (self, (wire_history_query){.min_retries = 1})->rows_count, 2);
    assert_int_equal (history (self, (wire_history_query){.min_retries = 3})->rows_count, 1);
    assert_int_equal (
        history (self, (wire_history_query){.step = bg_slice_str ("fetch"), .min_retries = 1})
            ->rows_count,
        0);
    fx_close (&self);
}

/*  A page that found nothing in what it looked at says so and goes on.  */
static void a_rare_run_is_found_over_several_pages (void **state)
{
    (void) state;
    enum { BATCH = 64, BATCHES = 70 };
    fx_node node;
    fx *self = open_with_job (&node);
    wire_run runs[BATCH];
    for (int i = 0; i < BATCHES; i++) {
        for (int k = 0; k < BATCH; k++)
            runs[k] =
                fx_run (self, "clean", none, i + k == 0 ? WIRE_RUN_FAILED : WIRE_RUN_SUCCEEDED);
        fx_node_report (self, &node, runs, BATCH);
        fx_pass (self, BG_SEC (1));
    }
    uint64_t failed[] = {WIRE_RUN_FAILED};
    wire_history_query query = {.states = failed, .states_count = 1, .limit = 10};
    const wire_history *page = history (self, query);
    assert_int_equal (page->rows_count, 0);
    assert_true (page->more);
    query.before = page->next_before;
    page = history (self, query);
    assert_int_equal (page->rows_count, 1);
    assert_false (page->more);
    query.before = 0;
    query.oldest_first = true;
    assert_int_equal (history (self, query)->rows_count, 1);
    fx_close (&self);
}

static void due_times_are_asked_of_one_job (void **state)
{
    (void) state;
    fx_node node;
    fx *self = open_with_job (&node);
    wire_run run = fx_run (self, "clean", none, WIRE_RUN_NOT_RUN);
    run.schedule = bg_slice_str ("nightly");
    run.reason = bg_slice_str ("misfire");
    run.nominal_us = self->now.utc_us - BG_HOUR (9);
    run.started_us = 0;
    fx_node_report (self, &node, &run, 1);
    wire_history_query query = {.job = bg_slice_str ("clean"),
        .due_since_us = run.nominal_us,
        .due_until_us = run.nominal_us + 1};
    assert_int_equal (history (self, query)->rows_count, 1);
    query.due_since_us++;
    query.due_until_us++;
    assert_int_equal (history (self, query)->rows_count, 0);
    query.job = bg_slice_str ("");
    fx_send (
        self, WIRE_ON_OPS, &self->people[FX_READER].curve_key, none, WIRE_HISTORY_QUERY, &query);
    fx_refused (self, BG_INVALID);
    fx_close (&self);
}

/*  ---- runs that wait ----  */

static void a_run_that_waits_is_shown_until_its_turn_comes (void **state)
{
    (void) state;
    fx_node node;
    fx *self = open_with_job (&node);
    const wire_audience all = fx_all ();
    const bg_id exec = fx_start (self, "clean", &all);
    wire_run run = fx_run (self, "clean", exec, WIRE_RUN_WAITING);
    run.started_us = run.finished_us = 0;
    run.queued_us = self->now.utc_us;
    fx_node_report (self, &node, &run, 1);
    wire_exec_row row = fx_exec_row (self, exec, true);
    assert_int_equal (row.pending, 0);
    assert_int_equal (row.waiting, 1);
    assert_int_equal (row.running, 0);
    assert_int_equal (row.groups_count, 1);
    assert_int_equal (row.groups[0].state, WIRE_RUN_WAITING);
    assert_int_equal (job_row (self, "clean")->waiting_runs, 1);
    assert_int_equal (job_row (self, "clean")->running, 0);
    fx_restart (self);
    fx_node_hello (self, &node);
    assert_int_equal (job_row (self, "clean")->waiting_runs, 1);
    uint64_t waiting[] = {WIRE_RUN_WAITING};
    assert_int_equal (
        history (self, (wire_history_query){.states = waiting, .states_count = 1})->rows_count, 1);
    run.state = WIRE_RUN_RUNNING;
    run.started_us = self->now.utc_us;
    fx_node_report (self, &node, &run, 1);
    row = fx_exec_row (self, exec, false);
    assert_int_equal (row.waiting, 0);
    assert_int_equal (row.running, 1);
    assert_int_equal (job_row (self, "clean")->waiting_runs, 0);
    assert_int_equal (job_row (self, "clean")->running, 1);
    assert_int_equal (
        history (self, (wire_history_query){.states = waiting, .states_count = 1})->rows_count, 0);
    run.state = WIRE_RUN_SUCCEEDED;
    run.finished_us = self->now.utc_us;
    fx_node_report (self, &node, &run, 1);
    row = fx_exec_row (self, exec, false);
    assert_int_equal (row.succeeded, 1);
    assert_true (row.done);
    assert_int_equal (job_row (self, "clean")->running, 0);
    fx_close (&self);
}

static void a_run_may_end_while_it_waits (void **state)
{
    (void) state;
    fx_node node;
    fx *self = open_with_job (&node);
    wire_run run = fx_run (self, "clean", none, WIRE_RUN_WAITING);
    fx_node_report (self, &node, &run, 1);
    const wire_status_query query = {0};
    const wire_status *status = fx_ask (self, FX_READER, WIRE_STATUS_QUERY, &query, WIRE_STATUS);
    assert_int_equal (status->waiting_runs, 1);
    assert_int_equal (status->running, 0);
    run.state = WIRE_RUN_CANCELED;
    fx_node_report (self, &node, &run, 1);
    status = fx_ask (self, FX_READER, WIRE_STATUS_QUERY, &query, WIRE_STATUS);
    assert_int_equal (status->waiting_runs, 0);
    assert_int_equal (status->running, 0);
    fx_close (&self);
}

/*  ---- jobs that deleted themselves ----  */

static void a_spent_job_is_counted_until_a_newer_version_comes (void **state)
{
    (void) state;
    fx_fleet fleet = fx_fleet_open ();
    fx *self = fleet.fx;
    const wire_audience all = fx_all ();
    fx_post_job (self, "once", &all);
    fx_node_settle (self, &fleet.db);
    fx_node_settle (self, &fleet.web[0]);
    wire_run run = fx_run (self, "once", none, WIRE_RUN_SUCCEEDED);
    run.job_version = job_row (self, "once")->version;
    run.spent = true;
    fx_node_report (self, &fleet.db, &run, 1);
    assert_int_equal (job_row (self, "once")->spent, 1);
    run.run = fx_id (self);
    run.job_version--; /*  an older one did  */
    fx_node_report (self, &fleet.web[0], &run, 1);
    assert_int_equal (job_row (self, "once")->spent, 1);
    fx_restart (self);
    assert_int_equal (job_row (self, "once")->spent, 1);
    assert_int_equal (job_row (self, "once")->targets, 3);
    fx_pass (self, BG_SEC (1));
    fx_post_next (self, "once", all, "/bin/false");
    assert_int_equal (job_row (self, "once")->spent, 0);
    fx_close (&self);
}

/*  ---- purge ----  */

static void a_purge_takes_an_admin_and_counts_first (void **state)
{
    (void) state;
    fx_node node;
    fx *self = open_with_job (&node);
    wire_run runs[3];
    for (int i = 0; i < 3; i++)
        runs[i] = fx_run (self, "clean", none, WIRE_RUN_SUCCEEDED);
    fx_node_report (self, &node, runs, 3);
    fx_pass (self, BG_SEC (1));
    wire_request purge = {
        .what = WIRE_REQUEST_PURGE, .name = bg_slice_str ("clean"), .before_us = self->now.utc_us};
    ask_request (self, FX_AUTHOR, &purge, false);
    fx_refused (self, BG_NOT_ALLOWED);
    ask_request (self, FX_ADMIN, &purge, true);
    assert_int_equal (((const wire_done *) fx_answer (self, WIRE_DONE))->count, 3);
    assert_int_equal (history (self, (wire_history_query){0})->rows_count, 3);
    purge.full = true; /*  of one and of all at once  */
    ask_request (self, FX_ADMIN, &purge, false);
    fx_refused (self, BG_INVALID);
    purge.full = false;
    purge.before_us = self->now.utc_us + BG_HOUR (1);
    ask_request (self, FX_ADMIN, &purge, false);
    fx_refused (self, BG_INVALID);
    purge.before_us = self->now.utc_us;
    ask_request (self, FX_ADMIN, &purge, false);
    assert_int_equal (((const wire_done *) fx_answer (self, WIRE_DONE))->count, 3);
    fx_tick (self);
    assert_int_equal (history (self, (wire_history_query){0})->rows_count, 0);
    assert_int_equal (job_row (self, "clean")->last_us, 0);
    fx_close (&self);
}

/*  The broker ends between the answer and the work.  */
static void a_purge_goes_on_after_a_restart (void **state)
{
    (void) state;
    fx_node node;
    fx *self = open_with_job (&node);
    wire_run run = fx_run (self, "clean", none, WIRE_RUN_SUCCEEDED);
    fx_node_report (self, &node, &run, 1);
    fx_pass (self, BG_SEC (1));
    const wire_request purge = {
        .what = WIRE_REQUEST_PURGE, .full = true, .before_us = self->now.utc_us};
    ask_request (self, FX_ADMIN, &purge, false);
    fx_restart (self);
    assert_true (broker_core_has_work (self->core));
    fx_tick (self);
    assert_int_equal (history (self, (wire_history_query){0})->rows_count, 0);
    assert_false (broker_core_has_work (self->core));
    fx_close (&self);
}

/*  How it ended is not known any more: it must not look as if the target had never answered.  */
static void targets_of_an_old_execution_are_not_silent_for_a_purge (void **state)
{
    (void) state;
    fx_node node;
    fx *self = open_with_job (&node);
    const wire_audience all = fx_all ();
    const bg_id exec = fx_start (self, "clean", &all);
    wire_run run = fx_run (self, "clean", exec, WIRE_RUN_SUCCEEDED);
    fx_node_report (self, &node, &run, 1);
    fx_pass (self, BG_SEC (1));
    const wire_request purge = {
        .what = WIRE_REQUEST_PURGE, .full = true, .before_us = self->now.utc_us};
    ask_request (self, FX_ADMIN, &purge, false);
    fx_tick (self);
    const wire_exec_row row = fx_exec_row (self, exec, true);
    assert_int_equal (row.groups_count, 1);
    assert_true (bg_slice_is (row.groups[0].reason, "purged"));
    const wire_target_query query = {.exec = exec, .exec_states = 1u << WIRE_EXEC_SILENT};
    const wire_targets *targets = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    assert_int_equal (targets->rows_count, 0);
    fx_close (&self);
}

/*  ---- categories, owners ----  */

static wire_signed job_of (fx *self, int person, const char *name, const char *category,
    const char *owner, uint64_t version)
{
    bg_slice argv[] = {bg_slice_str ("/bin/true")};
    wire_job_step step = {
        .name = bg_slice_str ("main"), .kind = WIRE_STEP_RUN, .argv = argv, .argv_count = 1};
    const wire_job job = {.name = bg_slice_str (name),
        .audience = fx_all (),
        .has_audience = true,
        .category = bg_slice_str (category),
        .owner = bg_slice_str (owner),
        .steps = &step,
        .steps_count = 1};
    return fx_document (self, person, WIRE_TYPE_JOB, fx_job_key (self, name), version, &job);
}

static const wire_categories *categories (fx *self, const char *after)
{
    const wire_category_query query = {.after = bg_slice_str (after)};
    return fx_ask (self, FX_READER, WIRE_CATEGORY_QUERY, &query, WIRE_CATEGORIES);
}

static void categories_are_those_created_and_those_in_use (void **state)
{
    (void) state;
    fx_node node;
    fx *self = open_with_job (&node);
    wire_signed job = job_of (self, FX_AUTHOR, "dump", "database", "", 0);
    fx_post (self, FX_AUTHOR, &job, 0);
    wire_request ask = {.what = WIRE_REQUEST_CATEGORY_CREATE,
        .name = bg_slice_str ("Web"),
        .value = bg_slice_str ("pages and such")};
    ask_request (self, FX_OPERATOR, &ask, false);
    fx_refused (self, BG_NOT_ALLOWED);
    ask_request (self, FX_AUTHOR, &ask, false);
    fx_answer (self, WIRE_DONE);
    ask.name = bg_slice_str ("web");
    ask_request (self, FX_AUTHOR, &ask, false);
    fx_refused (self, BG_EXISTS);
    ask.name = bg_slice_str ("Database"); /*  in use, and now described  */
    ask_request (self, FX_AUTHOR, &ask, false);
    fx_answer (self, WIRE_DONE);
    fx_restart (self);
    const wire_categories *all = categories (self, "");
    assert_int_equal (all->rows_count, 2);
    assert_true (bg_slice_is (all->rows[0].name, "Database"));
    assert_true (all->rows[0].known);
    assert_int_equal (all->rows[0].jobs, 1);
    assert_true (bg_slice_is (all->rows[1].name, "Web"));
    assert_true (bg_slice_is (all->rows[1].description, "pages and such"));
    assert_int_equal (all->rows[1].jobs, 0);
    assert_int_equal (categories (self, "database")->rows_count, 1);
    ask = (wire_request){.what = WIRE_REQUEST_CATEGORY_DELETE, .name = bg_slice_str ("database")};
    ask_request (self, FX_AUTHOR, &ask, false);
    fx_refused (self, BG_CONFLICT);
    ask.name = bg_slice_str ("wbe");
    ask_request (self, FX_AUTHOR, &ask, false);
    assert_non_null (strstr (
        (const char *) bg_arena_str (&self->arena, fx_refused (self, BG_NOT_FOUND)->hint), "Web"));
    ask.name = bg_slice_str ("WEB");
    ask_request (self, FX_AUTHOR, &ask, false);
    fx_answer (self, WIRE_DONE);
    assert_int_equal (categories (self, "")->rows_count, 1);
    fx_close (&self);
}

static void another_owner_takes_an_admin_and_has_to_be_there (void **state)
{
    (void) state;
    fx_node node;
    fx *self = open_with_job (&node);
    const char *author = (const char *) bg_arena_str (&self->arena, self->logins[FX_AUTHOR].name);
    const char *admin = (const char *) bg_arena_str (&self->arena, self->logins[FX_ADMIN].name);
    wire_signed job = job_of (self, FX_AUTHOR, "dump", "", admin, 0);
    fx_try_post (self, FX_AUTHOR, &job, 0);
    fx_refused (self, BG_NOT_ALLOWED);
    job = job_of (self, FX_AUTHOR, "dump", "", author, 0);
    const uint64_t first = fx_post (self, FX_AUTHOR, &job, 0)->version;
    fx_pass (self, BG_SEC (1));
    job = job_of (self, FX_ADMIN, "dump", "", "nobody", 0);
    fx_try_post (self, FX_ADMIN, &job, first);
    fx_refused (self, BG_NOT_FOUND);
    job = job_of (self, FX_ADMIN, "dump", "", admin, 0);
    const uint64_t second = fx_post (self, FX_ADMIN, &job, first)->version;
    assert_true (bg_slice_is (job_row (self, "dump")->owner, admin));
    fx_pass (self, BG_SEC (1));
    /*  What was so before may stay so, whoever changes something else.  */
    job = job_of (self, FX_AUTHOR, "dump", "database", admin, 0);
    fx_post (self, FX_AUTHOR, &job, second);
    const wire_job_query query = {.owner = bg_slice_str (admin)};
    const wire_jobs *jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
    assert_int_equal (jobs->rows_count, 1);
    assert_true (bg_slice_is (jobs->rows[0].name, "dump"));
    assert_true (bg_slice_is (job_row (self, "clean")->owner, author));
    fx_close (&self);
}

/*  ---- switches and start steps ----  */

static void post_switch (fx *self, bool disabled, int64_t until_us)
{
    const wire_switch body = {.object_type = WIRE_TYPE_JOB,
        .object_name = bg_slice_str ("clean"),
        .object_key = fx_job_key (self, "clean"),
        .disabled = disabled,
        .until_us = until_us};
    const bg_id key =
        wire_switch_key (self->settings.installation, WIRE_TYPE_JOB, body.object_name);
    const wire_signed document = fx_document (self, FX_OPERATOR, WIRE_TYPE_SWITCH, key, 0, &body);
    fx_post (self, FX_OPERATOR, &document, job_row (self, "clean")->switch_version);
    fx_pass (self, BG_SEC (1));
}

static void a_switch_turns_round_at_its_time (void **state)
{
    (void) state;
    fx_node node;
    fx *self = open_with_job (&node);
    const int64_t until_us = self->now.utc_us + BG_HOUR (1);
    post_switch (self, false, until_us);
    assert_false (job_row (self, "clean")->disabled);
    assert_int_equal (job_row (self, "clean")->enabled_until_us, until_us);
    fx_pass (self, BG_HOUR (1));
    assert_true (job_row (self, "clean")->disabled);
    assert_int_equal (job_row (self, "clean")->disabled_until_us, 0);
    post_switch (self, true, self->now.utc_us + BG_HOUR (1));
    assert_true (job_row (self, "clean")->disabled);
    fx_pass (self, BG_HOUR (1));
    assert_false (job_row (self, "clean")->disabled);
    assert_int_equal (job_row (self, "clean")->enabled_until_us, 0);
    fx_close (&self);
}

static void a_start_names_a_step_of_the_job (void **state)
{
    (void) state;
    fx_node node;
    fx *self = open_with_job (&node);
    wire_deed deed = {.installation = self->settings.installation,
        .id = fx_id (self),
        .what = WIRE_DEED_START,
        .issued_us = self->now.utc_us,
        .expires_us = self->now.utc_us + BG_HOUR (1),
        .has_to = true,
        .to = fx_all (),
        .job_key = fx_job_key (self, "clean"),
        .job_name = bg_slice_str ("clean"),
        .step = bg_slice_str ("mian")};
    wire_signed item;
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_DEED, self->settings.installation, &deed,
        self->people[FX_OPERATOR].secret, &self->arena, &item);
    fx_try_issue (self, FX_OPERATOR, &item);
    assert_non_null (strstr (
        (const char *) bg_arena_str (&self->arena, fx_refused (self, BG_NOT_FOUND)->hint), "main"));
    deed.step = bg_slice_str ("Main");
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_DEED, self->settings.installation, &deed,
        self->people[FX_OPERATOR].secret, &self->arena, &item);
    assert_int_equal (fx_issue (self, FX_OPERATOR, &item)->targets, 1);
    fx_close (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (times_of_a_liar_are_only_unequal),
        cmocka_unit_test (steps_are_found_by_name_duration_and_retries),
        cmocka_unit_test (a_rare_run_is_found_over_several_pages),
        cmocka_unit_test (due_times_are_asked_of_one_job),
        cmocka_unit_test (a_run_that_waits_is_shown_until_its_turn_comes),
        cmocka_unit_test (a_run_may_end_while_it_waits),
        cmocka_unit_test (a_spent_job_is_counted_until_a_newer_version_comes),
        cmocka_unit_test (a_purge_takes_an_admin_and_counts_first),
        cmocka_unit_test (a_purge_goes_on_after_a_restart),
        cmocka_unit_test (targets_of_an_old_execution_are_not_silent_for_a_purge),
        cmocka_unit_test (categories_are_those_created_and_those_in_use),
        cmocka_unit_test (another_owner_takes_an_admin_and_has_to_be_there),
        cmocka_unit_test (a_switch_turns_round_at_its_time),
        cmocka_unit_test (a_start_names_a_step_of_the_job),
    };
    return cmocka_run_group_tests_name ("broker history", tests, NULL, NULL);
}
