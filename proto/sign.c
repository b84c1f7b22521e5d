/*  Hashes, document keys and signatures: see sign.h. What a signature is worth is decided in trust.c; here are only the
    bytes it stands for.
*/
#include "proto/sign.h"

#include <sodium.h>

_Static_assert(crypto_sign_BYTES == WIRE_SIGNATURE_BYTES, "signature");
_Static_assert(crypto_sign_SECRETKEYBYTES == WIRE_SECRET_BYTES, "secret key");
_Static_assert(crypto_sign_PUBLICKEYBYTES == BG_KEY_BYTES, "public key");

#define PREFIX "bugle-v1" /*  with its NUL  */

static bool sodium_verify (
    void *ctx, const uint8_t signature[64], bg_slice message, const bg_key *public_key)
{
    (void) ctx;
    return crypto_sign_verify_detached (signature, message.data, message.size, public_key->bytes) ==
           0;
}

static void sodium_sign (
    void *ctx, bg_slice message, const uint8_t secret[64], uint8_t signature[64])
{
    (void) ctx;
    int failed = crypto_sign_detached (signature, NULL, message.data, message.size, secret);
    bg_assert (failed == 0);
}

const wire_crypto *wire_crypto_sodium (void)
{
    static const wire_crypto crypto = {NULL, sodium_verify, sodium_sign};
    return &crypto;
}

/*  ---- hashes ----  */

static void hash (bg_slice bytes, uint8_t *out, size_t size)
{
    int failed = crypto_generichash (out, size, bytes.data, bytes.size, NULL, 0);
    bg_assert (failed == 0);
}

void wire_hash32 (bg_slice bytes, uint8_t out[32])
{
    hash (bytes, out, WIRE_HASH_BYTES);
}

void wire_key_id (const bg_key *public_key, uint8_t id[8])
{
    /*  Shorter than the 16 bytes that libsodium names as its least, which it does not enforce; a test vector made
        elsewhere holds the value.  */
    hash (bg_slice_of (public_key->bytes, BG_KEY_BYTES), id, BG_KEY_ID_BYTES);
}

static void append_folded (bg_slice name, bg_buf *out)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];
        bg_buf_append_byte (out, byte >= 'A' && byte <= 'Z' ? (uint8_t) (byte - 'A' + 'a') : byte);
    }
}

static const char *word_of (wire_type type)
{
    const char *word = wire_type_word (type);
    bg_assert (word);
    return word;
}

bg_id wire_document_key (bg_id installation, wire_type type, bg_slice name)
{
    const char *word = word_of (type);
    BG_AUTO_BUF bytes = {0};
    bg_buf_append (&bytes, installation.bytes, BG_ID_BYTES);
    bg_buf_append (&bytes, word, strlen (word) + 1);
    append_folded (name, &bytes);
    bg_id key;
    hash (bg_buf_slice (&bytes), key.bytes, BG_ID_BYTES);
    return key;
}

bg_id wire_switch_key (bg_id installation, wire_type object_type, bg_slice object_name)
{
    BG_AUTO_BUF name = {0};
    bg_buf_append_str (&name, word_of (object_type));
    bg_buf_append_byte (&name, ':');
    bg_buf_append_slice (&name, object_name);
    return wire_document_key (installation, WIRE_TYPE_SWITCH, bg_buf_slice (&name));
}

bg_id wire_occurrence_id (
    bg_id target, bg_id job_key, bg_slice schedule, int64_t nominal_us, uint8_t fold)
{
    BG_AUTO_BUF bytes = {0};
    bg_buf_append (&bytes, target.bytes, BG_ID_BYTES);
    bg_buf_append (&bytes, job_key.bytes, BG_ID_BYTES);
    bg_buf_append_u32 (&bytes, (uint32_t) schedule.size);
    append_folded (schedule, &bytes);
    bg_buf_append_u64 (&bytes, (uint64_t) nominal_us);
    bg_buf_append_byte (&bytes, fold);
    bg_id id;
    hash (bg_buf_slice (&bytes), id.bytes, BG_ID_BYTES);
    return id;
}

/*  ---- keys ----  */

void wire_keypair (const uint8_t seed[32], bg_key *public_key, uint8_t secret[64])
{
    int failed = crypto_sign_seed_keypair (public_key->bytes, secret, seed);
    bg_assert (failed == 0);
}

