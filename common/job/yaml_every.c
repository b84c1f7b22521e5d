/*  Reading `every: day|week|month` with `on`, `at` and `repeat`: the forms by date in words.

    The fields are those of the reference (sqlagent.md 7.2, 7.3); the spelling is ours. What one word
    too many or too few would mean is never guessed.  */
#include "common/job/yaml_read.h"

#include "common/base/nearest.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#define COUNT_MAX     1000 /*  days, weeks, months: what the wire takes  */
#define REPEAT_MIN_US (INT64_C (10) * 1000000)
#define REPEAT_MAX_US (INT64_C (86400) * 1000000)

/*  ---- every: N of what ----  */

static const char *const unit_words[] = {"day", "days", "week", "weeks", "month", "months", NULL};

/*  What somebody may mean by a word that is none of ours.  */
static const struct {
    const char *word, *write;
} other_words[] = {
    {"second", "every: 1s"},
    {"minute", "every: 1m"},
    {"hour", "every: 1h"},
    {"weekday", "every: week, on: [mon, tue, wed, thu, fri]"},
    {"weekend", "every: week, on: [sat, sun]"},
    {"year", "every: 12 months"},
    {"quarter", "every: 3 months"},
};

static void refuse_every (job_yaml_reader *self, const bg_yaml *node, const char *word)
{
    for (size_t i = 0; i < JOB_COUNT_OF (other_words); i++) {
        const size_t size = strlen (other_words[i].word);
        if (strncasecmp (word, other_words[i].word, size) == 0 &&
            (word[size] == '\0' || strcasecmp (word + size, "s") == 0)) {
            bg_yaml_error (self->file, node, self->diag, NULL,
                "every does not know \"%s\"; write %s", word, other_words[i].write);
            return;
        }
    }
    bg_yaml_error (self->file, node, self->diag,
        bg_nearest (bg_slice_str (word), unit_words, JOB_COUNT_OF (unit_words) - 1),
        "every must be a duration (90s, 5m, 2h, 7d), or day, week or month with a number before it "
        "if it is not 1 (2 weeks), not \"%s\"",
        (const char *) node->text.data);
}

/*  The kind (DAILY, WEEKLY, MONTHLY) and the count; 0 and a mistake when it is neither.  */
static uint64_t read_unit (job_yaml_reader *self, const bg_yaml *node, uint64_t *count)
{
    static const uint64_t kinds[] = {
        WIRE_SCHEDULE_DAILY, WIRE_SCHEDULE_WEEKLY, WIRE_SCHEDULE_MONTHLY};
    bg_slice text;
    if (!job_yaml_text (self, node, "every", 64, false, &text))
        return 0;
    const char *word = (const char *) text.data;
    bool has_number = word[0] >= '0' && word[0] <= '9';
    *count = 1;
    if (has_number) {
        char *end = NULL;
        *count = strtoull (word, &end, 10);
        word = end + strspn (end, " ");
    }
    int unit = -1;
    for (int i = 0; unit_words[i]; i++)
        unit = strcmp (word, unit_words[i]) == 0 ? i : unit;
    if (unit < 0) {
        refuse_every (self, node, word);
        return 0;
    }
    if (*count < 1 || *count > COUNT_MAX) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "every takes a number from 1 to %d of %s", COUNT_MAX, unit_words[unit | 1]);
        return 0;
    }
    return kinds[unit / 2];
}

/*  ---- on ----  */

static const char *const day_words[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", "sunday",
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};

/*  0 Sunday to 6 Saturday; -1.  */
static int weekday_of (const char *word)
{
    for (size_t i = 0; i < JOB_COUNT_OF (day_words); i++) {
        if (strcasecmp (word, day_words[i]) == 0)
            return (int) (i % 7);
    }
    return -1;
}

static void add_weekday (job_yaml_reader *self, const bg_yaml *node, uint64_t *mask)
{
    bg_slice text;
    if (!job_yaml_text (self, node, "a day of the week", 64, false, &text))
        return;
    int day = weekday_of ((const char *) text.data);
    if (day < 0)
        bg_yaml_error (self->file, node, self->diag,
            bg_nearest (text, day_words, JOB_COUNT_OF (day_words)),
            "a day of the week must be one of sun, mon, tue, wed, thu, fri and sat, not \"%s\"",
            (const char *) text.data);
    else if (*mask & (UINT64_C (1) << day))
        bg_yaml_error (self->file, node, self->diag, NULL, "on names %s twice", day_words[day]);
    else
        *mask |= UINT64_C (1) << day;
}

static void read_weekdays (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    if (node->kind == BG_YAML_SCALAR) {
        add_weekday (self, node, &to->interval);
        return;
    }
    if (!job_yaml_is_list (self, node, "on", "[mon, thu]"))
        return;
    for (size_t i = 0; i < node->count; i++)
        add_weekday (self, node->items[i], &to->interval);
}

static const char *const ordinals[] = {"first", "second", "third", "fourth", "last"};

/*  1 to 7 a weekday, 8 day, 9 weekday, 10 weekend day; 0.  */
static uint64_t relative_day (const char *word)
{
    static const char *const kinds[] = {"day", "weekday", "weekend day"};
    for (size_t i = 0; i < JOB_COUNT_OF (kinds); i++) {
        if (strcasecmp (word, kinds[i]) == 0)
            return 8 + i;
    }
    return (uint64_t) (weekday_of (word) + 1);
}

