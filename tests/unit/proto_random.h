/*  The random stream of the property tests in tests/unit: splitmix64. The seed is BUGLE_SEED from the environment or a
    fixed one, and is printed, so that a failure can be run again.
*/
#ifndef BUGLE_TESTS_PROTO_RANDOM_H
#define BUGLE_TESTS_PROTO_RANDOM_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    uint64_t state;
} proto_random;

static inline uint64_t proto_random_next (void *ctx)
{
    proto_random *self = ctx;
    uint64_t z = self->state += UINT64_C (0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C (0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline uint64_t proto_random_below (proto_random *self, uint64_t limit)
{
    return limit ? proto_random_next (self) % limit : 0;
}

static inline proto_random proto_random_start (const char *what)
{
    const char *text = getenv ("BUGLE_SEED");
    proto_random self = {text ? strtoull (text, NULL, 0) : 20240229};
    printf ("%s: BUGLE_SEED=%" PRIu64 "\n", what, self.state);
    return self;
}

#endif
