/*  Job files at random: jobs written and read back are the identical struct; mutated files are read
    or refused.

    The seed is printed; BUGLE_SEED sets it.
*/
#include "common/job/body.h"
#include "common/job/yaml_job.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define JOBS    1500
#define MUTANTS 4000

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static uint64_t seed_at_start (void)
{
    const char *given = getenv ("BUGLE_SEED");
    uint64_t seed = given ? strtoull (given, NULL, 10) : 20260105;
    printf ("BUGLE_SEED=%llu\n", (unsigned long long) seed);
    return seed;
}

/*  splitmix64 (public domain algorithm by Sebastiano Vigna).  */
static uint64_t next_random (uint64_t *state)
{
    uint64_t z = (*state += UINT64_C (0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
    return z ^ (z >> 31);
}

typedef struct {
    uint64_t state;
    bg_arena arena;
} maker;

static size_t below (maker *self, size_t limit)
{
    return (size_t) (next_random (&self->state) % limit);
}

static bool chance (maker *self, size_t one_in)
{
    return below (self, one_in) == 0;
}

/*  Pieces that are difficult for YAML, for terminals or for us.  */
static const char *const pieces[] = {"a", "Z", "0", "9", " ", "  ", "-", "- ", ": ", ":", " #", "#",
    "\"", "'", "\\", "\\n", "{", "}", "[", "]", ",", "&x", "*x", "!x", "|", ">", "@", "`", "?", "=",
    "~", "null", "true", "010", "1.5", "---", "...", "<<", "\xc3\xa9", "\xe2\x82\xac",
    "\xef\xbf\xbe", "\xef\xbf\xbf", "\xf0\x9f\x90\x8c", "\xcc\x81", "$(date)", "$",
    "$(ESCAPE_SHELL(JOBNAME))", "$((1))"};
static const char *const layout_pieces[] = {"\n", "\n\n", "\t", "\n  ", "\n\t", " \n"};

#define COUNT_OF(array) (sizeof (array) / sizeof (array)[0])

static bg_slice random_text (maker *self, size_t max_pieces, bool is_multiline)
{
    BG_AUTO_BUF text = {0};
    for (size_t left = below (self, max_pieces + 1); left > 0; left--) {
        bool is_layout = is_multiline && chance (self, 4);
        bg_buf_append_str (&text, is_layout ? layout_pieces[below (self, COUNT_OF (layout_pieces))]
                                            : pieces[below (self, COUNT_OF (pieces))]);
    }
    return bg_arena_copy (&self->arena, bg_buf_slice (&text));
}

static bg_slice filled_text (maker *self, size_t max_pieces, bool is_multiline)
{
    bg_slice text = random_text (self, max_pieces, is_multiline);
    return text.size > 0 ? text : bg_arena_copy (&self->arena, bg_slice_str ("x"));
}

/*  A name: no '%' and '/' among the pieces; blanks at the ends are covered; number makes it
    unique.  */
static bg_slice random_name (maker *self, size_t number)
{
    bg_slice text = random_text (self, 3, false);
    return bg_arena_printf (
        &self->arena, "%s%.*s.%zu", chance (self, 2) ? "-" : "n", BG_SLICE_ARG (text), number);
}

static uint64_t random_seconds (maker *self, size_t max)
{
    static const uint64_t units[] = {1, 60, 3600, 86400};
    return (1 + below (self, max)) * units[below (self, 4)] * 1000000;
}

static void make_environment (maker *self, wire_pair **pairs, size_t *count)
{
    *count = below (self, 4);
    *pairs = *count ? bg_arena_array (&self->arena, wire_pair, *count) : NULL;
    for (size_t i = 0; i < *count; i++) {
        static const char *const names[] = {"A", "NO", "y"}; /*  in order  */
        (*pairs)[i].key = bg_slice_str (names[i]);
        (*pairs)[i].value = random_text (self, 6, true);
    }
}

static void make_audience (maker *self, wire_audience *to)
{
    if (chance (self, 4)) {
        to->all = true;
        return;
    }
    to->groups_count = below (self, 3);
    to->groups = bg_arena_array (&self->arena, bg_slice, 3);
    for (size_t i = 0; i < to->groups_count; i++)
        to->groups[i] = bg_arena_printf (&self->arena, "%zu-g", i);
    if (chance (self, 2))
        to->labels = bg_slice_str (chance (self, 2) ? "role in (db,web),!gpu" : "yes");
    to->names_count = 1 + below (self, 9);
    to->names = bg_arena_array (&self->arena, bg_slice, 10);
    bool is_backwards = chance (self, 2);
    for (size_t i = 0; i < to->names_count; i++) {
        size_t number = is_backwards ? 20 - i : i * (1 + i / 4);
        to->names[i] =
            bg_arena_printf (&self->arena, chance (self, 5) ? "web%zu.x" : "db%03zu", number);
    }
}

static uint64_t random_date (maker *self)
{
    return (1990 + below (self, 110)) * 10000 + (1 + below (self, 12)) * 100 + 1 + below (self, 28);
}

/*  A form by date: its days, and one time or repeats.  */
static void make_days (maker *self, wire_job_schedule *schedule)
{
    const bool is_daily = schedule->kind == WIRE_SCHEDULE_DAILY;
    schedule->interval = is_daily                                  ? 1 + below (self, 9)
                         : schedule->kind == WIRE_SCHEDULE_WEEKLY  ? 1 + below (self, 127)
                         : schedule->kind == WIRE_SCHEDULE_MONTHLY ? 1 + below (self, 31)
                                                                   : 1 + below (self, 10);
    if (schedule->kind == WIRE_SCHEDULE_RELATIVE)
        schedule->relative = UINT64_C (1) << below (self, 5);
    if (!is_daily && chance (self, 2))
        schedule->factor = 2 + below (self, 9);
    if (is_daily ? schedule->interval > 1 : schedule->factor > 1)
        schedule->anchor_date = random_date (self);
    schedule->time_s = below (self, 86400);
    if (chance (self, 2))
        schedule->time_s -= schedule->time_s % 60;
    if (chance (self, 2))
        return;
    schedule->repeat_s = 10 + below (self, 7200);
    if (chance (self, 2))
        schedule->end_s = 1 + below (self, 86399);
}

static void make_form (maker *self, wire_job_schedule *schedule)
{
    static const char *const crons[] = {"@daily", "*/5 * * * *", "0 30 2 ? * 5#2", "0 0 L * *"};
    switch (schedule->kind) {
    case WIRE_SCHEDULE_CRON:
        schedule->cron = bg_slice_str (crons[below (self, 4)]);
        return;
    case WIRE_SCHEDULE_EVERY:
        schedule->every_us = random_seconds (self, 366);
        return;
    case WIRE_SCHEDULE_ONCE:
        schedule->start_date = random_date (self);
        schedule->time_s = below (self, 86400);
        return;
    case WIRE_SCHEDULE_USE:
        schedule->use = random_name (self, 7);
        return;
    case WIRE_SCHEDULE_NODE_START:
    case WIRE_SCHEDULE_IDLE:
        return;
    default:
        make_days (self, schedule);
    }
}

static void make_calendars (maker *self, bg_slice **names, size_t *count, size_t number)
{
    *count = below (self, 3);
    *names = *count ? bg_arena_array (&self->arena, bg_slice, *count) : NULL;
    for (size_t i = 0; i < *count; i++)
        (*names)[i] = random_name (self, number + i);
}

static void make_dates (maker *self, wire_job_schedule *schedule)
{
    if (chance (self, 3))
        schedule->start_date = random_date (self);
    if (chance (self, 3))
        schedule->end_date = random_date (self);
    if (schedule->start_date && schedule->end_date && schedule->end_date < schedule->start_date)
        schedule->end_date = 0;
}

/*  What goes with every form but USE, and what only times have.  */
static void make_common (maker *self, wire_job_schedule *schedule)
{
    static const char *const zones[] = {"", "UTC", "Europe/Berlin", "Etc/GMT+5"};
    const bool is_event =
        schedule->kind == WIRE_SCHEDULE_NODE_START || schedule->kind == WIRE_SCHEDULE_IDLE;
    const bool has_clock = !is_event && schedule->kind != WIRE_SCHEDULE_EVERY;
    if (schedule->kind != WIRE_SCHEDULE_ONCE)
        make_dates (self, schedule);
    if (chance (self, 3))
        make_calendars (self, &schedule->except, &schedule->except_count, 0);
    if (chance (self, 3))
        make_calendars (self, &schedule->within, &schedule->within_count, 5);
    if (has_clock || schedule->start_date || schedule->end_date || schedule->except_count ||
        schedule->within_count)
        schedule->zone = bg_slice_str (zones[below (self, 4)]);
    schedule->gap = has_clock ? below (self, 3) : 0;
    schedule->fold = has_clock ? below (self, 3) : 0;
    if (chance (self, 3))
        schedule->splay_us = random_seconds (self, 1);
    schedule->misfire = is_event ? 0 : below (self, 3);
    if (schedule->misfire && chance (self, 2))
        schedule->misfire_window_us = random_seconds (self, 31) + 1000000;
    if (schedule->misfire_window_us > UINT64_C (31) * 86400 * 1000000 ||
        schedule->misfire_window_us == UINT64_C (86400) * 1000000)
        schedule->misfire_window_us = 0;
    if (schedule->misfire == WIRE_MISFIRE_ALL && chance (self, 2))
        schedule->misfire_max = 11 + below (self, 900);
}

/*  Again until it is one that happens.  */
static void make_schedule (maker *self, wire_job_schedule *schedule, size_t number, bool is_shared)
{
    job_schedule made;
    bool is_good = false;
    while (!is_good) {
        *schedule = (wire_job_schedule){.name = random_name (self, number)};
        schedule->kind = 1 + below (self, is_shared ? 9 : 10);
        schedule->disabled = chance (self, 4);
        make_form (self, schedule);
        if (schedule->kind == WIRE_SCHEDULE_USE)
            return;
        make_common (self, schedule);
        is_good = bg_is_ok (job_body_schedule (schedule, NULL, &made, NULL));
        if (is_good)
            job_schedule_fini (&made);
    }
}

static void make_action (
    maker *self, size_t steps, uint64_t otherwise, uint64_t *action, uint64_t *step)
{
    uint64_t choice = below (self, 5);
    *action = choice == otherwise ? 0 : choice;
    *step = choice == WIRE_FLOW_GOTO ? 1 + below (self, steps) : 0;
}

static uint64_t random_size (maker *self, uint64_t max)
{
    const uint64_t bytes = (1 + below (self, 1000)) << (10 * below (self, 4));
    return bytes > max ? max : bytes;
}

static void make_output (maker *self, wire_job_step *step)
{
    if (chance (self, 2)) {
        bg_slice rest = random_text (self, 3, false);
        step->output_file = bg_arena_printf (&self->arena, "/%.*sx", BG_SLICE_ARG (rest));
        step->output_append = chance (self, 2);
    }
    step->output_quiet = chance (self, 4);
    if (!step->output_quiet && chance (self, 2)) {
        step->output_head = random_size (self, 65536);
        step->output_tail = random_size (self, 65536);
    }
    if (step->output_head == JOB_OUTPUT_HEAD)
        step->output_head = 0;
    if (step->output_tail == JOB_OUTPUT_TAIL)
        step->output_tail = 0;
    if (chance (self, 2))
        step->output_keep = 1 + random_size (self, 1000000000);
}

static void make_limits (maker *self, wire_limits *limits)
{
    limits->memory_bytes = chance (self, 2) ? (1 << 20) + random_size (self, INT64_MAX) : 0;
    limits->cpu_us = chance (self, 2) ? random_seconds (self, 100) : 0;
    limits->processes = below (self, 3);
    limits->files = below (self, 300);
    limits->file_bytes = chance (self, 2) ? random_size (self, INT64_MAX) : 0;
    limits->cpu_percent = 1 + below (self, 400);
}

/*  As whom, with what, within which bounds.  */
static void make_surroundings (maker *self, wire_job_step *step)
{
    static const uint8_t bytes[] = {0, 255, 10, 13, 128};
    if (chance (self, 2))
        step->as = bg_slice_str ("postgres");
    step->umask = chance (self, 2) ? below (self, 512) : 0;
    step->has_umask = step->umask > 0 && step->umask != JOB_UMASK;
    if (!step->has_umask)
        step->umask = 0;
    if (chance (self, 2))
        step->input = chance (self, 4) ? bg_slice_of (bytes, 1 + below (self, 5))
                                       : filled_text (self, 9, true);
    step->success_codes = bg_arena_array (&self->arena, uint64_t, 20);
    for (uint64_t code = below (self, 3); code < 256 && step->success_codes_count < 20;
         code += chance (self, 2) ? 1 : 1 + below (self, 40))
        step->success_codes[step->success_codes_count++] = code;
    if (chance (self, 2))
        step->success_codes_count = 0;
    make_output (self, step);
    step->has_limits = chance (self, 2);
    if (step->has_limits)
        make_limits (self, &step->limits);
}

static void make_step (maker *self, wire_job_step *step, size_t number, size_t steps)
{
    step->name = random_name (self, number);
    step->kind = chance (self, 2) ? WIRE_STEP_RUN : WIRE_STEP_SCRIPT;
    bg_slice *texts = bg_arena_array (&self->arena, bg_slice, 4);
    size_t count = 1 + below (self, 4);
    for (size_t i = 0; i < count; i++)
        texts[i] = i == 0 ? filled_text (self, 4, false) : random_text (self, 4, false);
    if (step->kind == WIRE_STEP_RUN) {
        step->argv = texts;
        step->argv_count = count;
    } else {
        step->script = filled_text (self, 20, true);
        step->shell = texts;
        step->shell_count = chance (self, 2) ? 0 : count;
    }
    make_environment (self, &step->environment, &step->environment_count);
    if (chance (self, 2)) {
        bg_slice rest = random_text (self, 3, false);
        step->directory = bg_arena_printf (&self->arena, "/%.*s", BG_SLICE_ARG (rest));
    }
    step->timeout_us = chance (self, 2) ? 0 : random_seconds (self, 100);
    step->grace_us = chance (self, 2) ? 0 : random_seconds (self, 9);
    step->retry_attempts = below (self, 3);
    if (step->retry_attempts > 0 && chance (self, 2))
        step->retry_every_us = 2 * random_seconds (self, 20);
    if (step->retry_every_us == JOB_RETRY_EVERY_US)
        step->retry_every_us = 0;
    make_surroundings (self, step);
    make_action (self, steps, WIRE_FLOW_NEXT, &step->on_success, &step->success_step);
    make_action (self, steps, WIRE_FLOW_FAIL, &step->on_failure, &step->failure_step);
}

static void make_life (maker *self, wire_job *job)
{
    if (chance (self, 2))
        job->owner = filled_text (self, 3, false);
    job->overlap = below (self, 3);
    job->start_step = job->steps_count > 1 && chance (self, 2) ? 2 : 0;
    job->disabled = chance (self, 4);
    if (!job->disabled && chance (self, 2))
        job->enabled_until_us = (int64_t) (random_seconds (self, 20000) + 631152000000000) +
                                (chance (self, 2) ? 0 : (int64_t) below (self, 1000000));
    job->delete_level = below (self, 4);
    job->lease_us = chance (self, 2) ? 0 : 1799000000 + random_seconds (self, 90);
    job->history_us = chance (self, 2) ? 0 : random_seconds (self, 90);
    job->history_runs = chance (self, 2) ? 0 : 1 + below (self, 1000);
}

static void make_job (maker *self, wire_job *job)
{
    *job = (wire_job){.has_audience = true};
    job->name = random_name (self, 0);
    job->description = random_text (self, 12, true);
    if (chance (self, 2))
        job->category = random_name (self, 1);
    make_audience (self, &job->audience);
    make_environment (self, &job->environment, &job->environment_count);
    job->schedules_count = below (self, 3);
    if (job->schedules_count)
        job->schedules = bg_arena_array (&self->arena, wire_job_schedule, job->schedules_count);
    for (size_t i = 0; i < job->schedules_count; i++)
        make_schedule (self, &job->schedules[i], i, false);
    job->steps_count = 1 + below (self, 4);
    job->steps = bg_arena_array (&self->arena, wire_job_step, job->steps_count);
    for (size_t i = 0; i < job->steps_count; i++)
        make_step (self, &job->steps[i], i, job->steps_count);
    job->start_by = below (self, 3);
    if (chance (self, 2)) {
        job->at_most = 1 + below (self, 1000);
        job->at_most_period_us = random_seconds (self, 100);
    }
    job->max_starts = chance (self, 2) ? 0 : 1 + below (self, 9);
    make_life (self, job);
}

static void assert_round_trip (wire_type type, const void *body, int64_t not_after_us)
{
    BG_AUTO_BUF text = {0}, shown = {0};
    bg_error err = {0};
    const wire_desc *desc = wire_type_find (type)->desc;
    job_yaml_set *set = job_yaml_set_create (NULL);
    bg_diag *diag = bg_diag_create ();
    job_yaml_write_document (type, body, not_after_us, &text);
    if (bg_failed (job_yaml_read (set, "w.yaml", bg_buf_slice (&text), diag, &err))) {
        bg_diag_print (diag, &shown);
        fail_msg ("%s\n%s", bg_buf_cstr (&text), bg_buf_cstr (&shown));
    }
    assert_int_equal (job_yaml_documents (set), 1);
    const job_yaml_document *read = job_yaml_document_at (set, 0);
    assert_int_equal (read->type, type);
    if (!wire_equal (desc, body, read->body)) {
        wire_print (desc, body, &shown);
        bg_buf_append_str (&shown, "-- read as\n");
        wire_print (desc, read->body, &shown);
        fail_msg ("not the same:\n%s\n%s", bg_buf_cstr (&text), bg_buf_cstr (&shown));
    }
    assert_int_equal (read->not_after_us, not_after_us);
    bg_diag_destroy (&diag);
    job_yaml_set_destroy (&set);
}

/*  Notes which fields of a struct, and of those in it, were ever said.  */
#define SEEN_MAX 256

typedef struct {
    const wire_field *fields[SEEN_MAX];
    size_t count;
} seen_fields;

static void note_fields (seen_fields *self, const wire_desc *desc, const void *value)
{
    for (size_t i = 0; i < desc->field_count; i++) {
        const wire_field *field = &desc->fields[i];
        wire_desc alone = *desc;
        BG_AUTO_BUF bytes = {0};
        alone.fields = field;
        alone.field_count = 1;
        wire_encode (&alone, value, &bytes);
        bool is_known = bytes.size <= 1; /*  an empty map  */
        for (size_t j = 0; j < self->count && !is_known; j++)
            is_known = self->fields[j] == field;
        if (!is_known && self->count < SEEN_MAX)
            self->fields[self->count++] = field;
    }
}

static void assert_all_seen (const seen_fields *self, const wire_desc *desc)
{
    for (size_t i = 0; i < desc->field_count; i++) {
        bool is_seen = false;
        for (size_t j = 0; j < self->count; j++)
            is_seen = is_seen || self->fields[j] == &desc->fields[i];
        if (!is_seen)
            fail_msg ("no random job says %s.%s", desc->name, wire_field_name (&desc->fields[i]));
    }
}

static void note_job (seen_fields *seen, const wire_job *job)
{
    note_fields (seen, &wire_desc_job, job);
    for (size_t i = 0; i < job->schedules_count; i++)
        note_fields (seen, &wire_desc_job_schedule, &job->schedules[i]);
    for (size_t i = 0; i < job->steps_count; i++) {
        note_fields (seen, &wire_desc_job_step, &job->steps[i]);
        if (job->steps[i].has_limits)
            note_fields (seen, &wire_desc_limits, &job->steps[i].limits);
    }
}

static void test_what_is_written_reads_as_the_identical_job (void **state)
{
    uint64_t seed = *(uint64_t *) *state;
    seen_fields seen = {0};
    for (size_t i = 0; i < JOBS; i++) {
        maker self = {.state = seed + i * UINT64_C (7919)};
        wire_job job;
        bg_error err = {0};
        make_job (&self, &job);
        if (bg_failed (job_body_check (&job, &err)))
            fail_msg ("the test made a wrong job: %s", err.message);
        assert_round_trip (WIRE_TYPE_JOB, &job, chance (&self, 2) ? 0 : INT64_C (1798761600000000));
        note_job (&seen, &job);
        bg_arena_fini (&self.arena);
    }
    assert_all_seen (&seen, &wire_desc_job);
    assert_all_seen (&seen, &wire_desc_job_schedule);
    assert_all_seen (&seen, &wire_desc_job_step);
    assert_all_seen (&seen, &wire_desc_limits);
}

static void test_shared_schedules_read_as_they_were_written (void **state)
{
    uint64_t seed = *(uint64_t *) *state;
    for (size_t i = 0; i < JOBS; i++) {
        maker self = {.state = seed + i * UINT64_C (15485863)};
        wire_schedule schedule = {.has_spec = true};
        make_schedule (&self, &schedule.spec, 1, true);
        schedule.description = random_text (&self, 9, true);
        assert_round_trip (WIRE_TYPE_SCHEDULE, &schedule, 0);
        bg_arena_fini (&self.arena);
    }
}

static bg_slice random_ranges (maker *self)
{
    BG_AUTO_BUF bytes = {0};
    int64_t at = INT64_C (19000) * 86400 + (int64_t) below (self, 1000) * 86400;
    for (size_t left = below (self, 6); left > 0; left--) {
        const int64_t unit = chance (self, 2) ? 86400 : chance (self, 2) ? 60 : 1;
        job_calendar_range range = {.from = at + unit * (int64_t) (1 + below (self, 50))};
        range.until = range.from + unit * (int64_t) (1 + below (self, 50));
        job_calendar_range_append (&bytes, range);
        at = range.until + 1;
        at += unit == 86400 ? 86400 - at % 86400 : 0;
    }
    return bg_arena_copy (&self->arena, bg_buf_slice (&bytes));
}

static void test_calendars_read_as_they_were_written (void **state)
{
    uint64_t seed = *(uint64_t *) *state;
    for (size_t i = 0; i < JOBS; i++) {
        maker self = {.state = seed + i * UINT64_C (32452843)};
        wire_calendar calendar = {.name = random_name (&self, 0)};
        calendar.description = random_text (&self, 9, true);
        calendar.local_ranges = random_ranges (&self);
        calendar.utc_ranges = random_ranges (&self);
        calendar.horizon_us = chance (&self, 2) ? JOB_YAML_HORIZON_US : INT64_C (1798761600000000);
        if (chance (&self, 2))
            calendar.source = filled_text (&self, 3, false);
        assert_round_trip (WIRE_TYPE_CALENDAR, &calendar, 0);
        bg_arena_fini (&self.arena);
    }
}

/*  Cuts, doubles and swaps pieces of a text, and flips bytes.  */
static void mutate (maker *self, bg_buf *text)
{
    for (size_t changes = 1 + below (self, 4); changes > 0 && text->size > 0; changes--) {
        size_t at = below (self, text->size), size = 1 + below (self, 12);
        if (size > text->size - at)
            size = text->size - at;
        BG_AUTO_BUF changed = {0};
        bg_buf_append (&changed, text->data, at);
        size_t kind = below (self, 4);
        if (kind == 0)
            bg_buf_append_str (&changed, pieces[below (self, COUNT_OF (pieces))]);
        else if (kind == 1)
            bg_buf_append (&changed, text->data + at, size);
        else if (kind == 2)
            bg_buf_append_byte (&changed, (uint8_t) next_random (&self->state));
        size_t from = kind == 1 || kind == 0 ? at : at + (kind == 2 ? 1 : size);
        bg_buf_append (&changed, text->data + from, text->size - from);
        bg_buf_clear (text);
        bg_buf_append_slice (text, bg_buf_slice (&changed));
    }
}

/*  A job, or now and then a schedule or a calendar of its own.  */
static void write_any (maker *self, bg_buf *text)
{
    wire_job job;
    wire_schedule schedule = {.has_spec = true};
    wire_calendar calendar = {.horizon_us = JOB_YAML_HORIZON_US};
    const size_t kind = below (self, 8);
    if (kind == 0) {
        make_schedule (self, &schedule.spec, 1, true);
        job_yaml_write_schedule (&schedule, text);
    } else if (kind == 1) {
        calendar.name = random_name (self, 0);
        calendar.local_ranges = random_ranges (self);
        calendar.utc_ranges = random_ranges (self);
        job_yaml_write_calendar (&calendar, text);
    } else {
        make_job (self, &job);
        job_yaml_write (&job, text);
    }
}

static void test_mutated_files_are_read_or_refused (void **state)
{
    uint64_t seed = *(uint64_t *) *state;
    for (size_t i = 0; i < MUTANTS; i++) {
        maker self = {.state = seed ^ (i * UINT64_C (104729))};
        BG_AUTO_BUF text = {0};
        write_any (&self, &text);
        mutate (&self, &text);
        assert_int_equal (LLVMFuzzerTestOneInput (text.data, text.size), 0);
        bg_arena_fini (&self.arena);
    }
}

int main (void)
{
    uint64_t seed = seed_at_start ();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate (test_what_is_written_reads_as_the_identical_job, &seed),
        cmocka_unit_test_prestate (test_shared_schedules_read_as_they_were_written, &seed),
        cmocka_unit_test_prestate (test_calendars_read_as_they_were_written, &seed),
        cmocka_unit_test_prestate (test_mutated_files_are_read_or_refused, &seed),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
