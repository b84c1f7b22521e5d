/*  Executions in words and in JSON: see exec_view.h.

    Not here: asking and waiting (exec.c), drawing the line of progress (progress.c).

    Invariant: the counts of a summary add up to the targets of the execution.
*/
#include "ctl/exec_view.h"

#include "ctl/fold.h"
#include "ctl/times.h"

#include <inttypes.h>
#include <stdlib.h>

#define NAMES_WIDTH_MAX 40  /*  samples stand in one column when names are not longer  */
#define SAMPLE_MAX      120 /*  bytes  */
#define PROGRESS_NAME   32  /*  bytes of a job's name in the line of progress  */

/*  The broker's words for targets of an execution without an outcome.  */
static const char pending[] = "pending";
static const char silent[] = "silent";
/*  It had reported, and its run has left the history.  */
static const char purged[] = "purged";

static bool is_open (const wire_exec_group *group, const char *reason)
{
    return group->state == WIRE_RUN_NOT_RUN && bg_slice_is (group->reason, reason);
}

/*  ---- groups ----  */

/*  Best first, because the eye lands on the last line.  */
int ctl_exec_badness (const wire_exec_group *group)
{
    static const int of_state[] = {
        [WIRE_RUN_RUNNING] = 1,
        [WIRE_RUN_SUCCEEDED] = 0,
        [WIRE_RUN_FAILED] = 7,
        [WIRE_RUN_CANCELED] = 3,
        [WIRE_RUN_INTERRUPTED] = 6,
        [WIRE_RUN_NOT_RUN] = 4,
        [WIRE_RUN_WAITING] = 1,
    };
    if (is_open (group, pending))
        return 2;
    if (is_open (group, silent))
        return 5;
    return group->state < sizeof of_state / sizeof of_state[0] ? of_state[group->state] : 8;
}

static int by_badness (const void *left, const void *right)
{
    const wire_exec_group *a = *(const wire_exec_group *const *) left;
    const wire_exec_group *b = *(const wire_exec_group *const *) right;
    if (ctl_exec_badness (a) != ctl_exec_badness (b))
        return ctl_exec_badness (a) - ctl_exec_badness (b);
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    int order = bg_slice_compare (a->reason, b->reason);
    return order ? order : bg_slice_compare (a->result, b->result);
}

void ctl_exec_group_label (const wire_exec_group *group, bg_buf *out)
{
    const char *word = wire_run_state_word (group->state);
    if (group->state == WIRE_RUN_SUCCEEDED) {
        bg_buf_append_str (out, "ok");
    } else if (is_open (group, purged)) {
        bg_buf_append_str (out, "over, not kept");
    } else if (is_open (group, pending) || is_open (group, silent)) {
        bg_buf_append_slice (out, group->reason);
    } else if (group->state == WIRE_RUN_NOT_RUN) {
        bg_buf_append_str (out, "not run");
        if (group->reason.size > 0)
            bg_buf_printf (out, ": %.*s", BG_SLICE_ARG (group->reason));
    } else if (group->state == WIRE_RUN_FAILED && group->result.size > 0 &&
               !bg_slice_is (group->result, "exit 0")) {
        bg_buf_append_slice (out, group->result);
    } else {
        bg_buf_append_str (out, word ? word : "unknown");
    }
}

typedef struct {
    bg_buf label;
    bg_buf names;
    bg_buf sample;
    uint64_t count;
} summary_line;

/*  The first line of the sample, in quotes.  */
static void quote_sample (bg_slice sample, bg_buf *out)
{
    size_t size = 0;
    while (size < sample.size && size < SAMPLE_MAX && sample.data[size] != '\n')
        size++;
    if (size == 0)
        return;
    /*  Not within a character.  */
    while (size < sample.size && size > 0 && (sample.data[size] & 0xc0) == 0x80)
        size--;
    bg_buf_printf (
        out, "\"%.*s%s\"", (int) size, (const char *) sample.data, size < sample.size ? "..." : "");
}

static void fill_line (const wire_exec_group *group, summary_line *line)
{
    line->count = group->count;
    ctl_exec_group_label (group, &line->label);
    ctl_fold (group->names, group->names_count, (size_t) group->count, 0, &line->names);
    if (group->state != WIRE_RUN_SUCCEEDED)
        quote_sample (group->sample, &line->sample);
}

