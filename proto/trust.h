/*  The one verify path: authority, documents, deeds, tokens, attestations. Used by the CLI, the broker's core, the node
    and bugle-exec.

    A keyring is one verified authority version. Everything else is verified against a keyring, in the order of design
    section 6: size; fixed part; signature by a key that the authority lists; strict decode; installation; revocations,
    role and scope of the signer; the key against installation, type and name. What depends on who asks stays with the
    caller: audience, expiry and not_after (attested time), version floors, `needs`, local policy. Nothing here has a
    side effect; each reason to refuse has a sentence of its own.

    A revoked key counts for nothing, whenever it signed. A login with scopes is refused as not in this version.

    Codes: BG_TOO_LARGE, BG_MALFORMED, BG_TOO_NEW, BG_INVALID (body), BG_BAD_SIGNATURE (none, unknown key, wrong,
    revoked), BG_WAITING (signed by a key that this authority does not list, and it says that it needs a newer one),
    BG_WRONG_INSTALLATION, BG_NOT_ALLOWED (role), BG_NOT_IN_VERSION (scopes, types and deeds that come later).
*/
#ifndef BUGLE_PROTO_TRUST_H
#define BUGLE_PROTO_TRUST_H

#include "proto/sign.h"

typedef struct wire_keyring wire_keyring;

/*  The first authority: any version whose hash is the pinned one; the pin stands for a signature.
    BG_BAD_SIGNATURE: it is not the pinned one.  */
bg_result wire_keyring_first (const wire_signed *authority, const uint8_t pinned_hash[32],
    const wire_crypto *crypto, wire_keyring **keyring, bg_error *err) BG_CHECKED;
/*  The next one: same installation, higher version, signed by at least the current threshold of distinct admins of the
    current one. BG_EXISTS: the very bytes that are held; BG_FORK: same version, other bytes; BG_STALE: lower version.
    current stays as it is and stays the caller's.  */
bg_result wire_keyring_next (const wire_keyring *current, const wire_signed *authority,
    const wire_crypto *crypto, wire_keyring **keyring, bg_error *err) BG_CHECKED;
void wire_keyring_destroy (wire_keyring **self_p);

bg_id wire_keyring_installation (const wire_keyring *self);
uint64_t wire_keyring_version (const wire_keyring *self);
const uint8_t *wire_keyring_hash (const wire_keyring *self); /*  32 bytes  */
const bg_key *wire_keyring_broker_sign_key (const wire_keyring *self);
const bg_key *wire_keyring_broker_curve_key (const wire_keyring *self);
uint64_t wire_keyring_level_floor (const wire_keyring *self);
int64_t wire_keyring_fresh_until_us (const wire_keyring *self); /*  0: no bound  */
const wire_authority *wire_keyring_authority (const wire_keyring *self);
/*  The bytes and signatures it was made from.  */
const wire_signed *wire_keyring_signed (const wire_keyring *self);

/*  The login with this key; NULL when there is none. Revoked logins are found too: ask wire_keyring_is_revoked.  */
const wire_login *wire_keyring_login_by_key_id (const wire_keyring *self, const uint8_t key_id[8]);
const wire_login *wire_keyring_login_by_sign_key (const wire_keyring *self, const bg_key *sign_key);
const wire_login *wire_keyring_login_by_curve_key (
    const wire_keyring *self, const bg_key *curve_key);
const wire_login *wire_keyring_login_by_name (const wire_keyring *self, bg_slice name);
/*  True when the id of this public key (signing or CURVE) is in the list of revocations.  */
bool wire_keyring_is_revoked (const wire_keyring *self, const bg_key *key);

typedef struct {
    wire_document document;
    const wire_desc *desc;    /*  of the body  */
    void *body;               /*  wire_job, wire_membership, ...; in the arena  */
    const wire_login *signer; /*  in the keyring; NULL for a membership by token chain  */
    bool provisional;         /*  a membership by token chain  */
    uint8_t hash[32];         /*  BLAKE2b-256 of the document's bytes  */
    bg_slice
        name; /*  of the object: job or target name, the object's name for switch and withdrawal  */
} wire_verified;

