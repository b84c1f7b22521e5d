/*  Schedules as documents carry them: fields that belong to no other form, what is looked up, what
    a shared one amounts to, and how they read in one line.  */
#include "common/job/body.h"
#include "common/job/describe.h"
#include "common/job/uses.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#define S(text)                                                                                    \
    {                                                                                              \
        (const uint8_t *) (text), sizeof (text) - 1                                                \
    }
#define SECOND   UINT64_C (1000000)
#define DAY_US   (86400 * SECOND)
#define NAME     .name = S ("it")
#define CRON     NAME, .kind = WIRE_SCHEDULE_CRON, .cron = S ("0 12 * * *")
#define EVERY    NAME, .kind = WIRE_SCHEDULE_EVERY, .every_us = 60 * SECOND
#define DAILY    NAME, .kind = WIRE_SCHEDULE_DAILY, .interval = 1
#define WEEKLY   NAME, .kind = WIRE_SCHEDULE_WEEKLY, .interval = 18
#define MONTHLY  NAME, .kind = WIRE_SCHEDULE_MONTHLY, .interval = 15
#define RELATIVE NAME, .kind = WIRE_SCHEDULE_RELATIVE, .interval = 3, .relative = 2
#define ONCE     NAME, .kind = WIRE_SCHEDULE_ONCE, .start_date = 20260105
#define EVENT    NAME, .kind = WIRE_SCHEDULE_NODE_START
#define USE      NAME, .kind = WIRE_SCHEDULE_USE, .use = S ("nightly")

static bg_slice holidays[] = {S ("holidays")};
static bg_slice two_names[] = {S ("holidays"), S ("freeze")};
static bg_slice twice[] = {S ("holidays"), S ("HOLIDAYS")};
static bg_slice no_name[] = {S ("")};

static wire_job job_of (wire_job_schedule *schedule)
{
    static bg_slice argv[] = {S ("/bin/true")};
    static bg_slice names[] = {S ("web01")};
    static wire_job_step step = {
        .name = S ("one"), .kind = WIRE_STEP_RUN, .argv = argv, .argv_count = 1};
    return (wire_job){
        .name = S ("tidy"),
        .audience = {.names = names, .names_count = 1},
        .steps = &step,
        .steps_count = 1,
        .schedules = schedule,
        .schedules_count = 1,
    };
}

