/*  Jobs in words and in JSON: see job_view.h.  */
#include "ctl/job_view.h"

#include "common/job/describe.h"
#include "common/job/duration.h"
#include "ctl/state_view.h"
#include "ctl/times.h"

#include <inttypes.h>
#include <string.h>

bool ctl_same_body (const wire_signed *document, const wire_desc *desc, const void *value)
{
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF bytes = {0};
    wire_document fixed;
    if (bg_failed (WIRE_DECODE (document, document->bytes, WIRE_AS_SIGNED, &arena, &fixed, NULL)))
        return false;
    wire_encode (desc, value, &bytes);
    return bg_slice_equal (fixed.body, bg_buf_slice (&bytes));
}

bg_result ctl_job_decode (
    const wire_signed *document, bg_arena *arena, wire_job *job, bg_error *err)
{
    wire_document fixed;
    BG_TRY (WIRE_DECODE (document, document->bytes, WIRE_AS_SIGNED, arena, &fixed, err));
    if (fixed.type != WIRE_TYPE_JOB)
        return bg_fail (err, BG_MALFORMED, "the document is no job");
    return WIRE_DECODE (job, fixed.body, WIRE_AS_SIGNED, arena, job, err);
}

bool ctl_job_is_spent (const wire_job_row *row)
{
    return row->targets > 0 && row->spent >= row->targets;
}

int ctl_job_step (const wire_job *job, bg_slice typed)
{
    size_t number = 0;
    const int named = job_body_find_step (job, typed);
    if (named >= 0 || typed.size == 0 || typed.size > 2)
        return named;
    for (size_t i = 0; i < typed.size; i++) {
        if (typed.data[i] < '0' || typed.data[i] > '9')
            return -1;
        number = number * 10 + (size_t) (typed.data[i] - '0');
    }
    return number >= 1 && number <= job->steps_count ? (int) number - 1 : -1;
}

static json_t *count_json (uint64_t count)
{
    return json_integer ((json_int_t) count);
}

static json_t *buf_json (const bg_buf *text)
{
    return ctl_json_slice (bg_buf_slice (text));
}

json_t *ctl_job_json (const wire_job_row *row)
{
    const char *last = row->last_us ? wire_run_state_word (row->last_state) : NULL;
    json_t *object = json_pack ("{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
                                "s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "name", ctl_json_slice (row->name), "key", ctl_json_id (row->key), "enabled",
        !row->disabled, "disabled_reason",
        row->disabled ? ctl_json_text_or_null (row->disabled_reason) : json_null (),
        "disabled_until", ctl_json_time (row->disabled ? row->disabled_until_us : 0), "version",
        count_json (row->revision), "document_version", count_json (row->version), "audience",
        ctl_json_text_or_null (row->audience), "category", ctl_json_text_or_null (row->category),
        "step_count", count_json (row->steps), "schedule_count", count_json (row->schedules),
        "targets", count_json (row->targets), "pending",
        count_json (ctl_pending (row->targets, row->applied, row->waiting, row->failed)), "waiting",
        count_json (row->waiting), "applied", count_json (row->applied), "failed",
        count_json (row->failed), "running", count_json (row->running), "last_state",
        last ? json_string (last) : json_null (), "last", ctl_json_time (row->last_us), "posted",
        ctl_json_time (row->posted_us), "posted_by", ctl_json_text_or_null (row->posted_by));
    bg_assert (object);
    json_object_set_new (
        object, "enabled_until", ctl_json_time (row->disabled ? 0 : row->enabled_until_us));
    json_object_set_new (object, "owner", ctl_json_text_or_null (row->owner));
    json_object_set_new (object, "waiting_runs", count_json (row->waiting_runs));
    json_object_set_new (object, "deleted_itself", count_json (row->spent));
    return object;
}

/*  ---- who holds what ----  */

static json_t *holder_json (const wire_holder *holder)
{
    const char *state = wire_delivery_state_word (holder->state);
    json_t *version = holder->revision  ? count_json (holder->revision)
                      : holder->version ? json_string ("older")
                                        : json_null ();
    return json_pack ("{s:o, s:s, s:o, s:o}", "version", version, "state",
        state ? state : "unknown", "count", count_json (holder->count), "targets",
        ctl_json_slices (holder->names, holder->names_count));
}

void ctl_job_add_holders (json_t *object, const wire_job_row *row)
{
    json_t *list = json_array ();
    for (size_t i = 0; i < row->holders_count; i++)
        json_array_append_new (list, holder_json (&row->holders[i]));
    json_object_set_new (object, "holders", list);
}

bool ctl_job_is_everywhere (const wire_job_row *row)
{
    return row->holders_count == 0 ||
           (row->holders_count == 1 && row->holders[0].version == row->version);
}

static void print_holds (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const json_t *version = json_object_get (row, "version");
    if (json_is_integer (version))
        bg_buf_printf (text, "v%" JSON_INTEGER_FORMAT, json_integer_value (version));
    else
        bg_buf_append_str (text, json_is_string (version) ? json_string_value (version) : "none");
}

