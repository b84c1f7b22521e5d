/*  OK (call): a call that has to succeed. Inside the call err is a bg_error of its own, whose sentence fails the test.  */
#ifndef BUGLE_TESTS_MUST_H
#define BUGLE_TESTS_MUST_H

#include "common/base/err.h"

#define OK(call)                                                                                   \
    do {                                                                                           \
        bg_error ok_err = {0};                                                                     \
        bg_error *err = &ok_err;                                                                   \
        if (bg_failed (call))                                                                      \
            fail_msg ("%s: %s", #call, ok_err.message);                                            \
    } while (0)

#endif
