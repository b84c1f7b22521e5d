/*  Calendars: a binary search in the bytes as they were signed.

    Nothing is unpacked: 10,000 ranges need no memory beside the document. The check has made sure
    of the order that the search relies on.
*/
#include "common/job/calendar.h"

#include "common/job/civil.h"

#define SECOND_US INT64_C (1000000)

size_t job_calendar_range_count (bg_slice ranges)
{
    return ranges.size / JOB_CALENDAR_RANGE_BYTES;
}

job_calendar_range job_calendar_range_at (bg_slice ranges, size_t index)
{
    bg_assert (index < job_calendar_range_count (ranges));
    const uint8_t *at = ranges.data + index * JOB_CALENDAR_RANGE_BYTES;
    return (job_calendar_range){(int64_t) bg_read_u64 (at), (int64_t) bg_read_u64 (at + 8)};
}

void job_calendar_range_append (bg_buf *ranges, job_calendar_range range)
{
    uint8_t bytes[JOB_CALENDAR_RANGE_BYTES];
    bg_write_u64 (bytes, (uint64_t) range.from);
    bg_write_u64 (bytes + 8, (uint64_t) range.until);
    bg_buf_append (ranges, bytes, sizeof bytes);
}

static bg_result check_ranges (const char *what, bg_slice ranges, bg_error *err)
{
    if (ranges.size % JOB_CALENDAR_RANGE_BYTES != 0)
        return bg_fail (err, BG_INVALID, "its %s ranges end in the middle of one", what);
    size_t count = job_calendar_range_count (ranges);
    if (count > JOB_CALENDAR_RANGES_MAX)
        return bg_fail (err, BG_INVALID, "it has %zu %s ranges, more than %d", count, what,
            JOB_CALENDAR_RANGES_MAX);
    int64_t previous_until = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        job_calendar_range range = job_calendar_range_at (ranges, i);
        if (range.from < JOB_CALENDAR_SECONDS_MIN || range.until > JOB_CALENDAR_SECONDS_MAX)
            return bg_fail (err, BG_INVALID, "%s range %zu is not between the years 1900 and 9999",
                what, i + 1);
        if (range.from >= range.until)
            return bg_fail (err, BG_INVALID, "%s range %zu ends before it begins", what, i + 1);
        if (range.from <= previous_until)
            return bg_fail (
                err, BG_INVALID, "%s range %zu is not apart from the one before", what, i + 1);
        previous_until = range.until;
    }
    return bg_ok ();
}

bg_result job_calendar_check (const job_calendar *self, bg_error *err)
{
    BG_TRY (check_ranges ("local", self->local_ranges, err));
    return check_ranges ("UTC", self->utc_ranges, err);
}

static bool is_in (bg_slice ranges, int64_t seconds)
{
    size_t low = 0;
    size_t high = job_calendar_range_count (ranges);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        job_calendar_range range = job_calendar_range_at (ranges, middle);
        if (seconds < range.from)
            high = middle;
        else if (seconds < range.until)
            return true;
        else
            low = middle + 1;
    }
    return false;
}

bool job_calendar_covers (const job_calendar *self, const job_zone *zone, int64_t at_us)
{
    if (at_us >= self->horizon_us)
        return false;
    int64_t utc = job_floor_div (at_us, SECOND_US);
    if (is_in (self->utc_ranges, utc))
        return true;
    return is_in (self->local_ranges, zone ? utc + job_zone_offset (zone, utc) : utc);
}
