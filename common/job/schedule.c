/*  Schedules: which form does what, and what is the same for all of them.

    The forms are found in schedule_cron.c, schedule_date.c and schedule_day.c, and
    schedule_interval.c; what schedules must be in schedule_check.c.
*/
#include "common/job/schedule.h"

#include "common/job/schedule_parts.h"

#include <stdlib.h>

#define HOUR_SECONDS 3600

void job_schedule_fini (job_schedule *self)
{
    free (self->calendars);
    self->calendars = NULL;
    self->except_count = self->within_count = 0;
}

bool job_schedule_is_event (const job_schedule *self)
{
    return self->kind == JOB_SCHEDULE_NODE_START || self->kind == JOB_SCHEDULE_IDLE;
}

job_day_range job_schedule_days (const job_schedule *self)
{
    job_day_range days = {
        .first = JOB_SECONDS_MIN / JOB_DAY_SECONDS,
        .last = JOB_SECONDS_END / JOB_DAY_SECONDS - 1,
    };
    if (self->start_date)
        days.first = job_days_from_number (self->start_date);
    if (self->end_date)
        days.last = job_days_from_number (self->end_date);
    return days;
}

job_zone_span job_schedule_span (const job_zone *zone, int64_t utc)
{
    if (!zone)
        return (job_zone_span){.start = INT64_MIN, .end = INT64_MAX};
    return job_zone_span_at (zone, utc);
}

/*  Whether an instant stands in the second pass of local times that exist twice.  */
static bool is_second_pass (const job_zone *zone, int64_t utc)
{
    job_zone_span span = job_schedule_span (zone, utc);
    return span.offset < span.before && utc + span.offset < span.start + span.before;
}

static bool is_first_pass (const job_zone *zone, int64_t utc)
{
    job_zone_span span = job_schedule_span (zone, utc);
    return span.after < span.offset && utc + span.offset >= span.end + span.after;
}

bool job_schedule_next (const job_schedule *self, int64_t after_us, int64_t *next_us, int *fold)
{
    if (job_schedule_is_event (self))
        return false;
    if (self->kind == JOB_SCHEDULE_EVERY) {
        bg_assert (self->every_us >= JOB_EVERY_MIN_US && self->every_us <= JOB_EVERY_MAX_US);
        if (fold)
            *fold = 0;
        return job_schedule_next_by_interval (self, after_us, next_us);
    }
    int64_t after = job_floor_div (after_us, JOB_SECOND_US);
    if (after < JOB_SECONDS_MIN)
        after = JOB_SECONDS_MIN;
    if (after >= JOB_SECONDS_END)
        return false;
    int64_t next = 0;
    bool is_found = self->kind == JOB_SCHEDULE_CRON
                        ? job_schedule_next_by_cron (self, after, &next)
                        : job_schedule_next_by_date (self, after, &next);
    if (!is_found)
        return false;
    *next_us = next * JOB_SECOND_US;
    if (fold)
        *fold = is_second_pass (self->zone, next);
    return true;
}

size_t job_schedule_window (
    const job_schedule *self, int64_t from_us, int64_t to_us, int64_t *out, size_t max)
{
    size_t count = 0;
    int64_t at = from_us == INT64_MIN ? from_us : from_us - 1;
    while (count < max && job_schedule_next (self, at, &at, NULL) && at < to_us)
        out[count++] = at;
    return count;
}

/*  Any hour on end shows each minute and second once; more only where the clocks change: by part of
    an hour, so that minutes come twice, or when what a gap left out is run at its edge, before the
    hour that follows.  */
static uint32_t densest_of_cron (const job_schedule *self)
{
    const job_cron *cron = &self->cron;
    int starts = __builtin_popcountll (cron->minutes) * __builtin_popcountll (cron->seconds);
    if (self->zone && job_zone_is_uneven (self->zone))
        starts *= 2;
    bool has_edge = !job_cron_is_every_hour (cron) && self->gap == JOB_GAP_EDGE;
    if (has_edge && __builtin_popcount (cron->hours) > 1)
        starts++;
    return (uint32_t) starts;
}

/*  One window's repeats, and one more where the next window opens within the hour. Two windows
    overlap only where both passes of a fold count, and two single times are within an hour only
    where the clocks change.  */
static uint32_t densest_of_days (const job_schedule *self)
{
    uint32_t windows = self->zone && self->fold == JOB_FOLD_BOTH ? 2 : 1;
    if (!self->repeat_s)
        return self->zone ? 2 : 1;
    uint32_t repeats = (HOUR_SECONDS + self->repeat_s - 1) / self->repeat_s;
    return windows * (repeats + 1);
}

