/*  The bytes of a time zone file that a test needs.  */
#ifndef BUGLE_TESTS_ZONE_BYTES_H
#define BUGLE_TESTS_ZONE_BYTES_H

#include "common/base/slice.h"

/*  Appends one offset for ever, seconds east: the block of version 1, the same in version 2, and no rule behind it.  */
void zone_bytes_of_offset (int32_t offset, bg_buf *out);

#endif
