/*  What else can be done to any struct through its descriptor: compare, copy, print, make at random. None of it looks at
    what a value means.
*/
#include "proto/fields.h"

#include "common/base/utf8.h"

#include <inttypes.h>

/*  ---- equal ----  */

static bool items_equal (const wire_field *field, const void *a, const void *b)
{
    size_t count = wire_get_count (a, field);
    if (count != wire_get_count (b, field))
        return false;
    const void *left = wire_get_items (a, field);
    const void *right = wire_get_items (b, field);
    for (size_t i = 0; i < count; i++) {
        bool same = false;
        if (field->type == WIRE_FIELD_LIST)
            same = wire_equal (wire_field_desc (field),
                wire_at (left, i * wire_field_desc (field)->size),
                wire_at (right, i * wire_field_desc (field)->size));
        else if (field->type == WIRE_FIELD_STRS)
            same = bg_slice_equal (((const bg_slice *) left)[i], ((const bg_slice *) right)[i]);
        else
            same = ((const uint64_t *) left)[i] == ((const uint64_t *) right)[i];
        if (!same)
            return false;
    }
    return true;
}

static bool field_equal (const wire_field *field, const void *a, const void *b)
{
    switch (field->type) {
    case WIRE_FIELD_U:
    case WIRE_FIELD_I:
        return wire_get_u (a, field) == wire_get_u (b, field);
    case WIRE_FIELD_BOOL:
        return wire_get_bool (a, field->offset) == wire_get_bool (b, field->offset);
    case WIRE_FIELD_ID:
    case WIRE_FIELD_KEY:
    case WIRE_FIELD_FIX:
        return memcmp (wire_at (a, field->offset), wire_at (b, field->offset),
                   (size_t) field->max) == 0;
    case WIRE_FIELD_BIN:
    case WIRE_FIELD_STR:
    case WIRE_FIELD_TEXT:
        return bg_slice_equal (wire_get_slice (a, field), wire_get_slice (b, field));
    case WIRE_FIELD_OBJ:
        if (wire_is_set (a, field) != wire_is_set (b, field))
            return false;
        return !wire_is_set (a, field) ||
               wire_equal (
                   wire_field_desc (field), wire_at (a, field->offset), wire_at (b, field->offset));
    default:
        return items_equal (field, a, b);
    }
}

bool wire_equal (const wire_desc *desc, const void *a, const void *b)
{
    for (size_t i = 0; i < desc->field_count; i++) {
        if (!field_equal (&desc->fields[i], a, b))
            return false;
    }
    return true;
}

/*  ---- copy ----  */

static void copy_items (const wire_field *field, bg_arena *arena, const void *from, void *to)
{
    size_t count = wire_get_count (from, field);
    const void *items = wire_get_items (from, field);
    void *copies = NULL;
    if (count > 0 && field->type == WIRE_FIELD_LIST) {
        copies = bg_arena_alloc (arena, count * wire_field_desc (field)->size);
        for (size_t i = 0; i < count; i++)
            wire_copy (wire_field_desc (field), arena,
                wire_at (items, i * wire_field_desc (field)->size),
                wire_put_at (copies, i * wire_field_desc (field)->size));
    } else if (count > 0 && field->type == WIRE_FIELD_STRS) {
        bg_slice *texts = bg_arena_array (arena, bg_slice, count);
        for (size_t i = 0; i < count; i++)
            texts[i] = bg_arena_copy (arena, ((const bg_slice *) items)[i]);
        copies = texts;
    } else if (count > 0) {
        copies = bg_arena_array (arena, uint64_t, count);
        memcpy (copies, items, count * sizeof (uint64_t));
    }
    memcpy (wire_put_at (to, field->offset), &copies, sizeof copies);
}

void wire_copy (const wire_desc *desc, bg_arena *arena, const void *from, void *to)
{
    if (to != from)
        memcpy (to, from, desc->size);
    for (size_t i = 0; i < desc->field_count; i++) {
        const wire_field *field = &desc->fields[i];
        switch (field->type) {
        case WIRE_FIELD_BIN:
        case WIRE_FIELD_STR:
        case WIRE_FIELD_TEXT:
            *(bg_slice *) wire_put_at (to, field->offset) =
                bg_arena_copy (arena, wire_get_slice (from, field));
            break;
        case WIRE_FIELD_OBJ:
            wire_copy (wire_field_desc (field), arena, wire_at (from, field->offset),
                wire_put_at (to, field->offset));
            break;
        case WIRE_FIELD_LIST:
        case WIRE_FIELD_STRS:
        case WIRE_FIELD_UINTS:
            copy_items (field, arena, from, to);
            break;
        default:
            break;
        }
    }
}

/*  ---- print ----  */

#define PRINT_BYTES_MAX 64 /*  of one binary or text  */

