/*  Random schedules by date in the zones of the system, against a walker that goes through every
    day and every minute in turn.

    The walker shares nothing with the search but civil dates and the zone's offsets: whether a day
    matches it counts off from the anchor, when a wall clock shows a time it finds by looking at
    every minute. Half of the schedules are looked at around a change of the clocks. Seeds are
    printed; BUGLE_SEED repeats one, BUGLE_ROUNDS does more, BUGLE_ZONES=all takes every zone that
    zone1970.tab lists.  */
#include "common/job/civil.h"
#include "common/job/schedule.h"
#include "zone_file.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#define SECOND_US INT64_C (1000000)
#define HOUR      3600
#define RUNS_MAX  300000
#define ROUNDS    25
#define WALK_DAYS 40
#define DAY_1990  7305
#define DAY_2100  47482

typedef struct {
    uint64_t state;
} randomness;

static int pick (randomness *random, int low, int high)
{
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return low + (int) ((random->state >> 11) % (uint64_t) (high - low + 1));
}

/*  What the wall clock shows, minute by minute, around the days that are walked.  */
typedef struct {
    int64_t first_utc;
    size_t minutes;
    int64_t *local;
} wall;

typedef struct {
    const job_schedule *schedule;
    wall wall;
    int64_t *runs;
    size_t count;
} walker;

/*  ---- which days ----  */

static int64_t sunday_of (int64_t day)
{
    while (job_weekday (day) != 0)
        day--;
    return day;
}

static bool is_such_day (uint32_t interval, int64_t day)
{
    int weekday = job_weekday (day);
    bool is_weekend = weekday == 0 || weekday == 6;
    switch (interval) {
    case JOB_RELATIVE_DAY:
        return true;
    case JOB_RELATIVE_WEEKDAY:
        return !is_weekend;
    case JOB_RELATIVE_WEEKEND_DAY:
        return is_weekend;
    default:
        return weekday == (int) interval - 1;
    }
}

/*  The how manieth such day of its month a day is, and whether another follows.  */
static bool is_relative_day (const job_schedule *self, int64_t day)
{
    static const uint32_t places[] = {0, 1, 2, 4, 8};
    job_civil date = job_date_from_days (day);
    int64_t first = day - date.day + 1;
    int64_t end = first + job_days_in_month (date.year, date.month);
    int place = 0;
    bool is_last = true;
    for (int64_t at = first; at < end; at++) {
        place += at <= day && is_such_day (self->interval, at);
        is_last = is_last && !(at > day && is_such_day (self->interval, at));
    }
    if (!is_such_day (self->interval, day))
        return false;
    return self->relative == JOB_RELATIVE_LAST ? is_last
                                               : place < 5 && places[place] == self->relative;
}

static bool is_matching_day (const job_schedule *self, int64_t day)
{
    uint32_t date = job_date_number (day);
    if ((self->start_date && date < self->start_date) || (self->end_date && date > self->end_date))
        return false;
    uint32_t from = self->anchor_date ? self->anchor_date : self->start_date;
    int64_t anchor = from ? job_days_from_number (from) : 0;
    int64_t factor = self->factor ? self->factor : 1;
    job_civil civil = job_date_from_days (day);
    job_civil start = job_date_from_days (anchor);
    int64_t months = (civil.year - start.year) * 12 + civil.month - start.month;
    switch (self->kind) {
    case JOB_SCHEDULE_ONCE:
        return date == self->start_date;
    case JOB_SCHEDULE_DAILY:
        return (day - anchor) % self->interval == 0;
    case JOB_SCHEDULE_WEEKLY:
        while (!(self->interval >> job_weekday (anchor) & 1))
            anchor++;
        return (self->interval >> job_weekday (day) & 1) &&
               (sunday_of (day) - sunday_of (anchor)) / 7 % factor == 0;
    case JOB_SCHEDULE_MONTHLY:
        return civil.day == (int) self->interval && months % factor == 0;
    default:
        return months % factor == 0 && is_relative_day (self, day);
    }
}

/*  ---- when ----  */

/*  The minutes at which the wall shows a time: 0, 1 or 2; and, when none does, the first minute at
    which it shows a later one after an earlier one.  */
static int minutes_showing (const wall *self, int64_t local, int64_t out[2], int64_t *edge)
{
    int count = 0;
    for (size_t i = 0; i < self->minutes; i++) {
        int64_t utc = self->first_utc + (int64_t) i * 60;
        if (self->local[i] == local && count < 2)
            out[count++] = utc;
        if (i > 0 && self->local[i - 1] < local && self->local[i] > local)
            *edge = utc;
    }
    return count;
}

