/*  The node's core: joining and leaving a broker, the session, liveness.  */
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

static void enlist_ends_with_a_session_and_what_was_downloaded (void **state)
{
    node_fixture *self = *state;
    node_fixture_post (self, node_fixture_job (self, "nightly", NULL, BG_SEC (3600)));
    node_fixture_enlist (self);
    assert_int_equal (self->answers, 1);
    assert_true (self->answer.enlisted);
    assert_true (self->answer.connected);
    assert_false (self->answer.unchanged);
    assert_true (bg_slice_is (self->answer.name, "db01"));
    assert_true (bg_slice_is (self->answer.broker, "lab"));
    assert_int_equal (self->answer.number, 7);
    assert_int_equal (self->answer.jobs_count, 1);
    assert_true (bg_slice_is (self->answer.jobs[0].name, "nightly"));
    assert_true (self->answer.jobs[0].next_us > self->now.utc_us);
    assert_int_equal (self->proofs, 1);
    assert_int_equal (self->exec_authority, 1);
    assert_int_equal (self->exec_membership, 1);
    assert_false (self->link_open[NODE_LINK_ENLIST]);
    assert_true (self->link_open[NODE_LINK_DESK]);
    assert_true (self->link_open[NODE_LINK_ORDERS]);
    const node_core_state now = node_fixture_state (self);
    assert_int_equal (now.held, 3);
    assert_int_equal (now.waiting, 0);
}

static void enlisting_again_changes_nothing (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    node_fixture_enlist_request (self, "db01");
    assert_answer (self, "ok");
    assert_true (self->answer.unchanged);
    assert_int_equal (self->said[WIRE_ENLIST_HELLO], 1);
    /*  Without a name it is the name it has.  */
    node_fixture_enlist_request (self, "");
    assert_true (self->answer.unchanged);
}

static void another_name_or_broker_is_refused (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    node_fixture_enlist_request (self, "db02");
    assert_answer (self, "enlisted");
    assert_true (self->answer.hint.size > 0);
    assert_true (node_fixture_state (self).enlisted);
}

static void a_configured_name_is_the_only_one (void **state)
{
    node_fixture *self = *state;
    self->settings.name = bg_slice_str ("db07");
    node_fixture_restart (self);
    node_fixture_enlist_request (self, "db01");
    assert_answer (self, "conflict");
    assert_int_equal (self->said[WIRE_ENLIST_HELLO], 0);
}

static void a_node_named_otherwise_than_its_membership_takes_nothing_else (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    assert_null (node_core_problem (self->core));
    self->settings.name = bg_slice_str ("db07");
    node_fixture_restart (self);
    assert_non_null (node_core_problem (self->core));
    const node_pending *job = node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    node_fixture_advance (self, BG_MIN (2));
    assert_true (node_core_is_refused (self->core));
    assert_int_equal (job->state, 0);
    assert_int_equal (node_fixture_state (self).jobs, 0);
    /*  It may still leave.  */
    node_fixture_defect_request (self, false);
    node_fixture_advance (self, BG_SEC (1));
    assert_answer (self, "ok");
    assert_null (node_core_problem (self->core));
}

static void not_a_token (void **state)
{
    node_fixture *self = *state;
    self->token[20] = self->token[20] == 'a' ? 'b' : 'a';
    node_fixture_enlist_request (self, "db01");
    assert_answer (self, "token");
    assert_int_equal (self->said[WIRE_ENLIST_HELLO], 0);
}

static void a_bad_name (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist_request (self, "no spaces");
    assert_answer (self, "invalid");
}

static void the_brokers_refusal_reaches_the_person (void **state)
{
    node_fixture *self = *state;
    self->enlist_error = "token";
    node_fixture_enlist_request (self, "db01");
    assert_answer (self, "token");
    assert_true (bg_slice_is (self->answer.message, "the token is used up"));
    assert_true (bg_slice_is (self->answer.hint, "make another one"));
    assert_false (self->link_open[NODE_LINK_ENLIST]);
    /*  And it can be tried again.  */
    self->enlist_error = NULL;
    node_fixture_enlist (self);
    assert_int_equal (self->answers, 2);
}

