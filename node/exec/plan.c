/*  Plans: a verified job becomes what a supervisor does, with nothing left to decide but the
    flow.

    Everything that reaches argv, environment, directory or script comes from the signed job,
    the target's own signed membership, the machine and this program; nothing of it from the
    node. Texts stay as signed: the supervisor replaces their tokens when a step begins (ADR 16), by the
    values that hold for the whole run and are put into the plan here.
*/
#include "node/exec/core_private.h"

#include "common/job/civil.h"
#include "common/job/tokens.h"

#include <stdio.h>

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define GRACE_US     BG_SEC (10)
#define HEAD_BYTES   4096
#define TAIL_BYTES   12288
#define RUN_BYTES    (192 * 1024)
#define KEEP_BYTES   (1024 * 1024)
#define TOKENS_OWN   16 /*  set by set_token below, at most  */
#define UMASK        022

/*  A list of names and values under way.  */
typedef struct {
    bg_arena *arena;
    wire_variable *items;
    size_t count;
    size_t capacity;
} room;

static room make_room (bg_arena *arena, size_t capacity)
{
    return (room){.arena = arena,
        .items = bg_arena_array (arena, wire_variable, capacity),
        .capacity = capacity};
}

static void set_variable (room *r, bg_slice name, bg_slice value)
{
    for (size_t i = 0; i < r->count; i++) {
        if (bg_slice_equal (r->items[i].name, name)) {
            r->items[i].value = value;
            return;
        }
    }
    bg_assert (r->count < r->capacity);
    r->items[r->count++] = (wire_variable){name, value};
}

static void set_pairs (room *r, const wire_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        set_variable (r, pairs[i].key, pairs[i].value);
}

static bg_slice text_of (room *r, const char *text)
{
    return bg_arena_copy (r->arena, bg_slice_str (text));
}

/*  ---- values ----  */

static void set_token (room *r, job_token token, bg_slice value)
{
    set_variable (r, bg_slice_str (job_token_name (token)), value);
}

static bg_slice id_value (room *r, bg_id id)
{
    return bg_id_is_zero (id) ? (bg_slice){NULL, 0}
                              : bg_arena_copy (r->arena, bg_slice_str (bg_id_text (id).text));
}

static void set_due (const exec_core *self, bg_now now, const wire_run *run, room *r)
{
    int64_t due_us = run->nominal_us ? run->nominal_us : now.utc_us;
    int64_t local_us =
        due_us + INT64_C (1000000) * self->ports.utc_offset_s (self->ports.ctx, due_us);
    job_civil civil = job_civil_from_seconds (job_floor_div (local_us, 1000000));
    set_token (r, JOB_TOKEN_STRTDT,
        bg_arena_printf (r->arena, "%04d%02d%02d", civil.year, civil.month, civil.day));
    set_token (r, JOB_TOKEN_STRTTM,
        bg_arena_printf (r->arena, "%02d%02d%02d", civil.hour, civil.minute, civil.second));
}

/*  Variables of the signed membership, as far as a token can name them.  */
static void set_target_variables (const wire_membership *member, room *r)
{
    for (size_t i = 0; i < member->variables_count; i++) {
        const wire_pair *pair = &member->variables[i];
        if (bg_is_ok (job_variable_name_valid (pair->key, NULL)))
            set_variable (r,
                bg_arena_printf (r->arena, JOB_VARIABLE_PREFIX "%.*s", BG_SLICE_ARG (pair->key)),
                pair->value);
    }
}

/*  What holds for the whole run; the rest is the supervisor's.  */
static void make_tokens (
    const exec_core *self, bg_now now, const wire_run *run, bg_arena *arena, wire_plan *plan)
{
    const wire_membership *member = &self->member.body;
    room r = make_room (arena, TOKENS_OWN + member->variables_count);
    bg_slice host = wire_fit_text (bg_slice_str (self->config.host), 255, false, arena);
    set_token (&r, JOB_TOKEN_JOBNAME, run->job_name);
    set_token (&r, JOB_TOKEN_JOBID, id_value (&r, run->job_key));
    set_token (&r, JOB_TOKEN_MACH, host);
    /*  A machine that was never enlisted goes by its own name.  */
    set_token (&r, JOB_TOKEN_TARGET, self->member.version ? member->name : host);
    set_token (&r, JOB_TOKEN_TARGETID, id_value (&r, member->target));
    set_token (&r, JOB_TOKEN_RUNID, id_value (&r, run->run));
    set_token (&r, JOB_TOKEN_EXECID, id_value (&r, run->exec));
    set_token (&r, JOB_TOKEN_SCHEDULE, run->schedule);
    if (self->keyring)
        set_token (&r, JOB_TOKEN_BROKER, wire_keyring_authority (self->keyring)->name);
    set_due (self, now, run, &r);
    set_target_variables (member, &r);
    plan->tokens = r.items;
    plan->tokens_count = r.count;
}

