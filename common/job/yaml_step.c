/*  Reading `steps` of a job file.

    Two passes: first every step by itself, then the actions, since a goto may name a step further
    down.  */
#include "common/job/yaml_read.h"

#include "common/base/nearest.h"
#include "common/job/body.h"
#include "common/job/duration.h"
#include "common/job/names.h"

#define STEP_MAX_OF(field) job_yaml_max (&wire_desc_job_step, field)
#define MIN_US             JOB_DURATION_STEP_US

static const char default_shell[] = "/bin/sh";

/*  Arguments: all texts on one line; the first one is a program and not empty.  */
static void read_arguments (
    job_yaml_reader *self, const bg_yaml *list, const char *field, bg_slice **texts, size_t *count)
{
    size_t max = STEP_MAX_OF (field), max_each = job_yaml_max_each (&wire_desc_job_step, field);
    if (list->count > max) {
        bg_yaml_error (self->file, list, self->diag, NULL,
            "more than %zu items; put the command into a script", max);
        return;
    }
    bg_slice *made = bg_arena_array (self->arena, bg_slice, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const bg_yaml *item = list->items[i];
        if (bg_yaml_is_absent (item))
            bg_yaml_error (self->file, item, self->diag, NULL,
                "an item has no value; write \"\" for an empty argument");
        else if (i > 0 && item->kind == BG_YAML_SCALAR && item->text.size == 0)
            continue;
        else if (job_yaml_text (
                     self, item, i == 0 ? "the program" : "an argument", max_each, false, &made[i]))
            job_yaml_tokens (self, item);
    }
    *texts = made;
    *count = list->count;
}

void job_yaml_read_run (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    step->kind = WIRE_STEP_RUN;
    if (value->kind == BG_YAML_SCALAR) {
        bg_yaml_error (self->file, value, self->diag, NULL,
            "run must be a list of a program and its arguments; for a line of shell write script");
        return;
    }
    if (job_yaml_is_list (self, value, "run", "[program, argument]"))
        read_arguments (self, value, "argv", &step->argv, &step->argv_count);
}

void job_yaml_read_script (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    step->kind = WIRE_STEP_SCRIPT;
    if (job_yaml_text (self, value, "script", STEP_MAX_OF ("script"), true, &step->script))
        job_yaml_tokens (self, value);
}

void job_yaml_read_shell (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    if (value->kind == BG_YAML_SCALAR) {
        if (memchr (value->text.data, ' ', value->text.size)) {
            bg_yaml_error (self->file, value, self->diag, NULL,
                "shell with arguments must be a list, such as [/bin/bash, -e]");
            return;
        }
        step->shell = bg_arena_array (self->arena, bg_slice, 1);
        if (job_yaml_text (self, value, "shell", job_yaml_max_each (&wire_desc_job_step, "shell"),
                false, &step->shell[0])) {
            job_yaml_tokens (self, value);
            step->shell_count = 1;
        }
    } else if (job_yaml_is_list (self, value, "shell", "/bin/bash or [/bin/bash, -e]")) {
        read_arguments (self, value, "shell", &step->shell, &step->shell_count);
    }
    if (step->shell_count == 1 && bg_slice_is (step->shell[0], default_shell)) {
        step->shell = NULL;
        step->shell_count = 0;
    }
}

void job_yaml_read_step_environment (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    job_yaml_environment (self, value, &step->environment, &step->environment_count);
}

void job_yaml_read_directory (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    bg_error err = {0};
    bg_slice path;
    if (!job_yaml_text (self, value, "directory", STEP_MAX_OF ("directory"), false, &path))
        return;
    if (bg_failed (job_directory_valid (path, &err)))
        job_yaml_refuse (self, value, 0, NULL, &err);
    job_yaml_tokens (self, value);
    step->directory = path;
}

void job_yaml_read_proxy (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    bg_error err = {0};
    bg_slice name;
    if (!job_yaml_text (self, value, "as", STEP_MAX_OF ("as"), false, &name))
        return;
    if (bg_failed (job_proxy_name_valid (name, &err)))
        job_yaml_refuse (self, value, 0, NULL, &err);
    else
        step->as = name;
}

