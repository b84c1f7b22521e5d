/*  bugle-swarm: the command line.  */
#include "common/job/duration.h"
#include "common/job/names.h"
#include "common/sys/file.h"
#include "node/shell/zones.h"
#include "proto/token_text.h"
#include "tests/load/swarm/steps.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *argp_program_version = "bugle-swarm " BUGLE_VERSION;

static const char description[] =
    "Simulated targets, hundreds to tens of thousands on one machine, to load a broker with."
    "\v"
    "Each target has the real core of a node and of bugle-exec, a store, keys, a clock, and "
    "sockets of its own to the "
    "broker. "
    "They enlist with the token, stay connected, take documents, run steps as --steps says and "
    "report. Keys come from "
    "--seed, so a later run is the same targets. Verdicts of signature checks are shared inside a "
    "process; the report "
    "says how many were asked and computed.\n"
    "\n"
    "Words for the socket of --control, one line each, answered by one line of JSON:\n"
    "  status                     counts\n"
    "  wait WHAT [SECONDS]        until all are enlisted, connected, current or\n"
    "                             quiet; and when each was\n"
    "  exec ID                    of a start: when it began on each, outcomes\n"
    "  held NAME|KEY VERSION      when each took that document; or newest: since\n"
    "                             reset\n"
    "  produce COUNT PER [RATE]   each that holds a job makes COUNT outcomes of the\n"
    "                             newest, at most PER in a message, RATE a second\n"
    "                             over all; answered by how many targets do\n"
    "  produced                   of the last produce: times of acknowledgement\n"
    "  cut PERCENT, heal          so many lose their connections; have them again\n"
    "  restart PERCENT            so many begin again from their stores\n"
    "  reset, stop                forgets measured times; ends\n"
    "\n"
    "Ends with --for, stop, SIGTERM or SIGINT. Exit code 1: something was lost or done twice, as "
    "the last line says.\n"
    "\n"
    "Examples:\n"
    "  bugle token create --uses 1000 --names 'swarm-*' --group web >token\n"
    "  bugle-swarm --targets 1000 --token @token --control /tmp/swarm.sock\n"
    "  bugle-swarm --targets 300 --token @token --steps fail:10 --churn 1%/10s --for 2m --report "
    "swarm.json";

enum {
    OPTION_SEED = 256,
    OPTION_PREFIX,
    OPTION_GROUPS,
    OPTION_STEPS,
    OPTION_CHURN,
    OPTION_LAG,
    OPTION_CLOCK,
    OPTION_ZONES,
    OPTION_STORE,
    OPTION_PROCESSES,
    OPTION_FOR,
    OPTION_GRACE,
    OPTION_HOLD,
    OPTION_CONTROL,
    OPTION_REPORT,
};

static const struct argp_option options[] = {
    {"targets", 'n', "N", 0, "How many targets (100)", 0},
    {"token", 't', "TOKEN|@FILE|-", 0, "The token to enlist with; else BUGLE_TOKEN", 0},
    {"seed", OPTION_SEED, "S", 0, "A number that all keys come from (1)", 0},
    {"prefix", OPTION_PREFIX, "TEXT", 0, "Names are TEXT00001 and on (swarm-)", 0},
    {"groups", OPTION_GROUPS, "A,B", 0,
        "Groups that every target has to be in; the token gives them", 0},
    {"steps", OPTION_STEPS, "KIND", 0,
        "noop, sleep:MS, fail:PERCENT, output:BYTES, or real processes: real (noop)", 0},
    {"churn", OPTION_CHURN, "PERCENT/EVERY", 0, "So many targets restart so often, as 1%/10s", 0},
    {"lag", OPTION_LAG, "TIME[-TIME]", 0,
        "Every message takes so long, or a time between, either way, as 20ms-50ms", 0},
    {"clock", OPTION_CLOCK, "TIME", 0, "Clocks are off by up to so much either way, as 2s", 0},
    {"zones", OPTION_ZONES, "A,B", 0, "Time zones of the targets, in turn", 0},
    {"store", OPTION_STORE, "memory|DIR", 0, "Where the nodes' stores are (memory)", 0},
    {"processes", OPTION_PROCESSES, "N", 0,
        "So many processes; else as many as the limit of descriptors asks for", 0},
    {"for", OPTION_FOR, "TIME", 0, "End after so long", 0},
    {"grace", OPTION_GRACE, "TIME", 0, "At the end wait so long for what is on its way (5s)", 0},
    {"hold", OPTION_HOLD, NULL, 0,
        "Enlist and connect no further before the order heal comes over --control", 0},
    {"control", OPTION_CONTROL, "PATH", 0, "Make a socket for orders there", 0},
    {"report", OPTION_REPORT, "FILE", 0, "Write a report at the end (JSON)", 0},
    {0},
};

