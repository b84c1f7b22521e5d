/*  target pending, approve, reject: machines that ask to be enlisted without a token.

    Approving signs a membership here, for the keys whose code the person compared. Named by code nothing is asked:
    the person has seen it. Named otherwise the codes are shown and a yes is needed.  */
#include "ctl/member_options.h"
#include "ctl/pending.h"
#include "ctl/sign.h"

#include "common/job/names.h"

/*  ---- pending ----  */

/*  How a machine asks, with what it has to be told.  */
static void say_how (ctl_run *run, ctl_client *client)
{
    const wire_ops_welcome *welcome = ctl_client_welcome (client);
    const char *endpoint = "HOST";
    for (size_t i = 0; i < welcome->endpoints_count; i++)
        if (welcome->endpoints[i].size > 7 &&
            memcmp (welcome->endpoints[i].data, "enlist ", 7) == 0)
            endpoint = bg_arena_str (&run->arena,
                bg_slice_of (welcome->endpoints[i].data + 7, welcome->endpoints[i].size - 7));
    ctl_note (run->out, "a machine asks with: bugle-node enlist --broker %s --broker-key '%s'",
        endpoint, bg_key_text (&ctl_client_context (client)->broker_key).text);
}

bg_result ctl_target_pending (ctl_run *run, bg_error *err)
{
    ctl_client *client = NULL;
    ctl_pendings all;
    BG_TRY (ctl_run_client (run, &client, err));
    BG_TRY (ctl_pending_fetch (run, &all, err));
    const int64_t now_us = ctl_client_now_us (client);
    ctl_list_begin (run->out, "pending", ctl_pending_columns, ctl_pending_column_count, "code");
    for (size_t i = 0; i < all.count; i++)
        ctl_list_row (run->out, ctl_pending_json (&all.rows[i], now_us));
    ctl_list_end (run->out, false, all.count);
    if (all.count == 0 || ctl_output_get (run->out)->is_verbose)
        say_how (run, client);
    return bg_ok ();
}

/*  ---- what both commands do ----  */

static void show_chosen (ctl_run *run, const ctl_pendings *all)
{
    if (!ctl_output_get (run->out)->talk_is_terminal)
        return;
    for (size_t i = 0; i < all->count; i++)
        if (all->rows[i].is_chosen && !all->rows[i].by_code)
            ctl_note (run->out, "  %s  %.*s  %.*s",
                all->rows[i].is_trusted ? all->rows[i].code.text : "without code  ",
                BG_SLICE_ARG (all->rows[i].row->name), BG_SLICE_ARG (all->rows[i].row->address));
}

static bg_result ask (ctl_run *run, const ctl_pendings *all, const char *verb, bg_error *err)
{
    if (all->by_name == 0 || ctl_given (run->parsed, CTL_OPT_DRY_RUN))
        return bg_ok ();
    BG_AUTO_BUF names = {0};
    ctl_pending_names (all, &run->arena, &names);
    if (!ctl_given (run->parsed, CTL_OPT_YES))
        show_chosen (run, all);
    return ctl_confirm (run, err, "%s %s, whose %s not been compared?", verb, bg_buf_cstr (&names),
        all->by_name == 1 ? "code has" : "codes have");
}

