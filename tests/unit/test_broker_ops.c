/*  The download list: what is in it, what may be done with a row, and that digests stay equal.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "broker/core/held.h"
#include "tests/unit/broker_fixture.h"

#include <stdio.h>
#include <string.h>

/*  Versions are times: a later one needs another second.  */
static uint64_t post_job (fx *self, const char *name, wire_audience audience, const char *command)
{
    fx_pass (self, BG_SEC (1));
    return fx_post_next (self, name, audience, command);
}

static const wire_ops *list (fx *self, wire_op_query query)
{
    return fx_ask (self, FX_READER, WIRE_OP_QUERY, &query, WIRE_OPS);
}

static wire_op_query of_jobs (void)
{
    return (wire_op_query){.type = WIRE_TYPE_JOB};
}

static wire_op_row only (fx *self, wire_op_query query)
{
    const wire_ops *ops = list (self, query);
    assert_int_equal (ops->rows_count, 1);
    return ops->rows[0];
}

static wire_ask_request signed_request (
    fx *self, int person, uint64_t what, const wire_op_row *row, const char *reason)
{
    wire_ask_request message = {.has_request = true};
    wire_op_ref *ops = bg_arena_array (&self->arena, wire_op_ref, 1);
    ops[0] = (wire_op_ref){.number = row->number, .key = row->key, .version = row->version};
    const wire_request ask = {.installation = self->settings.installation,
        .id = fx_id (self),
        .what = what,
        .issued_us = self->now.utc_us,
        .ops = ops,
        .ops_count = 1,
        .reason = bg_slice_str (reason)};
    wire_signed_make (wire_crypto_sodium (), WIRE_TYPE_REQUEST, self->settings.installation, &ask,
        self->people[person].secret, &self->arena, &message.request);
    return message;
}

static const wire_done *retry_row (fx *self, const wire_op_row *row)
{
    wire_ask_request message = signed_request (self, FX_OPERATOR, WIRE_REQUEST_OP_RETRY, row, NULL);
    return fx_ask (self, FX_OPERATOR, WIRE_REQUEST, &message, WIRE_DONE);
}

static const wire_done *skip_row (fx *self, const wire_op_row *row)
{
    wire_ask_request message =
        signed_request (self, FX_OPERATOR, WIRE_REQUEST_OP_SKIP, row, "not here");
    return fx_ask (self, FX_OPERATOR, WIRE_REQUEST, &message, WIRE_DONE);
}

static bool digests_agree (fx *self, const fx_node *node)
{
    uint8_t own[16];
    uint8_t broker[16];
    fx_node_digest (node, own);
    assert_true (broker_core_digest (self->core, node->number, broker));
    return memcmp (own, broker, sizeof own) == 0;
}

/*  ---- the list ----  */

