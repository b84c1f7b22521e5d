/*  Jobs in words and in JSON. Pure.  */
#ifndef BUGLE_CTL_JOB_VIEW_H
#define BUGLE_CTL_JOB_VIEW_H

#include "ctl/output.h"
#include "ctl/zones.h"
#include "proto/wire.h"

/*  True when the body inside the signed document is, byte by byte, what value (of desc) encodes to.  */
bool ctl_same_body (const wire_signed *document, const wire_desc *desc, const void *value);
/*  The job inside a signed document, in the arena. BG_TOO_NEW when a newer program wrote it.  */
bg_result ctl_job_decode (
    const wire_signed *document, bg_arena *arena, wire_job *job, bg_error *err) BG_CHECKED;

/*  It has deleted itself on all of its targets.  */
bool ctl_job_is_spent (const wire_job_row *row);
/*  Index of a step by its name or, when none has that, its number from 1; -1 when there is none.  */
int ctl_job_step (const wire_job *job, bg_slice typed);

/*  The object of one job: name, key, enabled, disabled_reason, version (as people count), document_version, audience,
    category, step_count, schedule_count, targets, pending, waiting, applied, failed, running, last_state, last, posted,
    posted_by. New reference.  */
json_t *ctl_job_json (const wire_job_row *row);
/*  Adds what the definition says: description, start, steps, schedules (each with next, when it can be told here), and
    definition, its YAML. now_us: for next.  */
void ctl_job_add_definition (json_t *object, const wire_job *job, int64_t now_us);

/*  Adds holders: which targets hold which version, and what becomes of the newest there.  */
void ctl_job_add_holders (json_t *object, const wire_job_row *row);
/*  All that it is for hold the newest version.  */
bool ctl_job_is_everywhere (const wire_job_row *row);

/*  Columns and fields over these objects.  */
extern const ctl_column ctl_job_columns[];
extern const size_t ctl_job_column_count;
extern const ctl_column ctl_job_fields[];
extern const size_t ctl_job_field_count;
extern const ctl_column ctl_job_step_columns[];
/*  The last one, what steps have beside their programs, only where one of them has something.  */
size_t ctl_job_step_column_count (const json_t *steps);
extern const ctl_column ctl_job_holder_columns[];
extern const size_t ctl_job_holder_column_count;
extern const ctl_column ctl_job_schedule_columns[];
extern const size_t ctl_job_schedule_column_count;

/*  Of a row with running and waiting_runs: "2", "2 + 1 waiting".  */
void ctl_running_print (const ctl_output *out, const json_t *row, bg_buf *text);

#endif
