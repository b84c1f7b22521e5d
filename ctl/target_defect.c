/*  target defect and forget: a membership that says "defected", signed by the admin.

    Without --force and --no-post it is delivered: the target drops what it holds and says so, and only then its key is cut
    (or after a week). With either the key is refused at once and nobody is told.  */
#include "ctl/fold.h"
#include "ctl/members.h"
#include "ctl/sign.h"

static bg_result edit_state (
    void *ctx, ctl_run *run, const ctl_member *member, wire_membership *body, bg_error *err)
{
    (void) ctx;
    (void) run;
    (void) member;
    (void) err;
    body->state = WIRE_DEFECTED_MEMBER;
    return bg_ok ();
}

/*  Who is away hears of it later, or never.  */
static void note_absent (ctl_run *run, const ctl_members *members, bool is_cut)
{
    bg_slice *names = bg_arena_array (&run->arena, bg_slice, members->count + 1);
    size_t count = 0;
    for (size_t i = 0; i < members->count; i++)
        if (!members->items[i].row->connected && members->items[i].row->defected_us == 0)
            names[count++] = members->items[i].row->name;
    if (count == 0)
        return;
    BG_AUTO_BUF text = {0};
    ctl_fold (names, count, count, 0, &text);
    if (is_cut)
        ctl_note (run->out,
            "%s: not told; what is still there is removed on the machine: "
            "bugle-node defect --force",
            bg_buf_cstr (&text));
    else
        ctl_note (run->out,
            "%s: not connected now; told when it comes back within 7 days, else its key is refused",
            bg_buf_cstr (&text));
}

bg_result ctl_target_defect (ctl_run *run, bg_error *err)
{
    const size_t count = ctl_argument_count (run->parsed);
    const char **words = bg_arena_array (&run->arena, const char *, count + 1);
    const bool is_cut =
        ctl_given (run->parsed, CTL_OPT_FORCE) || ctl_given (run->parsed, CTL_OPT_NO_POST);
    ctl_members members;
    for (size_t i = 0; i < count; i++)
        words[i] = ctl_argument (run->parsed, i);
    BG_TRY (ctl_choose (run, words, count, NULL, &members, err));
    const ctl_member_change change = {.edit = edit_state,
        .outcome = "defected",
        .question = "Remove %s from this broker, with all jobs",
        .cut = is_cut,
        .removes = true};
    BG_TRY (ctl_members_apply (run, &members, &change, "defections", err));
    note_absent (run, &members, is_cut);
    return bg_ok ();
}

/*  ---- forget ----  */

#define IDS_MAX 256 /*  wire_request.ids  */

static bg_result forget_all (ctl_run *run, const ctl_members *members, bool dry_run, bg_error *err)
{
    for (size_t done = 0; done < members->count;) {
        const size_t part = members->count - done < IDS_MAX ? members->count - done : IDS_MAX;
        wire_request ask = {.what = WIRE_REQUEST_FORGET,
            .ids = bg_arena_array (&run->arena, bg_slice, part),
            .ids_count = part};
        wire_done *answer = NULL;
        for (size_t i = 0; i < part; i++)
            ask.ids[i] = bg_arena_printf (
                &run->arena, "%s", bg_id_text (members->items[done + i].row->id).text);
        BG_TRY (ctl_request (run, &ask, dry_run, &answer, err));
        done += part;
    }
    return bg_ok ();
}

/*  Members are defected first; those that had left before are only forgotten.  */
static bg_result forget (ctl_run *run, const ctl_members *members, bg_error *err)
{
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    const ctl_member_change change = {.edit = edit_state,
        .outcome = "forgotten",
        .question = "Forget %s, with all jobs",
        .cut = true,
        .removes = true};
    ctl_member_result *results =
        bg_arena_array (&run->arena, ctl_member_result, members->count + 1);
    size_t done = 0;
    BG_TRY (ctl_members_change (run, members, &change, results, &done, err));
    if (!dry_run && done == 0 && members->count > 0)
        BG_TRY (ctl_confirm (run, err, "Forget %zu %s that left before?", members->count,
            members->count == 1 ? "target" : "targets"));
    for (size_t i = 0; i < members->count; i++)
        results[i].outcome = "forgotten";
    if (!dry_run)
        BG_TRY (forget_all (run, members, false, err));
    ctl_members_print (run, "forgotten", results, members->count);
    return bg_ok ();
}

bg_result ctl_target_forget (ctl_run *run, bg_error *err)
{
    const int64_t silent_us = ctl_duration_us (run->parsed, CTL_OPT_OFFLINE_FOR, 0);
    const wire_target_query silent = {.silent_us = silent_us};
    const size_t count = ctl_argument_count (run->parsed);
    const char **words = bg_arena_array (&run->arena, const char *, count + 1);
    ctl_members members;
    for (size_t i = 0; i < count; i++)
        words[i] = ctl_argument (run->parsed, i);
    const bool is_chosen = count > 0 || ctl_given (run->parsed, CTL_OPT_TARGET) ||
                           ctl_given (run->parsed, CTL_OPT_GROUP) ||
                           ctl_given (run->parsed, CTL_OPT_SELECTOR) ||
                           ctl_given (run->parsed, CTL_OPT_ALL);
    if (silent_us > 0 && !is_chosen)
        BG_TRY (ctl_choose_audience (run, &(wire_audience){.all = true}, &silent, &members, err));
    else
        BG_TRY (ctl_choose (run, words, count, silent_us > 0 ? &silent : NULL, &members, err));
    if (members.count == 0) {
        ctl_note (run->out, "no target is that silent");
        return bg_ok ();
    }
    return forget (run, &members, err);
}
