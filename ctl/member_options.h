/*  What a membership or a token gets from the command line: --group, --label, --location.

    Values live in the run's arena. BG_USAGE for a value that no target can have.
*/
#ifndef BUGLE_CTL_MEMBER_OPTIONS_H
#define BUGLE_CTL_MEMBER_OPTIONS_H

#include "ctl/run.h"
#include "proto/wire.h"

/*  Each group once.  */
bg_result ctl_option_groups (
    ctl_run *run, bg_slice **groups, size_t *count, bg_error *err) BG_CHECKED;
/*  KEY=VALUE each.  */
bg_result ctl_option_labels (
    ctl_run *run, wire_pair **labels, size_t *count, bg_error *err) BG_CHECKED;
/*  Empty when it was not given.  */
bg_result ctl_option_location (ctl_run *run, bg_slice *location, bg_error *err) BG_CHECKED;

#endif
