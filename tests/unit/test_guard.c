/*  The frame guard: what it accepts, what it refuses and why, and that msgpack-c and the
    reader of values read the same out of whatever it accepts.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/base/id.h"
#include "proto/guard.h"
#include "proto/reader.h"
#include "tests/unit/proto_random.h"

#include <msgpack.h>

static const wire_guard_limits small = {
    .bytes = 1000, .depth = 3, .items = 20, .members = 8, .shortest = false};

static bg_result guard_hex (const char *hex, const wire_guard_limits *limits, bg_error *err)
{
    BG_AUTO_BUF bytes = {0};
    bg_result decoded = bg_hex_decode (bg_slice_str (hex), &bytes, err);
    assert_true (bg_is_ok (decoded));
    return wire_guard (bg_buf_slice (&bytes), limits, err);
}

typedef struct {
    const char *hex;
    bg_code code;
    const char *says; /*  part of the sentence  */
} guard_case;

static void check_cases (const guard_case *cases, size_t count, const wire_guard_limits *limits)
{
    for (size_t i = 0; i < count; i++) {
        bg_error err = {0};
        bg_result result = guard_hex (cases[i].hex, limits, &err);
        if (result.code != cases[i].code || (cases[i].says && !strstr (err.message, cases[i].says)))
            fail_msg ("%s: %s \"%s\"", cases[i].hex, bg_code_word (result.code), err.message);
    }
}

static void accepts_one_value_of_the_known_forms (void **state)
{
    (void) state;
    static const guard_case cases[] = {
        {"00", BG_OK, NULL},
        {"7f", BG_OK, NULL},
        {"e0", BG_OK, NULL},
        {"c2", BG_OK, NULL},
        {"c3", BG_OK, NULL},
        {"ccff", BG_OK, NULL},
        {"cdffff", BG_OK, NULL},
        {"ceffffffff", BG_OK, NULL},
        {"cfffffffffffffffff", BG_OK, NULL},
        {"d080", BG_OK, NULL},
        {"d38000000000000000", BG_OK, NULL},
        {"a161", BG_OK, NULL},
        {"d90161", BG_OK, NULL},
        {"da000161", BG_OK, NULL},
        {"db0000000161", BG_OK, NULL},
        {"c40100", BG_OK, NULL},
        {"c5000100", BG_OK, NULL},
        {"c60000000100", BG_OK, NULL},
        {"90", BG_OK, NULL},
        {"80", BG_OK, NULL},
        {"92a0c400", BG_OK, NULL},
        {"8201a16102a3616263", BG_OK, NULL},
        {"dc000101", BG_OK, NULL},
        {"de00010102", BG_OK, NULL},
    };
    check_cases (cases, sizeof cases / sizeof cases[0], &small);
}

static void refuses_what_is_malformed (void **state)
{
    (void) state;
    static const guard_case cases[] = {
        {"", BG_MALFORMED, "bytes end"},
        {"c0", BG_MALFORMED, "nil at byte 0"},
        {"c1", BG_MALFORMED, "0xc1"},
        {"ca00000000", BG_MALFORMED, "floating"},
        {"cb0000000000000000", BG_MALFORMED, "floating"},
        {"d40100", BG_MALFORMED, "extension"},
        {"d8", BG_MALFORMED, "extension"},
        {"c70001", BG_MALFORMED, "extension"},
        {"c90000000001", BG_MALFORMED, "extension"},
        {"0000", BG_MALFORMED, "1 bytes behind"},
        {"cc", BG_MALFORMED, "end inside"},
        {"cf00000000000000", BG_MALFORMED, "end inside"},
        {"91", BG_MALFORMED, "count at byte 0"},
        {"9201", BG_MALFORMED, "count at byte 0"},
        {"8101", BG_MALFORMED, "count at byte 0"},
        {"a261", BG_MALFORMED, "length at byte 0"},
        {"c6ffffffff00", BG_MALFORMED, "length at byte 0"},
        {"ddffffffff", BG_MALFORMED, "count at byte 0"},
        {"dfffffffff", BG_MALFORMED, "count at byte 0"},
        {"dfffffffff0000", BG_MALFORMED, "count at byte 0"},
        {"819000", BG_MALFORMED, "container as key"},
        {"929100", BG_MALFORMED, "bytes end"},
        {"91c0", BG_MALFORMED, "nil at byte 1"},
    };
    check_cases (cases, sizeof cases / sizeof cases[0], &small);
}

