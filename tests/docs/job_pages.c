/*  Pages about job files: see job_pages.h. A text that should be read and is not, or the other way round, is written into the
    page as such, so that the comparison shows it.  */
#include "tests/docs/job_pages.h"

#include "common/job/body.h"
#include "common/job/civil.h"
#include "common/job/duration.h"
#include "common/job/fields.h"
#include "common/job/size.h"
#include "common/job/yaml_job.h"
#include "ctl/zones.h"
#include "tests/unit/job_yaml_open.h"

#include <stdio.h>

#define TODAY 20260310

/*  ---- cells ----  */

/*  A text inside a cell of a table.  */
static void add_cell (const char *text, bg_buf *out)
{
    for (const char *c = text ? text : ""; *c; c++) {
        if (*c == '|')
            bg_buf_append_byte (out, '\\');
        bg_buf_append_byte (out, (uint8_t) *c);
    }
}

/*  Tests separated by a comma, each on a line.  */
static void add_tests (const char *list, bg_buf *out)
{
    const char *at = list ? list : "";
    while (*at) {
        const size_t size = strcspn (at, ",");
        bg_buf_printf (out, "%s`%.*s`", at > list ? "<br>" : "", (int) size, at);
        at += size + strspn (at + size, ", ");
    }
}

/*  The kind of value, for those whose kind says it.  */
static void add_value (const job_field *field, bg_buf *out)
{
    static const char *const kinds[] = {[JOB_FIELD_NAME] = "name",
        [JOB_FIELD_LINE] = "text",
        [JOB_FIELD_TEXT] = "text",
        [JOB_FIELD_NUMBER] = "number",
        [JOB_FIELD_DURATION] = "duration",
        [JOB_FIELD_SIZE] = "size",
        [JOB_FIELD_DATE] = "date",
        [JOB_FIELD_TIME] = "time"};
    if (field->value) {
        add_cell (field->value, out);
        return;
    }
    if (field->kind != JOB_FIELD_CHOICE && field->kind != JOB_FIELD_FLAG) {
        bg_buf_append_str (out, kinds[field->kind]);
        return;
    }
    for (size_t i = 0; i < JOB_WORDS_MAX && field->words[i]; i++)
        bg_buf_printf (out, "%s`%s`", i > 0 ? ", " : "", field->words[i]);
}

static uint64_t max_of (const job_field *field)
{
    const wire_desc *desc = job_map_of (field->map)->desc;
    for (size_t i = 0; field->max == 0 && desc && field->member && i < desc->field_count; i++) {
        if (strcmp (wire_field_name (&desc->fields[i]), field->member) == 0)
            return desc->fields[i].max;
    }
    return field->max;
}

static void add_limits (const job_field *field, bg_buf *out)
{
    const uint64_t max = max_of (field);
    const int64_t longest =
        max < (uint64_t) JOB_DURATION_MAX_US ? (int64_t) max : JOB_DURATION_MAX_US;
    if (field->limits) {
        add_cell (field->limits, out);
        return;
    }
    switch (field->kind) {
    case JOB_FIELD_NAME:
        bg_buf_append_str (out, "1 to 128 characters");
        return;
    case JOB_FIELD_LINE:
    case JOB_FIELD_TEXT:
        bg_buf_printf (out, "%llu bytes", (unsigned long long) max);
        return;
    case JOB_FIELD_NUMBER:
        bg_buf_printf (
            out, "%llu to %llu", (unsigned long long) field->min, (unsigned long long) max);
        return;
    case JOB_FIELD_DURATION:
        bg_buf_printf (out, "%s to ", job_duration_text ((int64_t) field->min).text);
        bg_buf_append_str (out, job_duration_text (longest).text);
        return;
    case JOB_FIELD_SIZE:
        job_size_text (field->min, out);
        if (max <= UINT32_MAX)
            bg_buf_append_str (out, " to ");
        if (max <= UINT32_MAX)
            job_size_text (max, out);
        else
            bg_buf_append_str (out, " and more");
        return;
    case JOB_FIELD_DATE:
        bg_buf_append_str (out, "1990-01-01 to 9999-12-31");
        return;
    default:
        return;
    }
}

/*  ---- reading ----  */

