/*  Pseudo-random numbers of the simulator: xoshiro256**, seeded by splitmix64. Every part of the
    world has a stream of its own, so that one part drawing more does not change the others.  */
#ifndef BUGLE_SIM_RNG_H
#define BUGLE_SIM_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t s[4];
} sim_rng;

static inline uint64_t sim_mix (uint64_t x)
{
    x += UINT64_C (0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C (0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/*  stream: which part of the world of this seed.  */
static inline sim_rng sim_rng_of (uint64_t seed, uint64_t stream)
{
    sim_rng self;
    uint64_t x = sim_mix (seed) ^ sim_mix (stream * UINT64_C (0x632be59bd9b4e019) + 1);
    for (size_t i = 0; i < 4; i++)
        self.s[i] = x = sim_mix (x);
    return self;
}

static inline uint64_t sim_next (sim_rng *self)
{
    uint64_t *s = self->s;
    const uint64_t five = s[1] * 5;
    const uint64_t result = ((five << 7) | (five >> 57)) * 9;
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

/*  0 <= result < below; 0 when below is not positive.  */
static inline int64_t sim_below (sim_rng *self, int64_t below)
{
    return below <= 0 ? 0 : (int64_t) (sim_next (self) % (uint64_t) below);
}

/*  from <= result < to.  */
static inline int64_t sim_between (sim_rng *self, int64_t from, int64_t to)
{
    return from + sim_below (self, to - from);
}

static inline bool sim_chance (sim_rng *self, int64_t per_thousand)
{
    return sim_below (self, 1000) < per_thousand;
}

void sim_fill (sim_rng *self, void *bytes, size_t size);

#endif