static void refuses_what_is_over_a_limit (void **state)
{
    (void) state;
    static const guard_case cases[] = {
        {"919190", BG_OK, NULL},
        {"91919190", BG_TOO_LARGE, "deeper than 3 at byte 3"},
        {"81018101810100", BG_OK, NULL},
        {"8101810181018100", BG_TOO_LARGE, "deeper"},
        {"980101010101010101", BG_OK, NULL},
        {"99010101010101010101", BG_TOO_LARGE, "9 items at byte 0"},
        {"929801010101010101019801010101010101"
         "01",
            BG_OK, NULL},
        {"93980101010101010101980101010101010101"
         "01",
            BG_TOO_LARGE, NULL},
    };
    wire_guard_limits limits = small;
    limits.items = 19;
    check_cases (cases, sizeof cases / sizeof cases[0], &limits);
    limits.bytes = 2;
    bg_error err = {0};
    assert_int_equal (guard_hex ("920101", &limits, &err).code, BG_TOO_LARGE);
    assert_int_equal (guard_hex ("9101", &limits, &err).code, BG_OK);
}

static void counts_values_but_not_keys (void **state)
{
    (void) state;
    wire_guard_limits limits = small;
    limits.items = 3; /*  the map and its two values  */
    bg_error err = {0};
    assert_int_equal (guard_hex ("8201010202", &limits, &err).code, BG_OK);
    limits.items = 2;
    assert_int_equal (guard_hex ("8201010202", &limits, &err).code, BG_TOO_LARGE);
}

static void shortest_refuses_every_longer_form (void **state)
{
    (void) state;
    static const guard_case cases[] = {
        {"cc7f", BG_MALFORMED, "shortest"},
        {"cc80", BG_OK, NULL},
        {"cd00ff", BG_MALFORMED, "shortest"},
        {"cd0100", BG_OK, NULL},
        {"ce0000ffff", BG_MALFORMED, "shortest"},
        {"ce00010000", BG_OK, NULL},
        {"cf00000000ffffffff", BG_MALFORMED, "shortest"},
        {"cf0000000100000000", BG_OK, NULL},
        {"d0e0", BG_MALFORMED, "shortest"},
        {"d0df", BG_OK, NULL},
        {"d005", BG_MALFORMED, "shortest"},
        {"d1ff80", BG_MALFORMED, "shortest"},
        {"d1ff7f", BG_OK, NULL},
        {"d2ffff8000", BG_MALFORMED, "shortest"},
        {"d2ffff7fff", BG_OK, NULL},
        {"d3ffffffff80000000", BG_MALFORMED, "shortest"},
        {"d3ffffffff7fffffff", BG_OK, NULL},
        {"d30000000000000001", BG_MALFORMED, "shortest"},
        {"d90161", BG_MALFORMED, "shortest"},
        {"da000161", BG_MALFORMED, "shortest"},
        {"c5000100", BG_MALFORMED, "shortest"},
        {"c60000000100", BG_MALFORMED, "shortest"},
        {"c400", BG_OK, NULL},
        {"dc000101", BG_MALFORMED, "shortest"},
        {"dd0000000101", BG_MALFORMED, "shortest"},
        {"de00010101", BG_MALFORMED, "shortest"},
    };
    wire_guard_limits limits = small;
    limits.shortest = true;
    check_cases (cases, sizeof cases / sizeof cases[0], &limits);
}

/*  Mostly well-formed msgpack, sometimes any byte.  */
static void random_value (proto_random *random, uint32_t depth, bg_buf *out)
{
    uint64_t choice = proto_random_below (random, depth ? 9 : 7);
    size_t count = (size_t) proto_random_below (random, 4);
    switch (choice) {
    case 0:
        bg_buf_append_byte (out, (uint8_t) proto_random_next (random));
        return;
    case 1:
        bg_buf_append_byte (out, count % 2 ? 0xcf : 0xd3);
        bg_buf_append_u64 (out, proto_random_next (random));
        return;
    case 2:
        bg_buf_append_byte (out, count % 2 ? 0xce : 0xd2);
        bg_buf_append_u32 (out, (uint32_t) proto_random_next (random));
        return;
    case 3:
    case 4:
        bg_buf_append_byte (out, choice == 3 ? 0xc4 : 0xd9);
        bg_buf_append_byte (out, (uint8_t) count);
        for (size_t i = 0; i < count; i++)
            bg_buf_append_byte (out, (uint8_t) proto_random_next (random));
        return;
    case 5:
    case 6:
        bg_buf_append_byte (out, (uint8_t) proto_random_below (random, 0x80));
        return;
    default:
        bg_buf_append_byte (out, (uint8_t) ((choice == 7 ? 0x90 : 0x80) | count));
        for (size_t i = 0; i < (choice == 7 ? count : 2 * count); i++)
            random_value (random, depth - 1, out);
    }
}

