/*  bugle-exec: what the policy, the lease and the disk of the machine allow, and the plan that comes of it.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exec_case.h"

static void nothing_starts_without_a_policy (void **state)
{
    (void) state;
    wire_signed job = exec_fixture_job (&t, "a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    exec_core_set_policy (t.core, t.now, NULL, "there is no policy at /etc/bugle/policy");
    assert_string_equal (exec_fixture_start (&t, job, &deed), "policy");
    assert_non_null (strstr (exec_fixture_message (&t), "there is no policy at /etc/bugle/policy"));
    assert_true (exec_fixture_verdict (&t)->hint.size > 0);
    exec_core_set_policy (t.core, t.now, &t.policy, NULL);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
}

static void a_job_that_could_not_run_is_refused_when_it_comes (void **state)
{
    (void) state;
    wire_signed job = exec_fixture_job (&t, "a");
    exec_policy policy = t.policy;
    strcpy (policy.account, "nobody-here");
    exec_core_set_policy (t.core, t.now, &policy, NULL);
    assert_string_equal (exec_fixture_offer (&t, job), "policy");
    exec_core_set_policy (t.core, t.now, NULL, "there is no policy at /etc/bugle/policy");
    assert_string_equal (exec_fixture_offer (&t, job), "policy");
    assert_true (exec_fixture_verdict (&t)->hint.size > 0);
    /*  No floor was raised: the same version is taken when the policy is mended, and stays taken.  */
    exec_core_set_policy (t.core, t.now, &t.policy, NULL);
    assert_string_equal (exec_fixture_offer (&t, job), "ok");
    exec_core_set_policy (t.core, t.now, &policy, NULL);
    assert_string_equal (exec_fixture_offer (&t, job), "ok");
}

static void policy_names_account_root_and_hours (void **state)
{
    (void) state;
    wire_signed job = exec_fixture_job (&t, "a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    exec_policy policy = t.policy;
    strcpy (policy.account, "nobody-here");
    exec_core_set_policy (t.core, t.now, &policy, NULL);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "policy");
    policy = t.policy;
    t.account_uid = 0;
    exec_core_set_policy (t.core, t.now, &policy, NULL);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "policy");
    policy.root = true;
    policy.has_hours = true; /*  it is midnight UTC, and two in the machine's zone  */
    policy.hours_from = 0;
    policy.hours_to = 60;
    t.utc_offset_s = 7200;
    exec_core_set_policy (t.core, t.now, &policy, NULL);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "window");
    policy.hours_to = 121;
    exec_core_set_policy (t.core, t.now, &policy, NULL);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
}

static const char *variable (const wire_variable *items, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (bg_slice_is (items[i].name, name))
            return bg_arena_str (&t.arena, items[i].value);
    }
    return NULL;
}

/*  The plan of a START of the job.  */
static const wire_plan *plan_of (const wire_job *job)
{
    const char *name = bg_arena_str (&t.arena, job->name);
    wire_signed document = fixture_document (&t.signing, WIRE_TYPE_JOB, name, job);
    wire_signed deed = exec_fixture_start_deed (&t, name);
    assert_string_equal (exec_fixture_start (&t, document, &deed), "running");
    wire_header header;
    void *value = NULL;
    assert_true (
        bg_is_ok (wire_inner_decode (bg_buf_slice (&t.plan), &t.arena, &header, &value, NULL)));
    return value;
}

