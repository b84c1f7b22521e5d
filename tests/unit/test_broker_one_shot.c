/*  One-shot jobs and the STOP of one execution at the broker.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/audience.h"
#include "tests/unit/broker_fixture.h"

#include <stdio.h>

static const bg_id none;

/*  A START with its job, each signed by somebody.  */
typedef struct {
    int author;
    int operator_;
    wire_audience to;
    wire_audience job_to;
    size_t input; /*  bytes  */
    int64_t life_us;
    int64_t job_life_us;
} order;

static order order_for (const wire_audience *to)
{
    return (order){FX_AUTHOR, FX_OPERATOR, *to, *to, 0, BG_MIN (10), BG_MIN (10)};
}

static wire_signed sign (fx *self, const order *what, wire_deed *deed)
{
    bg_slice argv[] = {bg_slice_str ("uptime")};
    uint8_t *input = bg_arena_alloc (&self->arena, what->input + 1);
    memset (input, 'x', what->input);
    wire_job_step step = {.name = bg_slice_str ("run"),
        .kind = WIRE_STEP_RUN,
        .argv = argv,
        .argv_count = 1,
        .input = bg_slice_of (input, what->input)};
    const wire_job job = {.name = bg_slice_str ("run: uptime"),
        .has_audience = true,
        .audience = what->job_to,
        .steps = &step,
        .steps_count = 1,
        .max_starts = 1};
    const wire_document fixed = {.type = WIRE_TYPE_JOB,
        .installation = self->settings.installation,
        .key = fx_id (self),
        .version = (uint64_t) (self->now.utc_us / 1000),
        .not_after_us = self->now.utc_us + what->job_life_us};
    *deed = (wire_deed){.installation = self->settings.installation,
        .id = fx_id (self),
        .what = WIRE_DEED_START,
        .issued_us = self->now.utc_us,
        .expires_us = self->now.utc_us + what->life_us,
        .has_to = true,
        .to = what->to,
        .job_key = fixed.key,
        .job_name = job.name,
        .has_document = true};
    wire_document_make (wire_crypto_sodium (), &fixed, &job, self->people[what->author].secret,
        &self->arena, &deed->document);
    wire_signed out;
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_DEED, self->settings.installation, deed,
        self->people[what->operator_].secret, &self->arena, &out);
    return out;
}

static wire_signed sign_stop (fx *self, const wire_deed *start, bg_id *id)
{
    *id = fx_id (self);
    const wire_deed deed = {.installation = self->settings.installation,
        .id = *id,
        .what = WIRE_DEED_STOP,
        .issued_us = self->now.utc_us,
        .expires_us = self->now.utc_us + BG_MIN (10),
        .has_to = true,
        .to = {.all = true},
        .job_key = start->job_key,
        .job_name = start->job_name,
        .exec = start->id};
    wire_signed out;
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_DEED, self->settings.installation, &deed,
        self->people[FX_OPERATOR].secret, &self->arena, &out);
    return out;
}

static void report (fx *self, fx_node *node, const wire_deed *deed, uint64_t state)
{
    wire_run run = fx_run (self, "run: uptime", deed->id, state);
    run.job_key = deed->job_key;
    if (state == WIRE_RUN_NOT_RUN)
        run.reason = bg_slice_str ("superseded");
    fx_node_report (self, node, &run, 1);
}

static uint64_t states_of (fx *self, const wire_deed *deed, uint64_t bits, const char *name)
{
    const wire_target_query query = {.exec = deed->id, .exec_states = bits, .defected = true};
    const wire_targets *found = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    for (size_t i = 0; i < found->rows_count; i++)
        if (bg_slice_is (found->rows[i].name, name))
            return found->rows[i].exec_state;
    return 0;
}

