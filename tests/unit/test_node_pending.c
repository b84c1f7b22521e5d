/*  The node's core: asking to be enlisted without a token, and asking why the desk refuses it.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node_fixture.h"

static void assert_answer (const node_fixture *self, const char *code)
{
    if (!bg_slice_is (self->answer.code, code))
        fail_msg ("answer is %.*s: %.*s", BG_SLICE_ARG (self->answer.code),
            BG_SLICE_ARG (self->answer.message));
}

static void ask (node_fixture *self)
{
    node_fixture_ask_request (self, "web01", false, NULL);
    assert_answer (self, "ok");
    assert_true (self->answer.pending);
}

/*  ---- pending ----  */

static void the_person_gets_what_the_code_is_made_of_before_anything_is_proven (void **state)
{
    node_fixture *self = *state;
    self->exec_up = false;
    node_fixture_exec_down (self);
    ask (self);
    assert_int_equal (self->answer.authority_hash.size, 32);
    assert_true (bg_slice_is (self->answer.name, "web01"));
    assert_true (bg_slice_is (self->answer.broker, "lab"));
    assert_true (bg_key_equal (&self->answer.curve_key, &self->curve_key));
    assert_false (self->answer.enlisted);
    /*  Nothing is proven before bugle-exec holds the pin.  */
    node_fixture_advance (self, BG_MIN (1));
    assert_int_equal (self->proofs, 0);
    node_fixture_exec_up (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->proofs, 1);
    assert_true (self->anchored);
}

/*  The node's account may not pin in a system installation; the enlist command, as root, does.  */
static void the_pin_of_the_privileged_command_is_as_good (void **state)
{
    node_fixture *self = *state;
    self->anchor_code = "not-allowed";
    ask (self);
    node_fixture_advance (self, BG_MIN (1));
    assert_int_equal (self->proofs, 0);
    node_fixture_query (self);
    assert_true (self->answer.pending);
    self->anchored = true;
    node_fixture_exec_down (self);
    node_fixture_exec_up (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->proofs, 1);
    self->approves = true;
    node_fixture_advance (self, BG_SEC (5));
    assert_true (node_fixture_state (self).enlisted);
}

static void it_asks_until_it_is_approved_and_the_person_hears_of_it (void **state)
{
    node_fixture *self = *state;
    node_fixture_post (self, node_fixture_job (self, "nightly", NULL, BG_SEC (3600)));
    ask (self);
    node_fixture_ask_request (self, "web01", true, NULL);
    node_fixture_advance (self, BG_SEC (30));
    assert_in_range (self->said[WIRE_ENLIST_ASK], 10, 20);
    assert_int_equal (self->answers, 1);
    self->approves = true;
    node_fixture_advance (self, BG_SEC (4));
    assert_int_equal (self->answers, 2);
    assert_answer (self, "ok");
    assert_true (self->answer.enlisted);
    assert_true (self->answer.connected);
    assert_int_equal (self->answer.jobs_count, 1);
    assert_int_equal (self->exec_membership, 5);
    const size_t asked = self->said[WIRE_ENLIST_ASK];
    node_fixture_restart (self);
    node_fixture_advance (self, BG_MIN (5));
    assert_true (node_fixture_state (self).connected);
    assert_int_equal (self->said[WIRE_ENLIST_ASK], asked);
}

static void it_goes_on_after_a_restart_with_the_same_keys (void **state)
{
    node_fixture *self = *state;
    ask (self);
    const bg_key key = self->answer.sign_key;
    node_fixture_restart (self);
    node_fixture_exec_up (self);
    node_fixture_advance (self, BG_SEC (5));
    assert_true (self->ask.has_proof);
    assert_true (bg_key_equal (&self->ask.sign_key, &key));
    node_fixture_query (self);
    assert_true (self->answer.pending);
    self->approves = true;
    node_fixture_advance (self, BG_SEC (5));
    assert_true (node_fixture_state (self).enlisted);
}

