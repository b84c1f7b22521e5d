/*  Delivery: polls, acknowledgements, digests, inventories, and pushes that may all be lost.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/broker_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static wire_job_row job_row (fx *self, const char *name)
{
    const wire_job_query query = {.name = bg_slice_str (name)};
    const wire_jobs *jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &query, WIRE_JOBS);
    return jobs->rows[0];
}

static void a_poll_brings_what_is_pending_until_it_is_acknowledged (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    uint64_t version = fx_post_next (self, "clean", fx_group (self, "web"), "/bin/true");
    for (int i = 0; i < 3; i++) {
        const wire_poll_answer *answer = fx_node_poll (self, &node);
        assert_int_equal (answer->instructions_count, 1);
        assert_false (answer->more);
        assert_false (answer->inventory);
    }
    assert_int_equal (job_row (self, "clean").applied, 0);
    /*  Another version is not this one.  */
    fx_node_ack (self, &node, fx_job_key (self, "clean"), version - 1, WIRE_DELIVERY_APPLIED, NULL);
    assert_int_equal (broker_core_counter (self->core, "ack-other-version"), 1);
    fx_node_ack (self, &node, fx_job_key (self, "clean"), version, WIRE_DELIVERY_APPLIED, NULL);
    assert_int_equal (job_row (self, "clean").applied, 1);
    assert_int_equal (fx_node_poll (self, &node)->instructions_count, 0);
    fx_close (&self);
}

static void an_attestation_answers_the_nonce_and_is_signed (void **state)
{
    (void) state;
    fx *self = fx_open ();
    bg_error err = {0};
    fx_node node = fx_member (self, "web01", "web");
    wire_poll poll = {.exec_nonce = bg_slice_str ("0123456789abcdef")};
    memset (poll.nonce, 0x5a, sizeof poll.nonce);
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, node.session, WIRE_POLL, &poll);
    const wire_poll_answer *answer = fx_answer (self, WIRE_POLL_ANSWER);
    wire_keyring *keyring = NULL;
    uint8_t hash[32];
    wire_hash32 (self->authority.bytes, hash);
    assert_true (bg_is_ok (
        wire_keyring_first (&self->authority, hash, wire_crypto_sodium (), &keyring, &err)));
    wire_attestation attestation;
    assert_true (bg_is_ok (wire_verify_attestation (
        keyring, &answer->attestation, wire_crypto_sodium (), &self->arena, &attestation, &err)));
    assert_memory_equal (attestation.nonce, poll.nonce, 16);
    assert_true (bg_slice_is (attestation.exec_nonce, "0123456789abcdef"));
    assert_true (bg_id_equal (attestation.target, node.target));
    assert_int_equal (attestation.time_us, self->now.utc_us);
    assert_int_equal (attestation.authority, 1);
    assert_int_equal (attestation.membership, 1);
    uint8_t digest[16];
    fx_node_digest (&node, digest);
    assert_memory_equal (attestation.digest, digest, 16);
    wire_keyring_destroy (&keyring);
    fx_close (&self);
}

static void a_failure_is_kept_with_its_words_and_blocks_nothing (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    uint64_t first = fx_post_next (self, "clean", fx_all (), "/bin/true");
    fx_post_next (self, "dump", fx_all (), "/bin/true");
    fx_node_hold (self, &node, fx_job_key (self, "clean"), first);
    fx_node_ack (self, &node, fx_job_key (self, "clean"), first, WIRE_DELIVERY_FAILED, "policy");
    fx_node_settle (self, &node);
    wire_target_query query = {.details = true};
    const wire_targets *targets = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    assert_int_equal (targets->rows[0].state, WIRE_TARGET_QUARANTINED);
    assert_int_equal (targets->rows[0].quarantined, 1);
    const wire_delivery_row *row = &targets->rows[0].deliveries[0];
    assert_true (bg_slice_is (row->name, "clean"));
    assert_int_equal (row->state, WIRE_DELIVERY_FAILED);
    assert_true (bg_slice_is (row->code, "policy"));
    assert_true (bg_slice_is (row->message, "because"));
    assert_int_equal (job_row (self, "dump").applied, 1);
    /*  A new version is tried anew and the words are gone.  */
    fx_pass (self, BG_SEC (1));
    fx_post_next (self, "clean", fx_all (), "/bin/echo");
    fx_node_settle (self, &node);
    targets = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    assert_int_equal (targets->rows[0].quarantined, 0);
    for (size_t i = 0; i < targets->rows[0].deliveries_count; i++)
        assert_int_equal (targets->rows[0].deliveries[i].code.size, 0);
    fx_close (&self);
}

