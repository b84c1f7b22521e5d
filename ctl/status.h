/*  The broker's STATUS as JSON: one object for bugle status, bugle broker status, doctor and support-bundle.
*/
#ifndef BUGLE_CTL_STATUS_H
#define BUGLE_CTL_STATUS_H

#include "ctl/client.h"

/*  The connection for a command that asks how the broker is: where no broker is known at all that is
    BG_UNREACHABLE too.  */
bg_result ctl_status_connect (ctl_run *run, ctl_client **client, bg_error *err) BG_CHECKED;
/*  A new reference.  */
json_t *ctl_status_json (const ctl_client *client, const wire_status *status);

/*  Until the backup or archive that the broker is making is whole or failed, showing progress; *status is the last one.
    BG_TIMEOUT: it goes on. BG_STORE: it failed.  */
bg_result ctl_backup_await (
    ctl_run *run, int64_t timeout_us, wire_status **status, bg_error *err) BG_CHECKED;

#endif
