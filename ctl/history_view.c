/*  Runs in words and in JSON: see history_view.h.

    Not here: asking the broker (history.c), how a table is drawn (output.c).

    Invariant: nothing is guessed. An exit code is shown only where a process ended by itself, a time only where one is
    known.
*/
#include "ctl/history_view.h"

#include "ctl/times.h"

#include <inttypes.h>
#include <string.h>

/*  ---- a step ----  */

/*  A process that ended by itself: everything else leaves the exit code at zero.  */
static bool has_exit_code (const wire_step_result *step)
{
    if (step->signal != 0 || step->state == WIRE_RESULT_INTERRUPTED)
        return false;
    return step->exit_code != 0 || step->state == WIRE_RESULT_SUCCEEDED;
}

void ctl_step_why (const wire_step_result *step, bg_buf *out)
{
    if (step->state == WIRE_RESULT_SUCCEEDED)
        return;
    const size_t start = out->size;
    if (step->timed_out) {
        bg_buf_append_str (out, "timed out");
    } else if (step->signal != 0) {
        const char *name = sigabbrev_np ((int) step->signal);
        bg_buf_printf (out, "signal %" PRIu64, step->signal);
        if (name)
            bg_buf_printf (out, " (%s)", name);
    } else if (has_exit_code (step)) {
        bg_buf_printf (out, "exit code %" PRId64, step->exit_code);
    }
    if (step->message.size > 0) {
        bg_buf_printf (out, "%s%.*s", out->size > start ? ": " : "", BG_SLICE_ARG (step->message));
    } else if (out->size == start) {
        const char *word = wire_step_state_word (step->state);
        bg_buf_append_str (out, word ? word : "unknown state");
    }
}

/*  Bytes that the step wrote and nobody kept.  */
static uint64_t missing_bytes (const wire_step_result *step)
{
    uint64_t kept = step->head.size + step->tail.size;
    return step->output_bytes > kept ? step->output_bytes - kept : 0;
}

static bool ends_line (const bg_buf *text, size_t start)
{
    return text->size == start || text->data[text->size - 1] == '\n';
}

void ctl_step_output (const wire_step_result *step, bg_buf *out)
{
    size_t start = out->size;
    uint64_t missing = missing_bytes (step);
    bg_buf_append_slice (out, step->head);
    if (missing > 0 && step->head.size + step->tail.size > 0)
        bg_buf_printf (
            out, "%s[%" PRIu64 " bytes left out]\n", ends_line (out, start) ? "" : "\n", missing);
    bg_buf_append_slice (out, step->tail);
}

static json_t *output_json (const wire_step_result *step)
{
    if (step->head.size + step->tail.size == 0)
        return step->output_bytes > 0 ? json_null () : json_string ("");
    BG_AUTO_BUF text = {0};
    ctl_step_output (step, &text);
    return ctl_json_slice (bg_buf_slice (&text));
}

static json_t *word_json (const char *word)
{
    return word ? json_string (word) : json_null ();
}

static json_t *count_json (uint64_t count)
{
    return json_integer ((json_int_t) count);
}

json_t *ctl_step_json (const wire_step_result *step)
{
    return json_pack ("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}",
        "step", count_json (step->step), "name", ctl_json_slice (step->name), "state",
        word_json (wire_step_state_word (step->state)), "exit_code",
        has_exit_code (step) ? json_integer ((json_int_t) step->exit_code) : json_null (), "signal",
        step->signal ? count_json (step->signal) : json_null (), "started",
        ctl_json_time (step->started_us), "finished", ctl_json_time (step->finished_us), "attempts",
        count_json (step->attempts ? step->attempts : 1), "timed_out", step->timed_out,
        "output_bytes", count_json (step->output_bytes), "output", output_json (step), "message",
        ctl_json_text_or_null (step->message), "account", ctl_json_text_or_null (step->account),
        "cpu_us", count_json (step->cpu_us), "memory_bytes",
        step->memory_bytes ? count_json (step->memory_bytes) : json_null ());
}

/*  ---- a run ----  */

int64_t ctl_run_time_us (const wire_run *run)
{
    if (run->state == WIRE_RUN_NOT_RUN && run->nominal_us != 0)
        return run->nominal_us;
    if (run->started_us != 0)
        return run->started_us;
    if (run->state == WIRE_RUN_WAITING && run->queued_us != 0)
        return run->queued_us;
    return run->nominal_us != 0 ? run->nominal_us : run->finished_us;
}

bool ctl_run_is_open (const wire_run *run)
{
    return run->state == WIRE_RUN_RUNNING || run->state == WIRE_RUN_WAITING;
}

