/*  Writing job files: what yaml_write.c and yaml_write_schedule.c share. Not for others.

    Every line begins at an indent of blanks and ends with a newline.  */
#ifndef BUGLE_JOB_YAML_WRITE_H
#define BUGLE_JOB_YAML_WRITE_H

#include "common/job/civil.h"
#include "common/job/yaml_job.h"

/*  A text: plain where that cannot be mistaken, quoted otherwise.  */
void job_write_text (bg_slice text, bg_buf *out);
/*  "key: text" at an indent, with a block indented further where one fits.  */
void job_write_pair (int indent, const char *key, bg_slice text, bg_buf *out);
/*  The same for what is not empty, or not 0.  */
void job_write_optional (int indent, const char *key, bg_slice text, bg_buf *out);
void job_write_duration (int indent, const char *key, uint64_t duration_us, bg_buf *out);
void job_write_environment (int indent, const wire_pair *pairs, size_t count, bg_buf *out);
void job_write_names (
    int indent, const char *key, const bg_slice *names, size_t count, bg_buf *out);
/*  "[a, b]".  */
void job_write_list (const bg_slice *texts, size_t count, bg_buf *out);
/*  RFC 3339 in UTC.  */
void job_write_instant (int indent, const char *key, int64_t utc_us, bg_buf *out);

/*  A schedule without its name and where it is used; each line at the indent.  */
void job_write_schedule (int indent, const wire_job_schedule *schedule, bg_buf *out);

#endif
