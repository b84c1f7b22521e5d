/*  Hashes, keys, signatures, seals and digests against values made with other programs (hashlib, PyNaCl).  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/digest.h"
#include "proto/seal.h"
#include "proto/sign.h"

static void assert_hex (const void *bytes, size_t size, const char *hex)
{
    char text[200];
    assert_true (size * 2 < sizeof text);
    bg_hex_encode (bg_slice_of (bytes, size), text);
    assert_string_equal (text, hex);
}

static bg_id installation_of_the_vectors (void)
{
    bg_id id;
    for (uint8_t i = 0; i < BG_ID_BYTES; i++)
        id.bytes[i] = i;
    return id;
}

static void fill_id (bg_id *id, uint8_t byte)
{
    memset (id->bytes, byte, sizeof id->bytes);
}

static void make_pair (uint8_t byte, bg_key *public_key, uint8_t secret[64])
{
    uint8_t seed[32];
    memset (seed, byte, sizeof seed);
    wire_keypair (seed, public_key, secret);
}

static void hashes_are_blake2b (void **state)
{
    (void) state;
    bg_id installation = installation_of_the_vectors ();
    uint8_t hash[32];
    wire_hash32 (bg_slice_str ("abc"), hash);
    assert_hex (hash, 32, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    bg_slice name = bg_slice_str ("Nightly BACKUP");
    bg_id key = wire_document_key (installation, WIRE_TYPE_JOB, name);
    assert_hex (key.bytes, 16, "93ce48e9f2fe56de96a35c270d51718a");
    key = wire_switch_key (installation, WIRE_TYPE_JOB, name);
    assert_hex (key.bytes, 16, "62f09f3ef2a1922047557dc74fbc86e5");
    bg_id target;
    bg_id job;
    fill_id (&target, 1);
    fill_id (&job, 2);
    bg_id occurrence = wire_occurrence_id (target, job, bg_slice_str ("Noons"), -5, 1);
    assert_hex (occurrence.bytes, 16, "e5621c4570867d6b7d9d5293181551f4");
}

static void keys_of_other_types_and_installations_differ (void **state)
{
    (void) state;
    bg_id installation = installation_of_the_vectors ();
    bg_id other = installation;
    other.bytes[0] ^= 1;
    bg_slice name = bg_slice_str ("a");
    bg_id key = wire_document_key (installation, WIRE_TYPE_JOB, name);
    assert_false (bg_id_equal (key, wire_document_key (installation, WIRE_TYPE_SWITCH, name)));
    assert_false (bg_id_equal (key, wire_document_key (other, WIRE_TYPE_JOB, name)));
    assert_false (
        bg_id_equal (key, wire_document_key (installation, WIRE_TYPE_JOB, bg_slice_str ("b"))));
}

static void key_pairs_come_from_their_seeds (void **state)
{
    (void) state;
    bg_key public_key;
    uint8_t secret[64];
    make_pair (7, &public_key, secret);
    assert_hex (
        public_key.bytes, 32, "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c");
    bg_key inside = wire_public_of (secret);
    assert_true (bg_key_equal (&inside, &public_key));
    uint8_t id[8];
    wire_key_id (&public_key, id);
    assert_hex (id, 8, "b3d42c9cabdf2d29");
    bg_id seed = installation_of_the_vectors ();
    wire_seed_keypair (seed.bytes, &public_key, secret);
    assert_hex (
        public_key.bytes, 32, "55377b108ca983eff16e8e6c8baa18b73f3ad86314ce94ba6acfeac3eb26157f");
}

static void a_signature_is_over_the_preimage (void **state)
{
    (void) state;
    const wire_crypto *crypto = wire_crypto_sodium ();
    bg_id installation = installation_of_the_vectors ();
    bg_key public_key;
    uint8_t secret[64];
    make_pair (7, &public_key, secret);
    bg_slice bytes = bg_slice_str ("hello");
    wire_sig sig;
    wire_sign (crypto, WIRE_TYPE_DEED, installation, bytes, &public_key, secret, &sig);
    assert_hex (sig.key_id, 8, "b3d42c9cabdf2d29");
    assert_hex (sig.signature, 64,
        "825ed9d655686359bbc14b58514a02752fa0250564c8db0ed0a68ed9bb8e3c04"
        "ec2041f0b7d99e414aa6fe7f2a2a344075b12e6c0b0e1b3d3a49837414f34907");
    assert_true (wire_verify_one (crypto, WIRE_TYPE_DEED, installation, bytes, &sig, &public_key));
}

static void a_signature_counts_for_nothing_else (void **state)
{
    (void) state;
    const wire_crypto *crypto = wire_crypto_sodium ();
    bg_id installation = installation_of_the_vectors ();
    bg_id other_installation = installation;
    other_installation.bytes[15] ^= 1;
    bg_key key;
    bg_key other_key;
    uint8_t secret[64];
    uint8_t other_secret[64];
    make_pair (7, &key, secret);
    make_pair (8, &other_key, other_secret);
    bg_slice bytes = bg_slice_str ("hello");
    wire_sig sig;
    wire_sign (crypto, WIRE_TYPE_DEED, installation, bytes, &key, secret, &sig);
    assert_false (wire_verify_one (crypto, WIRE_TYPE_JOB, installation, bytes, &sig, &key));
    assert_false (wire_verify_one (crypto, WIRE_TYPE_DEED, other_installation, bytes, &sig, &key));
    assert_false (
        wire_verify_one (crypto, WIRE_TYPE_DEED, installation, bg_slice_str ("hellO"), &sig, &key));
    assert_false (wire_verify_one (crypto, WIRE_TYPE_DEED, installation, bytes, &sig, &other_key));
    for (size_t i = 0; i < sizeof sig; i++) {
        wire_sig damaged = sig;
        ((uint8_t *) &damaged)[i] ^= 1;
        assert_false (
            wire_verify_one (crypto, WIRE_TYPE_DEED, installation, bytes, &damaged, &key));
    }
}

static void a_second_signature_of_a_key_replaces_the_first (void **state)
{
    (void) state;
    BG_AUTO_ARENA arena = {0};
    const wire_crypto *crypto = wire_crypto_sodium ();
    bg_id installation = installation_of_the_vectors ();
    bg_key key;
    uint8_t first[64];
    uint8_t second[64];
    make_pair (1, &key, first);
    make_pair (2, &key, second);
    wire_leave leave = {.installation = installation, .target = installation, .time_us = 5};
    wire_signed both;
    wire_signed_make (crypto, WIRE_TYPE_LEAVE, installation, &leave, first, &arena, &both);
    assert_int_equal (both.sigs_count, 1);
    wire_signed_add (crypto, installation, second, &arena, &both);
    wire_signed_add (crypto, installation, first, &arena, &both);
    assert_int_equal (both.sigs_count, 2);
    assert_true (
        wire_verify_one (crypto, WIRE_TYPE_LEAVE, installation, both.bytes, &both.sigs[0], &key));
}

static void a_seal_opens_only_with_everything_the_same (void **state)
{
    (void) state;
    BG_AUTO_BUF sealed = {0};
    BG_AUTO_BUF opened = {0};
    bg_key key;
    uint8_t nonce[24];
    memset (key.bytes, 9, sizeof key.bytes);
    for (uint8_t i = 0; i < sizeof nonce; i++)
        nonce[i] = i;
    bg_slice frame0 = bg_slice_of ("all", 4);
    bg_slice header = bg_slice_str ("H");
    wire_seal (&key, nonce, frame0, header, bg_slice_str ("body"), &sealed);
    assert_hex (sealed.data, sealed.size,
        "000102030405060708090a0b0c0d0e0f1011121314151617"
        "3d283412a29a1942fbc0cc9bbd3f948b3c094965");
    bg_slice whole = bg_buf_slice (&sealed);
    assert_true (bg_is_ok (wire_open (&key, frame0, header, whole, &opened, NULL)));
    assert_true (bg_slice_is (bg_buf_slice (&opened), "body"));
    bg_key other = key;
    other.bytes[3] ^= 1;
    bg_error err = {0};
    assert_int_equal (wire_open (&other, frame0, header, whole, &opened, &err).code, BG_CRYPTO);
    assert_int_equal (
        wire_open (&key, bg_slice_of ("alx", 4), header, whole, &opened, &err).code, BG_CRYPTO);
    assert_int_equal (
        wire_open (&key, frame0, bg_slice_str ("h"), whole, &opened, &err).code, BG_CRYPTO);
    for (size_t cut = 0; cut < sealed.size; cut++)
        assert_true (bg_failed (
            wire_open (&key, frame0, header, bg_slice_of (sealed.data, cut), &opened, &err)));
    for (size_t i = 0; i < sealed.size; i++) {
        sealed.data[i] ^= 0x80;
        assert_true (bg_failed (wire_open (&key, frame0, header, whole, &opened, &err)));
        sealed.data[i] ^= 0x80;
    }
    assert_int_equal (opened.size, 4);
}

static void an_empty_body_can_be_sealed (void **state)
{
    (void) state;
    BG_AUTO_BUF sealed = {0};
    BG_AUTO_BUF opened = {0};
    bg_key key = {{1}};
    uint8_t nonce[24] = {0};
    bg_slice none = {0};
    wire_seal (&key, nonce, none, none, none, &sealed);
    assert_int_equal (sealed.size, WIRE_SEAL_OVERHEAD);
    assert_true (bg_is_ok (wire_open (&key, none, none, bg_buf_slice (&sealed), &opened, NULL)));
    assert_int_equal (opened.size, 0);
}

static void a_digest_forgets_what_is_taken_out (void **state)
{
    (void) state;
    uint8_t digest[16] = {0};
    bg_id first;
    bg_id second;
    fill_id (&first, 3);
    fill_id (&second, 4);
    wire_digest_toggle (digest, first, 9);
    assert_hex (digest, 16, "93cbacd2520f3d547e97af6196536076");
    wire_digest_toggle (digest, second, 1);
    wire_digest_toggle (digest, first, 9);
    uint8_t other[16] = {0};
    wire_digest_toggle (other, second, 1);
    assert_memory_equal (digest, other, 16);
    wire_digest_toggle (other, second, 2);
    assert_memory_not_equal (digest, other, 16);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (hashes_are_blake2b),
        cmocka_unit_test (keys_of_other_types_and_installations_differ),
        cmocka_unit_test (key_pairs_come_from_their_seeds),
        cmocka_unit_test (a_signature_is_over_the_preimage),
        cmocka_unit_test (a_signature_counts_for_nothing_else),
        cmocka_unit_test (a_second_signature_of_a_key_replaces_the_first),
        cmocka_unit_test (a_seal_opens_only_with_everything_the_same),
        cmocka_unit_test (an_empty_body_can_be_sealed),
        cmocka_unit_test (a_digest_forgets_what_is_taken_out),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
