/*  The node's schedule book: what becomes of occurrences that are late, and when the others start. Each policy in each
    state: the node down and back, the clock set forward and back. Whatever happens, each occurrence is told once.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node/core/idle.h"
#include "node_fixture.h"
#include "proto/digest.h"
#include "tests/unit/zone_bytes.h"

#include <stdlib.h>

static wire_job_schedule by_cron (const char *cron)
{
    return (wire_job_schedule){
        .name = bg_slice_str ("main"), .kind = WIRE_SCHEDULE_CRON, .cron = bg_slice_str (cron)};
}

/*  To the next full hour, and a little.  */
static void to_the_hour (node_fixture *self)
{
    node_fixture_advance (self, BG_HOUR (1) - self->now.utc_us % BG_HOUR (1) + BG_SEC (1));
}

/*  A job that is due at each full hour, held from a little after one on.  */
static void hold_hourly (node_fixture *self, const wire_job_schedule *schedule)
{
    to_the_hour (self);
    node_fixture_push (self, node_fixture_job_by (self, "hourly", schedule));
}

static wire_job_schedule hourly_with (uint64_t misfire)
{
    wire_job_schedule schedule = by_cron ("0 * * * *");
    schedule.misfire = misfire;
    return schedule;
}

/*  The machine is down for so long, and has looked at what it missed.  */
static void be_down (node_fixture *self, int64_t for_us)
{
    node_fixture_sleep (self, for_us);
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (2));
}

static void finish_all (node_fixture *self)
{
    for (size_t i = 0; i < self->exec_run_count; i++)
        if (self->exec_runs[i].state == WIRE_RUN_RUNNING)
            node_fixture_finish (self, i, WIRE_RUN_SUCCEEDED);
}

static size_t not_run (const node_fixture *self, const char *reason)
{
    return node_fixture_reported (self, WIRE_RUN_NOT_RUN, reason);
}

/*  Every nominal time is told once: begun, or with a reason.  */
static void assert_each_once (const node_fixture *self)
{
    for (size_t i = 0; i < self->run_count; i++) {
        const wire_run *a = &self->runs[i];
        if (a->state == WIRE_RUN_RUNNING || a->state == WIRE_RUN_WAITING)
            continue;
        for (size_t j = i + 1; j < self->run_count; j++) {
            const wire_run *b = &self->runs[j];
            if (b->state != WIRE_RUN_RUNNING && b->state != WIRE_RUN_WAITING)
                assert_false (bg_id_equal (a->occurrence, b->occurrence));
        }
    }
}

/*  ---- late ----  */

static void the_last_one_that_was_missed_runs_late (void **state)
{
    node_fixture *self = *state;
    wire_job_schedule schedule = hourly_with (WIRE_MISFIRE_LAST);
    hold_hourly (self, &schedule);
    be_down (self, BG_HOUR (5) + BG_MIN (20));
    assert_int_equal (self->exec_run_count, 1);
    assert_int_equal (self->now.utc_us / BG_HOUR (1), self->exec_runs[0].nominal_us / BG_HOUR (1));
    assert_int_equal (self->exec_runs[0].nominal_us % BG_HOUR (1), 0);
    assert_int_equal (not_run (self, "misfire"), 4);
    assert_int_equal (not_run (self, NULL), 4);
    finish_all (self);
    node_fixture_restart (self);
    to_the_hour (self);
    assert_int_equal (self->exec_run_count, 2);
    assert_each_once (self);
}

static void what_was_missed_longer_ago_than_the_window_does_not_run (void **state)
{
    node_fixture *self = *state;
    wire_job_schedule schedule = hourly_with (WIRE_MISFIRE_LAST);
    schedule.misfire_window_us = (uint64_t) BG_MIN (15);
    hold_hourly (self, &schedule);
    be_down (self, BG_HOUR (2) + BG_MIN (20));
    assert_int_equal (self->exec_run_count, 0);
    assert_int_equal (not_run (self, "misfire"), 2);
    be_down (self, BG_MIN (50));
    assert_int_equal (self->exec_run_count, 1);
    assert_int_equal (not_run (self, NULL), 2);
}

