/*  bugle-node: the program. One table of commands; argp reads the options. What each command does is in its own file.  */
#include "common/base/now.h"
#include "common/job/duration.h"
#include "common/sys/log.h"
#include "common/sys/parts.h"
#include "common/sys/random.h"
#include "node/main/commands.h"
#include "node/shell/shell.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_US BG_SEC (60)

const char *argp_program_version = "bugle-node " BUGLE_VERSION;

typedef struct {
    node_command_options command;
    const char *word; /*  the command, NULL: run both parts  */
    bool log_json;
    bool print_config;
    bool is_kept; /*  as a part of bugle-node  */
    const char *log_level;
} arguments;

enum {
    OPT_HOME = 'H',
    OPT_LOG_JSON = 256,
    OPT_PRINT_CONFIG,
    OPT_TOKEN,
    OPT_LOCATION,
    OPT_TIMEOUT,
    OPT_FORCE,
    OPT_NAME,
    OPT_LOG_LEVEL
};

static const struct argp_option options[] = {
    {"home", OPT_HOME, "DIR", 0, "Everything below DIR instead of the system's directories", 1},
    {"log-json", OPT_LOG_JSON, NULL, 0, "Log lines as JSON objects", 1},
    {"log-level", OPT_LOG_LEVEL, "LEVEL", 0, "error, warning, notice, info or debug", 1},
    {"print-config", OPT_PRINT_CONFIG, NULL, 0, "Print the configuration in force and exit", 1},
    {"token", OPT_TOKEN, "@FILE|-|TOKEN", 0,
        "enlist: the token; better from a file or standard input", 2},
    {"name", OPT_NAME, "NAME", 0, "enlist: name of this target (default: short host name)", 2},
    {"location", OPT_LOCATION, "TEXT", 0, "enlist: where the machine stands, for people", 2},
    {"force", OPT_FORCE, NULL, 0, "defect: leave without asking the broker", 3},
    {"timeout", OPT_TIMEOUT, "DURATION", 0,
        "enlist, defect: how long to wait for the broker (default 1m)", 4},
    {0},
};

static const char doc[] =
    "The agent of one target: keeps its jobs, runs them on their schedules, hands in outcomes.\v"
    "Examples:\n"
    "  bugle-node enlist --home DIR --token @FILE   join a broker\n"
    "  bugle-node --home DIR                        run: node and bugle-exec\n"
    "  bugle-node node --home DIR                   the node alone\n"
    "  bugle-node defect --home DIR                 leave the broker\n"
    "  bugle-node defect --force --home DIR         leave one that is gone for good\n"
    "\n"
    "SIGTERM and Ctrl-C end it; runs go on. The token may also be in the environment "
    "variable BUGLE_TOKEN. Configuration: DIR/etc/node.yaml.\n"
    "\n"
    "Exit codes: 0 done, 1 error, 2 wrong usage, 3 a file is missing, 4 not allowed, 5 the "
    "broker does not answer.";

