/*  What bugle-exec takes, refuses and starts, and that its log says the same as its memory.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exec_fixture.h"
#include "proto_random.h"

#include <stdlib.h>

static exec_fixture t;

static int setup (void **state)
{
    (void) state;
    exec_fixture_init (&t);
    return 0;
}

static int setup_enlisted (void **state)
{
    (void) setup (state);
    exec_fixture_enlist (&t);
    return 0;
}

static int teardown (void **state)
{
    (void) state;
    exec_fixture_fini (&t);
    return 0;
}

static wire_signed job_document (const char *name)
{
    wire_job job = fixture_job (&t.signing, name);
    return fixture_document (&t.signing, WIRE_TYPE_JOB, name, &job);
}

static wire_signed scheduled_job (const char *name, uint64_t every_us)
{
    wire_job job = fixture_job (&t.signing, name);
    static wire_job_schedule schedule;
    schedule = (wire_job_schedule){
        .name = bg_slice_str ("tick"), .kind = WIRE_SCHEDULE_EVERY, .every_us = every_us};
    job.schedules = &schedule;
    job.schedules_count = 1;
    return fixture_document (&t.signing, WIRE_TYPE_JOB, name, &job);
}

static wire_signed stop_deed (const char *name)
{
    wire_deed deed =
        fixture_deed (&t.signing, WIRE_DEED_STOP, name, t.now.utc_us, t.now.utc_us + BG_MIN (10));
    return fixture_sign_deed (&t.signing, &deed, &t.signing.admin);
}

static const char *message (void)
{
    return bg_arena_str (&t.arena, exec_fixture_verdict (&t)->message);
}

/*  ---- standing ----  */

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
    assert_string_equal (message (), "wrote the default policy");
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
    assert_string_equal (exec_fixture_offer (&t, job_document ("a")), "waiting");
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
    wire_signed job = job_document ("a");
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
    wire_signed job = job_document ("a");
    assert_string_equal (
        exec_fixture_offer (&t, fixture_membership (&t.signing, 9, WIRE_DEFECTED_MEMBER)), "ok");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_offer (&t, job), "not-enlisted");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "not-enlisted");
    wire_exec_anchor anchor = {.authority_hash = {1}};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_ANCHOR, &anchor);
    assert_true (bg_slice_is (exec_fixture_verdict (&t)->code, "ok"));
}

/*  ---- documents ----  */

static void documents_are_taken_by_version (void **state)
{
    (void) state;
    wire_signed old = job_document ("a");
    wire_signed new = job_document ("a");
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
    wire_signed changed = job_document ("a");
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
    wire_signed old = job_document ("a");
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
    wire_signed needed = job_document ("first");
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
    wire_signed job = job_document ("a");
    assert_string_equal (exec_fixture_offer (&t, job), "ok");
    assert_string_equal (exec_fixture_offer (&t, fixture_withdrawal (&t.signing, "a")), "ok");
    assert_false (exec_fixture_verdict (&t)->addressed);
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "no-definition");
    wire_signed again = job_document ("a");
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

static void without_time_what_expires_waits_and_all_else_runs (void **state)
{
    (void) state;
    wire_signed job = scheduled_job ("a", BG_MIN (1));
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

/*  ---- starts ----  */

static void a_start_is_done_at_most_once (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
    bg_id run = t.spawned;
    assert_string_equal (exec_fixture_start (&t, job, &deed), "ok");
    assert_true (exec_fixture_verdict (&t)->began);
    exec_fixture_end (&t, run, WIRE_RUN_SUCCEEDED);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "ok");
    exec_fixture_taken (&t, run);
    assert_int_equal (t.discard_count, 1);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "ok");
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "ok");
    assert_string_equal (exec_fixture_offer (&t, fixture_withdrawal (&t.signing, "a")), "ok");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "ok");
    assert_int_equal (t.spawn_count, 1);
}

static void a_deed_is_remembered_until_it_cannot_be_valid (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
    exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
    exec_fixture_taken (&t, t.spawned);
    for (int i = 0; i < 5; i++)
        exec_fixture_advance (&t, BG_HOUR (1));
    assert_int_equal (exec_core_status (t.core).done, 0);
    exec_fixture_attest (&t);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "expired");
    assert_int_equal (t.spawn_count, 1);
}

/*  The broker's clock was two hours ahead and is set right: what it issues since seems to have expired by the
    time that was attested before, and must not be refused for that.  */
static void a_deed_is_refused_only_by_a_fresh_time (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    exec_fixture_advance (&t, BG_MIN (10));
    wire_deed deed = fixture_deed (
        &t.signing, WIRE_DEED_START, "a", t.now.utc_us - BG_HOUR (2), t.now.utc_us - BG_HOUR (1));
    wire_signed start = fixture_sign_deed (&t.signing, &deed, &t.signing.admin);
    assert_string_equal (exec_fixture_start (&t, job, &start), "waiting");
    const wire_exec_nonce *nonce = exec_fixture_last (&t, WIRE_EXEC_NONCE);
    assert_non_null (nonce);
    wire_exec_attest back = {.has_attestation = true,
        .attestation = fixture_attestation (&t.signing, nonce->nonce, t.now.utc_us - BG_HOUR (2))};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_ATTEST, &back);
    assert_string_equal (exec_fixture_start (&t, job, &start), "running");
}

