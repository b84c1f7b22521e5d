/*  The broker's store on SQLite: executions, notes, open runs, history and what leaves it.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "broker/store/store.h"
#include "common/base/now.h"
#include "proto/wire.h"
#include "tests/unit/ids.h"
#include "tests/unit/must.h"
#include "tests/unit/store_case.h"

#include <stdlib.h>

#define LIMIT 1000

/*  What a visitor saw: a number of each row; at the row fail_at it fails.  */
typedef struct {
    int64_t numbers[LIMIT];
    size_t count;
    size_t fail_at; /*  0: never  */
} seen;

static bg_result note_number (seen *self, int64_t number, bg_error *err)
{
    assert_in_range (self->count, 0, LIMIT - 1);
    self->numbers[self->count++] = number;
    return self->count == self->fail_at ? bg_fail (err, BG_LIMIT, "enough seen") : bg_ok ();
}

/*  ---- executions ----  */

static broker_execution_record execution_of (uint8_t id, uint8_t job)
{
    return (broker_execution_record){.id = id_of (id),
        .what = WIRE_DEED_START,
        .job_key = id_of (job),
        .job_name = bg_slice_str ("backup"),
        .login = bg_slice_str ("alice"),
        .reason = bg_slice_str ("because"),
        .issued_us = 1,
        .expires_us = 2,
        .signed_bytes = bg_slice_str ("deed"),
        .targets = 10,
        .bitmaps = bg_slice_str ("bits")};
}

static void an_execution_is_kept_and_its_progress_changes (void **state)
{
    const broker_store *store = store_case_port (*state);
    BG_AUTO_ARENA arena = {0};
    broker_execution_record record = execution_of (1, 7);
    broker_execution_record got = {0};
    bool found = true;
    OK (store->execution_get (store->ctx, id_of (1), &arena, &got, &found, err));
    assert_false (found);
    OK (store->execution_put (store->ctx, &record, err));
    bg_error why = {0};
    assert_int_equal (store->execution_put (store->ctx, &record, &why).code, BG_EXISTS);
    record.targets = 11;
    record.begun = 9;
    record.over = 8;
    record.silent = 2;
    for (uint32_t i = 1; i < BROKER_RUN_STATES; i++)
        record.counts[i] = 100 + i;
    record.done_us = 55;
    record.bitmaps = bg_slice_str ("other bits");
    record.job_name = bg_slice_str ("not changed by an update");
    OK (store->execution_update (store->ctx, &record, err));
    OK (store->execution_get (store->ctx, id_of (1), &arena, &got, &found, err));
    assert_true (found);
    assert_int_equal (got.what, WIRE_DEED_START);
    assert_true (bg_id_equal (got.job_key, id_of (7)));
    assert_true (bg_slice_is (got.job_name, "backup"));
    assert_true (bg_slice_is (got.login, "alice"));
    assert_true (bg_slice_is (got.reason, "because"));
    assert_true (bg_slice_is (got.signed_bytes, "deed"));
    assert_int_equal (got.issued_us, 1);
    assert_int_equal (got.expires_us, 2);
    assert_int_equal (got.targets, 11);
    assert_int_equal (got.begun, 9);
    assert_int_equal (got.over, 8);
    assert_int_equal (got.silent, 2);
    assert_int_equal (got.counts[0], 0);
    for (uint32_t i = 1; i < BROKER_RUN_STATES; i++)
        assert_int_equal (got.counts[i], 100 + i);
    assert_int_equal (got.done_us, 55);
    assert_true (bg_slice_is (got.bitmaps, "other bits"));
}

static bg_result see_execution (void *visitor, const broker_execution_record *record, bg_error *err)
{
    return note_number (visitor, record->id.bytes[0], err);
}

