/*  The next times of a job, by the clocks of its targets.  */
#ifndef BUGLE_CTL_JOB_NEXT_H
#define BUGLE_CTL_JOB_NEXT_H

#include "ctl/output.h"
#include "ctl/run.h"
#include "proto/wire.h"

/*  Adds next_runs to the object of a job, in the order of time: the first count times of each target. Targets of one zone
    share rows; a schedule that says its zone itself has one row for all. Each has schedule, at, local, zone, note, left_out_by, starts (of one
    target: with its splay) and targets. name: of one target only; empty: of all. Failures of ctl_call.  */
bg_result ctl_job_add_next_runs (ctl_run *run, const wire_job_row *row, const wire_job *job,
    bg_slice name, size_t count, json_t *object, bg_error *err) BG_CHECKED;

extern const ctl_column ctl_next_columns[];
extern const size_t ctl_next_column_count;

#endif
