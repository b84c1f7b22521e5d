/*  From argv to a ctl_parsed: noun, verb, arguments, options in any order; `--` ends the options.

    Words that look like options never become arguments unless they stand behind `--`, except a
    single dash (stdin). Options may come before noun and verb (bugle -o json job list): which of
    them a command takes is checked once the command is known. A mistyped word is answered with the
    nearest right one.
*/
#include "ctl/command.h"

#include "common/base/nearest.h"
#include "common/base/utf8.h"
#include "common/job/duration.h"
#include "ctl/option_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MAX  4096
#define FREE_WORDS     200 /*  a command that takes so many has those of another program  */
#define NAME_BYTES_MAX 128 /*  as on the wire  */

struct ctl_parsed {
    const ctl_noun *noun;
    const ctl_command *command;
    const char **words; /*  what is no option: noun, verb, then arguments  */
    size_t word_count;
    size_t first_argument;
    ctl_value values[CTL_OPTION_COUNT];
    int64_t now_us;
};

static const ctl_option *find_long (const char *word, size_t size)
{
    for (size_t i = 0; i < CTL_OPTION_COUNT; i++) {
        if (strlen (ctl_options[i].word) == size && memcmp (ctl_options[i].word, word, size) == 0)
            return &ctl_options[i];
    }
    return NULL;
}

static const ctl_option *find_letter (char letter)
{
    for (size_t i = 0; i < CTL_OPTION_COUNT; i++) {
        if (ctl_options[i].letter == letter && letter != 0)
            return &ctl_options[i];
    }
    return NULL;
}

/*  The nearest option of the command, or of all when there is none yet.  */
static bg_result unknown_option (const ctl_parsed *self, const char *typed, bg_error *err)
{
    const char *words[CTL_OPTION_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < CTL_OPTION_COUNT; i++) {
        if (self->command == NULL || ctl_command_takes (self->command, (ctl_option_id) i))
            words[count++] = ctl_options[i].word;
    }
    size_t dashes = strspn (typed, "-");
    bg_slice bare = bg_slice_of (typed + dashes, strcspn (typed + dashes, "="));
    const char *near = bg_nearest (bare, words, count);
    bg_result result = bg_fail (err, BG_USAGE, "unknown option '%s'", typed);
    return near != NULL ? bg_hint (err, "did you mean --%s?", near) : result;
}

/*  The first value of an option is kept as text until the command is known: kinds are checked then.
 */
typedef struct {
    const ctl_option *option;
    const char *text; /*  NULL for flags  */
} raw_option;

typedef struct {
    raw_option *items;
    size_t count;
    bg_error bad; /*  the first mistake; the command may make its hint better  */
    const char *bad_word;
} raw_options;

static void raw_add (raw_options *raw, const ctl_option *option, const char *text)
{
    raw->items = bg_realloc (raw->items, (raw->count + 1) * sizeof *raw->items);
    raw->items[raw->count++] = (raw_option){option, text};
}

/*  Where the sentence of a mistake goes; NULL when there is an earlier one.  */
static bg_error *raw_bad (raw_options *raw, const char *word)
{
    if (raw->bad_word != NULL)
        return NULL;
    raw->bad_word = word;
    return &raw->bad;
}

/*  --word, --word=value, --word value. Returns how many words of argv it took.  */
static int take_long (raw_options *raw, int left, char *const *argv)
{
    const char *word = argv[0] + 2;
    size_t size = strcspn (word, "=");
    const ctl_option *option = find_long (word, size);
    if (option == NULL) {
        bg_ignore (bg_fail (raw_bad (raw, argv[0]), BG_USAGE, "unknown option '%s'", argv[0]));
        return 1;
    }
    if (option->kind == CTL_FLAG) {
        if (word[size] == '=')
            bg_ignore (
                bg_fail (raw_bad (raw, argv[0]), BG_USAGE, "--%s takes no value", option->word));
        raw_add (raw, option, NULL);
        return 1;
    }
    if (word[size] == '=') {
        raw_add (raw, option, word + size + 1);
        return 1;
    }
    int64_t duration_us;
    const bool may_stand_alone = option->kind == CTL_MAYBE_DURATION;
    if (may_stand_alone && (left < 2 || bg_failed (job_duration_parse (
                                            bg_slice_str (argv[1]), true, &duration_us, NULL)))) {
        raw_add (raw, option, NULL);
        return 1;
    }
    if (left < 2) {
        bg_ignore (bg_fail (raw_bad (raw, argv[0]), BG_USAGE, "--%s needs a value", option->word));
        return 1;
    }
    raw_add (raw, option, argv[1]);
    return 2;
}

