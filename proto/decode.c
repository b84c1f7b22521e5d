/*  Bytes to structs: the frame guard, then the descriptors, value by value.

    Nothing that the bytes say is believed before it is compared with the descriptor. The slices of the struct point into
    the bytes; lists go into the arena and are only as long as what is really there.

    With WIRE_AS_SIGNED exactly one form of bytes is accepted for each value: the guard refuses what is not shortest,
    here optional fields that are there but zero or empty are refused. (Bytes are not encoded again and compared: that
    could not work beside fields of newer versions.)
*/
#include "proto/fields.h"
#include "proto/guard.h"
#include "proto/reader.h"

#include "common/base/utf8.h"

#include <inttypes.h>

/*  Unknown fields of signed structures from here on may be skipped.  */
#define FIRST_SKIPPABLE 128

typedef struct {
    wire_strictness strictness;
    bg_arena *arena;
    bg_error *err;
    wire_reader reader;
} decoder;

static bg_result wrong (
    decoder *self, const wire_desc *desc, const wire_field *field, const char *why)
{
    return bg_fail (self->err, BG_MALFORMED, "%s.%s: %s", desc->name, wire_field_name (field), why);
}

static bg_result decode_struct (
    decoder *self, const wire_desc *desc, const wire_item *item, void *value);

static bg_result decode_number (decoder *self, const wire_desc *desc, const wire_field *field,
    const wire_item *item, void *place)
{
    if (item->type == WIRE_ITEM_NEGATIVE && field->type == WIRE_FIELD_I) {
        memcpy (place, &item->number, sizeof (uint64_t));
        return bg_ok ();
    }
    if (item->type != WIRE_ITEM_UNSIGNED)
        return wrong (self, desc, field,
            field->type == WIRE_FIELD_I ? "not an integer" : "not an unsigned integer");
    if (item->number > field->max)
        return bg_fail (self->err, BG_TOO_LARGE, "%s.%s: %" PRIu64 " is more than %" PRIu64,
            desc->name, wire_field_name (field), item->number, field->max);
    memcpy (place, &item->number, sizeof (uint64_t));
    return bg_ok ();
}

static bg_result decode_fixed (decoder *self, const wire_desc *desc, const wire_field *field,
    const wire_item *item, void *place)
{
    if (item->type != WIRE_ITEM_BIN)
        return wrong (self, desc, field, "not binary");
    if (item->bytes.size != field->max)
        return bg_fail (self->err, BG_MALFORMED, "%s.%s: %zu bytes, must be %" PRIu64, desc->name,
            wire_field_name (field), item->bytes.size, field->max);
    memcpy (place, item->bytes.data, item->bytes.size);
    return bg_ok ();
}

