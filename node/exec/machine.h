/*  What bugle-exec asks of the machine: accounts, the policy file, the zone. Behind the ports
    of exec_core.h.  */
#ifndef BUGLE_EXEC_MACHINE_H
#define BUGLE_EXEC_MACHINE_H

#include "common/sys/home.h"
#include "node/exec/exec_core.h"

#include <sys/stat.h>

#define EXEC_SYSTEM_ACCOUNT "bugle-job"
#define EXEC_PROBLEM_BYTES  1024

typedef struct {
    const bg_home *home; /*  borrowed  */
    char *policy_path;
    struct stat policy_state; /*  of the file that was read last; st_ino 0: none  */
    bool policy_was_read;
} exec_machine;

void exec_machine_init (exec_machine *self, const bg_home *home);
void exec_machine_fini (exec_machine *self);

/*  Reads the policy when it changed since the last time; false: it did not. *problem is empty
    when *policy holds.  */
bool exec_machine_policy (
    exec_machine *self, exec_policy *policy, bool *has_policy, char problem[EXEC_PROBLEM_BYTES]);
/*  The port of the same name.  */
bg_result exec_machine_policy_write (
    exec_machine *self, exec_policy *policy, char note[256], bg_error *err) BG_CHECKED;
/*  BG_POLICY: no such account, or one that bugle-exec cannot run steps as.  */
bg_result exec_machine_account (
    const exec_machine *self, const char *name, exec_account *account, bg_error *err) BG_CHECKED;
bg_result exec_machine_group (const char *name, uint32_t *gid, bg_error *err) BG_CHECKED;
int32_t exec_machine_utc_offset_s (int64_t utc_us);

#endif