/*  -q, -qv, -ojson, -o json.  */
static int take_letters (raw_options *raw, int left, char *const *argv)
{
    for (const char *at = argv[0] + 1; *at != '\0'; at++) {
        const ctl_option *option = find_letter (*at);
        if (option == NULL) {
            bg_ignore (bg_fail (raw_bad (raw, argv[0]), BG_USAGE, "unknown option '%s'", argv[0]));
            return 1;
        }
        if (option->kind == CTL_FLAG) {
            raw_add (raw, option, NULL);
            continue;
        }
        if (at[1] != '\0') {
            raw_add (raw, option, at + 1 + (at[1] == '='));
            return 1;
        }
        if (left < 2) {
            bg_ignore (bg_fail (raw_bad (raw, argv[0]), BG_USAGE, "-%s needs a value", at));
            return 1;
        }
        raw_add (raw, option, argv[1]);
        return 2;
    }
    return 1;
}

static void split (ctl_parsed *self, raw_options *raw, int argc, char *const *argv)
{
    self->words = bg_alloc (((size_t) argc + 1) * sizeof *self->words);
    bool only_words = false;
    for (int i = 0; i < argc;) {
        const char *word = argv[i];
        if (!only_words && strcmp (word, "--") == 0) {
            only_words = true;
            i++;
        } else if (only_words || word[0] != '-' || word[1] == '\0') {
            self->words[self->word_count++] = word;
            i++;
        } else if (word[1] == '-') {
            i += take_long (raw, argc - i, argv + i);
        } else {
            i += take_letters (raw, argc - i, argv + i);
        }
    }
}

/*  The verbs of a noun, or for NULL the nouns and commands of one word.  */
static size_t words_of (const ctl_noun *noun, const char **words)
{
    size_t count = 0;
    for (size_t i = 0; noun == NULL && i < ctl_noun_count; i++)
        words[count++] = ctl_nouns[i].word;
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++) {
        if (strcmp (ctl_commands[i].noun, noun != NULL ? noun->word : "") == 0)
            words[count++] = ctl_commands[i].verb;
    }
    return count;
}

static bg_result unknown_word (const ctl_noun *noun, const char *typed, bg_error *err)
{
    const char *words[CTL_COMMAND_COUNT + 16];
    size_t count = words_of (noun, words);
    const char *near = bg_nearest (bg_slice_str (typed), words, count);
    const char *prefix = noun != NULL ? noun->word : "";
    const char *blank = noun != NULL ? " " : "";
    bg_ignore (
        bg_fail (err, BG_USAGE, "unknown command '" CTL_PROGRAM " %s%s%s'", prefix, blank, typed));
    if (near != NULL)
        return bg_hint (err, "did you mean " CTL_PROGRAM " %s%s%s?", prefix, blank, near);
    return bg_hint (err, "see: " CTL_PROGRAM " help%s%s", blank, prefix);
}

/*  A program may have a command that needs no word; asked for help without one, it shows all of it.  */
static const ctl_command *bare_command (const raw_options *raw)
{
#ifdef CTL_BARE_COMMAND
    for (size_t i = 0; i < raw->count; i++) {
        if (raw->items[i].option->id == CTL_OPT_HELP || raw->items[i].option->id == CTL_OPT_VERSION)
            return NULL;
    }
    return &ctl_commands[CTL_BARE_COMMAND];
#else
    (void) raw;
    return NULL;
#endif
}

