/*  Reading calendars: days, ranges of time, and iCalendar files.

    Everything becomes ranges of seconds: local ones, which every schedule reads in its own zone, and
    those of instants. They are put in order and joined here, since people write holidays as they
    come to mind and the document takes them ascending and apart.  */
#include "common/job/yaml_read.h"

#include "common/job/calendar.h"
#include "common/job/civil.h"
#include "common/job/duration.h"
#include "common/job/names.h"

#include <stdlib.h>

typedef struct {
    job_calendar_range *items;
    size_t count, capacity;
} range_list;

static void add_range (range_list *self, int64_t from, int64_t until)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 32;
        self->items = bg_realloc (self->items, self->capacity * sizeof *self->items);
    }
    self->items[self->count++] = (job_calendar_range){from, until};
}

static int compare_ranges (const void *a, const void *b)
{
    const job_calendar_range *left = a, *right = b;
    return (left->from > right->from) - (left->from < right->from);
}

/*  In order, and those that touch as one.  */
static void join_ranges (range_list *self)
{
    size_t kept = 0;
    if (self->count > 1)
        qsort (self->items, self->count, sizeof *self->items, compare_ranges);
    for (size_t i = 0; i < self->count; i++) {
        job_calendar_range *last = kept > 0 ? &self->items[kept - 1] : NULL;
        if (!last || self->items[i].from > last->until)
            self->items[kept++] = self->items[i];
        else if (self->items[i].until > last->until)
            last->until = self->items[i].until;
    }
    self->count = kept;
}

static bg_slice bytes_of (job_yaml_reader *self, range_list *ranges)
{
    BG_AUTO_BUF bytes = {0};
    join_ranges (ranges);
    for (size_t i = 0; i < ranges->count; i++)
        job_calendar_range_append (&bytes, ranges->items[i]);
    free (ranges->items);
    return bytes.size ? bg_arena_copy (self->arena, bg_buf_slice (&bytes)) : (bg_slice){0};
}

static void take_ranges (range_list *self, bg_slice bytes)
{
    for (size_t i = 0; i < job_calendar_range_count (bytes); i++) {
        job_calendar_range range = job_calendar_range_at (bytes, i);
        add_range (self, range.from, range.until);
    }
}

/*  ---- days ----  */

/*  YYYY-MM-DD and nothing more, as midnight of its wall clock.  */
static bool read_one_day (
    job_yaml_reader *self, const bg_yaml *node, bg_slice text, int64_t *seconds)
{
    bg_yaml part = *node;
    bool has_time = false;
    part.text = bg_arena_copy (self->arena, text);
    if (text.size > 10) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "a day must be a date such as 2026-12-24, or two with .. between them, not \"%s\"; "
            "times "
            "belong to ranges",
            (const char *) node->text.data);
        return false;
    }
    return job_yaml_moment (self, &part, "a day", true, seconds, &has_time);
}

static void read_day (job_yaml_reader *self, const bg_yaml *node, range_list *local)
{
    bg_slice text;
    int64_t first, last;
    if (!job_yaml_text (self, node, "a day", 64, false, &text))
        return;
    const char *dots = strstr ((const char *) text.data, "..");
    size_t size = dots ? (size_t) (dots - (const char *) text.data) : text.size;
    if (!read_one_day (self, node, bg_slice_of (text.data, size), &first))
        return;
    last = first;
    if (dots && !read_one_day (self, node, bg_slice_str (dots + 2), &last))
        return;
    if (last < first)
        bg_yaml_error (
            self->file, node, self->diag, NULL, "\"%s\" runs backwards", (const char *) text.data);
    else
        add_range (local, first, last + JOB_DAY_SECONDS);
}

static void read_days (job_yaml_reader *self, const bg_yaml *node, range_list *local)
{
    if (node->kind == BG_YAML_LIST && node->count == 0)
        return; /*  nothing is known yet: within allows nothing  */
    if (!job_yaml_is_list (self, node, "days", "[2026-12-25, \"2026-12-27..2026-12-31\"]"))
        return;
    for (size_t i = 0; i < node->count; i++)
        read_day (self, node->items[i], local);
}

/*  ---- ranges ----  */

/*  The instant of a time of a zone's wall clock: of one in a gap its end; of one that exists twice the
    pass that makes the range longer.  */
static int64_t instant_of (const job_zone *zone, int64_t local_s, bool is_end)
{
    int64_t first, second;
    job_local_result how = job_zone_to_utc (zone, local_s, &first, &second);
    return how == JOB_LOCAL_FOLD && is_end ? second : first;
}

static void add_in_zone (job_yaml_reader *self, const bg_yaml *node, const bg_yaml *zone_node,
    int64_t from, int64_t until, range_list *utc)
{
    const job_yaml_ports *ports = self->ports;
    bg_error err = {0};
    bg_slice name;
    if (!job_yaml_zone_name (self, zone_node, "floating, utc", &name))
        return;
    const job_zone *zone =
        ports->zone ? ports->zone (ports->ctx, (const char *) name.data, &err) : NULL;
    if (!zone) {
        if (err.code == BG_OK)
            bg_ignore (bg_fail (&err, BG_NOT_FOUND, "zones cannot be read here; write zone: utc"));
        job_yaml_refuse (self, zone_node, 0, NULL, &err);
        return;
    }
    from = instant_of (zone, from, false);
    until = instant_of (zone, until, true);
    if (until <= from)
        bg_yaml_error (self->file, node, self->diag, NULL,
            "the range has no length: the clocks of its zone change just then");
    else
        add_range (utc, from, until);
}