/*  ---- values ----  */

static bg_result read_count (
    const char *text, const char *what, uint64_t max, uint64_t *value, bg_error *err)
{
    char *end = NULL;
    const unsigned long long number = strtoull (text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || number < 1 || number > max)
        return bg_fail (err, BG_USAGE, "%s takes a number from 1 to %llu, not %.40s", what,
            (unsigned long long) max, text);
    *value = number;
    return bg_ok ();
}

static bg_result read_time (const char *text, const char *what, int64_t *time_us, bg_error *err)
{
    if (bg_is_ok (job_duration_parse (bg_slice_str (text), true, time_us, err)) && *time_us >= 0)
        return bg_ok ();
    return bg_fail (err, BG_USAGE, "%s takes a time, as 10s or 2m, not %.40s", what, text);
}

static bg_result read_churn (const char *text, swarm_options *self, bg_error *err)
{
    char *end = NULL;
    self->churn_percent = strtod (text, &end);
    if (end != text && *end == '%')
        end++;
    if (end == text || *end != '/' || self->churn_percent <= 0 || self->churn_percent > 100)
        return bg_fail (
            err, BG_USAGE, "--churn takes a share and a time, as 1%%/10s, not %.40s", text);
    BG_TRY (read_time (end + 1, "--churn", &self->churn_every_us, err));
    if (self->churn_every_us < BG_MS (10))
        return bg_fail (err, BG_USAGE, "--churn: more often than every 10 ms makes no sense");
    return bg_ok ();
}

static bg_result read_lag (const char *text, swarm_options *self, bg_error *err)
{
    BG_AUTO_CHAR low = bg_strdup (text);
    char *high = strchr (low, '-');
    if (high)
        *high++ = 0;
    BG_TRY (read_time (low, "--lag", &self->lag_low_us, err));
    self->lag_high_us = self->lag_low_us;
    if (high)
        BG_TRY (read_time (high, "--lag", &self->lag_high_us, err));
    if (self->lag_high_us < self->lag_low_us || self->lag_high_us > BG_MIN (1))
        return bg_fail (
            err, BG_USAGE, "--lag takes a time up to 1m, or two with the larger one last");
    return bg_ok ();
}

static bg_result read_token (char *text, swarm_options *self, bg_error *err)
{
    bg_buf_clear (&self->token);
    if (text[0] == '@')
        return bg_file_read (text + 1, WIRE_TOKEN_TEXT_MAX, &self->token, err);
    if (strcmp (text, "-") == 0)
        return bg_fd_read (STDIN_FILENO, "standard input", WIRE_TOKEN_TEXT_MAX, &self->token, err);
    bg_buf_append_str (&self->token, text);
    /*  Nobody should read it in the list of processes.  */
    memset (text, 'x', strlen (text));
    return bg_ok ();
}

static bg_result read_option (int key, char *text, swarm_options *self, bg_error *err)
{
    uint64_t number = 0;
    switch (key) {
    case 'n':
        BG_TRY (read_count (text, "--targets", SWARM_TARGETS_MAX, &number, err));
        self->targets = number;
        return bg_ok ();
    case 't':
        return read_token (text, self, err);
    case OPTION_SEED:
        return read_count (text, "--seed", UINT64_MAX, &self->seed, err);
    case OPTION_PREFIX:
        self->prefix = text;
        return bg_ok ();
    case OPTION_GROUPS:
        self->groups = text;
        return bg_ok ();
    case OPTION_LAG:
        return read_lag (text, self, err);
    case OPTION_STEPS:
        return swarm_steps_parse (text, &self->steps, err);
    case OPTION_CHURN:
        return read_churn (text, self, err);
    case OPTION_CLOCK:
        return read_time (text, "--clock", &self->clock_spread_us, err);
    case OPTION_ZONES:
        self->zones = text;
        return bg_ok ();
    case OPTION_STORE:
        self->store_dir = strcmp (text, "memory") == 0 ? NULL : text;
        return bg_ok ();
    case OPTION_PROCESSES:
        BG_TRY (read_count (text, "--processes", 64, &number, err));
        self->processes = number;
        return bg_ok ();
    case OPTION_FOR:
        BG_TRY (read_time (text, "--for", &self->for_us, err));
        return self->for_us ? bg_ok () : bg_fail (err, BG_USAGE, "--for takes a time above 0");
    case OPTION_GRACE:
        return read_time (text, "--grace", &self->grace_us, err);
    case OPTION_HOLD:
        self->holds = true;
        return bg_ok ();
    case OPTION_CONTROL:
        self->control_path = text;
        return bg_ok ();
    default:
        self->report_path = text;
        return bg_ok ();
    }
}

