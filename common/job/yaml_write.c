/*  Writing a job as YAML.

    Only what was said is written; defaults are left out. A text is written plain where that cannot
    be mistaken, as a literal block where it has several lines, and quoted otherwise. What is
    written reads as the same job (the test does it with random ones).  */
#include "common/job/yaml_job.h"

#include "common/job/duration.h"
#include "common/job/names.h"

#include <stdlib.h>
#include <strings.h>

/*  ---- texts ----  */

static bool is_plain_byte (uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr ("_./+@-", c) != NULL);
}

/*  What other readers of YAML would take for a number, a boolean or nothing.  */
static bool looks_typed (bg_slice text)
{
    static const char *const words[] = {
        "null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (text.size == strlen (words[i]) &&
            strncasecmp ((const char *) text.data, words[i], text.size) == 0)
            return true;
    }
    uint8_t c = text.data[0];
    return (c >= '0' && c <= '9') || c == '.' || c == '+';
}

static bool is_plain (bg_slice text)
{
    if (text.size == 0 || text.size > 100 || text.data[0] == '-' || text.data[0] == '@' ||
        looks_typed (text))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        bool is_inner_blank = text.data[i] == ' ' && i > 0 && i + 1 < text.size;
        if (!is_plain_byte (text.data[i]) && !is_inner_blank)
            return false;
    }
    return true;
}

/*  Characters that a YAML reader does not take as they are, although they are valid text.  */
static size_t special_at (bg_slice text, size_t at, unsigned *character)
{
    const uint8_t *c = text.data + at;
    if (text.size - at < 3 || (c[0] & 0xf0) != 0xe0)
        return 0;
    *character = ((unsigned) (c[0] & 0x0f) << 12) | ((unsigned) (c[1] & 0x3f) << 6) |
                 (unsigned) (c[2] & 0x3f);
    bool is_special = *character == 0xfffe || *character == 0xffff || *character == 0xfeff ||
                      *character == 0x2028 || *character == 0x2029;
    return is_special ? 3 : 0;
}

static void write_quoted (bg_slice text, bg_buf *out)
{
    bg_buf_append_byte (out, '"');
    for (size_t i = 0; i < text.size; i++) {
        unsigned character = 0;
        size_t special = special_at (text, i, &character);
        uint8_t c = text.data[i];
        if (special > 0) {
            bg_buf_printf (out, "\\u%04X", character);
            i += special - 1;
        } else if (c == '"' || c == '\\') {
            bg_buf_append_byte (out, '\\');
            bg_buf_append_byte (out, c);
        } else if (c == '\n') {
            bg_buf_append_str (out, "\\n");
        } else if (c == '\t') {
            bg_buf_append_str (out, "\\t");
        } else {
            bg_buf_append_byte (out, c);
        }
    }
    bg_buf_append_byte (out, '"');
}

static void write_text (bg_slice text, bg_buf *out)
{
    if (is_plain (text))
        bg_buf_append_slice (out, text);
    else
        write_quoted (text, out);
}

/*  A literal block keeps every byte, if the text has lines, begins with a visible character and has
    nothing special.  */
static bool fits_block (bg_slice text)
{
    bool has_lines = false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned character;
        if (special_at (text, i, &character) > 0)
            return false;
        has_lines = has_lines || text.data[i] == '\n';
    }
    return has_lines && text.data[0] != ' ' && text.data[0] != '\t' && text.data[0] != '\n';
}

static void write_block (bg_slice text, int indent, bg_buf *out)
{
    size_t newlines = 0;
    while (newlines < text.size && text.data[text.size - 1 - newlines] == '\n')
        newlines++;
    bg_buf_append_str (out, newlines == 0 ? "|-\n" : newlines == 1 ? "|\n" : "|+\n");
    for (size_t i = 0; i < text.size; i++) {
        bool is_line_start = i == 0 || text.data[i - 1] == '\n';
        if (is_line_start && text.data[i] != '\n')
            bg_buf_printf (out, "%*s", indent, "");
        bg_buf_append_byte (out, text.data[i]);
    }
    if (newlines == 0)
        bg_buf_append_byte (out, '\n');
}

/*  "key: text" at an indent, with a block indented further where one fits.  */
static void write_pair (int indent, const char *key, bg_slice text, bg_buf *out)
{
    bg_buf_printf (out, "%*s%s: ", indent, "", key);
    if (fits_block (text)) {
        write_block (text, indent + 2, out);
        return;
    }
    write_text (text, out);
    bg_buf_append_byte (out, '\n');
}

static void write_optional (int indent, const char *key, bg_slice text, bg_buf *out)
{
    if (text.size > 0)
        write_pair (indent, key, text, out);
}

static void write_duration (int indent, const char *key, uint64_t duration_us, bg_buf *out)
{
    if (duration_us > 0)
        bg_buf_printf (
            out, "%*s%s: %s\n", indent, "", key, job_duration_text ((int64_t) duration_us).text);
}

/*  In a list between brackets the signs of lists and maps have a meaning; plain texts do not hold
    them.  */
static void write_list (const bg_slice *texts, size_t count, bg_buf *out)
{
    bg_buf_append_byte (out, '[');
    for (size_t i = 0; i < count; i++) {
        bg_buf_append_str (out, i > 0 ? ", " : "");
        write_text (texts[i], out);
    }
    bg_buf_append_byte (out, ']');
}

