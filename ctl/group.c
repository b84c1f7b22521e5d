/*  Commands of bugle group. A group is what memberships and jobs name; it has no document of its own.  */
#include "common/job/names.h"
#include "ctl/fold.h"
#include "ctl/members.h"
#include "ctl/option_value.h"

#define PAGE_ROWS  500
#define GROUPS_MAX 32 /*  wire_membership.groups  */

/*  ---- list, show ----  */

static void print_jobs (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const json_t *jobs = json_object_get (row, "jobs");
    const json_int_t total = json_integer_value (json_object_get (row, "job_count"));
    for (size_t i = 0; i < json_array_size (jobs); i++)
        bg_buf_printf (text, "%s%s", i ? ", " : "", json_string_value (json_array_get (jobs, i)));
    if (total > (json_int_t) json_array_size (jobs))
        bg_buf_printf (text, " and %" JSON_INTEGER_FORMAT " more",
            total - (json_int_t) json_array_size (jobs));
    if (total == 0)
        bg_buf_append_str (text, "-");
}

static const ctl_column columns[] = {
    {"name", "NAME", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"members", "MEMBERS", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"connected", "CONNECTED", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {NULL, "JOBS", CTL_CELL_TEXT, CTL_NORMAL, print_jobs},
};

static const ctl_column fields[] = {
    {"name", "Name", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"members", "Members", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"connected", "  connected", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"targets", "Targets", CTL_CELL_NAMES, CTL_NORMAL, NULL},
    {NULL, "Jobs", CTL_CELL_TEXT, CTL_NORMAL, print_jobs},
};

static json_t *group_json (const wire_group_row *row)
{
    json_t *object = json_pack ("{s:o, s:I, s:I, s:o, s:I}", "name", ctl_json_slice (row->name),
        "members", (json_int_t) row->members, "connected", (json_int_t) row->connected, "jobs",
        ctl_json_slices (row->jobs, row->jobs_count), "job_count", (json_int_t) row->job_count);
    bg_assert (object != NULL);
    return object;
}

bg_result ctl_group_list (ctl_run *run, bg_error *err)
{
    ctl_client *client = NULL;
    const size_t limit = (size_t) ctl_number (run->parsed, CTL_OPT_LIMIT, 0);
    wire_group_query query = {0};
    bool more = true;
    size_t count = 0;
    BG_TRY (ctl_run_client (run, &client, err));
    ctl_list_begin (run->out, "groups", columns, sizeof columns / sizeof columns[0], "name");
    while (more && (limit == 0 || count < limit)) {
        const size_t left = limit > 0 ? limit - count : PAGE_ROWS;
        wire_groups *answer = NULL;
        query.limit = left < PAGE_ROWS ? left : PAGE_ROWS;
        BG_TRY (ctl_call (client, WIRE_GROUP_QUERY, &query, WIRE_GROUPS, (void **) &answer, err));
        for (size_t i = 0; i < answer->rows_count; i++)
            ctl_list_row (run->out, group_json (&answer->rows[i]));
        count += answer->rows_count;
        more = answer->more && answer->rows_count > 0;
        if (more)
            query.after = answer->rows[answer->rows_count - 1].name;
    }
    ctl_list_end (run->out, more, 0);
    return bg_ok ();
}

bg_result ctl_group_show (ctl_run *run, bg_error *err)
{
    ctl_client *client = NULL;
    wire_groups *answer = NULL;
    ctl_target_rows members = {0};
    wire_group_query query = {.name = bg_slice_str (ctl_argument (run->parsed, 0)), .limit = 1};
    BG_TRY (ctl_run_client (run, &client, err));
    BG_TRY (ctl_call (client, WIRE_GROUP_QUERY, &query, WIRE_GROUPS, (void **) &answer, err));
    if (answer->rows_count == 0)
        return bg_fail (err, BG_NOT_FOUND, "there is no group '%.*s'", BG_SLICE_ARG (query.name));
    const wire_group_row *row = &answer->rows[0];
    if (row->members > 0)
        BG_TRY (
            ctl_targets_fetch (run, &(wire_target_query){.group = row->name}, 0, &members, err));
    json_t *targets = json_array ();
    for (size_t i = 0; i < members.count; i++)
        json_array_append_new (targets, ctl_json_slice (members.rows[i].name));
    json_t *object = group_json (row);
    json_object_set_new (object, "targets", targets);
    ctl_object (run->out, "group", fields, sizeof fields / sizeof fields[0], "name", object);
    return bg_ok ();
}

/*  ---- add, remove ----  */

static size_t find_group (const wire_membership *body, bg_slice group)
{
    size_t at = 0;
    while (at < body->groups_count && job_name_compare (body->groups[at], group) != 0)
        at++;
    return at;
}

static bg_result edit_add (
    void *ctx, ctl_run *run, const ctl_member *member, wire_membership *body, bg_error *err)
{
    const bg_slice group = *(const bg_slice *) ctx;
    (void) member;
    if (find_group (body, group) < body->groups_count)
        return bg_ok ();
    if (body->groups_count == GROUPS_MAX)
        return bg_fail (
            err, BG_TOO_LARGE, "it is in %d groups already, which is the most", GROUPS_MAX);
    bg_slice *groups = bg_arena_array (&run->arena, bg_slice, body->groups_count + 1);
    for (size_t i = 0; i < body->groups_count; i++)
        groups[i] = body->groups[i];
    groups[body->groups_count++] = group;
    body->groups = groups;
    return bg_ok ();
}

static bg_result edit_remove (
    void *ctx, ctl_run *run, const ctl_member *member, wire_membership *body, bg_error *err)
{
    const bg_slice group = *(const bg_slice *) ctx;
    (void) member;
    (void) err;
    const size_t at = find_group (body, group);
    if (at == body->groups_count)
        return bg_ok ();
    bg_slice *groups = bg_arena_array (&run->arena, bg_slice, body->groups_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < body->groups_count; i++)
        if (i != at)
            groups[count++] = body->groups[i];
    body->groups = groups;
    body->groups_count = count;
    return bg_ok ();
}

static bg_result change_group (
    ctl_run *run, const ctl_member_change *change, const wire_target_query *filter, bg_error *err)
{
    const size_t count = ctl_argument_count (run->parsed) - 1;
    const char **words = bg_arena_array (&run->arena, const char *, count + 1);
    ctl_members members;
    for (size_t i = 0; i < count; i++)
        words[i] = ctl_argument (run->parsed, i + 1);
    BG_TRY (ctl_choose (run, words, count, filter, &members, err));
    return ctl_members_apply (run, &members, change, "members", err);
}

static bg_result take_group (ctl_run *run, bg_slice *group, bg_error *err)
{
    *group = bg_slice_str (ctl_argument (run->parsed, 0));
    if (bg_failed (job_group_name_valid (*group, err)))
        return ctl_value_refuse (err, "group", ctl_argument (run->parsed, 0));
    return bg_ok ();
}

bg_result ctl_group_add (ctl_run *run, bg_error *err)
{
    bg_slice group;
    BG_TRY (take_group (run, &group, err));
    const ctl_member_change change = {.edit = edit_add, .ctx = &group, .outcome = "added"};
    return change_group (run, &change, NULL, err);
}

bg_result ctl_group_remove (ctl_run *run, bg_error *err)
{
    bg_slice group;
    BG_TRY (take_group (run, &group, err));
    const ctl_member_change change = {.edit = edit_remove, .ctx = &group, .outcome = "removed"};
    const wire_target_query members = {.group = group};
    return change_group (run, &change, ctl_given (run->parsed, CTL_OPT_ALL) ? &members : NULL, err);
}