static void a_deed_ahead_of_the_brokers_time_is_refused (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    wire_deed deed = fixture_deed (&t.signing, WIRE_DEED_START, "a",
        t.now.utc_us + EXEC_AHEAD_US + 1, t.now.utc_us + BG_HOUR (1));
    wire_signed start = fixture_sign_deed (&t.signing, &deed, &t.signing.admin);
    assert_string_equal (exec_fixture_start (&t, job, &start), "clock");
    deed.what = WIRE_DEED_STOP;
    assert_string_equal (
        exec_fixture_offer (&t, fixture_sign_deed (&t.signing, &deed, &t.signing.admin)), "clock");
    assert_int_equal (t.spawn_count, 0);
}

/*  After a defection nothing is remembered of what was done; what was issued before the next enlistment is
    not for it.  */
static void a_deed_from_before_the_enlistment_is_refused (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
    exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
    exec_fixture_taken (&t, t.spawned);
    wire_exec_forget forget = {0};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_FORGET, &forget);
    exec_fixture_advance (&t, BG_MIN (20));
    exec_fixture_enlist (&t);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "wrong-target");
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "wrong-target");
    assert_int_equal (t.spawn_count, 1);
    deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
}

/*  A node that keeps a revocation back: once the broker's own word has come through, nothing that it might
    forbid is done before it is here.  */
static void nothing_goes_on_without_the_newest_authority_and_membership (void **state)
{
    (void) state;
    wire_signed job = scheduled_job ("a", BG_MIN (1));
    int64_t nominal_us = t.now.utc_us - t.now.utc_us % BG_MIN (1);
    exec_fixture_advance (&t, EXEC_NONCE_EVERY_US);
    const wire_exec_nonce *nonce = exec_fixture_last (&t, WIRE_EXEC_NONCE);
    wire_exec_attest newer = {.has_attestation = true,
        .attestation = fixture_attestation_of (&t.signing, nonce->nonce, t.now.utc_us, 2, 3)};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_ATTEST, &newer);
    nominal_us += EXEC_NONCE_EVERY_US;
    for (int restarts = 0; restarts < 2; restarts++) {
        wire_signed deed = exec_fixture_start_deed (&t, "a");
        assert_string_equal (exec_fixture_offer (&t, job), "waiting");
        assert_string_equal (exec_fixture_offer (&t, stop_deed ("a")), "waiting");
        assert_string_equal (exec_fixture_start (&t, job, &deed), "waiting");
        assert_string_equal (exec_fixture_occurrence (&t, job, 1, nominal_us), "waiting");
        exec_fixture_restart (&t, t.log_count);
    }
    assert_string_equal (exec_fixture_offer (&t, fixture_authority (&t.signing, 2, 0)), "ok");
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, nominal_us), "waiting");
    assert_string_equal (
        exec_fixture_offer (&t, fixture_membership (&t.signing, 3, WIRE_MEMBER)), "ok");
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, nominal_us), "running");
}

static void an_occurrence_is_done_at_most_once (void **state)
{
    (void) state;
    wire_signed job = scheduled_job ("a", BG_MIN (1));
    int64_t nominal_us = t.now.utc_us - t.now.utc_us % BG_MIN (1);
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, nominal_us), "running");
    exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
    exec_fixture_taken (&t, t.spawned);
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, nominal_us), "ok");
    /*  The clock jumps a day ahead, the machine forgets nothing, and back.  */
    t.now.utc_us += BG_DAY (1);
    exec_core_tick (t.core, t.now);
    t.now.utc_us -= BG_DAY (1);
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, nominal_us), "ok");
    assert_int_equal (t.spawn_count, 1);
}

static void occurrences_outside_the_schedule_are_refused (void **state)
{
    (void) state;
    wire_signed job = scheduled_job ("a", BG_MIN (1));
    int64_t nominal_us = t.now.utc_us - t.now.utc_us % BG_MIN (1);
    assert_string_equal (exec_fixture_occurrence (&t, job, 2, nominal_us), "invalid");
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, nominal_us + 1), "invalid");
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, nominal_us + BG_MIN (5)), "invalid");
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, nominal_us - BG_MIN (20)), "misfire");
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, INT64_MIN), "misfire");
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, INT64_MAX), "invalid");
    assert_int_equal (t.spawn_count, 0);
}

static void one_run_of_a_job_at_a_time (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    wire_signed first = exec_fixture_start_deed (&t, "a");
    wire_signed second = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, job, &first), "running");
    assert_string_equal (exec_fixture_start (&t, job, &second), "overlap");
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (exec_fixture_start (&t, job, &second), "overlap");
    wire_signed other = job_document ("b");
    wire_signed third = exec_fixture_start_deed (&t, "b");
    assert_string_equal (exec_fixture_start (&t, other, &third), "running");
}

