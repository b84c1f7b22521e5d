/*  Executions: finding one by what was typed, and waiting for its end.  */
#ifndef BUGLE_CTL_EXEC_H
#define BUGLE_CTL_EXEC_H

#include "ctl/run.h"
#include "proto/wire.h"

/*  The execution whose id begins or ends with typed; with details also its targets grouped by result. In the run's arena.
    BG_USAGE for text that is no piece of an id, BG_NOT_FOUND, BG_INVALID when several match.  */
bg_result ctl_exec_find (
    ctl_run *run, const char *typed, bool details, wire_exec_row **row, bg_error *err) BG_CHECKED;

/*  The START or STOP of an execution as it was signed, verified. In the run's arena. BG_BAD_SIGNATURE.  */
bg_result ctl_exec_deed (ctl_run *run, bg_id id, wire_deed *deed, bg_error *err) BG_CHECKED;

/*  Waits until the execution is done, or timeout_us is over (0: no limit), showing progress on stderr; then prints the
    outcome and sets the exit code of the run: 0, 20 or 21. BG_INTERRUPTED by Ctrl-C, with a sentence that says what goes
    on; BG_UNREACHABLE when the broker stays away.  */
bg_result ctl_exec_await (ctl_run *run, bg_id id, int64_t timeout_us, bg_error *err) BG_CHECKED;

/*  The same without printing the outcome: *row is the execution with its groups. *is_late: the time was over before it was
    done.  */
bg_result ctl_exec_until_done (ctl_run *run, bg_id id, int64_t timeout_us, wire_exec_row **row,
    bool *is_late, bg_error *err) BG_CHECKED;
/*  Says on stderr how many are still open, and how to look again.  */
void ctl_exec_note_late (ctl_run *run, const wire_exec_row *row);

#endif
