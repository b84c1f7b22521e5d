/*  Commands as rows, and a command line as values: what the program's table (table.h) expands to and what the parser
    fills.

    A handler is called with a ctl_run (run.h) that holds a ctl_parsed. Values were checked by the
    parser: a handler reads them by option id and never looks at text it does not own.
*/
#ifndef BUGLE_CTL_COMMAND_H
#define BUGLE_CTL_COMMAND_H

#include "common/base/err.h"
#include "common/base/slice.h"
#ifdef CTL_PROGRAM_TABLE
#include CTL_PROGRAM_TABLE
#else
#include "ctl/table.h"
#endif

#include <stddef.h>
#include <stdint.h>

typedef enum {
    CTL_FLAG,
    CTL_TEXT,
    CTL_LIST,
    CTL_NUMBER,
    CTL_DURATION,
    CTL_MAYBE_DURATION, /*  a flag that may be followed by one; without: INT64_MAX  */
    CTL_TIME,
    CTL_CHOICE,
} ctl_option_kind;

typedef enum {
    CTL_COMPLETE_NONE,
    CTL_COMPLETE_FILE,
    CTL_COMPLETE_DIRECTORY,
    CTL_COMPLETE_JOB,
    CTL_COMPLETE_SCHEDULE,
    CTL_COMPLETE_CALENDAR,
    CTL_COMPLETE_CATEGORY,
    CTL_COMPLETE_TARGET,
    CTL_COMPLETE_GROUP,
    CTL_COMPLETE_EXEC,
    CTL_COMPLETE_CONTEXT,
    CTL_COMPLETE_COMMAND,
    CTL_COMPLETE_SHELL, /*  bash, zsh, fish  */
} ctl_complete;

/*  NONE: no login; the others are those of the broker's logins, in order.  */
typedef enum {
    CTL_ROLE_NONE,
    CTL_ROLE_READER,
    CTL_ROLE_OPERATOR,
    CTL_ROLE_AUTHOR,
    CTL_ROLE_ADMIN,
} ctl_role;

typedef enum { CTL_READS, CTL_CHANGES, CTL_LOCAL } ctl_effect;

#define CTL_NOUN(word, aliases, text)
#define CTL_GLOBAL(ID, word, letter, kind, arg, complete, min, max, text) CTL_OPT_##ID,
#define CTL_OPTION(ID, word, letter, kind, arg, complete, min, max, text) CTL_OPT_##ID,
#define CTL_COMMAND(id, noun, verb, arguments, least, most, role, effect, complete, text)
#define CTL_ABOUT(text)
#define CTL_EXAMPLE(line, text)
#define CTL_TAKES(ID, text)
#define CTL_END(id)
typedef enum {
#include CTL_TABLE
    CTL_OPTION_COUNT
} ctl_option_id;
#undef CTL_GLOBAL
#undef CTL_OPTION
#undef CTL_COMMAND
#define CTL_GLOBAL(ID, word, letter, kind, arg, complete, min, max, text)
#define CTL_OPTION(ID, word, letter, kind, arg, complete, min, max, text)
#define CTL_COMMAND(id, noun, verb, arguments, least, most, role, effect, complete, text)          \
    CTL_CMD_##id,
typedef enum {
#include CTL_TABLE
    CTL_COMMAND_COUNT
} ctl_command_id;
#undef CTL_NOUN
#undef CTL_GLOBAL
#undef CTL_OPTION
#undef CTL_COMMAND
#undef CTL_ABOUT
#undef CTL_EXAMPLE
#undef CTL_TAKES
#undef CTL_END

typedef struct {
    const char *word;
    const char *aliases; /*  separated by blanks  */
    const char *text;
} ctl_noun;

typedef struct {
    ctl_option_id id;
    const char *word; /*  without the dashes  */
    char letter;      /*  0: none  */
    ctl_option_kind kind;
    const char *arg; /*  NULL for flags; the words for a choice  */
    ctl_complete complete;
    int64_t min, max; /*  NUMBER; DURATION in seconds  */
    const char *text;
    bool is_global;
} ctl_option;

typedef struct {
    const char *line;
    const char *text;
} ctl_example;

typedef struct {
    ctl_option_id option;
    const char *text; /*  NULL: the option's own  */
} ctl_takes;

typedef struct {
    ctl_command_id id;
    const char *noun; /*  "" for commands of one word  */
    const char *verb;
    const char *arguments;
    size_t least, most;
    ctl_role role;
    ctl_effect effect;
    ctl_complete complete;
    const char *text;
    const char *about; /*  "" when there is none  */
    const ctl_example *examples;
    size_t example_count;
    const ctl_takes *takes; /*  without the global ones  */
    size_t takes_count;
} ctl_command;

extern const ctl_noun ctl_nouns[];
extern const size_t ctl_noun_count;
extern const ctl_option ctl_options[CTL_OPTION_COUNT];
extern const ctl_command ctl_commands[CTL_COMMAND_COUNT];

/*  The noun by its word or an alias; NULL.  */
const ctl_noun *ctl_noun_find (const char *word);
/*  noun "": a command of one word. NULL when there is none.  */
const ctl_command *ctl_command_find (const char *noun, const char *verb);
/*  True for global options as well.  */
bool ctl_command_takes (const ctl_command *command, ctl_option_id option);
/*  What the option says in this command.  */
const char *ctl_option_text (const ctl_command *command, ctl_option_id option);
/*  "job start", "status".  */
void ctl_command_name (const ctl_command *command, bg_buf *out);

/*  ---- a command line ----  */

/*  now_us: for options of kind TIME that are given as a duration, which lies before now; --until of
    disable asks for the text itself (ctl_text) and reads it with ctl_times_parse_ahead.  */
typedef struct ctl_parsed ctl_parsed;

/*  argv without the program's name. What help, version and usage mistakes need is in *parsed even
    when this fails: BG_USAGE with a sentence and a hint that names the next thing to type. Strings
    are borrowed from argv.  */
bg_result ctl_parse (
    int argc, char *const *argv, int64_t now_us, ctl_parsed **parsed, bg_error *err) BG_CHECKED;
void ctl_parsed_destroy (ctl_parsed **self_p);

/*  NULL when the line has none ("bugle", "bugle job --help"): then help is asked for.  */
const ctl_command *ctl_parsed_command (const ctl_parsed *self);
/*  The noun that was typed, also without a verb; NULL.  */
const ctl_noun *ctl_parsed_noun (const ctl_parsed *self);

size_t ctl_argument_count (const ctl_parsed *self);
const char *ctl_argument (const ctl_parsed *self, size_t index);
/*  True when the option was given, of any kind.  */
bool ctl_given (const ctl_parsed *self, ctl_option_id option);
/*  The last value; fallback when it was not given.  */
const char *ctl_text (const ctl_parsed *self, ctl_option_id option, const char *fallback);
int64_t ctl_number (const ctl_parsed *self, ctl_option_id option, int64_t fallback);
/*  Microseconds.  */
int64_t ctl_duration_us (const ctl_parsed *self, ctl_option_id option, int64_t fallback_us);
/*  Microseconds UTC.  */
int64_t ctl_time_us (const ctl_parsed *self, ctl_option_id option, int64_t fallback_us);
/*  All values of a LIST, in the order given.  */
const char *const *ctl_list (const ctl_parsed *self, ctl_option_id option, size_t *count);

#endif
