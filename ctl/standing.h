/*  What stands at the broker under a name: a job, a schedule or a calendar. What apply, versions, revert and delete need
    of all three; what only one of them has is asked by its own commands (job.h, shared.h).
*/
#ifndef BUGLE_CTL_STANDING_H
#define BUGLE_CTL_STANDING_H

#include "ctl/run.h"
#include "proto/wire.h"

/*  Everything in the run's arena.  */
typedef struct {
    wire_type type; /*  WIRE_TYPE_JOB, SCHEDULE or CALENDAR  */
    bg_slice name;  /*  as the broker has it; as it was asked for when it is not there  */
    bool is_here;
    uint64_t version; /*  of what is here, else of its withdrawal; 0: the name was never used  */
    uint64_t revision;
    uint64_t targets;
    bool is_disabled;
    int64_t enabled_until_us; /*  0: it was not said  */
    uint64_t switch_version;
    bg_id key;
    const wire_signed *document;        /*  NULL when it is not here, or was not asked for  */
    const wire_signed *switch_document; /*  likewise, and when nobody ever switched it  */
} ctl_standing;

/*  What a row says; borrows from it. type: what was asked for.  */
ctl_standing ctl_standing_of_job (const wire_job_row *row);
ctl_standing ctl_standing_of_shared (wire_type type, const wire_document_row *row);

/*  One that the broker does not have is no failure.  */
bg_result ctl_standing_look (
    ctl_run *run, wire_type type, bg_slice name, ctl_standing *out, bg_error *err) BG_CHECKED;
/*  BG_NOT_FOUND with the nearest name, unless it was deleted.  */
bg_result ctl_standing_known (
    ctl_run *run, wire_type type, bg_slice name, ctl_standing *out, bg_error *err) BG_CHECKED;

/*  What somebody has written: of a signed document or of a file. body NULL: nothing.  */
typedef struct {
    wire_type type;
    const void *body;     /*  wire_job, wire_schedule, wire_calendar  */
    int64_t not_after_us; /*  no target takes it from then on; 0: none  */
} ctl_definition;

/*  That of a signed document, in the arena. BG_MALFORMED when it is another type.  */
bg_result ctl_definition_of (const wire_signed *document, wire_type type, bg_arena *arena,
    ctl_definition *definition, bg_error *err) BG_CHECKED;
bg_slice ctl_definition_name (const ctl_definition *self);
/*  The same, so that nothing is to be posted.  */
bool ctl_definition_equal (const ctl_definition *a, const ctl_definition *b);
/*  Appends its YAML.  */
void ctl_definition_write (const ctl_definition *self, bg_buf *out);
/*  Appends how the YAML of before becomes that of after, line by line; before may be nothing.  */
void ctl_definition_diff (const ctl_definition *before, const ctl_definition *after, bg_buf *out);
/*  Signs it as the next version after the last one (0: none).  */
bg_result ctl_definition_sign (ctl_run *run, const ctl_definition *self, uint64_t last_version,
    wire_signed *out, bg_error *err) BG_CHECKED;

#endif
