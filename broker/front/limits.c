/*  See limits.h. Reads two figures of the system and changes none.  */
#include "broker/front/limits.h"

#include <stdio.h>
#include <sys/resource.h>

#define DESCRIPTORS_OWN 256  /*  of the process itself, logins and strangers  */
#define BACKLOG_LEAST   128  /*  what a kernel has at least; a small fleet needs no more  */
#define BACKLOG_MOST    4096 /*  ZMQ_BACKLOG of our sockets  */
#define SOMAXCONN_FILE  "/proc/sys/net/core/somaxconn"

broker_limits broker_limits_wanted (size_t targets)
{
    const size_t backlog = targets < BACKLOG_MOST ? targets : BACKLOG_MOST;
    return (broker_limits){.descriptors = DESCRIPTORS_OWN + targets * 2 + targets / 2,
        .backlog = backlog > BACKLOG_LEAST ? backlog : BACKLOG_LEAST};
}

static uint64_t read_backlog (void)
{
    FILE *file = fopen (SOMAXCONN_FILE, "re");
    unsigned long long value = 0;
    if (!file)
        return UINT64_MAX;
    const bool is_read = fscanf (file, "%llu", &value) == 1;
    (void) fclose (file);
    return is_read ? value : UINT64_MAX;
}

broker_limits broker_limits_now (void)
{
    struct rlimit limit;
    broker_limits now = {.descriptors = UINT64_MAX, .backlog = read_backlog ()};
    if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        now.descriptors = limit.rlim_cur;
    return now;
}