/*  Texts stay as signed: what a token stands for depends on when its step begins.  */
static void plans_carry_texts_as_signed_and_what_tokens_stand_for (void **state)
{
    (void) state;
    wire_job job = {
        .name = bg_slice_str ("plan me"), .has_audience = true, .audience = {.all = true}};
    fixture_step (&t.signing, &job, "one", NULL, "echo", "$(ESCAPE_NONE(JOBNAME)) $(date)", NULL);
    wire_job_step *step = fixture_step (
        &t.signing, &job, "two", "echo $(ESCAPE_SHELL(STEPNAME)) $HOME", "bash", "-eu", NULL);
    wire_pair own = {bg_slice_str ("COLOUR"), bg_slice_str ("$(ESCAPE_NONE(TARGET))")};
    wire_pair common[2] = {{bg_slice_str ("PATH"), bg_slice_str ("/opt/bin")},
        {bg_slice_str ("COLOUR"), bg_slice_str ("grey")}};
    step->environment = &own;
    step->environment_count = 1;
    step->timeout_us = (uint64_t) BG_HOUR (9);
    job.environment = common;
    job.environment_count = 2;
    exec_policy policy = t.policy;
    policy.maximum_run_time_us = BG_HOUR (2);
    exec_core_set_policy (t.core, t.now, &policy, NULL);
    const wire_plan *plan = plan_of (&job);
    assert_int_equal (plan->steps_count, 2);
    assert_true (bg_slice_is (plan->steps[0].argv[1], "$(ESCAPE_NONE(JOBNAME)) $(date)"));
    assert_true (bg_slice_is (plan->steps[0].directory, "/home/jobs"));
    assert_true (plan->steps[0].timeout_us == (uint64_t) BG_HOUR (2));
    assert_true (plan->timeout_us == (uint64_t) BG_HOUR (2));
    assert_true (plan->steps[0].grace_us == (uint64_t) BG_SEC (10));
    assert_int_equal (plan->steps[1].argv_count, 2);
    assert_true (bg_slice_is (plan->steps[1].script, "echo $(ESCAPE_SHELL(STEPNAME)) $HOME"));
    assert_string_equal (variable (plan->tokens, plan->tokens_count, "JOBNAME"), "plan me");
    assert_string_equal (variable (plan->tokens, plan->tokens_count, "MACH"), "machine");
    assert_string_equal (variable (plan->tokens, plan->tokens_count, "BROKER"), "lab");
    assert_string_equal (variable (plan->tokens, plan->tokens_count, "TARGET"), "db01");
    assert_null (variable (plan->tokens, plan->tokens_count, "STEPNAME"));
    const wire_variable *all = plan->environment;
    size_t count = plan->environment_count;
    assert_string_equal (variable (all, count, "PATH"), "/opt/bin");
    assert_string_equal (variable (all, count, "LANG"), "C.UTF-8");
    assert_null (variable (all, count, "BUGLE_JOBNAME"));
    all = plan->steps[1].environment;
    count = plan->steps[1].environment_count;
    assert_string_equal (variable (all, count, "HOME"), "/home/jobs");
    assert_string_equal (variable (all, count, "COLOUR"), "$(ESCAPE_NONE(TARGET))");
    assert_int_equal (plan->steps[1].umask, 022);
}

/*  The job's own words stand over what comes with the account, the step's over both.  */
static void environments_of_job_and_step_go_over_the_accounts (void **state)
{
    (void) state;
    wire_job job = {
        .name = bg_slice_str ("own home"), .has_audience = true, .audience = {.all = true}};
    wire_pair homes[2] = {{bg_slice_str ("HOME"), bg_slice_str ("/of/job")},
        {bg_slice_str ("SHELL"), bg_slice_str ("/of/job")}};
    wire_pair shell = {bg_slice_str ("SHELL"), bg_slice_str ("/of/step")};
    job.environment = homes;
    job.environment_count = 2;
    wire_job_step *step = fixture_step (&t.signing, &job, "one", NULL, "/bin/true", NULL);
    step->environment = &shell;
    step->environment_count = 1;
    const wire_plan *plan = plan_of (&job);
    const wire_plan_step *first = &plan->steps[0];
    assert_string_equal (variable (plan->environment, plan->environment_count, "HOME"), "/of/job");
    assert_null (variable (first->environment, first->environment_count, "HOME"));
    assert_string_equal (
        variable (first->environment, first->environment_count, "SHELL"), "/of/step");
    assert_non_null (variable (first->environment, first->environment_count, "USER"));
}

