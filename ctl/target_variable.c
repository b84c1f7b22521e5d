/*  target variable: what jobs find out about a machine, in its signed membership.

    Each is an edit of one membership (members.h) and nothing else.  */
#include "common/job/tokens.h"
#include "ctl/members.h"

#include <string.h>

#define VARIABLES_MAX 64   /*  wire_membership.variables  */
#define VALUE_MAX     1024 /*  so that all of them fit a membership  */

typedef struct {
    bg_slice name;
    bg_slice value;
    bool removes;
} variable_change;

typedef struct {
    variable_change *items;
    size_t count;
} variable_changes;

/*  NAME=VALUE or NAME-; all else is a name of targets.  */
static bool is_change (const char *word)
{
    const size_t size = strlen (word);
    const char *sign = strchr (word, '=');
    const size_t name_size = sign ? (size_t) (sign - word) : size > 0 ? size - 1 : 0;
    return (sign || (size > 1 && word[size - 1] == '-')) &&
           bg_is_ok (job_variable_name_valid (bg_slice_of (word, name_size), NULL));
}

static bg_result take_change (variable_changes *changes, const char *word, bg_error *err)
{
    const char *sign = strchr (word, '=');
    const size_t size = sign ? (size_t) (sign - word) : strlen (word) - 1;
    variable_change change = {.name = bg_slice_of (word, size),
        .value = sign ? bg_slice_str (sign + 1) : (bg_slice){0},
        .removes = !sign};
    if (change.value.size > VALUE_MAX)
        return bg_fail (err, BG_USAGE, "variable %.*s has %zu bytes; %d are the most",
            BG_SLICE_ARG (change.name), change.value.size, VALUE_MAX);
    for (size_t i = 0; i < changes->count; i++)
        if (bg_slice_equal (changes->items[i].name, change.name))
            return bg_fail (
                err, BG_USAGE, "variable %.*s is given twice", BG_SLICE_ARG (change.name));
    changes->items[changes->count++] = change;
    return bg_ok ();
}

static bg_result edit_variables (
    void *ctx, ctl_run *run, const ctl_member *member, wire_membership *body, bg_error *err)
{
    const variable_changes *changes = ctx;
    (void) member;
    size_t count = body->variables_count;
    wire_pair *variables = bg_arena_array (&run->arena, wire_pair, count + changes->count + 1);
    for (size_t i = 0; i < count; i++)
        variables[i] = body->variables[i];
    for (size_t i = 0; i < changes->count; i++) {
        const variable_change *change = &changes->items[i];
        const wire_pair pair = {.key = change->name, .value = change->value};
        count = ctl_pairs_change (variables, count, &pair, change->removes);
    }
    if (count > VARIABLES_MAX)
        return bg_fail (err, BG_TOO_LARGE, "it would have %zu variables; %d are the most", count,
            VARIABLES_MAX);
    body->variables = variables;
    body->variables_count = count;
    return bg_ok ();
}

bg_result ctl_target_variable (ctl_run *run, bg_error *err)
{
    const size_t given = ctl_argument_count (run->parsed);
    const char **names = bg_arena_array (&run->arena, const char *, given + 1);
    size_t name_count = 0;
    variable_changes changes = {.items = bg_arena_array (&run->arena, variable_change, given + 1)};
    ctl_members members;
    for (size_t i = 0; i < given; i++) {
        const char *word = ctl_argument (run->parsed, i);
        if (is_change (word)) {
            BG_TRY (take_change (&changes, word, err));
        } else if (strchr (word, '=')) {
            bg_ignore (bg_fail (err, BG_USAGE, "'%.100s': that is no name of a variable", word));
            return bg_hint (err, "letters, digits and _, at most 63, no digit first");
        } else {
            names[name_count++] = word;
        }
    }
    if (changes.count == 0) {
        bg_ignore (bg_fail (err, BG_USAGE, "no variable was given to set or to remove"));
        return bg_hint (err, "NAME=VALUE sets a variable, NAME- removes it");
    }
    BG_TRY (ctl_choose (run, names, name_count, NULL, &members, err));
    const ctl_member_change change = {
        .edit = edit_variables, .ctx = &changes, .outcome = "changed"};
    return ctl_members_apply (run, &members, &change, "variables", err);
}