static void a_start_with_its_job_goes_to_its_targets (void **state)
{
    (void) state;
    fx_fleet f = fx_fleet_open ();
    wire_deed deed;
    const wire_audience group = fx_group (f.fx, "web");
    const order what = order_for (&group);
    wire_signed item = sign (f.fx, &what, &deed);
    assert_int_equal (fx_issue (f.fx, FX_OPERATOR, &item)->targets, 2);
    const wire_poll_answer *answer = fx_node_poll (f.fx, &f.web[0]);
    assert_int_equal (answer->instructions_count, 1);
    assert_true (bg_slice_equal (answer->instructions[0].bytes, item.bytes));
    assert_int_equal (fx_node_poll (f.fx, &f.db)->instructions_count, 0);
    report (f.fx, &f.web[0], &deed, WIRE_RUN_RUNNING);
    report (f.fx, &f.web[0], &deed, WIRE_RUN_SUCCEEDED);
    fx_restart (f.fx);
    fx_node_hello (f.fx, &f.web[1]);
    report (f.fx, &f.web[1], &deed, WIRE_RUN_FAILED);
    const wire_exec_row row = fx_exec_row (f.fx, deed.id, true);
    assert_true (row.done);
    assert_true (row.one_shot);
    assert_int_equal (row.succeeded, 1);
    assert_int_equal (row.failed, 1);
    assert_true (row.has_deed && bg_slice_equal (row.deed.bytes, item.bytes));
    /*  It stands nowhere.  */
    const wire_job_query jobs = {0};
    assert_int_equal (
        ((const wire_jobs *) fx_ask (f.fx, FX_READER, WIRE_JOB_QUERY, &jobs, WIRE_JOBS))
            ->rows_count,
        0);
    assert_int_equal (states_of (f.fx, &deed, 1u << WIRE_EXEC_FAILED, "web02"), WIRE_EXEC_FAILED);
    assert_int_equal (states_of (f.fx, &deed, 1u << WIRE_EXEC_FAILED, "web01"), 0);
    assert_int_equal (states_of (f.fx, &deed, 0, "web01"), WIRE_EXEC_SUCCEEDED);
    assert_int_equal (states_of (f.fx, &deed, 0, "db01"), 0);
    fx_close (&f.fx);
}

static void each_reason_refuses_it (void **state)
{
    (void) state;
    fx_fleet f = fx_fleet_open ();
    wire_deed deed;
    const wire_audience group = fx_group (f.fx, "web");
    const wire_audience all = fx_all ();
    order what = order_for (&group);
    what.author = FX_OPERATOR; /*  who signs what runs is an author  */
    wire_signed item = sign (f.fx, &what, &deed);
    fx_try_issue (f.fx, FX_OPERATOR, &item);
    fx_refused (f.fx, BG_NOT_ALLOWED);
    what = order_for (&group);
    what.operator_ = FX_READER;
    item = sign (f.fx, &what, &deed);
    fx_try_issue (f.fx, FX_OPERATOR, &item);
    fx_refused (f.fx, BG_NOT_ALLOWED);
    what = order_for (&all); /*  the author meant the group  */
    what.job_to = group;
    item = sign (f.fx, &what, &deed);
    fx_try_issue (f.fx, FX_OPERATOR, &item);
    fx_refused (f.fx, BG_INVALID);
    what = order_for (&group);
    what.job_life_us = -BG_SEC (1);
    item = sign (f.fx, &what, &deed);
    fx_try_issue (f.fx, FX_OPERATOR, &item);
    fx_refused (f.fx, BG_EXPIRED);
    what = order_for (&group);
    item = sign (f.fx, &what, &deed);
    fx_try_post (f.fx, FX_AUTHOR, &deed.document, 0);
    fx_refused (f.fx, BG_INVALID);
    assert_int_equal (fx_issue (f.fx, FX_OPERATOR, &item)->targets, 2);
    assert_true (fx_issue (f.fx, FX_OPERATOR, &item)->repeated);
    fx_close (&f.fx);
}

