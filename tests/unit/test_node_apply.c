/*  The node's core: which version of a document is applied, when, and what becomes of the others.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node_fixture.h"

#include <stdio.h>

static void the_version_decides_whatever_the_order (void **state)
{
    node_fixture *self = *state;
    node_pending *older = node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    node_pending *newer =
        node_fixture_post (self, node_fixture_job (self, "one", NULL, BG_SEC (60)));
    node_fixture_push (self, newer->item);
    node_fixture_push (self, older->item);
    assert_int_equal (newer->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (older->state, WIRE_DELIVERY_SUPERSEDED);
    assert_true (node_core_holds (self->core, newer->key, newer->version));
}

static void a_repeated_document_is_acknowledged_and_not_offered_again (void **state)
{
    node_fixture *self = *state;
    node_pending *row = node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    node_fixture_push (self, row->item);
    const size_t offers = self->offers;
    node_fixture_push (self, row->item);
    assert_int_equal (self->offers, offers);
    assert_int_equal (row->acks, 2);
}

static void a_fork_keeps_what_is_held (void **state)
{
    node_fixture *self = *state;
    node_pending *row = node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    node_fixture_push (self, row->item);
    self->signing.version--; /*  the same version again  */
    const wire_signed other = node_fixture_job (self, "one", NULL, BG_SEC (60));
    node_fixture_push (self, other);
    assert_string_equal (row->code, "fork");
    assert_int_equal (node_fixture_counter (self, "forks"), 1);
}

static void a_refused_version_blocks_nothing_else (void **state)
{
    node_fixture *self = *state;
    const node_pending *good = node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    node_fixture_advance (self, BG_SEC (61));
    const bg_id key = good->key;
    const uint64_t held = good->version;
    self->refused_key = key;
    node_pending *bad = node_fixture_post (self, node_fixture_job (self, "one", NULL, BG_SEC (60)));
    const node_pending *other = node_fixture_post (self, node_fixture_job (self, "two", NULL, 0));
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (bad->state, WIRE_DELIVERY_FAILED);
    assert_string_equal (bad->code, "invalid");
    assert_int_equal (other->state, WIRE_DELIVERY_APPLIED);
    assert_true (node_core_holds (self->core, key, held)); /*  the version before goes on  */
    /*  The broker sends it again when somebody wants it tried again: offered once more, and said again.  */
    const size_t offers = self->offers;
    node_fixture_push (self, bad->item);
    assert_int_equal (bad->acks, 2);
    assert_int_equal (self->offers, offers + 1);
    assert_int_equal (bad->state, WIRE_DELIVERY_FAILED);
    /*  A later version may be good.  */
    self->refused_key = (bg_id){0};
    const node_pending *later = node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (later->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (node_fixture_state (self).refused, 0);
}

static void a_refused_version_is_tried_again_with_a_new_authority (void **state)
{
    node_fixture *self = *state;
    self->refused_key = node_fixture_job_key (self, "one");
    const node_pending *row = node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (row->state, WIRE_DELIVERY_FAILED);
    self->refused_key = (bg_id){0};
    node_fixture_push (self, fixture_authority (&self->signing, 2, 0));
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    assert_true (node_core_holds (self->core, row->key, row->version));
}

static void what_waits_is_parked_and_applied_when_its_needs_come (void **state)
{
    node_fixture *self = *state;
    self->waiting_key = node_fixture_job_key (self, "late");
    node_pending *row = node_fixture_post (self, node_fixture_job (self, "late", NULL, 0));
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (row->state, WIRE_DELIVERY_WAITING);
    assert_int_equal (node_fixture_state (self).waiting, 1);
    /*  Durably.  */
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (node_fixture_state (self).waiting, 1);
    self->waiting_key = (bg_id){0};
    node_fixture_post (self, node_fixture_job (self, "what it needs", NULL, 0));
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (node_fixture_state (self).jobs, 2);
    assert_int_equal (node_fixture_state (self).waiting, 0);
}

/*  The membership was stored, and the node ended before the jobs were judged by it.  */
static void jobs_are_judged_again_after_a_start (void **state)
{
    node_fixture *self = *state;
    self->foreign_key = node_fixture_job_key (self, "theirs");
    node_fixture_push (self, node_fixture_job (self, "theirs", NULL, 0));
    assert_int_equal (node_fixture_state (self).jobs, 0);
    self->foreign_key = (bg_id){0};
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (node_fixture_state (self).jobs, 1);
}

/*  bugle-exec had no space and has it again: nothing says so, it is asked again.  */
static void what_waits_without_a_reason_here_is_offered_with_each_poll (void **state)
{
    node_fixture *self = *state;
    self->waiting_key = node_fixture_job_key (self, "late");
    const node_pending *row = node_fixture_post (self, node_fixture_job (self, "late", NULL, 0));
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (row->state, WIRE_DELIVERY_WAITING);
    self->waiting_key = (bg_id){0};
    node_fixture_advance (self, BG_MIN (2));
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
}

static void an_authority_that_was_not_taken_is_offered_again (void **state)
{
    node_fixture *self = *state;
    self->exec_authority = 0;
    node_fixture_exec_down (self);
    self->authority_waits = true;
    node_fixture_exec_up (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->exec_authority, 0);
    self->authority_waits = false;
    node_fixture_advance (self, BG_MIN (2));
    assert_int_equal (self->exec_authority, 1);
}

static void what_is_for_others_keeps_its_version_and_does_nothing (void **state)
{
    node_fixture *self = *state;
    self->foreign_key = node_fixture_job_key (self, "theirs");
    const node_pending *row =
        node_fixture_post (self, node_fixture_job (self, "theirs", NULL, BG_SEC (5)));
    node_fixture_advance (self, BG_MIN (2));
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (node_fixture_state (self).jobs, 0);
    assert_int_equal (self->starts, 0);
    /*  Another membership: asked again.  */
    self->foreign_key = (bg_id){0};
    node_fixture_push (self, fixture_membership (&self->signing, 2, WIRE_MEMBER));
    assert_int_equal (node_fixture_state (self).jobs, 1);
    node_fixture_advance (self, BG_SEC (6));
    assert_int_equal (self->starts, 1);
}

static void a_withdrawal_removes_the_job_and_stays (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "one", NULL, BG_SEC (10)));
    node_fixture_advance (self, BG_SEC (10));
    assert_int_equal (self->starts, 1);
    node_pending *gone = node_fixture_post (self, fixture_withdrawal (&self->signing, "one"));
    node_fixture_push (self, gone->item);
    assert_int_equal (gone->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (node_fixture_state (self).jobs, 0);
    const size_t starts = self->starts;
    node_fixture_restart (self);
    node_fixture_advance (self, BG_MIN (1));
    assert_int_equal (self->starts, starts);
    assert_int_equal (node_fixture_state (self).jobs, 0);
    /*  And the name may come back.  */
    node_fixture_push (self, node_fixture_job (self, "one", NULL, BG_SEC (10)));
    assert_int_equal (node_fixture_state (self).jobs, 1);
}

