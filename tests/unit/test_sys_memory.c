/*  Giving memory back: code still runs, constants and variables are what they were, and the process is smaller.  */
#include "common/sys/memory.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char constant[] = "what a program knows from its file";
static char variable[4096] = "what it has written since";

static long file_pages (void)
{
    long size = 0, resident = 0, shared = 0;
    FILE *file = fopen ("/proc/self/statm", "r");
    assert_non_null (file);
    assert_int_equal (fscanf (file, "%ld %ld %ld", &size, &resident, &shared), 3);
    fclose (file);
    return shared;
}

static void nothing_that_can_be_read_changes (void **state)
{
    (void) state;
    char *heap = malloc (100000);
    memset (heap, 'h', 100000);
    variable[100] = 'v';
    bg_memory_give_back ();
    assert_string_equal (constant, "what a program knows from its file");
    assert_string_equal (variable, "what it has written since");
    assert_int_equal (variable[100], 'v');
    assert_int_equal (heap[0], 'h');
    assert_int_equal (heap[99999], 'h');
    free (heap);
    assert_true (strtol ("42", NULL, 10) == 42); /*  libraries, too  */
}

static void pages_of_files_are_fewer (void **state)
{
    (void) state;
    const long before = file_pages ();
    bg_memory_give_back ();
    assert_true (file_pages () <= before);
    bg_memory_give_back (); /*  as often as one likes  */
}

static __attribute__ ((noinline)) void use_stack (uintptr_t *middle)
{
    volatile char used[100000];
    for (size_t i = 0; i < sizeof used; i++)
        used[i] = 's';
    *middle = (uintptr_t) &used[sizeof used / 2];
}

static bool is_resident (uintptr_t address)
{
    const uintptr_t page = (uintptr_t) sysconf (_SC_PAGESIZE);
    uint64_t entry = 0;
    const int fd = open ("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    assert_true (fd >= 0);
    assert_int_equal (
        pread (fd, &entry, sizeof entry, (off_t) (address / page * sizeof entry)), sizeof entry);
    close (fd);
    return entry >> 63 != 0;
}

static void the_stack_below_is_empty (void **state)
{
    (void) state;
    char kept[4096];
    memset (kept, 'k', sizeof kept);
    uintptr_t deep = 0;
    use_stack (&deep);
    assert_true (is_resident (deep));
    bg_memory_give_back ();
    assert_false (is_resident (deep));
    for (size_t i = 0; i < sizeof kept; i++)
        assert_int_equal (kept[i], 'k');
}

static void *give_back (void *arg)
{
    bg_memory_give_back ();
    return arg;
}

static void other_threads_may_ask (void **state)
{
    (void) state;
    pthread_t thread;
    void *answer = NULL;
    assert_int_equal (pthread_create (&thread, NULL, give_back, variable), 0);
    assert_int_equal (pthread_join (thread, &answer), 0);
    assert_ptr_equal (answer, variable);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (nothing_that_can_be_read_changes),
        cmocka_unit_test (pages_of_files_are_fewer),
        cmocka_unit_test (the_stack_below_is_empty),
        cmocka_unit_test (other_threads_may_ask),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
