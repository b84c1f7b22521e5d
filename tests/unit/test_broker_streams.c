/*  Streams: who can read what, sequences, ticks, keys that change when somebody leaves.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/seal.h"
#include "tests/unit/broker_fixture.h"

#include <stdio.h>

/*  The n-th publication of the last batch, opened with a key out of these heads; false when none of
    them fits.  */
static bool open_with (fx *self, size_t n, const wire_stream_head *heads, size_t count,
    wire_stream *stream, bg_buf *body)
{
    bg_error err = {0};
    for (size_t i = 0; i < self->sent_count; i++) {
        const fx_sent *sent = &self->sent[i];
        if (!sent->published || n-- > 0)
            continue;
        assert_true (bg_is_ok (wire_stream_decode (sent->frame0, stream, &err)));
        for (size_t k = 0; k < count; k++) {
            const bg_key *keys[] = {
                &heads[k].key, heads[k].next_key_number ? &heads[k].next_key : NULL};
            for (size_t j = 0; j < 2; j++)
                if (keys[j] && bg_is_ok (wire_open (keys[j], sent->frame0, sent->header_bytes,
                                   sent->sealed, body, &err)))
                    return true;
        }
        return false;
    }
    fail_msg ("no such publication");
    return false;
}

static void only_members_of_a_group_open_its_stream (void **state)
{
    (void) state;
    fx *self = fx_open ();
    BG_AUTO_BUF body = {0};
    bg_error err = {0};
    wire_stream stream;
    fx_node web = fx_member (self, "web01", "web");
    fx_node db = fx_member (self, "db01", "db");
    const wire_welcome *welcome = fx_node_hello (self, &web);
    assert_int_equal (welcome->streams_count, 2);
    assert_true (bg_slice_is (welcome->streams[0], "all"));
    assert_true (bg_slice_is (welcome->streams[1], "g/web"));
    fx_node_hello (self, &db);
    wire_poll_answer of_web = *fx_node_poll (self, &web);
    wire_poll_answer of_db = *fx_node_poll (self, &db);
    const wire_audience group = fx_group (self, "web");
    wire_signed job = fx_job (self, FX_AUTHOR, "clean", &group, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &job, 0);
    assert_int_equal (fx_count (self, WIRE_INSTRUCT), 0);
    assert_true (open_with (self, 0, of_web.streams, of_web.streams_count, &stream, &body));
    assert_true (bg_slice_is (stream.name, "g/web"));
    assert_int_equal (stream.sequence, of_web.streams[1].sequence + 1);
    wire_instruct order;
    assert_true (bg_is_ok (
        WIRE_DECODE (instruct, bg_buf_slice (&body), WIRE_AS_MESSAGE, &self->arena, &order, &err)));
    assert_int_equal (order.instructions_count, 1);
    assert_true (bg_slice_equal (order.instructions[0].bytes, job.bytes));
    assert_false (open_with (self, 0, of_db.streams, of_db.streams_count, &stream, &body));
    fx_close (&self);
}

/*  Who hears of a START that is not for him would have to report that it did not run.  */
static void a_deed_goes_to_those_addressed_only (void **state)
{
    (void) state;
    fx *self = fx_open ();
    BG_AUTO_BUF body = {0};
    bg_id id;
    wire_stream stream;
    fx_node web = fx_member (self, "web01", "web");
    fx_node db = fx_member (self, "db01", "db");
    fx_node_hello (self, &web);
    fx_node_hello (self, &db);
    const wire_poll_answer of_web = *fx_node_poll (self, &web);
    const wire_audience all = fx_all ();
    const wire_audience group = fx_group (self, "web");
    const wire_audience one = fx_names (self, "web01", NULL);
    wire_signed by_group = fx_job (self, FX_AUTHOR, "clean", &group, 0, "/bin/true");
    wire_signed by_name = fx_job (self, FX_AUTHOR, "check", &one, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &by_group, 0);
    fx_post (self, FX_AUTHOR, &by_name, 0);
    wire_signed deed =
        fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "clean", &all, BG_HOUR (1), &id);
    assert_int_equal (fx_issue (self, FX_OPERATOR, &deed)->targets, 1);
    assert_true (open_with (self, 0, of_web.streams, of_web.streams_count, &stream, &body));
    assert_true (bg_slice_is (stream.name, "g/web"));
    deed = fx_deed (self, FX_OPERATOR, WIRE_DEED_START, "check", &all, BG_HOUR (1), &id);
    assert_int_equal (fx_issue (self, FX_OPERATOR, &deed)->targets, 1);
    assert_int_equal (fx_count (self, WIRE_ORDER), 0);
    assert_int_equal (fx_count (self, WIRE_INSTRUCT), 1);
    fx_close (&self);
}

