/*  The table of commands itself, of bugle and, built once more, of bugle-node: what must hold for every row, whoever adds one.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ctl/command.h"

#include <ctype.h>
#include <string.h>

/*  The command that needs no word.  */
static bool is_bare (const ctl_command *command)
{
#ifdef CTL_BARE_COMMAND
    return command->id == CTL_BARE_COMMAND;
#else
    (void) command;
    return false;
#endif
}

static void every_command_has_help_and_an_example_that_begins_with_it (void **state)
{
    (void) state;
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++) {
        const ctl_command *command = &ctl_commands[i];
        BG_AUTO_BUF name = {0};
        ctl_command_name (command, &name);
        assert_int_equal (command->id, i);
        assert_true (strlen (command->text) > 5);
        assert_true (command->example_count > 0);
        bool is_named = false;
        for (size_t j = 0; j < command->example_count; j++) {
            BG_AUTO_BUF wanted = {0};
            bg_buf_append_str (&wanted, CTL_PROGRAM);
            if (!is_bare (command))
                bg_buf_printf (&wanted, " %s", bg_buf_cstr (&name));
            is_named |= strstr (command->examples[j].line, bg_buf_cstr (&wanted)) != NULL;
            assert_true (strlen (command->examples[j].text) > 3);
        }
        assert_true (is_named);
    }
}

/*  A command that reads may have an option that changes something.  */
static bool purges (const ctl_command *command)
{
    for (size_t i = 0; i < command->takes_count; i++)
        if (strcmp (ctl_options[command->takes[i].option].word, "purge") == 0)
            return true;
    return false;
}

static void every_changing_command_takes_dry_run (void **state)
{
    (void) state;
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++) {
        bool changes = ctl_commands[i].effect == CTL_CHANGES || purges (&ctl_commands[i]);
        assert_int_equal (changes, ctl_command_takes (&ctl_commands[i], CTL_OPT_DRY_RUN));
    }
}

static void every_list_can_be_limited_unless_it_is_local (void **state)
{
    (void) state;
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++) {
        const ctl_command *command = &ctl_commands[i];
        bool is_list =
            strcmp (command->verb, "list") == 0 || strcmp (command->verb, "history") == 0;
        if (is_list && command->effect == CTL_READS)
            assert_true (ctl_command_takes (command, CTL_OPT_LIMIT));
    }
}

static void every_command_belongs_to_a_noun_and_is_found_by_its_words (void **state)
{
    (void) state;
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++) {
        const ctl_command *command = &ctl_commands[i];
        assert_true (command->noun[0] == '\0' || ctl_noun_find (command->noun) != NULL);
        assert_ptr_equal (ctl_command_find (command->noun, command->verb), command);
        assert_true (command->least <= command->most);
    }
}

static void assert_never_together (ctl_option_id a, ctl_option_id b)
{
    assert_int_equal (ctl_options[a].kind, ctl_options[b].kind);
    assert_int_equal (ctl_options[a].kind, CTL_CHOICE);
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++)
        assert_false (
            ctl_command_takes (&ctl_commands[i], a) && ctl_command_takes (&ctl_commands[i], b));
}

/*  But for one word with other choices in other commands.  */
static void no_two_options_share_a_word_or_a_letter (void **state)
{
    (void) state;
    for (size_t i = 0; i < CTL_OPTION_COUNT; i++) {
        assert_int_equal (ctl_options[i].id, i);
        assert_true ((ctl_options[i].kind == CTL_FLAG) == (ctl_options[i].arg == NULL));
        for (size_t j = 0; j < i; j++) {
            if (strcmp (ctl_options[i].word, ctl_options[j].word) == 0)
                assert_never_together ((ctl_option_id) i, (ctl_option_id) j);
            assert_true (
                ctl_options[i].letter == 0 || ctl_options[i].letter != ctl_options[j].letter);
        }
    }
}

static void every_option_is_taken_by_some_command (void **state)
{
    (void) state;
    for (size_t i = 0; i < CTL_OPTION_COUNT; i++) {
        bool is_taken = ctl_options[i].is_global;
        for (size_t j = 0; j < CTL_COMMAND_COUNT; j++)
            is_taken |= ctl_command_takes (&ctl_commands[j], (ctl_option_id) i);
        assert_true (is_taken);
    }
}

#ifndef CTL_PROGRAM_TABLE
static void nouns_are_understood_in_the_plural_and_short (void **state)
{
    (void) state;
    assert_string_equal (ctl_noun_find ("jobs")->word, "job");
    assert_string_equal (ctl_noun_find ("tg")->word, "target");
    assert_string_equal (ctl_noun_find ("executions")->word, "exec");
    assert_string_equal (ctl_noun_find ("ctx")->word, "context");
    assert_null (ctl_noun_find ("tgt"));
    assert_null (ctl_noun_find (""));
    assert_null (ctl_noun_find ("execs execution"));
}
#endif

static void texts_are_sentences_without_surprises (void **state)
{
    (void) state;
    for (size_t i = 0; i < CTL_OPTION_COUNT; i++) {
        const char *text = ctl_options[i].text;
        assert_true (islower ((unsigned char) text[0]));
        assert_true (text[strlen (text) - 1] != '.');
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (every_command_has_help_and_an_example_that_begins_with_it),
        cmocka_unit_test (every_changing_command_takes_dry_run),
        cmocka_unit_test (every_list_can_be_limited_unless_it_is_local),
        cmocka_unit_test (every_command_belongs_to_a_noun_and_is_found_by_its_words),
        cmocka_unit_test (no_two_options_share_a_word_or_a_letter),
        cmocka_unit_test (every_option_is_taken_by_some_command),
#ifndef CTL_PROGRAM_TABLE
        cmocka_unit_test (nouns_are_understood_in_the_plural_and_short),
#endif
        cmocka_unit_test (texts_are_sentences_without_surprises),
    };
    return cmocka_run_group_tests_name ("ctl_commands", tests, NULL, NULL);
}
