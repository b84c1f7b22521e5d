/*  The node's core and the decisions of bugle-exec together: what one says the other must take.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node_pair.h"

#include <stdlib.h>

static int setup (void **state)
{
    node_pair *self = bg_alloc (sizeof *self);
    node_pair_init (self);
    node_fixture_enlist (&self->node);
    *state = self;
    return 0;
}

static int teardown (void **state)
{
    node_pair_fini (*state);
    free (*state);
    return 0;
}

static void enlistment_is_taken_over (void **state)
{
    node_pair *self = *state;
    const exec_status status = exec_core_status (self->exec.core);
    assert_true (status.anchored);
    assert_true (status.is_member);
    assert_int_equal (status.authority, 1);
    assert_int_equal (status.membership, 1);
    assert_true (status.time_known);
    assert_true (bg_slice_is (self->node.answer.message, "wrote the default policy"));
    assert_true (node_fixture_state (&self->node).exec_ready);
}

/*  The job "one" and a START of it, both with the node.  */
static node_pending *push_start_of_one (node_fixture *node)
{
    node_fixture_push (node, node_fixture_job (node, "one", NULL, 0));
    node_pending *row =
        node_fixture_post (node, node_fixture_start (node, "one", node->now.utc_us));
    node_fixture_push (node, row->item);
    return row;
}

static void a_start_runs_and_its_outcome_is_stored (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    node_pending *row = push_start_of_one (node);
    assert_int_equal (self->exec.spawn_count, 1);
    assert_int_equal (node_fixture_state (node).open_runs, 1);
    node_pair_finish (self, WIRE_RUN_SUCCEEDED);
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (row->acks, 0); /*  its outcome says it  */
    assert_int_equal (node->run_count, 1);
    assert_int_equal (node->runs[0].state, WIRE_RUN_SUCCEEDED);
    assert_true (bg_id_equal (node->runs[0].exec, row->key));
    assert_int_equal (exec_core_status (self->exec.core).finished, 0); /*  taken  */
}

/*  A run that is over at once is one report; a longer one is told of soon after it began.  */
static void a_beginning_is_told_a_moment_later (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    node_pending *row = push_start_of_one (node);
    assert_int_equal (self->exec.spawn_count, 1);
    node_pair_advance (self, BG_MS (200));
    assert_int_equal (node_fixture_reported (node, WIRE_RUN_RUNNING, NULL), 0);
    assert_int_equal (row->state, 0);
    node_pair_advance (self, BG_MS (100));
    assert_int_equal (node_fixture_reported (node, WIRE_RUN_RUNNING, NULL), 1);
    assert_int_equal (node_fixture_reported (node, WIRE_RUN_SUCCEEDED, NULL), 0);
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (row->acks, 0);
    node_pair_finish (self, WIRE_RUN_SUCCEEDED);
    assert_int_equal (node_fixture_reported (node, WIRE_RUN_SUCCEEDED, NULL), 1);
}

/*  The broker need not know that news of the run will come: asked again, the node says so.  */
static void a_start_that_comes_again_is_acknowledged_at_once (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    node_pending *row = push_start_of_one (node);
    assert_int_equal (row->acks, 0);
    node_fixture_push (node, row->item);
    assert_int_equal (row->acks, 1);
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (self->exec.spawn_count, 1);
}

/*  What was not sent before a restart is sent after it, beginning and end, in order.  */
static void a_restart_between_beginning_and_end_loses_neither (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    node_pending *row = push_start_of_one (node);
    node_fixture_restart (node);
    node_pair_finish (self, WIRE_RUN_SUCCEEDED);
    node_pair_advance (self, BG_SEC (10));
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (node_fixture_reported (node, WIRE_RUN_SUCCEEDED, NULL), 1);
    assert_int_equal (node->runs[node->run_count - 1].state, WIRE_RUN_SUCCEEDED);
    assert_int_equal (self->exec.spawn_count, 1);
}

