/*  The rule at the end of a zone file: when daylight saving begins and ends in the years after its
    table.

    Written as the TZ string of POSIX with the extensions of RFC 8536 section 3.3.1: times of -167
    to +167 hours and daylight saving that lies behind standard time (Europe/Dublin). Part of
    zone.h's inside; others use zones.
*/
#ifndef BUGLE_JOB_TZRULE_H
#define BUGLE_JOB_TZRULE_H

#include "common/base/slice.h"

typedef struct {
    enum {
        JOB_TZDAY_MONTH = 1,       /*  M: the week-th weekday of month; week 5 is the last  */
        JOB_TZDAY_JULIAN = 2,      /*  J: day 1 to 365, February 29 is never counted  */
        JOB_TZDAY_ZERO_JULIAN = 3, /*  n: day 0 to 365, February 29 is counted  */
    } kind;
    int month;
    int week;
    int day;              /*  weekday of M, 0 Sunday; else day of the year  */
    int32_t time_seconds; /*  after local midnight  */
} job_tzday;

typedef struct {
    int32_t standard_offset; /*  seconds east of UTC  */
    int32_t daylight_offset;
    bool has_daylight;
    job_tzday start; /*  in standard time  */
    job_tzday end;   /*  in daylight time  */
} job_tzrule;

/*  Strict: names of three and more characters, rules whenever there is daylight saving, nothing
    after the end. BG_MALFORMED otherwise.  */
bg_result job_tzrule_parse (bg_slice text, job_tzrule *rule, bg_error *err) BG_CHECKED;
/*  The UTC second at which daylight saving starts (or ends) by the rule of that year; the instant
    itself may fall into the year before or after. The rule must have daylight saving.  */
int64_t job_tzrule_instant (const job_tzrule *rule, int year, bool is_start);

#endif
