/*  Jobs in words, for tables and answers: one line, no more.  */
#ifndef BUGLE_JOB_DESCRIBE_H
#define BUGLE_JOB_DESCRIBE_H

#include "proto/wire.h"

/*  Appends "cron 0 12 * * 1-5, Europe/Berlin", "cron 30 2 * * *" (in the target's zone), "every
    5s", "every 2 weeks on Mon, Thu at 08:00, Europe/Berlin, except holidays".  */
void job_describe_schedule (const wire_job_schedule *schedule, bg_buf *out);
/*  All schedules, joined by "; "; "on command only" when there is none, "never" when nobody may
    start it either.  */
void job_describe_schedules (const wire_job *job, bg_buf *out);
/*  "all", "group db or names web[01-03]".  */
void job_describe_audience (const wire_job *job, bg_buf *out);
/*  "run pg_dumpall --file ..." or "script of 3 lines under /bin/sh".  */
void job_describe_step (const wire_job_step *step, bg_buf *out);
/*  What a step has beside its program: "as postgres; umask 027; success 0, 3, 10-20; output to
    /var/log/x; memory 512MiB"; nothing when all is as by default.  */
void job_describe_surroundings (const wire_job_step *step, bg_buf *out);
/*  How long a job and its history live, and what becomes of two runs at once: "queue; begins with
    two; lease 7d; deletes itself on success; history 30d, 500 runs"; nothing by default.  */
void job_describe_rules (const wire_job *job, bg_buf *out);
/*  What follows a success or a failure: "by default", "next", "fail", "go to step 2 (report)".  */
void job_describe_action (const wire_job *job, uint64_t action, uint64_t step, bg_buf *out);
/*  "by any login", "by logins and the broker, at most 4 per 1d", "by nobody".  */
void job_describe_start (const wire_job *job, bg_buf *out);

#endif
