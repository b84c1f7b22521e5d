/*  What a schedule must be before it is asked anything.

    Sentences follow the reference's validation (sqlagent.md 7.2); which fields a form may have at
    all is asked of the document (body_schedule.c).
*/
#include "common/job/schedule_parts.h"

#define INTERVAL_DAY_OF_MONTH_MAX 31
#define WEEKDAY_MASK_MAX          127

static bg_result check_policies (const job_schedule *self, bg_error *err)
{
    if (self->kind < JOB_SCHEDULE_CRON || self->kind > JOB_SCHEDULE_IDLE)
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

static bg_result check_date (const char *what, uint32_t date, bg_error *err)
{
    if (date == 0)
        return bg_ok ();
    if (!job_date_number_valid (date))
        return bg_fail (err, BG_INVALID, "the %s %08u is no date", what, date);
    if (date < JOB_SCHEDULE_DATE_MIN)
        return bg_fail (err, BG_INVALID, "the %s is before 1990-01-01", what);
    return bg_ok ();
}

static bg_result check_dates (const job_schedule *self, bg_error *err)
{
    BG_TRY (check_date ("start date", self->start_date, err));
    BG_TRY (check_date ("end date", self->end_date, err));
    BG_TRY (check_date ("anchor", self->anchor_date, err));
    if (self->start_date && self->end_date && self->end_date < self->start_date)
        return bg_fail (err, BG_INVALID, "its end date is before its start date");
    return bg_ok ();
}

static bg_result check_form (const job_schedule *self, bg_error *err)
{
    switch (self->kind) {
    case JOB_SCHEDULE_ONCE:
        if (self->start_date == 0)
            return bg_fail (err, BG_INVALID, "a run of one time needs its date");
        if (self->repeat_s > 0)
            return bg_fail (err, BG_INVALID, "a run of one time has no repeats");
        return bg_ok ();
    case JOB_SCHEDULE_DAILY:
        if (self->interval < 1 || self->interval > JOB_INTERVAL_DAYS_MAX)
            return bg_fail (err, BG_INVALID, "a daily schedule is for every 1 to %d days",
                JOB_INTERVAL_DAYS_MAX);
        return bg_ok ();
    case JOB_SCHEDULE_WEEKLY:
        if (self->interval < 1 || self->interval > WEEKDAY_MASK_MAX)
            return bg_fail (err, BG_INVALID, "a weekly schedule needs one or more weekdays");
        return bg_ok ();
    case JOB_SCHEDULE_MONTHLY:
        if (self->interval < 1 || self->interval > INTERVAL_DAY_OF_MONTH_MAX)
            return bg_fail (err, BG_INVALID, "the day of a monthly schedule is 1 to 31");
        return bg_ok ();
    case JOB_SCHEDULE_RELATIVE:
        if (self->interval < 1 || self->interval > JOB_RELATIVE_WEEKEND_DAY)
            return bg_fail (err, BG_INVALID,
                "a monthly relative schedule is for Sunday to Saturday (1 to 7), day (8), weekday "
                "(9) or weekend day (10)");
        if (self->relative == 0 || self->relative > JOB_RELATIVE_LAST ||
            (self->relative & (self->relative - 1)) != 0)
            return bg_fail (err, BG_INVALID,
                "a monthly relative schedule is for the first (1), second (2), third (4), fourth "
                "(8) or last (16) such day");
        return bg_ok ();
    default:
        return bg_ok ();
    }
}

static bg_result check_counting (const job_schedule *self, bg_error *err)
{
    if (self->factor > JOB_FACTOR_MAX)
        return bg_fail (
            err, BG_INVALID, "a schedule is for every 1 to %d weeks or months", JOB_FACTOR_MAX);
    bool is_counted = (self->kind == JOB_SCHEDULE_DAILY && self->interval > 1) || self->factor > 1;
    if (is_counted && !self->anchor_date && !self->start_date) {
        bg_ignore (bg_fail (err, BG_INVALID,
            "there is no date from which every so many days, weeks or months count"));
        return bg_hint (err, "give it an anchor or a start date");
    }
    return bg_ok ();
}

static bg_result check_times (const job_schedule *self, bg_error *err)
{
    if (self->time_s >= JOB_DAY_SECONDS || self->end_s > JOB_DAY_SECONDS)
        return bg_fail (err, BG_INVALID, "its time of the day is not before 24:00");
    if (self->repeat_s > 0 &&
        (self->repeat_s < JOB_REPEAT_MIN_S || self->repeat_s > JOB_REPEAT_MAX_S))
        return bg_fail (err, BG_INVALID, "repeats within a day are 10 seconds to 24 hours apart");
    return bg_ok ();
}

bg_result job_schedule_check (const job_schedule *self, bg_error *err)
{
    BG_TRY (check_policies (self, err));
    BG_TRY (check_dates (self, err));
    BG_TRY (check_form (self, err));
    BG_TRY (check_counting (self, err));
    BG_TRY (check_times (self, err));
    int64_t first_us = 0;
    if (job_schedule_is_event (self) || job_schedule_next (self, INT64_MIN, &first_us, NULL))
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_INVALID, "it never happens"));
    return bg_hint (err, self->start_date || self->end_date
                             ? "no time that it asks for lies between its dates"
                             : "no such day or time exists");
}
