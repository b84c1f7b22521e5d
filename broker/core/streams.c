/*  Streams: publications for everybody or for one group, sealed with a key that only its members
    have.

    Stream session: random per core. Sequences start at 1 and live in memory: a node that sees
    another session or a gap polls. Keys reach members in poll answers only. When somebody leaves, a
    next key is made at once and handed out, but seals only when every connected member has polled
    since, at the latest after 120 s.

    What is queued in one batch goes out as one publication per stream, as far as sizes allow;
    nothing is queued across a commit.  */
#include "broker/core/rooms.h"

#include "common/job/names.h"

#define QUEUE_ITEMS 64u

static void draw_key (broker_core *self, bg_key *key)
{
    self->ports->random (self->ports->ctx, key->bytes, sizeof key->bytes);
}

broker_stream *broker_stream_named (broker_core *self, bg_slice name)
{
    broker_stream *stream = NULL;
    HASH_FIND (hh, self->streams, name.data, name.size, stream);
    if (stream)
        return stream;
    stream = bg_alloc (sizeof *stream);
    stream->name = bg_slice_dup (name);
    stream->key_number = 1;
    draw_key (self, &stream->key);
    HASH_ADD_KEYPTR (hh, self->streams, stream->name, name.size, stream);
    return stream;
}

broker_stream *broker_stream_of_group (broker_core *self, bg_slice group)
{
    BG_AUTO_BUF name = {0};
    bg_buf_append_str (&name, "g/");
    job_name_key (group, &name);
    return broker_stream_named (self, bg_buf_slice (&name));
}

broker_stream *broker_stream_for (broker_core *self, const wire_audience *audience)
{
    if (audience->names_count || audience->numbers_count || audience->labels.size)
        return NULL;
    if (audience->all)
        return audience->groups_count ? NULL : broker_stream_named (self, bg_slice_str ("all"));
    return audience->groups_count == 1 ? broker_stream_of_group (self, audience->groups[0]) : NULL;
}

void broker_stream_free (broker_core *self, broker_stream *stream)
{
    HASH_DEL (self->streams, stream);
    explicit_bzero (&stream->key, sizeof stream->key);
    explicit_bzero (&stream->next_key, sizeof stream->next_key);
    bg_arena_fini (&stream->queue_arena);
    free (stream->name);
    free (stream);
}

/*  ---- publishing ----  */

static void publish (broker_core *self, broker_stream *stream, wire_kind kind, bg_slice body)
{
    BG_AUTO_BUF frame0 = {0};
    BG_AUTO_BUF header = {0};
    BG_AUTO_BUF sealed = {0};
    const bg_id none = {0};
    wire_stream head = {.name = bg_slice_str (stream->name),
        .sequence = ++stream->sequence,
        .key_number = stream->key_number};
    memcpy (head.session, self->stream_session, sizeof head.session);
    wire_stream_encode (&head, &frame0);
    wire_header_encode (kind, none, none, &header);
    uint8_t nonce[WIRE_SEAL_NONCE];
    self->ports->random (self->ports->ctx, nonce, sizeof nonce);
    wire_seal (&stream->key, nonce, bg_buf_slice (&frame0), bg_buf_slice (&header), body, &sealed);
    self->ports->publish (self->ports->ctx, bg_buf_slice (&frame0), bg_buf_slice (&header),
        bg_buf_slice (&sealed), bg_slice_of (NULL, 0));
}

static void flush (broker_core *self, broker_stream *stream)
{
    if (stream->queued.instructions_count == 0 && stream->queued.references_count == 0)
        return;
    BG_AUTO_BUF body = {0};
    wire_encode (&wire_desc_instruct, &stream->queued, &body);
    publish (self, stream, WIRE_ORDER, bg_buf_slice (&body));
    stream->queued = (wire_instruct){0};
    stream->queued_bytes = 0;
    bg_arena_fini (&stream->queue_arena);
}

void broker_stream_queue (broker_core *self, broker_stream *stream, const wire_signed *item,
    const wire_reference *instead)
{
    size_t size = item ? item->bytes.size + item->sigs_count * 80 + 16 : 80;
    if (stream->queued.instructions_count == QUEUE_ITEMS ||
        stream->queued.references_count == QUEUE_ITEMS ||
        (stream->queued_bytes > 0 && stream->queued_bytes + size > WIRE_INLINE_MAX))
        flush (self, stream);
    if (!stream->queued.instructions) {
        stream->queued.instructions =
            bg_arena_array (&stream->queue_arena, wire_signed, QUEUE_ITEMS);
        stream->queued.references =
            bg_arena_array (&stream->queue_arena, wire_reference, QUEUE_ITEMS);
    }
    if (item)
        wire_copy (&wire_desc_signed, &stream->queue_arena, item,
            &stream->queued.instructions[stream->queued.instructions_count++]);
    else
        stream->queued.references[stream->queued.references_count++] = *instead;
    stream->queued_bytes += size;
}

