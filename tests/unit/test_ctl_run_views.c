/*  What the CLI makes of runs and executions, word by word.  */
#include "ctl/exec_view.h"
#include "ctl/history.h"
#include "ctl/history_view.h"
#include "ctl/progress.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define T0 INT64_C (1772366400000000) /*  2026-03-01T12:00:00Z  */
#define S  INT64_C (1000000)
#define STR(text)                                                                                  \
    {                                                                                              \
        (const uint8_t *) (text), sizeof (text) - 1                                                \
    }

static bg_id id_of (uint8_t last)
{
    bg_id id = {{1, 2, 3, 4, 5, 6}};
    id.bytes[15] = last;
    return id;
}

static void assert_json (json_t *object, const char *want)
{
    char *text = json_dumps (object, JSON_COMPACT);
    assert_string_equal (text, want);
    free (text);
    json_decref (object);
}

#define assert_buf(buf, want) assert_string_equal (bg_buf_cstr (&(buf)), (want))

/*  ---- runs ----  */

static wire_step_result steps[] = {
    {.step = 1,
        .name = STR ("dump"),
        .state = WIRE_RESULT_FAILED,
        .exit_code = 3,
        .started_us = T0,
        .finished_us = T0 + 4 * S + 250000,
        .attempts = 3,
        .output_bytes = 12,
        .head = STR ("one\ntwo\n"),
        .tail = STR ("end\n")},
    {.step = 2,
        .name = STR ("report"),
        .state = WIRE_RESULT_SUCCEEDED,
        .started_us = T0 + 5 * S,
        .finished_us = T0 + 6 * S,
        .output_bytes = 0},
};

static wire_history_row failed_row (void)
{
    return (wire_history_row){.row = 7,
        .target = STR ("db03"),
        .has_run = true,
        .stored_us = T0 + 9 * S,
        .revision = 4,
        .run = {.run = id_of (1),
            .job_key = id_of (2),
            .job_name = STR ("nightly"),
            .job_version = 99,
            .schedule = STR ("night"),
            .nominal_us = T0 - S,
            .state = WIRE_RUN_FAILED,
            .started_us = T0,
            .finished_us = T0 + 6 * S,
            .steps = steps,
            .steps_count = 2}};
}

static void a_failed_run_is_whole_in_json (void **state)
{
    (void) state;
    wire_history_row row = failed_row ();
    BG_AUTO_BUF want = {0};
    bg_buf_printf (&want,
        "{\"run\":\"%s\",\"job\":\"nightly\",\"target\":\"db03\",\"state\":\"failed\",\"reason\":"
        "null,"
        "\"started\":\"2026-03-01T12:00:00Z\",\"finished\":\"2026-03-01T12:00:06Z\","
        "\"stored\":\"2026-03-01T12:00:09Z\",\"seconds\":6,"
        "\"summary\":\"dump: exit code 3\",\"message\":null,\"version\":4,\"schedule\":\"night\","
        "\"nominal\":\"2026-03-01T11:59:59Z\",\"exec\":null,\"steps\":["
        "{\"step\":1,\"name\":\"dump\",\"state\":\"failed\",\"exit_code\":3,\"signal\":null,"
        "\"started\":\"2026-03-01T12:00:00Z\",\"finished\":\"2026-03-01T12:00:04.250Z\","
        "\"attempts\":3,"
        "\"timed_out\":false,\"output_bytes\":12,\"output\":\"one\\ntwo\\nend\\n\",\"message\":"
        "null,\"account\":null,\"cpu_us\":0,\"memory_bytes\":null},"
        "{\"step\":2,\"name\":\"report\",\"state\":\"succeeded\",\"exit_code\":0,\"signal\":null,"
        "\"started\":\"2026-03-01T12:00:05Z\",\"finished\":\"2026-03-01T12:00:06Z\",\"attempts\":1,"
        "\"timed_out\":false,\"output_bytes\":0,\"output\":\"\",\"message\":null,\"account\":null,"
        "\"cpu_us\":0,\"memory_bytes\":null}],\"queued\":null,"
        "\"start_step\":null,\"deleted_itself\":false}",
        bg_id_text (id_of (1)).text);
    assert_json (ctl_history_json (&row), bg_buf_cstr (&want));
}

