/*  Frames, the dispatch rule, error answers, stream frames; token and identity texts; audiences.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/audience.h"
#include "proto/frame.h"
#include "proto/token_text.h"
#include "tests/unit/proto_random.h"

#include <ctype.h>

/*  ---- frames ----  */

static void a_message_goes_through_its_frames (void **state)
{
    (void) state;
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF header_bytes = {0};
    BG_AUTO_BUF body_bytes = {0};
    bg_error err = {0};
    bg_id request = {{1}};
    bg_id session = {{2}};
    wire_heartbeat beat = {.open_runs = 3};
    wire_message_encode (WIRE_HEARTBEAT, request, session, &beat, &header_bytes, &body_bytes);
    wire_header header;
    const wire_kind_row *row = NULL;
    assert_true (bg_is_ok (wire_header_decode (bg_buf_slice (&header_bytes), &header, &row, &err)));
    assert_string_equal (row->name, "HEARTBEAT");
    assert_int_equal (header.level, WIRE_LEVEL);
    assert_true (bg_id_equal (header.request, request) && bg_id_equal (header.session, session));
    void *body = NULL;
    assert_true (
        bg_is_ok (wire_body_decode (row, bg_buf_slice (&body_bytes), &arena, &body, &err)));
    assert_int_equal (((wire_heartbeat *) body)->open_runs, 3);
    wire_sigs sigs;
    assert_true (bg_is_ok (wire_sigs_decode ((bg_slice){0}, &arena, &sigs, &err)));
    assert_int_equal (sigs.list_count, 0);
}

static void a_header_of_an_unknown_kind_still_has_its_request (void **state)
{
    (void) state;
    static const uint64_t kinds[] = {2, 999, WIRE_EXEC_HELLO, 0xffff};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        BG_AUTO_BUF bytes = {0};
        bg_error err = {0};
        wire_header header = {.kind = kinds[i], .level = 1, .request = {{7}}};
        WIRE_ENCODE (header, &header, &bytes);
        const wire_kind_row *row = &wire_kinds[0];
        wire_header decoded;
        assert_true (bg_is_ok (wire_header_decode (bg_buf_slice (&bytes), &decoded, &row, &err)));
        assert_null (row);
        assert_true (bg_id_equal (decoded.request, header.request));
        assert_int_equal (
            wire_kind_allowed (row, WIRE_ON_DESK, WIRE_FROM_TARGET, &err).code, BG_UNKNOWN_KIND);
    }
}

static void frames_over_their_size_are_refused (void **state)
{
    (void) state;
    BG_AUTO_ARENA arena = {0};
    bg_error err = {0};
    uint8_t *bytes = bg_alloc (WIRE_FRAME_MAX + 1);
    wire_header header;
    const wire_kind_row *row = NULL;
    void *body = NULL;
    bg_slice long_header = bg_slice_of (bytes, WIRE_HEADER_BYTES_MAX + 1);
    assert_int_equal (wire_header_decode (long_header, &header, &row, &err).code, BG_TOO_LARGE);
    bg_slice long_body = bg_slice_of (bytes, WIRE_FRAME_MAX + 1);
    assert_int_equal (
        wire_body_decode (wire_kind_find (WIRE_POLL), long_body, &arena, &body, &err).code,
        BG_TOO_LARGE);
    long_body.size = WIRE_ENLIST_FRAME_MAX + 1;
    assert_int_equal (
        wire_body_decode (wire_kind_find (WIRE_ENLIST_HELLO), long_body, &arena, &body, &err).code,
        BG_TOO_LARGE);
    free (bytes);
}