static void a_document_of_another_installation_is_dropped (void **state)
{
    node_fixture *self = *state;
    signing_fixture other;
    signing_fixture_init (&other, 9);
    wire_job job = fixture_job (&other, "theirs");
    const size_t offers = self->offers;
    node_fixture_push (self, fixture_document (&other, WIRE_TYPE_JOB, "theirs", &job));
    assert_int_equal (self->offers, offers);
    assert_int_equal (node_fixture_counter (self, "refused"), 1);
    signing_fixture_fini (&other);
}

static wire_signed forged_job (node_fixture *self, const char *name, uint64_t version)
{
    wire_job job = fixture_job (&self->signing, name);
    wire_document fixed = fixture_fixed (&self->signing, WIRE_TYPE_JOB, name);
    fixed.version = version;
    return fixture_document_as (&self->signing, &fixed, &job, &self->signing.stranger);
}

static void a_forged_document_bars_no_genuine_one (void **state)
{
    node_fixture *self = *state;
    const bg_id key = node_fixture_job_key (self, "one");
    uint8_t digest[16];
    memcpy (digest, node_fixture_state (self).digest, sizeof digest);
    self->refused_key = key;
    node_fixture_push (self, forged_job (self, "one", INT64_MAX));
    self->refused_key = (bg_id){0};
    self->waiting_key = key;
    node_fixture_push (self, forged_job (self, "one", INT64_MAX - 1));
    self->waiting_key = (bg_id){0};
    assert_int_equal (node_fixture_state (self).refused, 0);
    assert_int_equal (node_fixture_state (self).waiting, 0);
    assert_memory_equal (digest, node_fixture_state (self).digest, sizeof digest);
    const node_pending *good = node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (good->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (node_fixture_counter (self, "unproven"), 1);
}

static void shuffled_repeated_and_dropped_instructions_converge (void **state)
{
    node_fixture *self = *state;
    enum { ITEMS = 24 };
    node_pending *rows[ITEMS];
    char name[32];
    for (int i = 0; i < ITEMS; i++) {
        snprintf (name, sizeof name, "job %d", i % 8);
        rows[i] =
            node_fixture_post (self, i % 8 == 7 && i > 8 ? fixture_withdrawal (&self->signing, name)
                                                         : node_fixture_job (self, name, NULL, 0));
    }
    const uint64_t seed = 20240117;
    print_message ("seed %llu\n", (unsigned long long) seed);
    self->random = seed;
    for (int i = 0; i < 200; i++) {
        uint64_t bits;
        self->ports.random (self, &bits, sizeof bits);
        if (bits % 16 == 0)
            node_fixture_rebuild (self);
        else if (bits % 16 < 12)
            node_fixture_push (self, rows[(bits >> 8) % ITEMS]->item);
    }
    node_fixture_advance (self, BG_MIN (2));
    for (int i = 0; i < ITEMS; i++) {
        assert_true (
            rows[i]->state == WIRE_DELIVERY_APPLIED || rows[i]->state == WIRE_DELIVERY_SUPERSEDED);
        if (i >= ITEMS - 8)
            assert_true (node_core_holds (self->core, rows[i]->key, rows[i]->version));
    }
    assert_int_equal (node_fixture_state (self).jobs, 7);
}

int main (void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown (name, node_fixture_setup_enlisted, node_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST (the_version_decides_whatever_the_order),
        TEST (a_repeated_document_is_acknowledged_and_not_offered_again),
        TEST (a_fork_keeps_what_is_held),
        TEST (a_refused_version_blocks_nothing_else),
        TEST (a_refused_version_is_tried_again_with_a_new_authority),
        TEST (what_waits_is_parked_and_applied_when_its_needs_come),
        TEST (jobs_are_judged_again_after_a_start),
        TEST (what_waits_without_a_reason_here_is_offered_with_each_poll),
        TEST (an_authority_that_was_not_taken_is_offered_again),
        TEST (what_is_for_others_keeps_its_version_and_does_nothing),
        TEST (a_withdrawal_removes_the_job_and_stays),
        TEST (a_document_of_another_installation_is_dropped),
        TEST (a_forged_document_bars_no_genuine_one),
        TEST (shuffled_repeated_and_dropped_instructions_converge),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
