/*  Job files: every key and what it becomes; every mistake and what is said about it, word by
    word.  */
#include "common/job/yaml_job.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static bool zone_exists (void *ctx, const char *name)
{
    (void) ctx;
    return strcmp (name, "Europe/Berlin") == 0 || strcmp (name, "UTC") == 0;
}

static const job_yaml_ports ports = {.zone_exists = zone_exists, .today = 20260310};

/*  What was read from one text, and everything that was said.  */
typedef struct {
    job_yaml_set *set;
    bg_diag *diag;
    bg_error err;
    bg_result result;
} reading;

static void read_text (reading *self, const char *text)
{
    *self = (reading){.set = job_yaml_set_create (&ports), .diag = bg_diag_create ()};
    self->result = job_yaml_read (self->set, "j.yaml", bg_slice_str (text), self->diag, &self->err);
}

static void reading_fini (reading *self)
{
    job_yaml_set_destroy (&self->set);
    bg_diag_destroy (&self->diag);
}

/*  The only job of a text that has no mistake.  */
static const wire_job *read_good (reading *self, const char *text)
{
    read_text (self, text);
    if (bg_failed (self->result)) {
        BG_AUTO_BUF said = {0};
        bg_diag_print (self->diag, &said);
        fail_msg ("%s", bg_buf_cstr (&said));
    }
    assert_int_equal (job_yaml_count (self->set), 1);
    return job_yaml_job (self->set, 0);
}

static void assert_text (bg_slice got, const char *want)
{
    if (!bg_slice_is (got, want))
        fail_msg ("got \"%.*s\", want \"%s\"", BG_SLICE_ARG (got), want);
}

static const char whole[] =
    "# everything that can be said\n"
    "job: nightly-backup\n"
    "description: |\n"
    "  Dump every database,\n"
    "  keep a week\n"
    "category: Maintenance\n"
    "targets: {group: databases, groups: [web, DataBases], labels: \"role=db,env!=test\", names: "
    "[db01, \"db[03-05]\", DB04]}\n"
    "schedules:\n"
    "  - {name: nightly, every: day, at: \"02:30\", zone: target, splay: 0s, misfire: skip}\n"
    "  - {name: exact, every: day, at: 23:59:07}\n"
    "  - {name: workdays, cron: \"0 12 * * 1-5\", zone: Europe/Berlin, gap: edge, fold: first}\n"
    "  - {name: often, every: 1m30s}\n"
    "overlap: skip\n"
    "start: {by: broker, at_most: 4 per 1d, max_starts: 9}\n"
    "environment:\n"
    "  PGUSER: backup\n"
    "  LEVEL: 010\n"
    "  EMPTY: \"\"\n"
    "steps:\n"
    "  - name: dump\n"
    "    run: [pg_dumpall, --file, \"/backup/$(ESCAPE_NONE(DATE)).sql\", \"\"]\n"
    "    directory: /backup\n"
    "    environment: {B: 2, A: 1}\n"
    "    timeout: 2h\n"
    "    grace: 30s\n"
    "    retry: {attempts: 3, every: 5m}\n"
    "    on_success: succeed\n"
    "    on_failure: goto Report it\n"
    "  - name: report it\n"
    "    script: logger \"backup of $BUGLE_JOBNAME failed on $BUGLE_MACH\"\n"
    "    shell: [/bin/bash, -e]\n"
    "    on_success: fail\n"
    "    on_failure: next\n"
    "  - {name: third, script: \"true\", shell: /bin/dash}\n";

static void test_the_keys_of_a_job (void **state)
{
    (void) state;
    reading it;
    const wire_job *job = read_good (&it, whole);
    assert_text (job->name, "nightly-backup");
    assert_text (job->description, "Dump every database,\nkeep a week\n");
    assert_text (job->category, "Maintenance");
    assert_int_equal (job->start_by, WIRE_START_BY_BROKER);
    assert_int_equal (job->at_most, 4);
    assert_int_equal (job->at_most_period_us, INT64_C (86400000000));
    assert_int_equal (job->max_starts, 9);
    assert_int_equal (job->overlap, 0);
    assert_int_equal (job->environment_count, 3);
    assert_text (job->environment[0].key, "EMPTY");
    assert_text (job->environment[0].value, "");
    assert_text (job->environment[1].key, "LEVEL");
    assert_text (job->environment[1].value, "010");
    assert_text (job->environment[2].key, "PGUSER");
    assert_string_equal (job_yaml_job_at (it.set, 0)->file, "j.yaml");
    assert_int_equal (job_yaml_job_at (it.set, 0)->line, 2);
    reading_fini (&it);
}

