/*  The node's core and the decisions of bugle-exec together, with one clock. What the one says is told to the
    other at once, until both are quiet.  */
#ifndef BUGLE_TESTS_NODE_PAIR_H
#define BUGLE_TESTS_NODE_PAIR_H

#include "exec_fixture.h"
#include "node_fixture.h"

typedef struct {
    node_fixture node;
    exec_fixture exec;
} node_pair;

/*  Both on new stores, connected; nothing is enlisted. It must not be moved.  */
void node_pair_init (node_pair *self);
/*  The node on a store in memory: for programs that measure.  */
void node_pair_init_in_memory (node_pair *self);
void node_pair_fini (node_pair *self);
/*  What bugle-exec said goes to the node, as long as it says something.  */
void node_pair_deliver (node_pair *self);
/*  Moves the clock of both by steps of a second at most.  */
void node_pair_advance (node_pair *self, int64_t us);
/*  The last run spawned ends in this state.  */
void node_pair_finish (node_pair *self, uint64_t state);

#endif
