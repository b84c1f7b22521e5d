/*  Bytes to structs: the frame guard, then msgpack-c, then the descriptors.

    Nothing that the bytes say is believed before it is compared with the descriptor. msgpack-c's objects point into the
    bytes, and so do the slices of the struct; lists go into the arena and are only as long as what is really there.

    With WIRE_AS_SIGNED exactly one form of bytes is accepted for each value: the guard refuses what is not shortest,
    here optional fields that are there but zero or empty are refused. (Bytes are not encoded again and compared: that
    could not work beside fields of newer versions.)
*/
#include "proto/fields.h"
#include "proto/guard.h"

#include "common/base/utf8.h"

#include <inttypes.h>
#include <msgpack.h>

/*  Unknown fields of signed structures from here on may be skipped.  */
#define FIRST_SKIPPABLE 128

typedef struct {
    wire_strictness strictness;
    bg_arena *arena;
    bg_error *err;
} decoder;

static bg_result wrong (
    const decoder *self, const wire_desc *desc, const wire_field *field, const char *why)
{
    return bg_fail (self->err, BG_MALFORMED, "%s.%s: %s", desc->name, wire_field_name (field), why);
}

static bg_result decode_struct (
    const decoder *self, const wire_desc *desc, const msgpack_object *object, void *value);

static bg_result decode_number (const decoder *self, const wire_desc *desc, const wire_field *field,
    const msgpack_object *object, void *place)
{
    if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER && field->type == WIRE_FIELD_I) {
        *(int64_t *) place = object->via.i64;
        return bg_ok ();
    }
    if (object->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return wrong (self, desc, field,
            field->type == WIRE_FIELD_I ? "not an integer" : "not an unsigned integer");
    if (object->via.u64 > field->max)
        return bg_fail (self->err, BG_TOO_LARGE, "%s.%s: %" PRIu64 " is more than %" PRIu64,
            desc->name, wire_field_name (field), object->via.u64, field->max);
    memcpy (place, &object->via.u64, sizeof (uint64_t));
    return bg_ok ();
}

static bg_result decode_fixed (const decoder *self, const wire_desc *desc, const wire_field *field,
    const msgpack_object *object, void *place)
{
    if (object->type != MSGPACK_OBJECT_BIN)
        return wrong (self, desc, field, "not binary");
    if (object->via.bin.size != field->max)
        return bg_fail (self->err, BG_MALFORMED, "%s.%s: %" PRIu32 " bytes, must be %" PRIu64,
            desc->name, wire_field_name (field), object->via.bin.size, field->max);
    memcpy (place, object->via.bin.ptr, object->via.bin.size);
    return bg_ok ();
}

static bg_result decode_text (const decoder *self, const wire_desc *desc, const wire_field *field,
    uint64_t max, const msgpack_object *object, bg_slice *place)
{
    bool is_binary = field->type == WIRE_FIELD_BIN;
    if (object->type != (is_binary ? MSGPACK_OBJECT_BIN : MSGPACK_OBJECT_STR))
        return wrong (self, desc, field, is_binary ? "not binary" : "not text");
    bg_slice text = is_binary ? bg_slice_of (object->via.bin.ptr, object->via.bin.size)
                              : bg_slice_of (object->via.str.ptr, object->via.str.size);
    if (text.size > max)
        return bg_fail (self->err, BG_TOO_LARGE,
            "%s.%s: %zu bytes, at most %" PRIu64 " are allowed", desc->name,
            wire_field_name (field), text.size, max);
    if (!is_binary && !bg_utf8_valid (text))
        return bg_fail (self->err, BG_INVALID, "%s.%s: the text is not UTF-8", desc->name,
            wire_field_name (field));
    if (!is_binary && bg_has_control (text, field->type == WIRE_FIELD_TEXT))
        return bg_fail (self->err, BG_INVALID, "%s.%s: the text holds a control character",
            desc->name, wire_field_name (field));
    *place = text;
    return bg_ok ();
}

static size_t item_size (const wire_field *field)
{
    switch (field->type) {
    case WIRE_FIELD_LIST:
        return wire_field_desc (field)->size;
    case WIRE_FIELD_STRS:
        return sizeof (bg_slice);
    default:
        return sizeof (uint64_t);
    }
}

