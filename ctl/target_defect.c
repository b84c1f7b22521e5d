/*  target defect: a membership that says "defected", signed by the admin.

    Without --force and --no-post it is delivered: the target drops what it holds and says so, and only then its key is cut
    (or after a week). With either the key is refused at once and nobody is told.  */
#include "ctl/fold.h"
#include "ctl/members.h"

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
        .cut = is_cut};
    BG_TRY (ctl_members_apply (run, &members, &change, "defections", err));
    note_absent (run, &members, is_cut);
    return bg_ok ();
}
