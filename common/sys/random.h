/*  Randomness and the start of libsodium, for the shells only: the cores get entropy through a
   port.

    Random bytes come from libsodium, which takes them from getrandom(); they cannot fail after
   bg_crypto_init().
*/
#ifndef BUGLE_SYS_RANDOM_H
#define BUGLE_SYS_RANDOM_H

#include "common/base/id.h"

/*  Starts libsodium; every program calls it first, calling it again is harmless. BG_CRYPTO when it
 * cannot start.  */
bg_result bg_crypto_init (bg_error *err) BG_CHECKED;
/*  Cryptographically strong bytes.  */
void bg_random_bytes (void *bytes, size_t size);
uint64_t bg_random_u64 (void);
/*  A new id: the time now and 80 random bits.  */
bg_id bg_id_new (void);
/*  Seeds the C library's generator from getrandom(). libzmq draws routing ids and reconnect jitter
   from it and never seeds it, so a fleet of nodes would reconnect in step. Call it before the first
   ZeroMQ context.  */
void bg_random_seed_libc (void);

#endif
