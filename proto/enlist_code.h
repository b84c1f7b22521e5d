/*  The code that both sides show while an enlistment without a token waits to be approved.

    60 bits over everything that either side has to be sure of: the authority and key of the broker, name and keys of the
    target. Who compares the two codes knows that nobody stands between them. Written as K7QM-2XWD-9FTA.
*/
#ifndef BUGLE_PROTO_ENLIST_CODE_H
#define BUGLE_PROTO_ENLIST_CODE_H

#include "common/base/id.h"

#define WIRE_ENLIST_CODE_TEXT 14 /*  characters, without the end  */

typedef struct {
    char text[WIRE_ENLIST_CODE_TEXT + 1];
} wire_enlist_code;

/*  authority_hash: BLAKE2b-256 of the authority that the broker shows first, 32 bytes.  */
wire_enlist_code wire_enlist_code_of (bg_id installation, const uint8_t authority_hash[32],
    const bg_key *broker_curve_key, bg_slice name, const bg_key *sign_key, const bg_key *curve_key);
/*  Whether what a person typed is that code: without regard to case, blanks, hyphens, and o, i, l taken for 0, 1, 1.  */
bool wire_enlist_code_equal (const wire_enlist_code *code, bg_slice typed);

#endif