static bg_result find_command (ctl_parsed *self, const raw_options *raw, bg_error *err)
{
    if (self->word_count == 0) {
        self->command = bare_command (raw);
        return bg_ok ();
    }
    const char *first = self->words[0];
    self->first_argument = 1;
    self->command = ctl_command_find ("", first);
    if (self->command != NULL)
        return bg_ok ();
    self->noun = ctl_noun_find (first);
    if (self->noun == NULL)
        return unknown_word (NULL, first, err);
    if (self->word_count == 1)
        return bg_ok ();
    self->first_argument = 2;
    self->command = ctl_command_find (self->noun->word, self->words[1]);
    return self->command != NULL ? bg_ok () : unknown_word (self->noun, self->words[1], err);
}

static bg_result see_help (const ctl_parsed *self, bg_error *err)
{
    if (err == NULL || err->hint[0] != '\0' || self->command == NULL)
        return (bg_result){BG_USAGE};
    BG_AUTO_BUF name = {0};
    ctl_command_name (self->command, &name);
    return bg_hint (err, "see: " CTL_PROGRAM " %s --help", bg_buf_cstr (&name));
}

/*  The option of that word which the command takes: a word may have other values in another command (--state).  */
static const ctl_option *of_command (const ctl_command *command, const ctl_option *option)
{
    if (command == NULL || ctl_command_takes (command, option->id))
        return option;
    for (size_t i = 0; i < CTL_OPTION_COUNT; i++) {
        if (strcmp (ctl_options[i].word, option->word) == 0 &&
            ctl_command_takes (command, (ctl_option_id) i))
            return &ctl_options[i];
    }
    return option;
}

static bg_result set_options (ctl_parsed *self, const raw_options *raw, bg_error *err)
{
    if (raw->bad_word != NULL) {
        if (strncmp (raw->bad.message, "unknown", 7) == 0)
            return unknown_option (self, raw->bad_word, err);
        return bg_fail (err, BG_USAGE, "%s", raw->bad.message);
    }
    /*  disable --until looks ahead, history --until looks back.  */
    bool looks_ahead = self->command != NULL && self->command->effect == CTL_CHANGES;
    for (size_t i = 0; i < raw->count; i++) {
        const ctl_option *option = of_command (self->command, raw->items[i].option);
        if (self->command != NULL && !ctl_command_takes (self->command, option->id)) {
            BG_AUTO_BUF name = {0};
            ctl_command_name (self->command, &name);
            return bg_fail (
                err, BG_USAGE, CTL_PROGRAM " %s takes no --%s", bg_buf_cstr (&name), option->word);
        }
        const char *text = raw->items[i].text;
        BG_TRY (ctl_value_set (
            &self->values[option->id], option, text, self->now_us, looks_ahead, err));
    }
    return bg_ok ();
}

static bool is_of_object (ctl_complete kind)
{
    return kind == CTL_COMPLETE_JOB || kind == CTL_COMPLETE_SCHEDULE ||
           kind == CTL_COMPLETE_CALENDAR;
}

/*  A name of an object or target that none can have is a mistake of typing, told before anybody is asked.  */
static bg_result check_name (const char *what, const char *text, bg_error *err)
{
    bg_slice name = bg_slice_str (text);
    if (!bg_utf8_valid (name) || bg_has_control (name, false))
        return bg_fail (err, BG_USAGE, "%s holds characters that are no text", what);
    if (name.size > NAME_BYTES_MAX)
        return bg_fail (
            err, BG_USAGE, "%s has %zu bytes; %d are the most", what, name.size, NAME_BYTES_MAX);
    return bg_ok ();
}

static bg_result check_names (const ctl_parsed *self, bg_error *err)
{
    const ctl_complete kind = self->command->complete;
    /*  Several targets are host lists, which their command takes apart.  */
    const bool is_name =
        is_of_object (kind) || (kind == CTL_COMPLETE_TARGET && self->command->most == 1);
    for (size_t i = 0; is_name && i < ctl_argument_count (self); i++)
        BG_TRY (check_name ("NAME", ctl_argument (self, i), err));
    for (size_t i = 0; i < CTL_OPTION_COUNT; i++) {
        const ctl_option *option = &ctl_options[i];
        if (!is_of_object (option->complete) || !ctl_given (self, option->id))
            continue;
        BG_AUTO_CHAR what = bg_strdup_printf ("--%s", option->word);
        BG_TRY (check_name (what, ctl_text (self, option->id, ""), err));
    }
    return bg_ok ();
}

