/*  Examples of everything that goes over the wire, always the same: what proto/vectors.json and the inline vectors of
    proto/PROTOCOL.md are made of.

    Two kinds: a filled struct for each message and signed type (made from its descriptor, every field set or only what
    is required), and one small installation whose documents really verify, with keys from fixed seeds.
*/
#ifndef BUGLE_TESTS_WIRE_EXAMPLES_H
#define BUGLE_TESTS_WIRE_EXAMPLES_H

#include "proto/sign.h"

/*  Fills value (sizeof the struct): each field from its number and name; lists have one item.  */
void example_fill (const wire_desc *desc, bool full, bg_arena *arena, void *value);
/*  Appends the struct as JSON: bytes as hex, fields that would not be written left out.  */
void example_json (const wire_desc *desc, const void *value, bg_buf *out);
void example_json_text (bg_slice text, bg_buf *out);
/*  Appends the bytes as hex.  */
void example_hex (bg_slice bytes, bg_buf *out);

typedef enum {
    EXAMPLE_ADMIN,
    EXAMPLE_BROKER,
    EXAMPLE_TARGET,
    EXAMPLE_TOKEN,
    EXAMPLE_KEYS
} example_who;

typedef struct {
    const char *name;
    wire_signed item;
    example_who signers[2];
    size_t signer_count;
} example_signed;

#define EXAMPLE_SIGNED_MAX 16

typedef struct {
    bg_arena arena;
    bg_id installation;
    bg_id target;
    uint8_t token_seed[16];
    bg_key public_keys[EXAMPLE_KEYS];
    uint8_t secrets[EXAMPLE_KEYS][64];
    example_signed items[EXAMPLE_SIGNED_MAX];
    size_t item_count;
} example_installation;

/*  Builds it and verifies every item through trust.h; ends the program with a sentence when one does not verify.  */
void example_installation_init (example_installation *self);
void example_installation_fini (example_installation *self);
const char *example_who_name (example_who who);

#endif
