/*  The way from this machine to a broker, for commands that wait on it: enlist and check.

    The sockets of a broker are named as in a token: "enlist tcp://HOST:PORT", "desk ...", "orders ...". A target needs
    these three and only connects outwards.
*/
#ifndef BUGLE_NODE_MAIN_REACH_H
#define BUGLE_NODE_MAIN_REACH_H

#include "common/base/arena.h"
#include "common/sys/probe.h"

typedef struct {
    const bg_slice *endpoints; /*  "WORD ENDPOINT" each  */
    size_t count;
    const bg_key *broker_key; /*  NULL: only whether a broker greets  */
} node_reach;

/*  HOST, HOST:PORT, [V6]:PORT, tcp://HOST:PORT as the three endpoints: PORT is that of enlist (7413 when there is none),
    desk and orders have the two before it, as one port in broker.yaml gives them. Only the endpoints are set, into the
    arena. BG_USAGE.  */
bg_result node_reach_of (
    const char *broker, bg_arena *arena, node_reach *way, bg_error *err) BG_CHECKED;
/*  The endpoint with that word; free() releases it. NULL: none.  */
char *node_reach_endpoint (const node_reach *self, const char *word);

/*  One attempt at the socket with that word; its advice names the ports of all three. False when no endpoint has the
    word or it is none. Waits at most timeout_us.  */
bool node_reach_probe (
    const node_reach *self, const char *word, int64_t timeout_us, bg_probe *probe);

/*  Before the node is asked to enlist: looks once, a few seconds at most. What waiting does not heal (no such name,
    another program, another key) makes *timeout_us short: long enough for a node that is enlisted already to say so.
    For the rest one line on stderr says what is waited for.  */
void node_reach_before (const node_reach *self, int64_t *timeout_us);
/*  After the node gave up on the broker (BG_UNREACHABLE, BG_TIMEOUT): looks again and puts what is found into err, in
    place of the node's own sentence. Anything else, and a broker that answers now, leaves err as it is.  */
bg_result node_reach_explain (const node_reach *self, bg_result result, bg_error *err);
/*  After a success without documents: one warning on stdout for each of desk and orders that is not reached.  */
void node_reach_warn (const node_reach *self);

#endif
