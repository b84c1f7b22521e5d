/*  bugle-broker: the command line, and the keeper of the two parts.

    `bugle-broker --home DIR` starts front and core as children and ends with them; `bugle-broker
    front` and `bugle-broker core` are the parts themselves, which systemd starts as units of
    their own.  */
#include "broker/front/front.h"
#include "broker/shell/shell.h"
#include "common/sys/lock.h"
#include "common/sys/parts.h"

#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *argp_program_version = "bugle-broker " BUGLE_VERSION;

enum { OPTION_LOG_JSON = 256, OPTION_LOG_LEVEL, OPTION_PRINT_CONFIG };

typedef struct {
    const char *dir;
    const char *part; /*  NULL: both  */
    const char *log_level;
    bool log_json;
    bool print_config;
    bool is_kept;
} arguments;

static const struct argp_option options_table[] = {
    {"home", 'H', "DIR", 0,
        "Directory that `bugle init` made; without it /etc/bugle and /var/lib/bugle", 0},
    {"log-json", OPTION_LOG_JSON, NULL, 0, "One JSON object per log line", 0},
    {"log-level", OPTION_LOG_LEVEL, "LEVEL", 0, "error, warning, notice, info or debug", 0},
    {"print-config", OPTION_PRINT_CONFIG, NULL, 0, "Print the configuration in force and end", 0},
    {0},
};

