/*  Frame guard: see guard.h. A loop with a stack of counters, no recursion and no allocation. It is not a parser: it
    knows where values begin and end, not what they mean.

    Invariant: in every open container at least as many bytes are left as members are still to come, so a count can
    never promise more than is there.
*/
#include "proto/guard.h"

#include <inttypes.h>

typedef enum {
    FORM_REFUSED,
    FORM_BOOL,
    FORM_UINT,
    FORM_INT,
    FORM_STR,
    FORM_BIN,
    FORM_ARRAY,
    FORM_MAP
} form_kind;

/*  What the bytes 0xc0 to 0xdf begin: size is that of the number behind the byte (a value, a length or a count), least
    the smallest number for which this form is the shortest one. Signed numbers have a rule of their own.  */
typedef struct {
    form_kind kind;
    uint8_t size;
    uint64_t least;
} head_form;

#define FORMS_FIRST 0xc0

static const head_form forms[32] = {
    [0xc2 - FORMS_FIRST] = {FORM_BOOL, 0, 0},
    [0xc3 - FORMS_FIRST] = {FORM_BOOL, 0, 0},
    [0xc4 - FORMS_FIRST] = {FORM_BIN, 1, 0},
    [0xc5 - FORMS_FIRST] = {FORM_BIN, 2, 0x100},
    [0xc6 - FORMS_FIRST] = {FORM_BIN, 4, 0x10000},
    [0xcc - FORMS_FIRST] = {FORM_UINT, 1, 0x80},
    [0xcd - FORMS_FIRST] = {FORM_UINT, 2, 0x100},
    [0xce - FORMS_FIRST] = {FORM_UINT, 4, 0x10000},
    [0xcf - FORMS_FIRST] = {FORM_UINT, 8, UINT64_C (0x100000000)},
    [0xd0 - FORMS_FIRST] = {FORM_INT, 1, 0},
    [0xd1 - FORMS_FIRST] = {FORM_INT, 2, 0},
    [0xd2 - FORMS_FIRST] = {FORM_INT, 4, 0},
    [0xd3 - FORMS_FIRST] = {FORM_INT, 8, 0},
    [0xd9 - FORMS_FIRST] = {FORM_STR, 1, 0x20},
    [0xda - FORMS_FIRST] = {FORM_STR, 2, 0x100},
    [0xdb - FORMS_FIRST] = {FORM_STR, 4, 0x10000},
    [0xdc - FORMS_FIRST] = {FORM_ARRAY, 2, 0x10},
    [0xdd - FORMS_FIRST] = {FORM_ARRAY, 4, 0x10000},
    [0xde - FORMS_FIRST] = {FORM_MAP, 2, 0x10},
    [0xdf - FORMS_FIRST] = {FORM_MAP, 4, 0x10000},
};

typedef struct {
    uint64_t left; /*  values still to come; a pair of a map counts twice  */
    bool is_map;
} container;

typedef struct {
    bg_slice bytes;
    size_t at;
    const wire_guard_limits *limits;
    uint64_t items;
    uint32_t depth;
    container stack[WIRE_GUARD_DEPTH_MAX];
    bg_error *err;
} walk;

/*  One value's head: its form and the number that belongs to it.  */
typedef struct {
    form_kind kind;
    uint64_t number;
} head;

static const char *refused_name (uint8_t byte)
{
    switch (byte) {
    case 0xc0:
        return "nil";
    case 0xc1:
        return "the unused byte 0xc1";
    case 0xca:
    case 0xcb:
        return "a floating point number";
    default:
        return "an extension type";
    }
}

static uint64_t read_number (const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | bytes[i];
    return number;
}

/*  A signed form is the shortest one only for negative numbers that the next smaller form cannot hold.  */
static bool int_is_shortest (uint64_t number, size_t size)
{
    switch (size) {
    case 1:
        return (int8_t) number < -32;
    case 2:
        return (int16_t) number < INT8_MIN;
    case 4:
        return (int32_t) number < INT16_MIN;
    default:
        return (int64_t) number < INT32_MIN;
    }
}

