/*  Plans: a verified job becomes what a supervisor does, with nothing left to decide but the
    flow.

    Everything that reaches argv, environment, directory or script comes from the signed job,
    the target's own signed membership, the machine and this program; nothing of it from the
    node. Tokens are replaced here, before the first step.
*/
#include "node/exec/core_private.h"

#include "common/job/civil.h"
#include "common/job/flow.h"
#include "common/job/tokens.h"

#include <stdio.h>

#define PATH_DEFAULT  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define GRACE_US      BG_SEC (10)
#define HEAD_BYTES    4096
#define TAIL_BYTES    12288
#define RUN_BYTES     (192 * 1024)
#define KEEP_BYTES    (1024 * 1024)
#define VARIABLES_MAX 512

typedef struct {
    bg_arena *arena;
    job_token_values values;
    wire_variable *items;
    size_t count;
} room;

/*  ---- values ----  */

static void set_time (room *r, job_token date, job_token time, int64_t local_us)
{
    job_civil civil = job_civil_from_seconds (job_floor_div (local_us, 1000000));
    r->values.values[date] =
        bg_arena_printf (r->arena, "%04d%02d%02d", civil.year, civil.month, civil.day);
    r->values.values[time] =
        bg_arena_printf (r->arena, "%02d%02d%02d", civil.hour, civil.minute, civil.second);
}

static bg_slice id_value (room *r, bg_id id)
{
    return bg_id_is_zero (id) ? (bg_slice){NULL, 0}
                              : bg_arena_copy (r->arena, bg_slice_str (bg_id_text (id).text));
}

static void set_values (const exec_core *self, bg_now now, const wire_run *run, room *r)
{
    const wire_membership *member = &self->member.body;
    bg_slice *values = r->values.values;
    int32_t (*offset_s) (void *, int64_t) = self->ports.utc_offset_s;
    int64_t due_us = run->nominal_us ? run->nominal_us : now.utc_us;
    values[JOB_TOKEN_JOBNAME] = run->job_name;
    values[JOB_TOKEN_JOBID] = id_value (r, run->job_key);
    values[JOB_TOKEN_MACH] = wire_fit_text (bg_slice_str (self->config.host), 255, false, r->arena);
    /*  A machine that was never enlisted goes by its own name.  */
    values[JOB_TOKEN_TARGET] = self->member.version ? member->name : values[JOB_TOKEN_MACH];
    values[JOB_TOKEN_TARGETID] = id_value (r, member->target);
    values[JOB_TOKEN_RUNID] = id_value (r, run->run);
    values[JOB_TOKEN_EXECID] = id_value (r, run->exec);
    values[JOB_TOKEN_SCHEDULE] = run->schedule;
    if (self->keyring)
        values[JOB_TOKEN_BROKER] = wire_keyring_authority (self->keyring)->name;
    set_time (r, JOB_TOKEN_STRTDT, JOB_TOKEN_STRTTM,
        due_us + INT64_C (1000000) * offset_s (self->ports.ctx, due_us));
    set_time (r, JOB_TOKEN_DATE, JOB_TOKEN_TIME,
        now.utc_us + INT64_C (1000000) * offset_s (self->ports.ctx, now.utc_us));
}

static bg_result expand (room *r, bg_slice text, bg_slice *out, bg_error *err)
{
    BG_AUTO_BUF buf = {0};
    BG_TRY (job_tokens_expand (text, &r->values, &buf, err));
    *out = bg_arena_copy (r->arena, bg_buf_slice (&buf));
    return bg_ok ();
}

/*  ---- environment ----  */

static void set_variable (room *r, bg_slice name, bg_slice value)
{
    for (size_t i = 0; i < r->count; i++) {
        if (bg_slice_equal (r->items[i].name, name)) {
            r->items[i].value = value;
            return;
        }
    }
    bg_assert (r->count < VARIABLES_MAX);
    r->items[r->count++] = (wire_variable){name, value};
}

static bg_result set_pairs (room *r, const wire_pair *pairs, size_t count, bg_error *err)
{
    for (size_t i = 0; i < count; i++) {
        bg_slice value;
        BG_TRY (expand (r, pairs[i].value, &value, err));
        set_variable (r, pairs[i].key, value);
    }
    return bg_ok ();
}

/*  All tokens, or only those that a step has of its own.  */
static void set_tokens (room *r, bool step_only)
{
    bg_slice pairs[JOB_TOKEN_COUNT];
    job_tokens_environment (&r->values, r->arena, pairs);
    for (size_t i = 0; i < JOB_TOKEN_COUNT; i++) {
        bool is_of_step = i == JOB_TOKEN_STEPNAME || i == JOB_TOKEN_STEPID;
        const uint8_t *equals = memchr (pairs[i].data, '=', pairs[i].size);
        bg_assert (equals);
        size_t name_size = (size_t) (equals - pairs[i].data);
        if (is_of_step == step_only)
            set_variable (r, bg_slice_of (pairs[i].data, name_size),
                bg_slice_of (equals + 1, pairs[i].size - name_size - 1));
    }
}

