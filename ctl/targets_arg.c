/*  -t, -g, -l and --all as an audience.  */
#include "ctl/targets_arg.h"

#include "common/job/names.h"
#include "common/job/selector.h"
#include "common/sys/file.h"
#include "ctl/client.h"
#include "ctl/option_value.h"
#include "proto/audience.h"

#include <string.h>

#define NAMES_MAX      128 /*  wire_audience.names  */
#define GROUPS_MAX     32
#define NAMES_FILE_MAX (1024 * 1024)

/*  Names collected so far, in the arena; repeated ones are dropped.  */
typedef struct {
    ctl_run *run;
    bg_slice *items;
    size_t count;
    size_t limit;
} collection;

static bg_result add_name (collection *self, const char *name, bg_error *err)
{
    bg_slice text = bg_slice_str (name);
    for (size_t i = 0; i < self->count; i++) {
        if (job_name_compare (self->items[i], text) == 0)
            return bg_ok ();
    }
    if (bg_failed (job_target_name_valid (text, err)))
        return ctl_value_refuse (err, "target", name);
    if (self->count == self->limit) {
        bg_ignore (bg_fail (err, BG_TOO_LARGE, "more than %zu targets by name", self->limit));
        return bg_hint (err, "choose them by group (-g) or by labels (-l)");
    }
    self->items[self->count++] = bg_arena_copy (&self->run->arena, text);
    return bg_ok ();
}

/*  One text of host lists.  */
static bg_result add_list (collection *self, bg_slice text, bg_error *err)
{
    job_names names = {0};
    if (bg_failed (job_names_expand (text, NAMES_FILE_MAX, &names, err))) {
        if (err != NULL)
            err->code = BG_USAGE;
        return (bg_result){BG_USAGE};
    }
    bg_result result = bg_ok ();
    for (size_t i = 0; i < names.count && bg_is_ok (result); i++)
        result = add_name (self, names.items[i], err);
    job_names_fini (&names);
    return result;
}

/*  Words separated by blanks and newlines; # begins a comment.  */
static bg_result add_lines (collection *self, bg_slice text, const char *where, bg_error *err)
{
    size_t before = self->count;
    bool is_comment = false;
    for (size_t i = 0; i < text.size;) {
        uint8_t c = text.data[i];
        if (c == '\n')
            is_comment = false;
        if (c == '#')
            is_comment = true;
        if (is_comment || strchr (" \t\r\n", c) != NULL) {
            i++;
            continue;
        }
        size_t size = 0;
        while (i + size < text.size && strchr (" \t\r\n#", text.data[i + size]) == NULL)
            size++;
        bg_result result = add_list (self, bg_slice_of (text.data + i, size), err);
        if (bg_failed (result))
            return err != NULL ? bg_prefix (err, "%s", where) : result;
        i += size;
    }
    if (self->count == before)
        return bg_fail (err, BG_USAGE, "there is no name in %s", where);
    return bg_ok ();
}

static bg_result add_text (collection *self, const char *text, bg_error *err)
{
    BG_AUTO_BUF content = {0};
    if (strcmp (text, "-") == 0) {
        BG_TRY (ctl_read_stdin (self->run, NAMES_FILE_MAX, &content, err));
        return add_lines (self, bg_buf_slice (&content), "stdin", err);
    }
    if (text[0] == '@') {
        BG_TRY (bg_file_read (text + 1, NAMES_FILE_MAX, &content, err));
        return add_lines (self, bg_buf_slice (&content), text + 1, err);
    }
    return add_list (self, bg_slice_str (text), err);
}

bg_result ctl_targets_expand (ctl_run *run, const char *const *texts, size_t text_count,
    size_t limit, bg_slice **names, size_t *count, bg_error *err)
{
    collection all = {
        .run = run, .items = bg_arena_array (&run->arena, bg_slice, limit), .limit = limit};
    for (size_t i = 0; i < text_count; i++)
        BG_TRY (add_text (&all, texts[i], err));
    *names = all.items;
    *count = all.count;
    return bg_ok ();
}

