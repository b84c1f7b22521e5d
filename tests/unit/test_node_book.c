/*  The node's schedule book: what jobs share, when they are enabled, calendars, jobs that delete themselves, runs that
    wait.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node_fixture.h"

#include <stdlib.h>

static wire_job_schedule by_cron (const char *name, const char *cron)
{
    return (wire_job_schedule){
        .name = bg_slice_str (name), .kind = WIRE_SCHEDULE_CRON, .cron = bg_slice_str (cron)};
}

static const wire_job_schedule use_nightly = {.name = {(const uint8_t *) "nightly", 7},
    .kind = WIRE_SCHEDULE_USE,
    .use = {(const uint8_t *) "nightly", 7}};

static size_t not_run (const node_fixture *self, const char *reason)
{
    return node_fixture_reported (self, WIRE_RUN_NOT_RUN, reason);
}

static void push_job (node_fixture *self, const wire_job_schedule *schedule)
{
    node_fixture_push (self, node_fixture_job_by (self, "job", schedule));
}

static wire_signed gone (node_fixture *self, wire_type type, const char *name)
{
    wire_withdrawal body = {.object_type = type, .object_name = bg_slice_str (name)};
    wire_document fixed = fixture_fixed (&self->signing, WIRE_TYPE_WITHDRAWAL, name);
    fixed.key = wire_document_key (self->signing.installation, type, bg_slice_str (name));
    return fixture_document_as (&self->signing, &fixed, &body, &self->signing.admin);
}

static wire_signed schedule_switch (
    node_fixture *self, const char *name, bool disabled, int64_t until_us)
{
    const bg_slice text = bg_slice_str (name);
    wire_switch body = {.object_type = WIRE_TYPE_SCHEDULE,
        .object_name = text,
        .object_key = wire_document_key (self->signing.installation, WIRE_TYPE_SCHEDULE, text),
        .disabled = disabled,
        .until_us = until_us};
    wire_document fixed = fixture_fixed (&self->signing, WIRE_TYPE_SWITCH, name);
    fixed.key = wire_switch_key (self->signing.installation, WIRE_TYPE_SCHEDULE, text);
    return fixture_document_as (&self->signing, &fixed, &body, &self->signing.admin);
}

/*  What follows a stream only is left to the poll when nobody here knows it; so it is posted.  */
static void post (node_fixture *self, wire_signed item)
{
    node_fixture_push (self, item);
}

/*  ---- shared schedules ----  */

static void an_edit_of_a_shared_schedule_reaches_its_jobs (void **state)
{
    node_fixture *self = *state;
    const wire_job_schedule slow = by_cron ("nightly", "*/30 * * * *");
    const wire_job_schedule fast = by_cron ("nightly", "*/5 * * * *");
    post (self, node_fixture_schedule (self, &slow));
    push_job (self, &use_nightly);
    node_fixture_advance (self, BG_HOUR (1));
    assert_int_equal (self->exec_run_count, 2);
    assert_true (self->exec_runs[0].with_shared);
    post (self, node_fixture_schedule (self, &fast));
    node_fixture_advance (self, BG_HOUR (1));
    assert_int_equal (self->exec_run_count, 2 + 12);
    assert_int_equal (not_run (self, NULL), 0); /*  nothing of the new one lies in the past  */
    /*  And over a restart; the runs go on whatever happens to the schedule.  */
    post (self, node_fixture_schedule (self, &slow));
    node_fixture_restart (self);
    node_fixture_advance (self, BG_HOUR (1));
    assert_int_equal (self->exec_run_count, 2 + 12 + 2);
    assert_int_equal (node_fixture_state (self).open_runs, 16);
    assert_int_equal (not_run (self, NULL), 0);
}

