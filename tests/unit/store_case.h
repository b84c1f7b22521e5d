/*  The broker's store in memory, made anew for each case, with a transaction open. A case's *state is its broker_db.  */
#ifndef BUGLE_TESTS_STORE_CASE_H
#define BUGLE_TESTS_STORE_CASE_H

int store_case_open (void **state);
int store_case_close (void **state);

#define STORE(name) cmocka_unit_test_setup_teardown (name, store_case_open, store_case_close)

/*  seen: what a visitor noted, numbers and count. These, in this order.  */
#define CHECK_SEEN(seen, ...)                                                                      \
    do {                                                                                           \
        const int64_t wanted[] = {__VA_ARGS__};                                                    \
        assert_int_equal ((seen).count, sizeof wanted / sizeof wanted[0]);                         \
        assert_memory_equal ((seen).numbers, wanted, sizeof wanted);                               \
    } while (0)

#endif