static void a_busy_broker_is_asked_again (void **state)
{
    node_fixture *self = *state;
    self->enlist_error = "overloaded";
    node_fixture_enlist_request (self, "db01");
    assert_int_equal (self->answers, 0);
    self->enlist_error = NULL;
    node_fixture_advance (self, BG_SEC (20));
    assert_answer (self, "ok");
}

static void a_silent_broker_ends_in_a_sentence (void **state)
{
    node_fixture *self = *state;
    self->broker_up = false;
    node_fixture_enlist_request (self, "db01");
    node_fixture_advance (self, BG_SEC (59));
    assert_int_equal (self->answers, 0);
    assert_true (self->said[WIRE_ENLIST_HELLO] > 5);
    node_fixture_advance (self, BG_SEC (2));
    assert_answer (self, "unreachable");
    assert_false (node_fixture_state (self).enlisted);
}

static void no_use_is_burned_without_bugle_exec (void **state)
{
    node_fixture *self = *state;
    node_fixture_exec_down (self);
    node_fixture_enlist_request (self, "db01");
    node_fixture_advance (self, BG_SEC (30));
    assert_int_equal (self->said[WIRE_ENLIST_HELLO], 0);
    node_fixture_exec_up (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_answer (self, "ok");
}

static void bugle_exec_that_refuses_the_pin_ends_it (void **state)
{
    node_fixture *self = *state;
    self->anchor_code = "not-allowed";
    node_fixture_enlist_request (self, "db01");
    assert_answer (self, "not-allowed");
    assert_int_equal (self->said[WIRE_ENLIST_HELLO], 0);
    /*  Where a privileged command has pinned before, it goes on.  */
    self->anchored = true;
    node_fixture_exec_down (self);
    node_fixture_exec_up (self);
    node_fixture_enlist (self);
}

static void what_another_enlistment_left_at_bugle_exec_is_cleared (void **state)
{
    node_fixture *self = *state;
    node_fixture_exec_down (self);
    self->anchored = true;
    memset (&self->exec_installation, 0x99, sizeof self->exec_installation);
    node_fixture_exec_up (self);
    node_fixture_enlist (self);
    assert_int_equal (self->forgets, 1);
}

static void a_crash_after_the_broker_stored_it_is_healed (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist_request (self, "db01");
    /*  Everything up to here was committed; what bugle-exec learned is gone with it.  */
    self->exec_authority = self->exec_membership = 0;
    self->exec_installation = (bg_id){0};
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->exec_authority, 1);
    assert_int_equal (self->exec_membership, 1);
    assert_int_equal (node_fixture_state (self).held, 2);
}

static void another_enlistment_at_bugle_exec_starts_nothing (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    node_fixture_exec_down (self);
    memset (&self->exec_installation, 0x99, sizeof self->exec_installation);
    node_fixture_exec_up (self);
    assert_false (node_fixture_state (self).exec_ready);
    node_fixture_query (self);
    assert_int_equal (self->answer.warnings_count, 1);
}

/*  ---- defect ----  */

