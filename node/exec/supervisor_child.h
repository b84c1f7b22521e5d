/*  Starting the process of a step, and ending what a step left behind.

    The supervisor does not wait for the child: what it does before it becomes the step's program (account,
    output file, directory) may hang in a file system, and then it is ended like a step that takes too
    long.
*/
#ifndef BUGLE_EXEC_SUPERVISOR_CHILD_H
#define BUGLE_EXEC_SUPERVISOR_CHILD_H

#include "node/exec/supervisor_account.h"
#include "node/exec/supervisor_limits.h"
#include "node/exec/supervisor_text.h"

#include <sys/types.h>

/*  How far a child has come, in memory shared with it.  */
typedef enum {
    STAGE_SETUP,
    STAGE_LIMITS,
    STAGE_ACCOUNT,
    STAGE_OUTPUT,
    STAGE_DIRECTORY,
    STAGE_PROGRAM
} child_stage;

typedef struct {
    volatile child_stage at;
    volatile bool has_failed;
    volatile int error_number;
    const char *volatile what; /*  of the account; a text of our program  */
} child_report;

typedef struct {
    const wire_plan_step *step;
    const step_text *text;
    const step_account *account;
    const step_limits *limits;
    int cgroup_fd; /*  where to write "0" for it; -1: none  */
    child_report *report;
} step_launch;

typedef struct {
    pid_t pid;     /*  leader of its own process group, once it has begun  */
    int output_fd; /*  nonblocking; standard output and error together  */
    int report_fd; /*  closed at the other end when it begins or ends; -1: it has begun  */
} step_child;

/*  Memory for the report of all children of this process, one at a time. NULL: none to be had.  */
child_report *step_report_create (void);

/*  Starts the child. launch is used until the child has begun or ended; the calling process has one thread.
    BG_IO, BG_OVERLOADED: nothing runs then.  */
bg_result step_child_start (const step_launch *launch, step_child *child, bg_error *err) BG_CHECKED;
/*  Whether it has become the step's program. False: not yet, or never (ask when it has ended). The first
    yes closes report_fd, after an output file was taken from it.  */
bool step_child_has_begun (step_child *child, const child_report *report);
/*  Of one that has ended without having begun: why, as a sentence for the result. BG_NOT_FOUND (program),
    BG_NOT_ALLOWED, BG_IO.  */
bg_result step_child_explain (const step_launch *launch, bg_error *err) BG_CHECKED;
/*  What one that has not begun is at: "changing to the directory /srv".  */
bg_slice step_child_doing (const step_launch *launch, bg_arena *arena);
/*  Sends a signal to every child of this process, adopted ones included; how many there were. A
    child cannot be mistaken for a stranger: its number is ours until it is reaped.  */
size_t step_children_kill (int signal_number);

#endif