static void a_running_run_has_no_end (void **state)
{
    (void) state;
    wire_history_row row = {.target = STR ("web1"),
        .run = {.run = id_of (1),
            .job_name = STR ("j"),
            .exec = id_of (5),
            .state = WIRE_RUN_RUNNING,
            .started_us = T0}};
    json_t *object = ctl_history_json (&row);
    assert_string_equal (json_string_value (json_object_get (object, "state")), "running");
    assert_string_equal (
        json_string_value (json_object_get (object, "started")), "2026-03-01T12:00:00Z");
    assert_string_equal (
        json_string_value (json_object_get (object, "exec")), bg_id_text (id_of (5)).text);
    assert_true (json_is_null (json_object_get (object, "finished")));
    assert_true (json_is_null (json_object_get (object, "seconds")));
    assert_true (json_is_null (json_object_get (object, "version")));
    assert_true (json_is_array (json_object_get (object, "steps")));
    assert_int_equal (json_array_size (json_object_get (object, "steps")), 0);
    json_decref (object);
}

static void a_run_that_did_not_happen_says_why (void **state)
{
    (void) state;
    wire_history_row row = {.target = STR ("web1"),
        .run = {.run = id_of (1),
            .job_name = STR ("j"),
            .state = WIRE_RUN_NOT_RUN,
            .reason = STR ("overlap"),
            .nominal_us = T0,
            .message = STR ("run x is still going on")}};
    json_t *object = ctl_history_json (&row);
    assert_string_equal (json_string_value (json_object_get (object, "state")), "not-run");
    assert_string_equal (json_string_value (json_object_get (object, "reason")), "overlap");
    assert_true (json_is_null (json_object_get (object, "started")));
    json_decref (object);
    BG_AUTO_BUF text = {0};
    ctl_history_text (&row, true, &text);
    BG_AUTO_BUF want = {0};
    bg_buf_printf (&want,
        "2026-03-01 12:00:00 Z  web1  not-run: overlap: run x is still going on  run %s\n",
        bg_id_text (id_of (1)).text);
    assert_buf (text, bg_buf_cstr (&want));
}

/*  The step only knows the signal that ended it.  */
static void a_canceled_run_says_by_what (void **state)
{
    (void) state;
    wire_step_result step = {
        .step = 1, .name = STR ("wait"), .state = WIRE_RESULT_CANCELED, .signal = 15};
    wire_run run = {.state = WIRE_RUN_CANCELED, .steps = &step, .steps_count = 1};
    BG_AUTO_BUF plain = {0};
    ctl_run_why (&run, &plain);
    assert_buf (plain, "wait: signal 15 (TERM)");
    run.message = bg_slice_str ("replaced by run 1234 of the job");
    BG_AUTO_BUF told = {0};
    ctl_run_why (&run, &told);
    assert_buf (told, "replaced by run 1234 of the job");
}