/*  What the reader says first about the inside of a map; nothing when it is read.  */
static void add_words (job_map map, const char *inside, bg_buf *out)
{
    BG_AUTO_BUF text = {0};
    const job_yaml_ports ports = {.ics = any_ics, .today = TODAY};
    job_yaml_set *set = job_yaml_set_create (&ports);
    bg_diag *diag = bg_diag_create ();
    job_field_file (map, inside, &text);
    bg_ignore (job_yaml_read (set, "file", bg_buf_slice (&text), diag, NULL));
    for (size_t i = 0; i < bg_diag_kept (diag); i++) {
        const bg_diag_item item = bg_diag_get (diag, i);
        if (item.is_warning)
            continue;
        add_cell (item.message, out);
        if (item.nearest)
            bg_buf_printf (out, "; did you mean \"%s\"?", item.nearest);
        break;
    }
    bg_diag_destroy (&diag);
    job_yaml_set_destroy (&set);
}

static void add_refusal (const job_field *field, bg_buf *out)
{
    BG_AUTO_BUF words = {0};
    add_words (field->map, field->right, &words);
    if (words.size > 0)
        bg_buf_printf (out, "WRONG: `%s` is refused: %s", field->right, bg_buf_cstr (&words));
    for (size_t i = 0; i < JOB_WRONG_MAX && field->wrong[i]; i++) {
        bg_buf_clear (&words);
        add_words (field->map, field->wrong[i], &words);
        bg_buf_append_str (out, i > 0 ? "<br>`" : "`");
        add_cell (field->wrong[i], out);
        bg_buf_printf (out, "`: %s", words.size > 0 ? bg_buf_cstr (&words) : "WRONG: it is read");
    }
}

/*  ---- the keys ----  */

static void add_field (const job_field *field, bg_buf *out)
{
    bg_buf_printf (out, "| `%s` | ", field->key);
    add_value (field, out);
    bg_buf_append_str (out, " | ");
    add_limits (field, out);
    bg_buf_append_str (out, " | ");
    add_cell (field->otherwise, out);
    bg_buf_append_str (out, " | ");
    add_cell (field->meaning, out);
    bg_buf_append_str (out, " | `");
    add_cell (field->right, out);
    bg_buf_append_str (out, "` | ");
    add_refusal (field, out);
    bg_buf_append_str (out, " | ");
    add_cell (field->agent ? field->agent : "-", out);
    bg_buf_append_str (out, " | ");
    add_tests (field->test, out);
    bg_buf_append_str (out, " |\n");
}

static void add_later (job_map map, bg_buf *out)
{
    size_t count, found = 0;
    const job_field *fields = job_fields (&count);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].map == map && fields[i].kind == JOB_FIELD_LATER)
            bg_buf_printf (out, "%s`%s`",
                found++ == 0 ? "\nNot in this version, and refused: " : ", ", fields[i].key);
    }
    if (found > 0)
        bg_buf_append_str (out, ".\n");
}

void job_page_keys (bg_buf *out)
{
    size_t count;
    const job_field *fields = job_fields (&count);
    for (int map = 0; map < JOB_MAP_COUNT; map++) {
        bg_buf_printf (out,
            "## %s\n\n| key | value | limits | default | meaning | for example | refused, for "
            "example | "
            "the Agent's | test |\n|---|---|---|---|---|---|---|---|---|\n",
            job_map_of ((job_map) map)->title);
        for (size_t i = 0; i < count; i++) {
            if ((int) fields[i].map == map && fields[i].kind != JOB_FIELD_LATER)
                add_field (&fields[i], out);
        }
        add_later ((job_map) map, out);
        bg_buf_append_str (out, map + 1 < JOB_MAP_COUNT ? "\n" : "");
    }
}

/*  ---- the Agent ----  */

void job_page_agent (bg_buf *out)
{
    static const char *const kinds[] = {[JOB_AGENT_KEY] = "key",
        [JOB_AGENT_COMMAND] = "command",
        [JOB_AGENT_RULE] = "rule",
        [JOB_AGENT_NOT] = "**not taken over**"};
    size_t count;
    const job_agent_row *rows = job_agent_rows (&count);
    bg_buf_append_str (out,
        "| section | the Agent's | type, limit, message there | here | what | test |\n"
        "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        bg_buf_printf (out, "| %s | ", rows[i].section);
        add_cell (rows[i].name, out);
        bg_buf_append_str (out, " | ");
        add_cell (rows[i].type, out);
        bg_buf_printf (out, " | %s | ", kinds[rows[i].kind]);
        add_cell (rows[i].what, out);
        bg_buf_append_str (out, " | ");
        add_tests (rows[i].test, out);
        bg_buf_append_str (out, " |\n");
    }
}

/*  ---- schedules ----  */

#define FROM_US (INT64_C (1773140400) * 1000000) /*  2026-03-10T12:00 in Berlin  */

