/*  target list, and the row of a target that all target commands share.  */
#include "ctl/target.h"

#include "common/job/names.h"
#include "ctl/targets_arg.h"

#define PAGE_ROWS 500

/*  ---- rows ---- */

static json_t *labels_json (const wire_pair *labels, size_t count)
{
    json_t *object = json_object ();
    for (size_t i = 0; i < count; i++) {
        BG_AUTO_CHAR key = bg_slice_dup (labels[i].key);
        json_object_set_new (object, key, ctl_json_slice (labels[i].value));
    }
    return object;
}

static json_t *number (uint64_t value)
{
    return json_integer ((json_int_t) value);
}

json_t *ctl_target_json (const wire_target_row *row)
{
    const char *state = wire_target_state_word (row->state);
    json_t *object = json_object ();
    json_object_set_new (object, "name", ctl_json_slice (row->name));
    json_object_set_new (object, "id", ctl_json_id (row->id));
    json_object_set_new (object, "number", number (row->number));
    json_object_set_new (object, "state", json_string (state != NULL ? state : "unknown"));
    json_object_set_new (object, "connected", json_boolean (row->connected));
    json_object_set_new (object, "provisional", json_boolean (row->provisional));
    json_object_set_new (object, "location", ctl_json_text_or_null (row->location));
    json_object_set_new (object, "groups", ctl_json_slices (row->groups, row->groups_count));
    json_object_set_new (object, "labels", labels_json (row->labels, row->labels_count));
    json_object_set_new (object, "zone", ctl_json_text_or_null (row->zone));
    json_object_set_new (object, "utc_offset_s", json_integer (row->utc_offset_s));
    json_object_set_new (object, "version", ctl_json_text_or_null (row->version));
    json_object_set_new (object, "enlisted", ctl_json_time (row->enlisted_us));
    json_object_set_new (object, "enlisted_by", ctl_json_text_or_null (row->enlisted_by));
    json_object_set_new (object, "last_poll", ctl_json_time (row->last_poll_us));
    json_object_set_new (object, "last_seen", ctl_json_time (row->last_seen_us));
    json_object_set_new (object, "clock_offset_s", ctl_json_seconds (row->clock_offset_us));
    json_object_set_new (object, "unread", number (row->unread));
    json_object_set_new (object, "quarantined", number (row->quarantined));
    json_object_set_new (object, "running", number (row->running));
    json_object_set_new (object, "membership_version", number (row->membership_version));
    json_object_set_new (object, "defected", ctl_json_time (row->defected_us));
    return object;
}

void ctl_target_state_print (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    json_int_t count = json_integer_value (json_object_get (row, "quarantined"));
    bg_buf_append_str (text, json_string_value (json_object_get (row, "state")));
    if (count > 0)
        bg_buf_printf (text, " (%" JSON_INTEGER_FORMAT " failed)", count);
}

/*  ---- pages ---- */

bg_result ctl_targets_fetch (
    ctl_run *run, const wire_target_query *query, size_t limit, ctl_target_rows *out, bg_error *err)
{
    ctl_client *client = NULL;
    ctl_target_rows all = {0};
    size_t room = 0;
    wire_target_query page = *query;
    BG_TRY (ctl_run_client (run, &client, err));
    for (page.after = 0;;) {
        size_t left = limit > 0 ? limit - all.count : PAGE_ROWS;
        wire_targets *answer = NULL;
        page.limit = left < PAGE_ROWS ? left : PAGE_ROWS;
        BG_TRY (ctl_call (client, WIRE_TARGET_QUERY, &page, WIRE_TARGETS, (void **) &answer, err));
        if (all.count + answer->rows_count > room) {
            room = 2 * (all.count + answer->rows_count);
            wire_target_row *rows = bg_arena_array (&run->arena, wire_target_row, room);
            if (all.count > 0)
                memcpy (rows, all.rows, all.count * sizeof *rows);
            all.rows = rows;
        }
        if (answer->rows_count > 0) {
            memcpy (all.rows + all.count, answer->rows, answer->rows_count * sizeof *all.rows);
            page.after = answer->rows[answer->rows_count - 1].number;
        }
        all.count += answer->rows_count;
        all.total = answer->total;
        all.more = answer->more;
        if (!answer->more || answer->rows_count == 0 || (limit > 0 && all.count >= limit))
            break;
    }
    *out = all;
    return bg_ok ();
}

