/*  Changing the text of a policy: only what is meant changes.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node/exec/policy_edit.h"

static const char whole[] = "# ours\n"
                            "[default]\n"
                            "account = jobs\n"
                            "\n"
                            "[proxy a]  # first\n"
                            "account = x  # who\n"
                            "# a note\n"
                            "logins = anna\n"
                            "\n"
                            "[proxy b]\n"
                            "account=y";

static bg_error err;

static const char *put (const char *text, const char *name, exec_proxy_lines lines, bg_buf *out)
{
    err = (bg_error){0};
    bg_result result = exec_policy_put_proxy (
        bg_slice_str (text), "policy", bg_slice_str (name), &lines, out, &err);
    return bg_is_ok (result) ? bg_buf_cstr (out) : bg_code_word (result.code);
}

static void a_new_proxy_stands_at_the_end (void **state)
{
    (void) state;
    BG_AUTO_BUF out = {0};
    BG_AUTO_BUF expected = {0};
    bg_buf_printf (&expected, "%s\n\n[proxy c]\naccount = z\nkinds = run\n", whole);
    assert_string_equal (put (whole, "c", (exec_proxy_lines){.account = "z", .kinds = "run"}, &out),
        bg_buf_cstr (&expected));
}

static void lines_are_replaced_where_they_stand (void **state)
{
    (void) state;
    BG_AUTO_BUF out = {0};
    assert_string_equal (
        put (whole, "A",
            (exec_proxy_lines){.account = "q", .groups = "g", .logins = "", .enabled = "no"}, &out),
        "# ours\n[default]\naccount = jobs\n\n[proxy a]  # first\naccount = q  # who\n# a note\n"
        "groups = g\nenabled = no\n\n[proxy b]\naccount=y");
}

static void the_last_section_may_lack_its_newline (void **state)
{
    (void) state;
    BG_AUTO_BUF out = {0};
    assert_non_null (strstr (
        put (whole, "b", (exec_proxy_lines){.root = "yes"}, &out), "account=y\nroot = yes\n"));
}

static void what_would_be_no_policy_is_refused (void **state)
{
    (void) state;
    BG_AUTO_BUF out = {0};
    assert_string_equal (put (whole, "a", (exec_proxy_lines){.kinds = "sql"}, &out), "invalid");
    assert_non_null (strstr (err.message, "kinds of steps"));
    bg_buf_clear (&out);
    assert_string_equal (put (whole, "new", (exec_proxy_lines){.root = "no"}, &out), "invalid");
    assert_string_equal (
        put (whole, "x]\n[default]", (exec_proxy_lines){.account = "a"}, &out), "invalid");
    assert_string_equal (
        put (whole, "a", (exec_proxy_lines){.account = "b\nroot = yes"}, &out), "invalid");
    assert_string_equal (put ("nonsense", "a", (exec_proxy_lines){0}, &out), "invalid");
}

static void a_removed_proxy_takes_its_section_with_it (void **state)
{
    (void) state;
    BG_AUTO_BUF out = {0};
    assert_int_equal (
        exec_policy_remove_proxy (bg_slice_str (whole), "policy", bg_slice_str ("a"), &out, &err)
            .code,
        BG_OK);
    assert_string_equal (
        bg_buf_cstr (&out), "# ours\n[default]\naccount = jobs\n\n[proxy b]\naccount=y");
    assert_int_equal (
        exec_policy_remove_proxy (bg_slice_str (whole), "policy", bg_slice_str ("c"), &out, &err)
            .code,
        BG_NOT_FOUND);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_new_proxy_stands_at_the_end),
        cmocka_unit_test (lines_are_replaced_where_they_stand),
        cmocka_unit_test (the_last_section_may_lack_its_newline),
        cmocka_unit_test (what_would_be_no_policy_is_refused),
        cmocka_unit_test (a_removed_proxy_takes_its_section_with_it),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
