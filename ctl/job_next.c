/*  bugle job show --next N: see job_next.h.

    The broker is asked for the targets, whose zones it knows; times are told by the node's own functions. Runs that a
    calendar leaves out are shown, the first of many in a row, and do not count.  */
#include "ctl/job_next.h"

#include "common/job/names.h"
#include "ctl/client.h"
#include "ctl/job_times.h"
#include "ctl/occurrence_view.h"
#include "ctl/target.h"
#include "proto/digest.h"

#include <stdlib.h>
#include <string.h>

#define LEFT_OUT_MAX 1000 /*  a calendar that leaves out more in a row: enough was looked at  */

/*  Targets whose clocks go alike.  */
typedef struct {
    bg_slice zone; /*  empty: whatever their zone  */
    bg_slice *names;
    size_t count;
    const wire_target_row *one; /*  the only target that was asked about  */
} zone_group;

typedef struct {
    zone_group *items;
    size_t count;
} zone_groups;

static zone_group *group_of (ctl_run *run, zone_groups *groups, bg_slice zone, size_t most)
{
    for (size_t i = 0; i < groups->count; i++)
        if (bg_slice_equal (groups->items[i].zone, zone))
            return &groups->items[i];
    zone_group *group = &groups->items[groups->count++];
    *group = (zone_group){.zone = zone, .names = bg_arena_array (&run->arena, bg_slice, most)};
    return group;
}

static bg_result find_groups (
    ctl_run *run, const wire_job_row *row, bg_slice name, zone_groups *groups, bg_error *err)
{
    ctl_target_rows found = {0};
    const wire_target_query query = {
        .job = row->name, .names = &name, .names_count = name.size > 0};
    BG_TRY (ctl_targets_fetch (run, &query, 0, &found, err));
    if (name.size > 0 && found.count == 0)
        return bg_fail (err, BG_NOT_FOUND, "job '%.*s' is not for target '%.*s'",
            BG_SLICE_ARG (row->name), BG_SLICE_ARG (name));
    groups->items = bg_arena_array (&run->arena, zone_group, found.count + 1);
    for (size_t i = 0; i < found.count; i++) {
        zone_group *group = group_of (run, groups, found.rows[i].zone, found.count);
        group->names[group->count++] = found.rows[i].name;
        group->one = name.size > 0 ? &found.rows[i] : NULL;
    }
    return bg_ok ();
}

static json_t *run_json (
    const wire_job_row *row, const zone_group *group, const ctl_occurrence *occurrence)
{
    json_t *object = ctl_occurrence_json (occurrence);
    const uint64_t splay_us = occurrence->schedule->spec.splay_us;
    int64_t starts_us = occurrence->nominal_us;
    if (group->one && splay_us != 0)
        starts_us += wire_splay_us (group->one->id, row->key, splay_us);
    json_object_set_new (
        object, "starts", group->one || splay_us == 0 ? ctl_json_time (starts_us) : json_null ());
    json_object_set_new (object, "targets", ctl_json_slices (group->names, group->count));
    return object;
}

/*  Of the schedules that go by each target's clock, or of the others.  */
static void add_runs (const wire_job_row *row, const zone_group *group,
    const ctl_schedules *schedules, bool by_target, size_t count, int64_t now_us, json_t *list)
{
    const ctl_span enabled = ctl_job_enabled_span (row, now_us);
    if (enabled.from_us == INT64_MAX)
        return;
    ctl_occurrences after = ctl_occurrences_after (schedules, enabled.from_us);
    ctl_occurrence found;
    size_t left_out = 0;
    for (size_t taken = 0; taken < count && ctl_occurrences_take (&after, &found);) {
        if (found.nominal_us >= enabled.until_us)
            return;
        if (found.schedule->is_by_target != by_target ||
            !ctl_schedule_is_on (found.schedule, found.nominal_us))
            continue;
        left_out = found.mark.kept_out ? left_out + 1 : 0;
        taken += left_out == 0;
        if (left_out > LEFT_OUT_MAX)
            return;
        if (left_out > count) /*  so many in a row say enough  */
            continue;
        json_array_append_new (list, run_json (row, group, &found));
    }
}

/*  One that is disabled without end is gone through in vain.  */
static bool is_wanted (const ctl_schedule *schedule, bool by_target)
{
    return schedule->is_usable && schedule->is_by_target == by_target &&
           (!schedule->is_disabled || schedule->disabled_until_us != 0);
}

static bool has_kind (const ctl_schedules *schedules, bool by_target)
{
    for (size_t i = 0; i < schedules->count; i++)
        if (is_wanted (&schedules->items[i], by_target))
            return true;
    return false;
}

/*  Only the kinds that are wanted are there: the others would be gone through in vain.  */
static size_t of_kind (
    const ctl_schedules *all, bool by_target, ctl_schedules *some, bg_arena *arena)
{
    *some = *all;
    some->items = bg_arena_array (arena, ctl_schedule, all->count + 1);
    some->count = 0;
    for (size_t i = 0; i < all->count; i++)
        if (is_wanted (&all->items[i], by_target))
            some->items[some->count++] = all->items[i];
    return some->count;
}