static void a_schedule_that_is_not_here_yet_is_waited_for (void **state)
{
    node_fixture *self = *state;
    const wire_job_schedule spec = by_cron ("nightly", "* * * * *");
    push_job (self, &use_nightly);
    node_fixture_advance (self, BG_MIN (3));
    assert_int_equal (self->starts, 0);
    node_fixture_query (self);
    assert_true (bg_slice_is (self->answer.jobs[0].code, "not-found"));
    assert_int_equal (self->answer.warnings_count, 1);
    post (self, node_fixture_schedule (self, &spec));
    node_fixture_advance (self, BG_MIN (3));
    assert_int_equal (self->exec_run_count, 3);
    node_fixture_query (self);
    assert_int_equal (self->answer.jobs[0].code.size, 0);
    assert_int_equal (self->answer.warnings_count, 0);
    post (self, gone (self, WIRE_TYPE_SCHEDULE, "nightly"));
    node_fixture_advance (self, BG_MIN (3));
    assert_int_equal (self->exec_run_count, 3);
    assert_int_equal (not_run (self, NULL), 0);
}

static void the_switch_of_a_shared_schedule_disables_what_uses_it (void **state)
{
    node_fixture *self = *state;
    const wire_job_schedule spec = by_cron ("nightly", "* * * * *");
    post (self, node_fixture_schedule (self, &spec));
    push_job (self, &use_nightly);
    node_fixture_push (self, node_fixture_job (self, "other", "* * * * *", 0));
    node_fixture_advance (self, BG_MIN (2));
    assert_int_equal (self->exec_run_count, 4);
    post (self, schedule_switch (self, "nightly", true, self->now.utc_us + BG_MIN (5)));
    node_fixture_advance (self, BG_MIN (3));
    assert_int_equal (self->exec_run_count, 4 + 3);
    node_fixture_restart (self);
    node_fixture_advance (self, BG_MIN (4));
    assert_int_equal (self->exec_run_count + not_run (self, "disabled"), 18);
    assert_int_equal (not_run (self, "disabled"), 5);
    assert_int_equal (not_run (self, NULL), 5);
}

/*  ---- calendars ----  */

static void a_calendar_keeps_occurrences_out_and_says_so (void **state)
{
    node_fixture *self = *state;
    const int64_t from_us = self->now.utc_us / BG_MIN (1) * BG_MIN (1) + BG_MIN (3);
    bg_slice holidays = bg_slice_str ("holidays");
    wire_job_schedule schedule = by_cron ("main", "* * * * *");
    schedule.except = &holidays;
    schedule.except_count = 1;
    post (self, node_fixture_calendar (self, "holidays", from_us, from_us + BG_MIN (10)));
    push_job (self, &schedule);
    node_fixture_advance (self, BG_MIN (20));
    assert_int_equal (self->exec_run_count, 10);
    assert_int_equal (not_run (self, "window"), 10);
    assert_int_equal (not_run (self, NULL), 10);
    for (size_t i = 0; i < self->run_count; i++)
        if (self->runs[i].state == WIRE_RUN_NOT_RUN)
            assert_true (
                bg_slice_is (self->runs[i].message, "it is within the calendar \"holidays\""));
    /*  Edited, it counts at once, without the job being posted again.  */
    post (self,
        node_fixture_calendar (self, "holidays", self->now.utc_us, self->now.utc_us + BG_DAY (1)));
    node_fixture_advance (self, BG_MIN (5));
    assert_int_equal (self->exec_run_count, 10);
    assert_int_equal (not_run (self, "window"), 15);
    node_fixture_query (self);
    assert_true (self->answer.jobs[0].next_us > self->now.utc_us + BG_HOUR (23));
    post (self, node_fixture_calendar (self, "holidays", 0, BG_SEC (1)));
    node_fixture_advance (self, BG_MIN (5));
    assert_int_equal (self->exec_run_count, 15);
    assert_int_equal (not_run (self, NULL), 15);
}

