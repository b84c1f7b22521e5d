/*  One VEVENT: from its lines to ranges of time.  */
#ifndef BUGLE_CTL_ICS_EVENT_H
#define BUGLE_CTL_ICS_EVENT_H

#include "ctl/ics/ranges.h"
#include "ctl/ics/rule.h"

#define CTL_ICS_TIMES_MAX 2000 /*  EXDATEs, and RDATEs, of one event  */

typedef struct {
    ctl_ics_time begin;
    bool has_length; /*  its own, else that of the event  */
    bool has_end;
    ctl_ics_length length;
    ctl_ics_time end;
} ctl_ics_extra;

typedef struct {
    uint32_t line;      /*  of BEGIN:VEVENT  */
    uint32_t rule_line; /*  0: no rule  */
    uint32_t end_line;
    bool is_cancelled;
    bool has_start, has_end, has_length;
    bool is_refused; /*  something of it was  */
    ctl_ics_time start, end;
    ctl_ics_length length;
    ctl_ics_rule rule;
    ctl_ics_time *without; /*  EXDATE, owned  */
    size_t without_count;
    ctl_ics_extra *extra; /*  RDATE, owned  */
    size_t extra_count;
} ctl_ics_event;

/*  What all events of a file share.  */
typedef struct {
    ctl_ics_zones zones;
    const job_zone *utc;
    int64_t from, until; /*  what is wanted, in seconds of either clock  */
    ctl_ics_ranges local, instants;
    bg_arena *arena;
    ctl_ics_refusals *refusals;
} ctl_ics_scope;

void ctl_ics_event_fini (ctl_ics_event *self);
/*  Takes one line inside a VEVENT (not BEGIN or END).  */
void ctl_ics_event_line (ctl_ics_scope *scope, ctl_ics_event *event, const ctl_ics_line *line);
/*  At its end: adds its ranges to those of the scope, or refuses.  */
void ctl_ics_event_end (ctl_ics_scope *scope, ctl_ics_event *event);
/*  The zone of a TZID; NULL and a refusal when this machine has none of that name.  */
const job_zone *ctl_ics_event_zone (ctl_ics_scope *scope, uint32_t line, bg_slice tzid);

#endif
