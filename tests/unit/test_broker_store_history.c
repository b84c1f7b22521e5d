/*  The broker's store on SQLite: what a query of history may ask, what it costs, what a job keeps of its own, purges and
    categories.  */
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

#include <time.h>

#define SEEN_MAX 3000

typedef struct {
    int64_t numbers[SEEN_MAX];
    size_t count;
} seen;

static bg_result see_run (void *visitor, const broker_run_record *record, bg_error *err)
{
    seen *self = visitor;
    (void) err;
    assert_in_range (self->count, 0, SEEN_MAX - 1);
    self->numbers[self->count++] = record->row;
    return bg_ok ();
}

static seen rows (const broker_store *store, broker_run_filter filter)
{
    seen got = {.count = 0};
    filter.limit = filter.limit ? filter.limit : SEEN_MAX;
    OK (store->runs (store->ctx, &filter, see_run, &got, err));
    return got;
}

typedef struct {
    uint8_t job;
    uint32_t number;
    uint64_t state;
    const char *reason;
    int64_t at_us;
    int64_t took_us;
    int64_t due_us;
} run_plan;

static void add_run (const broker_store *store, run_plan plan)
{
    const bool never = plan.state == WIRE_RUN_NOT_RUN;
    const broker_run_record record = {.run = id_of (0x55),
        .job_key = id_of (plan.job),
        .job_name = bg_slice_str (plan.job == 1 ? "backup" : "clean"),
        .number = plan.number,
        .state = plan.state,
        .reason = bg_slice_str (plan.reason),
        .started_us = never ? 0 : plan.at_us,
        .finished_us = never ? 0 : plan.at_us + plan.took_us,
        .stored_us = plan.at_us + plan.took_us,
        .due_us = plan.due_us,
        .bytes = bg_slice_str ("run")};
    OK (store->runs_append (store->ctx, &record, err));
}

/*  Rows 1 to 6.  */
static void add_history (const broker_store *store)
{
    static const run_plan plans[] = {
        {1, 1, WIRE_RUN_SUCCEEDED, "", 100, 10, 90}, {1, 2, WIRE_RUN_FAILED, "", 200, 50, 90},
        {1, 1, WIRE_RUN_NOT_RUN, "overlap", 300, 0, 300},
        {2, 1, WIRE_RUN_SUCCEEDED, "", 400, 99, 90},
        {1, 1, WIRE_RUN_NOT_RUN, "misfire", 500, 0, 150}, /*  told long after it was due  */
        {1, 1, WIRE_RUN_SUCCEEDED, "", 600, 60, 0},       /*  by hand  */
    };
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++)
        add_run (store, plans[i]);
}

static void history_can_be_asked_for_oldest_first_in_pages (void **state)
{
    const broker_store *store = store_case_port (*state);
    add_history (store);
    seen got = rows (store, (broker_run_filter){.oldest_first = true});
    CHECK_SEEN (got, 1, 2, 3, 4, 5, 6);
    got = rows (store, (broker_run_filter){.oldest_first = true, .before = 2, .limit = 2});
    CHECK_SEEN (got, 3, 4);
    got =
        rows (store, (broker_run_filter){.oldest_first = true, .before = 4, .job_key = id_of (1)});
    CHECK_SEEN (got, 5, 6);
    got = rows (store, (broker_run_filter){.oldest_first = true, .before = 6});
    assert_int_equal (got.count, 0);
    got = rows (store,
        (broker_run_filter){.oldest_first = true, .before = 1, .since_us = 300, .number = 1});
    CHECK_SEEN (got, 3, 4, 5, 6);
}

static void reason_and_duration_restrict (void **state)
{
    const broker_store *store = store_case_port (*state);
    add_history (store);
    seen got = rows (store, (broker_run_filter){.reason = bg_slice_str ("overlap")});
    CHECK_SEEN (got, 3);
    got = rows (store, (broker_run_filter){.min_duration_us = 50});
    CHECK_SEEN (got, 6, 4, 2);
    got = rows (store, (broker_run_filter){.min_duration_us = 61, .job_key = id_of (1)});
    assert_int_equal (got.count, 0);
}

