/*  Nearest words, diagnostics, the YAML subset and configuration tables: every mistake is told, at
 * its place, at once.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/base/nearest.h"
#include "common/sys/conf.h"
#include "common/sys/yaml.h"
#include "tests/unit/temp_dir.h"

#include <stdlib.h>

static void test_nearest (void **state)
{
    static const char *const words[] = {
        "schedules", "steps", "targets", "job", "on_failure", "on_success"};
    static const struct {
        const char *typed, *nearest;
    } rows[] = {{"schedule", "schedules"}, {"Shcedules", "schedules"}, {"step", "steps"},
        {"jbo", "job"}, {"on_fail", "on_failure"}, {"on_sucess", "on_success"},
        {"environment", NULL}, {"", NULL}, {"x", NULL}};
    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *found = bg_nearest (bg_slice_str (rows[i].typed), words, 6);
        if (rows[i].nearest)
            assert_string_equal (found, rows[i].nearest);
        else
            assert_null (found);
    }
    char longer[100];
    memset (longer, 's', sizeof longer);
    assert_null (bg_nearest (bg_slice_of (longer, sizeof longer), words, 6));
}

static void assert_printed (const bg_diag *diag, const char *expected)
{
    BG_AUTO_BUF out = {0};
    bg_diag_print (diag, &out);
    assert_string_equal (bg_buf_cstr (&out), expected);
}

/*  Names of files come from others as well: out of an archive, with what a terminal obeys.  */
static void test_diag_cleans_names (void **state)
{
    (void) state;
    bg_diag *diag = bg_diag_create ();
    bg_error err = {0};
    const bg_diag_place place = {.file = "a\x1b]0;b.yaml"};
    bg_diag_add (diag, &place, "c\x1b[31m", "whole file");
    assert_printed (diag, "a?]0;b.yaml: whole file\n  did you mean \"c?[31m\"?\n");
    assert_true (bg_failed (bg_diag_result (diag, &err)));
    assert_null (strchr (err.message, '\x1b'));
    bg_diag_destroy (&diag);
}

static void test_diag_sorts_and_shows (void **state)
{
    (void) state;
    bg_diag *diag = bg_diag_create ();
    bg_error err = {0};
    bg_slice source = bg_slice_str ("one: 1\n\tt\xc3\xbcr: \x1b[31m\nlast");
    assert_true (bg_is_ok (bg_diag_result (diag, &err)));
    bg_diag_add (diag, &(bg_diag_place){"a.yaml", source, 3, 5}, NULL, "third");
    bg_diag_add (diag, &(bg_diag_place){"a.yaml", source, 2, 4}, "door", "second %s", "\n");
    bg_diag_add (diag, &(bg_diag_place){"a.yaml", source, 1, 1}, NULL, "first");
    bg_diag_add (diag, &(bg_diag_place){.file = "b.yaml"}, NULL, "whole file");
    bg_diag_add (diag, &(bg_diag_place){"a.yaml", source, 9, 1}, NULL, "behind the end");
    assert_printed (diag,
        "a.yaml:1:1: first\n    1 | one: 1\n      | ^\n"
        "a.yaml:2:4: second ?\n    2 |  t\xc3\xbcr: ?[31m\n      |    ^\n  did you mean \"door\"?\n"
        "a.yaml:3:5: third\n    3 | last\n      |     ^\n"
        "a.yaml:9:1: behind the end\n"
        "b.yaml: whole file\n");
    assert_int_equal (bg_diag_result (diag, &err).code, BG_INVALID);
    assert_string_equal (err.message, "5 errors in 2 files");
    bg_diag_destroy (&diag);
}

