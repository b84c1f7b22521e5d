/*  help, version and explain.  */
#include "ctl/help.h"
#include "ctl/run.h"

#include "common/base/nearest.h"
#include "common/base/reasons.h"
#include "proto/wire.h"

bg_result CTL_HANDLER (help) (ctl_run *run, bg_error *err)
{
    BG_AUTO_BUF text = {0};
    size_t count = ctl_argument_count (run->parsed);
    const char *first = count > 0 ? ctl_argument (run->parsed, 0) : NULL;
    const char *second = count > 1 ? ctl_argument (run->parsed, 1) : NULL;
    const ctl_noun *noun = first != NULL ? ctl_noun_find (first) : NULL;
    const ctl_command *command = NULL;
    if (first != NULL)
        command = second != NULL && noun != NULL ? ctl_command_find (noun->word, second)
                                                 : ctl_command_find ("", first);
    if (command != NULL && (noun != NULL || second == NULL))
        ctl_help_command (command, &text);
    else if (noun != NULL && second == NULL)
        ctl_help_noun (noun, &text);
    else if (first == NULL)
        ctl_help_top (&text);
    else {
        bg_ignore (bg_fail (err, BG_USAGE, "there is no command '" CTL_PROGRAM " %s%s%s'", first,
            second != NULL ? " " : "", second != NULL ? second : ""));
        return bg_hint (err, "see: " CTL_PROGRAM " help%s%s", noun != NULL ? " " : "",
            noun != NULL ? noun->word : "");
    }
    ctl_print_slice (run->out, bg_buf_slice (&text));
    return bg_ok ();
}

bg_result CTL_HANDLER (version) (ctl_run *run, bg_error *err)
{
    (void) err;
    if (ctl_is_human (run->out)) {
        ctl_print (run->out, CTL_PROGRAM " %s\n", BUGLE_VERSION);
        return bg_ok ();
    }
    ctl_object (run->out, "version", NULL, 0, "version",
        json_pack ("{s:s, s:i}", "version", BUGLE_VERSION, "protocol", WIRE_LEVEL));
    return bg_ok ();
}

/*  ---- explain ----  */

static json_t *reason_json (const bg_reason *row)
{
    return json_pack ("{s:s, s:s, s:s, s:s, s:s}", "reason", row->word, "meaning", row->meaning,
        "broker", row->broker, "target", row->target, "cure", row->cure);
}

static bg_result no_reason (bg_slice word, bg_error *err)
{
    const char *words[128];
    size_t count = 0;
    for (const bg_reason *row = bg_reasons; row->word; row++) {
        bg_assert (count < sizeof words / sizeof words[0]);
        words[count++] = row->word;
    }
    const char *nearest = bg_nearest (word, words, count);
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "'%.*s' is no reason", BG_SLICE_ARG (word)));
    return nearest != NULL ? bg_hint (err, "did you mean %s?", nearest)
                           : bg_hint (err, "all of them: " CTL_PROGRAM " explain");
}

/*  Commands stand in backquotes in the table, for the page; a terminal shows them in quotes.  */
static void print_part (ctl_run *run, const char *title, const char *text)
{
    BG_AUTO_CHAR copy = bg_slice_dup (bg_slice_str (text));
    for (char *at = copy; *at; at++)
        if (*at == '`')
            *at = '\'';
    ctl_print (run->out, "  %-15s %s\n", title, copy);
}

static void explain_one (ctl_run *run, const bg_reason *row)
{
    if (!ctl_is_human (run->out)) {
        ctl_object (run->out, "reason", NULL, 0, row->word, reason_json (row));
        return;
    }
    ctl_print (run->out, "%s: %s\n", row->word, row->meaning);
    print_part (run, "at the broker:", row->broker);
    print_part (run, "on the target:", row->target);
    print_part (run, "what to do:", row->cure);
}

bg_result CTL_HANDLER (explain) (ctl_run *run, bg_error *err)
{
    if (ctl_argument_count (run->parsed) > 0) {
        bg_slice word = bg_slice_str (ctl_argument (run->parsed, 0));
        const bg_reason *row = bg_reason_find (word);
        if (row == NULL)
            return no_reason (word, err);
        explain_one (run, row);
        return bg_ok ();
    }
    static const ctl_column columns[] = {
        {"reason", "REASON", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {"meaning", "MEANING", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {"cure", "WHAT TO DO", CTL_CELL_TEXT, CTL_WIDE, NULL},
    };
    ctl_list_begin (run->out, "reasons", columns, sizeof columns / sizeof columns[0], "reason");
    for (const bg_reason *row = bg_reasons; row->word; row++)
        ctl_list_row (run->out, reason_json (row));
    ctl_list_end (run->out, false, 0);
    return bg_ok ();
}