static void defect_removes_jobs_and_identity_and_keeps_history (void **state)
{
    node_fixture *self = *state;
    node_fixture_post (self, node_fixture_job (self, "tick", NULL, BG_SEC (10)));
    node_fixture_enlist (self);
    node_fixture_advance (self, BG_SEC (15));
    assert_int_equal (self->exec_run_count, 1);
    node_fixture_defect_request (self, false);
    assert_answer (self, "ok");
    assert_int_equal (self->answer.removed_jobs, 1);
    assert_false (self->answer.enlisted);
    assert_int_equal (self->said[WIRE_DEFECT], 1);
    assert_int_equal (self->keys_forgotten, 1);
    assert_true (self->forgets > 0);
    const node_core_state now = node_fixture_state (self);
    assert_false (now.enlisted);
    assert_int_equal (now.held, 0);
    assert_false (self->link_open[NODE_LINK_DESK]);
    assert_false (self->link_open[NODE_LINK_ORDERS]);
    /*  The run that goes on ends in the local history.  */
    node_fixture_finish (self, 0, WIRE_RUN_SUCCEEDED);
    assert_true (self->exec_runs[0].taken);
    bg_arena arena = {0};
    node_history_row row;
    bool found = false;
    const node_store *store = node_db_port (self->db);
    assert_false (bg_failed (
        store->history_get (store->ctx, self->exec_runs[0].run, &arena, &row, &found, NULL)));
    assert_true (found);
    assert_int_equal (row.state, WIRE_RUN_SUCCEEDED);
    bg_arena_fini (&arena);
    /*  Nothing comes back with a restart.  */
    node_fixture_restart (self);
    node_fixture_advance (self, BG_MIN (5));
    assert_int_equal (self->exec_run_count, 1);
}

static void defect_needs_the_broker_unless_forced (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    self->broker_up = false;
    node_fixture_defect_request (self, false);
    node_fixture_advance (self, BG_SEC (61));
    assert_answer (self, "unreachable");
    assert_true (self->answer.hint.size > 0);
    assert_true (node_fixture_state (self).enlisted);
    node_fixture_defect_request (self, true);
    assert_answer (self, "ok");
    assert_false (node_fixture_state (self).enlisted);
}

/*  The broker removed the target, and its answer was lost with a restart: that it admits it no more is the answer.  */
static void not_admitted_while_leaving_is_the_answer (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    self->broker_up = false;
    node_fixture_defect_request (self, false);
    assert_int_equal (self->said[WIRE_DEFECT], 1);
    node_fixture_restart (self);
    assert_true (node_fixture_state (self).enlisted);
    node_fixture_link (self, NODE_LINK_DESK, NODE_LINK_REFUSED);
    assert_false (node_fixture_state (self).enlisted);
    assert_int_equal (self->keys_forgotten, 1);
}

static void not_admitted_for_another_reason_stays_enlisted (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    node_fixture_link (self, NODE_LINK_DESK, NODE_LINK_REFUSED);
    assert_true (node_fixture_state (self).enlisted);
    /*  A refusal of the defection itself settles it: later the broker's door says nothing about leaving.  */
    node_fixture_advance (self, BG_MIN (5));
    self->defect_error = "bad-signature";
    node_fixture_defect_request (self, false);
    assert_answer (self, "bad-signature");
    node_fixture_link (self, NODE_LINK_DESK, NODE_LINK_REFUSED);
    assert_true (node_fixture_state (self).enlisted);
}

static void the_brokers_refusal_of_a_defect_is_told (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    self->defect_error = "bad-signature";
    node_fixture_defect_request (self, false);
    assert_answer (self, "bad-signature");
    assert_true (node_fixture_state (self).enlisted);
}

static void nobody_to_defect_from (void **state)
{
    node_fixture *self = *state;
    node_fixture_defect_request (self, true);
    assert_answer (self, "not-enlisted");
}

static void a_membership_that_says_defected_ends_it (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    node_pending *row =
        node_fixture_post (self, fixture_membership (&self->signing, 2, WIRE_DEFECTED_MEMBER));
    node_fixture_push (self, row->item);
    /*  Acknowledged first, then gone.  */
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    assert_true (node_fixture_state (self).enlisted);
    node_fixture_advance (self, BG_SEC (3));
    assert_false (node_fixture_state (self).enlisted);
    assert_int_equal (self->keys_forgotten, 1);
}

static void ended_before_it_was_gone_it_goes_at_the_next_start (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    node_pending *row =
        node_fixture_post (self, fixture_membership (&self->signing, 2, WIRE_DEFECTED_MEMBER));
    node_fixture_push (self, row->item);
    assert_true (node_fixture_state (self).enlisted);
    /*  The broker has cut this key: nobody would tell it again.  */
    self->broker_up = false;
    node_fixture_restart (self);
    node_fixture_advance (self, BG_MS (10));
    assert_false (node_fixture_state (self).enlisted);
    assert_int_equal (self->keys_forgotten, 1);
}

