/*  Pages of docs/ whose tables are made from the tables of the source.

        doc_pages FILE...            compares; exit code 1 and the first difference
        doc_pages --bless FILE...    writes the pages with the tables of now

    Built once more with the table of bugle-node (ctl/table.h), for the page of its commands.

    What stands outside the markers (golden.h) is prose and is left alone. A part may stand in any page.
*/
#include "broker/home/config.h"
#include "common/base/reasons.h"
#include "common/job/tokens.h"
#include "ctl/help.h"
#include "node/shell/config.h"
#include "tests/docs/job_pages.h"
#include "tests/wire/golden.h"

#include <stdio.h>
#include <string.h>

/*  ---- configuration ----  */

static void make_broker (bg_buf *out)
{
    bg_conf_reference (&broker_config_schema, out);
}

static void make_node (bg_buf *out)
{
    bg_conf_reference (&node_config_schema, out);
}

/*  ---- results ----  */

static void make_results (bg_buf *out)
{
    bg_buf_append_str (out, "| result | exit code | meaning |\n|---|---:|---|\n");
#define BG_CODE(name, number, word, class, exit, text)                                             \
    bg_buf_printf (out, "| `%s` | %d | %s |\n", word, exit, text);
#include "common/base/codes.def"
#undef BG_CODE
}

/*  ---- tokens ----  */

static void make_tokens (bg_buf *out)
{
    bg_buf_append_str (out, "| token | environment variable | value |\n|---|---|---|\n");
    for (int i = 0; i < JOB_TOKEN_COUNT; i++)
        bg_buf_printf (out, "| `%s` | `BUGLE_%s` | %s |\n", job_token_name ((job_token) i),
            job_token_name ((job_token) i), job_token_text ((job_token) i));
}

/*  ---- commands ----  */

static void add_page (const char *title, const bg_buf *help, bg_buf *out)
{
    bg_buf_printf (out, "## %s\n\n```\n", title);
    bg_buf_append_slice (out, bg_buf_slice (help));
    bg_buf_append_str (out, "```\n\n");
}

static void make_commands (bg_buf *out)
{
    BG_AUTO_BUF top = {0};
    ctl_help_top (&top);
    add_page (CTL_PROGRAM, &top, out);
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++) {
        BG_AUTO_BUF title = {0};
        BG_AUTO_BUF help = {0};
        bg_buf_append_str (&title, CTL_PROGRAM " ");
        ctl_command_name (&ctl_commands[i], &title);
        ctl_help_command (&ctl_commands[i], &help);
        add_page (bg_buf_cstr (&title), &help, out);
    }
}

/*  ---- reasons ----  */

static void make_reasons (bg_buf *out)
{
    for (const bg_reason *row = bg_reasons; row->word; row++)
        bg_buf_printf (out,
            "### `%s`\n\n%s\n\n- At the broker: %s\n- On the target: %s\n- What to do: %s\n\n",
            row->word, row->meaning, row->broker, row->target, row->cure);
}

static const golden_part parts[] = {
    {"broker", make_broker},
    {"node", make_node},
    {"results", make_results},
    {"tokens", make_tokens},
    {"commands", make_commands},
    {"reasons", make_reasons},
    {"keys", job_page_keys},
    {"agent", job_page_agent},
    {"schedules", job_page_schedules},
};

static int do_page (const char *program, const char *path, bool bless)
{
    BG_AUTO_BUF text = {0};
    BG_AUTO_BUF out = {0};
    size_t made = 0;
    if (!golden_read (path, &text) ||
        !golden_rebuild (bg_buf_slice (&text), parts, sizeof parts / sizeof parts[0], &out, &made))
        return 1;
    if (made == 0) {
        (void) fprintf (stderr, "%s: has no marked part\n", path);
        return 1;
    }
    return golden_settle (program, path, bg_buf_slice (&out), bless);
}

int main (int argc, char **argv)
{
    bool bless = argc > 1 && strcmp (argv[1], "--bless") == 0;
    int code = argc > 1 + bless ? 0 : 2;
    for (int i = 1 + bless; i < argc; i++)
        code |= do_page (argv[0], argv[i], bless);
    return code;
}
