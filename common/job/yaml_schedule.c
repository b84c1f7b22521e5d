/*  Reading `schedules` of a job file: cron fields or an interval.

    `every: day` with `at` becomes cron fields: there is one form of it in the document.
*/
#include "common/job/yaml_read.h"

#include "common/base/nearest.h"
#include "common/job/duration.h"
#include "common/job/names.h"
#include "common/job/schedule.h"

typedef struct {
    wire_job_schedule *to;
    const bg_yaml *cron, *every, *at, *zone;
} schedule_nodes;

static void read_name (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    wire_job_schedule *to = ((schedule_nodes *) target)->to;
    job_yaml_name (self, value, "name of a schedule",
        job_yaml_max (&wire_desc_job_schedule, "name"), &to->name);
}

static void take_cron (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    (void) self;
    ((schedule_nodes *) target)->cron = value;
}

static void take_every (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    (void) self;
    ((schedule_nodes *) target)->every = value;
}

static void take_at (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    (void) self;
    ((schedule_nodes *) target)->at = value;
}

static void take_zone (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    (void) self;
    ((schedule_nodes *) target)->zone = value;
}

/*  Fields of which only the default is there yet: saying it is allowed.  */
static void read_gap (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    static const char *const words[] = {"edge", "shift", "skip"};
    (void) target;
    (void) job_yaml_choice (self, value, "gap", words, 1, JOB_COUNT_OF (words));
}

static void read_fold (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    static const char *const words[] = {"first", "second", "both"};
    (void) target;
    (void) job_yaml_choice (self, value, "fold", words, 1, JOB_COUNT_OF (words));
}

static void read_misfire (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    static const char *const words[] = {"skip", "last", "all"};
    (void) target;
    (void) job_yaml_choice (self, value, "misfire", words, 1, JOB_COUNT_OF (words));
}

static void read_splay (job_yaml_reader *self, const bg_yaml *value, void *target)
{
    uint64_t splay_us;
    (void) target;
    if (job_yaml_duration (self, value, "splay", 0, NULL, &splay_us) && splay_us > 0)
        bg_yaml_error (self->file, value, self->diag, NULL, "splay: \"%s\" is not in this version",
            (const char *) value->text.data);
}

static const job_yaml_key schedule_keys[] = {
    {"name", read_name},
    {"cron", take_cron},
    {"every", take_every},
    {"at", take_at},
    {"zone", take_zone},
    {"gap", read_gap},
    {"fold", read_fold},
    {"misfire", read_misfire},
    {"splay", read_splay},
    {"misfire_window", NULL},
    {"misfire_max", NULL},
    {"use", NULL},
    {"from", NULL},
    {"until", NULL},
    {"once", NULL},
    {"on", NULL},
    {"days", NULL},
    {"window", NULL},
    {"calendar", NULL},
    {"calendars", NULL},
    {"enabled", NULL},
};

/*  ---- cron ----  */

static void read_cron (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    bg_error err = {0};
    size_t offset = 0;
    job_cron cron;
    bg_slice text;
    if (!job_yaml_text (
            self, node, "cron", job_yaml_max (&wire_desc_job_schedule, "cron"), false, &text))
        return;
    if (bg_failed (job_cron_parse (text, &cron, &err, &offset))) {
        job_yaml_refuse (self, node, offset, NULL, &err);
        return;
    }
    to->kind = WIRE_SCHEDULE_CRON;
    to->cron = text;
}

static void read_zone (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    bg_slice name;
    if (!job_yaml_text (self, node, "zone", 1024, false, &name) || bg_slice_is (name, "target"))
        return;
    if (!job_zone_name_valid (name)) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "\"%s\" cannot name a time zone; write target, or a name such as Europe/Berlin",
            (const char *) name.data);
        return;
    }
    if (self->zones->zone_exists &&
        !self->zones->zone_exists (self->zones->ctx, (const char *) name.data)) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "there is no time zone \"%s\" on this machine; see /usr/share/zoneinfo",
            (const char *) name.data);
        return;
    }
    to->zone = name;
}

/*  ---- every ----  */

/*  Two digits up to max at *at, which moves behind them; -1 when they are not there.  */
static int two_digits (bg_slice text, size_t *at, int max)
{
    if (*at + 2 > text.size)
        return -1;
    int tens = text.data[*at] - '0', ones = text.data[*at + 1] - '0';
    if (tens < 0 || tens > 9 || ones < 0 || ones > 9 || tens * 10 + ones > max)
        return -1;
    *at += 2;
    return tens * 10 + ones;
}

static bool is_colon (bg_slice text, size_t *at)
{
    if (*at >= text.size || text.data[*at] != ':')
        return false;
    ++*at;
    return true;
}

/*  HH:MM or HH:MM:SS, as cron fields of every day.  */
static void read_daily (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    bg_slice text;
    if (!job_yaml_text (self, node, "at", 64, false, &text))
        return;
    size_t at = 0;
    int hour = two_digits (text, &at, 23);
    int minute = is_colon (text, &at) ? two_digits (text, &at, 59) : -1;
    int second = minute >= 0 && is_colon (text, &at) ? two_digits (text, &at, 59) : 0;
    if (hour < 0 || minute < 0 || second < 0 || at != text.size) {
        bg_yaml_error (self->file, node, self->diag, NULL,
            "\"%s\" is no time of the day; write \"HH:MM\" or \"HH:MM:SS\", 00:00 to 23:59:59",
            (const char *) text.data);
        return;
    }
    to->kind = WIRE_SCHEDULE_CRON;
    if (second > 0)
        to->cron = bg_arena_printf (self->arena, "%d %d %d * * *", second, minute, hour);
    else
        to->cron = bg_arena_printf (self->arena, "%d %d * * *", minute, hour);
}