const ctl_column ctl_job_holder_columns[] = {
    {NULL, "HOLDS", CTL_CELL_TEXT, CTL_NORMAL, print_holds},
    {"state", "NEWEST", CTL_CELL_STATE, CTL_NORMAL, NULL},
    {"count", "COUNT", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"targets", "TARGETS", CTL_CELL_NAMES, CTL_NORMAL, NULL},
};
const size_t ctl_job_holder_column_count =
    sizeof ctl_job_holder_columns / sizeof ctl_job_holder_columns[0];

/*  ---- the definition ----  */

static json_t *duration_or_null (uint64_t duration_us)
{
    return duration_us ? json_string (job_duration_text ((int64_t) duration_us).text)
                       : json_null ();
}

static json_t *step_json (const wire_job *job, size_t index)
{
    const wire_job_step *step = &job->steps[index];
    BG_AUTO_BUF does = {0};
    BG_AUTO_BUF with = {0};
    BG_AUTO_BUF success = {0};
    BG_AUTO_BUF failure = {0};
    job_describe_step (step, &does);
    job_describe_surroundings (step, &with);
    /*  Said as what it means, not as "by default".  */
    job_describe_action (
        job, step->on_success ? step->on_success : WIRE_FLOW_NEXT, step->success_step, &success);
    job_describe_action (
        job, step->on_failure ? step->on_failure : WIRE_FLOW_FAIL, step->failure_step, &failure);
    return json_pack ("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "step",
        count_json (index + 1), "name", ctl_json_slice (step->name), "does", buf_json (&does),
        "with", ctl_json_text_or_null (bg_buf_slice (&with)), "timeout",
        duration_or_null (step->timeout_us), "retries", count_json (step->retry_attempts),
        "retry_every",
        step->retry_attempts
            ? duration_or_null (step->retry_every_us ? step->retry_every_us : JOB_RETRY_EVERY_US)
            : json_null (),
        "on_success", buf_json (&success), "on_failure", buf_json (&failure));
}

/*  A schedule in the targets' own zones has no time that could be told here, and one of a job that is
    disabled (now_us 0) has none at all.  */
static json_t *next_json (const wire_job_schedule *schedule, int64_t now_us)
{
    if (now_us == 0)
        return json_null ();
    ctl_zones zones = {0};
    const job_schedule_lookup lookup = {.zone = ctl_zone_lookup, .ctx = &zones};
    job_schedule made = {0};
    int64_t next_us = 0;
    bool is_everywhere = schedule->kind == WIRE_SCHEDULE_EVERY || schedule->zone.size > 0;
    if (is_everywhere && bg_is_ok (job_body_schedule (schedule, &lookup, &made, NULL)))
        (void) job_schedule_next (&made, now_us, &next_us, NULL);
    job_schedule_fini (&made);
    ctl_zones_fini (&zones);
    return ctl_json_time (next_us);
}

static json_t *schedule_json (const wire_job_schedule *schedule, int64_t now_us)
{
    BG_AUTO_BUF when = {0};
    job_describe_schedule (schedule, &when);
    const bool has_clock =
        schedule->kind == WIRE_SCHEDULE_CRON ||
        (schedule->kind >= WIRE_SCHEDULE_ONCE && schedule->kind <= WIRE_SCHEDULE_RELATIVE);
    return json_pack ("{s:o, s:o, s:o, s:o}", "name", ctl_json_slice (schedule->name), "when",
        buf_json (&when), "zone",
        schedule->zone.size > 0 ? ctl_json_slice (schedule->zone)
        : has_clock             ? json_string ("target")
                                : json_null (),
        "next", next_json (schedule, now_us));
}

/*  When it is enabled again, less the moment that a search for the next time begins after; 0: when
    somebody says so.  */
static int64_t disabled_until_us (const json_t *object)
{
    const char *text = json_string_value (json_object_get (object, "disabled_until"));
    int64_t until_us = 0;
    if (!text || bg_failed (ctl_times_parse (bg_slice_str (text), 0, &until_us, NULL)))
        return 0;
    return until_us - 1;
}

void ctl_job_add_definition (json_t *object, const wire_job *job, int64_t now_us)
{
    BG_AUTO_BUF start = {0};
    BG_AUTO_BUF rules = {0};
    BG_AUTO_BUF yaml = {0};
    json_t *steps = json_array ();
    json_t *schedules = json_array ();
    if (json_is_false (json_object_get (object, "enabled")))
        now_us = disabled_until_us (object);
    for (size_t i = 0; i < job->steps_count; i++)
        json_array_append_new (steps, step_json (job, i));
    for (size_t i = 0; i < job->schedules_count; i++)
        json_array_append_new (schedules, schedule_json (&job->schedules[i], now_us));
    job_describe_start (job, &start);
    job_describe_rules (job, &rules);
    job_yaml_write (job, &yaml);
    json_object_set_new (object, "description", ctl_json_text_or_null (job->description));
    json_object_set_new (object, "start", buf_json (&start));
    json_object_set_new (object, "rules", ctl_json_text_or_null (bg_buf_slice (&rules)));
    json_object_set_new (object, "steps", steps);
    json_object_set_new (object, "schedules", schedules);
    json_object_set_new (object, "definition", buf_json (&yaml));
}

