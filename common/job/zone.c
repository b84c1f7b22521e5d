/*  Zones as tables of jumps.

    The rule at the end of a zone file is written out for the 400 years after which the calendar
    repeats, once, at load: every question is then a binary search in one table (10 KiB for a zone
    with daylight saving), and later times are asked 400 years, or a multiple of it, earlier.

    Invariants: instants ascend strictly; neighbouring offsets differ, so that every entry is a
    jump; a local time is found by trying the few spans around it, since offsets are less than 26
    hours.
*/
#include "common/job/zone.h"

#include "common/job/civil.h"
#include "common/job/tzif.h"

#include <stdlib.h>

/*  More than any local time is away from UTC: offsets are within -25 and 26 hours.  */
#define OFFSET_REACH INT64_C (100000)
/*  Years of the rule before and behind the 400: a jump of one year may, by its time of -167 to 167
    hours, lie in the next, and the spans at both ends of the 400 need their own ends.  */
#define RULE_YEARS_BEFORE 2
#define RULE_YEARS_AFTER  5
/*  The year 1: files may have transitions as early as the Big Bang, calendars do not go there.  */
#define RULE_EARLIEST INT64_C (-62135596800)

struct job_zone {
    char *name;
    int32_t first_offset; /*  before the first jump  */
    size_t count;
    int64_t *instants;  /*  UTC seconds  */
    int32_t *offsets;   /*  from the instant on  */
    bool repeats;       /*  the rule goes on after the table  */
    int64_t repeats_at; /*  from here on, ask a multiple of 400 years earlier  */
    bool is_uneven;
};

/*  A change of a rule, before it is known whether it changes anything.  */
typedef struct {
    int64_t instant;
    int32_t offset;
} rule_change;

bool job_zone_name_valid (bg_slice name)
{
    if (name.size == 0 || name.size > JOB_ZONE_NAME_MAX)
        return false;
    bool is_part_empty = true;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '+' || c == '-';
        if (!is_word && (c != '/' || is_part_empty))
            return false;
        is_part_empty = !is_word;
    }
    return !is_part_empty;
}

static void add_jump (job_zone *self, int64_t instant, int32_t offset)
{
    int32_t before = self->count > 0 ? self->offsets[self->count - 1] : self->first_offset;
    if (offset == before)
        return;
    if ((offset - before) % 3600 != 0 && instant >= 0)
        self->is_uneven = true;
    self->instants[self->count] = instant;
    self->offsets[self->count] = offset;
    self->count++;
}

/*  The changes of a rule in order of time. Of two at one instant the one of the later year, or the
    end within one year, comes last and counts: "daylight saving all year" is written as an end at
    the instant of the next start.  */
static size_t list_changes (const job_tzrule *rule, int first_year, int years, rule_change *changes)
{
    size_t count = 0;
    for (int year = first_year; year < first_year + years; year++) {
        for (int is_end = 0; is_end < 2; is_end++) {
            rule_change change = {
                job_tzrule_instant (rule, year, !is_end),
                is_end ? rule->standard_offset : rule->daylight_offset,
            };
            size_t at = count++;
            for (; at > 0 && changes[at - 1].instant > change.instant; at--)
                changes[at] = changes[at - 1];
            changes[at] = change;
        }
    }
    return count;
}

/*  Writes out the rule behind the jumps of the file. False when the two contradict each other.  */
static bool add_rule (
    job_zone *self, const job_tzrule *rule, const int64_t *last_p, int32_t last_offset)
{
    if (!rule->has_daylight)
        return rule->standard_offset == last_offset;
    int64_t last = last_p ? *last_p : 0;
    int64_t last_written = last > RULE_EARLIEST ? last : RULE_EARLIEST;
    int first_year = job_civil_from_seconds (last_written).year - RULE_YEARS_BEFORE;
    int years = RULE_YEARS_BEFORE + JOB_CYCLE_YEARS + RULE_YEARS_AFTER;
    rule_change *changes = bg_alloc ((size_t) years * 2 * sizeof *changes);
    size_t count = list_changes (rule, first_year, years, changes);
    int32_t offset_at_last = rule->standard_offset;
    /*  What the last year's changes are overruled by is not listed any more, so they are left out.
     */
    int64_t end = job_days_from_date (first_year + years - 1, 1, 1) * JOB_DAY_SECONDS;
    for (size_t i = 0; i < count && changes[i].instant < end; i++) {
        bool is_overruled = i + 1 < count && changes[i + 1].instant == changes[i].instant;
        if (is_overruled)
            continue;
        if (last_p && changes[i].instant <= last)
            offset_at_last = changes[i].offset;
        else
            add_jump (self, changes[i].instant, changes[i].offset);
    }
    free (changes);
    self->repeats_at = job_days_from_date (first_year + years - 3, 1, 1) * JOB_DAY_SECONDS;
    self->repeats = self->count > 0 && self->instants[self->count - 1] >= self->repeats_at;
    return !last_p || offset_at_last == last_offset;
}

static job_zone *zone_create (const char *name, size_t room)
{
    job_zone *self = bg_alloc (sizeof *self);
    self->name = bg_strdup (name);
    self->instants = bg_alloc (room * sizeof *self->instants + 1);
    self->offsets = bg_alloc (room * sizeof *self->offsets + 1);
    return self;
}

