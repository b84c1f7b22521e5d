/*  Becoming the account of a step, in the process that will be it: everything of root's goes for good.

    What goes: user and group ids (real, effective, saved), supplementary groups, the capabilities of
    all five sets, securebits, the session keyring. no_new_privs is not set: setgid programs such as
    those that hand mail over go on working. A program that is setuid root gains uid 0 but no
    capability, so sudo does not work in a step: what needs root names a proxy whose account is root.
*/
#ifndef BUGLE_EXEC_SUPERVISOR_ACCOUNT_H
#define BUGLE_EXEC_SUPERVISOR_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct {
    bool change; /*  false: stay who we are  */
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /*  supplementary ones, all of them  */
    size_t group_count;
} step_account;

/*  Changes and then looks at what the kernel says: every way back must be shut. Only between fork and
    exec. NULL when it is so, else what failed, for a sentence, with errno set: nothing may run then.  */
const char *step_account_take (const step_account *self);

#endif
