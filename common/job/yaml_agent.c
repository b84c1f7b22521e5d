/*  Reading a schedule in the numbers of SQL Server Agent (sqlagent.md 7.2, 7.3): freq_type and its
    fields, as scripts of the old world have them.

    What the reference refuses is refused here under its number; what a form does not look at and is
    not what the Agent's tools write there anyway is a warning. The fields become those of the
    readable spelling: freq_type 8 with mask 18 gives the bytes of `every: week, on: [mon, thu]`.  */
#include "common/job/yaml_read.h"

#include "common/job/civil.h"
#include "common/job/schedule.h"

#include <inttypes.h>

enum {
    AGENT_ONCE = 1,
    AGENT_ON_DEMAND = 2,
    AGENT_DAILY = 4,
    AGENT_WEEKLY = 8,
    AGENT_MONTHLY = 16,
    AGENT_RELATIVE = 32,
    AGENT_AT_START = 64,
    AGENT_IDLE = 128,
};

#define DATE_UNBOUNDED 99991231
#define TIME_UNBOUNDED 235959
#define FACTOR_MAX     1000

/*  What the fields say; those that are not there have the reference's default.  */
typedef struct {
    uint64_t type, interval, subday_type, subday_interval, relative, factor;
    uint64_t start_date, end_date, start_time, end_time;
} agent;

typedef struct {
    const char *key;
    size_t offset;
    uint64_t standard; /*  the default, and what the Agent's tools write where it means nothing  */
    unsigned types;    /*  that look at it  */
} agent_field;

#define ALL_BY_DATE (AGENT_DAILY | AGENT_WEEKLY | AGENT_MONTHLY | AGENT_RELATIVE)
#define ALL_TYPES   (AGENT_ONCE | ALL_BY_DATE | AGENT_AT_START | AGENT_IDLE)

static const agent_field agent_fields[] = {
    {"freq_interval", offsetof (agent, interval), 0, ALL_BY_DATE},
    {"freq_subday_type", offsetof (agent, subday_type), 1, ALL_BY_DATE},
    {"freq_subday_interval", offsetof (agent, subday_interval), 0, ALL_BY_DATE},
    {"freq_relative_interval", offsetof (agent, relative), 0, AGENT_RELATIVE},
    {"freq_recurrence_factor", offsetof (agent, factor), 0,
        AGENT_WEEKLY | AGENT_MONTHLY | AGENT_RELATIVE},
    {"active_start_date", offsetof (agent, start_date), 0, ALL_TYPES},
    {"active_end_date", offsetof (agent, end_date), DATE_UNBOUNDED, ALL_TYPES & ~AGENT_ONCE},
    {"active_start_time", offsetof (agent, start_time), 0, AGENT_ONCE | ALL_BY_DATE},
    {"active_end_time", offsetof (agent, end_time), TIME_UNBOUNDED, ALL_BY_DATE},
};

static uint64_t *place_of (agent *self, const agent_field *field)
{
    return (uint64_t *) (void *) ((char *) self + field->offset);
}

static void refuse (job_yaml_reader *self, const bg_yaml *map, const char *key, const char *says)
{
    const bg_yaml *at = job_yaml_value (map, key);
    bg_yaml_error (
        self->file, at ? at : job_yaml_value (map, "freq_type"), self->diag, NULL, "%s", says);
}

/*  ---- single numbers ----  */

static bool read_type (job_yaml_reader *self, const bg_yaml *map, agent *read)
{
    const bg_yaml *node = job_yaml_value (map, "freq_type");
    if (!node || !job_yaml_number (self, node, "freq_type", 0, 1000000, &read->type))
        return false;
    const bool is_one = read->type > 0 && (read->type & (read->type - 1)) == 0;
    if (read->type == AGENT_ON_DEMAND)
        refuse (self, map, "freq_type",
            "freq_type 2, on demand, is no longer taken (14295); a job without a schedule runs on "
            "command");
    else if (!is_one || !(read->type & ALL_TYPES))
        refuse (self, map, "freq_type",
            "freq_type must be 1 once, 4 daily, 8 weekly, 16 monthly, 32 monthly relative, 64 when "
            "the node starts or 128 when it is idle (14266)");
    else
        return true;
    return false;
}