void job_yaml_read_umask (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    bg_slice text;
    uint64_t umask = 0;
    if (!job_yaml_text (self, value, "umask", 16, false, &text))
        return;
    bool is_octal = text.size >= 1 && text.size <= 4;
    for (size_t i = 0; is_octal && i < text.size; i++) {
        is_octal = text.data[i] >= '0' && text.data[i] <= '7';
        umask = umask * 8 + (uint64_t) (text.data[i] - '0');
    }
    if (!is_octal || umask > 0777) {
        bg_yaml_error (self->file, value, self->diag, NULL,
            "umask must be octal digits from 000 to 777, such as 027, not \"%s\"",
            (const char *) text.data);
        return;
    }
    if (umask == JOB_UMASK)
        return;
    step->has_umask = true;
    step->umask = umask;
}

/*  ---- standard input ----  */

void job_yaml_read_stdin (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    if (value->kind == BG_YAML_SCALAR && value->text.size == 0)
        return;
    (void) job_yaml_text (self, value, "stdin", STEP_MAX_OF ("input"), true, &step->input);
}

void job_yaml_read_stdin_base64 (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    BG_AUTO_BUF bytes = {0};
    bg_slice text;
    const size_t max = STEP_MAX_OF ("input");
    if (!job_yaml_text (self, value, "stdin_base64", max * 2, true, &text))
        return;
    if (!job_base64_decode (text, &bytes) || bytes.size == 0 || bytes.size > max)
        bg_yaml_error (self->file, value, self->diag, NULL,
            "stdin_base64 must be base64 of 1 to %zu bytes; for a text write stdin", max);
    else
        step->input = bg_arena_copy (self->arena, bg_buf_slice (&bytes));
}

/*  ---- success codes ----  */

/*  3 or 10-20 into the set; false and a mistake for anything else.  */
static bool add_codes (job_yaml_reader *self, const bg_yaml *node, bool *codes)
{
    bg_slice text;
    unsigned ends[2] = {0};
    size_t count = 0, at = 0;
    if (!job_yaml_text (self, node, "a success code", 16, false, &text))
        return false;
    bool is_good = true;
    while (is_good && count < 2) {
        size_t begin = at;
        while (at < text.size && at < begin + 3 && text.data[at] >= '0' && text.data[at] <= '9')
            ends[count] = ends[count] * 10 + (unsigned) (text.data[at++] - '0');
        is_good = at > begin && ends[count] <= 255;
        count++;
        if (at == text.size || text.data[at] != '-')
            break;
        at++;
    }
    if (count == 1)
        ends[1] = ends[0];
    if (!is_good || at != text.size || ends[1] < ends[0]) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "a success code is a number from 0 to 255, or a range such as \"10-20\", not \"%s\"",
            (const char *) text.data);
        return false;
    }
    for (unsigned code = ends[0]; code <= ends[1]; code++)
        codes[code] = true;
    return true;
}

void job_yaml_read_success_codes (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    bool codes[256] = {false};
    size_t count = 0;
    if (value->kind == BG_YAML_SCALAR) {
        if (!add_codes (self, value, codes))
            return;
    } else if (!job_yaml_is_list (self, value, "success_codes", "[0, 3, \"10-20\"]")) {
        return;
    }
    for (size_t i = 0; i < value->count; i++)
        (void) add_codes (self, value->items[i], codes);
    for (size_t i = 0; i < 256; i++)
        count += codes[i];
    if (count == 0 || (count == 1 && codes[0]))
        return; /*  0 alone is the default  */
    step->success_codes = bg_arena_array (self->arena, uint64_t, count);
    for (size_t i = 0; i < 256; i++) {
        if (codes[i])
            step->success_codes[step->success_codes_count++] = i;
    }
}

/*  ---- output, limits ----  */

void job_yaml_read_output_file (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    bg_error err = {0};
    bg_slice path;
    if (!job_yaml_text (self, value, "file", STEP_MAX_OF ("output_file"), false, &path))
        return;
    if (bg_failed (job_output_file_valid (path, &err)))
        job_yaml_refuse (self, value, 0, NULL, &err);
    job_yaml_tokens (self, value);
    step->output_file = path;
}

static void refuse_empty (job_yaml_reader *self, const bg_yaml *value, const char *what)
{
    if (value->kind == BG_YAML_MAP && value->count == 0)
        bg_yaml_error (self->file, value, self->diag, NULL, "%s is empty; leave it out", what);
}

