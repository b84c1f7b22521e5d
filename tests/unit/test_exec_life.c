/*  bugle-exec: what a job says about its life: schedules of all kinds and how late they count, leases, where it begins,
    and when it deletes itself.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exec_case.h"
#include "exec_same.h"

#include <stdio.h>

static wire_job_schedule daily (const char *name)
{
    return (wire_job_schedule){.name = bg_slice_str (name),
        .kind = WIRE_SCHEDULE_DAILY,
        .interval = 1,
        .anchor_date = 20240101};
}

static wire_signed job_of (const char *name, wire_job_schedule *schedule)
{
    wire_job job = fixture_job (&t.signing, name);
    job.schedules = schedule;
    job.schedules_count = 1;
    return fixture_document (&t.signing, WIRE_TYPE_JOB, name, &job);
}

static const char *occurrence (wire_signed job, int64_t late_us)
{
    return exec_fixture_occurrence (&t, job, 1, t.now.utc_us - late_us);
}

static void done (void)
{
    exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
    exec_fixture_taken (&t, t.spawned);
}

/*  ---- how late ----  */

static void a_schedule_counts_as_late_as_it_makes_up_for (void **state)
{
    (void) state;
    static const struct {
        uint64_t misfire;
        uint64_t window_us;
        uint64_t splay_us;
        int64_t latest_us;
    } rows[] = {
        {WIRE_MISFIRE_SKIP, 0, 0, EXEC_NOMINAL_LATE_US},
        {WIRE_MISFIRE_SKIP, 0, (uint64_t) BG_HOUR (1), EXEC_NOMINAL_LATE_US + BG_HOUR (1)},
        {WIRE_MISFIRE_LAST, 0, 0, BG_HOUR (24)},
        {WIRE_MISFIRE_LAST, (uint64_t) BG_DAY (3), 0, BG_DAY (3)},
        {WIRE_MISFIRE_ALL, (uint64_t) BG_MIN (1), 0, EXEC_NOMINAL_LATE_US},
        {WIRE_MISFIRE_ALL, (uint64_t) BG_DAY (31), (uint64_t) BG_HOUR (2),
            BG_DAY (31) + BG_HOUR (2)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[16];
        snprintf (name, sizeof name, "job %zu", i);
        wire_job_schedule schedule = daily ("s");
        schedule.misfire = rows[i].misfire;
        schedule.misfire_window_us = rows[i].window_us;
        schedule.splay_us = rows[i].splay_us;
        wire_signed job = job_of (name, &schedule);
        assert_string_equal (occurrence (job, rows[i].latest_us + BG_SEC (1)), "misfire");
        assert_string_equal (occurrence (job, rows[i].latest_us), "running");
        done ();
    }
}

/*  What may begin late is remembered for as long.  */
static void a_late_occurrence_is_done_once (void **state)
{
    (void) state;
    wire_job_schedule schedule = daily ("s");
    schedule.misfire = WIRE_MISFIRE_LAST;
    schedule.misfire_window_us = (uint64_t) BG_DAY (3);
    wire_signed job = job_of ("a", &schedule);
    const int64_t nominal_us = t.now.utc_us;
    assert_string_equal (occurrence (job, 0), "running");
    done ();
    for (int hours = 0; hours < 3 * 24 - 1; hours++) {
        exec_fixture_advance (&t, BG_HOUR (1));
        if (hours % 24 != 0)
            continue;
        exec_fixture_restart (&t, t.log_count);
        assert_string_equal (exec_fixture_occurrence (&t, job, 1, nominal_us), "ok");
    }
    assert_int_equal (t.spawn_count, 1);
}

static void times_outside_the_dates_are_refused (void **state)
{
    (void) state;
    /*  Day 20000 is 2024-10-04, and it is midnight UTC: the 4th or, in the west, still the 3rd.  */
    static const struct {
        uint64_t kind, first, last;
        const char *how;
    } rows[] = {
        {WIRE_SCHEDULE_DAILY, 20241004, 20241004, "running"},
        {WIRE_SCHEDULE_DAILY, 20241005, 0, "invalid"},
        {WIRE_SCHEDULE_DAILY, 20240101, 20241003, "running"},
        {WIRE_SCHEDULE_DAILY, 20240101, 20241001, "invalid"},
        {WIRE_SCHEDULE_ONCE, 20241004, 0, "running"},
        {WIRE_SCHEDULE_ONCE, 20240904, 0, "invalid"},
        {WIRE_SCHEDULE_ONCE, 20241204, 0, "invalid"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[16];
        snprintf (name, sizeof name, "job %zu", i);
        wire_job_schedule schedule = daily ("s");
        schedule.kind = rows[i].kind;
        if (rows[i].kind == WIRE_SCHEDULE_ONCE)
            schedule.interval = schedule.anchor_date = 0;
        schedule.start_date = rows[i].first;
        schedule.end_date = rows[i].last;
        assert_string_equal (occurrence (job_of (name, &schedule), 0), rows[i].how);
        if (strcmp (rows[i].how, "running") == 0)
            done ();
    }
}

static void times_that_no_schedule_can_have_are_refused (void **state)
{
    (void) state;
    wire_job_schedule schedule = daily ("s");
    wire_signed job = job_of ("a", &schedule);
    assert_string_equal (occurrence (job, 1), "invalid");
    assert_string_equal (occurrence (job, -BG_MIN (2)), "invalid");
    assert_string_equal (exec_fixture_occurrence (&t, job, 2, t.now.utc_us), "invalid");
    wire_job_schedule start = {.name = bg_slice_str ("s"), .kind = WIRE_SCHEDULE_NODE_START};
    assert_string_equal (occurrence (job_of ("b", &start), 1), "running");
}

static void missed_ones_queue_whatever_overlap_says (void **state)
{
    (void) state;
    wire_job_schedule schedule = daily ("s");
    schedule.misfire = WIRE_MISFIRE_ALL;
    schedule.misfire_max = 3;
    wire_signed job = job_of ("a", &schedule);
    assert_string_equal (occurrence (job, BG_HOUR (3)), "running");
    bg_id first = t.spawned;
    assert_string_equal (occurrence (job, BG_HOUR (2)), "waiting");
    assert_string_equal (occurrence (job, BG_HOUR (1)), "waiting");
    assert_string_equal (occurrence (job, 0), "overlap");
    exec_fixture_end (&t, first, WIRE_RUN_SUCCEEDED);
    exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
    assert_int_equal (t.spawn_count, 3);
}

/*  ---- shared schedules ----  */

static wire_signed shared_of (const char *name, uint64_t version, wire_job_schedule spec)
{
    spec.name = bg_slice_str (name);
    wire_schedule body = {.has_spec = true, .spec = spec};
    wire_document fixed = fixture_fixed (&t.signing, WIRE_TYPE_SCHEDULE, name);
    fixed.version = version;
    return fixture_document_as (&t.signing, &fixed, &body, &t.signing.admin);
}

static const char *start_shared (wire_signed job, const wire_signed *shared, int64_t late_us)
{
    wire_exec_start message = {.has_job = true,
        .job = job,
        .schedule = 1,
        .nominal_us = t.now.utc_us - late_us,
        .has_shared = shared != NULL};
    if (shared)
        message.shared = *shared;
    exec_fixture_clear (&t);
    exec_fixture_tell (&t, EXEC_NODE, WIRE_EXEC_START, &message);
    const wire_exec_run *run = exec_fixture_last (&t, WIRE_EXEC_RUN);
    if (run)
        return wire_run_state_word (run->run.state);
    return bg_arena_str (&t.arena, exec_fixture_verdict (&t)->code);
}

static void a_shared_schedule_must_be_the_newest_of_its_name (void **state)
{
    (void) state;
    wire_job_schedule use = {
        .name = bg_slice_str ("mine"), .kind = WIRE_SCHEDULE_USE, .use = bg_slice_str ("hourly")};
    wire_signed job = job_of ("a", &use);
    wire_job_schedule off = daily ("x");
    off.disabled = true;
    wire_signed first = shared_of ("hourly", 1, daily ("x"));
    wire_signed second = shared_of ("Hourly", 2, daily ("x"));
    wire_signed other = shared_of ("daily", 1, daily ("x"));
    wire_signed disabled = shared_of ("hourly", 3, off);
    wire_signed unsigned_one = shared_of ("hourly", 4, daily ("x"));
    unsigned_one.sigs_count = 0;
    assert_string_equal (start_shared (job, NULL, 0), "invalid");
    assert_string_equal (start_shared (job, &job, 0), "invalid");
    assert_string_equal (start_shared (job, &other, 0), "invalid");
    assert_string_equal (start_shared (job, &unsigned_one, 0), "bad-signature");
    assert_string_equal (start_shared (job, &first, 0), "running");
    done ();
    assert_string_equal (start_shared (job, &second, BG_SEC (1)), "running");
    const wire_exec_run *run = exec_fixture_last (&t, WIRE_EXEC_RUN);
    assert_true (bg_slice_is (run->run.schedule, "mine"));
    done ();
    assert_string_equal (start_shared (job, &first, BG_SEC (2)), "superseded");
    assert_string_equal (start_shared (job, &disabled, BG_SEC (3)), "disabled");
    assert_int_equal (t.spawn_count, 2);
}

/*  ---- enabled ----  */

static void a_job_is_disabled_by_its_switch_its_own_word_or_its_end (void **state)
{
    (void) state;
    wire_job job = fixture_job (&t.signing, "a");
    job.disabled = true;
    wire_signed document = fixture_document (&t.signing, WIRE_TYPE_JOB, "a", &job);
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, document, &deed), "disabled");
    /*  Its switch is somebody's later word; this one is enabled for a minute.  */
    assert_string_equal (
        exec_fixture_offer (&t, fixture_switch (&t.signing, "a", false, t.now.utc_us + BG_MIN (1))),
        "ok");
    assert_string_equal (exec_fixture_start (&t, document, &deed), "running");
    done ();
    exec_fixture_advance (&t, BG_MIN (2));
    deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, document, &deed), "disabled");
    job = fixture_job (&t.signing, "b");
    job.enabled_until_us = t.now.utc_us + BG_MIN (1);
    document = fixture_document (&t.signing, WIRE_TYPE_JOB, "b", &job);
    deed = exec_fixture_start_deed (&t, "b");
    assert_string_equal (exec_fixture_start (&t, document, &deed), "running");
    done ();
    exec_fixture_advance (&t, BG_MIN (2));
    deed = exec_fixture_start_deed (&t, "b");
    assert_string_equal (exec_fixture_start (&t, document, &deed), "disabled");
    assert_non_null (strstr (exec_fixture_message (&t), "was enabled until"));
}

