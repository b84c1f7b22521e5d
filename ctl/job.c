/*  bugle job show, and asking for a job by its name.

    Not here: the list (job_list.c), what a job looks like (job_view.c), its runs (history.c), changing it (job_change.c), starting it (job_run.c).
*/
#include "ctl/job.h"

#include "common/base/utf8.h"
#include "ctl/client.h"
#include "ctl/history.h"
#include "ctl/history_view.h"
#include "ctl/job_next.h"
#include "ctl/job_times.h"
#include "ctl/job_view.h"
#include "ctl/shared.h"
#include "ctl/standing.h"
#include "ctl/targets_arg.h"

#include <inttypes.h>

#define RUNS_SHOWN    5
#define LINES_SHOWN   10 /*  of a failing step's output  */
#define REASON_MAX    512
#define FAILURE_PAGES 5 /*  an older failure is no news, and looking for it is not free  */

/*  ---- asking ----  */

static bg_result ask (
    ctl_run *run, bg_slice name, bool documents, ctl_job_found *found, bg_error *err)
{
    ctl_client *client = NULL;
    wire_jobs *answer = NULL;
    const wire_job_query query = {.name = name, .limit = 1, .documents = documents};
    *found = (ctl_job_found){0};
    BG_TRY (ctl_run_client (run, &client, err));
    BG_TRY (ctl_call (client, WIRE_JOB_QUERY, &query, WIRE_JOBS, (void **) &answer, err));
    if (answer->rows_count > 0)
        found->row = &answer->rows[0];
    else if (answer->withdrawn_count > 0)
        found->withdrawn_version = answer->withdrawn[0].version;
    return bg_ok ();
}

bg_result ctl_job_look (
    ctl_run *run, bg_slice name, bool documents, ctl_job_found *found, bg_error *err)
{
    bg_error why = {0};
    bg_result result = ask (run, name, documents, found, &why);
    if (bg_is_ok (result) || result.code == BG_NOT_FOUND)
        return bg_ok ();
    if (err)
        *err = why;
    return result;
}

bg_result ctl_job_find (
    ctl_run *run, const char *name, bool documents, const wire_job_row **row, bg_error *err)
{
    ctl_job_found found;
    BG_TRY (ask (run, bg_slice_str (name), documents, &found, err));
    *row = found.row;
    if (found.row)
        return bg_ok ();
    if (found.withdrawn_version == 0) {
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no job '%.200s'", name));
        return bg_hint (err, "see: bugle job list");
    }
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "job '%.200s' was deleted", name));
    return bg_hint (err, "its runs are still there: bugle job history '%.200s'", name);
}

bg_result ctl_reason (ctl_run *run, bg_slice *reason, bg_error *err)
{
    *reason = bg_slice_str (ctl_text (run->parsed, CTL_OPT_REASON, NULL));
    if (reason->size > REASON_MAX)
        return bg_fail (
            err, BG_USAGE, "--reason has %zu bytes; %d are the most", reason->size, REASON_MAX);
    if (!bg_utf8_valid (*reason) || bg_has_control (*reason, true))
        return bg_fail (err, BG_USAGE, "--reason has characters that are no text");
    return bg_ok ();
}

void ctl_targets_count (uint64_t count, bg_buf *out)
{
    bg_buf_printf (out, "%" PRIu64 " target%s", count, count == 1 ? "" : "s");
}

/*  ---- show ----  */

static bg_result show_yaml (ctl_run *run, const wire_job_row *row, bg_error *err)
{
    BG_AUTO_BUF text = {0};
    ctl_definition definition;
    BG_TRY (ctl_definition_of (&row->document, WIRE_TYPE_JOB, &run->arena, &definition, err));
    ctl_definition_write (&definition, &text);
    ctl_print_slice (run->out, bg_buf_slice (&text));
    return bg_ok ();
}

/*  The newest run that went wrong, with its output; NULL when none did.  */
static bg_result last_failure (
    ctl_run *run, bg_slice name, const wire_history_row **row, bg_error *err)
{
    uint64_t states[] = {WIRE_RUN_FAILED, WIRE_RUN_INTERRUPTED};
    const wire_history_query query = {
        .job = name, .states = states, .states_count = 2, .output = true};
    ctl_history_rows rows;
    BG_TRY (ctl_history_look (run, &query, 1, FAILURE_PAGES, &rows, err));
    *row = rows.count > 0 ? &rows.rows[0] : NULL;
    return bg_ok ();
}

