/*  The node's core: starts and stops, and that each is done once.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node_fixture.h"

static void a_start_runs_once_however_often_it_comes (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "one", NULL, 0));
    node_pending *row =
        node_fixture_post (self, node_fixture_start (self, "one", self->now.utc_us));
    node_fixture_push (self, row->item);
    node_fixture_publish (self, 0, 1, &row->item);
    node_fixture_push (self, row->item);
    assert_int_equal (self->exec_run_count, 1);
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    node_fixture_restart (self);
    node_fixture_push (self, row->item);
    node_fixture_advance (self, BG_MIN (2));
    assert_int_equal (self->exec_run_count, 1);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_RUNNING, NULL), 1);
    node_fixture_finish (self, 0, WIRE_RUN_SUCCEEDED);
    assert_true (self->exec_runs[0].taken);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_SUCCEEDED, NULL), 1);
}

static void a_refused_start_is_a_run_that_did_not_happen (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "one", NULL, 0));
    self->start_code = "overlap";
    node_pending *row =
        node_fixture_post (self, node_fixture_start (self, "one", self->now.utc_us));
    node_fixture_push (self, row->item);
    assert_int_equal (row->state, WIRE_DELIVERY_FAILED);
    assert_string_equal (row->code, "overlap");
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "overlap"), 1);
    assert_true (bg_id_equal (self->runs[0].exec, row->key));
    /*  Once, also when it comes again.  */
    node_fixture_push (self, row->item);
    assert_int_equal (self->run_count, 1);
    assert_int_equal (row->acks, 2);
}

static void a_start_that_is_not_for_this_target_any_more_did_not_run (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "one", NULL, 0));
    self->start_code = "wrong-target";
    node_fixture_push (self, node_fixture_start (self, "one", self->now.utc_us));
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "wrong-target"), 1);
    assert_int_equal (node_fixture_counter (self, "wrong-target"), 1);
}

static wire_signed forged_start (node_fixture *self, const char *job, int64_t issued_us)
{
    wire_deed deed =
        fixture_deed (&self->signing, WIRE_DEED_START, job, issued_us, issued_us + BG_HOUR (1));
    return fixture_sign_deed (&self->signing, &deed, &self->signing.stranger);
}

/*  Whoever owns the front can say anything in the broker's name, but sign nothing in a login's.  */
static void a_start_that_nobody_signed_leaves_no_trace (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "one", NULL, 0));
    self->start_code = "bad-signature";
    node_pending *row = node_fixture_post (self, forged_start (self, "one", self->now.utc_us));
    node_fixture_push (self, row->item);
    assert_int_equal (row->state, WIRE_DELIVERY_SKIPPED);
    for (int i = 0; i < 20; i++)
        node_fixture_push (self, forged_start (self, "none", self->now.utc_us));
    node_fixture_advance (self, BG_SEC (61));
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (self->run_count, 0);
    assert_int_equal (node_fixture_state (self).outbox, 0);
}

/*  The same id comes again with the right signature: the forged one has not spoiled it.  */
static void a_forged_start_does_not_spoil_the_genuine_one (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "one", NULL, 0));
    wire_deed deed = fixture_deed (
        &self->signing, WIRE_DEED_START, "one", self->now.utc_us, self->now.utc_us + BG_HOUR (1));
    self->start_code = "bad-signature";
    node_fixture_push (self, fixture_sign_deed (&self->signing, &deed, &self->signing.stranger));
    self->start_code = NULL;
    node_fixture_push (self, fixture_sign_deed (&self->signing, &deed, &self->signing.admin));
    assert_int_equal (self->exec_run_count, 1);
    /*  Nor does a newer one supersede it.  */
    node_fixture_exec_down (self);
    node_pending *row =
        node_fixture_post (self, node_fixture_start (self, "one", self->now.utc_us));
    node_fixture_push (self, row->item);
    node_fixture_push (self, forged_start (self, "one", self->now.utc_us + 5));
    node_fixture_exec_up (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_string_not_equal (row->code, "superseded");
}

