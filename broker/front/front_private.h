/*  The state of a running front, shared by its files and by nobody else.

    front.c      life: sockets, authentication, what is listened on
    incoming.c   from the sockets: check, limit, answer heartbeats, pass on
    link.c       the connection to the core: what comes from it, what goes to it
    table.c      the key table, and cutting who is no longer in it
    stats.c      counters and who was heard, to the core and to the log
*/
#ifndef BUGLE_BROKER_FRONT_FRONT_PRIVATE_H
#define BUGLE_BROKER_FRONT_FRONT_PRIVATE_H

#include "broker/front/front.h"
#include "broker/front/peers.h"
#include "common/base/rush.h"
#include "common/sys/frames.h"
#include "common/sys/zap.h"
#include "common/sys/zsocket.h"
#include "proto/frame.h"

typedef enum {
#define FRONT_COUNTER(NAME, word, text) FRONT_##NAME,
#include "broker/front/counters.def"
#undef FRONT_COUNTER
    FRONT_COUNTERS
} front_counter;

/*  The last ones are states, 1 or 0: what the system grants too little of, in the order of broker_limit.  */
#define FRONT_LIMITS_FIRST FRONT_DESCRIPTORS_SHORT

#define FRONT_INNER_BYTES_MAX (1024u * 1024)
#define FRONT_HEADER_MAX      4096 /*  as in inner.def  */
#define FRONT_SIGS_MAX        4096

typedef struct front front;

typedef struct {
    front *front;
    wire_channel channel;
    bg_zsocket *zsocket;
    char actual[BG_ENDPOINT_MAX]; /*  what was bound  */
    size_t lines_max;             /*  connections of one key  */
    broker_budget_rule budget;
    unsigned pause_at; /*  percent of the queue at which it is read no more; 0: never  */
    bool is_paused;    /*  because of the queue to the core  */
    bool is_gathering; /*  for a moment, see incoming.c  */
    bg_rush rush;
    bg_timer *gather;
} front_socket;

struct front {
    const broker_part_options *options;
    broker_part *part;
    bg_loop *loop;
    bg_log *log;
    bg_keypair keys;
    broker_endpoints endpoints;
    bg_zap *zap;
    front_socket sockets[BROKER_SOCKETS];
    broker_peers *peers;
    uint64_t counters[FRONT_COUNTERS];
    uint64_t logged[FRONT_COUNTERS]; /*  as of the last log line  */
    int64_t started_us;
    bg_error failure; /*  why it cannot listen  */

    /*  the core  */
    char *core_path;
    bg_frames *link; /*  NULL: not connected  */
    bg_fd_watch *link_watch;
    bg_defer *link_flush; /*  writes what this turn of the loop has queued  */
    bg_timer *reconnect;
    int64_t reconnect_us;
    int64_t beacon_us; /*  when the last one came; 0: never  */
    size_t queue_bytes;

    /*  the key table  */
    bool has_table;   /*  a whole one came since start  */
    bool in_snapshot; /*  parts of one are coming  */
    wire_peer_key *snapshot;
    size_t snapshot_count, snapshot_room;
    bg_timer *cut;
    bg_timer *limits; /*  what the system grants is looked at  */

    bg_timer *stats;
    bg_timer *sweep;
};

static inline void front_count (front *self, front_counter counter)
{
    self->counters[counter]++;
}
const char *front_counter_word (front_counter counter);

/*  incoming.c: at most one message; false when there was none.  */
bool front_on_request (void *arg);
bool front_on_subscription (void *arg);
/*  A timer's function: the end of a moment in which a busy socket was not read.  */
void front_gathered (void *arg);
/*  Reads the socket or not, by what is_paused and is_gathering say.  */
void front_socket_listen (front_socket *socket);
front_socket *front_socket_of (front *self, wire_channel channel); /*  NULL when there is none  */

/*  link.c  */
bg_result front_link_start (front *self, bg_error *err) BG_CHECKED;
void front_link_stop (front *self);
/*  Queues one blob, which leaves before the loop waits again; false when the core is away or the queue full (counted).  */
bool front_link_send (front *self, wire_kind kind, const void *value);
/*  Reads sockets or not, by how full the queue is.  */
void front_link_pressure (front *self);

/*  table.c  */
bg_result front_table_start (front *self, bg_error *err) BG_CHECKED;
void front_table_stop (front *self);
void front_table_take (front *self, const wire_front_keys *keys);
/*  Closes a connection now; harmless when it is gone.  */
void front_cut_line (front *self, const broker_line *line);
/*  What the descriptor of a message is, into the line.  */
void front_note_line (broker_line *line, const bg_zmessage *message);

/*  stats.c  */
bg_result front_stats_start (front *self, bg_error *err) BG_CHECKED;
void front_stats_stop (front *self);
/*  Now, not with the next ones.  */
void front_stats_tell (front *self);

/*  front.c: the first table is there: listens, and says so. A failure stops the loop.  */
void front_table_ready (front *self);

#endif
