/*  Limits of starts: how many runs of a job may begin within a time.

    Two lists for each job, of starts by deed and by schedule. A written at_most counts both;
    without it only the scheduled ones are bounded, by twice the schedule's densest hour, what it may
    make up for, plus 12 an hour. At most EXEC_BUCKET_MAX starts are remembered: a limit above that is kept as the
    same rate over a shorter time.

    The clock is the machine's. A start that lies ahead of it (the clock was set back) counts as
    one of now, and is moved there, so that no jump of the clock lifts or freezes a limit for
    longer than its period.
*/
#include "node/exec/core_private.h"

#include "common/job/body.h"
#include "common/job/duration.h"
#include "common/job/names.h"

#include <stdlib.h>

#define DEFAULT_PER_HOUR 12
#define SHARED_PER_HOUR  720 /*  every ten seconds, twice  */

static void push (int64_t **list, size_t *count, int64_t start_us)
{
    size_t keep = *count < EXEC_BUCKET_MAX ? *count : EXEC_BUCKET_MAX - 1;
    /*  Room grows in steps of powers of two: most jobs start a handful of times.  */
    if ((*count & (*count - 1)) == 0 && *count < EXEC_BUCKET_MAX)
        *list = bg_realloc (*list, (*count ? *count * 2 : 1) * sizeof **list);
    memmove (*list + 1, *list, keep * sizeof **list);
    (*list)[0] = start_us;
    *count = keep + 1;
}

void exec_bucket_add (
    exec_core *self, bg_id job_key, int64_t start_us, bool is_scheduled, bool is_local)
{
    exec_bucket *bucket = exec_table_put (&self->buckets, job_key);
    bucket->is_local = is_local;
    bucket->total++;
    if (start_us < 0)
        start_us = 0;
    if (is_scheduled)
        push (&bucket->scheduled_us, &bucket->scheduled_count, start_us);
    else
        push (&bucket->deeds_us, &bucket->deed_count, start_us);
}

static void copy_list (uint64_t *from, size_t count, int64_t **list, size_t *list_count)
{
    free (*list);
    *list = NULL;
    *list_count = 0;
    for (size_t i = count; i-- > 0;)
        push (list, list_count, (int64_t) from[i]);
}

void exec_apply_bucket (exec_core *self, const wire_record_bucket *record)
{
    exec_bucket *bucket = exec_table_put (&self->buckets, record->job_key);
    bucket->total = record->total;
    bucket->is_local = record->local;
    copy_list (record->starts_us, record->starts_us_count, &bucket->deeds_us, &bucket->deed_count);
    copy_list (record->scheduled_us, record->scheduled_us_count, &bucket->scheduled_us,
        &bucket->scheduled_count);
}

void exec_buckets_fini (exec_core *self)
{
    for (size_t i = 0; i < self->buckets.count; i++) {
        exec_bucket *bucket = exec_table_at (&self->buckets, i);
        free (bucket->deeds_us);
        free (bucket->scheduled_us);
    }
    exec_table_fini (&self->buckets);
}

void exec_buckets_forget (exec_core *self)
{
    for (size_t i = self->buckets.count; i-- > 0;) {
        exec_bucket *bucket = exec_table_at (&self->buckets, i);
        if (bucket->is_local)
            continue;
        free (bucket->deeds_us);
        free (bucket->scheduled_us);
        exec_table_drop (&self->buckets, bucket->job_key);
    }
}

static size_t count_since (int64_t *list, size_t count, int64_t now_us, int64_t since_us)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (list[i] > now_us)
            list[i] = now_us;
        if (list[i] > since_us)
            found++;
    }
    return found;
}

/*  The most occurrences of one schedule in an hour, and those that it makes up for.  */
static uint64_t densest_hour (const wire_job_schedule *spec)
{
    uint64_t sum = 0;
    job_schedule schedule;
    if (bg_is_ok (job_body_schedule (spec, NULL, &schedule, NULL))) {
        sum = 2 * (uint64_t) job_schedule_densest_hour (&schedule);
        job_schedule_fini (&schedule);
    }
    return spec->misfire == WIRE_MISFIRE_ALL ? sum + job_body_misfire_max (spec) : sum;
}

/*  Of all schedules. Other shared ones than that of this start are not at hand: as dense as any may be.  */
static uint64_t bound_of (const wire_job *job, const wire_job_schedule *scheduled)
{
    uint64_t sum = DEFAULT_PER_HOUR;
    for (size_t i = 0; i < job->schedules_count; i++) {
        const wire_job_schedule *spec = &job->schedules[i];
        if (job_name_compare (spec->name, scheduled->name) == 0)
            sum += densest_hour (scheduled);
        else if (spec->kind == WIRE_SCHEDULE_USE)
            sum += SHARED_PER_HOUR;
        else
            sum += densest_hour (spec);
    }
    return sum;
}

bg_result exec_bucket_check (exec_core *self, const wire_job *job, bg_id job_key,
    const wire_job_schedule *scheduled, int64_t now_us, bg_error *err)
{
    exec_bucket *bucket = exec_table_find (&self->buckets, job_key);
    if (!bucket)
        return bg_ok ();
    if (job->max_starts && bucket->total >= job->max_starts)
        return bg_fail (err, BG_LIMIT, "the job may start %llu times in all, and has",
            (unsigned long long) job->max_starts);
    bool is_written = job->at_most != 0 && job->at_most_period_us != 0;
    if (!is_written && !scheduled)
        return bg_ok ();
    uint64_t limit = is_written ? job->at_most : bound_of (job, scheduled);
    int64_t period_us = is_written ? (int64_t) job->at_most_period_us : BG_HOUR (1);
    uint64_t counted = limit;
    int64_t window_us = period_us;
    if (limit > EXEC_BUCKET_MAX) {
        counted = EXEC_BUCKET_MAX;
        window_us = (int64_t) ((double) period_us / (double) limit * EXEC_BUCKET_MAX);
    }
    size_t found =
        count_since (bucket->scheduled_us, bucket->scheduled_count, now_us, now_us - window_us);
    if (is_written)
        found += count_since (bucket->deeds_us, bucket->deed_count, now_us, now_us - window_us);
    if (found < counted)
        return bg_ok ();
    return bg_fail (err, BG_LIMIT, "the job has reached its limit of %llu per %s",
        (unsigned long long) limit, job_duration_text (period_us).text);
}
