/*  What a core wanted done to the world, held back until its commit; in order. And messages as one
    run of bytes, for events that carry them.  */
#ifndef BUGLE_SIM_EFFECTS_H
#define BUGLE_SIM_EFFECTS_H

#include "common/base/id.h"

#define SIM_FRAMES_MAX 6

typedef struct {
    int what; /*  of the process that keeps it  */
    uint64_t number;
    bg_key key;
    bg_id id;
    bg_buf bytes; /*  packed frames  */
} sim_effect;

typedef struct {
    sim_effect *items;
    size_t count;
    size_t capacity;
} sim_effects;

/*  frames are copied. The effect may be completed until the next call.  */
sim_effect *sim_effects_add (
    sim_effects *self, int what, const bg_slice *frames, size_t frame_count);
void sim_effects_clear (sim_effects *self);
void sim_effects_fini (sim_effects *self);
/*  Moves all behind those of another list.  */
void sim_effects_move (sim_effects *from, sim_effects *to);

/*  Appends frames, each with its length.  */
void sim_pack (bg_buf *out, const bg_slice *frames, size_t count);
/*  Borrowed from packed; exactly count of them.  */
void sim_unpack (bg_slice packed, bg_slice *frames, size_t count);

#endif