static error_t parse_option (int key, char *value, struct argp_state *state)
{
    arguments *self = state->input;
    bg_log_level level;
    switch (key) {
    case 'H':
        self->dir = value;
        return 0;
    case OPTION_LOG_JSON:
        self->log_json = true;
        return 0;
    case OPTION_LOG_LEVEL:
        if (bg_failed (bg_log_parse_level (value, &level, NULL)))
            argp_error (state,
                "\"%s\" is not a log level: write error, warning, notice, info or debug", value);
        self->log_level = value;
        return 0;
    case OPTION_PRINT_CONFIG:
        self->print_config = true;
        return 0;
    case ARGP_KEY_ARG:
        if (self->part || (strcmp (value, "front") != 0 && strcmp (value, "core") != 0))
            argp_error (
                state, "\"%s\" is not a part of the broker: the parts are front and core", value);
        self->part = value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp command_line = {
    .options = options_table,
    .parser = parse_option,
    .args_doc = "[front|core]",
    .doc = "Run a Bugle broker in the foreground: both of its parts, or one alone.\v"
           "Examples:\n"
           "  bugle init --home DIR          make a broker\n"
           "  bugle-broker --home DIR        run it; \"ready\" on stderr: it listens\n"
           "  bugle-broker core --home DIR   one part alone, as systemd units do\n"
           "\n"
           "SIGTERM and Ctrl-C end it. Configuration: DIR/etc/broker.yaml.\n"
           "\n"
           "Exit codes: 0 ended as told, 1 error, 2 wrong usage, 3 there is no broker in DIR.",
};

/*  ---- telling people ----  */

static int fail (const bg_error *err)
{
    fprintf (stderr, "bugle-broker: %s\n", err->message);
    if (err->hint[0])
        fprintf (stderr, "  %s\n", err->hint);
    return bg_code_exit (err->code);
}

static bg_result open_home (const arguments *args, broker_home *home, bg_error *err)
{
    bg_diag *diag = bg_diag_create ();
    bg_result result = broker_home_open (args->dir, home, diag, err);
    if (bg_diag_count (diag) > 0) {
        BG_AUTO_BUF text = {0};
        bg_diag_print (diag, &text);
        fputs (bg_buf_cstr (&text), stderr);
    }
    bg_diag_destroy (&diag);
    return result;
}

static bg_result log_settings (const arguments *args, const broker_home *home,
    bg_log_format *format, bg_log_level *level, bg_error *err)
{
    *format = args->log_json || home->config.log_json ? BG_LOG_JSON : BG_LOG_PLAIN;
    const char *word = args->log_level ? args->log_level : home->config.log_level;
    bg_result result = bg_log_parse_level (word, level, err);
    return bg_failed (result) && !args->log_level ? bg_prefix (err, "%s", home->config_path)
                                                  : result;
}

/*  ---- one part ----  */

static int run_part (const arguments *args, const broker_home *home)
{
    bg_error err = {0};
    int exit_code = 0;
    broker_part_options options = {.name = args->part, .home = home, .is_kept = args->is_kept};
    bg_result result = log_settings (args, home, &options.log_format, &options.log_level, &err);
    if (bg_is_ok (result))
        result = strcmp (args->part, "front") == 0 ? broker_front_run (&options, &exit_code, &err)
                                                   : broker_shell_run (&options, &exit_code, &err);
    return bg_failed (result) ? fail (&err) : exit_code;
}

/*  ---- both ----  */

static void log_ready (bg_log *log, void *arg)
{
    const broker_home *home = arg;
    broker_contact contact = {0};
    if (bg_failed (broker_contact_read (home->home.state, &contact, NULL)))
        bg_log_event (log, BG_LOG_NOTICE, "ready", "name=%s", home->config.name);
    else
        bg_log_event (log, BG_LOG_NOTICE, "ready", "name=%s orders=%s desk=%s enlist=%s ops=%s",
            home->config.name, contact.endpoint[BROKER_ORDERS], contact.endpoint[BROKER_DESK],
            contact.endpoint[BROKER_ENLIST], contact.endpoint[BROKER_OPS]);
}

static bg_result keep_parts (
    const arguments *args, broker_home *home, bg_log *log, int *exit_code, bg_error *err)
{
    const bg_part_options common = {
        .home = home->home.state, .log_json = args->log_json, .log_level = args->log_level};
    const bg_part_command core = bg_part_command_of ("bugle-broker", "core", &common);
    const bg_part_command front = bg_part_command_of ("bugle-broker", "front", &common);
    const bg_part parts[] = {{"core", core.argv}, {"front", front.argv}};
    const bg_parts plan = {
        .parts = parts, .count = 2, .log = log, .log_ready = log_ready, .arg = home};
    return bg_parts_run (&plan, exit_code, err);
}

/*  In the system's directories each part has its own account, which only the service manager gives.  */
static bg_result refuse_system (bg_error *err)
{
    bg_ignore (bg_fail (err, BG_USAGE,
        "in the system's directories the parts of a broker run as services of their own"));
    return bg_hint (
        err, "run: systemctl start bugle-broker; or give a broker of your own with --home DIR");
}

static bg_result run_both (const arguments *args, broker_home *home, int *exit_code, bg_error *err)
{
    if (home->home.is_system)
        return refuse_system (err);
    bg_log_format format;
    bg_log_level level;
    BG_TRY (log_settings (args, home, &format, &level, err));
    BG_AUTO_CHAR lock_path = broker_home_state_path (home, "broker.lock");
    bg_lock *lock = NULL;
    bg_result result = bg_lock_take (lock_path, "bugle-broker", &lock, err);
    if (result.code == BG_BUSY) {
        bg_ignore (bg_prefix (err, "a broker runs in %s already", home->home.state));
        return result;
    }
    BG_TRY (result);
    bg_log *log = bg_log_create ("broker", STDERR_FILENO, format);
    bg_log_set_level (log, level);
    result = keep_parts (args, home, log, exit_code, err);
    bg_log_destroy (&log);
    bg_lock_release (&lock);
    return result;
}

static int run (const arguments *args, broker_home *home)
{
    if (args->print_config) {
        BG_AUTO_BUF text = {0};
        bg_conf_print (&broker_config_schema, &home->config, &text);
        fputs (bg_buf_cstr (&text), stdout);
        return 0;
    }
    if (args->part)
        return run_part (args, home);
    bg_error err = {0};
    int exit_code = 0;
    return bg_failed (run_both (args, home, &exit_code, &err)) ? fail (&err) : exit_code;
}

int main (int argc, char **argv)
{
    arguments args = {.is_kept = bg_parts_join ()};
    argp_err_exit_status = bg_code_exit (BG_USAGE);
    if (argp_parse (&command_line, argc, argv, 0, NULL, &args) != 0)
        return bg_code_exit (BG_USAGE);
    (void) signal (SIGPIPE, SIG_IGN);
    bg_error err = {0};
    broker_home home = {0};
    if (bg_failed (open_home (&args, &home, &err)))
        return fail (&err);
    int exit_code = run (&args, &home);
    broker_home_fini (&home);
    return exit_code;
}
