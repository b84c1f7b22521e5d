/*  Randomness: see random.h.  */
#include "common/sys/random.h"

#include "common/sys/clock.h"

#include <sodium.h>
#include <stdlib.h>

bg_result bg_crypto_init (bg_error *err)
{
    if (sodium_init () < 0)
        return bg_fail (err, BG_CRYPTO, "libsodium cannot start: no source of random bytes");
    return bg_ok ();
}

void bg_random_bytes (void *bytes, size_t size)
{
    randombytes_buf (bytes, size);
}

uint64_t bg_random_u64 (void)
{
    uint64_t value;
    bg_random_bytes (&value, sizeof value);
    return value;
}

bg_id bg_id_new (void)
{
    uint8_t entropy[10];
    bg_random_bytes (entropy, sizeof entropy);
    return bg_id_make (bg_clock_utc_us (), entropy);
}

void bg_random_seed_libc (void)
{
    unsigned seed;
    bg_random_bytes (&seed, sizeof seed);
    srand (seed);
    srandom (seed);
}
