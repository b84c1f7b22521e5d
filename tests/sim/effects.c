/*  Kept effects: see effects.h.  */
#include "tests/sim/effects.h"

#include <stdlib.h>

sim_effect *sim_effects_add (
    sim_effects *self, int what, const bg_slice *frames, size_t frame_count)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 16;
        self->items = bg_realloc (self->items, self->capacity * sizeof *self->items);
    }
    sim_effect *effect = &self->items[self->count++];
    *effect = (sim_effect){.what = what};
    sim_pack (&effect->bytes, frames, frame_count);
    return effect;
}

void sim_effects_clear (sim_effects *self)
{
    for (size_t i = 0; i < self->count; i++)
        bg_buf_fini (&self->items[i].bytes);
    self->count = 0;
}

void sim_effects_fini (sim_effects *self)
{
    sim_effects_clear (self);
    free (self->items);
    *self = (sim_effects){0};
}

void sim_effects_move (sim_effects *from, sim_effects *to)
{
    for (size_t i = 0; i < from->count; i++)
        *sim_effects_add (to, 0, NULL, 0) = from->items[i];
    from->count = 0;
}

void sim_pack (bg_buf *out, const bg_slice *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bg_buf_append_u32 (out, (uint32_t) frames[i].size);
        bg_buf_append_slice (out, frames[i]);
    }
}

void sim_unpack (bg_slice packed, bg_slice *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bg_assert (packed.size >= 4);
        size_t size = bg_read_u32 (packed.data);
        bg_assert (packed.size >= 4 + size);
        frames[i] = bg_slice_of (packed.data + 4, size);
        packed = bg_slice_of (packed.data + 4 + size, packed.size - 4 - size);
    }
    bg_assert (packed.size == 0);
}
