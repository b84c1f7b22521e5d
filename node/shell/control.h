/*  The node's control socket, <run>/node.sock: what `bugle-node enlist` and `defect` talk to. Peers are root or our own
    account, by the kernel's word. One request at a time per connection: a second one before the answer ends it.
*/
#ifndef BUGLE_NODE_SHELL_CONTROL_H
#define BUGLE_NODE_SHELL_CONTROL_H

#include "common/sys/log.h"
#include "common/sys/loop.h"
#include "proto/wire.h"

typedef struct node_control node_control;

typedef struct {
    void (*request) (void *ctx, uint64_t number, wire_kind kind, const void *body);
    void (*gone) (void *ctx, uint64_t number);
    void *ctx;
} node_control_handlers;

/*  Listens on path (0600).  */
bg_result node_control_create (bg_loop *loop, bg_log *log, const char *path,
    const node_control_handlers *handlers, node_control **control, bg_error *err) BG_CHECKED;
void node_control_destroy (node_control **self_p);
/*  The answer to the request with that number; dropped when who asked is gone.  */
void node_control_reply (node_control *self, uint64_t number, const wire_control_answer *answer);
/*  Answers every open request with this error: the core that had taken them is gone.  */
void node_control_fail (node_control *self, const bg_error *why);

#endif
