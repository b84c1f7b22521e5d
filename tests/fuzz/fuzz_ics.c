/*  Any bytes as an iCalendar file: ranges in order, apart and inside the window, or refusals, never anything else.  */
#include "ctl/ics/file.h"

#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>

#define FROM  INT64_C (1735689600) /*  2025-01-01  */
#define UNTIL INT64_C (1830297600) /*  2028-01-01  */

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/*  Every zone is UTC here: what zones say is tested elsewhere.  */
static const job_zone *any_zone (void *ctx, bg_slice name, bg_error *err)
{
    (void) name;
    (void) err;
    return ctx;
}

static void check (const ctl_ics_ranges *ranges)
{
    for (size_t i = 0; i < ranges->count; i++) {
        const ctl_ics_range *range = &ranges->items[i];
        bg_assert (range->from >= FROM && range->until <= UNTIL && range->from < range->until);
        bg_assert (i == 0 || range->from > ranges->items[i - 1].until);
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    BG_AUTO_ARENA arena = {0};
    job_zone *utc = job_zone_fixed_utc ();
    ctl_ics_refusals refusals = {.arena = &arena};
    ctl_ics_scope scope = {
        .zones = {any_zone, utc},
        .utc = utc,
        .from = FROM,
        .until = UNTIL,
        .arena = &arena,
        .refusals = &refusals,
    };
    icalerror_set_errors_are_fatal (0);
    ctl_ics_file_read (&scope, bg_slice_of (data, size));
    check (&scope.local);
    check (&scope.instants);
    ctl_ics_ranges_fini (&scope.local);
    ctl_ics_ranges_fini (&scope.instants);
    job_zone_destroy (&utc);
    return 0;
}
