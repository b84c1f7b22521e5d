/*  Giving memory back: code still runs, constants and variables are what they were, and the process is smaller.  */
#include "common/sys/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (nothing_that_can_be_read_changes),
        cmocka_unit_test (pages_of_files_are_fewer),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
