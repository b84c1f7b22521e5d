/*  job history, with every option: what it asks the broker for and what it makes of the pages.  */
#include "ctl_fake.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define STR(text)                                                                                  \
    {                                                                                              \
        (const uint8_t *) (text), sizeof (text) - 1                                                \
    }

static void history_asks_for_what_the_options_say (void **state)
{
    fake_run *run = *state;
    const wire_history none = {0};
    wire_exec_row exec = {.id = fake_id (9), .job = STR ("nightly")};
    const wire_execs execs = {.rows = &exec, .rows_count = 1};
    fake_answer (run, WIRE_EXEC_QUERY, &execs);
    fake_answer (run, WIRE_HISTORY_QUERY, &none);
    fake_command (run,
        "job history nightly -t web1 --failed --since 7d --until 2026-02-28T00:00Z --exec abcdef "
        "--limit 7",
        NULL);
    fake_done (run, 0);
    fake_has (run->talk, "no runs");
    const wire_history_query *query = run->requests[1];
    fake_slice (query->job, "nightly");
    fake_slice (query->target, "web1");
    assert_true (bg_id_equal (query->exec, exec.id));
    assert_int_equal (query->since_us, FAKE_NOW_US - 7 * 86400 * S);
    assert_int_equal (query->until_us, FAKE_NOW_US - 36 * 3600 * S);
    assert_int_equal (query->states_count, 3);
    assert_int_equal (query->limit, 7);
    assert_false (query->output);
}

static void history_gives_a_line_a_run (void **state)
{
    fake_run *run = *state;
    wire_history_row rows[] = {fake_failed_run (), fake_failed_run ()};
    rows[0].run.state = WIRE_RUN_RUNNING;
    rows[0].run.finished_us = 0;
    rows[0].run.steps_count = 0;
    const wire_history first = {.rows = rows, .rows_count = 1, .more = true, .next_before = 9};
    const wire_history second = {.rows = rows + 1, .rows_count = 1, .more = true, .next_before = 8};
    fake_answer (run, WIRE_HISTORY_QUERY, &first);
    fake_answer (run, WIRE_HISTORY_QUERY, &second);
    fake_command (run, "job history nightly -o jsonl --limit 2", NULL);
    fake_done (run, 0);
    fake_has (run->talk, "the first 2 runs shown");
    char *newline = strchr (run->data, '\n');
    assert_non_null (newline);
    *newline = 0;
    json_t *one = json_loads (run->data, 0, NULL);
    json_t *two = json_loads (newline + 1, 0, NULL);
    assert_string_equal (json_string_value (json_object_get (one, "state")), "running");
    assert_true (json_is_null (json_object_get (one, "finished")));
    assert_string_equal (json_string_value (json_object_get (two, "state")), "failed");
    json_t *step = json_array_get (json_object_get (two, "steps"), 0);
    assert_string_equal (json_string_value (json_object_get (step, "output")), "no disk\n");
    json_decref (one);
    json_decref (two);
    const wire_history_query *query = run->requests[0];
    assert_true (query->output);
    assert_int_equal (query->limit, 2);
    query = run->requests[1];
    assert_int_equal (query->before, 9);
    assert_int_equal (query->limit, 1);
}

/*  A target that was away reports late: the broker has its run as the newest.  */
static void history_is_in_the_order_of_the_runs (void **state)
{
    fake_run *run = *state;
    wire_history_row rows[] = {fake_failed_run (), fake_failed_run (), fake_failed_run ()};
    rows[0].target = (bg_slice) STR ("late");
    rows[0].run.started_us -= 3600 * S;
    rows[1].target = (bg_slice) STR ("never");
    rows[1].run.state = WIRE_RUN_NOT_RUN;
    rows[1].run.started_us = 0;
    rows[1].run.nominal_us = FAKE_NOW_US - 1800 * S;
    rows[2].target = (bg_slice) STR ("now");
    const wire_history history = {.rows = rows, .rows_count = 3};
    fake_answer (run, WIRE_HISTORY_QUERY, &history);
    fake_command (run, "job history nightly --no-header", NULL);
    fake_done (run, 0);
    const char *now = strstr (run->data, "now ");
    const char *never = strstr (run->data, "never ");
    const char *late = strstr (run->data, "late ");
    assert_true (now && never && late && now < never && never < late);
    fake_has (run->data, "2026-03-01 11:30:00 Z  never   not-run");
}

