/*  The node's core: schedules at virtual times, restarts in between, clocks that are set, outcomes, a full disk.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node_fixture.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/*  Ends every run that goes on.  */
static void finish_all (node_fixture *self)
{
    for (size_t i = 0; i < self->exec_run_count; i++)
        if (self->exec_runs[i].state == WIRE_RUN_RUNNING)
            node_fixture_finish (self, i, WIRE_RUN_SUCCEEDED);
}

/*  Each occurrence is told exactly once: as a run or as one that did not happen.  */
static void assert_no_occurrence_twice (const node_fixture *self)
{
    for (size_t i = 0; i < self->run_count; i++)
        for (size_t j = i + 1; j < self->run_count; j++) {
            const bool both_final =
                self->runs[i].state != WIRE_RUN_RUNNING && self->runs[j].state != WIRE_RUN_RUNNING;
            if (both_final && !bg_id_is_zero (self->runs[i].occurrence))
                assert_false (bg_id_equal (self->runs[i].occurrence, self->runs[j].occurrence));
        }
}

/*  ---- schedules ----  */

static void schedules_fire_at_their_times (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "ten", NULL, BG_SEC (10)));
    node_fixture_push (self, node_fixture_job (self, "minute", "* * * * *", 0));
    node_fixture_advance (self, BG_MIN (10));
    assert_int_equal (self->exec_run_count, 70);
    for (size_t i = 0; i < self->exec_run_count; i++)
        assert_int_equal (self->exec_runs[i].nominal_us % BG_SEC (10), 0);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, NULL), 0);
}

static void they_fire_with_the_broker_away_and_are_told_later (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "minute", "* * * * *", 0));
    self->broker_up = false;
    node_fixture_advance (self, BG_MIN (10));
    assert_int_equal (self->exec_run_count, 10);
    finish_all (self);
    assert_int_equal (self->run_count, 0);
    node_fixture_restart (self);
    self->broker_up = true;
    node_fixture_advance (self, BG_MIN (2));
    finish_all (self);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_SUCCEEDED, NULL), 12);
    assert_int_equal (node_fixture_state (self).outbox, 0);
    assert_no_occurrence_twice (self);
}

static void a_restart_neither_repeats_nor_loses (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "ten", NULL, BG_SEC (10)));
    for (int i = 0; i < 60; i++) {
        node_fixture_advance (self, BG_SEC (7));
        if (i % 2)
            node_fixture_rebuild (self);
        else
            node_fixture_restart (self);
    }
    node_fixture_advance (self, BG_SEC (1));
    finish_all (self);
    node_fixture_advance (self, BG_SEC (10));
    finish_all (self);
    assert_int_equal (self->exec_run_count, 43);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, NULL), 0);
    assert_no_occurrence_twice (self);
}

static void what_was_missed_while_off_is_recorded (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "minute", "* * * * *", 0));
    node_fixture_sleep (self, BG_MIN (10));
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (2));
    /*  The newest is not late yet and runs.  */
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "misfire"), 9);
    assert_int_equal (self->exec_run_count, 1);
    assert_no_occurrence_twice (self);
}

static void a_long_outage_ends_in_a_summary (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "second", NULL, BG_SEC (1)));
    node_fixture_push (self, node_fixture_job (self, "minute", "* * * * *", 0));
    node_fixture_sleep (self, BG_DAY (30));
    node_fixture_restart (self);
    node_fixture_advance (self, BG_MS (1500));
    /*  A hundred each, and one that counts the rest.  */
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "misfire"), 202);
    size_t summaries = 0;
    for (size_t i = 0; i < self->run_count; i++)
        summaries += self->runs[i].message.size > 0;
    assert_int_equal (summaries, 2);
}

static void a_crash_between_commit_and_bugle_exec_loses_nothing (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "minute", "* * * * *", 0));
    self->mute = true; /*  the start is lost on its way  */
    node_fixture_advance (self, BG_SEC (60));
    assert_int_equal (self->exec_run_count, 0);
    assert_int_equal (self->starts, 1);
    self->mute = false;
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->exec_run_count, 1);
}

