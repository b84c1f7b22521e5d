/*  Jobs as YAML: the files that people write, and back.

    Reading collects jobs in a set: one or more files, one or more jobs in each (separated by
    `---`). Everything that is wrong is told at once, with its place and the nearest right word.
    What a later version brings is refused with "not in this version" and never ignored.

    A job that was read is normal: defaults are zero or empty, environments are ordered by name,
    goto has become a step number. So the same file always gives the same bytes, and what
    job_yaml_write makes of a normal job reads as the identical struct.  */
#ifndef BUGLE_JOB_YAML_JOB_H
#define BUGLE_JOB_YAML_JOB_H

#include "common/sys/diag.h"
#include "proto/wire.h"

typedef struct job_yaml_set job_yaml_set;

/*  Whether a zone is known where the file is read. name passed the grammar. NULL instead of the
    function: all are.  */
typedef struct {
    bool (*zone_exists) (void *ctx, const char *name);
    void *ctx;
} job_yaml_zones;

/*  zones may be NULL and is copied.  */
job_yaml_set *job_yaml_set_create (const job_yaml_zones *zones);
void job_yaml_set_destroy (job_yaml_set **self_p);
/*  What is read from now on are jobs of this machine alone: their names get the prefix local/ unless it is written, and
    they need no targets (and have none but all).  */
void job_yaml_set_local (job_yaml_set *self);

/*  Reads a text. file is the name to show. Jobs with a mistake are left out of the set, the others
    are added; a job name that the set already has is a mistake. BG_INVALID when this text brought
    any; all of them are in diag.  */
bg_result job_yaml_read (
    job_yaml_set *self, const char *file, bg_slice text, bg_diag *diag, bg_error *err) BG_CHECKED;

/*  In the order read. Everything belongs to the set.  */
size_t job_yaml_count (const job_yaml_set *self);
const wire_job *job_yaml_job (const job_yaml_set *self, size_t index);
/*  Where it was read; line from 1.  */
const char *job_yaml_file (const job_yaml_set *self, size_t index);
uint32_t job_yaml_line (const job_yaml_set *self, size_t index);
/*  Of a local job: whether its name was written with the prefix.  */
bool job_yaml_is_prefixed (const job_yaml_set *self, size_t index);

/*  Appends the YAML text of a job that passed job_body_check.  */
void job_yaml_write (const wire_job *job, bg_buf *out);

#endif
