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

static void read_name (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    job_yaml_name (self, value, "name of a step", STEP_MAX_OF ("name"), &step->name);
}

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

static void read_run (job_yaml_reader *self, const bg_yaml *value, void *target)
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

static void read_script (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    step->kind = WIRE_STEP_SCRIPT;
    if (job_yaml_text (self, value, "script", STEP_MAX_OF ("script"), true, &step->script))
        job_yaml_tokens (self, value);
}

static void read_shell (job_yaml_reader *self, const bg_yaml *value, void *target)
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

static void read_environment (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    job_yaml_environment (self, value, &step->environment, &step->environment_count);
}

static void read_directory (job_yaml_reader *self, const bg_yaml *value, void *target)
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

static void read_timeout (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    job_yaml_duration (
        self, value, "timeout", MIN_US, "leave it out for no limit", &step->timeout_us);
}

static void read_grace (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    job_yaml_duration (self, value, "grace", MIN_US, NULL, &step->grace_us);
    if (step->grace_us == (uint64_t) JOB_GRACE_US)
        step->grace_us = 0;
}

/*  ---- retry ----  */

static void read_attempts (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    job_yaml_number (
        self, value, "attempts", 0, STEP_MAX_OF ("retry_attempts"), &step->retry_attempts);
}

static void read_retry_every (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    job_yaml_duration (self, value, "every", MIN_US, NULL, &step->retry_every_us);
}

static const job_yaml_key retry_keys[] = {
    {"attempts", read_attempts},
    {"every", read_retry_every},
    {"backoff", NULL},
    {"jitter", NULL},
};

static void read_retry (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_step *step = target;
    if (!job_yaml_map (self, value, "retry", retry_keys, JOB_COUNT_OF (retry_keys), step))
        return;
    if (bg_yaml_find (value, "attempts") < 0)
        job_yaml_missing (self, value, "retry does not say how often", "{attempts: 3, every: 5m}");
    bool is_default = step->retry_every_us == (uint64_t) JOB_RETRY_EVERY_US;
    if (step->retry_attempts == 0 || is_default)
        step->retry_every_us = 0;
}

/*  The actions are looked at in the second pass.  */
static void keep_action (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    (void) self;
    (void) value;
    (void) target;
}

static const job_yaml_key step_keys[] = {
    {"name", read_name},
    {"run", read_run},
    {"script", read_script},
    {"shell", read_shell},
    {"environment", read_environment},
    {"directory", read_directory},
    {"timeout", read_timeout},
    {"grace", read_grace},
    {"retry", read_retry},
    {"on_success", keep_action},
    {"on_failure", keep_action},
    {"as", NULL},
    {"umask", NULL},
    {"stdin", NULL},
    {"success_codes", NULL},
    {"output", NULL},
    {"limits", NULL},
    {"sql", NULL},
    {"http", NULL},
    {"secrets", NULL},
};

static const bg_yaml *key_node (const bg_yaml *map, const char *key)
{
    int index = bg_yaml_find (map, key);
    return index < 0 ? NULL : map->keys[index];
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
    if (!job_yaml_map (self, node, "a step", step_keys, JOB_COUNT_OF (step_keys), step))
        return;
    const bg_yaml *run = key_node (node, "run"), *script = key_node (node, "script");
    const bg_yaml *shell = key_node (node, "shell");
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
    if (shell && run && !script)
        bg_yaml_error (self->file, shell, self->diag, NULL,
            "shell belongs to script; run starts its program without one");
}

/*  ---- actions ----  */

static void refuse_goto (
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
        refuse_goto (self, node, job, name, at);
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
    int choice =
        job_yaml_choice (self, node, key, words, JOB_COUNT_OF (words), JOB_COUNT_OF (words));
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
}
