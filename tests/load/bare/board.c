/*  What all processes of a run share, and small measures of the own process. Not here: who waits for whom (family.c).

    Invariant: a series holds what was taken since the last reset, at most BARE_SAMPLES_MAX.  */
#include "tests/load/bare/bare.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

bare_board *bare_board_create (void)
{
    void *memory = mmap (NULL, sizeof (bare_board), PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        perror ("bugle-bare: cannot share memory");
        exit (1);
    }
    return memory;
}

void bare_board_reset (bare_board *self)
{
    for (int i = 0; i < BARE_SERIES; i++)
        atomic_store (&self->taken[i], 0);
}

void bare_sample (bare_board *self, bare_series series, int64_t us)
{
    uint64_t at = atomic_fetch_add (&self->taken[series], 1);
    if (at < BARE_SAMPLES_MAX)
        self->samples[series][at] = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t) us;
}

static int compare (const void *a, const void *b)
{
    uint32_t x, y;
    memcpy (&x, a, sizeof x);
    memcpy (&y, b, sizeof y);
    return (x > y) - (x < y);
}

static uint64_t kept (const bare_board *self, bare_series series)
{
    uint64_t count = atomic_load (&self->taken[series]);
    return count < BARE_SAMPLES_MAX ? count : BARE_SAMPLES_MAX;
}

uint64_t bare_sort (bare_board *self, bare_series series)
{
    uint64_t count = kept (self, series);
    qsort (self->samples[series], count, sizeof self->samples[series][0], compare);
    return count;
}

int64_t bare_percentile (const bare_board *self, bare_series series, double percentile)
{
    uint64_t count = kept (self, series);
    if (count == 0)
        return 0;
    uint64_t at = (uint64_t) (percentile / 100 * (double) count);
    return self->samples[series][at < count ? at : count - 1];
}

void bare_target_key (uint32_t index, bg_key *public_key, bg_key *secret_key)
{
    uint8_t seed[crypto_box_SEEDBYTES] = "bugle-bare";
    memcpy (seed + 16, &index, sizeof index);
    (void) crypto_box_seed_keypair (public_key->bytes, secret_key->bytes, seed);
}

int64_t bare_cpu_us (void)
{
    struct rusage use;
    getrusage (RUSAGE_SELF, &use);
    return (int64_t) (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 + use.ru_utime.tv_usec +
           use.ru_stime.tv_usec;
}

int64_t bare_pss_kib (void)
{
    FILE *file = fopen ("/proc/self/smaps_rollup", "re");
    char line[128];
    long long kib = 0;
    while (file && fgets (line, sizeof line, file))
        if (sscanf (line, "Pss: %lld", &kib) == 1)
            break;
    if (file)
        fclose (file);
    return kib;
}

size_t bare_frames (
    const bare_options *options, int64_t stamp, uint32_t size, uint8_t *space, bg_slice *frames)
{
    static const uint8_t head[16] = "bugle-bare";
    for (uint32_t i = 0; i + 1 < options->frames; i++)
        frames[i] = bg_slice_of (head, sizeof head);
    if (size < BARE_STAMP)
        size = BARE_STAMP;
    memcpy (space, &stamp, BARE_STAMP);
    frames[options->frames - 1] = bg_slice_of (space, size);
    return options->frames;
}
