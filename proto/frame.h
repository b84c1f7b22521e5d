/*  The frames of a message: header, body, signatures; and frame 0 of a publication.

    Everything a front or a core needs between a socket's frames and the structs of wire.h. Messages have exactly three
    frames. The third is empty in all messages of level 1: what is signed travels inside the body as wire_signed.
    Publications have four: stream frame, header, sealed body, signatures (seal.h).
*/
#ifndef BUGLE_PROTO_FRAME_H
#define BUGLE_PROTO_FRAME_H

#include "proto/wire.h"

#define WIRE_FRAMES             3
#define WIRE_PUBLICATION_FRAMES 4
#define WIRE_HEADER_BYTES_MAX                                                                      \
    256 /*  of an encoded header of this level; a longer one is refused  */

/*  Appends header and body of a message of level WIRE_LEVEL. value: the struct of the kind. session may be zero.  */
void wire_message_encode (
    wire_kind kind, bg_id request, bg_id session, const void *value, bg_buf *header, bg_buf *body);
/*  The header alone.  */
void wire_header_encode (wire_kind kind, bg_id request, bg_id session, bg_buf *header);

/*  Reads a header frame. row is NULL for a kind that is not in the tables (not an error here: the answer, unknown-kind,
    needs the request id). BG_MALFORMED, BG_TOO_LARGE.  */
bg_result wire_header_decode (
    bg_slice frame, wire_header *header, const wire_kind_row **row, bg_error *err) BG_CHECKED;
/*  The dispatch rule, default deny: may a sender of this role send this kind on this channel? row may be NULL.
    BG_UNKNOWN_KIND: not in the tables or not for this channel. BG_NOT_ALLOWED: for other senders. Logins are ordered
    reader < operator < author < admin.  */
bg_result wire_kind_allowed (
    const wire_kind_row *row, wire_channel channel, wire_sender sender, bg_error *err) BG_CHECKED;
/*  The sender that a login's role stands for; WIRE_FROM_ANY for a number that is no role.  */
wire_sender wire_sender_of_role (uint64_t role);

/*  Reads a body frame into *value, allocated in the arena, the struct of row->desc. Slices point into the frame.
    BG_TOO_LARGE over WIRE_FRAME_MAX (WIRE_ENLIST_FRAME_MAX on the enlist channel), else as wire_decode.  */
bg_result wire_body_decode (const wire_kind_row *row, bg_slice frame, bg_arena *arena, void **value,
    bg_error *err) BG_CHECKED;
/*  Reads a signature frame; an empty frame is no signatures.  */
bg_result wire_sigs_decode (
    bg_slice frame, bg_arena *arena, wire_sigs *sigs, bg_error *err) BG_CHECKED;

/*  Fills an error answer from err; its texts live in the arena and are cut and cleaned to fit.  */
void wire_error_from (const bg_error *err, bg_arena *arena, wire_error *out);
/*  And back: what the other side said, as an error of our own. Unknown words become BG_INVALID. Never BG_OK.  */
bg_result wire_error_to (const wire_error *from, bg_error *err);

/*  Frame 0 of a publication: name NUL session(8) sequence(u64 BE) key number(u32 BE).  */
typedef struct {
    bg_slice name;      /*  "all" or "g/<group>", at most 160 bytes  */
    uint8_t session[8]; /*  random per start of the core  */
    uint64_t sequence;  /*  from 1  */
    uint32_t key_number;
} wire_stream;

#define WIRE_STREAM_NAME_MAX 160
#define WIRE_STREAM_TAIL     21 /*  bytes behind the name  */

void wire_stream_encode (const wire_stream *stream, bg_buf *out);
/*  The name points into the frame. BG_MALFORMED.  */
bg_result wire_stream_decode (bg_slice frame, wire_stream *stream, bg_error *err) BG_CHECKED;

#endif
