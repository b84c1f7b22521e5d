/*  Jobs in words; their schedules in describe_schedule.c. Texts of the job are quoted as they are; the codec has refused control
    characters.  */
#include "common/job/describe.h"

#include "common/job/duration.h"
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
