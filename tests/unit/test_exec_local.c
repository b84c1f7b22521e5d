/*  Local jobs at bugle-exec: what the machine's own key may do, and that nobody else can do it.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exec_fixture.h"
#include "proto/local.h"

static exec_fixture t;
static uint64_t versions;
static uint64_t deeds;

static int setup (void **state)
{
    (void) state;
    exec_fixture_init (&t);
    versions = deeds = 0;
    return 0;
}

static int teardown (void **state)
{
    (void) state;
    exec_fixture_fini (&t);
    return 0;
}

/*  ---- the machine and its person ----  */

static void make_key (void)
{
    wire_exec_local wanted = {.write_policy = true};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_LOCAL, &wanted);
    assert_true (bg_slice_is (exec_fixture_verdict (&t)->code, "ok"));
}

static wire_signed sign_as (
    const fixture_pair *pair, wire_type type, bg_id key, uint64_t version, const void *body)
{
    wire_signed item;
    const wire_document fixed = {.type = type,
        .installation = wire_local_installation (&pair->public_key),
        .key = key,
        .version = version};
    wire_document_make (t.signing.crypto, &fixed, body, pair->secret, &t.signing.arena, &item);
    return item;
}

static bg_id key_of (const fixture_pair *pair, const char *name)
{
    return wire_document_key (
        wire_local_installation (&pair->public_key), WIRE_TYPE_JOB, bg_slice_str (name));
}

static wire_signed job_by (const fixture_pair *pair, const char *name, uint64_t every_us)
{
    wire_job job = fixture_job (&t.signing, name);
    static wire_job_schedule schedule;
    schedule = (wire_job_schedule){
        .name = bg_slice_str ("tick"), .kind = WIRE_SCHEDULE_EVERY, .every_us = every_us};
    if (every_us) {
        job.schedules = &schedule;
        job.schedules_count = 1;
    }
    return sign_as (pair, WIRE_TYPE_JOB, key_of (pair, name), ++versions, &job);
}

static wire_signed local_job (const char *name)
{
    return job_by (&t.local, name, 0);
}

static wire_signed local_switch (const char *name, bool disabled)
{
    const bg_id installation = wire_local_installation (&t.local.public_key);
    const wire_switch body = {.object_type = WIRE_TYPE_JOB,
        .object_name = bg_slice_str (name),
        .object_key = key_of (&t.local, name),
        .disabled = disabled};
    return sign_as (&t.local, WIRE_TYPE_SWITCH,
        wire_switch_key (installation, WIRE_TYPE_JOB, bg_slice_str (name)), ++versions, &body);
}

static wire_deed deed_of (const fixture_pair *pair, uint64_t what, bg_id job_key, const char *name)
{
    return (wire_deed){.installation = wire_local_installation (&pair->public_key),
        .id = {{1, 2, 3, (uint8_t) ++deeds}},
        .what = what,
        .issued_us = t.now.utc_us,
        .expires_us = t.now.utc_us + BG_MIN (1),
        .has_to = true,
        .to = {.all = true},
        .job_key = job_key,
        .job_name = bg_slice_str (name)};
}

static wire_signed sign_deed (const fixture_pair *pair, const wire_deed *deed)
{
    wire_signed item;
    wire_signed_make (t.signing.crypto, WIRE_TYPE_DEED, wire_local_installation (&pair->public_key),
        deed, pair->secret, &t.signing.arena, &item);
    return item;
}

static wire_signed local_deed (uint64_t what, const char *name)
{
    const wire_deed deed = deed_of (&t.local, what, key_of (&t.local, name), name);
    return sign_deed (&t.local, &deed);
}

static wire_signed broker_job (const char *name)
{
    wire_job job = fixture_job (&t.signing, name);
    return fixture_document (&t.signing, WIRE_TYPE_JOB, name, &job);
}

static bg_id broker_key (const char *name)
{
    return wire_document_key (t.signing.installation, WIRE_TYPE_JOB, bg_slice_str (name));
}

static const char *message (void)
{
    return bg_arena_str (&t.arena, exec_fixture_verdict (&t)->message);
}

/*  ---- without a broker ----  */