static void rows_tell_operation_state_and_what_is_held (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    uint64_t first = post_job (self, "clean", fx_all (), "/bin/true");
    wire_op_row row = only (self, of_jobs ());
    assert_int_equal (row.operation, WIRE_OP_INSERT);
    assert_int_equal (row.state, WIRE_DELIVERY_PENDING);
    assert_int_equal (row.held_version, 0);
    assert_true (bg_slice_is (row.name, "clean"));
    assert_true (bg_slice_is (row.target, "web01"));
    fx_node_settle (self, &node);
    row = only (self, of_jobs ());
    assert_int_equal (row.state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (row.held_version, first);
    uint64_t second = post_job (self, "clean", fx_all (), "/bin/echo");
    row = only (self, of_jobs ());
    assert_int_equal (row.operation, WIRE_OP_UPDATE);
    assert_int_equal (row.version, second);
    assert_int_equal (row.held_version, first);
    assert_int_equal (row.held_revision, 1);
    fx_pass (self, BG_SEC (1));
    wire_signed gone = fx_withdrawal (self, FX_AUTHOR, "clean", 0);
    fx_post (self, FX_AUTHOR, &gone, second);
    row = only (self, of_jobs ());
    assert_int_equal (row.operation, WIRE_OP_DELETE);
    assert_int_equal (row.type, WIRE_TYPE_JOB);
    fx_node_settle (self, &node);
    post_job (self, "clean", fx_all (), "/bin/true");
    assert_int_equal (only (self, of_jobs ()).operation, WIRE_OP_INSERT);
    fx_restart (self);
    assert_int_equal (only (self, of_jobs ()).operation, WIRE_OP_INSERT);
    fx_close (&self);
}

static void each_filter_restricts (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", "web");
    fx_node db = fx_member (self, "db01", "db");
    post_job (self, "clean", fx_all (), "/bin/true");
    fx_node_settle (self, &web);
    int64_t between_us = self->now.utc_us + 1;
    post_job (self, "dump", fx_group (self, "db"), "/bin/true");
    const wire_job_query about_dump = {.name = bg_slice_str ("dump")};
    const wire_jobs *jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &about_dump, WIRE_JOBS);
    fx_node_ack (self, &db, fx_job_key (self, "dump"), jobs->rows[0].version, WIRE_DELIVERY_FAILED,
        "policy");
    wire_audience to = fx_all ();
    bg_id id;
    wire_signed deed = fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "clean", &to, BG_HOUR (1), &id);
    fx_issue (self, FX_OPERATOR, &deed);
    const struct {
        wire_op_query query;
        size_t rows;
    } cases[] = {
        {{.limit = 0}, 9}, /*  authority and membership each, clean twice, dump, START twice  */
        {{.type = WIRE_TYPE_JOB}, 3},
        {{.type = WIRE_TYPE_DEED}, 2},
        {{.type = WIRE_TYPE_MEMBERSHIP}, 2},
        {{.type = WIRE_TYPE_AUTHORITY}, 2},
        {{.job = bg_slice_str ("clean")}, 4},
        {{.job = bg_slice_str ("dump")}, 1},
        {{.errors = true}, 1},
        {{.unread = true}, 3},
        {{.unread = true, .target = bg_slice_str ("web01")}, 1},
        {{.target = bg_slice_str ("db01")}, 5},
        {{.group = bg_slice_str ("web")}, 4},
        {{.operation = WIRE_OP_START}, 2},
        {{.operation = WIRE_OP_INSERT}, 3},
        {{.states = 1u << WIRE_DELIVERY_FAILED}, 1},
        {{.states = 1u << WIRE_DELIVERY_APPLIED, .type = WIRE_TYPE_JOB}, 1},
        {{.since_us = between_us}, 3},
        {{.until_us = between_us, .type = WIRE_TYPE_JOB}, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t rows = list (self, cases[i].query)->rows_count;
        if (rows != cases[i].rows)
            print_error ("case %zu: %zu rows\n", i, rows);
        assert_int_equal (rows, cases[i].rows);
    }
    fx_close (&self);
}

/*  However small the pages, all rows come once and newest first.  */
static void pages_bring_every_row_once (void **state)
{
    (void) state;
    fx *self = fx_open ();
    enum { NODES = 5, JOBS = 4 };
    for (int i = 0; i < NODES; i++) {
        char name[16];
        snprintf (name, sizeof name, "web%02d", i);
        (void) fx_member (self, name, "web");
    }
    wire_audience to = fx_all ();
    for (int i = 0; i < JOBS; i++) {
        char name[16];
        bg_id id;
        snprintf (name, sizeof name, "job%d", i);
        post_job (self, name, fx_all (), "/bin/true");
        for (int k = 0; k < 2; k++) {
            wire_signed deed =
                fx_deed (self, FX_OPERATOR, WIRE_DEED_START, name, &to, BG_HOUR (1), &id);
            fx_issue (self, FX_OPERATOR, &deed);
        }
    }
    const size_t all = list (self, (wire_op_query){.limit = 1000})->rows_count;
    assert_int_equal (all, NODES * (2 + JOBS + 2 * JOBS));
    for (uint64_t limit = 1; limit <= 7; limit += 3) {
        wire_op_query query = {.limit = limit};
        size_t rows = 0;
        int64_t before_us = INT64_MAX;
        for (bool more = true; more;) {
            const wire_ops *ops = list (self, query);
            for (size_t i = 0; i < ops->rows_count; i++) {
                assert_true (ops->rows[i].posted_us / 1000 <= before_us);
                before_us = ops->rows[i].posted_us / 1000;
            }
            rows += ops->rows_count;
            more = ops->more;
            query.after_us = ops->next_us;
            query.after_key = ops->next_key;
            query.after_number = ops->next_number;
        }
        assert_int_equal (rows, all);
    }
    fx_close (&self);
}

