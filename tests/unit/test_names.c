/*  Names: grammar, sameness, host lists, patterns.  */
#include "common/job/names.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

static bool object (const char *name)
{
    return bg_is_ok (job_object_name_valid (bg_slice_str (name), NULL));
}

static bool target (const char *name)
{
    bool is_valid = bg_is_ok (job_target_name_valid (bg_slice_str (name), NULL));
    assert_int_equal (is_valid, bg_is_ok (job_group_name_valid (bg_slice_str (name), NULL)));
    return is_valid;
}

static void test_names_of_brokers (void **state)
{
    static const char *const good[] = {"broker", "local", "Plant-2", "b.example.org"};
    static const char *const bad[] = {"", "-a", "a b", "a/b"};
    (void) state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal (job_broker_name_valid (bg_slice_str (good[i]), NULL).code, BG_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal (job_broker_name_valid (bg_slice_str (bad[i]), NULL).code, BG_INVALID);
}

static void test_object_names (void **state)
{
    (void) state;
    assert_true (object ("nightly-backup"));
    assert_true (object ("Dump every database"));
    assert_true (object ("gr\xc3\xbc\xc3\x9f"));
    assert_true (object ("a"));
    static const char *const wrong[] = {
        "", " a", "a ", "a%b", "local/a", "a\nb", "\x1b[1m", "\xc3", "a\xe2\x80\xae"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false (object (wrong[i]));
    BG_AUTO_BUF name = {0};
    for (int i = 0; i < JOB_NAME_MAX; i++)
        bg_buf_append_str (&name, "\xc3\xbc");
    assert_true (object (bg_buf_cstr (&name)));
    bg_buf_append_str (&name, "x");
    assert_false (object (bg_buf_cstr (&name)));
}

static void test_target_names (void **state)
{
    (void) state;
    assert_true (target ("web01"));
    assert_true (target ("9.example_a-b"));
    assert_true (target ("allotment"));
    static const char *const wrong[] = {
        "", "-web", ".web", "web 1", "web/1", "w\xc3\xbc", "all", "ALL", "Local", "broker"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false (target (wrong[i]));
    char name[JOB_NAME_MAX + 2];
    memset (name, 'x', sizeof name);
    assert_true (bg_is_ok (job_target_name_valid (bg_slice_of (name, JOB_NAME_MAX), NULL)));
    assert_false (bg_is_ok (job_target_name_valid (bg_slice_of (name, JOB_NAME_MAX + 1), NULL)));
    bg_error err = {0};
    assert_int_equal (job_target_name_valid (bg_slice_str ("web 1"), &err).code, BG_INVALID);
    assert_non_null (strstr (err.message, "character 4"));
}

static void test_case_does_not_tell_names_apart (void **state)
{
    (void) state;
    assert_int_equal (job_name_compare (bg_slice_str ("Web01"), bg_slice_str ("wEB01")), 0);
    assert_true (job_name_compare (bg_slice_str ("web1"), bg_slice_str ("WEB2")) < 0);
    assert_true (job_name_compare (bg_slice_str ("web"), bg_slice_str ("We")) > 0);
    assert_true (job_name_compare (bg_slice_str (""), bg_slice_str ("a")) < 0);
    BG_AUTO_BUF key = {0};
    job_name_key (bg_slice_str ("Dump-\xc3\x9c Z"), &key);
    assert_string_equal (bg_buf_cstr (&key), "dump-\xc3\x9c z");
}

static void assert_expands (const char *text, const char *wanted)
{
    job_names names = {0};
    bg_error err = {0};
    if (bg_failed (job_names_expand (bg_slice_str (text), 1000, &names, &err)))
        fail_msg ("%s: %s", text, err.message);
    BG_AUTO_BUF joined = {0};
    for (size_t i = 0; i < names.count; i++)
        bg_buf_printf (&joined, "%s%s", i ? " " : "", names.items[i]);
    assert_string_equal (bg_buf_cstr (&joined), wanted);
    job_names_fini (&names);
    job_names_fini (&names);
}

static void test_expansion (void **state)
{
    (void) state;
    assert_expands ("web01", "web01");
    assert_expands ("web[001-003,7]x", "web001x web002x web003x web7x");
    assert_expands ("web[8-11]", "web8 web9 web10 web11");
    assert_expands ("web[08-11]", "web08 web09 web10 web11");
    assert_expands ("web[098-101]", "web098 web099 web100 web101");
    assert_expands ("web[99-101]", "web99 web100 web101");
    assert_expands ("web[0-1]", "web0 web1");
    assert_expands ("r[1-2]n[01-02]", "r1n01 r1n02 r2n01 r2n02");
    assert_expands ("db1,web[1,3],db1", "db1 web1 web3 db1");
    assert_expands ("[5]", "5");
}

static void assert_not_expanded (const char *text, size_t limit, bg_code code)
{
    job_names names = {0};
    bg_error err = {0};
    if (job_names_expand (bg_slice_str (text), limit, &names, &err).code != code)
        fail_msg ("%s is not refused as it should be", text);
    assert_int_equal (names.count, 0);
    assert_true (err.message[0] != 0);
}

static void test_expansion_mistakes (void **state)
{
    (void) state;
    static const char *const wrong[] = {
        "",
        ",",
        "a,",
        "a,,b",
        "a[",
        "a]",
        "a[]",
        "a[1",
        "a[1-]",
        "a[-1]",
        "a[3-1]",
        "a[1,]",
        "a[,1]",
        "a[x]",
        "a[1-2-3]",
        "a[01-2]",
        "a[1-02]",
        "a[001-10]",
        "a[1234567890]",
        "a[[1]]",
        "a[1 2]",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_not_expanded (wrong[i], 100, BG_INVALID);
    assert_not_expanded ("a[1-100],b", 100, BG_TOO_LARGE);
    assert_not_expanded ("a[1-11][1-11]", 100, BG_TOO_LARGE);
    assert_not_expanded ("a[0-999999999][0-999999999]", 100, BG_TOO_LARGE);
    assert_not_expanded ("a[1-60,1-60]", 100, BG_TOO_LARGE);
}

/*  Splits at blanks, folds.  */
static void assert_folds (const char *text, const char *wanted)
{
    BG_AUTO_CHAR copy = bg_strdup (text);
    char *names[64];
    size_t count = 0;
    for (char *name = strtok (copy, " "); name; name = strtok (NULL, " "))
        names[count++] = name;
    BG_AUTO_BUF folded = {0};
    job_names_fold (names, count, &folded);
    assert_string_equal (bg_buf_cstr (&folded), wanted);
}

static void test_folding (void **state)
{
    (void) state;
    assert_folds ("", "");
    assert_folds ("web", "web");
    assert_folds ("web01", "web01");
    assert_folds ("web001 web002 web003 web040", "web[001-003,040]");
    assert_folds ("web1 web10 web11 web2 web9", "web[1-2,9-11]");
    assert_folds ("web098 web099 web100 web101", "web[098-101]");
    assert_folds ("web08 web09 web1 web10", "web[1,08-10]");
    assert_folds ("a1x a1y a2x a2y", "a[1-2]x,a[1-2]y");
    assert_folds ("db1 web1 web2 zoo", "db1,web[1-2],zoo");
    assert_folds ("web1 web1 web2", "web[1-2]");
    assert_folds ("r1n1 r1n2 r2n1", "r1n[1-2],r2n1");
    assert_folds ("n1234567890 n1234567891", "n1234567890,n1234567891");
    assert_folds ("n5", "n5");
}

static int compare_text (const void *left, const void *right)
{
    return strcmp (*(char *const *) left, *(char *const *) right);
}

static void test_folded_lists_expand_to_the_same_names (void **state)
{
    (void) state;
    uint64_t seed = 1234567;
    for (int round = 0; round < 300; round++) {
        char *names[40];
        size_t count = 0;
        for (size_t i = 0; i < 40; i++) {
            seed = seed * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
            unsigned random = (unsigned) (seed >> 33);
            char text[32];
            (void) snprintf (text, sizeof text, "%s%0*u%s", random & 1 ? "web" : "db-3x",
                (int) (random >> 1 & 3), (random >> 4) % 120, random & 8 ? ".lan" : "");
            bool is_new = true;
            for (size_t k = 0; k < count; k++)
                is_new = is_new && strcmp (names[k], text) != 0;
            if (is_new)
                names[count++] = bg_strdup (text);
        }
        BG_AUTO_BUF folded = {0};
        job_names_fold (names, count, &folded);
        job_names again = {0};
        assert_true (bg_is_ok (job_names_expand (bg_buf_slice (&folded), 100, &again, NULL)));
        assert_int_equal (again.count, count);
        qsort (names, count, sizeof names[0], compare_text);
        qsort (again.items, count, sizeof names[0], compare_text);
        for (size_t i = 0; i < count; i++) {
            assert_string_equal (names[i], again.items[i]);
            assert_true (job_name_matches (bg_buf_slice (&folded), bg_slice_str (names[i])));
            free (names[i]);
        }
        job_names_fini (&again);
    }
}

static bool matches (const char *pattern, const char *name)
{
    return job_name_matches (bg_slice_str (pattern), bg_slice_str (name));
}

static void test_patterns (void **state)
{
    (void) state;
    assert_true (matches ("web01", "WEB01"));
    assert_false (matches ("web01", "web011"));
    assert_false (matches ("web01", "web0"));
    assert_true (matches ("*", "anything"));
    assert_true (matches ("web*", "web"));
    assert_true (matches ("w*b*1", "wabb-b1"));
    assert_false (matches ("w*b*1", "wabb-b2"));
    assert_true (matches ("web?", "web1"));
    assert_false (matches ("web?", "web"));
    assert_true (matches ("web[a-c]", "webB"));
    assert_false (matches ("web[!a-c]", "webb"));
    assert_true (matches ("web[!a-c]", "webd"));
    assert_false (matches ("web[!a-c]", "web"));
    assert_true (matches ("web[x_-]", "web-"));
    assert_true (matches ("db,web*", "web7"));
    assert_true (matches ("web*,db", "db"));
    assert_false (matches ("web*,db", "dbx"));
}

static void test_number_patterns (void **state)
{
    (void) state;
    assert_true (matches ("web[001-040,7]", "web001"));
    assert_true (matches ("web[001-040,7]", "web040"));
    assert_true (matches ("web[001-040,7]", "web7"));
    assert_false (matches ("web[001-040,7]", "web041"));
    assert_false (matches ("web[001-040,7]", "web01"));
    assert_false (matches ("web[001-040,7]", "web0001"));
    assert_false (matches ("web[001-040,7]", "web07"));
    assert_true (matches ("web[98-101]", "web100"));
    assert_true (matches ("web[1-12]*", "web12-a"));
    assert_true (matches ("web[1-12]2", "web12"));
    assert_true (matches ("web[1-12]2", "web122"));
    assert_false (matches ("web[1-12]2", "web132"));
    assert_true (matches ("r[1-2]n[01-04].lan", "R2N03.lan"));
}

static void test_wrong_patterns_match_nothing (void **state)
{
    (void) state;
    static const char *const wrong[] = {
        "",
        ",",
        "a,",
        ",a",
        "a,,b",
        "a[",
        "a]",
        "a[]",
        "a[!]",
        "a[3-1]",
        "a[z-a]",
        "a[1-2",
        "a[-1]",
        "a\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        bg_error err = {0};
        if (bg_is_ok (job_name_pattern_valid (bg_slice_str (wrong[i]), &err)))
            fail_msg ("%s is not refused", wrong[i]);
        assert_false (matches (wrong[i], "a"));
        assert_true (err.message[0] != 0);
    }
    static char large[JOB_PATTERN_MAX + 1];
    memset (large, '*', sizeof large);
    assert_int_equal (
        job_name_pattern_valid (bg_slice_of (large, sizeof large), NULL).code, BG_TOO_LARGE);
    char name[JOB_NAME_MAX + 1];
    memset (name, 'x', sizeof name);
    assert_true (
        job_name_matches (bg_slice_of (large, JOB_PATTERN_MAX), bg_slice_of (name, JOB_NAME_MAX)));
    assert_false (job_name_matches (bg_slice_str ("*"), bg_slice_of (name, JOB_NAME_MAX + 1)));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_names_of_brokers),
        cmocka_unit_test (test_object_names),
        cmocka_unit_test (test_target_names),
        cmocka_unit_test (test_case_does_not_tell_names_apart),
        cmocka_unit_test (test_expansion),
        cmocka_unit_test (test_expansion_mistakes),
        cmocka_unit_test (test_folding),
        cmocka_unit_test (test_folded_lists_expand_to_the_same_names),
        cmocka_unit_test (test_patterns),
        cmocka_unit_test (test_number_patterns),
        cmocka_unit_test (test_wrong_patterns_match_nothing),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
