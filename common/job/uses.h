/*  Shared schedules and calendars: what a job or a schedule uses of them, and what makes their documents ones that can
    be used.

    A job names schedules (`use`) and calendars (`except`, `within`), a schedule document names calendars. Names are
    compared without regard to case. Whether something of that name is there is asked by who has the table (the broker
    when it posts, the node when it plans).  */
#ifndef BUGLE_JOB_USES_H
#define BUGLE_JOB_USES_H

#include "common/base/arena.h"
#include "proto/wire.h"

/*  One document that is used.  */
typedef struct {
    wire_type type; /*  WIRE_TYPE_SCHEDULE or WIRE_TYPE_CALENDAR  */
    bg_slice name;  /*  as it was written; points into what was asked about  */
} job_use;

/*  Each once, in the order in which they are named first; in the arena, NULL for none. For a schedule document: its
    spec, count 1.  */
job_use *job_uses (
    const wire_job_schedule *schedules, size_t schedule_count, bg_arena *arena, size_t *count);

/*  The body of a schedule document. BG_INVALID or BG_NOT_IN_VERSION with a sentence that names it.  */
bg_result job_schedule_document_check (const wire_schedule *schedule, bg_error *err) BG_CHECKED;
/*  The body of a calendar document.  */
bg_result job_calendar_document_check (const wire_calendar *calendar, bg_error *err) BG_CHECKED;

#endif
