/*  Shared verdicts: see crypto.h. A direct-mapped table; its key is a keyed 128-bit BLAKE2b of everything a verdict depends
    on, so that two questions share a slot's verdict only when they are the same question.  */
#include "tests/load/swarm/crypto.h"

#include <sodium.h>
#include <stdlib.h>

enum { SLOTS = 1 << 14, DIGEST_BYTES = 16 };

typedef struct {
    uint8_t digest[DIGEST_BYTES];
    bool is_known;
    bool verdict;
} slot;

struct swarm_crypto {
    wire_crypto port;
    uint64_t asked;
    uint64_t computed;
    uint8_t key[crypto_generichash_KEYBYTES];
    slot slots[SLOTS];
};

static void digest_of (const swarm_crypto *self, const uint8_t signature[64], bg_slice message,
    const bg_key *public_key, uint8_t digest[DIGEST_BYTES])
{
    crypto_generichash_state state;
    (void) crypto_generichash_init (&state, self->key, sizeof self->key, DIGEST_BYTES);
    (void) crypto_generichash_update (&state, signature, WIRE_SIGNATURE_BYTES);
    (void) crypto_generichash_update (&state, public_key->bytes, sizeof public_key->bytes);
    (void) crypto_generichash_update (&state, message.data, message.size);
    (void) crypto_generichash_final (&state, digest, DIGEST_BYTES);
}

static bool verify (
    void *ctx, const uint8_t signature[64], bg_slice message, const bg_key *public_key)
{
    swarm_crypto *self = ctx;
    uint8_t digest[DIGEST_BYTES];
    digest_of (self, signature, message, public_key, digest);
    slot *at = &self->slots[(digest[0] | (unsigned) digest[1] << 8) % SLOTS];
    self->asked++;
    if (at->is_known && memcmp (at->digest, digest, sizeof digest) == 0)
        return at->verdict;
    const wire_crypto *sodium = wire_crypto_sodium ();
    self->computed++;
    memcpy (at->digest, digest, sizeof digest);
    at->is_known = true;
    at->verdict = sodium->verify (sodium->ctx, signature, message, public_key);
    return at->verdict;
}

static void sign (void *ctx, bg_slice message, const uint8_t secret[64], uint8_t signature[64])
{
    (void) ctx;
    const wire_crypto *sodium = wire_crypto_sodium ();
    sodium->sign (sodium->ctx, message, secret, signature);
}

swarm_crypto *swarm_crypto_create (void)
{
    swarm_crypto *self = bg_alloc (sizeof *self);
    self->port = (wire_crypto){.ctx = self, .verify = verify, .sign = sign};
    randombytes_buf (self->key, sizeof self->key);
    return self;
}

void swarm_crypto_destroy (swarm_crypto **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

const wire_crypto *swarm_crypto_port (const swarm_crypto *self)
{
    return &self->port;
}

void swarm_crypto_counts (const swarm_crypto *self, uint64_t *asked, uint64_t *computed)
{
    *asked = self->asked;
    *computed = self->computed;
}
