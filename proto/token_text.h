/*  The two texts that people carry between machines: enlistment tokens and public identities.

        bugle-t1.<base32>   an encoded wire_token_text: endpoints, broker CURVE key, authority hash, seed, broker name
        bugle-p1.<base32>   signing public key (32), CURVE public key (32)

    base32 is Crockford's in lower case over the bytes and 4 check bytes behind them: the first four of BLAKE2b-256 of
    prefix and bytes. Case is ignored when reading; blanks and newlines at both ends are tolerated, none inside. The seed
    makes the token a secret; nothing here prints it elsewhere.
*/
#ifndef BUGLE_PROTO_TOKEN_TEXT_H
#define BUGLE_PROTO_TOKEN_TEXT_H

#include "proto/wire.h"

#define WIRE_TOKEN_TEXT_MAX 4096 /*  bytes of a token's text  */

/*  Appends the text, without a newline. The struct must be within its limits.  */
void wire_token_text_encode (const wire_token_text *token, bg_buf *out);
/*  Everything in *token lives in the arena. BG_TOKEN: "not a token", "damaged (check bytes)", or of a newer form.  */
bg_result wire_token_text_parse (
    bg_slice text, bg_arena *arena, wire_token_text *token, bg_error *err) BG_CHECKED;

typedef struct {
    bg_key sign_key;
    bg_key curve_key;
} wire_identity;

void wire_identity_encode (const wire_identity *identity, bg_buf *out);
/*  BG_INVALID: not a public identity, damaged.  */
bg_result wire_identity_parse (bg_slice text, wire_identity *identity, bg_error *err) BG_CHECKED;

#endif
