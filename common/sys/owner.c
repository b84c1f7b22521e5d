/*  Effective user and group for a while: see owner.h. The group goes first and comes back last,
    because only root may change it.  */
#include "common/sys/owner.h"

#include <unistd.h>

bg_result bg_owner_enter (uid_t user, gid_t group, bg_owner *before, bg_error *err)
{
    *before = (bg_owner){geteuid (), getegid (), false};
    if (user == before->user)
        return bg_ok ();
    if (setegid (group) != 0)
        return bg_fail_errno (err, BG_NOT_ALLOWED, "cannot act as user %u", (unsigned) user);
    if (seteuid (user) != 0) {
        bg_result result =
            bg_fail_errno (err, BG_NOT_ALLOWED, "cannot act as user %u", (unsigned) user);
        bg_assert (setegid (before->group) == 0);
        return result;
    }
    before->is_switched = true;
    return bg_ok ();
}

void bg_owner_leave (const bg_owner *before)
{
    if (!before->is_switched)
        return;
    bg_assert (seteuid (before->user) == 0);
    bg_assert (setegid (before->group) == 0);
}