static void a_row_is_found_by_its_id (void **state)
{
    (void) state;
    fx *self = fx_open ();
    (void) fx_member (self, "web01", "web");
    fx_node db = fx_member (self, "db01", "db");
    post_job (self, "clean", fx_all (), "/bin/true");
    wire_audience to = fx_all ();
    bg_id id;
    wire_signed deed = fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "clean", &to, BG_HOUR (1), &id);
    fx_issue (self, FX_OPERATOR, &deed);
    char text[64];
    snprintf (text, sizeof text, "%u-%s", db.number, bg_id_short (fx_job_key (self, "clean")).text);
    wire_op_row row = only (self, (wire_op_query){.id = bg_slice_str (text)});
    assert_int_equal (row.number, db.number);
    assert_true (bg_slice_is (row.name, "clean"));
    snprintf (text, sizeof text, "%u-%s", db.number, bg_id_text (id).text);
    row = only (self, (wire_op_query){.id = bg_slice_str (text)});
    assert_int_equal (row.operation, WIRE_OP_START);
    const struct {
        const char *text;
        bg_code code;
    } wrong[] = {{"clean", BG_INVALID}, {"1-abc", BG_INVALID}, {"1-zzzzzzzz", BG_NOT_FOUND},
        {"99-zzzzzzzz", BG_NOT_FOUND}};
    const bg_id none = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const wire_op_query query = {.id = bg_slice_str (wrong[i].text)};
        fx_send (
            self, WIRE_ON_OPS, &self->people[FX_READER].curve_key, none, WIRE_OP_QUERY, &query);
        fx_refused (self, wrong[i].code);
    }
    fx_close (&self);
}

/*  ---- retry and skip ----  */

static wire_op_query failed (void)
{
    return (wire_op_query){.errors = true};
}

static void a_refused_row_is_retried_and_attempts_are_counted (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    uint64_t version = post_job (self, "clean", fx_all (), "/bin/true");
    bg_id key = fx_job_key (self, "clean");
    fx_node_hold (self, &node, key, version);
    fx_node_ack (self, &node, key, version, WIRE_DELIVERY_FAILED, "policy");
    assert_int_equal (only (self, failed ()).attempts, 1);
    wire_op_row row = only (self, of_jobs ());
    assert_int_equal (retry_row (self, &row)->count, 1);
    assert_int_equal (fx_count (self, WIRE_INSTRUCT), 1);
    row = only (self, of_jobs ());
    assert_int_equal (row.state, WIRE_DELIVERY_PENDING);
    assert_true (bg_slice_is (row.code, "policy"));
    assert_int_equal (row.attempts, 1);
    /*  A repetition finds nothing to do.  */
    assert_int_equal (retry_row (self, &row)->count, 0);
    assert_int_equal (fx_node_poll (self, &node)->instructions_count, 1);
    fx_node_ack (self, &node, key, version, WIRE_DELIVERY_FAILED, "policy");
    row = only (self, failed ());
    assert_int_equal (row.attempts, 2);
    retry_row (self, &row);
    fx_node_ack (self, &node, key, version, WIRE_DELIVERY_APPLIED, NULL);
    row = only (self, of_jobs ());
    assert_int_equal (row.state, WIRE_DELIVERY_APPLIED);
    assert_int_equal (row.code.size, 0);
    assert_true (digests_agree (self, &node));
    fx_close (&self);
}