static void test_diag_is_bounded (void **state)
{
    (void) state;
    bg_diag *diag = bg_diag_create ();
    BG_AUTO_BUF line = {0};
    BG_AUTO_BUF out = {0};
    memset (bg_buf_reserve (&line, 10000), 'x', 10000);
    line.size = 10000;
    for (uint32_t i = 0; i < 150; i++)
        bg_diag_add (diag, &(bg_diag_place){"a", bg_buf_slice (&line), 1, 9000 + i}, NULL, "wrong");
    assert_int_equal (bg_diag_count (diag), 150);
    assert_int_equal (bg_diag_kept (diag), BG_DIAG_MAX);
    assert_int_equal (bg_diag_get (diag, 0).column, 9000);
    bg_diag_print (diag, &out);
    assert_non_null (strstr (bg_buf_cstr (&out), "and 50 more\n"));
    assert_true (out.size < 100000);
    bg_diag_destroy (&diag);
}

static bg_yaml_file *must_parse (const char *text, bool many)
{
    bg_diag *diag = bg_diag_create ();
    bg_yaml_file *file = NULL;
    bg_result result = bg_yaml_parse ("t.yaml", bg_slice_str (text), many, &file, diag, NULL);
    if (bg_failed (result)) {
        BG_AUTO_BUF out = {0};
        bg_diag_print (diag, &out);
        print_error ("%s", bg_buf_cstr (&out));
    }
    assert_true (bg_is_ok (result));
    bg_diag_destroy (&diag);
    return file;
}

static void test_yaml_tree (void **state)
{
    (void) state;
    bg_yaml_file *file =
        must_parse ("# head\njob: nightly\nsteps:\n  - name: 'a: b'\n    run: [x, \"y\\tz\"]\n"
                    "    script: |\n      one\n      two\nempty:\n",
            false);
    assert_int_equal (bg_yaml_documents (file), 1);
    const bg_yaml *root = bg_yaml_document (file, 0);
    assert_int_equal (root->kind, BG_YAML_MAP);
    assert_int_equal (root->count, 3);
    const bg_yaml *job = bg_yaml_get (root, "job");
    assert_true (bg_slice_is (job->text, "nightly"));
    assert_true (job->is_plain);
    assert_int_equal (job->line, 2);
    assert_int_equal (job->column, 6);
    const bg_yaml *step = bg_yaml_get (root, "steps")->items[0];
    const bg_yaml *name = bg_yaml_get (step, "name");
    assert_true (bg_slice_is (name->text, "a: b"));
    assert_false (name->is_plain);
    const bg_yaml *run = bg_yaml_get (step, "run");
    assert_int_equal (run->kind, BG_YAML_LIST);
    assert_int_equal (run->count, 2);
    assert_true (bg_slice_is (run->items[1]->text, "y\tz"));
    const bg_yaml *script = bg_yaml_get (step, "script");
    assert_true (script->is_block && script->is_multiline);
    assert_true (bg_slice_is (script->text, "one\ntwo\n"));
    assert_true (bg_yaml_is_absent (bg_yaml_get (root, "empty")));
    assert_null (bg_yaml_get (root, "missing"));
    assert_null (bg_yaml_get (job, "missing"));
    assert_int_equal (bg_yaml_find (root, "steps"), 1);
    assert_string_equal (bg_yaml_kind_text (root), "a map");
    bg_yaml_destroy (&file);
    bg_yaml_destroy (&file);
}

static void test_yaml_documents (void **state)
{
    (void) state;
    bg_yaml_file *file = must_parse ("a: 1\n---\nb: 2\n---\n- c\n", true);
    assert_int_equal (bg_yaml_documents (file), 3);
    assert_int_equal (bg_yaml_document (file, 1)->line, 3);
    bg_yaml_destroy (&file);
    file = must_parse ("", false);
    assert_int_equal (bg_yaml_documents (file), 0);
    bg_yaml_destroy (&file);
    file = must_parse ("# only a comment\n", true);
    assert_int_equal (bg_yaml_documents (file), 0);
    bg_yaml_destroy (&file);
}

