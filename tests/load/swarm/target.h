/*  One simulated target: the node's core and bugle-exec's core, each behind the ports that node/shell and node/exec give
    them, with a store, key pairs, sockets, a clock and a zone of their own.

    Between the two cores there is no socket: what one says to the other is handed over after its commit. An event goes in
    and everything that follows from it is done before the next one comes: commit, send, verdicts, starts, outcomes.
    bugle-exec's log is not written while it runs; what it would say is taken from the core when the target restarts.
*/
#ifndef BUGLE_SWARM_TARGET_H
#define BUGLE_SWARM_TARGET_H

#include "common/sys/keyfile.h"
#include "common/sys/loop.h"
#include "node/core/core.h"
#include "node/exec/exec_core.h"
#include "node/net/links.h"
#include "node/shell/effects.h"
#include "node/shell/zones.h"
#include "tests/load/swarm/crypto.h"
#include "tests/load/swarm/stats.h"
#include "tests/load/swarm/store.h"
#include "tests/load/swarm/swarm.h"

#define SWARM_TOPICS_MAX 34
#define SWARM_NEVER      INT64_MAX

typedef struct swarm_target swarm_target;
typedef struct swarm_run swarm_run;
typedef struct swarm_lag swarm_lag;
typedef struct swarm_real swarm_real;

/*  What bugle-exec's core wants done, until it is.  */
typedef enum {
    SWARM_EXEC_SEND,
    SWARM_EXEC_SPAWN,
    SWARM_EXEC_STOP,
    SWARM_EXEC_DISCARD
} swarm_exec_kind;

typedef struct {
    swarm_exec_kind kind;
    uint64_t peer;
    bg_id run;
    bg_slice blob;
} swarm_exec_effect;

/*  What bugle-exec said of a run, and when; read later.  */
typedef struct {
    swarm_target *target;
    int64_t utc_us;
    bg_buf blob;
} swarm_note;

typedef struct {
    bg_arena arena;
    swarm_exec_effect *items;
    size_t count;
    size_t capacity;
} swarm_exec_effects;

/*  What all targets of a process share. Effects are those of the target whose turn it is: none are left between turns.  */
typedef struct {
    const swarm_options *options;
    bg_loop *loop;
    bg_log *log;
    swarm_crypto *crypto;
    node_zones *zones;
    char **zone_names;
    size_t zone_count;
    wire_pair facts[32];
    size_t fact_count;
    bg_arena facts_arena;
    bg_id boot;
    bg_slice token;
    uint8_t authority_hash[32];
    exec_policy *policy;
    exec_account *account;
    node_effects node_effects;
    swarm_exec_effects exec_effects;
    node_effects node_spare; /*  empty; changes places with the one above when it is let out  */
    swarm_exec_effects exec_spare;
    swarm_stats stats;
    uint8_t random[4096]; /*  drawn and not given out yet  */
    size_t random_left;
    swarm_note *notes;
    size_t note_count;
    size_t note_capacity;
    swarm_counts counts; /*  only those that rise  */
    size_t enlisting;    /*  targets whose enlistment is under way  */
    bool is_ending;
    /*  Targets with runs whose steps take no time, in the order of their starts: they end when nothing that came for
        any target waits to be read, as machines of their own would not wait for each other.  */
    bg_defer *idle;
    swarm_target *idle_first;
    swarm_target *idle_last;
    swarm_real *real; /*  NULL: steps are simulated  */
    swarm_lag *lag;   /*  NULL: messages are not delayed  */
    swarm_target *targets;
    size_t target_count;
    /*  Called whenever what target waits for may have changed.  */
    void (*changed) (void *ctx, swarm_target *target);
    void *changed_ctx;
} swarm_shared;

/*  A link as the core wants it, so that it can be made again after a cut.  */
typedef struct {
    bool is_open;
    char *endpoints;
    bg_key key;
} swarm_want;

struct swarm_target {
    swarm_shared *shared;
    size_t index;  /*  in this process  */
    size_t number; /*  of all, from 1  */
    char name[64];
    const char *zone;
    int64_t utc_offset_us;
    bg_keypair sign;
    bg_keypair curve;
    bg_id instance;