static void schedules_run_and_overlap_is_told (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    node_fixture_push (node, node_fixture_job (node, "ten", NULL, BG_SEC (10)));
    node_pair_advance (self, BG_SEC (11));
    assert_int_equal (self->exec.spawn_count, 1);
    node_pair_advance (self, BG_SEC (10));
    assert_int_equal (node_fixture_reported (node, WIRE_RUN_NOT_RUN, "overlap"), 1);
    node_pair_finish (self, WIRE_RUN_FAILED);
    node_pair_advance (self, BG_SEC (10));
    assert_int_equal (self->exec.spawn_count, 2);
}

static void a_disabled_job_refuses_a_start (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    node_fixture_push (node, node_fixture_job (node, "one", NULL, 0));
    node_fixture_push (node, fixture_switch (&node->signing, "one", true, 0));
    node_fixture_push (node, node_fixture_start (node, "one", node->now.utc_us));
    assert_int_equal (self->exec.spawn_count, 0);
    assert_int_equal (node_fixture_reported (node, WIRE_RUN_NOT_RUN, "disabled"), 1);
}

static void a_stop_reaches_the_run (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    node_fixture_push (node, node_fixture_job (node, "one", NULL, 0));
    node_fixture_push (node, node_fixture_start (node, "one", node->now.utc_us));
    node_pair_advance (self, BG_SEC (2));
    wire_deed deed = fixture_deed (
        &node->signing, WIRE_DEED_STOP, "one", node->now.utc_us, node->now.utc_us + BG_MIN (10));
    node_pending *row =
        node_fixture_post (node, fixture_sign_deed (&node->signing, &deed, &node->signing.admin));
    node_fixture_push (node, row->item);
    assert_int_equal (self->exec.stop_count, 1);
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
}

static void both_sides_restart_in_the_middle_of_a_run (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    node_fixture_push (node, node_fixture_job (node, "ten", NULL, BG_SEC (10)));
    node_pair_advance (self, BG_SEC (10));
    assert_int_equal (self->exec.spawn_count, 1);
    node_fixture_restart (node);
    node_fixture_exec_down (node);
    exec_fixture_restart (&self->exec, self->exec.log_count);
    exec_fixture_clear (&self->exec);
    node_fixture_exec_up (node);
    assert_int_equal (node_fixture_state (node).open_runs, 1);
    node_pair_finish (self, WIRE_RUN_SUCCEEDED);
    node_pair_advance (self, BG_SEC (3));
    assert_int_equal (node_fixture_reported (node, WIRE_RUN_RUNNING, NULL), 1);
    assert_int_equal (node_fixture_reported (node, WIRE_RUN_SUCCEEDED, NULL), 1);
    assert_int_equal (node_fixture_state (node).open_runs, 0);
}

static void a_document_that_needs_another_waits_at_both (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    wire_job body = fixture_job (&node->signing, "second");
    wire_document fixed = fixture_fixed (&node->signing, WIRE_TYPE_JOB, "second");
    wire_need need = {.key = wire_document_key (
                          node->signing.installation, WIRE_TYPE_JOB, bg_slice_str ("first")),
        .version = 1};
    fixed.has_needs = true;
    fixed.needs.documents = &need;
    fixed.needs.documents_count = 1;
    node_pending *row = node_fixture_post (
        node, fixture_document_as (&node->signing, &fixed, &body, &node->signing.admin));
    node_fixture_push (node, row->item);
    assert_int_equal (row->state, WIRE_DELIVERY_WAITING);
    node_fixture_push (node, node_fixture_job (node, "first", NULL, 0));
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
}

