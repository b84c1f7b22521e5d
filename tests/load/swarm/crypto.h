/*  Signature verdicts shared by all targets of a process.

    A START to N targets carries one signature that N machines would check on N processors. Here it is checked once and the
    verdict is remembered under a hash of signature, key and message. The table is bounded and forgets what it overwrites.
    Nothing else is shared: each target asks, and is answered as libsodium would.
*/
#ifndef BUGLE_SWARM_CRYPTO_H
#define BUGLE_SWARM_CRYPTO_H

#include "proto/sign.h"

typedef struct swarm_crypto swarm_crypto;

swarm_crypto *swarm_crypto_create (void) __attribute__ ((returns_nonnull));
void swarm_crypto_destroy (swarm_crypto **self_p);
/*  The port; borrowed, valid until destroy.  */
const wire_crypto *swarm_crypto_port (const swarm_crypto *self);
void swarm_crypto_counts (const swarm_crypto *self, uint64_t *asked, uint64_t *computed);

#endif
