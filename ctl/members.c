/*  Memberships changed in bulk: see members.h.

    Invariants: nothing is signed that was not verified before; without --yes no more than ASK_ABOVE targets are changed
    unasked, and none when the change says so.  */
#include "ctl/members.h"

#include "common/sys/clock.h"
#include "ctl/fold.h"
#include "ctl/progress.h"
#include "ctl/sign.h"

#include <inttypes.h>

#define ASK_ABOVE  100
#define BATCH      64
#define TRIES      10
#define NAME_BYTES 60 /*  of folded names in a question  */

/*  One member to be changed.  */
typedef struct {
    size_t index; /*  in members and results  */
    ctl_member member;
    wire_membership body;
} task;

/*  ---- what is to be done ----  */

static bg_result plan (ctl_run *run, const ctl_member_change *change, const ctl_member *member,
    task *out, bool *is_changed, bg_error *err)
{
    out->member = *member;
    out->body = member->body;
    out->body.has_token = false;
    out->body.token = (wire_signed){0};
    wire_membership before = out->body;
    BG_TRY (change->edit (change->ctx, run, member, &out->body, err));
    BG_TRY (wire_check (&wire_desc_membership, &out->body, err));
    *is_changed = !wire_equal (&wire_desc_membership, &before, &out->body) ||
                  (change->countersigns && member->is_provisional);
    return bg_ok ();
}

static bool has_left (const ctl_member *member)
{
    return member->row->defected_us != 0 || member->row->state == WIRE_TARGET_DEFECTED ||
           member->body.state == WIRE_DEFECTED_MEMBER;
}

/*  Only its own name chooses who has left, so that it was meant.  */
static bg_result refuse_gone (const ctl_member *member, bg_error *err)
{
    bg_ignore (
        bg_fail (err, BG_CONFLICT, "target '%.*s' has defected", BG_SLICE_ARG (member->row->name)));
    return bg_hint (err, "it is changed no more; see: bugle target list --defected");
}

static bg_result plan_all (ctl_run *run, const ctl_members *members,
    const ctl_member_change *change, ctl_member_result *results, task *tasks, size_t *count,
    bg_error *err)
{
    *count = 0;
    for (size_t i = 0; i < members->count; i++) {
        const ctl_member *member = &members->items[i];
        bool is_changed = false;
        results[i] = (ctl_member_result){
            .member = member, .name = member->row->name, .outcome = "unchanged"};
        if (has_left (member) && !change->removes)
            return refuse_gone (member, err);
        if (has_left (member))
            continue;
        task *next = &tasks[*count];
        if (bg_failed (plan (run, change, member, next, &is_changed, err)))
            return bg_prefix (err, "%.*s", BG_SLICE_ARG (member->row->name));
        if (!is_changed)
            continue;
        next->index = i;
        results[i].name = next->body.name;
        results[i].outcome = change->outcome;
        (*count)++;
    }
    return bg_ok ();
}

static bg_result ask (
    ctl_run *run, const ctl_member_change *change, const task *tasks, size_t count, bg_error *err)
{
    if (count == 0 || change->is_agreed || (!change->question && count <= ASK_ABOVE))
        return bg_ok ();
    BG_AUTO_BUF whom = {0};
    BG_AUTO_BUF names = {0};
    bg_slice *list = bg_arena_array (&run->arena, bg_slice, count);
    for (size_t i = 0; i < count; i++)
        list[i] = tasks[i].member.row->name;
    ctl_fold (list, count, count, NAME_BYTES, &names);
    if (count == 1)
        bg_buf_printf (&whom, "target %s", bg_buf_cstr (&names));
    else
        bg_buf_printf (&whom, "%zu targets (%s)", count, bg_buf_cstr (&names));
    const char *question = change->question ? change->question : "Change %s";
    const char *place = strstr (question, "%s");
    bg_assert (place != NULL);
    return ctl_confirm (
        run, err, "%.*s%s%s?", (int) (place - question), question, bg_buf_cstr (&whom), place + 2);
}

