/*  The table of the keys of job files and the guide about them: every example is read, every wrong one
    refused, every default that is stored as 0 is one, every test that a row names is there, and the
    guide's files are read without a word.

    The root of the source tree is BUGLE_SOURCE.  */
#include "common/job/fields.h"

#include "common/job/yaml_job.h"
#include "common/sys/file.h"
#include "tests/unit/job_yaml_open.h"

#include <stdio.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define FILE_MAX (1024 * 1024)

typedef struct {
    job_zone *utc;
    job_yaml_set *set;
    bg_diag *diag;
} reading;

static void read_text (reading *self, bg_slice text)
{
    *self = (reading){.utc = job_zone_fixed_utc (), .diag = bg_diag_create ()};
    const job_yaml_ports ports = {
        .ctx = self->utc, .zone = any_zone, .ics = any_ics, .today = 20260310};
    self->set = job_yaml_set_create (&ports);
    bg_ignore (job_yaml_read (self->set, "file", text, self->diag, NULL));
}

static void reading_fini (reading *self)
{
    job_yaml_set_destroy (&self->set);
    bg_diag_destroy (&self->diag);
    job_zone_destroy (&self->utc);
}

static void read_inside (reading *self, job_map map, const char *inside)
{
    BG_AUTO_BUF text = {0};
    job_field_file (map, inside, &text);
    read_text (self, bg_buf_slice (&text));
}

static void test_each_row_is_whole (void **state)
{
    (void) state;
    size_t count;
    const job_field *fields = job_fields (&count);
    for (size_t i = 0; i < count; i++) {
        const job_field *field = &fields[i];
        if (field->kind == JOB_FIELD_LATER)
            continue;
        if (!field->otherwise || !field->meaning || !field->right || !field->wrong[0] ||
            !field->test)
            fail_msg ("%s lacks its default, meaning, examples or test", field->key);
        if (!field->value && (field->kind == JOB_FIELD_PART || field->kind == JOB_FIELD_TOGETHER))
            fail_msg ("%s does not say which values it takes", field->key);
        if (!strstr (field->right, field->key))
            fail_msg ("the example of %s does not use it", field->key);
        for (size_t j = 0; j < i; j++) {
            if (fields[j].map == field->map && strcmp (fields[j].key, field->key) == 0)
                fail_msg ("%s is there twice", field->key);
        }
    }
}

static void test_each_example_is_read_and_each_wrong_one_refused (void **state)
{
    (void) state;
    size_t count;
    const job_field *fields = job_fields (&count);
    for (size_t i = 0; i < count; i++) {
        const job_field *field = &fields[i];
        reading it;
        if (field->kind == JOB_FIELD_LATER)
            continue;
        read_inside (&it, field->map, field->right);
        if (bg_diag_kept (it.diag) > 0)
            fail_msg ("%s: %s", field->right, bg_diag_get (it.diag, 0).message);
        assert_int_equal (job_yaml_documents (it.set), 1);
        reading_fini (&it);
        for (size_t j = 0; j < JOB_WRONG_MAX && field->wrong[j]; j++) {
            read_inside (&it, field->map, field->wrong[j]);
            if (bg_diag_count (it.diag) != 1)
                fail_msg ("%s: %zu mistakes", field->wrong[j], bg_diag_count (it.diag));
            reading_fini (&it);
        }
    }
}

/*  `KEY: DEFAULT` gives the bytes of a file without it. The default is what stands between
    backquotes.  */
static void test_a_default_that_is_said_changes_nothing (void **state)
{
    (void) state;
    size_t count, tried = 0;
    const job_field *fields = job_fields (&count);
    for (size_t i = 0; i < count; i++) {
        const job_field *field = &fields[i];
        if (field->standard == 0)
            continue;
        BG_AUTO_BUF with = {0}, bytes = {0}, other = {0};
        reading it;
        bg_slice value = bg_slice_str (field->otherwise);
        assert_true (value.size > 2 && value.data[0] == '`');
        const char *base = field->map == JOB_MAP_SCHEDULE ? "every: 1h, misfire: all"
                           : field->map == JOB_MAP_RETRY  ? "attempts: 1"
                           : field->map == JOB_MAP_OUTPUT ? "file: /x"
                                                          : "run: [x]";
        bg_buf_printf (
            &with, "%s, %s: %.*s", base, field->key, (int) value.size - 2, field->otherwise + 1);
        read_inside (&it, field->map, bg_buf_cstr (&with));
        assert_int_equal (bg_diag_count (it.diag), 0);
        WIRE_ENCODE (job, job_yaml_job (it.set, 0), &bytes);
        reading_fini (&it);
        read_inside (&it, field->map, base);
        WIRE_ENCODE (job, job_yaml_job (it.set, 0), &other);
        reading_fini (&it);
        if (!bg_slice_equal (bg_buf_slice (&bytes), bg_buf_slice (&other)))
            fail_msg ("%s is not the default", bg_buf_cstr (&with));
        tried++;
    }
    assert_true (tried > 5);
}