/*  ---- lease ----  */

static void schedules_count_only_for_the_lease (void **state)
{
    (void) state;
    wire_job_schedule schedule = daily ("s");
    wire_job job = fixture_job (&t.signing, "a");
    job.schedules = &schedule;
    job.schedules_count = 1;
    job.lease_us = (uint64_t) BG_HOUR (2);
    wire_signed document = fixture_document (&t.signing, WIRE_TYPE_JOB, "a", &job);
    exec_fixture_advance (&t, BG_HOUR (2));
    assert_string_equal (occurrence (document, 0), "running");
    done ();
    exec_fixture_advance (&t, BG_SEC (1));
    assert_string_equal (occurrence (document, 0), "lease");
    /*  Not lifted by a reboot.  */
    t.boot.bytes[0]++;
    t.now.boot_us = BG_MIN (1);
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (occurrence (document, 0), "lease");
    /*  The policy's is for all jobs of the broker, and the shorter one counts.  */
    schedule = daily ("s");
    wire_signed free_one = job_of ("b", &schedule);
    assert_string_equal (occurrence (free_one, 0), "running");
    done ();
    t.policy.lease_us = BG_HOUR (1);
    exec_core_set_policy (t.core, t.now, &t.policy, NULL);
    assert_string_equal (occurrence (free_one, BG_SEC (1)), "lease");
    exec_fixture_advance (&t, EXEC_NONCE_EVERY_US);
    exec_fixture_attest (&t);
    assert_string_equal (occurrence (free_one, BG_SEC (2)), "running");
}