static int64_t shown_at (const wall *self, int64_t utc)
{
    return self->local[(utc - self->first_utc) / 60];
}

static void add_run (walker *self, int64_t utc)
{
    assert_true (self->count < RUNS_MAX);
    self->runs[self->count++] = utc;
}

static int64_t close_of (walker *self, int64_t local)
{
    int64_t found[2] = {0};
    int64_t edge = 0;
    int count = minutes_showing (&self->wall, local, found, &edge);
    if (count == 0)
        return edge;
    return found[self->schedule->fold == JOB_FOLD_FIRST ? 0 : count - 1];
}

/*  False when the day has no run at all.  */
static bool open_behind_gap (
    walker *self, int64_t local, int64_t close_local, int64_t edge, int64_t *open)
{
    const job_schedule *schedule = self->schedule;
    *open = edge;
    if (schedule->gap == JOB_GAP_SHIFT)
        *open = edge + local - (shown_at (&self->wall, edge - 60) + 60);
    if (schedule->gap != JOB_GAP_SKIP)
        return true;
    int64_t found[2] = {0};
    for (; schedule->repeat_s && local < close_local; local += schedule->repeat_s) {
        if (minutes_showing (&self->wall, local, found, &edge) > 0) {
            *open = found[0];
            return true;
        }
    }
    return false;
}

static void walk_day (walker *self, int64_t day)
{
    const job_schedule *schedule = self->schedule;
    int64_t local = day * JOB_DAY_SECONDS + schedule->time_s;
    int64_t end = schedule->end_s ? schedule->end_s : JOB_DAY_SECONDS;
    int64_t close_local = day * JOB_DAY_SECONDS + end;
    if (end <= schedule->time_s)
        close_local += JOB_DAY_SECONDS;
    int64_t found[2] = {0};
    int64_t open = 0;
    int64_t edge = 0;
    int count = minutes_showing (&self->wall, local, found, &edge);
    if (count == 0 && !open_behind_gap (self, local, close_local, edge, &open))
        return;
    if (count > 0)
        open = found[schedule->fold == JOB_FOLD_SECOND ? count - 1 : 0];
    add_run (self, open);
    if (!schedule->repeat_s) {
        if (count == 2 && schedule->fold == JOB_FOLD_BOTH)
            add_run (self, found[1]);
        return;
    }
    int64_t close = close_of (self, close_local);
    for (open += schedule->repeat_s; open < close; open += schedule->repeat_s)
        add_run (self, open);
}

static int compare_times (const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;
    return (*a > *b) - (*a < *b);
}

static void walk (walker *self, int64_t from_day, int64_t to_day)
{
    const job_zone *zone = self->schedule->zone;
    self->wall.first_utc = (from_day - 4) * JOB_DAY_SECONDS;
    self->wall.minutes = (size_t) (to_day - from_day + 8) * 24 * 60;
    self->wall.local = bg_alloc (self->wall.minutes * sizeof *self->wall.local);
    for (size_t i = 0; i < self->wall.minutes; i++) {
        int64_t utc = self->wall.first_utc + (int64_t) i * 60;
        self->wall.local[i] = utc + job_zone_offset (zone, utc);
    }
    for (int64_t day = from_day - 2; day <= to_day; day++) {
        if (is_matching_day (self->schedule, day))
            walk_day (self, day);
    }
    free (self->wall.local);
    qsort (self->runs, self->count, sizeof self->runs[0], compare_times);
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (kept == 0 || self->runs[kept - 1] != self->runs[i])
            self->runs[kept++] = self->runs[i];
    }
    self->count = kept;
}

/*  ---- the comparison ----  */

static const char *text_of (const job_schedule *self)
{
    static char text[300];
    (void) snprintf (text, sizeof text,
        "kind %d interval %u relative %u factor %u repeat %u time %u end %u start %u end %u anchor "
        "%u gap %d fold %d in %s",
        (int) self->kind, self->interval, self->relative, self->factor, self->repeat_s,
        self->time_s, self->end_s, self->start_date, self->end_date, self->anchor_date,
        (int) self->gap, (int) self->fold, job_zone_name (self->zone));
    return text;
}