static void all_that_were_missed_run_one_after_the_other (void **state)
{
    node_fixture *self = *state;
    wire_job_schedule schedule = hourly_with (WIRE_MISFIRE_ALL);
    schedule.misfire_max = 3;
    hold_hourly (self, &schedule);
    be_down (self, BG_HOUR (8) + BG_MIN (20));
    assert_int_equal (not_run (self, "misfire"), 5);
    for (size_t i = 0; i < 3; i++) {
        node_fixture_advance (self, BG_MIN (3));
        assert_int_equal (self->exec_run_count, i + 1);
        if (i > 0)
            assert_true (
                self->exec_runs[i].nominal_us == self->exec_runs[i - 1].nominal_us + BG_HOUR (1));
        if (i == 1)
            node_fixture_restart (self); /*  the others wait also over that  */
        node_fixture_finish (self, i, WIRE_RUN_SUCCEEDED);
    }
    node_fixture_advance (self, BG_SEC (2));
    assert_int_equal (self->exec_run_count, 3);
    to_the_hour (self);
    assert_int_equal (self->exec_run_count, 4);
    assert_int_equal (not_run (self, NULL), 5);
    finish_all (self);
    assert_each_once (self);
}

/*  Also the newest, which is not late, runs behind them and is no overlap.  */
static void one_that_is_on_time_waits_for_the_late_ones_before_it (void **state)
{
    node_fixture *self = *state;
    wire_job_schedule schedule = hourly_with (WIRE_MISFIRE_ALL);
    hold_hourly (self, &schedule);
    be_down (self, BG_HOUR (2) + BG_SEC (20));
    assert_int_equal (self->exec_run_count, 1);
    node_fixture_finish (self, 0, WIRE_RUN_SUCCEEDED);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->exec_run_count, 2);
    assert_int_equal (not_run (self, NULL), 0);
    /*  Not behind any late one, it is an overlap like that of any other schedule.  */
    self->start_code = "overlap";
    to_the_hour (self);
    assert_int_equal (not_run (self, "overlap"), 1);
}

/*  Two schedules of one job, both missed: bugle-exec would take the second one for an overlap.  */
static void late_ones_of_another_schedule_wait_as_well (void **state)
{
    node_fixture *self = *state;
    wire_job_schedule schedules[] = {by_cron ("0 * * * *"), by_cron ("10 * * * *")};
    schedules[1].name = bg_slice_str ("second");
    schedules[0].misfire = schedules[1].misfire = WIRE_MISFIRE_LAST;
    wire_job job = fixture_job (&self->signing, "hourly");
    job.schedules = schedules;
    job.schedules_count = 2;
    to_the_hour (self);
    node_fixture_push (self, fixture_document (&self->signing, WIRE_TYPE_JOB, "hourly", &job));
    node_fixture_sleep (self, BG_HOUR (1) + BG_MIN (20));
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (2));
    assert_int_equal (self->exec_run_count, 1);
    node_fixture_finish (self, 0, WIRE_RUN_SUCCEEDED);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->exec_run_count, 2);
    finish_all (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_SUCCEEDED, NULL), 2);
    assert_each_once (self);
}

