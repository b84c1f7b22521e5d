/*  Times and durations as people type and read them.

    A time is a duration ("7d": that long ago, or ahead where the option looks ahead), "now",
    "today", "yesterday", a date 2026-03-01, a date and time 2026-03-01T12:00[:30[.5]] or with a
    blank instead of the T, both local unless an offset (Z, +01:00) follows.
*/
#ifndef BUGLE_CTL_TIMES_H
#define BUGLE_CTL_TIMES_H

#include "common/base/slice.h"

/*  Microseconds UTC. now_us is the clock to count from. BG_INVALID.  */
bg_result ctl_times_parse (
    bg_slice text, int64_t now_us, int64_t *utc_us, bg_error *err) BG_CHECKED;
/*  The same, a duration counts ahead and the time must lie after now.  */
bg_result ctl_times_parse_ahead (
    bg_slice text, int64_t now_us, int64_t *utc_us, bg_error *err) BG_CHECKED;

/*  Appends RFC 3339 in UTC: 2026-03-01T12:00:00Z, with the fraction when there is one.  */
void ctl_times_rfc3339 (int64_t utc_us, bg_buf *out);
/*  Appends for people: 2026-03-01 13:00:00 +01:00, or 2026-03-01 12:00:00 Z.  */
void ctl_times_people (int64_t utc_us, bool is_utc, bg_buf *out);
/*  Appends 340ms, 4.2s, 3m05s, 2h10m, 3d4h: what the eye needs.  */
void ctl_times_span (int64_t duration_us, bg_buf *out);
/*  Appends m:ss or h:mm:ss, for progress lines.  */
void ctl_times_clock (int64_t duration_us, bg_buf *out);

#endif
