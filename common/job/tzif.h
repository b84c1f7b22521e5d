/*  Zone files as bytes: the TZif format, RFC 8536 and 9636.

    Reads the second data block (64-bit times) and the rule at the end; the first block is skipped,
    as the RFC asks. Version 1 files, files that count leap seconds (the "right/" ones) and
    everything the RFC forbids are refused: a zone that is read wrongly runs jobs at the wrong time.
    Part of zone.h's inside; others use zones.
*/
#ifndef BUGLE_JOB_TZIF_H
#define BUGLE_JOB_TZIF_H

#include "common/base/slice.h"
#include "common/job/tzrule.h"

/*  The largest real file has less than 4 KiB.  */
#define JOB_TZIF_BYTES_MAX (128 * 1024)

typedef struct {
    size_t count;         /*  transitions  */
    int64_t *instants;    /*  UTC seconds, strictly ascending, -2^59 to the end of the year 9999  */
    int32_t *offsets;     /*  seconds east of UTC from the instant on  */
    int32_t first_offset; /*  before the first transition  */
    bool has_rule;
    job_tzrule rule; /*  after the last transition  */
} job_tzif;

/*  Fills an all-zero self; BG_MALFORMED, BG_TOO_LARGE or BG_NOT_IN_VERSION (version 1, leap
 * seconds) leave it so.  */
bg_result job_tzif_parse (bg_slice bytes, job_tzif *self, bg_error *err) BG_CHECKED;
void job_tzif_fini (job_tzif *self);

#endif
