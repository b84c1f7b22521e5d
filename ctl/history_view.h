/*  Runs in words and in JSON: what the broker's history says, for tables, programs and explanations.

    Pure: structs of the wire in, text or JSON out. Bytes that targets report (output, messages) may be anything; the
    JSON holds valid UTF-8 only (ctl_json_slice), the text is made safe where it is printed.
*/
#ifndef BUGLE_CTL_HISTORY_VIEW_H
#define BUGLE_CTL_HISTORY_VIEW_H

#include "ctl/output.h"
#include "proto/wire.h"

/*  The object of one run: run, job, target, state, reason, started, finished, seconds, summary, message, version,
    schedule, nominal, exec, steps. What is not known is null; steps is always an array. New reference.  */
json_t *ctl_history_json (const wire_history_row *row);
/*  One step of it: step, name, state, exit_code, signal, started, finished, attempts, timed_out, output_bytes, output,
    message. output is null when some was written but none is here. New reference.  */
json_t *ctl_step_json (const wire_step_result *step);

/*  Appends what was kept of a step's output, with a line that says how many bytes are missing between head and tail.  */
void ctl_step_output (const wire_step_result *step, bg_buf *out);
/*  Appends how a step ended: "exit code 1", "timed out", "signal 9 (KILL)", or its message; nothing when it succeeded.  */
void ctl_step_why (const wire_step_result *step, bg_buf *out);
/*  Appends why a run ended as it did: "dump: exit code 1", "overlap"; nothing for one that succeeded.  */
void ctl_run_why (const wire_run *run, bg_buf *out);
/*  The step whose result decided a run that did not succeed; NULL when no step tells.  */
const wire_step_result *ctl_run_culprit (const wire_run *run);

/*  Appends a run with its steps and their output, several lines. When no time is known "-" stands for it.  */
void ctl_history_text (const wire_history_row *row, bool is_utc, bg_buf *out);
/*  Appends why the run failed: target, time, step, how it ended, and the last lines (at most) of its output. now_us: for
    "3d4h ago".  */
void ctl_history_explain (
    const wire_history_row *row, int64_t now_us, bool is_utc, size_t lines, bg_buf *out);

/*  The time by which a run is found: when it started, else when it was due, else when it ended; 0 when none is known.  */
int64_t ctl_run_time_us (const wire_run *run);

/*  The cell of a run's time: when it started, or when it was due.  */
void ctl_history_print_when (const ctl_output *out, const json_t *row, bg_buf *text);

/*  Columns of a table of runs, over ctl_history_json.  */
extern const ctl_column ctl_history_columns[];
extern const size_t ctl_history_column_count;

/*  A run that is not over: it runs, or waits for its turn.  */
bool ctl_run_is_open (const wire_run *run);

/*  With the job in front; and for rows of ctl_history_step_row.  */
extern const ctl_column ctl_history_all_columns[];
extern const size_t ctl_history_all_column_count;
extern const ctl_column ctl_history_step_columns[];
extern const size_t ctl_history_step_column_count;
/*  A step of a run as an object of its own, with run, job and target; step NULL: the run itself, as step 0. New
    reference.  */
json_t *ctl_history_step_row (const wire_history_row *row, const wire_step_result *step);

#endif
