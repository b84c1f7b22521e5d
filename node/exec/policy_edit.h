/*  Changing the text of a policy: proxies are added, changed and removed, everything else stays as it was written,
    comments and order as well.

    Pure: bytes in, bytes out. What comes out has been read as a policy again, so a mistake never gets into the file.
*/
#ifndef BUGLE_EXEC_POLICY_EDIT_H
#define BUGLE_EXEC_POLICY_EDIT_H

#include "node/exec/policy.h"

/*  What a proxy is to say; NULL: as it is, or nothing. Values as they are written ("postgres", "run, script", "yes");
    an empty one removes the line.  */
typedef struct {
    const char *account;
    const char *groups;
    const char *kinds;
    const char *logins;
    const char *root;
    const char *enabled;
} exec_proxy_lines;

/*  Appends the policy with the proxy of that name changed, or added at the end. file is for the sentence. BG_INVALID or
    BG_TOO_LARGE when the text, or what it would become, is no policy.  */
bg_result exec_policy_put_proxy (bg_slice text, const char *file, bg_slice name,
    const exec_proxy_lines *lines, bg_buf *out, bg_error *err) BG_CHECKED;
/*  Appends the policy without it, with the comments that stand in its section. BG_NOT_FOUND.  */
bg_result exec_policy_remove_proxy (
    bg_slice text, const char *file, bg_slice name, bg_buf *out, bg_error *err) BG_CHECKED;

#endif
