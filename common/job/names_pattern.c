/*  Patterns of names. The pattern is read element by element while a set of places in the name is
    carried along, so that no pattern takes more than (its length) x (the name's length) steps.  */
#include "common/job/names.h"

#include "common/job/names_range.h"

typedef enum {
    ELEMENT_LITERAL,
    ELEMENT_ONE,
    ELEMENT_MANY,
    ELEMENT_CLASS,
    ELEMENT_NUMBERS
} element_kind;

typedef struct {
    element_kind kind;
    uint8_t literal;
    bool is_negated;
    bg_slice inside; /*  of the brackets  */
} element;

/*  place[i]: the pattern so far can end before byte i of the name.  */
typedef struct {
    bool place[JOB_NAME_MAX + 1];
} place_set;

static uint8_t lower (uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t) (c - 'A' + 'a') : c;
}

static uint8_t upper (uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t) (c - 'a' + 'A') : c;
}

/*  The first and last character of the class member at *at, which is moved behind it.  */
static void read_member (bg_slice inside, size_t *at, uint8_t *low, uint8_t *high)
{
    *low = *high = inside.data[*at];
    if (*at + 2 < inside.size && inside.data[*at + 1] == '-') {
        *high = inside.data[*at + 2];
        *at += 3;
    } else {
        *at += 1;
    }
}

static bg_result check_class (bg_slice inside, bg_error *err)
{
    if (inside.size == 0)
        return bg_fail (err, BG_INVALID, "there is nothing between the brackets of the pattern");
    for (size_t at = 0; at < inside.size;) {
        uint8_t low;
        uint8_t high;
        read_member (inside, &at, &low, &high);
        if (low > high || low <= ' ' || high > '~' || low == '[' || high == '[')
            return bg_fail (err, BG_INVALID,
                "the characters between the brackets of the pattern are not understood");
    }
    return bg_ok ();
}

static bg_result check_numbers (bg_slice inside, bg_error *err)
{
    for (size_t at = 0; at < inside.size;) {
        job_number_range range;
        BG_TRY (job_number_range_read (inside, &at, &range, err));
    }
    return bg_ok ();
}

static bg_result read_brackets (bg_slice pattern, size_t *at, element *found, bg_error *err)
{
    const uint8_t *open = pattern.data + *at;
    const uint8_t *close = memchr (open, ']', pattern.size - *at);
    if (!close)
        return bg_fail (err, BG_INVALID, "a bracket of the pattern is not closed");
    *found = (element){
        .kind = ELEMENT_CLASS, .inside = bg_slice_of (open + 1, (size_t) (close - open) - 1)};
    *at += (size_t) (close - open) + 1;
    if (job_number_ranges_meant (found->inside)) {
        found->kind = ELEMENT_NUMBERS;
        return check_numbers (found->inside, err);
    }
    if (found->inside.size > 0 && found->inside.data[0] == '!') {
        found->is_negated = true;
        found->inside = bg_slice_of (found->inside.data + 1, found->inside.size - 1);
    }
    return check_class (found->inside, err);
}

/*  The element at *at, which is moved behind it.  */
static bg_result read_element (bg_slice pattern, size_t *at, element *found, bg_error *err)
{
    uint8_t c = pattern.data[*at];
    if (c == '[')
        return read_brackets (pattern, at, found, err);
    if (c == ']')
        return bg_fail (err, BG_INVALID, "a bracket of the pattern is not opened");
    ++*at;
    *found = (element){.kind = ELEMENT_LITERAL, .literal = c};
    if (c == '*')
        found->kind = ELEMENT_MANY;
    else if (c == '?')
        found->kind = ELEMENT_ONE;
    return bg_ok ();
}

static bool class_has (const element *self, uint8_t c)
{
    bool is_listed = false;
    for (size_t at = 0; at < self->inside.size && !is_listed;) {
        uint8_t low;
        uint8_t high;
        read_member (self->inside, &at, &low, &high);
        uint8_t small = lower (c);
        uint8_t large = upper (c);
        is_listed = (small >= low && small <= high) || (large >= low && large <= high);
    }
    return is_listed != self->is_negated;
}

static void advance_numbers (const element *self, bg_slice name, size_t from, place_set *to)
{
    for (size_t at = 0; at < self->inside.size;) {
        job_number_range range;
        if (bg_failed (job_number_range_read (self->inside, &at, &range, NULL)))
            return;
        for (size_t size = 1; size <= JOB_RANGE_DIGITS_MAX && from + size <= name.size; size++) {
            if (job_number_range_has (&range, name.data + from, size))
                to->place[from + size] = true;
        }
    }
}

/*  The places after the element, from one place before it.  */
static void advance (const element *self, bg_slice name, size_t from, place_set *to)
{
    bool has_more = from < name.size;
    switch (self->kind) {
    case ELEMENT_LITERAL:
        if (has_more && lower (name.data[from]) == lower (self->literal))
            to->place[from + 1] = true;
        break;
    case ELEMENT_ONE:
        if (has_more)
            to->place[from + 1] = true;
        break;
    case ELEMENT_MANY:
        for (size_t i = from; i <= name.size && !to->place[i]; i++)
            to->place[i] = true;
        break;
    case ELEMENT_CLASS:
        if (has_more && class_has (self, name.data[from]))
            to->place[from + 1] = true;
        break;
    case ELEMENT_NUMBERS:
        advance_numbers (self, name, from, to);
        break;
    }
}

bg_result job_name_pattern_valid (bg_slice pattern, bg_error *err)
{
    if (pattern.size > JOB_PATTERN_MAX)
        return bg_fail (err, BG_TOO_LARGE, "the pattern has more than %d bytes", JOB_PATTERN_MAX);
    bool is_empty = true;
    for (size_t at = 0; at < pattern.size;) {
        element next;
        BG_TRY (read_element (pattern, &at, &next, err));
        bool is_comma = next.kind == ELEMENT_LITERAL && next.literal == ',';
        if (is_comma && is_empty)
            return bg_fail (err, BG_INVALID, "a name is missing in the pattern");
        if (next.kind == ELEMENT_LITERAL && next.literal < ' ')
            return bg_fail (err, BG_INVALID, "the pattern holds a control character");
        is_empty = is_comma;
    }
    if (is_empty)
        return bg_fail (err, BG_INVALID, "a name is missing in the pattern");
    return bg_ok ();
}

bool job_name_matches (bg_slice pattern, bg_slice name)
{
    if (name.size > JOB_NAME_MAX || bg_failed (job_name_pattern_valid (pattern, NULL)))
        return false;
    place_set places = {{true}};
    for (size_t at = 0; at < pattern.size;) {
        element next = {0};
        if (bg_failed (read_element (pattern, &at, &next, NULL)))
            return false;
        if (next.kind == ELEMENT_LITERAL && next.literal == ',') {
            if (places.place[name.size])
                return true;
            places = (place_set){{true}};
            continue;
        }
        place_set after = {{false}};
        for (size_t from = 0; from <= name.size; from++) {
            if (places.place[from])
                advance (&next, name, from, &after);
        }
        places = after;
    }
    return places.place[name.size];
}
