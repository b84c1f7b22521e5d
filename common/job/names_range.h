/*  Ranges of numbers as in host lists, 001-040: part of names.h's inside.  */
#ifndef BUGLE_JOB_NAMES_RANGE_H
#define BUGLE_JOB_NAMES_RANGE_H

#include "common/base/slice.h"

#define JOB_RANGE_DIGITS_MAX 9

typedef struct {
    uint32_t low;
    uint32_t high;
    int width; /*  digits at least, filled up with 0; 0 when numbers begin with their first digit */
} job_number_range;

/*  True when the inside of a pair of brackets is made of digits, dashes and commas only, with a
 * digit.  */
bool job_number_ranges_meant (bg_slice inside);
/*  Reads the range at *at and the comma behind it, and moves *at on; the inside must not be used
 * up. BG_INVALID.  */
bg_result job_number_range_read (
    bg_slice inside, size_t *at, job_number_range *range, bg_error *err) BG_CHECKED;
/*  True when the digits are one of the range's numbers, written in its width.  */
bool job_number_range_has (const job_number_range *range, const uint8_t *digits, size_t size);

#endif