void job_yaml_read_output (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    if (!job_yaml_map (self, value, JOB_MAP_OUTPUT, step))
        return;
    refuse_empty (self, value, "output");
    const bg_yaml *append = job_yaml_key (value, "append");
    if (append && !job_yaml_key (value, "file"))
        bg_yaml_error (self->file, append, self->diag, NULL,
            "append belongs to file; write file: PATH with it");
    static const char *const shown[] = {"head", "tail"};
    for (size_t i = 0; i < JOB_COUNT_OF (shown); i++) {
        const bg_yaml *key = job_yaml_key (value, shown[i]);
        if (key && step->output_quiet)
            bg_yaml_error (self->file, key, self->diag, NULL,
                "with history: no there is no %s; leave it out", shown[i]);
    }
}

void job_yaml_read_percent (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_limits *limits = target;
    const uint64_t max = job_yaml_max (&wire_desc_limits, "cpu_percent");
    bg_slice text;
    uint64_t percent = 0;
    if (!job_yaml_text (self, value, "cpu", 16, false, &text))
        return;
    size_t at = 0;
    while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9' && percent <= max)
        percent = percent * 10 + (uint64_t) (text.data[at++] - '0');
    if (at == 0 || at + 1 != text.size || text.data[at] != '%' || percent < 1 || percent > max)
        bg_yaml_error (self->file, value, self->diag, NULL,
            "cpu must be a number of percent, such as 50%% for half a processor or 200%% for two, "
            "1 to %llu, not \"%s\"",
            (unsigned long long) max, (const char *) text.data);
    else
        limits->cpu_percent = percent;
}

void job_yaml_read_limits (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    if (!job_yaml_map (self, value, JOB_MAP_LIMITS, &step->limits))
        return;
    refuse_empty (self, value, "limits");
    step->has_limits = value->count > 0;
}

/*  ---- retry ----  */

void job_yaml_read_retry (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    if (!job_yaml_map (self, value, JOB_MAP_RETRY, step))
        return;
    if (bg_yaml_find (value, "attempts") < 0)
        job_yaml_missing (self, value, "retry does not say how often", "{attempts: 3, every: 5m}");
    bool is_default = step->retry_every_us == (uint64_t) JOB_RETRY_EVERY_US;
    if (step->retry_attempts == 0 || is_default)
        step->retry_every_us = 0;
}

/*  A script is handed to its shell, so a first line that names another one would be a comment: told
    instead of run under the wrong interpreter.  */
static void refuse_interpreter (job_yaml_reader *self, const bg_yaml *script)
{
    static const char plain[] = "#!/bin/sh";
    if (script->kind != BG_YAML_SCALAR || script->text.size < 2 ||
        memcmp (script->text.data, "#!", 2) != 0)
        return;
    const char *line = (const char *) script->text.data;
    size_t end = strcspn (line, "\n");
    BG_AUTO_BUF words = {0};
    for (size_t at = 2; at < end;) {
        size_t size = strcspn (line + at, " \t\r\n");
        if (size > 0)
            bg_buf_printf (&words, "%s%.*s", words.size > 0 ? ", " : "", (int) size, line + at);
        at += size > 0 ? size : 1;
    }
    if (bg_slice_is (bg_buf_slice (&words), plain + 2))
        return;
    bg_yaml_error (self->file, script, self->diag, NULL,
        "the script runs under %s whatever its line #! says; write shell: [%s] and leave that line "
        "out",
        default_shell, words.size > 0 ? bg_buf_cstr (&words) : "/bin/bash");
}

static void read_step (job_yaml_reader *self, const bg_yaml *node, wire_job_step *step)
{
    if (!job_yaml_map (self, node, JOB_MAP_STEP, step))
        return;
    const bg_yaml *run = job_yaml_key (node, "run"), *script = job_yaml_key (node, "script");
    const bg_yaml *shell = job_yaml_key (node, "shell");
    bool is_later = bg_yaml_find (node, "sql") >= 0 || bg_yaml_find (node, "http") >= 0;
    if (bg_yaml_find (node, "name") < 0)
        job_yaml_missing (self, node, "a step has no name", "name: dump");
    if (run && script)
        bg_yaml_error (self->file, script, self->diag, NULL,
            "a step has either run or script, not both; make two of it");
    else if (!run && !script && !is_later)
        job_yaml_missing (
            self, node, "a step has nothing to do", "run: [program, argument] or script: ...");
    if (script && !shell)
        refuse_interpreter (self, bg_yaml_get (node, "script"));
    const bg_yaml *text = job_yaml_key (node, "stdin");
    const bg_yaml *bytes = job_yaml_key (node, "stdin_base64");
    if (text && bytes)
        bg_yaml_error (self->file, bytes, self->diag, NULL,
            "a step has either stdin or stdin_base64, not both");
    if (shell && run && !script)
        bg_yaml_error (self->file, shell, self->diag, NULL,
            "shell belongs to script; run starts its program without one");
}

