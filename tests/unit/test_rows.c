/*  Tables of rows in memory: order, undo, the bound on bytes, copies.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/base/rows.h"
#include "tests/unit/must.h"

typedef struct {
    uint64_t number;
    bg_slice text;
    bg_slice more;
} thing;

enum { THINGS, OTHERS, TABLES };

static const bg_row_shape shapes[TABLES] = {
    [THINGS] = {.size = sizeof (thing),
        .slice_count = 2,
        .slices = {offsetof (thing, text), offsetof (thing, more)},
        .weigh = offsetof (thing, text),
        .weighs = true},
    [OTHERS] = {.size = sizeof (thing)},
};

static int open_rows (void **state)
{
    static bg_rows rows;
    bg_rows_init (&rows, "test", shapes, TABLES);
    bg_rows_begin (&rows);
    *state = &rows;
    return 0;
}

static int close_rows (void **state)
{
    bg_rows_fini (*state);
    return 0;
}

static bg_result put (bg_rows *rows, uint64_t number, const char *text, bg_error *err)
{
    const bg_number_key key = bg_number_key_of (number);
    const thing body = {number, bg_slice_str (text), bg_slice_str ("more")};
    return bg_rows_put (rows, THINGS, bg_number_key_slice (&key), &body, err);
}

static const thing *find (const bg_rows *rows, uint64_t number)
{
    const bg_number_key key = bg_number_key_of (number);
    return bg_rows_find (rows, THINGS, bg_number_key_slice (&key));
}

static bool drop (bg_rows *rows, uint64_t number)
{
    const bg_number_key key = bg_number_key_of (number);
    return bg_rows_remove (rows, THINGS, bg_number_key_slice (&key));
}

static bool is_text (const bg_rows *rows, uint64_t number, const char *text)
{
    const thing *found = find (rows, number);
    return found && found->number == number && bg_slice_is (found->text, text) &&
           bg_slice_is (found->more, "more");
}

static void rows_are_copied_and_come_in_the_order_of_their_keys (void **state)
{
    bg_rows *rows = *state;
    char text[] = "three";
    OK (put (rows, 300, text, err));
    OK (put (rows, 2, "two", err));
    OK (put (rows, UINT64_MAX, "last", err));
    OK (put (rows, 17, "seventeen", err));
    text[0] = 'X';
    const bg_table *table = &rows->tables[THINGS];
    const uint64_t wanted[] = {2, 17, 300, UINT64_MAX};
    assert_int_equal (table->count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_true (((const thing *) bg_row_body (table->rows[i]))->number == wanted[i]);
    assert_true (is_text (rows, 300, "three"));
    assert_int_equal (table->weight, strlen ("three"
                                             "two"
                                             "last"
                                             "seventeen"));
    assert_null (find (rows, 3));
}

static void undoing_brings_back_what_was_there (void **state)
{
    bg_rows *rows = *state;
    for (uint64_t i = 1; i <= 9; i++)
        OK (put (rows, i, "before", err));
    bg_rows_commit (rows);
    const size_t bytes = rows->bytes;
    const uint64_t weight = rows->tables[THINGS].weight;
    bg_rows_begin (rows);
    OK (put (rows, 5, "changed", err));
    OK (put (rows, 5, "and again", err));
    assert_true (drop (rows, 5));
    assert_false (drop (rows, 5));
    OK (put (rows, 5, "anew", err));
    OK (put (rows, 12, "new", err));
    assert_true (drop (rows, 12));
    bg_rows_remove_first (rows, THINGS, 3);
    assert_int_equal (rows->tables[THINGS].count, 6);
    bg_rows_rollback (rows);
    assert_int_equal (rows->tables[THINGS].count, 9);
    for (uint64_t i = 1; i <= 9; i++)
        assert_true (is_text (rows, i, "before"));
    assert_int_equal (rows->bytes, bytes);
    assert_int_equal (rows->tables[THINGS].weight, weight);
}

static void what_takes_too_much_is_refused_and_changes_nothing (void **state)
{
    bg_rows *rows = *state;
    OK (put (rows, 1, "one", err));
    const size_t bytes = rows->bytes;
    rows->max_bytes = bytes;
    assert_int_equal (put (rows, 2, "two", NULL).code, BG_STORAGE_FULL);
    assert_int_equal (put (rows, 1, "longer", NULL).code, BG_STORAGE_FULL);
    assert_true (is_text (rows, 1, "one"));
    assert_int_equal (rows->bytes, bytes);
    OK (put (rows, 1, "uno", err)); /*  as long as what it replaces  */
    rows->max_bytes = 0;
    OK (put (rows, 2, "two", err));
}

static bool is_even (const void *ctx, const void *body)
{
    (void) ctx;
    return ((const thing *) body)->number % 2 == 0;
}

static void rows_leave_by_what_they_hold (void **state)
{
    bg_rows *rows = *state;
    for (uint64_t i = 1; i <= 6; i++)
        OK (put (rows, i, "text", err));
    bg_rows_remove_if (rows, THINGS, is_even, NULL);
    assert_int_equal (rows->tables[THINGS].count, 3);
    assert_null (find (rows, 4));
    assert_true (is_text (rows, 5, "text"));
}

static void a_copy_lives_by_itself (void **state)
{
    bg_rows *rows = *state;
    OK (put (rows, 1, "one", err));
    OK (put (rows, 2, "two", err));
    bg_rows_commit (rows);
    bg_rows copy;
    bg_rows_init (&copy, "copy", shapes, TABLES);
    bg_rows_copy (rows, &copy);
    bg_rows_begin (rows);
    OK (put (rows, 1, "changed", err));
    assert_true (drop (rows, 2));
    bg_rows_commit (rows);
    assert_true (is_text (&copy, 1, "one"));
    assert_true (is_text (&copy, 2, "two"));
    assert_int_equal (copy.tables[THINGS].weight, strlen ("onetwo"));
    bg_rows_fini (&copy);
}

int main (void)
{
#define CASE(name) cmocka_unit_test_setup_teardown (name, open_rows, close_rows)
    const struct CMUnitTest tests[] = {
        CASE (rows_are_copied_and_come_in_the_order_of_their_keys),
        CASE (undoing_brings_back_what_was_there),
        CASE (what_takes_too_much_is_refused_and_changes_nothing),
        CASE (rows_leave_by_what_they_hold),
        CASE (a_copy_lives_by_itself),
    };
    return cmocka_run_group_tests_name ("tables of rows", tests, NULL, NULL);
}