static void what_waits_is_not_pending_and_is_applied_later (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    uint64_t version = fx_post_next (self, "clean", fx_all (), "/bin/true");
    fx_node_ack (
        self, &node, fx_job_key (self, "clean"), version, WIRE_DELIVERY_WAITING, "waiting");
    assert_int_equal (job_row (self, "clean").waiting, 1);
    assert_int_equal (fx_node_poll (self, &node)->instructions_count, 0);
    fx_restart (self);
    fx_node_hello (self, &node);
    assert_int_equal (fx_node_poll (self, &node)->instructions_count, 0);
    assert_int_equal (job_row (self, "clean").waiting, 1);
    fx_node_hold (self, &node, fx_job_key (self, "clean"), version);
    fx_node_ack (self, &node, fx_job_key (self, "clean"), version, WIRE_DELIVERY_APPLIED, NULL);
    assert_int_equal (job_row (self, "clean").applied, 1);
    fx_node_settle (self, &node);
    fx_close (&self);
}

static void many_documents_come_in_pieces_oldest_first (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    for (int i = 0; i < 150; i++) {
        char name[16];
        snprintf (name, sizeof name, "job%03d", i);
        fx_pass (self, BG_MS (2));
        fx_post_next (
            self, bg_arena_str (&self->arena, bg_slice_str (name)), fx_all (), "/bin/true");
    }
    size_t seen = 0;
    const wire_poll_answer *answer;
    do {
        answer = fx_node_poll (self, &node);
        assert_true (answer->instructions_count <= 64);
        seen += answer->instructions_count;
        assert_int_equal (answer->more, seen < 150);
        fx_node_apply (self, &node, answer);
    } while (answer->more);
    assert_int_equal (seen, 150);
    fx_node_settle (self, &node);
    fx_close (&self);
}

static void large_documents_bound_a_poll_and_are_fetched (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    char *script = bg_alloc (100001);
    memset (script, '#', 100000);
    for (int i = 0; i < 3; i++) {
        const char *names[] = {"one", "two", "three"};
        wire_job_step step = {.name = bg_slice_str ("main"),
            .kind = WIRE_STEP_SCRIPT,
            .script = bg_slice_of (script, 100000)};
        const wire_job body = {.name = bg_slice_str (names[i]),
            .has_audience = true,
            .audience = fx_all (),
            .steps = &step,
            .steps_count = 1};
        wire_signed job =
            fx_document (self, FX_AUTHOR, WIRE_TYPE_JOB, fx_job_key (self, names[i]), 0, &body);
        fx_post (self, FX_AUTHOR, &job, 0);
        /*  A publication carries only the reference.  */
        assert_int_equal (fx_count (self, WIRE_ORDER), 1);
        for (size_t k = 0; k < self->sent_count; k++)
            assert_true (!self->sent[k].published || self->sent[k].sealed.size < 1000);
    }
    free (script);
    wire_job_row row = job_row (self, "two");
    wire_fetch fetch = {
        .has_what = true, .what = {.type = WIRE_TYPE_JOB, .key = row.key, .version = row.version}};
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, node.session, WIRE_FETCH, &fetch);
    const wire_fetched *fetched = fx_answer (self, WIRE_FETCHED);
    assert_true (fetched->document.bytes.size > 100000);
    fetch.what.version++;
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, node.session, WIRE_FETCH, &fetch);
    fx_refused (self, BG_NOT_FOUND);
    const wire_poll_answer *answer = fx_node_poll (self, &node);
    assert_int_equal (answer->instructions_count, 2);
    assert_true (answer->more);
    fx_node_settle (self, &node);
    /*  Not for everybody.  */
    uint64_t version = fx_post_next (self, "secret", fx_names (self, "web77", NULL), "/bin/true");
    fetch.what.key = fx_job_key (self, "secret");
    fetch.what.version = version;
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, node.session, WIRE_FETCH, &fetch);
    fx_refused (self, BG_NOT_FOUND);
    fx_close (&self);
}

