/*  Runs of a target: what a supervisor and its steps would do, without processes.

    The plan that bugle-exec made is followed by the flow of common/job, each step ending as --steps says; what comes out is
    the same records that a supervisor writes into the run's file. With --steps real they come from a real one.
*/
#ifndef BUGLE_SWARM_STEPS_H
#define BUGLE_SWARM_STEPS_H

#include "tests/load/swarm/target.h"

/*  Reads the word of --steps. BG_USAGE.  */
bg_result swarm_steps_parse (const char *text, swarm_steps_spec *spec, bg_error *err) BG_CHECKED;

/*  bugle-exec has released this start. Its core is told that a supervisor is there, and at once what a run without waiting
    has brought.  */
void swarm_run_spawn (swarm_target *target, bg_id run, bg_slice plan);
/*  Whether bugle-exec says this of a run for the first time: that it began, or (is_over) what became of it. It says it
    again after each restart.  */
bool swarm_run_is_news (swarm_target *target, bg_id run, bool is_over);
/*  A real supervisor has ended and left these records.  */
void swarm_run_ended (swarm_target *target, bg_id run, const bg_slice *records, size_t count);
void swarm_run_stop (swarm_target *target, bg_id run);
void swarm_run_discard (swarm_target *target, bg_id run);
/*  bugle-exec begins again: it is told of every run that it has open.  */
void swarm_runs_look (swarm_target *target);

int64_t swarm_runs_deadline (const swarm_target *target);
void swarm_runs_tick (swarm_target *target, int64_t mono_us);
void swarm_runs_fini (swarm_target *target);
/*  The defer of swarm_shared: ends the runs of some targets.  */
void swarm_runs_idle (void *shared);

#endif
