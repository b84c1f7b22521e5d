/*  Default deny: every kind from every sender on every channel, and all the other reasons to refuse
    before a handler.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/broker_fixture.h"

typedef struct {
    const char *name;
    wire_channel channel;
    wire_sender sender;
    bg_key key;
    bg_id session;
} peer;

/*  What proto/messages.def says, restated: the table under test is derived from it, so the rule is
    written anew.  */
static bool may (const wire_kind_row *row, const peer *from)
{
    if (row->channel != from->channel)
        return false;
    switch (row->sender) {
    case WIRE_FROM_TARGET:
    case WIRE_FROM_STRANGER:
        return from->sender == row->sender;
    case WIRE_FROM_READER:
    case WIRE_FROM_OPERATOR:
    case WIRE_FROM_AUTHOR:
    case WIRE_FROM_ADMIN:
        return from->sender >= row->sender && from->sender <= WIRE_FROM_ADMIN;
    default:
        return false;
    }
}

static size_t peers_of (fx *self, peer *peers)
{
    static const wire_sender roles[] = {
        WIRE_FROM_ADMIN, WIRE_FROM_AUTHOR, WIRE_FROM_OPERATOR, WIRE_FROM_READER};
    static const char *const names[] = {"admin", "author", "operator", "reader"};
    size_t count = 0;
    fx_node node = fx_member (self, "web01", NULL);
    peers[count++] =
        (peer){"target", WIRE_ON_DESK, WIRE_FROM_TARGET, node.keys.curve_key, node.session};
    peers[count++] = (peer){.name = "stranger",
        .channel = WIRE_ON_ENLIST,
        .sender = WIRE_FROM_STRANGER,
        .key = fx_person_make (200).curve_key};
    for (size_t i = 0; i < 4; i++)
        peers[count++] = (peer){.name = names[i],
            .channel = WIRE_ON_OPS,
            .sender = roles[i],
            .key = self->people[i].curve_key};
    /*  Right key, wrong door.  */
    peers[count++] =
        (peer){"target on ops", WIRE_ON_OPS, WIRE_FROM_ANY, node.keys.curve_key, node.session};
    peers[count++] = (peer){.name = "admin on desk",
        .channel = WIRE_ON_DESK,
        .sender = WIRE_FROM_ANY,
        .key = self->people[FX_ADMIN].curve_key};
    peers[count++] = (peer){.name = "unknown on desk",
        .channel = WIRE_ON_DESK,
        .sender = WIRE_FROM_ANY,
        .key = fx_person_make (201).curve_key};
    peers[count++] = (peer){.name = "unknown on ops",
        .channel = WIRE_ON_OPS,
        .sender = WIRE_FROM_ANY,
        .key = fx_person_make (201).curve_key};
    peers[count++] = (peer){.name = "admin on orders",
        .channel = WIRE_ON_ORDERS,
        .sender = WIRE_FROM_ANY,
        .key = self->people[FX_ADMIN].curve_key};
    return count;
}

/*  Sends header and body bytes as they are.  */
static void send_bytes (fx *self, const peer *from, bg_slice header, bg_slice body)
{
    bg_error err = {0};
    bool changed = false;
    const broker_message message = {
        .channel = from->channel, .peer = from->key, .header = header, .body = body};
    self->sent_count = 0;
    assert_true (bg_is_ok (broker_db_begin (self->db, &err)));
    assert_true (bg_is_ok (broker_core_message (self->core, self->now, &message, &err)));
    assert_true (bg_is_ok (broker_core_before_commit (self->core, self->now, &changed, &err)));
    assert_true (bg_is_ok (broker_db_commit (self->db, &err)));
}

static const char *answer_code (fx *self, char *text)
{
    assert_true (self->sent_count >= 1);
    const fx_sent *sent = &self->sent[self->sent_count - 1];
    if (sent->row->kind != WIRE_ERROR)
        return "answered";
    const wire_error *error = sent->body;
    memcpy (text, error->code.data, error->code.size);
    text[error->code.size] = '\0';
    return text;
}

/*  The body is no msgpack map at all: whoever may send the kind hears malformed, everybody else was
    stopped before.  */
static void every_kind_is_denied_to_everybody_else (void **state)
{
    (void) state;
    fx *self = fx_open ();
    peer peers[16];
    size_t count = peers_of (self, peers);
    const bg_slice garbage = bg_slice_str ("\xc1");
    size_t allowed = 0;
    for (const wire_kind_row *row = wire_kinds; row->name; row++)
        for (size_t i = 0; i < count; i++) {
            BG_AUTO_BUF header = {0};
            char text[65];
            wire_header_encode (row->kind, fx_id (self), peers[i].session, &header);
            send_bytes (self, &peers[i], bg_buf_slice (&header), garbage);
            const char *code = answer_code (self, text);
            /*  Heartbeats never reach the core: the front answers them.  */
            bool expected = may (row, &peers[i]) && row->kind != WIRE_HEARTBEAT;
            bool denied = strcmp (code, "not-allowed") == 0 || strcmp (code, "unknown-kind") == 0;
            if (expected ? strcmp (code, "malformed") != 0 : !denied)
                fail_msg ("%s from %s: %s", row->name, peers[i].name, code);
            allowed += expected;
        }
    assert_true (allowed > 25);
    assert_true (broker_core_counter (self->core, "refused-not-allowed") > 0);
    assert_true (broker_core_counter (self->core, "refused-unknown-kind") > 0);
    assert_true (broker_core_counter (self->core, "refused-malformed") > 0);
    fx_close (&self);
}

