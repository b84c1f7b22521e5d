/*  Asking the node that runs, for commands that look: status, jobs and history. Nothing is started for it.  */
#ifndef BUGLE_NODE_MAIN_ASK_H
#define BUGLE_NODE_MAIN_ASK_H

#include "ctl/history_view.h"
#include "ctl/run.h"
#include "node/main/commands.h"

/*  The category under which downloaded jobs are shown.  */
#define NODE_CATEGORY_BROKER "Jobs From Broker"

/*  The node's answer, in the run's arena. BG_UNREACHABLE when it does not run, with how to start it; BG_NOT_ALLOWED.  */
bg_result node_ask_query (ctl_run *run, const wire_control_query *query,
    const wire_control_answer **answer, bg_error *err) BG_CHECKED;
/*  The same over a contact that is open.  */
bg_result node_ask_over (bg_frames *node, wire_kind kind, const void *value, bg_arena *arena,
    const wire_control_answer **answer, bg_error *err) BG_CHECKED;

/*  A job by its name; local/NAME is also found as NAME when no downloaded job has that name. NULL in *row when there is
    none; *deleted_version then is that of a local job that was deleted, else 0.  */
typedef struct {
    const wire_control_job *row;
    const wire_control_answer *answer;
    uint64_t deleted_version;
} node_job_found;
bg_result node_ask_job (
    ctl_run *run, const char *name, node_job_found *found, bg_error *err) BG_CHECKED;
/*  BG_NOT_FOUND for one that is not there.  */
bg_result node_need_job (
    ctl_run *run, const char *name, node_job_found *found, bg_error *err) BG_CHECKED;
bg_result node_find_job (bg_frames *node, bg_arena *arena, const char *name, node_job_found *found,
    bg_error *err) BG_CHECKED;

/*  ---- what is shown ----  */

/*  {name, source, read_only, category, enabled, next, schedule, running, last_state, last_reason, last, version, key,
    refused}. New reference.  */
json_t *node_job_json (const wire_control_job *row);
/*  A cell that says "no" as well, where that is news: the value of key "enabled" or "connected".  */
void node_print_enabled (const ctl_output *out, const json_t *row, bg_buf *text);
void node_print_connected (const ctl_output *out, const json_t *row, bg_buf *text);
extern const ctl_column node_job_columns[];
extern const size_t node_job_column_count;
/*  Columns of the history of one machine, over ctl_history_json.  */
extern const ctl_column node_history_columns[];
extern const size_t node_history_column_count;
/*  The run as a row of history; of nobody else than this machine.  */
wire_history_row node_history_row_of (const wire_run *run, bg_slice target);

#endif