static void steps_say_how_they_ended (void **state)
{
    (void) state;
    static const struct {
        wire_step_result step;
        const char *want;
    } cases[] = {
        {{.state = WIRE_RESULT_SUCCEEDED}, ""},
        {{.state = WIRE_RESULT_FAILED, .exit_code = 127}, "exit code 127"},
        {{.state = WIRE_RESULT_FAILED, .signal = 9}, "signal 9 (KILL)"},
        {{.state = WIRE_RESULT_FAILED, .signal = 15, .timed_out = true}, "timed out"},
        {{.state = WIRE_RESULT_CANCELED, .signal = 15}, "signal 15 (TERM)"},
        {{.state = WIRE_RESULT_FAILED, .message = STR ("no such account")}, "no such account"},
        {{.state = WIRE_RESULT_FAILED, .exit_code = 127, .message = STR ("no program x")},
            "exit code 127: no program x"},
        {{.state = WIRE_RESULT_SUCCEEDED, .message = STR ("1 process left")}, ""},
        {{.state = WIRE_RESULT_INTERRUPTED}, "interrupted"},
        {{.state = WIRE_RESULT_FAILED, .signal = 120}, "signal 120"},
        {{.state = 8}, "unknown state"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BG_AUTO_BUF text = {0};
        ctl_step_why (&cases[i].step, &text);
        assert_buf (text, cases[i].want);
    }
}

static void exit_codes_are_not_invented (void **state)
{
    (void) state;
    static const struct {
        wire_step_result step;
        bool is_known;
    } cases[] = {
        {{.state = WIRE_RESULT_SUCCEEDED}, true},
        {{.state = WIRE_RESULT_FAILED, .exit_code = 1}, true},
        {{.state = WIRE_RESULT_FAILED}, false},
        {{.state = WIRE_RESULT_FAILED, .signal = 9}, false},
        {{.state = WIRE_RESULT_INTERRUPTED}, false},
        {{.state = WIRE_RESULT_CANCELED}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *object = ctl_step_json (&cases[i].step);
        assert_int_equal (
            json_is_integer (json_object_get (object, "exit_code")), cases[i].is_known);
        json_decref (object);
    }
}

static void missing_output_is_counted (void **state)
{
    (void) state;
    static const struct {
        wire_step_result step;
        const char *want;
    } cases[] = {
        {{.output_bytes = 100, .head = STR ("a\n"), .tail = STR ("z\n")},
            "a\n[96 bytes left out]\nz\n"},
        {{.output_bytes = 100, .head = STR ("a"), .tail = STR ("z")}, "a\n[98 bytes left out]\nz"},
        {{.output_bytes = 100, .tail = STR ("z")}, "[99 bytes left out]\nz"},
        {{.output_bytes = 2, .head = STR ("a"), .tail = STR ("z")}, "az"},
        {{.output_bytes = 0}, ""},
        {{.output_bytes = 5}, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BG_AUTO_BUF text = {0};
        ctl_step_output (&cases[i].step, &text);
        assert_buf (text, cases[i].want);
    }
    json_t *object = ctl_step_json (&cases[5].step);
    assert_true (json_is_null (json_object_get (object, "output")));
    json_decref (object);
}

static void hostile_output_stays_json (void **state)
{
    (void) state;
    const wire_step_result step = {.state = WIRE_RESULT_FAILED,
        .exit_code = 1,
        .output_bytes = 7,
        .head = STR ("\xff\x1b[2J\0!")};
    json_t *object = ctl_step_json (&step);
    assert_string_equal (
        json_string_value (json_object_get (object, "output")), "\xef\xbf\xbd?[2J?!");
    json_decref (object);
}

static void the_culprit_is_the_last_step_that_failed (void **state)
{
    (void) state;
    wire_history_row row = failed_row ();
    assert_ptr_equal (ctl_run_culprit (&row.run), &steps[0]);
    row.run.state = WIRE_RUN_SUCCEEDED;
    assert_null (ctl_run_culprit (&row.run));
    BG_AUTO_BUF why = {0};
    ctl_run_why (&row.run, &why);
    assert_buf (why, "");
    const wire_run interrupted = {
        .state = WIRE_RUN_INTERRUPTED, .message = STR ("the supervisor died")};
    ctl_run_why (&interrupted, &why);
    assert_buf (why, "the supervisor died");
}

static void a_run_in_words_has_steps_and_output (void **state)
{
    (void) state;
    wire_history_row row = failed_row ();
    BG_AUTO_BUF text = {0};
    BG_AUTO_BUF want = {0};
    ctl_history_text (&row, true, &text);
    bg_buf_printf (&want,
        "2026-03-01 12:00:00 Z  db03  failed  6.0s  run %s\n"
        "  1  dump  failed  exit code 3  4.2s  3 attempts\n"
        "     | one\n     | two\n     | end\n"
        "  2  report  succeeded  1.0s\n",
        bg_id_text (id_of (1)).text);
    assert_buf (text, bg_buf_cstr (&want));
}

static void a_failure_is_explained (void **state)
{
    (void) state;
    wire_history_row row = failed_row ();
    BG_AUTO_BUF text = {0};
    BG_AUTO_BUF want = {0};
    ctl_history_explain (&row, T0 + 3 * 86400 * S + 4 * 3600 * S, true, 2, &text);
    bg_buf_printf (&want,
        "failed on db03, 2026-03-01 12:00:00 Z (3d4h ago), run %s\n"
        "  step 1 (dump): exit code 3 after 4.2s, 3 attempts\n"
        "    | two\n    | end\n",
        bg_id_short (id_of (1)).text);
    assert_buf (text, bg_buf_cstr (&want));
}

static void states_are_what_was_asked_for (void **state)
{
    (void) state;
    uint64_t states[8];
    size_t count = 9;
    bg_error err = {0};
    assert_true (bg_is_ok (ctl_history_states (false, NULL, states, &count, &err)));
    assert_int_equal (count, 0);
    assert_true (bg_is_ok (ctl_history_states (true, NULL, states, &count, &err)));
    assert_int_equal (count, 3);
    assert_true (bg_is_ok (ctl_history_states (false, "running", states, &count, &err)));
    assert_int_equal (count, 1);
    assert_int_equal (states[0], WIRE_RUN_RUNNING);
    assert_true (bg_is_ok (ctl_history_states (true, "canceled", states, &count, &err)));
    assert_int_equal (count, 1);
    assert_int_equal (states[0], WIRE_RUN_CANCELED);
    assert_int_equal (ctl_history_states (true, "succeeded", states, &count, &err).code, BG_USAGE);
    assert_string_equal (err.message, "--failed and --state succeeded exclude each other");
}

/*  ---- executions ----  */

static bg_slice good[] = {STR ("web001"), STR ("web002"), STR ("web004")};
static bg_slice bad[] = {STR ("web003")};
static bg_slice off[] = {STR ("web005"), STR ("web006")};

static wire_exec_group groups[] = {
    {.state = WIRE_RUN_FAILED,
        .result = STR ("exit 1"),
        .sample = STR ("nginx: bind() failed\nmore"),
        .count = 1,
        .names = bad,
        .names_count = 1},
    {.state = WIRE_RUN_NOT_RUN,
        .reason = STR ("silent"),
        .count = 2,
        .names = off,
        .names_count = 2},
    {.state = WIRE_RUN_SUCCEEDED, .count = 3, .names = good, .names_count = 3},
};

static wire_exec_row exec_row (void)
{
    return (wire_exec_row){.id = id_of (8),
        .job = STR ("restart nginx"),
        .login = STR ("ann"),
        .issued_us = T0,
        .expires_us = T0 + 3600 * S,
        .targets = 6,
        .succeeded = 3,
        .failed = 1,
        .silent = 2,
        .done = true,
        .done_us = T0 + 41 * S,
        .groups = groups,
        .groups_count = 3};
}

static void the_summary_is_grouped_worst_last (void **state)
{
    (void) state;
    wire_exec_row row = exec_row ();
    BG_AUTO_BUF text = {0};
    ctl_exec_summary (&row, &text);
    assert_buf (text, "3  ok      web[001-002,004]\n"
                      "2  silent  web[005-006]\n"
                      "1  exit 1  web003  \"nginx: bind() failed...\"\n");
    row.targets = 18;
    bg_buf_clear (&text);
    ctl_exec_summary (&row, &text);
    assert_buf (text, "12  other   -\n"
                      " 3  ok      web[001-002,004]\n"
                      " 2  silent  web[005-006]\n"
                      " 1  exit 1  web003  \"nginx: bind() failed...\"\n");
}

static void groups_have_short_names (void **state)
{
    (void) state;
    static const struct {
        wire_exec_group group;
        const char *want;
    } cases[] = {
        {{.state = WIRE_RUN_SUCCEEDED}, "ok"},
        {{.state = WIRE_RUN_RUNNING}, "running"},
        {{.state = WIRE_RUN_NOT_RUN, .reason = STR ("pending")}, "pending"},
        {{.state = WIRE_RUN_NOT_RUN, .reason = STR ("silent")}, "silent"},
        {{.state = WIRE_RUN_NOT_RUN, .reason = STR ("overlap")}, "not run: overlap"},
        {{.state = WIRE_RUN_NOT_RUN}, "not run"},
        {{.state = WIRE_RUN_FAILED, .result = STR ("timeout")}, "timeout"},
        {{.state = WIRE_RUN_FAILED, .result = STR ("exit 0")}, "failed"},
        {{.state = WIRE_RUN_FAILED}, "failed"},
        {{.state = WIRE_RUN_CANCELED, .result = STR ("signal 15")}, "canceled"},
        {{.state = WIRE_RUN_INTERRUPTED}, "interrupted"},
        {{.state = 8}, "unknown"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BG_AUTO_BUF text = {0};
        ctl_exec_group_label (&cases[i].group, &text);
        assert_buf (text, cases[i].want);
    }
}

static void progress_is_one_line (void **state)
{
    (void) state;
    wire_exec_row row = exec_row ();
    BG_AUTO_BUF text = {0};
    BG_AUTO_BUF want = {0};
    row.targets = 500;
    row.succeeded = 409;
    row.failed = 3;
    row.running = 85;
    row.pending = 3;
    row.silent = 0;
    ctl_exec_progress (&row, 41 * S, &text);
    bg_buf_printf (&want,
        "exec %s  restart nginx  412/500 done  3 failed  85 running  3 pending  00:41",
        bg_id_short (id_of (8)).text);
    assert_buf (text, bg_buf_cstr (&want));
}

static void the_exit_code_tells_the_worst (void **state)
{
    (void) state;
    static const struct {
        wire_exec_row row;
        int want;
    } cases[] = {
        {{.targets = 5, .succeeded = 5}, 0},
        {{.targets = 5, .succeeded = 4, .failed = 1}, 20},
        {{.targets = 5, .succeeded = 4, .not_run = 1}, 20},
        {{.targets = 5, .succeeded = 4, .canceled = 1}, 20},
        {{.targets = 5, .succeeded = 3, .interrupted = 1, .silent = 1}, 20},
        {{.targets = 5, .succeeded = 4, .silent = 1}, 21},
        {{.targets = 5, .succeeded = 4, .running = 1}, 21},
        {{.targets = 5, .succeeded = 4, .pending = 1}, 21},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal (ctl_exec_exit_code (&cases[i].row), cases[i].want);
}

static void an_execution_is_whole_in_json (void **state)
{
    (void) state;
    wire_exec_row row = exec_row ();
    BG_AUTO_BUF want = {0};
    bg_buf_printf (&want,
        "{\"id\":\"%s\",\"job\":\"restart "
        "nginx\",\"what\":\"start\",\"state\":\"done\",\"login\":\"ann\","
        "\"issued\":\"2026-03-01T12:00:00Z\",\"expires\":\"2026-03-01T13:00:00Z\",\"done\":\"2026-"
        "03-01T12:00:41Z\","
        "\"seconds\":41,\"reason\":null,\"targets\":6,\"pending\":0,\"running\":0,\"succeeded\":3,"
        "\"failed\":1,"
        "\"canceled\":0,\"interrupted\":0,\"not_run\":0,\"silent\":2,\"waiting\":0,"
        "\"one_shot\":false,\"canceled_by\":null,\"groups\":["
        "{\"state\":\"succeeded\",\"reason\":null,\"result\":null,\"count\":3,"
        "\"targets\":[\"web001\",\"web002\",\"web004\"],\"sample\":null},"
        "{\"state\":\"silent\",\"reason\":null,\"result\":null,\"count\":2,"
        "\"targets\":[\"web005\",\"web006\"],\"sample\":null},"
        "{\"state\":\"failed\",\"reason\":null,\"result\":\"exit 1\",\"count\":1,"
        "\"targets\":[\"web003\"],\"sample\":\"nginx: bind() failed\\nmore\"}]}",
        bg_id_text (id_of (8)).text);
    assert_json (ctl_exec_json (&row, true), bg_buf_cstr (&want));
}

static void progress_is_quiet_where_nobody_watches (void **state)
{
    (void) state;
    char *said = NULL;
    size_t size = 0;
    ctl_output_options options = {.talk = open_memstream (&said, &size)};
    options.data = options.talk;
    ctl_output *out = ctl_output_create (&options);
    ctl_progress progress;
    ctl_progress_init (&progress, out, 0);
    for (int64_t second = 0; second <= 25; second++)
        ctl_progress_show (&progress, bg_slice_str ("line"), second * S);
    ctl_progress_clear (&progress);
    ctl_output_destroy (&out);

    options.talk_is_terminal = true;
    out = ctl_output_create (&options);
    ctl_progress_init (&progress, out, 0);
    ctl_progress_show (&progress, bg_slice_str ("now\033x"), 1);
    ctl_progress_show (&progress, bg_slice_str ("too soon"), 2);
    ctl_progress_clear (&progress);
    ctl_progress_clear (&progress);
    ctl_output_destroy (&out);

    options.is_quiet = true;
    out = ctl_output_create (&options);
    ctl_progress_init (&progress, out, 0);
    ctl_progress_show (&progress, bg_slice_str ("never"), 100 * S);
    ctl_progress_clear (&progress);
    ctl_output_destroy (&out);
    (void) fclose (options.talk);
    assert_string_equal (said, "line\nline\n\r\033[Know?x\r\033[K");
    free (said);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_failed_run_is_whole_in_json),
        cmocka_unit_test (a_running_run_has_no_end),
        cmocka_unit_test (a_run_that_did_not_happen_says_why),
        cmocka_unit_test (a_canceled_run_says_by_what),
        cmocka_unit_test (steps_say_how_they_ended),
        cmocka_unit_test (exit_codes_are_not_invented),
        cmocka_unit_test (missing_output_is_counted),
        cmocka_unit_test (hostile_output_stays_json),
        cmocka_unit_test (the_culprit_is_the_last_step_that_failed),
        cmocka_unit_test (a_run_in_words_has_steps_and_output),
        cmocka_unit_test (a_failure_is_explained),
        cmocka_unit_test (states_are_what_was_asked_for),
        cmocka_unit_test (the_summary_is_grouped_worst_last),
        cmocka_unit_test (groups_have_short_names),
        cmocka_unit_test (progress_is_one_line),
        cmocka_unit_test (the_exit_code_tells_the_worst),
        cmocka_unit_test (an_execution_is_whole_in_json),
        cmocka_unit_test (progress_is_quiet_where_nobody_watches),
    };
    return cmocka_run_group_tests_name ("ctl_run_views", tests, NULL, NULL);
}
