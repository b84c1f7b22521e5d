/*  Any bytes as the file of a time zone: refused, or a zone whose spans follow each other, whose
    local times lead back, and in which schedules end their search.

    Built with libFuzzer when BUGLE_FUZZ is on; runs over mutated files of the system in any case.  */
#include "common/job/schedule.h"
#include "common/job/zone.h"

#include <stdlib.h>

#define SPANS_MAX 400
#define SECOND_US INT64_C (1000000)
#define FIRST     INT64_C (-62135596800) /*  year 1  */
#define LAST      INT64_C (253402300800) /*  year 10000  */

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void must (bool holds)
{
    if (!holds)
        abort ();
}

static void check_instant (const job_zone *zone, int64_t utc)
{
    int64_t first = 0;
    int64_t second = 0;
    int64_t local = utc + job_zone_offset (zone, utc);
    job_local_result result = job_zone_to_utc (zone, local, &first, &second);
    must (result != JOB_LOCAL_GAP && first <= second);
    must (first + job_zone_offset (zone, first) == local);
    must (second + job_zone_offset (zone, second) == local);
}

static void check_spans (const job_zone *zone)
{
    job_zone_span span = job_zone_span_at (zone, FIRST);
    for (int i = 0; i < SPANS_MAX && span.end < LAST; i++) {
        job_zone_span next = job_zone_span_at (zone, span.end);
        must (next.start == span.end && next.before == span.offset && next.offset == span.after);
        must (next.offset != next.before && next.end > next.start);
        if (span.end > FIRST) {
            check_instant (zone, span.end - 1);
            check_instant (zone, span.end);
        }
        span = next;
    }
}

static void check_schedules (const job_zone *zone)
{
    job_schedule schedules[] = {
        {.kind = JOB_SCHEDULE_CRON, .zone = zone},
        {.kind = JOB_SCHEDULE_DAILY, .zone = zone, .interval = 1, .time_s = 9000},
        {.kind = JOB_SCHEDULE_DAILY,
            .zone = zone,
            .interval = 1,
            .time_s = 79200,
            .end_s = 9000,
            .repeat_s = 1800,
            .gap = JOB_GAP_SKIP,
            .fold = JOB_FOLD_BOTH},
    };
    must (bg_is_ok (job_cron_parse (bg_slice_str ("30 2 * * *"), &schedules[0].cron, NULL, NULL)));
    for (size_t i = 0; i < sizeof schedules / sizeof schedules[0]; i++) {
        int64_t at = INT64_C (1767225600) * SECOND_US;
        int64_t next = 0;
        for (int n = 0; n < 30 && job_schedule_next (&schedules[i], at, &next, NULL); n++) {
            must (next > at);
            (void) job_schedule_marks (&schedules[i], next);
            at = next;
        }
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    job_zone *zone = job_zone_load ("Fuzz/Zone", bg_slice_of (data, size), NULL);
    if (!zone)
        return 0;
    check_spans (zone);
    check_schedules (zone);
    job_zone_destroy (&zone);
    return 0;
}
