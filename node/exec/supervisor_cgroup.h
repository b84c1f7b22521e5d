/*  Control groups of steps, where the machine's administrator has given us some.

    Used when bugle-exec itself runs in a group "exec" (version 2 of control groups) whose parent is
    ours to divide: with systemd that is Delegate= together with DelegateSubgroup=exec. Each step then has
    a group beside it, which holds memory and processes as a whole, and from which nothing escapes
    the end of the step. Nothing is moved and no controller switched on anywhere else.
*/
#ifndef BUGLE_EXEC_SUPERVISOR_CGROUP_H
#define BUGLE_EXEC_SUPERVISOR_CGROUP_H

#include "common/base/id.h"
#include "node/exec/supervisor_limits.h"

typedef struct {
    char *dir; /*  in which groups of steps are made; NULL: there is none  */
    step_controllers controllers;
} step_cgroups;

/*  The directory in which groups may be made, by the text of /proc/self/cgroup and where version 2 is
    mounted; NULL when we are in no group "exec". Pure. free() releases it.  */
char *step_cgroups_dir (bg_slice self_cgroup, const char *mount);
/*  What this process has been given; switches on the controllers there that steps need.  */
void step_cgroups_find (step_cgroups *self);
void step_cgroups_fini (step_cgroups *self);
/*  Removes groups that nobody is in any more.  */
void step_cgroups_sweep (const step_cgroups *self);
/*  Kills what is in the group of this run's step, and removes it.  */
void step_cgroups_kill_run (const step_cgroups *self, bg_id run);

/*  The group of a step that runs.  */
typedef struct {
    char *dir; /*  NULL: none  */
} step_cgroup;

/*  Makes the group of the run with these limits. False when that cannot be: the step then runs
    without one, by resource limits alone.  */
bool step_cgroup_make (
    const step_cgroups *groups, bg_id run, const step_limits *limits, step_cgroup *self);
/*  For the child: writing "0" there moves the writer into the group. -1 without a group.  */
int step_cgroup_door (const step_cgroup *self);
/*  Ends everything in it at once.  */
void step_cgroup_kill (const step_cgroup *self);
/*  What was used so far; 0 where that is not counted.  */
void step_cgroup_usage (const step_cgroup *self, uint64_t *cpu_us, uint64_t *memory_bytes);
/*  Of processes that were killed because the group's memory was used up.  */
bool step_cgroup_ran_out (const step_cgroup *self);
/*  Removes it, empty as it should be.  */
void step_cgroup_remove (step_cgroup *self);

#endif
