/*  The supervisor of one run: a process of its own, split off by bugle-exec for every run.

    It does a plan that was decided and verified before: runs the steps by the flow of
    common/job, enforces timeouts and STOP, keeps output within its limits, and writes what
    became of each step into the run's file. It outlives bugle-exec and ends by itself.

    Descriptors: 0, 1, 2 /dev/null; 3 the run's file, locked, with the plan in it; 4 the
    directory of run files.
*/
#ifndef BUGLE_EXEC_SUPERVISOR_H
#define BUGLE_EXEC_SUPERVISOR_H

#include "node/exec/supervisor_cgroup.h"

#define SUPERVISOR_RUN_FD 3
#define SUPERVISOR_DIR_FD 4

/*  The whole process; returns its exit code.  */
int exec_supervise (const char *socket_path, const char *run, const step_cgroups *cgroups);

#endif