static void both_sides_defect_at_once (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    node_pending *row =
        node_fixture_post (self, fixture_membership (&self->signing, 2, WIRE_DEFECTED_MEMBER));
    node_fixture_push (self, row->item);
    /*  The broker has cut this key and answers no more.  */
    self->broker_up = false;
    node_fixture_defect_request (self, false);
    node_fixture_advance (self, BG_SEC (3));
    assert_answer (self, "ok");
    assert_false (node_fixture_state (self).enlisted);
    assert_int_equal (self->keys_forgotten, 1);
}

/*  ---- session ----  */

static void heartbeats_keep_it_and_silence_rebuilds_it (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    node_fixture_advance (self, BG_MIN (10));
    assert_in_range (self->said[WIRE_HEARTBEAT], 17, 24);
    assert_int_equal (self->opened[NODE_LINK_DESK], 1);
    self->broker_up = false;
    node_fixture_advance (self, BG_MIN (2) + BG_SEC (30));
    assert_true (self->opened[NODE_LINK_DESK] >= 2);
    assert_false (node_fixture_state (self).connected);
    self->broker_up = true;
    node_fixture_advance (self, BG_MIN (2));
    assert_true (node_fixture_state (self).connected);
}

static void a_busy_core_makes_nodes_wait_and_not_reconnect (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    self->front_only = true;
    node_fixture_advance (self, BG_MIN (10));
    assert_int_equal (self->opened[NODE_LINK_DESK], 1);
}

static void open_runs_are_shown_by_faster_beats (void **state)
{
    node_fixture *self = *state;
    node_fixture_post (self, node_fixture_job (self, "long", NULL, BG_HOUR (24)));
    node_fixture_enlist (self);
    node_fixture_push (self, node_fixture_start (self, "long", self->now.utc_us));
    assert_int_equal (node_fixture_state (self).open_runs, 1);
    node_fixture_advance (self, BG_MIN (1));
    const size_t before = self->said[WIRE_HEARTBEAT];
    node_fixture_advance (self, BG_MIN (10));
    assert_in_range (self->said[WIRE_HEARTBEAT] - before, 35, 47);
}

static void a_stale_session_is_opened_anew (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    const size_t hellos = self->said[WIRE_HELLO];
    memset (&self->session, 0x77, sizeof self->session); /*  the broker was started anew  */
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (self->said[WIRE_HELLO], hellos + 1);
    assert_true (node_fixture_state (self).connected);
}

static void a_reconnect_says_hello_within_the_spread (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    const size_t hellos = self->said[WIRE_HELLO];
    node_fixture_link (self, NODE_LINK_DESK, NODE_LINK_DOWN);
    node_fixture_link (self, NODE_LINK_DESK, NODE_LINK_UP);
    node_fixture_advance (self, BG_SEC (5));
    assert_int_equal (self->said[WIRE_HELLO], hellos + 1);
}

static void the_spread_counts_from_when_the_link_broke (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    const size_t hellos = self->said[WIRE_HELLO];
    node_fixture_link (self, NODE_LINK_DESK, NODE_LINK_DOWN);
    node_fixture_advance (self, BG_SEC (6));
    node_fixture_link (self, NODE_LINK_DESK, NODE_LINK_UP);
    node_fixture_advance (self, BG_MS (1));
    assert_int_equal (self->said[WIRE_HELLO], hellos + 1);
}

static void streams_follow_an_answered_hello (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    const size_t opened = self->opened[NODE_LINK_ORDERS];
    node_fixture_link (self, NODE_LINK_DESK, NODE_LINK_DOWN);
    assert_false (self->link_open[NODE_LINK_ORDERS]);
    node_fixture_link (self, NODE_LINK_DESK, NODE_LINK_UP);
    assert_int_equal (self->opened[NODE_LINK_ORDERS], opened);
    node_fixture_advance (self, BG_SEC (5));
    assert_true (node_fixture_state (self).connected);
    assert_int_equal (self->opened[NODE_LINK_ORDERS], opened + 1);
    assert_true (self->link_open[NODE_LINK_ORDERS]);
}

