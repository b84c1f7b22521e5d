/*  Schedules and calendars in words and in JSON: see shared.h. Pure.  */
#include "common/base/now.h"
#include "common/job/calendar.h"
#include "common/job/describe.h"
#include "common/job/yaml_job.h"
#include "ctl/shared.h"
#include "ctl/standing.h"
#include "ctl/state_view.h"

#include <inttypes.h>
#include <stdlib.h>

static json_t *count_json (uint64_t count)
{
    return json_integer ((json_int_t) count);
}

static json_t *buf_json (const bg_buf *text)
{
    return ctl_json_slice (bg_buf_slice (text));
}

/*  ---- schedules ----  */

static void add_schedule (json_t *object, const wire_schedule *schedule)
{
    BG_AUTO_BUF when = {0};
    const wire_job_schedule *spec = &schedule->spec;
    job_describe_schedule (spec, &when);
    json_object_set_new (object, "when", buf_json (&when));
    json_object_set_new (object, "zone",
        spec->kind == WIRE_SCHEDULE_EVERY ? json_null ()
        : spec->zone.size > 0             ? ctl_json_slice (spec->zone)
                                          : json_string ("target"));
    json_object_set_new (object, "except", ctl_json_slices (spec->except, spec->except_count));
    json_object_set_new (object, "within", ctl_json_slices (spec->within, spec->within_count));
    json_object_set_new (object, "description", ctl_json_text_or_null (schedule->description));
}

/*  ---- calendars ----  */

static int64_t us_of (int64_t seconds)
{
    return seconds * 1000000;
}

/*  Local ones have no zone: they are told as the wall clock shows them, without an offset.  */
static json_t *range_json (job_calendar_range range, bool is_local, int64_t now_us)
{
    json_t *from = ctl_json_time (us_of (range.from));
    json_t *until = ctl_json_time (us_of (range.until));
    json_t *texts[] = {from, until};
    for (size_t i = 0; is_local && i < 2; i++) {
        BG_AUTO_BUF text = {0};
        bg_buf_append_str (&text, json_string_value (texts[i]) ? json_string_value (texts[i]) : "");
        if (text.size > 0 && text.data[text.size - 1] == 'Z')
            text.size--;
        json_string_setn (texts[i], (const char *) text.data, text.size);
    }
    /*  A wall clock is at most a day away from UTC.  */
    const int64_t slack_us = is_local ? BG_DAY (1) : 0;
    return json_pack ("{s:o, s:o, s:s, s:b}", "from", from, "until", until, "clock",
        is_local ? "local" : "utc", "over", us_of (range.until) + slack_us <= now_us);
}

static void add_ranges (json_t *list, bg_slice ranges, bool is_local, int64_t now_us)
{
    const size_t count = job_calendar_range_count (ranges);
    for (size_t i = 0; i < count; i++)
        json_array_append_new (
            list, range_json (job_calendar_range_at (ranges, i), is_local, now_us));
}

static void add_calendar (json_t *object, const wire_calendar *calendar, int64_t now_us)
{
    json_t *ranges = json_array ();
    add_ranges (ranges, calendar->local_ranges, true, now_us);
    add_ranges (ranges, calendar->utc_ranges, false, now_us);
    json_object_set_new (object, "range_count", count_json (json_array_size (ranges)));
    json_object_set_new (object, "ranges", ranges);
    json_object_set_new (object, "horizon",
        calendar->horizon_us >= JOB_YAML_HORIZON_US ? json_null ()
                                                    : ctl_json_time (calendar->horizon_us));
    json_object_set_new (object, "source", ctl_json_text_or_null (calendar->source));
    json_object_set_new (object, "description", ctl_json_text_or_null (calendar->description));
}

/*  ---- both ----  */

static void add_definition (json_t *object, const wire_document_row *row, int64_t now_us)
{
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF yaml = {0};
    const wire_type type = (wire_type) row->type;
    ctl_definition definition;
    if (!row->has_document ||
        bg_failed (ctl_definition_of (&row->document, type, &arena, &definition, NULL)))
        return;
    if (type == WIRE_TYPE_SCHEDULE)
        add_schedule (object, definition.body);
    else
        add_calendar (object, definition.body, now_us);
    ctl_definition_write (&definition, &yaml);
    json_object_set_new (object, "definition", buf_json (&yaml));
}

static void add_state (json_t *object, const wire_document_row *row)
{
    if (row->type != WIRE_TYPE_SCHEDULE)
        return;
    json_object_set_new (object, "enabled", json_boolean (!row->disabled));
    json_object_set_new (object, "disabled_reason",
        row->disabled ? ctl_json_text_or_null (row->disabled_reason) : json_null ());
    json_object_set_new (
        object, "disabled_until", ctl_json_time (row->disabled ? row->disabled_until_us : 0));
    json_object_set_new (
        object, "enabled_until", ctl_json_time (row->disabled ? 0 : row->enabled_until_us));
}

json_t *ctl_document_json (const wire_document_row *row, int64_t now_us)
{
    json_t *object = json_pack ("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
                                "s:o, s:o}",
        "type", wire_type_word (row->type), "name", ctl_json_slice (row->name), "key",
        ctl_json_id (row->key), "version", count_json (row->revision), "document_version",
        count_json (row->version), "used", count_json (row->used_count), "used_by",
        ctl_json_slices (row->used_by, row->used_by_count), "used_by_schedules",
        ctl_json_slices (row->used_by_schedules, row->used_by_schedules_count), "targets",
        count_json (row->targets), "pending",
        count_json (ctl_pending (row->targets, row->applied, row->waiting, row->failed)), "waiting",
        count_json (row->waiting), "applied", count_json (row->applied), "failed",
        count_json (row->failed), "posted", ctl_json_time (row->posted_us), "posted_by",
        ctl_json_text_or_null (row->posted_by));
    bg_assert (object);
    add_state (object, row);
    add_definition (object, row, now_us);
    return object;
}