static bg_slice text_of (room *r, const char *text)
{
    return bg_arena_copy (r->arena, bg_slice_str (text));
}

static bg_result make_environment (
    room *r, const wire_job *job, const exec_account *account, wire_plan *plan, bg_error *err)
{
    r->items = bg_arena_array (r->arena, wire_variable, VARIABLES_MAX);
    r->count = 0;
    set_variable (r, bg_slice_str ("PATH"), bg_slice_str (PATH_DEFAULT));
    set_variable (r, bg_slice_str ("HOME"), text_of (r, account->home));
    set_variable (r, bg_slice_str ("USER"), text_of (r, account->name));
    set_variable (r, bg_slice_str ("LOGNAME"), text_of (r, account->name));
    set_variable (r, bg_slice_str ("SHELL"), text_of (r, account->shell));
    set_variable (r, bg_slice_str ("LANG"), bg_slice_str ("C.UTF-8"));
    set_tokens (r, false);
    BG_TRY (set_pairs (r, job->environment, job->environment_count, err));
    plan->environment = r->items;
    plan->environment_count = r->count;
    return bg_ok ();
}

/*  ---- steps ----  */

static bg_result make_argv (room *r, const wire_job_step *step, wire_plan_step *out, bg_error *err)
{
    bool is_script = step->kind == WIRE_STEP_SCRIPT;
    static const bg_slice default_shell = {(const uint8_t *) "/bin/sh", 7};
    const bg_slice *words = is_script ? step->shell : step->argv;
    size_t count = is_script ? step->shell_count : step->argv_count;
    if (is_script && count == 0) {
        words = &default_shell;
        count = 1;
    }
    out->argv = bg_arena_array (r->arena, bg_slice, count);
    out->argv_count = count;
    for (size_t i = 0; i < count; i++)
        BG_TRY (expand (r, words[i], &out->argv[i], err));
    return is_script ? expand (r, step->script, &out->script, err) : bg_ok ();
}

static uint64_t shorter (uint64_t a, uint64_t b)
{
    if (a == 0 || b == 0)
        return a ? a : b;
    return a < b ? a : b;
}

static bg_result make_step (room *r, const exec_core *self, const wire_job_step *step,
    size_t number, const exec_account *account, wire_plan_step *out, bg_error *err)
{
    r->values.values[JOB_TOKEN_STEPNAME] = step->name;
    r->values.values[JOB_TOKEN_STEPID] = bg_arena_printf (r->arena, "%zu", number);
    out->name = step->name;
    BG_TRY (make_argv (r, step, out, err));
    r->items = bg_arena_array (r->arena, wire_variable, VARIABLES_MAX);
    r->count = 0;
    set_tokens (r, true);
    BG_TRY (set_pairs (r, step->environment, step->environment_count, err));
    out->environment = r->items;
    out->environment_count = r->count;
    if (step->directory.size)
        BG_TRY (expand (r, step->directory, &out->directory, err));
    else
        out->directory = text_of (r, account->directory);
    out->timeout_us = shorter (step->timeout_us, (uint64_t) self->policy.maximum_run_time_us);
    out->grace_us = step->grace_us ? step->grace_us : (uint64_t) GRACE_US;
    out->retry_attempts = step->retry_attempts;
    out->retry_every_us = step->retry_every_us;
    out->on_success = step->on_success;
    out->success_step = step->success_step;
    out->on_failure = step->on_failure;
    out->failure_step = step->failure_step;
    out->input = step->input; /*  bytes, not text: tokens in it are nobody's  */
    return bg_ok ();
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

bg_result exec_make_plan (exec_core *self, bg_now now, const wire_job *job, const wire_run *run,
    bg_arena *arena, wire_plan *plan, bg_error *err)
{
    exec_account account = {0};
    BG_TRY (exec_default_account (self, &account, err));
    room r = {.arena = arena};
    set_values (self, now, run, &r);
    *plan = (wire_plan){.run = run->run,
        .job_name = run->job_name,
        .account = text_of (&r, account.name),
        .uid = account.uid,
        .gid = account.gid,
        .change_account = account.change,
        .head_bytes = HEAD_BYTES,
        .tail_bytes = TAIL_BYTES,
        .keep_bytes = KEEP_BYTES,
        .run_bytes = RUN_BYTES,
        .intent_us = now.utc_us,
        .timeout_us = (uint64_t) self->policy.maximum_run_time_us};
    BG_TRY (make_environment (&r, job, &account, plan, err));
    plan->steps = bg_arena_array (arena, wire_plan_step, job->steps_count);
    plan->steps_count = job->steps_count;
    for (size_t i = 0; i < job->steps_count; i++)
        BG_TRY (make_step (&r, self, &job->steps[i], i + 1, &account, &plan->steps[i], err));
    bg_error why = {0};
    bg_result result = check_plan (plan, arena, &why);
    if (bg_failed (result))
        return bg_fail (err, BG_TOO_LARGE,
            "the steps are too large once their tokens are replaced: %s", why.message);
    return bg_ok ();
}
