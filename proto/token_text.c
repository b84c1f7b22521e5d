/*  Texts of tokens and public identities: see token_text.h. Not here: what a token allows.  */
#include "proto/token_text.h"

#include "proto/sign.h"

#define CHECK_BYTES     4
#define TOKEN_PREFIX    "bugle-t1."
#define IDENTITY_PREFIX "bugle-p1."

typedef struct {
    const char *prefix;
    const char *what; /*  for sentences: "an enlistment token"  */
    bg_code code;
} text_form;

static const text_form token_form = {TOKEN_PREFIX, "an enlistment token", BG_TOKEN};
static const text_form identity_form = {IDENTITY_PREFIX, "a public identity", BG_INVALID};

static void check_bytes (const text_form *form, bg_slice bytes, uint8_t check[CHECK_BYTES])
{
    BG_AUTO_BUF all = {0};
    bg_buf_append_str (&all, form->prefix);
    bg_buf_append_slice (&all, bytes);
    uint8_t hash[WIRE_HASH_BYTES];
    wire_hash32 (bg_buf_slice (&all), hash);
    memcpy (check, hash, CHECK_BYTES);
}

static void encode (const text_form *form, bg_slice bytes, bg_buf *out)
{
    BG_AUTO_BUF all = {0};
    uint8_t check[CHECK_BYTES];
    check_bytes (form, bytes, check);
    bg_buf_append_slice (&all, bytes);
    bg_buf_append (&all, check, sizeof check);
    bg_buf_append_str (out, form->prefix);
    size_t room = (all.size * 8 + 4) / 5 + 1;
    char *text = (char *) bg_buf_reserve (out, room);
    bg_base32_encode (bg_buf_slice (&all), text);
    out->size += room - 1;
}

static bg_slice trim (bg_slice text)
{
    static const char blanks[] = " \t\r\n";
    while (text.size && memchr (blanks, text.data[0], sizeof blanks - 1)) {
        text.data++;
        text.size--;
    }
    while (text.size && memchr (blanks, text.data[text.size - 1], sizeof blanks - 1))
        text.size--;
    return text;
}

static bool begins_with (bg_slice text, const char *prefix)
{
    size_t size = strlen (prefix);
    if (text.size < size)
        return false;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = text.data[i];
        if ((byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte) != prefix[i])
            return false;
    }
    return true;
}

/*  Appends what the text carries, without the check bytes.  */
static bg_result parse (const text_form *form, bg_slice text, bg_buf *out, bg_error *err)
{
    text = trim (text);
    if (text.size == 0)
        return bg_fail (err, form->code, "the text is empty: not %s", form->what);
    if (text.size > WIRE_TOKEN_TEXT_MAX || !begins_with (text, form->prefix)) {
        (void) bg_fail (err, form->code, "not %s", form->what);
        (void) bg_hint (err, "it begins with \"%s\"", form->prefix);
        return (bg_result){form->code};
    }
    size_t skip = strlen (form->prefix);
    bg_result decoded =
        bg_base32_decode (bg_slice_of (text.data + skip, text.size - skip), out, NULL);
    uint8_t check[CHECK_BYTES] = {0};
    bool is_whole = bg_is_ok (decoded) && out->size > CHECK_BYTES;
    if (is_whole) {
        out->size -= CHECK_BYTES;
        check_bytes (form, bg_buf_slice (out), check);
    }
    if (!is_whole || memcmp (check, out->data + out->size, CHECK_BYTES) != 0) {
        (void) bg_fail (err, form->code, "%s, but damaged (check bytes)", form->what);
        (void) bg_hint (err, "copy the whole text again");
        return (bg_result){form->code};
    }
    return bg_ok ();
}

void wire_token_text_encode (const wire_token_text *token, bg_buf *out)
{
    BG_AUTO_BUF bytes = {0};
    WIRE_ENCODE (token_text, token, &bytes);
    encode (&token_form, bg_buf_slice (&bytes), out);
}

bg_result wire_token_text_parse (
    bg_slice text, bg_arena *arena, wire_token_text *token, bg_error *err)
{
    BG_AUTO_BUF bytes = {0};
    BG_TRY (parse (&token_form, text, &bytes, err));
    bg_slice kept = bg_arena_copy (arena, bg_buf_slice (&bytes));
    if (bg_failed (WIRE_DECODE (token_text, kept, WIRE_AS_SIGNED, arena, token, NULL)))
        return bg_fail (err, BG_TOKEN, "an enlistment token, but of another version of Bugle");
    if (token->endpoints_count == 0)
        return bg_fail (err, BG_TOKEN, "an enlistment token, but it names no address of a broker");
    return bg_ok ();
}

void wire_identity_encode (const wire_identity *identity, bg_buf *out)
{
    uint8_t bytes[2 * BG_KEY_BYTES];
    memcpy (bytes, identity->sign_key.bytes, BG_KEY_BYTES);
    memcpy (bytes + BG_KEY_BYTES, identity->curve_key.bytes, BG_KEY_BYTES);
    encode (&identity_form, bg_slice_of (bytes, sizeof bytes), out);
}

bg_result wire_identity_parse (bg_slice text, wire_identity *identity, bg_error *err)
{
    BG_AUTO_BUF bytes = {0};
    BG_TRY (parse (&identity_form, text, &bytes, err));
    if (bytes.size != 2 * BG_KEY_BYTES)
        return bg_fail (err, BG_INVALID, "a public identity, but not of two keys");
    memcpy (identity->sign_key.bytes, bytes.data, BG_KEY_BYTES);
    memcpy (identity->curve_key.bytes, bytes.data + BG_KEY_BYTES, BG_KEY_BYTES);
    return bg_ok ();
}