static void a_silent_broker_is_told_before_a_code_is_shown_and_waited_for_after (void **state)
{
    node_fixture *self = *state;
    self->broker_up = false;
    node_fixture_ask_request (self, "web01", false, NULL);
    node_fixture_advance (self, BG_SEC (61));
    assert_answer (self, "unreachable");
    node_fixture_restart (self);
    const size_t asked = self->said[WIRE_ENLIST_ASK];
    node_fixture_advance (self, BG_MIN (5));
    assert_int_equal (self->said[WIRE_ENLIST_ASK], asked);
    self->broker_up = true;
    ask (self);
    self->broker_up = false;
    const size_t opened = self->opened[NODE_LINK_ENLIST];
    node_fixture_advance (self, BG_HOUR (1));
    assert_true (self->opened[NODE_LINK_ENLIST] > opened);
    self->broker_up = self->approves = true;
    node_fixture_advance (self, BG_SEC (20));
    assert_true (node_fixture_state (self).enlisted);
}

static void a_rejected_machine_keeps_nothing (void **state)
{
    node_fixture *self = *state;
    ask (self);
    node_fixture_ask_request (self, "web01", true, NULL);
    self->enlist_error = "rejected";
    node_fixture_advance (self, BG_SEC (5));
    assert_answer (self, "rejected");
    assert_int_equal (self->keys_forgotten, 1);
    assert_false (self->anchored);
    assert_false (self->link_open[NODE_LINK_ENLIST]);
    const size_t asked = self->said[WIRE_ENLIST_ASK];
    node_fixture_restart (self);
    node_fixture_advance (self, BG_MIN (5));
    assert_int_equal (self->said[WIRE_ENLIST_ASK], asked);
}

/*  A broker restored from a backup says so until somebody has looked at it; that is no reason to give up.  */
static void who_was_listed_outlasts_what_hinders_the_broker (void **state)
{
    node_fixture *self = *state;
    ask (self);
    node_fixture_advance (self, BG_SEC (5));
    self->enlist_error = "restored";
    node_fixture_advance (self, BG_MIN (5));
    node_fixture_restart (self);
    node_fixture_exec_up (self);
    node_fixture_advance (self, BG_MIN (5));
    node_fixture_query (self);
    assert_true (self->answer.pending);
    assert_int_equal (self->keys_forgotten, 0);
    self->enlist_error = NULL;
    self->approves = true;
    node_fixture_advance (self, BG_MIN (1));
    assert_true (node_fixture_state (self).enlisted);
}

/*  Before it was listed the person is still there to hear of it.  */
static void what_hinders_the_broker_at_first_is_told (void **state)
{
    node_fixture *self = *state;
    node_fixture_exec_down (self);
    ask (self);
    self->enlist_error = "overloaded";
    node_fixture_ask_request (self, "web01", true, NULL);
    node_fixture_exec_up (self);
    node_fixture_advance (self, BG_SEC (5));
    assert_answer (self, "overloaded");
    node_fixture_query (self);
    assert_false (self->answer.pending);
}

/*  Between the first answer and the approval somebody puts another authority in the place of the right one.  */
static void a_swapped_authority_is_not_followed (void **state)
{
    node_fixture *self = *state;
    ask (self);
    const uint64_t unexpected = node_fixture_counter (self, "unexpected");
    self->swap_authority = 1;
    node_fixture_advance (self, BG_SEC (5));
    assert_true (node_fixture_counter (self, "unexpected") > unexpected);
    node_fixture_query (self);
    assert_true (self->answer.pending);
    assert_memory_equal (self->ask.authority_hash.data, self->answer.authority_hash.data, 32);
}

