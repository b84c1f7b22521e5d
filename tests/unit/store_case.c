/*  A store for each case: see store_case.h.  */
#include "tests/unit/store_case.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "broker/store/store.h"
#include "tests/unit/must.h"

int store_case_open (void **state)
{
    broker_db *db = NULL;
    OK (broker_db_open (":memory:", &db, err));
    OK (broker_db_begin (db, err));
    *state = db;
    return 0;
}

int store_case_close (void **state)
{
    broker_db *db = *state;
    broker_db_close (&db);
    return 0;
}