static void test_yaml_mistakes (void **state)
{
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *says;
    } rows[] = {
        {"a: &x 1\n", 1, 4, "anchors"},
        {"a: 1\nb: *x\n", 2, 4, "aliases"},
        {"a: !!int 1\n", 1, 4, "tags"},
        {"a: !own [1]\n", 1, 4, "tags"},
        {"%YAML 1.1\n---\na: 1\n", 1, 1, "directives"},
        {"a: 1\nb: 2\na: 3\n", 3, 1, "twice, first in line 1"},
        {"[a]: 1\n", 1, 1, "a key must be a word"},
        {"a: 1\n---\nb: 2\n", 2, 1, "only one document"},
        {"a: [1, 2\n", 2, 1, "not valid YAML"},
        {"a:\n  b: \"open\n  c: 1\n", 2, 6, "quoted scalar"},
        {"a:\n\tb: 1\n", 2, 1, "tab"},
        {"a: 1\n b: 2\n", 2, 3, "not valid YAML"},
        {"a: \xff\xfe\n", 1, 4, "UTF-8"},
        {"a: b\nc: gr\xc3\xbc\xc3\x9f \xe9t\n", 2, 9, "UTF-8"},
        {"a: x\x01y\n", 1, 5, "control characters"},
        {"a: \"x\\0y\"\n", 1, 4, "NUL"},
        {"[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n", 1, 17, "16 levels"},
        {"\xff\xfe"
         "a\0:\0",
            1, 1, "UTF-8"},
    };
    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bg_diag *diag = bg_diag_create ();
        bg_yaml_file *file = NULL;
        bg_error err = {0};
        bg_result result =
            bg_yaml_parse ("t.yaml", bg_slice_str (rows[i].text), false, &file, diag, &err);
        assert_int_equal (result.code, BG_INVALID);
        assert_null (file);
        bg_diag_item item = bg_diag_get (diag, 0);
        bool is_as_told = bg_diag_count (diag) == 1 && item.line == rows[i].line &&
                          item.column == rows[i].column && strstr (item.message, rows[i].says);
        if (!is_as_told)
            print_error ("%s\n-> %u:%u %s (%zu)\n", rows[i].text, item.line, item.column,
                item.message, bg_diag_count (diag));
        assert_true (is_as_told);
        bg_diag_destroy (&diag);
    }
}

static void test_yaml_limits (void **state)
{
    static const char *const pieces[] = {"[", "a\n", "- x\n", "k: &v 1\n"};
    (void) state;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        BG_AUTO_BUF text = {0};
        while (text.size < (i == 1 ? (size_t) BG_YAML_BYTES + 1 : 30000))
            bg_buf_append_str (&text, pieces[i]);
        bg_diag *diag = bg_diag_create ();
        bg_yaml_file *file = NULL;
        bg_result result = bg_yaml_parse ("t.yaml", bg_buf_slice (&text), true, &file, diag, NULL);
        assert_int_equal (result.code, BG_INVALID);
        assert_true (bg_diag_kept (diag) <= BG_DIAG_MAX);
        bg_diag_destroy (&diag);
    }
}

static void test_yaml_tells_all_at_once (void **state)
{
    static const char *const words[] = {"job", "steps", "schedules"};
    (void) state;
    bg_diag *diag = bg_diag_create ();
    bg_yaml_file *file = must_parse ("jbo: x\nsteps: \"two words\"\nschedule: [a]\n", false);
    const bg_yaml *root = bg_yaml_document (file, 0);
    assert_int_equal (bg_yaml_check_keys (file, root, words, 3, diag), 2);
    bg_yaml_error_at (file, bg_yaml_get (root, "steps"), 4, diag, NULL, "not %s", "here");
    assert_printed (diag,
        "t.yaml:1:1: unknown key \"jbo\"\n    1 | jbo: x\n      | ^\n  did you mean \"job\"?\n"
        "t.yaml:2:13: not here\n    2 | steps: \"two words\"\n      |             ^\n"
        "t.yaml:3:1: unknown key \"schedule\"\n    3 | schedule: [a]\n      | ^\n"
        "  did you mean \"schedules\"?\n");
    bg_diag_destroy (&diag);
    bg_yaml_destroy (&file);
}