static void a_machine_without_a_broker_runs_its_own_jobs (void **state)
{
    (void) state;
    make_key ();
    wire_signed job = job_by (&t.local, "local/tidy", BG_MIN (1));
    assert_string_equal (exec_fixture_offer (&t, job), "ok");
    assert_true (exec_fixture_verdict (&t)->addressed);
    int64_t due_us = t.now.utc_us / BG_MIN (1) * BG_MIN (1);
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, due_us), "running");
    exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
    assert_string_equal (exec_fixture_occurrence (&t, job, 1, due_us), "ok");
    assert_int_equal (t.spawn_count, 1);
}

static void the_first_use_makes_key_and_policy_and_says_so (void **state)
{
    (void) state;
    make_key ();
    assert_string_equal (message (), "wrote the default policy");
    wire_exec_hello hello = {.version = bg_slice_str ("test")};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_HELLO, &hello);
    const wire_exec_standing *standing = exec_fixture_last (&t, WIRE_EXEC_STANDING);
    assert_true (bg_key_equal (&standing->local_key, &t.local.public_key));
    assert_true (
        bg_id_equal (standing->local_installation, wire_local_installation (&t.local.public_key)));
    assert_false (standing->anchored);
}

static void only_root_or_its_own_account_makes_the_key (void **state)
{
    (void) state;
    wire_exec_local wanted = {.write_policy = true};
    exec_fixture_tell (&t, (exec_peer){2, false}, WIRE_EXEC_LOCAL, &wanted);
    assert_true (bg_slice_is (exec_fixture_verdict (&t)->code, "not-allowed"));
    assert_false (t.has_local);
    assert_string_equal (exec_fixture_offer (&t, local_job ("local/x")), "not-enlisted");
}

static void a_local_start_begins_once_and_its_run_has_no_execution (void **state)
{
    (void) state;
    make_key ();
    wire_signed job = local_job ("local/x");
    wire_signed deed = local_deed (WIRE_DEED_START, "local/x");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
    const wire_exec_run *run = exec_fixture_last (&t, WIRE_EXEC_RUN);
    assert_true (bg_id_is_zero (run->run.exec));
    assert_int_equal (run->run.schedule.size, 0);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "ok");
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "ok");
    assert_int_equal (t.spawn_count, 1);
}

static void a_local_start_that_is_over_starts_nothing (void **state)
{
    (void) state;
    make_key ();
    wire_signed job = local_job ("local/x");
    wire_signed deed = local_deed (WIRE_DEED_START, "local/x");
    exec_fixture_advance (&t, BG_MIN (2));
    assert_string_equal (exec_fixture_start (&t, job, &deed), "expired");
    wire_deed early = deed_of (&t.local, WIRE_DEED_START, key_of (&t.local, "local/x"), "local/x");
    early.issued_us += BG_MIN (6);
    early.expires_us += BG_MIN (6);
    wire_signed signed_early = sign_deed (&t.local, &early);
    assert_string_equal (exec_fixture_start (&t, job, &signed_early), "clock");
    early.expires_us = early.issued_us + BG_HOUR (1);
    signed_early = sign_deed (&t.local, &early);
    assert_string_equal (exec_fixture_start (&t, job, &signed_early), "invalid");
    assert_int_equal (t.spawn_count, 0);
}

static void a_switch_of_the_machine_holds_its_job_back (void **state)
{
    (void) state;
    make_key ();
    wire_signed job = local_job ("local/x");
    wire_signed deed = local_deed (WIRE_DEED_START, "local/x");
    assert_string_equal (exec_fixture_offer (&t, local_switch ("local/x", true)), "ok");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "disabled");
    assert_string_equal (exec_fixture_offer (&t, local_switch ("local/x", false)), "ok");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
}

