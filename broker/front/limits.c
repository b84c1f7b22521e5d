/*  See limits.h. Asks the system and changes nothing.  */
#include "broker/front/limits.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESCRIPTORS_OWN 256  /*  of the process itself, logins and strangers  */
#define BACKLOG_LEAST   128  /*  what a kernel has at least; a small fleet needs no more  */
#define BACKLOG_MOST    4096 /*  ZMQ_BACKLOG of our sockets  */
#define MEMORY_OWN      (UINT64_C (32) << 20)
#define MEMORY_TARGET                                                                              \
    (UINT64_C (100) << 10) /*  two connections: 70 to 80 KiB here, the rest in the kernel  */

const broker_limit_text broker_limit_texts[BROKER_LIMITS] = {
    [BROKER_LIMIT_DESCRIPTORS] = {"descriptors-short",
        "raise the limit of open files (LimitNOFILE= or ulimit -Hn)"},
    [BROKER_LIMIT_BACKLOG] = {"backlog-short",
        "sysctl -w net.core.somaxconn=4096: a fleet that comes back waits longer"},
    [BROKER_LIMIT_MEMORY] = {"memory-short",
        "the connections of all targets may not fit: give the broker more memory"},
};

broker_limits broker_limits_wanted (size_t targets)
{
    const size_t backlog = targets < BACKLOG_MOST ? targets : BACKLOG_MOST;
    return (broker_limits){{
        [BROKER_LIMIT_DESCRIPTORS] = DESCRIPTORS_OWN + targets * 2 + targets / 2,
        [BROKER_LIMIT_BACKLOG] = backlog > BACKLOG_LEAST ? backlog : BACKLOG_LEAST,
        [BROKER_LIMIT_MEMORY] = MEMORY_OWN + targets * MEMORY_TARGET,
    }};
}

/*  The number behind key in a file of small text; UINT64_MAX when either is not there.  */
static uint64_t read_number (const char *proc, const char *name, const char *key)
{
    char path[PATH_MAX], line[256];
    unsigned long long value = 0;
    bool is_read = false;
    (void) snprintf (path, sizeof path, "%s/%s", proc, name);
    FILE *file = fopen (path, "re");
    if (!file)
        return UINT64_MAX;
    while (!is_read && fgets (line, sizeof line, file))
        is_read = strncmp (line, key, strlen (key)) == 0 &&
                  sscanf (line + strlen (key), "%llu", &value) == 1;
    (void) fclose (file);
    return is_read ? value : UINT64_MAX;
}

/*  A listening socket tells in tcpi_sacked how many it may keep: what was asked for, or what the system grants.  */
static uint64_t ask_backlog (void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr = {.s_addr = htonl (INADDR_LOOPBACK)}};
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return UINT64_MAX;
    const bool is_told = bind (fd, (struct sockaddr *) &address, sizeof address) == 0 &&
                         listen (fd, BACKLOG_MOST) == 0 &&
                         getsockopt (fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
                         info.tcpi_sacked > 0;
    (void) close (fd);
    return is_told ? info.tcpi_sacked : UINT64_MAX;
}

/*  What the process has is part of what its targets may take. A sandbox hides meminfo; all of the machine's memory is
    then the best that is known.  */
static uint64_t available_memory (const char *proc)
{
    const uint64_t page = (uint64_t) sysconf (_SC_PAGESIZE);
    const uint64_t available_kib = read_number (proc, "meminfo", "MemAvailable:");
    if (available_kib == UINT64_MAX)
        return (uint64_t) sysconf (_SC_PHYS_PAGES) * page;
    const uint64_t own_kib = read_number (proc, "self/status", "VmRSS:");
    return (available_kib + (own_kib == UINT64_MAX ? 0 : own_kib)) << 10;
}

broker_limits broker_limits_now (const char *proc)
{
    struct rlimit limit;
    broker_limits now = {{UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        now.of[BROKER_LIMIT_DESCRIPTORS] = limit.rlim_cur;
    now.of[BROKER_LIMIT_BACKLOG] = read_number (proc, "sys/net/core/somaxconn", "");
    if (now.of[BROKER_LIMIT_BACKLOG] == UINT64_MAX)
        now.of[BROKER_LIMIT_BACKLOG] = ask_backlog ();
    now.of[BROKER_LIMIT_MEMORY] = available_memory (proc);
    return now;
}
