/*  Rounds, times and the filling of bench.h.  */
#include "tests/load/history/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

void samples_add (samples *self, double value_us)
{
    if (self->count == self->room) {
        self->room = self->room ? self->room * 2 : 1024;
        self->values = bg_realloc (self->values, self->room * sizeof *self->values);
    }
    self->values[self->count++] = value_us;
}

static int compare (const void *left, const void *right)
{
    const double *a = left;
    const double *b = right;
    return (*a > *b) - (*a < *b);
}

double samples_at (samples *self, double share)
{
    if (self->count == 0)
        return 0;
    qsort (self->values, self->count, sizeof *self->values, compare);
    const size_t index = (size_t) (share * (double) self->count);
    return self->values[index < self->count ? index : self->count - 1];
}

void samples_clear (samples *self)
{
    self->count = 0;
}

void samples_fini (samples *self)
{
    free (self->values);
    *self = (samples){0};
}

void bench_must (bg_result result, const bg_error *err)
{
    if (bg_is_ok (result))
        return;
    fprintf (stderr, "history_bench: %s\n", err->message);
    exit (1);
}

static double clock_us (clockid_t clock)
{
    struct timespec time;
    clock_gettime (clock, &time);
    return (double) time.tv_sec * 1e6 + (double) time.tv_nsec / 1e3;
}

double bench_now_us (void)
{
    return clock_us (CLOCK_MONOTONIC);
}

double bench_cpu_us (void)
{
    return clock_us (CLOCK_PROCESS_CPUTIME_ID);
}

double bench_file_mib (const bench *self, const char *suffix)
{
    char path[4096];
    struct stat status;
    (void) snprintf (path, sizeof path, "%s%s", self->path, suffix);
    return stat (path, &status) == 0 ? (double) status.st_size / 1048576 : 0;
}

static bg_result append_all (
    bench *self, const broker_run_record *records, uint32_t count, bg_error *err)
{
    for (uint32_t i = 0; i < count; i++)
        BG_TRY (self->store->runs_append (self->store->ctx, &records[i], err));
    return bg_ok ();
}

double bench_round (bench *self, uint32_t count, bench_beside beside, void *with)
{
    BG_AUTO_ARENA arena = {0};
    broker_run_record *records = bg_arena_array (&arena, broker_run_record, count + 1);
    for (uint32_t i = 0; i < count; i++)
        records[i] = load_next (&self->rows, &arena);
    const double start_us = bench_now_us ();
    MUST (broker_db_begin (self->db, err));
    MUST (append_all (self, records, count, err));
    if (beside)
        beside (self, with);
    MUST (broker_db_commit (self->db, err));
    return bench_now_us () - start_us;
}

/*  What is made costs CPU as well; it is told apart by making it once without a store.  */
static double making_us (const bench *self, uint32_t count)
{
    bench other = *self;
    load_init (&other.rows, &self->rows.plan);
    const double start_us = bench_cpu_us ();
    for (uint32_t done = 0; done < count; done += self->per_round) {
        BG_AUTO_ARENA arena = {0};
        for (uint32_t i = 0; i < self->per_round; i++)
            (void) load_next (&other.rows, &arena);
    }
    const double per_row_us = (bench_cpu_us () - start_us) / count;
    load_fini (&other.rows);
    return per_row_us;
}

void bench_fill (bench *self, uint64_t rows, uint64_t per_line)
{
    samples rounds = {0};
    const double made_us = making_us (self, 100000);
    printf (
        "| rows, million | rows/s | CPU of a row, us | round p50, ms | p99 | longest | file, MiB "
        "| WAL, MiB |\n|---|---|---|---|---|---|---|---|\n");
    for (uint64_t done = 0; done < rows;) {
        const uint64_t line = rows - done < per_line ? rows - done : per_line;
        const double cpu_us = bench_cpu_us ();
        double total_us = 0;
        for (uint64_t i = 0; i < line;) {
            const uint32_t count =
                line - i < self->per_round ? (uint32_t) (line - i) : self->per_round;
            const double us = bench_round (self, count, NULL, NULL);
            samples_add (&rounds, us);
            total_us += us;
            i += count;
        }
        done += line;
        printf ("| %.1f | %.0f | %.2f | %.2f | %.2f | %.2f | %.0f | %.1f |\n",
            (double) self->rows.made / 1e6, (double) line / (total_us / 1e6),
            (bench_cpu_us () - cpu_us) / (double) line - made_us, samples_at (&rounds, 0.5) / 1e3,
            samples_at (&rounds, 0.99) / 1e3, samples_at (&rounds, 1) / 1e3,
            bench_file_mib (self, ""), bench_file_mib (self, "-wal"));
        (void) fflush (stdout);
        samples_clear (&rounds);
    }
    samples_fini (&rounds);
}
