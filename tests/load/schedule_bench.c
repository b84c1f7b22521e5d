/*  What one question costs: the next occurrence of each form of schedule.

    Every question is timed alone, at a random instant of 1990 to 2100, with the schedule's zone
    read from the system's files (UTC when there are none). Prints a table as docs/performance.md
    has it; ends with 1 when a median is above the goal of design section 9.

        schedule_bench [QUESTIONS]
*/
#include "common/job/schedule.h"
#include "tests/unit/zone_file.h"

#include <stdlib.h>
#include <time.h>

#define QUESTIONS_DEFAULT 100001
#define GOAL_NS           10000
#define SECOND_US         INT64_C (1000000)
#define FIRST_S           INT64_C (631152000)  /*  1990-01-01  */
#define LAST_S            INT64_C (4102444800) /*  2100-01-01  */

static const struct {
    const char *name;
    const char *cron;
    job_schedule schedule;
} forms[] = {
    {"cron `30 2 * * *`", "30 2 * * *", {0}},
    {"cron `*/5 * * * *`", "*/5 * * * *", {0}},
    {"cron `0 0 LW * *`", "0 0 LW * *", {0}},
    {"cron `0 6 29 2 *`", "0 6 29 2 *", {0}},
    {"cron `0 6 ? 2 5#5`", "0 6 ? 2 5#5", {0}},
    {"every 90 s", NULL, {.kind = JOB_SCHEDULE_EVERY, .every_us = 90 * SECOND_US}},
    {"every 90 s, from a date", NULL,
        {.kind = JOB_SCHEDULE_EVERY, .every_us = 90 * SECOND_US, .start_date = 19900101}},
    {"once", NULL, {.kind = JOB_SCHEDULE_ONCE, .start_date = 21000101}},
    {"daily at 02:30", NULL, {.kind = JOB_SCHEDULE_DAILY, .interval = 1, .time_s = 9000}},
    {"every 3 days", NULL,
        {.kind = JOB_SCHEDULE_DAILY, .interval = 3, .start_date = 20000101, .time_s = 9000}},
    {"weekly on Mon, Thu", NULL, {.kind = JOB_SCHEDULE_WEEKLY, .interval = 18, .time_s = 9000}},
    {"every 5 weeks on Sat", NULL,
        {.kind = JOB_SCHEDULE_WEEKLY,
            .interval = 64,
            .factor = 5,
            .anchor_date = 20000101,
            .time_s = 9000}},
    {"monthly on day 31", NULL, {.kind = JOB_SCHEDULE_MONTHLY, .interval = 31, .time_s = 9000}},
    {"every 12 months on February 29", NULL,
        {.kind = JOB_SCHEDULE_MONTHLY,
            .interval = 29,
            .factor = 12,
            .anchor_date = 20000201,
            .time_s = 9000}},
    {"monthly on the last weekday", NULL,
        {.kind = JOB_SCHEDULE_RELATIVE, .interval = 9, .relative = 16, .time_s = 9000}},
    {"second Tuesday every 6 months", NULL,
        {.kind = JOB_SCHEDULE_RELATIVE,
            .interval = 3,
            .relative = 2,
            .factor = 6,
            .anchor_date = 20000101,
            .time_s = 9000}},
    {"daily, every 10 s", NULL, {.kind = JOB_SCHEDULE_DAILY, .interval = 1, .repeat_s = 10}},
    {"daily, every 30 m, 22:00 to 02:00", NULL,
        {.kind = JOB_SCHEDULE_DAILY,
            .interval = 1,
            .repeat_s = 1800,
            .time_s = 79200,
            .end_s = 7201}},
    {"last day, every 15 m, 08:00 to 17:00", NULL,
        {.kind = JOB_SCHEDULE_RELATIVE,
            .interval = 8,
            .relative = 16,
            .repeat_s = 900,
            .time_s = 28800,
            .end_s = 61201}},
};

static int64_t now_ns (void)
{
    struct timespec time;
    clock_gettime (CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C (1000000000) + time.tv_nsec;
}

static int compare (const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;
    return (*a > *b) - (*a < *b);
}

static int64_t random_instant_us (uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (FIRST_S + (int64_t) ((*state >> 8) % (uint64_t) (LAST_S - FIRST_S))) * SECOND_US;
}

/*  True when the median is within the goal.  */
static bool measure (const char *name, const job_schedule *schedule, int64_t *spent, size_t count)
{
    uint64_t state = UINT64_C (0x9e3779b97f4a7c15);
    for (size_t i = 0; i < count; i++) {
        int64_t from = random_instant_us (&state);
        int64_t next = 0;
        int64_t start = now_ns ();
        (void) job_schedule_next (schedule, from, &next, NULL);
        spent[i] = now_ns () - start;
    }
    qsort (spent, count, sizeof spent[0], compare);
    printf ("| %-38s | %-19s | %6.2f | %6.2f |\n", name,
        schedule->zone ? job_zone_name (schedule->zone) : "UTC", (double) spent[count / 2] / 1000,
        (double) spent[count * 99 / 100] / 1000);
    return spent[count / 2] <= GOAL_NS;
}

int main (int argc, char **argv)
{
    static const char *const zones[] = {"Europe/Berlin", "Australia/Lord_Howe"};
    size_t count = argc > 1 ? strtoull (argv[1], NULL, 10) : QUESTIONS_DEFAULT;
    if (count == 0) {
        fprintf (stderr, "usage: schedule_bench [QUESTIONS]\n");
        return 2;
    }
    int64_t *spent = bg_alloc (count * sizeof *spent);
    bool is_met = true;
    printf ("| form | zone | median, us | 99 %%, us |\n|---|---|---|---|\n");
    for (size_t z = 0; z < sizeof zones / sizeof zones[0]; z++) {
        job_zone *zone = zone_file_load (zones[z]);
        for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
            job_schedule schedule = forms[i].schedule;
            schedule.zone = zone;
            if (forms[i].cron) {
                schedule.kind = JOB_SCHEDULE_CRON;
                bg_ignore (
                    job_cron_parse (bg_slice_str (forms[i].cron), &schedule.cron, NULL, NULL));
            }
            is_met = measure (forms[i].name, &schedule, spent, count) && is_met;
        }
        job_zone_destroy (&zone);
    }
    free (spent);
    return is_met ? 0 : 1;
}