static void read_interval (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    uint64_t every_us;
    if (!job_yaml_duration (self, node, "every", JOB_EVERY_MIN_US, NULL, &every_us))
        return;
    if (every_us > (uint64_t) JOB_EVERY_MAX_US) {
        bg_yaml_error (self->file, node, self->diag, NULL, "every is at most %s",
            job_duration_text (JOB_EVERY_MAX_US).text);
        return;
    }
    to->kind = WIRE_SCHEDULE_EVERY;
    to->every_us = every_us;
}

/*  Of the words that a person may write here, only day is there yet.  */
static bool every_word_is_day (job_yaml_reader *self, const bg_yaml *node)
{
    static const char *const words[] = {
        "day", "second", "minute", "hour", "weekday", "week", "month", "year"};
    bool is_known = false;
    for (size_t i = 0; i < JOB_COUNT_OF (words); i++)
        is_known = is_known || bg_slice_is (node->text, words[i]);
    if (is_known || node->kind != BG_YAML_SCALAR)
        return job_yaml_choice (self, node, "every", words, 1, JOB_COUNT_OF (words)) == 0;
    bg_yaml_error (self->file, node, self->diag,
        bg_nearest (node->text, words, JOB_COUNT_OF (words)),
        "every must be a duration (90s, 5m, 2h, 7d) or day, not \"%s\"",
        (const char *) node->text.data);
    return false;
}

static void read_every (job_yaml_reader *self, const schedule_nodes *nodes)
{
    const bg_yaml *node = nodes->every;
    bool is_duration = node->kind == BG_YAML_SCALAR && node->text.size > 0 &&
                       node->text.data[0] >= '0' && node->text.data[0] <= '9';
    if (is_duration) {
        if (nodes->at)
            bg_yaml_error (self->file, nodes->at, self->diag, NULL,
                "an interval has no \"at\"; write every: day, or cron");
        if (nodes->zone && !bg_slice_is (nodes->zone->text, "target"))
            bg_yaml_error (self->file, nodes->zone, self->diag, NULL,
                "an interval runs in elapsed time and has no zone; leave it out, or write cron");
        read_interval (self, node, nodes->to);
        return;
    }
    if (!every_word_is_day (self, node))
        return;
    if (!nodes->at) {
        bg_yaml_error (
            self->file, node, self->diag, NULL, "every: day needs a time; write at: \"02:30\"");
        return;
    }
    read_daily (self, nodes->at, nodes->to);
}

/*  ---- the list ----  */

static void read_schedule (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    schedule_nodes nodes = {.to = to};
    if (!job_yaml_map (
            self, node, "a schedule", schedule_keys, JOB_COUNT_OF (schedule_keys), &nodes))
        return;
    bool is_later = bg_yaml_find (node, "use") >= 0 || bg_yaml_find (node, "once") >= 0;
    if (bg_yaml_find (node, "name") < 0 && !is_later)
        job_yaml_missing (self, node, "a schedule has no name", "name: nightly");
    if (nodes.cron && nodes.every)
        bg_yaml_error (self->file, nodes.every, self->diag, NULL,
            "a schedule has either cron or every, not both; make two of it");
    else if (nodes.every)
        read_every (self, &nodes);
    else if (nodes.cron)
        read_cron (self, nodes.cron, to);
    else if (bg_yaml_find (node, "cron") < 0 && bg_yaml_find (node, "every") < 0 && !is_later)
        job_yaml_missing (self, node, "a schedule says neither cron nor every",
            "cron: \"30 2 * * *\" or every: 5m");
    if (nodes.cron && nodes.at)
        bg_yaml_error (
            self->file, nodes.at, self->diag, NULL, "\"at\" belongs to every: day, not to cron");
    bool is_interval = to->kind == WIRE_SCHEDULE_EVERY;
    if (nodes.zone && !is_interval)
        read_zone (self, nodes.zone, to);
}

static void refuse_twice (
    job_yaml_reader *self, const bg_yaml *list, const wire_job_schedule *made, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (made[index].name.size == 0 || job_name_compare (made[i].name, made[index].name) != 0)
            continue;
        bg_yaml_error (self->file, bg_yaml_get (list->items[index], "name"), self->diag, NULL,
            "the name \"%s\" is taken by the schedule in line %u",
            (const char *) made[index].name.data, list->items[i]->line);
        return;
    }
}

void job_yaml_read_schedules (job_yaml_reader *self, const bg_yaml *node, void *target)
{
    wire_job *job = target;
    size_t max = job_yaml_max (&wire_desc_job, "schedules");
    if (node->kind == BG_YAML_LIST && node->count == 0)
        return;
    if (!job_yaml_is_list (self, node, "schedules", "- {name: nightly, cron: \"30 2 * * *\"}"))
        return;
    if (node->count > max) {
        bg_yaml_error (self->file, node, self->diag, NULL, "a job has at most %zu schedules", max);
        return;
    }
    job->schedules = bg_arena_array (self->arena, wire_job_schedule, node->count);
    job->schedules_count = node->count;
    for (size_t i = 0; i < node->count; i++) {
        read_schedule (self, node->items[i], &job->schedules[i]);
        refuse_twice (self, node, job->schedules, i);
    }
}
