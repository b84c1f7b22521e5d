/*  Writing a job as YAML.

    Only what was said is written; defaults are left out. A text is written plain where that cannot
    be mistaken, as a literal block where it has several lines, and quoted otherwise. What is
    written reads as the same job (the test does it with random ones).  */
#include "common/job/yaml_write.h"

#include "common/base/utf8.h"
#include "common/job/body.h"
#include "common/job/duration.h"
#include "common/job/names.h"
#include "common/job/size.h"
#include "common/job/yaml_read.h"

#include <stdlib.h>

/*  ---- targets ----  */

/*  As a host list where that reads as the same names in the same order.  */
static bool fold_names (const wire_audience *audience, bg_buf *folded)
{
    char **names = bg_alloc (audience->names_count * sizeof *names);
    for (size_t i = 0; i < audience->names_count; i++)
        names[i] = bg_slice_dup (audience->names[i]);
    job_names_fold (names, audience->names_count, folded);
    for (size_t i = 0; i < audience->names_count; i++)
        free (names[i]);
    free (names);

    job_names again = {0};
    bool is_same =
        folded->size <= JOB_HOSTLIST_MAX &&
        bg_is_ok (job_names_expand (bg_buf_slice (folded), audience->names_count, &again, NULL)) &&
        again.count == audience->names_count;
    for (size_t i = 0; is_same && i < again.count; i++)
        is_same = bg_slice_is (audience->names[i], again.items[i]);
    job_names_fini (&again);
    return is_same;
}

static void write_names (const wire_audience *audience, bg_buf *out)
{
    BG_AUTO_BUF folded = {0};
    bg_buf_append_str (out, "  names: ");
    bg_slice one;
    if (fold_names (audience, &folded)) {
        one = bg_buf_slice (&folded);
        job_write_list (&one, 1, out);
    } else {
        job_write_list (audience->names, audience->names_count, out);
    }
    bg_buf_append_byte (out, '\n');
}

static void write_targets (const wire_audience *audience, bg_buf *out)
{
    bg_buf_append_str (out, "targets:\n");
    if (audience->all)
        bg_buf_append_str (out, "  all: true\n");
    if (audience->groups_count == 1) {
        job_write_pair (2, "group", audience->groups[0], out);
    } else if (audience->groups_count > 1) {
        bg_buf_append_str (out, "  groups: ");
        job_write_list (audience->groups, audience->groups_count, out);
        bg_buf_append_byte (out, '\n');
    }
    job_write_optional (2, "labels", audience->labels, out);
    if (audience->names_count > 0)
        write_names (audience, out);
}

/*  ---- schedules and start ----  */

static void write_schedules (const wire_job *job, bg_buf *out)
{
    if (job->schedules_count > 0)
        bg_buf_append_str (out, "schedules:\n");
    for (size_t i = 0; i < job->schedules_count; i++) {
        bg_buf_append_str (out, "  - name: ");
        job_write_text (job->schedules[i].name, out);
        bg_buf_append_byte (out, '\n');
        job_write_schedule (4, &job->schedules[i], out);
    }
}

static void write_start (const wire_job *job, bg_buf *out)
{
    static const char *const words[] = {"login", "broker", "nobody"};
    const bool has_step = job->start_step > 1 && job->start_step <= job->steps_count;
    if (job->start_by == 0 && job->at_most == 0 && job->max_starts == 0 && !has_step)
        return;
    bg_buf_append_str (out, "start:\n");
    if (job->start_by > 0 && job->start_by < sizeof words / sizeof words[0])
        bg_buf_printf (out, "  by: %s\n", words[job->start_by]);
    if (job->at_most > 0)
        bg_buf_printf (out, "  at_most: %llu per %s\n", (unsigned long long) job->at_most,
            job_duration_text ((int64_t) job->at_most_period_us).text);
    if (job->max_starts > 0)
        bg_buf_printf (out, "  max_starts: %llu\n", (unsigned long long) job->max_starts);
    if (has_step)
        job_write_pair (2, "step", job->steps[job->start_step - 1].name, out);
}

