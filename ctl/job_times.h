/*  The times of jobs in list and show, where shared schedules and calendars have a say.  */
#ifndef BUGLE_CTL_JOB_TIMES_H
#define BUGLE_CTL_JOB_TIMES_H

#include "ctl/occurrences.h"

/*  Shared documents that were asked for once; many jobs use the same few. In the run's arena.  */
typedef struct {
    ctl_run *run;
    struct ctl_shared_entry *entries;
} ctl_shared_cache;
/*  As ctl_shared_ask; ctx is a ctl_shared_cache.  */
ctl_shared_find ctl_shared_cached;

/*  When the row's document ends; 0: never, or not known.  */
int64_t ctl_job_not_after_us (const wire_job_row *row);

/*  Occurrences after from_us and before until_us find the job enabled, as far as is known; from_us INT64_MAX: none does.  */
typedef struct {
    int64_t from_us;
    int64_t until_us;
} ctl_span;
ctl_span ctl_job_enabled_span (const wire_job_row *row, int64_t now_us);

/*  Sets next, the earliest time of the schedules that is the same on all targets (null: none, or disabled), zone ("target"
    when a schedule goes by each target's own clock), and in schedules, where the object has them, next of each and note: why it cannot be used, or that it is disabled. Failures of ctl_call.  */
bg_result ctl_job_set_times (ctl_shared_cache *cache, const wire_job_row *row, const wire_job *job,
    json_t *object, bg_error *err) BG_CHECKED;

#endif
