/*  A front that was taken over speaks to the node in the broker's name: it may say anything but what the broker or a
    login has to sign. The node stays whole, starts nothing, keeps nothing of it, and goes on when the broker is back.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node_fixture.h"
#include "proto_random.h"

#include <stdlib.h>

typedef struct {
    wire_kind kind;
    wire_kind answers; /*  the request that it pretends to answer; 0: none  */
} forgery;

static const forgery forgeries[] = {
    {WIRE_WELCOME, WIRE_HELLO},
    {WIRE_POLL_ANSWER, WIRE_POLL},
    {WIRE_INSTRUCT, 0},
    {WIRE_HEARTBEAT_ANSWER, WIRE_HEARTBEAT},
    {WIRE_FETCHED, WIRE_FETCH},
    {WIRE_INVENTORY_ANSWER, WIRE_INVENTORY},
    {WIRE_REPORT_ANSWER, WIRE_REPORT},
    {WIRE_DEFECTED, WIRE_DEFECT},
    {WIRE_ERROR, WIRE_POLL},
    {WIRE_ERROR, WIRE_HELLO},
    {WIRE_ENLIST_DONE, WIRE_HELLO},
    {WIRE_TICK, 0},
};

/*  What it knows: keys, ids, how a job and a START look. Only its signatures are wrong.  */
static wire_signed forged_item (node_fixture *self, proto_random *random)
{
    signing_fixture *signing = &self->signing;
    const char *name = proto_random_below (random, 2) ? "one" : "two";
    if (proto_random_below (random, 2)) {
        wire_deed deed = fixture_deed (signing,
            proto_random_below (random, 2) ? WIRE_DEED_START : WIRE_DEED_STOP, name,
            self->now.utc_us, self->now.utc_us + BG_HOUR (1));
        return fixture_sign_deed (signing, &deed, &signing->stranger);
    }
    wire_job job = fixture_job (signing, name);
    wire_document fixed = fixture_fixed (signing, WIRE_TYPE_JOB, name);
    fixed.version = proto_random_next (random) >> (1 + proto_random_below (random, 60));
    fixed.version += fixed.version == 0;
    if (proto_random_below (random, 2)) {
        fixed.has_needs = true;
        fixed.needs.authority = 999;
    }
    return fixture_document_as (signing, &fixed, &job, &signing->stranger);
}

static void forge (node_fixture *self, proto_random *random)
{
    const forgery *what =
        &forgeries[proto_random_below (random, sizeof forgeries / sizeof *forgeries)];
    const wire_kind_row *row = wire_kind_find (what->kind);
    BG_AUTO_ARENA arena = {0};
    void *body = bg_arena_alloc (&arena, row->desc->size);
    wire_random (row->desc, &arena, proto_random_next, random, body);
    wire_signed item;
    if (what->kind == WIRE_INSTRUCT && proto_random_below (random, 2)) {
        item = forged_item (self, random);
        ((wire_instruct *) body)->instructions = &item;
        ((wire_instruct *) body)->instructions_count = 1;
    }
    node_fixture_desk (
        self, what->kind, what->answers ? self->requests[what->answers] : (bg_id){{0}}, body);
}

/*  A real bugle-exec refuses all of it; here it is enough that it begins nothing.  */
static void refuse_all (void *ctx, bg_slice blob)
{
    node_fixture *self = ctx;
    BG_AUTO_ARENA arena = {0};
    wire_header header;
    void *value = NULL;
    assert_true (bg_is_ok (wire_inner_decode (blob, &arena, &header, &value, NULL)));
    if (header.kind != WIRE_EXEC_OFFER && header.kind != WIRE_EXEC_START)
        return;
    const wire_exec_verdict verdict = {
        .code = bg_slice_str (self->requests[0].bytes[0]++ % 2 ? "bad-signature" : "waiting")};
    BG_AUTO_BUF answer = {0};
    wire_inner_encode (WIRE_EXEC_VERDICT, header.request, &verdict, &answer);
    node_fixture_from_exec (self, bg_buf_slice (&answer));
}

static void whatever_a_front_says_the_node_goes_on (void **state)
{
    (void) state;
    proto_random random = proto_random_start ("hostile front");
    node_fixture *self = calloc (1, sizeof *self);
    node_fixture_init (self);
    node_fixture_enlist (self);
    node_fixture_push (self, node_fixture_job (self, "one", NULL, 0));
    node_fixture_advance (self, BG_SEC (61));
    const node_core_state before = node_fixture_state (self);
    uint8_t digest[16];
    memcpy (digest, before.digest, sizeof digest);
    self->exec_hook = refuse_all;
    self->exec_ctx = self;
    for (int round = 0; round < 5000; round++) {
        self->broker_up = proto_random_below (&random, 8) == 0;
        forge (self, &random);
        node_fixture_settle (self);
        if (proto_random_below (&random, 10) == 0)
            node_fixture_advance (self, (int64_t) proto_random_below (&random, BG_SEC (40)));
    }
    self->exec_hook = NULL;
    node_core_state after = node_fixture_state (self);
    assert_true (after.enlisted);
    assert_int_equal (after.jobs, before.jobs);
    assert_int_equal (after.refused, 0);
    assert_int_equal (after.waiting, 0);
    assert_int_equal (after.outbox, 0);
    assert_memory_equal (after.digest, digest, sizeof digest);
    assert_int_equal (self->exec_run_count, 0);
    assert_int_not_equal (node_fixture_counter (self, "unproven"), 0);
    assert_int_not_equal (node_fixture_counter (self, "bad-attestation"), 0);
    assert_int_not_equal (node_fixture_counter (self, "unexpected"), 0);
    /*  The broker is back.  */
    self->broker_up = true;
    node_fixture_exec_down (self);
    node_fixture_restart (self);
    node_fixture_exec_up (self);
    node_fixture_advance (self, BG_MIN (10));
    const node_pending *job = node_fixture_post (self, node_fixture_job (self, "two", NULL, 0));
    node_fixture_advance (self, BG_MIN (2));
    assert_int_equal (job->state, WIRE_DELIVERY_APPLIED);
    node_fixture_post (self, node_fixture_start (self, "two", self->now.utc_us));
    node_fixture_advance (self, BG_MIN (2));
    assert_int_equal (self->exec_run_count, 1);
    node_fixture_fini (self);
    free (self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (whatever_a_front_says_the_node_goes_on),
    };
    return cmocka_run_group_tests_name ("hostile front", tests, NULL, NULL);
}
