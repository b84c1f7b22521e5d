/*  The world of the simulator: one broker, some machines each with a node and a bugle-exec, people who
    give orders, a network and bad luck. One thread, virtual time, one seed.

    Both cores and the decisions of bugle-exec are the object files of production. What is modelled
    is everything around them: shells (batches, commit before send, crashes that lose what was not
    committed), the front, sockets, supervisors and steps, disks, clocks. The network gives less
    than ZeroMQ promises: it drops, delays, repeats and reorders.

    A world runs in two phases: chaos, then heal. After healing everything must come to rest in a
    state in which the oracle finds no fault (oracle.h); during the chaos it watches what may never
    happen.
*/
#ifndef BUGLE_SIM_WORLD_H
#define BUGLE_SIM_WORLD_H

#include "broker/core/core.h"
#include "common/job/flow.h"
#include "node/core/core.h"
#include "node/exec/exec_core.h"
#include "tests/sim/effects.h"
#include "tests/sim/events.h"
#include "tests/sim/rng.h"
#include "tests/sim/stores.h"

#define SIM_MACHINES_MAX 32
#define SIM_TOPICS_MAX   40
#define SIM_EPOCH_US     BG_DAY (20000)

typedef struct sim_world sim_world;
typedef struct sim_machine sim_machine;
typedef struct sim_oracle sim_oracle;
typedef struct sim_people sim_people;

typedef enum {
    SIM_PLANT_NONE,
#define SIM_PLANT(name, word, text) SIM_PLANT_##name,
#include "tests/sim/plants.def"
#undef SIM_PLANT
    SIM_PLANT_COUNT
} sim_plant;

typedef struct {
    uint64_t seed;
    int machines;
    int64_t chaos_us;
    sim_plant plant;
    bool is_quiet;       /*  no faults: for comparing worlds  */
    bool is_unpublished; /*  every publication is lost  */
    bool restores;       /*  once the broker comes back from an older state  */
    bool real_crypto;
    bool is_sqlite; /*  the stores of production instead of those in memory  */
    bool trace;
} sim_options;

typedef struct {
    bg_key public_key;
    uint8_t secret[64];
} sim_pair;

/*  ---- network ----  */

/*  A socket of a node. connection changes whenever it goes up or down: answers to an older one are
    lost.  */
typedef struct {
    bool open;
    bool up;
    uint64_t generation; /*  of open; an attempt of an older one is void  */
    uint64_t connection;
    bg_key key; /*  the CURVE key that it shows  */
    char *topics[SIM_TOPICS_MAX];
    size_t topic_count;
} sim_link;

typedef struct {
    int64_t drop;     /*  per thousand  */
    int64_t repeat;   /*  per thousand  */
    int64_t delay_us; /*  at most  */
    bool reorder;
} sim_weather;

typedef struct {
    wire_channel channel;
    bg_key key;
} sim_front_key;

/*  The front as the others see it: who may connect, whose heartbeat says pending.  */
typedef struct {
    bool up;
    bool ready;
    sim_front_key *keys;
    size_t key_count, key_capacity;
    sim_front_key *pending;
    size_t pending_count, pending_capacity;
    sim_front_key *seen;
    size_t seen_count, seen_capacity;
    int64_t beacon_us;
} sim_front;

/*  ---- processes ----  */

typedef struct {
    sim_world *world;
    sim_rng rng;
    sim_broker_store disk;
    broker_store store; /*  the port with taps  */
    broker_ports ports;
    broker_core *core; /*  NULL: down  */
    sim_effects effects;
    bool in_batch;
    bool commit_planned;
    bool storage_full;
    uint64_t life; /*  events of an older one are void  */
    uint64_t tick_serial;
    int64_t boot_us; /*  world time of monotonic zero  */
    int64_t utc_off_us;
    sim_front front;
    uint64_t front_life;
    uint64_t starts;
    bool was_restored;
    uint64_t high_term; /*  the high-water file, which stays with the machine  */
    uint64_t high_position;
} sim_broker;

typedef struct {
    sim_node_store disk;
    node_store store; /*  the port with taps  */
    node_ports ports;
    node_core *core; /*  NULL: down  */
    sim_effects effects;
    bool in_batch;
    bool commit_planned;
    bool storage_full;
    uint64_t life;
    uint64_t tick_serial;
    bg_id instance;
    bool has_keys; /*  on disk  */
    sim_pair sign, curve;
    sim_link links[NODE_LINK_COUNT];
    uint64_t control;  /*  last request given out  */
    bool control_open; /*  not answered yet  */
    int64_t control_at_us;
    bool exec_up; /*  connected to bugle-exec  */
} sim_node;