static void of_piled_up_starts_the_newest_counts (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "one", NULL, 0));
    node_fixture_push (self, node_fixture_job (self, "two", NULL, 0));
    node_fixture_exec_down (self);
    node_pending *first =
        node_fixture_post (self, node_fixture_start (self, "one", self->now.utc_us));
    node_pending *last =
        node_fixture_post (self, node_fixture_start (self, "one", self->now.utc_us + 3));
    node_pending *middle =
        node_fixture_post (self, node_fixture_start (self, "one", self->now.utc_us + 1));
    node_pending *other =
        node_fixture_post (self, node_fixture_start (self, "two", self->now.utc_us));
    node_fixture_advance (self, BG_SEC (61));
    node_fixture_exec_up (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (last->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (other->state, WIRE_DELIVERY_APPLIED);
    assert_string_equal (first->code, "superseded");
    assert_string_equal (middle->code, "superseded");
    assert_int_equal (self->exec_run_count, 2);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "superseded"), 2);
}

static void a_start_before_its_job_waits_for_it (void **state)
{
    node_fixture *self = *state;
    const wire_signed job = node_fixture_job (self, "one", NULL, 0);
    wire_deed deed = fixture_deed (
        &self->signing, WIRE_DEED_START, "one", self->now.utc_us, self->now.utc_us + BG_HOUR (1));
    wire_need need = {.key = deed.job_key, .version = self->signing.version};
    deed.has_needs = true;
    deed.needs.documents = &need;
    deed.needs.documents_count = 1;
    node_pending *row =
        node_fixture_post (self, fixture_sign_deed (&self->signing, &deed, &self->signing.admin));
    node_fixture_push (self, row->item);
    assert_int_equal (row->state, WIRE_DELIVERY_WAITING);
    node_fixture_advance (self, BG_MIN (3));
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (row->state, WIRE_DELIVERY_WAITING);
    node_fixture_push (self, job);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (self->exec_run_count, 1);
}

static void a_start_of_a_job_nobody_sends_is_without_definition (void **state)
{
    node_fixture *self = *state;
    node_pending *row =
        node_fixture_post (self, node_fixture_start (self, "nothing", self->now.utc_us));
    node_fixture_push (self, row->item);
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (row->state, WIRE_DELIVERY_FAILED);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "no-definition"), 1);
}

static void what_waits_too_long_expires (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "one", NULL, 0));
    self->start_code = "waiting";
    node_pending *row =
        node_fixture_post (self, node_fixture_start (self, "one", self->now.utc_us));
    node_fixture_push (self, row->item);
    assert_int_equal (row->state, WIRE_DELIVERY_WAITING);
    node_fixture_advance (self, BG_HOUR (1) + BG_MIN (2));
    assert_int_equal (row->state, WIRE_DELIVERY_FAILED);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "expired"), 1);
}

static void a_stop_is_passed_on_once (void **state)
{
    node_fixture *self = *state;
    wire_deed deed = fixture_deed (
        &self->signing, WIRE_DEED_STOP, "one", self->now.utc_us, self->now.utc_us + BG_MIN (10));
    node_pending *row =
        node_fixture_post (self, fixture_sign_deed (&self->signing, &deed, &self->signing.admin));
    node_fixture_push (self, row->item);
    node_fixture_push (self, row->item);
    assert_int_equal (self->stops, 1);
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
}

static void starts_lost_with_bugle_exec_are_sent_again (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "one", NULL, 0));
    self->mute = true;
    node_pending *row =
        node_fixture_post (self, node_fixture_start (self, "one", self->now.utc_us));
    node_fixture_push (self, row->item);
    assert_int_equal (row->state, 0);
    node_fixture_exec_down (self);
    self->mute = false;
    node_fixture_exec_up (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->exec_run_count, 1);
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
}

int main (void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown (name, node_fixture_setup_enlisted, node_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST (a_start_runs_once_however_often_it_comes),
        TEST (a_refused_start_is_a_run_that_did_not_happen),
        TEST (a_start_that_is_not_for_this_target_any_more_did_not_run),
        TEST (a_start_that_nobody_signed_leaves_no_trace),
        TEST (a_forged_start_does_not_spoil_the_genuine_one),
        TEST (of_piled_up_starts_the_newest_counts),
        TEST (a_start_before_its_job_waits_for_it),
        TEST (a_start_of_a_job_nobody_sends_is_without_definition),
        TEST (what_waits_too_long_expires),
        TEST (a_stop_is_passed_on_once),
        TEST (starts_lost_with_bugle_exec_are_sent_again),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
