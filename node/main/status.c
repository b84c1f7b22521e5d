/*  bugle-node status: how this target is, and what to do about what is wrong.  */
#include "node/main/ask.h"

#include "common/base/now.h"
#include "proto/enlist_code.h"

#define CLOCK_OFF_US BG_MIN (1) /*  more than this is worth a word  */

static void add_problem (json_t *problems, json_t *problem, const char *cure)
{
    json_array_append_new (problems, json_pack ("{s:o, s:s}", "problem", problem, "cure", cure));
}

static json_t *sentence (bg_arena *arena, const char *before, bg_slice text)
{
    return ctl_json_slice (bg_arena_printf (arena, "%s%.*s", before, BG_SLICE_ARG (text)));
}

static void add_job_problems (const wire_control_answer *answer, bg_arena *arena, json_t *problems)
{
    for (size_t i = 0; i < answer->jobs_count; i++) {
        const wire_control_job *job = &answer->jobs[i];
        if (job->code.size == 0 || !job->refused_version)
            continue;
        const bool is_waiting = bg_slice_is (job->code, "waiting");
        add_problem (problems,
            ctl_json_slice (bg_arena_printf (arena, "a version of the job %.*s %s: %.*s (%.*s)",
                BG_SLICE_ARG (job->name), is_waiting ? "waits" : "was refused",
                BG_SLICE_ARG (job->message), BG_SLICE_ARG (job->code))),
            is_waiting   ? "it is taken over by itself when what it needs has come"
            : job->local ? "bugle-node job apply FILE signs it anew"
                         : "bugle-node explain says what the word in brackets means");
    }
}

static void add_exec_problems (const wire_node_state *state, bg_arena *arena, json_t *problems)
{
    if (state->exec_version.size == 0)
        add_problem (problems, json_string ("bugle-exec is not running: nothing can be started"),
            "start it: systemctl start bugle-exec, or bugle-node --home DIR runs both");
    else if (!state->policy)
        add_problem (problems,
            sentence (arena, "bugle-exec starts nothing: ", state->policy_problem),
            "bugle-node enlist and bugle-node job apply write a policy where there is none");
}

static json_t *problems_of (const wire_control_answer *answer, bg_arena *arena)
{
    const wire_node_state *state = &answer->state;
    json_t *problems = json_array ();
    add_exec_problems (state, arena, problems);
    if (state->storage_full)
        add_problem (problems,
            json_string ("no space in the node's store: nothing new starts until there is"),
            "make space on the disk that holds it");
    for (size_t i = 0; i < state->warnings_count; i++) {
        const bg_slice text = state->warnings[i];
        const char *said = bg_arena_str (arena, text);
        /*  Those have a cure of their own above.  */
        if (strstr (said, "bugle-exec is not running") || strstr (said, "starts nothing") ||
            strstr (said, "no space in the node"))
            continue;
        add_problem (problems, ctl_json_slice (text),
            strstr (said, "configured as")
                ? "the name: key of node.yaml, or bugle target rename at the broker"
            : strstr (said, "run, the first is") ? "bugle-node job show NAME; zones are files of "
                                                   "the package tzdata, shared schedules "
                                                   "and calendars come from the broker"
            : strstr (said, "does not know this target")
                ? "its jobs go on meanwhile; bugle-node explain unknown-target says more"
                : "bugle-node check looks further");
    }
    if (answer->enlisted && !state->connected)
        add_problem (problems, sentence (arena, "no connection to the broker ", state->broker),
            "bugle-node check says why; jobs go on running meanwhile");
    if (state->clock_offset_us > CLOCK_OFF_US || state->clock_offset_us < -CLOCK_OFF_US)
        add_problem (problems,
            json_string ("the clocks of this machine and of the broker are over a minute apart"),
            "let a time service set both: timedatectl set-ntp true");
    add_job_problems (answer, arena, problems);
    return problems;
}

static json_t *pairs_json (const wire_pair *pairs, size_t count)
{
    json_t *object = json_object ();
    for (size_t i = 0; i < count; i++) {
        BG_AUTO_CHAR key = bg_slice_dup (pairs[i].key);
        json_object_set_new (object, key, ctl_json_slice (pairs[i].value));
    }
    return object;
}

static json_t *seconds_or_null (bool is_known, int64_t us)
{
    return is_known ? ctl_json_seconds (us) : json_null ();
}

/*  The code that an administrator compares while this machine asks to be enlisted; null otherwise.  */
static json_t *code_json (const wire_control_answer *answer)
{
    if (!answer->pending || answer->authority_hash.size != 32)
        return json_null ();
    return json_string (wire_enlist_code_of (answer->installation, answer->authority_hash.data,
        &answer->broker_key, answer->name, &answer->sign_key, &answer->curve_key)
                            .text);
}