static void runs_are_found_by_when_they_were_due (void **state)
{
    const broker_store *store = store_case_port (*state);
    add_history (store);
    seen got =
        rows (store, (broker_run_filter){.job_key = id_of (1), .due_since_us = 1, .number = 1});
    CHECK_SEEN (got, 3, 5, 1);
    got = rows (store, (broker_run_filter){.job_key = id_of (1), .due_until_us = 151});
    CHECK_SEEN (got, 5, 2, 1);
    got = rows (store,
        (broker_run_filter){
            .job_key = id_of (1), .due_since_us = 90, .due_until_us = 151, .oldest_first = true});
    CHECK_SEEN (got, 1, 2, 5);
    got = rows (store, (broker_run_filter){.job_key = id_of (1), .due_until_us = 400, .before = 5});
    CHECK_SEEN (got, 2, 1);
}

/*  A filter that fits one row of many: each page looks at so many, and the pages together at all.  */
static void a_bounded_page_says_where_to_go_on (void **state)
{
    const broker_store *store = store_case_port (*state);
    for (int i = 0; i < 1000; i++)
        add_run (store, (run_plan){1, 1, i % 500 == 3 ? WIRE_RUN_FAILED : WIRE_RUN_SUCCEEDED, "",
                            1000 + i, 1, 0});
    for (int oldest = 0; oldest < 2; oldest++) {
        int64_t end = 0;
        broker_run_filter filter = {.job_key = id_of (1),
            .states = 1u << WIRE_RUN_FAILED,
            .oldest_first = oldest,
            .scan = 300,
            .scan_end = &end};
        size_t pages = 0, found = 0;
        do {
            found += rows (store, filter).count;
            filter.before = end;
            assert_in_range (++pages, 1, 4);
        } while (end != 0);
        assert_int_equal (pages, 4);
        assert_int_equal (found, 2);
    }
}

/*  No page sorts, and none reads what an index would have left out.  */
static void every_page_of_history_goes_by_an_index (void **state)
{
    broker_db *db = store_case_db (*state);
    BG_AUTO_ARENA arena = {0};
    size_t plans = 0;
    for (size_t i = 0; broker_history_sql (i); i++) {
        bg_slice sql = bg_arena_printf (&arena, "EXPLAIN QUERY PLAN %s", broker_history_sql (i));
        bg_stmt *stmt = bg_db_query (db->db, (const char *) sql.data);
        bg_result result = bg_ok ();
        size_t of_run = 0;
        bg_error why = {0};
        while (bg_stmt_each (stmt, &result, &why)) {
            BG_AUTO_CHAR detail = bg_slice_dup (bg_column_text (stmt, 3));
            if (strstr (detail, "B-TREE") || strncmp (detail, "SCAN", 4) == 0)
                fail_msg ("%s: %s", broker_history_sql (i), detail);
            of_run += strstr (detail, "SEARCH r USING") != NULL;
        }
        assert_true (bg_is_ok (result));
        assert_int_equal (of_run, 1);
        plans++;
    }
    assert_int_equal (plans, 20);
}

/*  ---- what is kept ----  */

static const broker_retention usual = {.history_us = BG_DAY (90), .history_least = 100};

static void prune_all (const broker_store *store, int64_t now_us)
{
    bool more = true;
    for (size_t rounds = 0; more; rounds++) {
        OK (store->prune (store->ctx, now_us, &usual, &more, err));
        assert_in_range (rounds, 0, 50);
    }
}

static size_t count_of (const broker_store *store, uint8_t job, uint32_t number)
{
    return rows (store, (broker_run_filter){.job_key = id_of (job), .number = number}).count;
}

