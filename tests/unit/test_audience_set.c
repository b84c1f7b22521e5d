/*  Audiences of many numbers: set_bits says exactly what the list would.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/audience.h"

#include <stdlib.h>

static bool matches (const wire_audience *audience, uint64_t number)
{
    const wire_addressee addressee = {.number = number, .name = bg_slice_str ("web")};
    return wire_audience_matches_addressee (audience, &addressee);
}

static void check_numbers (uint32_t first, uint32_t step, size_t count)
{
    BG_AUTO_ARENA arena = {0};
    wire_audience audience = {0};
    uint32_t *numbers = bg_arena_array (&arena, uint32_t, count + 1);
    for (size_t i = 0; i < count; i++)
        numbers[i] = first + (uint32_t) i * step;
    bg_error err = {0};
    assert_true (bg_is_ok (wire_audience_set_numbers (&audience, numbers, count, &arena, &err)));
    assert_int_equal (wire_audience_is_empty (&audience), count == 0);
    assert_true (bg_is_ok (wire_check (&wire_desc_audience, &audience, &err)));
    /*  As it comes out of the codec.  */
    BG_AUTO_BUF bytes = {0};
    wire_audience read;
    wire_encode (&wire_desc_audience, &audience, &bytes);
    assert_true (bg_is_ok (
        WIRE_DECODE (audience, bg_buf_slice (&bytes), WIRE_AS_SIGNED, &arena, &read, &err)));
    const uint32_t last = count ? numbers[count - 1] : 0;
    for (uint32_t number = 0; number <= last + 20; number++) {
        bool is_in = count && number >= first && number <= last && (number - first) % step == 0;
        assert_int_equal (matches (&read, number), is_in);
    }
}

static void numbers_are_matched_exactly (void **state)
{
    (void) state;
    check_numbers (1, 1, 0);
    check_numbers (1, 1, 1);
    check_numbers (7, 3, 64);
    check_numbers (7, 3, 65);
    check_numbers (1, 1, 10000);
    check_numbers (65536, 1, 300);
    check_numbers (3, 8, 8000);
}

static void few_are_listed_and_many_are_a_set (void **state)
{
    (void) state;
    BG_AUTO_ARENA arena = {0};
    uint32_t numbers[65];
    for (uint32_t i = 0; i < 65; i++)
        numbers[i] = 100 + 2 * i;
    wire_audience few = {0};
    wire_audience many = {0};
    assert_true (bg_is_ok (wire_audience_set_numbers (&few, numbers, 64, &arena, NULL)));
    assert_true (bg_is_ok (wire_audience_set_numbers (&many, numbers, 65, &arena, NULL)));
    assert_int_equal (few.numbers_count, 64);
    assert_int_equal (few.set_bits.size, 0);
    assert_int_equal (many.numbers_count, 0);
    assert_int_equal (many.set_base, 100);
    assert_true (wire_audience_in_set (&many, 100));
    assert_false (wire_audience_in_set (&many, 101));
    assert_false (wire_audience_in_set (&many, 99));
    assert_false (wire_audience_in_set (&many, UINT64_MAX));
    assert_false (wire_audience_in_set (&few, 100));
    BG_AUTO_BUF text = {0};
    wire_audience_text (&many, &text);
    assert_string_equal (bg_buf_cstr (&text), "65 targets by number");
}

static void numbers_too_far_apart_are_refused (void **state)
{
    (void) state;
    BG_AUTO_ARENA arena = {0};
    uint32_t numbers[70];
    for (uint32_t i = 0; i < 70; i++)
        numbers[i] = 5 + i;
    wire_audience audience = {0};
    bg_error err = {0};
    numbers[69] = 5 + 65535;
    assert_true (bg_is_ok (wire_audience_set_numbers (&audience, numbers, 70, &arena, &err)));
    assert_true (matches (&audience, 5 + 65535));
    audience = (wire_audience){0};
    numbers[69] = 5 + 65536;
    assert_int_equal (
        wire_audience_set_numbers (&audience, numbers, 70, &arena, &err).code, BG_TOO_LARGE);
    assert_true (wire_audience_is_empty (&audience));
}

/*  A set that somebody made by hand.  */
static void the_ends_of_a_set_do_not_run_over (void **state)
{
    (void) state;
    const uint8_t bits[] = {0x81};
    const wire_audience audience = {
        .set_base = UINT32_MAX, .set_bits = bg_slice_of (bits, sizeof bits)};
    assert_true (matches (&audience, UINT32_MAX));
    assert_false (matches (&audience, 0));
    assert_true (matches (&audience, (uint64_t) UINT32_MAX + 7));
    assert_false (matches (&audience, (uint64_t) UINT32_MAX + 8));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (numbers_are_matched_exactly),
        cmocka_unit_test (few_are_listed_and_many_are_a_set),
        cmocka_unit_test (numbers_too_far_apart_are_refused),
        cmocka_unit_test (the_ends_of_a_set_do_not_run_over),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
