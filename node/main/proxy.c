/*  bugle-node proxy: as which local accounts steps may run here. Changes the machine's policy, which bugle-exec reads
    again at once; only who owns the policy may, which in a system installation is root.  */
#include "common/sys/file.h"
#include "ctl/run.h"
#include "node/exec/machine.h"
#include "node/exec/policy_edit.h"
#include "node/main/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    ctl_run *run;
    bg_home home;
    exec_machine machine; /*  its policy_path  */
    bg_buf text;          /*  of the policy  */
    mode_t mode;
    int fd; /*  locked while it is changed  */
} session;

static void end_session (session *self)
{
    bg_fd_close (&self->fd);
    bg_buf_fini (&self->text);
    exec_machine_fini (&self->machine);
    bg_home_fini (&self->home);
}

static bg_result no_policy (const session *self, bg_error *err)
{
    bg_ignore (bg_fail (err, BG_NOT_FOUND, "there is no policy at %s", self->machine.policy_path));
    return bg_hint (
        err, "'bugle-node enlist' writes a default one, and so does 'bugle-node job apply'");
}

/*  Two that change it at once go one after the other, and each sees what the other has written.  */
static bg_result open_policy (session *self, bool is_for_change, bg_error *err)
{
    const char *path = self->machine.policy_path;
    struct stat held;
    struct stat named;
    do {
        bg_fd_close (&self->fd);
        self->fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (self->fd < 0 && errno == ENOENT)
            return no_policy (self, err);
        if (self->fd < 0 && errno == EACCES)
            return bg_fail (err, BG_NOT_ALLOWED, "you may not read %s", path);
        if (self->fd < 0 || fstat (self->fd, &held) < 0)
            return bg_fail_errno (err, BG_IO, "cannot open %s", path);
        if (is_for_change && flock (self->fd, LOCK_EX) < 0)
            return bg_fail_errno (err, BG_IO, "cannot lock %s", path);
    } while (is_for_change && stat (path, &named) == 0 && named.st_ino != held.st_ino);
    if (is_for_change && held.st_uid != geteuid ()) {
        bg_ignore (bg_fail (err, BG_NOT_ALLOWED,
            "%s decides what runs on this machine; only its owner may change it", path));
        return bg_hint (err, "run the command as %s", held.st_uid == 0 ? "root" : "its owner");
    }
    self->mode = held.st_mode & 07777;
    return bg_fd_read (self->fd, path, EXEC_POLICY_BYTES, &self->text, err);
}

static bg_result begin_session (session *self, ctl_run *run, bool is_for_change, bg_error *err)
{
    *self = (session){.run = run, .fd = -1};
    BG_TRY (bg_home_init (&self->home, ctl_text (run->parsed, CTL_OPT_HOME, NULL), err));
    exec_machine_init (&self->machine, &self->home);
    return open_policy (self, is_for_change, err);
}

/*  ---- list ----  */

static json_t *words (const exec_policy *policy, exec_words list)
{
    json_t *items = json_array ();
    for (size_t i = 0; i < list.count; i++)
        json_array_append_new (
            items, ctl_json_slice (bg_slice_str (exec_policy_word (policy, list, i))));
    return items;
}

static json_t *kinds (uint32_t bits)
{
    json_t *items = json_array ();
    if (bits & (UINT32_C (1) << WIRE_STEP_RUN))
        json_array_append_new (items, json_string ("run"));
    if (bits & (UINT32_C (1) << WIRE_STEP_SCRIPT))
        json_array_append_new (items, json_string ("script"));
    return items;
}

/*  Why no step can use it, whatever job asks; null when one can.  */
static json_t *problem_of (const session *self, const exec_proxy *proxy)
{
    exec_account account;
    bg_error err = {0};
    if (proxy->disabled)
        return json_string ("disabled");
    if (bg_failed (exec_machine_account (&self->machine, proxy->account, &account, &err)))
        return ctl_json_slice (bg_slice_str (err.message));
    return account.uid == 0 && !proxy->root
               ? json_string ("the account is root, and root = yes is not there")
               : json_null ();
}

static json_t *row_of (const session *self, const exec_policy *policy, const exec_proxy *proxy)
{
    return json_pack ("{s:s, s:s, s:o, s:o, s:o, s:b, s:b, s:i, s:o}", "proxy", proxy->name,
        "account", proxy->account, "groups", words (policy, proxy->groups), "kinds",
        kinds (proxy->kinds), "logins", words (policy, proxy->logins), "root", proxy->root,
        "enabled", !proxy->disabled, "line", (int) proxy->line, "problem",
        problem_of (self, proxy));
}