/*  ---- start step ----  */

static void a_start_names_the_step_that_runs_first (void **state)
{
    (void) state;
    wire_job job = {.name = bg_slice_str ("a"), .has_audience = true, .audience = {.all = true}};
    fixture_step (&t.signing, &job, "one", NULL, "/bin/true", NULL);
    fixture_step (&t.signing, &job, "two", NULL, "/bin/true", NULL);
    fixture_step (&t.signing, &job, "three", NULL, "/bin/true", NULL);
    job.start_step = 2;
    wire_signed document = fixture_document (&t.signing, WIRE_TYPE_JOB, "a", &job);
    static const struct {
        const char *step;
        uint64_t first;
    } rows[] = {{"", 2}, {"Three", 3}, {"one", 1}};
    for (size_t i = 0; i < 3; i++) {
        wire_deed deed = fixture_deed (
            &t.signing, WIRE_DEED_START, "a", t.now.utc_us, t.now.utc_us + BG_HOUR (1));
        deed.step = bg_slice_str (rows[i].step);
        wire_signed start = fixture_sign_deed (&t.signing, &deed, &t.signing.admin);
        assert_string_equal (exec_fixture_start (&t, document, &start), "running");
        wire_header header;
        void *value = NULL;
        assert_true (
            bg_is_ok (wire_inner_decode (bg_buf_slice (&t.plan), &t.arena, &header, &value, NULL)));
        assert_int_equal (((const wire_plan *) value)->start_step, rows[i].first);
        const wire_exec_run *run = exec_fixture_last (&t, WIRE_EXEC_RUN);
        assert_int_equal (run->run.start_step, rows[i].first);
        done ();
    }
    wire_deed deed =
        fixture_deed (&t.signing, WIRE_DEED_START, "a", t.now.utc_us, t.now.utc_us + BG_HOUR (1));
    deed.step = bg_slice_str ("four");
    wire_signed start = fixture_sign_deed (&t.signing, &deed, &t.signing.admin);
    assert_string_equal (exec_fixture_start (&t, document, &start), "not-found");
}