static void print_outcomes (ctl_run *run, const ctl_pendings *all)
{
    static const ctl_column columns[] = {
        {"outcome", "OUTCOME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {"name", "TARGET", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {"code", "CODE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {"address", "ADDRESS", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {"id", "ID", CTL_CELL_ID, CTL_WIDE, NULL},
    };
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    const char *would = dry_run && ctl_is_human (run->out) ? "would be " : "";
    const char *name = ctl_text (run->parsed, CTL_OPT_NAME, NULL);
    ctl_list_begin (run->out, "enlistments", columns, sizeof columns / sizeof columns[0], "name");
    for (size_t i = 0; i < all->count; i++) {
        const ctl_pending *one = &all->rows[i];
        if (!one->is_chosen)
            continue;
        json_t *code = one->is_trusted ? json_string (one->code.text) : json_null ();
        ctl_list_row (
            run->out, json_pack ("{s:o, s:o, s:o, s:o, s:o, s:b}", "outcome",
                          json_sprintf ("%s%s", would, one->outcome), "name",
                          name ? json_string (name) : ctl_json_slice (one->row->name), "code", code,
                          "address", ctl_json_text_or_null (one->row->address), "id",
                          ctl_json_id (one->row->target), "dry_run", dry_run));
    }
    ctl_list_end (run->out, false, all->chosen);
    if (dry_run)
        ctl_note (run->out, "dry run: nothing was changed");
}

/*  ---- approve ----  */

static bg_result sign_one (ctl_run *run, const wire_membership *common, const ctl_pending *one,
    wire_post_item *item, bg_error *err)
{
    wire_membership body = *common;
    body.target = one->row->target;
    body.number = one->row->number;
    body.sign_key = one->row->sign_key;
    body.curve_key = one->row->curve_key;
    if (body.name.size == 0)
        body.name = one->row->name;
    if (body.location.size == 0)
        body.location = one->row->location;
    item->has_document = true;
    return ctl_sign_document_key (
        run, WIRE_TYPE_MEMBERSHIP, one->row->target, 0, &body, &item->document, err);
}

static bg_result take_name (
    ctl_run *run, const ctl_pendings *all, wire_membership *common, bg_error *err)
{
    const char *name = ctl_text (run->parsed, CTL_OPT_NAME, NULL);
    if (!name)
        return bg_ok ();
    if (all->chosen > 1)
        return bg_fail (err, BG_USAGE, "--name is for one machine; %zu are chosen", all->chosen);
    if (bg_failed (job_target_name_valid (bg_slice_str (name), err))) {
        err->code = BG_USAGE;
        return bg_prefix (err, "--name");
    }
    common->name = bg_slice_str (name);
    return bg_ok ();
}

/*  What cannot be approved is told and left out, so that one machine does not hold the others up.  */
static bg_result sign_all (ctl_run *run, ctl_pendings *all, const wire_membership *common,
    wire_post_item *items, size_t *count, size_t *refused, bg_error *err)
{
    for (size_t i = 0; i < all->count; i++) {
        ctl_pending *one = &all->rows[i];
        one->item = SIZE_MAX;
        if (!one->is_chosen)
            continue;
        if (!one->is_trusted || (one->row->name_taken && common->name.size == 0)) {
            one->outcome = one->is_trusted ? "refused: the name is taken"
                                           : "refused: it was shown another authority";
            (*refused)++;
            continue;
        }
        one->outcome = "approved";
        BG_TRY (sign_one (run, common, one, &items[*count], err));
        one->item = (*count)++;
    }
    return bg_ok ();
}

static bg_result outcome_of (const ctl_pendings *all, size_t refused, size_t missing, bg_error *err)
{
    const size_t left = refused + missing;
    if (left == 0)
        return bg_ok ();
    bg_ignore (bg_fail (err, refused > 0 ? BG_CONFLICT : BG_NOT_FOUND,
        "%zu of %zu machines were not approved", left, all->chosen + missing));
    if (refused > 0)
        return bg_hint (err,
            "a name that is taken: approve with --name, or bugle target defect the "
            "other one first; another authority: enlist on the machine again");
    return bg_hint (err, "see: bugle target pending");
}

bg_result ctl_target_approve (ctl_run *run, bg_error *err)
{
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    wire_membership common = {.state = WIRE_MEMBER};
    ctl_pendings all;
    size_t missing = 0, refused = 0, count = 0, done = 0;
    BG_TRY (ctl_option_groups (run, &common.groups, &common.groups_count, err));
    BG_TRY (ctl_option_labels (run, &common.labels, &common.labels_count, err));
    BG_TRY (ctl_option_location (run, &common.location, err));
    BG_TRY (ctl_pending_fetch (run, &all, err));
    BG_TRY (ctl_pending_choose (run, &all, &missing, err));
    BG_TRY (ctl_pending_check_twins (&all, err));
    BG_TRY (take_name (run, &all, &common, err));
    wire_post_item *items = bg_arena_array (&run->arena, wire_post_item, all.chosen);
    wire_posted_item *rows = bg_arena_array (&run->arena, wire_posted_item, all.chosen);
    BG_TRY (sign_all (run, &all, &common, items, &count, &refused, err));
    if (count > 0)
        BG_TRY (ask (run, &all, "Approve", err));
    bg_result result = ctl_post (run, items, count, dry_run, rows, &done, err);
    if (bg_failed (result) && done == 0)
        return result;
    for (size_t i = 0; i < all.count; i++)
        if (all.rows[i].item != SIZE_MAX && all.rows[i].item >= done)
            all.rows[i].outcome = "not done";
    print_outcomes (run, &all);
    BG_TRY (result);
    return outcome_of (&all, refused, missing, err);
}

/*  ---- reject ----  */

#define REJECT_AT_ONCE 256

static bg_result reject (ctl_run *run, ctl_pendings *all, bg_error *err)
{
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    bg_slice *ids = bg_arena_array (&run->arena, bg_slice, all->chosen);
    size_t count = 0;
    for (size_t i = 0; i < all->count; i++)
        if (all->rows[i].is_chosen) {
            all->rows[i].outcome = "rejected";
            ids[count++] =
                bg_arena_printf (&run->arena, "%s", bg_id_text (all->rows[i].row->target).text);
        }
    for (size_t from = 0; from < count; from += REJECT_AT_ONCE) {
        const wire_request request = {.what = WIRE_REQUEST_REJECT,
            .ids = ids + from,
            .ids_count = count - from < REJECT_AT_ONCE ? count - from : REJECT_AT_ONCE};
        wire_done *done = NULL;
        BG_TRY (ctl_request (run, &request, dry_run, &done, err));
    }
    return bg_ok ();
}

bg_result ctl_target_reject (ctl_run *run, bg_error *err)
{
    ctl_pendings all;
    size_t missing = 0;
    BG_TRY (ctl_pending_fetch (run, &all, err));
    BG_TRY (ctl_pending_choose (run, &all, &missing, err));
    if (!ctl_given (run->parsed, CTL_OPT_ALL))
        BG_TRY (ctl_pending_check_twins (&all, err));
    BG_TRY (ask (run, &all, "Reject", err));
    BG_TRY (reject (run, &all, err));
    print_outcomes (run, &all);
    if (missing == 0)
        return bg_ok ();
    return bg_fail (err, BG_NOT_FOUND, "%zu codes are of no machine that asks", missing);
}