static bg_result decode_items (const decoder *self, const wire_desc *desc, const wire_field *field,
    const msgpack_object *object, void *value)
{
    if (object->type != MSGPACK_OBJECT_ARRAY)
        return wrong (self, desc, field, "not an array");
    size_t count = object->via.array.size;
    if (count > field->max)
        return bg_fail (self->err, BG_TOO_LARGE,
            "%s.%s: %zu items, at most %" PRIu64 " are allowed", desc->name,
            wire_field_name (field), count, field->max);
    if (count == 0)
        return bg_ok ();
    size_t size = item_size (field);
    char *items = bg_arena_alloc (self->arena, count * size);
    for (size_t i = 0; i < count; i++) {
        const msgpack_object *item = &object->via.array.ptr[i];
        void *place = items + i * size;
        if (field->type == WIRE_FIELD_LIST) {
            BG_TRY (decode_struct (self, wire_field_desc (field), item, place));
        } else if (field->type == WIRE_FIELD_STRS) {
            BG_TRY (decode_text (self, desc, field, field->max_bytes, item, place));
        } else {
            if (item->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
                return wrong (self, desc, field, "not an unsigned integer");
            memcpy (place, &item->via.u64, sizeof (uint64_t));
        }
    }
    memcpy (wire_put_at (value, field->offset), &items, sizeof items);
    memcpy (wire_put_at (value, field->extra_offset), &count, sizeof count);
    return bg_ok ();
}

static bg_result decode_field (const decoder *self, const wire_desc *desc, const wire_field *field,
    const msgpack_object *object, void *value)
{
    void *place = wire_put_at (value, field->offset);
    switch (field->type) {
    case WIRE_FIELD_U:
    case WIRE_FIELD_I:
        return decode_number (self, desc, field, object, place);
    case WIRE_FIELD_BOOL:
        if (object->type != MSGPACK_OBJECT_BOOLEAN)
            return wrong (self, desc, field, "neither true nor false");
        *(bool *) place = object->via.boolean;
        return bg_ok ();
    case WIRE_FIELD_ID:
    case WIRE_FIELD_KEY:
    case WIRE_FIELD_FIX:
        return decode_fixed (self, desc, field, object, place);
    case WIRE_FIELD_BIN:
    case WIRE_FIELD_STR:
    case WIRE_FIELD_TEXT:
        return decode_text (self, desc, field, field->max, object, place);
    case WIRE_FIELD_OBJ:
        if (object->type != MSGPACK_OBJECT_MAP)
            return wrong (self, desc, field, "not a map");
        *(bool *) wire_put_at (value, field->extra_offset) = true;
        return decode_struct (self, wire_field_desc (field), object, place);
    default:
        return decode_items (self, desc, field, object, value);
    }
}

/*  A key that the descriptor does not have.  */
static bg_result skip_unknown (const decoder *self, const wire_desc *desc, uint64_t key)
{
    if (self->strictness == WIRE_AS_MESSAGE || key >= FIRST_SKIPPABLE)
        return bg_ok ();
    return bg_fail (
        self->err, BG_TOO_NEW, "%s: field %" PRIu64 " is of a newer version", desc->name, key);
}

static bg_result missing (const decoder *self, const wire_desc *desc, const wire_field *field)
{
    return field->required ? wrong (self, desc, field, "missing") : bg_ok ();
}

static bg_result decode_struct (
    const decoder *self, const wire_desc *desc, const msgpack_object *object, void *value)
{
    if (object->type != MSGPACK_OBJECT_MAP)
        return bg_fail (self->err, BG_MALFORMED, "%s: not a map", desc->name);
    size_t next = 0;    /*  the first field that has not been seen  */
    uint64_t least = 0; /*  the smallest key that may come  */
    for (uint32_t i = 0; i < object->via.map.size; i++) {
        const msgpack_object_kv *pair = &object->via.map.ptr[i];
        if (pair->key.type != MSGPACK_OBJECT_POSITIVE_INTEGER)
            return bg_fail (
                self->err, BG_MALFORMED, "%s: a key is not an unsigned integer", desc->name);
        uint64_t key = pair->key.via.u64;
        if (key < least || key == UINT64_MAX)
            return bg_fail (self->err, BG_MALFORMED,
                "%s: key %" PRIu64 " is repeated or out of order", desc->name, key);
        least = key + 1;
        for (; next < desc->field_count && desc->fields[next].number < key; next++)
            BG_TRY (missing (self, desc, &desc->fields[next]));
        if (next == desc->field_count || desc->fields[next].number != key) {
            BG_TRY (skip_unknown (self, desc, key));
            continue;
        }
        const wire_field *field = &desc->fields[next++];
        BG_TRY (decode_field (self, desc, field, &pair->val, value));
        if (self->strictness == WIRE_AS_SIGNED && !wire_is_set (value, field))
            return wrong (self, desc, field, "written though it is zero or empty");
    }
    for (; next < desc->field_count; next++)
        BG_TRY (missing (self, desc, &desc->fields[next]));
    return bg_ok ();
}

static const wire_guard_limits *limits_of (wire_strictness strictness)
{
    static const wire_guard_limits of_messages = {.bytes = WIRE_INNER_BYTES_MAX,
        .depth = WIRE_DEPTH_MAX,
        .items = WIRE_MESSAGE_ITEMS_MAX,
        .members = WIRE_CONTAINER_MAX,
        .shortest = false};
    static const wire_guard_limits of_signed = {.bytes = WIRE_FRAME_MAX,
        .depth = WIRE_DEPTH_MAX,
        .items = WIRE_ITEMS_MAX,
        .members = WIRE_CONTAINER_MAX,
        .shortest = true};
    return strictness == WIRE_AS_SIGNED ? &of_signed : &of_messages;
}

/*  msgpack-c behind the guard: that it fails now means that there is no memory.  */
static bg_result parse (const decoder *self, bg_slice bytes, msgpack_unpacked *parsed)
{
    size_t end = 0;
    switch (msgpack_unpack_next (parsed, (const char *) bytes.data, bytes.size, &end)) {
    case MSGPACK_UNPACK_SUCCESS:
        bg_assert (end == bytes.size);
        return bg_ok ();
    case MSGPACK_UNPACK_NOMEM_ERROR:
        return bg_fail (self->err, BG_NO_MEMORY, "out of memory while reading a message");
    default:
        return bg_fail (self->err, BG_MALFORMED, "the bytes are not well-formed msgpack");
    }
}

bg_result wire_decode (const wire_desc *desc, bg_slice bytes, wire_strictness strictness,
    bg_arena *arena, void *value, bg_error *err)
{
    memset (value, 0, desc->size);
    bg_result result = wire_guard (bytes, limits_of (strictness), err);
    if (bg_failed (result)) {
        if (err)
            (void) bg_prefix (err, "%s", desc->name);
        return result;
    }
    decoder self = {strictness, arena, err};
    msgpack_unpacked parsed;
    msgpack_unpacked_init (&parsed);
    result = parse (&self, bytes, &parsed);
    if (bg_is_ok (result))
        result = decode_struct (&self, desc, &parsed.data, value);
    msgpack_unpacked_destroy (&parsed);
    if (bg_failed (result))
        memset (value, 0, desc->size);
    return result;
}
