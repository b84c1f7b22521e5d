/*  The tables of PROTOCOL.md: replaces or compares what stands between its markers.

        protocol_tables FILE            compares; exit code 1 and the first difference
        protocol_tables --bless FILE    writes the file with the tables of now

    A marked part begins with a line "<!-- made: NAME -->" and ends with "<!-- end -->"; everything else is prose.
*/
#include "tests/wire/examples.h"
#include "tests/wire/golden.h"

#include <inttypes.h>
#include <stdio.h>

static const char *sender_word (wire_sender sender)
{
    static const char *const words[] = {
        "any", "broker", "target", "stranger", "reader", "operator", "author", "admin"};
    return sender < sizeof words / sizeof words[0] ? words[sender] : "inner";
}

static const char *channel_word (wire_channel channel)
{
    static const char *const words[] = {"any", "desk", "enlist", "ops", "orders", "inner"};
    return words[channel];
}

static void make_kinds (bg_buf *out)
{
    bg_buf_append_str (
        out, "| kind | name | body | from | socket | meaning |\n|---:|---|---|---|---|---|\n");
    for (const wire_kind_row *row = wire_kinds; row->name; row++) {
        if (row->channel != WIRE_ON_INNER)
            bg_buf_printf (out, "| %d | %s | [%s](#%s) | %s | %s | %s |\n", (int) row->kind,
                row->name, row->desc->name, row->desc->name, sender_word (row->sender),
                channel_word (row->channel), row->text);
    }
}

static void make_types (bg_buf *out)
{
    bg_buf_append_str (out, "| type | word | struct | meaning |\n|---:|---|---|---|\n");
    for (const wire_type_row *row = wire_types; row->word; row++)
        bg_buf_printf (out, "| %d | `%s` | [%s](#%s) | %s |\n", (int) row->type, row->word,
            row->desc->name, row->desc->name, row->text);
}