/*  ---- jobs that delete themselves ----  */

static wire_signed deleting (uint64_t level, uint64_t version)
{
    wire_job job = fixture_job (&t.signing, "a");
    job.delete_level = level;
    wire_document fixed = fixture_fixed (&t.signing, WIRE_TYPE_JOB, "a");
    fixed.version = version;
    return fixture_document_as (&t.signing, &fixed, &job, &t.signing.admin);
}

static const char *start_and_end (wire_signed job, uint64_t state)
{
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    const char *how = exec_fixture_start (&t, job, &deed);
    if (strcmp (how, "running") == 0)
        exec_fixture_end (&t, t.spawned, state);
    return how;
}

static bool was_spent (void)
{
    const wire_exec_run *run = exec_fixture_last (&t, WIRE_EXEC_RUN);
    return run && run->run.spent;
}

static void a_job_deletes_itself_after_the_outcome_that_it_names (void **state)
{
    (void) state;
    static const struct {
        uint64_t level, state;
        bool is_spent;
    } rows[] = {
        {WIRE_DELETE_NEVER, WIRE_RUN_SUCCEEDED, false},
        {WIRE_DELETE_ON_SUCCESS, WIRE_RUN_FAILED, false},
        {WIRE_DELETE_ON_SUCCESS, WIRE_RUN_CANCELED, false},
        {WIRE_DELETE_ON_SUCCESS, WIRE_RUN_SUCCEEDED, true},
        {WIRE_DELETE_ON_FAILURE, WIRE_RUN_SUCCEEDED, false},
        {WIRE_DELETE_ON_FAILURE, WIRE_RUN_INTERRUPTED, false},
        {WIRE_DELETE_ON_FAILURE, WIRE_RUN_FAILED, true},
        {WIRE_DELETE_ALWAYS, WIRE_RUN_CANCELED, true},
    };
    for (uint64_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wire_signed job = deleting (rows[i].level, i + 1);
        assert_string_equal (start_and_end (job, rows[i].state), "running");
        assert_int_equal (was_spent (), rows[i].is_spent);
        /*  The file says the same again.  */
        bg_id run = t.spawned;
        exec_fixture_restart (&t, t.log_count);
        exec_fixture_end (&t, run, rows[i].state);
        assert_int_equal (was_spent (), rows[i].is_spent);
        exec_fixture_taken (&t, run);
        exec_fixture_restart (&t, t.log_count);
        assert_string_equal (
            start_and_end (job, rows[i].state), rows[i].is_spent ? "no-definition" : "running");
        if (rows[i].is_spent)
            assert_non_null (strstr (exec_fixture_message (&t), "deleted itself here after run"));
        else
            exec_fixture_taken (&t, t.spawned);
        exec_core *other = exec_fixture_replay (&t, t.log, t.log_count);
        assert_same_state (t.core, other);
        exec_core_destroy (&other);
    }
}

