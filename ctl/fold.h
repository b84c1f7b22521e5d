/*  Sets of names as one short text: web[001-040].  */
#ifndef BUGLE_CTL_FOLD_H
#define BUGLE_CTL_FOLD_H

#include "common/base/slice.h"

/*  Appends the names folded as a host list. max_bytes 0: all of it; otherwise it is cut between
    names and ends with " and N more". total may be larger than count when not all names are known:
    the rest counts as more. No names: "-".  */
void ctl_fold (const bg_slice *names, size_t count, size_t total, size_t max_bytes, bg_buf *out);

#endif
