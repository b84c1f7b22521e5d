/*  The broker's store on SQLite with a history of several segments of its index by target: pages of a target, what
    retention leaves of it, and stores that had this index in another shape.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "broker/store/store_private.h"
#include "common/base/now.h"
#include "proto/wire.h"
#include "tests/unit/ids.h"
#include "tests/unit/must.h"
#include "tests/unit/store_case.h"
#include "tests/unit/temp_dir.h"

#define ROWS     70000 /*  three segments  */
#define TARGETS  7u
#define SEEN_MAX 20000

/*  Targets in turn; every tenth run comes a day late, so that segments overlap in time.  */
static int64_t time_of (int64_t row)
{
    return BG_DAY (10) + BG_SEC (row) - (row % 10 == 3 ? BG_DAY (1) : 0);
}

static uint32_t number_of (int64_t row)
{
    return (uint32_t) (row % TARGETS) + 1;
}

static void add_run (
    const broker_store *store, uint32_t number, uint64_t state, int64_t at_us, int64_t stored_us)
{
    const broker_run_record record = {.run = id_of (0x55),
        .job_key = id_of (1),
        .job_name = bg_slice_str ("backup"),
        .number = number,
        .state = state,
        .started_us = at_us,
        .finished_us = at_us + 10,
        .stored_us = stored_us,
        .bytes = bg_slice_str ("run")};
    OK (store->runs_append (store->ctx, &record, err));
}

static void add_rows (const broker_store *store, int64_t count)
{
    for (int64_t row = 1; row <= count; row++)
        add_run (store, number_of (row), row % 1000 < 7 ? WIRE_RUN_FAILED : WIRE_RUN_SUCCEEDED,
            time_of (row), BG_DAY (10) + BG_SEC (row));
}

typedef struct {
    uint32_t number;
    int64_t rows[SEEN_MAX];
    int64_t times[SEEN_MAX];
    size_t count;
} seen;

static bg_result see_run (void *visitor, const broker_run_record *record, bg_error *err)
{
    seen *self = visitor;
    (void) err;
    assert_in_range (self->count, 0, SEEN_MAX - 1);
    assert_int_equal (record->number, self->number);
    self->rows[self->count] = record->row;
    self->times[self->count++] = record->started_us;
    return bg_ok ();
}

static void check_order (const seen *got, bool oldest_first)
{
    for (size_t i = 1; i < got->count; i++) {
        const size_t a = oldest_first ? i - 1 : i;
        const size_t b = oldest_first ? i : i - 1;
        if (got->times[a] > got->times[b] ||
            (got->times[a] == got->times[b] && got->rows[a] >= got->rows[b]))
            fail_msg ("row %lld is out of order", (long long) got->rows[i]);
    }
}

/*  Pages of 999, all together each run once, in the order of time.  */
static void pages_of_a_target_go_through_all_segments (void **state)
{
    const broker_store *store = store_case_port (*state);
    add_rows (store, ROWS);
    for (int oldest = 0; oldest < 2; oldest++) {
        seen *got = bg_alloc (sizeof *got);
        got->number = 3;
        for (size_t before = 1; before != got->count;) {
            before = got->count;
            const broker_run_filter filter = {.number = 3,
                .limit = 999,
                .before = before ? got->rows[before - 1] : 0,
                .oldest_first = oldest};
            OK (store->runs (store->ctx, &filter, see_run, got, err));
            if (before == 0)
                assert_int_equal (got->count, 999);
        }
        assert_int_equal (got->count, ROWS / TARGETS);
        check_order (got, oldest);
        free (got);
    }
}

static void a_filter_of_a_target_looks_at_so_many_and_says_where_it_was (void **state)
{
    const broker_store *store = store_case_port (*state);
    seen *got = bg_alloc (sizeof *got);
    int64_t end = 0;
    size_t pages = 0;
    add_rows (store, ROWS);
    got->number = 4;
    broker_run_filter filter = {.number = 4,
        .states = 1u << WIRE_RUN_FAILED,
        .limit = 1000,
        .scan = 3000,
        .scan_end = &end};
    do {
        OK (store->runs (store->ctx, &filter, see_run, got, err));
        filter.before = end;
        pages++;
    } while (end != 0);
    assert_int_equal (pages, 4); /*  10,000 runs  */
    assert_int_equal (got->count, ROWS / 1000);
    check_order (got, false);
    free (got);
}

