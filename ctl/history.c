/*  bugle job history: options to a query, pages to rows. What a row looks like is history_view.c's.

    Invariant: a list that was cut says so, and one that was not does not.
*/
#include "ctl/history.h"

#include "common/job/names.h"
#include "ctl/client.h"
#include "ctl/exec.h"
#include "ctl/history_view.h"
#include "ctl/job.h"
#include "ctl/targets_arg.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 50
#define PAGE_MAX      1000

bg_result ctl_history_states (
    bool failed, const char *state, uint64_t states[8], size_t *count, bg_error *err)
{
    static const uint64_t wrong[] = {WIRE_RUN_FAILED, WIRE_RUN_CANCELED, WIRE_RUN_INTERRUPTED};
    const size_t wrong_count = sizeof wrong / sizeof wrong[0];
    uint64_t wanted = 0;
    *count = 0;
    if (failed) {
        memcpy (states, wrong, sizeof wrong);
        *count = wrong_count;
    }
    if (!state)
        return bg_ok ();
    while (wire_run_state_word (wanted) && strcmp (wire_run_state_word (wanted), state) != 0)
        wanted++;
    if (!wire_run_state_word (wanted))
        return bg_fail (err, BG_USAGE, "there is no state '%s'", state);
    bool is_wrong = false;
    for (size_t i = 0; i < wrong_count; i++)
        is_wrong = is_wrong || wrong[i] == wanted;
    if (failed && !is_wrong) {
        bg_ignore (bg_fail (err, BG_USAGE, "--failed and --state %s exclude each other", state));
        return bg_hint (err, "leave one of them out");
    }
    states[0] = wanted;
    *count = 1;
    return bg_ok ();
}

/*  The broker pages by when it stored a run; people mean when it ran. A target that was away reports late.  */
static int by_time (const void *left, const void *right)
{
    const wire_history_row *a = left;
    const wire_history_row *b = right;
    int64_t a_us = ctl_run_time_us (&a->run) ? ctl_run_time_us (&a->run) : a->stored_us;
    int64_t b_us = ctl_run_time_us (&b->run) ? ctl_run_time_us (&b->run) : b->stored_us;
    if (a_us != b_us)
        return a_us > b_us ? -1 : 1;
    return a->row > b->row ? -1 : a->row < b->row;
}

static int by_time_up (const void *left, const void *right)
{
    return by_time (right, left);
}

static void add_rows (
    ctl_run *run, const wire_history *answer, size_t limit, size_t *capacity, ctl_history_rows *out)
{
    const size_t room = limit - out->count;
    const size_t taken = answer->rows_count < room ? answer->rows_count : room;
    if (out->count + taken > *capacity) {
        *capacity = (out->count + taken) * 2;
        wire_history_row *rows = bg_arena_array (&run->arena, wire_history_row, *capacity);
        if (out->count > 0)
            memcpy (rows, out->rows, out->count * sizeof *rows);
        out->rows = rows;
    }
    if (taken > 0)
        memcpy (out->rows + out->count, answer->rows, taken * sizeof *out->rows);
    out->count += taken;
}

/*  A page may be empty although there is more: it has looked at as many as it may.  */
static bg_result fetch_pages (ctl_run *run, const wire_history_query *query, size_t limit,
    size_t pages, ctl_history_rows *out, bg_error *err)
{
    ctl_client *client = NULL;
    wire_history_query page = *query;
    size_t capacity = 0;
    *out = (ctl_history_rows){0};
    BG_TRY (ctl_run_client (run, &client, err));
    for (size_t at = 1;; at++) {
        wire_history *answer = NULL;
        page.limit = limit - out->count < PAGE_MAX ? limit - out->count : PAGE_MAX;
        BG_TRY (ctl_call (client, WIRE_HISTORY_QUERY, &page, WIRE_HISTORY, (void **) &answer, err));
        add_rows (run, answer, limit, &capacity, out);
        out->more = answer->more;
        /*  Of runs that are not over there is one page.  */
        if (!answer->more || out->count >= limit || at >= pages || answer->next_before == 0)
            return bg_ok ();
        /*  The cursor is a row's number, not its place: what a target handed in late has a high one far down.  */
        if (answer->next_before == page.before)
            return bg_fail (err, BG_MALFORMED, "the broker's pages of history do not end");
        page.before = answer->next_before;
    }
}