static void a_local_stop_ends_what_is_open_and_nothing_later (void **state)
{
    (void) state;
    make_key ();
    wire_signed job = local_job ("local/x");
    wire_signed first = local_deed (WIRE_DEED_START, "local/x");
    assert_string_equal (exec_fixture_start (&t, job, &first), "running");
    bg_id run = t.spawned;
    assert_string_equal (exec_fixture_offer (&t, local_deed (WIRE_DEED_STOP, "local/x")), "ok");
    assert_int_equal (t.stop_count, 1);
    exec_fixture_restart (&t, t.log_count);
    exec_core_supervisor_here (t.core, t.now, run);
    assert_int_equal (t.stop_count, 2);
    exec_fixture_end (&t, run, WIRE_RUN_CANCELED);
    wire_signed second = local_deed (WIRE_DEED_START, "local/x");
    assert_string_equal (exec_fixture_start (&t, job, &second), "running");
    exec_core_supervisor_here (t.core, t.now, t.spawned);
    assert_int_equal (t.stop_count, 2);
}

/*  ---- who cannot ----  */

static void a_stolen_node_account_has_no_key (void **state)
{
    (void) state;
    exec_fixture_enlist (&t);
    make_key ();
    /*  What it can sign with: keys of its own, and those that it carries.  */
    assert_string_equal (
        exec_fixture_offer (&t, job_by (&t.signing.node, "local/x", 0)), "bad-signature");
    assert_string_equal (
        exec_fixture_offer (&t, job_by (&t.signing.stranger, "local/x", 0)), "bad-signature");
    wire_signed job = job_by (&t.signing.node, "local/x", 0);
    const wire_deed deed =
        deed_of (&t.signing.node, WIRE_DEED_START, key_of (&t.signing.node, "local/x"), "local/x");
    wire_signed start = sign_deed (&t.signing.node, &deed);
    assert_string_equal (exec_fixture_start (&t, job, &start), "bad-signature");
    assert_int_equal (t.spawn_count, 0);
}

static void a_job_of_the_broker_cannot_be_named_local (void **state)
{
    (void) state;
    exec_fixture_enlist (&t);
    make_key ();
    wire_signed job = broker_job ("local/x");
    assert_string_equal (exec_fixture_offer (&t, job), "invalid");
    wire_signed deed = exec_fixture_start_deed (&t, "local/x");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "invalid");
    assert_int_equal (t.spawn_count, 0);
}

static void a_login_does_not_start_a_local_job (void **state)
{
    (void) state;
    exec_fixture_enlist (&t);
    make_key ();
    wire_signed deed = exec_fixture_start_deed (&t, "local/x");
    assert_string_equal (exec_fixture_start (&t, local_job ("local/x"), &deed), "not-allowed");
    assert_int_equal (t.spawn_count, 0);
}

static void the_machines_key_is_for_local_names_only (void **state)
{
    (void) state;
    exec_fixture_enlist (&t);
    make_key ();
    assert_string_equal (exec_fixture_offer (&t, local_job ("backup")), "not-allowed");
    assert_non_null (strstr (message (), "local/NAME"));
    assert_string_equal (exec_fixture_offer (&t, local_job ("local/a/b")), "invalid");
    assert_string_equal (exec_fixture_offer (&t, local_job ("Local/x")), "not-allowed");
    /*  Not even under the key of a downloaded one.  */
    wire_job job = fixture_job (&t.signing, "local/x");
    assert_string_equal (exec_fixture_offer (&t, sign_as (&t.local, WIRE_TYPE_JOB,
                                                     broker_key ("backup"), ++versions, &job)),
        "invalid");
    wire_membership member = {.name = bg_slice_str ("db01")};
    assert_string_equal (exec_fixture_offer (&t, sign_as (&t.local, WIRE_TYPE_MEMBERSHIP,
                                                     t.signing.target, ++versions, &member)),
        "invalid");
}

static void another_machines_key_counts_for_nothing (void **state)
{
    (void) state;
    make_key ();
    static const uint8_t seed[32] = {78};
    fixture_pair other;
    wire_keypair (seed, &other.public_key, other.secret);
    assert_string_equal (exec_fixture_offer (&t, job_by (&other, "local/x", 0)), "not-enlisted");
    exec_fixture_enlist (&t);
    assert_string_equal (exec_fixture_offer (&t, job_by (&other, "local/x", 0)), "bad-signature");
    /*  Its signature over a document of this machine does not hold either.  */
    wire_signed mixed = local_job ("local/x");
    wire_signed theirs = job_by (&other, "local/x", 0);
    mixed.sigs = theirs.sigs;
    mixed.sigs_count = theirs.sigs_count;
    assert_string_equal (exec_fixture_offer (&t, mixed), "bad-signature");
}