/*  With more targets than jobs it is looked for among the target's runs, and without a bound until there are enough.  */
static void a_job_on_a_target_is_found_behind_many_runs_of_others (void **state)
{
    const broker_store *store = store_case_port (*state);
    const broker_target_record last = {.number = 900,
        .id = id_of (9),
        .name = bg_slice_str ("last"),
        .enlisted_by = bg_slice_str ("anna")};
    broker_run_record rare = {.run = id_of (0x56),
        .job_key = id_of (2),
        .job_name = bg_slice_str ("rare"),
        .number = 5,
        .state = WIRE_RUN_SUCCEEDED,
        .started_us = BG_DAY (9),
        .stored_us = BG_DAY (9),
        .bytes = bg_slice_str ("run")};
    OK (store->target_put (store->ctx, &last, err));
    for (int i = 0; i < 3; i++)
        OK (store->runs_append (store->ctx, &rare, err));
    add_rows (store, ROWS);
    for (int oldest = 0; oldest < 2; oldest++) {
        seen *got = bg_alloc (sizeof *got);
        got->number = 5;
        const broker_run_filter filter = {
            .number = 5, .job_key = id_of (2), .limit = 2, .oldest_first = oldest};
        OK (store->runs (store->ctx, &filter, see_run, got, err));
        assert_int_equal (got->count, 2);
        assert_int_equal (got->rows[0], oldest ? 1 : 3);
        free (got);
    }
}

static void a_range_of_time_ends_in_the_middle_of_segments (void **state)
{
    const broker_store *store = store_case_port (*state);
    seen *got = bg_alloc (sizeof *got);
    size_t wanted = 0;
    const int64_t since_us = time_of (30000);
    const int64_t until_us = time_of (40000);
    add_rows (store, ROWS);
    for (int64_t row = 1; row <= ROWS; row++)
        wanted += number_of (row) == 2 && time_of (row) >= since_us && time_of (row) < until_us;
    got->number = 2;
    const broker_run_filter filter = {
        .number = 2, .since_us = since_us, .until_us = until_us, .limit = SEEN_MAX};
    OK (store->runs (store->ctx, &filter, see_run, got, err));
    assert_int_equal (got->count, wanted);
    free (got);
}

static size_t prune_all (const broker_store *store, int64_t now_us, uint32_t least)
{
    const broker_retention keep = {.history_us = BG_DAY (90), .history_least = least};
    size_t pieces = 0;
    for (bool more = true; more; pieces++) {
        OK (store->prune (store->ctx, now_us, &keep, &more, err));
        assert_in_range (pieces, 0, 1000);
    }
    return pieces;
}

/*  Of each target the newest by the time of the run, wherever they are stored; what it has more than a piece counts
    included.  */
static void the_last_of_a_target_stay_whatever_segment_they_are_in (void **state)
{
    const broker_store *store = store_case_port (*state);
    add_rows (store, ROWS);
    (void) prune_all (store, BG_DAY (200), 5000);
    for (uint32_t number = 1; number <= TARGETS; number++) {
        seen *got = bg_alloc (sizeof *got);
        size_t newer = 0;
        got->number = number;
        const broker_run_filter filter = {.number = number, .limit = SEEN_MAX};
        OK (store->runs (store->ctx, &filter, see_run, got, err));
        assert_int_equal (got->count, 5000);
        const int64_t oldest_us = got->times[got->count - 1];
        for (int64_t row = 1; row <= ROWS; row++)
            newer += number_of (row) == number && time_of (row) > oldest_us;
        assert_int_equal (newer, 4999);
        free (got);
    }
}

/*  Five hundred leave with a piece, and few pieces only look: with a piece for as many new rows it keeps up.  */
static void retention_keeps_up_with_what_arrives (void **state)
{
    const broker_store *store = store_case_port (*state);
    const broker_retention keep = {.history_us = BG_DAY (90), .history_least = 2};
    add_rows (store, ROWS);
    bool more = true;
    int64_t added = 0;
    while (more) {
        OK (store->prune (store->ctx, BG_DAY (200), &keep, &more, err));
        for (int i = 0; i < 256; i++, added++)
            add_run (store, 1, WIRE_RUN_SUCCEEDED, BG_DAY (200), BG_DAY (200));
    }
    assert_in_range (added, ROWS / 500 * 256, ROWS * 3 / 4);
    seen *got = bg_alloc (sizeof *got);
    got->number = 2;
    const broker_run_filter filter = {.number = 2, .limit = SEEN_MAX};
    OK (store->runs (store->ctx, &filter, see_run, got, err));
    assert_int_equal (got->count, 2);
    free (got);
}

