/*  Sizes as people write them: 4KiB, 512MiB, 1GiB, or a number of bytes.  */
#ifndef BUGLE_JOB_SIZE_H
#define BUGLE_JOB_SIZE_H

#include "common/base/slice.h"

/*  Appends the number in the largest unit (KiB to TiB) that leaves no rest.  */
void job_size_text (uint64_t bytes, bg_buf *out);

#endif
