/*  What loop.c shares with loop_zmq.c and nobody else.  */
#ifndef BUGLE_SYS_LOOP_PRIVATE_H
#define BUGLE_SYS_LOOP_PRIVATE_H

#include "common/sys/loop.h"

#include <systemd/sd-event.h>

sd_event *bg_loop_event (bg_loop *self);

/*  Work that waits for its turn in one of the loop's own queues; the first member of what it
    belongs to.  */
typedef struct bg_task bg_task;
typedef void bg_task_fn (bg_task *self);

typedef struct {
    bg_task *first;
    bg_task *last;
} bg_task_queue;

struct bg_task {
    bg_task_fn *fn;
    bg_task_queue *queue;
    bg_task *next;
    bg_task *previous;
    bool is_queued;
};

void bg_task_init (bg_task *self, bg_loop *loop, bg_defer_kind kind, bg_task_fn *fn);
/*  At the end of its queue, unless it waits there already.  */
void bg_task_queue_up (bg_task *self);
void bg_task_withdraw (bg_task *self);

/*  Failure with the negative errno that sd-event returned.  */
bg_result bg_loop_fail (bg_error *err, int rc, const char *what);

#endif
