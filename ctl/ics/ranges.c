/*  Ranges: see ranges.h.  */
#include "ctl/ics/ranges.h"

#include "common/base/slice.h"

#include <stdlib.h>

void ctl_ics_ranges_fini (ctl_ics_ranges *self)
{
    free (self->items);
    *self = (ctl_ics_ranges){0};
}

void ctl_ics_ranges_add (ctl_ics_ranges *self, int64_t from, int64_t until)
{
    bg_assert (from < until);
    if (self->count == self->room) {
        self->room = self->room * 2 + 64;
        self->items = bg_realloc (self->items, self->room * sizeof *self->items);
    }
    self->items[self->count++] = (ctl_ics_range){from, until};
}

static int by_start (const void *left, const void *right)
{
    const ctl_ics_range *a = left, *b = right;
    return (a->from > b->from) - (a->from < b->from);
}

void ctl_ics_ranges_merge (ctl_ics_ranges *self)
{
    if (self->count == 0)
        return;
    qsort (self->items, self->count, sizeof *self->items, by_start);
    size_t kept = 1;
    for (size_t i = 1; i < self->count; i++) {
        ctl_ics_range *last = &self->items[kept - 1];
        const ctl_ics_range *next = &self->items[i];
        if (next->from > last->until)
            self->items[kept++] = *next;
        else if (next->until > last->until)
            last->until = next->until;
    }
    self->count = kept;
}