/*  How long the job and its history live.  */
static void write_life (const wire_job *job, bg_buf *out)
{
    static const char *const overlaps[] = {NULL, "queue", "replace"};
    static const char *const deletes[] = {NULL, "on-success", "on-failure", "always"};
    if (job->overlap > 0 && job->overlap < JOB_COUNT_OF (overlaps))
        bg_buf_printf (out, "overlap: %s\n", overlaps[job->overlap]);
    write_start (job, out);
    job_write_duration (0, "lease", job->lease_us, out);
    if (job->delete_level > 0 && job->delete_level < JOB_COUNT_OF (deletes))
        bg_buf_printf (out, "delete: %s\n", deletes[job->delete_level]);
    if (job->history_us == 0 && job->history_runs == 0)
        return;
    bg_buf_append_str (out, "history:\n");
    job_write_duration (2, "keep", job->history_us, out);
    if (job->history_runs > 0)
        bg_buf_printf (out, "  runs: %llu\n", (unsigned long long) job->history_runs);
}

/*  ---- steps ----  */

static void write_action (
    const wire_job *job, const char *key, uint64_t action, uint64_t step, bg_buf *out)
{
    static const char *const words[] = {NULL, "next", "succeed", "fail"};
    if (action == WIRE_FLOW_GOTO && step >= 1 && step <= job->steps_count) {
        BG_AUTO_BUF text = {0};
        bg_buf_printf (&text, "goto %.*s", BG_SLICE_ARG (job->steps[step - 1].name));
        job_write_pair (4, key, bg_buf_slice (&text), out);
    } else if (action != WIRE_FLOW_DEFAULT && action < sizeof words / sizeof words[0]) {
        bg_buf_printf (out, "    %s: %s\n", key, words[action]);
    }
}

static void write_retry (const wire_job_step *step, bg_buf *out)
{
    if (step->retry_attempts == 0)
        return;
    bg_buf_printf (out, "    retry: {attempts: %llu", (unsigned long long) step->retry_attempts);
    if (step->retry_every_us > 0)
        bg_buf_printf (out, ", every: %s", job_duration_text ((int64_t) step->retry_every_us).text);
    bg_buf_append_str (out, "}\n");
}

/*  As text where it is one.  */
static void write_input (const wire_job_step *step, bg_buf *out)
{
    BG_AUTO_BUF coded = {0};
    if (step->input.size == 0)
        return;
    if (bg_utf8_valid (step->input) && !bg_has_control (step->input, true)) {
        job_write_pair (4, "stdin", step->input, out);
        return;
    }
    job_base64_encode (step->input, &coded);
    job_write_pair (4, "stdin_base64", bg_buf_slice (&coded), out);
}

/*  Three and more in a row as a range.  */
static void write_codes (const wire_job_step *step, bg_buf *out)
{
    const uint64_t *codes = step->success_codes;
    const size_t count = step->success_codes_count;
    if (count == 0)
        return;
    bg_buf_append_str (out, "    success_codes: [");
    for (size_t i = 0; i < count; i++) {
        size_t last = i;
        while (last + 1 < count && codes[last + 1] == codes[last] + 1)
            last++;
        bg_buf_append_str (out, i > 0 ? ", " : "");
        if (last < i + 2) {
            bg_buf_printf (out, "%llu", (unsigned long long) codes[i]);
            continue;
        }
        bg_buf_printf (
            out, "\"%llu-%llu\"", (unsigned long long) codes[i], (unsigned long long) codes[last]);
        i = last;
    }
    bg_buf_append_str (out, "]\n");
}

static void write_size (const char *key, uint64_t bytes, bg_buf *out)
{
    if (bytes == 0)
        return;
    bg_buf_printf (out, "      %s: ", key);
    job_size_text (bytes, out);
    bg_buf_append_byte (out, '\n');
}

static void write_output (const wire_job_step *step, bg_buf *out)
{
    if (step->output_file.size == 0 && !step->output_quiet && step->output_head == 0 &&
        step->output_tail == 0 && step->output_keep == 0)
        return;
    bg_buf_append_str (out, "    output:\n");
    job_write_optional (6, "file", step->output_file, out);
    if (step->output_append)
        bg_buf_append_str (out, "      append: true\n");
    if (step->output_quiet)
        bg_buf_append_str (out, "      history: no\n");
    write_size ("head", step->output_head, out);
    write_size ("tail", step->output_tail, out);
    write_size ("keep", step->output_keep, out);
}

