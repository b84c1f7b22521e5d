/*  Writing schedules and calendars, in the readable spelling whatever they were read from.  */
#include "common/job/body.h"
#include "common/job/calendar.h"
#include "common/job/civil.h"
#include "common/job/duration.h"
#include "common/job/yaml_write.h"

static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static void write_key (int indent, const char *key, bg_buf *out)
{
    bg_buf_printf (out, "%*s%s: ", indent, "", key);
}

static void write_word (int indent, const char *key, uint64_t number, const char *const *words,
    size_t count, bg_buf *out)
{
    if (number > 0 && number < count)
        bg_buf_printf (out, "%*s%s: %s\n", indent, "", key, words[number]);
}

static void write_date (int indent, const char *key, uint64_t date, bg_buf *out)
{
    if (date > 0)
        bg_buf_printf (out, "%*s%s: %04u-%02u-%02u\n", indent, "", key, (unsigned) (date / 10000),
            (unsigned) (date / 100 % 100), (unsigned) (date % 100));
}

/*  Quoted: other readers of YAML take 02:30 for a number.  */
static void append_clock (uint64_t seconds, bg_buf *out)
{
    bg_buf_printf (out, "\"%02u:%02u", (unsigned) (seconds / 3600), (unsigned) (seconds / 60 % 60));
    if (seconds % 60 != 0)
        bg_buf_printf (out, ":%02u", (unsigned) (seconds % 60));
    bg_buf_append_str (out, "\"");
}

/*  ---- the forms by date ----  */

static void write_every (
    int indent, uint64_t count, const char *one, const char *several, bg_buf *out)
{
    write_key (indent, "every", out);
    if (count > 1)
        bg_buf_printf (out, "%llu %s\n", (unsigned long long) count, several);
    else
        bg_buf_printf (out, "%s\n", one);
}

static void write_weekdays (int indent, uint64_t mask, bg_buf *out)
{
    const char *comma = "";
    write_key (indent, "on", out);
    bg_buf_append_byte (out, '[');
    for (size_t i = 0; i < 7; i++) {
        const size_t day = (i + 1) % 7; /*  Monday first, as most people say it  */
        if (!(mask & UINT64_C (1) << day))
            continue;
        bg_buf_printf (out, "%s%s", comma, weekdays[day]);
        comma = ", ";
    }
    bg_buf_append_str (out, "]\n");
}

static void write_relative (int indent, const wire_job_schedule *schedule, bg_buf *out)
{
    static const char *const days[] = {"", "sunday", "monday", "tuesday", "wednesday", "thursday",
        "friday", "saturday", "day", "weekday", "weekend day"};
    const char *place = schedule->relative == 1   ? "first"
                        : schedule->relative == 2 ? "second"
                        : schedule->relative == 4 ? "third"
                        : schedule->relative == 8 ? "fourth"
                                                  : "last";
    const char *day = schedule->interval <= 10 ? days[schedule->interval] : "";
    bg_buf_printf (out, "%*son: %s %s\n", indent, "", place, day);
}

static void write_times (int indent, const wire_job_schedule *schedule, bg_buf *out)
{
    if (schedule->repeat_s == 0) {
        write_key (indent, "at", out);
        append_clock (schedule->time_s, out);
        bg_buf_append_byte (out, '\n');
        return;
    }
    write_key (indent, "repeat", out);
    bg_buf_printf (
        out, "{every: %s", job_duration_text ((int64_t) schedule->repeat_s * 1000000).text);
    if (schedule->time_s > 0) {
        bg_buf_append_str (out, ", from: ");
        append_clock (schedule->time_s, out);
    }
    if (schedule->end_s > 0) {
        bg_buf_append_str (out, ", to: ");
        append_clock (schedule->end_s - 1, out);
    }
    bg_buf_append_str (out, "}\n");
}

static void write_form (int indent, const wire_job_schedule *schedule, bg_buf *out)
{
    switch (schedule->kind) {
    case WIRE_SCHEDULE_CRON:
        job_write_optional (indent, "cron", schedule->cron, out);
        return;
    case WIRE_SCHEDULE_EVERY:
        job_write_duration (indent, "every", schedule->every_us, out);
        return;
    case WIRE_SCHEDULE_ONCE:
        bg_buf_printf (out, "%*sonce: %04u-%02u-%02uT%02u:%02u", indent, "",
            (unsigned) (schedule->start_date / 10000),
            (unsigned) (schedule->start_date / 100 % 100), (unsigned) (schedule->start_date % 100),
            (unsigned) (schedule->time_s / 3600), (unsigned) (schedule->time_s / 60 % 60));
        if (schedule->time_s % 60 != 0)
            bg_buf_printf (out, ":%02u", (unsigned) (schedule->time_s % 60));
        bg_buf_append_byte (out, '\n');
        return;
    case WIRE_SCHEDULE_DAILY:
        write_every (indent, schedule->interval, "day", "days", out);
        break;
    case WIRE_SCHEDULE_WEEKLY:
        write_every (indent, schedule->factor, "week", "weeks", out);
        write_weekdays (indent, schedule->interval, out);
        break;
    case WIRE_SCHEDULE_MONTHLY:
        write_every (indent, schedule->factor, "month", "months", out);
        bg_buf_printf (out, "%*son: %llu\n", indent, "", (unsigned long long) schedule->interval);
        break;
    case WIRE_SCHEDULE_RELATIVE:
        write_every (indent, schedule->factor, "month", "months", out);
        write_relative (indent, schedule, out);
        break;
    case WIRE_SCHEDULE_NODE_START:
        bg_buf_printf (out, "%*swhen: node-start\n", indent, "");
        return;
    case WIRE_SCHEDULE_IDLE:
        bg_buf_printf (out, "%*swhen: idle\n", indent, "");
        return;
    case WIRE_SCHEDULE_USE:
        job_write_optional (indent, "use", schedule->use, out);
        return;
    default:
        return;
    }
    write_times (indent, schedule, out);
}

