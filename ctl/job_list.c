/*  bugle job list: all jobs with their state, last outcome and next time; filters and orders.

    The broker sends the jobs by name; what restricts them is looked at here, so that a cut list is cut after
    the filters.  */
#include "ctl/job.h"

#include "common/job/names.h"

#include "ctl/client.h"
#include "ctl/job_times.h"
#include "ctl/job_view.h"

#include <stdlib.h>
#include <string.h>

#define LIST_DEFAULT 1000 /*  without --limit  */
#define PAGE_MAX     200  /*  the definitions come with the rows  */

static bool went_wrong (uint64_t state)
{
    return state == WIRE_RUN_FAILED || state == WIRE_RUN_CANCELED || state == WIRE_RUN_INTERRUPTED;
}

static bool is_wanted (const ctl_parsed *parsed, const wire_job_row *row)
{
    const char *category = ctl_text (parsed, CTL_OPT_CATEGORY, NULL);
    if (category && job_name_compare (bg_slice_str (category), row->category) != 0)
        return false;
    if (ctl_given (parsed, CTL_OPT_ENABLED) && row->disabled)
        return false;
    if (ctl_given (parsed, CTL_OPT_DISABLED) && !row->disabled)
        return false;
    if (ctl_given (parsed, CTL_OPT_RUNNING) && row->running + row->waiting_runs == 0)
        return false;
    if (ctl_given (parsed, CTL_OPT_SPENT) && !ctl_job_is_spent (row))
        return false;
    return !ctl_given (parsed, CTL_OPT_FAILED) || went_wrong (row->last_state);
}

static bg_result add_page (
    ctl_run *run, const wire_jobs *page, ctl_shared_cache *shared, json_t *rows, bg_error *err)
{
    for (size_t i = 0; i < page->rows_count; i++) {
        const wire_job_row *row = &page->rows[i];
        if (!is_wanted (run->parsed, row))
            continue;
        json_t *object = ctl_job_json (row);
        json_array_append_new (rows, object);
        if (!row->has_document)
            continue;
        BG_AUTO_ARENA arena = {0};
        wire_job job;
        BG_TRY (ctl_job_decode (&row->document, &arena, &job, err));
        BG_TRY (ctl_job_set_times (shared, row, &job, object, err));
    }
    return bg_ok ();
}

static bg_result fetch (ctl_run *run, json_t *rows, bg_error *err)
{
    ctl_client *client = NULL;
    wire_job_query query = {.limit = PAGE_MAX,
        .documents = true,
        .category = bg_slice_str (ctl_text (run->parsed, CTL_OPT_CATEGORY, "")),
        .owner = bg_slice_str (ctl_text (run->parsed, CTL_OPT_OWNER, "")),
        .uses = bg_slice_str (ctl_text (run->parsed, CTL_OPT_USING, NULL))};
    ctl_shared_cache shared = {.run = run};
    BG_TRY (ctl_run_client (run, &client, err));
    for (bool more = true; more;) {
        wire_jobs *page = NULL;
        BG_TRY (ctl_call (client, WIRE_JOB_QUERY, &query, WIRE_JOBS, (void **) &page, err));
        BG_TRY (add_page (run, page, &shared, rows, err));
        more = page->more && page->rows_count > 0;
        if (more)
            query.after = page->rows[page->rows_count - 1].name;
    }
    return bg_ok ();
}

/*  ---- order ----  */

static const char *text_at (const json_t *row, const char *key)
{
    const char *text = json_string_value (json_object_get (row, key));
    return text ? text : "";
}

/*  What has no time comes last.  */
static int by_next (const void *a, const void *b)
{
    const char *left = text_at (*(json_t *const *) a, "next");
    const char *right = text_at (*(json_t *const *) b, "next");
    if (*left == '\0' || *right == '\0')
        return (*left == '\0') - (*right == '\0');
    return strcmp (left, right);
}

static int by_last (const void *a, const void *b)
{
    return strcmp (text_at (*(json_t *const *) b, "last"), text_at (*(json_t *const *) a, "last"));
}

static json_t **sorted (const ctl_parsed *parsed, const json_t *rows, bg_arena *arena)
{
    const size_t count = json_array_size (rows);
    json_t **order = bg_arena_array (arena, json_t *, count + 1);
    for (size_t i = 0; i < count; i++)
        order[i] = json_array_get (rows, i);
    const char *sort = ctl_text (parsed, CTL_OPT_SORT, "name");
    if (strcmp (sort, "next") == 0)
        qsort (order, count, sizeof *order, by_next);
    else if (strcmp (sort, "last") == 0)
        qsort (order, count, sizeof *order, by_last);
    return order;
}

bg_result ctl_job_list (ctl_run *run, bg_error *err)
{
    if (ctl_given (run->parsed, CTL_OPT_ENABLED) && ctl_given (run->parsed, CTL_OPT_DISABLED))
        return bg_fail (err, BG_USAGE, "--enabled and --disabled exclude each other");
    const size_t limit = (size_t) ctl_number (run->parsed, CTL_OPT_LIMIT, LIST_DEFAULT);
    json_t *rows = json_array ();
    bg_result result = fetch (run, rows, err);
    if (bg_is_ok (result)) {
        const size_t count = json_array_size (rows);
        json_t **order = sorted (run->parsed, rows, &run->arena);
        ctl_list_begin (run->out, "jobs", ctl_job_columns, ctl_job_column_count, "name");
        for (size_t i = 0; i < count && i < limit; i++)
            ctl_list_row (run->out, json_incref (order[i]));
        ctl_list_end (run->out, count > limit, count);
    }
    json_decref (rows);
    return result;
}
