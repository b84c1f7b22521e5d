/*  The inside of a supervisor, shared by supervisor.c (plan, flow, file), supervisor_step.c
    (one attempt), supervisor_result.c (what is said of it) and supervisor_link.c (bugle-exec's
    socket).  */
#ifndef BUGLE_EXEC_SUPERVISOR_PRIVATE_H
#define BUGLE_EXEC_SUPERVISOR_PRIVATE_H

#include "common/base/now.h"
#include "common/sys/frames.h"
#include "node/exec/supervisor_cgroup.h"
#include "node/exec/supervisor_child.h"
#include "node/exec/supervisor_file.h"
#include "node/exec/supervisor_output.h"

#include <sys/resource.h>

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
    const step_cgroups *cgroups;
    bg_frames *link; /*  NULL: not connected  */
    int64_t connect_due_us;
    int64_t connect_wait_us;
    int signal_fd;
    end_cause end;
    char stop_reason[65];
    child_report *report;
    uint64_t begun[64];      /*  how often each step has begun  */
    int64_t run_deadline_us; /*  INT64_MAX: none  */
    step_output output;
    size_t file_size;    /*  of the run's file, whole frames  */
    bg_buf pending;      /*  records not in the file yet  */
    size_t output_bytes; /*  head and tail recorded so far  */
} supervisor;

/*  Waits until something happens, at most until mono deadline: a signal, a message, output on
    fd (-1: none). Keeps the link up. END_TIME is set here too.  */
void supervisor_wait (supervisor *self, int fd, int64_t deadline_us);

/*  One attempt of a step, from the start of its process until nothing of it is left.  */
typedef enum { PHASE_RUNNING, PHASE_ENDING, PHASE_KILLING } attempt_phase;

typedef struct {
    supervisor *owner;
    const wire_plan_step *step;
    step_text text;
    step_limits limits;
    step_account account;
    step_launch launch;
    step_cgroup cgroup;
    step_child child;
    step_file file;
    attempt_phase at;
    bool has_ended;     /*  the step's own process  */
    bool is_empty;      /*  no child of any kind  */
    bool is_late;       /*  it had not begun when it should have  */
    int status;         /*  of the step's own process  */
    struct rusage used; /*  of all that were reaped: times added up, memory the most of one  */
    bool timed_out;
    size_t left_behind;
    int64_t timeout_at_us;
    int64_t begin_by_us;
    int64_t phase_until_us;
    int64_t keep_at_us; /*  from then on output goes into its file at once  */
} attempt;

/*  Runs the step once; fills state, exit_code, signal, timed_out, finished_us, message, account, cpu_us,
    memory_bytes (texts in the arena) of the result. number and attempts of the result are given.  */
void supervisor_attempt (
    supervisor *self, const wire_plan_step *step, bg_arena *arena, wire_step_result *result);

/*  ---- supervisor_result.c ----  */
/*  What became of an attempt whose process is over (or cannot be ended).  */
void supervisor_describe (attempt *self, bg_arena *arena, wire_step_result *result);
/*  A step that has failed before there was a process.  */
void supervisor_refuse (const char *message, bg_arena *arena, wire_step_result *result);

/*  ---- supervisor_link.c ----  */
void supervisor_link_poll (supervisor *self);
void supervisor_link_read (supervisor *self);
/*  Says that the file is complete, as far as anybody listens.  */
void supervisor_link_end (supervisor *self);

#endif
