/*  Instructions in words and in JSON: see op_view.h.  */
#include "ctl/op_view.h"

#include "ctl/times.h"

#include <inttypes.h>

/*  ---- JSON ----  */

static json_t *count_or_null (uint64_t count)
{
    return count ? json_integer ((json_int_t) count) : json_null ();
}

void ctl_op_id (const wire_op_row *row, bg_buf *out)
{
    bg_buf_printf (out, "%" PRIu64 "-%s", row->number, bg_id_short (row->key).text);
}

static json_t *id_json (const wire_op_row *row)
{
    BG_AUTO_BUF text = {0};
    ctl_op_id (row, &text);
    return ctl_json_slice (bg_buf_slice (&text));
}

static const char *word_or (const char *word)
{
    return word ? word : "unknown";
}

/*  Orders are deeds on the wire.  */
static const char *type_word (uint64_t type)
{
    return type == WIRE_TYPE_DEED ? "order" : word_or (wire_type_word (type));
}

/*  As people count; a version that is older than all that the broker tells apart has none.  */
static json_t *held_json (const wire_op_row *row)
{
    if (row->held_revision)
        return json_integer ((json_int_t) row->held_revision);
    return row->held_version ? json_string ("older") : json_null ();
}

json_t *ctl_op_json (const wire_op_row *row)
{
    json_t *object = json_object ();
    json_object_set_new (object, "id", id_json (row));
    json_object_set_new (
        object, "operation", json_string (word_or (wire_op_word (row->operation))));
    json_object_set_new (object, "type", json_string (type_word (row->type)));
    json_object_set_new (object, "object", ctl_json_text_or_null (row->name));
    json_object_set_new (object, "target", ctl_json_slice (row->target));
    json_object_set_new (object, "number", json_integer ((json_int_t) row->number));
    json_object_set_new (object, "key", ctl_json_id (row->key));
    json_object_set_new (object, "version", count_or_null (row->revision));
    json_object_set_new (object, "document_version", count_or_null (row->version));
    json_object_set_new (object, "held_version", held_json (row));
    json_object_set_new (
        object, "state", json_string (word_or (wire_delivery_state_word (row->state))));
    json_object_set_new (object, "code", ctl_json_text_or_null (row->code));
    json_object_set_new (object, "error", ctl_json_text_or_null (row->message));
    json_object_set_new (object, "posted", ctl_json_time (row->posted_us));
    json_object_set_new (object, "posted_by", ctl_json_text_or_null (row->posted_by));
    json_object_set_new (object, "settled", ctl_json_time (row->settled_us));
    json_object_set_new (object, "settled_by", ctl_json_text_or_null (row->settled_by));
    json_object_set_new (object, "attempts", json_integer ((json_int_t) row->attempts));
    json_object_set_new (object, "expires", ctl_json_time (row->expires_us));
    json_object_set_new (object, "reason", ctl_json_text_or_null (row->reason));
    return object;
}

/*  ---- tables ----  */

static const char *text_of (const json_t *row, const char *key)
{
    return json_string_value (json_object_get (row, key));
}

/*  Why it is not applied: what the target said, or who skipped it and why.  */
static void print_error (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const char *state = text_of (row, "state");
    const char *reason = text_of (row, "reason");
    if (state && strcmp (state, "skipped") == 0 && reason) {
        const char *by = text_of (row, "settled_by");
        bg_buf_printf (text, "%s%s%s", by ? by : "", by ? ": " : "", reason);
    } else if (text_of (row, "code")) {
        const char *error = text_of (row, "error");
        bg_buf_printf (
            text, "%s%s%s", text_of (row, "code"), error ? ": " : "", error ? error : "");
    } else
        bg_buf_append_byte (text, '-');
}

static void print_version (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const json_t *version = json_object_get (row, "version");
    if (json_is_integer (version))
        bg_buf_printf (text, "v%" JSON_INTEGER_FORMAT, json_integer_value (version));
    else
        bg_buf_append_byte (text, '-');
}

static void print_held (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const json_t *held = json_object_get (row, "held_version");
    if (json_is_integer (held))
        bg_buf_printf (text, "v%" JSON_INTEGER_FORMAT, json_integer_value (held));
    else
        bg_buf_append_str (text, json_is_string (held) ? json_string_value (held) : "-");
}

const ctl_column ctl_op_columns[] = {
    {"id", "ID", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"operation", "OPERATION", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"object", "OBJECT", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"target", "TARGET", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"posted", "POSTED", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"state", "STATE", CTL_CELL_STATE, CTL_NORMAL, NULL},
    {NULL, "ERROR", CTL_CELL_TEXT, CTL_NORMAL, print_error},
    {"type", "TYPE", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {NULL, "VERSION", CTL_CELL_TEXT, CTL_WIDE, print_version},
    {NULL, "HOLDS", CTL_CELL_TEXT, CTL_WIDE, print_held},
    {"attempts", "ATTEMPTS", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"posted_by", "BY", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"settled", "SETTLED", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"expires", "EXPIRES", CTL_CELL_TIME, CTL_WIDE, NULL},
};
const size_t ctl_op_column_count = sizeof ctl_op_columns / sizeof ctl_op_columns[0];

const ctl_column ctl_op_fields[] = {
    {"id", "Instruction", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"operation", "Operation", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"type", "Type", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"object", "Object", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"target", "Target", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"state", "State", CTL_CELL_STATE, CTL_NORMAL, NULL},
    {"code", "Code", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"error", "Error", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"attempts", "Refused so often", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {NULL, "Version", CTL_CELL_TEXT, CTL_NORMAL, print_version},
    {NULL, "Target holds", CTL_CELL_TEXT, CTL_NORMAL, print_held},
    {"posted", "Posted", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"posted_by", "Posted by", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"expires", "Expires", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"settled", "Last change", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"settled_by", "By", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"reason", "Reason", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"key", "Object id", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};
const size_t ctl_op_field_count = sizeof ctl_op_fields / sizeof ctl_op_fields[0];

/*  ---- changes ----  */

void ctl_op_line (const wire_op_event *event, bool is_utc, bg_buf *out)
{
    const wire_op_row *row = &event->op;
    ctl_times_people (event->at_us, is_utc, out);
    bg_buf_printf (out, "  %-8s %-10s %.*s  %.*s", word_or (wire_delivery_state_word (row->state)),
        word_or (wire_op_word (row->operation)), BG_SLICE_ARG (row->name),
        BG_SLICE_ARG (row->target));
    if (row->code.size > 0)
        bg_buf_printf (out, "  %.*s: %.*s", BG_SLICE_ARG (row->code), BG_SLICE_ARG (row->message));
    else if (row->state == WIRE_DELIVERY_SKIPPED && row->reason.size > 0)
        bg_buf_printf (out, "  %.*s", BG_SLICE_ARG (row->reason));
    bg_buf_append_byte (out, '\n');
}
