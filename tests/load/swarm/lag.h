/*  A network that takes its time: messages of all targets, each held back by --lag, in order on each link and direction.
    Connections themselves are not slowed down.  */
#ifndef BUGLE_SWARM_LAG_H
#define BUGLE_SWARM_LAG_H

#include "tests/load/swarm/target.h"

bg_result swarm_lag_create (swarm_shared *shared, swarm_lag **lag, bg_error *err) BG_CHECKED;
void swarm_lag_destroy (swarm_lag **self_p);
/*  Frames are copied. What is under way when the link is opened anew or closed is lost.  */
void swarm_lag_hold (swarm_lag *self, swarm_target *target, node_link link, bool is_out,
    const bg_slice *frames, size_t count);

#endif