/*  Job 1 asks for a day and ten runs: of both targets the last ten stay, and what is younger than a day.  */
static void a_job_may_keep_less_than_all_others (void **state)
{
    const broker_store *store = store_case_port (*state);
    OK (store->job_keep (store->ctx, id_of (1), bg_slice_str ("backup"), BG_DAY (1), 10, err));
    for (int i = 0; i < 700; i++)
        add_run (store, (run_plan){1, 1, WIRE_RUN_SUCCEEDED, "", BG_DAY (10) + i, 1, 0});
    for (int i = 0; i < 30; i++)
        add_run (store, (run_plan){1, 2, WIRE_RUN_SUCCEEDED, "",
                            i < 5 ? BG_DAY (10) + i : BG_DAY (12) + i, 1, 0});
    for (int i = 0; i < 300; i++)
        add_run (store, (run_plan){2, 1, WIRE_RUN_SUCCEEDED, "", BG_DAY (10) + i, 1, 0});
    prune_all (store, BG_DAY (12) + BG_HOUR (12));
    assert_int_equal (count_of (store, 1, 1), 10);
    assert_int_equal (count_of (store, 1, 2), 25);
    assert_int_equal (count_of (store, 2, 1), 300);
}

static void a_job_may_keep_more_than_all_others (void **state)
{
    const broker_store *store = store_case_port (*state);
    OK (store->job_keep (store->ctx, id_of (1), bg_slice_str ("backup"), BG_DAY (400), 0, err));
    for (uint8_t job = 1; job <= 2; job++)
        for (int i = 0; i < 150; i++)
            add_run (store, (run_plan){job, 1, WIRE_RUN_SUCCEEDED, "", BG_DAY (1) + i, 1, 0});
    prune_all (store, BG_DAY (100));
    assert_int_equal (count_of (store, 1, 1), 150);
    assert_int_equal (count_of (store, 2, 1), 100);
    /*  A newer version of the job has no wish any more.  */
    OK (store->job_keep (store->ctx, id_of (1), bg_slice_str ("backup"), 0, 0, err));
    prune_all (store, BG_DAY (100));
    assert_int_equal (count_of (store, 1, 1), 100);
}

/*  That nearly all of very many stay is found out without counting them for each run: that took minutes.  */
static void a_million_runs_that_stay_are_not_counted_for_each (void **state)
{
    const broker_store *store = store_case_port (*state);
    OK (store->job_keep (store->ctx, id_of (1), bg_slice_str ("backup"), BG_DAY (1), 1000000, err));
    for (int i = 0; i < 20000; i++)
        add_run (store, (run_plan){1, 1, WIRE_RUN_SUCCEEDED, "", BG_DAY (1) + i, 1, 0});
    const clock_t began = clock ();
    prune_all (store, BG_DAY (12));
    assert_true ((double) (clock () - began) / CLOCKS_PER_SEC < 2);
    assert_int_equal (rows (store, (broker_run_filter){.limit = 1}).count, 1);
}

/*  A target that was away hands in what is older than the job keeps: it is kept from then on.  */
static void what_came_late_is_kept_as_long (void **state)
{
    const broker_store *store = store_case_port (*state);
    OK (store->job_keep (store->ctx, id_of (1), bg_slice_str ("backup"), BG_DAY (2), 1, err));
    for (int i = 0; i < 3; i++) {
        run_plan plan = {1, 1, WIRE_RUN_SUCCEEDED, "", BG_DAY (1) + i, BG_DAY (19), 0};
        add_run (store, plan);
    }
    prune_all (store, BG_DAY (21));
    assert_int_equal (count_of (store, 1, 1), 3);
    prune_all (store, BG_DAY (23));
    assert_int_equal (count_of (store, 1, 1), 1);
}

/*  ---- purges ----  */

static uint32_t purgeable (const broker_store *store, bg_id job, int64_t before_us, uint32_t limit)
{
    uint32_t count = 0;
    OK (store->purge_count (store->ctx, job, before_us, limit, &count, err));
    return count;
}

static bool is_pending (const broker_store *store)
{
    bool pending = false;
    OK (store->purge_pending (store->ctx, &pending, err));
    return pending;
}

