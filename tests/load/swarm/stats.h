/*  What a child remembers of times: of each START when it began on which target, of each document when it was taken, of
    outcomes how long their acknowledgement took. Bounded: the newest SWARM_EXECS starts and SWARM_DOCUMENTS documents, and
    SWARM_ACKS acknowledgements. Times are microseconds UTC of the machine, without the targets' offsets.
*/
#ifndef BUGLE_SWARM_STATS_H
#define BUGLE_SWARM_STATS_H

#include "common/base/id.h"
#include "common/base/slice.h"

#define SWARM_EXECS     64
#define SWARM_DOCUMENTS 4096
#define SWARM_ACKS      (1u << 20)

typedef struct {
    int64_t *items;
    size_t count;
    size_t capacity;
} swarm_samples;

void swarm_samples_add (swarm_samples *self, int64_t value);
void swarm_samples_fini (swarm_samples *self);

typedef struct {
    bg_id id;
    swarm_samples begun;
    uint8_t *seen; /*  one byte a target of this child: times begun  */
    uint64_t over;
    uint64_t acknowledged;
    int64_t last_ack_us;
} swarm_exec;

typedef struct {
    bg_id key;
    uint64_t version;
    swarm_samples held;
} swarm_document;

typedef struct {
    size_t targets;
    swarm_exec execs[SWARM_EXECS];
    size_t exec_next;
    swarm_document *documents; /*  a table with open addressing over key and version  */
    size_t document_count;
    swarm_samples acks; /*  microseconds each  */
    int64_t produced_first_us;
    int64_t produced_last_us;
} swarm_stats;

void swarm_stats_init (swarm_stats *self, size_t targets);
void swarm_stats_fini (swarm_stats *self);
/*  Forgets all times.  */
void swarm_stats_reset (swarm_stats *self);

/*  The number of a START's slot, made when it is new; a slot is taken over when SWARM_EXECS newer ones have come.  */
size_t swarm_stats_exec (swarm_stats *self, bg_id id);
/*  NULL when nothing of it began here.  */
const swarm_exec *swarm_stats_find_exec (const swarm_stats *self, bg_id id);
/*  It began on that target (number within the child); false: it had begun there before.  */
bool swarm_stats_begun (swarm_stats *self, size_t slot, size_t target, int64_t utc_us);

void swarm_stats_held (swarm_stats *self, bg_id key, uint64_t version, int64_t utc_us);
/*  version 0: the newest that is known here.  */
const swarm_document *swarm_stats_find_document (
    const swarm_stats *self, bg_id key, uint64_t version);

#endif