/*  Skipped in each state it may be skipped in; the node polls and nobody asks for an inventory.  */
static void a_skipped_row_is_not_sent_and_digests_stay_equal (void **state)
{
    (void) state;
    for (int has_older = 0; has_older < 2; has_older++)
        for (int refused = 0; refused < 2; refused++) {
            fx *self = fx_open ();
            fx_node node = fx_member (self, "web01", "web");
            bg_id key = fx_job_key (self, "clean");
            if (has_older) {
                post_job (self, "clean", fx_all (), "/bin/false");
                fx_node_settle (self, &node);
            }
            uint64_t version = post_job (self, "clean", fx_all (), "/bin/true");
            if (refused) {
                fx_node_hold (self, &node, key, version);
                fx_node_ack (self, &node, key, version, WIRE_DELIVERY_FAILED, "policy");
            }
            wire_op_row row = only (self, of_jobs ());
            assert_int_equal (skip_row (self, &row)->count, 1);
            row = only (self, of_jobs ());
            assert_int_equal (row.state, WIRE_DELIVERY_SKIPPED);
            assert_true (bg_slice_is (row.reason, "not here"));
            assert_true (row.settled_by.size > 0);
            assert_true (digests_agree (self, &node));
            for (int restarted = 0; restarted < 2; restarted++) {
                const wire_poll_answer *answer = fx_node_poll (self, &node);
                assert_int_equal (answer->instructions_count, 0);
                assert_false (answer->inventory);
                fx_restart (self);
                fx_node_hello (self, &node);
                assert_true (digests_agree (self, &node));
            }
            assert_int_equal (broker_core_counter (self->core, "digest-differs"), 0);
            /*  A newer version is pending again.  */
            post_job (self, "clean", fx_all (), "/bin/echo");
            assert_int_equal (only (self, of_jobs ()).state, WIRE_DELIVERY_PENDING);
            fx_node_settle (self, &node);
            assert_true (digests_agree (self, &node));
            fx_close (&self);
        }
}

static void answer_inventory (fx *self, fx_node *node)
{
    const wire_poll_answer *answer = fx_node_poll (self, node);
    assert_true (answer->inventory);
    wire_held *items = bg_arena_array (&self->arena, wire_held, node->slot_count);
    size_t count = 0;
    for (size_t i = 0; i < node->slot_count; i++) {
        size_t at = count++;
        while (at > 0 && bg_id_compare (items[at - 1].key, node->slots[i].key) > 0) {
            items[at] = items[at - 1];
            at--;
        }
        items[at] = node->slots[i];
    }
    const wire_inventory page = {
        .items = items, .items_count = count, .last = true, .state_seq = node->state_seq};
    fx_send (self, WIRE_ON_DESK, &node->keys.curve_key, node->session, WIRE_INVENTORY, &page);
    (void) fx_answer (self, WIRE_INVENTORY_ANSWER);
}

/*  The acknowledgement was lost: the target has settled what was skipped, and an inventory tells.  */
static void a_lost_acknowledgement_of_a_skipped_row_is_learned (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    uint64_t version = post_job (self, "clean", fx_all (), "/bin/true");
    wire_op_row row = only (self, of_jobs ());
    fx_node_hold (self, &node, fx_job_key (self, "clean"), version);
    skip_row (self, &row);
    assert_false (digests_agree (self, &node));
    answer_inventory (self, &node);
    assert_true (digests_agree (self, &node));
    assert_false (fx_node_poll (self, &node)->inventory);
    assert_int_equal (only (self, of_jobs ()).state, WIRE_DELIVERY_SKIPPED);
    fx_close (&self);
}

static void what_was_on_its_way_when_it_was_skipped_counts (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    bg_id key = fx_job_key (self, "clean");
    uint64_t version = post_job (self, "clean", fx_all (), "/bin/true");
    wire_op_row row = only (self, of_jobs ());
    skip_row (self, &row);
    fx_node_hold (self, &node, key, version);
    fx_node_ack (self, &node, key, version, WIRE_DELIVERY_FAILED, "policy");
    assert_int_equal (only (self, of_jobs ()).state, WIRE_DELIVERY_SKIPPED);
    assert_true (digests_agree (self, &node));
    fx_node_ack (self, &node, key, version, WIRE_DELIVERY_APPLIED, NULL);
    assert_int_equal (only (self, of_jobs ()).state, WIRE_DELIVERY_APPLIED);
    assert_true (digests_agree (self, &node));
    fx_close (&self);
}