/*  Reads the head at walk->at and moves behind it.  */
static bg_result read_head (walk *self, head *out)
{
    size_t start = self->at;
    uint8_t byte = self->bytes.data[self->at++];
    if (byte < 0x80 || byte >= 0xe0) {
        *out = (head){FORM_UINT, byte};
        return bg_ok ();
    }
    if (byte < 0xc0) {
        bool is_str = byte >= 0xa0;
        form_kind kind = is_str ? FORM_STR : byte >= 0x90 ? FORM_ARRAY : FORM_MAP;
        *out = (head){kind, byte & (is_str ? 0x1f : 0x0f)};
        return bg_ok ();
    }
    const head_form *form = &forms[byte - FORMS_FIRST];
    if (form->kind == FORM_REFUSED)
        return bg_fail (
            self->err, BG_MALFORMED, "%s at byte %zu is not allowed", refused_name (byte), start);
    if (self->bytes.size - self->at < form->size)
        return bg_fail (
            self->err, BG_MALFORMED, "the bytes end inside the value at byte %zu", start);
    uint64_t number = read_number (self->bytes.data + self->at, form->size);
    self->at += form->size;
    bool is_shortest =
        form->kind == FORM_INT ? int_is_shortest (number, form->size) : number >= form->least;
    if (self->limits->shortest && form->size > 0 && !is_shortest)
        return bg_fail (
            self->err, BG_MALFORMED, "the value at byte %zu is not in its shortest form", start);
    *out = (head){form->kind, number};
    return bg_ok ();
}

static bg_result open_container (walk *self, const head *opened, size_t start)
{
    bool is_map = opened->kind == FORM_MAP;
    uint64_t values = is_map ? opened->number * 2 : opened->number;
    if (self->depth >= self->limits->depth)
        return bg_fail (self->err, BG_TOO_LARGE, "nested deeper than %" PRIu32 " at byte %zu",
            self->limits->depth, start);
    if (values > self->bytes.size - self->at)
        return bg_fail (
            self->err, BG_MALFORMED, "the count at byte %zu is larger than what follows", start);
    if (opened->number > self->limits->members)
        return bg_fail (self->err, BG_TOO_LARGE,
            "%" PRIu64 " items at byte %zu, at most %" PRIu32 " are allowed", opened->number, start,
            self->limits->members);
    self->items += opened->number;
    if (self->items > self->limits->items)
        return bg_fail (
            self->err, BG_TOO_LARGE, "more than %" PRIu32 " items in all", self->limits->items);
    self->stack[self->depth++] = (container){values, is_map};
    return bg_ok ();
}

/*  Walks over one value, or into it when it is a container.  */
static bg_result step (walk *self)
{
    size_t start = self->at;
    if (start >= self->bytes.size)
        return bg_fail (self->err, BG_MALFORMED, "the bytes end before the value is complete");
    bool is_key = false;
    if (self->depth > 0) {
        container *inside = &self->stack[self->depth - 1];
        is_key = inside->is_map && inside->left % 2 == 0;
        inside->left--;
    }
    head found = {FORM_REFUSED, 0};
    BG_TRY (read_head (self, &found));
    switch (found.kind) {
    case FORM_STR:
    case FORM_BIN:
        if (found.number > self->bytes.size - self->at)
            return bg_fail (self->err, BG_MALFORMED,
                "the length at byte %zu is larger than what follows", start);
        self->at += found.number;
        return bg_ok ();
    case FORM_ARRAY:
    case FORM_MAP:
        if (is_key)
            return bg_fail (
                self->err, BG_MALFORMED, "a container as key at byte %zu is not allowed", start);
        return open_container (self, &found, start);
    default:
        return bg_ok ();
    }
}

bg_result wire_guard (bg_slice bytes, const wire_guard_limits *limits, bg_error *err)
{
    bg_assert (limits->depth <= WIRE_GUARD_DEPTH_MAX);
    if (bytes.size > limits->bytes)
        return bg_fail (
            err, BG_TOO_LARGE, "%zu bytes, at most %zu are allowed", bytes.size, limits->bytes);
    walk self = {.bytes = bytes, .limits = limits, .items = 1, .err = err};
    do {
        BG_TRY (step (&self));
        while (self.depth > 0 && self.stack[self.depth - 1].left == 0)
            self.depth--;
    } while (self.depth > 0);
    if (self.at != bytes.size)
        return bg_fail (err, BG_MALFORMED, "%zu bytes behind the value", bytes.size - self.at);
    return bg_ok ();
}
