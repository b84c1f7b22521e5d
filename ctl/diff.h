/*  What differs between two texts, line by line. Pure.  */
#ifndef BUGLE_CTL_DIFF_H
#define BUGLE_CTL_DIFF_H

#include "common/base/slice.h"

/*  Appends every line that is only in before as "- line" and every line that is only in after as
    "+ line", in their order; nothing when the texts are equal. The least number of lines for texts of
    up to 2,000 lines each, all lines of both beyond that.  */
void ctl_diff (bg_slice before, bg_slice after, bg_buf *out);

#endif