/*  A run on the machine: its file, and its supervisor while that lives.  */
typedef struct sim_run sim_run;
struct sim_run {
    sim_run *next;
    sim_machine *machine;
    bg_id id;
    uint64_t serial; /*  events of another one are void  */
    bg_buf *records; /*  the file  */
    size_t record_count;
    bool has_file;
    bool alive;        /*  a supervisor holds it  */
    bool is_child;     /*  of the bugle-exec that runs now  */
    bool is_connected; /*  its socket to bugle-exec  */
    bool stopping;
    bg_arena arena;
    wire_plan *plan;
    job_flow flow;
    job_flow_step *steps;
    job_flow_order order;
    uint64_t behaviour; /*  from this everything about its steps follows  */
    int64_t step_began_us;
    uint64_t attempts;
};

typedef struct {
    exec_core *core; /*  NULL: down  */
    bg_buf *log;     /*  records  */
    size_t log_count, log_capacity;
    size_t log_durable; /*  of them on disk  */
    bool wants_sync;
    bool commit_planned;
    int64_t flush_due_us; /*  world time  */
    sim_effects queue;
    sim_effects discards;
    uint64_t life;
    uint64_t tick_serial;
    bool has_policy; /*  on disk  */
    bool policy_is_broken;
    exec_policy policy;
    bool storage_full;
} sim_exec;

struct sim_machine {
    sim_world *world;
    int index;
    char name[16];
    sim_rng rng;     /*  of its programs  */
    int64_t boot_us; /*  world time of monotonic zero  */
    int64_t utc_off_us;
    bg_id boot;
    sim_node node;
    sim_exec exec;
    uint64_t pipe;        /*  the connection between node and bugle-exec; 0: none  */
    int64_t pipe_at_us;   /*  it keeps the order  */
    int64_t net_at_us[2]; /*  last arrival out and in, when the weather keeps the order  */
    int64_t cut_until_us; /*  partitioned  */
    bool was_set_back;    /*  its wall clock, ever  */
    sim_run *runs;
    bool wants_member;
    int refusals;          /*  how often in a row people saw that the broker does not know it  */
    bool name_is_taken;    /*  the broker said so: an admin has to help  */
    bool is_changed_again; /*  its membership, after the broker was restored  */
};

struct sim_world {
    sim_options options;
    int64_t now_us;
    sim_events events;
    sim_rng rng;
    const wire_crypto *crypto;
    bg_id installation;
    sim_pair admin, broker_sign, broker_curve;
    bg_buf authority; /*  version 1, encoded  */
    sim_broker broker;
    sim_machine machines[SIM_MACHINES_MAX];
    int machine_count;
    sim_weather weather;
    sim_people *people;
    sim_oracle *oracle;
    bool healing;
    uint64_t serial; /*  gives out connections, lives, ...  */
    uint64_t event_count;
    uint64_t hash; /*  over everything that happened  */
    uint64_t crashes;
    bool failed;
    char why[1024];
};

/*  ---- world.c ----  */

typedef struct {
    bool failed;
    char why[1024];
    uint64_t hash;
    uint64_t events;
    uint64_t crashes;
    uint64_t rows; /*  of history  */
    uint64_t deeds;
    uint64_t documents;
    uint64_t summary;  /*  what has to be the same in two quiet worlds of one seed  */
    int64_t healed_us; /*  how long healing took  */
} sim_result;

/*  Runs one world to its end.  */
void sim_run_world (const sim_options *options, sim_result *result);

void sim_at (sim_world *self, int64_t at_us, sim_handler *handler, void *owner, uint64_t tag,
    bg_slice payload);
void sim_in (sim_world *self, int64_t delay_us, sim_handler *handler, void *owner, uint64_t tag,
    bg_slice payload);
/*  The first failure is kept; the world ends after this event.  */
void sim_fail (sim_world *self, const char *format, ...) BG_PRINTF (2, 3);
void sim_trace (sim_world *self, const char *format, ...) BG_PRINTF (2, 3);
void sim_note (sim_world *self, uint64_t what);
bool sim_has_plant (const sim_world *self, sim_plant plant);
void sim_make_pair (sim_rng *rng, sim_pair *pair);
uint64_t sim_hash_bytes (bg_slice bytes);
/*  The body of an authority with the one admin; login is what its list points to.  */
void sim_make_authority (
    const sim_world *self, int64_t created_us, wire_login *login, wire_authority *body);

/*  ---- network.c ----  */

