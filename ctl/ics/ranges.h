/*  A growing set of ranges of time, merged at the end. Seconds; of which clock is the caller's business.  */
#ifndef BUGLE_CTL_ICS_RANGES_H
#define BUGLE_CTL_ICS_RANGES_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    int64_t from;
    int64_t until; /*  not included  */
} ctl_ics_range;

typedef struct {
    ctl_ics_range *items;
    size_t count;
    size_t room;
} ctl_ics_ranges;

void ctl_ics_ranges_fini (ctl_ics_ranges *self);
/*  from < until.  */
void ctl_ics_ranges_add (ctl_ics_ranges *self, int64_t from, int64_t until);
/*  Sorts, and joins what overlaps or touches.  */
void ctl_ics_ranges_merge (ctl_ics_ranges *self);

#endif
