/*  UTF-8: what is well-formed, how long it is, what steers a terminal.  */
#include "common/base/utf8.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static bool valid (const char *text)
{
    return bg_utf8_valid (bg_slice_str (text));
}

static void test_well_formed_text_is_valid (void **state)
{
    (void) state;
    assert_true (valid (""));
    assert_true (valid ("plain"));
    assert_true (valid ("gr\xc3\xbc\xc3\x9f"));
    assert_true (valid ("\xe2\x82\xac"));
    assert_true (valid ("\xf0\x9f\x90\x9d"));
    assert_true (valid ("\xf4\x8f\xbf\xbf"));
    assert_true (bg_utf8_valid (bg_slice_of ("a\0b", 3)));
}

static void test_ill_formed_text_is_not (void **state)
{
    (void) state;
    static const char *const wrong[] = {
        "\x80",             /*  continues nothing  */
        "\xc3",             /*  cut off  */
        "\xc3(",            /*  not continued  */
        "\xc0\xaf",         /*  overlong '/'  */
        "\xe0\x80\xaf",     /*  overlong '/'  */
        "\xf0\x80\x80\xaf", /*  overlong '/'  */
        "\xed\xa0\x80",     /*  surrogate  */
        "\xf4\x90\x80\x80", /*  above U+10FFFF  */
        "\xf8\x88\x80\x80\x80",
        "\xff",
        "ok\xe2\x82",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false (valid (wrong[i]));
}

static void test_length_counts_characters (void **state)
{
    (void) state;
    assert_int_equal (bg_utf8_length (bg_slice_str ("")), 0);
    assert_int_equal (bg_utf8_length (bg_slice_str ("gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x9d")), 6);
}

static void test_control_characters_are_found (void **state)
{
    (void) state;
    static const char *const wrong[] = {
        "a\x01",
        "\x1b[31m",
        "\x7f",
        "\xc2\x85",
        "\xe2\x80\xae",
        "\xe2\x80\xa8",
        "\xe2\x81\xa6",
        "\xef\xbb\xbf",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_true (bg_has_control (bg_slice_str (wrong[i]), true));
    assert_true (bg_has_control (bg_slice_str ("a\nb"), false));
    assert_true (bg_has_control (bg_slice_str ("a\tb"), false));
    assert_false (bg_has_control (bg_slice_str ("a\n\tb"), true));
    assert_true (bg_has_control (bg_slice_str ("a\rb"), true));
    assert_true (bg_has_control (bg_slice_of ("a\0b", 3), true));
    assert_false (bg_has_control (bg_slice_str ("B\xc3\xa4r \xe2\x82\xac"), false));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_well_formed_text_is_valid),
        cmocka_unit_test (test_ill_formed_text_is_not),
        cmocka_unit_test (test_length_counts_characters),
        cmocka_unit_test (test_control_characters_are_found),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