static void starts_are_refused_with_their_reason (void **state)
{
    (void) state;
    signing_fixture *s = &t.signing;
    wire_signed job = job_document ("a");
    int64_t now_us = t.now.utc_us;
    wire_deed deed = fixture_deed (s, WIRE_DEED_START, "a", now_us, now_us + BG_HOUR (1));
    wire_signed by_stranger = fixture_sign_deed (s, &deed, &s->stranger);
    assert_string_equal (exec_fixture_start (&t, job, &by_stranger), "bad-signature");
    bg_slice name = bg_slice_str ("web01");
    deed.to = (wire_audience){.names = &name, .names_count = 1};
    wire_signed elsewhere = fixture_sign_deed (s, &deed, &s->admin);
    assert_string_equal (exec_fixture_start (&t, job, &elsewhere), "wrong-target");
    deed = fixture_deed (s, WIRE_DEED_START, "b", now_us, now_us + BG_HOUR (1));
    wire_signed other_job = fixture_sign_deed (s, &deed, &s->admin);
    assert_string_equal (exec_fixture_start (&t, job, &other_job), "invalid");
    deed = fixture_deed (s, WIRE_DEED_START, "a", now_us - BG_HOUR (2), now_us - 1);
    wire_signed late = fixture_sign_deed (s, &deed, &s->admin);
    assert_string_equal (exec_fixture_start (&t, job, &late), "expired");
    deed = fixture_deed (s, WIRE_DEED_STOP, "a", now_us, now_us + BG_HOUR (1));
    wire_signed stop = fixture_sign_deed (s, &deed, &s->admin);
    assert_string_equal (exec_fixture_start (&t, job, &stop), "invalid");
    wire_signed start = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_offer (&t, start), "invalid");
    assert_string_equal (
        exec_fixture_start (&t, fixture_switch (s, "a", true, 0), &start), "invalid");
    assert_int_equal (t.spawn_count, 0);
    assert_string_equal (exec_fixture_start (&t, job, &start), "running");
}

static void switches_disable_until_their_time (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (
        exec_fixture_offer (&t, fixture_switch (&t.signing, "a", true, t.now.utc_us + BG_MIN (5))),
        "ok");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "disabled");
    wire_signed other = job_document ("b");
    wire_signed other_deed = exec_fixture_start_deed (&t, "b");
    assert_string_equal (exec_fixture_start (&t, other, &other_deed), "running");
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "disabled");
    exec_fixture_advance (&t, BG_MIN (6));
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
    exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
    assert_string_equal (exec_fixture_offer (&t, fixture_switch (&t.signing, "a", true, 0)), "ok");
    wire_signed next = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, job, &next), "disabled");
    assert_string_equal (exec_fixture_offer (&t, fixture_switch (&t.signing, "a", false, 0)), "ok");
    assert_string_equal (exec_fixture_start (&t, job, &next), "running");
}

static void what_a_login_may_not_start_runs_by_its_schedule (void **state)
{
    (void) state;
    const uint64_t by[] = {WIRE_START_BY_NOBODY, WIRE_START_BY_BROKER};
    const char *names[] = {"a", "b"};
    for (size_t i = 0; i < 2; i++) {
        wire_job job = fixture_job (&t.signing, names[i]);
        wire_job_schedule schedule = {.name = bg_slice_str ("tick"),
            .kind = WIRE_SCHEDULE_EVERY,
            .every_us = (uint64_t) BG_MIN (1)};
        job.schedules = &schedule;
        job.schedules_count = 1;
        job.start_by = by[i];
        wire_signed document = fixture_document (&t.signing, WIRE_TYPE_JOB, names[i], &job);
        wire_signed deed = exec_fixture_start_deed (&t, names[i]);
        assert_string_equal (exec_fixture_start (&t, document, &deed), "policy");
        int64_t nominal_us = t.now.utc_us - t.now.utc_us % BG_MIN (1);
        assert_string_equal (exec_fixture_occurrence (&t, document, 1, nominal_us), "running");
    }
}

static const char *start_and_end (wire_signed job, const char *name)
{
    wire_signed deed = exec_fixture_start_deed (&t, name);
    const char *state = exec_fixture_start (&t, job, &deed);
    if (strcmp (state, "running") == 0) {
        exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
        exec_fixture_taken (&t, t.spawned);
    }
    return state;
}

static void at_most_counts_over_restarts (void **state)
{
    (void) state;
    wire_job job = fixture_job (&t.signing, "a");
    job.at_most = 3;
    job.at_most_period_us = (uint64_t) BG_HOUR (1);
    wire_signed document = fixture_document (&t.signing, WIRE_TYPE_JOB, "a", &job);
    for (int i = 0; i < 3; i++) {
        assert_string_equal (start_and_end (document, "a"), "running");
        exec_fixture_advance (&t, BG_MIN (10));
    }
    assert_string_equal (start_and_end (document, "a"), "limit");
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (start_and_end (document, "a"), "limit");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    t.now.utc_us -= BG_DAY (1); /*  a clock that is set back heals within a period  */
    assert_string_equal (exec_fixture_start (&t, document, &deed), "limit");
    t.now.utc_us += BG_DAY (1);
    exec_fixture_advance (&t, BG_MIN (61));
    assert_string_equal (start_and_end (document, "a"), "running");
}

static void max_starts_is_for_ever (void **state)
{
    (void) state;
    wire_job job = fixture_job (&t.signing, "a");
    job.max_starts = 1;
    wire_signed document = fixture_document (&t.signing, WIRE_TYPE_JOB, "a", &job);
    assert_string_equal (start_and_end (document, "a"), "running");
    exec_fixture_advance (&t, BG_DAY (3));
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (start_and_end (document, "a"), "limit");
}

