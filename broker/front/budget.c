/*  Token bucket. Invariant: 0 <= millionths <= burst * 1,000,000.  */
#include "broker/front/budget.h"

#define MILLION    INT64_C (1000000)
#define BYTES_UNIT 8192

bool broker_budget_take (
    broker_budget *self, const broker_budget_rule *rule, int64_t mono_us, int64_t cost)
{
    int64_t full = rule->burst * MILLION;
    int64_t passed = mono_us - self->filled_us;
    /*  A microsecond of rate N is worth N millionths; longer than it takes to fill up needs no
        multiplication.  */
    if (self->filled_us == 0 || passed > full / rule->rate)
        self->millionths = full;
    else if (passed > 0)
        self->millionths += passed * rule->rate;
    if (self->millionths > full)
        self->millionths = full;
    self->filled_us = mono_us;
    if (cost > rule->burst || self->millionths < cost * MILLION)
        return false;
    self->millionths -= cost * MILLION;
    return true;
}

int64_t broker_budget_cost (uint64_t bytes)
{
    return 1 + (int64_t) (bytes / BYTES_UNIT);
}
