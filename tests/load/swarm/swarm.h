/*  bugle-swarm: many targets on one machine, for measuring a broker.

    Every target is a real node core and a real bugle-exec core with a real store, keys and sockets of its own; only the
    steps of its jobs are simulated (or, with --steps real, run by a real supervisor). The parent starts as many children as
    the limit of descriptors asks for; each child holds a part of the targets in one loop. Orders go to all children over
    socket pairs and come back as counts and samples, which the parent merges: both sides are the same program, so what
    travels are plain structs.
*/
#ifndef BUGLE_SWARM_SWARM_H
#define BUGLE_SWARM_SWARM_H

#include "common/base/now.h"
#include "common/base/slice.h"
#include "common/base/id.h"

#define SWARM_FDS_TARGET                                                                           \
    8 /*  descriptors of one target: two sockets, each with mailbox, connection and monitor  */
#define SWARM_FDS_STORE 4 /*  more with a store on disk  */
#define SWARM_CHILD_TARGETS                                                                        \
    1250 /*  in a process, unless their number is given: libzmq's work for a connection grows with them  */
#define SWARM_FDS_CHILD   96 /*  everything else in a child  */
#define SWARM_TARGETS_MAX 100000

typedef enum { SWARM_NOOP, SWARM_SLEEP, SWARM_FAIL, SWARM_OUTPUT, SWARM_REAL } swarm_steps_kind;

typedef struct {
    swarm_steps_kind kind;
    uint64_t amount; /*  ms, percent or bytes  */
} swarm_steps_spec;

typedef struct {
    size_t targets;
    size_t processes; /*  0: as many as it takes  */
    bg_buf token;
    uint64_t seed;
    const char *prefix;
    swarm_steps_spec steps;
    double churn_percent; /*  0: none  */
    int64_t churn_every_us;
    int64_t lag_low_us;
    int64_t lag_high_us;
    int64_t clock_spread_us;
    const char *groups;    /*  comma-separated; NULL: whatever the token gives  */
    const char *zones;     /*  comma-separated; NULL: the machine's  */
    const char *store_dir; /*  NULL: in memory  */
    int64_t grace_us;      /*  at the end, for what is on its way  */
    int64_t for_us;        /*  0: until it is told to end  */
    bool holds;            /*  enlisted targets stay away until HEAL  */
    const char *control_path;
    const char *report_path;
} swarm_options;

/*  ---- orders ----  */

typedef enum {
    SWARM_STATUS = 1,
    SWARM_WAIT,
    SWARM_EXEC,
    SWARM_HELD,
    SWARM_PRODUCE,
    SWARM_PRODUCED,
    SWARM_CUT,
    SWARM_HEAL,
    SWARM_RESTART,
    SWARM_RESET,
    SWARM_STOP,
} swarm_word;

typedef enum {
    SWARM_ENLISTED,
    SWARM_CONNECTED,
    SWARM_CURRENT,
    SWARM_QUIET,
    SWARM_WHAT_COUNT
} swarm_what;

typedef struct {
    uint64_t number;
    swarm_word word;
    swarm_what what;    /*  WAIT  */
    int64_t timeout_us; /*  WAIT  */
    uint64_t count;     /*  PRODUCE: outcomes of each target; HELD: version  */
    uint64_t per;       /*  PRODUCE  */
    double rate;        /*  PRODUCE: per second in this child, 0: as fast as it goes  */
    double percent;     /*  CUT, RESTART  */
    bg_id id;           /*  EXEC, HELD; zero: by name  */
    char name[130];     /*  HELD  */
} swarm_order;

/*  What a child counts. Order and names are those of the control socket's answers.  */
#define SWARM_COUNTS(X)                                                                            \
    X (targets)                                                                                    \
    X (enlisted)                                                                                   \
    X (connected)                                                                                  \
    X (current)                                                                                    \
    X (cut)                                                                                        \
    X (open_runs)                                                                                  \
    X (outbox)                                                                                     \
    X (begun)                                                                                      \
    X (outcomes)                                                                                   \
    X (doubled)                                                                                    \
    X (produced)                                                                                   \
    X (acknowledged)                                                                               \
    X (refused_items)                                                                              \
    X (not_in_groups)                                                                              \
    X (enlist_failures)                                                                            \
    X (store_failures)                                                                             \
    X (warnings)                                                                                   \
    X (restarts)                                                                                   \
    X (pss_kib)                                                                                    \
    X (fds)                                                                                        \
    X (cpu_us)                                                                                     \
    X (verify_asked)                                                                               \
    X (verify_computed)

typedef struct {
#define SWARM_COUNT_FIELD(name) uint64_t name;
    SWARM_COUNTS (SWARM_COUNT_FIELD)
#undef SWARM_COUNT_FIELD
} swarm_counts;

/*  An answer: this, then sample_count samples of 8 bytes, sorted by nobody.  */
typedef struct {
    uint64_t number;
    swarm_word word;
    bool ok;
    uint64_t over;         /*  EXEC: runs with an outcome  */
    uint64_t acknowledged; /*  EXEC: of these, with the broker  */
    int64_t first_us;      /*  PRODUCED; 0: nothing was  */
    int64_t last_us;       /*  PRODUCED, EXEC (last acknowledged)  */
    swarm_counts counts;   /*  STATUS, STOP  */
    uint64_t sample_count;
} swarm_answer;

/*  ---- the parts ----  */

/*  The whole run after the options: children, control socket, report. Returns the exit code.  */
int swarm_parent_run (const swarm_options *options);

/*  A child with targets first .. first + count - 1; orders come over fd. Returns the exit code.  */
int swarm_child_run (const swarm_options *options, size_t first, size_t count, int fd);

#endif
