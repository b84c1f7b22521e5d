/*  bugle-exec: schedules and calendars that jobs share are taken for whoever has them, by the same rules as jobs.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exec_case.h"

static wire_schedule schedule_body (const char *name)
{
    return (wire_schedule){.has_spec = true,
        .spec = {.name = bg_slice_str (name),
            .kind = WIRE_SCHEDULE_CRON,
            .cron = bg_slice_str ("0 3 * * *")}};
}

static wire_signed schedule_paper (const char *name)
{
    const wire_schedule body = schedule_body (name);
    return fixture_document (&t.signing, WIRE_TYPE_SCHEDULE, name, &body);
}

static wire_signed calendar_paper (const char *name)
{
    const wire_calendar body = {.name = bg_slice_str (name), .horizon_us = BG_DAY (20000)};
    return fixture_document (&t.signing, WIRE_TYPE_CALENDAR, name, &body);
}

static wire_signed withdrawal_paper (wire_type type, const char *name)
{
    const wire_withdrawal body = {.object_type = type, .object_name = bg_slice_str (name)};
    wire_document fixed = fixture_fixed (&t.signing, WIRE_TYPE_WITHDRAWAL, name);
    fixed.key = wire_document_key (t.signing.installation, type, bg_slice_str (name));
    return fixture_document_as (&t.signing, &fixed, &body, &t.signing.admin);
}

static void they_are_for_whoever_has_them (void **state)
{
    (void) state;
    assert_string_equal (exec_fixture_offer (&t, schedule_paper ("nightly")), "ok");
    assert_true (exec_fixture_verdict (&t)->addressed);
    assert_string_equal (exec_fixture_offer (&t, calendar_paper ("holidays")), "ok");
    assert_true (exec_fixture_verdict (&t)->addressed);
}

static void they_are_taken_by_version_across_a_restart (void **state)
{
    (void) state;
    wire_signed old = schedule_paper ("nightly");
    wire_signed new = schedule_paper ("nightly");
    assert_string_equal (exec_fixture_offer (&t, new), "ok");
    exec_fixture_restart (&t, t.log_count);
    exec_fixture_attest (&t);
    assert_string_equal (exec_fixture_offer (&t, old), "superseded");
    wire_document fixed = fixture_fixed (&t.signing, WIRE_TYPE_SCHEDULE, "nightly");
    fixed.version--;
    wire_schedule other = schedule_body ("nightly");
    other.description = bg_slice_str ("another");
    assert_string_equal (
        exec_fixture_offer (&t, fixture_document_as (&t.signing, &fixed, &other, &t.signing.admin)),
        "fork");
    assert_string_equal (exec_fixture_offer (&t, new), "ok");
}

static void they_are_signed_by_those_who_may (void **state)
{
    (void) state;
    const size_t records = t.log_count;
    wire_schedule body = schedule_body ("nightly");
    wire_document fixed = fixture_fixed (&t.signing, WIRE_TYPE_SCHEDULE, "nightly");
    assert_string_equal (exec_fixture_offer (&t,
                             fixture_document_as (&t.signing, &fixed, &body, &t.signing.stranger)),
        "bad-signature");
    assert_string_equal (
        exec_fixture_offer (&t, fixture_document_as (&t.signing, &fixed, &body, &t.signing.broker)),
        "bad-signature");
    /*  Under the key of another name.  */
    body.spec.name = bg_slice_str ("weekly");
    assert_string_equal (
        exec_fixture_offer (&t, fixture_document_as (&t.signing, &fixed, &body, &t.signing.admin)),
        "invalid");
    assert_int_equal (t.log_count, records);
}

static void a_body_without_sense_is_refused (void **state)
{
    (void) state;
    wire_schedule body = schedule_body ("nightly");
    body.spec.cron = bg_slice_str ("61 * * * *");
    assert_string_equal (exec_fixture_offer (&t,
                             fixture_document (&t.signing, WIRE_TYPE_SCHEDULE, "nightly", &body)),
        "invalid");
    body = schedule_body ("nightly");
    body.spec.kind = WIRE_SCHEDULE_USE;
    body.spec.cron = bg_slice_str ("");
    body.spec.use = bg_slice_str ("other");
    assert_string_equal (exec_fixture_offer (&t,
                             fixture_document (&t.signing, WIRE_TYPE_SCHEDULE, "nightly", &body)),
        "invalid");
    const wire_calendar calendar = {.name = bg_slice_str ("holidays"),
        .local_ranges = bg_slice_str ("seventeen bytes.."),
        .horizon_us = 1};
    assert_string_equal (exec_fixture_offer (&t, fixture_document (&t.signing, WIRE_TYPE_CALENDAR,
                                                     "holidays", &calendar)),
        "invalid");
}

static void a_job_waits_for_what_it_uses (void **state)
{
    (void) state;
    wire_job job = fixture_job (&t.signing, "report");
    wire_document fixed = fixture_fixed (&t.signing, WIRE_TYPE_JOB, "report");
    wire_need need = {.key = wire_document_key (
                          t.signing.installation, WIRE_TYPE_SCHEDULE, bg_slice_str ("nightly")),
        .version = 1};
    fixed.has_needs = true;
    fixed.needs = (wire_needs){.documents = &need, .documents_count = 1};
    wire_signed paper = fixture_document_as (&t.signing, &fixed, &job, &t.signing.admin);
    assert_string_equal (exec_fixture_offer (&t, paper), "waiting");
    assert_string_equal (exec_fixture_offer (&t, schedule_paper ("nightly")), "ok");
    assert_string_equal (exec_fixture_offer (&t, paper), "ok");
}

static void withdrawals_and_switches_are_theirs (void **state)
{
    (void) state;
    wire_signed schedule = schedule_paper ("nightly");
    assert_string_equal (exec_fixture_offer (&t, schedule), "ok");
    const wire_switch flip = {.object_type = WIRE_TYPE_SCHEDULE,
        .object_name = bg_slice_str ("nightly"),
        .object_key = wire_document_key (
            t.signing.installation, WIRE_TYPE_SCHEDULE, bg_slice_str ("nightly")),
        .disabled = true};
    wire_document fixed = fixture_fixed (&t.signing, WIRE_TYPE_SWITCH, "nightly");
    fixed.key =
        wire_switch_key (t.signing.installation, WIRE_TYPE_SCHEDULE, bg_slice_str ("nightly"));
    assert_string_equal (
        exec_fixture_offer (&t, fixture_document_as (&t.signing, &fixed, &flip, &t.signing.admin)),
        "ok");
    assert_true (exec_fixture_verdict (&t)->addressed);
    assert_string_equal (
        exec_fixture_offer (&t, withdrawal_paper (WIRE_TYPE_SCHEDULE, "nightly")), "ok");
    assert_false (exec_fixture_verdict (&t)->addressed);
    assert_string_equal (exec_fixture_offer (&t, schedule), "superseded");
    assert_string_equal (exec_fixture_offer (&t, schedule_paper ("nightly")), "ok");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        ENLISTED (they_are_for_whoever_has_them),
        ENLISTED (they_are_taken_by_version_across_a_restart),
        ENLISTED (they_are_signed_by_those_who_may),
        ENLISTED (a_body_without_sense_is_refused),
        ENLISTED (a_job_waits_for_what_it_uses),
        ENLISTED (withdrawals_and_switches_are_theirs),
    };
    return cmocka_run_group_tests_name ("exec_shared", tests, NULL, NULL);
}
