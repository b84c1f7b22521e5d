/*  bugle-node: the program. Its commands are the rows of commands.def; here are those that run it, and what turns a command
    line into the calls of enlist.c. What the others do is in their own files.  */
#include "common/base/now.h"
#include "common/sys/log.h"
#include "common/sys/parts.h"
#include "common/sys/random.h"
#include "ctl/program.h"
#include "node/main/commands.h"
#include "node/shell/shell.h"

#include <stdio.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_US BG_SEC (60)

/*  ---- running ----  */

typedef struct {
    const char *home;
    const char *log_level;
    bool log_json;
    bool print_config;
    bool node_only;
} running;

static running read_running (const ctl_run *run, bool node_only)
{
    return (running){
        .home = ctl_text (run->parsed, CTL_OPT_HOME, NULL),
        .log_level = ctl_text (run->parsed, CTL_OPT_LOG_LEVEL, NULL),
        .log_json = ctl_given (run->parsed, CTL_OPT_LOG_JSON),
        .print_config = ctl_given (run->parsed, CTL_OPT_PRINT_CONFIG),
        .node_only = node_only,
    };
}

static bg_log *open_log (const running *self, const node_config *config, const char *part)
{
    bg_log *log = bg_log_create (
        part, STDERR_FILENO, self->log_json || config->log_json ? BG_LOG_JSON : BG_LOG_PLAIN);
    bg_log_level level = BG_LOG_INFO;
    if (bg_is_ok (bg_log_parse_level (
            self->log_level ? self->log_level : config->log_level, &level, NULL)))
        bg_log_set_level (log, level);
    return log;
}

static bg_result run_parts (const running *self, bg_log *log, int *exit_code, bg_error *err)
{
    const bg_part_options common = {
        .home = self->home, .log_json = self->log_json, .log_level = self->log_level};
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

static bg_result run_program (const running *self, int *exit_code, bg_error *err)
{
    bg_home home;
    node_config config = {0};
    const bool is_kept = bg_parts_join ();
    BG_TRY (bg_home_init (&home, self->home, err));
    bg_result result = node_config_load (&home, &config, err);
    if (bg_is_ok (result) && self->print_config) {
        BG_AUTO_BUF text = {0};
        bg_conf_print (&node_config_schema, &config, &text);
        (void) fputs (bg_buf_cstr (&text), stdout);
    } else if (bg_is_ok (result) && home.is_system && !self->node_only) {
        result = refuse_system (err);
    } else if (bg_is_ok (result)) {
        bg_log *log = open_log (self, &config, "node");
        const node_shell_options shell = {&home, &config, log, is_kept};
        result = self->node_only ? node_shell_run (&shell, exit_code, err)
                                 : run_parts (self, log, exit_code, err);
        bg_log_destroy (&log);
    }
    node_config_fini (&config);
    bg_home_fini (&home);
    return result;
}

bg_result node_cmd_run (ctl_run *run, bg_error *err)
{
    const running self = read_running (run, false);
    return run_program (&self, &run->exit_code, err);
}

bg_result node_cmd_node (ctl_run *run, bg_error *err)
{
    const running self = read_running (run, true);
    return run_program (&self, &run->exit_code, err);
}

/*  ---- joining and leaving ----  */

static node_command_options read_options (const ctl_run *run)
{
    const ctl_parsed *parsed = run->parsed;
    return (node_command_options){
        .home = ctl_text (parsed, CTL_OPT_HOME, NULL),
        .name = ctl_text (parsed, CTL_OPT_NAME, NULL),
        .location = ctl_text (parsed, CTL_OPT_LOCATION, NULL),
        /*  It lies in argv, where enlist overwrites it.  */
        .token = (char *) (uintptr_t) ctl_text (parsed, CTL_OPT_TOKEN, NULL),
        .timeout_us = ctl_duration_us (parsed, CTL_OPT_TIMEOUT, DEFAULT_TIMEOUT_US),
        .broker = ctl_text (parsed, CTL_OPT_BROKER, NULL),
        .broker_key = ctl_text (parsed, CTL_OPT_BROKER_KEY, NULL),
        .wait_us = ctl_duration_us (parsed, CTL_OPT_WAIT, INT64_MAX),
        .force = ctl_given (parsed, CTL_OPT_FORCE),
        .out = run->out,
    };
}

bg_result node_cmd_enlist (ctl_run *run, bg_error *err)
{
    const node_command_options options = read_options (run);
    return node_enlist_command (&options, err);
}

bg_result node_cmd_defect (ctl_run *run, bg_error *err)
{
    const node_command_options options = read_options (run);
    return node_defect_command (&options, err);
}

static void end_run (ctl_run *run)
{
    bg_arena_fini (&run->arena);
}

int main (int argc, char **argv)
{
    (void) setvbuf (stdout, NULL, _IOLBF, 0);
    return ctl_program_run (argc, argv, end_run);
}