static void dispatch_denies_by_default (void **state)
{
    (void) state;
    static const struct {
        wire_kind kind;
        wire_channel channel;
        wire_sender sender;
        bg_code code;
    } cases[] = {
        {WIRE_POLL, WIRE_ON_DESK, WIRE_FROM_TARGET, BG_OK},
        {WIRE_POLL, WIRE_ON_OPS, WIRE_FROM_ADMIN, BG_UNKNOWN_KIND},
        {WIRE_POLL, WIRE_ON_DESK, WIRE_FROM_ADMIN, BG_NOT_ALLOWED},
        {WIRE_WELCOME, WIRE_ON_DESK, WIRE_FROM_TARGET, BG_NOT_ALLOWED},
        {WIRE_WELCOME, WIRE_ON_DESK, WIRE_FROM_BROKER, BG_OK},
        {WIRE_POST, WIRE_ON_OPS, WIRE_FROM_ADMIN, BG_OK},
        {WIRE_POST, WIRE_ON_OPS, WIRE_FROM_OPERATOR, BG_OK},
        {WIRE_POST, WIRE_ON_OPS, WIRE_FROM_READER, BG_NOT_ALLOWED},
        {WIRE_POST, WIRE_ON_OPS, WIRE_FROM_ANY, BG_NOT_ALLOWED},
        {WIRE_TOKEN_CREATE, WIRE_ON_OPS, WIRE_FROM_AUTHOR, BG_NOT_ALLOWED},
        {WIRE_STATUS_QUERY, WIRE_ON_OPS, WIRE_FROM_READER, BG_OK},
        {WIRE_STATUS_QUERY, WIRE_ON_OPS, WIRE_FROM_TARGET, BG_NOT_ALLOWED},
        {WIRE_ENLIST_HELLO, WIRE_ON_ENLIST, WIRE_FROM_STRANGER, BG_OK},
        {WIRE_ENLIST_HELLO, WIRE_ON_DESK, WIRE_FROM_STRANGER, BG_UNKNOWN_KIND},
        {WIRE_ERROR, WIRE_ON_DESK, WIRE_FROM_TARGET, BG_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bg_result result = wire_kind_allowed (
            wire_kind_find (cases[i].kind), cases[i].channel, cases[i].sender, NULL);
        if (result.code != cases[i].code)
            fail_msg ("case %zu: %s", i, bg_code_word (result.code));
    }
    assert_int_equal (wire_sender_of_role (WIRE_ROLE_AUTHOR), WIRE_FROM_AUTHOR);
    assert_int_equal (wire_sender_of_role (0), WIRE_FROM_ANY);
    assert_int_equal (wire_sender_of_role (5), WIRE_FROM_ANY);
}

static void errors_travel_as_code_and_sentence (void **state)
{
    (void) state;
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF bytes = {0};
    bg_error err = {0};
    bg_ignore (bg_fail (&err, BG_CONFLICT, "changed \x1b[2J by \xff another"));
    bg_ignore (bg_hint (&err, "look again"));
    wire_error sent;
    wire_error received;
    wire_error_from (&err, &arena, &sent);
    assert_true (bg_is_ok (wire_check (&wire_desc_error, &sent, NULL)));
    WIRE_ENCODE (error, &sent, &bytes);
    assert_true (bg_is_ok (
        WIRE_DECODE (error, bg_buf_slice (&bytes), WIRE_AS_MESSAGE, &arena, &received, NULL)));
    bg_error back = {0};
    assert_int_equal (wire_error_to (&received, &back).code, BG_CONFLICT);
    assert_string_equal (back.message, "changed ?[2J by ? another");
    assert_string_equal (back.hint, "look again");
    received.code = bg_slice_str ("of-tomorrow");
    assert_int_equal (wire_error_to (&received, &back).code, BG_INVALID);
    received.code = bg_slice_str ("ok");
    assert_int_equal (wire_error_to (&received, &back).code, BG_INVALID);
    wire_error_from (&(bg_error){0}, &arena, &sent);
    assert_false (bg_slice_is (sent.code, "ok"));
}

static void stream_frames_go_both_ways (void **state)
{
    (void) state;
    BG_AUTO_BUF bytes = {0};
    wire_stream stream = {
        bg_slice_str ("g/web"), {1, 2, 3, 4, 5, 6, 7, 8}, 0x1122334455667788, 0x99aabbcc};
    wire_stream_encode (&stream, &bytes);
    char hex[100];
    bg_hex_encode (bg_buf_slice (&bytes), hex);
    assert_string_equal (hex, "672f776562000102030405060708112233445566778899aabbcc");
    wire_stream decoded;
    assert_true (bg_is_ok (wire_stream_decode (bg_buf_slice (&bytes), &decoded, NULL)));
    assert_true (bg_slice_is (decoded.name, "g/web"));
    assert_memory_equal (decoded.session, stream.session, 8);
    assert_true (decoded.sequence == stream.sequence && decoded.key_number == stream.key_number);
    for (size_t cut = 0; cut < bytes.size; cut++)
        assert_true (
            bg_failed (wire_stream_decode (bg_slice_of (bytes.data, cut), &decoded, NULL)));
    bg_buf_append_byte (&bytes, 0);
    assert_true (bg_failed (wire_stream_decode (bg_buf_slice (&bytes), &decoded, NULL)));
    assert_true (bg_failed (wire_stream_decode (bg_slice_of (bytes.data + 5, 21), &decoded, NULL)));
}

/*  ---- texts ----  */

static wire_token_text token_of_the_tests (bg_slice *endpoints)
{
    endpoints[0] = bg_slice_str ("tcp://192.0.2.7:7411");
    endpoints[1] = bg_slice_str ("tcp://[2001:db8::7]:7411");
    wire_token_text token = {
        .endpoints = endpoints, .endpoints_count = 2, .broker = bg_slice_str ("main")};
    memset (token.broker_curve_key.bytes, 0x11, 32);
    memset (token.authority_hash, 0x22, 32);
    memset (token.seed, 0x33, 16);
    return token;
}

static void tokens_survive_being_carried (void **state)
{
    (void) state;
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF text = {0};
    bg_slice endpoints[2];
    wire_token_text token = token_of_the_tests (endpoints);
    wire_token_text parsed;
    bg_error err = {0};
    wire_token_text_encode (&token, &text);
    assert_memory_equal (text.data, "bugle-t1.", 9);
    assert_true (bg_is_ok (wire_token_text_parse (bg_buf_slice (&text), &arena, &parsed, &err)));
    assert_true (wire_equal (&wire_desc_token_text, &token, &parsed));
    BG_AUTO_BUF shouted = {0};
    bg_buf_append_str (&shouted, "  \t");
    for (size_t i = 0; i < text.size; i++)
        bg_buf_append_byte (&shouted, (uint8_t) toupper (text.data[i]));
    bg_buf_append_str (&shouted, "\r\n\n");
    assert_true (bg_is_ok (wire_token_text_parse (bg_buf_slice (&shouted), &arena, &parsed, &err)));
    assert_true (wire_equal (&wire_desc_token_text, &token, &parsed));
}

static void the_longest_token_is_not_too_long (void **state)
{
    (void) state;
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF text = {0};
    char longest[257];
    memset (longest, 'e', 256);
    longest[256] = 0;
    bg_slice endpoints[8];
    wire_token_text token = token_of_the_tests (endpoints);
    token.endpoints_count = 8;
    for (size_t i = 0; i < 8; i++)
        endpoints[i] = bg_slice_str (longest);
    wire_token_text_encode (&token, &text);
    assert_true (text.size <= WIRE_TOKEN_TEXT_MAX);
    wire_token_text parsed;
    assert_true (bg_is_ok (wire_token_text_parse (bg_buf_slice (&text), &arena, &parsed, NULL)));
}

static void damaged_and_foreign_texts_are_told_apart (void **state)
{
    (void) state;
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF text = {0};
    bg_slice endpoints[2];
    wire_token_text token = token_of_the_tests (endpoints);
    wire_token_text parsed;
    bg_error err = {0};
    wire_token_text_encode (&token, &text);
    for (size_t i = 9; i < text.size; i++) {
        uint8_t kept = text.data[i];
        text.data[i] = kept == 'x' ? 'y' : 'x';
        assert_int_equal (
            wire_token_text_parse (bg_buf_slice (&text), &arena, &parsed, &err).code, BG_TOKEN);
        assert_non_null (strstr (err.message, "damaged (check bytes)"));
        text.data[i] = kept;
    }
    for (size_t cut = 0; cut < text.size; cut++)
        assert_int_equal (
            wire_token_text_parse (bg_slice_of (text.data, cut), &arena, &parsed, &err).code,
            BG_TOKEN);
    static const char *const foreign[] = {"hello", "bugle-p1.00", "bugle-t2.00", "bugle-t1"};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        assert_int_equal (
            wire_token_text_parse (bg_slice_str (foreign[i]), &arena, &parsed, &err).code,
            BG_TOKEN);
        assert_non_null (strstr (err.message, "not an enlistment token"));
    }
    assert_int_equal (
        wire_token_text_parse (bg_slice_str (" \n"), &arena, &parsed, &err).code, BG_TOKEN);
    assert_non_null (strstr (err.message, "empty"));
    bg_buf_clear (&text);
    token.endpoints_count = 0;
    wire_token_text_encode (&token, &text);
    assert_int_equal (
        wire_token_text_parse (bg_buf_slice (&text), &arena, &parsed, &err).code, BG_TOKEN);
    assert_non_null (strstr (err.message, "address"));
}

