/*  Asking the node that runs: see ask.h.  */
#include "node/main/ask.h"

#include "common/base/now.h"
#include "common/job/names.h"
#include "common/sys/random.h"
#include "common/sys/unixsock.h"

#include <stdlib.h>
#include <unistd.h>

#define ANSWER_US BG_SEC (15)
#define BYTES_MAX (1024 * 1024) /*  of an answer  */

static bg_result not_running (const bg_home *home, bg_result result, bg_error *err)
{
    if (result.code == BG_NOT_ALLOWED || (home->is_system && geteuid () != 0)) {
        bg_ignore (bg_fail (err, BG_NOT_ALLOWED,
            "only root and the account of the node may ask the node of this machine"));
        return bg_hint (err, "run it with sudo, or as the user who runs the node");
    }
    if (result.code != BG_UNREACHABLE)
        return result;
    bg_ignore (bg_fail (err, BG_UNREACHABLE, "the node is not running"));
    return home->is_system ? bg_hint (err, "run: systemctl start bugle-node bugle-exec; or name a "
                                           "node of your own with --home DIR")
                           : bg_hint (err, "start it: bugle-node --home %.400s", home->state);
}

static bg_result open_node (const bg_home *home, bg_frames **frames, bg_error *err)
{
    BG_AUTO_CHAR path = bg_home_path (home, BG_HOME_RUN_NODE, "node.sock");
    int fd = -1;
    bg_result result = bg_unix_connect (path, &fd, err);
    if (bg_failed (result))
        return not_running (home, result, err);
    *frames = bg_frames_create (fd, BYTES_MAX, BYTES_MAX);
    return result;
}

bg_result node_ask_over (bg_frames *node, wire_kind kind, const void *value, bg_arena *arena,
    const wire_control_answer **answer, bg_error *err)
{
    void *said = NULL;
    BG_TRY (
        node_contact_ask (node, kind, value, WIRE_CONTROL_ANSWER, ANSWER_US, arena, &said, err));
    *answer = said;
    return node_said ((*answer)->code, (*answer)->message, (*answer)->hint, err);
}

bg_result node_ask_query (ctl_run *run, const wire_control_query *query,
    const wire_control_answer **answer, bg_error *err)
{
    bg_home home;
    bg_frames *node = NULL;
    BG_TRY (bg_home_look (&home, ctl_text (run->parsed, CTL_OPT_HOME, NULL), err));
    bg_result result = open_node (&home, &node, err);
    if (bg_is_ok (result))
        result = node_ask_over (node, WIRE_CONTROL_QUERY, query, &run->arena, answer, err);
    bg_frames_destroy (&node);
    bg_home_fini (&home);
    return result;
}

/*  ---- one job ----  */

static bool take_job (const wire_control_answer *answer, node_job_found *found)
{
    found->answer = answer;
    if (answer->jobs_count == 0)
        return false;
    const wire_control_job *row = &answer->jobs[0];
    if (row->local && bg_slice_is (row->code, "not-found"))
        found->deleted_version = row->version;
    else
        found->row = row;
    return true;
}

/*  asks is how the question travels.  */
typedef bg_result asker (
    void *ctx, const wire_control_query *query, const wire_control_answer **answer, bg_error *err);

static bg_result find (
    asker *ask, void *ctx, bg_arena *arena, const char *name, node_job_found *found, bg_error *err)
{
    wire_control_query query = {.jobs = true, .document = true, .job = bg_slice_str (name)};
    const wire_control_answer *answer = NULL;
    *found = (node_job_found){0};
    BG_TRY (ask (ctx, &query, &answer, err));
    if (take_job (answer, found) || job_name_is_local (query.job))
        return bg_ok ();
    query.job = bg_arena_printf (arena, JOB_LOCAL_PREFIX "%s", name);
    if (query.job.size > JOB_NAME_MAX)
        return bg_ok ();
    BG_TRY (ask (ctx, &query, &answer, err));
    (void) take_job (answer, found);
    return bg_ok ();
}

static bg_result ask_run (
    void *ctx, const wire_control_query *query, const wire_control_answer **answer, bg_error *err)
{
    return node_ask_query (ctx, query, answer, err);
}

bg_result node_ask_job (ctl_run *run, const char *name, node_job_found *found, bg_error *err)
{
    return find (ask_run, run, &run->arena, name, found, err);
}

typedef struct {
    bg_frames *node;
    bg_arena *arena;
} channel;

static bg_result ask_channel (
    void *ctx, const wire_control_query *query, const wire_control_answer **answer, bg_error *err)
{
    const channel *self = ctx;
    return node_ask_over (self->node, WIRE_CONTROL_QUERY, query, self->arena, answer, err);
}

bg_result node_find_job (
    bg_frames *node, bg_arena *arena, const char *name, node_job_found *found, bg_error *err)
{
    channel self = {node, arena};
    return find (ask_channel, &self, arena, name, found, err);
}

bg_result node_need_job (ctl_run *run, const char *name, node_job_found *found, bg_error *err)
{
    BG_TRY (node_ask_job (run, name, found, err));
    if (found->row)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_NOT_FOUND,
        found->deleted_version ? "the local job '%.200s' was deleted"
                               : "this machine holds no job '%.200s'",
        name));
    return bg_hint (err, "see: bugle-node job list");
}

