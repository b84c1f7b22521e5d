/*  bugle-exec: what it starts and stops, how often, and what it refuses to.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exec_case.h"

static void a_start_is_done_at_most_once (void **state)
{
    (void) state;
    wire_signed job = exec_fixture_job (&t, "a");
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
    wire_signed job = exec_fixture_job (&t, "a");
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
    wire_signed job = exec_fixture_job (&t, "a");
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
    wire_signed job = exec_fixture_job (&t, "a");
    wire_deed deed = fixture_deed (&t.signing, WIRE_DEED_START, "a",
        t.now.utc_us + EXEC_AHEAD_US + 1, t.now.utc_us + BG_HOUR (1));
    wire_signed start = fixture_sign_deed (&t.signing, &deed, &t.signing.admin);
    assert_string_equal (exec_fixture_start (&t, job, &start), "clock");
    deed.what = WIRE_DEED_STOP;
    assert_string_equal (
        exec_fixture_offer (&t, fixture_sign_deed (&t.signing, &deed, &t.signing.admin)), "clock");
    assert_int_equal (t.spawn_count, 0);
}

/*  After a defection no deed is remembered; what was issued before the next enlistment is
    not for it.  */
static void a_deed_from_before_the_enlistment_is_refused (void **state)
{
    (void) state;
    wire_signed job = exec_fixture_job (&t, "a");
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
    wire_signed job = exec_fixture_scheduled_job (&t, "a", BG_MIN (1));
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
        assert_string_equal (exec_fixture_offer (&t, exec_fixture_stop (&t, "a")), "waiting");
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
    wire_signed job = exec_fixture_scheduled_job (&t, "a", BG_MIN (1));
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

/*  The broker still knew the machine and made it the target that it was; then its clock was set back.  */
static void an_occurrence_is_done_at_most_once_over_enlistments (void **state)
{
    (void) state;
    wire_signed job = exec_fixture_scheduled_job (&t, "a", BG_MIN (1));
    int64_t nominal_us = t.now.utc_us - t.now.utc_us % BG_MIN (1);
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, nominal_us), "running");
    exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
    exec_fixture_taken (&t, t.spawned);
    wire_exec_forget forget = {0};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_FORGET, &forget);
    exec_fixture_advance (&t, BG_MIN (20));
    exec_fixture_enlist (&t);
    t.now.utc_us -= BG_MIN (20);
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, nominal_us), "ok");
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, nominal_us), "ok");
    assert_int_equal (t.spawn_count, 1);
}

static void occurrences_outside_the_schedule_are_refused (void **state)
{
    (void) state;
    wire_signed job = exec_fixture_scheduled_job (&t, "a", BG_MIN (1));
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
    wire_signed job = exec_fixture_job (&t, "a");
    wire_signed first = exec_fixture_start_deed (&t, "a");
    wire_signed second = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, job, &first), "running");
    assert_string_equal (exec_fixture_start (&t, job, &second), "overlap");
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (exec_fixture_start (&t, job, &second), "overlap");
    wire_signed other = exec_fixture_job (&t, "b");
    wire_signed third = exec_fixture_start_deed (&t, "b");
    assert_string_equal (exec_fixture_start (&t, other, &third), "running");
}

static void starts_are_refused_with_their_reason (void **state)
{
    (void) state;
    signing_fixture *s = &t.signing;
    wire_signed job = exec_fixture_job (&t, "a");
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
    wire_signed job = exec_fixture_job (&t, "a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (
        exec_fixture_offer (&t, fixture_switch (&t.signing, "a", true, t.now.utc_us + BG_MIN (5))),
        "ok");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "disabled");
    wire_signed other = exec_fixture_job (&t, "b");
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
        const char *how = exec_fixture_occurrence (&t, document, 1, t.now.utc_us - i * BG_SEC (1));
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

static void a_stop_ends_what_began_before_it (void **state)
{
    (void) state;
    wire_signed job = exec_fixture_job (&t, "a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
    exec_fixture_advance (&t, BG_SEC (5));
    wire_signed stop = exec_fixture_stop (&t, "a");
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
    wire_signed job = exec_fixture_job (&t, "a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    exec_fixture_advance (&t, BG_SEC (5));
    assert_string_equal (exec_fixture_offer (&t, exec_fixture_stop (&t, "a")), "ok");
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
    wire_signed job = exec_fixture_job (&t, "a");
    wire_signed stop = exec_fixture_stop (&t, "a");
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
    wire_signed stop = exec_fixture_stop (&t, "a");
    exec_fixture_advance (&t, BG_MIN (11));
    assert_string_equal (exec_fixture_offer (&t, stop), "waiting");
    assert_non_null (exec_fixture_last (&t, WIRE_EXEC_NONCE));
    exec_fixture_attest (&t);
    assert_string_equal (exec_fixture_offer (&t, stop), "expired");
    t.boot.bytes[0]++;
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (exec_fixture_offer (&t, exec_fixture_stop (&t, "a")), "waiting");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        ENLISTED (a_start_is_done_at_most_once),
        ENLISTED (a_deed_is_remembered_until_it_cannot_be_valid),
        ENLISTED (a_deed_is_refused_only_by_a_fresh_time),
        ENLISTED (a_deed_ahead_of_the_brokers_time_is_refused),
        ENLISTED (a_deed_from_before_the_enlistment_is_refused),
        ENLISTED (nothing_goes_on_without_the_newest_authority_and_membership),
        ENLISTED (an_occurrence_is_done_at_most_once),
        ENLISTED (an_occurrence_is_done_at_most_once_over_enlistments),
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
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