static void identities_are_two_keys (void **state)
{
    (void) state;
    BG_AUTO_BUF text = {0};
    wire_identity identity;
    wire_identity parsed;
    bg_error err = {0};
    memset (identity.sign_key.bytes, 1, 32);
    memset (identity.curve_key.bytes, 2, 32);
    wire_identity_encode (&identity, &text);
    assert_memory_equal (text.data, "bugle-p1.", 9);
    assert_true (bg_is_ok (wire_identity_parse (bg_buf_slice (&text), &parsed, &err)));
    assert_memory_equal (&identity, &parsed, sizeof parsed);
    text.data[12] = text.data[12] == 'x' ? 'y' : 'x';
    assert_int_equal (wire_identity_parse (bg_buf_slice (&text), &parsed, &err).code, BG_INVALID);
    assert_int_equal (
        wire_identity_parse (bg_slice_str ("bugle-t1.00"), &parsed, &err).code, BG_INVALID);
}

/*  ---- audiences ----  */

static wire_membership member_of_the_tests (bg_slice *groups, wire_pair *labels)
{
    groups[0] = bg_slice_str ("web");
    groups[1] = bg_slice_str ("Canary");
    labels[0] = (wire_pair){bg_slice_str ("role"), bg_slice_str ("db")};
    wire_membership member = {.target = {{9}},
        .number = 7,
        .name = bg_slice_str ("db01"),
        .state = WIRE_MEMBER,
        .groups = groups,
        .groups_count = 2,
        .labels = labels,
        .labels_count = 1};
    return member;
}

