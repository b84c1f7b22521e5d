/*  Jobs as the broker has them: asking for one, comparing it, showing it.  */
#ifndef BUGLE_CTL_JOB_H
#define BUGLE_CTL_JOB_H

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

/*  True when the body inside the signed document is, byte by byte, what value (of desc) encodes to.  */
bool ctl_same_body (const wire_signed *document, const wire_desc *desc, const void *value);
/*  The job inside a signed document, in the arena. BG_TOO_NEW when a newer program wrote it.  */
bg_result ctl_job_decode (
    const wire_signed *document, bg_arena *arena, wire_job *job, bg_error *err) BG_CHECKED;

/*  --reason, checked: at most 512 bytes of text; empty when it was not given. BG_USAGE.  */
bg_result ctl_reason (ctl_run *run, bg_slice *reason, bg_error *err) BG_CHECKED;

/*  Appends "5 targets", "1 target".  */
void ctl_targets_count (uint64_t count, bg_buf *out);

#endif
