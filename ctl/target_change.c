/*  target label, location, rename, confirm: memberships signed anew.

    Each is an edit of one membership (members.h) and nothing else.  */
#include "common/job/names.h"
#include "common/job/selector.h"
#include "ctl/members.h"
#include "ctl/option_value.h"

#define LABELS_MAX 64 /*  wire_membership.labels  */

/*  The arguments of the command as words, at most count of them.  */
static const char **words_of (ctl_run *run, size_t count)
{
    const char **words = bg_arena_array (&run->arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++)
        words[i] = ctl_argument (run->parsed, i);
    return words;
}

/*  ---- label ----  */

typedef struct {
    wire_pair *items; /*  an empty value removes  */
    size_t count;
} label_changes;

static bg_result take_change (label_changes *changes, const char *word, bg_error *err)
{
    const char *sign = strchr (word, '=');
    const size_t key_size = sign != NULL ? (size_t) (sign - word) : strlen (word) - 1;
    wire_pair change = {.key = bg_slice_of (word, key_size),
        .value = sign != NULL ? bg_slice_str (sign + 1) : (bg_slice){0}};
    bg_slice checked = sign != NULL ? change.value : change.key;
    if (bg_failed (job_label_valid (change.key, checked, err))) {
        if (err != NULL)
            err->code = BG_USAGE;
        return (bg_result){BG_USAGE};
    }
    for (size_t i = 0; i < changes->count; i++)
        if (bg_slice_equal (changes->items[i].key, change.key))
            return bg_fail (err, BG_USAGE, "label %.*s is given twice", BG_SLICE_ARG (change.key));
    changes->items[changes->count++] = change;
    return bg_ok ();
}

static bool is_change (const char *word)
{
    const size_t size = strlen (word);
    return strchr (word, '=') != NULL || (size > 1 && word[size - 1] == '-' && word[0] != '@');
}

static bg_result edit_labels (
    void *ctx, ctl_run *run, const ctl_member *member, wire_membership *body, bg_error *err)
{
    const label_changes *changes = ctx;
    (void) member;
    wire_pair *labels =
        bg_arena_array (&run->arena, wire_pair, body->labels_count + changes->count + 1);
    size_t count = 0;
    for (size_t i = 0; i < body->labels_count; i++)
        labels[count++] = body->labels[i];
    for (size_t i = 0; i < changes->count; i++) {
        const wire_pair *change = &changes->items[i];
        count = ctl_pairs_change (labels, count, change, change->value.size == 0);
    }
    if (count > LABELS_MAX)
        return bg_fail (
            err, BG_TOO_LARGE, "it would have %zu labels; %d are the most", count, LABELS_MAX);
    body->labels = labels;
    body->labels_count = count;
    return bg_ok ();
}

bg_result ctl_target_label (ctl_run *run, bg_error *err)
{
    const size_t given = ctl_argument_count (run->parsed);
    const char **names = bg_arena_array (&run->arena, const char *, given + 1);
    size_t name_count = 0;
    label_changes changes = {.items = bg_arena_array (&run->arena, wire_pair, given + 1)};
    ctl_members members;
    for (size_t i = 0; i < given; i++) {
        const char *word = ctl_argument (run->parsed, i);
        if (is_change (word))
            BG_TRY (take_change (&changes, word, err));
        else
            names[name_count++] = word;
    }
    if (changes.count == 0) {
        bg_ignore (bg_fail (err, BG_USAGE, "no label was given to set or to remove"));
        return bg_hint (err, "KEY=VALUE sets a label, KEY- removes it");
    }
    BG_TRY (ctl_choose (run, names, name_count, NULL, &members, err));
    const ctl_member_change change = {.edit = edit_labels, .ctx = &changes, .outcome = "changed"};
    return ctl_members_apply (run, &members, &change, "labels", err);
}

/*  ---- location ----  */

static bg_result edit_location (
    void *ctx, ctl_run *run, const ctl_member *member, wire_membership *body, bg_error *err)
{
    (void) run;
    (void) member;
    (void) err;
    body->location = *(const bg_slice *) ctx;
    return bg_ok ();
}

bg_result ctl_target_location (ctl_run *run, bg_error *err)
{
    const size_t last = ctl_argument_count (run->parsed) - 1;
    const char *text = ctl_argument (run->parsed, last);
    bg_slice location = strcmp (text, "-") == 0 ? (bg_slice){0} : bg_slice_str (text);
    const wire_membership probe = {.location = location};
    ctl_members members;
    if (location.size > 200 ||
        wire_fit_text (probe.location, 200, false, &run->arena).data != probe.location.data) {
        bg_ignore (bg_fail (
            err, BG_USAGE, "a location is a text of at most 200 bytes without control characters"));
        return (bg_result){BG_USAGE};
    }
    BG_TRY (ctl_choose (run, words_of (run, last), last, NULL, &members, err));
    const ctl_member_change change = {
        .edit = edit_location, .ctx = &location, .outcome = "changed"};
    return ctl_members_apply (run, &members, &change, "locations", err);
}

/*  ---- rename ----  */

static bg_result edit_name (
    void *ctx, ctl_run *run, const ctl_member *member, wire_membership *body, bg_error *err)
{
    (void) run;
    (void) member;
    (void) err;
    body->name = *(const bg_slice *) ctx;
    return bg_ok ();
}

bg_result ctl_target_rename (ctl_run *run, bg_error *err)
{
    const char *old_name = ctl_argument (run->parsed, 0);
    bg_slice name = bg_slice_str (ctl_argument (run->parsed, 1));
    ctl_members members;
    if (bg_failed (job_target_name_valid (name, err)))
        return ctl_value_refuse (err, "the new name", ctl_argument (run->parsed, 1));
    BG_TRY (ctl_choose (run, &old_name, 1, NULL, &members, err));
    if (members.count != 1)
        return bg_fail (err, BG_USAGE, "'%s' names %zu targets; one is renamed at a time", old_name,
            members.count);
    if (members.items[0].row->defected_us != 0) {
        bg_ignore (bg_fail (err, BG_CONFLICT, "target '%.*s' has defected",
            BG_SLICE_ARG (members.items[0].row->name)));
        return bg_hint (err, "a machine that enlists again may have any name");
    }
    const ctl_member_change change = {.edit = edit_name, .ctx = &name, .outcome = "renamed"};
    return ctl_members_apply (run, &members, &change, "renames", err);
}

/*  ---- confirm ----  */

static bg_result edit_nothing (
    void *ctx, ctl_run *run, const ctl_member *member, wire_membership *body, bg_error *err)
{
    (void) ctx;
    (void) run;
    (void) member;
    (void) body;
    (void) err;
    return bg_ok ();
}

bg_result ctl_target_confirm (ctl_run *run, bg_error *err)
{
    const size_t count = ctl_argument_count (run->parsed);
    const wire_target_query provisional = {.provisional = 1};
    ctl_members members;
    BG_TRY (ctl_choose (run, words_of (run, count), count,
        ctl_given (run->parsed, CTL_OPT_ALL) ? &provisional : NULL, &members, err));
    const ctl_member_change change = {
        .edit = edit_nothing, .outcome = "confirmed", .countersigns = true};
    BG_TRY (ctl_members_apply (run, &members, &change, "confirmations", err));
    if (members.count == 0)
        ctl_note (run->out, "no target is provisional");
    return bg_ok ();
}
