/*  Host lists: one text for many names, both ways.  */
#include "common/job/names.h"

#include "common/job/names_range.h"

#include <stdio.h>
#include <stdlib.h>

void job_names_fini (job_names *self)
{
    for (size_t i = 0; i < self->count; i++)
        free (self->items[i]);
    free (self->items);
    *self = (job_names){0};
}

static void add_name (job_names *self, char *name)
{
    self->items = bg_realloc (self->items, (self->count + 1) * sizeof *self->items);
    self->items[self->count++] = name;
}

static void append_literal (job_names *self, bg_slice literal)
{
    for (size_t i = 0; i < self->count; i++) {
        char *longer = bg_strdup_printf ("%s%.*s", self->items[i], BG_SLICE_ARG (literal));
        free (self->items[i]);
        self->items[i] = longer;
    }
}

static bg_result count_numbers (bg_slice inside, size_t limit, size_t *count, bg_error *err)
{
    uint64_t sum = 0;
    size_t at = 0;
    do {
        job_number_range range;
        BG_TRY (job_number_range_read (inside, &at, &range, err));
        sum += (uint64_t) range.high - range.low + 1;
    } while (at < inside.size);
    if (sum > limit)
        return bg_fail (err, BG_TOO_LARGE, "the list has more than %zu names", limit);
    *count = (size_t) sum;
    return bg_ok ();
}

/*  Every name so far with every number between the brackets.  */
static bg_result multiply (job_names *self, bg_slice inside, size_t limit, bg_error *err)
{
    size_t numbers = 0;
    BG_TRY (count_numbers (inside, limit, &numbers, err));
    if (numbers * self->count > limit)
        return bg_fail (err, BG_TOO_LARGE, "the list has more than %zu names", limit);
    job_names product = {0};
    for (size_t i = 0; i < self->count; i++) {
        for (size_t at = 0; at < inside.size;) {
            job_number_range range;
            bg_ignore (job_number_range_read (
                inside, &at, &range, err)); /*  counted above, so it is valid  */
            for (uint32_t number = range.low; number <= range.high; number++)
                add_name (
                    &product, bg_strdup_printf ("%s%0*u", self->items[i], range.width, number));
        }
    }
    job_names_fini (self);
    *self = product;
    return bg_ok ();
}

/*  One host list, without commas outside its brackets, into self that is one empty text.  */
static bg_result expand_one (bg_slice text, size_t limit, job_names *self, bg_error *err)
{
    for (size_t at = 0; at < text.size;) {
        size_t start = at;
        while (at < text.size && text.data[at] != '[' && text.data[at] != ']')
            at++;
        append_literal (self, bg_slice_of (text.data + start, at - start));
        if (at == text.size)
            break;
        const uint8_t *close = memchr (text.data + at, ']', text.size - at);
        if (text.data[at] == ']' || !close)
            return bg_fail (
                err, BG_INVALID, "the brackets in \"%.*s\" do not pair", BG_SLICE_ARG (text));
        bg_slice inside = bg_slice_of (text.data + at + 1, (size_t) (close - text.data) - at - 1);
        BG_TRY (multiply (self, inside, limit, err));
        at = (size_t) (close - text.data) + 1;
    }
    return bg_ok ();
}

/*  The end of the host list at start: the next comma outside brackets.  */
static size_t list_end (bg_slice text, size_t start)
{
    bool is_inside = false;
    size_t at = start;
    for (; at < text.size && (is_inside || text.data[at] != ','); at++) {
        if (text.data[at] == '[' || text.data[at] == ']')
            is_inside = text.data[at] == '[';
    }
    return at;
}

static bg_result expand (bg_slice text, size_t limit, job_names *names, bg_error *err)
{
    size_t start = 0;
    for (;;) {
        size_t end = list_end (text, start);
        if (end == start)
            return bg_fail (err, BG_INVALID, "a name is missing in the list");
        job_names some = {0};
        add_name (&some, bg_strdup (""));
        bg_result result =
            expand_one (bg_slice_of (text.data + start, end - start), limit, &some, err);
        for (size_t i = 0; i < some.count; i++)
            add_name (names, some.items[i]);
        free (some.items);
        if (bg_failed (result))
            return result;
        if (names->count > limit)
            return bg_fail (err, BG_TOO_LARGE, "the list has more than %zu names", limit);
        if (end == text.size)
            return bg_ok ();
        start = end + 1;
    }
}

