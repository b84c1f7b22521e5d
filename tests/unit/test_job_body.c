/*  The body of a job: one good job, and one test per way to be wrong; what is made of it for
    running; the words.  */
#include "common/job/body.h"
#include "common/job/describe.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define S(text)                                                                                    \
    {                                                                                              \
        (const uint8_t *) (text), sizeof (text) - 1                                                \
    }

/*  A job with every field set, in memory that a test may change.  */
typedef struct {
    wire_job job;
    wire_job_step steps[2];
    wire_job_schedule schedules[2];
    wire_pair environment[2];
    bg_slice argv[2], groups[1], names[2], shell[1];
} sample;

static void make_sample (sample *self)
{
    *self = (sample){
        .argv = {S ("pg_dumpall"), S ("$(ESCAPE_NONE(DATE))")},
        .groups = {S ("databases")},
        .names = {S ("db01"), S ("db02")},
        .shell = {S ("/bin/bash")},
        .environment = {{S ("A"), S ("1")}, {S ("B"), S ("$(ESCAPE_NONE(MACH))")}},
    };
    self->steps[0] = (wire_job_step){.name = S ("dump"),
        .kind = WIRE_STEP_RUN,
        .argv = self->argv,
        .argv_count = 2,
        .environment = self->environment,
        .environment_count = 2,
        .directory = S ("/var/lib"),
        .timeout_us = 60000000,
        .retry_attempts = 3,
        .retry_every_us = 1000000,
        .on_failure = WIRE_FLOW_GOTO,
        .failure_step = 2};
    self->steps[1] = (wire_job_step){.name = S ("report"),
        .kind = WIRE_STEP_SCRIPT,
        .script = S ("logger x\nexit 1\n"),
        .shell = self->shell,
        .shell_count = 1,
        .on_success = WIRE_FLOW_FAIL};
    self->schedules[0] = (wire_job_schedule){.name = S ("noon"),
        .kind = WIRE_SCHEDULE_CRON,
        .cron = S ("0 12 * * 1-5"),
        .zone = S ("Europe/Berlin")};
    self->schedules[1] =
        (wire_job_schedule){.name = S ("often"), .kind = WIRE_SCHEDULE_EVERY, .every_us = 5000000};
    self->job = (wire_job){.name = S ("nightly backup"),
        .has_audience = true,
        .audience = {.groups = self->groups,
            .groups_count = 1,
            .names = self->names,
            .names_count = 2},
        .steps = self->steps,
        .steps_count = 2,
        .schedules = self->schedules,
        .schedules_count = 2,
        .environment = self->environment,
        .environment_count = 2,
        .at_most = 4,
        .at_most_period_us = UINT64_C (86400000000)};
}

static void test_a_good_job_passes (void **state)
{
    (void) state;
    sample it;
    bg_error err = {0};
    make_sample (&it);
    if (bg_failed (job_body_check (&it.job, &err)))
        fail_msg ("%s", err.message);
    assert_true (bg_is_ok (job_body_check (&it.job, NULL)));
}

/*  Each case spoils one thing.  */
static void both_ways (sample *it)
{
    it->job.disabled = true;
    it->job.enabled_until_us = JOB_INSTANT_MIN_US;
}

static void quiet_head (sample *it)
{
    it->steps[0].output_quiet = true;
    it->steps[0].output_head = 1;
}