uint32_t job_schedule_densest_hour (const job_schedule *self)
{
    int64_t hour_us = HOUR_SECONDS * JOB_SECOND_US;
    int64_t starts = 1;
    if (self->kind == JOB_SCHEDULE_EVERY)
        return (uint32_t) ((hour_us + self->every_us - 1) / self->every_us);
    if (self->kind == JOB_SCHEDULE_CRON)
        starts = densest_of_cron (self);
    else if (!job_schedule_is_event (self))
        starts = densest_of_days (self);
    return (uint32_t) (starts < HOUR_SECONDS ? starts : HOUR_SECONDS);
}

bool job_schedule_is_dated (const job_schedule *self, int64_t at_us)
{
    int64_t utc = job_floor_div (at_us, JOB_SECOND_US);
    int64_t local = utc + job_schedule_span (self->zone, utc).offset;
    int64_t day = job_floor_div (local, JOB_DAY_SECONDS);
    job_day_range days = job_schedule_days (self);
    return day >= days.first && day <= days.last;
}

/*  The calendar that keeps an instant out; NULL for none.  */
static const job_calendar *kept_out_by (const job_schedule *self, int64_t at_us)
{
    for (size_t i = 0; i < self->except_count; i++) {
        if (job_calendar_covers (self->calendars[i], self->zone, at_us))
            return self->calendars[i];
    }
    for (size_t i = 0; i < self->within_count; i++) {
        if (job_calendar_covers (self->calendars[self->except_count + i], self->zone, at_us))
            return NULL;
    }
    return self->within_count ? self->calendars[self->except_count] : NULL;
}

bool job_schedule_is_open (const job_schedule *self, int64_t at_us, const job_calendar **why)
{
    const job_calendar *calendar = kept_out_by (self, at_us);
    if (calendar && why)
        *why = calendar;
    return !calendar;
}

/*  ---- for previews ----  */

/*  The local time that a gap moved to the instant; false when the wall clock shows there what was
    asked for.  */
static bool cron_was_shifted (const job_schedule *self, int64_t utc, int64_t *asked)
{
    job_zone_span span = job_schedule_span (self->zone, utc);
    int64_t local = utc + span.offset;
    int64_t found = 0;
    if (span.offset <= span.before ||
        (job_schedule_next_local (self, local - 1, &found) && found == local))
        return false;
    int64_t from = self->gap == JOB_GAP_SHIFT ? utc + span.before : span.start + span.before;
    if (!job_schedule_next_local (self, from - 1, &found) || found >= span.start + span.offset)
        return false;
    *asked = found;
    return true;
}

static bool date_was_shifted (const job_schedule *self, int64_t utc, int64_t *asked)
{
    job_day_range days = job_schedule_days (self);
    int64_t local = utc + job_schedule_span (self->zone, utc).offset;
    int64_t today = job_floor_div (local, JOB_DAY_SECONDS);
    int64_t day = today - 2 < days.first ? days.first : today - 2;
    int64_t last = today < days.last ? today : days.last;
    bool is_shifted = false;
    for (; job_schedule_next_day (self, day, last, &day); day++) {
        job_day_runs runs = job_schedule_runs_of_day (self, day);
        if (runs.count == 0 || runs.open[0] != utc)
            continue;
        if (!runs.is_shifted)
            return false;
        if (!is_shifted)
            *asked = day * JOB_DAY_SECONDS + self->time_s;
        is_shifted = true;
    }
    return is_shifted;
}

job_schedule_mark job_schedule_marks (const job_schedule *self, int64_t at_us)
{
    int64_t utc = job_floor_div (at_us, JOB_SECOND_US);
    job_schedule_mark mark = {.offset_s = job_schedule_span (self->zone, utc).offset};
    if (is_second_pass (self->zone, utc))
        mark.fold = 2;
    else if (is_first_pass (self->zone, utc))
        mark.fold = 1;
    if (self->kind == JOB_SCHEDULE_CRON)
        mark.is_shifted = cron_was_shifted (self, utc, &mark.asked_local_s);
    else if (self->kind != JOB_SCHEDULE_EVERY && !job_schedule_is_event (self))
        mark.is_shifted = date_was_shifted (self, utc, &mark.asked_local_s);
    mark.kept_out = kept_out_by (self, at_us);
    return mark;
}