/*  ---- doing it ----  */

typedef struct {
    ctl_run *run;
    const ctl_member_change *change;
    bool dry_run;
    ctl_progress progress;
    size_t total;
} work;

static bg_result sign_batch (
    work *self, const task *tasks, size_t count, wire_post_item *items, bg_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const ctl_member *member = &tasks[i].member;
        items[i] = (wire_post_item){
            .has_document = true, .seen_version = member->version, .cut = self->change->cut};
        if (bg_failed (ctl_sign_document_key (self->run, WIRE_TYPE_MEMBERSHIP, member->row->id,
                member->version, &tasks[i].body, &items[i].document, err)))
            return bg_prefix (err, "%.*s", BG_SLICE_ARG (member->row->name));
    }
    return bg_ok ();
}

/*  Somebody else changed one of them: all of the batch are looked at again. Those that need no change any more drop out.
    False in *is_left: one has gone.  */
static bg_result look_again (work *self, task *tasks, size_t *count, bg_error *err)
{
    bg_slice *ids = bg_arena_array (&self->run->arena, bg_slice, *count);
    for (size_t i = 0; i < *count; i++)
        ids[i] =
            bg_arena_printf (&self->run->arena, "%s", bg_id_text (tasks[i].member.row->id).text);
    ctl_target_rows found;
    BG_TRY (ctl_targets_named (self->run, ids, *count, &found, err));
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        for (size_t k = 0; k < found.count; k++) {
            bool is_changed = false;
            ctl_member member;
            if (found.rows[k].number != tasks[i].member.row->number)
                continue;
            BG_TRY (ctl_member_verify (self->run, &found.rows[k], &member, err));
            task next = {.index = tasks[i].index};
            if (has_left (&member))
                continue;
            BG_TRY (plan (self->run, self->change, &member, &next, &is_changed, err));
            if (is_changed)
                tasks[kept++] = next;
        }
    *count = kept;
    return bg_ok ();
}

/*  Somebody else was faster; in the same millisecond even with the same version.  */
static bool is_overtaken (bg_result result)
{
    return result.code == BG_CONFLICT || result.code == BG_FORK || result.code == BG_STALE;
}

static bg_result post_batch (work *self, task *tasks, size_t count, bg_error *err)
{
    wire_post_item items[BATCH];
    wire_posted_item rows[BATCH];
    for (int tries = 1;; tries++) {
        size_t posted = 0;
        BG_TRY (sign_batch (self, tasks, count, items, err));
        bg_result result = ctl_post (self->run, items, count, self->dry_run, rows, &posted, err);
        if (!is_overtaken (result) || tries == TRIES)
            return result;
        BG_TRY (look_again (self, tasks, &count, err));
        if (count == 0)
            return bg_ok ();
    }
}

static bg_result post_all (work *self, task *tasks, size_t count, size_t *done, bg_error *err)
{
    bg_result result = bg_ok ();
    ctl_progress_init (&self->progress, self->run->out, bg_clock_mono_us ());
    for (*done = 0; *done < count && bg_is_ok (result);) {
        const size_t part = count - *done < BATCH ? count - *done : BATCH;
        result = post_batch (self, tasks + *done, part, err);
        if (bg_failed (result))
            break;
        *done += part;
        BG_AUTO_BUF text = {0};
        bg_buf_printf (&text, "%zu of %zu targets", *done, count);
        if (count > BATCH)
            ctl_progress_show (&self->progress, bg_buf_slice (&text), bg_clock_mono_us ());
    }
    ctl_progress_clear (&self->progress);
    return result;
}

