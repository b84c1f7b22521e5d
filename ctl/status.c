/*  status: how is the broker?  */
#include "ctl/status.h"

#include "ctl/identity.h"
#include "ctl/job_view.h"
#include "ctl/target.h"

#include <stdlib.h>

static const ctl_column fields[] = {
    {"broker", "Broker", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"version", "Version", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"time", "Time", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"started", "Started", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"uptime_s", "Up for", CTL_CELL_DURATION, CTL_NORMAL, NULL},
    {"targets", "Targets", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"connected", "  connected", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"suspected_offline", "  suspected offline", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"jobs", "Jobs", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"running", "  running now", CTL_CELL_NUMBER, CTL_NORMAL, ctl_running_print},
    {"pending", "Deliveries pending", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"failed_deliveries", "  failed", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"runs", "Runs in history", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"store", "Store", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"login", "Login", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"role", "Role", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"context", "Context", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"term", "Term", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"position", "Position", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"authority", "Authority version", CTL_CELL_NUMBER, CTL_WIDE, NULL},
};

static const ctl_column counter_columns[] = {
    {"name", "WHAT", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"value", "COUNT", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
};

static json_t *counters_json (const wire_counter *items, size_t count)
{
    json_t *list = json_array ();
    for (size_t i = 0; i < count; i++)
        json_array_append_new (
            list, json_pack ("{s:o, s:I}", "name", ctl_json_slice (items[i].name), "value",
                      (json_int_t) items[i].value));
    return list;
}

static void set (json_t *object, const char *key, uint64_t value)
{
    json_object_set_new (object, key, json_integer ((json_int_t) value));
}

static const char *backup_word (uint64_t state)
{
    static const char *const words[] = {NULL, "running", "done", "failed"};
    return state < sizeof words / sizeof words[0] ? words[state] : NULL;
}

static json_t *settings_json (const wire_status *status)
{
    json_t *object = json_object ();
    for (size_t i = 0; i < status->settings_count; i++) {
        BG_AUTO_CHAR key = bg_slice_dup (status->settings[i].key);
        json_object_set_new (object, key, ctl_json_slice (status->settings[i].value));
    }
    return object;
}

/*  What bugle broker status tells beyond bugle status.  */
static void add_state (json_t *object, const wire_status *status)
{
    json_object_set_new (object, "installation", ctl_json_id (status->installation));
    json_object_set_new (
        object, "endpoints", ctl_json_slices (status->endpoints, status->endpoints_count));
    set (object, "provisional", status->provisional);
    set (object, "asking", status->asking);
    set (object, "tokens", status->tokens);
    set (object, "store_bytes", status->store_bytes);
    set (object, "free_bytes", status->free_bytes);
    json_object_set_new (object, "last_backup", ctl_json_time (status->last_backup_us));
    json_object_set_new (object, "settings", settings_json (status));
    json_object_set_new (object, "restored", json_boolean (status->restored));
    json_object_set_new (object, "dismantled", json_boolean (status->dismantled));
    set (object, "restores", status->restores);
    json_object_set_new (object, "restored_from", ctl_json_time (status->restored_from_us));
    set (object, "adopted", status->adopted);
    set (object, "lost_outcomes", status->lost_outcomes);
    set (object, "proof_term", status->proof_term);
    set (object, "proof_position", status->proof_position);
    const char *word = backup_word (status->backup_state);
    json_object_set_new (object, "backup",
        word ? json_pack ("{s:s, s:I, s:o, s:o}", "state", word, "percent",
                   (json_int_t) status->backup_percent, "path",
                   ctl_json_text_or_null (status->backup_path), "problem",
                   ctl_json_text_or_null (status->backup_problem))
             : json_null ());
}

json_t *ctl_status_json (const ctl_client *client, const wire_status *status)
{
    const wire_ops_welcome *welcome = ctl_client_welcome (client);
    const char *role = wire_role_word (welcome->role);
    json_t *object = json_object ();
    json_object_set_new (object, "broker", ctl_json_slice (status->broker));
    json_object_set_new (object, "version", ctl_json_slice (status->version));
    json_object_set_new (object, "time", ctl_json_time (status->time_us));
    json_object_set_new (object, "started", ctl_json_time (status->started_us));
    json_object_set_new (
        object, "uptime_s", ctl_json_seconds (status->time_us - status->started_us));
    set (object, "targets", status->targets);
    set (object, "connected", status->connected);
    set (object, "suspected_offline", status->suspected_offline);
    set (object, "jobs", status->jobs);
    set (object, "running", status->running);
    set (object, "waiting_runs", status->waiting_runs);
    set (object, "pending", status->pending);
    set (object, "failed_deliveries", status->failed_deliveries);
    set (object, "runs", status->runs);
    json_object_set_new (object, "store", ctl_json_slice (status->store));
    set (object, "term", status->term);
    set (object, "position", status->position);
    set (object, "authority", welcome->authority);
    json_object_set_new (object, "login", ctl_json_slice (welcome->login));
    json_object_set_new (object, "role", json_string (role != NULL ? role : "unknown"));
    json_object_set_new (object, "context", json_string (ctl_client_context (client)->name));
    add_state (object, status);
    json_object_set_new (
        object, "warnings", counters_json (status->warnings, status->warnings_count));
    json_object_set_new (
        object, "counters", counters_json (status->counters, status->counters_count));
    return object;
}

/*  Nobody is there either where no broker is known. A context that was asked for by name and is not there
    is a mistake of its own.  */
bg_result ctl_status_connect (ctl_run *run, ctl_client **client, bg_error *err)
{
    const char *named = getenv ("BUGLE_CONTEXT");
    const char *current = NULL;
    ctl_config *config = NULL;
    bg_result result = ctl_run_client (run, client, err);
    if (result.code != BG_NOT_FOUND || ctl_given (run->parsed, CTL_OPT_CONTEXT) ||
        (named && *named))
        return result;
    if (bg_is_ok (ctl_run_config (run, &config, NULL)) &&
        bg_is_ok (ctl_contexts_current (config, &current, NULL)) && current == NULL)
        result.code = BG_UNREACHABLE;
    return result;
}

bg_result ctl_status (ctl_run *run, bg_error *err)
{
    ctl_client *client = NULL;
    wire_status *status = NULL;
    wire_status_query query = {.verbose = ctl_output_get (run->out)->is_verbose};
    BG_TRY (ctl_status_connect (run, &client, err));
    BG_TRY (ctl_call (client, WIRE_STATUS_QUERY, &query, WIRE_STATUS, (void **) &status, err));
    json_t *object = ctl_status_json (client, status);
    json_t *warnings = json_incref (json_object_get (object, "warnings"));
    json_t *counters = json_incref (json_object_get (object, "counters"));
    ctl_object (run->out, "status", fields, sizeof fields / sizeof fields[0], "broker", object);
    ctl_section (run->out, "Warnings", counter_columns, 2, warnings);
    if (ctl_output_get (run->out)->is_verbose)
        ctl_section (run->out, "Counters", counter_columns, 2, counters);
    json_decref (warnings);
    json_decref (counters);
    ctl_offer_confirm (run, status->provisional);
    return bg_ok ();
}
