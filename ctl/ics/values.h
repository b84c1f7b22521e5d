/*  Values of iCalendar: dates, times in their zones, lengths of time.

    Each is held against the grammar of RFC 5545 first, then read by libical. Seconds of the wall count since 1970-01-01
    00:00:00 of the clock that the value speaks of.
*/
#ifndef BUGLE_CTL_ICS_VALUES_H
#define BUGLE_CTL_ICS_VALUES_H

#include "common/job/zone.h"
#include "ctl/ics/lines.h"

typedef enum {
    CTL_ICS_DATE = 1, /*  a whole day, wherever  */
    CTL_ICS_FLOATING, /*  a wall clock, wherever  */
    CTL_ICS_ZONED,    /*  a wall clock in a zone, UTC included  */
} ctl_ics_time_kind;

typedef struct {
    ctl_ics_time_kind kind;
    int64_t local;        /*  seconds of the wall; of a date its midnight  */
    const job_zone *zone; /*  of ZONED, borrowed  */
    bool is_utc;          /*  written with Z  */
} ctl_ics_time;

typedef struct {
    int64_t days;    /*  of the calendar  */
    int64_t seconds; /*  exact, beside the days  */
} ctl_ics_length;

/*  Where zones come from: NULL with a sentence in err when there is none of that name.  */
typedef struct {
    const job_zone *(*lookup) (void *ctx, bg_slice name, bg_error *err);
    void *ctx;
} ctl_ics_zones;

/*  A DATE or DATE-TIME; zone is that of TZID, NULL without. BG_INVALID with a part of a sentence.  */
bg_result ctl_ics_time_read (bg_slice text, const job_zone *zone, const job_zone *utc,
    ctl_ics_time *time, bg_error *err) BG_CHECKED;
/*  A positive DURATION of at most ten years.  */
bg_result ctl_ics_length_read (bg_slice text, ctl_ics_length *length, bg_error *err) BG_CHECKED;

/*  The instant of a time, UTC seconds; of what no clock shows, as by the offset before the gap, and of what it shows twice
    the first (RFC 5545, 3.3.5). For DATE and FLOATING the seconds of the wall.  */
int64_t ctl_ics_instant (ctl_ics_time time);
/*  When something that long and begun then is over, in the same terms.  */
int64_t ctl_ics_end (ctl_ics_time begin, ctl_ics_length length);

#endif