static bg_result add_zone (ctl_run *run, const wire_job_row *row, const wire_job *job,
    const zone_group *group, bool by_target, size_t count, json_t *list, bg_error *err)
{
    ctl_schedules schedules;
    ctl_schedules some;
    bg_result result = ctl_schedules_open (run, job->schedules, job->schedules_count, group->zone,
        ctl_shared_ask, run, &schedules, err);
    if (bg_is_ok (result) && has_kind (&schedules, by_target) &&
        of_kind (&schedules, by_target, &some, &run->arena) > 0)
        add_runs (row, group, &some, by_target, count, ctl_client_now_us (run->client), list);
    ctl_schedules_close (&schedules);
    return result;
}

static int by_time (const void *a, const void *b)
{
    const char *left = json_string_value (json_object_get (*(json_t *const *) a, "at"));
    const char *right = json_string_value (json_object_get (*(json_t *const *) b, "at"));
    return strcmp (left, right); /*  RFC 3339 in UTC sorts as text  */
}

/*  The targets that a row is for, by the first of them; all have a row without names.  */
static const char *row_group (const json_t *row)
{
    const char *name = json_string_value (json_array_get (json_object_get (row, "targets"), 0));
    return name ? name : "";
}

/*  Whether some target has fewer than that many before it. Those that a calendar leaves out do not count.  */
static bool is_among (json_t *counts, const json_t *row, size_t count)
{
    const char *group = row_group (row);
    const bool is_counted = json_is_null (json_object_get (row, "left_out_by"));
    const char *name;
    json_t *value;
    bool is_wanted = false;
    json_object_foreach (counts, name, value)
    {
        if (*group && strcmp (name, group) != 0)
            continue;
        is_wanted = is_wanted || (size_t) json_integer_value (value) < count;
        if (is_counted)
            json_integer_set (value, json_integer_value (value) + 1);
    }
    return is_wanted;
}

/*  By time, and of each target the first so many: its own clock and schedules with a zone of their own are one list.  */
static json_t *sorted (ctl_run *run, json_t *list, const zone_groups *groups, size_t most)
{
    const size_t count = json_array_size (list);
    json_t **rows = bg_arena_array (&run->arena, json_t *, count + 1);
    json_t *result = json_array ();
    for (size_t i = 0; i < count; i++)
        rows[i] = json_array_get (list, i);
    if (count > 0)
        qsort (rows, count, sizeof *rows, by_time);
    json_t *counts = json_object ();
    for (size_t i = 0; i < groups->count; i++)
        json_object_set_new (
            counts, bg_arena_str (&run->arena, groups->items[i].names[0]), json_integer (0));
    for (size_t i = 0; i < count; i++)
        if (groups->count == 0 || is_among (counts, rows[i], most))
            json_array_append (result, rows[i]);
    json_decref (counts);
    json_decref (list);
    return result;
}

bg_result ctl_job_add_next_runs (ctl_run *run, const wire_job_row *row, const wire_job *job,
    bg_slice name, size_t count, json_t *object, bg_error *err)
{
    zone_groups groups = {0};
    BG_TRY (find_groups (run, row, name, &groups, err));
    json_t *list = json_array ();
    bg_result result = bg_ok ();
    for (size_t i = 0; i < groups.count && bg_is_ok (result); i++)
        result = add_zone (run, row, job, &groups.items[i], true, count, list, err);
    /*  Where the zone is the schedule's own it is one time for all.  */
    zone_group all = {.names = bg_arena_array (&run->arena, bg_slice, 1)};
    const zone_group *everybody = name.size > 0 && groups.count > 0 ? &groups.items[0] : &all;
    if (bg_is_ok (result))
        result = add_zone (run, row, job, everybody, false, count, list, err);
    json_object_set_new (object, "next_runs", sorted (run, list, &groups, count));
    return result;
}

/*  ---- the table ----  */

static void print_targets (const ctl_output *out, const json_t *row, bg_buf *text)
{
    const json_t *names = json_object_get (row, "targets");
    const size_t count = json_array_size (names);
    (void) out;
    if (count == 0) {
        bg_buf_append_str (text, "all");
        return;
    }
    char **items = bg_alloc (count * sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = (char *) (uintptr_t) json_string_value (json_array_get (names, i));
    job_names_fold (items, count, text);
    free (items);
}

const ctl_column ctl_next_columns[] = {
    {"local", "WALL CLOCK", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"zone", "ZONE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"at", "UTC", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"schedule", "SCHEDULE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {NULL, "TARGETS", CTL_CELL_TEXT, CTL_NORMAL, print_targets},
    {"starts", "STARTS", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"note", "NOTE", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};
const size_t ctl_next_column_count = sizeof ctl_next_columns / sizeof ctl_next_columns[0];
