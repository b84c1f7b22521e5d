/*  Dropping privilege: see supervisor_account.h.

    Order matters: what needs root comes first (keyring, securebits, bounding set, groups), the user id
    last of the ids, capabilities after it. Each call is checked, and all of it is read again at the
    end, because some of these calls have failed silently on some kernels.
*/
#include "node/exec/supervisor_account.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAPABILITIES_MAX 64 /*  what capset can carry; the kernel knows fewer  */
#define GROUPS_MAX       257

typedef struct __user_cap_header_struct cap_header;
typedef struct __user_cap_data_struct cap_data;

/*  ---- dropping ----  */

/*  A session keyring of its own: root's, with what lies in it, belongs to whoever holds it. Kernels
    without keyrings have none to share, and containers that forbid the call none to reach.  */
static bool leave_keyring (void)
{
    return syscall (SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 || errno == ENOSYS ||
           errno == EPERM || errno == EACCES;
}

static bool drop_bounding (void)
{
    for (unsigned long cap = 0; cap < CAPABILITIES_MAX; cap++) {
        int has = prctl (PR_CAPBSET_READ, cap, 0, 0, 0);
        if (has < 0 && errno == EINVAL)
            return true; /*  the kernel knows no more of them  */
        if (has < 0 || (has > 0 && prctl (PR_CAPBSET_DROP, cap, 0, 0, 0) < 0))
            return false;
    }
    return true;
}

static bool drop_ambient (void)
{
    return prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 || errno == EINVAL;
}

static bool clear_securebits (void)
{
    return prctl (PR_GET_SECUREBITS, 0, 0, 0, 0) == 0 || prctl (PR_SET_SECUREBITS, 0, 0, 0, 0) == 0;
}

static bool drop_ids (const step_account *self)
{
    return setgroups (self->group_count, self->groups) == 0 &&
           setresgid (self->gid, self->gid, self->gid) == 0 &&
           setresuid (self->uid, self->uid, self->uid) == 0;
}

static bool drop_capabilities (void)
{
    cap_header header = {.version = _LINUX_CAPABILITY_VERSION_3};
    cap_data none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return syscall (SYS_capset, &header, none) == 0;
}

/*  ---- looking again ----  */

static bool ids_are (const step_account *self)
{
    uid_t uids[3];
    gid_t gids[3];
    if (getresuid (&uids[0], &uids[1], &uids[2]) < 0 ||
        getresgid (&gids[0], &gids[1], &gids[2]) < 0)
        return false;
    for (size_t i = 0; i < 3; i++) {
        if (uids[i] != self->uid || gids[i] != self->gid)
            return false;
    }
    return true;
}

static bool has_group (const gid_t *groups, size_t count, gid_t group)
{
    for (size_t i = 0; i < count; i++) {
        if (groups[i] == group)
            return true;
    }
    return false;
}

/*  The kernel sorts them.  */
static bool groups_are (const step_account *self)
{
    gid_t groups[GROUPS_MAX];
    int count = getgroups (GROUPS_MAX, groups);
    if (count < 0 || (size_t) count != self->group_count)
        return false;
    for (size_t i = 0; i < self->group_count; i++) {
        if (!has_group (groups, (size_t) count, self->groups[i]) ||
            !has_group (self->groups, self->group_count, groups[i]))
            return false;
    }
    return true;
}

static bool has_no_capability (void)
{
    cap_header header = {.version = _LINUX_CAPABILITY_VERSION_3};
    cap_data held[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall (SYS_capget, &header, held) < 0)
        return false;
    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        if (held[i].effective || held[i].permitted || held[i].inheritable)
            return false;
    }
    for (unsigned long cap = 0; cap < CAPABILITIES_MAX; cap++) {
        if (prctl (PR_CAPBSET_READ, cap, 0, 0, 0) > 0 ||
            prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) > 0)
            return false;
    }
    return prctl (PR_GET_SECUREBITS, 0, 0, 0, 0) == 0;
}

/*  Tried, not only asked for.  */
static bool is_shut (const step_account *self)
{
    gid_t root = 0;
    if (setuid (0) == 0 || seteuid (0) == 0 || setresuid (0, 0, 0) == 0)
        return false;
    if (setgroups (1, &root) == 0)
        return false;
    bool may_be_root_group = self->gid == 0 || has_group (self->groups, self->group_count, 0);
    return may_be_root_group || setgid (0) != 0;
}

const char *step_account_take (const step_account *self)
{
    if (!drop_ambient ())
        return "the ambient capabilities stay";
    if (!self->change)
        return NULL;
    if (self->uid == 0) {
        errno = EPERM; /*  only root changes accounts, and does not change to itself  */
        return "root is no account to change to";
    }
    if (!leave_keyring ())
        return "the session keyring stays";
    if (!clear_securebits ())
        return "the securebits stay (this takes CAP_SETPCAP)";
    if (!drop_bounding ())
        return "the bounding set of capabilities stays (this takes CAP_SETPCAP)";
    if (!drop_ids (self))
        return "the ids stay";
    if (!drop_capabilities ())
        return "the capabilities stay";
    const bool is_done =
        ids_are (self) && groups_are (self) && has_no_capability () && is_shut (self);
    errno = EPERM;
    return is_done ? NULL : "what was dropped is still there";
}
