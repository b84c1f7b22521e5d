/*  common/base: ids and keys as text, slices and buffers, arenas, results.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/base/arena.h"
#include "common/base/id.h"

static void id_text_is_26_characters_and_comes_back (void **state)
{
    (void) state;
    uint8_t entropy[10] = {0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    bg_id id = bg_id_make (1700000000123456, entropy);
    assert_true (bg_id_time_us (id) == 1700000000123000);
    bg_id_string text = bg_id_text (id);
    assert_int_equal (strlen (text.text), BG_ID_TEXT);
    bg_id back;
    assert_true (bg_is_ok (bg_id_parse (bg_slice_str (text.text), &back, NULL)));
    assert_true (bg_id_equal (id, back));
}

static void id_text_sorts_as_time_does (void **state)
{
    (void) state;
    uint8_t entropy[10] = {0};
    bg_id_string earlier = bg_id_text (bg_id_make (1000000, entropy));
    bg_id_string later = bg_id_text (bg_id_make (2000000, entropy));
    assert_true (strcmp (earlier.text, later.text) < 0);
}

static void id_parse_takes_look_alikes_and_refuses_the_rest (void **state)
{
    (void) state;
    bg_id a;
    bg_id b;
    assert_true (bg_is_ok (bg_id_parse (bg_slice_str ("01111111110000000000000000"), &a, NULL)));
    assert_true (bg_is_ok (bg_id_parse (bg_slice_str ("0LiIl1L1I1ooOO000000000000"), &b, NULL)));
    assert_true (bg_id_equal (a, b));
    const char *bad[] = {"", "0", "81111111110000000000000000", "0111111111000000000000000u",
        "011111111100000000000000000"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_true (bg_failed (bg_id_parse (bg_slice_str (bad[i]), &a, NULL)));
}

static void id_matches_prefix_and_ending_of_six (void **state)
{
    (void) state;
    bg_id id = {{0}};
    assert_true (bg_is_ok (bg_id_parse (bg_slice_str ("0123456789abcdefghjkmnpqrs"), &id, NULL)));
    assert_true (bg_id_matches (id, bg_slice_str ("012345")));
    assert_true (bg_id_matches (id, bg_slice_str ("MNPQRS")));
    assert_false (bg_id_matches (id, bg_slice_str ("12345")));
    assert_false (bg_id_matches (id, bg_slice_str ("123456")));
    assert_string_equal (bg_id_short (id).text, "jkmnpqrs");
}

static void key_text_is_the_z85_of_its_specification (void **state)
{
    (void) state;
    /*  The pair of test keys that ZeroMQ RFC 26 gives in both forms.  */
    static const uint8_t bytes[BG_KEY_BYTES] = {0xbb, 0x88, 0x47, 0x1d, 0x65, 0xe2, 0x65, 0x9b,
        0x30, 0xc5, 0x5a, 0x53, 0x21, 0xce, 0xbb, 0x5a, 0xab, 0x2b, 0x70, 0xa3, 0x98, 0x64, 0x5c,
        0x26, 0xdc, 0xa2, 0xb2, 0xfc, 0xb4, 0x3f, 0xc5, 0x18};
    bg_key key;
    memcpy (key.bytes, bytes, sizeof bytes);
    assert_string_equal (bg_key_text (&key).text, "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
    bg_key back;
    assert_true (bg_is_ok (bg_key_parse (bg_slice_str (bg_key_text (&key).text), &back, NULL)));
    assert_true (bg_key_equal (&key, &back));
    assert_true (bg_failed (bg_key_parse (bg_slice_str ("####################"), &back, NULL)));
    assert_true (bg_failed (
        bg_key_parse (bg_slice_str ("########################################"), &back, NULL)));
}

static void base32_and_hex_come_back_for_every_length (void **state)
{
    (void) state;
    uint8_t bytes[40];
    for (size_t size = 0; size <= sizeof bytes; size++) {
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t) (i * 37 + size);
        char text[2 * sizeof bytes + 1];
        bg_buf back = {0};
        bg_base32_encode (bg_slice_of (bytes, size), text);
        assert_true (bg_is_ok (bg_base32_decode (bg_slice_str (text), &back, NULL)));
        assert_true (bg_slice_equal (bg_buf_slice (&back), bg_slice_of (bytes, size)));
        bg_buf_clear (&back);
        bg_hex_encode (bg_slice_of (bytes, size), text);
        assert_true (bg_is_ok (bg_hex_decode (bg_slice_str (text), &back, NULL)));
        assert_true (bg_slice_equal (bg_buf_slice (&back), bg_slice_of (bytes, size)));
        bg_buf_fini (&back);
    }
}

