/*  Retention and purges while rows come in: whether as many leave as arrive, and how long the longest round is.  */
#include "tests/load/history/bench.h"

#include <stdio.h>

#define STORED_LATER_US                                                                            \
    200000 /*  than it started, at most: what is old goes by when it was stored  */

typedef struct {
    int64_t now_us;
    broker_retention keep;
    double took_us;
    bool more;
} removing;

static void remove_piece (bench *self, void *with)
{
    removing *of = with;
    const double start_us = bench_now_us ();
    MUST (self->store->prune (self->store->ctx, of->now_us, &of->keep, &of->more, err));
    of->took_us = bench_now_us () - start_us;
}

static bg_result see_row (void *visitor, const broker_run_record *record, bg_error *err)
{
    (void) err;
    *(int64_t *) visitor = record->row;
    return bg_ok ();
}

/*  The row that was stored first of those that are there.  */
static int64_t oldest_row (bench *self)
{
    int64_t row = 0;
    const broker_run_filter filter = {.oldest_first = true, .limit = 1};
    MUST (self->store->runs (self->store->ctx, &filter, see_row, &row, err));
    return row;
}

/*  Rounds with a piece each, and rows in every one of them, until nothing is left to remove.  */
static void remove_all (bench *self, const char *what, removing of, uint32_t per_round)
{
    samples rounds = {0};
    samples pieces = {0};
    const uint64_t before = self->rows.made;
    double total_us = 0;
    double removing_us = 0;
    of.more = true;
    while (of.more) {
        const double us = bench_round (self, per_round, remove_piece, &of);
        samples_add (&rounds, us);
        samples_add (&pieces, of.took_us);
        total_us += us;
        removing_us += of.took_us;
    }
    printf ("| %s | %zu | %.2f | %.2f | %.2f | %.2f | %.2f | %.1f | %.0f |", what, pieces.count,
        samples_at (&pieces, 0.5) / 1e3, samples_at (&pieces, 0.99) / 1e3,
        samples_at (&pieces, 1) / 1e3, samples_at (&rounds, 0.99) / 1e3,
        samples_at (&rounds, 1) / 1e3, removing_us / 1e6,
        (double) (self->rows.made - before) / (total_us / 1e6));
    samples_fini (&rounds);
    samples_fini (&pieces);
}

static uint64_t rows_below (bench *self, int64_t before_us)
{
    uint32_t count = 0;
    const bg_id all = {{0}};
    MUST (self->store->purge_count (self->store->ctx, all, before_us, UINT32_MAX, &count, err));
    return count;
}

static void print_head (const char *what)
{
    printf ("\n| %s | pieces | piece p50, ms | p99 | longest | round p99, ms | longest | "
            "removing, s | rows/s in | rows out |\n|---|---|---|---|---|---|---|---|---|---|\n",
        what);
}

/*  The clock of retention stands: what comes in meanwhile stays.  */
static void prune_until (bench *self, const char *what, int64_t before_us, uint32_t least)
{
    const uint64_t there = rows_below (self, before_us);
    const int64_t now_us = load_now_us (&self->rows);
    remove_all (self, what, (removing){.now_us = now_us, .keep = {now_us - before_us, least}},
        self->per_round);
    printf (" %llu of %llu |\n", (unsigned long long) (there - rows_below (self, before_us)),
        (unsigned long long) there);
    (void) fflush (stdout);
}

bool bench_prune (bench *self, uint64_t removed)
{
    const int64_t first_us = self->rows.plan.first_us;
    const int64_t before_us = first_us + (int64_t) removed * self->rows.plan.per_row_us;
    print_head ("retention beside ingest");
    prune_until (self, "nothing is old enough", first_us - 1, 100);
    prune_until (self, "all that is old is among the last 100", before_us, 100);
    prune_until (self, "old rows beyond the last 2", before_us, 2);
    prune_until (self, "all old rows", before_us, 0);
    return oldest_row (self) > 0 && rows_below (self, before_us - STORED_LATER_US) == 0;
}

void bench_purge (bench *self)
{
    const uint64_t there = rows_below (self, load_now_us (&self->rows));
    const bg_id key = load_job_key (1);
    print_head ("purge beside ingest");
    MUST (broker_db_begin (self->db, err));
    MUST (self->store->purge_put (self->store->ctx, key, load_now_us (&self->rows), err));
    MUST (broker_db_commit (self->db, err));
    const uint64_t before = self->rows.made;
    remove_all (self, "one job",
        (removing){.now_us = load_now_us (&self->rows), .keep = {INT64_MAX / 4, 0}},
        self->per_round);
    printf (" %llu |\n", (unsigned long long) (there + (self->rows.made - before) -
                                               rows_below (self, load_now_us (&self->rows))));
}
