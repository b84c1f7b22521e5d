/*  Codes of pending enlistments: see enlist_code.h.  */
#include "proto/enlist_code.h"

#include <sodium.h>

#define CODE_LETTERS 12
#define CODE_BYTES   8 /*  of which 60 bits count  */

/*  ASCII only, whatever the locale says.  */
static uint8_t lower (uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t) (byte + ('a' - 'A')) : byte;
}

static char upper (uint8_t byte)
{
    return (char) (byte >= 'a' && byte <= 'z' ? byte - ('a' - 'A') : byte);
}

static const char code_context[] = "bugle-enlist-code";

wire_enlist_code wire_enlist_code_of (bg_id installation, const uint8_t authority_hash[32],
    const bg_key *broker_curve_key, bg_slice name, const bg_key *sign_key, const bg_key *curve_key)
{
    BG_AUTO_BUF bytes = {0};
    bg_buf_append (&bytes, code_context, sizeof code_context);
    bg_buf_append (&bytes, installation.bytes, sizeof installation.bytes);
    bg_buf_append (&bytes, authority_hash, 32);
    bg_buf_append (&bytes, broker_curve_key->bytes, sizeof broker_curve_key->bytes);
    bg_buf_append_u32 (&bytes, (uint32_t) name.size);
    for (size_t i = 0; i < name.size; i++)
        bg_buf_append_byte (&bytes, lower (name.data[i]));
    bg_buf_append (&bytes, sign_key->bytes, sizeof sign_key->bytes);
    bg_buf_append (&bytes, curve_key->bytes, sizeof curve_key->bytes);
    uint8_t hash[CODE_BYTES];
    (void) crypto_generichash (hash, sizeof hash, bytes.data, bytes.size, NULL, 0);
    char letters[2 * CODE_BYTES];
    bg_base32_encode (bg_slice_of (hash, sizeof hash), letters);
    wire_enlist_code code = {0};
    for (size_t i = 0, at = 0; i < CODE_LETTERS; i++) {
        if (i > 0 && i % 4 == 0)
            code.text[at++] = '-';
        code.text[at++] = upper ((uint8_t) letters[i]);
    }
    return code;
}

static char plain_letter (uint8_t typed)
{
    const char letter = upper (typed);
    return letter == 'O' ? '0' : letter == 'I' || letter == 'L' ? '1' : letter;
}

bool wire_enlist_code_equal (const wire_enlist_code *code, bg_slice typed)
{
    size_t at = 0;
    for (size_t i = 0; i < typed.size; i++) {
        if (typed.data[i] == '-' || typed.data[i] == ' ')
            continue;
        if (at < WIRE_ENLIST_CODE_TEXT && code->text[at] == '-')
            at++;
        if (at >= WIRE_ENLIST_CODE_TEXT || plain_letter (typed.data[i]) != code->text[at])
            return false;
        at++;
    }
    return at == WIRE_ENLIST_CODE_TEXT;
}
