/*  The node's end of the socket between node and bugle-exec (<run>/exec.sock): connects, connects again when bugle-exec
    restarts, passes blobs both ways. bugle-exec listens; the kernel says who it is.
*/
#ifndef BUGLE_NODE_SHELL_EXEC_CLIENT_H
#define BUGLE_NODE_SHELL_EXEC_CLIENT_H

#include "common/base/slice.h"
#include "common/sys/log.h"
#include "common/sys/loop.h"

typedef struct node_exec_client node_exec_client;

typedef struct {
    void (*up) (void *ctx);
    void (*down) (void *ctx);
    void (*message) (void *ctx, bg_slice blob);
    void *ctx;
} node_exec_handlers;

/*  Begins to connect at once.  */
bg_result node_exec_client_create (bg_loop *loop, bg_log *log, const char *path,
    const node_exec_handlers *handlers, node_exec_client **client, bg_error *err) BG_CHECKED;
void node_exec_client_destroy (node_exec_client **self_p);
bool node_exec_client_is_up (const node_exec_client *self);
/*  Dropped when not connected; a queue that is full ends the connection, and both sides begin anew.  */
void node_exec_client_send (node_exec_client *self, bg_slice blob);

#endif
