/*  The flow of a run: after this step, what?

    Pure: takes the flow fields of the steps and the results of steps, gives the next thing to do.
    The supervisor does it; the simulator does the same without processes.

        step result   retries left   action     what follows
        -----------   ------------   --------   ------------------------------------------------------
        succeeded     -              next       the next step; after the last one the run has succeeded
        failed        yes            any        the same step again, after the interval
        failed        no             next       the next step; after the last one the run has failed
        either        -              succeed    the run has succeeded
        either        -              fail       the run has failed
        either        -              goto       that step
        canceled      any            any        the run is canceled
        interrupted   any            any        the run is interrupted

    Not said otherwise, success means next and failure means fail. A goto may go back, so a run may
    loop; after JOB_FLOW_EXECUTIONS_MAX executions of steps it has failed. Retries belong to their
    execution and are not counted.

    The state of a run is the one of the action that ends it, not of its last step (sqlagent.md
    6.3).  */
#ifndef BUGLE_JOB_FLOW_H
#define BUGLE_JOB_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOB_FLOW_EXECUTIONS_MAX 1000
/*  Between two attempts, when the job says nothing.  */
#define JOB_RETRY_EVERY_US (INT64_C (60) * 1000000)

/*  The numbers are those of the wire.  */
typedef enum {
    JOB_FLOW_DEFAULT = 0,
    JOB_FLOW_NEXT = 1,
    JOB_FLOW_SUCCEED = 2,
    JOB_FLOW_FAIL = 3,
    JOB_FLOW_GOTO = 4,
} job_flow_action;

/*  Of a step and of a run; the numbers are those of the wire.  */
typedef enum {
    JOB_RESULT_SUCCEEDED = 1,
    JOB_RESULT_FAILED = 2,
    JOB_RESULT_CANCELED = 3,
    JOB_RESULT_INTERRUPTED = 4,
} job_result;

typedef struct {
    uint64_t on_success;     /*  job_flow_action  */
    uint64_t success_step;   /*  of goto: from 1  */
    uint64_t on_failure;     /*  job_flow_action  */
    uint64_t failure_step;   /*  of goto: from 1  */
    uint64_t retry_attempts; /*  after the first one  */
    uint64_t retry_every_us; /*  0: JOB_RETRY_EVERY_US  */
} job_flow_step;

typedef enum {
    JOB_FLOW_DO_STEP = 1, /*  run step  */
    JOB_FLOW_DO_RETRY,    /*  run step again after wait_us  */
    JOB_FLOW_DO_END,      /*  the run is over with state  */
} job_flow_what;

typedef struct {
    job_flow_what what;
    size_t step;         /*  index from 0  */
    uint64_t attempt;    /*  of this execution, from 1  */
    int64_t wait_us;     /*  of DO_RETRY  */
    job_result state;    /*  of DO_END  */
    const char *message; /*  of DO_END: a sentence when the flow itself is the reason, else NULL  */
} job_flow_order;

/*  Where a run is. Plain data: the supervisor may copy it.  */
typedef struct {
    const job_flow_step *steps; /*  borrowed for the life of the run  */
    size_t step_count;
    size_t step;         /*  the one that runs or waits  */
    uint64_t attempt;    /*  from 1  */
    uint32_t executions; /*  begun, this one included  */
    bool is_over;
} job_flow;

/*  For plans from outside: there is a step, actions are known, every goto goes to one of the
    steps.  */
bool job_flow_valid (const job_flow_step *steps, size_t step_count);
/*  Begins a run of valid steps; the order is the first step.  */
job_flow_order job_flow_begin (job_flow *self, const job_flow_step *steps, size_t step_count);
/*  The same from another step on (index from 0, one of them).  */
job_flow_order job_flow_begin_at (
    job_flow *self, const job_flow_step *steps, size_t step_count, size_t first);
/*  The current step's attempt has ended with result. Not after DO_END.  */
job_flow_order job_flow_after (job_flow *self, job_result result);

/*  The action that counts: the default is replaced by what it means.  */
job_flow_action job_flow_success_action (const job_flow_step *step);
job_flow_action job_flow_failure_action (const job_flow_step *step);

#endif
