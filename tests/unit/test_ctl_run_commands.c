/*  job start, job stop and the commands of executions, with every option: whom they address, what they sign, how they wait
    and how they end.  */
#include "ctl_fake.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

/*  ---- start, stop ----  */

static wire_deed issued_deed (const fake_run *run, size_t index)
{
    const wire_issue *issue = run->requests[index];
    wire_deed deed;
    bg_arena *arena = (bg_arena *) (uintptr_t) &run->arena;
    assert_int_equal (run->steps[index].kind, WIRE_ISSUE);
    assert_true (
        bg_is_ok (WIRE_DECODE (deed, issue->deed.bytes, WIRE_AS_SIGNED, arena, &deed, NULL)));
    return deed;
}

static const wire_issued five = {.id = {{1, 2, 3, 4, 5, 6, [15] = 9}},
    .targets = 5,
    .connected = 4,
    .expires_us = FAKE_NOW_US + 3600 * S};

static void start_addresses_the_jobs_own_targets (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_ISSUE, &five);
    fake_command (run, "job start nightly --reason test", NULL);
    fake_done (run, 0);
    BG_AUTO_CHAR id = bg_strdup_printf ("%s\n", bg_id_text (fake_id (9)).text);
    assert_string_equal (run->data, id);
    fake_has (
        run->talk, "starting nightly on 5 targets (4 connected); follow it: bugle exec wait ");
    wire_deed deed = issued_deed (run, 1);
    assert_int_equal (deed.what, WIRE_DEED_START);
    assert_int_equal (deed.expires_us, FAKE_NOW_US + 3600 * S);
    assert_true (!deed.to.all && deed.to.groups_count == 1);
    fake_slice (deed.to.groups[0], "web");
    fake_slice (deed.reason, "test");
}

static void start_takes_every_choice_of_targets (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_ISSUE, &five);
    fake_command (
        run, "job start nightly -t web[1-2] -g db -g mail -l role=x --expires 2d -o json", NULL);
    fake_done (run, 0);
    wire_deed deed = issued_deed (run, 1);
    assert_int_equal (deed.to.names_count, 2);
    fake_slice (deed.to.names[1], "web2");
    assert_int_equal (deed.to.groups_count, 2);
    fake_slice (deed.to.labels, "role=x");
    assert_int_equal (deed.expires_us, FAKE_NOW_US + 2 * 86400 * S);
    fake_has (run->data, "\"what\": \"start\"");
    fake_has (run->data, "\"targets\": 5");
    fake_fini (run);
    row = fake_job_row (&run->arena);
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_ISSUE, &five);
    fake_command (run, "job start nightly --all -q", NULL);
    fake_done (run, 0);
    assert_true (issued_deed (run, 1).to.all);
    assert_string_equal (run->talk, "");
    fake_fini (run);
    fake_command (run, "job start nightly -l '' --yes", NULL);
    assert_int_equal (run->exit_code, 2);
    fake_fini (run);
    fake_command (run, "job start nightly --all -g web", NULL);
    assert_int_equal (run->exit_code, 2);
    fake_fini (run);
    fake_command (run, "job start nightly --timeout 5s", NULL);
    fake_refused (run, BG_USAGE, "--wait");
}

static void start_on_many_targets_asks (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    row.targets = 312;
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    const wire_issued many = {.id = fake_id (9), .targets = 312, .expires_us = FAKE_NOW_US};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_ISSUE, &many);
    fake_command (run, "job start nightly", NULL);
    fake_refused (run, BG_USAGE, "Start job 'nightly' on 312 targets?");
    fake_has (run->err.hint, "--yes");
    const wire_issue *issue = run->requests[1];
    assert_true (issue->dry_run);
    /*  Who is asked and says no has signed nothing that could be carried out.  */
    assert_true (issued_deed (run, 1).dry_run);
    fake_fini (run);
    row = fake_job_row (&run->arena);
    row.targets = 312;
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_ISSUE, &many);
    fake_command (run, "job start nightly --yes", NULL);
    fake_done (run, 0);
    issue = run->requests[1];
    assert_false (issue->dry_run);
    assert_false (issued_deed (run, 1).dry_run);
}

static bg_slice web[] = {STR ("web")};

