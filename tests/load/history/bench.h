/*  What the parts of history_bench share: one store, the rows that go into it, and times.

    A round is what the broker's core makes of the messages that wait: a transaction with some rows, and beside them at
    most one query or one piece of retention. The time of a round is from its begin to the end of its commit, which is
    how long a target waits for its answer at least.  */
#ifndef BUGLE_TESTS_LOAD_HISTORY_BENCH_H
#define BUGLE_TESTS_LOAD_HISTORY_BENCH_H

#include "broker/store/store.h"
#include "tests/load/history/load.h"

/*  Samples of one kind, in microseconds.  */
typedef struct {
    double *values;
    size_t count;
    size_t room;
} samples;

void samples_add (samples *self, double value_us);
/*  Sorts. share from 0 to 1: 0.5 is the median; 0 without samples.  */
double samples_at (samples *self, double share);
void samples_clear (samples *self);
void samples_fini (samples *self);

typedef struct {
    const char *path;
    broker_db *db;
    const broker_store *store;
    load rows;
    uint32_t per_round; /*  rows  */
} bench;

/*  Ends the program with the message of err when the result failed.  */
void bench_must (bg_result result, const bg_error *err);
#define MUST(call)                                                                                 \
    do {                                                                                           \
        bg_error must_err = {0};                                                                   \
        bg_error *err = &must_err;                                                                 \
        bench_must ((call), err);                                                                  \
    } while (0)

double bench_now_us (void); /*  wall, from anywhere  */
double bench_cpu_us (void); /*  of this process  */
/*  Of the file, or of its WAL with suffix "-wal"; 0 when it is not there.  */
double bench_file_mib (const bench *self, const char *suffix);

/*  Something that a round does beside its rows; NULL: nothing.  */
typedef void (*bench_beside) (bench *self, void *with);
/*  One round: count new rows and what is beside; returns its time. Making the rows is not part of it.  */
double bench_round (bench *self, uint32_t count, bench_beside beside, void *with);

/*  The phases; each prints a table.  */
void bench_fill (bench *self, uint64_t rows, uint64_t per_line);
/*  True when the newest 50 of a job are within the goal.  */
bool bench_queries (bench *self, uint32_t count);
/*  Retention removes what is older than the first `removed` rows while as much comes in. True when it removed what it had
    to.  */
bool bench_prune (bench *self, uint64_t removed);
void bench_purge (bench *self);
void bench_sizes (const char *path, uint64_t rows);

#endif
