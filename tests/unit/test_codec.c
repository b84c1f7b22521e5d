/*  The codec over every descriptor of the tables: round trips, limits, canonical form, damage.  */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/wire.h"
#include "tests/unit/proto_random.h"

#include <msgpack.h>

/*  Calls visit for the struct of every kind and every signed type.  */
static void each_desc (void (*visit) (const wire_desc *desc, void *ctx), void *ctx)
{
    for (const wire_kind_row *row = wire_kinds; row->name; row++)
        visit (row->desc, ctx);
    for (const wire_type_row *row = wire_types; row->word; row++)
        visit (row->desc, ctx);
    visit (&wire_desc_header, ctx);
    visit (&wire_desc_document, ctx);
    visit (&wire_desc_token_text, ctx);
}

static void round_trip (const wire_desc *desc, void *ctx)
{
    for (int round = 0; round < 100; round++) {
        BG_AUTO_ARENA arena = {0};
        BG_AUTO_BUF bytes = {0};
        BG_AUTO_BUF again = {0};
        BG_AUTO_BUF text = {0};
        bg_error err = {0};
        void *value = bg_arena_alloc (&arena, desc->size);
        void *decoded = bg_arena_alloc (&arena, desc->size);
        void *copy = bg_arena_alloc (&arena, desc->size);
        wire_random (desc, &arena, proto_random_next, ctx, value);
        assert_int_equal (wire_check (desc, value, &err).code, BG_OK);
        wire_encode (desc, value, &bytes);
        assert_true (bytes.size <= WIRE_FRAME_MAX);
        for (int strictness = WIRE_AS_MESSAGE; strictness <= WIRE_AS_SIGNED; strictness++) {
            bg_result result = wire_decode (
                desc, bg_buf_slice (&bytes), (wire_strictness) strictness, &arena, decoded, &err);
            if (bg_failed (result))
                fail_msg ("%s: %s", desc->name, err.message);
            assert_true (wire_equal (desc, value, decoded));
        }
        wire_copy (desc, &arena, decoded, copy);
        wire_encode (desc, copy, &again);
        assert_true (bg_slice_equal (bg_buf_slice (&bytes), bg_buf_slice (&again)));
        wire_print (desc, copy, &text);
        assert_true (text.size > 0 && text.data[text.size - 1] == '\n');
    }
}

static void what_is_encoded_decodes_to_the_same (void **state)
{
    (void) state;
    proto_random random = proto_random_start ("codec round trip");
    each_desc (round_trip, &random);
}

static void cut_and_damage (const wire_desc *desc, void *ctx)
{
    proto_random *random = ctx;
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF bytes = {0};
    void *value = bg_arena_alloc (&arena, desc->size);
    do {
        bg_buf_clear (&bytes);
        wire_random (desc, &arena, proto_random_next, random, value);
        wire_encode (desc, value, &bytes);
    } while (bytes.size > 3000);
    void *decoded = bg_arena_alloc (&arena, desc->size);
    for (size_t cut = 0; cut < bytes.size; cut++) {
        bg_slice part = bg_slice_of (bytes.data, cut);
        assert_true (bg_failed (wire_decode (desc, part, WIRE_AS_MESSAGE, &arena, decoded, NULL)));
    }
    for (int round = 0; round < 1000; round++) {
        BG_AUTO_BUF damaged = {0};
        BG_AUTO_BUF again = {0};
        bg_buf_append_slice (&damaged, bg_buf_slice (&bytes));
        for (uint64_t i = proto_random_below (random, 3) + 1; i > 0; i--)
            damaged.data[proto_random_below (random, damaged.size)] =
                (uint8_t) proto_random_next (random);
        bg_slice whole = bg_buf_slice (&damaged);
        bg_ignore (wire_decode (
            desc, whole, WIRE_AS_MESSAGE, &arena, decoded, NULL)); /*  must only not crash  */
        if (bg_failed (wire_decode (desc, whole, WIRE_AS_SIGNED, &arena, decoded, NULL)))
            continue;
        /*  One form of bytes for one value, unless a field was skipped, which makes it shorter.  */
        wire_encode (desc, decoded, &again);
        assert_true (again.size < whole.size || bg_slice_equal (whole, bg_buf_slice (&again)));
    }
}

