/*  Help as people see it, against files: one per page, in ctl_help/. With BUGLE_BLESS=1 they are
 * written anew.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/sys/file.h"
#include "ctl/help.h"

#include <stdlib.h>

#define LIMIT (64 * 1024)

static void check_page (const char *name, const bg_buf *text)
{
    BG_AUTO_CHAR path = bg_strdup_printf ("%s/%s.txt", CTL_GOLDEN, name);
    BG_AUTO_BUF golden = {0};
    bg_error err = {0};
    if (getenv ("BUGLE_BLESS") != NULL)
        assert_int_equal (bg_file_replace (path, bg_buf_slice (text), 0644, &err).code, BG_OK);
    assert_int_equal (bg_file_read (path, LIMIT, &golden, &err).code, BG_OK);
    if (!bg_slice_equal (bg_buf_slice (&golden), bg_buf_slice (text)))
        fail_msg ("help differs from %s (BUGLE_BLESS=1 writes it anew):\n%.*s", path,
            BG_SLICE_ARG (bg_buf_slice (text)));
}

/*  No line is wider than a terminal, except examples; no blanks at the ends.  */
static void check_shape (const bg_buf *text)
{
    bg_slice all = bg_buf_slice (text);
    size_t start = 0;
    for (size_t i = 0; i < all.size; i++) {
        if (all.data[i] != '\n')
            continue;
        bool is_example = i - start > 8 && memcmp (all.data + start, "  bugle ", 8) == 0;
        assert_true (is_example || i - start <= 78);
        assert_true (i == start || all.data[i - 1] != ' ');
        start = i + 1;
    }
    assert_int_equal (start, all.size);
}

static void top_page (void **state)
{
    (void) state;
    BG_AUTO_BUF text = {0};
    ctl_help_top (&text);
    check_shape (&text);
    check_page ("bugle", &text);
}

static void noun_pages (void **state)
{
    (void) state;
    for (size_t i = 0; i < ctl_noun_count; i++) {
        BG_AUTO_BUF text = {0};
        ctl_help_noun (&ctl_nouns[i], &text);
        check_shape (&text);
        check_page (ctl_nouns[i].word, &text);
    }
}

static void command_pages (void **state)
{
    (void) state;
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++) {
        BG_AUTO_BUF text = {0};
        BG_AUTO_CHAR name =
            ctl_commands[i].noun[0] != '\0'
                ? bg_strdup_printf ("%s-%s", ctl_commands[i].noun, ctl_commands[i].verb)
                : bg_strdup (ctl_commands[i].verb);
        ctl_help_command (&ctl_commands[i], &text);
        check_shape (&text);
        check_page (name, &text);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (top_page),
        cmocka_unit_test (noun_pages),
        cmocka_unit_test (command_pages),
    };
    return cmocka_run_group_tests_name ("ctl_help", tests, NULL, NULL);
}
