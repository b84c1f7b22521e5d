/*  Giving a signed deed to the broker, once however often it has to be sent.  */
#ifndef BUGLE_CTL_ISSUE_H
#define BUGLE_CTL_ISSUE_H

#include "ctl/run.h"
#include "proto/wire.h"

/*  Above so many targets a command asks first.  */
#define CTL_ASK_ABOVE 100

/*  request->deed is signed, id its own. A lost answer is asked for again with the same bytes: the broker issues them once.
    *issued lives in the run's arena.  */
bg_result ctl_issue (ctl_run *run, const wire_issue *request, bg_id id, wire_issued **issued,
    bg_error *err) BG_CHECKED;

#endif
