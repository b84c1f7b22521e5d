/*  Limits of a step: see supervisor_limits.h.  */
#include "node/exec/supervisor_limits.h"

#include <errno.h>

#define KILL_AFTER_S 2 /*  a process that ignores SIGXCPU is killed so much later  */

static void put (step_limits *self, int resource, uint64_t soft, uint64_t hard)
{
    bg_assert (self->count < STEP_RLIMITS_MAX);
    self->items[self->count++] = (step_rlimit){resource, {(rlim_t) soft, (rlim_t) hard}};
}

void step_limits_decide (
    const wire_limits *limits, const step_controllers *controllers, step_limits *out)
{
    *out = (step_limits){0};
    put (out, RLIMIT_CORE, 0, 0);
    if (!limits)
        return;
    if (limits->memory_bytes && controllers->memory)
        out->group_memory_bytes = limits->memory_bytes;
    else if (limits->memory_bytes)
        put (out, RLIMIT_AS, limits->memory_bytes, limits->memory_bytes);
    if (limits->processes && controllers->pids)
        out->group_processes = limits->processes;
    else if (limits->processes)
        put (out, RLIMIT_NPROC, limits->processes, limits->processes);
    if (limits->cpu_us) {
        uint64_t seconds = limits->cpu_us / 1000000 + (limits->cpu_us % 1000000 != 0);
        put (out, RLIMIT_CPU, seconds, seconds + KILL_AFTER_S);
    }
    if (limits->files)
        put (out, RLIMIT_NOFILE, limits->files, limits->files);
    if (limits->file_bytes)
        put (out, RLIMIT_FSIZE, limits->file_bytes, limits->file_bytes);
    if (limits->cpu_percent && controllers->cpu)
        out->group_cpu_percent = limits->cpu_percent;
    out->cpu_percent_is_lost = limits->cpu_percent && !controllers->cpu;
}

static bool set_one (const step_rlimit *limit)
{
    struct rlimit value = limit->value;
    struct rlimit held;
    if (setrlimit ((__rlimit_resource_t) limit->resource, &value) == 0)
        return true;
    if (errno != EPERM || getrlimit ((__rlimit_resource_t) limit->resource, &held) < 0)
        return false;
    if (value.rlim_max > held.rlim_max)
        value.rlim_max = held.rlim_max;
    if (value.rlim_cur > value.rlim_max)
        value.rlim_cur = value.rlim_max;
    return setrlimit ((__rlimit_resource_t) limit->resource, &value) == 0;
}

bool step_limits_apply (const step_limits *self, bool has_account)
{
    for (size_t i = 0; i < self->count; i++) {
        /*  Before the change it would be held against the old account's processes.  */
        bool is_by_account = self->items[i].resource == RLIMIT_NPROC;
        if (is_by_account == has_account && !set_one (&self->items[i]))
            return false;
    }
    return true;
}
