/*  Limits of a step's processes: which the kernel's resource limits keep and which a control group.

    Resource limits hold for each process by itself, and that of processes for all of the account
    together (and for root not at all); a control group holds for the step as a whole. So where there
    is a controller it takes memory and processes, and a share of the processors only it can keep.
*/
#ifndef BUGLE_EXEC_SUPERVISOR_LIMITS_H
#define BUGLE_EXEC_SUPERVISOR_LIMITS_H

#include "proto/wire.h"

#include <sys/resource.h>

/*  Controllers that a step's group would have.  */
typedef struct {
    bool memory;
    bool pids;
    bool cpu;
} step_controllers;

#define STEP_RLIMITS_MAX 6

typedef struct {
    int resource;
    struct rlimit value;
} step_rlimit;

typedef struct {
    step_rlimit items[STEP_RLIMITS_MAX];
    size_t count;
    uint64_t group_memory_bytes; /*  0: none, as below  */
    uint64_t group_processes;
    uint64_t group_cpu_percent;
    bool cpu_percent_is_lost; /*  asked for, and nothing here can keep it  */
} step_limits;

/*  Pure. limits may be NULL. Core files are never written.  */
void step_limits_decide (
    const wire_limits *limits, const step_controllers *controllers, step_limits *out);
/*  Sets the resource limits of this process: before the account is taken, when root may still raise
    them, and after it those that count by account. One above what the account may have is lowered to
    that. False with errno.  */
bool step_limits_apply (const step_limits *self, bool has_account);

#endif