/*  ---- environment ----  */

/*  What every step has, over what comes with its account.  */
static void make_environment (const wire_job *job, bg_arena *arena, wire_plan *plan)
{
    room r = make_room (arena, 2 + job->environment_count);
    set_variable (&r, bg_slice_str ("PATH"), bg_slice_str (PATH_DEFAULT));
    set_variable (&r, bg_slice_str ("LANG"), bg_slice_str ("C.UTF-8"));
    set_pairs (&r, job->environment, job->environment_count);
    plan->environment = r.items;
    plan->environment_count = r.count;
}

static bool names (const wire_pair *pairs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (bg_slice_is (pairs[i].key, name))
            return true;
    }
    return false;
}

/*  The account's own variables, where the job does not say otherwise, and the step's over all.  */
static void make_step_environment (bg_arena *arena, const wire_job *job, const wire_job_step *step,
    const exec_account *account, wire_plan_step *out)
{
    const struct {
        const char *name;
        const char *value;
    } own[] = {{"HOME", account->home}, {"USER", account->name}, {"LOGNAME", account->name},
        {"SHELL", account->shell}};
    room r = make_room (arena, sizeof own / sizeof *own + step->environment_count);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (!names (job->environment, job->environment_count, own[i].name))
            set_variable (&r, bg_slice_str (own[i].name), text_of (&r, own[i].value));
    }
    set_pairs (&r, step->environment, step->environment_count);
    out->environment = r.items;
    out->environment_count = r.count;
}

/*  ---- steps ----  */

static void make_argv (const wire_job_step *step, wire_plan_step *out)
{
    static bg_slice default_shell[] = {{(const uint8_t *) "/bin/sh", 7}};
    const bool is_script = step->kind == WIRE_STEP_SCRIPT;
    out->argv = is_script ? step->shell : step->argv;
    out->argv_count = is_script ? step->shell_count : step->argv_count;
    if (is_script && out->argv_count == 0) {
        out->argv = default_shell;
        out->argv_count = 1;
    }
    if (is_script)
        out->script = step->script;
}

static uint64_t shorter (uint64_t a, uint64_t b)
{
    if (a == 0 || b == 0)
        return a ? a : b;
    return a < b ? a : b;
}

static void make_account (bg_arena *arena, const exec_account *account, wire_plan_step *out)
{
    out->account = bg_arena_copy (arena, bg_slice_str (account->name));
    out->uid = account->uid;
    out->gid = account->gid;
    out->change_account = account->change;
    out->groups = bg_arena_array (arena, uint64_t, account->group_count + 1);
    out->groups_count = account->group_count;
    for (size_t i = 0; i < account->group_count; i++)
        out->groups[i] = account->groups[i];
}

static void make_flow (const exec_core *self, const wire_job_step *step, wire_plan_step *out)
{
    out->timeout_us = shorter (step->timeout_us, (uint64_t) self->policy.maximum_run_time_us);
    out->grace_us = step->grace_us ? step->grace_us : (uint64_t) GRACE_US;
    out->retry_attempts = step->retry_attempts;
    out->retry_every_us = step->retry_every_us;
    out->on_success = step->on_success;
    out->success_step = step->success_step;
    out->on_failure = step->on_failure;
    out->failure_step = step->failure_step;
    out->success_codes = step->success_codes;
    out->success_codes_count = step->success_codes_count;
}

static void make_output (const wire_job_step *step, wire_plan_step *out)
{
    out->output_file = step->output_file;
    out->output_append = step->output_append;
    out->output_quiet = step->output_quiet;
    out->head_bytes = step->output_head;
    out->tail_bytes = step->output_tail;
    out->keep_bytes = step->output_keep;
}