static void a_dry_start_lists_the_targets (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    const wire_issued two = {
        .id = fake_id (9), .targets = 2, .connected = 1, .expires_us = FAKE_NOW_US};
    wire_target_row rows[] = {
        {.number = 1, .name = STR ("web1"), .groups = web, .groups_count = 1},
        {.number = 2, .name = STR ("db1")},
        {.number = 3, .name = STR ("web2"), .groups = web, .groups_count = 1},
    };
    const wire_targets first = {.rows = rows, .rows_count = 2, .more = true};
    const wire_targets second = {.rows = rows + 2, .rows_count = 1};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_ISSUE, &two);
    fake_answer (run, WIRE_TARGET_QUERY, &first);
    fake_answer (run, WIRE_TARGET_QUERY, &second);
    fake_command (run, "job start nightly --dry-run --wait", NULL);
    fake_done (run, 0);
    assert_string_equal (run->data, "would start nightly -> 2 targets (1 connected)\nweb[1-2]\n");
    assert_string_equal (run->talk, "dry run: nothing was changed\n");
    const wire_target_query *query = run->requests[3];
    fake_slice (query->job, "nightly");
    assert_int_equal (query->after, 2);
}

static void a_lost_answer_is_asked_for_again (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_error (run, WIRE_ISSUE, BG_CLOSED, "gone");
    fake_answer (run, WIRE_ISSUE, &five);
    fake_command (run, "job start nightly", NULL);
    fake_done (run, 0);
    assert_int_equal (run->reconnects, 1);
    const wire_issue *first = run->requests[1];
    const wire_issue *second = run->requests[2];
    assert_true (bg_slice_equal (first->deed.bytes, second->deed.bytes));
    fake_fini (run);
    row = fake_job_row (&run->arena);
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_error (run, WIRE_ISSUE, BG_TIMEOUT, "late");
    run->reconnects_fail = 1;
    fake_command (run, "job start nightly", NULL);
    fake_refused (run, BG_UNREACHABLE, "bugle exec show ");
}

static void stop_reaches_everybody_who_may_run_it (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_ISSUE, &five);
    fake_answer (run, WIRE_ISSUE, &five);
    fake_command (run, "job stop nightly -o name", NULL);
    fake_done (run, 0);
    wire_deed deed = issued_deed (run, 2);
    assert_int_equal (deed.what, WIRE_DEED_STOP);
    assert_true (deed.to.all);
    assert_int_equal (deed.expires_us, FAKE_NOW_US + 600 * S);
    fake_has (run->talk, "stopping nightly on 5 targets");
    BG_AUTO_CHAR id = bg_strdup_printf ("%s\n", bg_id_text (fake_id (9)).text);
    assert_string_equal (run->data, id);
    fake_fini (run);
    wire_held withdrawn = {.version = 5};
    const wire_jobs gone = {.withdrawn = &withdrawn, .withdrawn_count = 1};
    fake_answer (run, WIRE_JOB_QUERY, &gone);
    fake_answer (run, WIRE_ISSUE, &five);
    fake_command (run, "job stop nightly -t web1 --yes", NULL);
    fake_done (run, 0);
    fake_slice (issued_deed (run, 1).job_name, "nightly");
}

/*  ---- waiting ----  */

static bg_slice names[] = {STR ("web1"), STR ("web2"), STR ("web3"), STR ("web4"), STR ("web5")};

/*  A START of nightly with five good targets up to the first state.  */
typedef struct {
    wire_job_row row;
    wire_jobs jobs;
    wire_exec_group groups[2];
    wire_exec_row begun, half, end;
    wire_execs begun_answer, end_answer;
} a_start;

static void begin_start (fake_run *run, a_start *self)
{
    self->row = fake_job_row (&run->arena);
    self->jobs = (wire_jobs){.rows = &self->row, .rows_count = 1};
    self->begun = (wire_exec_row){.id = fake_id (9),
        .job = STR ("nightly"),
        .issued_us = FAKE_NOW_US,
        .expires_us = FAKE_NOW_US + 3600 * S,
        .targets = 5,
        .pending = 5,
        .what = WIRE_DEED_START};
    self->half = self->begun;
    self->half.pending = 0;
    self->half.running = 2;
    self->half.succeeded = 3;
    self->end = self->begun;
    self->end.pending = 0;
    self->end.succeeded = 5;
    self->end.done = true;
    self->end.done_us = FAKE_NOW_US + S;
    self->groups[0] = (wire_exec_group){
        .state = WIRE_RUN_SUCCEEDED, .count = 5, .names = names, .names_count = 5};
    self->end.groups = self->groups;
    self->end.groups_count = 1;
    self->begun_answer = (wire_execs){.rows = &self->begun, .rows_count = 1};
    self->end_answer = (wire_execs){.rows = &self->end, .rows_count = 1};
    fake_answer (run, WIRE_JOB_QUERY, &self->jobs);
    fake_answer (run, WIRE_ISSUE, &five);
    fake_answer (run, WIRE_EXEC_QUERY, &self->begun_answer);
}