/*  ---- the tests that are named ----  */

/*  "unit/test_x.c:name": a function of that name in that file under tests/.  */
static void assert_named_test (const char *named)
{
    BG_AUTO_BUF text = {0};
    bg_error err = {0};
    const char *colon = strchr (named, ':');
    if (!colon)
        fail_msg ("%s names no test", named);
    BG_AUTO_CHAR path =
        bg_strdup_printf ("%s/tests/%.*s", BUGLE_SOURCE, (int) (colon - named), named);
    if (bg_failed (bg_file_read (path, FILE_MAX, &text, &err)))
        fail_msg ("%s: %s", named, err.message);
    BG_AUTO_CHAR in_c = bg_strdup_printf ("void %s (void **", colon + 1);
    BG_AUTO_CHAR in_python = bg_strdup_printf ("def %s(self", colon + 1);
    const char *all = bg_buf_cstr (&text);
    if (!strstr (all, in_c) && !strstr (all, in_python))
        fail_msg ("there is no test %s", named);
}

static void assert_named_tests (const char *list)
{
    BG_AUTO_CHAR copy = bg_strdup (list);
    char *rest = NULL;
    for (char *one = strtok_r (copy, ", ", &rest); one; one = strtok_r (NULL, ", ", &rest))
        assert_named_test (one);
}

static void test_each_test_that_is_named_is_there (void **state)
{
    (void) state;
    size_t count;
    const job_field *fields = job_fields (&count);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].kind != JOB_FIELD_LATER)
            assert_named_tests (fields[i].test);
    }
    const job_agent_row *rows = job_agent_rows (&count);
    for (size_t i = 0; i < count; i++) {
        assert_true ((rows[i].kind == JOB_AGENT_NOT) == (rows[i].test == NULL));
        if (rows[i].test)
            assert_named_tests (rows[i].test);
    }
}

/*  ---- the guide ----  */

static void read_guide (bg_buf *text)
{
    bg_error err = {0};
    if (bg_failed (bg_file_read (BUGLE_SOURCE "/docs/job-file.md", FILE_MAX, text, &err)))
        fail_msg ("%s", err.message);
}

static void test_the_files_of_the_guide_are_read_without_a_word (void **state)
{
    (void) state;
    static const char open[] = "```yaml\n";
    BG_AUTO_BUF guide = {0};
    size_t files = 0;
    read_guide (&guide);
    const char *at = bg_buf_cstr (&guide);
    while ((at = strstr (at, open)) != NULL) {
        reading it;
        at += sizeof open - 1;
        const char *end = strstr (at, "\n```");
        assert_non_null (end);
        read_text (&it, bg_slice_of (at, (size_t) (end + 1 - at)));
        if (bg_diag_kept (it.diag) > 0) {
            BG_AUTO_BUF said = {0};
            bg_diag_print (it.diag, &said);
            fail_msg ("%s", bg_buf_cstr (&said));
        }
        reading_fini (&it);
        files++;
        at = end;
    }
    assert_true (files >= 6);
}

static void test_the_guide_uses_every_key (void **state)
{
    (void) state;
    BG_AUTO_BUF guide = {0};
    size_t count;
    const job_field *fields = job_fields (&count);
    read_guide (&guide);
    const char *text = bg_buf_cstr (&guide);
    for (size_t i = 0; i < count; i++) {
        BG_AUTO_CHAR used = bg_strdup_printf ("%s:", fields[i].key);
        BG_AUTO_CHAR named = bg_strdup_printf ("`%s`", fields[i].key);
        if (fields[i].kind != JOB_FIELD_LATER && !strstr (text, used) && !strstr (text, named))
            fail_msg ("docs/job-file.md does not tell of %s", fields[i].key);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_each_row_is_whole),
        cmocka_unit_test (test_each_example_is_read_and_each_wrong_one_refused),
        cmocka_unit_test (test_a_default_that_is_said_changes_nothing),
        cmocka_unit_test (test_each_test_that_is_named_is_there),
        cmocka_unit_test (test_the_files_of_the_guide_are_read_without_a_word),
        cmocka_unit_test (test_the_guide_uses_every_key),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
