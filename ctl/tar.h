/*  A small tar.gz in memory: regular files only, of one owner, with one time. Not compressed (gzip's stored blocks): any tar
    reads it, and no library is needed for it.
*/
#ifndef BUGLE_CTL_TAR_H
#define BUGLE_CTL_TAR_H

#include "common/base/slice.h"

typedef struct {
    bg_buf bytes;   /*  the tar so far  */
    int64_t time_s; /*  of all files  */
} ctl_tar;

/*  name: at most 99 bytes.  */
void ctl_tar_add (ctl_tar *self, const char *name, bg_slice content);
/*  Ends the tar and appends it, as gzip, to out.  */
void ctl_tar_end (ctl_tar *self, bg_buf *out);
void ctl_tar_fini (ctl_tar *self);

#endif