static void a_start_lost_for_too_long_is_a_misfire_and_not_late (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "hour", "0 * * * *", 0));
    self->mute = true;
    while (self->starts == 0)
        node_fixture_advance (self, BG_MIN (1));
    self->mute = false;
    node_fixture_sleep (self, BG_MIN (5));
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (self->exec_run_count, 0);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "misfire"), 1);
}

/*  The job is gone by the time that its occurrence is given up; the broker knows it by its name.  */
static void an_occurrence_of_a_job_that_is_gone_keeps_its_name (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "minute", "* * * * *", 0));
    self->mute = true;
    node_fixture_advance (self, BG_SEC (60));
    assert_int_equal (self->starts, 1);
    node_fixture_push (self, fixture_withdrawal (&self->signing, "minute"));
    node_fixture_exec_down (self);
    node_fixture_restart (self);
    node_fixture_advance (self, BG_MIN (2));
    self->mute = false;
    node_fixture_exec_up (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, NULL), 1);
    assert_true (bg_slice_is (self->runs[0].job_name, "minute"));
}

static void a_run_begun_before_a_crash_is_not_also_a_misfire (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "hour", "0 * * * *", 0));
    self->mute = true;
    while (self->starts == 0)
        node_fixture_advance (self, BG_MIN (1));
    self->mute = false;
    /*  bugle-exec did begin it; only its answer was lost.  */
    const int64_t nominal_us = self->now.utc_us / BG_HOUR (1) * BG_HOUR (1);
    node_exec_run *run = &self->exec_runs[self->exec_run_count++];
    run->job_key =
        wire_document_key (self->signing.installation, WIRE_TYPE_JOB, bg_slice_str ("hour"));
    run->nominal_us = nominal_us;
    run->occurrence = wire_occurrence_id (
        self->signing.target, run->job_key, bg_slice_str ("main"), nominal_us, 0);
    memset (&run->run, 0x31, sizeof run->run);
    node_fixture_sleep (self, BG_MIN (5));
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, NULL), 0);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_RUNNING, NULL), 1);
}

static void without_bugle_exec_occurrences_are_misfires (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "minute", "* * * * *", 0));
    node_fixture_exec_down (self);
    node_fixture_advance (self, BG_MIN (5));
    assert_in_range (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "misfire"), 3, 4);
    node_fixture_exec_up (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_true (self->exec_run_count >= 1);
    node_fixture_advance (self, BG_MIN (2));
    assert_no_occurrence_twice (self);
    assert_int_equal (
        self->exec_run_count + node_fixture_reported (self, WIRE_RUN_NOT_RUN, NULL), 7);
}

static void a_refused_occurrence_is_recorded_with_its_reason (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "ten", NULL, BG_SEC (10)));
    self->start_code = "overlap";
    node_fixture_advance (self, BG_SEC (30));
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "overlap"), 3);
    for (size_t i = 0; i < self->run_count; i++) {
        assert_true (bg_slice_is (self->runs[i].schedule, "main"));
        assert_true (self->runs[i].nominal_us > 0);
        assert_false (bg_id_is_zero (self->runs[i].occurrence));
    }
}

static void occurrences_of_a_disabled_job_are_recorded_and_do_not_run (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "ten", NULL, BG_SEC (10)));
    node_fixture_advance (self, BG_SEC (20));
    assert_int_equal (self->starts, 2);
    node_fixture_push (self, fixture_switch (&self->signing, "ten", true, 0));
    node_fixture_advance (self, BG_MIN (1));
    node_fixture_restart (self);
    node_fixture_advance (self, BG_MIN (1));
    assert_int_equal (self->starts, 2);
    node_fixture_query (self);
    assert_true (self->answer.jobs[0].disabled);
    assert_int_equal (self->answer.jobs[0].next_us, 0);
    node_fixture_push (self, fixture_switch (&self->signing, "ten", false, 0));
    node_fixture_advance (self, BG_SEC (20));
    assert_int_equal (self->starts, 4);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "disabled"), 12);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, NULL), 12);
    assert_no_occurrence_twice (self);
}

static void a_long_time_disabled_ends_in_a_summary (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "second", NULL, BG_SEC (1)));
    node_fixture_push (self, fixture_switch (&self->signing, "second", true, 0));
    node_fixture_advance (self, BG_MIN (10));
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "disabled"), 100);
    node_fixture_push (self, fixture_switch (&self->signing, "second", false, 0));
    node_fixture_advance (self, BG_SEC (5));
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "disabled"), 101);
    assert_true (bg_slice_is (
        self->runs[100].message, "and 499 more in a row; only the first ones are listed"));
    assert_int_equal (self->starts, 5);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, NULL), 101);
    assert_no_occurrence_twice (self);
}