static error_t parse_option (int key, char *value, struct argp_state *state)
{
    arguments *self = state->input;
    bg_error err = {0};
    bg_log_level level;
    switch (key) {
    case OPT_HOME:
        self->command.home = value;
        return 0;
    case OPT_LOG_JSON:
        self->log_json = true;
        return 0;
    case OPT_LOG_LEVEL:
        if (bg_failed (bg_log_parse_level (value, &level, NULL)))
            argp_error (state,
                "\"%s\" is not a log level: write error, warning, notice, info or debug", value);
        self->log_level = value;
        return 0;
    case OPT_PRINT_CONFIG:
        self->print_config = true;
        return 0;
    case OPT_TOKEN:
        self->command.token = value;
        return 0;
    case OPT_NAME:
        self->command.name = value;
        return 0;
    case OPT_LOCATION:
        self->command.location = value;
        return 0;
    case OPT_FORCE:
        self->command.force = true;
        return 0;
    case OPT_TIMEOUT:
        if (bg_failed (
                job_duration_parse (bg_slice_str (value), true, &self->command.timeout_us, &err)))
            argp_error (state, "--timeout: %s", err.message);
        return 0;
    case ARGP_KEY_ARG:
        if (self->word)
            argp_error (state, "one command at a time: '%s' and '%s'", self->word, value);
        self->word = value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int report (bg_result result, const bg_error *err)
{
    if (bg_is_ok (result))
        return 0;
    (void) fprintf (stderr, "error: %s\n", err->message);
    if (err->hint[0])
        (void) fprintf (stderr, "       %s\n", err->hint);
    return bg_code_exit (result.code);
}

static bg_log *open_log (const arguments *self, const node_config *config, const char *part)
{
    bg_log *log = bg_log_create (
        part, STDERR_FILENO, self->log_json || config->log_json ? BG_LOG_JSON : BG_LOG_PLAIN);
    bg_log_level level = BG_LOG_INFO;
    if (bg_is_ok (bg_log_parse_level (
            self->log_level ? self->log_level : config->log_level, &level, NULL)))
        bg_log_set_level (log, level);
    return log;
}

static bg_result run_parts (const arguments *self, bg_log *log, int *exit_code, bg_error *err)
{
    const bg_part_options common = {
        .home = self->command.home, .log_json = self->log_json, .log_level = self->log_level};
    const bg_part_command exec = bg_part_command_of ("bugle-exec", NULL, &common);
    const bg_part_command node = bg_part_command_of ("bugle-node", "node", &common);
    const bg_part parts[] = {{"exec", exec.argv}, {"node", node.argv}};
    const bg_parts plan = {.parts = parts, .count = 2, .log = log};
    return bg_parts_run (&plan, exit_code, err);
}

/*  In the system's directories each part has its own account, which only the service manager gives.  */
static bg_result refuse_system (bg_error *err)
{
    bg_ignore (bg_fail (err, BG_USAGE,
        "in the system's directories the parts of a node run as services of their own"));
    return bg_hint (err, "run: systemctl start bugle-node bugle-exec; or give a node of your own "
                         "with --home DIR");
}

static bg_result run_program (const arguments *self, bool node_only, int *exit_code, bg_error *err)
{
    bg_home home;
    node_config config = {0};
    BG_TRY (bg_crypto_init (err));
    BG_TRY (bg_home_init (&home, self->command.home, err));
    bg_result result = node_config_load (&home, &config, err);
    if (bg_is_ok (result) && self->print_config) {
        BG_AUTO_BUF text = {0};
        bg_conf_print (&node_config_schema, &config, &text);
        (void) fputs (bg_buf_cstr (&text), stdout);
    } else if (bg_is_ok (result) && home.is_system && !node_only) {
        result = refuse_system (err);
    } else if (bg_is_ok (result)) {
        bg_log *log = open_log (self, &config, "node");
        const node_shell_options shell = {&home, &config, log, self->is_kept};
        result = node_only ? node_shell_run (&shell, exit_code, err)
                           : run_parts (self, log, exit_code, err);
        bg_log_destroy (&log);
    }
    node_config_fini (&config);
    bg_home_fini (&home);
    return result;
}

typedef enum { COMMAND_ALL, COMMAND_NODE, COMMAND_ENLIST, COMMAND_DEFECT } command;

static const struct {
    const char *word;
    command command;
} commands[] = {
    {"node", COMMAND_NODE},
    {"enlist", COMMAND_ENLIST},
    {"defect", COMMAND_DEFECT},
};

/*  An option of another command than the one given; NULL when all fit.  */
static const char *misplaced (const arguments *self, command what)
{
    const node_command_options *given = &self->command;
    if (what != COMMAND_ENLIST && (given->token || given->name || given->location))
        return "--token, --name and --location belong to enlist";
    if (what != COMMAND_DEFECT && given->force)
        return "--force belongs to defect";
    return NULL;
}

static bool find_command (const char *word, command *found)
{
    *found = COMMAND_ALL;
    if (!word)
        return true;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp (word, commands[i].word) == 0) {
            *found = commands[i].command;
            return true;
        }
    }
    return false;
}

int main (int argc, char **argv)
{
    arguments self = {.command = {.timeout_us = DEFAULT_TIMEOUT_US}, .is_kept = bg_parts_join ()};
    (void) setvbuf (stdout, NULL, _IOLBF, 0);
    const struct argp parser = {
        options, parse_option, "[node|enlist|defect]", doc, NULL, NULL, NULL};
    argp_err_exit_status = 2;
    (void) argp_parse (&parser, argc, argv, 0, NULL, &self);
    command what;
    if (!find_command (self.word, &what)) {
        (void) fprintf (stderr,
            "error: unknown command '%s'\n       commands: node, enlist, defect; see bugle-node "
            "--help\n",
            self.word);
        return 2;
    }
    const char *wrong = misplaced (&self, what);
    if (wrong) {
        (void) fprintf (stderr, "error: %s\n       see bugle-node --help\n", wrong);
        return 2;
    }
    bg_error err = {0};
    int exit_code = 0;
    bg_result result;
    switch (what) {
    case COMMAND_ENLIST:
        result = node_enlist_command (&self.command, &err);
        break;
    case COMMAND_DEFECT:
        result = node_defect_command (&self.command, &err);
        break;
    default:
        result = run_program (&self, what == COMMAND_NODE, &exit_code, &err);
        break;
    }
    return bg_failed (result) ? report (result, &err) : exit_code;
}
