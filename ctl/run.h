/*  One run of the program: everything a handler needs, made lazily.

    Handlers are bg_result ctl_<id> (ctl_run *run, bg_error *err), of other programs as table.h says. Failing, main prints the error
    (what, why, what to do) and the exit code is that of the error's code. Succeeding, the exit code
    is run->exit_code, which is 0 unless the handler sets it (20 and 21: the outcome was printed
    already). What lives in run->arena lives until the end.

        ctl_client *client = NULL;
        BG_TRY (ctl_run_client (run, &client, err));
        wire_status *status = NULL;
        wire_status_query query = {0};
        BG_TRY (ctl_call (
            client, WIRE_STATUS_QUERY, &query, WIRE_STATUS, (void **)&status, err));
*/
#ifndef BUGLE_CTL_RUN_H
#define BUGLE_CTL_RUN_H

#include "common/base/arena.h"
#include "ctl/command.h"
#include "ctl/output.h"

typedef struct ctl_client ctl_client;
typedef struct ctl_config ctl_config;

typedef struct {
    const ctl_parsed *parsed;
    ctl_output *out;
    bg_arena arena;
    int exit_code;
    int input;          /*  descriptor of stdin  */
    bool stdin_is_read; /*  stdin was taken by -f - or -t -: it can be read once  */
    bool rehearses;     /*  deeds are signed for a question about them only (sign.h)  */
    ctl_config *config; /*  by ctl_run_config  */
    ctl_client *client; /*  by ctl_run_client  */
} ctl_run;

void ctl_run_fini (ctl_run *self);

/*  The directory of identity and contexts (identity.h), opened at the first call. Belongs to run.
 */
bg_result ctl_run_config (ctl_run *self, ctl_config **config, bg_error *err) BG_CHECKED;
/*  The connection to the broker of the context (client.h), made at the first call. Belongs to run.
    With `no broker answered` the code is BG_UNREACHABLE (exit 5).  */
bg_result ctl_run_client (ctl_run *self, ctl_client **client, bg_error *err) BG_CHECKED;

/*  Asks "question [y/N]" on the terminal. True at once with --yes. BG_INTERRUPTED when the answer
    is no; BG_USAGE with the hint to add --yes when nobody can be asked (no terminal, --no-input).
    The question is a sentence that ends with a question mark.  */
bg_result ctl_confirm (ctl_run *self, bg_error *err, const char *question, ...) BG_CHECKED
    BG_PRINTF (3, 4);

/*  All of stdin, at most limit bytes; for one option only.  */
bg_result ctl_read_stdin (ctl_run *self, size_t limit, bg_buf *out, bg_error *err) BG_CHECKED;

typedef bg_result ctl_handler (ctl_run *run, bg_error *err);

#define CTL_NOUN(word, aliases, text)
#define CTL_GLOBAL(ID, word, letter, kind, arg, complete, min, max, text)
#define CTL_OPTION(ID, word, letter, kind, arg, complete, min, max, text)
#define CTL_COMMAND(id, noun, verb, arguments, least, most, role, effect, complete, text)          \
    ctl_handler CTL_HANDLER (id);
#define CTL_ABOUT(text)
#define CTL_EXAMPLE(line, text)
#define CTL_TAKES(ID, text)
#define CTL_END(id)
#include CTL_TABLE
#undef CTL_NOUN
#undef CTL_GLOBAL
#undef CTL_OPTION
#undef CTL_COMMAND
#undef CTL_ABOUT
#undef CTL_EXAMPLE
#undef CTL_TAKES
#undef CTL_END

#endif