/*  HHMMSS, leading zeros or not, to seconds.  */
static bool read_time (
    job_yaml_reader *self, const bg_yaml *map, const char *key, uint64_t number, uint64_t *seconds)
{
    const uint64_t hour = number / 10000, minute = number / 100 % 100, second = number % 100;
    if (hour > 23 || minute > 59 || second > 59) {
        bg_yaml_error (self->file, job_yaml_value (map, key), self->diag, NULL,
            "%s must be HHMMSS, 000000 to 235959 (14287)", key);
        return false;
    }
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

static bool read_date (job_yaml_reader *self, const bg_yaml *map, const char *key, uint64_t number)
{
    const int year = (int) (number / 10000), month = (int) (number / 100 % 100);
    const int day = (int) (number % 100);
    if (number >= JOB_YAML_DATE_MIN && number <= JOB_YAML_DATE_MAX && month >= 1 && month <= 12 &&
        day >= 1 && day <= job_days_in_month (year, month))
        return true;
    bg_yaml_error (self->file, job_yaml_value (map, key), self->diag, NULL,
        "%s must be a date that exists, YYYYMMDD, from 19900101 on (14287)", key);
    return false;
}

/*  ---- the forms ----  */

static bool check_interval (job_yaml_reader *self, const bg_yaml *map, const agent *read)
{
    static const struct {
        uint64_t type, min, max;
        const char *says;
    } rules[] = {
        {AGENT_DAILY, 1, 1000,
            "freq_interval is at least 1 for a daily schedule (14572), at most 1000"},
        {AGENT_WEEKLY, 1, 127,
            "freq_interval is a mask of weekdays from 1 to 127 for a weekly schedule (14573): "
            "Sunday "
            "1, Monday 2, Tuesday 4, Wednesday 8, Thursday 16, Friday 32, Saturday 64"},
        {AGENT_MONTHLY, 1, 31,
            "freq_interval is the day of the month, 1 to 31, for a monthly schedule (14574)"},
        {AGENT_RELATIVE, 1, 10,
            "freq_interval is 1 to 10 for a monthly relative schedule (14576): Sunday 1 to "
            "Saturday "
            "7, 8 day, 9 weekday, 10 weekend day"},
    };
    for (size_t i = 0; i < JOB_COUNT_OF (rules); i++) {
        if (rules[i].type != read->type ||
            (read->interval >= rules[i].min && read->interval <= rules[i].max))
            continue;
        refuse (self, map, "freq_interval", rules[i].says);
        return false;
    }
    return true;
}

static bool check_counts (job_yaml_reader *self, const bg_yaml *map, const agent *read)
{
    const bool has_factor = (read->type & (AGENT_WEEKLY | AGENT_MONTHLY | AGENT_RELATIVE)) != 0;
    const bool is_power = read->relative > 0 && (read->relative & (read->relative - 1)) == 0;
    bool is_good = true;
    if (read->type == AGENT_RELATIVE && (!is_power || read->relative > 16)) {
        refuse (self, map, "freq_relative_interval",
            "freq_relative_interval must be 1 first, 2 second, 4 third, 8 fourth or 16 last "
            "(14575)");
        is_good = false;
    }
    if (has_factor && (read->factor < 1 || read->factor > FACTOR_MAX)) {
        refuse (self, map, "freq_recurrence_factor",
            "freq_recurrence_factor, every so many weeks or months, is at least 1 (14577), at most "
            "1000");
        is_good = false;
    }
    return is_good;
}

/*  Seconds between repeats; 0: one run a day.  */
static bool read_subday (
    job_yaml_reader *self, const bg_yaml *map, const agent *read, uint64_t *repeat_s)
{
    const uint64_t unit = read->subday_type == 2   ? 1
                          : read->subday_type == 4 ? 60
                          : read->subday_type == 8 ? 3600
                                                   : 0;
    *repeat_s = 0;
    if (read->subday_type == 1)
        return true;
    if (unit == 0) {
        refuse (self, map, "freq_subday_type",
            "freq_subday_type must be 1 at the given time, 2 seconds, 4 minutes or 8 hours "
            "(14266)");
        return false;
    }
    *repeat_s = read->subday_interval * unit;
    if (*repeat_s >= JOB_REPEAT_MIN_S && *repeat_s <= JOB_REPEAT_MAX_S)
        return true;
    refuse (self, map, "freq_subday_interval",
        unit == 1    ? "freq_subday_interval is 10 to 86400 for seconds (14278)"
        : unit == 60 ? "freq_subday_interval is 1 to 1440 for minutes (14278)"
                     : "freq_subday_interval is 1 to 24 for hours (14278)");
    return false;
}

static void warn_ignored (job_yaml_reader *self, const bg_yaml *map, agent *read)
{
    for (size_t i = 0; i < JOB_COUNT_OF (agent_fields); i++) {
        const agent_field *field = &agent_fields[i];
        const bg_yaml *node = job_yaml_value (map, field->key);
        const bool is_subday = field->offset == offsetof (agent, subday_interval) ||
                               field->offset == offsetof (agent, end_time);
        const uint64_t value = *place_of (read, field);
        bool is_used = (field->types & read->type) != 0;
        if (is_subday && read->subday_type == 1)
            is_used = false;
        /*  The Agent's tools write 0 or 1 where a count means nothing.  */
        if (!node || is_used || value == field->standard || value <= 1)
            continue;
        bg_yaml_warn (self->file, node, self->diag, "%s means nothing %s", field->key,
            is_subday && (field->types & read->type) ? "with freq_subday_type 1"
                                                     : "for this freq_type");
    }
}

static void fill_days (const agent *read, uint64_t repeat_s, wire_job_schedule *to)
{
    static const struct {
        uint64_t type, kind;
    } kinds[] = {
        {AGENT_DAILY, WIRE_SCHEDULE_DAILY},
        {AGENT_WEEKLY, WIRE_SCHEDULE_WEEKLY},
        {AGENT_MONTHLY, WIRE_SCHEDULE_MONTHLY},
        {AGENT_RELATIVE, WIRE_SCHEDULE_RELATIVE},
    };
    for (size_t i = 0; i < JOB_COUNT_OF (kinds); i++) {
        if (kinds[i].type == read->type)
            to->kind = kinds[i].kind;
    }
    to->interval = read->interval;
    to->relative = read->type == AGENT_RELATIVE ? read->relative : 0;
    to->factor = read->type != AGENT_DAILY && read->factor > 1 ? read->factor : 0;
    to->repeat_s = repeat_s;
}

/*  Dates and times, which all types share; false after a mistake.  */
static bool fill_bounds (
    job_yaml_reader *self, const bg_yaml *map, const agent *read, wire_job_schedule *to)
{
    const bool has_start = job_yaml_value (map, "active_start_date") != NULL;
    const bool is_once = read->type == AGENT_ONCE;
    const uint64_t start = has_start || !is_once ? read->start_date : self->ports->today;
    uint64_t last_s = 0;
    bool is_good = !has_start || read_date (self, map, "active_start_date", start);
    is_good &= read->end_date == DATE_UNBOUNDED ||
               read_date (self, map, "active_end_date", read->end_date);
    is_good &= read_time (self, map, "active_start_time", read->start_time, &to->time_s);
    is_good &= read_time (self, map, "active_end_time", read->end_time, &last_s);
    if (!is_good)
        return false;
    if (is_once && start == 0) {
        refuse (
            self, map, "freq_type", "freq_type 1 needs its day; write active_start_date: YYYYMMDD");
        return false;
    }
    if (read->end_date < start) {
        refuse (
            self, map, "active_end_date", "active_end_date lies before active_start_date (14288)");
        return false;
    }
    to->start_date = start;
    to->end_date = is_once || read->end_date == DATE_UNBOUNDED ? 0 : read->end_date;
    to->end_s = to->repeat_s == 0 || read->end_time == TIME_UNBOUNDED ? 0 : last_s + 1;
    if (read->type & (AGENT_AT_START | AGENT_IDLE))
        to->time_s = 0;
    return true;
}

void job_yaml_read_agent (job_yaml_reader *self, const bg_yaml *node, wire_job_schedule *to)
{
    agent read = {0};
    uint64_t repeat_s = 0;
    if (!read_type (self, node, &read))
        return;
    bool is_good = true;
    for (size_t i = 0; i < JOB_COUNT_OF (agent_fields); i++) {
        const agent_field *field = &agent_fields[i];
        const bg_yaml *value = job_yaml_value (node, field->key);
        *place_of (&read, field) = field->standard;
        if (value)
            is_good &= job_yaml_number (
                self, value, field->key, 0, DATE_UNBOUNDED, place_of (&read, field));
    }
    if (!is_good)
        return;
    is_good = check_interval (self, node, &read);
    is_good &= check_counts (self, node, &read);
    if (read.type & ALL_BY_DATE)
        is_good &= read_subday (self, node, &read, &repeat_s);
    if (is_good && (read.type & ALL_BY_DATE))
        fill_days (&read, repeat_s, to);
    is_good &= fill_bounds (self, node, &read, to);
    if (!is_good) {
        to->kind = 0;
        return;
    }
    if (read.type == AGENT_ONCE)
        to->kind = WIRE_SCHEDULE_ONCE;
    else if (read.type == AGENT_AT_START)
        to->kind = WIRE_SCHEDULE_NODE_START;
    else if (read.type == AGENT_IDLE)
        to->kind = WIRE_SCHEDULE_IDLE;
    warn_ignored (self, node, &read);
}