    swarm_store kept;
    node_store store; /*  its port, with a tap  */
    node_ports ports;
    node_core *node;
    exec_core *exec;
    struct exec_log_file *log; /*  bugle-exec's, with a store on disk; else NULL  */
    bool wants_sync;           /*  a record that effects wait for is not written yet  */
    node_links *links;
    swarm_want wants[NODE_LINK_COUNT];
    char *topics[SWARM_TOPICS_MAX];
    size_t topic_count;
    uint64_t generations[NODE_LINK_COUNT]; /*  of its links: rise when one is opened or closed  */
    int64_t lag_last_us[NODE_LINK_COUNT][2];
    bool in_batch;
    bool is_settling;
    bool is_cut;
    bool is_held; /*  --hold: it may enlist, nothing else  */
    swarm_run *runs;
    swarm_target *idle_next; /*  in the list of the process  */
    bool is_idle_listed;

    size_t heap_index; /*  of the process's heap of deadlines  */
    int64_t due_us;    /*  mono  */

    bool is_enlisting;
    bool is_anchored;
    int64_t enlist_again_us; /*  mono; 0: not to be tried  */
    bool has_session;        /*  the broker welcomed this connection  */
    bool poll_open;
    bool was_polled;
    int64_t since_us[SWARM_WHAT_COUNT]; /*  utc; 0: it is not so  */
    int64_t report_us;                  /*  a REPORT is on its way since, utc; 0: none  */
    uint64_t exec_mask;                 /*  slots of starts whose outcome is not acknowledged  */
    uint64_t outbox;

    bg_id job_key; /*  newest job that it took  */
    uint64_t job_version;
    uint64_t produce_left;
    uint64_t produce_per;
};

/*  The cores do not exist before it is started.  */
bg_result swarm_target_init (swarm_target *self, swarm_shared *shared, size_t index, size_t number,
    bg_error *err) BG_CHECKED;
bg_result swarm_target_start (swarm_target *self, bg_error *err) BG_CHECKED;
/*  The node and bugle-exec end and begin again from what they stored; runs go on with their supervisors.  */
bg_result swarm_target_restart (swarm_target *self, bg_error *err) BG_CHECKED;
void swarm_target_fini (swarm_target *self);

void swarm_target_enlist (swarm_target *self);
/*  Due work of both cores and of runs.  */
void swarm_target_tick (swarm_target *self);
/*  Its connections break and stay so; and are made again.  */
void swarm_target_cut (swarm_target *self);
void swarm_target_heal (swarm_target *self);
/*  Makes up to count outcomes of its newest job at once; returns how many.  */
uint64_t swarm_target_produce (swarm_target *self, uint64_t count);

bg_now swarm_target_now (const swarm_target *self);
/*  mono_us at which tick wants to be called.  */
int64_t swarm_target_deadline (const swarm_target *self);
bool swarm_target_is_quiet (const swarm_target *self);

/*  ---- between target.c, target_node.c and target_exec.c ----  */

/*  Opens the batch if none is; false when the store failed.  */
bool swarm_target_begin (swarm_target *self);
/*  Commits and releases until both cores have nothing to say to each other or to the world.  */
void swarm_target_settle (swarm_target *self);
/*  The store failed in a way that no target survives: told once, and counted.  */
void swarm_target_failed (swarm_target *self, const char *what, const bg_error *err);

bg_result swarm_target_make_node (swarm_target *self, bg_error *err) BG_CHECKED;
/*  Begins, tells the node of bugle-exec and settles.  */
void swarm_target_release_node (swarm_target *self, const node_effect *effect);
void swarm_target_message (swarm_target *self, node_link link, const bg_slice *frames);
/*  log: records of the core before, where they are not on disk; NULL: none.  */
bg_result swarm_target_make_exec (
    swarm_target *self, const bg_buf *log, size_t count, bg_error *err) BG_CHECKED;
/*  As bg_random_bytes, with a system call for many.  */
void swarm_random (swarm_shared *shared, void *bytes, size_t size);
/*  Counts what was noted of runs. Before anybody asks for counts, and when there is time.  */
void swarm_notes_read (swarm_shared *shared);
void swarm_notes_fini (swarm_shared *shared);
/*  Before bugle-exec's effects are let out: what they wait for is on disk, where there is one.  */
void swarm_target_sync (swarm_target *self);
void swarm_target_close_log (swarm_target *self);
void swarm_target_release_exec (swarm_target *self, const swarm_exec_effect *effect);
void swarm_exec_effects_fini (swarm_exec_effects *self);
/*  Says this to the node as bugle-exec.  */
void swarm_target_to_node (swarm_target *self, bg_slice blob);

#endif
