/*  Schedules and calendars that jobs share, as the broker has them: asking for one, showing it.  */
#ifndef BUGLE_CTL_SHARED_H
#define BUGLE_CTL_SHARED_H

#include "ctl/output.h"
#include "ctl/run.h"
#include "proto/wire.h"

/*  row is NULL when there is none of that name; then withdrawn_version is that of its withdrawal, 0 when the name was
    never used.  */
typedef struct {
    const wire_document_row *row; /*  in the run's arena, with its signed documents  */
    uint64_t withdrawn_version;
} ctl_document_found;

/*  type: WIRE_TYPE_SCHEDULE or WIRE_TYPE_CALENDAR. One that is not there is no failure.  */
bg_result ctl_document_look (ctl_run *run, wire_type type, bg_slice name, ctl_document_found *found,
    bg_error *err) BG_CHECKED;
/*  BG_NOT_FOUND with the nearest name, or with the sentence that it was deleted.  */
bg_result ctl_document_find (ctl_run *run, wire_type type, const char *name,
    const wire_document_row **row, bg_error *err) BG_CHECKED;

/*  ---- views ----  */

/*  {type, name, key, enabled, version, ...} of a schedule or calendar, with what its document says when it came along.
    New reference.  */
json_t *ctl_document_json (const wire_document_row *row, int64_t now_us);

extern const ctl_column ctl_schedule_columns[];
extern const size_t ctl_schedule_column_count;
extern const ctl_column ctl_schedule_fields[];
extern const size_t ctl_schedule_field_count;
extern const ctl_column ctl_calendar_columns[];
extern const size_t ctl_calendar_column_count;
extern const ctl_column ctl_calendar_fields[];
extern const size_t ctl_calendar_field_count;
extern const ctl_column ctl_calendar_range_columns[];
extern const size_t ctl_calendar_range_column_count;

/*  What a job uses: [{type, name, version, enabled, when}], one row for each. New reference. A name that the broker does
    not have has no version.  */
bg_result ctl_document_uses (
    ctl_run *run, const wire_job *job, json_t **uses, bg_error *err) BG_CHECKED;
extern const ctl_column ctl_use_columns[];
extern const size_t ctl_use_column_count;

#endif
