/*  Starting the process of a step, and ending what a step left behind.  */
#ifndef BUGLE_EXEC_SUPERVISOR_CHILD_H
#define BUGLE_EXEC_SUPERVISOR_CHILD_H

#include "proto/wire.h"

#include <sys/types.h>

typedef struct {
    pid_t pid;     /*  leader of its own process group  */
    int output_fd; /*  nonblocking; standard output and error together  */
} step_child;

/*  Starts a step: own process group, its input (or /dev/null) as standard input, only its own
    environment and descriptors. The calling process has one thread. BG_NOT_FOUND (program), BG_NOT_ALLOWED
    (permission, account), BG_IO, with a sentence for the result of the step; nothing runs then.  */
bg_result step_child_start (
    const wire_plan *plan, const wire_plan_step *step, step_child *child, bg_error *err) BG_CHECKED;
/*  Sends a signal to every child of this process, adopted ones included; how many there were. A
    child cannot be mistaken for a stranger: its number is ours until it is reaped.  */
size_t step_children_kill (int signal_number);

#endif