static const ctl_column columns[] = {
    {"proxy", "PROXY", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"account", "ACCOUNT", CTL_CELL_TEXT, CTL_NORMAL, NULL},
    {"groups", "GROUPS", CTL_CELL_LIST, CTL_NORMAL, NULL},
    {"kinds", "KINDS", CTL_CELL_LIST, CTL_NORMAL, NULL},
    {"logins", "LOGINS", CTL_CELL_LIST, CTL_NORMAL, NULL},
    {"root", "ROOT", CTL_CELL_YES, CTL_NORMAL, NULL},
    {"enabled", "ENABLED", CTL_CELL_YES, CTL_NORMAL, NULL},
    {"line", "LINE", CTL_CELL_NUMBER, CTL_WIDE, NULL},
    {"problem", "PROBLEM", CTL_CELL_TEXT, CTL_NORMAL, NULL},
};

static bg_result list (session *self, bg_error *err)
{
    ctl_run *run = self->run;
    exec_policy policy;
    BG_TRY (
        exec_policy_parse (bg_buf_slice (&self->text), self->machine.policy_path, &policy, err));
    ctl_list_begin (run->out, "proxies", columns, sizeof columns / sizeof *columns, "proxy");
    for (size_t i = 0; i < policy.proxy_count; i++)
        ctl_list_row (run->out, row_of (self, &policy, &policy.proxies[i]));
    ctl_list_end (run->out, false, 0);
    ctl_note (run->out, "steps that name no proxy run as %s (%s)", policy.account,
        self->machine.policy_path);
    return bg_ok ();
}

bg_result node_cmd_proxy_list (ctl_run *run, bg_error *err)
{
    session self;
    bg_result result = begin_session (&self, run, false, err);
    if (bg_is_ok (result))
        result = list (&self, err);
    end_session (&self);
    return result;
}

/*  ---- changes ----  */

static bool is_dry (const session *self)
{
    return ctl_given (self->run->parsed, CTL_OPT_DRY_RUN);
}

/*  Writes what it became, or says what it would become.  */
static bg_result finish (session *self, const bg_buf *changed, const char *outcome, bg_error *err)
{
    ctl_output *out = self->run->out;
    const char *name = ctl_argument (self->run->parsed, 0);
    const bool is_same = bg_slice_equal (bg_buf_slice (changed), bg_buf_slice (&self->text));
    if (!is_same && !is_dry (self))
        BG_TRY (
            bg_file_replace (self->machine.policy_path, bg_buf_slice (changed), self->mode, err));
    if (is_same)
        outcome = "unchanged";
    if (ctl_is_human (out)) {
        ctl_print (
            out, "%s%s proxy %s\n", is_dry (self) && !is_same ? "would be " : "", outcome, name);
    } else {
        ctl_list_begin (out, "changed", NULL, 0, "name");
        ctl_list_row (out, json_pack ("{s:s, s:s, s:b}", "name", name, "outcome", outcome,
                               "dry_run", is_dry (self)));
        ctl_list_end (out, false, 0);
    }
    if (is_dry (self))
        ctl_note (out, "dry run: nothing was changed");
    return bg_ok ();
}

static bg_result find_proxy (
    const session *self, const char *name, exec_proxy *proxy, bg_error *err)
{
    exec_policy policy;
    BG_TRY (
        exec_policy_parse (bg_buf_slice (&self->text), self->machine.policy_path, &policy, err));
    const exec_proxy *found = exec_policy_proxy (&policy, bg_slice_str (name));
    *proxy = found ? *found : (exec_proxy){0};
    return bg_ok ();
}

/*  A proxy that nothing could use would only be found out when a step fails.  */
static bg_result check_account (
    const session *self, const char *name, bool may_be_root, const char *proxy, bg_error *err)
{
    exec_account account;
    BG_TRY (exec_machine_account (&self->machine, name, &account, err));
    if (account.uid != 0 || may_be_root)
        return bg_ok ();
    bg_ignore (bg_fail (err, BG_POLICY, "%s is root, and steps would have all power here", name));
    return bg_hint (
        err, "if that is meant: bugle-node proxy add %s --account %s --root yes", proxy, name);
}

static bg_result confirm_root (
    const session *self, const char *name, const char *account, bg_error *err)
{
    if (is_dry (self))
        return bg_ok ();
    return ctl_confirm (self->run, err,
        "Let every job that may use the proxy %s run as %s, even if that is root?", name, account);
}

