/*  Key pairs and key files: see keyfile.h. Secrets are wiped from every buffer that held them here.

    A file is read by a small table of its lines; order is free, each line must be there once,
   unknown lines are refused, because a line that was meant to say something about the key must not
   be overlooked.  */
#include "common/sys/keyfile.h"

#include "common/sys/file.h"
#include "common/sys/random.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>

#define FILE_MAX    4096
#define FORMAT_LINE "bugle-key 1"
#define FORMAT_WORD "bugle-key "

static const char *const type_words[] = {
    [BG_KEY_ED25519] = "ed25519", [BG_KEY_CURVE25519] = "curve25519"};

enum { LINE_TYPE, LINE_PUBLIC, LINE_KDF, LINE_SECRET, LINE_COMMENT, LINE_COUNT };
static const char *const line_words[LINE_COUNT] = {"type", "public", "kdf", "secret", "comment"};

void bg_keypair_generate (bg_keypair *self, bg_key_type type)
{
    uint8_t secret[BG_KEY_BYTES];
    bg_random_bytes (secret, sizeof secret);
    bg_keypair_from_secret (self, type, secret);
    sodium_memzero (secret, sizeof secret);
}

void bg_keypair_from_secret (bg_keypair *self, bg_key_type type, const uint8_t secret[BG_KEY_BYTES])
{
    *self = (bg_keypair){.type = type};
    if (type == BG_KEY_ED25519) {
        bg_assert (crypto_sign_seed_keypair (self->public_key.bytes, self->secret, secret) == 0);
        return;
    }
    bg_assert (type == BG_KEY_CURVE25519);
    memcpy (self->secret, secret, BG_KEY_BYTES);
    bg_assert (crypto_scalarmult_base (self->public_key.bytes, secret) == 0);
}

void bg_keypair_fini (bg_keypair *self)
{
    sodium_memzero (self, sizeof *self);
}

bg_key bg_keypair_curve_secret (const bg_keypair *self)
{
    bg_assert (self->type == BG_KEY_CURVE25519);
    bg_key key;
    memcpy (key.bytes, self->secret, BG_KEY_BYTES);
    return key;
}

static void wipe_buf (bg_buf *buf)
{
    if (buf->data)
        sodium_memzero (buf->data, buf->capacity);
    bg_buf_fini (buf);
}

bg_result bg_keyfile_write (
    const char *path, const bg_keypair *pair, const char *comment, bg_error *err)
{
    const char *remark = comment ? comment : pair->comment;
    bg_assert (strlen (remark) <= BG_KEY_COMMENT_MAX && !strchr (remark, '\n'));
    bg_key secret;
    memcpy (secret.bytes, pair->secret, BG_KEY_BYTES);
    bg_key_string secret_text = bg_key_text (&secret);
    bg_buf text = {0};
    /*  Reserved at once, so that no reallocation leaves a copy of the secret behind.  */
    (void) bg_buf_reserve (&text, FILE_MAX);
    bg_buf_printf (&text, "%s\ntype: %s\npublic: %s\nkdf: none\n", FORMAT_LINE,
        type_words[pair->type], bg_key_text (&pair->public_key).text);
    bg_buf_printf (&text, "secret: %s\ncomment: %s\n", secret_text.text, remark);
    bg_result result = bg_file_create (path, bg_buf_slice (&text), err);
    wipe_buf (&text);
    sodium_memzero (&secret, sizeof secret);
    sodium_memzero (&secret_text, sizeof secret_text);
    return result;
}

static bg_result foreign (bg_error *err, const char *path, const char *why)
{
    bg_ignore (bg_fail (err, BG_FOREIGN_FILE, "%s is not a usable key file: %s", path, why));
    bg_ignore (bg_hint (err, "restore the key file from a copy, or move it away to start anew"));
    return (bg_result){BG_FOREIGN_FILE};
}

/*  Cuts the next line off text.  */
static bg_slice take_line (bg_slice *text)
{
    const uint8_t *end = text->size ? memchr (text->data, '\n', text->size) : NULL;
    size_t size = end ? (size_t) (end - text->data) : text->size;
    bg_slice line = bg_slice_of (text->data, size);
    size_t used = end ? size + 1 : size;
    text->data += used;
    text->size -= used;
    return line;
}

