/*  Occurrences in words and in JSON: see occurrence_view.h.  */
#include "ctl/occurrence_view.h"

#include "ctl/times.h"

#include <inttypes.h>
#include <stdlib.h>

#define SECOND_US INT64_C (1000000)

/*  "2026-03-29T03:00:00" of seconds since 1970 on a wall clock.  */
static void civil_text (int64_t local_s, bg_buf *out)
{
    ctl_times_rfc3339 (local_s * SECOND_US, out);
    out->size--; /*  the Z  */
}

void ctl_wall_text (int64_t utc_us, int32_t offset_s, bg_buf *out)
{
    BG_AUTO_BUF civil = {0};
    const int64_t utc_s = utc_us / SECOND_US - (utc_us % SECOND_US < 0);
    const int32_t minutes = abs (offset_s) / 60;
    civil_text (utc_s + offset_s, &civil);
    const char *text = bg_buf_cstr (&civil);
    bg_buf_printf (out, "%.10s %s %c%02" PRId32 ":%02" PRId32, text, text + 11,
        offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
    if (abs (offset_s) % 60 != 0)
        bg_buf_printf (out, ":%02d", abs (offset_s) % 60);
}

void ctl_occurrence_note (const ctl_occurrence *occurrence, bg_buf *out)
{
    const job_schedule_mark *mark = &occurrence->mark;
    const size_t start = out->size;
    if (mark->kept_out)
        bg_buf_printf (out, "left out by calendar %.*s", BG_SLICE_ARG (mark->kept_out->name));
    if (mark->is_shifted) {
        BG_AUTO_BUF asked = {0};
        civil_text (mark->asked_local_s, &asked);
        bg_buf_printf (out, "%s%s does not exist that day", out->size > start ? "; " : "",
            bg_buf_cstr (&asked) + 11);
    }
    if (mark->fold != 0)
        bg_buf_printf (out, "%s%s of two such times", out->size > start ? "; " : "",
            mark->fold == 1 ? "the first" : "the second");
}

json_t *ctl_occurrence_json (const ctl_occurrence *occurrence)
{
    BG_AUTO_BUF local = {0};
    BG_AUTO_BUF note = {0};
    ctl_wall_text (occurrence->nominal_us, occurrence->mark.offset_s, &local);
    ctl_occurrence_note (occurrence, &note);
    const job_calendar *calendar = occurrence->mark.kept_out;
    return json_pack ("{s:o, s:o, s:o, s:s, s:o, s:o}", "schedule",
        ctl_json_slice (occurrence->schedule->name), "at", ctl_json_time (occurrence->nominal_us),
        "local", ctl_json_slice (bg_buf_slice (&local)), "zone",
        ctl_schedule_zone (occurrence->schedule), "note",
        ctl_json_text_or_null (bg_buf_slice (&note)), "left_out_by",
        calendar ? ctl_json_slice (calendar->name) : json_null ());
}
