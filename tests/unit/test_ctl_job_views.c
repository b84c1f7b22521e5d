/*  What the CLI makes of jobs and of changing them, word by word; which files apply reads.  */
#include "ctl/apply.h"
#include "ctl/job_files.h"
#include "ctl/job_view.h"
#include "ctl/standing_change.h"
#include "ctl/zones.h"

#include "common/sys/file.h"
#include "temp_dir.h"

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

/*  ---- jobs ----  */

static wire_job_row job_row (void)
{
    return (wire_job_row){.name = STR ("nightly"),
        .key = id_of (3),
        .version = 1000,
        .revision = 4,
        .targets = 6,
        .applied = 3,
        .waiting = 1,
        .failed = 1,
        .running = 2,
        .last_state = WIRE_RUN_FAILED,
        .last_us = T0,
        .audience = STR ("group db"),
        .posted_by = STR ("ann"),
        .owner = STR ("bob"),
        .waiting_runs = 3,
        .spent = 1,
        .posted_us = T0 - S,
        .steps = 2,
        .schedules = 1};
}

static void a_job_is_whole_in_json (void **state)
{
    (void) state;
    wire_job_row row = job_row ();
    BG_AUTO_BUF want = {0};
    bg_buf_printf (&want,
        "{\"name\":\"nightly\",\"key\":\"%s\",\"enabled\":true,\"disabled_reason\":null,"
        "\"disabled_until\":null,"
        "\"version\":4,"
        "\"document_version\":1000,\"audience\":\"group "
        "db\",\"category\":null,\"step_count\":2,\"schedule_count\":1,"
        "\"targets\":6,\"pending\":1,\"waiting\":1,\"applied\":3,\"failed\":1,\"running\":2,\"last_"
        "state\":\"failed\","
        "\"last\":\"2026-03-01T12:00:00Z\",\"posted\":\"2026-03-01T11:59:59Z\",\"posted_by\":"
        "\"ann\",\"enabled_until\":null,\"owner\":\"bob\",\"waiting_runs\":3,"
        "\"deleted_itself\":1}",
        bg_id_text (id_of (3)).text);
    assert_json (ctl_job_json (&row), bg_buf_cstr (&want));
    row.last_us = 0;
    row.last_state = 0;
    json_t *object = ctl_job_json (&row);
    assert_true (json_is_null (json_object_get (object, "last_state")));
    json_decref (object);
}

static bg_slice argv[] = {STR ("pg_dumpall")};
static bg_slice group_names[] = {STR ("db")};
static wire_job_step job_steps[] = {
    {.name = STR ("dump"),
        .kind = WIRE_STEP_RUN,
        .argv = argv,
        .argv_count = 1,
        .timeout_us = 7200 * S,
        .retry_attempts = 2,
        .on_failure = WIRE_FLOW_GOTO,
        .failure_step = 2},
    {.name = STR ("report"),
        .kind = WIRE_STEP_SCRIPT,
        .script = STR ("echo\n"),
        .on_success = WIRE_FLOW_FAIL},
};
static wire_job_schedule job_schedules[] = {
    {.name = STR ("night"), .kind = WIRE_SCHEDULE_CRON, .cron = STR ("30 2 * * *")},
    {.name = STR ("noon"),
        .kind = WIRE_SCHEDULE_CRON,
        .cron = STR ("0 12 * * *"),
        .zone = STR ("UTC")},
    {.name = STR ("often"), .kind = WIRE_SCHEDULE_EVERY, .every_us = 60 * S},
};

static wire_job job_of (void)
{
    return (wire_job){.name = STR ("nightly"),
        .has_audience = true,
        .audience = {.groups = group_names, .groups_count = 1},
        .steps = job_steps,
        .steps_count = 2,
        .schedules = job_schedules,
        .schedules_count = 3};
}

