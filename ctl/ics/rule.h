/*  RRULE: which dates. Expanded by libical on dates alone, and only where it is right.

    Which rules that is was found by comparing it with another implementation over tens of thousands of random rules
    (tests/oracle/ics_rules.py, docs/adr/0019): by day, week, month and year, with the parts below; the others are refused.
    Weeks that do not begin on Monday are turned until they do. UNTIL and COUNT are counted here.

        FREQ      DAILY, WEEKLY, MONTHLY, YEARLY
        INTERVAL  1 to 999
        COUNT, UNTIL, WKST, BYMONTH
        BYDAY     weekdays; with a number in MONTHLY and YEARLY
        BYMONTHDAY  not in WEEKLY; in YEARLY with BYMONTH; from the end of the month not in DAILY
        BYSETPOS  in MONTHLY and YEARLY, not with BYMONTHDAY
*/
#ifndef BUGLE_CTL_ICS_RULE_H
#define BUGLE_CTL_ICS_RULE_H

#include "ctl/ics/values.h"

typedef struct {
    bg_slice text;       /*  for libical: without UNTIL, COUNT and WKST  */
    uint32_t months;     /*  bit m; 0: every month. Also in text, but of WEEKLY  */
    uint64_t month_days; /*  bit d; those from the end: bit 32 + n  */
    bool is_weekly;
    int turn_days; /*  of WEEKLY: how many days the week begins after Monday  */
    bool has_until;
    ctl_ics_time until;
    int64_t count; /*  0: without end  */
} ctl_ics_rule;

/*  Reads and checks. BG_INVALID with a part of a sentence. text lives in the arena.  */
bg_result ctl_ics_rule_read (bg_slice text, const job_zone *utc, bg_arena *arena,
    ctl_ics_rule *rule, bg_error *err) BG_CHECKED;

/*  Called for each date, in days since 1970-01-01, ascending; false ends.  */
typedef bool ctl_ics_each (void *ctx, int64_t days);
/*  The dates of a rule from its first on, which must be one itself (else BG_INVALID), to just before end_days. UNTIL and
    COUNT are the caller's.  */
bg_result ctl_ics_rule_expand (const ctl_ics_rule *rule, int64_t first_days, int64_t end_days,
    ctl_ics_each *each, void *ctx, bg_error *err) BG_CHECKED;

#endif