/*  With --next.  */
static bg_result add_next (
    ctl_run *run, const wire_job_row *row, const wire_job *job, json_t *object, bg_error *err)
{
    bg_slice name = {0};
    bool is_given = false;
    wire_audience audience;
    if (!ctl_given (run->parsed, CTL_OPT_NEXT)) {
        if (!ctl_given (run->parsed, CTL_OPT_TARGET))
            return bg_ok ();
        bg_ignore (bg_fail (err, BG_USAGE, "-t says for which target --next is"));
        return bg_hint (err, "add --next 5, or see: bugle job history '%.*s' -t NAME",
            BG_SLICE_ARG (row->name));
    }
    BG_TRY (ctl_targets_arg (run, &audience, &is_given, err));
    if (audience.names_count > 1)
        return bg_fail (err, BG_USAGE, "-t names %zu targets; --next is for one or for all",
            audience.names_count);
    if (is_given)
        name = audience.names[0];
    return ctl_job_add_next_runs (
        run, row, job, name, (size_t) ctl_number (run->parsed, CTL_OPT_NEXT, 1), object, err);
}

static void show_people (
    ctl_run *run, const wire_job_row *row, const json_t *object, const wire_history_row *failure)
{
    ctl_fields (run->out, ctl_job_fields, ctl_job_field_count, object);
    if (!ctl_job_is_everywhere (row))
        ctl_section (run->out, "Versions on targets", ctl_job_holder_columns,
            ctl_job_holder_column_count, json_object_get (object, "holders"));
    const json_t *steps = json_object_get (object, "steps");
    ctl_section (run->out, "Steps", ctl_job_step_columns, ctl_job_step_column_count (steps), steps);
    ctl_section (run->out, "Schedules", ctl_job_schedule_columns, ctl_job_schedule_column_count,
        json_object_get (object, "schedules"));
    ctl_section (
        run->out, "Uses", ctl_use_columns, ctl_use_column_count, json_object_get (object, "uses"));
    ctl_section (run->out, "Next runs", ctl_next_columns, ctl_next_column_count,
        json_object_get (object, "next_runs"));
    ctl_section (run->out, "Last runs", ctl_history_columns, ctl_history_column_count,
        json_object_get (object, "runs"));
    if (!failure)
        return;
    BG_AUTO_BUF text = {0};
    ctl_client *client = run->client;
    bg_buf_append_str (&text, "\nLast failure\n  ");
    ctl_history_explain (
        failure, ctl_client_now_us (client), ctl_output_get (run->out)->is_utc, LINES_SHOWN, &text);
    ctl_print_slice (run->out, bg_buf_slice (&text));
}

bg_result ctl_job_show (ctl_run *run, bg_error *err)
{
    const wire_job_row *row = NULL;
    const wire_history_row *failure = NULL;
    wire_job job = {0};
    ctl_history_rows runs = {0};
    BG_TRY (ctl_job_find (run, ctl_argument (run->parsed, 0), true, &row, err));
    BG_TRY (ctl_job_decode (&row->document, &run->arena, &job, err));
    if (ctl_output_get (run->out)->form == CTL_FORM_YAML)
        return show_yaml (run, row, err);
    const wire_history_query query = {.job = row->name};
    BG_TRY (ctl_history_fetch (run, &query, RUNS_SHOWN, &runs, err));
    BG_TRY (last_failure (run, row->name, &failure, err));
    json_t *uses = NULL;
    BG_TRY (ctl_document_uses (run, &job, &uses, err));
    json_t *object = ctl_job_json (row);
    json_object_set_new (object, "uses", uses);
    ctl_job_add_definition (object, &job, ctl_client_now_us (run->client));
    json_object_set_new (object, "not_after", ctl_json_time (ctl_job_not_after_us (row)));
    ctl_job_add_holders (object, row);
    ctl_shared_cache shared = {.run = run};
    bg_result next = ctl_job_set_times (&shared, row, &job, object, err);
    if (bg_is_ok (next))
        next = add_next (run, row, &job, object, err);
    if (bg_failed (next)) {
        json_decref (object);
        return next;
    }
    json_t *list = json_array ();
    for (size_t i = 0; i < runs.count; i++)
        json_array_append_new (list, ctl_history_json (&runs.rows[i]));
    json_object_set_new (object, "runs", list);
    json_object_set_new (
        object, "last_failure", failure ? ctl_history_json (failure) : json_null ());
    if (!ctl_is_human (run->out)) {
        ctl_object (run->out, "job", ctl_job_fields, ctl_job_field_count, "name", object);
        return bg_ok ();
    }
    show_people (run, row, object, failure);
    json_decref (object);
    return bg_ok ();
}
