/*  target defect: a membership that says "defected", version above the one the broker has, signed
    by the admin.

    The membership that is changed is the one the target enlisted with: it is verified here first,
    so that a broker cannot slip other keys or another name into what the admin signs.  */
#include "ctl/sign.h"
#include "ctl/target.h"
#include "ctl/targets_arg.h"

#define NAMES_MAX 128

typedef struct {
    const wire_target_row *row;
    const char *outcome; /*  what happened or would happen  */
    size_t item;         /*  in the post; SIZE_MAX when nothing has to be posted  */
} leaver;

static bg_result find_all (ctl_run *run, ctl_target_rows *found, bg_error *err)
{
    size_t count = ctl_argument_count (run->parsed);
    const char **texts = bg_arena_array (&run->arena, const char *, count);
    bg_slice *names = NULL;
    size_t name_count = 0;
    for (size_t i = 0; i < count; i++)
        texts[i] = ctl_argument (run->parsed, i);
    BG_TRY (ctl_targets_expand (run, texts, count, NAMES_MAX, &names, &name_count, err));
    return ctl_targets_named (run, names, name_count, found, err);
}

static bg_result sign_one (
    ctl_run *run, const wire_target_row *row, wire_post_item *item, bg_error *err)
{
    ctl_client *client = NULL;
    const wire_keyring *keyring = NULL;
    wire_verified verified;
    BG_TRY (ctl_run_client (run, &client, err));
    BG_TRY (ctl_client_authority (client, &keyring, err));
    if (!row->has_membership)
        return bg_fail (err, BG_MALFORMED, "the broker did not send the membership of %.*s",
            BG_SLICE_ARG (row->name));
    if (bg_failed (wire_verify_document (
            keyring, &row->membership, wire_crypto_sodium (), &run->arena, &verified, err)))
        return bg_prefix (err, "the membership of %.*s", BG_SLICE_ARG (row->name));
    if (verified.desc != &wire_desc_membership || !bg_id_equal (verified.document.key, row->id))
        return bg_fail (err, BG_BAD_SIGNATURE,
            "the broker sent another document in place of the membership of %.*s",
            BG_SLICE_ARG (row->name));
    wire_membership body = *(const wire_membership *) verified.body;
    body.state = WIRE_DEFECTED_MEMBER;
    body.has_token = false;
    body.token = (wire_signed){0};
    item->has_document = true;
    item->seen_version = verified.document.version;
    return ctl_sign_document_key (
        run, WIRE_TYPE_MEMBERSHIP, row->id, verified.document.version, &body, &item->document, err);
}

static void print_all (ctl_run *run, const leaver *leavers, size_t count, bool dry_run)
{
    static const ctl_column columns[] = {
        {"outcome", "OUTCOME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {"name", "TARGET", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {"id", "ID", CTL_CELL_ID, CTL_WIDE, NULL},
    };
    ctl_list_begin (run->out, "defections", columns, 3, "name");
    for (size_t i = 0; i < count; i++)
        ctl_list_row (run->out, json_pack ("{s:s, s:o, s:o, s:b}", "outcome", leavers[i].outcome,
                                    "name", ctl_json_slice (leavers[i].row->name), "id",
                                    ctl_json_id (leavers[i].row->id), "dry_run", dry_run));
    ctl_list_end (run->out, false, count);
    if (dry_run)
        ctl_note (run->out, "dry run: nothing was changed");
}

static bg_result ask (ctl_run *run, const ctl_target_rows *found, size_t leaving, bg_error *err)
{
    if (leaving == 0)
        return bg_ok ();
    if (found->count == 1)
        return ctl_confirm (run, err, "Remove target %.*s from this broker, with all its jobs?",
            BG_SLICE_ARG (found->rows[0].name));
    return ctl_confirm (
        run, err, "Remove %zu targets from this broker, with all their jobs?", leaving);
}

bg_result ctl_target_defect (ctl_run *run, bg_error *err)
{
    bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    ctl_target_rows found;
    BG_TRY (find_all (run, &found, err));
    leaver *leavers = bg_arena_array (&run->arena, leaver, found.count);
    wire_post_item *items = bg_arena_array (&run->arena, wire_post_item, found.count);
    wire_posted_item *rows = bg_arena_array (&run->arena, wire_posted_item, found.count);
    size_t leaving = 0, done = 0;
    for (size_t i = 0; i < found.count; i++) {
        bool is_gone =
            found.rows[i].state == WIRE_TARGET_DEFECTED || found.rows[i].defected_us != 0;
        leavers[i] = (leaver){&found.rows[i], is_gone ? "unchanged" : "defected", SIZE_MAX};
        if (!is_gone) {
            BG_TRY (sign_one (run, &found.rows[i], &items[leaving], err));
            leavers[i].item = leaving++;
        }
    }
    if (!dry_run)
        BG_TRY (ask (run, &found, leaving, err));
    bg_result result = ctl_post (run, items, leaving, dry_run, rows, &done, err);
    if (bg_failed (result) && done == 0)
        return result;
    for (size_t i = 0; i < found.count; i++) {
        if (leavers[i].item != SIZE_MAX && leavers[i].item >= done)
            leavers[i].outcome = "not done";
    }
    print_all (run, leavers, found.count, dry_run);
    return result;
}
