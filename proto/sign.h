/*  Hashes, keys of documents, and signatures over bytes.

    A signature is Ed25519 over a preimage, never over re-encoded structs:

        "bugle-v1" NUL  word NUL  installation(16)  length(u64, big-endian)  bytes

    word is the word of the signed type (wire_type_word), so bytes signed as one thing never count as another. Hashes are
    BLAKE2b (RFC 7693) of the length named. The functions of wire_crypto are a port: production passes
    wire_crypto_sodium (), the simulator a cheap stub.
*/
#ifndef BUGLE_PROTO_SIGN_H
#define BUGLE_PROTO_SIGN_H

#include "proto/wire.h"

#define WIRE_SIGNATURE_BYTES 64
#define WIRE_SECRET_BYTES    64 /*  libsodium's form: 32 bytes of seed, then the public key  */
#define WIRE_SEED_BYTES      16
#define WIRE_HASH_BYTES      32
#define WIRE_SIGS_MAX        8

typedef struct {
    void *ctx;
    bool (*verify) (
        void *ctx, const uint8_t signature[64], bg_slice message, const bg_key *public_key);
    void (*sign) (void *ctx, bg_slice message, const uint8_t secret[64], uint8_t signature[64]);
} wire_crypto;

/*  Ed25519 of libsodium. Programs start libsodium first (bg_crypto_init), which picks its fastest code; verifying and
    signing are right without it too.  */
const wire_crypto *wire_crypto_sodium (void);

/*  BLAKE2b-256.  */
void wire_hash32 (bg_slice bytes, uint8_t hash[32]);
/*  BLAKE2b-128 of installation, the type's word, NUL, the name with A-Z in lower case: names are unique without regard
    to (ASCII) case. type must be in the tables.  */
bg_id wire_document_key (bg_id installation, wire_type type, bg_slice name);
/*  The key of the switch of an object: of type switch and name "WORD:NAME", WORD the object type's word.  */
bg_id wire_switch_key (bg_id installation, wire_type object_type, bg_slice object_name);
/*  BLAKE2b-64 of the public key.  */
void wire_key_id (const bg_key *public_key, uint8_t id[8]);
/*  BLAKE2b-128 of target, job key, length of the schedule's name (u32 BE), its lower-case name, nominal time (u64 BE of
    the two's complement), fold (one byte).  */
bg_id wire_occurrence_id (
    bg_id target, bg_id job_key, bg_slice schedule, int64_t nominal_us, uint8_t fold);

/*  Key pairs. wire_seed_keypair: of a token; the Ed25519 seed is BLAKE2b-256 of the 16 bytes. wire_keypair: of an
    Ed25519 seed of 32 random bytes.  */
void wire_seed_keypair (const uint8_t seed[16], bg_key *public_key, uint8_t secret[64]);
void wire_keypair (const uint8_t seed[32], bg_key *public_key, uint8_t secret[64]);
/*  The public key inside a secret one.  */
bg_key wire_public_of (const uint8_t secret[64]);

/*  Appends the preimage.  */
void wire_preimage (wire_type type, bg_id installation, bg_slice bytes, bg_buf *out);
/*  One signature entry over the bytes.  */
void wire_sign (const wire_crypto *crypto, wire_type type, bg_id installation, bg_slice bytes,
    const bg_key *public_key, const uint8_t secret[64], wire_sig *out);
/*  True when sig is of this key (key id) and valid.  */
bool wire_verify_one (const wire_crypto *crypto, wire_type type, bg_id installation, bg_slice bytes,
    const wire_sig *sig, const bg_key *public_key);

/*  Encodes value (the struct of type) and signs it: a wire_signed with one signature, all of it in the arena. For types
    that are no documents: deed, token, attestation, enlist, leave.  */
void wire_signed_make (const wire_crypto *crypto, wire_type type, bg_id installation,
    const void *value, const uint8_t secret[64], bg_arena *arena, wire_signed *out);
/*  The same for a document: value is the struct of fixed->type, fixed->body is ignored and filled from it. fixed->format
    0 becomes WIRE_FORMAT.  */
void wire_document_make (const wire_crypto *crypto, const wire_document *fixed, const void *value,
    const uint8_t secret[64], bg_arena *arena, wire_signed *out);
/*  Adds a signature entry of another key to a wire_signed; replaces one of the same key. At most 8.  */
void wire_signed_add (const wire_crypto *crypto, bg_id installation, const uint8_t secret[64],
    bg_arena *arena, wire_signed *self);

#define WIRE_FORMAT 1 /*  document.format of this program  */

#endif