static void a_definition_says_what_follows_and_when (void **state)
{
    (void) state;
    wire_job job = job_of ();
    json_t *object = json_object ();
    ctl_job_add_definition (object, &job, T0 + S);
    assert_string_equal (json_string_value (json_object_get (object, "start")), "by any login");
    assert_non_null (
        strstr (json_string_value (json_object_get (object, "definition")), "job: nightly\n"));
    json_object_del (object, "definition");
    assert_json (object,
        "{\"description\":null,\"start\":\"by any login\",\"rules\":null,\"steps\":["
        "{\"step\":1,\"name\":\"dump\",\"does\":\"run "
        "pg_dumpall\",\"with\":null,\"timeout\":\"2h\",\"retries\":2,"
        "\"retry_every\":\"1m\",\"on_success\":\"next\",\"on_failure\":\"go to step 2 (report)\"},"
        "{\"step\":2,\"name\":\"report\",\"does\":\"script of 1 line under "
        "/bin/sh\",\"with\":null,\"timeout\":null,\"retries\":0,"
        "\"retry_every\":null,\"on_success\":\"fail\",\"on_failure\":\"fail\"}],\"schedules\":["
        "{\"name\":\"night\",\"when\":\"cron 30 2 * * *\",\"zone\":\"target\",\"next\":null},"
        "{\"name\":\"noon\",\"when\":\"cron 0 12 * * *, "
        "UTC\",\"zone\":\"UTC\",\"next\":\"2026-03-02T12:00:00Z\"},"
        "{\"name\":\"often\",\"when\":\"every "
        "1m\",\"zone\":null,\"next\":\"2026-03-01T12:01:00Z\"}]}");
}

/*  The next time of a schedule of a job that is disabled: never, or from then on.  */
static void assert_next (wire_job_row row, const char *want)
{
    wire_job job = job_of ();
    json_t *object = ctl_job_json (&row);
    ctl_job_add_definition (object, &job, T0 + S);
    const json_t *often = json_array_get (json_object_get (object, "schedules"), 2);
    const char *next = json_string_value (json_object_get (often, "next"));
    if (want)
        assert_string_equal (next, want);
    else
        assert_null (next);
    json_decref (object);
}

static void a_disabled_job_has_no_next_time_before_it_is_enabled (void **state)
{
    (void) state;
    wire_job_row row = job_row ();
    assert_next (row, "2026-03-01T12:01:00Z");
    row.disabled = true;
    assert_next (row, NULL);
    row.disabled_until_us = T0 + 3600 * S;
    assert_next (row, "2026-03-01T13:00:00Z");
}

/*  ---- apply ----  */

static wire_signed sign_job (bg_arena *arena, const wire_job *job)
{
    BG_AUTO_BUF body = {0};
    BG_AUTO_BUF bytes = {0};
    wire_document document = {.type = WIRE_TYPE_JOB,
        .format = 1,
        .installation = id_of (7),
        .key = id_of (3),
        .version = 1000};
    wire_encode (&wire_desc_job, job, &body);
    document.body = bg_buf_slice (&body);
    wire_encode (&wire_desc_document, &document, &bytes);
    return (wire_signed){
        .type = WIRE_TYPE_JOB, .bytes = bg_arena_copy (arena, bg_buf_slice (&bytes))};
}

static void apply_compares_definitions (void **state)
{
    (void) state;
    BG_AUTO_ARENA arena = {0};
    wire_job job = job_of ();
    wire_signed document = sign_job (&arena, &job);
    ctl_standing found = {
        .type = WIRE_TYPE_JOB, .is_here = true, .version = 1000, .document = &document};
    ctl_definition wanted = {.type = WIRE_TYPE_JOB, .body = &job};
    ctl_apply_plan plan = ctl_apply_compare (&found, &wanted);
    assert_true (plan.is_unchanged);

    wanted.not_after_us = T0;
    assert_false (ctl_apply_compare (&found, &wanted).is_unchanged);
    wanted.not_after_us = 0;

    job.max_starts = 1;
    plan = ctl_apply_compare (&found, &wanted);
    assert_false (plan.is_unchanged);
    assert_int_equal (plan.last_version, 1000);
    assert_int_equal (plan.seen_version, 1000);

    const ctl_standing withdrawn = {.type = WIRE_TYPE_JOB, .version = 500};
    plan = ctl_apply_compare (&withdrawn, &wanted);
    assert_false (plan.is_unchanged);
    assert_int_equal (plan.last_version, 500);
    assert_int_equal (plan.seen_version, 0);

    const ctl_standing never = {.type = WIRE_TYPE_JOB};
    plan = ctl_apply_compare (&never, &wanted);
    assert_false (plan.is_unchanged);
    assert_int_equal (plan.last_version, 0);

    document.bytes = bg_slice_str ("no document");
    assert_false (ctl_apply_compare (&found, &wanted).is_unchanged);
}

