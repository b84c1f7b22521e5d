/*  Is it busy? A bucket that leaks: each event puts its time in, and the time that passes takes it out. It is a rush while
    events come faster than one per spacing and more than a few have done so in a row; a single burst of less never is.

    For those who would rather wait a moment for company than pay a wake-up or a transaction for each event. Pure; a value
    that starts as zero.  */
#ifndef BUGLE_BASE_RUSH_H
#define BUGLE_BASE_RUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BG_RUSH_EVENTS      16 /*  above the rate before it counts  */
#define BG_RUSH_EVENTS_MOST 64 /*  and so many are remembered, so that it ends soon after  */

typedef struct {
    int64_t level_us;
    int64_t at_us;
} bg_rush;

/*  count events at mono_us, which never goes back; spacing_us is between two of the rate that is not yet a rush.  */
static inline void bg_rush_add (bg_rush *self, int64_t mono_us, size_t count, int64_t spacing_us)
{
    const int64_t most_us = BG_RUSH_EVENTS_MOST * spacing_us;
    const int64_t passed_us = mono_us - self->at_us;
    const int64_t added_us = count < BG_RUSH_EVENTS_MOST ? (int64_t) count * spacing_us : most_us;
    self->level_us = self->level_us > passed_us ? self->level_us - passed_us : 0;
    self->level_us = self->level_us + added_us < most_us ? self->level_us + added_us : most_us;
    self->at_us = mono_us;
}

static inline bool bg_rush_is (const bg_rush *self, int64_t spacing_us)
{
    return self->level_us >= BG_RUSH_EVENTS * spacing_us;
}

#endif