/*  The acknowledgement of what had waited was lost, and nobody sends it again by itself.  */
static void what_waits_here_and_nowhere_else_is_sent_again (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    bg_id key = fx_job_key (self, "clean");
    uint64_t version = post_job (self, "clean", fx_all (), "/bin/true");
    fx_node_ack (self, &node, key, version, WIRE_DELIVERY_WAITING, "waiting");
    fx_node_hold (self, &node, key, version);
    answer_inventory (self, &node);
    assert_int_equal (fx_node_poll (self, &node)->instructions_count, 1);
    fx_node_ack (self, &node, key, version, WIRE_DELIVERY_APPLIED, NULL);
    assert_int_equal (only (self, of_jobs ()).state, WIRE_DELIVERY_APPLIED);
    assert_false (fx_node_poll (self, &node)->inventory);
    assert_int_equal (broker_core_counter (self->core, "digest-differs"), 0);
    fx_close (&self);
}

/*  It tried again by itself while nobody heard it.  */
static void what_is_refused_here_and_nowhere_else_is_sent_again (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    bg_id key = fx_job_key (self, "clean");
    uint64_t version = post_job (self, "clean", fx_all (), "/bin/true");
    fx_node_hold (self, &node, key, version);
    fx_node_ack (self, &node, key, version, WIRE_DELIVERY_FAILED, "policy");
    node.refused = 0;
    answer_inventory (self, &node);
    assert_int_equal (fx_node_poll (self, &node)->instructions_count, 1);
    fx_node_ack (self, &node, key, version, WIRE_DELIVERY_APPLIED, NULL);
    assert_int_equal (only (self, of_jobs ()).state, WIRE_DELIVERY_APPLIED);
    assert_false (fx_node_poll (self, &node)->inventory);
    fx_close (&self);
}

static void what_may_not_be_done_is_refused (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    post_job (self, "clean", fx_all (), "/bin/true");
    wire_op_row job = only (self, of_jobs ());
    wire_op_row authority = only (self, (wire_op_query){.type = WIRE_TYPE_AUTHORITY});
    wire_op_row member = only (self, (wire_op_query){.type = WIRE_TYPE_MEMBERSHIP});
    wire_op_row nothing = job;
    nothing.number = 77;
    const bg_id none = {0};
    const struct {
        int person;
        uint64_t what;
        const wire_op_row *row;
        const char *reason;
        bg_code code;
    } cases[] = {
        {FX_READER, WIRE_REQUEST_OP_SKIP, &job, "why", BG_NOT_ALLOWED},
        {FX_OPERATOR, WIRE_REQUEST_OP_SKIP, &job, "", BG_INVALID},
        {FX_OPERATOR, WIRE_REQUEST_OP_SKIP, &authority, "why", BG_NOT_ALLOWED},
        {FX_OPERATOR, WIRE_REQUEST_OP_SKIP, &member, "why", BG_NOT_ALLOWED},
        {FX_OPERATOR, WIRE_REQUEST_OP_RETRY, &nothing, "", BG_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire_ask_request message =
            signed_request (self, cases[i].person, cases[i].what, cases[i].row, cases[i].reason);
        fx_send (self, WIRE_ON_OPS, &self->people[cases[i].person].curve_key, none, WIRE_REQUEST,
            &message);
        fx_refused (self, cases[i].code);
    }
    /*  Seen in another version: nothing is done.  */
    post_job (self, "clean", fx_all (), "/bin/echo");
    assert_int_equal (skip_row (self, &job)->count, 0);
    assert_int_equal (only (self, of_jobs ()).state, WIRE_DELIVERY_PENDING);
    fx_node_settle (self, &node);
    fx_close (&self);
}

static void a_skipped_start_is_over (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    post_job (self, "clean", fx_all (), "/bin/true");
    fx_node_settle (self, &node);
    wire_audience to = fx_all ();
    bg_id id;
    wire_signed deed = fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "clean", &to, BG_HOUR (1), &id);
    fx_issue (self, FX_OPERATOR, &deed);
    wire_op_row row = only (self, (wire_op_query){.type = WIRE_TYPE_DEED});
    assert_int_equal (skip_row (self, &row)->count, 1);
    assert_int_equal (
        only (self, (wire_op_query){.type = WIRE_TYPE_DEED}).state, WIRE_DELIVERY_SKIPPED);
    assert_int_equal (fx_node_poll (self, &node)->instructions_count, 0);
    fx_restart (self);
    assert_int_equal (
        only (self, (wire_op_query){.type = WIRE_TYPE_DEED}).state, WIRE_DELIVERY_SKIPPED);
    assert_int_equal (
        list (self, (wire_op_query){.states = 1u << WIRE_DELIVERY_SKIPPED})->rows_count, 1);
    assert_int_equal (
        list (self, (wire_op_query){.states = 1u << WIRE_DELIVERY_APPLIED, .type = WIRE_TYPE_DEED})
            ->rows_count,
        0);
    /*  It ran all the same: what it says itself counts.  */
    fx_node_hello (self, &node);
    wire_run run = fx_run (self, "clean", id, WIRE_RUN_SUCCEEDED);
    fx_node_report (self, &node, &run, 1);
    const wire_exec_query about = {.id = bg_slice_str (bg_id_text (id).text)};
    const wire_execs *execs = fx_ask (self, FX_READER, WIRE_EXEC_QUERY, &about, WIRE_EXECS);
    assert_int_equal (execs->rows[0].succeeded, 1);
    assert_int_equal (execs->rows[0].canceled, 0);
    fx_close (&self);
}