static void reads_the_same (wire_reader *reader, const msgpack_object *object)
{
    const wire_item item = wire_read (reader);
    switch (object->type) {
    case MSGPACK_OBJECT_BOOLEAN:
        assert_int_equal (item.type, WIRE_ITEM_BOOL);
        assert_int_equal (item.number, object->via.boolean);
        return;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        assert_int_equal (item.type, WIRE_ITEM_UNSIGNED);
        assert_true (item.number == object->via.u64);
        return;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        assert_int_equal (item.type, WIRE_ITEM_NEGATIVE);
        assert_true ((int64_t) item.number == object->via.i64);
        return;
    case MSGPACK_OBJECT_STR:
        assert_int_equal (item.type, WIRE_ITEM_STR);
        assert_true (
            bg_slice_equal (item.bytes, bg_slice_of (object->via.str.ptr, object->via.str.size)));
        return;
    case MSGPACK_OBJECT_BIN:
        assert_int_equal (item.type, WIRE_ITEM_BIN);
        assert_true (
            bg_slice_equal (item.bytes, bg_slice_of (object->via.bin.ptr, object->via.bin.size)));
        return;
    case MSGPACK_OBJECT_ARRAY:
        assert_int_equal (item.type, WIRE_ITEM_ARRAY);
        assert_int_equal (item.number, object->via.array.size);
        for (uint32_t i = 0; i < object->via.array.size; i++)
            reads_the_same (reader, &object->via.array.ptr[i]);
        return;
    default:
        assert_int_equal (object->type, MSGPACK_OBJECT_MAP);
        assert_int_equal (item.type, WIRE_ITEM_MAP);
        assert_int_equal (item.number, object->via.map.size);
        for (uint32_t i = 0; i < object->via.map.size; i++) {
            reads_the_same (reader, &object->via.map.ptr[i].key);
            reads_the_same (reader, &object->via.map.ptr[i].val);
        }
    }
}

static void all_is_read (bg_slice whole, const msgpack_object *object)
{
    wire_reader reader = wire_reader_of (whole);
    reads_the_same (&reader, object);
    assert_ptr_equal (reader.at, reader.end);
    reader = wire_reader_of (whole);
    const wire_item item = wire_read (&reader);
    wire_skip (&reader, &item);
    assert_ptr_equal (reader.at, reader.end);
}

static void msgpack_reads_whatever_is_accepted (void **state)
{
    (void) state;
    static const wire_guard_limits limits = {
        .bytes = 4096, .depth = 16, .items = 500, .members = 100};
    proto_random random = proto_random_start ("guard property");
    size_t accepted = 0;
    BG_AUTO_BUF bytes = {0};
    for (int round = 0; round < 40000; round++) {
        bg_buf_clear (&bytes);
        random_value (&random, 18, &bytes);
        bg_slice whole = bg_buf_slice (&bytes);
        if (bg_failed (wire_guard (whole, &limits, NULL)))
            continue;
        accepted++;
        msgpack_unpacked parsed;
        msgpack_unpacked_init (&parsed);
        size_t end = 0;
        int found = msgpack_unpack_next (&parsed, (const char *) whole.data, whole.size, &end);
        assert_int_equal (found, MSGPACK_UNPACK_SUCCESS);
        assert_int_equal (end, whole.size);
        all_is_read (whole, &parsed.data);
        msgpack_unpacked_destroy (&parsed);
        for (size_t cut = 0; cut < whole.size; cut++)
            assert_true (bg_failed (wire_guard (bg_slice_of (whole.data, cut), &limits, NULL)));
    }
    assert_true (accepted > 5000);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (accepts_one_value_of_the_known_forms),
        cmocka_unit_test (refuses_what_is_malformed),
        cmocka_unit_test (refuses_what_is_over_a_limit),
        cmocka_unit_test (counts_values_but_not_keys),
        cmocka_unit_test (shortest_refuses_every_longer_form),
        cmocka_unit_test (msgpack_reads_whatever_is_accepted),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