static void cut_bytes_are_refused_and_damage_does_no_harm (void **state)
{
    (void) state;
    proto_random random = proto_random_start ("codec damage");
    each_desc (cut_and_damage, &random);
}

/*  ---- limits: for each field of each descriptor a value that just fits and one that does not ----  */

typedef enum { FITS, OVER, OTHER_TYPE, STEERING, NOT_UTF8, LEFT_OUT, VARIANTS } variant;

static int append (void *data, const char *bytes, size_t size)
{
    bg_buf_append (data, bytes, size);
    return 0;
}

static void pack_least (msgpack_packer *packer, const wire_desc *desc);

static void pack_repeated (msgpack_packer *packer, bool text, size_t size)
{
    char *bytes = bg_alloc (size);
    memset (bytes, 'a', size);
    if (text) {
        msgpack_pack_str (packer, size);
        msgpack_pack_str_body (packer, bytes, size);
    } else {
        msgpack_pack_bin (packer, size);
        msgpack_pack_bin_body (packer, bytes, size);
    }
    free (bytes);
}

static void pack_least_value (msgpack_packer *packer, const wire_field *field)
{
    switch (field->type) {
    case WIRE_FIELD_U:
    case WIRE_FIELD_I:
        msgpack_pack_uint8 (packer, 1);
        return;
    case WIRE_FIELD_BOOL:
        msgpack_pack_true (packer);
        return;
    case WIRE_FIELD_ID:
    case WIRE_FIELD_KEY:
    case WIRE_FIELD_FIX:
        pack_repeated (packer, false, field->max);
        return;
    case WIRE_FIELD_BIN:
    case WIRE_FIELD_STR:
    case WIRE_FIELD_TEXT:
        pack_repeated (packer, field->type != WIRE_FIELD_BIN, 1);
        return;
    case WIRE_FIELD_OBJ:
        pack_least (packer, wire_field_desc (field));
        return;
    default:
        msgpack_pack_array (packer, 0);
    }
}

/*  Only what is required.  */
static void pack_least (msgpack_packer *packer, const wire_desc *desc)
{
    size_t required = 0;
    for (size_t i = 0; i < desc->field_count; i++)
        required += desc->fields[i].required;
    msgpack_pack_map (packer, required);
    for (size_t i = 0; i < desc->field_count; i++) {
        if (!desc->fields[i].required)
            continue;
        msgpack_pack_uint32 (packer, desc->fields[i].number);
        pack_least_value (packer, &desc->fields[i]);
    }
}

static void pack_many (msgpack_packer *packer, const wire_field *field, size_t count)
{
    msgpack_pack_array (packer, count);
    for (size_t i = 0; i < count; i++) {
        if (field->type == WIRE_FIELD_LIST)
            pack_least (packer, wire_field_desc (field));
        else if (field->type == WIRE_FIELD_STRS)
            pack_repeated (packer, true, i == 0 ? field->max_bytes : 1);
        else
            msgpack_pack_uint64 (packer, UINT64_MAX);
    }
}

/*  False when the field has no such variant.  */
static bool pack_variant (msgpack_packer *packer, const wire_field *field, variant which)
{
    bool is_text = field->type == WIRE_FIELD_STR || field->type == WIRE_FIELD_TEXT;
    uint64_t size = field->max + (which == OVER);
    if (which == OTHER_TYPE) {
        if (field->type == WIRE_FIELD_BOOL || field->type >= WIRE_FIELD_OBJ)
            msgpack_pack_uint8 (packer, 1);
        else
            msgpack_pack_true (packer);
        return true;
    }
    if (which == STEERING || which == NOT_UTF8) {
        msgpack_pack_str (packer, 1);
        msgpack_pack_str_body (packer, which == STEERING ? "\x1b" : "\xff", 1);
        return is_text;
    }
    switch (field->type) {
    case WIRE_FIELD_U:
        msgpack_pack_uint64 (packer, size);
        return true;
    case WIRE_FIELD_I:
        msgpack_pack_uint64 (
            packer, which == FITS ? (uint64_t) INT64_MAX : (uint64_t) INT64_MAX + 1);
        return true;
    case WIRE_FIELD_ID:
    case WIRE_FIELD_KEY:
    case WIRE_FIELD_FIX:
    case WIRE_FIELD_BIN:
        pack_repeated (packer, false, size);
        return true;
    case WIRE_FIELD_STR:
    case WIRE_FIELD_TEXT:
        pack_repeated (packer, true, size);
        return true;
    case WIRE_FIELD_LIST:
    case WIRE_FIELD_STRS:
    case WIRE_FIELD_UINTS:
        pack_many (packer, field, size);
        return true;
    default:
        pack_least_value (packer, field);
        return which == FITS;
    }
}

