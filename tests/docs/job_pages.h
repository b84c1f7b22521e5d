/*  The parts of pages about job files that are made: from the tables of the reader (common/job/fields.h), by reading and by
    asking schedules.  */
#ifndef BUGLE_TESTS_JOB_PAGES_H
#define BUGLE_TESTS_JOB_PAGES_H

#include "common/base/slice.h"

/*  Every key: value, limits, default, meaning, the Agent's name, what is refused and with which words, its test.  */
void job_page_keys (bg_buf *out);
/*  What became of everything in the Agent's model.  */
void job_page_agent (bg_buf *out);
/*  Examples of schedules and when they run next.  */
void job_page_schedules (bg_buf *out);

#endif
