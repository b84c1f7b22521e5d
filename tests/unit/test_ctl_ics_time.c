/*  An iCalendar file that would take minutes is given up after seconds.  */
#include "common/sys/clock.h"
#include "ctl/ics.h"
#include "temp_dir.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define SECOND_US INT64_C (1000000)

static void test_a_file_that_takes_too_long_is_given_up (void **state)
{
    BG_AUTO_BUF text = {0};
    bg_buf_append_str (&text, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n");
    for (int i = 0; i < 90000; i++)
        bg_buf_append_str (&text,
            "BEGIN:VEVENT\r\nDTSTART:19000101\r\nRRULE:FREQ=DAILY;BYDAY=MO\r\nEND:VEVENT\r\n");
    bg_buf_append_str (&text, "END:VCALENDAR\r\n");
    BG_AUTO_CHAR path = bg_path_join (*state, "slow.ics");
    BG_AUTO_ARENA arena = {0};
    wire_calendar calendar = {0};
    bg_error err = {0};
    assert_int_equal (bg_file_replace (path, bg_buf_slice (&text), 0600, &err).code, BG_OK);
    int64_t before_us = bg_clock_mono_us ();
    bg_result result = ctl_ics_calendar (path, 1, bg_clock_utc_us (), &arena, &calendar, &err);
    assert_int_equal (result.code, BG_TIMEOUT);
    assert_in_range (bg_clock_mono_us () - before_us, 0, 15 * SECOND_US);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_a_file_that_takes_too_long_is_given_up),
    };
    return cmocka_run_group_tests (tests, temp_dir_setup, temp_dir_teardown);
}