/*  Without name and zone; they run in Berlin.  */
static const char *const examples[] = {
    "every: 90m",
    "every: day, at: \"02:30\"",
    "every: 3 days, at: \"02:30\", from: 2026-03-01",
    "every: week, on: [mon, thu], at: \"08:00\"",
    "every: 2 weeks, on: [mon, thu], at: \"08:00\", anchor: 2026-03-10",
    "every: month, on: 15, at: \"08:00\"",
    "every: month, on: last friday, at: \"18:00\"",
    "every: month, on: second weekday, at: \"18:00\"",
    "every: 3 months, on: last day, at: \"23:00\", anchor: 2026-03-01",
    "every: day, repeat: {every: 2h, from: \"08:00\", to: \"17:00\"}",
    "every: week, on: [sat], repeat: {every: 30m, from: \"22:00\", to: \"02:00\"}",
    "cron: \"0 12 * * 1-5\"",
    "cron: \"0 6 1W * *\"",
    "cron: \"0 6 * * 5L\"",
    "once: 2026-12-24T18:00",
    "every: day, at: \"02:30\", from: 2026-03-28",
    "every: day, at: \"02:30\", from: 2026-03-28, gap: shift",
    "every: day, at: \"02:30\", from: 2026-03-28, gap: skip",
    "every: day, at: \"02:30\", from: 2026-10-25, fold: both",
    "freq_type: 8, freq_interval: 62, freq_recurrence_factor: 1, active_start_time: 120000",
};

static void add_time (const job_zone *zone, int64_t at_us, bg_buf *out)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    const int64_t utc_s = at_us / 1000000;
    const int32_t offset = job_zone_offset (zone, utc_s);
    const job_civil civil = job_civil_from_seconds (utc_s + offset);
    bg_buf_printf (out, "%s %04d-%02d-%02d %02d:%02d:%02d %+03d:%02d",
        days[job_weekday (job_days_from_date (civil.year, civil.month, civil.day))], civil.year,
        civil.month, civil.day, civil.hour, civil.minute, civil.second, offset / 3600,
        offset / 60 % 60);
}

static void add_next (const wire_job *job, const job_schedule_lookup *lookup, bg_buf *out)
{
    ctl_zones *zones = lookup->ctx;
    bg_error err = {0};
    job_schedule made;
    int64_t at_us = FROM_US;
    const job_zone *berlin = ctl_zone_lookup (zones, bg_slice_str ("Europe/Berlin"), &err);
    if (!berlin || bg_failed (job_body_schedule (&job->schedules[0], lookup, &made, &err))) {
        bg_buf_printf (out, "WRONG: %s", err.message);
        return;
    }
    for (int i = 0; i < 3 && job_schedule_next (&made, at_us, &at_us, NULL); i++) {
        bg_buf_append_str (out, i > 0 ? "<br>" : "");
        add_time (berlin, at_us, out);
    }
    job_schedule_fini (&made);
}

/*  The example as a job in Berlin; an interval has no zone.  */
static void add_example (const char *inside, bg_buf *out)
{
    BG_AUTO_BUF text = {0}, whole = {0};
    ctl_zones zones = {0};
    const job_yaml_ports ports = {.today = TODAY};
    const job_schedule_lookup lookup = {.zone = ctl_zone_lookup, .ctx = &zones};
    job_yaml_set *set = job_yaml_set_create (&ports);
    bg_diag *diag = bg_diag_create ();
    const bool has_zone = strcmp (inside, examples[0]) != 0;
    bg_buf_printf (&whole, "%s%s", inside, has_zone ? ", zone: Europe/Berlin" : "");
    job_field_file (JOB_MAP_SCHEDULE, bg_buf_cstr (&whole), &text);
    bg_buf_append_str (out, "| `");
    add_cell (inside, out);
    bg_buf_append_str (out, "` | ");
    if (bg_is_ok (job_yaml_read (set, "file", bg_buf_slice (&text), diag, NULL)))
        add_next (job_yaml_job (set, 0), &lookup, out);
    else
        bg_buf_append_str (out, "WRONG: it is refused");
    bg_buf_append_str (out, " |\n");
    bg_diag_destroy (&diag);
    job_yaml_set_destroy (&set);
    ctl_zones_fini (&zones);
}

void job_page_schedules (bg_buf *out)
{
    bg_buf_append_str (
        out, "| schedule | next three after Tue 2026-03-10 12:00 in Europe/Berlin |\n|---|---|\n");
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        add_example (examples[i], out);
}
