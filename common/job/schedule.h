/*  Schedules: when does it run next.

    A cron schedule says local times of a zone; an interval schedule says every so many seconds of
    elapsed time, counted from 1970-01-01 00:00:00 UTC, whatever any wall clock shows.

    When the clocks change, a cron schedule follows one of two rules, chosen by its hours (Vixie
    cron does alike):

    - Every hour fits (`*`, or a set that amounts to it): the schedule is a repetition and runs in
      elapsed time. Both passes of a fold run, nothing is made up for a gap: `30 * * * *` is every
      sixty minutes throughout.
    - Certain hours: the schedule means those times of the day. `gap` says what becomes of a time
      that does not exist, `fold` which pass of a time that exists twice counts. By default a
      nonexistent time runs at the first instant after the gap, once however many fall into it,
      and a repeated time in its first pass only.

    Pure: a function of the schedule, its zone and a time. Times are microseconds UTC.
*/
#ifndef BUGLE_JOB_SCHEDULE_H
#define BUGLE_JOB_SCHEDULE_H

#include "common/job/cron.h"
#include "common/job/zone.h"

#define JOB_EVERY_MIN_US INT64_C (1000000)
#define JOB_EVERY_MAX_US (INT64_C (366) * 86400 * 1000000)

typedef enum {
    JOB_SCHEDULE_CRON = 1,
    JOB_SCHEDULE_EVERY = 2,
} job_schedule_kind;

typedef enum {
    JOB_GAP_EDGE = 0,  /*  at the first instant after the gap  */
    JOB_GAP_SHIFT = 1, /*  later by the length of the gap  */
    JOB_GAP_SKIP = 2,  /*  not at all  */
} job_gap;

typedef enum {
    JOB_FOLD_FIRST = 0,
    JOB_FOLD_SECOND = 1,
    JOB_FOLD_BOTH = 2,
} job_fold;

typedef struct {
    job_schedule_kind kind;
    job_cron cron;        /*  of JOB_SCHEDULE_CRON  */
    const job_zone *zone; /*  of JOB_SCHEDULE_CRON, borrowed; NULL is UTC  */
    job_gap gap;
    job_fold fold;
    int64_t every_us; /*  of JOB_SCHEDULE_EVERY, JOB_EVERY_MIN_US to JOB_EVERY_MAX_US  */
} job_schedule;

/*  BG_INVALID when the kind, the policies or the interval are outside what is allowed: for
    schedules from outside, before anything below is asked.  */
bg_result job_schedule_check (const job_schedule *self, bg_error *err) BG_CHECKED;

/*  The first occurrence strictly after a time. fold (may be NULL) is 1 for the second pass of a
    local time that exists twice, else 0. False when there is none within 400 years or before the
    end of the year 9999.  */
bool job_schedule_next (const job_schedule *self, int64_t after_us, int64_t *next_us, int *fold);
/*  The occurrences from from_us to just before to_us, ascending, at most max of them; returns how
 * many.  */
size_t job_schedule_window (
    const job_schedule *self, int64_t from_us, int64_t to_us, int64_t *out, size_t max);
/*  At most so many occurrences lie in any 3,600 seconds; an upper bound for limits of starts, not
 * always reached.  */
uint32_t job_schedule_densest_hour (const job_schedule *self);

#endif