bg_result ctl_history_look (ctl_run *run, const wire_history_query *query, size_t limit,
    size_t pages, ctl_history_rows *out, bg_error *err)
{
    BG_TRY (fetch_pages (run, query, limit, pages, out, err));
    if (out->count > 1)
        qsort (
            out->rows, out->count, sizeof *out->rows, query->oldest_first ? by_time_up : by_time);
    return bg_ok ();
}

bg_result ctl_history_fetch (ctl_run *run, const wire_history_query *query, size_t limit,
    ctl_history_rows *out, bg_error *err)
{
    return ctl_history_look (run, query, limit, SIZE_MAX, out, err);
}

/*  ---- the command ----  */

static bg_result one_target (ctl_run *run, wire_history_query *query, bg_error *err)
{
    size_t count = 0;
    const char *const *texts = ctl_list (run->parsed, CTL_OPT_TARGET, &count);
    if (!ctl_given (run->parsed, CTL_OPT_TARGET))
        return bg_ok ();
    bg_slice *names = NULL;
    size_t name_count = 0;
    BG_TRY (ctl_targets_expand (run, texts, count, 128, &names, &name_count, err));
    if (name_count != 1) {
        bg_ignore (bg_fail (err, BG_USAGE,
            "-t names %zu targets; the history is shown for one of them or for all", name_count));
        return bg_hint (err, "name one target, or leave -t out");
    }
    query->target = names[0];
    return bg_ok ();
}

/*  Runs know their steps by name: a number means that of the job as it is now.  */
static bg_result choose_step (ctl_run *run, wire_history_query *query, bg_error *err)
{
    const char *typed = ctl_text (run->parsed, CTL_OPT_STEP, NULL);
    ctl_job_found found = {0};
    wire_job job;
    query->step = bg_slice_str (typed);
    if (!typed || query->job.size == 0)
        return bg_ok ();
    BG_TRY (ctl_job_look (run, query->job, true, &found, err));
    if (!found.row)
        return bg_ok ();
    BG_TRY (ctl_job_decode (&found.row->document, &run->arena, &job, err));
    const int at = ctl_job_step (&job, query->step);
    if (at >= 0)
        query->step = job.steps[at].name;
    return bg_ok ();
}

static bg_result make_query (ctl_run *run, wire_history_query *query, bg_error *err)
{
    const ctl_parsed *parsed = run->parsed;
    if (ctl_argument_count (parsed) > 0)
        query->job = bg_slice_str (ctl_argument (parsed, 0));
    query->since_us = ctl_time_us (parsed, CTL_OPT_SINCE, 0);
    query->until_us = ctl_time_us (parsed, CTL_OPT_UNTIL, 0);
    if (query->since_us != 0 && query->until_us != 0 && query->since_us >= query->until_us) {
        bg_ignore (
            bg_fail (err, BG_USAGE, "--since is not before --until: no run can lie between them"));
        return bg_hint (err, "as durations, --since is the longer one: --since 7d --until 1d");
    }
    query->min_duration_us = (uint64_t) ctl_duration_us (parsed, CTL_OPT_MIN_DURATION, 0);
    query->min_retries = (uint64_t) ctl_number (parsed, CTL_OPT_MIN_RETRIES, 0);
    query->oldest_first = strcmp (ctl_text (parsed, CTL_OPT_ORDER, "newest"), "oldest") == 0;
    query->reason = bg_slice_str (ctl_text (parsed, CTL_OPT_REASON, ""));
    BG_TRY (choose_step (run, query, err));
    query->states = bg_arena_array (&run->arena, uint64_t, 8);
    BG_TRY (ctl_history_states (ctl_given (parsed, CTL_OPT_FAILED),
        ctl_text (parsed, CTL_OPT_STATE, NULL), query->states, &query->states_count, err));
    BG_TRY (one_target (run, query, err));
    if (ctl_given (parsed, CTL_OPT_EXEC)) {
        wire_exec_row *exec = NULL;
        BG_TRY (ctl_exec_find (run, ctl_text (parsed, CTL_OPT_EXEC, ""), false, &exec, err));
        query->exec = exec->id;
    }
    ctl_form form = ctl_output_get (run->out)->form;
    query->output =
        ctl_is_human (run->out) ? ctl_output_get (run->out)->is_verbose : form != CTL_FORM_NAME;
    return bg_ok ();
}

