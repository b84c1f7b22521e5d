/*  What became of an execution on each of its targets, with the output that the broker has of it: for people folded by equal
    result, for programs a row each.
*/
#ifndef BUGLE_CTL_OUTCOMES_H
#define BUGLE_CTL_OUTCOMES_H

#include "ctl/history.h"

typedef struct {
    bg_slice target;
    uint64_t state;              /*  WIRE_EXEC_*  */
    const wire_history_row *row; /*  its newest run; NULL: none is known  */
    bg_id exec;
} ctl_outcome;

typedef struct {
    ctl_outcome *items; /*  in the run's arena  */
    size_t count;
    size_t capacity;
} ctl_outcomes;

/*  Adds the targets of the execution, in the order of their numbers.  */
bg_result ctl_outcomes_add (ctl_run *run, bg_id exec, ctl_outcomes *out, bg_error *err) BG_CHECKED;
/*  Prints one heading for each set of targets with the same state, reason, exit code and output, best first, and that output
    below it.  */
void ctl_outcomes_print (ctl_run *run, const ctl_outcomes *outcomes);
/*  The row of one target for programs: the run as in job history, else the same with the state alone. New reference.  */
json_t *ctl_outcome_json (const ctl_outcome *outcome);
/*  All of them as a list of the kind "results", to be ended by the caller.  */
void ctl_outcomes_list_begin (ctl_run *run, const ctl_outcomes *outcomes);

#endif
