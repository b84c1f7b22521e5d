/*  The table of commands as arrays. No functions of commands are named here, so that parser and help link
    without them (handlers.c has those).  */
#include "ctl/command.h"

#include <string.h>

/*  Pass 1: what each command takes, and its examples and paragraph.  */
#define CTL_NOUN(word, aliases, text)
#define CTL_GLOBAL(ID, word, letter, kind, arg, complete, min, max, text)
#define CTL_OPTION(ID, word, letter, kind, arg, complete, min, max, text)
#define CTL_COMMAND(id, noun, verb, arguments, least, most, role, effect, complete, text)          \
    static const ctl_takes takes_##id[] = {
#define CTL_ABOUT(text)
#define CTL_EXAMPLE(line, text)
#define CTL_TAKES(ID, text) {CTL_OPT_##ID, text},
#define CTL_END(id)                                                                                \
    {                                                                                              \
        CTL_OPTION_COUNT, NULL                                                                     \
    }                                                                                              \
    }                                                                                              \
    ;
#include CTL_TABLE
#undef CTL_COMMAND
#undef CTL_EXAMPLE
#undef CTL_TAKES
#undef CTL_END

#define CTL_COMMAND(id, noun, verb, arguments, least, most, role, effect, complete, text)          \
    static const ctl_example examples_##id[] = {
#define CTL_EXAMPLE(line, text) {line, text},
#define CTL_TAKES(ID, text)
#define CTL_END(id)                                                                                \
    {                                                                                              \
        NULL, NULL                                                                                 \
    }                                                                                              \
    }                                                                                              \
    ;
#include CTL_TABLE
#undef CTL_COMMAND
#undef CTL_ABOUT
#undef CTL_EXAMPLE
#undef CTL_END

#define CTL_COMMAND(id, noun, verb, arguments, least, most, role, effect, complete, text)          \
    static const char about_##id[] = ""
#define CTL_ABOUT(text) text
#define CTL_EXAMPLE(line, text)
#define CTL_END(id) ;
#include CTL_TABLE
#undef CTL_COMMAND
#undef CTL_ABOUT
#undef CTL_END

/*  Pass 2: the rows.  */
#define CTL_ABOUT(text)
#define CTL_COMMAND(id, noun, verb, arguments, least, most, role, effect, complete, text)          \
    [CTL_CMD_##id] = {CTL_CMD_##id, noun, verb, arguments, least, most, CTL_ROLE_##role,           \
        CTL_##effect, CTL_COMPLETE_##complete, text, about_##id, examples_##id,                    \
        sizeof examples_##id / sizeof examples_##id[0] - 1, takes_##id,                            \
        sizeof takes_##id / sizeof takes_##id[0] - 1},
#define CTL_END(id)
const ctl_command ctl_commands[CTL_COMMAND_COUNT] = {
#include CTL_TABLE
};
#undef CTL_COMMAND
#define CTL_COMMAND(id, noun, verb, arguments, least, most, role, effect, complete, text)

#undef CTL_GLOBAL
#undef CTL_OPTION
#define CTL_GLOBAL(ID, word, letter, kind, arg, complete, min, max, text)                          \
    [CTL_OPT_##ID] = {CTL_OPT_##ID, word, letter, CTL_##kind, arg, CTL_COMPLETE_##complete, min,   \
        max, text, true},
#define CTL_OPTION(ID, word, letter, kind, arg, complete, min, max, text)                          \
    [CTL_OPT_##ID] = {CTL_OPT_##ID, word, letter, CTL_##kind, arg, CTL_COMPLETE_##complete, min,   \
        max, text, false},
const ctl_option ctl_options[CTL_OPTION_COUNT] = {
#include CTL_TABLE
};
#undef CTL_GLOBAL
#undef CTL_OPTION
#define CTL_GLOBAL(ID, word, letter, kind, arg, complete, min, max, text)
#define CTL_OPTION(ID, word, letter, kind, arg, complete, min, max, text)

#undef CTL_NOUN
#define CTL_NOUN(word, aliases, text) {word, aliases, text},
const ctl_noun ctl_nouns[] = {
#include CTL_TABLE
};
const size_t ctl_noun_count = sizeof ctl_nouns / sizeof ctl_nouns[0];

/*  True when word is one of the blank-separated words of list.  */
static bool has_word (const char *list, const char *word)
{
    size_t length = strchr (word, ' ') == NULL ? strlen (word) : 0;
    for (const char *at = list; length > 0 && (at = strstr (at, word)) != NULL; at += length) {
        bool begins = at == list || at[-1] == ' ';
        if (begins && (at[length] == '\0' || at[length] == ' '))
            return true;
    }
    return false;
}

const ctl_noun *ctl_noun_find (const char *word)
{
    for (size_t i = 0; i < ctl_noun_count; i++) {
        if (strcmp (ctl_nouns[i].word, word) == 0 || has_word (ctl_nouns[i].aliases, word))
            return &ctl_nouns[i];
    }
    return NULL;
}

const ctl_command *ctl_command_find (const char *noun, const char *verb)
{
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++) {
        if (strcmp (ctl_commands[i].noun, noun) == 0 && strcmp (ctl_commands[i].verb, verb) == 0)
            return &ctl_commands[i];
    }
    return NULL;
}

static const ctl_takes *find_takes (const ctl_command *command, ctl_option_id option)
{
    for (size_t i = 0; i < command->takes_count; i++) {
        if (command->takes[i].option == option)
            return &command->takes[i];
    }
    return NULL;
}

bool ctl_command_takes (const ctl_command *command, ctl_option_id option)
{
    return ctl_options[option].is_global || find_takes (command, option) != NULL;
}

const char *ctl_option_text (const ctl_command *command, ctl_option_id option)
{
    const ctl_takes *takes = find_takes (command, option);
    return takes != NULL && takes->text != NULL ? takes->text : ctl_options[option].text;
}

void ctl_command_name (const ctl_command *command, bg_buf *out)
{
    if (command->noun[0] != '\0')
        bg_buf_printf (out, "%s ", command->noun);
    bg_buf_append_str (out, command->verb);
}
