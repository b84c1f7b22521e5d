/*  Ids and keys: see id.h. Pure: time and entropy come from the caller.  */
#include "common/base/id.h"

static const char base32_alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
static const char z85_alphabet[] =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

static int base32_value (char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char) (c - 'A' + 'a');
    if (c == 'o')
        c = '0';
    if (c == 'i' || c == 'l')
        c = '1';
    for (int i = 0; i < 32; i++) {
        if (base32_alphabet[i] == c)
            return i;
    }
    return -1;
}

bg_id bg_id_make (int64_t time_us, const uint8_t entropy[10])
{
    bg_id id;
    uint64_t ms = (uint64_t) (time_us / 1000);
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t) (ms >> (40 - 8 * i));
    memcpy (id.bytes + 6, entropy, 10);
    return id;
}

int64_t bg_id_time_us (bg_id id)
{
    int64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id.bytes[i];
    return ms * 1000;
}

bool bg_id_equal (bg_id a, bg_id b)
{
    return memcmp (a.bytes, b.bytes, BG_ID_BYTES) == 0;
}

bool bg_id_is_zero (bg_id id)
{
    return bg_id_equal (id, (bg_id){0});
}

int bg_id_compare (bg_id a, bg_id b)
{
    return memcmp (a.bytes, b.bytes, BG_ID_BYTES);
}

/*  128 bits in 26 characters of 5: the first character holds the top 3 bits, so that text sorts as the bytes do.  */
bg_id_string bg_id_text (bg_id id)
{
    bg_id_string out = {{0}};
    unsigned accumulator = 0;
    int bits = 2; /*  two zero bits before the first byte make 130 = 26 * 5  */
    int at = 0;
    for (int i = 0; i < BG_ID_BYTES; i++) {
        accumulator = (accumulator << 8 | id.bytes[i]) & 0xffffU;
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            out.text[at++] = base32_alphabet[(accumulator >> bits) & 31U];
        }
    }
    return out;
}

bg_id_string bg_id_short (bg_id id)
{
    bg_id_string full = bg_id_text (id);
    bg_id_string out = {{0}};
    memcpy (out.text, full.text + BG_ID_TEXT - BG_ID_SHORT, BG_ID_SHORT);
    return out;
}

bg_result bg_id_parse (bg_slice text, bg_id *id, bg_error *err)
{
    if (text.size != BG_ID_TEXT)
        return bg_fail (err, BG_INVALID, "an id has 26 characters, not %zu", text.size);
    bg_id out = {{0}};
    unsigned accumulator = 0;
    int bits = -2;
    int at = 0;
    for (size_t i = 0; i < text.size; i++) {
        int value = base32_value ((char) text.data[i]);
        if (value < 0 || (i == 0 && value > 7))
            return bg_fail (err, BG_INVALID, "'%.*s' is not an id", BG_SLICE_ARG (text));
        accumulator = (accumulator << 5 | (unsigned) value) & 0xffffU;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            out.bytes[at++] = (uint8_t) (accumulator >> bits);
        }
    }
    *id = out;
    return bg_ok ();
}

bool bg_id_matches (bg_id id, bg_slice typed)
{
    if (typed.size < BG_ID_TYPED_MIN || typed.size > BG_ID_TEXT)
        return false;
    bg_id_string full = bg_id_text (id);
    bool prefix = true;
    bool ending = true;
    for (size_t i = 0; i < typed.size; i++) {
        int value = base32_value ((char) typed.data[i]);
        if (value < 0)
            return false;
        prefix = prefix && full.text[i] == base32_alphabet[value];
        ending = ending && full.text[BG_ID_TEXT - typed.size + i] == base32_alphabet[value];
    }
    return prefix || ending;
}

bool bg_key_equal (const bg_key *a, const bg_key *b)
{
    return memcmp (a->bytes, b->bytes, BG_KEY_BYTES) == 0;
}

bool bg_key_is_zero (const bg_key *key)
{
    static const bg_key zero;
    return bg_key_equal (key, &zero);
}

bg_key_string bg_key_text (const bg_key *key)
{
    bg_key_string out = {{0}};
    for (int group = 0; group < BG_KEY_BYTES / 4; group++) {
        uint32_t value = bg_read_u32 (key->bytes + 4 * group);
        for (int i = 4; i >= 0; i--) {
            out.text[5 * group + i] = z85_alphabet[value % 85];
            value /= 85;
        }
    }
    return out;
}

bg_result bg_key_parse (bg_slice text, bg_key *key, bg_error *err)
{
    if (text.size != BG_Z85_KEY_TEXT)
        return bg_fail (err, BG_INVALID, "a key has 40 characters (Z85), not %zu", text.size);
    bg_key out;
    for (int group = 0; group < BG_KEY_BYTES / 4; group++) {
        uint64_t value = 0;
        for (int i = 0; i < 5; i++) {
            char c = (char) text.data[5 * group + i];
            const char *found = c ? strchr (z85_alphabet, c) : NULL;
            if (!found)
                return bg_fail (err, BG_INVALID, "a key contains a character that is not Z85");
            value = value * 85 + (uint64_t) (found - z85_alphabet);
        }
        if (value > UINT32_MAX)
            return bg_fail (err, BG_INVALID, "a key is not valid Z85");
        bg_write_u32 (out.bytes + 4 * group, (uint32_t) value);
    }
    *key = out;
    return bg_ok ();
}

void bg_base32_encode (bg_slice bytes, char *text)
{
    unsigned accumulator = 0;
    int bits = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        accumulator = (accumulator << 8 | bytes.data[i]) & 0xffffU;
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            *text++ = base32_alphabet[(accumulator >> bits) & 31U];
        }
    }
    if (bits > 0)
        *text++ = base32_alphabet[(accumulator << (5 - bits)) & 31U];
    *text = 0;
}

bg_result bg_base32_decode (bg_slice text, bg_buf *bytes, bg_error *err)
{
    unsigned accumulator = 0;
    int bits = 0;
    size_t start = bytes->size;
    for (size_t i = 0; i < text.size; i++) {
        int value = base32_value ((char) text.data[i]);
        if (value < 0) {
            bytes->size = start;
            return bg_fail (err, BG_INVALID, "character %zu is not base32", i + 1);
        }
        accumulator = (accumulator << 5 | (unsigned) value) & 0xffffU;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            bg_buf_append_byte (bytes, (uint8_t) (accumulator >> bits));
        }
    }
    if (bits >= 5 || (accumulator & ((1U << bits) - 1U)) != 0) {
        bytes->size = start;
        return bg_fail (err, BG_INVALID, "text is not whole base32");
    }
    return bg_ok ();
}

void bg_hex_encode (bg_slice bytes, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        *text++ = digits[bytes.data[i] >> 4];
        *text++ = digits[bytes.data[i] & 15];
    }
    *text = 0;
}

static int hex_value (uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bg_result bg_hex_decode (bg_slice text, bg_buf *bytes, bg_error *err)
{
    if (text.size % 2 != 0)
        return bg_fail (err, BG_INVALID, "hexadecimal text has an odd length");
    size_t start = bytes->size;
    for (size_t i = 0; i < text.size; i += 2) {
        int high = hex_value (text.data[i]);
        int low = hex_value (text.data[i + 1]);
        if (high < 0 || low < 0) {
            bytes->size = start;
            return bg_fail (err, BG_INVALID, "character %zu is not hexadecimal", i + 1);
        }
        bg_buf_append_byte (bytes, (uint8_t) (high << 4 | low));
    }
    return bg_ok ();
}
