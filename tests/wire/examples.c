/*  Filled structs and their JSON: see examples.h. The installation is in installation.c.  */
#include "tests/wire/examples.h"

#include "proto/fields.h"

#include <inttypes.h>

#define EXAMPLE_TIME_US INT64_C (1767225600000000) /*  2026-01-01T00:00:00Z  */

static void fill_field (const wire_field *field, bool full, bg_arena *arena, void *value)
{
    void *place = wire_put_at (value, field->offset);
    bg_slice name = bg_slice_str (wire_field_name (field));
    size_t count = 1;
    void *items = NULL;
    switch (field->type) {
    case WIRE_FIELD_U:
        *(uint64_t *) place = field->number < field->max ? field->number : field->max;
        return;
    case WIRE_FIELD_I:
        *(int64_t *) place = strstr (wire_field_name (field), "_us")
                                 ? EXAMPLE_TIME_US + field->number
                                 : -(int64_t) field->number;
        return;
    case WIRE_FIELD_BOOL:
        *(bool *) place = true;
        return;
    case WIRE_FIELD_ID:
    case WIRE_FIELD_KEY:
    case WIRE_FIELD_FIX:
        memset (place, (int) field->number, (size_t) field->max);
        return;
    case WIRE_FIELD_BIN:
    case WIRE_FIELD_STR:
    case WIRE_FIELD_TEXT:
        *(bg_slice *) place =
            name.size <= field->max ? name : bg_slice_of (name.data, (size_t) field->max);
        return;
    case WIRE_FIELD_OBJ:
        *(bool *) wire_put_at (value, field->extra_offset) = true;
        example_fill (wire_field_desc (field), full, arena, place);
        return;
    case WIRE_FIELD_LIST:
        items = bg_arena_alloc (arena, wire_field_desc (field)->size);
        example_fill (wire_field_desc (field), full, arena, items);
        break;
    case WIRE_FIELD_STRS:
        items = bg_arena_alloc (arena, sizeof (bg_slice));
        *(bg_slice *) items = name;
        break;
    case WIRE_FIELD_UINTS:
        items = bg_arena_alloc (arena, sizeof (uint64_t));
        *(uint64_t *) items = field->number;
        break;
    }
    memcpy (place, &items, sizeof items);
    memcpy (wire_put_at (value, field->extra_offset), &count, sizeof count);
}

void example_fill (const wire_desc *desc, bool full, bg_arena *arena, void *value)
{
    memset (value, 0, desc->size);
    for (size_t i = 0; i < desc->field_count; i++) {
        if (full || desc->fields[i].required)
            fill_field (&desc->fields[i], full, arena, value);
    }
}

/*  ---- JSON ----  */

void example_hex (bg_slice bytes, bg_buf *out)
{
    for (size_t i = 0; i < bytes.size; i++)
        bg_buf_printf (out, "%02x", bytes.data[i]);
}

static void json_hex (bg_slice bytes, bg_buf *out)
{
    bg_buf_append_byte (out, '"');
    example_hex (bytes, out);
    bg_buf_append_byte (out, '"');
}

void example_json_text (bg_slice text, bg_buf *out)
{
    bg_buf_append_byte (out, '"');
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte == '"' || byte == '\\')
            bg_buf_printf (out, "\\%c", byte);
        else if (byte < 0x20)
            bg_buf_printf (out, "\\u%04x", byte);
        else
            bg_buf_append_byte (out, byte);
    }
    bg_buf_append_byte (out, '"');
}

static void json_items (const wire_field *field, const void *value, bg_buf *out)
{
    const void *items = wire_get_items (value, field);
    bg_buf_append_byte (out, '[');
    for (size_t i = 0; i < wire_get_count (value, field); i++) {
        bg_buf_append_str (out, i ? ", " : "");
        if (field->type == WIRE_FIELD_LIST)
            example_json (
                wire_field_desc (field), wire_at (items, i * wire_field_desc (field)->size), out);
        else if (field->type == WIRE_FIELD_STRS)
            example_json_text (((const bg_slice *) items)[i], out);
        else
            bg_buf_printf (out, "%" PRIu64, ((const uint64_t *) items)[i]);
    }
    bg_buf_append_byte (out, ']');
}

static void json_field (const wire_field *field, const void *value, bg_buf *out)
{
    const void *place = wire_at (value, field->offset);
    switch (field->type) {
    case WIRE_FIELD_U:
        bg_buf_printf (out, "%" PRIu64, wire_get_u (value, field));
        return;
    case WIRE_FIELD_I:
        bg_buf_printf (out, "%" PRIi64, wire_get_i (value, field));
        return;
    case WIRE_FIELD_BOOL:
        bg_buf_append_str (out, "true");
        return;
    case WIRE_FIELD_ID:
    case WIRE_FIELD_KEY:
    case WIRE_FIELD_FIX:
        json_hex (bg_slice_of (place, (size_t) field->max), out);
        return;
    case WIRE_FIELD_BIN:
        json_hex (wire_get_slice (value, field), out);
        return;
    case WIRE_FIELD_STR:
    case WIRE_FIELD_TEXT:
        example_json_text (wire_get_slice (value, field), out);
        return;
    case WIRE_FIELD_OBJ:
        example_json (wire_field_desc (field), place, out);
        return;
    default:
        json_items (field, value, out);
    }
}

void example_json (const wire_desc *desc, const void *value, bg_buf *out)
{
    const char *comma = "";
    bg_buf_append_byte (out, '{');
    for (size_t i = 0; i < desc->field_count; i++) {
        const wire_field *field = &desc->fields[i];
        if (!wire_is_set (value, field))
            continue;
        bg_buf_printf (out, "%s\"%s\": ", comma, wire_field_name (field));
        json_field (field, value, out);
        comma = ", ";
    }
    bg_buf_append_byte (out, '}');
}
