/*  Token bucket: how much one peer may send. Pure; time comes in.  */
#ifndef BUGLE_BROKER_FRONT_BUDGET_H
#define BUGLE_BROKER_FRONT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t rate;  /*  per second, from 1  */
    int64_t burst; /*  at most at once, from 1  */
} broker_budget_rule;

typedef struct {
    int64_t filled_us; /*  mono time up to which it was filled; 0 in a new one, which is full  */
    int64_t millionths;
} broker_budget;

/*  Takes cost and returns true, or leaves all as it is and returns false. A cost above the burst
    never fits.  */
bool broker_budget_take (
    broker_budget *self, const broker_budget_rule *rule, int64_t mono_us, int64_t cost);

/*  What a message of so many bytes costs: one, and one more for every 8 KiB.  */
int64_t broker_budget_cost (uint64_t bytes);

#endif
