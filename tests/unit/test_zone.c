/*  Zones from bytes made here, so that nothing depends on the system's files: what is read, what is
    refused, and the jumps of unusual rules. schedule_oracle compares the system's
    zones.  */
#include "common/job/zone.h"

#include "common/job/civil.h"
#include "common/job/tzrule.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

/*  What a file is made of; made wrong on purpose by the tests of refusals.  */
typedef struct {
    size_t time_count;
    int64_t times[4];
    uint8_t indexes[4];
    size_t type_count;
    int32_t offsets[4];
    const char *footer; /*  without its newlines  */
} file_parts;

static void put_header (bg_buf *out, uint8_t version, const file_parts *parts)
{
    bg_buf_append (out, "TZif", 4);
    bg_buf_append_byte (out, version);
    for (int i = 0; i < 15; i++)
        bg_buf_append_byte (out, 0);
    bg_buf_append_u32 (out, 0);
    bg_buf_append_u32 (out, 0);
    bg_buf_append_u32 (out, 0);
    bg_buf_append_u32 (out, parts ? (uint32_t) parts->time_count : 0);
    bg_buf_append_u32 (out, parts ? (uint32_t) parts->type_count : 1);
    bg_buf_append_u32 (out, parts ? 4 : 1);
}

static void put_file (bg_buf *out, const file_parts *parts)
{
    put_header (out, '2', NULL);
    bg_buf_append (out, "\0\0\0\0\0\0\0", 7); /*  one type, one character, as slim files have it  */
    put_header (out, '2', parts);
    for (size_t i = 0; i < parts->time_count; i++)
        bg_buf_append_u64 (out, (uint64_t) parts->times[i]);
    bg_buf_append (out, parts->indexes, parts->time_count);
    for (size_t i = 0; i < parts->type_count; i++) {
        bg_buf_append_u32 (out, (uint32_t) parts->offsets[i]);
        bg_buf_append_byte (out, 0);
        bg_buf_append_byte (out, 0);
    }
    bg_buf_append (out, "LMT\0", 4);
    bg_buf_printf (out, "\n%s\n", parts->footer);
}

static job_zone *load_parts (const file_parts *parts, bg_error *err)
{
    BG_AUTO_BUF bytes = {0};
    put_file (&bytes, parts);
    return job_zone_load ("Test/Zone", bg_buf_slice (&bytes), err);
}

static job_zone *load_rule (const char *footer)
{
    file_parts parts = {.type_count = 1, .footer = footer};
    bg_error err = {0};
    job_zone *zone = load_parts (&parts, &err);
    if (!zone)
        print_message ("%s\n", err.message);
    assert_non_null (zone);
    return zone;
}

static int64_t at (int year, int month, int day, int hour, int minute)
{
    job_civil civil = {year, month, day, hour, minute, 0};
    return job_seconds_from_civil (&civil);
}

static void assert_local (const job_zone *zone, int64_t local, job_local_result wanted,
    int64_t wanted_first, int64_t wanted_second)
{
    int64_t first = 0;
    int64_t second = 0;
    assert_int_equal (job_zone_to_utc (zone, local, &first, &second), wanted);
    assert_true (first == wanted_first);
    assert_true (second == wanted_second);
}

static void test_names (void **state)
{
    (void) state;
    static const char *const right[] = {
        "UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT"};
    static const char *const wrong[] = {
        "",
        "/Europe",
        "Europe/",
        "Europe//Berlin",
        "../etc/passwd",
        "Europe/../x",
        ".",
        "Europe Berlin",
        "a\nb",
        "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcde",
    };
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        assert_true (job_zone_name_valid (bg_slice_str (right[i])));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false (job_zone_name_valid (bg_slice_str (wrong[i])));
    bg_error err = {0};
    assert_null (job_zone_load ("../UTC", bg_slice_str ("TZif"), &err));
    assert_int_equal (err.code, BG_INVALID);
}