static void executions_come_newest_first_and_as_wanted (void **state)
{
    const broker_store *store = store_case_port (*state);
    for (uint8_t id = 1; id <= 8; id++) {
        broker_execution_record record = execution_of (id, id % 2 ? 7 : 9);
        record.done_us = id <= 4; /*  the upper four are open  */
        OK (store->execution_put (store->ctx, &record, err));
    }
    seen got = {0};
    OK (store->executions (
        store->ctx, &(broker_execution_filter){.limit = 3}, see_execution, &got, err));
    CHECK_SEEN (got, 8, 7, 6);
    got = (seen){0};
    OK (store->executions (store->ctx, &(broker_execution_filter){.limit = 9, .before = id_of (3)},
        see_execution, &got, err));
    CHECK_SEEN (got, 2, 1);
    got = (seen){0};
    OK (store->executions (store->ctx, &(broker_execution_filter){.limit = 9, .job_key = id_of (7)},
        see_execution, &got, err));
    CHECK_SEEN (got, 7, 5, 3, 1);
    got = (seen){0};
    OK (store->executions (store->ctx,
        &(broker_execution_filter){.limit = 9, .open_only = true, .before = id_of (8)},
        see_execution, &got, err));
    CHECK_SEEN (got, 7, 6, 5);
    got = (seen){0};
    OK (store->executions (store->ctx,
        &(broker_execution_filter){
            .limit = 9, .open_only = true, .job_key = id_of (9), .before = id_of (8)},
        see_execution, &got, err));
    CHECK_SEEN (got, 6);
    bg_error why = {0};
    got = (seen){.fail_at = 2};
    assert_int_equal (store
                          ->executions (store->ctx, &(broker_execution_filter){.limit = 9},
                              see_execution, &got, &why)
                          .code,
        BG_LIMIT);
    CHECK_SEEN (got, 8, 7);
}

/*  ---- notes ----  */

static void put_note (
    const broker_store *store, uint8_t object, uint32_t number, const char *message)
{
    const broker_note_record record = {.object = id_of (object),
        .number = number,
        .version = 6,
        .state = WIRE_DELIVERY_FAILED,
        .code = bg_slice_str ("policy"),
        .message = bg_slice_str (message),
        .at_us = 44};
    OK (store->note_put (store->ctx, &record, err));
}

static bg_result see_note (void *visitor, const broker_note_record *record, bg_error *err)
{
    return note_number (visitor, record->object.bytes[0] * 1000 + record->number, err);
}

static void a_note_is_one_for_an_object_and_a_target (void **state)
{
    const broker_store *store = store_case_port (*state);
    BG_AUTO_ARENA arena = {0};
    put_note (store, 1, 5, "first");
    put_note (store, 1, 5, "second");
    put_note (store, 1, 3, "third");
    put_note (store, 1, 9, "fourth");
    put_note (store, 2, 5, "fifth");
    broker_note_record got = {0};
    bool found = false;
    OK (store->note_get (store->ctx, id_of (1), 5, &arena, &got, &found, err));
    assert_true (found);
    assert_true (bg_slice_is (got.message, "second"));
    assert_true (bg_slice_is (got.code, "policy"));
    assert_int_equal (got.version, 6);
    assert_int_equal (got.state, WIRE_DELIVERY_FAILED);
    assert_int_equal (got.at_us, 44);
    OK (store->note_get (store->ctx, id_of (2), 9, &arena, &got, &found, err));
    assert_false (found);
    seen page = {0};
    OK (store->notes (store->ctx, id_of (1), 0, 2, see_note, &page, err));
    CHECK_SEEN (page, 1003, 1005);
    page = (seen){0};
    OK (store->notes (store->ctx, id_of (1), 5, 2, see_note, &page, err));
    CHECK_SEEN (page, 1009);
    bg_error why = {0};
    page = (seen){.fail_at = 1};
    assert_int_equal (
        store->notes (store->ctx, id_of (1), 0, 9, see_note, &page, &why).code, BG_LIMIT);
    OK (store->note_remove (store->ctx, id_of (1), 5, err));
    OK (store->note_remove (store->ctx, id_of (1), 5, err)); /*  not there any more: nothing  */
    page = (seen){0};
    OK (store->notes (store->ctx, id_of (1), 0, 9, see_note, &page, err));
    CHECK_SEEN (page, 1003, 1009);
    OK (store->note_remove (store->ctx, id_of (1), 0, err)); /*  all of the object  */
    page = (seen){0};
    OK (store->notes (store->ctx, id_of (1), 0, 9, see_note, &page, err));
    assert_int_equal (page.count, 0);
    OK (store->notes (store->ctx, id_of (2), 0, 9, see_note, &page, err));
    CHECK_SEEN (page, 2005);
}

