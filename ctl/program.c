/*  Life of a program with commands: see program.h.  */
#include "ctl/program.h"

#include "common/sys/clock.h"
#include "common/sys/random.h"
#include "ctl/complete.h"
#include "ctl/handlers.h"
#include "ctl/help.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*  Tables need to know how wide characters are; where the locale says nothing, text is UTF-8 all
 * the same.  */
static void set_locale (void)
{
    (void) setlocale (LC_ALL, "");
    if (strcmp (nl_langinfo (CODESET), "UTF-8") != 0)
        (void) setlocale (LC_CTYPE, "C.UTF-8");
    (void) setlocale (LC_NUMERIC, "C");
}

static bool may_color (const ctl_parsed *parsed)
{
    const char *no_color = getenv ("NO_COLOR");
    const char *terminal = getenv ("TERM");
    bool is_dumb = terminal == NULL || strcmp (terminal, "dumb") == 0;
    return isatty (STDOUT_FILENO) == 1 && !is_dumb && (no_color == NULL || no_color[0] == '\0') &&
           !ctl_given (parsed, CTL_OPT_NO_COLOR);
}

static bg_result make_output (const ctl_parsed *parsed, ctl_output **out, bg_error *err)
{
    ctl_output_options options = {
        .form = CTL_FORM_TABLE,
        .data = stdout,
        .talk = stderr,
        .is_quiet = ctl_given (parsed, CTL_OPT_QUIET),
        .is_verbose = ctl_given (parsed, CTL_OPT_VERBOSE),
        .is_utc = ctl_given (parsed, CTL_OPT_UTC),
        .no_header = ctl_given (parsed, CTL_OPT_NO_HEADER),
        .has_color = may_color (parsed),
        .talk_is_terminal = isatty (STDERR_FILENO) == 1,
        .data_is_terminal = isatty (STDOUT_FILENO) == 1,
    };
    const char *from_environment = getenv ("BUGLE_OUTPUT");
    const char *word = ctl_text (parsed, CTL_OPT_OUTPUT, from_environment);
    bool is_known = word == NULL || word[0] == '\0' || ctl_form_parse (word, &options.form);
    *out = ctl_output_create (&options);
    if (!is_known) {
        bg_ignore (bg_fail (err, BG_USAGE, "BUGLE_OUTPUT is '%s'", word));
        return bg_hint (err, "it may be table, wide, json, jsonl, yaml or name");
    }
    return bg_ok ();
}

/*  Help for as much of a command as was typed. Asked for, it is data; otherwise it tells what was
 * missing.  */
static int show_help (const ctl_parsed *parsed)
{
    BG_AUTO_BUF text = {0};
    if (ctl_parsed_command (parsed) != NULL)
        ctl_help_command (ctl_parsed_command (parsed), &text);
    else if (ctl_parsed_noun (parsed) != NULL)
        ctl_help_noun (ctl_parsed_noun (parsed), &text);
    else
        ctl_help_top (&text);
    bool is_asked = ctl_given (parsed, CTL_OPT_HELP);
    (void) fwrite (text.data, 1, text.size, is_asked ? stdout : stderr);
    return is_asked ? 0 : bg_code_exit (BG_USAGE);
}

static int run_command (const ctl_parsed *parsed, ctl_output *out, ctl_run_end *end)
{
    ctl_run run = {.parsed = parsed, .out = out, .input = STDIN_FILENO};
    bg_error err = {0};
    bg_result result = ctl_handler_of (ctl_parsed_command (parsed)->id) (&run, &err);
    int code = run.exit_code;
    if (bg_failed (result)) {
        err.code = result.code;
        ctl_print_error (out, &err);
        code = bg_code_exit (result.code);
    }
    end (&run);
    return code;
}

/*  What was printed must have arrived: a full disk behind a redirection is an error of ours to
 * tell.  */
static int finish (ctl_output *out, int code)
{
    if (fflush (stdout) == 0 && !ferror (stdout))
        return code;
    if (errno == EPIPE)
        return code != 0 ? code : 1;
    bg_error err = {0};
    bg_ignore (bg_fail_errno (&err, BG_IO, "cannot write the result"));
    ctl_print_error (out, &err);
    return code != 0 ? code : bg_code_exit (BG_IO);
}

static int act (const ctl_parsed *parsed, ctl_output *out, ctl_run_end *end)
{
    if (ctl_given (parsed, CTL_OPT_HELP))
        return show_help (parsed);
    if (ctl_given (parsed, CTL_OPT_VERSION)) {
        (void) printf (CTL_PROGRAM " %s\n", BUGLE_VERSION);
        return 0;
    }
    if (ctl_parsed_command (parsed) == NULL)
        return show_help (parsed);
    return run_command (parsed, out, end);
}

int ctl_program_run (int argc, char **argv, ctl_run_end *end)
{
    set_locale ();
    ctl_parsed *parsed = NULL;
    ctl_output *out = NULL;
    bg_error err = {0};
    bg_error output_err = {0};
    bg_result result = bg_crypto_init (&err);
    if (bg_is_ok (result) && argc > 1 && strcmp (argv[1], "__complete") == 0)
        return ctl_complete_run (argc - 2, argv + 2, end);
    if (bg_is_ok (result))
        result = ctl_parse (argc - 1, argv + 1, bg_clock_utc_us (), &parsed, &err);
    if (parsed == NULL) {
        (void) fprintf (stderr, "error: %s\n", err.message);
        return bg_code_exit (result.code);
    }
    bg_result output_result = make_output (parsed, &out, &output_err);
    int code;
    if (bg_failed (result) || bg_failed (output_result)) {
        ctl_print_error (out, bg_failed (result) ? &err : &output_err);
        code = bg_code_exit (bg_failed (result) ? result.code : output_result.code);
    } else {
        code = finish (out, act (parsed, out, end));
    }
    ctl_output_destroy (&out);
    ctl_parsed_destroy (&parsed);
    return code;
}
