/*  Help: three pages over one table.  */
#include "ctl/help.h"

#include <string.h>

#define WIDTH         78
#define OPTION_COLUMN 30
#define VERB_COLUMN   22

/*  Appends text in lines of at most WIDTH, each after the first with indent blanks before it;
    column is where the first word stands.  */
static void wrap (bg_buf *out, size_t column, size_t indent, const char *text)
{
    const char *blank = "";
    for (const char *at = text; *at != '\0';) {
        size_t size = strcspn (at, " ");
        if (column > indent && column + strlen (blank) + size > WIDTH) {
            bg_buf_printf (out, "\n%*s", (int) indent, "");
            column = indent;
            blank = "";
        }
        bg_buf_append_str (out, blank);
        bg_buf_append (out, at, size);
        column += strlen (blank) + size;
        blank = " ";
        at += size + strspn (at + size, " ");
    }
    bg_buf_append_byte (out, '\n');
}

/*  "  left        text", the text at column.  */
static void entry (bg_buf *out, const char *left, size_t column, const char *text)
{
    bg_buf_printf (out, "  %s", left);
    size_t used = strlen (left) + 2;
    if (used + 2 > column) {
        bg_buf_append_byte (out, '\n');
        used = 0;
    }
    bg_buf_printf (out, "%*s", (int) (column - used), "");
    wrap (out, column, column, text);
}

static void example (bg_buf *out, const ctl_example *row)
{
    bg_buf_printf (out, "  # %s\n  %s\n", row->text, row->line);
}

static void option_entry (bg_buf *out, const ctl_option *option, const char *text)
{
    BG_AUTO_BUF left = {0};
    if (option->letter != 0)
        bg_buf_printf (&left, "-%c, ", option->letter);
    else
        bg_buf_append_str (&left, "    ");
    bg_buf_printf (&left, "--%s", option->word);
    if (option->arg != NULL)
        bg_buf_printf (&left, " %s", option->kind == CTL_CHOICE ? "WORD" : option->arg);
    BG_AUTO_BUF right = {0};
    bg_buf_append_str (&right, text);
    if (option->kind == CTL_CHOICE) {
        bg_buf_append_str (&right, ": ");
        for (const char *at = option->arg; *at != '\0'; at++) {
            if (*at == '|')
                bg_buf_append_str (&right, ", ");
            else
                bg_buf_append_byte (&right, (uint8_t) *at);
        }
    }
    entry (out, bg_buf_cstr (&left), OPTION_COLUMN, bg_buf_cstr (&right));
}

static void global_options (bg_buf *out, const ctl_command *command)
{
    bg_buf_append_str (out, "\nOptions of every command\n");
    for (size_t i = 0; i < CTL_OPTION_COUNT; i++) {
        bool is_own = false;
        for (size_t j = 0; command != NULL && j < command->takes_count; j++)
            is_own |= command->takes[j].option == ctl_options[i].id;
        if (ctl_options[i].is_global && !is_own)
            option_entry (out, &ctl_options[i], ctl_options[i].text);
    }
}

typedef struct {
    const char *left;
    const char *text;
} pair;

static void exit_codes (bg_buf *out)
{
    static const pair rows[] = {CTL_PROGRAM_EXITS};
    bg_buf_append_str (out, "\nExit codes\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        entry (out, rows[i].left, 8, rows[i].text);
}

static void environment (bg_buf *out)
{
    static const pair rows[] = {CTL_PROGRAM_ENVIRONMENT};
    bg_buf_append_str (out, "\nEnvironment\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        entry (out, rows[i].left, VERB_COLUMN, rows[i].text);
}

static void verbs_of (bg_buf *out, const char *noun)
{
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++) {
        const ctl_command *command = &ctl_commands[i];
        if (strcmp (command->noun, noun) != 0)
            continue;
        BG_AUTO_BUF name = {0};
        ctl_command_name (command, &name);
        entry (out, bg_buf_cstr (&name), VERB_COLUMN, command->text);
    }
}

void ctl_help_top (bg_buf *out)
{
    static const ctl_example examples[] = {CTL_PROGRAM_EXAMPLES};
    bg_buf_append_str (out, CTL_PROGRAM " - " CTL_PROGRAM_TEXT "\n\nExamples\n");
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        example (out, &examples[i]);
    bg_buf_append_str (out, "\nUsage: " CTL_PROGRAM_USAGE "\n\nCommands\n");
    verbs_of (out, "");
    for (size_t i = 0; i < ctl_noun_count; i++) {
        bg_buf_printf (out, "\n%c%s: ", ctl_nouns[i].word[0] - 'a' + 'A', ctl_nouns[i].word + 1);
        wrap (out, strlen (ctl_nouns[i].word) + 2, 2, ctl_nouns[i].text);
        verbs_of (out, ctl_nouns[i].word);
    }
    global_options (out, NULL);
    exit_codes (out);
    environment (out);
    bg_buf_append_str (out, "\nMore: " CTL_PROGRAM " COMMAND --help\n");
}

void ctl_help_noun (const ctl_noun *noun, bg_buf *out)
{
    bg_buf_printf (out, CTL_PROGRAM " %s - %s\n\nExamples\n", noun->word, noun->text);
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++) {
        if (strcmp (ctl_commands[i].noun, noun->word) == 0)
            example (out, &ctl_commands[i].examples[0]);
    }
    bg_buf_printf (out, "\nUsage: " CTL_PROGRAM " %s COMMAND [options]\n\nCommands\n", noun->word);
    verbs_of (out, noun->word);
    if (noun->aliases[0] != '\0')
        bg_buf_printf (out, "\nAlso understood as: %s\n", noun->aliases);
    bg_buf_printf (out, "\nMore: " CTL_PROGRAM " %s COMMAND --help\n", noun->word);
}

void ctl_help_command (const ctl_command *command, bg_buf *out)
{
    static const char *const role_words[] = {"", "reader", "operator", "author", "admin"};
    BG_AUTO_BUF name = {0};
    ctl_command_name (command, &name);
    bg_buf_printf (out, CTL_PROGRAM " %s - %s\n\nExamples\n", bg_buf_cstr (&name), command->text);
    for (size_t i = 0; i < command->example_count; i++)
        example (out, &command->examples[i]);
    bg_buf_printf (out, "\nUsage: " CTL_PROGRAM " %s%s%s%s\n", bg_buf_cstr (&name),
        command->arguments[0] != '\0' ? " " : "", command->arguments,
        command->takes_count > 0 && strstr (command->arguments, "[options]") == NULL ? " [options]"
                                                                                     : "");
    if (command->about[0] != '\0') {
        bg_buf_append_byte (out, '\n');
        wrap (out, 0, 0, command->about);
    }
    if (command->takes_count > 0)
        bg_buf_append_str (out, "\nOptions\n");
    for (size_t i = 0; i < command->takes_count; i++) {
        ctl_option_id id = command->takes[i].option;
        option_entry (out, &ctl_options[id], ctl_option_text (command, id));
    }
    global_options (out, command);
    if (command->role != CTL_ROLE_NONE)
        bg_buf_printf (out, "\nNeeds the role %s, or a higher one.\n", role_words[command->role]);
}