static void broken_base32_and_hex_leave_the_buffer_as_it_was (void **state)
{
    (void) state;
    bg_buf buf = {0};
    bg_buf_append_str (&buf, "x");
    assert_true (bg_failed (bg_base32_decode (bg_slice_str ("00u0"), &buf, NULL)));
    assert_true (bg_failed (bg_base32_decode (bg_slice_str ("01"), &buf, NULL)));
    assert_true (bg_failed (bg_hex_decode (bg_slice_str ("abc"), &buf, NULL)));
    assert_true (bg_failed (bg_hex_decode (bg_slice_str ("abxx"), &buf, NULL)));
    assert_int_equal (buf.size, 1);
    bg_buf_fini (&buf);
}

static void buffers_grow_and_print (void **state)
{
    (void) state;
    bg_buf buf = {0};
    for (int i = 0; i < 1000; i++)
        bg_buf_printf (&buf, "%d,", i);
    bg_buf_append_u32 (&buf, 0x01020304);
    bg_buf_append_u64 (&buf, 0x1122334455667788);
    assert_int_equal (bg_read_u64 (buf.data + buf.size - 8), 0x1122334455667788);
    assert_int_equal (bg_read_u32 (buf.data + buf.size - 12), 0x01020304);
    assert_memory_equal (bg_buf_cstr (&buf), "0,1,2,", 6);
    bg_buf_fini (&buf);
    assert_null (buf.data);
}

static void arena_memory_is_zeroed_aligned_and_stays (void **state)
{
    (void) state;
    bg_arena arena = {0};
    char *first = bg_arena_str (&arena, bg_slice_str ("stays"));
    for (size_t size = 1; size < 9000; size *= 3) {
        uint8_t *memory = bg_arena_alloc (&arena, size);
        assert_int_equal ((uintptr_t) memory % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal (memory[i], 0);
        memset (memory, 0xff, size);
    }
    assert_string_equal (first, "stays");
    assert_true (bg_slice_is (bg_arena_printf (&arena, "%d-%s", 7, "x"), "7-x"));
    bg_arena_fini (&arena);
    assert_null (arena.blocks);
}

static void an_arena_that_was_reset_is_as_new (void **state)
{
    (void) state;
    bg_arena arena = {0};
    bg_arena_reset (&arena);
    for (int round = 0; round < 3; round++) {
        for (size_t size = 10; size < 9000; size *= 3) {
            uint8_t *memory = bg_arena_alloc (&arena, size);
            for (size_t i = 0; i < size; i++)
                assert_int_equal (memory[i], 0);
            memset (memory, 0xff, size);
        }
        bg_arena_reset (&arena);
        assert_int_equal (arena.bytes, 0);
        assert_non_null (arena.blocks); /*  one stays  */
    }
    bg_arena_fini (&arena);
    assert_null (arena.blocks);
}

static void codes_are_unique_words_with_an_exit_code (void **state)
{
    (void) state;
    for (int code = 0; code < 100; code++) {
        const char *word = bg_code_word ((bg_code) code);
        if (strcmp (word, "unknown") == 0)
            continue;
        assert_int_equal (bg_code_from_word (word, strlen (word)), code);
        assert_true (
            code == BG_OK ? bg_code_exit ((bg_code) code) == 0 : bg_code_exit ((bg_code) code) > 0);
    }
    assert_int_equal (bg_code_from_word ("no such word", 12), BG_INVALID);
}

static void errors_carry_sentence_hint_and_prefix (void **state)
{
    (void) state;
    bg_error err = {0};
    bg_result result = bg_fail (&err, BG_BUSY, "held by %s", "bugle-broker");
    assert_true (bg_failed (result));
    assert_int_equal (bg_hint (&err, "stop it first").code, BG_BUSY);
    assert_int_equal (bg_prefix (&err, "home %s", "/x").code, BG_BUSY);
    assert_string_equal (err.message, "home /x: held by bugle-broker");
    assert_string_equal (err.hint, "stop it first");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (id_text_is_26_characters_and_comes_back),
        cmocka_unit_test (id_text_sorts_as_time_does),
        cmocka_unit_test (id_parse_takes_look_alikes_and_refuses_the_rest),
        cmocka_unit_test (id_matches_prefix_and_ending_of_six),
        cmocka_unit_test (key_text_is_the_z85_of_its_specification),
        cmocka_unit_test (base32_and_hex_come_back_for_every_length),
        cmocka_unit_test (broken_base32_and_hex_leave_the_buffer_as_it_was),
        cmocka_unit_test (buffers_grow_and_print),
        cmocka_unit_test (arena_memory_is_zeroed_aligned_and_stays),
        cmocka_unit_test (an_arena_that_was_reset_is_as_new),
        cmocka_unit_test (codes_are_unique_words_with_an_exit_code),
        cmocka_unit_test (errors_carry_sentence_hint_and_prefix),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