static void an_old_version_does_not_come_back (void **state)
{
    (void) state;
    make_key ();
    wire_signed old = local_job ("local/x");
    wire_signed current = local_job ("local/x");
    assert_string_equal (exec_fixture_offer (&t, old), "ok");
    assert_string_equal (exec_fixture_offer (&t, current), "ok");
    assert_string_equal (exec_fixture_offer (&t, old), "superseded");
    wire_withdrawal gone = {.object_type = WIRE_TYPE_JOB, .object_name = bg_slice_str ("local/x")};
    wire_signed withdrawal =
        sign_as (&t.local, WIRE_TYPE_WITHDRAWAL, key_of (&t.local, "local/x"), ++versions, &gone);
    assert_string_equal (exec_fixture_offer (&t, withdrawal), "ok");
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (exec_fixture_offer (&t, current), "superseded");
    wire_signed deed = local_deed (WIRE_DEED_START, "local/x");
    assert_string_equal (exec_fixture_start (&t, current, &deed), "no-definition");
    assert_int_equal (t.spawn_count, 0);
}

static void targets_needs_and_ends_are_nothing_for_local_documents (void **state)
{
    (void) state;
    make_key ();
    wire_job job = fixture_job (&t.signing, "local/x");
    job.audience = (wire_audience){.names = (bg_slice[]){bg_slice_str ("db01")}, .names_count = 1};
    assert_string_equal (exec_fixture_offer (&t, sign_as (&t.local, WIRE_TYPE_JOB,
                                                     key_of (&t.local, "local/x"), 1, &job)),
        "invalid");
    job = fixture_job (&t.signing, "local/x");
    wire_document fixed = {.type = WIRE_TYPE_JOB,
        .installation = wire_local_installation (&t.local.public_key),
        .key = key_of (&t.local, "local/x"),
        .version = 1,
        .not_after_us = t.now.utc_us + BG_DAY (1)};
    wire_signed item;
    wire_document_make (t.signing.crypto, &fixed, &job, t.local.secret, &t.signing.arena, &item);
    assert_string_equal (exec_fixture_offer (&t, item), "invalid");
}

/*  ---- with a broker ----  */

static void a_downloaded_job_is_started_and_stopped_on_its_machine (void **state)
{
    (void) state;
    exec_fixture_enlist (&t);
    make_key ();
    wire_signed job = broker_job ("backup");
    const wire_deed start = deed_of (&t.local, WIRE_DEED_START, broker_key ("backup"), "backup");
    wire_signed deed = sign_deed (&t.local, &start);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
    const wire_exec_run *run = exec_fixture_last (&t, WIRE_EXEC_RUN);
    assert_true (bg_id_is_zero (run->run.exec));
    assert_true (bg_slice_is (run->run.job_name, "backup"));
    const wire_deed stop = deed_of (&t.local, WIRE_DEED_STOP, broker_key ("backup"), "backup");
    assert_string_equal (exec_fixture_offer (&t, sign_deed (&t.local, &stop)), "ok");
    assert_int_equal (t.stop_count, 1);
}

static void a_job_that_nobody_may_start_is_not_started_here_either (void **state)
{
    (void) state;
    exec_fixture_enlist (&t);
    make_key ();
    wire_job body = fixture_job (&t.signing, "nightly");
    body.start_by = WIRE_START_BY_NOBODY;
    wire_signed job = fixture_document (&t.signing, WIRE_TYPE_JOB, "nightly", &body);
    const wire_deed start = deed_of (&t.local, WIRE_DEED_START, broker_key ("nightly"), "nightly");
    wire_signed deed = sign_deed (&t.local, &start);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "policy");
}

