/*  Executions in words and in JSON: the summary grouped by result, the line of progress, the exit code.

    Pure: structs of the wire in, text or JSON out.
*/
#ifndef BUGLE_CTL_EXEC_VIEW_H
#define BUGLE_CTL_EXEC_VIEW_H

#include "ctl/output.h"
#include "proto/wire.h"

/*  The object of one execution: id, job, what, state (running or done), login, issued, expires, done, seconds, reason,
    targets, pending, running, waiting (for their turn), succeeded, failed, canceled, interrupted, not_run, silent, one_shot, canceled_by (the id of
    the STOP of this execution, or null); with groups also groups, an array
    of {state, reason, result, count, targets, sample}. New reference.  */
json_t *ctl_exec_json (const wire_exec_row *row, bool with_groups);

/*  Appends one line per group of targets that came to the same end, best first:

        409  ok       web[001-120,122-410]
          3  exit 1   web[121,411-412]      "nginx: bind() failed"

    A group that the broker did not name is counted as "other".  */
void ctl_exec_summary (const wire_exec_row *row, bg_buf *out);
/*  How bad it is: what succeeded is 0. Lists put the worst last, because the eye lands there.  */
int ctl_exec_badness (const wire_exec_group *group);
/*  Appends what became of the targets of a group: "ok", "exit 1", "not run: overlap", "running", "pending".  */
void ctl_exec_group_label (const wire_exec_group *group, bg_buf *out);

/*  Appends "exec 7gk2m9qx  nightly-backup  412/500 done  3 failed  85 running  00:41"; what is zero is left out, but not
    failed and running.  */
void ctl_exec_progress (const wire_exec_row *row, int64_t elapsed_us, bg_buf *out);

/*  0 when every target succeeded, 20 when one failed, was canceled, interrupted or did not run, else 21.  */
int ctl_exec_exit_code (const wire_exec_row *row);

/*  Columns of a table of executions and the fields of one, over ctl_exec_json.  */
extern const ctl_column ctl_exec_columns[];
extern const size_t ctl_exec_column_count;
extern const ctl_column ctl_exec_fields[];
extern const size_t ctl_exec_field_count;

#endif