/*  Any document but the authority (that is wire_keyring_next). Slices point into signed_->bytes.  */
bg_result wire_verify_document (const wire_keyring *keyring, const wire_signed *document,
    const wire_crypto *crypto, bg_arena *arena, wire_verified *out, bg_error *err) BG_CHECKED;
/*  The same for a broker that is asked what it would do: also what was signed for a dry run (document.dry_run), which is
    refused everywhere else, so that who carries a rehearsal cannot make it the real thing.  */
bg_result wire_verify_document_asked (const wire_keyring *keyring, const wire_signed *document,
    const wire_crypto *crypto, bg_arena *arena, wire_verified *out, bg_error *err) BG_CHECKED;
/*  True when a login of the keyring has signed these very bytes, whatever they say and whatever it may do. What is
    refused and not even that is nobody's word: anybody on the way may have made it up.  */
bool wire_is_signed (
    const wire_keyring *keyring, const wire_signed *item, const wire_crypto *crypto);
/*  START, STOP or POLL of an operator or higher: non-empty `to`, job key of the job name (a one-shot's is random),
    expires after issued, at most 7 d.
    BG_WAITING as above.  */
bg_result wire_verify_deed (const wire_keyring *keyring, const wire_signed *deed,
    const wire_crypto *crypto, bg_arena *arena, wire_deed *out, const wire_login **signer,
    bg_error *err) BG_CHECKED;
/*  As wire_verify_document_asked.  */
bg_result wire_verify_deed_asked (const wire_keyring *keyring, const wire_signed *deed,
    const wire_crypto *crypto, bg_arena *arena, wire_deed *out, const wire_login **signer,
    bg_error *err) BG_CHECKED;
/*  A job that one START brings with it: random key, one start, no schedules, an end of its validity.  */
bool wire_is_one_shot (const wire_document *document, const wire_job *job);
/*  The one-shot job inside a verified START: signed by an author, of the deed's key, name and targets.  */
bg_result wire_verify_one_shot (const wire_keyring *keyring, const wire_deed *deed,
    const wire_crypto *crypto, bg_arena *arena, wire_verified *out, bg_error *err) BG_CHECKED;
/*  A request of a login of at least this role (WIRE_ROLE_*). What it asks, and whether it was done before: the caller.  */
bg_result wire_verify_request (const wire_keyring *keyring, const wire_signed *request,
    uint64_t role, const wire_crypto *crypto, bg_arena *arena, wire_request *out,
    const wire_login **signer, bg_error *err) BG_CHECKED;
/*  A token record of an admin. Uses and expiry against the clock are the broker's.  */
bg_result wire_verify_token (const wire_keyring *keyring, const wire_signed *token,
    const wire_crypto *crypto, bg_arena *arena, wire_token *out, const wire_login **signer,
    bg_error *err) BG_CHECKED;
/*  The broker's answer to a nonce, by the broker's signing key. Target, nonce and position are compared by the caller.  */
bg_result wire_verify_attestation (const wire_keyring *keyring, const wire_signed *attestation,
    const wire_crypto *crypto, bg_arena *arena, wire_attestation *out, bg_error *err) BG_CHECKED;
/*  The proof of an enlistment: by the token key (NULL: there is none) and by the target's own key. Nonces and hash: the
    caller.  */
bg_result wire_verify_proof (bg_id installation, const wire_signed *proof, const bg_key *token_key,
    const bg_key *sign_key, const wire_crypto *crypto, bg_arena *arena, wire_enlist_proof *out,
    bg_error *err) BG_CHECKED;
/*  A target leaves, by its own key. The target inside is compared by the caller.  */
bg_result wire_verify_leave (bg_id installation, const wire_signed *leave, const bg_key *sign_key,
    const wire_crypto *crypto, bg_arena *arena, wire_leave *out, bg_error *err) BG_CHECKED;

/*  Poll intervals: reference 3.3.  */
#define WIRE_POLL_MIN_US (INT64_C (10) * 1000000)
#define WIRE_POLL_MAX_US (INT64_C (28800) * 1000000)

#define WIRE_DEED_LIFE_MAX_US (INT64_C (7) * 86400 * 1000000)
/*  Times in documents, deeds and attestations lie between 1970 and the year 10000, so that they can be added and
    compared without a thought: others are BG_INVALID.  */
#define WIRE_TIME_MAX_US (INT64_C (253402300800) * 1000000)

#endif
