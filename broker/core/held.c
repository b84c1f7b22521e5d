/*  Versions by target: see held.h. Not the newest version and not the state of a delivery: both are
    bitmaps of the document itself.

    Invariant: the sets are disjoint, none but the first few are empty for long: an empty one is
    dropped when room is needed.  */
#include "broker/core/held.h"

void broker_held_fini (broker_held *self)
{
    for (size_t i = 0; i < self->count; i++)
        broker_bitmap_fini (&self->sets[i].numbers);
    broker_bitmap_fini (&self->older);
    *self = (broker_held){0};
}

uint64_t broker_held_find (const broker_held *self, uint32_t number, uint64_t *revision)
{
    if (revision)
        *revision = 0;
    for (size_t i = self->count; i > 0; i--) {
        if (!broker_bitmap_has (&self->sets[i - 1].numbers, number))
            continue;
        if (revision)
            *revision = self->sets[i - 1].revision;
        return self->sets[i - 1].version;
    }
    return broker_bitmap_has (&self->older, number) ? BROKER_HELD_OLDER : BROKER_HELD_NONE;
}

bool broker_held_clear (broker_held *self, uint32_t number)
{
    for (size_t i = 0; i < self->count; i++)
        if (broker_bitmap_clear (&self->sets[i].numbers, number))
            return true;
    return broker_bitmap_clear (&self->older, number);
}

static void remove_set (broker_held *self, size_t at)
{
    broker_bitmap_fini (&self->sets[at].numbers);
    self->count--;
    memmove (&self->sets[at], &self->sets[at + 1], (self->count - at) * sizeof self->sets[0]);
    self->sets[self->count] = (broker_held_set){0};
}

static void drop_empty (broker_held *self)
{
    for (size_t i = self->count; i > 0; i--)
        if (broker_bitmap_next (&self->sets[i - 1].numbers, 0) == 0)
            remove_set (self, i - 1);
}

/*  The set of a version; made where there is room. push_out: the oldest one makes room.  */
static broker_bitmap *set_of (broker_held *self, uint64_t version, uint64_t revision, bool push_out)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->sets[i].version == version)
            return &self->sets[i].numbers;
    if (self->count == BROKER_HELD_MAX)
        drop_empty (self);
    if (self->count == BROKER_HELD_MAX) {
        if (!push_out || version < self->sets[0].version)
            return &self->older;
        broker_bitmap_add (&self->older, &self->sets[0].numbers);
        remove_set (self, 0);
    }
    size_t at = self->count;
    while (at > 0 && self->sets[at - 1].version > version)
        at--;
    memmove (&self->sets[at + 1], &self->sets[at], (self->count - at) * sizeof self->sets[0]);
    self->sets[at] = (broker_held_set){.version = version, .revision = revision};
    self->count++;
    return &self->sets[at].numbers;
}

void broker_held_put (broker_held *self, uint32_t number, uint64_t version, uint64_t revision)
{
    bg_assert (version != BROKER_HELD_NONE && version != BROKER_HELD_OLDER);
    broker_held_clear (self, number);
    broker_bitmap_set (set_of (self, version, revision, false), number);
}

void broker_held_put_all (
    broker_held *self, const broker_bitmap *numbers, uint64_t version, uint64_t revision)
{
    bg_assert (version != BROKER_HELD_NONE && version != BROKER_HELD_OLDER);
    if (broker_bitmap_next (numbers, 0) == 0)
        return;
    broker_bitmap *set = set_of (self, version, revision, true);
    for (uint32_t number = broker_bitmap_next (numbers, 0); number;
         number = broker_bitmap_next (numbers, number)) {
        if (!broker_bitmap_has (set, number))
            broker_held_clear (self, number);
        broker_bitmap_set (set, number);
    }
}

void broker_held_encode (const broker_held *self, bg_buf *out)
{
    bg_buf_append_u32 (out, (uint32_t) self->count);
    for (size_t i = 0; i < self->count; i++) {
        bg_buf_append_u64 (out, self->sets[i].version);
        bg_buf_append_u64 (out, self->sets[i].revision);
        broker_bitmap_encode (&self->sets[i].numbers, out);
    }
    broker_bitmap_encode (&self->older, out);
}

bg_result broker_held_decode (broker_held *self, bg_slice *bytes, bg_error *err)
{
    broker_held_fini (self);
    if (bytes->size < 4)
        return bg_fail (err, BG_STORE, "stored versions of targets are cut short");
    const uint32_t count = bg_read_u32 (bytes->data);
    *bytes = bg_slice_of (bytes->data + 4, bytes->size - 4);
    if (count > BROKER_HELD_MAX)
        return bg_fail (err, BG_STORE, "stored versions of targets are damaged");
    for (uint32_t i = 0; i < count; i++) {
        if (bytes->size < 16)
            return bg_fail (err, BG_STORE, "stored versions of targets are cut short");
        broker_held_set *set = &self->sets[self->count++];
        set->version = bg_read_u64 (bytes->data);
        set->revision = bg_read_u64 (bytes->data + 8);
        *bytes = bg_slice_of (bytes->data + 16, bytes->size - 16);
        BG_TRY (broker_bitmap_decode (&set->numbers, bytes, err));
    }
    return broker_bitmap_decode (&self->older, bytes, err);
}
