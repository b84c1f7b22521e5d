/*  Changing what stands under a name: a signed document each, compare-and-set against what was seen. What enable, disable
    and delete of jobs, schedules and calendars have in common.
*/
#ifndef BUGLE_CTL_STANDING_CHANGE_H
#define BUGLE_CTL_STANDING_CHANGE_H

#include "ctl/change_view.h"
#include "ctl/standing.h"

/*  Prints one change, and that a dry run changed nothing.  */
void ctl_change_print (ctl_run *run, const ctl_change *change);

/*  The body of the switch that enable or disable wants. current is the switch that is in force, NULL when none is.
    reason_given false: the reason in force stays. True in *is_unchanged: it is so already.  */
wire_switch ctl_switch_wanted (const ctl_standing *standing, const wire_switch *current,
    bool disabled, int64_t until_us, bg_slice reason, bool reason_given, bool *is_unchanged);

/*  Enables or disables it, with the command line's --until and --dry-run, and prints what became of it. reason: of
    ctl_reason, where --reason is not given the one in force stays. What is so already gets no new version.  */
bg_result ctl_standing_switch (ctl_run *run, const ctl_standing *standing, bool disabled,
    bg_slice reason, bg_error *err) BG_CHECKED;

/*  Posts its withdrawal for change->reason, nothing of it when change->dry_run; change gets the targets. Prints nothing.  */
bg_result ctl_standing_withdraw (
    ctl_run *run, const ctl_standing *standing, ctl_change *change, bg_error *err) BG_CHECKED;

#endif