typedef struct {
    exec_core *core;
    const wire_job *job;
    const wire_login *signer; /*  NULL: the machine itself  */
    bg_arena *arena;
    const exec_account *standard; /*  of steps that name no proxy  */
} planning;

static void make_step (const planning *self, const wire_job_step *step, wire_plan_step *out)
{
    /*  In the arena, and only when it is asked for: it is nine KiB.  */
    exec_account *own = step->as.size ? bg_arena_array (self->arena, exec_account, 1) : NULL;
    const exec_account *account = own ? own : self->standard;
    char problem[512];
    out->name = step->name;
    out->as = step->as;
    make_argv (step, out);
    out->input = step->input; /*  bytes, not text: tokens in it are nobody's  */
    make_flow (self->core, step, out);
    make_output (step, out);
    out->umask = step->has_umask ? step->umask : UMASK;
    out->has_limits = step->has_limits;
    out->limits = step->limits;
    if (!own || exec_proxy_resolve (self->core, step, self->signer, own, problem))
        make_account (self->arena, account, out);
    else
        out->problem = wire_fit_text (
            bg_arena_copy (self->arena, bg_slice_str (problem)), 512, true, self->arena);
    make_step_environment (self->arena, self->job, step, account, out);
    out->directory = step->directory;
    /*  Not looked at here: a home on a server that is away would hold up bugle-exec and all its runs.  */
    out->directory_is_home = step->directory.size == 0;
    if (out->directory_is_home)
        out->directory = bg_arena_copy (
            self->arena, bg_slice_str (account->home[0] == '/' ? account->home : "/"));
}

bg_result exec_require_policy (const exec_core *self, bg_error *err)
{
    if (self->has_policy)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_POLICY, "nothing starts here: %s", self->policy_problem));
    return bg_hint (err, "'bugle-node enlist' writes a default policy to %.160s when there is none",
        self->config.policy_path);
}

bg_result exec_check_policy (const exec_core *self, bg_error *err)
{
    exec_account account;
    BG_TRY (exec_require_policy (self, err));
    return exec_default_account (self, &account, err);
}

/*  A plan that the supervisor could not read would be a run that dies silently: refused here
    instead.  */
static bg_result check_plan (const wire_plan *plan, bg_arena *arena, bg_error *err)
{
    BG_TRY (wire_check (&wire_desc_plan, plan, err));
    bg_slice blob = exec_blob (WIRE_RECORD_PLAN, plan);
    wire_header header;
    void *value = NULL;
    bg_result result = wire_inner_decode (blob, arena, &header, &value, err);
    exec_blob_free (&blob);
    return result;
}

bg_result exec_make_plan (exec_core *self, bg_now now, const wire_job *job,
    const wire_login *signer, const wire_run *run, bg_arena *arena, wire_plan *plan, bg_error *err)
{
    exec_account account;
    BG_TRY (exec_default_account (self, &account, err));
    planning p = {.core = self, .job = job, .signer = signer, .arena = arena, .standard = &account};
    *plan = (wire_plan){.run = run->run,
        .job_name = run->job_name,
        .account = bg_arena_copy (arena, bg_slice_str (account.name)),
        .uid = account.uid,
        .gid = account.gid,
        .change_account = account.change,
        .head_bytes = HEAD_BYTES,
        .tail_bytes = TAIL_BYTES,
        .keep_bytes = KEEP_BYTES,
        .run_bytes = RUN_BYTES,
        .intent_us = now.utc_us,
        .timeout_us = (uint64_t) self->policy.maximum_run_time_us,
        .start_step = run->start_step ? run->start_step : job->start_step};
    make_tokens (self, now, run, arena, plan);
    make_environment (job, arena, plan);
    plan->steps = bg_arena_array (arena, wire_plan_step, job->steps_count);
    plan->steps_count = job->steps_count;
    for (size_t i = 0; i < job->steps_count; i++)
        make_step (&p, &job->steps[i], &plan->steps[i]);
    bg_error why = {0};
    bg_result result = check_plan (plan, arena, &why);
    if (bg_failed (result))
        return bg_fail (err, BG_TOO_LARGE, "the steps are too large for a plan: %s", why.message);
    return bg_ok ();
}
