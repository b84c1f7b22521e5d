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