static void test_fields_of_other_forms_are_refused (void **state)
{
    (void) state;
    const struct {
        wire_job_schedule schedule;
        const char *says;
    } cases[] = {
        {{CRON, .every_us = 1}, "a cron schedule has no interval"},
        {{CRON, .interval = 1}, "a cron schedule has no days"},
        {{CRON, .time_s = 1}, "a cron schedule has no time of the day"},
        {{CRON, .anchor_date = 20260101}, "a cron schedule has no anchor"},
        {{CRON, .use = S ("x")}, "a cron schedule has no shared schedule"},
        {{EVERY, .gap = 1}, "an interval has no rule for gaps"},
        {{EVERY, .fold = 1}, "an interval has no rule for folds"},
        {{EVERY, .zone = S ("UTC")}, "an interval has a zone only for its dates and calendars"},
        {{EVERY, .repeat_s = 60}, "an interval has no repeats within the day"},
        {{ONCE, .interval = 1}, "a run of one time has no days"},
        {{ONCE, .repeat_s = 60}, "a run of one time has no repeats within the day"},
        {{ONCE, .anchor_date = 20260101}, "a run of one time has no anchor"},
        {{DAILY, .factor = 1}, "a daily schedule has no number of weeks or months"},
        {{DAILY, .relative = 1}, "a daily schedule has no place in the month"},
        {{DAILY, .end_s = 1}, "an end of repeats but no repeats"},
        {{DAILY, .cron = S ("* * * * *")}, "a daily schedule has no cron fields"},
        {{WEEKLY, .relative = 1}, "a weekly schedule has no place in the month"},
        {{MONTHLY, .relative = 1}, "a monthly schedule has no place in the month"},
        {{EVENT, .time_s = 1}, "for the start of the node has no time of the day"},
        {{EVENT, .misfire = 1}, "has no rule for misfires"},
        {{EVENT, .gap = 1}, "has no rule for gaps"},
        {{NAME, .kind = WIRE_SCHEDULE_IDLE, .cron = S ("* * * * *")},
            "idle processors has no cron"},
        {{USE, .time_s = 1}, "that uses a shared one has no time of the day"},
        {{USE, .splay_us = SECOND}, "that uses a shared one has no splay"},
        {{USE, .zone = S ("UTC")}, "that uses a shared one has no zone"},
        {{NAME, .kind = WIRE_SCHEDULE_USE}, "the shared schedule that it uses"},
        {{NAME, .kind = 0}, "kind 0 are not in this version"},
        {{NAME, .kind = 11}, "kind 11 are not in this version"},
        {{DAILY, .zone = S ("../x")}, "cannot name a time zone"},
        {{DAILY, .misfire = 3}, "rule for misfires is not known"},
        {{DAILY, .misfire_max = 3}, "neither window nor maximum"},
        {{DAILY, .misfire_window_us = DAY_US}, "neither window nor maximum"},
        {{DAILY, .misfire = 1, .misfire_window_us = 32 * DAY_US}, "1 s to 31 d"},
        {{DAILY, .misfire = 1, .misfire_window_us = 1}, "whole seconds"},
        {{DAILY, .misfire = 2, .misfire_max = 1001}, "at most 1000 misfires"},
        {{NAME, .kind = WIRE_SCHEDULE_EVERY, .every_us = 1000000, .misfire = 1,
             .misfire_window_us = 31 * DAY_US},
            "more than 100000"},
        {{DAILY, .splay_us = DAY_US + SECOND}, "at most 24 h"},
        {{DAILY, .splay_us = 1}, "whole seconds"},
        {{DAILY, .except = twice, .except_count = 2}, "calendar \"HOLIDAYS\" twice"},
        {{DAILY, .except = holidays, .except_count = 1, .within = holidays, .within_count = 1},
            "calendar \"holidays\" twice"},
        {{DAILY, .within = no_name, .within_count = 1}, "calendar 1: "},
        {{DAILY, .gap = 3}, "gap policy 3"},
        {{DAILY, .start_date = 99999999}, "is no date"},
        {{NAME, .kind = WIRE_SCHEDULE_MONTHLY, .interval = 32}, "1 to 31"},
        {{WEEKLY, .factor = 2}, "no date from which"},
        {{DAILY, .start_date = 20260102, .end_date = 20260101}, "end date is before"},
        {{CRON, .start_date = 20260102, .end_date = 20260101}, "end date is before"},
        {{NAME, .kind = WIRE_SCHEDULE_CRON, .cron = S ("0 0 29 2 *"), .start_date = 20260101,
             .end_date = 20271231},
            "never happens"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_job_schedule schedule = cases[i].schedule;
        wire_job job = job_of (&schedule);
        bg_error err = {0};
        if (bg_is_ok (job_body_check (&job, &err)) || !strstr (err.message, cases[i].says))
            fail_msg ("case %zu: \"%s\" does not say \"%s\"", i, err.message, cases[i].says);
        assert_non_null (strstr (err.message, "job \"tidy\": schedule \"it\": "));
    }
}

static void test_each_form_reads_in_one_line (void **state)
{
    (void) state;
    const struct {
        wire_job_schedule schedule;
        const char *text;
    } cases[] = {
        {{CRON}, "cron 0 12 * * *"},
        {{CRON, .zone = S ("Europe/Berlin")}, "cron 0 12 * * *, Europe/Berlin"},
        {{EVERY}, "every 1m"},
        {{EVERY, .start_date = 20260101, .zone = S ("UTC")}, "every 1m, UTC, from 2026-01-01"},
        {{ONCE, .time_s = 84600}, "once on 2026-01-05 at 23:30"},
        {{DAILY, .time_s = 3661}, "every day at 01:01:01"},
        {{NAME, .kind = WIRE_SCHEDULE_DAILY, .interval = 3, .anchor_date = 20260101},
            "every 3 days at 00:00, counted from 2026-01-01"},
        {{WEEKLY, .factor = 2, .time_s = 28800, .zone = S ("Europe/Berlin"), .start_date = 20260101,
             .except = holidays, .except_count = 1},
            "every 2 weeks on Mon, Thu at 08:00, Europe/Berlin, from 2026-01-01, except holidays"},
        {{MONTHLY, .time_s = 3600}, "every month on day 15 at 01:00"},
        {{MONTHLY, .factor = 2, .start_date = 20260101, .end_date = 20261231},
            "every 2 months on day 15 at 00:00, from 2026-01-01, until 2026-12-31"},
        {{RELATIVE, .factor = 1}, "every month on the second Tuesday at 00:00"},
        {{NAME, .kind = WIRE_SCHEDULE_RELATIVE, .interval = 10, .relative = 16},
            "every month on the last weekend day at 00:00"},
        {{DAILY, .repeat_s = 900}, "every day, every 15m"},
        {{DAILY, .repeat_s = 900, .time_s = 28800, .end_s = 61201},
            "every day, every 15m from 08:00 to 17:00"},
        {{DAILY, .repeat_s = 900, .time_s = 28800}, "every day, every 15m from 08:00 to 23:59:59"},
        {{EVENT, .splay_us = 300 * SECOND}, "when the node starts, splay 5m"},
        {{NAME, .kind = WIRE_SCHEDULE_IDLE, .within = two_names, .within_count = 2},
            "when the processors become idle, only within holidays, freeze"},
        {{USE, .disabled = true}, "as shared schedule nightly, disabled"},
        {{DAILY, .gap = 2, .fold = 2, .misfire = 2},
            "every day at 00:00, gap skip, fold both, misfire all"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_job_schedule schedule = cases[i].schedule;
        wire_job job = job_of (&schedule);
        bg_error err = {0};
        if (bg_failed (job_body_check (&job, &err)))
            fail_msg ("case %zu: %s", i, err.message);
        BG_AUTO_BUF text = {0};
        job_describe_schedule (&cases[i].schedule, &text);
        assert_string_equal (bg_buf_cstr (&text), cases[i].text);
    }
}

/*  ---- lookups ----  */

typedef struct {
    job_zone *utc;
    job_calendar calendar;
    int zones_asked;
} things;

static const job_zone *find_zone (void *ctx, bg_slice name, bg_error *err)
{
    things *self = ctx;
    self->zones_asked++;
    if (bg_slice_is (name, "Mars/Olympus"))
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "no zone Mars/Olympus"));
    return bg_slice_is (name, "Mars/Olympus") ? NULL : self->utc;
}

