/*  apply and the commands of jobs that do not run them, with every option: what they ask the broker for, what they sign,
    what they print, how they end. Not here: job history (test_ctl_history_commands.c).  */
#include "ctl_fake.h"

#include "common/sys/file.h"
#include "temp_dir.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#define STR(text)                                                                                  \
    {                                                                                              \
        (const uint8_t *) (text), sizeof (text) - 1                                                \
    }

/*  ---- apply ----  */

static void apply_creates_from_stdin (void **state)
{
    fake_run *run = *state;
    const wire_jobs none = {0};
    wire_posted_item item = {STR ("nightly"), WIRE_POSTED_CREATED, 1, 5000, 5};
    const wire_posted posted = {&item, 1};
    fake_answer (run, WIRE_JOB_QUERY, &none);
    fake_answer (run, WIRE_POST, &posted);
    fake_command (run, "apply -f -", fake_job_file);
    fake_done (run, 0);
    assert_string_equal (run->data, "created nightly (v1) -> 5 targets\n");
    assert_string_equal (run->talk, "");
    wire_document document;
    wire_job job;
    fake_posted (run, 1, 0, &document, &wire_desc_job, &job);
    assert_int_equal (document.type, WIRE_TYPE_JOB);
    assert_int_equal (document.version, FAKE_NOW_US / 1000);
    fake_slice (job.name, "nightly");
    const wire_post *post = run->requests[1];
    assert_false (post->dry_run);
    assert_int_equal (post->items[0].seen_version, 0);
    const wire_job_query *query = run->requests[0];
    assert_true (query->documents);
}

static void apply_leaves_alone_what_is_the_same (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_command (run, "apply -f -", fake_job_file);
    fake_done (run, 0);
    assert_string_equal (run->data, "unchanged nightly (v4) -> 5 targets\n");
}

static void apply_changes_against_what_it_saw (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    row.version = FAKE_NOW_US / 1000 + 5;
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    wire_posted_item item = {STR ("nightly"), WIRE_POSTED_CHANGED, 5, row.version + 1, 1};
    const wire_posted posted = {&item, 1};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_POST, &posted);
    fake_command (run, "apply -f - --dry-run",
        "job: nightly\ntargets: {group: web}\nsteps:\n  - {name: s, run: [\"false\"]}\n");
    fake_done (run, 0);
    assert_string_equal (run->data, "would be changed nightly (v5) -> 1 target\n"
                                    "-     run: [\"true\"]\n+     run: [\"false\"]\n");
    assert_string_equal (run->talk, "dry run: nothing was changed\n");
    const wire_post *post = run->requests[1];
    assert_true (post->dry_run);
    assert_int_equal (post->items[0].seen_version, row.version);
    wire_document document;
    wire_job job;
    fake_posted (run, 1, 0, &document, &wire_desc_job, &job);
    assert_int_equal (document.version, row.version + 1);
}

static void apply_goes_above_a_withdrawal (void **state)
{
    fake_run *run = *state;
    wire_held withdrawn = {.version = FAKE_NOW_US / 1000 + 9};
    const wire_jobs jobs = {.withdrawn = &withdrawn, .withdrawn_count = 1};
    wire_posted_item item = {STR ("nightly"), WIRE_POSTED_CREATED, 3, 1, 2};
    const wire_posted posted = {&item, 1};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_POST, &posted);
    fake_command (run, "apply -f - -o jsonl", fake_job_file);
    fake_done (run, 0);
    assert_string_equal (run->data,
        "{\"schema\":1,\"type\":\"job\",\"name\":\"nightly\",\"outcome\":\"created\","
        "\"version\":3,\"document_version\":1,"
        "\"targets\":2,\"diff\":null}\n");
    wire_document document;
    wire_job job;
    fake_posted (run, 1, 0, &document, &wire_desc_job, &job);
    assert_int_equal (document.version, withdrawn.version + 1);
}