static void write_environment (int indent, const wire_pair *pairs, size_t count, bg_buf *out)
{
    if (count == 0)
        return;
    bg_buf_printf (out, "%*senvironment:\n", indent, "");
    for (size_t i = 0; i < count; i++) {
        BG_AUTO_BUF shown = {0};
        if (is_plain (pairs[i].key))
            bg_buf_append_slice (&shown, pairs[i].key);
        else
            write_quoted (pairs[i].key, &shown);
        write_pair (indent + 2, bg_buf_cstr (&shown), pairs[i].value, out);
    }
}

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
        write_list (&one, 1, out);
    } else {
        write_list (audience->names, audience->names_count, out);
    }
    bg_buf_append_byte (out, '\n');
}

static void write_targets (const wire_audience *audience, bg_buf *out)
{
    bg_buf_append_str (out, "targets:\n");
    if (audience->all)
        bg_buf_append_str (out, "  all: true\n");
    if (audience->groups_count == 1) {
        write_pair (2, "group", audience->groups[0], out);
    } else if (audience->groups_count > 1) {
        bg_buf_append_str (out, "  groups: ");
        write_list (audience->groups, audience->groups_count, out);
        bg_buf_append_byte (out, '\n');
    }
    write_optional (2, "labels", audience->labels, out);
    if (audience->names_count > 0)
        write_names (audience, out);
}

/*  ---- schedules and start ----  */

static void write_schedules (const wire_job *job, bg_buf *out)
{
    if (job->schedules_count > 0)
        bg_buf_append_str (out, "schedules:\n");
    for (size_t i = 0; i < job->schedules_count; i++) {
        const wire_job_schedule *schedule = &job->schedules[i];
        bg_buf_append_str (out, "  - name: ");
        write_text (schedule->name, out);
        bg_buf_append_byte (out, '\n');
        write_optional (4, "cron", schedule->cron, out);
        write_duration (4, "every", schedule->every_us, out);
        write_optional (4, "zone", schedule->zone, out);
    }
}

static void write_start (const wire_job *job, bg_buf *out)
{
    static const char *const words[] = {"login", "broker", "nobody"};
    if (job->start_by == 0 && job->at_most == 0 && job->max_starts == 0)
        return;
    bg_buf_append_str (out, "start:\n");
    if (job->start_by > 0 && job->start_by < sizeof words / sizeof words[0])
        bg_buf_printf (out, "  by: %s\n", words[job->start_by]);
    if (job->at_most > 0)
        bg_buf_printf (out, "  at_most: %llu per %s\n", (unsigned long long) job->at_most,
            job_duration_text ((int64_t) job->at_most_period_us).text);
    if (job->max_starts > 0)
        bg_buf_printf (out, "  max_starts: %llu\n", (unsigned long long) job->max_starts);
}

/*  ---- steps ----  */

static void write_action (
    const wire_job *job, const char *key, uint64_t action, uint64_t step, bg_buf *out)
{
    static const char *const words[] = {NULL, "next", "succeed", "fail"};
    if (action == WIRE_FLOW_GOTO && step >= 1 && step <= job->steps_count) {
        BG_AUTO_BUF text = {0};
        bg_buf_printf (&text, "goto %.*s", BG_SLICE_ARG (job->steps[step - 1].name));
        write_pair (4, key, bg_buf_slice (&text), out);
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

static void write_step (const wire_job *job, const wire_job_step *step, bg_buf *out)
{
    bg_buf_append_str (out, "  - name: ");
    write_text (step->name, out);
    bg_buf_append_byte (out, '\n');
    if (step->argv_count > 0) {
        bg_buf_append_str (out, "    run: ");
        write_list (step->argv, step->argv_count, out);
        bg_buf_append_byte (out, '\n');
    }
    const bool names_another = step->script.size >= 2 && memcmp (step->script.data, "#!", 2) == 0;
    if (step->shell_count == 0 && names_another) {
        bg_buf_append_str (out, "    shell: /bin/sh\n"); /*  or it is refused when it is read  */
    } else if (step->shell_count > 0) {
        bg_buf_append_str (out, "    shell: ");
        write_list (step->shell, step->shell_count, out);
        bg_buf_append_byte (out, '\n');
    }
    write_optional (4, "script", step->script, out);
    write_environment (4, step->environment, step->environment_count, out);
    write_optional (4, "directory", step->directory, out);
    write_duration (4, "timeout", step->timeout_us, out);
    write_duration (4, "grace", step->grace_us, out);
    write_retry (step, out);
    write_action (job, "on_success", step->on_success, step->success_step, out);
    write_action (job, "on_failure", step->on_failure, step->failure_step, out);
}

void job_yaml_write (const wire_job *job, bg_buf *out)
{
    write_pair (0, "job", job->name, out);
    write_optional (0, "description", job->description, out);
    write_optional (0, "category", job->category, out);
    write_targets (&job->audience, out);
    write_schedules (job, out);
    write_start (job, out);
    write_environment (0, job->environment, job->environment_count, out);
    bg_buf_append_str (out, "steps:\n");
    for (size_t i = 0; i < job->steps_count; i++)
        write_step (job, &job->steps[i], out);
}
