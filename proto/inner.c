/*  Messages between processes of one machine as one blob: an array of header and body, each binary. The header is that
    of the wire, so that request ids work the same way everywhere.
*/
#include "proto/guard.h"
#include "proto/reader.h"
#include "proto/wire.h"

#include <inttypes.h>
#include <msgpack.h>

static int append (void *data, const char *bytes, size_t size)
{
    bg_buf_append (data, bytes, size);
    return 0;
}

static void pack_binary (msgpack_packer *packer, bg_slice bytes)
{
    msgpack_pack_bin (packer, bytes.size);
    msgpack_pack_bin_body (packer, bytes.data, bytes.size);
}

void wire_inner_encode (wire_kind kind, bg_id request, const void *value, bg_buf *out)
{
    const wire_kind_row *row = wire_kind_find (kind);
    bg_assert (row && row->channel == WIRE_ON_INNER);
    wire_header header = {.kind = kind, .level = WIRE_LEVEL, .request = request};
    BG_AUTO_BUF head = {0};
    BG_AUTO_BUF body = {0};
    WIRE_ENCODE (header, &header, &head);
    wire_encode (row->desc, value, &body);
    msgpack_packer packer;
    msgpack_packer_init (&packer, out, append);
    msgpack_pack_array (&packer, 2);
    pack_binary (&packer, bg_buf_slice (&head));
    pack_binary (&packer, bg_buf_slice (&body));
}

/*  The two binaries of the blob; they point into it.  */
static bg_result split (bg_slice blob, bg_slice parts[2], bg_error *err)
{
    static const wire_guard_limits limits = {
        .bytes = WIRE_INNER_BYTES_MAX, .depth = 1, .items = 3, .members = 2};
    BG_TRY (wire_guard (blob, &limits, err));
    wire_reader reader = wire_reader_of (blob);
    const wire_item pair = wire_read (&reader);
    bool is_pair = pair.type == WIRE_ITEM_ARRAY && pair.number == 2;
    for (size_t i = 0; is_pair && i < 2; i++) {
        const wire_item part = wire_read (&reader);
        is_pair = part.type == WIRE_ITEM_BIN;
        parts[i] = part.bytes;
    }
    return is_pair ? bg_ok () : bg_fail (err, BG_MALFORMED, "not an array of header and body");
}

bg_result wire_inner_decode (
    bg_slice blob, bg_arena *arena, wire_header *header, void **value_p, bg_error *err)
{
    bg_slice parts[2] = {0};
    BG_TRY (split (blob, parts, err));
    BG_TRY (WIRE_DECODE (header, parts[0], WIRE_AS_MESSAGE, arena, header, err));
    const wire_kind_row *row = wire_kind_find (header->kind);
    if (!row || row->channel != WIRE_ON_INNER)
        return bg_fail (
            err, BG_UNKNOWN_KIND, "kind %" PRIu64 " is not one between processes", header->kind);
    void *value = bg_arena_alloc (arena, row->desc->size);
    BG_TRY (wire_decode (row->desc, parts[1], WIRE_AS_MESSAGE, arena, value, err));
    *value_p = value;
    return bg_ok ();
}
