/*  Which older version of one document each target stands at: sets of target numbers by version.

    A number is in at most one of the sets. The newest versions have sets of their own, at most
    BROKER_HELD_MAX; what is older than those is one set without a version. A number in no set
    stands at nothing that is known to be older than the newest.
*/
#ifndef BUGLE_BROKER_CORE_HELD_H
#define BUGLE_BROKER_CORE_HELD_H

#include "broker/core/bitmap.h"

#define BROKER_HELD_MAX   8
#define BROKER_HELD_NONE  0          /*  in no set  */
#define BROKER_HELD_OLDER UINT64_MAX /*  in the set without a version  */

typedef struct {
    uint64_t version;
    uint64_t revision; /*  as people count  */
    broker_bitmap numbers;
} broker_held_set;

typedef struct {
    broker_held_set sets[BROKER_HELD_MAX]; /*  ascending versions  */
    size_t count;
    broker_bitmap older;
} broker_held;

void broker_held_fini (broker_held *self);
/*  The version at which the number stands, BROKER_HELD_NONE or BROKER_HELD_OLDER. revision may be
    NULL; it is 0 for those two.  */
uint64_t broker_held_find (const broker_held *self, uint32_t number, uint64_t *revision);
/*  Moves one number, or a set of them, to a version. A version that finds no room (it is older than
    all sets, or a single number would push another set out) counts as older. version is neither of
    the two above.  */
void broker_held_put (broker_held *self, uint32_t number, uint64_t version, uint64_t revision);
void broker_held_put_all (
    broker_held *self, const broker_bitmap *numbers, uint64_t version, uint64_t revision);
/*  True when it was in a set.  */
bool broker_held_clear (broker_held *self, uint32_t number);

/*  The durable form, as that of bitmaps.  */
void broker_held_encode (const broker_held *self, bg_buf *out);
bg_result broker_held_decode (broker_held *self, bg_slice *bytes, bg_error *err) BG_CHECKED;

#endif