/*  False when the file contradicts itself.  */
static bool fill (job_zone *self, const job_tzif *file)
{
    self->first_offset = file->first_offset;
    for (size_t i = 0; i < file->count; i++)
        add_jump (self, file->instants[i], file->offsets[i]);
    if (!file->has_rule)
        return true;
    if (file->count > 0)
        return add_rule (
            self, &file->rule, &file->instants[file->count - 1], file->offsets[file->count - 1]);
    /*  Without any transition the rule holds for all time; the years before 1968 are given standard
     * time.  */
    self->first_offset = file->rule.standard_offset;
    return add_rule (self, &file->rule, NULL, self->first_offset);
}

job_zone *job_zone_load (const char *name, bg_slice tzif_bytes, bg_error *err)
{
    if (!job_zone_name_valid (bg_slice_str (name))) {
        bg_ignore (bg_fail (err, BG_INVALID, "\"%s\" is not the name of a time zone", name));
        bg_ignore (bg_hint (err, "names look like Europe/Berlin or UTC"));
        return NULL;
    }
    job_tzif file = {0};
    if (bg_failed (job_tzif_parse (tzif_bytes, &file, err))) {
        bg_ignore (bg_prefix (err, "the file of time zone %s cannot be used", name));
        return NULL;
    }
    size_t rule_room = 2 * (RULE_YEARS_BEFORE + JOB_CYCLE_YEARS + RULE_YEARS_AFTER);
    job_zone *self = zone_create (name, file.count + (file.has_rule ? rule_room : 0));
    if (!fill (self, &file)) {
        bg_ignore (bg_fail (err, BG_MALFORMED,
            "the file of time zone %s cannot be used: the rule at its end contradicts its last "
            "transition",
            name));
        job_zone_destroy (&self);
    }
    job_tzif_fini (&file);
    return self;
}

job_zone *job_zone_fixed_utc (void)
{
    return zone_create ("UTC", 0);
}

void job_zone_destroy (job_zone **self_p)
{
    job_zone *self = *self_p;
    if (!self)
        return;
    free (self->name);
    free (self->instants);
    free (self->offsets);
    free (self);
    *self_p = NULL;
}

const char *job_zone_name (const job_zone *self)
{
    return self->name;
}

bool job_zone_is_uneven (const job_zone *self)
{
    return self->is_uneven;
}

/*  How far back, in whole cycles, a time is asked.  */
static int64_t cycles_back (const job_zone *self, int64_t seconds)
{
    if (!self->repeats || seconds < self->repeats_at)
        return 0;
    return ((seconds - self->repeats_at) / JOB_CYCLE_SECONDS + 1) * JOB_CYCLE_SECONDS;
}

/*  Jumps at or before the instant; 0 to count.  */
static size_t jumps_until (const job_zone *self, int64_t utc)
{
    size_t low = 0;
    size_t high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->instants[middle] <= utc)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/*  The span that begins with jump number index - 1, as the table has it.  */
static job_zone_span span_of (const job_zone *self, size_t index)
{
    job_zone_span span = {.start = INT64_MIN, .end = INT64_MAX, .offset = self->first_offset};
    if (index > 0) {
        span.start = self->instants[index - 1];
        span.offset = self->offsets[index - 1];
    }
    span.before = index > 1 ? self->offsets[index - 2] : self->first_offset;
    span.after = span.offset;
    if (index < self->count) {
        span.end = self->instants[index];
        span.after = self->offsets[index];
    }
    return span;
}

job_zone_span job_zone_span_at (const job_zone *self, int64_t utc_seconds)
{
    bg_assert (utc_seconds >= -JOB_ZONE_SECONDS_MAX && utc_seconds <= JOB_ZONE_SECONDS_MAX);
    int64_t back = cycles_back (self, utc_seconds);
    job_zone_span span = span_of (self, jumps_until (self, utc_seconds - back));
    if (span.start != INT64_MIN)
        span.start += back;
    if (span.end != INT64_MAX)
        span.end += back;
    return span;
}

int32_t job_zone_offset (const job_zone *self, int64_t utc_seconds)
{
    return job_zone_span_at (self, utc_seconds).offset;
}

job_local_result job_zone_to_utc (
    const job_zone *self, int64_t local_seconds, int64_t *first_utc, int64_t *second_utc)
{
    bg_assert (local_seconds >= -JOB_ZONE_SECONDS_MAX && local_seconds <= JOB_ZONE_SECONDS_MAX);
    int64_t back = cycles_back (self, local_seconds);
    int64_t local = local_seconds - back;
    int64_t found[2] = {0};
    int found_count = 0;
    job_zone_span gap = {0};
    for (size_t i = jumps_until (self, local - OFFSET_REACH); i <= self->count && found_count < 2;
         i++) {
        job_zone_span span = span_of (self, i);
        if (span.start != INT64_MIN && span.start > local + OFFSET_REACH)
            break;
        int64_t utc = local - span.offset;
        if (utc >= span.start && utc < span.end)
            found[found_count++] = utc;
        else if (utc < span.start && local - span.before >= span.start)
            gap = span;
    }
    if (found_count == 0) {
        bg_assert (gap.offset > gap.before);
        *first_utc = gap.start + back;
        *second_utc = local - gap.before + back;
        return JOB_LOCAL_GAP;
    }
    *first_utc = found[0] + back;
    *second_utc = found[found_count - 1] + back;
    return found_count == 2 ? JOB_LOCAL_FOLD : JOB_LOCAL_UNIQUE;
}
