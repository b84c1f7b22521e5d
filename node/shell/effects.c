/*  Held-back effects: see effects.h.  */
#include "node/shell/effects.h"

#include <stdlib.h>

node_effect *node_effects_add (
    node_effects *self, node_effect_kind kind, node_link link, const bg_slice *slices, size_t count)
{
    bg_assert (count <= 3);
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 16;
        self->items = bg_realloc (self->items, self->capacity * sizeof *self->items);
    }
    node_effect *effect = &self->items[self->count++];
    *effect = (node_effect){.kind = kind, .link = link};
    for (size_t i = 0; i < count; i++)
        effect->slices[i] = bg_arena_copy (&self->arena, slices[i]);
    return effect;
}

void node_effects_clear (node_effects *self)
{
    self->count = 0;
    bg_arena_fini (&self->arena);
}

void node_effects_fini (node_effects *self)
{
    node_effects_clear (self);
    free (self->items);
    *self = (node_effects){0};
}