const wire_step_result *ctl_run_culprit (const wire_run *run)
{
    if (run->state == WIRE_RUN_SUCCEEDED || ctl_run_is_open (run))
        return NULL;
    /*  The last one that went wrong: earlier ones were dealt with by the flow (on_failure: next or goto).  */
    for (size_t i = run->steps_count; i > 0; i--) {
        if (run->steps[i - 1].state != WIRE_RESULT_SUCCEEDED)
            return &run->steps[i - 1];
    }
    return NULL;
}

void ctl_run_why (const wire_run *run, bg_buf *out)
{
    if (run->state == WIRE_RUN_SUCCEEDED || ctl_run_is_open (run))
        return;
    if (run->state == WIRE_RUN_NOT_RUN) {
        bg_buf_append_slice (out, run->reason);
        if (run->message.size > 0)
            bg_buf_printf (
                out, "%s%.*s", run->reason.size > 0 ? ": " : "", BG_SLICE_ARG (run->message));
        return;
    }
    const wire_step_result *step = ctl_run_culprit (run);
    /*  Its steps only know that they were ended.  */
    const bool is_told = run->state == WIRE_RUN_CANCELED && run->message.size > 0;
    if (step && !is_told) {
        bg_buf_printf (out, "%.*s: ", BG_SLICE_ARG (step->name));
        ctl_step_why (step, out);
        return;
    }
    bg_buf_append_slice (out, run->message.size > 0 ? run->message : run->reason);
}

static json_t *why_json (const wire_run *run)
{
    BG_AUTO_BUF text = {0};
    ctl_run_why (run, &text);
    return ctl_json_text_or_null (bg_buf_slice (&text));
}

static bool has_length (const wire_run *run)
{
    return run->state != WIRE_RUN_NOT_RUN && run->started_us != 0 &&
           run->finished_us >= run->started_us;
}

json_t *ctl_history_json (const wire_history_row *row)
{
    const wire_run *run = &row->run;
    bool is_running = ctl_run_is_open (run);
    json_t *steps = json_array ();
    for (size_t i = 0; i < run->steps_count; i++)
        json_array_append_new (steps, ctl_step_json (&run->steps[i]));
    json_t *object = json_pack (
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "run",
        ctl_json_id (run->run), "job", ctl_json_slice (run->job_name), "target",
        ctl_json_slice (row->target), "state", word_json (wire_run_state_word (run->state)),
        "reason", ctl_json_text_or_null (run->reason), "started", ctl_json_time (run->started_us),
        "finished", ctl_json_time (is_running ? 0 : run->finished_us), "stored",
        ctl_json_time (is_running ? 0 : row->stored_us), "seconds",
        !is_running && has_length (run) ? ctl_json_seconds (run->finished_us - run->started_us)
                                        : json_null (),
        "summary", why_json (run), "message", ctl_json_text_or_null (run->message), "version",
        row->revision ? count_json (row->revision) : json_null (), "schedule",
        ctl_json_text_or_null (run->schedule), "nominal", ctl_json_time (run->nominal_us), "exec",
        ctl_json_id (run->exec), "steps", steps);
    bg_assert (object);
    json_object_set_new (object, "queued", ctl_json_time (run->queued_us));
    json_object_set_new (
        object, "start_step", run->start_step ? count_json (run->start_step) : json_null ());
    json_object_set_new (object, "deleted_itself", json_boolean (run->spent));
    return object;
}

/*  ---- a line for each step ----  */

json_t *ctl_history_step_row (const wire_history_row *row, const wire_step_result *step)
{
    const wire_run *run = &row->run;
    BG_AUTO_BUF why = {0};
    if (!step)
        ctl_run_why (run, &why);
    else if (step->state != WIRE_RESULT_SUCCEEDED)
        ctl_step_why (step, &why);
    json_t *object = step ? ctl_step_json (step) : json_object ();
    const char *state =
        step ? wire_step_state_word (step->state) : wire_run_state_word (run->state);
    const int64_t began_us = step ? step->started_us : run->started_us;
    const int64_t ended_us = step ? step->finished_us : run->finished_us;
    json_object_set_new (object, "run", ctl_json_id (run->run));
    json_object_set_new (object, "job", ctl_json_slice (run->job_name));
    json_object_set_new (object, "target", ctl_json_slice (row->target));
    json_object_set_new (object, "step", count_json (step ? step->step : 0));
    json_object_set_new (object, "name", step ? ctl_json_slice (step->name) : json_null ());
    json_object_set_new (object, "state", word_json (state));
    json_object_set_new (object, "started", ctl_json_time (began_us));
    json_object_set_new (object, "nominal", ctl_json_time (run->nominal_us));
    json_object_set_new (object, "finished", ctl_json_time (ended_us));
    json_object_set_new (object, "seconds",
        began_us != 0 && ended_us >= began_us ? ctl_json_seconds (ended_us - began_us)
                                              : json_null ());
    json_object_set_new (object, "summary", ctl_json_text_or_null (bg_buf_slice (&why)));
    return object;
}