static void an_audience_is_any_of_its_parts (void **state)
{
    (void) state;
    bg_slice groups[2];
    wire_pair labels[1];
    wire_membership member = member_of_the_tests (groups, labels);
    bg_id_string id = bg_id_text (member.target);
    bg_slice web = bg_slice_str ("WEB");
    bg_slice mail = bg_slice_str ("mail");
    bg_slice names[] = {bg_slice_str ("x"), bg_slice_str ("DB01")};
    bg_slice by_id = bg_slice_str (id.text);
    uint64_t numbers[] = {1, 7};
    const struct {
        wire_audience audience;
        bool matches;
    } cases[] = {
        {{0}, false},
        {{.all = true}, true},
        {{.groups = &web, .groups_count = 1}, true},
        {{.groups = &mail, .groups_count = 1}, false},
        {{.groups = &mail, .groups_count = 1, .labels = bg_slice_str ("role=db")}, true},
        {{.labels = bg_slice_str ("role=web")}, false},
        {{.labels = bg_slice_str ("role!=web")}, true},
        {{.labels = bg_slice_str ("role=")}, false},
        {{.names = names, .names_count = 2}, true},
        {{.names = names, .names_count = 1}, false},
        {{.names = &by_id, .names_count = 1}, true},
        {{.numbers = numbers, .numbers_count = 2}, true},
        {{.numbers = numbers, .numbers_count = 1}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (wire_audience_matches (&cases[i].audience, &member) != cases[i].matches)
            fail_msg ("case %zu", i);
        assert_int_equal (wire_audience_is_empty (&cases[i].audience), i == 0);
    }
    member.state = WIRE_DEFECTED_MEMBER;
    assert_false (wire_audience_matches (&cases[1].audience, &member));
}

static void an_audience_reads_well (void **state)
{
    (void) state;
    bg_slice groups[] = {bg_slice_str ("web"), bg_slice_str ("db")};
    bg_slice names[] = {bg_slice_str ("db01"), bg_slice_str ("db02"), bg_slice_str ("db03")};
    uint64_t numbers[] = {4, 7};
    const struct {
        wire_audience audience;
        const char *text;
    } cases[] = {
        {{0}, "nobody"},
        {{.all = true}, "all"},
        {{.groups = groups, .groups_count = 1}, "group web"},
        {{.groups = groups, .groups_count = 2}, "groups web, db"},
        {{.labels = bg_slice_str ("role=db")}, "labels role=db"},
        {{.names = names, .names_count = 3}, "names db[01-03]"},
        {{.numbers = numbers, .numbers_count = 2}, "targets #4, #7"},
        {{.groups = groups, .groups_count = 1, .numbers = numbers, .numbers_count = 1},
            "group web or target #4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BG_AUTO_BUF text = {0};
        wire_audience_text (&cases[i].audience, &text);
        assert_string_equal (bg_buf_cstr (&text), cases[i].text);
    }
}

static void an_audience_is_checked (void **state)
{
    (void) state;
    bg_slice good = bg_slice_str ("web");
    bg_slice bad = bg_slice_str ("-");
    const struct {
        wire_audience audience;
        bg_code code;
    } cases[] = {
        {{0}, BG_INVALID},
        {{.all = true}, BG_OK},
        {{.groups = &good, .groups_count = 1}, BG_OK},
        {{.groups = &bad, .groups_count = 1}, BG_INVALID},
        {{.names = &good, .names_count = 1}, BG_OK},
        {{.names = &bad, .names_count = 1}, BG_INVALID},
        {{.labels = bg_slice_str ("a in (b,c)")}, BG_OK},
        {{.labels = bg_slice_str ("a in (b,")}, BG_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal (wire_audience_check (&cases[i].audience, NULL).code, cases[i].code);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_message_goes_through_its_frames),
        cmocka_unit_test (a_header_of_an_unknown_kind_still_has_its_request),
        cmocka_unit_test (frames_over_their_size_are_refused),
        cmocka_unit_test (dispatch_denies_by_default),
        cmocka_unit_test (errors_travel_as_code_and_sentence),
        cmocka_unit_test (stream_frames_go_both_ways),
        cmocka_unit_test (tokens_survive_being_carried),
        cmocka_unit_test (the_longest_token_is_not_too_long),
        cmocka_unit_test (damaged_and_foreign_texts_are_told_apart),
        cmocka_unit_test (identities_are_two_keys),
        cmocka_unit_test (an_audience_is_any_of_its_parts),
        cmocka_unit_test (an_audience_reads_well),
        cmocka_unit_test (an_audience_is_checked),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