typedef struct {
    char *zone;
    int64_t backlog;
    bool is_open;
    int64_t beat_us;
    char *desk;
    bg_conf_list names;
} settings;

static const bg_conf_key keys[] = {
    {"zone", BG_CONF_STRING, offsetof (settings, zone), 0, 0, NULL, "Zone of the target."},
    {"names", BG_CONF_LIST, offsetof (settings, names), 0, 0, "[a, b]", "Names."},
    {"desk.backlog", BG_CONF_INTEGER, offsetof (settings, backlog), 1, 65535, "4096",
        "Waiting connections."},
    {"desk.open", BG_CONF_BOOL, offsetof (settings, is_open), 0, 0, "no", "Lets in."},
    {"desk.heartbeat", BG_CONF_DURATION, offsetof (settings, beat_us), 1000000, 3600000000, "30s",
        "Beat."},
    {"desk.endpoint", BG_CONF_ENDPOINT, offsetof (settings, desk), 0, 0, "tcp://127.0.0.1:0",
        "Address."},
};
static const bg_conf_schema schema = {
    "test.yaml", "Of a test.", keys, sizeof keys / sizeof keys[0]};

static void test_conf_reads (void **state)
{
    (void) state;
    settings values = {0};
    bg_diag *diag = bg_diag_create ();
    bg_error err = {0};
    bg_conf_defaults (&schema, &values);
    assert_null (values.zone);
    assert_int_equal (values.backlog, 4096);
    assert_false (values.is_open);
    assert_int_equal (values.beat_us, 30000000);
    assert_string_equal (values.desk, "tcp://127.0.0.1:0");
    assert_int_equal (values.names.count, 2);
    bg_slice text =
        bg_slice_str ("zone: Europe/Berlin\nnames: [x, 'y z', \"\"]\n"
                      "desk:\n  open: yes\n  heartbeat: 1m30s\n  endpoint: tcp://*:7412\n");
    assert_true (bg_is_ok (bg_conf_parse (&schema, "test.yaml", text, &values, diag, &err)));
    assert_string_equal (values.zone, "Europe/Berlin");
    assert_true (values.is_open);
    assert_int_equal (values.beat_us, 90000000);
    assert_int_equal (values.names.count, 3);
    assert_string_equal (values.names.items[1], "y z");
    assert_string_equal (values.names.items[2], "");
    assert_true (bg_is_ok (
        bg_conf_parse (&schema, "test.yaml", bg_slice_str ("desk:\n"), &values, diag, &err)));
    BG_AUTO_BUF printed = {0};
    BG_AUTO_BUF again = {0};
    bg_conf_print (&schema, &values, &printed);
    assert_string_equal (bg_buf_cstr (&printed),
        "# test.yaml\nzone: \"Europe/Berlin\"\nnames: [\"x\", \"y z\", \"\"]\ndesk:\n  backlog: "
        "4096\n"
        "  open: true\n  heartbeat: 90s\n  endpoint: \"tcp://*:7412\"\n");
    settings second = {0};
    bg_conf_defaults (&schema, &second);
    assert_true (
        bg_is_ok (bg_conf_parse (&schema, "again", bg_buf_slice (&printed), &second, diag, &err)));
    bg_conf_print (&schema, &second, &again);
    assert_string_equal (bg_buf_cstr (&again), bg_buf_cstr (&printed));
    bg_conf_fini (&schema, &second);
    bg_conf_fini (&schema, &values);
    assert_null (values.desk);
    bg_diag_destroy (&diag);
}

