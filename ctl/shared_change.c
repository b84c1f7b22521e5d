/*  bugle schedule enable, disable, delete and bugle calendar delete: which one, and what is said when it is gone already.
    Not here: how something is switched and withdrawn (standing_change.c).
*/
#include "ctl/job.h"
#include "ctl/shared.h"
#include "ctl/standing_change.h"

/*  ---- enable, disable ----  */

static bg_result change_switch (ctl_run *run, bool disabled, bg_error *err)
{
    const wire_document_row *row = NULL;
    bg_slice reason = {0};
    BG_TRY (ctl_reason (run, &reason, err));
    BG_TRY (ctl_document_find (run, WIRE_TYPE_SCHEDULE, ctl_argument (run->parsed, 0), &row, err));
    const ctl_standing standing = ctl_standing_of_shared (WIRE_TYPE_SCHEDULE, row);
    return ctl_standing_switch (run, &standing, disabled, reason, err);
}

bg_result ctl_schedule_enable (ctl_run *run, bg_error *err)
{
    return change_switch (run, false, err);
}

bg_result ctl_schedule_disable (ctl_run *run, bg_error *err)
{
    return change_switch (run, true, err);
}

/*  ---- delete ----  */

static bg_result delete_one (ctl_run *run, wire_type type, bg_error *err)
{
    ctl_standing standing;
    ctl_change change = {.name = bg_slice_str (ctl_argument (run->parsed, 0)),
        .outcome = "deleted",
        .dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN)};
    BG_TRY (ctl_reason (run, &change.reason, err));
    BG_TRY (ctl_standing_known (run, type, change.name, &standing, err));
    if (standing.is_here) {
        change.name = standing.name;
        BG_TRY (ctl_standing_withdraw (run, &standing, &change, err));
    } else {
        change.outcome = "unchanged";
        change.already = "deleted";
    }
    ctl_change_print (run, &change);
    return bg_ok ();
}

bg_result ctl_schedule_delete (ctl_run *run, bg_error *err)
{
    return delete_one (run, WIRE_TYPE_SCHEDULE, err);
}

bg_result ctl_calendar_delete (ctl_run *run, bg_error *err)
{
    return delete_one (run, WIRE_TYPE_CALENDAR, err);
}
