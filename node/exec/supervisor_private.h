/*  The inside of a supervisor, shared by supervisor.c (plan, flow, file), supervisor_step.c
    (one attempt) and supervisor_link.c (bugle-exec's socket).  */
#ifndef BUGLE_EXEC_SUPERVISOR_PRIVATE_H
#define BUGLE_EXEC_SUPERVISOR_PRIVATE_H

#include "common/base/now.h"
#include "common/sys/frames.h"
#include "node/exec/supervisor_child.h"
#include "node/exec/supervisor_output.h"

typedef enum {
    END_NONE,
    END_STOP,   /*  a STOP: the run is canceled  */
    END_SIGNAL, /*  SIGTERM to the supervisor: the run is interrupted  */
    END_TIME,   /*  the policy's maximum run time: the run has failed  */
} end_cause;

typedef struct {
    const wire_plan *plan;
    bg_arena arena; /*  of the plan  */
    const char *socket_path;
    bg_frames *link; /*  NULL: not connected  */
    int64_t connect_due_us;
    int64_t connect_wait_us;
    int signal_fd;
    end_cause end;
    int64_t run_deadline_us; /*  INT64_MAX: none  */
    step_output output;
    size_t file_size;    /*  of the run's file, whole frames  */
    bg_buf pending;      /*  records not in the file yet  */
    size_t output_bytes; /*  head and tail recorded so far  */
} supervisor;

/*  Waits until something happens, at most until mono deadline: a signal, a message, output on
    fd (-1: none). Keeps the link up. END_TIME is set here too.  */
void supervisor_wait (supervisor *self, int fd, int64_t deadline_us);
/*  Runs the step once; fills state, exit_code, signal, timed_out, finished_us, message (in the
    arena) of the result.  */
void supervisor_attempt (
    supervisor *self, const wire_plan_step *step, bg_arena *arena, wire_step_result *result);

/*  ---- supervisor_link.c ----  */
void supervisor_link_poll (supervisor *self);
void supervisor_link_read (supervisor *self);
/*  Says that the file is complete, as far as anybody listens.  */
void supervisor_link_end (supervisor *self);

#endif