static void a_job_removed_while_disabled_leaves_no_occurrence_untold (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "second", NULL, BG_SEC (1)));
    node_fixture_push (self, fixture_switch (&self->signing, "second", true, 0));
    node_fixture_advance (self, BG_SEC (103));
    node_fixture_push (self, node_fixture_job (self, "second", NULL, BG_MIN (1)));
    node_fixture_advance (self, BG_MIN (2));
    assert_int_equal (self->starts, 0);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "disabled"), 103);
    assert_no_occurrence_twice (self);
}

static void what_a_job_disabled_while_the_node_was_off_missed_is_not_a_misfire (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "minute", "* * * * *", 0));
    node_fixture_push (
        self, fixture_switch (&self->signing, "minute", true, self->now.utc_us + BG_MIN (5)));
    node_fixture_sleep (self, BG_MIN (10));
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (2));
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "disabled"), 5);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "misfire"), 4);
    assert_int_equal (self->exec_run_count, 1);
    assert_no_occurrence_twice (self);
}

static void a_switch_may_come_before_its_job_and_end_by_itself (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (
        self, fixture_switch (&self->signing, "ten", true, self->now.utc_us + BG_MIN (5)));
    node_fixture_push (self, node_fixture_job (self, "ten", NULL, BG_SEC (10)));
    node_fixture_advance (self, BG_MIN (4));
    assert_int_equal (self->starts, 0);
    node_fixture_advance (self, BG_MIN (2));
    assert_in_range (self->starts, 5, 6);
    assert_in_range (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "disabled"), 30, 31);
    assert_int_equal (self->starts + node_fixture_reported (self, WIRE_RUN_NOT_RUN, NULL), 36);
}

static void a_new_version_counts_from_the_next_occurrence (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "job", NULL, BG_SEC (10)));
    node_fixture_advance (self, BG_SEC (30));
    assert_int_equal (self->starts, 3);
    node_fixture_push (self, node_fixture_job (self, "job", NULL, BG_SEC (60)));
    node_fixture_advance (self, BG_SEC (120));
    assert_int_equal (self->starts, 5);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, NULL), 0);
}

static void a_clock_set_back_repeats_nothing (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "minute", "* * * * *", 0));
    node_fixture_advance (self, BG_MIN (5));
    assert_int_equal (self->starts, 5);
    node_fixture_set_clock (self, -BG_MIN (3));
    node_fixture_advance (self, BG_MIN (5));
    assert_int_equal (self->starts, 7);
    assert_no_occurrence_twice (self);
}

static void a_clock_that_was_far_ahead_is_corrected (void **state)
{
    node_fixture *self = *state;
    node_fixture_set_clock (self, BG_DAY (3650));
    node_fixture_push (self, node_fixture_job (self, "minute", "* * * * *", 0));
    node_fixture_advance (self, BG_MIN (3));
    assert_int_equal (self->starts, 3);
    node_fixture_set_clock (self, -BG_DAY (3650));
    node_fixture_advance (self, BG_MIN (3));
    assert_int_equal (self->starts, 6);
}

static void a_clock_set_forward_skips (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "minute", "* * * * *", 0));
    node_fixture_advance (self, BG_MIN (2));
    node_fixture_set_clock (self, BG_MIN (10));
    node_fixture_advance (self, BG_MIN (2));
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "misfire"), 9);
    assert_int_equal (self->starts, 5);
}

static void a_missing_zone_is_told_and_heals (void **state)
{
    node_fixture *self = *state;
    self->zone_missing = true;
    wire_job job = fixture_job (&self->signing, "far");
    wire_job_schedule schedule = {.name = bg_slice_str ("main"),
        .kind = WIRE_SCHEDULE_CRON,
        .cron = bg_slice_str ("* * * * *"),
        .zone = bg_slice_str ("Mars/Olympus")};
    job.schedules = &schedule;
    job.schedules_count = 1;
    node_fixture_push (self, fixture_document (&self->signing, WIRE_TYPE_JOB, "far", &job));
    node_fixture_advance (self, BG_MIN (3));
    assert_int_equal (self->starts, 0);
    self->zone_missing = false;
    node_fixture_zones_changed (self);
    node_fixture_advance (self, BG_MIN (3));
    assert_int_equal (self->starts, 3);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, NULL), 0);
}