/*  ---- open runs ----  */

static bg_result see_open_run (void *visitor, const broker_open_run_record *record, bg_error *err)
{
    return note_number (visitor, record->run.bytes[0], err);
}

static void an_open_run_is_replaced_and_removed (void **state)
{
    const broker_store *store = store_case_port (*state);
    BG_AUTO_ARENA arena = {0};
    for (uint8_t run = 4; run > 0; run--) {
        const broker_open_run_record record = {.run = id_of (run),
            .number = run,
            .job_key = id_of (9),
            .exec = run == 1 ? id_of (0x77) : (bg_id){{0}},
            .started_us = run * 10,
            .bytes = bg_slice_str ("run")};
        OK (store->open_run_put (store->ctx, &record, err));
    }
    broker_open_run_record got = {0};
    bool found = false;
    OK (store->open_run_get (store->ctx, id_of (1), &arena, &got, &found, err));
    assert_true (found);
    assert_true (bg_id_equal (got.exec, id_of (0x77)));
    assert_true (bg_id_equal (got.job_key, id_of (9)));
    assert_int_equal (got.number, 1);
    assert_int_equal (got.started_us, 10);
    assert_true (bg_slice_is (got.bytes, "run"));
    got.bytes = bg_slice_str ("more of it");
    OK (store->open_run_put (store->ctx, &got, err));
    OK (store->open_run_get (store->ctx, id_of (1), &arena, &got, &found, err));
    assert_true (bg_slice_is (got.bytes, "more of it"));
    OK (store->open_run_get (store->ctx, id_of (2), &arena, &got, &found, err));
    assert_true (bg_id_is_zero (got.exec));
    seen page = {0};
    OK (store->open_runs (store->ctx, NULL, 3, see_open_run, &page, err));
    CHECK_SEEN (page, 1, 2, 3);
    page = (seen){0};
    bg_id after = id_of (2);
    OK (store->open_run_remove (store->ctx, id_of (3), err));
    OK (store->open_run_remove (store->ctx, id_of (3), err));
    OK (store->open_runs (store->ctx, &after, 3, see_open_run, &page, err));
    CHECK_SEEN (page, 4);
    bg_error why = {0};
    page = (seen){.fail_at = 1};
    assert_int_equal (
        store->open_runs (store->ctx, NULL, 3, see_open_run, &page, &why).code, BG_LIMIT);
    OK (store->open_run_get (store->ctx, id_of (3), &arena, &got, &found, err));
    assert_false (found);
}

/*  ---- history ----  */

typedef struct {
    uint8_t job;
    uint32_t number;
    uint8_t exec; /*  0: none  */
    uint64_t state;
    int64_t started_us;
    int64_t stored_us;
    const char *output;
} run_plan;

static void add_run (const broker_store *store, const run_plan *plan)
{
    const broker_run_record record = {.run = id_of (0x55),
        .job_key = id_of (plan->job),
        .job_name = bg_slice_str (plan->job == 1 ? "backup" : "clean"),
        .number = plan->number,
        .exec = id_of (plan->exec),
        .state = plan->state,
        .reason = bg_slice_str (plan->state == WIRE_RUN_NOT_RUN ? "overlap" : ""),
        .started_us = plan->started_us,
        .finished_us = plan->started_us ? plan->started_us + 3 : 0,
        .stored_us = plan->stored_us,
        .bytes = bg_slice_str ("run"),
        .output = bg_slice_str (plan->output)};
    OK (store->runs_append (store->ctx, &record, err));
}

static bg_result see_run (void *visitor, const broker_run_record *record, bg_error *err)
{
    assert_true (bg_slice_is (record->bytes, "run"));
    return note_number (visitor, record->row, err);
}

static seen rows (const broker_store *store, broker_run_filter filter)
{
    seen got = {0};
    if (filter.limit == 0)
        filter.limit = LIMIT;
    OK (store->runs (store->ctx, &filter, see_run, &got, err));
    return got;
}