#define SPOILERS(CASE)                                                                             \
    CASE (name, it->job.name = (bg_slice) S ("a/b"), "holds a '/'")                                \
    CASE (no_steps, it->job.steps_count = 0, "no steps")                                           \
    CASE (nobody, it->job.audience = (wire_audience){0}, "targets: ")                              \
    CASE (all_and_some, it->job.audience.all = true, "for all targets and for some")               \
    CASE (target_name, it->names[0] = (bg_slice) S ("db 01"), "targets: ")                         \
    CASE (group_name, it->groups[0] = (bg_slice) S ("all"), "targets: ")                           \
    CASE (labels, it->job.audience.labels = (bg_slice) S ("role="), "targets: ")                   \
    CASE (env_name, it->environment[0].key = (bg_slice) S ("1A"), "cannot name an environment")    \
    CASE (env_ours, it->environment[0].key = (bg_slice) S ("BUGLE_X"), "given by Bugle itself")    \
    CASE (env_twice, it->environment[0].key = (bg_slice) S ("B"), "variable B is there twice")     \
    CASE (env_token, it->environment[0].value = (bg_slice) S ("$(DATE)"), "variable A: the token") \
    CASE (start_by, it->job.start_by = 3, "who may start it")                                      \
    CASE (at_most, it->job.at_most_period_us = 0, "a number and a period")                         \
    CASE (period, it->job.at_most_period_us = 1, "whole seconds")                                  \
    CASE (overlap, it->job.overlap = 3, "overlap is not known")                                    \
    CASE (delete_level, it->job.delete_level = 4, "deletes itself is not known")                   \
    CASE (both_ways, both_ways (it), "disabled and enabled")                                       \
    CASE (until_before, it->job.enabled_until_us = -1, "outside 1990")                             \
    CASE (lease, it->job.lease_us = 1, "lease is not")                                             \
    CASE (history, it->job.history_us = 1, "history is kept is not")                               \
    CASE (start_step, it->job.start_step = 3, "begins with step 3, but there are 2")               \
    CASE (schedule_name, it->schedules[1].name = (bg_slice) S ("NOON"), "two schedules")           \
    CASE (schedule_no_name, it->schedules[0].name = (bg_slice) S (""), "schedule 1: ")             \
    CASE (cron, it->schedules[0].cron = (bg_slice) S ("0 12 30 2 *"), "schedule \"noon\": ")       \
    CASE (cron_every, it->schedules[0].every_us = 1, "has no interval")                            \
    CASE (zone, it->schedules[0].zone = (bg_slice) S ("../x"), "cannot name a time zone")          \
    CASE (every_zone, it->schedules[1].zone = (bg_slice) S ("UTC"), "a zone only for its dates")   \
    CASE (every_short, it->schedules[1].every_us = 0, "schedule \"often\": ")                      \
    CASE (every_long, it->schedules[1].every_us = UINT64_MAX, "1 s to 366 d")                      \
    CASE (every_odd, it->schedules[1].every_us = 1500000, "whole seconds")                         \
    CASE (schedule_kind, it->schedules[1].kind = 11, "kind 11 are not in this version")            \
    CASE (step_name, it->steps[1].name = (bg_slice) S ("Dump"), "two steps have the name")         \
    CASE (step_no_name, it->steps[1].name = (bg_slice) S (""), "step 2: ")                         \
    CASE (step_kind, it->steps[1].kind = 11, "kind 11 are not in this version")                    \
    CASE (no_program, it->steps[0].argv_count = 0, "no program")                                   \
    CASE (empty_program, it->argv[0].size = 0, "no program")                                       \
    CASE (run_script, it->steps[0].script = (bg_slice) S ("x"), "both a program and a script")     \
    CASE (run_shell, it->steps[0].shell_count = 1, "both a program and a script")                  \
    CASE (argument, it->argv[1] = (bg_slice) S ("$(ESCAPE_NONE(X))"), "argument 1: unknown token") \
    CASE (no_script, it->steps[1].script.size = 0, "the script is empty")                          \
    CASE (script_run, it->steps[1].argv_count = 1, "both a program and a script")                  \
    CASE (script_token, it->steps[1].script = (bg_slice) S ("$(MACH)"), "no escape macro")         \
    CASE (shell_name, it->shell[0].size = 0, "the shell has no name")                              \
    CASE (directory, it->steps[0].directory = (bg_slice) S ("tmp"), "absolute path")               \
    CASE (directory_token, it->steps[0].directory = (bg_slice) S ("/$(MACH)"), "no escape macro")  \
    CASE (proxy, it->steps[0].as = (bg_slice) S ("a b"), "name of a proxy")                        \
    CASE (umask, it->steps[0].umask = 7, "umask that does not count")                              \
    CASE (output_file, it->steps[0].output_file = (bg_slice) S ("a.log"), "absolute path of")      \
    CASE (output_dir, it->steps[0].output_file = (bg_slice) S ("/a/"), "absolute path of")         \
    CASE (output_token, it->steps[0].output_file = (bg_slice) S ("/$(MACH)"), "no escape macro")   \
    CASE (append, it->steps[0].output_append = true, "appends to no output file")                  \
    CASE (quiet, quiet_head (it), "but says how much")                                             \
    CASE (timeout, it->steps[0].timeout_us = 1, "timeout is not")                                  \
    CASE (grace, it->steps[0].grace_us = UINT64_MAX, "grace is not")                               \
    CASE (every, it->steps[0].retry_every_us = 500, "retry interval is not")                       \
    CASE (retries, it->steps[0].retry_attempts = 0, "but no retries")                              \
    CASE (goto_zero, it->steps[0].failure_step = 0, "on_failure goes to step 0")                   \
    CASE (goto_far, it->steps[0].failure_step = 3, "goes to step 3, but there are 2")              \
    CASE (goto_not, it->steps[0].success_step = 1, "on_success names a step")                      \
    CASE (action, it->steps[1].on_success = 5, "on_success is no known action")