static void enlisting_and_leaving_leave_local_jobs_alone (void **state)
{
    (void) state;
    make_key ();
    wire_signed old = local_job ("local/x");
    wire_signed job = local_job ("local/x");
    wire_signed deed = local_deed (WIRE_DEED_START, "local/x");
    assert_string_equal (exec_fixture_offer (&t, job), "ok");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
    exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
    exec_fixture_taken (&t, t.spawned);
    exec_fixture_enlist (&t);
    assert_string_equal (exec_fixture_offer (&t, old), "superseded");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "ok");
    assert_string_equal (exec_fixture_offer (&t, broker_job ("backup")), "ok");
    wire_exec_forget forget = {.reason = bg_slice_str ("defect")};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_FORGET, &forget);
    exec_fixture_restart (&t, t.log_count);
    assert_int_equal (exec_core_status (t.core).floors, 1);
    assert_string_equal (exec_fixture_offer (&t, old), "superseded");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "ok");
    wire_signed again = local_deed (WIRE_DEED_START, "local/x");
    assert_string_equal (exec_fixture_start (&t, job, &again), "running");
}

static void limits_of_local_jobs_outlive_enlistments (void **state)
{
    (void) state;
    make_key ();
    wire_job body = fixture_job (&t.signing, "local/x");
    body.at_most = 1;
    body.at_most_period_us = (uint64_t) BG_DAY (1);
    wire_signed job =
        sign_as (&t.local, WIRE_TYPE_JOB, key_of (&t.local, "local/x"), ++versions, &body);
    wire_signed first = local_deed (WIRE_DEED_START, "local/x");
    assert_string_equal (exec_fixture_start (&t, job, &first), "running");
    exec_fixture_enlist (&t);
    exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
    wire_signed second = local_deed (WIRE_DEED_START, "local/x");
    assert_string_equal (exec_fixture_start (&t, job, &second), "limit");
}

typedef struct {
    logged records[EXEC_RECORDS_MAX];
    size_t count;
} compacted;

static void keep (void *ctx, bg_slice record)
{
    compacted *self = ctx;
    bg_buf_append_slice (&self->records[self->count++].bytes, record);
}

static void a_compacted_log_says_the_same (void **state)
{
    (void) state;
    static compacted log;
    log = (compacted){0};
    exec_fixture_enlist (&t);
    make_key ();
    wire_signed job = local_job ("local/x");
    wire_signed deed = local_deed (WIRE_DEED_START, "local/x");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
    bg_id run = t.spawned;
    assert_string_equal (exec_fixture_offer (&t, local_deed (WIRE_DEED_STOP, "local/x")), "ok");
    exec_core_compact (t.core, t.now, keep, &log);
    exec_core *other = exec_fixture_replay (&t, log.records, log.count);
    exec_core_destroy (&t.core);
    t.core = other;
    t.stop_count = 0;
    exec_core_supervisor_here (t.core, t.now, run);
    assert_int_equal (t.stop_count, 1);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "ok");
    wire_exec_forget forget = {.reason = bg_slice_str ("defect")};
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_FORGET, &forget);
    assert_int_equal (exec_core_status (t.core).floors, 1);
    for (size_t i = 0; i < log.count; i++)
        bg_buf_fini (&log.records[i].bytes);
}

int main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST (a_machine_without_a_broker_runs_its_own_jobs),
        TEST (the_first_use_makes_key_and_policy_and_says_so),
        TEST (only_root_or_its_own_account_makes_the_key),
        TEST (a_local_start_begins_once_and_its_run_has_no_execution),
        TEST (a_local_start_that_is_over_starts_nothing),
        TEST (a_switch_of_the_machine_holds_its_job_back),
        TEST (a_local_stop_ends_what_is_open_and_nothing_later),
        TEST (a_stolen_node_account_has_no_key),
        TEST (a_job_of_the_broker_cannot_be_named_local),
        TEST (a_login_does_not_start_a_local_job),
        TEST (the_machines_key_is_for_local_names_only),
        TEST (another_machines_key_counts_for_nothing),
        TEST (an_old_version_does_not_come_back),
        TEST (targets_needs_and_ends_are_nothing_for_local_documents),
        TEST (a_downloaded_job_is_started_and_stopped_on_its_machine),
        TEST (a_job_that_nobody_may_start_is_not_started_here_either),
        TEST (enlisting_and_leaving_leave_local_jobs_alone),
        TEST (limits_of_local_jobs_outlive_enlistments),
        TEST (a_compacted_log_says_the_same),
    };
    return cmocka_run_group_tests_name ("exec_local", tests, NULL, NULL);
}
