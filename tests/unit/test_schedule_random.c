/*  The fuzz entrance of schedules, cron expressions and calendars over random input of the right
    outer form. Seeds are printed; BUGLE_SEED repeats one, BUGLE_ROUNDS does more.  */
#include "common/job/calendar.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#define ROUNDS       20000
#define NUMBERS_SIZE 30

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static uint32_t pick (uint64_t *state, uint32_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t) ((*state >> 11) % below);
}

static void append_cron (uint64_t *state, bg_buf *input)
{
    static const char words[] = "0123456789*,-/?LW# @sunmonjanfeb";
    for (uint32_t length = 5 + pick (state, 20); length > 0; length--)
        bg_buf_append_byte (input, (uint8_t) words[pick (state, sizeof words - 1)]);
}

/*  Five fields, each likely to be one.  */
static void append_fields (uint64_t *state, bg_buf *input)
{
    static const char *const fields[] = {"*", "*/2", "0", "1", "5", "1-5", "2,4", "30", "12", "L",
        "LW", "15W", "5L", "2#3", "?", "L-3", "*/7"};
    for (int i = 0; i < 5; i++) {
        bg_buf_append_str (input, fields[pick (state, sizeof fields / sizeof fields[0])]);
        bg_buf_append_str (input, " ");
    }
}

static void append_ranges (uint64_t *state, bg_buf *input)
{
    int64_t at = (int64_t) pick (state, 1000);
    for (uint32_t count = pick (state, 30); count > 0; count--) {
        int64_t from = at + pick (state, 5);
        at = from + pick (state, 5);
        job_calendar_range_append (input, (job_calendar_range){from, at});
    }
}

static void append_numbers (uint64_t *state, bg_buf *input)
{
    for (int i = 0; i < NUMBERS_SIZE; i++)
        bg_buf_append_byte (input, (uint8_t) pick (state, pick (state, 2) ? 256 : 4));
    append_fields (state, input);
}

static void test_random_schedules_hold_what_they_say (void **state)
{
    (void) state;
    const char *given = getenv ("BUGLE_SEED");
    const char *rounds = getenv ("BUGLE_ROUNDS");
    uint64_t seed = given ? strtoull (given, NULL, 10) : (uint64_t) time (NULL);
    print_message ("seed %llu\n", (unsigned long long) seed);
    uint64_t random = (seed + 1) * UINT64_C (0x9e3779b97f4a7c15);
    for (int i = rounds ? atoi (rounds) : ROUNDS; i > 0; i--) {
        BG_AUTO_BUF input = {0};
        uint8_t entrance = (uint8_t) pick (&random, 14);
        bg_buf_append_byte (&input, entrance);
        if (entrance == 0 && pick (&random, 2))
            append_cron (&random, &input);
        else if (entrance == 0)
            append_fields (&random, &input);
        else if (entrance == 1)
            append_ranges (&random, &input);
        else
            append_numbers (&random, &input);
        assert_int_equal (LLVMFuzzerTestOneInput (input.data, input.size), 0);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_random_schedules_hold_what_they_say),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
