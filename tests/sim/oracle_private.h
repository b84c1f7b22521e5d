/*  What the oracle has seen; shared by oracle.c (during the run) and at_rest.c (in the end).  */
#ifndef BUGLE_SIM_ORACLE_PRIVATE_H
#define BUGLE_SIM_ORACLE_PRIVATE_H

#include "tests/sim/oracle.h"

#include "broker/core/hash.h"

typedef enum {
    SIM_SAW_ENLISTED,
    SIM_SAW_FORGOT,
    SIM_SAW_HELD,
    SIM_SAW_DUE,
    SIM_SAW_OUTCOME
} sim_saw;

/*  Inside a transaction of a node.  */
typedef struct {
    sim_saw what;
    bg_id id;
    uint64_t number;
    bg_id exec, occurrence; /*  of an outcome  */
} sim_observation;

typedef struct {
    bg_id key;
    uint64_t version;
} sim_floor;

typedef struct {
    sim_floor *items;
    size_t count, capacity;
} sim_floors;

typedef struct {
    sim_observation *pending;
    size_t pending_count, pending_capacity;
    uint32_t enlistment; /*  counts up; 0: never enlisted  */
    bg_id target;
    bool *is_over;        /*  by enlistment  */
    sim_floors floors[2]; /*  what the node holds, what bugle-exec runs  */
    sim_floors spent;     /*  jobs that have deleted themselves there  */
} sim_watch;

typedef struct {
    bg_id id;
    int machine;
    uint32_t enlistment;
    bool is_begun;   /*  its intent is durable  */
    bool is_waiting; /*  for its turn  */
    bool is_taken;   /*  the node has its outcome, and bugle-exec knows  */
    bg_id job_key;   /*  since it is begun, like the next  */
    uint64_t order;  /*  of acceptance  */
    uint64_t job_version;
    int64_t expires_us; /*  of its START; 0: none  */
    bg_id exec, occurrence;
    int spawns;
    uint64_t ended;   /*  as its file says; 0: its supervisor said nothing  */
    int outcomes;     /*  committed into the outbox  */
    uint64_t outcome; /*  the state there  */
    uint32_t rows;    /*  found in the broker's history  */
    UT_hash_handle hh;
} sim_seen_run;

typedef struct {
    bg_id id;
    int machine;
} sim_start_key;

typedef struct {
    sim_start_key key;
    UT_hash_handle hh;
} sim_seen_start;

/*  An occurrence that the node owes an outcome.  */
typedef struct {
    bg_id id;
    int machine;
    uint32_t enlistment;
    uint32_t rows;
    UT_hash_handle hh;
} sim_seen_due;

struct sim_oracle {
    sim_watch machines[SIM_MACHINES_MAX];
    sim_seen_run *runs;
    sim_seen_start *starts;
    sim_seen_start *stops; /*  of executions, durable on that machine  */
    sim_seen_due *dues;
    uint64_t spawns;
    uint64_t waited; /*  runs whose turn came  */
    uint64_t accepted;
    uint64_t rows;
};

sim_seen_run *sim_oracle_run (const sim_oracle *self, bg_id id);

#endif
