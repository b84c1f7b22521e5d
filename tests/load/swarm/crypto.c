/*  Shared verdicts: see crypto.h. A direct-mapped table; its key is a keyed 128-bit BLAKE2b of everything a verdict depends
    on, so that two questions share a slot's verdict only when they are the same question.

    Before it stands a small table of the newest questions, with all their bytes: what one order asks of a thousand targets
    within a second is compared, which is a tenth of the work of a hash.  */
#include "tests/load/swarm/crypto.h"

#include <sodium.h>
#include <stdlib.h>

enum { SLOTS = 1 << 14, DIGEST_BYTES = 16, NEWEST = 256, NEWEST_BYTES = 4096 };

typedef struct {
    uint8_t digest[DIGEST_BYTES];
    bool is_known;
    bool verdict;
} slot;

/*  A question that was asked last of all whose signatures begin alike; bytes has signature, key and message.  */
typedef struct {
    bg_buf bytes;
    bool verdict;
} newest;

struct swarm_crypto {
    wire_crypto port;
    uint64_t asked;
    uint64_t computed;
    uint8_t key[crypto_generichash_KEYBYTES];
    slot slots[SLOTS];
    newest newest[NEWEST];
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

static bool is_same (
    const newest *self, const uint8_t signature[64], bg_slice message, const bg_key *public_key)
{
    const size_t key_size = sizeof public_key->bytes;
    const uint8_t *at = self->bytes.data;
    return self->bytes.size == WIRE_SIGNATURE_BYTES + key_size + message.size &&
           memcmp (at, signature, WIRE_SIGNATURE_BYTES) == 0 &&
           memcmp (at + WIRE_SIGNATURE_BYTES, public_key->bytes, key_size) == 0 &&
           memcmp (at + WIRE_SIGNATURE_BYTES + key_size, message.data, message.size) == 0;
}

static void remember (newest *self, const uint8_t signature[64], bg_slice message,
    const bg_key *public_key, bool verdict)
{
    if (message.size > NEWEST_BYTES)
        return;
    bg_buf_clear (&self->bytes);
    bg_buf_append (&self->bytes, signature, WIRE_SIGNATURE_BYTES);
    bg_buf_append (&self->bytes, public_key->bytes, sizeof public_key->bytes);
    bg_buf_append_slice (&self->bytes, message);
    self->verdict = verdict;
}

static bool verdict_of (
    swarm_crypto *self, const uint8_t signature[64], bg_slice message, const bg_key *public_key)
{
    uint8_t digest[DIGEST_BYTES];
    digest_of (self, signature, message, public_key, digest);
    slot *at = &self->slots[(digest[0] | (unsigned) digest[1] << 8) % SLOTS];
    if (at->is_known && memcmp (at->digest, digest, sizeof digest) == 0)
        return at->verdict;
    const wire_crypto *sodium = wire_crypto_sodium ();
    self->computed++;
    memcpy (at->digest, digest, sizeof digest);
    at->is_known = true;
    at->verdict = sodium->verify (sodium->ctx, signature, message, public_key);
    return at->verdict;
}

static bool verify (
    void *ctx, const uint8_t signature[64], bg_slice message, const bg_key *public_key)
{
    swarm_crypto *self = ctx;
    newest *at = &self->newest[signature[0] % NEWEST];
    self->asked++;
    if (is_same (at, signature, message, public_key))
        return at->verdict;
    const bool verdict = verdict_of (self, signature, message, public_key);
    remember (at, signature, message, public_key, verdict);
    return verdict;
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
    for (size_t i = 0; *self_p && i < NEWEST; i++)
        bg_buf_fini (&(*self_p)->newest[i].bytes);
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
