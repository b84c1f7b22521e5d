/*  The node's core: what comes over a stream, and what is done about gaps and silence in it.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node_fixture.h"

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

int main (void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown (name, node_fixture_setup_enlisted, node_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST (a_publication_is_applied_at_once),
        TEST (a_repeated_publication_does_nothing),
        TEST (a_gap_is_settled_by_a_poll),
        TEST (another_stream_session_is_settled_by_a_poll),
        TEST (a_publication_that_is_not_the_brokers_changes_nothing),
        TEST (a_silent_stream_is_subscribed_anew),
        TEST (a_reference_is_fetched),
        TEST (what_a_stream_brings_for_others_is_left_to_the_poll),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
