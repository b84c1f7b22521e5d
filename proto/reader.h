/*  Values out of msgpack bytes that the frame guard has let through (guard.h), one after the other, without memory of its
    own: texts and binaries point into the bytes. The guard has refused what is not read here (nil, floating point numbers,
    extensions), lengths and counts that the bytes do not hold, and too deep a nesting; reading bytes that it has not seen
    is a bug of the caller.
*/
#ifndef BUGLE_PROTO_READER_H
#define BUGLE_PROTO_READER_H

#include "common/base/slice.h"

typedef enum {
    WIRE_ITEM_BOOL,
    WIRE_ITEM_UNSIGNED,
    WIRE_ITEM_NEGATIVE,
    WIRE_ITEM_STR,
    WIRE_ITEM_BIN,
    WIRE_ITEM_ARRAY,
    WIRE_ITEM_MAP
} wire_item_type;

typedef struct {
    wire_item_type type;
    uint64_t
        number; /*  UNSIGNED; NEGATIVE as the bits of an int64_t; BOOL: 0 or 1; ARRAY: items; MAP: pairs  */
    bg_slice bytes; /*  STR, BIN  */
} wire_item;

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} wire_reader;

static inline wire_reader wire_reader_of (bg_slice bytes)
{
    return (wire_reader){bytes.data, bytes.data + bytes.size};
}

/*  The next value, or the head of a container: its items (a map's keys and values in turn) are read after it.  */
wire_item wire_read (wire_reader *self);
/*  Passes over what the container that was read last holds; nothing for other values.  */
void wire_skip (wire_reader *self, const wire_item *item);

#endif
