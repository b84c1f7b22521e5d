/*  Why something was refused or did not happen, in words for people: the rows of reasons.def.

    Constant data; nothing is allocated.
*/
#ifndef BUGLE_BASE_REASONS_H
#define BUGLE_BASE_REASONS_H

#include "common/base/slice.h"

typedef struct {
    const char *word; /*  of codes.def, or the reason of a run that did not happen  */
    const char *meaning;
    const char *broker; /*  how it looks at the broker; "-": it never shows there  */
    const char *target; /*  how it looks on the target; "-": it never shows there  */
    const char *cure;
} bg_reason;

/*  Ends with a row whose word is NULL.  */
extern const bg_reason bg_reasons[];

/*  The row of a word; NULL when there is none.  */
const bg_reason *bg_reason_find (bg_slice word);

#endif