static void test_utc_needs_no_file (void **state)
{
    (void) state;
    job_zone *zone = job_zone_fixed_utc ();
    assert_string_equal (job_zone_name (zone), "UTC");
    assert_int_equal (job_zone_offset (zone, -JOB_ZONE_SECONDS_MAX), 0);
    assert_local (zone, 12345, JOB_LOCAL_UNIQUE, 12345, 12345);
    assert_false (job_zone_is_uneven (zone));
    job_zone_destroy (&zone);
    assert_null (zone);
    job_zone_destroy (&zone);
}

static void test_transitions_then_rule (void **state)
{
    (void) state;
    file_parts parts = {
        .time_count = 2,
        .times = {at (1980, 4, 6, 1, 0), at (1996, 10, 27, 1, 0)},
        .indexes = {1, 0},
        .type_count = 2,
        .offsets = {3600, 7200},
        .footer = "CET-1CEST,M3.5.0,M10.5.0/3",
    };
    job_zone *zone = load_parts (&parts, NULL);
    assert_non_null (zone);
    assert_int_equal (job_zone_offset (zone, at (1950, 7, 1, 0, 0)), 3600);
    assert_int_equal (job_zone_offset (zone, at (1980, 7, 1, 0, 0)), 7200);
    assert_int_equal (job_zone_offset (zone, at (1996, 12, 10, 0, 0)), 3600);
    int64_t spring = at (2026, 3, 29, 1, 0);
    int64_t autumn = at (2026, 10, 25, 1, 0);
    assert_int_equal (job_zone_offset (zone, spring - 1), 3600);
    assert_int_equal (job_zone_offset (zone, spring), 7200);
    assert_local (zone, at (2026, 3, 29, 2, 30), JOB_LOCAL_GAP, spring, spring + 1800);
    assert_local (zone, at (2026, 3, 29, 2, 0), JOB_LOCAL_GAP, spring, spring);
    assert_local (zone, at (2026, 3, 29, 3, 0), JOB_LOCAL_UNIQUE, spring, spring);
    assert_local (zone, at (2026, 10, 25, 2, 30), JOB_LOCAL_FOLD, autumn - 1800, autumn + 1800);
    assert_local (zone, at (2026, 10, 25, 3, 0), JOB_LOCAL_UNIQUE, autumn + 3600, autumn + 3600);
    assert_local (zone, at (2026, 10, 25, 2, 0), JOB_LOCAL_FOLD, autumn - 3600, autumn);
    job_zone_span span = job_zone_span_at (zone, spring);
    assert_true (
        span.start == spring && span.end == autumn && span.before == 3600 && span.after == 3600);
    job_zone_destroy (&zone);
}

static void test_the_rule_never_ends (void **state)
{
    (void) state;
    job_zone *zone = load_rule ("CET-1CEST,M3.5.0,M10.5.0/3");
    for (int year = 1970; year < 9000; year += 37) {
        for (int month = 1; month <= 12; month++) {
            int32_t wanted = month >= 4 && month <= 10 ? 7200 : 3600;
            assert_int_equal (job_zone_offset (zone, at (year, month, 2, 12, 0)), wanted);
        }
        /*  The same year of the first cycle has the same span, 400 years on.  */
        job_zone_span early = job_zone_span_at (zone, at (year, 7, 1, 0, 0));
        job_zone_span late = job_zone_span_at (zone, at (year + 400, 7, 1, 0, 0));
        assert_true (late.start - early.start == JOB_CYCLE_SECONDS &&
                     late.end - early.end == JOB_CYCLE_SECONDS);
    }
    assert_int_equal (job_zone_offset (zone, JOB_ZONE_SECONDS_MAX) % 3600, 0);
    assert_local (zone, at (6026, 3, 29, 2, 30), JOB_LOCAL_GAP, at (6026, 3, 29, 1, 0),
        at (6026, 3, 29, 1, 30));
    job_zone_destroy (&zone);
}

