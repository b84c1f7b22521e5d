/*  Deeds to the broker: see issue.h.  */
#include "ctl/issue.h"

#include "common/base/now.h"
#include "ctl/client.h"

#define RECONNECT_US BG_SEC (5)

static bool is_lost (bg_result result)
{
    return result.code == BG_CLOSED || result.code == BG_TIMEOUT;
}

bg_result ctl_issue (
    ctl_run *run, const wire_issue *request, bg_id id, wire_issued **issued, bg_error *err)
{
    ctl_client *client = NULL;
    BG_TRY (ctl_run_client (run, &client, err));
    bg_result result = ctl_call (client, WIRE_ISSUE, request, WIRE_ISSUED, (void **) issued, err);
    if (!is_lost (result) || request->dry_run)
        return result;
    result = ctl_client_reconnect (client, RECONNECT_US, err);
    if (bg_is_ok (result))
        result = ctl_call (client, WIRE_ISSUE, request, WIRE_ISSUED, (void **) issued, err);
    if (bg_is_ok (result) || (!is_lost (result) && result.code != BG_UNREACHABLE))
        return result;
    bg_ignore (bg_fail (
        err, BG_UNREACHABLE, "the broker went away; whether it took the order is not known"));
    return bg_hint (err, "see: bugle exec show %s", bg_id_text (id).text);
}
