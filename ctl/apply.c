/*  bugle apply: files to jobs, jobs to signed documents, those that differ to the broker.

    Everything is read before anything is asked, and everything is compared before anything is posted: a mistake in the last
    file leaves the broker as it was.

    Invariant: what is printed as unchanged was not posted.
*/
#include "ctl/apply.h"

#include "ctl/category.h"
#include "ctl/job_files.h"
#include "ctl/sign.h"

#include <inttypes.h>

/*  ---- deciding ----  */

ctl_apply_plan ctl_apply_compare (const wire_job *job, const ctl_job_found *found)
{
    const wire_job_row *row = found->row;
    if (!row)
        return (ctl_apply_plan){.last_version = found->withdrawn_version};
    return (ctl_apply_plan){
        .is_unchanged = row->has_document && ctl_same_body (&row->document, &wire_desc_job, job),
        .last_version = row->version,
        .seen_version = row->version,
    };
}

void ctl_apply_text (const ctl_apply_outcome *outcome, bool dry_run, bg_buf *out)
{
    const char *word = wire_posted_word (outcome->outcome);
    const bool would = dry_run && outcome->outcome != WIRE_POSTED_UNCHANGED;
    bg_buf_printf (out, "%s%s %.*s (v%" PRIu64 ") -> ", would ? "would be " : "",
        word ? word : "posted", BG_SLICE_ARG (outcome->name), outcome->revision);
    ctl_targets_count (outcome->targets, out);
}

json_t *ctl_apply_json (const ctl_apply_outcome *outcome)
{
    const char *word = wire_posted_word (outcome->outcome);
    return json_pack ("{s:o, s:s, s:I, s:I, s:I}", "name", ctl_json_slice (outcome->name),
        "outcome", word ? word : "posted", "version", (json_int_t) outcome->revision,
        "document_version", (json_int_t) outcome->version, "targets",
        (json_int_t) outcome->targets);
}

/*  ---- the broker ----  */

typedef struct {
    size_t count;
    ctl_apply_outcome *outcomes; /*  one a job, in the order of the files  */
    wire_post_item *items;       /*  those that differ  */
    size_t *item_jobs;           /*  their indexes in outcomes  */
    size_t item_count;
} apply_work;

static bg_result compare_one (
    ctl_run *run, const wire_job *job, apply_work *work, size_t index, bg_error *err)
{
    ctl_job_found found;
    BG_TRY (ctl_job_look (run, job->name, true, &found, err));
    ctl_apply_plan plan = ctl_apply_compare (job, &found);
    if (plan.is_unchanged) {
        work->outcomes[index] = (ctl_apply_outcome){.name = found.row->name,
            .outcome = WIRE_POSTED_UNCHANGED,
            .revision = found.row->revision,
            .version = found.row->version,
            .targets = found.row->targets};
        return bg_ok ();
    }
    wire_post_item *item = &work->items[work->item_count];
    *item = (wire_post_item){.has_document = true, .seen_version = plan.seen_version};
    BG_TRY (ctl_sign_document (
        run, WIRE_TYPE_JOB, job->name, plan.last_version, job, &item->document, err));
    work->outcomes[index].name = job->name;
    work->item_jobs[work->item_count++] = index;
    return bg_ok ();
}

static bg_result compare_all (
    ctl_run *run, const job_yaml_set *set, apply_work *work, bg_error *err)
{
    work->count = job_yaml_count (set);
    work->outcomes = bg_arena_array (&run->arena, ctl_apply_outcome, work->count);
    work->items = bg_arena_array (&run->arena, wire_post_item, work->count);
    work->item_jobs = bg_arena_array (&run->arena, size_t, work->count);
    for (size_t i = 0; i < work->count; i++)
        BG_TRY (compare_one (run, job_yaml_job (set, i), work, i, err));
    return bg_ok ();
}

/*  A category that nobody has used before may be meant, or be a slip of the pen.  */
static bg_result note_categories (
    ctl_run *run, const job_yaml_set *set, size_t count, bg_error *err)
{
    bg_slice *names = bg_arena_array (&run->arena, bg_slice, count + 1);
    for (size_t i = 0; i < count; i++)
        names[i] = job_yaml_job (set, i)->category;
    return ctl_category_note_new (run, names, count, err);
}

static bg_result post_all (ctl_run *run, apply_work *work, bool dry_run, bg_error *err)
{
    size_t done = 0;
    if (work->item_count == 0)
        return bg_ok ();
    wire_posted_item *rows = bg_arena_array (&run->arena, wire_posted_item, work->item_count);
    bg_result result = ctl_post (run, work->items, work->item_count, dry_run, rows, &done, err);
    for (size_t i = 0; i < done; i++) {
        ctl_apply_outcome *outcome = &work->outcomes[work->item_jobs[i]];
        outcome->outcome = rows[i].outcome;
        outcome->revision = rows[i].revision;
        outcome->version = rows[i].version;
        outcome->targets = rows[i].targets;
    }
    return result;
}

/*  Those whose outcome is known: all, unless posting broke off.  */
static void print_outcomes (ctl_run *run, const apply_work *work)
{
    if (!ctl_is_human (run->out))
        ctl_list_begin (run->out, "applied", NULL, 0, "name");
    for (size_t i = 0; i < work->count; i++) {
        if (work->outcomes[i].outcome == 0)
            continue;
        BG_AUTO_BUF text = {0};
        ctl_apply_text (&work->outcomes[i], ctl_given (run->parsed, CTL_OPT_DRY_RUN), &text);
        if (ctl_is_human (run->out))
            ctl_print (run->out, "%s\n", bg_buf_cstr (&text));
        else
            ctl_list_row (run->out, ctl_apply_json (&work->outcomes[i]));
    }
    if (!ctl_is_human (run->out))
        ctl_list_end (run->out, false, 0);
}

static bg_result apply_set (ctl_run *run, const job_yaml_set *set, bg_error *err)
{
    apply_work work = {0};
    bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    BG_TRY (compare_all (run, set, &work, err));
    BG_TRY (note_categories (run, set, work.count, err));
    bg_result result = post_all (run, &work, dry_run, err);
    print_outcomes (run, &work);
    if (dry_run && bg_is_ok (result))
        ctl_note (run->out, "dry run: nothing was changed");
    return result;
}

bg_result ctl_apply (ctl_run *run, bg_error *err)
{
    size_t count = 0;
    const char *const *given = ctl_list (run->parsed, CTL_OPT_FILE, &count);
    if (count == 0) {
        bg_ignore (bg_fail (err, BG_USAGE, "bugle apply needs -f FILE or -f DIR"));
        return bg_hint (err, "see: bugle apply --help");
    }
    job_yaml_set *set = NULL;
    bg_result result = ctl_job_files_read (run, given, count, false, &set, err);
    if (bg_is_ok (result))
        result = apply_set (run, set, err);
    job_yaml_set_destroy (&set);
    return result;
}
