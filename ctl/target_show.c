/*  target show: one target, its download list, and what failed and why.  */
#include "ctl/job_view.h"
#include "ctl/target.h"

static const ctl_column fields[] = {
    {"name", "Name", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"state", "State", CTL_CELL_STATE, CTL_NORMAL, ctl_target_state_print},
    {"state_text", "  because", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"location", "Location", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"groups", "Groups", CTL_CELL_LIST, CTL_NORMAL, NULL},
    {"labels", "Labels", CTL_CELL_LIST, CTL_NORMAL, NULL},
    {"variables", "Variables", CTL_CELL_LIST, CTL_NORMAL, NULL},
    {"connected", "Connected", CTL_CELL_YES, CTL_NORMAL, NULL},
    {"last_seen", "Last seen", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"last_poll", "Last poll", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"poll_interval_s", "Polls every", CTL_CELL_DURATION, CTL_NORMAL, NULL},
    {"local_time", "Local time", CTL_CELL_TEXT, CTL_NORMAL, ctl_target_local_print},
    {"zone", "Zone", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"clock_offset_s", "Clock off by", CTL_CELL_DURATION, CTL_NORMAL, NULL},
    {"version", "Version", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"running", "Running now", CTL_CELL_NUMBER, CTL_NORMAL, ctl_running_print},
    {"unread", "Unread", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"enlisted", "Enlisted", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"enlisted_by", "Enlisted by", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"provisional", "Provisional", CTL_CELL_YES, CTL_NORMAL, NULL},
    {"facts", "Facts", CTL_CELL_LIST, CTL_NORMAL, NULL},
    {"defected", "Defected", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"id", "Id", CTL_CELL_ID, CTL_WIDE, NULL},
    {"number", "Number", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"membership_version", "Membership version", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"membership_revision", "  changed so often", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"membership_changed", "  last", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"membership_state", "  delivery", CTL_CELL_STATE, CTL_WIDE, NULL},
    {"boot_counter", "Starts of the node", CTL_CELL_NUMBER, CTL_WIDE, NULL},
};

static void print_revision (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    json_int_t revision = json_integer_value (json_object_get (row, "revision"));
    if (revision > 0)
        bg_buf_printf (text, "v%" JSON_INTEGER_FORMAT, revision);
}

static const ctl_column delivery_columns[] = {
    {"type", "WHAT", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"revision", "VERSION", CTL_CELL_TEXT, CTL_NORMAL, print_revision},
    {"state", "STATE", CTL_CELL_STATE, CTL_NORMAL, NULL},
    {"posted", "POSTED", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"settled", "SETTLED", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"key", "KEY", CTL_CELL_TEXT, CTL_WIDE, NULL},
};

static json_t *delivery_json (const wire_delivery_row *row)
{
    const char *type = wire_type_word (row->type);
    const char *state = wire_delivery_state_word (row->state);
    json_t *object = json_pack ("{s:s, s:o, s:o, s:I, s:I, s:s}", "type",
        type != NULL ? type : "unknown", "name", ctl_json_slice (row->name), "key",
        ctl_json_id (row->key), "version", (json_int_t) row->version, "revision",
        (json_int_t) row->revision, "state", state != NULL ? state : "unknown");
    bg_assert (object != NULL);
    json_object_set_new (object, "code", ctl_json_text_or_null (row->code));
    json_object_set_new (object, "message", ctl_json_text_or_null (row->message));
    json_object_set_new (object, "posted", ctl_json_time (row->posted_us));
    json_object_set_new (object, "settled", ctl_json_time (row->settled_us));
    return object;
}

/*  One line for each row that says why it is as it is.  */
static void explain (ctl_run *run, const json_t *deliveries)
{
    bool has_heading = false;
    for (size_t i = 0; i < json_array_size (deliveries); i++) {
        const json_t *row = json_array_get (deliveries, i);
        const char *message = json_string_value (json_object_get (row, "message"));
        const char *code = json_string_value (json_object_get (row, "code"));
        if (message == NULL && code == NULL)
            continue;
        if (!has_heading)
            ctl_print (run->out, "\nWhy\n");
        has_heading = true;
        ctl_print (run->out, "  %s %s: %s%s%s\n", json_string_value (json_object_get (row, "type")),
            json_string_value (json_object_get (row, "name")), message != NULL ? message : code,
            message != NULL && code != NULL ? ", code " : "",
            message != NULL && code != NULL ? code : "");
    }
}

bg_result ctl_target_show (ctl_run *run, bg_error *err)
{
    bg_slice name = bg_slice_str (ctl_argument (run->parsed, 0));
    ctl_target_rows found;
    BG_TRY (ctl_targets_named (run, &name, 1, &found, err));
    if (found.count == 0) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no target '%.*s'", BG_SLICE_ARG (name)));
        return bg_hint (err, "see: bugle target list");
    }
    const wire_target_row *row = &found.rows[0];
    json_t *object = ctl_target_json (row, ctl_client_now_us (run->client));
    json_t *deliveries = json_array ();
    for (size_t i = 0; i < row->deliveries_count; i++)
        json_array_append_new (deliveries, delivery_json (&row->deliveries[i]));
    json_object_set (object, "deliveries", deliveries);
    json_object_set_new (object, "variables", ctl_target_variables_json (row));
    ctl_object (run->out, "target", fields, sizeof fields / sizeof fields[0], "name", object);
    ctl_section (run->out, "Download list", delivery_columns,
        sizeof delivery_columns / sizeof delivery_columns[0], deliveries);
    if (ctl_is_human (run->out))
        explain (run, deliveries);
    json_decref (deliveries);
    ctl_offer_confirm (run, row->provisional && row->defected_us == 0);
    return bg_ok ();
}
