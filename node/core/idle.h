/*  Have the processors become idle? A pure state machine over samples of the kernel's counters.

    Idle begins when for `for_us` in a row less than `below` percent of all processors together was used. It is told once;
    then they must have been busy before it is told again.
*/
#ifndef BUGLE_NODE_CORE_IDLE_H
#define BUGLE_NODE_CORE_IDLE_H

#include "common/base/slice.h"

typedef struct {
    /*  Counters since boot, in any unit.  */
    uint64_t busy;
    uint64_t total;
} node_cpu_sample;

/*  All zero but the first two: nothing was sampled yet.  */
typedef struct {
    uint64_t below; /*  percent, 1 to 100  */
    int64_t for_us;
    bool has_sample;
    bool is_below;
    bool is_told;
    node_cpu_sample last;
    int64_t below_since_us; /*  valid while is_below  */
} node_idle;

/*  True when the processors have become idle with this sample. mono_us: of a clock that never goes back. Counters that
    went back (another machine took over) begin anew.  */
bool node_idle_sample (node_idle *self, node_cpu_sample sample, int64_t mono_us);
/*  The first line of /proc/stat; false when it is none.  */
bool node_idle_read (bg_slice text, node_cpu_sample *sample);

#endif
