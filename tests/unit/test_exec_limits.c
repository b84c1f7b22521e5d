/*  What keeps a step's limits: resource limits or a control group; and whether there is one.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "node/exec/supervisor_cgroup.h"
#include "node/exec/supervisor_limits.h"

#include <stdlib.h>

static const step_controllers none = {0};
static const step_controllers all = {true, true, true};
static const wire_limits every = {.memory_bytes = 1000,
    .cpu_us = 1500000,
    .processes = 7,
    .files = 8,
    .file_bytes = 9,
    .cpu_percent = 50};

static const struct rlimit *find (const step_limits *limits, int resource)
{
    for (size_t i = 0; i < limits->count; i++) {
        if (limits->items[i].resource == resource)
            return &limits->items[i].value;
    }
    return NULL;
}

static void without_limits_only_cores_are_kept_away (void **state)
{
    (void) state;
    step_limits limits;
    step_limits_decide (NULL, &all, &limits);
    assert_int_equal (limits.count, 1);
    assert_int_equal (find (&limits, RLIMIT_CORE)->rlim_max, 0);
    const wire_limits empty = {0};
    step_limits_decide (&empty, &none, &limits);
    assert_int_equal (limits.count, 1);
}

static void without_a_group_the_kernels_limits_keep_what_they_can (void **state)
{
    (void) state;
    step_limits limits;
    step_limits_decide (&every, &none, &limits);
    assert_int_equal (find (&limits, RLIMIT_AS)->rlim_cur, 1000);
    assert_int_equal (find (&limits, RLIMIT_NPROC)->rlim_max, 7);
    assert_int_equal (find (&limits, RLIMIT_NOFILE)->rlim_cur, 8);
    assert_int_equal (find (&limits, RLIMIT_FSIZE)->rlim_cur, 9);
    assert_true (limits.cpu_percent_is_lost);
    assert_int_equal (
        limits.group_memory_bytes + limits.group_processes + limits.group_cpu_percent, 0);
}

static void a_begun_second_of_cpu_time_is_given_and_then_there_is_a_hard_end (void **state)
{
    (void) state;
    step_limits limits;
    step_limits_decide (&every, &none, &limits);
    const struct rlimit *cpu = find (&limits, RLIMIT_CPU);
    assert_int_equal (cpu->rlim_cur, 2);
    assert_true (cpu->rlim_max > cpu->rlim_cur);
}

static void a_group_takes_what_its_controllers_keep (void **state)
{
    (void) state;
    step_limits limits;
    step_limits_decide (&every, &all, &limits);
    assert_null (find (&limits, RLIMIT_AS));
    assert_null (find (&limits, RLIMIT_NPROC));
    assert_non_null (find (&limits, RLIMIT_CPU));
    assert_int_equal (limits.group_memory_bytes, 1000);
    assert_int_equal (limits.group_processes, 7);
    assert_int_equal (limits.group_cpu_percent, 50);
    assert_false (limits.cpu_percent_is_lost);
    const step_controllers only_pids = {.pids = true};
    step_limits_decide (&every, &only_pids, &limits);
    assert_non_null (find (&limits, RLIMIT_AS));
    assert_null (find (&limits, RLIMIT_NPROC));
    assert_true (limits.cpu_percent_is_lost);
}

static void groups_are_made_only_beside_a_group_named_exec (void **state)
{
    (void) state;
    static const struct {
        const char *text;
        const char *dir;
    } cases[] = {
        {"0::/system.slice/bugle-exec.service/exec\n", "/m/system.slice/bugle-exec.service"},
        {"9:name=systemd:/\n8:pids:/x/exec\n0::/bugle/exec\n", "/m/bugle"},
        {"0::/exec\n", "/m"},
        {"0::/system.slice/bugle-exec.service\n", NULL},
        {"0::/\n", NULL},
        {"0::/../outside/exec\n", NULL},
        {"0::/notexec\n", NULL},
        {"8:pids:/x/exec\n", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *dir = step_cgroups_dir (bg_slice_str (cases[i].text), "/m");
        if (cases[i].dir)
            assert_string_equal (dir, cases[i].dir);
        else
            assert_null (dir);
        free (dir);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (without_limits_only_cores_are_kept_away),
        cmocka_unit_test (without_a_group_the_kernels_limits_keep_what_they_can),
        cmocka_unit_test (a_begun_second_of_cpu_time_is_given_and_then_there_is_a_hard_end),
        cmocka_unit_test (a_group_takes_what_its_controllers_keep),
        cmocka_unit_test (groups_are_made_only_beside_a_group_named_exec),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