static bg_result see_whole_run (void *visitor, const broker_run_record *record, bg_error *err)
{
    (void) err;
    seen *self = visitor;
    self->count++;
    assert_int_equal (record->row, 1);
    assert_true (bg_id_equal (record->run, id_of (0x55)));
    assert_true (bg_id_equal (record->job_key, id_of (1)));
    assert_true (bg_slice_is (record->job_name, "backup"));
    assert_int_equal (record->number, 4);
    assert_true (bg_id_equal (record->exec, id_of (6)));
    assert_int_equal (record->state, WIRE_RUN_FAILED);
    assert_int_equal (record->reason.size, 0);
    assert_int_equal (record->started_us, 100);
    assert_int_equal (record->finished_us, 103);
    assert_int_equal (record->stored_us, 200);
    assert_true (bg_slice_is (record->output, self->numbers[0] ? "run with head and tail" : ""));
    return bg_ok ();
}

static void a_run_is_read_with_its_output_only_when_asked (void **state)
{
    const broker_store *store = store_case_port (*state);
    add_run (store, &(run_plan){1, 4, 6, WIRE_RUN_FAILED, 100, 200, "run with head and tail"});
    seen without = {0};
    OK (store->runs (store->ctx, &(broker_run_filter){.limit = 2}, see_whole_run, &without, err));
    assert_int_equal (without.count, 1);
    seen with = {.numbers = {1}};
    OK (store->runs (
        store->ctx, &(broker_run_filter){.limit = 2, .output = true}, see_whole_run, &with, err));
    assert_int_equal (with.count, 1);
}

/*  Rows 1 to 8: two jobs, two targets, an execution, all states, and what came late or never ran.  */
static void add_history (const broker_store *store)
{
    static const run_plan plans[] = {
        {1, 1, 0, WIRE_RUN_SUCCEEDED, 100, 110, ""},
        {1, 2, 5, WIRE_RUN_FAILED, 200, 210, ""},
        {2, 1, 0, WIRE_RUN_CANCELED, 300, 310, ""},
        {1, 1, 5, WIRE_RUN_INTERRUPTED, 150, 400, ""}, /*  handed in after an outage  */
        {1, 1, 0, WIRE_RUN_NOT_RUN, 0, 500, ""},       /*  stands where it was stored  */
        {2, 2, 0, WIRE_RUN_SUCCEEDED, 300, 510, ""},   /*  as old as row 3  */
        {1, 2, 0, WIRE_RUN_SUCCEEDED, 600, 610, ""},
        {1, 2, 5, WIRE_RUN_FAILED, 50, 700, ""},
    };
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++)
        add_run (store, &plans[i]);
}

static void history_comes_by_when_a_run_started (void **state)
{
    const broker_store *store = store_case_port (*state);
    add_history (store);
    seen all = rows (store, (broker_run_filter){0});
    CHECK_SEEN (all, 7, 5, 6, 3, 2, 4, 1, 8);
}

static void each_filter_restricts (void **state)
{
    const broker_store *store = store_case_port (*state);
    add_history (store);
    seen got = rows (store, (broker_run_filter){.job_key = id_of (1)});
    CHECK_SEEN (got, 7, 5, 2, 4, 1, 8);
    got = rows (store, (broker_run_filter){.job_key = id_of (3)});
    assert_int_equal (got.count, 0);
    got = rows (store, (broker_run_filter){.number = 2});
    CHECK_SEEN (got, 7, 6, 2, 8);
    got = rows (store, (broker_run_filter){.exec = id_of (5)});
    CHECK_SEEN (got, 2, 4, 8);
    got = rows (
        store, (broker_run_filter){.states = 1u << WIRE_RUN_SUCCEEDED | 1u << WIRE_RUN_NOT_RUN});
    CHECK_SEEN (got, 7, 5, 6, 1);
    got = rows (store, (broker_run_filter){.since_us = 200});
    CHECK_SEEN (got, 7, 5, 6, 3, 2);
    got = rows (store, (broker_run_filter){.until_us = 200});
    CHECK_SEEN (got, 4, 1, 8);
    got = rows (store, (broker_run_filter){.since_us = 150, .until_us = 501});
    CHECK_SEEN (got, 5, 6, 3, 2, 4);
    got = rows (store, (broker_run_filter){.limit = 2});
    CHECK_SEEN (got, 7, 5);
}