static void apply_asks_nothing_when_a_file_is_wrong (void **state)
{
    fake_run *run = *state;
    char *dir = temp_dir_make ();
    bg_error err = {0};
    BG_AUTO_CHAR good = bg_path_join (dir, "a.yaml");
    BG_AUTO_CHAR bad = bg_path_join (dir, "b.yaml");
    assert_true (bg_is_ok (bg_file_create (good, bg_slice_str (fake_job_file), &err)));
    assert_true (bg_is_ok (bg_file_create (bad, bg_slice_str ("job: x\nstep: y\n"), &err)));
    BG_AUTO_CHAR line = bg_strdup_printf ("apply -f %s -f %s/none.yaml", dir, dir);
    fake_command (run, line, NULL);
    fake_refused (run, BG_INVALID, "nothing was posted");
    assert_int_equal (run->exit_code, 1);
    fake_has (run->talk, "b.yaml:2:1: unknown key \"step\"");
    fake_has (run->talk, "did you mean \"steps\"?");
    fake_has (run->talk, "none.yaml");
    assert_string_equal (run->data, "");
    temp_dir_remove (&dir);
}

static void apply_knows_the_zones_of_this_machine (void **state)
{
    fake_run *run = *state;
    fake_command (run, "apply -f -",
        "job: z\ntargets: {all: true}\nschedules:\n  - {name: n, cron: \"0 1 * * *\", zone: "
        "Europe/Berlim}\n"
        "steps:\n  - {name: s, run: [\"true\"]}\n");
    if (access ("/usr/share/zoneinfo", F_OK) != 0)
        skip ();
    fake_refused (run, BG_INVALID, "1 error");
    fake_has (run->talk, "Europe/Berlim");
}

static void apply_needs_a_file (void **state)
{
    fake_run *run = *state;
    fake_command (run, "apply", NULL);
    fake_refused (run, BG_USAGE, "-f FILE");
    assert_int_equal (run->exit_code, 2);
}

static void apply_says_what_was_done_before_a_conflict (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    const wire_jobs none = {0};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_JOB_QUERY, &none);
    fake_error (run, WIRE_POST, BG_CONFLICT, "'other' was changed since it was looked at");
    BG_AUTO_CHAR text = bg_strdup_printf (
        "%s---\njob: other\ntargets: {all: true}\nsteps:\n  - {name: s, run: [\"true\"]}\n",
        fake_job_file);
    fake_command (run, "apply -f -", text);
    fake_refused (run, BG_CONFLICT, "was changed");
    assert_int_equal (run->exit_code, 6);
    assert_string_equal (run->data, "unchanged nightly (v4) -> 5 targets\n");
}

/*  ---- job list, show ----  */

static void list_goes_through_all_pages (void **state)
{
    fake_run *run = *state;
    wire_job_row rows[] = {fake_job_row (&run->arena), fake_job_row (&run->arena)};
    rows[1].name = (bg_slice) STR ("weekly");
    rows[1].disabled = true;
    rows[1].last_us = FAKE_NOW_US;
    rows[1].last_state = WIRE_RUN_SUCCEEDED;
    const wire_jobs first = {.rows = rows, .rows_count = 1, .more = true, .total = 2};
    const wire_jobs second = {.rows = rows + 1, .rows_count = 1, .total = 2};
    fake_answer (run, WIRE_JOB_QUERY, &first);
    fake_answer (run, WIRE_JOB_QUERY, &second);
    fake_command (run, "job list", NULL);
    fake_done (run, 0);
    assert_string_equal (run->data, "NAME     STATE     VERSION  TARGETS  DELIVERY   RUNNING  LAST "
                                    "      ENDED                  "
                                    "NEXT\n"
                                    "nightly  enabled   v4             5  5 applied        0  -    "
                                    "      -                      "
                                    "-\n"
                                    "weekly   disabled  v4             5  5 applied        0  "
                                    "succeeded  2026-03-01 12:00:00 Z  "
                                    "-\n");
    const wire_job_query *query = run->requests[1];
    fake_slice (query->after, "nightly");
}

