/*  Inside a child: its loop and what it waits for. child.c has life and loop, orders.c the orders of the parent.  */
#ifndef BUGLE_SWARM_CHILD_H
#define BUGLE_SWARM_CHILD_H

#include "common/sys/frames.h"
#include "tests/load/swarm/heap.h"

#define SWARM_WAITS_MAX     32
#define SWARM_MESSAGE_BYTES ((size_t) 64 << 20)

typedef struct {
    uint64_t number; /*  of the order; 0: free  */
    swarm_word word; /*  WAIT, or STOP: the end waits for quiet too  */
    swarm_what what;
    int64_t until_us; /*  mono  */
} swarm_wait;

typedef struct {
    swarm_shared shared;
    swarm_heap heap;
    bg_timer *due;
    bg_timer *look; /*  at waits  */
    bg_timer *churn;
    bg_timer *rate;
    bg_timer *restart;
    bg_timer *silent;
    bg_fd_watch *parent;
    bg_signal_watch *term;
    bg_signal_watch *interrupt;
    bg_frames *frames;
    swarm_wait waits[SWARM_WAITS_MAX];
    size_t enlist_next; /*  the next target that has not been asked to enlist  */
    size_t enlist_window;
    double produce_rate; /*  outcomes per second; 0: no limit  */
    double produce_owed;
    int64_t produce_at_us;
    uint64_t produce_per;
    size_t produce_next;
    size_t churn_next;
    size_t restart_left;
    double churn_owed;
} swarm_child;

/*  An order of the parent.  */
void swarm_child_order (swarm_child *self, const swarm_order *order);
/*  Answers the waits that are over.  */
void swarm_child_look (void *arg);
/*  More outcomes, by the rate.  */
void swarm_child_rate (void *arg);
/*  So many targets restart.  */
void swarm_child_restart (swarm_child *self, size_t count);
/*  Some of them at a time: libzmq gives descriptors back a moment after a socket was closed.  */
void swarm_child_restart_some (void *arg);

#endif
