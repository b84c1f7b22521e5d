/*  The node's core: polls, publications, documents and deeds.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node_fixture.h"
#include "proto/digest.h"

#include <stdio.h>

/*  ---- polls ----  */

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

/*  ---- publications ----  */

static void a_publication_is_applied_at_once (void **state)
{
    node_fixture *self = *state;
    node_pending *row = node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    node_fixture_publish (self, 1, 1, &row->item);
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
}

static void a_repeated_publication_does_nothing (void **state)
{
    node_fixture *self = *state;
    node_pending *row = node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    node_fixture_publish (self, 0, 1, &row->item);
    node_fixture_publish (self, 0, 1, &row->item);
    assert_int_equal (row->acks, 1);
    assert_int_equal (node_fixture_counter (self, "repeated"), 1);
}

static void a_gap_is_settled_by_a_poll (void **state)
{
    node_fixture *self = *state;
    const node_pending *missed = node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    const wire_signed two = node_fixture_job (self, "two", NULL, 0);
    node_fixture_publish (self, 0, 2, &two);
    assert_int_equal (missed->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (node_fixture_counter (self, "gaps"), 1);
    assert_int_equal (node_fixture_state (self).jobs, 2);
}

static void another_stream_session_is_settled_by_a_poll (void **state)
{
    node_fixture *self = *state;
    const node_pending *missed = node_fixture_post (self, node_fixture_job (self, "one", NULL, 0));
    const wire_signed two = node_fixture_job (self, "two", NULL, 0);
    memset (self->stream_session, 0x99, sizeof self->stream_session);
    memset (&self->stream_key, 0x11, sizeof self->stream_key);
    node_fixture_publish (self, 0, 1, &two);
    assert_int_equal (missed->state, WIRE_DELIVERY_APPLIED);
    /*  Its head and key are known now.  */
    node_fixture_publish (self, 0, 2, &two);
    assert_int_equal (node_fixture_state (self).jobs, 2);
}

static void a_publication_that_is_not_the_brokers_changes_nothing (void **state)
{
    node_fixture *self = *state;
    const wire_signed one = node_fixture_job (self, "one", NULL, 0);
    const bg_key right = self->stream_key;
    memset (&self->stream_key, 0x11, sizeof self->stream_key);
    node_fixture_publish (self, 0, 500, &one);
    assert_int_equal (node_fixture_state (self).jobs, 0);
    assert_int_equal (node_fixture_counter (self, "bad-seal"), 1);
    /*  Also not what counts as heard already.  */
    self->stream_key = right;
    self->stream_sequence[0] = 0;
    node_fixture_restart (self);
    node_fixture_publish (self, 0, 1, &one);
    assert_int_equal (node_fixture_state (self).jobs, 1);
}

static void a_silent_stream_is_subscribed_anew (void **state)
{
    node_fixture *self = *state;
    for (int i = 0; i < 10; i++) {
        node_fixture_tick_stream (self);
        node_fixture_advance (self, BG_SEC (15));
    }
    assert_int_equal (self->opened[NODE_LINK_ORDERS], 1);
    node_fixture_advance (self, BG_SEC (46));
    assert_int_equal (self->opened[NODE_LINK_ORDERS], 2);
}

static void a_reference_is_fetched (void **state)
{
    node_fixture *self = *state;
    node_pending *row = node_fixture_post (self, node_fixture_job (self, "big", NULL, 0));
    wire_reference reference = {.type = WIRE_TYPE_JOB, .key = row->key, .version = row->version};
    wire_hash32 (row->item.bytes, reference.hash);
    self->fetchable = row->item;
    node_fixture_refer (self, &reference);
    assert_int_equal (self->said[WIRE_FETCH], 1);
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    /*  Not again, and never another document than was announced.  */
    node_fixture_refer (self, &reference);
    assert_int_equal (self->said[WIRE_FETCH], 1);
    reference.version++;
    reference.hash[0] ^= 1;
    node_fixture_refer (self, &reference);
    assert_int_equal (self->said[WIRE_FETCH], 2);
    assert_int_equal (node_fixture_counter (self, "refused"), 1);
}

/*  ---- documents ----  */

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

/*  ---- deeds ----  */

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

/*  A stream reaches who has just left the group, and who never had what is withdrawn or switched off: the
    broker has no row for them, and what they kept would be a difference for ever.  */
static void what_a_stream_brings_for_others_is_left_to_the_poll (void **state)
{
    node_fixture *self = *state;
    wire_signed job = node_fixture_job (self, "theirs", NULL, 0);
    wire_signed items[] = {
        job,
        fixture_withdrawal (&self->signing, "gone"),
        fixture_switch (&self->signing, "other", true, 0),
    };
    self->foreign_key = node_fixture_job_key (self, "theirs");
    const node_core_state before = node_fixture_state (self);
    uint8_t digest[16];
    memcpy (digest, before.digest, sizeof digest);
    const size_t acks = self->said[WIRE_ACK];
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++)
        node_fixture_publish (self, 1, self->stream_sequence[1] + 1, &items[i]);
    node_fixture_settle (self);
    assert_memory_equal (node_fixture_state (self).digest, digest, sizeof digest);
    assert_int_equal (node_fixture_state (self).held, before.held);
    assert_int_equal (self->said[WIRE_ACK], acks);
    /*  The broker has a row for it after all: an older version was for this target.  */
    const node_pending *row = node_fixture_post (self, job);
    node_fixture_advance (self, BG_SEC (61));
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    assert_memory_not_equal (node_fixture_state (self).digest, digest, sizeof digest);
    /*  What is for this target is taken at once.  */
    self->foreign_key = (bg_id){0};
    job = node_fixture_job (self, "ours", NULL, 0);
    node_fixture_publish (self, 1, self->stream_sequence[1] + 1, &job);
    node_fixture_settle (self);
    assert_int_equal (node_fixture_state (self).jobs, before.jobs + 1);
    wire_signed flip = fixture_switch (&self->signing, "ours", true, 0);
    const size_t held = node_fixture_state (self).held;
    node_fixture_publish (self, 1, self->stream_sequence[1] + 1, &flip);
    node_fixture_settle (self);
    assert_int_equal (node_fixture_state (self).held, held + 1);
}