static void a_forged_job_is_refused (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    wire_job body = fixture_job (&node->signing, "one");
    wire_document fixed = fixture_fixed (&node->signing, WIRE_TYPE_JOB, "one");
    node_pending *row = node_fixture_post (
        node, fixture_document_as (&node->signing, &fixed, &body, &node->signing.broker));
    node_fixture_push (node, row->item);
    assert_true (row->state == WIRE_DELIVERY_FAILED || row->state == WIRE_DELIVERY_WAITING);
    assert_int_equal (node_fixture_state (node).jobs, 0);
}

static void defect_and_enlist_again (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    node_fixture_push (node, node_fixture_job (node, "one", NULL, 0));
    node_fixture_defect_request (node, false);
    assert_true (bg_slice_is (node->answer.code, "ok"));
    assert_false (exec_core_status (self->exec.core).anchored);
    node->pending_count = 0;
    node_fixture_enlist (node);
    assert_true (exec_core_status (self->exec.core).is_member);
    node_fixture_push (node, node_fixture_job (node, "one", NULL, 0));
    node_fixture_push (node, node_fixture_start (node, "one", node->now.utc_us));
    assert_int_equal (self->exec.spawn_count, 1);
}

/*  Its outbox is another one then: what was to be told in the old one is told anew.  */
static void a_run_that_outlives_its_enlistment_is_told_in_the_next (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    node_fixture_push (node, node_fixture_job (node, "one", NULL, 0));
    node_fixture_push (node, node_fixture_start (node, "one", node->now.utc_us));
    assert_int_equal (self->exec.spawn_count, 1);
    node_fixture_defect_request (node, false);
    node->pending_count = 0;
    node_fixture_enlist (node);
    node_pair_finish (self, WIRE_RUN_SUCCEEDED);
    node_pair_advance (self, BG_SEC (1));
    assert_int_equal (node_fixture_reported (node, WIRE_RUN_SUCCEEDED, NULL), 1);
}

/*  ---- one-shot jobs ----  */

static wire_deed one_shot (node_pair *self, const char *name)
{
    return fixture_one_shot (
        &self->node.signing, name, NULL, self->node.now.utc_us, &self->node.signing.admin);
}

static wire_signed signed_deed (node_pair *self, const wire_deed *deed)
{
    return fixture_sign_deed (&self->node.signing, deed, &self->node.signing.admin);
}

static void a_start_with_its_job_runs_without_holding_it (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    const node_core_state before = node_fixture_state (node);
    wire_deed deed = one_shot (self, "run: uptime");
    node_pending *row = node_fixture_post (node, signed_deed (self, &deed));
    node_fixture_push (node, row->item);
    assert_int_equal (self->exec.spawn_count, 1);
    node_pair_finish (self, WIRE_RUN_SUCCEEDED);
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (node_fixture_reported (node, WIRE_RUN_SUCCEEDED, NULL), 1);
    assert_true (bg_id_equal (node->runs[node->run_count - 1].exec, deed.id));
    assert_true (bg_id_equal (node->runs[node->run_count - 1].job_key, deed.job_key));
    assert_int_equal (node_fixture_state (node).jobs, before.jobs);
    node_fixture_push (node, row->item);
    node_fixture_restart (node);
    node_fixture_push (node, row->item);
    assert_int_equal (self->exec.spawn_count, 1);
}

static void one_that_waits_survives_a_restart (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    wire_deed deed = one_shot (self, "run: uptime");
    deed.has_needs = true;
    deed.needs.authority = 2;
    node_pending *row = node_fixture_post (node, signed_deed (self, &deed));
    node_fixture_push (node, row->item);
    assert_int_equal (self->exec.spawn_count, 0);
    assert_int_equal (row->state, WIRE_DELIVERY_WAITING);
    node_fixture_restart (node);
    node_fixture_post (node, fixture_authority (&node->signing, 2, 0));
    node_pair_advance (self, BG_MIN (2));
    assert_int_equal (self->exec.spawn_count, 1);
    node_pair_advance (self, BG_SEC (1));
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
}

