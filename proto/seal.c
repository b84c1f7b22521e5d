/*  Sealing of publications: see seal.h. The cipher is libsodium's; here is only how the parts are put together.  */
#include "proto/seal.h"

#include <sodium.h>

_Static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == WIRE_SEAL_NONCE, "nonce");
_Static_assert(
    crypto_aead_xchacha20poly1305_ietf_ABYTES + WIRE_SEAL_NONCE == WIRE_SEAL_OVERHEAD, "overhead");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == BG_KEY_BYTES, "key");

static void join (bg_slice frame0, bg_slice header, bg_buf *out)
{
    bg_buf_append_slice (out, frame0);
    bg_buf_append_slice (out, header);
}

void wire_seal (const bg_key *key, const uint8_t nonce[24], bg_slice frame0, bg_slice header,
    bg_slice body, bg_buf *out)
{
    BG_AUTO_BUF data = {0};
    join (frame0, header, &data);
    bg_buf_append (out, nonce, WIRE_SEAL_NONCE);
    uint8_t *place = bg_buf_reserve (out, body.size + crypto_aead_xchacha20poly1305_ietf_ABYTES);
    unsigned long long size = 0;
    int failed = crypto_aead_xchacha20poly1305_ietf_encrypt (
        place, &size, body.data, body.size, data.data, data.size, NULL, nonce, key->bytes);
    bg_assert (failed == 0);
    out->size += (size_t) size;
}

bg_result wire_open (const bg_key *key, bg_slice frame0, bg_slice header, bg_slice sealed,
    bg_buf *out, bg_error *err)
{
    if (sealed.size < WIRE_SEAL_OVERHEAD)
        return bg_fail (err, BG_CRYPTO, "a sealed body has at least %d bytes, this has %zu",
            WIRE_SEAL_OVERHEAD, sealed.size);
    BG_AUTO_BUF data = {0};
    join (frame0, header, &data);
    uint8_t *place = bg_buf_reserve (out, sealed.size - WIRE_SEAL_OVERHEAD + 1);
    unsigned long long size = 0;
    int failed = crypto_aead_xchacha20poly1305_ietf_decrypt (place, &size, NULL,
        sealed.data + WIRE_SEAL_NONCE, sealed.size - WIRE_SEAL_NONCE, data.data, data.size,
        sealed.data, key->bytes);
    if (failed)
        return bg_fail (err, BG_CRYPTO,
            "the publication is not sealed with this stream's key, or it is damaged");
    out->size += (size_t) size;
    return bg_ok ();
}
