/*  Jobs in words; their schedules in describe_schedule.c. Texts of the job are quoted as they are; the codec has refused control
    characters.  */
#include "common/job/describe.h"

#include "common/job/duration.h"
#include "common/job/size.h"
#include "proto/audience.h"

#define ARGUMENTS_MAX 60 /*  bytes shown of a program and its arguments  */

void job_describe_schedules (const wire_job *job, bg_buf *out)
{
    if (job->schedules_count == 0)
        bg_buf_append_str (
            out, job->start_by == WIRE_START_BY_NOBODY ? "never" : "on command only");
    for (size_t i = 0; i < job->schedules_count; i++) {
        bg_buf_append_str (out, i > 0 ? "; " : "");
        job_describe_schedule (&job->schedules[i], out);
    }
}

void job_describe_audience (const wire_job *job, bg_buf *out)
{
    wire_audience_text (&job->audience, out);
}

static size_t count_lines (bg_slice text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text.size; i++)
        lines += text.data[i] == '\n';
    return lines + (text.size > 0 && text.data[text.size - 1] != '\n');
}

/*  Whole arguments as long as there is room, then dots.  */
static void describe_texts (const bg_slice *texts, size_t count, bg_buf *out)
{
    size_t start = out->size;
    for (size_t i = 0; i < count; i++) {
        bg_buf_append_str (out, i > 0 ? " " : "");
        if (i > 0 && out->size - start + texts[i].size > ARGUMENTS_MAX) {
            bg_buf_append_str (out, "...");
            return;
        }
        bg_buf_append_slice (out, texts[i]);
    }
}

void job_describe_step (const wire_job_step *step, bg_buf *out)
{
    if (step->kind == WIRE_STEP_RUN) {
        bg_buf_append_str (out, "run ");
        describe_texts (step->argv, step->argv_count, out);
        return;
    }
    size_t lines = count_lines (step->script);
    bg_buf_printf (out, "script of %zu line%s under ", lines, lines == 1 ? "" : "s");
    if (step->shell_count > 0)
        describe_texts (step->shell, step->shell_count, out);
    else
        bg_buf_append_str (out, "/bin/sh");
}

/*  A part of a list, after a semicolon where something stands before it.  */
static void begin_part (size_t start, bg_buf *out)
{
    if (out->size > start)
        bg_buf_append_str (out, "; ");
}

static void describe_codes (const wire_job_step *step, bg_buf *out)
{
    const uint64_t *codes = step->success_codes;
    for (size_t i = 0; i < step->success_codes_count; i++) {
        size_t last = i;
        while (last + 1 < step->success_codes_count && codes[last + 1] == codes[last] + 1)
            last++;
        bg_buf_printf (out, "%s%llu", i > 0 ? ", " : "success ", (unsigned long long) codes[i]);
        if (last > i)
            bg_buf_printf (out, "-%llu", (unsigned long long) codes[last]);
        i = last;
    }
}

static void describe_output (const wire_job_step *step, size_t start, bg_buf *out)
{
    if (step->output_file.size > 0) {
        begin_part (start, out);
        bg_buf_printf (out, "output %s %.*s", step->output_append ? "added to" : "to",
            BG_SLICE_ARG (step->output_file));
    }
    if (step->output_quiet) {
        begin_part (start, out);
        bg_buf_append_str (out, "no output in the history");
    }
}

static void describe_limits (const wire_limits *limits, size_t start, bg_buf *out)
{
    const struct {
        const char *name;
        uint64_t value;
        const char *unit;
    } counts[] = {
        {"processes", limits->processes, ""},
        {"open files", limits->files, ""},
        {"cpu", limits->cpu_percent, "%"},
    };
    if (limits->memory_bytes > 0) {
        begin_part (start, out);
        bg_buf_append_str (out, "memory ");
        job_size_text (limits->memory_bytes, out);
    }
    if (limits->file_bytes > 0) {
        begin_part (start, out);
        bg_buf_append_str (out, "files of ");
        job_size_text (limits->file_bytes, out);
    }
    if (limits->cpu_us > 0) {
        begin_part (start, out);
        bg_buf_printf (out, "cpu time %s", job_duration_text ((int64_t) limits->cpu_us).text);
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        if (counts[i].value == 0)
            continue;
        begin_part (start, out);
        bg_buf_printf (
            out, "%s %llu%s", counts[i].name, (unsigned long long) counts[i].value, counts[i].unit);
    }
}