static void a_purge_removes_five_hundred_at_a_time_whatever_is_kept_else (void **state)
{
    const broker_store *store = store_case_port (*state);
    for (int i = 0; i < 1200; i++)
        add_run (store, (run_plan){1, 1, WIRE_RUN_SUCCEEDED, "", 1000 + i, 1, 0});
    for (int i = 0; i < 20; i++)
        add_run (store, (run_plan){2, 1, WIRE_RUN_SUCCEEDED, "", 1000 + i, 1, 0});
    assert_int_equal (purgeable (store, id_of (1), 2100, 9999), 1100);
    assert_int_equal (purgeable (store, id_of (1), 2100, 7), 7);
    assert_int_equal (purgeable (store, (bg_id){{0}}, 1010, 9999), 20);
    assert_false (is_pending (store));
    OK (store->purge_put (store->ctx, id_of (1), 2100, err));
    assert_true (is_pending (store));
    bool more = false;
    for (size_t left = 1200; left > 200;) {
        OK (store->prune (store->ctx, 3000, &usual, &more, err));
        assert_true (more);
        left -= 500;
        assert_int_equal (count_of (store, 1, 1), left);
    }
    prune_all (store, 3000);
    assert_int_equal (count_of (store, 1, 1), 100);
    assert_int_equal (count_of (store, 2, 1), 20);
    assert_false (is_pending (store));
}

static void a_purge_of_all_jobs_and_one_of_a_job_follow_one_another (void **state)
{
    const broker_store *store = store_case_port (*state);
    add_history (store);
    OK (store->purge_put (store->ctx, id_of (1), 301, err));
    OK (store->purge_put (store->ctx, (bg_id){{0}}, 450, err));
    prune_all (store, 3000);
    seen got = rows (store, (broker_run_filter){0});
    CHECK_SEEN (got, 6, 5);
    assert_false (is_pending (store));
}

/*  ---- categories ----  */

static bg_result see_category (void *visitor, const broker_category_record *record, bg_error *err)
{
    bg_buf *out = visitor;
    (void) err;
    bg_buf_printf (out, "%.*s=%.*s by %.*s;", BG_SLICE_ARG (record->name),
        BG_SLICE_ARG (record->description), BG_SLICE_ARG (record->created_by));
    return bg_ok ();
}

static void categories_are_unique_and_come_in_order (void **state)
{
    const broker_store *store = store_case_port (*state);
    const broker_category_record web = {.key = bg_slice_str ("web"),
        .name = bg_slice_str ("Web"),
        .description = bg_slice_str ("pages"),
        .created_by = bg_slice_str ("alice"),
        .created_us = 5};
    broker_category_record database = web;
    database.key = database.name = bg_slice_str ("database");
    OK (store->category_put (store->ctx, &web, err));
    OK (store->category_put (store->ctx, &database, err));
    bg_error why = {0};
    assert_int_equal (store->category_put (store->ctx, &web, &why).code, BG_EXISTS);
    BG_AUTO_BUF text = {0};
    OK (store->categories (store->ctx, (bg_slice){0}, 10, see_category, &text, err));
    assert_string_equal (bg_buf_cstr (&text), "database=pages by alice;Web=pages by alice;");
    bool found = false;
    OK (store->category_remove (store->ctx, bg_slice_str ("database"), &found, err));
    assert_true (found);
    OK (store->category_remove (store->ctx, bg_slice_str ("database"), &found, err));
    assert_false (found);
    bg_buf_clear (&text);
    OK (store->categories (store->ctx, bg_slice_str ("d"), 10, see_category, &text, err));
    assert_string_equal (bg_buf_cstr (&text), "Web=pages by alice;");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        STORE (history_can_be_asked_for_oldest_first_in_pages),
        STORE (reason_and_duration_restrict),
        STORE (runs_are_found_by_when_they_were_due),
        STORE (a_bounded_page_says_where_to_go_on),
        STORE_ON_SQLITE (every_page_of_history_goes_by_an_index),
        STORE (a_job_may_keep_less_than_all_others),
        STORE (a_job_may_keep_more_than_all_others),
        STORE_ON_SQLITE (a_million_runs_that_stay_are_not_counted_for_each),
        STORE (what_came_late_is_kept_as_long),
        STORE (a_purge_removes_five_hundred_at_a_time_whatever_is_kept_else),
        STORE (a_purge_of_all_jobs_and_one_of_a_job_follow_one_another),
        STORE (categories_are_unique_and_come_in_order),
    };
    return cmocka_run_group_tests_name ("broker store: history", tests, NULL, NULL);
}