/*  A few seconds of absence are no misfire, and still what was due meanwhile is no overlap of what is due now.  */
static void one_that_was_missed_just_now_waits_for_what_runs (void **state)
{
    node_fixture *self = *state;
    wire_job_schedule schedules[] = {
        by_cron ("0 * * * *"), {.name = bg_slice_str ("start"), .kind = WIRE_SCHEDULE_NODE_START}};
    schedules[0].misfire = WIRE_MISFIRE_LAST;
    wire_job job = fixture_job (&self->signing, "hourly");
    job.schedules = schedules;
    job.schedules_count = 2;
    to_the_hour (self);
    node_fixture_push (self, fixture_document (&self->signing, WIRE_TYPE_JOB, "hourly", &job));
    node_fixture_advance (self, BG_HOUR (1) - BG_SEC (10));
    finish_all (self);
    const size_t before = self->exec_run_count;
    node_fixture_sleep (self, BG_SEC (30));
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (2));
    assert_int_equal (self->exec_run_count, before + 1);
    finish_all (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->exec_run_count, before + 2);
    assert_int_equal (not_run (self, NULL), 0);
    assert_each_once (self);
}

/*  A run that takes longer than the window: what waits behind it is a misfire then, and told.  */
static void what_waits_too_long_behind_a_late_run_is_a_misfire (void **state)
{
    node_fixture *self = *state;
    wire_job_schedule schedule = hourly_with (WIRE_MISFIRE_ALL);
    schedule.misfire_window_us = (uint64_t) BG_HOUR (3);
    hold_hourly (self, &schedule);
    be_down (self, BG_HOUR (2) + BG_MIN (20));
    assert_int_equal (self->exec_run_count, 1);
    self->start_code = "overlap";
    node_fixture_advance (self, BG_HOUR (4));
    /*  The one behind it, and the first of those that came on time and wait behind that.  */
    assert_int_equal (not_run (self, "misfire"), 2);
    assert_each_once (self);
}

/*  Each policy in each state. lost: nominal hours that came while nobody could start them.  */
static void play (
    node_fixture *self, uint64_t policy, const char *what, size_t runs, size_t misfires)
{
    wire_job_schedule schedule = hourly_with (policy);
    schedule.misfire_max = policy == WIRE_MISFIRE_ALL ? 2 : 0;
    hold_hourly (self, &schedule);
    if (strcmp (what, "down") == 0) {
        node_fixture_sleep (self, BG_HOUR (4) + BG_MIN (30));
        node_fixture_restart (self);
    } else if (strcmp (what, "forward") == 0) {
        node_fixture_set_clock (self, BG_HOUR (4) + BG_MIN (30));
    } else if (strcmp (what, "back") == 0) {
        node_fixture_set_clock (self, -BG_HOUR (2));
        node_fixture_advance (self, BG_HOUR (2));
    } else {
        self->mute = true; /*  bugle-exec is away when it is due  */
        node_fixture_exec_down (self);
        to_the_hour (self);
        node_fixture_advance (self, BG_MIN (10));
        self->mute = false;
        node_fixture_exec_up (self);
    }
    for (int i = 0; i < 5; i++) {
        node_fixture_advance (self, BG_SEC (2));
        finish_all (self);
    }
    if (self->exec_run_count != runs || not_run (self, "misfire") != misfires ||
        not_run (self, NULL) != misfires)
        fail_msg ("policy %d, %s: %zu runs, %zu misfires of %zu", (int) policy, what,
            self->exec_run_count, not_run (self, "misfire"), not_run (self, NULL));
    assert_each_once (self);
}

