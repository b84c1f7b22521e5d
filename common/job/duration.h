/*  Durations as people write them: 90s, 5m, 2h, 7d, 1h30m.

    Whole numbers, each with its unit, larger units first, each unit once, nothing between them. `0`
    needs no unit; every other number does, since nobody agrees on what a bare 90 means.
*/
#ifndef BUGLE_JOB_DURATION_H
#define BUGLE_JOB_DURATION_H

#include "common/base/slice.h"

/*  36,525 days, a hundred years.  */
#define JOB_DURATION_MAX_US (INT64_C (36525) * 86400 * 1000000)
#define JOB_DURATION_TEXT   32

typedef struct {
    char text[JOB_DURATION_TEXT];
} job_duration_string;

/*  Microseconds, 0 to JOB_DURATION_MAX_US. The unit ms is for those who say so. BG_INVALID,
 * BG_TOO_LARGE.  */
bg_result job_duration_parse (
    bg_slice text, bool allow_ms, int64_t *duration_us, bg_error *err) BG_CHECKED;
/*  The shortest text: one number in the largest unit that leaves no rest, 90m and not 1h30m. What
    is below a millisecond is cut off; so parsing gives back the same for whole milliseconds. Not
    negative.  */
job_duration_string job_duration_text (int64_t duration_us);

#endif