static void rows_stay_when_the_audience_moves_on (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", "web");
    fx_node db = fx_member (self, "db01", "db");
    fx_post_next (self, "clean", fx_group (self, "web"), "/bin/true");
    fx_node_settle (self, &web);
    fx_pass (self, BG_SEC (1));
    fx_post_next (self, "clean", fx_group (self, "db"), "/bin/true");
    /*  The old holder hears of it over its own session, the new one by its stream.  */
    assert_int_equal (fx_count (self, WIRE_ORDER), 1);
    assert_int_equal (fx_count (self, WIRE_INSTRUCT), 1);
    wire_job_row row = job_row (self, "clean");
    assert_int_equal (row.targets, 1);
    fx_node_settle (self, &web);
    fx_node_settle (self, &db);
    row = job_row (self, "clean");
    assert_int_equal (row.applied, 1);
    assert_int_equal (web.slot_count, 3);
    fx_close (&self);
}

static void a_difference_is_found_and_settled_by_an_inventory (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    uint64_t version = fx_post_next (self, "clean", fx_all (), "/bin/true");
    fx_post_next (self, "dump", fx_all (), "/bin/true");
    fx_node_settle (self, &node);
    /*  The node loses one document and holds another in a version that nobody posted.  */
    size_t at = 0;
    while (!bg_id_equal (node.slots[at].key, fx_job_key (self, "clean")))
        at++;
    node.slots[at] = node.slots[--node.slot_count];
    for (size_t i = 0; i < node.slot_count; i++)
        if (bg_id_equal (node.slots[i].key, fx_job_key (self, "dump")))
            node.slots[i].version += 5;
    node.state_seq++;
    assert_true (fx_node_poll (self, &node)->inventory);
    /*  Ascending keys, two pages.  */
    for (size_t i = 0; i < node.slot_count; i++)
        for (size_t k = i + 1; k < node.slot_count; k++)
            if (bg_id_compare (node.slots[k].key, node.slots[i].key) < 0) {
                wire_held swap = node.slots[i];
                node.slots[i] = node.slots[k];
                node.slots[k] = swap;
            }
    wire_inventory page = {.items = node.slots, .items_count = 2, .state_seq = node.state_seq};
    uint64_t posted = 0;
    size_t unknown = 0;
    for (int i = 0; i < 2; i++) {
        fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, node.session, WIRE_INVENTORY, &page);
        const wire_inventory_answer *answer = fx_answer (self, WIRE_INVENTORY_ANSWER);
        posted += answer->posted;
        unknown += answer->unknown_count;
        page = (wire_inventory){.after = node.slots[1].key,
            .items = node.slots + 2,
            .items_count = node.slot_count - 2,
            .last = true,
            .state_seq = node.state_seq};
    }
    assert_int_equal (posted, 1);
    assert_int_equal (unknown, 1);
    const wire_poll_answer *answer = fx_node_poll (self, &node);
    assert_int_equal (answer->instructions_count, 1);
    fx_node_apply (self, &node, answer);
    fx_node_hold (self, &node, fx_job_key (self, "dump"), version);
    wire_job_row row = job_row (self, "dump");
    fx_node_hold (self, &node, row.key, row.version);
    fx_node_settle (self, &node);
    wire_inventory wrong = {
        .items = (wire_held[]){{.key = {{2}}, .version = 1}, {.key = {{1}}, .version = 1}},
        .items_count = 2,
        .last = true};
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, node.session, WIRE_INVENTORY, &wrong);
    fx_refused (self, BG_INVALID);
    fx_close (&self);
}