void job_describe_surroundings (const wire_job_step *step, bg_buf *out)
{
    const size_t start = out->size;
    if (step->as.size > 0)
        bg_buf_printf (out, "as %.*s", BG_SLICE_ARG (step->as));
    if (step->directory.size > 0) {
        begin_part (start, out);
        bg_buf_printf (out, "in %.*s", BG_SLICE_ARG (step->directory));
    }
    if (step->has_umask) {
        begin_part (start, out);
        bg_buf_printf (out, "umask %03o", (unsigned) step->umask);
    }
    if (step->input.size > 0) {
        begin_part (start, out);
        bg_buf_printf (
            out, "%zu byte%s of input", step->input.size, step->input.size == 1 ? "" : "s");
    }
    if (step->success_codes_count > 0) {
        begin_part (start, out);
        describe_codes (step, out);
    }
    describe_output (step, start, out);
    if (step->has_limits)
        describe_limits (&step->limits, start, out);
}

static void describe_history (const wire_job *job, bg_buf *out)
{
    bg_buf_append_str (out, "history ");
    if (job->history_us > 0)
        bg_buf_append_str (out, job_duration_text ((int64_t) job->history_us).text);
    if (job->history_runs > 0)
        bg_buf_printf (out, "%s%llu run%s", job->history_us > 0 ? ", " : "",
            (unsigned long long) job->history_runs, job->history_runs == 1 ? "" : "s");
}

void job_describe_rules (const wire_job *job, bg_buf *out)
{
    static const char *const overlaps[] = {
        NULL, "a run waits while another goes on", "a run replaces the one that goes on"};
    static const char *const deletes[] = {NULL, "deletes itself on success",
        "deletes itself on failure", "deletes itself after its first run"};
    const size_t start = out->size;
    if (job->overlap > 0 && job->overlap < sizeof overlaps / sizeof overlaps[0])
        bg_buf_append_str (out, overlaps[job->overlap]);
    if (job->start_step > 1 && job->start_step <= job->steps_count) {
        begin_part (start, out);
        bg_buf_printf (out, "begins with step %llu (%.*s)", (unsigned long long) job->start_step,
            BG_SLICE_ARG (job->steps[job->start_step - 1].name));
    }
    if (job->lease_us > 0) {
        begin_part (start, out);
        bg_buf_printf (out, "lease %s", job_duration_text ((int64_t) job->lease_us).text);
    }
    if (job->delete_level > 0 && job->delete_level < sizeof deletes / sizeof deletes[0]) {
        begin_part (start, out);
        bg_buf_append_str (out, deletes[job->delete_level]);
    }
    if (job->history_us > 0 || job->history_runs > 0) {
        begin_part (start, out);
        describe_history (job, out);
    }
}

void job_describe_action (const wire_job *job, uint64_t action, uint64_t step, bg_buf *out)
{
    static const char *const words[] = {"by default", "next", "succeed", "fail"};
    if (action < sizeof words / sizeof words[0])
        bg_buf_append_str (out, words[action]);
    else if (step >= 1 && step <= job->steps_count)
        bg_buf_printf (out, "go to step %llu (%.*s)", (unsigned long long) step,
            BG_SLICE_ARG (job->steps[step - 1].name));
    else
        bg_buf_printf (out, "go to step %llu", (unsigned long long) step);
}

void job_describe_start (const wire_job *job, bg_buf *out)
{
    static const char *const words[] = {"by any login", "by logins and the broker", "by nobody"};
    bool is_known = job->start_by < sizeof words / sizeof words[0];
    bg_buf_append_str (out, is_known ? words[job->start_by] : "by an unknown rule");
    if (job->at_most > 0)
        bg_buf_printf (out, ", at most %llu per %s", (unsigned long long) job->at_most,
            job_duration_text ((int64_t) job->at_most_period_us).text);
    if (job->max_starts > 0)
        bg_buf_printf (out, ", %llu in all", (unsigned long long) job->max_starts);
}