void wire_seed_keypair (const uint8_t seed[16], bg_key *public_key, uint8_t secret[64])
{
    uint8_t long_seed[32];
    hash (bg_slice_of (seed, WIRE_SEED_BYTES), long_seed, sizeof long_seed);
    wire_keypair (long_seed, public_key, secret);
    sodium_memzero (long_seed, sizeof long_seed);
}

bg_key wire_public_of (const uint8_t secret[64])
{
    bg_key key;
    memcpy (key.bytes, secret + 32, BG_KEY_BYTES);
    return key;
}

/*  ---- signatures ----  */

void wire_preimage (wire_type type, bg_id installation, bg_slice bytes, bg_buf *out)
{
    const char *word = word_of (type);
    bg_buf_append (out, PREFIX, sizeof PREFIX);
    bg_buf_append (out, word, strlen (word) + 1);
    bg_buf_append (out, installation.bytes, BG_ID_BYTES);
    bg_buf_append_u64 (out, bytes.size);
    bg_buf_append_slice (out, bytes);
}

void wire_sign (const wire_crypto *crypto, wire_type type, bg_id installation, bg_slice bytes,
    const bg_key *public_key, const uint8_t secret[64], wire_sig *out)
{
    BG_AUTO_BUF preimage = {0};
    wire_preimage (type, installation, bytes, &preimage);
    wire_key_id (public_key, out->key_id);
    crypto->sign (crypto->ctx, bg_buf_slice (&preimage), secret, out->signature);
}

bool wire_verify_one (const wire_crypto *crypto, wire_type type, bg_id installation, bg_slice bytes,
    const wire_sig *sig, const bg_key *public_key)
{
    uint8_t id[BG_KEY_ID_BYTES];
    wire_key_id (public_key, id);
    if (memcmp (id, sig->key_id, sizeof id) != 0)
        return false;
    BG_AUTO_BUF preimage = {0};
    wire_preimage (type, installation, bytes, &preimage);
    return crypto->verify (crypto->ctx, sig->signature, bg_buf_slice (&preimage), public_key);
}

void wire_signed_add (const wire_crypto *crypto, bg_id installation, const uint8_t secret[64],
    bg_arena *arena, wire_signed *self)
{
    bg_key public_key = wire_public_of (secret);
    wire_sig sig;
    wire_sign (
        crypto, (wire_type) self->type, installation, self->bytes, &public_key, secret, &sig);
    wire_sig *list = bg_arena_array (arena, wire_sig, self->sigs_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < self->sigs_count; i++) {
        if (memcmp (self->sigs[i].key_id, sig.key_id, sizeof sig.key_id) != 0)
            list[count++] = self->sigs[i];
    }
    bg_assert (count < WIRE_SIGS_MAX);
    list[count++] = sig;
    self->sigs = list;
    self->sigs_count = count;
}

void wire_signed_make (const wire_crypto *crypto, wire_type type, bg_id installation,
    const void *value, const uint8_t secret[64], bg_arena *arena, wire_signed *out)
{
    const wire_type_row *row = wire_type_find (type);
    bg_assert (row);
    BG_AUTO_BUF bytes = {0};
    wire_encode (row->desc, value, &bytes);
    *out = (wire_signed){.type = type, .bytes = bg_arena_copy (arena, bg_buf_slice (&bytes))};
    wire_signed_add (crypto, installation, secret, arena, out);
}

void wire_document_make (const wire_crypto *crypto, const wire_document *fixed, const void *value,
    const uint8_t secret[64], bg_arena *arena, wire_signed *out)
{
    const wire_type_row *row = wire_type_find (fixed->type);
    bg_assert (row);
    BG_AUTO_BUF body = {0};
    wire_encode (row->desc, value, &body);
    wire_document document = *fixed;
    document.format = document.format ? document.format : WIRE_FORMAT;
    document.body = bg_buf_slice (&body);
    BG_AUTO_BUF bytes = {0};
    WIRE_ENCODE (document, &document, &bytes);
    *out =
        (wire_signed){.type = fixed->type, .bytes = bg_arena_copy (arena, bg_buf_slice (&bytes))};
    wire_signed_add (crypto, document.installation, secret, arena, out);
}
