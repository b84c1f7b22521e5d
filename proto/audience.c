/*  Audiences: see audience.h. The selector and the rules of names are common/job's; here they are only put together.  */
#include "proto/audience.h"

#include "common/job/names.h"
#include "common/job/selector.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_SET     64   /*  numbers that are still written one by one  */
#define SET_BYTES_MAX 8192 /*  of set_bits in messages.def  */

bool wire_audience_in_set (const wire_audience *audience, uint64_t number)
{
    if (number < audience->set_base)
        return false;
    const uint64_t bit = number - audience->set_base;
    return bit / 8 < audience->set_bits.size &&
           (audience->set_bits.data[bit / 8] >> (bit % 8) & 1) != 0;
}

bg_result wire_audience_set_numbers (
    wire_audience *audience, const uint32_t *numbers, size_t count, bg_arena *arena, bg_error *err)
{
    if (count == 0)
        return bg_ok ();
    const uint32_t base = numbers[0];
    const uint32_t span = numbers[count - 1] - base + 1;
    if (count <= SMALL_SET) {
        audience->numbers = bg_arena_alloc (arena, count * sizeof *audience->numbers);
        audience->numbers_count = count;
        for (size_t i = 0; i < count; i++)
            audience->numbers[i] = numbers[i];
        return bg_ok ();
    }
    if (span > 8 * SET_BYTES_MAX) {
        (void) bg_fail (err, BG_TOO_LARGE,
            "the chosen targets lie further apart than one command can name (numbers %u to %u)",
            base, numbers[count - 1]);
        return bg_hint (err, "choose them by group or labels, or in several commands");
    }
    const size_t size = (span + 7) / 8;
    uint8_t *bits = bg_arena_alloc (arena, size);
    memset (bits, 0, size);
    for (size_t i = 0; i < count; i++)
        bits[(numbers[i] - base) / 8] |= (uint8_t) (1u << ((numbers[i] - base) % 8));
    audience->set_base = base;
    audience->set_bits = bg_slice_of (bits, size);
    return bg_ok ();
}

static bool has_name (const bg_slice *names, size_t count, bg_slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (job_name_compare (names[i], name) == 0)
            return true;
    }
    return false;
}

static bool has_group (const wire_audience *audience, const wire_addressee *addressee)
{
    for (size_t i = 0; i < addressee->group_count; i++) {
        if (has_name (audience->groups, audience->groups_count, addressee->groups[i]))
            return true;
    }
    return false;
}

static bool has_number (const wire_audience *audience, uint64_t number)
{
    for (size_t i = 0; i < audience->numbers_count; i++) {
        if (audience->numbers[i] == number)
            return true;
    }
    return wire_audience_in_set (audience, number);
}

static bool selected (bg_slice selector_text, const wire_addressee *addressee)
{
    job_selector *selector = NULL;
    if (selector_text.size == 0 ||
        bg_failed (job_selector_parse (selector_text, &selector, NULL, NULL)))
        return false;
    job_label *labels = bg_alloc (addressee->label_count * sizeof *labels);
    for (size_t i = 0; i < addressee->label_count; i++)
        labels[i] = (job_label){addressee->labels[i].key, addressee->labels[i].value};
    bool matches = job_selector_match (selector, labels, addressee->label_count);
    free (labels);
    job_selector_destroy (&selector);
    return matches;
}

bool wire_audience_matches_addressee (
    const wire_audience *audience, const wire_addressee *addressee)
{
    if (audience->all || has_group (audience, addressee) ||
        has_number (audience, addressee->number) ||
        has_name (audience->names, audience->names_count, addressee->name))
        return true;
    bg_id_string id = bg_id_text (addressee->target);
    return has_name (audience->names, audience->names_count, bg_slice_str (id.text)) ||
           selected (audience->labels, addressee);
}

bool wire_audience_matches (const wire_audience *audience, const wire_membership *member)
{
    if (member->state != WIRE_MEMBER)
        return false;
    wire_addressee addressee = {.target = member->target,
        .number = member->number,
        .name = member->name,
        .groups = member->groups,
        .group_count = member->groups_count,
        .labels = member->labels,
        .label_count = member->labels_count};
    return wire_audience_matches_addressee (audience, &addressee);
}

bg_result wire_audience_check (const wire_audience *audience, bg_error *err)
{
    if (wire_audience_is_empty (audience)) {
        (void) bg_fail (err, BG_INVALID, "no targets are named");
        (void) bg_hint (err, "name them by all, group, labels or names");
        return (bg_result){BG_INVALID};
    }
    for (size_t i = 0; i < audience->groups_count; i++)
        BG_TRY (job_group_name_valid (audience->groups[i], err));
    for (size_t i = 0; i < audience->names_count; i++)
        BG_TRY (job_target_name_valid (audience->names[i], err));
    if (audience->labels.size == 0)
        return bg_ok ();
    job_selector *selector = NULL;
    BG_TRY (job_selector_parse (audience->labels, &selector, err, NULL));
    job_selector_destroy (&selector);
    return bg_ok ();
}

/*  ---- for people ----  */

static void next_part (bg_buf *out, size_t start)
{
    if (out->size > start)
        bg_buf_append_str (out, " or ");
}

static void append_names (const bg_slice *names, size_t count, bg_buf *out)
{
    char **copies = bg_alloc (count * sizeof *copies);
    for (size_t i = 0; i < count; i++)
        copies[i] = bg_slice_dup (names[i]);
    job_names_fold (copies, count, out);
    for (size_t i = 0; i < count; i++)
        free (copies[i]);
    free (copies);
}

void wire_audience_text (const wire_audience *audience, bg_buf *out)
{
    size_t start = out->size;
    if (audience->all)
        bg_buf_append_str (out, "all");
    if (audience->groups_count > 0) {
        next_part (out, start);
        bg_buf_append_str (out, audience->groups_count == 1 ? "group " : "groups ");
        for (size_t i = 0; i < audience->groups_count; i++)
            bg_buf_printf (out, "%s%.*s", i ? ", " : "", BG_SLICE_ARG (audience->groups[i]));
    }
    if (audience->labels.size > 0) {
        next_part (out, start);
        bg_buf_printf (out, "labels %.*s", BG_SLICE_ARG (audience->labels));
    }
    if (audience->names_count > 0) {
        next_part (out, start);
        bg_buf_append_str (out, "names ");
        append_names (audience->names, audience->names_count, out);
    }
    if (audience->numbers_count > 0) {
        next_part (out, start);
        bg_buf_append_str (out, audience->numbers_count == 1 ? "target " : "targets ");
        for (size_t i = 0; i < audience->numbers_count; i++)
            bg_buf_printf (out, "%s#%" PRIu64, i ? ", " : "", audience->numbers[i]);
    }
    if (audience->set_bits.size > 0) {
        size_t count = 0;
        for (size_t i = 0; i < audience->set_bits.size; i++)
            count += (size_t) __builtin_popcount (audience->set_bits.data[i]);
        next_part (out, start);
        bg_buf_printf (out, "%zu targets by number", count);
    }
    if (out->size == start)
        bg_buf_append_str (out, "nobody");
}
