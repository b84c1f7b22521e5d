/*  Random cron schedules in the zones of the system, against a walker that asks every minute (or
    second) in turn.

    The walker shares nothing with the search but the zone's offsets: it keeps each field as the
    list of items it was made of and tests one civil time after the other against them. Seeds are
    printed; BUGLE_SEED repeats one.  */
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

#define SECOND_US    INT64_C (1000000)
#define HOUR         3600
#define ITEMS_MAX    3
#define EXPECTED_MAX 100000

typedef enum {
    ITEM_STAR,
    ITEM_VALUE,
    ITEM_RANGE,
    ITEM_LAST,
    ITEM_NEAR,
    ITEM_LAST_WORKDAY,
    ITEM_LAST_SUCH,
    ITEM_NTH
} item_kind;

typedef struct {
    item_kind kind;
    int low;
    int high;
    int step; /*  also the k of ITEM_NTH  */
} item;

typedef struct {
    item items[ITEMS_MAX];
    int count;
} field;

typedef enum { SECOND, MINUTE, HOURS, DAY, MONTH, WEEKDAY, FIELDS } field_id;

static const int minima[FIELDS] = {0, 0, 0, 1, 1, 0};
static const int maxima[FIELDS] = {59, 59, 23, 31, 12, 6};

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

static item pick_special (randomness *random, field_id id)
{
    if (id == DAY) {
        int kind = pick (random, 0, 2);
        if (kind == 0)
            return (item){ITEM_LAST, pick (random, 0, 5), 0, 0};
        if (kind == 1)
            return (item){ITEM_NEAR, pick (random, 1, 31), 0, 0};
        return (item){ITEM_LAST_WORKDAY, 0, 0, 0};
    }
    int weekday = pick (random, 0, 6);
    if (pick (random, 0, 1))
        return (item){ITEM_LAST_SUCH, weekday, 0, 0};
    return (item){ITEM_NTH, weekday, 0, pick (random, 1, 5)};
}

static item pick_item (randomness *random, field_id id)
{
    int min = minima[id];
    int max = maxima[id];
    bool is_day = id == DAY || id == WEEKDAY;
    int kind = pick (random, 0, is_day ? 3 : 2);
    if (kind == 0)
        return (item){ITEM_VALUE, pick (random, min, max), 0, 0};
    if (kind == 3)
        return pick_special (random, id);
    int low = pick (random, min, max);
    return (item){ITEM_RANGE, low, pick (random, low, max), pick (random, 1, max - min)};
}

static field pick_field (randomness *random, field_id id)
{
    field self = {.count = 1};
    int star = pick (random, 0, 9);
    if (star < 5) {
        self.items[0] =
            (item){ITEM_STAR, 0, 0, star < 3 ? 1 : pick (random, 1, maxima[id] - minima[id])};
        return self;
    }
    self.count = pick (random, 1, ITEMS_MAX);
    for (int i = 0; i < self.count; i++)
        self.items[i] = pick_item (random, id);
    return self;
}

static void write_item (const item *self, bg_buf *text)
{
    switch (self->kind) {
    case ITEM_STAR:
        bg_buf_append_str (text, "*");
        if (self->step > 1)
            bg_buf_printf (text, "/%d", self->step);
        break;
    case ITEM_VALUE:
        bg_buf_printf (text, "%d", self->low);
        break;
    case ITEM_RANGE:
        bg_buf_printf (text, "%d-%d/%d", self->low, self->high, self->step);
        break;
    case ITEM_LAST:
        bg_buf_append_str (text, "L");
        if (self->low > 0)
            bg_buf_printf (text, "-%d", self->low);
        break;
    case ITEM_NEAR:
        bg_buf_printf (text, "%dW", self->low);
        break;
    case ITEM_LAST_WORKDAY:
        bg_buf_append_str (text, "LW");
        break;
    case ITEM_LAST_SUCH:
        bg_buf_printf (text, "%dL", self->low);
        break;
    case ITEM_NTH:
        bg_buf_printf (text, "%d#%d", self->low, self->step);
        break;
    }
}

static bool is_workday (const job_civil *civil, int day)
{
    int weekday = job_weekday (job_days_from_date (civil->year, civil->month, day));
    return weekday >= 1 && weekday <= 5;
}

static bool is_near (const job_civil *civil, int wanted)
{
    int length = job_days_in_month (civil->year, civil->month);
    if (wanted > length || !is_workday (civil, civil->day))
        return false;
    /*  No other Monday to Friday of the month is nearer.  */
    for (int day = 1; day <= length; day++) {
        if (is_workday (civil, day) && abs (day - wanted) < abs (civil->day - wanted))
            return false;
    }
    return true;
}

