/*  Calendars from iCalendar files, for `calendar apply --ics` and the key `ics:` of calendar documents.

    The file is read by a program of its own, bugle-ics, with hard limits of time and memory: what a stranger's file does
    to a reader of iCalendar stays there. What comes back is nothing but ranges of time, which are checked here.
*/
#ifndef BUGLE_CTL_ICS_H
#define BUGLE_CTL_ICS_H

#include "common/base/arena.h"
#include "proto/wire.h"

#define CTL_ICS_YEARS_MAX 10
#define CTL_ICS_YEARS     2 /*  unless said otherwise  */

/*  Fills local_ranges, utc_ranges, horizon_us and source of a calendar from the file at path; the other fields stay as they
    are. What is covered: from one year before the month of now_us to years (1 to 10) after that month's end, so that an
    unchanged file gives the same bytes for all of a month. Memory is the arena's.

    BG_INVALID: a sentence with the path and the first line that is not understood, and how many more; also when years is
    not 1 to 10. BG_TOO_LARGE: the file, or more ranges than a calendar holds. BG_TIMEOUT: it took more than 10 s.
    BG_NOT_FOUND: the file, or the program bugle-ics. BG_IO.  */
bg_result ctl_ics_calendar (const char *path, unsigned years, int64_t now_us, bg_arena *arena,
    wire_calendar *calendar, bg_error *err) BG_CHECKED;

#endif
