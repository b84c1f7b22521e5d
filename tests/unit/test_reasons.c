/*  The table of reasons: every code that can refuse has exactly one row that tells what to do.  */
#include "common/base/err.h"
#include "common/base/reasons.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void every_code_has_a_row (void **state)
{
    (void) state;
#define BG_CODE(name, number, word, class, exit, text)                                             \
    if (number != 0 && !bg_reason_find (bg_slice_str (word)))                                      \
        fail_msg ("codes.def has %s, reasons.def has not", word);
#include "common/base/codes.def"
#undef BG_CODE
}

static void every_row_is_whole_and_alone (void **state)
{
    (void) state;
    size_t count = 0;
    for (const bg_reason *row = bg_reasons; row->word; row++, count++) {
        const char *const texts[] = {row->meaning, row->broker, row->target, row->cure};
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            const size_t size = strlen (texts[i]);
            if (strcmp (texts[i], "-") != 0 && (size < 8 || texts[i][size - 1] != '.'))
                fail_msg ("%s: \"%s\" is not a sentence", row->word, texts[i]);
        }
        if (strcmp (row->broker, "-") == 0 && strcmp (row->target, "-") == 0)
            fail_msg ("%s shows nowhere", row->word);
        if (bg_reason_find (bg_slice_str (row->word)) != row)
            fail_msg ("%s is there twice", row->word);
    }
    assert_true (count > 50);
}

static void words_are_found_whole (void **state)
{
    (void) state;
    assert_string_equal (bg_reason_find (bg_slice_str ("policy"))->word, "policy");
    assert_null (bg_reason_find (bg_slice_str ("polic")));
    assert_null (bg_reason_find (bg_slice_str ("")));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (every_code_has_a_row),
        cmocka_unit_test (every_row_is_whole_and_alone),
        cmocka_unit_test (words_are_found_whole),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
