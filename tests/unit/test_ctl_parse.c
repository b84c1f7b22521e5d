/*  Command lines to values, and what is said about the wrong ones.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ctl/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_US    INT64_C (1767225600000000) /*  2026-01-01T00:00:00Z  */
#define WORDS_MAX 32
#define SECOND_US INT64_C (1000000)

/*  Splits the line at blanks; '_' stands for a blank inside a word, "''" for an empty word.  */
typedef struct {
    char text[512];
    char *words[WORDS_MAX];
    int count;
    ctl_parsed *parsed;
    bg_error err;
    bg_result result;
} line;

static void parse (line *self, const char *text)
{
    *self = (line){0};
    (void) snprintf (self->text, sizeof self->text, "%s", text);
    for (char *save = NULL, *word = strtok_r (self->text, " ", &save); word != NULL;
         word = strtok_r (NULL, " ", &save)) {
        for (char *at = word; *at != '\0'; at++)
            *at = *at == '_' ? ' ' : *at;
        if (strcmp (word, "''") == 0)
            word[0] = '\0';
        self->words[self->count++] = word;
    }
    self->result = ctl_parse (self->count, self->words, NOW_US, &self->parsed, &self->err);
}

static void good (line *self, const char *text)
{
    parse (self, text);
    if (bg_failed (self->result))
        fail_msg ("'%s': %s", text, self->err.message);
}

static void end (line *self)
{
    ctl_parsed_destroy (&self->parsed);
}

static void options_may_stand_anywhere (void **state)
{
    (void) state;
    static const char *const lines[] = {
        "-o json job history backup --limit 7",
        "job history backup --limit=7 -ojson",
        "job --limit 7 history --output json backup",
        "jobs history backup -o=json --limit 7",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        line self;
        good (&self, lines[i]);
        assert_int_equal (ctl_parsed_command (self.parsed)->id, CTL_CMD_job_history);
        assert_int_equal (ctl_argument_count (self.parsed), 1);
        assert_string_equal (ctl_argument (self.parsed, 0), "backup");
        assert_int_equal (ctl_number (self.parsed, CTL_OPT_LIMIT, 50), 7);
        assert_string_equal (ctl_text (self.parsed, CTL_OPT_OUTPUT, NULL), "json");
        end (&self);
    }
}

static void each_kind_of_value_is_read (void **state)
{
    (void) state;
    line self;
    good (&self,
        "job start x -t a -t b -g web --wait --timeout 1h30m --expires 2d --reason why_not -qvy");
    size_t count = 0;
    const char *const *targets = ctl_list (self.parsed, CTL_OPT_TARGET, &count);
    assert_int_equal (count, 2);
    assert_string_equal (targets[0], "a");
    assert_string_equal (targets[1], "b");
    assert_true (ctl_given (self.parsed, CTL_OPT_WAIT));
    assert_true (ctl_given (self.parsed, CTL_OPT_YES));
    assert_true (ctl_given (self.parsed, CTL_OPT_QUIET));
    assert_true (ctl_given (self.parsed, CTL_OPT_VERBOSE));
    assert_false (ctl_given (self.parsed, CTL_OPT_DRY_RUN));
    assert_int_equal (ctl_duration_us (self.parsed, CTL_OPT_TIMEOUT, 0), 5400 * SECOND_US);
    assert_int_equal (ctl_duration_us (self.parsed, CTL_OPT_EXPIRES, 0), 172800 * SECOND_US);
    assert_string_equal (ctl_text (self.parsed, CTL_OPT_REASON, NULL), "why not");
    end (&self);
}

static void missing_options_give_the_fallback (void **state)
{
    (void) state;
    line self;
    size_t count = 1;
    good (&self, "job history x");
    assert_int_equal (ctl_number (self.parsed, CTL_OPT_LIMIT, 50), 50);
    assert_int_equal (ctl_time_us (self.parsed, CTL_OPT_SINCE, -1), -1);
    assert_null (ctl_text (self.parsed, CTL_OPT_STATE, NULL));
    (void) ctl_list (self.parsed, CTL_OPT_TARGET, &count);
    assert_int_equal (count, 0);
    end (&self);
}