bg_result ctl_members_change (ctl_run *run, const ctl_members *members,
    const ctl_member_change *change, ctl_member_result *results, size_t *done, bg_error *err)
{
    task *tasks = bg_arena_array (&run->arena, task, members->count + 1);
    size_t count = 0;
    work self = {.run = run, .change = change, .dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN)};
    *done = 0;
    BG_TRY (plan_all (run, members, change, results, tasks, &count, err));
    if (!self.dry_run)
        BG_TRY (ask (run, change, tasks, count, err));
    bg_result result = post_all (&self, tasks, count, done, err);
    for (size_t i = *done; i < count; i++) {
        results[tasks[i].index].outcome = "not done";
        results[tasks[i].index].name = results[tasks[i].index].member->row->name;
    }
    return result;
}

/*  ---- printing ----  */

static json_t *result_json (const ctl_member_result *result, bool dry_run)
{
    json_t *object = json_pack ("{s:s, s:o, s:o, s:I, s:b}", "outcome", result->outcome, "name",
        ctl_json_slice (result->name), "id", ctl_json_id (result->member->row->id), "number",
        (json_int_t) result->member->row->number, "dry_run", dry_run);
    bg_assert (object != NULL);
    if (!bg_slice_equal (result->name, result->member->row->name))
        json_object_set_new (object, "was", ctl_json_slice (result->member->row->name));
    return object;
}

static void print_outcome (
    ctl_run *run, const ctl_member_result *results, size_t count, const char *outcome, bool dry_run)
{
    bg_slice *names = bg_arena_array (&run->arena, bg_slice, count);
    size_t named = 0;
    for (size_t i = 0; i < count; i++)
        if (strcmp (results[i].outcome, outcome) == 0)
            names[named++] = results[i].name;
    BG_AUTO_BUF text = {0};
    ctl_fold (names, named, named, 0, &text);
    const bool would = dry_run && strcmp (outcome, "unchanged") != 0;
    ctl_print (run->out, "%s%s %s", would ? "would be " : "", outcome, bg_buf_cstr (&text));
    if (named > 1)
        ctl_print (run->out, " (%zu targets)", named);
    ctl_print (run->out, "\n");
}

void ctl_members_print (
    ctl_run *run, const char *kind, const ctl_member_result *results, size_t count)
{
    static const ctl_column columns[] = {
        {"outcome", "OUTCOME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {"name", "TARGET", CTL_CELL_TEXT, CTL_NORMAL, NULL},
        {"id", "ID", CTL_CELL_ID, CTL_WIDE, NULL},
    };
    const bool dry_run = ctl_given (run->parsed, CTL_OPT_DRY_RUN);
    if (ctl_output_get (run->out)->form == CTL_FORM_TABLE) {
        for (size_t i = 0; i < count; i++) {
            size_t first = 0;
            while (strcmp (results[first].outcome, results[i].outcome) != 0)
                first++;
            if (first == i)
                print_outcome (run, results, count, results[i].outcome, dry_run);
        }
    } else {
        ctl_list_begin (run->out, kind, columns, 3, "name");
        for (size_t i = 0; i < count; i++)
            ctl_list_row (run->out, result_json (&results[i], dry_run));
        ctl_list_end (run->out, false, count);
    }
    if (dry_run)
        ctl_note (run->out, "dry run: nothing was changed");
}

size_t ctl_pairs_change (wire_pair *pairs, size_t count, const wire_pair *change, bool removes)
{
    size_t at = 0;
    while (at < count && !bg_slice_equal (pairs[at].key, change->key))
        at++;
    if (!removes) {
        pairs[at] = *change;
        return at == count ? count + 1 : count;
    }
    if (at == count)
        return count;
    memmove (&pairs[at], &pairs[at + 1], (count - at - 1) * sizeof *pairs);
    return count - 1;
}

bg_result ctl_members_apply (ctl_run *run, const ctl_members *members,
    const ctl_member_change *change, const char *kind, bg_error *err)
{
    ctl_member_result *results =
        bg_arena_array (&run->arena, ctl_member_result, members->count + 1);
    size_t done = 0;
    bg_result result = ctl_members_change (run, members, change, results, &done, err);
    if (bg_failed (result) && done == 0)
        return result;
    ctl_members_print (run, kind, results, members->count);
    return result;
}