static bool item_fits (const item *self, field_id id, int value, const job_civil *civil)
{
    int length = job_days_in_month (civil->year, civil->month);
    switch (self->kind) {
    case ITEM_STAR:
        return (value - minima[id]) % self->step == 0;
    case ITEM_VALUE:
        return value == self->low;
    case ITEM_RANGE:
        return value >= self->low && value <= self->high && (value - self->low) % self->step == 0;
    case ITEM_LAST:
        return civil->day == length - self->low;
    case ITEM_NEAR:
        return is_near (civil, self->low);
    case ITEM_LAST_WORKDAY:
        for (int day = civil->day + 1; day <= length; day++) {
            if (is_workday (civil, day))
                return false;
        }
        return is_workday (civil, civil->day);
    case ITEM_LAST_SUCH:
        return value == self->low && civil->day + 7 > length;
    case ITEM_NTH:
        return value == self->low && (civil->day - 1) / 7 + 1 == self->step;
    }
    return false;
}

static bool field_fits (const field *self, field_id id, int value, const job_civil *civil)
{
    for (int i = 0; i < self->count; i++) {
        if (item_fits (&self->items[i], id, value, civil))
            return true;
    }
    return false;
}

static bool time_fits (const field fields[FIELDS], int64_t local)
{
    job_civil civil = job_civil_from_seconds (local);
    if (!field_fits (&fields[SECOND], SECOND, civil.second, &civil) ||
        !field_fits (&fields[MINUTE], MINUTE, civil.minute, &civil) ||
        !field_fits (&fields[HOURS], HOURS, civil.hour, &civil) ||
        !field_fits (&fields[MONTH], MONTH, civil.month, &civil))
        return false;
    int weekday = job_weekday (job_floor_div (local, JOB_DAY_SECONDS));
    bool by_month = field_fits (&fields[DAY], DAY, civil.day, &civil);
    bool by_week = field_fits (&fields[WEEKDAY], WEEKDAY, weekday, &civil);
    bool is_either =
        fields[DAY].items[0].kind != ITEM_STAR && fields[WEEKDAY].items[0].kind != ITEM_STAR;
    return is_either ? by_month || by_week : by_month && by_week;
}

static bool fits_every_hour (const field *self)
{
    job_civil any = {2026, 1, 1, 0, 0, 0};
    for (int hour = 0; hour < 24; hour++) {
        if (!field_fits (self, HOURS, hour, &any))
            return false;
    }
    return true;
}

typedef struct {
    const field *fields;
    const job_schedule *schedule;
    bool is_repetition;
    int step; /*  seconds between two looks  */
    int64_t *found;
    size_t count;
} walker;

static void note (walker *self, int64_t utc)
{
    assert_true (self->count < EXPECTED_MAX);
    self->found[self->count++] = utc;
}

/*  What a jump forward at this instant left out.  */
static void walk_gap (walker *self, int64_t utc, int64_t from_local, int64_t to_local)
{
    if (self->is_repetition || self->schedule->gap == JOB_GAP_SKIP)
        return;
    for (int64_t local = from_local; local < to_local; local += self->step) {
        if (time_fits (self->fields, local))
            note (self, self->schedule->gap == JOB_GAP_EDGE ? utc : utc + local - from_local);
    }
}

static void walk (walker *self, int64_t from, int64_t to)
{
    const job_zone *zone = self->schedule->zone;
    for (int64_t utc = from; utc < to; utc += self->step) {
        int64_t local = utc + job_zone_offset (zone, utc);
        int64_t before = utc + job_zone_offset (zone, utc - 1);
        if (before < local)
            walk_gap (self, utc, before, local);
        if (!time_fits (self->fields, local))
            continue;
        int64_t first = 0;
        int64_t second = 0;
        bool is_fold = job_zone_to_utc (zone, local, &first, &second) == JOB_LOCAL_FOLD;
        job_fold policy = self->is_repetition ? JOB_FOLD_BOTH : self->schedule->fold;
        bool is_other_pass = is_fold && ((policy == JOB_FOLD_FIRST && utc == second) ||
                                            (policy == JOB_FOLD_SECOND && utc == first));
        if (!is_other_pass)
            note (self, utc);
    }
}

static int compare_times (const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;
    return (*a > *b) - (*a < *b);
}

static void sort_and_drop_repeated (walker *self)
{
    qsort (self->found, self->count, sizeof self->found[0], compare_times);
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (kept == 0 || self->found[kept - 1] != self->found[i])
            self->found[kept++] = self->found[i];
    }
    self->count = kept;
}

static void compare (const walker *self, int64_t from, int64_t to, const char *text)
{
    const job_schedule *schedule = self->schedule;
    const char *zone = job_zone_name (schedule->zone);
    int64_t time = (from - 1) * SECOND_US;
    size_t hour_start = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (self->found[i] < from || self->found[i] >= to)
            continue;
        int64_t next = 0;
        int fold = -1;
        bool is_found = job_schedule_next (schedule, time, &next, &fold);
        if (!is_found || next != self->found[i] * SECOND_US)
            fail_msg (
                "\"%s\" in %s, gap %d, fold %d, after %lld: next is %lld, the walker has %lld",
                text, zone, (int) schedule->gap, (int) schedule->fold,
                (long long) (time / SECOND_US), (long long) (next / SECOND_US),
                (long long) self->found[i]);
        time = next;
        while (self->found[hour_start] <= self->found[i] - HOUR)
            hour_start++;
        if (i - hour_start + 1 > job_schedule_densest_hour (schedule))
            fail_msg ("\"%s\" in %s: %zu starts in one hour", text, zone, i - hour_start + 1);
    }
    int64_t next = 0;
    if (job_schedule_next (schedule, time, &next, NULL) && next < to * SECOND_US)
        fail_msg ("\"%s\" in %s, gap %d, fold %d: %lld is one too many", text, zone,
            (int) schedule->gap, (int) schedule->fold, (long long) (next / SECOND_US));
}