static void scheduled_runs_are_bounded_when_the_job_says_nothing (void **state)
{
    (void) state;
    wire_job job = fixture_job (&t.signing, "a");
    wire_job_schedule schedule = {.name = bg_slice_str ("hourly"),
        .kind = WIRE_SCHEDULE_CRON,
        .cron = bg_slice_str ("0 * * * *")};
    job.schedules = &schedule;
    job.schedules_count = 1;
    wire_signed document = fixture_document (&t.signing, WIRE_TYPE_JOB, "a", &job);
    int begun = 0;
    for (int i = 0; i < 40; i++) {
        const char *how = exec_fixture_occurrence (&t, document, 1, t.now.utc_us - i);
        if (strcmp (how, "running") != 0) {
            assert_string_equal (how, "limit");
            continue;
        }
        begun++;
        exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
        exec_fixture_taken (&t, t.spawned);
    }
    assert_in_range (begun, 12, 16); /*  twice one or two an hour, and 12  */
    assert_string_equal (start_and_end (document, "a"), "running");
}

/*  ---- stops ----  */

static void a_stop_ends_what_began_before_it (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
    exec_fixture_advance (&t, BG_SEC (5));
    wire_signed stop = stop_deed ("a");
    exec_fixture_advance (&t, BG_SEC (5));
    assert_string_equal (exec_fixture_offer (&t, stop), "ok");
    assert_int_equal (t.stop_count, 1);
    assert_true (bg_id_equal (t.stopped, t.spawned));
    assert_string_equal (exec_fixture_offer (&t, stop), "ok"); /*  again: nothing more  */
    assert_int_equal (t.stop_count, 1);
    exec_fixture_restart (&t, t.log_count);
    exec_core_supervisor_here (t.core, t.now, t.spawned);
    assert_int_equal (t.stop_count, 2);
}

static void a_stop_cancels_a_start_that_comes_after_it (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    exec_fixture_advance (&t, BG_SEC (5));
    assert_string_equal (exec_fixture_offer (&t, stop_deed ("a")), "ok");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "superseded");
    exec_fixture_advance (&t, BG_MIN (30)); /*  the STOP has expired, the START has not  */
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "superseded");
    wire_signed later = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, job, &later), "running");
}

static void a_stop_leaves_what_began_after_it (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    wire_signed stop = stop_deed ("a");
    exec_fixture_advance (&t, BG_SEC (5));
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
    assert_string_equal (exec_fixture_offer (&t, stop), "ok");
    assert_int_equal (t.stop_count, 0);
}

static void a_stop_needs_time_audience_and_signature (void **state)
{
    (void) state;
    signing_fixture *s = &t.signing;
    wire_deed deed =
        fixture_deed (s, WIRE_DEED_STOP, "a", t.now.utc_us, t.now.utc_us + BG_MIN (10));
    assert_string_equal (
        exec_fixture_offer (&t, fixture_sign_deed (s, &deed, &s->stranger)), "bad-signature");
    uint64_t number = 8;
    deed.to = (wire_audience){.numbers = &number, .numbers_count = 1};
    assert_string_equal (
        exec_fixture_offer (&t, fixture_sign_deed (s, &deed, &s->admin)), "wrong-target");
    wire_signed stop = stop_deed ("a");
    exec_fixture_advance (&t, BG_MIN (11));
    assert_string_equal (exec_fixture_offer (&t, stop), "waiting");
    assert_non_null (exec_fixture_last (&t, WIRE_EXEC_NONCE));
    exec_fixture_attest (&t);
    assert_string_equal (exec_fixture_offer (&t, stop), "expired");
    t.boot.bytes[0]++;
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (exec_fixture_offer (&t, stop_deed ("a")), "waiting");
}

/*  ---- policy and plan ----  */

static void nothing_starts_without_a_policy (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    exec_core_set_policy (t.core, t.now, NULL, "there is no policy at /etc/bugle/policy");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "policy");
    assert_non_null (strstr (message (), "there is no policy at /etc/bugle/policy"));
    assert_true (exec_fixture_verdict (&t)->hint.size > 0);
    exec_core_set_policy (t.core, t.now, &t.policy, NULL);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
}

static void a_job_that_could_not_run_is_refused_when_it_comes (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    exec_policy policy = t.policy;
    strcpy (policy.account, "nobody-here");
    exec_core_set_policy (t.core, t.now, &policy, NULL);
    assert_string_equal (exec_fixture_offer (&t, job), "policy");
    exec_core_set_policy (t.core, t.now, NULL, "there is no policy at /etc/bugle/policy");
    assert_string_equal (exec_fixture_offer (&t, job), "policy");
    assert_true (exec_fixture_verdict (&t)->hint.size > 0);
    /*  No floor was raised: the same version is taken when the policy is mended, and stays taken.  */
    exec_core_set_policy (t.core, t.now, &t.policy, NULL);
    assert_string_equal (exec_fixture_offer (&t, job), "ok");
    exec_core_set_policy (t.core, t.now, &policy, NULL);
    assert_string_equal (exec_fixture_offer (&t, job), "ok");
}

static void policy_names_account_root_and_hours (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    exec_policy policy = t.policy;
    strcpy (policy.account, "nobody-here");
    exec_core_set_policy (t.core, t.now, &policy, NULL);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "policy");
    policy = t.policy;
    t.account_uid = 0;
    exec_core_set_policy (t.core, t.now, &policy, NULL);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "policy");
    policy.root = true;
    policy.has_hours = true; /*  it is midnight UTC, and two in the machine's zone  */
    policy.hours_from = 0;
    policy.hours_to = 60;
    t.utc_offset_s = 7200;
    exec_core_set_policy (t.core, t.now, &policy, NULL);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "window");
    policy.hours_to = 121;
    exec_core_set_policy (t.core, t.now, &policy, NULL);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
}