static json_t *status_json (const wire_control_answer *answer)
{
    const wire_node_state *state = &answer->state;
    const bg_slice name = answer->pending ? answer->name : state->name;
    const bg_slice broker = answer->pending ? answer->broker : state->broker;
    json_t *object = json_pack ("{s:b, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "enlisted",
        answer->enlisted, "name", ctl_json_text_or_null (name), "number",
        answer->enlisted ? json_integer ((json_int_t) state->number) : json_null (), "broker",
        ctl_json_text_or_null (broker), "connected", state->connected, "enlisted_at",
        ctl_json_time (state->enlisted_us), "last_poll", ctl_json_time (state->last_poll_us),
        "poll_s", seconds_or_null (state->poll_us > 0, (int64_t) state->poll_us));
    json_object_set_new (object, "pending", json_boolean (answer->pending));
    json_object_set_new (object, "code", code_json (answer));
    json_object_set_new (object, "clock_offset_s",
        seconds_or_null (state->last_poll_us != 0, state->clock_offset_us));
    json_object_set_new (object, "zone", ctl_json_text_or_null (state->zone));
    json_object_set_new (object, "location", ctl_json_text_or_null (state->location));
    json_object_set_new (object, "groups", ctl_json_slices (state->groups, state->groups_count));
    json_object_set_new (object, "labels", pairs_json (state->labels, state->labels_count));
    json_object_set_new (object, "facts", pairs_json (state->facts, state->facts_count));
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"jobs", state->jobs},
        {"local_jobs", state->local_jobs},
        {"waiting", state->waiting},
        {"refused", state->refused},
        {"open_runs", state->open_runs},
        {"waiting_runs", state->waiting_runs},
        {"outbox", state->outbox},
        {"authority_version", state->authority},
        {"membership_version", state->membership},
        {"boot_counter", state->boot_counter},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        json_object_set_new (object, numbers[i].key, json_integer ((json_int_t) numbers[i].value));
    json_t *counters = json_object ();
    for (size_t i = 0; i < state->counters_count; i++) {
        BG_AUTO_CHAR key = bg_slice_dup (state->counters[i].name);
        json_object_set_new (counters, key, json_integer ((json_int_t) state->counters[i].value));
    }
    json_object_set_new (object, "counters", counters);
    json_object_set_new (object, "exec_running", json_boolean (state->exec_version.size > 0));
    json_object_set_new (object, "exec_version", ctl_json_text_or_null (state->exec_version));
    json_object_set_new (object, "policy", json_boolean (state->policy));
    json_object_set_new (object, "version", ctl_json_text_or_null (state->version));
    json_object_set_new (object, "started", ctl_json_time (state->started_us));
    json_object_set_new (object, "target", ctl_json_id (state->target));
    json_object_set_new (object, "installation", ctl_json_id (state->installation));
    return object;
}

static void print_enlisted (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const char *name = json_string_value (json_object_get (row, "name"));
    const char *broker = json_string_value (json_object_get (row, "broker"));
    if (json_is_true (json_object_get (row, "pending")))
        bg_buf_printf (text,
            "not yet: an administrator of the broker %s has to approve %s by its code", broker,
            name);
    else if (!json_is_true (json_object_get (row, "enlisted")))
        bg_buf_append_str (text, "not enlisted: only local jobs run here");
    else
        bg_buf_printf (text, "as %s (target %" JSON_INTEGER_FORMAT ") with broker %s",
            name ? name : "-", json_integer_value (json_object_get (row, "number")),
            broker ? broker : "-");
}

static void print_jobs (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    bg_buf_printf (text, "%" JSON_INTEGER_FORMAT " downloaded, %" JSON_INTEGER_FORMAT " local",
        json_integer_value (json_object_get (row, "jobs")),
        json_integer_value (json_object_get (row, "local_jobs")));
}

static void print_exec (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const char *version = json_string_value (json_object_get (row, "exec_version"));
    bg_buf_printf (text, version ? "running, version %s" : "not running", version);
}

static const ctl_column fields[] = {
    {"enlisted", "Enlisted", CTL_CELL_TEXT, CTL_NORMAL, print_enlisted},
    {"code", "Code", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"enlisted_at", "Since", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"connected", "Connected", CTL_CELL_TEXT, CTL_NORMAL, node_print_connected},
    {"last_poll", "Last poll", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"poll_s", "Polls every", CTL_CELL_DURATION, CTL_NORMAL, NULL},
    {"clock_offset_s", "Clock off by", CTL_CELL_DURATION, CTL_NORMAL, NULL},
    {"zone", "Zone", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"location", "Location", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"groups", "Groups", CTL_CELL_LIST, CTL_NORMAL, NULL},
    {"labels", "Labels", CTL_CELL_LIST, CTL_NORMAL, NULL},
    {"jobs", "Jobs", CTL_CELL_TEXT, CTL_NORMAL, print_jobs},
    {"waiting", "Waiting", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"refused", "Refused", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"open_runs", "Running now", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"waiting_runs", "Waiting to run", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"outbox", "Not reported yet", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"exec_running", "bugle-exec", CTL_CELL_TEXT, CTL_NORMAL, print_exec},
    {"policy", "Policy in force", CTL_CELL_YES, CTL_NORMAL, NULL},
    {"version", "Version", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"started", "Running since", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"facts", "Facts", CTL_CELL_LIST, CTL_WIDE, NULL},
    {"target", "Target id", CTL_CELL_ID, CTL_WIDE, NULL},
};

static void print_problems (ctl_run *run, const json_t *problems)
{
    for (size_t i = 0; i < json_array_size (problems); i++) {
        const json_t *row = json_array_get (problems, i);
        ctl_print (run->out, "%sproblem: %s\n  what to do: %s\n", i == 0 ? "\n" : "",
            json_string_value (json_object_get (row, "problem")),
            json_string_value (json_object_get (row, "cure")));
    }
}

bg_result node_cmd_status (ctl_run *run, bg_error *err)
{
    const wire_control_query query = {.state = true, .jobs = true};
    const wire_control_answer *answer = NULL;
    BG_TRY (node_ask_query (run, &query, &answer, err));
    json_t *object = status_json (answer);
    json_t *problems = problems_of (answer, &run->arena);
    if (json_array_size (problems) > 0)
        run->exit_code = 1;
    json_object_set (object, "problems", problems);
    ctl_object (run->out, "status", fields, sizeof fields / sizeof fields[0], "name", object);
    if (ctl_is_human (run->out))
        print_problems (run, problems);
    json_decref (problems);
    return bg_ok ();
}