static void test_the_targets_of_a_job (void **state)
{
    (void) state;
    reading it;
    const wire_audience *to = &read_good (&it, whole)->audience;
    assert_false (to->all);
    assert_int_equal (to->groups_count, 2);
    assert_text (to->groups[0], "databases");
    assert_text (to->groups[1], "web");
    assert_text (to->labels, "role=db,env!=test");
    const char *const names[] = {"db01", "db03", "db04", "db05"};
    assert_int_equal (to->names_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_text (to->names[i], names[i]);
    reading_fini (&it);

    to = &read_good (&it, "job: j\ntargets: {all: true}\nsteps: [{name: s, run: [x]}]\n")->audience;
    assert_true (to->all);
    reading_fini (&it);
    to = &read_good (&it, "job: j\ntargets: {names: \"a[1-2],b\"}\nsteps: [{name: s, run: [x]}]\n")
              ->audience;
    assert_int_equal (to->names_count, 3);
    reading_fini (&it);
}

static void test_the_schedules_of_a_job (void **state)
{
    (void) state;
    reading it;
    const wire_job *job = read_good (&it, whole);
    const struct {
        const char *name;
        uint64_t kind;
        const char *cron, *zone;
        uint64_t every_us;
    } rows[] = {
        {"nightly", WIRE_SCHEDULE_DAILY, "", "", 0},
        {"exact", WIRE_SCHEDULE_DAILY, "", "", 0},
        {"workdays", WIRE_SCHEDULE_CRON, "0 12 * * 1-5", "Europe/Berlin", 0},
        {"often", WIRE_SCHEDULE_EVERY, "", "", 90000000},
    };
    assert_int_equal (job->schedules_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_text (job->schedules[i].name, rows[i].name);
        assert_int_equal (job->schedules[i].kind, rows[i].kind);
        assert_text (job->schedules[i].cron, rows[i].cron);
        assert_text (job->schedules[i].zone, rows[i].zone);
        assert_int_equal (job->schedules[i].every_us, rows[i].every_us);
    }
    reading_fini (&it);
}

static void test_the_steps_of_a_job (void **state)
{
    (void) state;
    reading it;
    const wire_job *job = read_good (&it, whole);
    assert_int_equal (job->steps_count, 3);
    const wire_job_step *dump = &job->steps[0], *report = &job->steps[1], *third = &job->steps[2];
    assert_text (dump->name, "dump");
    assert_int_equal (dump->kind, WIRE_STEP_RUN);
    assert_int_equal (dump->argv_count, 4);
    assert_text (dump->argv[2], "/backup/$(ESCAPE_NONE(DATE)).sql");
    assert_text (dump->argv[3], "");
    assert_text (dump->directory, "/backup");
    assert_text (dump->environment[0].key, "A");
    assert_text (dump->environment[1].value, "2");
    assert_int_equal (dump->timeout_us, INT64_C (7200000000));
    assert_int_equal (dump->grace_us, 30000000);
    assert_int_equal (dump->retry_attempts, 3);
    assert_int_equal (dump->retry_every_us, 300000000);
    assert_int_equal (dump->on_success, WIRE_FLOW_SUCCEED);
    assert_int_equal (dump->on_failure, WIRE_FLOW_GOTO);
    assert_int_equal (dump->failure_step, 2);
    assert_int_equal (report->kind, WIRE_STEP_SCRIPT);
    assert_text (report->script, "logger \"backup of $BUGLE_JOBNAME failed on $BUGLE_MACH\"");
    assert_int_equal (report->shell_count, 2);
    assert_text (report->shell[1], "-e");
    assert_int_equal (report->on_success, WIRE_FLOW_FAIL);
    assert_int_equal (report->on_failure, WIRE_FLOW_NEXT);
    assert_text (third->shell[0], "/bin/dash");
    reading_fini (&it);
}

static void test_defaults_that_are_said_are_the_same_job (void **state)
{
    (void) state;
    reading said, unsaid;
    const wire_job *a = read_good (&said,
        "steps:\n- {name: s, script: x, shell: /bin/sh, grace: 10s, on_success: next, on_failure: "
        "fail,\n"
        "   retry: {attempts: 2, every: 60s}, environment: {B: b, A: a}}\n"
        "- {name: t, script: x, shell: [/bin/sh], retry: {attempts: 0, every: 5m}}\n"
        "targets: {all: true}\ndescription: \"\"\nschedules: []\noverlap: skip\nstart: {by: "
        "login}\njob: j\n");
    const wire_job *b = read_good (&unsaid, "job: j\ntargets: {all: true}\nsteps:\n"
                                            "- {name: s, script: x, retry: {attempts: 2}, "
                                            "environment: {A: a, B: b}}\n- {name: t, script: x}\n");
    BG_AUTO_BUF x = {0}, y = {0};
    WIRE_ENCODE (job, a, &x);
    WIRE_ENCODE (job, b, &y);
    assert_true (bg_slice_equal (bg_buf_slice (&x), bg_buf_slice (&y)));
    reading_fini (&said);
    reading_fini (&unsaid);
}

static void test_several_jobs_in_one_file (void **state)
{
    (void) state;
    reading it;
    read_text (&it, "---\njob: a\ntargets: {all: true}\nsteps: [{name: s, run: [x]}]\n---\n"
                    "job: b\ntargets: {all: true}\nsteps: [{name: s, run: [x]}]\n---\n");
    assert_true (bg_is_ok (it.result));
    assert_int_equal (job_yaml_count (it.set), 2);
    assert_text (job_yaml_job (it.set, 1)->name, "b");
    assert_int_equal (job_yaml_job_at (it.set, 1)->line, 6);

    /*  The good jobs of a file with a bad one stay, and a name in another file counts.  */
    const char *more = "job: c\ntargets: {all: true}\nsteps: [{name: s, run: [x]}]\n---\n"
                       "job: B\ntargets: {all: true}\nsteps: [{name: s, run: [x]}]\n";
    assert_true (
        bg_failed (job_yaml_read (it.set, "k.yaml", bg_slice_str (more), it.diag, &it.err)));
    assert_int_equal (job_yaml_count (it.set), 3);
    assert_string_equal (job_yaml_job_at (it.set, 2)->file, "k.yaml");
    assert_int_equal (bg_diag_count (it.diag), 1);
    assert_string_equal (
        bg_diag_get (it.diag, 0).message, "the job \"B\" is already in j.yaml, line 6");
    reading_fini (&it);
}

/*  ---- mistakes ----  */

/*  "LINE:COLUMN message (nearest)" of each.  */
static void list_mistakes (const bg_diag *diag, bg_buf *out)
{
    for (size_t i = 0; i < bg_diag_kept (diag); i++) {
        bg_diag_item item = bg_diag_get (diag, i);
        bg_buf_printf (out, "%u:%u %s", item.line, item.column, item.message);
        if (item.nearest)
            bg_buf_printf (out, " (%s)", item.nearest);
        bg_buf_append_byte (out, '\n');
    }
}

#include "tests/unit/job_yaml_mistakes.h"
#include "tests/unit/job_yaml_part_mistakes.h"

static void assert_mistake (const mistake *one)
{
    reading it;
    BG_AUTO_BUF said = {0};
    read_text (&it, one->text);
    list_mistakes (it.diag, &said);
    assert_string_equal (bg_buf_cstr (&said), one->says);
    assert_int_equal (it.result.code, BG_INVALID);
    assert_int_equal (job_yaml_count (it.set), 0);
    reading_fini (&it);
}

static void test_every_mistake_is_told_with_its_place (void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++)
        assert_mistake (&mistakes[i]);
    for (size_t i = 0; i < sizeof part_mistakes / sizeof part_mistakes[0]; i++)
        assert_mistake (&part_mistakes[i]);
}

