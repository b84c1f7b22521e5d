/*  Sealing of publications: XChaCha20-Poly1305 under the key of a stream.

    A sealed body is nonce(24) || ciphertext || tag(16). Additional data is frame 0 || header frame, so neither can be
    swapped; frame 0 says by its NUL where it ends. The caller gives a fresh random nonce for each call.
*/
#ifndef BUGLE_PROTO_SEAL_H
#define BUGLE_PROTO_SEAL_H

#include "common/base/id.h"

#define WIRE_SEAL_NONCE    24
#define WIRE_SEAL_OVERHEAD 40 /*  bytes that sealing adds  */

/*  Appends the sealed body.  */
void wire_seal (const bg_key *key, const uint8_t nonce[24], bg_slice frame0, bg_slice header,
    bg_slice body, bg_buf *out);
/*  Appends the opened body. BG_CRYPTO: not sealed with this key for these frames, or damaged.  */
bg_result wire_open (const bg_key *key, bg_slice frame0, bg_slice header, bg_slice sealed,
    bg_buf *out, bg_error *err) BG_CHECKED;

#endif
