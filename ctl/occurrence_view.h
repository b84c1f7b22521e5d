/*  Occurrences in words and in JSON. Pure.  */
#ifndef BUGLE_CTL_OCCURRENCE_VIEW_H
#define BUGLE_CTL_OCCURRENCE_VIEW_H

#include "ctl/occurrences.h"

/*  Appends the wall clock at an instant, "2026-03-29 03:00:00 +02:00": offset_s east of UTC.  */
void ctl_wall_text (int64_t utc_us, int32_t offset_s, bg_buf *out);
/*  Appends what is peculiar about it: "02:30:00 does not exist", "second of two", "left out by holidays"; nothing, mostly.  */
void ctl_occurrence_note (const ctl_occurrence *occurrence, bg_buf *out);
/*  {schedule, at (UTC), local, zone, note, left_out_by (a calendar, or null)}. New reference.  */
json_t *ctl_occurrence_json (const ctl_occurrence *occurrence);

#endif
