/*  Sets of target numbers. Not thread-safe, no knowledge of targets.

    Invariant: bits beyond count * 64 are not members; equal words that follow each other are one
    run in the durable form, and zero words at the end are left out of it.  */
#include "broker/core/bitmap.h"

#include <stdlib.h>

#define WORD_BITS 64u
#define WORDS_MAX ((size_t) (1u << 26) / WORD_BITS)

void broker_bitmap_fini (broker_bitmap *self)
{
    free (self->words);
    *self = (broker_bitmap){0};
}

bool broker_bitmap_has (const broker_bitmap *self, uint32_t number)
{
    size_t at = number / WORD_BITS;
    return at < self->count && (self->words[at] >> (number % WORD_BITS) & 1u) != 0;
}

static void grow (broker_bitmap *self, size_t words)
{
    if (words <= self->count)
        return;
    size_t count = self->count ? self->count : 1;
    while (count < words)
        count *= 2;
    self->words = bg_realloc (self->words, count * sizeof *self->words);
    memset (self->words + self->count, 0, (count - self->count) * sizeof *self->words);
    self->count = count;
}

bool broker_bitmap_set (broker_bitmap *self, uint32_t number)
{
    if (broker_bitmap_has (self, number))
        return false;
    grow (self, number / WORD_BITS + 1);
    self->words[number / WORD_BITS] |= (uint64_t) 1 << (number % WORD_BITS);
    return true;
}

bool broker_bitmap_clear (broker_bitmap *self, uint32_t number)
{
    if (!broker_bitmap_has (self, number))
        return false;
    self->words[number / WORD_BITS] &= ~((uint64_t) 1 << (number % WORD_BITS));
    return true;
}

void broker_bitmap_empty (broker_bitmap *self)
{
    if (self->count)
        memset (self->words, 0, self->count * sizeof *self->words);
}

void broker_bitmap_copy (broker_bitmap *self, const broker_bitmap *from)
{
    broker_bitmap_empty (self);
    grow (self, from->count);
    if (from->count)
        memcpy (self->words, from->words, from->count * sizeof *self->words);
}

size_t broker_bitmap_size (const broker_bitmap *self)
{
    size_t size = 0;
    for (size_t i = 0; i < self->count; i++)
        size += (size_t) __builtin_popcountll (self->words[i]);
    return size;
}

size_t broker_bitmap_size_both (const broker_bitmap *a, const broker_bitmap *b)
{
    size_t count = a->count < b->count ? a->count : b->count;
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += (size_t) __builtin_popcountll (a->words[i] & b->words[i]);
    return size;
}

void broker_bitmap_add (broker_bitmap *self, const broker_bitmap *from)
{
    grow (self, from->count);
    for (size_t i = 0; i < from->count; i++)
        self->words[i] |= from->words[i];
}

void broker_bitmap_remove (broker_bitmap *self, const broker_bitmap *from)
{
    const size_t count = self->count < from->count ? self->count : from->count;
    for (size_t i = 0; i < count; i++)
        self->words[i] &= ~from->words[i];
}

void broker_bitmap_keep (broker_bitmap *self, const broker_bitmap *from)
{
    for (size_t i = 0; i < self->count; i++)
        self->words[i] &= i < from->count ? from->words[i] : 0;
}

uint32_t broker_bitmap_next (const broker_bitmap *self, uint32_t after)
{
    uint64_t from = (uint64_t) after + 1;
    size_t at = (size_t) (from / WORD_BITS);
    if (at >= self->count)
        return 0;
    uint64_t word = self->words[at] & (~(uint64_t) 0 << (from % WORD_BITS));
    while (word == 0) {
        if (++at >= self->count)
            return 0;
        word = self->words[at];
    }
    return (uint32_t) (at * WORD_BITS + (size_t) __builtin_ctzll (word));
}

void broker_bitmap_encode (const broker_bitmap *self, bg_buf *out)
{
    size_t used = self->count;
    while (used > 0 && self->words[used - 1] == 0)
        used--;
    size_t runs_at = out->size;
    uint32_t runs = 0;
    bg_buf_append_u32 (out, 0);
    for (size_t i = 0; i < used;) {
        size_t end = i + 1;
        while (end < used && self->words[end] == self->words[i])
            end++;
        bg_buf_append_u32 (out, (uint32_t) (end - i));
        bg_buf_append_u64 (out, self->words[i]);
        runs++;
        i = end;
    }
    bg_write_u32 (out->data + runs_at, runs);
}

bg_result broker_bitmap_decode (broker_bitmap *self, bg_slice *bytes, bg_error *err)
{
    bg_slice rest = *bytes;
    if (rest.size < 4)
        return bg_fail (err, BG_STORE, "a stored set of targets is cut short");
    uint32_t runs = bg_read_u32 (rest.data);
    rest = bg_slice_of (rest.data + 4, rest.size - 4);
    if (rest.size / 12 < runs)
        return bg_fail (err, BG_STORE, "a stored set of targets is cut short");
    broker_bitmap_empty (self);
    size_t at = 0;
    for (uint32_t i = 0; i < runs; i++) {
        size_t words = bg_read_u32 (rest.data);
        uint64_t value = bg_read_u64 (rest.data + 4);
        rest = bg_slice_of (rest.data + 12, rest.size - 12);
        if (words == 0 || words > WORDS_MAX - at)
            return bg_fail (err, BG_STORE, "a stored set of targets is damaged");
        grow (self, at + words);
        for (size_t end = at + words; at < end; at++)
            self->words[at] = value;
    }
    *bytes = rest;
    return bg_ok ();
}