static void waiting_ends_with_the_last_outcome (void **state)
{
    fake_run *run = *state;
    a_start start;
    begin_start (run, &start);
    fake_event_row (run, &start.half);
    fake_event_row (run, &start.end);
    fake_answer (run, WIRE_EXEC_QUERY, &start.end_answer);
    fake_command (run, "job start nightly --wait", NULL);
    fake_done (run, 0);
    assert_string_equal (run->data, "5  ok  web[1-5]\n");
    BG_AUTO_CHAR said = bg_strdup_printf (
        "starting nightly on 5 targets (4 connected); exec %s\n", bg_id_short (fake_id (9)).text);
    assert_string_equal (run->talk, said);
    assert_int_equal (run->watches, 1);
}

static void a_failure_ends_with_20 (void **state)
{
    fake_run *run = *state;
    a_start start;
    begin_start (run, &start);
    start.end.succeeded = 4;
    start.end.failed = 1;
    start.groups[0].count = start.groups[0].names_count = 4;
    start.groups[1] = (wire_exec_group){.state = WIRE_RUN_FAILED,
        .result = STR ("exit 1"),
        .sample = STR ("no disk"),
        .count = 1,
        .names = names + 4,
        .names_count = 1};
    start.end.groups_count = 2;
    fake_event_row (run, &start.end);
    fake_answer (run, WIRE_EXEC_QUERY, &start.end_answer);
    fake_command (run, "job start nightly --wait", NULL);
    fake_done (run, 20);
    assert_string_equal (run->data, "4  ok      web[1-4]\n1  exit 1  web5  \"no disk\"\n");
}

static void a_timeout_ends_with_21 (void **state)
{
    fake_run *run = *state;
    a_start start;
    begin_start (run, &start);
    start.groups[0].count = start.groups[0].names_count = 3;
    start.groups[1] = (wire_exec_group){
        .state = WIRE_RUN_RUNNING, .count = 2, .names = names + 3, .names_count = 2};
    start.half.groups = start.groups;
    start.half.groups_count = 2;
    const wire_execs half = {.rows = &start.half, .rows_count = 1};
    fake_event_row (run, &start.half);
    fake_answer (run, WIRE_EXEC_QUERY, &half);
    fake_command (run, "job start nightly --wait --timeout 1s", NULL);
    fake_done (run, 21);
    assert_string_equal (run->data, "3  ok       web[1-3]\n2  running  web[4-5]\n");
    fake_has (run->talk, "2 of 5 targets have not reported yet; look again: bugle exec wait ");
}

static void a_broker_that_comes_back_is_asked_again (void **state)
{
    fake_run *run = *state;
    a_start start;
    begin_start (run, &start);
    run->reconnects_fail = 2;
    fake_event_row (run, &start.half);
    fake_event_code (run, BG_CLOSED);
    fake_event_row (run, &start.end);
    fake_answer (run, WIRE_EXEC_QUERY, &start.end_answer);
    fake_command (run, "job start nightly --wait", NULL);
    fake_done (run, 0);
    assert_int_equal (run->reconnects, 3);
    assert_int_equal (run->watches, 2);
    fake_has (run->talk, "the broker does not answer; waiting for it");
}

static void ctrl_c_says_what_goes_on (void **state)
{
    fake_run *run = *state;
    a_start start;
    begin_start (run, &start);
    fake_event_row (run, &start.half);
    fake_event_code (run, BG_INTERRUPTED);
    fake_command (run, "job start nightly --wait", NULL);
    fake_refused (run, BG_INTERRUPTED, "goes on with 2 of 5 targets open");
    assert_int_equal (run->exit_code, 130);
    fake_has (run->err.hint, "bugle exec wait ");
}

static void wait_takes_a_piece_of_an_id (void **state)
{
    fake_run *run = *state;
    a_start start;
    begin_start (run, &start);
    fake_run *again = run;
    again->step_count = 0;
    fake_answer (again, WIRE_EXEC_QUERY, &start.end_answer);
    fake_answer (again, WIRE_EXEC_QUERY, &start.end_answer);
    fake_answer (again, WIRE_EXEC_QUERY, &start.end_answer);
    fake_command (again, "exec wait 00000009 --timeout 30m -o jsonl", NULL);
    fake_done (run, 0);
    fake_has (run->data, "\"kind\":\"exec\"");
    fake_has (run->data, "\"groups\":[{\"state\":\"succeeded\"");
    const wire_exec_query *query = run->requests[0];
    fake_slice (query->id, "00000009");
    query = run->requests[2];
    assert_true (query->details);
}