static void apply_says_what_became_of_each (void **state)
{
    (void) state;
    ctl_apply_outcome outcome = {.type = WIRE_TYPE_JOB,
        .name = STR ("nightly"),
        .outcome = WIRE_POSTED_CHANGED,
        .revision = 4,
        .version = 1001,
        .targets = 1,
        .diff = STR ("+ overlap: queue")};
    BG_AUTO_BUF text = {0};
    ctl_apply_text (&outcome, false, &text);
    assert_buf (text, "changed nightly (v4) -> 1 target");
    assert_json (ctl_apply_json (&outcome),
        "{\"type\":\"job\",\"name\":\"nightly\",\"outcome\":\"changed\",\"version\":4,"
        "\"document_version\":1001,\"targets\":1,\"diff\":\"+ overlap: queue\"}");
    outcome.type = WIRE_TYPE_CALENDAR;
    bg_buf_clear (&text);
    ctl_apply_text (&outcome, true, &text);
    assert_buf (text, "would be changed calendar nightly (v4) -> 1 target");
}

static void write_file (const char *dir, const char *name)
{
    BG_AUTO_CHAR path = bg_path_join (dir, name);
    bg_error err = {0};
    assert_true (bg_is_ok (bg_file_create (path, bg_slice_str ("x"), &err)));
}

