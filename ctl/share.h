/*  Numbers on the command line that may be a share of the targets: 5 or 10%.  */
#ifndef BUGLE_CTL_SHARE_H
#define BUGLE_CTL_SHARE_H

#include "common/base/err.h"

#include <stddef.h>

/*  5 is 5, 10% of 25 is 3: a share is rounded up, so that it is never nothing. At least 1. BG_USAGE for other text, in the
    name of the option.  */
bg_result ctl_share (
    const char *option, const char *text, size_t of, size_t *count, bg_error *err) BG_CHECKED;

#endif
