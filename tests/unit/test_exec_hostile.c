/*  bugle-exec: a node that says anything it likes has no effect.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exec_case.h"
#include "proto_random.h"

static void garbage_is_told_to_the_shell (void **state)
{
    (void) state;
    bg_error err = {0};
    assert_int_equal (
        exec_core_handle (t.core, t.now, EXEC_NODE, bg_slice_str ("garbage"), &err).code,
        BG_MALFORMED);
    BG_AUTO_BUF blob = {0};
    wire_record_closed record = {.run = {{1}}};
    wire_inner_encode (WIRE_RECORD_CLOSED, (bg_id){{0}}, &record, &blob);
    assert_int_equal (exec_core_handle (t.core, t.now, EXEC_NODE, bg_buf_slice (&blob), &err).code,
        BG_UNKNOWN_KIND);
}

static wire_signed forged_item (proto_random *random)
{
    signing_fixture *s = &t.signing;
    const fixture_pair *signers[] = {&s->stranger, &s->node, &s->broker};
    const fixture_pair *signer = signers[proto_random_below (random, 3)];
    wire_job job = fixture_job (s, "a");
    wire_document fixed = fixture_fixed (s, WIRE_TYPE_JOB, "a");
    wire_deed deed =
        fixture_deed (s, proto_random_below (random, 2) ? WIRE_DEED_START : WIRE_DEED_STOP, "a",
            t.now.utc_us, t.now.utc_us + BG_HOUR (1));
    wire_signed item;
    switch (proto_random_below (random, 5)) {
    case 0: /*  signed, but not over these bytes  */
        item = fixture_document_as (s, &fixed, &job, &s->admin);
        item.bytes = bg_arena_copy (&s->arena, item.bytes);
        ((uint8_t *) (uintptr_t) item.bytes.data)[item.bytes.size - 1] ^= 1;
        return item;
    case 1: /*  of another installation  */
        fixed.installation.bytes[0] ^= 1;
        return fixture_document_as (s, &fixed, &job, &s->admin);
    case 2: /*  signed as something else  */
        item = fixture_sign_deed (s, &deed, &s->admin);
        item.type = WIRE_TYPE_JOB;
        return item;
    case 3:
        return fixture_sign_deed (s, &deed, signer);
    default:
        return fixture_document_as (s, &fixed, &job, signer);
    }
}

/*  A node account that was taken over and may say anything, but sign nothing.  */
static void whatever_a_node_says_nothing_starts_and_nothing_is_kept (void **state)
{
    (void) state;
    static const wire_kind kinds[] = {WIRE_EXEC_HELLO, WIRE_EXEC_OFFER, WIRE_EXEC_START,
        WIRE_EXEC_TAKEN, WIRE_EXEC_ATTEST, WIRE_EXEC_ANCHOR, WIRE_EXEC_FORGET};
    proto_random random = proto_random_start ("hostile node");
    assert_string_equal (exec_fixture_offer (&t, exec_fixture_job (&t, "a")), "ok");
    size_t records = t.log_count;
    exec_status before = exec_core_status (t.core);
    for (int round = 0; round < 5000; round++) {
        wire_kind kind = kinds[proto_random_below (&random, sizeof kinds / sizeof *kinds)];
        const wire_kind_row *row = wire_kind_find (kind);
        BG_AUTO_ARENA arena = {0};
        void *body = bg_arena_alloc (&arena, row->desc->size);
        wire_random (row->desc, &arena, proto_random_next, &random, body);
        if (kind == WIRE_EXEC_OFFER && proto_random_below (&random, 4))
            ((wire_exec_offer *) body)->item = forged_item (&random);
        if (kind == WIRE_EXEC_START && proto_random_below (&random, 4)) {
            wire_exec_start *start = body;
            start->job = forged_item (&random);
            start->deed = forged_item (&random);
            start->has_deed = proto_random_below (&random, 2);
            start->schedule = start->has_deed ? 0 : 1;
        }
        exec_fixture_clear (&t);
        exec_fixture_tell (&t, (exec_peer){2, false}, kind, body);
        bg_arena_fini (&t.arena);
    }
    exec_status after = exec_core_status (t.core);
    assert_int_equal (t.log_count, records);
    assert_int_equal (t.spawn_count, 0);
    assert_int_equal (t.stop_count, 0);
    assert_int_equal (after.floors, before.floors);
    assert_int_equal (after.done, before.done);
    assert_true (after.is_member && after.anchored);
    assert_int_not_equal (exec_core_count (t.core, BG_BAD_SIGNATURE), 0);
    assert_int_not_equal (exec_core_count (t.core, BG_NOT_ALLOWED), 0);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        ENLISTED (garbage_is_told_to_the_shell),
        ENLISTED (whatever_a_node_says_nothing_starts_and_nothing_is_kept),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