static void directories_give_their_job_files_in_order (void **state)
{
    (void) state;
    char *dir = temp_dir_make ();
    char **paths = NULL;
    size_t count = 0;
    bg_error err = {0};
    assert_int_equal (ctl_apply_files (dir, &paths, &count, &err).code, BG_NOT_FOUND);
    static const char *const names[] = {
        "b.yaml", "a.yml", ".hidden.yaml", "notes.txt", "c.yaml~", ".yaml"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        write_file (dir, names[i]);
    BG_AUTO_CHAR sub = bg_path_join (dir, "sub.yaml");
    assert_true (bg_is_ok (bg_dir_make (sub, 0700, &err)));
    assert_true (bg_is_ok (ctl_apply_files (dir, &paths, &count, &err)));
    assert_int_equal (count, 2);
    assert_string_equal (strrchr (paths[0], '/'), "/a.yml");
    assert_string_equal (strrchr (paths[1], '/'), "/b.yaml");
    for (size_t i = 0; i < count; i++)
        free (paths[i]);
    free (paths);
    assert_int_equal (ctl_apply_files ("/nonexistent", &paths, &count, &err).code, BG_IO);
    temp_dir_remove (&dir);
}

static void zones_are_looked_up_in_files (void **state)
{
    (void) state;
    assert_true (ctl_zone_exists (NULL, "UTC"));
    assert_false (ctl_zone_exists (NULL, "Nowhere/Land"));
    assert_false (ctl_zone_exists (NULL, "../../etc/passwd"));
    assert_false (ctl_zone_exists (NULL, "Europe"));
    ctl_zones zones = {0};
    bg_error err = {0};
    const job_zone *utc = ctl_zone_lookup (&zones, bg_slice_str ("UTC"), &err);
    assert_non_null (utc);
    assert_ptr_equal (ctl_zone_lookup (&zones, bg_slice_str ("UTC"), &err), utc);
    assert_null (ctl_zone_lookup (&zones, bg_slice_str ("Nowhere/Land"), &err));
    ctl_zones_fini (&zones);
}

/*  ---- changes ----  */

static void switches_change_only_what_differs (void **state)
{
    (void) state;
    const wire_job_row row = job_row ();
    ctl_standing standing = ctl_standing_of_job (&row);
    const bg_slice why = STR ("move");
    const bg_slice none = {0};
    bool same = true;
    wire_switch wanted = ctl_switch_wanted (&standing, NULL, true, T0, why, true, &same);
    assert_false (same);
    assert_true (wanted.disabled && wanted.until_us == T0 && bg_slice_is (wanted.reason, "move"));
    assert_true (
        bg_slice_is (wanted.object_name, "nightly") && bg_id_equal (wanted.object_key, row.key));

    wire_switch current = wanted;
    standing.is_disabled = true;
    wanted = ctl_switch_wanted (&standing, &current, true, T0, none, false, &same);
    assert_true (same);
    wanted = ctl_switch_wanted (&standing, &current, true, 0, none, false, &same);
    assert_false (same);
    assert_true (bg_slice_is (wanted.reason, "move"));
    wanted = ctl_switch_wanted (&standing, &current, true, T0, none, true, &same);
    assert_false (same);
    wanted = ctl_switch_wanted (&standing, &current, false, 0, none, false, &same);
    assert_false (same);
    assert_true (!wanted.disabled && wanted.reason.size == 0 && wanted.until_us == 0);
    standing.is_disabled = false;
    ctl_switch_wanted (&standing, &current, false, 0, why, true, &same);
    assert_true (same);
    wanted = ctl_switch_wanted (&standing, NULL, false, T0, why, true, &same);
    assert_false (same);
    assert_true (!wanted.disabled && wanted.until_us == T0);
    standing.enabled_until_us = T0;
    ctl_switch_wanted (&standing, &wanted, false, T0, why, true, &same);
    assert_true (same);
    ctl_switch_wanted (&standing, &wanted, false, 0, why, true, &same);
    assert_false (same);
}

static void changes_say_what_they_did (void **state)
{
    (void) state;
    BG_AUTO_BUF text = {0};
    ctl_change change = {.name = STR ("nightly"),
        .outcome = "disabled",
        .targets = 5,
        .until_us = T0,
        .is_utc = true,
        .reason = STR ("move")};
    ctl_change_text (&change, &text);
    assert_buf (text, "disabled nightly -> 5 targets, until 2026-03-01 12:00:00 Z");
    assert_json (ctl_change_json (&change),
        "{\"name\":\"nightly\",\"outcome\":\"disabled\",\"until\":\"2026-03-01T12:00:00Z\","
        "\"reason\":\"move\","
        "\"targets\":5,\"dry_run\":false}");
    bg_buf_clear (&text);
    change.dry_run = true;
    ctl_change_text (&change, &text);
    assert_buf (text, "would be disabled nightly -> 5 targets, until 2026-03-01 12:00:00 Z");
    bg_buf_clear (&text);
    change = (ctl_change){.name = STR ("nightly"), .outcome = "unchanged", .already = "enabled"};
    ctl_change_text (&change, &text);
    assert_buf (text, "unchanged nightly (enabled already)");
    bg_buf_clear (&text);
    change.dry_run = true;
    ctl_change_text (&change, &text);
    assert_buf (text, "unchanged nightly (enabled already)");
}

static bg_slice names[] = {STR ("web001"), STR ("web002"), STR ("web004")};

static void orders_say_whom_they_reach (void **state)
{
    (void) state;
    const wire_issued issued = {
        .id = id_of (9), .targets = 3, .connected = 2, .running = 1, .expires_us = T0};
    ctl_order order = {.what = WIRE_DEED_START,
        .job = STR ("nightly"),
        .issued = &issued,
        .dry_run = true,
        .names = names,
        .name_count = 3};
    BG_AUTO_BUF text = {0};
    ctl_order_dry_text (&order, &text);
    assert_buf (text,
        "would start nightly -> 3 targets (2 connected, 1 running it now)\nweb[001-002,004]\n");
    assert_json (ctl_order_json (&order),
        "{\"id\":null,\"job\":\"nightly\",\"what\":\"start\",\"targets\":3,\"connected\":2,"
        "\"running\":1,"
        "\"expires\":\"2026-03-01T12:00:00Z\",\"repeated\":false,\"dry_run\":true,"
        "\"names\":[\"web001\",\"web002\",\"web004\"]}");
    order.dry_run = false;
    order.what = WIRE_DEED_STOP;
    bg_buf_clear (&text);
    ctl_order_text (&order, &text);
    assert_buf (text, "stopping nightly on 3 targets (2 connected, 1 running it now)");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_job_is_whole_in_json),
        cmocka_unit_test (a_definition_says_what_follows_and_when),
        cmocka_unit_test (a_disabled_job_has_no_next_time_before_it_is_enabled),
        cmocka_unit_test (apply_compares_definitions),
        cmocka_unit_test (apply_says_what_became_of_each),
        cmocka_unit_test (directories_give_their_job_files_in_order),
        cmocka_unit_test (zones_are_looked_up_in_files),
        cmocka_unit_test (switches_change_only_what_differs),
        cmocka_unit_test (changes_say_what_they_did),
        cmocka_unit_test (orders_say_whom_they_reach),
    };
    return cmocka_run_group_tests_name ("ctl_job_views", tests, NULL, NULL);
}