typedef struct {
    const char *name;
    void (*spoil) (sample *it);
    const char *says;
} spoiler;

#define CASE(name, code, says)                                                                     \
    static void spoil_##name (sample *it)                                                          \
    {                                                                                              \
        code;                                                                                      \
    }
SPOILERS (CASE)
#undef CASE

static uint64_t some_numbers[] = {4};

static void spoil_numbers (sample *it)
{
    it->job.audience.numbers = some_numbers;
    it->job.audience.numbers_count = 1;
}

static uint64_t some_codes[] = {3, 2, 256};

static void spoil_code_order (sample *it)
{
    it->steps[0].success_codes = some_codes;
    it->steps[0].success_codes_count = 2;
}

static void spoil_code (sample *it)
{
    it->steps[0].success_codes = &some_codes[2];
    it->steps[0].success_codes_count = 1;
}

static void spoil_memory (sample *it)
{
    it->steps[0].has_limits = true;
    it->steps[0].limits.memory_bytes = 1000;
}

static void spoil_cpu (sample *it)
{
    it->steps[0].has_limits = true;
    it->steps[0].limits.cpu_us = 1;
}

static void spoil_local (sample *it)
{
    it->job.name = bg_slice_str ("local/a");
    it->schedules[0] = (wire_job_schedule){
        .name = bg_slice_str ("noon"), .kind = WIRE_SCHEDULE_USE, .use = bg_slice_str ("noon")};
}

static const spoiler spoilers[] = {
#define CASE(name, code, says) {#name, spoil_##name, says},
    SPOILERS (CASE)
#undef CASE
        {"numbers", spoil_numbers, "does not number them"},
    {"code order", spoil_code_order, "not in ascending order"},
    {"code", spoil_code, "the success code 256 is above 255"},
    {"memory", spoil_memory, "at least 1 MiB"},
    {"cpu time", spoil_cpu, "processor time is not"},
    {"local", spoil_local, "a local job has no shared schedules"},
};

static void test_each_mistake_is_refused_and_named (void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof spoilers / sizeof spoilers[0]; i++) {
        sample it;
        bg_error err = {0};
        make_sample (&it);
        spoilers[i].spoil (&it);
        if (bg_is_ok (job_body_check (&it.job, &err)))
            fail_msg ("%s passed", spoilers[i].name);
        if (!strstr (err.message, spoilers[i].says))
            fail_msg (
                "%s: \"%s\" does not say \"%s\"", spoilers[i].name, err.message, spoilers[i].says);
        assert_true (bg_failed (job_body_check (&it.job, NULL)));
    }
}

typedef struct {
    job_zone *utc;
    char asked[64];
} zones;

static const job_zone *find_zone (void *ctx, bg_slice name, bg_error *err)
{
    zones *self = ctx;
    (void) snprintf (self->asked, sizeof self->asked, "%.*s", BG_SLICE_ARG (name));
    if (bg_slice_is (name, "Mars/Olympus"))
        bg_ignore (bg_fail (err, BG_NOT_FOUND, "no zone Mars/Olympus"));
    return bg_slice_is (name, "Mars/Olympus") ? NULL : self->utc;
}

