/*  Durations: text to microseconds and back, by one table of units.  */
#include "common/job/duration.h"

#include <stdio.h>

typedef struct {
    const char *word;
    int64_t us;
} unit_form;

/*  Largest first: that is the order in which they are written.  */
static const unit_form units[] = {
    {"d", INT64_C (86400000000)},
    {"h", INT64_C (3600000000)},
    {"m", INT64_C (60000000)},
    {"s", INT64_C (1000000)},
    {"ms", INT64_C (1000)},
};
#define UNIT_COUNT (sizeof units / sizeof units[0])
#define UNIT_MS    (UNIT_COUNT - 1)

static bool is_digit (uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bg_result refuse (bg_error *err, const char *what)
{
    bg_ignore (bg_fail (err, BG_INVALID, "%s", what));
    return bg_hint (err, "write durations as 90s, 5m, 2h, 7d or 1h30m");
}

static bg_result too_large (bg_error *err)
{
    return bg_fail (err, BG_TOO_LARGE, "a duration is at most %d days",
        (int) (JOB_DURATION_MAX_US / units[0].us));
}

/*  One number with its unit. *next_unit is the first that may still come.  */
static bg_result read_part (
    bg_slice text, size_t *at, size_t *next_unit, int64_t *duration_us, bg_error *err)
{
    int64_t number = 0;
    size_t start = *at;
    for (; *at < text.size && is_digit (text.data[*at]); ++*at) {
        number = number * 10 + (text.data[*at] - '0');
        if (number > JOB_DURATION_MAX_US / 1000)
            return too_large (err);
    }
    if (*at == start)
        return refuse (err, "a duration is made of numbers, each followed by a unit");
    size_t word = *at;
    while (*at < text.size && !is_digit (text.data[*at]))
        ++*at;
    bg_slice unit = bg_slice_of (text.data + word, *at - word);
    if (unit.size == 0)
        return refuse (err, "a number without a unit does not say how long");
    size_t i = 0;
    while (i < UNIT_COUNT && !bg_slice_is (unit, units[i].word))
        i++;
    if (i == UNIT_COUNT)
        return refuse (err, "this unit of time is not known");
    if (i < *next_unit)
        return refuse (err, "the units of a duration come once each, larger ones first");
    *next_unit = i + 1;
    if (number > (JOB_DURATION_MAX_US - *duration_us) / units[i].us)
        return too_large (err);
    *duration_us += number * units[i].us;
    return bg_ok ();
}

bg_result job_duration_parse (bg_slice text, bool allow_ms, int64_t *duration_us, bg_error *err)
{
    int64_t sum = 0;
    size_t next_unit = 0;
    if (text.size == 0)
        return refuse (err, "a duration is missing");
    if (!bg_slice_is (text, "0")) {
        for (size_t at = 0; at < text.size;)
            BG_TRY (read_part (text, &at, &next_unit, &sum, err));
    }
    if (next_unit > UNIT_MS && !allow_ms)
        return refuse (err, "milliseconds are too fine here");
    *duration_us = sum;
    return bg_ok ();
}

job_duration_string job_duration_text (int64_t duration_us)
{
    bg_assert (duration_us >= 0);
    job_duration_string string = {"0s"};
    int64_t whole = duration_us - duration_us % units[UNIT_MS].us;
    for (size_t i = 0; i < UNIT_COUNT && whole > 0; i++) {
        if (whole % units[i].us == 0) {
            snprintf (string.text, sizeof string.text, "%lld%s", (long long) (whole / units[i].us),
                units[i].word);
            break;
        }
    }
    return string;
}
