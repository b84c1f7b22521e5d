/*  The word a person probably meant: "did you mean ...?"  */
#ifndef BUGLE_BASE_NEAREST_H
#define BUGLE_BASE_NEAREST_H

#include "common/base/slice.h"

/*  The word with the smallest edit distance (case ignored; a swap of neighbours is one edit), NULL
   when none is near: more than a third of the longer word would change. The first wins a tie. typed
   over 64 bytes is near nothing.  */
const char *bg_nearest (bg_slice typed, const char *const *words, size_t count);

#endif