/*  Two pages of one job each: nightly, and weekly, which is disabled and ended last with a failure.  */
static void answer_two_jobs (fake_run *run, wire_job_row rows[2])
{
    rows[0] = fake_job_row (&run->arena);
    rows[1] = fake_job_row (&run->arena);
    rows[0].category = (bg_slice) STR ("Maintenance");
    rows[0].last_us = FAKE_NOW_US - 3600 * S;
    rows[0].last_state = WIRE_RUN_SUCCEEDED;
    rows[1].name = (bg_slice) STR ("weekly");
    rows[1].disabled = true;
    rows[1].running = 2;
    rows[1].last_us = FAKE_NOW_US;
    rows[1].last_state = WIRE_RUN_FAILED;
    wire_jobs *pages = bg_arena_array (&run->arena, wire_jobs, 2);
    pages[0] = (wire_jobs){.rows = rows, .rows_count = 1, .more = true, .total = 2};
    pages[1] = (wire_jobs){.rows = rows + 1, .rows_count = 1, .total = 2};
    fake_answer (run, WIRE_JOB_QUERY, &pages[0]);
    fake_answer (run, WIRE_JOB_QUERY, &pages[1]);
}

static void a_list_that_was_cut_says_so (void **state)
{
    fake_run *run = *state;
    wire_job_row rows[2];
    answer_two_jobs (run, rows);
    fake_command (run, "job list --limit 1 -o name", NULL);
    fake_done (run, 0);
    assert_string_equal (run->data, "nightly\n");
    fake_has (run->talk, "1 of 2 jobs shown");
}

static void a_list_is_filtered_and_ordered (void **state)
{
    fake_run *run = *state;
    static const struct {
        const char *command;
        const char *wanted;
    } cases[] = {
        {"job list -o name --enabled", "nightly\n"},
        {"job list -o name --disabled", "weekly\n"},
        {"job list -o name --running", "weekly\n"},
        {"job list -o name --failed", "weekly\n"},
        {"job list -o name --category maintenance", "nightly\n"},
        {"job list -o name --category other", ""},
        {"job list -o name --sort last", "weekly\nnightly\n"},
        {"job list -o name --sort next", "nightly\nweekly\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_job_row rows[2];
        answer_two_jobs (run, rows);
        fake_command (run, cases[i].command, NULL);
        fake_done (run, 0);
        if (strcmp (run->data, cases[i].wanted) != 0)
            fail_msg ("%s: %s", cases[i].command, run->data);
        fake_fini (run);
    }
}

static void show_gives_fake_job_file_back (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_command (run, "job show nightly -o yaml", NULL);
    fake_done (run, 0);
    BG_AUTO_CHAR yaml = bg_strdup (run->data);
    fake_fini (run);
    row = fake_job_row (&run->arena);
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_command (run, "apply -f -", yaml);
    fake_done (run, 0);
    assert_string_equal (run->data, "unchanged nightly (v4) -> 5 targets\n");
}

static void show_explains_the_last_failure (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    wire_history_row failed = fake_failed_run ();
    const wire_history history = {.rows = &failed, .rows_count = 1};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_HISTORY_QUERY, &history);
    fake_answer (run, WIRE_HISTORY_QUERY, &history);
    fake_command (run, "job show nightly", NULL);
    fake_done (run, 0);
    BG_AUTO_BUF want = {0};
    bg_buf_printf (&want,
        "Job:          nightly\n"
        "State:        enabled\n"
        "Version:      v4\n"
        "Posted:       2026-03-01 11:59:59 Z\n"
        "By:           ann\n"
        "For:          group web\n"
        "Targets:      5\n"
        "Delivery:     5 applied\n"
        "Start:        by any login\n"
        "Running:      0\n"
        "\n"
        "Steps\n"
        "  STEP  NAME  DOES      TIMEOUT  RETRIES  ON SUCCESS  ON FAILURE\n"
        "     1  s     run true  -              0  next        fail\n"
        "\n"
        "Last runs\n"
        "  STARTED                TARGET  STATE   TOOK  RUN       WHY\n"
        "  2026-03-01 11:59:00 Z  web1    failed  3.0s  %s  s: exit code 2\n"
        "\n"
        "Last failure\n"
        "  failed on web1, 2026-03-01 11:59:00 Z (1m00s ago), run %s\n"
        "  step 1 (s): exit code 2 after 3.0s\n"
        "    | no disk\n",
        bg_id_short (fake_id (8)).text, bg_id_short (fake_id (8)).text);
    assert_string_equal (run->data, bg_buf_cstr (&want));
    const wire_history_query *query = run->requests[2];
    assert_true (query->output && query->limit == 1 && query->states_count == 2);
}

