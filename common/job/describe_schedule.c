/*  Schedules in words: the form, then whatever else was said about it, separated by commas.  */
#include "common/job/describe.h"

#include "common/job/civil.h"
#include "common/job/duration.h"
#include "common/job/schedule.h"

#define DAY_SECONDS    86400
#define MINUTE_SECONDS 60

static const char *const weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

/*  Seconds only when there are some.  */
static void describe_time (uint64_t seconds, bg_buf *out)
{
    bg_buf_printf (out, "%02u:%02u", (unsigned) (seconds / 3600), (unsigned) (seconds / 60 % 60));
    if (seconds % MINUTE_SECONDS)
        bg_buf_printf (out, ":%02u", (unsigned) (seconds % MINUTE_SECONDS));
}

static void describe_date (uint64_t date, bg_buf *out)
{
    bg_buf_printf (out, "%04u-%02u-%02u", (unsigned) (date / 10000), (unsigned) (date / 100 % 100),
        (unsigned) (date % 100));
}

/*  "every day", "every 3 weeks".  */
static void describe_count (uint64_t count, const char *unit, bg_buf *out)
{
    if (count > 1)
        bg_buf_printf (out, "every %llu %ss", (unsigned long long) count, unit);
    else
        bg_buf_printf (out, "every %s", unit);
}

static void describe_weekdays (uint64_t mask, bg_buf *out)
{
    const char *between = " on ";
    for (size_t i = 0; i < sizeof weekdays / sizeof weekdays[0]; i++) {
        if (mask >> i & 1) {
            bg_buf_printf (out, "%s%s", between, weekdays[i]);
            between = ", ";
        }
    }
}

static void describe_relative (const wire_job_schedule *schedule, bg_buf *out)
{
    static const struct {
        uint64_t number;
        const char *word;
    } places[] = {{1, "first"}, {2, "second"}, {4, "third"}, {8, "fourth"}, {16, "last"}};
    static const char *const days[] = {"", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday",
        "Friday", "Saturday", "day", "weekday", "weekend day"};
    const char *place = "unknown";
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (places[i].number == schedule->relative)
            place = places[i].word;
    }
    bool is_known = schedule->interval < sizeof days / sizeof days[0];
    bg_buf_printf (out, " on the %s %s", place, is_known ? days[schedule->interval] : "day");
}

/*  The end is told as people write it, included: 17:00 for what is before 17:00:01.  */
static void describe_times (const wire_job_schedule *schedule, bg_buf *out)
{
    if (schedule->repeat_s == 0) {
        bg_buf_append_str (out, " at ");
        describe_time (schedule->time_s, out);
        return;
    }
    int64_t repeat_us = (int64_t) schedule->repeat_s * 1000000;
    bg_buf_printf (out, ", every %s", job_duration_text (repeat_us).text);
    if (schedule->time_s == 0 && (schedule->end_s == 0 || schedule->end_s == DAY_SECONDS))
        return;
    bg_buf_append_str (out, " from ");
    describe_time (schedule->time_s, out);
    bg_buf_append_str (out, " to ");
    describe_time ((schedule->end_s ? schedule->end_s : DAY_SECONDS) - 1, out);
}

static void describe_form (const wire_job_schedule *schedule, bg_buf *out)
{
    switch (schedule->kind) {
    case WIRE_SCHEDULE_CRON:
        bg_buf_printf (out, "cron %.*s", BG_SLICE_ARG (schedule->cron));
        return;
    case WIRE_SCHEDULE_EVERY:
        bg_buf_printf (out, "every %s", job_duration_text ((int64_t) schedule->every_us).text);
        return;
    case WIRE_SCHEDULE_ONCE:
        bg_buf_append_str (out, "once on ");
        describe_date (schedule->start_date, out);
        break;
    case WIRE_SCHEDULE_DAILY:
        describe_count (schedule->interval, "day", out);
        break;
    case WIRE_SCHEDULE_WEEKLY:
        describe_count (schedule->factor, "week", out);
        describe_weekdays (schedule->interval, out);
        break;
    case WIRE_SCHEDULE_MONTHLY:
        describe_count (schedule->factor, "month", out);
        bg_buf_printf (out, " on day %llu", (unsigned long long) schedule->interval);
        break;
    case WIRE_SCHEDULE_RELATIVE:
        describe_count (schedule->factor, "month", out);
        describe_relative (schedule, out);
        break;
    case WIRE_SCHEDULE_NODE_START:
        bg_buf_append_str (out, "when the node starts");
        return;
    case WIRE_SCHEDULE_IDLE:
        bg_buf_append_str (out, "when the processors become idle");
        return;
    case WIRE_SCHEDULE_USE:
        bg_buf_printf (out, "as shared schedule %.*s", BG_SLICE_ARG (schedule->use));
        return;
    default:
        bg_buf_append_str (out, "in a way not known here");
        return;
    }
    describe_times (schedule, out);
}

static void describe_dates (const wire_job_schedule *schedule, bg_buf *out)
{
    const struct {
        const char *word;
        uint64_t date;
    } dates[] = {
        {"counted from", schedule->anchor_date},
        {"from", schedule->kind == WIRE_SCHEDULE_ONCE ? 0 : schedule->start_date},
        {"until", schedule->end_date},
    };
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        if (dates[i].date) {
            bg_buf_printf (out, ", %s ", dates[i].word);
            describe_date (dates[i].date, out);
        }
    }
}

static void describe_names (const char *word, const bg_slice *names, size_t count, bg_buf *out)
{
    for (size_t i = 0; i < count; i++)
        bg_buf_printf (out, "%s%.*s", i > 0 ? ", " : word, BG_SLICE_ARG (names[i]));
}

static void describe_policies (const wire_job_schedule *schedule, bg_buf *out)
{
    static const char *const gaps[] = {"", ", gap shift", ", gap skip"};
    static const char *const folds[] = {"", ", fold second", ", fold both"};
    static const char *const misfires[] = {"", ", misfire last", ", misfire all"};
    bg_buf_append_str (out, schedule->gap <= WIRE_GAP_SKIP ? gaps[schedule->gap] : "");
    bg_buf_append_str (out, schedule->fold <= WIRE_FOLD_BOTH ? folds[schedule->fold] : "");
    bg_buf_append_str (
        out, schedule->misfire <= WIRE_MISFIRE_ALL ? misfires[schedule->misfire] : "");
    if (schedule->splay_us)
        bg_buf_printf (out, ", splay %s", job_duration_text ((int64_t) schedule->splay_us).text);
}

void job_describe_schedule (const wire_job_schedule *schedule, bg_buf *out)
{
    describe_form (schedule, out);
    if (schedule->zone.size > 0)
        bg_buf_printf (out, ", %.*s", BG_SLICE_ARG (schedule->zone));
    describe_dates (schedule, out);
    describe_names (", except ", schedule->except, schedule->except_count, out);
    describe_names (", only within ", schedule->within, schedule->within_count, out);
    describe_policies (schedule, out);
    if (schedule->disabled)
        bg_buf_append_str (out, ", disabled");
}
