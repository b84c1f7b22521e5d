/*  The node's core: everything the node decides, without clock, sockets, files or randomness of its own.

    It joins a broker, keeps what it is told to hold, offers it to bugle-exec for a verdict, starts what is due, and
    hands outcomes over. Truth about documents and deeds is the poll; streams only make it faster. Truth about what
    was started is bugle-exec's log; the core keeps the books.

    How a shell drives it: begin a transaction; call any number of the event functions below; node_core_before_commit;
    commit; release what went through the ports (ports.h). An event function fails only when the store does: then roll
    back, drop what the ports were given, destroy the core, create and recover a new one, tell it about the links and
    bugle-exec, and after BG_STORAGE_FULL node_core_set_storage_full (core, now, true).
    Everything else (bad messages, refusals) is answered, counted and logged inside.

    Slices and structs given in are borrowed for the call.
*/
#ifndef BUGLE_NODE_CORE_CORE_H
#define BUGLE_NODE_CORE_CORE_H

#include "common/base/now.h"
#include "node/core/ports.h"

typedef struct node_core node_core;

/*  Copied by node_core_create.  */
typedef struct {
    bg_slice name;          /*  configured, or empty: then what enlistment says  */
    bg_slice default_name;  /*  used when neither --name nor a configured name is there  */
    bg_slice location;      /*  configured, may be empty  */
    bg_slice zone;          /*  name of the machine's zone, for people  */
    bg_slice version;       /*  of the program  */
    bg_id instance;         /*  random, the same for all cores of one process  */
    const wire_pair *facts; /*  about the machine; label words  */
    size_t fact_count;      /*  at most 32  */
} node_settings;

node_core *node_core_create (const node_ports *ports, const node_settings *settings);
void node_core_destroy (node_core **self_p);
/*  Loads everything from the store and connects when enlisted. Once, before any event.  */
bg_result node_core_recover (node_core *self, bg_now now, bg_error *err) BG_CHECKED;

/*  A message of the broker on the desk, on enlist (3 frames each), or a publication (4 frames).  */
bg_result node_core_desk (node_core *self, bg_now now, bg_slice header, bg_slice body,
    bg_slice sigs, bg_error *err) BG_CHECKED;
bg_result node_core_enlist (node_core *self, bg_now now, bg_slice header, bg_slice body,
    bg_slice sigs, bg_error *err) BG_CHECKED;
bg_result node_core_order (node_core *self, bg_now now, bg_slice stream, bg_slice header,
    bg_slice body, bg_slice sigs, bg_error *err) BG_CHECKED;

/*  UP: connected and admitted. REFUSED: the broker does not know our key (the socket is dead: the core opens another
    one after a while). DOWN: the connection broke; libzmq tries again by itself.  */
typedef enum { NODE_LINK_UP = 1, NODE_LINK_REFUSED = 2, NODE_LINK_DOWN = 3 } node_link_event;
bg_result node_core_link (
    node_core *self, bg_now now, node_link link, node_link_event event, bg_error *err) BG_CHECKED;

/*  bugle-exec connected (the core says EXEC_HELLO), went away, or sent one inner message.  */
bg_result node_core_exec_up (node_core *self, bg_now now, bg_error *err) BG_CHECKED;
bg_result node_core_exec_down (node_core *self, bg_now now, bg_error *err) BG_CHECKED;
bg_result node_core_exec (node_core *self, bg_now now, bg_slice blob, bg_error *err) BG_CHECKED;

/*  One request of the control socket: kind is CONTROL_ENLIST, _DEFECT, _QUERY, _POST or _ISSUE, body its struct.
    Answered by exactly one control_reply with the number, now or later.  */
bg_result node_core_control (node_core *self, bg_now now, uint64_t request, wire_kind kind,
    const void *body, bg_error *err) BG_CHECKED;
/*  Who asked is gone: what it asked for goes on, nothing is answered.  */
void node_core_control_gone (node_core *self, uint64_t request);

/*  Timers. deadline: mono_us at which node_core_tick wants to be called, INT64_MAX when never; it changes with every
    event. Calling tick early is harmless.  */
int64_t node_core_deadline (const node_core *self);
/*  The same of what follows the wall clock (schedules): utc_us.  */
int64_t node_core_wall_deadline (const node_core *self);
bg_result node_core_tick (node_core *self, bg_now now, bg_error *err) BG_CHECKED;
/*  The wall clock was set, by however little: what is due is found anew. Every event notices it when it was set by
    seconds, but between two occurrences there need not be any.  */
bg_result node_core_clock_set (node_core *self, bg_now now, bg_error *err) BG_CHECKED;
/*  Some job waits for idle processors: somebody should watch them (idle.h), and say when they have become idle.  */
bool node_core_wants_idle (const node_core *self);
bg_result node_core_idle (node_core *self, bg_now now, bg_error *err) BG_CHECKED;
/*  The zone files changed: pointers that the zone port gave out are dead as soon as this returns, not before.  */
bg_result node_core_zones_changed (node_core *self, bg_now now, bg_error *err) BG_CHECKED;
/*  Last call before COMMIT: writes counters that changed in the batch.  */
bg_result node_core_before_commit (node_core *self, bg_now now, bg_error *err) BG_CHECKED;

/*  No space: nothing is written and nothing new starts; polls and heartbeats go on. false: there may be space again:
    what was due meanwhile is recorded as not run (storage); fails like any event when there still is none.  */
bg_result node_core_set_storage_full (
    node_core *self, bg_now now, bool full, bg_error *err) BG_CHECKED;

/*  ---- looking in ----  */

typedef struct {
    bool enlisted;
    bool pending;    /*  it asks to be, without a token  */
    bool connected;  /*  a session is open  */
    bool exec_ready; /*  bugle-exec is connected and has said what it holds  */
    bool storage_full;
    bg_id target; /*  zero when not enlisted  */
    bg_slice name;
    size_t held;       /*  documents in force  */
    size_t jobs;       /*  of these: jobs  */
    size_t local_jobs; /*  the machine's own  */
    size_t waiting;
    size_t refused;
    size_t open_runs; /*  those that go on  */
    size_t waiting_runs;
    uint64_t outbox; /*  outcomes not handed over yet  */
    uint64_t state_seq;
    uint8_t digest[16];
} node_core_state;

void node_core_get_state (const node_core *self, node_core_state *state);
/*  True when the target holds (in force) exactly this version of the key.  */
bool node_core_holds (const node_core *self, bg_id key, uint64_t version);
/*  Why this node must not go on as it is configured (another name than its membership); NULL when it may. It connects
    and takes nothing but authorities and memberships, since it may have been renamed; defect works all the same.  */
const char *node_core_problem (const node_core *self);
/*  The broker was asked since, and has no membership with the configured name: the problem stays.  */
bool node_core_is_refused (const node_core *self);

/*  Refused or odd input since the core was made; name is a stable word. Ends with a NULL name.  */
typedef struct {
    const char *name;
    uint64_t value;
} node_counter;
const node_counter *node_core_counters (const node_core *self);

#endif