static void show_is_one_object_for_programs (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    const wire_history none = {0};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_HISTORY_QUERY, &none);
    fake_answer (run, WIRE_HISTORY_QUERY, &none);
    fake_command (run, "job show nightly -o json", NULL);
    fake_done (run, 0);
    json_t *object = json_loads (run->data, 0, NULL);
    assert_non_null (object);
    assert_int_equal (json_integer_value (json_object_get (object, "schema")), 1);
    assert_string_equal (json_string_value (json_object_get (object, "kind")), "job");
    assert_int_equal (json_array_size (json_object_get (object, "steps")), 1);
    assert_true (json_is_null (json_object_get (object, "last_failure")));
    json_decref (object);
}

static void a_job_that_is_not_there_is_an_error (void **state)
{
    fake_run *run = *state;
    fake_error (run, WIRE_JOB_QUERY, BG_NOT_FOUND, "there is no job 'nigthly'");
    fake_command (run, "job show nigthly", NULL);
    fake_refused (run, BG_NOT_FOUND, "nigthly");
    assert_int_equal (run->exit_code, 3);
    fake_fini (run);
    wire_held withdrawn = {.version = 5};
    const wire_jobs jobs = {.withdrawn = &withdrawn, .withdrawn_count = 1};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_command (run, "job show nightly", NULL);
    fake_refused (run, BG_NOT_FOUND, "was deleted");
    fake_fini (run);
    const wire_jobs none = {0};
    fake_answer (run, WIRE_JOB_QUERY, &none);
    fake_command (run, "job show nightly", NULL);
    fake_refused (run, BG_NOT_FOUND, "there is no job");
}

/*  ---- enable, disable, delete ----  */

static void disable_posts_a_switch (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    wire_posted_item item = {STR ("nightly"), WIRE_POSTED_CREATED, 1, 5000, 5};
    const wire_posted posted = {&item, 1};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_POST, &posted);
    fake_command (run, "job disable nightly --until 2h --reason 'storage move'", NULL);
    fake_done (run, 0);
    assert_string_equal (run->data, "disabled nightly -> 5 targets, until 2026-03-01 14:00:00 Z\n");
    wire_document document;
    wire_switch body;
    fake_posted (run, 1, 0, &document, &wire_desc_switch, &body);
    assert_int_equal (document.type, WIRE_TYPE_SWITCH);
    assert_true (body.disabled && body.until_us == FAKE_NOW_US + 7200 * S);
    fake_slice (body.reason, "storage move");
    fake_slice (body.object_name, "nightly");
    const wire_post *post = run->requests[1];
    assert_int_equal (post->items[0].seen_version, 77);
}

static void what_is_so_already_is_left_alone (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_command (run, "job enable nightly", NULL);
    fake_done (run, 0);
    assert_string_equal (run->data, "unchanged nightly (enabled already)\n");
    fake_fini (run);
    const wire_switch held = {.object_type = WIRE_TYPE_JOB,
        .object_name = STR ("nightly"),
        .object_key = fake_id (3),
        .disabled = true,
        .reason = STR ("move")};
    row = fake_job_row (&run->arena);
    row.disabled = true;
    row.has_switch_document = true;
    row.switch_document = fake_signed (&run->arena, WIRE_TYPE_SWITCH, &held, 77);
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_command (run, "job disable nightly -o json", NULL);
    fake_done (run, 0);
    fake_has (run->data, "\"outcome\": \"unchanged\"");
    fake_has (run->data, "\"reason\": \"move\"");
}

static void enable_ends_a_switch (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    row.disabled = true;
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    wire_posted_item item = {STR ("nightly"), WIRE_POSTED_CHANGED, 2, 5000, 1};
    const wire_posted posted = {&item, 1};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_POST, &posted);
    fake_command (run, "job enable nightly --dry-run --reason done", NULL);
    fake_done (run, 0);
    assert_string_equal (run->data, "would be enabled nightly -> 1 target\n");
    assert_string_equal (run->talk, "dry run: nothing was changed\n");
    const wire_post *post = run->requests[1];
    assert_true (post->dry_run);
    wire_document document;
    wire_switch body;
    fake_posted (run, 1, 0, &document, &wire_desc_switch, &body);
    assert_false (body.disabled);
    fake_slice (body.reason, "done");
}

