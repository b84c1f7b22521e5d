/*  The one bugle-exec core of a test program, made anew for each case. Bodies of cases name it t.  */
#ifndef BUGLE_TESTS_EXEC_CASE_H
#define BUGLE_TESTS_EXEC_CASE_H

#include "exec_fixture.h"

extern exec_fixture t;

int exec_case_fresh (void **state);
int exec_case_enlisted (void **state);
int exec_case_end (void **state);

/*  A case that begins with nothing, and one that begins as a member.  */
#define FRESH(name)    cmocka_unit_test_setup_teardown (name, exec_case_fresh, exec_case_end)
#define ENLISTED(name) cmocka_unit_test_setup_teardown (name, exec_case_enlisted, exec_case_end)

#endif