static void compare (const walker *self, int64_t from, int64_t to)
{
    const job_schedule *schedule = self->schedule;
    int64_t time_us = from * SECOND_US - 1;
    size_t hour_start = 0;
    uint32_t densest = job_schedule_densest_hour (schedule);
    for (size_t i = 0; i < self->count; i++) {
        int64_t wanted = self->runs[i];
        if (wanted < from || wanted >= to) {
            hour_start = i + 1;
            continue;
        }
        int64_t next_us = 0;
        int fold = 0;
        bool is_found = job_schedule_next (schedule, time_us, &next_us, &fold);
        if (!is_found || next_us != wanted * SECOND_US)
            fail_msg ("%s: after %lld comes %lld, not %lld", text_of (schedule),
                (long long) (time_us / SECOND_US), (long long) wanted,
                is_found ? (long long) (next_us / SECOND_US) : -1);
        int64_t first = 0;
        int64_t second = 0;
        int64_t local = wanted + job_zone_offset (schedule->zone, wanted);
        bool is_twice = job_zone_to_utc (schedule->zone, local, &first, &second) == JOB_LOCAL_FOLD;
        if (fold != (is_twice && wanted == second))
            fail_msg ("%s: at %lld fold is %d", text_of (schedule), (long long) wanted, fold);
        job_schedule_mark mark = job_schedule_marks (schedule, next_us);
        if (mark.fold != (is_twice ? 1 + (wanted == second) : 0))
            fail_msg ("%s: at %lld marked %d", text_of (schedule), (long long) wanted, mark.fold);
        while (wanted - self->runs[hour_start] >= HOUR)
            hour_start++;
        if (i - hour_start + 1 > densest)
            fail_msg ("%s: %zu runs in the hour before %lld, not %u at most", text_of (schedule),
                i - hour_start + 1, (long long) wanted, densest);
        time_us = next_us;
    }
    int64_t next_us = 0;
    if (job_schedule_next (schedule, time_us, &next_us, NULL) && next_us < to * SECOND_US)
        fail_msg ("%s: after %lld comes nothing, not %lld", text_of (schedule),
            (long long) (time_us / SECOND_US), (long long) (next_us / SECOND_US));
}

/*  ---- random schedules ----  */

static uint32_t pick_date (randomness *random, int64_t around)
{
    return job_date_number (around + pick (random, -20, 20));
}

static void pick_times (randomness *random, job_schedule *self)
{
    static const uint32_t repeats[] = {60, 300, 900, 1800, 2700, 3600, 5400, 7200, 36000, 86400};
    self->time_s = (uint32_t) pick (random, 0, 24 * 4 - 1) * 900;
    if (pick (random, 0, 2) == 0)
        self->time_s = (uint32_t) pick (random, 0, 24 * 60 - 1) * 60;
    if (pick (random, 0, 1))
        self->time_s %= 4 * HOUR;
    if (self->kind == JOB_SCHEDULE_ONCE || pick (random, 0, 1))
        return;
    self->repeat_s = repeats[pick (random, 0, 9)];
    self->end_s = (uint32_t) pick (random, 0, 24 * 4) * 900;
    if (pick (random, 0, 3) == 0)
        self->end_s = self->time_s;
}

static void pick_days (randomness *random, int64_t day, job_schedule *self)
{
    self->kind = (job_schedule_kind) pick (random, JOB_SCHEDULE_ONCE, JOB_SCHEDULE_RELATIVE);
    self->factor = (uint32_t) pick (random, 0, 3);
    self->anchor_date = pick (random, 0, 1) ? pick_date (random, day) : 0;
    self->start_date = pick (random, 0, 3) == 0 ? pick_date (random, day) : 0;
    if (pick (random, 0, 3) == 0)
        self->end_date = pick_date (random, day + 20);
    switch (self->kind) {
    case JOB_SCHEDULE_ONCE:
        self->start_date = job_date_number (day + pick (random, -1, 1));
        self->end_date = 0;
        break;
    case JOB_SCHEDULE_DAILY:
        self->interval = (uint32_t) pick (random, 1, 5);
        break;
    case JOB_SCHEDULE_WEEKLY:
        self->interval = (uint32_t) pick (random, 1, 127);
        break;
    case JOB_SCHEDULE_MONTHLY:
        self->interval = (uint32_t) pick (random, 1, 31);
        break;
    default:
        self->interval = (uint32_t) pick (random, 1, 10);
        self->relative = 1U << pick (random, 0, 4);
        break;
    }
}

