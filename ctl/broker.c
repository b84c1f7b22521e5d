/*  broker status, broker set: all of the broker's state, and its settings.  */
#include "ctl/sign.h"
#include "ctl/status.h"

#include "common/job/duration.h"

#include <stdio.h>
#include <string.h>

/*  ---- status ----  */

static void print_bytes (const json_t *row, const char *key, bg_buf *text)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double) json_integer_value (json_object_get (row, key));
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    bg_buf_printf (text, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void print_store (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    bg_buf_printf (text, "%s, ", json_string_value (json_object_get (row, "store")));
    print_bytes (row, "store_bytes", text);
    bg_buf_append_str (text, ", ");
    print_bytes (row, "free_bytes", text);
    bg_buf_append_str (text, " free");
}

static bool has_warning (const json_t *row, const char *name)
{
    const json_t *list = json_object_get (row, "warnings");
    for (size_t i = 0; i < json_array_size (list); i++)
        if (strcmp (json_string_value (json_object_get (json_array_get (list, i), "name")), name) ==
            0)
            return true;
    return false;
}

static void print_parts (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    bg_buf_printf (
        text, "core running, front %s", has_warning (row, "front-away") ? "away" : "connected");
}

static void print_backup (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const json_t *backup = json_object_get (row, "backup");
    const json_t *last = json_object_get (row, "last_backup");
    const char *state = json_string_value (json_object_get (backup, "state"));
    const char *path = json_string_value (json_object_get (backup, "path"));
    const char *problem = json_string_value (json_object_get (backup, "problem"));
    if (json_is_string (last))
        bg_buf_printf (
            text, "%.10s %.8s UTC", json_string_value (last), json_string_value (last) + 11);
    else
        bg_buf_append_str (text, "never");
    if (state && strcmp (state, "running") == 0)
        bg_buf_printf (text, "; one is being made: %lld %%",
            (long long) json_integer_value (json_object_get (backup, "percent")));
    else if (state && strcmp (state, "failed") == 0)
        bg_buf_printf (text, "; the last one failed: %s", problem ? problem : "no reason given");
    else if (path)
        bg_buf_printf (text, " in %s", path);
}

static void print_mode (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    if (json_is_true (json_object_get (row, "dismantled")))
        bg_buf_append_str (text, "dismantled: it only answers questions");
    else if (json_is_true (json_object_get (row, "restored")))
        bg_buf_append_str (text,
            "restored from an older state: it changes nothing and hands nothing "
            "out until bugle broker restore --resume");
    else
        bg_buf_append_str (text, "normal");
}

static void print_changed (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    size_t shown = 0;
    const char *key;
    json_t *value;
    json_object_foreach (json_object_get (row, "settings_changed"), key, value)
        bg_buf_printf (text, "%s%s=%s", shown++ ? ", " : "", key, json_string_value (value));
    if (shown == 0)
        bg_buf_append_str (text, "none");
}

static const ctl_column fields[] = {
    {"broker", "Broker", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"mode", "State", CTL_CELL_TEXT, CTL_NORMAL, print_mode},
    {"version", "Version", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"parts", "Parts", CTL_CELL_TEXT, CTL_NORMAL, print_parts},
    {"endpoints", "Targets find it at", CTL_CELL_LIST, CTL_NORMAL, NULL},
    {"installation", "Installation", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"broker_key", "Broker key", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"authority", "Authority version", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"authority_hash", "Authority", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"term", "Term", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"position", "Position", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"time", "Time", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"started", "Started", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"uptime_s", "Up for", CTL_CELL_DURATION, CTL_NORMAL, NULL},
    {"store", "Store", CTL_CELL_TEXT, CTL_NORMAL, print_store},
    {"last_backup", "Last backup", CTL_CELL_TEXT, CTL_NORMAL, print_backup},
    {"settings_changed", "Settings that differ", CTL_CELL_TEXT, CTL_NORMAL, print_changed},
    {"targets", "Targets", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"connected", "  connected", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"suspected_offline", "  suspected offline", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"provisional", "  provisional", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"asking", "  asking to be enlisted", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"tokens", "Tokens in use", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"jobs", "Jobs", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"running", "  running now", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"pending", "Deliveries pending", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"failed_deliveries", "  failed", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"runs", "Runs in history", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"login", "Login", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"role", "Role", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"context", "Context", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};

static const ctl_column restore_fields[] = {
    {"restored_from", "State is of", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"restores", "Resumed", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"proof_term", "Highest term seen", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"proof_position", "Highest position seen", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"adopted", "Taken back from targets", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"lost_outcomes", "Outcomes only targets have", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
};

static const ctl_column counter_columns[] = {
    {"name", "WHAT", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"value", "COUNT", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
};

typedef struct {
    const char *word;
    const char *fallback;
    const char *text;
} setting_row;

#define DEFAULT_DURATION(seconds) #seconds "s"
#define DEFAULT_NUMBER(number)    #number
#define DEFAULT_SWITCH(on)        (on) ? "on" : "off"
#define DEFAULT_LEVEL(level)      "as configured"
#define BROKER_SETTING(ID, word, KIND, min, max, fallback, text)                                   \
    {word, DEFAULT_##KIND (fallback), text},
static const setting_row settings[] = {
#include "broker/core/settings.def"
};
#undef BROKER_SETTING
#define SETTINGS (sizeof settings / sizeof settings[0])

/*  As the broker prints it: a duration in its largest unit.  */
static const char *default_text (const setting_row *row, char text[64])
{
    int64_t duration_us = 0;
    if (bg_is_ok (job_duration_parse (bg_slice_str (row->fallback), false, &duration_us, NULL)) &&
        strchr (row->fallback, 's') == row->fallback + strlen (row->fallback) - 1)
        snprintf (text, 64, "%s", job_duration_text (duration_us).text);
    else
        snprintf (text, 64, "%s", row->fallback);
    return text;
}

static json_t *changed_settings (const json_t *status)
{
    json_t *changed = json_object ();
    for (size_t i = 0; i < SETTINGS; i++) {
        char text[64];
        const char *value = json_string_value (
            json_object_get (json_object_get (status, "settings"), settings[i].word));
        if (value && strcmp (value, default_text (&settings[i], text)) != 0)
            json_object_set_new (changed, settings[i].word, json_string (value));
    }
    return changed;
}

static bg_result ask_status (ctl_run *run, json_t **object, bg_error *err)
{
    ctl_client *client = NULL;
    wire_status *status = NULL;
    const wire_status_query query = {.verbose = true};
    BG_TRY (ctl_status_connect (run, &client, err));
    BG_TRY (ctl_call (client, WIRE_STATUS_QUERY, &query, WIRE_STATUS, (void **) &status, err));
    *object = ctl_status_json (client, status);
    char hash[65];
    bg_hex_encode (bg_slice_of (ctl_client_welcome (client)->authority_hash, 32), hash);
    json_object_set_new (*object, "authority_hash", json_string (hash));
    json_object_set_new (*object, "broker_key",
        json_string (bg_key_text (&ctl_client_context (client)->broker_key).text));
    json_object_set_new (*object, "settings_changed", changed_settings (*object));
    return bg_ok ();
}

static void say_restored (ctl_run *run, const json_t *object)
{
    const bool is_restored = json_is_true (json_object_get (object, "restored"));
    if (!is_restored && json_integer_value (json_object_get (object, "restores")) == 0)
        return;
    if (ctl_is_human (run->out)) {
        ctl_print (run->out, "\nRestore\n");
        ctl_fields (
            run->out, restore_fields, sizeof restore_fields / sizeof restore_fields[0], object);
    }
    ctl_note (run->out,
        "outcomes that targets had handed over between the backup and the restore are "
        "lost here; each target keeps them in its own history: bugle-node history");
}

bg_result ctl_broker_status (ctl_run *run, bg_error *err)
{
    json_t *object = NULL;
    BG_TRY (ask_status (run, &object, err));
    json_incref (object);
    ctl_object (run->out, "broker", fields, sizeof fields / sizeof fields[0], "broker", object);
    ctl_section (run->out, "Warnings", counter_columns, 2, json_object_get (object, "warnings"));
    if (ctl_output_get (run->out)->is_verbose)
        ctl_section (
            run->out, "Counters", counter_columns, 2, json_object_get (object, "counters"));
    say_restored (run, object);
    json_decref (object);
    return bg_ok ();
}

/*  ---- set ----  */

static const ctl_column setting_columns[] = {
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"value", "VALUE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"default", "DEFAULT", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"text", "WHAT", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};

static bg_result show_settings (ctl_run *run, const char *wanted, bg_error *err)
{
    json_t *object = NULL;
    size_t shown = 0;
    BG_TRY (ask_status (run, &object, err));
    ctl_list_begin (run->out, "settings", setting_columns,
        sizeof setting_columns / sizeof setting_columns[0], "name");
    const json_t *values = json_object_get (object, "settings");
    for (size_t i = 0; i < SETTINGS; i++) {
        char text[64];
        const char *value = json_string_value (json_object_get (values, settings[i].word));
        if (!value || (wanted && strcmp (wanted, settings[i].word) != 0))
            continue;
        ctl_list_row (
            run->out, json_pack ("{s:s, s:s, s:s, s:s}", "name", settings[i].word, "value", value,
                          "default", default_text (&settings[i], text), "text", settings[i].text));
        shown++;
    }
    json_decref (object);
    if (wanted && shown == 0) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no setting '%s'", wanted));
        return bg_hint (err, "see: bugle broker set");
    }
    ctl_list_end (run->out, false, shown);
    return bg_ok ();
}

bg_result ctl_broker_set (ctl_run *run, bg_error *err)
{
    const size_t given = ctl_argument_count (run->parsed);
    if (given < 2)
        return show_settings (run, given ? ctl_argument (run->parsed, 0) : NULL, err);
    const char *value = ctl_argument (run->parsed, 1);
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    if (!*value) {
        bg_ignore (bg_fail (err, BG_USAGE, "an empty text is no value of a setting"));
        return bg_hint (err, "write default to take the setting back");
    }
    wire_request ask = {.what = WIRE_REQUEST_SET,
        .name = bg_slice_str (ctl_argument (run->parsed, 0)),
        .value = bg_slice_str (strcmp (value, "default") == 0 ? "" : value)};
    wire_done *done = NULL;
    const bg_result result = ctl_request (run, &ask, dry_run, &done, err);
    if (result.code == BG_INVALID) {
        /*  The broker knows what a setting takes; for people it is a wrong word of the command line.  */
        err->code = BG_USAGE;
        return (bg_result){BG_USAGE};
    }
    BG_TRY (result);
    ctl_note (run->out, "%.*s%s", BG_SLICE_ARG (done->text),
        dry_run ? " (dry run: nothing was changed)" : "");
    return bg_ok ();
}