static const char *variable (const wire_variable *items, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (bg_slice_is (items[i].name, name))
            return bg_arena_str (&t.arena, items[i].value);
    }
    return NULL;
}

static void plans_are_resolved (void **state)
{
    (void) state;
    wire_job job = {
        .name = bg_slice_str ("plan me"), .has_audience = true, .audience = {.all = true}};
    fixture_step (&t.signing, &job, "one", NULL, "echo", "$(ESCAPE_NONE(JOBNAME)) $(date)", NULL);
    wire_job_step *step = fixture_step (
        &t.signing, &job, "two", "echo $(ESCAPE_SHELL(STEPNAME)) $HOME", "bash", "-eu", NULL);
    wire_pair own = {bg_slice_str ("COLOUR"), bg_slice_str ("$(ESCAPE_NONE(TARGET))")};
    wire_pair common[2] = {{bg_slice_str ("PATH"), bg_slice_str ("/opt/bin")},
        {bg_slice_str ("COLOUR"), bg_slice_str ("grey")}};
    step->environment = &own;
    step->environment_count = 1;
    step->timeout_us = (uint64_t) BG_HOUR (9);
    job.environment = common;
    job.environment_count = 2;
    wire_signed document = fixture_document (&t.signing, WIRE_TYPE_JOB, "plan me", &job);
    exec_policy policy = t.policy;
    policy.maximum_run_time_us = BG_HOUR (2);
    exec_core_set_policy (t.core, t.now, &policy, NULL);
    wire_signed deed = exec_fixture_start_deed (&t, "plan me");
    assert_string_equal (exec_fixture_start (&t, document, &deed), "running");
    wire_header header;
    void *value = NULL;
    assert_true (
        bg_is_ok (wire_inner_decode (bg_buf_slice (&t.plan), &t.arena, &header, &value, NULL)));
    const wire_plan *plan = value;
    assert_int_equal (plan->steps_count, 2);
    assert_true (bg_slice_is (plan->steps[0].argv[1], "plan me $(date)"));
    assert_true (bg_slice_is (plan->steps[0].directory, "/home/jobs"));
    assert_true (plan->steps[0].timeout_us == (uint64_t) BG_HOUR (2));
    assert_true (plan->timeout_us == (uint64_t) BG_HOUR (2));
    assert_true (plan->steps[0].grace_us == (uint64_t) BG_SEC (10));
    assert_int_equal (plan->steps[1].argv_count, 2);
    assert_non_null (strstr (bg_arena_str (&t.arena, plan->steps[1].script), "two"));
    const wire_variable *all = plan->environment;
    size_t count = plan->environment_count;
    assert_string_equal (variable (all, count, "PATH"), "/opt/bin");
    assert_string_equal (variable (all, count, "HOME"), "/home/jobs");
    assert_string_equal (variable (all, count, "LANG"), "C.UTF-8");
    assert_string_equal (variable (all, count, "BUGLE_JOBNAME"), "plan me");
    assert_string_equal (variable (all, count, "BUGLE_MACH"), "machine");
    assert_string_equal (variable (all, count, "BUGLE_BROKER"), "lab");
    assert_null (variable (all, count, "BUGLE_STEPNAME"));
    all = plan->steps[1].environment;
    count = plan->steps[1].environment_count;
    assert_string_equal (variable (all, count, "COLOUR"), "db01");
    assert_string_equal (variable (all, count, "BUGLE_STEPID"), "2");
}

static void a_stale_authority_bars_starts (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    wire_signed short_lived = fixture_authority (&t.signing, 2, t.now.utc_us + BG_MIN (5));
    assert_string_equal (exec_fixture_offer (&t, short_lived), "ok");
    exec_fixture_advance (&t, BG_MIN (6));
    assert_string_equal (exec_fixture_start (&t, job, &deed), "lease");
    /*  Nor does a reboot help a node that keeps the time back.  */
    wire_signed scheduled = scheduled_job ("b", BG_MIN (1));
    int64_t nominal_us = t.now.utc_us - t.now.utc_us % BG_MIN (1);
    assert_string_equal (exec_fixture_occurrence (&t, scheduled, 1, nominal_us), "lease");
    t.boot.bytes[0]++;
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (exec_fixture_occurrence (&t, scheduled, 1, nominal_us), "waiting");
    assert_int_equal (t.spawn_count, 0);
}

static void a_full_disk_starts_nothing_and_heals (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    exec_core_set_storage_full (t.core, true);
    size_t records = t.log_count;
    assert_string_equal (exec_fixture_offer (&t, job), "waiting");
    assert_string_equal (exec_fixture_offer (&t, stop_deed ("b")), "waiting");
    assert_int_equal (t.log_count, records);
    exec_core_set_storage_full (t.core, false);
    assert_string_equal (exec_fixture_offer (&t, job), "ok");
    exec_core_set_storage_full (t.core, true);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "storage");
    exec_core_set_storage_full (t.core, false);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
}

/*  ---- runs ----  */

static wire_run begin (const char *name)
{
    wire_signed deed = exec_fixture_start_deed (&t, name);
    assert_string_equal (exec_fixture_start (&t, job_document (name), &deed), "running");
    return ((const wire_exec_run *) exec_fixture_last (&t, WIRE_EXEC_RUN))->run;
}