/*  The other way round: what was shown first was not the broker's, so its chain does not begin there.  */
static void an_approval_under_another_authority_than_the_pinned_one_fails (void **state)
{
    node_fixture *self = *state;
    self->swap_authority = 1;
    ask (self);
    node_fixture_ask_request (self, "web01", true, NULL);
    self->approves = true;
    node_fixture_advance (self, BG_SEC (5));
    assert_answer (self, "bad-signature");
    assert_false (node_fixture_state (self).enlisted);
}

static void another_name_of_the_administrator_is_taken_unless_one_is_configured (void **state)
{
    node_fixture *self = *state;
    self->approves = true;
    self->approved_name = "front1";
    node_fixture_ask_request (self, "web01", false, NULL);
    node_fixture_advance (self, BG_SEC (5));
    assert_true (bg_slice_is (node_fixture_state (self).name, "front1"));
    assert_null (node_core_problem (self->core));
}

static void what_cannot_be_asked_is_refused (void **state)
{
    node_fixture *self = *state;
    const bg_key none = {0};
    node_fixture_ask_request (self, "web01", false, &none);
    assert_answer (self, "invalid");
    node_fixture_ask_request (self, "no name", false, NULL);
    assert_answer (self, "invalid");
    node_fixture_enlist (self);
    node_fixture_ask_request (self, "db01", false, NULL);
    assert_answer (self, "ok");
    assert_true (self->answer.unchanged);
    node_fixture_ask_request (self, "db02", false, NULL);
    assert_answer (self, "enlisted");
    assert_int_equal (self->said[WIRE_ENLIST_ASK], 0);
}

static void defecting_withdraws_the_question (void **state)
{
    node_fixture *self = *state;
    ask (self);
    node_fixture_defect_request (self, false);
    assert_answer (self, "ok");
    assert_true (self->answer.pending);
    assert_int_equal (self->keys_forgotten, 1);
    const size_t asked = self->said[WIRE_ENLIST_ASK];
    node_fixture_advance (self, BG_MIN (5));
    assert_int_equal (self->said[WIRE_ENLIST_ASK], asked);
    node_fixture_defect_request (self, false);
    assert_answer (self, "not-enlisted");
}

static void a_token_takes_the_place_of_the_question (void **state)
{
    node_fixture *self = *state;
    ask (self);
    node_fixture_enlist (self);
    assert_true (node_fixture_state (self).enlisted);
    assert_int_equal (self->keys_forgotten, 0);
}

/*  ---- claims ----  */

/*  The desk is closed to this target; enlist answers.  */
static void refuse (node_fixture *self, unsigned times)
{
    self->front_only = true;
    for (unsigned i = 0; i < times; i++) {
        node_fixture_link (self, NODE_LINK_DESK, NODE_LINK_REFUSED);
        node_fixture_settle (self);
        if (i + 1 < times)
            node_fixture_advance (self, BG_SEC (1));
    }
}

static void three_refusals_make_a_claim_with_a_proof_and_no_more_in_ten_minutes (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    const size_t proofs = self->proofs;
    self->claim_state = WIRE_CLAIM_UNKNOWN;
    refuse (self, 2);
    assert_int_equal (self->said[WIRE_ENLIST_CLAIM], 0);
    refuse (self, 1);
    assert_int_equal (self->said[WIRE_ENLIST_CLAIM], 2);
    assert_int_equal (self->proofs, proofs + 1);
    assert_false (self->link_open[NODE_LINK_ENLIST]);
    refuse (self, 5);
    assert_int_equal (self->said[WIRE_ENLIST_CLAIM], 2);
    node_fixture_advance (self, BG_MIN (10));
    refuse (self, 3);
    assert_int_equal (self->said[WIRE_ENLIST_CLAIM], 4);
}

