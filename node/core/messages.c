/*  How the core says something: to the broker, to bugle-exec, to people.  */
#include "node/core/rooms.h"

#include "proto/frame.h"

void node_say_as (node_core *self, node_link link, bg_id request, wire_kind kind, const void *value)
{
    BG_AUTO_BUF header = {0};
    BG_AUTO_BUF body = {0};
    const bg_id session =
        link == NODE_LINK_DESK && kind != WIRE_HELLO ? self->session.id : (bg_id){0};
    wire_message_encode (kind, request, session, value, &header, &body);
    self->ports.send (
        self->ports.ctx, link, bg_buf_slice (&header), bg_buf_slice (&body), (bg_slice){0});
}

bg_id node_say (node_core *self, node_link link, wire_kind kind, const void *value)
{
    const bg_id request = node_new_id (self);
    node_say_as (self, link, request, kind, value);
    return request;
}

bg_id node_say_exec (node_core *self, wire_kind kind, const void *value)
{
    BG_AUTO_BUF blob = {0};
    const bg_id request = node_new_id (self);
    wire_inner_encode (kind, request, value, &blob);
    self->ports.exec_send (self->ports.ctx, bg_buf_slice (&blob));
    return request;
}

void node_reply (node_core *self, uint64_t control, const wire_control_answer *answer)
{
    self->ports.control_reply (self->ports.ctx, control, answer);
}

void node_reply_error (node_core *self, uint64_t control, const bg_error *err)
{
    wire_control_answer answer = {
        .code = bg_slice_str (bg_code_word (err->code)),
        .message = bg_slice_str (err->message),
        .hint = bg_slice_str (err->hint),
    };
    node_control_describe (self, &answer, false);
    node_reply (self, control, &answer);
}

bg_result node_decode_signed (bg_slice bytes, bg_arena *arena, wire_signed *out, bg_error *err)
{
    if (bg_failed (WIRE_DECODE (signed, bytes, WIRE_AS_MESSAGE, arena, out, err)))
        return bg_fail (err, BG_STORE,
            "the node's store holds a document that is not one; the file is damaged");
    return bg_ok ();
}

bg_slice node_cut (bg_slice text, size_t max)
{
    if (text.size <= max)
        return text;
    size_t size = max;
    while (size > 0 && (text.data[size] & 0xc0) == 0x80)
        size--; /*  not inside a character  */
    return bg_slice_of (text.data, size);
}