static void print_blocks (ctl_run *run, const ctl_history_rows *rows)
{
    bool is_utc = ctl_output_get (run->out)->is_utc;
    for (size_t i = 0; i < rows->count; i++) {
        BG_AUTO_BUF text = {0};
        if (i > 0)
            bg_buf_append_byte (&text, '\n');
        ctl_history_text (&rows->rows[i], is_utc, &text);
        ctl_print_slice (run->out, bg_buf_slice (&text));
    }
    if (rows->count == 0)
        ctl_note (run->out, "no runs");
    if (rows->more)
        ctl_note_cut (run->out, "runs", rows->count);
}

static void list_runs (ctl_run *run, const wire_history_query *query, const ctl_history_rows *rows)
{
    const bool is_of_one = query->job.size > 0;
    ctl_list_begin (run->out, "runs", is_of_one ? ctl_history_columns : ctl_history_all_columns,
        is_of_one ? ctl_history_column_count : ctl_history_all_column_count, "run");
    for (size_t i = 0; i < rows->count; i++)
        ctl_list_row (run->out, ctl_history_json (&rows->rows[i]));
    ctl_list_end (run->out, rows->more, 0);
}

/*  The run, then its steps; with --step the steps of that name alone.  */
static void list_steps (ctl_run *run, const wire_history_query *query, const ctl_history_rows *rows)
{
    ctl_list_begin (
        run->out, "steps", ctl_history_step_columns, ctl_history_step_column_count, "run");
    for (size_t i = 0; i < rows->count; i++) {
        const wire_history_row *row = &rows->rows[i];
        if (query->step.size == 0)
            ctl_list_row (run->out, ctl_history_step_row (row, NULL));
        for (size_t k = 0; k < row->run.steps_count; k++)
            if (query->step.size == 0 ||
                job_name_compare (row->run.steps[k].name, query->step) == 0)
                ctl_list_row (run->out, ctl_history_step_row (row, &row->run.steps[k]));
    }
    ctl_list_end (run->out, rows->more, 0);
}

static bg_result check_options (const ctl_parsed *parsed, bg_error *err)
{
    if (ctl_given (parsed, CTL_OPT_SUMMARY) && ctl_given (parsed, CTL_OPT_FULL))
        return bg_fail (err, BG_USAGE, "--summary and --full exclude each other");
    static const struct {
        ctl_option_id option;
        const char *word;
    } of_purge[] = {{CTL_OPT_BEFORE, "--before"}, {CTL_OPT_ALL_JOBS, "--all-jobs"},
        {CTL_OPT_DRY_RUN, "--dry-run"}, {CTL_OPT_YES, "--yes"}};
    for (size_t i = 0; i < sizeof of_purge / sizeof of_purge[0]; i++)
        if (ctl_given (parsed, of_purge[i].option)) {
            bg_ignore (bg_fail (err, BG_USAGE, "%s is for --purge", of_purge[i].word));
            return bg_hint (err, "see: bugle job history --help");
        }
    return bg_ok ();
}

bg_result ctl_job_history (ctl_run *run, bg_error *err)
{
    wire_history_query query = {0};
    ctl_history_rows rows;
    if (ctl_given (run->parsed, CTL_OPT_PURGE))
        return ctl_history_purge (run, err);
    BG_TRY (check_options (run->parsed, err));
    BG_TRY (make_query (run, &query, err));
    size_t limit = (size_t) ctl_number (run->parsed, CTL_OPT_LIMIT, LIMIT_DEFAULT);
    BG_TRY (ctl_history_fetch (run, &query, limit, &rows, err));
    if (ctl_given (run->parsed, CTL_OPT_FULL))
        list_steps (run, &query, &rows);
    else if (ctl_is_human (run->out) && ctl_output_get (run->out)->is_verbose)
        print_blocks (run, &rows);
    else
        list_runs (run, &query, &rows);
    return bg_ok ();
}
