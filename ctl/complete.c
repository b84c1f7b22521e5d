/*  Completion: see complete.h. Reads the line like the parser does, but forgives: what is not understood completes to
    nothing.

    Invariant: whatever happens, the process ends within CTL_COMPLETE_MS and says nothing on stderr.
*/
#include "ctl/complete.h"

#include "ctl/handlers.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/*  The line up to the word under the cursor.  */
typedef struct {
    const ctl_noun *noun;
    const ctl_command *command;
    size_t arguments;          /*  of the command, before the word  */
    const ctl_option *pending; /*  its value is the word  */
    bool is_over;              /*  after "--": the rest is a command of the target's  */
    /*  Options that choose where names are asked for.  */
    const char *where[4];
    size_t where_count;
} line;

/*  ---- reading ----  */

static const ctl_option *find_option (const line *self, const char *word, size_t size, char letter)
{
    for (size_t i = 0; i < CTL_OPTION_COUNT; i++) {
        const ctl_option *option = &ctl_options[i];
        bool is_it = word != NULL
                         ? strlen (option->word) == size && memcmp (option->word, word, size) == 0
                         : option->letter == letter;
        if (is_it && (self->command != NULL ? ctl_command_takes (self->command, option->id)
                                            : option->is_global))
            return option;
    }
    return NULL;
}

static void remember (line *self, const ctl_option *option, const char *value)
{
    bool is_place = strcmp (option->word, "context") == 0 || strcmp (option->word, "home") == 0;
    if (!is_place || !option->is_global || self->where_count + 2 > 4)
        return;
    self->where[self->where_count++] =
        strcmp (option->word, "context") == 0 ? "--context" : "--home";
    self->where[self->where_count++] = value;
}

static void read_letters (line *self, const char *word)
{
    for (const char *at = word + 1; *at != '\0'; at++) {
        const ctl_option *option = find_option (self, NULL, 0, *at);
        if (option == NULL || option->kind == CTL_FLAG)
            continue;
        if (at[1] == '\0')
            self->pending = option;
        else
            remember (self, option, at + 1);
        return;
    }
}

static void read_option (line *self, const char *word)
{
    if (word[1] != '-') {
        read_letters (self, word);
        return;
    }
    size_t size = strcspn (word + 2, "=");
    const ctl_option *option = find_option (self, word + 2, size, 0);
    if (option == NULL || option->kind == CTL_FLAG)
        return;
    if (word[2 + size] == '=')
        remember (self, option, word + 3 + size);
    else
        self->pending = option;
}

static void read_word (line *self, const char *word)
{
    if (self->is_over)
        return;
    if (self->pending != NULL) {
        remember (self, self->pending, word);
        self->pending = NULL;
    } else if (strcmp (word, "--") == 0) {
        self->is_over = true;
    } else if (word[0] == '-' && word[1] != '\0') {
        read_option (self, word);
    } else if (self->command != NULL) {
        self->arguments++;
    } else if (self->noun != NULL) {
        self->command = ctl_command_find (self->noun->word, word);
        self->is_over = self->command == NULL;
    } else {
        self->noun = ctl_noun_find (word);
        self->command = self->noun == NULL ? ctl_command_find ("", word) : NULL;
        self->is_over = self->noun == NULL && self->command == NULL;
    }
}

/*  ---- offering ----  */

typedef struct {
    const char *lead; /*  "--output=" when the value is in the same word; ""  */
    const char *begin;
    bg_buf text;
} offers;

static void offer (offers *self, const char *word, size_t size, const char *text)
{
    size_t length = strlen (self->begin);
    if (size < length || memcmp (word, self->begin, length) != 0)
        return;
    bg_buf_append_str (&self->text, self->lead);
    bg_buf_append (&self->text, word, size);
    if (text[0] != '\0')
        bg_buf_printf (&self->text, "\t%s", text);
    bg_buf_append_byte (&self->text, '\n');
}

static void offer_str (offers *self, const char *word, const char *text)
{
    offer (self, word, strlen (word), text);
}

static void offer_verbs (offers *self, const char *noun)
{
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++)
        if (strcmp (ctl_commands[i].noun, noun) == 0)
            offer_str (self, ctl_commands[i].verb, ctl_commands[i].text);
}

static void offer_first (offers *self)
{
    offer_verbs (self, "");
    for (size_t i = 0; i < ctl_noun_count; i++)
        offer_str (self, ctl_nouns[i].word, ctl_nouns[i].text);
}

static void offer_options (offers *self, const line *at)
{
    for (size_t i = 0; i < CTL_OPTION_COUNT; i++) {
        const ctl_option *option = &ctl_options[i];
        if (at->command != NULL ? !ctl_command_takes (at->command, option->id) : !option->is_global)
            continue;
        BG_AUTO_CHAR word = bg_strdup_printf ("--%s", option->word);
        offer_str (
            self, word, at->command ? ctl_option_text (at->command, option->id) : option->text);
    }
}

static void offer_choice (offers *self, const char *words)
{
    for (const char *at = words; *at != '\0';) {
        size_t size = strcspn (at, "|");
        offer (self, at, size, "");
        at += size + (at[size] == '|');
    }
}

/*  ---- names ----  */

