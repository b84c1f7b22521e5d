/*  What a machine signs for itself: local jobs, their switches and withdrawals, and STARTs and STOPs of any job on it.

    One key per machine, which only root there (or the account of bugle-exec) can read. It stands for an installation of
    its own, so that nothing it signs counts anywhere else and nothing of a broker's counts in its place. Documents are
    named local/NAME, are for all of that installation (which is this machine), need nothing and have no end. There is no
    login: the signer of a wire_verified is NULL.

    The order of checks is that of trust.h, with the codes of trust.h. What depends on the machine stays with the caller:
    version floors, times, local policy.
*/
#ifndef BUGLE_PROTO_LOCAL_H
#define BUGLE_PROTO_LOCAL_H

#include "proto/trust.h"

/*  How long a local START or STOP may be valid: it is carried over a socket, not over a network.  */
#define WIRE_LOCAL_DEED_LIFE_MAX_US (INT64_C (600) * 1000000)

/*  BLAKE2b-128 of "bugle-local", NUL and the public key.  */
bg_id wire_local_installation (const bg_key *public_key);
/*  True when these very bytes are signed by the key for its installation, whatever they say.  */
bool wire_local_is_signed (
    const bg_key *public_key, const wire_signed *item, const wire_crypto *crypto);
/*  A job, switch or withdrawal. BG_NOT_ALLOWED: not named local/NAME.  */
bg_result wire_local_verify (const bg_key *public_key, const wire_signed *document,
    const wire_crypto *crypto, bg_arena *arena, wire_verified *out, bg_error *err) BG_CHECKED;
/*  A START or STOP of a local job, or of a job of the broker's installation (zero: there is none).  */
bg_result wire_local_verify_deed (const bg_key *public_key, bg_id broker_installation,
    const wire_signed *deed, const wire_crypto *crypto, bg_arena *arena, wire_deed *out,
    bg_error *err) BG_CHECKED;

#endif
