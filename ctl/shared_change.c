/*  bugle schedule enable, disable, delete and bugle calendar delete: a signed document each, compare-and-set against what
    was seen.

    Invariant: what is so already gets no new version; the command says so and ends well.
*/
#include "ctl/change_view.h"
#include "ctl/job.h"
#include "ctl/shared.h"
#include "ctl/sign.h"
#include "ctl/standing.h"

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

/*  ---- enable, disable ----  */

/*  The switch inside a signed document; NULL when there is none or a newer program wrote it: then it is replaced.  */
static const wire_switch *switch_of (ctl_run *run, const wire_document_row *row)
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

static bool is_so_already (
    const wire_document_row *row, const wire_switch *current, const wire_switch *wanted)
{
    if (!wanted->disabled)
        return !row->disabled && row->enabled_until_us == wanted->until_us &&
               !(current && current->disabled && wanted->until_us != 0);
    return row->disabled && current && current->disabled && current->until_us == wanted->until_us &&
           bg_slice_equal (current->reason, wanted->reason);
}

static bg_result change_switch (ctl_run *run, bool disabled, int64_t until_us, bg_error *err)
{
    const wire_document_row *row = NULL;
    bg_slice reason = {0};
    BG_TRY (ctl_reason (run, &reason, err));
    BG_TRY (ctl_document_find (run, WIRE_TYPE_SCHEDULE, ctl_argument (run->parsed, 0), &row, err));
    const wire_switch *current = switch_of (run, row);
    wire_switch wanted = {.object_type = WIRE_TYPE_SCHEDULE,
        .object_name = row->name,
        .object_key = row->key,
        .disabled = disabled,
        .until_us = until_us,
        .reason = reason};
    if (disabled && row->disabled && current && current->disabled &&
        !ctl_given (run->parsed, CTL_OPT_REASON))
        wanted.reason = current->reason;
    const bool is_unchanged = is_so_already (row, current, &wanted);
    const char *word = disabled ? "disabled" : "enabled";
    ctl_change change = {.name = row->name,
        .outcome = is_unchanged ? "unchanged" : word,
        .already = is_unchanged ? word : NULL,
        .targets = row->targets,
        .until_us = is_unchanged ? 0 : wanted.until_us,
        .is_utc = ctl_output_get (run->out)->is_utc,
        .reason = wanted.reason,
        .dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN)};
    if (!is_unchanged) {
        wire_post_item item = {.has_document = true, .seen_version = row->switch_version};
        wire_posted_item posted = {0};
        size_t done = 0;
        BG_TRY (ctl_sign_document (
            run, WIRE_TYPE_SWITCH, row->name, row->switch_version, &wanted, &item.document, err));
        BG_TRY (ctl_post (run, &item, 1, change.dry_run, &posted, &done, err));
        change.targets = posted.targets;
    }
    print_change (run, &change);
    return bg_ok ();
}

bg_result ctl_schedule_enable (ctl_run *run, bg_error *err)
{
    return change_switch (run, false, ctl_time_us (run->parsed, CTL_OPT_UNTIL, 0), err);
}

bg_result ctl_schedule_disable (ctl_run *run, bg_error *err)
{
    return change_switch (run, true, ctl_time_us (run->parsed, CTL_OPT_UNTIL, 0), err);
}

/*  ---- delete ----  */

/*  A disabled schedule is enabled before it goes: targets keep the last switch they heard of, and one that is away now
    will not hear of the withdrawal when a new one takes the name meanwhile.  */
static bg_result add_enabling (
    ctl_run *run, const ctl_standing *standing, wire_post_item *items, size_t *count, bg_error *err)
{
    const wire_switch body = {
        .object_type = standing->type, .object_name = standing->name, .object_key = standing->key};
    if (!standing->is_disabled)
        return bg_ok ();
    wire_post_item *item = &items[(*count)++];
    *item = (wire_post_item){.has_document = true, .seen_version = standing->switch_version};
    return ctl_sign_document (run, WIRE_TYPE_SWITCH, standing->name, standing->switch_version,
        &body, &item->document, err);
}

static bg_result post_delete (
    ctl_run *run, const ctl_standing *standing, ctl_change *change, bg_error *err)
{
    const wire_withdrawal body = {
        .object_type = standing->type, .object_name = standing->name, .reason = change->reason};
    wire_post_item items[2] = {0};
    wire_posted_item rows[2] = {0};
    size_t count = 0, done = 0;
    BG_TRY (add_enabling (run, standing, items, &count, err));
    wire_post_item *last = &items[count++];
    *last = (wire_post_item){.has_document = true, .seen_version = standing->version};
    BG_TRY (ctl_sign_document (
        run, WIRE_TYPE_WITHDRAWAL, standing->name, standing->version, &body, &last->document, err));
    BG_TRY (ctl_post (run, items, count, change->dry_run, rows, &done, err));
    change->targets = rows[count - 1].targets;
    return bg_ok ();
}

static bg_result delete_one (ctl_run *run, wire_type type, bg_error *err)
{
    ctl_standing standing;
    ctl_change change = {.name = bg_slice_str (ctl_argument (run->parsed, 0)),
        .outcome = "deleted",
        .dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN)};
    BG_TRY (ctl_reason (run, &change.reason, err));
    BG_TRY (ctl_standing_known (run, type, change.name, &standing, err));
    if (standing.is_here) {
        change.name = standing.name;
        BG_TRY (post_delete (run, &standing, &change, err));
    } else {
        change.outcome = "unchanged";
        change.already = "deleted";
    }
    print_change (run, &change);
    return bg_ok ();
}

bg_result ctl_schedule_delete (ctl_run *run, bg_error *err)
{
    return delete_one (run, WIRE_TYPE_SCHEDULE, err);
}

bg_result ctl_calendar_delete (ctl_run *run, bg_error *err)
{
    return delete_one (run, WIRE_TYPE_CALENDAR, err);
}