static void show_groups_an_execution (void **state)
{
    fake_run *run = *state;
    a_start start;
    begin_start (run, &start);
    run->step_count = 0;
    fake_answer (run, WIRE_EXEC_QUERY, &start.end_answer);
    fake_command (run, "exec show 00000009", NULL);
    fake_done (run, 0);
    BG_AUTO_CHAR want = bg_strdup_printf ("Execution:  %s\n"
                                          "Job:        nightly\n"
                                          "What:       start\n"
                                          "State:      done\n"
                                          "Issued:     2026-03-01 12:00:00 Z\n"
                                          "Expires:    2026-03-01 13:00:00 Z\n"
                                          "Done:       2026-03-01 12:00:01 Z\n"
                                          "Took:       1.0s\n"
                                          "Targets:    5\n"
                                          "\n"
                                          "5  ok  web[1-5]\n",
        bg_id_text (fake_id (9)).text);
    assert_string_equal (run->data, want);
}

static void an_execution_that_is_not_there_is_an_error (void **state)
{
    fake_run *run = *state;
    const wire_execs none = {0};
    fake_answer (run, WIRE_EXEC_QUERY, &none);
    fake_command (run, "exec show abcdefgh", NULL);
    fake_refused (run, BG_NOT_FOUND, "there is no execution 'abcdefgh'");
    assert_int_equal (run->exit_code, 3);
    fake_fini (run);
    wire_exec_row rows[2] = {
        {.id = fake_id (1), .job = STR ("a")}, {.id = fake_id (2), .job = STR ("b")}};
    const wire_execs two = {.rows = rows, .rows_count = 2};
    fake_answer (run, WIRE_EXEC_QUERY, &two);
    fake_command (run, "exec show abcdefgh", NULL);
    fake_refused (run, BG_INVALID, "write more of the id");
    fake_fini (run);
    fake_command (run, "exec wait ab", NULL);
    fake_refused (run, BG_USAGE, "is no id");
}

static void executions_are_listed_newest_first (void **state)
{
    fake_run *run = *state;
    wire_exec_row rows[2] = {
        {.id = fake_id (2), .job = STR ("b"), .issued_us = FAKE_NOW_US, .targets = 2, .running = 2},
        {.id = fake_id (1),
            .job = STR ("a"),
            .issued_us = FAKE_NOW_US - S,
            .targets = 3,
            .succeeded = 3,
            .done = true,
            .what = WIRE_DEED_STOP},
    };
    const wire_execs first = {.rows = rows, .rows_count = 1, .more = true};
    const wire_execs second = {.rows = rows + 1, .rows_count = 1, .more = true};
    fake_answer (run, WIRE_EXEC_QUERY, &first);
    fake_answer (run, WIRE_EXEC_QUERY, &second);
    fake_command (run, "exec list --job a --running --limit 2", NULL);
    fake_done (run, 0);
    BG_AUTO_CHAR want = bg_strdup_printf ("ID        JOB  WHAT   ISSUED                 STATE    "
                                          "TARGETS  OK  FAILED  NOT RUN  RUNNING  PENDING  SILENT\n"
                                          "%s  b    start  2026-03-01 12:00:00 Z  running        2 "
                                          "  0       0        0        2        0       0\n"
                                          "%s  a    stop   2026-03-01 11:59:59 Z  done           3 "
                                          "  3       0        0        0        0       0\n",
        bg_id_short (fake_id (2)).text, bg_id_short (fake_id (1)).text);
    assert_string_equal (run->data, want);
    fake_has (run->talk, "the first 2 executions shown");
    const wire_exec_query *query = run->requests[0];
    assert_true (query->running && query->limit == 2);
    fake_slice (query->job, "a");
    query = run->requests[1];
    assert_true (bg_id_equal (query->before, fake_id (2)));
}

#define command_test(name) cmocka_unit_test_setup_teardown (name, fake_setup, fake_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        command_test (start_addresses_the_jobs_own_targets),
        command_test (start_takes_every_choice_of_targets),
        command_test (start_on_many_targets_asks),
        command_test (a_dry_start_lists_the_targets),
        command_test (a_lost_answer_is_asked_for_again),
        command_test (stop_reaches_everybody_who_may_run_it),
        command_test (waiting_ends_with_the_last_outcome),
        command_test (a_failure_ends_with_20),
        command_test (a_timeout_ends_with_21),
        command_test (a_broker_that_comes_back_is_asked_again),
        command_test (ctrl_c_says_what_goes_on),
        command_test (wait_takes_a_piece_of_an_id),
        command_test (show_groups_an_execution),
        command_test (an_execution_that_is_not_there_is_an_error),
        command_test (executions_are_listed_newest_first),
    };
    return cmocka_run_group_tests_name ("ctl_run_commands", tests, NULL, NULL);
}