static void heads_count_what_was_published_before (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", "web");
    uint64_t before = fx_node_poll (self, &node)->streams[0].sequence;
    fx_pass (self, BG_SEC (15));
    fx_tick (self);
    assert_int_equal (fx_count (self, WIRE_TICK), 1);
    assert_int_equal (fx_node_poll (self, &node)->streams[0].sequence, before + 1);
    uint8_t session[8];
    memcpy (session, fx_node_poll (self, &node)->streams[0].session, 8);
    fx_restart (self);
    fx_node_hello (self, &node);
    const wire_poll_answer *answer = fx_node_poll (self, &node);
    assert_memory_not_equal (session, answer->streams[0].session, 8);
    assert_int_equal (answer->streams[0].sequence, 0);
    fx_close (&self);
}

static void items_of_one_post_share_a_publication (void **state)
{
    (void) state;
    fx *self = fx_open ();
    const bg_id none = {0};
    fx_node node = fx_member (self, "web01", "web");
    fx_node_hello (self, &node);
    const wire_audience all = fx_all ();
    wire_post_item items[20] = {0};
    for (size_t i = 0; i < 20; i++) {
        items[i].has_document = true;
        items[i].document = fx_job (self, FX_AUTHOR,
            bg_arena_str (&self->arena, bg_arena_printf (&self->arena, "job%zu", i)), &all, 0,
            "/bin/true");
    }
    const wire_post post = {.items = items, .items_count = 20};
    fx_send (self, WIRE_ON_OPS, &self->people[FX_AUTHOR].curve_key, none, WIRE_POST, &post);
    fx_answer (self, WIRE_POSTED);
    assert_int_equal (fx_count (self, WIRE_ORDER), 1);
    fx_close (&self);
}

static wire_signed leave_group (fx *self, const fx_node *node)
{
    const wire_membership membership = {.target = node->target,
        .number = node->number,
        .name = bg_slice_str (node->name),
        .state = WIRE_MEMBER,
        .sign_key = node->keys.sign_key,
        .curve_key = node->keys.curve_key};
    return fx_document (self, FX_ADMIN, WIRE_TYPE_MEMBERSHIP, node->target, 0, &membership);
}

static void who_leaves_a_group_cannot_read_it_once_the_others_have_the_next_key (void **state)
{
    (void) state;
    fx *self = fx_open ();
    BG_AUTO_BUF body = {0};
    wire_stream stream;
    fx_node stays = fx_member (self, "web01", "web");
    fx_node leaves = fx_member (self, "web02", "web");
    wire_poll_answer last = *fx_node_poll (self, &leaves);
    fx_pass (self, BG_SEC (1));
    wire_signed out = leave_group (self, &leaves);
    fx_post (self, FX_ADMIN, &out, 1);
    const wire_audience group = fx_group (self, "web");

    /*  The next key is handed out, but does not seal before everybody has asked.  */
    fx_pass (self, BG_SEC (2));
    fx_tick (self);
    wire_signed one = fx_job (self, FX_AUTHOR, "one", &group, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &one, 0);
    assert_true (open_with (self, 0, last.streams, last.streams_count, &stream, &body));
    assert_int_equal (stream.key_number, 1);
    wire_poll_answer answer = *fx_node_poll (self, &stays);
    assert_int_equal (answer.streams[1].next_key_number, 2);
    assert_int_equal (fx_node_poll (self, &leaves)->streams_count, 1);
    fx_pass (self, BG_SEC (2));
    fx_tick (self);
    wire_signed two = fx_job (self, FX_AUTHOR, "two", &group, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &two, 0);
    assert_true (open_with (self, 0, answer.streams, answer.streams_count, &stream, &body));
    assert_int_equal (stream.key_number, 2);
    assert_false (open_with (self, 0, last.streams, last.streams_count, &stream, &body));
    fx_close (&self);
}

