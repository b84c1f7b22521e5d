/*  bugle-exec: the command line.  */
#include "common/sys/log.h"
#include "common/sys/parts.h"
#include "node/exec/shell.h"

#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *argp_program_version = "bugle-exec " BUGLE_VERSION;

static const char description[] =
    "Verifies what a broker sends and runs it: the privileged part of a Bugle node."
    "\v"
    "bugle-exec checks every document and order against the keys of the people who may sign, "
    "against the target's own "
    "membership and against this machine's policy, and starts a supervisor for every run. It "
    "trusts neither the network "
    "nor the node, and talks to nothing but the Unix sockets in its run directory.\n"
    "\n"
    "SIGTERM ends it; runs go on with their supervisors, and their outcomes are reported after the "
    "next start.\n"
    "\n"
    "Files (with --home DIR, and in a system installation):\n"
    "  DIR/exec        /var/lib/bugle/exec    log of what was taken and begun; files of runs\n"
    "  DIR/run         /run/bugle             sockets exec.sock and supervisor.sock\n"
    "  DIR/etc/policy  /etc/bugle/policy      what may run on this machine\n"
    "\n"
    "The policy belongs to root (or to the user who runs bugle-exec) and nobody else may write it. "
    "Without one nothing "
    "starts; 'bugle-node enlist' writes a default one:\n"
    "  [default]\n"
    "  account = bugle-job           steps run as this account\n"
    "  root = no                     may that account be root?\n"
    "  maximum_run_time = 12h        longer runs are ended\n"
    "  hours = 22:00-06:00           runs begin only then, by this machine's zone\n"
    "\n"
    "Examples:\n"
    "  bugle-exec                    the system's own, under systemd\n"
    "  bugle-exec --home ~/bugle     as an ordinary user, in the foreground\n"
    "  bugle-exec --home ~/bugle --log-json 2>exec.log";

enum { OPTION_HOME = 256, OPTION_LOG_JSON, OPTION_LOG_LEVEL };

static const struct argp_option options[] = {
    {"home", OPTION_HOME, "DIR", 0, "Keep everything below DIR instead of the system's directories",
        0},
    {"log-json", OPTION_LOG_JSON, NULL, 0, "Log lines on stderr as JSON", 0},
    {"log-level", OPTION_LOG_LEVEL, "LEVEL", 0,
        "error, warning, notice, info (the default) or debug", 0},
    {0},
};

typedef struct {
    const char *home;
    bool log_json;
    bg_log_level level;
    char *title; /*  all arguments lie behind each other from here on  */
    size_t title_size;
    bool is_kept; /*  as a part of bugle-node  */
} arguments;

static error_t parse_option (int key, char *text, struct argp_state *state)
{
    arguments *self = state->input;
    bg_error err = {0};
    switch (key) {
    case OPTION_HOME:
        if (!text[0])
            argp_error (state, "--home needs a directory");
        self->home = text;
        return 0;
    case OPTION_LOG_JSON:
        self->log_json = true;
        return 0;
    case OPTION_LOG_LEVEL:
        if (bg_failed (bg_log_parse_level (text, &self->level, &err)))
            argp_error (state, "%s", err.message);
        return 0;
    case ARGP_KEY_ARG:
        argp_error (state, "unexpected argument \"%s\"", text);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int fail (const bg_error *err)
{
    fprintf (stderr, "bugle-exec: %s\n", err->message[0] ? err->message : bg_code_text (err->code));
    if (err->hint[0])
        fprintf (stderr, "  %s\n", err->hint);
    return bg_code_exit (err->code);
}

static int run (const arguments *given)
{
    bg_error err = {0};
    bg_home home = {0};
    if (bg_failed (bg_home_init (&home, given->home, &err)))
        return fail (&err);
    bg_log *log =
        bg_log_create ("exec", STDERR_FILENO, given->log_json ? BG_LOG_JSON : BG_LOG_PLAIN);
    bg_log_set_level (log, given->level);
    exec_shell_config config = {.home = &home,
        .title = given->title,
        .title_size = given->title_size,
        .log = log,
        .is_kept = given->is_kept};
    bg_result result = exec_shell_run (&config, &err);
    bg_log_destroy (&log);
    bg_home_fini (&home);
    return bg_failed (result) ? fail (&err) : 0;
}

int main (int argc, char **argv)
{
    char *last = argv[argc - 1];
    arguments given = {.level = BG_LOG_INFO,
        .title = argv[0],
        .title_size = (size_t) (last - argv[0]) + strlen (last) + 1};
    given.is_kept = bg_parts_join ();
    const struct argp parser = {options, parse_option, NULL, description, NULL, NULL, NULL};
    argp_err_exit_status = 2;
    if (argp_parse (&parser, argc, argv, 0, NULL, &given))
        return 2;
    return run (&given);
}