static void the_last_of_two_values_counts (void **state)
{
    (void) state;
    line self;
    good (&self, "job history x --limit 3 --limit 4");
    assert_int_equal (ctl_number (self.parsed, CTL_OPT_LIMIT, 0), 4);
    end (&self);
}

static void until_looks_back_in_history_and_ahead_in_disable (void **state)
{
    (void) state;
    line self;
    good (&self, "job history x --until 2h");
    assert_int_equal (ctl_time_us (self.parsed, CTL_OPT_UNTIL, 0), NOW_US - 7200 * SECOND_US);
    end (&self);
    good (&self, "job disable x --until 2h");
    assert_int_equal (ctl_time_us (self.parsed, CTL_OPT_UNTIL, 0), NOW_US + 7200 * SECOND_US);
    end (&self);
}

static void two_dashes_end_the_options (void **state)
{
    (void) state;
    line self;
    good (&self, "job show -- --limit");
    assert_string_equal (ctl_argument (self.parsed, 0), "--limit");
    end (&self);
}

static void one_dash_is_a_value (void **state)
{
    (void) state;
    line self;
    size_t count = 0;
    good (&self, "apply -f -");
    assert_string_equal (ctl_list (self.parsed, CTL_OPT_FILE, &count)[0], "-");
    end (&self);
}

static void without_a_command_nothing_is_wrong_yet (void **state)
{
    (void) state;
    line self;
    good (&self, "");
    assert_null (ctl_parsed_command (self.parsed));
    end (&self);
    good (&self, "job --help");
    assert_null (ctl_parsed_command (self.parsed));
    assert_string_equal (ctl_parsed_noun (self.parsed)->word, "job");
    end (&self);
    good (&self, "job start --help");
    assert_int_equal (ctl_parsed_command (self.parsed)->id, CTL_CMD_job_start);
    end (&self);
}

