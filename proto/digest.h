/*  Digest over the standing documents of a target: XOR over slots of BLAKE2b-128(key(16) || version (u64 BE)).

    Order-free, and a slot is taken out by putting it in again. The slot of the authority has the key of 16 zero bytes,
    the membership's key is the target id. It tells a difference, it does not authenticate anything: it travels inside
    the broker's signed attestation.
*/
#ifndef BUGLE_PROTO_DIGEST_H
#define BUGLE_PROTO_DIGEST_H

#include "common/base/id.h"

#define WIRE_DIGEST_BYTES 16

void wire_digest_toggle (uint8_t digest[16], bg_id key, uint64_t version);

/*  By how much a target starts a job later than its schedule says, so that a fleet does not start at once: the first 8
    bytes, big-endian, of BLAKE2b-128(target(16) || job key(16)), modulo splay_us + 1. The same for ever; 0 to splay_us,
    both included, evenly spread; splay_us below INT64_MAX.  */
int64_t wire_splay_us (bg_id target, bg_id job_key, uint64_t splay_us);

#endif