static void an_unknown_target_keeps_its_schedules_and_says_what_to_do (void **state)
{
    node_fixture *self = *state;
    node_fixture_post (self, node_fixture_job (self, "nightly", NULL, BG_SEC (60)));
    node_fixture_enlist (self);
    self->claim_state = WIRE_CLAIM_UNKNOWN;
    self->broker_up = true;
    refuse (self, 3);
    self->broker_up = false;
    const size_t runs = self->exec_run_count;
    node_fixture_advance (self, BG_MIN (5));
    assert_true (self->exec_run_count >= runs + 4);
    node_fixture_query (self);
    assert_true (self->answer.enlisted);
    bool told = false;
    for (size_t i = 0; i < self->answer.warnings_count; i++)
        told |= memmem (self->answer.warnings[i].data, self->answer.warnings[i].size,
                    "defect --force", 14) != NULL;
    assert_true (told);
    /*  Without a signature nobody takes anything away.  */
    self->broker_up = true;
    self->claim_state = WIRE_CLAIM_DEFECTED;
    node_fixture_advance (self, BG_MIN (10));
    refuse (self, 3);
    assert_true (node_fixture_state (self).enlisted);
    assert_int_equal (node_fixture_state (self).jobs, 1);
}

static void a_signed_end_is_applied_without_a_session (void **state)
{
    node_fixture *self = *state;
    node_fixture_post (self, node_fixture_job (self, "nightly", NULL, BG_SEC (60)));
    node_fixture_enlist (self);
    self->claim_state = WIRE_CLAIM_DEFECTED;
    self->claim_by_admin = true;
    refuse (self, 3);
    node_fixture_advance (self, BG_SEC (5));
    const node_core_state now = node_fixture_state (self);
    assert_false (now.enlisted);
    assert_int_equal (now.jobs, 0);
    assert_int_equal (self->keys_forgotten, 1);
}

static void a_member_goes_back_to_the_desk (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    self->claim_state = WIRE_CLAIM_MEMBER;
    refuse (self, 3);
    self->front_only = false;
    node_fixture_advance (self, BG_MIN (2));
    assert_true (node_fixture_state (self).connected);
    node_fixture_query (self);
    assert_int_equal (self->answer.warnings_count, 0);
}

static void a_claim_that_nobody_answers_ends (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    self->claim_state = 0;
    refuse (self, 3);
    assert_true (self->link_open[NODE_LINK_ENLIST]);
    node_fixture_advance (self, BG_SEC (25));
    assert_int_equal (self->said[WIRE_ENLIST_CLAIM], 4);
    assert_false (self->link_open[NODE_LINK_ENLIST]);
    /*  No answer is no reason to wait for ten minutes.  */
    node_fixture_advance (self, BG_MIN (1));
    self->claim_state = WIRE_CLAIM_UNKNOWN;
    refuse (self, 1);
    assert_int_equal (self->said[WIRE_ENLIST_CLAIM], 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, node_fixture_setup, node_fixture_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (the_person_gets_what_the_code_is_made_of_before_anything_is_proven),
        TEST (the_pin_of_the_privileged_command_is_as_good),
        TEST (it_asks_until_it_is_approved_and_the_person_hears_of_it),
        TEST (it_goes_on_after_a_restart_with_the_same_keys),
        TEST (a_silent_broker_is_told_before_a_code_is_shown_and_waited_for_after),
        TEST (a_rejected_machine_keeps_nothing),
        TEST (what_hinders_the_broker_at_first_is_told),
        TEST (who_was_listed_outlasts_what_hinders_the_broker),
        TEST (a_swapped_authority_is_not_followed),
        TEST (an_approval_under_another_authority_than_the_pinned_one_fails),
        TEST (another_name_of_the_administrator_is_taken_unless_one_is_configured),
        TEST (what_cannot_be_asked_is_refused),
        TEST (defecting_withdraws_the_question),
        TEST (a_token_takes_the_place_of_the_question),
        TEST (three_refusals_make_a_claim_with_a_proof_and_no_more_in_ten_minutes),
        TEST (an_unknown_target_keeps_its_schedules_and_says_what_to_do),
        TEST (a_signed_end_is_applied_without_a_session),
        TEST (a_member_goes_back_to_the_desk),
        TEST (a_claim_that_nobody_answers_ends),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