static const char *list_noun (ctl_complete what)
{
    switch (what) {
    case CTL_COMPLETE_JOB:
        return "job";
    case CTL_COMPLETE_SCHEDULE:
        return "schedule";
    case CTL_COMPLETE_CALENDAR:
        return "calendar";
    case CTL_COMPLETE_CATEGORY:
        return "category";
    case CTL_COMPLETE_TARGET:
        return "target";
    case CTL_COMPLETE_GROUP:
        return "group";
    case CTL_COMPLETE_EXEC:
        return "exec";
    case CTL_COMPLETE_CONTEXT:
        return "context";
    default:
        return NULL;
    }
}

/*  Runs a list command as if somebody had typed it, into text.  */
static void run_list (ctl_parsed *parsed, FILE *data, FILE *talk, ctl_run_end *end)
{
    ctl_output_options options = {
        .form = CTL_FORM_NAME, .data = data, .talk = talk, .is_quiet = true, .no_header = true};
    ctl_output *out = ctl_output_create (&options);
    ctl_run run = {.parsed = parsed, .out = out, .input = STDIN_FILENO};
    bg_error err = {0};
    bg_ignore (ctl_handler_of (ctl_parsed_command (parsed)->id) (&run, &err));
    end (&run);
    ctl_output_destroy (&out);
}

static void offer_names (offers *self, const line *at, ctl_complete what, ctl_run_end *end)
{
    const char *noun = list_noun (what);
    if (noun == NULL || ctl_command_find (noun, "list") == NULL)
        return;
    const char *words[8] = {noun, "list"};
    int count = 2;
    for (size_t i = 0; i < at->where_count; i++)
        words[count++] = at->where[i];
    ctl_parsed *parsed = NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *data = open_memstream (&text, &size);
    FILE *talk = fopen ("/dev/null", "we");
    if (data != NULL && talk != NULL &&
        bg_is_ok (ctl_parse (count, (char *const *) (uintptr_t) words, 0, &parsed, NULL)))
        run_list (parsed, data, talk, end);
    ctl_parsed_destroy (&parsed);
    if (talk != NULL)
        (void) fclose (talk);
    if (data != NULL)
        (void) fclose (data);
    for (const char *name = text; name != NULL && *name != '\0';) {
        size_t length = strcspn (name, "\n");
        offer (self, name, length, "");
        name += length + (name[length] == '\n');
    }
    free (text);
}

/*  ---- the word ----  */

/*  The first line of the answer.  */
static const char *offer_value (
    offers *self, const line *at, const ctl_option *option, ctl_complete what, ctl_run_end *end)
{
    if (option != NULL && option->kind == CTL_CHOICE)
        offer_choice (self, option->arg);
    else if (what == CTL_COMPLETE_FILE)
        return "file";
    else if (what == CTL_COMPLETE_DIRECTORY)
        return "dir";
    else if (what == CTL_COMPLETE_COMMAND)
        offer_first (self);
    else if (what == CTL_COMPLETE_SHELL)
        offer_choice (self, "bash|zsh|fish");
    else
        offer_names (self, at, what, end);
    return "words";
}

static const char *offer_all (offers *self, const line *at, const char *word, ctl_run_end *end)
{
    self->begin = word;
    if (at->is_over)
        return at->command != NULL ? "file" : "words";
    if (at->pending != NULL)
        return offer_value (self, at, at->pending, at->pending->complete, end);
    const char *equals = strncmp (word, "--", 2) == 0 ? strchr (word, '=') : NULL;
    if (equals != NULL) {
        const ctl_option *option = find_option (at, word + 2, (size_t) (equals - word) - 2, 0);
        BG_AUTO_CHAR lead = bg_slice_dup (bg_slice_of (word, (size_t) (equals - word) + 1));
        if (option == NULL || option->kind == CTL_FLAG)
            return "words";
        self->begin = equals + 1;
        self->lead = lead;
        const char *kind = offer_value (self, at, option, option->complete, end);
        self->lead = "";
        return kind;
    }
    if (word[0] == '-')
        offer_options (self, at);
    else if (at->command != NULL && at->arguments < at->command->most)
        return offer_value (self, at, NULL, at->command->complete, end);
    else if (at->command == NULL && at->noun != NULL)
        offer_verbs (self, at->noun->word);
    else if (at->command == NULL)
        offer_first (self);
    return "words";
}

/*  Too late is as good as nothing: the person is typing.  */
static void give_up (int signo)
{
    (void) signo;
    _exit (0);
}

static void bound_time (void)
{
    struct sigaction action = {.sa_handler = give_up};
    const struct itimerval limit = {.it_value = {.tv_usec = CTL_COMPLETE_MS * 1000}};
    (void) sigaction (SIGALRM, &action, NULL);
    (void) setitimer (ITIMER_REAL, &limit, NULL);
}

int ctl_complete_run (int count, char *const *words, ctl_run_end *end)
{
    line at = {0};
    offers found = {.lead = "", .begin = ""};
    int null = open ("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0)
        (void) dup2 (null, STDERR_FILENO);
    bound_time ();
    for (int i = 0; i + 1 < count; i++)
        read_word (&at, words[i]);
    const char *kind = offer_all (&found, &at, count > 0 ? words[count - 1] : "", end);
    (void) printf ("%s\n", kind);
    (void) fwrite (found.text.data, 1, found.text.size, stdout);
    bg_buf_fini (&found.text);
    (void) fflush (stdout);
    return 0;
}
