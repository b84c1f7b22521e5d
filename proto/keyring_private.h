/*  What keyring.c and trust.c share; private to the layer.  */
#ifndef BUGLE_PROTO_KEYRING_PRIVATE_H
#define BUGLE_PROTO_KEYRING_PRIVATE_H

#include "proto/trust.h"

struct wire_keyring {
    bg_arena arena;
    wire_signed origin; /*  copied; everything below points into its bytes or the arena  */
    wire_document document;
    wire_authority authority;
    uint8_t hash[WIRE_HASH_BYTES];
    uint8_t (*key_ids)[BG_KEY_ID_BYTES]; /*  of the logins' signing keys, in their order  */
};

/*  What the signatures of a wire_signed come to, before anything inside is looked at.  */
typedef struct {
    const wire_login *valid[WIRE_SIGS_MAX]; /*  listed, and the signature holds  */
    size_t valid_count;
    const wire_login
        *broken; /*  listed, but the signature does not hold; NULL when there is none  */
    size_t unlisted;
} wire_signers;

/*  Size, type, and one to eight signatures of distinct keys.  */
bg_result wire_envelope_check (const wire_signed *self, wire_type type, bg_error *err) BG_CHECKED;
wire_signers wire_signers_collect (
    const wire_keyring *keyring, const wire_signed *self, const wire_crypto *crypto);
/*  Why none of the signatures counts.  */
bg_result wire_signers_refuse (
    const wire_keyring *keyring, const wire_signers *signers, bg_error *err) BG_CHECKED;
/*  Revocation, role, scope: the signer that may do what takes this role. what: for the sentence, "a job".  */
bg_result wire_signers_choose (const wire_keyring *keyring, const wire_signers *signers,
    uint64_t role, const char *what, const wire_login **signer, bg_error *err) BG_CHECKED;
/*  Strict decode of the fixed part of a document, its type, format and version.  */
bg_result wire_document_decode (
    const wire_signed *self, bg_arena *arena, wire_document *document, bg_error *err) BG_CHECKED;

#endif
