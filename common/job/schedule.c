/*  Schedules: local times of cron laid over the spans of a zone.

    Within one span of a zone local time is UTC plus a constant, so the next local time gives the
    next instant. What is special happens where a span begins: behind a gap (times that were left
    out) and behind a fold (times that come again). The search goes span by span; within each it
    looks at the few candidates and takes the earliest.

    The rule for repetitions needs no code of its own: running in elapsed time is the same as
    skipping gaps and taking both passes of folds.
*/
#include "common/job/schedule.h"

#include "common/job/civil.h"

#define SECOND_US    INT64_C (1000000)
#define HOUR_SECONDS 3600
/*  0001-01-01 and 10000-01-01. Earlier times are asked as the former; from the latter on there is
 * nothing.  */
#define SECONDS_MIN INT64_C (-62135596800)
#define SECONDS_END INT64_C (253402300800)

typedef struct {
    const job_cron *cron;
    job_gap gap;
    job_fold fold;
} local_rule;

typedef struct {
    int64_t utc;
    int fold;
} occurrence;

bg_result job_schedule_check (const job_schedule *self, bg_error *err)
{
    if (self->kind != JOB_SCHEDULE_CRON && self->kind != JOB_SCHEDULE_EVERY)
        return bg_fail (err, BG_INVALID, "schedule kind %d is not known", (int) self->kind);
    if (self->gap < JOB_GAP_EDGE || self->gap > JOB_GAP_SKIP)
        return bg_fail (err, BG_INVALID, "gap policy %d is not known", (int) self->gap);
    if (self->fold < JOB_FOLD_FIRST || self->fold > JOB_FOLD_BOTH)
        return bg_fail (err, BG_INVALID, "fold policy %d is not known", (int) self->fold);
    bool is_every = self->kind == JOB_SCHEDULE_EVERY;
    if (is_every && (self->every_us < JOB_EVERY_MIN_US || self->every_us > JOB_EVERY_MAX_US))
        return bg_fail (err, BG_INVALID, "the interval of a schedule is 1s to 366d");
    return bg_ok ();
}

static bool is_gap_before (const job_zone_span *span)
{
    return span->offset > span->before;
}

static bool is_fold_before (const job_zone_span *span)
{
    return span->offset < span->before;
}

/*  The first local time of the gap before the span that fits, strictly after a local time.  */
static bool next_in_gap (
    const local_rule *rule, const job_zone_span *span, int64_t after_local, int64_t *local)
{
    int64_t gap_start = span->start + span->before;
    int64_t from = after_local >= gap_start ? after_local : gap_start - 1;
    return job_cron_next (rule->cron, from, local) && *local < span->start + span->offset;
}

/*  The next time that exists in the span, less those of a fold that belong to the other pass.  */
static bool next_existing (
    const local_rule *rule, const job_zone_span *span, int64_t base, occurrence *found)
{
    int64_t from = base + span->offset;
    bool has_fold = is_fold_before (span);
    int64_t fold_end = has_fold ? span->start + span->before : 0;
    if (has_fold && rule->fold == JOB_FOLD_FIRST && from < fold_end - 1)
        from = fold_end - 1;
    int64_t local = 0;
    if (!job_cron_next (rule->cron, from, &local))
        return false;
    int64_t utc = local - span->offset;
    bool comes_again = span->after < span->offset && local >= span->end + span->after;
    if (utc >= span->end || (rule->fold == JOB_FOLD_SECOND && comes_again))
        return false;
    *found = (occurrence){utc, has_fold && local < fold_end};
    return true;
}

