/*  What the system must grant a broker of so many targets: asked when the front starts and when its key
    table grows, so that the lack is said before it is felt. docs/scale.md has the figures behind it.

    Descriptors: two connections a target, and a quarter more for those that come back before the old ones
    are gone (libzmq spins when it has none left). Backlog: connections that the kernel keeps for us while
    a fleet comes back; those above it are tried again after 1, 3 and 7 s. Memory: what the connections of
    all targets take in this process and in the kernel.
*/
#ifndef BUGLE_BROKER_FRONT_LIMITS_H
#define BUGLE_BROKER_FRONT_LIMITS_H

#include "common/base/slice.h"

typedef enum {
    BROKER_LIMIT_DESCRIPTORS, /*  limit of open files, soft  */
    BROKER_LIMIT_BACKLOG,     /*  net.core.somaxconn  */
    BROKER_LIMIT_MEMORY,      /*  bytes that are available, with what this process has  */
    BROKER_LIMITS
} broker_limit;

typedef struct {
    uint64_t of[BROKER_LIMITS];
} broker_limits;

/*  For the log: the event, and what to do.  */
typedef struct {
    const char *event;
    const char *hint;
} broker_limit_text;

extern const broker_limit_text broker_limit_texts[BROKER_LIMITS];

/*  Enough for so many targets.  */
broker_limits broker_limits_wanted (size_t targets);
/*  As they are for this process; proc is "/proc", or what a test put in its place. What cannot be asked counts as
    enough; where the sandbox hides the files of the network, the kernel is asked by a socket that listens for a moment.  */
broker_limits broker_limits_now (const char *proc);

#endif
