/*  Digest over standing documents: see digest.h.  */
#include "proto/digest.h"

#include <sodium.h>

void wire_digest_toggle (uint8_t digest[16], bg_id key, uint64_t version)
{
    uint8_t slot[BG_ID_BYTES + 8];
    memcpy (slot, key.bytes, BG_ID_BYTES);
    bg_write_u64 (slot + BG_ID_BYTES, version);
    uint8_t hash[WIRE_DIGEST_BYTES];
    (void) crypto_generichash (hash, sizeof hash, slot, sizeof slot, NULL, 0);
    for (size_t i = 0; i < sizeof hash; i++)
        digest[i] ^= hash[i];
}

int64_t wire_splay_us (bg_id target, bg_id job_key, uint64_t splay_us)
{
    bg_assert (splay_us < INT64_MAX);
    uint8_t both[2 * BG_ID_BYTES];
    memcpy (both, target.bytes, BG_ID_BYTES);
    memcpy (both + BG_ID_BYTES, job_key.bytes, BG_ID_BYTES);
    uint8_t hash[WIRE_DIGEST_BYTES];
    (void) crypto_generichash (hash, sizeof hash, both, sizeof both, NULL, 0);
    return (int64_t) (bg_read_u64 (hash) % (splay_us + 1));
}
