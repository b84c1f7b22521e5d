/*  Reading `targets` of a job file: all, groups, a label selector, names.

    Names are host lists; they are written out here, so that the signed document says whom it means.
*/
#include "common/job/yaml_read.h"

#include "common/job/names.h"
#include "common/job/selector.h"

void job_yaml_read_all (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    static const char *const words[] = {"true"};
    wire_audience *audience = target;
    audience->all = job_yaml_choice (self, value, "all", words, 1) == 0;
}

/*  Appends a text unless it is there already in any case.  */
static bool add_unique (bg_slice *list, size_t *count, bg_slice text)
{
    for (size_t i = 0; i < *count; i++) {
        if (job_name_compare (list[i], text) == 0)
            return false;
    }
    list[(*count)++] = text;
    return true;
}

static void add_group (job_yaml_reader *self, const bg_yaml *node, wire_audience *audience)
{
    bg_error err = {0};
    size_t max = job_yaml_max (&wire_desc_audience, "groups");
    bg_slice name;
    if (!job_yaml_text (self, node, "a group", JOB_NAME_MAX, false, &name))
        return;
    if (bg_failed (job_group_name_valid (name, &err))) {
        job_yaml_refuse (self, node, 0, NULL, &err);
        return;
    }
    if (audience->groups_count == max) {
        bg_yaml_error (self->file, node, self->diag, NULL, "more than %zu groups", max);
        return;
    }
    if (!audience->groups)
        audience->groups = bg_arena_array (self->arena, bg_slice, max);
    add_unique (audience->groups, &audience->groups_count, name);
}

void job_yaml_read_group (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    add_group (self, value, target);
}

void job_yaml_read_groups (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    if (!job_yaml_is_list (self, value, "groups", "[web, databases]"))
        return;
    for (size_t i = 0; i < value->count; i++)
        add_group (self, value->items[i], target);
}

void job_yaml_read_labels (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_audience *audience = target;
    bg_error err = {0};
    size_t offset = 0;
    if (value->kind != BG_YAML_SCALAR) {
        bg_yaml_error (self->file, value, self->diag, NULL,
            "labels must be a text, not %s; write \"role=db,env!=test\"",
            bg_yaml_kind_text (value));
        return;
    }
    job_selector *selector = NULL;
    if (bg_failed (job_selector_parse (value->text, &selector, &err, &offset))) {
        job_yaml_refuse (self, value, offset, NULL, &err);
        return;
    }
    job_selector_destroy (&selector);
    if (bg_failed (job_selector_without_facts (value->text, &err))) {
        job_yaml_refuse (self, value, 0, NULL, &err);
        return;
    }
    job_yaml_text (self, value, "labels", job_yaml_max (&wire_desc_audience, "labels"), false,
        &audience->labels);
}

/*  One host list; a mistake is told once for each.  */
static void add_names (job_yaml_reader *self, const bg_yaml *node, wire_audience *audience)
{
    bg_error err = {0};
    size_t max = job_yaml_max (&wire_desc_audience, "names");
    bg_slice text;
    job_names names = {0};
    if (!job_yaml_text (self, node, "a target name", JOB_HOSTLIST_MAX, false, &text))
        return;
    if (bg_failed (job_names_expand (text, max, &names, &err))) {
        job_yaml_refuse (self, node, 0, NULL, &err);
        return;
    }
    if (!audience->names)
        audience->names = bg_arena_array (self->arena, bg_slice, max);
    for (size_t i = 0; i < names.count; i++) {
        bg_slice name = bg_arena_copy (self->arena, bg_slice_str (names.items[i]));
        if (bg_failed (job_target_name_valid (name, &err))) {
            job_yaml_refuse (self, node, 0, NULL, &err);
            break;
        }
        if (audience->names_count == max) {
            bg_yaml_error (self->file, node, self->diag, NULL,
                "more than %zu names; put the targets into a group", max);
            break;
        }
        add_unique (audience->names, &audience->names_count, name);
    }
    job_names_fini (&names);
}

void job_yaml_read_names (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    if (value->kind == BG_YAML_SCALAR) {
        add_names (self, value, target);
        return;
    }
    if (!job_yaml_is_list (self, value, "names", "[db01, \"db[03-12]\"]"))
        return;
    for (size_t i = 0; i < value->count; i++)
        add_names (self, value->items[i], target);
}

void job_yaml_read_targets (job_yaml_reader *self, const bg_yaml *node, void *target)
{
    wire_audience *audience = &((wire_job *) target)->audience;
    if (node->kind == BG_YAML_MAP && node->count == 0) {
        job_yaml_missing (
            self, node, "targets is empty, so nobody would run it", "{all: true} or {group: NAME}");
        return;
    }
    if (!job_yaml_map (self, node, JOB_MAP_TARGETS, audience))
        return;
    if (self->is_local && !audience->all)
        bg_yaml_error (self->file, node, self->diag, NULL,
            "a local job is for this machine alone; leave its targets out");
    if (audience->all && node->count > 1)
        bg_yaml_error (self->file, node, self->diag, NULL,
            "\"all: true\" stands alone; with groups, labels or names it would still mean all");
}
