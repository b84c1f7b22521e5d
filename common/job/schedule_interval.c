/*  Intervals: whole ones from 1970 on, whatever the wall clock shows; it only says when start_date
    begins and end_date ends.  */
#include "common/job/schedule_parts.h"

/*  The first multiple at or after a time; comparisons before the product keep it inside an
    int64_t.  */
static int64_t multiple_from (const job_schedule *self, int64_t from_us)
{
    return -job_floor_div (-from_us, self->every_us) * self->every_us;
}

/*  The seconds of a span in which the wall shows the dates.  */
static bool dated_part (
    const job_zone_span *span, job_day_range days, int64_t *from, int64_t *until)
{
    *from = days.first * JOB_DAY_SECONDS - span->offset;
    if (*from < span->start)
        *from = span->start;
    *until = (days.last + 1) * JOB_DAY_SECONDS - span->offset;
    if (*until > span->end)
        *until = span->end;
    return *from < *until;
}

static bool next_dated (const job_schedule *self, int64_t after_us, int64_t *next_us)
{
    job_day_range days = job_schedule_days (self);
    int64_t at = job_floor_div (after_us, JOB_SECOND_US);
    int64_t earliest = days.first * JOB_DAY_SECONDS - JOB_OFFSET_REACH;
    int64_t limit = (days.last + 1) * JOB_DAY_SECONDS + JOB_OFFSET_REACH;
    for (at = at < earliest ? earliest : at; at < limit;) {
        job_zone_span span = job_schedule_span (self->zone, at);
        int64_t from = 0;
        int64_t until = 0;
        if (dated_part (&span, days, &from, &until)) {
            int64_t from_us = from * JOB_SECOND_US;
            int64_t found = multiple_from (self, from_us > after_us ? from_us : after_us + 1);
            if (found < until * JOB_SECOND_US) {
                *next_us = found;
                return true;
            }
        }
        at = span.end;
    }
    return false;
}

bool job_schedule_next_by_interval (const job_schedule *self, int64_t after_us, int64_t *next_us)
{
    if (after_us < JOB_SECONDS_MIN * JOB_SECOND_US)
        after_us = JOB_SECONDS_MIN * JOB_SECOND_US;
    if (after_us >= JOB_SECONDS_END * JOB_SECOND_US)
        return false;
    if (self->start_date || self->end_date)
        return next_dated (self, after_us, next_us);
    int64_t found = multiple_from (self, after_us + 1);
    if (found >= JOB_SECONDS_END * JOB_SECOND_US)
        return false;
    *next_us = found;
    return true;
}
