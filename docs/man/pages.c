/*  Man pages, made from their templates and the tables of the source.

        man_pages TEMPLATE JOB-FILE.md >PAGE

    A line @NAME@ of the template is replaced by what the table of that name says; everything else is copied. Built once
    with the table of bugle and once with that of bugle-node (ctl/table.h).
*/
#include "broker/home/config.h"
#include "common/sys/file.h"
#include "ctl/command.h"
#include "docs/man/roff.h"
#include "node/exec/policy.h"
#include "node/shell/config.h"

#include <stdio.h>
#include <stdlib.h>

#define TEMPLATE_MAX ((size_t) 1 << 20)

static const char *job_file;

/*  ---- commands ----  */

static void entry (const char *left, const char *right, bg_buf *out)
{
    bg_buf_append_str (out, ".TP\n\\fB");
    roff_str (left, out);
    bg_buf_append_str (out, "\\fR\n");
    roff_str (right, out);
    bg_buf_append_byte (out, '\n');
}

static void option_entry (const ctl_option *option, const char *text, bg_buf *out)
{
    bg_buf_append_str (out, ".TP\n");
    if (option->letter)
        bg_buf_printf (out, "\\fB\\-%c\\fR, ", option->letter);
    bg_buf_append_str (out, "\\fB\\-\\-");
    roff_str (option->word, out);
    bg_buf_append_str (out, "\\fR");
    if (option->arg) {
        bg_buf_append_str (out, " \\fI");
        roff_str (option->kind == CTL_CHOICE ? "WORD" : option->arg, out);
        bg_buf_append_str (out, "\\fR");
    }
    bg_buf_append_byte (out, '\n');
    roff_str (text, out);
    if (option->kind == CTL_CHOICE) {
        bg_buf_append_str (out, ":\n");
        for (const char *at = option->arg; *at; at++)
            if (*at == '|')
                bg_buf_append_str (out, ", ");
            else
                roff_text (bg_slice_of (at, 1), out);
    }
    bg_buf_append_byte (out, '\n');
}

static bool ends_sentence (const char *text)
{
    size_t size = strlen (text);
    return size > 0 && strchr (".?!", text[size - 1]);
}

static void make_command (const ctl_command *command, bg_buf *out)
{
    static const char *const roles[] = {NULL, "reader", "operator", "author", "admin"};
    BG_AUTO_BUF name = {0};
    ctl_command_name (command, &name);
    BG_AUTO_CHAR title = bg_strdup_printf ("%s %s%s%s", CTL_PROGRAM, bg_buf_cstr (&name),
        command->arguments[0] ? " " : "", command->arguments);
    roff_heading (".SS", bg_slice_str (title), out);
    roff_str (command->text, out);
    bg_buf_append_str (out, ends_sentence (command->text) ? "\n" : ".\n");
    if (command->about[0]) {
        bg_buf_append_str (out, ".PP\n");
        roff_str (command->about, out);
        bg_buf_append_byte (out, '\n');
    }
    if (roles[command->role])
        bg_buf_printf (out, ".PP\nNeeds the role %s, or a higher one.\n", roles[command->role]);
    for (size_t i = 0; i < command->takes_count; i++) {
        ctl_option_id id = command->takes[i].option;
        option_entry (&ctl_options[id], ctl_option_text (command, id), out);
    }
    BG_AUTO_BUF examples = {0};
    for (size_t i = 0; i < command->example_count; i++)
        bg_buf_printf (
            &examples, "# %s\n%s\n", command->examples[i].text, command->examples[i].line);
    bg_buf_append_str (out, ".PP\nFor example:\n");
    roff_block (bg_buf_slice (&examples), out);
}

static void make_commands (bg_buf *out)
{
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++)
        make_command (&ctl_commands[i], out);
}

static void make_nouns (bg_buf *out)
{
    for (size_t i = 0; i < ctl_noun_count; i++)
        entry (ctl_nouns[i].word, ctl_nouns[i].text, out);
}