static void write_count (const char *key, uint64_t count, const char *unit, bg_buf *out)
{
    if (count > 0)
        bg_buf_printf (out, "      %s: %llu%s\n", key, (unsigned long long) count, unit);
}

static void write_limits (const wire_job_step *step, bg_buf *out)
{
    const wire_limits *limits = &step->limits;
    if (!step->has_limits)
        return;
    bg_buf_append_str (out, "    limits:\n");
    write_size ("memory", limits->memory_bytes, out);
    job_write_duration (6, "cpu_time", limits->cpu_us, out);
    write_count ("processes", limits->processes, "", out);
    write_count ("open_files", limits->files, "", out);
    write_size ("file_size", limits->file_bytes, out);
    write_count ("cpu", limits->cpu_percent, "%", out);
}

static void write_step (const wire_job *job, const wire_job_step *step, bg_buf *out)
{
    bg_buf_append_str (out, "  - name: ");
    job_write_text (step->name, out);
    bg_buf_append_byte (out, '\n');
    if (step->argv_count > 0) {
        bg_buf_append_str (out, "    run: ");
        job_write_list (step->argv, step->argv_count, out);
        bg_buf_append_byte (out, '\n');
    }
    const bool names_another = step->script.size >= 2 && memcmp (step->script.data, "#!", 2) == 0;
    if (step->shell_count == 0 && names_another) {
        bg_buf_append_str (out, "    shell: /bin/sh\n"); /*  or it is refused when it is read  */
    } else if (step->shell_count > 0) {
        bg_buf_append_str (out, "    shell: ");
        job_write_list (step->shell, step->shell_count, out);
        bg_buf_append_byte (out, '\n');
    }
    job_write_optional (4, "script", step->script, out);
    job_write_environment (4, step->environment, step->environment_count, out);
    job_write_optional (4, "as", step->as, out);
    job_write_optional (4, "directory", step->directory, out);
    if (step->has_umask)
        bg_buf_printf (out, "    umask: \"%03o\"\n", (unsigned) step->umask);
    write_input (step, out);
    write_codes (step, out);
    job_write_duration (4, "timeout", step->timeout_us, out);
    job_write_duration (4, "grace", step->grace_us, out);
    write_retry (step, out);
    write_output (step, out);
    write_limits (step, out);
    write_action (job, "on_success", step->on_success, step->success_step, out);
    write_action (job, "on_failure", step->on_failure, step->failure_step, out);
}

static void write_job (const wire_job *job, int64_t not_after_us, bg_buf *out)
{
    job_write_pair (0, "job", job->name, out);
    job_write_optional (0, "description", job->description, out);
    job_write_optional (0, "category", job->category, out);
    job_write_optional (0, "owner", job->owner, out);
    if (job->disabled)
        bg_buf_append_str (out, "enabled: false\n");
    if (job->enabled_until_us != 0)
        job_write_instant (0, "enabled_until", job->enabled_until_us, out);
    if (not_after_us != 0)
        job_write_instant (0, "not_after", not_after_us, out);
    write_targets (&job->audience, out);
    write_schedules (job, out);
    write_life (job, out);
    job_write_environment (0, job->environment, job->environment_count, out);
    bg_buf_append_str (out, "steps:\n");
    for (size_t i = 0; i < job->steps_count; i++)
        write_step (job, &job->steps[i], out);
}

void job_yaml_write (const wire_job *job, bg_buf *out)
{
    write_job (job, 0, out);
}

void job_yaml_write_document (wire_type type, const void *body, int64_t not_after_us, bg_buf *out)
{
    if (type == WIRE_TYPE_JOB)
        write_job (body, not_after_us, out);
    else if (type == WIRE_TYPE_SCHEDULE)
        job_yaml_write_schedule (body, out);
    else if (type == WIRE_TYPE_CALENDAR)
        job_yaml_write_calendar (body, out);
}