static void the_same_difference_twice_is_an_alarm_and_no_loop (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    node.slots[0].version += 7;
    assert_true (fx_node_poll (self, &node)->inventory);
    assert_true (fx_node_poll (self, &node)->inventory);
    assert_int_equal (broker_core_counter (self->core, "digest-differs-again"), 1);
    for (int i = 0; i < 9; i++) {
        fx_pass (self, BG_MIN (1));
        assert_false (fx_node_poll (self, &node)->inventory);
    }
    fx_pass (self, BG_MIN (2));
    assert_true (fx_node_poll (self, &node)->inventory);
    fx_close (&self);
}

static void digests_are_not_compared_while_something_is_on_its_way (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    uint64_t version = fx_post_next (self, "clean", fx_all (), "/bin/true");
    assert_false (fx_node_poll (self, &node)->inventory);
    fx_node_hold (self, &node, fx_job_key (self, "clean"), version);
    fx_node_ack (self, &node, fx_job_key (self, "clean"), version, WIRE_DELIVERY_APPLIED, NULL);
    /*  A poll sent before the acknowledgement says less than the broker knows.  */
    fx_node before = node;
    before.state_seq--;
    before.slots = bg_arena_array (&self->arena, wire_held, node.slot_count);
    memcpy (before.slots, node.slots, (node.slot_count - 1) * sizeof *node.slots);
    before.slot_count--;
    assert_false (fx_node_poll (self, &before)->inventory);
    assert_false (fx_node_poll (self, &node)->inventory);
    fx_close (&self);
}

static void the_front_is_told_who_has_something_pending (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    fx_pass (self, BG_SEC (6));
    fx_tick (self);
    assert_int_equal (self->flagged_count, 0);
    fx_post_next (self, "clean", fx_all (), "/bin/true");
    fx_pass (self, BG_SEC (6));
    fx_tick (self);
    assert_int_equal (self->flagged_count, 1);
    assert_true (bg_key_equal (&self->flagged[0], &node.keys.curve_key));
    fx_restart (self);
    assert_int_equal (self->flagged_count, 1);
    fx_node_hello (self, &node);
    fx_node_settle (self, &node);
    fx_pass (self, BG_SEC (6));
    fx_tick (self);
    assert_int_equal (self->flagged_count, 0);
    fx_close (&self);
}

static void a_copied_machine_is_noticed (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    node.boots = 5;
    fx_node_hello (self, &node);
    assert_int_equal (broker_core_counter (self->core, "clone"), 0);
    fx_node copy = node;
    copy.instance = fx_id (self);
    copy.boots = 4;
    fx_node_hello (self, &copy);
    assert_int_equal (broker_core_counter (self->core, "clone"), 1);
    copy.boots = 5;
    fx_node_hello (self, &copy);
    assert_int_equal (broker_core_counter (self->core, "clone"), 2);
    copy.boots = 6;
    fx_node_hello (self, &copy);
    assert_int_equal (broker_core_counter (self->core, "clone"), 2);
    fx_close (&self);
}