static void make_options (bg_buf *out)
{
    for (size_t i = 0; i < CTL_OPTION_COUNT; i++)
        if (ctl_options[i].is_global)
            option_entry (&ctl_options[i], ctl_options[i].text, out);
}

typedef struct {
    const char *left;
    const char *right;
} pair;

static void make_exits (bg_buf *out)
{
    static const pair rows[] = {CTL_PROGRAM_EXITS};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        entry (rows[i].left, rows[i].right, out);
}

static void make_environment (bg_buf *out)
{
    static const pair rows[] = {CTL_PROGRAM_ENVIRONMENT};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        entry (rows[i].left, rows[i].right, out);
}

/*  ---- files ----  */

static void make_config (const bg_conf_schema *schema, bg_buf *out)
{
    for (size_t i = 0; i < schema->count; i++) {
        const bg_conf_key *key = &schema->keys[i];
        entry (key->key, key->help, out);
        if (key->fallback) {
            bg_buf_append_str (out, "Default: ");
            roff_str (key->fallback, out);
            bg_buf_append_str (out, ".\n");
        }
    }
}

static void make_broker_config (bg_buf *out)
{
    make_config (&broker_config_schema, out);
}

static void make_node_config (bg_buf *out)
{
    make_config (&node_config_schema, out);
}

static void make_policy (bg_buf *out)
{
    BG_AUTO_BUF text = {0};
    exec_policy_default ("bugle-job", false, &text);
    roff_block (bg_buf_slice (&text), out);
}

static void make_job (bg_buf *out)
{
    BG_AUTO_BUF text = {0};
    bg_error err = {0};
    if (bg_failed (bg_file_read (job_file, TEMPLATE_MAX, &text, &err))) {
        (void) fprintf (stderr, "%s\n", err.message);
        exit (1);
    }
    roff_markdown (bg_buf_slice (&text), out);
}

static void make_version (bg_buf *out)
{
    bg_buf_append_str (out, "Version " BUGLE_VERSION ".\n");
}

/*  ---- the page ----  */

static const struct {
    const char *line;
    void (*make) (bg_buf *out);
} parts[] = {
    {"@COMMANDS@", make_commands},
    {"@NOUNS@", make_nouns},
    {"@OPTIONS@", make_options},
    {"@EXITS@", make_exits},
    {"@ENVIRONMENT@", make_environment},
    {"@BROKER.YAML@", make_broker_config},
    {"@NODE.YAML@", make_node_config},
    {"@POLICY@", make_policy},
    {"@JOB@", make_job},
    {"@VERSION@", make_version},
};

static bool make_line (bg_slice line, bg_buf *out)
{
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (bg_slice_is (line, parts[i].line)) {
            parts[i].make (out);
            return true;
        }
    }
    if (line.size > 1 && line.data[0] == '@') {
        (void) fprintf (stderr, "there is no part %.*s\n", BG_SLICE_ARG (line));
        return false;
    }
    bg_buf_append_slice (out, line);
    bg_buf_append_byte (out, '\n');
    return true;
}

int main (int argc, char **argv)
{
    BG_AUTO_BUF text = {0};
    BG_AUTO_BUF out = {0};
    bg_error err = {0};
    if (argc != 3 || bg_failed (bg_file_read (argv[1], TEMPLATE_MAX, &text, &err))) {
        (void) fprintf (stderr, "usage: man_pages TEMPLATE JOB-FILE.md\n%s\n", err.message);
        return 2;
    }
    job_file = argv[2];
    bg_slice rest = bg_buf_slice (&text);
    while (rest.size) {
        const uint8_t *end = memchr (rest.data, '\n', rest.size);
        size_t size = end ? (size_t) (end - rest.data) : rest.size;
        if (!make_line (bg_slice_of (rest.data, size), &out))
            return 1;
        rest = bg_slice_of (rest.data + size + (end != NULL), rest.size - size - (end != NULL));
    }
    return fwrite (out.data, 1, out.size, stdout) == out.size && fflush (stdout) == 0 ? 0 : 1;
}
