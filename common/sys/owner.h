/*  Making files for another account while being root.

    Files that root makes in a directory of another account belong to root, and a link that the
    account put there would be followed with root's rights. So root becomes that account for as
    long: everything is made, checked and refused as if the account did it itself.
*/
#ifndef BUGLE_SYS_OWNER_H
#define BUGLE_SYS_OWNER_H

#include "common/base/err.h"

#include <sys/types.h>

typedef struct {
    uid_t user;
    gid_t group;
    bool is_switched;
} bg_owner;

/*  Effective user and group become those given; who we were is in *before. Nothing is done when we
   are them already. The whole process changes: one thread only. BG_NOT_ALLOWED.  */
bg_result bg_owner_enter (uid_t user, gid_t group, bg_owner *before, bg_error *err) BG_CHECKED;
/*  Back again. A zeroed *before does nothing.  */
void bg_owner_leave (const bg_owner *before);

#endif
