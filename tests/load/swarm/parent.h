/*  The parent: its children, questions to all of them, and the control socket. parent.c has life and children, merge.c puts
    answers together as JSON, control.c is the socket.
*/
#ifndef BUGLE_SWARM_PARENT_H
#define BUGLE_SWARM_PARENT_H

#include "common/sys/frames.h"
#include "common/sys/loop.h"
#include "tests/load/swarm/stats.h"
#include "tests/load/swarm/swarm.h"

#define SWARM_CHILDREN_MAX 64

typedef struct swarm_parent swarm_parent;
typedef struct swarm_control swarm_control;

/*  A question to all children that is not answered by all yet; merged holds what came so far.  */
typedef struct swarm_question swarm_question;
typedef void swarm_answered (void *ctx, bg_slice json, bool ok);
struct swarm_question {
    swarm_question *next;
    swarm_order order;
    swarm_answer merged;
    swarm_samples samples;
    size_t waiting_for; /*  children  */
    swarm_answered *fn;
    void *ctx;
};

/*  Asks all children; fn is called once, with one line of JSON without its end. order->number is set here.  */
void swarm_parent_ask (swarm_parent *self, const swarm_order *order, swarm_answered *fn, void *ctx);
/*  Who asked is gone.  */
void swarm_parent_forget (swarm_parent *self, const void *ctx);
size_t swarm_parent_targets (const swarm_parent *self);
size_t swarm_parent_children (const swarm_parent *self);
/*  Ends everything tidily.  */
void swarm_parent_end (swarm_parent *self);

/*  ---- merge.c ----  */

void swarm_merge (swarm_question *question, const swarm_answer *answer, const int64_t *samples);
/*  One line.  */
void swarm_merged_json (swarm_question *question, const swarm_options *options, bg_buf *out);
void swarm_counts_json (const swarm_counts *counts, const swarm_options *options, bg_buf *out);

/*  ---- control.c ----  */

bg_result swarm_control_create (swarm_parent *parent, bg_loop *loop, const char *path,
    swarm_control **control, bg_error *err) BG_CHECKED;
void swarm_control_destroy (swarm_control **self_p);

#endif