static void a_silent_member_delays_the_next_key_for_two_minutes_at_most (void **state)
{
    (void) state;
    fx *self = fx_open ();
    BG_AUTO_BUF body = {0};
    wire_stream stream;
    fx_member (self, "web01", "web");
    fx_node leaves = fx_member (self, "web02", "web");
    wire_poll_answer last = *fx_node_poll (self, &leaves);
    wire_signed out = leave_group (self, &leaves);
    fx_post (self, FX_ADMIN, &out, 1);
    /*  web01 never polls again; its session is connected for the first seconds and silent
        afterwards.  */
    const wire_audience group = fx_group (self, "web");
    fx_pass (self, BG_SEC (60));
    fx_tick (self);
    wire_signed one = fx_job (self, FX_AUTHOR, "one", &group, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &one, 0);
    assert_true (open_with (self, 0, last.streams, last.streams_count, &stream, &body));
    fx_pass (self, BG_SEC (61));
    fx_tick (self);
    wire_signed two = fx_job (self, FX_AUTHOR, "two", &group, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &two, 0);
    assert_false (open_with (self, 0, last.streams, last.streams_count, &stream, &body));
    assert_int_equal (stream.key_number, 2);
    fx_close (&self);
}

static void audiences_that_are_no_stream_go_to_each_session (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node nodes[3] = {fx_member (self, "web01", "web"), fx_member (self, "web02", "web"),
        fx_member (self, "db01", "db")};
    (void) nodes;
    wire_signed job;
    wire_audience names = fx_names (self, "web01", "db01");
    job = fx_job (self, FX_AUTHOR, "one", &names, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &job, 0);
    assert_int_equal (fx_count (self, WIRE_INSTRUCT), 2);
    assert_int_equal (fx_count (self, WIRE_ORDER), 0);
    bg_slice two[] = {bg_slice_str ("web"), bg_slice_str ("db")};
    const wire_audience both = {.groups = two, .groups_count = 2};
    job = fx_job (self, FX_AUTHOR, "two", &both, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &job, 0);
    assert_int_equal (fx_count (self, WIRE_INSTRUCT), 3);
    /*  Who has not been heard of is not sent to.  */
    fx_pass (self, BG_SEC (100));
    job = fx_job (self, FX_AUTHOR, "three", &both, 0, "/bin/true");
    fx_post (self, FX_AUTHOR, &job, 0);
    assert_int_equal (fx_count (self, WIRE_INSTRUCT), 0);
    fx_close (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (only_members_of_a_group_open_its_stream),
        cmocka_unit_test (a_deed_goes_to_those_addressed_only),
        cmocka_unit_test (heads_count_what_was_published_before),
        cmocka_unit_test (items_of_one_post_share_a_publication),
        cmocka_unit_test (who_leaves_a_group_cannot_read_it_once_the_others_have_the_next_key),
        cmocka_unit_test (a_silent_member_delays_the_next_key_for_two_minutes_at_most),
        cmocka_unit_test (audiences_that_are_no_stream_go_to_each_session),
    };
    return cmocka_run_group_tests_name ("broker streams", tests, NULL, NULL);
}
