/*  Slices and buffers.

    bg_slice is a borrowed run of bytes: it owns nothing and is valid as long as what it points into.
    bg_buf is a growable run of bytes that owns its memory. Out of memory ends the process (bg_alloc): a daemon that
    cannot allocate a kilobyte cannot record anything either, and restart is its recovery.
*/
#ifndef BUGLE_BASE_SLICE_H
#define BUGLE_BASE_SLICE_H

#include "common/base/err.h"

#include <string.h>

typedef struct {
    const uint8_t *data; /*  may be NULL when size is 0  */
    size_t size;         /*  bytes  */
} bg_slice;

static inline bg_slice bg_slice_of (const void *data, size_t size)
{
    return (bg_slice){(const uint8_t *) data, size};
}

/*  Of a C string, without its NUL; NULL gives the empty slice.  */
static inline bg_slice bg_slice_str (const char *text)
{
    return (bg_slice){(const uint8_t *) text, text ? strlen (text) : 0};
}

static inline bool bg_slice_equal (bg_slice a, bg_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp (a.data, b.data, a.size) == 0);
}

/*  Order of bytes, then of length: <0, 0, >0 as memcmp.  */
int bg_slice_compare (bg_slice a, bg_slice b);
bool bg_slice_is (bg_slice a, const char *text);
/*  Arguments for "%.*s".  */
#define BG_SLICE_ARG(slice) (int) (slice).size, (const char *) (slice).data

/*  Memory that never comes back NULL: the process ends when there is none. Zeroed. free() releases it.  */
void *bg_alloc (size_t size) __attribute__ ((malloc, returns_nonnull));
void *bg_realloc (void *memory, size_t size) __attribute__ ((returns_nonnull));
/*  NUL-terminated copy; free() releases it.  */
char *bg_slice_dup (bg_slice slice) __attribute__ ((malloc, returns_nonnull));
char *bg_strdup (const char *text) __attribute__ ((malloc, returns_nonnull));
/*  Formatted copy; free() releases it.  */
char *bg_strdup_printf (const char *format, ...) BG_PRINTF (1, 2)
    __attribute__ ((malloc, returns_nonnull));

typedef struct {
    uint8_t *data;
    size_t size;     /*  bytes in use  */
    size_t capacity; /*  bytes owned  */
} bg_buf;

void bg_buf_fini (bg_buf *self);
void bg_buf_clear (bg_buf *self);
/*  Room for size more bytes; returns where they start. The caller adds to self->size.  */
uint8_t *bg_buf_reserve (bg_buf *self, size_t size);
void bg_buf_append (bg_buf *self, const void *data, size_t size);
void bg_buf_append_slice (bg_buf *self, bg_slice slice);
void bg_buf_append_str (bg_buf *self, const char *text);
void bg_buf_append_byte (bg_buf *self, uint8_t byte);
void bg_buf_printf (bg_buf *self, const char *format, ...) BG_PRINTF (2, 3);
/*  Big-endian integers.  */
void bg_buf_append_u32 (bg_buf *self, uint32_t value);
void bg_buf_append_u64 (bg_buf *self, uint64_t value);
static inline bg_slice bg_buf_slice (const bg_buf *self)
{
    return (bg_slice){self->data, self->size};
}
/*  The content as a C string; valid until the next change.  */
const char *bg_buf_cstr (bg_buf *self);

uint32_t bg_read_u32 (const uint8_t *bytes);
uint64_t bg_read_u64 (const uint8_t *bytes);
void bg_write_u32 (uint8_t *bytes, uint32_t value);
void bg_write_u64 (uint8_t *bytes, uint64_t value);

#define BG_AUTO_BUF __attribute__ ((cleanup (bg_buf_fini))) bg_buf
static inline void bg_free_char (char **text)
{
    __builtin_free (*text);
    *text = NULL;
}
#define BG_AUTO_CHAR __attribute__ ((cleanup (bg_free_char))) char *

#endif
