/*  status: how is the broker?  */
#include "ctl/target.h"
#include "ctl/identity.h"

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
    {"running", "  running now", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
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

static json_t *status_json (const ctl_client *client, const wire_status *status)
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
    json_object_set_new (
        object, "warnings", counters_json (status->warnings, status->warnings_count));
    json_object_set_new (
        object, "counters", counters_json (status->counters, status->counters_count));
    return object;
}

/*  Nobody is there either where no broker is known. A context that was asked for by name and is not there
    is a mistake of its own.  */
static bg_result connect_to_it (ctl_run *run, ctl_client **client, bg_error *err)
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
    BG_TRY (connect_to_it (run, &client, err));
    BG_TRY (ctl_call (client, WIRE_STATUS_QUERY, &query, WIRE_STATUS, (void **) &status, err));
    json_t *object = status_json (client, status);
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
