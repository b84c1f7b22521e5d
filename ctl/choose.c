/*  Chosen targets: see choose.h. One query for each part of the choice; the broker's answers are put together by number.

    Invariant: no member leaves this file whose membership was not verified against the authority.  */
#include "ctl/choose.h"

#include "common/job/names.h"
#include "common/job/selector.h"
#include "ctl/targets_arg.h"
#include "proto/audience.h"

#include <stdlib.h>

#define NAMES_PART 128   /*  names in one query  */
#define NAMES_MAX  16384 /*  of one command  */

bg_result ctl_member_verify (
    ctl_run *run, const wire_target_row *row, ctl_member *member, bg_error *err)
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
    const wire_membership *body = verified.body;
    if (verified.desc != &wire_desc_membership || !bg_id_equal (verified.document.key, row->id) ||
        body->number != row->number || job_name_compare (body->name, row->name) != 0)
        return bg_fail (err, BG_BAD_SIGNATURE,
            "the broker sent another document in place of the membership of %.*s",
            BG_SLICE_ARG (row->name));
    *member = (ctl_member){.row = row,
        .body = *body,
        .version = verified.document.version,
        .is_provisional = verified.provisional};
    return bg_ok ();
}

/*  ---- parts ----  */

typedef struct {
    ctl_run *run;
    const wire_target_query *filter;
    const wire_target_row **rows;
    size_t count;
    size_t capacity;
    bg_slice *names; /*  all that were asked for by name  */
    size_t name_count;
} collection;

static void add_rows (collection *self, const ctl_target_rows *found)
{
    if (self->count + found->count > self->capacity) {
        self->capacity = 2 * (self->count + found->count);
        const wire_target_row **rows =
            bg_arena_array (&self->run->arena, const wire_target_row *, self->capacity);
        for (size_t i = 0; i < self->count; i++)
            rows[i] = self->rows[i];
        self->rows = rows;
    }
    for (size_t i = 0; i < found->count; i++)
        self->rows[self->count++] = &found->rows[i];
}

static wire_target_query restricted (const collection *self)
{
    wire_target_query query = self->filter ? *self->filter : (wire_target_query){0};
    query.memberships = true;
    query.switches = true;
    return query;
}

static bg_result add_query (collection *self, const wire_target_query *query, bg_error *err)
{
    ctl_target_rows found;
    BG_TRY (ctl_targets_fetch (self->run, query, 0, &found, err));
    add_rows (self, &found);
    return bg_ok ();
}

/*  What was chosen one by one is not restricted: a name is meant.  */
static bg_result add_names (collection *self, bg_slice *names, size_t count, bg_error *err)
{
    bg_slice *asked = bg_arena_array (&self->run->arena, bg_slice, self->name_count + count + 1);
    for (size_t i = 0; i < self->name_count; i++)
        asked[i] = self->names[i];
    for (size_t i = 0; i < count; i++)
        asked[self->name_count + i] = names[i];
    self->names = asked;
    self->name_count += count;
    for (size_t done = 0; done < count;) {
        const size_t part = count - done < NAMES_PART ? count - done : NAMES_PART;
        ctl_target_rows found;
        BG_TRY (ctl_targets_named (self->run, names + done, part, &found, err));
        add_rows (self, &found);
        done += part;
    }
    return bg_ok ();
}

static bg_result add_audience (collection *self, const wire_audience *audience, bg_error *err)
{
    wire_target_query query = restricted (self);
    if (audience->all)
        return add_query (self, &query, err);
    for (size_t i = 0; i < audience->groups_count; i++) {
        query.group = audience->groups[i];
        BG_TRY (add_query (self, &query, err));
    }
    if (audience->labels.size > 0) {
        query = restricted (self);
        query.labels = audience->labels;
        BG_TRY (add_query (self, &query, err));
    }
    return add_names (self, audience->names, audience->names_count, err);
}

/*  ---- putting together ----  */

static bool asks_facts (bg_slice text)
{
    job_selector *selector = NULL;
    if (text.size == 0 || bg_failed (job_selector_parse (text, &selector, NULL, NULL)))
        return false;
    const bool asks = job_selector_asks_facts (selector);
    job_selector_destroy (&selector);
    return asks;
}

static int by_number (const void *a, const void *b)
{
    const wire_target_row *left = *(const wire_target_row *const *) a;
    const wire_target_row *right = *(const wire_target_row *const *) b;
    return left->number < right->number ? -1 : left->number > right->number;
}

/*  The broker says who is chosen; what is signed about a target must agree. Who has left matches nothing but its name.  */
static bool is_chosen (const wire_audience *audience, const bg_slice *names, size_t name_count,
    const ctl_member *member)
{
    if (wire_audience_matches (audience, &member->body))
        return true;
    for (size_t i = 0; i < name_count; i++)
        if (job_name_compare (names[i], member->body.name) == 0 ||
            bg_id_matches (member->row->id, names[i]))
            return true;
    return false;
}

