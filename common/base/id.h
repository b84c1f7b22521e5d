/*  Ids and keys.

    bg_id is 16 bytes: 48 bits of milliseconds UTC, then 80 random bits (design.md section 16). Text is 26 characters
    of Crockford base32 in lower case. Tables print the last 8 characters; a unique prefix or ending of at least 6 is
    accepted where a person types one. The same 16 bytes also hold document keys (BLAKE2b-128) and the installation.
    bg_key is 32 bytes of public or secret key.
*/
#ifndef BUGLE_BASE_ID_H
#define BUGLE_BASE_ID_H

#include "common/base/slice.h"

#define BG_ID_BYTES     16
#define BG_ID_TEXT      26
#define BG_ID_SHORT     8
#define BG_ID_TYPED_MIN 6
#define BG_KEY_BYTES    32
#define BG_Z85_KEY_TEXT 40
#define BG_KEY_ID_BYTES 8

typedef struct {
    uint8_t bytes[BG_ID_BYTES];
} bg_id;

typedef struct {
    uint8_t bytes[BG_KEY_BYTES];
} bg_key;

/*  Text forms with room for the NUL, to be used as values: bg_id_text (id).text.  */
typedef struct {
    char text[BG_ID_TEXT + 1];
} bg_id_string;

typedef struct {
    char text[BG_Z85_KEY_TEXT + 1];
} bg_key_string;

/*  time_us: UTC microseconds; entropy: 10 random bytes.  */
bg_id bg_id_make (int64_t time_us, const uint8_t entropy[10]);
/*  The time inside, microseconds UTC (whole milliseconds).  */
int64_t bg_id_time_us (bg_id id);
bool bg_id_equal (bg_id a, bg_id b);
bool bg_id_is_zero (bg_id id);
int bg_id_compare (bg_id a, bg_id b);
bg_id_string bg_id_text (bg_id id);
/*  The last 8 characters of the text.  */
bg_id_string bg_id_short (bg_id id);
/*  Accepts upper case and the look-alikes o, i, l; anything else is BG_INVALID.  */
bg_result bg_id_parse (bg_slice text, bg_id *id, bg_error *err) BG_CHECKED;
/*  True when typed (at least 6 characters, any case) is a prefix or the ending of the id's text.  */
bool bg_id_matches (bg_id id, bg_slice typed);

bool bg_key_equal (const bg_key *a, const bg_key *b);
bool bg_key_is_zero (const bg_key *key);
/*  Z85 (ZeroMQ RFC 32), 40 characters.  */
bg_key_string bg_key_text (const bg_key *key);
bg_result bg_key_parse (bg_slice text, bg_key *key, bg_error *err) BG_CHECKED;

/*  Crockford base32 in lower case of any bytes, most significant bit first; text needs (size * 8 + 4) / 5 + 1 bytes.  */
void bg_base32_encode (bg_slice bytes, char *text);
/*  Appends the bytes; left-over bits must be zero.  */
bg_result bg_base32_decode (bg_slice text, bg_buf *bytes, bg_error *err) BG_CHECKED;
void bg_hex_encode (bg_slice bytes, char *text); /*  text needs 2 * size + 1 bytes  */
bg_result bg_hex_decode (bg_slice text, bg_buf *bytes, bg_error *err) BG_CHECKED;

#endif
