/*  bugle-exec: whom it belongs to and what time it is: anchor, authority, membership, attestations.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exec_case.h"

static void anchor_needs_privilege (void **state)
{
    (void) state;
    wire_exec_anchor anchor = {.authority_hash = {1}};
    exec_fixture_tell (&t, (exec_peer){2, false}, WIRE_EXEC_ANCHOR, &anchor);
    assert_true (bg_slice_is (exec_fixture_verdict (&t)->code, "not-allowed"));
    assert_false (exec_core_status (t.core).anchored);
    assert_int_equal (t.log_count, 0);
}

static void anchor_writes_policy_and_says_so (void **state)
{
    (void) state;
    wire_exec_anchor anchor = {.authority_hash = {1}, .write_policy = true};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_ANCHOR, &anchor);
    assert_true (bg_slice_is (exec_fixture_verdict (&t)->code, "ok"));
    assert_string_equal (exec_fixture_message (&t), "wrote the default policy");
    assert_true (t.log[0].durable);
}

static void authority_must_be_the_pinned_one (void **state)
{
    (void) state;
    wire_exec_anchor anchor = {.authority_hash = {1}};
    assert_string_equal (
        exec_fixture_offer (&t, fixture_authority (&t.signing, 1, 0)), "not-enlisted");
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_ANCHOR, &anchor);
    assert_string_equal (
        exec_fixture_offer (&t, fixture_authority (&t.signing, 1, 0)), "bad-signature");
    assert_string_equal (exec_fixture_offer (&t, exec_fixture_job (&t, "a")), "waiting");
}

static void another_anchor_is_refused_while_enlisted (void **state)
{
    (void) state;
    wire_exec_anchor anchor = {.authority_hash = {1}};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_ANCHOR, &anchor);
    assert_true (bg_slice_is (exec_fixture_verdict (&t)->code, "enlisted"));
    wire_signed authority = fixture_authority (&t.signing, 1, 0);
    wire_hash32 (authority.bytes, anchor.authority_hash);
    size_t records = t.log_count;
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_ANCHOR, &anchor);
    assert_true (bg_slice_is (exec_fixture_verdict (&t)->code, "ok"));
    assert_int_equal (t.log_count, records);
    assert_true (exec_core_status (t.core).is_member);
}

static void forget_forgets_but_runs_go_on (void **state)
{
    (void) state;
    wire_signed job = exec_fixture_job (&t, "a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
    wire_exec_forget forget = {.reason = bg_slice_str ("defect")};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_FORGET, &forget);
    exec_status status = exec_core_status (t.core);
    assert_false (status.anchored);
    assert_int_equal (status.floors, 0);
    assert_int_equal (status.running, 1);
    exec_fixture_restart (&t, t.log_count);
    assert_false (exec_core_status (t.core).anchored);
    assert_int_equal (exec_core_status (t.core).running, 1);
}

static void newer_authority_is_followed_and_asks_for_time (void **state)
{
    (void) state;
    assert_string_equal (exec_fixture_offer (&t, fixture_authority (&t.signing, 2, 0)), "ok");
    assert_int_equal (exec_core_status (t.core).authority, 2);
    assert_non_null (exec_fixture_last (&t, WIRE_EXEC_NONCE));
    assert_non_null (exec_fixture_last (&t, WIRE_EXEC_STANDING));
    assert_string_equal (exec_fixture_offer (&t, fixture_authority (&t.signing, 1, 0)), "ok");
    assert_string_equal (exec_fixture_offer (&t, fixture_authority (&t.signing, 2, 99)), "fork");
    assert_int_equal (exec_core_status (t.core).authority, 2);
}

static void membership_of_another_target_is_refused (void **state)
{
    (void) state;
    t.signing.target.bytes[3] ^= 1;
    assert_string_equal (
        exec_fixture_offer (&t, fixture_membership (&t.signing, 5, WIRE_MEMBER)), "wrong-target");
    t.signing.target.bytes[3] ^= 1;
    assert_string_equal (
        exec_fixture_offer (&t, fixture_membership (&t.signing, 5, WIRE_MEMBER)), "ok");
    assert_string_equal (
        exec_fixture_offer (&t, fixture_membership (&t.signing, 4, WIRE_MEMBER)), "superseded");
    assert_string_equal (
        exec_fixture_offer (&t, fixture_membership (&t.signing, 5, WIRE_DEFECTED_MEMBER)), "fork");
}

static void a_defected_target_takes_and_starts_nothing (void **state)
{
    (void) state;
    wire_signed job = exec_fixture_job (&t, "a");
    assert_string_equal (
        exec_fixture_offer (&t, fixture_membership (&t.signing, 9, WIRE_DEFECTED_MEMBER)), "ok");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_offer (&t, job), "not-enlisted");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "not-enlisted");
    wire_exec_anchor anchor = {.authority_hash = {1}};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_ANCHOR, &anchor);
    assert_true (bg_slice_is (exec_fixture_verdict (&t)->code, "ok"));
}

static void without_time_what_expires_waits_and_all_else_runs (void **state)
{
    (void) state;
    wire_signed job = exec_fixture_scheduled_job (&t, "a", BG_MIN (1));
    assert_string_equal (exec_fixture_offer (&t, job), "ok");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    t.boot.bytes[0]++; /*  another boot of the machine  */
    exec_fixture_restart (&t, t.log_count);
    assert_false (exec_core_status (t.core).time_known);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "waiting");
    int64_t nominal_us = t.now.utc_us - t.now.utc_us % BG_MIN (1);
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, nominal_us), "running");
    exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
    exec_fixture_advance (&t, BG_MIN (1) + 1);
    exec_fixture_attest (&t);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
}