static const wire_run *outcome (void)
{
    const wire_exec_run *last = exec_fixture_last (&t, WIRE_EXEC_RUN);
    assert_non_null (last);
    return &last->run;
}

static void open_and_finished_runs_are_told_at_hello (void **state)
{
    (void) state;
    wire_run first = begin ("a");
    exec_fixture_end (&t, first.run, WIRE_RUN_FAILED);
    assert_int_equal (outcome ()->state, WIRE_RUN_FAILED);
    wire_run second = begin ("b");
    exec_fixture_clear (&t);
    wire_exec_hello hello = {.version = bg_slice_str ("test")};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_HELLO, &hello);
    assert_true (t.sent_count >= 3);
    exec_fixture_taken (&t, second.run); /*  not finished: not taken  */
    assert_int_equal (exec_core_status (t.core).running, 1);
    exec_fixture_taken (&t, first.run);
    assert_int_equal (exec_core_status (t.core).finished, 0);
    exec_fixture_restart (&t, t.log_count);
    bg_id open;
    assert_true (exec_core_next_run (t.core, (bg_id){{0}}, &open));
    assert_true (bg_id_equal (open, second.run));
    assert_false (exec_core_next_run (t.core, open, &open));
}

static void a_run_without_end_and_supervisor_is_interrupted (void **state)
{
    (void) state;
    wire_run run = begin ("a");
    bg_slice plan = bg_buf_slice (&t.plan);
    exec_fixture_clear (&t);
    exec_core_run_file (t.core, t.now, run.run, &plan, 1, true);
    assert_null (exec_fixture_last (&t, WIRE_EXEC_RUN));
    exec_core_run_file (t.core, t.now, run.run, &plan, 1, false);
    assert_int_equal (outcome ()->state, WIRE_RUN_INTERRUPTED);
    exec_fixture_restart (&t, t.log_count);
    exec_core_run_file (t.core, t.now, run.run, NULL, 0, false);
    assert_int_equal (outcome ()->state, WIRE_RUN_INTERRUPTED);
}

/*  Under --home a step can write into the files of runs: an end or a step in a state that no supervisor
    writes must not leave a run open for ever, nor reach the broker.  */
static void a_forged_end_is_no_end (void **state)
{
    (void) state;
    const uint64_t states[] = {WIRE_RUN_RUNNING, WIRE_RUN_NOT_RUN, 8};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        wire_signed deed = exec_fixture_start_deed (&t, "a");
        assert_string_equal (exec_fixture_start (&t, job_document ("a"), &deed), "running");
        BG_AUTO_BUF step = {0};
        BG_AUTO_BUF end = {0};
        wire_record_step forged = {
            .has_result = true, .result = {.step = 1, .name = bg_slice_str ("run"), .state = 7}};
        wire_record_end wrong = {.state = states[i], .finished_us = t.now.utc_us};
        wire_inner_encode (WIRE_RECORD_STEP, (bg_id){{0}}, &forged, &step);
        wire_inner_encode (WIRE_RECORD_END, (bg_id){{0}}, &wrong, &end);
        bg_slice records[3] = {bg_buf_slice (&t.plan), bg_buf_slice (&step), bg_buf_slice (&end)};
        exec_fixture_clear (&t);
        exec_core_run_file (t.core, t.now, t.spawned, records, 3, false);
        const wire_exec_run *run = exec_fixture_last (&t, WIRE_EXEC_RUN);
        assert_non_null (run);
        assert_int_equal (run->run.state, WIRE_RUN_INTERRUPTED);
        assert_int_equal (run->run.steps_count, 0);
        exec_fixture_taken (&t, t.spawned);
    }
}

static void a_supervisor_that_cannot_start_fails_the_run (void **state)
{
    (void) state;
    wire_run run = begin ("a");
    bg_error err = {.code = BG_OVERLOADED, .message = "no process left"};
    exec_core_spawn_failed (t.core, t.now, run.run, &err);
    assert_int_equal (outcome ()->state, WIRE_RUN_FAILED);
    assert_non_null (strstr (bg_arena_str (&t.arena, outcome ()->message), "no process left"));
}

static void outcomes_fit_a_report (void **state)
{
    (void) state;
    wire_run run = begin ("a");
    static uint8_t output[16384];
    memset (output, 'x', sizeof output);
    enum { STEPS = 200 };
    static bg_buf blobs[STEPS + 1];
    bg_slice records[STEPS + 2];
    records[0] = bg_buf_slice (&t.plan);
    for (size_t i = 0; i < STEPS; i++) {
        wire_record_step step = {.has_result = true,
            .result = {.step = 1,
                .name = bg_slice_str ("only"),
                .state = WIRE_RESULT_FAILED,
                .started_us = (int64_t) i + 1,
                .output_bytes = 1000000,
                .head = bg_slice_of (output, i == 0 ? 100 : 4096),
                .tail = bg_slice_of (output, 12288)}};
        bg_buf_clear (&blobs[i]);
        wire_inner_encode (WIRE_RECORD_STEP, (bg_id){{0}}, &step, &blobs[i]);
        records[i + 1] = bg_buf_slice (&blobs[i]);
    }
    wire_record_end end = {.state = WIRE_RUN_FAILED, .finished_us = t.now.utc_us};
    wire_inner_encode (WIRE_RECORD_END, (bg_id){{0}}, &end, &blobs[STEPS]);
    records[STEPS + 1] = bg_buf_slice (&blobs[STEPS]);
    exec_core_run_file (t.core, t.now, run.run, records, STEPS + 2, false);
    const wire_run *last = outcome ();
    assert_int_equal (last->steps_count, 128);
    assert_int_equal (last->steps[0].started_us, 1);
    assert_int_equal (last->steps[127].started_us, STEPS);
    assert_int_equal (last->steps[0].head.size, 100); /*  the longest are cut first  */
    assert_int_equal (last->steps[5].output_bytes, 1000000);
    BG_AUTO_BUF encoded = {0};
    WIRE_ENCODE (run, last, &encoded);
    assert_in_range (encoded.size, 150 * 1024, 240 * 1024);
    for (size_t i = 0; i <= STEPS; i++)
        bg_buf_fini (&blobs[i]);
}

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
    assert_string_equal (exec_fixture_offer (&t, job_document ("a")), "ok");
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

