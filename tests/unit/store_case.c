/*  A store for each case: see store_case.h.  */
#include "tests/unit/store_case.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "broker/store/memory.h"
#include "broker/store/store.h"
#include "tests/unit/must.h"

#include <stdlib.h>

typedef struct {
    broker_db *db; /*  one of the two  */
    broker_memory *memory;
} store_case;

int store_case_open (void **state)
{
    store_case *self = bg_alloc (sizeof *self);
    OK (broker_db_open (":memory:", &self->db, err));
    OK (broker_db_begin (self->db, err));
    *state = self;
    return 0;
}

int store_case_open_memory (void **state)
{
    store_case *self = bg_alloc (sizeof *self);
    self->memory = broker_memory_new ();
    broker_memory_begin (self->memory);
    *state = self;
    return 0;
}

int store_case_close (void **state)
{
    store_case *self = *state;
    broker_db_close (&self->db);
    broker_memory_destroy (&self->memory);
    free (self);
    return 0;
}

const broker_store *store_case_port (void *state)
{
    store_case *self = state;
    return self->db ? broker_db_port (self->db) : broker_memory_port (self->memory);
}

struct broker_db *store_case_db (void *state)
{
    return ((store_case *) state)->db;
}