static void delete_asks_and_withdraws (void **state)
{
    fake_run *run = *state;
    wire_job_row row = fake_job_row (&run->arena);
    const wire_jobs jobs = {.rows = &row, .rows_count = 1};
    wire_posted_item item = {STR ("nightly"), WIRE_POSTED_DELETED, 5, 5000, 5};
    const wire_posted posted = {&item, 1};
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_command (run, "job delete nightly", NULL);
    fake_refused (run, BG_USAGE, "Delete job 'nightly' here and on 5 targets?");
    fake_fini (run);
    row = fake_job_row (&run->arena);
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_POST, &posted);
    fake_command (run, "job delete nightly --yes --reason old", NULL);
    fake_done (run, 0);
    assert_string_equal (run->data, "deleted nightly -> 5 targets\n");
    wire_document document;
    wire_withdrawal body;
    fake_posted (run, 1, 0, &document, &wire_desc_withdrawal, &body);
    assert_int_equal (document.type, WIRE_TYPE_WITHDRAWAL);
    assert_int_equal (body.object_type, WIRE_TYPE_JOB);
    fake_slice (body.reason, "old");
    const wire_post *post = run->requests[1];
    assert_int_equal (post->items[0].seen_version, 1000);
    fake_fini (run);
    row = fake_job_row (&run->arena);
    fake_answer (run, WIRE_JOB_QUERY, &jobs);
    fake_answer (run, WIRE_POST, &posted);
    fake_command (run, "job delete nightly --dry-run", NULL);
    fake_done (run, 0);
    fake_has (run->talk, "dry run");
}

static void delete_is_idempotent (void **state)
{
    fake_run *run = *state;
    wire_held withdrawn = {.version = 5};
    const wire_jobs gone = {.withdrawn = &withdrawn, .withdrawn_count = 1};
    fake_answer (run, WIRE_JOB_QUERY, &gone);
    fake_command (run, "job delete nightly", NULL);
    fake_done (run, 0);
    assert_string_equal (run->data, "unchanged nightly (deleted already)\n");
    fake_fini (run);
    fake_error (run, WIRE_JOB_QUERY, BG_NOT_FOUND, "there is no job 'x'");
    fake_error (run, WIRE_JOB_QUERY, BG_NOT_FOUND, "there is no job 'x'");
    fake_command (run, "job delete x", NULL);
    fake_refused (run, BG_NOT_FOUND, "there is no job 'x'");
}

static void reasons_are_text_of_bounded_size (void **state)
{
    fake_run *run = *state;
    BG_AUTO_BUF line = {0};
    bg_buf_append_str (&line, "job disable nightly --reason ");
    for (size_t i = 0; i < 513; i++)
        bg_buf_append_byte (&line, 'x');
    fake_command (run, bg_buf_cstr (&line), NULL);
    fake_refused (run, BG_USAGE, "--reason has 513 bytes");
    fake_fini (run);
    fake_command (run, "job disable nightly --reason \xff", NULL);
    fake_refused (run, BG_USAGE, "no text");
}

#define command_test(name) cmocka_unit_test_setup_teardown (name, fake_setup, fake_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        command_test (apply_creates_from_stdin),
        command_test (apply_leaves_alone_what_is_the_same),
        command_test (apply_changes_against_what_it_saw),
        command_test (apply_goes_above_a_withdrawal),
        command_test (apply_asks_nothing_when_a_file_is_wrong),
        command_test (apply_knows_the_zones_of_this_machine),
        command_test (apply_needs_a_file),
        command_test (apply_says_what_was_done_before_a_conflict),
        command_test (list_goes_through_all_pages),
        command_test (a_list_is_filtered_and_ordered),
        command_test (a_list_that_was_cut_says_so),
        command_test (show_gives_fake_job_file_back),
        command_test (show_explains_the_last_failure),
        command_test (show_is_one_object_for_programs),
        command_test (a_job_that_is_not_there_is_an_error),
        command_test (disable_posts_a_switch),
        command_test (what_is_so_already_is_left_alone),
        command_test (enable_ends_a_switch),
        command_test (delete_asks_and_withdraws),
        command_test (delete_is_idempotent),
        command_test (reasons_are_text_of_bounded_size),
    };
    return cmocka_run_group_tests_name ("ctl_job_commands", tests, NULL, NULL);
}