static void read_relative (
    job_yaml_reader *self, const bg_yaml *node, const char *text, wire_job_schedule *to)
{
    static const char says[] =
        "on must be a day of the month (15), or one of first, second, third, fourth and last with "
        "a "
        "day of the week, \"day\", \"weekday\" or \"weekend day\" (\"last friday\"), not \"%s\"";
    size_t size = strcspn (text, " ");
    const char *day = text + size + strspn (text + size, " ");
    bg_slice first = bg_slice_of (text, size);
    for (size_t i = 0; i < JOB_COUNT_OF (ordinals); i++) {
        if (size != strlen (ordinals[i]) || strncasecmp (text, ordinals[i], size) != 0)
            continue;
        to->kind = WIRE_SCHEDULE_RELATIVE;
        to->relative = UINT64_C (1) << i;
        to->interval = relative_day (day);
        if (to->interval == 0)
            bg_yaml_error_at (self->file, node, (size_t) (day - text), self->diag,
                bg_nearest (bg_slice_str (day), day_words, JOB_COUNT_OF (day_words)), says, text);
        return;
    }
    bg_yaml_error (self->file, node, self->diag,
        bg_nearest (first, ordinals, JOB_COUNT_OF (ordinals)), says, text);
}

static void read_month_day (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    bg_slice text;
    if (node->kind == BG_YAML_LIST) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "on of a month is one day; make a schedule of each, or write cron: \"30 2 1,15 * *\"");
        return;
    }
    if (!job_yaml_text (self, node, "on", 64, false, &text))
        return;
    if (text.data[0] >= '0' && text.data[0] <= '9')
        (void) job_yaml_number (self, node, "the day of the month", 1, 31, &to->interval);
    else
        read_relative (self, node, (const char *) text.data, to);
}

static void read_on (
    job_yaml_reader *self, const bg_yaml *node, const bg_yaml *every, wire_job_schedule *to)
{
    const bg_yaml *on = job_yaml_value (node, "on");
    if (to->kind == WIRE_SCHEDULE_DAILY) {
        if (on)
            bg_yaml_error (self->file, on, self->diag, NULL,
                "every day is all days; for some of them write every: week or every: month with "
                "on");
        return;
    }
    const bool is_week = to->kind == WIRE_SCHEDULE_WEEKLY;
    if (!on)
        bg_yaml_error (self->file, every, self->diag, NULL, "every %s needs days; write %s",
            is_week ? "week" : "month",
            is_week ? "on: [mon, thu]" : "on: 15, or on: \"last friday\"");
    else if (is_week)
        read_weekdays (self, on, to);
    else
        read_month_day (self, on, to);
}

/*  ---- at, repeat ----  */

/*  "to" belongs to the window, as the Agent's end does (sqlagent.md 7.4, 18); the wire's end does
    not.  */
static void read_repeat (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    if (!job_yaml_map (self, node, JOB_MAP_REPEAT, to))
        return;
    const bg_yaml *every = job_yaml_value (node, "every");
    const bg_yaml *from = job_yaml_value (node, "from"), *until = job_yaml_value (node, "to");
    uint64_t every_us = 0, last_s = 0;
    if (!job_yaml_key (node, "every"))
        job_yaml_missing (self, node, "repeat does not say how often",
            "{every: 15m, from: \"08:00\", to: \"17:00\"}");
    if (every && job_yaml_duration_to (self, every, "every", REPEAT_MIN_US, REPEAT_MAX_US,
                     "shorter ones are an interval of their own: every: 5s", &every_us))
        to->repeat_s = every_us / 1000000;
    if (from)
        (void) job_yaml_clock (self, from, "from", &to->time_s);
    if (until && job_yaml_clock (self, until, "to", &last_s))
        to->end_s = last_s == 86399 ? 0 : last_s + 1;
}

static void read_times (
    job_yaml_reader *self, const bg_yaml *node, const bg_yaml *every, wire_job_schedule *to)
{
    const bg_yaml *at = job_yaml_value (node, "at"), *repeat = job_yaml_value (node, "repeat");
    if (at && repeat)
        bg_yaml_error (self->file, repeat, self->diag, NULL,
            "a schedule has either at or repeat, not both; make two of it");
    else if (at && at->kind == BG_YAML_LIST)
        bg_yaml_error (self->file, at, self->diag, NULL,
            "at is one time; make a schedule of each, or write cron: \"0 8,12,17 * * *\"");
    else if (at)
        (void) job_yaml_clock (self, at, "at", &to->time_s);
    else if (repeat)
        read_repeat (self, repeat, to);
    else if (!job_yaml_key (node, "at") && !job_yaml_key (node, "repeat"))
        bg_yaml_error (self->file, every, self->diag, NULL,
            "every: %s needs a time; write at: \"02:30\"", (const char *) every->text.data);
}

void job_yaml_read_every (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    const bg_yaml *every = job_yaml_value (node, "every");
    uint64_t count = 1;
    if (!every)
        return;
    to->kind = read_unit (self, every, &count);
    if (to->kind == 0)
        return;
    if (to->kind == WIRE_SCHEDULE_DAILY)
        to->interval = count;
    else
        to->factor = count == 1 ? 0 : count;
    read_on (self, node, every, to);
    read_times (self, node, every, to);
}