bg_result job_names_expand (bg_slice text, size_t limit, job_names *names, bg_error *err)
{
    if (text.size > JOB_HOSTLIST_MAX)
        return bg_fail (err, BG_TOO_LARGE, "the list has more than %d bytes", JOB_HOSTLIST_MAX);
    if (text.size > 0 && memchr (text.data, 0, text.size))
        return bg_fail (err, BG_INVALID, "the list holds a NUL character");
    job_names found = {0};
    bg_result result = expand (text, limit, &found, err);
    if (bg_failed (result)) {
        job_names_fini (&found);
        return result;
    }
    *names = found;
    return bg_ok ();
}

/*  A name cut at its last number. Without a number, or with one too long to count, all of it is
 * prefix.  */
typedef struct {
    bg_slice prefix;
    bg_slice suffix;
    bg_slice digits;
    uint32_t number;
    bool has_number;
} cut_name;

static bool is_digit (uint8_t c)
{
    return c >= '0' && c <= '9';
}

static cut_name cut (const char *name)
{
    bg_slice text = bg_slice_str (name);
    size_t end = text.size;
    while (end > 0 && !is_digit (text.data[end - 1]))
        end--;
    size_t start = end;
    while (start > 0 && is_digit (text.data[start - 1]))
        start--;
    if (start == end || end - start > JOB_RANGE_DIGITS_MAX)
        return (cut_name){.prefix = text};
    cut_name self = {
        .prefix = bg_slice_of (text.data, start),
        .suffix = bg_slice_of (text.data + end, text.size - end),
        .digits = bg_slice_of (text.data + start, end - start),
        .has_number = true,
    };
    for (size_t i = start; i < end; i++)
        self.number = self.number * 10 + (uint32_t) (text.data[i] - '0');
    return self;
}

static int compare_around (const cut_name *a, const cut_name *b)
{
    int order = bg_slice_compare (a->prefix, b->prefix);
    if (order == 0)
        order = bg_slice_compare (a->suffix, b->suffix);
    return order != 0 ? order : (int) a->has_number - (int) b->has_number;
}

static int compare_cut (const void *left, const void *right)
{
    const cut_name *a = left;
    const cut_name *b = right;
    int order = compare_around (a, b);
    if (order != 0)
        return order;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return bg_slice_compare (a->digits, b->digits);
}

static int width_of (bg_slice digits)
{
    return digits.size > 1 && digits.data[0] == '0' ? (int) digits.size : 0;
}

/*  True when number follows last in a range of that width, written the way the range would write
 * it.  */
static bool continues (const cut_name *last, const cut_name *next, int width)
{
    char text[16];
    int size = snprintf (text, sizeof text, "%0*u", width, next->number);
    return next->number == last->number + 1 &&
           bg_slice_equal (next->digits, bg_slice_of (text, (size_t) size));
}

/*  Appends the numbers of names that are equal around them.  */
static void fold_numbers (const cut_name *names, size_t count, bg_buf *out)
{
    for (size_t i = 0; i < count;) {
        size_t last = i;
        int width = width_of (names[i].digits);
        while (last + 1 < count && continues (&names[last], &names[last + 1], width))
            last++;
        if (i > 0)
            bg_buf_append_byte (out, ',');
        bg_buf_append_slice (out, names[i].digits);
        if (last > i) {
            bg_buf_append_byte (out, '-');
            bg_buf_append_slice (out, names[last].digits);
        }
        i = last + 1;
    }
}

/*  Sorted names to sorted names without repetitions.  */
static size_t drop_repeated (cut_name *names, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare_cut (&names[kept - 1], &names[i]) != 0)
            names[kept++] = names[i];
    }
    return kept;
}

void job_names_fold (char *const *names, size_t count, bg_buf *out)
{
    if (count == 0)
        return;
    cut_name *cuts = bg_alloc (count * sizeof *cuts);
    for (size_t i = 0; i < count; i++)
        cuts[i] = cut (names[i]);
    qsort (cuts, count, sizeof *cuts, compare_cut);
    count = drop_repeated (cuts, count);
    for (size_t start = 0; start < count;) {
        size_t end = start + 1;
        while (end < count && compare_around (&cuts[start], &cuts[end]) == 0)
            end++;
        if (start > 0)
            bg_buf_append_byte (out, ',');
        bool has_brackets = end - start > 1;
        bg_buf_append_slice (out, cuts[start].prefix);
        if (has_brackets)
            bg_buf_append_byte (out, '[');
        fold_numbers (cuts + start, end - start, out);
        if (has_brackets)
            bg_buf_append_byte (out, ']');
        bg_buf_append_slice (out, cuts[start].suffix);
        start = end;
    }
    free (cuts);
}