/*  ---- actions ----  */

void job_yaml_refuse_step (
    job_yaml_reader *self, const bg_yaml *node, const wire_job *job, bg_slice name, size_t offset)
{
    const char *words[64];
    size_t count = 0;
    for (size_t i = 0; i < job->steps_count && count < JOB_COUNT_OF (words); i++) {
        if (job->steps[i].name.size > 0)
            words[count++] = (const char *) job->steps[i].name.data;
    }
    bg_yaml_error_at (self->file, node, offset, self->diag, bg_nearest (name, words, count),
        "there is no step \"%.*s\" in this job", BG_SLICE_ARG (name));
}

static void read_goto (job_yaml_reader *self, const bg_yaml *node, const wire_job *job,
    uint64_t *action, uint64_t *step)
{
    size_t at = strlen ("goto");
    while (at < node->text.size && node->text.data[at] == ' ')
        at++;
    bg_slice name = bg_slice_of (node->text.data + at, node->text.size - at);
    if (name.size == 0) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "goto does not say where; write goto and the name of a step");
        return;
    }
    int index = job_body_find_step (job, name);
    if (index < 0) {
        job_yaml_refuse_step (self, node, job, name, at);
        return;
    }
    *action = WIRE_FLOW_GOTO;
    *step = (uint64_t) index + 1;
}

static bool is_goto (const bg_yaml *node)
{
    static const char word[] = "goto";
    const size_t size = sizeof word - 1;
    return node->kind == BG_YAML_SCALAR && node->text.size >= size &&
           memcmp (node->text.data, word, size) == 0 &&
           (node->text.size == size || node->text.data[size] == ' ');
}

/*  key is on_success or on_failure; its default leaves the fields alone.  */
static void read_action (job_yaml_reader *self, const bg_yaml *map, const char *key,
    uint64_t otherwise, const wire_job *job, uint64_t *action, uint64_t *step)
{
    static const char *const words[] = {"next", "succeed", "fail", "goto NAME"};
    static const uint64_t actions[] = {WIRE_FLOW_NEXT, WIRE_FLOW_SUCCEED, WIRE_FLOW_FAIL};
    const bg_yaml *node = bg_yaml_get (map, key);
    if (!node || bg_yaml_is_absent (node))
        return;
    if (is_goto (node)) {
        read_goto (self, node, job, action, step);
        return;
    }
    int choice = job_yaml_choice (self, node, key, words, JOB_COUNT_OF (words));
    if (choice >= 0 && choice < 3 && actions[choice] != otherwise)
        *action = actions[choice];
}

static void refuse_twice (
    job_yaml_reader *self, const bg_yaml *list, const wire_job *job, size_t index)
{
    bg_slice name = job->steps[index].name;
    int first = job_body_find_step (job, name);
    if (name.size == 0 || first < 0 || (size_t) first == index)
        return;
    bg_yaml_error (self->file, bg_yaml_get (list->items[index], "name"), self->diag, NULL,
        "the name \"%s\" is taken by the step in line %u", (const char *) name.data,
        list->items[first]->line);
}

void job_yaml_read_steps (job_yaml_reader *self, const bg_yaml *node, void *target)
{
    wire_job *job = target;
    size_t max = job_yaml_max (&wire_desc_job, "steps");
    if (!job_yaml_is_list (self, node, "steps", "- {name: dump, run: [pg_dumpall]}"))
        return;
    if (node->count > max) {
        bg_yaml_error (self->file, node, self->diag, NULL, "a job has at most %zu steps", max);
        return;
    }
    job->steps = bg_arena_array (self->arena, wire_job_step, node->count);
    job->steps_count = node->count;
    for (size_t i = 0; i < node->count; i++)
        read_step (self, node->items[i], &job->steps[i]);
    for (size_t i = 0; i < node->count; i++) {
        wire_job_step *step = &job->steps[i];
        read_action (self, node->items[i], "on_success", WIRE_FLOW_NEXT, job, &step->on_success,
            &step->success_step);
        read_action (self, node->items[i], "on_failure", WIRE_FLOW_FAIL, job, &step->on_failure,
            &step->failure_step);
        refuse_twice (self, node, job, i);
    }
    job_yaml_warn_flow (self, node, job);
}
