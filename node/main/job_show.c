/*  bugle-node job list and job show: what this machine holds, wherever it comes from.  */
#include "node/main/ask.h"

#include "common/job/body.h"
#include "common/job/names.h"
#include "common/sys/clock.h"
#include "ctl/job_view.h"
#include "node/shell/config.h"
#include "node/shell/zones.h"

#include <stdlib.h>

#define RUNS_SHOWN 5

/*  ---- list ----  */

static int by_name (const void *a, const void *b)
{
    const wire_control_job *first = a;
    const wire_control_job *second = b;
    return job_name_compare (first->name, second->name);
}

bg_result node_cmd_job_list (ctl_run *run, bg_error *err)
{
    const wire_control_query query = {.jobs = true};
    const wire_control_answer *answer = NULL;
    BG_TRY (node_ask_query (run, &query, &answer, err));
    if (answer->jobs_count > 1)
        qsort (answer->jobs, answer->jobs_count, sizeof *answer->jobs, by_name);
    const bool local_only = ctl_given (run->parsed, CTL_OPT_LOCAL);
    ctl_list_begin (run->out, "jobs", node_job_columns, node_job_column_count, "name");
    for (size_t i = 0; i < answer->jobs_count; i++) {
        if (!local_only || answer->jobs[i].local)
            ctl_list_row (run->out, node_job_json (&answer->jobs[i]));
    }
    ctl_list_end (run->out, false, 0);
    return bg_ok ();
}

/*  ---- show ----  */

static const ctl_column fields[] = {
    {"name", "Name", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"category", "Category", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"description", "Description", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"enabled", "Enabled", CTL_CELL_TEXT, CTL_NORMAL, node_print_enabled},
    {"disabled_reason", "Disabled because", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"disabled_until", "Disabled until", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"next", "Next run", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"running", "Running now", CTL_CELL_YES, CTL_NORMAL, NULL},
    {"version", "Version held", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"signed", "Signed", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"start", "Start", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"rules", "Rules", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"key", "Key", CTL_CELL_ID, CTL_WIDE, NULL},
};

static const job_zone *lookup_zone (void *ctx, bg_slice name, bg_error *err)
{
    const bool is_own = name.size == 0 || bg_slice_is (name, "target");
    const job_zone *zone = node_zones_get (ctx, is_own ? (bg_slice){0} : name);
    if (!zone)
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "no such zone"));
    return zone;
}

/*  Of the schedule that is next the node has said it, with shared schedules, calendars and splay.  */
static void set_known_next (json_t *schedules, const wire_job *job, const wire_control_job *row)
{
    for (size_t i = 0; i < job->schedules_count && row->next_us; i++)
        if (bg_slice_equal (job->schedules[i].name, row->schedule))
            json_object_set_new (
                json_array_get (schedules, i), "next", ctl_json_time (row->next_us));
}

static void set_next (json_t *schedules, const wire_job *job, node_zones *zones)
{
    const job_schedule_lookup lookup = {.zone = lookup_zone, .ctx = zones};
    for (size_t i = 0; i < job->schedules_count; i++) {
        job_schedule made = {0};
        int64_t next_us = 0;
        int fold = 0;
        if (bg_is_ok (job_body_schedule (&job->schedules[i], &lookup, &made, NULL)) &&
            job_schedule_next (&made, bg_clock_utc_us (), &next_us, &fold))
            json_object_set_new (json_array_get (schedules, i), "next", ctl_json_time (next_us));
        job_schedule_fini (&made);
    }
}

/*  When each schedule is due next, in the zones of this machine.  */
static void add_next (ctl_run *run, json_t *object, const wire_job *job)
{
    bg_home home;
    node_config config = {0};
    if (bg_failed (bg_home_look (&home, ctl_text (run->parsed, CTL_OPT_HOME, NULL), NULL)))
        return;
    if (bg_is_ok (node_config_load (&home, &config, NULL)) &&
        json_is_true (json_object_get (object, "enabled"))) {
        node_zones *zones = node_zones_create (config.zone, NULL);
        set_next (json_object_get (object, "schedules"), job, zones);
        node_zones_destroy (&zones);
    }
    node_config_fini (&config);
    bg_home_fini (&home);
}

static void add_switch (json_t *object, const wire_control_job *row, bg_arena *arena)
{
    wire_document document;
    wire_switch body;
    if (!row->has_switch_document ||
        bg_failed (WIRE_DECODE (
            document, row->switch_document.bytes, WIRE_AS_MESSAGE, arena, &document, NULL)) ||
        bg_failed (WIRE_DECODE (switch, document.body, WIRE_AS_MESSAGE, arena, &body, NULL)) ||
        !body.disabled || !row->disabled)
        return;
    json_object_set_new (object, "disabled_reason", ctl_json_text_or_null (body.reason));
    json_object_set_new (object, "disabled_until", ctl_json_time (body.until_us));
}