static void test_schedules_become_ready_to_run (void **state)
{
    (void) state;
    sample it;
    zones them = {.utc = job_zone_fixed_utc ()};
    const job_schedule_lookup lookup = {.zone = find_zone, .ctx = &them};
    job_schedule *schedules = NULL;
    bg_error err = {0};
    make_sample (&it);
    assert_true (bg_is_ok (job_body_schedules (&it.job, &lookup, &schedules, &err)));
    assert_string_equal (them.asked, "Europe/Berlin");
    int64_t next_us = 0;
    /*  2026-01-03 was a Saturday; Monday the 5th at 12:00 is next.  */
    assert_true (job_schedule_next (&schedules[0], INT64_C (1767434400000000), &next_us, NULL));
    assert_int_equal (next_us, INT64_C (1767614400000000));
    assert_true (job_schedule_next (&schedules[1], 0, &next_us, NULL));
    assert_int_equal (next_us, 5000000);
    job_body_schedules_free (&schedules, 2);

    it.schedules[0].zone = (bg_slice) S ("Mars/Olympus");
    schedules = NULL;
    assert_int_equal (job_body_schedules (&it.job, &lookup, &schedules, &err).code, BG_NOT_FOUND);
    assert_string_equal (err.message, "schedule \"noon\": no zone Mars/Olympus");
    assert_null (schedules);
    job_zone_destroy (&them.utc);

    it.job.schedules_count = 0;
    assert_true (bg_is_ok (job_body_schedules (&it.job, &lookup, &schedules, &err)));
    assert_null (schedules);
}

static void test_flow_and_defaults (void **state)
{
    (void) state;
    sample it;
    make_sample (&it);
    job_flow_step *steps = job_body_flow (&it.job);
    assert_true (job_flow_valid (steps, 2));
    job_flow flow;
    job_flow_begin (&flow, steps, 2);
    assert_int_equal (job_flow_after (&flow, JOB_RESULT_FAILED).wait_us, 1000000);
    assert_int_equal (steps[0].failure_step, 2);
    assert_int_equal (job_flow_success_action (&steps[0]), JOB_FLOW_NEXT);
    assert_int_equal (job_flow_failure_action (&steps[1]), JOB_FLOW_FAIL);
    free (steps);
    assert_int_equal (job_body_grace_us (&it.steps[0]), JOB_GRACE_US);
    it.steps[0].grace_us = 3000000;
    assert_int_equal (job_body_grace_us (&it.steps[0]), 3000000);
    assert_int_equal (job_body_find_step (&it.job, (bg_slice) S ("REPORT")), 1);
    assert_int_equal (job_body_find_step (&it.job, (bg_slice) S ("repor")), -1);
}

static void test_jobs_in_words (void **state)
{
    (void) state;
    sample it;
    BG_AUTO_BUF out = {0};
    make_sample (&it);
    job_describe_schedules (&it.job, &out);
    assert_string_equal (bg_buf_cstr (&out), "cron 0 12 * * 1-5, Europe/Berlin; every 5s");
    bg_buf_clear (&out);
    job_describe_audience (&it.job, &out);
    assert_string_equal (bg_buf_cstr (&out), "group databases or names db[01-02]");
    bg_buf_clear (&out);
    job_describe_step (&it.steps[0], &out);
    assert_string_equal (bg_buf_cstr (&out), "run pg_dumpall $(ESCAPE_NONE(DATE))");
    bg_buf_clear (&out);
    job_describe_step (&it.steps[1], &out);
    assert_string_equal (bg_buf_cstr (&out), "script of 2 lines under /bin/bash");
    bg_buf_clear (&out);
    job_describe_action (&it.job, WIRE_FLOW_GOTO, 2, &out);
    bg_buf_append_str (&out, ", ");
    job_describe_action (&it.job, WIRE_FLOW_FAIL, 0, &out);
    assert_string_equal (bg_buf_cstr (&out), "go to step 2 (report), fail");
    bg_buf_clear (&out);
    job_describe_start (&it.job, &out);
    assert_string_equal (bg_buf_cstr (&out), "by any login, at most 4 per 1d");
    it.job.schedules_count = 0;
    bg_buf_clear (&out);
    job_describe_schedules (&it.job, &out);
    it.job.start_by = WIRE_START_BY_NOBODY;
    bg_buf_append_str (&out, ", ");
    job_describe_schedules (&it.job, &out);
    assert_string_equal (bg_buf_cstr (&out), "on command only, never");
}

