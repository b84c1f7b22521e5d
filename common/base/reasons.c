/*  The table of reasons: see reasons.h. Words only, no decision hangs on it.  */
#include "common/base/reasons.h"

const bg_reason bg_reasons[] = {
#define BG_REASON(word, meaning, broker, target, cure) {word, meaning, broker, target, cure},
#include "common/base/reasons.def"
#undef BG_REASON
    {0},
};

const bg_reason *bg_reason_find (bg_slice word)
{
    for (const bg_reason *row = bg_reasons; row->word; row++) {
        if (bg_slice_equal (bg_slice_str (row->word), word))
            return row;
    }
    return NULL;
}