static void test_daylight_saving_behind_standard_time (void **state)
{
    (void) state;
    job_zone *zone = load_rule ("IST-1GMT0,M10.5.0,M3.5.0/1");
    assert_int_equal (job_zone_offset (zone, at (2026, 7, 1, 0, 0)), 3600);
    assert_int_equal (job_zone_offset (zone, at (2026, 1, 1, 0, 0)), 0);
    assert_local (zone, at (2026, 10, 25, 1, 30), JOB_LOCAL_FOLD, at (2026, 10, 25, 0, 30),
        at (2026, 10, 25, 1, 30));
    job_zone_destroy (&zone);
}

static void test_rule_times_beyond_a_day (void **state)
{
    (void) state;
    /*  Nuuk: the Saturday evening before the last Sunday of March.  */
    job_zone *zone = load_rule ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
    assert_int_equal (job_zone_offset (zone, at (2026, 3, 29, 1, 0) - 1), -7200);
    assert_int_equal (job_zone_offset (zone, at (2026, 3, 29, 1, 0)), -3600);
    job_zone_destroy (&zone);
    zone = load_rule ("AAA0BBB,M1.1.1/-167,J365/167");
    /*  2026: starts 167 hours before Monday January 5, in the year before; ends 167 hours after
     * December 31 began.  */
    assert_int_equal (job_zone_offset (zone, at (2025, 12, 29, 1, 0)), 3600);
    assert_int_equal (job_zone_offset (zone, at (2027, 1, 4, 23, 0)), 3600);
    job_zone_destroy (&zone);
}

static void test_daylight_saving_all_year_has_no_jumps (void **state)
{
    (void) state;
    job_zone *zone = load_rule ("XXX3EDT4,0/0,J365/23");
    for (int month = 1; month <= 12; month++)
        assert_int_equal (job_zone_offset (zone, at (2031, month, 1, 3, 30)), -4 * 3600);
    job_zone_span span = job_zone_span_at (zone, at (2031, 6, 1, 0, 0));
    assert_true (span.end == INT64_MAX && span.after == span.offset);
    job_zone_destroy (&zone);
}

static void test_days_of_the_year (void **state)
{
    (void) state;
    job_tzrule rule;
    assert_true (bg_is_ok (job_tzrule_parse (bg_slice_str ("AAA0BBB,J60/0,59/0"), &rule, NULL)));
    assert_true (job_tzrule_instant (&rule, 2024, true) == at (2024, 3, 1, 0, 0));
    assert_true (job_tzrule_instant (&rule, 2026, true) == at (2026, 3, 1, 0, 0));
    assert_true (job_tzrule_instant (&rule, 2024, false) == at (2024, 2, 29, 0, 0) - 3600);
    assert_true (job_tzrule_instant (&rule, 2026, false) == at (2026, 3, 1, 0, 0) - 3600);
}

static void test_half_hour_jumps_are_uneven (void **state)
{
    (void) state;
    job_zone *zone = load_rule ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");
    assert_true (job_zone_is_uneven (zone));
    assert_local (zone, at (2026, 10, 4, 2, 15), JOB_LOCAL_GAP, at (2026, 10, 3, 15, 30),
        at (2026, 10, 3, 15, 45));
    job_zone_destroy (&zone);
    zone = load_rule ("CET-1CEST,M3.5.0,M10.5.0/3");
    assert_false (job_zone_is_uneven (zone));
    job_zone_destroy (&zone);
}

static void test_a_whole_day_can_be_missing (void **state)
{
    (void) state;
    int64_t jump = at (2011, 12, 30, 10, 0);
    file_parts parts = {
        .time_count = 1,
        .times = {jump},
        .indexes = {1},
        .type_count = 2,
        .offsets = {-36000, 50400},
        .footer = "<+14>-14",
    };
    job_zone *zone = load_parts (&parts, NULL);
    assert_non_null (zone);
    assert_local (zone, at (2011, 12, 30, 12, 0), JOB_LOCAL_GAP, jump, jump + 12 * 3600);
    assert_local (zone, at (2011, 12, 29, 23, 59), JOB_LOCAL_UNIQUE, jump - 60, jump - 60);
    assert_local (zone, at (2011, 12, 31, 0, 0), JOB_LOCAL_UNIQUE, jump, jump);
    job_zone_destroy (&zone);
}