/*  The least struct, with this field in this variant. False when there is none.  */
static bool pack_with (const wire_desc *desc, const wire_field *special, variant which, bg_buf *out)
{
    msgpack_packer packer;
    msgpack_packer_init (&packer, out, append);
    size_t count = which == LEFT_OUT ? 0 : 1;
    for (size_t i = 0; i < desc->field_count; i++)
        count += desc->fields[i].required && &desc->fields[i] != special;
    bool exists = which != LEFT_OUT || special->required;
    msgpack_pack_map (&packer, count);
    for (size_t i = 0; i < desc->field_count; i++) {
        const wire_field *field = &desc->fields[i];
        if (field == special ? which == LEFT_OUT : !field->required)
            continue;
        msgpack_pack_uint32 (&packer, field->number);
        if (field == special)
            exists = pack_variant (&packer, field, which);
        else
            pack_least_value (&packer, field);
    }
    return exists;
}

static void expect_variant (
    const wire_desc *desc, const wire_field *field, variant which, size_t *tried)
{
    static const bg_code expected[VARIANTS] = {
        [FITS] = BG_OK,
        [OVER] = BG_TOO_LARGE,
        [OTHER_TYPE] = BG_MALFORMED,
        [STEERING] = BG_INVALID,
        [NOT_UTF8] = BG_INVALID,
        [LEFT_OUT] = BG_MALFORMED,
    };
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF bytes = {0};
    bg_error err = {0};
    if (!pack_with (desc, field, which, &bytes))
        return;
    void *value = bg_arena_alloc (&arena, desc->size);
    bg_result result =
        wire_decode (desc, bg_buf_slice (&bytes), WIRE_AS_MESSAGE, &arena, value, &err);
    bool is_fixed = field->type == WIRE_FIELD_ID || field->type == WIRE_FIELD_KEY ||
                    field->type == WIRE_FIELD_FIX;
    bool is_unlimited = field->type == WIRE_FIELD_U && field->max == UINT64_MAX && which == OVER;
    bg_code code = is_unlimited                ? BG_OK
                   : is_fixed && which == OVER ? BG_MALFORMED
                                               : expected[which];
    if (result.code != code)
        fail_msg ("%s.%s variant %d: %s \"%s\"", desc->name, wire_field_name (field), which,
            bg_code_word (result.code), err.message);
    if (code != BG_OK) {
        bool is_of_guard =
            which == OVER && field->type >= WIRE_FIELD_LIST && field->max == WIRE_CONTAINER_MAX;
        if (!is_of_guard && !strstr (err.message, wire_field_name (field)))
            fail_msg ("%s.%s variant %d: \"%s\"", desc->name, wire_field_name (field), which,
                err.message);
        uint8_t *raw = value;
        for (size_t i = 0; i < desc->size; i++)
            assert_int_equal (raw[i], 0);
    }
    (*tried)++;
}

static void limits_of (const wire_desc *desc, void *ctx)
{
    for (size_t i = 0; i < desc->field_count; i++) {
        for (variant which = FITS; which < VARIANTS; which++)
            expect_variant (desc, &desc->fields[i], which, ctx);
        const wire_desc *held = wire_field_desc (&desc->fields[i]);
        if (held)
            limits_of (held, ctx);
    }
}

static void every_limit_is_kept (void **state)
{
    (void) state;
    size_t tried = 0;
    each_desc (limits_of, &tried);
    assert_true (tried > 2000);
}