static void time_survives_a_restart_in_the_same_boot (void **state)
{
    (void) state;
    exec_fixture_restart (&t, t.log_count);
    assert_true (exec_core_status (t.core).time_known);
}

static void attestations_must_answer_the_last_nonce_in_time (void **state)
{
    (void) state;
    exec_fixture_advance (&t, EXEC_NONCE_EVERY_US);
    const wire_exec_nonce *nonce = exec_fixture_last (&t, WIRE_EXEC_NONCE);
    assert_non_null (nonce);
    uint8_t other[16] = {1};
    size_t records = t.log_count;
    wire_exec_attest wrong = {.has_attestation = true,
        .attestation = fixture_attestation (&t.signing, other, t.now.utc_us)};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_ATTEST, &wrong);
    assert_int_equal (t.log_count, records);
    wire_exec_attest late = {.has_attestation = true,
        .attestation = fixture_attestation (&t.signing, nonce->nonce, t.now.utc_us)};
    t.now.boot_us += EXEC_NONCE_LIFE_US + 1;
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_ATTEST, &late);
    assert_int_equal (t.log_count, records);
    assert_memory_not_equal (
        ((const wire_exec_nonce *) exec_fixture_last (&t, WIRE_EXEC_NONCE))->nonce, nonce->nonce,
        16);
    exec_fixture_attest (&t);
    assert_int_equal (t.log_count, records + 1);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        FRESH (anchor_needs_privilege),
        FRESH (anchor_writes_policy_and_says_so),
        FRESH (authority_must_be_the_pinned_one),
        ENLISTED (another_anchor_is_refused_while_enlisted),
        ENLISTED (forget_forgets_but_runs_go_on),
        ENLISTED (newer_authority_is_followed_and_asks_for_time),
        ENLISTED (membership_of_another_target_is_refused),
        ENLISTED (a_defected_target_takes_and_starts_nothing),
        ENLISTED (without_time_what_expires_waits_and_all_else_runs),
        ENLISTED (time_survives_a_restart_in_the_same_boot),
        ENLISTED (attestations_must_answer_the_last_nonce_in_time),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
