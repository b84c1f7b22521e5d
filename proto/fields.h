/*  Access to the fields of a struct through its descriptor; private to the codec.  */
#ifndef BUGLE_PROTO_FIELDS_H
#define BUGLE_PROTO_FIELDS_H

#include "proto/wire.h"

static inline const void *wire_at (const void *value, size_t offset)
{
    return (const char *) value + offset;
}

static inline void *wire_put_at (void *value, size_t offset)
{
    return (char *) value + offset;
}

static inline uint64_t wire_get_u (const void *value, const wire_field *field)
{
    uint64_t number;
    memcpy (&number, wire_at (value, field->offset), sizeof number);
    return number;
}

static inline int64_t wire_get_i (const void *value, const wire_field *field)
{
    int64_t number;
    memcpy (&number, wire_at (value, field->offset), sizeof number);
    return number;
}

static inline bool wire_get_bool (const void *value, size_t offset)
{
    return *(const bool *) wire_at (value, offset);
}

static inline bg_slice wire_get_slice (const void *value, const wire_field *field)
{
    return *(const bg_slice *) wire_at (value, field->offset);
}

/*  Of LIST, STRS, UINTS: how many items, and where they are.  */
static inline size_t wire_get_count (const void *value, const wire_field *field)
{
    return *(const size_t *) wire_at (value, field->extra_offset);
}

static inline const void *wire_get_items (const void *value, const wire_field *field)
{
    return *(const void *const *) wire_at (value, field->offset);
}

static inline bool wire_is_zero (const uint8_t *bytes, size_t size)
{
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++)
        any |= bytes[i];
    return any == 0;
}

/*  Whether the field would be written: required, or neither zero nor empty.  */
static inline bool wire_is_set (const void *value, const wire_field *field)
{
    switch (field->type) {
    case WIRE_FIELD_U:
    case WIRE_FIELD_I:
        return field->required || wire_get_u (value, field) != 0;
    case WIRE_FIELD_BOOL:
        return wire_get_bool (value, field->offset);
    case WIRE_FIELD_ID:
    case WIRE_FIELD_KEY:
    case WIRE_FIELD_FIX:
        return field->required ||
               !wire_is_zero (wire_at (value, field->offset), (size_t) field->max);
    case WIRE_FIELD_BIN:
    case WIRE_FIELD_STR:
    case WIRE_FIELD_TEXT:
        return field->required || wire_get_slice (value, field).size > 0;
    case WIRE_FIELD_OBJ:
        return field->required || wire_get_bool (value, field->extra_offset);
    default:
        return wire_get_count (value, field) > 0;
    }
}

#endif