static void test_conf_mistakes (void **state)
{
    (void) state;
    settings values = {0};
    bg_diag *diag = bg_diag_create ();
    bg_error err = {0};
    bg_conf_defaults (&schema, &values);
    bg_slice text =
        bg_slice_str ("zone: Other\nnams: [x]\nnames: [a, [b]]\ndesk:\n  backlog: 010\n"
                      "  open: maybe\n  heartbeat: 2h\n  endpoint: tcp://x\n  hearbeat: 1s\n"
                      "dsk: {}\n");
    assert_int_equal (
        bg_conf_parse (&schema, "test.yaml", text, &values, diag, &err).code, BG_INVALID);
    assert_string_equal (err.message, "8 errors in test.yaml");
    BG_AUTO_BUF out = {0};
    bg_diag_print (diag, &out);
    const char *printed = bg_buf_cstr (&out);
    static const char *const expected[] = {"test.yaml:2:1: unknown key \"nams\"\n",
        "did you mean \"names\"?", "test.yaml:3:12: item 2 of names: must be a text, not a list\n",
        "test.yaml:5:12: desk.backlog: \"010\" is not a decimal number\n",
        "test.yaml:6:9: desk.open: \"maybe\" is neither true nor false\n",
        "test.yaml:7:14: desk.heartbeat: 2h is not between 1s and 1h\n",
        "test.yaml:8:13: desk.endpoint: \"tcp://x\" is neither",
        "test.yaml:9:3: unknown key \"desk.hearbeat\"\n", "did you mean \"heartbeat\"?",
        "test.yaml:10:1: unknown key \"dsk\"\n", "did you mean \"desk\"?"};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        if (!strstr (printed, expected[i]))
            print_error ("missing: %s\nin:\n%s", expected[i], printed);
        assert_non_null (strstr (printed, expected[i]));
    }
    assert_null (values.zone); /*  a file with mistakes changes nothing  */
    bg_diag_destroy (&diag);
    diag = bg_diag_create ();
    assert_true (
        bg_failed (bg_conf_parse (&schema, "t", bg_slice_str ("- a\n"), &values, diag, &err)));
    assert_true (
        bg_failed (bg_conf_parse (&schema, "t", bg_slice_str ("zone:\n"), &values, diag, &err)));
    assert_true (
        bg_failed (bg_conf_parse (&schema, "t", bg_slice_str ("desk: 5\n"), &values, diag, &err)));
    assert_true (
        bg_failed (bg_conf_parse (&schema, "t", bg_slice_str ("names: a\n"), &values, diag, &err)));
    assert_true (bg_failed (
        bg_conf_parse (&schema, "t", bg_slice_str ("zone: {a: 1}\n"), &values, diag, &err)));
    bg_diag_destroy (&diag);
    bg_conf_fini (&schema, &values);
}

static void test_conf_flags (void **state)
{
    static const struct {
        const char *key, *text;
        bool is_good;
    } rows[] = {{"desk.backlog", "1", true}, {"desk.backlog", "0", false},
        {"desk.backlog", "65536", false}, {"desk.backlog", "-5", false},
        {"desk.backlog", "99999999999999999999", false}, {"desk.backlog", "", false},
        {"desk.open", "on", true}, {"desk.open", "1", false},
        {"desk.endpoint", "ipc:///run/x", true}, {"desk.endpoint", "ipc://", false},
        {"desk.endpoint", "tcp://[::1]:7411", true},
        {"desk.endpoint", "tcp://host.example:65536", false},
        {"desk.endpoint", "tcp://ho st:1", false}, {"desk.endpoint", "tcp://:1", false},
        {"desk.endpoint", "udp://a:1", false}, {"desk.endpoint", "tcp://a:", false},
        {"names", "a, b ,c", true}, {"names", "a,,b", false}, {"names", "", true},
        {"zone", "a\nb", false}, {"nothing", "x", false}};
    (void) state;
    settings values = {0};
    bg_conf_defaults (&schema, &values);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bg_error err = {0};
        bg_result result = bg_conf_set (&schema, &values, rows[i].key, rows[i].text, &err);
        if (bg_is_ok (result) != rows[i].is_good)
            print_error ("%s = \"%s\": %s\n", rows[i].key, rows[i].text, err.message);
        assert_int_equal (bg_is_ok (result), rows[i].is_good);
        if (bg_failed (result))
            assert_non_null (strstr (err.message, rows[i].key));
    }
    assert_int_equal (values.names.count, 0);
    bg_conf_fini (&schema, &values);
}