static void test_what_later_versions_bring_is_refused (void **state)
{
    (void) state;
    const char *const job_keys[] = {
        "notify: ops", "replaces: x", "as: root", "secrets: [a]", "limits: {}", "output: x"};
    const char *const step_keys[] = {"sql: select 1", "http: {url: x}", "secrets: [a]"};
    const char *const retry_keys[] = {"backoff: 2", "jitter: 1s"};
    const struct {
        const char *format;
        const char *const *keys;
        size_t count;
    } places[] = {
        {"job: j\ntargets: {all: true}\n%s\nsteps: [{name: s, run: [x]}]\n", job_keys, 6},
        {"job: j\ntargets: {all: true}\nsteps:\n- name: s\n  run: [x]\n  %s\n", step_keys, 3},
        {"job: j\ntargets: {all: true}\nsteps:\n- name: s\n  run: [x]\n  retry:\n    attempts: 1\n"
         "    %s\n",
            retry_keys, 2},
    };
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < places[i].count; j++) {
            BG_AUTO_BUF text = {0};
            const char *hole = strstr (places[i].format, "%s");
            bg_buf_append (&text, places[i].format, (size_t) (hole - places[i].format));
            bg_buf_printf (&text, "%s%s", places[i].keys[j], hole + 2);
            reading it;
            read_text (&it, bg_buf_cstr (&text));
            assert_int_equal (bg_diag_count (it.diag), 1);
            const char *message = bg_diag_get (it.diag, 0).message;
            if (!strstr (message, "is not in this version"))
                fail_msg ("%s: %s", places[i].keys[j], message);
            reading_fini (&it);
        }
    }
}