/*  The broker finds live targets by name, and those that left by id only: their names may be taken
    again. Replaces each name that no live target has by the id of the latest that had it.  */
static bg_result names_to_ids (
    ctl_run *run, bg_slice *names, size_t count, bool *is_changed, bg_error *err)
{
    wire_target_query query = {.defected = true};
    ctl_target_rows all;
    BG_TRY (ctl_targets_fetch (run, &query, 0, &all, err));
    for (size_t i = 0; i < count; i++) {
        const wire_target_row *found = NULL;
        for (size_t j = 0; j < all.count; j++) {
            bool is_named = job_name_compare (all.rows[j].name, names[i]) == 0;
            if (is_named && (found == NULL || found->defected_us != 0))
                found = &all.rows[j];
        }
        if (found == NULL || found->defected_us == 0)
            continue;
        names[i] = bg_arena_printf (&run->arena, "%s", bg_id_text (found->id).text);
        *is_changed = true;
    }
    return bg_ok ();
}

bg_result ctl_targets_named (
    ctl_run *run, const bg_slice *names, size_t count, ctl_target_rows *out, bg_error *err)
{
    wire_target_query query = {.names_count = count, .details = true, .defected = true};
    query.names = bg_arena_array (&run->arena, bg_slice, count);
    memcpy (query.names, names, count * sizeof *names);
    bg_error why = {0};
    bool is_changed = false;
    bg_result result = ctl_targets_fetch (run, &query, 0, out, &why);
    if (result.code == BG_NOT_FOUND) {
        BG_TRY (names_to_ids (run, query.names, count, &is_changed, err));
        if (is_changed)
            result = ctl_targets_fetch (run, &query, 0, out, &why);
    }
    if (bg_failed (result) && err != NULL)
        *err = why;
    return result;
}

/*  ---- target list ---- */

static const ctl_column columns[] = {
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"state", "STATE", CTL_CELL_STATE, CTL_NORMAL, ctl_target_state_print},
    {"zone", "ZONE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"groups", "GROUPS", CTL_CELL_LIST, CTL_NORMAL, NULL},
    {"last_seen", "LAST SEEN", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"running", "RUNNING", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"unread", "UNREAD", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"connected", "CONNECTED", CTL_CELL_YES, CTL_WIDE, NULL},
    {"labels", "LABELS", CTL_CELL_LIST, CTL_WIDE, NULL},
    {"location", "LOCATION", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"version", "VERSION", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"clock_offset_s", "CLOCK", CTL_CELL_DURATION, CTL_WIDE, NULL},
    {"enlisted", "ENLISTED", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"id", "ID", CTL_CELL_ID, CTL_WIDE, NULL},
};

bg_result ctl_target_list (ctl_run *run, bg_error *err)
{
    wire_audience choice = {0};
    bool is_given = false;
    ctl_target_rows found;
    BG_TRY (ctl_targets_arg (run, &choice, &is_given, err));
    if (choice.groups_count > 1)
        return bg_fail (err, BG_USAGE, "a list can be cut to one group; ask once for each");
    wire_target_query query = {
        .names = choice.names,
        .names_count = choice.names_count,
        .group = choice.groups_count > 0 ? choice.groups[0] : (bg_slice){0},
        .labels = choice.labels,
        .job = bg_slice_str (ctl_text (run->parsed, CTL_OPT_JOB, NULL)),
        .defected = ctl_given (run->parsed, CTL_OPT_DEFECTED),
    };
    size_t limit = (size_t) ctl_number (run->parsed, CTL_OPT_LIMIT, 0);
    BG_TRY (ctl_targets_fetch (run, &query, limit, &found, err));
    ctl_list_begin (run->out, "targets", columns, sizeof columns / sizeof columns[0], "name");
    for (size_t i = 0; i < found.count; i++)
        ctl_list_row (run->out, ctl_target_json (&found.rows[i]));
    ctl_list_end (run->out, found.more, found.total);
    return bg_ok ();
}