/*  Over the inline limit it is announced, and fetched by those who should have it.  */
static void a_large_one_is_fetched (void **state)
{
    (void) state;
    fx_fleet f = fx_fleet_open ();
    wire_deed deed;
    const wire_audience names = fx_names (f.fx, "web01", NULL);
    order what = order_for (&names);
    what.input = 100000;
    wire_signed item = sign (f.fx, &what, &deed);
    fx_issue (f.fx, FX_OPERATOR, &item);
    const wire_fetch fetch = {
        .has_what = true, .what = {.type = WIRE_TYPE_DEED, .key = deed.id, .version = 1}};
    fx_send (f.fx, WIRE_ON_DESK, &f.web[0].keys.curve_key, f.web[0].session, WIRE_FETCH, &fetch);
    const wire_fetched *fetched = fx_answer (f.fx, WIRE_FETCHED);
    assert_true (bg_slice_equal (fetched->document.bytes, item.bytes));
    fx_send (f.fx, WIRE_ON_DESK, &f.db.keys.curve_key, f.db.session, WIRE_FETCH, &fetch);
    fx_refused (f.fx, BG_NOT_FOUND);
    report (f.fx, &f.web[0], &deed, WIRE_RUN_SUCCEEDED);
    fx_send (f.fx, WIRE_ON_DESK, &f.web[0].keys.curve_key, f.web[0].session, WIRE_FETCH, &fetch);
    fx_refused (f.fx, BG_NOT_FOUND);
    fx_close (&f.fx);
}

/*  ---- STOP of one execution ----  */

static void who_has_not_begun_is_canceled_at_once (void **state)
{
    (void) state;
    fx_fleet f = fx_fleet_open ();
    wire_deed deed;
    bg_id stop_id;
    const wire_audience all = fx_all ();
    const order what = order_for (&all);
    wire_signed item = sign (f.fx, &what, &deed);
    fx_issue (f.fx, FX_OPERATOR, &item);
    report (f.fx, &f.web[0], &deed, WIRE_RUN_RUNNING);
    report (f.fx, &f.db, &deed, WIRE_RUN_SUCCEEDED);
    item = sign_stop (f.fx, &deed, &stop_id);
    assert_int_equal (fx_issue (f.fx, FX_OPERATOR, &item)->targets, 2); /*  all but who is over  */
    wire_exec_row row = fx_exec_row (f.fx, deed.id, true);
    assert_true (bg_id_equal (row.canceled_by, stop_id));
    assert_int_equal (row.canceled, 1);
    assert_int_equal (row.running, 1);
    assert_false (row.done);
    fx_restart (f.fx);
    fx_node_hello (f.fx, &f.web[0]);
    fx_node_hello (f.fx, &f.web[1]);
    assert_int_equal (states_of (f.fx, &deed, 0, "web02"), WIRE_EXEC_CANCELED);
    /*  It gets the STOP, since it may have begun, but not the START any more.  */
    const wire_poll_answer *answer = fx_node_poll (f.fx, &f.web[1]);
    assert_int_equal (answer->instructions_count, 1);
    assert_true (bg_slice_equal (answer->instructions[0].bytes, item.bytes));
    report (f.fx, &f.web[1], &deed, WIRE_RUN_NOT_RUN);
    report (f.fx, &f.web[0], &deed, WIRE_RUN_CANCELED);
    row = fx_exec_row (f.fx, deed.id, true);
    assert_true (row.done);
    assert_int_equal (row.canceled, 2);
    assert_int_equal (row.succeeded, 1);
    assert_int_equal (row.not_run, 0);
    assert_int_equal (row.groups_count, 2);
    const wire_exec_query query = {.limit = 10};
    const wire_execs *list = fx_ask (f.fx, FX_READER, WIRE_EXEC_QUERY, &query, WIRE_EXECS);
    assert_int_equal (list->rows_count, 2);
    assert_true (bg_id_equal (list->rows[1].canceled_by, stop_id) && list->rows[1].one_shot);
    fx_close (&f.fx);
}

