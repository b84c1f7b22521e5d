/*  Ranges of numbers. Numbers have at most nine digits, so that they fit 32 bits.  */
#include "common/job/names_range.h"

typedef struct {
    uint32_t value;
    int digits;
    bool is_padded; /*  begins with a 0 that says nothing  */
} number;

static bool is_digit (uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool job_number_ranges_meant (bg_slice inside)
{
    bool has_digit = false;
    for (size_t i = 0; i < inside.size; i++) {
        uint8_t c = inside.data[i];
        if (!is_digit (c) && c != '-' && c != ',')
            return false;
        has_digit = has_digit || is_digit (c);
    }
    return has_digit;
}

static bg_result read_number (bg_slice text, size_t *at, number *found, bg_error *err)
{
    size_t start = *at;
    uint32_t value = 0;
    while (*at < text.size && is_digit (text.data[*at]) && *at - start < JOB_RANGE_DIGITS_MAX)
        value = value * 10 + (uint32_t) (text.data[(*at)++] - '0');
    size_t digits = *at - start;
    if (digits == 0)
        return bg_fail (err, BG_INVALID, "a number is missing between the brackets");
    if (*at < text.size && is_digit (text.data[*at]))
        return bg_fail (err, BG_INVALID, "numbers between brackets have at most %d digits",
            JOB_RANGE_DIGITS_MAX);
    *found = (number){value, (int) digits, digits > 1 && text.data[start] == '0'};
    return bg_ok ();
}

bg_result job_number_range_read (
    bg_slice inside, size_t *at, job_number_range *range, bg_error *err)
{
    number low;
    BG_TRY (read_number (inside, at, &low, err));
    number high = low;
    if (*at < inside.size && inside.data[*at] == '-') {
        ++*at;
        BG_TRY (read_number (inside, at, &high, err));
    }
    if (high.value < low.value)
        return bg_fail (err, BG_INVALID, "the range %u-%u between the brackets runs backwards",
            low.value, high.value);
    bool is_same_width = high.digits == low.digits;
    bool is_grown = high.digits > low.digits && !high.is_padded;
    if (!is_same_width && !is_grown)
        return bg_fail (
            err, BG_INVALID, "the two ends of a range between brackets have different widths");
    if (*at < inside.size) {
        if (inside.data[*at] != ',' || *at + 1 == inside.size)
            return bg_fail (err, BG_INVALID, "a number is missing between the brackets");
        ++*at;
    }
    *range = (job_number_range){low.value, high.value, low.is_padded ? low.digits : 0};
    return bg_ok ();
}

bool job_number_range_has (const job_number_range *range, const uint8_t *digits, size_t size)
{
    if (size == 0 || size > JOB_RANGE_DIGITS_MAX)
        return false;
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++) {
        if (!is_digit (digits[i]))
            return false;
        value = value * 10 + (uint32_t) (digits[i] - '0');
    }
    /*  Zeros in front are right exactly as far as the width asks for them.  */
    bool is_padded = size > 1 && digits[0] == '0';
    bool is_width_right = is_padded ? (int) size == range->width : (int) size >= range->width;
    return is_width_right && value >= range->low && value <= range->high;
}