/*  A job that says something new ends the pass that goes on: nothing leaves that it wants to keep now.  */
static void a_wish_that_comes_during_a_pass_counts_at_once (void **state)
{
    const broker_store *store = store_case_port (*state);
    const broker_retention keep = {.history_us = BG_DAY (90), .history_least = 0};
    bool more = false;
    size_t left = 0;
    seen *got = bg_alloc (sizeof *got);
    for (int i = 0; i < 3000; i++)
        add_run (store, 1, WIRE_RUN_SUCCEEDED, BG_DAY (1) + i, BG_DAY (1) + i);
    for (int i = 0; i < 4; i++)
        OK (store->prune (store->ctx, BG_DAY (100), &keep, &more, err));
    assert_true (more);
    got->number = 1;
    const broker_run_filter filter = {.number = 1, .limit = SEEN_MAX};
    OK (store->runs (store->ctx, &filter, see_run, got, err));
    left = got->count;
    assert_in_range (left, 1, 2999);
    OK (store->job_keep (store->ctx, id_of (1), bg_slice_str ("backup"), BG_DAY (400), 0, err));
    while (more)
        OK (store->prune (store->ctx, BG_DAY (100), &keep, &more, err));
    got->count = 0;
    OK (store->runs (store->ctx, &filter, see_run, got, err));
    assert_int_equal (got->count, left);
    free (got);
}

/*  What is known of table job goes with the transaction that added to it.  */
static void a_job_that_was_rolled_back_is_added_again (void **state)
{
    const broker_store *store = store_case_port (*state);
    broker_db *db = store_case_db (*state);
    seen *got = bg_alloc (sizeof *got);
    OK (broker_db_commit (db, err));
    OK (broker_db_begin (db, err));
    add_run (store, 1, WIRE_RUN_SUCCEEDED, 1000, 1000);
    broker_db_rollback (db);
    OK (broker_db_begin (db, err));
    add_run (store, 1, WIRE_RUN_FAILED, 2000, 2000);
    OK (broker_db_commit (db, err));
    OK (broker_db_begin (db, err));
    got->number = 1;
    const broker_run_filter filter = {.job_key = id_of (1), .limit = SEEN_MAX};
    OK (store->runs (store->ctx, &filter, see_run, got, err));
    assert_int_equal (got->count, 1);
    assert_int_equal (got->times[0], 2000);
    free (got);
}

/*  The format before the one of which the index by target is in segments.  */
#define BEFORE_SEGMENTS 8

static void an_older_store_is_brought_up_to_date (void **state)
{
    BG_AUTO_CHAR path = bg_path_join (*state, "broker.db");
    const bg_db_options options = {.path = path,
        .what = "broker store",
        .application_id = 0x42474c42,
        .migrations = broker_migrations,
        .migration_count = BEFORE_SEGMENTS};
    bg_db *old = NULL;
    OK (bg_db_open (&options, &old, err));
    OK (bg_db_exec (old,
        "INSERT INTO job (row, key, name) VALUES (1, zeroblob (16), 'backup');"
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) "
        "INSERT INTO run (job, number, run, state, reason, started_us, finished_us, stored_us, "
        "at_us, "
        "bytes) SELECT 1, i % 100 + 1, zeroblob (16), 1, '', i, i, i, i, zeroblob (0) FROM n",
        err));
    bg_db_close (&old);
    broker_db *db = NULL;
    OK (broker_db_open (path, &db, err));
    const broker_store *store = broker_db_port (db);
    seen *got = bg_alloc (sizeof *got);
    got->number = 42;
    const broker_run_filter filter = {.number = 42, .limit = SEEN_MAX};
    OK (broker_db_begin (db, err));
    OK (store->runs (store->ctx, &filter, see_run, got, err));
    assert_int_equal (got->count, 400);
    check_order (got, false);
    broker_db_close (&db);
    free (got);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        STORE_ON_SQLITE (pages_of_a_target_go_through_all_segments),
        STORE_ON_SQLITE (a_filter_of_a_target_looks_at_so_many_and_says_where_it_was),
        STORE_ON_SQLITE (a_job_on_a_target_is_found_behind_many_runs_of_others),
        STORE_ON_SQLITE (a_range_of_time_ends_in_the_middle_of_segments),
        STORE_ON_SQLITE (the_last_of_a_target_stay_whatever_segment_they_are_in),
        STORE_ON_SQLITE (retention_keeps_up_with_what_arrives),
        STORE_ON_SQLITE (a_wish_that_comes_during_a_pass_counts_at_once),
        STORE_ON_SQLITE (a_job_that_was_rolled_back_is_added_again),
        cmocka_unit_test_setup_teardown (
            an_older_store_is_brought_up_to_date, temp_dir_setup, temp_dir_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
