/*  bugle-exec: which documents it takes, and what it says of those that it does not.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exec_case.h"

static void documents_are_taken_by_version (void **state)
{
    (void) state;
    wire_signed old = exec_fixture_job (&t, "a");
    wire_signed new = exec_fixture_job (&t, "a");
    assert_string_equal (exec_fixture_offer (&t, new), "ok");
    assert_true (exec_fixture_verdict (&t)->addressed);
    size_t records = t.log_count;
    assert_string_equal (exec_fixture_offer (&t, new), "ok");
    assert_int_equal (t.log_count, records);
    assert_string_equal (exec_fixture_offer (&t, old), "superseded");
    wire_document fixed = fixture_fixed (&t.signing, WIRE_TYPE_JOB, "a");
    fixed.version--;
    wire_job other = fixture_job (&t.signing, "a");
    other.description = bg_slice_str ("another");
    assert_string_equal (
        exec_fixture_offer (&t, fixture_document_as (&t.signing, &fixed, &other, &t.signing.admin)),
        "fork");
    assert_int_equal (t.log_count, records);
}

static void refusals_have_their_reason_and_no_effect (void **state)
{
    (void) state;
    size_t records = t.log_count;
    wire_job job = fixture_job (&t.signing, "a");
    wire_document fixed = fixture_fixed (&t.signing, WIRE_TYPE_JOB, "a");
    assert_string_equal (exec_fixture_offer (&t,
                             fixture_document_as (&t.signing, &fixed, &job, &t.signing.stranger)),
        "bad-signature");
    wire_signed changed = exec_fixture_job (&t, "a");
    uint8_t *bytes = (uint8_t *) (uintptr_t) changed.bytes.data;
    bytes[changed.bytes.size - 1] ^= 1;
    assert_string_equal (exec_fixture_offer (&t, changed), "bad-signature");
    fixed.installation.bytes[0] ^= 1;
    assert_string_equal (
        exec_fixture_offer (&t, fixture_document_as (&t.signing, &fixed, &job, &t.signing.admin)),
        "bad-signature");
    fixed = fixture_fixed (&t.signing, WIRE_TYPE_JOB, "b");
    assert_string_not_equal (
        exec_fixture_offer (&t, fixture_document_as (&t.signing, &fixed, &job, &t.signing.admin)),
        "ok");
    wire_job empty = fixture_job (&t.signing, "empty");
    empty.steps_count = 0;
    assert_string_equal (
        exec_fixture_offer (&t, fixture_document (&t.signing, WIRE_TYPE_JOB, "empty", &empty)),
        "invalid");
    wire_exec_offer offer = {.has_item = true, .item = {.type = 99, .bytes = bg_slice_str ("x")}};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_OFFER, &offer);
    assert_true (bg_slice_is (exec_fixture_verdict (&t)->code, "not-in-this-version"));
    assert_int_equal (t.log_count, records);
    assert_int_equal (exec_core_count (t.core, BG_BAD_SIGNATURE), 3);
    assert_int_equal (exec_core_count (t.core, BG_INVALID), 2);
}

static void documents_for_others_keep_their_floor (void **state)
{
    (void) state;
    wire_signed old = exec_fixture_job (&t, "a");
    wire_job job = fixture_job (&t.signing, "a");
    bg_slice name = bg_slice_str ("web01");
    job.audience = (wire_audience){.names = &name, .names_count = 1};
    wire_signed new = fixture_document (&t.signing, WIRE_TYPE_JOB, "a", &job);
    assert_string_equal (exec_fixture_offer (&t, new), "ok");
    assert_false (exec_fixture_verdict (&t)->addressed);
    assert_string_equal (exec_fixture_offer (&t, old), "superseded");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, new, &deed), "wrong-target");
    assert_int_equal (t.spawn_count, 0);
}

static void a_poll_interval_is_for_the_target_whose_id_it_names (void **state)
{
    (void) state;
    signing_fixture *s = &t.signing;
    assert_string_equal (
        exec_fixture_offer (&t, fixture_poll_switch (s, s->target, (uint64_t) BG_MIN (5))), "ok");
    assert_true (exec_fixture_verdict (&t)->addressed);
    bg_id other = {{7, 7, 7}};
    assert_string_equal (
        exec_fixture_offer (&t, fixture_poll_switch (s, other, (uint64_t) BG_MIN (5))), "ok");
    assert_false (exec_fixture_verdict (&t)->addressed);
    assert_string_equal (
        exec_fixture_offer (&t, fixture_poll_switch (s, s->target, (uint64_t) BG_SEC (9))),
        "invalid");
}

static void documents_wait_for_what_they_need (void **state)
{
    (void) state;
    wire_signed needed = exec_fixture_job (&t, "first");
    wire_job job = fixture_job (&t.signing, "second");
    wire_document fixed = fixture_fixed (&t.signing, WIRE_TYPE_JOB, "second");
    wire_need need = {
        .key = wire_document_key (t.signing.installation, WIRE_TYPE_JOB, bg_slice_str ("first")),
        .version = t.signing.version - 1};
    fixed.has_needs = true;
    fixed.needs = (wire_needs){.membership = 2, .documents = &need, .documents_count = 1};
    wire_signed second = fixture_document_as (&t.signing, &fixed, &job, &t.signing.admin);
    assert_string_equal (exec_fixture_offer (&t, second), "waiting");
    assert_string_equal (
        exec_fixture_offer (&t, fixture_membership (&t.signing, 2, WIRE_MEMBER)), "ok");
    assert_string_equal (exec_fixture_offer (&t, second), "waiting");
    assert_string_equal (exec_fixture_offer (&t, needed), "ok");
    assert_string_equal (exec_fixture_offer (&t, second), "ok");
}

static void a_document_by_a_login_still_unknown_waits (void **state)
{
    (void) state;
    wire_job job = fixture_job (&t.signing, "a");
    wire_document fixed = fixture_fixed (&t.signing, WIRE_TYPE_JOB, "a");
    fixed.has_needs = true;
    fixed.needs.authority = 2;
    assert_string_equal (exec_fixture_offer (&t,
                             fixture_document_as (&t.signing, &fixed, &job, &t.signing.stranger)),
        "waiting");
}

static void withdrawal_drops_and_bars_the_job (void **state)
{
    (void) state;
    wire_signed job = exec_fixture_job (&t, "a");
    assert_string_equal (exec_fixture_offer (&t, job), "ok");
    assert_string_equal (exec_fixture_offer (&t, fixture_withdrawal (&t.signing, "a")), "ok");
    assert_false (exec_fixture_verdict (&t)->addressed);
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "no-definition");
    wire_signed again = exec_fixture_job (&t, "a");
    assert_string_equal (exec_fixture_offer (&t, again), "ok");
    assert_string_equal (exec_fixture_start (&t, again, &deed), "running");
}

static void not_after_goes_by_the_brokers_time (void **state)
{
    (void) state;
    wire_job job = fixture_job (&t.signing, "a");
    wire_document fixed = fixture_fixed (&t.signing, WIRE_TYPE_JOB, "a");
    fixed.not_after_us = t.now.utc_us + BG_MIN (10);
    wire_signed document = fixture_document_as (&t.signing, &fixed, &job, &t.signing.admin);
    t.now.utc_us += BG_DAY (300); /*  only the wall clock  */
    assert_string_equal (exec_fixture_offer (&t, document), "ok");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    exec_fixture_advance (&t, BG_MIN (11));
    t.now.utc_us -= BG_DAY (300);
    assert_string_equal (exec_fixture_start (&t, document, &deed), "expired");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        ENLISTED (documents_are_taken_by_version),
        ENLISTED (refusals_have_their_reason_and_no_effect),
        ENLISTED (documents_for_others_keep_their_floor),
        ENLISTED (a_poll_interval_is_for_the_target_whose_id_it_names),
        ENLISTED (documents_wait_for_what_they_need),
        ENLISTED (a_document_by_a_login_still_unknown_waits),
        ENLISTED (withdrawal_drops_and_bars_the_job),
        ENLISTED (not_after_goes_by_the_brokers_time),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