static void print_bytes (bg_slice bytes, bg_buf *out)
{
    for (size_t i = 0; i < bytes.size && i < PRINT_BYTES_MAX; i++)
        bg_buf_printf (out, "%02x", bytes.data[i]);
    if (bytes.size > PRINT_BYTES_MAX)
        bg_buf_printf (out, "... (%zu bytes)", bytes.size);
}

/*  Whatever would move a cursor or is not ASCII goes out as an escape.  */
static void print_text (bg_slice text, bg_buf *out)
{
    bg_buf_append_byte (out, '"');
    for (size_t i = 0; i < text.size && i < PRINT_BYTES_MAX; i++) {
        uint8_t byte = text.data[i];
        if (byte == '"' || byte == '\\' || byte < 0x20 || byte > 0x7e)
            bg_buf_printf (out, "\\x%02x", byte);
        else
            bg_buf_append_byte (out, byte);
    }
    bg_buf_append_byte (out, '"');
    if (text.size > PRINT_BYTES_MAX)
        bg_buf_printf (out, "... (%zu bytes)", text.size);
}

static void print_struct (const wire_desc *desc, const void *value, int indent, bg_buf *out);

static void print_items (const wire_field *field, const void *value, int indent, bg_buf *out)
{
    size_t count = wire_get_count (value, field);
    const void *items = wire_get_items (value, field);
    bg_buf_printf (out, "%zu", count);
    for (size_t i = 0; i < count; i++) {
        bg_buf_printf (out, "\n%*s- ", indent + 2, "");
        if (field->type == WIRE_FIELD_LIST) {
            bg_buf_append_byte (out, '\n');
            print_struct (wire_field_desc (field),
                wire_at (items, i * wire_field_desc (field)->size), indent + 4, out);
            out->size--; /*  the newline comes from our caller  */
        } else if (field->type == WIRE_FIELD_STRS) {
            print_text (((const bg_slice *) items)[i], out);
        } else {
            bg_buf_printf (out, "%" PRIu64, ((const uint64_t *) items)[i]);
        }
    }
}

static void print_field (const wire_field *field, const void *value, int indent, bg_buf *out)
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
        bg_buf_append_str (out, bg_id_text (*(const bg_id *) place).text);
        return;
    case WIRE_FIELD_KEY:
        bg_buf_append_str (out, bg_key_text (place).text);
        return;
    case WIRE_FIELD_FIX:
        print_bytes (bg_slice_of (place, (size_t) field->max), out);
        return;
    case WIRE_FIELD_BIN:
        print_bytes (wire_get_slice (value, field), out);
        return;
    case WIRE_FIELD_STR:
    case WIRE_FIELD_TEXT:
        print_text (wire_get_slice (value, field), out);
        return;
    case WIRE_FIELD_OBJ:
        bg_buf_append_byte (out, '\n');
        print_struct (wire_field_desc (field), place, indent + 2, out);
        out->size--;
        return;
    default:
        print_items (field, value, indent, out);
    }
}

static void print_struct (const wire_desc *desc, const void *value, int indent, bg_buf *out)
{
    bool any = false;
    for (size_t i = 0; i < desc->field_count; i++) {
        const wire_field *field = &desc->fields[i];
        if (!wire_is_set (value, field))
            continue;
        any = true;
        bg_buf_printf (out, "%*s%s: ", indent, "", wire_field_name (field));
        print_field (field, value, indent, out);
        bg_buf_append_byte (out, '\n');
    }
    if (!any)
        bg_buf_printf (out, "%*s(empty)\n", indent, "");
}

void wire_print (const wire_desc *desc, const void *value, bg_buf *out)
{
    print_struct (desc, value, 0, out);
}

/*  ---- text that fits ----  */

/*  Bytes of the character at the start of text when it may stay, 0 when its first byte must go.  */
static size_t allowed_character (bg_slice text, bool multiline)
{
    for (size_t size = 1; size <= 4 && size <= text.size; size++) {
        bg_slice character = bg_slice_of (text.data, size);
        if (bg_utf8_valid (character))
            return bg_has_control (character, multiline) ? 0 : size;
    }
    return 0;
}

bg_slice wire_fit_text (bg_slice text, size_t max, bool multiline, bg_arena *arena)
{
    if (text.size <= max && bg_utf8_valid (text) && !bg_has_control (text, multiline))
        return text;
    size_t room = text.size < max ? text.size : max;
    uint8_t *fit = bg_arena_alloc (arena, room + 1);
    size_t used = 0;
    for (size_t at = 0; at < text.size && used < room;) {
        size_t size = allowed_character (bg_slice_of (text.data + at, text.size - at), multiline);
        if (size > room - used)
            break;
        if (size == 0)
            fit[used++] = '?';
        else
            memcpy (fit + used, text.data + at, size);
        used += size;
        at += size ? size : 1;
    }
    return bg_slice_of (fit, used);
}