/*  ---- for people ----  */

/*  Each line of text behind prefix; the last one ends with a newline.  */
static void append_indented (bg_slice text, const char *prefix, bg_buf *out)
{
    for (size_t at = 0; at < text.size;) {
        const uint8_t *end = memchr (text.data + at, '\n', text.size - at);
        size_t size = end ? (size_t) (end - text.data) - at : text.size - at;
        bg_buf_append_str (out, prefix);
        bg_buf_append (out, text.data + at, size);
        bg_buf_append_byte (out, '\n');
        at += size + 1;
    }
}

static void append_time (int64_t utc_us, bool is_utc, bg_buf *out)
{
    if (utc_us == 0)
        bg_buf_append_str (out, "-");
    else
        ctl_times_people (utc_us, is_utc, out);
}

static void step_text (const wire_step_result *step, bg_buf *out)
{
    const char *word = wire_step_state_word (step->state);
    BG_AUTO_BUF why = {0};
    ctl_step_why (step, &why);
    bg_buf_printf (out, "  %" PRIu64 "  %.*s  %s", step->step, BG_SLICE_ARG (step->name),
        word ? word : "unknown");
    if (why.size > 0 && !bg_slice_is (bg_buf_slice (&why), word ? word : ""))
        bg_buf_printf (out, "  %s", bg_buf_cstr (&why));
    if (step->finished_us > step->started_us) {
        bg_buf_append_str (out, "  ");
        ctl_times_span (step->finished_us - step->started_us, out);
    }
    if (step->attempts > 1)
        bg_buf_printf (out, "  %" PRIu64 " attempts", step->attempts);
    bg_buf_append_byte (out, '\n');
    if (step->state == WIRE_RESULT_SUCCEEDED)
        append_indented (step->message, "     ", out);
    BG_AUTO_BUF output = {0};
    ctl_step_output (step, &output);
    append_indented (bg_buf_slice (&output), "     | ", out);
    if (output.size == 0 && step->output_bytes > 0)
        bg_buf_printf (
            out, "     (%" PRIu64 " bytes of output are not kept any more)\n", step->output_bytes);
}

void ctl_history_text (const wire_history_row *row, bool is_utc, bg_buf *out)
{
    const wire_run *run = &row->run;
    const char *word = wire_run_state_word (run->state);
    append_time (ctl_run_time_us (run), is_utc, out);
    bg_buf_printf (out, "  %.*s  %s", BG_SLICE_ARG (row->target), word ? word : "unknown");
    if (run->state == WIRE_RUN_NOT_RUN || (run->steps_count == 0 && run->message.size > 0)) {
        bg_buf_append_str (out, ": ");
        ctl_run_why (run, out);
    }
    if (!ctl_run_is_open (run) && has_length (run)) {
        bg_buf_append_str (out, "  ");
        ctl_times_span (run->finished_us - run->started_us, out);
    }
    bg_buf_printf (out, "  run %s\n", bg_id_text (run->run).text);
    for (size_t i = 0; i < run->steps_count; i++)
        step_text (&run->steps[i], out);
}

/*  The last lines (at most) of text, without the newline that ends it.  */
static bg_slice last_lines (bg_slice text, size_t lines)
{
    while (text.size > 0 && text.data[text.size - 1] == '\n')
        text.size--;
    size_t start = text.size;
    for (size_t left = lines; start > 0; start--) {
        if (text.data[start - 1] == '\n' && --left == 0)
            break;
    }
    return bg_slice_of (text.data + start, text.size - start);
}

void ctl_history_explain (
    const wire_history_row *row, int64_t now_us, bool is_utc, size_t lines, bg_buf *out)
{
    const wire_run *run = &row->run;
    const char *word = wire_run_state_word (run->state);
    int64_t time_us = ctl_run_time_us (run);
    bg_buf_printf (out, "%s on %.*s, ", word ? word : "unknown", BG_SLICE_ARG (row->target));
    append_time (time_us, is_utc, out);
    if (time_us != 0 && now_us > time_us) {
        bg_buf_append_str (out, " (");
        ctl_times_span (now_us - time_us, out);
        bg_buf_append_str (out, " ago)");
    }
    bg_buf_printf (out, ", run %s\n", bg_id_short (run->run).text);
    const wire_step_result *step = ctl_run_culprit (run);
    if (!step) {
        BG_AUTO_BUF why = {0};
        ctl_run_why (run, &why);
        append_indented (bg_buf_slice (&why), "  ", out);
        return;
    }
    bg_buf_printf (out, "  step %" PRIu64 " (%.*s): ", step->step, BG_SLICE_ARG (step->name));
    ctl_step_why (step, out);
    if (step->finished_us > step->started_us) {
        bg_buf_append_str (out, " after ");
        ctl_times_span (step->finished_us - step->started_us, out);
    }
    if (step->attempts > 1)
        bg_buf_printf (out, ", %" PRIu64 " attempts", step->attempts);
    bg_buf_append_byte (out, '\n');
    BG_AUTO_BUF output = {0};
    ctl_step_output (step, &output);
    append_indented (last_lines (bg_buf_slice (&output), lines), "    | ", out);
}