static bg_result decode_text (decoder *self, const wire_desc *desc, const wire_field *field,
    uint64_t max, const wire_item *item, bg_slice *place)
{
    bool is_binary = field->type == WIRE_FIELD_BIN;
    if (item->type != (is_binary ? WIRE_ITEM_BIN : WIRE_ITEM_STR))
        return wrong (self, desc, field, is_binary ? "not binary" : "not text");
    const bg_slice text = item->bytes;
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

static bg_result decode_items (decoder *self, const wire_desc *desc, const wire_field *field,
    const wire_item *item, void *value)
{
    if (item->type != WIRE_ITEM_ARRAY)
        return wrong (self, desc, field, "not an array");
    size_t count = (size_t) item->number;
    if (count > field->max)
        return bg_fail (self->err, BG_TOO_LARGE,
            "%s.%s: %zu items, at most %" PRIu64 " are allowed", desc->name,
            wire_field_name (field), count, field->max);
    if (count == 0)
        return bg_ok ();
    size_t size = item_size (field);
    char *items = bg_arena_alloc (self->arena, count * size);
    for (size_t i = 0; i < count; i++) {
        const wire_item one = wire_read (&self->reader);
        void *place = items + i * size;
        if (field->type == WIRE_FIELD_LIST) {
            BG_TRY (decode_struct (self, wire_field_desc (field), &one, place));
        } else if (field->type == WIRE_FIELD_STRS) {
            BG_TRY (decode_text (self, desc, field, field->max_bytes, &one, place));
        } else {
            if (one.type != WIRE_ITEM_UNSIGNED)
                return wrong (self, desc, field, "not an unsigned integer");
            memcpy (place, &one.number, sizeof (uint64_t));
        }
    }
    memcpy (wire_put_at (value, field->offset), &items, sizeof items);
    memcpy (wire_put_at (value, field->extra_offset), &count, sizeof count);
    return bg_ok ();
}

static bg_result decode_field (decoder *self, const wire_desc *desc, const wire_field *field,
    const wire_item *item, void *value)
{
    void *place = wire_put_at (value, field->offset);
    switch (field->type) {
    case WIRE_FIELD_U:
    case WIRE_FIELD_I:
        return decode_number (self, desc, field, item, place);
    case WIRE_FIELD_BOOL:
        if (item->type != WIRE_ITEM_BOOL)
            return wrong (self, desc, field, "neither true nor false");
        *(bool *) place = item->number != 0;
        return bg_ok ();
    case WIRE_FIELD_ID:
    case WIRE_FIELD_KEY:
    case WIRE_FIELD_FIX:
        return decode_fixed (self, desc, field, item, place);
    case WIRE_FIELD_BIN:
    case WIRE_FIELD_STR:
    case WIRE_FIELD_TEXT:
        return decode_text (self, desc, field, field->max, item, place);
    case WIRE_FIELD_OBJ:
        if (item->type != WIRE_ITEM_MAP)
            return wrong (self, desc, field, "not a map");
        *(bool *) wire_put_at (value, field->extra_offset) = true;
        return decode_struct (self, wire_field_desc (field), item, place);
    default:
        return decode_items (self, desc, field, item, value);
    }
}

/*  A key that the descriptor does not have.  */
static bg_result skip_unknown (decoder *self, const wire_desc *desc, uint64_t key)
{
    if (self->strictness == WIRE_AS_MESSAGE || key >= FIRST_SKIPPABLE)
        return bg_ok ();
    return bg_fail (
        self->err, BG_TOO_NEW, "%s: field %" PRIu64 " is of a newer version", desc->name, key);
}

static bg_result missing (decoder *self, const wire_desc *desc, const wire_field *field)
{
    return field->required ? wrong (self, desc, field, "missing") : bg_ok ();
}

static bg_result decode_struct (
    decoder *self, const wire_desc *desc, const wire_item *item, void *value)
{
    if (item->type != WIRE_ITEM_MAP)
        return bg_fail (self->err, BG_MALFORMED, "%s: not a map", desc->name);
    size_t next = 0;    /*  the first field that has not been seen  */
    uint64_t least = 0; /*  the smallest key that may come  */
    for (uint64_t i = 0; i < item->number; i++) {
        const wire_item name = wire_read (&self->reader);
        const wire_item content = wire_read (&self->reader);
        if (name.type != WIRE_ITEM_UNSIGNED)
            return bg_fail (
                self->err, BG_MALFORMED, "%s: a key is not an unsigned integer", desc->name);
        uint64_t key = name.number;
        if (key < least || key == UINT64_MAX)
            return bg_fail (self->err, BG_MALFORMED,
                "%s: key %" PRIu64 " is repeated or out of order", desc->name, key);
        least = key + 1;
        for (; next < desc->field_count && desc->fields[next].number < key; next++)
            BG_TRY (missing (self, desc, &desc->fields[next]));
        if (next == desc->field_count || desc->fields[next].number != key) {
            BG_TRY (skip_unknown (self, desc, key));
            wire_skip (&self->reader, &content);
            continue;
        }
        const wire_field *field = &desc->fields[next++];
        BG_TRY (decode_field (self, desc, field, &content, value));
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
    decoder self = {strictness, arena, err, wire_reader_of (bytes)};
    const wire_item outer = wire_read (&self.reader);
    result = decode_struct (&self, desc, &outer, value);
    bg_assert (bg_failed (result) || self.reader.at == self.reader.end);
    if (bg_failed (result))
        memset (value, 0, desc->size);
    return result;
}
