/*  Any numbers and texts as a schedule, any bytes as a calendar: refused, or a schedule whose
    occurrences ascend, stay between its dates and are no denser than it says.

    First byte: 0 a cron expression, 1 the ranges of a calendar and the instants to ask for, else a
    schedule of that kind (modulo): two bytes for each number. Built with libFuzzer when BUGLE_FUZZ
    is on; test_schedule_random runs it over random bytes in any case.  */
#include "common/job/body.h"
#include "common/job/civil.h"
#include "common/job/describe.h"

#include <stdlib.h>

#define SECOND_US   INT64_C (1000000)
#define HOUR_US     (3600 * SECOND_US)
#define OCCURRENCES 200

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void must (bool holds)
{
    if (!holds)
        abort ();
}

static void check_cron (bg_slice text)
{
    job_schedule schedule = {.kind = JOB_SCHEDULE_CRON};
    size_t offset = 0;
    if (bg_failed (job_cron_parse (text, &schedule.cron, NULL, &offset))) {
        must (offset <= text.size);
        return;
    }
    must (bg_is_ok (job_schedule_check (&schedule, NULL)));
    int64_t at = 0;
    for (int n = 0; n < 20; n++) {
        int64_t next = 0;
        must (job_schedule_next (&schedule, at, &next, NULL) && next > at);
        at = next;
    }
}

/*  The search in the ranges against one that looks at each.  */
static void check_calendar (bg_slice bytes)
{
    job_calendar calendar = {.utc_ranges = bytes, .horizon_us = INT64_MAX};
    if (bg_failed (job_calendar_check (&calendar, NULL)))
        return;
    size_t count = job_calendar_range_count (bytes);
    for (size_t i = 0; i < count && i < 50; i++) {
        job_calendar_range range = job_calendar_range_at (bytes, i);
        const int64_t asked[] = {range.from - 1, range.from, range.until - 1, range.until};
        for (size_t k = 0; k < 4; k++) {
            bool is_in = false;
            for (size_t j = 0; j < count && !is_in; j++) {
                job_calendar_range other = job_calendar_range_at (bytes, j);
                is_in = asked[k] >= other.from && asked[k] < other.until;
            }
            must (job_calendar_covers (&calendar, NULL, asked[k] * SECOND_US) == is_in);
        }
    }
}

typedef struct {
    bg_slice left;
} reader;

static uint32_t number (reader *in)
{
    if (in->left.size < 2)
        return 0;
    uint32_t value = (uint32_t) (in->left.data[0] << 8 | in->left.data[1]);
    in->left = bg_slice_of (in->left.data + 2, in->left.size - 2);
    return value;
}

/*  0, or a date near 2026 that need not exist.  */
static uint32_t date (reader *in)
{
    uint32_t value = number (in);
    if (value % 3 == 0)
        return 0;
    return 20200000 + value % 16 * 10000 + value / 16 % 14 * 100 + value / 256 % 34;
}

static void check_occurrences (const job_schedule *schedule, int64_t from_us)
{
    int64_t times[OCCURRENCES];
    size_t count = 0;
    int64_t at = from_us;
    for (; count < OCCURRENCES && job_schedule_next (schedule, at, &at, NULL); count++) {
        must (count == 0 || at > times[count - 1]);
        must (at > from_us);
        times[count] = at;
    }
    uint32_t densest = job_schedule_densest_hour (schedule);
    for (size_t i = 0; densest < OCCURRENCES && i + densest < count; i++)
        must (times[i + densest] - times[i] >= HOUR_US);
    for (size_t i = 0; i < count && !schedule->repeat_s; i++)
        must (job_schedule_is_dated (schedule, times[i]));
}

/*  Without what would be refused as belonging to another form, so that most are looked at.  */
static void drop_foreign (wire_job_schedule *wire)
{
    bool is_days = wire->kind >= WIRE_SCHEDULE_DAILY && wire->kind <= WIRE_SCHEDULE_RELATIVE;
    bool has_clock =
        is_days || wire->kind == WIRE_SCHEDULE_CRON || wire->kind == WIRE_SCHEDULE_ONCE;
    if (wire->kind != WIRE_SCHEDULE_EVERY)
        wire->every_us = 0;
    if (!is_days)
        wire->interval = wire->factor = wire->repeat_s = wire->end_s = wire->anchor_date = 0;
    if (!is_days && wire->kind != WIRE_SCHEDULE_ONCE)
        wire->time_s = 0;
    if (wire->kind == WIRE_SCHEDULE_DAILY)
        wire->factor = 0;
    if (wire->kind != WIRE_SCHEDULE_RELATIVE)
        wire->relative = 0;
    else
        wire->relative = UINT64_C (1) << wire->relative % 5;
    if (!wire->repeat_s)
        wire->end_s = 0;
    if (!has_clock)
        wire->gap = wire->fold = 0;
}

static void check_schedule (uint8_t kind, bg_slice bytes)
{
    reader in = {bytes};
    bool is_tidy = number (&in) % 8 != 0;
    wire_job_schedule wire = {.name = bg_slice_str ("it"), .kind = kind};
    wire.every_us = number (&in) % 1000 * (uint64_t) SECOND_US;
    wire.interval = number (&in) % 140;
    wire.relative = number (&in) % 20;
    wire.factor = number (&in) % 40;
    wire.time_s = number (&in) * 2;
    wire.end_s = number (&in) * 2;
    wire.repeat_s = number (&in);
    wire.repeat_s *= number (&in) % 3 != 0;
    wire.start_date = date (&in);
    wire.end_date = date (&in);
    wire.anchor_date = date (&in);
    wire.gap = number (&in) % 4;
    wire.fold = number (&in) % 4;
    int64_t from_us = (INT64_C (1577836800) + number (&in) * INT64_C (5000)) * SECOND_US;
    wire.cron = kind == WIRE_SCHEDULE_CRON ? in.left : (bg_slice){0};
    if (is_tidy)
        drop_foreign (&wire);
    job_schedule schedule;
    BG_AUTO_BUF text = {0};
    job_describe_schedule (&wire, &text);
    if (bg_failed (job_body_schedule (&wire, NULL, &schedule, NULL)))
        return;
    int64_t first = 0;
    must (job_schedule_is_event (&schedule) ||
          job_schedule_next (&schedule, INT64_MIN, &first, NULL));
    check_occurrences (&schedule, from_us);
    job_schedule_fini (&schedule);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    bg_slice rest = bg_slice_of (data + 1, size - 1);
    if (data[0] == 0)
        check_cron (rest);
    else if (data[0] == 1)
        check_calendar (rest);
    else
        check_schedule (data[0] % 12, rest);
    return 0;
}
