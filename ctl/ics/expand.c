/*  When an event is: its occurrences become ranges of the wall (dates and floating times) or of UTC (times in a zone). See
    event.h.

    Occurrences count in the order RRULE, less EXDATE, and RDATE; COUNT counts before EXDATE takes away (RFC 5545, 3.8.5).
    With DTEND every occurrence lasts exactly as long as the first, with DURATION days are days of the calendar.  */
#include "common/job/civil.h"
#include "ctl/ics/event.h"

#include <stdlib.h>

#define RANGES_MAX 500000 /*  before they are joined  */

typedef struct {
    ctl_ics_scope *scope;
    const ctl_ics_event *event;
    int64_t *without; /*  instants of EXDATE, ascending  */
    ctl_ics_length length;
    int64_t seconds_of_day;
    int64_t seen; /*  occurrences of the rule  */
    bool is_full;
} expansion;

static bool fail (ctl_ics_scope *scope, uint32_t line, const char *text)
{
    ctl_ics_refuse (scope->refusals, line, "%s", text);
    return false;
}

static bool is_same_clock (ctl_ics_time a, ctl_ics_time b)
{
    return a.kind == b.kind;
}

/*  The length of every occurrence.  */
static bool find_length (ctl_ics_scope *scope, const ctl_ics_event *event, ctl_ics_length *length)
{
    static const char *const mixed =
        "DTSTART and DTEND are not of the same kind (date, time, time in a zone)";
    bool is_date = event->start.kind == CTL_ICS_DATE;
    if (event->has_end && event->has_length)
        return fail (scope, event->end_line, "an event has DTEND or DURATION, not both");
    if (event->has_length) {
        *length = event->length;
        return !is_date || length->seconds == 0 ||
               fail (scope, event->end_line, "the DURATION of whole days is in days or weeks");
    }
    if (!event->has_end) {
        *length = (ctl_ics_length){.days = 1};
        return is_date || fail (scope, event->line,
                              "the event has neither DTEND nor DURATION: it keeps nothing out");
    }
    if (!is_same_clock (event->start, event->end))
        return fail (scope, event->end_line, mixed);
    int64_t seconds = ctl_ics_instant (event->end) - ctl_ics_instant (event->start);
    *length = (ctl_ics_length){.seconds = seconds};
    return seconds > 0 || fail (scope, event->end_line, "DTEND is not after DTSTART");
}

/*  False when there are too many.  */
static bool add_range (ctl_ics_scope *scope, ctl_ics_time begin, int64_t from, int64_t until)
{
    if (until <= scope->from || from >= scope->until)
        return true;
    ctl_ics_ranges *ranges = begin.kind == CTL_ICS_ZONED ? &scope->instants : &scope->local;
    if (ranges->count >= RANGES_MAX)
        return false;
    ctl_ics_ranges_add (ranges, from > scope->from ? from : scope->from,
        until < scope->until ? until : scope->until);
    return true;
}

static int by_value (const void *left, const void *right)
{
    int64_t a = *(const int64_t *) left, b = *(const int64_t *) right;
    return (a > b) - (a < b);
}

static bool is_without (const expansion *self, int64_t instant)
{
    return bsearch (&instant, self->without, self->event->without_count, sizeof instant, by_value);
}

/*  One occurrence that lasts as long as all.  */
static bool add_occurrence (expansion *self, ctl_ics_time begin)
{
    int64_t from = ctl_ics_instant (begin);
    if (self->event->without_count > 0 && is_without (self, from))
        return true;
    int64_t until = ctl_ics_end (begin, self->length);
    if (until > from && !add_range (self->scope, begin, from, until))
        self->is_full = true;
    return !self->is_full;
}

static bool add_date (void *ctx, int64_t days)
{
    expansion *self = ctx;
    const ctl_ics_rule *rule = &self->event->rule;
    ctl_ics_time begin = self->event->start;
    begin.local = days * JOB_DAY_SECONDS + self->seconds_of_day;
    if (rule->count > 0 && self->seen >= rule->count)
        return false;
    if (rule->has_until && ctl_ics_instant (begin) > ctl_ics_instant (rule->until))
        return false;
    self->seen++;
    return add_occurrence (self, begin);
}

/*  UNTIL is a date for dates, a wall's time for a wall's, in UTC for times in a zone.  */
static bool until_fits (const ctl_ics_event *event)
{
    return !event->rule.has_until || is_same_clock (event->start, event->rule.until);
}

static bool add_rule (expansion *self)
{
    const ctl_ics_event *event = self->event;
    ctl_ics_scope *scope = self->scope;
    if (event->rule_line == 0)
        return add_occurrence (self, event->start);
    if (!until_fits (event))
        return fail (scope, event->rule_line,
            "UNTIL has to be of the kind of DTSTART: a date with dates, in UTC (Z) with times in a "
            "zone");
    bg_error err = {0};
    int64_t first = job_floor_div (event->start.local, JOB_DAY_SECONDS);
    /*  One day more: a wall may be behind UTC.  */
    int64_t end = scope->until / JOB_DAY_SECONDS + 2;
    if (bg_failed (ctl_ics_rule_expand (&event->rule, first, end, add_date, self, &err)))
        return fail (scope, event->rule_line, err.message);
    return true;
}

static bool add_extra (expansion *self, const ctl_ics_extra *extra)
{
    ctl_ics_scope *scope = self->scope;
    if (!is_same_clock (extra->begin, self->event->start))
        return fail (scope, self->event->line, "RDATE is not of the kind of DTSTART");
    if (!extra->has_end && !extra->has_length)
        return add_occurrence (self, extra->begin);
    int64_t from = ctl_ics_instant (extra->begin);
    if (extra->has_end && !is_same_clock (extra->begin, extra->end))
        return fail (
            scope, self->event->line, "a PERIOD of RDATE begins and ends in different clocks");
    int64_t until =
        extra->has_end ? ctl_ics_instant (extra->end) : ctl_ics_end (extra->begin, extra->length);
    if (until <= from)
        return fail (scope, self->event->line, "a PERIOD of RDATE ends before it begins");
    if (!is_without (self, from) && !add_range (scope, extra->begin, from, until))
        self->is_full = true;
    return true;
}

static bool add_all (expansion *self)
{
    const ctl_ics_event *event = self->event;
    for (size_t i = 0; i < event->without_count; i++) {
        if (!is_same_clock (event->without[i], event->start))
            return fail (self->scope, event->line, "EXDATE is not of the kind of DTSTART");
        self->without[i] = ctl_ics_instant (event->without[i]);
    }
    qsort (self->without, event->without_count, sizeof *self->without, by_value);
    if (!add_rule (self))
        return false;
    for (size_t i = 0; i < event->extra_count; i++) {
        if (!add_extra (self, &event->extra[i]))
            return false;
    }
    return true;
}

void ctl_ics_event_end (ctl_ics_scope *scope, ctl_ics_event *event)
{
    if (event->is_refused || event->is_cancelled)
        return;
    if (!event->has_start) {
        ctl_ics_refuse (scope->refusals, event->line, "the event has no DTSTART");
        return;
    }
    expansion all = {.scope = scope, .event = event};
    all.seconds_of_day =
        event->start.local - job_floor_div (event->start.local, JOB_DAY_SECONDS) * JOB_DAY_SECONDS;
    all.without = bg_alloc ((event->without_count + 1) * sizeof *all.without);
    if (find_length (scope, event, &all.length))
        (void) add_all (&all);
    free (all.without);
    if (all.is_full)
        ctl_ics_refuse (scope->refusals, event->line, "more than %d occurrences", RANGES_MAX);
}
