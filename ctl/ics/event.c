/*  The lines of a VEVENT: see event.h. What they come to is expand.c's.

    A property that neither changes when the event is nor is an extension (X-...) has to be in the list of those that may be
    passed over; any other is refused, because it may say something about the time.  */
#include "ctl/ics/event.h"

#include <stdlib.h>

/*  Say nothing about when.  */
static const char *const harmless[] = {"ATTACH", "ATTENDEE", "CATEGORIES", "CLASS", "COLOR",
    "COMMENT", "CONFERENCE", "CONTACT", "CREATED", "DESCRIPTION", "DTSTAMP", "GEO", "IMAGE",
    "LAST-MODIFIED", "LOCATION", "NAME", "ORGANIZER", "PRIORITY", "RELATED-TO", "REQUEST-STATUS",
    "RESOURCES", "SEQUENCE", "STRUCTURED-DATA", "STYLED-DESCRIPTION", "SUMMARY", "TRANSP", "UID",
    "URL"};

void ctl_ics_event_fini (ctl_ics_event *self)
{
    free (self->without);
    free (self->extra);
    *self = (ctl_ics_event){0};
}

const job_zone *ctl_ics_event_zone (ctl_ics_scope *scope, uint32_t line, bg_slice tzid)
{
    bg_error err = {0};
    const job_zone *zone = NULL;
    if (job_zone_name_valid (tzid))
        zone = scope->zones.lookup (scope->zones.ctx, tzid, &err);
    if (!zone)
        ctl_ics_refuse (scope->refusals, line,
            "this machine has no time zone '%s'; write an IANA name such as Europe/Berlin",
            ctl_ics_quote (scope->arena, tzid));
    return zone;
}

/*  The one zone and kind of value that the parameters of a line say. False: refused.  */
static bool read_params (
    ctl_ics_scope *scope, const ctl_ics_line *line, const job_zone **zone, bg_slice *kind)
{
    *zone = NULL;
    *kind = (bg_slice){0};
    for (size_t i = 0; i < line->param_count; i++) {
        const ctl_ics_param *param = &line->params[i];
        if (bg_slice_is (param->name, "TZID")) {
            *zone = ctl_ics_event_zone (scope, line->line, param->value);
            if (!*zone)
                return false;
        } else if (bg_slice_is (param->name, "VALUE")) {
            *kind = param->value;
        } else if (param->name.size < 2 || memcmp (param->name.data, "X-", 2) != 0) {
            ctl_ics_refuse (scope->refusals, line->line,
                "%s has a parameter %s, which is not taken",
                ctl_ics_quote (scope->arena, line->name),
                ctl_ics_quote (scope->arena, param->name));
            return false;
        }
    }
    return true;
}

static bool refuse (ctl_ics_scope *scope, const ctl_ics_line *line, const bg_error *err)
{
    ctl_ics_refuse (scope->refusals, line->line, "%s: %s", ctl_ics_quote (scope->arena, line->name),
        err->message);
    return false;
}

/*  One time; VALUE, when it is said, has to fit.  */
static bool read_time (ctl_ics_scope *scope, const ctl_ics_line *line, bg_slice text,
    const job_zone *zone, bg_slice kind, ctl_ics_time *time)
{
    bg_error err = {0};
    if (bg_failed (ctl_ics_time_read (text, zone, scope->utc, time, &err)))
        return refuse (scope, line, &err);
    const char *expected = time->kind == CTL_ICS_DATE ? "DATE" : "DATE-TIME";
    if (kind.size == 0 || bg_slice_is (kind, expected))
        return true;
    bg_ignore (bg_fail (&err, BG_INVALID, "VALUE is %s and the value a %s",
        ctl_ics_quote (scope->arena, kind), expected));
    return refuse (scope, line, &err);
}

static bool read_single (
    ctl_ics_scope *scope, const ctl_ics_line *line, bool *has, ctl_ics_time *time)
{
    const job_zone *zone = NULL;
    bg_slice kind;
    if (*has) {
        bg_error err = {0};
        bg_ignore (bg_fail (&err, BG_INVALID, "an event has one"));
        return refuse (scope, line, &err);
    }
    *has = true;
    return read_params (scope, line, &zone, &kind) &&
           read_time (scope, line, line->value, zone, kind, time);
}

static bool take_start (ctl_ics_scope *scope, ctl_ics_event *event, const ctl_ics_line *line)
{
    return read_single (scope, line, &event->has_start, &event->start);
}

static bool take_end (ctl_ics_scope *scope, ctl_ics_event *event, const ctl_ics_line *line)
{
    event->end_line = line->line;
    return read_single (scope, line, &event->has_end, &event->end);
}

static bool take_length (ctl_ics_scope *scope, ctl_ics_event *event, const ctl_ics_line *line)
{
    bg_error err = {0};
    event->end_line = line->line;
    if (event->has_length)
        bg_ignore (bg_fail (&err, BG_INVALID, "an event has one"));
    else
        bg_ignore (ctl_ics_length_read (line->value, &event->length, &err));
    event->has_length = true;
    return err.code == BG_OK || refuse (scope, line, &err);
}

static bool take_rule (ctl_ics_scope *scope, ctl_ics_event *event, const ctl_ics_line *line)
{
    bg_error err = {0};
    if (event->rule_line > 0)
        bg_ignore (bg_fail (&err, BG_INVALID, "an event has one; write a second event"));
    else
        bg_ignore (ctl_ics_rule_read (line->value, scope->utc, scope->arena, &event->rule, &err));
    event->rule_line = line->line;
    return err.code == BG_OK || refuse (scope, line, &err);
}

