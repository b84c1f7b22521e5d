/*  Selectors: meaning, limits, and where the caret stands.  */
#include "common/job/selector.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

/*  Labels "a=1 b=2": no more syntax than tests need.  */
static bool matches (const char *text, const char *labels_text)
{
    job_label labels[16];
    size_t count = 0;
    const char *at = labels_text;
    while (*at) {
        size_t key = strcspn (at, "=");
        size_t value = strcspn (at + key + 1, " ");
        labels[count++] = (job_label){bg_slice_of (at, key), bg_slice_of (at + key + 1, value)};
        at += key + 1 + value;
        at += strspn (at, " ");
    }
    job_selector *selector = NULL;
    bg_error err = {0};
    if (bg_failed (job_selector_parse (bg_slice_str (text), &selector, &err, NULL)))
        fail_msg ("%s: %s", text, err.message);
    bool is_match = job_selector_match (selector, labels, count);
    job_selector_destroy (&selector);
    assert_null (selector);
    return is_match;
}

static void test_terms (void **state)
{
    (void) state;
    assert_true (matches ("role=db", "role=db env=prod"));
    assert_false (matches ("role=db", "role=web"));
    assert_false (matches ("role=db", ""));
    assert_false (matches ("role=db", "role=DB"));
    assert_true (matches ("env!=test", "env=prod"));
    assert_false (matches ("env!=test", "env=test"));
    assert_true (matches ("env!=test", "role=db"));
    assert_true (matches ("zone in (a,b)", "zone=b"));
    assert_false (matches ("zone in (a,b)", "zone=c"));
    assert_false (matches ("zone in (a,b)", ""));
    assert_false (matches ("zone notin (a,b)", "zone=b"));
    assert_true (matches ("zone notin (a,b)", "zone=c"));
    assert_true (matches ("zone notin (a,b)", ""));
    assert_true (matches ("gpu", "gpu=no"));
    assert_false (matches ("gpu", "cpu=no"));
    assert_true (matches ("!gpu", "cpu=no"));
    assert_false (matches ("!gpu", "gpu=yes"));
}

static void test_comma_is_and (void **state)
{
    (void) state;
    assert_true (matches ("role=db,env!=test", "role=db env=prod"));
    assert_false (matches ("role=db,env!=test", "role=db env=test"));
    assert_false (matches ("role=db,env!=test", "role=web env=prod"));
    assert_true (matches ("zone in (a,b),!gpu,role", "role=x zone=a"));
}

static void test_blanks_and_words_that_look_like_conditions (void **state)
{
    (void) state;
    assert_true (matches ("  role = db , env != test ", "role=db"));
    assert_true (matches ("zone in( a , b )", "zone=a"));
    assert_true (matches ("! gpu", ""));
    assert_true (matches ("in in (in)", "in=in"));
    assert_true (matches ("notin,in", "notin=1 in=2"));
    assert_true (matches ("example.org/rack-1_a=r/1", "example.org/rack-1_a=r/1"));
}

static void assert_refused (const char *text, size_t place)
{
    job_selector *selector = NULL;
    bg_error err = {0};
    size_t offset = 999;
    assert_int_equal (
        job_selector_parse (bg_slice_str (text), &selector, &err, &offset).code, BG_INVALID);
    if (offset != place)
        fail_msg ("%s: offset %zu: %s", text, offset, err.message);
    assert_null (selector);
    assert_true (bg_failed (job_selector_parse (bg_slice_str (text), &selector, NULL, NULL)));
}

static void test_mistakes_are_refused_with_their_place (void **state)
{
    (void) state;
    assert_refused ("", 0);
    assert_refused ("  ", 0);
    assert_refused (",", 0);
    assert_refused ("a=1,", 4);
    assert_refused ("a=", 2);
    assert_refused ("a==1", 2);
    assert_refused ("a!1", 2);
    assert_refused ("=1", 0);
    assert_refused ("a b", 2);
    assert_refused ("a in b", 5);
    assert_refused ("a in ()", 6);
    assert_refused ("a in (b", 7);
    assert_refused ("a in (b,)", 8);
    assert_refused ("a in (b))", 8);
    assert_refused ("a=1 b=2", 4);
    assert_refused ("-a=1", 0);
    assert_refused ("a=.b", 2);
    assert_refused ("a=1;b=2", 3);
    assert_refused ("!a=1", 2);
    assert_refused ("a \xc3\xbc", 2);
}

static void test_limits (void **state)
{
    (void) state;
    job_selector *selector = NULL;
    BG_AUTO_BUF text = {0};
    for (int i = 0; i < JOB_SELECTOR_TERMS_MAX; i++)
        bg_buf_printf (&text, "%sk%d", i ? "," : "", i);
    assert_true (bg_is_ok (job_selector_parse (bg_buf_slice (&text), &selector, NULL, NULL)));
    job_selector_destroy (&selector);
    bg_buf_append_str (&text, ",more");
    assert_int_equal (
        job_selector_parse (bg_buf_slice (&text), &selector, NULL, NULL).code, BG_INVALID);
    bg_buf_clear (&text);
    bg_buf_append_str (&text, "k in (v");
    for (int i = 1; i < JOB_SELECTOR_VALUES_MAX; i++)
        bg_buf_printf (&text, ",v%d", i);
    size_t size = text.size;
    bg_buf_append_str (&text, ")");
    assert_true (bg_is_ok (job_selector_parse (bg_buf_slice (&text), &selector, NULL, NULL)));
    job_selector_destroy (&selector);
    text.size = size;
    bg_buf_append_str (&text, ",more)");
    assert_int_equal (
        job_selector_parse (bg_buf_slice (&text), &selector, NULL, NULL).code, BG_INVALID);
    char word[JOB_LABEL_MAX + 2];
    memset (word, 'x', sizeof word);
    assert_true (job_label_word_valid (bg_slice_of (word, JOB_LABEL_MAX)));
    assert_false (job_label_word_valid (bg_slice_of (word, JOB_LABEL_MAX + 1)));
    assert_true (
        bg_is_ok (job_selector_parse (bg_slice_of (word, JOB_LABEL_MAX), &selector, NULL, NULL)));
    job_selector_destroy (&selector);
    assert_true (bg_failed (
        job_selector_parse (bg_slice_of (word, JOB_LABEL_MAX + 1), &selector, NULL, NULL)));
    static char large[JOB_SELECTOR_TEXT_MAX + 1];
    memset (large, ' ', sizeof large);
    assert_int_equal (
        job_selector_parse (bg_slice_of (large, sizeof large), &selector, NULL, NULL).code,
        BG_TOO_LARGE);
}

static void test_words (void **state)
{
    (void) state;
    assert_true (job_label_word_valid (bg_slice_str ("a")));
    assert_true (job_label_word_valid (bg_slice_str ("9.a_b/c-")));
    assert_false (job_label_word_valid (bg_slice_str ("")));
    assert_false (job_label_word_valid (bg_slice_str ("-a")));
    assert_false (job_label_word_valid (bg_slice_str ("a b")));
    assert_false (job_label_word_valid (bg_slice_str ("a=b")));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_terms),
        cmocka_unit_test (test_comma_is_and),
        cmocka_unit_test (test_blanks_and_words_that_look_like_conditions),
        cmocka_unit_test (test_mistakes_are_refused_with_their_place),
        cmocka_unit_test (test_limits),
        cmocka_unit_test (test_words),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
