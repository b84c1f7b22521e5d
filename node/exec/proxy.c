/*  Proxies: as which local account a step runs.

    A job only names a proxy; which account that is, and whose jobs may use it for what, says the machine's own policy.
    Asked for every step at every start. What is not allowed is one sentence with the place in the policy and the command
    that would change it: the step fails with it, the rest of the run goes on by its flow.

    Invariant: an account is given out only together with the supplementary groups that the step gets.
*/
#include "node/exec/core_private.h"

#include <stdio.h>

#define PROBLEM_BYTES 512
#define PATH_SHOWN    160

typedef struct {
    const exec_core *core;
    bg_slice step;
    const exec_proxy *proxy;
    char *problem; /*  PROBLEM_BYTES  */
} asking;

/*  Whole characters, as many as fit.  */
static bool say (const asking *self, const bg_buf *text)
{
    BG_AUTO_ARENA arena = {0};
    const bg_slice fits = wire_fit_text (bg_buf_slice (text), PROBLEM_BYTES - 1, true, &arena);
    memcpy (self->problem, fits.data, fits.size);
    self->problem[fits.size] = 0;
    return false;
}

static bool refuse (const asking *self, const char *format, ...) BG_PRINTF (2, 3);

/*  "step dump: proxy postgres (/etc/bugle/policy:14) ..."  */
static bool refuse (const asking *self, const char *format, ...)
{
    char what[PROBLEM_BYTES];
    va_list args;
    va_start (args, format);
    vsnprintf (what, sizeof what, format, args);
    va_end (args);
    BG_AUTO_BUF text = {0};
    bg_buf_printf (&text, "step %.*s: proxy %s (%.*s:%u) %s", BG_SLICE_ARG (self->step),
        self->proxy->name, PATH_SHOWN, self->core->config.policy_path, self->proxy->line, what);
    return say (self, &text);
}

static bool refuse_unknown (const asking *self, bg_slice name)
{
    BG_AUTO_BUF text = {0};
    bg_buf_printf (&text,
        "step %.*s: proxy %.*s is not in %.*s (no [proxy %.*s]); allow it with: bugle-node proxy "
        "add %.*s --account ACCOUNT",
        BG_SLICE_ARG (self->step), BG_SLICE_ARG (name), PATH_SHOWN, self->core->config.policy_path,
        BG_SLICE_ARG (name), BG_SLICE_ARG (name));
    return say (self, &text);
}

bg_result exec_default_account (const exec_core *self, exec_account *account, bg_error *err)
{
    BG_TRY (self->ports.account (self->ports.ctx, self->policy.account, account, err));
    if (account->uid != 0 || self->policy.root)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_POLICY,
        "the policy names %s as the account of steps, which is root, and says root = no",
        account->name));
    return bg_hint (
        err, "name another account in %.160s, or write root = yes", self->config.policy_path);
}

/*  The groups that the policy names stand instead of the account's own.  */
static bool find_groups (const asking *self, exec_account *account)
{
    const exec_policy *policy = &self->core->policy;
    const exec_words names = self->proxy->groups;
    if (names.count == 0)
        return true;
    if (!account->change)
        return refuse (self,
            "names groups, but steps run as the very user of bugle-exec, which cannot change them; "
            "remove the line groups");
    account->group_count = 0;
    for (size_t i = 0; i < names.count; i++) {
        const char *name = exec_policy_word (policy, names, i);
        bg_error err = {0};
        uint32_t gid = 0;
        if (bg_failed (self->core->ports.group (self->core->ports.ctx, name, &gid, &err)))
            return refuse (self, "cannot be used: %s", err.message);
        if (account->group_count == EXEC_GROUPS_MAX)
            return refuse (self, "names more than %d groups", EXEC_GROUPS_MAX);
        account->groups[account->group_count++] = gid;
    }
    return true;
}

static bool may_sign (const asking *self, const wire_login *signer)
{
    const exec_proxy *proxy = self->proxy;
    return !signer || proxy->logins.count == 0 ||
           exec_policy_lists (&self->core->policy, proxy->logins, signer->name);
}

bool exec_proxy_resolve (const exec_core *self, const wire_job_step *step, const wire_login *signer,
    exec_account *account, char problem[512])
{
    asking ask = {.core = self, .step = step->name, .problem = problem};
    bg_error err = {0};
    problem[0] = 0;
    if (step->as.size == 0) {
        if (bg_is_ok (exec_default_account (self, account, &err)))
            return true;
        snprintf (problem, PROBLEM_BYTES, "%s", err.message);
        return false;
    }
    ask.proxy = exec_policy_proxy (&self->policy, step->as);
    if (!ask.proxy)
        return refuse_unknown (&ask, step->as);
    const exec_proxy *proxy = ask.proxy;
    if (proxy->disabled)
        return refuse (&ask, "is disabled; allow it with: bugle-node proxy enable %s", proxy->name);
    if (proxy->kinds && !(proxy->kinds & (UINT32_C (1) << step->kind)))
        return refuse (&ask,
            "is not for steps of kind %s; allow it with: bugle-node proxy add %s --kinds "
            "run,script",
            step->kind == WIRE_STEP_SCRIPT ? "script" : "run", proxy->name);
    if (!may_sign (&ask, signer))
        return refuse (&ask,
            "is not for jobs of login %.*s; allow it with: bugle-node proxy add %s --logins "
            "LOGIN,...",
            signer->name.size > 64 ? 64 : (int) signer->name.size, (const char *) signer->name.data,
            proxy->name);
    if (bg_failed (self->ports.account (self->ports.ctx, proxy->account, account, &err)))
        return refuse (&ask, "cannot be used: %s", err.message);
    if (account->uid == 0 && !proxy->root)
        return refuse (&ask,
            "names %s, which is root, and does not say root = yes; allow it with: bugle-node proxy "
            "add %s --root yes",
            proxy->account, proxy->name);
    return find_groups (&ask, account);
}
