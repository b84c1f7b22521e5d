/*  help and version.  */
#include "ctl/help.h"
#include "ctl/run.h"

#include "proto/wire.h"

bg_result ctl_help (ctl_run *run, bg_error *err)
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
        bg_ignore (bg_fail (err, BG_USAGE, "there is no command 'bugle %s%s%s'", first,
            second != NULL ? " " : "", second != NULL ? second : ""));
        return bg_hint (
            err, "see: bugle help%s%s", noun != NULL ? " " : "", noun != NULL ? noun->word : "");
    }
    ctl_print_slice (run->out, bg_buf_slice (&text));
    return bg_ok ();
}

bg_result ctl_version (ctl_run *run, bg_error *err)
{
    (void) err;
    if (ctl_is_human (run->out)) {
        ctl_print (run->out, "bugle %s\n", BUGLE_VERSION);
        return bg_ok ();
    }
    ctl_object (run->out, "version", NULL, 0, "version",
        json_pack ("{s:s, s:i}", "version", BUGLE_VERSION, "protocol", WIRE_LEVEL));
    return bg_ok ();
}
