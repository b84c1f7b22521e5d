/*  The people: an admin who makes tokens, posts and withdraws jobs, switches them, starts and stops
    them, changes memberships and removes targets; and those who enlist and defect machines.

    They remember what they signed. The oracle compares with that: no run of a job that they did not
    sign, nothing lost that the broker said it had stored.
*/
#ifndef BUGLE_SIM_PEOPLE_H
#define BUGLE_SIM_PEOPLE_H

#include "tests/sim/world.h"

#define SIM_JOBS_MAX      8
#define SIM_SCHEDULES_MAX 3
#define SIM_SHARED_MAX    5 /*  schedules, then calendars  */

/*  One version of a job that was signed.  */
typedef struct {
    bg_id key;
    uint64_t version;
    bool withdrawal;
    bool one_shot;          /*  came inside a START  */
    wire_audience audience; /*  of a job; in the arena of the people, like the next  */
    wire_signed item;
} sim_signed_job;

typedef struct {
    bg_id id;
    uint64_t what;
    bg_id job_key;
    bg_slice job_name;
    wire_audience to;
    int64_t issued_us;
    int64_t expires_us;
    bool acknowledged; /*  ISSUED was received  */
    wire_signed item;
} sim_signed_deed;

/*  A job as its author sees it.  */
typedef struct {
    char name[32];
    bg_id key, switch_key;
    bool live;
    bool is_off;      /*  disabled in the end  */
    bool is_closed;   /*  it has no schedule any more  */
    bool is_again;    /*  posted once more after a restore  */
    uint64_t version; /*  newest that the broker has for sure  */
    uint64_t switch_version;
} sim_job;

/*  A schedule or calendar that jobs use.  */
typedef struct {
    char name[32];
    wire_type type;
    bg_id key, switch_key;
    bool live;
    bool is_again;  /*  posted once more after the chaos  */
    bool is_closed; /*  nothing is to be done about it any more  */
    uint64_t version;
    uint64_t switch_version;
} sim_shared;

/*  What is to be done with rows of the download list that are asked for.  */
typedef enum { SIM_OP_SKIP, SIM_OP_RETRY, SIM_OP_RETRY_ALL, SIM_OP_LOOK } sim_op_wish;

struct sim_people {
    sim_world *world;
    sim_rng rng;
    bg_arena arena;
    sim_job jobs[SIM_JOBS_MAX];
    sim_shared shared[SIM_SHARED_MAX];
    sim_signed_job *versions;
    size_t version_count, version_capacity;
    sim_signed_deed *deeds;
    size_t deed_count, deed_capacity;
    uint64_t authority_version;
    uint64_t documents; /*  acknowledged posts  */
    bool closing;       /*  only what ends things is done now  */

    /*  the one request that is on its way  */
    bool cut; /*  the membership that is posted next ends a target without a word  */
    bool asking;
    bg_id request;
    bg_buf packed;
    wire_kind kind;
    int tries;
    int job;       /*  what it is about; -1: no job  */
    int shared_at; /*  the same of schedules and calendars; then job does not count  */
    uint64_t version;
    wire_type type; /*  what is posted  */
    bool ends_job;  /*  this closes the job  */
    bool is_again;  /*  this is the version after a restore  */
    size_t deed;
    int machine; /*  whose membership; -1  */

    sim_op_wish op_wish;
    bool has_retried; /*  no job is skipped any more, and none will be  */
    bool sees_health; /*  after that: nothing is shown as refused or waiting  */

    /*  the token that machines enlist with  */
    bool has_token;
    uint8_t token_seed[16];
    int64_t token_expires_us;
    uint64_t token_uses;
    bg_buf token_text;
    bool wants_resume; /*  the broker said that it was restored  */
};

void sim_people_init (sim_world *self);
void sim_people_fini (sim_world *self);
void sim_people_start (sim_world *self);
/*  An answer of the broker to a login.  */
void sim_people_answer (sim_world *self, bg_slice header, bg_slice body);
/*  The chaos is over: jobs are withdrawn or disabled, machines enlist, and nothing new begins.  */
void sim_people_close (sim_world *self);
/*  The broker has lost what it knew last: what people think that it has is looked up again.  */
void sim_people_restored (sim_world *self);
bool sim_people_are_done (const sim_world *self);
/*  Sends a request; there must be none on its way.  */
void sim_people_ask (sim_people *self, wire_kind kind, const void *body);
/*  people_ops.c: looks at the download list, and does with it what was wished.  */
void sim_people_look_at_ops (sim_people *self, sim_op_wish wish);
void sim_people_take_ops (sim_people *self, const wire_ops *rows);
/*  What was signed under these numbers; NULL: nothing.  */
const sim_signed_job *sim_people_job (const sim_people *self, bg_id key, uint64_t version);
const sim_signed_deed *sim_people_deed (const sim_people *self, bg_id id);

#endif
