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

static void make_schedule (maker *self, wire_job_schedule *schedule, size_t number)
{
    static const char *const crons[] = {"@daily", "*/5 * * * *", "0 30 2 ? * 5#2", "0 0 L * *"};
    static const char *const zones[] = {"", "UTC", "Europe/Berlin", "Etc/GMT+5"};
    schedule->name = random_name (self, number);
    schedule->kind = chance (self, 2) ? WIRE_SCHEDULE_CRON : WIRE_SCHEDULE_EVERY;
    if (schedule->kind == WIRE_SCHEDULE_CRON) {
        schedule->cron = bg_slice_str (crons[below (self, 4)]);
        schedule->zone = bg_slice_str (zones[below (self, 4)]);
    } else {
        schedule->every_us = random_seconds (self, 366);
    }
}

static void make_action (
    maker *self, size_t steps, uint64_t otherwise, uint64_t *action, uint64_t *step)
{
    uint64_t choice = below (self, 5);
    *action = choice == otherwise ? 0 : choice;
    *step = choice == WIRE_FLOW_GOTO ? 1 + below (self, steps) : 0;
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
    make_action (self, steps, WIRE_FLOW_NEXT, &step->on_success, &step->success_step);
    make_action (self, steps, WIRE_FLOW_FAIL, &step->on_failure, &step->failure_step);
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
        make_schedule (self, &job->schedules[i], i);
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
}

static void assert_round_trip (const wire_job *job)
{
    BG_AUTO_BUF text = {0}, shown = {0};
    bg_error err = {0};
    job_yaml_set *set = job_yaml_set_create (NULL);
    bg_diag *diag = bg_diag_create ();
    if (bg_failed (job_body_check (job, &err)))
        fail_msg ("the test made a wrong job: %s", err.message);
    job_yaml_write (job, &text);
    if (bg_failed (job_yaml_read (set, "w.yaml", bg_buf_slice (&text), diag, &err))) {
        bg_diag_print (diag, &shown);
        fail_msg ("%s\n%s", bg_buf_cstr (&text), bg_buf_cstr (&shown));
    }
    if (!wire_equal (&wire_desc_job, job, job_yaml_job (set, 0)))
        fail_msg ("not the same job:\n%s", bg_buf_cstr (&text));
    bg_diag_destroy (&diag);
    job_yaml_set_destroy (&set);
}

static void test_what_is_written_reads_as_the_identical_job (void **state)
{
    uint64_t seed = *(uint64_t *) *state;
    for (size_t i = 0; i < JOBS; i++) {
        maker self = {.state = seed + i * UINT64_C (7919)};
        wire_job job;
        make_job (&self, &job);
        assert_round_trip (&job);
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

static void test_mutated_files_are_read_or_refused (void **state)
{
    uint64_t seed = *(uint64_t *) *state;
    for (size_t i = 0; i < MUTANTS; i++) {
        maker self = {.state = seed ^ (i * UINT64_C (104729))};
        wire_job job;
        BG_AUTO_BUF text = {0};
        make_job (&self, &job);
        job_yaml_write (&job, &text);
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
        cmocka_unit_test_prestate (test_mutated_files_are_read_or_refused, &seed),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
