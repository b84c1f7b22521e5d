/*  Set-up and tear-down of cases on one exec_fixture: see exec_case.h.  */
#include "exec_case.h"

exec_fixture t;

int exec_case_fresh (void **state)
{
    (void) state;
    exec_fixture_init (&t);
    return 0;
}

int exec_case_enlisted (void **state)
{
    (void) exec_case_fresh (state);
    exec_fixture_enlist (&t);
    return 0;
}

int exec_case_end (void **state)
{
    (void) state;
    exec_fixture_fini (&t);
    return 0;
}