static const job_calendar *find_calendar (void *ctx, bg_slice name, bg_error *err)
{
    (void) err;
    things *self = ctx;
    return bg_slice_is (name, "holidays") ? &self->calendar : NULL;
}

static void test_what_is_missing_is_named (void **state)
{
    (void) state;
    things them = {.utc = job_zone_fixed_utc (), .calendar = {.name = S ("holidays")}};
    const job_schedule_lookup lookup = {find_zone, find_calendar, &them};
    wire_job_schedule from = {DAILY, .except = two_names, .except_count = 2};
    job_schedule made;
    bg_error err = {0};
    assert_int_equal (job_body_schedule (&from, &lookup, &made, &err).code, BG_NOT_FOUND);
    assert_string_equal (err.message, "calendar \"freeze\" is not there");

    from = (wire_job_schedule){DAILY, .zone = S ("Mars/Olympus")};
    assert_int_equal (job_body_schedule (&from, &lookup, &made, &err).code, BG_NOT_FOUND);
    assert_string_equal (err.message, "no zone Mars/Olympus");

    from = (wire_job_schedule){USE};
    assert_int_equal (job_body_schedule (&from, &lookup, &made, &err).code, BG_INVALID);
    assert_string_equal (err.message, "the shared schedule \"nightly\" is not resolved");
    job_zone_destroy (&them.utc);
}

static void test_calendars_are_found_in_order (void **state)
{
    (void) state;
    things them = {.utc = job_zone_fixed_utc (), .calendar = {.name = S ("holidays")}};
    const job_schedule_lookup lookup = {find_zone, find_calendar, &them};
    const wire_job_schedule from = {DAILY, .within = holidays, .within_count = 1};
    job_schedule made;
    assert_true (bg_is_ok (job_body_schedule (&from, &lookup, &made, NULL)));
    assert_int_equal (made.except_count, 0);
    assert_int_equal (made.within_count, 1);
    assert_ptr_equal (made.calendars[0], &them.calendar);
    const job_calendar *why = NULL;
    assert_false (job_schedule_is_open (&made, 0, &why));
    assert_ptr_equal (why, &them.calendar);
    job_schedule_fini (&made);

    /*  Who has no calendars asks as if none were named.  */
    const job_schedule_lookup zones_only = {.zone = find_zone, .ctx = &them};
    assert_true (bg_is_ok (job_body_schedule (&from, &zones_only, &made, NULL)));
    assert_true (job_schedule_is_open (&made, 0, NULL));
    job_zone_destroy (&them.utc);
}