static bg_result check_arguments (const ctl_parsed *self, bg_error *err)
{
    if (self->command == NULL || ctl_given (self, CTL_OPT_HELP))
        return bg_ok ();
    size_t count = ctl_argument_count (self);
    BG_AUTO_BUF name = {0};
    ctl_command_name (self->command, &name);
    if (count < self->command->least)
        return bg_fail (err, BG_USAGE, CTL_PROGRAM " %s needs %s", bg_buf_cstr (&name),
            self->command->arguments);
    if (count > self->command->most)
        return bg_fail (err, BG_USAGE, CTL_PROGRAM " %s does not take '%s'", bg_buf_cstr (&name),
            ctl_argument (self, self->command->most));
    /*  Words of another program may be anything.  */
    const bool is_command = self->command->most >= FREE_WORDS;
    for (size_t i = 0; i < count && !is_command; i++) {
        if (ctl_argument (self, i)[0] == '\0')
            return bg_fail (
                err, BG_USAGE, CTL_PROGRAM " %s: an empty name means nothing", bg_buf_cstr (&name));
    }
    return check_names (self, err);
}

static bg_result parse (
    ctl_parsed *self, int argc, char *const *argv, raw_options *raw, bg_error *err)
{
    split (self, raw, argc, argv);
    BG_TRY (find_command (self, raw, err));
    if (bg_failed (set_options (self, raw, err)) || bg_failed (check_arguments (self, err)))
        return see_help (self, err);
    return bg_ok ();
}

bg_result ctl_parse (
    int argc, char *const *argv, int64_t now_us, ctl_parsed **parsed, bg_error *err)
{
    ctl_parsed *self = bg_alloc (sizeof *self);
    raw_options raw = {0};
    self->now_us = now_us;
    *parsed = self;
    if (argc > ARGUMENTS_MAX)
        return bg_fail (err, BG_USAGE, "more than %d words on the command line", ARGUMENTS_MAX);
    bg_result result = parse (self, argc, argv, &raw, err);
    free (raw.items);
    return result;
}

void ctl_parsed_destroy (ctl_parsed **self_p)
{
    ctl_parsed *self = *self_p;
    if (self == NULL)
        return;
    for (size_t i = 0; i < CTL_OPTION_COUNT; i++)
        ctl_value_fini (&self->values[i]);
    free (self->words);
    free (self);
    *self_p = NULL;
}

const ctl_command *ctl_parsed_command (const ctl_parsed *self)
{
    return self->command;
}

const ctl_noun *ctl_parsed_noun (const ctl_parsed *self)
{
    return self->noun;
}

size_t ctl_argument_count (const ctl_parsed *self)
{
    return self->word_count > self->first_argument ? self->word_count - self->first_argument : 0;
}

const char *ctl_argument (const ctl_parsed *self, size_t index)
{
    bg_assert (index < ctl_argument_count (self));
    return self->words[self->first_argument + index];
}

bool ctl_given (const ctl_parsed *self, ctl_option_id option)
{
    return self->values[option].is_given;
}

const char *ctl_text (const ctl_parsed *self, ctl_option_id option, const char *fallback)
{
    return ctl_given (self, option) ? self->values[option].text : fallback;
}

int64_t ctl_number (const ctl_parsed *self, ctl_option_id option, int64_t fallback)
{
    bg_assert (ctl_options[option].kind == CTL_NUMBER);
    return ctl_given (self, option) ? self->values[option].number : fallback;
}

int64_t ctl_duration_us (const ctl_parsed *self, ctl_option_id option, int64_t fallback_us)
{
    bg_assert (
        ctl_options[option].kind == CTL_DURATION || ctl_options[option].kind == CTL_MAYBE_DURATION);
    return ctl_given (self, option) ? self->values[option].number : fallback_us;
}

int64_t ctl_time_us (const ctl_parsed *self, ctl_option_id option, int64_t fallback_us)
{
    bg_assert (ctl_options[option].kind == CTL_TIME);
    return ctl_given (self, option) ? self->values[option].number : fallback_us;
}

const char *const *ctl_list (const ctl_parsed *self, ctl_option_id option, size_t *count)
{
    bg_assert (ctl_options[option].kind == CTL_LIST);
    *count = self->values[option].count;
    return self->values[option].items;
}
