/*  A node's core between a broker and a bugle-exec that are made of a few rules each, with a clock to be moved.

    Every event runs in a transaction; what the core says is held back until the commit and then answered at once, until
    all is quiet. A store that fails is treated as the shell does: rolled back, the core made anew.  */
#ifndef BUGLE_TESTS_NODE_FIXTURE_H
#define BUGLE_TESTS_NODE_FIXTURE_H

#include "node/core/core.h"
#include "node/store/memory.h"
#include "node/store/store.h"
#include "signing_fixture.h"

#define NODE_PENDING_MAX 256
#define NODE_RUNS_MAX    4096
#define NODE_SAID_MAX    64

/*  The broker's delivery rows.  */
typedef struct {
    wire_signed item;
    bg_id key;
    uint64_t version; /*  0: a deed  */
    uint64_t state;   /*  0: pending  */
    size_t acks;
    char code[64];
} node_pending;

/*  What bugle-exec has started.  */
typedef struct {
    bg_id run;
    bg_id job_key;
    bg_id exec;
    bg_id occurrence;
    int64_t nominal_us;
    int64_t began_us; /*  when the node asked for it  */
    uint64_t state;
    bool with_shared; /*  the shared schedule came along  */
    bool spent;       /*  its job has deleted itself  */
    bool taken;
} node_exec_run;

typedef struct node_said node_said;

typedef struct {
    signing_fixture signing;
    bg_arena arena; /*  of what was received  */
    node_db *db;
    node_memory *memory; /*  instead of db, when not NULL  */
    node_core *core;
    node_ports ports;
    node_settings settings;
    bg_now now;
    uint64_t random;
    bg_key curve_key;
    node_said *first; /*  what the core said in the event in progress, and what is to be handled  */
    node_said *last;
    size_t failures; /*  of the store  */
    size_t fail_in;  /*  the commit after so many events fails; 0: none  */
    size_t events;
    size_t ticks; /*  wake-ups for a deadline  */
    bool zone_missing;
    const job_zone *zone; /*  of all names; NULL: UTC  */

    /*  the broker  */
    bool broker_up;  /*  answers anything  */
    bool front_only; /*  answers heartbeats only  */
    bool link_open[NODE_LINK_COUNT];
    size_t opened[NODE_LINK_COUNT];
    size_t said[128];    /*  messages of each kind that arrived  */
    bg_id requests[128]; /*  id of the last one  */
    bg_id session;
    bg_id outbox;
    uint64_t mark;
    uint64_t position;
    bool old_nonce; /*  answers polls for another nonce  */
    bool wants_inventory;
    bool lose_inventory; /*  pages arrive, their answers are lost  */
    bool pending_flag;
    size_t page; /*  instructions in one answer  */
    node_pending pending[NODE_PENDING_MAX];
    size_t pending_count;
    wire_run runs[NODE_RUNS_MAX]; /*  as reported  */
    size_t run_count;
    size_t repeated; /*  items that came again  */
    size_t largest_batch;
    bool lose_answers; /*  reports are stored, the answers lost  */
    uint64_t refuse_sequence;
    wire_poll poll; /*  the last one  */
    wire_hello hello;
    wire_inventory inventory;
    wire_told told;
    wire_signed fetchable;
    uint64_t stream_sequence[2];
    uint8_t stream_session[8];
    bg_key stream_key;
    const char *enlist_error; /*  code of the answer to ENLIST_HELLO  */
    const char *defect_error;
    wire_token record;
    uint8_t token_seed[16];
    char *token; /*  text  */
    wire_signed membership;
    size_t proofs;
    bool approves;             /*  who asks without a token is approved  */
    const char *approved_name; /*  under another name; NULL: as it asks  */
    uint8_t swap_authority;    /*  what is put over the authority hash that is shown  */
    uint64_t claim_state;      /*  answer to a claim; 0: none  */
    bool claim_by_admin;       /*  with the membership that says defected  */
    wire_enlist_ask ask;       /*  the last one  */
    bg_arena ask_arena;

    /*  bugle-exec  */
    bool exec_up;
    void (*exec_hook) (void *ctx, bg_slice blob); /*  a real one instead of the rules below  */
    void *exec_ctx;
    bool anchored;
    const char *anchor_code;
    bg_id exec_installation;
    uint64_t exec_authority;
    uint64_t exec_membership;
    bool authority_waits;   /*  no authority is taken  */
    bg_id waiting_key;      /*  this document waits  */
    bg_id refused_key;      /*  this one is refused  */
    uint64_t exec_inputs;   /*  what its verdicts depend on  */
    bg_id foreign_key;      /*  this one is not addressed to the target  */
    bool queues;            /*  runs that begin wait for their turn  */
    const char *start_code; /*  answer to starts instead of a run  */
    bool mute;              /*  starts get no answer  */
    size_t output_bytes;    /*  head and tail of each step, when it ends  */
    node_exec_run exec_runs[NODE_RUNS_MAX];
    size_t exec_run_count;
    size_t starts; /*  EXEC_START messages  */
    size_t stops;
    size_t attests;
    size_t forgets;
    size_t offers;

    /*  people  */
    wire_control_answer answer;
    size_t answers;
    size_t keys_made;
    size_t keys_forgotten;
    char log[512];
} node_fixture;

