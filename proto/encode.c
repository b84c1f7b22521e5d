/*  Structs to canonical bytes, and the check of a struct against its limits.

    Canonical: maps by ascending key (the descriptors are in that order), shortest forms (msgpack-c's packer chooses
    them), OPT fields that are zero or empty left out. Not here: what a value means.
*/
#include "proto/fields.h"

#include "common/base/utf8.h"

#include <inttypes.h>
#include <msgpack.h>

static int append (void *data, const char *bytes, size_t size)
{
    bg_buf_append (data, bytes, size);
    return 0;
}

/*  A struct of our own over its limits is a mistake of ours; the name of the field is what one wants to know.  */
static void must (bool holds, const wire_field *field)
{
    if (!holds)
        bg_assert_failed (wire_field_name (field), __FILE__, __LINE__);
}

static void pack_bytes (msgpack_packer *packer, bool is_text, bg_slice bytes)
{
    if (is_text) {
        msgpack_pack_str (packer, bytes.size);
        if (bytes.size)
            msgpack_pack_str_body (packer, bytes.data, bytes.size);
        return;
    }
    msgpack_pack_bin (packer, bytes.size);
    if (bytes.size)
        msgpack_pack_bin_body (packer, bytes.data, bytes.size);
}

static void pack_struct (msgpack_packer *packer, const wire_desc *desc, const void *value);

static void pack_items (msgpack_packer *packer, const wire_field *field, const void *value)
{
    size_t count = wire_get_count (value, field);
    const void *items = wire_get_items (value, field);
    must (count <= field->max, field);
    msgpack_pack_array (packer, count);
    for (size_t i = 0; i < count; i++) {
        if (field->type == WIRE_FIELD_LIST) {
            pack_struct (packer, wire_field_desc (field),
                wire_at (items, i * wire_field_desc (field)->size));
        } else if (field->type == WIRE_FIELD_STRS) {
            const bg_slice *text = (const bg_slice *) items + i;
            must (text->size <= field->max_bytes, field);
            pack_bytes (packer, true, *text);
        } else {
            msgpack_pack_uint64 (packer, ((const uint64_t *) items)[i]);
        }
    }
}

static void pack_field (msgpack_packer *packer, const wire_field *field, const void *value)
{
    switch (field->type) {
    case WIRE_FIELD_U:
        must (wire_get_u (value, field) <= field->max, field);
        msgpack_pack_uint64 (packer, wire_get_u (value, field));
        return;
    case WIRE_FIELD_I:
        msgpack_pack_int64 (packer, wire_get_i (value, field));
        return;
    case WIRE_FIELD_BOOL:
        msgpack_pack_true (packer);
        return;
    case WIRE_FIELD_ID:
    case WIRE_FIELD_KEY:
    case WIRE_FIELD_FIX:
        pack_bytes (
            packer, false, bg_slice_of (wire_at (value, field->offset), (size_t) field->max));
        return;
    case WIRE_FIELD_BIN:
    case WIRE_FIELD_STR:
    case WIRE_FIELD_TEXT:
        must (wire_get_slice (value, field).size <= field->max, field);
        pack_bytes (packer, field->type != WIRE_FIELD_BIN, wire_get_slice (value, field));
        return;
    case WIRE_FIELD_OBJ:
        pack_struct (packer, wire_field_desc (field), wire_at (value, field->offset));
        return;
    default:
        pack_items (packer, field, value);
    }
}

static void pack_struct (msgpack_packer *packer, const wire_desc *desc, const void *value)
{
    size_t set = 0;
    for (size_t i = 0; i < desc->field_count; i++)
        set += wire_is_set (value, &desc->fields[i]);
    msgpack_pack_map (packer, set);
    for (size_t i = 0; i < desc->field_count; i++) {
        const wire_field *field = &desc->fields[i];
        if (!wire_is_set (value, field))
            continue;
        msgpack_pack_uint32 (packer, field->number);
        pack_field (packer, field, value);
    }
}

void wire_encode (const wire_desc *desc, const void *value, bg_buf *out)
{
    msgpack_packer packer;
    msgpack_packer_init (&packer, out, append);
    pack_struct (&packer, desc, value);
}