/*  ---- single rules, on one struct ----  */

typedef struct {
    const char *hex;
    bg_code as_message;
    bg_code as_signed;
} rule_case;

/*  need: 1 key (16 bytes), 2 version.  */
#define KEY_HEX "c41000112233445566778899aabbccddeeff"

static void maps_have_ascending_known_keys (void **state)
{
    (void) state;
    static const rule_case cases[] = {
        {"8201" KEY_HEX "0205", BG_OK, BG_OK},
        {"82020501" KEY_HEX, BG_MALFORMED, BG_MALFORMED},
        {"8301" KEY_HEX "02050205", BG_MALFORMED, BG_MALFORMED},
        {"8301" KEY_HEX "01" KEY_HEX "0205", BG_MALFORMED, BG_MALFORMED},
        {"8301" KEY_HEX "02050305", BG_OK, BG_TOO_NEW},
        {"8301" KEY_HEX "02057f05", BG_OK, BG_TOO_NEW},
        {"8301" KEY_HEX "0205cc8005", BG_OK, BG_OK},
        {"8301" KEY_HEX "0205cc809105", BG_OK, BG_OK},
        {"83000501" KEY_HEX "0205", BG_OK, BG_TOO_NEW},
        {"8401" KEY_HEX "0205cc8005cc8005", BG_MALFORMED, BG_MALFORMED},
        {"8301" KEY_HEX "0205cfffffffffffffffff05", BG_MALFORMED, BG_MALFORMED},
        {"8201" KEY_HEX "a10205", BG_MALFORMED, BG_MALFORMED},
        {"8201" KEY_HEX "ff05", BG_MALFORMED, BG_MALFORMED},
        {"8101" KEY_HEX, BG_MALFORMED, BG_MALFORMED},
        {"80", BG_MALFORMED, BG_MALFORMED},
        {"90", BG_MALFORMED, BG_MALFORMED},
        {"00", BG_MALFORMED, BG_MALFORMED},
        {"8201" KEY_HEX "02cc05", BG_OK, BG_MALFORMED},
        {"8201" KEY_HEX "cc0205", BG_OK, BG_MALFORMED},
        {"8201" KEY_HEX "02ff", BG_MALFORMED, BG_MALFORMED},
        {"8201" KEY_HEX "02cb3ff0000000000000", BG_MALFORMED, BG_MALFORMED},
        {"8201" KEY_HEX "02c0", BG_MALFORMED, BG_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BG_AUTO_ARENA arena = {0};
        BG_AUTO_BUF bytes = {0};
        bg_error err = {0};
        wire_need need;
        assert_true (bg_is_ok (bg_hex_decode (bg_slice_str (cases[i].hex), &bytes, &err)));
        bg_slice whole = bg_buf_slice (&bytes);
        bg_code as_message = WIRE_DECODE (need, whole, WIRE_AS_MESSAGE, &arena, &need, &err).code;
        bg_code as_signed = WIRE_DECODE (need, whole, WIRE_AS_SIGNED, &arena, &need, &err).code;
        if (as_message != cases[i].as_message || as_signed != cases[i].as_signed)
            fail_msg ("case %zu %s: %s, %s", i, cases[i].hex, bg_code_word (as_message),
                bg_code_word (as_signed));
    }
}

/*  needs: 1 authority, 2 membership, 3 documents, all optional.  */
static void signed_bytes_leave_defaults_out (void **state)
{
    (void) state;
    static const rule_case cases[] = {
        {"80", BG_OK, BG_OK},
        {"810101", BG_OK, BG_OK},
        {"810100", BG_OK, BG_MALFORMED},
        {"810390", BG_OK, BG_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BG_AUTO_ARENA arena = {0};
        BG_AUTO_BUF bytes = {0};
        wire_needs needs;
        assert_true (bg_is_ok (bg_hex_decode (bg_slice_str (cases[i].hex), &bytes, NULL)));
        bg_slice whole = bg_buf_slice (&bytes);
        assert_int_equal (WIRE_DECODE (needs, whole, WIRE_AS_MESSAGE, &arena, &needs, NULL).code,
            cases[i].as_message);
        assert_int_equal (WIRE_DECODE (needs, whole, WIRE_AS_SIGNED, &arena, &needs, NULL).code,
            cases[i].as_signed);
    }
}

static void an_optional_struct_that_is_empty_is_still_there (void **state)
{
    (void) state;
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF bytes = {0};
    wire_document document = {.type = 3, .format = 1, .version = 1, .has_needs = true};
    wire_document decoded;
    WIRE_ENCODE (document, &document, &bytes);
    assert_true (bg_is_ok (
        WIRE_DECODE (document, bg_buf_slice (&bytes), WIRE_AS_SIGNED, &arena, &decoded, NULL)));
    assert_true (decoded.has_needs);
}

static void signed_structures_have_fewer_items (void **state)
{
    (void) state;
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF bytes = {0};
    bg_error err = {0};
    wire_job job = {.name = bg_slice_str ("many"), .has_audience = true, .audience = {.all = true}};
    job.steps_count = 64;
    job.steps = bg_arena_array (&arena, wire_job_step, 64);
    for (size_t i = 0; i < 64; i++) {
        job.steps[i] =
            (wire_job_step){.name = bg_slice_str ("s"), .kind = WIRE_STEP_RUN, .argv_count = 50};
        job.steps[i].argv = bg_arena_array (&arena, bg_slice, 100);
    }
    assert_true (bg_is_ok (wire_check (&wire_desc_job, &job, &err)));
    for (size_t i = 0; i < 64; i++)
        job.steps[i].argv_count = 100;
    assert_int_equal (wire_check (&wire_desc_job, &job, &err).code, BG_TOO_LARGE);
    WIRE_ENCODE (job, &job, &bytes);
    wire_job decoded;
    bg_slice whole = bg_buf_slice (&bytes);
    assert_int_equal (
        WIRE_DECODE (job, whole, WIRE_AS_SIGNED, &arena, &decoded, &err).code, BG_TOO_LARGE);
    assert_int_equal (
        WIRE_DECODE (job, whole, WIRE_AS_MESSAGE, &arena, &decoded, &err).code, BG_OK);
}

static void check_names_the_field (void **state)
{
    (void) state;
    bg_error err = {0};
    wire_hello hello = {.name = bg_slice_str ("bad\nname")};
    assert_int_equal (wire_check (&wire_desc_hello, &hello, &err).code, BG_INVALID);
    assert_non_null (strstr (err.message, "hello.name"));
    hello.name = bg_slice_str ("\xff");
    assert_int_equal (wire_check (&wire_desc_hello, &hello, &err).code, BG_INVALID);
    hello.name = bg_slice_str ("good");
    hello.level_low = 0x10000;
    assert_int_equal (wire_check (&wire_desc_hello, &hello, &err).code, BG_TOO_LARGE);
    assert_non_null (strstr (err.message, "hello.level_low"));
}

static void text_is_made_to_fit (void **state)
{
    (void) state;
    static const struct {
        const char *text;
        size_t max;
        bool multiline;
        const char *fit;
    } cases[] = {
        {"plain", 10, false, "plain"},
        {"plain", 3, false, "pla"},
        {"a\nb", 10, false, "a?b"},
        {"a\nb\x1b[", 10, true, "a\nb?["},
        {"a\xff\xfe", 10, false, "a??"},
        {"\xc3\xa9\xc3\xa9", 3, false, "\xc3\xa9"},
        {"\xe6\xbc", 10, false, "??"},
        {"", 0, false, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BG_AUTO_ARENA arena = {0};
        bg_slice fit =
            wire_fit_text (bg_slice_str (cases[i].text), cases[i].max, cases[i].multiline, &arena);
        if (!bg_slice_is (fit, cases[i].fit))
            fail_msg ("case %zu: \"%.*s\"", i, BG_SLICE_ARG (fit));
    }
}

/*  ---- the tables themselves ----  */

static void fields_ascend (const wire_desc *desc, void *ctx)
{
    (void) ctx;
    for (size_t i = 1; i < desc->field_count; i++)
        assert_true (desc->fields[i - 1].number < desc->fields[i].number);
    assert_true (desc->field_count > 0 && desc->fields[0].number > 0);
}

static void the_tables_are_in_order (void **state)
{
    (void) state;
    each_desc (fields_ascend, NULL);
    for (const wire_kind_row *row = wire_kinds; row->name; row++) {
        assert_true (!row[1].name || row[1].kind > row->kind);
        assert_ptr_equal (wire_kind_find (row->kind), row);
    }
    for (const wire_type_row *row = wire_types; row->word; row++)
        assert_ptr_equal (wire_type_find (row->type), row);
    assert_null (wire_kind_find (0));
    assert_null (wire_kind_find (2));
    assert_null (wire_kind_find (UINT64_MAX));
    assert_null (wire_type_find (0));
    assert_string_equal (wire_run_state_word (WIRE_RUN_NOT_RUN), "not-run");
    assert_string_equal (wire_run_state_word (WIRE_RUN_WAITING), "waiting");
    assert_null (wire_run_state_word (7));
    assert_string_equal (wire_role_word (WIRE_ROLE_ADMIN), "admin");
    assert_null (wire_role_word (0));
    assert_string_equal (wire_type_word (WIRE_TYPE_PROOF), "enlist");
}

/*  ---- inner messages ----  */

static void inner_messages_are_one_blob (void **state)
{
    (void) state;
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF blob = {0};
    bg_error err = {0};
    wire_exec_hello hello = {.version = bg_slice_str ("1.2")};
    bg_id request = {{1, 2, 3}};
    wire_inner_encode (WIRE_EXEC_HELLO, request, &hello, &blob);
    wire_header header;
    void *value = NULL;
    assert_true (
        bg_is_ok (wire_inner_decode (bg_buf_slice (&blob), &arena, &header, &value, &err)));
    assert_int_equal (header.kind, WIRE_EXEC_HELLO);
    assert_true (bg_id_equal (header.request, request));
    assert_true (wire_equal (&wire_desc_exec_hello, &hello, value));
    for (size_t cut = 0; cut < blob.size; cut++)
        assert_true (bg_failed (
            wire_inner_decode (bg_slice_of (blob.data, cut), &arena, &header, &value, &err)));
    static const char *const wrong[] = {
        "90", "91c400", "93c400c400c400", "9200c400", "92c400c400", "9290c400", "80"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        BG_AUTO_BUF bytes = {0};
        assert_true (bg_is_ok (bg_hex_decode (bg_slice_str (wrong[i]), &bytes, &err)));
        assert_true (
            bg_failed (wire_inner_decode (bg_buf_slice (&bytes), &arena, &header, &value, &err)));
    }
}

static void a_kind_of_the_wire_is_no_inner_message (void **state)
{
    (void) state;
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF blob = {0};
    bg_error err = {0};
    wire_control_query query = {0};
    wire_inner_encode (WIRE_CONTROL_QUERY, (bg_id){0}, &query, &blob);
    /*  the kind 1043 (cd 0413) becomes 36 in as many bytes  */
    uint8_t *place = memmem (blob.data, blob.size, "\xcd\x04\x13", 3);
    assert_non_null (place);
    memcpy (place + 1, "\x00\x24", 2);
    wire_header header;
    void *value = NULL;
    assert_int_equal (wire_inner_decode (bg_buf_slice (&blob), &arena, &header, &value, &err).code,
        BG_UNKNOWN_KIND);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (what_is_encoded_decodes_to_the_same),
        cmocka_unit_test (cut_bytes_are_refused_and_damage_does_no_harm),
        cmocka_unit_test (every_limit_is_kept),
        cmocka_unit_test (maps_have_ascending_known_keys),
        cmocka_unit_test (signed_bytes_leave_defaults_out),
        cmocka_unit_test (an_optional_struct_that_is_empty_is_still_there),
        cmocka_unit_test (signed_structures_have_fewer_items),
        cmocka_unit_test (check_names_the_field),
        cmocka_unit_test (text_is_made_to_fit),
        cmocka_unit_test (the_tables_are_in_order),
        cmocka_unit_test (inner_messages_are_one_blob),
        cmocka_unit_test (a_kind_of_the_wire_is_no_inner_message),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
