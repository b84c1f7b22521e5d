/*  Splay: the same for ever, within its bound, spread over it.  */
#include "proto/digest.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#define TARGETS  10000
#define BUCKETS  20
#define SPLAY_US (UINT64_C (600) * 1000000)

static bg_id numbered (uint32_t number)
{
    bg_id id = {0};
    bg_write_u32 (id.bytes, number);
    return id;
}

static void test_a_target_keeps_its_offset_for_a_job (void **state)
{
    (void) state;
    bg_id target = {0};
    bg_id job = {0};
    memset (target.bytes, 1, sizeof target.bytes);
    memset (job.bytes, 2, sizeof job.bytes);
    /*  As Python's hashlib.blake2b (b"\1" * 16 + b"\2" * 16, digest_size=16) has it.  */
    assert_int_equal (wire_splay_us (target, job, SPLAY_US), 372055693);
    assert_int_not_equal (
        wire_splay_us (target, job, SPLAY_US), wire_splay_us (job, target, SPLAY_US));
    assert_int_equal (wire_splay_us (target, job, 0), 0);
}

static void test_offsets_stay_within_the_splay (void **state)
{
    (void) state;
    int seen[4] = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        int64_t offset = wire_splay_us (numbered (i), numbered (7), 3);
        assert_true (offset >= 0 && offset <= 3);
        seen[offset]++;
    }
    for (int i = 0; i < 4; i++)
        assert_true (seen[i] > 150);
    int64_t longest = wire_splay_us (numbered (1), numbered (2), INT64_MAX - 1);
    assert_true (longest >= 0 && longest < INT64_MAX);
}

/*  Twenty slots of 500 on average: within a quarter of that, which chance leaves once in 10^7.  */
static void test_a_fleet_is_spread_evenly (void **state)
{
    (void) state;
    int buckets[BUCKETS] = {0};
    for (uint32_t i = 0; i < TARGETS; i++) {
        uint64_t offset = (uint64_t) wire_splay_us (numbered (i), numbered (1), SPLAY_US);
        buckets[offset * BUCKETS / (SPLAY_US + 1)]++;
    }
    for (int i = 0; i < BUCKETS; i++)
        assert_in_range (buckets[i], 375, 625);
}

/*  The same targets start another job in another order.  */
static void test_jobs_spread_independently (void **state)
{
    (void) state;
    int same = 0;
    for (uint32_t i = 0; i < TARGETS; i++) {
        int64_t one = wire_splay_us (numbered (i), numbered (1), SPLAY_US);
        int64_t other = wire_splay_us (numbered (i), numbered (2), SPLAY_US);
        int64_t apart = one > other ? one - other : other - one;
        same += apart < (int64_t) SPLAY_US / BUCKETS;
    }
    /*  Chance has two of them that near with 2/20 less a bit.  */
    assert_in_range (same, TARGETS / 20, TARGETS * 3 / 20);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_a_target_keeps_its_offset_for_a_job),
        cmocka_unit_test (test_offsets_stay_within_the_splay),
        cmocka_unit_test (test_a_fleet_is_spread_evenly),
        cmocka_unit_test (test_jobs_spread_independently),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
