/*  The schedules of a job's body: the part of its check that body.c leaves to body_schedule.c.
    Others use body.h.  */
#ifndef BUGLE_JOB_BODY_SCHEDULE_H
#define BUGLE_JOB_BODY_SCHEDULE_H

#include "common/job/body.h"

/*  Each as job_body_schedule makes it without zones and calendars, and those that use a shared one;
    names have been checked.  */
bg_result job_body_check_schedules (const wire_job *job, bg_error *err) BG_CHECKED;

#endif