static void print_lines (const summary_line *lines, size_t count, bg_buf *out)
{
    int count_width = 0, label_width = 0, names_width = 0;
    for (size_t i = 0; i < count; i++) {
        int digits = snprintf (NULL, 0, "%" PRIu64, lines[i].count);
        count_width = digits > count_width ? digits : count_width;
        label_width =
            (int) lines[i].label.size > label_width ? (int) lines[i].label.size : label_width;
        if (lines[i].sample.size > 0 && lines[i].names.size <= NAMES_WIDTH_MAX &&
            (int) lines[i].names.size > names_width)
            names_width = (int) lines[i].names.size;
    }
    for (size_t i = 0; i < count; i++) {
        const summary_line *line = &lines[i];
        bool has_sample = line->sample.size > 0;
        bg_buf_printf (out, "%*" PRIu64 "  %-*.*s  %-*.*s", count_width, line->count, label_width,
            BG_SLICE_ARG (bg_buf_slice (&line->label)), has_sample ? names_width : 0,
            BG_SLICE_ARG (bg_buf_slice (&line->names)));
        if (has_sample)
            bg_buf_printf (out, "  %.*s", BG_SLICE_ARG (bg_buf_slice (&line->sample)));
        bg_buf_append_byte (out, '\n');
    }
}

static uint64_t counted (const wire_exec_row *row)
{
    uint64_t count = 0;
    for (size_t i = 0; i < row->groups_count; i++)
        count += row->groups[i].count;
    return count;
}

static const wire_exec_group **sorted_groups (const wire_exec_row *row)
{
    const wire_exec_group **groups = bg_alloc ((row->groups_count + 1) * sizeof *groups);
    for (size_t i = 0; i < row->groups_count; i++)
        groups[i] = &row->groups[i];
    qsort (groups, row->groups_count, sizeof *groups, by_badness);
    return groups;
}

void ctl_exec_summary (const wire_exec_row *row, bg_buf *out)
{
    const wire_exec_group **groups = sorted_groups (row);
    summary_line *lines = bg_alloc ((row->groups_count + 1) * sizeof *lines);
    size_t count = 0;
    uint64_t known = counted (row);
    if (known < row->targets) {
        lines[0].count = row->targets - known;
        bg_buf_append_str (&lines[0].label, "other");
        bg_buf_append_str (&lines[0].names, "-");
        count = 1;
    }
    for (size_t i = 0; i < row->groups_count; i++)
        fill_line (groups[i], &lines[count++]);
    print_lines (lines, count, out);
    for (size_t i = 0; i < count; i++) {
        bg_buf_fini (&lines[i].label);
        bg_buf_fini (&lines[i].names);
        bg_buf_fini (&lines[i].sample);
    }
    free (lines);
    free (groups);
}

/*  ---- progress and exit code ----  */

static uint64_t over (const wire_exec_row *row)
{
    return row->succeeded + row->failed + row->canceled + row->interrupted + row->not_run;
}

/*  A long name leaves room for the figures.  */
static void append_short (bg_slice name, bg_buf *out)
{
    size_t size = name.size < PROGRESS_NAME ? name.size : PROGRESS_NAME;
    while (size < name.size && size > 0 && (name.data[size] & 0xc0) == 0x80)
        size--;
    bg_buf_printf (
        out, "%.*s%s", (int) size, (const char *) name.data, size < name.size ? "..." : "");
}

void ctl_exec_progress (const wire_exec_row *row, int64_t elapsed_us, bg_buf *out)
{
    const struct {
        uint64_t count;
        const char *word;
        bool is_always_shown;
    } parts[] = {
        {row->failed + row->interrupted, "failed", true},
        {row->canceled, "canceled", false},
        {row->not_run, "not run", false},
        {row->running, "running", true},
        {row->waiting, "waiting", false},
        {row->pending, "pending", false},
        {row->silent, "silent", false},
    };
    bg_buf_printf (out, "exec %s  ", bg_id_short (row->id).text);
    append_short (row->job, out);
    bg_buf_printf (out, "  %" PRIu64 "/%" PRIu64 " done", over (row), row->targets);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].count > 0 || parts[i].is_always_shown)
            bg_buf_printf (out, "  %" PRIu64 " %s", parts[i].count, parts[i].word);
    }
    bg_buf_append_str (out, "  ");
    ctl_times_clock (elapsed_us, out);
}

int ctl_exec_exit_code (const wire_exec_row *row)
{
    if (row->succeeded == row->targets)
        return 0;
    if (row->failed + row->canceled + row->interrupted + row->not_run > 0)
        return bg_code_exit (BG_SOME_FAILED);
    return bg_code_exit (BG_SOME_SILENT);
}

