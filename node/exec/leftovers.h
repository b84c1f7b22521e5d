/*  Processes of a run whose supervisor was killed: nobody is their reaper any more.  */
#ifndef BUGLE_EXEC_LEFTOVERS_H
#define BUGLE_EXEC_LEFTOVERS_H

#include "node/exec/supervisor_cgroup.h"

/*  Kills every process that carries the run's id in its environment (BUGLE_RUNID, which every
    step gets), as far as we may look at it; how many there were. One that removed the variable
    is not found: a supervisor that is alive finds those, this is for the rest. What is in the run's
    control group goes with it, and is not counted.  */
size_t exec_kill_leftovers (bg_id run, const step_cgroups *cgroups);

#endif
