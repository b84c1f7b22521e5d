/*  Reading job files in tests of what their keys become.

    The only time zone is UTC; an iCalendar file is the day 2026-05-01 and whatever was asked for in `source`, but
    broken.ics, which is refused. What came out is compared as text: the fields of a wire struct that
    are not their default, in the order of the wire. Everything here ends the test when it is not so.  */
#ifndef TESTS_UNIT_JOB_YAML_READING_H
#define TESTS_UNIT_JOB_YAML_READING_H

#include "common/job/fields.h"
#include "common/job/yaml_job.h"

#define TODAY 20260310

/*  A file that was read, what was said of it, and how the reading ended.  */
typedef struct {
    job_zone *utc;
    job_yaml_set *set;
    bg_diag *diag;
    bg_error err;
    bg_result result;
} reading;

/*  Reads text as the file j.yaml on the day today (YYYYMMDD). reading_fini gives it back, also when
    text was refused.  */
void read_on (reading *self, const char *text, uint32_t today);

void reading_fini (reading *self);

/*  The only document of what was read without a mistake; text is named when it is not so.
    Borrowed from the reading.  */
const job_yaml_document *only_document (const reading *it, const char *text);

/*  Appends wire_print of value on one line: without quotes, lists as their items.  */
void append_fields (const wire_desc *desc, const void *value, bg_buf *out);

/*  That exactly this is said about the inside of a map: a mistake, or a warning.  */
void assert_says (job_map map, const char *inside, bool is_warning, const char *want);

#endif
