/*  The inside of schedules: what schedule.c puts together. Others use schedule.h.

    Seconds here are whole, since 1970-01-01 00:00:00: of UTC, or "local" of the wall clock; days
    are counted as in civil.h. All of it takes schedules that job_schedule_check has accepted.  */
#ifndef BUGLE_JOB_SCHEDULE_PARTS_H
#define BUGLE_JOB_SCHEDULE_PARTS_H

#include "common/job/civil.h"
#include "common/job/schedule.h"

#define JOB_SECOND_US INT64_C (1000000)
/*  0001-01-01 and 10000-01-01. Earlier times are asked as the former; from the latter on there is
 * nothing.  */
#define JOB_SECONDS_MIN INT64_C (-62135596800)
#define JOB_SECONDS_END INT64_C (253402300800)
/*  More than any local time is away from UTC, in seconds.  */
#define JOB_OFFSET_REACH INT64_C (100000)

typedef struct {
    int64_t first;
    int64_t last;
} job_day_range;

/*  start_date to end_date, both included; the years 1 to 9999 for what is not said.  */
job_day_range job_schedule_days (const job_schedule *self);
/*  The span around an instant, of a zone that may be NULL.  */
job_zone_span job_schedule_span (const job_zone *zone, int64_t utc);

/*  Forms by date: the first matching day from `from` to `to`, whatever start_date and end_date say.
 */
bool job_schedule_next_day (
    const job_schedule *self, int64_t from, int64_t to, int64_t *day) BG_CHECKED;

/*  Cron: the first asked local time strictly after one, between start_date and end_date.  */
bool job_schedule_next_local (
    const job_schedule *self, int64_t after_local, int64_t *local) BG_CHECKED;

/*  What one matching day asks for: `count` openings (0 when a gap has left it out, 2 when both
    passes of a fold count); with repeats one at most, and the instant that closes it.  */
typedef struct {
    int64_t open[2];
    size_t count;
    int64_t close;
    bool is_shifted; /*  a gap has moved it  */
} job_day_runs;

job_day_runs job_schedule_runs_of_day (const job_schedule *self, int64_t day);

/*  The first occurrence strictly after an instant.  */
bool job_schedule_next_by_cron (const job_schedule *self, int64_t after, int64_t *next) BG_CHECKED;
bool job_schedule_next_by_date (const job_schedule *self, int64_t after, int64_t *next) BG_CHECKED;
/*  Microseconds: intervals need not be whole seconds.  */
bool job_schedule_next_by_interval (
    const job_schedule *self, int64_t after_us, int64_t *next_us) BG_CHECKED;

#endif
