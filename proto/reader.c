/*  See reader.h. Not a check: the guard has been here before.  */
#include "proto/reader.h"

/*  What the bytes 0xc0 to 0xdf begin: size is that of the number behind the byte.  */
typedef struct {
    uint8_t type;
    uint8_t size;
    bool is_signed;
    bool is_known;
} form;

static const form forms[32] = {
    [0x02] = {WIRE_ITEM_BOOL, 0, false, true},
    [0x03] = {WIRE_ITEM_BOOL, 0, false, true},
    [0x04] = {WIRE_ITEM_BIN, 1, false, true},
    [0x05] = {WIRE_ITEM_BIN, 2, false, true},
    [0x06] = {WIRE_ITEM_BIN, 4, false, true},
    [0x0c] = {WIRE_ITEM_UNSIGNED, 1, false, true},
    [0x0d] = {WIRE_ITEM_UNSIGNED, 2, false, true},
    [0x0e] = {WIRE_ITEM_UNSIGNED, 4, false, true},
    [0x0f] = {WIRE_ITEM_UNSIGNED, 8, false, true},
    [0x10] = {WIRE_ITEM_UNSIGNED, 1, true, true},
    [0x11] = {WIRE_ITEM_UNSIGNED, 2, true, true},
    [0x12] = {WIRE_ITEM_UNSIGNED, 4, true, true},
    [0x13] = {WIRE_ITEM_UNSIGNED, 8, true, true},
    [0x19] = {WIRE_ITEM_STR, 1, false, true},
    [0x1a] = {WIRE_ITEM_STR, 2, false, true},
    [0x1b] = {WIRE_ITEM_STR, 4, false, true},
    [0x1c] = {WIRE_ITEM_ARRAY, 2, false, true},
    [0x1d] = {WIRE_ITEM_ARRAY, 4, false, true},
    [0x1e] = {WIRE_ITEM_MAP, 2, false, true},
    [0x1f] = {WIRE_ITEM_MAP, 4, false, true},
};

static wire_item signed_item (int64_t value)
{
    return (wire_item){
        .type = value < 0 ? WIRE_ITEM_NEGATIVE : WIRE_ITEM_UNSIGNED, .number = (uint64_t) value};
}

/*  Of a number that stands in so many bytes.  */
static int64_t extend (uint64_t number, size_t size)
{
    const unsigned unused = (unsigned) (64 - 8 * size);
    return (int64_t) (number << unused) >> unused;
}

static wire_item with_bytes (wire_reader *self, wire_item_type type, uint64_t number)
{
    wire_item item = {.type = type, .number = number};
    if (type != WIRE_ITEM_STR && type != WIRE_ITEM_BIN)
        return item;
    bg_assert (number <= (size_t) (self->end - self->at));
    item.bytes = bg_slice_of (self->at, (size_t) number);
    self->at += number;
    return item;
}

wire_item wire_read (wire_reader *self)
{
    bg_assert (self->at < self->end);
    const uint8_t byte = *self->at++;
    if (byte < 0x80)
        return (wire_item){.type = WIRE_ITEM_UNSIGNED, .number = byte};
    if (byte >= 0xe0)
        return signed_item ((int8_t) byte);
    if (byte >= 0xa0 && byte < 0xc0)
        return with_bytes (self, WIRE_ITEM_STR, byte & 0x1f);
    if (byte < 0xa0)
        return (wire_item){
            .type = byte < 0x90 ? WIRE_ITEM_MAP : WIRE_ITEM_ARRAY, .number = byte & 0x0f};
    const form *head = &forms[byte - 0xc0];
    bg_assert (head->is_known && head->size <= (size_t) (self->end - self->at));
    uint64_t number = 0;
    for (size_t i = 0; i < head->size; i++)
        number = number << 8 | self->at[i];
    self->at += head->size;
    if (head->is_signed)
        return signed_item (extend (number, head->size));
    if (head->type == WIRE_ITEM_BOOL)
        number = byte & 1;
    return with_bytes (self, (wire_item_type) head->type, number);
}

static uint64_t members (const wire_item *item)
{
    return item->type == WIRE_ITEM_ARRAY ? item->number
           : item->type == WIRE_ITEM_MAP ? 2 * item->number
                                         : 0;
}

void wire_skip (wire_reader *self, const wire_item *item)
{
    for (uint64_t left = members (item); left > 0; left--) {
        const wire_item inside = wire_read (self);
        left += members (&inside);
    }
}
