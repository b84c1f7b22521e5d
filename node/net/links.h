/*  The node's connections to its broker: ENLIST and DESK (DEALER), ORDERS (SUB), all CURVE clients.

    Makes sockets when the core asks, hands up what comes in and what happens to the links. Decides nothing: when to
    connect again after a refusal is the core's business; a dead socket stays dead until it opens the link anew.
    Endpoints come as the token gives them, one "WORD ENDPOINT" per line (orders, desk, enlist).
*/
#ifndef BUGLE_NODE_NET_LINKS_H
#define BUGLE_NODE_NET_LINKS_H

#include "common/sys/keyfile.h"
#include "common/sys/log.h"
#include "common/sys/loop.h"
#include "node/core/core.h"

#include <stddef.h>

typedef struct node_links node_links;

#define NODE_LINK_FRAMES_MAX 4

typedef struct {
    /*  count frames: 3 on ENLIST and DESK, 4 on ORDERS; anything else was counted and dropped before.  */
    void (*message) (void *ctx, node_link link, const bg_slice *frames, size_t count);
    void (*event) (void *ctx, node_link link, node_link_event event);
    void *ctx;
} node_links_handlers;

/*  loop and log are borrowed. bg_zcontext_open must have been called.  */
node_links *node_links_create (bg_loop *loop, bg_log *log, const node_links_handlers *handlers)
    __attribute__ ((returns_nonnull));
/*  Links opened from now on send no PING of libzmq, whose timers are one list a thread: for a program that has
    thousands of links in one.  */
void node_links_quiet (node_links *self);
void node_links_destroy (node_links **self_p);

/*  curve: our own pair, borrowed for the call. BG_INVALID: no endpoint for that link.  */
bg_result node_links_open (node_links *self, node_link link, bg_slice endpoints,
    const bg_key *broker_key, const bg_keypair *curve, bg_error *err) BG_CHECKED;
void node_links_close (node_links *self, node_link link);
void node_links_subscribe (node_links *self, bg_slice stream);
void node_links_unsubscribe (node_links *self, bg_slice stream);
/*  What cannot be sent now is dropped: the core's timers make up for it.  */
void node_links_send (node_links *self, node_link link, const bg_slice frames[3]);
/*  Messages dropped because of their form.  */
uint64_t node_links_malformed (const node_links *self);

/*  The endpoint of a link out of a token's list; free() releases it. NULL when there is none.  */
char *node_links_endpoint (node_link link, bg_slice endpoints);

#endif