static void test_what_a_step_and_a_job_have_beside_in_words (void **state)
{
    (void) state;
    sample it;
    uint64_t codes[] = {0, 3, 10, 11, 12};
    BG_AUTO_BUF out = {0};
    make_sample (&it);
    it.steps[1].directory = (bg_slice){0};
    job_describe_surroundings (&it.steps[1], &out);
    job_describe_rules (&it.job, &out);
    assert_int_equal (out.size, 0);

    wire_job_step *step = &it.steps[1];
    step->as = bg_slice_str ("postgres");
    step->directory = bg_slice_str ("/srv");
    step->has_umask = true;
    step->umask = 027;
    step->input = bg_slice_str ("x");
    step->success_codes = codes;
    step->success_codes_count = 5;
    step->output_file = bg_slice_str ("/l");
    step->output_append = true;
    step->output_quiet = true;
    step->has_limits = true;
    step->limits = (wire_limits){.memory_bytes = 512 << 20,
        .cpu_us = 600000000,
        .processes = 64,
        .files = 256,
        .file_bytes = 1000,
        .cpu_percent = 50};
    job_describe_surroundings (step, &out);
    assert_string_equal (bg_buf_cstr (&out),
        "as postgres; in /srv; umask 027; 1 byte of input; success 0, 3, 10-12; output added to "
        "/l; "
        "no output in the history; memory 512MiB; files of 1000; cpu time 10m; processes 64; open "
        "files 256; cpu 50%");

    bg_buf_clear (&out);
    it.job.overlap = WIRE_OVERLAP_REPLACE;
    it.job.start_step = 2;
    it.job.lease_us = UINT64_C (7) * 86400 * 1000000;
    it.job.delete_level = WIRE_DELETE_ALWAYS;
    it.job.history_us = UINT64_C (30) * 86400 * 1000000;
    it.job.history_runs = 1;
    job_describe_rules (&it.job, &out);
    assert_string_equal (bg_buf_cstr (&out), "a run replaces the one that goes on; begins with "
                                             "step 2 (report); lease 7d; deletes itself "
                                             "after its first run; history 30d, 1 run");
}

static void test_codes_of_success_and_the_umask (void **state)
{
    (void) state;
    uint64_t codes[] = {3, 10};
    wire_job_step step = {0};
    assert_true (job_body_is_success (&step, 0));
    assert_false (job_body_is_success (&step, 3));
    assert_int_equal (job_body_umask (&step), 022);
    step = (wire_job_step){.success_codes = codes, .success_codes_count = 2, .has_umask = true};
    assert_false (job_body_is_success (&step, 0));
    assert_true (job_body_is_success (&step, 10));
    assert_false (job_body_is_success (&step, 4));
    assert_int_equal (job_body_umask (&step), 0);
}

static void test_what_passes_survives_the_codec (void **state)
{
    (void) state;
    sample it;
    BG_AUTO_BUF bytes = {0};
    BG_AUTO_ARENA arena = {0};
    bg_error err = {0};
    wire_job again;
    make_sample (&it);
    assert_true (bg_is_ok (wire_check (&wire_desc_job, &it.job, &err)));
    WIRE_ENCODE (job, &it.job, &bytes);
    if (bg_failed (WIRE_DECODE (job, bg_buf_slice (&bytes), WIRE_AS_SIGNED, &arena, &again, &err)))
        fail_msg ("%s", err.message);
    assert_true (wire_equal (&wire_desc_job, &it.job, &again));
    assert_true (bg_is_ok (job_body_check (&again, &err)));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_a_good_job_passes),
        cmocka_unit_test (test_each_mistake_is_refused_and_named),
        cmocka_unit_test (test_schedules_become_ready_to_run),
        cmocka_unit_test (test_flow_and_defaults),
        cmocka_unit_test (test_jobs_in_words),
        cmocka_unit_test (test_what_a_step_and_a_job_have_beside_in_words),
        cmocka_unit_test (test_codes_of_success_and_the_umask),
        cmocka_unit_test (test_what_passes_survives_the_codec),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
