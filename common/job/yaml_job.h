/*  Job files: the documents that people write as YAML, and back.

    Reading collects documents in a set: one or more files, one or more documents in each (separated
    by `---`). A document is a job, a schedule that many jobs use, or a calendar. Everything that is
    wrong is told at once, with its place and the nearest right word; what is merely unwise is a
    warning. What a later version brings is refused with "not in this version" and never ignored.

    What was read is normal: defaults are zero or empty, environments are ordered by name, goto has
    become a step number. So the same file always gives the same bytes, and what the writers make of
    a normal document reads as the identical struct.

    One thing does not stand in a file and is needed: the day from which "every 2 weeks" is counted
    (sqlagent.md 7.5). The reader puts in the date that it is told is today, unless the file says
    `anchor`. So that an unchanged file stays unchanged, ask job_yaml_keep_anchors with what is in
    force before comparing.  */
#ifndef BUGLE_JOB_YAML_JOB_H
#define BUGLE_JOB_YAML_JOB_H

#include "common/base/arena.h"
#include "common/job/zone.h"
#include "common/sys/diag.h"
#include "proto/wire.h"

typedef struct job_yaml_set job_yaml_set;

/*  Beyond it a calendar knows nothing; one that was written by hand knows everything: the first
    instant of the year 10000.  */
#define JOB_YAML_HORIZON_US    (INT64_C (253402300800) * 1000000)
#define JOB_YAML_ICS_YEARS_MAX 10

/*  What the reader asks of its surroundings. Each may be left out.  */
typedef struct {
    void *ctx;
    /*  Whether a zone is known here. name passed the grammar. NULL: all are.  */
    bool (*zone_exists) (void *ctx, const char *name);
    /*  A zone for the ranges of a calendar; borrowed until the read is over. NULL with err filled.
        Without it such ranges are refused.  */
    const job_zone *(*zone) (void *ctx, const char *name, bg_error *err);
    /*  Reads an iCalendar file: fills local_ranges, utc_ranges, horizon_us and source of calendar
        from memory of arena. yaml_file is the file that names it, path as it stands there, years 1
        to JOB_YAML_ICS_YEARS_MAX. Without it `ics` is refused.  */
    bg_result (*ics) (void *ctx, const char *yaml_file, const char *path, unsigned years,
        bg_arena *arena, wire_calendar *calendar, bg_error *err);
    /*  The date of today, YYYYMMDD; 0: no anchors are put in, nothing is said about the past.  */
    uint32_t today;
} job_yaml_ports;

/*  ports may be NULL and is copied.  */
job_yaml_set *job_yaml_set_create (const job_yaml_ports *ports);
void job_yaml_set_destroy (job_yaml_set **self_p);
/*  What is read from now on are jobs of this machine alone: their names get the prefix local/ unless
    it is written, they need no targets (and have none but all), and they use no shared schedules and
    calendars.  */
void job_yaml_set_local (job_yaml_set *self);

/*  Reads a text. file is the name to show. Documents with a mistake are left out of the set, the
    others are added; a name that the set already has for a document of its type is a mistake.
    BG_INVALID when this text brought any; all of them are in diag, and the warnings.  */
bg_result job_yaml_read (
    job_yaml_set *self, const char *file, bg_slice text, bg_diag *diag, bg_error *err) BG_CHECKED;

typedef struct {
    wire_type type;        /*  WIRE_TYPE_CALENDAR, WIRE_TYPE_SCHEDULE or WIRE_TYPE_JOB  */
    bg_slice name;         /*  as it stands in the body  */
    const wire_desc *desc; /*  of body  */
    const void *body;      /*  wire_calendar, wire_schedule or wire_job  */
    const char *file;      /*  where it was read  */
    uint32_t line;         /*  from 1  */
    bool is_prefixed;      /*  of a local job: its name was written with the prefix  */
    int64_t not_after_us;  /*  of a job: no target takes it from then on; 0: none  */
} job_yaml_document;

/*  All documents in an order in which they can be posted: calendars, schedules, jobs; each kind in
    the order read. Everything belongs to the set; valid until the next read.  */
size_t job_yaml_documents (const job_yaml_set *self);
const job_yaml_document *job_yaml_document_at (const job_yaml_set *self, size_t index);

/*  The jobs alone, in the order read.  */
size_t job_yaml_count (const job_yaml_set *self);
const job_yaml_document *job_yaml_job_at (const job_yaml_set *self, size_t index);
const wire_job *job_yaml_job (const job_yaml_set *self, size_t index);

/*  Takes over the anchors of what is in force (held: a body of the type of that document) into the
    schedules of a document that have the same name, the same form and the same first day, and whose
    anchor the file does not say. index as of job_yaml_document_at.  */
void job_yaml_keep_anchors (job_yaml_set *self, size_t index, const void *held);

/*  Appends the YAML text of a document that passed its check (common/job/body.h): reading it gives
    the same body.  */
void job_yaml_write (const wire_job *job, bg_buf *out);
void job_yaml_write_schedule (const wire_schedule *schedule, bg_buf *out);
void job_yaml_write_calendar (const wire_calendar *calendar, bg_buf *out);
/*  By type: as above, with the time that the document itself is limited to (0: none).  */
void job_yaml_write_document (wire_type type, const void *body, int64_t not_after_us, bg_buf *out);

#endif
