/*  The machine's own policy: what bugle-exec may start here, whatever a signature says.

        # lines that begin with # say nothing
        [default]
        account = bugle-job        # steps run as this local account
        root = no                  # yes: the account may be root
        maximum_run_time = 12h     # a run that takes longer is ended; left out: no limit
        hours = 22:00-06:00        # runs begin only then, by the machine's zone

        [proxy postgres]           # accounts that later versions let steps ask for
        account = postgres
        groups = databases
        kinds = run, script
        logins = anna, ben

    Root owns the file; only its owner may write it (the shell checks that). Pure parser over
    bytes.
*/
#ifndef BUGLE_EXEC_POLICY_H
#define BUGLE_EXEC_POLICY_H

#include "common/base/slice.h"

#define EXEC_POLICY_BYTES   65536
#define EXEC_POLICY_PROXIES 64

typedef struct {
    char name[129];
    char account[65];
} exec_proxy;

typedef struct {
    char account[65];            /*  of [default]; never empty  */
    bool root;                   /*  account may have uid 0  */
    int64_t maximum_run_time_us; /*  0: none  */
    bool has_hours;
    uint16_t hours_from; /*  minutes since midnight  */
    uint16_t hours_to;   /*  before this minute; smaller than from: over midnight  */
    exec_proxy proxies[EXEC_POLICY_PROXIES];
    size_t proxy_count;
} exec_policy;

/*  Reads a policy. file is for the sentence. BG_INVALID or BG_TOO_LARGE as "FILE:LINE: what is
    wrong", the first one only; *policy is filled on success.  */
bg_result exec_policy_parse (
    bg_slice text, const char *file, exec_policy *policy, bg_error *err) BG_CHECKED;
/*  True when a run may begin at this minute of the day.  */
bool exec_policy_open_at (const exec_policy *self, int minute);
/*  The text of the default policy for an account. is_root: the account is root and may be.  */
void exec_policy_default (const char *account, bool is_root, bg_buf *out);

#endif
