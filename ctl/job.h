/*  Jobs as the broker has them: asking for one, comparing it, showing it.  */
#ifndef BUGLE_CTL_JOB_H
#define BUGLE_CTL_JOB_H

#include "ctl/job_view.h"
#include "ctl/run.h"
#include "proto/wire.h"

/*  What the broker has under a name. row is NULL when there is no such job; then withdrawn_version is that of its
    withdrawal, 0 when the name was never used.  */
typedef struct {
    const wire_job_row *row; /*  in the run's arena  */
    uint64_t withdrawn_version;
} ctl_job_found;

/*  Asks for a name; one that the broker does not have is no failure. documents: with the signed job and switch.  */
bg_result ctl_job_look (
    ctl_run *run, bg_slice name, bool documents, ctl_job_found *found, bg_error *err) BG_CHECKED;
/*  The job of that name. BG_NOT_FOUND with the nearest name, or with the sentence that it was deleted.  */
bg_result ctl_job_find (ctl_run *run, const char *name, bool documents, const wire_job_row **row,
    bg_error *err) BG_CHECKED;

/*  --reason, checked: at most 512 bytes of text; empty when it was not given. BG_USAGE.  */
bg_result ctl_reason (ctl_run *run, bg_slice *reason, bg_error *err) BG_CHECKED;

/*  Appends "5 targets", "1 target".  */
void ctl_targets_count (uint64_t count, bg_buf *out);

#endif