static bg_result add (session *self, bg_error *err)
{
    const ctl_parsed *parsed = self->run->parsed;
    const char *name = ctl_argument (parsed, 0);
    const exec_proxy_lines lines = {.account = ctl_text (parsed, CTL_OPT_ACCOUNT, NULL),
        .groups = ctl_text (parsed, CTL_OPT_GROUPS, NULL),
        .kinds = ctl_text (parsed, CTL_OPT_KINDS, NULL),
        .logins = ctl_text (parsed, CTL_OPT_LOGINS, NULL),
        .root = ctl_text (parsed, CTL_OPT_ROOT, NULL)};
    exec_proxy old;
    BG_TRY (find_proxy (self, name, &old, err));
    const bool is_new = old.account[0] == 0;
    const char *account = lines.account ? lines.account : old.account;
    if (is_new && !lines.account) {
        bg_ignore (bg_fail (err, BG_USAGE, "a new proxy needs an account"));
        return bg_hint (err, "bugle-node proxy add %.128s --account ACCOUNT", name);
    }
    const bool may_be_root = lines.root ? strcmp (lines.root, "yes") == 0 : old.root;
    BG_TRY (check_account (self, account, may_be_root, name, err));
    if (may_be_root && !old.root)
        BG_TRY (confirm_root (self, name, account, err));
    BG_AUTO_BUF changed = {0};
    BG_TRY (exec_policy_put_proxy (bg_buf_slice (&self->text), self->machine.policy_path,
        bg_slice_str (name), &lines, &changed, err));
    return finish (self, &changed, is_new ? "added" : "changed", err);
}

static bg_result unknown (const session *self, const char *name, bg_error *err)
{
    bg_ignore (bg_fail (
        err, BG_NOT_FOUND, "there is no proxy '%.128s' in %s", name, self->machine.policy_path));
    return bg_hint (err, "see: bugle-node proxy list");
}

static bg_result remove_one (session *self, bg_error *err)
{
    const char *name = ctl_argument (self->run->parsed, 0);
    exec_proxy old;
    BG_AUTO_BUF changed = {0};
    BG_TRY (find_proxy (self, name, &old, err));
    if (!old.account[0])
        return unknown (self, name, err);
    BG_TRY (exec_policy_remove_proxy (
        bg_buf_slice (&self->text), self->machine.policy_path, bg_slice_str (name), &changed, err));
    if (!is_dry (self))
        BG_TRY (ctl_confirm (
            self->run, err, "Remove the proxy %s? Steps that name it will fail.", old.name));
    return finish (self, &changed, "removed", err);
}

static bg_result turn (session *self, bool is_enabled, bg_error *err)
{
    const char *name = ctl_argument (self->run->parsed, 0);
    /*  Enabled is what a section is that does not say.  */
    const exec_proxy_lines lines = {.enabled = is_enabled ? "" : "no"};
    exec_proxy old;
    BG_AUTO_BUF changed = {0};
    BG_TRY (find_proxy (self, name, &old, err));
    if (!old.account[0])
        return unknown (self, name, err);
    if (old.disabled == !is_enabled)
        return finish (self, &self->text, "unchanged", err);
    BG_TRY (exec_policy_put_proxy (bg_buf_slice (&self->text), self->machine.policy_path,
        bg_slice_str (name), &lines, &changed, err));
    return finish (self, &changed, is_enabled ? "enabled" : "disabled", err);
}

static bg_result enable (session *self, bg_error *err)
{
    return turn (self, true, err);
}

static bg_result disable (session *self, bg_error *err)
{
    return turn (self, false, err);
}

static bg_result change (
    ctl_run *run, bg_result (*body) (session *self, bg_error *err), bg_error *err)
{
    session self;
    bg_result result = begin_session (&self, run, true, err);
    if (bg_is_ok (result))
        result = body (&self, err);
    end_session (&self);
    return result;
}

bg_result node_cmd_proxy_add (ctl_run *run, bg_error *err)
{
    return change (run, add, err);
}

bg_result node_cmd_proxy_remove (ctl_run *run, bg_error *err)
{
    return change (run, remove_one, err);
}

bg_result node_cmd_proxy_enable (ctl_run *run, bg_error *err)
{
    return change (run, enable, err);
}

bg_result node_cmd_proxy_disable (ctl_run *run, bg_error *err)
{
    return change (run, disable, err);
}
