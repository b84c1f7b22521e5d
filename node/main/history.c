/*  bugle-node history: what ran on this machine, as it keeps it itself.  */
#include "node/main/ask.h"

#include "common/job/names.h"

#define LIMIT_DEFAULT 50
#define PAGE_RUNS     500

typedef struct {
    bg_slice job;
    bool failed_only;
    int64_t since_us;
    size_t limit;
    wire_history_row *rows;
    size_t count;
    bool more;
} search;

static bool is_meant (const search *self, const wire_run *run)
{
    return !self->failed_only || run->state == WIRE_RUN_FAILED || run->state == WIRE_RUN_CANCELED ||
           run->state == WIRE_RUN_INTERRUPTED;
}

/*  Takes what is wanted of a page. False when nothing later can be.  */
static bool take_page (search *self, const wire_control_answer *answer)
{
    for (size_t i = 0; i < answer->runs_count; i++) {
        const wire_run *run = &answer->runs[i];
        if (self->since_us && ctl_run_time_us (run) < self->since_us)
            return false;
        if (!is_meant (self, run))
            continue;
        self->more = self->count == self->limit;
        if (self->more)
            return false;
        self->rows[self->count++] = node_history_row_of (run, answer->name);
    }
    return answer->more;
}

static bg_result fetch (ctl_run *run, search *self, bg_error *err)
{
    wire_control_query query = {.history = true, .job = self->job, .limit = PAGE_RUNS};
    const wire_control_answer *answer = NULL;
    if (self->limit < PAGE_RUNS && !self->failed_only)
        query.limit = self->limit + 1;
    do {
        BG_TRY (node_ask_query (run, &query, &answer, err));
        query.before = answer->next;
    } while (take_page (self, answer));
    return bg_ok ();
}

/*  A name that nothing ever had is a mistake of typing; local/NAME is also found as NAME.  */
static bg_result find_runs (ctl_run *run, search *self, bg_error *err)
{
    BG_TRY (fetch (run, self, err));
    if (self->count > 0 || self->job.size == 0)
        return bg_ok ();
    node_job_found found;
    const char *name = bg_arena_str (&run->arena, self->job);
    BG_TRY (node_ask_job (run, name, &found, err));
    const bool is_known = found.row || found.deleted_version;
    if (is_known && found.row && !bg_slice_equal (found.row->name, self->job)) {
        self->job = found.row->name;
        return fetch (run, self, err);
    }
    if (is_known || self->failed_only || self->since_us)
        return bg_ok ();
    if (!job_name_is_local (self->job)) {
        self->job = bg_arena_printf (&run->arena, JOB_LOCAL_PREFIX "%s", name);
        BG_TRY (fetch (run, self, err));
        if (self->count > 0)
            return bg_ok ();
    }
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "nothing of a job '%.200s' is kept here", name));
    return bg_hint (err, "see: bugle-node job list, bugle-node history");
}

/*  With their steps and output; the machine is the same everywhere, so the job stands in its place.  */
static void print_blocks (ctl_run *run, const search *self)
{
    for (size_t i = 0; i < self->count; i++) {
        BG_AUTO_BUF text = {0};
        wire_history_row row = self->rows[i];
        row.target = row.run.job_name;
        if (i > 0)
            bg_buf_append_byte (&text, '\n');
        ctl_history_text (&row, ctl_output_get (run->out)->is_utc, &text);
        ctl_print_slice (run->out, bg_buf_slice (&text));
    }
    if (self->count == 0)
        ctl_note (run->out, "no runs");
    if (self->more)
        ctl_note_cut (run->out, "runs", self->count);
}

bg_result node_cmd_history (ctl_run *run, bg_error *err)
{
    const ctl_parsed *parsed = run->parsed;
    search self = {.failed_only = ctl_given (parsed, CTL_OPT_FAILED),
        .since_us = ctl_time_us (parsed, CTL_OPT_SINCE, 0),
        .limit = (size_t) ctl_number (parsed, CTL_OPT_LIMIT, LIMIT_DEFAULT)};
    if (ctl_argument_count (parsed) > 0)
        self.job = bg_slice_str (ctl_argument (parsed, 0));
    self.rows = bg_arena_array (&run->arena, wire_history_row, self.limit);
    BG_TRY (find_runs (run, &self, err));
    if (ctl_is_human (run->out) && ctl_output_get (run->out)->is_verbose) {
        print_blocks (run, &self);
        return bg_ok ();
    }
    ctl_list_begin (run->out, "runs", node_history_columns, node_history_column_count, "run");
    for (size_t i = 0; i < self.count; i++)
        ctl_list_row (run->out, ctl_history_json (&self.rows[i]));
    ctl_list_end (run->out, self.more, 0);
    return bg_ok ();
}