static void a_proof_above_the_own_position_is_noticed (void **state)
{
    (void) state;
    fx *self = fx_open ();
    const bg_id none = {0};
    fx_node node = fx_member (self, "web01", "web");
    wire_hello hello = {.level_low = 1,
        .level_high = 1,
        .boot_counter = 1,
        .instance = node.instance,
        .name = bg_slice_str ("web01"),
        .outbox = node.outbox,
        .time_us = self->now.utc_us,
        .has_attestation = true};
    hello.attestation = fx_node_poll (self, &node)->attestation;
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, none, WIRE_HELLO, &hello);
    assert_int_equal (broker_core_counter (self->core, "position-ahead"), 0);
    wire_attestation later = {.installation = self->settings.installation,
        .target = node.target,
        .term = 1,
        .position = 4711,
        .time_us = self->now.utc_us,
        .authority = 1,
        .membership = 1};
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_ATTESTATION, self->settings.installation,
        &later, self->settings.sign_secret, &self->arena, &hello.attestation);
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, none, WIRE_HELLO, &hello);
    assert_int_equal (broker_core_counter (self->core, "position-ahead"), 1);
    fx_close (&self);
}

static void targets_are_listed_by_group_label_job_and_page (void **state)
{
    (void) state;
    fx *self = fx_open ();
    char name[16];
    for (int i = 0; i < 12; i++) {
        snprintf (name, sizeof name, "web%02d", i);
        fx_member (self, bg_arena_str (&self->arena, bg_slice_str (name)), i % 2 ? "odd" : "even");
    }
    wire_target_query query = {.group = bg_slice_str ("ODD"), .limit = 4};
    const wire_targets *targets = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    assert_int_equal (targets->total, 6);
    assert_int_equal (targets->rows_count, 4);
    assert_true (targets->more);
    query.after = targets->rows[3].number;
    targets = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    assert_int_equal (targets->rows_count, 2);
    assert_false (targets->more);
    fx_post_next (self, "clean", fx_names (self, "web03", "web04"), "/bin/true");
    query = (wire_target_query){.job = bg_slice_str ("clean")};
    targets = fx_ask (self, FX_READER, WIRE_TARGET_QUERY, &query, WIRE_TARGETS);
    assert_int_equal (targets->total, 2);
    const bg_id none = {0};
    query = (wire_target_query){.group = bg_slice_str ("nobody")};
    fx_send (
        self, WIRE_ON_OPS, &self->people[FX_READER].curve_key, none, WIRE_TARGET_QUERY, &query);
    fx_refused (self, BG_NOT_FOUND);
    query = (wire_target_query){.labels = bg_slice_str ("role=wbe")};
    fx_send (
        self, WIRE_ON_OPS, &self->people[FX_READER].curve_key, none, WIRE_TARGET_QUERY, &query);
    const wire_error *error = fx_refused (self, BG_NOT_FOUND);
    assert_true (
        bg_slice_is (error->message, "selector 'role=wbe' matched no target (12 enlisted)"));
    query = (wire_target_query){.labels = bg_slice_str ("role=")};
    fx_send (
        self, WIRE_ON_OPS, &self->people[FX_READER].curve_key, none, WIRE_TARGET_QUERY, &query);
    fx_refused (self, BG_INVALID);
    fx_close (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_poll_brings_what_is_pending_until_it_is_acknowledged),
        cmocka_unit_test (an_attestation_answers_the_nonce_and_is_signed),
        cmocka_unit_test (a_failure_is_kept_with_its_words_and_blocks_nothing),
        cmocka_unit_test (what_waits_is_not_pending_and_is_applied_later),
        cmocka_unit_test (many_documents_come_in_pieces_oldest_first),
        cmocka_unit_test (large_documents_bound_a_poll_and_are_fetched),
        cmocka_unit_test (rows_stay_when_the_audience_moves_on),
        cmocka_unit_test (a_difference_is_found_and_settled_by_an_inventory),
        cmocka_unit_test (the_same_difference_twice_is_an_alarm_and_no_loop),
        cmocka_unit_test (digests_are_not_compared_while_something_is_on_its_way),
        cmocka_unit_test (the_front_is_told_who_has_something_pending),
        cmocka_unit_test (a_copied_machine_is_noticed),
        cmocka_unit_test (a_proof_above_the_own_position_is_noticed),
        cmocka_unit_test (targets_are_listed_by_group_label_job_and_page),
    };
    return cmocka_run_group_tests_name ("broker deliver", tests, NULL, NULL);
}