static void make_codes (bg_buf *out)
{
    bg_buf_append_str (out, "| code | class | meaning |\n|---|---|---|\n");
#define BG_CODE(name, number, word, class, exit, text)                                             \
    bg_buf_printf (out, "| `%s` | %d (%s) | %s |\n", word, BG_CLASS_##class, #class, text);
#include "common/base/codes.def"
#undef BG_CODE
}

static void describe (const wire_field *field, bg_buf *out)
{
    switch (field->type) {
    case WIRE_FIELD_U:
        bg_buf_printf (out, "uint | 0 to %" PRIu64, field->max);
        return;
    case WIRE_FIELD_I:
        bg_buf_append_str (out, "int | 64 bits");
        return;
    case WIRE_FIELD_BOOL:
        bg_buf_append_str (out, "bool | ");
        return;
    case WIRE_FIELD_ID:
    case WIRE_FIELD_KEY:
    case WIRE_FIELD_FIX:
        bg_buf_printf (out, "bin | exactly %" PRIu64 " bytes", field->max);
        return;
    case WIRE_FIELD_BIN:
        bg_buf_printf (out, "bin | at most %" PRIu64 " bytes", field->max);
        return;
    case WIRE_FIELD_STR:
        bg_buf_printf (out, "str | at most %" PRIu64 " bytes", field->max);
        return;
    case WIRE_FIELD_TEXT:
        bg_buf_printf (out, "text | at most %" PRIu64 " bytes", field->max);
        return;
    case WIRE_FIELD_OBJ:
        bg_buf_printf (
            out, "map [%s](#%s) | ", wire_field_desc (field)->name, wire_field_desc (field)->name);
        return;
    case WIRE_FIELD_LIST:
        bg_buf_printf (out, "array of [%s](#%s) | at most %" PRIu64 " items",
            wire_field_desc (field)->name, wire_field_desc (field)->name, field->max);
        return;
    case WIRE_FIELD_STRS:
        bg_buf_printf (out, "array of str | at most %" PRIu64 " items of at most %" PRIu32 " bytes",
            field->max, field->max_bytes);
        return;
    case WIRE_FIELD_UINTS:
        bg_buf_printf (out, "array of uint | at most %" PRIu64 " items", field->max);
        return;
    }
}

static void make_struct (const wire_desc *desc, bg_buf *out)
{
    bg_buf_printf (
        out, "\n#### %s\n\n| key | field | form | limit | |\n|---:|---|---|---|---|\n", desc->name);
    for (size_t i = 0; i < desc->field_count; i++) {
        const wire_field *field = &desc->fields[i];
        bg_buf_printf (out, "| %" PRIu32 " | %s | ", field->number, wire_field_name (field));
        describe (field, out);
        bg_buf_printf (out, " | %s |\n", field->required ? "required" : "");
    }
}

static void make_structs (bg_buf *out)
{
#define WIRE_STRUCT(s) make_struct (&wire_desc_##s, out);
#include "proto/def_rest.h"
#include "proto/messages.def"
#include "proto/def_undo.h"
}

/*  ---- vectors that stand in the text ----  */

static void make_message (wire_kind kind, bool full, bg_buf *out)
{
    const wire_kind_row *row = wire_kind_find (kind);
    BG_AUTO_ARENA arena = {0};
    BG_AUTO_BUF bytes = {0};
    BG_AUTO_BUF header_bytes = {0};
    void *value = bg_arena_alloc (&arena, row->desc->size);
    example_fill (row->desc, full, &arena, value);
    wire_encode (row->desc, value, &bytes);
    wire_header header = {.kind = kind, .level = WIRE_LEVEL};
    memset (header.request.bytes, 0x30, full ? BG_ID_BYTES : 0);
    memset (header.session.bytes, 0x31, full ? BG_ID_BYTES : 0);
    WIRE_ENCODE (header, &header, &header_bytes);
    bg_buf_printf (out, "%s, %s:\n\n    header  ", row->name,
        full ? "every field set" : "only what is required");
    example_hex (bg_buf_slice (&header_bytes), out);
    bg_buf_append_str (out, "\n    value   ");
    example_json (row->desc, value, out);
    bg_buf_append_str (out, "\n    body    ");
    example_hex (bg_buf_slice (&bytes), out);
    bg_buf_append_str (out, "\n\n");
}

static void make_vectors (bg_buf *out)
{
    make_message (WIRE_HEARTBEAT, true, out);
    make_message (WIRE_POLL, false, out);
    make_message (WIRE_HELLO, false, out);
    make_message (WIRE_ERROR, true, out);
}

static void make_signature (bg_buf *out)
{
    example_installation home;
    example_installation_init (&home);
    const example_signed *leave = &home.items[home.item_count - 1];
    BG_AUTO_BUF preimage = {0};
    wire_preimage (WIRE_TYPE_LEAVE, home.installation, leave->item.bytes, &preimage);
    const struct {
        const char *name;
        bg_slice bytes;
    } parts[] = {
        {"seed      ", bg_slice_of (home.secrets[EXAMPLE_TARGET], 32)},
        {"public key", bg_slice_of (home.public_keys[EXAMPLE_TARGET].bytes, 32)},
        {"key id    ", bg_slice_of (leave->item.sigs[0].key_id, 8)},
        {"bytes     ", leave->item.bytes},
        {"preimage  ", bg_buf_slice (&preimage)},
        {"signature ", bg_slice_of (leave->item.sigs[0].signature, 64)},
    };
    bg_buf_append_str (out, "A `leave` of the example target:\n\n");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        bg_buf_printf (out, "    %s  ", parts[i].name);
        example_hex (parts[i].bytes, out);
        bg_buf_append_byte (out, '\n');
    }
    example_installation_fini (&home);
}

/*  ---- the file ----  */

static const golden_part parts[] = {
    {"kinds", make_kinds},
    {"types", make_types},
    {"codes", make_codes},
    {"structs", make_structs},
    {"vectors", make_vectors},
    {"signature", make_signature},
};

/*  False when a marker is unknown or missing.  */
static bool rebuild (bg_slice text, bg_buf *out)
{
    const size_t wanted = sizeof parts / sizeof parts[0];
    size_t made = 0;
    if (!golden_rebuild (text, parts, wanted, out, &made))
        return false;
    if (made != wanted)
        (void) fprintf (stderr, "%zu of %zu marked parts found\n", made, wanted);
    return made == wanted;
}

int main (int argc, char **argv)
{
    bool bless = argc == 3 && strcmp (argv[1], "--bless") == 0;
    if (argc != 2 && !bless) {
        (void) fprintf (stderr, "usage: %s [--bless] FILE\n", argv[0]);
        return 2;
    }
    const char *path = argv[argc - 1];
    BG_AUTO_BUF text = {0};
    BG_AUTO_BUF out = {0};
    if (!golden_read (path, &text) || !rebuild (bg_buf_slice (&text), &out))
        return 1;
    return golden_settle (argv[0], path, bg_buf_slice (&out), bless);
}