/*  ---- tail and versions ----  */

static void a_tail_tells_changes_once_and_in_order (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", "web");
    fx_node db = fx_member (self, "db01", "db");
    wire_op_tail tail = {0};
    const wire_op_events *events = fx_ask (self, FX_READER, WIRE_OP_TAIL, &tail, WIRE_OP_EVENTS);
    assert_int_equal (events->events_count, 0);
    tail.after = events->next;
    uint64_t version = post_job (self, "clean", fx_all (), "/bin/true");
    fx_node_settle (self, &web);
    fx_node_ack (self, &db, fx_job_key (self, "clean"), version, WIRE_DELIVERY_FAILED, "policy");
    static const uint64_t expected[] = {
        WIRE_DELIVERY_PENDING, WIRE_DELIVERY_PENDING, WIRE_DELIVERY_APPLIED, WIRE_DELIVERY_FAILED};
    tail.has_which = true;
    for (uint64_t limit = 1; limit <= 5; limit += 4) {
        wire_op_tail at = tail;
        size_t told = 0;
        at.which.limit = limit;
        for (int round = 0; round < 10; round++) {
            events = fx_ask (self, FX_READER, WIRE_OP_TAIL, &at, WIRE_OP_EVENTS);
            for (size_t i = 0; i < events->events_count; i++)
                assert_int_equal (events->events[i].op.state, expected[told++]);
            at.after = events->next;
        }
        assert_int_equal (told, 4);
    }
    tail.which = (wire_op_query){.errors = true};
    events = fx_ask (self, FX_READER, WIRE_OP_TAIL, &tail, WIRE_OP_EVENTS);
    assert_int_equal (events->events_count, 1);
    assert_true (bg_slice_is (events->events[0].op.code, "policy"));
    /*  After a restart it goes on, and says that something may be missing.  */
    fx_pass (self, BG_SEC (1));
    fx_restart (self);
    tail.which = (wire_op_query){0};
    events = fx_ask (self, FX_READER, WIRE_OP_TAIL, &tail, WIRE_OP_EVENTS);
    assert_true (events->missed > 0);
    fx_close (&self);
}