/*  ---- check ----  */

typedef struct {
    uint64_t items; /*  values counted as the guard counts them  */
    bg_error *err;
} check;

static bg_result check_text (
    const check *self, const wire_desc *desc, const wire_field *field, bg_slice text, uint64_t max)
{
    if (text.size > max)
        return bg_fail (self->err, BG_TOO_LARGE,
            "%s.%s: %zu bytes, at most %" PRIu64 " are allowed", desc->name,
            wire_field_name (field), text.size, max);
    if (field->type == WIRE_FIELD_BIN)
        return bg_ok ();
    if (!bg_utf8_valid (text))
        return bg_fail (self->err, BG_INVALID, "%s.%s: the text is not UTF-8", desc->name,
            wire_field_name (field));
    if (bg_has_control (text, field->type == WIRE_FIELD_TEXT))
        return bg_fail (self->err, BG_INVALID, "%s.%s: the text holds a control character",
            desc->name, wire_field_name (field));
    return bg_ok ();
}

static bg_result check_struct (check *self, const wire_desc *desc, const void *value);

static bg_result check_items (
    check *self, const wire_desc *desc, const wire_field *field, const void *value)
{
    size_t count = wire_get_count (value, field);
    const void *items = wire_get_items (value, field);
    if (count > field->max)
        return bg_fail (self->err, BG_TOO_LARGE,
            "%s.%s: %zu items, at most %" PRIu64 " are allowed", desc->name,
            wire_field_name (field), count, field->max);
    self->items += count;
    for (size_t i = 0; i < count; i++) {
        if (field->type == WIRE_FIELD_LIST)
            BG_TRY (check_struct (
                self, wire_field_desc (field), wire_at (items, i * wire_field_desc (field)->size)));
        else if (field->type == WIRE_FIELD_STRS)
            BG_TRY (
                check_text (self, desc, field, ((const bg_slice *) items)[i], field->max_bytes));
    }
    return bg_ok ();
}

static bg_result check_field (
    check *self, const wire_desc *desc, const wire_field *field, const void *value)
{
    switch (field->type) {
    case WIRE_FIELD_U:
        if (wire_get_u (value, field) > field->max)
            return bg_fail (self->err, BG_TOO_LARGE, "%s.%s: %" PRIu64 " is more than %" PRIu64,
                desc->name, wire_field_name (field), wire_get_u (value, field), field->max);
        return bg_ok ();
    case WIRE_FIELD_BIN:
    case WIRE_FIELD_STR:
    case WIRE_FIELD_TEXT:
        return check_text (self, desc, field, wire_get_slice (value, field), field->max);
    case WIRE_FIELD_OBJ:
        if (!wire_is_set (value, field))
            return bg_ok ();
        return check_struct (self, wire_field_desc (field), wire_at (value, field->offset));
    case WIRE_FIELD_LIST:
    case WIRE_FIELD_STRS:
    case WIRE_FIELD_UINTS:
        return check_items (self, desc, field, value);
    default:
        return bg_ok ();
    }
}

static bg_result check_struct (check *self, const wire_desc *desc, const void *value)
{
    for (size_t i = 0; i < desc->field_count; i++) {
        self->items += wire_is_set (value, &desc->fields[i]);
        BG_TRY (check_field (self, desc, &desc->fields[i], value));
    }
    return bg_ok ();
}

static bool is_signed_type (const wire_desc *desc)
{
    for (const wire_type_row *row = wire_types; row->word; row++) {
        if (row->desc == desc)
            return true;
    }
    return false;
}

bg_result wire_check (const wire_desc *desc, const void *value, bg_error *err)
{
    check self = {.items = 1, .err = err};
    BG_TRY (check_struct (&self, desc, value));
    uint64_t most = is_signed_type (desc) ? WIRE_ITEMS_MAX : WIRE_MESSAGE_ITEMS_MAX;
    if (self.items > most)
        return bg_fail (err, BG_TOO_LARGE,
            "%s: %" PRIu64 " values in all, at most %" PRIu64 " are allowed", desc->name,
            self.items, most);
    return bg_ok ();
}
