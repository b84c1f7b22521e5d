/*  When it is a rush: by the rate, not by one burst, and not long after.  */
#include "common/base/rush.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SPACING_US 500

static void events_at (bg_rush *self, int64_t *now_us, size_t count, int64_t every_us)
{
    for (size_t i = 0; i < count; i++) {
        *now_us += every_us;
        bg_rush_add (self, *now_us, 1, SPACING_US);
    }
}

static void one_event_is_none (void **state)
{
    (void) state;
    bg_rush rush = {0};
    assert_false (bg_rush_is (&rush, SPACING_US));
    bg_rush_add (&rush, 1000000, 1, SPACING_US);
    assert_false (bg_rush_is (&rush, SPACING_US));
}

static void a_rate_below_is_none_however_long (void **state)
{
    (void) state;
    bg_rush rush = {0};
    int64_t now_us = 0;
    events_at (&rush, &now_us, 100000, SPACING_US + 1);
    assert_false (bg_rush_is (&rush, SPACING_US));
}

static void a_rate_above_is_one_soon (void **state)
{
    (void) state;
    bg_rush rush = {0};
    int64_t now_us = 0;
    events_at (&rush, &now_us, 2 * BG_RUSH_EVENTS, SPACING_US / 2);
    assert_true (bg_rush_is (&rush, SPACING_US));
}

static void it_ends_soon_after_however_much_came (void **state)
{
    (void) state;
    bg_rush rush = {0};
    bg_rush_add (&rush, 1000, SIZE_MAX, SPACING_US);
    assert_true (bg_rush_is (&rush, SPACING_US));
    bg_rush_add (&rush, 1000 + BG_RUSH_EVENTS_MOST * SPACING_US, 0, SPACING_US);
    assert_false (bg_rush_is (&rush, SPACING_US));
}

static void many_at_once_are_one (void **state)
{
    (void) state;
    bg_rush rush = {0};
    bg_rush_add (&rush, 1000, BG_RUSH_EVENTS, SPACING_US);
    assert_true (bg_rush_is (&rush, SPACING_US));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (one_event_is_none),
        cmocka_unit_test (a_rate_below_is_none_however_long),
        cmocka_unit_test (a_rate_above_is_one_soon),
        cmocka_unit_test (it_ends_soon_after_however_much_came),
        cmocka_unit_test (many_at_once_are_one),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
