/*  bugle job enable, disable, delete: a signed document each, compare-and-set against what was seen.

    Invariant: a job that is so already gets no new version; the command says so and ends well.
*/
#include "ctl/change_view.h"
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
        .until_us = wanted.until_us,
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
    return change_switch (run, false, 0, err);
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

bg_result ctl_job_delete (ctl_run *run, bg_error *err)
{
    const char *name = ctl_argument (run->parsed, 0);
    const wire_job_row *row = NULL;
    bg_slice reason = {0};
    ctl_job_found found;
    BG_TRY (ctl_reason (run, &reason, err));
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