static void each_policy_in_each_state (void **state)
{
    (void) state;
    static const struct {
        uint64_t policy;
        const char *what;
        size_t runs;
        size_t misfires;
    } cases[] = {
        {WIRE_MISFIRE_SKIP, "down", 0, 4},
        {WIRE_MISFIRE_LAST, "down", 1, 3},
        {WIRE_MISFIRE_ALL, "down", 2, 2},
        {WIRE_MISFIRE_SKIP, "forward", 0, 4},
        {WIRE_MISFIRE_LAST, "forward", 1, 3},
        {WIRE_MISFIRE_ALL, "forward", 2, 2},
        {WIRE_MISFIRE_SKIP, "back", 0, 0},
        {WIRE_MISFIRE_LAST, "back", 0, 0},
        {WIRE_MISFIRE_ALL, "back", 0, 0},
        {WIRE_MISFIRE_SKIP, "exec-away", 0, 1},
        {WIRE_MISFIRE_LAST, "exec-away", 1, 0},
        {WIRE_MISFIRE_ALL, "exec-away", 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        node_fixture *self = bg_alloc (sizeof *self);
        node_fixture_init (self);
        node_fixture_enlist (self);
        play (self, cases[i].policy, cases[i].what, cases[i].runs, cases[i].misfires);
        node_fixture_fini (self);
        free (self);
    }
}

/*  ---- splay ----  */

static void a_splay_delays_the_start_and_not_the_name (void **state)
{
    node_fixture *self = *state;
    wire_job_schedule schedule = by_cron ("0 * * * *");
    schedule.splay_us = (uint64_t) BG_MIN (30);
    const bg_id key = node_fixture_job_key (self, "hourly");
    const int64_t splay_us = wire_splay_us (self->signing.target, key, schedule.splay_us);
    assert_in_range (splay_us, BG_SEC (20), BG_MIN (30) - BG_SEC (20)); /*  of this seed  */
    hold_hourly (self, &schedule);
    node_fixture_query (self);
    assert_int_equal (self->answer.jobs[0].next_us % BG_HOUR (1), splay_us);
    to_the_hour (self);
    assert_int_equal (self->exec_run_count, 0);
    node_fixture_restart (self);                                               /*  between both  */
    node_fixture_push (self, node_fixture_job_by (self, "hourly", &schedule)); /*  and edited  */
    node_fixture_advance (self, BG_MIN (31));
    assert_int_equal (self->exec_run_count, 1);
    assert_int_equal (self->exec_runs[0].nominal_us % BG_HOUR (1), 0);
    assert_int_equal (self->exec_runs[0].began_us - self->exec_runs[0].nominal_us, splay_us);
    assert_int_equal (not_run (self, NULL), 0);
}

static void a_job_disabled_between_its_time_and_its_start_does_not_start (void **state)
{
    node_fixture *self = *state;
    wire_job_schedule schedule = by_cron ("0 * * * *");
    schedule.splay_us = (uint64_t) BG_MIN (20);
    hold_hourly (self, &schedule);
    to_the_hour (self);
    node_fixture_push (self, fixture_switch (&self->signing, "hourly", true, 0));
    node_fixture_advance (self, BG_MIN (21));
    assert_int_equal (self->exec_run_count, 0);
    assert_int_equal (not_run (self, "disabled"), 1);
}

/*  ---- a zone that changes under what is pending ----  */

/*  One offset for ever.  */
static job_zone *zone_at (int32_t offset)
{
    BG_AUTO_BUF bytes = {0};
    zone_bytes_of_offset (offset, &bytes);
    job_zone *zone = job_zone_load ("Test/Zone", bg_buf_slice (&bytes), NULL);
    assert_non_null (zone);
    return zone;
}

static void a_zone_that_changes_moves_what_is_pending (void **state)
{
    node_fixture *self = *state;
    job_zone *east = zone_at (3600);
    job_zone *west = zone_at (-7200);
    self->zone = east;
    const int64_t day_us = self->now.utc_us / BG_DAY (1) * BG_DAY (1) + BG_DAY (1);
    node_fixture_advance (self, day_us - self->now.utc_us + BG_SEC (1));
    wire_job_schedule schedule = by_cron ("0 12 * * *");
    schedule.zone = bg_slice_str ("Test/Zone");
    node_fixture_push (self, node_fixture_job_by (self, "noon", &schedule));
    node_fixture_query (self);
    assert_true (self->answer.jobs[0].next_us == day_us + BG_HOUR (11));
    self->zone = west;
    node_fixture_zones_changed (self);
    job_zone_destroy (&east); /*  nobody holds it any more  */
    node_fixture_query (self);
    assert_true (self->answer.jobs[0].next_us == day_us + BG_HOUR (14));
    node_fixture_advance (self, BG_HOUR (24));
    assert_int_equal (self->exec_run_count, 1);
    assert_true (self->exec_runs[0].nominal_us == day_us + BG_HOUR (14));
    assert_int_equal (not_run (self, NULL), 0);
    self->zone = NULL;
    node_fixture_zones_changed (self);
    job_zone_destroy (&west);
}

/*  ---- events ----  */

static void the_nodes_start_is_one_occurrence (void **state)
{
    node_fixture *self = *state;
    const wire_job_schedule schedule = {
        .name = bg_slice_str ("main"), .kind = WIRE_SCHEDULE_NODE_START};
    node_fixture_push (self, node_fixture_job_by (self, "boot", &schedule));
    node_fixture_advance (self, BG_MIN (5));
    assert_int_equal (self->exec_run_count, 0); /*  the node had started before  */
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->exec_run_count, 1);
    assert_true (self->exec_runs[0].nominal_us <= self->now.utc_us);
    node_fixture_finish (self, 0, WIRE_RUN_SUCCEEDED);
    node_fixture_rebuild (self); /*  the same process with another core  */
    node_fixture_advance (self, BG_MIN (5));
    assert_int_equal (self->exec_run_count, 1);
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->exec_run_count, 2);
    finish_all (self);
    node_fixture_push (self, fixture_switch (&self->signing, "boot", true, 0));
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->exec_run_count, 2);
    assert_int_equal (not_run (self, "disabled"), 1);
    assert_int_equal (not_run (self, NULL), 1);
    assert_each_once (self);
}