/*  A field; for the walks around a change of the clocks one that is about that night.  */
static field pick_field_for (randomness *random, field_id id, bool is_around_change)
{
    if (!is_around_change || id == SECOND || id == MINUTE)
        return pick_field (random, id);
    if (id != HOURS)
        return (field){.items = {{ITEM_STAR, 0, 0, 1}}, .count = 1};
    int low = pick (random, 0, 3);
    return (field){.items = {{ITEM_RANGE, low, pick (random, low, 3), 1}}, .count = 1};
}

/*  One random schedule; about half of them are looked at around a change of the clocks.  */
static void try_one (randomness *random, const job_zone *zone, bool has_seconds, int64_t *found)
{
    field fields[FIELDS];
    BG_AUTO_BUF text = {0};
    bool is_around_change = pick (random, 0, 1);
    for (int id = SECOND; id < FIELDS; id++) {
        fields[id] =
            pick_field_for (random, (field_id) id, is_around_change && pick (random, 0, 3));
        if (id == SECOND && !has_seconds) {
            fields[id] = (field){.items = {{ITEM_VALUE, 0, 0, 0}}, .count = 1};
            continue;
        }
        for (int i = 0; i < fields[id].count; i++) {
            if (i > 0)
                bg_buf_append_str (&text, ",");
            write_item (&fields[id].items[i], &text);
        }
        bg_buf_append_str (&text, " ");
    }
    const char *words = bg_buf_cstr (&text);
    job_schedule schedule = {
        .kind = JOB_SCHEDULE_CRON,
        .zone = zone,
        .gap = (job_gap) pick (random, 0, 2),
        .fold = (job_fold) pick (random, 0, 2),
    };
    bg_error err = {0};
    bg_result result = job_cron_parse (bg_slice_str (words), &schedule.cron, &err, NULL);
    if (bg_failed (result) && strstr (err.message, "never happens"))
        return;
    if (bg_failed (result))
        fail_msg ("\"%s\": %s", words, err.message);
    int64_t length = has_seconds ? 8 * HOUR : 50 * JOB_DAY_SECONDS;
    int64_t from = (int64_t) pick (random, 946684800, 2147400000) / 60 * 60;
    job_zone_span span = job_zone_span_at (zone, from);
    if (span.end < INT64_C (4000000000) && is_around_change)
        from = span.end - length / 2;
    walker self = {
        .fields = fields,
        .schedule = &schedule,
        .is_repetition = fits_every_hour (&fields[HOURS]),
        .step = has_seconds ? 1 : 60,
        .found = found,
    };
    /*  Shifted times come from up to a day before.  */
    walk (&self, from - (has_seconds ? 2 * HOUR : 2 * JOB_DAY_SECONDS), from + length);
    sort_and_drop_repeated (&self);
    compare (&self, from, from + length, words);
}

static void run (bool has_seconds, int rounds)
{
    static const char *const names[] = {
        "UTC",
        "Europe/Berlin",
        "Europe/Dublin",
        "America/New_York",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "Africa/Casablanca",
        "Asia/Gaza",
        "America/Nuuk",
        "Pacific/Chatham",
        "Pacific/Apia",
    };
    enum { ZONES = sizeof names / sizeof names[0] };
    const char *given = getenv ("BUGLE_SEED");
    uint64_t seed = given ? strtoull (given, NULL, 10) : (uint64_t) time (NULL);
    print_message ("seed %llu\n", (unsigned long long) seed);
    randomness random = {(seed + 1) * UINT64_C (0x9e3779b97f4a7c15)};
    int64_t *found = bg_alloc (EXPECTED_MAX * sizeof *found);
    int zones = 0;
    for (int z = 0; z < ZONES; z++) {
        job_zone *zone = zone_file_load (names[z]);
        if (!zone)
            continue;
        zones++;
        /*  The day that Apia left out is too long for the short walk in seconds.  */
        bool is_apia = z == ZONES - 1;
        for (int i = 0; i < rounds && !(is_apia && has_seconds); i++)
            try_one (&random, zone, has_seconds, found);
        job_zone_destroy (&zone);
    }
    free (found);
    if (zones == 0)
        skip ();
}

static void test_minutes (void **state)
{
    (void) state;
    run (false, 20);
}

static void test_seconds (void **state)
{
    (void) state;
    run (true, 40);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_minutes),
        cmocka_unit_test (test_seconds),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
