/*  The cheap signature: eight lanes of a multiply-and-rotate hash over public key and message. It is
    no cryptography; it only has to differ when anything differs.  */
#include "tests/sim/crypto.h"

#include "tests/sim/rng.h"

void sim_fill (sim_rng *self, void *bytes, size_t size)
{
    uint8_t *to = bytes;
    while (size > 0) {
        uint64_t word = sim_next (self);
        size_t part = size < sizeof word ? size : sizeof word;
        memcpy (to, &word, part);
        to += part;
        size -= part;
    }
}

static void keyed_hash (const uint8_t public_key[32], bg_slice message, uint8_t out[64])
{
    uint64_t a = UINT64_C (0x8a5cd789635d2dff) ^ message.size;
    uint64_t b = UINT64_C (0x121fd2155c472f96);
    uint64_t word = 0;
    for (size_t i = 0; i < 4; i++) {
        memcpy (&word, public_key + 8 * i, sizeof word);
        a = sim_mix (a ^ word);
    }
    for (size_t at = 0; at < message.size; at += sizeof word) {
        size_t part = message.size - at < sizeof word ? message.size - at : sizeof word;
        word = 0;
        memcpy (&word, message.data + at, part);
        a = ((a ^ word) * UINT64_C (0xff51afd7ed558ccd));
        a ^= a >> 32;
        b = ((b << 23) | (b >> 41)) + a;
    }
    for (size_t i = 0; i < 8; i++) {
        a = sim_mix (a + b + i);
        memcpy (out + 8 * i, &a, sizeof a);
    }
}

static bool stub_verify (
    void *ctx, const uint8_t signature[64], bg_slice message, const bg_key *public_key)
{
    (void) ctx;
    uint8_t expected[64];
    keyed_hash (public_key->bytes, message, expected);
    return memcmp (expected, signature, sizeof expected) == 0;
}

static void stub_sign (void *ctx, bg_slice message, const uint8_t secret[64], uint8_t signature[64])
{
    (void) ctx;
    keyed_hash (secret + 32, message, signature);
}

const wire_crypto *sim_crypto_stub (void)
{
    static const wire_crypto stub = {.verify = stub_verify, .sign = stub_sign};
    return &stub;
}