static void a_start_without_bugle_exec_is_a_misfire (void **state)
{
    node_fixture *self = *state;
    const wire_job_schedule schedule = {
        .name = bg_slice_str ("main"), .kind = WIRE_SCHEDULE_NODE_START};
    node_fixture_push (self, node_fixture_job_by (self, "boot", &schedule));
    node_fixture_exec_down (self);
    node_fixture_restart (self);
    node_fixture_advance (self, BG_MIN (2));
    node_fixture_exec_up (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->exec_run_count, 0);
    assert_int_equal (not_run (self, "misfire"), 1);
}

static void a_start_waits_for_its_splay (void **state)
{
    node_fixture *self = *state;
    const wire_job_schedule schedule = {.name = bg_slice_str ("main"),
        .kind = WIRE_SCHEDULE_NODE_START,
        .splay_us = (uint64_t) BG_MIN (20)};
    node_fixture_push (self, node_fixture_job_by (self, "hourly", &schedule));
    const int64_t splay_us = wire_splay_us (
        self->signing.target, node_fixture_job_key (self, "hourly"), schedule.splay_us);
    node_fixture_restart (self);
    node_fixture_advance (self, splay_us - BG_SEC (1));
    assert_int_equal (self->exec_run_count, 0);
    node_fixture_advance (self, BG_SEC (2));
    assert_int_equal (self->exec_run_count, 1);
}

static void idle_processors_are_an_occurrence_each_time (void **state)
{
    node_fixture *self = *state;
    bg_error err = {0};
    const wire_job_schedule schedule = {.name = bg_slice_str ("main"), .kind = WIRE_SCHEDULE_IDLE};
    assert_false (node_core_wants_idle (self->core));
    node_fixture_push (self, node_fixture_job_by (self, "tidy", &schedule));
    assert_true (node_core_wants_idle (self->core));
    node_fixture_restart (self);
    assert_true (node_core_wants_idle (self->core));
    for (size_t i = 1; i <= 3; i++) {
        node_fixture_advance (self, BG_MIN (30));
        assert_false (bg_failed (node_core_idle (self->core, self->now, &err)));
        node_fixture_advance (self, BG_SEC (1));
        assert_int_equal (self->exec_run_count, i);
        finish_all (self);
    }
    node_fixture_push (self, fixture_withdrawal (&self->signing, "tidy"));
    assert_false (node_core_wants_idle (self->core));
    assert_int_equal (not_run (self, NULL), 0);
}