static bg_result verify_all (collection *self, const wire_audience *audience, const bg_slice *names,
    size_t name_count, ctl_members *out, bg_error *err)
{
    if (self->count > 0)
        qsort (self->rows, self->count, sizeof *self->rows, by_number);
    /*  Facts are not signed: there the broker's word stands.  */
    const bool by_facts = asks_facts (audience->labels);
    out->items = bg_arena_array (&self->run->arena, ctl_member, self->count + 1);
    out->count = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (i > 0 && self->rows[i]->number == self->rows[i - 1]->number)
            continue;
        const ctl_member *member = &out->items[out->count];
        BG_TRY (ctl_member_verify (self->run, self->rows[i], &out->items[out->count], err));
        if (!by_facts && !is_chosen (audience, names, name_count, member))
            return bg_fail (err, BG_BAD_SIGNATURE,
                "the broker put %.*s among the chosen targets, which its signed membership does "
                "not bear out",
                BG_SLICE_ARG (member->row->name));
        out->count++;
    }
    return bg_ok ();
}

bg_result ctl_choose_audience (ctl_run *run, const wire_audience *audience,
    const wire_target_query *filter, ctl_members *out, bg_error *err)
{
    collection all = {.run = run, .filter = filter};
    BG_TRY (add_audience (&all, audience, err));
    return verify_all (&all, audience, all.names, all.name_count, out, err);
}

static bg_result nothing_chosen (bg_error *err)
{
    bg_ignore (bg_fail (err, BG_USAGE, "no targets were chosen"));
    return bg_hint (err, "name them, or choose with -g GROUP, -l SELECTOR or --all");
}

bg_result ctl_choose (ctl_run *run, const char *const *words, size_t word_count,
    const wire_target_query *filter, ctl_members *out, bg_error *err)
{
    collection all = {.run = run, .filter = filter};
    wire_audience audience;
    bool is_given = false;
    bg_slice *names = NULL;
    size_t name_count = 0;
    BG_TRY (ctl_targets_arg (run, &audience, &is_given, err));
    BG_TRY (ctl_targets_expand (run, words, word_count, NAMES_MAX, &names, &name_count, err));
    if (!is_given && name_count == 0)
        return nothing_chosen (err);
    if (audience.all && name_count > 0)
        return bg_fail (err, BG_USAGE, "--all stands alone: it leaves nothing to name");
    BG_TRY (add_audience (&all, &audience, err));
    BG_TRY (add_names (&all, names, name_count, err));
    return verify_all (&all, &audience, all.names, all.name_count, out, err);
}

bg_result ctl_audience_arg (ctl_run *run, const char *const *words, size_t word_count,
    wire_audience *audience, bg_error *err)
{
    bool is_given = false;
    bg_slice *names = NULL;
    size_t name_count = 0;
    BG_TRY (ctl_targets_arg (run, audience, &is_given, err));
    BG_TRY (ctl_targets_expand (run, words, word_count, NAMES_PART, &names, &name_count, err));
    if (!is_given && name_count == 0)
        return nothing_chosen (err);
    if (audience->all && name_count > 0)
        return bg_fail (err, BG_USAGE, "--all stands alone: it leaves nothing to name");
    if (audience->names_count + name_count > NAMES_PART)
        return bg_fail (err, BG_TOO_LARGE, "more than %d targets by name", NAMES_PART);
    bg_slice *all = bg_arena_array (&run->arena, bg_slice, NAMES_PART);
    for (size_t i = 0; i < audience->names_count; i++)
        all[i] = audience->names[i];
    for (size_t i = 0; i < name_count; i++)
        all[audience->names_count + i] = names[i];
    audience->names = all;
    audience->names_count += name_count;
    BG_TRY (ctl_targets_known (run, audience, err));
    return ctl_targets_resolve (run, audience, err);
}

/*  ---- facts ----  */

bg_result ctl_targets_resolve (ctl_run *run, wire_audience *audience, bg_error *err)
{
    if (!asks_facts (audience->labels))
        return bg_ok ();
    const wire_audience by_facts = {.labels = audience->labels};
    ctl_members chosen;
    BG_TRY (ctl_choose_audience (run, &by_facts, NULL, &chosen, err));
    uint32_t *numbers = bg_arena_array (&run->arena, uint32_t, chosen.count + 1);
    for (size_t i = 0; i < chosen.count; i++)
        numbers[i] = (uint32_t) chosen.items[i].body.number;
    audience->labels = (bg_slice){0};
    return wire_audience_set_numbers (audience, numbers, chosen.count, &run->arena, err);
}

#define IDS_MAX 128 /*  wire_audience.names  */

bg_result ctl_members_audience (
    ctl_run *run, const ctl_member *members, size_t count, wire_audience *out, bg_error *err)
{
    uint32_t *numbers = bg_arena_array (&run->arena, uint32_t, count + 1);
    size_t number_count = 0;
    *out = (wire_audience){.names = bg_arena_array (&run->arena, bg_slice, IDS_MAX)};
    for (size_t i = 0; i < count; i++) {
        if (!members[i].is_provisional) {
            numbers[number_count++] = (uint32_t) members[i].body.number;
            continue;
        }
        if (out->names_count == IDS_MAX) {
            bg_ignore (bg_fail (err, BG_TOO_LARGE,
                "more than %d of the targets are provisional: they can be named one by one only",
                IDS_MAX));
            return bg_hint (err, "countersign them first: bugle target confirm --all");
        }
        out->names[out->names_count++] =
            bg_arena_copy (&run->arena, bg_slice_str (bg_id_text (members[i].body.target).text));
    }
    return wire_audience_set_numbers (out, numbers, number_count, &run->arena, err);
}