void job_write_schedule (int indent, const wire_job_schedule *schedule, bg_buf *out)
{
    static const char *const gaps[] = {NULL, "shift", "skip"};
    static const char *const folds[] = {NULL, "second", "both"};
    static const char *const misfires[] = {NULL, "last", "all"};
    write_form (indent, schedule, out);
    job_write_optional (indent, "zone", schedule->zone, out);
    if (schedule->kind != WIRE_SCHEDULE_ONCE)
        write_date (indent, "from", schedule->start_date, out);
    write_date (indent, "until", schedule->end_date, out);
    write_date (indent, "anchor", schedule->anchor_date, out);
    write_word (indent, "gap", schedule->gap, gaps, 3, out);
    write_word (indent, "fold", schedule->fold, folds, 3, out);
    job_write_duration (indent, "splay", schedule->splay_us, out);
    write_word (indent, "misfire", schedule->misfire, misfires, 3, out);
    job_write_duration (indent, "misfire_window", schedule->misfire_window_us, out);
    if (schedule->misfire_max > 0)
        bg_buf_printf (
            out, "%*smisfire_max: %llu\n", indent, "", (unsigned long long) schedule->misfire_max);
    job_write_names (indent, "except", schedule->except, schedule->except_count, out);
    job_write_names (indent, "within", schedule->within, schedule->within_count, out);
    if (schedule->disabled)
        bg_buf_printf (out, "%*senabled: false\n", indent, "");
}

void job_yaml_write_schedule (const wire_schedule *schedule, bg_buf *out)
{
    job_write_pair (0, "schedule", schedule->spec.name, out);
    job_write_optional (0, "description", schedule->description, out);
    job_write_schedule (0, &schedule->spec, out);
}

/*  ---- calendars ----  */

static void append_date (int64_t seconds, bg_buf *out)
{
    const job_civil civil = job_civil_from_seconds (seconds);
    bg_buf_printf (out, "%04d-%02d-%02d", civil.year, civil.month, civil.day);
}

static void append_moment (int64_t seconds, bg_buf *out)
{
    const job_civil civil = job_civil_from_seconds (seconds);
    append_date (seconds, out);
    bg_buf_printf (out, "T%02d:%02d", civil.hour, civil.minute);
    if (civil.second != 0)
        bg_buf_printf (out, ":%02d", civil.second);
}

static bool is_whole_days (job_calendar_range range)
{
    return range.from % JOB_DAY_SECONDS == 0 && range.until % JOB_DAY_SECONDS == 0;
}

static void write_days (bg_slice ranges, bg_buf *out)
{
    bool has_key = false;
    for (size_t i = 0; i < job_calendar_range_count (ranges); i++) {
        const job_calendar_range range = job_calendar_range_at (ranges, i);
        if (!is_whole_days (range))
            continue;
        bg_buf_append_str (out, has_key ? "  - " : "days:\n  - ");
        has_key = true;
        const bool is_one = range.until - range.from == JOB_DAY_SECONDS;
        bg_buf_append_str (out, is_one ? "" : "\"");
        append_date (range.from, out);
        if (!is_one) {
            bg_buf_append_str (out, "..");
            append_date (range.until - JOB_DAY_SECONDS, out);
        }
        bg_buf_append_str (out, is_one ? "\n" : "\"\n");
    }
}

static void write_ranges (bg_slice ranges, bool is_utc, bool *has_key, bg_buf *out)
{
    for (size_t i = 0; i < job_calendar_range_count (ranges); i++) {
        const job_calendar_range range = job_calendar_range_at (ranges, i);
        if (!is_utc && is_whole_days (range))
            continue;
        bg_buf_append_str (out, *has_key ? "  - {from: " : "ranges:\n  - {from: ");
        *has_key = true;
        append_moment (range.from, out);
        bg_buf_append_str (out, ", to: ");
        append_moment (range.until, out);
        bg_buf_append_str (out, is_utc ? ", zone: utc}\n" : "}\n");
    }
}

void job_yaml_write_calendar (const wire_calendar *calendar, bg_buf *out)
{
    bool has_key = false;
    job_write_pair (0, "calendar", calendar->name, out);
    job_write_optional (0, "description", calendar->description, out);
    job_write_optional (0, "source", calendar->source, out);
    if (calendar->horizon_us != JOB_YAML_HORIZON_US)
        job_write_instant (0, "horizon", calendar->horizon_us, out);
    write_days (calendar->local_ranges, out);
    write_ranges (calendar->local_ranges, false, &has_key, out);
    write_ranges (calendar->utc_ranges, true, &has_key, out);
    if (calendar->local_ranges.size == 0 && calendar->utc_ranges.size == 0)
        bg_buf_append_str (out, "days: []\n");
}