static void filters_restrict_together (void **state)
{
    const broker_store *store = store_case_port (*state);
    add_history (store);
    seen got = rows (store, (broker_run_filter){.job_key = id_of (1), .number = 1});
    CHECK_SEEN (got, 5, 4, 1);
    got = rows (store, (broker_run_filter){.exec = id_of (5), .number = 2});
    CHECK_SEEN (got, 2, 8);
    got = rows (store, (broker_run_filter){.exec = id_of (5), .job_key = id_of (2)});
    assert_int_equal (got.count, 0);
    got = rows (store, (broker_run_filter){.job_key = id_of (1),
                           .number = 2,
                           .exec = id_of (5),
                           .states = 1u << WIRE_RUN_FAILED,
                           .since_us = 51,
                           .until_us = 201});
    CHECK_SEEN (got, 2);
}

static void a_page_begins_after_the_row_that_the_last_one_ended_with (void **state)
{
    const broker_store *store = store_case_port (*state);
    add_history (store);
    /*  A cursor stands for its place in the order, not for a row number.  */
    static const int64_t order[] = {7, 5, 6, 3, 2, 4, 1, 8};
    for (uint32_t size = 1; size <= 8; size++) {
        int64_t before = 0;
        size_t taken = 0;
        while (taken < 8) {
            seen page = rows (store, (broker_run_filter){.before = before, .limit = size});
            assert_in_range (page.count, 1, size);
            assert_memory_equal (page.numbers, order + taken, page.count * sizeof order[0]);
            taken += page.count;
            before = page.numbers[page.count - 1];
        }
        assert_int_equal (rows (store, (broker_run_filter){.before = before}).count, 0);
    }
    seen got = rows (store, (broker_run_filter){.job_key = id_of (1), .before = 5});
    CHECK_SEEN (got, 2, 4, 1, 8);
    got = rows (store, (broker_run_filter){.number = 2, .before = 6});
    CHECK_SEEN (got, 2, 8);
    got = rows (store, (broker_run_filter){.exec = id_of (5), .before = 2});
    CHECK_SEEN (got, 4, 8);
    /*  The row of the cursor need not be among those wanted, and the time may end below it.  */
    got = rows (store, (broker_run_filter){.number = 2, .before = 3});
    CHECK_SEEN (got, 2, 8);
    got = rows (store, (broker_run_filter){.before = 6, .until_us = 160});
    CHECK_SEEN (got, 4, 1, 8);
}

static void a_visitor_that_fails_ends_the_page_of_history (void **state)
{
    const broker_store *store = store_case_port (*state);
    add_history (store);
    bg_error why = {0};
    for (int round = 0; round < 2; round++) {
        seen got = {.fail_at = 2};
        assert_int_equal (
            store->runs (store->ctx, &(broker_run_filter){.limit = 9}, see_run, &got, &why).code,
            BG_LIMIT);
        CHECK_SEEN (got, 7, 5);
    }
}

/*  ---- what leaves ----  */

static const broker_retention usual = {.history_us = BG_DAY (90), .history_least = 100};

static size_t prune_all (const broker_store *store, int64_t now_us)
{
    bool more = true;
    size_t rounds = 0;
    while (more) {
        OK (store->prune (store->ctx, now_us, &usual, &more, err));
        assert_in_range (++rounds, 1, 50);
    }
    return rounds;
}

static void the_last_hundred_of_a_job_on_a_target_stay (void **state)
{
    const broker_store *store = store_case_port (*state);
    for (int i = 0; i < 130; i++) {
        add_run (store, &(run_plan){1, 1, 0, WIRE_RUN_SUCCEEDED, 1000 + i, 2000 + i, ""});
        if (i < 100)
            add_run (store, &(run_plan){1, 2, 0, WIRE_RUN_SUCCEEDED, 1000 + i, 2000 + i, ""});
        if (i < 20)
            add_run (store, &(run_plan){2, 1, 0, WIRE_RUN_SUCCEEDED, 5000 + i, 2000 + i, ""});
    }
    prune_all (store, BG_DAY (90)); /*  not old enough by two milliseconds  */
    assert_int_equal (rows (store, (broker_run_filter){0}).count, 250);
    prune_all (store, BG_DAY (91));
    seen left = rows (store, (broker_run_filter){.job_key = id_of (1), .number = 1});
    assert_int_equal (left.count, 100);
    assert_int_equal (
        rows (store, (broker_run_filter){.job_key = id_of (1), .number = 2}).count, 100);
    assert_int_equal (rows (store, (broker_run_filter){.job_key = id_of (2)}).count, 20);
    assert_int_equal (rows (store, (broker_run_filter){.until_us = 1030, .number = 1}).count, 0);
}