static void test_every_local_time_leads_back (void **state)
{
    (void) state;
    job_zone *zone = load_rule ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");
    for (int64_t local = at (2026, 1, 1, 0, 0); local < at (2027, 1, 1, 0, 0); local += 600) {
        int64_t first = 0;
        int64_t second = 0;
        job_local_result result = job_zone_to_utc (zone, local, &first, &second);
        assert_true (first <= second);
        if (result == JOB_LOCAL_GAP) {
            assert_true (job_zone_offset (zone, first) > job_zone_offset (zone, first - 1));
        } else {
            assert_true (first + job_zone_offset (zone, first) == local);
            assert_true (second + job_zone_offset (zone, second) == local);
            assert_true ((first != second) == (result == JOB_LOCAL_FOLD));
        }
    }
    job_zone_destroy (&zone);
}

static void assert_rule_refused (const char *footer)
{
    job_tzrule rule;
    bg_error err = {0};
    assert_int_equal (job_tzrule_parse (bg_slice_str (footer), &rule, &err).code, BG_MALFORMED);
    assert_true (err.message[0] != 0);
}

static void test_wrong_rules_are_refused (void **state)
{
    (void) state;
    static const char *const wrong[] = {
        "",
        "CE-1",
        "CET",
        "CET-",
        "CET-25",
        "CET-1:60",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0/168",
        "CET-1CEST,J0,J5",
        "CET-1CEST,366,5",
        "CET-1CEST,M3.5.0,M10.5.0x",
        "<CET-1",
        "<C>-1",
        "CET-1CEST,M3.5,M10.5.0",
        "CET-1 ",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_rule_refused (wrong[i]);
}

static void assert_parts_refused (const file_parts *parts, bg_code code)
{
    bg_error err = {0};
    assert_null (load_parts (parts, &err));
    assert_int_equal (err.code, code);
    assert_non_null (strstr (err.message, "Test/Zone"));
}

static void test_wrong_contents_are_refused (void **state)
{
    (void) state;
    file_parts good = {
        .time_count = 2,
        .times = {100, 200},
        .indexes = {1, 0},
        .type_count = 2,
        .offsets = {3600, 7200},
        .footer = "CET-1",
    };
    job_zone *zone = load_parts (&good, NULL);
    assert_non_null (zone);
    job_zone_destroy (&zone);
    file_parts parts = good;
    parts.times[1] = 100;
    assert_parts_refused (&parts, BG_MALFORMED);
    parts = good;
    parts.times[0] = INT64_MIN;
    assert_parts_refused (&parts, BG_MALFORMED);
    parts = good;
    parts.indexes[0] = 2;
    assert_parts_refused (&parts, BG_MALFORMED);
    parts = good;
    parts.offsets[1] = 100 * 3600;
    assert_parts_refused (&parts, BG_MALFORMED);
    parts = good;
    parts.type_count = 0;
    assert_parts_refused (&parts, BG_MALFORMED);
    parts = good;
    parts.footer = "CET-2"; /*  contradicts the last transition  */
    assert_parts_refused (&parts, BG_MALFORMED);
    parts.footer = "CET-1\n";
    assert_parts_refused (&parts, BG_MALFORMED);
}

static void test_no_rule_means_the_last_offset (void **state)
{
    (void) state;
    file_parts parts = {
        .time_count = 1,
        .times = {-(INT64_C (1) << 59)},
        .indexes = {1},
        .type_count = 2,
        .offsets = {0, 7200},
        .footer = "",
    };
    job_zone *zone = load_parts (&parts, NULL);
    assert_non_null (zone);
    assert_int_equal (job_zone_offset (zone, at (2500, 1, 1, 0, 0)), 7200);
    job_zone_destroy (&zone);
}

/*  Every prefix of a good file is refused, and no changed byte leads outside memory (the sanitizers
 * watch).  */
static void test_broken_bytes_are_survived (void **state)
{
    (void) state;
    file_parts parts = {
        .time_count = 2,
        .times = {100, 200},
        .indexes = {1, 0},
        .type_count = 2,
        .offsets = {3600, 7200},
        .footer = "CET-1CEST,M3.5.0,M10.5.0/3",
    };
    BG_AUTO_BUF bytes = {0};
    put_file (&bytes, &parts);
    for (size_t size = 0; size < bytes.size; size++) {
        uint8_t *cut = malloc (size + 1);
        memcpy (cut, bytes.data, size);
        bg_error err = {0};
        assert_null (job_zone_load ("Test/Zone", bg_slice_of (cut, size), &err));
        assert_true (err.code != BG_OK);
        free (cut);
    }
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t kept = bytes.data[i];
        for (unsigned change = 1; change < 256; change += 2) {
            bytes.data[i] = (uint8_t) (kept ^ change);
            job_zone *zone = job_zone_load ("Test/Zone", bg_buf_slice (&bytes), NULL);
            if (zone) {
                int64_t first = 0;
                int64_t second = 0;
                (void) job_zone_to_utc (zone, at (2026, 3, 29, 2, 30), &first, &second);
                assert_true (first <= second);
            }
            job_zone_destroy (&zone);
        }
        bytes.data[i] = kept;
    }
}