static bg_result add_runs (ctl_run *run, const node_job_found *found, json_t *object, bg_error *err)
{
    const wire_control_query query = {
        .history = true, .job = found->row->name, .limit = RUNS_SHOWN};
    const wire_control_answer *answer = NULL;
    json_t *list = json_array ();
    bg_result result = node_ask_query (run, &query, &answer, err);
    for (size_t i = 0; bg_is_ok (result) && i < answer->runs_count; i++) {
        const wire_history_row row = node_history_row_of (&answer->runs[i], answer->name);
        json_array_append_new (list, ctl_history_json (&row));
    }
    json_object_set_new (object, "runs", list);
    return result;
}

static void print_show (ctl_run *run, const json_t *object)
{
    const json_t *refused = json_object_get (object, "refused");
    ctl_fields (run->out, fields, sizeof fields / sizeof fields[0], object);
    const json_t *steps = json_object_get (object, "steps");
    ctl_section (run->out, "Steps", ctl_job_step_columns, ctl_job_step_column_count (steps), steps);
    ctl_section (run->out, "Schedules", ctl_job_schedule_columns, ctl_job_schedule_column_count,
        json_object_get (object, "schedules"));
    ctl_section (run->out, "Last runs", node_history_columns, node_history_column_count,
        json_object_get (object, "runs"));
    if (json_is_object (refused))
        ctl_print (run->out, "\nVersion %" JSON_INTEGER_FORMAT " does not count here: %s (%s)\n",
            json_integer_value (json_object_get (refused, "version")),
            json_string_value (json_object_get (refused, "message")),
            json_string_value (json_object_get (refused, "code")));
    const char *problem = json_string_value (json_object_get (object, "problem"));
    if (problem)
        ctl_print (run->out, "\nproblem: %s\n", problem);
    if (json_is_true (json_object_get (object, "deleted_itself")))
        ctl_print (run->out,
            "\nIt has deleted itself on this machine: it does not run again before its next "
            "version.\n");
    if (json_is_true (json_object_get (object, "read_only")))
        ctl_print (run->out, "\nIt comes from the broker and is changed there: bugle job\n");
}

static bg_result show_yaml (ctl_run *run, const wire_job *job)
{
    BG_AUTO_BUF text = {0};
    job_yaml_write (job, &text);
    ctl_print_slice (run->out, bg_buf_slice (&text));
    return bg_ok ();
}

static void clear_next (json_t *schedules)
{
    for (size_t i = 0; i < json_array_size (schedules); i++)
        json_object_set_new (json_array_get (schedules, i), "next", json_null ());
}

/*  Disabled by its own document; a switch has said why before.  */
static void add_reason (json_t *object, const wire_control_job *row, const wire_job *job)
{
    const bool is_over = job->enabled_until_us != 0 && job->enabled_until_us <= bg_clock_utc_us ();
    if (!row->disabled || json_is_string (json_object_get (object, "disabled_reason")) ||
        (!is_over && !job->disabled))
        return;
    json_object_set_new (object, "disabled_reason",
        json_string (is_over ? "the time until which it is enabled is over (enabled_until)"
                             : "its definition says so (enabled: false)"));
}

static bg_result show_definition (
    ctl_run *run, const node_job_found *found, json_t *object, bg_error *err)
{
    wire_job job = {0};
    const wire_control_job *row = found->row;
    if (!row->has_document)
        return bg_ok ();
    BG_TRY (ctl_job_decode (&row->document, &run->arena, &job, err));
    add_switch (object, row, &run->arena);
    ctl_job_add_definition (object, &job, bg_clock_utc_us ());
    add_reason (object, row, &job);
    if (row->spent)
        clear_next (json_object_get (object, "schedules"));
    else
        add_next (run, object, &job);
    set_known_next (json_object_get (object, "schedules"), &job, row);
    json_object_set_new (object, "signed", ctl_json_time ((int64_t) row->version * 1000));
    return bg_ok ();
}

bg_result node_cmd_job_show (ctl_run *run, bg_error *err)
{
    node_job_found found;
    BG_TRY (node_need_job (run, ctl_argument (run->parsed, 0), &found, err));
    if (ctl_output_get (run->out)->form == CTL_FORM_YAML && found.row->has_document) {
        wire_job job = {0};
        BG_TRY (ctl_job_decode (&found.row->document, &run->arena, &job, err));
        return show_yaml (run, &job);
    }
    json_t *object = node_job_json (found.row);
    bg_result result = show_definition (run, &found, object, err);
    if (bg_is_ok (result))
        result = add_runs (run, &found, object, err);
    if (bg_is_ok (result) && ctl_is_human (run->out))
        print_show (run, object);
    else if (bg_is_ok (result))
        ctl_object (run->out, "job", fields, sizeof fields / sizeof fields[0], "name",
            json_incref (object));
    json_decref (object);
    return result;
}
