/*  Random values within the limits, for property tests and fuzz corpora. Small with high probability; a budget keeps
    the whole under a frame. The randomness is the caller's.
*/
#include "proto/fields.h"

#define BUDGET_BYTES   40000
#define LONG_MAX_BYTES 600

typedef struct {
    bg_arena *arena;
    uint64_t (*next) (void *ctx);
    void *ctx;
    size_t budget; /*  bytes that may still be spent  */
} maker;

static uint64_t below (maker *self, uint64_t limit)
{
    return limit ? self->next (self->ctx) % limit : 0;
}

/*  All magnitudes equally often, the limits more often than by chance.  */
static uint64_t random_number (maker *self, uint64_t max)
{
    switch (below (self, 8)) {
    case 0:
        return 0;
    case 1:
        return max;
    default: {
        uint64_t number = self->next (self->ctx) >> below (self, 64);
        return max == UINT64_MAX ? number : number % (max + 1);
    }
    }
}

static size_t random_size (maker *self, uint64_t max)
{
    uint64_t size = below (self, 10) ? below (self, 13) : below (self, LONG_MAX_BYTES);
    if (size > max)
        size = max;
    if (size > self->budget)
        size = self->budget;
    self->budget -= (size_t) size;
    return (size_t) size;
}

static bg_slice random_bytes (maker *self, size_t size)
{
    uint8_t *bytes = bg_arena_alloc (self->arena, size + 1);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t) self->next (self->ctx);
    return bg_slice_of (bytes, size);
}

static bg_slice random_text (maker *self, size_t size, bool multiline)
{
    static const char *const characters[] = {"a", "z", "Q", "0", "9", " ", ".", "\xc3\xa9",
        "\xe6\xbc\xa2", "\xf0\x9f\x90\x9d", "\n", "\t"};
    uint8_t *text = bg_arena_alloc (self->arena, size + 1);
    size_t used = 0;
    while (used < size) {
        const char *character = characters[below (self, multiline ? 12 : 10)];
        size_t bytes = strlen (character);
        if (bytes > size - used)
            character = "x";
        bytes = strlen (character);
        memcpy (text + used, character, bytes);
        used += bytes;
    }
    return bg_slice_of (text, used);
}

static void random_struct (maker *self, const wire_desc *desc, void *value);

static void random_items (maker *self, const wire_field *field, void *value)
{
    size_t count = (size_t) (below (self, 5) ? below (self, 3) : below (self, 8));
    if (count > field->max)
        count = (size_t) field->max;
    if (count * 64 > self->budget)
        count = 0;
    self->budget -= count * 64;
    if (count == 0)
        return;
    size_t size = field->type == WIRE_FIELD_LIST   ? wire_field_desc (field)->size
                  : field->type == WIRE_FIELD_STRS ? sizeof (bg_slice)
                                                   : sizeof (uint64_t);
    void *items = bg_arena_alloc (self->arena, count * size);
    for (size_t i = 0; i < count; i++) {
        if (field->type == WIRE_FIELD_LIST)
            random_struct (self, wire_field_desc (field), wire_put_at (items, i * size));
        else if (field->type == WIRE_FIELD_STRS)
            ((bg_slice *) items)[i] =
                random_text (self, random_size (self, field->max_bytes), false);
        else
            ((uint64_t *) items)[i] = random_number (self, UINT64_MAX);
    }
    memcpy (wire_put_at (value, field->offset), &items, sizeof items);
    memcpy (wire_put_at (value, field->extra_offset), &count, sizeof count);
}

static void random_field (maker *self, const wire_field *field, void *value)
{
    void *place = wire_put_at (value, field->offset);
    switch (field->type) {
    case WIRE_FIELD_U:
        *(uint64_t *) place = random_number (self, field->max);
        return;
    case WIRE_FIELD_I:
        *(int64_t *) place = (int64_t) random_number (self, UINT64_MAX);
        return;
    case WIRE_FIELD_BOOL:
        *(bool *) place = below (self, 2) == 1;
        return;
    case WIRE_FIELD_ID:
    case WIRE_FIELD_KEY:
    case WIRE_FIELD_FIX:
        memcpy (place, random_bytes (self, (size_t) field->max).data, (size_t) field->max);
        return;
    case WIRE_FIELD_BIN:
        *(bg_slice *) place = random_bytes (self, random_size (self, field->max));
        return;
    case WIRE_FIELD_STR:
    case WIRE_FIELD_TEXT:
        *(bg_slice *) place =
            random_text (self, random_size (self, field->max), field->type == WIRE_FIELD_TEXT);
        return;
    case WIRE_FIELD_OBJ:
        *(bool *) wire_put_at (value, field->extra_offset) = true;
        random_struct (self, wire_field_desc (field), place);
        return;
    default:
        random_items (self, field, value);
    }
}

static void random_struct (maker *self, const wire_desc *desc, void *value)
{
    for (size_t i = 0; i < desc->field_count; i++) {
        const wire_field *field = &desc->fields[i];
        if (field->required || below (self, 2))
            random_field (self, field, value);
    }
}

void wire_random (
    const wire_desc *desc, bg_arena *arena, uint64_t (*next) (void *ctx), void *ctx, void *value)
{
    maker self = {arena, next, ctx, BUDGET_BYTES};
    memset (value, 0, desc->size);
    random_struct (&self, desc, value);
}