/*  ---- log ----  */

typedef struct {
    logged *items;
    size_t count;
} copy;

static void emit (void *ctx, bg_slice record)
{
    copy *self = ctx;
    self->items = bg_realloc (self->items, (self->count + 1) * sizeof *self->items);
    self->items[self->count] = (logged){.durable = true};
    bg_buf_append_slice (&self->items[self->count++].bytes, record);
}

static void copy_fini (copy *self)
{
    for (size_t i = 0; i < self->count; i++)
        bg_buf_fini (&self->items[i].bytes);
    free (self->items);
}

/*  Two cores are the same when they would write the same log.  */
static void assert_same_state (exec_core *a, exec_core *b)
{
    copy of_a = {0};
    copy of_b = {0};
    exec_core_compact (a, t.now, emit, &of_a);
    exec_core_compact (b, t.now, emit, &of_b);
    assert_int_equal (of_a.count, of_b.count);
    for (size_t i = 0; i < of_a.count; i++)
        assert_true (bg_slice_equal (
            bg_buf_slice (&of_a.items[i].bytes), bg_buf_slice (&of_b.items[i].bytes)));
    exec_core *again = exec_fixture_replay (&t, of_a.items, of_a.count);
    copy of_again = {0};
    exec_core_compact (again, t.now, emit, &of_again);
    assert_int_equal (of_a.count, of_again.count);
    for (size_t i = 0; i < of_a.count; i++)
        assert_true (bg_slice_equal (
            bg_buf_slice (&of_a.items[i].bytes), bg_buf_slice (&of_again.items[i].bytes)));
    exec_core_destroy (&again);
    copy_fini (&of_a);
    copy_fini (&of_b);
    copy_fini (&of_again);
}

/*  A story with every kind of record; after each event the log alone must give the same state.  */
static void replay_equals_the_live_state (void **state)
{
    (void) state;
    signing_fixture *s = &t.signing;
    wire_signed a = scheduled_job ("a", BG_MIN (1));
    wire_signed b = job_document ("b");
    size_t checked = 0;
    for (int step = 0; step < 14; step++) {
        wire_signed deed = exec_fixture_start_deed (&t, step % 2 ? "a" : "b");
        int64_t nominal_us = t.now.utc_us - t.now.utc_us % BG_MIN (1);
        switch (step) {
        case 0:
            exec_fixture_offer (&t, a);
            break;
        case 1:
            exec_fixture_occurrence (&t, a, 1, nominal_us);
            break;
        case 2:
            exec_fixture_start (&t, b, &deed);
            break;
        case 3:
            exec_fixture_offer (&t, stop_deed ("b"));
            break;
        case 4:
            exec_fixture_end (&t, t.spawned, WIRE_RUN_CANCELED);
            break;
        case 5:
            exec_fixture_taken (&t, t.spawned);
            break;
        case 6:
            exec_fixture_offer (&t, fixture_switch (s, "a", true, t.now.utc_us + BG_DAY (1)));
            break;
        case 7:
            exec_fixture_offer (&t, fixture_withdrawal (s, "b"));
            break;
        case 8:
            exec_fixture_offer (&t, fixture_authority (s, 2, 0));
            break;
        case 9:
            exec_fixture_attest (&t);
            break;
        case 10:
            exec_fixture_offer (&t, fixture_membership (s, 2, WIRE_MEMBER));
            break;
        case 11:
            exec_fixture_offer (&t, job_document ("c"));
            break;
        case 12:
            exec_fixture_start (&t, job_document ("d"), &deed);
            break;
        default: {
            wire_exec_forget forget = {0};
            exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_FORGET, &forget);
            break;
        }
        }
        exec_core *other = exec_fixture_replay (&t, t.log, t.log_count);
        assert_same_state (t.core, other);
        exec_core_destroy (&other);
        checked++;
        exec_fixture_advance (&t, BG_SEC (7));
    }
    assert_int_equal (checked, 14);
}

/*  Whatever of the log survives, a deed that was begun on disk is never begun again, and one
    that was not can be.  */