/*  ---- what is shown ----  */

static json_t *refused_json (const wire_control_job *row)
{
    if (row->code.size == 0 || !row->refused_version)
        return json_null ();
    return json_pack ("{s:o, s:o, s:o}", "version",
        json_integer ((json_int_t) row->refused_version), "code", ctl_json_slice (row->code),
        "message", ctl_json_text_or_null (row->message));
}

json_t *node_job_json (const wire_control_job *row)
{
    const char *last = row->last_us ? wire_run_state_word (row->last_state) : NULL;
    json_t *object =
        json_pack ("{s:o, s:s, s:b, s:o, s:b, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
            ctl_json_slice (row->name), "source", row->local ? "local" : "broker", "read_only",
            !row->local, "category",
            row->local ? ctl_json_text_or_null (row->category) : json_string (NODE_CATEGORY_BROKER),
            "enabled", !row->disabled, "next", ctl_json_time (row->next_us), "schedule",
            ctl_json_text_or_null (row->schedule), "running", row->running, "last_state",
            last ? json_string (last) : json_null (), "last_reason",
            ctl_json_text_or_null (row->last_reason), "last", ctl_json_time (row->last_us),
            "version", row->version ? json_integer ((json_int_t) row->version) : json_null (),
            "key", ctl_json_id (row->key), "refused", refused_json (row));
    bg_assert (object);
    json_object_set_new (object, "waiting_runs", json_integer ((json_int_t) row->waiting_runs));
    json_object_set_new (object, "deleted_itself", json_boolean (row->spent));
    json_object_set_new (object, "problem",
        row->refused_version ? json_null () : ctl_json_text_or_null (row->message));
    return object;
}

static void print_yes_no (const json_t *row, const char *key, bg_buf *text)
{
    bg_buf_append_str (text, json_is_true (json_object_get (row, key)) ? "yes" : "no");
}

void node_print_enabled (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    print_yes_no (row, "enabled", text);
}

void node_print_connected (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    if (json_is_true (json_object_get (row, "enlisted")))
        print_yes_no (row, "connected", text);
}

static void print_open (bool is_running, json_int_t waiting, bg_buf *text)
{
    bg_buf_append_str (text, is_running ? "running" : "waiting");
    if (is_running && waiting > 0)
        bg_buf_printf (text, ", %" JSON_INTEGER_FORMAT " waiting", waiting);
    else if (waiting > 1)
        bg_buf_printf (text, " (%" JSON_INTEGER_FORMAT ")", waiting);
}

/*  One word: what it is doing, or how it went last.  */
static void print_state (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const json_t *refused = json_object_get (row, "refused");
    const char *last = json_string_value (json_object_get (row, "last_state"));
    const char *reason = json_string_value (json_object_get (row, "last_reason"));
    const bool is_running = json_is_true (json_object_get (row, "running"));
    const json_int_t waiting = json_integer_value (json_object_get (row, "waiting_runs"));
    if (json_is_object (refused) && json_is_null (json_object_get (row, "version")))
        bg_buf_printf (text, "refused: %s", json_string_value (json_object_get (refused, "code")));
    else if (is_running || waiting > 0)
        print_open (is_running, waiting, text);
    else if (json_is_true (json_object_get (row, "deleted_itself")))
        bg_buf_printf (text, "deleted itself: %s", last ? last : "-");
    else if (last && reason)
        bg_buf_printf (text, "%s: %s", last, reason);
    else
        bg_buf_append_str (text, last ? last : "-");
}

const ctl_column node_job_columns[] = {
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"category", "CATEGORY", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"enabled", "ENABLED", CTL_CELL_TEXT, CTL_NORMAL, node_print_enabled},
    {"next", "NEXT RUN", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"schedule", "SCHEDULE", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"last", "LAST", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"last_state", "OUTCOME", CTL_CELL_STATE, CTL_NORMAL, print_state},
    {"version", "VERSION", CTL_CELL_NUMBER, CTL_WIDE, NULL},
};
const size_t node_job_column_count = sizeof node_job_columns / sizeof node_job_columns[0];

const ctl_column node_history_columns[] = {
    {"started", "STARTED", CTL_CELL_TIME, CTL_NORMAL, ctl_history_print_when},
    {"job", "JOB", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"state", "STATE", CTL_CELL_STATE, CTL_NORMAL, NULL},
    {"seconds", "TOOK", CTL_CELL_DURATION, CTL_NORMAL, NULL},
    {"run", "RUN", CTL_CELL_ID, CTL_NORMAL, NULL},
    {"finished", "FINISHED", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"schedule", "SCHEDULE", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"exec", "EXEC", CTL_CELL_ID, CTL_WIDE, NULL},
    {"summary", "WHY", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};
const size_t node_history_column_count =
    sizeof node_history_columns / sizeof node_history_columns[0];

wire_history_row node_history_row_of (const wire_run *run, bg_slice target)
{
    return (wire_history_row){.has_run = true, .run = *run, .target = target};
}
