/*  Forms by date: from the days that match to instants, with the repeats within a day.

    The instants of a day follow from its opening and its close. A window may reach into the next
    day, and a zone may leave out or repeat most of a day; so the search begins a few days before
    the instant and takes the earliest of what the days around it offer.
*/
#include "common/job/schedule_parts.h"

/*  A window ends at the latest two days after its day began; one more for zones that repeated a
    whole one.  */
#define DAYS_BACK 3
/*  Days after the one that has an occurrence whose own could be earlier: a gap may have moved the
    former's by up to a day.  */
#define DAYS_AHEAD 2

static job_local_result to_utc (
    const job_zone *zone, int64_t local, int64_t *first_utc, int64_t *second_utc)
{
    if (zone)
        return job_zone_to_utc (zone, local, first_utc, second_utc);
    *first_utc = *second_utc = local;
    return JOB_LOCAL_UNIQUE;
}

static int64_t close_local (const job_schedule *self, int64_t day)
{
    int64_t end = self->end_s ? self->end_s : JOB_DAY_SECONDS;
    if (end <= self->time_s)
        end += JOB_DAY_SECONDS;
    return day * JOB_DAY_SECONDS + end;
}

static int64_t close_instant (const job_schedule *self, int64_t local)
{
    int64_t first = 0;
    int64_t second = 0;
    bool is_later = to_utc (self->zone, local, &first, &second) == JOB_LOCAL_FOLD &&
                    self->fold != JOB_FOLD_FIRST;
    return is_later ? second : first;
}

/*  The first of the repeats on the wall clock that exists, behind a gap that swallowed the opening.
    False when the window closes before.  */
static bool first_behind_gap (
    const job_schedule *self, int64_t local, int64_t gap_end_utc, int64_t close, int64_t *open)
{
    int64_t gap_end = gap_end_utc + job_schedule_span (self->zone, gap_end_utc).offset;
    int64_t repeat = self->repeat_s;
    int64_t candidate = local + (gap_end - local + repeat - 1) / repeat * repeat;
    int64_t second = 0;
    return candidate < close && to_utc (self->zone, candidate, open, &second) != JOB_LOCAL_GAP;
}

static void open_in_gap (const job_schedule *self, int64_t local, int64_t edge, int64_t shifted,
    int64_t close, job_day_runs *runs)
{
    runs->count = 1;
    runs->is_shifted = true;
    runs->open[0] = self->gap == JOB_GAP_SHIFT ? shifted : edge;
    if (self->gap != JOB_GAP_SKIP)
        return;
    runs->is_shifted = false;
    if (!self->repeat_s || !first_behind_gap (self, local, edge, close, &runs->open[0]))
        runs->count = 0;
}

job_day_runs job_schedule_runs_of_day (const job_schedule *self, int64_t day)
{
    int64_t local = day * JOB_DAY_SECONDS + self->time_s;
    int64_t close = close_local (self, day);
    int64_t first = 0;
    int64_t second = 0;
    job_day_runs runs = {.count = 1};
    switch (to_utc (self->zone, local, &first, &second)) {
    case JOB_LOCAL_UNIQUE:
        runs.open[0] = first;
        break;
    case JOB_LOCAL_GAP:
        open_in_gap (self, local, first, second, close, &runs);
        break;
    case JOB_LOCAL_FOLD:
        runs.open[0] = self->fold == JOB_FOLD_SECOND ? second : first;
        runs.open[1] = second;
        runs.count = self->fold == JOB_FOLD_BOTH && !self->repeat_s ? 2 : 1;
        break;
    }
    if (self->repeat_s)
        runs.close = close_instant (self, close);
    return runs;
}

/*  The first of a day's instants after one.  */
static bool first_after (
    const job_schedule *self, const job_day_runs *runs, int64_t after, int64_t *next)
{
    for (size_t i = 0; i < runs->count; i++) {
        if (runs->open[i] > after) {
            *next = runs->open[i];
            return true;
        }
    }
    if (!self->repeat_s || runs->count == 0)
        return false;
    int64_t repeat = self->repeat_s;
    int64_t candidate = runs->open[0] + ((after - runs->open[0]) / repeat + 1) * repeat;
    if (candidate >= runs->close)
        return false;
    *next = candidate;
    return true;
}

bool job_schedule_next_by_date (const job_schedule *self, int64_t after, int64_t *next)
{
    job_day_range days = job_schedule_days (self);
    int64_t local = after + job_schedule_span (self->zone, after).offset;
    int64_t day = job_floor_div (local, JOB_DAY_SECONDS) - DAYS_BACK;
    if (day < days.first)
        day = days.first;
    int64_t last = day + JOB_CYCLE_DAYS < days.last ? day + JOB_CYCLE_DAYS : days.last;
    bool is_found = false;
    for (; job_schedule_next_day (self, day, last, &day); day++) {
        job_day_runs runs = job_schedule_runs_of_day (self, day);
        int64_t candidate = 0;
        if (!first_after (self, &runs, after, &candidate))
            continue;
        if (!is_found || candidate < *next)
            *next = candidate;
        is_found = true;
        if (day + DAYS_AHEAD < last)
            last = day + DAYS_AHEAD;
    }
    return is_found;
}
