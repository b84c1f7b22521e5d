/*  Categories of jobs.  */
#ifndef BUGLE_CTL_CATEGORY_H
#define BUGLE_CTL_CATEGORY_H

#include "ctl/run.h"
#include "proto/wire.h"

/*  Notes on stderr which of these categories the broker does not know yet, with the one that is spelt alike. Empty names
    do not count. To be asked before the jobs are posted. Failures of ctl_call.  */
bg_result ctl_category_note_new (
    ctl_run *run, const bg_slice *names, size_t count, bg_error *err) BG_CHECKED;

#endif