static void steps_carry_what_they_say_about_their_process (void **state)
{
    (void) state;
    wire_job job = {.name = bg_slice_str ("all"), .has_audience = true, .audience = {.all = true}};
    wire_job_step *step = fixture_step (&t.signing, &job, "one", NULL, "/bin/true", NULL);
    uint64_t codes[2] = {0, 3};
    step->has_umask = true;
    step->umask = 0;
    step->success_codes = codes;
    step->success_codes_count = 2;
    step->output_file = bg_slice_str ("/var/log/$(ESCAPE_NONE(STEPCT))");
    step->output_append = true;
    step->output_quiet = true;
    step->output_keep = 3;
    step->has_limits = true;
    step->limits = (wire_limits){.memory_bytes = 1 << 20, .processes = 5};
    step = fixture_step (&t.signing, &job, "asks", NULL, "/bin/true", NULL);
    step->as = bg_slice_str ("nobody");
    step->output_head = 1;
    step->output_tail = 2;
    const wire_plan *plan = plan_of (&job);
    const wire_plan_step *first = &plan->steps[0];
    assert_int_equal (first->umask, 0);
    assert_int_equal (first->success_codes_count, 2);
    assert_true (bg_slice_is (first->output_file, "/var/log/$(ESCAPE_NONE(STEPCT))"));
    assert_true (first->output_append && first->output_quiet);
    assert_int_equal (first->keep_bytes, 3);
    assert_true (
        first->has_limits && first->limits.memory_bytes == 1 << 20 && first->limits.processes == 5);
    assert_int_equal (first->problem.size, 0);
    assert_true (plan->steps[1].problem.size > 0);
    assert_int_equal (plan->steps[1].head_bytes + plan->steps[1].tail_bytes * 10, 21);
}

static void a_stale_authority_bars_starts (void **state)
{
    (void) state;
    wire_signed job = exec_fixture_job (&t, "a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    wire_signed short_lived = fixture_authority (&t.signing, 2, t.now.utc_us + BG_MIN (5));
    assert_string_equal (exec_fixture_offer (&t, short_lived), "ok");
    exec_fixture_advance (&t, BG_MIN (6));
    assert_string_equal (exec_fixture_start (&t, job, &deed), "lease");
    /*  Nor does a reboot help a node that keeps the time back.  */
    wire_signed scheduled = exec_fixture_scheduled_job (&t, "b", BG_MIN (1));
    int64_t nominal_us = t.now.utc_us - t.now.utc_us % BG_MIN (1);
    assert_string_equal (exec_fixture_occurrence (&t, scheduled, 1, nominal_us), "lease");
    t.boot.bytes[0]++;
    exec_fixture_restart (&t, t.log_count);
    assert_string_equal (exec_fixture_occurrence (&t, scheduled, 1, nominal_us), "waiting");
    assert_int_equal (t.spawn_count, 0);
}

static void a_full_disk_starts_nothing_and_heals (void **state)
{
    (void) state;
    wire_signed job = exec_fixture_job (&t, "a");
    wire_signed deed = exec_fixture_start_deed (&t, "a");
    exec_core_set_storage_full (t.core, t.now, true);
    size_t records = t.log_count;
    assert_string_equal (exec_fixture_offer (&t, job), "waiting");
    assert_string_equal (exec_fixture_offer (&t, exec_fixture_stop (&t, "b")), "waiting");
    assert_int_equal (t.log_count, records);
    exec_core_set_storage_full (t.core, t.now, false);
    assert_string_equal (exec_fixture_offer (&t, job), "ok");
    exec_core_set_storage_full (t.core, t.now, true);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "storage");
    exec_core_set_storage_full (t.core, t.now, false);
    assert_string_equal (exec_fixture_start (&t, job, &deed), "running");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        ENLISTED (nothing_starts_without_a_policy),
        ENLISTED (a_job_that_could_not_run_is_refused_when_it_comes),
        ENLISTED (policy_names_account_root_and_hours),
        ENLISTED (plans_carry_texts_as_signed_and_what_tokens_stand_for),
        ENLISTED (environments_of_job_and_step_go_over_the_accounts),
        ENLISTED (steps_carry_what_they_say_about_their_process),
        ENLISTED (a_stale_authority_bars_starts),
        ENLISTED (a_full_disk_starts_nothing_and_heals),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
