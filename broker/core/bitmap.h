/*  Sets of target numbers: growing bitmaps with a compact durable form.

    Numbers are given from 1 up and never reused, so a set of most targets is mostly ones: eight
    targets a byte in memory and, where words repeat (nobody, everybody), next to nothing in the
    store.
*/
#ifndef BUGLE_BROKER_CORE_BITMAP_H
#define BUGLE_BROKER_CORE_BITMAP_H

#include "common/base/slice.h"

typedef struct {
    uint64_t *words;
    size_t count; /*  words owned  */
} broker_bitmap;

void broker_bitmap_fini (broker_bitmap *self);
bool broker_bitmap_has (const broker_bitmap *self, uint32_t number);
/*  True when the set changed.  */
bool broker_bitmap_set (broker_bitmap *self, uint32_t number);
bool broker_bitmap_clear (broker_bitmap *self, uint32_t number);
void broker_bitmap_empty (broker_bitmap *self);
void broker_bitmap_copy (broker_bitmap *self, const broker_bitmap *from);
size_t broker_bitmap_size (const broker_bitmap *self);
/*  Members of both sets.  */
size_t broker_bitmap_size_both (const broker_bitmap *a, const broker_bitmap *b);
/*  Adds the members of another set; removes them; keeps only them.  */
void broker_bitmap_add (broker_bitmap *self, const broker_bitmap *from);
void broker_bitmap_remove (broker_bitmap *self, const broker_bitmap *from);
void broker_bitmap_keep (broker_bitmap *self, const broker_bitmap *from);
/*  The smallest member > after; 0 when there is none.  */
uint32_t broker_bitmap_next (const broker_bitmap *self, uint32_t after);

/*  Appends the durable form: u32 count of runs, then per run u32 words and u64 value, all
    big-endian.  */
void broker_bitmap_encode (const broker_bitmap *self, bg_buf *out);
/*  Reads one set from *bytes and moves *bytes behind it. BG_STORE when the bytes are not such a
    form; sets of more than 2^26 numbers are refused too.  */
bg_result broker_bitmap_decode (broker_bitmap *self, bg_slice *bytes, bg_error *err) BG_CHECKED;

#endif