void sim_link_open (sim_machine *machine, node_link link);
void sim_link_close (sim_machine *machine, node_link link);
/*  The connection breaks; libzmq tries again by itself.  */
void sim_link_break (sim_machine *machine, node_link link);
void sim_link_send (sim_machine *machine, node_link link, bg_slice packed);
void sim_link_subscribe (sim_machine *machine, bg_slice topic, bool wanted);
void sim_front_start (sim_world *self);
void sim_front_crash (sim_world *self);
/*  What the broker's core released.  */
void sim_front_send (sim_world *self, wire_channel channel, const bg_key *peer, bg_slice packed);
void sim_front_publish (sim_world *self, bg_slice packed);
void sim_front_keys (sim_world *self, int what, wire_channel channel, const bg_key *key);
void sim_front_pending (sim_world *self, const bg_key *key, bool pending);
/*  A login's request.  */
void sim_ops_send (sim_world *self, bg_slice packed);
void sim_network_fini (sim_world *self);

/*  ---- broker.c ----  */

void sim_broker_init (sim_world *self);
void sim_broker_fini (sim_world *self);
void sim_broker_start (sim_world *self);
void sim_broker_crash (sim_world *self);
void sim_broker_set_full (sim_world *self, bool full);
/*  A copy of the store as it is between two batches; and back to it, by the command, which says so in the store, or by
    somebody who exchanges files, which the high-water file tells.  */
void sim_broker_backup (sim_world *self);
void sim_broker_restore (sim_world *self, bool by_command);
bg_now sim_broker_now (const sim_world *self);
/*  A message arrived by the front.  */
void sim_broker_message (
    sim_world *self, wire_channel channel, const bg_key *peer, const bg_slice frames[3]);
void sim_broker_front_up (sim_world *self);
void sim_broker_stats (sim_world *self);

/*  ---- node.c ----  */

void sim_machine_init (sim_world *self, int index);
void sim_machine_fini (sim_machine *machine);
bg_now sim_machine_now (const sim_machine *machine);
void sim_node_start (sim_machine *machine);
void sim_node_crash (sim_machine *machine);
void sim_node_set_full (sim_machine *machine, bool full);
void sim_node_message (sim_machine *machine, node_link link, const bg_slice *frames);
void sim_node_link (sim_machine *machine, node_link link, node_link_event event);
void sim_node_exec_up (sim_machine *machine);
void sim_node_exec_down (sim_machine *machine);
void sim_node_exec_message (sim_machine *machine, bg_slice blob);
/*  Requests of the control socket; false when the node is down or one is open.  */
bool sim_node_enlist (sim_machine *machine, bg_slice token);
bool sim_node_defect (sim_machine *machine, bool force);
void sim_node_clock_set (sim_machine *machine);

/*  ---- exec.c ----  */

void sim_exec_init (sim_machine *machine);
void sim_exec_fini (sim_machine *machine);
void sim_exec_start (sim_machine *machine);
void sim_exec_crash (sim_machine *machine);
/*  The policy file gets a mistake, or is mended; bugle-exec notices at once.  */
void sim_exec_break_policy (sim_machine *machine, bool is_broken);
void sim_exec_peer_gone (sim_machine *machine, uint64_t pipe);
void sim_exec_message (sim_machine *machine, uint64_t pipe, bg_slice blob);
/*  The node's end of the pipe.  */
void sim_pipe_to_exec (sim_machine *machine, bg_slice blob);
void sim_pipe_connect (sim_machine *machine);
void sim_pipe_break (sim_machine *machine);
/*  A process that lies: sends the blob as a peer of its own.  */
void sim_exec_hostile (sim_machine *machine, bg_slice blob);
/*  A run's file changed, or its supervisor went.  */
void sim_exec_look (sim_machine *machine, sim_run *run);
void sim_exec_supervisor_here (sim_machine *machine, bg_id run);

/*  ---- processes.c ----  */

/*  false: the supervisor could not be started.  */
bool sim_run_spawn (sim_machine *machine, bg_id id, bg_slice plan);
sim_run *sim_run_find (const sim_machine *machine, bg_id id);
void sim_run_stop (sim_machine *machine, bg_id id);
void sim_run_discard (sim_machine *machine, bg_id id);
/*  The supervisor dies without a word.  */
void sim_run_kill (sim_run *run);
/*  bugle-exec is new: no supervisor is its child; they connect again.  */
void sim_runs_orphan (sim_machine *machine);
void sim_runs_reconnect (sim_machine *machine);
void sim_runs_kill_all (sim_machine *machine);
void sim_runs_fini (sim_machine *machine);

/*  ---- taps.c ----  */

void sim_tap_node (sim_machine *machine);
void sim_tap_broker (sim_world *self);
void sim_tap_begin (sim_world *self);
void sim_tap_end (void);

/*  ---- chaos.c ----  */

void sim_chaos_start (sim_world *self);
void sim_chaos_heal (sim_world *self);

#endif
