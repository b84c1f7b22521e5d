/*  The body of a job document: what makes it one that can run.

    The codec guards types and sizes; here is the meaning: steps that exist, names that are names,
    expressions that can be read, an audience that is somebody. The CLI asks before it signs, the
    broker before it stores, bugle-exec before it believes. Who may sign and where it may run is
    asked elsewhere (proto/trust.h, proto/local.h, local policy).

    Defaults are zero or empty in the struct (design.md section 8): the getters below say what that
    means.  */
#ifndef BUGLE_JOB_BODY_H
#define BUGLE_JOB_BODY_H

#include "common/job/flow.h"
#include "common/job/schedule.h"
#include "proto/wire.h"

/*  Encoded, as it stands in a document.  */
#define JOB_BODY_BYTES_MAX (192 * 1024)

#define JOB_GRACE_US (INT64_C (10) * 1000000)
/*  Shorter ones would end while the broker is there: a target asks it for the time every 15 minutes.  */
#define JOB_LEASE_MIN_US     INT64_C (1800000000)
#define JOB_DURATION_STEP_US INT64_C (1000000) /*  durations of a job are whole seconds  */
/*  Instants that a job may name: 1990-01-01 to before 10000-01-01.  */
#define JOB_INSTANT_MIN_US (INT64_C (631152000) * 1000000)
#define JOB_INSTANT_MAX_US (INT64_C (253402300800) * 1000000)
#define JOB_UMASK          022
#define JOB_OUTPUT_HEAD    4096
#define JOB_OUTPUT_TAIL    12288
#define JOB_OUTPUT_KEEP    (1024 * 1024)
/*  Less memory than this runs no program.  */
#define JOB_MEMORY_MIN (1024 * 1024)

#define JOB_SPLAY_MAX_US          (INT64_C (86400) * 1000000)
#define JOB_MISFIRE_WINDOW_US     (INT64_C (86400) * 1000000)
#define JOB_MISFIRE_WINDOW_MAX_US (INT64_C (31) * 86400 * 1000000)
#define JOB_MISFIRE_MAX           10
#define JOB_MISFIRE_MAX_MAX       1000
#define JOB_MISFIRE_HELD_MAX      100000 /*  occurrences within a window of misfires  */

/*  BG_INVALID, BG_TOO_LARGE or BG_NOT_IN_VERSION with a sentence that names the step or
    schedule.  */
bg_result job_body_check (const wire_job *job, bg_error *err) BG_CHECKED;

/*  Names of environment variables: [A-Za-z_][A-Za-z0-9_]*, at most 128 bytes, not beginning with
    BUGLE_ (those are the tokens').  */
bg_result job_environment_name_valid (bg_slice name, bg_error *err) BG_CHECKED;
/*  The working directory: empty (the default) or absolute.  */
bg_result job_directory_valid (bg_slice path, bg_error *err) BG_CHECKED;

/*  The output file of a step: absolute, or beginning with a token.  */
bg_result job_output_file_valid (bg_slice path, bg_error *err) BG_CHECKED;

/*  The zone of a schedule: name is the IANA name or empty for the target's own. NULL with err
    filled when there is none; else borrowed, it must live as long as the schedules made from
    it.  */
typedef const job_zone *job_zone_lookup (void *ctx, bg_slice name, bg_error *err);
/*  A calendar by its name, likewise.  */
typedef const job_calendar *job_calendar_lookup (void *ctx, bg_slice name, bg_error *err);

/*  Where schedules find what they name. Without zone all is in UTC; without calendar they run as if
    they named none.  */
typedef struct {
    job_zone_lookup *zone;
    job_calendar_lookup *calendar;
    void *ctx;
} job_schedule_lookup;

/*  Makes one schedule ready to be asked for its occurrences; lookup may be NULL. BG_INVALID, or
    what the lookup says (BG_NOT_FOUND naming zone or calendar). Of kind USE only what
    job_body_shared has made of it is accepted. Released with job_schedule_fini.  */
bg_result job_body_schedule (const wire_job_schedule *from, const job_schedule_lookup *lookup,
    job_schedule *schedule, bg_error *err) BG_CHECKED;
/*  All of a job, in order: job->schedules_count of them in *schedules; NULL for none. The sentence
    of a failure names the schedule.  */
bg_result job_body_schedules (const wire_job *job, const job_schedule_lookup *lookup,
    job_schedule **schedules, bg_error *err) BG_CHECKED;
void job_body_schedules_free (job_schedule **schedules, size_t count);

/*  What a schedule of kind USE amounts to: all that the shared one says, under the name it has in
    the job and with the job's own word on `disabled`; that of the shared one, which a switch may
    overrule, is asked apart. Borrows from both. BG_INVALID when the two do not belong
    together.  */
bg_result job_body_shared (const wire_job_schedule *use, const wire_schedule *shared,
    wire_job_schedule *out, bg_error *err) BG_CHECKED;

/*  The view of a calendar document's body, which it borrows. BG_INVALID.  */
bg_result job_body_calendar (
    const wire_calendar *from, job_calendar *calendar, bg_error *err) BG_CHECKED;

/*  24 hours and 10 when nothing was said.  */
int64_t job_body_misfire_window_us (const wire_job_schedule *schedule);
uint64_t job_body_misfire_max (const wire_job_schedule *schedule);

/*  The flow fields of all steps, for job_flow_begin. Released with free().  */
job_flow_step *job_body_flow (const wire_job *job);
/*  10 s when nothing was said. A timeout has no default: 0 is no limit.  */
int64_t job_body_grace_us (const wire_job_step *step);

/*  022 when nothing was said.  */
uint64_t job_body_umask (const wire_job_step *step);
/*  Whether an exit code means success: 0 when nothing was said.  */
bool job_body_is_success (const wire_job_step *step, int code);

/*  Index of the step with that name (without regard to case), -1 when there is none.  */
int job_body_find_step (const wire_job *job, bg_slice name);

#endif
