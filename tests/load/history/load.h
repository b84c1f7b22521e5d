/*  Rows for a broker's history as a real fleet would bring them: targets and jobs by number, a clock that goes on by an
    equal piece with every row. The same seed gives the same rows.

    Orders: burst, one START of a job to all targets, then the next job; random, any job at any target, one at a time;
    batched, 64 rows of a target together, of the few jobs that it holds, as after an outage.  */
#ifndef BUGLE_TESTS_LOAD_HISTORY_LOAD_H
#define BUGLE_TESTS_LOAD_HISTORY_LOAD_H

#include "broker/core/store_port.h"

typedef enum { LOAD_BURST, LOAD_RANDOM, LOAD_BATCHED } load_order;

typedef struct {
    load_order order;
    uint32_t jobs;
    uint32_t targets;
    int64_t first_us;   /*  time of the first row  */
    int64_t per_row_us; /*  the clock goes on by so much  */
    uint64_t seed;
} load_plan;

typedef struct {
    load_plan plan;
    uint64_t random;
    uint64_t made;     /*  rows so far  */
    uint32_t *shuffle; /*  targets of a burst, in the order in which they answer  */
    bg_id exec;        /*  of the burst  */
} load;

/*  What a query asks about is made the same way: the key and name of job number 1 to jobs.  */
bg_id load_job_key (uint32_t job);
bg_slice load_job_name (uint32_t job, bg_arena *arena);

void load_init (load *self, const load_plan *plan);
void load_fini (load *self);
/*  As if so many rows had been made.  */
void load_go_on (load *self, uint64_t made);
/*  The next row; its bytes live in arena.  */
broker_run_record load_next (load *self, bg_arena *arena);
/*  Where the clock stands.  */
int64_t load_now_us (const load *self);
/*  A number from 0 to below bound, from the same source.  */
uint64_t load_random (load *self, uint64_t bound);

#endif
