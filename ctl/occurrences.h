/*  When schedules run, as far as that can be told away from the targets: with shared schedules and calendars resolved, for
    one zone, occurrence by occurrence with what a preview says about each.

    The functions that tell the times are those of the node (common/job/schedule.h); here is only what brings them the
    documents. Occurrences are nominal, before splay.
*/
#ifndef BUGLE_CTL_OCCURRENCES_H
#define BUGLE_CTL_OCCURRENCES_H

#include "common/job/body.h"
#include "ctl/run.h"
#include "ctl/zones.h"

/*  A shared schedule or calendar; one of the two bodies is set. All in an arena that outlives what is made of it.  */
typedef struct {
    const wire_schedule *schedule;
    const wire_calendar *calendar;
    bool is_disabled;
    int64_t disabled_until_us; /*  0: until somebody enables it  */
    bg_slice disabled_reason;
} ctl_shared;

/*  Finds one by type (WIRE_TYPE_SCHEDULE or CALENDAR) and name: BG_NOT_FOUND when there is none.  */
typedef bg_result ctl_shared_find (
    void *ctx, wire_type type, bg_slice name, ctl_shared *found, bg_error *err);
/*  The ones that the broker has; ctx is the ctl_run.  */
ctl_shared_find ctl_shared_ask;

typedef struct {
    bg_slice name; /*  in the job  */
    /*  What it amounts to: of a shared one what that says.  */
    wire_job_schedule spec;
    bool is_by_target; /*  it goes by each target's own clock: made for the zone that was given  */
    bool is_usable;
    bg_slice problem;          /*  why it is not: no such shared schedule, calendar or zone  */
    bool is_disabled;          /*  by the job, or by the shared schedule  */
    int64_t disabled_until_us; /*  0: until somebody enables it  */
    bg_slice disabled_why;
    job_schedule made; /*  of a usable one  */
} ctl_schedule;

typedef struct {
    ctl_schedule *items;
    size_t count;
    ctl_zones zones;
    job_calendar *calendars;
    size_t calendar_count;
    size_t calendar_capacity;
    ctl_run *run;
    ctl_shared_find *find;
    void *find_ctx;
    bg_slice zone;
} ctl_schedules;

/*  All schedules in order, made for a target in zone (IANA name; empty: UTC). One that cannot be made is no failure: see
    is_usable. from has to outlive them. Fails when the broker does not answer. To be closed in any case.  */
bg_result ctl_schedules_open (ctl_run *run, const wire_job_schedule *from, size_t count,
    bg_slice zone, ctl_shared_find *find, void *find_ctx, ctl_schedules *self,
    bg_error *err) BG_CHECKED;
void ctl_schedules_close (ctl_schedules *self);

typedef struct {
    const ctl_schedule *schedule;
    int64_t nominal_us;
    job_schedule_mark mark;
} ctl_occurrence;

/*  Occurrences of all usable schedules, in the order of time; at the same moment in the order of the schedules.  */
typedef struct {
    const ctl_schedules *schedules;
    int64_t *next_us; /*  of each schedule; INT64_MAX: no more  */
} ctl_occurrences;

/*  From the first one after after_us. In the run's arena.  */
ctl_occurrences ctl_occurrences_after (const ctl_schedules *schedules, int64_t after_us);
/*  False when there are no more.  */
bool ctl_occurrences_take (ctl_occurrences *self, ctl_occurrence *found);

/*  Whether a schedule runs at a moment at all: not disabled then.  */
bool ctl_schedule_is_on (const ctl_schedule *self, int64_t at_us);
/*  The zone whose wall clock it goes by; "UTC" of intervals.  */
const char *ctl_schedule_zone (const ctl_schedule *self);

#endif
