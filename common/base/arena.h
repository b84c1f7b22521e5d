/*  Arena: memory that is released all at once. Decoded messages live in one. Zeroed memory, aligned to 16 bytes.  */
#ifndef BUGLE_BASE_ARENA_H
#define BUGLE_BASE_ARENA_H

#include "common/base/slice.h"

typedef struct bg_arena_block bg_arena_block;

typedef struct {
    bg_arena_block *blocks; /*  newest first  */
    size_t bytes;           /*  handed out in all  */
} bg_arena;

void bg_arena_fini (bg_arena *self);
/*  Everything in it is gone; one block stays for what comes next. For an arena that is filled again and again.  */
void bg_arena_reset (bg_arena *self);
void *bg_arena_alloc (bg_arena *self, size_t size) __attribute__ ((returns_nonnull));
/*  Copies of bytes into the arena; the string is NUL-terminated behind its slice.  */
bg_slice bg_arena_copy (bg_arena *self, bg_slice slice);
char *bg_arena_str (bg_arena *self, bg_slice slice) __attribute__ ((returns_nonnull));
bg_slice bg_arena_printf (bg_arena *self, const char *format, ...) BG_PRINTF (2, 3);
/*  An array of count items.  */
#define bg_arena_array(arena, type, count)                                                         \
    ((type *) bg_arena_alloc ((arena), sizeof (type) * (size_t) (count)))

#define BG_AUTO_ARENA __attribute__ ((cleanup (bg_arena_fini))) bg_arena

#endif