/*  ---- many of them ----  */

/*  The node with so many jobs, none of which is due today.  */
static node_fixture *with_jobs (size_t count)
{
    node_fixture *self = bg_alloc (sizeof *self);
    node_fixture_init (self);
    node_fixture_enlist (self);
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf (name, sizeof name, "job%05zu", i);
        node_fixture_push (self, node_fixture_job (self, name, "30 4 1 1 *", 0));
    }
    assert_int_equal (node_fixture_state (self).jobs, count);
    node_fixture_advance (self, BG_MIN (2));
    return self;
}

static size_t wakeups_in_an_hour (size_t jobs)
{
    node_fixture *self = with_jobs (jobs);
    self->ticks = 0;
    node_fixture_advance (self, BG_HOUR (1));
    const size_t ticks = self->ticks;
    node_fixture_fini (self);
    free (self);
    return ticks;
}

static void many_schedules_wake_the_node_no_more_often_than_one (void **state)
{
    (void) state;
    const size_t one = wakeups_in_an_hour (1);
    /*  Heartbeats and polls are spread by chance.  */
    assert_in_range (wakeups_in_an_hour (10000), one - 5, one + 5);
}

static void ten_thousand_jobs_fit_and_load_fast (void **state)
{
    (void) state;
    enum { JOBS = 10000, BYTES_EACH_MAX = 2048 };
    node_fixture *self = with_jobs (JOBS);
    node_core_destroy (&self->core);
    const size_t before = mallinfo2 ().uordblks;
    struct timespec began;
    struct timespec ended;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &began);
    node_fixture_restart (self);
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &ended);
    const size_t each = (mallinfo2 ().uordblks - before) / JOBS;
    const double took_s =
        (double) (ended.tv_sec - began.tv_sec) + (double) (ended.tv_nsec - began.tv_nsec) / 1e9;
    print_message ("%zu bytes a job, loaded in %.3f s of processor time\n", each, took_s);
    assert_int_equal (node_fixture_state (self).jobs, JOBS);
#ifndef __SANITIZE_ADDRESS__
    assert_true (each < BYTES_EACH_MAX);
#endif
    assert_true (took_s < 20);
    node_fixture_fini (self);
    free (self);
}

/*  ---- outcomes ----  */

static void outcomes_arrive_once_whatever_gets_lost (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "ten", NULL, BG_SEC (10)));
    self->lose_answers = true;
    node_fixture_advance (self, BG_SEC (25));
    finish_all (self);
    node_fixture_advance (self, BG_MIN (2));
    assert_true (self->repeated > 0);
    self->lose_answers = false;
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (10));
    finish_all (self);
    node_fixture_advance (self, BG_SEC (5));
    finish_all (self);
    assert_int_equal (node_fixture_state (self).outbox, 0);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_SUCCEEDED, NULL), self->exec_run_count);
    assert_no_occurrence_twice (self);
}

static void batches_are_bounded (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "second", NULL, BG_SEC (1)));
    self->broker_up = false;
    node_fixture_advance (self, BG_MIN (4));
    finish_all (self);
    self->broker_up = true;
    node_fixture_advance (self, BG_MIN (2));
    finish_all (self);
    assert_int_equal (self->largest_batch, 64);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_SUCCEEDED, NULL), self->exec_run_count);
}

static void near_its_bound_the_outbox_drops_output_and_no_outcome (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "second", NULL, BG_SEC (1)));
    self->broker_up = false;
    self->output_bytes = 65000;
    for (int i = 0; i < 5; i++) {
        node_fixture_advance (self, BG_SEC (130));
        finish_all (self);
    }
    assert_int_equal (self->exec_run_count, 650);
    const node_store *store = node_db_port (self->db);
    node_outbox_size size;
    assert_false (bg_failed (store->outbox_size (store->ctx, &size, NULL)));
    assert_in_range (
        size.rows, 650, 1300); /*  a beginning that was not told gives way to its end  */
    assert_in_range (size.bytes, 40 << 20, 64 << 20);
    self->broker_up = true;
    self->output_bytes = 0;
    node_fixture_advance (self, BG_MIN (2));
    finish_all (self);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_SUCCEEDED, NULL), self->exec_run_count);
}

