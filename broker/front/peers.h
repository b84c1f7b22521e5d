/*  Who is on the other side: from an authenticated key to the connections it speaks over.

    A peer is a key on one channel. A line is one connection of it: the routing id that libzmq
    knows it by and the descriptor for cutting it. Messages are addressed to keys; a routing id
    only ever leads back to the key that was authenticated on that very connection. A login runs
    several commands at once, so on ops an answer goes to the line that asked (the request id says
    which), everywhere else to the line heard last.

    Pure: no sockets, no clock.
*/
#ifndef BUGLE_BROKER_FRONT_PEERS_H
#define BUGLE_BROKER_FRONT_PEERS_H

#include "broker/front/budget.h"
#include "common/base/id.h"

#define BROKER_LINE_REQUESTS 8

/*  One connection. fd -1: the descriptor was not known.  */
typedef struct {
    uint8_t *routing_id; /*  owned  */
    size_t routing_id_size;
    int fd;
    uint64_t inode;
    int64_t heard_us;
    bg_id requests[BROKER_LINE_REQUESTS]; /*  asked over this line last  */
    unsigned next_request;
} broker_line;

typedef struct broker_peer broker_peer;
struct broker_peer {
    bg_key key;
    uint32_t channel;
    bool is_admitted;   /*  by the core's key table; enlist admits everybody  */
    bool is_pending;    /*  the core holds something for this target  */
    bool is_heard;      /*  since the core was told last  */
    uint32_t open_runs; /*  of the last heartbeat  */
    int64_t heard_us;
    int64_t cut_at_us;  /*  0: not to be cut  */
    int64_t penalty_us; /*  nothing is taken before; 0: no penalty  */
    unsigned strikes;
    broker_budget budget;
    broker_line *lines;
    size_t line_count;
};

typedef struct broker_peers broker_peers;

#define BROKER_PEERS_SECRET 16
/*  secret: random bytes that nobody else knows.  */
broker_peers *broker_peers_create (const uint8_t secret[BROKER_PEERS_SECRET]);
void broker_peers_destroy (broker_peers **self_p);
/*  NULL when it is not known.  */
broker_peer *broker_peers_find (const broker_peers *self, uint32_t channel, const bg_key *key);
/*  Finds or makes it. Borrowed until removed.  */
broker_peer *broker_peers_get (broker_peers *self, uint32_t channel, const bg_key *key);
void broker_peers_remove (broker_peers *self, broker_peer *peer);
/*  Of one channel.  */
size_t broker_peers_count (const broker_peers *self, uint32_t channel);
/*  Calls fn for each; fn may remove the peer it was called with.  */
void broker_peers_each (broker_peers *self, void (*fn) (void *ctx, broker_peer *peer), void *ctx);

/*  The line with this routing id, made when it is new (*is_new): the caller then fills in fd and
    inode. When the peer has max lines already, the one not heard for longest is taken out into
    *evicted, which is the caller's (broker_line_fini); evicted->routing_id is NULL otherwise.
    Valid until the next change of the peer's lines.  */
broker_line *broker_peer_line (broker_peer *self, bg_slice routing_id, int64_t mono_us, size_t max,
    bool *is_new, broker_line *evicted);
/*  Remembers that this request came over the line.  */
void broker_line_ask (broker_line *self, bg_id request);
/*  The line that asked this request, else (or when request is zero) the one heard last; NULL when
    there is none.  */
broker_line *broker_peer_answer_line (broker_peer *self, bg_id request);
void broker_peer_drop_line (broker_peer *self, broker_line *line);
void broker_line_fini (broker_line *self);

/*  Something that no program of ours sends: the peer is not listened to for 10 s, twice as long
    each time, at most 5 min; an hour of good conduct starts from the beginning.  */
void broker_peer_punish (broker_peer *self, int64_t mono_us);
bool broker_peer_is_punished (const broker_peer *self, int64_t mono_us);

#endif
