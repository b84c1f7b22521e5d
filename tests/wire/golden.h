/*  Text that a program makes, compared with a file of the source tree.  */
#ifndef BUGLE_TESTS_WIRE_GOLDEN_H
#define BUGLE_TESTS_WIRE_GOLDEN_H

#include "common/base/slice.h"

/*  Reads a whole file into out; false with a line on stderr when that fails.  */
bool golden_read (const char *path, bg_buf *out);
/*  With bless the file is written. Else it is compared: the first difference and the command that settles it go to
    stderr. Returns the exit code of the program.  */
int golden_settle (const char *program, const char *path, bg_slice made, bool bless);

#endif