/*  ---- tables ----  */

static void add_names (const json_t *row, const char *key, const char *what, bg_buf *text)
{
    const json_t *names = json_object_get (row, key);
    for (size_t i = 0; i < json_array_size (names); i++)
        bg_buf_printf (text, "%s%s%s", text->size > 0 ? ", " : "", what,
            json_string_value (json_array_get (names, i)));
}

static void print_users (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    BG_AUTO_BUF names = {0};
    const json_int_t used = json_integer_value (json_object_get (row, "used"));
    const size_t named = json_array_size (json_object_get (row, "used_by")) +
                         json_array_size (json_object_get (row, "used_by_schedules"));
    add_names (row, "used_by_schedules", "schedule ", &names);
    add_names (row, "used_by", "", &names);
    bg_buf_append (text, names.data, names.size);
    if ((size_t) used > named)
        bg_buf_printf (text, " and %zu more", (size_t) used - named);
    if (used == 0)
        bg_buf_append_str (text, "nothing");
}

static void print_horizon (const ctl_output *out, const json_t *row, bg_buf *text)
{
    if (json_is_string (json_object_get (row, "horizon")))
        ctl_time_print (out, row, "horizon", text);
    else
        bg_buf_append_str (text, "-");
}

const ctl_column ctl_schedule_columns[] = {
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"enabled", "STATE", CTL_CELL_STATE, CTL_NORMAL, ctl_enabled_print},
    {"version", "VERSION", CTL_CELL_TEXT, CTL_NORMAL, ctl_version_print},
    {"when", "WHEN", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"used", "USED BY", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"targets", "TARGETS", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {NULL, "DELIVERY", CTL_CELL_TEXT, CTL_NORMAL, ctl_delivery_print},
    {"zone", "ZONE", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"posted", "POSTED", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"posted_by", "BY", CTL_CELL_TEXT, CTL_WIDE, NULL},
};
const size_t ctl_schedule_column_count =
    sizeof ctl_schedule_columns / sizeof ctl_schedule_columns[0];

const ctl_column ctl_schedule_fields[] = {
    {"name", "Schedule", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"description", "Description", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {NULL, "State", CTL_CELL_TEXT, CTL_NORMAL, ctl_state_print},
    {"when", "When", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"zone", "Zone", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"version", "Version", CTL_CELL_TEXT, CTL_NORMAL, ctl_version_print},
    {"posted", "Posted", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"posted_by", "By", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {NULL, "Used by", CTL_CELL_TEXT, CTL_NORMAL, print_users},
    {"targets", "Targets", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {NULL, "Delivery", CTL_CELL_TEXT, CTL_NORMAL, ctl_delivery_print},
    {"key", "Key", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"document_version", "Document", CTL_CELL_TEXT, CTL_WIDE, NULL},
};
const size_t ctl_schedule_field_count = sizeof ctl_schedule_fields / sizeof ctl_schedule_fields[0];

const ctl_column ctl_calendar_columns[] = {
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"version", "VERSION", CTL_CELL_TEXT, CTL_NORMAL, ctl_version_print},
    {"range_count", "RANGES", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {NULL, "KNOWN UNTIL", CTL_CELL_TEXT, CTL_NORMAL, print_horizon},
    {"used", "USED BY", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"targets", "TARGETS", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {NULL, "DELIVERY", CTL_CELL_TEXT, CTL_NORMAL, ctl_delivery_print},
    {"source", "SOURCE", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"posted", "POSTED", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"posted_by", "BY", CTL_CELL_TEXT, CTL_WIDE, NULL},
};
const size_t ctl_calendar_column_count =
    sizeof ctl_calendar_columns / sizeof ctl_calendar_columns[0];

const ctl_column ctl_calendar_fields[] = {
    {"name", "Calendar", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"description", "Description", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"version", "Version", CTL_CELL_TEXT, CTL_NORMAL, ctl_version_print},
    {"posted", "Posted", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"posted_by", "By", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"source", "Source", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"range_count", "Ranges", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {NULL, "Known until", CTL_CELL_TEXT, CTL_NORMAL, print_horizon},
    {NULL, "Used by", CTL_CELL_TEXT, CTL_NORMAL, print_users},
    {"targets", "Targets", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {NULL, "Delivery", CTL_CELL_TEXT, CTL_NORMAL, ctl_delivery_print},
    {"key", "Key", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"document_version", "Document", CTL_CELL_TEXT, CTL_WIDE, NULL},
};
const size_t ctl_calendar_field_count = sizeof ctl_calendar_fields / sizeof ctl_calendar_fields[0];

const ctl_column ctl_calendar_range_columns[] = {
    {"from", "FROM", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"until", "UNTIL", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"clock", "CLOCK", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};
const size_t ctl_calendar_range_column_count =
    sizeof ctl_calendar_range_columns / sizeof ctl_calendar_range_columns[0];

const ctl_column ctl_use_columns[] = {
    {"type", "TYPE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"version", "VERSION", CTL_CELL_TEXT, CTL_NORMAL, ctl_version_print},
    {"enabled", "STATE", CTL_CELL_STATE, CTL_NORMAL, ctl_state_print},
    {"when", "WHEN", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"through", "THROUGH", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};
const size_t ctl_use_column_count = sizeof ctl_use_columns / sizeof ctl_use_columns[0];