/*  The next occurrence strictly after a time that lies in the span or just before its start.  */
static bool next_in_span (
    const local_rule *rule, const job_zone_span *span, int64_t after, occurrence *found)
{
    int64_t local = 0;
    bool is_entering = after < span->start;
    if (is_entering && rule->gap == JOB_GAP_EDGE && is_gap_before (span) &&
        next_in_gap (rule, span, INT64_MIN, &local)) {
        *found = (occurrence){span->start, 0};
        return true;
    }
    int64_t base = is_entering ? span->start - 1 : after;
    bool is_found = next_existing (rule, span, base, found);
    if (rule->gap == JOB_GAP_SHIFT && is_gap_before (span) &&
        next_in_gap (rule, span, base + span->before, &local)) {
        int64_t utc = local - span->before;
        if (utc < span->end && (!is_found || utc < found->utc))
            *found = (occurrence){utc, 0};
        is_found = is_found || utc < span->end;
    }
    return is_found;
}

static job_zone_span span_at (const job_zone *zone, int64_t utc)
{
    if (!zone)
        return (job_zone_span){.start = INT64_MIN, .end = INT64_MAX};
    return job_zone_span_at (zone, utc);
}

static bool next_of_cron (const job_schedule *self, int64_t after_us, int64_t *next_us, int *fold)
{
    bool is_repetition = job_cron_is_every_hour (&self->cron);
    local_rule rule = {
        .cron = &self->cron,
        .gap = is_repetition ? JOB_GAP_SKIP : self->gap,
        .fold = is_repetition ? JOB_FOLD_BOTH : self->fold,
    };
    int64_t after = job_floor_div (after_us, SECOND_US);
    if (after < SECONDS_MIN)
        after = SECONDS_MIN;
    int64_t limit = after + JOB_CYCLE_SECONDS;
    if (limit > SECONDS_END)
        limit = SECONDS_END;
    occurrence found = {0};
    for (int64_t at = after; at < limit;) {
        job_zone_span span = span_at (self->zone, at);
        if (next_in_span (&rule, &span, after, &found)) {
            *next_us = found.utc * SECOND_US;
            if (fold)
                *fold = found.fold;
            return true;
        }
        at = span.end;
    }
    return false;
}

/*  Whole intervals from 1970 on. The comparison before the product keeps it inside an int64_t.  */
static bool next_of_every (const job_schedule *self, int64_t after_us, int64_t *next_us, int *fold)
{
    int64_t count = job_floor_div (after_us, self->every_us);
    if (after_us < SECONDS_MIN * SECOND_US)
        count = job_floor_div (SECONDS_MIN * SECOND_US, self->every_us);
    if (after_us >= SECONDS_END * SECOND_US)
        return false;
    *next_us = (count + 1) * self->every_us;
    if (fold)
        *fold = 0;
    return *next_us < SECONDS_END * SECOND_US;
}

bool job_schedule_next (const job_schedule *self, int64_t after_us, int64_t *next_us, int *fold)
{
    bg_assert (self->kind == JOB_SCHEDULE_CRON || self->kind == JOB_SCHEDULE_EVERY);
    if (self->kind == JOB_SCHEDULE_CRON)
        return next_of_cron (self, after_us, next_us, fold);
    bg_assert (self->every_us >= JOB_EVERY_MIN_US && self->every_us <= JOB_EVERY_MAX_US);
    return next_of_every (self, after_us, next_us, fold);
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

uint32_t job_schedule_densest_hour (const job_schedule *self)
{
    if (self->kind == JOB_SCHEDULE_EVERY) {
        int64_t hour_us = HOUR_SECONDS * SECOND_US;
        return (uint32_t) ((hour_us + self->every_us - 1) / self->every_us);
    }
    /*  Any hour on end shows each minute and second once; more only where the clocks change: by
        part of an hour, so that minutes come twice, or when what a gap left out is run at its edge,
        before the hour that follows.  */
    const job_cron *cron = &self->cron;
    int starts = __builtin_popcountll (cron->minutes) * __builtin_popcountll (cron->seconds);
    if (self->zone && job_zone_is_uneven (self->zone))
        starts *= 2;
    bool has_edge = !job_cron_is_every_hour (cron) && self->gap == JOB_GAP_EDGE;
    if (has_edge && __builtin_popcount (cron->hours) > 1)
        starts++;
    return (uint32_t) (starts < HOUR_SECONDS ? starts : HOUR_SECONDS);
}