static void garbage_is_answered_and_counted (void **state)
{
    (void) state;
    fx *self = fx_open ();
    peer from = {.channel = WIRE_ON_OPS, .key = self->people[FX_ADMIN].curve_key};
    static const char *const headers[] = {
        "", "\xc1", "\x81\x01", "\xdf\xff\xff\xff\xff", "\x93\x01\x02\x03"};
    char text[65];
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        send_bytes (self, &from, bg_slice_str (headers[i]), bg_slice_str ("\x80"));
        const char *code = answer_code (self, text);
        assert_true (strcmp (code, "malformed") == 0 || strcmp (code, "too-large") == 0);
    }
    fx_close (&self);
}

static void unknown_kinds_and_levels_are_refused (void **state)
{
    (void) state;
    fx *self = fx_open ();
    peer from = {.channel = WIRE_ON_OPS, .key = self->people[FX_ADMIN].curve_key};
    char text[65];
    BG_AUTO_BUF bytes = {0};
    wire_header header = {.kind = 4711, .level = 1, .request = fx_id (self)};
    wire_encode (&wire_desc_header, &header, &bytes);
    send_bytes (self, &from, bg_buf_slice (&bytes), bg_slice_str ("\x80"));
    assert_string_equal (answer_code (self, text), "unknown-kind");
    assert_true (bg_id_equal (self->sent[0].header.request, header.request));
    bg_buf_clear (&bytes);
    header.kind = WIRE_STATUS_QUERY;
    header.level = WIRE_LEVEL + 1;
    wire_encode (&wire_desc_header, &header, &bytes);
    send_bytes (self, &from, bg_buf_slice (&bytes), bg_slice_str ("\x80"));
    assert_string_equal (answer_code (self, text), "level");
    fx_close (&self);
}

static void messages_of_other_sessions_are_stale (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", NULL);
    const wire_poll poll = {0};
    const bg_id none = {0};
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, none, WIRE_POLL, &poll);
    fx_refused (self, BG_STALE);
    bg_id old = node.session;
    fx_node_hello (self, &node);
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, old, WIRE_POLL, &poll);
    fx_refused (self, BG_STALE);
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, node.session, WIRE_POLL, &poll);
    fx_answer (self, WIRE_POLL_ANSWER);
    fx_close (&self);
}

static void hello_agrees_on_a_level (void **state)
{
    (void) state;
    fx *self = fx_open ();
    fx_node node = fx_member (self, "web01", NULL);
    const bg_id none = {0};
    wire_hello hello = {.level_low = 2,
        .level_high = 5,
        .boot_counter = 1,
        .instance = fx_id (self),
        .name = bg_slice_str ("web01"),
        .outbox = node.outbox,
        .time_us = self->now.utc_us};
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, none, WIRE_HELLO, &hello);
    fx_refused (self, BG_LEVEL);
    hello.level_low = 1;
    fx_send (self, WIRE_ON_DESK, &node.keys.curve_key, none, WIRE_HELLO, &hello);
    const wire_welcome *welcome = fx_answer (self, WIRE_WELCOME);
    assert_int_equal (welcome->level, 1);
    const wire_ops_hello ops = {.level_low = 2, .level_high = 2};
    fx_send (self, WIRE_ON_OPS, &self->people[FX_READER].curve_key, none, WIRE_OPS_HELLO, &ops);
    fx_refused (self, BG_LEVEL);
    fx_close (&self);
}

static void ops_welcome_says_who_answers (void **state)
{
    (void) state;
    fx *self = fx_open ();
    const wire_ops_hello hello = {.level_low = 1, .level_high = 1};
    const wire_ops_welcome *welcome =
        fx_ask (self, FX_OPERATOR, WIRE_OPS_HELLO, &hello, WIRE_OPS_WELCOME);
    assert_true (bg_slice_is (welcome->broker, "main"));
    assert_true (bg_slice_is (welcome->login, "cyd"));
    assert_int_equal (welcome->role, WIRE_ROLE_OPERATOR);
    assert_int_equal (welcome->authority, 1);
    assert_int_equal (welcome->time_us, self->now.utc_us);
    assert_int_equal (welcome->endpoints_count, 1);
    const wire_authority_query query = {.from_version = 1};
    const wire_authority_answer *answer =
        fx_ask (self, FX_READER, WIRE_AUTHORITY_QUERY, &query, WIRE_AUTHORITY_ANSWER);
    assert_int_equal (answer->versions_count, 1);
    assert_false (answer->more);
    fx_close (&self);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (every_kind_is_denied_to_everybody_else),
        cmocka_unit_test (garbage_is_answered_and_counted),
        cmocka_unit_test (unknown_kinds_and_levels_are_refused),
        cmocka_unit_test (messages_of_other_sessions_are_stale),
        cmocka_unit_test (hello_agrees_on_a_level),
        cmocka_unit_test (ops_welcome_says_who_answers),
    };
    return cmocka_run_group_tests_name ("broker dispatch", tests, NULL, NULL);
}