static bool take_status (ctl_ics_scope *scope, ctl_ics_event *event, const ctl_ics_line *line)
{
    event->is_cancelled = bg_slice_is (line->value, "CANCELLED");
    if (event->is_cancelled || bg_slice_is (line->value, "CONFIRMED") ||
        bg_slice_is (line->value, "TENTATIVE"))
        return true;
    ctl_ics_refuse (scope->refusals, line->line, "STATUS '%s' is not known",
        ctl_ics_quote (scope->arena, line->value));
    return false;
}

/*  Values that are joined by commas, one after the other. False at the end.  */
static bool next_value (bg_slice *rest, bool *is_over, bg_slice *value)
{
    if (*is_over)
        return false;
    const uint8_t *comma = rest->size > 0 ? memchr (rest->data, ',', rest->size) : NULL;
    size_t size = comma ? (size_t) (comma - rest->data) : rest->size;
    *value = bg_slice_of (rest->data, size);
    *is_over = !comma;
    if (comma)
        *rest = bg_slice_of (comma + 1, rest->size - size - 1);
    return true;
}

static bool too_many (ctl_ics_scope *scope, const ctl_ics_line *line)
{
    ctl_ics_refuse (scope->refusals, line->line, "an event has at most %d values of %s",
        CTL_ICS_TIMES_MAX, ctl_ics_quote (scope->arena, line->name));
    return false;
}

static bool take_without (ctl_ics_scope *scope, ctl_ics_event *event, const ctl_ics_line *line)
{
    const job_zone *zone = NULL;
    bg_slice kind;
    if (!read_params (scope, line, &zone, &kind))
        return false;
    bg_slice rest = line->value;
    bg_slice value;
    for (bool is_over = false; next_value (&rest, &is_over, &value);) {
        if (event->without_count == CTL_ICS_TIMES_MAX)
            return too_many (scope, line);
        ctl_ics_time time = {0};
        if (!read_time (scope, line, value, zone, kind, &time))
            return false;
        size_t size = (event->without_count + 1) * sizeof time;
        event->without = bg_realloc (event->without, size);
        event->without[event->without_count++] = time;
    }
    return true;
}

/*  START/END or START/DURATION.  */
static bool read_period (ctl_ics_scope *scope, const ctl_ics_line *line, bg_slice text,
    const job_zone *zone, ctl_ics_extra *extra)
{
    bg_error err = {0};
    const uint8_t *slash = text.size > 0 ? memchr (text.data, '/', text.size) : NULL;
    if (!slash) {
        bg_ignore (bg_fail (&err, BG_INVALID, "a PERIOD is START/END or START/DURATION"));
        return refuse (scope, line, &err);
    }
    size_t size = (size_t) (slash - text.data);
    bg_slice second = bg_slice_of (slash + 1, text.size - size - 1);
    bg_slice any = {0};
    if (!read_time (scope, line, bg_slice_of (text.data, size), zone, any, &extra->begin))
        return false;
    extra->has_length = second.size > 0 && (second.data[0] == 'P' || second.data[0] == '+');
    extra->has_end = !extra->has_length;
    if (extra->has_end)
        return read_time (scope, line, second, zone, any, &extra->end);
    if (bg_failed (ctl_ics_length_read (second, &extra->length, &err)))
        return refuse (scope, line, &err);
    return true;
}

static bool take_extra (ctl_ics_scope *scope, ctl_ics_event *event, const ctl_ics_line *line)
{
    const job_zone *zone = NULL;
    bg_slice kind;
    if (!read_params (scope, line, &zone, &kind))
        return false;
    bool are_periods = bg_slice_is (kind, "PERIOD");
    bg_slice rest = line->value;
    bg_slice value;
    for (bool is_over = false; next_value (&rest, &is_over, &value);) {
        if (event->extra_count == CTL_ICS_TIMES_MAX)
            return too_many (scope, line);
        ctl_ics_extra extra = {0};
        bool is_read = are_periods ? read_period (scope, line, value, zone, &extra)
                                   : read_time (scope, line, value, zone, kind, &extra.begin);
        if (!is_read)
            return false;
        event->extra = bg_realloc (event->extra, (event->extra_count + 1) * sizeof extra);
        event->extra[event->extra_count++] = extra;
    }
    return true;
}

static const struct {
    const char *name;
    bool (*take) (ctl_ics_scope *scope, ctl_ics_event *event, const ctl_ics_line *line);
} takers[] = {
    {"DTSTART", take_start},
    {"DTEND", take_end},
    {"DURATION", take_length},
    {"RRULE", take_rule},
    {"EXDATE", take_without},
    {"RDATE", take_extra},
    {"STATUS", take_status},
};

static bool is_harmless (bg_slice name)
{
    if (name.size >= 2 && memcmp (name.data, "X-", 2) == 0)
        return true;
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        if (bg_slice_is (name, harmless[i]))
            return true;
    }
    return false;
}

void ctl_ics_event_line (ctl_ics_scope *scope, ctl_ics_event *event, const ctl_ics_line *line)
{
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        if (bg_slice_is (line->name, takers[i].name)) {
            if (!takers[i].take (scope, event, line))
                event->is_refused = true;
            return;
        }
    }
    if (is_harmless (line->name))
        return;
    ctl_ics_refuse (scope->refusals, line->line, "%s of an event is not taken%s",
        ctl_ics_quote (scope->arena, line->name),
        bg_slice_is (line->name, "RECURRENCE-ID")
            ? ": write EXDATE in the series and an event of its own instead"
            : "");
    event->is_refused = true;
}