static void versions_are_told_with_who_holds_them (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node web = fx_member (self, "web01", "web");
    fx_node db = fx_member (self, "db01", "db");
    post_job (self, "clean", fx_all (), "/bin/true");
    fx_node_settle (self, &web);
    fx_node_settle (self, &db);
    post_job (self, "clean", fx_all (), "/bin/echo");
    fx_node_settle (self, &web);
    wire_version_query query = {.type = WIRE_TYPE_JOB, .name = bg_slice_str ("clean")};
    const wire_versions *versions =
        fx_ask (self, FX_READER, WIRE_VERSION_QUERY, &query, WIRE_VERSIONS);
    assert_int_equal (versions->rows_count, 2);
    assert_int_equal (versions->rows[0].revision, 2);
    assert_int_equal (versions->rows[0].held, 1);
    assert_true (versions->rows[0].current);
    assert_int_equal (versions->rows[1].held, 1);
    assert_false (versions->rows[1].has_document);
    query.revision = 1;
    query.documents = true;
    versions = fx_ask (self, FX_READER, WIRE_VERSION_QUERY, &query, WIRE_VERSIONS);
    assert_int_equal (versions->rows_count, 1);
    assert_true (versions->rows[0].has_document);
    const wire_job_query about = {.name = bg_slice_str ("clean"), .documents = true};
    const wire_jobs *jobs = fx_ask (self, FX_READER, WIRE_JOB_QUERY, &about, WIRE_JOBS);
    assert_int_equal (jobs->rows[0].holders_count, 2);
    fx_node_settle (self, &db);
    fx_close (&self);
}

/*  ---- held ----  */

static void older_versions_are_told_apart_up_to_a_number (void **state)
{
    (void) state;
    broker_held held = {0};
    broker_bitmap all = {0};
    for (uint32_t number = 1; number <= 20; number++) {
        broker_bitmap_empty (&all);
        broker_bitmap_set (&all, number);
        broker_held_put_all (&held, &all, 100 + number, number);
    }
    uint64_t revision = 0;
    assert_int_equal (broker_held_find (&held, 20, &revision), 120);
    assert_int_equal (revision, 20);
    assert_int_equal (broker_held_find (&held, 13, NULL), 113);
    assert_true (broker_held_find (&held, 12, NULL) == BROKER_HELD_OLDER);
    assert_int_equal (broker_held_find (&held, 21, NULL), BROKER_HELD_NONE);
    BG_AUTO_BUF bytes = {0};
    bg_error err = {0};
    broker_held copy = {0};
    broker_held_encode (&held, &bytes);
    bg_slice rest = bg_buf_slice (&bytes);
    assert_true (bg_is_ok (broker_held_decode (&copy, &rest, &err)));
    assert_int_equal (rest.size, 0);
    for (uint32_t number = 1; number <= 21; number++)
        assert_true (
            broker_held_find (&held, number, NULL) == broker_held_find (&copy, number, NULL));
    for (size_t cut = 0; cut < bytes.size; cut++) {
        rest = bg_slice_of (bytes.data, cut);
        assert_true (bg_failed (broker_held_decode (&copy, &rest, NULL)));
    }
    broker_held_fini (&copy);
    broker_held_fini (&held);
    broker_bitmap_fini (&all);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (rows_tell_operation_state_and_what_is_held),
        cmocka_unit_test (each_filter_restricts),
        cmocka_unit_test (pages_bring_every_row_once),
        cmocka_unit_test (a_row_is_found_by_its_id),
        cmocka_unit_test (a_refused_row_is_retried_and_attempts_are_counted),
        cmocka_unit_test (a_skipped_row_is_not_sent_and_digests_stay_equal),
        cmocka_unit_test (a_lost_acknowledgement_of_a_skipped_row_is_learned),
        cmocka_unit_test (what_was_on_its_way_when_it_was_skipped_counts),
        cmocka_unit_test (what_waits_here_and_nowhere_else_is_sent_again),
        cmocka_unit_test (what_is_refused_here_and_nowhere_else_is_sent_again),
        cmocka_unit_test (what_may_not_be_done_is_refused),
        cmocka_unit_test (a_skipped_start_is_over),
        cmocka_unit_test (a_tail_tells_changes_once_and_in_order),
        cmocka_unit_test (versions_are_told_with_who_holds_them),
        cmocka_unit_test (older_versions_are_told_apart_up_to_a_number),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