static void test_mistakes_are_shown_with_the_line_and_a_caret (void **state)
{
    (void) state;
    reading it;
    BG_AUTO_BUF shown = {0};
    read_text (&it, "job: j\n"
                    "targets: {all: true}\n"
                    "schedule: nightly\n"
                    "schedules:\n"
                    "  - {name: a, cron: \"0 25 * * *\"}\n"
                    "steps:\n"
                    "  - name: report\n"
                    "    script: |\n"
                    "      set -e\n"
                    "      echo h\xc3\xa9 $(JOBNAME)\n");
    bg_diag_print (it.diag, &shown);
    assert_string_equal (bg_buf_cstr (&shown), "j.yaml:3:1: unknown key \"schedule\"\n"
                                               "    3 | schedule: nightly\n"
                                               "      | ^\n"
                                               "  did you mean \"schedules\"?\n"
                                               "j.yaml:5:24: cron: the hour 25 is outside 0 to 23\n"
                                               "    5 |   - {name: a, cron: \"0 25 * * *\"}\n"
                                               "      |                        ^\n"
                                               "j.yaml:10:15: the token $(JOBNAME) has no escape "
                                               "macro; write $(ESCAPE_SHELL(JOBNAME)), or use the "
                                               "environment variable BUGLE_JOBNAME\n"
                                               "   10 |       echo h\xc3\xa9 $(JOBNAME)\n"
                                               "      |               ^\n");
    reading_fini (&it);
}

/*  Without targets and with the prefix or without it: the same job.  */
static void test_the_jobs_of_one_machine (void **state)
{
    (void) state;
    static const char steps[] = "steps: [{name: a, run: [ls]}]\n";
    static const char *const heads[] = {
        "job: tidy\n", "job: local/tidy\n", "job: tidy\ntargets: {all: true}\n"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        BG_AUTO_BUF text = {0};
        reading it = {.set = job_yaml_set_create (&ports), .diag = bg_diag_create ()};
        bg_buf_printf (&text, "%s%s", heads[i], steps);
        job_yaml_set_local (it.set);
        assert_true (
            bg_is_ok (job_yaml_read (it.set, "j.yaml", bg_buf_slice (&text), it.diag, &it.err)));
        const wire_job *job = job_yaml_job (it.set, 0);
        assert_true (bg_slice_is (job->name, "local/tidy"));
        assert_true (job->audience.all);
        assert_int_equal (job_yaml_job_at (it.set, 0)->is_prefixed, i == 1);
        reading_fini (&it);
    }
}

static void test_what_a_job_of_one_machine_cannot_be (void **state)
{
    (void) state;
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"job: a/b\nsteps: [{name: a, run: [ls]}]\n", "holds a '/'"},
        {"job: local/\nsteps: [{name: a, run: [ls]}]\n", "a name is missing"},
        {"job: a\ntargets: {group: web}\nsteps: [{name: a, run: [ls]}]\n", "leave its targets out"},
        {"job: a\nsteps: [{name: a, run: [ls]}]\n---\njob: local/A\nsteps: [{name: a, run: "
         "[ls]}]\n",
            "already in line 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        BG_AUTO_BUF said = {0};
        reading it = {.set = job_yaml_set_create (&ports), .diag = bg_diag_create ()};
        job_yaml_set_local (it.set);
        assert_true (bg_failed (
            job_yaml_read (it.set, "j.yaml", bg_slice_str (rows[i].text), it.diag, &it.err)));
        bg_diag_print (it.diag, &said);
        if (!strstr (bg_buf_cstr (&said), rows[i].said))
            fail_msg ("not \"%s\" but %s", rows[i].said, bg_buf_cstr (&said));
        reading_fini (&it);
    }
    /*  And a file for targets has no such name.  */
    reading it;
    BG_AUTO_BUF said = {0};
    read_text (&it, "job: local/a\ntargets: {all: true}\nsteps: [{name: a, run: [ls]}]\n");
    assert_true (bg_failed (it.result));
    bg_diag_print (it.diag, &said);
    assert_non_null (strstr (bg_buf_cstr (&said), "bugle-node job apply"));
    reading_fini (&it);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_the_keys_of_a_job),
        cmocka_unit_test (test_the_targets_of_a_job),
        cmocka_unit_test (test_the_schedules_of_a_job),
        cmocka_unit_test (test_the_steps_of_a_job),
        cmocka_unit_test (test_defaults_that_are_said_are_the_same_job),
        cmocka_unit_test (test_several_jobs_in_one_file),
        cmocka_unit_test (test_every_mistake_is_told_with_its_place),
        cmocka_unit_test (test_what_later_versions_bring_is_refused),
        cmocka_unit_test (test_mistakes_are_shown_with_the_line_and_a_caret),
        cmocka_unit_test (test_the_jobs_of_one_machine),
        cmocka_unit_test (test_what_a_job_of_one_machine_cannot_be),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