/*  It had begun and nobody knew: what it says itself counts.  */
static void a_run_that_began_unheard_counts_as_it_ended (void **state)
{
    (void) state;
    fx_fleet f = fx_fleet_open ();
    wire_deed deed;
    bg_id stop_id;
    const wire_audience names = fx_names (f.fx, "web01", NULL);
    const order what = order_for (&names);
    wire_signed item = sign (f.fx, &what, &deed);
    fx_issue (f.fx, FX_OPERATOR, &item);
    item = sign_stop (f.fx, &deed, &stop_id);
    fx_issue (f.fx, FX_OPERATOR, &item);
    assert_true (fx_exec_row (f.fx, deed.id, false).done);
    fx_restart (f.fx);
    fx_node_hello (f.fx, &f.web[0]);
    report (f.fx, &f.web[0], &deed, WIRE_RUN_RUNNING);
    assert_int_equal (fx_exec_row (f.fx, deed.id, false).canceled, 1);
    report (f.fx, &f.web[0], &deed, WIRE_RUN_SUCCEEDED);
    const wire_exec_row row = fx_exec_row (f.fx, deed.id, true);
    assert_int_equal (row.canceled, 0);
    assert_int_equal (row.succeeded, 1);
    assert_int_equal (row.groups_count, 1);
    assert_int_equal (row.groups[0].state, WIRE_RUN_SUCCEEDED);
    fx_close (&f.fx);
}

static void a_stop_needs_something_that_is_open (void **state)
{
    (void) state;
    fx_fleet f = fx_fleet_open ();
    wire_deed deed;
    bg_id stop_id;
    const wire_audience names = fx_names (f.fx, "web01", NULL);
    const order what = order_for (&names);
    wire_signed item = sign (f.fx, &what, &deed);
    wire_signed early = sign_stop (f.fx, &deed, &stop_id);
    fx_try_issue (f.fx, FX_OPERATOR, &early);
    fx_refused (f.fx, BG_NOT_FOUND);
    fx_issue (f.fx, FX_OPERATOR, &item);
    wire_deed other = deed;
    other.job_key.bytes[0] ^= 1;
    early = sign_stop (f.fx, &other, &stop_id);
    fx_try_issue (f.fx, FX_OPERATOR, &early);
    fx_refused (f.fx, BG_NOT_FOUND);
    report (f.fx, &f.web[0], &deed, WIRE_RUN_SUCCEEDED);
    early = sign_stop (f.fx, &deed, &stop_id);
    fx_try_issue (f.fx, FX_OPERATOR, &early);
    fx_refused (f.fx, BG_NOT_FOUND);
    assert_true (bg_id_equal (fx_exec_row (f.fx, deed.id, false).canceled_by, none));
    fx_close (&f.fx);
}

/*  ---- reports ----  */

/*  A target may not write into the history of a standing job under another name.  */
static void a_run_with_the_key_of_a_job_and_another_name_is_refused (void **state)
{
    (void) state;
    fx_fleet f = fx_fleet_open ();
    const wire_audience group = fx_group (f.fx, "web");
    wire_signed job = fx_job (f.fx, FX_AUTHOR, "clean", &group, 0, "/bin/true");
    fx_post (f.fx, FX_AUTHOR, &job, 0);
    wire_run run = fx_run (f.fx, "dirty", fx_id (f.fx), WIRE_RUN_SUCCEEDED);
    run.job_key = fx_job_key (f.fx, "clean");
    assert_int_equal (fx_node_report (f.fx, &f.web[0], &run, 1)->refused_count, 1);
    run = fx_run (f.fx, "dirty", none, WIRE_RUN_SUCCEEDED);
    run.job_key = fx_id (f.fx);
    assert_int_equal (fx_node_report (f.fx, &f.web[0], &run, 1)->refused_count, 1);
    fx_close (&f.fx);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_start_with_its_job_goes_to_its_targets),
        cmocka_unit_test (each_reason_refuses_it),
        cmocka_unit_test (a_large_one_is_fetched),
        cmocka_unit_test (who_has_not_begun_is_canceled_at_once),
        cmocka_unit_test (a_run_that_began_unheard_counts_as_it_ended),
        cmocka_unit_test (a_stop_needs_something_that_is_open),
        cmocka_unit_test (a_run_with_the_key_of_a_job_and_another_name_is_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
