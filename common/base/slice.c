/*  Slices and buffers: see slice.h.  */
#include "common/base/slice.h"

#include <stdio.h>
#include <stdlib.h>

int bg_slice_compare (bg_slice a, bg_slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp (a.data, b.data, common) : 0;
    if (order != 0)
        return order;
    return a.size < b.size ? -1 : a.size > b.size ? 1 : 0;
}

bool bg_slice_is (bg_slice a, const char *text)
{
    return bg_slice_equal (a, bg_slice_str (text));
}

static _Noreturn void out_of_memory (size_t size)
{
    (void) fprintf (stderr, "out of memory: %zu bytes\n", size);
    abort ();
}

void *bg_alloc (size_t size)
{
    void *memory = calloc (1, size ? size : 1);
    if (!memory)
        out_of_memory (size);
    return memory;
}

void *bg_realloc (void *memory, size_t size)
{
    void *grown = realloc (memory, size ? size : 1);
    if (!grown)
        out_of_memory (size);
    return grown;
}

char *bg_slice_dup (bg_slice slice)
{
    char *copy = bg_alloc (slice.size + 1);
    if (slice.size)
        memcpy (copy, slice.data, slice.size);
    return copy;
}

char *bg_strdup (const char *text)
{
    return bg_slice_dup (bg_slice_str (text));
}

char *bg_strdup_printf (const char *format, ...)
{
    va_list args;
    va_start (args, format);
    char *text = NULL;
    int size = vasprintf (&text, format, args);
    va_end (args);
    if (size < 0 || !text)
        out_of_memory (0);
    return text;
}

void bg_buf_fini (bg_buf *self)
{
    if (!self)
        return;
    free (self->data);
    *self = (bg_buf){0};
}

void bg_buf_clear (bg_buf *self)
{
    self->size = 0;
}

uint8_t *bg_buf_reserve (bg_buf *self, size_t size)
{
    bg_assert (size <= SIZE_MAX / 4 && self->size <= SIZE_MAX / 4);
    size_t need = self->size + size;
    if (need > self->capacity) {
        size_t capacity = self->capacity ? self->capacity : 128;
        while (capacity < need)
            capacity *= 2;
        self->data = bg_realloc (self->data, capacity);
        self->capacity = capacity;
    }
    return self->data + self->size;
}

void bg_buf_append (bg_buf *self, const void *data, size_t size)
{
    if (size == 0)
        return;
    memcpy (bg_buf_reserve (self, size), data, size);
    self->size += size;
}

void bg_buf_append_slice (bg_buf *self, bg_slice slice)
{
    bg_buf_append (self, slice.data, slice.size);
}

void bg_buf_append_str (bg_buf *self, const char *text)
{
    bg_buf_append (self, text, strlen (text));
}

void bg_buf_append_byte (bg_buf *self, uint8_t byte)
{
    bg_buf_append (self, &byte, 1);
}

void bg_buf_printf (bg_buf *self, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    va_list again;
    va_copy (again, args);
    int size = vsnprintf (NULL, 0, format, args);
    va_end (args);
    bg_assert (size >= 0);
    uint8_t *place = bg_buf_reserve (self, (size_t) size + 1);
    (void) vsnprintf ((char *) place, (size_t) size + 1, format, again);
    va_end (again);
    self->size += (size_t) size;
}

void bg_buf_append_u32 (bg_buf *self, uint32_t value)
{
    bg_write_u32 (bg_buf_reserve (self, 4), value);
    self->size += 4;
}

void bg_buf_append_u64 (bg_buf *self, uint64_t value)
{
    bg_write_u64 (bg_buf_reserve (self, 8), value);
    self->size += 8;
}

const char *bg_buf_cstr (bg_buf *self)
{
    *bg_buf_reserve (self, 1) = 0;
    return (const char *) self->data;
}

uint32_t bg_read_u32 (const uint8_t *bytes)
{
    return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8 |
           bytes[3];
}

uint64_t bg_read_u64 (const uint8_t *bytes)
{
    return (uint64_t) bg_read_u32 (bytes) << 32 | bg_read_u32 (bytes + 4);
}

void bg_write_u32 (uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t) (value >> (24 - 8 * i));
}

void bg_write_u64 (uint8_t *bytes, uint64_t value)
{
    bg_write_u32 (bytes, (uint32_t) (value >> 32));
    bg_write_u32 (bytes + 4, (uint32_t) value);
}
