/*  What a child and its helper for real steps say to each other: a head, then a plan (count 1: start it; 0: stop the run),
    and back a head with count records, each behind its length.  */
#ifndef BUGLE_SWARM_REAL_PRIVATE_H
#define BUGLE_SWARM_REAL_PRIVATE_H

#include "common/base/id.h"
#include "common/sys/frames.h"

#define SWARM_REAL_BYTES   ((size_t) 32 << 20)
#define SWARM_REAL_QUEUE   ((size_t) 256 << 20)
#define SWARM_REAL_RECORDS 256

typedef struct {
    uint64_t target; /*  within the child  */
    bg_id run;
    uint64_t count;
} swarm_real_head;

/*  The helper's whole life: until the other side closes. Returns its exit code.  */
int swarm_real_help (int fd);

#endif