/*  ---- JSON ----  */

static json_t *count_json (uint64_t count)
{
    return json_integer ((json_int_t) count);
}

static json_t *group_json (const wire_exec_group *group)
{
    /*  What the broker files under not-run with these words has not been decided yet.  */
    const char *state = is_open (group, pending)  ? pending
                        : is_open (group, silent) ? silent
                        : is_open (group, purged) ? purged
                                                  : wire_run_state_word (group->state);
    bool has_own_state = state == pending || state == silent || state == purged;
    return json_pack ("{s:s, s:o, s:o, s:o, s:o, s:o}", "state", state ? state : "unknown",
        "reason", has_own_state ? json_null () : ctl_json_text_or_null (group->reason), "result",
        ctl_json_text_or_null (group->result), "count", count_json (group->count), "targets",
        ctl_json_slices (group->names, group->names_count), "sample",
        ctl_json_text_or_null (group->sample));
}

static json_t *groups_json (const wire_exec_row *row)
{
    const wire_exec_group **groups = sorted_groups (row);
    json_t *list = json_array ();
    for (size_t i = 0; i < row->groups_count; i++)
        json_array_append_new (list, group_json (groups[i]));
    free (groups);
    return list;
}

json_t *ctl_exec_json (const wire_exec_row *row, bool with_groups)
{
    const char *what = wire_deed_word (row->what ? row->what : WIRE_DEED_START);
    bool has_length = row->done_us > row->issued_us;
    json_t *object = json_pack ("{s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
                                "s:o, s:o, s:o, s:o, s:o, s:o}",
        "id", ctl_json_id (row->id), "job", ctl_json_slice (row->job), "what",
        what ? what : "unknown", "state", row->done ? "done" : "running", "login",
        ctl_json_text_or_null (row->login), "issued", ctl_json_time (row->issued_us), "expires",
        ctl_json_time (row->expires_us), "done", ctl_json_time (row->done_us), "seconds",
        has_length ? ctl_json_seconds (row->done_us - row->issued_us) : json_null (), "reason",
        ctl_json_text_or_null (row->reason), "targets", count_json (row->targets), "pending",
        count_json (row->pending), "running", count_json (row->running), "succeeded",
        count_json (row->succeeded), "failed", count_json (row->failed), "canceled",
        count_json (row->canceled), "interrupted", count_json (row->interrupted), "not_run",
        count_json (row->not_run), "silent", count_json (row->silent));
    bg_assert (object);
    json_object_set_new (object, "waiting", count_json (row->waiting));
    json_object_set_new (object, "one_shot", json_boolean (row->one_shot));
    json_object_set_new (object, "canceled_by", ctl_json_id (row->canceled_by));
    if (with_groups)
        json_object_set_new (object, "groups", groups_json (row));
    return object;
}

/*  ---- tables ----  */

const ctl_column ctl_exec_columns[] = {
    {"id", "ID", CTL_CELL_ID, CTL_NORMAL, NULL},
    {"job", "JOB", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"what", "WHAT", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"issued", "ISSUED", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"state", "STATE", CTL_CELL_STATE, CTL_NORMAL, NULL},
    {"targets", "TARGETS", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"succeeded", "OK", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"failed", "FAILED", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"not_run", "NOT RUN", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"running", "RUNNING", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"waiting", "WAITING", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"pending", "PENDING", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"silent", "SILENT", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"canceled", "CANCELED", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"interrupted", "INTERRUPTED", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"seconds", "TOOK", CTL_CELL_DURATION, CTL_WIDE, NULL},
    {"expires", "EXPIRES", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"login", "BY", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"reason", "REASON", CTL_CELL_TEXT, CTL_WIDE, NULL},
};
const size_t ctl_exec_column_count = sizeof ctl_exec_columns / sizeof ctl_exec_columns[0];

const ctl_column ctl_exec_fields[] = {
    {"id", "Execution", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"job", "Job", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"what", "What", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"state", "State", CTL_CELL_STATE, CTL_NORMAL, NULL},
    {"login", "By", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"reason", "Reason", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"issued", "Issued", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"expires", "Expires", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"done", "Done", CTL_CELL_TIME, CTL_NORMAL, NULL},
    {"seconds", "Took", CTL_CELL_DURATION, CTL_NORMAL, NULL},
    {"canceled_by", "Canceled", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"targets", "Targets", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};
const size_t ctl_exec_field_count = sizeof ctl_exec_fields / sizeof ctl_exec_fields[0];