/*  A day shortly before which, or on which, the clocks change; or any.  */
static int64_t pick_day (randomness *random, const job_zone *zone)
{
    int64_t utc = (int64_t) pick (random, DAY_1990, DAY_2100) * JOB_DAY_SECONDS;
    job_zone_span span = job_zone_span_at (zone, utc);
    bool has_change = span.end < INT64_C (4102444800);
    if (has_change && pick (random, 0, 4))
        utc = span.end + (span.offset > span.after ? span.after : span.offset);
    return job_floor_div (utc, JOB_DAY_SECONDS);
}

static void try_one (randomness *random, const job_zone *zone, int64_t *runs)
{
    int64_t day = pick_day (random, zone);
    job_schedule schedule = {
        .zone = zone,
        .gap = (job_gap) pick (random, 0, 2),
        .fold = (job_fold) pick (random, 0, 2),
    };
    pick_days (random, day, &schedule);
    pick_times (random, &schedule);
    bool is_at_change = pick (random, 0, 1);
    if (is_at_change && schedule.kind == JOB_SCHEDULE_DAILY)
        schedule.interval = 1;
    bg_error err = {0};
    if (bg_failed (job_schedule_check (&schedule, &err)))
        return;
    walker self = {.schedule = &schedule, .runs = runs};
    int64_t from_day = day - pick (random, 1, WALK_DAYS - 2);
    walk (&self, from_day - 2, from_day + WALK_DAYS + 2);
    compare (&self, from_day * JOB_DAY_SECONDS, (from_day + WALK_DAYS) * JOB_DAY_SECONDS);
}

static bool try_zone (randomness *random, const char *name, int rounds, int64_t *runs)
{
    job_zone *zone = zone_file_load (name);
    if (!zone)
        return false;
    for (; rounds > 0; rounds--)
        try_one (random, zone, runs);
    job_zone_destroy (&zone);
    return true;
}

/*  Every zone of the table, the third of its columns; returns how many.  */
static int try_all (randomness *random, int rounds, int64_t *runs)
{
    BG_AUTO_BUF table = {0};
    int zones = 0;
    if (!zone_file_read ("/usr/share/zoneinfo/zone1970.tab", &table))
        return 0;
    bg_buf_append_byte (&table, 0);
    char *text = (char *) table.data;
    for (char *rest = NULL, *line = strtok_r (text, "\n", &rest); line;
         line = strtok_r (NULL, "\n", &rest)) {
        char name[64];
        if (line[0] != '#' && sscanf (line, "%*s %*s %63s", name) == 1)
            zones += try_zone (random, name, rounds, runs);
    }
    return zones;
}

static int try_some (randomness *random, int rounds, int64_t *runs)
{
    static const char *const names[] = {"UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York",
        "America/St_Johns", "America/Havana", "America/Sao_Paulo", "America/Caracas",
        "America/Nuuk", "America/Scoresbysund", "Antarctica/Troll", "Asia/Beirut", "Asia/Gaza",
        "Asia/Kathmandu", "Asia/Pyongyang", "Asia/Tehran", "Africa/Cairo", "Africa/Casablanca",
        "Australia/Lord_Howe", "Europe/Istanbul", "Pacific/Apia", "Pacific/Chatham",
        "Pacific/Kwajalein"};
    int zones = 0;
    for (size_t z = 0; z < sizeof names / sizeof names[0]; z++)
        zones += try_zone (random, names[z], rounds, runs);
    return zones;
}

static void test_every_form_in_every_kind_of_zone (void **state)
{
    (void) state;
    const char *given = getenv ("BUGLE_SEED");
    const char *more = getenv ("BUGLE_ROUNDS");
    int rounds = more ? atoi (more) : ROUNDS;
    uint64_t seed = given ? strtoull (given, NULL, 10) : (uint64_t) time (NULL);
    print_message ("seed %llu\n", (unsigned long long) seed);
    randomness random = {(seed + 1) * UINT64_C (0x9e3779b97f4a7c15)};
    int64_t *runs = bg_alloc (RUNS_MAX * sizeof *runs);
    bool is_all = getenv ("BUGLE_ZONES") != NULL;
    int zones = is_all ? try_all (&random, rounds, runs) : try_some (&random, rounds, runs);
    print_message ("%d zones\n", zones);
    free (runs);
    if (zones == 0)
        skip ();
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_every_form_in_every_kind_of_zone),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