static void a_refused_outcome_is_set_aside_and_blocks_nothing (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "ten", NULL, BG_SEC (10)));
    self->refuse_sequence = 2;
    node_fixture_advance (self, BG_SEC (35));
    finish_all (self);
    assert_int_equal (node_fixture_counter (self, "reports-refused"), 1);
    assert_int_equal (node_fixture_state (self).outbox, 0);
    assert_int_equal (self->run_count, 2 * self->exec_run_count - 1);
}

static void a_store_put_back_begins_a_new_outbox (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "ten", NULL, BG_SEC (10)));
    node_fixture_advance (self, BG_SEC (15));
    const bg_id before = self->outbox;
    self->mark = 500; /*  the broker has more of this outbox than the node ever made  */
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (30));
    finish_all (self);
    assert_false (bg_id_equal (self->outbox, before));
    assert_int_equal (node_fixture_state (self).outbox, 0);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_SUCCEEDED, NULL), self->exec_run_count);
}

static void what_ended_while_the_node_was_off_is_told (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "long", NULL, 0));
    node_fixture_push (self, node_fixture_start (self, "long", self->now.utc_us));
    self->exec_runs[0].state = WIRE_RUN_FAILED; /*  nobody is told  */
    node_fixture_sleep (self, BG_MIN (5));
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_FAILED, NULL), 1);
    assert_true (self->exec_runs[0].taken);
    assert_int_equal (node_fixture_state (self).open_runs, 0);
}

/*  ---- a full disk ----  */

static void a_full_store_starts_nothing_and_recovers (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "minute", "* * * * *", 0));
    node_fixture_push (self, node_fixture_job (self, "other", NULL, 0));
    node_fixture_advance (self, BG_MIN (2));
    const size_t starts = self->starts;
    node_db_set_max_pages (self->db, node_db_pages (self->db));
    /*  Filled by documents that are too big for what is left.  */
    wire_job job = fixture_job (&self->signing, "big");
    char *text = bg_alloc (100001);
    memset (text, 'x', 100000);
    fixture_step (&self->signing, &job, "large", text, NULL);
    node_pending *row =
        node_fixture_post (self, fixture_document (&self->signing, WIRE_TYPE_JOB, "big", &job));
    free (text);
    node_fixture_push (self, row->item);
    assert_int_equal (self->failures, 1);
    assert_true (node_fixture_state (self).storage_full);
    assert_int_equal (row->state, 0);
    node_fixture_advance (self, BG_MIN (5));
    assert_int_equal (self->starts, starts);
    /*  It is alive all the same.  */
    assert_true (node_fixture_state (self).connected);
    const size_t polls = self->said[WIRE_POLL];
    node_fixture_advance (self, BG_MIN (1));
    assert_true (self->said[WIRE_POLL] > polls);
    node_fixture_query (self);
    assert_int_equal (self->answer.warnings_count, 1);
    node_pending *start =
        node_fixture_post (self, node_fixture_start (self, "other", self->now.utc_us));
    node_fixture_push (self, start->item);
    assert_int_equal (start->state, 0);
    /*  Space again.  */
    node_db_set_max_pages (self->db, 0);
    node_fixture_full (self, false);
    node_fixture_advance (self, BG_SEC (1));
    assert_false (node_fixture_state (self).storage_full);
    assert_int_equal (row->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (start->state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_NOT_RUN, "storage"), 5);
    node_fixture_advance (self, BG_MIN (2));
    assert_no_occurrence_twice (self);
}

static void an_outcome_of_a_full_store_is_taken_later (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "long", NULL, 0));
    node_fixture_push (self, node_fixture_start (self, "long", self->now.utc_us));
    node_fixture_full (self, true);
    node_fixture_finish (self, 0, WIRE_RUN_SUCCEEDED);
    assert_false (self->exec_runs[0].taken);
    node_fixture_full (self, false);
    assert_true (self->exec_runs[0].taken);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_SUCCEEDED, NULL), 1);
}

