/*  The choice of targets on a command line: -t, -g, -l, --all.

    Several add up (the parts of an audience are joined by or). --all stands alone. Something that
    was given and is empty
    (-l '', an empty @FILE) is a usage mistake, never "all".
*/
#ifndef BUGLE_CTL_TARGETS_ARG_H
#define BUGLE_CTL_TARGETS_ARG_H

#include "ctl/run.h"
#include "proto/wire.h"

/*  *is_given false: none of the options was there and audience is empty. Names are expanded
    (db[01-04], @FILE and - with one or more names a line, # begins a comment), checked, repeated
    ones once; at most 128. Lives in the run's arena. BG_USAGE, BG_INVALID, BG_TOO_LARGE.  */
bg_result ctl_targets_arg (
    ctl_run *run, wire_audience *audience, bool *is_given, bg_error *err) BG_CHECKED;

/*  Names written as arguments or in one text, expanded into slices in the run's arena.  */
bg_result ctl_targets_expand (ctl_run *run, const char *const *texts, size_t text_count,
    size_t limit, bg_slice **names, size_t *count, bg_error *err) BG_CHECKED;

/*  Asks the broker for each name of the audience: one that is no target is BG_NOT_FOUND with the
    nearest name. Their spelling becomes the broker's.  */
bg_result ctl_targets_known (ctl_run *run, wire_audience *audience, bg_error *err) BG_CHECKED;

/*  Whether it takes this target in, by the groups and labels that the target has now.  */
bool ctl_targets_match (const wire_audience *audience, const wire_target_row *row);

#endif