void broker_streams_flush (broker_core *self)
{
    for (broker_stream *stream = self->streams; stream; stream = stream->hh.next)
        flush (self, stream);
}

void broker_stream_tick (broker_core *self, bg_now now)
{
    BG_AUTO_BUF body = {0};
    const wire_tick tick = {.time_us = now.utc_us};
    wire_encode (&wire_desc_tick, &tick, &body);
    publish (
        self, broker_stream_named (self, bg_slice_str ("all")), WIRE_TICK, bg_buf_slice (&body));
}

/*  ---- keys ----  */

void broker_stream_rotate (broker_core *self, broker_stream *stream, bg_now now)
{
    /*  A next key that is already being handed out is known to the one who leaves now: it is
        skipped.  */
    stream->next_key_number = (stream->rotating ? stream->next_key_number : stream->key_number) + 1;
    draw_key (self, &stream->next_key);
    stream->rotating = true;
    stream->rotate_mono_us = now.mono_us;
    if (self->rotate_mono_us > now.mono_us + BROKER_ROTATE_CHECK_US)
        self->rotate_mono_us = now.mono_us + BROKER_ROTATE_CHECK_US;
}

static bool is_member_of (const broker_stream *stream, const broker_target *target)
{
    return strcmp (stream->name, "all") == 0 ||
           broker_target_in_group (target, bg_slice_str (stream->name + 2));
}

static bool all_have_next (const broker_core *self, const broker_stream *stream, bg_now now)
{
    for (uint32_t number = 1; number < self->next_number; number++) {
        const broker_target *target = broker_target_at (self, number);
        if (target && broker_target_is_member (target) &&
            broker_target_is_connected (self, target, now) &&
            target->polled_mono_us <= stream->rotate_mono_us && is_member_of (stream, target))
            return false;
    }
    return true;
}

void broker_streams_rotate_due (broker_core *self, bg_now now)
{
    self->rotate_mono_us = INT64_MAX;
    for (broker_stream *stream = self->streams; stream; stream = stream->hh.next) {
        if (!stream->rotating)
            continue;
        if (now.mono_us - stream->rotate_mono_us < BROKER_ROTATE_MAX_US &&
            !all_have_next (self, stream, now)) {
            self->rotate_mono_us = now.mono_us + BROKER_ROTATE_CHECK_US;
            continue;
        }
        flush (self, stream);
        stream->key = stream->next_key;
        stream->key_number = stream->next_key_number;
        stream->rotating = false;
    }
}

/*  ---- what a target is told ----  */

static wire_stream_head head_of (const broker_core *self, const broker_stream *stream)
{
    wire_stream_head head = {.name = bg_slice_str (stream->name),
        .sequence = stream->sequence,
        .key_number = stream->key_number,
        .key = stream->key};
    memcpy (head.session, self->stream_session, sizeof head.session);
    if (stream->rotating) {
        head.next_key_number = stream->next_key_number;
        head.next_key = stream->next_key;
    }
    return head;
}

wire_stream_head *broker_stream_heads (
    broker_core *self, const broker_target *target, bg_arena *arena, size_t *count)
{
    *count = 0;
    if (!broker_target_is_member (target))
        return NULL;
    /*  What is queued goes out first, so that the heads count it in.  */
    broker_streams_flush (self);
    wire_stream_head *heads =
        bg_arena_array (arena, wire_stream_head, target->membership.groups_count + 1);
    heads[(*count)++] = head_of (self, broker_stream_named (self, bg_slice_str ("all")));
    for (size_t i = 0; i < target->membership.groups_count; i++)
        heads[(*count)++] =
            head_of (self, broker_stream_of_group (self, target->membership.groups[i]));
    return heads;
}

bg_slice *broker_stream_names (
    broker_core *self, const broker_target *target, bg_arena *arena, size_t *count)
{
    *count = 0;
    if (!broker_target_is_member (target))
        return NULL;
    bg_slice *names = bg_arena_array (arena, bg_slice, target->membership.groups_count + 1);
    names[(*count)++] = bg_slice_str ("all");
    for (size_t i = 0; i < target->membership.groups_count; i++)
        names[(*count)++] =
            bg_slice_str (broker_stream_of_group (self, target->membership.groups[i])->name);
    return names;
}