static void runs_of_the_same_moment_leave_too (void **state)
{
    const broker_store *store = store_case_port (*state);
    for (int i = 0; i < 130; i++)
        add_run (store, &(run_plan){1, 1, 0, WIRE_RUN_SUCCEEDED, 1000, 2000, ""});
    prune_all (store, BG_DAY (91));
    seen left = rows (store, (broker_run_filter){0});
    assert_int_equal (left.count, 100);
    assert_int_equal (left.numbers[99], 31); /*  the first thirty went  */
}

static void what_is_recent_stays_whatever_came_late (void **state)
{
    const broker_store *store = store_case_port (*state);
    for (int i = 0; i < 150; i++)
        add_run (
            store, &(run_plan){1, 1, 0, WIRE_RUN_SUCCEEDED, BG_DAY (1) + i, BG_DAY (1) + i, ""});
    /*  Stored today: what a target hands in after a long time away is there to be looked at.  */
    add_run (store, &(run_plan){1, 1, 0, WIRE_RUN_FAILED, 1, BG_DAY (100), ""});
    prune_all (store, BG_DAY (100));
    seen left = rows (store, (broker_run_filter){0});
    assert_int_equal (left.count, 101);
    assert_int_equal (left.numbers[100], 151);
}

static void a_piece_is_five_hundred_rows (void **state)
{
    const broker_store *store = store_case_port (*state);
    for (int i = 0; i < 1200; i++)
        add_run (store, &(run_plan){1, 1, 0, WIRE_RUN_SUCCEEDED, 1000 + i, 2000, ""});
    bool more = true;
    for (size_t before = 1200; more;) {
        OK (store->prune (store->ctx, BG_DAY (91), &usual, &more, err));
        const size_t left = rows (store, (broker_run_filter){.limit = LIMIT}).count;
        assert_in_range (before - left, 0, 500);
        before = left;
    }
    assert_int_equal (rows (store, (broker_run_filter){0}).count, 100);
    /*  A later pass finds what was passed over and has become one too many.  */
    add_run (store, &(run_plan){1, 1, 0, WIRE_RUN_SUCCEEDED, 9000, BG_DAY (91), ""});
    prune_all (store, BG_DAY (92));
    assert_int_equal (rows (store, (broker_run_filter){0}).count, 100);
}

static bg_result see_output (void *visitor, const broker_run_record *record, bg_error *err)
{
    return record->output.size ? note_number (visitor, record->row, err) : bg_ok ();
}

static seen outputs (const broker_store *store)
{
    seen got = {0};
    OK (store->runs (
        store->ctx, &(broker_run_filter){.limit = LIMIT, .output = true}, see_output, &got, err));
    return got;
}

static void what_a_wrong_clock_dated_is_no_obstacle (void **state)
{
    const broker_store *store = store_case_port (*state);
    for (int i = 0; i < 600; i++)
        add_run (
            store, &(run_plan){1, 1, 0, WIRE_RUN_SUCCEEDED, BG_DAY (9000), BG_DAY (9000), "text"});
    for (int i = 0; i < 300; i++)
        add_run (store, &(run_plan){1, 2, 0, WIRE_RUN_SUCCEEDED, 1000 + i, 2000, "text"});
    prune_all (store, BG_DAY (91));
    assert_int_equal (rows (store, (broker_run_filter){.number = 1}).count, 600);
    assert_int_equal (rows (store, (broker_run_filter){.number = 2}).count, 100);
    assert_int_equal (outputs (store).count, 0);
}

