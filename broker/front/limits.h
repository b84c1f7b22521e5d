/*  What the system must grant a broker of so many targets: asked when the front starts and when its key
    table grows, so that the lack is said before it is felt.

    Descriptors: two connections a target, and a quarter more for those that come back before the old ones
    are gone (libzmq spins when it has none left). Backlog: connections that the kernel keeps for us while
    a fleet comes back; those above it are tried again after 1, 3 and 7 s.
*/
#ifndef BUGLE_BROKER_FRONT_LIMITS_H
#define BUGLE_BROKER_FRONT_LIMITS_H

#include "common/base/slice.h"

typedef struct {
    uint64_t descriptors; /*  limit of open files, soft  */
    uint64_t backlog;     /*  net.core.somaxconn  */
} broker_limits;

/*  Enough for so many targets.  */
broker_limits broker_limits_wanted (size_t targets);
/*  As they are for this process. What cannot be read counts as enough.  */
broker_limits broker_limits_now (void);

#endif
