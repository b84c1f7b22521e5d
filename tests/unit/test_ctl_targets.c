/*  -t, -g, -l and --all as an audience; questions where nobody can be asked.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ctl/targets_arg.h"
#include "proto/audience.h"
#include "tests/unit/temp_dir.h"

#include <fcntl.h>

typedef struct {
    ctl_run run;
    ctl_parsed *parsed;
    FILE *talk;
} fixture;

static void begin (fixture *self, char *const *words, int count)
{
    *self = (fixture){0};
    bg_error err = {0};
    if (bg_failed (ctl_parse (count, words, 0, &self->parsed, &err)))
        fail_msg ("%s", err.message);
    self->talk = fopen ("/dev/null", "w");
    ctl_output_options options = {.data = self->talk, .talk = self->talk};
    self->run = (ctl_run){.parsed = self->parsed,
        .out = ctl_output_create (&options),
        .input = open ("/dev/null", O_RDONLY)};
}

static void end (fixture *self)
{
    bg_fd_close (&self->run.input);
    ctl_output_destroy (&self->run.out);
    ctl_run_fini (&self->run);
    ctl_parsed_destroy (&self->parsed);
    (void) fclose (self->talk);
}

#define BEGIN(self, ...)                                                                           \
    do {                                                                                           \
        static char line_[][200] = {"job", "start", "x", __VA_ARGS__};                             \
        char *words_[sizeof line_ / sizeof line_[0]];                                              \
        for (size_t i_ = 0; i_ < sizeof line_ / sizeof line_[0]; i_++)                             \
            words_[i_] = line_[i_];                                                                \
        begin ((self), words_, (int) (sizeof line_ / sizeof line_[0]));                            \
    } while (0)

static void check_names (const wire_audience *audience, const char *wanted)
{
    BG_AUTO_BUF text = {0};
    for (size_t i = 0; i < audience->names_count; i++)
        bg_buf_printf (&text, "%s%.*s", i > 0 ? " " : "", BG_SLICE_ARG (audience->names[i]));
    assert_string_equal (bg_buf_cstr (&text), wanted);
}

static void parts_add_up (void **state)
{
    (void) state;
    fixture self;
    wire_audience audience;
    bool is_given = false;
    BEGIN (
        &self, "-t", "db[01-03],web1", "-t", "DB02", "-g", "prod", "-g", "test", "-l", "role=db");
    assert_int_equal (ctl_targets_arg (&self.run, &audience, &is_given, NULL).code, BG_OK);
    assert_true (is_given);
    assert_false (audience.all);
    check_names (&audience, "db01 db02 db03 web1");
    assert_int_equal (audience.groups_count, 2);
    assert_true (bg_slice_is (audience.labels, "role=db"));
    end (&self);
}

static void nothing_given_is_nobody (void **state)
{
    (void) state;
    fixture self;
    wire_audience audience;
    bool is_given = true;
    BEGIN (&self, "--wait");
    assert_int_equal (ctl_targets_arg (&self.run, &audience, &is_given, NULL).code, BG_OK);
    assert_false (is_given);
    assert_false (audience.all);
    assert_int_equal (audience.names_count + audience.groups_count + audience.labels.size, 0);
    end (&self);
}

static void all_stands_alone (void **state)
{
    (void) state;
    fixture self;
    wire_audience audience;
    bool is_given = false;
    BEGIN (&self, "--all");
    assert_int_equal (ctl_targets_arg (&self.run, &audience, &is_given, NULL).code, BG_OK);
    assert_true (is_given && audience.all);
    end (&self);
    BEGIN (&self, "--all", "-g", "web");
    assert_int_equal (ctl_targets_arg (&self.run, &audience, &is_given, NULL).code, BG_USAGE);
    end (&self);
}

static void names_come_from_a_file_or_stdin (void **state)
{
    (void) state;
    char *dir = temp_dir_make ();
    BG_AUTO_CHAR path = bg_path_join (dir, "hosts");
    BG_AUTO_CHAR empty = bg_path_join (dir, "empty");
    assert_int_equal (
        bg_file_create (path, bg_slice_str ("# mine\nweb[1-2]  db1 # old\n\r\ndb1\n"), NULL).code,
        BG_OK);
    assert_int_equal (bg_file_create (empty, bg_slice_str ("# nobody\n"), NULL).code, BG_OK);
    char job[] = "job", start[] = "start", x[] = "x", option[] = "-t", dash[] = "-", at[512];
    char *words[] = {job, start, x, option, at};
    fixture self;
    wire_audience audience;
    bool is_given = false;
    bg_error err = {0};

    (void) snprintf (at, sizeof at, "@%s", path);
    begin (&self, words, 5);
    assert_int_equal (ctl_targets_arg (&self.run, &audience, &is_given, &err).code, BG_OK);
    check_names (&audience, "web1 web2 db1");
    end (&self);

    (void) snprintf (at, sizeof at, "@%s", empty);
    begin (&self, words, 5);
    assert_int_equal (ctl_targets_arg (&self.run, &audience, &is_given, &err).code, BG_USAGE);
    assert_non_null (strstr (err.message, "there is no name in"));
    end (&self);

    (void) snprintf (at, sizeof at, "@%s/missing", dir);
    begin (&self, words, 5);
    assert_int_equal (ctl_targets_arg (&self.run, &audience, &is_given, &err).code, BG_NOT_FOUND);
    end (&self);

    words[4] = dash;
    begin (&self, words, 5);
    bg_fd_close (&self.run.input);
    self.run.input = open (path, O_RDONLY);
    assert_int_equal (ctl_targets_arg (&self.run, &audience, &is_given, &err).code, BG_OK);
    check_names (&audience, "web1 web2 db1");
    assert_true (self.run.stdin_is_read);
    BG_AUTO_BUF again = {0};
    assert_int_equal (ctl_read_stdin (&self.run, 100, &again, &err).code, BG_USAGE);
    end (&self);
    temp_dir_remove (&dir);
}

static void wrong_choices_are_refused_with_their_place (void **state)
{
    (void) state;
    fixture self;
    wire_audience audience;
    bool is_given = false;
    bg_error err = {0};
    BEGIN (&self, "-l", "role==db");
    assert_int_equal (ctl_targets_arg (&self.run, &audience, &is_given, &err).code, BG_USAGE);
    assert_non_null (strstr (err.message, "-l 'role==db', character 6"));
    end (&self);
    BEGIN (&self, "-t", "a b");
    assert_int_equal (ctl_targets_arg (&self.run, &audience, &is_given, &err).code, BG_USAGE);
    assert_non_null (strstr (err.message, "target 'a b'"));
    end (&self);
    BEGIN (&self, "-t", "all");
    assert_int_equal (ctl_targets_arg (&self.run, &audience, &is_given, &err).code, BG_USAGE);
    end (&self);
    BEGIN (&self, "-g", "a/b");
    assert_int_equal (ctl_targets_arg (&self.run, &audience, &is_given, &err).code, BG_USAGE);
    end (&self);
    BEGIN (&self, "-t", "n[1-129]");
    assert_int_equal (ctl_targets_arg (&self.run, &audience, &is_given, &err).code, BG_TOO_LARGE);
    assert_non_null (strstr (err.hint, "-g"));
    end (&self);
}

static void nobody_is_asked_without_a_terminal (void **state)
{
    (void) state;
    fixture self;
    bg_error err = {0};
    BEGIN (&self, "--wait");
    assert_int_equal (ctl_confirm (&self.run, &err, "Start on %d?", 7).code, BG_USAGE);
    assert_non_null (strstr (err.message, "Start on 7?"));
    assert_string_equal (err.hint, "add --yes to answer yes");
    end (&self);
    BEGIN (&self, "--yes");
    assert_int_equal (ctl_confirm (&self.run, &err, "Start on %d?", 7).code, BG_OK);
    end (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (parts_add_up),
        cmocka_unit_test (nothing_given_is_nobody),
        cmocka_unit_test (all_stands_alone),
        cmocka_unit_test (names_come_from_a_file_or_stdin),
        cmocka_unit_test (wrong_choices_are_refused_with_their_place),
        cmocka_unit_test (nobody_is_asked_without_a_terminal),
    };
    return cmocka_run_group_tests_name ("ctl_targets", tests, NULL, NULL);
}
