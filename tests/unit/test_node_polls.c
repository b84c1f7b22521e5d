/*  The node's core: what a poll asks, brings and says about what is settled.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node_fixture.h"
#include "proto/digest.h"

#include <stdio.h>

static void a_poll_brings_what_is_pending (void **state)
{
    node_fixture *self = *state;
    const node_pending *row = node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (row->acks, 1);
    assert_true (node_core_holds (self->core, row->key, row->version));
}

static void pages_are_fetched_until_there_is_no_more (void **state)
{
    node_fixture *self = *state;
    self->page = 8;
    char name[32];
    for (int i = 0; i < 50; i++) {
        snprintf (name, sizeof name, "job %d", i);
        node_fixture_post (self, node_fixture_job (self, name, NULL, 0));
    }
    const size_t polls = self->said[WIRE_POLL];
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (node_fixture_state (self).jobs, 50);
    assert_in_range (self->said[WIRE_POLL] - polls, 7, 9);
    for (size_t i = 2; i < self->pending_count; i++) /*  after authority and membership  */
        assert_int_equal (self->pending[i].acks, 1);
}

static void a_page_that_cannot_be_settled_is_not_asked_for_in_a_circle (void **state)
{
    node_fixture *self = *state;
    self->page = 1;
    node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    node_fixture_post (self, node_fixture_job (self, "two", NULL, 0));
    node_fixture_exec_down (self);
    const size_t polls = self->said[WIRE_POLL];
    node_fixture_advance (self, BG_MIN (5));
    assert_in_range (self->said[WIRE_POLL] - polls, 4, 6);
    node_fixture_exec_up (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (node_fixture_state (self).jobs, 2);
}

static void an_answer_for_another_poll_is_not_believed (void **state)
{
    node_fixture *self = *state;
    const node_pending *row = node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    self->old_nonce = true;
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (row->state, 0);
    assert_true (node_fixture_counter (self, "bad-attestation") > 0);
    self->old_nonce = false;
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
}

static void heartbeat_says_pending (void **state)
{
    node_fixture *self = *state;
    const node_pending *row = node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    self->pending_flag = true;
    node_fixture_advance (self, BG_SEC (34));
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
}

static void the_digest_is_that_of_all_settled_versions (void **state)
{
    node_fixture *self = *state;
    self->refused_key = node_fixture_job_key (self, "bad");
    self->waiting_key = node_fixture_job_key (self, "late");
    node_fixture_post (self, node_fixture_job (self, "good", NULL, 0));
    node_fixture_post (self, node_fixture_job (self, "bad", NULL, 0));
    node_fixture_post (self, node_fixture_job (self, "late", NULL, 0));
    node_fixture_advance (self, BG_MIN (2));
    uint8_t digest[16] = {0};
    for (size_t i = 0; i < self->pending_count; i++)
        if (self->pending[i].state != WIRE_DELIVERY_WAITING)
            wire_digest_toggle (digest, self->pending[i].key, self->pending[i].version);
    assert_memory_equal (digest, self->poll.digest, 16);
    assert_int_equal (self->poll.waiting, 1);
    /*  And after a restart.  */
    node_fixture_restart (self);
    assert_memory_equal (digest, node_fixture_state (self).digest, 16);
    assert_int_equal (node_fixture_state (self).state_seq, self->poll.state_seq);
}

static void an_inventory_lists_what_is_settled (void **state)
{
    node_fixture *self = *state;
    node_fixture_post (self, node_fixture_job (self, "good", NULL, 0));
    node_fixture_advance (self, BG_SEC (61));
    self->wants_inventory = true;
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (self->inventory.items_count, 3);
    assert_true (self->inventory.last);
    assert_true (bg_id_is_zero (self->inventory.items[0].key)); /*  the authority  */
}

static void a_lost_answer_to_an_inventory_is_not_waited_for (void **state)
{
    node_fixture *self = *state;
    self->lose_inventory = true;
    for (size_t i = 1; i <= 4; i++) {
        self->wants_inventory = true;
        node_fixture_advance (self, BG_SEC (61));
    }
    assert_true (self->said[WIRE_INVENTORY] >= 2);
}

/*  Policy, program or key of bugle-exec changed: what was refused is offered again, and nothing else moves.  */
static void a_refused_version_is_offered_again_when_its_inputs_change (void **state)
{
    node_fixture *self = *state;
    node_fixture_inputs (self, 7);
    const node_pending *good = node_fixture_post (self, node_fixture_job (self, "two", NULL, 0));
    node_fixture_advance (self, BG_SEC (61));
    wire_signed item = node_fixture_job (self, "one", NULL, 0);
    node_pending *bad = node_fixture_post (self, item);
    self->refused_key = bad->key;
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (bad->state, WIRE_DELIVERY_FAILED);
    node_fixture_advance (self, BG_SEC (300));
    node_fixture_inputs (self, 7);
    assert_int_equal (bad->acks, 1); /*  nothing has changed  */
    self->refused_key = (bg_id){0};
    node_fixture_inputs (self, 8);
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (bad->state, WIRE_DELIVERY_APPLIED);
    assert_true (node_core_holds (self->core, bad->key, bad->version));
    assert_true (node_core_holds (self->core, good->key, good->version));
    assert_int_equal (node_fixture_state (self).refused, 0);
}

static void bugle_execs_nonce_goes_round (void **state)
{
    node_fixture *self = *state;
    BG_AUTO_BUF blob = {0};
    wire_inner_encode (WIRE_EXEC_NONCE, (bg_id){0}, &(wire_exec_nonce){.nonce = {1, 2, 3}}, &blob);
    bg_error err = {0};
    assert_false (bg_failed (node_db_begin (self->db, &err)));
    assert_false (bg_failed (node_core_exec (self->core, self->now, bg_buf_slice (&blob), &err)));
    assert_false (bg_failed (node_db_commit (self->db, &err)));
    node_fixture_settle (self);
    assert_int_equal (self->attests, 1);
}

int main (void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown (name, node_fixture_setup_enlisted, node_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST (a_poll_brings_what_is_pending),
        TEST (pages_are_fetched_until_there_is_no_more),
        TEST (a_page_that_cannot_be_settled_is_not_asked_for_in_a_circle),
        TEST (an_answer_for_another_poll_is_not_believed),
        TEST (heartbeat_says_pending),
        TEST (the_digest_is_that_of_all_settled_versions),
        TEST (an_inventory_lists_what_is_settled),
        TEST (a_lost_answer_to_an_inventory_is_not_waited_for),
        TEST (a_refused_version_is_offered_again_when_its_inputs_change),
        TEST (bugle_execs_nonce_goes_round),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