/*  ---- the table ----  */

/*  A run that never started is listed by the time at which it was due.  */
void ctl_history_print_when (const ctl_output *out, const json_t *row, bg_buf *text)
{
    static const char *const keys[] = {"started", "queued", "nominal", "finished"};
    const char *state = json_string_value (json_object_get (row, "state"));
    const bool was_due = state && strcmp (state, wire_run_state_word (WIRE_RUN_NOT_RUN)) == 0 &&
                         json_is_string (json_object_get (row, "nominal"));
    for (size_t i = was_due ? 1 : 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *value = json_string_value (json_object_get (row, keys[i]));
        int64_t utc_us = 0;
        if (!value || bg_failed (ctl_times_parse (bg_slice_str (value), 0, &utc_us, NULL)))
            continue;
        ctl_times_people (utc_us, ctl_output_get (out)->is_utc, text);
        return;
    }
    bg_buf_append_str (text, "-");
}

const ctl_column ctl_history_columns[] = {
    {"started", "STARTED", CTL_CELL_TIME, CTL_NORMAL, ctl_history_print_when},
    {"target", "TARGET", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"state", "STATE", CTL_CELL_STATE, CTL_NORMAL, NULL},
    {"seconds", "TOOK", CTL_CELL_DURATION, CTL_NORMAL, NULL},
    {"run", "RUN", CTL_CELL_ID, CTL_NORMAL, NULL},
    {"queued", "QUEUED", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"finished", "FINISHED", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"version", "VERSION", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"schedule", "SCHEDULE", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"exec", "EXEC", CTL_CELL_ID, CTL_WIDE, NULL},
    {"summary", "WHY", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};
const size_t ctl_history_column_count = sizeof ctl_history_columns / sizeof ctl_history_columns[0];

/*  The same with the job in front, where runs of several are shown.  */
const ctl_column ctl_history_all_columns[] = {
    {"started", "STARTED", CTL_CELL_TIME, CTL_NORMAL, ctl_history_print_when},
    {"job", "JOB", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"target", "TARGET", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"state", "STATE", CTL_CELL_STATE, CTL_NORMAL, NULL},
    {"seconds", "TOOK", CTL_CELL_DURATION, CTL_NORMAL, NULL},
    {"run", "RUN", CTL_CELL_ID, CTL_NORMAL, NULL},
    {"finished", "FINISHED", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"version", "VERSION", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"schedule", "SCHEDULE", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"exec", "EXEC", CTL_CELL_ID, CTL_WIDE, NULL},
    {"summary", "WHY", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};
const size_t ctl_history_all_column_count =
    sizeof ctl_history_all_columns / sizeof ctl_history_all_columns[0];

static void print_step (const ctl_output *out, const json_t *row, bg_buf *text)
{
    (void) out;
    const char *name = json_string_value (json_object_get (row, "name"));
    if (!name)
        bg_buf_append_str (text, "(run)");
    else
        bg_buf_printf (text, "%" JSON_INTEGER_FORMAT " %s",
            json_integer_value (json_object_get (row, "step")), name);
}

const ctl_column ctl_history_step_columns[] = {
    {"started", "STARTED", CTL_CELL_TIME, CTL_NORMAL, ctl_history_print_when},
    {"target", "TARGET", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {NULL, "STEP", CTL_CELL_TEXT, CTL_NORMAL, print_step},
    {"state", "STATE", CTL_CELL_STATE, CTL_NORMAL, NULL},
    {"seconds", "TOOK", CTL_CELL_DURATION, CTL_NORMAL, NULL},
    {"attempts", "ATTEMPTS", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"exit_code", "EXIT", CTL_CELL_NUMBER, CTL_NORMAL, NULL},
    {"run", "RUN", CTL_CELL_ID, CTL_NORMAL, NULL},
    {"job", "JOB", CTL_CELL_TEXT, CTL_WIDE, NULL},
    {"finished", "FINISHED", CTL_CELL_TIME, CTL_WIDE, NULL},
    {"output_bytes", "OUTPUT", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"summary", "WHY", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};
const size_t ctl_history_step_column_count =
    sizeof ctl_history_step_columns / sizeof ctl_history_step_columns[0];
