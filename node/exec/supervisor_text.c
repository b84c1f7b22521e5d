/*  Texts of a step: see supervisor_text.h.

    Values come from the plan (they hold for the whole run) and from here (those of the step and of the
    moment). In the environment the step's own names go over the job's, these over what comes with the
    account; the names of tokens are nobody else's (common/job/body.c).
*/
#include "node/exec/supervisor_text.h"

#include "common/job/civil.h"
#include "common/job/tokens.h"
#include "node/exec/machine.h"

#include <string.h>

#define TEXT_BYTES_MAX ((size_t) 1 << 20) /*  of one text with its tokens replaced  */

typedef struct {
    bg_arena *arena;
    job_token_values values;
    char **items; /*  NAME=value, the one that counts first  */
    size_t count;
} room;

/*  ---- values ----  */

static void set (room *r, job_token token, bg_slice value)
{
    r->values.values[token] = value;
}

static void set_moment (room *r, const wire_plan_step *step, const step_moment *moment)
{
    int64_t local_us =
        moment->utc_us + INT64_C (1000000) * exec_machine_utc_offset_s (moment->utc_us);
    job_civil civil = job_civil_from_seconds (job_floor_div (local_us, 1000000));
    set (r, JOB_TOKEN_DATE,
        bg_arena_printf (r->arena, "%04d%02d%02d", civil.year, civil.month, civil.day));
    set (r, JOB_TOKEN_TIME,
        bg_arena_printf (r->arena, "%02d%02d%02d", civil.hour, civil.minute, civil.second));
    set (r, JOB_TOKEN_STEPNAME, step->name);
    set (r, JOB_TOKEN_STEPID, bg_arena_printf (r->arena, "%zu", moment->number));
    set (r, JOB_TOKEN_STEPCT,
        bg_arena_printf (r->arena, "%llu", (unsigned long long) moment->count));
    set (r, JOB_TOKEN_ATTEMPT,
        bg_arena_printf (r->arena, "%llu", (unsigned long long) moment->attempt));
}

static void set_values (room *r, const wire_plan *plan)
{
    const size_t prefix = sizeof JOB_VARIABLE_PREFIX - 1;
    job_variable *variables = bg_arena_array (r->arena, job_variable, plan->tokens_count + 1);
    for (size_t i = 0; i < plan->tokens_count; i++) {
        bg_slice name = plan->tokens[i].name;
        if (name.size > prefix && memcmp (name.data, JOB_VARIABLE_PREFIX, prefix) == 0)
            variables[r->values.variable_count++] = (job_variable){
                bg_slice_of (name.data + prefix, name.size - prefix), plan->tokens[i].value};
        for (size_t token = 0; token < JOB_TOKEN_COUNT; token++) {
            if (bg_slice_is (name, job_token_name ((job_token) token)))
                set (r, (job_token) token, plan->tokens[i].value);
        }
    }
    r->values.variables = variables;
}

static bg_result expand (room *r, const char *what, bg_slice text, bg_slice *out, bg_error *err)
{
    BG_AUTO_BUF buf = {0};
    bg_result result = job_tokens_expand (text, &r->values, &buf, err);
    if (bg_is_ok (result) && buf.size > TEXT_BYTES_MAX)
        result = bg_fail (err, BG_TOO_LARGE, "longer than %zu bytes once its tokens are replaced",
            TEXT_BYTES_MAX);
    if (bg_failed (result))
        return bg_prefix (err, "%s", what);
    *out = bg_arena_copy (r->arena, bg_buf_slice (&buf));
    return bg_ok ();
}

static bg_result expand_str (
    room *r, const char *what, bg_slice text, const char **out, bg_error *err)
{
    bg_slice value;
    BG_TRY (expand (r, what, text, &value, err));
    *out = bg_arena_str (r->arena, value);
    return bg_ok ();
}

/*  ---- environment ----  */

static void add_pair (room *r, bg_slice name, bg_slice value)
{
    for (size_t i = 0; i < r->count; i++) {
        const char *item = r->items[i];
        if (strncmp (item, (const char *) name.data, name.size) == 0 && item[name.size] == '=')
            return;
    }
    bg_slice pair =
        bg_arena_printf (r->arena, "%.*s=%.*s", BG_SLICE_ARG (name), BG_SLICE_ARG (value));
    r->items[r->count++] = bg_arena_str (r->arena, pair);
}

static bg_result add_all (room *r, const wire_variable *items, size_t count, bg_error *err)
{
    for (size_t i = count; i-- > 0;) {
        bg_slice value;
        BG_TRY (expand (r, "environment", items[i].value, &value, err));
        add_pair (r, items[i].name, value);
    }
    return bg_ok ();
}

static void add_tokens (room *r)
{
    bg_slice pairs[JOB_TOKEN_COUNT];
    job_tokens_environment (&r->values, r->arena, pairs);
    for (size_t i = 0; i < JOB_TOKEN_COUNT; i++)
        r->items[r->count++] = bg_arena_str (r->arena, pairs[i]);
    bg_slice *variables = bg_arena_array (r->arena, bg_slice, r->values.variable_count + 1);
    job_tokens_variables (&r->values, r->arena, variables);
    for (size_t i = 0; i < r->values.variable_count; i++)
        r->items[r->count++] = bg_arena_str (r->arena, variables[i]);
}

static bg_result make_environment (
    room *r, const wire_plan *plan, const wire_plan_step *step, step_text *out, bg_error *err)
{
    size_t most = plan->environment_count + step->environment_count + JOB_TOKEN_COUNT +
                  r->values.variable_count + 1;
    r->items = bg_arena_array (r->arena, char *, most);
    add_tokens (r);
    BG_TRY (add_all (r, step->environment, step->environment_count, err));
    BG_TRY (add_all (r, plan->environment, plan->environment_count, err));
    out->environment = r->items;
    for (size_t i = 0; i < r->count; i++) {
        if (strncmp (r->items[i], "PATH=", 5) == 0)
            out->path = r->items[i] + 5;
    }
    return bg_ok ();
}

/*  ---- all ----  */

static bg_result make_argv (room *r, const wire_plan_step *step, step_text *out, bg_error *err)
{
    out->argv = bg_arena_array (r->arena, char *, step->argv_count + 2);
    out->argc = step->argv_count;
    for (size_t i = 0; i < step->argv_count; i++) {
        bg_slice word;
        BG_TRY (expand (r, "run", step->argv[i], &word, err));
        out->argv[i] = bg_arena_str (r->arena, word);
    }
    return bg_ok ();
}

bg_result step_text_make (const wire_plan *plan, const wire_plan_step *step,
    const step_moment *moment, bg_arena *arena, step_text *out, bg_error *err)
{
    room r = {.arena = arena};
    *out = (step_text){0};
    set_values (&r, plan);
    set_moment (&r, step, moment);
    BG_TRY (make_argv (&r, step, out, err));
    if (step->script.size)
        BG_TRY (expand (&r, "script", step->script, &out->script, err));
    BG_TRY (expand_str (&r, "directory", step->directory, &out->directory, err));
    if (step->output_file.size)
        BG_TRY (expand_str (&r, "output file", step->output_file, &out->output_file, err));
    if (out->output_file && out->output_file[0] != '/')
        return bg_fail (err, BG_INVALID,
            "the output file %.200s is no absolute path once its tokens are replaced",
            out->output_file);
    if (out->directory[0] != '/')
        return bg_fail (err, BG_INVALID,
            "the directory %.200s is no absolute path once its tokens are replaced",
            out->directory);
    return make_environment (&r, plan, step, out, err);
}
