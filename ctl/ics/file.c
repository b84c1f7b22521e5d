/*  Components of a file: VCALENDAR, in it VEVENT (with VALARM, passed over) and VTIMEZONE; everything else is refused.

    Zones are this machine's. The rules of a VTIMEZONE are not used: its name is looked up here as that of a TZID is, so that
    a calendar says the same as every other schedule in that zone.  */
#include "ctl/ics/file.h"

typedef enum { OUTSIDE, CALENDAR, EVENT, ALARM, ZONE, ZONE_PART, OTHER } place;

typedef struct {
    ctl_ics_scope *scope;
    place at;
    uint32_t begun; /*  line of the BEGIN of where we are  */
    place other_in; /*  of OTHER: where it stands  */
    size_t other_depth;
    bool has_version;
    size_t calendars;
    uint32_t calendar_line;
    ctl_ics_event event;
} walk;

static const struct {
    place in;
    const char *name;
    place to;
} steps[] = {
    {OUTSIDE, "VCALENDAR", CALENDAR},
    {CALENDAR, "VEVENT", EVENT},
    {CALENDAR, "VTIMEZONE", ZONE},
    {EVENT, "VALARM", ALARM},
    {ZONE, "STANDARD", ZONE_PART},
    {ZONE, "DAYLIGHT", ZONE_PART},
};
#define STEPS (sizeof steps / sizeof steps[0])

static const char *quote (const walk *self, bg_slice text)
{
    return ctl_ics_quote (self->scope->arena, text);
}

/*  Names of components are written in any case.  */
static bool is_name (bg_slice text, const char *name)
{
    if (text.size != strlen (name))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if ((byte >= 'a' && byte <= 'z' ? byte - 'a' + 'A' : byte) != name[i])
            return false;
    }
    return true;
}

static void enter (walk *self, const ctl_ics_line *line)
{
    self->begun = line->line;
    for (size_t i = 0; i < STEPS; i++) {
        if (steps[i].in != self->at || !is_name (line->value, steps[i].name))
            continue;
        self->at = steps[i].to;
        if (self->at == EVENT)
            self->event = (ctl_ics_event){.line = line->line};
        if (self->at == CALENDAR) {
            self->has_version = false;
            self->calendar_line = line->line;
            self->calendars++;
        }
        return;
    }
    ctl_ics_refuse (self->scope->refusals, line->line,
        "a component %s is not taken here; a calendar is made of VEVENT",
        quote (self, line->value));
    self->other_in = self->at;
    self->at = OTHER;
    self->other_depth = 1;
}

static void leave (walk *self, const ctl_ics_line *line)
{
    for (size_t i = 0; i < STEPS; i++) {
        if (steps[i].to != self->at || !is_name (line->value, steps[i].name))
            continue;
        if (self->at == EVENT) {
            ctl_ics_event_end (self->scope, &self->event);
            ctl_ics_event_fini (&self->event);
        }
        if (self->at == CALENDAR && !self->has_version)
            ctl_ics_refuse (self->scope->refusals, self->calendar_line,
                "the calendar does not say VERSION:2.0");
        self->at = steps[i].in;
        return;
    }
    ctl_ics_refuse (self->scope->refusals, line->line, "END:%s ends nothing that is open here",
        quote (self, line->value));
}

static void refuse_value (walk *self, const ctl_ics_line *line, const char *wanted)
{
    ctl_ics_refuse (self->scope->refusals, line->line, "%s:%s is not taken, only %s",
        quote (self, line->name), quote (self, line->value), wanted);
}

static void take_calendar_line (walk *self, const ctl_ics_line *line)
{
    static const char *const harmless[] = {"PRODID", "NAME", "DESCRIPTION", "UID", "URL",
        "LAST-MODIFIED", "CATEGORIES", "REFRESH-INTERVAL", "SOURCE", "COLOR", "IMAGE"};
    if (bg_slice_is (line->name, "VERSION")) {
        self->has_version = true;
        if (!bg_slice_is (line->value, "2.0"))
            refuse_value (self, line, "2.0");
        return;
    }
    if (bg_slice_is (line->name, "CALSCALE")) {
        if (!is_name (line->value, "GREGORIAN"))
            refuse_value (self, line, "GREGORIAN");
        return;
    }
    if (bg_slice_is (line->name, "METHOD")) {
        if (!is_name (line->value, "PUBLISH"))
            refuse_value (self, line, "PUBLISH");
        return;
    }
    bool is_known = line->name.size > 2 && memcmp (line->name.data, "X-", 2) == 0;
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        is_known = is_known || bg_slice_is (line->name, harmless[i]);
    if (!is_known)
        ctl_ics_refuse (self->scope->refusals, line->line, "%s of a calendar is not taken",
            quote (self, line->name));
}

static void take_line (walk *self, const ctl_ics_line *line)
{
    switch (self->at) {
    case OUTSIDE:
        ctl_ics_refuse (
            self->scope->refusals, line->line, "an iCalendar file begins with BEGIN:VCALENDAR");
        break;
    case CALENDAR:
        take_calendar_line (self, line);
        break;
    case EVENT:
        ctl_ics_event_line (self->scope, &self->event, line);
        break;
    case ZONE:
        if (bg_slice_is (line->name, "TZID"))
            (void) ctl_ics_event_zone (self->scope, line->line, line->value);
        break;
    case ALARM:
    case ZONE_PART:
    case OTHER:
        break;
    }
}

/*  In a component that was refused only its end matters.  */
static void pass_over (walk *self, const ctl_ics_line *line)
{
    if (bg_slice_is (line->name, "BEGIN"))
        self->other_depth++;
    else if (bg_slice_is (line->name, "END") && --self->other_depth == 0)
        self->at = self->other_in;
}

void ctl_ics_file_read (ctl_ics_scope *scope, bg_slice text)
{
    walk self = {.scope = scope, .at = OUTSIDE};
    ctl_ics_reader reader = ctl_ics_reader_on (text, scope->arena, scope->refusals);
    ctl_ics_line line;
    while (scope->refusals->count < CTL_ICS_REFUSALS_MAX && ctl_ics_read_line (&reader, &line)) {
        if (self.at == OTHER)
            pass_over (&self, &line);
        else if (bg_slice_is (line.name, "BEGIN"))
            enter (&self, &line);
        else if (bg_slice_is (line.name, "END"))
            leave (&self, &line);
        else
            take_line (&self, &line);
    }
    if (scope->refusals->count == 0 && self.at != OUTSIDE)
        ctl_ics_refuse (
            scope->refusals, self.begun, "what begins here does not end: the file is cut off");
    if (scope->refusals->count == 0 && self.calendars == 0)
        ctl_ics_refuse (scope->refusals, 1, "an iCalendar file begins with BEGIN:VCALENDAR");
    ctl_ics_event_fini (&self.event);
    ctl_ics_ranges_merge (&scope->local);
    ctl_ics_ranges_merge (&scope->instants);
}
