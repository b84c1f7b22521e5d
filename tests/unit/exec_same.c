/*  Whether two cores are in the same state: see exec_same.h.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exec_case.h"
#include "exec_same.h"

#include <stdlib.h>

typedef struct {
    logged *items;
    size_t count;
} copy;

static void emit (void *ctx, bg_slice record)
{
    copy *self = ctx;
    self->items = bg_realloc (self->items, (self->count + 1) * sizeof *self->items);
    self->items[self->count] = (logged){.durable = true};
    bg_buf_append_slice (&self->items[self->count++].bytes, record);
}

static void copy_fini (copy *self)
{
    for (size_t i = 0; i < self->count; i++)
        bg_buf_fini (&self->items[i].bytes);
    free (self->items);
}

/*  Two cores are the same when they would write the same log.  */
void assert_same_state (exec_core *a, exec_core *b)
{
    copy of_a = {0};
    copy of_b = {0};
    exec_core_compact (a, t.now, emit, &of_a);
    exec_core_compact (b, t.now, emit, &of_b);
    assert_int_equal (of_a.count, of_b.count);
    for (size_t i = 0; i < of_a.count; i++)
        assert_true (bg_slice_equal (
            bg_buf_slice (&of_a.items[i].bytes), bg_buf_slice (&of_b.items[i].bytes)));
    exec_core *again = exec_fixture_replay (&t, of_a.items, of_a.count);
    copy of_again = {0};
    exec_core_compact (again, t.now, emit, &of_again);
    assert_int_equal (of_a.count, of_again.count);
    for (size_t i = 0; i < of_a.count; i++)
        assert_true (bg_slice_equal (
            bg_buf_slice (&of_a.items[i].bytes), bg_buf_slice (&of_again.items[i].bytes)));
    exec_core_destroy (&again);
    copy_fini (&of_a);
    copy_fini (&of_b);
    copy_fini (&of_again);
}