static void a_window_allows_only_what_lies_in_it (void **state)
{
    node_fixture *self = *state;
    const int64_t from_us = self->now.utc_us / BG_MIN (1) * BG_MIN (1) + BG_MIN (3);
    bg_slice window = bg_slice_str ("maintenance");
    wire_job_schedule schedule = by_cron ("main", "* * * * *");
    schedule.within = &window;
    schedule.within_count = 1;
    push_job (self, &schedule);
    node_fixture_advance (self, BG_MIN (1));
    assert_int_equal (self->starts, 0); /*  the calendar is not here  */
    post (self, node_fixture_calendar (self, "maintenance", from_us, from_us + BG_MIN (4)));
    node_fixture_advance (self, BG_MIN (10));
    assert_int_equal (self->exec_run_count, 4);
    assert_true (self->exec_runs[0].nominal_us == from_us);
    assert_int_equal (not_run (self, "window"), 6);
    assert_true (
        bg_slice_is (self->runs[0].message, "it is outside of the calendar \"maintenance\""));
}

/*  Every second, kept out for a day: a hundred rows, one with a count, and nobody is woken for it.  */
static void a_long_blackout_is_quiet (void **state)
{
    node_fixture *self = *state;
    const int64_t from_us = self->now.utc_us / BG_MIN (1) * BG_MIN (1) + BG_MIN (1);
    bg_slice freeze = bg_slice_str ("freeze");
    wire_job_schedule schedule = {.name = bg_slice_str ("main"),
        .kind = WIRE_SCHEDULE_EVERY,
        .every_us = (uint64_t) BG_SEC (10),
        .except = &freeze,
        .except_count = 1};
    post (self, node_fixture_calendar (self, "freeze", from_us, from_us + BG_DAY (1)));
    push_job (self, &schedule);
    node_fixture_advance (self, from_us - self->now.utc_us + BG_SEC (1000));
    const size_t runs = self->exec_run_count;
    assert_int_equal (not_run (self, "window"), 100);
    self->broker_up = false;
    node_fixture_exec_down (self);
    node_fixture_advance (self, BG_HOUR (2));
    const int64_t wall_us = node_core_wall_deadline (self->core);
    assert_true (wall_us >= from_us + BG_DAY (1));
    node_fixture_exec_up (self);
    self->broker_up = true;
    node_fixture_advance (self, from_us + BG_DAY (1) - self->now.utc_us + BG_SEC (35));
    assert_int_equal (self->exec_run_count, runs + 4);
    assert_int_equal (not_run (self, "window"), 101);
    assert_int_equal (not_run (self, NULL), 101);
    bool is_counted = false;
    for (size_t i = 0; i < self->run_count; i++)
        is_counted = is_counted || bg_slice_is (self->runs[i].message,
                                       "and 8539 more in a row; only the first ones are listed");
    assert_true (is_counted);
}

/*  ---- calendars of somebody who means ill ----  */

#define PIECES 4000

/*  Of the time from from_us on, in which an occurrence every two seconds lies within and the next without. As often as
    pleases in the file: neither rows nor time go with it.  */
static wire_signed torn_calendar (node_fixture *self, const char *name, int64_t from_us)
{
    BG_AUTO_BUF ranges = {0};
    for (uint64_t i = 0; i < PIECES; i++) {
        bg_buf_append_u64 (&ranges, (uint64_t) (from_us / BG_SEC (1)) + i * 4);
        bg_buf_append_u64 (&ranges, (uint64_t) (from_us / BG_SEC (1)) + i * 4 + 1);
    }
    const wire_calendar body = {.name = bg_slice_str (name),
        .utc_ranges = bg_buf_slice (&ranges),
        .horizon_us = self->now.utc_us + BG_DAY (3650)};
    return fixture_document (&self->signing, WIRE_TYPE_CALENDAR, name, &body);
}