/*  The commit of every single event of a small life fails once; the end is the same.  */
static void no_commit_that_fails_loses_or_repeats_anything (void **state)
{
    (void) state;
    size_t event = 1;
    for (;; event++) {
        node_fixture *self = calloc (1, sizeof *self);
        node_fixture_init (self);
        node_fixture_enlist (self);
        const wire_signed job = node_fixture_job (self, "ten", NULL, BG_SEC (10));
        node_fixture_post (self, job);
        node_pending *deed =
            node_fixture_post (self, node_fixture_start (self, "ten", self->now.utc_us));
        const size_t before = self->events;
        self->fail_in = event;
        node_fixture_push (self, job);
        node_fixture_push (self, deed->item);
        node_fixture_advance (self, BG_SEC (25));
        finish_all (self);
        const bool was_hit = self->failures > 0;
        self->fail_in = 0;
        node_fixture_full (self, false);
        node_fixture_advance (self, BG_SEC (65));
        finish_all (self);
        node_fixture_advance (self, BG_SEC (2));
        if (deed->state != WIRE_DELIVERY_APPLIED)
            fail_msg ("event %zu: the START is in state %d", event, (int) deed->state);
        assert_int_equal (node_fixture_state (self).outbox, 0);
        assert_int_equal (node_fixture_state (self).open_runs, 0);
        if (node_fixture_reported (self, WIRE_RUN_SUCCEEDED, NULL) != self->exec_run_count)
            fail_msg ("event %zu: %zu runs, %zu outcomes", event, self->exec_run_count,
                node_fixture_reported (self, WIRE_RUN_SUCCEEDED, NULL));
        for (size_t i = 0; i < self->exec_run_count; i++)
            assert_true (self->exec_runs[i].taken);
        assert_no_occurrence_twice (self);
        const size_t events = self->events - before;
        node_fixture_fini (self);
        free (self);
        if (!was_hit || event > events)
            break;
    }
    print_message ("%zu events\n", event);
    assert_true (event > 10);
}

int main (void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown (name, node_fixture_setup_enlisted, node_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST (schedules_fire_at_their_times),
        TEST (they_fire_with_the_broker_away_and_are_told_later),
        TEST (a_restart_neither_repeats_nor_loses),
        TEST (what_was_missed_while_off_is_recorded),
        TEST (a_long_outage_ends_in_a_summary),
        TEST (a_crash_between_commit_and_bugle_exec_loses_nothing),
        TEST (an_occurrence_of_a_job_that_is_gone_keeps_its_name),
        TEST (a_start_lost_for_too_long_is_a_misfire_and_not_late),
        TEST (a_run_begun_before_a_crash_is_not_also_a_misfire),
        TEST (without_bugle_exec_occurrences_are_misfires),
        TEST (a_refused_occurrence_is_recorded_with_its_reason),
        TEST (occurrences_of_a_disabled_job_are_recorded_and_do_not_run),
        TEST (a_long_time_disabled_ends_in_a_summary),
        TEST (a_job_removed_while_disabled_leaves_no_occurrence_untold),
        TEST (what_a_job_disabled_while_the_node_was_off_missed_is_not_a_misfire),
        TEST (a_switch_may_come_before_its_job_and_end_by_itself),
        TEST (a_new_version_counts_from_the_next_occurrence),
        TEST (a_clock_set_back_repeats_nothing),
        TEST (a_clock_that_was_far_ahead_is_corrected),
        TEST (a_clock_set_forward_skips),
        TEST (a_missing_zone_is_told_and_heals),
        cmocka_unit_test (many_schedules_wake_the_node_no_more_often_than_one),
        cmocka_unit_test (ten_thousand_jobs_fit_and_load_fast),
        TEST (outcomes_arrive_once_whatever_gets_lost),
        TEST (batches_are_bounded),
        TEST (near_its_bound_the_outbox_drops_output_and_no_outcome),
        TEST (a_refused_outcome_is_set_aside_and_blocks_nothing),
        TEST (a_store_put_back_begins_a_new_outbox),
        TEST (what_ended_while_the_node_was_off_is_told),
        TEST (a_full_store_starts_nothing_and_recovers),
        TEST (an_outcome_of_a_full_store_is_taken_later),
        cmocka_unit_test (no_commit_that_fails_loses_or_repeats_anything),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
