/*  Arena: see arena.h.  */
#include "common/base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bg_arena_block {
    bg_arena_block *next;
    size_t used;
    size_t size;
    alignas (16) uint8_t data[];
};

#define BLOCK_BYTES ((size_t) 2048)

/*  Of a usual block only what is handed out is cleared: most messages need a tenth of it. One for a single big
    allocation may be pages that nobody had, which the kernel has cleared.  */
static bg_arena_block *block_of (size_t size)
{
    size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    bg_arena_block *block = room > BLOCK_BYTES ? bg_alloc (sizeof *block + room)
                                               : bg_realloc (NULL, sizeof *block + room);
    *block = (bg_arena_block){.size = room};
    return block;
}

void bg_arena_fini (bg_arena *self)
{
    if (!self)
        return;
    while (self->blocks) {
        bg_arena_block *next = self->blocks->next;
        free (self->blocks);
        self->blocks = next;
    }
    self->bytes = 0;
}

void bg_arena_reset (bg_arena *self)
{
    bg_arena_block *kept = NULL;
    while (self->blocks) {
        bg_arena_block *block = self->blocks;
        self->blocks = block->next;
        if (!kept && block->size == BLOCK_BYTES)
            kept = block;
        else
            free (block);
    }
    if (kept) {
        kept->used = 0;
        kept->next = NULL;
        self->blocks = kept;
    }
    self->bytes = 0;
}

void *bg_arena_alloc (bg_arena *self, size_t size)
{
    bg_assert (size < SIZE_MAX / 4);
    size = (size + 15) & ~(size_t) 15;
    bg_arena_block *block = self->blocks;
    if (!block || block->size - block->used < size) {
        block = block_of (size);
        block->next = self->blocks;
        self->blocks = block;
    }
    void *place = block->data + block->used;
    block->used += size;
    self->bytes += size;
    return block->size > BLOCK_BYTES ? place : memset (place, 0, size);
}

bg_slice bg_arena_copy (bg_arena *self, bg_slice slice)
{
    return (bg_slice){(const uint8_t *) bg_arena_str (self, slice), slice.size};
}

char *bg_arena_str (bg_arena *self, bg_slice slice)
{
    char *copy = bg_arena_alloc (self, slice.size + 1);
    if (slice.size)
        memcpy (copy, slice.data, slice.size);
    return copy;
}

bg_slice bg_arena_printf (bg_arena *self, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    va_list again;
    va_copy (again, args);
    int size = vsnprintf (NULL, 0, format, args);
    va_end (args);
    bg_assert (size >= 0);
    char *text = bg_arena_alloc (self, (size_t) size + 1);
    (void) vsnprintf (text, (size_t) size + 1, format, again);
    va_end (again);
    return bg_slice_of (text, (size_t) size);
}