static void output_leaves_earlier_than_its_run (void **state)
{
    const broker_store *store = store_case_port (*state);
    for (int day = 1; day <= 3; day++)
        add_run (
            store, &(run_plan){1, 1, 0, WIRE_RUN_SUCCEEDED, BG_DAY (day), BG_DAY (day), "text"});
    seen there = outputs (store);
    CHECK_SEEN (there, 3, 2, 1);
    prune_all (store, BG_DAY (32) + 1);
    there = outputs (store);
    CHECK_SEEN (there, 3);
    assert_int_equal (rows (store, (broker_run_filter){0}).count, 3);
    prune_all (store, BG_DAY (34));
    assert_int_equal (outputs (store).count, 0);
    assert_int_equal (rows (store, (broker_run_filter){0}).count, 3);
}

static void executions_leave_with_their_notes_when_they_are_old (void **state)
{
    const broker_store *store = store_case_port (*state);
    const int64_t done_us[] = {BG_DAY (1), BG_DAY (20), 0, BG_DAY (1)};
    for (uint8_t id = 1; id <= 4; id++) {
        broker_execution_record record = execution_of (id, 7);
        record.done_us = done_us[id - 1];
        OK (store->execution_put (store->ctx, &record, err));
        put_note (store, id, 3, "why");
    }
    put_note (store, 9, 3, "of a document");
    prune_all (store, BG_DAY (92));
    seen got = {0};
    OK (store->executions (
        store->ctx, &(broker_execution_filter){.limit = LIMIT}, see_execution, &got, err));
    CHECK_SEEN (got, 3, 2);
    const uint8_t noted[] = {2, 3, 9};
    for (uint8_t id = 1; id <= 9; id++) {
        seen notes = {0};
        OK (store->notes (store->ctx, id_of (id), 0, LIMIT, see_note, &notes, err));
        assert_int_equal (notes.count, memchr (noted, id, sizeof noted) != NULL);
    }
    /*  A clock far ahead made it old while the core still held it.  */
    broker_execution_record late = execution_of (1, 7);
    OK (store->execution_update (store->ctx, &late, err));
    BG_AUTO_ARENA arena = {0};
    bool found = true;
    OK (store->execution_get (store->ctx, id_of (1), &arena, &late, &found, err));
    assert_false (found);
}

static void tokens_leave_when_they_have_expired_long_ago (void **state)
{
    const broker_store *store = store_case_port (*state);
    const int64_t expires_us[] = {BG_DAY (1), BG_DAY (80)};
    for (uint8_t i = 0; i < 2; i++) {
        const broker_token_record record = {.token_key = {{(uint8_t) (i + 1)}},
            .signed_bytes = bg_slice_str ("token"),
            .created_by = bg_slice_str ("alice"),
            .expires_us = expires_us[i],
            .uses = 1};
        OK (store->token_put (store->ctx, &record, err));
    }
    prune_all (store, BG_DAY (100));
    for (uint8_t i = 0; i < 2; i++) {
        BG_AUTO_ARENA arena = {0};
        broker_token_record record;
        bool found = false;
        const bg_key key = {{(uint8_t) (i + 1)}};
        OK (store->token_get (store->ctx, &key, &arena, &record, &found, err));
        assert_int_equal (found, i == 1);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        STORE (an_execution_is_kept_and_its_progress_changes),
        STORE (executions_come_newest_first_and_as_wanted),
        STORE (a_note_is_one_for_an_object_and_a_target),
        STORE (an_open_run_is_replaced_and_removed),
        STORE (a_run_is_read_with_its_output_only_when_asked),
        STORE (history_comes_by_when_a_run_started),
        STORE (each_filter_restricts),
        STORE (filters_restrict_together),
        STORE (a_page_begins_after_the_row_that_the_last_one_ended_with),
        STORE (a_visitor_that_fails_ends_the_page_of_history),
        STORE (the_last_hundred_of_a_job_on_a_target_stay),
        STORE (runs_of_the_same_moment_leave_too),
        STORE (what_is_recent_stays_whatever_came_late),
        STORE (a_piece_is_five_hundred_rows),
        STORE (what_a_wrong_clock_dated_is_no_obstacle),
        STORE (output_leaves_earlier_than_its_run),
        STORE (executions_leave_with_their_notes_when_they_are_old),
        STORE (tokens_leave_when_they_have_expired_long_ago),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