static void a_refused_key_backs_off (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    self->broker_up = false;
    for (int i = 0; i < 10; i++) {
        node_fixture_link (self, NODE_LINK_DESK, NODE_LINK_REFUSED);
        assert_false (self->link_open[NODE_LINK_DESK]);
        node_fixture_advance (self, BG_SEC (66));
    }
    self->broker_up = true;
    node_fixture_advance (self, BG_MIN (3));
    assert_true (node_fixture_state (self).connected);
}

static void the_boot_counter_rises_with_each_process (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    const uint64_t first = self->hello.boot_counter;
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->hello.boot_counter, first + 1);
    node_fixture_rebuild (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->hello.boot_counter, first + 1);
    assert_true (self->hello.has_attestation);
}

static void garbage_is_counted_and_nothing_more (void **state)
{
    node_fixture *self = *state;
    node_fixture_enlist (self);
    const bg_slice odd = bg_slice_str ("\xc1\xff nonsense");
    bg_error err = {0};
    assert_false (bg_failed (node_core_desk (self->core, self->now, odd, odd, odd, &err)));
    assert_false (bg_failed (node_core_order (self->core, self->now, odd, odd, odd, odd, &err)));
    assert_false (bg_failed (node_core_exec (self->core, self->now, odd, &err)));
    assert_false (bg_failed (node_core_enlist (self->core, self->now, odd, odd, odd, &err)));
    assert_int_equal (node_fixture_counter (self, "malformed"), 4);
    assert_true (node_fixture_state (self).connected);
}

int main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, node_fixture_setup, node_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST (enlist_ends_with_a_session_and_what_was_downloaded),
        TEST (enlisting_again_changes_nothing),
        TEST (another_name_or_broker_is_refused),
        TEST (a_configured_name_is_the_only_one),
        TEST (a_node_named_otherwise_than_its_membership_takes_nothing_else),
        TEST (not_a_token),
        TEST (a_bad_name),
        TEST (the_brokers_refusal_reaches_the_person),
        TEST (a_busy_broker_is_asked_again),
        TEST (a_silent_broker_ends_in_a_sentence),
        TEST (no_use_is_burned_without_bugle_exec),
        TEST (bugle_exec_that_refuses_the_pin_ends_it),
        TEST (what_another_enlistment_left_at_bugle_exec_is_cleared),
        TEST (a_crash_after_the_broker_stored_it_is_healed),
        TEST (another_enlistment_at_bugle_exec_starts_nothing),
        TEST (defect_removes_jobs_and_identity_and_keeps_history),
        TEST (defect_needs_the_broker_unless_forced),
        TEST (not_admitted_while_leaving_is_the_answer),
        TEST (not_admitted_for_another_reason_stays_enlisted),
        TEST (the_brokers_refusal_of_a_defect_is_told),
        TEST (nobody_to_defect_from),
        TEST (a_membership_that_says_defected_ends_it),
        TEST (ended_before_it_was_gone_it_goes_at_the_next_start),
        TEST (both_sides_defect_at_once),
        TEST (heartbeats_keep_it_and_silence_rebuilds_it),
        TEST (a_busy_core_makes_nodes_wait_and_not_reconnect),
        TEST (open_runs_are_shown_by_faster_beats),
        TEST (a_stale_session_is_opened_anew),
        TEST (a_reconnect_says_hello_within_the_spread),
        TEST (the_spread_counts_from_when_the_link_broke),
        TEST (streams_follow_an_answered_hello),
        TEST (a_refused_key_backs_off),
        TEST (the_boot_counter_rises_with_each_process),
        TEST (garbage_is_counted_and_nothing_more),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
