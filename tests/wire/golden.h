/*  Text that a program makes, compared with a file of the source tree.  */
#ifndef BUGLE_TESTS_WIRE_GOLDEN_H
#define BUGLE_TESTS_WIRE_GOLDEN_H

#include "common/base/slice.h"

/*  Reads a whole file into out; false with a line on stderr when that fails.  */
bool golden_read (const char *path, bg_buf *out);
/*  With bless the file is written. Else it is compared: the first difference and the command that settles it go to
    stderr. Returns the exit code of the program.  */
int golden_settle (const char *program, const char *path, bg_slice made, bool bless);

/*  A part of a page that is made from a table of the source.  */
typedef struct {
    const char *name; /*  lower-case letters  */
    void (*make) (bg_buf *out);
} golden_part;

/*  Copies a page to out, with what stands between a line "<!-- made: NAME -->" and the next "<!-- end -->" made anew.
    False, with a line on stderr, when a name is unknown. *count (may be NULL) becomes the number of marked parts.  */
bool golden_rebuild (
    bg_slice page, const golden_part *parts, size_t part_count, bg_buf *out, size_t *count);

#endif