static void a_torn_calendar_gives_no_row_for_each_piece (void **state)
{
    node_fixture *self = *state;
    bg_slice torn = bg_slice_str ("torn");
    wire_job_schedule schedule = {.name = bg_slice_str ("main"),
        .kind = WIRE_SCHEDULE_EVERY,
        .every_us = (uint64_t) BG_SEC (2),
        .except = &torn,
        .except_count = 1};
    post (self, torn_calendar (self, "torn", self->now.utc_us / BG_SEC (4) * BG_SEC (4)));
    push_job (self, &schedule);
    const size_t before = not_run (self, NULL);
    node_fixture_sleep (self, PIECES * BG_SEC (4));
    node_fixture_restart (self);
    node_fixture_advance (self, BG_SEC (2));
    assert_in_range (not_run (self, "window") - before, 100, 300);
    assert_in_range (not_run (self, NULL) - before, 200, 500);
}

/*  ---- enabled and disabled ----  */

static void a_job_may_be_disabled_by_its_document (void **state)
{
    node_fixture *self = *state;
    wire_job_schedule schedule = by_cron ("main", "* * * * *");
    wire_job job = fixture_job (&self->signing, "job");
    job.schedules = &schedule;
    job.schedules_count = 1;
    job.disabled = true;
    node_fixture_push (self, fixture_document (&self->signing, WIRE_TYPE_JOB, "job", &job));
    node_fixture_advance (self, BG_MIN (3));
    assert_int_equal (self->starts, 0);
    assert_int_equal (not_run (self, "disabled"), 3);
    /*  A switch has the last word, until it turns by itself.  */
    node_fixture_push (
        self, fixture_switch (&self->signing, "job", false, self->now.utc_us + BG_MIN (3)));
    node_fixture_advance (self, BG_MIN (6));
    assert_int_equal (self->exec_run_count, 3);
    assert_int_equal (not_run (self, "disabled"), 6);
    assert_int_equal (not_run (self, NULL), 6);
}

static void a_job_is_enabled_until_a_date (void **state)
{
    node_fixture *self = *state;
    wire_job_schedule schedule = by_cron ("main", "* * * * *");
    wire_job job = fixture_job (&self->signing, "job");
    job.schedules = &schedule;
    job.schedules_count = 1;
    job.enabled_until_us = self->now.utc_us + BG_MIN (5);
    node_fixture_push (self, fixture_document (&self->signing, WIRE_TYPE_JOB, "job", &job));
    node_fixture_advance (self, BG_MIN (4));
    node_fixture_restart (self);
    node_fixture_query (self);
    assert_false (self->answer.jobs[0].disabled);
    node_fixture_advance (self, BG_MIN (4));
    assert_int_equal (self->exec_run_count, 5);
    assert_int_equal (not_run (self, "disabled"), 3);
    node_fixture_query (self);
    assert_true (self->answer.jobs[0].disabled);
    assert_int_equal (self->answer.jobs[0].next_us, 0);
    node_fixture_push (self, fixture_switch (&self->signing, "job", false, 0));
    node_fixture_advance (self, BG_MIN (4));
    assert_int_equal (self->exec_run_count, 5); /*  the date stands  */
}

static void a_schedule_of_a_job_may_be_disabled_alone (void **state)
{
    node_fixture *self = *state;
    wire_job_schedule schedules[] = {
        by_cron ("main", "* * * * *"), by_cron ("second", "* * * * *")};
    schedules[1].disabled = true;
    wire_job job = fixture_job (&self->signing, "job");
    job.schedules = schedules;
    job.schedules_count = 2;
    node_fixture_push (self, fixture_document (&self->signing, WIRE_TYPE_JOB, "job", &job));
    node_fixture_advance (self, BG_MIN (3));
    assert_int_equal (self->exec_run_count, 3);
    assert_int_equal (not_run (self, "disabled"), 3);
    node_fixture_query (self);
    assert_false (self->answer.jobs[0].disabled);
    assert_true (bg_slice_is (self->answer.jobs[0].schedule, "main"));
}

/*  ---- jobs that delete themselves ----  */

