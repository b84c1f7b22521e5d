/*  Changing what stands under a name: see standing_change.h.  */
#include "ctl/standing_change.h"

#include "ctl/sign.h"

void ctl_change_print (ctl_run *run, const ctl_change *change)
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
static const wire_switch *switch_of (ctl_run *run, const ctl_standing *standing)
{
    wire_document fixed;
    wire_switch *value = bg_arena_alloc (&run->arena, sizeof *value);
    if (!standing->switch_document ||
        bg_failed (WIRE_DECODE (document, standing->switch_document->bytes, WIRE_AS_SIGNED,
            &run->arena, &fixed, NULL)) ||
        fixed.type != WIRE_TYPE_SWITCH ||
        bg_failed (WIRE_DECODE (switch, fixed.body, WIRE_AS_SIGNED, &run->arena, value, NULL)))
        return NULL;
    return value;
}

wire_switch ctl_switch_wanted (const ctl_standing *standing, const wire_switch *current,
    bool disabled, int64_t until_us, bg_slice reason, bool reason_given, bool *is_unchanged)
{
    bool is_in_force = standing->is_disabled && current && current->disabled;
    wire_switch wanted = {.object_type = standing->type,
        .object_name = standing->name,
        .object_key = standing->key,
        .disabled = disabled,
        .until_us = until_us,
        .reason = reason};
    if (!reason_given && disabled && is_in_force)
        wanted.reason = current->reason;
    if (disabled)
        *is_unchanged = is_in_force && current->until_us == wanted.until_us &&
                        bg_slice_equal (current->reason, wanted.reason);
    else
        *is_unchanged = !standing->is_disabled && standing->enabled_until_us == until_us &&
                        !(current && current->disabled && until_us != 0);
    return wanted;
}

/*  Signs and posts one switch; change gets the targets.  */
static bg_result post_switch (ctl_run *run, const ctl_standing *standing, const wire_switch *body,
    ctl_change *change, bg_error *err)
{
    wire_post_item item = {.has_document = true, .seen_version = standing->switch_version};
    wire_posted_item row = {0};
    size_t done = 0;
    BG_TRY (ctl_sign_document (run, WIRE_TYPE_SWITCH, standing->name, standing->switch_version,
        body, &item.document, err));
    BG_TRY (ctl_post (run, &item, 1, change->dry_run, &row, &done, err));
    change->targets = row.targets;
    return bg_ok ();
}

bg_result ctl_standing_switch (
    ctl_run *run, const ctl_standing *standing, bool disabled, bg_slice reason, bg_error *err)
{
    bool is_unchanged = false;
    const wire_switch wanted = ctl_switch_wanted (standing, switch_of (run, standing), disabled,
        ctl_time_us (run->parsed, CTL_OPT_UNTIL, 0), reason,
        ctl_given (run->parsed, CTL_OPT_REASON), &is_unchanged);
    const char *word = disabled ? "disabled" : "enabled";
    ctl_change change = {.name = standing->name,
        .outcome = is_unchanged ? "unchanged" : word,
        .already = is_unchanged ? word : NULL,
        .targets = standing->targets,
        .until_us = is_unchanged ? 0 : wanted.until_us,
        .is_utc = ctl_output_get (run->out)->is_utc,
        .reason = wanted.reason,
        .dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN)};
    if (!is_unchanged)
        BG_TRY (post_switch (run, standing, &wanted, &change, err));
    ctl_change_print (run, &change);
    return bg_ok ();
}

/*  ---- delete ----  */

/*  What is disabled is enabled before it goes: targets keep the last switch they heard of, and one that is away now will
    not hear of the withdrawal when a new object takes the name meanwhile.  */
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

bg_result ctl_standing_withdraw (
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
