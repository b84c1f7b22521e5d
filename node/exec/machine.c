/*  Accounts, policy file, zone: see machine.h. Decides nothing but what the file system and the
    account database must look like.  */
#include "node/exec/machine.h"

#include "common/sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define GROUP_BYTES 65536 /*  a group with thousands of members still fits  */

void exec_machine_init (exec_machine *self, const bg_home *home)
{
    *self =
        (exec_machine){.home = home, .policy_path = bg_home_path (home, BG_HOME_CONF, "policy")};
}

void exec_machine_fini (exec_machine *self)
{
    free (self->policy_path);
    self->policy_path = NULL;
}

/*  ---- policy ----  */

static bool is_same_file (const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/*  Whoever may write the policy decides what runs here: only root, or the user who runs
    bugle-exec.  */
static bg_result check_owner (const char *path, const struct stat *state, bg_error *err)
{
    if (!S_ISREG (state->st_mode))
        return bg_fail (err, BG_FOREIGN_FILE, "%s is not a regular file", path);
    if (state->st_uid != 0 && state->st_uid != geteuid ()) {
        bg_ignore (
            bg_fail (err, BG_FOREIGN_FILE, "%s belongs to uid %u", path, (unsigned) state->st_uid));
        return bg_hint (err, "type: chown %s %.160s", geteuid () == 0 ? "root" : "yourself", path);
    }
    if (state->st_mode & (S_IWGRP | S_IWOTH)) {
        bg_ignore (bg_fail (err, BG_FOREIGN_FILE, "others may write %s", path));
        return bg_hint (err, "type: chmod go-w %.160s", path);
    }
    return bg_ok ();
}

static bg_result read_policy (exec_machine *self, exec_policy *policy, bg_error *err)
{
    const char *path = self->policy_path;
    self->policy_state = (struct stat){0};
    BG_AUTO_FD fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return bg_fail (err, BG_NOT_FOUND, "there is no policy at %s", path);
    if (fd < 0)
        return bg_fail_errno (err, BG_FOREIGN_FILE, "cannot open the policy %s", path);
    if (fstat (fd, &self->policy_state) < 0)
        return bg_fail_errno (err, BG_IO, "cannot look at %s", path);
    BG_TRY (check_owner (path, &self->policy_state, err));
    BG_AUTO_BUF text = {0};
    BG_TRY (bg_fd_read (fd, path, EXEC_POLICY_BYTES, &text, err));
    return exec_policy_parse (bg_buf_slice (&text), path, policy, err);
}

bool exec_machine_policy (
    exec_machine *self, exec_policy *policy, bool *has_policy, char problem[EXEC_PROBLEM_BYTES])
{
    struct stat state = {0};
    if (lstat (self->policy_path, &state) < 0)
        state = (struct stat){0};
    if (self->policy_was_read && is_same_file (&state, &self->policy_state))
        return false;
    bg_error err = {0};
    bg_result result = read_policy (self, policy, &err);
    self->policy_state = state;
    self->policy_was_read = true;
    *has_policy = bg_is_ok (result);
    snprintf (
        problem, EXEC_PROBLEM_BYTES, "%s%s%s", err.message, err.hint[0] ? "; " : "", err.hint);
    return true;
}

/*  The account that a default policy names: under --home that of whoever runs bugle-exec, since
    no other is possible there; in a system installation one that exists for this alone.  */
static void default_account (const exec_machine *self, char account[65], bool *is_root)
{
    *is_root = false;
    snprintf (account, 65, "%s", EXEC_SYSTEM_ACCOUNT);
    if (self->home->is_system)
        return;
    const struct passwd *entry = getpwuid (geteuid ());
    *is_root = geteuid () == 0;
    if (entry && strlen (entry->pw_name) <= 64)
        snprintf (account, 65, "%s", entry->pw_name);
    else
        snprintf (account, 65, "%u", (unsigned) geteuid ());
}

bg_result exec_machine_policy_write (
    exec_machine *self, exec_policy *policy, char note[256], bg_error *err)
{
    note[0] = 0;
    bg_result result = read_policy (self, policy, err);
    if (result.code != BG_NOT_FOUND)
        return result;
    char account[65];
    bool is_root = false;
    default_account (self, account, &is_root);
    BG_AUTO_BUF text = {0};
    exec_policy_default (account, is_root, &text);
    BG_TRY (bg_file_create (self->policy_path, bg_buf_slice (&text), err));
    snprintf (note, 256, "wrote the default policy %.140s: steps run as %.40s%s", self->policy_path,
        account, is_root ? ", which is root" : "");
    return read_policy (self, policy, err);
}

/*  ---- accounts ----  */

static void copy (char *to, size_t size, const char *from, const char *otherwise)
{
    bool fits = from && from[0] && strlen (from) < size;
    snprintf (to, size, "%s", fits ? from : otherwise);
}

/*  A number is taken for an account without an entry, as in a container: only our own.  */
static bool is_own_number (const char *name)
{
    char own[32];
    snprintf (own, sizeof own, "%u", (unsigned) geteuid ());
    return strcmp (own, name) == 0;
}

static bg_result find_groups (exec_account *account, bg_error *err)
{
    gid_t groups[EXEC_GROUPS_MAX];
    int count = EXEC_GROUPS_MAX;
    if (getgrouplist (account->name, account->gid, groups, &count) < 0)
        return bg_fail (err, BG_POLICY, "the account %s is in more than %d groups", account->name,
            EXEC_GROUPS_MAX);
    account->group_count = (size_t) count;
    for (size_t i = 0; i < account->group_count; i++)
        account->groups[i] = groups[i];
    return bg_ok ();
}

bg_result exec_machine_account (
    const exec_machine *self, const char *name, exec_account *account, bg_error *err)
{
    struct passwd room;
    struct passwd *entry = NULL;
    char text[16384];
    int failure = getpwnam_r (name, &room, text, sizeof text, &entry);
    if (!entry && !is_own_number (name)) {
        if (failure)
            return bg_fail (
                err, BG_POLICY, "the account %s cannot be looked up: %s", name, strerror (failure));
        bg_ignore (bg_fail (err, BG_POLICY, "there is no account %s on this machine", name));
        return bg_hint (err, "name another one in %.160s", self->policy_path);
    }
    *account = (exec_account){
        .uid = entry ? entry->pw_uid : geteuid (), .gid = entry ? entry->pw_gid : getegid ()};
    copy (account->name, sizeof account->name, name, "");
    copy (account->home, sizeof account->home, entry ? entry->pw_dir : NULL, "/");
    copy (account->shell, sizeof account->shell, entry ? entry->pw_shell : NULL, "/bin/sh");
    account->change = account->uid != geteuid ();
    if (!account->change)
        return bg_ok ();
    if (!self->home->is_system)
        return bg_fail (err, BG_POLICY,
            "the policy names account %s, but under --home steps run only as the user who "
            "runs bugle-exec",
            name);
    if (geteuid () != 0)
        return bg_fail (err, BG_POLICY,
            "the policy names account %s, but bugle-exec does not run as root", name);
    return find_groups (account, err);
}

bg_result exec_machine_group (const char *name, uint32_t *gid, bg_error *err)
{
    struct group room;
    struct group *entry = NULL;
    BG_AUTO_CHAR text = bg_alloc (GROUP_BYTES);
    int failure = getgrnam_r (name, &room, text, GROUP_BYTES, &entry);
    if (failure)
        return bg_fail (
            err, BG_POLICY, "the group %s cannot be looked up: %s", name, strerror (failure));
    if (!entry)
        return bg_fail (err, BG_POLICY, "there is no group %s on this machine", name);
    *gid = entry->gr_gid;
    return bg_ok ();
}

int32_t exec_machine_utc_offset_s (int64_t utc_us)
{
    time_t seconds = (time_t) (utc_us / 1000000);
    struct tm local;
    tzset ();
    return localtime_r (&seconds, &local) ? (int32_t) local.tm_gmtoff : 0;
}
