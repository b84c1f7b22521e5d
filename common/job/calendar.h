/*  Calendars: ranges of time in which schedules do not run, or in which alone they do.

    A calendar document (proto/messages.def, calendar) carries its ranges as bytes: each 16, from
    and until (not included) as big-endian int64 seconds, ascending and apart from each other. Local
    ranges are read off the wall clock of whichever zone the schedule has, UTC ranges are instants.
    It knows nothing from its horizon on.

    A job_calendar is a view: it borrows name and bytes of the document, which must outlive it, and
    is never changed. Pure.
*/
#ifndef BUGLE_JOB_CALENDAR_H
#define BUGLE_JOB_CALENDAR_H

#include "common/job/zone.h"

#define JOB_CALENDAR_RANGE_BYTES 16
#define JOB_CALENDAR_RANGES_MAX  10240 /*  of each sort: what the document holds  */
/*  Bounds of what a range may say: 1900-01-01 and 10000-01-01, in seconds.  */
#define JOB_CALENDAR_SECONDS_MIN INT64_C (-2208988800)
#define JOB_CALENDAR_SECONDS_MAX INT64_C (253402300800)

typedef struct {
    bg_slice name;
    bg_slice local_ranges;
    bg_slice utc_ranges;
    int64_t horizon_us;
} job_calendar;

/*  Seconds, until is not included.  */
typedef struct {
    int64_t from;
    int64_t until;
} job_calendar_range;

/*  The form of the ranges: whole ones, from before until, ascending, apart (a range that begins
    where another ends belongs to it), within the bounds above; BG_INVALID with a sentence
    otherwise. What fails must not be asked.  */
bg_result job_calendar_check (const job_calendar *self, bg_error *err) BG_CHECKED;
/*  Whether an instant lies in a range. zone is for the local ones; NULL is UTC. Never from the
    horizon on.  */
bool job_calendar_covers (const job_calendar *self, const job_zone *zone, int64_t at_us);

/*  For those who show or make ranges.  */
size_t job_calendar_range_count (bg_slice ranges);
job_calendar_range job_calendar_range_at (bg_slice ranges, size_t index);
/*  Appends the 16 bytes of a range.  */
void job_calendar_range_append (bg_buf *ranges, job_calendar_range range);

#endif
