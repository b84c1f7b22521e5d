/*  Frame guard: walks msgpack bytes and decides whether they may be handed to a parser at all.

    It allocates nothing and reads every byte at most once. msgpack-c trusts the counts that it reads (five bytes can
    ask it for 96 GiB), so no byte from outside reaches it before it passed here. What the guard accepts is exactly one
    value, made of integers, booleans, strings, binaries, arrays and maps, of which every count and length fits into the
    bytes that are there.

    Refused: nesting over the limit, more values or longer containers than the limits, counts and lengths larger than
    what is left, nil, floats, extension types, the unused byte 0xc1, bytes behind the value. With `shortest` also every
    integer, length and count that is not in its shortest form.
*/
#ifndef BUGLE_PROTO_GUARD_H
#define BUGLE_PROTO_GUARD_H

#include "common/base/slice.h"

typedef struct {
    size_t bytes;   /*  of the whole value  */
    uint32_t depth; /*  containers inside each other; at most WIRE_GUARD_DEPTH_MAX  */
    uint32_t
        items; /*  values in all: elements of arrays, values of maps (keys not counted), the outermost one  */
    uint32_t members; /*  elements of one array, pairs of one map  */
    bool shortest;    /*  refuse what is not in its shortest form  */
} wire_guard_limits;

#define WIRE_GUARD_DEPTH_MAX 16

/*  BG_MALFORMED or BG_TOO_LARGE, with the offset of the byte in question.  */
bg_result wire_guard (bg_slice bytes, const wire_guard_limits *limits, bg_error *err) BG_CHECKED;

#endif