/*  ---- tables ----  */

void ctl_running_print (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const json_int_t waiting = json_integer_value (json_object_get (row, "waiting_runs"));
    bg_buf_printf (
        text, "%" JSON_INTEGER_FORMAT, json_integer_value (json_object_get (row, "running")));
    if (waiting > 0)
        bg_buf_printf (text, " + %" JSON_INTEGER_FORMAT " waiting", waiting);
}

/*  "deleted itself on 3 of 3"  */
static void print_spent (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const json_int_t spent = json_integer_value (json_object_get (row, "deleted_itself"));
    if (spent > 0)
        bg_buf_printf (text, "deleted itself on %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT,
            spent, json_integer_value (json_object_get (row, "targets")));
}

static void print_delivery (const ctl_output *out, const json_t *row, bg_buf *text)
{
    size_t start = text->size;
    ctl_delivery_print (out, row, text);
    if (json_integer_value (json_object_get (row, "deleted_itself")) > 0) {
        bg_buf_append_str (text, text->size > start ? ", " : "");
        print_spent (out, row, text);
    }
}

/*  One in the targets' zones has no single time.  */
static void print_next (const ctl_output *out, const json_t *row, bg_buf *text)
{
    const char *next = json_string_value (json_object_get (row, "next"));
    const char *zone = json_string_value (json_object_get (row, "zone"));
    int64_t utc_us = 0;
    if (next && bg_is_ok (ctl_times_parse (bg_slice_str (next), 0, &utc_us, NULL)))
        ctl_times_people (utc_us, ctl_output_get (out)->is_utc, text);
    else if (zone && strcmp (zone, "target") == 0)
        bg_buf_append_str (text, "by each target's clock");
}

const ctl_column ctl_job_columns[] = {
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"enabled", "STATE", CTL_CELL_STATE, CTL_NORMAL, ctl_enabled_print},
    {"version", "VERSION", CTL_CELL_TEXT, CTL_NORMAL, ctl_version_print},
    {"targets", "TARGETS", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {NULL, "DELIVERY", CTL_CELL_TEXT, CTL_NORMAL, print_delivery},
    {"running", "RUNNING", CTL_CELL_NUMBER, CTL_NORMAL, ctl_running_print},
    {"last_state", "LAST", CTL_CELL_STATE, CTL_NORMAL, NULL},
    {"last", "ENDED", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"next", "NEXT", CTL_CELL_TIME, CTL_NORMAL, print_next},
    {"audience", "FOR", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"category", "CATEGORY", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"owner", "OWNER", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"step_count", "STEPS", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"schedule_count", "SCHEDULES", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"posted", "POSTED", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"posted_by", "BY", CTL_CELL_TEXT, CTL_WIDE, NULL},
};
const size_t ctl_job_column_count = sizeof ctl_job_columns / sizeof ctl_job_columns[0];

const ctl_column ctl_job_fields[] = {
    {"name", "Job", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"description", "Description", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"category", "Category", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"owner", "Owner", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {NULL, "State", CTL_CELL_TEXT, CTL_NORMAL, ctl_state_print},
    {"version", "Version", CTL_CELL_TEXT, CTL_NORMAL, ctl_version_print},
    {"posted", "Posted", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"posted_by", "By", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"audience", "For", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"targets", "Targets", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {NULL, "Delivery", CTL_CELL_TEXT, CTL_NORMAL, print_delivery},
    {"start", "Start", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"rules", "Rules", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"not_after", "Valid until", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"running", "Running", CTL_CELL_TEXT, CTL_NORMAL, ctl_running_print},
    {"key", "Key", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"document_version", "Document", CTL_CELL_TEXT, CTL_WIDE, NULL},
};
const size_t ctl_job_field_count = sizeof ctl_job_fields / sizeof ctl_job_fields[0];

const ctl_column ctl_job_step_columns[] = {
    {"step", "STEP", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"does", "DOES", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"timeout", "TIMEOUT", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"retries", "RETRIES", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"on_success", "ON SUCCESS", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"on_failure", "ON FAILURE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"with", "WITH", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};

size_t ctl_job_step_column_count (const json_t *steps)
{
    const size_t all = sizeof ctl_job_step_columns / sizeof ctl_job_step_columns[0];
    for (size_t i = 0; i < json_array_size (steps); i++) {
        if (json_is_string (json_object_get (json_array_get (steps, i), "with")))
            return all;
    }
    return all - 1;
}

const ctl_column ctl_job_schedule_columns[] = {
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"when", "WHEN", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"zone", "ZONE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"next", "NEXT", CTL_CELL_TIME, CTL_NORMAL, print_next},
    {"note", "NOTE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};
const size_t ctl_job_schedule_column_count =
    sizeof ctl_job_schedule_columns / sizeof ctl_job_schedule_columns[0];