static void a_supervisor_that_could_not_be_made_spends_nothing (void **state)
{
    (void) state;
    wire_signed job = deleting (WIRE_DELETE_ALWAYS, 1);
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
    bg_error why = {.message = "no process"};
    exec_core_spawn_failed (t.core, t.now, t.spawned, &why);
    assert_false (was_spent ());
    assert_string_equal (start_and_end (job, WIRE_RUN_SUCCEEDED), "running");
}

static void what_waits_behind_the_last_run_is_not_run (void **state)
{
    (void) state;
    wire_job job = fixture_job (&t.signing, "a");
    job.delete_level = WIRE_DELETE_ON_SUCCESS;
    job.overlap = WIRE_OVERLAP_QUEUE;
    wire_signed document = fixture_document (&t.signing, WIRE_TYPE_JOB, "a", &job);
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, document, &deed), "running");
    exec_fixture_advance (&t, BG_SEC (1));
    deed = exec_fixture_start_deed (&t, "a");
    assert_string_equal (exec_fixture_start (&t, document, &deed), "waiting");
    exec_fixture_clear (&t);
    exec_fixture_end (&t, t.spawned, WIRE_RUN_SUCCEEDED);
    const wire_exec_run *run = exec_fixture_last (&t, WIRE_EXEC_RUN);
    assert_int_equal (run->run.state, WIRE_RUN_NOT_RUN);
    assert_true (bg_slice_is (run->run.reason, "no-definition"));
    assert_int_equal (t.spawn_count, 1);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        ENLISTED (a_schedule_counts_as_late_as_it_makes_up_for),
        ENLISTED (a_late_occurrence_is_done_once),
        ENLISTED (times_outside_the_dates_are_refused),
        ENLISTED (times_that_no_schedule_can_have_are_refused),
        ENLISTED (missed_ones_queue_whatever_overlap_says),
        ENLISTED (a_shared_schedule_must_be_the_newest_of_its_name),
        ENLISTED (a_job_is_disabled_by_its_switch_its_own_word_or_its_end),
        ENLISTED (schedules_count_only_for_the_lease),
        ENLISTED (a_start_names_the_step_that_runs_first),
        ENLISTED (a_job_deletes_itself_after_the_outcome_that_it_names),
        ENLISTED (a_supervisor_that_could_not_be_made_spends_nothing),
        ENLISTED (what_waits_behind_the_last_run_is_not_run),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
