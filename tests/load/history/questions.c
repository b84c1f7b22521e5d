/*  What the command line asks of a history while rows come in: one question in a round, between its rows and its commit.
    Timed is the question itself, with its rows decoded, and what the rounds with one take more than those without.  */
#include "tests/load/history/bench.h"

#include "proto/wire.h"

#include <stdio.h>

#define GOAL_US      20000 /*  newest 50 of a job, p99; and any page  */
#define WARM_UP      20u
#define SCAN         4000u
#define PAGE         51u
#define HOUR_US      INT64_C (3600000000)
#define FAILED_STATE (1u << WIRE_RUN_FAILED)

typedef broker_run_filter (*make_filter) (bench *self);

static broker_run_filter newest_of_job (bench *self)
{
    return (broker_run_filter){
        .job_key = load_job_key ((uint32_t) load_random (&self->rows, self->rows.plan.jobs) + 1),
        .limit = PAGE};
}

static broker_run_filter last_of_job (bench *self)
{
    broker_run_filter filter = newest_of_job (self);
    filter.limit = 1;
    return filter;
}

static broker_run_filter newest_of_target (bench *self)
{
    return (broker_run_filter){
        .number = (uint32_t) load_random (&self->rows, self->rows.plan.targets) + 1, .limit = PAGE};
}

static broker_run_filter latest_of_pair (bench *self)
{
    broker_run_filter filter = newest_of_target (self);
    filter.job_key = newest_of_job (self).job_key;
    filter.limit = 1;
    filter.scan = SCAN;
    return filter;
}

static broker_run_filter failed_of_all (bench *self)
{
    (void) self;
    return (broker_run_filter){.states = FAILED_STATE, .limit = PAGE, .scan = SCAN};
}

static broker_run_filter failed_of_job (bench *self)
{
    broker_run_filter filter = newest_of_job (self);
    filter.states = FAILED_STATE;
    filter.scan = SCAN;
    return filter;
}

static broker_run_filter newest_of_all (bench *self)
{
    (void) self;
    return (broker_run_filter){.limit = PAGE};
}

/*  From somewhere in the whole, oldest first.  */
static broker_run_filter since_a_time (bench *self)
{
    const int64_t span_us = load_now_us (&self->rows) - self->rows.plan.first_us;
    return (broker_run_filter){
        .since_us = self->rows.plan.first_us +
                    (int64_t) load_random (&self->rows, (uint64_t) (span_us > 0 ? span_us : 1)),
        .oldest_first = true,
        .limit = PAGE};
}

static broker_run_filter of_execution (bench *self)
{
    return (broker_run_filter){.exec = self->rows.exec, .limit = PAGE};
}

static broker_run_filter due_of_job (bench *self)
{
    broker_run_filter filter = newest_of_job (self);
    filter.due_until_us = load_now_us (&self->rows) - HOUR_US;
    return filter;
}

static const struct {
    const char *what;
    make_filter make;
} questions[] = {
    {"newest 50 of a job", newest_of_job},
    {"last outcome of a job (`job list`)", last_of_job},
    {"newest 50 of a target", newest_of_target},
    {"latest outcome of a job on a target", latest_of_pair},
    {"newest 50 of all", newest_of_all},
    {"failed ones of all", failed_of_all},
    {"failed ones of a job", failed_of_job},
    {"50 since a time, oldest first", since_a_time},
    {"50 of an execution", of_execution},
    {"50 of a job by when they were due", due_of_job},
};

typedef struct {
    make_filter make;
    double took_us;
    uint64_t rows;
} asking;

static bg_result see (void *visitor, const broker_run_record *record, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_run run;
    asking *self = visitor;
    self->rows++;
    return WIRE_DECODE (run, record->bytes, WIRE_AS_MESSAGE, &arena, &run, err);
}

static void ask (bench *self, void *with)
{
    asking *of = with;
    int64_t scan_end = 0;
    broker_run_filter filter = of->make (self);
    filter.scan_end = &scan_end;
    const double start_us = bench_now_us ();
    MUST (self->store->runs (self->store->ctx, &filter, see, of, err));
    of->took_us = bench_now_us () - start_us;
}

/*  A purge counts what it would remove, up to 100,001 rows.  */
static void count_old (bench *self, void *with)
{
    asking *of = with;
    uint32_t count = 0;
    const double start_us = bench_now_us ();
    MUST (self->store->purge_count (
        self->store->ctx, load_job_key (1), load_now_us (&self->rows), 100001, &count, err));
    of->took_us = bench_now_us () - start_us;
    of->rows += count;
}

static double row_of_table (
    bench *self, const char *what, bench_beside beside, asking of, uint32_t count)
{
    samples asked = {0};
    samples rounds = {0};
    samples plain = {0};
    double first_us = 0;
    for (uint32_t i = 0; i < count + WARM_UP; i++) {
        const double us = bench_round (self, self->per_round, beside, &of);
        if (i == 0)
            first_us = of.took_us;
        if (i >= WARM_UP) {
            samples_add (&asked, of.took_us);
            samples_add (&rounds, us);
            samples_add (&plain, us - of.took_us);
        }
    }
    const double p99_us = samples_at (&asked, 0.99);
    printf ("| %s | %.1f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |\n", what,
        (double) of.rows / (count + WARM_UP), first_us / 1e3, samples_at (&asked, 0.5) / 1e3,
        p99_us / 1e3, samples_at (&asked, 1) / 1e3, samples_at (&plain, 0.99) / 1e3,
        samples_at (&rounds, 0.99) / 1e3);
    (void) fflush (stdout);
    samples_fini (&asked);
    samples_fini (&rounds);
    samples_fini (&plain);
    return p99_us;
}

bool bench_queries (bench *self, uint32_t count)
{
    double worst_us = 0;
    printf ("\n| question, with %u new rows in its round | rows | first, ms | p50 | p99 | longest "
            "| round without it, p99 | with it, p99 |\n|---|---|---|---|---|---|---|---|\n",
        self->per_round);
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        const double p99_us =
            row_of_table (self, questions[i].what, ask, (asking){.make = questions[i].make}, count);
        if (p99_us > worst_us)
            worst_us = p99_us;
    }
    (void) row_of_table (self, "how many a purge of a job would remove", count_old, (asking){0},
        count < 100 ? count : 100);
    return worst_us <= GOAL_US;
}