static void a_large_one_comes_by_reference (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    wire_deed deed = one_shot (self, "run: uptime");
    node->fetchable = signed_deed (self, &deed);
    wire_reference reference = {.type = WIRE_TYPE_DEED, .key = deed.id, .version = 1};
    wire_hash32 (node->fetchable.bytes, reference.hash);
    node_fixture_refer (node, &reference);
    assert_int_equal (self->exec.spawn_count, 1);
    const size_t fetches = node->said[WIRE_FETCH];
    assert_int_equal (fetches, 1);
    node_fixture_refer (node, &reference); /*  known by now  */
    assert_int_equal (node->said[WIRE_FETCH], fetches);
}

static void a_stop_of_the_execution_reaches_its_run (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    wire_deed deed = one_shot (self, "run: uptime");
    node_fixture_push (node, signed_deed (self, &deed));
    assert_int_equal (self->exec.spawn_count, 1);
    wire_deed stop = fixture_deed (&node->signing, WIRE_DEED_STOP, "run: uptime", node->now.utc_us,
        node->now.utc_us + BG_MIN (10));
    stop.job_key = deed.job_key;
    stop.exec = deed.id;
    node_fixture_push (node, signed_deed (self, &stop));
    assert_int_equal (self->exec.stop_count, 1);
    node_pair_finish (self, WIRE_RUN_CANCELED);
    assert_int_equal (node_fixture_reported (node, WIRE_RUN_CANCELED, NULL), 1);
}

/*  ---- kept output ----  */

static void ask (node_pair *self, bg_id request, const wire_ask *question)
{
    node_fixture_desk (&self->node, WIRE_ASK, request, question);
    node_fixture_settle (&self->node);
}

static void output_is_asked_of_bugle_exec (void **state)
{
    node_pair *self = *state;
    node_fixture *node = &self->node;
    wire_deed deed = one_shot (self, "run: uptime");
    const wire_ask by_exec = {.what = WIRE_ASK_OUTPUT, .exec = deed.id, .offset = 7};
    const bg_id request = {{1, 2, 3}};
    ask (self, request, &by_exec);
    assert_int_equal (node->said[WIRE_TOLD], 1);
    assert_true (bg_slice_is (node->told.code, "not-found")); /*  nothing runs  */
    node_fixture_push (node, signed_deed (self, &deed));
    ask (self, request, &by_exec);
    assert_int_equal (node->said[WIRE_TOLD], 2);
    assert_true (bg_slice_is (node->told.code, "ok"));
    assert_true (bg_slice_is (node->told.bytes, "output"));
    assert_int_equal (node->told.offset, 7);
    assert_true (bg_id_equal (node->told.run, self->exec.spawned));
    assert_true (bg_id_equal (node->requests[WIRE_TOLD], request));
    node_fixture_exec_down (node);
    ask (self, request, &by_exec);
    assert_true (bg_slice_is (node->told.code, "offline"));
}

int main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST (enlistment_is_taken_over),
        TEST (a_start_runs_and_its_outcome_is_stored),
        TEST (a_beginning_is_told_a_moment_later),
        TEST (a_start_that_comes_again_is_acknowledged_at_once),
        TEST (a_restart_between_beginning_and_end_loses_neither),
        TEST (schedules_run_and_overlap_is_told),
        TEST (a_disabled_job_refuses_a_start),
        TEST (a_stop_reaches_the_run),
        TEST (both_sides_restart_in_the_middle_of_a_run),
        TEST (a_document_that_needs_another_waits_at_both),
        TEST (a_forged_job_is_refused),
        TEST (defect_and_enlist_again),
        TEST (a_run_that_outlives_its_enlistment_is_told_in_the_next),
        TEST (a_start_with_its_job_runs_without_holding_it),
        TEST (one_that_waits_survives_a_restart),
        TEST (a_large_one_comes_by_reference),
        TEST (a_stop_of_the_execution_reaches_its_run),
        TEST (output_is_asked_of_bugle_exec),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