static bg_result split_lines (
    const char *path, bg_slice text, bg_slice values[LINE_COUNT], bg_error *err)
{
    bg_slice first = take_line (&text);
    size_t word = strlen (FORMAT_WORD);
    if (first.size < word || memcmp (first.data, FORMAT_WORD, word) != 0)
        return foreign (err, path, "its first line is not \"" FORMAT_LINE "\"");
    if (!bg_slice_is (first, FORMAT_LINE)) {
        bg_ignore (
            bg_fail (err, BG_TOO_NEW, "%s has a key file format that is not known here", path));
        bg_ignore (bg_hint (err, "use the version of Bugle that wrote it, or a newer one"));
        return (bg_result){BG_TOO_NEW};
    }
    while (text.size > 0) {
        bg_slice line = take_line (&text);
        int index = LINE_COUNT;
        for (int i = 0; i < LINE_COUNT; i++) {
            size_t size = strlen (line_words[i]);
            if (line.size > size && memcmp (line.data, line_words[i], size) == 0 &&
                line.data[size] == ':')
                index = i;
        }
        if (index == LINE_COUNT)
            return foreign (err, path, "it has a line that does not belong there");
        if (values[index].data)
            return foreign (err, path, "a line is there twice");
        size_t skip = strlen (line_words[index]) + 1;
        while (skip < line.size && line.data[skip] == ' ')
            skip++;
        values[index] = bg_slice_of (line.data + skip, line.size - skip);
    }
    for (int i = 0; i < LINE_COMMENT; i++) {
        if (!values[i].data)
            return foreign (err, path, "a line is missing");
    }
    return bg_ok ();
}

static bg_result build_pair (
    const char *path, bg_key_type type, const bg_slice *values, bg_keypair *pair, bg_error *err)
{
    if (!bg_slice_is (values[LINE_TYPE], type_words[type])) {
        bg_ignore (bg_fail (
            err, BG_FOREIGN_FILE, "%s does not hold a key of type %s", path, type_words[type]));
        bg_ignore (bg_hint (err, "key files may have been swapped: look at their type: lines"));
        return (bg_result){BG_FOREIGN_FILE};
    }
    if (!bg_slice_is (values[LINE_KDF], "none"))
        return bg_fail (err, BG_TOO_NEW,
            "%s is protected by a passphrase, which this version cannot read", path);
    bg_key public_key, secret;
    if (bg_failed (bg_key_parse (values[LINE_PUBLIC], &public_key, NULL)))
        return foreign (err, path, "the public key is not 40 characters of Z85");
    if (bg_failed (bg_key_parse (values[LINE_SECRET], &secret, NULL)))
        return foreign (err, path, "the secret key is not 40 characters of Z85");
    if (values[LINE_COMMENT].size > BG_KEY_COMMENT_MAX) {
        sodium_memzero (&secret, sizeof secret);
        return foreign (err, path, "the comment is too long");
    }
    bg_keypair_from_secret (pair, type, secret.bytes);
    sodium_memzero (&secret, sizeof secret);
    if (values[LINE_COMMENT].size)
        memcpy (pair->comment, values[LINE_COMMENT].data, values[LINE_COMMENT].size);
    if (bg_key_equal (&pair->public_key, &public_key))
        return bg_ok ();
    bg_keypair_fini (pair);
    return foreign (err, path, "its public and secret keys do not belong together");
}

bg_result bg_keyfile_read (const char *path, bg_key_type type, bg_keypair *pair, bg_error *err)
{
    BG_TRY (bg_private_check (path, err));
    bg_buf text = {0};
    /*  One reservation larger than any read, for the same reason as in writing.  */
    (void) bg_buf_reserve (&text, (size_t) 256 * 1024);
    bg_result result = bg_file_read (path, FILE_MAX, &text, err);
    if (result.code == BG_TOO_LARGE)
        result = foreign (err, path, "it is too large");
    bg_slice values[LINE_COUNT] = {{0}};
    bg_keypair read = {0};
    if (bg_is_ok (result))
        result = split_lines (path, bg_buf_slice (&text), values, err);
    if (bg_is_ok (result))
        result = build_pair (path, type, values, &read, err);
    if (bg_is_ok (result))
        *pair = read;
    bg_keypair_fini (&read);
    wipe_buf (&text);
    return result;
}

bg_result bg_keyfile_ensure (const char *path, bg_key_type type, const char *comment,
    bg_keypair *pair, bool *is_new, bg_error *err)
{
    bool exists = bg_path_exists (path);
    if (is_new)
        *is_new = !exists;
    if (exists)
        return bg_keyfile_read (path, type, pair, err);
    bg_keypair made;
    bg_keypair_generate (&made, type);
    (void) snprintf (made.comment, sizeof made.comment, "%s", comment ? comment : "");
    bg_result result = bg_keyfile_write (path, &made, NULL, err);
    if (bg_is_ok (result))
        *pair = made;
    bg_keypair_fini (&made);
    return result;
}
