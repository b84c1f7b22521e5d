/*  bugle job enable, disable, delete: which jobs, what is asked first, and what is said when one is gone already.
    Not here: how something is switched and withdrawn (standing_change.c).
*/
#include "ctl/client.h"
#include "ctl/job.h"
#include "ctl/standing_change.h"

#include <inttypes.h>

/*  ---- enable, disable ----  */

static bg_result change_switch (ctl_run *run, bool disabled, bg_error *err)
{
    const wire_job_row *row = NULL;
    bg_slice reason = {0};
    BG_TRY (ctl_reason (run, &reason, err));
    BG_TRY (ctl_job_find (run, ctl_argument (run->parsed, 0), true, &row, err));
    const ctl_standing standing = ctl_standing_of_job (row);
    return ctl_standing_switch (run, &standing, disabled, reason, err);
}

bg_result ctl_job_enable (ctl_run *run, bg_error *err)
{
    return change_switch (run, false, err);
}

bg_result ctl_job_disable (ctl_run *run, bg_error *err)
{
    return change_switch (run, true, err);
}

/*  ---- delete ----  */

static bg_result post_delete (
    ctl_run *run, const wire_job_row *row, ctl_change *change, bg_error *err)
{
    const ctl_standing standing = ctl_standing_of_job (row);
    return ctl_standing_withdraw (run, &standing, change, err);
}

static bg_result delete_row (ctl_run *run, const wire_job_row *row, bg_slice reason, bg_error *err)
{
    ctl_change change = {.name = row->name,
        .outcome = "deleted",
        .reason = reason,
        .dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN)};
    if (row->targets > 0 && !change.dry_run)
        BG_TRY (ctl_confirm (run, err, "Delete job '%.*s' here and on %" PRIu64 " target%s?",
            BG_SLICE_ARG (row->name), row->targets, row->targets == 1 ? "" : "s"));
    BG_TRY (post_delete (run, row, &change, err));
    ctl_change_print (run, &change);
    return bg_ok ();
}

/*  ---- those that have deleted themselves ----  */

#define SPENT_PAGE 200

static bg_result spent_jobs (ctl_run *run, const wire_job_row ***rows, size_t *count, bg_error *err)
{
    ctl_client *client = NULL;
    wire_job_query query = {.limit = SPENT_PAGE};
    size_t capacity = 0;
    *count = 0;
    BG_TRY (ctl_run_client (run, &client, err));
    for (bool more = true; more;) {
        wire_jobs *page = NULL;
        BG_TRY (ctl_call (client, WIRE_JOB_QUERY, &query, WIRE_JOBS, (void **) &page, err));
        if (*count + page->rows_count > capacity) {
            capacity = (*count + page->rows_count) * 2;
            const wire_job_row **grown =
                bg_arena_array (&run->arena, const wire_job_row *, capacity);
            for (size_t i = 0; i < *count; i++)
                grown[i] = (*rows)[i];
            *rows = grown;
        }
        for (size_t i = 0; i < page->rows_count; i++)
            if (ctl_job_is_spent (&page->rows[i]))
                (*rows)[(*count)++] = &page->rows[i];
        more = page->more && page->rows_count > 0;
        if (more)
            query.after = page->rows[page->rows_count - 1].name;
    }
    return bg_ok ();
}

/*  One question for all: nothing of them is left anywhere but here.  */
static bg_result delete_spent (ctl_run *run, bg_slice reason, bg_error *err)
{
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    const wire_job_row **rows = NULL;
    size_t count = 0;
    if (ctl_argument_count (run->parsed) > 0) {
        bg_ignore (bg_fail (err, BG_USAGE, "a job and --spent exclude each other"));
        return bg_hint (err, "name a job, or leave the name out");
    }
    BG_TRY (spent_jobs (run, &rows, &count, err));
    if (count == 0)
        ctl_note (run->out, "no job has deleted itself on all of its targets");
    if (count > 0 && !dry_run)
        BG_TRY (ctl_confirm (run, err,
            count == 1 ? "Delete %zu job that has deleted itself on all of its targets?"
                       : "Delete %zu jobs that have deleted themselves on all of their targets?",
            count));
    if (!ctl_is_human (run->out))
        ctl_list_begin (run->out, "changes", NULL, 0, "name");
    for (size_t i = 0; i < count; i++) {
        ctl_change change = {
            .name = rows[i]->name, .outcome = "deleted", .reason = reason, .dry_run = dry_run};
        BG_TRY (post_delete (run, rows[i], &change, err));
        if (ctl_is_human (run->out))
            ctl_change_print (run, &change);
        else
            ctl_list_row (run->out, ctl_change_json (&change));
    }
    if (!ctl_is_human (run->out))
        ctl_list_end (run->out, false, 0);
    return bg_ok ();
}

bg_result ctl_job_delete (ctl_run *run, bg_error *err)
{
    const bool is_named = ctl_argument_count (run->parsed) > 0;
    const char *name = is_named ? ctl_argument (run->parsed, 0) : "";
    const wire_job_row *row = NULL;
    bg_slice reason = {0};
    ctl_job_found found;
    BG_TRY (ctl_reason (run, &reason, err));
    if (ctl_given (run->parsed, CTL_OPT_SPENT))
        return delete_spent (run, reason, err);
    if (!is_named) {
        bg_ignore (bg_fail (err, BG_USAGE, "job delete needs the name of a job"));
        return bg_hint (err, "as in: bugle job delete NAME, or --spent");
    }
    BG_TRY (ctl_job_look (run, bg_slice_str (name), false, &found, err));
    if (!found.row && found.withdrawn_version != 0) {
        ctl_change_print (run, &(ctl_change){.name = bg_slice_str (name),
                                   .outcome = "unchanged",
                                   .already = "deleted",
                                   .dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN)});
        return bg_ok ();
    }
    /*  Asked again for the sentence that names the nearest job.  */
    if (!found.row)
        return ctl_job_find (run, name, false, &row, err);
    return delete_row (run, found.row, reason, err);
}