static void mistakes_are_said_with_what_to_type (void **state)
{
    (void) state;
    static const struct {
        const char *line;
        const char *message;
        const char *hint;
    } rows[] = {
        {"stauts", "unknown command 'bugle stauts'", "did you mean bugle status?"},
        {"xyzzy", "unknown command 'bugle xyzzy'", "see: bugle help"},
        {"job lsit", "unknown command 'bugle job lsit'", "did you mean bugle job list?"},
        {"job xyzzy", "unknown command 'bugle job xyzzy'", "see: bugle help job"},
        {"job start", "bugle job start needs NAME", "see: bugle job start --help"},
        {"job start ''", "bugle job start: an empty name means nothing",
            "see: bugle job start --help"},
        {"job list x", "bugle job list does not take 'x'", "see: bugle job list --help"},
        {"status -z", "unknown option '-z'", "see: bugle status --help"},
        {"job start x --wiat", "unknown option '--wiat'", "did you mean --wait?"},
        {"job list --wait", "bugle job list takes no --wait", "see: bugle job list --help"},
        {"job start x --wait=1", "--wait takes no value", "see: bugle job start --help"},
        {"job start x --reason", "--reason needs a value", "see: bugle job start --help"},
        {"job start x -t", "-t needs a value", "see: bugle job start --help"},
        {"job start x -l ''", "--selector needs a value, not an empty text",
            "see: bugle job start --help"},
        {"job list --limit 0", "--limit takes a number from 1 to 1000000, not '0'",
            "see: bugle job list --help"},
        {"job list --limit 7x", "--limit takes a number from 1 to 1000000, not '7x'",
            "see: bugle job list --help"},
        {"job list --limit +7", "--limit takes a number from 1 to 1000000, not '+7'",
            "see: bugle job list --help"},
        {"job list --limit 99999999999999999999",
            "--limit takes a number from 1 to 1000000, not '99999999999999999999'",
            "see: bugle job list --help"},
        {"token create --expires 0s", "--expires takes a duration from 1s to 365d, not '0s'",
            "see: bugle token create --help"},
        {"job list -o jsn", "--output takes one of table|wide|json|jsonl|yaml|name, not 'jsn'",
            "did you mean json?"},
        {"job history x --state done",
            "--state takes one of running|waiting|succeeded|failed|canceled|interrupted|not-run, not "
            "'done'",
            "see: bugle job history --help"},
        {"job history x --since noon", "--since: 'noon' is no time",
            "write a duration (7d: that long ago), 2026-03-01, '2026-03-01 12:00' or "
            "2026-03-01T12:00:00Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        line self;
        parse (&self, rows[i].line);
        assert_int_equal (self.result.code, BG_USAGE);
        assert_string_equal (self.err.message, rows[i].message);
        assert_string_equal (self.err.hint, rows[i].hint);
        end (&self);
    }
}

static void a_disable_that_ends_in_the_past_is_refused (void **state)
{
    (void) state;
    line self;
    parse (&self, "job disable x --until 2020-01-01T00:00Z");
    assert_int_equal (self.result.code, BG_USAGE);
    assert_non_null (strstr (self.err.message, "lies in the past"));
    end (&self);
}

static bool takes_word (const ctl_command *command, const char *word)
{
    for (size_t i = 0; i < CTL_OPTION_COUNT; i++)
        if (strcmp (ctl_options[i].word, word) == 0 &&
            ctl_command_takes (command, (ctl_option_id) i))
            return true;
    return false;
}

/*  Every option of every command is accepted with a value of its kind, and only there.  */
static void every_option_works_where_it_is_taken (void **state)
{
    (void) state;
    static const char *const samples[] = {
        [CTL_FLAG] = NULL,
        [CTL_TEXT] = "text",
        [CTL_LIST] = "text",
        [CTL_NUMBER] = "5",
        [CTL_DURATION] = "5s",
        [CTL_TIME] = "2h",
        [CTL_CHOICE] = NULL,
    };
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++) {
        const ctl_command *command = &ctl_commands[i];
        for (size_t j = 0; j < CTL_OPTION_COUNT; j++) {
            const ctl_option *option = &ctl_options[j];
            char word[64], choice[64] = "";
            char *words[12];
            int count = 0;
            (void) snprintf (word, sizeof word, "--%s", option->word);
            if (takes_word (command, option->word) &&
                !ctl_command_takes (command, (ctl_option_id) j))
                continue; /*  another option of this word, with choices of its own  */
            if (option->kind == CTL_CHOICE)
                (void) snprintf (
                    choice, sizeof choice, "%.*s", (int) strcspn (option->arg, "|"), option->arg);
            char noun[32], verb[32], value[64];
            (void) snprintf (noun, sizeof noun, "%s", command->noun);
            (void) snprintf (verb, sizeof verb, "%s", command->verb);
            (void) snprintf (value, sizeof value, "%s",
                option->kind == CTL_CHOICE ? choice
                : samples[option->kind]    ? samples[option->kind]
                                           : "");
            if (noun[0] != '\0')
                words[count++] = noun;
            words[count++] = verb;
            for (size_t k = 0; k < command->least; k++)
                words[count++] = verb;
            words[count++] = word;
            if (option->kind != CTL_FLAG)
                words[count++] = value;
            ctl_parsed *parsed = NULL;
            bg_result result = ctl_parse (count, words, NOW_US, &parsed, NULL);
            bool takes = takes_word (command, option->word);
            if (bg_is_ok (result) != takes)
                fail_msg ("%s %s %s: %s", noun, verb, word, takes ? "refused" : "accepted");
            assert_true (!ctl_command_takes (command, (ctl_option_id) j) ||
                         ctl_given (parsed, (ctl_option_id) j));
            ctl_parsed_destroy (&parsed);
        }
    }
}

int main (void)
{
    (void) setenv ("TZ", "UTC", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (options_may_stand_anywhere),
        cmocka_unit_test (each_kind_of_value_is_read),
        cmocka_unit_test (missing_options_give_the_fallback),
        cmocka_unit_test (the_last_of_two_values_counts),
        cmocka_unit_test (until_looks_back_in_history_and_ahead_in_disable),
        cmocka_unit_test (two_dashes_end_the_options),
        cmocka_unit_test (one_dash_is_a_value),
        cmocka_unit_test (without_a_command_nothing_is_wrong_yet),
        cmocka_unit_test (mistakes_are_said_with_what_to_type),
        cmocka_unit_test (a_disable_that_ends_in_the_past_is_refused),
        cmocka_unit_test (every_option_works_where_it_is_taken),
    };
    return cmocka_run_group_tests_name ("ctl_parse", tests, NULL, NULL);
}