static void a_job_that_has_deleted_itself_stays_away (void **state)
{
    node_fixture *self = *state;
    const wire_signed job = node_fixture_job (self, "job", "* * * * *", 0);
    node_fixture_push (self, job);
    node_fixture_advance (self, BG_MIN (1));
    assert_int_equal (self->exec_run_count, 1);
    self->exec_runs[0].spent = true;
    self->exec_runs[0].job_key = node_fixture_job_key (self, "job");
    node_fixture_finish (self, 0, WIRE_RUN_SUCCEEDED);
    node_fixture_query (self);
    /*  bugle-exec of the fixture calls every version 1, which is below this one.  */
    assert_false (self->answer.jobs[0].spent);
    const node_store *store = node_db_port (self->db);
    wire_document document;
    assert_false (bg_failed (
        WIRE_DECODE (document, job.bytes, WIRE_AS_SIGNED, &self->arena, &document, NULL)));
    assert_false (bg_failed (
        store->spent_put (store->ctx, self->exec_runs[0].job_key, document.version, NULL)));
    node_fixture_restart (self);
    node_fixture_advance (self, BG_MIN (5));
    assert_int_equal (self->exec_run_count, 1);
    node_fixture_query (self);
    assert_true (self->answer.jobs[0].spent);
    assert_int_equal (self->answer.jobs[0].next_us, 0);
    assert_int_equal (not_run (self, NULL), 0);
    /*  A newer version lives.  */
    node_fixture_push (self, node_fixture_job (self, "job", "* * * * *", 0));
    node_fixture_advance (self, BG_MIN (2));
    assert_int_equal (self->exec_run_count, 3);
}

/*  ---- runs that wait ----  */

static void a_run_that_waits_is_open_and_told (void **state)
{
    node_fixture *self = *state;
    node_fixture_push (self, node_fixture_job (self, "job", NULL, 0));
    self->queues = true;
    node_fixture_push (self, node_fixture_start (self, "job", self->now.utc_us));
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (node_fixture_state (self).open_runs, 0);
    assert_int_equal (node_fixture_state (self).waiting_runs, 1);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_WAITING, NULL), 1);
    node_fixture_restart (self);
    assert_int_equal (node_fixture_state (self).waiting_runs, 1);
    node_fixture_finish (self, 0, WIRE_RUN_RUNNING); /*  its turn  */
    node_fixture_finish (self, 0, WIRE_RUN_WAITING); /*  an old word, said again  */
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (node_fixture_state (self).open_runs, 1);
    assert_int_equal (node_fixture_state (self).waiting_runs, 0);
    assert_false (self->exec_runs[0].taken);
    node_fixture_finish (self, 0, WIRE_RUN_SUCCEEDED);
    node_fixture_advance (self, BG_SEC (1));
    assert_int_equal (node_fixture_state (self).open_runs, 0);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_RUNNING, NULL), 1);
    assert_int_equal (node_fixture_reported (self, WIRE_RUN_SUCCEEDED, NULL), 1);
    assert_int_equal (self->run_count, 3);
    assert_true (self->exec_runs[0].taken);
}

int main (void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown (name, node_fixture_setup_enlisted, node_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST (an_edit_of_a_shared_schedule_reaches_its_jobs),
        TEST (a_schedule_that_is_not_here_yet_is_waited_for),
        TEST (the_switch_of_a_shared_schedule_disables_what_uses_it),
        TEST (a_calendar_keeps_occurrences_out_and_says_so),
        TEST (a_window_allows_only_what_lies_in_it),
        TEST (a_long_blackout_is_quiet),
        TEST (a_torn_calendar_gives_no_row_for_each_piece),
        TEST (a_job_may_be_disabled_by_its_document),
        TEST (a_job_is_enabled_until_a_date),
        TEST (a_schedule_of_a_job_may_be_disabled_alone),
        TEST (a_job_that_has_deleted_itself_stays_away),
        TEST (a_run_that_waits_is_open_and_told),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