/*  A target whose zone cannot be read still runs what has nothing to do with it.  */
static void test_only_who_needs_a_zone_asks_for_it (void **state)
{
    (void) state;
    const struct {
        wire_job_schedule schedule;
        int asked;
    } cases[] = {
        {{EVERY}, 0},
        {{EVENT}, 0},
        {{EVERY, .end_date = 20260101}, 1},
        {{EVENT, .except = holidays, .except_count = 1}, 1},
        {{CRON}, 1},
        {{DAILY}, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        things them = {.utc = job_zone_fixed_utc (), .calendar = {.name = S ("holidays")}};
        const job_schedule_lookup lookup = {find_zone, find_calendar, &them};
        job_schedule made;
        assert_true (bg_is_ok (job_body_schedule (&cases[i].schedule, &lookup, &made, NULL)));
        assert_int_equal (them.zones_asked, cases[i].asked);
        job_schedule_fini (&made);
        job_zone_destroy (&them.utc);
    }
}

/*  ---- shared ones ----  */

static void test_a_shared_schedule_stands_under_the_name_in_the_job (void **state)
{
    (void) state;
    const wire_job_schedule use = {
        .name = S ("at night"), .kind = WIRE_SCHEDULE_USE, .use = S ("Nightly"), .disabled = true};
    const wire_schedule shared = {.spec = {.name = S ("nightly"),
                                      .kind = WIRE_SCHEDULE_DAILY,
                                      .interval = 1,
                                      .time_s = 7200,
                                      .zone = S ("Europe/Berlin")}};
    wire_job_schedule made;
    assert_true (bg_is_ok (job_body_shared (&use, &shared, &made, NULL)));
    assert_true (bg_slice_is (made.name, "at night"));
    assert_int_equal (made.kind, WIRE_SCHEDULE_DAILY);
    assert_int_equal (made.time_s, 7200);
    assert_true (bg_slice_is (made.zone, "Europe/Berlin"));
    assert_int_equal (made.use.size, 0);
    assert_true (made.disabled);
    job_schedule schedule;
    assert_true (bg_is_ok (job_body_schedule (&made, NULL, &schedule, NULL)));
}

static void test_what_does_not_belong_together_is_refused (void **state)
{
    (void) state;
    const wire_job_schedule use = {USE};
    const wire_job_schedule daily = {DAILY};
    wire_job_schedule made;
    bg_error err = {0};
    wire_schedule shared = {.spec = {DAILY}};
    assert_int_equal (job_body_shared (&use, &shared, &made, &err).code, BG_INVALID);
    assert_int_equal (job_body_shared (&daily, &shared, &made, &err).code, BG_INVALID);
    shared.spec = (wire_job_schedule){USE};
    shared.spec.name = (bg_slice) S ("nightly");
    assert_int_equal (job_body_shared (&use, &shared, &made, &err).code, BG_INVALID);
    assert_int_equal (job_schedule_document_check (&shared, &err).code, BG_INVALID);
}

static void test_a_calendar_document_has_ranges_in_order (void **state)
{
    (void) state;
    BG_AUTO_BUF ranges = {0};
    job_calendar_range_append (&ranges, (job_calendar_range){100, 200});
    job_calendar_range_append (&ranges, (job_calendar_range){0, 50});
    wire_calendar calendar = {.name = S ("holidays"), .utc_ranges = bg_buf_slice (&ranges)};
    bg_error err = {0};
    assert_int_equal (job_calendar_document_check (&calendar, &err).code, BG_INVALID);
    assert_string_equal (
        err.message, "calendar \"holidays\": UTC range 2 is not apart from the one before");
    calendar.utc_ranges.size = JOB_CALENDAR_RANGE_BYTES;
    assert_true (bg_is_ok (job_calendar_document_check (&calendar, &err)));
}

static void test_misfires_have_defaults (void **state)
{
    (void) state;
    wire_job_schedule schedule = {DAILY, .misfire = WIRE_MISFIRE_ALL};
    assert_int_equal (job_body_misfire_window_us (&schedule), DAY_US);
    assert_int_equal (job_body_misfire_max (&schedule), 10);
    schedule.misfire_window_us = 7 * DAY_US;
    schedule.misfire_max = 1000;
    assert_int_equal (job_body_misfire_window_us (&schedule), 7 * DAY_US);
    assert_int_equal (job_body_misfire_max (&schedule), 1000);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_fields_of_other_forms_are_refused),
        cmocka_unit_test (test_each_form_reads_in_one_line),
        cmocka_unit_test (test_what_is_missing_is_named),
        cmocka_unit_test (test_calendars_are_found_in_order),
        cmocka_unit_test (test_only_who_needs_a_zone_asks_for_it),
        cmocka_unit_test (test_a_shared_schedule_stands_under_the_name_in_the_job),
        cmocka_unit_test (test_what_does_not_belong_together_is_refused),
        cmocka_unit_test (test_a_calendar_document_has_ranges_in_order),
        cmocka_unit_test (test_misfires_have_defaults),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
