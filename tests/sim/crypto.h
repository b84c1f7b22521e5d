/*  Signatures of the simulator.

    Verification of Ed25519 would take most of the time of a simulated day, so most seeds sign with
    a keyed hash that whoever knows the public key can check: nobody in the world forges, except
    where a test does so on purpose by flipping bits. Some seeds use the real ones.  */
#ifndef BUGLE_SIM_CRYPTO_H
#define BUGLE_SIM_CRYPTO_H

#include "proto/sign.h"

const wire_crypto *sim_crypto_stub (void);

#endif
