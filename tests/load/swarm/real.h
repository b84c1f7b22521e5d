/*  Real steps: a supervisor for each run, started as bugle-exec starts it.

    A supervisor is split off from a process with one thread, which a child of the swarm is not; so each child has a helper
    that was made before its threads. It gets plans and gives back what supervisors wrote.
*/
#ifndef BUGLE_SWARM_REAL_H
#define BUGLE_SWARM_REAL_H

#include "tests/load/swarm/target.h"

/*  Forks the helper, with a directory of its own below TMPDIR. Before any thread; the loop comes with _watch. Never returns
    in the helper. BG_IO, BG_OVERLOADED.  */
bg_result swarm_real_fork (swarm_real **real, bg_error *err) BG_CHECKED;
bg_result swarm_real_watch (swarm_real *self, swarm_shared *shared, bg_error *err) BG_CHECKED;
/*  Runs that go on are ended with the helper, and its directory is removed.  */
void swarm_real_destroy (swarm_real **self_p);

void swarm_real_spawn (swarm_real *self, size_t target, bg_id run, bg_slice plan);
void swarm_real_stop (swarm_real *self, bg_id run);

#endif