static void every_beginning_of_the_log_starts_at_most_once (void **state)
{
    (void) state;
    wire_signed job = job_document ("a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    size_t before = t.log_count;
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
    bg_id run = t.spawned;
    exec_fixture_end (&t, run, WIRE_RUN_SUCCEEDED);
    exec_fixture_taken (&t, run);
    size_t total = t.log_count;
    assert_true (total >= before + 3); /*  floor, intent, closed  */
    for (size_t cut = total; cut > before; cut--) {
        exec_fixture_restart (&t, cut);
        bool intent_survived = exec_core_status (t.core).done > 0;
        const char *how = exec_fixture_start (&t, job, &deed);
        assert_string_equal (how, intent_survived ? "ok" : "running");
        if (!intent_survived)
            break;
    }
    assert_int_equal (t.spawn_count, 2);
}

static void records_that_cannot_follow_are_refused (void **state)
{
    (void) state;
    exec_fixture other;
    exec_fixture_init (&other);
    exec_ports ports = {.crypto = other.signing.crypto,
        .log_append = (void (*) (void *, bg_slice, bool)) (uintptr_t) 1,
        .send = (void (*) (void *, uint64_t, bg_slice)) (uintptr_t) 1,
        .spawn = (void (*) (void *, bg_id, bg_slice)) (uintptr_t) 1};
    exec_config config = {.version = "test", .policy_path = "policy", .host = "h"};
    exec_core *core = exec_core_create (&ports, &config);
    bg_error err = {0};
    BG_AUTO_BUF blob = {0};
    wire_record_document record = {
        .has_document = true, .document = fixture_authority (&other.signing, 1, 0)};
    wire_inner_encode (WIRE_RECORD_DOCUMENT, (bg_id){{0}}, &record, &blob);
    assert_int_equal (exec_core_replay (core, bg_buf_slice (&blob), &err).code, BG_FOREIGN_FILE);
    assert_int_equal (
        exec_core_replay (core, bg_slice_str ("garbage"), &err).code, BG_FOREIGN_FILE);
    bg_buf_clear (&blob);
    wire_exec_hello hello = {.version = bg_slice_str ("x")};
    wire_inner_encode (WIRE_EXEC_HELLO, (bg_id){{0}}, &hello, &blob);
    assert_int_equal (exec_core_replay (core, bg_buf_slice (&blob), &err).code, BG_FOREIGN_FILE);
    exec_core_destroy (&core);
    exec_fixture_fini (&other);
}

#define FRESH(name)    cmocka_unit_test_setup_teardown (name, setup, teardown)
#define ENLISTED(name) cmocka_unit_test_setup_teardown (name, setup_enlisted, teardown)

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
        ENLISTED (documents_are_taken_by_version),
        ENLISTED (refusals_have_their_reason_and_no_effect),
        ENLISTED (documents_for_others_keep_their_floor),
        ENLISTED (a_poll_interval_is_for_the_target_whose_id_it_names),
        ENLISTED (documents_wait_for_what_they_need),
        ENLISTED (a_document_by_a_login_still_unknown_waits),
        ENLISTED (withdrawal_drops_and_bars_the_job),
        ENLISTED (not_after_goes_by_the_brokers_time),
        ENLISTED (without_time_what_expires_waits_and_all_else_runs),
        ENLISTED (time_survives_a_restart_in_the_same_boot),
        ENLISTED (attestations_must_answer_the_last_nonce_in_time),
        ENLISTED (a_start_is_done_at_most_once),
        ENLISTED (a_deed_is_remembered_until_it_cannot_be_valid),
        ENLISTED (a_deed_is_refused_only_by_a_fresh_time),
        ENLISTED (a_deed_ahead_of_the_brokers_time_is_refused),
        ENLISTED (a_deed_from_before_the_enlistment_is_refused),
        ENLISTED (nothing_goes_on_without_the_newest_authority_and_membership),
        ENLISTED (an_occurrence_is_done_at_most_once),
        ENLISTED (occurrences_outside_the_schedule_are_refused),
        ENLISTED (one_run_of_a_job_at_a_time),
        ENLISTED (starts_are_refused_with_their_reason),
        ENLISTED (switches_disable_until_their_time),
        ENLISTED (what_a_login_may_not_start_runs_by_its_schedule),
        ENLISTED (at_most_counts_over_restarts),
        ENLISTED (max_starts_is_for_ever),
        ENLISTED (scheduled_runs_are_bounded_when_the_job_says_nothing),
        ENLISTED (a_stop_ends_what_began_before_it),
        ENLISTED (a_stop_cancels_a_start_that_comes_after_it),
        ENLISTED (a_stop_leaves_what_began_after_it),
        ENLISTED (a_stop_needs_time_audience_and_signature),
        ENLISTED (nothing_starts_without_a_policy),
        ENLISTED (a_job_that_could_not_run_is_refused_when_it_comes),
        ENLISTED (policy_names_account_root_and_hours),
        ENLISTED (plans_are_resolved),
        ENLISTED (a_stale_authority_bars_starts),
        ENLISTED (a_full_disk_starts_nothing_and_heals),
        ENLISTED (open_and_finished_runs_are_told_at_hello),
        ENLISTED (a_run_without_end_and_supervisor_is_interrupted),
        ENLISTED (a_forged_end_is_no_end),
        ENLISTED (a_supervisor_that_cannot_start_fails_the_run),
        ENLISTED (outcomes_fit_a_report),
        ENLISTED (garbage_is_told_to_the_shell),
        ENLISTED (whatever_a_node_says_nothing_starts_and_nothing_is_kept),
        ENLISTED (replay_equals_the_live_state),
        ENLISTED (every_beginning_of_the_log_starts_at_most_once),
        FRESH (records_that_cannot_follow_are_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
