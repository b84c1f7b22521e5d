/*  How the node's core acts: one struct of functions that the shell, a test or the simulator fills.

    Commit before send: what send, exec_send, control_reply, open, close and subscribe are given must be held back, in
    this order, until the transaction of the batch is committed, and thrown away when it is rolled back. All slices and
    structs are borrowed for the call. No function may call back into the core.
*/
#ifndef BUGLE_NODE_CORE_PORTS_H
#define BUGLE_NODE_CORE_PORTS_H

#include "common/job/zone.h"
#include "node/core/store_port.h"
#include "proto/sign.h"
#include "proto/wire.h"

/*  The node's connections to the broker.  */
typedef enum { NODE_LINK_ENLIST = 0, NODE_LINK_DESK = 1, NODE_LINK_ORDERS = 2 } node_link;
#define NODE_LINK_COUNT 3

typedef enum { NODE_LOG_DEBUG, NODE_LOG_INFO, NODE_LOG_WARNING, NODE_LOG_ERROR } node_log_level;

typedef struct {
    void *ctx;
    const wire_crypto *crypto;
    const node_store *store;

    /*  Makes the connection anew (a socket that is there is closed first). endpoints: as in the token, separated by
        newlines; which of them serves the link is the shell's business. ENLIST and DESK use the curve key of new_keys.  */
    void (*open) (void *ctx, node_link link, bg_slice endpoints, const bg_key *broker_curve_key);
    void (*close) (void *ctx, node_link link);
    /*  On ORDERS, after it was opened: everything that begins with the stream's name and a NUL. A socket made anew is
        subscribed to nothing.  */
    void (*subscribe) (void *ctx, bg_slice stream);
    void (*unsubscribe) (void *ctx, bg_slice stream);
    /*  The three frames of a message on ENLIST or DESK.  */
    void (*send) (void *ctx, node_link link, bg_slice header, bg_slice body, bg_slice sigs);

    /*  One inner message for bugle-exec; dropped when it is not connected.  */
    void (*exec_send) (void *ctx, bg_slice blob);
    /*  The answer to node_core_control with that number; exactly one each.  */
    void (*control_reply) (void *ctx, uint64_t request, const wire_control_answer *answer);

    /*  The node's own pairs for signing and CURVE: made and kept (durably, at once), or those of an enlistment that was
        begun and not finished.  */
    bg_result (*new_keys) (void *ctx, bg_key *sign_public, bg_key *curve_public, bg_error *err);
    /*  A signature by that signing key (proto/sign.h says over what).  */
    void (*sign) (void *ctx, wire_type type, bg_id installation, bg_slice bytes, wire_sig *sig);
    /*  The enlistment is gone: the keys too, after the commit.  */
    void (*forget_keys) (void *ctx);

    void (*random) (void *ctx, void *bytes, size_t size);
    /*  How often the process was woken since its start; NULL: nobody knows.  */
    uint64_t (*wakeups) (void *ctx);
    void (*log) (void *ctx, node_log_level level, const char *event, const char *text);
    /*  The zone of that IANA name, of this machine when the name is empty; NULL when there is none. Borrowed until
        node_core_zones_changed.  */
    const job_zone *(*zone) (void *ctx, bg_slice name);
} node_ports;

#endif