static bg_result take_groups (ctl_run *run, wire_audience *audience, bg_error *err)
{
    size_t count = 0;
    const char *const *groups = ctl_list (run->parsed, CTL_OPT_GROUP, &count);
    if (count > GROUPS_MAX)
        return bg_fail (err, BG_TOO_LARGE, "more than %d groups", GROUPS_MAX);
    audience->groups = bg_arena_array (&run->arena, bg_slice, count);
    for (size_t i = 0; i < count; i++) {
        if (bg_failed (job_group_name_valid (bg_slice_str (groups[i]), err)))
            return ctl_value_refuse (err, "--group", groups[i]);
        audience->groups[i] = bg_slice_str (groups[i]);
    }
    audience->groups_count = count;
    return bg_ok ();
}

static bg_result take_selector (const ctl_run *run, wire_audience *audience, bg_error *err)
{
    const char *text = ctl_text (run->parsed, CTL_OPT_SELECTOR, NULL);
    job_selector *selector = NULL;
    size_t offset = 0;
    if (text == NULL)
        return bg_ok ();
    if (bg_failed (job_selector_parse (bg_slice_str (text), &selector, err, &offset))) {
        if (err == NULL)
            return (bg_result){BG_USAGE};
        err->code = BG_USAGE;
        return bg_prefix (err, "-l '%s', character %zu", text, offset + 1);
    }
    job_selector_destroy (&selector);
    audience->labels = bg_slice_str (text);
    return bg_ok ();
}

bg_result ctl_targets_arg (ctl_run *run, wire_audience *audience, bool *is_given, bg_error *err)
{
    const ctl_parsed *parsed = run->parsed;
    bool has_parts = ctl_given (parsed, CTL_OPT_GROUP) || ctl_given (parsed, CTL_OPT_SELECTOR) ||
                     ctl_given (parsed, CTL_OPT_TARGET);
    *audience = (wire_audience){0};
    *is_given = has_parts;
    if (ctl_command_takes (ctl_parsed_command (parsed), CTL_OPT_ALL) &&
        ctl_given (parsed, CTL_OPT_ALL)) {
        if (has_parts)
            return bg_fail (
                err, BG_USAGE, "--all stands alone: it leaves nothing to choose with -t, -g or -l");
        audience->all = true;
        *is_given = true;
        return bg_ok ();
    }
    BG_TRY (take_groups (run, audience, err));
    BG_TRY (take_selector (run, audience, err));
    size_t count = 0;
    const char *const *texts = ctl_list (parsed, CTL_OPT_TARGET, &count);
    if (count == 0)
        return bg_ok ();
    return ctl_targets_expand (
        run, texts, count, NAMES_MAX, &audience->names, &audience->names_count, err);
}

/*  The broker also takes the beginning or ending of an id for a name.  */
static bool is_called (const wire_target_row *row, bg_slice name)
{
    return job_name_compare (row->name, name) == 0 || bg_id_matches (row->id, name);
}

bg_result ctl_targets_known (ctl_run *run, wire_audience *audience, bg_error *err)
{
    ctl_client *client = NULL;
    wire_targets *found = NULL;
    if (audience->names_count == 0)
        return bg_ok ();
    BG_TRY (ctl_run_client (run, &client, err));
    wire_target_query query = {
        .names = audience->names, .names_count = audience->names_count, .limit = NAMES_MAX};
    BG_TRY (ctl_call (client, WIRE_TARGET_QUERY, &query, WIRE_TARGETS, (void **) &found, err));
    for (size_t i = 0; i < audience->names_count; i++) {
        size_t at = 0;
        while (at < found->rows_count && !is_called (&found->rows[at], audience->names[i]))
            at++;
        if (at == found->rows_count) {
            bg_ignore (bg_fail (
                err, BG_NOT_FOUND, "there is no target '%.*s'", BG_SLICE_ARG (audience->names[i])));
            return bg_hint (err, "see: bugle target list");
        }
        audience->names[i] = found->rows[at].name;
    }
    return bg_ok ();
}

bool ctl_targets_match (const wire_audience *audience, const wire_target_row *row)
{
    const wire_addressee addressee = {.target = row->id,
        .number = row->number,
        .name = row->name,
        .groups = row->groups,
        .group_count = row->groups_count,
        .labels = row->labels,
        .label_count = row->labels_count};
    return wire_audience_matches_addressee (audience, &addressee);
}
