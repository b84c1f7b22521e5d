/*  bugle job enable, disable, delete: a signed document each, compare-and-set against what was seen.

    Invariant: a job that is so already gets no new version; the command says so and ends well.
*/
#include "ctl/change_view.h"
#include "ctl/client.h"
#include "ctl/job.h"
#include "ctl/sign.h"

#include <inttypes.h>

static void print_change (ctl_run *run, const ctl_change *change)
{
    if (ctl_is_human (run->out)) {
        BG_AUTO_BUF text = {0};
        ctl_change_text (change, &text);
        ctl_print (run->out, "%s\n", bg_buf_cstr (&text));
    } else {
        ctl_object (run->out, "change", NULL, 0, "name", ctl_change_json (change));
    }
    if (change->dry_run)
        ctl_note (run->out, "dry run: nothing was changed");
}

/*  Signs and posts one document; change gets the targets.  */
static bg_result post_one (ctl_run *run, wire_type type, bg_slice name, uint64_t version,
    const void *body, ctl_change *change, bg_error *err)
{
    wire_post_item item = {.has_document = true, .seen_version = version};
    wire_posted_item row = {0};
    size_t done = 0;
    BG_TRY (ctl_sign_document (run, type, name, version, body, &item.document, err));
    BG_TRY (ctl_post (run, &item, 1, change->dry_run, &row, &done, err));
    change->targets = row.targets;
    return bg_ok ();
}

/*  ---- enable, disable ----  */

/*  The switch inside a signed document; NULL when there is none or a newer program wrote it: then it is replaced.  */
static const wire_switch *switch_of (ctl_run *run, const wire_job_row *row)
{
    wire_document fixed;
    wire_switch *value = bg_arena_alloc (&run->arena, sizeof *value);
    if (!row->has_switch_document ||
        bg_failed (WIRE_DECODE (
            document, row->switch_document.bytes, WIRE_AS_SIGNED, &run->arena, &fixed, NULL)) ||
        fixed.type != WIRE_TYPE_SWITCH ||
        bg_failed (WIRE_DECODE (switch, fixed.body, WIRE_AS_SIGNED, &run->arena, value, NULL)))
        return NULL;
    return value;
}

static bg_result change_switch (ctl_run *run, bool disabled, int64_t until_us, bg_error *err)
{
    const wire_job_row *row = NULL;
    bg_slice reason = {0};
    bool is_unchanged = false;
    BG_TRY (ctl_reason (run, &reason, err));
    BG_TRY (ctl_job_find (run, ctl_argument (run->parsed, 0), true, &row, err));
    wire_switch wanted = ctl_switch_wanted (row, switch_of (run, row), disabled, until_us, reason,
        ctl_given (run->parsed, CTL_OPT_REASON), &is_unchanged);
    const char *word = disabled ? "disabled" : "enabled";
    ctl_change change = {.name = row->name,
        .outcome = is_unchanged ? "unchanged" : word,
        .already = is_unchanged ? word : NULL,
        .targets = row->targets,
        .until_us = is_unchanged ? 0 : wanted.until_us,
        .is_utc = ctl_output_get (run->out)->is_utc,
        .reason = wanted.reason,
        .dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN)};
    if (!is_unchanged)
        BG_TRY (post_one (
            run, WIRE_TYPE_SWITCH, row->name, row->switch_version, &wanted, &change, err));
    print_change (run, &change);
    return bg_ok ();
}

bg_result ctl_job_enable (ctl_run *run, bg_error *err)
{
    return change_switch (run, false, ctl_time_us (run->parsed, CTL_OPT_UNTIL, 0), err);
}

bg_result ctl_job_disable (ctl_run *run, bg_error *err)
{
    return change_switch (run, true, ctl_time_us (run->parsed, CTL_OPT_UNTIL, 0), err);
}

/*  ---- delete ----  */

/*  A disabled job is enabled before it goes: targets keep the last switch they heard of, and one that is away now will not
    hear of the withdrawal when a new job takes the name meanwhile.  */
static bg_result add_enabling (
    ctl_run *run, const wire_job_row *row, wire_post_item *items, size_t *count, bg_error *err)
{
    const wire_switch body = {
        .object_type = WIRE_TYPE_JOB, .object_name = row->name, .object_key = row->key};
    if (!row->disabled)
        return bg_ok ();
    wire_post_item *item = &items[(*count)++];
    *item = (wire_post_item){.has_document = true, .seen_version = row->switch_version};
    return ctl_sign_document (
        run, WIRE_TYPE_SWITCH, row->name, row->switch_version, &body, &item->document, err);
}

static bg_result post_delete (
    ctl_run *run, const wire_job_row *row, ctl_change *change, bg_error *err)
{
    const wire_withdrawal body = {
        .object_type = WIRE_TYPE_JOB, .object_name = row->name, .reason = change->reason};
    wire_post_item items[2] = {0};
    wire_posted_item rows[2] = {0};
    size_t count = 0, done = 0;
    BG_TRY (add_enabling (run, row, items, &count, err));
    wire_post_item *last = &items[count++];
    *last = (wire_post_item){.has_document = true, .seen_version = row->version};
    BG_TRY (ctl_sign_document (
        run, WIRE_TYPE_WITHDRAWAL, row->name, row->version, &body, &last->document, err));
    BG_TRY (ctl_post (run, items, count, change->dry_run, rows, &done, err));
    change->targets = rows[count - 1].targets;
    return bg_ok ();
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
    print_change (run, &change);
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
            print_change (run, &change);
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
        print_change (run, &(ctl_change){.name = bg_slice_str (name),
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