/*  A core on a new store; nothing is enlisted, everything is up.  */
void node_fixture_init (node_fixture *self);
/*  On a store in memory: for programs that measure the core.  */
void node_fixture_init_in_memory (node_fixture *self);
void node_fixture_fini (node_fixture *self);
/*  For cases of cmocka: a fixture of its own is the state of each.  */
int node_fixture_setup (void **state);
int node_fixture_setup_enlisted (void **state);
int node_fixture_teardown (void **state);
/*  Enlists by the token and settles; the broker delivers authority and membership.  */
void node_fixture_enlist (node_fixture *self);
/*  Process death: another core (and instance) on the same store.  */
void node_fixture_restart (node_fixture *self);
/*  Core death only: as after a failure of the store.  */
void node_fixture_rebuild (node_fixture *self);

/*  Moves the clock, with every deadline on the way, and lets everything settle.  */
void node_fixture_advance (node_fixture *self, int64_t us);
/*  Moves the clock while the node is off.  */
void node_fixture_sleep (node_fixture *self, int64_t us);
void node_fixture_settle (node_fixture *self);
/*  Somebody sets the wall clock under the running node, and the kernel says so.  */
void node_fixture_set_clock (node_fixture *self, int64_t by_us);
void node_fixture_zones_changed (node_fixture *self);

void node_fixture_exec_up (node_fixture *self);
void node_fixture_exec_down (node_fixture *self);
/*  One message of the real one.  */
void node_fixture_from_exec (node_fixture *self, bg_slice blob);
/*  The run ends; bugle-exec tells the node when it is up.  */
void node_fixture_finish (node_fixture *self, size_t run, uint64_t state);

void node_fixture_enlist_request (node_fixture *self, const char *name);
/*  Without a token: to the fixture's broker, by its key.  */
void node_fixture_ask_request (
    node_fixture *self, const char *name, bool wait, const bg_key *broker_key);
void node_fixture_defect_request (node_fixture *self, bool force);
void node_fixture_query (node_fixture *self);
/*  Any request of a person; the answer comes into answer.  */
void node_fixture_control (node_fixture *self, wire_kind kind, const void *body);

/*  bugle-exec says that what its verdicts depend on has changed.  */
void node_fixture_inputs (node_fixture *self, uint64_t inputs);
/*  The broker has something for the target from now on.  */
node_pending *node_fixture_post (node_fixture *self, wire_signed item);
/*  Pushes over the desk, publishes on a stream (0: all, 1: g/databases) with the next or a given sequence.  */
void node_fixture_push (node_fixture *self, wire_signed item);
void node_fixture_refer (node_fixture *self, const wire_reference *reference);
void node_fixture_publish (
    node_fixture *self, size_t stream, uint64_t sequence, const wire_signed *item);
void node_fixture_tick_stream (node_fixture *self);
void node_fixture_desk (node_fixture *self, wire_kind kind, bg_id request, const void *value);
void node_fixture_link (node_fixture *self, node_link link, node_link_event event);
void node_fixture_full (node_fixture *self, bool full);

/*  A job with one schedule: cron, or every so many microseconds.  */
wire_signed node_fixture_job (
    node_fixture *self, const char *name, const char *cron, uint64_t every_us);
/*  A job with this one schedule, and the documents that jobs share. The calendar has one range, of UTC.  */
wire_signed node_fixture_job_by (
    node_fixture *self, const char *name, const wire_job_schedule *schedule);
wire_signed node_fixture_schedule (node_fixture *self, const wire_job_schedule *spec);
wire_signed node_fixture_calendar (
    node_fixture *self, const char *name, int64_t from_us, int64_t until_us);
bg_id node_fixture_job_key (const node_fixture *self, const char *name);
wire_signed node_fixture_start (node_fixture *self, const char *job, int64_t issued_us);
/*  Reported runs in that state; reason may be NULL.  */
size_t node_fixture_reported (const node_fixture *self, uint64_t state, const char *reason);
node_core_state node_fixture_state (const node_fixture *self);
uint64_t node_fixture_counter (const node_fixture *self, const char *name);

#endif