static wire_signed forged_start (node_fixture *self, const char *job, int64_t issued_us)
{
    wire_deed deed =
        fixture_deed (&self->signing, WIRE_DEED_START, job, issued_us, issued_us + BG_HOUR (1));
    return fixture_sign_deed (&self->signing, &deed, &self->signing.stranger);
}

static wire_signed forged_job (node_fixture *self, const char *name, uint64_t version)
{
    wire_job job = fixture_job (&self->signing, name);
    wire_document fixed = fixture_fixed (&self->signing, WIRE_TYPE_JOB, name);
    fixed.version = version;
    return fixture_document_as (&self->signing, &fixed, &job, &self->signing.stranger);
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

/*  ---- no order of anything changes the end ----  */

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
        TEST (a_publication_is_applied_at_once),
        TEST (a_repeated_publication_does_nothing),
        TEST (a_gap_is_settled_by_a_poll),
        TEST (another_stream_session_is_settled_by_a_poll),
        TEST (a_publication_that_is_not_the_brokers_changes_nothing),
        TEST (a_silent_stream_is_subscribed_anew),
        TEST (a_reference_is_fetched),
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
        TEST (a_start_runs_once_however_often_it_comes),
        TEST (a_refused_start_is_a_run_that_did_not_happen),
        TEST (a_start_that_is_not_for_this_target_any_more_did_not_run),
        TEST (what_a_stream_brings_for_others_is_left_to_the_poll),
        TEST (a_start_that_nobody_signed_leaves_no_trace),
        TEST (a_forged_start_does_not_spoil_the_genuine_one),
        TEST (a_forged_document_bars_no_genuine_one),
        TEST (of_piled_up_starts_the_newest_counts),
        TEST (a_start_before_its_job_waits_for_it),
        TEST (a_start_of_a_job_nobody_sends_is_without_definition),
        TEST (what_waits_too_long_expires),
        TEST (a_stop_is_passed_on_once),
        TEST (starts_lost_with_bugle_exec_are_sent_again),
        TEST (shuffled_repeated_and_dropped_instructions_converge),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
