/*  Frames and the dispatch rule: see frame.h. No sockets here, only what their frames hold.  */
#include "proto/frame.h"

#include <inttypes.h>

void wire_header_encode (wire_kind kind, bg_id request, bg_id session, bg_buf *header)
{
    wire_header value = {.kind = kind, .level = WIRE_LEVEL, .request = request, .session = session};
    WIRE_ENCODE (header, &value, header);
}

void wire_message_encode (
    wire_kind kind, bg_id request, bg_id session, const void *value, bg_buf *header, bg_buf *body)
{
    const wire_kind_row *row = wire_kind_find (kind);
    bg_assert (row && row->channel != WIRE_ON_INNER);
    wire_header_encode (kind, request, session, header);
    wire_encode (row->desc, value, body);
}

bg_result wire_header_decode (
    bg_slice frame, wire_header *header, const wire_kind_row **row, bg_error *err)
{
    if (frame.size > WIRE_HEADER_BYTES_MAX)
        return bg_fail (err, BG_TOO_LARGE, "the header has %zu bytes, at most %d are allowed",
            frame.size, WIRE_HEADER_BYTES_MAX);
    BG_AUTO_ARENA arena = {0}; /*  a header has no lists: nothing of it stays here  */
    BG_TRY (WIRE_DECODE (header, frame, WIRE_AS_MESSAGE, &arena, header, err));
    const wire_kind_row *found = wire_kind_find (header->kind);
    *row = found && found->channel != WIRE_ON_INNER ? found : NULL;
    return bg_ok ();
}

wire_sender wire_sender_of_role (uint64_t role)
{
    static const wire_sender senders[] = {
        WIRE_FROM_ANY, WIRE_FROM_READER, WIRE_FROM_OPERATOR, WIRE_FROM_AUTHOR, WIRE_FROM_ADMIN};
    return role < sizeof senders / sizeof senders[0] ? senders[role] : WIRE_FROM_ANY;
}

static bool is_login (wire_sender sender)
{
    return sender >= WIRE_FROM_READER && sender <= WIRE_FROM_ADMIN;
}

bg_result wire_kind_allowed (
    const wire_kind_row *row, wire_channel channel, wire_sender sender, bg_error *err)
{
    if (!row)
        return bg_fail (err, BG_UNKNOWN_KIND, "this kind of message is not known");
    if (row->channel != WIRE_ON_ANY && row->channel != channel)
        return bg_fail (
            err, BG_UNKNOWN_KIND, "a message %s does not belong on this socket", row->name);
    if (row->sender == WIRE_FROM_ANY || row->sender == sender)
        return bg_ok ();
    if (is_login (row->sender) && is_login (sender) && sender >= row->sender)
        return bg_ok ();
    return bg_fail (err, BG_NOT_ALLOWED, "the sender may not send a message %s", row->name);
}

bg_result wire_body_decode (
    const wire_kind_row *row, bg_slice frame, bg_arena *arena, void **value, bg_error *err)
{
    size_t most = row->channel == WIRE_ON_ENLIST ? WIRE_ENLIST_FRAME_MAX : WIRE_FRAME_MAX;
    if (frame.size > most)
        return bg_fail (err, BG_TOO_LARGE, "the body of %s has %zu bytes, at most %zu are allowed",
            row->name, frame.size, most);
    void *body = bg_arena_alloc (arena, row->desc->size);
    BG_TRY (wire_decode (row->desc, frame, WIRE_AS_MESSAGE, arena, body, err));
    *value = body;
    return bg_ok ();
}

bg_result wire_sigs_decode (bg_slice frame, bg_arena *arena, wire_sigs *sigs, bg_error *err)
{
    memset (sigs, 0, sizeof *sigs);
    if (frame.size == 0)
        return bg_ok ();
    return WIRE_DECODE (sigs, frame, WIRE_AS_MESSAGE, arena, sigs, err);
}

/*  ---- errors ----  */

void wire_error_from (const bg_error *err, bg_arena *arena, wire_error *out)
{
    bg_code code = err->code == BG_OK ? BG_INVALID : err->code;
    const char *message = err->message[0] ? err->message : bg_code_text (code);
    *out = (wire_error){
        .code = bg_slice_str (bg_code_word (code)),
        .class = bg_code_class (code),
        .message = wire_fit_text (bg_arena_copy (arena, bg_slice_str (message)), 1024, true, arena),
        .hint = wire_fit_text (bg_arena_copy (arena, bg_slice_str (err->hint)), 512, true, arena),
    };
}

bg_result wire_error_to (const wire_error *from, bg_error *err)
{
    bg_code code = bg_code_from_word ((const char *) from->code.data, from->code.size);
    if (code == BG_OK)
        code = BG_INVALID;
    bg_result result = bg_fail (err, code, "%.*s", BG_SLICE_ARG (from->message));
    if (err && from->hint.size > 0)
        result = bg_hint (err, "%.*s", BG_SLICE_ARG (from->hint));
    return result;
}

/*  ---- frame 0 of a publication ----  */

void wire_stream_encode (const wire_stream *stream, bg_buf *out)
{
    bg_assert (stream->name.size > 0 && stream->name.size <= WIRE_STREAM_NAME_MAX);
    bg_assert (!memchr (stream->name.data, 0, stream->name.size));
    bg_buf_append_slice (out, stream->name);
    bg_buf_append_byte (out, 0);
    bg_buf_append (out, stream->session, sizeof stream->session);
    bg_buf_append_u64 (out, stream->sequence);
    bg_buf_append_u32 (out, stream->key_number);
}

bg_result wire_stream_decode (bg_slice frame, wire_stream *stream, bg_error *err)
{
    const uint8_t *nul = frame.size ? memchr (frame.data, 0, frame.size) : NULL;
    size_t name_size = nul ? (size_t) (nul - frame.data) : 0;
    if (name_size == 0 || name_size > WIRE_STREAM_NAME_MAX ||
        frame.size - name_size != WIRE_STREAM_TAIL)
        return bg_fail (
            err, BG_MALFORMED, "the first frame of a publication is not that of a stream");
    const uint8_t *tail = nul + 1;
    *stream = (wire_stream){.name = bg_slice_of (frame.data, name_size),
        .sequence = bg_read_u64 (tail + 8),
        .key_number = bg_read_u32 (tail + 16)};
    memcpy (stream->session, tail, sizeof stream->session);
    return bg_ok ();
}
