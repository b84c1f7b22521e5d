/*  Local times of cron laid over the spans of a zone.

    Within one span of a zone local time is UTC plus a constant, so the next local time gives the
    next instant. What is special happens where a span begins: behind a gap (times that were left
    out) and behind a fold (times that come again). The search goes span by span, past those in
    which no time is asked for; within each it looks at the few candidates and takes the earliest.

    The rule for repetitions needs no code of its own: running in elapsed time is the same as
    skipping gaps and taking both passes of folds.
*/
#include "common/job/schedule_parts.h"

typedef struct {
    const job_schedule *schedule;
    job_gap gap;
    job_fold fold;
} local_rule;

bool job_schedule_next_local (const job_schedule *self, int64_t after_local, int64_t *local)
{
    job_day_range days = job_schedule_days (self);
    int64_t from = days.first * JOB_DAY_SECONDS - 1;
    if (after_local > from)
        from = after_local;
    int64_t found = 0;
    if (from >= JOB_SECONDS_END || !job_cron_next (&self->cron, from, &found) ||
        found >= (days.last + 1) * JOB_DAY_SECONDS)
        return false;
    *local = found;
    return true;
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
    return job_schedule_next_local (rule->schedule, from, local) &&
           *local < span->start + span->offset;
}

/*  The next time that exists in the span, less those of a fold that belong to the other pass.  */
static bool next_existing (
    const local_rule *rule, const job_zone_span *span, int64_t base, int64_t *next)
{
    int64_t from = base + span->offset;
    bool has_fold = is_fold_before (span);
    int64_t fold_end = has_fold ? span->start + span->before : 0;
    if (has_fold && rule->fold == JOB_FOLD_FIRST && from < fold_end - 1)
        from = fold_end - 1;
    int64_t local = 0;
    if (!job_schedule_next_local (rule->schedule, from, &local))
        return false;
    int64_t utc = local - span->offset;
    bool comes_again = span->after < span->offset && local >= span->end + span->after;
    if (utc >= span->end || (rule->fold == JOB_FOLD_SECOND && comes_again))
        return false;
    *next = utc;
    return true;
}

/*  The next occurrence strictly after a time that lies in the span or before its start.  */
static bool next_in_span (
    const local_rule *rule, const job_zone_span *span, int64_t after, int64_t *next)
{
    int64_t local = 0;
    bool is_entering = after < span->start;
    if (is_entering && rule->gap == JOB_GAP_EDGE && is_gap_before (span) &&
        next_in_gap (rule, span, INT64_MIN, &local)) {
        *next = span->start;
        return true;
    }
    int64_t base = is_entering ? span->start - 1 : after;
    bool is_found = next_existing (rule, span, base, next);
    if (rule->gap == JOB_GAP_SHIFT && is_gap_before (span) &&
        next_in_gap (rule, span, base + span->before, &local)) {
        int64_t utc = local - span->before;
        if (utc < span->end && (!is_found || utc < *next))
            *next = utc;
        is_found = is_found || utc < span->end;
    }
    return is_found;
}

/*  Where to look after a span without: its end, or shortly before the next time that is asked for.
    False when none is.  */
static bool next_look (const local_rule *rule, const job_zone_span *span, int64_t *at)
{
    if (span->end == INT64_MAX)
        return false;
    int32_t lower = span->after < span->offset ? span->after : span->offset;
    int64_t local = 0;
    if (!job_schedule_next_local (rule->schedule, span->end + lower - 1, &local))
        return false;
    int64_t early = local - JOB_OFFSET_REACH;
    *at = early > span->end ? early : span->end;
    return true;
}

bool job_schedule_next_by_cron (const job_schedule *self, int64_t after, int64_t *next)
{
    bool is_repetition = job_cron_is_every_hour (&self->cron);
    local_rule rule = {
        .schedule = self,
        .gap = is_repetition ? JOB_GAP_SKIP : self->gap,
        .fold = is_repetition ? JOB_FOLD_BOTH : self->fold,
    };
    int64_t earliest = job_schedule_days (self).first * JOB_DAY_SECONDS - JOB_OFFSET_REACH;
    if (after < earliest)
        after = earliest;
    int64_t limit = after + JOB_CYCLE_SECONDS;
    if (limit > JOB_SECONDS_END)
        limit = JOB_SECONDS_END;
    for (int64_t at = after; at < limit;) {
        job_zone_span span = job_schedule_span (self->zone, at);
        if (next_in_span (&rule, &span, after, next))
            return true;
        if (!next_look (&rule, &span, &at))
            return false;
    }
    return false;
}