static void history_shows_output_when_asked (void **state)
{
    fake_run *run = *state;
    wire_history_row row = fake_failed_run ();
    const wire_history history = {.rows = &row, .rows_count = 1};
    fake_answer (run, WIRE_HISTORY_QUERY, &history);
    fake_command (run, "job history nightly -v --state failed", NULL);
    fake_done (run, 0);
    fake_has (run->data, "  1  s  failed  exit code 2  3.0s\n     | no disk\n");
    const wire_history_query *query = run->requests[0];
    assert_true (query->output);
    assert_int_equal (query->limit, 50);
    assert_int_equal (query->states_count, 1);
}

static void history_refuses_what_makes_no_sense (void **state)
{
    static const struct {
        const char *line;
        const char *part;
    } cases[] = {
        {"job history nightly --failed --state succeeded", "exclude each other"},
        {"job history nightly --since 1d --until 7d", "--since is not before --until"},
        {"job history nightly -t web[1-2]", "one of them"},
        {"job history nightly --exec abc", "is no id"},
        {"job history nightly --exec ab/cdefg", "is no id"},
        {"job history nightly --limit 0", "limit"},
        {"job history nightly --state lost", "state"},
        {"job history nightly --since never", "since"},
        {"job history nightly --summary --full", "exclude each other"},
        {"job history nightly --before 3d", "--before is for --purge"},
        {"job history nightly --purge", "--before"},
        {"job history --purge --before 3d", "of which job"},
        {"job history nightly --purge --all-jobs --before 3d", "exclude each other"},
        {"job history nightly --purge --before 3d --failed", "--failed does not go with it"},
    };
    fake_run *run = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fake_command (run, cases[i].line, NULL);
        fake_refused (run, BG_USAGE, cases[i].part);
        assert_int_equal (run->exit_code, 2);
        fake_fini (run);
    }
}

/*  The last row of the second page was handed in after that of the first, so its number is higher.  */
static void history_goes_on_over_what_came_late (void **state)
{
    fake_run *run = *state;
    wire_history_row row = fake_failed_run ();
    const wire_history first = {.rows = &row, .rows_count = 1, .more = true, .next_before = 9};
    const wire_history second = {.rows = &row, .rows_count = 1, .more = true, .next_before = 700};
    const wire_history third = {.rows = &row, .rows_count = 1};
    fake_answer (run, WIRE_HISTORY_QUERY, &first);
    fake_answer (run, WIRE_HISTORY_QUERY, &second);
    fake_answer (run, WIRE_HISTORY_QUERY, &third);
    fake_command (run, "job history nightly", NULL);
    fake_done (run, 0);
    const wire_history_query *query = run->requests[2];
    assert_int_equal (query->before, 700);
}

static void history_whose_pages_do_not_move_ends (void **state)
{
    fake_run *run = *state;
    wire_history_row row = fake_failed_run ();
    const wire_history history = {.rows = &row, .rows_count = 1, .more = true, .next_before = 9};
    fake_answer (run, WIRE_HISTORY_QUERY, &history);
    fake_answer (run, WIRE_HISTORY_QUERY, &history);
    fake_command (run, "job history nightly", NULL);
    fake_refused (run, BG_MALFORMED, "do not end");
}

#define command_test(name) cmocka_unit_test_setup_teardown (name, fake_setup, fake_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        command_test (history_asks_for_what_the_options_say),
        command_test (history_gives_a_line_a_run),
        command_test (history_is_in_the_order_of_the_runs),
        command_test (history_shows_output_when_asked),
        command_test (history_refuses_what_makes_no_sense),
        command_test (history_goes_on_over_what_came_late),
        command_test (history_whose_pages_do_not_move_ends),
    };
    return cmocka_run_group_tests_name ("ctl_history_commands", tests, NULL, NULL);
}