static void read_range (
    job_yaml_reader *self, const bg_yaml *node, range_list *local, range_list *utc)
{
    static const char *const keys[] = {"from", "to"};
    int64_t moments[2] = {0};
    bool has_time[2] = {true, true}, is_good = true;
    if (!job_yaml_map (self, node, JOB_MAP_RANGE, NULL))
        return;
    for (size_t i = 0; i < 2; i++) {
        const bg_yaml *value = job_yaml_value (node, keys[i]);
        if (!job_yaml_key (node, keys[i]))
            job_yaml_missing (self, node,
                i == 0 ? "a range has no beginning" : "a range has no end",
                "{from: 2026-12-24T18:00, to: 2026-12-25T06:00}");
        is_good = value &&
                  job_yaml_moment (self, value, keys[i], true, &moments[i], &has_time[i]) &&
                  is_good;
    }
    if (!is_good)
        return;
    if (!has_time[1])
        moments[1] += JOB_DAY_SECONDS; /*  a day belongs to the range as a whole  */
    if (moments[1] <= moments[0]) {
        bg_yaml_error (self->file, job_yaml_value (node, "to"), self->diag, NULL,
            "the range ends before it begins");
        return;
    }
    const bg_yaml *zone = job_yaml_value (node, "zone");
    if (!zone || bg_slice_is (zone->text, "floating"))
        add_range (local, moments[0], moments[1]);
    else if (bg_slice_is (zone->text, "utc") || bg_slice_is (zone->text, "UTC"))
        add_range (utc, moments[0], moments[1]);
    else
        add_in_zone (self, node, zone, moments[0], moments[1], utc);
}

static void read_ranges (
    job_yaml_reader *self, const bg_yaml *node, range_list *local, range_list *utc)
{
    if (!job_yaml_is_list (
            self, node, "ranges", "[{from: 2026-12-24T18:00, to: 2026-12-25T06:00}]"))
        return;
    for (size_t i = 0; i < node->count; i++)
        read_range (self, node->items[i], local, utc);
}

/*  ---- iCalendar ----  */

static void read_ics (job_yaml_reader *self, const bg_yaml *node, const bg_yaml *map,
    range_list *local, range_list *utc, wire_calendar *to)
{
    const job_yaml_ports *ports = self->ports;
    const bg_yaml *years_node = job_yaml_value (map, "years");
    uint64_t years = 2;
    bg_slice path;
    bg_error err = {0};
    wire_calendar read = {0};
    if (years_node &&
        !job_yaml_number (self, years_node, "years", 1, JOB_YAML_ICS_YEARS_MAX, &years))
        return;
    if (!job_yaml_text (self, node, "ics", 1024, false, &path))
        return;
    bg_result result =
        ports->ics ? ports->ics (ports->ctx, bg_yaml_name (self->file), (const char *) path.data,
                         (unsigned) years, self->arena, &read, &err)
                   : bg_fail (&err, BG_INVALID, "iCalendar files cannot be read here");
    if (bg_failed (result)) {
        job_yaml_refuse (self, node, 0, NULL, &err);
        return;
    }
    take_ranges (local, read.local_ranges);
    take_ranges (utc, read.utc_ranges);
    to->horizon_us = read.horizon_us;
    if (to->source.size == 0)
        to->source = read.source;
}

/*  ---- the whole ----  */

void job_yaml_read_calendar (job_yaml_reader *self, const bg_yaml *node, wire_calendar *to)
{
    range_list local = {0}, utc = {0};
    to->horizon_us = JOB_YAML_HORIZON_US;
    if (!job_yaml_map (self, node, JOB_MAP_CALENDAR, to))
        return;
    const bg_yaml *days = job_yaml_value (node, "days"), *ranges = job_yaml_value (node, "ranges");
    const bg_yaml *ics = job_yaml_value (node, "ics"), *years = job_yaml_key (node, "years");
    const bg_yaml *horizon = job_yaml_key (node, "horizon");
    if (!job_yaml_key (node, "days") && !job_yaml_key (node, "ranges") &&
        !job_yaml_key (node, "ics"))
        job_yaml_missing (self, node, "a calendar has no days",
            "days: [2026-12-25], ranges: [{from: 2026-12-24T18:00, to: 2026-12-25T06:00}] or ics: "
            "FILE");
    if (years && !ics)
        bg_yaml_error (self->file, years, self->diag, NULL,
            "years says how far an iCalendar file is read; it belongs to ics");
    if (horizon && ics)
        bg_yaml_error (self->file, horizon, self->diag, NULL,
            "what an iCalendar file knows ends with years; leave horizon out");
    if (days)
        read_days (self, days, &local);
    if (ranges)
        read_ranges (self, ranges, &local, &utc);
    if (ics)
        read_ics (self, ics, node, &local, &utc, to);
    to->local_ranges = bytes_of (self, &local);
    to->utc_ranges = bytes_of (self, &utc);
}