static error_t parse_option (int key, char *text, struct argp_state *state)
{
    bg_error err = {0};
    if (key == ARGP_KEY_ARG)
        argp_error (state, "unexpected argument \"%s\"", text);
    if (key != 'n' && key != 't' && (key < OPTION_SEED || key > OPTION_REPORT))
        return ARGP_ERR_UNKNOWN;
    if (bg_failed (read_option (key, text, state->input, &err)))
        argp_error (state, "%s%s%s", err.message, err.hint[0] ? "; " : "", err.hint);
    return 0;
}

/*  ---- checks ----  */

/*  The report is written in an hour, perhaps: what cannot be written then is said now. A device is refused, since the
    report takes the place of what is there.  */
static bg_result check_report (const char *path, bg_error *err)
{
    struct stat there;
    if (stat (path, &there) == 0 && !S_ISREG (there.st_mode))
        return bg_fail (err, BG_USAGE, "--report takes a file, and %.200s is none", path);
    BG_AUTO_CHAR dir = bg_path_dir (path);
    if (!*path || access (dir, W_OK) != 0)
        return bg_fail (err, BG_USAGE, "--report: no file can be written at \"%.200s\"", path);
    return bg_ok ();
}

static bg_result check_zones (const char *names, bg_error *err)
{
    BG_AUTO_CHAR list = bg_strdup (names);
    bg_log *log = bg_log_create ("swarm", STDERR_FILENO, BG_LOG_PLAIN);
    node_zones *zones = node_zones_create (NULL, log);
    bg_result result = bg_ok ();
    char *rest = list;
    for (char *name = strsep (&rest, ","); name && bg_is_ok (result); name = strsep (&rest, ","))
        if (*name && !node_zones_get (zones, bg_slice_str (name)))
            result = bg_fail (err, BG_USAGE, "--zones: this machine has no zone %.80s", name);
    node_zones_destroy (&zones);
    bg_log_destroy (&log);
    return result;
}

static bg_result check (swarm_options *self, bg_error *err)
{
    BG_AUTO_ARENA arena = {0};
    wire_token_text token;
    if (self->holds && !self->control_path)
        return bg_fail (
            err, BG_USAGE, "--hold waits for an order, and without --control none comes");
    BG_AUTO_CHAR name = bg_strdup_printf ("%s%05zu", self->prefix, self->targets);
    if (strlen (name) > 60 || bg_failed (job_target_name_valid (bg_slice_str (name), err)))
        return bg_fail (
            err, BG_USAGE, "--prefix %.40s makes names that no target may have", self->prefix);
    if (self->report_path)
        BG_TRY (check_report (self->report_path, err));
    if (self->zones)
        BG_TRY (check_zones (self->zones, err));
    const char *environment = getenv ("BUGLE_TOKEN");
    if (self->token.size == 0 && environment)
        bg_buf_append_str (&self->token, environment);
    (void) unsetenv ("BUGLE_TOKEN");
    if (self->token.size == 0) {
        bg_ignore (bg_fail (err, BG_USAGE, "no token was given"));
        return bg_hint (err, "an administrator makes one with: bugle token create --uses N --names "
                             "'swarm-*'; then --token @FILE");
    }
    BG_TRY (wire_token_text_parse (bg_buf_slice (&self->token), &arena, &token, err));
    return self->store_dir ? bg_dir_make (self->store_dir, 0700, err) : bg_ok ();
}

int main (int argc, char **argv)
{
    swarm_options self = {.targets = 100, .seed = 1, .prefix = "swarm-", .grace_us = BG_SEC (5)};
    const struct argp parser = {options, parse_option, NULL, description, NULL, NULL, NULL};
    argp_err_exit_status = 2;
    if (argp_parse (&parser, argc, argv, 0, NULL, &self))
        return 2;
    bg_error err = {0};
    int exit_code;
    if (bg_failed (check (&self, &err))) {
        fprintf (stderr, "bugle-swarm: %s\n", err.message);
        if (err.hint[0])
            fprintf (stderr, "  %s\n", err.hint);
        exit_code = bg_code_exit (err.code);
    } else {
        exit_code = swarm_parent_run (&self);
    }
    bg_buf_fini (&self.token);
    return exit_code;
}