/*  ---- when they are idle ----  */

static node_cpu_sample used (node_cpu_sample before, uint64_t percent)
{
    return (node_cpu_sample){.busy = before.busy + percent, .total = before.total + 100};
}

static void idle_is_told_once_and_busy_comes_before_the_next_time (void **state)
{
    (void) state;
    node_idle idle = {.below = 10, .for_us = BG_MIN (1)};
    node_cpu_sample sample = {.busy = 1000, .total = 5000};
    int64_t now_us = BG_SEC (50);
    assert_false (node_idle_sample (&idle, sample, now_us));
    static const struct {
        uint64_t percent;
        size_t samples; /*  every ten seconds  */
        size_t told;
    } steps[] = {
        {50, 10, 0}, /*  busy  */
        {9, 6, 0},   /*  not long enough  */
        {10, 1, 0},  /*  just too much: from the beginning  */
        {9, 6, 0},
        {0, 1, 1},   /*  a minute  */
        {0, 100, 0}, /*  still the same idleness  */
        {90, 1, 0},
        {5, 7, 1},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        size_t told = 0;
        for (size_t j = 0; j < steps[i].samples; j++) {
            sample = used (sample, steps[i].percent);
            now_us += BG_SEC (10);
            told += node_idle_sample (&idle, sample, now_us);
        }
        assert_int_equal (told, steps[i].told);
    }
    /*  Counters that go back say nothing.  */
    assert_false (node_idle_sample (&idle, (node_cpu_sample){1, 2}, now_us + BG_DAY (1)));
    assert_false (idle.is_below);
}

static void processors_are_read_as_the_kernel_writes_them (void **state)
{
    (void) state;
    node_cpu_sample sample;
    assert_true (node_idle_read (
        bg_slice_str ("cpu  100 1 20 3000 400 5 6 7 50 0\ncpu0 1 1 1 1\n"), &sample));
    assert_int_equal (sample.total, 100 + 1 + 20 + 3000 + 400 + 5 + 6 + 7);
    assert_int_equal (sample.busy, 100 + 1 + 20 + 5 + 6 + 7);
    assert_true (node_idle_read (bg_slice_str ("cpu 1 2 3 4"), &sample));
    assert_int_equal (sample.busy, 6);
    static const char *const bad[] = {
        "", "cpu", "cpu0 1 2 3 4", "cpu  1 2 3", "cpu  a b c d", "intr 1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false (node_idle_read (bg_slice_str (bad[i]), &sample));
}

int main (void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown (name, node_fixture_setup_enlisted, node_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST (the_last_one_that_was_missed_runs_late),
        TEST (what_was_missed_longer_ago_than_the_window_does_not_run),
        TEST (all_that_were_missed_run_one_after_the_other),
        TEST (late_ones_of_another_schedule_wait_as_well),
        TEST (one_that_was_missed_just_now_waits_for_what_runs),
        TEST (one_that_is_on_time_waits_for_the_late_ones_before_it),
        TEST (what_waits_too_long_behind_a_late_run_is_a_misfire),
        cmocka_unit_test (each_policy_in_each_state),
        TEST (a_splay_delays_the_start_and_not_the_name),
        TEST (a_job_disabled_between_its_time_and_its_start_does_not_start),
        TEST (a_zone_that_changes_moves_what_is_pending),
        TEST (the_nodes_start_is_one_occurrence),
        TEST (a_start_without_bugle_exec_is_a_misfire),
        TEST (a_start_waits_for_its_splay),
        TEST (idle_processors_are_an_occurrence_each_time),
        cmocka_unit_test (idle_is_told_once_and_busy_comes_before_the_next_time),
        cmocka_unit_test (processors_are_read_as_the_kernel_writes_them),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
