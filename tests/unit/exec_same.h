/*  Two bugle-exec cores in the same state: they would write the same log, and what is made from that log writes it again.
    For the core of the case (exec_case.h).  */
#ifndef BUGLE_TESTS_EXEC_SAME_H
#define BUGLE_TESTS_EXEC_SAME_H

#include "node/exec/exec_core.h"

void assert_same_state (exec_core *a, exec_core *b);

#endif