static void test_versions_and_leap_seconds_are_refused (void **state)
{
    (void) state;
    file_parts parts = {.type_count = 1, .footer = "UTC0"};
    BG_AUTO_BUF bytes = {0};
    bg_error err = {0};
    put_file (&bytes, &parts);
    bytes.data[4] = 0;
    assert_null (job_zone_load ("UTC", bg_buf_slice (&bytes), &err));
    assert_int_equal (err.code, BG_NOT_IN_VERSION);
    bytes.data[4] = '3'; /*  the second header says 2  */
    assert_null (job_zone_load ("UTC", bg_buf_slice (&bytes), &err));
    assert_int_equal (err.code, BG_MALFORMED);
    bytes.data[4] = '2';
    bytes.data[44 + 7 + 31] = 1; /*  leap second count  */
    assert_null (job_zone_load ("UTC", bg_buf_slice (&bytes), &err));
    assert_int_equal (err.code, BG_NOT_IN_VERSION);
    uint8_t *large = calloc (1, 200000);
    assert_null (job_zone_load ("UTC", bg_slice_of (large, 200000), &err));
    assert_int_equal (err.code, BG_TOO_LARGE);
    free (large);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_names),
        cmocka_unit_test (test_utc_needs_no_file),
        cmocka_unit_test (test_transitions_then_rule),
        cmocka_unit_test (test_the_rule_never_ends),
        cmocka_unit_test (test_daylight_saving_behind_standard_time),
        cmocka_unit_test (test_rule_times_beyond_a_day),
        cmocka_unit_test (test_daylight_saving_all_year_has_no_jumps),
        cmocka_unit_test (test_days_of_the_year),
        cmocka_unit_test (test_half_hour_jumps_are_uneven),
        cmocka_unit_test (test_a_whole_day_can_be_missing),
        cmocka_unit_test (test_every_local_time_leads_back),
        cmocka_unit_test (test_wrong_rules_are_refused),
        cmocka_unit_test (test_wrong_contents_are_refused),
        cmocka_unit_test (test_no_rule_means_the_last_offset),
        cmocka_unit_test (test_broken_bytes_are_survived),
        cmocka_unit_test (test_versions_and_leap_seconds_are_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
