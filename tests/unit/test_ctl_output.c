/*  The six forms of output, talk on stderr, and what happens to text of others.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ctl/output.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
    ctl_output *out;
    FILE *data, *talk;
    char *data_text, *talk_text;
    size_t data_size, talk_size;
} capture;

static void open_capture (capture *self, ctl_output_options options)
{
    *self = (capture){0};
    self->data = open_memstream (&self->data_text, &self->data_size);
    self->talk = open_memstream (&self->talk_text, &self->talk_size);
    options.data = self->data;
    options.talk = self->talk;
    self->out = ctl_output_create (&options);
}

static void flush_capture (capture *self)
{
    (void) fflush (self->data);
    (void) fflush (self->talk);
}

static void close_capture (capture *self)
{
    ctl_output_destroy (&self->out);
    (void) fclose (self->data);
    (void) fclose (self->talk);
    free (self->data_text);
    free (self->talk_text);
}

static void check (capture *self, const char *data, const char *talk)
{
    flush_capture (self);
    assert_string_equal (self->data_text, data);
    assert_string_equal (self->talk_text, talk);
    close_capture (self);
}

static void print_custom (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    if (json_is_true (json_object_get (row, "up")))
        bg_buf_append_str (text, "yes!");
}

static const ctl_column columns[] = {
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"state", "STATE", CTL_CELL_STATE, CTL_NORMAL, NULL},
    {"runs", "RUNS", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"seen", "SEEN", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"targets", "TARGETS", CTL_CELL_NAMES, CTL_NORMAL, NULL},
    {"labels", "LABELS", CTL_CELL_LIST, CTL_WIDE, NULL},
    {"took", "TOOK", CTL_CELL_DURATION, CTL_WIDE, NULL},
    {"id", "ID", CTL_CELL_ID, CTL_WIDE, NULL},
    {"up", "UP", CTL_CELL_YES, CTL_WIDE, NULL},
    {NULL, "CUSTOM", CTL_CELL_TEXT, CTL_WIDE, print_custom},
};
#define COLUMNS (sizeof columns / sizeof columns[0])

static void list_of_two (capture *self, bool more, size_t total)
{
    ctl_list_begin (self->out, "jobs", columns, COLUMNS, "name");
    ctl_list_row (self->out,
        json_pack ("{s:s, s:s, s:i, s:o, s:[s,s,s], s:{s:s}, s:f, s:s, s:b}", "name", "backup",
            "state", "succeeded", "runs", 12, "seen", ctl_json_time (INT64_C (1772366400000000)),
            "targets", "db01", "db02", "db03", "labels", "role", "db", "took", 4.25, "id",
            "01abcdefghjkmnpqrstvwxyz01", "up", 1));
    ctl_list_row (self->out, json_pack ("{s:s, s:s, s:i, s:n, s:[]}", "name", "z", "state",
                                 "failed", "runs", 3, "seen", "targets"));
    ctl_list_end (self->out, more, total);
}

static void a_table_is_aligned_and_has_no_blanks_at_line_ends (void **state)
{
    (void) state;
    capture self;
    open_capture (&self, (ctl_output_options){.form = CTL_FORM_TABLE, .is_utc = true});
    list_of_two (&self, false, 2);
    check (&self,
        "NAME    STATE      RUNS  SEEN                   TARGETS\n"
        "backup  succeeded    12  2026-03-01 12:00:00 Z  db[01-03]\n"
        "z       failed        3  -                      -\n",
        "");
}

static void wide_has_all_columns_and_whole_ids (void **state)
{
    (void) state;
    capture self;
    open_capture (
        &self, (ctl_output_options){.form = CTL_FORM_WIDE, .is_utc = true, .no_header = true});
    list_of_two (&self, false, 2);
    check (&self,
        "backup  succeeded    12  2026-03-01 12:00:00 Z  db[01-03]  role=db  4.2s  "
        "01abcdefghjkmnpqrstvwxyz01  yes  yes!\n"
        "z       failed        3  -                      -          -        -     "
        "-                           -    -\n",
        "");
}

static void json_has_a_schema_and_all_fields (void **state)
{
    (void) state;
    capture self;
    open_capture (&self, (ctl_output_options){.form = CTL_FORM_JSON});
    list_of_two (&self, true, 9);
    flush_capture (&self);
    json_error_t where;
    json_t *all = json_loads (self.data_text, 0, &where);
    assert_non_null (all);
    assert_int_equal (json_integer_value (json_object_get (all, "schema")), CTL_SCHEMA);
    assert_string_equal (json_string_value (json_object_get (all, "kind")), "jobs");
    assert_true (json_is_true (json_object_get (all, "more")));
    const json_t *first = json_array_get (json_object_get (all, "items"), 0);
    assert_string_equal (
        json_string_value (json_object_get (first, "seen")), "2026-03-01T12:00:00Z");
    assert_string_equal (
        json_string_value (json_object_get (first, "id")), "01abcdefghjkmnpqrstvwxyz01");
    assert_non_null (strstr (self.data_text, "\"took\": 4.25"));
    assert_string_equal (self.talk_text, "2 of 9 jobs shown; --limit shows more\n");
    json_decref (all);
    close_capture (&self);
}

static void jsonl_is_one_object_a_line (void **state)
{
    (void) state;
    capture self;
    open_capture (&self, (ctl_output_options){.form = CTL_FORM_JSONL});
    ctl_list_begin (self.out, "runs", columns, COLUMNS, "name");
    ctl_list_row (self.out, json_pack ("{s:s}", "name", "a"));
    ctl_list_row (self.out, json_pack ("{s:s}", "name", "b"));
    ctl_list_end (self.out, true, 0);
    check (&self, "{\"schema\":1,\"name\":\"a\"}\n{\"schema\":1,\"name\":\"b\"}\n",
        "the first 2 runs shown; --limit shows more\n");
}

static void names_come_one_a_line (void **state)
{
    (void) state;
    capture self;
    open_capture (&self, (ctl_output_options){.form = CTL_FORM_NAME});
    list_of_two (&self, false, 2);
    check (&self, "backup\nz\n", "");
}

static void an_empty_list_says_so_on_stderr_only (void **state)
{
    (void) state;
    capture self;
    open_capture (&self, (ctl_output_options){.form = CTL_FORM_TABLE});
    ctl_list_begin (self.out, "jobs", columns, COLUMNS, "name");
    assert_int_equal (ctl_list_count (self.out), 0);
    ctl_list_end (self.out, false, 0);
    check (&self, "", "no jobs\n");
}

static void states_are_coloured_only_when_asked (void **state)
{
    (void) state;
    capture self;
    open_capture (&self, (ctl_output_options){.form = CTL_FORM_TABLE, .has_color = true});
    list_of_two (&self, false, 2);
    flush_capture (&self);
    assert_non_null (strstr (self.data_text, "\033[32m"));
    assert_non_null (strstr (self.data_text, "\033[31m"));
    close_capture (&self);
}

static void an_object_has_lines_of_fields_for_people (void **state)
{
    (void) state;
    static const ctl_column fields[] = {
        {"name", "Name", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {"nothing", "Nothing", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {"runs", "Runs so far", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
        {"id", "Id", CTL_CELL_ID, CTL_WIDE, NULL},
    };
    static const struct {
        ctl_form form;
        const char *data;
    } rows[] = {
        {CTL_FORM_TABLE, "Name:         x\nRuns so far:  0\n"},
        {CTL_FORM_WIDE, "Name:         x\nRuns so far:  0\nId:           abc\n"},
        {CTL_FORM_JSON, "{\n  \"schema\": 1,\n  \"kind\": \"job\",\n  \"name\": \"x\",\n  "
                        "\"runs\": 0,\n  \"id\": "
                        "\"abc\"\n}\n"},
        {CTL_FORM_JSONL,
            "{\"schema\":1,\"kind\":\"job\",\"name\":\"x\",\"runs\":0,\"id\":\"abc\"}\n"},
        {CTL_FORM_YAML, "schema: 1\nkind: job\nname: x\nruns: 0\nid: abc\n"},
        {CTL_FORM_NAME, "x\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        capture self;
        open_capture (&self, (ctl_output_options){.form = rows[i].form});
        ctl_object (self.out, "job", fields, 4, "name",
            json_pack ("{s:s, s:i, s:s}", "name", "x", "runs", 0, "id", "abc"));
        check (&self, rows[i].data, "");
    }
}

static void a_section_is_indented_and_absent_when_empty (void **state)
{
    (void) state;
    capture self;
    json_t *none = json_array ();
    json_t *rows = json_pack ("[{s:s, s:i}]", "name", "x", "runs", 7);
    static const ctl_column two[] = {
        {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {"runs", "RUNS", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    };
    open_capture (&self, (ctl_output_options){.form = CTL_FORM_TABLE});
    ctl_section (self.out, "Steps", two, 2, none);
    ctl_section (self.out, "Steps", two, 2, rows);
    check (&self, "\nSteps\n  NAME  RUNS\n  x        7\n", "");
    json_decref (none);
    json_decref (rows);
}

static void talk_heeds_quiet_and_verbose (void **state)
{
    (void) state;
    static const struct {
        bool is_quiet, is_verbose;
        const char *talk;
    } rows[] = {
        {false, false, "a note 1\nwarning: beware\n"},
        {false, true, "a note 1\na detail\nwarning: beware\n"},
        {true, true, "warning: beware\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        capture self;
        open_capture (&self,
            (ctl_output_options){.is_quiet = rows[i].is_quiet, .is_verbose = rows[i].is_verbose});
        ctl_note (self.out, "a note %d", 1);
        ctl_detail (self.out, "a detail");
        ctl_warn (self.out, "beware");
        check (&self, "", rows[i].talk);
    }
}

static void an_error_is_said_in_lines_under_each_other (void **state)
{
    (void) state;
    capture self;
    bg_error err = {0};
    open_capture (&self, (ctl_output_options){.is_quiet = true});
    bg_ignore (bg_fail (&err, BG_NOT_FOUND, "there is no job 'x'\x1b[31m"));
    bg_ignore (bg_hint (&err, "did you mean y?\nsee: bugle job list"));
    ctl_print_error (self.out, &err);
    check (&self, "",
        "error: there is no job 'x'?[31m\n       did you mean y?\n       see: bugle job list\n");
}

static void an_error_names_its_reason_when_asked_for_more (void **state)
{
    (void) state;
    capture self;
    bg_error err = {0};
    open_capture (&self, (ctl_output_options){.is_verbose = true});
    bg_ignore (bg_fail (&err, BG_TOKEN, "the token has expired"));
    ctl_print_error (self.out, &err);
    check (&self, "",
        "error: the token has expired\n       reason: token (bugle explain token)\n");
}

static void text_of_others_cannot_steer_a_terminal (void **state)
{
    (void) state;
    static const struct {
        const char *text;
        bool is_multiline;
        const char *wanted;
    } rows[] = {
        {"plain", false, "plain"},
        {"\x1b[2Jgone", true, "?[2Jgone"},
        {"a\nb\tc", true, "a\nb\tc"},
        {"a\nb\tc", false, "a b c"},
        {"safe\rEVIL", true, "safe\nEVIL"},
        {"a\r\nb", true, "a\nb"},
        {"\xff\xfe", true, "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"gr\xc3\xbc\xc3\x9f", false, "gr\xc3\xbc\xc3\x9f"},
        {"cut \xc3", false, "cut \xEF\xBF\xBD"},
        {"\xe2\x80\xae"
         "flip",
            false, "?flip"},
        {"\xc2\x9b"
         "31m",
            false, "?31m"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        BG_AUTO_BUF out = {0};
        ctl_clean (bg_slice_str (rows[i].text), rows[i].is_multiline, &out);
        assert_string_equal (bg_buf_cstr (&out), rows[i].wanted);
    }
}

static void bytes_with_a_nul_become_a_string (void **state)
{
    (void) state;
    json_t *value = ctl_json_slice (bg_slice_of ("a\0b", 3));
    assert_string_equal (json_string_value (value), "a?b");
    json_decref (value);
    value = ctl_json_text_or_null (bg_slice_of (NULL, 0));
    assert_true (json_is_null (value));
    json_decref (value);
}

static void yaml_quotes_what_would_read_as_something_else (void **state)
{
    (void) state;
    json_t *value = json_pack (
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:n, s:[], s:{}, s:[i,[s,s],{s:s,s:s}]}", "plain",
        "two words", "no", "no", "number", "12", "empty", "", "multi", "a\nb: c", "colon", "a: b",
        "int", 5, "yes", 1, "nil", "list", "map", "nested", 1, "a", "b", "k", "v", "k2", "v2");
    BG_AUTO_BUF out = {0};
    assert_non_null (value);
    ctl_yaml_write (value, &out);
    assert_string_equal (bg_buf_cstr (&out), "plain: two words\n"
                                             "\"no\": \"no\"\n"
                                             "number: \"12\"\n"
                                             "empty: \"\"\n"
                                             "multi: \"a\\nb: c\"\n"
                                             "colon: \"a: b\"\n"
                                             "int: 5\n"
                                             "\"yes\": true\n"
                                             "nil: null\n"
                                             "list: []\n"
                                             "map: {}\n"
                                             "nested:\n"
                                             "  - 1\n"
                                             "  - - a\n"
                                             "    - b\n"
                                             "  - k: v\n"
                                             "    k2: v2\n");
    json_decref (value);
}

static void forms_have_words (void **state)
{
    (void) state;
    ctl_form form = CTL_FORM_TABLE;
    assert_true (ctl_form_parse ("jsonl", &form));
    assert_int_equal (form, CTL_FORM_JSONL);
    assert_false (ctl_form_parse ("xml", &form));
    assert_int_equal (form, CTL_FORM_JSONL);
}

int main (void)
{
    (void) setenv ("TZ", "UTC", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_table_is_aligned_and_has_no_blanks_at_line_ends),
        cmocka_unit_test (wide_has_all_columns_and_whole_ids),
        cmocka_unit_test (json_has_a_schema_and_all_fields),
        cmocka_unit_test (jsonl_is_one_object_a_line),
        cmocka_unit_test (names_come_one_a_line),
        cmocka_unit_test (an_empty_list_says_so_on_stderr_only),
        cmocka_unit_test (states_are_coloured_only_when_asked),
        cmocka_unit_test (an_object_has_lines_of_fields_for_people),
        cmocka_unit_test (a_section_is_indented_and_absent_when_empty),
        cmocka_unit_test (talk_heeds_quiet_and_verbose),
        cmocka_unit_test (an_error_is_said_in_lines_under_each_other),
        cmocka_unit_test (an_error_names_its_reason_when_asked_for_more),
        cmocka_unit_test (text_of_others_cannot_steer_a_terminal),
        cmocka_unit_test (bytes_with_a_nul_become_a_string),
        cmocka_unit_test (yaml_quotes_what_would_read_as_something_else),
        cmocka_unit_test (forms_have_words),
    };
    return cmocka_run_group_tests_name ("ctl_output", tests, NULL, NULL);
}