static void test_conf_files (void **state)
{
    (void) state;
    char *dir = temp_dir_make ();
    BG_AUTO_CHAR path = bg_path_join (dir, "test.yaml");
    settings values = {0};
    bg_diag *diag = bg_diag_create ();
    bg_error err = {0};
    bg_conf_defaults (&schema, &values);
    assert_true (bg_is_ok (bg_conf_load (&schema, path, false, &values, diag, &err)));
    assert_int_equal (bg_conf_load (&schema, path, true, &values, diag, &err).code, BG_NOT_FOUND);
    assert_true (bg_is_ok (bg_file_create (path, bg_slice_str ("desk: {backlog: 7}\n"), &err)));
    assert_true (bg_is_ok (bg_conf_load (&schema, path, true, &values, diag, &err)));
    assert_int_equal (values.backlog, 7);
    bg_yaml_file *file = NULL;
    assert_true (bg_is_ok (bg_yaml_load (path, false, &file, diag, &err)));
    assert_string_equal (bg_yaml_name (file), path);
    assert_int_equal (bg_yaml_source (file).size, 19);
    bg_yaml_destroy (&file);
    bg_diag_destroy (&diag);
    bg_conf_fini (&schema, &values);
    temp_dir_remove (&dir);
}

static void test_conf_reference (void **state)
{
    (void) state;
    BG_AUTO_BUF out = {0};
    bg_conf_reference (&schema, &out);
    const char *text = bg_buf_cstr (&out);
    assert_non_null (strstr (text, "## test.yaml\n\nOf a test.\n"));
    assert_non_null (strstr (text, "| `zone` | text | none | Zone of the target. |\n"));
    assert_non_null (
        strstr (text, "| `desk.backlog` | number, 1 to 65535 | `4096` | Waiting connections. |\n"));
    assert_non_null (strstr (text, "| `desk.heartbeat` | duration, 1s to 1h | `30s` | Beat. |\n"));
}

static void test_durations (void **state)
{
    static const struct {
        const char *text;
        int64_t us; /*  -1: refused  */
        const char *back;
    } rows[] = {{"90s", 90000000, "90s"}, {"5m", 300000000, "5m"}, {"2h", 7200000000, "2h"},
        {"7d", 604800000000, "7d"}, {"1h30m", 5400000000, "90m"}, {"500ms", 500000, "500ms"},
        {"0s", 0, "0s"}, {"1d1ms", 86400001000, "86400001ms"}, {"", -1, ""}, {"5", -1, ""},
        {"s", -1, ""}, {"5 m", -1, ""}, {"30m1h", -1, ""}, {"1h1h", -1, ""}, {"5x", -1, ""},
        {"-5s", -1, ""}, {"9999999999999d", -1, ""}, {"106751991d106751991d", -1, ""}};
    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t us = -1;
        bg_result result = bg_conf_parse_duration (bg_slice_str (rows[i].text), &us, NULL);
        assert_int_equal (bg_is_ok (result), rows[i].us >= 0);
        assert_true (us == rows[i].us);
        if (bg_failed (result))
            continue;
        BG_AUTO_BUF back = {0};
        bg_conf_format_duration (us, &back);
        assert_string_equal (bg_buf_cstr (&back), rows[i].back);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_nearest),
        cmocka_unit_test (test_diag_sorts_and_shows),
        cmocka_unit_test (test_diag_is_bounded),
        cmocka_unit_test (test_yaml_tree),
        cmocka_unit_test (test_yaml_documents),
        cmocka_unit_test (test_diag_cleans_names),
        cmocka_unit_test (test_yaml_mistakes),
        cmocka_unit_test (test_yaml_limits),
        cmocka_unit_test (test_yaml_tells_all_at_once),
        cmocka_unit_test (test_conf_reads),
        cmocka_unit_test (test_conf_mistakes),
        cmocka_unit_test (test_conf_flags),
        cmocka_unit_test (test_conf_files),
        cmocka_unit_test (test_conf_reference),
        cmocka_unit_test (test_durations),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
