/*  The broker's store, made anew for each case, with a transaction open: each case runs on SQLite and on the store in
    memory. A case finds its store by store_case_port (*state).  */
#ifndef BUGLE_TESTS_STORE_CASE_H
#define BUGLE_TESTS_STORE_CASE_H

#include "broker/core/store_port.h"

struct broker_db;

int store_case_open (void **state);
int store_case_open_memory (void **state);
int store_case_close (void **state);
const broker_store *store_case_port (void *state);
/*  The store on SQLite, of a case that is for it alone.  */
struct broker_db *store_case_db (void *state);

#define STORE_ON_SQLITE(name)                                                                      \
    cmocka_unit_test_setup_teardown (name, store_case_open, store_case_close)
#define STORE(name)                                                                                \
    STORE_ON_SQLITE (name),                                                                        \
    {                                                                                              \
#name " (memory)", name, store_case_open_memory, store_case_close, NULL                    \
    }

/*  seen: what a visitor noted, numbers and count. These, in this order.  */
#define CHECK_SEEN(seen, ...)                                                                      \
    do {                                                                                           \
        const int64_t wanted[] = {__VA_ARGS__};                                                    \
        assert_int_equal ((seen).count, sizeof wanted / sizeof wanted[0]);                         \
        assert_memory_equal ((seen).numbers, wanted, sizeof wanted);                               \
    } while (0)

#endif
